//! Datagrams on their ways.

use wanbox_wire::ip::{Gso, Ipv4, Ipv4Repr, Sum, TcpFlags, TcpRepr, VirtioHeader};

use super::*;
use crate::icmp::kind;
use crate::interface::Hardware;
use crate::ip::Header;
use crate::ping::Reply;
use crate::udp::{Owner, UdpError};

/// A datagram with a payload of zeros.
fn datagram(src: &str, dst: &str, protocol: u8, ttl: u8, payload: usize) -> Vec<u8> {
    let mut packet = vec![0; 20 + payload];
    Ipv4Repr {
        tos: 0,
        ident: 99,
        dont_fragment: false,
        ttl,
        protocol,
        src: ip(src),
        dst: ip(dst),
        payload_len: payload as u16,
    }
    .emit(&mut packet)
    .unwrap();
    packet
}

fn checksum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let len = usize::from(packet[0] & 15) * 4;
    let sum = Sum::new().octets(&packet[..len]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The type, code and quoted octets of the only packet sent.
fn told(lines: &mut Lines) -> (u8, u8, Vec<u8>) {
    let packets = lines.packets();
    let [packet] = packets.as_slice() else {
        panic!("one message: {packets:?}");
    };
    let packet = Ipv4::parse(packet).unwrap();
    assert_eq!(packet.protocol(), 1);
    assert!(packet.checksum_is_valid() && Sum::new().octets(packet.payload()).is_valid());
    (
        packet.payload()[0],
        packet.payload()[1],
        packet.payload()[8..].to_vec(),
    )
}

#[test]
fn pings_of_all_lengths_pass_in_fragments() {
    let mut net = chain();
    for length in [8, 9, 15, 16, 64, 228, 236, 237, 1480, 1481, 5000, 32_767] {
        net.events.clear();
        let sent = net.with(0, |station, now, lines| {
            station.ping(now, ip("44.2.0.3"), length, None, lines)
        });
        let stamp = sent.unwrap();
        assert_eq!(stamp.is_some(), length >= 16);
        net.run(Duration::from_secs(5));
        let millis = (length >= 16).then_some(40);
        let reply = Reply {
            from: ip("44.2.0.3"),
            ident: 0,
            sequence: 0,
            millis,
            stamp,
        };
        assert_eq!(net.events, [(0, Event::Ping(reply))], "{length}");
    }
    let (b, c) = (&net.stations[1].ip.stats, &net.stations[2].ip.stats);
    assert!(
        b.frag_creates > 150 && b.reasm_reqds == 0 && c.reasm_fails == 0,
        "{b:?} {c:?}"
    );
    assert_eq!((c.reasm_oks, c.frag_oks), (5, 5));
    assert_eq!(net.stations[0].ip.reassembly.memory(), 0);
    assert_eq!(b.forw_datagrams, b.in_receives);
}

#[test]
fn repeated_pings_are_counted_whatever_is_lost_or_late() {
    let mut net = chain();
    (net.loss, net.late) = (0.02, 0.3);
    net.with(0, |station, now, lines| {
        station.ping(now, ip("44.2.0.3"), 1000, Some(1), lines)
    })
    .unwrap();
    net.run(Duration::from_secs(999));
    let target = net.stations[0].ping.targets()[0];
    assert_eq!(target.sent, 1000);
    assert!((600..900).contains(&target.received), "{target:?}");
    assert!(
        (40..200).contains(&target.srtt) && target.mdev > 0,
        "{target:?}"
    );
    assert!(net.stations[2].ip.stats.reasm_fails > 20);
    net.stations[0].ping.clear();
    net.run(Duration::from_secs(60));
    assert_eq!(net.stations[2].ip.reassembly.memory(), 0);
}

pub(super) fn two_lines() -> (Station, Instant, InterfaceId, InterfaceId) {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    let a = attach(&mut station, "a", Encapsulation::None, "44.1.0.1", 1500);
    let b = attach(&mut station, "b", Encapsulation::None, "44.2.0.1", 576);
    route(&mut station, now, "44.1.0.0", 16, a, "0.0.0.0");
    route(&mut station, now, "44.2.0.0", 16, b, "0.0.0.0");
    (station, now, a, b)
}

#[test]
fn a_forwarded_datagram_has_one_hop_less() {
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines::default();
    let mut packet = datagram("44.1.0.9", "44.2.0.9", 17, 7, 100);
    packet.extend([0xee; 6]);
    station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
    let sent = lines.sent.pop().unwrap();
    assert_eq!((sent.line, sent.to), (b, None));
    let expected = datagram("44.1.0.9", "44.2.0.9", 17, 6, 100);
    assert_eq!(
        sent.packet, expected,
        "one hop less, a right checksum, no padding"
    );
    let learned = station.routes.exact(ip("44.1.0.9"), 32);
    assert!(learned.is_none(), "the network's route leads there already");
    // From elsewhere, over the same line: that is learned.
    let mut packet = datagram("44.9.0.9", "44.2.0.9", 17, 7, 100);
    station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
    assert_eq!(
        station.routes.exact(ip("44.9.0.9"), 32).unwrap().interface,
        a
    );
    station.interfaces.get_mut(a).unwrap().autoroute = false;
    let mut packet = datagram("44.9.0.8", "44.2.0.9", 17, 7, 100);
    station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
    assert!(station.routes.exact(ip("44.9.0.8"), 32).is_none());
}

#[test]
fn senders_are_told_why() {
    let (mut station, now, a, _) = two_lines();
    let mut lines = Lines::default();
    let mut try_one = |change: &dyn Fn(&mut Station, &mut Vec<u8>)| {
        let mut packet = datagram("44.1.0.9", "44.2.0.9", 17, 7, 100);
        change(&mut station, &mut packet);
        checksum(&mut packet);
        let before = packet.clone();
        station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
        let told = told(&mut lines);
        assert_eq!(told.2[..8], before[..8]);
        (told.0, told.1)
    };
    assert_eq!(
        try_one(&|_, packet| packet[8] = 1),
        (kind::TIME_EXCEEDED, 0)
    );
    assert_eq!(
        try_one(&|_, packet| packet[8] = 0),
        (kind::TIME_EXCEEDED, 0)
    );
    assert_eq!(try_one(&|_, packet| packet[17] = 3), (kind::UNREACHABLE, 1));
    assert_eq!(
        try_one(&|_, packet| {
            packet[16..20].copy_from_slice(&[44, 1, 0, 1]);
            packet[24..26].copy_from_slice(&100u16.to_be_bytes());
        }),
        (kind::UNREACHABLE, 3)
    );
    assert_eq!(
        try_one(&|_, packet| {
            packet[16..20].copy_from_slice(&[44, 1, 0, 1]);
            packet[9] = 99;
        }),
        (kind::UNREACHABLE, 2)
    );
    assert_eq!(
        try_one(&|_, packet| {
            *packet = datagram("44.1.0.9", "44.2.0.9", 17, 7, 1000);
            packet[6] = 0x40;
        }),
        (kind::UNREACHABLE, 4)
    );
    // A malformed option is pointed at.
    assert_eq!(
        try_one(&|_, packet| {
            packet.splice(20..20, [7, 99, 4, 0]);
            packet[0] = 0x46;
            packet[3] += 4;
        }),
        (kind::PARAMETER_PROBLEM, 0)
    );
    // A strict source route through a gateway.
    assert_eq!(
        try_one(&|station, packet| {
            let route = NewRoute {
                gateway: ip("44.2.0.7"),
                ..NewRoute::new(ip("44.3.0.0"), 16, InterfaceId::LOOPBACK)
            };
            let route = NewRoute {
                interface: station.interfaces.by_name("b").unwrap(),
                ..route
            };
            station.add_route(now, &route).unwrap();
            packet.splice(20..20, [crate::ip::options::STRICT, 7, 4, 44, 3, 0, 1, 0]);
            packet[16..20].copy_from_slice(&[44, 1, 0, 1]);
            packet[0] = 0x47;
            packet[3] += 8;
        }),
        (kind::UNREACHABLE, 5)
    );
}

#[test]
fn nobody_is_told_twice_or_in_vain() {
    let (mut station, now, a, _) = two_lines();
    let mut lines = Lines::default();
    let mut silent = |change: &dyn Fn(&mut Arrival, &mut Vec<u8>)| {
        let mut packet = datagram("44.1.0.9", "44.3.0.9", 17, 7, 100);
        let mut arrival = Arrival::new(a);
        change(&mut arrival, &mut packet);
        checksum(&mut packet);
        station.receive(now, &arrival, &mut packet, &mut lines);
        lines.packets().is_empty()
    };
    assert!(!silent(&|_, _| {}));
    assert!(silent(&|arrival, _| arrival.broadcast = true));
    assert!(silent(&|_, packet| packet[7] = 9), "a later fragment");
    assert!(silent(&|_, packet| packet[12..16].fill(0)), "no source");
    assert!(silent(&|_, packet| packet[12] = 127));
    assert!(silent(&|_, packet| packet[12] = 230));
    assert!(
        silent(&|_, packet| packet[12..16].copy_from_slice(&[44, 1, 0, 1])),
        "our own address"
    );
    assert!(silent(&|_, packet| packet[16] = 127));
    assert!(silent(&|_, packet| packet[16] = 230));
    assert!(
        silent(&|_, packet| (packet[9], packet[20]) = (1, 3)),
        "an error"
    );
    assert!(!silent(&|_, packet| (packet[9], packet[20]) = (1, 8)));
    let messages = (0..300).filter(|_| !silent(&|_, _| {})).count();
    assert!((90..=100).contains(&messages), "{messages}");
    assert!(station.icmp.limited >= 200);
}

#[test]
fn echo_is_answered_to_one_and_not_to_all() {
    let (mut station, now, a, _) = two_lines();
    let mut lines = Lines::default();
    let echo = |dst: &str| {
        let mut packet = datagram("44.1.0.9", dst, 1, 7, 40);
        packet[20] = 8;
        packet[24..28].copy_from_slice(&[0, 1, 0, 2]);
        packet[1] = 0x10;
        checksum(&mut packet);
        let sum = Sum::new().octets(&packet[20..]).checksum();
        packet[22..24].copy_from_slice(&sum.to_be_bytes());
        packet
    };
    station.receive(now, &Arrival::new(a), &mut echo("44.2.0.1"), &mut lines);
    let packet = lines.packets().remove(0);
    let reply = Ipv4::parse(&packet).unwrap();
    assert_eq!(
        (reply.src(), reply.dst(), reply.tos(), reply.ttl()),
        (ip("44.2.0.1"), ip("44.1.0.9"), 0x10, 255)
    );
    assert_eq!(reply.payload()[..2], [0, 0]);
    assert_eq!(reply.payload()[4..8], [0, 1, 0, 2]);
    assert!(Sum::new().octets(reply.payload()).is_valid());
    station.receive(
        now,
        &Arrival::new(a),
        &mut echo("255.255.255.255"),
        &mut lines,
    );
    let broadcast = Arrival {
        broadcast: true,
        ..Arrival::new(a)
    };
    station.receive(now, &broadcast, &mut echo("44.2.0.1"), &mut lines);
    assert!(lines.packets().is_empty());
    assert_eq!(station.icmp.received.errors, 2);
    assert_eq!(station.icmp.received.of(kind::ECHO), 1);
}

#[test]
fn the_filter_and_the_queue_drop_silently() {
    use crate::filter::{Action, Range};
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines {
        queued: 3,
        ..Lines::default()
    };
    let mut send = |station: &mut Station| {
        let mut packet = datagram("44.1.0.9", "44.2.0.9", 17, 7, 100);
        station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
        lines.packets().len()
    };
    assert_eq!(send(&mut station), 1);
    station.interfaces.get_mut(b).unwrap().txqlen = 3;
    assert_eq!(send(&mut station), 0);
    assert_eq!(station.interfaces.get(b).unwrap().counters.queue_full, 1);
    station.interfaces.get_mut(b).unwrap().txqlen = 4;
    assert_eq!(send(&mut station), 1);
    station.interfaces.get_mut(b).unwrap().up = false;
    assert_eq!(send(&mut station), 0);
    assert_eq!(station.interfaces.get(b).unwrap().counters.down, 1);
    station.interfaces.get_mut(b).unwrap().up = true;
    station
        .filter
        .add(Range::of_prefix(Action::Deny, ip("44.2.0.0"), 24));
    assert_eq!(send(&mut station), 0);
    assert_eq!(station.ip.stats.filtered, 1);
}

#[test]
fn super_packets_pass_whole_or_are_cut() {
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines::default();
    let payload = 4000;
    let super_packet = || {
        let mut packet = datagram("44.1.0.9", "44.2.0.9", 6, 7, 20 + payload);
        let repr = TcpRepr {
            src_port: 1,
            dst_port: 2,
            seq: 3,
            ack: 4,
            flags: TcpFlags::ACK,
            window: 5,
        };
        repr.emit(&mut packet[20..], 0, Sum::new()).unwrap();
        let pseudo = Ipv4::parse(&packet)
            .unwrap()
            .pseudo_header(6, 20 + payload)
            .folded();
        packet[36..38].copy_from_slice(&pseudo.to_be_bytes());
        packet
    };
    let offload = VirtioHeader {
        gso: Gso::TcpV4,
        gso_size: 500,
        header_len: 40,
        checksum_start: 20,
        checksum_offset: 16,
        ..VirtioHeader::FINISHED.with_needs_checksum(true)
    };
    let arrival = Arrival {
        offload,
        ..Arrival::new(a)
    };
    station.receive(now, &arrival, &mut super_packet(), &mut lines);
    let packets = lines.packets();
    assert_eq!(packets.len(), 8);
    for packet in &packets {
        let packet = Ipv4::parse(packet).unwrap();
        assert!(packet.checksum_is_valid() && packet.octets().len() == 540 && packet.ttl() == 6);
        let sum = packet.pseudo_header(6, packet.payload().len());
        assert!(sum.octets(packet.payload()).is_valid());
    }
    station.interfaces.get_mut(b).unwrap().offload = true;
    station.receive(now, &arrival, &mut super_packet(), &mut lines);
    let sent = lines.sent.pop().unwrap();
    assert_eq!(
        (sent.offload, sent.packet.len(), lines.sent.len()),
        (offload, 4040, 0)
    );
    // Segments that are too long for the line are cut even there.
    station.interfaces.set_mtu(b, 300).unwrap();
    station.receive(now, &arrival, &mut super_packet(), &mut lines);
    let packets = lines.packets();
    assert_eq!(packets.len(), 16);
    assert!(packets.iter().all(|packet| packet.len() <= 300));
    // One packet whose checksum is left out gets it before a line that wants it.
    station.interfaces.get_mut(b).unwrap().offload = false;
    station.interfaces.set_mtu(b, 9000).unwrap();
    let single = Arrival {
        offload: VirtioHeader {
            gso: Gso::None,
            ..offload
        },
        ..arrival
    };
    station.receive(now, &single, &mut super_packet(), &mut lines);
    let packets = lines.packets();
    let packet = Ipv4::parse(&packets[0]).unwrap();
    assert!(
        packet
            .pseudo_header(6, packet.payload().len())
            .octets(packet.payload())
            .is_valid()
    );
}

#[test]
fn a_source_route_leads_over_us() {
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines::default();
    let mut packet = datagram("44.1.0.9", "44.1.0.1", 17, 7, 8);
    packet.splice(20..20, [crate::ip::options::LOOSE, 7, 4, 44, 2, 0, 9, 0]);
    packet[0] = 0x47;
    packet[3] += 8;
    checksum(&mut packet);
    let again = packet.clone();
    station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
    let sent = lines.sent.pop().unwrap();
    let packet = Ipv4::parse(&sent.packet).unwrap();
    assert_eq!(
        (sent.line, packet.dst(), packet.ttl()),
        (b, ip("44.2.0.9"), 6)
    );
    assert!(packet.checksum_is_valid());
    assert_eq!(
        packet.options(),
        [crate::ip::options::LOOSE, 7, 8, 44, 2, 0, 1, 0]
    );
    station.ip.source_routes = false;
    station.receive(now, &Arrival::new(a), &mut again.clone(), &mut lines);
    assert_eq!(told(&mut lines).1, 5);
}

#[test]
fn datagrams_in_datagrams() {
    // a and c reach each other's networks through tunnels over b.
    let mut net = chain();
    let now = net.now;
    for (at, own, other, gateway) in [
        (0, "44.8.0.1", "44.9.0.1", "44.2.0.3"),
        (2, "44.9.0.1", "44.8.0.1", "44.1.0.1"),
    ] {
        let station = &mut net.stations[at];
        attach(station, "home", Encapsulation::None, own, 1500);
        route(station, now, other, 32, InterfaceId::ENCAP, gateway);
        assert_eq!(
            station.mtu_towards(ip(other)),
            if at == 0 { 1480 } else { 236 }
        );
    }
    net.with(0, |station, now, lines| {
        station.ping(now, ip("44.9.0.1"), 2000, None, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(5));
    assert_eq!(net.events.len(), 1);
    assert!(net.stations[1].ip.stats.forw_datagrams > 4);
    assert_eq!(net.stations[1].ip.stats.in_addr_errors, 0);
    // A datagram in a datagram in a datagram, and so on, is given up.
    let mut inner = datagram("44.1.0.1", "44.2.0.3", 4, 7, 0);
    for _ in 0..1000 {
        let mut outer = datagram("44.1.0.1", "44.2.0.3", 4, 7, inner.len());
        outer[20..].copy_from_slice(&inner);
        inner = outer;
    }
    let id = net.stations[2].interfaces.by_name("sl0").unwrap();
    net.with(2, |station, now, lines| {
        station.receive(now, &Arrival::new(id), &mut inner, lines)
    });
    assert_eq!(net.stations[2].ip.stats.too_deep, 1);
}

#[test]
fn two_tunnels_in_a_circle_end() {
    let (mut station, now, _, _) = two_lines();
    let mut lines = Lines::default();
    route(
        &mut station,
        now,
        "10.1.0.0",
        16,
        InterfaceId::ENCAP,
        "10.2.0.1",
    );
    route(
        &mut station,
        now,
        "10.2.0.0",
        16,
        InterfaceId::ENCAP,
        "10.1.0.1",
    );
    station
        .ping(now, ip("10.1.0.9"), 64, None, &mut lines)
        .unwrap();
    assert!(lines.packets().is_empty());
    assert_eq!(station.ip.stats.too_deep, 1);
}

#[test]
fn neighbours_on_the_air_find_each_other() {
    let mut net = Net::new(3);
    let mut ends = Vec::new();
    for (at, call) in ["N0PRA", "DK5SG", "DB0AAA-1"].iter().enumerate() {
        let address = format!("44.128.4.{}", at + 4);
        let id = attach(
            &mut net.stations[at],
            "tnc0",
            Encapsulation::KissUi,
            &address,
            256,
        );
        net.stations[at]
            .interfaces
            .set_link_address(id, call)
            .unwrap();
        let now = net.now;
        net.stations[at].set_netmask(now, id, 0xffff_ff00).unwrap();
        net.stations[at].set_broadcast(now, id, ip("44.128.4.255"));
        ends.push((at, id));
    }
    net.join(&ends);
    net.with(0, |station, now, lines| {
        station.ping(now, ip("44.128.4.5"), 64, None, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(1));
    assert_eq!(net.events.len(), 1);
    let link = |net: &Net, at: usize, host: &str| {
        let entry = net.stations[at].arp.get(Hardware::Ax25, ip(host))?;
        entry.link.map(|link| link.to_string())
    };
    assert_eq!(link(&net, 0, "44.128.4.5").as_deref(), Some("DK5SG"));
    assert_eq!(link(&net, 1, "44.128.4.4").as_deref(), Some("N0PRA"));
    assert_eq!(
        link(&net, 2, "44.128.4.4"),
        None,
        "it was only asked of others"
    );
    // Nobody is there: after ten seconds the sender is told, here ourselves.
    net.stations[0].icmp.trace = true;
    net.events.clear();
    for _ in 0..3 {
        net.with(0, |station, now, lines| {
            station.ping(now, ip("44.128.4.77"), 64, None, lines)
        })
        .unwrap();
    }
    assert_eq!(net.stations[0].arp.stats.backlog, 2);
    assert_eq!(net.stations[0].icmp.sent.of(kind::SOURCE_QUENCH), 2);
    net.run(Duration::from_secs(11));
    let Some((0, Event::Icmp(notice))) = net.events.last() else {
        panic!("{:?}", net.events);
    };
    assert_eq!(
        (notice.dest, notice.kind, notice.code),
        (ip("44.128.4.77"), 3, 1)
    );
    // The broadcast address needs nobody's answer.
    let mut lines = Lines::default();
    let now = net.now;
    let sender = (ip("44.128.4.4"), 9);
    net.stations[0]
        .udp_send_from(now, sender, (ip("44.128.4.255"), 9), b"cq", &mut lines)
        .unwrap();
    net.stations[0].flush(now, &mut lines);
    let (header, _) = wanbox_wire::ax25::Header::parse(&lines.sent[0].packet).unwrap();
    assert_eq!(header.to_string(), "N0PRA->QST");
}

#[test]
fn output_goes_where_it_is_forwarded() {
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines::default();
    station.interfaces.set_forward(a, "b");
    let mut buffer = vec![0; 20 + 1000];
    station.send(
        now,
        &Header::new(Ipv4Addr::UNSPECIFIED, ip("44.1.0.9"), 99),
        &mut buffer,
        &mut lines,
    );
    assert_eq!(lines.sent.len(), 2, "the other line's MTU counts");
    assert!(lines.sent.iter().all(|sent| sent.line == b));
    assert_eq!(
        Ipv4::parse(&lines.sent[0].packet).unwrap().src(),
        ip("44.2.0.1")
    );
}

#[test]
fn programs_get_datagrams_and_no_more_than_they_take() {
    let mut net = chain();
    let server = net.stations[2]
        .udp_bind(Ipv4Addr::UNSPECIFIED, 1234, Owner::User)
        .unwrap();
    assert_eq!(
        net.stations[2].udp_bind(Ipv4Addr::UNSPECIFIED, 1234, Owner::User),
        Err(UdpError::PortInUse(1234))
    );
    let client = net.stations[0]
        .udp_bind(Ipv4Addr::UNSPECIFIED, 0, Owner::User)
        .unwrap();
    assert!(net.stations[0].udp.port(client).unwrap() >= 49_152);
    let data = vec![7; 3000];
    net.with(0, |station, now, lines| {
        station.udp_send(now, client, (ip("44.2.0.3"), 1234), &data, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(1));
    assert_eq!(net.events, [(2, Event::Udp(server))]);
    let received = net.stations[2].udp.receive(server).unwrap();
    assert_eq!(
        (received.payload, received.from.0, received.to),
        (data, ip("44.1.0.1"), ip("44.2.0.3"))
    );
    // A port where nobody listens.
    net.stations[0].icmp.trace = true;
    net.events.clear();
    net.with(0, |station, now, lines| {
        station.udp_send(now, client, (ip("44.2.0.3"), 9), b"x", lines)
    })
    .unwrap();
    net.run(Duration::from_secs(1));
    assert!(
        matches!(net.events.as_slice(), [(0, Event::Icmp(notice))] if (notice.kind, notice.code) == (3, 3))
    );
    for _ in 0..1000 {
        net.with(0, |station, now, lines| {
            station.udp_send(now, client, (ip("44.2.0.3"), 1234), b"x", lines)
        })
        .unwrap();
    }
    net.run(Duration::from_secs(1));
    assert_eq!(net.stations[2].udp.stats.queue_full, 1000 - 256);
    net.stations[2].udp.close(server);
    assert!(net.stations[2].udp.receive(server).is_none());
    let now = net.now;
    let mut lines = Lines::default();
    let too_long = vec![0; 65_508];
    let sent = net.stations[0].udp_send(now, client, (ip("44.2.0.3"), 9), &too_long, &mut lines);
    assert_eq!(sent, Err(UdpError::TooLong(65_508)));
}

#[test]
fn everybody_of_another_network_is_not_reached_through_us() {
    let (mut station, now, a, b) = two_lines();
    let mut lines = Lines::default();
    station.set_broadcast(now, b, ip("44.2.255.255"));
    let mut packet = datagram("44.1.0.9", "44.2.255.255", 17, 7, 100);
    station.receive(now, &Arrival::new(a), &mut packet, &mut lines);
    assert!(lines.packets().is_empty());
    assert_eq!(station.ip.stats.in_discards, 1);
    let from = (Ipv4Addr::UNSPECIFIED, 9);
    station
        .udp_send_from(now, from, (ip("44.2.255.255"), 9), b"x", &mut lines)
        .unwrap();
    assert_eq!(lines.packets().len(), 1);
    // From within that network it is for us as for all others.
    let server = station
        .udp_bind(Ipv4Addr::UNSPECIFIED, 9, Owner::User)
        .unwrap();
    let mut packet = datagram("44.2.0.9", "44.2.255.255", 17, 7, 100);
    packet[22..26].copy_from_slice(&[0, 9, 0, 100]);
    station.receive(now, &Arrival::new(b), &mut packet, &mut lines);
    assert_eq!(station.udp.receive(server).unwrap().payload.len(), 92);
}
