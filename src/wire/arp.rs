//! ARP and inverse ARP for IPv4 over Frame Relay (RFC 826, RFC 2390, RFC 2427 section 10).
//!
//! Parsing never panics. The view reads any ARP packet; [`Repr`] is the one
//! form that Frame Relay uses: hardware type 15, two-octet Q.922 addresses. [`LinkRepr`] has
//! link addresses of any length.

mod link;

use std::net::Ipv4Addr;
use std::ops::Range;

use crate::ParseError;

pub use link::LinkRepr;

/// Hardware type of Frame Relay.
pub const HARDWARE_FRAME_RELAY: u16 = 15;
/// Protocol type of IPv4.
pub const PROTOCOL_IPV4: u16 = 0x0800;

mod field {
    use super::Range;

    pub const HARDWARE: Range<usize> = 0..2;
    pub const PROTOCOL: Range<usize> = 2..4;
    pub const HARDWARE_LEN: usize = 4;
    pub const PROTOCOL_LEN: usize = 5;
    pub const OPERATION: Range<usize> = 6..8;
    pub const ADDRESSES: usize = 8;
}

/// What an ARP packet asks or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has this protocol address (1)?
    Request,
    /// This hardware has it (2).
    Reply,
    /// Which protocol address has this hardware (3, RFC 903)?
    ReverseRequest,
    /// It has this one (4).
    ReverseReply,
    /// Which protocol address is at the other end of this circuit (8)?
    InverseRequest,
    /// This one (9).
    InverseReply,
    /// Any other code.
    Unknown(u16),
}

impl From<u16> for Operation {
    fn from(code: u16) -> Self {
        match code {
            1 => Self::Request,
            2 => Self::Reply,
            3 => Self::ReverseRequest,
            4 => Self::ReverseReply,
            8 => Self::InverseRequest,
            9 => Self::InverseReply,
            other => Self::Unknown(other),
        }
    }
}

impl From<Operation> for u16 {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Request => 1,
            Operation::Reply => 2,
            Operation::ReverseRequest => 3,
            Operation::ReverseReply => 4,
            Operation::InverseRequest => 8,
            Operation::InverseReply => 9,
            Operation::Unknown(code) => code,
        }
    }
}

/// A view of an ARP packet whose lengths were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    octets: &'p [u8],
}

impl<'p> Packet<'p> {
    /// Checks that the header and the four addresses it announces are there. Octets after them are padding.
    pub fn new_checked(octets: &'p [u8]) -> Result<Self, ParseError> {
        let cut = |need| ParseError::Truncated {
            what: "ARP packet",
            need,
            have: octets.len(),
        };
        if octets.len() < field::ADDRESSES {
            return Err(cut(field::ADDRESSES));
        }
        let addresses =
            usize::from(octets[field::HARDWARE_LEN]) + usize::from(octets[field::PROTOCOL_LEN]);
        let need = field::ADDRESSES + 2 * addresses;
        let octets = octets.get(..need).ok_or(cut(need))?;
        Ok(Self { octets })
    }

    fn u16_at(&self, at: Range<usize>) -> u16 {
        self.octets
            .get(at)
            .and_then(|octets| octets.try_into().ok())
            .map_or(0, u16::from_be_bytes)
    }

    /// The hardware type.
    pub fn hardware_type(&self) -> u16 {
        self.u16_at(field::HARDWARE)
    }

    /// The protocol type, an ethertype.
    pub fn protocol_type(&self) -> u16 {
        self.u16_at(field::PROTOCOL)
    }

    /// Octets of a hardware address.
    pub fn hardware_len(&self) -> u8 {
        self.octets[field::HARDWARE_LEN]
    }

    /// Octets of a protocol address.
    pub fn protocol_len(&self) -> u8 {
        self.octets[field::PROTOCOL_LEN]
    }

    /// What it asks or tells.
    pub fn operation(&self) -> Operation {
        self.u16_at(field::OPERATION).into()
    }

    fn address(&self, hardware_before: usize, protocol_before: usize, len: u8) -> &'p [u8] {
        let start = field::ADDRESSES
            + hardware_before * usize::from(self.hardware_len())
            + protocol_before * usize::from(self.protocol_len());
        self.octets
            .get(start..start + usize::from(len))
            .unwrap_or_default()
    }

    /// The sender's hardware address.
    pub fn sender_hardware(&self) -> &'p [u8] {
        self.address(0, 0, self.hardware_len())
    }

    /// The sender's protocol address.
    pub fn sender_protocol(&self) -> &'p [u8] {
        self.address(1, 0, self.protocol_len())
    }

    /// The target's hardware address.
    pub fn target_hardware(&self) -> &'p [u8] {
        self.address(1, 1, self.hardware_len())
    }

    /// The target's protocol address.
    pub fn target_protocol(&self) -> &'p [u8] {
        self.address(2, 1, self.protocol_len())
    }
}

/// ARP for IPv4 over Frame Relay with two-octet Q.922 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What it asks or tells.
    pub operation: Operation,
    /// The sender's Q.922 address as on the line; zero in what the original drivers send.
    pub sender_hardware: [u8; 2],
    /// The sender's IPv4 address.
    pub sender: Ipv4Addr,
    /// The target's Q.922 address as on the line; zero in what the original drivers send.
    pub target_hardware: [u8; 2],
    /// The target's IPv4 address; 0.0.0.0 in an inverse request.
    pub target: Ipv4Addr,
}

impl Repr {
    /// Octets of the packet.
    pub const LEN: usize = 20;

    /// Reads an ARP packet; an error when it is not IPv4 over Frame Relay with two-octet addresses.
    pub fn parse(packet: &Packet<'_>) -> Result<Self, ParseError> {
        let invalid = |what, value: u16, expected| ParseError::Invalid {
            what,
            value: u64::from(value),
            expected,
        };
        let hardware = packet.hardware_type();
        if hardware != HARDWARE_FRAME_RELAY {
            return Err(invalid("ARP hardware type", hardware, "15 (Frame Relay)"));
        }
        let protocol = packet.protocol_type();
        if protocol != PROTOCOL_IPV4 {
            return Err(invalid("ARP protocol type", protocol, "0800 (IPv4)"));
        }
        let hardware_len = || {
            invalid(
                "ARP hardware address length",
                packet.hardware_len().into(),
                "2",
            )
        };
        let protocol_len = || {
            invalid(
                "ARP protocol address length",
                packet.protocol_len().into(),
                "4",
            )
        };
        let q922 = |octets: &[u8]| octets.try_into().map_err(|_| hardware_len());
        let ipv4 = |octets: &[u8]| {
            <[u8; 4]>::try_from(octets)
                .map(Ipv4Addr::from)
                .map_err(|_| protocol_len())
        };
        Ok(Self {
            operation: packet.operation(),
            sender_hardware: q922(packet.sender_hardware())?,
            sender: ipv4(packet.sender_protocol())?,
            target_hardware: q922(packet.target_hardware())?,
            target: ipv4(packet.target_protocol())?,
        })
    }

    /// The octets of the packet.
    pub fn to_octets(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        octets[field::HARDWARE].copy_from_slice(&HARDWARE_FRAME_RELAY.to_be_bytes());
        octets[field::PROTOCOL].copy_from_slice(&PROTOCOL_IPV4.to_be_bytes());
        octets[field::HARDWARE_LEN] = 2;
        octets[field::PROTOCOL_LEN] = 4;
        octets[field::OPERATION].copy_from_slice(&u16::from(self.operation).to_be_bytes());
        octets[8..10].copy_from_slice(&self.sender_hardware);
        octets[10..14].copy_from_slice(&self.sender.octets());
        octets[14..16].copy_from_slice(&self.target_hardware);
        octets[16..20].copy_from_slice(&self.target.octets());
        octets
    }

    /// Writes the packet; the number of octets written, `None` when the buffer is shorter than [`Self::LEN`].
    pub fn emit(&self, buffer: &mut [u8]) -> Option<usize> {
        buffer
            .get_mut(..Self::LEN)?
            .copy_from_slice(&self.to_octets());
        Some(Self::LEN)
    }
}

/// Fuzz entry: what parses is written back octet for octet.
pub fn fuzz_arp(octets: &[u8]) {
    let Ok(packet) = Packet::new_checked(octets) else {
        return;
    };
    let addresses = packet.sender_hardware().len()
        + packet.sender_protocol().len()
        + packet.target_hardware().len()
        + packet.target_protocol().len();
    assert!(field::ADDRESSES + addresses <= octets.len());
    link::check(&packet, octets);
    if let Ok(repr) = Repr::parse(&packet) {
        assert_eq!(Some(&repr.to_octets()[..]), octets.get(..Repr::LEN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: [u8; 20] = [
        0x00, 0x0f, 0x08, 0x00, 0x02, 0x04, 0x00, 0x08, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x01, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00,
    ];

    fn request() -> Repr {
        Repr {
            operation: Operation::InverseRequest,
            sender_hardware: [0; 2],
            sender: Ipv4Addr::new(201, 1, 1, 1),
            target_hardware: [0; 2],
            target: Ipv4Addr::UNSPECIFIED,
        }
    }

    fn parse(octets: &[u8]) -> Result<Repr, ParseError> {
        Repr::parse(&Packet::new_checked(octets)?)
    }

    #[test]
    fn inverse_request_of_the_reference() {
        assert_eq!(parse(&REQUEST), Ok(request()));
        let mut padded = REQUEST.to_vec();
        padded.extend_from_slice(&[0; 9]);
        assert_eq!(parse(&padded), Ok(request()));
    }

    #[test]
    fn every_octet_is_written() {
        let mut buffer = [0xa5; 24];
        assert_eq!(request().emit(&mut buffer), Some(Repr::LEN));
        assert_eq!(buffer[..20], REQUEST);
        assert_eq!(buffer[20..], [0xa5; 4]);
        assert_eq!(request().emit(&mut [0; 19]), None);
    }

    #[test]
    fn faults_are_named() {
        for len in 0..REQUEST.len() {
            assert!(matches!(
                parse(&REQUEST[..len]),
                Err(ParseError::Truncated { what: "ARP packet", have, .. }) if have == len
            ));
        }
        for (at, value, name) in [
            (1, 1, "ARP hardware type"),
            (3, 6, "ARP protocol type"),
            (4, 1, "ARP hardware address length"),
            (5, 3, "ARP protocol address length"),
        ] {
            let mut octets = REQUEST;
            octets[at] = value;
            assert!(
                matches!(parse(&octets), Err(ParseError::Invalid { what, .. }) if what == name)
            );
        }
    }

    proptest! {
        #[test]
        fn emitted_is_parsed(
            operation: u16,
            sender_hardware: [u8; 2],
            sender: [u8; 4],
            target_hardware: [u8; 2],
            target: [u8; 4],
        ) {
            let repr = Repr {
                operation: operation.into(),
                sender_hardware,
                sender: sender.into(),
                target_hardware,
                target: target.into(),
            };
            prop_assert_eq!(parse(&repr.to_octets()), Ok(repr));
        }

        #[test]
        fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 0..64), like: bool) {
            if like && octets.len() >= 6 {
                octets[..6].copy_from_slice(&REQUEST[..6]);
            }
            fuzz_arp(&octets);
        }
    }
}
