//! The virtio network header (virtio 1.2 section 5.1.6), ten octets, little-endian, before every packet of a
//! TUN or TAP descriptor opened with offloads.

use crate::ParseError;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const ECN: u8 = 0x80;

/// Which segmentation a super-packet needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gso {
    /// None: one packet.
    None,
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP over either version, cut into datagrams.
    UdpL4,
    /// A value not known here.
    Other(u8),
}

impl Gso {
    fn from_octet(octet: u8) -> Self {
        match octet {
            0 => Self::None,
            1 => Self::TcpV4,
            4 => Self::TcpV6,
            5 => Self::UdpL4,
            other => Self::Other(other),
        }
    }

    fn octet(self) -> u8 {
        match self {
            Self::None => 0,
            Self::TcpV4 => 1,
            Self::TcpV6 => 4,
            Self::UdpL4 => 5,
            Self::Other(other) => other,
        }
    }
}

/// The header as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtioHeader {
    /// The flag octet.
    pub flags: u8,
    /// The segmentation wanted.
    pub gso: Gso,
    /// The first segment carries "congestion window reduced", which the others must not.
    pub ecn: bool,
    /// Octets of all headers before the payload; a hint.
    pub header_len: u16,
    /// Payload octets of each segment.
    pub gso_size: u16,
    /// Where the checksum starts, octets from the start of the packet.
    pub checksum_start: u16,
    /// Where the checksum goes, octets from `checksum_start`.
    pub checksum_offset: u16,
}

impl VirtioHeader {
    /// The octets of the header.
    pub const LEN: usize = 10;

    /// A finished packet: nothing to do.
    pub const FINISHED: Self = Self {
        flags: 0,
        gso: Gso::None,
        ecn: false,
        header_len: 0,
        gso_size: 0,
        checksum_start: 0,
        checksum_offset: 0,
    };

    /// The same, as octets.
    pub const FINISHED_OCTETS: [u8; Self::LEN] = [0; Self::LEN];

    /// The checksum field holds only the pseudo header's sum; the rest is to be done.
    pub fn needs_checksum(&self) -> bool {
        self.flags & NEEDS_CSUM != 0
    }

    /// The sender of the header vouches for the checksums.
    pub fn data_valid(&self) -> bool {
        self.flags & DATA_VALID != 0
    }

    /// This header, with or without "needs checksum".
    #[must_use]
    pub fn with_needs_checksum(mut self, wanted: bool) -> Self {
        self.flags = if wanted {
            self.flags | NEEDS_CSUM
        } else {
            self.flags & !NEEDS_CSUM
        };
        self
    }

    /// Reads the header from the first ten octets.
    pub fn parse(octets: &[u8]) -> Result<Self, ParseError> {
        let [flags, gso, h0, h1, g0, g1, s0, s1, o0, o1] = *octets
            .first_chunk::<{ Self::LEN }>()
            .ok_or(ParseError::Truncated {
            what: "virtio network header",
            need: Self::LEN,
            have: octets.len(),
        })?;
        Ok(Self {
            flags,
            gso: Gso::from_octet(gso & !ECN),
            ecn: gso & ECN != 0,
            header_len: u16::from_le_bytes([h0, h1]),
            gso_size: u16::from_le_bytes([g0, g1]),
            checksum_start: u16::from_le_bytes([s0, s1]),
            checksum_offset: u16::from_le_bytes([o0, o1]),
        })
    }

    /// Writes the header.
    pub fn emit(&self, octets: &mut [u8; Self::LEN]) {
        let [h0, h1] = self.header_len.to_le_bytes();
        let [g0, g1] = self.gso_size.to_le_bytes();
        let [s0, s1] = self.checksum_start.to_le_bytes();
        let [o0, o1] = self.checksum_offset.to_le_bytes();
        let gso = self.gso.octet() | if self.ecn { ECN } else { 0 };
        *octets = [self.flags, gso, h0, h1, g0, g1, s0, s1, o0, o1];
    }
}
