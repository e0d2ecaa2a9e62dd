//! Two sessions over bad lines, many seeds.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_sim::{End, Endpoint, Impairments, Pair, Random, for_each_seed};

use super::auth::{Claim, Credentials, Method};
use super::automaton::{Limits, State};
use super::*;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SECRET: &[u8] = b"secret";
const SECOND: Duration = Duration::from_secs(1);
/// The longest plain delay of a simulated line.
const DELAY: Duration = Duration::from_millis(200);
/// Reordered frames are late by no more.
const JITTER: Duration = Duration::from_millis(700);

/// A session and what its owner heard from it.
struct Node {
    session: Session,
    lcp: bool,
    link: bool,
    ipv4: Option<ipcp::Ipv4>,
    ipv6: Option<ipv6cp::Ipv6>,
    causes: Vec<Cause>,
    finished: u32,
    /// A claim that is being judged, and when it will be: a RADIUS server takes its time.
    claim: Option<(Instant, Claim)>,
    patience: Duration,
    delivered: u32,
}

impl Node {
    fn new(profile: Profile, seed: u64, patience: Duration) -> impl FnOnce(Instant) -> Self {
        move |now| {
            profile.check().unwrap();
            let seed = u128::from(seed) << 64 | u128::from(!seed);
            let mut node = Self {
                session: Session::new(Arc::new(profile), seed),
                lcp: false,
                link: false,
                ipv4: None,
                ipv6: None,
                causes: Vec::new(),
                finished: 0,
                claim: None,
                patience,
                delivered: 0,
            };
            node.session.carrier(now, true);
            node.session.open(now);
            node.fetch(now);
            node
        }
    }

    fn fetch(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::LcpUp => {
                    assert!(!self.lcp, "LCP up twice");
                    self.lcp = true;
                }
                Event::Authenticate(claim) => {
                    assert!(self.lcp);
                    self.claim = Some((now + self.patience, claim));
                }
                Event::LinkUp => {
                    assert!(self.lcp && !self.link, "up twice, or without LCP");
                    self.link = true;
                }
                Event::LinkDown(cause) => {
                    assert!(self.ipv4.is_none() && self.ipv6.is_none());
                    self.lcp = false;
                    self.link = false;
                    self.claim = None;
                    self.causes.push(cause);
                }
                Event::Finished => self.finished += 1,
                Event::Ipv4Up(ipv4) => {
                    assert!(self.link && self.ipv4.replace(ipv4).is_none());
                }
                Event::Ipv4Down => assert!(self.ipv4.take().is_some(), "down twice"),
                Event::Ipv6Up(ipv6) => {
                    assert!(self.link && self.ipv6.replace(ipv6).is_none());
                }
                Event::Ipv6Down => assert!(self.ipv6.take().is_some(), "down twice"),
                Event::NetworkRefused(_) => assert!(self.link),
            }
        }
        // Events tell the state.
        let view = self.session.link().view();
        assert_eq!(self.lcp, view.lcp == State::Opened);
        assert_eq!(self.link, view.phase == Phase::Network);
        assert_eq!(self.ipv4, self.session.network().ipv4());
        assert_eq!(self.ipv6, self.session.network().ipv6());
        assert_eq!(self.session.overflowed(), 0);
    }

    fn never_looped(&self) -> bool {
        !self.causes.contains(&Cause::Looped)
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let delivered = self.session.receive(now, frame).is_some();
        self.delivered += u32::from(delivered);
        self.fetch(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, claim)) = self.claim.take_if(|(at, _)| *at <= now) {
            self.session.authenticate(now, &claim, claim.verify(SECRET));
        }
        self.session.handle_timeout(now);
        self.fetch(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let claim = self.claim.as_ref().map(|(at, _)| *at);
        self.session.poll_timeout().into_iter().chain(claim).min()
    }

    fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
        self.session.poll_transmit(frame)
    }
}

const METHODS: [Method; 3] = [Method::Pap, Method::ChapMd5, Method::MsChapV2];

/// Profiles of a pair that can agree.
fn profiles(random: &mut Random) -> [Profile; 2] {
    let limits = Limits {
        restart: Duration::from_millis(random.between(1000, 3000)),
        max_configure: random.between(4, 20) as u8,
        max_terminate: random.between(1, 3) as u8,
        max_failure: random.between(3, 10) as u8,
        never_give_up: random.chance(0.2),
    };
    let mode = random.below(3);
    let mut one = |ipv4: ipcp::Config| {
        let mut demand = METHODS.to_vec();
        demand.rotate_left(random.below(3) as usize);
        demand.truncate(random.below(4) as usize);
        let mut provide = METHODS.to_vec();
        provide.rotate_left(random.below(3) as usize);
        Profile {
            limits,
            lcp: lcp::Config {
                mru: *random.pick(&[1500, 576, 1492, 4000]),
                accm: random.chance(0.3).then_some(0x000a_0000),
                pfc: random.chance(0.5),
                acfc: random.chance(0.5),
                echo_interval: random.chance(0.7).then_some(10 * SECOND),
                multilink: random.chance(0.4).then(|| lcp::Multilink {
                    mrru: *random.pick(&[1500, 1600]),
                    short_sequence: random.chance(0.5),
                    endpoint: [1, random.below(4) as u8].into(),
                    on_request: random.chance(0.5),
                }),
                ..lcp::Config::default()
            },
            demand,
            provide,
            name: (*b"access").into(),
            credentials: Some(Credentials::new(b"router", SECRET)),
            ipv4: Some(ipcp::Config {
                ask_dns: random.chance(0.3),
                dns: [Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::UNSPECIFIED],
                van_jacobson: random.chance(0.5).then(ipcp::Slots::default),
                ..ipv4
            }),
            ipv6: random.chance(0.5).then(ipv6cp::Config::default),
            hold_down: Some(Duration::from_millis(random.between(0, 5000))),
            connect_timeout: random.chance(0.5).then_some(60 * SECOND),
            ..Profile::default()
        }
    };
    match mode {
        0 => [
            one(ipcp::Config::host(HOST, PEER)),
            one(ipcp::Config::of_peer()),
        ],
        1 => [
            one(ipcp::Config::fixed(HOST, PEER)),
            one(ipcp::Config::fixed(PEER, HOST)),
        ],
        _ => [
            one(ipcp::Config::host(HOST, PEER)),
            one(ipcp::Config::fixed(PEER, HOST)),
        ],
    }
}

fn good_line(random: &mut Random) -> Impairments {
    Impairments {
        delay: random.duration(DELAY),
        ..Impairments::NONE
    }
}

fn bad_line(random: &mut Random) -> Impairments {
    let mut up_to = |limit: f64| random.below(1001) as f64 / 1000.0 * limit;
    let (loss, duplication, reordering) = (up_to(0.3), up_to(0.2), up_to(0.3));
    Impairments {
        loss,
        duplication,
        reordering,
        jitter: JITTER,
        ..good_line(random)
    }
}

fn pair(random: &mut Random, line: Impairments, profiles: [Profile; 2]) -> Pair<Node> {
    let [a, b] = profiles;
    let mut patience = || random.duration(2 * SECOND);
    let (first, second) = (patience(), patience());
    let mut seed = || random.next_u64();
    let (line_seed, a_seed, b_seed) = (seed(), seed(), seed());
    Pair::new(
        line_seed,
        line,
        Node::new(a, a_seed, first),
        Node::new(b, b_seed, second),
    )
}

/// What both sides wanted has come about, and they agree on it.
fn both_up(pair: &mut Pair<Node>) -> bool {
    let (Some(a), Some(b)) = (pair.a.ipv4, pair.b.ipv4) else {
        return false;
    };
    if !pair.a.link || !pair.b.link {
        return false;
    }
    assert_eq!((a.local, a.peer), (HOST, PEER));
    assert_eq!((b.local, b.peer), (PEER, HOST));
    assert_eq!((a.receive, a.send), (b.send, b.receive));
    if let (Some(a), Some(b)) = (pair.a.ipv6, pair.b.ipv6) {
        assert_eq!((a.local, a.peer), (b.peer, b.local));
        assert_ne!(a.local, a.peer);
    }
    let (a, b) = (pair.a.session.link(), pair.b.session.link());
    for (local, peer) in [(a.local(), *b.peer()), (b.local(), *a.peer())] {
        // A request of the session before may have come last on a line that reorders.
        let magic = peer.magic;
        assert_eq!(lcp::Negotiated { magic, ..local }, peer);
    }
    for (end, other) in [(a, b), (b, a)] {
        let demands = !end.profile().demand.is_empty();
        assert_eq!(end.peer_name().is_some(), demands);
        assert_eq!(other.view().giving.is_some(), demands);
    }
    true
}

/// An IPv4 packet goes from A to B when both are up.
fn data_passes(pair: &mut Pair<Node>) {
    let now = pair.now();
    let header = pair.a.session.encapsulate(Payload::Ipv4, 20).unwrap();
    let mut frame = header.as_ref().to_vec();
    frame.extend_from_slice(&[0x45; 20]);
    let before = pair.b.delivered;
    pair.line.send(now, End::A, &frame);
    pair.run_for(DELAY);
    assert_eq!(pair.b.delivered, before + 1);
}

/// On a good line both are up within this time. The worst is a side that begins to take leave
/// when the line gets good: its requests to terminate, a restart period, its hold-down; then the
/// other side's, which may have given up meanwhile; requests that the hold-down let pass are
/// repeated, in each of LCP, authentication and IPCP.
fn bound(profiles: &[Profile; 2]) -> Duration {
    let leave: Duration = profiles
        .iter()
        .map(|p| {
            p.limits.restart * (u32::from(p.limits.max_terminate) + 1)
                + p.hold_down.unwrap_or_default()
        })
        .sum();
    2 * leave
        + 6 * profiles[0].limits.restart
        + 4 * profiles[0].authentication.restart
        + 10 * SECOND
}

/// Something that happens to one of the sessions.
fn misfortune(random: &mut Random, pair: &mut Pair<Node>, profiles: &[Profile; 2]) {
    let now = pair.now();
    let seed = random.next_u64();
    let (node, profile) = if random.chance(0.5) {
        (&mut pair.a, &profiles[0])
    } else {
        (&mut pair.b, &profiles[1])
    };
    match random.below(5) {
        0 => *node = Node::new(profile.clone(), seed, SECOND)(now),
        1 => {
            node.session.close(now);
            node.fetch(now);
            node.session.open(now);
        }
        2 => {
            node.session.carrier(now, false);
            node.fetch(now);
            node.session.carrier(now, true);
        }
        3 => node.session.close(now),
        _ => return,
    }
    node.fetch(now);
}

#[test]
fn links_come_up_when_the_line_is_good_whatever_was_before() {
    let mut ups_while_bad = 0_u32;
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let profiles = profiles(&mut random);
        let bad = bad_line(&mut random);
        let mut pair = pair(&mut random, bad, profiles.clone());
        for _ in 0..random.below(4) {
            pair.run_for(random.duration(SECOND * 30));
            ups_while_bad += u32::from(pair.a.link && pair.b.link);
            misfortune(&mut random, &mut pair, &profiles);
        }
        pair.run_for(random.duration(SECOND * 30));

        pair.line.impair(good_line(&mut random));
        // What the line still holds, and echoes that it lost, may take a link down that is up.
        pair.run_for(JITTER + DELAY + 10 * SECOND);
        let now = pair.now();
        for node in [&mut pair.a, &mut pair.b] {
            node.session.open(now);
            node.fetch(now);
        }
        let limit = bound(&profiles);
        let up = pair.run_until(limit, both_up);
        assert!(
            up.is_some(),
            "not up within {limit:?}: {:?} {:?}, {:?} {:?}, {profiles:?} {bad:?}",
            pair.a.session.link().view(),
            pair.b.session.link().view(),
            pair.a.session.network(),
            pair.b.session.network(),
        );
        data_passes(&mut pair);
        let downs = (pair.a.causes.len(), pair.b.causes.len());
        pair.run_for(SECOND * 60);
        assert!(both_up(&mut pair), "a good line keeps it up");
        assert_eq!(
            (pair.a.causes.len(), pair.b.causes.len()),
            downs,
            "{:?} {:?}",
            pair.a.causes,
            pair.b.causes
        );
        assert!(pair.a.never_looped() && pair.b.never_looped());
    });
    if std::env::var_os(wanbox_sim::SEED_VARIABLE).is_none() {
        assert!(ups_while_bad > 3000, "{ups_while_bad}");
    }
}

#[test]
fn a_dead_line_is_given_up_when_the_rfc_says_so() {
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let mut profiles = profiles(&mut random);
        for profile in &mut profiles {
            profile.limits.never_give_up = false;
            profile.hold_down = None;
            profile.connect_timeout = None;
            profile.lcp.echo_interval = Some(10 * SECOND);
        }
        let limits = profiles[0].limits;
        let line = good_line(&mut random);
        let mut pair = pair(&mut random, line, profiles);
        if random.chance(0.5) {
            // Nobody ever answered.
            pair.line.cut();
            let start = pair.now();
            let took = pair.run_until(100 * SECOND, |pair| pair.a.finished > 0);
            assert_eq!(took, Some(limits.restart * limits.max_configure.into()));
            assert_eq!(pair.a.causes, [Cause::NoAnswer]);
            let sent = pair.a.session.link().stats().unwrap().lcp;
            let requests = sent.packets_sent(wanbox_wire::ppp::Code::ConfigureRequest);
            assert_eq!(requests, limits.max_configure.into());
            assert_eq!(pair.a.session.poll_timeout(), None);
            assert!(pair.now() > start);
        } else {
            // An open link falls silent: the echoes notice, then it takes leave.
            assert!(pair.run_until(60 * SECOND, both_up).is_some());
            pair.run_for(random.duration(30 * SECOND));
            pair.line.cut();
            let noticed = pair.run_until(60 * SECOND, |pair| !pair.a.link).unwrap();
            assert!(
                noticed <= 40 * SECOND && noticed >= 20 * SECOND,
                "{noticed:?}"
            );
            let left = pair.run_until(60 * SECOND, |pair| pair.a.finished > 0);
            assert_eq!(left, Some(limits.restart * limits.max_terminate.into()));
            assert_eq!(pair.a.causes, [Cause::Keepalive]);
            assert_eq!(pair.a.session.link().view().lcp, State::Closed);
        }
    });
}

#[test]
fn a_looped_line_is_noticed_and_left_when_it_is_mended() {
    for_each_seed(2_000, |seed| {
        let mut random = Random::new(seed);
        let profiles = profiles(&mut random);
        let mut line = good_line(&mut random);
        line.loss = random.below(300) as f64 / 1000.0;
        let mut pair = pair(&mut random, line, profiles.clone());
        if random.chance(0.5) {
            pair.run_for(random.duration(30 * SECOND));
        }
        let (a, b) = (pair.a.causes.len(), pair.b.causes.len());
        pair.line.set_looped(End::A, true);
        pair.line.set_looped(End::B, true);
        let noticed = pair.run_until(300 * SECOND, |pair| {
            let looped = |node: &Node, before: usize| {
                // Without echoes an open link has nothing to notice it by.
                let echoes = node.session.link().profile().lcp.echo_interval.is_some();
                node.causes[before..].contains(&Cause::Looped) || (node.link && !echoes)
            };
            looped(&pair.a, a) && looped(&pair.b, b)
        });
        assert!(noticed.is_some(), "{:?} {:?}", pair.a.causes, pair.b.causes);
        pair.line.set_looped(End::A, false);
        pair.line.set_looped(End::B, false);
        pair.line.impair(good_line(&mut random));
        assert!(pair.run_until(bound(&profiles), both_up).is_some());
    });
}
