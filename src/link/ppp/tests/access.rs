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
