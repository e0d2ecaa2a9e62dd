//! Asking servers: which, when, how often, and whether an answer is one.
//!
//! Try *n* goes to server *n* mod their number, 3, 4, 6, 10, 18 and 34 s apart, twice to each. One
//! that does not answer is passed over while another does, and tried every 30 s all the same.
//!
//! So many requests are under way at a time as a server's socket can hold; others wait. As long as
//! no server answers only a few are sent, and those that wait do so for as long as a client has
//! patience, so that an outage costs no more logins than it must. Records of the beginning and the
//! end of sessions are kept meanwhile.

mod exchange;
mod vocabulary;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use slab::Slab;
use wanbox_wire::radius::{Authenticator, Code, Packet};

use super::server::{Health, Server};
use super::slots::{Owner, Slots};
use super::{
    AccessRequest, AccountingRequest, Authorization, Nas, Rejection, ServerView, SharedSecret,
    Status,
};
use crate::config::RadiusServer;
use exchange::{Exchange, Lane, Try, Waiting, Work};

pub use vocabulary::{Answer, Complaint, Event, ExchangeView, Fault, Refusal, Transmit, Unmatched};

/// Requests of a service that are under way while none of its servers answers.
const PROBES: usize = 16;
/// Whoever can send us datagrams must not be able to fill the log.
pub const COMPLAINTS: Duration = Duration::from_secs(60);
/// The most tries of a request.
const MAX_TRIES: usize = 16;

/// What a client goes by.
#[derive(Clone, Debug)]
pub struct Config {
    /// The servers, in the order in which they are asked.
    pub servers: Vec<RadiusServer>,
    /// What they and we share.
    pub secret: SharedSecret,
    /// Who we are.
    pub nas: Nas,
    /// Whether answers about users without Message-Authenticator are refused (RFC 3579, and the
    /// forgeries of 2024). Old servers do not send it.
    pub require_message_authenticator: bool,
    /// Requests of each kind under way at a time.
    pub outstanding: usize,
    /// Access-Requests waiting; more are refused.
    pub queue: usize,
    /// How long an Access-Request waits before it is sent first.
    pub patience: Duration,
    /// Accounting records waiting; more are lost. Interim records may take half of it.
    pub backlog: usize,
    /// For how long the record of a beginning or an end is tried.
    pub hold: Duration,
}

impl Config {
    /// These servers, and usual limits.
    #[must_use]
    pub fn new(servers: Vec<RadiusServer>, secret: SharedSecret) -> Self {
        Self {
            servers,
            secret,
            nas: Nas::default(),
            require_message_authenticator: true,
            outstanding: 256,
            queue: 8192,
            patience: Duration::from_secs(30),
            backlog: 65_536,
            hold: Duration::from_secs(3600),
        }
    }
}

/// How long try `n`, from 1, waits for its answer: 3, 4, 6, 10, 18, 34 s.
#[must_use]
pub const fn retry_after(n: usize) -> Duration {
    let doubled = if n > 6 { 6 } else { n };
    Duration::from_secs(2 + (1 << doubled.saturating_sub(1)))
}

/// Asks the servers.
#[derive(Debug)]
pub struct Client {
    config: Config,
    servers: Vec<Server>,
    slots: Slots,
    exchanges: Slab<Exchange>,
    /// How many of them are of each service.
    under_way: [usize; 2],
    queues: [VecDeque<Waiting>; 2],
    /// Deadlines; those of exchanges that ended stay until they are the first.
    timers: BinaryHeap<Reverse<(Instant, u64, Owner)>>,
    sends: VecDeque<(u64, Owner)>,
    events: VecDeque<Event>,
    serial: u64,
    seed: u128,
    unmatched: Unmatched,
    complaint: Option<Complaint>,
    /// When there may be the next.
    silent_until: Option<Instant>,
}

impl Client {
    /// A client with so many sockets, from 1. Request Authenticators come from `seed`, which has
    /// to be random and secret.
    #[must_use]
    pub fn new(config: Config, sockets: u8, seed: u128) -> Self {
        let servers = config.servers.iter().copied().map(Server::new).collect();
        Self {
            config,
            servers,
            slots: Slots::new(sockets),
            exchanges: Slab::new(),
            under_way: [0; 2],
            queues: [VecDeque::new(), VecDeque::new()],
            timers: BinaryHeap::new(),
            sends: VecDeque::new(),
            events: VecDeque::new(),
            serial: 0,
            seed,
            unmatched: Unmatched::default(),
            complaint: None,
            silent_until: None,
        }
    }

    /// Another configuration. What is under way goes on as it was made, what is sent again goes to
    /// the new servers.
    pub fn configure(&mut self, now: Instant, config: Config) {
        let old = std::mem::take(&mut self.servers);
        let known = |at: &RadiusServer| old.iter().find(|server| server.at == *at).copied();
        self.servers = config
            .servers
            .iter()
            .map(|at| known(at).unwrap_or_else(|| Server::new(*at)))
            .collect();
        self.config = config;
        self.pump(now);
    }

    /// Asks about a user; the answer comes as an event with this key.
    ///
    /// # Errors
    /// Why it is not asked; there is no event then.
    pub fn access(
        &mut self,
        now: Instant,
        key: u64,
        request: AccessRequest,
    ) -> Result<(), Refusal> {
        if self.servers.is_empty() {
            return Err(Refusal::NoServer);
        }
        if !request.fits() {
            return Err(Refusal::TooLong);
        }
        let [queue, _] = &mut self.queues;
        if queue.len() >= self.config.queue {
            self.unmatched.refused += 1;
            return Err(Refusal::Busy);
        }
        queue.push_back(Waiting {
            key,
            since: now,
            work: Work::Access(Box::new(request)),
        });
        self.pump(now);
        Ok(())
    }

    /// Reports a session; whether a server took it comes as an event with this key.
    ///
    /// # Errors
    /// Why it is not reported; the record is lost, and counted.
    pub fn account(
        &mut self,
        now: Instant,
        key: u64,
        request: AccountingRequest,
    ) -> Result<(), Refusal> {
        let refusal = if self.servers.is_empty() {
            Some(Refusal::NoServer)
        } else if !self.has_room(&request) {
            Some(Refusal::Busy)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.unmatched.lost += 1;
            return Err(refusal);
        }
        let [_, queue] = &mut self.queues;
        queue.push_back(Waiting {
            key,
            since: now,
            work: Work::Accounting(Box::new(request)),
        });
        self.pump(now);
        Ok(())
    }

    /// The next interim record says all that this one does; a Stop is said once.
    fn has_room(&self, request: &AccountingRequest) -> bool {
        let [_, queue] = &self.queues;
        let most = match request.status {
            Status::Interim => self.config.backlog / 2,
            Status::Start | Status::Stop(_) => self.config.backlog,
        };
        queue.len() < most
    }

    /// A datagram came in at one of our sockets.
    pub fn receive(&mut self, now: Instant, socket: u8, from: SocketAddr, datagram: &[u8]) {
        let Ok(packet) = Packet::parse(datagram) else {
            self.unmatched.malformed += 1;
            return;
        };
        let Some((number, owner)) = self.slots.owner(socket, packet.identifier()) else {
            self.unmatched.late += 1;
            return;
        };
        let Some(exchange) = self.exchanges.get(owner as usize) else {
            return;
        };
        let lane = exchange.waiting.work.lane();
        let asked: Vec<Try> = exchange
            .tries
            .iter()
            .filter(|one| one.number == number && one.to == from)
            .copied()
            .collect();
        if asked.is_empty() {
            self.unmatched.foreign += 1;
            return;
        }
        let secret = exchange.secret.clone();
        let required = lane == Lane::Access && self.config.require_message_authenticator;
        // A server that was taken out of the configuration may still answer.
        let mut gone = Health::default();
        let health = health(&mut self.servers, lane, from).unwrap_or(&mut gone);
        let Some(one) = asked
            .iter()
            .find(|one| secret.is_response(&packet, &one.authenticator))
        else {
            health.stats.bad_authenticator += 1;
            self.complain(now, from, Fault::Forged);
            return;
        };
        match secret.is_signed(&packet, &one.authenticator) {
            Some(true) => {}
            None if !required => {}
            signed => {
                health.stats.bad_message_authenticator += 1;
                let fault = match signed {
                    None => Fault::Unsigned,
                    Some(_) => Fault::Forged,
                };
                self.complain(now, from, fault);
                return;
            }
        }
        let answer = match (lane, packet.code()) {
            (Lane::Access, Code::ACCESS_ACCEPT) => {
                health.stats.accepted += 1;
                let granted = Authorization::parse(&packet, &secret, &one.authenticator);
                Answer::Accepted(Box::new(granted))
            }
            (Lane::Access, Code::ACCESS_REJECT) => {
                health.stats.rejected += 1;
                Answer::Rejected(Rejection::parse(&packet))
            }
            (Lane::Access, Code::ACCESS_CHALLENGE) => {
                health.stats.challenged += 1;
                Answer::Challenged(Rejection::parse(&packet))
            }
            (Lane::Accounting, Code::ACCOUNTING_RESPONSE) => {
                health.stats.accepted += 1;
                Answer::Accounted
            }
            _ => {
                health.stats.unknown_code += 1;
                return;
            }
        };
        health.heard(now, now.saturating_duration_since(one.at));
        if let Some(waiting) = self.end(now, owner) {
            let key = waiting.key;
            self.events.push_back(Event { key, answer });
        }
        self.pump(now);
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&Reverse((deadline, serial, owner))) = self.timers.peek() {
            if deadline > now {
                break;
            }
            self.timers.pop();
            if self.is_current(deadline, serial, owner) {
                self.unanswered(now, owner);
            }
        }
        self.expire(now);
        self.pump(now);
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((deadline, ..))| *deadline);
        let waiting = [Lane::Access, Lane::Accounting]
            .into_iter()
            .filter_map(|lane| Some(self.queues[lane as usize].front()?.since + self.limit(lane)));
        timer.into_iter().chain(waiting).min()
    }

    /// The next datagram to send, written over `datagram`.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<Transmit> {
        loop {
            let (serial, owner) = self.sends.pop_front()?;
            let exchange = self.exchanges.get(owner as usize);
            if let Some(exchange) = exchange.filter(|exchange| exchange.serial == serial)
                && let Some(last) = exchange.tries.last()
            {
                datagram.clear();
                datagram.extend_from_slice(&exchange.packet);
                let (socket, _) = self.slots.parts(last.number);
                return Some(Transmit {
                    socket,
                    to: last.to,
                });
            }
        }
    }

    /// The next answer.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What an operator should know: that answers are dropped. At most one in [`COMPLAINTS`].
    pub fn poll_complaint(&mut self) -> Option<Complaint> {
        self.complaint.take()
    }

    fn complain(&mut self, now: Instant, server: SocketAddr, fault: Fault) {
        if self.silent_until.is_none_or(|until| until <= now) {
            self.silent_until = Some(now + COMPLAINTS);
            self.complaint = Some(Complaint { server, fault });
        }
    }

    /// Requests under way and waiting.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.exchanges.len() + self.queues.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Access-Requests that wait to be sent first: how far behind the servers are.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues[Lane::Access as usize].len()
    }

    /// Accounting records that wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.queues[Lane::Accounting as usize].len()
    }

    /// The servers, in the order in which they are asked.
    pub fn servers(&self) -> impl Iterator<Item = ServerView> {
        self.servers.iter().map(ServerView::from)
    }

    /// Counters of what belongs to no server.
    #[must_use]
    pub const fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// What is under way.
    pub fn exchanges(&self) -> impl Iterator<Item = ExchangeView> {
        let all = self.exchanges.iter();
        all.filter_map(|(_, exchange)| exchange.view())
    }

    /// How long a request waits before it is given up.
    fn limit(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Access => self.config.patience,
            Lane::Accounting => self.config.hold,
        }
    }

    /// Whether none of the servers answers.
    fn is_silent(&self, lane: Lane) -> bool {
        self.servers
            .iter()
            .all(|server| server.health[lane as usize].is_dead())
    }

    fn is_current(&self, deadline: Instant, serial: u64, owner: Owner) -> bool {
        self.exchanges
            .get(owner as usize)
            .is_some_and(|exchange| exchange.serial == serial && exchange.deadline == deadline)
    }

    /// Sends what waits, as far as may be.
    fn pump(&mut self, now: Instant) {
        for lane in [Lane::Access, Lane::Accounting] {
            let place = lane as usize;
            let most = if self.is_silent(lane) {
                PROBES.min(self.config.outstanding)
            } else {
                self.config.outstanding
            };
            while self.under_way[place] < most && !self.servers.is_empty() {
                let Some(waiting) = self.queues[place].pop_front() else {
                    break;
                };
                if let Err(waiting) = self.begin(now, waiting) {
                    self.queues[place].push_front(waiting);
                    break;
                }
            }
        }
        self.prune();
    }

    /// Deadlines of what has ended need not wake anybody.
    fn prune(&mut self) {
        while let Some(&Reverse((deadline, serial, owner))) = self.timers.peek() {
            if self.is_current(deadline, serial, owner) {
                break;
            }
            self.timers.pop();
        }
    }

    /// Sends a request for the first time; gives it back when there is no number for it.
    fn begin(&mut self, now: Instant, waiting: Waiting) -> Result<(), Waiting> {
        let owner = self.exchanges.vacant_key() as Owner;
        let Some(number) = self.slots.take(now, owner) else {
            return Err(waiting);
        };
        self.serial += 1;
        self.under_way[waiting.work.lane() as usize] += 1;
        let exchange = Exchange {
            waiting,
            serial: self.serial,
            tries: Vec::new(),
            deadline: now,
            packet: Vec::new(),
            secret: self.config.secret.clone(),
        };
        self.exchanges.insert(exchange);
        self.send(now, owner, number);
        Ok(())
    }

    /// Sends a request with this number, for the first time or again.
    fn send(&mut self, now: Instant, owner: Owner, number: u16) {
        let fresh = self.random();
        let Some(exchange) = self.exchanges.get_mut(owner as usize) else {
            return;
        };
        let lane = exchange.waiting.work.lane();
        let Some(server) = pick(&mut self.servers, lane, exchange.tries.len(), now) else {
            return;
        };
        let to = server.address(lane as usize);
        server.health[lane as usize].sent(now, exchange.tries.is_empty());
        let (_, identifier) = self.slots.parts(number);
        let packet = &mut exchange.packet;
        let authenticator = match (&exchange.waiting.work, exchange.tries.last()) {
            // The same packet again: a server can tell that it is.
            (Work::Access(_), Some(last)) => last.authenticator,
            (Work::Access(request), None) => {
                let nas = &self.config.nas;
                request.emit(packet, identifier, &fresh, &exchange.secret, nas);
                fresh
            }
            (Work::Accounting(record), _) => {
                let times = (exchange.waiting.since, now);
                let nas = &self.config.nas;
                record.emit(packet, identifier, times, &exchange.secret, nas);
                Packet::parse(packet).map_or([0; 16], |packet| *packet.authenticator())
            }
        };
        exchange.tries.push(Try {
            number,
            to,
            authenticator,
            at: now,
        });
        exchange.deadline = now + retry_after(exchange.tries.len());
        let entry = (exchange.deadline, exchange.serial, owner);
        self.sends.push_back((exchange.serial, owner));
        self.timers.push(Reverse(entry));
    }

    /// A try was not answered in time.
    fn unanswered(&mut self, now: Instant, owner: Owner) {
        let Some(exchange) = self.exchanges.get(owner as usize) else {
            return;
        };
        let lane = exchange.waiting.work.lane();
        let tries = exchange.tries.len();
        let Some(last) = exchange.tries.last().copied() else {
            return;
        };
        if let Some(health) = health(&mut self.servers, lane, last.to) {
            health.timed_out(now);
        }
        if tries >= (2 * self.servers.len()).min(MAX_TRIES) {
            if let Some(waiting) = self.end(now, owner) {
                self.give_up(now, waiting);
            }
            return;
        }
        let number = match lane {
            Lane::Access => last.number,
            // Its Acct-Delay-Time is another, so it is another packet (RFC 2866 section 3).
            Lane::Accounting => self.slots.take(now, owner).unwrap_or(last.number),
        };
        self.send(now, owner, number);
    }

    /// No server answered. Records of beginnings and ends wait for another round; users do as long
    /// as others do who were not asked about yet.
    fn give_up(&mut self, now: Instant, waiting: Waiting) {
        let waited = now.saturating_duration_since(waiting.since);
        let answer = match &waiting.work {
            Work::Access(_) => {
                if waited < self.config.patience && self.is_silent(Lane::Access) {
                    // The longest first.
                    self.queues[Lane::Access as usize].push_front(waiting);
                    return;
                }
                Answer::TimedOut
            }
            Work::Accounting(record) => {
                if record.status != Status::Interim
                    && waited < self.config.hold
                    && self.has_room(record)
                {
                    self.queues[Lane::Accounting as usize].push_back(waiting);
                    return;
                }
                self.unmatched.lost += 1;
                Answer::Lost
            }
        };
        let key = waiting.key;
        self.events.push_back(Event { key, answer });
    }

    /// Takes leave of what has waited for too long.
    fn expire(&mut self, now: Instant) {
        for lane in [Lane::Access, Lane::Accounting] {
            let limit = self.limit(lane);
            let queue = &mut self.queues[lane as usize];
            while let Some(waiting) = queue.pop_front_if(|first| first.since + limit <= now) {
                let answer = match lane {
                    Lane::Access => {
                        self.unmatched.expired += 1;
                        Answer::TimedOut
                    }
                    Lane::Accounting => {
                        self.unmatched.lost += 1;
                        Answer::Lost
                    }
                };
                let key = waiting.key;
                self.events.push_back(Event { key, answer });
            }
        }
    }

    /// A request is not under way any more.
    fn end(&mut self, now: Instant, owner: Owner) -> Option<Waiting> {
        let exchange = self.exchanges.try_remove(owner as usize)?;
        self.under_way[exchange.waiting.work.lane() as usize] -= 1;
        for one in &exchange.tries {
            self.slots.release(now, one.number);
        }
        Some(exchange.waiting)
    }

    /// Octets that nobody can tell beforehand.
    fn random(&mut self) -> Authenticator {
        self.serial += 1;
        Md5::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.serial.to_be_bytes())
            .finalize()
            .into()
    }
}

/// What is known about the server at an address.
fn health(servers: &mut [Server], lane: Lane, at: SocketAddr) -> Option<&mut Health> {
    let place = lane as usize;
    servers
        .iter_mut()
        .find(|server| server.address(place) == at)
        .map(|server| &mut server.health[place])
}

/// The server for a try, from 0: the next in turn, or the next after it that is not dead.
fn pick(servers: &mut [Server], lane: Lane, tries: usize, now: Instant) -> Option<&mut Server> {
    let count = servers.len();
    let turn = tries.checked_rem(count)?;
    let due = (turn..turn + count)
        .map(|place| place % count)
        .find(|&place| servers[place].health[lane as usize].is_due(now));
    servers.get_mut(due.unwrap_or(turn))
}
