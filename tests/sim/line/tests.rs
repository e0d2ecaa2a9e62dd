//! Tests of the line.

use super::*;
use crate::clock::Clock;

/// Sends numbered frames a millisecond apart and returns the numbers in order of arrival.
fn numbers(seed: u64, impairments: Impairments, count: u32) -> (Vec<u32>, Counters) {
    let mut clock = Clock::new();
    let mut line = Line::new(&mut Random::new(seed), impairments);
    let mut octets = Vec::new();
    let mut arrived = Vec::new();
    let mut collect = |line: &mut Line, now| {
        while let Some(end) = line.deliver(now, &mut octets) {
            assert_eq!(end, End::B);
            arrived.push(u32::from_be_bytes(octets[..4].try_into().unwrap()));
        }
    };
    for number in 0..count {
        line.send(clock.now(), End::A, &number.to_be_bytes());
        collect(&mut line, clock.now());
        clock.advance(Duration::from_millis(1));
    }
    while let Some(next) = line.poll_timeout() {
        clock.advance_to(next);
        collect(&mut line, clock.now());
    }
    (arrived, line.counters(End::A))
}

fn bad() -> Impairments {
    Impairments {
        loss: 0.2,
        duplication: 0.1,
        reordering: 0.3,
        jitter: Duration::from_millis(20),
        ..Impairments::NONE
    }
}

#[test]
fn a_perfect_line_keeps_everything_in_order() {
    let (arrived, counters) = numbers(1, Impairments::NONE, 1000);
    assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
    assert_eq!((counters.sent, counters.delivered), (1000, 1000));
}

#[test]
fn one_seed_one_history() {
    assert_eq!(numbers(5, bad(), 2000), numbers(5, bad(), 2000));
    assert_ne!(numbers(5, bad(), 2000).0, numbers(6, bad(), 2000).0);
}

#[test]
fn rates_come_out_as_asked_and_nothing_is_unaccounted_for() {
    let (arrived, counters) = numbers(11, bad(), 50_000);
    let share = |count: u64| count as f64 / 50_000.0;
    assert!((share(counters.lost) - 0.2).abs() < 0.01, "{counters:?}");
    assert!((share(counters.duplicated) - 0.08).abs() < 0.01);
    assert!((share(counters.reordered) - 0.88 * 0.3).abs() < 0.01);
    assert_eq!(
        counters.delivered,
        counters.sent - counters.lost + counters.duplicated
    );
    assert_eq!(arrived.len() as u64, counters.delivered);
    assert!(
        arrived.windows(2).any(|pair| pair[0] > pair[1]),
        "later frames overtake"
    );
}

#[test]
fn a_corrupted_frame_differs_in_one_bit() {
    let clock = Clock::new();
    let impairments = Impairments {
        corruption: 1.0,
        delay: Duration::ZERO,
        ..Impairments::NONE
    };
    let mut line = Line::new(&mut Random::new(2), impairments);
    let mut octets = Vec::new();
    for _ in 0..100 {
        line.send(clock.now(), End::B, &[0; 30]);
        assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::A));
        let ones: u32 = octets.iter().map(|octet| octet.count_ones()).sum();
        assert_eq!((octets.len(), ones), (30, 1));
    }
    line.send(clock.now(), End::B, &[]);
    assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::A));
    assert!(octets.is_empty());
}

#[test]
fn the_delay_is_exact() {
    let mut clock = Clock::new();
    let mut line = Line::new(
        &mut Random::new(2),
        Impairments {
            delay: Duration::from_millis(250),
            ..Impairments::NONE
        },
    );
    let mut octets = Vec::new();
    line.send(clock.now(), End::A, b"x");
    clock.advance(Duration::from_millis(249));
    assert_eq!(line.deliver(clock.now(), &mut octets), None);
    clock.advance(Duration::from_millis(1));
    assert_eq!(line.poll_timeout(), Some(clock.now()));
    assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::B));
    assert_eq!(line.poll_timeout(), None);
}

#[test]
fn a_cut_line_carries_nothing_and_forgets_what_was_under_way() {
    let mut clock = Clock::new();
    let mut line = Line::new(&mut Random::new(2), Impairments::NONE);
    let mut octets = Vec::new();
    line.send(clock.now(), End::A, b"under way");
    line.cut();
    line.send(clock.now(), End::A, b"into the cut");
    line.join();
    line.send(clock.now(), End::A, b"after");
    clock.advance(Duration::from_millis(1));
    assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::B));
    assert_eq!(octets, b"after");
    assert_eq!(line.deliver(clock.now(), &mut octets), None);
    assert_eq!(line.counters(End::A).cut, 2);
}

#[test]
fn a_looped_end_hears_itself_and_nobody_else() {
    let mut clock = Clock::new();
    let mut line = Line::new(&mut Random::new(2), Impairments::NONE);
    let mut octets = Vec::new();
    line.set_looped(End::A, true);
    line.send(clock.now(), End::A, b"me");
    line.send(clock.now(), End::B, b"you");
    clock.advance(Duration::from_millis(1));
    assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::A));
    assert_eq!(octets, b"me");
    assert_eq!(line.deliver(clock.now(), &mut octets), None);
    line.set_looped(End::A, false);
    line.send(clock.now(), End::A, b"me");
    clock.advance(Duration::from_millis(1));
    assert_eq!(line.deliver(clock.now(), &mut octets), Some(End::B));
}

#[test]
fn memory_is_bounded() {
    let clock = Clock::new();
    let mut line = Line::new(&mut Random::new(2), Impairments::NONE);
    for _ in 0..Line::CAPACITY + 10 {
        line.send(clock.now(), End::A, b"flood");
    }
    assert_eq!(line.under_way(), Line::CAPACITY);
    assert_eq!(line.counters(End::A).overflowed, 10);
}

#[test]
#[should_panic(expected = "loss: 1.5 is not a probability")]
fn a_wrong_probability_is_refused() {
    let impairments = Impairments {
        loss: 1.5,
        ..Impairments::NONE
    };
    drop(Line::new(&mut Random::new(0), impairments));
}
