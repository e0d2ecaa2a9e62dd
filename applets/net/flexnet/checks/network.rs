//! Networks of nodes on one half-duplex channel of 1200 bit/s that loses frames; neighbours have connections of
//! AX.25. Nodes that are no neighbours are hidden from each other.

use std::time::Duration;

use wanbox_sim::{Channel, Radio, RadioCounters, Random, for_each_channel};
use wanbox_wire::ax25::Call;

use super::station::Station;
use crate::Asked;

/// How long anything may take that is to happen.
const LIMIT: Duration = Duration::from_secs(2 * 3600);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn call(node: usize) -> Call {
    Call::named([b'D', b'B', b'0', b'A' + node as u8, b' ', b' ']).with_ssid(node as u8)
}

struct Network {
    net: Radio<Station>,
    /// Which nodes hear each other now.
    pairs: Vec<(usize, usize)>,
}

impl Network {
    fn new(
        seed: u64,
        channel: Channel,
        random: &mut Random,
        nodes: usize,
        pairs: &[(usize, usize)],
    ) -> Self {
        let mut net = Radio::new(seed, channel);
        for place in 0..nodes {
            net.add(|now| Station::new(now, call(place)));
            for other in 0..place {
                net.set_hearing(other, place, pairs.contains(&(other, place)));
            }
        }
        let now = net.now();
        for &(a, b) in pairs {
            // One side or both know of the other before.
            net.stations[a].node.add_link(now, call(b)).unwrap();
            if random.chance(0.5) {
                net.stations[b].node.add_link(now, call(a)).unwrap();
            }
        }
        let pairs = pairs.to_vec();
        Self { net, pairs }
    }

    /// Two nodes hear each other no more.
    fn cut(&mut self, (a, b): (usize, usize)) {
        self.net.set_hearing(a, b, false);
        self.pairs.retain(|pair| *pair != (a, b));
    }

    /// Two nodes hear each other again.
    fn join(&mut self, (a, b): (usize, usize)) {
        self.net.set_hearing(a, b, true);
        self.pairs.push((a, b));
    }

    fn places(&self) -> std::ops::Range<usize> {
        0..self.net.stations.len()
    }

    fn hears(&self, a: usize, b: usize) -> bool {
        self.pairs.contains(&(a.min(b), a.max(b)))
    }

    /// Who can be reached from a node.
    fn reachable(&self, from: usize) -> Vec<usize> {
        let mut known = vec![from];
        let mut at = 0;
        while let Some(&node) = known.get(at) {
            at += 1;
            let heard = self.places().filter(|other| self.hears(node, *other));
            let new: Vec<usize> = heard.filter(|other| !known.contains(other)).collect();
            known.extend(new);
        }
        known
    }

    /// The neighbour that a node has for the best way to another one, if they hear each other.
    fn next(&self, node: usize, to: usize) -> Option<usize> {
        let views = self.net.stations[node].node.destinations(Some(call(to)));
        let known = views.first()?.neighbours.iter().filter(|n| n.delay > 0);
        let best = known.min_by_key(|n| n.delay)?.call;
        self.places()
            .find(|place| call(*place) == best && self.hears(node, *place))
    }

    /// Whether every table has who can be reached and nobody else, and the best ways arrive; if not, one pair of
    /// nodes for which they do not.
    fn check(&self) -> Result<(), (usize, usize)> {
        for from in self.places() {
            let reachable = self.reachable(from);
            for to in self.places().filter(|to| *to != from) {
                let right = if reachable.contains(&to) {
                    let next = |node: &usize| self.next(*node, to);
                    let mut way = std::iter::successors(Some(from), next);
                    way.by_ref().take(self.net.stations.len()).any(|n| n == to)
                } else {
                    let node = &self.net.stations[from].node;
                    node.destinations(Some(call(to))).is_empty()
                };
                if !right {
                    return Err((from, to));
                }
            }
        }
        Ok(())
    }

    /// Runs until all tables are right.
    fn until_right(&mut self) {
        let end = self.net.now() + LIMIT;
        while let Err((from, to)) = self.check() {
            let node = &self.net.stations[from].node;
            let table = || node.destinations(Some(call(to)));
            assert!(self.net.now() < end, "{from} to {to}: {:?}", table());
            self.net.run_for(seconds(10));
        }
    }

    /// Everybody asks for the way to everybody, and hears it, sooner or later: questions and answers are lost with
    /// connections, and a pair may have been lost that nobody used for this way.
    fn ask(&mut self) {
        for from in self.places() {
            for to in self.reachable(from) {
                let end = self.net.now() + LIMIT;
                while to != from && !self.hears_way(from, to) {
                    assert!(self.net.now() < end, "{from} hears of no way to {to}");
                    self.net.run_for(seconds(60));
                }
            }
        }
    }

    /// Asks for a way: whether one comes over which packets get there.
    fn hears_way(&mut self, from: usize, to: usize) -> bool {
        let way = match self.net.stations[from].node.query(call(to)) {
            Ok(Asked::Known(way)) => Some(way),
            Ok(Asked::Sent(_, number)) => {
                let came = |net: &mut Radio<Station>| net.stations[from].ways.contains_key(&number);
                self.net.run_until(seconds(300), came);
                self.net.stations[from].ways.remove(&number)
            }
            // The connection broke just now.
            Err(_) => None,
        };
        let Some(way) = way.filter(|way| !way.contains('?')) else {
            return false;
        };
        let place = |word| self.places().find(|place| call(*place).to_string() == word);
        let places: Vec<usize> = way.split(' ').map(|word| place(word).unwrap()).collect();
        assert_eq!((places[0], places[places.len() - 1]), (from, to), "{way}");
        places.windows(2).all(|step| self.hears(step[0], step[1]))
    }

    /// For an hour, little is told but what polls bring.
    fn is_quiet(&mut self) {
        let told = |network: &Self| network.net.stations.iter().map(|s| s.told).sum::<u64>();
        let before = told(self);
        self.net.run_for(seconds(3600));
        // What is measured on such channels changes much, and most of it is not worth telling.
        let most = 40 * self.pairs.len() as u64;
        let told = told(self) - before;
        assert!(told <= most, "{told} packets in an hour");
    }

    /// Nothing was wrong with what went over the channel.
    fn ends(&self) -> RadioCounters {
        for station in &self.net.stations {
            let counters = &station.node.counters;
            assert_eq!((counters.malformed, counters.ignored), (0, 0));
            assert_eq!((counters.table_full, counters.too_many_peers), (0, 0));
        }
        self.net.counters()
    }
}

fn one_of(random: &mut Random, pairs: &[(usize, usize)]) -> (usize, usize) {
    pairs[random.below(pairs.len() as u64) as usize]
}

#[test]
fn three_nodes_agree_whatever_breaks() {
    for_each_channel(10_000, 15, |seed, channel, mut random| {
        // Mostly a row, whose ends are hidden from each other.
        let triangle = random.chance(0.2);
        let all = [(0, 1), (1, 2), (0, 2)];
        let pairs = if triangle { &all[..] } else { &all[..2] };
        let mut network = Network::new(seed, channel, &mut random, 3, pairs);
        network.until_right();
        network.ask();
        if random.chance(0.3) {
            let pair = one_of(&mut random, pairs);
            network.cut(pair);
            network.net.run_for(seconds(random.below(900)));
            network.join(pair);
            network.until_right();
        }
        // One is lost for good.
        network.cut(one_of(&mut random, pairs));
        network.until_right();
        network.ask();
        if seed % 10 == 0 {
            network.is_quiet();
            network.until_right();
        }
        network.ends()
    });
}

#[test]
fn a_lost_node_is_forgotten_in_larger_networks() {
    for_each_channel(300, 10, |seed, channel, mut random| {
        // The ends of a longer chain on such a channel may be further apart than the largest delay.
        let nodes = random.between(4, 6) as usize;
        // A chain, and some pairs across.
        let mut pairs: Vec<(usize, usize)> = (1..nodes).map(|node| (node - 1, node)).collect();
        for _ in 0..random.below(3) {
            let [a, b] = [0, 1].map(|_| random.below(nodes as u64) as usize);
            let pair = (a.min(b), a.max(b));
            if a != b && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let mut network = Network::new(seed, channel, &mut random, nodes, &pairs);
        network.until_right();
        network.ask();
        let lost = random.below(nodes as u64) as usize;
        for pair in pairs.into_iter().filter(|(a, b)| [*a, *b].contains(&lost)) {
            network.cut(pair);
        }
        network.until_right();
        network.is_quiet();
        network.ends()
    });
}
