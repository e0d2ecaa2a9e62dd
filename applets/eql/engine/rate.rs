//! Bit rates, and what a packet takes on a line.

use crate::rules::Refusal;

/// The highest rate of a line, bit/s.
pub const MAX_RATE_BPS: u64 = 10_000_000_000;

/// What a rate to be measured starts from, bit/s: the priority that the driver has for a default.
pub const DEFAULT_RATE_BPS: u64 = 28_800;

/// The rate of a slave's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Estimated by a person, bit/s: 1 to [`MAX_RATE_BPS`]. On a line with start and stop bits
    /// they count, as in the HOWTO: 28,800 bit/s are 2,880 octets.
    Fixed(u64),
    /// Measured from what the device reports, starting from [`DEFAULT_RATE_BPS`].
    Auto,
}

impl Rate {
    /// Checks the range.
    ///
    /// # Errors
    /// [`Refusal::Rate`].
    pub fn check(self) -> Result<(), Refusal> {
        match self {
            Self::Fixed(bps) if !(1..=MAX_RATE_BPS).contains(&bps) => Err(Refusal::Rate(bps)),
            Self::Fixed(_) | Self::Auto => Ok(()),
        }
    }

    /// What the line is taken for at first, bit/s.
    pub(crate) fn initial(self) -> u64 {
        match self {
            Self::Fixed(bps) => bps,
            Self::Auto => DEFAULT_RATE_BPS,
        }
    }
}

/// What the line adds to a packet. Values beyond a range are taken for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Octets beside the packet's own, flags and check sequence: 0 to 256.
    pub octets: u16,
    /// Bits that an octet takes: 8, or 10 with start and stop bit; 5 to 16.
    pub bits_per_octet: u8,
    /// Octets that are escaped, in a million, on the average: 0 to 1,000,000.
    pub escaped_ppm: u32,
}

impl Framing {
    /// Nothing: the rate is that of the packets themselves.
    pub const PLAIN: Self = Self {
        octets: 0,
        bits_per_octet: 8,
        escaped_ppm: 0,
    };

    /// SLIP (RFC 1055) on an asynchronous line: END before and after, as Linux sends it; two of 256
    /// octets are escaped where all are equally likely.
    pub const SLIP: Self = Self {
        octets: 2,
        bits_per_octet: 10,
        escaped_ppm: 7_812,
    };

    /// PPP on an asynchronous line (RFC 1662) that escapes no control characters: flag, address,
    /// control, protocol and FCS-16.
    pub const PPP_ASYNC: Self = Self {
        octets: 7,
        bits_per_octet: 10,
        escaped_ppm: 7_812,
    };

    /// PPP and Frame Relay on a synchronous line: flag, header of four octets, FCS-16. Stuffed
    /// bits are left out.
    pub const HDLC: Self = Self {
        octets: 7,
        bits_per_octet: 8,
        escaped_ppm: 0,
    };

    /// Ethernet: preamble, header, FCS, gap.
    pub const ETHERNET: Self = Self {
        octets: 38,
        bits_per_octet: 8,
        escaped_ppm: 0,
    };

    /// The bits that a packet of `len` octets takes, at least 1. Below 2^24 for packets of up to
    /// 65,535 octets.
    #[must_use]
    pub fn bits(&self, len: usize) -> u64 {
        let plain = len.min(0xffff) as u64 + u64::from(self.octets.min(256));
        let escapes = plain * u64::from(self.escaped_ppm.min(1_000_000)) / 1_000_000;
        ((plain + escapes) * u64::from(self.bits_per_octet.clamp(5, 16))).max(1)
    }

    /// The time that a packet of `len` octets takes at `bps` bit/s, in nanoseconds, rounded up.
    #[must_use]
    pub(crate) fn nanos(&self, len: usize, bps: u64) -> u64 {
        // Below 2^24 times 2^30.
        (self.bits(len) * 1_000_000_000).div_ceil(bps.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_on_lines() {
        assert_eq!(Framing::PLAIN.bits(1500), 12_000);
        assert_eq!(Framing::PLAIN.nanos(1500, 12_000), 1_000_000_000);
        // 902 octets, 7 of them escaped.
        assert_eq!(Framing::SLIP.bits(900), 9_090);
        assert_eq!(Framing::SLIP.nanos(900, 9_600), 946_875_000);
        assert_eq!(Framing::ETHERNET.bits(1500), 1538 * 8);
        assert_eq!(Framing::PLAIN.bits(0), 1);
    }

    #[test]
    fn the_ends_of_the_ranges() {
        let most = Framing {
            octets: u16::MAX,
            bits_per_octet: u8::MAX,
            escaped_ppm: u32::MAX,
        };
        assert_eq!(most.bits(usize::MAX), (65_535 + 256) * 2 * 16);
        assert!(most.bits(usize::MAX) < 1 << 24);
        assert_eq!(
            most.nanos(usize::MAX, 1),
            most.bits(usize::MAX) * 1_000_000_000
        );
        assert_eq!(Framing::PLAIN.nanos(1, MAX_RATE_BPS), 1);
    }
}
