//! The IPv4 header (RFC 791 section 3.1).

use std::net::Ipv4Addr;

use super::{Sum, fixed, need, room, u16_at};
use crate::ParseError;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// A checked IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'p> {
    header: &'p [u8],
    octets: &'p [u8],
}

impl<'p> Ipv4<'p> {
    /// The shortest header, octets.
    pub const MIN_HEADER: usize = 20;

    /// Checks version, header length and total length. The header checksum is asked for separately.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        let start = need("IPv4 header", octets, Self::MIN_HEADER)?;
        let first = start[0];
        if first >> 4 != 4 {
            return Err(ParseError::Invalid {
                what: "IPv4 version",
                value: u64::from(first >> 4),
                expected: "4",
            });
        }
        let header_len = usize::from(first & 0x0f) * 4;
        if header_len < Self::MIN_HEADER {
            return Err(ParseError::Invalid {
                what: "IPv4 header length",
                value: header_len as u64,
                expected: "20..60 octets",
            });
        }
        let total = usize::from(u16_at(start, 2));
        let octets = octets.get(..total).ok_or(ParseError::Length {
            what: "IPv4 total length",
            claimed: total,
            have: octets.len(),
        })?;
        let header = octets.get(..header_len).ok_or(ParseError::Length {
            what: "IPv4 header length",
            claimed: header_len,
            have: total,
        })?;
        Ok(Self { header, octets })
    }

    /// The whole packet, without padding after it.
    pub fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// The header with its options.
    pub fn header(&self) -> &'p [u8] {
        self.header
    }

    /// The options, zero to forty octets.
    pub fn options(&self) -> &'p [u8] {
        self.header.get(Self::MIN_HEADER..).unwrap_or_default()
    }

    /// What the packet carries.
    pub fn payload(&self) -> &'p [u8] {
        self.octets.get(self.header.len()..).unwrap_or_default()
    }

    /// Type of service: DSCP and ECN.
    pub fn tos(&self) -> u8 {
        self.header[1]
    }

    /// Identification of fragments.
    pub fn ident(&self) -> u16 {
        u16_at(self.header, 4)
    }

    /// Flags and fragment offset as they are in the header.
    pub fn fragment_word(&self) -> u16 {
        u16_at(self.header, 6)
    }

    /// The "do not fragment" flag.
    pub fn dont_fragment(&self) -> bool {
        self.fragment_word() & DONT_FRAGMENT != 0
    }

    /// The "more fragments" flag.
    pub fn more_fragments(&self) -> bool {
        self.fragment_word() & MORE_FRAGMENTS != 0
    }

    /// Where this fragment starts, octets.
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.fragment_word() & OFFSET_MASK) * 8
    }

    /// A part of a larger packet, first, middle or last.
    pub fn is_fragment(&self) -> bool {
        self.fragment_word() & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// Time to live, hops.
    pub fn ttl(&self) -> u8 {
        self.header[8]
    }

    /// The transport protocol.
    pub fn protocol(&self) -> u8 {
        self.header[9]
    }

    /// The source.
    pub fn src(&self) -> Ipv4Addr {
        Ipv4Addr::from(fixed::<4>(self.header, 12))
    }

    /// The destination.
    pub fn dst(&self) -> Ipv4Addr {
        Ipv4Addr::from(fixed::<4>(self.header, 16))
    }

    /// Whether the header checksum is right.
    pub fn checksum_is_valid(&self) -> bool {
        Sum::new().octets(self.header).is_valid()
    }

    /// The sum over the pseudo header of a transport segment of this many octets.
    pub fn pseudo_header(&self, protocol: u8, octets: usize) -> Sum {
        Sum::new()
            .octets(self.header.get(12..20).unwrap_or_default())
            .u16(u16::from(protocol))
            .u16(octets as u16)
    }
}

/// An IPv4 header without options, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Repr {
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Identification of fragments.
    pub ident: u16,
    /// The "do not fragment" flag.
    pub dont_fragment: bool,
    /// Time to live, hops.
    pub ttl: u8,
    /// The transport protocol.
    pub protocol: u8,
    /// The source.
    pub src: Ipv4Addr,
    /// The destination.
    pub dst: Ipv4Addr,
    /// Octets behind the header, at most 65515.
    pub payload_len: u16,
}

impl Ipv4Repr {
    /// The octets of the header.
    pub const LEN: usize = Ipv4::MIN_HEADER;

    /// Values of an unfragmented packet; options are left out.
    pub fn parse(packet: &Ipv4<'_>) -> Result<Self, ParseError> {
        if packet.is_fragment() {
            return Err(ParseError::Invalid {
                what: "IPv4 fragment offset and flags",
                value: u64::from(packet.fragment_word()),
                expected: "an unfragmented packet",
            });
        }
        Ok(Self {
            tos: packet.tos(),
            ident: packet.ident(),
            dont_fragment: packet.dont_fragment(),
            ttl: packet.ttl(),
            protocol: packet.protocol(),
            src: packet.src(),
            dst: packet.dst(),
            payload_len: packet.payload().len() as u16,
        })
    }

    /// Writes the header, checksum included.
    ///
    /// # Errors
    /// When fewer than 20 octets are there or the packet would be longer than 65535.
    pub fn emit(&self, octets: &mut [u8]) -> Result<(), ParseError> {
        let total = Self::LEN as u16;
        let total = total
            .checked_add(self.payload_len)
            .ok_or(ParseError::Length {
                what: "IPv4 payload",
                claimed: usize::from(self.payload_len),
                have: usize::from(u16::MAX) - Self::LEN,
            })?;
        let header = room("IPv4 header", octets, Self::LEN)?;
        header[0] = 0x45;
        header[1] = self.tos;
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&self.ident.to_be_bytes());
        let flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        header[6..8].copy_from_slice(&flags.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[10..12].fill(0);
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        let checksum = Sum::new().octets(header).checksum();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }

    /// The sum over the pseudo header of this packet's transport segment.
    pub fn pseudo_header(&self) -> Sum {
        Sum::new()
            .octets(&self.src.octets())
            .octets(&self.dst.octets())
            .u16(u16::from(self.protocol))
            .u16(self.payload_len)
    }
}
