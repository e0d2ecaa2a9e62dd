//! What l2tpns 2.4.1 does wrong, and what it did wrong before, once more.

use wanbox_wire::l2tp::{Q931Cause, ResultCode, error};

use super::*;

#[test]
fn a_length_beyond_the_datagram_is_not_believed() {
    let mut rig = Rig::established(Config::default());
    let mut message = whole(
        rig.header(0),
        &octets(&[Avp::MessageType(MessageType::HELLO)]),
    );
    message[3] += 1;
    assert!(rig.raw(&message).is_empty());
    assert_eq!(rig.tunnels.table_stats().malformed, 1);
}

#[test]
fn only_a_request_makes_a_tunnel() {
    for kind in [2, 3, 4, 6, 10, 12, 14, 99] {
        let mut rig = Rig::new(Config::default());
        let message = octets(&[Avp::MessageType(MessageType(kind)), Avp::AssignedTunnel(7)]);
        assert!(rig.send_octets(0, &message).is_empty());
        assert!(rig.tunnels.is_empty(), "message {kind}");
        assert_eq!(rig.tunnels.table_stats().not_a_request, 1);
    }
    let mut rig = Rig::new(Config::default());
    rig.send(
        0,
        &[
            Avp::MessageType(MessageType::SCCRQ),
            Avp::HostName(b"nobody"),
        ],
    );
    assert!(rig.tunnels.is_empty());
    assert_eq!(rig.tunnels.table_stats().bad_request, 1);
}

#[test]
fn what_overtakes_is_kept() {
    let mut rig = Rig::established(Config::default());
    let first = whole(rig.header(0), &octets(&icrq(500)));
    rig.ns += 1;
    let second = whole(rig.header(0), &octets(&icrq(501)));
    rig.ns += 1;
    rig.raw(&second);
    rig.raw(&second);
    assert_eq!(rig.event(), None);
    rig.raw(&first);
    for _ in 0..2 {
        assert!(matches!(rig.event(), Some(Event::Incoming { .. })));
    }
    rig.raw(&second);
    assert_eq!(rig.event(), None);
    let stats = rig.tunnel().stats();
    assert_eq!((stats.early, stats.duplicates), (1, 2));
}

#[test]
fn what_comes_out_of_order_still_acknowledges() {
    let mut rig = Rig::established(Config::default());
    let id = rig.id();
    let call = rig.connected_call(500);
    rig.tunnels.hang_up(rig.now, id, call, &Cdn::default());
    let mut message = Vec::new();
    assert!(rig.tunnels.poll_transmit(rig.now, &mut message).is_some());
    assert_eq!(rig.tunnel().backlog(), 1);
    rig.nr += 1;
    rig.ns += 1;
    let hello = octets(&[Avp::MessageType(MessageType::HELLO)]);
    let ahead = whole(rig.header(0), &hello);
    rig.tunnels.receive(rig.now, SocketId(0), rig.from, &ahead);
    assert_eq!(rig.tunnel().backlog(), 0);
}

#[test]
fn an_answer_to_nothing_opens_nothing() {
    let mut rig = Rig::new(Config::default());
    let mut avps = request();
    avps[0] = Avp::MessageType(MessageType::SCCRP);
    rig.number = 500;
    assert!(rig.send(0, &avps).is_empty());
    assert_eq!(rig.tunnels.table_stats().unknown_tunnel, 1);
}

#[test]
fn short_values_may_be_hidden() {
    let config = Config {
        secret: Some(Box::from(SECRET)),
        ..Config::default()
    };
    let mut rig = Rig::established(config);
    // Assigned Session ID without padding: four octets.
    let hidden = hide(14, &[1, 0xf4], &[], SECRET, VECTOR);
    assert_eq!(hidden.len(), 4);
    let mut body = octets(&[
        Avp::MessageType(MessageType::ICRQ),
        Avp::RandomVector(VECTOR),
    ]);
    RawAvp {
        mandatory: true,
        hidden: true,
        reserved: false,
        vendor: 0,
        kind: 14,
        value: &hidden,
    }
    .append(&mut body);
    Avp::CalledNumber(b"0211").append(&mut body);
    assert!(rig.send_octets(0, &body).is_empty());
    let Some(Event::Incoming { call, request }) = rig.event() else {
        panic!("not offered");
    };
    assert_eq!(rig.tunnel().call(call).unwrap().peer, 500);
    assert_eq!(&*request.called, b"0211");
}

#[test]
fn a_hidden_length_beyond_its_value_is_refused() {
    let config = Config {
        secret: Some(Box::from(SECRET)),
        ..Config::default()
    };
    let mut rig = Rig::established(config);
    // Hidden with another secret: what comes out claims more than there is.
    let hidden = hide(22, b"0412345678", &[], b"another", VECTOR);
    let mut body = octets(&icrq(500));
    Avp::RandomVector(VECTOR).append(&mut body);
    RawAvp {
        mandatory: true,
        hidden: true,
        reserved: false,
        vendor: 0,
        kind: 22,
        value: &hidden,
    }
    .append(&mut body);
    let replies = rig.send_octets(0, &body);
    assert_eq!(types(&replies), [MessageType::CDN]);
    assert_eq!(result(&replies[0]).1, Some(error::LENGTH));
}

#[test]
fn a_random_vector_holds_for_its_own_message() {
    let config = Config {
        secret: Some(Box::from(SECRET)),
        ..Config::default()
    };
    let mut rig = Rig::established(config);
    let hello = [
        Avp::MessageType(MessageType::HELLO),
        Avp::RandomVector(VECTOR),
    ];
    assert!(rig.send(0, &hello).is_empty());
    let hidden = hide(14, &[1, 0xf4], &[], SECRET, VECTOR);
    let mut body = octets(&icrq(500));
    RawAvp {
        mandatory: true,
        hidden: true,
        reserved: false,
        vendor: 0,
        kind: 14,
        value: &hidden,
    }
    .append(&mut body);
    let replies = rig.send_octets(0, &body);
    assert_eq!(
        result(&replies[0]),
        (2, Some(6), "no random vector".to_owned())
    );
}

#[test]
fn attributes_of_the_standard_kill_nothing() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let other = rig.connected_call(501);
    let mut avps = vec![
        Avp::MessageType(MessageType::CDN),
        Avp::ResultCode(ResultCode {
            result: 1,
            error: None,
            text: b"",
        }),
        Avp::AssignedSession(500),
    ];
    avps.push(Avp::Q931Cause(Q931Cause {
        cause: 16,
        message: 0x45,
        text: b"",
    }));
    assert!(rig.send(call.0, &avps).is_empty());
    assert!(matches!(
        rig.event(),
        Some(Event::CallDown { by: By::Peer, .. })
    ));
    for avp in [
        Avp::MinimumBps(1),
        Avp::MaximumBps(1),
        Avp::CallErrors(wanbox_wire::l2tp::CallErrors::default()),
        Avp::Accm(wanbox_wire::l2tp::Accm {
            send: 0,
            receive: 0,
        }),
    ] {
        assert!(
            rig.send(other.0, &[Avp::MessageType(MessageType::WEN), avp])
                .is_empty()
        );
    }
    let group = raw(true, 0, 37, b"customers");
    let mut body = octets(&icrq(502));
    body.extend_from_slice(&group);
    assert!(rig.send_octets(0, &body).is_empty());
    assert!(rig.tunnel().call(other).is_some());
}

#[test]
fn every_message_is_acknowledged() {
    let mut rig = Rig::established(Config::default());
    let unknown = raw(false, 0, 0, &[0, 99]);
    let no_type = octets(&[Avp::AssignedTunnel(7)]);
    let of_no_call = octets(&[Avp::MessageType(MessageType::ICRP)]);
    let reply = octets(&[Avp::MessageType(MessageType::OCRP)]);
    let broken = hex("8008 0000 0000 0006 0003");
    for body in [unknown, no_type, of_no_call, reply, broken] {
        let message = whole(rig.header(0), &body);
        rig.ns += 1;
        rig.tunnels
            .receive(rig.now, SocketId(0), rig.from, &message);
        let mut sent = Vec::new();
        assert!(
            rig.tunnels.poll_transmit(rig.now, &mut sent).is_some(),
            "{body:02x?}"
        );
        assert_eq!(read(&sent).0.nr, rig.ns);
    }
}

#[test]
fn messages_from_elsewhere_are_dropped() {
    let mut rig = Rig::established(Config::default());
    let home = rig.from;
    for from in ["192.0.2.9:1701", "192.0.2.1:1702", "[2001:db8::1]:1701"] {
        rig.from = from.parse().unwrap();
        let stop = whole(
            rig.header(0),
            &octets(&[Avp::MessageType(MessageType::STOP_CCN)]),
        );
        assert!(rig.raw(&stop).is_empty());
    }
    rig.from = home;
    assert_eq!(rig.tunnel().stats().wrong_source, 3);
    let stop = whole(
        rig.header(0),
        &octets(&[Avp::MessageType(MessageType::STOP_CCN)]),
    );
    rig.tunnels.receive(rig.now, SocketId(1), home, &stop);
    assert_eq!(rig.tunnel().stats().wrong_source, 4);
    assert_eq!(rig.tunnel().state(), State::Established);
    // Unless the owner wants peers to be followed, whose port stays.
    let mut rig = Rig::established(Config {
        follow_address: true,
        ..Config::default()
    });
    rig.from = "192.0.2.9:1701".parse().unwrap();
    rig.send(0, &icrq(500));
    assert!(matches!(rig.event(), Some(Event::Incoming { .. })));
    assert_eq!(rig.tunnel().address(), rig.from);
}

#[test]
fn calls_are_of_their_tunnel() {
    let mut rig = Rig::established(Config::default());
    let call = rig.call(500);
    let mut other = Rig::new(Config::default());
    std::mem::swap(&mut rig.tunnels, &mut other.tunnels);
    other.from.set_port(1999);
    other.send(0, &request());
    other.send(0, &[Avp::MessageType(MessageType::SCCCN)]);
    assert_eq!(other.event(), Some(Event::Up));
    let (first, second) = (rig.id(), other.id());
    assert_ne!(first, second);
    // The other tunnel speaks of a call that it does not have.
    other.send(call.0, &iccn());
    other.send(call.0, &[Avp::MessageType(MessageType::CDN)]);
    assert_eq!(other.event(), None);
    assert_eq!(other.tunnels.get(second).unwrap().stats().unknown_call, 2);
    let view = other.tunnels.get(first).unwrap().call(call).unwrap();
    assert_eq!(view.state, CallState::WaitConnect);
}

#[test]
fn a_call_is_connected_once_and_in_its_state() {
    let mut rig = Rig::established(Config::default());
    rig.send(0, &icrq(500));
    let Some(Event::Incoming { call, .. }) = rig.event() else {
        panic!("not offered");
    };
    // Not accepted yet.
    assert_eq!(types(&rig.send(call.0, &iccn())), [MessageType::CDN]);
    assert!(matches!(
        rig.event(),
        Some(Event::CallDown { by: By::Us, .. })
    ));
    let call = rig.connected_call(501);
    assert_eq!(types(&rig.send(call.0, &iccn())), [MessageType::CDN]);
    assert!(matches!(
        rig.event(),
        Some(Event::CallDown { by: By::Us, .. })
    ));
    // Not there at all.
    assert!(rig.send(4711, &iccn()).is_empty());
    assert_eq!(rig.event(), None);
}

#[test]
fn one_cdn_ends_a_call() {
    let mut rig = Rig::established(Config::default());
    let call = rig.connected_call(500);
    let id = rig.id();
    assert!(rig.tunnels.hang_up(rig.now, id, call, &Cdn::default()));
    assert!(!rig.tunnels.hang_up(rig.now, id, call, &Cdn::default()));
    assert_eq!(types(&rig.take()), [MessageType::CDN]);
    // The peer's own, on its way at the same time, is no news.
    let cdn = [
        Avp::MessageType(MessageType::CDN),
        Avp::ResultCode(ResultCode {
            result: 1,
            error: None,
            text: b"",
        }),
        Avp::AssignedSession(500),
    ];
    assert!(rig.send(call.0, &cdn).is_empty());
    assert!(rig.send(call.0, &cdn).is_empty());
    assert_eq!(rig.event(), None);
    assert_eq!(rig.tunnel().stats().unknown_call, 2);
}

#[test]
fn an_unknown_vendor_is_passed_over_at_once() {
    let mut rig = Rig::established(Config::default());
    let mut body = octets(&icrq(500));
    for vendor in 1..60 {
        body.extend_from_slice(&raw(false, vendor, 1, b""));
    }
    assert!(rig.send_octets(0, &body).is_empty());
    assert!(matches!(rig.event(), Some(Event::Incoming { .. })));
    assert_eq!(rig.tunnel().stats().ignored_avp, 59);
}

#[test]
fn host_names_may_have_any_length() {
    let name = [b'n'; 300];
    for length in [0, 1, 7, 8, 127, 128, 300] {
        let mut rig = Rig::new(Config::default());
        let mut avps = request();
        avps[3] = Avp::HostName(&name[..length]);
        assert_eq!(types(&rig.send(0, &avps)), [MessageType::SCCRP]);
        assert_eq!(rig.tunnel().peer().host_name.len(), length.min(127));
    }
}

#[test]
fn a_hello_to_no_tunnel_leaves_nothing_behind() {
    let mut rig = Rig::new(Config::default());
    rig.send(0, &[Avp::MessageType(MessageType::HELLO)]);
    assert!(rig.tunnels.is_empty());
    assert_eq!(rig.tunnels.poll_timeout(), None);
}

#[test]
fn acknowledgements_of_what_was_not_sent_are_dropped() {
    let mut rig = Rig::established(Config::default());
    rig.nr += 5;
    assert!(rig.send(0, &icrq(500)).is_empty());
    assert_eq!(rig.event(), None);
    assert_eq!(rig.tunnel().stats().bad_acknowledgement, 1);
}
