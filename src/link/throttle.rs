//! A subscriber's rate: a token bucket before a queue of two packets.
//!
//! A rate of R kbit/s is R x 1024 / 8 octets a second. The bucket holds two seconds of it and is full
//! at first. What it cannot pay for waits while there is room, and is dropped otherwise: a longer
//! queue would only add delay, because senders slow down by what they lose.

use std::time::Instant;

use crate::bucket::{Meter, TokenBucket};

/// Packets that may wait.
const QUEUE: usize = 2;
/// A packet of so many octets is not queued.
const TOO_LONG: usize = 3000;

/// What happened at a throttle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that came.
    pub packets_in: u64,
    /// Their octets.
    pub octets_in: u64,
    /// Packets that passed, at once or later.
    pub packets_sent: u64,
    /// Their octets.
    pub octets_sent: u64,
    /// Packets that waited.
    pub packets_delayed: u64,
    /// Their octets.
    pub octets_delayed: u64,
    /// Packets that were dropped.
    pub packets_dropped: u64,
    /// Their octets.
    pub octets_dropped: u64,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Pass,
    /// It was copied, and comes out of [`Throttle::release`] later.
    Queued,
    /// Drop it.
    Dropped,
}

/// One direction of one subscriber.
#[derive(Clone, Debug)]
pub struct Throttle {
    rate: u32,
    meter: Meter,
    filled: Instant,
    /// The packets that wait are the first `waiting`, the head first; the buffers are used again.
    queue: [Vec<u8>; QUEUE],
    waiting: usize,
    counters: Counters,
}

impl Throttle {
    /// The highest rate, kbit/s; a higher one is as good as none.
    pub const MAX_RATE: u32 = (TokenBucket::MAX_RATE / 1024) as u32;

    /// A full bucket of this rate in kbit/s, which is limited to [`Self::MAX_RATE`]; 0 lets nothing
    /// pass once the bucket is empty, so callers take it for "not throttled".
    #[must_use]
    pub fn new(now: Instant, rate: u32) -> Self {
        Self {
            rate,
            meter: meter(rate),
            filled: now,
            queue: Default::default(),
            waiting: 0,
            counters: Counters::default(),
        }
    }

    /// The rate, kbit/s.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Another rate from now on, with a full bucket. What waits goes on waiting.
    pub fn set_rate(&mut self, now: Instant, rate: u32) {
        self.rate = rate;
        self.meter = meter(rate);
        self.filled = now;
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Packets that wait, and what the bucket holds in octets.
    #[must_use]
    pub fn level(&self) -> (usize, u64) {
        (self.waiting, self.meter.bits() / 8)
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        if !elapsed.is_zero() {
            self.filled = now;
            self.meter.fill(elapsed);
        }
    }

    /// Takes a packet. Those that may go by now are to be released before.
    pub fn offer(&mut self, now: Instant, packet: &[u8]) -> Verdict {
        let octets = packet.len() as u64;
        self.counters.packets_in += 1;
        self.counters.octets_in += octets;
        self.fill(now);
        if self.waiting == 0 && self.meter.pay_bits(octets * 8) {
            self.counters.packets_sent += 1;
            self.counters.octets_sent += octets;
            return Verdict::Pass;
        }
        if packet.len() < TOO_LONG
            && let Some(slot) = self.queue.get_mut(self.waiting)
        {
            slot.clear();
            slot.extend_from_slice(packet);
            self.waiting += 1;
            self.counters.packets_delayed += 1;
            self.counters.octets_delayed += octets;
            return Verdict::Queued;
        }
        self.counters.packets_dropped += 1;
        self.counters.octets_dropped += octets;
        Verdict::Dropped
    }

    /// Takes the first packet that waits out when the bucket pays for it now: it was exchanged with
    /// what was in `packet`.
    pub fn release(&mut self, now: Instant, packet: &mut Vec<u8>) -> bool {
        if self.waiting == 0 {
            return false;
        }
        self.fill(now);
        let [head, ..] = &mut self.queue;
        let octets = head.len() as u64;
        if !self.meter.pay_bits(octets * 8) {
            return false;
        }
        std::mem::swap(head, packet);
        self.queue.rotate_left(1);
        self.waiting -= 1;
        self.counters.packets_sent += 1;
        self.counters.octets_sent += octets;
        true
    }

    /// When the first packet that waits may go; `None` when none waits.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let [head, ..] = &self.queue;
        if self.waiting == 0 {
            return None;
        }
        let wait = self.meter.wait_bits(head.len() as u64 * 8)?;
        self.filled.checked_add(wait)
    }
}

/// Two seconds of the rate, as far as the bucket can count them.
fn meter(rate: u32) -> Meter {
    let bits = u64::from(rate.min(Throttle::MAX_RATE)) * 1024;
    Meter::full((2 * bits).min(TokenBucket::MAX_BURST), bits)
}

#[cfg(test)]
mod tests;
