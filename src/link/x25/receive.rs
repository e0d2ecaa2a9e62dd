//! What is done with a packet, by its type and by where the procedures are (X.25 annex C).

use std::time::Instant;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::{Body, Fault, Lci, Packet, PacketRepr, diagnostic, kind};

use super::circuit::{Resetting, State, due};
use super::counters::count;
use super::layer::Phase;
use super::{CallState, Event, Layer, ResetState};

/// Packets that the tables treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Call,
    Accepted,
    Clear,
    ClearConfirmation,
    Reset,
    ResetConfirmation,
    /// Data, interrupts, flow control.
    Transfer,
    /// What is too short to have a type, has one that is not known, or belongs on channel 0.
    Other,
}

impl Class {
    fn of(packet: &Packet<'_>) -> Self {
        match packet.kind() {
            kind::CALL_REQUEST => Self::Call,
            kind::CALL_ACCEPTED => Self::Accepted,
            kind::CLEAR_REQUEST => Self::Clear,
            kind::CLEAR_CONFIRMATION => Self::ClearConfirmation,
            kind::RESET_REQUEST => Self::Reset,
            kind::RESET_CONFIRMATION => Self::ResetConfirmation,
            kind::INTERRUPT | kind::INTERRUPT_CONFIRMATION => Self::Transfer,
            _ if packet.is_data() => Self::Transfer,
            other => match other & 0x1f {
                kind::RR | kind::RNR | kind::REJ => Self::Transfer,
                _ => Self::Other,
            },
        }
    }
}

/// What the tables say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Normal,
    Error,
    Discard,
    /// The next table: flow control and reset.
    Circuit,
}

/// Table C-3: a packet on a channel of calls. Without a state there is no call (p1).
fn verdict(role: Role, state: Option<State>, class: Class) -> Verdict {
    match (class, state) {
        (Class::Clear, Some(State::Cleared)) => Verdict::Discard,
        (Class::Clear, _) | (Class::ClearConfirmation, Some(State::Clearing)) => Verdict::Normal,
        (_, Some(State::Clearing)) => Verdict::Discard,
        // By the letter an error. But Linux confirms even a clear request that met its own, when
        // the channel is ready here or has the next call, and does not answer what errors entail.
        (Class::ClearConfirmation, None | Some(State::Calling)) => Verdict::Discard,
        (Class::Call, None | Some(State::Calling)) => Verdict::Normal,
        (Class::Accepted, Some(State::Calling)) => Verdict::Normal,
        // Nobody answers a DCE's call that gave way.
        (Class::Accepted, Some(State::Collision)) if role == Role::Dte => Verdict::Normal,
        (Class::Call | Class::Accepted | Class::ClearConfirmation, _) => Verdict::Error,
        (_, Some(State::Transfer)) => Verdict::Circuit,
        _ => Verdict::Error,
    }
}

impl Layer {
    /// A packet came, in order, as LAPB has it.
    pub fn receive(&mut self, _now: Instant, packet: &[u8]) {
        if self.phase == Phase::Down {
            return count(&mut self.counters.while_down);
        }
        let Some(channel) = Lci::of(packet) else {
            count(&mut self.counters.too_short);
            return self.complain(diagnostic::TOO_SHORT, packet);
        };
        let (class, body) = match Packet::parse(self.modulo(), packet) {
            Ok(parsed) => (
                Class::of(&parsed),
                PacketRepr::parse(&parsed).map(|repr| repr.body),
            ),
            Err(fault) if fault.diagnostic == diagnostic::INVALID_GFI => {
                count(&mut self.counters.wrong_format);
                return self.complain(fault.diagnostic, packet);
            }
            Err(fault) => {
                count(&mut self.counters.too_short);
                (Class::Other, Err(fault))
            }
        };
        if let Ok(body) = &body {
            self.counters.traffic.received.count(body);
            if let Some(circuit) = self.circuits.get_mut(channel) {
                circuit.traffic.received.count(body);
            }
        }
        if channel == Lci::ZERO {
            self.receive_link(body, packet);
        } else if !self.is_assigned(channel) {
            count(&mut self.counters.unassigned);
            self.complain(diagnostic::UNASSIGNED_CHANNEL, packet);
        } else {
            match self.phase {
                Phase::Ours | Phase::Down => count(&mut self.counters.discarded),
                Phase::Peers => self.restart_error(self.invalid_in_restart()),
                Phase::Ready => self.receive_circuit(channel, class, body),
            }
        }
    }

    fn is_assigned(&self, channel: Lci) -> bool {
        let mut ranges = self.parameters.channels.ranges();
        ranges.any(|range| range.contains(&channel.get()))
    }

    /// The diagnostic of a packet that is not allowed while the peer restarts.
    fn invalid_in_restart(&self) -> u8 {
        match self.parameters.role {
            Role::Dte => diagnostic::INVALID_IN_R3,
            Role::Dce => diagnostic::INVALID_IN_R2,
        }
    }

    /// The diagnostic of a packet that is not allowed in a state of the call.
    pub(super) fn invalid_in(&self, state: State) -> u8 {
        diagnostic::INVALID_IN_P1 + state.name(self.parameters.role) as u8 - CallState::P1 as u8
    }

    /// The same for a reset.
    fn invalid_in_reset(&self, resetting: Resetting) -> u8 {
        diagnostic::INVALID_IN_D1 + resetting.name(self.parameters.role) as u8
            - ResetState::D1 as u8
    }

    /// Table C-2: a packet on channel 0.
    fn receive_link(&mut self, body: Result<Body<'_>, Fault>, packet: &[u8]) {
        match (body, self.phase) {
            (Ok(Body::Diagnostic { code, explanation }), _) if !self.is_dce() => {
                let explanation = explanation.to_vec();
                self.tell(Event::Diagnostic { code, explanation });
            }
            // Not answered: two DCEs would never end.
            (Ok(Body::Diagnostic { .. }), _) => count(&mut self.counters.malformed),
            (Ok(Body::RestartRequest { cause, diagnostic }), Phase::Ready) => {
                self.restarted(cause, diagnostic);
            }
            (Ok(Body::RestartRequest { .. }), Phase::Ours) => self.restart_met(),
            (Ok(Body::RestartConfirmation), Phase::Ours) if self.restart_sent => self.come_up(),
            (Ok(Body::RestartRequest { .. }), _) => count(&mut self.counters.discarded),
            (Ok(Body::RestartConfirmation), Phase::Ready) => {
                self.restart_error(diagnostic::INVALID_IN_R1);
            }
            (Ok(Body::RestartConfirmation), Phase::Peers) => {
                self.restart_error(self.invalid_in_restart());
            }
            (_, Phase::Ours) => count(&mut self.counters.discarded),
            (body, _) => {
                count(&mut self.counters.malformed);
                let code = match body {
                    Err(fault) => fault.diagnostic,
                    Ok(Body::RegistrationRequest(_) | Body::RegistrationConfirmation(_)) => {
                        diagnostic::UNIDENTIFIABLE
                    }
                    Ok(_) => diagnostic::UNASSIGNED_CHANNEL,
                };
                self.complain(code, packet);
            }
        }
    }

    /// Table C-3, and for permanent circuits the rule that they are neither called nor cleared.
    fn receive_circuit(&mut self, channel: Lci, class: Class, body: Result<Body<'_>, Fault>) {
        let circuit = self.circuits.get(channel);
        let state = circuit.map(|circuit| circuit.state);
        if circuit.is_some_and(|circuit| circuit.permanent) {
            return self.receive_reset_or_data(channel, class, body);
        }
        let verdict = match verdict(self.parameters.role, state, class) {
            // Not of a channel whose clearing was given up: that begins anew.
            Verdict::Discard if state.is_none() && self.is_given_up(channel) => Verdict::Error,
            other => other,
        };
        match verdict {
            Verdict::Circuit => self.receive_reset_or_data(channel, class, body),
            Verdict::Discard => count(&mut self.counters.discarded),
            Verdict::Error => {
                let diagnostic = match (class, body) {
                    (Class::Other, Err(fault)) => fault.diagnostic,
                    (Class::Other, Ok(_)) => diagnostic::UNIDENTIFIABLE,
                    _ => state.map_or(diagnostic::INVALID_IN_P1, |state| self.invalid_in(state)),
                };
                self.clear_error(channel, diagnostic);
            }
            Verdict::Normal => match (class, body) {
                (Class::Call, Ok(Body::CallRequest { delivery, fields })) => {
                    self.receive_call(channel, Ok((delivery, fields)));
                }
                (Class::Call, Err(fault)) => self.receive_call(channel, Err(fault)),
                (Class::Accepted, Ok(Body::CallAccepted { delivery, fields })) => {
                    self.receive_accepted(channel, Ok((delivery, fields)));
                }
                (Class::Accepted, Err(fault)) => self.receive_accepted(channel, Err(fault)),
                (
                    Class::Clear,
                    Ok(Body::ClearRequest {
                        cause,
                        diagnostic,
                        fields,
                    }),
                ) => self.receive_clear(channel, Ok((cause, diagnostic, fields))),
                (Class::Clear, Err(fault)) => self.receive_clear(channel, Err(fault)),
                // A confirmation is one whatever it says.
                (Class::ClearConfirmation, _) => self.clear_confirmed(channel),
                _ => {}
            },
        }
    }

    /// Table C-4: a packet on a circuit that carries data.
    fn receive_reset_or_data(&mut self, channel: Lci, class: Class, body: Result<Body<'_>, Fault>) {
        let Some(circuit) = self.circuits.get(channel) else {
            return;
        };
        let resetting = circuit.resetting;
        let diagnostic = match (class, resetting) {
            (Class::Reset, Resetting::Ours) => return self.reset_met(channel),
            (Class::ResetConfirmation, Resetting::Ours) if circuit.was_sent(due::RESET) => {
                return self.reset_done(channel);
            }
            (_, Resetting::Ours) | (Class::Reset, Resetting::Peers) => {
                return count(&mut self.counters.discarded);
            }
            (Class::Call | Class::Accepted | Class::Clear | Class::ClearConfirmation, _) => {
                diagnostic::INVALID_ON_PVC
            }
            (Class::ResetConfirmation, _) | (Class::Transfer, Resetting::Peers) => {
                self.invalid_in_reset(resetting)
            }
            (Class::Reset, Resetting::No) => match body {
                Ok(Body::ResetRequest { cause, diagnostic }) => {
                    return self.receive_reset(channel, cause, diagnostic);
                }
                Ok(_) => diagnostic::UNIDENTIFIABLE,
                Err(fault) => fault.diagnostic,
            },
            (Class::Transfer, Resetting::No) => match body {
                Ok(body) => match self.receive_transfer(channel, &body) {
                    Ok(()) => return,
                    Err(diagnostic) => diagnostic,
                },
                Err(fault) => fault.diagnostic,
            },
            (Class::Other, _) => {
                body.map_or_else(|fault| fault.diagnostic, |_| diagnostic::UNIDENTIFIABLE)
            }
        };
        self.reset_error(channel, diagnostic);
    }
}
