//! A LAC and an LNS over bad lines.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_sim::{Endpoint, Impairments, Pair, Random, for_each_seed};
use wanbox_wire::l2tp::{call_result, stop_result};

use super::{
    Authentication, CallState, Cdn, Config, Connection, Event, IncomingCall, Limits, Reason, State,
    Tunnels,
};
use crate::{CallId, SocketId, TunnelId};

const SECOND: Duration = Duration::from_secs(1);
const SOCKET: SocketId = SocketId(0);

/// What becomes of a call, as one end was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Placed or offered.
    Begun,
    /// It stands, and has this number at the other end.
    Stands(u16),
}

/// One end. It does something at random moments: places calls, hangs them up, closes tunnels.
struct Node {
    tunnels: Tunnels,
    config: Arc<Config>,
    peer: SocketAddr,
    random: Random,
    /// Places calls and asks for tunnels.
    lac: bool,
    /// The next moment at which it does something; `None`: never again.
    next: Option<Instant>,
    /// What its owner knows.
    up: BTreeMap<TunnelId, bool>,
    calls: BTreeMap<(TunnelId, CallId), Known>,
    stood: u32,
}

impl Node {
    fn new(now: Instant, random: &mut Random, config: Config, lac: bool) -> Self {
        let config = Arc::new(config);
        let seed = u128::from(random.next_u64());
        Self {
            tunnels: Tunnels::new(Arc::clone(&config), Limits::default(), seed),
            config,
            peer: (Ipv4Addr::new(192, 0, 2, if lac { 2 } else { 1 }), 1701).into(),
            random: random.fork(),
            lac,
            next: Some(now),
            up: BTreeMap::new(),
            calls: BTreeMap::new(),
            stood: 0,
        }
    }

    /// Does one thing that an owner may do.
    fn act(&mut self, now: Instant) {
        if self.lac && self.up.len() < 3 && (self.up.is_empty() || self.random.chance(0.05)) {
            let config = Arc::clone(&self.config);
            let id = self.tunnels.dial(now, SOCKET, self.peer, config).unwrap();
            self.up.insert(id, false);
        }
        let standing: Vec<TunnelId> = self
            .up
            .iter()
            .filter(|(_, up)| **up)
            .map(|(id, _)| *id)
            .collect();
        if standing.is_empty() {
            return;
        }
        let tunnel = *self.random.pick(&standing);
        if self.lac && self.random.chance(0.7) {
            for _ in 0..self.random.between(1, 8) {
                let request = IncomingCall {
                    serial: self.random.next_u64() as u32,
                    calling: Box::from(&b"0123456789"[..]),
                    ..IncomingCall::default()
                };
                let call = self
                    .tunnels
                    .place(now, tunnel, &request, Connection::default());
                self.calls.insert((tunnel, call.unwrap()), Known::Begun);
            }
        } else if self.random.chance(0.01) {
            self.tunnels
                .close(now, tunnel, &Reason::result(stop_result::GENERAL));
            self.up.remove(&tunnel);
            self.calls.retain(|(of, _), _| *of != tunnel);
        } else {
            let calls: Vec<_> = self.calls.keys().copied().collect();
            for _ in 0..self.random.between(1, 4).min(calls.len() as u64) {
                let (tunnel, call) = *self.random.pick(&calls);
                if self.calls.remove(&(tunnel, call)).is_some() {
                    let cdn = Cdn::from(Reason::result(call_result::ADMINISTRATIVE));
                    assert!(self.tunnels.hang_up(now, tunnel, call, &cdn));
                }
            }
        }
    }

    fn events(&mut self, now: Instant) {
        while let Some((tunnel, event)) = self.tunnels.poll_event() {
            match event {
                Event::Up => {
                    assert_ne!(self.up.insert(tunnel, true), Some(true));
                }
                Event::Incoming { call, request } => {
                    assert!(!self.lac);
                    assert_eq!(&*request.calling, b"0123456789");
                    let known = if self.random.chance(0.1) {
                        let cdn = Cdn::from(Reason::result(call_result::NO_FACILITIES));
                        !self.tunnels.hang_up(now, tunnel, call, &cdn)
                    } else {
                        self.tunnels.accept(tunnel, call);
                        true
                    };
                    // One that ended meanwhile is told to be down.
                    if known {
                        let before = self.calls.insert((tunnel, call), Known::Begun);
                        assert_eq!(before, None);
                    }
                }
                Event::Connected { call, peer, .. } | Event::Placed { call, peer } => {
                    let before = self.calls.insert((tunnel, call), Known::Stands(peer));
                    assert_eq!(before, Some(Known::Begun));
                    self.stood += 1;
                }
                Event::CallDown { call, .. } => {
                    assert!(self.calls.remove(&(tunnel, call)).is_some());
                }
                Event::Down { .. } => {
                    assert!(self.up.remove(&tunnel).is_some() || !self.lac);
                    assert!(
                        self.calls.keys().all(|(of, _)| *of != tunnel),
                        "calls outlive it"
                    );
                }
                Event::LinkInfo { .. } | Event::WanError { .. } => unreachable!("nobody says that"),
            }
        }
    }

    /// The calls that stand, as (our tunnel, our call, the peer's tunnel, the peer's call).
    fn standing(&self) -> Vec<[u16; 4]> {
        let stands = self.calls.iter().map(|((tunnel, call), known)| {
            let Known::Stands(peer) = *known else {
                panic!("{tunnel} {call} was never decided");
            };
            let of = self.tunnels.get(*tunnel).unwrap();
            let view = of.call(*call).unwrap();
            assert_eq!((view.state, view.peer), (CallState::Established, peer));
            [tunnel.0, call.0, of.peer_number(), peer]
        });
        stands.collect()
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        self.tunnels.receive(now, SOCKET, self.peer, frame);
        self.events(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.tunnels.handle_timeout(now);
        self.events(now);
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + self.random.duration(4 * SECOND));
            self.act(now);
            self.events(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.tunnels
            .poll_timeout()
            .into_iter()
            .chain(self.next)
            .min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let to = self.tunnels.poll_transmit(now, frame);
        assert!(to.is_none_or(|to| to.to == self.peer && to.socket == SOCKET));
        to.is_some()
    }
}

fn bad_line(random: &mut Random) -> Impairments {
    let share = |random: &mut Random, most: u64| random.below(most) as f64 / 1000.0;
    Impairments {
        loss: share(random, 300),
        duplication: share(random, 200),
        reordering: share(random, 300),
        jitter: random.duration(3 * SECOND),
        delay: random.duration(SECOND / 2),
        ..Impairments::NONE
    }
}

fn pair(seed: u64, random: &mut Random, line: Impairments) -> Pair<Node> {
    let secret: Option<Box<[u8]>> = random.chance(0.5).then(|| Box::from(&b"s3cret"[..]));
    let mut config = || Config {
        authentication: *random.pick(&[
            Authentication::Answer,
            Authentication::Mutual,
            Authentication::Require,
        ]),
        hide: secret.is_some() && random.chance(0.5),
        secret: secret.clone(),
        receive_window: *random.pick(&[1, 2, 4, 64]),
        hello: Some(SECOND * random.between(5, 60) as u32),
        ..Config::default()
    };
    let (lac, lns) = (config(), config());
    let (mut a, mut b) = (random.fork(), random.fork());
    Pair::new(
        seed,
        line,
        |now| Node::new(now, &mut a, lac, true),
        |now| Node::new(now, &mut b, lns, false),
    )
}

/// Nothing waits to be acknowledged.
fn quiet(pair: &mut Pair<Node>) -> bool {
    pair.a.tunnels.backlog() + pair.b.tunnels.backlog() == 0
}

/// Both ends have the same tunnels and calls, and everything else is over.
fn agree(pair: &Pair<Node>) {
    for node in [&pair.a, &pair.b] {
        for tunnel in node.tunnels.iter() {
            assert_eq!(tunnel.state(), State::Established);
            assert_eq!(tunnel.backlog(), 0);
            assert_eq!(node.up.get(&tunnel.id()), Some(&true));
        }
        assert_eq!(node.up.len(), node.tunnels.len());
    }
    let (a, mut b) = (pair.a.standing(), pair.b.standing());
    for [tunnel, call, peer_tunnel, peer] in &mut b {
        (*tunnel, *call, *peer_tunnel, *peer) = (*peer_tunnel, *peer, *tunnel, *call);
    }
    b.sort_unstable();
    assert_eq!(a, b);
}

#[test]
fn calls_over_bad_lines_end_in_agreement() {
    let mut stood = 0;
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let line = bad_line(&mut random);
        let mut pair = pair(seed, &mut random, line);
        pair.run_for(random.duration(90 * SECOND));
        // Nothing new is begun, and the line becomes a good one.
        (pair.a.next, pair.b.next) = (None, None);
        pair.line.impair(Impairments::NONE);
        // HELLO, all its repetitions, and what lingers.
        pair.run_for(220 * SECOND);
        assert!(pair.run_until(SECOND, quiet).is_some());
        agree(&pair);
        stood += pair.b.stood;
    });
    assert!(stood > 10_000 || std::env::var_os(wanbox_sim::SEED_VARIABLE).is_some());
}

#[test]
fn a_good_line_loses_nothing() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let mut pair = pair(seed, &mut random, Impairments::NONE);
        pair.run_for(120 * SECOND);
        (pair.a.next, pair.b.next) = (None, None);
        pair.run_for(40 * SECOND);
        assert!(pair.run_until(SECOND, quiet).is_some());
        agree(&pair);
        for node in [&pair.a, &pair.b] {
            let stats = node.tunnels.stats();
            let wrong = [
                "resent",
                "duplicates",
                "bad_acknowledgement",
                "out_of_state",
                "bad_proof",
            ];
            for (name, value) in stats.named() {
                assert!(value == 0 || !wrong.contains(&name), "{name} {value}");
            }
        }
        assert!(pair.b.stood > 0);
    });
}

#[test]
fn a_dead_line_ends_everything_at_both_ends() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let mut pair = pair(seed, &mut random, Impairments::NONE);
        pair.run_for(random.duration(60 * SECOND));
        (pair.a.next, pair.b.next) = (None, None);
        pair.line.cut();
        pair.run_for(220 * SECOND);
        for node in [&pair.a, &pair.b] {
            assert!(node.tunnels.is_empty() && node.up.is_empty() && node.calls.is_empty());
            assert_eq!(node.tunnels.poll_timeout(), None);
        }
    });
}
