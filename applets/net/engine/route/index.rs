//! An index for tables of many routes: the longest match in a few accesses to memory.
//!
//! The first 16 bits of an address lead to a block, which knows the best of the prefixes that are as long as
//! that or shorter, and the longer ones within it as steps: from which of its addresses on which prefix is the longest
//! match. A change works on the steps of its own addresses alone.

/// No entry.
pub const NONE: u32 = u32::MAX;
/// The length of the prefixes that are blocks.
const BLOCK_BITS: u8 = 16;

/// From here to the next step this entry matches; [`NONE`]: none of the block's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    start: u16,
    slot: u32,
}

/// A prefix longer than a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Within {
    start: u16,
    bits: u8,
    slot: u32,
}

impl Within {
    fn end(self) -> u16 {
        self.start | u32::MAX.checked_shr(self.bits.into()).unwrap_or(0) as u16
    }
}

#[derive(Clone, Debug)]
struct Block {
    /// The best of the prefixes that cover the whole block, and its length.
    short: u32,
    short_bits: u8,
    /// The first begins at 0; empty: there are no longer prefixes.
    steps: Vec<Step>,
}

/// The index.
#[derive(Clone, Debug)]
pub struct Index {
    blocks: Vec<Block>,
    /// The longer prefixes of each block, sorted: those that contain others come before them. Apart from what
    /// look-ups read.
    within: Vec<Vec<Within>>,
}

impl Default for Index {
    fn default() -> Self {
        let block = Block {
            short: NONE,
            short_bits: 0,
            steps: Vec::new(),
        };
        Self {
            blocks: vec![block; 1 << BLOCK_BITS],
            within: vec![Vec::new(); 1 << BLOCK_BITS],
        }
    }
}

impl Index {
    /// The entry with the longest prefix of an address.
    pub fn lookup(&self, address: u32) -> Option<u32> {
        let block = self.blocks.get((address >> 16) as usize)?;
        let low = address as u16;
        let after = block.steps.partition_point(|step| step.start <= low);
        let step = after.checked_sub(1).and_then(|at| block.steps.get(at));
        let slot = step.map_or(NONE, |step| step.slot);
        let slot = if slot == NONE { block.short } else { slot };
        (slot != NONE).then_some(slot)
    }

    /// The blocks that a short prefix covers.
    fn covered(&mut self, address: u32, bits: u8) -> &mut [Block] {
        let first = (address >> 16) as usize;
        let count = 1usize << (BLOCK_BITS - bits.min(BLOCK_BITS));
        self.blocks
            .get_mut(first..first + count)
            .unwrap_or_default()
    }

    /// Adds a prefix, whose bits behind its length are zero.
    pub fn insert(&mut self, address: u32, bits: u8, slot: u32) {
        if bits <= BLOCK_BITS {
            for block in self.covered(address, bits) {
                if block.short == NONE || block.short_bits <= bits {
                    (block.short, block.short_bits) = (slot, bits);
                }
            }
            return;
        }
        let Some((block, within)) = self.block(address) else {
            return;
        };
        let new = Within {
            start: address as u16,
            bits,
            slot,
        };
        let at = within.partition_point(|known| (known.start, known.bits) < (new.start, bits));
        match within.get_mut(at) {
            Some(known) if (known.start, known.bits) == (new.start, bits) => known.slot = slot,
            _ => within.insert(at, new),
        }
        block.rebuild(within, new);
    }

    fn block(&mut self, address: u32) -> Option<(&mut Block, &mut Vec<Within>)> {
        let at = (address >> 16) as usize;
        self.blocks.get_mut(at).zip(self.within.get_mut(at))
    }

    /// Removes a prefix. `wider`: the entry and length of the longest shorter prefix that contains it.
    pub fn remove(&mut self, address: u32, bits: u8, wider: Option<(u32, u8)>) {
        if bits <= BLOCK_BITS {
            let (slot, wider_bits) = wider.unwrap_or((NONE, 0));
            for block in self.covered(address, bits) {
                if block.short != NONE && block.short_bits == bits {
                    (block.short, block.short_bits) = (slot, wider_bits);
                }
            }
            return;
        }
        let Some((block, within)) = self.block(address) else {
            return;
        };
        let start = address as u16;
        within.retain(|known| (known.start, known.bits) != (start, bits));
        if within.is_empty() {
            (block.steps, *within) = (Vec::new(), Vec::new());
            return;
        }
        let gone = Within {
            start,
            bits,
            slot: NONE,
        };
        block.rebuild(within, gone);
    }
}

/// What matches at an address, by the prefixes: there are 16 lengths, each is asked for.
fn matching(within: &[Within], low: u16) -> u32 {
    (BLOCK_BITS + 1..=32)
        .rev()
        .find_map(|bits| {
            let start = low & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0) as u16;
            let at = within.partition_point(|known| (known.start, known.bits) < (start, bits));
            within
                .get(at)
                .filter(|known| (known.start, known.bits) == (start, bits))
        })
        .map_or(NONE, |known| known.slot)
}

impl Block {
    /// Makes the steps of the addresses of a prefix anew.
    fn rebuild(&mut self, within: &[Within], changed: Within) {
        let (start, end) = (changed.start, changed.end());
        // Where the match can change: where prefixes begin, and behind their ends.
        let first = within.partition_point(|known| known.start < start);
        let mut places = vec![start];
        for known in within
            .iter()
            .skip(first)
            .take_while(|known| known.start <= end)
        {
            places.push(known.start);
            places.extend(known.end().checked_add(1));
        }
        places.extend(end.checked_add(1));
        places.retain(|place| (start..=end).contains(place) || end.checked_add(1) == Some(*place));
        places.sort_unstable();
        places.dedup();
        let mut fresh: Vec<Step> = Vec::with_capacity(places.len() + 1);
        let from = self.steps.partition_point(|step| step.start < start);
        // An empty block begins with addresses that nothing matches.
        if self.steps.is_empty() && start > 0 {
            fresh.push(Step {
                start: 0,
                slot: NONE,
            });
        }
        let mut before = match from.checked_sub(1).and_then(|at| self.steps.get(at)) {
            Some(step) => Some(step.slot),
            None => fresh.first().map(|step| step.slot),
        };
        for place in places {
            let slot = matching(within, place);
            if before != Some(slot) {
                fresh.push(Step { start: place, slot });
                before = Some(slot);
            }
        }
        let behind = end.checked_add(1);
        let mut to = behind.map_or(self.steps.len(), |behind| {
            self.steps.partition_point(|step| step.start <= behind)
        });
        // What goes on as before needs no step of its own.
        if self
            .steps
            .get(to)
            .is_some_and(|step| before == Some(step.slot))
        {
            to += 1;
        }
        self.steps.splice(from..to, fresh);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::address::mask;

    fn longest(model: &BTreeMap<(u32, u8), u32>, address: u32) -> Option<u32> {
        let found = model
            .iter()
            .filter(|((target, bits), _)| address & mask(*bits) == *target);
        found
            .max_by_key(|((_, bits), _)| *bits)
            .map(|(_, slot)| *slot)
    }

    proptest! {
        /// As a search through all prefixes, with no more steps than there are places where they begin or end.
        #[test]
        fn as_a_search_through_all(
            steps in prop::collection::vec((any::<bool>(), 0u32..3, prop::sample::select(vec![0u32, 1, 2, 7, 8, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff]), 8u8..=32), 0..60),
        ) {
            let mut index = Index::default();
            let mut model = BTreeMap::new();
            for (number, (add, high, low, bits)) in steps.into_iter().enumerate() {
                let address = (high << 16 | low) & mask(bits);
                if add {
                    index.insert(address, bits, number as u32);
                    model.insert((address, bits), number as u32);
                } else if model.remove(&(address, bits)).is_some() {
                    let wider = (0..bits).rev().find_map(|wider| {
                        model.get(&(address & mask(wider), wider)).map(|slot| (*slot, wider))
                    });
                    index.remove(address, bits, wider);
                }
                for high in 0..4u32 {
                    for low in [0u32, 1, 2, 3, 6, 7, 8, 9, 254, 255, 256, 257, 0x7ffe, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff] {
                        let address = high << 16 | low;
                        prop_assert_eq!(index.lookup(address), longest(&model, address), "{:x}", address);
                    }
                    let block = &index.blocks[high as usize];
                    prop_assert!(block.steps.len() <= 2 * index.within[high as usize].len() + 1);
                    prop_assert!(block.steps.windows(2).all(|pair| pair[0].start < pair[1].start && pair[0].slot != pair[1].slot));
                    prop_assert!(block.steps.first().is_none_or(|step| step.start == 0));
                }
            }
        }
    }
}
