//! Requests of servers to us.

use std::time::Duration;

use wanbox_wire::radius::{ErrorCause, Vendor};

use super::*;
use crate::radius::dae::{Action, Server, WINDOW};

const UNIX: u64 = 1_800_000_000;

fn from(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn server() -> Server {
    Server::new(dae::Config {
        secret: secret(),
        nas: Nas {
            ipv4: Some(Ipv4Addr::new(10, 9, 0, 1)),
            ipv6: None,
            identifier: "lns".into(),
        },
        ..dae::Config::default()
    })
}

fn request(code: Code, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut writer = Writer::new(&mut octets, code, 7);
    write(&mut writer);
    writer.finish(&[0; 16]);
    let authenticator = secret().authenticator(&octets, &[0; 16]);
    octets[4..20].copy_from_slice(&authenticator);
    octets
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn the_disconnect_of_l2tpns() {
    let octets = request(Code::DISCONNECT_REQUEST, |w| {
        w.u32(Kind::NAS_PORT, 2);
        w.attribute(Kind::USER_NAME, b"chapper");
    });
    assert_eq!(
        hex(&octets),
        "2807002321da619462eef6abb67cda3603c1765f0506000000020109\
         63686170706572"
    );
    let mut server = server();
    let taken = server.receive(now(), UNIX, from(5000), &octets).unwrap();
    assert_eq!(taken.action, Action::Disconnect);
    assert_eq!(taken.selector.session, Some(SessionId(2)));
    assert_eq!(taken.selector.user.as_deref(), Some(&b"chapper"[..]));
    server.answer(taken.token, Ok(()));
    let mut reply = Vec::new();
    assert_eq!(server.poll_transmit(&mut reply), Some(from(5000)));
    assert_eq!(hex(&reply), "2907001461cdf3ddf98dee27f201d7968e5d38d1");
    assert_eq!(server.poll_transmit(&mut reply), None);
}

/// The cause that a request is refused with at once.
fn cause(write: impl FnOnce(&mut Writer<'_>)) -> Option<u32> {
    let mut server = server();
    let octets = request(Code::COA_REQUEST, write);
    if let Some(request) = server.receive(now(), UNIX, from(1), &octets) {
        server.answer(request.token, Ok(()));
    }
    let mut reply = Vec::new();
    server.poll_transmit(&mut reply).unwrap();
    let packet = Packet::parse(&reply).unwrap();
    assert!(secret().is_response(&packet, &octets[4..20].try_into().unwrap()));
    let cause = packet.find(Kind::ERROR_CAUSE)?.u32().unwrap();
    assert_eq!(packet.code(), Code::COA_NAK);
    Some(cause)
}

#[test]
fn causes_of_refusals() {
    assert_eq!(cause(|_| {}), Some(402));
    assert_eq!(
        cause(|w| {
            w.u32(Kind::NAS_PORT, 2);
        }),
        None
    );
    assert_eq!(
        cause(|w| {
            w.u32(Kind::NAS_PORT, 0);
        }),
        Some(404)
    );
    assert_eq!(
        cause(|w| {
            w.attribute(Kind::NAS_PORT, &[1]);
        }),
        Some(404)
    );
    assert_eq!(
        cause(|w| {
            w.attribute(Kind::USER_NAME, b"joe");
            w.attribute(Kind::FILTER_ID, b"web");
        }),
        Some(404)
    );
    for (address, wanted) in [([10, 9, 0, 1], None), ([10, 9, 0, 2], Some(403))] {
        assert_eq!(
            cause(|w| {
                w.attribute(Kind::USER_NAME, b"joe");
                w.ipv4(Kind::NAS_IP_ADDRESS, address.into());
            }),
            wanted
        );
    }
    assert_eq!(
        cause(|w| {
            w.attribute(Kind::USER_NAME, b"joe");
            w.attribute(Kind::NAS_IDENTIFIER, b"other");
        }),
        Some(403)
    );
    for service in [8, 17] {
        assert_eq!(
            cause(|w| {
                w.u32(Kind::SERVICE_TYPE, service);
            }),
            Some(405)
        );
        assert_eq!(
            cause(|w| {
                w.u32(Kind::SERVICE_TYPE, service);
                w.vendor(Vendor::CISCO, 1, b"throttle=yes");
            }),
            Some(401)
        );
    }
}

#[test]
fn every_way_to_name_a_session_and_what_changes() {
    let octets = request(Code::COA_REQUEST, |w| {
        w.ipv4(Kind::FRAMED_IP_ADDRESS, [10, 0, 0, 7].into());
        w.attribute(
            Kind::FRAMED_IPV6_PREFIX,
            &[0, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1],
        );
        w.attribute(Kind::ACCT_SESSION_ID, b"0000000100000001");
        w.attribute(Kind::CALLING_STATION_ID, b"0412");
        w.attribute(Kind::CALLED_STATION_ID, b"0211");
        w.attribute(Kind::FILTER_ID, b"web.in");
        w.u32(Kind::SESSION_TIMEOUT, 60);
        w.vendor(Vendor::CISCO, 1, b"throttle=64");
    });
    let taken = server().receive(now(), UNIX, from(1), &octets).unwrap();
    assert_eq!(taken.action, Action::Change);
    assert_eq!(taken.selector.address, Some([10, 0, 0, 7].into()));
    assert_eq!(taken.selector.prefix6.unwrap().length, 64);
    assert_eq!(
        taken.selector.acct_session_id.as_deref(),
        Some(&b"0000000100000001"[..])
    );
    assert_eq!(taken.selector.calling.as_deref(), Some(&b"0412"[..]));
    assert_eq!(taken.selector.called.as_deref(), Some(&b"0211"[..]));
    assert_eq!(taken.changes.filter_in.as_deref(), Some("web"));
    assert_eq!(taken.changes.session_timeout, Some(60));
    assert_eq!(&*taken.changes.pairs[0].value, "64");
}

#[test]
fn a_repetition_gets_the_same_answer_and_a_copy_none() {
    let begin = now();
    let mut server = server();
    let octets = request(Code::DISCONNECT_REQUEST, |w| {
        w.u32(Kind::NAS_PORT, 2);
        w.attribute(Kind::PROXY_STATE, b"proxy");
    });
    let taken = server.receive(begin, UNIX, from(1), &octets).unwrap();
    let mut reply = Vec::new();
    // Not yet answered: the repetition waits for the answer.
    assert_eq!(server.receive(begin, UNIX, from(1), &octets), None);
    assert_eq!(server.poll_transmit(&mut reply), None);
    server.answer(taken.token, Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND));
    assert_eq!(server.poll_transmit(&mut reply), Some(from(1)));
    let packet = Packet::parse(&reply).unwrap();
    assert_eq!(packet.find(Kind::ERROR_CAUSE).unwrap().u32(), Ok(503));
    assert_eq!(packet.find(Kind::PROXY_STATE).unwrap().value, b"proxy");
    assert_eq!(server.receive(begin, UNIX, from(1), &octets), None);
    let mut again = Vec::new();
    assert_eq!(server.poll_transmit(&mut again), Some(from(1)));
    assert_eq!(again, reply);
    assert_eq!(server.receive(begin, UNIX, from(2), &octets), None);
    assert_eq!(server.poll_transmit(&mut again), None);
    assert_eq!((server.stats().repeated, server.stats().replayed), (2, 1));
    assert_eq!(server.stats().disconnects, 1);
    // Without a time it may come again later, and means it.
    let later = begin + Duration::from_secs(31);
    assert!(server.receive(later, UNIX + 31, from(1), &octets).is_some());
}

#[test]
fn times_and_codes_are_checked() {
    let begin = now();
    let timed = |time: u64| {
        request(Code::DISCONNECT_REQUEST, |w| {
            w.attribute(Kind::USER_NAME, b"joe");
            w.u32(Kind::EVENT_TIMESTAMP, time as u32);
        })
    };
    let mut server = server();
    for off in [WINDOW + 1, 5000] {
        for time in [UNIX - off, UNIX + off] {
            assert_eq!(server.receive(begin, UNIX, from(1), &timed(time)), None);
        }
    }
    assert_eq!(server.stats().stale, 4);
    let first = timed(UNIX + WINDOW);
    assert!(server.receive(begin, UNIX, from(1), &first).is_some());
    // As long as its time is believed it is remembered.
    let end = begin + Duration::from_secs(2 * WINDOW - 1);
    let unix = UNIX + 2 * WINDOW - 1;
    assert_eq!(server.receive(end, unix, from(9), &first), None);
    assert_eq!(server.stats().replayed, 1);
    let end = begin + Duration::from_secs(2 * WINDOW + 1);
    assert_eq!(server.receive(end, unix + 2, from(9), &first), None);
    assert_eq!(server.stats().stale, 5);

    for bad in [
        vec![40, 1, 0, 20],
        Reply {
            code: Code::ACCESS_REQUEST,
            ..ACCOUNTED
        }
        .to(&first, &secret()),
    ] {
        assert_eq!(server.receive(begin, UNIX, from(1), &bad), None);
    }
    assert_eq!(server.stats().malformed, 2);
    let mut forged = timed(UNIX);
    forged[5] ^= 1;
    assert_eq!(server.receive(begin, UNIX, from(1), &forged), None);
    assert_eq!(server.stats().bad_authenticator, 1);
    assert_eq!(server.poll_transmit(&mut Vec::new()), None);
}

#[test]
fn who_may_ask_and_how() {
    let begin = now();
    let plain = request(Code::DISCONNECT_REQUEST, |w| {
        w.attribute(Kind::USER_NAME, b"joe");
    });
    let mut server = Server::new(dae::Config {
        secret: secret(),
        clients: vec![[10, 0, 0, 2].into()],
        ..dae::Config::default()
    });
    assert_eq!(server.receive(begin, UNIX, from(1), &plain), None);
    assert_eq!(server.stats().foreign, 1);
    let mapped = SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x0a00, 2], 1));
    assert!(server.receive(begin, UNIX, mapped, &plain).is_some());
    server.configure(dae::Config {
        secret: secret(),
        require_timestamp: true,
        ..dae::Config::default()
    });
    let other = request(Code::DISCONNECT_REQUEST, |w| {
        w.attribute(Kind::USER_NAME, b"ann");
    });
    assert_eq!(server.receive(begin, UNIX, from(1), &other), None);
    assert_eq!(server.stats().stale, 1);
    // Signed ones are answered signed; unsigned ones may be refused.
    server.configure(dae::Config {
        secret: secret(),
        require_message_authenticator: true,
        ..dae::Config::default()
    });
    assert_eq!(server.receive(begin, UNIX, from(1), &other), None);
    let mut signed = request(Code::DISCONNECT_REQUEST, |w| {
        w.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
        w.attribute(Kind::USER_NAME, b"ann");
    });
    assert_eq!(server.receive(begin, UNIX, from(1), &signed), None);
    assert_eq!(server.stats().bad_message_authenticator, 2);
    secret().sign(&mut signed, HEADER + 2, &[0; 16]);
    let authenticator = secret().authenticator(&signed, &[0; 16]);
    signed[4..20].copy_from_slice(&authenticator);
    let taken = server.receive(begin, UNIX, from(1), &signed).unwrap();
    server.answer(taken.token, Ok(()));
    let mut reply = Vec::new();
    assert!(server.poll_transmit(&mut reply).is_some());
    let reply = Packet::parse(&reply).unwrap();
    assert_eq!(secret().is_signed(&reply, &authenticator), Some(true));
    // Nobody knows a secret that there is not.
    let mut open = Server::new(dae::Config::default());
    assert_eq!(open.receive(begin, UNIX, from(1), &plain), None);
}
