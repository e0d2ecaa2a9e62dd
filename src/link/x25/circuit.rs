//! The circuits of a link, found by their logical channel.

use std::time::Instant;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::FastSelect;
use wanbox_wire::x25::{Lci, Modulo};

use super::timers::Timer;
use super::window::{Incoming, Outgoing, Spare, clear};
use super::{Call, CallState, FlowControl, ResetState, Traffic};

/// Where the call of a circuit is, whichever end this is. Without a call there is no circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The peer called.
    Called,
    /// This end called.
    Calling,
    /// Both did. A DTE waits for the answer to its call, a DCE has the peer's to answer.
    Collision,
    /// Data transfer.
    Transfer,
    /// This end clears.
    Clearing,
    /// The peer cleared, and the confirmation waits to be sent.
    Cleared,
}

impl State {
    /// Its name in the standard.
    pub(super) fn name(self, role: Role) -> CallState {
        match (self, role) {
            (Self::Calling, Role::Dte) | (Self::Called, Role::Dce) => CallState::P2,
            (Self::Calling, Role::Dce) | (Self::Called, Role::Dte) => CallState::P3,
            (Self::Transfer, _) => CallState::P4,
            (Self::Collision, _) => CallState::P5,
            (Self::Clearing, Role::Dte) | (Self::Cleared, Role::Dce) => CallState::P6,
            (Self::Clearing, Role::Dce) | (Self::Cleared, Role::Dte) => CallState::P7,
        }
    }
}

/// Whether a circuit is being reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resetting {
    /// It is not.
    No,
    /// This end does.
    Ours,
    /// The peer did, and the confirmation waits to be sent.
    Peers,
}

impl Resetting {
    /// Its name in the standard.
    pub(super) fn name(self, role: Role) -> ResetState {
        match (self, role) {
            (Self::No, _) => ResetState::D1,
            (Self::Ours, Role::Dte) | (Self::Peers, Role::Dce) => ResetState::D2,
            (Self::Ours, Role::Dce) | (Self::Peers, Role::Dte) => ResetState::D3,
        }
    }
}

/// Packets that are to be sent, in the order in which they go; data come before
/// [`due::ACKNOWLEDGEMENT`], and then carry it.
pub(super) mod due {
    pub const CALL: u16 = 1;
    pub const ACCEPTED: u16 = 1 << 1;
    pub const CLEAR: u16 = 1 << 2;
    pub const CLEAR_CONFIRMATION: u16 = 1 << 3;
    pub const RESET: u16 = 1 << 4;
    pub const RESET_CONFIRMATION: u16 = 1 << 5;
    pub const INTERRUPT_CONFIRMATION: u16 = 1 << 6;
    pub const INTERRUPT: u16 = 1 << 7;
    /// RNR or RR, because that has changed.
    pub const BUSY: u16 = 1 << 8;
    /// RR, unless data go first.
    pub const ACKNOWLEDGEMENT: u16 = 1 << 9;
}

/// Interrupts of a circuit (4.3.5).
#[derive(Debug, Default)]
pub(super) struct Interrupts {
    /// What to send.
    pub(super) data: Vec<u8>,
    /// Whether one waits for its confirmation, or to be sent.
    pub(super) ours: bool,
    /// Whether the owner has one to confirm.
    pub(super) peers: bool,
}

/// One circuit.
#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) permanent: bool,
    pub(super) state: State,
    pub(super) resetting: Resetting,
    /// Packets to be sent, of [`due`].
    pub(super) due: u16,
    /// Whether the owner waits to be told that clearing or resetting is over.
    pub(super) owners: bool,
    /// How often clearing or resetting was sent again.
    pub(super) attempts: u8,
    /// Cause and diagnostic of clearing or resetting.
    pub(super) reason: (u8, u8),
    /// What is said in the call, the answer or clearing that is to be sent.
    pub(super) call: Option<Box<Call>>,
    pub(super) fast_select: FastSelect,
    /// Whether the peer's call speaks of packet sizes, and of windows.
    pub(super) negotiates: (bool, bool),
    /// What is agreed on; before the answer, what this end would have.
    pub(super) flow: FlowControl,
    /// What the caller proposed.
    pub(super) proposed: FlowControl,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) interrupts: Interrupts,
    /// T21, T22 or T23.
    pub(super) timer: Option<(Instant, Timer)>,
    pub(super) t26: Option<Instant>,
    pub(super) traffic: Traffic,
}

impl Circuit {
    pub(super) fn new(state: State, flow: FlowControl) -> Self {
        Self {
            permanent: false,
            state,
            resetting: Resetting::No,
            due: 0,
            owners: false,
            attempts: 0,
            reason: (0, 0),
            call: None,
            fast_select: FastSelect::No,
            negotiates: (false, false),
            flow,
            proposed: flow,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            interrupts: Interrupts::default(),
            timer: None,
            t26: None,
            traffic: Traffic::default(),
        }
    }

    pub(super) fn permanent(flow: FlowControl) -> Self {
        Self {
            permanent: true,
            ..Self::new(State::Transfer, flow)
        }
    }

    /// Whether the owner has it.
    pub(super) fn is_owned(&self) -> bool {
        !matches!(self.state, State::Clearing | State::Cleared)
    }

    /// Whether data flow.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Transfer && self.resetting == Resetting::No
    }

    /// Whether a data packet can be sent.
    pub(super) fn has_packet(&self, modulo: Modulo) -> bool {
        let FlowControl {
            send_size,
            send_window,
            ..
        } = self.flow;
        self.is_ready()
            && self
                .outgoing
                .has_packet(modulo, send_window, send_size.octets())
    }

    /// Whether a packet that clears or resets was sent: it may wait to be sent again.
    pub(super) fn was_sent(&self, packet: u16) -> bool {
        self.due & packet == 0 || self.attempts > 0
    }

    /// Whether there is anything to send.
    pub(super) fn wants(&self, modulo: Modulo) -> bool {
        self.due != 0 || self.has_packet(modulo)
    }

    /// Numbers begin at 0, and what is under way is forgotten: octets that were not sent, packets
    /// that were not read.
    pub(super) fn begin_anew(&mut self, spare: &mut Spare) -> (usize, usize) {
        self.interrupts = Interrupts::default();
        clear(&mut self.outgoing, &mut self.incoming, spare)
    }
}

/// A set of logical channels.
#[derive(Debug)]
pub(super) struct Set([u64; 64]);

impl Set {
    pub(super) const fn new() -> Self {
        Self([0; 64])
    }

    fn place(&mut self, channel: Lci) -> Option<(&mut u64, u64)> {
        let number = channel.get();
        let word = self.0.get_mut(usize::from(number / 64))?;
        Some((word, 1 << (number % 64)))
    }

    /// Whether it was not in it.
    pub(super) fn insert(&mut self, channel: Lci) -> bool {
        self.place(channel).is_some_and(|(word, bit)| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }

    pub(super) fn remove(&mut self, channel: Lci) {
        if let Some((word, bit)) = self.place(channel) {
            *word &= !bit;
        }
    }

    pub(super) fn contains(&self, channel: Lci) -> bool {
        let number = channel.get();
        let word = self.0.get(usize::from(number / 64));
        word.is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    pub(super) fn lowest(&self) -> Option<Lci> {
        let (at, word) = self.0.iter().enumerate().find(|(_, word)| **word != 0)?;
        Lci::new(at as u16 * 64 + word.trailing_zeros() as u16)
    }

    pub(super) fn highest(&self) -> Option<Lci> {
        let mut words = self.0.iter().enumerate().rev();
        let (at, word) = words.find(|(_, word)| **word != 0)?;
        Lci::new(at as u16 * 64 + 63 - word.leading_zeros() as u16)
    }
}

/// All circuits by their channel.
#[derive(Debug)]
pub(super) struct Table(Vec<Option<Box<Circuit>>>);

impl Table {
    /// Channels up to this one.
    pub(super) fn new(highest: u16) -> Self {
        Self((0..=highest).map(|_| None).collect())
    }

    pub(super) fn get(&self, channel: Lci) -> Option<&Circuit> {
        self.0.get(usize::from(channel.get()))?.as_deref()
    }

    pub(super) fn get_mut(&mut self, channel: Lci) -> Option<&mut Circuit> {
        self.0.get_mut(usize::from(channel.get()))?.as_deref_mut()
    }

    pub(super) fn insert(&mut self, channel: Lci, circuit: Circuit) {
        if let Some(place) = self.0.get_mut(usize::from(channel.get())) {
            *place = Some(Box::new(circuit));
        }
    }

    pub(super) fn remove(&mut self, channel: Lci) -> Option<Box<Circuit>> {
        self.0.get_mut(usize::from(channel.get()))?.take()
    }

    /// The channels that have one, in order.
    pub(super) fn channels(&self) -> impl Iterator<Item = Lci> {
        let taken = |(at, circuit): (usize, &Option<Box<Circuit>>)| {
            circuit.as_ref().and(Lci::new(at as u16))
        };
        self.0.iter().enumerate().filter_map(taken)
    }

    /// The first of them from a number on.
    pub(super) fn from(&self, number: u16) -> Option<Lci> {
        let rest = self.0.get(usize::from(number)..)?;
        let steps = rest.iter().position(Option::is_some)?;
        Lci::new(number + steps as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_that_does_nothing_is_small() {
        assert!(size_of::<Circuit>() <= 768, "{}", size_of::<Circuit>());
    }

    #[test]
    fn a_set_knows_its_ends() {
        let mut set = Set::new();
        assert_eq!((set.lowest(), set.highest()), (None, None));
        for number in [1, 64, 700, 4095] {
            let channel = Lci::new(number).unwrap();
            assert!(set.insert(channel));
            assert!(!set.insert(channel));
            assert_eq!(set.highest(), Some(channel));
            assert_eq!(set.lowest(), Lci::new(1));
        }
        for (number, lowest) in [(1, 64), (64, 700), (700, 4095)] {
            set.remove(Lci::new(number).unwrap());
            assert_eq!(set.lowest(), Lci::new(lowest));
        }
    }
}
