use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Octets that pass in `seconds` when packets of `size` come every `gap`.
fn offered(rate: u32, size: usize, gap: Duration, seconds: u64) -> Counters {
    let start = wanbox_sim::Clock::new().now();
    let mut throttle = Throttle::new(start, rate);
    let packet = vec![0; size];
    let mut out = Vec::new();
    let end = start + Duration::from_secs(seconds);
    let mut next = start;
    while next < end {
        let now = throttle.poll_timeout().map_or(next, |at| at.min(next));
        while throttle.release(now, &mut out) {
            assert_eq!(out.len(), size);
        }
        if now == next {
            throttle.offer(now, &packet);
            next += gap;
        }
        if let Some(at) = throttle.poll_timeout() {
            assert!(at > now, "due and not released");
        }
    }
    *throttle.counters()
}

#[test]
fn the_rate_is_kept_within_a_hundredth() {
    for (rate, size) in [
        (28, 576),
        (256, 1500),
        (512, 100),
        (65_536, 1400),
        (200_000, 1500),
    ] {
        // Twice the rate comes.
        let octets_a_second = f64::from(rate) * 128.0;
        let gap = Duration::from_secs_f64(size as f64 / octets_a_second / 2.0);
        let seconds = 100;
        let counters = offered(rate, size, gap, seconds);
        let wanted = octets_a_second * (seconds as f64 + 2.0);
        let off = counters.octets_sent as f64 / wanted - 1.0;
        assert!(off.abs() < 0.01, "{rate} kbit/s: off by {off}");
        assert!(counters.packets_dropped > 0 && counters.packets_delayed > 0);
    }
}

#[test]
fn what_comes_slower_passes_at_once() {
    // 1000 octets every 40 ms are 195 kbit/s of 1024.
    let counters = offered(256, 1000, Duration::from_millis(40), 60);
    assert_eq!(counters.packets_sent, 1500);
    assert_eq!((counters.packets_delayed, counters.packets_dropped), (0, 0));
}

#[test]
fn two_packets_wait_and_the_third_is_dropped() {
    let now = wanbox_sim::Clock::new().now();
    // 1 kbit/s: 128 octets a second, 256 in the bucket.
    let mut throttle = Throttle::new(now, 1);
    assert_eq!(throttle.offer(now, &[1; 200]), Verdict::Pass);
    assert_eq!(throttle.offer(now, &[2; 100]), Verdict::Queued);
    assert_eq!(
        throttle.offer(now, &[3; 50]),
        Verdict::Queued,
        "order is kept"
    );
    assert_eq!(throttle.offer(now, &[4; 50]), Verdict::Dropped);
    assert_eq!(throttle.level(), (2, 56));

    let mut out = Vec::new();
    assert!(!throttle.release(now, &mut out));
    let due = throttle.poll_timeout().unwrap();
    assert!((due - now).abs_diff(Duration::from_micros(343_750)) < Duration::from_micros(1));
    assert!(throttle.release(due, &mut out));
    assert_eq!(out, [2; 100]);
    assert!(!throttle.release(due, &mut out));
    let later = now + Duration::from_secs(9);
    assert!(throttle.release(later, &mut out));
    assert_eq!(out, [3; 50]);
    assert_eq!(throttle.poll_timeout(), None);
    let counters = throttle.counters();
    assert_eq!((counters.packets_in, counters.octets_in), (4, 400));
    assert_eq!((counters.packets_sent, counters.octets_sent), (3, 350));
    assert_eq!(
        (counters.packets_delayed, counters.octets_delayed),
        (2, 150)
    );
    assert_eq!((counters.packets_dropped, counters.octets_dropped), (1, 50));
}

#[test]
fn super_packets_are_not_queued_and_a_long_packet_passes_a_small_bucket() {
    let now = wanbox_sim::Clock::new().now();
    let mut throttle = Throttle::new(now, 1);
    assert_eq!(
        throttle.offer(now, &[0; 1500]),
        Verdict::Pass,
        "from a full bucket, with a debt"
    );
    assert_eq!(throttle.offer(now, &[0; TOO_LONG]), Verdict::Dropped);
    assert_eq!(throttle.offer(now, &[0; 100]), Verdict::Queued);
    let due = throttle.poll_timeout().unwrap();
    assert!(due - now > Duration::from_secs(10));
    // A higher rate is not held up by the old debt.
    throttle.set_rate(now, 1000);
    assert!(throttle.release(now, &mut Vec::new()));
}

proptest! {
    #[test]
    fn never_more_than_the_rate_and_nothing_lost_uncounted(
        rate in 1u32..100_000,
        steps in prop::collection::vec((1usize..2000, 0u64..200_000), 1..200),
    ) {
        let start = wanbox_sim::Clock::new().now();
        let mut now = start;
        let mut throttle = Throttle::new(now, rate);
        let mut out = Vec::new();
        for (size, micros) in steps {
            now += Duration::from_micros(micros);
            while throttle.release(now, &mut out) {}
            throttle.offer(now, &vec![0; size]);
            let seconds = (now - start).as_secs_f64() + 2.0;
            let c = throttle.counters();
            let most = f64::from(rate) * 128.0 * seconds + 2000.0;
            prop_assert!(c.octets_sent as f64 <= most + 1.0);
            let (waiting, _) = throttle.level();
            prop_assert_eq!(c.packets_in, c.packets_sent + c.packets_dropped + waiting as u64);
        }
    }
}
