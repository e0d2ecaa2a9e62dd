//! Tests of the software line.

use proptest::prelude::*;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn base() -> Instant {
    // A test may read the clock: no result depends on the value.
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant cannot be made of nothing"
    )]
    Instant::now()
}

/// 8 kbit/s without overhead: an octet takes a millisecond.
fn slow() -> Config {
    Config {
        rate_bps: 8000,
        overhead: 0,
        ..Config::default()
    }
}

/// Everything that comes out, polled at the deadlines, with the times since `start`.
fn drain(pace: &mut Pace, start: Instant) -> Vec<(Duration, Vec<u8>)> {
    let mut out = Vec::new();
    let mut frame = Vec::new();
    while let Some(at) = pace.poll_timeout() {
        while pace.poll_transmit(at, &mut frame) {
            out.push((at - start, frame.clone()));
        }
    }
    out
}

#[test]
fn a_frame_takes_the_time_of_its_octets_and_the_delay() {
    let start = base();
    let mut pace = Pace::new(
        Config {
            delay: Duration::from_secs(1),
            overhead: 2,
            ..slow()
        },
        0,
    )
    .unwrap();
    pace.enqueue(start, Priority::Data, b"head", b"data")
        .unwrap();
    pace.enqueue(start, Priority::Data, b"", b"x").unwrap();
    assert_eq!(
        drain(&mut pace, start),
        [
            (MILLISECOND * 1010, b"headdata".to_vec()),
            (MILLISECOND * 1013, b"x".to_vec())
        ]
    );
    assert_eq!(pace.poll_timeout(), None, "an empty line sleeps");
}

#[test]
fn control_goes_before_waiting_data() {
    let start = base();
    let mut pace = Pace::new(slow(), 0).unwrap();
    for frame in [b"one", b"two"] {
        pace.enqueue(start, Priority::Data, frame, b"").unwrap();
    }
    pace.enqueue(start + MILLISECOND, Priority::Control, b"ctl", b"")
        .unwrap();
    let frames: Vec<_> = drain(&mut pace, start).into_iter().map(|f| f.1).collect();
    assert_eq!(frames, [b"one", b"ctl", b"two"]);
}

#[test]
fn full_queues_refuse_and_count() {
    let start = base();
    let mut pace = Pace::new(
        Config {
            queue_frames: 3,
            max_frame: 10,
            queue_octets: 20,
            ..slow()
        },
        0,
    )
    .unwrap();
    let mut data = |octets: &[u8]| pace.enqueue(start, Priority::Data, octets, b"");
    assert_eq!(data(&[0; 10]), Ok(()), "on the line at once");
    assert_eq!(data(&[0; 11]), Err(Refused::TooLong));
    assert_eq!(data(&[0; 10]), Ok(()));
    assert_eq!(data(&[0; 10]), Ok(()));
    assert_eq!(data(&[0; 1]), Err(Refused::Full), "octets");
    for _ in 0..CONTROL_FRAMES {
        pace.enqueue(start, Priority::Control, b"c", b"").unwrap();
    }
    assert_eq!(
        pace.enqueue(start, Priority::Control, b"c", b""),
        Err(Refused::Full)
    );
    let stats = *pace.stats();
    assert_eq!(
        (stats.too_long, stats.data_full, stats.control_full),
        (1, 1, 1)
    );
    assert_eq!(pace.waiting(), 2 + CONTROL_FRAMES);
    pace.clear();
    assert_eq!((pace.waiting(), pace.under_way()), (0, 0));
    assert_eq!(pace.stats().discarded, pace.stats().accepted);
    assert!(pace.has_room(20) && !pace.has_room(21));
    // The line is free again: the next frame is on it at once.
    pace.enqueue(start, Priority::Data, b"next", b"").unwrap();
    assert_eq!(
        drain(&mut pace, start),
        [(MILLISECOND * 4, b"next".to_vec())]
    );
}

#[test]
fn without_a_rate_frames_pass_at_once() {
    let start = base();
    let mut pace = Pace::new(Config::default(), 0).unwrap();
    let mut frame = Vec::new();
    for number in 0..1000_u32 {
        pace.enqueue(start, Priority::Data, &number.to_be_bytes(), b"")
            .unwrap();
        assert!(pace.poll_transmit(start, &mut frame));
        assert_eq!(frame, number.to_be_bytes());
    }
}

#[test]
fn a_long_delay_holds_a_bounded_number_of_frames() {
    let start = base();
    let mut pace = Pace::new(
        Config {
            delay: Duration::from_secs(60),
            ..Config::default()
        },
        0,
    )
    .unwrap();
    let taken = (0..10_000)
        .filter(|_| pace.enqueue(start, Priority::Data, b"x", b"").is_ok())
        .count();
    assert_eq!(taken, FRAMES_UNDER_WAY + Config::default().queue_frames);
    assert_eq!(drain(&mut pace, start).len(), taken);
}

#[test]
fn who_comes_late_catches_up_a_little() {
    let start = base();
    let mut pace = Pace::new(slow(), 0).unwrap();
    for _ in 0..100 {
        pace.enqueue(start, Priority::Data, &[0; 4], b"").unwrap();
    }
    let late = start + Duration::from_secs(10);
    let mut frame = Vec::new();
    let mut burst = 0;
    while pace.poll_transmit(late, &mut frame) {
        burst += 1;
    }
    // The one that was on the line, and 20 ms worth of others.
    assert_eq!(burst, 6);
}

#[test]
fn losses_come_out_as_asked_and_take_their_time() {
    let start = base();
    let mut pace = Pace::new(
        Config {
            loss_ppm: 250_000,
            queue_frames: 20_000,
            ..slow()
        },
        3,
    )
    .unwrap();
    for _ in 0..20_000 {
        pace.enqueue(start, Priority::Data, b"x", b"").unwrap();
    }
    let out = drain(&mut pace, start);
    let stats = *pace.stats();
    assert!(stats.lost.abs_diff(5000) < 300, "{stats:?}");
    assert_eq!(stats.transmitted + stats.lost, 20_000);
    assert!(out.last().unwrap().0 > Duration::from_secs(19));
}

#[test]
fn buffers_are_used_again() {
    let mut now = base();
    let mut pace = Pace::new(slow(), 0).unwrap();
    let mut frame = Vec::with_capacity(100);
    for _ in 0..3 {
        pace.enqueue(now, Priority::Data, &[7; 100], b"").unwrap();
        now = pace.poll_timeout().unwrap();
        assert!(pace.poll_transmit(now, &mut frame));
    }
    let known = [frame.as_ptr(), pace.spare[0].as_ptr()];
    for _ in 0..1000 {
        pace.enqueue(now, Priority::Data, &[7; 100], b"").unwrap();
        now = pace.poll_timeout().unwrap();
        assert!(pace.poll_transmit(now, &mut frame));
        assert!(known.contains(&frame.as_ptr()));
    }
}

#[test]
fn wrong_configurations_name_field_and_range() {
    let wrong = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Pace::new(config, 0).unwrap_err().to_string()
    };
    assert_eq!(
        wrong(|c| c.loss_ppm = 1_000_001),
        "loss (ppm): 1000001 is out of range: 0 to 1000000 is allowed"
    );
    assert_eq!(
        wrong(|c| c.queue_octets = 100),
        "queue (octets): 100 is out of range: 16384 to 67108864 is allowed"
    );
    assert!(wrong(|c| c.queue_frames = 0).starts_with("queue (frames): 0 is"));
    assert!(wrong(|c| c.delay = Duration::MAX).starts_with("delay"));
    assert!(wrong(|c| c.rate_bps = u64::MAX).starts_with("rate"));
}

proptest! {
    #[test]
    fn the_rate_is_kept_and_frames_are_conserved(
        rate_bps in 1000..10_000_000_u64,
        delay_ms in 0..500_u64,
        loss_ppm in prop_oneof![Just(0_u32), 0..300_000_u32],
        frames in prop::collection::vec((0..3000_u64, 0..1600_usize, any::<bool>()), 1..200),
    ) {
        let start = base();
        let config = Config {
            rate_bps,
            loss_ppm,
            delay: Duration::from_millis(delay_ms),
            queue_frames: 50,
            ..Config::default()
        };
        let mut pace = Pace::new(config, 1).unwrap();
        let mut now = start;
        let mut out: Vec<(Instant, Vec<u8>)> = Vec::new();
        let mut frame = Vec::new();
        let mut refused = 0;
        for (number, (wait_us, octets, control)) in frames.iter().enumerate() {
            let next = now + Duration::from_micros(*wait_us);
            while let Some(at) = pace.poll_timeout().filter(|at| *at <= next) {
                now = now.max(at);
                while pace.poll_transmit(now, &mut frame) {
                    out.push((now, frame.clone()));
                }
            }
            now = next;
            let priority = if *control { Priority::Control } else { Priority::Data };
            let header = [(number >> 8) as u8, number as u8, u8::from(*control)];
            refused += u64::from(pace.enqueue(now, priority, &header, &vec![0; *octets]).is_err());
            prop_assert!(pace.data.len() <= config.queue_frames);
            prop_assert!(pace.data_octets <= config.queue_octets);
        }
        while let Some(at) = pace.poll_timeout() {
            now = now.max(at);
            while pace.poll_transmit(now, &mut frame) {
                out.push((now, frame.clone()));
            }
        }

        let stats = *pace.stats();
        prop_assert_eq!(stats.accepted + refused, frames.len() as u64);
        prop_assert_eq!(stats.transmitted + stats.lost, stats.accepted);
        prop_assert_eq!(stats.transmitted, out.len() as u64);
        prop_assert_eq!((pace.waiting(), pace.under_way(), pace.data_octets), (0, 0, 0));
        // Each kind keeps its order, and every frame is whole.
        for control in [0, 1] {
            let numbers: Vec<_> = out
                .iter()
                .filter(|(_, frame)| frame[2] == control)
                .map(|(_, frame)| usize::from(frame[0]) << 8 | usize::from(frame[1]))
                .collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(numbers.iter().zip(out.iter().filter(|(_, f)| f[2] == control))
                .all(|(number, (_, frame))| frame.len() == frames[*number].1 + 3));
        }
        // Between any two frames that come out, no more than the rate allows: the first is the one over.
        for (index, (from, _)) in out.iter().enumerate() {
            let mut bits = 0;
            for (to, frame) in out.iter().skip(index + 1).take(60) {
                bits += (frame.len() + config.overhead) as u128 * 8;
                prop_assert!(
                    bits * 1_000_000_000 <= (*to - *from).as_nanos() * u128::from(rate_bps),
                    "{bits} bits in {:?}", *to - *from
                );
            }
        }
    }
}
