//! What a slave's device has still to send, and how fast it sends: from its own counters.
//!
//! A rate can be seen only while the device is busy. So a measured slave is kept ahead of its line
//! (see [`crate::Master::poll_transmit`]), and
//! * while the device has something to send from one report to the next, what it sent in between is
//!   its rate, over at least two such seconds, with pauses between them or not, and eight packets;
//! * when it has sent everything although the pace held packets back, the pace is too slow: it
//!   doubles;
//! * when it sends nothing of what it has for long, the pace is halved; the third time in a row
//!   what it has is taken for lost.
//!
//! The result stays between [`AUTO_MIN_BPS`] and [`MAX_RATE_BPS`].

use std::time::{Duration, Instant};

use crate::rate::{Framing, MAX_RATE_BPS};

/// The lowest measured rate, bit/s: that of the slowest modems (Bell 103).
pub const AUTO_MIN_BPS: u64 = 300;

/// How long a measurement takes at least, and how many packets.
const WINDOW: (Duration, u64) = (Duration::from_secs(2), 8);

/// The same for the first one, which replaces a mere guess.
const FIRST_WINDOW: (Duration, u64) = (Duration::from_secs(1), 3);

/// What a device has sent since some moment, as its statistics count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Their octets.
    pub octets: u64,
}

/// A measurement under way: what was sent while the device was busy, with or without pauses.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// The last report of packets while the device was busy; none when it was not since.
    mark: Option<Instant>,
    /// The time it was busy.
    busy: Duration,
    bits: u64,
    packets: u64,
}

/// What the slave has to know of itself for a report to be understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub framing: Framing,
    /// The pace holds a packet back.
    pub withheld: bool,
    /// How long a device that works may send nothing.
    pub patience: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    /// bit/s; `None` when it is not measured.
    estimate: Option<u64>,
    /// It comes from a measurement.
    sampled: bool,
    reported: Option<Counters>,
    /// Packets that the device has and did not report as sent.
    outstanding: u64,
    outstanding_octets: u64,
    /// At the last report there was something.
    busy: bool,
    window: Window,
    /// When the device sent something, or got something while it had nothing.
    progress: Instant,
    stalls: u64,
    /// Those since it sent something.
    stalls_in_a_row: u32,
}

/// So many stalls in a row mean that the device has dropped what it had without a word.
const GIVE_UP: u32 = 3;

impl Meter {
    pub fn new(now: Instant, estimate: Option<u64>) -> Self {
        Self {
            estimate,
            sampled: false,
            reported: None,
            outstanding: 0,
            outstanding_octets: 0,
            busy: false,
            window: Window::default(),
            progress: now,
            stalls: 0,
            stalls_in_a_row: 0,
        }
    }

    /// The measured rate, bit/s, or the guess before the first measurement.
    pub fn estimate(&self) -> Option<u64> {
        self.estimate
    }

    /// Whether the estimate comes from a measurement.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Times that the device sent nothing of what it had for too long.
    pub fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Packets and octets that the device has, as far as it reports; `None` when it never did.
    pub fn outstanding(&self) -> Option<(u64, u64)> {
        self.reported
            .map(|_| (self.outstanding, self.outstanding_octets))
    }

    /// The device got a packet.
    pub fn handed(&mut self, now: Instant, len: usize) {
        if self.outstanding == 0 {
            self.progress = now;
        }
        self.outstanding += 1;
        self.outstanding_octets += len as u64;
    }

    /// A packet came back from the device that did not take it.
    pub fn returned(&mut self, len: usize) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.outstanding_octets = self.outstanding_octets.saturating_sub(len as u64);
    }

    /// Takes a report; whether the estimate changed.
    pub fn observe(&mut self, now: Instant, counters: Counters, of: Circumstances) -> bool {
        let sent = self.reported.replace(counters).and_then(|before| {
            let packets = counters.packets.checked_sub(before.packets)?;
            Some((packets, counters.octets.checked_sub(before.octets)?))
        });
        let Some((packets, octets)) = sent else {
            // The first report, or a device that counts anew: what it has is not known.
            self.forget(now);
            return false;
        };
        let before = self.outstanding;
        self.outstanding = before.saturating_sub(packets);
        // As if all were equally long.
        let left = u128::from(self.outstanding_octets) * u128::from(self.outstanding);
        self.outstanding_octets = (left / u128::from(before.max(1))) as u64;
        let was_busy = std::mem::replace(&mut self.busy, self.outstanding > 0);
        if packets > 0 || before == 0 {
            self.progress = now;
            self.stalls_in_a_row = 0;
        }
        if self.outstanding == 0 {
            self.window.mark = None;
            return packets > 0 && of.withheld && self.scale(2, 1);
        }
        if now.saturating_duration_since(self.progress) >= of.patience {
            self.progress = now;
            self.stalls += 1;
            self.window = Window::default();
            self.stalls_in_a_row += 1;
            if self.stalls_in_a_row >= GIVE_UP {
                self.forget(now);
                self.stalls_in_a_row = 0;
            }
            return self.scale(1, 2);
        }
        if was_busy {
            self.measure(now, packets, octets, of.framing)
        } else {
            self.window.mark = None;
            false
        }
    }

    /// What the device has is not known, or gone.
    pub fn forget(&mut self, now: Instant) {
        self.outstanding = 0;
        self.outstanding_octets = 0;
        self.busy = false;
        self.window = Window::default();
        self.progress = now;
    }

    /// The device is another one, which counts anew.
    pub fn restart(&mut self, now: Instant) {
        self.reported = None;
        self.forget(now);
    }

    /// The device was busy since the last report, and sent so much.
    fn measure(&mut self, now: Instant, packets: u64, octets: u64, framing: Framing) -> bool {
        if packets == 0 {
            return false;
        }
        // A busy time begins and ends with packets that were just sent, so that none counts in part.
        let window = &mut self.window;
        let Some(mark) = window.mark.replace(now) else {
            return false;
        };
        // All of one length, for only their sum is known; the rest of the division is below one
        // octet a packet.
        let each = usize::try_from(octets / packets).unwrap_or(usize::MAX);
        window.bits = window
            .bits
            .saturating_add(framing.bits(each).saturating_mul(packets));
        window.packets = window.packets.saturating_add(packets);
        window.busy += now.saturating_duration_since(mark);
        let (time, count) = if self.sampled { WINDOW } else { FIRST_WINDOW };
        if window.busy < time || window.packets < count {
            return false;
        }
        let bps = u128::from(window.bits) * 1_000_000_000 / window.busy.as_nanos().max(1);
        *window = Window {
            mark: Some(now),
            ..Window::default()
        };
        self.sample(u64::try_from(bps).unwrap_or(u64::MAX))
    }

    fn sample(&mut self, bps: u64) -> bool {
        let Some(old) = self.estimate else {
            return false;
        };
        let bps = bps.clamp(AUTO_MIN_BPS, MAX_RATE_BPS);
        // A rate that is quite another is believed at once; noise is averaged.
        let new = if !self.sampled || bps.abs_diff(old) > old / 4 {
            bps
        } else {
            bps.midpoint(old)
        };
        self.sampled = true;
        self.estimate = Some(new);
        new != old
    }

    fn scale(&mut self, by: u64, of: u64) -> bool {
        let Some(old) = self.estimate else {
            return false;
        };
        let new = (old.saturating_mul(by) / of).clamp(AUTO_MIN_BPS, MAX_RATE_BPS);
        self.estimate = Some(new);
        new != old
    }
}
