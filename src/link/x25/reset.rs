//! Reset of a circuit (X.25 section 4.4.3): numbers begin at 0, data under way are gone.

use std::time::Instant;

use wanbox_wire::x25::{Lci, cause, diagnostic};

use super::circuit::{Resetting, due};
use super::counters::count;
use super::{By, Event, Layer, Refusal};

impl Layer {
    /// Resets a circuit: what waits is not sent, what was not read is gone. From a DTE a cause that
    /// networks have gets the first bit of those of DTEs. [`Event::ResetConfirmed`] follows;
    /// messages are taken before that.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn reset(
        &mut self,
        _now: Instant,
        channel: Lci,
        cause: u8,
        diagnostic: u8,
    ) -> Result<(), Refusal> {
        let reason = (self.own_cause(cause), diagnostic);
        let circuit = self.connected(channel)?;
        if circuit.resetting == Resetting::No {
            self.begin_reset(channel, reason, true);
        } else {
            // One reset is enough, whoever began it.
            circuit.owners = true;
            self.forget_data(channel);
        }
        Ok(())
    }

    /// The peer broke a rule of this circuit (annex C: ERROR (d3)).
    pub(super) fn reset_error(&mut self, channel: Lci, diagnostic: u8) {
        count(&mut self.counters.errors);
        let cause = self.procedure_cause(cause::reset::LOCAL_PROCEDURE_ERROR);
        self.begin_reset(channel, (cause, diagnostic), false);
        self.tell(Event::Reset {
            channel,
            by: By::Layer,
            cause,
            diagnostic,
        });
    }

    fn begin_reset(&mut self, channel: Lci, reason: (u8, u8), owners: bool) {
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.resetting = Resetting::Ours;
            circuit.reason = reason;
            circuit.owners = owners;
            circuit.attempts = 0;
            // An answer to the call that waits goes first.
            circuit.due &= due::ACCEPTED;
        }
        self.forget(channel);
        self.owe(channel, due::RESET);
    }

    /// The peer resets, too. When it has not been sent that this end does, it is answered.
    pub(super) fn reset_met(&mut self, channel: Lci) {
        match self.circuits.get_mut(channel) {
            Some(circuit) if !circuit.was_sent(due::RESET) => {
                circuit.resetting = Resetting::Peers;
                circuit.due &= !due::RESET;
                self.owe(channel, due::RESET_CONFIRMATION);
            }
            _ => self.reset_done(channel),
        }
    }

    /// The peer resets (d1).
    pub(super) fn receive_reset(&mut self, channel: Lci, cause: u8, diagnostic: u8) {
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.resetting = Resetting::Peers;
            circuit.due &= due::ACCEPTED;
        }
        self.forget(channel);
        self.owe(channel, due::RESET_CONFIRMATION);
        self.tell(Event::Reset {
            channel,
            by: By::Peer,
            cause,
            diagnostic,
        });
    }

    /// Resetting is over (d1).
    pub(super) fn reset_done(&mut self, channel: Lci) {
        self.stop_timers(channel);
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        circuit.resetting = Resetting::No;
        circuit.due &= !(due::RESET | due::RESET_CONFIRMATION);
        let owners = std::mem::take(&mut circuit.owners);
        if circuit.incoming.busy {
            circuit.due |= due::BUSY;
        }
        if circuit.wants(self.parameters.modulo) {
            self.wake(channel);
        }
        if owners {
            self.tell(Event::ResetConfirmed(channel));
        }
    }

    /// T22 (T12) ran out.
    pub(super) fn reset_timed_out(&mut self, channel: Lci) {
        count(&mut self.counters.t22_expired);
        let again = self.parameters.r22;
        let cause = self.procedure_cause(cause::reset::LOCAL_PROCEDURE_ERROR);
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        let used_up = circuit.attempts == again;
        if used_up && !circuit.permanent {
            return self.give_up(channel, diagnostic::RESET_TIME_EXPIRED);
        }
        // A permanent circuit is not taken for ready, as annex D lets a DCE do: data of before that
        // are under way would be taken for new ones.
        circuit.attempts = circuit.attempts.saturating_add(1);
        circuit.reason = (cause, diagnostic::RESET_TIME_EXPIRED);
        self.owe(channel, due::RESET);
        if used_up {
            self.complain(diagnostic::RESET_TIME_EXPIRED, &[]);
        }
    }
}
