//! Information transfer (X.25 sections 2.4.5.1 to 2.4.5.8): I frames, gaps and REJ, busy and RNR.

use std::time::Instant;

use wanbox_wire::lapb::{Direction, Supervisory};

use super::counters::{add, count};
use super::{Engine, Phase};

impl Engine {
    /// Whether the owner takes no more packets (`true`) or does again. While it does not, packets
    /// are dropped as they come, and the peer keeps and repeats them.
    pub fn set_busy(&mut self, busy: bool) {
        if self.local_busy == busy {
            return;
        }
        self.local_busy = busy;
        if let Some(ax25) = &self.ax25
            && (busy || !ax25.rnr_sent && !self.missed)
        {
            // The next acknowledgement says it: a frame of its own would meet the peer's.
            return;
        }
        if self.phase != Phase::Information {
            return;
        }
        if std::mem::take(&mut self.missed) {
            self.gap = true;
            self.due.reject = true;
        } else {
            self.due.busy = true;
        }
    }

    /// N(R) of an I or supervisory frame (2.4.5.5); `false` when it cannot be.
    pub(super) fn acknowledge(&mut self, now: Instant, nr: u8) -> bool {
        let first = self.window.va();
        let Some(acknowledged) = self.window.acknowledge(nr) else {
            return false;
        };
        if acknowledged > 0 {
            add(&mut self.counters.acknowledged, acknowledged);
            self.heard = true;
            self.attempts = 0;
            self.measure(now, first, acknowledged);
            if self.recovering && self.is_plain() {
                self.answered();
            }
            // In timer recovery T1 is that of the poll.
            if !self.recovering {
                self.timers.t1 = None;
                if self.window.outstanding() > 0 {
                    self.start_t1(now);
                }
            }
        }
        true
    }

    /// An I frame with a valid N(R) (2.4.5.2, 2.4.5.4, 2.4.5.8): whether its packet is delivered.
    pub(super) fn receive_information(
        &mut self,
        now: Instant,
        ns: u8,
        poll: bool,
        information: &[u8],
    ) -> bool {
        self.due.answer |= poll;
        self.await_room(now);
        let modulo = self.parameters.modulo;
        let expected = ns == self.vr;
        if self.local_busy && self.ax25.as_ref().is_none_or(|ax25| ax25.full) {
            count(&mut self.counters.while_busy);
            self.missed = true;
            self.due.busy = true;
            return false;
        }
        if self.is_ax25() {
            return self.resequence(now, ns, information);
        }
        if expected {
            self.vr = modulo.add(self.vr, 1);
            self.heard = true;
            self.gap = false;
            self.due.reject = false;
            self.unacknowledged = self.unacknowledged.saturating_add(1);
            self.acknowledge_soon(now);
            count(&mut self.counters.delivered);
        } else if self.heard && modulo.add(ns, 1) == self.vr {
            // No window holds that number as a new one: the line doubled the last frame, and there
            // is no gap.
            count(&mut self.counters.duplicates);
            self.acknowledge_soon(now);
        } else {
            count(&mut self.counters.out_of_sequence);
            self.due.reject |= !self.gap;
            self.gap = true;
        }
        expected
    }

    /// What was accepted is acknowledged within T2, and before the peer's window closes.
    pub(super) fn acknowledge_soon(&mut self, now: Instant) {
        if self.is_ax25() {
            // More of them come in the same transmission.
            self.timers.t2 = Some(now + self.parameters.t2);
            return;
        }
        let half = self.parameters.k.div_ceil(2);
        if self.parameters.t2.is_zero() || self.unacknowledged >= half {
            self.due.acknowledgement = true;
        } else if self.timers.t2.is_none() {
            self.timers.t2 = Some(now + self.parameters.t2);
        }
    }

    /// RR, RNR or REJ with a valid N(R) (2.4.5.5 to 2.4.5.7).
    pub(super) fn receive_supervisory(
        &mut self,
        now: Instant,
        direction: Direction,
        kind: Supervisory,
        poll_final: bool,
    ) {
        let was_busy = std::mem::replace(&mut self.remote_busy, kind == Supervisory::Rnr);
        if self.remote_busy {
            self.attempts = 0;
        } else if was_busy && !self.recovering && self.window.outstanding() == 0 {
            // Nothing is left to ask for.
            self.timers.t1 = None;
        }
        if let Some(ax25) = &mut self.ax25 {
            self.timers.busy = self.remote_busy.then(|| now + ax25.rules.busy);
            if self.remote_busy {
                ax25.stop_timing();
            }
        }
        match direction {
            Direction::Command => self.due.answer |= poll_final,
            Direction::Response if poll_final => self.answered(),
            Direction::Response => {}
        }
        if self.recovering && self.is_plain() {
            self.answered();
        }
        if kind == Supervisory::Rej && !self.recovering {
            self.timers.t1 = None;
            self.mark_repeated();
            self.window.rewind();
        }
        self.await_room(now);
    }
}
