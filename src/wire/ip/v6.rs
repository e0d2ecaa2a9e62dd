//! The IPv6 header and its extension headers (RFC 8200 sections 3 and 4).

use std::net::Ipv6Addr;

use super::{Sum, fixed, need, protocol, room, u16_at, u32_at};
use crate::ParseError;

/// Extension headers looked through before a packet counts as malformed.
const EXTENSIONS_LIMIT: usize = 8;

/// A checked IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'p> {
    octets: &'p [u8],
}

impl<'p> Ipv6<'p> {
    /// The fixed header, octets.
    pub const HEADER: usize = 40;

    /// Checks version and payload length. Jumbograms (RFC 2675) are refused.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        let header = need("IPv6 header", octets, Self::HEADER)?;
        if header[0] >> 4 != 6 {
            return Err(ParseError::Invalid {
                what: "IPv6 version",
                value: u64::from(header[0] >> 4),
                expected: "6",
            });
        }
        let total = Self::HEADER + usize::from(u16_at(header, 4));
        let octets = octets.get(..total).ok_or(ParseError::Length {
            what: "IPv6 payload length",
            claimed: total - Self::HEADER,
            have: octets.len() - Self::HEADER,
        })?;
        Ok(Self { octets })
    }

    /// The whole packet, without padding after it.
    pub fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// Everything behind the fixed header, extension headers included.
    pub fn payload(&self) -> &'p [u8] {
        self.octets.get(Self::HEADER..).unwrap_or_default()
    }

    /// Version, traffic class and flow label as they are in the header.
    pub fn first_word(&self) -> u32 {
        u32_at(self.octets, 0)
    }

    /// Traffic class: DSCP and ECN.
    pub fn traffic_class(&self) -> u8 {
        (self.first_word() >> 20) as u8
    }

    /// Flow label, 20 bits.
    pub fn flow_label(&self) -> u32 {
        self.first_word() & 0x000f_ffff
    }

    /// The protocol right behind the fixed header.
    pub fn next_header(&self) -> u8 {
        self.octets[6]
    }

    /// Hop limit.
    pub fn hop_limit(&self) -> u8 {
        self.octets[7]
    }

    /// The source.
    pub fn src(&self) -> Ipv6Addr {
        Ipv6Addr::from(fixed::<16>(self.octets, 8))
    }

    /// The destination.
    pub fn dst(&self) -> Ipv6Addr {
        Ipv6Addr::from(fixed::<16>(self.octets, 24))
    }

    /// The transport protocol and its octets, behind extension headers. `None` for a fragment
    /// (unless it is a whole packet), too many or cut extension headers.
    pub fn transport(&self) -> Option<(u8, &'p [u8])> {
        let mut next = self.next_header();
        let mut rest = self.payload();
        for _ in 0..EXTENSIONS_LIMIT {
            let len = match next {
                protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                    (usize::from(*rest.get(1)?) + 1) * 8
                }
                // Offset and "more" both zero: an atomic fragment (RFC 6946), a whole packet.
                protocol::FRAGMENT if rest.len() >= 8 && u16_at(rest, 2) & 0xfff9 == 0 => 8,
                protocol::FRAGMENT => return None,
                other => return Some((other, rest)),
            };
            next = *rest.first()?;
            rest = rest.get(len..)?;
        }
        None
    }

    /// The sum over the pseudo header of a transport segment of this many octets.
    pub fn pseudo_header(&self, protocol: u8, octets: usize) -> Sum {
        Sum::new()
            .octets(self.octets.get(8..40).unwrap_or_default())
            .u16(u16::from(protocol))
            .u32(octets as u32)
    }
}

/// An IPv6 fixed header as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Repr {
    /// Traffic class: DSCP and ECN.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// The protocol right behind the header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// The source.
    pub src: Ipv6Addr,
    /// The destination.
    pub dst: Ipv6Addr,
    /// Octets behind the header.
    pub payload_len: u16,
}

impl Ipv6Repr {
    /// The octets of the header.
    pub const LEN: usize = Ipv6::HEADER;

    /// Values of a packet's fixed header.
    pub fn parse(packet: &Ipv6<'_>) -> Self {
        Self {
            traffic_class: packet.traffic_class(),
            flow_label: packet.flow_label(),
            next_header: packet.next_header(),
            hop_limit: packet.hop_limit(),
            src: packet.src(),
            dst: packet.dst(),
            payload_len: packet.payload().len() as u16,
        }
    }

    /// Writes the header.
    ///
    /// # Errors
    /// When fewer than 40 octets are there or the flow label has more than 20 bits.
    pub fn emit(&self, octets: &mut [u8]) -> Result<(), ParseError> {
        if self.flow_label > 0x000f_ffff {
            return Err(ParseError::Invalid {
                what: "IPv6 flow label",
                value: u64::from(self.flow_label),
                expected: "20 bits",
            });
        }
        let header = room("IPv6 header", octets, Self::LEN)?;
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label;
        header[0..4].copy_from_slice(&word.to_be_bytes());
        header[4..6].copy_from_slice(&self.payload_len.to_be_bytes());
        header[6] = self.next_header;
        header[7] = self.hop_limit;
        header[8..24].copy_from_slice(&self.src.octets());
        header[24..40].copy_from_slice(&self.dst.octets());
        Ok(())
    }

    /// The sum over the pseudo header of this packet's transport segment, without extension headers.
    pub fn pseudo_header(&self) -> Sum {
        Sum::new()
            .octets(&self.src.octets())
            .octets(&self.dst.octets())
            .u16(u16::from(self.next_header))
            .u16(self.payload_len)
    }
}
