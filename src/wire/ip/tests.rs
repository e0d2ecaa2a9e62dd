use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

/// RFC 1071's own algorithm, one word at a time: the oracle.
fn slow_checksum(octets: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in octets.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn the_example_of_rfc_1071() {
    let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(Sum::new().octets(&octets).folded(), 0xddf2);
}

#[test]
fn a_published_ipv4_header() {
    // The worked example of the IPv4 header checksum: 0xb861.
    let header = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00,
        0x01, 0xc0, 0xa8, 0x00, 0xc7,
    ];
    let mut packet = header.to_vec();
    packet.resize(0x73 + 9, 0xee);
    let ip = Ipv4::parse(&packet).unwrap();
    assert!(ip.checksum_is_valid());
    assert_eq!(ip.octets().len(), 0x73);
    assert_eq!(ip.payload().len(), 0x73 - 20);
    assert_eq!(
        (ip.src(), ip.dst()),
        ([192, 168, 0, 1].into(), [192, 168, 0, 199].into())
    );
    assert_eq!((ip.ttl(), ip.protocol()), (64, protocol::UDP));
    assert!(ip.dont_fragment() && !ip.is_fragment());
    let mut again = [0xa5; 20];
    Ipv4Repr::parse(&ip).unwrap().emit(&mut again).unwrap();
    assert_eq!(again, header);
}

#[test]
fn lengths_that_lie_are_named() {
    let mut packet = [0u8; 20];
    packet[0] = 0x45;
    packet[3] = 21;
    assert!(matches!(
        Ipv4::parse(&packet),
        Err(ParseError::Length {
            what: "IPv4 total length",
            claimed: 21,
            have: 20
        })
    ));
    packet[3] = 19;
    assert!(Ipv4::parse(&packet).is_err());
    packet[0] = 0x44;
    assert!(matches!(
        Ipv4::parse(&packet),
        Err(ParseError::Invalid { .. })
    ));
    assert!(matches!(
        Ip::parse(&[0x50]),
        Err(ParseError::Invalid {
            what: "IP version",
            value: 5,
            ..
        })
    ));
    assert!(Udp::parse(&[0, 1, 0, 2, 0, 7, 0, 0]).is_err());
    assert!(Udp::parse(&[0, 1, 0, 2, 0, 9, 0, 0]).is_err());
}

#[test]
fn ipv6_extension_headers_are_looked_through() {
    let mut packet = vec![0u8; 40];
    packet[0] = 0x60;
    packet[6] = protocol::HOP_BY_HOP;
    packet.extend([protocol::FRAGMENT, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend([protocol::UDP, 0, 0, 0, 0, 0, 0, 9]);
    packet.extend([0, 1, 0, 2, 0, 8, 0, 0]);
    packet[5] = 24;
    let ip = Ip::parse(&packet).unwrap();
    let (found, segment) = ip.transport().unwrap();
    assert_eq!((found, segment.len()), (protocol::UDP, 8));
    packet[51] = 1; // More fragments follow.
    assert_eq!(Ip::parse(&packet).unwrap().transport(), None);
    packet[6] = protocol::ROUTING;
    packet[41] = 200; // Longer than the packet.
    assert_eq!(Ip::parse(&packet).unwrap().transport(), None);
}

#[test]
fn a_zero_udp_checksum_is_sent_as_ones() {
    assert_eq!(Sum::new().u16(0xffff).udp_checksum(), 0xffff);
    let udp = [0, 1, 0, 2, 0, 8, 0, 0];
    let udp = Udp::parse(&udp).unwrap();
    assert!(udp.checksum_is_valid(Sum::new(), true));
    assert!(!udp.checksum_is_valid(Sum::new(), false));
}

#[test]
fn the_virtio_header_is_little_endian() {
    let octets = [1, 0x81, 54, 0, 0xb4, 5, 20, 0, 16, 0];
    let header = VirtioHeader::parse(&octets).unwrap();
    assert!(header.needs_checksum() && header.ecn && !header.data_valid());
    assert_eq!(header.gso, Gso::TcpV4);
    assert_eq!(
        (
            header.header_len,
            header.gso_size,
            header.checksum_start,
            header.checksum_offset
        ),
        (54, 1460, 20, 16)
    );
    let mut again = [0xa5; 10];
    header.emit(&mut again);
    assert_eq!(again, octets);
    assert!(VirtioHeader::parse(&octets[..9]).is_err());
}

proptest! {
    #[test]
    fn the_fast_sum_is_the_sum(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Sum::new().octets(&octets).checksum(), slow_checksum(&octets));
    }

    #[test]
    fn pieces_of_even_length_add_up(octets in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..100) {
        let cut = (cut * 2).min(octets.len() / 2 * 2);
        let (a, b) = octets.split_at(cut);
        prop_assert_eq!(Sum::new().octets(a).octets(b).folded(), Sum::new().octets(&octets).folded());
    }

    #[test]
    fn adjusting_is_recomputing(mut octets in proptest::collection::vec(any::<u8>(), 8..60), new in any::<u16>()) {
        octets[0] = 0x45; // Not all zero, where both forms of zero would be right.
        let before = Sum::new().octets(&octets).checksum();
        let old = u16::from_be_bytes([octets[4], octets[5]]);
        octets[4..6].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(adjust(before, old, new), Sum::new().octets(&octets).checksum());
    }

    #[test]
    fn ipv4_round_trip(tos: u8, ident: u16, dont_fragment: bool, ttl: u8, protocol: u8, src: u32, dst: u32,
                       payload in proptest::collection::vec(any::<u8>(), 0..50)) {
        let repr = Ipv4Repr { tos, ident, dont_fragment, ttl, protocol,
            src: Ipv4Addr::from(src), dst: Ipv4Addr::from(dst), payload_len: payload.len() as u16 };
        let mut octets = vec![0xa5; 20];
        repr.emit(&mut octets).unwrap();
        octets.extend(&payload);
        let view = Ipv4::parse(&octets).unwrap();
        prop_assert!(view.checksum_is_valid());
        prop_assert_eq!(view.payload(), &payload[..]);
        prop_assert_eq!(Ipv4Repr::parse(&view).unwrap(), repr);
    }

    #[test]
    fn ipv6_tcp_round_trip(traffic_class: u8, flow_label in 0u32..0x10_0000, hop_limit: u8, src: u128, dst: u128,
                           seq: u32, ack: u32, flags: u8, window: u16, words in 0usize..11,
                           payload in proptest::collection::vec(any::<u8>(), 0..50)) {
        let tcp = TcpRepr { src_port: 80, dst_port: 4000, seq, ack, flags: TcpFlags(flags), window };
        let repr = Ipv6Repr { traffic_class, flow_label, next_header: protocol::TCP, hop_limit,
            src: Ipv6Addr::from(src), dst: Ipv6Addr::from(dst),
            payload_len: (20 + words * 4 + payload.len()) as u16 };
        let mut octets = vec![0xa5; 60];
        octets.extend(std::iter::repeat_n(1, words * 4));
        octets.extend(&payload);
        repr.emit(&mut octets).unwrap();
        tcp.emit(&mut octets[40..], words * 4, repr.pseudo_header()).unwrap();
        let Ok(Ip::V6(view)) = Ip::parse(&octets) else { return Err(TestCaseError::fail("no IPv6")) };
        prop_assert_eq!(Ipv6Repr::parse(&view), repr);
        let (found, segment) = view.transport().unwrap();
        prop_assert_eq!(found, protocol::TCP);
        let view_tcp = Tcp::parse(segment).unwrap();
        prop_assert!(view_tcp.checksum_is_valid(view.pseudo_header(found, segment.len())));
        prop_assert_eq!(TcpRepr::parse(&view_tcp), tcp);
        prop_assert_eq!(view_tcp.payload(), &payload[..]);
    }

    #[test]
    fn udp_and_echo_round_trip(src_port: u16, dst_port: u16, ident: u16, sequence: u16,
                               payload in proptest::collection::vec(any::<u8>(), 0..50)) {
        let mut octets = vec![0xa5; 8];
        octets.extend(&payload);
        let udp = UdpRepr { src_port, dst_port };
        udp.emit(&mut octets, Sum::new()).unwrap();
        let view = Udp::parse(&octets).unwrap();
        prop_assert!(view.checksum_is_valid(Sum::new(), false));
        prop_assert_eq!(UdpRepr::parse(&view), udp);
        let echo = IcmpEcho { kind: 8, ident, sequence };
        octets[..8].fill(0xa5);
        echo.emit(&mut octets, Sum::new()).unwrap();
        let view = Icmp::parse(&octets).unwrap();
        prop_assert!(view.checksum_is_valid(Sum::new()));
        prop_assert_eq!(IcmpEcho::parse(&view).unwrap(), echo);
    }

    #[test]
    fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 0..120), version in 0u8..3, small: bool) {
        if let Some(first) = octets.first_mut() {
            *first = match version { 0 => 0x45, 1 => 0x60, _ => *first };
        }
        if small && octets.len() > 6 {
            octets[2] = 0;
            octets[4] = 0;
        }
        fuzz_ip(&octets);
    }
}
