use proptest::prelude::*;
use wanbox_sim::Random;
use wanbox_wire::ip::{Fragments, Ipv4Repr};

use super::*;

fn datagram(ident: u16, src: u32, payload: usize) -> Vec<u8> {
    let mut octets = vec![0; 20 + payload];
    Ipv4Repr {
        tos: 0,
        ident,
        dont_fragment: false,
        ttl: 9,
        protocol: 17,
        src: src.into(),
        dst: Ipv4Addr::new(10, 0, 0, 1),
        payload_len: payload as u16,
    }
    .emit(&mut octets)
    .unwrap();
    for (at, octet) in octets[20..].iter_mut().enumerate() {
        *octet = (at * 7 + at / 256) as u8;
    }
    octets
}

fn cut(datagram: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let mut fragments = Fragments::new(Ipv4::parse(datagram).unwrap(), mtu).unwrap();
    let (mut all, mut one) = (Vec::new(), Vec::new());
    while fragments.next_into(&mut one) {
        all.push(one.clone());
    }
    all
}

fn add(reassembly: &mut Reassembly, now: Instant, fragment: &[u8]) -> Outcome {
    let outcome = reassembly.add(now, &Ipv4::parse(fragment).unwrap(), false);
    let sum: usize = reassembly
        .partial
        .values()
        .map(|partial| partial.cost)
        .sum();
    assert_eq!(sum, reassembly.memory);
    assert!(reassembly.memory <= MOST_MEMORY);
    outcome
}

fn start() -> Instant {
    wanbox_sim::Clock::new().now()
}

#[test]
fn any_order_doubled_and_overlapping() {
    wanbox_sim::for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let payload = 1 + random.below(3000) as usize;
        let whole = datagram(7, 1, payload);
        // Two ways to cut the same datagram overlap each other with the same octets.
        let mut fragments = cut(&whole, 28 + random.below(600) as usize);
        fragments.extend(cut(&whole, 28 + random.below(600) as usize));
        if fragments.len() < 4 {
            return;
        }
        for at in (1..fragments.len()).rev() {
            fragments.swap(at, random.below(at as u64 + 1) as usize);
        }
        let mut reassembly = Reassembly::default();
        let done =
            fragments
                .iter()
                .find_map(|fragment| match add(&mut reassembly, start(), fragment) {
                    Outcome::Whole(done) => Some(done),
                    Outcome::Waiting => None,
                    Outcome::Refused => panic!("nothing contradicts itself"),
                });
        assert_eq!(done.unwrap(), whole);
    });
}

#[test]
fn what_was_there_stays_before_and_makes_room_behind() {
    let whole = datagram(7, 1, 48);
    let piece = |at: usize, len: usize, fill: u8, more: bool| {
        let mut octets = whole[..20].to_vec();
        octets.extend(vec![fill; len]);
        octets[2..4].copy_from_slice(&(20 + len as u16).to_be_bytes());
        let word = (at / 8) as u16 | if more { 0x2000 } else { 0 };
        octets[6..8].copy_from_slice(&word.to_be_bytes());
        octets
    };
    let mut reassembly = Reassembly::default();
    for (at, len, fill, more) in [(0, 16, 1, true), (24, 16, 2, true), (8, 24, 3, true)] {
        assert_eq!(
            add(&mut reassembly, start(), &piece(at, len, fill, more)),
            Outcome::Waiting
        );
    }
    let pieces: Vec<_> = reassembly.listed()[0].1.pieces().collect();
    assert_eq!(pieces, [(0, 16), (16, 32), (32, 40)]);
    // A piece that swallows the last one that waits.
    let Outcome::Whole(done) = add(&mut reassembly, start(), &piece(24, 24, 4, false)) else {
        panic!("all is there");
    };
    assert_eq!(done[20..36], [1; 16]);
    assert_eq!(done[36..52], [3; 16]);
    assert_eq!(done[52..68], [4; 16]);
    assert_eq!(reassembly.memory(), 0);
}

#[test]
fn contradictions_end_a_datagram() {
    let whole = datagram(7, 1, 48);
    let fragments = cut(&whole, 36);
    let mut changed = fragments[0].clone();
    changed[2..4].copy_from_slice(&35u16.to_be_bytes());
    let mut reassembly = Reassembly::default();
    add(&mut reassembly, start(), &fragments[1]);
    assert_eq!(
        add(&mut reassembly, start(), &changed),
        Outcome::Refused,
        "no whole blocks"
    );
    assert!(reassembly.listed().is_empty());
    // The ping of death: an end beyond the longest datagram.
    let mut beyond = fragments[2].clone();
    beyond[6..8].copy_from_slice(&0x1fffu16.to_be_bytes());
    assert_eq!(add(&mut reassembly, start(), &beyond), Outcome::Refused);
    // Behind the last.
    add(&mut reassembly, start(), &fragments[2]);
    let mut behind = fragments[2].clone();
    behind[6..8].copy_from_slice(&8u16.to_be_bytes());
    assert_eq!(add(&mut reassembly, start(), &behind), Outcome::Refused);
}

#[test]
fn waiting_ends_and_memory_is_bounded() {
    let now = start();
    let mut reassembly = Reassembly::default();
    let mut quotes = Vec::new();
    let (first, second) = (cut(&datagram(1, 1, 100), 60), cut(&datagram(2, 2, 100), 60));
    add(&mut reassembly, now, &first[0]);
    add(&mut reassembly, now + Duration::from_secs(10), &second[1]);
    assert_eq!(
        reassembly.handle_timeout(now + Duration::from_secs(30), &mut quotes),
        1
    );
    assert_eq!(quotes, [first[0][..28].to_vec()]);
    assert_eq!(
        reassembly.handle_timeout(reassembly.poll_timeout().unwrap(), &mut quotes),
        1
    );
    assert_eq!(
        (quotes.len(), reassembly.memory(), reassembly.poll_timeout()),
        (1, 0, None)
    );
    for number in 0..1000 {
        add(&mut reassembly, now, &cut(&datagram(number, 1, 100), 60)[0]);
    }
    assert_eq!(reassembly.listed().len(), MOST_OF_SOURCE);
    for number in 0..3000 {
        add(
            &mut reassembly,
            now,
            &cut(&datagram(1, number, 9000), 8000)[0],
        );
    }
    assert!(reassembly.memory() > MOST_MEMORY / 2);
}

proptest! {
    #[test]
    fn any_fragments(
        pieces in prop::collection::vec((0u16..20, 0usize..40, any::<bool>(), 0u16..2), 0..60),
    ) {
        let mut reassembly = Reassembly::default();
        for (offset, len, more, ident) in pieces {
            let mut octets = datagram(ident, 5, len);
            octets[6..8].copy_from_slice(&(offset | if more { 0x2000 } else { 0 }).to_be_bytes());
            if let Outcome::Whole(whole) = add(&mut reassembly, start(), &octets) {
                let parsed = Ipv4::parse(&whole).unwrap();
                prop_assert!(parsed.checksum_is_valid() && !parsed.is_fragment());
                prop_assert_eq!(parsed.octets().len(), whole.len());
            }
        }
    }
}
