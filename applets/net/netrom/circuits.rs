//! The circuits of the node: who asks for them, what comes for them, what their owners are told.

use std::fmt;
use std::time::Instant;

use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::{self, MOST_DATA, Message};

use crate::circuit::{Circuit, CircuitId, Received, Shared, State, named};
use crate::netrom::{NetRom, is_plausible};

/// The most circuits, with those that are over and not released.
const MOST_CIRCUITS: usize = 256;
/// How many circuits that are gone are remembered.
const MOST_GONE: usize = 32;

/// What the owners of circuits must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer has opened a circuit.
    Incoming(CircuitId),
    /// A circuit is in another state; see [`Circuit::state`] and [`Circuit::reason`].
    State(CircuitId),
    /// There is something to read.
    Readable(CircuitId),
    /// There is room again where [`NetRom::send`] filled it.
    Writable(CircuitId),
}

/// Why a circuit cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// There is no way to the node.
    UnknownNode,
    /// There are as many circuits as may be.
    TooMany,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownNode => "Unknown node",
            Self::TooMany => "Too many circuits",
        })
    }
}

impl std::error::Error for ConnectError {}

/// A circuit that is gone: a peer that has not heard so is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    id: u16,
    remote: u16,
    node: Call,
}

impl NetRom {
    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The circuits by number.
    pub fn circuits(&self) -> impl Iterator<Item = &Circuit> {
        self.circuits.values()
    }

    /// A circuit.
    #[must_use]
    pub fn circuit(&self, id: CircuitId) -> Option<&Circuit> {
        self.circuits.get(&id.0)
    }

    /// A circuit by the number that people see.
    #[must_use]
    pub fn circuit_by_number(&self, number: u32) -> Option<&Circuit> {
        self.circuits.get(&u16::try_from(number).ok()?)
    }

    /// Opens a circuit to a node for a user.
    ///
    /// # Errors
    /// There is no way to the node, or there are too many circuits.
    pub fn connect(
        &mut self,
        now: Instant,
        node: Call,
        user: Call,
    ) -> Result<CircuitId, ConnectError> {
        let own = self.call();
        if own.is_none() || (node != own && self.table.route(now, node).is_none()) {
            return Err(ConnectError::UnknownNode);
        }
        let id = self.free_id().ok_or(ConnectError::TooMany)?;
        let circuit = Circuit::connect(id, node, user, &mut self.shared(now));
        self.circuits.insert(id.0, circuit);
        Ok(id)
    }

    /// Takes octets to send; how many.
    pub fn send(&mut self, now: Instant, id: CircuitId, octets: &[u8]) -> usize {
        let mut taken = 0;
        self.with(now, id.0, &mut |circuit, shared| {
            taken = circuit.send(octets, shared);
        });
        taken
    }

    /// How many octets [`NetRom::send`] takes.
    #[must_use]
    pub fn room(&self, id: CircuitId) -> usize {
        self.circuit(id).map_or(0, Circuit::room)
    }

    /// Appends up to `most` received octets; how many.
    pub fn read(&mut self, now: Instant, id: CircuitId, most: usize, to: &mut Vec<u8>) -> usize {
        let mut taken = 0;
        self.with(now, id.0, &mut |circuit, shared| {
            taken = circuit.read(most, to, shared);
        });
        taken
    }

    /// Ends a circuit when everything is sent and acknowledged.
    pub fn close(&mut self, now: Instant, id: CircuitId) {
        self.with(now, id.0, &mut Circuit::close);
    }

    /// Ends a circuit without telling the peer.
    pub fn reset(&mut self, now: Instant, id: CircuitId) {
        self.with(now, id.0, &mut |circuit, _| circuit.reset());
    }

    /// Sends again at once what is not acknowledged.
    pub fn kick(&mut self, now: Instant, id: CircuitId) {
        self.with(now, id.0, &mut Circuit::kick);
    }

    /// Its owner has no more use for a circuit: it is closed, and gone when that is done. There are no more events
    /// of it.
    pub fn release(&mut self, now: Instant, id: CircuitId) {
        self.with(now, id.0, &mut Circuit::release);
        self.events.retain(|event| event.id() != id);
    }

    fn shared(&mut self, now: Instant) -> Shared<'_> {
        Shared {
            now,
            parameters: &self.parameters,
            out: &mut self.out,
        }
    }

    /// Does something to a circuit, and tells its owner what has come of it. `false`: it is not there.
    fn with(
        &mut self,
        now: Instant,
        id: u16,
        action: &mut dyn FnMut(&mut Circuit, &mut Shared<'_>),
    ) -> bool {
        let Some(circuit) = self.circuits.get_mut(&id) else {
            return false;
        };
        let mut shared = Shared {
            now,
            parameters: &self.parameters,
            out: &mut self.out,
        };
        action(circuit, &mut shared);
        let news = std::mem::take(&mut circuit.news);
        if circuit.is_released() {
            if circuit.state() == State::Disconnected {
                self.forget(id);
            }
            return true;
        }
        let id = circuit.id();
        for (is_so, event) in [
            (news.readable, Event::Readable(id)),
            (news.state, Event::State(id)),
            (news.writable, Event::Writable(id)),
        ] {
            if is_so && !self.events.contains(&event) {
                self.events.push_back(event);
            }
        }
        true
    }

    fn forget(&mut self, id: u16) {
        if let Some(circuit) = self.circuits.remove(&id) {
            self.counters.information_dropped += circuit.dropped;
            if self.gone.len() >= MOST_GONE {
                self.gone.pop_front();
            }
            self.gone.push_back(Gone {
                id,
                remote: circuit.remote(),
                node: circuit.node(),
            });
        }
    }

    /// A number that no circuit has. 0 means none to others.
    fn free_id(&mut self) -> Option<CircuitId> {
        if self.circuits.len() >= MOST_CIRCUITS {
            return None;
        }
        while self.next_circuit == 0 || self.circuits.contains_key(&self.next_circuit) {
            self.next_circuit = self.next_circuit.wrapping_add(1);
        }
        let id = self.next_circuit;
        self.next_circuit = id.wrapping_add(1);
        Some(CircuitId(id))
    }

    /// Does what is due of each circuit.
    pub(crate) fn circuits_due(&mut self, now: Instant) {
        let due = |circuit: &&Circuit| circuit.poll_timeout().is_some_and(|due| due <= now);
        let due: Vec<u16> = (self.circuits.values().filter(due))
            .map(|circuit| circuit.id().0)
            .collect();
        for id in due {
            self.with(now, id, &mut Circuit::handle_timeout);
        }
    }

    /// Takes a packet of the transport layer for us.
    pub(crate) fn transport(&mut self, now: Instant, origin: Call, message: &Message<'_>) {
        match *message {
            Message::ConnectRequest {
                mine,
                window,
                user,
                node,
                timeout: _,
            } => self.requested(now, number(mine), (window, user, node)),
            Message::ConnectRefuse { yours } => {
                self.came(now, origin, yours, &mut |circuit, shared| {
                    circuit.connected(None, shared);
                });
            }
            Message::ConnectAcknowledge {
                yours,
                mine,
                window,
            } => {
                let accepted = Some((number(mine), window));
                self.came(now, origin, yours, &mut |circuit, shared| {
                    circuit.connected(accepted, shared);
                });
            }
            Message::DisconnectRequest { yours } => {
                if !self.came(now, origin, yours, &mut Circuit::disconnected_by_peer) {
                    self.ended(number(yours), origin);
                }
            }
            Message::DisconnectAcknowledge { yours } => {
                self.came(now, origin, yours, &mut |circuit, _| {
                    circuit.disconnect_acknowledged();
                });
            }
            Message::Information {
                yours,
                tx,
                rx,
                flags,
                data,
            } if data.len() <= MOST_DATA => {
                let received = Received {
                    number: tx,
                    expected: rx,
                    flags,
                    information: Some(data),
                };
                self.came(now, origin, yours, &mut |circuit, shared| {
                    circuit.transfer(&received, shared);
                });
            }
            Message::InformationAcknowledge {
                yours,
                tx,
                rx,
                flags,
            } => {
                let received = Received {
                    number: tx,
                    expected: rx,
                    flags,
                    information: None,
                };
                self.came(now, origin, yours, &mut |circuit, shared| {
                    circuit.transfer(&received, shared);
                });
            }
            Message::Information { .. } | Message::Ip(_) => self.counters.malformed += 1,
        }
    }

    /// Something came for a circuit. `false`: it is not there, or is another node's: circuits begin with the same
    /// numbers whenever a node starts.
    fn came(
        &mut self,
        now: Instant,
        origin: Call,
        circuit: netrom::Circuit,
        action: &mut dyn FnMut(&mut Circuit, &mut Shared<'_>),
    ) -> bool {
        let id = number(circuit);
        let circuit = self.circuits.get(&id);
        let is_there = circuit.is_some_and(|circuit| circuit.node() == origin);
        if is_there {
            self.with(now, id, action);
        } else {
            self.counters.no_circuit += 1;
        }
        is_there
    }

    /// A peer ends a circuit that is not there: it is answered if that was so until of late.
    fn ended(&mut self, number: u16, origin: Call) {
        let was = |gone: &&Gone| (gone.id, gone.node) == (number, origin);
        if let Some(gone) = self.gone.iter().rev().find(was) {
            let yours = named(gone.remote);
            let message = Message::DisconnectAcknowledge { yours };
            self.out.send(origin, &message);
        }
    }

    /// A peer asks for a circuit.
    fn requested(&mut self, now: Instant, remote: u16, (window, user, node): (u8, Call, Call)) {
        if !is_plausible(node) {
            self.counters.malformed += 1;
            return;
        }
        let mut circuits = self.circuits.values();
        let same = circuits.find(|circuit| circuit.is_of(remote, node, user));
        if let Some(id) = same.map(|circuit| circuit.id().0) {
            self.with(now, id, &mut Circuit::requested_again);
            return;
        }
        let Some(id) = self.is_serving().then(|| self.free_id()).flatten() else {
            self.counters.refused += 1;
            let yours = named(remote);
            self.out.send(node, &Message::ConnectRefuse { yours });
            return;
        };
        let circuit = Circuit::accept(id, (remote, node, user), window, &mut self.shared(now));
        self.circuits.insert(id.0, circuit);
        self.events.push_back(Event::Incoming(id));
    }
}

/// Index and id as one number.
const fn number(circuit: netrom::Circuit) -> u16 {
    u16::from_be_bytes([circuit.index, circuit.id])
}

impl Event {
    /// The circuit it is about.
    #[must_use]
    pub const fn id(self) -> CircuitId {
        match self {
            Self::Incoming(id) | Self::State(id) | Self::Readable(id) | Self::Writable(id) => id,
        }
    }
}
