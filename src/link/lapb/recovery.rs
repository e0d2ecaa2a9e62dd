//! Waiting for acknowledgement and timer recovery (X.25 section 2.4.5.9), and the timers (2.4.8).

use std::time::Instant;

use super::counters::count;
use super::{Cause, Engine, Phase};

impl Engine {
    pub(super) fn start_t1(&mut self, now: Instant) {
        self.timers.t1 = Some(now + self.parameters.t1);
    }

    pub(super) fn start_t4(&mut self, now: Instant) {
        self.timers.t4 = self.parameters.t4.map(|t4| now + t4);
    }

    /// Packets that wait for a busy peer are a reason to ask it from time to time: its word that it
    /// is not busy any more may be lost.
    pub(super) fn await_room(&mut self, now: Instant) {
        if self.remote_busy && self.window.waiting() > 0 && self.timers.t1.is_none() {
            self.start_t1(now);
        }
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let passed = |timer: &mut Option<Instant>| timer.take_if(|at| *at <= now).is_some();
        let t1 = passed(&mut self.timers.t1);
        let t4 = passed(&mut self.timers.t4);
        self.due.acknowledgement |= passed(&mut self.timers.t2);
        if t1 {
            self.t1_expired(now);
        }
        if t4 && self.phase == Phase::Information {
            count(&mut self.counters.t4_expired);
            self.start_t4(now);
            if self.timers.t1.is_none() {
                self.enquire(now);
            }
        }
    }

    fn t1_expired(&mut self, now: Instant) {
        count(&mut self.counters.t1_expired);
        match self.phase {
            Phase::Disconnected => {}
            Phase::Setup | Phase::Disconnecting => self.command_unanswered(now),
            Phase::Rejecting => self.reject_unanswered(now),
            Phase::Information => {
                let held = self.remote_busy && self.window.waiting() > 0;
                if self.recovering || held || self.window.outstanding() > 0 {
                    self.enquire(now);
                }
            }
        }
    }

    /// The peer is asked what it has received: the timer recovery condition begins, or goes on.
    fn enquire(&mut self, now: Instant) {
        if self.attempts >= self.parameters.n2 {
            self.start_reset(now, Cause::NoAnswer);
            return;
        }
        self.attempts += 1;
        self.recovering = true;
        self.due.enquiry = true;
        self.start_t1(now);
    }

    /// A supervisory response with F came: the condition is over, and what the peer has not
    /// received is sent again.
    pub(super) fn answered(&mut self) {
        if !self.recovering {
            count(&mut self.counters.unsolicited);
            return;
        }
        self.recovering = false;
        self.due.enquiry = false;
        self.timers.t1 = None;
        self.window.rewind();
        if self.window.outstanding() == 0 {
            self.attempts = 0;
        }
    }
}
