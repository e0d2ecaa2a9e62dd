//! An index for tables of many routes: the longest match in one or two accesses to memory.
//!
//! Memory is what takes time, above all one access that has to wait for another. So the first 24 bits of an address
//! lead to a cell with the best of the prefixes that are as long as that or shorter, and which longer lengths there
//! may be within it: those few are hashed. Cells that no prefix covers cost no memory, for the system gives none
//! before it is written to.

use std::net::Ipv4Addr;

use wanbox_link::prefixes::Prefixes;

use super::entry::Hop;

/// The length of the prefixes that are cells.
const CELL_BITS: u8 = 24;
/// Prefixes up to this length have a table of their own: they would be written into very many cells.
const SHORT_BITS: u8 = 8;
/// The bits of a cell, and of a short prefix, that are an entry's place + 1; 0: no entry.
const SLOT: u32 = 0x00ff_ffff;
/// The most entries that can be told apart.
pub const MOST: usize = SLOT as usize;

/// The index.
#[derive(Clone, Debug)]
pub struct Index {
    /// An entry's place, and above it a bit for each length from 25 to 32 that was ever used here. A bit of what
    /// is gone costs a vain look and is not searched for to be cleared.
    cells: Vec<u32>,
    /// The best prefix of up to eight bits for each first octet.
    short: Vec<u32>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            cells: vec![0; 1 << CELL_BITS],
            short: vec![0; 1 << SHORT_BITS],
        }
    }
}

impl Index {
    /// The entry with the longest prefix of an address.
    pub fn lookup(&self, address: u32, prefixes: &Prefixes) -> Option<u32> {
        let cell = self.cells.get((address >> 8) as usize).copied()?;
        let target = Ipv4Addr::from_bits(address).into();
        let mut longer = cell >> CELL_BITS;
        while longer != 0 {
            let bits = longer.ilog2() as u8;
            if let Some(slot) = prefixes.owner(target, CELL_BITS + 1 + bits) {
                return Some(slot);
            }
            longer &= !(1 << bits);
        }
        let mut slot = cell & SLOT;
        if slot == 0 {
            slot = self.short.get((address >> 24) as usize).copied()?;
        }
        slot.checked_sub(1)
    }

    /// The cells that a prefix covers.
    fn covered(&mut self, address: u32, bits: u8) -> &mut [u32] {
        let (cells, length) = if bits <= SHORT_BITS {
            (&mut self.short, SHORT_BITS)
        } else {
            (&mut self.cells, CELL_BITS)
        };
        let first = (address >> (32 - length)) as usize;
        let count = 1usize << (length - bits.min(length));
        cells.get_mut(first..first + count).unwrap_or_default()
    }

    /// Adds a prefix, whose bits behind its length are zero; `hops` has every entry at its place.
    pub fn insert(&mut self, address: u32, bits: u8, slot: u32, hops: &[(Hop, u64)]) {
        if bits > CELL_BITS {
            for cell in self.covered(address, CELL_BITS) {
                *cell |= 1 << (bits - 1);
            }
            return;
        }
        for cell in self.covered(address, bits) {
            let known = (*cell & SLOT).checked_sub(1);
            let known = known.and_then(|known| hops.get(known as usize));
            if known.is_none_or(|(known, _)| known.bits <= bits) {
                *cell = *cell & !SLOT | (slot + 1) & SLOT;
            }
        }
    }

    /// Removes the prefix of an entry. `wider`: the longest shorter prefix that contains it, and its length.
    pub fn remove(&mut self, address: u32, bits: u8, slot: u32, wider: Option<(u32, u8)>) {
        if bits > CELL_BITS {
            return;
        }
        // A short one is found in the other table.
        let wider = wider.filter(|(_, wider)| (*wider <= SHORT_BITS) == (bits <= SHORT_BITS));
        let wider = wider.map_or(0, |(slot, _)| slot + 1);
        for cell in self.covered(address, bits) {
            if *cell & SLOT == slot + 1 {
                *cell = *cell & !SLOT | wider;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::address::mask;
    use crate::interface::InterfaceId;

    fn longest(model: &BTreeMap<(u32, u8), u32>, address: u32) -> Option<u32> {
        let found = model
            .iter()
            .filter(|((target, bits), _)| address & mask(*bits) == *target);
        found
            .max_by_key(|((_, bits), _)| *bits)
            .map(|(_, slot)| *slot)
    }

    fn hop(bits: u8) -> Hop {
        Hop {
            interface: InterfaceId::LOOPBACK,
            gateway: Ipv4Addr::UNSPECIFIED,
            bits,
            held_down: false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// As a search through all prefixes.
        #[test]
        fn as_a_search_through_all(
            steps in prop::collection::vec((any::<bool>(), prop::sample::select(vec![0u32, 1, 2, 0xff, 0x100, 0x1ff]), prop::sample::select(vec![0u32, 1, 2, 7, 8, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff]), 0u8..=32), 0..60),
        ) {
            let mut index = Index::default();
            let mut prefixes = Prefixes::default();
            let mut model = BTreeMap::new();
            let mut hops = Vec::new();
            for (add, high, low, bits) in steps {
                let address = (high << 16 | low) & mask(bits);
                let target = Ipv4Addr::from_bits(address).into();
                if add {
                    let slot = model.get(&(address, bits)).copied().unwrap_or(hops.len() as u32);
                    hops.push((hop(bits), 0));
                    prefixes.insert(target, bits, slot);
                    index.insert(address, bits, slot, &hops);
                    model.insert((address, bits), slot);
                } else if let Some(slot) = model.remove(&(address, bits)) {
                    prefixes.remove(target, bits);
                    let wider = (0..bits).rev().find_map(|wider| {
                        model.get(&(address & mask(wider), wider)).map(|slot| (*slot, wider))
                    });
                    index.remove(address, bits, slot, wider);
                }
                for high in [0u32, 1, 2, 3, 0xff, 0x100, 0x101, 0x1ff, 0x200] {
                    for low in [0u32, 1, 2, 3, 6, 7, 8, 9, 254, 255, 256, 257, 0x7ffe, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff] {
                        let address = high << 16 | low;
                        prop_assert_eq!(index.lookup(address, &prefixes), longest(&model, address), "{:x}", address);
                    }
                }
            }
        }
    }
}
