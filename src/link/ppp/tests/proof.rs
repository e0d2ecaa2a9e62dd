//! Who is at the other end.

use super::*;

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
