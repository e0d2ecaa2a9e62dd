//! Pools with names, which Framed-Pool chooses (RFC 2869 section 5.18), and the one for all others.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use super::{Lease, Pool};
use crate::SessionId;

/// All pools. No address is in two of them.
#[derive(Debug, Default)]
pub struct Pools {
    own: Pool,
    named: BTreeMap<Box<str>, Pool>,
}

impl Pools {
    /// One pool, which has no name.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = (Ipv4Addr, u8)>) -> Self {
        Self {
            own: Pool::new(networks),
            named: BTreeMap::new(),
        }
    }

    /// Other networks for the pool without a name.
    pub fn configure(&mut self, networks: impl IntoIterator<Item = (Ipv4Addr, u8)>) {
        self.own.configure(networks);
    }

    /// Other pools with names. Of one that is gone nothing more is given.
    pub fn configure_named<'n>(
        &mut self,
        pools: impl IntoIterator<Item = (&'n str, &'n [(Ipv4Addr, u8)])>,
    ) {
        for pool in self.named.values_mut() {
            pool.configure([]);
        }
        for (name, networks) in pools {
            let pool = self.named.entry(name.into()).or_default();
            pool.configure(networks.iter().copied());
        }
        self.named
            .retain(|_, pool| pool.total > 0 || !pool.entries.is_empty());
    }

    /// Whether there is a pool of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.named.get(name).is_some_and(|pool| pool.total > 0)
    }

    /// [`Pool::take`] of the pool of this name, or of the one without.
    pub fn take(
        &mut self,
        now: Instant,
        name: Option<&str>,
        user: &str,
        session: SessionId,
    ) -> Option<Ipv4Addr> {
        let pool = match name {
            Some(name) => self.named.get_mut(name)?,
            None => &mut self.own,
        };
        pool.take(now, user, session)
    }

    /// [`Pool::claim`] of whichever has the address.
    pub fn claim(&mut self, address: Ipv4Addr, user: &str, session: SessionId) {
        for pool in self.all_mut() {
            pool.claim(address, user, session);
        }
    }

    /// [`Pool::release`] of whichever gave the address.
    pub fn release(&mut self, now: Instant, address: Ipv4Addr, session: SessionId, remember: bool) {
        for pool in self.all_mut() {
            pool.release(now, address, session, remember);
        }
    }

    /// [`Pool::pass_on`] in whichever gave the address.
    pub fn pass_on(&mut self, address: Ipv4Addr, from: SessionId, to: SessionId) {
        for pool in self.all_mut() {
            pool.pass_on(address, from, to);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Pool> {
        [&self.own].into_iter().chain(self.named.values())
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        [&mut self.own].into_iter().chain(self.named.values_mut())
    }

    /// Addresses that could be given.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.all().map(Pool::free).sum()
    }

    /// Addresses in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.all().map(Pool::used).sum()
    }

    /// Who has and had addresses, in the order of the addresses.
    #[must_use]
    pub fn leases(&self) -> Vec<Lease<'_>> {
        let mut leases: Vec<_> = self.all().flat_map(Pool::leases).collect();
        leases.sort_by_key(|lease| lease.address);
        leases
    }

    /// The addresses that nobody had, in order.
    pub fn never_used(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        let mut ranges: Vec<_> = self
            .all()
            .flat_map(|pool| pool.ranges.iter().map(move |range| (range, pool)))
            .collect();
        ranges.sort_by_key(|(range, _)| range.first);
        let ranges = ranges.into_iter();
        ranges.flat_map(|(range, pool)| pool.never_used_of(range))
    }
}
