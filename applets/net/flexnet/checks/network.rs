//! Networks of nodes, over links that are slow, break and come back.
//!
//! A link is what AX.25 connections are on a channel of 1200 bit/s that loses frames: packets come whole and in
//! order, late, and none that was under way when the connection broke.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_sim::{Clock, Random, for_each_seed};
use wanbox_wire::ax25::Call;

use crate::{Asked, Event, FlexNet};

/// Packets that a connection takes before it says that it has no room.
const ROOM: usize = 4;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Packets on their way in one direction: when they are there.
type Queue = VecDeque<(Instant, Vec<u8>)>;

/// A channel between two nodes, and the connection on it.
struct Channel {
    ends: [usize; 2],
    alive: bool,
    connection: Option<u32>,
    /// Who waits for a connection, until when.
    opening: Option<(Instant, usize)>,
    /// By the place of who sends.
    queues: [Queue; 2],
    /// The channel is busy until then: both directions share it.
    busy: Instant,
}

struct Network {
    now: Instant,
    nodes: Vec<FlexNet>,
    channels: Vec<Channel>,
    random: Random,
    next_connection: u32,
    /// Packets with records or queries that were sent.
    told: u64,
    results: Vec<(usize, String)>,
}

fn call(node: usize) -> Call {
    Call::named([b'D', b'B', b'0', b'A' + node as u8, b' ', b' ']).with_ssid(node as u8)
}

impl Network {
    fn new(seed: u64, nodes: usize, channels: &[(usize, usize)]) -> Self {
        let now = Clock::new().now();
        let node = |place: usize| {
            let mut node = FlexNet::new();
            node.set_own(&[call(place)]);
            node
        };
        let channel = |&(a, b): &(usize, usize)| Channel {
            ends: [a, b],
            alive: true,
            connection: None,
            opening: None,
            queues: [Queue::new(), Queue::new()],
            busy: now,
        };
        let mut network = Self {
            now,
            nodes: (0..nodes).map(node).collect(),
            channels: channels.iter().map(channel).collect(),
            random: Random::new(seed),
            next_connection: 1,
            told: 0,
            results: Vec::new(),
        };
        for &(a, b) in channels {
            // One side or both know of the other before.
            network.nodes[a].add_link(now, call(b)).unwrap();
            if network.random.chance(0.5) {
                network.nodes[b].add_link(now, call(a)).unwrap();
            }
        }
        network
    }

    fn channel(&self, a: usize, b: Call) -> Option<(usize, usize)> {
        let mut channels = self.channels.iter().enumerate();
        channels.find_map(|(place, channel)| {
            let side = channel.ends.iter().position(|end| *end == a)?;
            (call(channel.ends[1 - side]) == b).then_some((place, side))
        })
    }

    /// A connection breaks, and both sides hear of it.
    fn breaks(&mut self, place: usize) {
        let channel = &mut self.channels[place];
        channel.queues = [Queue::new(), Queue::new()];
        channel.opening = None;
        if channel.connection.take().is_some() {
            let [a, b] = channel.ends;
            self.nodes[a].unreachable(call(b));
            self.nodes[b].unreachable(call(a));
        }
    }

    fn connect(&mut self, place: usize) {
        let link = self.next_connection;
        self.next_connection += 1;
        self.channels[place].connection = Some(link);
        let [a, b] = self.channels[place].ends;
        self.nodes[a].link_up(call(b), call(a), link, &[]);
        self.nodes[b].link_up(call(a), call(b), link, &[]);
    }

    /// Does what a node wants done.
    fn serve(&mut self, node: usize) {
        while let Some(event) = self.nodes[node].poll_event() {
            match event {
                Event::Open(to) => match self.channel(node, to) {
                    Some((place, _)) => match self.channels[place].connection {
                        Some(link) => self.nodes[node].link_up(to, call(node), link, &[]),
                        None => {
                            let wait = if self.channels[place].alive { 8 } else { 90 };
                            let until = self.now + self.random.duration(seconds(wait));
                            self.channels[place].opening.get_or_insert((until, node));
                        }
                    },
                    None => self.nodes[node].unreachable(to),
                },
                Event::Close(to) => {
                    if let Some((place, _)) = self.channel(node, to) {
                        self.breaks(place);
                    }
                }
                Event::Result(_, way) => self.results.push((node, way)),
            }
        }
        loop {
            let channels = &self.channels;
            let room = |to: Call| {
                channels.iter().any(|channel| {
                    (0..2).any(|side| {
                        channel.ends[side] == node
                            && call(channel.ends[1 - side]) == to
                            && channel.connection.is_some()
                            && channel.queues[side].len() < ROOM
                    })
                })
            };
            let packet = self.nodes[node].poll_transmit(self.now, &mut { room });
            let Some((to, packet)) = packet else { break };
            self.told += u64::from(matches!(packet[0], b'3' | b'6' | b'7'));
            let (place, side) = self.channel(node, to).unwrap();
            // A third of the frames is lost, and comes with the next poll.
            let mut took = Duration::from_millis((packet.len() as u64 + 40) * 8000 / 1200 + 400);
            while self.random.chance(0.33) {
                took += Duration::from_secs(4);
            }
            let channel = &mut self.channels[place];
            channel.busy = channel.busy.max(self.now) + took;
            channel.queues[side].push_back((channel.busy, packet));
        }
        while self.nodes[node].poll_route().is_some() {}
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            for node in 0..self.nodes.len() {
                self.serve(node);
            }
            let timers = self.nodes.iter().filter_map(FlexNet::poll_timeout);
            let openings = self.channels.iter().filter_map(|c| Some(c.opening?.0));
            let queues = self.channels.iter().flat_map(|channel| &channel.queues);
            let packets = queues.filter_map(|queue| Some(queue.front()?.0));
            let next = timers.chain(openings).chain(packets).min();
            match next {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
            for place in 0..self.channels.len() {
                self.deliver(place);
            }
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, place: usize) {
        if let Some((until, node)) = self.channels[place].opening
            && until <= self.now
        {
            let channel = &mut self.channels[place];
            channel.opening = None;
            let other = channel.ends[usize::from(channel.ends[0] == node)];
            if channel.alive {
                self.connect(place);
            } else {
                self.nodes[node].unreachable(call(other));
            }
        }
        for side in 0..2 {
            let channel = &mut self.channels[place];
            let [from, to] = [channel.ends[side], channel.ends[1 - side]];
            while let Some(link) = channel.connection
                && channel.queues[side]
                    .front()
                    .is_some_and(|(at, _)| *at <= self.now)
                && let Some((_, packet)) = channel.queues[side].pop_front()
            {
                self.nodes[to].received(self.now, call(from), call(to), link, &[], &packet);
            }
        }
    }

    /// Breaks a channel for good.
    fn cut(&mut self, place: usize) {
        self.channels[place].alive = false;
        if let Some(until) = self.now.checked_add(seconds(60)) {
            // Who sends notices that nobody answers.
            self.run(until - self.now);
        }
        self.breaks(place);
    }

    /// Who can be reached from a node, over channels that work.
    fn reachable(&self, from: usize) -> Vec<usize> {
        let mut known = vec![from];
        let mut at = 0;
        while let Some(&node) = known.get(at) {
            at += 1;
            for channel in self.channels.iter().filter(|channel| channel.alive) {
                for side in 0..2 {
                    let other = channel.ends[1 - side];
                    if channel.ends[side] == node && !known.contains(&other) {
                        known.push(other);
                    }
                }
            }
        }
        known.sort_unstable();
        known
    }

    /// Every table has who can be reached and nobody else, and the best ways arrive.
    fn check(&self) {
        for from in 0..self.nodes.len() {
            let reachable = self.reachable(from);
            for to in (0..self.nodes.len()).filter(|to| *to != from) {
                let views = self.nodes[from].destinations(Some(call(to)));
                if !reachable.contains(&to) {
                    assert!(views.is_empty(), "{from} still knows {to}: {views:?}");
                    continue;
                }
                let mut node = from;
                for _ in 0..self.nodes.len() {
                    let view = &self.nodes[node].destinations(Some(call(to)))[0];
                    let known = view.neighbours.iter().filter(|n| n.delay > 0);
                    let best = known.min_by_key(|n| n.delay);
                    let best = best.unwrap_or_else(|| panic!("{node} does not reach {to}"));
                    node = (0..self.nodes.len())
                        .find(|n| call(*n) == best.call)
                        .unwrap();
                    if node == to {
                        break;
                    }
                }
                assert_eq!(node, to, "from {from} it goes in a circle");
            }
        }
    }

    /// Everybody asks for the way to everybody, and hears it.
    fn ask(&mut self) {
        for from in 0..self.nodes.len() {
            for to in self.reachable(from) {
                if to == from {
                    continue;
                }
                self.results.clear();
                let way = match self.nodes[from].query(call(to)).unwrap() {
                    Asked::Known(way) => way,
                    Asked::Sent(..) => {
                        self.run(seconds(120));
                        let (node, way) = self.results.pop().expect("no answer");
                        assert_eq!(node, from);
                        way
                    }
                };
                let calls: Vec<Call> = way.split(' ').map(|w| Call::parse(w).unwrap()).collect();
                assert_eq!(
                    (calls[0], calls[calls.len() - 1]),
                    (call(from), call(to)),
                    "{way}"
                );
                for pair in calls.windows(2) {
                    let node = (0..self.nodes.len()).find(|n| call(*n) == pair[0]).unwrap();
                    let (place, _) = self.channel(node, pair[1]).expect("no channel");
                    assert!(self.channels[place].alive, "{way}");
                }
            }
        }
    }

    /// Nobody tells anything but what polls bring.
    fn is_quiet(&mut self) {
        let told = self.told;
        self.run(seconds(3600));
        // What is measured on such channels changes much, and most of it is not worth telling.
        let most = 40 * self.channels.len() as u64;
        let told = self.told - told;
        assert!(told < most, "{told} packets in an hour");
    }
}

#[test]
fn three_nodes_agree_whatever_breaks() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed ^ 0x5eed);
        let triangle = random.chance(0.5);
        let all = [(0, 1), (1, 2), (0, 2)];
        let channels = if triangle { &all[..] } else { &all[..2] };
        let mut network = Network::new(seed, 3, channels);
        network.run(seconds(900));
        network.check();
        // A connection breaks and is made again, sometimes several.
        for _ in 0..random.below(3) {
            let place = random.below(channels.len() as u64) as usize;
            network.breaks(place);
            let pause = random.duration(seconds(300));
            network.run(pause);
        }
        network.run(seconds(1200));
        network.check();
        network.ask();
        // One is lost for good.
        let place = random.below(channels.len() as u64) as usize;
        network.cut(place);
        network.run(seconds(2400));
        network.check();
        network.ask();
        if seed % 10 == 0 {
            network.is_quiet();
            network.check();
        }
    });
}

#[test]
fn a_lost_node_is_forgotten_in_larger_networks() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed ^ 0xc1c1);
        let nodes = random.between(4, 8) as usize;
        // A chain, and some channels across.
        let mut channels: Vec<(usize, usize)> = (1..nodes).map(|node| (node - 1, node)).collect();
        for _ in 0..random.below(4) {
            let (a, b) = (
                random.below(nodes as u64) as usize,
                random.below(nodes as u64) as usize,
            );
            let (a, b) = (a.min(b), a.max(b));
            if a != b && !channels.contains(&(a, b)) {
                channels.push((a, b));
            }
        }
        let mut network = Network::new(seed, nodes, &channels);
        network.run(seconds(2400));
        network.check();
        network.ask();
        let lost = random.below(nodes as u64) as usize;
        for place in 0..channels.len() {
            if network.channels[place].ends.contains(&lost) {
                network.channels[place].alive = false;
                network.breaks(place);
            }
        }
        network.run(seconds(4800));
        network.check();
        network.is_quiet();
    });
}
