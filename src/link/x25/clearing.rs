//! Call clearing (X.25 sections 4.1.7 to 4.1.9).

use std::time::Instant;

use wanbox_wire::x25::facility::FastSelect;
use wanbox_wire::x25::{CallFields, Fault, Lci, cause, diagnostic};

use super::call::user_data_limit;
use super::circuit::{Circuit, State, due};
use super::counters::count;
use super::{By, Call, Event, Layer, Refusal};

impl Layer {
    /// Clears a call, or refuses one. From a DTE a cause that networks have gets the first bit of
    /// those of DTEs. Data that wait are not sent. The answer, mostly empty, has what else is to be
    /// said; its user data need fast select. [`Event::ClearConfirmed`] follows; until then the
    /// channel is taken.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn clear(
        &mut self,
        _now: Instant,
        channel: Lci,
        cause: u8,
        diagnostic: u8,
        answer: &Call,
    ) -> Result<(), Refusal> {
        let refusal = match self.circuits.get(channel) {
            Some(circuit) if circuit.permanent => Some(Refusal::Permanent),
            Some(circuit) if circuit.is_owned() => match circuit.fast_select {
                FastSelect::No if !answer.user_data.is_empty() => Some(Refusal::NoFastSelect),
                other if answer.user_data.len() > user_data_limit(other) => Some(Refusal::TooLong),
                _ => None,
            },
            _ => Some(Refusal::NoCircuit),
        };
        if let Some(refusal) = refusal {
            return self.refuse(refusal);
        }
        let reason = (self.own_cause(cause), diagnostic);
        let unsent = self
            .circuits
            .get(channel)
            .is_some_and(|circuit| circuit.due & due::CALL != 0);
        self.begin_clearing(channel, reason, Some(Box::new(answer.clone())));
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.owners = true;
        }
        if unsent {
            // The peer knows nothing of it.
            self.free(channel);
        }
        Ok(())
    }

    /// The peer broke a rule of this circuit, or of a channel without one (annex C: ERROR (p7)).
    pub(super) fn clear_error(&mut self, channel: Lci, diagnostic: u8) {
        count(&mut self.counters.errors);
        self.give_up(channel, diagnostic);
    }

    /// The layer clears a call.
    pub(super) fn give_up(&mut self, channel: Lci, diagnostic: u8) {
        let cause = self.procedure_cause(cause::clear::LOCAL_PROCEDURE_ERROR);
        let owned = self.circuits.get(channel).is_some_and(Circuit::is_owned);
        self.begin_clearing(channel, (cause, diagnostic), None);
        if owned {
            self.tell(Event::Cleared {
                channel,
                by: By::Layer,
                cause,
                diagnostic,
                answer: Box::default(),
            });
        }
    }

    /// This end clears what there is on a channel.
    pub(super) fn begin_clearing(
        &mut self,
        channel: Lci,
        reason: (u8, u8),
        answer: Option<Box<Call>>,
    ) {
        if self.circuits.get(channel).is_none() {
            self.open(
                channel,
                Circuit::new(State::Clearing, self.parameters.flow()),
            );
        }
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.state = State::Clearing;
            circuit.call = answer;
            circuit.reason = reason;
            circuit.owners = false;
            circuit.attempts = 0;
            circuit.due = 0;
        }
        self.forget(channel);
        self.owe(channel, due::CLEAR);
    }

    /// The peer clears (annex C: NORMAL).
    pub(super) fn receive_clear(
        &mut self,
        channel: Lci,
        read: Result<(u8, u8, CallFields<'_>), Fault>,
    ) {
        let state = self.circuits.get(channel).map(|circuit| circuit.state);
        if state == Some(State::Clearing) {
            return self.clear_met(channel);
        }
        let fast_select = self
            .circuits
            .get(channel)
            .map_or(FastSelect::No, |circuit| circuit.fast_select);
        let (cause, code, fields) = match read {
            Ok(read) => read,
            Err(fault) => {
                count(&mut self.counters.malformed);
                return self.clear_error(channel, fault.diagnostic);
            }
        };
        if fast_select == FastSelect::No && !fields.user_data.is_empty() {
            return self.clear_error(channel, diagnostic::TOO_LONG);
        }
        if state.is_none() {
            self.open(
                channel,
                Circuit::new(State::Cleared, self.parameters.flow()),
            );
        }
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.state = State::Cleared;
            circuit.call = None;
            circuit.owners = false;
            circuit.due = 0;
        }
        self.forget(channel);
        self.owe(channel, due::CLEAR_CONFIRMATION);
        if state.is_some() {
            self.tell(Event::Cleared {
                channel,
                by: By::Peer,
                cause,
                diagnostic: code,
                answer: Call::new(&fields, false),
            });
        }
    }

    /// The peer clears, too: neither confirms. When it has not been sent that this end does, the
    /// peer is answered.
    fn clear_met(&mut self, channel: Lci) {
        match self.circuits.get_mut(channel) {
            Some(circuit) if !circuit.was_sent(due::CLEAR) => {
                circuit.state = State::Cleared;
                circuit.due = 0;
                self.owe(channel, due::CLEAR_CONFIRMATION);
            }
            _ => self.free(channel),
        }
    }

    /// The peer confirms that a call is over.
    pub(super) fn clear_confirmed(&mut self, channel: Lci) {
        match self.circuits.get(channel) {
            Some(circuit) if !circuit.was_sent(due::CLEAR) => {
                count(&mut self.counters.discarded);
            }
            _ => self.free(channel),
        }
    }

    /// T21 (T11) ran out: nobody answers the call.
    pub(super) fn call_timed_out(&mut self, channel: Lci) {
        count(&mut self.counters.t21_expired);
        self.give_up(channel, diagnostic::CALL_TIME_EXPIRED);
    }

    /// T23 (T13) ran out.
    pub(super) fn clear_timed_out(&mut self, channel: Lci) {
        count(&mut self.counters.t23_expired);
        let again = self.parameters.r23;
        let cause = self.procedure_cause(cause::clear::LOCAL_PROCEDURE_ERROR);
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        if circuit.attempts < again {
            circuit.attempts += 1;
            circuit.reason = (cause, diagnostic::CLEAR_TIME_EXPIRED);
            self.owe(channel, due::CLEAR);
        } else {
            self.complain(diagnostic::CLEAR_TIME_EXPIRED, &[]);
            self.free(channel);
            // Not for calls of this end before the peer was heard: an answer to the old call that is
            // under way would be taken for one to the new.
            self.callable.remove(channel);
        }
    }
}
