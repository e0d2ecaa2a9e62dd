//! The procedures as tables: in this phase, after this frame or deadline, these frames are sent,
//! the phase is this and the owner hears that.

use super::*;

/// A bench in a phase, nothing left to send or fetch.
fn in_phase(phase: &str) -> Bench {
    let mut bench = Bench::up(Parameters::default());
    let now = bench.now;
    match phase {
        "information" => {}
        // Frames have passed both ways.
        "used" => {
            bench.hear("c I 0 0");
            bench.send(b"out").unwrap();
            bench.sent();
        }
        "rejecting" => {
            bench.hear("r RR 5");
            bench.sent();
        }
        "disconnected" => {
            bench.hear("c DISC P");
            bench.sent();
        }
        "refusing" => {
            bench.engine().disconnect(now);
            bench.hear("r UA F");
            bench.sent();
        }
        "setup" => {
            bench = in_phase("disconnected");
            let now = bench.now;
            bench.engine().connect(now);
            assert_eq!(bench.sent(), "c SABM P");
        }
        "resetting" => {
            bench.engine().reset(now);
            assert_eq!(bench.sent(), "c SABM P");
        }
        "disconnecting" => {
            bench.engine().disconnect(now);
            assert_eq!(bench.sent(), "c DISC P");
        }
        "recovering" => {
            bench = in_phase("used");
            bench.pass(Duration::from_secs(3));
            assert_eq!(bench.sent(), "c RR 1 P");
        }
        other => panic!("{other}"),
    }
    bench.events();
    bench
}

fn run(rows: &[(&str, &str, &str, Phase, &str)]) {
    for &(phase, what, sent, then, events) in rows {
        let mut bench = in_phase(phase);
        match what {
            "T1" => bench.pass(Duration::from_secs(3)),
            "N2 x T1" => {
                for _ in 0..10 {
                    bench.sent();
                    bench.pass(Duration::from_secs(3));
                }
            }
            // A control field of SREJ, of UI, and a poll with an undefined one.
            "undefined" => drop(bench.link.receive(bench.now, &[0x01, 0x0d])),
            "undefined P" => drop(bench.link.receive(bench.now, &[0x01, 0x13])),
            "undefined response" => drop(bench.link.receive(bench.now, &[0x03, 0x13])),
            frame => drop(bench.hear(frame)),
        }
        let row = format!("{phase}, {what}");
        assert_eq!(bench.sent(), sent, "{row}");
        assert_eq!(bench.link.engine().phase(), then, "{row}");
        assert_eq!(bench.events(), events, "{row}");
        let up = matches!(then, Information | Rejecting);
        let resetting = then == Setup && (phase == "resetting" || events.contains("Reset"));
        assert_eq!(bench.link.engine().is_up(), up || resetting, "{row}");
    }
}

use Phase::{Disconnected, Disconnecting, Information, Rejecting, Setup};

#[test]
fn disconnected_phase() {
    run(&[
        ("disconnected", "c SABM P", "r UA F", Information, "Up"),
        ("disconnected", "c SABM", "r UA", Information, "Up"),
        ("disconnected", "c SABME P", "r DM F", Disconnected, ""),
        ("disconnected", "c DISC P", "r DM F", Disconnected, ""),
        ("disconnected", "c DISC", "r DM", Disconnected, ""),
        ("disconnected", "c RR 0 P", "r DM F", Disconnected, ""),
        ("disconnected", "c RNR 0 P", "r DM F", Disconnected, ""),
        ("disconnected", "c REJ 0 P", "r DM F", Disconnected, ""),
        ("disconnected", "c I 0 0 P", "r DM F", Disconnected, ""),
        ("disconnected", "undefined P", "r DM F", Disconnected, ""),
        ("disconnected", "c RR 0", "", Disconnected, ""),
        ("disconnected", "c I 0 0", "", Disconnected, ""),
        ("disconnected", "undefined", "", Disconnected, ""),
        ("disconnected", "undefined response", "", Disconnected, ""),
        ("disconnected", "r RR 0 F", "", Disconnected, ""),
        ("disconnected", "r UA F", "", Disconnected, ""),
        ("disconnected", "r FRMR F", "", Disconnected, ""),
        ("disconnected", "r DM F", "", Disconnected, ""),
        // The peer asks to be set up.
        ("disconnected", "r DM", "c SABM P", Setup, ""),
        // Nobody here wants the link.
        ("refusing", "c SABM P", "r DM F", Disconnected, ""),
        ("refusing", "c DISC P", "r DM F", Disconnected, ""),
        ("refusing", "r DM", "", Disconnected, ""),
    ]);
}

#[test]
fn set_up() {
    run(&[
        ("setup", "r UA F", "", Information, "Up"),
        ("setup", "r UA", "", Setup, ""),
        ("setup", "r DM F", "", Disconnected, "Down Refused"),
        ("setup", "r DM", "", Setup, ""),
        ("setup", "c SABM P", "r UA F", Information, "Up"),
        ("setup", "c SABME P", "r DM F", Setup, ""),
        (
            "setup",
            "c DISC P",
            "r DM F",
            Disconnected,
            "Down Collision",
        ),
        ("setup", "c I 0 0 P", "", Setup, ""),
        ("setup", "c RR 0 P", "", Setup, ""),
        ("setup", "r FRMR", "", Setup, ""),
        ("setup", "undefined P", "", Setup, ""),
        ("setup", "T1", "c SABM P", Setup, ""),
        ("setup", "N2 x T1", "", Disconnected, "Down NoAnswer"),
        ("resetting", "r UA F", "", Information, ""),
        ("resetting", "c SABM P", "r UA F", Information, ""),
        ("resetting", "r DM F", "", Disconnected, "Down Refused"),
        ("resetting", "N2 x T1", "", Disconnected, "Down NoAnswer"),
    ]);
}

#[test]
fn disconnection() {
    run(&[
        ("disconnecting", "r UA F", "", Disconnected, "Down Local"),
        ("disconnecting", "r DM F", "", Disconnected, "Down Local"),
        ("disconnecting", "r UA", "", Disconnecting, ""),
        (
            "disconnecting",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down Local",
        ),
        (
            "disconnecting",
            "c SABM P",
            "r DM F",
            Disconnected,
            "Down Local",
        ),
        ("disconnecting", "c I 0 0 P", "", Disconnecting, ""),
        ("disconnecting", "r RR 0", "", Disconnecting, ""),
        ("disconnecting", "undefined P", "", Disconnecting, ""),
        ("disconnecting", "T1", "c DISC P", Disconnecting, ""),
        ("disconnecting", "N2 x T1", "", Disconnected, "Down Local"),
    ]);
}

#[test]
fn information_transfer() {
    run(&[
        ("information", "c SABM P", "", Information, ""),
        ("used", "c SABM P", "r UA F", Information, "Reset PeerReset"),
        (
            "used",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down PeerDisconnected",
        ),
        ("used", "r DM F", "", Disconnected, "Down DisconnectedMode"),
        ("used", "r DM", "", Disconnected, "Down DisconnectedMode"),
        ("used", "r FRMR F", "c SABM P", Setup, "Reset FrameReject"),
        ("used", "r UA F", "c SABM P", Setup, "Reset Unsolicited"),
        ("information", "r UA F", "", Information, ""),
        ("used", "c I 1 0", "r RR 2", Information, ""),
        ("used", "c I 1 1 P", "r RR 2 F", Information, ""),
        ("used", "c I 0 1", "r RR 1", Information, ""),
        ("used", "c I 3 1", "r REJ 1", Information, ""),
        ("used", "c I 3 1 P", "r REJ 1 F", Information, ""),
        ("used", "c RR 1 P", "r RR 1 F", Information, ""),
        ("used", "c RNR 1 P", "r RR 1 F", Information, ""),
        ("used", "c REJ 0 P", "r RR 1 F, c I 0 1", Information, ""),
        ("used", "r REJ 0", "c I 0 1", Information, ""),
        ("used", "r REJ 1", "", Information, ""),
        ("used", "r RR 1 F", "", Information, ""),
        ("used", "T1", "c RR 1 P", Information, ""),
        ("used", "N2 x T1", "c RR 1 P", Information, ""),
    ]);
}

#[test]
fn timer_recovery() {
    run(&[
        // The peer has it, and its acknowledgement was lost; or has it not.
        ("recovering", "r RR 1 F", "", Information, ""),
        ("recovering", "r RR 0 F", "c I 0 1", Information, ""),
        ("recovering", "r REJ 0 F", "c I 0 1", Information, ""),
        ("recovering", "r RNR 0 F", "", Information, ""),
        // Without F nothing is sent again.
        ("recovering", "r RR 0", "", Information, ""),
        ("recovering", "r REJ 0", "", Information, ""),
        ("recovering", "c RR 0 P", "r RR 1 F", Information, ""),
        ("recovering", "T1", "c RR 1 P", Information, ""),
        // The first poll is sent already.
        ("recovering", "N2 x T1", "c SABM P", Setup, "Reset NoAnswer"),
        (
            "recovering",
            "r RR 2 F",
            "r FRMR (rejects 5100, V(S)=1 V(R)=1 Z)",
            Rejecting,
            "",
        ),
    ]);
}

#[test]
fn frame_rejection() {
    run(&[
        (
            "used",
            "undefined",
            "r FRMR (rejects 0d00, V(S)=1 V(R)=1 W)",
            Rejecting,
            "",
        ),
        (
            "used",
            "undefined P",
            "r FRMR F (rejects 1300, V(S)=1 V(R)=1 W)",
            Rejecting,
            "",
        ),
        (
            "used",
            "undefined response",
            "r FRMR (rejects 1300, V(S)=1 V(R)=1 W)",
            Rejecting,
            "",
        ),
        (
            "used",
            "c SABME P",
            "r FRMR F (rejects 7f00, V(S)=1 V(R)=1 W)",
            Rejecting,
            "",
        ),
        (
            "used",
            "r SABM F",
            "r FRMR (rejects 3f00, V(S)=1 V(R)=1 W)",
            Rejecting,
            "",
        ),
        (
            "used",
            "c RR 3",
            "r FRMR (rejects 6100, V(S)=1 V(R)=1 Z)",
            Rejecting,
            "",
        ),
        (
            "used",
            "c I 1 7",
            "r FRMR (rejects e200, V(S)=1 V(R)=1 Z)",
            Rejecting,
            "",
        ),
        (
            "rejecting",
            "c RR 0 P",
            "r FRMR F (rejects a100, V(S)=0 V(R)=0 Z)",
            Rejecting,
            "",
        ),
        (
            "rejecting",
            "c I 0 0",
            "r FRMR (rejects a100, V(S)=0 V(R)=0 Z)",
            Rejecting,
            "",
        ),
        (
            "rejecting",
            "undefined",
            "r FRMR (rejects a100, V(S)=0 V(R)=0 Z)",
            Rejecting,
            "",
        ),
        (
            "rejecting",
            "c SABME P",
            "r FRMR F (rejects a100, V(S)=0 V(R)=0 Z)",
            Rejecting,
            "",
        ),
        ("rejecting", "r RR 0", "", Rejecting, ""),
        ("rejecting", "r UA F", "", Rejecting, ""),
        (
            "rejecting",
            "c SABM P",
            "r UA F",
            Information,
            "Reset PeerReset",
        ),
        (
            "rejecting",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down PeerDisconnected",
        ),
        (
            "rejecting",
            "r DM",
            "",
            Disconnected,
            "Down DisconnectedMode",
        ),
        (
            "rejecting",
            "r FRMR",
            "c SABM P",
            Setup,
            "Reset FrameReject",
        ),
        (
            "rejecting",
            "T1",
            "r FRMR (rejects a100, V(S)=0 V(R)=0 Z)",
            Rejecting,
            "",
        ),
        (
            "rejecting",
            "N2 x T1",
            "c SABM P",
            Setup,
            "Reset FrameReject",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_frame() {
    let parameters = Parameters {
        n1: 4,
        ..Parameters::default()
    };
    for (frame, information, reject) in [
        (
            "c RR 0",
            &b"x"[..],
            "r FRMR (rejects 0100, V(S)=0 V(R)=0 W X)",
        ),
        (
            "c SABM P",
            b"x",
            "r FRMR F (rejects 3f00, V(S)=0 V(R)=0 W X)",
        ),
        ("r UA F", b"x", "r FRMR (rejects 7300, V(S)=0 V(R)=0 W X)"),
        (
            "c I 0 0",
            b"12345",
            "r FRMR (rejects 0000, V(S)=0 V(R)=0 Y)",
        ),
        ("c I 0 1", b"1234", "r FRMR (rejects 2000, V(S)=0 V(R)=0 Z)"),
    ] {
        let mut bench = Bench::up(parameters);
        assert_eq!(bench.hear_with(frame, information), None);
        assert_eq!(bench.sent(), reject);
    }
    let extended = Parameters {
        modulo: Modulo::OneTwentyEight,
        ..parameters
    };
    let mut bench = Bench::up(extended);
    bench.hear("r RNR 100 F");
    assert_eq!(bench.sent(), "r FRMR (rejects 05c9, V(S)=0 V(R)=0 Z)");
    assert_eq!(
        bench.link.engine().frame_rejects()[1].unwrap().control,
        [0x05, 0xc9]
    );
    let counters = bench.link.engine().counters();
    assert_eq!((counters.invalid_nr, counters.sent.frmr), (1, 1));

    // The peer's reject is kept for people to read.
    let mut bench = Bench::up(parameters);
    bench.hear_with("r FRMR", &[0xc1, 0xa4, 0x08]);
    assert_eq!(bench.sent(), "c SABM P");
    let said = bench.link.engine().frame_rejects()[0].unwrap();
    assert_eq!(said.to_string(), "rejects c100, V(S)=2 V(R)=5 Z");
}
