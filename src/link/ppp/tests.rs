//! Sessions against each other and against single frames.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_sim::Clock;
use wanbox_wire::ppp::{Code, Frame, FrameRepr, Options, Packet, Protocol, RawOption, Writer};

use super::automaton::State;
use super::*;

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
fn echoes_are_answered_and_their_absence_noticed() {
    let mut clock = Clock::new();
    let mut ppp = session(
        Profile {
            lcp: lcp::Config {
                echo_interval: Some(10 * SECOND),
                echo_failures: 3,
                ..lcp::Config::default()
            },
            limits: automaton::Limits {
                never_give_up: true,
                ..automaton::Limits::default()
            },
            ..Profile::default()
        },
        clock.now(),
        1,
    );
    let now = clock.now();
    open_lcp(now, &mut ppp);
    sent(&mut ppp);
    let magic = ppp.link().local().magic;
    assert_ne!(magic, 0);

    let mut echo = frame(Protocol::LCP, Code::EchoRequest, 77, &[]);
    echo.extend_from_slice(&[0, 0, 0, 0, b'h', b'i']);
    echo[7] = 10;
    ppp.receive(now, &echo);
    let [reply] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!((reply.code, reply.identifier), (Code::EchoReply, 77));
    assert_eq!(reply.data, [&magic.to_be_bytes()[..], b"hi"].concat());

    let answer = |ppp: &mut Session, now, identifier| {
        let mut reply = frame(Protocol::LCP, Code::EchoReply, identifier, &[]);
        reply.extend_from_slice(&[0; 4]);
        reply[7] = 8;
        ppp.receive(now, &reply);
    };
    let mut asked = 0;
    let end = clock.now() + 100 * SECOND;
    while let Some(at) = ppp.poll_timeout().filter(|at| *at <= end) {
        clock.advance_to(at);
        ppp.handle_timeout(at);
        for packet in sent(&mut ppp) {
            if packet.code == Code::EchoRequest {
                assert_eq!(packet.data, magic.to_be_bytes());
                asked += 1;
                answer(&mut ppp, at, packet.identifier);
            }
        }
    }
    assert_eq!(asked, 10);
    // No more answers: three go unanswered, and the fourth is not sent.
    while ppp.link().phase() == Phase::Network {
        let at = ppp.poll_timeout().unwrap();
        clock.advance_to(at);
        ppp.handle_timeout(at);
    }
    assert_eq!(clock.now() - end, 40 * SECOND);
    assert!(events(&mut ppp).contains(&Event::LinkDown(Cause::Keepalive)));
    let stats = ppp.link().stats().unwrap();
    assert_eq!(stats.echo_request.sent, 13);
    assert_eq!(stats.echo_reply.received, 10);
    assert_eq!(stats.echo_reply.sent, 1);
}

#[test]
fn a_loop_is_noticed_while_negotiating_and_later() {
    let mut clock = Clock::new();
    let mut ppp = session(Profile::default(), clock.now(), 1);
    let mut frame = Vec::new();
    let mut returned = 0;
    while ppp.poll_transmit(&mut frame) {
        ppp.receive(clock.now(), &frame.clone());
        returned += 1;
        assert!(returned < 100);
    }
    assert_eq!(
        events(&mut ppp),
        [Event::LinkDown(Cause::Looped), Event::Finished]
    );
    assert!(ppp.link().stats().unwrap().loopback.configure_request >= 5);
    // Held down, then tried again.
    assert_eq!(ppp.link().phase(), Phase::Dead);
    assert_eq!(ppp.poll_timeout(), Some(clock.now() + 5 * SECOND));
    clock.advance(5 * SECOND);
    ppp.handle_timeout(clock.now());
    assert_eq!(ppp.link().phase(), Phase::Establish);
    open_lcp(clock.now(), &mut ppp);
    let mut echo = self::frame(Protocol::LCP, Code::EchoRequest, 1, &[]);
    echo.extend_from_slice(&ppp.link().local().magic.to_be_bytes());
    echo[7] = 8;
    ppp.receive(clock.now(), &echo);
    assert!(events(&mut ppp).contains(&Event::LinkDown(Cause::Looped)));
    assert_eq!(ppp.link().stats().unwrap().loopback.echo_request, 1);
}

#[test]
fn a_link_that_the_peer_closes_comes_back() {
    let mut clock = Clock::new();
    let now = clock.now();
    let mut a = session(with_ipv4(ipcp::Config::host(HOST, PEER)), now, 1);
    let mut b = session(with_ipv4(ipcp::Config::of_peer()), now, 2);
    exchange(now, &mut a, &mut b);
    events(&mut a);
    b.close(now);
    exchange(now, &mut a, &mut b);
    assert_eq!(
        events(&mut a),
        [Event::Ipv4Down, Event::LinkDown(Cause::Peer)]
    );
    let last = events(&mut b).split_off(3);
    assert_eq!(
        last,
        [
            Event::Ipv4Down,
            Event::LinkDown(Cause::Local),
            Event::Finished
        ]
    );
    // A lets B's last words pass for a restart period, then is silent for the hold-down.
    clock.advance(3 * SECOND);
    a.handle_timeout(clock.now());
    assert_eq!(events(&mut a), [Event::Finished]);
    assert_eq!(a.link().view().last_cause, Some(Cause::Peer));
    b.open(clock.now());
    exchange(clock.now(), &mut a, &mut b);
    assert_eq!(a.link().stats().unwrap().while_down, 1);
    clock.advance(5 * SECOND);
    a.handle_timeout(clock.now());
    b.handle_timeout(clock.now());
    exchange(clock.now(), &mut a, &mut b);
    assert_eq!(events(&mut a).len(), 3);
    assert_eq!(a.network().ipcp_state(), State::Opened);
    assert_eq!(b.network().ipcp_state(), State::Opened);
}

#[test]
fn a_lost_carrier_ends_and_begins_it() {
    let now = Clock::new().now();
    let mut ppp = session(Profile::default(), now, 1);
    ppp.carrier(now, false);
    assert_eq!(events(&mut ppp), [Event::LinkDown(Cause::Carrier)]);
    assert_eq!(sent(&mut ppp), []);
    assert_eq!(ppp.poll_timeout(), None);
    ppp.carrier(now, true);
    open_lcp(now, &mut ppp);
    ppp.carrier(now, false);
    assert_eq!(
        events(&mut ppp),
        [Event::LcpUp, Event::LinkUp, Event::LinkDown(Cause::Carrier)]
    );
    assert_eq!(ppp.link().view().cause_bits, 0x0002);
    assert_eq!(ppp.network().ipcp_state(), State::Starting);
}

#[test]
fn giving_up_takes_max_configure_restarts_then_waits_for_the_peer() {
    let mut clock = Clock::new();
    let mut ppp = session(
        Profile {
            hold_down: None,
            ..Profile::default()
        },
        clock.now(),
        1,
    );
    let start = clock.now();
    let mut requests = 0;
    while let Some(at) = ppp.poll_timeout().filter(|at| *at < start + 60 * SECOND) {
        requests += sent(&mut ppp).len();
        clock.advance_to(at);
        ppp.handle_timeout(at);
    }
    assert_eq!(requests, 10);
    assert_eq!(clock.now() - start, 30 * SECOND);
    assert_eq!(
        events(&mut ppp),
        [Event::LinkDown(Cause::NoAnswer), Event::Finished]
    );
    assert_eq!(ppp.poll_timeout(), None);
    // Stopped: a request of the peer begins it again.
    let request = frame(Protocol::LCP, Code::ConfigureRequest, 1, &[]);
    ppp.receive(clock.now(), &request);
    let answer: Vec<_> = sent(&mut ppp).iter().map(|packet| packet.code).collect();
    assert_eq!(answer, [Code::ConfigureRequest, Code::ConfigureAck]);
    assert_eq!(ppp.link().phase(), Phase::Establish);
}

#[test]
fn ipv6_identifiers_are_unique_and_given() {
    let now = Clock::new().now();
    let profile = |local, peer| Profile {
        ipv4: None,
        ipv6: Some(ipv6cp::Config { local, peer }),
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
fn ways_to_prove_and_their_refusal() {
    use super::auth::Method;
    let now = Clock::new().now();
    let profile = Profile {
        demand: vec![Method::MsChapV2, Method::ChapMd5],
        ..Profile::default()
    };
    let demanded = |ppp: &mut Session| {
        let request = sent(ppp).pop().unwrap();
        let way = request.options().into_iter().find(|(kind, _)| *kind == 3);
        (request.identifier, way.map(|(_, data)| data))
    };
    let nak = |ppp: &mut Session, identifier, way: &[u8]| {
        let nak = frame(Protocol::LCP, Code::ConfigureNak, identifier, &[(3, way)]);
        ppp.receive(now, &nak);
    };
    let mut ppp = session(profile.clone(), now, 1);
    let (identifier, way) = demanded(&mut ppp);
    assert_eq!(way.unwrap(), [0xc2, 0x23, 129]);
    // PAP is not allowed: the next best is asked for instead.
    nak(&mut ppp, identifier, &[0xc0, 0x23]);
    let (identifier, way) = demanded(&mut ppp);
    assert_eq!(way.unwrap(), [0xc2, 0x23, 5]);
    nak(&mut ppp, identifier, &[0xc0, 0x23]);
    assert_eq!(
        events(&mut ppp),
        [Event::LinkDown(Cause::AuthenticationRefused)]
    );
    assert_eq!(ppp.link().view().cause_bits, 0x0010);
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
fn the_peer_proves_itself_in_every_way() {
    use super::auth::{Method, State};
    let all = [Method::MsChapV2, Method::ChapMd5, Method::Pap];
    for way in all {
        let mut clock = Clock::new();
        let now = clock.now();
        // The peer asks for the one way that it knows.
        let (demanding, giving) = proving(&all, &[way]);
        let mut a = session(demanding, now, 1 << 64 | 1);
        let mut b = session(giving, now, 2 << 64 | 2);
        exchange(now, &mut a, &mut b);
        assert_eq!(a.link().phase(), Phase::Authenticate);
        assert_eq!(a.encapsulate(Payload::Ipv4, 20), Err(Refusal::LinkDown));
        // The owner takes its time.
        clock.advance(SECOND);
        let now = clock.now();
        assert_eq!(judge(now, &mut a, SECRET), [Event::LcpUp]);
        exchange(now, &mut a, &mut b);
        assert!(matches!(
            events(&mut a)[..],
            [Event::LinkUp, Event::Ipv4Up(_)]
        ));
        assert_eq!(events(&mut b).len(), 3);
        assert_eq!(a.link().peer_name(), Some(NAME));
        let role = Role {
            method: way,
            state: State::Opened,
        };
        assert_eq!(a.link().view().demanding, Some(role));
        assert_eq!(b.link().view().giving, Some(role));
        // The engines go, what they found stays.
        clock.advance(60 * SECOND);
        assert_eq!(a.poll_timeout(), Some(clock.now()));
        a.handle_timeout(clock.now());
        assert_eq!(a.poll_timeout(), None);
        assert_eq!(a.link().peer_name(), Some(NAME));
        assert_eq!(a.link().view().demanding, Some(role));
        assert_eq!(a.link().phase(), Phase::Network);
        let stats = a.link().stats().unwrap().auth;
        assert_eq!(stats.pap.tx_ack + stats.chap.tx_success, 1);
    }
}

#[test]
fn a_wrong_secret_ends_the_link_after_the_answer() {
    use super::auth::{Failure, Method, State};
    for way in [Method::MsChapV2, Method::ChapMd5, Method::Pap] {
        let now = Clock::new().now();
        let (demanding, giving) = proving(&[way], &[way]);
        let mut a = session(demanding, now, 1 << 64 | 1);
        let mut b = session(giving, now, 2 << 64 | 2);
        exchange(now, &mut a, &mut b);
        judge(now, &mut a, b"other");
        exchange(now, &mut a, &mut b);
        let down = Event::LinkDown(Cause::Authentication(Failure::Refused));
        assert_eq!(events(&mut a), [down.clone(), Event::Finished]);
        assert_eq!(events(&mut b), [Event::LcpUp, down, Event::Finished]);
        assert_eq!(a.link().view().cause_bits, 0x0008);
        assert_eq!(a.link().view().demanding.unwrap().state, State::Failed);
        assert_eq!(b.link().view().giving.unwrap().state, State::Failed);
    }
}

#[test]
fn both_sides_prove_themselves() {
    use super::auth::Method;
    let now = Clock::new().now();
    let (mut a, mut b) = proving(&[Method::ChapMd5], &[Method::Pap, Method::ChapMd5]);
    a.provide = vec![Method::Pap];
    a.credentials = b.credentials.clone();
    b.demand = vec![Method::ChapMd5, Method::Pap];
    let mut a = session(a, now, 1 << 64 | 1);
    let mut b = session(b, now, 2 << 64 | 2);
    exchange(now, &mut a, &mut b);
    judge(now, &mut a, SECRET);
    judge(now, &mut b, SECRET);
    exchange(now, &mut a, &mut b);
    for session in [&a, &b] {
        assert_eq!(session.link().phase(), Phase::Network);
        assert_eq!(session.link().peer_name(), Some(NAME));
    }
    assert_eq!(a.link().view().demanding.unwrap().method, Method::ChapMd5);
    assert_eq!(a.link().view().giving.unwrap().method, Method::Pap);
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

/// A TCP segment of one connection; only the IP checksum matters to compression.
fn segment(number: u16, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&((40 + data.len()) as u16).to_be_bytes());
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&[0x40, 0, 64, 6, 0, 0]);
    packet.extend_from_slice(&HOST.octets());
    packet.extend_from_slice(&PEER.octets());
    let sum: u32 = packet
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend_from_slice(&[0x04, 0x00, 0x00, 80]);
    packet.extend_from_slice(&(u32::from(number) * 100).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x10, 0x20, 0, 0x12, 0x34, 0, 0]);
    packet.extend_from_slice(data);
    packet
}

#[test]
fn tcp_headers_are_compressed_when_both_want_it() {
    let now = Clock::new().now();
    let with = |config: ipcp::Config, van_jacobson| {
        with_ipv4(ipcp::Config {
            van_jacobson,
            ..config
        })
    };
    let few = ipcp::Slots {
        max_slot: 3,
        compress_slot: false,
    };
    let all = Some(ipcp::Slots::default());
    for (ours, compressed) in [(all, true), (Some(few), true), (None, false)] {
        let mut a = session(with(ipcp::Config::host(HOST, PEER), all), now, 1);
        let mut b = session(with(ipcp::Config::of_peer(), ours), now, 2);
        exchange(now, &mut a, &mut b);
        assert_eq!(a.network().ipv4().unwrap().send, ours);
        assert_eq!(a.van_jacobson().is_some(), compressed);
        let mut octets = Vec::new();
        for number in 0..20 {
            let packet = segment(number, &[7; 100]);
            let parts = a.prepare(Payload::Ipv4, &packet).unwrap();
            let frame = [parts.header.as_ref(), parts.head, parts.rest].concat();
            octets.push(frame.len());
            let delivery = b.receive(now, &frame).unwrap();
            assert_eq!(delivery.payload, Payload::Ipv4);
            assert_eq!(delivery.packet, packet);
        }
        assert_eq!(octets[0], 141);
        assert_eq!(octets[19] < 110, compressed, "{octets:?}");
        assert_eq!(b.network().stats().unwrap().ipv4.received, 20);
        a.carrier(now, false);
        assert!(a.van_jacobson().is_none());
    }
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
