use super::*;

use std::time::{Duration, Instant};

use wanbox_sim::{Clock, Random, for_each_seed};

/// A sender and a receiver over a way that loses and reorders; how long the file took.
fn send(seed: u64, loss: f64, jitter: Duration) -> (Duration, Stats) {
    let size = 300_000;
    let mut random = Random::new(seed);
    let mut clock = Clock::new();
    let mut sender = Sender::new(size, 1_000, Duration::from_millis(100));
    let mut receiver = Receiver::default();
    let mut way: Vec<(Instant, Segment)> = Vec::new();
    while !sender.is_done() {
        let now = clock.now();
        let mut out = Vec::new();
        while let Some(segment) = sender.poll_transmit(now) {
            out.push(segment);
        }
        out.extend(receiver.handle_timeout(now).map(Segment::Ack));
        for segment in out {
            if !random.chance(loss) {
                let delay = Duration::from_millis(50) + random.duration(jitter);
                way.push((now + delay, segment));
            }
        }
        let arrivals = way.iter().map(|(at, _)| *at);
        let timers = [sender.poll_timeout(), receiver.poll_timeout()];
        let next = arrivals.chain(timers.into_iter().flatten()).min();
        clock.advance_to(next.expect("nothing more will happen"));
        assert!(
            clock.elapsed() < Duration::from_secs(3_600),
            "it takes for ever"
        );
        let now = clock.now();
        sender.handle_timeout(now);
        way.sort_by_key(|(at, _)| *at);
        while way.first().is_some_and(|(at, _)| *at <= now) {
            match way.remove(0).1 {
                Segment::Data { from, len } => {
                    if let Some(ack) = receiver.data(now, from, len)
                        && !random.chance(loss)
                    {
                        let delay = Duration::from_millis(50) + random.duration(jitter);
                        way.push((now + delay, Segment::Ack(ack)));
                        way.sort_by_key(|(at, _)| *at);
                    }
                }
                Segment::Ack(ack) => sender.ack(now, &ack),
                Segment::Syn | Segment::SynAck => {}
            }
        }
    }
    assert_eq!(receiver.received(), size);
    (clock.elapsed(), *sender.stats())
}

#[test]
fn a_clean_way_needs_no_segment_twice() {
    let (took, stats) = send(0, 0.0, Duration::ZERO);
    assert_eq!((stats.again, stats.timeouts, stats.recoveries), (0, 0, 0));
    assert_eq!(stats.segments, 300_000_u64.div_ceil(960));
    // 10, 20, 40, then 68 segments in each round trip of 100 ms.
    assert!(took < Duration::from_millis(900), "{took:?}");
}

#[test]
fn files_arrive_over_bad_ways() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed ^ 0xabcd);
        let loss = [0.0, 0.01, 0.05, 0.2][random.below(4) as usize];
        let jitter = Duration::from_millis([0, 10, 200][random.below(3) as usize]);
        send(seed, loss, jitter);
    });
}

/// Found by time: packets that are late by less than the round trip are not sent again for long.
#[test]
fn reordering_is_learned() {
    let (_, stats) = send(1, 0.0, Duration::from_millis(80));
    assert!(stats.again * 10 < stats.segments, "{stats:?}");
}

#[test]
fn lengths_of_packets() {
    let mut ack = Ack::default();
    assert_eq!(Segment::Ack(ack).octets(), 40);
    ack.ranges[0] = Some((1, 2));
    assert_eq!(Segment::Ack(ack).octets(), 52);
    ack.ranges[1] = Some((3, 4));
    ack.twice = Some((0, 1));
    assert_eq!(Segment::Ack(ack).octets(), 68);
    assert_eq!(Segment::Data { from: 0, len: 360 }.octets(), 400);
    assert_eq!(Segment::Syn.octets(), 48);
}
