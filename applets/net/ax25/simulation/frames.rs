//! Single frames: what each is answered with, and how it leaves.

use wanbox_sim::Clock;
use wanbox_wire::ax25::{Class, Digi, Digis, Header};
use wanbox_wire::lapb::Modulo;

use super::*;

/// A station with two lines: 0 is DB0ID, 1 is DB0ID-2.
fn station() -> (Ax25, Instant) {
    let now = Clock::new().now();
    let mut ax25 = ax25(now, "DB0ID");
    let settings = PortSettings {
        call: call("DB0ID-2"),
        datagram: false,
        forward: None,
    };
    ax25.set_port(Port(1), settings);
    (ax25, now)
}

/// `SOURCE>DESTINATION DIGI* DIGI`, class and what follows, as octets.
fn frame(path: &str, class: Class, unit: &[u8]) -> Vec<u8> {
    let mut words = path.split(['>', ' ']);
    let source = call(words.next().unwrap());
    let mut header = Header::new(call(words.next().unwrap()), source, class);
    for word in words {
        let digi = Digi {
            call: call(word.trim_end_matches('*')),
            repeated: word.ends_with('*'),
        };
        assert!(header.digis.push(digi));
    }
    let mut octets = Vec::new();
    header.append(&mut octets);
    octets.extend_from_slice(unit);
    octets
}

/// All that leaves: line, header, class and what follows.
fn leaves(ax25: &mut Ax25, now: Instant) -> Vec<(u16, String, Class, Vec<u8>)> {
    let mut all = Vec::new();
    let mut frame = Vec::new();
    while let Some(outgoing) = ax25.poll_transmit(now, &mut |_| true, &mut frame) {
        let (header, rest) = Header::parse(&frame).unwrap();
        let class = header.class;
        all.push((outgoing.port.0, header.to_string(), class, rest.to_vec()));
    }
    all
}

#[test]
fn frames_are_counted_as_when_they_were_set_up() {
    let (mut ax25, now) = station();
    let counted = |ax25: &Ax25, port: u16, path: &str| {
        let octets = frame(path, Class::Command, &[0x01]);
        let (header, _) = Header::parse(&octets).unwrap();
        ax25.modulo(Port(port), &header)
    };
    let passes = |ax25: &mut Ax25, path: &str, field: u8| {
        ax25.receive(now, Port(0), &frame(path, Class::Command, &[field]));
    };
    assert_eq!(counted(&ax25, 0, "A>B"), None);
    passes(&mut ax25, "A>B", 0x7f);
    passes(&mut ax25, "B>A", 0x73);
    for path in ["A>B", "B>A"] {
        assert_eq!(counted(&ax25, 0, path), Some(Modulo::OneTwentyEight));
        assert_eq!(counted(&ax25, 1, path), None, "another line");
    }
    // Each hop of a connection that is repeated by two may have its own.
    passes(&mut ax25, "A>B D", 0x7f);
    passes(&mut ax25, "A>B D*", 0x3f);
    assert_eq!(counted(&ax25, 0, "B>A D*"), Some(Modulo::OneTwentyEight));
    assert_eq!(counted(&ax25, 0, "B>A D"), Some(Modulo::Eight));
    // What was begun anew is as it was begun last.
    passes(&mut ax25, "B>A", 0x2f);
    assert_eq!(counted(&ax25, 0, "A>B"), Some(Modulo::Eight));
    // Ours, too.
    ax25.routes
        .set_extended(call("N0PRA"), Some(Extended::Offered));
    ax25.connect(now, None, call("N0PRA"), &[], Some(Port(0)))
        .unwrap();
    assert_eq!(leaves(&mut ax25, now).len(), 1);
    let ours = Some(Modulo::OneTwentyEight);
    assert_eq!(counted(&ax25, 0, "N0PRA>DB0ID"), ours);
    // The oldest make room.
    for at in 0..300 {
        passes(&mut ax25, &format!("C{at}>B"), 0x7f);
    }
    assert_eq!(counted(&ax25, 0, "A>B"), None);
    assert_eq!(counted(&ax25, 0, "C299>B"), ours);
}

#[test]
fn octets_of_the_last_two_minutes() {
    let (mut ax25, start) = station();
    let frame = frame("A>B", Class::Command, b"\x03\xf0hello");
    let octets = frame.len() as u64;
    for (seconds, before) in [
        (0, 0),
        (14, 1),
        (15, 2),
        (119, 3),
        (120, 2),
        (134, 3),
        (135, 3),
        (400, 0),
    ] {
        let now = start + seconds * SECOND;
        assert_eq!(ax25.recent(now, Port(0)), before * octets, "{seconds}");
        ax25.receive(now, Port(0), &frame);
    }
    let later = start + 10_000 * SECOND;
    assert_eq!(
        (ax25.recent(later, Port(0)), ax25.recent(later, Port(9))),
        (0, 0)
    );
}

#[test]
fn vector_one_of_the_reference() {
    let (mut ax25, now) = station();
    ax25.digipeat = Digipeat::Repeat;
    ax25.routes.add(0, Port(0), &[], call("DB0SAO-1"), true);
    let before = [
        0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe2, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x88,
        0x84, 0x60, 0x92, 0x88, 0x40, 0x61, 0x3f,
    ];
    let mut after = before;
    after[20] = 0xe1;
    assert!(ax25.receive(now, Port(0), &before));
    let mut sent = Vec::new();
    assert!(ax25.poll_transmit(now, &mut |_| true, &mut sent).is_some());
    assert_eq!(sent, after);
    // What was repeated is not repeated again.
    assert!(ax25.receive(now, Port(0), &after));
    assert!(leaves(&mut ax25, now).is_empty());
}

#[test]
fn unknown_classes_stay_unknown() {
    let (mut ax25, now) = station();
    ax25.digipeat = Digipeat::Repeat;
    ax25.receive(
        now,
        Port(0),
        &frame("N0PRA>DK5SG DB0ID", Class::Unknown, &[0x3f]),
    );
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent[0].2, Class::Unknown);
}

#[test]
fn frames_are_repeated_by_the_line_that_leads_on() {
    let (mut ax25, now) = station();
    ax25.routes
        .add(0, Port(1), &calls("DB0XX DB0YY"), call("DK5SG"), true);
    let ui = [0x03, 0xf0, b'h', b'i'];
    for (path, expected) in [
        // Ours is replaced by that of the line, those before it are cut, what the routes know put in.
        ("N0PRA>DK5SG DB0ID", "N0PRA->DK5SG via DB0ID-2*,DB0XX,DB0YY"),
        (
            "N0PRA>DK5SG DB0AA* DB0ID",
            "N0PRA->DK5SG via DB0ID-2*,DB0XX,DB0YY",
        ),
        // Others: the default line.
        ("N0PRA>DB0ZZ DB0ID", "N0PRA->DB0ZZ via DB0ID*"),
        (
            "N0PRA>DB0ZZ DB0ID DB0YY",
            "N0PRA->DB0ZZ via DB0ID-2*,DB0XX,DB0YY",
        ),
        // Everybody behind us.
        ("N0PRA>QST DB0ID", "N0PRA->QST via DB0ID*"),
    ] {
        ax25.receive(now, Port(0), &frame(path, Class::Command, &ui));
        let sent = leaves(&mut ax25, now);
        assert_eq!(sent.len(), 1, "{path}");
        assert_eq!(sent[0].1, expected, "{path}");
        assert_eq!(sent[0].3, ui);
    }
    for (port, path) in [
        (1, "N0PRA>DK5SG DB0ID"),
        (0, "N0PRA>DK5SG DB0AA DB0ID"),
        (0, "N0PRA>DK5SG DB0ID*"),
        (0, "N0PRA>DK5SG"),
        (0, "N0PRA>DB0ZZ QST"),
    ] {
        ax25.receive(now, Port(port), &frame(path, Class::Command, &ui));
        assert!(leaves(&mut ax25, now).is_empty(), "{path}");
    }
    ax25.routes.default = None;
    ax25.receive(
        now,
        Port(0),
        &frame("N0PRA>DB0Q DB0ID", Class::Command, &ui),
    );
    assert!(leaves(&mut ax25, now).is_empty());
    assert_eq!(ax25.counters.no_path, 1);
}

#[test]
fn a_path_of_eight_is_the_longest() {
    let (mut ax25, now) = station();
    let digis = "DB0ID D2 D3 D4 D5 D6 D7 D8";
    ax25.routes
        .add(0, Port(0), &calls("DB0XX"), call("D2"), true);
    let ui = [0x03, 0xf0];
    ax25.receive(
        now,
        Port(0),
        &frame(&format!("N0PRA>DK5SG {digis}"), Class::Command, &ui),
    );
    assert!(
        leaves(&mut ax25, now).is_empty(),
        "there is no room for one more"
    );
    assert_eq!(ax25.counters.no_path, 1);
    ax25.receive(
        now,
        Port(0),
        &frame("N0PRA>DK5SG DB0ID D2 D3 D4 D5 D6 D7", Class::Command, &ui),
    );
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent[0].1, "N0PRA->DK5SG via DB0ID*,DB0XX,D2,D3,D4,D5,D6,D7");
    assert!(Digis::new(&calls("A B C D E F G H I")).is_none());
}

#[test]
fn who_asks_for_what_is_not_there_gets_dm() {
    let (mut ax25, now) = station();
    for (class, unit, expected) in [
        // DISC, RR with P, I with P: DM with F.
        (Class::Command, &[0x53][..], Some(&[0x1f][..])),
        (Class::Command, &[0x11], Some(&[0x1f])),
        (Class::Command, &[0x10, 0xf0, b'x'], Some(&[0x1f])),
        (Class::Unknown, &[0x53], Some(&[0x1f])),
        (Class::Command, &[0x43], Some(&[0x0f])),
        // TEST is given back.
        (Class::Command, &[0xf3, 1, 2], Some(&[0xf3, 1, 2])),
        // Without P, and what is an answer: nothing.
        (Class::Command, &[0x00, 0xf0, b'x'], None),
        (Class::Response, &[0x11], None),
        (Class::Response, &[0x1f], None),
        (Class::Unknown, &[0x1f], None),
        (Class::Unknown, &[0x73], None),
        (Class::Command, &[0x97, 0, 0, 0], None),
    ] {
        ax25.receive(now, Port(0), &frame("N0PRA>DB0ID D2* D1*", class, unit));
        let sent = leaves(&mut ax25, now);
        let answer = sent.first().map(|(_, _, _, rest)| rest.as_slice());
        assert_eq!(answer, expected, "{class:?} {unit:02x?}");
        if let Some((port, path, class, _)) = sent.first() {
            assert_eq!((*port, *class), (0, Class::Response));
            assert_eq!(path, "DB0ID->N0PRA via D1,D2");
        }
        assert_eq!(ax25.link_count(), 0);
    }
    // Ourselves, everybody, others.
    for path in ["DB0ID>DB0ID", "N0PRA>QST", "N0PRA>DB0ID-2", "N0PRA>DB0XX"] {
        ax25.receive(now, Port(0), &frame(path, Class::Command, &[0x3f]));
        assert!(leaves(&mut ax25, now).is_empty(), "{path}");
        assert_eq!(ax25.link_count(), 0);
    }
}

#[test]
fn a_crosslink_step_by_step() {
    let (mut ax25, now) = station();
    ax25.routes.add(0, Port(1), &[], call("DK5SG"), true);
    let to_us = |unit: &[u8]| frame("N0PRA>DK5SG D1* DB0ID", Class::Command, unit);
    let from_far = |class, unit: &[u8]| frame("DK5SG>N0PRA DB0ID-2", class, unit);
    // The caller is not answered before the called station has answered.
    ax25.receive(now, Port(0), &to_us(&[0x3f]));
    let sent = leaves(&mut ax25, now);
    let far = "N0PRA->DK5SG via DB0ID-2*".to_owned();
    let near = "DK5SG->N0PRA via DB0ID*,D1".to_owned();
    assert_eq!(sent, [(1, far.clone(), Class::Command, vec![0x3f])]);
    assert_eq!(ax25.links().filter(|link| link.crosslink).count(), 2);
    // His repetition brings no answer either.
    ax25.receive(now, Port(0), &to_us(&[0x3f]));
    assert!(leaves(&mut ax25, now).iter().all(|(port, ..)| *port == 1));
    ax25.receive(now, Port(1), &from_far(Class::Response, &[0x73]));
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent, [(0, near.clone(), Class::Response, vec![0x73])]);
    // An I frame goes on with the numbers of the other side, and its PID.
    ax25.receive(now, Port(0), &to_us(&[0x10, 0xcc, 1, 2]));
    let sent = leaves(&mut ax25, now);
    assert!(
        sent.contains(&(0, near.clone(), Class::Response, vec![0x31])),
        "{sent:?}"
    );
    assert!(
        sent.contains(&(1, far.clone(), Class::Command, vec![0x00, 0xcc, 1, 2])),
        "{sent:?}"
    );
    assert!(ax25.poll_packet(&mut Vec::new()).is_none() && ax25.poll_event().is_none());
    // The end of one is that of the other, when all is through.
    ax25.receive(now, Port(0), &to_us(&[0x53]));
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent, [(0, near, Class::Response, vec![0x73])]);
    ax25.receive(now, Port(1), &from_far(Class::Response, &[0x21]));
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent, [(1, far, Class::Command, vec![0x53])]);
    ax25.receive(now, Port(1), &from_far(Class::Response, &[0x73]));
    assert!(leaves(&mut ax25, now).is_empty());
    assert_eq!(ax25.link_count(), 0);
}

#[test]
fn who_does_not_want_a_crosslink() {
    let (mut ax25, now) = station();
    let to_us = |unit: &[u8]| frame("N0PRA>DK5SG DB0ID", Class::Command, unit);
    let far = |unit: &[u8]| frame("DK5SG>N0PRA DB0ID", Class::Response, unit);
    ax25.receive(now, Port(0), &to_us(&[0x3f]));
    assert_eq!(leaves(&mut ax25, now).len(), 1);
    ax25.receive(now, Port(0), &far(&[0x1f]));
    let sent = leaves(&mut ax25, now);
    let near = "DK5SG->N0PRA via DB0ID*".to_owned();
    assert_eq!(sent, [(0, near, Class::Response, vec![0x1f])]);
    assert_eq!(ax25.link_count(), 0);
    // Without SABM there is none.
    ax25.receive(now, Port(0), &to_us(&[0x11]));
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent[0].3, [0x1f]);
    assert_eq!(ax25.link_count(), 0);
    // The caller gives up before he is connected.
    ax25.receive(now, Port(0), &to_us(&[0x3f]));
    leaves(&mut ax25, now);
    ax25.receive(now, Port(0), &to_us(&[0x53]));
    leaves(&mut ax25, now);
    assert_eq!(ax25.link_count(), 0);
}

#[test]
fn sessions_begin_with_text_or_at_once() {
    let (mut ax25, now) = station();
    let connect = frame("N0PRA>DB0ID", Class::Command, &[0x3f]);
    let first = frame("N0PRA>DB0ID", Class::Command, &[0x00, 0xf0, b'?', b'\r']);
    let second = frame("N0PRA>DB0ID", Class::Command, &[0x02, 0xf0, b'h', b'i']);
    ax25.receive(now, Port(0), &connect);
    let Some(Event::Up { link, .. }) = ax25.poll_event() else {
        panic!("it is up");
    };
    assert_eq!(ax25.poll_event(), None);
    ax25.receive(now, Port(0), &first);
    assert_eq!(ax25.poll_event(), Some(Event::Incoming(link)));
    ax25.receive(now, Port(0), &second);
    assert_eq!(ax25.poll_event(), Some(Event::Readable(link)));
    let mut text = Vec::new();
    assert_eq!(ax25.read(link, &mut text), Some(pid::TEXT));
    assert_eq!(text, b"hi");
    // Nobody else gets it, but there may be one with another of our call signs.
    let digis: &[Call] = &[];
    assert_eq!(
        ax25.connect(now, None, call("N0PRA"), digis, None),
        Err(ConnectError::Exists)
    );
    ax25.reset(now, link);
    ax25.release(now, link);
    leaves(&mut ax25, now);
    assert_eq!(ax25.link_count(), 0);
    while ax25.poll_event().is_some() {}
    ax25.routes.set_jumpstart(call("N0PRA"), true);
    ax25.receive(now, Port(0), &connect);
    assert!(matches!(ax25.poll_event(), Some(Event::Up { .. })));
    assert!(matches!(ax25.poll_event(), Some(Event::Incoming(_))));
    // Without a server the first text is the end.
    let (mut ax25, now) = station();
    ax25.listens = false;
    ax25.receive(now, Port(0), &connect);
    leaves(&mut ax25, now);
    ax25.receive(now, Port(0), &first);
    let sent = leaves(&mut ax25, now);
    assert!(
        sent.iter().any(|(_, _, _, rest)| rest == &[0x53]),
        "{sent:?}"
    );
}

#[test]
fn programs_have_call_signs_of_their_own() {
    let (mut ax25, now) = station();
    assert!(!ax25.register(Call::NONE) && !ax25.register(Call::QST));
    // That of a line is the line's besides.
    assert!(ax25.register(call("DB0ID-2")) && !ax25.register(call("DB0ID-2")));
    ax25.unregister(call("DB0ID-2"));
    assert!(ax25.is_own(call("DB0ID-2")));
    let connect = frame("N0PRA>DB0ID-7", Class::Command, &[0x3f]);
    ax25.receive(now, Port(1), &connect);
    assert_eq!(ax25.link_count(), 0);
    assert!(ax25.register(call("DB0ID-7")) && !ax25.register(call("DB0ID-7")));
    ax25.receive(now, Port(1), &connect);
    let sent = leaves(&mut ax25, now);
    assert_eq!(sent[0].1, "DB0ID-7->N0PRA");
    assert!(matches!(ax25.poll_event(), Some(Event::Up { .. })));
    assert!(matches!(ax25.poll_event(), Some(Event::Incoming(_))));
    ax25.unregister(call("DB0ID-7"));
    assert!(!ax25.is_own(call("DB0ID-7")));
}

#[test]
fn lines_that_are_full_are_waited_for() {
    let (mut ax25, now) = station();
    let ui = |ax25: &mut Ax25| ax25.send_ui(Some(Port(0)), None, Call::QST, &[], pid::TEXT, b"x");
    let sent = (0..100).filter(|_| ui(&mut ax25)).count();
    assert_eq!((sent, ax25.counters.queue_full), (64, 36));
    let mut frame = Vec::new();
    assert!(
        ax25.poll_transmit(now, &mut |_| false, &mut frame)
            .is_none()
    );
    // The other line is not held up.
    assert!(ax25.send_ui(Some(Port(1)), None, Call::QST, &[], pid::TEXT, b"y"));
    let other = ax25.poll_transmit(now, &mut |port| port == Port(1), &mut frame);
    assert_eq!(other.unwrap().port, Port(1));
    assert!(
        ax25.poll_transmit(now, &mut |port| port == Port(1), &mut frame)
            .is_none()
    );
    assert_eq!(leaves(&mut ax25, now).len(), 64);
    ax25.set_port(
        Port(0),
        PortSettings {
            call: call("DB0ID"),
            datagram: true,
            forward: Some(Port(1)),
        },
    );
    assert!(ui(&mut ax25));
    let sent = leaves(&mut ax25, now);
    assert_eq!((sent[0].0, sent[0].1.as_str()), (1, "DB0ID-2->QST"));
}

#[test]
fn paths_are_typed_as_people_do() {
    let path = |words: &str| parse_path(words.split(' '));
    assert_eq!(
        path("db0id via db0sao-1 v n0pra"),
        Ok((call("DB0ID"), calls("DB0SAO-1 N0PRA")))
    );
    assert_eq!(path("via"), Ok((call("VIA"), Vec::new())));
    assert_eq!(
        path("a b c d e f g h i").map(|(_, digis)| digis.len()),
        Ok(8)
    );
    assert_eq!(
        path("a b c d e f g h i j"),
        Err("Too many digipeaters (max 8)".to_owned())
    );
    assert_eq!(path("a b-16"), Err("Invalid call \"b-16\"".to_owned()));
    assert_eq!(parse_path([].into_iter()), Err("Missing call".to_owned()));
}
