//! Time-outs (X.25 annex D).

use std::time::Instant;

use wanbox_wire::x25::{Lci, diagnostic};

use super::Layer;
use super::circuit::due;
use super::counters::count;

/// What a deadline of a circuit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Call (T11).
    T21,
    /// Reset (T12).
    T22,
    /// Clearing (T13).
    T23,
    /// Interrupt.
    T26,
}

impl Layer {
    /// When to call [`Layer::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = self.timers.first().map(|(at, ..)| *at);
        let acknowledgements = self.acknowledgements.front().map(|(at, _)| *at);
        let deadlines = timers.into_iter().chain(acknowledgements);
        deadlines.chain(self.t20).min()
    }

    /// A deadline passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.t20.take_if(|at| *at <= now).is_some() {
            self.restart_timed_out();
        }
        while let Some(&(at, channel)) = self.acknowledgements.front()
            && at <= now
        {
            self.acknowledgements.pop_front();
            let modulo = self.modulo();
            if let Some(circuit) = self.circuits.get_mut(channel)
                && std::mem::take(&mut circuit.incoming.listed)
                && circuit.is_ready()
                && circuit.incoming.unacknowledged(modulo) > 0
            {
                self.owe(channel, due::ACKNOWLEDGEMENT);
            }
        }
        while let Some(&(at, channel, timer)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            if let Some(circuit) = self.circuits.get_mut(channel) {
                match timer {
                    Timer::T26 => circuit.t26 = None,
                    _ => circuit.timer = None,
                }
            }
            match timer {
                Timer::T21 => self.call_timed_out(channel),
                Timer::T22 => self.reset_timed_out(channel),
                Timer::T23 => self.clear_timed_out(channel),
                Timer::T26 => {
                    count(&mut self.counters.t26_expired);
                    self.reset_error(channel, diagnostic::INTERRUPT_TIMER);
                }
            }
        }
    }

    /// A packet was sent that is to be answered.
    pub(super) fn start_timer(&mut self, now: Instant, channel: Lci, timer: Timer) {
        let parameters = &self.parameters;
        let after = match timer {
            Timer::T21 => parameters.t21,
            Timer::T22 => parameters.t22,
            Timer::T23 => parameters.t23,
            Timer::T26 => match parameters.t26 {
                Some(after) => after,
                None => return,
            },
        };
        let at = now + after;
        if let Some(circuit) = self.circuits.get_mut(channel) {
            let before = match timer {
                Timer::T26 => circuit.t26.replace(at).map(|at| (at, timer)),
                _ => circuit.timer.replace((at, timer)),
            };
            if let Some((at, timer)) = before {
                self.timers.remove(&(at, channel, timer));
            }
        }
        self.timers.insert((at, channel, timer));
    }

    /// No timer of the channel runs.
    pub(super) fn stop_timers(&mut self, channel: Lci) {
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        let t26 = circuit.t26.take().map(|at| (at, Timer::T26));
        for (at, timer) in circuit.timer.take().into_iter().chain(t26) {
            self.timers.remove(&(at, channel, timer));
        }
    }

    /// The interrupt is confirmed.
    pub(super) fn stop_t26(&mut self, channel: Lci) {
        if let Some(circuit) = self.circuits.get_mut(channel)
            && let Some(at) = circuit.t26.take()
        {
            self.timers.remove(&(at, channel, Timer::T26));
        }
    }
}
