//! Sequence numbers (RFC 9293 section 3.4): compared by their difference, modulo 2^32.

use std::ops::{Add, Sub};

/// A place in one direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seq(pub u32);

impl Seq {
    /// Earlier than `other`, which is less than 2^31 away.
    pub fn before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// `other` or earlier.
    pub fn up_to(self, other: Self) -> bool {
        !other.before(self)
    }

    /// Octets since an earlier place.
    pub fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The later of the two.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }

    /// The earlier of the two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if other.before(self) { other } else { self }
    }
}

impl Add<u32> for Seq {
    type Output = Self;
    fn add(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }
}

impl Sub<u32> for Seq {
    type Output = Self;
    fn sub(self, octets: u32) -> Self {
        Self(self.0.wrapping_sub(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap() {
        let (a, b) = (Seq(0xffff_fff0), Seq(0x10));
        assert!(a.before(b) && !b.before(a) && a.up_to(b) && a.up_to(a) && !a.before(a));
        assert_eq!((b.since(a), a + 0x20, b - 0x20), (0x20, b, a));
        assert_eq!((a.later(b), a.earlier(b)), (b, a));
        // Where signed numbers change their sign.
        let (a, b) = (Seq(0x7fff_ffff), Seq(0x8000_0001));
        assert!(a.before(b) && !b.before(a));
    }
}
