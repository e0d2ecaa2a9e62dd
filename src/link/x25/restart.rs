//! Restart (X.25 section 3.3): all calls are cleared, permanent circuits reset, and both ends know.

use std::time::Instant;

use wanbox_wire::x25::{Lci, cause, diagnostic};

use super::circuit::{Circuit, Set};
use super::counters::count;
use super::layer::Phase;
use super::{By, Down, Event, Layer, Refusal};

/// The cause in clearing and in resetting for a circuit that a restart ended: a restarting DTE says
/// nothing of importance, errors are remote ones.
fn causes(of_restart: u8) -> (u8, u8) {
    match of_restart {
        0 | cause::DTE.. => (of_restart, of_restart),
        cause::restart::LOCAL_PROCEDURE_ERROR => (
            cause::clear::REMOTE_PROCEDURE_ERROR,
            cause::reset::REMOTE_PROCEDURE_ERROR,
        ),
        cause::restart::NETWORK_CONGESTION => (
            cause::clear::NETWORK_CONGESTION,
            cause::reset::NETWORK_CONGESTION,
        ),
        _ => (cause::clear::OUT_OF_ORDER, cause::reset::OUT_OF_ORDER),
    }
}

impl Layer {
    /// The link below is up, or was reset: packets may be lost, so the layer restarts.
    /// [`Event::Up`] follows.
    pub fn link_up(&mut self, _now: Instant) {
        let cause = self.procedure_cause(cause::restart::NETWORK_OPERATIONAL);
        self.begin_restart(By::Link, Down::Link, (cause, diagnostic::NONE));
    }

    /// The link below is gone, and all calls with it.
    pub fn link_down(&mut self, _now: Instant) {
        if self.phase != Phase::Down {
            self.end_all(By::Link, Down::Link, (0, 0));
            self.phase = Phase::Down;
        }
    }

    /// Restarts the whole link: all calls are cleared, permanent circuits reset. [`Event::Up`]
    /// follows.
    ///
    /// # Errors
    /// The link is down.
    pub fn restart(&mut self, _now: Instant, cause: u8, diagnostic: u8) -> Result<(), Refusal> {
        if self.phase == Phase::Down {
            return self.refuse(Refusal::Down);
        }
        if self.phase != Phase::Ours {
            let reason = (self.own_cause(cause), diagnostic);
            self.begin_restart(By::Restart, Down::Local, reason);
        }
        Ok(())
    }

    /// The peer broke a rule that concerns the whole link (annex C: ERROR (r3)).
    pub(super) fn restart_error(&mut self, diagnostic: u8) {
        count(&mut self.counters.errors);
        let cause = self.procedure_cause(cause::restart::LOCAL_PROCEDURE_ERROR);
        self.begin_restart(By::Restart, Down::Error(diagnostic), (cause, diagnostic));
    }

    fn begin_restart(&mut self, by: By, why: Down, reason: (u8, u8)) {
        self.end_all(by, why, reason);
        self.phase = Phase::Ours;
        self.restart_due = true;
        self.restart_sent = false;
        self.reason = reason;
        self.attempts = 0;
    }

    /// The peer restarts, too. It is answered when it has not been sent that this end does, or so
    /// long ago that nobody was there.
    pub(super) fn restart_met(&mut self) {
        let waits = self.t20.is_some() || self.restart_due;
        if self.restart_sent && waits {
            self.come_up();
        } else {
            self.restart_due = false;
            self.phase = Phase::Peers;
        }
    }

    /// The peer restarts, and is answered when there is room.
    pub(super) fn restarted(&mut self, cause: u8, diagnostic: u8) {
        let why = Down::Peer { cause, diagnostic };
        self.end_all(By::Restart, why, (cause, diagnostic));
        self.phase = Phase::Peers;
    }

    /// Restarting is over (r1).
    pub(super) fn come_up(&mut self) {
        self.t20 = None;
        self.restart_due = false;
        self.phase = Phase::Ready;
        self.up = true;
        self.tell(Event::Up);
    }

    /// Every circuit ends, or begins anew when it is permanent.
    fn end_all(&mut self, by: By, why: Down, (cause, diagnostic): (u8, u8)) {
        self.t20 = None;
        self.restart_due = false;
        let (of_clear, of_reset) = match by {
            By::Link => (cause::clear::OUT_OF_ORDER, cause::reset::OUT_OF_ORDER),
            _ => causes(cause),
        };
        let mut from = 0;
        while let Some(channel) = self.circuits.from(from) {
            from = channel.get() + 1;
            let Some(circuit) = self.circuits.get_mut(channel) else {
                continue;
            };
            if circuit.permanent {
                self.renew(channel);
                if self.up {
                    self.tell(Event::Reset {
                        channel,
                        by,
                        cause: of_reset,
                        diagnostic,
                    });
                }
            } else {
                if circuit.is_owned() {
                    circuit.owners = false;
                    self.tell(Event::Cleared {
                        channel,
                        by,
                        cause: of_clear,
                        diagnostic,
                        answer: Box::default(),
                    });
                }
                self.free(channel);
            }
        }
        self.ready.clear();
        self.queued = Set::new();
        self.acknowledgements.clear();
        if std::mem::take(&mut self.up) {
            self.tell(Event::Down(why));
        }
    }

    /// A permanent circuit as it was in the beginning.
    fn renew(&mut self, channel: Lci) {
        self.forget(channel);
        let flow = self.parameters.flow();
        if let Some(circuit) = self.circuits.get_mut(channel) {
            let mut new = Circuit::permanent(flow);
            new.traffic = circuit.traffic;
            new.incoming.withhold = circuit.incoming.withhold;
            *circuit = new;
        }
    }

    /// T20 (T10) ran out.
    pub(super) fn restart_timed_out(&mut self) {
        count(&mut self.counters.t20_expired);
        if self.attempts < self.parameters.r20 {
            self.attempts += 1;
            let cause = self.procedure_cause(cause::restart::LOCAL_PROCEDURE_ERROR);
            self.reason = (cause, diagnostic::RESTART_TIME_EXPIRED);
            self.restart_due = true;
        } else if self.is_dce() {
            // Annex D: the DCE takes the interface for ready.
            self.complain(diagnostic::RESTART_TIME_EXPIRED, &[]);
            self.come_up();
        } else {
            self.tell(Event::Down(Down::NoAnswer));
        }
    }
}
