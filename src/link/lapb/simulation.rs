//! Two links over bad lines, many seeds.

use std::time::Duration;

use wanbox_sim::{Endpoint, Impairments, Pair, Random, for_each_seed};
use wanbox_wire::lapb::Modulo;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// The longest delay of a simulated line. T1 is longer than twice that and T2.
const DELAY: Duration = Duration::from_millis(200);
/// The longest an owner waits before it wants a link again.
const HOLD: Duration = SECOND;

/// A link and what its owner makes of it. Every packet says which it is: the epoch of its sender,
/// which every event ends, and its number in there.
struct Node {
    link: Link,
    random: Random,
    up: bool,
    epoch: u32,
    number: u32,
    /// The last packet that came.
    last: Option<(u32, u32)>,
    /// Whether an event came since.
    told: bool,
    delivered: u64,
    /// How many packets may still be sent.
    budget: u64,
    wanted: bool,
    /// When to set up again.
    again: Option<Instant>,
    /// When the owner is busy, or not, for the next time.
    busy_change: Option<Instant>,
    busy: bool,
    set_up_at: Option<Instant>,
    events: u32,
}

impl Node {
    fn new(role: Role, parameters: Parameters, mut random: Random, first: u32) -> Self {
        Self {
            link: Link::new(role, parameters).unwrap(),
            up: false,
            epoch: first,
            number: 0,
            last: None,
            told: true,
            delivered: 0,
            budget: random.between(0, 400),
            wanted: false,
            again: None,
            busy_change: None,
            busy: false,
            set_up_at: None,
            events: 0,
            random,
        }
    }

    fn connect(&mut self, now: Instant) {
        self.wanted = true;
        self.link.engine_mut().connect(now);
        self.settle(now);
    }

    fn disconnect(&mut self, now: Instant) {
        self.wanted = false;
        self.up = false;
        self.link.engine_mut().disconnect(now);
        self.settle(now);
    }

    /// The link is set up once more when nothing of what was before is under way.
    fn hold(&mut self, now: Instant) {
        let t1 = self.link.engine().parameters().t1;
        self.again = Some(now + t1 + self.random.duration(HOLD));
    }

    /// Events are fetched, and packets given while there is room.
    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.link.engine_mut().poll_event() {
            self.events += 1;
            self.told = true;
            self.epoch += 1;
            self.number = 0;
            match event {
                Event::Up => {
                    assert!(!self.up, "up twice");
                    self.up = true;
                    self.set_up_at = Some(now);
                }
                Event::Reset(_) => {
                    assert!(self.up, "reset while down");
                    self.set_up_at = Some(now);
                }
                Event::Down(_) => {
                    self.up = false;
                    if self.wanted {
                        self.hold(now);
                    }
                }
            }
        }
        let engine = self.link.engine_mut();
        assert_eq!(engine.is_up(), self.up);
        while self.budget > 0 && engine.room() > 0 {
            let mut packet = Vec::new();
            packet.extend_from_slice(&self.epoch.to_be_bytes());
            packet.extend_from_slice(&self.number.to_be_bytes());
            let most = engine.parameters().n1 as u64;
            packet.resize(self.random.between(8, most) as usize, self.number as u8);
            engine.send(now, &packet).unwrap();
            self.number += 1;
            self.budget -= 1;
        }
    }

    /// Once and in order, and after an event nothing of what was before it.
    fn take(&mut self, packet: &[u8]) {
        assert!(self.up && !self.busy);
        let (&epoch, rest) = packet.split_first_chunk::<4>().unwrap();
        let (&number, rest) = rest.split_first_chunk::<4>().unwrap();
        let (epoch, number) = (u32::from_be_bytes(epoch), u32::from_be_bytes(number));
        assert!(rest.iter().all(|octet| *octet == number as u8));
        match self.last {
            Some(last) if !self.told => assert_eq!((epoch, number), (last.0, last.1 + 1)),
            Some(last) => assert!(epoch > last.0 && number == 0, "{last:?}, {epoch} {number}"),
            None => assert_eq!(number, 0),
        }
        self.last = Some((epoch, number));
        self.told = false;
        self.delivered += 1;
    }

    fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
        self.link.engine_mut().set_busy(busy);
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        if let Some(packet) = self.link.receive(now, frame) {
            self.take(packet);
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.engine_mut().handle_timeout(now);
        self.settle(now);
        if self.busy_change.take_if(|at| *at <= now).is_some() {
            self.set_busy(!self.busy);
            self.busy_change = Some(now + self.random.duration(10 * SECOND));
        }
        if self.again.take_if(|at| *at <= now).is_some() && self.wanted {
            self.connect(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let own = self.again.into_iter().chain(self.busy_change);
        own.chain(self.link.engine().poll_timeout()).min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.link.poll_transmit(now, frame)
    }
}

/// Both ends have the same modulo, k and N1; timers and N2 are their own.
fn parameters(random: &mut Random) -> [Parameters; 2] {
    let modulo = *random.pick(&[Modulo::Eight, Modulo::OneTwentyEight]);
    let k = random.between(1, modulo.highest().into()) as u8;
    let n1 = random.between(8, 300) as usize;
    let mut one = || Parameters {
        modulo,
        t1: Duration::from_millis(random.between(1000, 3000)),
        t2: random.duration(SECOND / 2),
        t4: Some(random.between(5, 60) as u32 * SECOND),
        n1,
        n2: random.between(2, 10) as u16,
        k,
        queue: random.below(5) as usize,
    };
    [one(), one()]
}

fn good_line(random: &mut Random) -> Impairments {
    Impairments {
        delay: random.duration(DELAY),
        ..Impairments::NONE
    }
}

/// Frames are lost, also those that a check sequence would find damaged, and sometimes doubled. A
/// line keeps their order.
fn bad_line(random: &mut Random) -> Impairments {
    let mut up_to = |limit: f64| random.below(1001) as f64 / 1000.0 * limit;
    let (loss, duplication) = (up_to(0.2), up_to(0.2));
    Impairments {
        loss,
        duplication: if random.chance(0.5) { duplication } else { 0.0 },
        ..good_line(random)
    }
}

fn pair(random: &mut Random, line: Impairments, [a, b]: [Parameters; 2]) -> Pair<Node> {
    let (first, second) = (random.fork(), random.fork());
    let mut pair = Pair::new(
        random.next_u64(),
        line,
        |_| Node::new(Role::Dte, a, first, 0),
        |_| Node::new(Role::Dce, b, second, 0),
    );
    let now = pair.now();
    match random.below(3) {
        0 => {
            pair.a.connect(now);
            pair.b.connect(now);
        }
        1 => {
            pair.a.link.engine_mut().listen();
            pair.b.connect(now);
        }
        _ => {
            pair.a.connect(now);
            pair.run_for(random.duration(5 * SECOND));
            let now = pair.now();
            pair.b.connect(now);
        }
    }
    for node in [&mut pair.a, &mut pair.b] {
        if node.random.chance(0.3) {
            node.busy_change = Some(now + node.random.duration(5 * SECOND));
        }
    }
    pair
}

/// Something that happens to the line or to one of the ends.
fn misfortune(random: &mut Random, pair: &mut Pair<Node>) {
    let now = pair.now();
    let node = if random.chance(0.5) {
        &mut pair.a
    } else {
        &mut pair.b
    };
    let parameters = *node.link.engine().parameters();
    match random.below(6) {
        0 => {
            pair.line.cut();
            pair.run_for(random.duration(40 * SECOND));
            pair.line.join();
            return;
        }
        1 => {
            // Power is lost.
            let (role, first) = (node.link.role(), node.epoch);
            *node = Node::new(role, parameters, random.fork(), first + 1);
            node.wanted = true;
            node.hold(now);
        }
        2 => {
            node.disconnect(now);
            node.connect(now);
        }
        3 => {
            node.disconnect(now);
        }
        // An owner that resets what has just been set up is not told apart from a doubled set-up.
        4 if node.set_up_at.is_some_and(|at| now > at + parameters.t1) => {
            node.link.engine_mut().reset(now);
        }
        5 => {
            node.link.engine_mut().line_down();
        }
        _ => return,
    }
    node.settle(now);
}

/// On a good line both ends are up within this time, and everything else has ended: an end finds
/// the other one gone (N2 times T1), resets (as long), takes leave (as long), waits, sets up.
fn bound(parameters: &[Parameters; 2]) -> Duration {
    let one =
        |p: &Parameters| 3 * p.t1 * u32::from(p.n2) + p.t4.unwrap_or_default() + 2 * (p.t1 + HOLD);
    parameters.iter().map(one).sum()
}

/// Nothing waits, and what was given since the last event has arrived.
fn all_arrived(pair: &Pair<Node>) -> bool {
    let arrived = |from: &Node, to: &Node| {
        let last = (from.number > 0).then(|| (from.epoch, from.number - 1));
        from.up
            && from.budget == 0
            && from.link.engine().waiting() == 0
            && (last.is_none() || last == to.last)
    };
    arrived(&pair.a, &pair.b) && arrived(&pair.b, &pair.a)
}

#[test]
fn packets_arrive_once_and_in_order_or_both_ends_are_told() {
    let (mut delivered, mut resets, mut repeated) = (0, 0, 0);
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let parameters = parameters(&mut random);
        let bad = bad_line(&mut random);
        let mut pair = pair(&mut random, bad, parameters);
        for _ in 0..random.below(4) {
            pair.run_for(random.duration(30 * SECOND));
            misfortune(&mut random, &mut pair);
        }
        pair.run_for(random.duration(30 * SECOND));

        // Of the same length: frames that are under way are not overtaken.
        pair.line.impair(Impairments {
            delay: bad.delay,
            ..Impairments::NONE
        });
        let now = pair.now();
        for node in [&mut pair.a, &mut pair.b] {
            delivered += node.delivered;
            resets += node.link.engine().counters().resets;
            repeated += node.link.engine().counters().repeated;
            node.busy_change = None;
            node.set_busy(false);
            node.budget = 50;
            node.connect(now);
        }
        let limit = bound(&parameters) + 50 * SECOND;
        assert!(
            pair.run_until(limit, |pair| all_arrived(pair)).is_some(),
            "not done within {limit:?}: {:?} {:?}",
            pair.a.link,
            pair.b.link
        );
        // It stays up, asks now and then, and one more packet passes each way.
        pair.run_for(100 * SECOND);
        let events = (pair.a.events, pair.b.events);
        pair.a.budget = 1;
        pair.b.budget = 1;
        let now = pair.now();
        pair.a.settle(now);
        pair.b.settle(now);
        assert!(
            pair.run_until(4 * SECOND, |pair| all_arrived(pair))
                .is_some()
        );
        pair.run_for(100 * SECOND);
        assert_eq!(
            (pair.a.events, pair.b.events),
            events,
            "a good line keeps it up"
        );
        for node in [&pair.a, &pair.b] {
            let counters = node.link.engine().counters();
            let wrong = [
                counters.too_short,
                counters.undefined,
                counters.misdirected,
                counters.with_information,
                counters.too_long,
                counters.refused_full,
                counters.refused_long,
                counters.events_lost,
                node.link.wrong_address(),
            ];
            assert_eq!(wrong, [0; 9]);
            // A doubled UA may be taken for that of the next set-up; FRMR mends it.
            assert!(counters.invalid_nr == 0 || bad.duplication > 0.0);
        }
    });
    if std::env::var_os(wanbox_sim::SEED_VARIABLE).is_none() {
        assert!(delivered > 1_000_000, "{delivered}");
        assert!(resets > 1_000, "{resets}");
        assert!(repeated > 100_000, "{repeated}");
    }
}

#[test]
fn a_dead_line_is_found_out_by_both_ends() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let parameters = parameters(&mut random);
        let line = good_line(&mut random);
        let mut pair = pair(&mut random, line, parameters);
        for node in [&mut pair.a, &mut pair.b] {
            node.wanted = false;
        }
        let both = |pair: &mut Pair<Node>| pair.a.up && pair.b.up;
        assert!(pair.run_until(20 * SECOND, both).is_some());
        pair.run_for(random.duration(20 * SECOND));
        pair.line.cut();
        let none = |pair: &mut Pair<Node>| !pair.a.up && !pair.b.up;
        assert!(pair.run_until(bound(&parameters), none).is_some());
        for node in [&pair.a, &pair.b] {
            assert_eq!(node.link.engine().waiting(), 0);
            assert_eq!(node.link.engine().poll_timeout(), None);
        }
    });
}

#[test]
fn ends_that_count_differently_do_not_come_up() {
    let [mut a, b] = parameters(&mut Random::new(1));
    a.modulo = Modulo::Eight;
    a.k = 7;
    let b = Parameters {
        modulo: Modulo::OneTwentyEight,
        ..b
    };
    let mut random = Random::new(2);
    let line = good_line(&mut random);
    let mut pair = pair(&mut random, line, [a, b]);
    pair.run_for(60 * SECOND);
    assert!(!pair.a.up && !pair.b.up);
    let undefined = |node: &Node| node.link.engine().counters().undefined;
    assert!(undefined(&pair.a) + undefined(&pair.b) > 0);
    assert!(pair.a.events + pair.b.events > 2);
}
