use super::*;

use proptest::prelude::*;

/// Ten packets of 1500 octets over 28,800 and 14,400 bit/s in 32-bit words, with one tick after
/// the sixth.
#[test]
fn ten_packets_of_a_32_bit_kernel() {
    let mut driver = Replay::new(Word::Bits32);
    driver.enslave("ppp0", 28_800);
    driver.enslave("ppp1", 14_400);
    let expect = |driver: &mut Replay, name, load| {
        assert_eq!(driver.send(1500), Some((name, load)));
    };
    expect(&mut driver, "ppp0", 0x7fff_f1f0);
    expect(&mut driver, "ppp1", 0x7fff_f8f8);
    expect(&mut driver, "ppp0", 0x8000_20d0);
    expect(&mut driver, "ppp1", 0x8000_27d8);
    expect(&mut driver, "ppp0", 0x8000_4fb0);
    expect(&mut driver, "ppp1", 0x8000_56b8);
    assert_eq!(driver.queued("ppp0"), Some(4500));
    assert_eq!(driver.queued("ppp1"), Some(4500));
    driver.tick();
    assert_eq!(driver.queued("ppp0"), Some(900));
    assert_eq!(driver.queued("ppp1"), Some(2700));
    expect(&mut driver, "ppp0", 0x8000_0e10);
    expect(&mut driver, "ppp0", 0x8000_3cf0);
    expect(&mut driver, "ppp1", 0x8000_4d58);
    expect(&mut driver, "ppp0", 0x8000_6bd0);
}

#[test]
fn the_newest_wins_a_tie_and_is_first_in_the_list() {
    let mut driver = Replay::new(Word::Bits64);
    driver.enslave("sl0", 9600);
    driver.enslave("sl1", 9600);
    assert!(driver.slaves().eq(["sl1", "sl0"]));
    assert_eq!(driver.send(576), Some(("sl1", (1 << 63) - 1200)));
    assert_eq!(driver.send(576), Some(("sl0", (1 << 63) - 1200)));
    assert_eq!(driver.send(576), Some(("sl1", (1 << 63) - 1200 + 8 * 576)));
    // Enslaved again it is new.
    driver.enslave("sl0", 9600);
    assert!(driver.slaves().eq(["sl0", "sl1"]));
    assert_eq!(driver.queued("sl0"), Some(0));
}

#[test]
fn the_dead_are_buried_and_without_slaves_packets_are_dropped() {
    let mut driver = Replay::new(Word::Bits64);
    assert_eq!(driver.send(100), None);
    driver.enslave("sl0", 9600);
    driver.enslave("sl1", 19_200);
    assert!(driver.set_up("sl1", false));
    assert_eq!(driver.slaves().count(), 2);
    assert_eq!(driver.send(100).map(|(name, _)| name), Some("sl0"));
    assert!(driver.slaves().eq(["sl0"]));
    assert!(!driver.set_up("sl1", true));
    driver.set_up("sl0", false);
    driver.tick();
    assert_eq!(driver.slaves().count(), 0);
    assert_eq!(driver.send(100), None);
    assert!(!driver.emancipate("sl0"));
}

#[test]
fn a_new_rate_keeps_what_is_queued() {
    let mut driver = Replay::new(Word::Bits64);
    driver.enslave("sl0", 9600);
    driver.send(1000);
    assert!(driver.set_rate("sl0", 800));
    assert_eq!(driver.queued("sl0"), Some(1000));
    driver.tick();
    assert_eq!(driver.queued("sl0"), Some(900));
    assert!(!driver.set_rate("sl9", 800));
}

#[test]
fn rates_below_eight_never_drain() {
    let mut gauge = Gauge::new(7);
    for _ in 0..40_000 {
        gauge.sent(65_535);
    }
    gauge.drain(u64::MAX);
    assert_eq!(gauge.queued(), i32::MAX as u64);
}

/// The sheet's formula once more, word by word, with nothing of the module but its slaves: rate
/// divided by 8, a list with the newest first, wrapping words.
fn straightforward(c: u128, list: &mut [(u64, u64, u64)], len: u64) -> Option<usize> {
    let range = c * 2;
    let mut smallest: Option<(u128, usize)> = None;
    for (place, &(_, bytes_per_second, queued)) in list.iter().enumerate() {
        let load =
            (c + range - u128::from(bytes_per_second) % range + 8 * u128::from(queued)) % range;
        if load != range - 1 && smallest.is_none_or(|(other, _)| load < other) {
            smallest = Some((load, place));
        }
    }
    let (_, place) = smallest?;
    list[place].2 += len;
    Some(place)
}

#[derive(Clone, Debug)]
enum Step {
    Enslave(u64),
    Release(usize),
    Send(u16),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => prop_oneof![1..200_000_u64, 1..10_000_000_000_u64].prop_map(Step::Enslave),
        1 => (0..8_usize).prop_map(Step::Release),
        20 => (20..=1500_u16).prop_map(Step::Send),
        3 => Just(Step::Tick),
    ]
}

proptest! {
    #[test]
    fn agrees_with_the_formula(
        narrow in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..600),
    ) {
        let (word, c) = if narrow { (Word::Bits32, 1 << 31) } else { (Word::Bits64, 1 << 63) };
        let mut driver = Replay::new(word);
        let mut list: Vec<(u64, u64, u64)> = Vec::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Enslave(bps) if list.len() < 4 => {
                    driver.enslave(&next.to_string(), bps);
                    list.insert(0, (next, bps / 8, 0));
                    next += 1;
                }
                Step::Enslave(_) => {}
                Step::Release(place) if place < list.len() => {
                    let (name, ..) = list.remove(place);
                    prop_assert!(driver.emancipate(&name.to_string()));
                }
                Step::Release(_) => {}
                Step::Send(len) => {
                    let place = straightforward(c, &mut list, len.into());
                    let name = place.map(|place| list[place].0.to_string());
                    let sent = driver.send(len.into()).map(|(name, _)| name.to_owned());
                    prop_assert_eq!(sent, name);
                }
                Step::Tick => {
                    driver.tick();
                    for (_, rate, queued) in &mut list {
                        *queued = queued.saturating_sub(*rate);
                    }
                }
            }
            for (name, _, queued) in &list {
                prop_assert_eq!(driver.queued(&name.to_string()), Some(*queued));
            }
        }
    }
}
