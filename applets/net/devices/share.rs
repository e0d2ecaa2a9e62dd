//! An interface that programs of the host share (`start kiss`): KISS over TCP, as software controllers have it. What
//! the interface hears goes to all of them; what one of them sends leaves by the interface, and the others hear it.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use wanbox_link::slip;
use wanbox_net_engine::interface::Interface;
use wanbox_net_engine::{InterfaceId, Station};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::stream::{Happened, ListenSettings, Streams};
use wanbox_wire::ax25::Header;
use wanbox_wire::kiss::{ACKMODE, Check, Kiss};

use std::time::Instant;

use super::pending::Tag;
use super::{Devices, Lines};

/// The numbers of tokens from which on they are of servers: lines have those of their interfaces.
const FIRST_TOKEN: u32 = 1 << 16;
/// The most servers, and the most programs of one.
const MOST_SERVERS: usize = 64;
const MOST_CLIENTS: usize = 32;
/// The longest frame, octets.
const LONGEST: usize = 4096;
/// The most octets that wait for a program; it does not hear what has no room.
const MOST_WAITING: usize = 64 * 1024;
/// Octets that are read of a program at once, and how often in a turn.
const PIECE: usize = 1024;
const PIECES: usize = 16;

/// A program, by a number that no other had before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub u32);

/// A connection.
struct Connection {
    client: Client,
    /// Away while frames of it are worked on.
    decoder: Option<Box<slip::Decoder>>,
    waiting: VecDeque<u8>,
    /// It waits for room on the line.
    held: bool,
}

/// What came of what programs sent, and did not hear.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    /// Frames that were sent for them.
    sent: u64,
    /// Commands for the controller, which is not theirs alone.
    commands: u64,
    /// What is no frame, or for a port that is not there.
    malformed: u64,
    /// Frames that a program did not hear because too much waited for it.
    lost: u64,
    /// Programs that were turned away because there were too many.
    too_many: u64,
}

/// The programs that share an interface.
pub struct Server {
    /// Which.
    pub interface: InterfaceId,
    local: SocketAddrV4,
    streams: Streams,
    source: Source,
    connections: Vec<Option<Connection>>,
    counters: Counters,
    /// A frame as it is sent.
    frame: Vec<u8>,
    framed: Vec<u8>,
}

impl Server {
    /// Gives a frame that was heard on a port to all programs but one.
    pub fn tell(&mut self, port: u8, frame: &[u8], but: Option<Client>) {
        self.frame(port << 4, frame);
        for place in 0..self.connections.len() {
            let client = self.connections.get(place).and_then(Option::as_ref);
            if client.is_some_and(|connection| Some(connection.client) != but) {
                self.write(place);
            }
        }
    }

    /// Tells a program that its frame was sent, if it is still there.
    fn acknowledge(&mut self, tag: &Tag) {
        let is_it = |connection: &Option<Connection>| {
            let client = connection.as_ref().map(|connection| connection.client);
            client == Some(tag.client)
        };
        if let Some(place) = self.connections.iter().position(is_it) {
            self.frame(tag.kind, &tag.id);
            self.write(place);
        }
    }

    fn frame(&mut self, kind: u8, data: &[u8]) {
        let check = Check::None;
        self.frame.clear();
        Kiss { kind, check, data }.append(&mut self.frame);
        self.framed.clear();
        slip::encode(&self.frame, &mut self.framed);
    }

    /// Writes the frame that was made to a connection.
    fn write(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        let mut rest = self.framed.as_slice();
        if connection.waiting.is_empty() {
            match self.streams.write(place, rest) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                // It is read to its end.
                Err(_) => return,
            }
        } else if connection.waiting.len() + rest.len() > MOST_WAITING {
            self.counters.lost += 1;
            return;
        }
        connection.waiting.extend(rest);
    }

    /// A connection takes octets again.
    fn drain(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        loop {
            let (first, _) = connection.waiting.as_slices();
            match self.streams.write(place, first) {
                Ok(taken @ 1..) => drop(connection.waiting.drain(..taken)),
                _ => return,
            }
        }
    }

    fn close(&mut self, place: usize) {
        self.streams.close(place);
        if let Some(connection) = self.connections.get_mut(place) {
            *connection = None;
        }
    }

    /// Lets programs in; `last` is the number of the last one of all.
    fn accept(&mut self, last: &mut u32) {
        while let Ok(Some(stream)) = self.streams.accept() {
            let free = self.connections.iter().position(Option::is_none);
            let Some(place) = free else {
                self.counters.too_many += 1;
                continue;
            };
            if self.streams.insert(place, stream).is_err() {
                continue;
            }
            *last = last.wrapping_add(1);
            let connection = Connection {
                client: Client(*last),
                decoder: Some(Box::new(slip::Decoder::new(LONGEST))),
                waiting: VecDeque::new(),
                held: false,
            };
            if let Some(place) = self.connections.get_mut(place) {
                *place = Some(connection);
            }
        }
    }

    /// The line has room again: what programs send is read.
    fn resume(&mut self) {
        for (place, connection) in self.connections.iter_mut().enumerate() {
            if let Some(connection) = connection
                && std::mem::take(&mut connection.held)
            {
                self.streams.hold(place, false);
            }
        }
    }

    fn is_held(&self) -> bool {
        let mut all = self.connections.iter().flatten();
        all.any(|connection| connection.held)
    }

    /// A line about it for people.
    fn line(&self) -> String {
        let Counters {
            sent,
            commands,
            malformed,
            lost,
            too_many,
        } = self.counters;
        let clients = self.connections.iter().flatten().count();
        format!(
            "           kiss {}: {clients} clients, sent {sent} commands {commands} malformed {malformed} lost {lost} turned away {too_many}\n",
            self.local
        )
    }
}

impl Devices {
    /// Lets programs share an interface.
    ///
    /// # Errors
    /// The interface carries no AX.25, is shared already, or the address cannot be listened on; for people.
    pub fn start_kiss(
        &mut self,
        lp: &mut Loop,
        station: &Station,
        id: InterfaceId,
        local: SocketAddrV4,
    ) -> Result<(), String> {
        let name = station.interfaces.get(id).map_or("?", Interface::name);
        let line = self.lines.get(self.lines.carrier(id).0);
        if !line.is_some_and(|line| line.is_radio()) {
            return Err(format!("Interface {name} not AX.25"));
        }
        let servers = &mut self.lines.servers;
        if servers
            .iter()
            .flatten()
            .any(|server| server.interface == id)
        {
            return Err(format!("Interface {name} is shared already"));
        }
        let number = servers.iter().position(Option::is_none);
        let number = number.unwrap_or(servers.len());
        if number >= MOST_SERVERS {
            return Err(format!("Too many kiss servers ({MOST_SERVERS})"));
        }
        let streams = Streams::open(Some(ListenSettings {
            local: local.into(),
            source: None,
        }))?;
        let token = Token::new(self.owner, FIRST_TOKEN + number as u32);
        let source = lp.register(&streams, token, Interest::Read, Priority::Normal);
        let server = Server {
            interface: id,
            local,
            streams,
            source: source.map_err(|error| error.to_string())?,
            connections: (0..MOST_CLIENTS).map(|_| None).collect(),
            counters: Counters::default(),
            frame: Vec::new(),
            framed: Vec::new(),
        };
        if number == servers.len() {
            servers.push(None);
        }
        if let Some(place) = servers.get_mut(number) {
            *place = Some(server);
        }
        Ok(())
    }

    /// Ends that for an interface, or for all, and closes the connections. `false`: there was nothing to end.
    pub fn stop_kiss(&mut self, lp: &mut Loop, id: Option<InterfaceId>) -> bool {
        let mut any = false;
        for place in &mut self.lines.servers {
            let chosen = |server: &mut Server| id.is_none_or(|id| id == server.interface);
            if let Some(server) = place.take_if(chosen) {
                // It is registered and open.
                let _ = lp.deregister(server.source, &server.streams);
                any = true;
            }
        }
        any
    }

    /// The number of the server that a token stands for.
    pub(super) fn server(token: Token) -> Option<usize> {
        token
            .id
            .checked_sub(FIRST_TOKEN)
            .map(|number| number as usize)
    }

    /// Programs have something to say, or have gone.
    pub(super) fn serve(&mut self, now: Instant, station: &mut Station, number: usize) {
        let server = self.lines.servers.get_mut(number);
        let Some(mut server) = server.and_then(Option::take) else {
            return;
        };
        let (mut readable, mut writable) = (Vec::new(), Vec::new());
        // What a poller of our own may refuse, it refuses always.
        let _ = server.streams.poll(|happened| match happened {
            Happened::Readable(place) => readable.push(place),
            Happened::Writable(place) => writable.push(place),
            Happened::Connected(_) | Happened::Failed(..) => {}
        });
        server.accept(&mut self.lines.last_client);
        for place in writable {
            server.drain(place);
        }
        for place in readable {
            self.read_client(now, station, &mut server, place);
        }
        if let Some(place) = self.lines.servers.get_mut(number) {
            *place = Some(server);
        }
    }

    fn read_client(
        &mut self,
        now: Instant,
        station: &mut Station,
        server: &mut Server,
        place: usize,
    ) {
        for _ in 0..PIECES {
            let Some(Some(connection)) = server.connections.get_mut(place) else {
                return;
            };
            let client = connection.client;
            if !self.lines.is_ready(server.interface) && !connection.held {
                connection.held = true;
                server.streams.hold(place, true);
                return;
            }
            let Some(room) = self.buffer.get_mut(..PIECE) else {
                return;
            };
            let octets = match server.streams.read(place, room) {
                Ok(None) => return,
                Ok(Some(got @ 1..)) => room.get(..got).unwrap_or_default(),
                Ok(Some(_)) | Err(_) => {
                    server.close(place);
                    return;
                }
            };
            let Some(mut decoder) = connection.decoder.take() else {
                return;
            };
            decoder.decode(octets, &mut |frame| match frame {
                Some(frame) => self.lines.client_frame(now, station, server, client, frame),
                None => server.counters.malformed += 1,
            });
            if let Some(Some(connection)) = server.connections.get_mut(place) {
                connection.decoder = Some(decoder);
            }
        }
    }
}

impl Lines {
    /// A program sent something.
    fn client_frame(
        &mut self,
        now: Instant,
        station: &mut Station,
        server: &mut Server,
        client: Client,
        frame: &[u8],
    ) {
        let Some((kind, id, frame)) = self.frame_of(server.interface, frame) else {
            server.counters.malformed += 1;
            return;
        };
        let (tag, frame) = match kind & 0x0f {
            0 => (None, frame),
            ACKMODE => match frame.split_first_chunk() {
                Some((id, frame)) => {
                    let id = *id;
                    (Some(Tag { client, kind, id }), frame)
                }
                None => (None, frame),
            },
            _ => {
                server.counters.commands += 1;
                return;
            }
        };
        let Some(interface) = station.interfaces.get_mut(id) else {
            return;
        };
        if Header::parse(frame).is_err() {
            server.counters.malformed += 1;
            return;
        }
        server.counters.sent += 1;
        interface.counters.sent.count(now, false);
        self.send_frame(id, interface.trace, frame, tag);
        // The server whose program this is, is not among them.
        self.tell_clients(id, frame);
        server.tell(kind >> 4, frame, Some(client));
    }

    /// The type of a program's frame, the interface of its port, and what is in it. There are programs that try check
    /// sequences; the bits that say so are also those of ports, which most controllers do not have.
    fn frame_of<'f>(
        &self,
        shared: InterfaceId,
        frame: &'f [u8],
    ) -> Option<(u8, InterfaceId, &'f [u8])> {
        [false, true].into_iter().find_map(|checks| {
            let kiss = Kiss::parse(frame, checks).ok()?;
            // The end of KISS has no port.
            let port = if kiss.command() == 0x0f {
                0
            } else {
                kiss.kind >> 4
            };
            let id = if self.carrier(shared).0 == shared {
                self.by_port(shared, port)
            } else {
                (port == 0).then_some(shared)
            };
            Some((kiss.kind, id?, kiss.data))
        })
    }

    /// Programs are told which of their frames were sent, and go on where there is room.
    pub(super) fn settle_clients(&mut self) {
        if self.servers.is_empty() {
            self.sent.clear();
            return;
        }
        let tags = std::mem::take(&mut self.sent);
        for server in self.servers.iter_mut().flatten() {
            for tag in &tags {
                server.acknowledge(tag);
            }
        }
        for number in 0..self.servers.len() {
            let server = self.servers.get(number).and_then(Option::as_ref);
            let held = server.filter(|server| server.is_held());
            if let Some(id) = held.map(|server| server.interface)
                && self.is_ready(id)
                && let Some(Some(server)) = self.servers.get_mut(number)
            {
                server.resume();
            }
        }
    }

    /// The lines of `ifconfig` about programs that share an interface.
    pub(super) fn client_lines(&self, id: InterfaceId) -> String {
        let servers = self.servers.iter().flatten();
        let ours = servers.filter(|server| server.interface == id);
        ours.map(Server::line).collect()
    }
}
