//! SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): what others must not
//! foresee (initial sequence numbers, ports, the places in the table of connections).

/// A key of 128 random bits. Whoever knows it can foresee sequence numbers.
#[derive(Clone, Copy)]
pub struct Key(pub [u64; 2]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// SipHash-2-4 of whole words: for numbers that are seen outside.
    pub fn secret(self, words: &[u64]) -> u64 {
        self.hash(words, (words.len() as u64 * 8) << 56, 2, 4)
    }

    /// SipHash-1-3 of whole words: for places in tables.
    pub fn place(self, words: &[u64]) -> u64 {
        self.hash(words, (words.len() as u64 * 8) << 56, 1, 3)
    }

    fn hash(self, words: &[u64], last: u64, compress: u32, finish: u32) -> u64 {
        let [k0, k1] = self.0;
        let mut state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        for word in words.iter().copied().chain([last]) {
            state[3] ^= word;
            for _ in 0..compress {
                round(&mut state);
            }
            state[0] ^= word;
        }
        state[2] ^= 0xff;
        for _ in 0..finish {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

#[inline]
fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *c = c.wrapping_add(*d);
    *b = b.rotate_left(13) ^ *a;
    *d = d.rotate_left(16) ^ *c;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*b);
    *a = a.wrapping_add(*d);
    *b = b.rotate_left(17) ^ *c;
    *d = d.rotate_left(21) ^ *a;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        // Appendix A: the key 00..0f and the octets 00..0e, of which the last seven share a word with
        // the length.
        let key = Key([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        let last = 15 << 56 | 0x000e_0d0c_0b0a_0908;
        let hash = key.hash(&[0x0706_0504_0302_0100], last, 2, 4);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
        assert_ne!(key.secret(&[1]), key.secret(&[2]));
        assert_ne!(key.place(&[1]), key.secret(&[1]));
    }
}
