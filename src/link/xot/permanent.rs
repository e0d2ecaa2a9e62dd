//! Permanent circuits: a connection each, that begins with a set-up of its own (RFC 1613 section
//! 6.5). One that has no connection is out of order, and what is sent on it is lost.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use wanbox_wire::x25::xot::{End, PvcSetup, Status};
use wanbox_wire::x25::{Body, kind};
use wanbox_wire::x25::{Lci, cause, diagnostic};

use super::peer::Then;
use super::{Action, Channel, Connection, Parameters, Phase, SILENCE, Slot, Xot, count};
use crate::random::SplitMix64;

/// The pause before a set-up is tried again, at least; at most twice as long.
const RETRY: Duration = Duration::from_secs(30);

/// What is known of a map's permanent circuits.
#[derive(Debug)]
pub(super) struct Permanents {
    channels: Option<RangeInclusive<u16>>,
    /// By channel, from the lowest on.
    circuits: Vec<Circuit>,
    random: SplitMix64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Circuit {
    /// When it is set up from here.
    retry: Option<Instant>,
    /// The packet layer was told of a reset, and has not confirmed it.
    resetting: bool,
}

impl Permanents {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let channels = parameters.permanent.as_ref().map(|p| p.channels.clone());
        let count = channels.as_ref().map_or(0, |channels| channels.len());
        Self {
            channels,
            circuits: vec![Circuit::default(); count],
            random: SplitMix64::new(parameters.seed),
        }
    }

    pub(super) fn has(&self, channel: Lci) -> bool {
        let channels = self.channels.as_ref();
        channels.is_some_and(|channels| channels.contains(&channel.get()))
    }

    /// When the next one is set up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.circuits.iter().filter_map(|c| c.retry).min()
    }

    /// There is no packet layer any more.
    pub(super) fn forget(&mut self) {
        self.circuits.fill(Circuit::default());
    }

    fn circuit(&mut self, channel: Lci) -> Option<&mut Circuit> {
        let lowest = *self.channels.as_ref()?.start();
        let place = channel.get().checked_sub(lowest)?;
        self.circuits.get_mut(usize::from(place))
    }

    fn all(&self) -> impl Iterator<Item = Lci> + use<> {
        let channels = self.channels.clone();
        channels.into_iter().flatten().filter_map(Lci::new)
    }
}

impl Xot {
    /// The packet layer has restarted: all of them begin anew.
    pub(super) fn restart_permanents(&mut self, now: Instant) {
        self.permanents.forget();
        for channel in self.permanents.all() {
            self.reset_layer(channel, cause::reset::OUT_OF_ORDER);
            if self.parameters.has_remote
                && let Some(circuit) = self.permanents.circuit(channel)
            {
                circuit.retry = Some(now);
            }
        }
        self.call_permanents(now);
    }

    /// Those whose time it is are set up.
    pub(super) fn call_permanents(&mut self, now: Instant) {
        if self.permanents.next().is_none_or(|next| next > now) {
            return;
        }
        for channel in self.permanents.all() {
            let due = self.permanents.circuit(channel).is_some_and(|circuit| {
                let due = circuit.retry.is_some_and(|at| at <= now);
                circuit.retry = circuit.retry.filter(|_| !due);
                due
            });
            if due
                && self.channel(channel) == Channel::Free
                && let Some(connection) = self.open(Slot::new(Phase::Joining, Some(channel)))
            {
                self.set_channel(channel, Channel::Bound(connection));
                self.actions.push_back(Action::Connect(connection));
            }
        }
    }

    /// The packet layer is to reset a circuit, unless it is at it.
    fn reset_layer(&mut self, channel: Lci, cause: u8) {
        let Some(circuit) = self.permanents.circuit(channel) else {
            return;
        };
        if !std::mem::replace(&mut circuit.resetting, true) {
            let diagnostic = diagnostic::NONE;
            self.tell(channel, Body::ResetRequest { cause, diagnostic });
        }
    }

    /// A circuit has no connection any more, or got none.
    pub(super) fn permanent_lost(&mut self, now: Instant, channel: Lci) {
        self.set_channel(channel, Channel::Free);
        if !self.up {
            return;
        }
        self.reset_layer(channel, cause::reset::OUT_OF_ORDER);
        if self.parameters.has_remote {
            let jitter = self.permanents.random.next_u64() % RETRY.as_millis() as u64;
            if let Some(circuit) = self.permanents.circuit(channel) {
                circuit.retry = Some(now + RETRY + Duration::from_millis(jitter));
            }
        }
    }

    /// A connection for a circuit was made.
    pub(super) fn ask_permanent(&mut self, now: Instant, connection: Connection) {
        let Some(channel) = self.slot(connection).and_then(|slot| slot.channel) else {
            return;
        };
        let Some(permanent) = &self.parameters.permanent else {
            return;
        };
        let setup = PvcSetup {
            initiator: End {
                interface: permanent.interface.as_bytes(),
                lci: channel,
            },
            responder: End {
                interface: permanent.remote_interface.as_bytes(),
                lci: channel,
            },
            ..self.own_setup(channel, Status::WAITING)
        };
        let mut packet = Vec::new();
        setup.append(&mut packet);
        self.set_phase(connection, Phase::Asking);
        self.wait(now, connection);
        self.push(connection, &packet);
    }

    /// What a set-up from here says of flow control.
    fn own_setup(&self, lci: Lci, status: Status) -> PvcSetup<'static> {
        let nobody = End {
            interface: &[],
            lci,
        };
        PvcSetup {
            lci,
            status,
            initiator: nobody,
            responder: nobody,
            incoming_window: self.parameters.window,
            outgoing_window: self.parameters.window,
            incoming_size: self.parameters.packet_size,
            outgoing_size: self.parameters.packet_size,
        }
    }

    fn wait(&mut self, now: Instant, connection: Connection) {
        if let Some(slot) = self.slot(connection) {
            slot.deadline = Some(now + SILENCE);
            self.hurry(now + SILENCE);
        }
    }

    /// The peer answers a set-up.
    pub(super) fn answered_permanent(
        &mut self,
        now: Instant,
        connection: Connection,
        packet: &[u8],
    ) -> Then {
        match PvcSetup::parse(packet) {
            Ok(setup) if setup.status == Status::WAITING => {
                self.begin(now, connection);
                Then::Goes
            }
            _ => {
                count(&mut self.counters.permanent_refused);
                Then::Close
            }
        }
    }

    /// A peer wants a circuit set up.
    pub(super) fn asked_permanent(
        &mut self,
        now: Instant,
        connection: Connection,
        packet: &[u8],
    ) -> Then {
        let Ok(setup) = PvcSetup::parse(packet) else {
            count(&mut self.counters.permanent_refused);
            return Then::Close;
        };
        let channel = setup.responder.lci;
        let status = self.consider(&setup);
        if status == Status::WAITING
            && let Channel::Bound(other) = self.channel(channel)
        {
            let pending = [Phase::Joining, Phase::Asking];
            if self
                .slot(other)
                .is_some_and(|slot| pending.contains(&slot.phase))
            {
                // Both ends begin: neither does, and both pause.
                count(&mut self.counters.permanent_refused);
                return Then::Close;
            }
            // Who begins again knows nothing of the connection before.
            self.drop_connection(other);
        }
        let answer = PvcSetup {
            initiator: setup.initiator,
            responder: setup.responder,
            ..self.own_setup(setup.lci, status)
        };
        let mut packet = Vec::new();
        answer.append(&mut packet);
        if let Some(slot) = self.slot(connection) {
            slot.on_wire = setup.lci;
        }
        self.push(connection, &packet);
        if status == Status::WAITING {
            if let Some(slot) = self.slot(connection) {
                slot.channel = Some(channel);
            }
            self.set_channel(channel, Channel::Bound(connection));
            if let Some(circuit) = self.permanents.circuit(channel) {
                circuit.retry = None;
            }
            self.begin(now, connection);
        } else {
            count(&mut self.counters.permanent_refused);
            self.finish(now, connection);
        }
        Then::Goes
    }

    /// Whether a set-up is what is configured here.
    fn consider(&self, setup: &PvcSetup<'_>) -> Status {
        let Some(permanent) = &self.parameters.permanent else {
            return Status::NO_PVC;
        };
        let own = permanent.interface.as_bytes();
        let (size, window) = (self.parameters.packet_size, self.parameters.window);
        if !own.is_empty() && !setup.responder.interface.eq_ignore_ascii_case(own) {
            Status::NO_INTERFACE
        } else if setup.status != Status::WAITING {
            Status::PROTOCOL_ERROR
        } else if !self.permanents.has(setup.responder.lci) {
            Status::NO_PVC
        } else if [setup.incoming_window, setup.outgoing_window] != [window; 2]
            || [setup.incoming_size, setup.outgoing_size] != [size; 2]
        {
            Status::FLOW_MISMATCH
        } else {
            Status::WAITING
        }
    }

    /// A circuit has its connection: both ends reset, here the packet layer and there the peer.
    fn begin(&mut self, now: Instant, connection: Connection) {
        let Some(channel) = self.slot(connection).and_then(|slot| slot.channel) else {
            return;
        };
        count(&mut self.counters.permanent);
        self.set_phase(connection, Phase::Resetting);
        self.wait(now, connection);
        let cause = cause::reset::REMOTE_DTE_OPERATIONAL;
        let diagnostic = diagnostic::NONE;
        self.push_own(connection, Body::ResetRequest { cause, diagnostic });
        self.reset_layer(channel, cause);
    }

    /// The packet layer sends on a permanent circuit.
    pub(super) fn send_permanent(&mut self, now: Instant, channel: Lci, kind: u8, packet: &[u8]) {
        let reset = [kind::RESET_REQUEST, kind::RESET_CONFIRMATION].contains(&kind);
        if let Some(circuit) = self.permanents.circuit(channel)
            && circuit.resetting
        {
            circuit.resetting = !reset;
            return;
        }
        match self.channel(channel) {
            Channel::Bound(connection)
                if self.slot(connection).is_some_and(|slot| {
                    matches!(slot.phase, Phase::Resetting | Phase::Carrying)
                }) =>
            {
                self.forward(now, channel, packet);
            }
            _ => {
                count(&mut self.counters.unbound);
                if kind == kind::RESET_REQUEST {
                    self.tell(channel, Body::ResetConfirmation);
                }
            }
        }
    }
}
