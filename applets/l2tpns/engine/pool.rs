//! The addresses that subscribers are given when nobody says which.
//!
//! A user gets the address that the user of this name had last; else one that nobody had; else
//! the one that is unused the longest. Only addresses that somebody had take memory, at most
//! [`REMEMBERED`] more than are in use, so that a pool may be as large as one likes.

mod named;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::SessionId;

pub use named::Pools;

/// Addresses out of use whose last user is remembered. When there are as many, they are given
/// again before others that nobody had.
pub const REMEMBERED: usize = 131_072;

/// How long an address rests before somebody else gets it.
const REST: Duration = Duration::from_secs(1);

/// Addresses from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
    /// Addresses of the ranges before this one that can be given.
    before: u64,
}

/// Addresses in a row that can be given: none ends in .0 or .255.
fn usable(first: u32, last: u32) -> u64 {
    // Of the addresses below `end`.
    let below = |end: u64| end / 256 * 254 + (end % 256).saturating_sub(1).min(254);
    below(u64::from(last) + 1) - below(u64::from(first))
}

const fn is_usable(address: u32) -> bool {
    !matches!(address & 0xff, 0 | 0xff)
}

/// An address that somebody has or had.
#[derive(Debug)]
struct Entry {
    user: Box<str>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Used(SessionId),
    /// Since when, and its place in the order of release.
    Free(Instant, u64),
}

/// What is known about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease<'p> {
    /// The address.
    pub address: Ipv4Addr,
    /// Who has or had it; empty when that is not to be remembered.
    pub user: &'p str,
    /// The session that has it.
    pub session: Option<SessionId>,
    /// Since when it is out of use.
    pub released: Option<Instant>,
}

/// A set of addresses, who has them and who had them.
#[derive(Debug, Default)]
pub struct Pool {
    ranges: Vec<Range>,
    total: u64,
    /// Where the search for an address that nobody had goes on.
    cursor: u32,
    entries: HashMap<u32, Entry>,
    /// Addresses out of use, the longest unused first.
    rested: BTreeMap<u64, u32>,
    /// Addresses out of use by the hash of who had them.
    sticky: BTreeSet<(u64, u32)>,
    hasher: RandomState,
    releases: u64,
    /// Entries of addresses outside of all ranges: left over from an earlier configuration.
    outside: u64,
}

impl Pool {
    /// A pool of these networks. Those that overlap count once.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = (Ipv4Addr, u8)>) -> Self {
        let mut pool = Self::default();
        pool.configure(networks);
        pool
    }

    /// Other networks. Addresses in use stay with their sessions, wherever they are.
    pub fn configure(&mut self, networks: impl IntoIterator<Item = (Ipv4Addr, u8)>) {
        let mut ranges: Vec<(u32, u32)> = networks
            .into_iter()
            .map(|(network, bits)| {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(bits.min(32)))
                    .unwrap_or(0);
                let first = u32::from(network) & mask;
                (first, first | !mask)
            })
            .collect();
        ranges.sort_unstable();
        self.ranges.clear();
        self.total = 0;
        let mut next = 0_u64;
        for (first, last) in ranges {
            let Some(first) = u32::try_from(next).ok().map(|next| next.max(first)) else {
                break;
            };
            if first > last {
                continue;
            }
            self.ranges.push(Range {
                first,
                last,
                before: self.total,
            });
            self.total += usable(first, last);
            next = u64::from(last) + 1;
        }
        self.cursor = self.ranges.first().map_or(0, |range| range.first);
        // What is out of use and out of the pool is not given again.
        let gone: Vec<u32> = self
            .entries
            .iter()
            .filter(|(address, entry)| {
                matches!(entry.state, State::Free(..)) && !self.covers(**address)
            })
            .map(|(address, _)| *address)
            .collect();
        for address in gone {
            self.forget(address);
        }
        self.outside = self
            .entries
            .keys()
            .filter(|address| !self.covers(**address))
            .count() as u64;
    }

    fn covers(&self, address: u32) -> bool {
        let at = self.ranges.partition_point(|range| range.last < address);
        is_usable(address)
            && self
                .ranges
                .get(at)
                .is_some_and(|range| range.first <= address)
    }

    /// Whether the pool has this address, in use or not.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.covers(address.into())
    }

    /// Addresses that could be given.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.total - self.used().min(self.total)
    }

    /// Addresses in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        (self.entries.len() - self.rested.len()) as u64 - self.outside
    }

    /// An address for the session of this user; `None` when all are in use, or were so a moment
    /// ago. O(log n).
    pub fn take(&mut self, now: Instant, user: &str, session: SessionId) -> Option<Ipv4Addr> {
        let address = self
            .own(user)
            .or_else(|| (self.rested.len() < REMEMBERED).then(|| self.fresh())?)
            .or_else(|| self.longest_unused(now))
            .or_else(|| self.fresh())?;
        self.mark(address, user, session);
        Some(address.into())
    }

    /// An address that somebody else gave to the session, so that the pool does not: one inside
    /// of the pool is out of it until it is [released](Self::release); others change nothing.
    pub fn claim(&mut self, address: Ipv4Addr, user: &str, session: SessionId) {
        if self.covers(address.into()) {
            self.mark(address.into(), user, session);
        }
    }

    /// Another session has the address of this one from now on.
    pub fn pass_on(&mut self, address: Ipv4Addr, from: SessionId, to: SessionId) {
        if let Some(entry) = self.entries.get_mut(&address.into())
            && entry.state == State::Used(from)
        {
            entry.state = State::Used(to);
        }
    }

    /// The session does not use the address any more. Its user gets it again when nobody else
    /// got it before, unless the name is not to be remembered. An address that another session
    /// uses now stays as it is.
    pub fn release(&mut self, now: Instant, address: Ipv4Addr, session: SessionId, remember: bool) {
        let key = u32::from(address);
        let covered = self.covers(key);
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if entry.state != State::Used(session) {
            return;
        }
        if !covered {
            self.outside = self.outside.saturating_sub(1);
            self.entries.remove(&key);
            return;
        }
        if !remember {
            entry.user = Box::default();
        }
        self.releases += 1;
        entry.state = State::Free(now, self.releases);
        self.rested.insert(self.releases, key);
        if !entry.user.is_empty() {
            self.sticky
                .insert((self.hasher.hash_one(&*entry.user), key));
        }
    }

    /// Who has and had addresses, in the order of the addresses.
    #[must_use]
    pub fn leases(&self) -> Vec<Lease<'_>> {
        let mut leases: Vec<_> = self
            .entries
            .iter()
            .map(|(key, entry)| lease(*key, entry))
            .collect();
        leases.sort_unstable_by_key(|lease| lease.address);
        leases
    }

    /// The addresses of a range that nobody had, in order.
    fn never_used_of(&self, range: &Range) -> impl Iterator<Item = Ipv4Addr> + '_ {
        (range.first..=range.last)
            .filter(|address| is_usable(*address) && !self.entries.contains_key(address))
            .map(Ipv4Addr::from)
    }

    /// What is known about an address that somebody has or had.
    #[must_use]
    pub fn lease(&self, address: Ipv4Addr) -> Option<Lease<'_>> {
        let key = address.into();
        self.entries.get(&key).map(|entry| lease(key, entry))
    }

    /// The free address that this user had.
    fn own(&self, user: &str) -> Option<u32> {
        if user.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(user);
        self.sticky
            .range((hash, 0)..=(hash, u32::MAX))
            .map(|(_, address)| *address)
            .find(|address| {
                self.entries
                    .get(address)
                    .is_some_and(|entry| &*entry.user == user)
            })
    }

    /// The next address that nobody had. Every address is passed once a round at most, and no
    /// round begins without one to find.
    fn fresh(&mut self) -> Option<u32> {
        if self.entries.len() as u64 - self.outside >= self.total {
            return None;
        }
        let mut at = self
            .ranges
            .partition_point(|range| range.last < self.cursor);
        let mut address = self.cursor;
        loop {
            let range = match self.ranges.get(at) {
                Some(range) => range,
                None => {
                    at = 0;
                    address = 0;
                    self.ranges.first()?
                }
            };
            address = address.max(range.first);
            if is_usable(address) && !self.entries.contains_key(&address) {
                break;
            }
            if address >= range.last {
                at += 1;
            }
            address = address.wrapping_add(1);
        }
        self.cursor = address;
        Some(address)
    }

    fn longest_unused(&self, now: Instant) -> Option<u32> {
        let (_, address) = self.rested.first_key_value()?;
        match self.entries.get(address)?.state {
            State::Free(since, _) if now.duration_since(since) >= REST => Some(*address),
            _ => None,
        }
    }

    fn mark(&mut self, address: u32, user: &str, session: SessionId) {
        self.forget(address);
        self.entries.insert(
            address,
            Entry {
                user: user.into(),
                state: State::Used(session),
            },
        );
    }

    fn forget(&mut self, address: u32) {
        if let Some(entry) = self.entries.remove(&address)
            && let State::Free(_, place) = entry.state
        {
            self.rested.remove(&place);
            self.sticky
                .remove(&(self.hasher.hash_one(&*entry.user), address));
        }
    }
}

fn lease(address: u32, entry: &Entry) -> Lease<'_> {
    let (session, released) = match entry.state {
        State::Used(session) => (Some(session), None),
        State::Free(since, _) => (None, Some(since)),
    };
    Lease {
        address: address.into(),
        user: &entry.user,
        session,
        released,
    }
}

#[cfg(test)]
mod tests;
