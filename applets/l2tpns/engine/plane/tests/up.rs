use super::*;

#[test]
fn a_packet_in_every_header() {
    let packet = udp(SUBSCRIBER, HOST, 100, true);
    let mut bench = Bench::new(Config::default());
    let l2tp: [&[u8]; 5] = [
        &[0, 2, 0, 7, 0, 1],
        // Preferred; with length; numbered; with an offset of three octets.
        &[1, 2, 0, 7, 0, 1],
        &[0x40, 2, 0, 112, 0, 7, 0, 1],
        &[8, 2, 0, 7, 0, 1, 0, 9, 0, 0],
        &[2, 2, 0, 7, 0, 1, 0, 3, 1, 2, 3],
    ];
    let ppp: [&[u8]; 4] = [&[0xff, 3, 0, 0x21], &[0xff, 3, 0x21], &[0, 0x21], &[0x21]];
    for (number, head) in l2tp.iter().enumerate() {
        for frame in ppp {
            let mut message = [head, frame, &packet].concat();
            if number == 2 {
                let length = message.len() as u16;
                message[2..4].copy_from_slice(&length.to_be_bytes());
                // What is behind the length is no part of it.
                message.extend([1, 2, 3]);
            }
            assert_eq!(bench.up_from(peer(), &mut message), Up::Passed);
            assert_eq!(bench.left.host.pop().as_ref(), Some(&packet));
        }
    }
    let counters = bench.counters();
    assert_eq!((counters.packets_in, counters.octets_in), (20, 2000));
    assert_eq!((counters.packets_out, counters.dropped_in), (0, 0));
    assert_eq!(bench.plane.stats().packets_in, 20);
}

#[test]
fn padding_is_left_out() {
    let packet = udp(SUBSCRIBER, HOST, 60, true);
    let mut bench = Bench::new(Config::default());
    let mut frame = frame_of(&packet);
    frame.extend([0; 30]);
    assert_eq!(bench.up(&frame), Up::Passed);
    assert_eq!(bench.left.host, [packet]);
}

#[test]
fn what_is_not_forwarded_is_handed_out_or_counted() {
    let mut bench = Bench::new(Config::default());
    let handed = Up::Ppp {
        session: SESSION,
        frame: &[],
    };
    assert_eq!(bench.up_from(peer(), &mut [0xc8, 2, 0, 12]), Up::Control);
    for frame in [
        &[0xff, 3, 0xc0, 0x21, 9, 1, 0, 8][..],
        &[0x80, 0x21, 1, 1, 0, 4],
        &[0x3d, 0xc0, 0, 0, 0],
        &[0x80, 0xfd, 1, 1, 0, 4],
    ] {
        assert_eq!(bench.up(frame), handed);
    }
    let good = udp(SUBSCRIBER, HOST, 60, true);
    let mut cut = frame_of(&good);
    cut.truncate(40);
    let mut six_as_four = frame_of(&udp6(v6(1), v6(2), 60));
    six_as_four[3] = 0x21;
    let message = |tunnel, call| {
        let mut message = vec![0, 2, 0, tunnel, 0, call];
        message.extend(frame_of(&good));
        message
    };
    let mut dropped = |message: &mut [u8], from: SocketAddr, cause: Cause| {
        let before = bench.plane.stats().dropped(cause);
        assert_eq!(bench.up_from(from, message), Up::Dropped(cause));
        assert_eq!(bench.plane.stats().dropped(cause), before + 1);
    };
    let whole = |frame: &[u8]| [&[0, 2, 0, 7, 0, 1], frame].concat();
    dropped(&mut [0, 2, 0, 7], peer(), Cause::Header);
    dropped(&mut [0, 3, 0, 7, 0, 1, 0x21], peer(), Cause::Header);
    dropped(&mut message(7, 2), peer(), Cause::UnknownSession);
    // A number of a call of this session, in a tunnel that it is not in.
    dropped(&mut message(8, 1), peer(), Cause::UnknownSession);
    dropped(&mut whole(&[]), peer(), Cause::Frame);
    dropped(&mut whole(&[0xff]), peer(), Cause::Frame);
    dropped(&mut whole(&cut), peer(), Cause::Packet);
    dropped(&mut whole(&six_as_four), peer(), Cause::Packet);
    for stranger in ["198.51.100.8:1701", "198.51.100.7:1702", "[::1]:1701"] {
        dropped(
            &mut message(7, 1),
            stranger.parse().unwrap(),
            Cause::Stranger,
        );
    }
    assert!(bench.left.host.is_empty());
    assert_eq!(bench.counters().dropped_in, 7);
    assert_eq!(bench.plane.stats().dropped_in_all(), 11);
}

#[test]
fn nothing_passes_before_the_network_layer_is_open() {
    let mut bench = Bench::new(Config::default());
    bench.plane.update(
        SESSION,
        Settings {
            ipv4: false,
            ipv6: false,
            ..OPEN
        },
    );
    let four = frame_of(&udp(SUBSCRIBER, HOST, 60, true));
    assert_eq!(bench.up(&four), Up::Dropped(Cause::Closed));
    // Whether IPv6 is refused or only not open yet is for its control protocol to know.
    let six = frame_of(&udp6(v6(1), Ipv6Addr::LOCALHOST, 60));
    assert!(matches!(bench.up(&six), Up::Ppp { .. }));
    let packet = udp(HOST, SUBSCRIBER, 60, true);
    assert_eq!(bench.down(&packet), Err(Cause::NotOpen));
}

#[test]
fn sources_are_the_subscribers_own() {
    for check_source in [true, false] {
        let mut bench = Bench::new(Config {
            check_source,
            ..Config::default()
        });
        let other = SessionId(2);
        bench.plane.insert(bench.now, other, call(2));
        bench
            .plane
            .add_route(other, IpAddr::from([10, 5, 7, 0]), 24);
        let spoofed = if check_source {
            Up::Dropped(Cause::Spoofed)
        } else {
            Up::Passed
        };
        for (source, expected) in [
            ([10, 0, 0, 5], Up::Passed),
            ([10, 5, 200, 1], Up::Passed),
            ([10, 0, 0, 6], spoofed),
            // In a network of its own, but a part of that is another session's.
            ([10, 5, 7, 1], spoofed),
            ([192, 0, 2, 80], spoofed),
            ([0, 0, 0, 0], spoofed),
        ] {
            let packet = udp(source.into(), HOST, 60, true);
            assert_eq!(bench.up(&frame_of(&packet)), expected, "{source:?}");
        }
        let six = |source| {
            frame_of(&udp6(
                source,
                Ipv6Addr::new(0x2001, 0xdb8, 9, 9, 0, 0, 0, 1),
                60,
            ))
        };
        assert_eq!(bench.up(&six(v6(5))), Up::Passed);
        let stranger = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1);
        assert_eq!(bench.up(&six(stranger)), Up::Dropped(Cause::Spoofed));
    }
}

#[test]
fn ipv6_of_the_link_is_handed_out() {
    let mut bench = Bench::new(Config::default());
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    let routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    for (src, dst) in [
        (local, routers),
        (v6(1), routers),
        (v6(1), local),
        (local, v6(0xffff)),
        (Ipv6Addr::UNSPECIFIED, routers),
    ] {
        let up = bench.up(&frame_of(&udp6(src, dst, 60)));
        assert!(matches!(up, Up::Ppp { .. }), "{src} to {dst}");
    }
    assert!(bench.left.host.is_empty());
}

#[test]
fn a_tunnel_may_go_on_from_elsewhere_when_that_is_wanted() {
    let elsewhere: SocketAddr = "203.0.113.9:1701".parse().unwrap();
    let other_port: SocketAddr = "203.0.113.9:4711".parse().unwrap();
    let mut bench = Bench::new(Config {
        follow_source: true,
        ..Config::default()
    });
    let packet = udp(SUBSCRIBER, HOST, 60, true);
    let message = [&[0, 2, 0, 7, 0, 1], &frame_of(&packet)[..]].concat();
    let stranger = Up::Dropped(Cause::Stranger);
    assert_eq!(bench.up_from(other_port, &mut message.clone()), stranger);
    assert_eq!(bench.up_from(elsewhere, &mut message.clone()), Up::Passed);
    let way = Way {
        socket: SocketId(0),
        peer: elsewhere,
    };
    assert_eq!(bench.plane.poll_moved(), Some((TunnelId(7), way)));
    assert_eq!(bench.plane.poll_moved(), None);
    bench.down(&udp(HOST, SUBSCRIBER, 60, true)).unwrap();
    assert_eq!(bench.left.messages[0].0, way);
    // And back, because the control connection says so.
    let way = Way {
        socket: SocketId(1),
        peer: peer(),
    };
    bench.plane.redirect(TunnelId(7), way);
    bench.down(&udp(HOST, SUBSCRIBER, 60, true)).unwrap();
    assert_eq!(bench.left.messages[1].0, way);
}

#[test]
fn connections_begin_with_segments_that_fit() {
    let mut bench = Bench::new(Config::default());
    bench.plane.update(
        SESSION,
        Settings {
            clamp: 1400,
            ..OPEN
        },
    );
    let syn = tcp(SUBSCRIBER, HOST, TcpFlags::SYN, 0);
    assert_eq!(bench.up(&frame_of(&syn)), Up::Passed);
    bench
        .down(&tcp(HOST, SUBSCRIBER, TcpFlags::SYN.with(TcpFlags::ACK), 0))
        .unwrap();
    let back = &bench.left.messages[0].1;
    for packet in [bench.left.host[0].as_slice(), &back[10..]] {
        assert_eq!(packet[42..44], 1360u16.to_be_bytes());
        let ip = Ip::parse(packet).unwrap();
        let sum = ip.pseudo_header(protocol::TCP, 24).octets(&packet[20..]);
        assert!(sum.is_valid());
    }
}

/// A numbered message of session 1 with a packet of so many octets.
fn numbered(ns: u16, octets: usize) -> Vec<u8> {
    let [high, low] = ns.to_be_bytes();
    let mut message = vec![8, 2, 0, 7, 0, 1, high, low, 0, 0];
    message.extend(frame_of(&udp(SUBSCRIBER, HOST, octets, true)));
    message
}

#[test]
fn numbered_data_comes_once_and_in_its_order() {
    let mut bench = Bench::new(Config::default());
    let sequencing = Call {
        sequencing: true,
        ..call(1)
    };
    bench.plane.insert(bench.now, SESSION, sequencing);
    bench.plane.update(SESSION, OPEN);
    bench.plane.add_route(SESSION, SUBSCRIBER.into(), 32);
    let late = Up::Dropped(Cause::Late);
    for (ns, result) in [
        (0, Up::Passed),
        (1, Up::Passed),
        (1, late),
        // 2 and 3 were lost, or come too late.
        (4, Up::Passed),
        (3, late),
        (5, Up::Passed),
        // Half of all numbers are ahead.
        (0x8004, Up::Passed),
        (0xfffe, Up::Passed),
        (0xffff, Up::Passed),
        (0, Up::Passed),
        (0xffff, late),
        (1, Up::Passed),
        // From far behind: the peer numbers anew.
        (64_000, Up::Passed),
        (64_000, late),
        (64_001, Up::Passed),
    ] {
        assert_eq!(
            bench.up_from(peer(), &mut numbered(ns, 100)),
            result,
            "{ns}"
        );
    }
    assert_eq!(bench.plane.stats().dropped(Cause::Late), 4);
    assert_eq!(bench.counters().dropped_in, 4);
    assert_eq!(bench.left.host.len(), 11);
    // Without a number there is nothing to go by.
    assert_eq!(
        bench.up(&frame_of(&udp(SUBSCRIBER, HOST, 100, true))),
        Up::Passed
    );
}

#[test]
fn numbers_that_nobody_asked_for_are_ignored() {
    let mut bench = Bench::new(Config::default());
    for ns in [7, 7, 6, 0] {
        let mut message = numbered(ns, 100);
        assert_eq!(bench.up_from(peer(), &mut message), Up::Passed);
    }
}
