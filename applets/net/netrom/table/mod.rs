//! What is known of the network: nodes, and the links between them.
//!
//! A node keeps no list of destinations: it keeps links, with where it knows them from (their level), and
//! computes hop counts and routes of them (`routes.rs`). Level 1 is what it hears or was told by its operator,
//! 2 what a neighbour said of a link of its own, 3 what a neighbour said of others' links.

mod routes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::Ident;

/// Hops to a node that cannot be reached.
pub const UNREACHABLE: u16 = 999;
/// The quality of our own node, and of a perfect link.
pub const PERFECT: u16 = 256;
/// The most nodes, ours among them.
pub const MOST_NODES: usize = 1000;
/// The most links.
pub const MOST_LINKS: usize = 4000;
/// With so many nodes that are lost, others that nobody knows are not announced as that: packets for any name ask
/// for it.
const MOST_LOST: usize = 100;
/// The level of what is known at first hand.
pub const LOCAL: u8 = 1;
/// The level of what a neighbour said of its own links.
pub const REPORTED: u8 = 2;
/// The level of what a neighbour said of others' links.
pub const HEARSAY: u8 = 3;

/// A node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Its name, blank at the end.
    pub ident: Ident,
    /// The least number of links to it.
    pub hops: u16,
    /// The neighbour that packets for it go to; `None` when it cannot be reached, and for our own node.
    pub neighbour: Option<Call>,
    /// The quality of the way to it, 1 to 256; 0 when there is none.
    pub quality: f64,
    /// It is in the next broadcast even when it cannot be reached.
    pub announced: bool,
}

impl Node {
    const NEW: Self = Self {
        ident: Ident::NONE,
        hops: UNREACHABLE,
        neighbour: None,
        quality: 0.0,
        announced: false,
    };

    /// The quality as it is shown and broadcast.
    #[must_use]
    pub fn whole_quality(&self) -> u16 {
        self.quality as u16
    }
}

/// A link between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it is known from.
    pub level: u8,
    /// How good it is, 0 to 255.
    pub quality: u8,
    /// When it was heard of last.
    pub updated: Instant,
    /// It never ages, and only an operator changes it.
    pub permanent: bool,
}

/// Nodes and links.
#[derive(Debug)]
pub struct Table {
    own: Call,
    nodes: BTreeMap<Call, Node>,
    /// By their ends, the lesser one first.
    links: BTreeMap<[Call; 2], Link>,
    /// How long a link is believed in; `None`: for ever.
    lifetime: Option<Duration>,
    /// Hop counts and routes have to be computed anew.
    stale: bool,
    /// When the first link is too old.
    expires: Option<Instant>,
    /// What was not kept because there was no room.
    pub full: u64,
}

fn ends(a: Call, b: Call) -> [Call; 2] {
    if a < b { [a, b] } else { [b, a] }
}

impl Table {
    /// A network of one node.
    pub fn new(own: Call, lifetime: Option<Duration>) -> Self {
        let mut table = Self {
            own,
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            lifetime,
            stale: false,
            expires: None,
            full: 0,
        };
        table.set_own(own);
        table
    }

    /// Names our node. All that was known was seen from the old one, and is forgotten.
    pub fn set_own(&mut self, own: Call) {
        let ident = self
            .nodes
            .get(&self.own)
            .map_or(Ident::NONE, |node| node.ident);
        self.own = own;
        self.links.clear();
        self.nodes.clear();
        let node = Node {
            ident,
            hops: 0,
            quality: PERFECT.into(),
            ..Node::NEW
        };
        self.nodes.insert(own, node);
        self.stale = false;
        self.expires = None;
    }

    /// Sets how long a link is believed in after it was heard of; `None`: for ever.
    pub fn set_lifetime(&mut self, lifetime: Option<Duration>) {
        self.lifetime = lifetime;
        self.stale = true;
    }

    /// The nodes by call sign, as of when routes were computed last.
    pub fn nodes(&self) -> impl Iterator<Item = (Call, &Node)> {
        self.nodes.iter().map(|(call, node)| (*call, node))
    }

    /// A node.
    pub fn node(&self, call: Call) -> Option<&Node> {
        self.nodes.get(&call)
    }

    /// The links, the lesser end first.
    pub fn links(&self) -> impl Iterator<Item = ([Call; 2], &Link)> {
        self.links.iter().map(|(ends, link)| (*ends, link))
    }

    /// The quality of a link; 0 when there is none.
    pub fn quality(&self, a: Call, b: Call) -> u8 {
        self.links.get(&ends(a, b)).map_or(0, |link| link.quality)
    }

    /// How far away a node is.
    fn hops(&self, call: Call) -> u16 {
        self.nodes.get(&call).map_or(UNREACHABLE, |node| node.hops)
    }

    /// Notes the name of a node that is known.
    pub fn set_ident(&mut self, call: Call, ident: Ident) {
        if let Some(node) = self.nodes.get_mut(&call) {
            node.ident = ident;
        }
    }

    /// Has a node in the next broadcast, in which it counts as lost if it cannot be reached.
    pub fn announce(&mut self, call: Call) {
        if let Some(node) = self.nodes.get_mut(&call) {
            node.announced = true;
            return;
        }
        let is_lost = |node: &&Node| node.announced && node.hops == UNREACHABLE;
        if self.nodes.len() < MOST_NODES && self.nodes.values().filter(is_lost).count() < MOST_LOST
        {
            self.nodes.entry(call).or_insert(Node::NEW).announced = true;
        } else {
            self.full += 1;
        }
    }

    /// All that had to be broadcast has been.
    pub fn announced(&mut self) {
        for node in self.nodes.values_mut() {
            self.stale |= node.announced;
            node.announced = false;
        }
    }

    /// Learns of a link. Worse knowledge never replaces better, and of what is near there is better knowledge than
    /// hearsay.
    pub fn learn(&mut self, now: Instant, (a, b): (Call, Call), level: u8, quality: u8) {
        let nearest = self.hops(a).min(self.hops(b));
        if a == b || u16::from(level) > nearest + 1 {
            return;
        }
        match self.links.get_mut(&ends(a, b)) {
            Some(link) if link.permanent || level > link.level => {}
            Some(link) => {
                self.stale |= (link.level, link.quality) != (level, quality);
                link.level = level;
                link.quality = quality;
                link.updated = now;
            }
            None => self.insert(now, (a, b), level, quality),
        }
    }

    fn insert(&mut self, now: Instant, (a, b): (Call, Call), level: u8, quality: u8) {
        if !self.has_room(a, b) {
            self.full += 1;
            // A neighbour is worth more than what others say; that is said again.
            for hearsay in [HEARSAY, REPORTED] {
                if level == LOCAL && !self.has_room(a, b) {
                    self.links.retain(|_, link| link.level != hearsay);
                    self.remove_lonely();
                }
            }
            if !self.has_room(a, b) {
                return;
            }
        }
        for call in [a, b] {
            self.nodes.entry(call).or_insert(Node::NEW);
        }
        let link = Link {
            level,
            quality,
            updated: now,
            permanent: false,
        };
        self.links.insert(ends(a, b), link);
        self.stale = true;
    }

    fn has_room(&self, a: Call, b: Call) -> bool {
        let new = [a, b]
            .into_iter()
            .filter(|call| !self.nodes.contains_key(call));
        self.links.len() < MOST_LINKS && self.nodes.len() + new.count() <= MOST_NODES
    }

    /// What an operator says about a link. `false`: there is no room.
    pub fn set_link(
        &mut self,
        now: Instant,
        a: Call,
        b: Call,
        quality: u8,
        permanent: bool,
    ) -> bool {
        self.links.remove(&ends(a, b));
        self.insert(now, (a, b), LOCAL, quality);
        let link = self.links.get_mut(&ends(a, b));
        link.map(|link| link.permanent = permanent).is_some()
    }

    /// A link was used.
    pub fn refresh(&mut self, now: Instant, a: Call, b: Call) {
        if let Some(link) = self.links.get_mut(&ends(a, b)) {
            link.updated = now;
        }
    }

    /// A link does not work; a permanent one stays.
    pub fn lose(&mut self, a: Call, b: Call) {
        let ends = ends(a, b);
        if self.links.get(&ends).is_some_and(|link| !link.permanent) {
            self.links.remove(&ends);
            self.stale = true;
        }
    }

    /// A neighbour says that it has no way to a node: what was said about ways behind that neighbour is over.
    pub fn unreachable(&mut self, neighbour: Call, node: Call) {
        if self.node(node).and_then(|node| node.neighbour) == Some(neighbour) {
            let before = self.links.len();
            self.links
                .retain(|ends, link| link.level != HEARSAY || !ends.contains(&node));
            self.stale |= self.links.len() != before;
        }
    }

    /// The neighbour that packets for a node go to.
    pub fn route(&mut self, now: Instant, call: Call) -> Option<Call> {
        self.settle(now);
        self.node(call)?.neighbour
    }

    /// Computes hop counts and routes if anything has changed or become too old.
    pub fn settle(&mut self, now: Instant) {
        if self.stale || self.expires.is_some_and(|at| at <= now) {
            self.recalculate(now);
            self.stale = false;
        }
    }

    fn remove_lonely(&mut self) {
        let mut linked: Vec<Call> = self.links.keys().flatten().copied().collect();
        linked.sort_unstable();
        let own = self.own;
        self.nodes.retain(|call, node| {
            *call == own || node.announced || linked.binary_search(call).is_ok()
        });
    }
}
