//! The control connection.

use wanbox_wire::l2tp::stop_result;

use super::*;

fn with_secret(authentication: Authentication) -> Config {
    Config {
        secret: Some(Box::from(SECRET)),
        authentication,
        host_names: vec![Box::from(&b"lnshost"[..])],
        ..Config::default()
    }
}

/// The challenge in a message.
fn challenge(message: &[u8]) -> Option<Vec<u8>> {
    read(message).1.iter().find_map(|avp| match avp {
        Avp::Challenge(challenge) => Some(challenge.to_vec()),
        _ => None,
    })
}

#[test]
fn the_recorded_request_is_answered() {
    let mut rig = Rig::new(with_secret(Authentication::Mutual));
    let replies = rig.raw(&hex(
        "c8020069000000000000000080080000000000018008000000020100800a0000000300000003800d00000007
         746573746c6163 0010000000085465737456656e646f72800800000009004d8008 0000000a000880160000
         000b30313233343536373839616263646566",
    ));
    assert_eq!(replies.len(), 1);
    let (header, avps) = read(&replies[0]);
    assert_eq!(
        (header.tunnel, header.session, header.ns, header.nr),
        (77, 0, 0, 1)
    );
    assert_eq!(avps[0], Avp::MessageType(MessageType::SCCRP));
    for expected in [
        Avp::ProtocolVersion(0x0100),
        Avp::FramingCapabilities(3),
        Avp::HostName(b"lnshost"),
        Avp::ChallengeResponse(hex("e534dfd289241441db6aa0e97be97a34").try_into().unwrap()),
        Avp::AssignedTunnel(rig.number),
    ] {
        assert!(avps.contains(&expected), "{expected:?}");
    }
    let tunnel = rig.tunnel();
    assert_eq!(&*tunnel.peer().host_name, b"testlac");
    assert_eq!(&*tunnel.peer().vendor, b"TestVendor");
    assert_eq!(tunnel.peer().window, Some(8));
    assert_eq!(tunnel.state(), State::WaitConnect);
    // It challenged us, so it is challenged.
    let challenge = challenge(&replies[0]).unwrap();
    rig.ns = 1;
    let proof = response(MessageType::SCCCN, SECRET, &challenge);
    let rest = rig.send(
        0,
        &[
            Avp::MessageType(MessageType::SCCCN),
            Avp::ChallengeResponse(proof),
        ],
    );
    assert!(rest.is_empty());
    assert_eq!(rig.event(), Some(Event::Up));
    assert!(rig.tunnel().peer().proved);
}

#[test]
fn who_must_prove_what() {
    // (authentication, the peer challenges, it proves itself: None not at all) -> accepted
    for (authentication, challenges, proof, accepted) in [
        (Authentication::Answer, true, None, true),
        (Authentication::Answer, true, Some(false), true),
        (Authentication::Mutual, false, None, true),
        (Authentication::Mutual, true, None, false),
        (Authentication::Mutual, true, Some(false), false),
        (Authentication::Mutual, true, Some(true), true),
        (Authentication::Require, false, None, false),
        (Authentication::Require, false, Some(false), false),
        (Authentication::Require, false, Some(true), true),
    ] {
        let mut rig = Rig::new(with_secret(authentication));
        let mut avps = request();
        if challenges {
            avps.push(Avp::Challenge(b"0123456789abcdef"));
        }
        let replies = rig.send(0, &avps);
        let mut avps = vec![Avp::MessageType(MessageType::SCCCN)];
        if let Some(right) = proof {
            let challenge = challenge(&replies[0]).unwrap_or_default();
            let mut proof = response(MessageType::SCCCN, SECRET, &challenge);
            proof[15] ^= u8::from(!right);
            avps.push(Avp::ChallengeResponse(proof));
        }
        let replies = rig.send(0, &avps);
        let what = format!("{authentication:?} {challenges} {proof:?}");
        if accepted {
            assert!(replies.is_empty(), "{what}");
            assert_eq!(rig.event(), Some(Event::Up), "{what}");
        } else {
            assert_eq!(types(&replies), [MessageType::STOP_CCN], "{what}");
            assert_eq!(result(&replies[0]).0, stop_result::NOT_AUTHORIZED);
            assert!(matches!(rig.event(), Some(Event::Down { by: By::Us, .. })));
            assert_eq!(rig.tunnels.stats().bad_proof, 1);
            assert!(rig.tunnels.is_empty());
        }
    }
}

#[test]
fn a_challenge_without_a_secret_stays_unanswered() {
    let mut rig = Rig::new(Config::default());
    let mut avps = request();
    avps.push(Avp::Challenge(b"0123456789abcdef"));
    let replies = rig.send(0, &avps);
    let (_, avps) = read(&replies[0]);
    assert!(
        !avps
            .iter()
            .any(|avp| matches!(avp, Avp::ChallengeResponse(_) | Avp::Challenge(_)))
    );
}

#[test]
fn we_ask_for_a_tunnel_and_verify_the_answer() {
    for (proof, accepted) in [(Some(true), true), (Some(false), false), (None, false)] {
        let mut rig = Rig::new(Config::default());
        let config = Arc::new(with_secret(Authentication::Mutual));
        let id = rig
            .tunnels
            .dial(rig.now, SocketId(0), rig.from, config)
            .unwrap();
        let sent = rig.take();
        assert_eq!(types(&sent), [MessageType::SCCRQ]);
        assert_eq!(rig.id(), id);
        assert_eq!(read(&sent[0]).0.tunnel, 0);
        let asked = challenge(&sent[0]).unwrap();
        let mut avps = request();
        avps[0] = Avp::MessageType(MessageType::SCCRP);
        avps.push(Avp::Challenge(b"fedcba9876543210"));
        if let Some(right) = proof {
            let mut proof = response(MessageType::SCCRP, SECRET, &asked);
            proof[0] ^= u8::from(!right);
            avps.push(Avp::ChallengeResponse(proof));
        }
        let replies = rig.send(0, &avps);
        assert_eq!(read(&replies[0]).0.tunnel, THEIRS);
        if accepted {
            assert_eq!(types(&replies), [MessageType::SCCCN]);
            let proof = response(MessageType::SCCCN, SECRET, b"fedcba9876543210");
            assert!(read(&replies[0]).1.contains(&Avp::ChallengeResponse(proof)));
            assert_eq!(rig.event(), Some(Event::Up));
        } else {
            assert_eq!(types(&replies), [MessageType::STOP_CCN]);
            assert_eq!(result(&replies[0]).0, stop_result::NOT_AUTHORIZED);
            assert!(matches!(rig.event(), Some(Event::Down { .. })));
        }
    }
}

#[test]
fn an_answer_may_come_from_another_port() {
    let mut rig = Rig::new(Config::default());
    let config = Arc::new(Config::default());
    let id = rig
        .tunnels
        .dial(rig.now, SocketId(0), rig.from, config)
        .unwrap();
    rig.take();
    rig.from.set_port(40_000);
    let mut avps = request();
    avps[0] = Avp::MessageType(MessageType::SCCRP);
    assert_eq!(types(&rig.send(0, &avps)), [MessageType::SCCCN]);
    assert_eq!(rig.tunnels.get(id).unwrap().address(), rig.from);
}

#[test]
fn messages_are_repeated_after_1_2_4_8_16_and_32_seconds() {
    let mut rig = Rig::new(Config::default());
    let start = rig.now;
    let config = Arc::new(Config {
        setup_time: Duration::from_secs(600),
        ..Config::default()
    });
    rig.tunnels
        .dial(rig.now, SocketId(0), rig.from, config)
        .unwrap();
    let mut sent = Vec::new();
    let mut message = Vec::new();
    loop {
        while rig.tunnels.poll_transmit(rig.now, &mut message).is_some() {
            sent.push(rig.now.duration_since(start).as_secs());
        }
        if let Some((_, event)) = rig.tunnels.poll_event() {
            assert!(matches!(
                event,
                Event::Down {
                    by: By::Silence,
                    ..
                }
            ));
            break;
        }
        rig.now = rig.tunnels.poll_timeout().unwrap();
        rig.tunnels.handle_timeout(rig.now);
    }
    assert_eq!(sent, [0, 1, 3, 7, 15, 31]);
    assert_eq!(rig.now.duration_since(start).as_secs(), 63);
    assert!(rig.tunnels.is_empty());
}

#[test]
fn a_quiet_peer_is_asked_for_a_sign_of_life() {
    let mut rig = Rig::established(Config::default());
    assert!(rig.wait(Duration::from_secs(59)).is_empty());
    assert_eq!(
        types(&rig.wait(Duration::from_secs(1))),
        [MessageType::HELLO]
    );
    // Data is a sign as well.
    let later = rig.now + Duration::from_secs(30);
    rig.tunnels.heard(later, rig.id());
    assert!(rig.wait(Duration::from_secs(89)).is_empty());
    assert_eq!(
        types(&rig.wait(Duration::from_secs(1))),
        [MessageType::HELLO]
    );
    let mut rig = Rig::established(Config {
        hello: None,
        ..Config::default()
    });
    assert!(rig.wait(Duration::from_secs(4000)).is_empty());
    assert_eq!(rig.tunnels.len(), 1);
    // And it may ask us: that is acknowledged, nothing more.
    assert!(
        rig.send(0, &[Avp::MessageType(MessageType::HELLO)])
            .is_empty()
    );
}

#[test]
fn the_peer_ends_the_tunnel() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let waiting = rig.call(501);
    let said = Reason::error(6, "good bye");
    let stop = [
        Avp::MessageType(MessageType::STOP_CCN),
        said.avp(),
        Avp::AssignedTunnel(THEIRS),
    ];
    let header = rig.header(0);
    assert!(rig.send(0, &stop).is_empty());
    let mut down = Vec::new();
    for _ in 0..2 {
        let Some(Event::CallDown { call, by, .. }) = rig.event() else {
            panic!("calls end first");
        };
        assert_eq!(by, By::Peer);
        down.push(call);
    }
    down.sort();
    let mut expected = [call, waiting];
    expected.sort();
    assert_eq!(down, expected);
    assert_eq!(
        rig.event(),
        Some(Event::Down {
            by: By::Peer,
            reason: said.clone()
        })
    );
    assert_eq!(rig.event(), None);
    // What it repeats is still acknowledged, for a while.
    rig.tunnels.receive(
        rig.now,
        SocketId(0),
        rig.from,
        &whole(header, &octets(&stop)),
    );
    let mut message = Vec::new();
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_some());
    assert_eq!(read(&message).0.nr, rig.ns);
    rig.wait(Duration::from_secs(31));
    assert!(rig.tunnels.is_empty());
}

#[test]
fn the_owner_ends_the_tunnel() {
    let mut rig = Rig::established(Config::default());
    rig.connected_call(500);
    let id = rig.id();
    rig.tunnels
        .close(rig.now, id, &Reason::result(stop_result::SHUTTING_DOWN));
    assert_eq!(rig.tunnels.get(id).unwrap().state(), State::Closing);
    let sent = rig.take();
    assert_eq!(types(&sent), [MessageType::STOP_CCN]);
    assert_eq!(result(&sent[0]).0, 6);
    assert_eq!(rig.event(), None);
    assert!(rig.tunnels.is_empty());
}

#[test]
fn both_end_the_tunnel_at_the_same_time() {
    let mut rig = Rig::established(Config::default());
    let id = rig.id();
    rig.tunnels.close(rig.now, id, &Reason::result(1));
    let stop = [
        Avp::MessageType(MessageType::STOP_CCN),
        Avp::ResultCode(wanbox_wire::l2tp::ResultCode {
            result: 1,
            error: None,
            text: b"",
        }),
        Avp::AssignedTunnel(THEIRS),
    ];
    rig.send(0, &stop);
    assert_eq!(rig.event(), None);
    rig.wait(Duration::from_secs(31));
    assert!(rig.tunnels.is_empty());
}

#[test]
fn what_is_mandatory_and_unknown_ends_the_tunnel() {
    for (avp, expected) in [
        (raw(true, 0, 99, b""), (2, Some(8), "unknown AVP 0x0063")),
        (
            raw(true, 9, 1, b"x"),
            (2, Some(6), "unsupported vendor-specific"),
        ),
        (
            raw(true, 0, 10, b"x"),
            (2, Some(2), "wrong length of AVP 0x000a"),
        ),
        (
            hex("a008 0000 0003 0001"),
            (2, Some(3), "reserved bits in an AVP"),
        ),
        (
            hex("c00a 0000 000a 00000000"),
            (2, Some(6), "secret not specified"),
        ),
        (
            hex("8005 0000 0000"),
            (2, Some(2), "wrong length of AVP 0x0000"),
        ),
    ] {
        let mut rig = Rig::established(Config::default());
        let mut body = octets(&[Avp::MessageType(MessageType::HELLO)]);
        body.extend_from_slice(&avp);
        let replies = rig.send_octets(0, &body);
        assert_eq!(types(&replies), [MessageType::STOP_CCN]);
        let (code, error, text) = result(&replies[0]);
        assert_eq!((code, error, text.as_str()), expected);
        assert!(matches!(rig.event(), Some(Event::Down { by: By::Us, .. })));
    }
}

#[test]
fn what_is_unknown_and_not_mandatory_is_passed_over() {
    for avp in [
        raw(false, 0, 99, b""),
        raw(false, 9, 1, b"x"),
        raw(false, 0, 10, b"x"),
        hex("2008 0000 0003 0001"),
        hex("400a 0000 000a 00000000"),
        hex("0005 0000 0000"),
    ] {
        let mut rig = Rig::established(Config::default());
        let mut body = octets(&[Avp::MessageType(MessageType::HELLO)]);
        body.extend_from_slice(&avp);
        assert!(rig.send_octets(0, &body).is_empty());
        assert_eq!(rig.tunnel().stats().ignored_avp, 1);
        assert_eq!(rig.tunnel().state(), State::Established);
    }
}

#[test]
fn unknown_types_of_messages() {
    let mut rig = Rig::established(Config::default());
    assert!(rig.send_octets(0, &raw(false, 0, 0, &[0, 99])).is_empty());
    assert_eq!(rig.tunnel().stats().unknown_message, 1);
    let replies = rig.send_octets(0, &raw(true, 0, 0, &[0, 99]));
    assert_eq!(types(&replies), [MessageType::STOP_CCN]);
    assert_eq!(result(&replies[0]).2, "unknown message type");
}

#[test]
fn messages_out_of_the_states_order_end_the_tunnel() {
    for kind in [MessageType::SCCRQ, MessageType::SCCRP, MessageType::SCCCN] {
        let mut rig = Rig::established(Config::default());
        let replies = rig.send(0, &[Avp::MessageType(kind)]);
        assert_eq!(types(&replies), [MessageType::STOP_CCN], "{kind}");
        assert_eq!(result(&replies[0]).0, stop_result::STATE_MACHINE);
    }
    let mut rig = Rig::new(Config::default());
    rig.send(0, &request());
    let replies = rig.send(0, &icrq(500));
    assert_eq!(result(&replies[0]).1, Some(1));
}

#[test]
fn the_window_of_the_peer_is_kept_and_grows_slowly() {
    let mut rig = Rig::new(Config::default());
    let mut avps = request();
    avps.push(Avp::ReceiveWindow(5));
    rig.send(0, &avps);
    rig.send(0, &[Avp::MessageType(MessageType::SCCCN)]);
    assert_eq!(rig.event(), Some(Event::Up));
    let calls: Vec<CallId> = (1..=40).map(|theirs| rig.connected_call(theirs)).collect();
    let id = rig.id();
    for call in calls {
        let cdn = Cdn::from(Reason::result(3));
        assert!(rig.tunnels.hang_up(rig.now, id, call, &cdn));
    }
    // Nothing is acknowledged: as many are under way as the peer takes.
    let mut message = Vec::new();
    let mut sent = 0;
    while rig.tunnels.poll_transmit(rig.now, &mut message).is_some() {
        sent += 1;
    }
    assert_eq!(sent, 5);
    // After a second of silence one is sent, and two when that arrived.
    rig.now += Duration::from_secs(1);
    rig.tunnels.handle_timeout(rig.now);
    let mut again = || {
        let mut sent = 0;
        while rig.tunnels.poll_transmit(rig.now, &mut message).is_some() {
            sent += 1;
        }
        rig.nr += 1;
        let ack = whole(rig.header(0), &[]);
        rig.tunnels.receive(rig.now, SocketId(0), rig.from, &ack);
        sent
    };
    assert_eq!([again(), again()], [1, 2]);
}

#[test]
fn a_lost_message_is_sent_again_when_three_answers_say_so() {
    let mut rig = Rig::new(Config::default());
    let mut avps = request();
    avps.push(Avp::ReceiveWindow(16));
    rig.send(0, &avps);
    rig.send(0, &[Avp::MessageType(MessageType::SCCCN)]);
    assert_eq!(rig.event(), Some(Event::Up));
    let calls: Vec<CallId> = (1..=10).map(|theirs| rig.connected_call(theirs)).collect();
    while rig.event().is_some() {}
    let id = rig.id();
    for call in calls {
        rig.tunnels
            .hang_up(rig.now, id, call, &Cdn::from(Reason::result(3)));
    }
    let mut message = Vec::new();
    let mut sent = Vec::new();
    while rig.tunnels.poll_transmit(rig.now, &mut message).is_some() {
        sent.push(read(&message).0.ns);
    }
    assert_eq!(sent.len(), 10);
    // The first did not arrive.
    for _ in 0..3 {
        let ack = whole(rig.header(0), &[]);
        rig.tunnels.receive(rig.now, SocketId(0), rig.from, &ack);
    }
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_some());
    assert_eq!(read(&message).0.ns, sent[0]);
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_none());
    assert_eq!(rig.tunnel().stats().resent, 1);
    // A peer that kept nothing of what came early acknowledges one at a time, and gets the next.
    rig.nr += 1;
    let ack = whole(rig.header(0), &[]);
    rig.tunnels.receive(rig.now, SocketId(0), rig.from, &ack);
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_some());
    assert_eq!(read(&message).0.ns, sent[1]);
    // All of them arrived.
    rig.nr += 9;
    let ack = whole(rig.header(0), &[]);
    rig.tunnels.receive(rig.now, SocketId(0), rig.from, &ack);
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_none());
    assert_eq!(rig.tunnel().backlog(), 0);
}

#[test]
fn hidden_messages_are_understood_at_the_other_end() {
    let config = Config {
        hide: true,
        ..with_secret(Authentication::Mutual)
    };
    let mut rig = Rig::new(config.clone());
    let mut far = Tunnels::new(Arc::new(config.clone()), Limits::default(), 2);
    let to = rig.from;
    let id = rig
        .tunnels
        .dial(rig.now, SocketId(0), to, Arc::new(config))
        .unwrap();
    let mut message = Vec::new();
    let mut up = 0;
    let mut exchange = |near: &mut Tunnels, far: &mut Tunnels| {
        for _ in 0..10 {
            while near.poll_transmit(rig.now, &mut message).is_some() {
                far.receive(rig.now, SocketId(0), to, &message);
            }
            while far.poll_transmit(rig.now, &mut message).is_some() {
                near.receive(rig.now, SocketId(0), to, &message);
            }
        }
    };
    exchange(&mut rig.tunnels, &mut far);
    let request = IncomingCall {
        serial: 9,
        bearer: Some(1),
        channel: Some(3),
        called: Box::from(&b"0211"[..]),
        calling: Box::from(&b"0412345678901234567"[..]),
        sub_address: Box::from(&b"7"[..]),
    };
    let said = Connection {
        tx_speed: 10_000_000,
        rx_speed: Some(1_000_000),
        framing: 1,
        sequencing: true,
        private_group: Box::from(&b"customers"[..]),
        initial_received_confreq: Box::from(&[1, 4, 5, 0xd4][..]),
        last_sent_confreq: Box::from(&[5, 6, 1, 2, 3, 4][..]),
        last_received_confreq: Box::from(&[7, 2][..]),
        proxy: Some(Box::new(ProxyAuthentication {
            kind: 2,
            name: Box::from(&b"user@realm"[..]),
            challenge: Box::from([7; 16]),
            id: 3,
            response: Box::from([8; 16]),
        })),
    };
    let placed = rig
        .tunnels
        .place(rig.now, id, &request, said.clone())
        .unwrap();
    exchange(&mut rig.tunnels, &mut far);
    while let Some((tunnel, event)) = far.poll_event() {
        match event {
            Event::Up => up += 1,
            Event::Incoming {
                call,
                request: seen,
            } => {
                assert_eq!(*seen, request);
                assert!(far.accept(tunnel, call));
            }
            other => panic!("{other:?}"),
        }
    }
    exchange(&mut rig.tunnels, &mut far);
    let Some((
        _,
        Event::Connected {
            peer, connection, ..
        },
    )) = far.poll_event()
    else {
        panic!("not connected");
    };
    assert_eq!((up, peer), (1, placed.0));
    assert_eq!(*connection, said);
    assert_eq!(rig.event(), Some(Event::Up));
    assert!(matches!(rig.event(), Some(Event::Placed { call, .. }) if call == placed));
    assert_eq!(far.stats().bad_avp + far.stats().ignored_avp, 0);
}
