//! What is believed, for how long, and which way packets go.

use std::time::{Duration, Instant};

use wanbox_sim::{Clock, Random};
use wanbox_wire::ax25::Call;

use super::*;

fn call(number: usize) -> Call {
    Call::parse(&format!("N{number}A")).unwrap()
}

fn table() -> (Table, Instant) {
    let lifetime = Duration::from_secs(5400);
    (Table::new(call(0), Some(lifetime)), Clock::new().now())
}

/// Our node is 0; links by number, level and quality.
fn learned(links: &[(usize, usize, u8, u8)]) -> (Table, Instant) {
    let (mut table, now) = table();
    for (a, b, level, quality) in links {
        table.learn(now, (call(*a), call(*b)), *level, *quality);
        table.settle(now);
    }
    (table, now)
}

fn route(table: &Table, to: usize) -> (u16, Option<Call>, u16) {
    let node = table.node(call(to)).unwrap();
    (node.hops, node.neighbour, node.whole_quality())
}

#[test]
fn the_best_product_wins() {
    let (table, _) = learned(&[
        (0, 1, LOCAL, 192),
        (0, 2, LOCAL, 100),
        (1, 3, REPORTED, 100),
        (2, 3, REPORTED, 200),
    ]);
    // 192 * 100 / 256 = 75, 100 * 200 / 256 = 78.125
    assert_eq!(route(&table, 3), (2, Some(call(2)), 78));
    assert_eq!(route(&table, 0), (0, None, 256));
}

/// Packets for names that nobody has neither fill the table nor the broadcasts.
#[test]
fn nodes_that_nobody_knows_leave_room_for_others() {
    let (mut table, now) = learned(&[(0, 1, LOCAL, 192), (1, 2, REPORTED, 192)]);
    for number in 100..3000 {
        table.announce(call(number));
    }
    assert_eq!(table.nodes().count(), 3 + MOST_LOST);
    assert_eq!(table.full, 2900 - MOST_LOST as u64);
    table.learn(now, (call(0), call(3)), LOCAL, 192);
    table.announce(call(2));
    table.settle(now);
    assert_eq!(route(&table, 3), (1, Some(call(3)), 192));
    assert_eq!(route(&table, 2), (2, Some(call(1)), 144));
    assert!(table.node(call(2)).unwrap().announced);
    table.announced();
    table.settle(now);
    assert_eq!(table.nodes().count(), 4);
}

#[test]
fn equal_ways_change_nothing() {
    let (mut table, now) = learned(&[(0, 2, LOCAL, 100), (2, 3, REPORTED, 100)]);
    assert_eq!(route(&table, 3).1, Some(call(2)));
    for neighbour in [1, 4] {
        table.learn(now, (call(0), call(neighbour)), LOCAL, 100);
        table.settle(now);
        table.learn(now, (call(neighbour), call(3)), REPORTED, 100);
        table.settle(now);
        assert_eq!(route(&table, 3).1, Some(call(2)));
    }
}

#[test]
fn worse_knowledge_is_ignored() {
    let (mut table, now) = learned(&[
        (0, 1, LOCAL, 192),
        (1, 2, REPORTED, 100),
        // Nobody tells us about our own links, and neighbours themselves about theirs.
        (0, 2, REPORTED, 255),
        (1, 3, HEARSAY, 255),
        (1, 2, HEARSAY, 255),
    ]);
    assert_eq!(table.links().count(), 2);
    assert_eq!(table.quality(call(2), call(1)), 100);
    // What was hearsay is replaced once its end is near.
    table.learn(now, (call(2), call(3)), HEARSAY, 9);
    table.settle(now);
    assert_eq!(route(&table, 3).0, 3);
    table.learn(now, (call(0), call(2)), LOCAL, 50);
    table.settle(now);
    assert_eq!(table.quality(call(2), call(3)), 0);
    assert!(table.node(call(3)).unwrap().announced, "it got lost");
}

#[test]
fn links_grow_old() {
    let (mut table, now) = learned(&[(0, 1, LOCAL, 192), (1, 2, REPORTED, 192)]);
    let later = now + Duration::from_secs(5400);
    table.refresh(now + Duration::from_secs(1), call(0), call(1));
    assert_eq!(table.route(later, call(2)), Some(call(1)));
    let later = later + Duration::from_nanos(1);
    assert_eq!(table.route(later, call(2)), None);
    assert_eq!(table.route(later, call(1)), Some(call(1)));
    assert!(table.node(call(2)).unwrap().announced);
    table.announced();
    table.settle(later);
    assert_eq!(table.node(call(2)), None);
    assert!(table.set_link(later, call(0), call(1), 7, true));
    table.learn(later, (call(0), call(1)), LOCAL, 99);
    table.lose(call(0), call(1));
    assert_eq!(table.route(later, call(1)), Some(call(1)));
    assert_eq!(route(&table, 1).2, 7);
}

#[test]
fn strangers_fill_no_memory_and_displace_no_neighbour() {
    let (mut table, now) = learned(&[(0, 1, LOCAL, 192)]);
    let mut random = Random::new(1);
    let mut any = || {
        let name: [u8; 6] = std::array::from_fn(|_| b'A' + random.below(26) as u8);
        Call::named(name)
    };
    for _ in 0..10_000 {
        table.learn(now, (any(), any()), HEARSAY, 255);
    }
    for _ in 0..10_000 {
        let (a, b) = (any(), any());
        table.learn(now, (call(1), a), REPORTED, 255);
        table.announce(b);
    }
    table.settle(now);
    assert!(table.nodes().count() <= MOST_NODES && table.links().count() <= MOST_LINKS);
    assert!(table.full > 0);
    table.learn(now, (call(0), call(2)), LOCAL, 100);
    assert_eq!(table.route(now, call(2)), Some(call(2)));
    assert_eq!(table.route(now, call(1)), Some(call(1)));
}

/// The definition, without care for what it costs: the best of all ways that visit no node twice.
fn best(table: &Table, at: Call, visited: &mut Vec<Call>, to: Call) -> f64 {
    if at == to {
        return 256.0;
    }
    visited.push(at);
    let mut most: f64 = 0.0;
    let links: Vec<_> = table.links().map(|(ends, link)| (ends, *link)).collect();
    for ([a, b], link) in links {
        for (a, b) in [(a, b), (b, a)] {
            if a == at && !visited.contains(&b) {
                most = most.max(best(table, b, visited, to) * f64::from(link.quality) / 256.0);
            }
        }
    }
    visited.pop();
    most
}

#[test]
fn ways_are_those_of_the_definition() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let (mut table, now) = table();
        for _ in 0..12 {
            let pair = (random.below(6) as usize, random.below(6) as usize);
            if pair.0 != pair.1 {
                let quality = random.below(256) as u8;
                table.set_link(now, call(pair.0), call(pair.1), quality, false);
            }
        }
        table.settle(now);
        for (to, node) in table.nodes().filter(|(to, _)| *to != call(0)) {
            let expected = best(&table, call(0), &mut Vec::new(), to);
            let expected = if expected >= 1.0 { expected } else { 0.0 };
            assert!((node.quality - expected).abs() < 1e-6, "seed {seed}: {to}");
            assert_eq!(node.neighbour.is_some(), expected > 0.0);
        }
    }
}
