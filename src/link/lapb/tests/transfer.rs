//! Information transfer over several frames.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn packets_flow_within_the_window() {
    let mut bench = Bench::up(Parameters {
        k: 2,
        queue: 1,
        n1: 4,
        ..Parameters::default()
    });
    assert_eq!(bench.link.engine().room(), 3);
    assert_eq!(bench.send(b"12345"), Err(Refusal::TooLong));
    for _ in 0..3 {
        bench.send(b"1234").unwrap();
    }
    assert_eq!(bench.send(b"1234"), Err(Refusal::Full));
    assert_eq!(bench.sent(), "c I 0 0, c I 1 0");
    bench.hear("r RR 1");
    assert_eq!(bench.link.engine().room(), 1);
    assert_eq!(bench.sent(), "c I 2 0");
    bench.hear("r RR 3");
    assert_eq!(bench.link.engine().waiting(), 0);
    assert_eq!(bench.link.engine().poll_timeout(), None);
    let counters = *bench.link.engine().counters();
    assert_eq!((counters.acknowledged, counters.repeated), (3, 0));
    assert_eq!((counters.refused_full, counters.refused_long), (1, 1));

    let now = bench.now;
    bench.engine().disconnect(now);
    assert_eq!(bench.send(b"1"), Err(Refusal::Down));
    assert_eq!(bench.link.engine().room(), 0);
}

#[test]
fn numbers_are_counted_round_in_both_modes() {
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let last = modulo.highest();
        let mut bench = Bench::up(Parameters {
            modulo,
            k: last,
            queue: 0,
            ..Parameters::default()
        });
        let mut number = 0;
        for round in 0..3 {
            for _ in 0..last {
                bench.send(&[round]).unwrap();
            }
            assert_eq!(bench.sent().split(", ").count(), last.into());
            number = modulo.add(number, last);
            bench.hear(&format!("r RR {number}"));
            assert_eq!(bench.link.engine().waiting(), 0);
        }
        for step in 0..300_u16 {
            let ns = step % (u16::from(last) + 1);
            let packet = bench.hear_with(&format!("c I {ns} {number}"), &step.to_be_bytes());
            assert_eq!(packet.as_deref(), Some(&step.to_be_bytes()[..]));
            let expected = modulo.add(ns as u8, 1);
            assert_eq!(bench.sent(), format!("r RR {expected}"));
        }
    }
}

#[test]
fn acknowledgements_wait_for_t2_half_a_window_or_an_i_frame() {
    let mut bench = Bench::up(Parameters {
        t2: SECOND,
        ..Parameters::default()
    });
    bench.hear("c I 0 0");
    assert_eq!(bench.sent(), "");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RR 1");
    for ns in 1..=3 {
        bench.hear(&format!("c I {ns} 0"));
        assert_eq!(bench.sent(), "");
    }
    bench.hear("c I 4 0");
    assert_eq!(bench.sent(), "r RR 5");
    bench.hear("c I 5 0");
    bench.send(b"carries it").unwrap();
    assert_eq!(bench.sent(), "c I 0 6");
    bench.pass(2 * SECOND);
    assert_eq!(bench.sent(), "");
}

#[test]
fn a_gap_is_reported_once_and_filled() {
    let mut bench = Bench::up(Parameters::default());
    assert!(bench.hear_with("c I 1 0", b"1").is_none());
    assert_eq!(bench.sent(), "r REJ 0");
    assert!(bench.hear_with("c I 2 0", b"2").is_none());
    assert_eq!(bench.sent(), "");
    for ns in 0..3 {
        assert!(bench.hear_with(&format!("c I {ns} 0"), b"again").is_some());
    }
    assert_eq!(bench.sent(), "r RR 3");
    // A new gap, whose REJ is lost: the answer to the poll takes its place.
    bench.hear("c I 4 0");
    assert_eq!(bench.sent(), "r REJ 3");
    bench.hear("c RR 0 P");
    assert_eq!(bench.sent(), "r RR 3 F");
    bench.hear("c I 4 0");
    assert_eq!(bench.sent(), "r REJ 3");
    assert_eq!(bench.link.engine().counters().out_of_sequence, 4);
}

#[test]
fn a_reject_brings_everything_behind_it_again() {
    let mut bench = Bench::up(Parameters::default());
    for packet in [b"0", b"1", b"2", b"3"] {
        bench.send(packet).unwrap();
    }
    assert_eq!(bench.sent(), "c I 0 0, c I 1 0, c I 2 0, c I 3 0");
    bench.hear("r REJ 2");
    assert_eq!(bench.sent(), "c I 2 0, c I 3 0");
    assert_eq!(bench.link.engine().counters().repeated, 2);
    bench.hear("r RR 4");
    assert_eq!(bench.link.engine().waiting(), 0);
}

#[test]
fn while_busy_packets_are_left_with_the_peer() {
    let mut bench = Bench::up(Parameters::default());
    bench.engine().set_busy(true);
    assert_eq!(bench.sent(), "r RNR 0");
    assert!(bench.hear_with("c I 0 0", b"lost").is_none());
    assert_eq!(bench.sent(), "r RNR 0");
    bench.hear("c RR 0 P");
    assert_eq!(bench.sent(), "r RNR 0 F");
    bench.engine().set_busy(true);
    assert_eq!(bench.sent(), "");
    bench.engine().set_busy(false);
    assert_eq!(bench.sent(), "r REJ 0");
    assert!(bench.hear_with("c I 0 0", b"again").is_some());
    bench.sent();
    // Nothing was missed.
    bench.engine().set_busy(true);
    assert_eq!(bench.sent(), "r RNR 1");
    bench.engine().set_busy(false);
    assert_eq!(bench.sent(), "r RR 1");
    // A reset does not make room here.
    bench.engine().set_busy(true);
    bench.sent();
    bench.hear("c SABM P");
    assert_eq!(bench.sent(), "r UA F, r RNR 0");
    assert_eq!(bench.link.engine().counters().while_busy, 1);
}

#[test]
fn a_busy_peer_is_asked_until_it_is_not() {
    let mut bench = Bench::up(Parameters::default());
    bench.hear("r RNR 0");
    assert!(bench.link.engine().peer_busy());
    assert_eq!(bench.link.engine().poll_timeout(), None);
    bench.send(b"waits").unwrap();
    assert_eq!(bench.sent(), "");
    // Much longer than N2 times T1: it is there, and says so.
    for _ in 0..50 {
        bench.pass(3 * SECOND);
        assert_eq!(bench.sent(), "c RR 0 P");
        bench.hear("r RNR 0 F");
        assert_eq!(bench.sent(), "");
    }
    bench.hear("r RR 0");
    assert_eq!(bench.sent(), "c I 0 0");
    bench.hear("r RR 1");
    assert_eq!(bench.link.engine().poll_timeout(), None);
    assert_eq!(bench.events(), "");
}

#[test]
fn silence_is_asked_about_at_t4() {
    let mut bench = Bench::up(Parameters {
        t4: Some(20 * SECOND),
        ..Parameters::default()
    });
    bench.pass(15 * SECOND);
    bench.hear("r RR 0");
    bench.pass(15 * SECOND);
    assert_eq!(bench.sent(), "");
    // Many times, so that nothing of one enquiry counts against the next.
    bench.pass(5 * SECOND);
    for _ in 0..50 {
        assert_eq!(bench.sent(), "c RR 0 P");
        bench.hear("r RR 0 F");
        bench.pass(20 * SECOND);
    }
    // Then the line is dead: N2 enquiries, N2 set-ups.
    for _ in 0..10 {
        assert_eq!(bench.sent(), "c RR 0 P");
        bench.pass(3 * SECOND);
    }
    assert_eq!(bench.events(), "Reset NoAnswer");
    for _ in 0..10 {
        assert_eq!(bench.sent(), "c SABM P");
        bench.pass(3 * SECOND);
    }
    assert_eq!(bench.events(), "Down NoAnswer");
    assert_eq!(bench.link.engine().poll_timeout(), None);
}

#[test]
fn a_frame_that_never_arrives_resets_the_link_although_polls_are_answered() {
    let mut bench = Bench::up(Parameters::default());
    bench.hear("c I 0 0");
    bench.send(b"too long for the line").unwrap();
    bench.send(b"behind").unwrap();
    assert_eq!(bench.sent(), "c I 0 1, c I 1 1");
    for _ in 0..10 {
        bench.pass(3 * SECOND);
        assert_eq!(bench.sent(), "c RR 1 P");
        bench.hear("r RR 0 F");
        assert_eq!(bench.sent(), "c I 0 1, c I 1 1");
    }
    bench.pass(3 * SECOND);
    assert_eq!(bench.events(), "Reset NoAnswer");
    assert_eq!(bench.sent(), "c SABM P");
    assert_eq!(bench.link.engine().counters().forgotten, 2);
    // Packets that are given after the reset go behind it.
    bench.send(b"new").unwrap();
    bench.hear("r UA F");
    assert_eq!(bench.sent(), "c I 0 0");
}

#[test]
fn a_set_up_that_comes_twice_is_one() {
    let mut bench = Bench::up(Parameters::default());
    bench.send(b"early").unwrap();
    assert_eq!(bench.sent(), "c I 0 0");
    bench.hear("c SABM P");
    assert_eq!(bench.sent(), "");
    assert_eq!(bench.events(), "");
    assert_eq!(bench.link.engine().counters().doubled_setups, 1);
    // Once something is heard, it is a reset.
    bench.hear("r RR 1");
    bench.hear("c SABM P");
    assert_eq!(bench.events(), "Reset PeerReset");
    // And after a while, for then the peer has repeated it.
    bench.send(b"early").unwrap();
    assert_eq!(bench.sent(), "r UA F, c I 0 0");
    bench.now += SECOND;
    bench.hear("c SABM P");
    assert_eq!(bench.events(), "Reset PeerReset");
    assert_eq!(bench.sent(), "r UA F");
    // Unless nothing is lost by it.
    bench.now += SECOND;
    bench.hear("c SABM P");
    assert_eq!(bench.sent(), "r UA F");
    assert_eq!(bench.events(), "");
}

#[test]
fn the_owner_may_want_the_link_again_before_it_is_down() {
    let mut bench = Bench::up(Parameters::default());
    let now = bench.now;
    bench.engine().disconnect(now);
    bench.engine().connect(now);
    assert_eq!(bench.sent(), "c DISC P");
    bench.hear("r UA F");
    assert_eq!(bench.sent(), "c SABM P");
    bench.hear("r UA F");
    assert_eq!(bench.events(), "Down Local, Up");

    bench.engine().line_down();
    assert_eq!(bench.events(), "Down Line");
    assert_eq!(bench.sent(), "");
    bench.engine().line_down();
    assert_eq!(bench.events(), "");
}
