//! System parameters (X.25 section 2.4.8), which both ends of a link know and agree on.

use std::ops::RangeInclusive;
use std::time::Duration;

use wanbox_wire::lapb::Modulo;

use crate::range::BadParameter;

/// Octets of address, control field (modulo 128) and FCS, which N1 counts too.
const AROUND: usize = 5;

/// What a link works with. The defaults are those of WANPIPE's X.25 where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Basic (the default) or extended numbering. The ends must have the same.
    pub modulo: Modulo,
    /// T1: how long an answer may take before the frame is repeated; 10 ms to 10 min, 3 s by
    /// default. Longer than the longest frame, the peer's T2 and the answer take together.
    pub t1: Duration,
    /// T2: how long an acknowledgement may wait for an I frame that carries it; less than T1, zero
    /// by default.
    pub t2: Duration,
    /// T4: after how long a silence the peer is asked whether it is there; longer than T1, up to
    /// 24 h, or never, the default. (T3, an idle channel, is a matter of the line.)
    pub t4: Option<Duration>,
    /// N1, as octets of a packet: 1 to 16384, 1027 by default. The standard counts the bits of a
    /// whole frame: see [`Parameters::n1_bits`].
    pub n1: usize,
    /// N2: how often a frame is sent before the attempt counts as failed; 1 to 255, 10 by default.
    pub n2: u16,
    /// k: the most I frames that wait for acknowledgement; 1 to 7, modulo 128 to 127; 7 by default.
    pub k: u8,
    /// Packets that wait behind the window; 0 to 1024, 16 by default.
    pub queue: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            modulo: Modulo::Eight,
            t1: Duration::from_secs(3),
            t2: Duration::ZERO,
            t4: None,
            n1: 1027,
            n2: 10,
            k: 7,
            queue: 16,
        }
    }
}

impl Parameters {
    const T1: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
    const T4_LAST: Duration = Duration::from_secs(24 * 3600);
    const N1: RangeInclusive<usize> = 1..=16384;
    const QUEUE_LAST: usize = 1024;

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first parameter that is out of its range.
    pub fn check(&self) -> Result<(), BadParameter> {
        let last_k = self.modulo.highest();
        let rules = [
            ("T1", "10 ms to 10 min", Self::T1.contains(&self.t1)),
            ("T2", "less than T1", self.t2 < self.t1),
            (
                "T4",
                "longer than T1, up to 24 h",
                self.t4.is_none_or(|t4| self.t1 < t4 && t4 <= Self::T4_LAST),
            ),
            ("N1", "1 to 16384 octets", Self::N1.contains(&self.n1)),
            ("N2", "1 to 255", (1..=255).contains(&self.n2)),
            (
                "k",
                "1 to 7, modulo 128 to 127",
                (1..=last_k).contains(&self.k),
            ),
            ("queue", "0 to 1024 packets", self.queue <= Self::QUEUE_LAST),
        ];
        match rules.into_iter().find(|(_, _, kept)| !kept) {
            Some((name, allowed, _)) => Err(BadParameter { name, allowed }),
            None => Ok(()),
        }
    }

    /// N1 as the standard has it: bits of the longest frame between its flags.
    #[must_use]
    pub fn n1_bits(&self) -> usize {
        let around = match self.modulo {
            Modulo::Eight => AROUND - 1,
            Modulo::OneTwentyEight => AROUND,
        };
        (self.n1 + around) * 8
    }
}
