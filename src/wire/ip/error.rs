//! Messages to the sender of a packet that cannot go on (RFC 792, RFC 1191, RFC 4443).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Ipv4, Ipv4Repr, Ipv6, Ipv6Repr, Sum, protocol, u16_at};
use crate::ParseError;

/// Why a packet cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Its destination is not there.
    Host,
    /// It is longer than the way takes, octets, and must not be cut.
    TooLong(u16),
}

impl Unreachable {
    /// Octets of the ICMP header.
    const HEADER: usize = 8;
    /// Hops that a message may go (IPv4).
    const TTL: u8 = 64;
    /// What is quoted of an IPv4 packet behind its header (RFC 792).
    const QUOTED_V4: usize = 8;
    /// The longest message about an IPv6 packet (RFC 4443 section 2.4 (c)).
    const LONGEST_V6: usize = 1280;
    /// An IPv6 packet of so many octets is never too long for a link.
    const LEAST_MTU_V6: u16 = 1280;

    /// Writes the message about an IPv4 packet over `message`. `false`: there must not be one, for the
    /// packet is an ICMP error itself, a later fragment, or not from or to one host (RFC 1122
    /// section 3.2.2).
    pub fn answer_v4(self, packet: &Ipv4<'_>, from: Ipv4Addr, message: &mut Vec<u8>) -> bool {
        message.clear();
        let (src, dst) = (packet.src(), packet.dst());
        let is_error = packet.protocol() == protocol::ICMP
            && !matches!(
                packet.payload().first(),
                // Echo, router discovery, time stamps, information, masks.
                Some(0 | 8 | 9 | 10 | 13..=18)
            );
        if is_error
            || packet.fragment_offset() > 0
            || src.is_unspecified()
            || src.is_loopback()
            || src.octets()[0] >= 224
            || dst.octets()[0] >= 224
        {
            return false;
        }
        let quoted = packet.header().len() + Self::QUOTED_V4;
        let quoted = packet.octets().get(..quoted).unwrap_or(packet.octets());
        let (code, mtu) = match self {
            Self::Host => (1, 0),
            Self::TooLong(mtu) => (4, mtu),
        };
        let header = Ipv4Repr {
            tos: 0,
            ident: packet.ident(),
            dont_fragment: false,
            ttl: Self::TTL,
            protocol: protocol::ICMP,
            src: from,
            dst: src,
            payload_len: (Self::HEADER + quoted.len()) as u16,
        };
        message.resize(Ipv4Repr::LEN, 0);
        message.extend_from_slice(&[3, code, 0, 0, 0, 0]);
        message.extend_from_slice(&mtu.to_be_bytes());
        message.extend_from_slice(quoted);
        finish(message, Ipv4Repr::LEN, Sum::new());
        header.emit(message).is_ok()
    }

    /// Writes the message about an IPv6 packet over `message`. `false`: there must not be one
    /// (RFC 4443 section 2.4 (e)).
    pub fn answer_v6(self, packet: &Ipv6<'_>, from: Ipv6Addr, message: &mut Vec<u8>) -> bool {
        message.clear();
        let (src, dst) = (packet.src(), packet.dst());
        // A fragment, whose transport is not seen, is taken for something else than an error.
        let is_error = packet.transport().is_some_and(|(found, octets)| {
            found == protocol::ICMPV6 && octets.first().is_none_or(|kind| *kind < 128)
        });
        // Only "too big" is said of packets to many hosts, which then find a path's MTU.
        let to_many = dst.is_multicast() && self == Self::Host;
        if is_error || src.is_unspecified() || src.is_multicast() || src.is_loopback() || to_many {
            return false;
        }
        let most = Self::LONGEST_V6 - Ipv6Repr::LEN - Self::HEADER;
        let quoted = packet.octets().get(..most).unwrap_or(packet.octets());
        let (kind, code, mtu) = match self {
            Self::Host => (1, 3, 0),
            Self::TooLong(mtu) => (2, 0, mtu.max(Self::LEAST_MTU_V6)),
        };
        let header = Ipv6Repr {
            traffic_class: 0,
            flow_label: 0,
            next_header: protocol::ICMPV6,
            hop_limit: Self::TTL,
            src: from,
            dst: src,
            payload_len: (Self::HEADER + quoted.len()) as u16,
        };
        message.resize(Ipv6Repr::LEN, 0);
        message.extend_from_slice(&[kind, code, 0, 0, 0, 0]);
        message.extend_from_slice(&mtu.to_be_bytes());
        message.extend_from_slice(quoted);
        finish(message, Ipv6Repr::LEN, header.pseudo_header());
        header.emit(message).is_ok()
    }
}

/// Writes the checksum of the ICMP message behind an IP header.
fn finish(message: &mut [u8], ip: usize, pseudo_header: Sum) {
    let Some(icmp) = message.get_mut(ip..) else {
        return;
    };
    let checksum = pseudo_header.octets(icmp).checksum();
    if let Some(field) = icmp.get_mut(2..4) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The fragments of an IPv4 packet that is longer than the way takes (RFC 791 section 3.2).
#[derive(Clone, Copy, Debug)]
pub struct Fragments<'p> {
    packet: Ipv4<'p>,
    /// Octets of each fragment's payload but the last one's, a multiple of eight.
    size: usize,
    /// Payload octets already out.
    done: usize,
}

impl<'p> Fragments<'p> {
    /// Fragments of at most `mtu` octets.
    ///
    /// # Errors
    /// The packet must not be cut, or no fragment with eight octets of payload fits.
    pub fn new(packet: Ipv4<'p>, mtu: usize) -> Result<Self, ParseError> {
        if packet.dont_fragment() {
            return Err(ParseError::Invalid {
                what: "IPv4 flags",
                value: packet.fragment_word().into(),
                expected: "a packet that may be cut",
            });
        }
        let size = mtu.saturating_sub(packet.header().len()) & !7;
        if size == 0 {
            return Err(ParseError::Invalid {
                what: "MTU",
                value: mtu as u64,
                expected: "room for a header and eight octets",
            });
        }
        Ok(Self {
            packet,
            size,
            done: 0,
        })
    }

    /// Writes the next fragment over `fragment`; `false` after the last.
    pub fn next_into(&mut self, fragment: &mut Vec<u8>) -> bool {
        let payload = self.packet.payload();
        let Some(rest) = payload.get(self.done..).filter(|rest| !rest.is_empty()) else {
            return false;
        };
        let part = rest.get(..self.size).unwrap_or(rest);
        let last = part.len() == rest.len();
        fragment.clear();
        if self.done == 0 {
            fragment.extend_from_slice(self.packet.header());
        } else {
            self.repeat_header(fragment);
        }
        let header = fragment.len();
        fragment.extend_from_slice(part);
        let word = self.packet.fragment_word();
        // The last fragment of a fragment is the last of all only if that one was.
        let more = if last { word & 0x2000 } else { 0x2000 };
        let offset = (word & 0x1fff).wrapping_add((self.done / 8) as u16) & 0x1fff;
        let total = fragment.len() as u16;
        let mut put = |at: usize, value: u16| {
            if let Some(field) = fragment.get_mut(at..at + 2) {
                field.copy_from_slice(&value.to_be_bytes());
            }
        };
        put(2, total);
        put(6, more | offset);
        put(10, 0);
        let checksum = Sum::new()
            .octets(fragment.get(..header).unwrap_or_default())
            .checksum();
        if let Some(field) = fragment.get_mut(10..12) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
        self.done += part.len();
        true
    }

    /// The header of a later fragment: only those options that are to be copied (the highest bit of
    /// their first octet).
    fn repeat_header(&self, fragment: &mut Vec<u8>) {
        fragment.extend(self.packet.header().iter().take(Ipv4::MIN_HEADER));
        let mut options = self.packet.options();
        while let Some(&kind) = options.first() {
            let length = match kind {
                0 => break,
                1 => 1,
                _ => usize::from(options.get(1).copied().unwrap_or_default()).max(2),
            };
            let (Some(option), Some(rest)) = (options.get(..length), options.get(length..)) else {
                break;
            };
            if kind & 0x80 != 0 {
                fragment.extend_from_slice(option);
            }
            options = rest;
        }
        while !fragment.len().is_multiple_of(4) {
            fragment.push(0);
        }
        let words = (fragment.len() / 4) as u8;
        if let Some(first) = fragment.first_mut() {
            *first = 0x40 | words;
        }
    }
}

/// Any octets as a packet: its fragments are valid and hold its payload. For fuzzing, as a part of
/// [`super::fuzz_ip`].
pub(super) fn check(octets: &[u8]) {
    let mut message = Vec::new();
    if let Ok(packet) = Ipv4::parse(octets) {
        if Unreachable::TooLong(600).answer_v4(&packet, Ipv4Addr::LOCALHOST, &mut message) {
            assert!(message.len() <= 60 + 28 + 8, "more quoted than needed");
            let answer = Ipv4::parse(&message);
            assert!(answer.is_ok_and(|answer| answer.checksum_is_valid()));
        }
        if let Ok(mut fragments) = Fragments::new(packet, 100) {
            let mut payload = 0;
            while fragments.next_into(&mut message) {
                assert!(message.len() <= 100);
                let parsed = Ipv4::parse(&message);
                payload += parsed.map_or(0, |fragment| {
                    assert!(fragment.checksum_is_valid());
                    let offset = (fragment.fragment_offset() + 0x10000)
                        .wrapping_sub(packet.fragment_offset())
                        & 0xffff;
                    assert_eq!(offset, payload);
                    fragment.payload().len()
                });
            }
            assert_eq!(payload, packet.payload().len());
        }
    }
    if let Ok(packet) = Ipv6::parse(octets)
        && Unreachable::Host.answer_v6(&packet, Ipv6Addr::LOCALHOST, &mut message)
    {
        assert!(message.len() <= Unreachable::LONGEST_V6);
        assert_eq!(usize::from(u16_at(&message, 4)) + 40, message.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Icmp;
    use super::*;

    fn packet(payload: usize, dont_fragment: bool) -> Vec<u8> {
        let mut octets = vec![0; 20 + payload];
        let header = Ipv4Repr {
            tos: 4,
            ident: 0x1234,
            dont_fragment,
            ttl: 60,
            protocol: protocol::UDP,
            src: Ipv4Addr::new(192, 0, 2, 1),
            dst: Ipv4Addr::new(10, 0, 0, 1),
            payload_len: payload as u16,
        };
        header.emit(&mut octets).unwrap();
        for (at, octet) in octets[20..].iter_mut().enumerate() {
            *octet = at as u8;
        }
        octets
    }

    #[test]
    fn a_sender_is_told() {
        let us = Ipv4Addr::new(10, 9, 0, 1);
        let octets = packet(1400, true);
        let offender = Ipv4::parse(&octets).unwrap();
        let mut message = Vec::new();
        for (why, code, mtu) in [
            (Unreachable::Host, 1, 0u16),
            (Unreachable::TooLong(1000), 4, 1000),
        ] {
            assert!(why.answer_v4(&offender, us, &mut message));
            let answer = Ipv4::parse(&message).unwrap();
            assert!(answer.checksum_is_valid());
            assert_eq!((answer.src(), answer.dst()), (us, offender.src()));
            let icmp = Icmp::parse(answer.payload()).unwrap();
            assert!(icmp.checksum_is_valid(Sum::new()));
            assert_eq!((icmp.kind(), icmp.code()), (3, code));
            assert_eq!(icmp.rest_of_header()[2..], mtu.to_be_bytes());
            assert_eq!(icmp.payload(), &octets[..28]);
        }
    }

    #[test]
    fn nobody_is_told_of_errors_fragments_and_groups() {
        let us = Ipv4Addr::new(10, 9, 0, 1);
        let mut message = Vec::new();
        let told = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut octets = packet(100, true);
            change(&mut octets);
            let offender = Ipv4::parse(&octets).unwrap();
            Unreachable::Host.answer_v4(&offender, us, &mut Vec::new())
        };
        assert!(told(&|_| {}));
        assert!(!told(&|octets| octets[7] = 1));
        assert!(!told(&|octets| octets[16] = 224));
        assert!(!told(&|octets| octets[12..16].fill(0)));
        assert!(!told(&|octets| octets[12] = 255));
        let icmp = |kind| {
            move |octets: &mut Vec<u8>| {
                octets[9] = protocol::ICMP;
                octets[20] = kind;
            }
        };
        assert!(told(&icmp(8)) && !told(&icmp(3)) && !told(&icmp(11)));

        let mut six = vec![0x60, 0, 0, 0, 0, 8, protocol::ICMPV6, 64];
        six.extend(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets());
        six.extend(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).octets());
        six.extend([128, 0, 0, 0, 0, 0, 0, 0]);
        let from = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
        let packet = Ipv6::parse(&six).unwrap();
        assert!(Unreachable::TooLong(1300).answer_v6(&packet, from, &mut message));
        let answer = Ipv6::parse(&message).unwrap();
        let icmp = Icmp::parse(answer.payload()).unwrap();
        let sum = answer.pseudo_header(protocol::ICMPV6, answer.payload().len());
        assert!(icmp.checksum_is_valid(sum));
        assert_eq!((icmp.kind(), icmp.rest_of_header()), (2, [0, 0, 5, 20]));
        assert_eq!(icmp.payload(), six);
        six[40] = 1;
        let packet = Ipv6::parse(&six).unwrap();
        assert!(!Unreachable::Host.answer_v6(&packet, from, &mut message));
    }

    #[test]
    fn fragments_hold_the_whole_packet() {
        let mut octets = packet(3000, false);
        // A header with an option that is repeated and one that is not.
        octets.splice(20..20, [0x94, 4, 0, 0, 7, 4, 4, 0]);
        octets[0] = 0x47;
        octets[2..4].copy_from_slice(&3028u16.to_be_bytes());
        octets[10..12].fill(0);
        let sum = Sum::new().octets(&octets[..28]).checksum();
        octets[10..12].copy_from_slice(&sum.to_be_bytes());
        let whole = Ipv4::parse(&octets).unwrap();
        let mut fragments = Fragments::new(whole, 1000).unwrap();
        let (mut one, mut payload, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        while fragments.next_into(&mut one) {
            let fragment = Ipv4::parse(&one).unwrap();
            assert!(fragment.checksum_is_valid() && one.len() <= 1000);
            assert_eq!(fragment.fragment_offset(), payload.len());
            payload.extend_from_slice(fragment.payload());
            assert_eq!(fragment.more_fragments(), payload.len() < 3000);
            headers.push(fragment.header().len());
        }
        assert_eq!(payload, whole.payload());
        assert_eq!(headers, [28, 24, 24, 24]);
        assert!(Fragments::new(whole, 30).is_err());
        let octets = packet(3000, true);
        assert!(Fragments::new(Ipv4::parse(&octets).unwrap(), 1000).is_err());
    }
}
