use wanbox_wire::ip::{Gso, Ipv4};

use super::*;

/// A super-packet of TCP: its virtio header and itself.
fn super_packet(dst: Ipv4Addr, payload: usize, size: u16) -> (VirtioHeader, Vec<u8>) {
    let mut packet = tcp(HOST, dst, TcpFlags::ACK.with(TcpFlags::PSH), payload);
    let header = VirtioHeader {
        gso: Gso::TcpV4,
        header_len: 44,
        gso_size: size,
        checksum_start: 20,
        checksum_offset: 16,
        ..VirtioHeader::FINISHED
    };
    let sum = Ip::parse(&packet)
        .unwrap()
        .pseudo_header(protocol::TCP, packet.len() - 20);
    packet[36..38].copy_from_slice(&sum.folded().to_be_bytes());
    (header.with_needs_checksum(true), packet)
}

#[test]
fn headers_are_as_the_peer_wants_them() {
    let packet = udp(HOST, SUBSCRIBER, 60, true);
    for (acfc, pfc, expected) in [
        (false, false, &[0xff, 3, 0, 0x21][..]),
        (true, false, &[0, 0x21]),
        (false, true, &[0xff, 3, 0x21]),
        (true, true, &[0x21]),
    ] {
        let mut bench = Bench::new(Config::default());
        bench.plane.update(SESSION, Settings { acfc, pfc, ..OPEN });
        bench.down(&packet).unwrap();
        let expected = [&[0, 2, 0, 0x77, 1, 1], expected, &packet].concat();
        assert_eq!(bench.left.messages, [(call(1).way, expected)]);
    }
    let mut bench = Bench::new(Config::default());
    let packet = udp6(HOST.to_ipv6_mapped(), v6(77), 90);
    bench.down(&packet).unwrap();
    let expected = [&[0, 2, 0, 0x77, 1, 1, 0xff, 3, 0, 0x57], &packet[..]].concat();
    assert_eq!(bench.left.messages[0].1, expected);
}

#[test]
fn numbered_messages_count_frames_of_all_kinds() {
    let mut bench = Bench::new(Config::default());
    let call = Call {
        sequencing: true,
        ..call(1)
    };
    bench.plane.insert(bench.now, SESSION, call);
    bench.plane.update(SESSION, OPEN);
    bench.plane.add_route(SESSION, SUBSCRIBER.into(), 32);
    let packet = udp(HOST, SUBSCRIBER, 60, true);
    bench.down(&packet).unwrap();
    let mut datagram = vec![1, 2, 3];
    let echo = [0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0];
    let to = bench.plane.frame(SESSION, &echo, true, &mut datagram);
    assert_eq!(to, Some((SocketId(0), peer())));
    assert_eq!(datagram[..10], [9, 2, 0, 0x77, 1, 1, 0, 1, 0, 0]);
    assert_eq!(datagram[10..], echo);
    bench.down(&packet).unwrap();
    let numbers: Vec<_> = bench
        .left
        .messages
        .iter()
        .map(|(_, m)| m[..10].to_vec())
        .collect();
    assert_eq!(numbers[0], [8, 2, 0, 0x77, 1, 1, 0, 0, 0, 0]);
    assert_eq!(numbers[1], [8, 2, 0, 0x77, 1, 1, 0, 2, 0, 0]);
    assert_eq!(
        bench.plane.frame(SessionId(9), &echo, true, &mut datagram),
        None
    );
}

#[test]
fn senders_to_nobody_are_told_so_many_times_a_second() {
    let mut bench = Bench::new(Config {
        icmp_rate: 3,
        ..Config::default()
    });
    let nobody = udp(HOST, Ipv4Addr::new(10, 0, 0, 99), 60, true);
    for _ in 0..10 {
        assert_eq!(bench.down(&nobody), Err(Cause::NoSession));
    }
    assert_eq!(bench.left.icmp.len(), 3);
    let answer = Ipv4::parse(&bench.left.icmp[0]).unwrap();
    assert_eq!((answer.src(), answer.dst()), (OURS, HOST));
    assert_eq!(answer.payload()[..2], [3, 1]);
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.down(&nobody), Err(Cause::NoSession));
    let six = udp6(v6(1), Ipv6Addr::new(0x2001, 0xdb8, 7, 7, 0, 0, 0, 1), 60);
    assert_eq!(bench.down(&six), Err(Cause::NoSession));
    assert_eq!(bench.left.icmp.len(), 5);
    assert_eq!(bench.plane.stats().icmp_limited, 7);
    assert_eq!(bench.plane.stats().dropped(Cause::NoSession), 12);

    // By default nobody is told.
    let mut silent = Bench::new(Config::default());
    assert_eq!(silent.down(&nobody), Err(Cause::NoSession));
    assert!(silent.left.icmp.is_empty());
    assert_eq!(silent.down(&[0x45; 10]), Err(Cause::NotIp));
}

#[test]
fn packets_too_long_for_the_peer_are_cut_or_told_of() {
    let mut bench = Bench::new(Config::default());
    bench.plane.update(SESSION, Settings { mru: 1300, ..OPEN });
    assert_eq!(
        bench.down(&udp(HOST, SUBSCRIBER, 1301, true)),
        Err(Cause::TooLong)
    );
    let told = Ipv4::parse(&bench.left.icmp[0]).unwrap();
    assert_eq!(told.payload()[..2], [3, 4]);
    assert_eq!(told.payload()[6..8], 1300u16.to_be_bytes());
    assert_eq!(bench.down(&udp6(v6(0xf), v6(2), 1400)), Err(Cause::TooLong));
    let told = &bench.left.icmp[1];
    assert_eq!((told[40], &told[44..48]), (2, &1300u32.to_be_bytes()[..]));
    assert!(bench.left.messages.is_empty());

    let whole = udp(HOST, SUBSCRIBER, 2000, false);
    bench.down(&whole).unwrap();
    let mut payload = Vec::new();
    for (_, message) in &bench.left.messages {
        let fragment = Ipv4::parse(&message[10..]).unwrap();
        assert!(fragment.octets().len() <= 1300 && fragment.checksum_is_valid());
        assert_eq!(fragment.fragment_offset(), payload.len());
        payload.extend_from_slice(fragment.payload());
    }
    assert_eq!(payload, whole[20..]);
    let counters = bench.counters();
    assert_eq!((counters.packets_out, counters.dropped_out), (2, 2));
}

#[test]
fn so_many_packets_in_a_tenth_of_a_second() {
    let mut bench = Bench::new(Config {
        packet_limit: 5,
        ..Config::default()
    });
    let packet = udp(HOST, SUBSCRIBER, 60, true);
    let sent = |bench: &mut Bench| (0..20).filter(|_| bench.down(&packet).is_ok()).count();
    assert_eq!(sent(&mut bench), 5);
    bench.now += Duration::from_millis(99);
    assert_eq!(sent(&mut bench), 0);
    bench.now += Duration::from_millis(1);
    assert_eq!(sent(&mut bench), 5);
    assert_eq!(bench.plane.stats().dropped(Cause::Limited), 50);
    // The packets of a super-packet count each.
    bench.now += Duration::from_millis(100);
    let (header, mut packet) = super_packet(SUBSCRIBER, 8000, 1000);
    let down = bench
        .plane
        .down(bench.now, &header, &mut packet, &mut bench.left);
    assert_eq!(down, Err(Cause::Limited));
    assert_eq!(bench.left.messages.len(), 15);
}

#[test]
fn a_super_packet_leaves_as_its_packets() {
    for (payload, size) in [(50_000, 1400), (1400, 1400), (1401, 1400), (10, 1400)] {
        let (header, packet) = super_packet(SUBSCRIBER, payload, size);
        let mut plain = Bench::new(Config::default());
        let down = plain
            .plane
            .down(plain.now, &header, &mut packet.clone(), &mut plain.left);
        assert_eq!(down, Ok(()));
        let count = payload.div_ceil(usize::from(size));
        assert_eq!(plain.left.messages.len(), count);
        let mut octets = 0;
        for (_, message) in &plain.left.messages {
            let ip = Ip::parse(&message[10..]).unwrap();
            let (_, tcp) = ip.transport().unwrap();
            assert!(
                ip.pseudo_header(protocol::TCP, tcp.len())
                    .octets(tcp)
                    .is_valid()
            );
            octets += ip.octets().len();
        }
        assert_eq!(octets, payload + count * 44);
        assert_eq!(plain.counters().octets_out, octets as u64);

        // A session of which every packet is looked at gets the same.
        let mut copied = Bench::new(Config::default());
        let collector = "127.0.0.1:4000".parse().unwrap();
        copied.plane.set_copy(SESSION, Some(collector));
        let down = copied
            .plane
            .down(copied.now, &header, &mut packet.clone(), &mut copied.left);
        assert_eq!(down, Ok(()));
        assert_eq!(copied.left.messages, plain.left.messages);
        assert_eq!(copied.left.copies.len(), count);
        assert_eq!(copied.counters().octets_out, octets as u64);
    }
    let mut bench = Bench::new(Config::default());
    let (mut header, mut packet) = super_packet(SUBSCRIBER, 3000, 1400);
    header.gso_size = 0;
    let down = bench
        .plane
        .down(bench.now, &header, &mut packet, &mut bench.left);
    assert_eq!(down, Err(Cause::NotIp));
    let (header, mut packet) = super_packet(Ipv4Addr::new(10, 0, 0, 9), 3000, 1400);
    let down = bench
        .plane
        .down(bench.now, &header, &mut packet, &mut bench.left);
    assert_eq!(down, Err(Cause::NoSession));
}

#[test]
fn a_checksum_that_the_kernel_left_is_finished() {
    let mut bench = Bench::new(Config::default());
    let whole = udp(HOST, SUBSCRIBER, 200, true);
    let mut packet = whole.clone();
    let sum = Ip::parse(&packet)
        .unwrap()
        .pseudo_header(protocol::UDP, 180);
    packet[26..28].copy_from_slice(&sum.folded().to_be_bytes());
    let header = VirtioHeader {
        checksum_start: 20,
        checksum_offset: 6,
        ..VirtioHeader::FINISHED
    }
    .with_needs_checksum(true);
    let down = bench
        .plane
        .down(bench.now, &header, &mut packet, &mut bench.left);
    assert_eq!(down, Ok(()));
    assert_eq!(bench.left.messages[0].1[10..], whole);
    let beyond = VirtioHeader {
        checksum_start: 199,
        ..header
    };
    let down = bench
        .plane
        .down(bench.now, &beyond, &mut packet, &mut bench.left);
    assert_eq!(down, Err(Cause::NotIp));
}
