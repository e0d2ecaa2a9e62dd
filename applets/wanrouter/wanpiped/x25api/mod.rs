//! The X.25 socket of a device: circuits that belong to applications (`man/x25api.7`).
//!
//! A connection listens, or has one circuit. Data go from socket to packet layer and back without
//! waiting in between: a socket is read while its circuit takes data, and a circuit is read while
//! its socket does, so that each side's own flow control reaches the other.
//!
//! A call that nobody here takes may go on to another device (`[x25routes]`). To that this one is
//! an application, and its end of such a connection is served as those of applications are: what
//! they are told, the other device is asked for ([`switch`]).

mod connection;
mod counters;
mod device;
mod events;
mod requests;
mod switch;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wanbox_link::x25::Call;
use wanbox_runtime::datagram::{Datagram, Listener};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::files;
use wanbox_wanrouter_engine::x25::{Accept, Owner, Pattern, X25};
use wanbox_wire::x25::{Lci, cause, diagnostic};
use wanbox_wire::x25api::{HEADER, Kind, MAX_PAYLOAD, Reason, Refused, Repr};

use self::connection::{Connection, Role, Stage};
use self::counters::Counters;
use super::device::owner;
use crate::conf::X25Route;
use crate::control::X25Applications;

/// Whose circuits these are to the engine; permanent ones have owners of their own.
const OWNER: Owner = Owner(u32::MAX);
/// Connections at a time.
const CONNECTIONS: usize = 1024;
/// Incoming calls that wait to be accepted.
const CALLS: usize = 512;
/// How long a circuit waits for the other end to acknowledge before it is cleared all the same.
const LINGER: Duration = Duration::from_secs(60);
/// Messages read from one connection in a turn.
const READS: usize = 64;
/// How soon connections are taken again after that failed.
const LISTEN_AFTER: Duration = Duration::from_secs(1);
/// The identifier of the listener in tokens; connections have their place.
const LISTENER: u32 = u32::MAX;
/// The identifier of the timer for what did not fit into a turn.
const AGAIN: u32 = u32::MAX - 1;

/// An incoming call that waits to be accepted.
struct Waiting {
    channel: Lci,
    call: Box<Call>,
    /// Who was told of it.
    listener: usize,
}

/// The socket of a device and who is connected.
pub struct X25Api {
    listener: Listener,
    source: Source,
    connections: Vec<Option<Connection>>,
    /// Whose circuits the channels have.
    circuits: HashMap<Lci, usize>,
    /// Incoming calls by their tags.
    calls: HashMap<u32, Waiting>,
    last_tag: u32,
    /// Connections to be looked at when the turn ends.
    noted: Vec<usize>,
    /// Connections whose data wait to be acknowledged.
    awaiting: Vec<usize>,
    buffer: Vec<u8>,
    packet: Vec<u8>,
    /// Where calls go that nobody here takes; the longest prefix first.
    pub routes: Vec<X25Route>,
    directory: PathBuf,
    device: String,
    link_up: bool,
    /// What is counted.
    pub counters: Counters,
}

impl X25Api {
    /// Listens at the device's name in `directory`, mode 0600; the directory is made.
    ///
    /// # Errors
    /// What could not be made and why, for people.
    pub fn open(
        lp: &mut Loop,
        directory: &Path,
        device: &str,
        routes: Vec<X25Route>,
    ) -> Result<Self, String> {
        files::make_dir(directory).map_err(|error| error.to_string())?;
        let path = directory.join(device);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let listener = Listener::bind(&path, 0o600).map_err(failed)?;
        let token = Token::new(owner::X25, LISTENER);
        let source = lp
            .register(&listener, token, Interest::Read, Priority::Normal)
            .map_err(failed)?;
        Ok(Self {
            listener,
            source,
            connections: Vec::new(),
            circuits: HashMap::new(),
            calls: HashMap::new(),
            last_tag: 0,
            noted: Vec::new(),
            awaiting: Vec::new(),
            buffer: vec![0; HEADER + MAX_PAYLOAD + 1],
            packet: Vec::new(),
            routes,
            directory: directory.to_owned(),
            device: device.to_owned(),
            link_up: false,
            counters: Counters::default(),
        })
    }

    /// A descriptor is ready: the listener's or that of a connection.
    pub fn ready(&mut self, lp: &mut Loop, engine: &mut X25, id: u32, readiness: Readiness) {
        if id == LISTENER {
            return self.accept(lp, engine);
        }
        let slot = id as usize;
        if readiness.writable {
            self.deliver(lp, engine, slot);
        }
        if readiness.readable || readiness.hangup {
            self.read(lp, engine, slot);
        }
        if readiness.hangup {
            self.read_to_end(lp, engine, slot);
        }
        self.note(slot);
    }

    /// A timer of these ran out.
    pub fn timer(&mut self, lp: &mut Loop, engine: &mut X25, id: u32) {
        match id {
            LISTENER => {
                if let Err(error) = lp.modify(self.source, &self.listener, Interest::Read) {
                    log::error!("{}: the X.25 socket: {error}", self.device);
                }
            }
            AGAIN => {
                for slot in 0..self.connections.len() {
                    self.deliver(lp, engine, slot);
                }
            }
            slot => self.note(slot as usize),
        }
    }

    /// X25Api come.
    fn accept(&mut self, lp: &mut Loop, engine: &mut X25) {
        loop {
            let socket = match self.listener.accept() {
                Ok(Some(socket)) => socket,
                Ok(None) => return,
                Err(error) => return self.accept_later(lp, &error),
            };
            match self.connect(lp, Role::Application, socket) {
                Ok(slot) => {
                    self.counters.applications += 1;
                    let link_up = self.link_up;
                    if let Some(connection) = connection(&mut self.connections, slot) {
                        connection.tell_status(0, link_up, engine.layer());
                    }
                    self.note(slot);
                }
                Err(socket) => {
                    self.counters.turned_away += 1;
                    let (reason, limit) = (Reason::Limit, CONNECTIONS as u32);
                    let body = Refused { reason, limit }.octets();
                    // It is told as far as it can be; closing the socket tells it, too.
                    let _ = socket.send(&Repr::new(Kind::Refused).message(&body));
                }
            }
        }
    }

    /// X25Api cannot be taken, for want of descriptors: not every turn is to try it.
    fn accept_later(&mut self, lp: &mut Loop, error: &io::Error) {
        log::warn!("{}: the X.25 socket: {error}", self.device);
        if lp
            .modify(self.source, &self.listener, Interest::None)
            .is_ok()
        {
            let at = lp.now() + LISTEN_AFTER;
            lp.set_timer(Token::new(owner::X25, LISTENER), at);
        }
    }

    /// A new connection gets a place.
    fn connect(&mut self, lp: &mut Loop, role: Role, socket: Datagram) -> Result<usize, Datagram> {
        let free = self.connections.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.connections.len());
        if slot >= CONNECTIONS {
            return Err(socket);
        }
        let token = Token::new(owner::X25, slot as u32);
        let Ok(source) = lp.register(&socket, token, Interest::Read, Priority::Data) else {
            return Err(socket);
        };
        let new = Some(Connection::new(role, socket, source));
        match self.connections.get_mut(slot) {
            Some(place) => *place = new,
            None => self.connections.push(new),
        }
        Ok(slot)
    }

    /// It is looked at when the turn ends.
    fn note(&mut self, slot: usize) {
        if let Some(connection) = connection(&mut self.connections, slot)
            && !connection.noted
        {
            connection.noted = true;
            self.noted.push(slot);
        }
    }

    /// Those that wait for acknowledgements are looked at in this turn, too.
    pub fn begin_settling(&mut self) {
        for slot in std::mem::take(&mut self.awaiting) {
            if let Some(connection) = connection(&mut self.connections, slot) {
                connection.waits = false;
            }
            self.note(slot);
        }
    }

    /// What is left to be done is done in the next turn.
    pub fn settle_later(&self, lp: &mut Loop) {
        if !self.noted.is_empty() {
            lp.set_timer(Token::new(owner::X25, AGAIN), lp.now());
        }
    }

    /// A turn ends: acknowledgements are told, circuits cleared that have lingered, and what is
    /// waited for is what each may do now. `true`: the packet layer may have something to send.
    pub fn settle_all(&mut self, lp: &mut Loop, engine: &mut X25) -> bool {
        let link_up = engine.link_up();
        if link_up != self.link_up {
            self.link_changed(link_up, engine);
        }
        if self.noted.is_empty() {
            return false;
        }
        for slot in std::mem::take(&mut self.noted) {
            self.settle(lp, engine, slot);
        }
        true
    }

    fn settle(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        let now = lp.now();
        let Some(connection) = connection(&mut self.connections, slot) else {
            return;
        };
        connection.noted = false;
        connection.acknowledge(engine.layer());
        if connection.is_deaf {
            connection.is_deaf = false;
            self.abandon(lp, engine, slot);
        }
        let Some(connection) = self.connections.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        if let Some((cause, diagnostic, until)) = connection.linger
            && (now >= until || connection.is_acknowledged())
        {
            connection.linger = None;
            self.clear(now, engine, slot, cause, diagnostic, &Call::default());
        }
        let Some(connection) = self.connections.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let overdue = connection.until.is_some_and(|until| now >= until);
        if overdue && connection.socket.is_none() && !connection.waiting.is_empty() {
            self.abandon(lp, engine, slot);
        }
        let Some(place) = self.connections.get_mut(slot) else {
            return;
        };
        let Some(connection) = place else {
            return;
        };
        if connection.is_finished() {
            connection.deafen(lp);
            *place = None;
            lp.cancel_timer(Token::new(owner::X25, slot as u32));
            return;
        }
        if let Err(error) = connection.follow(lp) {
            log::error!("{}: a connection of the X.25 socket: {error}", self.device);
        }
        if connection.awaits() && !connection.waits {
            connection.waits = true;
            self.awaiting.push(slot);
        }
    }

    /// Clears a circuit now; what the other end has not acknowledged is lost.
    fn clear(
        &mut self,
        now: Instant,
        engine: &mut X25,
        slot: usize,
        cause: u8,
        diagnostic: u8,
        answer: &Call,
    ) {
        let Some(connection) = connection(&mut self.connections, slot) else {
            return;
        };
        let Some(channel) = connection.channel else {
            connection.stage = Stage::Over;
            return;
        };
        connection.forget();
        connection.waiting.clear();
        connection.stage = Stage::Clearing;
        let owner = connection.owner;
        let cleared = engine
            .circuit(owner, channel)
            .and_then(|layer| layer.clear(now, channel, cause, diagnostic, answer));
        if cleared.is_err() {
            // A permanent circuit, or one that is gone already.
            self.circuits.remove(&channel);
            connection.finish();
            if owner != OWNER {
                engine.release(now, owner);
            }
        }
    }

    /// Gives a connection what waits for it.
    fn deliver(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        let now = lp.now();
        if let Some(connection) = connection(&mut self.connections, slot)
            && connection.deliver(now, engine, &mut self.packet)
        {
            lp.set_timer(Token::new(owner::X25, AGAIN), now);
        }
        self.note(slot);
    }

    /// Takes what a connection has sent.
    fn read(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..READS {
            let Some(connection) = connection(&mut self.connections, slot) else {
                break;
            };
            let over = connection.stage == Stage::Over;
            let Some((socket, _)) = &connection.socket else {
                break;
            };
            if !over && !connection.may_send() {
                break;
            }
            match socket.receive(&mut buffer) {
                Ok(None) => break,
                // It left with messages unread; what it sent is still there.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Ok(Some(0)) | Err(_) => {
                    self.abandon(lp, engine, slot);
                    break;
                }
                // What comes behind a clear crossed it.
                Ok(Some(_)) if over => {}
                Ok(Some(length)) => {
                    let message = buffer.get(..length).unwrap_or_default();
                    if self.message(lp, engine, slot, message) == Taken::No
                        && let Some(connection) = self.connections.get_mut(slot)
                        && let Some(connection) = connection
                    {
                        connection.waiting.push_back(message.to_vec());
                    }
                }
            }
        }
        self.buffer = buffer;
    }

    /// A connection has ended. What it sent before is kept if it ends with clearing behind the
    /// data; the circuit of an application that just ends is cleared at once.
    fn read_to_end(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        let Some(connection) = connection(&mut self.connections, slot) else {
            return;
        };
        let Some((socket, _)) = &connection.socket else {
            return;
        };
        loop {
            match socket.receive(&mut self.buffer) {
                Ok(Some(length @ 1..)) => {
                    let message = self.buffer.get(..length).unwrap_or_default();
                    connection.waiting.push_back(message.to_vec());
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                _ => break,
            }
        }
        let clears = connection
            .waiting
            .iter()
            .any(|message| Repr::parse(message).is_ok_and(|(repr, _)| repr.kind == Kind::Clear));
        if clears {
            let until = lp.now() + LINGER;
            connection.until = Some(until);
            connection.deafen(lp);
            lp.set_timer(Token::new(owner::X25, slot as u32), until);
            self.resume(lp, engine, slot);
        } else {
            connection.waiting.clear();
            self.abandon(lp, engine, slot);
        }
    }

    /// Goes on with what waited for the circuit.
    fn resume(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        while let Some(connection) = connection(&mut self.connections, slot)
            && let Some(message) = connection.waiting.pop_front()
        {
            if self.message(lp, engine, slot, &message) == Taken::No {
                if let Some(Some(connection)) = self.connections.get_mut(slot) {
                    connection.waiting.push_front(message);
                }
                return;
            }
        }
    }

    /// Nobody is at a connection any more, and what was sent there has been taken.
    fn abandon(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        let now = lp.now();
        let Some(connection) = connection(&mut self.connections, slot) else {
            return;
        };
        connection.deafen(lp);
        connection.waiting.clear();
        let (cause, code) = match connection.role {
            Role::Application => (
                cause::clear::DTE_ORIGINATED,
                diagnostic::DISCONNECTION_ABNORMAL,
            ),
            Role::Switch => (cause::clear::OUT_OF_ORDER, diagnostic::NONE),
        };
        match connection.stage {
            Stage::Calling | Stage::Connected => {
                self.counters.abandoned += 1;
                self.clear(now, engine, slot, cause, code, &Call::default());
            }
            // It goes on without anybody.
            Stage::Lingering | Stage::Clearing => {}
            Stage::Idle | Stage::Over => connection.stage = Stage::Over,
            Stage::Listening => {
                connection.stage = Stage::Over;
                self.want_calls(engine);
                let theirs = |waiting: &Waiting| waiting.listener == slot;
                let tags: Vec<u32> = self
                    .calls
                    .iter()
                    .filter(|(_, call)| theirs(call))
                    .map(|(tag, _)| *tag)
                    .collect();
                for tag in tags {
                    self.refuse_call(now, engine, tag, cause, code, &Call::default());
                }
            }
        }
        self.note(slot);
    }

    /// Says which calls are for applications, or for other devices.
    pub fn want_calls(&self, engine: &mut X25) {
        engine.unlisten(OWNER);
        for connection in self.connections.iter().flatten() {
            if let (Stage::Listening, Some(pattern)) = (connection.stage, connection.pattern) {
                // What is more than it wants is found out when a call comes.
                let like = pattern.as_str().replace('?', "*");
                let prefix: String = connection
                    .prefix
                    .iter()
                    .map(|o| format!("{o:02x}"))
                    .collect();
                let accept = Accept {
                    destination: Some(Pattern::new(&like)),
                    user_data: Some(Pattern::new(&format!("{prefix}*"))),
                    ..Accept::default()
                };
                engine.listen(OWNER, accept);
            }
        }
        for route in &self.routes {
            let destination = Some(Pattern::new(&format!("{}*", route.prefix)));
            engine.listen(
                OWNER,
                Accept {
                    destination,
                    ..Accept::default()
                },
            );
        }
    }

    /// Clears an incoming call that waits. `false`: there is none with this tag.
    fn refuse_call(
        &mut self,
        now: Instant,
        engine: &mut X25,
        tag: u32,
        cause: u8,
        diagnostic: u8,
        answer: &Call,
    ) -> bool {
        let Some(waiting) = self.calls.remove(&tag) else {
            return false;
        };
        clear(now, engine, waiting.channel, (cause, diagnostic), answer);
        true
    }

    /// What commands see of it.
    pub fn census(&self) -> X25Applications {
        let all = || self.connections.iter().flatten();
        X25Applications {
            connections: all().count(),
            listeners: all().filter(|c| c.stage == Stage::Listening).count(),
            circuits: self.circuits.len(),
            calls: self.calls.len(),
        }
    }
}

/// Clears a call that no connection has; one that is gone already needs no clearing.
fn clear(now: Instant, engine: &mut X25, channel: Lci, why: (u8, u8), answer: &Call) {
    if let Ok(layer) = engine.circuit(OWNER, channel) {
        let _ = layer.clear(now, channel, why.0, why.1, answer);
    }
}

/// The connection in a place.
fn connection(connections: &mut [Option<Connection>], slot: usize) -> Option<&mut Connection> {
    connections.get_mut(slot)?.as_mut()
}

/// Whether a message was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Yes,
    /// The circuit has no room for it.
    No,
}
