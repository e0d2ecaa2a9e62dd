//! Random numbers that others cannot tell beforehand: numbers of tunnels and calls, challenges.

use md5::{Digest, Md5};

/// Digests of a secret seed and a number.
#[derive(Clone)]
pub struct Random {
    seed: u128,
    given: u64,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// Numbers of a seed, which has to be random and secret.
    #[must_use]
    pub const fn new(seed: u128) -> Self {
        Self { seed, given: 0 }
    }

    /// The next 16 octets.
    pub fn block(&mut self) -> [u8; 16] {
        self.given = self.given.wrapping_add(1);
        Md5::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.given.to_be_bytes())
            .finalize()
            .into()
    }

    /// Another generator, which tells nothing of this one.
    pub fn fork(&mut self) -> Self {
        Self::new(u128::from_be_bytes(self.block()))
    }

    /// A number that is free and not 0, as `taken` says; `None` when it finds none.
    pub fn number(&mut self, taken: impl Fn(u16) -> bool) -> Option<u16> {
        let free = |number: &u16| *number != 0 && !taken(*number);
        let mut start = 0;
        for _ in 0..8 {
            for pair in self.block().as_chunks().0 {
                start = u16::from_be_bytes(*pair);
                if free(&start) {
                    return Some(start);
                }
            }
        }
        // Nearly all are taken: the next free one after a random place.
        (start..=u16::MAX).chain(1..start).find(free)
    }
}
