//! Three nodes in a row on one half-duplex channel of 1200 bit/s, the outer ones hidden from each other.
//!
//! Packets go in datagrams that are lost, or in connections of AX.25.

mod station;

use std::time::Duration;

use wanbox_sim::{Channel, Radio, RadioCounters, Random, for_each_channel, for_each_seed};
use wanbox_wire::ax25::Call;

use crate::{Reason, State, show};
use station::{Link, Station};

/// Seconds between broadcasts, and how long a link is believed in.
const INTERVAL: u64 = 600;
const LIFETIME: u64 = 3 * INTERVAL;
/// The most octets in each direction of a circuit.
const OCTETS: u64 = 1500;
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

const NAMES: [&str; 3] = ["DB0AAA", "DB0BBB-7", "DB0CCC-15"];

fn name(place: usize) -> Call {
    Call::parse(NAMES[place]).unwrap()
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

type Net = Radio<Station>;

/// The nodes, with parameters as the generator has it.
fn network(seed: u64, channel: Channel, link: Link, random: &mut Random) -> Net {
    let mut net = Radio::new(seed, channel);
    for place in [A, B, C] {
        let random = random.fork();
        net.add(|now| Station::new(now, name(place), link, random));
    }
    net.set_hearing(A, C, false);
    let now = net.now();
    for station in &mut net.stations {
        for (number, least, most) in [(9, 5, 60), (13, 1, 16), (14, 1, 8)] {
            let value = random.between(least, most) as u32;
            assert!(station.node.set_parameter(now, number, value));
        }
        // Nobody gives up.
        assert!(station.node.set_parameter(now, 10, 127));
        assert!(station.node.set_parameter(now, 15, 0));
        assert!(station.node.set_parameter(now, 7, INTERVAL as u32));
    }
    net
}

fn knows(net: &mut Net, from: usize, to: usize) -> bool {
    let now = net.now();
    let node = net.stations[from].node.node(now, name(to));
    node.is_some_and(|node| node.neighbour.is_some())
}

/// Runs until a node knows another one, or does not any more.
fn until_known(net: &mut Net, from: usize, to: usize, known: bool) {
    let limit = minutes(24 * 60);
    let done = net.run_until(limit, |net| knows(net, from, to) == known);
    assert!(done.is_some(), "{}: {known}", NAMES[to]);
}

/// Runs until the outer nodes know each other at once.
fn until_joined(net: &mut Net) {
    let limit = minutes(24 * 60);
    let done = net.run_until(limit, |net| knows(net, A, C) && knows(net, C, A));
    assert!(done.is_some());
}

/// A circuit from A to C, with data both ways, whatever happens to the link between B and C.
fn exchange(net: &mut Net, random: &mut Random, octets: u64, cuts: bool) {
    let [ours, theirs] = [0, 1].map(|_| {
        let mut octets = vec![0; random.below(octets) as usize];
        random.fill(&mut octets);
        octets
    });
    net.stations[C].expects(&theirs, &ours);
    net.stations[A].expects(&ours, &theirs);
    let now = net.now();
    let user = Call::parse("DL1XYZ").unwrap();
    net.stations[A].connect(now, name(C), user);
    if cuts {
        net.run_for(Duration::from_secs(random.below(120)));
        net.set_hearing(B, C, false);
        net.run_for(Duration::from_secs(random.below(900)));
        net.set_hearing(B, C, true);
    }
    let over = |net: &mut Net| [A, C].iter().all(|at| net.stations[*at].is_over());
    let took = net.run_until(minutes(7 * 24 * 60), over);
    let [a, c] = [A, C].map(|at| &net.stations[at]);
    let shown = [a, c].map(|station| show::status(&station.node));
    assert!(took.is_some(), "it never ends: {shown:#?}");
    assert!(
        a.received() == theirs && c.received() == ours,
        "data are not intact"
    );
    assert_eq!(a.ended, [(State::Disconnected, Reason::Normal)]);
    assert_eq!(c.ended, [(State::Disconnected, Reason::ByPeer)]);
}

/// All of it: nodes are learned, data come over, links die and return.
fn scenario(mut net: Net, mut random: Random) -> RadioCounters {
    until_joined(&mut net);
    let cuts = random.chance(0.3);
    exchange(&mut net, &mut random, OCTETS, cuts);
    if random.chance(0.1) {
        net.set_hearing(B, C, false);
        until_known(&mut net, B, C, false);
        // All that was known of it is too old, too; then it comes back.
        until_known(&mut net, A, C, false);
        net.run_for(Duration::from_secs(random.below(LIFETIME)));
        net.set_hearing(B, C, true);
        until_joined(&mut net);
        exchange(&mut net, &mut random, OCTETS, false);
    }
    for station in &net.stations {
        assert_eq!(station.node.circuits().count(), 0);
        assert_eq!(station.node.counters().malformed, 0);
    }
    net.counters()
}

fn scenarios(count: u64, link: Link, most_loss: u64) {
    for_each_channel(count, most_loss, |seed, channel, mut random| {
        let net = network(seed, channel, link, &mut random);
        scenario(net, random)
    });
}

#[test]
fn datagrams_that_are_lost() {
    scenarios(10_000, Link::Datagrams, 15);
}

#[test]
fn connections_of_ax25() {
    scenarios(1500, Link::connections(), 10);
}

/// On a clean channel nothing is sent twice, and a circuit takes what the channel gives.
#[test]
fn a_clean_channel_is_used() {
    for_each_seed(20, |seed| {
        let mut net = Radio::new(seed, Channel::FM_1200);
        let mut random = Random::new(seed);
        for place in [A, B] {
            let random = random.fork();
            net.add(|now| Station::new(now, name(place), Link::Datagrams, random));
        }
        until_known(&mut net, A, B, true);
        let octets = [7; 20_000];
        net.stations[A].expects(&octets, &[]);
        net.stations[B].expects(&[], &octets);
        net.stations[A].eager = true;
        net.stations[B].eager = true;
        let now = net.now();
        net.stations[A].connect(now, name(B), name(A));
        let over = |net: &mut Net| [A, B].iter().all(|at| net.stations[*at].is_over());
        let took = net.run_until(minutes(60), over).unwrap();
        let packet = Channel::FM_1200.air_time(14 + 20 + 236);
        let packets = octets.len().div_ceil(236) as u32;
        assert!(took < packet * packets * 2, "{took:?}");
    });
}
