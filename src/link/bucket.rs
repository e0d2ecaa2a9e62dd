//! Token bucket: committed rate, burst and excess burst (Q.922 Annex A, I.370).
//!
//! The committed bucket holds `Bc` bits and fills at the committed rate; the
//! excess bucket holds `Be` bits and fills in the same interval `Tc = Bc/CIR`.
//! A packet larger than a bucket passes when that bucket is full and leaves a
//! debt, so that the long-term rate holds for every packet size.

use std::fmt;
use std::time::{Duration, Instant};

/// Tokens are counted in bits times nanoseconds of a second, so that no rate loses fractions.
const SCALE: u64 = 1_000_000_000;

/// Which bucket paid for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Within the committed burst.
    Committed,
    /// Within the excess burst: to be marked discard eligible.
    Excess,
}

/// Why a bucket cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketError {
    /// The committed rate must be 1..=[`TokenBucket::MAX_RATE`] bit/s.
    Rate(u64),
    /// A burst must be at most [`TokenBucket::MAX_BURST`] bits, the committed one not 0.
    Burst(u64),
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => {
                let max = TokenBucket::MAX_RATE;
                write!(f, "committed rate {rate} bit/s: 1 to {max} is allowed")
            }
            Self::Burst(burst) => {
                let max = TokenBucket::MAX_BURST;
                write!(
                    f,
                    "burst {burst} bits: 1 to {max} is allowed (excess from 0)"
                )
            }
        }
    }
}

impl std::error::Error for BucketError {}

/// One bucket: tokens may be negative (a debt).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    capacity: i64,
    tokens: i64,
    /// Bits a second.
    rate: u64,
}

impl Meter {
    /// Full at first. `bits` is at most [`TokenBucket::MAX_BURST`], so the product fits.
    pub(crate) fn full(bits: u64, rate: u64) -> Self {
        let capacity = (bits * SCALE) as i64;
        Self {
            capacity,
            tokens: capacity,
            rate,
        }
    }

    pub(crate) fn fill(&mut self, elapsed: Duration) {
        let gain = elapsed.as_nanos().saturating_mul(u128::from(self.rate));
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_add(gain).min(self.capacity);
    }

    /// What must be there before a packet of this many scaled bits may go.
    fn need(&self, cost: i64) -> i64 {
        cost.min(self.capacity)
    }

    fn pay(&mut self, cost: i64) -> bool {
        if self.capacity == 0 || self.tokens < self.need(cost) {
            return false;
        }
        self.tokens = self.tokens.saturating_sub(cost);
        true
    }

    /// How long until a packet of this cost may go; `None` when never.
    fn wait(&self, cost: i64) -> Option<Duration> {
        if self.capacity == 0 {
            return None;
        }
        let missing = self.need(cost).saturating_sub(self.tokens).max(0);
        let nanos = missing.unsigned_abs().checked_div(self.rate)?;
        // Rounded up: asking at that time succeeds.
        Some(Duration::from_nanos(nanos.saturating_add(1)))
    }

    /// As [`Self::pay`], for a packet of this many bits.
    pub(crate) fn pay_bits(&mut self, bits: u64) -> bool {
        self.pay(cost_of(bits))
    }

    /// How long until a packet of this many bits may go; `None` when never.
    pub(crate) fn wait_bits(&self, bits: u64) -> Option<Duration> {
        self.wait(cost_of(bits))
    }

    /// What is there, bits; zero for a debt.
    pub(crate) fn bits(&self) -> u64 {
        self.tokens.max(0).unsigned_abs() / SCALE
    }
}

/// A packet of this many bits, scaled.
fn cost_of(bits: u64) -> i64 {
    (bits.min(TokenBucket::MAX_PACKET) * SCALE) as i64
}

/// Committed rate, committed burst and excess burst of one connection.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    committed: Meter,
    excess: Meter,
    filled: Instant,
}

impl TokenBucket {
    /// The highest committed rate, bit/s.
    pub const MAX_RATE: u64 = 100_000_000_000;
    /// The largest burst, bits.
    pub const MAX_BURST: u64 = 1_000_000_000;
    /// The largest packet that is charged in full, bits; a larger one is charged as this.
    pub const MAX_PACKET: u64 = 1_000_000_000;

    /// Full buckets. `rate` is the committed rate in bit/s, the bursts are in bits; an excess burst of
    /// 0 means that nothing beyond the committed one passes.
    pub fn new(
        now: Instant,
        rate: u64,
        committed_burst: u64,
        excess_burst: u64,
    ) -> Result<Self, BucketError> {
        if rate == 0 || rate > Self::MAX_RATE {
            return Err(BucketError::Rate(rate));
        }
        if committed_burst == 0 || committed_burst > Self::MAX_BURST {
            return Err(BucketError::Burst(committed_burst));
        }
        if excess_burst > Self::MAX_BURST {
            return Err(BucketError::Burst(excess_burst));
        }
        // Be refills in Tc = Bc / CIR, so at CIR * Be / Bc, at least one bit a second.
        let product = u128::from(rate) * u128::from(excess_burst);
        let excess_rate = u64::try_from(product / u128::from(committed_burst)).unwrap_or(u64::MAX);
        Ok(Self {
            committed: Meter::full(committed_burst, rate),
            excess: Meter::full(excess_burst, excess_rate.max(1)),
            filled: now,
        })
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        if !elapsed.is_zero() {
            self.filled = now;
            self.committed.fill(elapsed);
            self.excess.fill(elapsed);
        }
    }

    /// Pays for a packet of this many bits: which bucket did, or when to ask again. Without
    /// `allow_excess` only the committed bucket pays.
    pub fn take(&mut self, now: Instant, bits: u64, allow_excess: bool) -> Result<Colour, Instant> {
        self.fill(now);
        let cost = cost_of(bits);
        if self.committed.pay(cost) {
            return Ok(Colour::Committed);
        }
        if allow_excess && self.excess.pay(cost) {
            return Ok(Colour::Excess);
        }
        let committed = self.committed.wait(cost);
        let excess = self.excess.wait(cost).filter(|_| allow_excess);
        let wait = committed
            .into_iter()
            .chain(excess)
            .min()
            .unwrap_or_default();
        Err(now + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Instant {
        // A base for virtual times; the tests never wait.
        #[allow(clippy::disallowed_methods)]
        Instant::now()
    }

    #[test]
    fn committed_then_excess_then_hold() {
        let now = start();
        let mut bucket = TokenBucket::new(now, 64_000, 16_000, 8_000).unwrap();
        assert_eq!(bucket.take(now, 12_000, true), Ok(Colour::Committed));
        assert_eq!(bucket.take(now, 8_000, true), Ok(Colour::Excess));
        assert_eq!(bucket.take(now, 4_000, true), Ok(Colour::Committed));
        let until = bucket.take(now, 6_400, true).unwrap_err();
        assert_eq!(until - now, Duration::from_nanos(100_000_001));
        assert!(
            bucket
                .take(until - Duration::from_micros(1), 6_400, true)
                .is_err()
        );
        assert_eq!(bucket.take(until, 6_400, true), Ok(Colour::Committed));
    }

    #[test]
    fn excess_only_when_allowed_and_configured() {
        let now = start();
        let mut bucket = TokenBucket::new(now, 1000, 1000, 1000).unwrap();
        assert_eq!(bucket.take(now, 1000, false), Ok(Colour::Committed));
        assert!(bucket.take(now, 1000, false).is_err());
        assert_eq!(bucket.take(now, 1000, true), Ok(Colour::Excess));
        let mut bucket = TokenBucket::new(now, 1000, 1000, 0).unwrap();
        assert_eq!(bucket.take(now, 1000, true), Ok(Colour::Committed));
        assert!(bucket.take(now, 0, true).is_ok());
        assert!(bucket.take(now, 1, true).is_err());
    }

    #[test]
    fn oversized_packet_passes_a_full_bucket_and_leaves_a_debt() {
        let now = start();
        let mut bucket = TokenBucket::new(now, 1000, 1000, 0).unwrap();
        assert_eq!(bucket.take(now, 5000, true), Ok(Colour::Committed));
        let until = bucket.take(now, 5000, true).unwrap_err();
        assert_eq!(until - now, Duration::from_nanos(5_000_000_001));
        assert_eq!(bucket.take(until, 5000, true), Ok(Colour::Committed));
    }

    #[test]
    fn ranges_are_checked() {
        let now = start();
        for (rate, committed, excess) in [
            (0, 1, 0),
            (u64::MAX, 1, 0),
            (1, 0, 0),
            (1, u64::MAX, 0),
            (1, 1, u64::MAX),
        ] {
            let error = TokenBucket::new(now, rate, committed, excess).unwrap_err();
            assert!(error.to_string().contains("allowed"));
        }
        let mut bucket =
            TokenBucket::new(now, TokenBucket::MAX_RATE, 1, TokenBucket::MAX_BURST).unwrap();
        let later = now + Duration::from_secs(1 << 40);
        assert!(bucket.take(later, u64::MAX, true).is_ok());
    }

    proptest! {
        /// Over any run the committed bits stay within Bc + CIR * t, all within that plus Be and its
        /// share, each with the debt of one packet; and the time given for asking again is right.
        #[test]
        fn rate_holds(
            rate in 1_000..2_048_000_u64,
            committed_burst in 1_000..512_000_u64,
            excess_burst in 0..512_000_u64,
            packets in proptest::collection::vec((1..12_000_u64, 0..50_000_000_u64), 1..200),
        ) {
            let begin = start();
            let mut now = begin;
            let mut bucket = TokenBucket::new(now, rate, committed_burst, excess_burst).unwrap();
            let (mut committed, mut excess, mut largest) = (0, 0, 0);
            for (bits, gap) in packets {
                now += Duration::from_nanos(gap);
                largest = largest.max(bits);
                match bucket.take(now, bits, true) {
                    Ok(Colour::Committed) => committed += bits,
                    Ok(Colour::Excess) => excess += bits,
                    Err(until) => {
                        prop_assert!(until > now);
                        now = until;
                        match bucket.take(now, bits, true) {
                            Ok(Colour::Committed) => committed += bits,
                            Ok(Colour::Excess) => excess += bits,
                            Err(again) => prop_assert!(false, "asked again at {:?}", again - now),
                        }
                    }
                }
                let seconds = (now - begin).as_secs_f64();
                let bound = committed_burst as f64 + rate as f64 * seconds;
                prop_assert!(committed as f64 <= bound + largest as f64 + 1.0);
                let share = excess_burst as f64 / committed_burst as f64;
                prop_assert!(
                    excess as f64 <= bound * share + seconds + largest as f64 + 1.0
                );
            }
        }
    }
}
