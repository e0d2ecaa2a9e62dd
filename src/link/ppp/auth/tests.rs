use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use wanbox_sim::{Endpoint, Impairments, Pair, Random, for_each_seed};
use wanbox_wire::ppp::Packet;
use wanbox_wire::ppp::chap::Chap;
use wanbox_wire::ppp::pap::Pap;

use super::*;

const METHODS: [Method; 3] = [Method::Pap, Method::ChapMd5, Method::MsChapV2];

/// A role on a simulated line.
enum Role {
    Demands(Authenticator),
    Proves(Peer),
}

struct Side {
    role: Role,
    stats: Stats,
    secret: &'static [u8],
    claims: u32,
    succeeded: u32,
    failed: Option<Failure>,
}

impl Side {
    fn demands(
        method: Method,
        config: Config,
        secret: &'static [u8],
        seed: u64,
    ) -> impl FnOnce(Instant) -> Self {
        move |now| {
            let mut role = Authenticator::new(method, config, b"lns", seed.into());
            let mut stats = Stats::default();
            role.start(now, &mut stats);
            Self::new(Role::Demands(role), stats, secret)
        }
    }

    fn proves(
        method: Method,
        config: Config,
        secret: &'static [u8],
        seed: u64,
    ) -> impl FnOnce(Instant) -> Self {
        move |now| {
            let credentials = Credentials::new(b"user", secret);
            let mut role = Peer::new(method, config, credentials, u128::from(seed) << 64);
            let mut stats = Stats::default();
            role.start(now, &mut stats);
            Self::new(Role::Proves(role), stats, secret)
        }
    }

    fn new(role: Role, stats: Stats, secret: &'static [u8]) -> Self {
        Self {
            role,
            stats,
            secret,
            claims: 0,
            succeeded: 0,
            failed: None,
        }
    }

    fn fetch(&mut self, now: Instant) {
        loop {
            let event = match &mut self.role {
                Role::Demands(role) => role.poll_event(),
                Role::Proves(role) => role.poll_event(),
            };
            match (event, &mut self.role) {
                (None, _) => return,
                (Some(Event::Claim(claim)), Role::Demands(role)) => {
                    assert_eq!(&*claim.name, b"user");
                    self.claims += 1;
                    role.judge(now, &claim, claim.verify(self.secret), &mut self.stats);
                }
                (Some(Event::Claim(_)), Role::Proves(_)) => panic!("a peer that judges"),
                (Some(Event::Succeeded), _) => {
                    assert!(self.failed.is_none());
                    self.succeeded += 1;
                }
                (Some(Event::Failed(failure)), _) => self.failed = Some(failure),
            }
        }
    }

    fn state(&self) -> State {
        match &self.role {
            Role::Demands(role) => role.state(),
            Role::Proves(role) => role.state(),
        }
    }
}

impl Endpoint for Side {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        if let Ok(packet) = Packet::parse(frame) {
            match &mut self.role {
                Role::Demands(role) => role.receive(&packet, &mut self.stats),
                Role::Proves(role) => role.receive(now, &packet, None, &mut self.stats),
            };
        }
        self.fetch(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        match &mut self.role {
            Role::Demands(role) => role.handle_timeout(now, &mut self.stats),
            Role::Proves(role) => role.handle_timeout(now, &mut self.stats),
        }
        self.fetch(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.role {
            Role::Demands(role) => role.poll_timeout(),
            Role::Proves(role) => role.poll_timeout(),
        }
    }

    fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
        match &mut self.role {
            Role::Demands(role) => role.poll_transmit(frame),
            Role::Proves(role) => role.poll_transmit(frame),
        }
    }
}

fn perfect() -> Impairments {
    Impairments {
        delay: Duration::from_millis(20),
        ..Impairments::default()
    }
}

#[test]
fn the_right_secret_opens() {
    for method in METHODS {
        let config = Config::default();
        let mut pair = Pair::new(
            1,
            perfect(),
            Side::demands(method, config, b"secret", 1),
            Side::proves(method, config, b"secret", 2),
        );
        pair.run_for(Duration::from_secs(60));
        assert_eq!((pair.a.succeeded, pair.b.succeeded), (1, 1), "{method}");
        assert_eq!(pair.a.claims, 1);
        let Role::Demands(role) = &pair.a.role else {
            panic!("it demands");
        };
        assert_eq!(role.peer_name(), Some(&b"user"[..]));
        assert_eq!(role.poll_timeout(), None);
        assert_eq!(pair.b.poll_timeout(), None);
    }
}

#[test]
fn the_wrong_secret_fails_at_both_ends() {
    for method in METHODS {
        let config = Config::default();
        let mut pair = Pair::new(
            1,
            perfect(),
            Side::demands(method, config, b"secret", 1),
            Side::proves(method, config, b"wrong", 2),
        );
        pair.run_for(Duration::from_secs(60));
        assert_eq!(pair.a.failed, Some(Failure::Refused), "{method}");
        assert_eq!(pair.b.failed, Some(Failure::Refused), "{method}");
        let wrong = pair.a.stats.pap.bad_password + pair.a.stats.chap.bad_md5;
        assert_eq!(wrong, 1);
    }
}

#[test]
fn an_authenticator_that_does_not_know_the_secret_is_an_impostor() {
    let mut stats = Stats::default();
    let config = Config::default();
    let mut pair = Pair::new(
        1,
        perfect(),
        Side::demands(Method::MsChapV2, config, b"secret", 1),
        Side::proves(Method::MsChapV2, config, b"wrong", 2),
    );
    let now = pair.now();
    let Role::Demands(role) = &mut pair.a.role else {
        panic!("it demands");
    };
    let mut challenge = Vec::new();
    assert!(role.poll_transmit(&mut challenge));
    let Role::Proves(peer) = &mut pair.b.role else {
        panic!("it proves");
    };
    assert!(peer.receive(now, &Packet::parse(&challenge).unwrap(), None, &mut stats));
    let mut response = Vec::new();
    assert!(peer.poll_transmit(&mut response));
    role.receive(&Packet::parse(&response).unwrap(), &mut stats);
    let Some(Event::Claim(claim)) = role.poll_event() else {
        panic!("no claim");
    };
    let verdict = Verdict {
        outcome: Outcome::Accepted,
        message: Some(
            b"S=0000000000000000000000000000000000000000 M=ok"
                .as_slice()
                .into(),
        ),
    };
    role.judge(now, &claim, verdict, &mut stats);
    let mut success = Vec::new();
    assert!(role.poll_transmit(&mut success));
    assert!(peer.receive(now, &Packet::parse(&success).unwrap(), None, &mut stats));
    assert_eq!(peer.poll_event(), Some(Event::Failed(Failure::Impostor)));
}

#[test]
fn a_silent_side_is_given_up() {
    for method in METHODS {
        let config = Config::default();
        let deaf = Impairments {
            loss: 1.0,
            ..Impairments::default()
        };
        let mut pair = Pair::new(
            1,
            deaf,
            Side::demands(method, config, b"secret", 1),
            Side::proves(method, config, b"secret", 2),
        );
        pair.run_for(Duration::from_secs(31));
        assert_eq!(pair.a.failed, Some(Failure::Silent), "{method}");
        assert_eq!(pair.b.failed, Some(Failure::Silent), "{method}");
        let sent = pair.b.stats.pap.tx_request + pair.a.stats.chap.tx_challenge;
        assert_eq!(sent, 10);
    }
}

#[test]
fn our_own_challenge_is_not_answered() {
    let mut stats = Stats::default();
    let config = Config::default();
    let mut pair = Pair::new(
        1,
        perfect(),
        Side::demands(Method::ChapMd5, config, b"secret", 1),
        Side::proves(Method::ChapMd5, config, b"secret", 2),
    );
    let now = pair.now();
    let Role::Demands(role) = &mut pair.a.role else {
        panic!("it demands");
    };
    let mut challenge = Vec::new();
    assert!(role.poll_transmit(&mut challenge));
    let Role::Proves(peer) = &mut pair.b.role else {
        panic!("it proves");
    };
    let packet = Packet::parse(&challenge).unwrap();
    assert!(peer.receive(now, &packet, role.challenge(), &mut stats));
    assert!(!peer.poll_transmit(&mut challenge));
    assert_eq!(stats.chap.bad_secret, 1);
}

#[test]
fn a_challenge_in_our_own_name_is_not_answered_where_both_sides_prove_themselves() {
    let now = wanbox_sim::Clock::new().now();
    let mut stats = Stats::default();
    let credentials = Credentials::new(b"user", b"secret");
    let mut peer = Peer::new(Method::ChapMd5, Config::default(), credentials, 1);
    peer.start(now, &mut stats);
    let mut challenge = Vec::new();
    Chap::Challenge {
        value: &[7; 16],
        name: b"user",
    }
    .append(1, &mut challenge);
    let packet = Packet::parse(&challenge).unwrap();
    let mut out = Vec::new();
    assert!(peer.receive(now, &packet, Some(&[8; 16]), &mut stats));
    assert!(!peer.poll_transmit(&mut out));
    assert_eq!(stats.chap.bad_secret, 1);
    assert!(peer.receive(now, &packet, None, &mut stats));
    assert!(peer.poll_transmit(&mut out));
}

#[test]
fn a_link_that_comes_back_begins_anew() {
    let now = wanbox_sim::Clock::new().now();
    let mut stats = Stats::default();
    let mut role = Authenticator::new(Method::Pap, Config::default(), b"lns", 1);
    let ask = |role: &mut Authenticator, stats: &mut Stats, password: &[u8]| {
        let mut request = Vec::new();
        let peer = b"user";
        Pap::Request { peer, password }.append(1, &mut request);
        role.receive(&Packet::parse(&request).unwrap(), stats);
    };
    role.start(now, &mut stats);
    ask(&mut role, &mut stats, b"secret");
    let Some(Event::Claim(claim)) = role.poll_event() else {
        panic!("no claim");
    };
    role.judge(now, &claim, claim.verify(b"secret"), &mut stats);
    assert_eq!(role.poll_event(), Some(Event::Succeeded));
    // Who was accepted before is nobody now.
    role.start(now, &mut stats);
    assert_eq!((role.state(), role.peer_name()), (State::Waiting, None));
    let mut out = Vec::new();
    assert!(!role.poll_transmit(&mut out));
    ask(&mut role, &mut stats, b"wrong");
    let Some(Event::Claim(claim)) = role.poll_event() else {
        panic!("an answer of before was given");
    };
    role.judge(now, &claim, claim.verify(b"secret"), &mut stats);
    assert_eq!(role.poll_event(), Some(Event::Failed(Failure::Refused)));
}

#[test]
fn proof_is_asked_for_again() {
    let config = Config {
        rechallenge: Some(Duration::from_secs(60)),
        ..Config::default()
    };
    let mut pair = Pair::new(
        1,
        perfect(),
        Side::demands(Method::ChapMd5, config, b"secret", 1),
        Side::proves(Method::ChapMd5, config, b"secret", 2),
    );
    pair.run_for(Duration::from_secs(630));
    assert_eq!(pair.a.stats.chap.tx_challenge, 11);
    // Success was told once.
    assert_eq!((pair.a.succeeded, pair.b.succeeded), (1, 1));
    // A peer that has forgotten its secret is found out.
    pair.a.secret = b"changed";
    pair.run_for(Duration::from_secs(70));
    assert_eq!(pair.a.failed, Some(Failure::Refused));
    assert_eq!(pair.b.failed, Some(Failure::Refused));
}

#[test]
fn a_slow_judge_is_asked_once() {
    let mut stats = Stats::default();
    let now = wanbox_sim::Clock::new().now();
    let mut role = Authenticator::new(Method::Pap, Config::default(), b"lns", 1);
    role.start(now, &mut stats);
    let mut request = Vec::new();
    let pap = Pap::Request {
        peer: b"user",
        password: b"secret",
    };
    for identifier in 1..4 {
        request.clear();
        pap.append(identifier, &mut request);
        role.receive(&Packet::parse(&request).unwrap(), &mut stats);
    }
    let Some(Event::Claim(claim)) = role.poll_event() else {
        panic!("no claim");
    };
    assert_eq!(role.poll_event(), None);
    // Nothing ends while the judge takes its time.
    assert_eq!(role.poll_timeout(), None);
    role.judge(now, &claim, claim.verify(b"secret"), &mut stats);
    let mut answer = Vec::new();
    assert!(role.poll_transmit(&mut answer));
    // The newest request is answered.
    assert_eq!(answer.get(..2), Some(&[2, 3][..]));
    // A repetition that was on its way gets the same answer, whatever it says.
    role.receive(&Packet::parse(&request).unwrap(), &mut stats);
    assert!(role.poll_transmit(&mut answer));
    assert_eq!(stats.pap.tx_ack, 2);
}

/// Whatever the line does: with the right secret both ends succeed or the silence was too long;
/// with the wrong one nobody does.
#[test]
fn bad_lines() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let method = METHODS[random.below(3) as usize];
        let right = random.chance(0.8);
        let impairments = Impairments {
            loss: random.below(31) as f64 / 100.0,
            duplication: random.below(20) as f64 / 100.0,
            reordering: random.below(20) as f64 / 100.0,
            delay: Duration::from_millis(random.below(500)),
            jitter: Duration::from_millis(random.below(1500)),
            ..Impairments::default()
        };
        let config = Config {
            max_tries: 30,
            wait: Duration::from_secs(90),
            ..Config::default()
        };
        let secret: &[u8] = if right { b"secret" } else { b"wrong" };
        let mut pair = Pair::new(
            seed,
            impairments,
            Side::demands(method, config, b"secret", seed),
            Side::proves(method, config, secret, !seed),
        );
        pair.run_for(Duration::from_secs(300));
        assert!(pair.a.claims <= 1, "asked twice");
        if right {
            assert_eq!((pair.a.succeeded, pair.b.succeeded), (1, 1), "{method}");
            assert_eq!(pair.a.state(), State::Opened);
            assert_eq!(pair.b.state(), State::Opened);
        } else {
            assert_eq!((pair.a.succeeded, pair.b.succeeded), (0, 0), "{method}");
            assert_eq!(pair.a.failed, Some(Failure::Refused));
            assert!(pair.b.failed.is_some());
        }
    });
}

proptest! {
    #[test]
    fn any_octets(input in vec(any::<u8>(), 0..300)) {
        fuzz_auth(wanbox_sim::Clock::new().now(), &input);
    }

    #[test]
    fn mostly_exchanges(setup: u8, steps in vec(any::<u8>(), 0..100)) {
        let mut input = vec![setup];
        for step in steps {
            input.extend([step, 0]);
        }
        fuzz_auth(wanbox_sim::Clock::new().now(), &input);
    }
}
