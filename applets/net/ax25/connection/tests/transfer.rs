//! Information transfer over several frames, timers, windows, octets.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Modulo 128 with SREJ, as the peer wanted it.
fn extended() -> Bench {
    let mut bench = Bench::new(&Parameters::default());
    bench.connection.listen();
    bench.hear("c SABME P");
    bench.hear_with("c XID P", &hex("82 80 00 08 03 03 86 a8 02 08 01 20"));
    assert_eq!(bench.sent(), "r XID F, r UA F");
    bench.events();
    bench
}

#[test]
fn octets_of_frames() {
    let mut bench = Bench::new(&Parameters::default());
    bench.connection.listen();
    let now = bench.now;
    let mut unit = Vec::new();
    let mut exchange = |bench: &mut Bench, class, heard: &str, sent: &str| {
        let now = bench.now;
        bench.connection.receive(now, class, &hex(heard));
        unit.clear();
        while bench.connection.poll_transmit(now, &mut unit).is_some() {}
        assert_eq!(unit, hex(sent), "after {heard}");
    };
    exchange(&mut bench, Class::Command, "3f", "73");
    exchange(&mut bench, Class::Command, "10 f0 68 69", "31");
    bench.send("yes");
    exchange(&mut bench, Class::Command, "02 f0 68 69", "40 f0 79 65 73");
    exchange(&mut bench, Class::Response, "21", "");
    exchange(&mut bench, Class::Command, "2a f0 2e", "49");
    exchange(&mut bench, Class::Command, "53", "73");
    assert_eq!(bench.text(), "hihi");
    assert_eq!(bench.connection.state(), State::Disconnected);

    // Modulo 128: two octets for numbered frames.
    exchange(&mut bench, Class::Command, "7f", "73");
    exchange(&mut bench, Class::Command, "00 01 f0 41", "01 03");
    bench.send("x");
    exchange(&mut bench, Class::Command, "02 00 f0 42", "00 04 f0 78");
    exchange(&mut bench, Class::Response, "05 02", "");
    assert!(bench.status().remote_busy && bench.status().extended);
    bench.connection.reset(now);
}

#[test]
fn what_xid_says() {
    let mut bench = Bench::up(&Parameters {
        paclen: 128,
        ..Parameters::default()
    });
    // An answer says what both can do; this peer wants 64 octets.
    let theirs = hex("82 80 00 10 02 02 21 00 03 03 86 a8 02 06 02 02 00 08 01 03");
    bench.hear_with("c XID P", &theirs);
    let mut unit = Vec::new();
    let class = bench.connection.poll_transmit(bench.now, &mut unit);
    assert_eq!(class, Some(Class::Response));
    let answer =
        "bf 82 80 00 17 02 02 21 00 03 03 86 a4 02 06 02 02 00 08 01 07 09 02 13 88 0a 01 0a";
    assert_eq!(unit, hex(answer));
    assert_eq!(bench.connection.parameters().paclen, 64);
    assert!(bench.status().selective);
    bench.hear_with("c XID P", &hex("82 80 00 03 06 01 08"));
    assert_eq!(bench.connection.parameters().paclen, 64, "not one octet");
    assert_eq!(bench.sent(), "r XID F");
    // Nonsense is not answered, a test is.
    bench.hear_with("c XID P", b"\x82");
    assert_eq!(bench.sent(), "");
    bench.hear_with("c TEST P", b"abc");
    assert_eq!(bench.sent(), "r TEST F");
    // A station of version 2.0 does not know it.
    let mut bench = Bench::up(&Parameters {
        extended: Extended::Refused,
        ..Parameters::default()
    });
    bench.hear_with("c XID P", &theirs);
    assert_eq!(bench.sent(), "");

    // It is asked for three times.
    let mut bench = Bench::new(&Parameters {
        extended: Extended::Offered,
        t3: 0,
        t5: 0,
        ..Parameters::default()
    });
    let now = bench.now;
    bench.connection.connect(now);
    bench.sent();
    bench.hear("r UA F");
    for _ in 0..3 {
        assert_eq!(bench.sent(), "c XID P");
        bench.pass_deadline();
    }
    assert_eq!(bench.sent(), "");
    assert_eq!(bench.connection.poll_timeout(), None);
}

#[test]
fn round_trips_are_measured() {
    let mut bench = Bench::up(&Parameters::default());
    let millis = |time: Duration| time.as_millis();
    assert_eq!(millis(bench.status().timers[0].duration), 5000);
    bench.send("one");
    bench.sent();
    bench.pass(2 * SECOND);
    bench.hear("r RR 1");
    let status = bench.status();
    // err 2000; srt 2004/8, mdev (3*1250+2000+2)/4, srt + 4*mdev.
    assert_eq!((millis(status.srt), millis(status.mdev)), (250, 1438));
    assert_eq!(millis(status.timers[0].duration), 6002);
    assert_eq!(status.window, 2);

    // What was repeated tells nothing, and T1 stays what it was backed off to.
    bench.send("two");
    bench.sent();
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c I 1 0 P");
    let status = bench.status();
    assert_eq!((status.window, status.retries), (1, 1));
    assert_eq!(millis(status.timers[0].duration), 7503);
    assert_eq!(
        status.timers[0].remaining,
        Some(Duration::from_millis(7503))
    );
    bench.hear("r RR 2 F");
    let status = bench.status();
    assert_eq!((status.window, status.retries), (1, 0));
    assert_eq!(millis(status.timers[0].duration), 7503);
    assert_eq!(status.timers[0].remaining, None);

    // Nor does what was only asked for: T1 would grow with itself.
    bench.send(&"x".repeat(200));
    bench.sent();
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c RR 0 P");
    bench.hear("r RR 3 F");
    assert_eq!(millis(bench.status().srt), 250);

    // Two digipeaters ahead: five times as long.
    let connection = Connection::new(&Parameters::default(), 2);
    assert_eq!(
        millis(connection.status(bench.now).timers[0].duration),
        25_000
    );
}

#[test]
fn back_off_ends_at_blimit() {
    let mut bench = Bench::new(&Parameters {
        blimit: 2,
        retry: 0,
        ..Parameters::default()
    });
    let now = bench.now;
    bench.connection.connect(now);
    let mut durations = Vec::new();
    for _ in 0..40 {
        assert_eq!(bench.sent(), "c SABM P");
        durations.push(bench.status().timers[0].duration.as_millis());
        bench.pass_deadline();
    }
    assert_eq!(durations[..4], [5000, 6250, 6250, 6250]);
    assert_eq!(bench.connection.state(), State::Setup, "for ever");

    // But leave is not asked for without end.
    bench.hear("r UA F");
    bench.hear("r RR 0 F");
    bench.connection.close(now);
    for _ in 0..11 {
        assert_eq!(bench.sent(), "c DISC P");
        bench.pass_deadline();
    }
    assert_eq!(bench.connection.state(), State::Disconnected);
}

#[test]
fn a_frame_that_the_line_has_not_taken_is_not_repeated() {
    let mut bench = Bench::new(&Parameters::default());
    let now = bench.now;
    bench.connection.connect(now);
    bench.pass(20 * SECOND);
    assert_eq!(bench.status().retries, 0);
    assert_eq!(bench.sent(), "c SABM P");
    // A line that takes nothing is no line.
    bench.pass(5 * SECOND);
    bench.pass(10_000 * SECOND);
    assert_eq!(bench.events(), "Down NoAnswer");
}

#[test]
fn large_frames_are_asked_for_small_ones_repeated() {
    for (length, poll) in [(62, "c I 0 0 P"), (63, "c RR 0 P")] {
        let mut bench = Bench::up(&Parameters::default());
        bench.send(&"x".repeat(length));
        bench.sent();
        bench.pass_deadline();
        assert_eq!(bench.sent(), poll);
    }
    // Version 1 repeats whatever it is.
    let mut bench = Bench::up(&Parameters {
        version: 1,
        ..Parameters::default()
    });
    bench.send(&"x".repeat(200));
    bench.sent();
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c I 0 0 P");
    assert_eq!(bench.status().version, 1);
}

#[test]
fn frames_behind_a_gap_are_kept() {
    let mut bench = Bench::up(&Parameters::default());
    bench.hear_with("c I 0 0", b"a");
    bench.hear_with("c I 2 0", b"c");
    bench.hear_with("c I 3 0", b"d");
    bench.hear_with("c I 5 0", b"f");
    assert_eq!(bench.sent(), "r REJ 1");
    assert!(bench.status().reject_sent);
    assert_eq!(bench.text(), "a");
    bench.hear_with("c I 1 0", b"b");
    assert_eq!(bench.text(), "bcd");
    assert_eq!(bench.sent(), "r REJ 4", "the next gap");
    // The peer goes back N.
    bench.hear_with("c I 2 0", b"c");
    bench.hear_with("c I 3 0", b"d");
    bench.hear_with("c I 4 0", b"e");
    bench.hear_with("c I 5 0", b"f");
    assert_eq!(bench.text(), "ef");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RR 6");
    assert!(!bench.status().reject_sent);
}

#[test]
fn old_frames_are_never_taken_for_new_ones() {
    let mut bench = Bench::up(&Parameters::default());
    for ns in 0..7_u8 {
        bench.hear_with(&format!("c I {ns} 0"), &[b'a' + ns]);
    }
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RR 7");
    // RR was lost: all seven come again, and could be 7 steps ahead.
    for ns in 0..7_u8 {
        bench.hear_with(&format!("c I {ns} 0"), &[b'a' + ns]);
    }
    bench.hear_with("c I 7 0", b"h");
    assert_eq!(bench.text(), "abcdefgh");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RR 0");
    // A new frame with an old number is kept.
    bench.hear_with("c I 1 0", b"j");
    bench.hear_with("c I 0 0", b"i");
    assert_eq!(bench.text(), "ij");
}

#[test]
fn srej_asks_for_what_is_missing() {
    let mut bench = extended();
    for (ns, text) in [(0, b"a"), (2, b"c"), (5, b"f")] {
        bench.hear_with(&format!("c I {ns} 0"), text);
    }
    assert_eq!(bench.sent(), "r SREJ 1, r SREJ 3, r SREJ 4");
    bench.hear_with("c I 3 0", b"d");
    assert_eq!(bench.sent(), "", "each once");
    // A poll is answered with the first, and others follow.
    bench.hear("c RR 0 P");
    assert_eq!(bench.sent(), "r SREJ 1 F, r SREJ 4");
    bench.hear_with("c I 4 0", b"e");
    bench.hear_with("c I 1 0", b"b");
    assert_eq!(bench.text(), "abcdef");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RR 6");
}

#[test]
fn srej_is_obeyed() {
    let mut bench = extended();
    // The window is open.
    for _ in 0..6 {
        bench.send("x");
        bench.sent();
        let vs = bench.status().vs;
        bench.pass(SECOND);
        bench.hear(&format!("r RR {vs}"));
    }
    for _ in 0..5 {
        bench.send("x");
    }
    assert_eq!(bench.sent(), "c I 6 0, c I 7 0, c I 8 0, c I 9 0, c I 10 0");
    bench.hear("r SREJ 7");
    bench.hear("r SREJ 9");
    assert_eq!(bench.sent(), "c I 7 0, c I 9 0");
    assert_eq!(
        bench.connection.waiting(),
        5,
        "without F it acknowledges nothing"
    );
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c I 6 0 P");
    bench.hear("r SREJ 9 F");
    assert_eq!(bench.sent(), "c I 9 0");
    assert_eq!(bench.connection.waiting(), 2);
    bench.hear("r RR 11");
    assert_eq!(bench.connection.waiting(), 0);
    bench.hear("r SREJ 20 F");
    assert_eq!(bench.sent(), "c SABME P", "N(R) that cannot be");
}

#[test]
fn what_is_not_read_makes_the_peer_wait() {
    let mut bench = Bench::up(&Parameters {
        window: 4,
        ..Parameters::default()
    });
    bench.hear_with("c I 0 0", b"1234");
    assert_eq!(bench.sent(), "", "it is said with the acknowledgement");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "r RNR 1");
    assert!(bench.status().rnr_sent);
    // What is on its way is taken.
    bench.hear_with("c I 1 0 P", b"5");
    assert_eq!(bench.sent(), "r RNR 2 F");
    assert_eq!(bench.status().receive_queue, 5);
    assert_eq!(bench.text(), "12345");
    assert_eq!(bench.sent(), "r RR 2");
    assert!(!bench.status().rnr_sent);
    // A peer that does not care is not taken from without end.
    let long = vec![b'x'; 2000];
    for ns in 0..60_u8 {
        bench.hear_with(&format!("c I {} 0", (ns + 2) & 7), &long);
    }
    assert!(bench.connection.unread() < 4 + BEYOND + 2000);
    assert!(bench.connection.counters().while_busy > 40);
    bench.text();
    assert!(bench.sent().starts_with("r REJ"));
}

#[test]
fn busy_peers_are_asked_after_t4() {
    let mut bench = Bench::up(&Parameters::default());
    bench.send("a");
    bench.send("b");
    assert_eq!(bench.sent(), "c I 0 0");
    bench.hear("r RNR 1");
    assert_eq!(bench.sent(), "");
    assert_eq!(bench.status().timers[2].remaining, Some(60 * SECOND));
    bench.pass(60 * SECOND);
    assert_eq!(bench.sent(), "c RR 0 P");
    bench.hear("r RNR 1 F");
    assert_eq!(bench.connection.state(), State::Connected);
    bench.pass(30 * SECOND);
    bench.hear("r RR 1");
    assert_eq!(bench.sent(), "c I 1 0");
    assert_eq!(bench.status().timers[2].remaining, None);

    // But not for ever.
    for _ in 0..17 {
        bench.hear("r RNR 2");
        bench.pass(59 * SECOND);
    }
    assert_eq!(bench.sent(), "c DISC P");
}

#[test]
fn idle_connections_are_polled_and_closed() {
    let mut bench = Bench::up(&Parameters::default());
    bench.pass(899 * SECOND);
    assert_eq!(bench.sent(), "");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "c RR 0 P");
    assert_eq!(bench.status().retries, 0);
    bench.hear("r RR 0 F");
    for _ in 0..2 {
        bench.pass(900 * SECOND);
        assert_eq!(bench.sent(), "c RR 0 P");
        bench.hear("r RR 0 F");
    }
    bench.pass(900 * SECOND);
    assert_eq!(bench.sent(), "c DISC P", "T5");
    bench.hear("r UA F");
    assert_eq!(bench.events(), "Down Local");
    assert_eq!(bench.connection.poll_timeout(), None);

    // Version 1 has no polls.
    let mut bench = Bench::up(&Parameters {
        version: 1,
        ..Parameters::default()
    });
    bench.pass(3599 * SECOND);
    assert_eq!(bench.sent(), "");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), "c DISC P");
}

#[test]
fn closing_waits_for_what_was_sent() {
    let mut bench = Bench::up(&Parameters::default());
    bench.send("a");
    bench.send("b");
    bench.sent();
    let now = bench.now;
    bench.connection.close(now);
    assert_eq!(bench.connection.room(), 0);
    assert_eq!(
        bench.connection.send(now, pid::TEXT, b"c"),
        Err(Refusal::Down)
    );
    bench.hear("r RR 1");
    assert_eq!(bench.sent(), "c I 1 0");
    bench.hear("r RR 2");
    assert_eq!(bench.sent(), "c DISC P");
    // The second time it does not wait.
    let mut bench = Bench::up(&Parameters::default());
    bench.send("a");
    bench.connection.close(now);
    bench.connection.close(now);
    assert_eq!(bench.sent(), "c DISC P");
}

#[test]
fn packets_have_a_longest_length() {
    let mut bench = Bench::up(&Parameters {
        paclen: 65535,
        ..Parameters::default()
    });
    assert_eq!(bench.connection.parameters().paclen, 2048);
    let now = bench.now;
    let packet = [0; 2049];
    let too_long = bench.connection.send(now, pid::IP, &packet);
    assert_eq!(too_long, Err(Refusal::TooLong));
    assert_eq!(bench.connection.send(now, pid::IP, &packet[1..]), Ok(()));
    // Longer ones that come are dropped.
    bench.hear_with("c I 0 0", &packet);
    assert_eq!((bench.status().vr, bench.connection.unread()), (0, 0));
    bench.hear_with("c I 0 0", &packet[1..]);
    assert_eq!((bench.status().vr, bench.connection.unread()), (1, 2048));
}

#[test]
fn live_parameters_reach_connections() {
    let mut bench = Bench::up(&Parameters::default());
    for vs in 1..5 {
        bench.send("x");
        bench.sent();
        bench.hear(&format!("r RR {vs}"));
    }
    assert_eq!(bench.status().window, 5);
    bench.connection.set_live(&Parameters {
        maxframe: 2,
        t2: 9,
        ..Parameters::default()
    });
    assert_eq!(bench.status().window, 2);
    assert_eq!(bench.connection.parameters().t2, 300);
    for _ in 0..4 {
        bench.send("x");
    }
    assert_eq!(bench.sent(), "c I 4 0, c I 5 0");
}
