//! Which addresses may be spoken to: the list of `ipfilter`, whose first matching range decides.

use std::net::Ipv4Addr;

use crate::address::mask;

/// What happens to datagrams from or to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They pass.
    Allow,
    /// They vanish.
    Deny,
}

/// A range of addresses and what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest address.
    pub low: Ipv4Addr,
    /// The highest.
    pub high: Ipv4Addr,
    /// What happens.
    pub action: Action,
}

impl Range {
    /// The addresses that begin with these bits of an address; more than 32 bits are 32.
    #[must_use]
    pub fn of_prefix(action: Action, address: Ipv4Addr, bits: u8) -> Self {
        let mask = mask(bits);
        Self {
            low: (address.to_bits() & mask).into(),
            high: (address.to_bits() | !mask).into(),
            action,
        }
    }

    /// From the lowest to the highest address of both ranges.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            ..self
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    fn is_adjacent(&self, other: &Self) -> bool {
        let next = |high: Ipv4Addr| high.to_bits().checked_add(1);
        next(self.high) == Some(other.low.to_bits()) || next(other.high) == Some(self.low.to_bits())
    }

    fn contains(&self, address: u32) -> bool {
        (self.low.to_bits()..=self.high.to_bits()).contains(&address)
    }
}

/// The list.
#[derive(Clone, Debug)]
pub struct Filter {
    ranges: Vec<Range>,
    /// Where the decision changes: from this address on, are they allowed? Sorted; the first is 0.
    steps: Vec<(u32, bool)>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            ranges: vec![Range::of_prefix(Action::Allow, Ipv4Addr::UNSPECIFIED, 0)],
            steps: vec![(0, true)],
        }
    }
}

impl Filter {
    /// Whether datagrams from and to this address pass.
    #[must_use]
    pub fn allows(&self, address: Ipv4Addr) -> bool {
        if self.steps.len() == 1 {
            return self.steps.first().is_none_or(|(_, allowed)| *allowed);
        }
        let after = self
            .steps
            .partition_point(|(from, _)| *from <= address.to_bits());
        self.steps
            .get(after.wrapping_sub(1))
            .is_none_or(|(_, allowed)| *allowed)
    }

    /// The list, the range that decides first at the front.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Puts a range at the front, then makes the list as short as it can be without changing a decision.
    pub fn add(&mut self, range: Range) {
        self.ranges.insert(0, range);
        loop {
            self.drop_covered();
            if !self.merge_one() {
                break;
            }
        }
        self.compile();
    }

    /// Takes away what is completely within one earlier range.
    fn drop_covered(&mut self) {
        let mut kept: Vec<Range> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            if !kept.iter().any(|earlier| earlier.covers(&range)) {
                kept.push(range);
            }
        }
        self.ranges = kept;
    }

    /// Lets one range go up in a later one of the same action, unless one of the other action lies
    /// between them in the list and would be overtaken.
    fn merge_one(&mut self) -> bool {
        for first in 0..self.ranges.len() {
            let Some(range) = self.ranges.get(first).copied() else {
                return false;
            };
            for later in self.ranges.iter_mut().skip(first + 1) {
                let overlaps = range.overlaps(later);
                if !overlaps && !range.is_adjacent(later) {
                    continue;
                }
                if later.action == range.action {
                    *later = later.hull(range);
                    self.ranges.remove(first);
                    return true;
                }
                if overlaps {
                    break;
                }
            }
        }
        false
    }

    /// Works out where the decision changes.
    fn compile(&mut self) {
        let mut starts: Vec<u32> = vec![0];
        for range in &self.ranges {
            starts.push(range.low.to_bits());
            starts.extend(range.high.to_bits().checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        self.steps.clear();
        for start in starts {
            let allowed = self
                .ranges
                .iter()
                .find(|range| range.contains(start))
                .is_none_or(|range| range.action == Action::Allow);
            if self
                .steps
                .last()
                .is_none_or(|(_, before)| *before != allowed)
            {
                self.steps.push((start, allowed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(commands: &[(Action, &str, u8)]) -> Filter {
        let mut filter = Filter::default();
        for (action, address, bits) in commands {
            filter.add(Range::of_prefix(*action, address.parse().unwrap(), *bits));
        }
        filter
    }

    fn list(filter: &Filter) -> Vec<String> {
        filter
            .ranges()
            .iter()
            .map(|range| format!("{:?} {} {}", range.action, range.low, range.high))
            .collect()
    }

    #[test]
    fn the_vectors_of_the_reference() {
        use Action::{Allow, Deny};
        let first = filter(&[
            (Deny, "0.0.0.0", 0),
            (Allow, "44.128.4.0", 24),
            (Allow, "44.128.5.0", 24),
            (Allow, "127.0.0.1", 32),
        ]);
        assert_eq!(
            list(&first),
            [
                "Allow 127.0.0.1 127.0.0.1",
                "Allow 44.128.4.0 44.128.5.255",
                "Deny 0.0.0.0 255.255.255.255"
            ]
        );
        let second = filter(&[
            (Deny, "44.0.0.0", 8),
            (Allow, "44.128.0.0", 16),
            (Deny, "44.128.3.0", 24),
            (Deny, "45.0.0.0", 8),
        ]);
        assert_eq!(
            list(&second),
            [
                "Deny 44.128.3.0 44.128.3.255",
                "Allow 44.128.0.0 44.128.255.255",
                "Deny 44.0.0.0 45.255.255.255",
                "Allow 0.0.0.0 255.255.255.255"
            ]
        );
    }

    #[test]
    fn two_hosts_span_a_range() {
        let from = Range::of_prefix(Action::Allow, Ipv4Addr::new(44, 1, 0, 0), 16);
        let to = Range::of_prefix(Action::Allow, Ipv4Addr::new(44, 3, 0, 0), 16);
        let hull = to.hull(from);
        assert_eq!(hull.low, Ipv4Addr::new(44, 1, 0, 0));
        assert_eq!(hull.high, Ipv4Addr::new(44, 3, 255, 255));
    }

    proptest! {
        /// Merging changes no decision: the latest command about an address holds.
        #[test]
        fn the_latest_word_holds(
            commands in prop::collection::vec((any::<bool>(), 0u32..24, 0u32..8), 0..24),
        ) {
            let mut filter = Filter::default();
            let mut model = [true; 32];
            for (allow, low, more) in commands {
                let action = if allow { Action::Allow } else { Action::Deny };
                // Addresses at both ends of the space, so that the edges are tried.
                let place = |at: u32| Ipv4Addr::from_bits(if at < 16 { at } else { u32::MAX - (31 - at) });
                filter.add(Range { low: place(low), high: place(low + more), action });
                for at in low..=low + more {
                    model[at as usize] = allow;
                }
                for at in 0..32u32 {
                    prop_assert_eq!(filter.allows(place(at)), model[at as usize]);
                    let listed = filter.ranges().iter().find(|r| r.contains(place(at).to_bits()));
                    prop_assert_eq!(listed.map(|r| r.action == Action::Allow), Some(model[at as usize]));
                }
            }
        }
    }
}
