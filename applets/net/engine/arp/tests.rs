use proptest::prelude::*;

use super::file::Record;
use super::*;

const REQUEST: [u8; 30] = [
    0x00, 0x03, 0x00, 0xcc, 0x07, 0x04, 0x00, 0x01, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x2c,
    0x80, 0x04, 0x04, 0, 0, 0, 0, 0, 0, 0, 0x2c, 0x80, 0x04, 0x05,
];
const REPLY: [u8; 30] = [
    0x00, 0x03, 0x00, 0xcc, 0x07, 0x04, 0x00, 0x02, 0x88, 0x96, 0x6a, 0xa6, 0x8e, 0x40, 0x60, 0x2c,
    0x80, 0x04, 0x05, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x61, 0x2c, 0x80, 0x04, 0x04,
];
const A: Ipv4Addr = Ipv4Addr::new(44, 128, 4, 4);
const B: Ipv4Addr = Ipv4Addr::new(44, 128, 4, 5);

fn call(word: &str) -> LinkAddress {
    LinkAddress::parse_call(word).unwrap()
}

fn us(word: &str, address: Ipv4Addr) -> Us {
    Us {
        hardware: Hardware::Ax25,
        link: call(word),
        address,
    }
}

fn start() -> Instant {
    wanbox_sim::Clock::new().now()
}

#[test]
fn request_and_reply_of_the_reference() {
    let now = start();
    let (mut a, mut b) = (Arp::default(), Arp::default());
    let (us_a, us_b) = (us("N0PRA", A), us("DK5SG", B));
    let (mut packet, mut answer) = (Vec::new(), Vec::new());
    assert_eq!(a.resolve(now, Hardware::Ax25, B, &[1, 2, 3]), Resolved::Ask);
    a.request(&us_a, B, &mut packet);
    assert_eq!(packet, REQUEST);
    assert_eq!(a.resolve(now, Hardware::Ax25, B, &[4]), Resolved::Backlog);
    let outcome = b.receive(now, &us_b, &|address| address == B, &packet, &mut answer);
    assert_eq!(answer, REPLY);
    assert_eq!(
        outcome,
        Outcome {
            answer: Some(call("N0PRA")),
            released: None
        }
    );
    assert_eq!(
        b.resolve(now, Hardware::Ax25, A, &[]),
        Resolved::To(call("N0PRA")),
        "it has learned the asker"
    );
    let outcome = a.receive(now, &us_a, &|address| address == A, &answer, &mut packet);
    assert_eq!(
        outcome,
        Outcome {
            answer: None,
            released: Some((vec![1, 2, 3], call("DK5SG")))
        }
    );
    assert_eq!(
        a.resolve(now, Hardware::Ax25, B, &[]),
        Resolved::To(call("DK5SG"))
    );
    assert_eq!(
        (a.stats.requests_out, a.stats.replies, a.stats.backlog),
        (1, 1, 1)
    );
    assert_eq!((b.stats.requests_in, b.stats.answers), (1, 1));
}

#[test]
fn what_cannot_be_is_not_believed() {
    let now = start();
    let us = us("DK5SG", B);
    let mut arp = Arp::default();
    let mut answer = Vec::new();
    let mut told = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = REQUEST.to_vec();
        change(&mut packet);
        let outcome = arp.receive(now, &us, &|address| address == B, &packet, &mut answer);
        assert_eq!(outcome, Outcome::default());
        (arp.stats.bad_type, arp.stats.bad_len, arp.stats.bad_addr)
    };
    assert_eq!(told(&|packet| packet[1] = 1), (1, 0, 0));
    assert_eq!(told(&|packet| packet[3] = 0), (2, 0, 0));
    assert_eq!(told(&|packet| packet[4] = 6), (2, 1, 0));
    assert_eq!(told(&|packet| packet[5] = 3), (2, 2, 0));
    assert_eq!(told(&|packet| packet.truncate(29)), (2, 3, 0));
    assert_eq!(told(&|packet| packet[15..19].fill(0)), (2, 3, 1));
    assert_eq!(told(&|packet| packet[26..30].fill(0)), (2, 3, 2));
    assert_eq!(
        told(&|packet| packet[8..15].copy_from_slice(Hardware::Ax25.broadcast().octets())),
        (2, 3, 3)
    );
    assert_eq!(told(&|packet| packet[18] = 5), (2, 3, 4), "our own address");
    assert!(arp.listed().is_empty());
}

#[test]
fn permanent_and_published_entries() {
    let now = start();
    let mut arp = Arp::default();
    let us = us("DB0AAA", Ipv4Addr::new(44, 1, 1, 1));
    let mut answer = Vec::new();
    let receive = |arp: &mut Arp, packet: &[u8], answer: &mut Vec<u8>| {
        arp.receive(now, &us, &|address| address == us.address, packet, answer)
    };
    assert_eq!(receive(&mut arp, &REQUEST, &mut answer), Outcome::default());
    assert!(
        arp.listed().is_empty(),
        "a request for somebody else teaches nothing new"
    );
    arp.add(Hardware::Ax25, B, call("DB0PUB-1"), true);
    arp.add(Hardware::Ax25, A, call("KNOWN"), false);
    let outcome = receive(&mut arp, &REQUEST, &mut answer);
    assert_eq!(outcome.answer, Some(call("N0PRA")));
    assert_eq!(answer[8..15], *call("DB0PUB-1").octets());
    assert_eq!(
        arp.resolve(now, Hardware::Ax25, A, &[]),
        Resolved::To(call("KNOWN"))
    );
    // RARP: which address does that callsign have?
    let mut reverse = REQUEST;
    reverse[7] = 3;
    reverse[19..26].copy_from_slice(call("DB0PUB-1").octets());
    assert_eq!(
        receive(&mut arp, &reverse, &mut answer).answer,
        Some(call("N0PRA"))
    );
    assert_eq!((answer[7], &answer[26..30]), (4, &B.octets()[..]));
    arp.flush();
    assert_eq!(arp.listed().len(), 2);
    assert!(arp.drop(Hardware::Ax25, A) && !arp.drop(Hardware::Ax25, A));
    assert_eq!(arp.resolve(now, Hardware::NetRom, A, &[]), Resolved::Nobody);
}

#[test]
fn nobody_answers() {
    let mut now = start();
    let mut arp = Arp::default();
    let mut lost = Vec::new();
    assert_eq!(
        arp.resolve(now, Hardware::Ax25, B, &[1, 2, 3]),
        Resolved::Ask
    );
    assert_eq!(arp.poll_timeout(), Some(now + PENDING));
    now += PENDING;
    arp.handle_timeout(now, &mut lost);
    assert_eq!(lost, [vec![1, 2, 3]]);
    assert!(arp.listed().is_empty() && arp.poll_timeout().is_none());
    // Learned addresses hold, and each hearing holds them longer.
    arp.learn(now, Hardware::Ax25, B, call("DK5SG"));
    now += Duration::from_secs(LEARNED - 1);
    arp.learn(now, Hardware::Ax25, B, call("DK5SG-1"));
    now += Duration::from_secs(2);
    arp.handle_timeout(now, &mut lost);
    assert_eq!(
        arp.get(Hardware::Ax25, B).unwrap().seconds_left(now),
        LEARNED - 2
    );
    assert_eq!(
        arp.resolve(now, Hardware::Ax25, B, &[]),
        Resolved::To(call("DK5SG-1"))
    );
}

#[test]
fn strangers_do_not_fill_memory() {
    let now = start();
    let mut arp = Arp::default();
    for number in 0..20_000u32 {
        arp.resolve(
            now,
            Hardware::Ax25,
            Ipv4Addr::from_bits(0x2c00_0001 + number),
            &[0; 100],
        );
    }
    assert_eq!(arp.listed().len(), MOST_ENTRIES);
    assert_eq!(arp.stats.table_full, 20_000 - MOST_ENTRIES as u64);
    for _ in 0..20_000 {
        arp.flush();
        arp.resolve(now, Hardware::Ax25, A, &[0; 100]);
    }
    assert!(arp.timers.len() < 100);
}

const FILE: [u8; 24] = [
    0x03, 0x05, 0x04, 0x80, 0x2c, 0x03, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x23, 0xab, 0x31, 0x88, 0x96,
    0x6a, 0xa6, 0x8e, 0x40, 0x60,
];

#[test]
fn the_state_file_of_the_reference() {
    let record = Record {
        address: B,
        hardware: Hardware::Ax25,
        published: false,
        expires: 833_299_200,
        link: call("DK5SG"),
    };
    assert_eq!(file::parse(&FILE), (vec![record], None));
    assert_eq!(file::format(&[record]), FILE);
    let mut old = vec![2];
    old.extend(&FILE[1..6]);
    old.extend([0, 0, 0]);
    old.extend(&FILE[13..]);
    assert_eq!(file::parse(&old), (vec![record], None));
    let now = start();
    let mut arp = Arp::default();
    assert_eq!(arp.load(now, 833_299_200, &[record]), 0);
    assert_eq!(arp.load(now, 833_299_100, &[record, record]), 1);
    assert_eq!(arp.records(now, 833_299_100), [record]);
    arp.add(Hardware::Ax25, A, call("X"), false);
    assert_eq!(arp.records(now, 0).len(), 1);
}

proptest! {
    #[test]
    fn any_packet_and_file(mut octets in prop::collection::vec(any::<u8>(), 0..64), like in 0..3) {
        if like > 0 && octets.len() >= 8 {
            octets[..8].copy_from_slice(&REQUEST[..8]);
            octets[7] &= 7;
        }
        let us = us("DK5SG", B);
        let (mut arp, mut answer) = (Arp::default(), Vec::new());
        arp.add(Hardware::Ax25, A, call("A"), true);
        arp.receive(start(), &us, &|address| address == B, &octets, &mut answer);
        prop_assert!(arp.listed().len() <= 2);
        file::fuzz_arp_file(&octets);
        let mut like_file = FILE.to_vec();
        like_file.extend(octets);
        file::fuzz_arp_file(&like_file);
    }
}
