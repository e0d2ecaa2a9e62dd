//! Calls.

use wanbox_wire::l2tp::{Accm, CallErrors, DisconnectCause, Q931Cause, ResultCode, call_result};

use super::*;

fn cdn_avps(result: u16, theirs: u16) -> Vec<Avp<'static>> {
    vec![
        Avp::MessageType(MessageType::CDN),
        Avp::ResultCode(ResultCode {
            result,
            error: None,
            text: b"",
        }),
        Avp::AssignedSession(theirs),
    ]
}

#[test]
fn a_call_comes_stands_and_ends() {
    let mut rig = Rig::established(Config::default());
    rig.send(0, &icrq(500));
    let Some(Event::Incoming { call, request }) = rig.event() else {
        panic!("not offered");
    };
    assert_eq!(request.serial, 5);
    assert_eq!(
        (&*request.called, &*request.calling),
        (&b"0211"[..], &b"0412345678"[..])
    );
    let view = rig.tunnel().call(call).unwrap();
    assert_eq!((view.peer, view.state), (500, CallState::Offered));
    let id = rig.id();
    assert!(rig.tunnels.accept(id, call));
    assert!(!rig.tunnels.accept(id, call));
    assert_eq!(types(&rig.take()), [MessageType::ICRP]);
    rig.send(call.0, &iccn());
    let Some(Event::Connected {
        peer, connection, ..
    }) = rig.event()
    else {
        panic!("not connected");
    };
    assert_eq!(
        (peer, connection.tx_speed, connection.framing),
        (500, 64_000, 1)
    );
    assert_eq!(rig.tunnel().call_count(), 1);
    // Ours to end.
    let end = Cdn {
        reason: Reason::error(4, "no address"),
        q931: None,
        ppp: Some(PppCause {
            code: 3,
            protocol: 0,
            direction: 2,
            text: Box::default(),
        }),
    };
    assert!(rig.tunnels.hang_up(rig.now, id, call, &end));
    let sent = rig.take();
    let (header, avps) = read(&sent[0]);
    assert_eq!(header.session, 500);
    assert_eq!(result(&sent[0]), (2, Some(4), "no address".to_owned()));
    assert!(avps.contains(&Avp::AssignedSession(call.0)));
    assert!(
        avps.iter()
            .any(|avp| matches!(avp, Avp::DisconnectCause(cause) if cause.code == 3))
    );
    assert_eq!(
        (rig.tunnel().call_count(), rig.tunnel().call(call)),
        (0, None)
    );
    assert_eq!(rig.event(), None);
}

#[test]
fn the_peer_ends_a_call_and_says_why() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let mut avps = cdn_avps(1, 500);
    avps.push(Avp::Q931Cause(Q931Cause {
        cause: 16,
        message: 0x45,
        text: b"clearing",
    }));
    avps.push(Avp::DisconnectCause(DisconnectCause {
        code: 8,
        protocol: 0,
        direction: 0,
        text: b"",
    }));
    assert!(rig.send(call.0, &avps).is_empty());
    let Some(Event::CallDown {
        call: down,
        by: By::Peer,
        cdn,
    }) = rig.event()
    else {
        panic!("not told");
    };
    assert_eq!(down, call);
    assert_eq!(cdn.reason, Reason::result(call_result::LOST_CARRIER));
    let q931 = cdn.q931.as_ref().unwrap();
    assert_eq!(
        (q931.cause, q931.message, &*q931.text),
        (16, 0x45, &b"clearing"[..])
    );
    let end = cdn.terminate();
    assert_eq!((end.cause, &*end.text), (8, "LCP: echo request timeout"));
    assert_eq!(rig.tunnel().call_count(), 0);
}

#[test]
fn causes_for_accounting() {
    let ppp = |code, direction| {
        Some(PppCause {
            code,
            protocol: 0,
            direction,
            text: Box::default(),
        })
    };
    let cdn = |result, error, text: &str, ppp| Cdn {
        reason: Reason {
            result,
            error,
            text: Box::from(text.as_bytes()),
        },
        q931: None,
        ppp,
    };
    for (cdn, cause, text) in [
        (
            cdn(1, None, "", None),
            2,
            "Call disconnected due to loss of carrier",
        ),
        (
            cdn(3, None, "", None),
            6,
            "Call disconnected for administrative reasons",
        ),
        (cdn(2, Some(6), "out of modems", None), 6, "out of modems"),
        (
            cdn(2, Some(6), "", None),
            6,
            "Call disconnected for the reason indicated in error code",
        ),
        (cdn(77, None, "", None), 6, "77"),
        (cdn(0, None, "", None), 10, "Closed (Received CDN)."),
        (cdn(1, None, "", ppp(1, 0)), 6, "Administrative disconnect"),
        (cdn(3, None, "", ppp(3, 2)), 1, "Normal disconnection"),
        (
            cdn(1, None, "", ppp(3, 1)),
            10,
            "Call disconnected due to loss of carrier",
        ),
        (
            cdn(1, None, "", ppp(4, 1)),
            17,
            "Compulsory encryption refused",
        ),
        (
            cdn(1, None, "", ppp(19, 1)),
            15,
            "NCP: too many Configure-Naks received from peer",
        ),
        (
            cdn(1, None, "", ppp(19, 2)),
            15,
            "NCP: too many Configure-Naks sent to peer",
        ),
        (
            cdn(1, None, "", ppp(20, 2)),
            15,
            "NCP: remote link address not acceptable",
        ),
        (
            cdn(1, None, "", ppp(99, 0)),
            10,
            "Call disconnected due to loss of carrier",
        ),
    ] {
        let end = cdn.terminate();
        assert_eq!((end.cause, &*end.text), (cause, text));
    }
}

#[test]
fn news_of_the_line_is_told() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let accm = Accm {
        send: 0xa0000,
        receive: 0,
    };
    let errors = CallErrors {
        crc: 7,
        alignment: 9,
        ..CallErrors::default()
    };
    assert!(
        rig.send(
            call.0,
            &[Avp::MessageType(MessageType::SLI), Avp::Accm(accm)]
        )
        .is_empty()
    );
    assert_eq!(rig.event(), Some(Event::LinkInfo { call, accm }));
    let wen = [Avp::MessageType(MessageType::WEN), Avp::CallErrors(errors)];
    assert!(rig.send(call.0, &wen).is_empty());
    assert_eq!(rig.event(), Some(Event::WanError { call, errors }));
    // Without what they are about, or before the call stands, they say nothing.
    assert!(
        rig.send(call.0, &[Avp::MessageType(MessageType::SLI)])
            .is_empty()
    );
    let waiting = rig.call(501);
    assert!(rig.send(waiting.0, &wen).is_empty());
    assert_eq!(rig.event(), None);
    let stats = rig.tunnel().stats();
    assert_eq!((stats.malformed, stats.out_of_state), (1, 1));
}

#[test]
fn what_is_mandatory_and_unknown_ends_the_call_alone() {
    for kind in [MessageType::ICCN, MessageType::SLI, MessageType::WEN] {
        let mut rig = Rig::established(Config::default());
        let other = rig.connected_call(400);
        let call = rig.call(500);
        let mut body = octets(&[Avp::MessageType(kind)]);
        body.extend_from_slice(&raw(true, 0, 99, b""));
        let replies = rig.send_octets(call.0, &body);
        assert_eq!(types(&replies), [MessageType::CDN], "{kind}");
        assert_eq!(
            result(&replies[0]),
            (2, Some(8), "unknown AVP 0x0063".to_owned())
        );
        assert!(
            matches!(rig.event(), Some(Event::CallDown { by: By::Us, call: c, .. }) if c == call)
        );
        assert_eq!(rig.tunnel().call(other).map(|view| view.peer), Some(400));
        assert_eq!(rig.tunnel().stats().bad_avp, 1);
    }
    // A call that is not there yet is refused, with a number of its own.
    let mut rig = Rig::established(Config::default());
    let mut body = octets(&icrq(500));
    body.extend_from_slice(&raw(true, 0, 99, b""));
    let replies = rig.send_octets(0, &body);
    assert_eq!(types(&replies), [MessageType::CDN]);
    let (header, avps) = read(&replies[0]);
    assert_eq!(header.session, 500);
    assert!(
        avps.iter()
            .any(|avp| matches!(avp, Avp::AssignedSession(_)))
    );
    assert_eq!((rig.event(), rig.tunnel().call_count()), (None, 0));
}

#[test]
fn a_full_tunnel_refuses_calls() {
    let mut rig = Rig::established(Config {
        max_calls: 2,
        ..Config::default()
    });
    rig.connected_call(1);
    rig.call(2);
    let replies = rig.send(0, &icrq(3));
    assert_eq!(types(&replies), [MessageType::CDN]);
    assert_eq!(result(&replies[0]).0, call_result::NO_FACILITIES);
    assert_eq!(rig.tunnel().stats().refused_calls, 1);
}

#[test]
fn calls_that_are_not_set_up_in_time_end() {
    let mut rig = Rig::established(Config::default());
    let call = rig.call(500);
    rig.send(0, &icrq(501));
    let Some(Event::Incoming { call: offered, .. }) = rig.event() else {
        panic!("not offered");
    };
    let standing = rig.connected_call(502);
    let replies = rig.wait(Duration::from_secs(60));
    let ends = replies
        .iter()
        .filter(|message| types(std::slice::from_ref(message)) == [MessageType::CDN]);
    assert_eq!(ends.count(), 2);
    for expected in [call, offered] {
        let Some(Event::CallDown {
            call,
            by: By::Us,
            cdn,
        }) = rig.event()
        else {
            panic!("not told");
        };
        assert_eq!(
            (call, cdn.reason.result),
            (expected, call_result::TIMED_OUT)
        );
    }
    assert!(rig.tunnel().call(standing).is_some());
}

#[test]
fn a_caller_that_hangs_up_before_it_knows_our_number() {
    let mut rig = Rig::established(Config::default());
    rig.send(0, &icrq(500));
    let Some(Event::Incoming { call, .. }) = rig.event() else {
        panic!("not offered");
    };
    assert!(rig.send(0, &cdn_avps(1, 500)).is_empty());
    assert!(
        matches!(rig.event(), Some(Event::CallDown { call: c, by: By::Peer, .. }) if c == call)
    );
    let id = rig.id();
    assert!(!rig.tunnels.accept(id, call));
}

#[test]
fn we_hang_up_before_we_know_the_peers_number() {
    let mut rig = Rig::established(Config::default());
    let id = rig.id();
    let call = rig
        .tunnels
        .place(rig.now, id, &IncomingCall::default(), Connection::default())
        .unwrap();
    assert_eq!(types(&rig.take()), [MessageType::ICRQ]);
    let end = Cdn::from(Reason::result(call_result::LOST_CARRIER));
    assert!(rig.tunnels.hang_up(rig.now, id, call, &end));
    let sent = rig.take();
    assert_eq!(read(&sent[0]).0.session, 0);
    // Its answer was on the way: now we can say it to the right number.
    let late = [
        Avp::MessageType(MessageType::ICRP),
        Avp::AssignedSession(600),
    ];
    let replies = rig.send(call.0, &late);
    assert_eq!(types(&replies), [MessageType::CDN]);
    assert_eq!(read(&replies[0]).0.session, 600);
    assert_eq!(rig.event(), None);
}

#[test]
fn outgoing_calls_are_refused_and_acknowledged() {
    let mut rig = Rig::established(Config::default());
    let replies = rig.send(
        0,
        &[
            Avp::MessageType(MessageType::OCRQ),
            Avp::AssignedSession(500),
            Avp::CallSerialNumber(1),
            Avp::MinimumBps(9600),
            Avp::MaximumBps(64_000),
            Avp::BearerType(1),
            Avp::FramingType(1),
            Avp::CalledNumber(b"0211"),
        ],
    );
    assert_eq!(types(&replies), [MessageType::CDN]);
    assert_eq!(result(&replies[0]).0, call_result::NO_FACILITIES_EVER);
    assert_eq!(read(&replies[0]).0.nr, rig.ns);
}

#[test]
fn a_number_rests_before_it_is_used_again() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let id = rig.id();
    rig.tunnels.hang_up(rig.now, id, call, &Cdn::default());
    rig.take();
    assert_eq!(rig.tunnel().resting_calls(), 1);
    rig.wait(Duration::from_secs(65));
    assert_eq!(rig.tunnel().resting_calls(), 0);
}

#[test]
fn a_tunnel_holds_65535_calls_and_uses_resting_numbers_when_it_must() {
    let mut rig = Rig::established(Config::default());
    let id = rig.id();
    let mut calls = Vec::new();
    for theirs in 1..=u16::MAX {
        rig.send(0, &icrq(theirs));
        let Some(Event::Incoming { call, .. }) = rig.event() else {
            panic!("{theirs} not offered");
        };
        calls.push(call);
    }
    assert_eq!(rig.tunnel().call_count(), u16::MAX);
    let replies = rig.send(0, &icrq(1));
    assert_eq!(result(&replies[0]).0, call_result::NO_FACILITIES);
    rig.tunnels.hang_up(rig.now, id, calls[77], &Cdn::default());
    rig.take();
    rig.send(0, &icrq(1));
    assert!(matches!(rig.event(), Some(Event::Incoming { call, .. }) if call == calls[77]));
}

#[test]
fn a_peer_that_does_not_listen_gets_no_more_answers() {
    let mut rig = Rig::established(Config {
        max_calls: 1,
        ..Config::default()
    });
    // 1000 calls, all of them refused but one, and no answer is ever acknowledged.
    for theirs in 1..=1000 {
        let message = whole(rig.header(0), &octets(&icrq(theirs)));
        rig.tunnels
            .receive(rig.now, SocketId(0), rig.from, &message);
        if rig.tunnel().stats().put_off == 0 {
            rig.ns += 1;
        }
    }
    assert!(rig.tunnel().backlog() <= 256);
    assert_eq!(rig.tunnel().stats().put_off, 1000 - 257);
}
