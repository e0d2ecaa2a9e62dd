//! Waiting for acknowledgement and timer recovery (X.25 section 2.4.5.9), and the timers (2.4.8).

use std::time::Instant;

use wanbox_wire::lapb::Unnumbered;

use super::counters::count;
use super::{Cause, Engine, Phase};

/// N2 of a disconnection when that of the link is 0.
const FAREWELLS: u32 = 10;

impl Engine {
    pub(super) fn start_t1(&mut self, now: Instant) {
        self.timers.t1 = Some(now + self.t1());
    }

    pub(super) fn start_t4(&mut self, now: Instant) {
        self.timers.t4 = self.parameters.t4.map(|t4| now + t4);
    }

    /// Packets that wait for a busy peer are a reason to ask it from time to time: its word that it
    /// is not busy any more may be lost.
    pub(super) fn await_room(&mut self, now: Instant) {
        if !self.remote_busy || self.window.waiting() == 0 || self.timers.t1.is_some() {
            return;
        }
        match &self.ax25 {
            None => self.start_t1(now),
            Some(ax25) => {
                let busy = now + ax25.rules.busy;
                self.timers.busy.get_or_insert(busy);
            }
        }
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let passed = |timer: &mut Option<Instant>| timer.take_if(|at| *at <= now).is_some();
        let t1 = passed(&mut self.timers.t1);
        let t4 = passed(&mut self.timers.t4);
        let busy = passed(&mut self.timers.busy);
        self.due.acknowledgement |= passed(&mut self.timers.t2);
        if t1 {
            self.t1_expired(now);
        }
        if t4 && self.phase == Phase::Information {
            count(&mut self.counters.t4_expired);
            self.start_t4(now);
            if self.timers.t1.is_none() && !self.is_plain() {
                self.look_after(now);
            }
        }
        // Version 1 has no polls: what waits asks.
        let asks = !self.is_plain() || self.window.waiting() > 0;
        if busy && self.phase == Phase::Information && self.timers.t1.is_none() && asks {
            self.look_after(now);
        }
    }

    /// The peer is asked although nothing went wrong.
    pub(super) fn look_after(&mut self, now: Instant) {
        if !self.is_ax25() {
            return self.enquire(now);
        }
        self.attempts = 0;
        self.enquire(now);
        self.attempts = 0;
    }

    fn t1_expired(&mut self, now: Instant) {
        if !self.back_off(now) {
            return;
        }
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
    pub(super) fn enquire(&mut self, now: Instant) {
        if self.is_exhausted() {
            if self.is_ax25() {
                // The peer is told, should it hear it (AX.25 section 6.7.1.1).
                self.respond(Unnumbered::Dm, true);
                self.enter_disconnected(Cause::NoAnswer);
            } else {
                self.start_reset(now, Cause::NoAnswer);
            }
            return;
        }
        self.attempts += 1;
        self.recovering = true;
        self.due.enquiry = true;
        self.start_t1(now);
    }

    /// Whether N2 was reached. A set-up of AX.25 is repeated N2 times, and N2 of 0 is for ever; but
    /// nobody waits so long for leave.
    pub(super) fn is_exhausted(&self) -> bool {
        let n2 = match (self.parameters.n2, self.phase) {
            (0, Phase::Disconnecting) => FAREWELLS,
            (n2, _) => u32::from(n2),
        };
        let first = self.is_ax25() && self.phase != Phase::Information;
        n2 != 0 && self.attempts >= n2 + u32::from(first)
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
        if self.window.outstanding() > 0 {
            self.mark_repeated();
        }
        self.window.rewind();
        if self.window.outstanding() == 0 {
            self.attempts = 0;
        }
    }
}
