//! Sessions whose calls are one bundle.

use wanbox_link::ppp::multilink::{self, Bundle, MemberConfig, MemberId};
use wanbox_wire::ppp::Frame;

use super::*;
use crate::BundleId;

const MEMBER: MemberConfig = MemberConfig {
    rate_bps: 0,
    mru: 1462,
    acfc: false,
    pfc: false,
};

/// Session 1 and two more: one bundle, of which session 1 is the head; and its other end.
fn bundled() -> (Bench, BundleId, Bundle) {
    let mut bench = Bench::new(Config::default());
    let config = multilink::Config {
        receive_limit: 1614,
        send_limit: 1614,
        ..multilink::Config::default()
    };
    let bundle = bench.plane.open_bundle(config).unwrap();
    let mut far = Bundle::new(config).unwrap();
    assert!(!bench.plane.set_head(bundle, SessionId(9)));
    assert!(bench.plane.set_head(bundle, SESSION));
    for number in 1..=3 {
        let session = SessionId(number.into());
        if number > 1 {
            bench.plane.insert(bench.now, session, call(number));
        }
        assert!(bench.plane.join(bench.now, bundle, session, &MEMBER, true));
        far.join(bench.now, &MEMBER).unwrap();
    }
    let mru = 1614;
    let settings = Settings {
        mru,
        bundle: true,
        ..OPEN
    };
    bench.plane.update(SESSION, settings);
    (bench, bundle, far)
}

impl Bench {
    fn up_over(&mut self, call: u8, frame: &[u8]) -> Up<'static> {
        let mut message = vec![0, 2, 0, 7, 0, call];
        message.extend_from_slice(frame);
        self.up_from(peer(), &mut message)
    }

    fn of(&self, session: u32) -> &Counters {
        self.plane.counters(SessionId(session)).unwrap()
    }

    /// Sends a packet of the other end; which calls carried how much.
    fn up_in_parts(&mut self, far: &mut Bundle, protocol: u16, packet: &[u8]) -> Vec<(u8, usize)> {
        let mut parts = Vec::new();
        far.send(
            self.now,
            &protocol.to_be_bytes(),
            packet,
            |member, head, data| {
                parts.push((member.0 + 1, [head, data].concat(), data.len()));
            },
        )
        .unwrap();
        for (call, frame, _) in &parts {
            assert_eq!(self.up_over(*call, frame), Up::Part);
        }
        parts
            .iter()
            .map(|(call, _, octets)| (*call, *octets))
            .collect()
    }
}

#[test]
fn packets_come_in_over_all_links_and_are_counted_there() {
    let (mut bench, _, mut far) = bundled();
    let (mut sent, mut octets) = (Vec::new(), [0; 3]);
    for size in [60, 1500, 200, 1614, 1000, 28] {
        let packet = udp(SUBSCRIBER, HOST, size, true);
        for (call, carried) in bench.up_in_parts(&mut far, 0x21, &packet) {
            octets[usize::from(call) - 1] += carried as u64;
        }
        sent.push(packet);
    }
    assert_eq!(bench.left.host, sent);
    for (place, carried) in octets.into_iter().enumerate() {
        assert_eq!(bench.of(place as u32 + 1).octets_in, carried);
        assert!(carried > 500);
    }
    let packets = (1..=3).map(|session| bench.of(session).packets_in);
    assert_eq!(packets.sum::<u64>(), 6);
    assert_eq!(bench.plane.stats().packets_in, 6);
    // Not from any address.
    bench.up_in_parts(&mut far, 0x21, &udp(HOST, HOST, 900, true));
    assert_eq!(bench.plane.stats().dropped(Cause::Spoofed), 1);
    // Without parts over a further link they are the head's too.
    let packet = udp(SUBSCRIBER, HOST, 60, true);
    assert_eq!(bench.up_over(3, &frame_of(&packet)), Up::Passed);
    assert_eq!(bench.left.host.pop(), Some(packet));
    assert_eq!(bench.of(3).octets_in, octets[2] + 60);
    // IPv6 likewise.
    let packet = udp6(v6(7), v6(8), 100);
    bench.up_in_parts(&mut far, 0x57, &packet);
    let mut frame = vec![0xff, 3, 0, 0x57];
    frame.extend_from_slice(&packet);
    assert_eq!(bench.up_over(2, &frame), Up::Passed);
    assert_eq!(bench.left.host.split_off(6), [packet.clone(), packet]);
}

#[test]
fn packets_leave_over_all_links_and_are_counted_there() {
    let (mut bench, bundle, mut far) = bundled();
    let mut out = Vec::new();
    for size in [60, 1500, 200, 1614, 1000, 28] {
        let packet = udp(HOST, SUBSCRIBER, size, true);
        bench.down(&packet).unwrap();
        out.push(packet);
    }
    let messages = std::mem::take(&mut bench.left.messages);
    let (mut got, mut whole) = (Vec::new(), Vec::new());
    let mut carried = [0; 3];
    for (_, message) in &messages {
        let number = message[5] - 1;
        let frame = Frame::parse(&message[6..]).unwrap();
        carried[usize::from(number)] += frame.information.len() as u64 - 4;
        let given = far.receive(bench.now, MemberId(number), frame.information);
        got.extend(given.map(<[u8]>::to_vec));
        while far.poll_packet(&mut whole) {
            got.push(whole.clone());
        }
    }
    assert!(got.iter().all(|packet| packet[..2] == [0, 0x21]));
    assert_eq!(
        got.iter().map(|packet| &packet[2..]).collect::<Vec<_>>(),
        out
    );
    let octets: u64 = out.iter().map(|packet| packet.len() as u64).sum();
    let counted = (1..=3).map(|session| bench.of(session).octets_out);
    assert_eq!(counted.sum::<u64>(), octets);
    // The numbers of the protocol are no octets of packets.
    assert_eq!(carried.iter().sum::<u64>(), octets + 2 * 6);
    assert_eq!(bench.plane.stats().octets_out, octets);
    // A link from which nothing comes is not used, unless there is no other.
    let packet = udp(HOST, SUBSCRIBER, 1200, true);
    bench.plane.set_ready(SessionId(2), false);
    bench.down(&packet).unwrap();
    let calls = |bench: &mut Bench| -> Vec<u8> {
        let messages = std::mem::take(&mut bench.left.messages);
        messages.iter().map(|(_, message)| message[5]).collect()
    };
    assert!(!calls(&mut bench).contains(&2));
    for session in [1, 3] {
        bench.plane.set_ready(SessionId(session), false);
    }
    bench.down(&packet).unwrap();
    assert_eq!(calls(&mut bench).len(), 3);
    // Nor one over which nothing came yet.
    for session in [1, 3] {
        bench.plane.set_ready(SessionId(session), true);
    }
    let join = |bench: &mut Bench| {
        let session = SessionId(2);
        assert!(bench.plane.join(bench.now, bundle, session, &MEMBER, false));
        bench.plane.set_ready(session, true);
    };
    join(&mut bench);
    bench.down(&packet).unwrap();
    assert!(!calls(&mut bench).contains(&2));
    bench.up_over(2, &[0xff, 3, 0, 0x3d, 0xc0, 0, 0, 0, 0x80, 0x21]);
    bench.down(&packet).unwrap();
    assert!(calls(&mut bench).contains(&2));
    // The head's call is gone, the others go on.
    bench.plane.leave(bench.now, SESSION);
    bench.down(&packet).unwrap();
    assert!(!calls(&mut bench).contains(&1));
    // Nobody is left.
    for session in [2, 3] {
        bench.plane.remove(SessionId(session));
    }
    bench.down(&packet).unwrap();
    assert_eq!(bench.plane.stats().dropped(Cause::NotOpen), 1);
    let named = bench.plane.bundle_stats();
    assert_eq!(named[0], ("multilink_packets_out", 11));
    bench.plane.close_bundle(bundle, SESSION);
    assert_eq!(bench.plane.bundle_stats(), named);
    bench.plane.update(SESSION, OPEN);
    bench.down(&packet).unwrap();
    assert_eq!(calls(&mut bench), [1]);
}

#[test]
fn control_protocols_in_parts_are_given_to_who_knows_them() {
    let (mut bench, _, mut far) = bundled();
    let ipcp = [1, 1, 0, 4];
    bench.up_in_parts(&mut far, 0x8021, &ipcp);
    let (session, frame) = bench.plane.poll_frame().unwrap();
    assert!((1..=3).contains(&session.0));
    assert_eq!(frame, [0x80, 0x21, 1, 1, 0, 4]);
    // An echo of LCP may come so, what changes the link, and parts in parts, may not.
    bench.up_in_parts(&mut far, 0xc021, &[9, 1, 0, 8, 0, 0, 0, 0]);
    assert_eq!(bench.plane.poll_frame().unwrap().1[2], 9);
    for (protocol, packet) in [
        (0xc021, [1, 1, 0, 4].as_slice()),
        (0xc021, &[5, 1, 0, 4]),
        (0xc023, &[1, 1, 0, 6, 0, 0]),
        (0x003d, &[0xc0, 0, 0, 9, 0, 0x21]),
    ] {
        bench.up_in_parts(&mut far, protocol, packet);
    }
    assert!(bench.plane.poll_frame().is_none());
    assert_eq!(bench.plane.stats().dropped(Cause::Frame), 4);
    // However many come, only some wait.
    for _ in 0..100 {
        bench.up_in_parts(&mut far, 0x8021, &ipcp);
    }
    assert_eq!(std::iter::from_fn(|| bench.plane.poll_frame()).count(), 64);
}

#[test]
fn a_lost_part_is_given_up_in_time() {
    let (mut bench, _, mut far) = bundled();
    let lost = udp(SUBSCRIBER, HOST, 60, true);
    far.send(bench.now, &[0x21], &lost, |_, _, _| {}).unwrap();
    // One link has sent something later, the others may still.
    let packet = udp(SUBSCRIBER, HOST, 100, true);
    bench.up_in_parts(&mut far, 0x21, &packet);
    assert!(bench.left.host.is_empty());
    let due = bench.plane.poll_timeout().unwrap();
    assert_eq!(due, bench.now + Duration::from_secs(1));
    bench.now = due;
    bench.plane.handle_timeout(due, &mut bench.left);
    assert_eq!(bench.left.host, std::slice::from_ref(&packet));
    assert_eq!(bench.plane.poll_timeout(), None);
    // A link that leaves is not waited for.
    far.send(bench.now, &[0x21], &lost, |_, _, _| {}).unwrap();
    far.leave(MemberId(2));
    let packet = udp(SUBSCRIBER, HOST, 1000, true);
    bench.up_in_parts(&mut far, 0x21, &packet);
    bench.up_in_parts(&mut far, 0x21, &packet);
    bench.plane.leave(bench.now, SessionId(3));
    let due = bench.plane.poll_timeout().unwrap();
    bench.plane.handle_timeout(due, &mut bench.left);
    assert_eq!(bench.left.host.len(), 3);
}

#[test]
fn the_rate_of_the_head_holds_for_all_links() {
    let (mut bench, _, mut far) = bundled();
    let session = SESSION;
    for direction in [Direction::In, Direction::Out] {
        bench.plane.set_throttle(bench.now, session, direction, 64);
    }
    for _ in 0..100 {
        bench.up_in_parts(&mut far, 0x21, &udp(SUBSCRIBER, HOST, 1000, true));
        let _ = bench.down(&udp(HOST, SUBSCRIBER, 1000, true));
    }
    // Two seconds' worth.
    assert_eq!(bench.left.host.len(), 16);
    for _ in 0..100 {
        bench.now += Duration::from_millis(100);
        bench.plane.handle_timeout(bench.now, &mut bench.left);
    }
    assert_eq!(bench.left.host.len(), 18);
    let octets = (1..=3).map(|session| bench.of(session).octets_in);
    assert_eq!(octets.sum::<u64>(), 18 * 1000);
    let octets = (1..=3).map(|session| bench.of(session).octets_out);
    assert_eq!(octets.sum::<u64>(), 18 * 1000);
}
