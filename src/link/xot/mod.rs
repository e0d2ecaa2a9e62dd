//! X.25 over TCP (RFC 1613): which TCP connection is which logical channel.
//!
//! To the packet layer, a DTE, an [`Xot`] is the network: it answers restarts by itself, gives
//! calls of peers a free channel, and clears what its connection is lost under. To a peer every
//! connection is one circuit, whose logical channel number means nothing.
//!
//! | part | what it does |
//! |---|---|
//! | `mod` | connections: they come, are made, and go; what waits to be sent |
//! | `layer` | what the packet layer sends |
//! | `peer` | what connections bring |
//! | `permanent` | permanent circuits and their set-up |
//! | `flow` | packet and window sizes, which calls have to say here |
//! | `free` | channels that are free |
//!
//! A circuit never makes another wait: what it may have under way is bounded by its window, and so
//! is what waits for its connection.

mod flow;
mod free;
pub mod fuzz;
mod layer;
mod peer;
mod permanent;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use wanbox_wire::x25::facility::PacketSize;
use wanbox_wire::x25::{Body, Lci, Modulo, PacketRepr, cause, diagnostic, xot};

use free::Free;
use permanent::Permanents;

/// What is read of a connection behind the last whole packet: the longest packet and its header.
const PARTIAL: usize = xot::HEADER + wanbox_wire::x25::MAX_PACKET;
/// The most that waits for a connection, octets: the greatest packets in the greatest window, with
/// its acknowledgements.
const WAITING: usize = 1024 * 1024;
/// Connections that have not said yet what they are.
const STRANGERS: usize = 64;
/// How long one may take to say it.
const SILENCE: Duration = Duration::from_secs(30);
/// Connections that are ending, beside one for each channel: of more, the oldest is closed at once.
const ENDINGS: usize = 64;
/// How long a connection may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// What a map works with.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// How far packets are counted, here and at the peers.
    pub modulo: Modulo,
    /// The channels on which peers may call.
    pub calls: Vec<RangeInclusive<u16>>,
    /// The highest channel of the packet layer.
    pub highest: u16,
    /// Permanent circuits, where there are any.
    pub permanent: Option<Permanent>,
    /// The packet size where a call says none.
    pub packet_size: PacketSize,
    /// The window where a call says none.
    pub window: u8,
    /// There is somebody to connect to.
    pub has_remote: bool,
    /// For pauses that two ends do not have alike.
    pub seed: u64,
}

/// The permanent circuits of a map.
#[derive(Clone, Debug)]
pub struct Permanent {
    /// Their channels, the same at the peer.
    pub channels: RangeInclusive<u16>,
    /// The name of the interface that they are on here; any name is taken for an empty one.
    pub interface: String,
    /// Its name at the peer.
    pub remote_interface: String,
}

/// A connection. The number is free again when it has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection(u16);

impl Connection {
    /// Its place in tables.
    #[must_use]
    pub fn place(self) -> usize {
        self.0.into()
    }

    /// The connection of a place.
    #[must_use]
    pub fn at(place: usize) -> Option<Self> {
        u16::try_from(place).ok().map(Self)
    }
}

/// What the owner of the sockets is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to the peer. [`Xot::connected`] or [`Xot::closed`] follows.
    Connect(Connection),
    /// There is something to send.
    Send(Connection),
    /// Close it. Nothing of it is to be told any more.
    Close(Connection),
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is made for a call, which waits.
    Connecting,
    /// It came, and has said nothing yet.
    Silent,
    /// It is a circuit.
    Carrying,
    /// The peer cleared; the confirmation is the last that is sent.
    Cleared,
    /// It is made for a permanent circuit.
    Joining,
    /// Set-up of a permanent circuit was asked for.
    Asking,
    /// A permanent circuit begins: both ends reset, and nothing counts before that.
    Resetting,
    /// The end was sent; the peer may still say so.
    Ending,
}

#[derive(Debug)]
struct Slot {
    phase: Phase,
    /// The packet layer's channel; none before a call, and when nothing of it concerns the layer.
    channel: Option<Lci>,
    /// The channel number that packets carry on the connection.
    on_wire: Lci,
    /// Packet and window size have to be said when the call is accepted.
    owes_flow: (bool, bool),
    /// The beginning of a packet.
    partial: Vec<u8>,
    /// What waits to be sent, and how much of it was.
    out: Vec<u8>,
    taken: usize,
    /// The owner knows that something waits.
    announced: bool,
    /// When it has to have got on.
    deadline: Option<Instant>,
}

impl Slot {
    const fn new(phase: Phase, channel: Option<Lci>) -> Self {
        Self {
            phase,
            channel,
            on_wire: match channel {
                Some(channel) => channel,
                None => Lci::ZERO,
            },
            owes_flow: (false, false),
            partial: Vec::new(),
            out: Vec::new(),
            taken: 0,
            announced: false,
            deadline: None,
        }
    }
}

/// Whose a channel of the packet layer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Channel {
    /// Nobody's.
    #[default]
    Free,
    /// A circuit of this connection.
    Bound(Connection),
    /// The layer was told that the call is over, and has to confirm it.
    Over,
}

/// What is counted. Wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that came.
    pub accepted: u32,
    /// Connections that were made.
    pub connected: u32,
    /// Connections that were lost under a circuit, or could not be made.
    pub lost: u32,
    /// Connections that were not let in: too many that say nothing.
    pub turned_away: u32,
    /// Connections closed because they said nothing for too long.
    pub silent: u32,
    /// Calls of peers that found no free channel, or met one from here.
    pub no_channel: u32,
    /// Connections closed because of a header that cannot be.
    pub malformed: u32,
    /// Packets of another modulo.
    pub other_modulo: u32,
    /// Packets that have no place in X.25 over TCP, or not there and then.
    pub misplaced: u32,
    /// Packets of the packet layer for circuits without a connection.
    pub unbound: u32,
    /// Connections closed because their peer takes nothing.
    pub stuck: u32,
    /// Permanent circuits that were set up.
    pub permanent: u32,
    /// Set-ups of permanent circuits that were refused, here or there.
    pub permanent_refused: u32,
}

/// The connections of one packet layer.
#[derive(Debug)]
pub struct Xot {
    parameters: Parameters,
    slots: Vec<Option<Slot>>,
    channels: Vec<Channel>,
    free: Free,
    permanents: Permanents,
    strangers: usize,
    endings: usize,
    /// The packet layer has restarted, and takes calls.
    up: bool,
    actions: VecDeque<Action>,
    /// What the network says to the packet layer.
    packets: VecDeque<Vec<u8>>,
    /// The earliest deadline, or an earlier time.
    check: Option<Instant>,
    counters: Counters,
}

impl Xot {
    /// A map without connections.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        let places = usize::from(parameters.highest) + 1;
        Self {
            free: Free::new(&parameters.calls, parameters.highest),
            permanents: Permanents::new(&parameters),
            slots: Vec::new(),
            channels: vec![Channel::Free; places],
            strangers: 0,
            endings: 0,
            up: false,
            actions: VecDeque::new(),
            packets: VecDeque::new(),
            check: None,
            counters: Counters::default(),
            parameters,
        }
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections that are open or being made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// A connection came. `None`: it is not let in.
    pub fn accept(&mut self, now: Instant) -> Option<Connection> {
        if self.strangers == STRANGERS || !self.up {
            count(&mut self.counters.turned_away);
            return None;
        }
        let mut slot = Slot::new(Phase::Silent, None);
        slot.deadline = Some(now + SILENCE);
        self.hurry(now + SILENCE);
        let connection = self.open(slot)?;
        self.strangers += 1;
        count(&mut self.counters.accepted);
        Some(connection)
    }

    /// A connection was made.
    pub fn connected(&mut self, now: Instant, connection: Connection) {
        count(&mut self.counters.connected);
        match self.slot(connection).map(|slot| slot.phase) {
            Some(Phase::Connecting) => {
                self.set_phase(connection, Phase::Carrying);
                self.announce(connection);
            }
            Some(Phase::Joining) => self.ask_permanent(now, connection),
            _ => {}
        }
    }

    /// A connection is closed: by the peer, by a failure, or it could not be made.
    pub fn closed(&mut self, now: Instant, connection: Connection) {
        let Some(slot) = self.remove(connection) else {
            return;
        };
        let Some(channel) = slot.channel else {
            return;
        };
        match slot.phase {
            Phase::Joining | Phase::Asking | Phase::Resetting => {
                count(&mut self.counters.lost);
                self.permanent_lost(now, channel);
            }
            _ if self.permanents.has(channel) => {
                count(&mut self.counters.lost);
                self.permanent_lost(now, channel);
            }
            Phase::Cleared => self.set_channel(channel, Channel::Over),
            _ => {
                count(&mut self.counters.lost);
                self.end_call(channel, cause::clear::OUT_OF_ORDER);
            }
        }
    }

    /// What waits to be sent on a connection.
    #[must_use]
    pub fn outbound(&self, connection: Connection) -> &[u8] {
        let slot = self.slots.get(connection.place()).and_then(Option::as_ref);
        slot.and_then(|slot| slot.out.get(slot.taken..))
            .unwrap_or_default()
    }

    /// So much of it was sent.
    pub fn sent(&mut self, connection: Connection, octets: usize) {
        let Some(slot) = self.slot(connection) else {
            return;
        };
        slot.taken = (slot.taken + octets).min(slot.out.len());
        if slot.taken == slot.out.len() {
            slot.out.clear();
            slot.taken = 0;
            slot.announced = false;
        } else if slot.taken > WAITING / 4 {
            slot.out.drain(..slot.taken);
            slot.taken = 0;
        }
    }

    /// What the owner of the sockets is to do next. To be asked until there is nothing after every call
    /// that takes the time, and before another connection is let in: numbers are used again.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What the network has for the packet layer. `false`: nothing.
    pub fn poll_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        match self.packets.pop_front() {
            Some(next) => {
                *packet = next;
                true
            }
            None => false,
        }
    }

    /// Whether [`Self::poll_packet`] has something.
    #[must_use]
    pub fn has_packets(&self) -> bool {
        !self.packets.is_empty()
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.check, self.permanents.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.check.is_some_and(|at| at <= now) {
            self.check = None;
            for place in 0..self.slots.len() {
                let Some(connection) = Connection::at(place) else {
                    break;
                };
                let Some((phase, deadline)) = self
                    .slot(connection)
                    .and_then(|slot| Some((slot.phase, slot.deadline?)))
                else {
                    continue;
                };
                if deadline > now {
                    self.hurry(deadline);
                    continue;
                }
                if phase == Phase::Silent {
                    count(&mut self.counters.silent);
                }
                self.closed(now, connection);
                self.actions.push_back(Action::Close(connection));
            }
        }
        self.call_permanents(now);
    }

    fn hurry(&mut self, at: Instant) {
        self.check = Some(self.check.map_or(at, |check| check.min(at)));
    }

    fn open(&mut self, slot: Slot) -> Option<Connection> {
        let place = match self.slots.iter().position(Option::is_none) {
            Some(place) => place,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        let connection = Connection::at(place)?;
        *self.slots.get_mut(place)? = Some(slot);
        Some(connection)
    }

    fn slot(&mut self, connection: Connection) -> Option<&mut Slot> {
        self.slots.get_mut(connection.place())?.as_mut()
    }

    fn remove(&mut self, connection: Connection) -> Option<Slot> {
        let slot = self.slots.get_mut(connection.place())?.take()?;
        self.strangers -= usize::from(slot.phase == Phase::Silent);
        self.endings -= usize::from(slot.phase == Phase::Ending);
        Some(slot)
    }

    fn set_phase(&mut self, connection: Connection, phase: Phase) {
        if let Some(slot) = self.slot(connection) {
            let was = std::mem::replace(&mut slot.phase, phase);
            slot.deadline = None;
            self.strangers -= usize::from(was == Phase::Silent);
            self.endings -= usize::from(was == Phase::Ending);
            self.endings += usize::from(phase == Phase::Ending);
        }
    }

    fn channel(&self, channel: Lci) -> Channel {
        let place = usize::from(channel.get());
        self.channels.get(place).copied().unwrap_or_default()
    }

    fn set_channel(&mut self, channel: Lci, state: Channel) {
        if let Some(slot) = self.channels.get_mut(usize::from(channel.get())) {
            *slot = state;
            self.free.set(channel, state == Channel::Free);
        }
    }

    /// The owner is told that something waits, if it does not know.
    fn announce(&mut self, connection: Connection) {
        let Some(slot) = self.slot(connection) else {
            return;
        };
        let there = !matches!(slot.phase, Phase::Connecting | Phase::Joining);
        if there && !slot.announced && slot.taken < slot.out.len() {
            slot.announced = true;
            self.actions.push_back(Action::Send(connection));
        }
    }

    /// A packet for the peer, with the channel number of the connection. `false`: the peer takes
    /// nothing.
    fn push(&mut self, connection: Connection, packet: &[u8]) -> bool {
        let Some(slot) = self.slot(connection) else {
            return true;
        };
        let (Some(&[first, _]), Ok(length)) =
            (packet.first_chunk::<2>(), u16::try_from(packet.len()))
        else {
            return true;
        };
        if slot.out.len() - slot.taken + packet.len() > WAITING {
            return false;
        }
        let [high, low] = slot.on_wire.get().to_be_bytes();
        slot.out.extend_from_slice(&xot::header(length));
        slot.out.extend_from_slice(&[first & 0xf0 | high, low]);
        slot.out
            .extend_from_slice(packet.get(2..).unwrap_or_default());
        self.announce(connection);
        true
    }

    /// A packet of the network itself for the peer.
    fn push_own(&mut self, connection: Connection, body: Body<'_>) {
        let mut packet = Vec::new();
        let lci = Lci::ZERO;
        PacketRepr { lci, body }.append(self.parameters.modulo, &mut packet);
        self.push(connection, &packet);
    }

    /// Nothing more of a connection concerns the packet layer: what waits is sent, and what the peer
    /// still says is not heard. Who calls again and again, and never closes, gets no more connections by that.
    fn finish(&mut self, now: Instant, connection: Connection) {
        self.set_phase(connection, Phase::Ending);
        let deadline = now + ENDING;
        if let Some(slot) = self.slot(connection) {
            slot.channel = None;
            slot.deadline = Some(deadline);
            self.hurry(deadline);
        }
        if self.endings <= ENDINGS + self.channels.len() {
            return;
        }
        let slots = self.slots.iter().enumerate();
        let endings = slots.filter_map(|(place, slot)| {
            let slot = slot.as_ref()?;
            (slot.phase == Phase::Ending).then_some((slot.deadline, place))
        });
        if let Some(oldest) = endings.min().and_then(|(_, place)| Connection::at(place)) {
            self.drop_connection(oldest);
        }
    }

    /// A connection is closed at once.
    fn drop_connection(&mut self, connection: Connection) {
        if self.remove(connection).is_some() {
            self.actions.push_back(Action::Close(connection));
        }
    }

    /// A packet of the network for the packet layer.
    fn tell(&mut self, lci: Lci, body: Body<'_>) {
        let mut packet = Vec::new();
        PacketRepr { lci, body }.append(self.parameters.modulo, &mut packet);
        self.packets.push_back(packet);
    }

    /// The network clears a call.
    fn end_call(&mut self, channel: Lci, cause: u8) {
        self.set_channel(channel, Channel::Over);
        let body = Body::ClearRequest {
            cause,
            diagnostic: diagnostic::NONE,
            fields: wanbox_wire::x25::CallFields::default(),
        };
        self.tell(channel, body);
    }
}

fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
