//! A small random generator with a printed seed.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014): one 64-bit word of state, every seed good, the same
/// numbers on every machine. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that gives the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator of its own, so that what one part of a test draws does not
    /// shift what another part sees.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.next_u64())
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..limit`.
    ///
    /// # Panics
    /// When `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "Random::below: nothing is below 0");
        // The high half of the product: its bias, limit / 2^64, is of no account here.
        ((u128::from(self.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// A number in `low..=high`.
    ///
    /// # Panics
    /// When `low` is above `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "Random::between: {low} is above {high}");
        match (high - low).checked_add(1) {
            Some(count) => low + self.below(count),
            None => self.next_u64(),
        }
    }

    /// True with this probability (0 never, 1 always).
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        ((self.next_u64() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// A time in `0..=limit`, in nanoseconds.
    pub fn duration(&mut self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.between(0, nanos))
    }

    /// Fills `octets`.
    pub fn fill(&mut self, octets: &mut [u8]) {
        for chunk in octets.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Does to a frame what bad lines and bad peers do: turns some bits over, cuts it short,
    /// lengthens it by up to 40 octets, one of these or several; sometimes none.
    pub fn damage(&mut self, frame: &mut Vec<u8>) {
        if self.chance(0.5) {
            for _ in 0..self.between(1, 4) {
                if frame.is_empty() {
                    break;
                }
                let place = self.below(frame.len() as u64) as usize;
                frame[place] ^= 1 << self.below(8);
            }
        }
        if self.chance(0.25) {
            frame.truncate(self.between(0, frame.len() as u64) as usize);
        }
        if self.chance(0.25) {
            let end = frame.len();
            frame.resize(end + self.between(1, 40) as usize, 0);
            self.fill(&mut frame[end..]);
        }
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When there is nothing to choose from.
    pub fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_of_seed_1234567() {
        // Printed by the reference implementation of SplitMix64 for this seed.
        let mut random = Random::new(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for value in expected {
            assert_eq!(random.next_u64(), value);
        }
    }

    #[test]
    fn chances_come_out_as_asked() {
        let mut random = Random::new(7);
        for probability in [0.0, 0.05, 0.3, 0.5, 1.0] {
            let hits = (0..100_000).filter(|_| random.chance(probability)).count();
            let off = (hits as f64 / 100_000.0 - probability).abs();
            assert!(off < 0.01, "{probability}: {hits} of 100000");
        }
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut random = Random::new(1);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            let value = random.between(3, 8);
            assert!((3..=8).contains(&value));
            seen[value as usize - 3] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(random.between(5, 5), 5);
        random.between(0, u64::MAX);
        assert!(random.duration(Duration::from_secs(1)) <= Duration::from_secs(1));
        assert_eq!(random.duration(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn fill_reaches_every_octet() {
        let mut random = Random::new(3);
        let mut seen = [0_u8; 21];
        for _ in 0..20 {
            let mut octets = [0_u8; 21];
            random.fill(&mut octets);
            for (all, one) in seen.iter_mut().zip(octets) {
                *all |= one;
            }
        }
        assert!(seen.iter().all(|octet| *octet == 0xff), "{seen:?}");
    }

    #[test]
    fn damage_turns_cuts_and_lengthens() {
        let mut random = Random::new(5);
        let whole = [0x55; 20];
        let (mut same, mut turned, mut shorter, mut longer) = (0, 0, 0, 0);
        for _ in 0..1000 {
            let mut frame = whole.to_vec();
            random.damage(&mut frame);
            assert!(frame.len() <= whole.len() + 40);
            shorter += u32::from(frame.len() < whole.len());
            longer += u32::from(frame.len() > whole.len());
            same += u32::from(frame == whole);
            turned += u32::from(frame.len() == whole.len() && frame != whole);
        }
        assert!(same > 100 && turned > 100 && shorter > 100 && longer > 100);
        let mut nothing = Vec::new();
        for _ in 0..100 {
            nothing.clear();
            random.damage(&mut nothing);
        }
    }

    #[test]
    fn forks_differ_from_their_parent() {
        let mut parent = Random::new(9);
        let mut child = parent.fork();
        assert_ne!(parent.next_u64(), child.next_u64());
    }
}
