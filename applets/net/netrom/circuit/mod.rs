//! A circuit of the transport layer: its states, its timers, what its owner asks of it.
//!
//! `transfer.rs` has the data phase, `rtt.rs` the times that T1 is made of.

mod rtt;
mod transfer;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::outbox::Outbox;
use crate::parameters::Parameters;
use rtt::RoundTrip;
pub(crate) use transfer::Received;
use transfer::Sent;
use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::{self, MOST_DATA, Message};

/// The number of a circuit at this node: index and id as one number, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CircuitId(pub(crate) u16);

impl CircuitId {
    /// The number that people see and type.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// A number as it is in packets: index and id.
pub(crate) const fn named(number: u16) -> netrom::Circuit {
    let [index, id] = number.to_be_bytes();
    netrom::Circuit { index, id }
}

/// The state of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is over; what was received can still be read.
    Disconnected,
    /// We asked for it.
    ConnectPending,
    /// Data flows.
    Connected,
    /// We asked for its end.
    DisconnectPending,
}

impl State {
    /// As people see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "Disconnected",
            Self::ConnectPending => "Conn Pending",
            Self::Connected => "Connected",
            Self::DisconnectPending => "Disc Pending",
        }
    }
}

/// Why a circuit is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// We closed it.
    Normal,
    /// The peer closed it.
    ByPeer,
    /// The peer did not answer.
    Timeout,
    /// An operator forgot it (`netrom reset`).
    Reset,
    /// The peer did not want it.
    Refused,
}

impl Reason {
    /// As people see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::ByPeer => "By Peer",
            Self::Timeout => "Timeout",
            Self::Reset => "Reset",
            Self::Refused => "Refused",
        }
    }
}

/// What has happened that the owner must know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct News {
    /// The state is another one.
    pub state: bool,
    /// There is something to read.
    pub readable: bool,
    /// There is room again for what could not be sent.
    pub writable: bool,
}

/// What every action of a circuit needs.
pub(crate) struct Shared<'s> {
    pub now: Instant,
    pub parameters: &'s Parameters,
    pub out: &'s mut Outbox,
}

/// A circuit.
#[derive(Debug)]
pub struct Circuit {
    id: CircuitId,
    /// The peer's number of it.
    remote: u16,
    node: Call,
    user: Call,
    incoming: bool,
    state: State,
    reason: Reason,
    /// Packets that may be unacknowledged, in either direction.
    window: u8,
    /// How many of ours may be, as the network seems to be loaded.
    congestion_window: u8,
    nak_sent: bool,
    choke_sent: bool,
    /// An INFO is not acknowledged yet.
    acknowledge: bool,
    closed: bool,
    retries: u32,
    rtt: RoundTrip,
    t1: Option<Instant>,
    t3: Option<Instant>,
    /// Runs while the peer is busy.
    t4: Option<Instant>,
    send_next: u8,
    receive_next: u8,
    /// What was not sent yet.
    send: VecDeque<u8>,
    /// What was not acknowledged yet; the last one has the number before `send_next`.
    sent: VecDeque<Sent>,
    /// What was received in sequence.
    received: VecDeque<u8>,
    /// What was received ahead, by its distance from `receive_next`.
    reassembly: BTreeMap<u8, Vec<u8>>,
    /// The owner found no room.
    blocked: bool,
    /// The owner has no more use for it.
    released: bool,
    pub(crate) news: News,
    /// INFO that was not in the window or for which there was no room.
    pub(crate) dropped: u64,
}

impl Circuit {
    fn new(
        now: Instant,
        id: CircuitId,
        (node, user): (Call, Call),
        parameters: &Parameters,
    ) -> Self {
        Self {
            id,
            remote: 0,
            node,
            user,
            incoming: false,
            state: State::ConnectPending,
            reason: Reason::Normal,
            window: parameters.window(),
            congestion_window: 1,
            nak_sent: false,
            choke_sent: false,
            acknowledge: false,
            closed: false,
            retries: 0,
            rtt: RoundTrip::new(parameters.initial_timeout()),
            t1: None,
            t3: parameters.idle_timeout().map(|time| now + time),
            t4: None,
            send_next: 0,
            receive_next: 0,
            send: VecDeque::new(),
            sent: VecDeque::new(),
            received: VecDeque::new(),
            reassembly: BTreeMap::new(),
            blocked: false,
            released: false,
            news: News::default(),
            dropped: 0,
        }
    }

    /// Asks a node for a circuit for a user.
    pub(crate) fn connect(id: CircuitId, node: Call, user: Call, shared: &mut Shared<'_>) -> Self {
        let mut circuit = Self::new(shared.now, id, (node, user), shared.parameters);
        circuit.request(shared);
        circuit
    }

    /// Accepts the circuit that a peer asked for.
    pub(crate) fn accept(
        id: CircuitId,
        (remote, node, user): (u16, Call, Call),
        window: u8,
        shared: &mut Shared<'_>,
    ) -> Self {
        let mut circuit = Self::new(shared.now, id, (node, user), shared.parameters);
        circuit.remote = remote;
        circuit.incoming = true;
        circuit.window = window.clamp(1, shared.parameters.window());
        circuit.state = State::Connected;
        circuit.confirm(shared);
        circuit
    }

    /// Whether a request is for this circuit, whose answer the peer has not seen.
    pub(crate) fn is_of(&self, remote: u16, node: Call, user: Call) -> bool {
        self.incoming
            && self.state != State::Disconnected
            && (self.remote, self.node, self.user) == (remote, node, user)
    }

    /// The peer asks again.
    pub(crate) fn requested_again(&mut self, shared: &mut Shared<'_>) {
        self.active(shared);
        if self.state == State::Connected {
            self.confirm(shared);
        }
    }

    fn confirm(&self, shared: &mut Shared<'_>) {
        let message = Message::ConnectAcknowledge {
            yours: named(self.remote),
            mine: named(self.id.0),
            window: self.window,
        };
        shared.out.send(self.node, &message);
    }

    fn request(&mut self, shared: &mut Shared<'_>) {
        let message = Message::ConnectRequest {
            mine: named(self.id.0),
            window: shared.parameters.window(),
            user: self.user,
            node: shared.out.call,
            timeout: None,
        };
        shared.out.send(self.node, &message);
        self.start_t1(shared.now);
    }

    fn disconnect(&mut self, shared: &mut Shared<'_>) {
        let yours = named(self.remote);
        let message = Message::DisconnectRequest { yours };
        shared.out.send(self.node, &message);
        self.start_t1(shared.now);
    }

    /// The peer accepts or, with `None`, refuses.
    pub(crate) fn connected(&mut self, accepted: Option<(u16, u8)>, shared: &mut Shared<'_>) {
        self.active(shared);
        match (self.state, accepted) {
            (State::ConnectPending, None) => self.end(Reason::Refused),
            (State::ConnectPending, Some((remote, window))) => {
                self.remote = remote;
                self.window = shared.parameters.window().min(window).max(1);
                self.enter(State::Connected);
                self.output(shared);
            }
            _ => {}
        }
    }

    /// The peer ends it, and is answered.
    pub(crate) fn disconnected_by_peer(&mut self, shared: &mut Shared<'_>) {
        let yours = named(self.remote);
        let message = Message::DisconnectAcknowledge { yours };
        shared.out.send(self.node, &message);
        if self.state != State::Disconnected {
            self.end(Reason::ByPeer);
        }
    }

    /// The peer confirms the end.
    pub(crate) fn disconnect_acknowledged(&mut self) {
        if self.state == State::DisconnectPending {
            let reason = self.reason;
            self.end(reason);
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.t1 = None;
        self.t4 = None;
        self.retries = 0;
        self.rtt.recompute();
        self.news.state = true;
    }

    fn end(&mut self, reason: Reason) {
        self.enter(State::Disconnected);
        self.reason = reason;
        self.t3 = None;
        self.send = VecDeque::new();
        self.sent = VecDeque::new();
        self.reassembly = BTreeMap::new();
    }

    /// Closes it when everything is sent and acknowledged; nothing more is taken.
    pub(crate) fn close(&mut self, shared: &mut Shared<'_>) {
        self.closed = true;
        match self.state {
            State::ConnectPending => self.end(Reason::Normal),
            State::Connected => self.output(shared),
            State::Disconnected | State::DisconnectPending => {}
        }
    }

    /// Nobody will read what comes.
    pub(crate) fn release(&mut self, shared: &mut Shared<'_>) {
        self.released = true;
        self.received = VecDeque::new();
        self.close(shared);
    }

    pub(crate) const fn is_released(&self) -> bool {
        self.released
    }

    /// Forgets it without telling the peer.
    pub(crate) fn reset(&mut self) {
        if self.state != State::Disconnected {
            self.end(Reason::Reset);
        }
    }

    /// Sends at once what T1 would send again.
    pub(crate) fn kick(&mut self, shared: &mut Shared<'_>) {
        let waits = !self.sent.is_empty() && self.state == State::Connected;
        if waits || matches!(self.state, State::ConnectPending | State::DisconnectPending) {
            self.t1_expired(shared);
        }
    }

    /// A packet has come.
    fn active(&mut self, shared: &Shared<'_>) {
        if self.state != State::Disconnected {
            let time = shared.parameters.idle_timeout();
            self.t3 = time.map(|time| shared.now + time);
        }
    }

    fn start_t1(&mut self, now: Instant) {
        self.t1 = Some(now + self.rtt.timeout);
    }

    fn t1_expired(&mut self, shared: &mut Shared<'_>) {
        self.t1 = None;
        self.rtt.back_off();
        self.congestion_window = self.congestion_window.saturating_sub(1).max(1);
        self.retries += 1;
        let too_often = self.retries > shared.parameters.tries();
        match self.state {
            State::Disconnected => {}
            State::ConnectPending if !too_often => self.request(shared),
            State::DisconnectPending if !too_often => self.disconnect(shared),
            State::ConnectPending | State::DisconnectPending => self.end(Reason::Timeout),
            State::Connected if too_often => {
                self.reason = Reason::Timeout;
                self.send.clear();
                self.sent.clear();
                self.enter(State::DisconnectPending);
                self.disconnect(shared);
            }
            State::Connected => self.repeat_all(shared),
        }
    }

    /// When to call [`Circuit::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.t1, self.t3, self.t4].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, shared: &mut Shared<'_>) {
        let now = shared.now;
        let due = |timer: &mut Option<Instant>| timer.take_if(|at| *at <= now).is_some();
        if due(&mut self.t4) {
            if !self.sent.is_empty() {
                self.start_t1(now);
            }
            self.output(shared);
        }
        if due(&mut self.t1) {
            self.t1_expired(shared);
        }
        // While T1 runs, it decides.
        if due(&mut self.t3) && self.t1.is_none() {
            self.close(shared);
        }
    }

    /// How many octets are taken.
    #[must_use]
    pub fn room(&self) -> usize {
        match self.state {
            State::ConnectPending | State::Connected if !self.closed => {
                let most = usize::from(self.window) * MOST_DATA;
                most.saturating_sub(self.send.len())
            }
            _ => 0,
        }
    }

    /// Takes octets to send; how many.
    pub(crate) fn send(&mut self, octets: &[u8], shared: &mut Shared<'_>) -> usize {
        let take = octets.len().min(self.room());
        self.send.extend(octets.get(..take).unwrap_or_default());
        self.blocked = self.room() == 0;
        self.output(shared);
        take
    }

    /// Number at this node.
    #[must_use]
    pub const fn id(&self) -> CircuitId {
        self.id
    }

    /// The peer's number of it, 0 while that is not known.
    #[must_use]
    pub const fn remote(&self) -> u16 {
        self.remote
    }

    /// The node at its other end.
    #[must_use]
    pub const fn node(&self) -> Call {
        self.node
    }

    /// Who asked for it.
    #[must_use]
    pub const fn user(&self) -> Call {
        self.user
    }

    /// The peer asked for it.
    #[must_use]
    pub const fn is_incoming(&self) -> bool {
        self.incoming
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why it is over, or is going to be.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The window that was agreed upon, packets.
    #[must_use]
    pub const fn window(&self) -> u8 {
        self.window
    }

    /// The window as the load of the network has it, packets.
    #[must_use]
    pub const fn congestion_window(&self) -> u8 {
        self.congestion_window
    }

    /// The peer was told of a gap.
    #[must_use]
    pub const fn nak_sent(&self) -> bool {
        self.nak_sent
    }

    /// The peer was told to stop.
    #[must_use]
    pub const fn choke_sent(&self) -> bool {
        self.choke_sent
    }

    /// It takes nothing more to send.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The peer told us to stop.
    #[must_use]
    pub const fn is_remote_busy(&self) -> bool {
        self.t4.is_some()
    }

    /// How often the same thing was sent again.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// The smoothed round trip time and its mean deviation.
    #[must_use]
    pub const fn round_trip(&self) -> (Duration, Duration) {
        (self.rtt.smoothed, self.rtt.deviation)
    }

    /// What is left of T1, T3 and T4, as far as they run, and how long each runs.
    #[must_use]
    pub fn timers(
        &self,
        now: Instant,
        parameters: &Parameters,
    ) -> [(Option<Duration>, Duration); 3] {
        let left = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(now));
        [
            (left(self.t1), self.rtt.timeout),
            (left(self.t3), parameters.idle_timeout().unwrap_or_default()),
            (left(self.t4), parameters.busy_delay()),
        ]
    }

    /// Octets that can be read.
    #[must_use]
    pub fn receive_queue(&self) -> usize {
        self.received.len()
    }

    /// Octets that were not sent yet.
    #[must_use]
    pub fn send_queue(&self) -> usize {
        self.send.len()
    }

    /// Number and octets of each packet that was received ahead.
    pub fn reassembly(&self) -> impl Iterator<Item = (u8, usize)> {
        let first = self.receive_next;
        let ahead = self.reassembly.iter();
        ahead.map(move |(distance, octets)| (first.wrapping_add(*distance), octets.len()))
    }

    /// Number and octets of each packet that is not acknowledged.
    pub fn unacknowledged(&self) -> impl ExactSizeIterator<Item = (u8, usize)> {
        let first = self.first_unacknowledged();
        let sent = self.sent.iter().zip(0..=u8::MAX);
        sent.map(move |(sent, at)| (first.wrapping_add(at), sent.octets.len()))
    }
}
