//! IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768), TCP (RFC 9293), ICMP (RFC 792, RFC 4443), the Internet
//! checksum (RFC 1071, RFC 1624) and the virtio network header that carries offloads across a TUN descriptor.
//!
//! Views borrow the octets, check every length once in `parse`, and give getters
//! that cannot fail afterwards. A view ends where its own length field says,
//! so that link-layer padding is left out.

mod checksum;
mod error;
mod tcp_options;
mod transport;
mod v4;
mod v6;
mod virtio;

#[cfg(test)]
mod tests;

pub use checksum::{Sum, adjust};
pub use error::{Fragments, Unreachable};
pub use tcp_options::{SackBlocks, TcpOptions, TcpTimestamps};
pub use transport::{Icmp, IcmpEcho, Tcp, TcpFlags, TcpRepr, Udp, UdpRepr};
pub use v4::{Ipv4, Ipv4Repr};
pub use v6::{Ipv6, Ipv6Repr};
pub use virtio::{Gso, VirtioHeader};

use crate::ParseError;

/// IP protocol numbers (IANA).
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// An IP packet of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ip<'p> {
    /// Version 4.
    V4(Ipv4<'p>),
    /// Version 6.
    V6(Ipv6<'p>),
}

impl<'p> Ip<'p> {
    /// Looks at the version nibble, then checks the header of that version.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        match octets.first().map(|first| first >> 4) {
            Some(4) => Ipv4::parse(octets).map(Self::V4),
            Some(6) => Ipv6::parse(octets).map(Self::V6),
            Some(version) => Err(ParseError::Invalid {
                what: "IP version",
                value: u64::from(version),
                expected: "4 or 6",
            }),
            None => Err(ParseError::Truncated {
                what: "IP header",
                need: 1,
                have: 0,
            }),
        }
    }

    /// The packet without link-layer padding.
    pub fn octets(&self) -> &'p [u8] {
        match self {
            Self::V4(packet) => packet.octets(),
            Self::V6(packet) => packet.octets(),
        }
    }

    /// The transport protocol and its octets, behind IPv4 options or IPv6 extension headers.
    /// `None` for a fragment or when the extension headers are malformed.
    pub fn transport(&self) -> Option<(u8, &'p [u8])> {
        match self {
            Self::V4(packet) => {
                (!packet.is_fragment()).then(|| (packet.protocol(), packet.payload()))
            }
            Self::V6(packet) => packet.transport(),
        }
    }

    /// The sum over the pseudo header of a transport segment of this many octets.
    pub fn pseudo_header(&self, protocol: u8, octets: usize) -> Sum {
        match self {
            Self::V4(packet) => packet.pseudo_header(protocol, octets),
            Self::V6(packet) => packet.pseudo_header(protocol, octets),
        }
    }
}

/// The octets of a fixed place in a header whose length the view has checked.
fn fixed<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    octets
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .unwrap_or([0; N])
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(fixed(octets, at))
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(fixed(octets, at))
}

/// The first `need` octets, or what is missing.
fn need<'p>(what: &'static str, octets: &'p [u8], need: usize) -> Result<&'p [u8], ParseError> {
    octets.get(..need).ok_or(ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    })
}

/// The first `need` octets to write into, or what is missing.
fn room<'p>(
    what: &'static str,
    octets: &'p mut [u8],
    need: usize,
) -> Result<&'p mut [u8], ParseError> {
    let have = octets.len();
    octets
        .get_mut(..need)
        .ok_or(ParseError::Truncated { what, need, have })
}

/// Any octets: views agree with the octets they were made from. For fuzzing and replayed tests.
pub fn fuzz_ip(octets: &[u8]) {
    if let Ok(ip) = Ip::parse(octets) {
        assert!(ip.octets().len() <= octets.len(), "a view grew");
        if let Ip::V4(packet) = ip {
            assert_eq!(
                packet.header().len() + packet.payload().len(),
                ip.octets().len()
            );
        }
        if let Some((_, segment)) = ip.transport() {
            assert!(segment.len() <= ip.octets().len());
            transport::fuzz_transport(segment);
        }
    }
    transport::fuzz_transport(octets);
    error::check(octets);
    if let Ok(header) = VirtioHeader::parse(octets) {
        let mut copy = [0xa5; VirtioHeader::LEN];
        header.emit(&mut copy);
        assert_eq!(copy.as_slice(), &octets[..VirtioHeader::LEN]);
    }
}
