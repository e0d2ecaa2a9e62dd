//! Two engines over bad lines, many seeds.

use super::*;
use wanbox_sim::{End, Endpoint, Impairments, Line, Pair, Random, for_each_seed, random_frames};
use wanbox_wire::cisco_hdlc::{BROADCAST, CONTROL, Frame, Slarp, UNICAST};

const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 252);
const SECOND: Duration = Duration::from_secs(1);
/// The longest plain delay of a simulated line.
const DELAY: Duration = Duration::from_millis(200);
/// Reordered frames are late by no more. Below the shortest keepalive interval, see [`config`].
const JITTER: Duration = Duration::from_millis(700);

/// An engine and what its owner heard from it.
struct Node {
    engine: CiscoHdlc,
    up: bool,
    causes: Vec<Cause>,
    learned: Option<Ipv4Addr>,
    delivered: u64,
}

impl Node {
    fn new(config: Config, seed: u64) -> impl FnOnce(Instant) -> Self {
        move |now| {
            let mut node = Self {
                engine: CiscoHdlc::new(config, now, seed).unwrap(),
                up: false,
                causes: Vec::new(),
                learned: None,
                delivered: 0,
            };
            node.engine.carrier(now, true);
            node.fetch();
            node
        }
    }

    fn fetch(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::LinkUp => {
                    assert!(!self.up, "up twice");
                    self.up = true;
                }
                Event::ChannelUp(channel) => {
                    assert!(self.up && channel == ChannelId(0));
                }
                Event::LinkDown(cause) => {
                    assert!(self.up || cause == Cause::Looped, "down twice");
                    self.up = false;
                    self.causes.push(cause);
                }
                Event::LocalAddress(_, address, mask) => {
                    assert_eq!(mask, MASK);
                    self.learned = Some(address);
                }
                Event::PeerAddress(..) => assert!(self.learned.is_some()),
                _ => {
                    panic!("not an event of this engine: {event:?}")
                }
            }
        }
        assert_eq!(self.up, self.engine.link_up(), "events tell the state");
        assert_eq!(self.engine.stats().events_lost, 0);
    }

    /// Nothing on a line without a loop looks like one for long.
    fn never_looped(&self) -> bool {
        self.engine.stats().looped == 0
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        if let Some(delivery) = self.engine.receive(now, frame) {
            assert!(self.up, "data while down");
            assert!(frame.ends_with(delivery.payload));
            self.delivered += 1;
        }
        self.fetch();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.fetch();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
        self.engine.poll_transmit(frame)
    }
}

/// Timers of a pair that suit each other: each side expects what the other sends.
fn configs(random: &mut Random) -> (Config, Config) {
    let tx = [(); 2].map(|()| random.between(1000, 10_000) as u32);
    let mut config = |keepalive_tx_ms| Config {
        keepalive_tx_ms,
        keepalive_rx_ms: tx[0].max(tx[1]) + random.between(0, 1000) as u32,
        keepalive_tolerance: random.between(2, 5) as u32,
        ..Config::default()
    };
    (config(tx[0]), config(tx[1]))
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

/// On a good line both are up within this time: a keepalive each way takes an
/// interval of both sides and two delays; when the two count alike once, an
/// interval more of both; what the line still held may come in between.
fn bound(a: &Config, b: &Config) -> Duration {
    let intervals = Duration::from_millis(u64::from(a.keepalive_tx_ms + b.keepalive_tx_ms));
    intervals * 2 + DELAY * 4 + JITTER
}

/// The longest time without an answer that a link survives.
fn patience(config: &Config) -> Duration {
    config.keepalive_expected() * config.keepalive_tolerance
}

fn both_up(pair: &mut Pair<Node>) -> bool {
    pair.a.up && pair.b.up
}

/// An IPv4 packet goes from A to B when both are up.
fn data_passes(pair: &mut Pair<Node>) {
    let now = pair.now();
    let header = pair
        .a
        .engine
        .encapsulate(now, ChannelId(0), PayloadKind::Ipv4, 20)
        .unwrap();
    let mut frame = header.as_ref().to_vec();
    frame.extend_from_slice(&[0x45; 20]);
    let before = pair.b.delivered;
    pair.line.send(now, End::A, &frame);
    pair.run_for(DELAY);
    assert_eq!(pair.b.delivered, before + 1);
}

#[test]
fn links_survive_bad_lines_and_come_up_when_they_are_good() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let (mut a, b) = configs(&mut random);
        let asks = random.chance(0.5);
        if asks {
            a.slarp_request_ms = random.between(500, 6000) as u32;
        }
        let bad = bad_line(&mut random);
        let mut pair = Pair::new(
            random.next_u64(),
            bad,
            Node::new(a, random.next_u64()),
            Node::new(b, random.next_u64()),
        );
        let peer = Ipv4Addr::new(10, 0, 0, 2);
        pair.b.engine.set_local_address(Some((peer, MASK)));
        pair.run_for(random.duration(SECOND * 60));

        // A link that is up when the line gets good may still go down for what was lost before.
        pair.line.impair(good_line(&mut random));
        let limit = bound(&a, &b);
        pair.run_for(limit);
        assert!(
            both_up(&mut pair),
            "not up within {limit:?}: {a:?} {b:?} {bad:?}"
        );
        data_passes(&mut pair);
        let (downs_a, downs_b) = (pair.a.causes.len(), pair.b.causes.len());
        pair.run_for(SECOND * 30);
        assert!(both_up(&mut pair), "a good line keeps it up");
        assert_eq!(
            (pair.a.causes.len(), pair.b.causes.len()),
            (downs_a, downs_b)
        );
        assert!(pair.a.never_looped() && pair.b.never_looped());
        if asks {
            assert_eq!(pair.a.learned, Some(Ipv4Addr::new(10, 0, 0, 1)));
            assert_eq!(pair.a.engine.slarp_state(), SlarpState::Resolved);
        } else {
            assert_eq!(pair.b.engine.stats().slarp_requests_rx, 0);
        }
    });
}

#[test]
fn routers_started_together_are_no_loop() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let (config, _) = configs(&mut random);
        let mut pair = Pair::new(
            random.next_u64(),
            good_line(&mut random),
            Node::new(config, random.next_u64()),
            Node::new(config, random.next_u64()),
        );
        let limit = PROMPT * 2 + DELAY * 2;
        let up = pair.run_until(limit, both_up);
        assert!(up.is_some(), "not up within {limit:?}");
        pair.run_for(SECOND * 600);
        assert!(pair.a.causes.is_empty() && pair.b.causes.is_empty());
        assert!(pair.a.never_looped() && pair.b.never_looped());
    });
}

#[test]
fn a_restarted_router_is_back_at_once() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let (a, b) = configs(&mut random);
        let mut pair = Pair::new(
            random.next_u64(),
            good_line(&mut random),
            Node::new(a, random.next_u64()),
            Node::new(b, random.next_u64()),
        );
        pair.run_for(bound(&a, &b) + random.duration(SECOND * 300));
        assert!(both_up(&mut pair));
        pair.b = Node::new(b, random.next_u64())(pair.now());
        let limit = PROMPT + DELAY * 2;
        let up = pair.run_until(limit, |pair| pair.b.up);
        assert!(up.is_some(), "not up within {limit:?}");
        pair.run_for(SECOND * 60);
        assert!(both_up(&mut pair));
        assert!(pair.a.causes.is_empty(), "the other side never noticed");
    });
}

#[test]
fn a_loop_is_found_and_left_without_a_command() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let (mut a, b) = configs(&mut random);
        // Time enough to find the loop before the peer is missed.
        a.keepalive_tolerance = 4;
        let mut pair = Pair::new(
            random.next_u64(),
            good_line(&mut random),
            Node::new(a, random.next_u64()),
            Node::new(b, random.next_u64()),
        );
        pair.run_for(bound(&a, &b) + random.duration(SECOND * 100));
        assert!(both_up(&mut pair));

        pair.line.set_looped(End::A, true);
        let interval = Duration::from_millis(a.keepalive_tx_ms.into());
        let limit = interval * 2 + DELAY * 2;
        let found = pair.run_until(limit, |pair| pair.a.engine.looped());
        assert!(found.is_some(), "not found within {limit:?}");
        assert_eq!(pair.a.causes, [Cause::Looped]);
        let patience = patience(&b) + DELAY;
        assert!(pair.run_until(patience, |pair| !pair.b.up).is_some());
        assert_eq!(pair.b.causes, [Cause::Keepalive]);
        pair.run_for(random.duration(SECOND * 100));
        assert!(pair.a.engine.looped() && !pair.a.up, "as long as it lasts");

        pair.line.set_looped(End::A, false);
        assert!(pair.run_until(bound(&a, &b), both_up).is_some());
        assert!(!pair.a.engine.looped());
        assert!(pair.b.never_looped());
        data_passes(&mut pair);
    });
}

#[test]
fn a_cut_is_noticed_in_time_and_mended() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let (a, b) = configs(&mut random);
        let mut pair = Pair::new(
            random.next_u64(),
            good_line(&mut random),
            Node::new(a, random.next_u64()),
            Node::new(b, random.next_u64()),
        );
        for _ in 0..3 {
            assert!(pair.run_until(bound(&a, &b), both_up).is_some());
            pair.run_for(random.duration(SECOND * 60));
            pair.line.cut();
            let limit = patience(&a).max(patience(&b));
            let down = pair.run_until(limit, |pair| !pair.a.up && !pair.b.up);
            assert!(down.is_some(), "still up after {limit:?}");
            assert_eq!(pair.a.causes.last(), Some(&Cause::Keepalive));
            assert_eq!(pair.b.causes.last(), Some(&Cause::Keepalive));
            pair.run_for(random.duration(SECOND * 60));
            pair.line.join();
        }
        assert!(pair.run_until(bound(&a, &b), both_up).is_some());
        data_passes(&mut pair);
    });
}

/// A router that keeps the strictest habit: it counts from 0 a fixed interval
/// apart, accepts no answer but the one to its present count, and never hurries.
struct Strict {
    interval: Duration,
    next: Instant,
    pending: bool,
    sent: u32,
    heard: u32,
    answered: Option<Instant>,
}

impl Strict {
    fn new(interval: Duration) -> impl FnOnce(Instant) -> Self {
        move |now| Self {
            interval,
            next: now + interval,
            pending: false,
            sent: 0,
            heard: 0,
            answered: None,
        }
    }

    fn up(&self, now: Instant) -> bool {
        self.answered
            .is_some_and(|at| now - at <= self.interval * 3)
    }
}

impl Endpoint for Strict {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let frame = Frame::parse(frame).unwrap();
        let slarp = SlarpRepr::parse(&Slarp::parse(frame.payload()).unwrap()).unwrap();
        if let SlarpMessage::Keepalive {
            sequence,
            last_received,
        } = slarp.message
        {
            self.heard = sequence;
            if last_received != 0 && last_received == self.sent {
                self.answered = Some(now);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.next = now + self.interval;
        self.pending = true;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.next)
    }

    fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
        if !std::mem::take(&mut self.pending) {
            return false;
        }
        self.sent += 1;
        frame.clear();
        frame.extend_from_slice(&[0x8f, 0, 0x80, 0x35]);
        let slarp = SlarpRepr {
            message: SlarpMessage::Keepalive {
                sequence: self.sent,
                last_received: self.heard,
            },
            reliability: RELIABILITY,
            uptime_ms: 0,
        };
        frame.extend_from_slice(&slarp.octets());
        true
    }
}

#[test]
fn a_strict_peer_is_content() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let config = Config::default();
        let mut pair = Pair::new(
            random.next_u64(),
            good_line(&mut random),
            Node::new(config, random.next_u64()),
            Strict::new(SECOND * 10),
        );
        pair.run_for(random.duration(SECOND * 10));
        let up = pair.run_until(SECOND * 40, |pair| pair.a.up && pair.b.up(pair.now()));
        assert!(up.is_some());
        for _ in 0..60 {
            pair.run_for(SECOND * 10);
            assert!(pair.a.up && pair.b.up(pair.now()));
        }
        assert!(pair.a.causes.is_empty() && pair.a.never_looped());
    });
}

/// Random octets, or a frame of the protocol with some of them changed.
fn noise(random: &mut Random, frame: &mut Vec<u8>) {
    frame.clear();
    if random.chance(0.5) {
        frame.resize(random.below(64) as usize, 0);
        random.fill(frame);
        return;
    }
    let protocol = *random.pick(&[0x0800_u16, 0x86dd, 0x8035, 0x8035, 0x2000, 0x8137]);
    frame.extend_from_slice(&[*random.pick(&[UNICAST, BROADCAST]), CONTROL]);
    frame.extend_from_slice(&protocol.to_be_bytes());
    let message = match random.below(3) {
        0 => SlarpMessage::Request {
            address: (random.next_u64() as u32).into(),
            mask: MASK,
        },
        1 => SlarpMessage::Reply {
            address: (random.next_u64() as u32).into(),
            mask: *random.pick(&[MASK, Ipv4Addr::UNSPECIFIED]),
        },
        _ => SlarpMessage::Keepalive {
            sequence: random.below(100) as u32,
            last_received: random.below(100) as u32,
        },
    };
    let slarp = SlarpRepr {
        message,
        reliability: RELIABILITY,
        uptime_ms: random.next_u64() as u32,
    };
    frame.extend_from_slice(&slarp.octets());
    for _ in 0..random.below(3) {
        let at = random.below(frame.len() as u64) as usize;
        frame[at] = random.next_u64() as u8;
    }
    frame.truncate(random.between(1, 40) as usize);
}

/// Every frame that came in was delivered or has its counter.
fn assert_accounted(stats: &Stats, delivered: u64) {
    let accounted = stats.rx_short
        + stats.rx_long
        + stats.rx_inactive
        + stats.bad_address
        + stats.bad_control
        + stats.bad_type
        + stats.bad_payload
        + stats.bad_slarp_length
        + stats.bad_slarp_code
        + stats.slarp_requests_rx
        + stats.slarp_replies_rx
        + stats.keepalives_rx
        + stats.cdp_rx
        + stats.ipx_rx
        + delivered;
    assert_eq!(stats.rx_frames, accounted, "{stats:?}");
}

#[test]
fn noise_breaks_nothing_and_is_counted() {
    for_each_seed(100, |seed| {
        let mut random = Random::new(seed);
        let (mut a, b) = configs(&mut random);
        a.slarp_request_ms = *random.pick(&[0, 1000]);
        a.streaming = random.chance(0.1);
        let mut pair = Pair::new(
            random.next_u64(),
            Impairments {
                corruption: 0.2,
                ..bad_line(&mut random)
            },
            Node::new(a, random.next_u64()),
            Node::new(b, random.next_u64()),
        );
        let mut frame = Vec::new();
        for _ in 0..20 {
            for _ in 0..100 {
                noise(&mut random, &mut frame);
                let now = pair.now();
                pair.line.send(now, End::B, &frame);
            }
            pair.run_for(random.duration(SECOND * 3));
            assert!(pair.line.under_way() < Line::CAPACITY);
        }
        let stats = *pair.a.engine.stats();
        assert_accounted(&stats, pair.a.delivered);
        // At most a keepalive a second and one answer a turn, whatever comes in.
        assert!(stats.keepalives_tx <= pair.elapsed().as_secs() + 2);
        assert!(stats.slarp_replies_tx <= stats.slarp_requests_rx);

        // And when it is quiet again the link is there.
        pair.line.impair(good_line(&mut random));
        if !a.streaming {
            let settled = bound(&a, &b) + JITTER;
            assert!(pair.run_until(settled, both_up).is_some());
        }
    });
}

/// Frames as they should be, the seeds of the fuzz target.
const VALID: [&[u8]; 4] = [
    include_bytes!("../../../../tests/fuzz/corpus/cisco_hdlc/ipv4-echo"),
    include_bytes!("../../../../tests/fuzz/corpus/cisco_hdlc/keepalive"),
    include_bytes!("../../../../tests/fuzz/corpus/cisco_hdlc/reply"),
    include_bytes!("../../../../tests/fuzz/corpus/cisco_hdlc/request"),
];

/// Random octets, some with a plausible beginning; or a valid frame with damage.
fn random_frame(random: &mut Random, frame: &mut Vec<u8>) {
    const HEADS: [&[u8]; 6] = [
        &[],
        &[0x0f, 0x00, 0x08, 0x00, 0x45],
        &[0x8f, 0x00, 0x86, 0xdd, 0x60],
        &[0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 0],
        &[0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 1],
        &[0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 2],
    ];
    frame.clear();
    if random.chance(0.3) {
        frame.extend_from_slice(random.pick::<&[u8]>(&VALID));
        random.damage(frame);
        return;
    }
    frame.extend_from_slice(random.pick::<&[u8]>(&HEADS));
    let head = frame.len();
    // Eight octets of head and fourteen more are a whole SLARP packet.
    let more = if random.chance(0.5) {
        14
    } else {
        random.below(40)
    };
    frame.resize(head + more as usize, 0);
    random.fill(&mut frame[head..]);
}

#[test]
fn a_million_random_frames_hurt_nobody() {
    let mut random = Random::new(11);
    let config = Config {
        slarp_request_ms: 1000,
        ..Config::default()
    };
    let mut now = wanbox_sim::Clock::new();
    let mut engine = CiscoHdlc::new(config, now.now(), 1).unwrap();
    engine.carrier(now.now(), true);
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    let mut delivered = 0;
    for _ in 0..random_frames() {
        now.advance(Duration::from_millis(random.below(100)));
        random_frame(&mut random, &mut frame);
        if let Some(delivery) = engine.receive(now.now(), &frame) {
            assert!(delivery.payload.len() < frame.len());
            delivered += 1;
        }
        if engine.poll_timeout().is_some_and(|at| at <= now.now()) {
            engine.handle_timeout(now.now());
        }
        if random.chance(0.1) {
            let mut sent = 0;
            while engine.poll_transmit(&mut out) {
                sent += 1;
                assert!(sent <= 3, "more than one control frame of a kind");
            }
            while engine.poll_event().is_some() {}
        }
    }
    let stats = engine.stats();
    assert!(stats.bad_slarp_length > 0 && stats.bad_address > 0 && stats.bad_type > 0);
    assert!(stats.keepalives_rx > 0 && stats.slarp_requests_rx > 0);
    assert_accounted(stats, delivered);

    // And it still works with a decent peer.
    let mut peer = CiscoHdlc::new(Config::default(), now.now(), 2).unwrap();
    peer.set_local_address(Some((Ipv4Addr::new(10, 0, 0, 2), MASK)));
    peer.carrier(now.now(), true);
    let end = now.now() + bound(&config, peer.config());
    while now.now() < end {
        now.advance(Duration::from_millis(100));
        engine.handle_timeout(now.now());
        peer.handle_timeout(now.now());
        while engine.poll_transmit(&mut out) {
            peer.receive(now.now(), &out);
        }
        while peer.poll_transmit(&mut out) {
            engine.receive(now.now(), &out);
        }
    }
    assert!(engine.link_up() && peer.link_up());
}
