//! One lookup as a state machine: no socket, no clock.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::config::Config;
use super::message::{Kind, Reply, query, read_reply};
use super::{Family, ResolveError};

/// How often a server may send us on to another name.
const MAX_RESTARTS: u8 = 8;

/// How a query goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// A query to send, from a socket (and so a source port) of its own. What comes in on the
/// sockets of earlier queries is of no interest any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transmit {
    pub(super) server: SocketAddr,
    pub(super) transport: Transport,
    pub(super) message: Vec<u8>,
}

/// The search for the addresses of one name.
#[derive(Debug)]
pub(super) struct Lookup {
    config: Config,
    /// As the caller gave it, for errors.
    name: String,
    family: Family,
    /// Full names not asked for yet.
    candidates: VecDeque<String>,
    /// What is being asked for, and what of it is to be asked next.
    current: String,
    kinds: VecDeque<Kind>,
    kind: Kind,
    /// The server's place in the list, and how often the list was gone through.
    server: usize,
    attempt: u32,
    transport: Transport,
    id: u16,
    /// State of the generator of identifiers.
    seed: u64,
    restarts: u8,
    found: Vec<IpAddr>,
    /// Some name of those tried exists, though without addresses.
    exists: bool,
    /// Why a server did not answer.
    failure: Option<String>,
    deadline: Option<Instant>,
    transmit: Option<Transmit>,
    outcome: Option<Result<Vec<IpAddr>, ResolveError>>,
    /// Messages that were not the reply.
    pub(super) foreign: u64,
}

impl Lookup {
    /// Begins. `seed` is random: the identifiers of the queries follow from it.
    pub(super) fn new(now: Instant, config: Config, name: &str, family: Family, seed: u64) -> Self {
        let candidates = config.candidates(name).into();
        let mut lookup = Self {
            config,
            name: name.to_owned(),
            family,
            candidates,
            current: String::new(),
            kinds: VecDeque::new(),
            kind: Kind::A,
            server: 0,
            attempt: 0,
            transport: Transport::Udp,
            id: 0,
            seed,
            restarts: 0,
            found: Vec::new(),
            exists: false,
            failure: None,
            deadline: None,
            transmit: None,
            outcome: None,
            foreign: 0,
        };
        lookup.next_candidate(now);
        lookup
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmit.take()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn poll_outcome(&mut self) -> Option<Result<Vec<IpAddr>, ResolveError>> {
        self.outcome.take()
    }

    /// Whether the socket of the last query is of no more use: another query is to be sent, or
    /// the outcome is there.
    pub(super) fn is_done_with_socket(&self) -> bool {
        self.transmit.is_some() || self.outcome.is_some()
    }

    /// A message came in on the socket of the last query.
    pub(super) fn receive(&mut self, now: Instant, octets: &[u8]) {
        if self.deadline.is_none() {
            return;
        }
        match read_reply(octets, self.id, &self.current, self.kind) {
            Reply::Foreign => self.foreign += 1,
            Reply::Truncated if self.transport == Transport::Udp => {
                self.transport = Transport::Tcp;
                self.ask(now);
            }
            Reply::Truncated => self.server_failed(now, "its answer is truncated".into()),
            Reply::Addresses(addresses) => {
                self.found.extend(addresses);
                self.next_kind(now);
            }
            Reply::NoData => {
                self.exists = true;
                self.next_kind(now);
            }
            Reply::NoName => self.next_candidate(now),
            Reply::Alias(target) if self.restarts < MAX_RESTARTS => {
                self.restarts += 1;
                self.exists = true;
                self.current = target;
                self.first_server(now);
            }
            Reply::Alias(_) => self.server_failed(now, "it has too many aliases".into()),
            Reply::Failed(why) => self.server_failed(now, why),
        }
    }

    /// The socket of the last query failed: the server cannot be reached.
    pub(super) fn unreachable(&mut self, now: Instant, error: &std::io::Error) {
        if self.deadline.is_some() {
            self.server_failed(now, error.to_string());
        }
    }

    /// A deadline passed. Calling it early is harmless.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.next_server(now);
        }
    }

    fn next_candidate(&mut self, now: Instant) {
        if !self.found.is_empty() {
            self.finish();
            return;
        }
        let Some(name) = self.candidates.pop_front() else {
            self.finish();
            return;
        };
        self.current = name;
        self.kinds = match self.family {
            Family::V4 => [Kind::A].into(),
            Family::V6 => [Kind::Aaaa].into(),
            Family::Any => [Kind::A, Kind::Aaaa].into(),
        };
        self.next_kind(now);
    }

    fn next_kind(&mut self, now: Instant) {
        match self.kinds.pop_front() {
            Some(kind) => {
                self.kind = kind;
                self.first_server(now);
            }
            None => self.next_candidate(now),
        }
    }

    fn first_server(&mut self, now: Instant) {
        self.server = 0;
        self.attempt = 0;
        self.transport = Transport::Udp;
        self.ask(now);
    }

    fn server_failed(&mut self, now: Instant, why: String) {
        self.failure = Some(why);
        self.next_server(now);
    }

    fn next_server(&mut self, now: Instant) {
        self.transport = Transport::Udp;
        self.server += 1;
        if self.server >= self.config.servers.len() {
            self.server = 0;
            self.attempt += 1;
        }
        if self.attempt < self.config.attempts {
            self.ask(now);
            return;
        }
        // No server answers. Addresses of the other kind are better than nothing.
        if self.found.is_empty() {
            let error = match self.failure.take() {
                Some(why) => ResolveError::ServerFailed {
                    name: self.name.clone(),
                    why,
                },
                None => ResolveError::TimedOut(self.name.clone()),
            };
            self.end(Err(error));
        } else {
            self.finish();
        }
    }

    fn ask(&mut self, now: Instant) {
        self.id = self.next_id();
        let server = self.config.servers.get(self.server).copied();
        let message = query(self.id, &self.current, self.kind);
        let (Some(server), Some(message)) = (server, message) else {
            // Only if the alias a server gave cannot be asked for.
            self.end(Err(ResolveError::ServerFailed {
                name: self.name.clone(),
                why: format!("\"{}\" cannot be asked for", self.current),
            }));
            return;
        };
        self.transmit = Some(Transmit {
            server,
            transport: self.transport,
            message,
        });
        self.deadline = Some(now + self.config.timeout);
    }

    fn finish(&mut self) {
        let found = std::mem::take(&mut self.found);
        let outcome = match (found.is_empty(), self.exists) {
            (false, _) => Ok(found),
            (true, true) => Err(ResolveError::NoAddress {
                name: self.name.clone(),
                family: self.family,
            }),
            (true, false) => Err(ResolveError::NotFound(self.name.clone())),
        };
        self.end(outcome);
    }

    fn end(&mut self, outcome: Result<Vec<IpAddr>, ResolveError>) {
        self.deadline = None;
        self.transmit = None;
        self.outcome = Some(outcome);
    }

    /// SplitMix64: whoever sees some identifiers still cannot tell the next.
    fn next_id(&mut self) -> u16 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u16
    }
}
