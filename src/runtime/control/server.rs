//! The daemon's side, inside the poll loop.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slab::Slab;

use super::listening::{Accepted, Listening};
use super::{ControlError, Failure, Line, MAX_CLIENTS, MAX_OUTPUT, MAX_REQUEST, send};
use crate::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};

/// The token of the listening socket; clients count from 1.
const LISTENER: u32 = 0;
/// How many octets of one client are read in one turn.
const READ_BUDGET: usize = 64 << 10;

/// A client, as long as it is connected. Never reused for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId {
    index: usize,
    serial: u64,
}

/// A request to be answered, now or later: [`Server::reply`], [`Server::fail`].
#[derive(Debug)]
pub struct Request {
    /// Whom to answer.
    pub client: ClientId,
    /// What was asked.
    pub body: Value,
}

impl Request {
    /// The request as the daemon's own type.
    ///
    /// # Errors
    /// A [`Failure`] to answer with, when it is none of that type.
    pub fn parse<Q: DeserializeOwned>(&self) -> Result<Q, Failure> {
        Q::deserialize(&self.body)
            .map_err(|error| Failure::usage(format!("not a request known here: {error}")))
    }
}

/// What happened on a control socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Clients served.
    pub accepted: u64,
    /// Clients of another user, refused.
    pub refused_user: u64,
    /// Clients refused because all places were busy.
    pub refused_full: u64,
    /// Idle clients closed to make room for another.
    pub evicted: u64,
    /// Requests handed to the daemon.
    pub requests: u64,
    /// Lines that are not JSON.
    pub malformed: u64,
    /// Lines longer than [`MAX_REQUEST`].
    pub oversized: u64,
    /// Clients closed because they left more than [`MAX_OUTPUT`] unread.
    pub slow: u64,
}

struct Client {
    stream: UnixStream,
    source: Source,
    serial: u64,
    input: Vec<u8>,
    /// How much of `input` holds no newline.
    scanned: usize,
    output: Vec<u8>,
    /// How much of `output` is sent.
    sent: usize,
    /// A request is being answered; the next one waits.
    busy: bool,
    /// The client sends no more.
    eof: bool,
    /// To be closed when the output is sent.
    closing: bool,
    /// The order of the last request: the lowest is evicted first.
    last_used: u64,
}

/// A control socket in a poll loop.
///
/// The daemon hands every [`crate::event_loop::Handler::ready`] with this server's token owner
/// to [`Server::ready`], then takes requests with [`Server::poll_request`].
pub struct Server {
    listening: Listening,
    source: Source,
    owner: u32,
    clients: Slab<Client>,
    requests: VecDeque<Request>,
    counters: Counters,
    next_serial: u64,
}

impl Server {
    /// Listens on `path`, with this file mode (0600 unless others shall connect). A socket
    /// that nobody listens on any more is replaced. `owner` is the owner part of all tokens.
    ///
    /// # Errors
    /// [`ControlError::InUse`], [`ControlError::NotASocket`], or those of the system.
    pub fn bind(lp: &mut Loop, owner: u32, path: &Path, mode: u32) -> Result<Self, ControlError> {
        let listening = Listening::bind(path, mode)?;
        let token = Token::new(owner, LISTENER);
        let source = lp
            .register(&listening, token, Interest::Read, Priority::Control)
            .map_err(|error| ControlError::Io {
                action: "wait on",
                path: path.to_owned(),
                error,
            })?;
        Ok(Self {
            listening,
            source,
            owner,
            clients: Slab::new(),
            requests: VecDeque::new(),
            counters: Counters::default(),
            next_serial: 0,
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Serves a descriptor of this server.
    pub fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        if token.id == LISTENER {
            self.accept(lp);
            return;
        }
        let index = token.id as usize - 1;
        if readiness.writable {
            self.flush(index);
        }
        if readiness.readable {
            self.read(index);
        }
        self.take_lines(index);
        if let Some(client) = self.clients.get(index)
            && readiness.hangup
            && (client.eof || !readiness.readable)
        {
            self.close_client(lp, index);
            return;
        }
        self.settle(lp, index);
    }

    /// The next request to answer.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Answers a request. Nothing happens when the client is gone.
    pub fn reply(&mut self, lp: &mut Loop, client: ClientId, value: &impl Serialize) {
        self.finish(lp, client, &Line::Ok(value));
    }

    /// Refuses a request. Nothing happens when the client is gone.
    pub fn fail(&mut self, lp: &mut Loop, client: ClientId, failure: Failure) {
        self.finish(lp, client, &Line::<()>::Error(failure));
    }

    /// Answers a request, or refuses it. Nothing happens when the client is gone.
    pub fn answer(
        &mut self,
        lp: &mut Loop,
        client: ClientId,
        answer: Result<impl Serialize, Failure>,
    ) {
        match answer {
            Ok(value) => self.reply(lp, client, &value),
            Err(failure) => self.fail(lp, client, failure),
        }
    }

    /// Tells how far a request is. Returns whether the client is still there (so that a
    /// stream without end stops when nobody listens).
    pub fn progress(&mut self, lp: &mut Loop, client: ClientId, value: &impl Serialize) -> bool {
        if !self.is_connected(client) {
            return false;
        }
        self.queue(client.index, &Line::Progress(value));
        self.flush(client.index);
        self.settle(lp, client.index);
        self.is_connected(client)
    }

    /// How many octets of replies and progress a client has not read yet: a long reply is made as
    /// it is read.
    pub fn unsent(&self, client: ClientId) -> usize {
        match self.clients.get(client.index) {
            Some(there) if there.serial == client.serial => there.output.len() - there.sent,
            _ => 0,
        }
    }

    /// Whether a client is still there.
    pub fn is_connected(&self, client: ClientId) -> bool {
        self.clients
            .get(client.index)
            .is_some_and(|c| c.serial == client.serial && c.busy)
    }

    /// Closes all, and removes the socket.
    pub fn close(mut self, lp: &mut Loop) {
        let indices: Vec<usize> = self.clients.iter().map(|(index, _)| index).collect();
        for index in indices {
            self.flush(index);
            self.close_client(lp, index);
        }
        // It is registered and open.
        let _ = lp.deregister(self.source, &self.listening);
    }

    fn accept(&mut self, lp: &mut Loop) {
        for _ in 0..MAX_CLIENTS {
            match self.listening.accept() {
                Accepted::Client(stream) => self.admit(lp, stream),
                Accepted::Stranger(stream, uid) => {
                    self.counters.refused_user += 1;
                    turn_away(&stream, format!("user {uid} may not control this"));
                }
                Accepted::Full => {
                    self.counters.refused_full += 1;
                    return;
                }
                Accepted::Nobody => return,
            }
        }
    }

    fn admit(&mut self, lp: &mut Loop, stream: UnixStream) {
        if self.clients.len() >= MAX_CLIENTS && !self.evict(lp) {
            self.counters.refused_full += 1;
            turn_away(&stream, format!("busy with {MAX_CLIENTS} other requests"));
            return;
        }
        let entry = self.clients.vacant_entry();
        let token = Token::new(self.owner, entry.key() as u32 + 1);
        let Ok(source) = lp.register(&stream, token, Interest::Read, Priority::Control) else {
            return;
        };
        entry.insert(Client {
            stream,
            source,
            serial: self.next_serial,
            input: Vec::new(),
            scanned: 0,
            output: Vec::new(),
            sent: 0,
            busy: false,
            eof: false,
            closing: false,
            last_used: self.next_serial,
        });
        self.next_serial += 1;
        self.counters.accepted += 1;
    }

    /// Closes the client that has been idle for longest. Returns whether there was one.
    fn evict(&mut self, lp: &mut Loop) -> bool {
        let idle = self
            .clients
            .iter()
            .filter(|(_, client)| !client.busy && client.output.is_empty())
            .min_by_key(|(_, client)| client.last_used)
            .map(|(index, _)| index);
        match idle {
            Some(index) => {
                self.close_client(lp, index);
                self.counters.evicted += 1;
                true
            }
            None => false,
        }
    }

    fn read(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let mut octets = [0; 4096];
        for _ in 0..READ_BUDGET / octets.len() {
            if client.input.len() > MAX_REQUEST {
                return;
            }
            match client.stream.read(&mut octets) {
                Ok(0) => {
                    client.eof = true;
                    return;
                }
                Ok(count) => client
                    .input
                    .extend_from_slice(octets.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    client.eof = true;
                    return;
                }
            }
        }
    }

    /// Takes the next request out of what was read, unless one is being answered.
    fn take_lines(&mut self, index: usize) {
        while let Some(client) = self.clients.get_mut(index) {
            if client.busy || client.closing {
                return;
            }
            let fresh = client.input.get(client.scanned..).unwrap_or_default();
            let Some(found) = fresh.iter().position(|&octet| octet == b'\n') else {
                client.scanned = client.input.len();
                if client.scanned > MAX_REQUEST {
                    self.too_long(index);
                }
                return;
            };
            let end = client.scanned + found;
            if end > MAX_REQUEST {
                self.too_long(index);
                return;
            }
            client.scanned = 0;
            let line: Vec<u8> = client.input.drain(..=end).collect();
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(body) => {
                    client.busy = true;
                    client.last_used = self.next_serial;
                    self.next_serial += 1;
                    self.counters.requests += 1;
                    self.requests.push_back(Request {
                        client: ClientId {
                            index,
                            serial: client.serial,
                        },
                        body,
                    });
                }
                Err(error) => {
                    self.counters.malformed += 1;
                    let failure = Failure::usage(format!("the request is not JSON: {error}"));
                    self.queue(index, &Line::<()>::Error(failure));
                    self.flush(index);
                }
            }
        }
    }

    fn too_long(&mut self, index: usize) {
        self.counters.oversized += 1;
        let failure = Failure::usage(format!("the request is longer than {MAX_REQUEST} octets"));
        self.queue(index, &Line::<()>::Error(failure));
        self.flush(index);
        if let Some(client) = self.clients.get_mut(index) {
            client.closing = true;
            client.input = Vec::new();
        }
    }

    fn finish<T: Serialize>(&mut self, lp: &mut Loop, client: ClientId, line: &Line<T>) {
        if !self.is_connected(client) {
            return;
        }
        self.queue(client.index, line);
        if let Some(client) = self.clients.get_mut(client.index) {
            client.busy = false;
        }
        self.flush(client.index);
        self.take_lines(client.index);
        self.settle(lp, client.index);
    }

    fn queue<T: Serialize>(&mut self, index: usize, line: &Line<T>) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let before = client.output.len();
        if let Err(error) = serde_json::to_writer(&mut client.output, line) {
            client.output.truncate(before);
            let failure = Failure::new(format!("the reply cannot be written as JSON: {error}"));
            // A string and a number can.
            let _ = serde_json::to_writer(&mut client.output, &Line::<()>::Error(failure));
        }
        client.output.push(b'\n');
    }

    fn flush(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        while let Some(rest) = client.output.get(client.sent..)
            && !rest.is_empty()
        {
            match send(&client.stream, rest) {
                Ok(count) => client.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    client.output.drain(..client.sent);
                    client.sent = 0;
                    return;
                }
                Err(_) => {
                    // Nobody reads any more.
                    client.eof = true;
                    client.closing = true;
                    break;
                }
            }
        }
        client.output.clear();
        client.sent = 0;
    }

    /// Closes the client if it is done with, else waits for what it needs next.
    fn settle(&mut self, lp: &mut Loop, index: usize) {
        let Some(client) = self.clients.get(index) else {
            return;
        };
        let unsent = !client.output.is_empty();
        if client.output.len() > MAX_OUTPUT {
            self.counters.slow += 1;
            self.close_client(lp, index);
            return;
        }
        if !unsent && (client.closing || client.eof && !client.busy) {
            self.close_client(lp, index);
            return;
        }
        let reads = !client.eof && !client.closing && client.input.len() <= MAX_REQUEST;
        let interest = Interest::of(reads, unsent);
        if lp.modify(client.source, &client.stream, interest).is_err() {
            self.close_client(lp, index);
        }
    }

    fn close_client(&mut self, lp: &mut Loop, index: usize) {
        if let Some(client) = self.clients.try_remove(index) {
            // It is registered and open.
            let _ = lp.deregister(client.source, &client.stream);
        }
    }
}

/// Tells a client why it is not served. One short line always fits an empty socket buffer.
fn turn_away(stream: &UnixStream, text: String) {
    if let Ok(mut line) = serde_json::to_vec(&Line::<()>::Error(Failure::new(text))) {
        line.push(b'\n');
        let _ = send(stream, &line);
    }
}
