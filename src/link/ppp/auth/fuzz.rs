//! Both roles on any octets.

use std::time::{Duration, Instant};

use wanbox_wire::ppp::Packet;

use super::{
    Authenticator, Claim, Config, Credentials, Event, Method, Outcome, Peer, State, Stats, Verdict,
};

/// An authenticator and a peer that hear each other and anything else: nobody is let in who was not
/// judged right, one claim is judged at a time, and who does not know the secret does not pass for
/// an authenticator of MS-CHAPv2. For fuzzing and replayed tests.
pub fn fuzz_auth(start: Instant, input: &[u8]) {
    let Some((&setup, mut input)) = input.split_first() else {
        return;
    };
    let method = match setup & 3 {
        0 => Method::Pap,
        1 => Method::ChapMd5,
        _ => Method::MsChapV2,
    };
    let config = Config {
        rechallenge: (setup & 4 != 0).then_some(Duration::from_secs(40)),
        ..Config::default()
    };
    let secret: &[u8] = if setup & 8 == 0 { b"secret" } else { b"wrong" };
    let mut stats = Stats::default();
    let mut now = start;
    let mut authenticator = Authenticator::new(method, config, b"lns", setup.into());
    let credentials = Credentials::new(b"user", b"secret");
    let mut peer = Peer::new(method, config, credentials, !u128::from(setup));
    authenticator.start(now, &mut stats);
    peer.start(now, &mut stats);
    let mut claim: Option<Claim> = None;
    let mut let_in = false;
    let (mut heard, mut packet) = (Vec::new(), Vec::new());
    // A step: what to do; the length of the octets; the octets.
    while let [step, len, rest @ ..] = input {
        let (octets, behind) = rest
            .split_at_checked(usize::from(*len))
            .unwrap_or((rest, &[]));
        input = behind;
        match step & 7 {
            0 if authenticator.poll_transmit(&mut packet) => heard.clone_from(&packet),
            1 if peer.poll_transmit(&mut packet) => heard.clone_from(&packet),
            2 => heard = octets.to_vec(),
            3 => now += Duration::from_millis(u64::from(*len) * 100),
            4 => {
                if let Some(claim) = claim.take() {
                    let verdict = match step >> 3 & 3 {
                        0..=1 => claim.verify(secret),
                        2 => Verdict::plain(Outcome::UnknownPeer),
                        _ => Verdict::plain(Outcome::Refused),
                    };
                    let_in |= verdict.outcome == Outcome::Accepted;
                    authenticator.judge(now, &claim, verdict, &mut stats);
                }
            }
            5 => {
                let at = [authenticator.poll_timeout(), peer.poll_timeout()];
                now = at.into_iter().flatten().min().unwrap_or(now).max(now);
            }
            _ => {}
        }
        if let Ok(packet) = Packet::parse(&heard) {
            if step & 0x40 == 0 {
                authenticator.receive(&packet, &mut stats);
            } else {
                let ours = authenticator.challenge().filter(|_| step & 0x80 != 0);
                peer.receive(now, &packet, ours, &mut stats);
            }
        }
        authenticator.handle_timeout(now, &mut stats);
        peer.handle_timeout(now, &mut stats);
        match authenticator.poll_event() {
            Some(Event::Claim(next)) => {
                assert!(claim.is_none(), "one at a time");
                claim = Some(next);
            }
            Some(Event::Succeeded) => assert!(let_in),
            Some(Event::Failed(_)) => assert!(authenticator.state() == State::Failed),
            None => {}
        }
        peer.poll_event();
        assert!(let_in || authenticator.state() != State::Opened);
        assert!(let_in || authenticator.peer_name().is_none());
        let fooled = method == Method::MsChapV2 && peer.state() == State::Opened;
        assert!(!fooled || secret == b"secret");
        let late = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        assert!(!late(authenticator.poll_timeout()) && !late(peer.poll_timeout()));
    }
}
