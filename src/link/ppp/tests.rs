//! Sessions against each other and against single frames.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_sim::Clock;
use wanbox_wire::ppp::{Code, Frame, FrameRepr, Options, Packet, Protocol, RawOption, Writer};

use super::automaton::State;
use super::*;

mod access;
mod life;
mod proof;
mod van_jacobson;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SECOND: Duration = Duration::from_secs(1);

/// A session that is open, with carrier.
fn session(profile: Profile, now: Instant, seed: u128) -> Session {
    profile.check().unwrap();
    let mut session = Session::new(Arc::new(profile), seed);
    session.carrier(now, true);
    session.open(now);
    session
}

fn with_ipv4(ipv4: ipcp::Config) -> Profile {
    Profile {
        ipv4: Some(ipv4),
        ..Profile::default()
    }
}

/// Hands frames over until both rest.
fn exchange(now: Instant, a: &mut Session, b: &mut Session) {
    let mut frame = Vec::new();
    for _ in 0..1000 {
        let mut rest = true;
        while a.poll_transmit(&mut frame) {
            rest = false;
            assert_eq!(b.receive(now, &frame), None);
        }
        while b.poll_transmit(&mut frame) {
            rest = false;
            assert_eq!(a.receive(now, &frame), None);
        }
        if rest {
            return;
        }
    }
    panic!("they talk without end");
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// A control frame.
fn frame(protocol: Protocol, code: Code, identifier: u8, options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut frame = Vec::new();
    FrameRepr::plain(protocol).append(&mut frame);
    let mut writer = Writer::new(&mut frame, code.into(), identifier);
    for (kind, data) in options {
        writer.option(*kind, data);
    }
    writer.finish().unwrap();
    frame
}

/// A control packet that a session sent.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    protocol: Protocol,
    code: Code,
    identifier: u8,
    data: Vec<u8>,
}

impl Sent {
    fn options(&self) -> Vec<(u8, Vec<u8>)> {
        Options::new(&self.data)
            .map(|option| option.unwrap())
            .map(|RawOption { kind, data }| (kind, data.to_vec()))
            .collect()
    }
}

fn sent(session: &mut Session) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut frame = Vec::new();
    while session.poll_transmit(&mut frame) {
        let frame = Frame::parse(&frame).unwrap();
        let packet = Packet::parse(frame.information).unwrap();
        all.push(Sent {
            protocol: frame.protocol,
            code: packet.code.into(),
            identifier: packet.identifier,
            data: packet.data.to_vec(),
        });
    }
    all
}

/// Acknowledges all requests of a session and sends an empty one of LCP: LCP is open.
fn open_lcp(now: Instant, session: &mut Session) {
    for request in sent(session) {
        assert_eq!(request.code, Code::ConfigureRequest);
        let options = request.options();
        let options: Vec<_> = options.iter().map(|(k, d)| (*k, &d[..])).collect();
        let ack = frame(
            request.protocol,
            Code::ConfigureAck,
            request.identifier,
            &options,
        );
        session.receive(now, &ack);
    }
    session.receive(now, &frame(Protocol::LCP, Code::ConfigureRequest, 200, &[]));
    assert_eq!(session.link().view().lcp, State::Opened);
}

const NAME: &[u8] = b"router";
const SECRET: &[u8] = b"s3cret";

/// A profile that demands proof, and one that can give it, in these ways.
fn proving(demand: &[auth::Method], provide: &[auth::Method]) -> (Profile, Profile) {
    let demanding = Profile {
        demand: demand.to_vec(),
        name: (*b"access").into(),
        ..with_ipv4(ipcp::Config::host(HOST, PEER))
    };
    let giving = Profile {
        provide: provide.to_vec(),
        credentials: Some(auth::Credentials::new(NAME, SECRET)),
        ..Profile::default()
    };
    (demanding, giving)
}

/// Judges what the peer claimed; the events but for that one.
fn judge(now: Instant, session: &mut Session, secret: &[u8]) -> Vec<Event> {
    let mut rest = Vec::new();
    for event in events(session) {
        match event {
            Event::Authenticate(claim) => {
                assert_eq!(&*claim.name, NAME);
                session.authenticate(now, &claim, claim.verify(secret));
            }
            other => rest.push(other),
        }
    }
    rest
}

#[test]
fn a_host_gives_both_addresses() {
    let clock = Clock::new();
    let now = clock.now();
    let mut host = session(
        with_ipv4(ipcp::Config {
            dns: [[8, 8, 8, 8].into(), [8, 8, 4, 4].into()],
            ..ipcp::Config::host(HOST, PEER)
        }),
        now,
        1,
    );
    let mut guest = session(
        with_ipv4(ipcp::Config {
            ask_dns: true,
            ..ipcp::Config::of_peer()
        }),
        now,
        2,
    );
    exchange(now, &mut host, &mut guest);
    let up = |local, peer, dns| {
        Event::Ipv4Up(ipcp::Ipv4 {
            local,
            peer,
            dns,
            receive: None,
            send: None,
        })
    };
    let none = [Ipv4Addr::UNSPECIFIED; 2];
    assert_eq!(
        events(&mut host),
        [Event::LcpUp, Event::LinkUp, up(HOST, PEER, none)]
    );
    assert_eq!(
        events(&mut guest),
        [
            Event::LcpUp,
            Event::LinkUp,
            up(PEER, HOST, [[8, 8, 8, 8].into(), [8, 8, 4, 4].into()])
        ]
    );
    assert_eq!(host.poll_timeout(), None);

    // Data, with both compressions.
    let header = host.encapsulate(Payload::Ipv4, 20).unwrap();
    assert_eq!(header.as_ref(), [0x21]);
    let mut data = header.as_ref().to_vec();
    data.extend_from_slice(&[0x45; 20]);
    let delivery = guest.receive(now, &data).unwrap();
    assert_eq!(delivery.payload, Payload::Ipv4);
    assert_eq!(delivery.packet, [0x45; 20]);
    assert_eq!(
        host.encapsulate(Payload::Ipv4, 1501),
        Err(Refusal::TooLong { limit: 1500 })
    );
    assert_eq!(
        host.encapsulate(Payload::Ipv6, 40),
        Err(Refusal::NetworkDown)
    );
    let stats = guest.network().stats().unwrap();
    assert_eq!(stats.ipv4.received, 1);
}

#[test]
fn options_are_rejected_and_corrected() {
    let now = Clock::new().now();
    let mut ppp = session(
        Profile {
            lcp: lcp::Config {
                min_peer_mru: 576,
                ..lcp::Config::default()
            },
            ..Profile::default()
        },
        now,
        1,
    );
    sent(&mut ppp);
    // Quality-Protocol, callback and multilink are not negotiable; nor is proving who we are.
    let quality = [0xc0, 0x25, 0, 0, 0, 1];
    let options: [(u8, &[u8]); 6] = [
        (1, &[0, 100]),
        (3, &[0xc0, 0x23]),
        (4, &quality),
        (13, &[6]),
        (17, &[5, 220]),
        (5, &[1, 2, 3]),
    ];
    ppp.receive(
        now,
        &frame(Protocol::LCP, Code::ConfigureRequest, 9, &options),
    );
    let [reject] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!((reject.code, reject.identifier), (Code::ConfigureReject, 9));
    let kinds: Vec<_> = reject.options().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [3, 4, 13, 17, 5]);
    let small: [(u8, &[u8]); 2] = [(1, &[0, 100]), (7, &[])];
    for identifier in 10..15 {
        ppp.receive(
            now,
            &frame(Protocol::LCP, Code::ConfigureRequest, identifier, &small),
        );
        let [nak] = &sent(&mut ppp)[..] else { panic!() };
        assert_eq!((nak.code, nak.identifier), (Code::ConfigureNak, identifier));
        assert_eq!(nak.options(), [(1, vec![2, 64])]);
    }
    // After Max-Failure Naks: rejected.
    ppp.receive(
        now,
        &frame(Protocol::LCP, Code::ConfigureRequest, 15, &small),
    );
    let [reject] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!(reject.code, Code::ConfigureReject);
    assert_eq!(reject.options(), [(1, vec![0, 100])]);
    assert_eq!(
        ppp.link().view().cause_bits,
        Cause::PEER_MRU_TOO_SMALL | Cause::PEER_AUTHENTICATION_REJECTED
    );
}

#[test]
fn answers_that_are_no_answers_are_dropped_and_counted() {
    let now = Clock::new().now();
    let mut ppp = session(Profile::default(), now, 1);
    let [request] = &sent(&mut ppp)[..] else {
        panic!()
    };
    let ack = |identifier, data: &[u8]| {
        let mut frame = Vec::new();
        FrameRepr::plain(Protocol::LCP).append(&mut frame);
        let mut writer = Writer::new(&mut frame, Code::ConfigureAck.into(), identifier);
        writer.data(data);
        writer.finish().unwrap();
        frame
    };
    ppp.receive(now, &ack(request.identifier.wrapping_add(1), &request.data));
    ppp.receive(now, &ack(request.identifier, &request.data[..6]));
    let foreign: [(u8, &[u8]); 1] = [(1, &[5, 220])];
    ppp.receive(
        now,
        &frame(
            Protocol::LCP,
            Code::ConfigureReject,
            request.identifier,
            &foreign,
        ),
    );
    assert_eq!(ppp.link().view().lcp, State::ReqSent);
    ppp.receive(now, &ack(request.identifier, &request.data));
    assert_eq!(ppp.link().view().lcp, State::AckRcvd);
    ppp.receive(now, &ack(request.identifier, &request.data));
    assert_eq!(ppp.link().view().lcp, State::AckRcvd);
    let stats = ppp.link().stats().unwrap().lcp;
    assert_eq!(
        (stats.bad_identifier, stats.bad_ack, stats.bad_nak),
        (2, 1, 1)
    );
    assert_eq!(stats.packets_received(Code::ConfigureAck), 4);
    assert_eq!(stats.packets_sent(Code::ConfigureRequest), 1);
    assert_eq!(sent(&mut ppp), []);
}

#[test]
fn rejected_options_are_given_up() {
    let now = Clock::new().now();
    let mut ppp = session(
        Profile {
            lcp: lcp::Config {
                mru: 1400,
                accm: Some(0),
                ..lcp::Config::default()
            },
            ..Profile::default()
        },
        now,
        1,
    );
    let [request] = &sent(&mut ppp)[..] else {
        panic!()
    };
    let kinds: Vec<_> = request.options().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [1, 2, 5, 7, 8]);
    let options = request.options();
    let refused: Vec<_> = options[..3].iter().map(|(k, d)| (*k, &d[..])).collect();
    let reject = frame(
        Protocol::LCP,
        Code::ConfigureReject,
        request.identifier,
        &refused,
    );
    ppp.receive(now, &reject);
    let again = sent(&mut ppp);
    let kinds: Vec<_> = again[0].options().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [7, 8]);
    assert_ne!(again[0].identifier, request.identifier);
    let local = ppp.link().local();
    assert_eq!((local.mru, local.accm, local.magic), (1500, u32::MAX, 0));
    assert!(local.pfc && local.acfc);
}

#[test]
fn what_nobody_knows_is_rejected() {
    let now = Clock::new().now();
    let mut ppp = session(Profile::default(), now, 1);
    // CCP while LCP negotiates: dropped in silence.
    let ccp = frame(Protocol::CCP, Code::ConfigureRequest, 1, &[(26, &[1])]);
    ppp.receive(now, &ccp);
    open_lcp(now, &mut ppp);
    sent(&mut ppp);
    for (frame, protocol) in [
        (ccp, Protocol::CCP),
        (
            frame(Protocol::IPXCP, Code::ConfigureRequest, 1, &[]),
            Protocol::IPXCP,
        ),
        (
            frame(Protocol::IPV6CP, Code::ConfigureRequest, 1, &[]),
            Protocol::IPV6CP,
        ),
        (
            frame(Protocol(0xc22b), Code::ConfigureRequest, 1, &[]),
            Protocol(0xc22b),
        ),
    ] {
        ppp.receive(now, &frame);
        let [reject] = &sent(&mut ppp)[..] else {
            panic!()
        };
        assert_eq!(reject.code, Code::ProtocolReject);
        assert_eq!(reject.data[..2], protocol.0.to_be_bytes());
        assert_eq!(reject.data[2..], frame[4..]);
    }
    let unknown = frame(Protocol::LCP, Code::Other(77), 5, &[]);
    ppp.receive(now, &unknown);
    let [reject] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!(reject.code, Code::CodeReject);
    assert_eq!(reject.data, [77, 5, 0, 4]);
    let stats = ppp.link().stats().unwrap();
    assert_eq!(stats.unknown_protocol, 4);
    assert_eq!(stats.out_of_phase, 1);
    assert_eq!(stats.lcp.packets_received(Code::Other(77)), 1);
    assert_eq!(ppp.link().phase(), Phase::Network);
}

#[test]
fn a_rejected_network_takes_the_link_down_when_it_was_the_only_one() {
    let now = Clock::new().now();
    let mut ppp = session(Profile::default(), now, 1);
    open_lcp(now, &mut ppp);
    let [ack, request] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!(ack.code, Code::ConfigureAck);
    assert_eq!(request.protocol, Protocol::IPCP);
    let mut reject = frame(Protocol::LCP, Code::ProtocolReject, 3, &[]);
    reject.extend_from_slice(&[0x80, 0x21, 1, 1, 0, 4]);
    reject[7] = 10;
    ppp.receive(now, &reject);
    assert_eq!(
        events(&mut ppp),
        [
            Event::LcpUp,
            Event::LinkUp,
            Event::NetworkRefused(Protocol::IPCP),
            Event::LinkDown(Cause::NoNetwork)
        ]
    );
    assert_eq!(sent(&mut ppp)[0].code, Code::TerminateRequest);
}

#[test]
fn ipv6_identifiers_are_unique_and_given() {
    let now = Clock::new().now();
    let profile = |local, peer| Profile {
        ipv4: None,
        ipv6: Some(ipv6cp::Config {
            local,
            peer,
            insist: false,
        }),
        ..Profile::default()
    };
    let agreed = |session: &Session| {
        let ipv6 = session.network().ipv6().unwrap();
        (ipv6.local, ipv6.peer)
    };
    // Both want the same: one of them gives in.
    let mut a = session(profile(7, 0), now, 1);
    let mut b = session(profile(7, 0), now, 2);
    exchange(now, &mut a, &mut b);
    let (local, peer) = agreed(&a);
    assert_ne!(local, peer);
    assert_eq!(agreed(&b), (peer, local));
    assert_ne!(local.min(peer), 0);
    // Random ones.
    let mut a = session(profile(0, 0), now, 1);
    let mut b = session(profile(0, 0), now, 2);
    exchange(now, &mut a, &mut b);
    assert_ne!(agreed(&a).0, agreed(&a).1);
    // One that asks for any is given the one meant for it.
    let mut a = session(profile(1, 2), now, 1);
    open_lcp(now, &mut a);
    sent(&mut a);
    let zero: [(u8, &[u8]); 1] = [(1, &[0; 8])];
    let request = frame(Protocol::IPV6CP, Code::ConfigureRequest, 4, &zero);
    a.receive(now, &request);
    let [nak] = &sent(&mut a)[..] else { panic!() };
    assert_eq!(nak.code, Code::ConfigureNak);
    assert_eq!(nak.options(), [(1, vec![0, 0, 0, 0, 0, 0, 0, 2])]);
}

#[test]
fn an_idle_session_is_below_a_kilobyte() {
    use super::auth::Method;
    let mut clock = Clock::new();
    let now = clock.now();
    let (demanding, giving) = proving(&[Method::ChapMd5], &[Method::ChapMd5]);
    let mut a = session(
        Profile {
            ipv6: Some(ipv6cp::Config::default()),
            ..demanding
        },
        now,
        1 << 64 | 1,
    );
    let mut b = session(
        Profile {
            ipv6: Some(ipv6cp::Config::default()),
            ..giving
        },
        now,
        2 << 64 | 2,
    );
    exchange(now, &mut a, &mut b);
    judge(now, &mut a, SECRET);
    exchange(now, &mut a, &mut b);
    events(&mut a);
    clock.advance(60 * SECOND);
    a.handle_timeout(clock.now());
    assert!(a.network().ipv4().is_some() && a.network().ipv6().is_some());
    let octets = a.memory();
    assert!(octets < 1024, "{octets} octets");
    assert!(octets > size_of::<Session>());
    println!("an idle session takes {octets} octets");
}

#[test]
fn ipv4_without_the_address_that_was_asked_for_is_none() {
    let now = Clock::new().now();
    // Both ask: neither has one to give.
    let mut a = session(with_ipv4(ipcp::Config::of_peer()), now, 1);
    let mut b = session(with_ipv4(ipcp::Config::of_peer()), now, 2);
    exchange(now, &mut a, &mut b);
    assert_eq!(a.network().ipv4(), None);
    let heard = events(&mut a);
    assert!(heard.contains(&Event::NetworkRefused(Protocol::IPCP)));
    assert!(!heard.contains(&Event::Ipv4Down), "{heard:?}");
}
