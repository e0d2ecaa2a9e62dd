//! Tests of the bundle: the rules one by one, then two bundles over bad lines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;
use wanbox_sim::{Clock, Random, for_each_seed};
use wanbox_wire::ppp::Frame;
use wanbox_wire::ppp::multilink::{Fragment, FragmentRepr};

use super::*;

fn now() -> Instant {
    Clock::new().now()
}

fn link(rate_bps: u64) -> MemberConfig {
    MemberConfig {
        rate_bps,
        mru: 1500,
        acfc: false,
        pfc: false,
    }
}

fn bundle(config: Config, members: usize) -> (Bundle, Vec<MemberId>) {
    let mut bundle = Bundle::new(config).unwrap();
    let ids = (0..members)
        .map(|_| bundle.join(now(), &link(64_000)).unwrap())
        .collect();
    (bundle, ids)
}

fn fragment(format: Format, sequence: u32, begin: bool, end: bool, data: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let header = FragmentRepr {
        begin,
        end,
        sequence: sequence & format.mask(),
    };
    header.append(format, &mut octets);
    octets.extend_from_slice(data);
    octets
}

/// Gives a fragment to a bundle and returns every packet that comes out.
fn give(bundle: &mut Bundle, at: Instant, id: MemberId, octets: &[u8]) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = bundle
        .receive(at, id, octets)
        .map(<[u8]>::to_vec)
        .into_iter()
        .collect();
    let mut packet = Vec::new();
    while bundle.poll_packet(&mut packet) {
        packets.push(packet.clone());
    }
    packets
}

/// What `send` gave: member, sequence, begin, end, data with the protocol.
type Sent = (u8, u32, bool, bool, Vec<u8>);

fn send(bundle: &mut Bundle, at: Instant, octets: usize) -> Vec<Sent> {
    let mut sent = Vec::new();
    let format = bundle.config().send_format;
    let information = vec![0x5a; octets];
    bundle
        .send(at, &[0x00, 0x21], &information, |id, head, data| {
            let frame = [head, data].concat();
            let frame = Frame::parse(&frame).unwrap();
            assert_eq!(frame.protocol, Protocol::MULTILINK);
            let fragment = Fragment::parse(format, frame.information).unwrap();
            let header = fragment.header;
            sent.push((
                id.0,
                header.sequence,
                header.begin,
                header.end,
                fragment.data.to_vec(),
            ));
        })
        .unwrap();
    sent
}

#[test]
fn ranges_are_checked() {
    let whole = Config::default();
    for config in [
        Config {
            receive_limit: 63,
            ..whole
        },
        Config {
            send_limit: 65_536,
            ..whole
        },
        Config {
            min_fragment: 15,
            ..whole
        },
        Config {
            max_fragments: 1025,
            ..whole
        },
        Config {
            max_octets: 1499,
            ..whole
        },
        Config {
            patience: Duration::ZERO,
            ..whole
        },
    ] {
        let error = Bundle::new(config).unwrap_err();
        assert!(error.to_string().contains("allowed"), "{error}");
    }
}

#[test]
fn a_bundle_takes_sixteen_members() {
    let (mut bundle, ids) = bundle(Config::default(), MAX_MEMBERS);
    assert_eq!(bundle.join(now(), &link(0)), None);
    bundle.leave(ids[3]);
    assert_eq!(bundle.member_count(), 15);
    assert_eq!(bundle.join(now(), &link(0)), Some(ids[3]));
    bundle.leave(MemberId(200));
    assert!(bundle.member_stats(MemberId(200)).is_none());
}

#[test]
fn equal_members_get_halves() {
    let (mut bundle, _) = bundle(Config::default(), 2);
    let sent = send(&mut bundle, now(), 1000);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].4.len(), 501);
    assert_eq!(sent[1].4.len(), 501);
    assert_eq!(
        (sent[0].2, sent[0].3, sent[1].2, sent[1].3),
        (true, false, false, true)
    );
    assert_eq!((sent[0].1, sent[1].1), (0, 1));
    assert_eq!(sent[0].4[..2], [0x00, 0x21]);
}

#[test]
fn shares_follow_the_rates_and_what_waits() {
    let at = now();
    let mut bundle = Bundle::new(Config {
        min_fragment: 16,
        ..Config::default()
    })
    .unwrap();
    let slow = bundle.join(at, &link(64_000)).unwrap();
    let fast = bundle.join(at, &link(192_000)).unwrap();
    let octets = |sent: &[Sent], id: MemberId| -> usize {
        sent.iter().filter(|s| s.0 == id.0).map(|s| s.4.len()).sum()
    };
    let sent = send(&mut bundle, at, 998);
    assert_eq!(octets(&sent, slow), 250);
    assert_eq!(octets(&sent, fast), 750);
    // The slow one rests meanwhile, then has no backlog while the fast one is given more.
    bundle.set_ready(slow, false);
    let sent = send(&mut bundle, at, 998);
    assert_eq!(octets(&sent, fast), 1000);
    bundle.set_ready(slow, true);
    // 31.25 ms wait at the slow one, 72.9 ms at the fast one: the first 41.67 ms are the slow one's.
    let sent = send(&mut bundle, at, 998);
    let (first, second) = (octets(&sent, slow), octets(&sent, fast));
    assert_eq!(first + second, 1000);
    let ends = [31.25 + first as f64 / 8.0, 72.92 + second as f64 / 24.0];
    assert!((ends[0] - ends[1]).abs() < 1.0, "{ends:?}");
}

#[test]
fn small_packets_are_not_cut_and_take_turns() {
    let (mut bundle, _) = bundle(Config::default(), 3);
    let mut at = now();
    let mut order = Vec::new();
    for _ in 0..6 {
        let sent = send(&mut bundle, at, 100);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].2 && sent[0].3);
        order.push(sent[0].0);
        at += Duration::from_secs(1);
    }
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn one_member_carries_whole_packets() {
    let (mut bundle, ids) = bundle(Config::default(), 2);
    bundle.leave(ids[0]);
    let sent = send(&mut bundle, now(), 1400);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, ids[1].0);
}

#[test]
fn what_a_member_cannot_carry_at_once_is_cut() {
    let mut bundle = Bundle::new(Config::default()).unwrap();
    let small = MemberConfig {
        mru: 200,
        ..link(64_000)
    };
    bundle.join(now(), &small).unwrap();
    let sent = send(&mut bundle, now(), 1000);
    assert_eq!(sent.len(), 6);
    assert!(sent.iter().all(|s| s.4.len() <= 196));
    assert!(sent[0].2 && sent[5].3 && !sent[1].2 && !sent[1].3);
}

#[test]
fn refusals_say_why() {
    let (mut bundle, ids) = bundle(Config::default(), 1);
    let mut push = |_: MemberId, _: &[u8], _: &[u8]| panic!("nothing is sent");
    let packet = [0; 1501];
    let refused = bundle.send(now(), &[0x21], &packet, &mut push);
    assert_eq!(refused, Err(Unsent::TooLong { limit: 1500 }));
    bundle.set_ready(ids[0], false);
    assert!(!bundle.has_ready_member());
    let refused = bundle.send(now(), &[0x21], &packet[..100], &mut push);
    assert_eq!(refused, Err(Unsent::Busy));
    bundle.leave(ids[0]);
    let refused = bundle.send(now(), &[0x21], &packet[..100], &mut push);
    assert_eq!(refused, Err(Unsent::NoMember));
    let stats = bundle.stats();
    assert_eq!((stats.tx_too_long, stats.tx_no_member), (1, 1));
    assert_eq!(stats.tx_packets, 0);
}

#[test]
fn compressed_headers_are_written_where_they_were_agreed() {
    let mut bundle = Bundle::new(Config {
        send_format: Format::Short,
        ..Config::default()
    })
    .unwrap();
    let plain = MemberConfig {
        acfc: true,
        pfc: true,
        ..link(0)
    };
    bundle.join(now(), &plain).unwrap();
    let mut heads = Vec::new();
    let pushed = bundle.send(now(), &[0x21], b"packet", |_, head, data| {
        heads.push(head.to_vec());
        assert_eq!(data, b"packet");
    });
    assert_eq!(pushed, Ok(()));
    assert_eq!(heads, [[0x3d, 0xc0, 0x00, 0x21]]);
}

#[test]
fn a_packet_in_pieces_is_put_together() {
    for format in [Format::Long, Format::Short] {
        let config = Config {
            receive_format: format,
            ..Config::default()
        };
        let (mut bundle, ids) = bundle(config, 2);
        let at = now();
        let [one, two] = [ids[0], ids[1]];
        assert!(
            give(
                &mut bundle,
                at,
                two,
                &fragment(format, 1, false, false, b"bb")
            )
            .is_empty()
        );
        assert!(
            give(
                &mut bundle,
                at,
                two,
                &fragment(format, 3, true, true, b"next")
            )
            .is_empty()
        );
        assert!(
            give(
                &mut bundle,
                at,
                two,
                &fragment(format, 2, false, true, b"cc")
            )
            .is_empty()
        );
        let packets = give(
            &mut bundle,
            at,
            one,
            &fragment(format, 0, true, false, b"aa"),
        );
        assert_eq!(packets, [&b"aabbcc"[..], &b"next"[..]]);
        assert_eq!(bundle.waiting(), (0, 0));
        assert_eq!(bundle.stats().rx_packets, 2);
    }
}

#[test]
fn a_fragment_that_every_member_has_passed_is_lost() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    // 0 is lost; 1 ends its packet; 2 is whole.
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 1, false, true, b"x")
        )
        .is_empty()
    );
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 2, true, true, b"two")
        )
        .is_empty()
    );
    // The other member may still bring 0, until it has sent a later one.
    let packets = give(
        &mut bundle,
        at,
        ids[1],
        &fragment(format, 3, true, true, b"three"),
    );
    assert_eq!(packets, [&b"two"[..], &b"three"[..]]);
    let stats = bundle.stats();
    assert_eq!((stats.lost, stats.orphans, stats.timeouts), (1, 1, 0));
    assert!(
        give(
            &mut bundle,
            at,
            ids[1],
            &fragment(format, 0, true, false, b"y")
        )
        .is_empty()
    );
    assert_eq!(bundle.stats().late, 1);
}

#[test]
fn a_silent_member_delays_for_a_while_only() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    assert_eq!(bundle.poll_timeout(), None);
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 1, true, true, b"one")
        )
        .is_empty()
    );
    let deadline = bundle.poll_timeout().unwrap();
    assert_eq!(deadline, at + Duration::from_secs(1));
    bundle.handle_timeout(deadline - Duration::from_millis(1));
    let mut packet = Vec::new();
    assert!(!bundle.poll_packet(&mut packet));
    bundle.handle_timeout(deadline);
    assert!(bundle.poll_packet(&mut packet));
    assert_eq!(packet, b"one");
    assert_eq!((bundle.stats().timeouts, bundle.stats().lost), (1, 1));
    assert_eq!(bundle.poll_timeout(), None);
}

#[test]
fn a_packet_without_its_end_is_given_up_in_time() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 1);
    let at = now();
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 0, true, false, b"a")
        )
        .is_empty()
    );
    bundle.handle_timeout(at + Duration::from_secs(2));
    assert_eq!(bundle.waiting(), (0, 0));
    assert_eq!((bundle.stats().discarded, bundle.stats().timeouts), (1, 1));
    // And one whose end is a beginning.
    let later = at + Duration::from_secs(2);
    assert!(
        give(
            &mut bundle,
            later,
            ids[0],
            &fragment(format, 1, false, true, b"b")
        )
        .is_empty()
    );
    assert!(
        give(
            &mut bundle,
            later,
            ids[0],
            &fragment(format, 2, true, false, b"c")
        )
        .is_empty()
    );
    let packets = give(
        &mut bundle,
        later,
        ids[0],
        &fragment(format, 3, true, true, b"d"),
    );
    assert_eq!(packets, [b"d"]);
    assert_eq!((bundle.stats().orphans, bundle.stats().discarded), (1, 2));
}

#[test]
fn a_leaving_member_frees_what_waits_for_it() {
    let format = Format::Short;
    let config = Config {
        receive_format: format,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 1, true, true, b"one")
        )
        .is_empty()
    );
    bundle.leave(ids[1]);
    let mut packet = Vec::new();
    assert!(bundle.poll_packet(&mut packet));
    assert_eq!(packet, b"one");
    assert!(
        bundle
            .receive(at, ids[1], &fragment(format, 2, true, true, b"x"))
            .is_none()
    );
    assert_eq!(bundle.stats().rx_malformed, 1);
    bundle.leave(ids[0]);
    // Numbers begin anew with the first member.
    let id = bundle.join(at, &link(0)).unwrap();
    assert_eq!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 0, true, true, b"new")
        ),
        [b"new"]
    );
    assert_eq!(send(&mut bundle, at, 50)[0].1, 0);
}

#[test]
fn a_silent_member_is_not_ahead_when_numbers_come_around() {
    let format = Format::Short;
    let config = Config {
        receive_format: format,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    for sequence in 0..10_000 {
        let packets = give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, sequence, true, true, b"x"),
        );
        assert_eq!(packets.len(), 1, "{sequence}");
    }
    // 10000 is under way on the other member.
    assert!(
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, 10_001, true, true, b"b")
        )
        .is_empty()
    );
    let packets = give(
        &mut bundle,
        at,
        ids[1],
        &fragment(format, 10_000, true, true, b"a"),
    );
    assert_eq!(packets, [b"a", b"b"]);
}

#[test]
fn long_and_empty_packets_are_not_given_out() {
    let format = Format::Long;
    let config = Config {
        receive_limit: 64,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 1);
    let at = now();
    let id = ids[0];
    assert!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 0, true, true, &[1; 67])
        )
        .is_empty()
    );
    assert_eq!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 1, true, true, &[1; 66])
        )
        .len(),
        1
    );
    assert!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 2, true, false, &[1; 40])
        )
        .is_empty()
    );
    assert!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 3, false, true, &[1; 40])
        )
        .is_empty()
    );
    assert!(give(&mut bundle, at, id, &fragment(format, 4, true, true, &[])).is_empty());
    assert!(give(&mut bundle, at, id, &[0xc0, 0]).is_empty());
    assert_eq!(
        give(&mut bundle, at, id, &fragment(format, 5, true, true, b"!")),
        [b"!"]
    );
    let stats = bundle.stats();
    assert_eq!(
        (stats.rx_too_long, stats.rx_null, stats.rx_malformed),
        (2, 1, 1)
    );
    assert_eq!(stats.rx_packets, 2);
}

#[test]
fn duplicates_are_dropped() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    let second = fragment(format, 1, true, true, b"b");
    assert!(give(&mut bundle, at, ids[0], &second).is_empty());
    assert!(give(&mut bundle, at, ids[0], &second).is_empty());
    assert_eq!(bundle.stats().duplicates, 1);
    let first = fragment(format, 0, true, true, b"a");
    assert_eq!(give(&mut bundle, at, ids[1], &first), [b"a", b"b"]);
    assert!(give(&mut bundle, at, ids[1], &first).is_empty());
    assert_eq!(bundle.stats().late, 1);
}

#[test]
fn what_waits_is_bounded() {
    let format = Format::Long;
    let config = Config {
        max_fragments: 8,
        max_octets: 1500,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    // 0 never comes, and the other member says nothing.
    let mut packets = Vec::new();
    for sequence in 1..100 {
        let octets = fragment(format, sequence, true, true, &[sequence as u8; 10]);
        packets.extend(give(&mut bundle, at, ids[0], &octets));
        assert!(bundle.waiting().0 <= 8);
    }
    assert_eq!(packets.len(), 99, "only the missing one is given up");
    assert_eq!((bundle.stats().overflows, bundle.stats().lost), (1, 1));
    for sequence in 101..200 {
        let octets = fragment(format, sequence, true, true, &[sequence as u8; 700]);
        give(&mut bundle, at, ids[0], &octets);
        assert!(bundle.waiting().1 <= 1500);
    }
    // Far away: what lies between is lost.
    let octets = fragment(format, 100_000, true, true, b"far");
    assert!(give(&mut bundle, at, ids[0], &octets).is_empty());
    let octets = fragment(format, 100_001, true, true, b"away");
    assert_eq!(
        give(&mut bundle, at, ids[1], &octets),
        [&b"far"[..], &b"away"[..]]
    );
}

#[test]
fn a_peer_that_numbers_anew_is_followed() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    for sequence in 0..5000 {
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, sequence, true, true, b"old"),
        );
    }
    let mut got = 0;
    for sequence in 0..200 {
        let id = ids[sequence as usize % 2];
        got += give(
            &mut bundle,
            at,
            id,
            &fragment(format, sequence, true, true, b"new"),
        )
        .len();
    }
    // The numbers of the member that was silent do not go back, so only every second one tells.
    assert_eq!(got, 74);
    assert_eq!(bundle.stats().restarts, 1);
    // After a pause at once.
    let later = at + Duration::from_secs(2);
    let octets = fragment(format, 3, true, true, b"again");
    assert_eq!(give(&mut bundle, later, ids[0], &octets), [b"again"]);
    assert_eq!(bundle.stats().restarts, 2);
    // One that begins in the middle, too.
    let mut fresh = Bundle::new(Config::default()).unwrap();
    assert_eq!(fresh.join(at, &link(0)), Some(ids[0]));
    let octets = fragment(format, 9_999_999, true, true, b"first");
    assert_eq!(give(&mut fresh, at, ids[0], &octets), [b"first"]);
}

/// A fragment on its way: when it comes, a tie breaker, the member, its octets.
type Flight = Reverse<(Instant, u64, u8, Vec<u8>)>;

/// Two bundles, and lines between them that lose, double, delay and reorder.
#[test]
fn over_bad_lines_everything_that_arrived_in_time_comes_out_in_order() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let format = *random.pick(&[Format::Long, Format::Short]);
        let count = random.between(1, 4) as usize;
        let loss = *random.pick(&[0.0, 0.0, 0.01, 0.1, 0.3]);
        let doubled = *random.pick(&[0.0, 0.05]);
        let reordered = random.chance(0.3);
        let config = Config {
            send_format: format,
            receive_format: format,
            min_fragment: random.between(16, 300) as usize,
            max_fragments: 1024,
            max_octets: 16 << 20,
            patience: Duration::from_secs(10),
            ..Config::default()
        };
        let mut at = now();
        let mut sender = Bundle::new(config).unwrap();
        let mut receiver = Bundle::new(config).unwrap();
        let mut delays = Vec::new();
        for _ in 0..count {
            let rate = *random.pick(&[64_000, 128_000, 2_048_000, 0]);
            sender.join(at, &link(rate)).unwrap();
            receiver.join(at, &link(rate)).unwrap();
            delays.push(random.duration(Duration::from_millis(100)));
        }
        // Numbers that come around in the middle of the run.
        let start = format.mask() - random.below(100) as u32;
        sender.send_sequence = start;
        receiver.restart_at(start);

        let mut air: BinaryHeap<Flight> = BinaryHeap::new();
        let mut last = vec![at; count];
        let mut serial = 0;
        // By packet: the sequence numbers of its fragments, counted from 0.
        let mut packets: Vec<(Vec<u8>, Vec<u64>)> = Vec::new();
        let mut number = 0_u64;
        for _ in 0..random.between(20, 120) {
            at += random.duration(Duration::from_millis(5));
            let mut packet = vec![0; random.between(1, 1500) as usize];
            random.fill(&mut packet);
            let mut numbers = Vec::new();
            let mut whole = vec![0x21];
            whole.extend_from_slice(&packet);
            let mut flights = Vec::new();
            sender
                .send(at, &[0x21], &packet, |id, head, data| {
                    numbers.push(number);
                    number += 1;
                    flights.push((id.0, [&head[4..], data].concat()));
                })
                .unwrap();
            packets.push((whole, numbers));
            for (id, octets) in flights {
                let place = usize::from(id);
                let copies = 1 + u32::from(random.chance(doubled));
                for _ in 0..copies {
                    if random.chance(loss) {
                        continue;
                    }
                    let mut arrives = at + delays[place];
                    if reordered {
                        arrives += random.duration(Duration::from_millis(20));
                    } else {
                        arrives = arrives.max(last[place]);
                        last[place] = arrives;
                    }
                    serial += 1;
                    air.push(Reverse((arrives, serial, id, octets.clone())));
                }
            }
        }

        // What every member has passed, by the numbers counted from 0, as section 4.1 has it.
        let mut seen: Vec<i64> = vec![-1; count];
        let mut arrived: BTreeMap<u64, bool> = BTreeMap::new();
        let mut out = Vec::new();
        let mut heard = 0;
        while let Some(Reverse((arrives, _, id, octets))) = air.pop() {
            at = at.max(arrives);
            let sequence = Fragment::parse(format, &octets).unwrap().header.sequence;
            // The runs are shorter than half the numbers there are.
            let counted = u64::from(format.advance(sequence, 1 + format.mask() - start));
            let passed = *seen.iter().min().unwrap();
            heard += 1;
            arrived.entry(counted).or_insert(passed <= counted as i64);
            let member = &mut seen[usize::from(id)];
            *member = (*member).max(counted as i64);
            out.extend(give(&mut receiver, at, MemberId(id), &octets));
        }
        let mut packet = Vec::new();
        while receiver.poll_timeout().is_some() {
            receiver.handle_timeout(at + Duration::from_secs(3600));
            while receiver.poll_packet(&mut packet) {
                out.push(packet.clone());
            }
        }
        assert_eq!(receiver.waiting(), (0, 0));

        // Nothing is made up, doubled or out of order: what came out is a part of what was sent.
        let mut got = out.iter().peekable();
        for (whole, numbers) in &packets {
            let in_time = numbers.iter().all(|n| arrived.get(n) == Some(&true));
            if got.next_if(|packet| *packet == whole).is_none() {
                assert!(!in_time, "a packet that was all there in time is missing");
            }
        }
        assert_eq!(
            got.next(),
            None,
            "a packet that was not sent, or not in order"
        );

        let stats = receiver.stats();
        assert_eq!(stats.rx_fragments, heard);
        assert_eq!(
            (stats.overflows, stats.restarts, stats.rx_malformed),
            (0, 0, 0)
        );
        if loss == 0.0 && !reordered {
            assert_eq!(out.len(), packets.len());
            assert_eq!((stats.lost, stats.discarded, stats.orphans), (0, 0, 0));
        }
    });
}

#[test]
fn members_that_join_and_leave_cost_only_what_they_carried() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let mut at = now();
        let mut sender = Bundle::new(Config::default()).unwrap();
        let mut receiver = Bundle::new(Config::default()).unwrap();
        let mut members: Vec<MemberId> = Vec::new();
        let mut sent = 0_u32;
        let mut got = Vec::new();
        for step in 0..300 {
            at += Duration::from_millis(10);
            if step == 0 || members.len() < 4 && random.chance(0.05) {
                let id = sender.join(at, &link(64_000)).unwrap();
                assert_eq!(receiver.join(at, &link(64_000)), Some(id));
                members.push(id);
            } else if members.len() > 1 && random.chance(0.05) {
                let id = members.swap_remove(random.below(members.len() as u64) as usize);
                sender.leave(id);
                receiver.leave(id);
            }
            let mut packet = vec![0; random.between(4, 1500) as usize];
            packet[..4].copy_from_slice(&sent.to_be_bytes());
            sent += 1;
            let mut frames = Vec::new();
            let pushed = sender.send(at, &[0x21], &packet, |id, head, data| {
                frames.push((id, [&head[4..], data].concat()));
            });
            assert_eq!(pushed, Ok(()));
            for (id, octets) in frames {
                for packet in give(&mut receiver, at, id, &octets) {
                    got.push(u32::from_be_bytes(packet[1..5].try_into().unwrap()));
                }
            }
        }
        assert_eq!(got, (0..sent).collect::<Vec<_>>());
    });
}

proptest! {
    #[test]
    fn any_octets(input in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzz_bundle(now(), &input);
    }

    /// The shares are the whole packet, and no fragment but the rest of a member's share is short.
    #[test]
    fn shares_add_up(
        rates in proptest::collection::vec(1_u64..10_000_000_000, 1..16),
        sizes in proptest::collection::vec(1_usize..1500, 1..20),
        min_fragment in 16_usize..1000,
    ) {
        let at = now();
        let mut bundle = Bundle::new(Config { min_fragment, ..Config::default() }).unwrap();
        for rate in rates {
            bundle.join(at, &link(rate)).unwrap();
        }
        let mut sequence = 0;
        for size in sizes {
            let sent = send(&mut bundle, at, size);
            prop_assert_eq!(sent.iter().map(|s| s.4.len()).sum::<usize>(), size + 2);
            prop_assert!(sent[0].2 && sent[sent.len() - 1].3);
            if sent.len() > 1 && size + 2 < 1496 {
                prop_assert!(sent.iter().all(|s| s.4.len() >= min_fragment));
            }
            for fragment in sent {
                prop_assert_eq!(fragment.1, sequence);
                sequence += 1;
            }
        }
    }
}
