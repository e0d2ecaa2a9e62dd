//! The congestion window: RFC 5681, RFC 6582, RFC 9438.

use crate::parameters::Congestion;
use crate::sequence::Seq;
use crate::timers::Micros;

/// What the window is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Slow start or congestion avoidance.
    Open,
    /// Fast recovery, until `recover` is acknowledged.
    Recovery,
    /// After a retransmission timeout, until `recover` is acknowledged.
    Loss,
}

/// The congestion window of a connection, octets.
#[derive(Debug)]
pub(crate) struct Window {
    pub size: u32,
    pub threshold: u32,
    pub phase: Phase,
    /// What was sent when the phase began.
    pub recover: Seq,
    /// Acknowledgements in a row that brought nothing new.
    pub dup_acks: u16,
    /// Size and threshold before the last timeout, should it have been too early.
    prior: (u32, u32),
    cubic: Option<Box<Cubic>>,
}

/// The most octets: as the largest window.
const MOST: u32 = 1 << 30;
/// The first threshold: none.
const NO_THRESHOLD: u32 = u32::MAX;

impl Window {
    pub fn new(algorithm: Congestion) -> Self {
        Self {
            size: 0,
            threshold: NO_THRESHOLD,
            phase: Phase::Open,
            recover: Seq(0),
            dup_acks: 0,
            prior: (0, NO_THRESHOLD),
            cubic: (algorithm == Congestion::Cubic).then(Box::default),
        }
    }

    /// The first window (RFC 6928), or after a long silence (RFC 5681 section 4.1): one segment where
    /// each takes seconds.
    pub fn initial(mss: u32, slow: bool) -> u32 {
        if slow {
            mss
        } else {
            (10 * mss).min((2 * mss).max(14_600))
        }
    }

    /// So many octets were acknowledged, with the window used up.
    pub fn grow(&mut self, now: Micros, acked: u32, mss: u32, srtt: u32) {
        if self.size < self.threshold {
            // RFC 3465: by octets, so that an acknowledgement of many segments counts. After a
            // timeout only one segment: most acknowledged octets may not have left just now.
            let most = if self.phase == Phase::Loss {
                mss
            } else {
                acked
            };
            self.size = self.size.saturating_add(acked.min(most));
        } else if let Some(cubic) = &mut self.cubic {
            self.size = cubic.grow(self.size, now, acked, mss, srtt);
        } else {
            let step = u64::from(mss) * u64::from(acked) / u64::from(self.size.max(1));
            self.size = self.size.saturating_add((step as u32).clamp(1, mss));
        }
        self.size = self.size.min(MOST);
    }

    /// Segments were lost or marked: the new threshold.
    pub fn reduce(&mut self, flight: u32, mss: u32) {
        let threshold = match &mut self.cubic {
            Some(cubic) => cubic.reduce(self.size.min(flight.max(mss))),
            None => flight / 2,
        };
        self.threshold = threshold.max(2 * mss);
    }

    /// A retransmission timeout: the first for what is under way, or another.
    pub fn timeout(&mut self, flight: u32, mss: u32, max: Seq, first: bool) {
        if first {
            self.prior = (self.size, self.threshold);
            self.reduce(flight, mss);
        }
        self.size = mss;
        self.phase = Phase::Loss;
        self.recover = max;
        self.dup_acks = 0;
    }

    /// The timeout was too early: nothing was lost (RFC 4015 section 3.3).
    pub fn undo(&mut self) {
        (self.size, self.threshold) = self.prior;
        self.phase = Phase::Open;
    }
}

/// RFC 9438, in octets and seconds.
#[derive(Debug, Default)]
struct Cubic {
    w_max: f64,
    w_est: f64,
    k: f64,
    /// When this stage of congestion avoidance began; 0: it did not.
    epoch: Micros,
}

impl Cubic {
    const C: f64 = 0.4;
    const BETA: f64 = 0.7;
    const ALPHA: f64 = 3.0 * (1.0 - Self::BETA) / (1.0 + Self::BETA);

    fn reduce(&mut self, window: u32) -> u32 {
        let window = f64::from(window);
        // Section 4.7: make room for others when there is less than before.
        self.w_max = if window < self.w_max {
            window * (1.0 + Self::BETA) / 2.0
        } else {
            window
        };
        self.epoch = 0;
        (window * Self::BETA) as u32
    }

    fn grow(&mut self, size: u32, now: Micros, acked: u32, mss: u32, srtt: u32) -> u32 {
        let (window, mss) = (f64::from(size), f64::from(mss));
        if self.epoch == 0 {
            self.epoch = now.max(1);
            self.w_est = window;
            self.w_max = self.w_max.max(window);
            self.k = ((self.w_max - window) / mss / Self::C).cbrt();
        }
        let ahead = now.saturating_sub(self.epoch) + u64::from(srtt);
        let t = ahead as f64 / 1e6 - self.k;
        let cubic = Self::C * t * t * t * mss + self.w_max;
        let target = cubic.clamp(window, 1.5 * window);
        let share = f64::from(acked) / window;
        let alpha = if self.w_est >= self.w_max {
            1.0
        } else {
            Self::ALPHA
        };
        self.w_est += alpha * mss * share;
        let next = (window + (target - window) * share).max(self.w_est);
        // Octets are whole: never stand still for the fraction of one.
        (next as u32).max(size + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;

    #[test]
    fn initial_windows() {
        assert_eq!(Window::initial(1460, false), 14_600);
        assert_eq!(Window::initial(512, false), 5120);
        assert_eq!(Window::initial(9000, false), 18_000);
        assert_eq!(Window::initial(512, true), 512);
    }

    #[test]
    fn slow_start_then_an_mss_a_round_trip() {
        let mut window = Window::new(Congestion::NewReno);
        window.size = 4 * MSS;
        window.grow(0, 4 * MSS, MSS, 0);
        assert_eq!(window.size, 8 * MSS);
        window.reduce(8 * MSS, MSS);
        window.size = window.threshold;
        assert_eq!(window.size, 4 * MSS);
        for _ in 0..4 {
            window.grow(0, MSS, MSS, 0);
        }
        assert!(window.size.abs_diff(5 * MSS) < 100, "{}", window.size);
        window.timeout(5 * MSS, MSS, Seq(0), true);
        assert_eq!((window.size, window.threshold), (MSS, 2500));
        window.timeout(MSS, MSS, Seq(0), false);
        assert_eq!(window.threshold, 2500, "only once for the same octets");
        window.undo();
        assert!(window.size.abs_diff(5 * MSS) < 100);
        assert_eq!(window.threshold, 4 * MSS);
    }

    #[test]
    fn cubic_comes_back_to_where_it_was_and_goes_beyond() {
        let mut window = Window::new(Congestion::Cubic);
        window.size = 100 * MSS;
        window.reduce(100 * MSS, MSS);
        assert_eq!(window.threshold, 70 * MSS);
        window.size = window.threshold;
        // K = cbrt(30 / 0.4) = 4.2 s; a round trip of 100 ms.
        let (mut now, mut at_k) = (1, 0);
        for round in 0..100 {
            for _ in 0..window.size / MSS {
                window.grow(now, MSS, MSS, 100_000);
            }
            now += 100_000;
            if round == 41 {
                at_k = window.size;
            }
        }
        assert!(at_k.abs_diff(100 * MSS) < 3 * MSS, "{at_k}");
        assert!(window.size > 140 * MSS, "{}", window.size);
    }
}
