//! The states as tables: in this state, after this frame or deadline, these frames are sent, the
//! state is this and the owner hears that.

use super::*;
use State::{Connected, Disconnected, Disconnecting, Recovery, Setup};

/// A bench in a state, nothing left to send or fetch.
fn in_state(state: &str) -> Bench {
    let plain = Parameters::default();
    let refusing = Parameters {
        extended: Extended::Refused,
        ..plain
    };
    let offering = Parameters {
        extended: Extended::Offered,
        ..plain
    };
    let mut bench = match state {
        "closed" => Bench::new(&plain),
        "listening" | "setup" => {
            let mut bench = Bench::new(&plain);
            bench.connection.listen();
            bench
        }
        "refusing" => {
            let mut bench = Bench::new(&refusing);
            bench.connection.listen();
            bench
        }
        "asking" => {
            let mut bench = Bench::new(&plain);
            bench.connection.ask();
            bench
        }
        "offering" => Bench::new(&offering),
        _ => Bench::up(&plain),
    };
    let now = bench.now;
    match state {
        "closed" | "listening" | "refusing" | "asking" | "connected" => {}
        "setup" => {
            bench.connection.connect(now);
            assert_eq!(bench.sent(), "c SABM P");
        }
        "offering" => {
            bench.connection.connect(now);
            assert_eq!(bench.sent(), "c SABME P");
        }
        // Frames have passed both ways.
        "used" | "recovery" => {
            bench.hear_with("c I 0 0", b"in");
            bench.send("out");
            assert_eq!(bench.sent(), "c I 0 1");
            if state == "recovery" {
                bench.pass_deadline();
                assert_eq!(bench.sent(), "c I 0 1 P");
            }
        }
        "disconnecting" => {
            bench.connection.close(now);
            assert_eq!(bench.sent(), "c DISC P");
        }
        other => panic!("{other}"),
    }
    bench.events();
    bench
}

fn run(rows: &[(&str, &str, &str, State, &str)]) {
    for &(state, what, sent, then, events) in rows {
        let mut bench = in_state(state);
        let now = bench.now;
        match what {
            "deadline" => bench.pass_deadline(),
            "silence" => {
                while bench.connection.state() != then {
                    bench.sent();
                    bench.pass_deadline();
                }
            }
            "undefined" => bench.connection.receive(now, Class::Command, &[0x17]),
            "nothing" => bench.connection.receive(now, Class::Command, &[]),
            "close" => bench.connection.close(now),
            "reset" => bench.connection.reset(now),
            "kick" => bench.connection.kick(now),
            frame => bench.hear(frame),
        }
        let row = format!("{state}, {what}");
        assert_eq!(bench.sent(), sent, "{row}");
        assert_eq!(bench.connection.state(), then, "{row}");
        assert_eq!(bench.events(), events, "{row}");
    }
}

#[test]
fn disconnected() {
    run(&[
        ("listening", "c SABM P", "r UA F", Connected, "Up"),
        ("listening", "c SABM", "r UA", Connected, "Up"),
        ("listening", "u SABM P", "r UA F", Connected, "Up"),
        ("listening", "c SABME P", "r UA F", Connected, "Up"),
        ("refusing", "c SABME P", "r DM F", Disconnected, ""),
        ("refusing", "c SABM P", "r UA F", Connected, "Up"),
        ("listening", "c DISC P", "r DM F", Disconnected, ""),
        ("listening", "c RR 0 P", "r DM F", Disconnected, ""),
        ("listening", "c I 0 0 P", "r DM F", Disconnected, ""),
        ("listening", "undefined", "r DM F", Disconnected, ""),
        ("listening", "c RR 0", "", Disconnected, ""),
        ("listening", "u RR 0 P", "", Disconnected, ""),
        ("listening", "r DM F", "", Disconnected, ""),
        ("listening", "r DM", "", Disconnected, ""),
        ("listening", "r UA F", "", Disconnected, ""),
        ("listening", "r FRMR F", "", Disconnected, ""),
        ("listening", "nothing", "", Disconnected, ""),
        ("closed", "c SABM P", "r DM F", Disconnected, ""),
        ("closed", "c SABME P", "r DM F", Disconnected, ""),
        ("asking", "c SABM P", "", Disconnected, "Asked"),
        ("asking", "c SABME", "", Disconnected, "Asked"),
        ("asking", "c DISC P", "r DM F", Disconnected, ""),
        ("closed", "close", "", Disconnected, ""),
        ("closed", "kick", "", Disconnected, ""),
    ]);
}

#[test]
fn set_up() {
    run(&[
        ("setup", "r UA F", "", Connected, "Up"),
        ("setup", "r UA", "", Connected, "Up"),
        ("setup", "u UA", "", Connected, "Up"),
        ("setup", "r DM F", "", Disconnected, "Down Refused"),
        ("setup", "u DM", "", Disconnected, "Down Refused"),
        // Such a DM answers something else.
        ("setup", "r DM", "", Setup, ""),
        // Both at once: where the other end is, its answer to a poll tells.
        ("setup", "c SABM P", "r UA F, c RR 0 P", Recovery, "Up"),
        ("setup", "c SABME P", "", Setup, ""),
        ("setup", "c DISC P", "r DM F", Setup, ""),
        ("setup", "c I 0 0 P", "", Setup, ""),
        ("setup", "r FRMR", "", Setup, ""),
        ("setup", "undefined", "", Setup, ""),
        ("setup", "deadline", "c SABM P", Setup, ""),
        ("setup", "kick", "c SABM P", Setup, ""),
        ("setup", "silence", "", Disconnected, "Down NoAnswer"),
        ("setup", "close", "", Disconnected, "Down Local"),
        ("setup", "reset", "", Disconnected, "Down Local"),
        ("offering", "r UA F", "c XID P", Connected, "Up"),
        ("offering", "r DM F", "c SABM P", Setup, ""),
        ("offering", "r FRMR F", "c SABM P", Setup, ""),
        ("offering", "c SABM P", "r UA F, c RR 0 P", Recovery, "Up"),
        ("offering", "deadline", "c SABME P", Setup, ""),
        ("offering", "silence", "", Disconnected, "Down NoAnswer"),
    ]);
}

#[test]
fn information_transfer() {
    run(&[
        ("connected", "c SABM P", "r UA F", Connected, ""),
        (
            "used",
            "c SABM P",
            "r UA F, c I 0 0",
            Connected,
            "Reset PeerReset",
        ),
        (
            "used",
            "c SABME P",
            "r UA F, c I 0 0",
            Connected,
            "Reset PeerReset",
        ),
        (
            "used",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down PeerDisconnected",
        ),
        (
            "used",
            "c DISC",
            "r UA",
            Disconnected,
            "Down PeerDisconnected",
        ),
        ("used", "r DM F", "", Disconnected, "Down DisconnectedMode"),
        ("used", "r DM", "", Disconnected, "Down DisconnectedMode"),
        ("used", "r FRMR F", "c DISC P", Disconnecting, ""),
        ("connected", "r UA F", "", Connected, ""),
        ("used", "r UA F", "c SABM P", Setup, "Reset Unsolicited"),
        ("used", "r RR 1", "", Connected, ""),
        ("used", "r RNR 1", "", Connected, ""),
        ("used", "r REJ 0", "c I 0 1", Connected, ""),
        ("used", "r SREJ 0", "c I 0 1", Connected, ""),
        ("used", "r REJ 1", "", Connected, ""),
        ("used", "c RR 1 P", "r RR 1 F", Connected, ""),
        ("used", "c RNR 0 P", "r RR 1 F", Connected, ""),
        ("used", "c REJ 0 P", "r RR 1 F, c I 0 1", Connected, ""),
        ("used", "u RR 1 P", "", Connected, ""),
        ("used", "c I 1 1", "", Connected, ""),
        ("used", "c I 1 1 P", "r RR 2 F", Connected, ""),
        ("used", "r I 1 1 F", "", Connected, ""),
        ("used", "c I 0 1", "", Connected, ""),
        ("used", "c I 2 1", "r REJ 1", Connected, ""),
        ("used", "c I 2 1 P", "r REJ 1 F", Connected, ""),
        // N(R) that cannot be: the link is set up anew.
        ("used", "r RR 3", "c SABM P", Setup, "Reset FrameReject"),
        ("used", "c I 1 7", "c SABM P", Setup, "Reset FrameReject"),
        ("used", "undefined", "", Connected, ""),
        ("used", "nothing", "", Connected, ""),
        ("used", "deadline", "c I 0 1 P", Recovery, ""),
        ("used", "kick", "c I 0 1 P", Recovery, ""),
        ("connected", "kick", "c RR 0 P", Recovery, ""),
        ("connected", "deadline", "c RR 0 P", Recovery, ""),
        ("connected", "close", "c DISC P", Disconnecting, ""),
        // What waits comes before.
        ("used", "close", "", Connected, ""),
        ("used", "reset", "", Disconnected, "Down Local"),
    ]);
}

#[test]
fn timer_recovery() {
    run(&[
        ("recovery", "r RR 1 F", "", Connected, ""),
        ("recovery", "r RR 0 F", "c I 0 1", Connected, ""),
        ("recovery", "r REJ 0 F", "c I 0 1", Connected, ""),
        ("recovery", "r SREJ 0 F", "c I 0 1", Connected, ""),
        ("recovery", "r RNR 0 F", "", Connected, ""),
        // Only the answer ends it.
        ("recovery", "r RR 0", "", Recovery, ""),
        ("recovery", "r REJ 0", "", Recovery, ""),
        ("recovery", "c RR 0 P", "r RR 1 F", Recovery, ""),
        // With version 1 everything is an answer.
        ("recovery", "u RR 0", "c I 0 1", Connected, ""),
        ("recovery", "u I 1 1", "", Connected, ""),
        ("recovery", "deadline", "c I 0 1 P", Recovery, ""),
        (
            "recovery",
            "silence",
            "r DM F",
            Disconnected,
            "Down NoAnswer",
        ),
        (
            "recovery",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down PeerDisconnected",
        ),
        (
            "recovery",
            "c SABM P",
            "r UA F, c I 0 0",
            Connected,
            "Reset PeerReset",
        ),
    ]);
}

#[test]
fn disconnection() {
    run(&[
        ("disconnecting", "r UA F", "", Disconnected, "Down Local"),
        ("disconnecting", "r UA", "", Disconnected, "Down Local"),
        ("disconnecting", "r DM F", "", Disconnected, "Down Local"),
        ("disconnecting", "r DM", "", Disconnected, "Down Local"),
        ("disconnecting", "c SABM P", "r DM F", Disconnecting, ""),
        (
            "disconnecting",
            "c DISC P",
            "r UA F",
            Disconnected,
            "Down Local",
        ),
        ("disconnecting", "c RR 0 P", "r DM F", Disconnecting, ""),
        ("disconnecting", "c I 0 0", "", Disconnecting, ""),
        ("disconnecting", "deadline", "c DISC P", Disconnecting, ""),
        ("disconnecting", "silence", "", Disconnected, "Down Local"),
        ("disconnecting", "close", "", Disconnected, "Down Local"),
    ]);
}

#[test]
fn an_asked_owner_answers() {
    let mut bench = in_state("asking");
    bench.hear("c SABM P");
    bench.hear("c SABM P");
    assert_eq!(bench.events(), "Asked");
    let now = bench.now;
    bench.connection.accept(now);
    assert_eq!(
        (bench.sent().as_str(), bench.events().as_str()),
        ("r UA F", "Up")
    );

    let mut bench = in_state("asking");
    bench.hear("c SABM P");
    bench.connection.refuse(now);
    assert_eq!(
        (bench.sent().as_str(), bench.events().as_str()),
        ("r DM F", "Asked")
    );
}

#[test]
fn repeated_set_ups_are_confirmed() {
    // A TNC holds the second SABM back; the peer answers both, and begins anew with the second.
    let mut bench = in_state("setup");
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c SABM P");
    bench.hear("r UA F");
    assert_eq!(bench.sent(), "c RR 0 P");
    bench.hear_with("c I 0 0", b"old");
    bench.hear("r UA F");
    bench.hear_with("c I 0 0", b"new");
    bench.hear("r RR 0 F");
    assert_eq!(bench.text(), "new");
    assert_eq!(bench.connection.state(), Connected);

    // SABM after SABME: the late DM belongs to the second SABME.
    let mut bench = in_state("offering");
    bench.pass_deadline();
    assert_eq!(bench.sent(), "c SABME P");
    bench.hear("r DM F");
    assert_eq!(bench.sent(), "c SABM P");
    bench.hear("r DM F");
    assert_eq!(bench.connection.state(), Setup);
    bench.hear("r UA F");
    assert_eq!(bench.events(), "Up");
    let mut bench = in_state("offering");
    bench.hear("r DM F");
    bench.hear("r DM F");
    assert_eq!(bench.events(), "Down Refused");
}
