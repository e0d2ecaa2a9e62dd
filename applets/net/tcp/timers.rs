//! When which connection has something to do: a heap with one place a connection.

/// Microseconds since the engine was made.
pub(crate) type Micros = u64;

/// A timer that does not run.
pub(crate) const NEVER: Micros = Micros::MAX;

const NOWHERE: u32 = u32::MAX;

/// The earliest first. A connection whose deadline moves away keeps its place: it is looked at too
/// early once, and then put where it belongs. So nothing is done for a timer that is started anew
/// with every acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<(Micros, u32)>,
    /// Where in the heap a connection is.
    places: Vec<u32>,
}

impl Timers {
    /// When to look next.
    pub fn next(&self) -> Option<Micros> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Looks at a connection at this time or earlier.
    pub fn set(&mut self, index: u32, at: Micros) {
        if at == NEVER {
            return;
        }
        let slot = index as usize;
        if self.places.len() <= slot {
            self.places.resize(slot + 1, NOWHERE);
        }
        let place = self.places[slot];
        if place == NOWHERE {
            self.heap.push((at, index));
            self.rise(self.heap.len() - 1);
        } else if let Some(entry) = self.heap.get_mut(place as usize)
            && at < entry.0
        {
            entry.0 = at;
            self.rise(place as usize);
        }
    }

    /// A connection whose time has come; it is no longer in the heap.
    pub fn pop(&mut self, now: Micros) -> Option<u32> {
        let &(at, index) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(index);
        Some(index)
    }

    /// Forgets a connection.
    pub fn remove(&mut self, index: u32) {
        let Some(place) = self.places.get_mut(index as usize) else {
            return;
        };
        let place = std::mem::replace(place, NOWHERE) as usize;
        if place >= self.heap.len() {
            return;
        }
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.note(place);
            self.rise(place);
            self.sink(place);
        }
    }

    fn note(&mut self, place: usize) {
        let (_, index) = self.heap[place];
        self.places[index as usize] = place as u32;
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn rise(&mut self, mut place: usize) {
        self.note(place);
        while place > 0 {
            let above = (place - 1) / 2;
            if self.heap[above].0 <= self.heap[place].0 {
                break;
            }
            self.swap(place, above);
            place = above;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut least = place;
            for below in [2 * place + 1, 2 * place + 2] {
                if below < self.heap.len() && self.heap[below].0 < self.heap[least].0 {
                    least = below;
                }
            }
            if least == place {
                break;
            }
            self.swap(place, least);
            place = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wanbox_sim::Random;

    use super::*;

    #[test]
    fn everyone_is_called_in_time() {
        let mut random = Random::new(1);
        let mut timers = Timers::default();
        let mut expected = BTreeMap::new();
        let mut now = 0;
        for _ in 0..20_000 {
            let index = random.below(50) as u32;
            match random.below(4) {
                0 => {
                    timers.remove(index);
                    expected.remove(&index);
                }
                1 => {
                    now += random.below(20);
                    while let Some(index) = timers.pop(now) {
                        let at = expected.remove(&index).unwrap();
                        assert!(at <= now);
                    }
                    assert!(expected.values().all(|at| *at > now));
                }
                _ => {
                    let at = now + random.below(1000);
                    timers.set(index, at);
                    let entry = expected.entry(index).or_insert(at);
                    *entry = at.min(*entry);
                }
            }
            assert_eq!(timers.next(), expected.values().min().copied());
            assert_eq!(timers.heap.len(), expected.len());
        }
    }
}
