//! Echoes, loops, the end of a link and its return.

use super::*;

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
