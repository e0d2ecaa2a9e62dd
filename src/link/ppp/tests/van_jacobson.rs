//! Packets with compressed headers.

use super::*;

/// A TCP segment of one connection; only the IP checksum matters to compression.
fn segment(number: u16, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&((40 + data.len()) as u16).to_be_bytes());
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&[0x40, 0, 64, 6, 0, 0]);
    packet.extend_from_slice(&HOST.octets());
    packet.extend_from_slice(&PEER.octets());
    let sum: u32 = packet
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend_from_slice(&[0x04, 0x00, 0x00, 80]);
    packet.extend_from_slice(&(u32::from(number) * 100).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x10, 0x20, 0, 0x12, 0x34, 0, 0]);
    packet.extend_from_slice(data);
    packet
}

#[test]
fn tcp_headers_are_compressed_when_both_want_it() {
    let now = Clock::new().now();
    let with = |config: ipcp::Config, van_jacobson| {
        with_ipv4(ipcp::Config {
            van_jacobson,
            ..config
        })
    };
    let few = ipcp::Slots {
        max_slot: 3,
        compress_slot: false,
    };
    let all = Some(ipcp::Slots::default());
    for (ours, compressed) in [(all, true), (Some(few), true), (None, false)] {
        let mut a = session(with(ipcp::Config::host(HOST, PEER), all), now, 1);
        let mut b = session(with(ipcp::Config::of_peer(), ours), now, 2);
        exchange(now, &mut a, &mut b);
        assert_eq!(a.network().ipv4().unwrap().send, ours);
        assert_eq!(a.van_jacobson().is_some(), compressed);
        let mut octets = Vec::new();
        for number in 0..20 {
            let packet = segment(number, &[7; 100]);
            let parts = a.prepare(Payload::Ipv4, &packet).unwrap();
            let frame = [parts.header.as_ref(), parts.head, parts.rest].concat();
            octets.push(frame.len());
            let delivery = b.receive(now, &frame).unwrap();
            assert_eq!(delivery.payload, Payload::Ipv4);
            assert_eq!(delivery.packet, packet);
        }
        assert_eq!(octets[0], 141);
        assert_eq!(octets[19] < 110, compressed, "{octets:?}");
        assert_eq!(b.network().stats().unwrap().ipv4.received, 20);
        a.carrier(now, false);
        assert!(a.van_jacobson().is_none());
    }
}
