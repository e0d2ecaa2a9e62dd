//! What an access concentrator needs.

use super::auth::{Claim, Method, Proof, Verdict};
use super::*;

fn link(profile: Profile, now: Instant) -> Link {
    profile.check().unwrap();
    let mut link = Link::new(Arc::new(profile), 7 << 64 | 7);
    link.carrier(now, true);
    link
}

fn demanding(demand: &[Method]) -> Profile {
    Profile {
        demand: demand.to_vec(),
        ..Profile::default()
    }
}

fn transmitted(link: &mut Link) -> Vec<Vec<u8>> {
    let mut frame = Vec::new();
    std::iter::from_fn(|| link.poll_transmit(&mut frame).then(|| frame.clone())).collect()
}

const SENT: [u8; 14] = [1, 4, 5, 220, 3, 4, 0xc0, 0x23, 5, 6, 1, 2, 3, 4];
const RECEIVED: [u8; 10] = [1, 4, 5, 180, 5, 6, 9, 9, 9, 9];

fn pap() -> Claim {
    Claim {
        name: NAME.into(),
        proof: Proof::Pap {
            password: SECRET.into(),
        },
    }
}

#[test]
fn a_link_that_another_one_negotiated_is_taken_over() {
    let now = Clock::new().now();
    let mut link = link(demanding(&[Method::ChapMd5, Method::Pap]), now);
    assert!(link.adopt(
        now,
        Proxied {
            sent: &SENT,
            received: &RECEIVED,
            proof: Some((42, pap())),
        }
    ));
    assert_eq!(transmitted(&mut link), [[0_u8; 0]; 0]);
    assert_eq!(link.poll_event(), Some(Event::LcpUp));
    assert_eq!(link.local().magic, 0x0102_0304);
    assert_eq!((link.peer().mru, link.peer().magic), (1460, 0x0909_0909));
    let Some(Event::Authenticate(claim)) = link.poll_event() else {
        panic!()
    };
    assert_eq!(claim, pap());
    link.authenticate(now, &claim, claim.verify(SECRET));
    let answers = transmitted(&mut link);
    // The Ack has the identifier of the request that somebody else received.
    assert_eq!(answers[0][4..6], [2, 42]);
    assert_eq!(link.poll_event(), Some(Event::LinkUp));
    assert_eq!(link.phase(), Phase::Network);
}

#[test]
fn proof_that_does_not_fit_is_asked_for_again() {
    let now = Clock::new().now();
    let mut link = link(demanding(&[Method::ChapMd5]), now);
    let sent = [3, 5, 0xc2, 0x23, 5];
    let proof = Some((42, pap()));
    assert!(link.adopt(
        now,
        Proxied {
            sent: &sent,
            received: &[],
            proof
        }
    ));
    assert_eq!(link.phase(), Phase::Authenticate);
    let challenge = &transmitted(&mut link)[0];
    assert_eq!(challenge[2..5], [0xc2, 0x23, 1]);
}

#[test]
fn what_we_would_not_have_agreed_to_is_negotiated_anew() {
    let now = Clock::new().now();
    let good: &[u8] = &[3, 4, 0xc0, 0x23];
    let cases: [(&[u8], &[u8]); 8] = [
        // No proof, another one, compression that nobody knows, no list of options.
        (&[], &[]),
        (&[3, 5, 0xc2, 0x23, 5], &[]),
        (&[3, 4, 0xc0, 0x23, 17, 4, 5, 220], &[]),
        (&[3, 4, 0xc0], &[]),
        // The peer demands proof, has too small an MRU, wants a callback, or breaks off.
        (good, &[3, 4, 0xc0, 0x23]),
        (good, &[1, 4, 0, 10]),
        (good, &[13, 3, 6]),
        (good, &[1]),
    ];
    for (sent, received) in cases {
        let mut link = link(demanding(&[Method::Pap]), now);
        let proof = None;
        assert!(
            !link.adopt(
                now,
                Proxied {
                    sent,
                    received,
                    proof
                }
            ),
            "{sent:?} {received:?}"
        );
        assert_eq!(link.phase(), Phase::Dead);
        link.open(now);
        assert_eq!(link.phase(), Phase::Establish);
        assert_eq!(transmitted(&mut link).len(), 1);
    }
}

#[test]
fn a_peer_that_negotiates_anew_ends_what_was_taken_over() {
    let now = Clock::new().now();
    let mut link = link(demanding(&[Method::Pap]), now);
    let proof = None;
    assert!(link.adopt(
        now,
        Proxied {
            sent: &SENT,
            received: &RECEIVED,
            proof
        }
    ));
    link.receive(now, &frame(Protocol::LCP, Code::ConfigureRequest, 1, &[]));
    assert_eq!(link.phase(), Phase::Establish);
    let answers = transmitted(&mut link);
    assert_eq!([answers[0][4], answers[1][4]], [1, 2]);
}

#[test]
fn a_chap_response_to_a_demand_for_pap_is_challenged() {
    let now = Clock::new().now();
    let all = [Method::Pap, Method::ChapMd5];
    let (profile, _) = proving(&all, &[]);
    let mut ppp = session(profile, now, 1 << 64 | 1);
    open_lcp(now, &mut ppp);
    sent(&mut ppp);
    let mut response = Vec::new();
    FrameRepr::plain(Protocol::CHAP).append(&mut response);
    let mut writer = Writer::new(&mut response, 2, 9);
    writer.data(&[16]);
    writer.data(&[0; 16]);
    writer.data(NAME);
    writer.finish().unwrap();
    ppp.receive(now, &response);
    let challenge = &sent(&mut ppp)[0];
    assert_eq!(challenge.protocol, Protocol::CHAP);
    assert_eq!(
        (challenge.code, challenge.data[0]),
        (Code::ConfigureRequest, 16)
    );
    // It answers that one.
    let digest = [0; 16];
    response[5] = challenge.identifier;
    response[9..25].copy_from_slice(&digest);
    ppp.receive(now, &response);
    let claim = events(&mut ppp).into_iter().find_map(|event| match event {
        Event::Authenticate(claim) => Some(claim),
        _ => None,
    });
    let verdict = Verdict::plain(auth::Outcome::Accepted);
    ppp.authenticate(now, &claim.unwrap(), verdict);
    assert_eq!(ppp.link().phase(), Phase::Network);
}

#[test]
fn a_chap_response_is_rejected_where_only_pap_will_do() {
    let now = Clock::new().now();
    let (profile, _) = proving(&[Method::Pap], &[]);
    let mut ppp = session(profile, now, 1 << 64 | 1);
    open_lcp(now, &mut ppp);
    sent(&mut ppp);
    let mut response = Vec::new();
    FrameRepr::plain(Protocol::CHAP).append(&mut response);
    Writer::new(&mut response, 2, 9).finish().unwrap();
    ppp.receive(now, &response);
    assert_eq!(sent(&mut ppp)[0].code, Code::ProtocolReject);
}

#[test]
fn the_peer_is_told_the_interface_identifier_that_it_must_take() {
    let now = Clock::new().now();
    let given = 0x0a0a_0a01_0000_0000;
    let profile = Profile {
        ipv4: None,
        ipv6: Some(ipv6cp::Config {
            local: 1,
            peer: given,
            insist: true,
        }),
        ..Profile::default()
    };
    let mut ppp = session(profile, now, 1);
    open_lcp(now, &mut ppp);
    sent(&mut ppp);
    let request = |identifier, value: u64| {
        let value = value.to_be_bytes();
        frame(
            Protocol::IPV6CP,
            Code::ConfigureRequest,
            identifier,
            &[(1, &value)],
        )
    };
    ppp.receive(now, &request(1, 5));
    let nak = sent(&mut ppp).pop().unwrap();
    assert_eq!(nak.code, Code::ConfigureNak);
    assert_eq!(nak.options(), [(1, given.to_be_bytes().to_vec())]);
    ppp.receive(now, &request(2, given));
    assert_eq!(sent(&mut ppp).pop().unwrap().code, Code::ConfigureAck);
}

#[test]
fn another_profile_holds_from_the_next_negotiation_on() {
    let now = Clock::new().now();
    let mut link = link(demanding(&[Method::Pap]), now);
    let proof = None;
    assert!(link.adopt(
        now,
        Proxied {
            sent: &SENT,
            received: &RECEIVED,
            proof
        }
    ));
    link.set_profile(Arc::new(demanding(&[])));
    assert_eq!(link.phase(), Phase::Authenticate);
    link.receive(now, &frame(Protocol::LCP, Code::ConfigureRequest, 1, &[]));
    let request = &transmitted(&mut link)[0];
    assert!(!request.windows(2).any(|pair| pair == [0xc0, 0x23]));
}

#[test]
fn user_data_from_the_peer_puts_echoes_off() {
    let mut clock = Clock::new();
    let now = clock.now();
    let profile = Profile {
        lcp: lcp::Config {
            echo_interval: Some(10 * SECOND),
            echo_failures: 2,
            ..lcp::Config::default()
        },
        ..Profile::default()
    };
    let mut ppp = link(profile, now);
    let proof = None;
    assert!(ppp.adopt(
        now,
        Proxied {
            sent: &[],
            received: &[],
            proof
        }
    ));
    for _ in 0..10 {
        clock.advance(9 * SECOND);
        ppp.handle_timeout(clock.now());
        ppp.heard(clock.now(), true);
    }
    assert_eq!(transmitted(&mut ppp).len(), 0);
    assert_eq!(ppp.poll_timeout(), Some(clock.now() + 10 * SECOND));
    clock.advance(10 * SECOND);
    ppp.handle_timeout(clock.now());
    assert_eq!(transmitted(&mut ppp).len(), 1);
}

/// A link that offers multilink to those who offered it, and its first request.
fn offering_on_request(now: Instant) -> (Session, Sent) {
    let mut ppp = session(multilink(true, 9), now, 1);
    let request = only(&mut ppp);
    assert_eq!(kinds(&request), [5, 7, 8]);
    (ppp, request)
}

fn multilink(on_request: bool, endpoint: u8) -> Profile {
    Profile {
        lcp: lcp::Config {
            multilink: Some(lcp::Multilink {
                mrru: 1600,
                short_sequence: true,
                endpoint: [1, endpoint].into(),
                on_request,
            }),
            ..lcp::Config::default()
        },
        ..Profile::default()
    }
}

fn only(ppp: &mut Session) -> Sent {
    let mut all = sent(ppp);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn kinds(packet: &Sent) -> Vec<u8> {
    let options = packet.options().into_iter();
    options.map(|(kind, _)| kind).collect()
}

/// An answer to a request with its options, or some of them.
fn answer(code: Code, request: &Sent, which: impl Fn(u8) -> bool) -> Vec<u8> {
    let options = request.options();
    let options = options.iter().filter(|(kind, _)| which(*kind));
    let options: Vec<_> = options.map(|(kind, data)| (*kind, &data[..])).collect();
    frame(Protocol::LCP, code, request.identifier, &options)
}

/// The peer's request, with MRRU.
fn wish(identifier: u8) -> Vec<u8> {
    frame(
        Protocol::LCP,
        Code::ConfigureRequest,
        identifier,
        &[(17, &[5, 220])],
    )
}

#[test]
fn multilink_is_offered_to_a_peer_that_offered_it() {
    let now = Clock::new().now();
    // Whether the peer acknowledges our first request before it says its own.
    for acknowledged in [false, true] {
        let (mut ppp, first) = offering_on_request(now);
        let ack = answer(Code::ConfigureAck, &first, |_| true);
        if acknowledged {
            ppp.receive(now, &ack);
            assert_eq!(ppp.link().view().lcp, State::AckRcvd);
        }
        ppp.receive(now, &wish(7));
        if !acknowledged {
            // Two requests of ours are never under way.
            assert_eq!(sent(&mut ppp), []);
            ppp.receive(now, &ack);
        }
        let [request, own] = &sent(&mut ppp)[..] else {
            panic!()
        };
        // The request first: who got the answer first would open, and had to close again.
        assert_eq!(request.code, Code::ConfigureRequest);
        assert_eq!(kinds(request), [5, 7, 8, 17, 18, 19]);
        assert_ne!(request.identifier, first.identifier);
        assert_eq!((own.code, own.identifier), (Code::ConfigureAck, 7));
        assert_eq!(ppp.link().view().lcp, State::AckSent);
        // What was said to the first request does not count any more.
        ppp.receive(now, &ack);
        assert_eq!(ppp.link().view().lcp, State::AckSent);
        ppp.receive(now, &answer(Code::ConfigureAck, request, |_| true));
        assert_eq!(ppp.link().view().lcp, State::Opened);
        let link = ppp.link();
        assert_eq!(
            (link.local().mrru, link.peer().mrru),
            (Some(1600), Some(1500))
        );
    }
}

#[test]
fn multilink_is_offered_once() {
    let now = Clock::new().now();
    let (mut ppp, first) = offering_on_request(now);
    // The answer is no Ack here: something else is rejected.
    let odd: [(u8, &[u8]); 2] = [(17, &[5, 220]), (13, &[6])];
    ppp.receive(now, &frame(Protocol::LCP, Code::ConfigureRequest, 7, &odd));
    ppp.receive(now, &answer(Code::ConfigureAck, &first, |_| true));
    let [request, own] = &sent(&mut ppp)[..] else {
        panic!()
    };
    assert_eq!(kinds(request), [5, 7, 8, 17, 18, 19]);
    assert_eq!(own.code, Code::ConfigureReject);
    assert_eq!(ppp.link().view().lcp, State::ReqSent);
    ppp.receive(
        now,
        &answer(Code::ConfigureReject, request, |kind| kind >= 17),
    );
    assert_eq!(kinds(&only(&mut ppp)), [5, 7, 8]);
    // What was refused is not offered again, however often the peer asks.
    for identifier in 8..11 {
        ppp.receive(now, &wish(identifier));
        assert_eq!(only(&mut ppp).code, Code::ConfigureAck);
    }
    // In another negotiation it is, from the start.
    ppp.receive(now, &frame(Protocol::LCP, Code::TerminateRequest, 11, &[]));
    ppp.carrier(now, false);
    ppp.carrier(now, true);
    let request = sent(&mut ppp).pop().unwrap();
    assert_eq!(kinds(&request), [5, 7, 8, 17, 18, 19]);
}

#[test]
fn who_offers_multilink_on_request_agrees_with_everybody() {
    let now = Clock::new().now();
    let some = (Some(1600), Some(1600));
    for (other, expected) in [
        (Profile::default(), (None, None)),
        (multilink(false, 8), some),
        (multilink(true, 8), (None, None)),
    ] {
        let of = |profile, ipv4| Profile {
            ipv4: Some(ipv4),
            ..profile
        };
        let server = of(multilink(true, 9), ipcp::Config::host(HOST, PEER));
        let mut a = session(server, now, 1);
        let mut b = session(of(other, ipcp::Config::of_peer()), now, 2);
        exchange(now, &mut a, &mut b);
        for end in [&a, &b] {
            let link = end.link();
            assert_eq!(link.phase(), Phase::Network);
            assert_eq!((link.local().mrru, link.peer().mrru), expected);
        }
        let endpoint = expected.0.map(|_| &[1, 9][..]);
        assert_eq!(b.link().peer_endpoint(), endpoint);
        // Nobody went down on the way.
        for end in [&mut a, &mut b] {
            assert!(!events(end).iter().any(|e| matches!(e, Event::LinkDown(_))));
        }
    }
}

#[test]
fn a_request_that_waits_for_ours_is_answered_when_ours_is_refused_or_lost() {
    let now = Clock::new().now();
    for refused in [false, true] {
        let (mut ppp, first) = offering_on_request(now);
        ppp.receive(now, &wish(7));
        // It may say the same again, or something else, while it waits.
        ppp.receive(now, &wish(8));
        assert_eq!(sent(&mut ppp), []);
        if refused {
            let reject = answer(Code::ConfigureReject, &first, |kind| kind == 8);
            ppp.receive(now, &reject);
        } else {
            ppp.handle_timeout(now + 3 * SECOND);
        }
        let [request, own] = &sent(&mut ppp)[..] else {
            panic!()
        };
        let expected: &[u8] = if refused {
            &[5, 7, 17, 18, 19]
        } else {
            &[5, 7, 8, 17, 18, 19]
        };
        assert_eq!(kinds(request), expected);
        assert_ne!(request.identifier, first.identifier);
        assert_eq!((own.code, own.identifier), (Code::ConfigureAck, 8));
        assert_eq!(ppp.link().view().lcp, State::AckSent);
    }
}
