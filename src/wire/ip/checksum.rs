//! The Internet checksum: the one's complement sum of 16-bit words (RFC 1071).

/// A running one's complement sum.
///
/// Kept as native-endian words with end-around carry; the byte order is put
/// right once, when the sum is taken (RFC 1071 section 2 (B)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Zero.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds octets. An odd number of them is padded with a zero, so only the last piece of a message may be odd.
    #[must_use]
    pub fn octets(self, octets: &[u8]) -> Self {
        // Two accumulators, so that the carry chains of neighbouring words overlap in time.
        let mut even = u128::from(self.0);
        let mut odd = 0u128;
        let (pairs, rest) = octets.as_chunks::<16>();
        for pair in pairs {
            let (low, high) = pair.split_at(8);
            even += u128::from(native_u64(low));
            odd += u128::from(native_u64(high));
        }
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            even += u128::from(u64::from_ne_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        odd += u128::from(u64::from_ne_bytes(last));
        Self(add(fold128(even), fold128(odd)))
    }

    /// Adds one 16-bit field.
    #[must_use]
    pub fn u16(self, field: u16) -> Self {
        Self(add(self.0, u64::from(field.to_be())))
    }

    /// Adds one 32-bit field.
    #[must_use]
    pub fn u32(self, field: u32) -> Self {
        self.u16((field >> 16) as u16).u16(field as u16)
    }

    /// The folded sum, not inverted: what a TUN header with "needs checksum" wants in the checksum field.
    pub fn folded(self) -> u16 {
        let sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        u16::from_be(sum as u16)
    }

    /// The checksum: the inverted sum.
    pub fn checksum(self) -> u16 {
        !self.folded()
    }

    /// The checksum as UDP sends it: zero means "none", so a computed zero becomes all ones (RFC 768).
    pub fn udp_checksum(self) -> u16 {
        match self.checksum() {
            0 => 0xffff,
            other => other,
        }
    }

    /// Whether octets that include their checksum add up. All zeros do: in one's complement they are zero as well
    /// (RFC 1071), and Linux answers an echo request of nothing but zeros so.
    pub fn is_valid(self) -> bool {
        matches!(self.folded(), 0 | 0xffff)
    }
}

/// The checksum after one 16-bit field changed (RFC 1624, equation 3).
pub fn adjust(checksum: u16, old: u16, new: u16) -> u16 {
    Sum::new().u16(!checksum).u16(!old).u16(new).checksum()
}

fn add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(u64::from(carry))
}

fn fold128(sum: u128) -> u64 {
    add((sum >> 64) as u64, sum as u64)
}

fn native_u64(octets: &[u8]) -> u64 {
    u64::from_ne_bytes(octets.first_chunk().copied().unwrap_or_default())
}
