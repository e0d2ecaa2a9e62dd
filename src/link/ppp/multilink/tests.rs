//! Tests of the bundle: the rules one by one, then two bundles over bad lines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;
use wanbox_sim::{Clock, Random, for_each_seed};
use wanbox_wire::ppp::Frame;
use wanbox_wire::ppp::multilink::{Fragment, FragmentRepr};

use super::*;

mod receive;
mod simulation;

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
