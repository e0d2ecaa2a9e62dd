//! Rate limits for what a peer can make us log.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// At most so many lines in a period; what is more is counted.
#[derive(Clone, Debug)]
pub struct RateLimit {
    burst: u32,
    period: Duration,
    /// When the present period began.
    began: Option<Instant>,
    used: u32,
    suppressed: u64,
}

impl RateLimit {
    /// At most `burst` lines in each `period`, which begins with its first line.
    pub const fn new(burst: u32, period: Duration) -> Self {
        Self {
            burst,
            period,
            began: None,
            used: 0,
            suppressed: 0,
        }
    }

    /// Whether a line may be logged now: if so, how many were suppressed since the last one
    /// that was.
    pub fn allow(&mut self, now: Instant) -> Option<u64> {
        let over = self
            .began
            .is_none_or(|began| now.saturating_duration_since(began) >= self.period);
        if over {
            self.began = Some(now);
            self.used = 0;
        }
        if self.used >= self.burst {
            self.suppressed += 1;
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// A rate limit for each key (a peer, a channel), and one over all keys together, so that a
/// peer that invents keys gains nothing.
#[derive(Clone, Debug)]
pub struct KeyedRateLimit<K> {
    each: RateLimit,
    all: RateLimit,
    pub(super) keys: HashMap<K, RateLimit>,
    max_keys: usize,
}

impl<K: Eq + Hash + Copy> KeyedRateLimit<K> {
    /// `each` for a key, `all` for all together. The state of at most `max_keys` keys is kept,
    /// the longest unused forgotten first.
    pub fn new(each: RateLimit, all: RateLimit, max_keys: usize) -> Self {
        Self {
            each,
            all,
            keys: HashMap::new(),
            max_keys: max_keys.max(1),
        }
    }

    /// As [`RateLimit::allow`], with the number suppressed for this key.
    pub fn allow(&mut self, key: K, now: Instant) -> Option<u64> {
        if !self.keys.contains_key(&key) && self.keys.len() >= self.max_keys {
            let oldest = self
                .keys
                .iter()
                .min_by_key(|(_, limit)| limit.began)
                .map(|(&key, _)| key);
            if let Some(oldest) = oldest {
                self.keys.remove(&oldest);
            }
        }
        let limit = self.keys.entry(key).or_insert_with(|| self.each.clone());
        let suppressed = limit.allow(now)?;
        if self.all.allow(now).is_none() {
            // Not logged after all: it counts with the others.
            limit.suppressed = suppressed + 1;
            return None;
        }
        Some(suppressed)
    }
}
