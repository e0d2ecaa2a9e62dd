//! ARP for IPv4 with link addresses of any length (RFC 826, RFC 903): Ethernet, AX.25.

use std::net::Ipv4Addr;

use super::{Operation, Packet, field};
use crate::ParseError;

/// An ARP packet of a link, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRepr<'p> {
    /// The hardware type.
    pub hardware_type: u16,
    /// What IPv4 is called there.
    pub protocol_type: u16,
    /// What it asks or tells.
    pub operation: Operation,
    /// The sender's link address.
    pub sender_hardware: &'p [u8],
    /// The sender's IPv4 address.
    pub sender: Ipv4Addr,
    /// The target's link address, as long as the sender's; zeros where it is asked for.
    pub target_hardware: &'p [u8],
    /// The target's IPv4 address.
    pub target: Ipv4Addr,
}

impl<'p> LinkRepr<'p> {
    /// Reads an ARP packet.
    ///
    /// # Errors
    /// Its protocol addresses are not those of IPv4.
    pub fn parse(packet: &Packet<'p>) -> Result<Self, ParseError> {
        let ipv4 = |octets: &[u8]| {
            let octets = <[u8; 4]>::try_from(octets).map_err(|_| ParseError::Invalid {
                what: "ARP protocol address length",
                value: packet.protocol_len().into(),
                expected: "4",
            })?;
            Ok(Ipv4Addr::from(octets))
        };
        Ok(Self {
            hardware_type: packet.hardware_type(),
            protocol_type: packet.protocol_type(),
            operation: packet.operation(),
            sender_hardware: packet.sender_hardware(),
            sender: ipv4(packet.sender_protocol())?,
            target_hardware: packet.target_hardware(),
            target: ipv4(packet.target_protocol())?,
        })
    }

    /// Octets of the packet.
    #[must_use]
    pub fn len(&self) -> usize {
        field::ADDRESSES + 2 * (self.sender_hardware.len() + 4)
    }

    /// Never: a packet has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes the packet over `octets`. A target's link address of another length than the sender's
    /// is cut or filled with zeros.
    pub fn emit(&self, octets: &mut Vec<u8>) {
        let hardware_len = self.sender_hardware.len().min(usize::from(u8::MAX));
        octets.clear();
        octets.extend_from_slice(&self.hardware_type.to_be_bytes());
        octets.extend_from_slice(&self.protocol_type.to_be_bytes());
        octets.extend_from_slice(&[hardware_len as u8, 4]);
        octets.extend_from_slice(&u16::from(self.operation).to_be_bytes());
        for (hardware, protocol) in [
            (self.sender_hardware, self.sender),
            (self.target_hardware, self.target),
        ] {
            let padded = hardware.iter().copied().chain(std::iter::repeat(0));
            octets.extend(padded.take(hardware_len));
            octets.extend_from_slice(&protocol.octets());
        }
    }
}

/// Any octets: what parses is written back octet for octet. For fuzzing, as a part of [`super::fuzz_arp`].
pub(super) fn check(packet: &Packet<'_>, octets: &[u8]) {
    let Ok(repr) = LinkRepr::parse(packet) else {
        return;
    };
    let mut copy = vec![0xa5];
    repr.emit(&mut copy);
    assert_eq!(copy.len(), repr.len());
    assert_eq!(Some(copy.as_slice()), octets.get(..repr.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packets_of_the_reference() {
        let request = [
            0x00, 0x03, 0x00, 0xcc, 0x07, 0x04, 0x00, 0x01, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40,
            0x60, 0x2c, 0x80, 0x04, 0x04, 0, 0, 0, 0, 0, 0, 0, 0x2c, 0x80, 0x04, 0x05,
        ];
        let packet = Packet::new_checked(&request).unwrap();
        let repr = LinkRepr::parse(&packet).unwrap();
        assert_eq!((repr.hardware_type, repr.protocol_type), (3, 0xcc));
        assert_eq!(repr.operation, Operation::Request);
        assert_eq!(repr.sender, Ipv4Addr::new(44, 128, 4, 4));
        assert_eq!(repr.target, Ipv4Addr::new(44, 128, 4, 5));
        let mut octets = Vec::new();
        LinkRepr {
            target_hardware: &[],
            ..repr
        }
        .emit(&mut octets);
        assert_eq!(octets, request);
        let mut wrong = request;
        wrong[5] = 3;
        assert!(LinkRepr::parse(&Packet::new_checked(&wrong).unwrap()).is_err());
    }
}
