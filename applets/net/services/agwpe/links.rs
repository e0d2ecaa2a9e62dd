//! Connections of programs: what happens to them, and their data both ways.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_net_ax25::connection::Cause;
use wanbox_net_ax25::{Event, LinkId};
use wanbox_net_engine::Station;
use wanbox_wire::agwpe::{Frame, kind};
use wanbox_wire::ax25::Call;

use super::{Agwpe, MOST_SESSIONS, OUTPUT, number};

/// A connection of a program.
#[derive(Debug)]
pub struct Session {
    /// Which.
    pub link: LinkId,
    /// The place of the program.
    pub client: usize,
    /// Its port, as programs count them.
    pub port: u8,
    /// The program's call sign.
    pub local: Call,
    /// The other station.
    pub remote: Call,
    /// It is connected.
    pub up: bool,
    /// It is to be closed when nothing is left of this.
    pub closing: bool,
    /// Data that the connection has not taken yet, with their PIDs.
    waiting: VecDeque<(u8, Vec<u8>)>,
    /// There may be something to be read.
    readable: bool,
}

/// What frames about a connection have in common.
#[derive(Clone, Copy)]
pub struct About {
    port: u8,
    local: Call,
    /// The other station.
    pub remote: Call,
}

impl About {
    /// A frame as the other station would have sent it.
    pub fn told(&self, kind: u8) -> Frame<'static> {
        Frame {
            from: self.remote.into(),
            to: self.local.into(),
            ..Frame::new(self.port, kind, &[])
        }
    }
}

impl Session {
    /// One that is being connected.
    pub fn new(link: LinkId, client: usize, port: u8, local: Call, remote: Call) -> Self {
        Self {
            link,
            client,
            port,
            local,
            remote,
            up: false,
            closing: false,
            waiting: VecDeque::new(),
            readable: false,
        }
    }

    pub fn frame(&self) -> About {
        About {
            port: self.port,
            local: self.local,
            remote: self.remote,
        }
    }

    /// Octets that wait for the connection.
    pub fn pending(&self) -> usize {
        self.waiting.iter().map(|(_, data)| data.len()).sum()
    }

    /// Frames that wait for the connection, of so many octets each.
    pub fn frames(&self, paclen: usize) -> usize {
        let frames = |(_, data): &(u8, Vec<u8>)| data.len().div_ceil(paclen.max(1));
        self.waiting.iter().map(frames).sum()
    }

    /// Data of the program.
    pub fn push(&mut self, pid: u8, data: &[u8]) {
        self.waiting.push_back((pid, data.to_vec()));
    }

    /// Gives the connection what it takes, and closes it when that was wanted and all is given.
    pub fn pump(&mut self, now: Instant, station: &mut Station) {
        if !self.up {
            return;
        }
        while let Some((pid, data)) = self.waiting.front_mut() {
            let Ok(taken) = station.ax25.send(now, self.link, *pid, data) else {
                // What happened to it is told in a moment.
                return;
            };
            if taken < data.len() {
                data.drain(..taken);
                return;
            }
            self.waiting.pop_front();
        }
        if std::mem::take(&mut self.closing) {
            station.ax25.close(now, self.link);
        }
    }
}

impl Agwpe {
    /// Something happened to a connection. `false`: it is nobody's here.
    pub fn event(&mut self, now: Instant, station: &mut Station, event: &Event) -> bool {
        let link = match event {
            Event::Incoming(link) => return self.incoming(now, station, *link),
            Event::Up { link, .. } | Event::Down { link, .. } => *link,
            Event::Readable(link) | Event::Writable(link) => *link,
        };
        let found = self
            .sessions
            .iter()
            .position(|session| session.link == link);
        let Some((at, session)) = found.and_then(|at| Some((at, self.sessions.get_mut(at)?)))
        else {
            return false;
        };
        match event {
            // A reset tells so again.
            Event::Up { .. } if !session.up => {
                session.up = true;
                self.tell_connected(link, "With Station");
            }
            Event::Down { reason, .. } => self.ended(now, station, at, *reason),
            Event::Readable(_) => session.readable = true,
            Event::Writable(_) => session.pump(now, station),
            Event::Up { .. } | Event::Incoming(_) => {}
        }
        true
    }

    /// Somebody calls a call sign of a program.
    fn incoming(&mut self, now: Instant, station: &mut Station, link: LinkId) -> bool {
        let Some(view) = station.ax25.link(link) else {
            return false;
        };
        let (local, remote, port) = (view.header.source, view.header.destination, view.port);
        let Some(place) = self.owner(local) else {
            return false;
        };
        if self.sessions_of(place) >= MOST_SESSIONS {
            self.counters.refused += 1;
            station.ax25.release(now, link);
            return true;
        }
        let port = port.map_or(0, |port| number(station, port));
        let mut session = Session::new(link, place, port, local, remote);
        session.up = true;
        session.readable = true;
        self.sessions.push(session);
        self.tell_connected(link, "To Station");
        true
    }

    /// How many connections a program has.
    pub(super) fn sessions_of(&self, place: usize) -> usize {
        let own = |session: &&Session| session.client == place;
        self.sessions.iter().filter(own).count()
    }

    /// A connection has ended: what came before is told before that.
    fn ended(&mut self, now: Instant, station: &mut Station, at: usize, reason: Cause) {
        while self.pull_one(station, at) {}
        let session = self.sessions.swap_remove(at);
        station.ax25.release(now, session.link);
        let about = session.frame();
        let words = match reason {
            Cause::NoAnswer => "RETRYOUT With",
            _ => "From Station",
        };
        let text = format!("*** DISCONNECTED {words} {}\r\0", about.remote);
        let frame = Frame {
            data: text.as_bytes(),
            ..about.told(kind::DISCONNECT)
        };
        self.tell(session.client, &frame);
    }

    /// Gives a program what its connection received, as far as it has room.
    pub(super) fn pull(&mut self, station: &mut Station, at: usize) {
        while let Some(session) = self.sessions.get(at)
            && session.readable
        {
            if self.output(session.client).len() >= OUTPUT {
                return;
            }
            if !self.pull_one(station, at)
                && let Some(session) = self.sessions.get_mut(at)
            {
                session.readable = false;
            }
        }
    }

    /// Gives a program the next frame that its connection received.
    fn pull_one(&mut self, station: &mut Station, at: usize) -> bool {
        let Some((link, place, about)) = self
            .sessions
            .get(at)
            .map(|session| (session.link, session.client, session.frame()))
        else {
            return false;
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let pid = station.ax25.read(link, &mut buffer);
        if let Some(pid) = pid {
            let frame = Frame {
                pid,
                data: &buffer,
                ..about.told(kind::DATA)
            };
            self.tell(place, &frame);
        }
        self.buffer = buffer;
        pid.is_some()
    }
}
