//! Hop counts and routes, computed of the links.

use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use wanbox_wire::ax25::Call;

use super::{Link, PERFECT, Table, UNREACHABLE};

/// A link as seen from one end; ends are places in the list of nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: usize,
    to: usize,
    quality: u8,
}

/// The links of all nodes.
struct Graph {
    /// The nodes in order.
    calls: Vec<Call>,
    /// Ordered by where they begin.
    edges: Vec<Edge>,
    /// Where the edges of each node begin, and where those of the last one end.
    starts: Vec<usize>,
}

/// The best way to a node.
#[derive(Clone, Copy)]
struct Way {
    /// The product of the qualities of its links; 0: none.
    quality: f64,
    /// The node after ours.
    first: usize,
}

impl Graph {
    fn new(table: &Table) -> Self {
        let calls: Vec<Call> = table.nodes.keys().copied().collect();
        let mut edges = Vec::with_capacity(2 * table.links.len());
        for ([a, b], link) in &table.links {
            // Every end of a link is a node.
            if let (Ok(a), Ok(b)) = (calls.binary_search(a), calls.binary_search(b)) {
                for (from, to) in [(a, b), (b, a)] {
                    let quality = link.quality;
                    edges.push(Edge { from, to, quality });
                }
            }
        }
        edges.sort_unstable();
        let starts = (0..=calls.len())
            .map(|node| edges.partition_point(|edge| edge.from < node))
            .collect();
        Self {
            calls,
            edges,
            starts,
        }
    }

    /// The links of a node.
    fn from(&self, node: usize) -> &[Edge] {
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(from), Some(to)) => self.edges.get(*from..*to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The least number of links from a node to each.
    fn hops(&self, own: usize) -> Vec<u16> {
        let mut hops = vec![UNREACHABLE; self.calls.len()];
        let mut next = VecDeque::new();
        if let Some(first) = hops.get_mut(own) {
            *first = 0;
            next.push_back((own, 0));
        }
        while let Some((node, count)) = next.pop_front() {
            let one_more = (count + 1).min(UNREACHABLE);
            for edge in self.from(node) {
                if let Some(hops) = hops.get_mut(edge.to).filter(|hops| **hops > one_more) {
                    *hops = one_more;
                    next.push_back((edge.to, one_more));
                }
            }
        }
        hops
    }

    /// The best way from a node to each (Dijkstra's algorithm with products in place of sums). Of equally good ones
    /// the one through `known` stays.
    fn ways(&self, own: usize, known: &[Option<usize>]) -> Vec<Way> {
        let none = Way {
            quality: 0.0,
            first: own,
        };
        let mut ways = vec![none; self.calls.len()];
        let mut open = BinaryHeap::new();
        if let Some(way) = ways.get_mut(own) {
            way.quality = PERFECT.into();
            // Positive numbers are in the order of their bits.
            open.push((way.quality.to_bits(), own));
        }
        while let Some((bits, node)) = open.pop() {
            let Some(way) = ways.get(node).copied() else {
                continue;
            };
            if way.quality.to_bits() != bits {
                continue;
            }
            for edge in self.from(node) {
                let quality = way.quality * f64::from(edge.quality) / f64::from(PERFECT);
                let first = if node == own { edge.to } else { way.first };
                let Some(best) = ways.get_mut(edge.to).filter(|_| quality >= 1.0) else {
                    continue;
                };
                if quality > best.quality {
                    *best = Way { quality, first };
                    open.push((quality.to_bits(), edge.to));
                } else if quality == best.quality && known.get(edge.to) == Some(&Some(first)) {
                    best.first = first;
                }
            }
        }
        ways
    }
}

impl Table {
    /// Removes what is too old or known too badly, and computes hop counts and routes. Nodes that got lost are in
    /// the next broadcast.
    pub(super) fn recalculate(&mut self, now: Instant) {
        if let Some(lifetime) = self.lifetime {
            self.links.retain(|_, link| {
                link.permanent || now.saturating_duration_since(link.updated) <= lifetime
            });
        }
        // Without these links others are farther away, but never nearer: this ends.
        let (graph, own, hops) = loop {
            let graph = Graph::new(self);
            let own = graph.calls.binary_search(&self.own).unwrap_or_default();
            let hops = graph.hops(own);
            let hops_of = |call: &Call| {
                let at = graph.calls.binary_search(call).ok();
                at.and_then(|at| hops.get(at)).copied()
            };
            let before = self.links.len();
            self.links.retain(|ends, link| {
                let nearest = ends.iter().filter_map(hops_of).min();
                link.permanent || u16::from(link.level) <= nearest.unwrap_or(UNREACHABLE) + 1
            });
            if self.links.len() == before {
                break (graph, own, hops);
            }
        };
        let known: Vec<Option<usize>> = (self.nodes.values())
            .map(|node| graph.calls.binary_search(&node.neighbour?).ok())
            .collect();
        let ways = graph.ways(own, &known);
        for ((node, hops), (at, way)) in
            (self.nodes.values_mut().zip(hops)).zip(ways.iter().enumerate())
        {
            node.hops = hops;
            let reached = graph.calls.get(way.first).copied();
            let neighbour = reached.filter(|_| at != own && way.quality > 0.0);
            node.announced |= node.neighbour.is_some() && neighbour.is_none();
            node.neighbour = neighbour;
            node.quality = way.quality;
        }
        self.remove_lonely();
        self.expires = self.lifetime.and_then(|lifetime| {
            let ages = self.links.values().filter(|link| !link.permanent);
            let oldest = ages.map(|link: &Link| link.updated).min()?;
            // One more than the last instant at which the oldest one counts.
            Some(oldest + lifetime + std::time::Duration::from_nanos(1))
        });
    }
}
