//! PPP engines against each other: alone, and as bundles.

use std::collections::VecDeque;

use wanbox_link::ppp::lcp::{self, Multilink};
use wanbox_link::ppp::multilink::MemberId;
use wanbox_link::ppp::{Phase, ipv6cp};
use wanbox_sim::{Clock, Random, for_each_seed};
use wanbox_wire::ppp::multilink::Discriminator;

use super::*;
use crate::{Marks, Path};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn sharing() -> Sharing {
    Sharing {
        rate_bps: 64_000,
        min_fragment: 64,
        patience: Duration::from_secs(1),
    }
}

fn config(n: usize, role: Role, endpoint: u8) -> Config {
    let (local, peer) = if n == 0 { (HERE, THERE) } else { (THERE, HERE) };
    let network = role != Role::Member;
    let multilink = (role != Role::Alone).then(|| Multilink {
        mrru: 1600,
        short_sequence: n == 1,
        endpoint: [Discriminator::LOCAL, endpoint].into(),
        on_request: false,
    });
    let profile = Profile {
        lcp: lcp::Config {
            multilink,
            echo_interval: Some(Duration::from_secs(1)),
            ..Default::default()
        },
        ipv4: network.then(|| ipcp::Config::fixed(local, peer)),
        ipv6: network.then(ipv6cp::Config::default),
        ..Default::default()
    };
    Config {
        profile: Arc::new(profile),
        mtu: 1500,
        role,
    }
}

/// An IPv4 packet of this length with a number in it.
fn packet(number: u32, octets: usize) -> Vec<u8> {
    let mut packet = vec![0x5a; octets.max(24)];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(octets.max(24) as u16).to_be_bytes());
    packet[20..24].copy_from_slice(&number.to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[20..24].try_into().unwrap())
}

/// One system: a first link and a member, as two daemons have them.
struct System {
    first: Ppp,
    other: Ppp,
    /// The number of the other in the first's bundle.
    joined: Option<MemberId>,
    refused: Option<NotJoined>,
    /// Frames on their way to each line.
    lines: [VecDeque<Vec<u8>>; 2],
    got: Vec<Vec<u8>>,
    events: Vec<Event>,
}

impl System {
    fn new(n: usize, first: Role, other: Role, endpoints: [u8; 2], now: Instant) -> Self {
        let seed = n as u128 * 100;
        Self {
            first: Ppp::new(config(n, first, endpoints[0]), now, seed + 1).unwrap(),
            other: Ppp::new(config(n, other, endpoints[1]), now, seed + 2).unwrap(),
            joined: None,
            refused: None,
            lines: Default::default(),
            got: Vec::new(),
            events: Vec::new(),
        }
    }

    fn receive(&mut self, now: Instant, line: usize, frame: &[u8]) {
        let delivery = if line == 0 {
            self.first.receive(now, frame)
        } else {
            let delivery = self.other.receive(now, frame);
            match (delivery, self.joined) {
                (Some(raw), Some(id)) => {
                    assert_eq!(raw.kind, PayloadKind::Raw(Marks::default()));
                    assert_eq!(raw.payload, frame);
                    self.first.receive_from(now, id, frame)
                }
                _ => None,
            }
        };
        if let Some(delivery) = delivery {
            self.got.push(delivery.payload.to_vec());
        }
        self.made();
    }

    fn made(&mut self) {
        let mut packet = Vec::new();
        while let Some((_, kind)) = self.first.poll_packet(&mut packet) {
            assert!(kind == PayloadKind::Ipv4 || kind == PayloadKind::Ipv6);
            self.got.push(packet.clone());
        }
    }

    /// Does what a daemon does after each turn.
    fn pump(&mut self, now: Instant) {
        let mut frame = Vec::new();
        while self.first.poll_transmit(&mut frame) {
            self.lines[0].push_back(frame.clone());
        }
        while self.other.poll_transmit(&mut frame) {
            self.lines[1].push_back(frame.clone());
        }
        let lines = &mut self.lines;
        self.first.transmit_bundled(now, &mut |path, head, data| {
            let line = usize::from(path != Path::Line);
            lines[line].push_back([head, data].concat());
        });
        while let Some(event) = self.other.poll_event() {
            match event {
                Event::LinkUp if self.other.config().role == Role::Member => {
                    let candidate = Candidate::of(self.other.link(), 64_000);
                    match self.first.join(now, &candidate) {
                        Ok(id) => self.joined = Some(id),
                        Err(why) => {
                            self.refused = Some(why);
                            self.other.fail(now, Cause::Local);
                        }
                    }
                }
                Event::LinkDown(_) => {
                    if let Some(id) = self.joined.take() {
                        self.first.leave(now, id);
                    }
                }
                _ => {}
            }
        }
        while let Some(event) = self.first.poll_event() {
            self.events.push(event);
        }
    }

    fn send(&mut self, now: Instant, packet: &[u8]) -> Result<(), Refusal> {
        let lines = &mut self.lines;
        self.first.send(
            now,
            CHANNEL,
            PayloadKind::Ipv4,
            packet,
            &mut |path, head, data| {
                let line = usize::from(path != Path::Line);
                lines[line].push_back([head, data].concat());
            },
        )
    }
}

/// Two systems with two lines between them.
struct World {
    clock: Clock,
    systems: [System; 2],
    up: [bool; 2],
    loss: f64,
    random: Random,
}

impl World {
    fn new(roles: [[Role; 2]; 2]) -> Self {
        Self::with_endpoints(roles, [[1, 1], [2, 2]])
    }

    fn with_endpoints(roles: [[Role; 2]; 2], endpoints: [[u8; 2]; 2]) -> Self {
        let clock = Clock::new();
        let now = clock.now();
        let [a, b] = [0, 1].map(|n| System::new(n, roles[n][0], roles[n][1], endpoints[n], now));
        Self {
            clock,
            systems: [a, b],
            up: [false; 2],
            loss: 0.0,
            random: Random::new(1),
        }
    }

    fn bundles() -> Self {
        let roles = [Role::First(sharing()), Role::Member];
        Self::new([roles, roles])
    }

    fn carrier(&mut self, line: usize, up: bool) {
        self.up[line] = up;
        let now = self.clock.now();
        for system in &mut self.systems {
            let engine = if line == 0 {
                &mut system.first
            } else {
                &mut system.other
            };
            engine.carrier(now, up);
            system.lines[line].clear();
            system.pump(now);
        }
    }

    /// Lets time pass, a millisecond a step.
    fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() {
            self.clock.advance(Duration::from_millis(1));
            let now = self.clock.now();
            for n in [0, 1] {
                for line in [0, 1] {
                    while let Some(frame) = self.systems[n].lines[line].pop_front() {
                        if self.up[line] && !self.random.chance(self.loss) {
                            self.systems[1 - n].receive(now, line, &frame);
                        }
                    }
                }
            }
            for system in &mut self.systems {
                system.first.handle_timeout(now);
                system.other.handle_timeout(now);
                system.made();
                system.pump(now);
            }
        }
    }
}

#[test]
fn a_link_comes_up_and_carries_packets() {
    let mut world = World::new([[Role::Alone; 2]; 2]);
    world.carrier(0, true);
    world.run(Duration::from_secs(1));
    for (system, peer) in world.systems.iter().zip([THERE, HERE]) {
        assert!(system.first.link_up() && system.first.passes());
        assert_eq!(system.first.view().phase, Phase::Network);
        let local = if peer == THERE { HERE } else { THERE };
        assert!(
            system
                .events
                .contains(&Event::Addresses(CHANNEL, local, peer))
        );
        assert!(system.events.contains(&Event::Mtu(CHANNEL, 1500)));
        assert!(system.events.contains(&Event::ChannelUp(CHANNEL)));
    }
    let now = world.clock.now();
    let header = world.systems[0]
        .first
        .encapsulate(now, CHANNEL, PayloadKind::Ipv4, 100);
    assert_eq!(header.unwrap().as_ref(), [0x21], "compressed as agreed");
    world.systems[0].send(now, &packet(7, 100)).unwrap();
    let long = world.systems[0].send(now, &packet(7, 1501));
    assert_eq!(long, Err(Refusal::TooLong { limit: 1500 }));
    let raw = world.systems[0]
        .first
        .encapsulate(now, CHANNEL, PayloadKind::Ethernet, 100);
    assert_eq!(raw, Err(Refusal::Unsupported));
    world.run(Duration::from_millis(1));
    assert_eq!(world.systems[1].got, [packet(7, 100)]);
    world.carrier(0, false);
    assert!(!world.systems[0].first.link_up());
    let refused = world.systems[0].send(world.clock.now(), &packet(7, 100));
    assert_eq!(refused, Err(Refusal::LinkDown));
}

#[test]
fn padding_is_taken_off() {
    let mut world = World::new([[Role::Alone; 2]; 2]);
    world.carrier(0, true);
    world.run(Duration::from_secs(1));
    let now = world.clock.now();
    let mut frame = vec![0x21];
    frame.extend(packet(1, 40));
    frame.extend([0; 9]);
    world.systems[0].receive(now, 0, &frame);
    assert_eq!(world.systems[0].got, [packet(1, 40)]);
}

#[test]
fn two_lines_are_one_link() {
    let mut world = World::bundles();
    world.carrier(0, true);
    world.run(Duration::from_secs(1));
    assert!(world.systems[0].first.is_bundled());
    world.carrier(1, true);
    world.run(Duration::from_secs(1));
    for system in &world.systems {
        assert!(system.first.passes() && system.joined.is_some());
        assert_eq!(system.first.bundle().unwrap().member_count(), 2);
        let ups = system.events.iter().filter(|e| **e == Event::LinkUp);
        assert_eq!(ups.count(), 1);
    }
    for n in 0..100 {
        let now = world.clock.now();
        world.systems[0].send(now, &packet(n, 1000)).unwrap();
        world.run(Duration::from_millis(1));
    }
    let got: Vec<u32> = world.systems[1].got.iter().map(|p| number(p)).collect();
    assert_eq!(got, (0..100).collect::<Vec<_>>());
    let bundle = world.systems[0].first.bundle().unwrap();
    let id = world.systems[0].joined.unwrap();
    let octets = bundle.member_stats(id).unwrap().tx_octets;
    assert!((40_000..60_000).contains(&octets), "{octets}");
    let offload =
        world.systems[0]
            .first
            .encapsulate(world.clock.now(), CHANNEL, PayloadKind::Ipv4, 100);
    assert_eq!(offload, Err(Refusal::Unsupported));
}

#[test]
fn either_line_may_go_and_come_back() {
    for cut in [0, 1] {
        let mut world = World::bundles();
        world.carrier(0, true);
        world.carrier(1, true);
        world.run(Duration::from_secs(1));
        for (up, members) in [(false, 1), (true, 2)] {
            world.carrier(cut, up);
            world.run(Duration::from_secs(10));
            for n in [0, 1] {
                world.systems[1 - n].got.clear();
                world.systems[n]
                    .send(world.clock.now(), &packet(9, 1200))
                    .unwrap();
                world.run(Duration::from_millis(10));
                assert_eq!(world.systems[1 - n].got, [packet(9, 1200)]);
                let first = &world.systems[n].first;
                assert_eq!(first.bundle().unwrap().member_count(), members);
                let downs = &world.systems[n].events;
                assert!(!downs.iter().any(|e| matches!(e, Event::LinkDown(_))));
            }
        }
        world.carrier(0, false);
        world.carrier(1, false);
        for system in &world.systems {
            assert!(!system.first.link_up() && system.first.bundle().is_none());
            assert!(matches!(system.events.last(), Some(Event::LinkDown(_))));
        }
    }
}

#[test]
fn a_full_member_is_passed_over() {
    let mut world = World::bundles();
    world.carrier(0, true);
    world.carrier(1, true);
    world.run(Duration::from_secs(1));
    let now = world.clock.now();
    let system = &mut world.systems[0];
    let id = system.joined.unwrap();
    assert!(system.first.set_line_ready(false), "the other is free");
    system.send(now, &packet(1, 1000)).unwrap();
    assert_eq!((system.lines[0].len(), system.lines[1].len()), (0, 1));
    system.first.set_ready(id, false);
    assert!(!system.first.set_line_ready(false));
    let refused = system.send(now, &packet(2, 1000));
    assert_eq!(refused, Err(Refusal::Hold(now + BUSY)));
    assert!(system.first.set_line_ready(true));
    system.send(now, &packet(2, 1000)).unwrap();
    assert_eq!((system.lines[0].len(), system.lines[1].len()), (1, 1));
}

#[test]
fn links_to_different_systems_are_not_joined() {
    let roles = [Role::First(sharing()), Role::Member];
    let mut world = World::with_endpoints([roles, roles], [[1, 1], [2, 3]]);
    world.carrier(0, true);
    world.carrier(1, true);
    world.run(Duration::from_secs(2));
    assert_eq!(world.systems[0].refused, Some(NotJoined::OtherEndpoint));
    assert!(world.systems[0].joined.is_none());
    assert!(
        NotJoined::OtherEndpoint
            .to_string()
            .contains("another system")
    );
}

#[test]
fn a_peer_without_multilink_gets_an_ordinary_link() {
    let roles = [Role::First(sharing()), Role::Member];
    let mut world = World::new([roles, [Role::Alone; 2]]);
    world.carrier(0, true);
    world.run(Duration::from_secs(2));
    assert!(world.systems[0].first.passes());
    assert!(!world.systems[0].first.is_bundled());
    world.systems[0]
        .send(world.clock.now(), &packet(3, 500))
        .unwrap();
    world.run(Duration::from_millis(1));
    assert_eq!(world.systems[1].got, [packet(3, 500)]);
    // Nor can a member be added to it.
    world.carrier(1, true);
    world.run(Duration::from_secs(2));
    assert_eq!(
        world.systems[0].refused,
        Some(NotJoined::FirstWithoutMultilink)
    );
}

#[test]
fn bundles_over_bad_lines_keep_the_order() {
    for_each_seed(500, |seed| {
        let mut world = World::bundles();
        world.random = Random::new(seed);
        world.carrier(0, true);
        world.carrier(1, true);
        world.run(Duration::from_secs(1));
        world.loss = 0.1;
        for n in 0..300 {
            let octets = world.random.between(40, 1500) as usize;
            // Refused while LCP is down for its lost echoes.
            let _ = world.systems[0].send(world.clock.now(), &packet(n, octets));
            world.run(Duration::from_millis(2));
            if world.random.chance(0.01) {
                let line = world.random.below(2) as usize;
                world.carrier(line, false);
                world.run(Duration::from_millis(50));
                world.carrier(line, true);
            }
        }
        world.loss = 0.0;
        world.run(Duration::from_secs(15));
        let got: Vec<u32> = world.systems[1].got.iter().map(|p| number(p)).collect();
        assert!(got.is_sorted_by(|a, b| a < b), "{got:?}");
        assert!(!got.is_empty());
        for system in &world.systems {
            assert!(system.first.passes());
            assert_eq!(system.first.bundle().unwrap().member_count(), 2);
            assert_eq!(system.first.bundle().unwrap().waiting().0, 0);
        }
    });
}

proptest::proptest! {
    #[test]
    fn any_octets(input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        crate::fuzz::fuzz_ppp_link(Clock::new().now(), &input);
    }
}
