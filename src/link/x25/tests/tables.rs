//! Annex C: every packet in every state, at either end.

use super::*;

/// What a packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// The state is another, or the packet was taken, without an error.
    Normal,
    /// It is dropped.
    Discard,
    /// The call is cleared with this diagnostic.
    Clear(u8),
    /// The circuit is reset.
    Reset(u8),
    /// The link is restarted.
    Restart(u8),
    /// A diagnostic packet.
    Diagnostic(u8),
}

use Done::{Clear, Diagnostic, Discard, Normal, Reset, Restart};

/// Channel 5 is a two-way one.
const PACKETS: [(&str, &str); 13] = [
    ("call", "10 05 0b 00 00"),
    ("accepted", "10 05 0f"),
    ("clear", "10 05 13 00 00"),
    ("clear confirmation", "10 05 17"),
    ("data", "10 05 00 01"),
    ("RR", "10 05 01"),
    ("REJ", "10 05 09"),
    ("interrupt", "10 05 23 01"),
    ("reset", "10 05 1b 00 00"),
    ("reset confirmation", "10 05 1f"),
    ("restart on a channel", "10 05 fb 00 00"),
    ("no type", "10 05"),
    ("unknown", "10 05 33"),
];

/// A layer whose channel 5 is in a state, which its name tells from the sender of the peer's
/// packets: "our call" is p2 of a DTE and p3 of a DCE.
fn in_state(role: Role, state: &str) -> Layer {
    let now = Clock::new().now();
    let mut parameters = Parameters::new(role, channels());
    parameters.channels = Channels {
        permanent: Some(1..=1),
        two_way: Some(5..=5),
        ..Channels::default()
    };
    let mut layer = Layer::new(parameters).unwrap();
    layer.link_up(now);
    let up = |layer: &mut Layer| {
        sent(layer, now);
        layer.receive(now, &hex("10 00 ff"));
    };
    if state == "our restart" {
        sent(&mut layer, now);
        return layer;
    }
    up(&mut layer);
    let our_call = |layer: &mut Layer| {
        layer.call(now, &Call::default()).unwrap();
        sent(layer, now);
    };
    let connect = |layer: &mut Layer| {
        our_call(layer);
        layer.receive(now, &hex("10 05 0f"));
    };
    match state {
        "p1" => {}
        "their call" => layer.receive(now, &hex("10 05 0b 00 00")),
        "our call" => our_call(&mut layer),
        "p4" => connect(&mut layer),
        "p5" => {
            our_call(&mut layer);
            layer.receive(now, &hex("10 05 0b 00 00"));
        }
        "their clear" => {
            connect(&mut layer);
            layer.receive(now, &hex("10 05 13 00 00"));
        }
        "our clear" => {
            connect(&mut layer);
            layer.clear(now, lci(5), 0, 0, &Call::default()).unwrap();
            sent(&mut layer, now);
        }
        "their reset" => {
            connect(&mut layer);
            layer.receive(now, &hex("10 05 1b 00 00"));
        }
        "our reset" => {
            connect(&mut layer);
            layer.reset(now, lci(5), 0, 0).unwrap();
            sent(&mut layer, now);
        }
        "their restart" => layer.receive(now, &hex("10 00 fb 00 00")),
        other => panic!("{other}"),
    }
    events(&mut layer);
    layer
}

/// What a packet does to a layer, which also must say it with the right cause.
fn done(layer: &mut Layer, packet: &str) -> Done {
    let now = Clock::new().now();
    let (before, state) = (*layer.counters(), layer.link_state());
    layer.receive(now, &hex(packet));
    let after = *layer.counters();
    let dce = layer.parameters().role == Role::Dce;
    let cause = |network| if dce { network } else { 0 };
    if after.discarded > before.discarded || after.unassigned > before.unassigned && !dce {
        assert_eq!(events(layer), []);
        return Discard;
    }
    let mut packets = sent(layer, now);
    packets.retain(|packet| *packet != hex("10 00 ff"));
    match packets.first().map(Vec::as_slice) {
        Some([0x10, 0, 0xfb, said, diagnostic]) if state != LinkState::Down => {
            assert_eq!(*said, cause(cause::restart::LOCAL_PROCEDURE_ERROR));
            Restart(*diagnostic)
        }
        Some([0x10, _, 0x13, said, diagnostic]) => {
            assert_eq!(*said, cause(cause::clear::LOCAL_PROCEDURE_ERROR));
            Clear(*diagnostic)
        }
        Some([0x10, _, 0x1b, said, diagnostic]) => {
            assert_eq!(*said, cause(cause::reset::LOCAL_PROCEDURE_ERROR));
            Reset(*diagnostic)
        }
        Some([0x10, 0, 0xf1, diagnostic, rest @ ..]) => {
            assert!(dce && hex(packet).starts_with(rest));
            Diagnostic(*diagnostic)
        }
        _ if [after.malformed, after.too_short, after.wrong_format]
            != [before.malformed, before.too_short, before.wrong_format] =>
        {
            Discard
        }
        _ => {
            assert_eq!(after.errors, before.errors);
            Normal
        }
    }
}

/// Table C-3 (but for clear confirmations in p1 and on our call) as a DCE has it: p1, their call (p2), our call (p3), both (p5), their clear (p6), our
/// clear (p7). Of a DTE the numbers of p2 and p3, and of p6 and p7, change places.
fn calls(role: Role) -> [(&'static str, [Done; 13]); 6] {
    let state = |dce: u8, dte: u8| if role == Role::Dce { dce } else { dte };
    let errors = |code: u8| {
        let c = Clear(code);
        let odd = [Clear(41), Clear(38), Clear(33)];
        let mut row = [c; 13];
        row[10..].copy_from_slice(&odd);
        row[2] = Normal;
        row
    };
    let with = |mut row: [Done; 13], changes: &[(usize, Done)]| {
        for (at, done) in changes {
            row[*at] = *done;
        }
        row
    };
    let p5 = if role == Role::Dce {
        errors(24)
    } else {
        with(errors(24), &[(1, Normal)])
    };
    let mut ours = [Discard; 13];
    ours[2] = Normal;
    ours[3] = Normal;
    [
        ("p1", with(errors(20), &[(0, Normal), (3, Discard)])),
        ("their call", errors(state(21, 22))),
        (
            "our call",
            with(
                errors(state(22, 21)),
                &[(0, Normal), (1, Normal), (3, Discard)],
            ),
        ),
        ("p5", p5),
        ("their clear", with(errors(state(25, 26)), &[(2, Discard)])),
        ("our clear", ours),
    ]
}

/// Table C-4: d1, their reset (d2 of a DCE), our reset (d3).
fn circuits(role: Role) -> [(&'static str, [Done; 13]); 3] {
    let theirs = Reset(if role == Role::Dce { 28 } else { 29 });
    let odd = |row: &mut [Done; 13]| {
        row[0] = Clear(23);
        row[1] = Clear(23);
        row[2] = Normal;
        row[3] = Clear(23);
        row[10..].copy_from_slice(&[Reset(41), Reset(38), Reset(33)]);
    };
    let mut d1 = [Normal; 13];
    d1[6] = Reset(37);
    d1[9] = Reset(27);
    odd(&mut d1);
    let mut their = [theirs; 13];
    their[8] = Discard;
    odd(&mut their);
    let mut ours = [Discard; 13];
    odd(&mut ours);
    ours[10..].copy_from_slice(&[Discard; 3]);
    ours[8] = Normal;
    ours[9] = Normal;
    [("p4", d1), ("their reset", their), ("our reset", ours)]
}

#[test]
fn calls_and_circuits_as_tables_c_3_and_c_4_have_them() {
    for role in [Role::Dte, Role::Dce] {
        for (state, row) in calls(role).into_iter().chain(circuits(role)) {
            for ((name, packet), expected) in PACKETS.into_iter().zip(row) {
                let mut layer = in_state(role, state);
                let found = done(&mut layer, packet);
                assert_eq!(found, expected, "{role:?} in {state}: {name}");
            }
        }
    }
}

#[test]
fn the_link_as_tables_c_1_and_c_2_have_it() {
    // In r1, while the peer restarts, while this end does.
    let both = |done| [done; 3];
    let rows = |dce: bool| {
        let theirs = if dce { 18 } else { 19 };
        let complain = |code| if dce { Diagnostic(code) } else { Discard };
        [
            ("10 00 fb 00 00", [Normal, Discard, Normal]),
            ("10 00 ff", [Restart(17), Restart(theirs), Normal]),
            // On a channel with or without a call.
            ("10 05 00", [Clear(20), Restart(theirs), Discard]),
            ("10 01 00", [Normal, Restart(theirs), Discard]),
            // Short ones, other formats, channels that are not used.
            ("10", both(complain(38))),
            ("20 05 00", both(complain(40))),
            ("10 04 00", both(complain(36))),
            ("10 00", [complain(38), complain(38), Discard]),
            ("10 00 fb", [complain(38), complain(38), Discard]),
            ("10 00 33", [complain(33), complain(33), Discard]),
            ("10 00 13 00 00", [complain(36), complain(36), Discard]),
            ("10 00 f3", [complain(33), complain(33), Discard]),
        ]
    };
    for role in [Role::Dte, Role::Dce] {
        for (packet, row) in rows(role == Role::Dce) {
            for (state, expected) in ["p1", "their restart", "our restart"].into_iter().zip(row) {
                let mut layer = in_state(role, state);
                let found = done(&mut layer, packet);
                assert_eq!(found, expected, "{role:?} in {state}: {packet}");
            }
        }
    }
}

#[test]
fn a_call_where_the_peer_may_not_call_is_cleared() {
    for (role, channel) in [(Role::Dte, "09"), (Role::Dce, "03")] {
        let now = Clock::new().now();
        let mut layer = Layer::new(Parameters::new(role, channels())).unwrap();
        layer.link_up(now);
        sent(&mut layer, now);
        layer.receive(now, &hex("10 00 ff"));
        events(&mut layer);
        let found = done(&mut layer, &format!("10 {channel} 0b 00 00"));
        assert_eq!(found, Clear(diagnostic::ONE_WAY_CHANNEL));
        assert_eq!(events(&mut layer), []);
    }
}

#[test]
fn permanent_circuits_are_reset_for_what_belongs_to_calls() {
    for role in [Role::Dte, Role::Dce] {
        for packet in ["10 01 0b 00 00", "10 01 0f", "10 01 13 00 00", "10 01 17"] {
            let mut layer = in_state(role, "p1");
            assert_eq!(done(&mut layer, packet), Reset(35));
        }
    }
}

#[test]
fn data_that_break_a_rule_reset_the_circuit() {
    let long = format!("10 05 00 {}", "00 ".repeat(129));
    for (packet, code) in [
        ("10 05 02 01", diagnostic::INVALID_PS),
        ("10 05 0e 01", diagnostic::INVALID_PS),
        ("10 05 20 01", diagnostic::INVALID_PR),
        ("10 05 21", diagnostic::INVALID_PR),
        ("10 05 e5", diagnostic::INVALID_PR),
        ("10 05 01 00", diagnostic::TOO_LONG),
        (&long, diagnostic::TOO_LONG),
        ("10 05 09", diagnostic::REJECT_NOT_SUBSCRIBED),
        ("10 05 23", diagnostic::TOO_SHORT),
        ("10 05 27", diagnostic::UNAUTHORIZED_CONFIRMATION),
    ] {
        for role in [Role::Dte, Role::Dce] {
            let mut layer = in_state(role, "p4");
            assert_eq!(done(&mut layer, packet), Reset(code), "{packet}");
            assert!(matches!(
                events(&mut layer)[..],
                [Event::Reset { by: By::Layer, .. }]
            ));
        }
    }
    // A window of two that nobody reads.
    let mut layer = in_state(Role::Dce, "p4");
    for (packet, expected) in [
        ("10 05 00 01", Normal),
        ("10 05 02 01", Normal),
        ("10 05 04 01", Reset(diagnostic::INVALID_PS)),
    ] {
        assert_eq!(done(&mut layer, packet), expected);
    }
    // Interrupts one by one.
    let mut layer = in_state(Role::Dce, "p4");
    assert_eq!(done(&mut layer, "10 05 23 01"), Normal);
    assert_eq!(
        done(&mut layer, "10 05 23 01"),
        Reset(diagnostic::UNAUTHORIZED_INTERRUPT)
    );
}

/// By the letter it is an error (diagnostic 81), but Linux as a DTE clears with whatever cause its program says.
#[test]
fn a_dce_takes_causes_of_networks_from_a_dte() {
    for cause in ["05", "87", "00"] {
        let mut layer = in_state(Role::Dce, "p4");
        assert_eq!(done(&mut layer, &format!("10 05 1b {cause} 00")), Normal);
        let mut layer = in_state(Role::Dce, "p4");
        assert_eq!(done(&mut layer, &format!("10 05 13 {cause} 00")), Normal);
    }
}

#[test]
fn a_diagnostic_is_told_and_never_answered() {
    let mut layer = in_state(Role::Dte, "p4");
    assert_eq!(done(&mut layer, "10 00 f1 24 10 09 00"), Normal);
    let told = Event::Diagnostic {
        code: diagnostic::UNASSIGNED_CHANNEL,
        explanation: vec![0x10, 9, 0],
    };
    assert_eq!(events(&mut layer), [told]);
    let mut layer = in_state(Role::Dce, "p4");
    assert_eq!(done(&mut layer, "10 00 f1 24 10 09 00"), Discard);
}

#[test]
fn diagnostics_have_a_bound() {
    let mut layer = in_state(Role::Dce, "p1");
    for _ in 0..20 {
        layer.receive(Clock::new().now(), &hex("10 04 00"));
    }
    assert_eq!(sent(&mut layer, Clock::new().now()).len(), 8);
    assert_eq!(layer.counters().diagnostics_lost, 12);
    assert_eq!(layer.counters().unassigned, 20);
}

#[test]
fn malformed_calls_are_refused_with_what_is_wrong() {
    for (packet, cause, code) in [
        ("10 05 0b", 0x13, diagnostic::TOO_SHORT),
        ("10 05 0b 01", 0x13, diagnostic::TOO_SHORT),
        (
            "10 05 0b 01 a0 00",
            0x13,
            diagnostic::INVALID_CALLED_ADDRESS,
        ),
        (
            "10 05 0b 10 a0 00",
            0x13,
            diagnostic::INVALID_CALLING_ADDRESS,
        ),
        (
            "10 05 0b 00 03 42 0d 07",
            3,
            diagnostic::PARAMETER_NOT_ALLOWED,
        ),
        (
            "10 05 0b 00 03 43 08 02",
            3,
            diagnostic::PARAMETER_NOT_ALLOWED,
        ),
        (
            "10 05 0b 00 02 43 08",
            3,
            diagnostic::INVALID_FACILITY_LENGTH,
        ),
        (
            "10 05 0b 00 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
            0x13,
            diagnostic::TOO_LONG,
        ),
    ] {
        let mut layer = in_state(Role::Dce, "p1");
        layer.receive(Clock::new().now(), &hex(packet));
        let expected = vec![0x10, 5, 0x13, cause, code];
        assert_eq!(sent(&mut layer, Clock::new().now()), [expected], "{packet}");
        assert_eq!(events(&mut layer), []);
    }
}
