//! Round trip times of a circuit, and the timer T1 made of them.

use std::time::Duration;

/// The least T1.
const LEAST: Duration = Duration::from_millis(500);
/// T1 grows no longer than this, or than it was at first: the original's grows until it overflows.
const MOST: Duration = Duration::from_secs(600);

/// What is known of round trip times.
#[derive(Clone, Copy, Debug)]
pub struct RoundTrip {
    /// The smoothed time; zero while nothing was measured.
    pub smoothed: Duration,
    /// Its mean deviation.
    pub deviation: Duration,
    /// How long T1 runs.
    pub timeout: Duration,
}

impl RoundTrip {
    /// Nothing was measured yet.
    pub fn new(initial: Duration) -> Self {
        let mut rtt = Self {
            smoothed: Duration::ZERO,
            deviation: initial / 4,
            timeout: initial,
        };
        rtt.recompute();
        rtt
    }

    /// T1 as the measurements have it.
    pub fn recompute(&mut self) {
        self.timeout = (self.smoothed + 4 * self.deviation).max(LEAST);
    }

    /// A packet that was sent once was acknowledged after so long.
    pub fn measured(&mut self, took: Duration) {
        let error = took.abs_diff(self.smoothed);
        self.smoothed = (7 * self.smoothed + took) / 8;
        self.deviation = (3 * self.deviation + error) / 4;
        self.recompute();
    }

    /// T1 has expired: the next one is longer, until something is measured again.
    pub fn back_off(&mut self) {
        self.timeout = (self.timeout * 5 / 4).min(MOST.max(self.timeout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_an_eighth_and_a_quarter() {
        let seconds = Duration::from_secs;
        let mut rtt = RoundTrip::new(seconds(60));
        assert_eq!((rtt.deviation, rtt.timeout), (seconds(15), seconds(60)));
        rtt.measured(seconds(8));
        assert_eq!(rtt.smoothed, seconds(1));
        assert_eq!(rtt.deviation, Duration::from_millis(13_250));
        assert_eq!(rtt.timeout, seconds(54));
        rtt.back_off();
        assert_eq!(rtt.timeout, Duration::from_millis(67_500));
        for _ in 0..200 {
            rtt.back_off();
        }
        assert_eq!(rtt.timeout, MOST);
        for _ in 0..200 {
            rtt.measured(Duration::from_millis(10));
        }
        assert_eq!(rtt.timeout, LEAST);
    }
}
