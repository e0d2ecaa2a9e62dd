//! The routing table: one entry for each prefix, the longest match wins, temporary entries age.
//!
//! | to change | open |
//! |---|---|
//! | rules, look-up and ageing | this file |
//! | what an entry is | `entry.rs` |
//! | look-ups in large tables | `index.rs` |
//! | the state file | `file.rs` |

mod entry;
pub mod file;
mod index;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use slab::Slab;
use wanbox_link::prefixes::Prefixes;

use crate::address::mask;
use crate::filter::Filter;
use crate::interface::{InterfaceId, Interfaces};
use index::{CELL_BITS, Index};

pub use entry::{Hop, NewRoute, Origin, Route, RouteError};

/// The longest lifetime, seconds; longer ones are cut to it.
pub const LONGEST_LIFETIME: u32 = 2_147_483;
/// The metric of what cannot be reached.
pub const INFINITY: u32 = 16;
/// The most temporary entries unless told otherwise: what strangers can make this table hold.
const MOST_TEMPORARY: usize = 100_000;
/// From so many entries on there is an index, which costs at most 64 MB, 4 octets for each network of 256 addresses
/// that has a route, and 16 octets for each longer prefix. More than strangers can make this table hold: with fewer,
/// and these anywhere, it would be most of what a route costs.
const INDEX_FROM: usize = if cfg!(test) { 2048 } else { 1 << 17 };
const _: () = assert!(cfg!(test) || MOST_TEMPORARY < INDEX_FROM);
/// Places of the cache of look-ups, a power of two.
const CACHE: usize = 256;

/// What look-ups and refusals came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteStats {
    /// Look-ups.
    pub lookups: u64,
    /// Of those, answered by the cache.
    pub cache_hits: u64,
    /// Temporary entries refused because there were too many.
    pub too_many: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cached {
    address: u32,
    slot: u32,
    /// The table's generation it is valid for; 0: none.
    generation: u32,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Routes {
    routes: Slab<Route>,
    /// What of each entry the path of a datagram needs, and how many took it: by place.
    hops: Vec<(Hop, u64)>,
    /// Whose which prefix is; those of more than 24 bits are in the index, if there is one.
    prefixes: Prefixes,
    /// Only for large tables.
    index: Option<Box<Index>>,
    timers: BinaryHeap<Reverse<(Instant, u32, u64)>>,
    cache: Box<[Cached; CACHE]>,
    generation: u32,
    born: u64,
    temporary: usize,
    /// The most temporary entries.
    pub most_temporary: usize,
    /// What look-ups and refusals came to.
    pub stats: RouteStats,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            routes: Slab::new(),
            hops: Vec::new(),
            prefixes: Prefixes::default(),
            index: None,
            timers: BinaryHeap::new(),
            cache: Box::new([Cached::default(); CACHE]),
            generation: 1,
            born: 0,
            temporary: 0,
            most_temporary: MOST_TEMPORARY,
            stats: RouteStats::default(),
        }
    }
}

impl Routes {
    /// Adds an entry, or writes over the one of the same prefix. What changes is marked for RIP when
    /// `origin` is [`Origin::Rip`].
    ///
    /// # Errors
    /// See [`RouteError`].
    pub fn add(
        &mut self,
        now: Instant,
        new: &NewRoute,
        interfaces: &Interfaces,
        filter: &Filter,
    ) -> Result<(), RouteError> {
        if interfaces.get(new.interface).is_none() {
            return Err(RouteError::NoInterface);
        }
        if new.bits > 32 {
            return Err(RouteError::Bits);
        }
        let target = Ipv4Addr::from_bits(new.target.to_bits() & mask(new.bits));
        if new.bits == 32 && interfaces.is_own(target) {
            return Err(RouteError::Own);
        }
        let temporary = new.lifetime > 0;
        if temporary && new.bits > 0 && !filter.allows(target) {
            return Err(RouteError::Filtered);
        }
        if new.interface == InterfaceId::ENCAP && interfaces.is_own(new.gateway) {
            return Err(RouteError::EncapGateway);
        }
        let lifetime = new.lifetime.min(LONGEST_LIFETIME);
        let before = self.owner(target, new.bits);
        let old = before.and_then(|slot| self.routes.get(slot as usize));
        if temporary {
            match old {
                Some(old) if old.is_permanent() => return Err(RouteError::Permanent),
                None if self.temporary >= self.most_temporary => {
                    self.stats.too_many += 1;
                    return Err(RouteError::TooMany);
                }
                _ => {}
            }
        }
        if old.is_none() && self.routes.len() >= index::MOST {
            return Err(RouteError::TooMany);
        }
        self.temporary += usize::from(temporary);
        self.temporary -= usize::from(old.is_some_and(|old| !old.is_permanent()));
        self.born += 1;
        let route = Route {
            target,
            bits: new.bits,
            interface: new.interface,
            gateway: new.gateway,
            metric: new.metric,
            private: new.private,
            changed: new.origin == Origin::Rip,
            held_down: new.metric >= INFINITY && new.origin == Origin::Rip,
            origin: new.origin,
            slot: 0,
            lifetime,
            expires: None,
            queued: None,
            born: self.born,
        };
        let slot = match before {
            Some(slot) => slot,
            None => self.routes.insert(route) as u32,
        };
        if let Some(place) = self.routes.get_mut(slot as usize) {
            *place = Route { slot, ..route };
        }
        self.put_hop(slot, route.hop(), before.is_none());
        if before.is_none() {
            self.put_prefix(target, new.bits, slot);
        }
        self.forget_cached();
        if temporary {
            self.set_timer(slot, now + Duration::from_secs(lifetime.into()));
        }
        Ok(())
    }

    /// Keeps apart what datagrams need of an entry; a new one was used by none.
    fn put_hop(&mut self, slot: u32, hop: Hop, is_new: bool) {
        let at = slot as usize;
        if self.hops.len() <= at {
            self.hops.resize(at + 1, (hop, 0));
        }
        if let Some((place, uses)) = self.hops.get_mut(at) {
            *place = hop;
            if is_new {
                *uses = 0;
            }
        }
    }

    /// Datagrams that took an entry.
    #[must_use]
    pub fn uses(&self, route: &Route) -> u64 {
        self.hops
            .get(route.slot as usize)
            .map_or(0, |(_, uses)| *uses)
    }

    /// Starts the timer of a temporary entry again: `lifetime` seconds from now.
    pub fn refresh(&mut self, now: Instant, target: Ipv4Addr, bits: u8, lifetime: u32) {
        let Some(slot) = self.owner(target, bits) else {
            return;
        };
        let Some(route) = self.routes.get_mut(slot as usize) else {
            return;
        };
        if !route.is_permanent() {
            route.lifetime = lifetime.clamp(1, LONGEST_LIFETIME);
            let expires = now + Duration::from_secs(route.lifetime.into());
            self.set_timer(slot, expires);
        }
    }

    /// Removes the entry of exactly this prefix.
    pub fn drop(&mut self, target: Ipv4Addr, bits: u8) -> Option<Route> {
        let slot = self.owner(target, bits)?;
        self.forget_cached();
        let route = self.routes.try_remove(slot as usize)?;
        self.temporary -= usize::from(!route.is_permanent());
        self.take_prefix(route.target, bits, slot);
        Some(route)
    }

    /// Removes all temporary entries.
    pub fn flush(&mut self) {
        let gone: Vec<_> = self
            .iter()
            .filter(|route| !route.is_permanent())
            .map(|route| (route.target, route.bits))
            .collect();
        for (target, bits) in gone {
            self.drop(target, bits);
        }
    }

    /// Where a datagram to this address goes; the entry is counted as used.
    pub fn route(&mut self, address: Ipv4Addr) -> Option<Hop> {
        let address = address.to_bits();
        self.stats.lookups += 1;
        let place = (address ^ address >> 16 ^ address >> 8) as usize % CACHE;
        let cached = self.cache.get(place).copied().unwrap_or_default();
        let slot = if cached.generation == self.generation && cached.address == address {
            self.stats.cache_hits += 1;
            cached.slot
        } else {
            let slot = self.search(address)?;
            if let Some(cached) = self.cache.get_mut(place) {
                *cached = Cached {
                    address,
                    slot,
                    generation: self.generation,
                };
            }
            slot
        };
        let (hop, uses) = self.hops.get_mut(slot as usize)?;
        *uses += 1;
        Some(*hop)
    }

    /// The entry that a datagram to this address would take.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<&Route> {
        let slot = self.search(address.to_bits())?;
        self.routes.get(slot as usize)
    }

    /// The entry of exactly this prefix.
    #[must_use]
    pub fn exact(&self, target: Ipv4Addr, bits: u8) -> Option<&Route> {
        let slot = self.owner(target, bits)?;
        self.routes.get(slot as usize)
    }

    /// The entry of exactly this prefix, to be changed. Timers and prefixes cannot be changed so.
    pub(crate) fn exact_mut(&mut self, target: Ipv4Addr, bits: u8) -> Option<&mut Route> {
        self.forget_cached();
        let slot = self.owner(target, bits)?;
        self.routes.get_mut(slot as usize)
    }

    /// The entry of exactly this prefix.
    fn owner(&self, target: Ipv4Addr, bits: u8) -> Option<u32> {
        match &self.index {
            Some(index) if bits > CELL_BITS => {
                index.longer.get(target.to_bits() & mask(bits), bits)
            }
            _ => self.prefixes.owner(target.into(), bits),
        }
    }

    /// The entry with the longest prefix of an address that is shorter than this.
    fn wider(&self, target: Ipv4Addr, bits: u8, takes: &dyn Fn(&Hop) -> bool) -> Option<u32> {
        (0..bits).rev().find_map(|bits| {
            let slot = self.owner(target, bits)?;
            let (hop, _) = self.hops.get(slot as usize)?;
            takes(hop).then_some(slot)
        })
    }

    /// Makes a prefix an entry's; a table that has become large gets an index.
    fn put_prefix(&mut self, target: Ipv4Addr, bits: u8, slot: u32) {
        if let Some(index) = &mut self.index {
            index.insert(target.to_bits(), bits, slot, &self.hops);
        } else if self.routes.len() >= INDEX_FROM {
            let index = self.index.insert(Box::default());
            for (slot, route) in &self.routes {
                index.insert(route.target.to_bits(), route.bits, slot as u32, &self.hops);
                if route.bits > CELL_BITS {
                    self.prefixes.remove(route.target.into(), route.bits);
                }
            }
        }
        if self.index.is_none() || bits <= CELL_BITS {
            self.prefixes.insert(target.into(), bits, slot);
        }
    }

    /// Takes a prefix from its entry, which is gone; a table that has become small loses its index.
    fn take_prefix(&mut self, target: Ipv4Addr, bits: u8, slot: u32) {
        if self.routes.len() < INDEX_FROM / 2 && self.index.take().is_some() {
            for (slot, route) in self
                .routes
                .iter()
                .filter(|(_, route)| route.bits > CELL_BITS)
            {
                self.prefixes
                    .insert(route.target.into(), route.bits, slot as u32);
            }
        }
        if self.index.is_none() || bits <= CELL_BITS {
            self.prefixes.remove(target.into(), bits);
        }
        if self.index.is_some() {
            let wider = self.wider(target, bits, &|_| true);
            let wider = wider.and_then(|slot| Some((slot, self.hops.get(slot as usize)?.0.bits)));
            if let Some(index) = &mut self.index {
                index.remove(target.to_bits(), bits, slot, wider);
            }
        }
    }

    fn search(&self, address: u32) -> Option<u32> {
        let slot = match &self.index {
            Some(index) => index.lookup(address),
            None => self.prefixes.lookup_v4(address),
        }?;
        let (hop, _) = self.hops.get(slot as usize)?;
        if hop.takes(address) {
            return Some(slot);
        }
        self.wider(address.into(), hop.bits, &|hop| hop.takes(address))
    }

    fn forget_cached(&mut self) {
        self.generation = match self.generation.checked_add(1) {
            Some(next) => next,
            None => {
                self.cache.fill(Cached::default());
                1
            }
        };
    }

    /// Sets a timer. One that is put off stays in the heap and is put off when its old time comes.
    fn set_timer(&mut self, slot: u32, expires: Instant) {
        let Some(route) = self.routes.get_mut(slot as usize) else {
            return;
        };
        route.expires = Some(expires);
        if route.queued.is_none_or(|queued| expires < queued) {
            route.queued = Some(expires);
            self.timers.push(Reverse((expires, slot, route.born)));
        }
        // What gone entries leave behind must not outgrow the table.
        if self.timers.len() > 2 * self.routes.len() + 64 {
            self.timers.clear();
            for (slot, route) in &mut self.routes {
                route.queued = route.expires;
                if let Some(expires) = route.expires {
                    self.timers
                        .push(Reverse((expires, slot as u32, route.born)));
                }
            }
        }
    }

    /// Makes an entry unreachable: it is kept two thirds of its lifetime to say so.
    pub(crate) fn hold_down(&mut self, now: Instant, target: Ipv4Addr, bits: u8) {
        let Some(slot) = self.owner(target, bits) else {
            return;
        };
        if let Some(route) = self.routes.get_mut(slot as usize) {
            route.metric = INFINITY;
            route.held_down = true;
            route.changed = true;
            let hop = route.hop();
            let rest = (route.lifetime.saturating_mul(2) / 3).max(1);
            self.put_hop(slot, hop, false);
            self.forget_cached();
            self.set_timer(slot, now + Duration::from_secs(rest.into()));
        }
    }

    /// Ages what is due. `true`: something became unreachable that RIP should tell.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let mut told = false;
        while let Some(&Reverse((due, slot, born))) = self.timers.peek() {
            if due > now {
                break;
            }
            self.timers.pop();
            let Some(route) = self.routes.get_mut(slot as usize) else {
                continue;
            };
            if route.born != born || route.queued != Some(due) {
                continue;
            }
            route.queued = None;
            let Some(expires) = route.expires else {
                continue;
            };
            let (target, bits) = (route.target, route.bits);
            if expires > now {
                self.set_timer(slot, expires);
            } else if route.origin == Origin::Rip && !route.held_down {
                self.hold_down(now, target, bits);
                told = true;
            } else {
                self.drop(target, bits);
            }
        }
        told
    }

    /// When to call [`Routes::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((due, ..))| *due)
    }

    /// Removes temporary entries whose next less specific entry leads the same way; which.
    pub fn merge(&mut self) -> Vec<(Ipv4Addr, u8)> {
        let redundant: Vec<_> = self
            .iter()
            .filter(|route| !route.is_permanent() && self.is_redundant(route))
            .map(|route| (route.target, route.bits))
            .collect();
        for (target, bits) in &redundant {
            self.drop(*target, *bits);
        }
        redundant
    }

    fn is_redundant(&self, route: &Route) -> bool {
        let wider = self.wider(route.target, route.bits, &|_| true);
        let wider = wider.and_then(|slot| self.routes.get(slot as usize));
        wider.is_some_and(|wider| {
            wider.interface == route.interface && wider.gateway == route.gateway
        })
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|(_, route)| route)
    }

    /// All entries, to mark them as told.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Route> {
        self.routes.iter_mut().map(|(_, route)| route)
    }

    /// All entries in the order of the listing.
    #[must_use]
    pub fn listed(&self) -> Vec<&Route> {
        let mut all: Vec<&Route> = self.iter().collect();
        all.sort_by_key(|route| route.listing_order());
        all
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}
