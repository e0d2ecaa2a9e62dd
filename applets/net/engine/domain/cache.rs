//! What the resolver remembers, for as long as it may; the least recently used goes first.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The most entries.
const MOST: usize = 4096;
/// How many go at once when there are too many.
const GO: usize = MOST / 8;

/// A name or an address that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The address of a name is wanted.
    Name(String),
    /// The name of an address is wanted.
    Address(Ipv4Addr),
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The address of a name.
    Address(Ipv4Addr),
    /// The name of an address.
    Name(String),
    /// There is none.
    Nothing,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    expires: Instant,
    /// When it was used last, as a count of uses.
    used: u64,
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    entries: HashMap<Key, Entry>,
    uses: u64,
}

impl Cache {
    /// What is known, if it may still be used.
    pub fn get(&mut self, now: Instant, key: &Key) -> Option<Value> {
        self.uses += 1;
        let entry = self
            .entries
            .get_mut(key)
            .filter(|entry| entry.expires > now)?;
        entry.used = self.uses;
        Some(entry.value.clone())
    }

    /// The name of an address, without counting as a use.
    #[must_use]
    pub fn name(&self, now: Instant, address: Ipv4Addr) -> Option<&str> {
        match self.entries.get(&Key::Address(address)) {
            Some(Entry {
                value: Value::Name(name),
                expires,
                ..
            }) if *expires > now => Some(name),
            _ => None,
        }
    }

    /// Remembers something for so many seconds.
    pub fn put(&mut self, now: Instant, key: Key, value: Value, ttl: u32) {
        if self.entries.len() >= MOST && !self.entries.contains_key(&key) {
            self.entries.retain(|_, entry| entry.expires > now);
            if self.entries.len() >= MOST {
                let mut uses: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
                uses.sort_unstable();
                let oldest = uses.get(GO).copied().unwrap_or(0);
                self.entries.retain(|_, entry| entry.used > oldest);
            }
        }
        self.uses += 1;
        let expires = now + Duration::from_secs(ttl.into());
        self.entries.insert(
            key,
            Entry {
                value,
                expires,
                used: self.uses,
            },
        );
    }

    /// Forgets everything.
    pub fn flush(&mut self) {
        self.entries.clear();
    }

    /// What is known and may still be used, the most recently used first.
    #[must_use]
    pub fn listed(&self, now: Instant) -> Vec<(&Key, &Value)> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.expires > now)
            .collect();
        all.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.used));
        all.into_iter()
            .map(|(key, entry)| (key, &entry.value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_goes_first() {
        let now = wanbox_sim::Clock::new().now();
        let mut cache = Cache::default();
        let key = |number: u32| Key::Address(Ipv4Addr::from_bits(number));
        for number in 0..10_000 {
            cache.put(now, key(number), Value::Nothing, 60);
            assert!(cache.get(now, &key(0)).is_some(), "it is used all the time");
        }
        assert!((MOST - GO - 1..=MOST).contains(&cache.listed(now).len()));
        assert_eq!(cache.listed(now)[0].0, &key(0));
        assert!(cache.get(now, &key(1)).is_none() && cache.get(now, &key(9_999)).is_some());
        assert!(cache.get(now + Duration::from_secs(60), &key(0)).is_none());
        cache.flush();
        assert!(cache.listed(now).is_empty());
    }
}
