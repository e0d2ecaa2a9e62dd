//! All tunnels of a machine, and which of them a datagram belongs to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use wanbox_wire::l2tp::{Avp, ControlHeader, MessageType, Writer, stop_result};

use super::config::{Config, Limits};
use super::control::{fits, other_version};
use super::event::{By, Cdn, Connection, Event, IncomingCall, Reason};
use super::random::Random;
use super::reading::Reading;
use super::stats::{Stats, TableStats, count};
use super::{State, Tunnel, Unplaced};
use crate::{CallId, SocketId, TunnelId};

/// Refusals that may wait to be sent.
const MAX_REFUSALS: usize = 64;

/// There are as many tunnels as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From this socket.
    pub socket: SocketId,
    /// To this address.
    pub to: SocketAddr,
    /// Of this tunnel; `None` when it refuses one.
    pub tunnel: Option<TunnelId>,
}

/// A tunnel in the table.
#[derive(Debug)]
struct Slot {
    tunnel: Tunnel,
    /// Its deadline among the timers.
    armed: Option<Instant>,
    /// It stands in the queue of those that have something to send.
    sending: bool,
    /// It stands in the queue of those that have something to tell.
    telling: bool,
    /// Others asked for it and it is not complete: where it stands among those.
    half_open: Option<Request>,
}

/// Who asked for a tunnel: our socket, its address, and its number of the tunnel. Several LACs may
/// share an address.
type Request = (SocketId, SocketAddr, u16);

/// The tunnels by our numbers.
#[derive(Debug)]
pub struct Tunnels {
    config: Arc<Config>,
    limits: Limits,
    slots: BTreeMap<u16, Box<Slot>>,
    /// Tunnels that others asked for and did not complete.
    half_open: BTreeMap<Request, u16>,
    /// The same in the order in which they came; some of them are complete since.
    oldest: VecDeque<(Request, u16)>,
    /// Tunnels that we asked for and that were not answered.
    dialled: BTreeSet<u16>,
    timers: BTreeSet<(Instant, u16)>,
    sending: VecDeque<u16>,
    telling: VecDeque<u16>,
    refusals: VecDeque<(Transmit, Vec<u8>)>,
    /// New tunnels are refused: we are about to stop.
    stopping: bool,
    random: Random,
    stats: TableStats,
    /// What tunnels counted that are gone.
    gone: Stats,
}

impl Tunnels {
    /// No tunnels yet. `seed` has to be random and secret.
    #[must_use]
    pub fn new(config: Arc<Config>, limits: Limits, seed: u128) -> Self {
        Self {
            config,
            limits,
            slots: BTreeMap::new(),
            half_open: BTreeMap::new(),
            oldest: VecDeque::new(),
            dialled: BTreeSet::new(),
            timers: BTreeSet::new(),
            sending: VecDeque::new(),
            telling: VecDeque::new(),
            refusals: VecDeque::new(),
            stopping: false,
            random: Random::new(seed),
            stats: TableStats::default(),
            gone: Stats::default(),
        }
    }

    /// The configuration of tunnels from now on; those that are there keep theirs.
    pub fn set_config(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// The bounds of the table from now on; tunnels that are there stay.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Refuses new tunnels with the result "shutting down", or takes them again.
    pub fn set_stopping(&mut self, stopping: bool) {
        self.stopping = stopping;
    }

    /// Asks a peer for a tunnel. `config` is this tunnel's own, for secrets differ among peers.
    ///
    /// # Errors
    /// [`Full`] when there are too many tunnels.
    pub fn dial(
        &mut self,
        now: Instant,
        socket: SocketId,
        to: SocketAddr,
        config: Arc<Config>,
    ) -> Result<TunnelId, Full> {
        let id = self.number().ok_or(Full)?;
        let random = self.random.fork();
        let tunnel = Tunnel::dial(now, TunnelId(id), (socket, to), config, random);
        self.dialled.insert(id);
        self.insert(id, tunnel, None);
        Ok(TunnelId(id))
    }

    /// A control message came in on a socket. Data messages are not for this table, and count as
    /// malformed.
    pub fn receive(&mut self, now: Instant, socket: SocketId, from: SocketAddr, datagram: &[u8]) {
        let Ok((header, message)) = ControlHeader::parse(datagram) else {
            count(&mut self.stats.malformed);
            return;
        };
        let id = match header.tunnel {
            0 => self.without_number(now, (socket, from), &header, message),
            id => Some(id),
        };
        let Some(id) = id else { return };
        let Some(slot) = self.slots.get_mut(&id) else {
            count(&mut self.stats.unknown_tunnel);
            return;
        };
        if slot.tunnel.socket() != socket {
            count(&mut slot.tunnel.stats.wrong_source);
            return;
        }
        slot.tunnel.receive(now, from, &header, message);
        self.settle(id);
    }

    /// A message to tunnel 0 asks for one, or is of a peer that does not know our number yet.
    fn without_number(
        &mut self,
        now: Instant,
        at: (SocketId, SocketAddr),
        header: &ControlHeader,
        message: &[u8],
    ) -> Option<u16> {
        let secret = self.config.secret.clone();
        // Judged by the tunnel itself when there is one.
        let mut uncounted = Stats::default();
        let reading = Reading::new(message, secret.as_deref(), &mut uncounted)
            .filter(|reading| matches!(reading.kind, MessageType::SCCRQ | MessageType::STOP_CCN));
        let Some(reading) = reading else {
            count(&mut self.stats.not_a_request);
            return None;
        };
        let Some(number) = reading.assigned_tunnel() else {
            count(&mut self.stats.bad_request);
            return None;
        };
        let request = (at.0, at.1, number);
        if let Some(known) = self.half_open.get(&request) {
            return Some(*known);
        }
        if reading.kind != MessageType::SCCRQ || header.ns != 0 {
            count(&mut self.stats.not_a_request);
            return None;
        }
        if self.loses_tie(at, &reading) {
            count(&mut self.stats.tie_breaker);
            return None;
        }
        let refusal = if self.stopping {
            Some(Reason::result(stop_result::SHUTTING_DOWN))
        } else if !fits(&reading) {
            Some(other_version())
        } else {
            None
        };
        let id = self.number().filter(|_| refusal.is_none());
        let Some(id) = id else {
            let refusal = refusal.unwrap_or_else(|| {
                count(&mut self.stats.tunnel_overflow);
                Reason::error(wanbox_wire::l2tp::error::RESOURCES, "too many tunnels")
            });
            self.refuse(request, &refusal);
            return None;
        };
        let random = self.random.fork();
        let config = Arc::clone(&self.config);
        let tunnel = Tunnel::answer(now, TunnelId(id), at, config, random);
        self.insert(id, tunnel, Some(request));
        Some(id)
    }

    /// Whether a request for a tunnel comes after our own to the same peer (RFC 2661 section
    /// 4.4.3); if ours comes after it, ours is dropped.
    fn loses_tie(&mut self, (socket, from): (SocketId, SocketAddr), reading: &Reading<'_>) -> bool {
        let theirs = reading.find(|avp| match avp {
            Avp::TieBreaker(number) => Some(number),
            _ => None,
        });
        let ours: Vec<u16> = self
            .dialled
            .iter()
            .copied()
            .filter(|id| {
                self.slots.get(id).is_some_and(|slot| {
                    slot.tunnel.socket() == socket && slot.tunnel.address() == from
                })
            })
            .collect();
        let mut lost = false;
        for id in ours {
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            let own = slot
                .tunnel
                .config
                .tie_breaker
                .then_some(slot.tunnel.tie_breaker);
            let (drop_theirs, drop_ours) = match (own, theirs) {
                (None, None) => (false, false),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(own), Some(theirs)) => (theirs >= own, theirs <= own),
            };
            lost |= drop_theirs;
            if drop_ours {
                slot.tunnel.lost(By::TieBreaker);
                self.settle(id);
            }
        }
        lost
    }

    /// Refuses a request without keeping anything of it: the peer repeats it if the answer is
    /// lost.
    fn refuse(&mut self, (socket, to, number): Request, reason: &Reason) {
        count(&mut self.stats.refused);
        if self.refusals.len() >= MAX_REFUSALS {
            count(&mut self.stats.unsent_refusals);
            return;
        }
        // The number is nobody's: the AVP must be there and cannot be 0.
        let assigned = self.random.number(|id| self.slots.contains_key(&id));
        let mut message = Vec::new();
        let header = ControlHeader {
            tunnel: number,
            session: 0,
            ns: 0,
            nr: 1,
        };
        let mut writer = Writer::new(&mut message, header);
        writer
            .avp(&Avp::MessageType(MessageType::STOP_CCN))
            .avp(&reason.avp())
            .avp(&Avp::AssignedTunnel(assigned.unwrap_or(u16::MAX)));
        if writer.finish().is_ok() {
            let to = Transmit {
                socket,
                to,
                tunnel: None,
            };
            self.refusals.push_back((to, message));
        }
    }

    /// A number for a new tunnel.
    fn number(&mut self) -> Option<u16> {
        if self.slots.len() >= usize::from(self.limits.tunnels) {
            return None;
        }
        self.random.number(|id| self.slots.contains_key(&id))
    }

    fn insert(&mut self, id: u16, tunnel: Tunnel, half_open: Option<Request>) {
        if let Some(request) = half_open {
            self.half_open.insert(request, id);
            self.oldest.push_back((request, id));
        }
        let slot = Slot {
            tunnel,
            armed: None,
            sending: false,
            telling: false,
            half_open,
        };
        self.slots.insert(id, Box::new(slot));
        self.settle(id);
        while self.half_open.len() > self.limits.half_open.max(1) {
            self.forget_oldest();
        }
    }

    /// Makes room for another request.
    fn forget_oldest(&mut self) {
        let Some((request, id)) = self.oldest.pop_front() else {
            return;
        };
        if self.half_open.get(&request) == Some(&id) {
            count(&mut self.stats.half_open_forgotten);
            self.remove(id);
        }
    }

    /// What follows of what a tunnel did.
    fn settle(&mut self, id: u16) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let state = slot.tunnel.state();
        if state != State::WaitConnect
            && let Some(request) = slot.half_open.take()
        {
            self.half_open.remove(&request);
            while self
                .oldest
                .pop_front_if(|(r, id)| self.half_open.get(r) != Some(id))
                .is_some()
            {}
        }
        if state != State::WaitReply {
            self.dialled.remove(&id);
        }
        if state == State::Dead && !slot.tunnel.has_event() {
            self.remove(id);
            return;
        }
        let deadline = slot.tunnel.poll_timeout();
        if deadline != slot.armed {
            if let Some(armed) = slot.armed {
                self.timers.remove(&(armed, id));
            }
            if let Some(deadline) = deadline {
                self.timers.insert((deadline, id));
            }
            slot.armed = deadline;
        }
        if !slot.sending && slot.tunnel.has_transmit() {
            slot.sending = true;
            self.sending.push_back(id);
        }
        if !slot.telling && slot.tunnel.has_event() {
            slot.telling = true;
            self.telling.push_back(id);
        }
    }

    fn remove(&mut self, id: u16) {
        let Some(slot) = self.slots.remove(&id) else {
            return;
        };
        if let Some(armed) = slot.armed {
            self.timers.remove(&(armed, id));
        }
        if let Some(request) = slot.half_open {
            self.half_open.remove(&request);
        }
        self.dialled.remove(&id);
        self.gone.add(slot.tunnel.stats());
    }

    /// The next message to send, written over `message`, and where it goes.
    pub fn poll_transmit(&mut self, now: Instant, message: &mut Vec<u8>) -> Option<Transmit> {
        if let Some((to, refusal)) = self.refusals.pop_front() {
            *message = refusal;
            return Some(to);
        }
        while let Some(&id) = self.sending.front() {
            if let Some(slot) = self.slots.get_mut(&id) {
                if slot.tunnel.poll_transmit(now, message) {
                    let transmit = Transmit {
                        socket: slot.tunnel.socket(),
                        to: slot.tunnel.address(),
                        tunnel: Some(TunnelId(id)),
                    };
                    self.settle(id);
                    return Some(transmit);
                }
                slot.sending = false;
            }
            self.sending.pop_front();
        }
        None
    }

    /// The next thing that the owner must know.
    pub fn poll_event(&mut self) -> Option<(TunnelId, Event)> {
        while let Some(&id) = self.telling.front() {
            let mut event = None;
            if let Some(slot) = self.slots.get_mut(&id) {
                event = slot.tunnel.poll_event();
                slot.telling = slot.tunnel.has_event();
                if slot.telling {
                    return event.map(|event| (TunnelId(id), event));
                }
            }
            self.telling.pop_front();
            self.settle(id);
            if let Some(event) = event {
                return Some((TunnelId(id), event));
            }
        }
        None
    }

    /// When to call [`Tunnels::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(deadline, _)| *deadline)
    }

    /// Deadlines passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.timers.first()
            && deadline <= now
        {
            self.timers.pop_first();
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.armed = None;
                slot.tunnel.handle_timeout(now);
            }
            self.settle(id);
        }
    }

    /// Does something with a tunnel; `None` when there is none of that number.
    fn with<T>(&mut self, id: TunnelId, act: impl FnOnce(&mut Tunnel) -> T) -> Option<T> {
        let result = act(&mut self.slots.get_mut(&id.0)?.tunnel);
        self.settle(id.0);
        Some(result)
    }

    /// [`Tunnel::accept`].
    pub fn accept(&mut self, tunnel: TunnelId, call: CallId) -> bool {
        self.with(tunnel, |tunnel| tunnel.accept(call)) == Some(true)
    }

    /// [`Tunnel::hang_up`].
    pub fn hang_up(&mut self, now: Instant, tunnel: TunnelId, call: CallId, cdn: &Cdn) -> bool {
        self.with(tunnel, |tunnel| tunnel.hang_up(now, call, cdn)) == Some(true)
    }

    /// [`Tunnel::place`].
    ///
    /// # Errors
    /// As there; [`Unplaced::NotUp`] when there is no such tunnel.
    pub fn place(
        &mut self,
        now: Instant,
        tunnel: TunnelId,
        request: &IncomingCall,
        connection: Connection,
    ) -> Result<CallId, Unplaced> {
        self.with(tunnel, |tunnel| tunnel.place(now, request, connection))
            .unwrap_or(Err(Unplaced::NotUp))
    }

    /// [`Tunnel::close`].
    pub fn close(&mut self, now: Instant, tunnel: TunnelId, reason: &Reason) {
        self.with(tunnel, |tunnel| tunnel.close(now, reason.clone()));
    }

    /// The tunnels whose peers are about to be asked for a sign of life, for a word of those whose
    /// data came meanwhile ([`Self::heard`]).
    pub fn silent(&self, now: Instant) -> impl Iterator<Item = TunnelId> {
        let due = self.timers.range(..=(now, u16::MAX));
        due.filter_map(move |(_, id)| {
            let hello = self.slots.get(id)?.tunnel.hello_due()?;
            (hello <= now).then_some(TunnelId(*id))
        })
    }

    /// Data of a tunnel came in at this time: a sign of life.
    pub fn heard(&mut self, now: Instant, tunnel: TunnelId) {
        if let Some(slot) = self.slots.get_mut(&tunnel.0) {
            // The timer fires at the old time and finds the new one.
            slot.tunnel.heard(now);
        }
    }

    /// A peer's datagrams come from another address now.
    pub fn set_address(&mut self, tunnel: TunnelId, address: SocketAddr) {
        if let Some(slot) = self.slots.get_mut(&tunnel.0) {
            slot.tunnel.set_address(address);
        }
    }

    /// A tunnel.
    #[must_use]
    pub fn get(&self, tunnel: TunnelId) -> Option<&Tunnel> {
        self.slots.get(&tunnel.0).map(|slot| &slot.tunnel)
    }

    /// All of them, by their numbers; also those that are ending.
    pub fn iter(&self) -> impl Iterator<Item = &Tunnel> {
        self.slots.values().map(|slot| &slot.tunnel)
    }

    /// How many there are, those that are ending included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Messages that peers did not acknowledge yet, or that wait to be sent.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.iter().map(Tunnel::backlog).sum()
    }

    /// What the table counted.
    #[must_use]
    pub const fn table_stats(&self) -> &TableStats {
        &self.stats
    }

    /// What all tunnels counted, those that are gone included.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut all = self.gone;
        for tunnel in self.iter() {
            all.add(tunnel.stats());
        }
        all
    }
}
