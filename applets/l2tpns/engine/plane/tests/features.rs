use wanbox_link::access_list::{Action, Flags, Ports, Protocol, Rule};

use super::*;

fn web() -> Rule {
    Rule {
        protocol: Protocol::Tcp,
        destination_ports: Ports::Equal(80),
        ..Rule::any(Action::Permit)
    }
}

#[test]
fn access_lists_of_both_directions() {
    let mut bench = Bench::new(Config::default());
    let established = Rule {
        protocol: Protocol::Tcp,
        flags: Flags::Established,
        ..Rule::any(Action::Permit)
    };
    assert!(!bench.plane.set_filter(SESSION, Direction::In, Some("web")));
    bench.plane.set_list("web", [web()]);
    bench.plane.set_list("back", [established]);
    assert!(bench.plane.set_filter(SESSION, Direction::In, Some("web")));
    assert!(
        bench
            .plane
            .set_filter(SESSION, Direction::Out, Some("back"))
    );
    assert!(
        !bench
            .plane
            .set_filter(SessionId(9), Direction::Out, Some("back"))
    );
    assert_eq!(bench.plane.filter(SESSION, Direction::In), Some("web"));

    let syn = tcp(SUBSCRIBER, HOST, TcpFlags::SYN, 0);
    let dns = udp(SUBSCRIBER, HOST, 60, true);
    assert_eq!(bench.up(&frame_of(&syn)), Up::Passed);
    assert_eq!(bench.up(&frame_of(&dns)), Up::Dropped(Cause::FilteredIn));
    // A spoofed packet is none of the list's business.
    let spoofed = tcp(HOST, HOST, TcpFlags::SYN, 0);
    assert_eq!(bench.up(&frame_of(&spoofed)), Up::Dropped(Cause::Spoofed));
    bench
        .down(&tcp(HOST, SUBSCRIBER, TcpFlags::ACK, 10))
        .unwrap();
    let syn = tcp(HOST, SUBSCRIBER, TcpFlags::SYN, 0);
    assert_eq!(bench.down(&syn), Err(Cause::FilteredOut));
    // Lists are for IPv4.
    assert_eq!(
        bench.up(&frame_of(&udp6(
            v6(1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 9),
            60
        ))),
        Up::Passed
    );

    let list = bench.plane.list("web").unwrap();
    assert_eq!((list.rules().next().unwrap().1, list.unmatched()), (1, 1));
    let counters = bench.counters();
    assert_eq!((counters.dropped_in, counters.dropped_out), (2, 1));

    // Rules may change while a session has the list.
    bench
        .plane
        .set_list("web", [web(), Rule::any(Action::Permit)]);
    assert_eq!(bench.up(&frame_of(&dns)), Up::Passed);
    let counts: Vec<u64> = bench
        .plane
        .list("web")
        .unwrap()
        .rules()
        .map(|(_, n)| n)
        .collect();
    assert_eq!(counts, [1, 1]);
    assert_eq!(bench.plane.remove_list("web"), Err(ListError::InUse));
    assert!(bench.plane.set_filter(SESSION, Direction::In, None));
    assert_eq!(bench.plane.remove_list("web"), Ok(()));
    assert_eq!(bench.plane.remove_list("web"), Err(ListError::Unknown));
    assert!(bench.plane.list("web").is_none() && bench.plane.list("").is_none());
    bench.plane.set_list("other", []);
    assert!(
        bench
            .plane
            .set_filter(SESSION, Direction::In, Some("other"))
    );
    assert_eq!(bench.up(&frame_of(&dns)), Up::Dropped(Cause::FilteredIn));
}

/// Octets that leave in `seconds` in this direction when twice the rate comes.
fn passed(bench: &mut Bench, direction: Direction, rate: u32, seconds: u64) -> usize {
    let packet = match direction {
        Direction::In => frame_of(&udp(SUBSCRIBER, HOST, 1000, true)),
        Direction::Out => udp(HOST, SUBSCRIBER, 1000, true),
    };
    let gap = Duration::from_secs_f64(1000.0 / (f64::from(rate) * 128.0) / 2.0);
    let end = bench.now + Duration::from_secs(seconds);
    let mut next = bench.now;
    let mut octets = 0;
    while next < end {
        bench.now = bench.plane.poll_timeout().map_or(next, |at| at.min(next));
        bench.plane.handle_timeout(bench.now, &mut bench.left);
        assert!(bench.plane.poll_timeout().is_none_or(|at| at > bench.now));
        if bench.now == next {
            match direction {
                Direction::In => {
                    bench.up(&packet);
                }
                Direction::Out => {
                    let _ = bench.down(&packet);
                }
            }
            next += gap;
        }
        octets += bench.left.host.drain(..).map(|p| p.len()).sum::<usize>();
        octets += bench
            .left
            .messages
            .drain(..)
            .map(|(_, m)| m.len() - 10)
            .sum::<usize>();
    }
    octets
}

#[test]
fn rates_are_kept_within_a_twentieth() {
    for direction in [Direction::In, Direction::Out] {
        for rate in [64, 512, 100_000] {
            let mut bench = Bench::new(Config::default());
            assert!(
                bench
                    .plane
                    .set_throttle(bench.now, SESSION, direction, rate)
            );
            // The first two seconds of it may go at once.
            passed(&mut bench, direction, rate, 5);
            let octets = passed(&mut bench, direction, rate, 60) as f64;
            let wanted = f64::from(rate) * 128.0 * 60.0;
            assert!(
                (octets / wanted - 1.0).abs() < 0.05,
                "{rate}: {octets} of {wanted}"
            );
            let throttle = bench.plane.throttle(SESSION, direction).unwrap();
            assert!(throttle.counters().packets_dropped > 0);
            assert!(bench.plane.due.len() <= 1, "one alarm a throttle");
            // The other direction is free.
            let other = match direction {
                Direction::In => Direction::Out,
                Direction::Out => Direction::In,
            };
            assert!(bench.plane.throttle(SESSION, other).is_none());
            let free = passed(&mut bench, other, rate, 10) as f64;
            let wanted = f64::from(rate) * 128.0 * 2.0 * 10.0;
            assert!((free / wanted - 1.0).abs() < 0.05);
            let found = bench.plane.throttles().map(|(s, d, _)| (s, d));
            assert!(found.eq([(SESSION, direction)]));
        }
    }
}

#[test]
fn packets_that_wait_go_when_their_time_comes_or_with_the_session() {
    let mut bench = Bench::new(Config::default());
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 8);
    let packet = udp(HOST, SUBSCRIBER, 1000, true);
    for _ in 0..6 {
        let _ = bench.down(&packet);
    }
    // Two at once, for the bucket has 2048 octets; two wait; two are lost.
    assert_eq!(bench.left.messages.len(), 2);
    assert_eq!(bench.counters().dropped_out, 2);
    let due = bench.plane.poll_timeout().unwrap();
    assert!(due > bench.now);
    bench.plane.handle_timeout(bench.now, &mut bench.left);
    assert_eq!(bench.left.messages.len(), 2);
    bench.now = due;
    bench.plane.handle_timeout(bench.now, &mut bench.left);
    assert_eq!(bench.left.messages.len(), 3);
    assert_eq!(bench.counters().packets_out, 3);
    // Setting the rate that it has changes nothing, another one holds at once.
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 8);
    assert_eq!(bench.down(&packet), Ok(()));
    assert_eq!(bench.left.messages.len(), 3);
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 1000);
    assert_eq!(bench.down(&packet), Ok(()));
    assert_eq!(bench.left.messages.len(), 6);
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 1);
    for _ in 0..3 {
        let _ = bench.down(&packet);
    }
    bench.plane.remove(SESSION);
    let left = bench.left.messages.len();
    bench.now += Duration::from_secs(100);
    bench.plane.handle_timeout(bench.now, &mut bench.left);
    assert_eq!(bench.left.messages.len(), left);
    assert_eq!(bench.plane.poll_timeout(), None);
    assert!(
        !bench
            .plane
            .set_throttle(bench.now, SESSION, Direction::In, 8)
    );
}

#[test]
fn what_subscribers_send_each_other_may_be_free() {
    for local_unthrottled in [false, true] {
        let mut bench = Bench::new(Config {
            local_unthrottled,
            ..Config::default()
        });
        let other = Ipv4Addr::new(10, 0, 0, 6);
        bench.plane.insert(bench.now, SessionId(2), call(2));
        bench.plane.add_route(SessionId(2), other.into(), 32);
        bench
            .plane
            .set_throttle(bench.now, SESSION, Direction::In, 8);
        bench
            .plane
            .set_throttle(bench.now, SESSION, Direction::Out, 8);
        let to_other = frame_of(&udp(SUBSCRIBER, other, 1000, true));
        let to_host = frame_of(&udp(SUBSCRIBER, HOST, 1000, true));
        let count = |bench: &mut Bench, frame: &[u8]| {
            (0..10).filter(|_| bench.up(frame) == Up::Passed).count()
        };
        assert_eq!(
            count(&mut bench, &to_other),
            if local_unthrottled { 10 } else { 2 }
        );
        assert_eq!(
            count(&mut bench, &to_host),
            if local_unthrottled { 2 } else { 0 }
        );
        let from_other = udp(other, SUBSCRIBER, 1000, true);
        for _ in 0..10 {
            let _ = bench.down(&from_other);
        }
        assert_eq!(
            bench.left.messages.len(),
            if local_unthrottled { 10 } else { 2 }
        );
    }
}

#[test]
fn copies_of_both_directions_when_the_packets_go() {
    let mut bench = Bench::new(Config::default());
    let collector: SocketAddr = "203.0.113.1:5000".parse().unwrap();
    assert!(bench.plane.set_copy(SESSION, Some(collector)));
    assert_eq!(bench.plane.copy_to(SESSION), Some(collector));
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 1);
    let (from, to) = (
        udp(SUBSCRIBER, HOST, 80, true),
        udp(HOST, SUBSCRIBER, 250, true),
    );
    let six = udp6(v6(0x77), v6(1), 80);
    bench.up(&frame_of(&from));
    bench.down(&to).unwrap();
    bench.down(&six).unwrap();
    assert_eq!(
        bench.left.copies,
        [(collector, from), (collector, to.clone())]
    );
    bench.now = bench.plane.poll_timeout().unwrap();
    bench.plane.handle_timeout(bench.now, &mut bench.left);
    assert_eq!(bench.left.copies[2], (collector, six));
    bench.plane.set_copy(SESSION, None);
    bench
        .plane
        .set_throttle(bench.now, SESSION, Direction::Out, 0);
    bench.down(&to).unwrap();
    assert_eq!(bench.left.copies.len(), 3);
    assert!(bench.plane.entry(SESSION).unwrap().features.is_none());
}

#[test]
fn counters_begin_anew_and_times_stay() {
    let mut bench = Bench::new(Config::default());
    let start = bench.now;
    bench.now += Duration::from_secs(5);
    bench.up(&frame_of(&udp(SUBSCRIBER, HOST, 80, true)));
    bench.now += Duration::from_secs(5);
    bench.up(&[0xc0, 0x21, 9, 1, 0, 8]);
    let before = bench.counters();
    assert_eq!(before.data, start + Duration::from_secs(5));
    assert_eq!(before.heard, start + Duration::from_secs(10));
    bench.plane.reset_counters(SESSION);
    let after = bench.counters();
    assert_eq!((after.packets_in, after.octets_in), (0, 0));
    assert_eq!((after.heard, after.data), (before.heard, before.data));
    for cause in Cause::ALL {
        assert_eq!(bench.plane.stats().dropped(cause), 0, "{}", cause.name());
    }
}
