//! Hostile packets: nothing panics, and memory stays bounded.

use proptest::prelude::*;
use wanbox_wire::ip::{Gso, Ipv4, Sum, VirtioHeader};

use super::*;
use crate::udp::Owner;

fn victim() -> (Station, Instant, [InterfaceId; 3]) {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    let a = attach(&mut station, "a", Encapsulation::None, "44.1.0.1", 1500);
    let b = attach(&mut station, "b", Encapsulation::Slip, "44.2.0.1", 68);
    let c = attach(&mut station, "c", Encapsulation::KissI, "44.3.0.1", 256);
    station.interfaces.set_link_address(c, "DB0AAA").unwrap();
    station.interfaces.get_mut(a).unwrap().offload = true;
    route(&mut station, now, "0.0.0.0", 0, a, "0.0.0.0");
    route(&mut station, now, "44.2.0.0", 16, b, "0.0.0.0");
    route(&mut station, now, "44.3.0.0", 16, c, "0.0.0.0");
    route(
        &mut station,
        now,
        "44.4.0.0",
        16,
        InterfaceId::ENCAP,
        "44.2.0.9",
    );
    station
        .udp_bind(Ipv4Addr::UNSPECIFIED, 1234, Owner::User)
        .unwrap();
    station.rip.version2 = true;
    station.rip.trace = 2;
    station.rip_start().unwrap();
    (station, now, [a, b, c])
}

/// Makes a header of any octets pass the checks, so that what is behind it is reached.
fn make_plausible(packet: &mut [u8], addresses: (u8, u8), protocol: u8, header_words: u8) {
    let len = packet.len() as u16;
    if packet.len() < 20 {
        return;
    }
    let words = header_words.clamp(5, (packet.len() / 4).min(15) as u8);
    packet[0] = 0x40 | words;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet[9] = protocol;
    packet[12..16].copy_from_slice(&[44, addresses.0 & 7, 0, 9]);
    packet[16..20].copy_from_slice(&[44, addresses.1 & 7, 0, addresses.1 >> 3 & 1]);
    packet[10..12].fill(0);
    let header = usize::from(words) * 4;
    let sum = Sum::new().octets(&packet[..header]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn check(station: &Station, lines: &mut Lines) {
    for sent in lines.sent.drain(..) {
        let interface = station.interfaces.get(sent.line).unwrap();
        if sent.kind == FrameKind::Ip {
            let packet = Ipv4::parse(&sent.packet).unwrap();
            assert!(packet.checksum_is_valid());
            assert_eq!(packet.octets().len(), sent.packet.len());
            assert!(sent.packet.len() <= interface.mtu().into() || sent.offload.gso != Gso::None);
        }
        assert!(sent.offload == VirtioHeader::FINISHED || interface.offload);
    }
    assert!(station.ip.reassembly.memory() <= 4 << 20);
}

proptest! {
    #[test]
    fn any_packets(
        packets in prop::collection::vec(
            (
                prop::collection::vec(any::<u8>(), 0..400),
                (0u8..16, any::<(u8, u8)>(), prop::sample::select(vec![1u8, 4, 6, 17, 94, 200]), 0u8..12),
                any::<(bool, u8, u16, u16, u16)>(),
                0u64..40,
            ),
            0..40,
        ),
    ) {
        let (mut station, mut now, ids) = victim();
        let mut lines = Lines::default();
        for (mut octets, (choice, addresses, protocol, words), (broadcast, gso, size, start, offset), pass) in packets {
            let id = ids[usize::from(choice) % 3];
            let mut arrival = Arrival { broadcast: broadcast && choice < 4, ..Arrival::new(id) };
            if choice >= 4 {
                make_plausible(&mut octets, addresses, protocol, words);
            }
            if choice > 12 {
                arrival.offload = VirtioHeader {
                    gso: [Gso::None, Gso::TcpV4, Gso::UdpL4, Gso::TcpV6][usize::from(gso) % 4],
                    gso_size: size % 64,
                    checksum_start: start % 64,
                    checksum_offset: if offset.is_multiple_of(2) { 16 } else { 6 },
                    ..VirtioHeader::FINISHED.with_needs_checksum(true)
                };
            }
            if choice == 0 {
                station.receive_arp(now, ids[2], &octets, &mut lines);
            } else {
                station.receive(now, &arrival, &mut octets, &mut lines);
            }
            check(&station, &mut lines);
            now += Duration::from_secs(pass);
            station.handle_timeout(now, &mut lines);
            check(&station, &mut lines);
            while station.poll_event().is_some() {}
        }
        prop_assert_eq!(station.depth, 0);
    }

    #[test]
    fn any_messages_of_rip(
        messages in prop::collection::vec(
            (prop::collection::vec((0u8..6, 0u32..18, 0u8..33, any::<bool>()), 0..25), 1u8..3, 0u8..4, 0u64..100),
            0..20,
        ),
    ) {
        use wanbox_wire::rip::{self, Command, Entry};
        let (mut station, mut now, ids) = victim();
        let mut lines = Lines::default();
        station.rip_add(now, ip("44.2.0.9"), 30, true, true, 1, &mut lines).unwrap();
        for (entries, version, from, pass) in messages {
            let mut message = Vec::new();
            rip::begin(&mut message, Command::Response, version, None);
            for (net, metric, bits, hop) in entries {
                let target = Ipv4Addr::new(10, net, if bits > 16 { 1 } else { 0 }, if bits > 24 { 1 } else { 0 });
                let next_hop = if hop { ip("44.2.0.77") } else { Ipv4Addr::UNSPECIFIED };
                Entry { mask: crate::address::mask(bits), next_hop, ..Entry::new(target, metric) }.emit(&mut message);
            }
            let source = (Ipv4Addr::new(44, 2, 0, 9 + from), 520);
            station.rip_input(now, ids[1], source, &message, &mut lines);
            check(&station, &mut lines);
            for route in station.routes.iter().filter(|route| !route.is_permanent()) {
                prop_assert!(route.metric <= 16 && route.held_down == (route.metric == 16));
            }
            now += Duration::from_secs(pass);
            station.handle_timeout(now, &mut lines);
            check(&station, &mut lines);
        }
        // Nothing that was learned stays for ever.
        for _ in 0..20 {
            now += Duration::from_secs(400);
            station.handle_timeout(now, &mut lines);
        }
        prop_assert!(station.routes.iter().all(crate::route::Route::is_permanent));
    }
}
