//! The state of a layer, what can be seen of it, and what the procedures have in common.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::{Lci, Modulo, cause};

use super::circuit::{Circuit, Set, State, Table};
use super::counters::count;
use super::timers::Timer;
use super::transmit::Explanation;
use super::window::Spare;
use crate::range::BadParameter;

use super::{Counters, Event, LinkState, Parameters, Refusal, Status};

/// Events that may wait to be fetched. A restart makes one for each circuit.
const EVENTS: usize = 4 * Lci::MAX.get() as usize;

/// Where the restart procedure is, whichever end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The link below is down.
    Down,
    /// Packet layer ready.
    Ready,
    /// This end restarts.
    Ours,
    /// The peer restarted, and the confirmation waits to be sent.
    Peers,
}

impl Phase {
    /// Its name in the standard.
    pub(super) fn name(self, role: Role) -> LinkState {
        match (self, role) {
            (Self::Down, _) => LinkState::Down,
            (Self::Ready, _) => LinkState::R1,
            (Self::Ours, Role::Dte) | (Self::Peers, Role::Dce) => LinkState::R2,
            (Self::Ours, Role::Dce) | (Self::Peers, Role::Dte) => LinkState::R3,
        }
    }
}

/// One end of a link's packet layer.
#[derive(Debug)]
pub struct Layer {
    pub(super) parameters: Parameters,
    pub(super) phase: Phase,
    /// Whether the owner takes the layer for up.
    pub(super) up: bool,
    pub(super) circuits: Table,
    /// Channels without a call on which this end may call.
    pub(super) callable: Set,
    /// Channels that have something to send, in the order in which they may.
    pub(super) ready: VecDeque<Lci>,
    /// The same channels.
    pub(super) queued: Set,
    /// When T20 (T10) runs out.
    pub(super) t20: Option<Instant>,
    /// Deadlines of circuits.
    pub(super) timers: BTreeSet<(Instant, Lci, Timer)>,
    /// When acknowledgements can no longer wait for data, earliest first.
    pub(super) acknowledgements: VecDeque<(Instant, Lci)>,
    /// Whether a restart is to be sent.
    pub(super) restart_due: bool,
    /// Whether it was sent before.
    pub(super) restart_sent: bool,
    /// Cause and diagnostic of it.
    pub(super) reason: (u8, u8),
    /// How often it was sent again.
    pub(super) attempts: u8,
    /// Diagnostics to send.
    pub(super) diagnostics: VecDeque<(u8, Explanation)>,
    pub(super) spare: Spare,
    pub(super) events: VecDeque<Event>,
    pub(super) counters: Counters,
}

impl Layer {
    /// A packet layer whose link is down.
    ///
    /// # Errors
    /// The parameter that is out of its range.
    pub fn new(parameters: Parameters) -> Result<Self, BadParameter> {
        parameters.check()?;
        let channels = &parameters.channels;
        let mut circuits = Table::new(channels.highest());
        for channel in channels.permanent.iter().cloned().flatten() {
            if let Some(channel) = Lci::new(channel) {
                circuits.insert(channel, Circuit::permanent(parameters.flow()));
            }
        }
        let one_way = match parameters.role {
            Role::Dte => &channels.outgoing,
            Role::Dce => &channels.incoming,
        };
        let mut callable = Set::new();
        for range in channels.two_way.iter().chain(one_way) {
            for channel in range.clone().filter_map(Lci::new) {
                callable.insert(channel);
            }
        }
        Ok(Self {
            circuits,
            callable,
            parameters,
            phase: Phase::Down,
            up: false,
            ready: VecDeque::new(),
            queued: Set::new(),
            t20: None,
            timers: BTreeSet::new(),
            acknowledgements: VecDeque::new(),
            restart_due: false,
            restart_sent: false,
            reason: (0, 0),
            attempts: 0,
            diagnostics: VecDeque::new(),
            spare: Spare::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
        })
    }

    /// What the layer works with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What is counted. Wraps.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where the restart procedure is.
    #[must_use]
    pub fn link_state(&self) -> LinkState {
        self.phase.name(self.parameters.role)
    }

    /// The channels that have a circuit, in order.
    pub fn circuits(&self) -> impl Iterator<Item = Lci> {
        self.circuits.channels()
    }

    /// What a circuit is doing, if there is one.
    #[must_use]
    pub fn status(&self, channel: Lci) -> Option<Status> {
        let circuit = self.circuits.get(channel)?;
        let role = self.parameters.role;
        let (outgoing, incoming) = (&circuit.outgoing, &circuit.incoming);
        Some(Status {
            permanent: circuit.permanent,
            call: circuit.state.name(role),
            reset: circuit.resetting.name(role),
            flow: circuit.flow,
            vs: outgoing.vs,
            va: outgoing.va,
            vr: incoming.vr,
            acknowledged: incoming.acknowledged,
            outstanding: outgoing.outstanding(self.parameters.modulo),
            waiting: outgoing.octets(),
            unread: incoming.unread(),
            peer_busy: outgoing.peer_busy,
            delivered: outgoing.delivered,
            traffic: circuit.traffic,
        })
    }

    /// What happened, oldest first. To be asked after every call that takes the time.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn tell(&mut self, event: Event) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
            count(&mut self.counters.events_lost);
        }
        self.events.push_back(event);
    }

    pub(super) fn modulo(&self) -> Modulo {
        self.parameters.modulo
    }

    pub(super) fn is_dce(&self) -> bool {
        self.parameters.role == Role::Dce
    }

    /// A cause as this end may say it: a DTE says its own, or passes on what a network said with the
    /// first bit set (5.5.2.1).
    pub(super) fn own_cause(&self, cause: u8) -> u8 {
        if self.is_dce() || cause == 0 {
            cause
        } else {
            cause | cause::DTE
        }
    }

    /// The cause of what this end does of its own accord: a DCE says why, a DTE that it was it.
    pub(super) fn procedure_cause(&self, dce: u8) -> u8 {
        if self.is_dce() { dce } else { 0 }
    }

    /// The channel has something to send.
    pub(super) fn wake(&mut self, channel: Lci) {
        if self.queued.insert(channel) {
            self.ready.push_back(channel);
        }
    }

    /// These packets are to be sent, of [`super::circuit::due`].
    pub(super) fn owe(&mut self, channel: Lci, packets: u16) {
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.due |= packets;
            self.wake(channel);
        }
    }

    /// A wish that is not granted.
    pub(super) fn refuse<T>(&mut self, refusal: Refusal) -> Result<T, Refusal> {
        count(&mut self.counters.refused);
        Err(refusal)
    }

    /// A circuit that the owner has, in the state in which it carries data.
    pub(super) fn connected(&mut self, channel: Lci) -> Result<&mut Circuit, Refusal> {
        let refusal = match self.circuits.get(channel) {
            _ if self.phase != Phase::Ready => Some(Refusal::Down),
            Some(circuit) if circuit.state == State::Transfer => None,
            Some(circuit) if circuit.is_owned() => Some(Refusal::State),
            _ => Some(Refusal::NoCircuit),
        };
        if let Some(refusal) = refusal {
            return self.refuse(refusal);
        }
        self.circuits.get_mut(channel).ok_or(Refusal::NoCircuit)
    }

    /// What is under way on a circuit is forgotten, and no answer waited for.
    pub(super) fn forget(&mut self, channel: Lci) {
        self.stop_timers(channel);
        self.forget_data(channel);
    }

    /// What is under way on a circuit is forgotten.
    pub(super) fn forget_data(&mut self, channel: Lci) {
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        let (octets, packets) = circuit.begin_anew(&mut self.spare);
        let refused = std::mem::take(&mut circuit.outgoing.refused) && circuit.is_owned();
        let counters = &mut self.counters;
        counters.forgotten = counters.forgotten.wrapping_add(octets as u64);
        counters.unread = counters.unread.wrapping_add(packets as u32);
        if refused {
            self.tell(Event::Writable(channel));
        }
    }

    /// The circuit of a call is no more: the channel is ready (p1).
    pub(super) fn free(&mut self, channel: Lci) {
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.state = State::Cleared;
        }
        self.forget(channel);
        let owners = self
            .circuits
            .remove(channel)
            .is_some_and(|gone| gone.owners);
        if self.may_call(channel, self.parameters.role) {
            self.callable.insert(channel);
        }
        if owners {
            self.tell(Event::ClearConfirmed(channel));
        }
    }

    /// A circuit for a call, or to clear what is none.
    pub(super) fn open(&mut self, channel: Lci, circuit: Circuit) {
        self.callable.remove(channel);
        self.circuits.insert(channel, circuit);
    }

    /// Whether a channel without a circuit is not called on, although it might be: nobody has
    /// confirmed that it was cleared.
    pub(super) fn is_given_up(&self, channel: Lci) -> bool {
        !self.callable.contains(channel) && self.may_call(channel, self.parameters.role)
    }

    /// Whether the end with this role may call on a channel.
    pub(super) fn may_call(&self, channel: Lci, role: Role) -> bool {
        let channels = &self.parameters.channels;
        let one_way = match role {
            Role::Dte => &channels.outgoing,
            Role::Dce => &channels.incoming,
        };
        let mut ranges = channels.two_way.iter().chain(one_way);
        ranges.any(|range| range.contains(&channel.get()))
    }
}
