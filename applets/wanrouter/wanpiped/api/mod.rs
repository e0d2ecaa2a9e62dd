//! Interfaces used as API: an application sends and receives raw frames over a local socket.
//!
//! One application at a time has an interface. What it sends goes the way of packets: its
//! socket is not read while the line is full or the committed rate is used up, and what is
//! refused is answered. What it does not read in time waits in a bounded queue; when that is
//! full, frames are dropped, counted, and the application is told how many are missing where.
//! On streaming HDLC, whose line nothing else needs, the line is not read instead.

mod datapath;
mod queue;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::path::Path;
use std::time::SystemTime;

use wanbox_runtime::datagram::{Datagram, Listener};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::files;
use wanbox_wire::api::{Kind, Reason, Refused, Repr, Status};

pub use self::queue::Queue;
use super::device::owner;

/// Answers that may wait before an application is not read any more until it reads.
const ANSWERS: usize = 64;
/// Frames of an application that may be on their way to the line with an answer due.
const UNSENT: usize = 256;

/// What is counted at the socket of an interface.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiCounters {
    /// Applications that took the interface.
    pub clients: u64,
    /// Applications turned away because another has it.
    pub busy: u64,
    /// Frames from the line dropped because no application has the interface.
    pub no_client: u64,
    /// Frames from the line dropped because the application was slow.
    pub lost: u64,
    /// Frames that an application left unread when it went away.
    pub unread: u64,
    /// Messages refused.
    pub refused: u64,
    /// Frames that were answered as sent.
    pub acknowledged: u64,
    /// Times that the line was not read because the application was slow.
    pub line_paused: u64,
}

/// The socket of an interface.
pub struct Api {
    /// Applications come here.
    pub listener: Listener,
    client: Option<Client>,
    /// The held message is of an application that is gone: nobody wants its answer.
    orphan: bool,
    /// What is counted.
    pub counters: ApiCounters,
}

/// The application that has the interface.
struct Client {
    socket: Datagram,
    source: Source,
    process: Option<u32>,
    queue: Queue,
    /// Frames dropped since the application was told.
    lost: u64,
    /// The status changed, and there was no room to say so.
    status_due: bool,
    /// Frames whose sending is to be answered: their place in the batch's count, their tags.
    unsent: VecDeque<(u64, u32)>,
    /// Nobody reads what is sent to it; what it sent may still be there.
    deaf: bool,
}

/// What became of a frame from the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The application has it, or will.
    Yes,
    /// Nobody is there.
    NoClient,
    /// The application is too slow.
    Lost,
}

impl Api {
    /// Listens at `path`, mode 0600; its directory is made.
    ///
    /// # Errors
    /// What could not be made and why, for people.
    pub fn open(path: &Path) -> Result<Self, String> {
        if let Some(directory) = path.parent() {
            files::make_dir(directory).map_err(|error| error.to_string())?;
        }
        let listener =
            Listener::bind(path, 0o600).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            listener,
            client: None,
            orphan: false,
            counters: ApiCounters::default(),
        })
    }

    /// Takes a new application, or turns it away.
    ///
    /// # Errors
    /// Those of accept(2) and of registering the socket.
    fn accept(&mut self, lp: &mut Loop, channel: u16, held: bool) -> io::Result<bool> {
        let Some(socket) = self.listener.accept()? else {
            return Ok(false);
        };
        let finished = |client: &Client| client.socket.is_finished();
        if self.client.as_ref().is_some_and(finished) {
            self.dismiss(lp, held);
        }
        if self.client.is_some() {
            self.counters.busy += 1;
            let (header, body) = refusal(0, Reason::Busy, 0);
            // It is told as far as it can be; closing the socket tells it, too.
            let _ = socket.send_pieces(&[IoSlice::new(&header), IoSlice::new(&body)]);
            return Ok(true);
        }
        let token = Token::new(owner::APPLICATION, channel.into());
        let source = lp.register(&socket, token, Interest::None, Priority::Data)?;
        self.counters.clients += 1;
        self.client = Some(Client {
            process: socket.peer_pid().ok(),
            socket,
            source,
            queue: Queue::default(),
            lost: 0,
            status_due: true,
            unsent: VecDeque::new(),
            deaf: false,
        });
        Ok(true)
    }

    /// The application is gone.
    fn dismiss(&mut self, lp: &mut Loop, held: bool) {
        if let Some(client) = self.client.take() {
            self.orphan = held;
            self.counters.unread += client.lost + client.queue.messages() as u64;
            // It is closed in a moment anyway.
            let _ = lp.deregister(client.source, &client.socket);
        }
    }

    /// Stops waiting for applications, before this is dropped.
    pub fn close(&mut self, lp: &mut Loop) {
        self.dismiss(lp, false);
    }

    /// The process that has the interface, when it can be told.
    pub fn process(&self) -> Option<u32> {
        self.client.as_ref()?.process
    }

    /// Octets that wait for the application.
    pub fn waiting_octets(&self) -> usize {
        self.client.as_ref().map_or(0, |c| c.queue.octets())
    }

    /// So much waits that a line which may be left unread is to be.
    pub fn is_slow(&self) -> bool {
        self.waiting_octets() > Queue::FRAMES / 2
    }

    /// Little enough waits that such a line is to be read again.
    pub fn has_caught_up(&self) -> bool {
        self.waiting_octets() < Queue::FRAMES / 4
    }

    /// Waits for what the application may do now. `reading`: its frames can be taken.
    pub fn follow(&mut self, lp: &mut Loop, reading: bool) -> io::Result<()> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        let read = reading && client.may_send();
        let write = !client.queue.is_empty() && !client.deaf;
        let interest = match (read, write) {
            // That it is gone counts once what it sent was read.
            (false, false) => Interest::None,
            _ => Interest::of(read, write),
        };
        lp.modify(client.source, &client.socket, interest)
    }

    /// Gives a frame to the application.
    pub fn deliver(&mut self, header: &Repr, payload: &[u8]) -> Taken {
        let Some(client) = self.client.as_mut().filter(|client| !client.deaf) else {
            self.counters.no_client += 1;
            return Taken::NoClient;
        };
        if client.deliver(header, payload) {
            Taken::Yes
        } else {
            client.lost += 1;
            self.counters.lost += 1;
            Taken::Lost
        }
    }

    /// Answers a message of the application as refused.
    fn refuse(&mut self, tag: u32, reason: Reason, limit: u32) {
        self.counters.refused += 1;
        if self.orphan {
            return;
        }
        if let Some(client) = &mut self.client {
            let (header, body) = refusal(tag, reason, limit);
            client.tell(&header, &body);
        }
    }

    /// Answers a question for the status, or tells of a change (`tag` 0).
    fn tell_status(&mut self, tag: u32, dlci: u16, status: &Status) {
        let Some(client) = &mut self.client else {
            return;
        };
        let header = Repr {
            dlci,
            length: Status::LEN as u16,
            tag,
            time_ns: wall_ns(),
            ..Repr::new(Kind::Status)
        };
        let told = client.tell(&header.octets(), &status.octets());
        client.status_due = !told;
    }

    /// The application is to hear of the status, which there was no room for.
    fn wants_status(&self) -> bool {
        self.client.as_ref().is_some_and(Client::owes_status)
    }

    /// A frame of the application went into the batch as its `place`; its line is to be answered.
    fn expect_sent(&mut self, place: u64, tag: u32) {
        if let Some(client) = self.client.as_mut().filter(|_| !self.orphan) {
            client.unsent.push_back((place, tag));
        }
    }

    /// Answers for the frames that the line has, up to `place`.
    pub fn sent(&mut self, place: u64) {
        let Some(client) = &mut self.client else {
            return;
        };
        while let Some(&(first, tag)) = client.unsent.front()
            && first <= place
        {
            let header = Repr {
                tag,
                time_ns: wall_ns(),
                ..Repr::new(Kind::Sent)
            };
            if !client.tell(&header.octets(), &[]) {
                return;
            }
            client.unsent.pop_front();
            self.counters.acknowledged += 1;
        }
    }

    /// The frames that wait for the line are lost.
    pub fn line_lost(&mut self) {
        let unsent = self.client.as_mut().map(|c| std::mem::take(&mut c.unsent));
        for (_, tag) in unsent.into_iter().flatten() {
            self.refuse(tag, Reason::LineLost, 0);
        }
    }

    /// Gives the application what waits for it, as far as it takes it.
    fn drain(&mut self) {
        if let Some(client) = &mut self.client {
            client.drain();
        }
    }
}

impl Client {
    /// Its messages may be read: there is room for the answers.
    fn may_send(&self) -> bool {
        self.deaf || (self.queue.news() < ANSWERS && self.unsent.len() < UNSENT)
    }

    fn owes_status(&self) -> bool {
        self.status_due && !self.deaf && self.queue.news() < ANSWERS
    }

    fn deliver(&mut self, header: &Repr, payload: &[u8]) -> bool {
        let header = header.octets();
        if !self.queue.is_empty() {
            // One long gap is better than many short ones.
            if self.lost > 0 && self.queue.octets() > Queue::FRAMES / 2 {
                return false;
            }
            return self.tell_lost() && self.queue.push_frame(&header, payload);
        }
        if !self.tell_lost() {
            return false;
        }
        if self.queue.is_empty() {
            match self.send(&header, payload) {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
        }
        self.queue.push_frame(&header, payload)
    }

    /// Says how many frames are missing, if any are. `false`: there was no room to say so.
    fn tell_lost(&mut self) -> bool {
        if self.lost == 0 {
            return true;
        }
        let header = Repr {
            length: 8,
            time_ns: wall_ns(),
            ..Repr::new(Kind::Lost)
        };
        let told = self.tell(&header.octets(), &self.lost.to_be_bytes());
        if told {
            self.lost = 0;
        }
        told
    }

    /// Gives it an answer or a piece of news. `false`: there is no room.
    fn tell(&mut self, header: &[u8], body: &[u8]) -> bool {
        if self.deaf {
            return true;
        }
        if self.queue.is_empty() {
            match self.send(header, body) {
                Some(true) | None => return true,
                Some(false) => {}
            }
        }
        self.queue.push_news(header, body)
    }

    fn drain(&mut self) {
        while !self.deaf {
            let Some([first, second]) = self.queue.front() else {
                // Nothing may follow soon that the gap could be told before.
                if self.lost > 0 {
                    self.tell_lost();
                }
                return;
            };
            let pieces = [IoSlice::new(first), IoSlice::new(second)];
            match self.socket.send_pieces(&pieces) {
                Ok(()) => self.queue.pop(),
                Err(error) if is_full(&error) => return,
                Err(_) => self.deafen(),
            }
        }
    }

    /// `Some(false)`: its socket is full; `None`: it is gone.
    fn send(&mut self, header: &[u8], body: &[u8]) -> Option<bool> {
        match self
            .socket
            .send_pieces(&[IoSlice::new(header), IoSlice::new(body)])
        {
            Ok(()) => Some(true),
            Err(error) if is_full(&error) => Some(false),
            Err(_) => {
                self.deafen();
                None
            }
        }
    }

    fn deafen(&mut self) {
        self.deaf = true;
        self.queue.clear();
        self.unsent.clear();
    }
}

/// The socket takes no more now.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory
    )
}

fn refusal(
    tag: u32,
    reason: Reason,
    limit: u32,
) -> ([u8; wanbox_wire::api::HEADER], [u8; Refused::LEN]) {
    let header = Repr {
        length: Refused::LEN as u16,
        tag,
        time_ns: wall_ns(),
        ..Repr::new(Kind::Refused)
    };
    (header.octets(), Refused { reason, limit }.octets())
}

/// Nanoseconds since 1970.
pub fn wall_ns() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}
