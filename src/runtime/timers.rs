//! Timers with cheap insert and cancel.
//!
//! A binary heap that knows where each timer sits, so that insert, cancel and
//! replace are O(log n) and reading the next deadline is O(1). Timers are named
//! by the caller's own key, one timer a key. Equal deadlines fire in the order
//! in which they were set. The time is any ordered value: the loop uses
//! [`std::time::Instant`], tests use integers. Nothing is allocated once the
//! structure has held as many timers as it ever will.

use std::collections::HashMap;
use std::hash::Hash;

use slab::Slab;

/// One armed timer.
#[derive(Clone, Copy, Debug)]
struct Entry<T, K> {
    at: T,
    /// Order of setting: breaks ties between equal deadlines.
    order: u64,
    key: K,
    /// Where in `heap` this entry's index is.
    place: usize,
}

/// A set of timers: at most one for each key.
#[derive(Debug)]
pub struct Timers<T, K> {
    entries: Slab<Entry<T, K>>,
    /// Indices into `entries`, a binary min-heap by (deadline, order).
    heap: Vec<usize>,
    by_key: HashMap<K, usize>,
    next_order: u64,
}

impl<T, K> Default for Timers<T, K> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            heap: Vec::new(),
            by_key: HashMap::new(),
            next_order: 0,
        }
    }
}

impl<T: Ord + Copy, K: Eq + Hash + Copy> Timers<T, K> {
    /// No timers.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no timer is armed.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Arms the timer `key` for `at`, in place of the deadline it had.
    pub fn set(&mut self, key: K, at: T) {
        let order = self.next_order;
        self.next_order += 1;
        if let Some(&index) = self.by_key.get(&key) {
            let Some(entry) = self.entries.get_mut(index) else {
                return;
            };
            entry.at = at;
            entry.order = order;
            let place = entry.place;
            self.settle(place);
        } else {
            let place = self.heap.len();
            let index = self.entries.insert(Entry {
                at,
                order,
                key,
                place,
            });
            self.heap.push(index);
            self.by_key.insert(key, index);
            self.settle(place);
        }
    }

    /// Disarms the timer `key`. Returns whether it was armed.
    pub fn cancel(&mut self, key: K) -> bool {
        match self.by_key.get(&key).and_then(|&i| self.entries.get(i)) {
            Some(entry) => {
                let place = entry.place;
                self.remove_at(place).is_some()
            }
            None => false,
        }
    }

    /// When the timer `key` will fire, if it is armed.
    pub fn deadline(&self, key: K) -> Option<T> {
        let index = *self.by_key.get(&key)?;
        self.entries.get(index).map(|entry| entry.at)
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<T> {
        let index = *self.heap.first()?;
        self.entries.get(index).map(|entry| entry.at)
    }

    /// Takes the earliest timer whose deadline is `now` or before it.
    pub fn pop_expired(&mut self, now: T) -> Option<(T, K)> {
        self.pop_expired_before(now, Horizon(u64::MAX))
    }

    /// A mark in the order of setting: see [`Timers::pop_expired_before`].
    pub fn horizon(&self) -> Horizon {
        Horizon(self.next_order)
    }

    /// As [`Timers::pop_expired`], but stops at a timer that was set after `horizon` was taken.
    ///
    /// A handler that re-arms its timer for a moment already past would otherwise keep its
    /// caller in the loop for ever. Timers must not be set for earlier than `now` meanwhile,
    /// or they hide older ones behind them until the next call.
    pub fn pop_expired_before(&mut self, now: T, horizon: Horizon) -> Option<(T, K)> {
        let index = *self.heap.first()?;
        let entry = self.entries.get(index)?;
        if entry.at > now || entry.order >= horizon.0 {
            return None;
        }
        self.remove_at(0)
    }

    fn remove_at(&mut self, place: usize) -> Option<(T, K)> {
        if place >= self.heap.len() {
            return None;
        }
        let index = self.heap.swap_remove(place);
        let entry = self.entries.try_remove(index)?;
        self.by_key.remove(&entry.key);
        if let Some(&moved) = self.heap.get(place) {
            if let Some(entry) = self.entries.get_mut(moved) {
                entry.place = place;
            }
            self.settle(place);
        }
        Some((entry.at, entry.key))
    }

    /// The sort key of the entry at `place`; nothing past the end.
    fn rank(&self, place: usize) -> Option<(T, u64)> {
        let index = *self.heap.get(place)?;
        self.entries.get(index).map(|entry| (entry.at, entry.order))
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for place in [a, b] {
            if let Some(&index) = self.heap.get(place)
                && let Some(entry) = self.entries.get_mut(index)
            {
                entry.place = place;
            }
        }
    }

    /// Moves the entry at `place` up or down to where the heap order wants it.
    fn settle(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.rank(parent) <= self.rank(place) {
                break;
            }
            self.swap(place, parent);
            place = parent;
        }
        loop {
            let mut least = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if let Some(rank) = self.rank(child)
                    && Some(rank) < self.rank(least)
                {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }
}

/// A mark in the order in which timers were set.
#[derive(Clone, Copy, Debug)]
pub struct Horizon(u64);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn drain(timers: &mut Timers<u64, u32>, now: u64) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| timers.pop_expired(now)).collect()
    }

    #[test]
    fn fires_in_order_of_deadline_and_then_of_setting() {
        let mut timers = Timers::new();
        timers.set(1, 30);
        timers.set(2, 10);
        timers.set(3, 20);
        timers.set(4, 10);
        assert_eq!(timers.next_deadline(), Some(10));
        assert_eq!(drain(&mut timers, 9), []);
        assert_eq!(drain(&mut timers, 20), [(10, 2), (10, 4), (20, 3)]);
        assert_eq!(drain(&mut timers, 100), [(30, 1)]);
        assert!(timers.is_empty());
    }

    #[test]
    fn cancel_and_replace() {
        let mut timers = Timers::new();
        timers.set(1, 10);
        timers.set(2, 20);
        assert!(timers.cancel(1));
        assert!(!timers.cancel(1));
        assert_eq!(timers.deadline(1), None);
        timers.set(2, 5);
        assert_eq!(timers.deadline(2), Some(5));
        assert_eq!(timers.len(), 1);
        assert_eq!(drain(&mut timers, 50), [(5, 2)]);
    }

    #[test]
    fn a_timer_that_rearms_itself_waits_for_the_next_turn() {
        let mut timers = Timers::new();
        timers.set(1, 10);
        timers.set(2, 10);
        let horizon = timers.horizon();
        let mut fired = Vec::new();
        while let Some((_, key)) = timers.pop_expired_before(10, horizon) {
            fired.push(key);
            timers.set(key, 10);
        }
        assert_eq!(fired, [1, 2]);
        assert_eq!(timers.len(), 2);
    }

    #[test]
    fn ten_thousand_timers() {
        let mut timers = Timers::new();
        for key in 0..10_000u32 {
            timers.set(key, u64::from(key.wrapping_mul(7919) % 10_007));
        }
        for key in (0..10_000).step_by(2) {
            assert!(timers.cancel(key));
        }
        let fired = drain(&mut timers, u64::MAX);
        assert_eq!(fired.len(), 5_000);
        assert!(fired.is_sorted());
        assert!(fired.iter().all(|(_, key)| key % 2 == 1));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u32, u64),
        Cancel(u32),
        Advance(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..12u32, 0..60u64).prop_map(|(key, after)| Step::Set(key, after)),
            (0..12u32).prop_map(Step::Cancel),
            (0..20u64).prop_map(Step::Advance),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        /// The heap behaves as a sorted list under a virtual clock.
        #[test]
        fn agrees_with_a_sorted_list(steps in steps()) {
            let mut timers: Timers<u64, u32> = Timers::new();
            let mut model: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
            let mut now = 0;
            for (order, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Set(key, after) => {
                        timers.set(key, now + after);
                        model.insert(key, (now + after, order));
                    }
                    Step::Cancel(key) => {
                        prop_assert_eq!(timers.cancel(key), model.remove(&key).is_some());
                    }
                    Step::Advance(by) => {
                        now += by;
                        let mut due: Vec<_> = model
                            .iter()
                            .filter(|(_, (at, _))| *at <= now)
                            .map(|(&key, &(at, order))| (at, order, key))
                            .collect();
                        due.sort_unstable();
                        model.retain(|_, (at, _)| *at > now);
                        let want: Vec<_> = due.into_iter().map(|(at, _, key)| (at, key)).collect();
                        prop_assert_eq!(drain(&mut timers, now), want);
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(
                    timers.next_deadline(),
                    model.values().map(|(at, _)| *at).min()
                );
            }
        }
    }
}
