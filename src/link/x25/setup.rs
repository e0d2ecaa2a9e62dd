//! Call set-up (X.25 sections 4.1.1 to 4.1.6), with fast select (6.16, 6.17) and reverse charging
//! (6.18, 6.19).

use std::time::Instant;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::FastSelect;
use wanbox_wire::x25::{CallFields, Fault, Lci, cause, diagnostic};

use super::call::{Wishes, is_answer, limited, user_data_limit, with_flow};
use super::circuit::{Circuit, State, due};
use super::counters::count;
use super::layer::Phase;
use super::{By, Call, Event, FlowControl, Layer, Refusal};

impl Layer {
    /// Calls, on a free channel of those on which this end may: a DTE takes the highest, a DCE the
    /// lowest. [`Event::Connected`] or [`Event::Cleared`] follow.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn call(&mut self, _now: Instant, call: &Call) -> Result<Lci, Refusal> {
        match self.prepare(call) {
            Ok((channel, circuit)) => {
                self.open(channel, circuit);
                self.owe(channel, due::CALL);
                Ok(channel)
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn prepare(&self, call: &Call) -> Result<(Lci, Circuit), Refusal> {
        if self.phase != Phase::Ready {
            return Err(Refusal::Down);
        }
        let wishes =
            Wishes::read(&call.facilities.get(), self.modulo()).map_err(|_| Refusal::Facility)?;
        if call.user_data.len() > user_data_limit(wishes.fast_select) {
            return Err(Refusal::TooLong);
        }
        if call.delivery && !self.parameters.delivery_confirmation {
            return Err(Refusal::NoDelivery);
        }
        let proposed = wishes.calling(self.parameters.flow());
        if wishes.negotiates() != (false, false)
            && !(self.parameters.negotiation && self.is_possible(proposed))
        {
            return Err(Refusal::Facility);
        }
        let free = match self.parameters.role {
            Role::Dte => self.callable.highest(),
            Role::Dce => self.callable.lowest(),
        };
        let channel = free.ok_or(Refusal::NoChannel)?;
        let circuit = Circuit {
            call: Some(Box::new(call.clone())),
            fast_select: wishes.fast_select,
            proposed,
            ..Circuit::new(State::Calling, proposed)
        };
        Ok((channel, circuit))
    }

    /// Whether sizes and windows are no more than the limits.
    fn is_possible(&self, flow: FlowControl) -> bool {
        let size = flow.send_size.max(flow.receive_size);
        let window = flow.send_window.max(flow.receive_window);
        size <= self.parameters.packet_size_limit && window <= self.parameters.window_limit
    }

    /// Accepts a call of the peer: the circuit carries data. Packet sizes and windows are those of
    /// the call, no more than the limits, unless the answer says others.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn accept(&mut self, _now: Instant, channel: Lci, answer: &Call) -> Result<(), Refusal> {
        match self.answer(channel, answer) {
            Ok((answer, flow)) => {
                if let Some(circuit) = self.circuits.get_mut(channel) {
                    circuit.state = State::Transfer;
                    circuit.flow = flow;
                    circuit.call = Some(Box::new(answer));
                }
                self.owe(channel, due::ACCEPTED);
                Ok(())
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn answer(&self, channel: Lci, answer: &Call) -> Result<(Call, FlowControl), Refusal> {
        if self.phase != Phase::Ready {
            return Err(Refusal::Down);
        }
        let circuit = self.circuits.get(channel).ok_or(Refusal::NoCircuit)?;
        match circuit.state {
            State::Called => {}
            State::Collision if self.is_dce() => {}
            State::Clearing | State::Cleared => return Err(Refusal::NoCircuit),
            _ => return Err(Refusal::State),
        }
        match circuit.fast_select {
            FastSelect::Restricted => return Err(Refusal::Restricted),
            FastSelect::No if !answer.user_data.is_empty() => return Err(Refusal::NoFastSelect),
            fast_select if answer.user_data.len() > user_data_limit(fast_select) => {
                return Err(Refusal::TooLong);
            }
            _ => {}
        }
        if answer.delivery && !self.parameters.delivery_confirmation {
            return Err(Refusal::NoDelivery);
        }
        let wishes =
            Wishes::read(&answer.facilities.get(), self.modulo()).map_err(|_| Refusal::Facility)?;
        let flow = wishes.called(circuit.flow);
        let (sizes, windows) = wishes.negotiates();
        let asked = circuit.negotiates;
        if (sizes && !asked.0) || (windows && !asked.1) || !is_answer(flow, circuit.proposed) {
            return Err(Refusal::Facility);
        }
        let mut answer = answer.clone();
        answer.facilities =
            with_flow(&answer.facilities.get(), flow, asked).map_err(|_| Refusal::Facility)?;
        Ok((answer, flow))
    }

    /// A call of the peer (annex C: NORMAL in p1 and p3 of a DCE).
    pub(super) fn receive_call(
        &mut self,
        channel: Lci,
        fields: Result<(bool, CallFields<'_>), Fault>,
    ) {
        if !self.may_call(channel, self.parameters.role.peer()) {
            return self.clear_error(channel, diagnostic::ONE_WAY_CHANNEL);
        }
        let met = self.circuits.get(channel);
        let unsent = met.is_some_and(|circuit| circuit.due & due::CALL != 0);
        let collides = met.is_some();
        if collides {
            count(&mut self.counters.collisions);
            if !self.is_dce() {
                // The DCE gives way: the answer to this end's call follows.
                if let Some(circuit) = self.circuits.get_mut(channel) {
                    circuit.state = State::Collision;
                }
                return;
            }
            self.forget(channel);
            self.tell(Event::Cleared {
                channel,
                by: By::Collision,
                cause: cause::clear::DTE_ORIGINATED,
                diagnostic: diagnostic::COLLISION,
                answer: Box::default(),
            });
        }
        let state = if collides && !unsent {
            State::Collision
        } else {
            State::Called
        };
        match fields.and_then(|(delivery, fields)| {
            let wishes = Wishes::read(&fields.facilities, self.modulo())?;
            Ok((delivery, fields, wishes))
        }) {
            Ok((delivery, fields, wishes)) => {
                let proposed = wishes.called(self.parameters.flow());
                if let Err((cause, diagnostic)) = self.consider(&fields, &wishes) {
                    return self.refuse_call(channel, cause, diagnostic);
                }
                let limits = &self.parameters;
                let flow = limited(proposed, limits.packet_size_limit, limits.window_limit);
                let circuit = Circuit {
                    fast_select: wishes.fast_select,
                    negotiates: wishes.negotiates(),
                    proposed,
                    ..Circuit::new(state, flow)
                };
                self.open(channel, circuit);
                let call = Call::new(&fields, delivery);
                self.tell(Event::Incoming { channel, call });
            }
            Err(fault) => {
                count(&mut self.counters.malformed);
                let cause = match fault.diagnostic {
                    diagnostic::FACILITY_NOT_ALLOWED
                    | diagnostic::PARAMETER_NOT_ALLOWED
                    | diagnostic::INVALID_FACILITY_LENGTH
                    | diagnostic::DUPLICATE_FACILITY
                    | diagnostic::INVALID_DTE_FACILITY => cause::clear::INVALID_FACILITY,
                    _ => cause::clear::LOCAL_PROCEDURE_ERROR,
                };
                self.refuse_call(channel, cause, fault.diagnostic);
            }
        }
    }

    /// Whether a call may come through; else cause and diagnostic.
    fn consider(&self, fields: &CallFields<'_>, wishes: &Wishes) -> Result<(), (u8, u8)> {
        let limit = user_data_limit(wishes.fast_select);
        let parameters = &self.parameters;
        let rules = [
            (
                fields.user_data.len() <= limit,
                cause::clear::LOCAL_PROCEDURE_ERROR,
                diagnostic::TOO_LONG,
            ),
            (
                parameters.negotiation || wishes.negotiates() == (false, false),
                cause::clear::INVALID_FACILITY,
                diagnostic::FACILITY_NOT_ALLOWED,
            ),
            (
                parameters.fast_select || wishes.fast_select == FastSelect::No,
                cause::clear::FAST_SELECT_NOT_ACCEPTED,
                diagnostic::FAST_SELECT_NOT_SUBSCRIBED,
            ),
            (
                parameters.reverse_charging || !wishes.reverse_charging,
                cause::clear::REVERSE_CHARGING_NOT_ACCEPTED,
                diagnostic::NONE,
            ),
        ];
        match rules.into_iter().find(|(kept, ..)| !kept) {
            Some((_, cause, diagnostic)) => Err((cause, diagnostic)),
            None => Ok(()),
        }
    }

    fn refuse_call(&mut self, channel: Lci, cause: u8, diagnostic: u8) {
        count(&mut self.counters.calls_refused);
        let reason = (self.procedure_cause(cause), diagnostic);
        self.begin_clearing(channel, reason, None);
    }

    /// The peer accepted (annex C: NORMAL).
    pub(super) fn receive_accepted(
        &mut self,
        channel: Lci,
        fields: Result<(bool, CallFields<'_>), Fault>,
    ) {
        let Some(circuit) = self.circuits.get(channel) else {
            return;
        };
        let (fast_select, proposed) = (circuit.fast_select, circuit.proposed);
        let unsent = circuit.due & due::CALL != 0;
        let state = circuit.state;
        let read = |layer: &Self| {
            let (delivery, fields) = fields.map_err(|fault| fault.diagnostic)?;
            if unsent {
                return Err(layer.invalid_in(state));
            }
            if fast_select == FastSelect::Restricted {
                return Err(diagnostic::NOT_COMPATIBLE);
            }
            let limit = match fast_select {
                FastSelect::No => 0,
                other => user_data_limit(other),
            };
            if fields.user_data.len() > limit {
                return Err(diagnostic::TOO_LONG);
            }
            let wishes = Wishes::read(&fields.facilities, layer.modulo())
                .map_err(|fault| fault.diagnostic)?;
            let flow = wishes.calling(proposed);
            if !is_answer(flow, proposed) {
                return Err(diagnostic::PARAMETER_NOT_ALLOWED);
            }
            Ok((Call::new(&fields, delivery), flow))
        };
        match read(self) {
            Ok((call, flow)) => {
                self.stop_timers(channel);
                if let Some(circuit) = self.circuits.get_mut(channel) {
                    circuit.state = State::Transfer;
                    circuit.flow = flow;
                }
                self.tell(Event::Connected { channel, call });
            }
            Err(diagnostic) => self.clear_error(channel, diagnostic),
        }
    }
}
