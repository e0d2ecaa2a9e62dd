//! Random numbers for protocols: jitter, sequence starts, simulated loss. Not for secrets.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014). The owner seeds it: from the system's randomness in a
/// daemon, from a printed number in a test.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator that gives the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// True with a probability of `ppm` in a million; always from 1,000,000 on.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        // The high half of the product is uniform in 0..1,000,000.
        let drawn = (u128::from(self.next_u64()) * 1_000_000) >> 64;
        drawn < u128::from(ppm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_of_seed_1234567() {
        // Printed by the reference implementation of SplitMix64 for this seed.
        let mut random = SplitMix64::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn chances_come_out_as_asked() {
        let mut random = SplitMix64::new(1);
        for ppm in [0, 1_000, 250_000, 1_000_000, u32::MAX] {
            let hits = (0..200_000).filter(|_| random.chance_ppm(ppm)).count();
            let expected = f64::from(ppm.min(1_000_000)) / 1_000_000.0;
            let off = (hits as f64 / 200_000.0 - expected).abs();
            assert!(off < 0.005, "{ppm}: {hits} of 200000");
            assert!(ppm != 0 || hits == 0);
        }
    }
}
