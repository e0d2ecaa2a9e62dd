//! An index for tables of very many routes: the longest match in two accesses to memory, of which none waits for the
//! other.
//!
//! Memory is what takes time, above all one access that has to wait for another. So the first 24 bits of an address
//! lead to a cell with the best of the prefixes that are as long as that or shorter, and which longer lengths there
//! may be within it: those are hashed, to places that do not depend on the cell, so that the processor asks for
//! both at once. Cells that no prefix covers cost no memory, for the system gives none before it is written to.

use std::hash::{BuildHasher, RandomState};

use super::entry::Hop;
use crate::address::mask;

/// The length of the prefixes that are cells.
pub const CELL_BITS: u8 = 24;
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
    /// The prefixes of more than 24 bits.
    pub longer: Longer,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            cells: vec![0; 1 << CELL_BITS],
            short: vec![0; 1 << SHORT_BITS],
            longer: Longer::default(),
        }
    }
}

impl Index {
    /// The entry with the longest prefix of an address.
    pub fn lookup(&self, address: u32) -> Option<u32> {
        let cell = self.cells.get((address >> 8) as usize).copied()?;
        if cell > SLOT {
            // One length after the other: what is guessed of a branch need not wait for the cell, but the number
            // of a bit in it would have to.
            for bits in (CELL_BITS + 1..=32).rev() {
                if cell & 1 << (bits - 1) != 0
                    && let Some(slot) = self.longer.get(address & mask(bits), bits)
                {
                    return Some(slot);
                }
            }
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
            self.longer.insert(address, bits, slot);
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
            self.longer.remove(address, bits);
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

/// The prefixes of more than 24 bits, hashed: a place is the address, and the entry's place + 1 below the length;
/// 0: free. What finds its place taken has the next that is free.
#[derive(Clone, Debug)]
pub struct Longer {
    places: Vec<[u32; 2]>,
    used: usize,
    /// Odd. Nobody who chooses routes knows it, and so which of them share a place.
    factor: u64,
}

impl Default for Longer {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            used: 0,
            factor: RandomState::new().hash_one(0) | 1,
        }
    }
}

impl Longer {
    const FEWEST: usize = 64;

    /// Where the search for a prefix begins.
    fn home(&self, address: u32, bits: u32) -> usize {
        let key = u64::from(bits) << 32 | u64::from(address);
        // The highest bits of a product with an odd number: two keys share a place rarely, whoever chose them.
        let product = key.wrapping_mul(self.factor);
        (product >> (u64::BITS - self.places.len().trailing_zeros())) as usize
    }

    fn next(&self, place: usize) -> usize {
        (place + 1) % self.places.len().max(1)
    }

    /// Where a prefix is, and its entry; or the free place where it would be.
    fn find(&self, address: u32, bits: u8) -> Option<(usize, Option<u32>)> {
        let mut place = self.home(address, bits.into());
        loop {
            let [known, rest] = *self.places.get(place)?;
            if rest == 0 || known == address && rest >> CELL_BITS == u32::from(bits) {
                return Some((place, (rest & SLOT).checked_sub(1)));
            }
            place = self.next(place);
        }
    }

    /// The entry of exactly this prefix.
    pub fn get(&self, address: u32, bits: u8) -> Option<u32> {
        self.find(address, bits)?.1
    }

    fn insert(&mut self, address: u32, bits: u8, slot: u32) {
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.resize((self.places.len() * 2).max(Self::FEWEST));
        }
        if let Some((place, known)) = self.find(address, bits)
            && let Some(found) = self.places.get_mut(place)
        {
            *found = [address, u32::from(bits) << CELL_BITS | (slot + 1) & SLOT];
            self.used += usize::from(known.is_none());
        }
    }

    /// Removes a prefix; the entry it had.
    fn remove(&mut self, address: u32, bits: u8) -> Option<u32> {
        let (mut free, slot) = self.find(address, bits)?;
        let slot = slot?;
        // What was put off by it, or by what comes nearer now, comes nearer.
        let mut place = free;
        let most = self.places.len() - 1;
        loop {
            place = self.next(place);
            let &[address, rest] = self.places.get(place)?;
            if rest == 0 {
                break;
            }
            let home = self.home(address, rest >> CELL_BITS);
            let off = |from: usize| place.wrapping_sub(from) & most;
            if off(home) >= off(free) {
                self.places.swap(place, free);
                free = place;
            }
        }
        if let Some(free) = self.places.get_mut(free) {
            *free = [0; 2];
        }
        self.used -= 1;
        if self.places.len() > Self::FEWEST && self.used * 8 < self.places.len() {
            self.resize(self.places.len() / 2);
        }
        Some(slot)
    }

    fn resize(&mut self, places: usize) {
        let old = std::mem::replace(&mut self.places, vec![[0; 2]; places]);
        self.used = 0;
        for [address, rest] in old {
            if let Some(slot) = (rest & SLOT).checked_sub(1) {
                self.insert(address, (rest >> CELL_BITS) as u8, slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use proptest::prelude::*;
    use wanbox_link::random::SplitMix64;

    use super::*;
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
            let mut model = BTreeMap::new();
            let mut hops = Vec::new();
            for (add, high, low, bits) in steps {
                let address = (high << 16 | low) & mask(bits);
                if add {
                    let slot = model.get(&(address, bits)).copied().unwrap_or(hops.len() as u32);
                    hops.push((hop(bits), 0));
                    index.insert(address, bits, slot, &hops);
                    model.insert((address, bits), slot);
                } else if let Some(slot) = model.remove(&(address, bits)) {
                    let wider = (0..bits).rev().find_map(|wider| {
                        model.get(&(address & mask(wider), wider)).map(|slot| (*slot, wider))
                    });
                    index.remove(address, bits, slot, wider);
                }
                for high in [0u32, 1, 2, 3, 0xff, 0x100, 0x101, 0x1ff, 0x200] {
                    for low in [0u32, 1, 2, 3, 6, 7, 8, 9, 254, 255, 256, 257, 0x7ffe, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff] {
                        let address = high << 16 | low;
                        prop_assert_eq!(index.lookup(address), longest(&model, address), "{:x}", address);
                    }
                }
            }
        }
    }
    /// Any prefixes come and go, and are found meanwhile.
    #[test]
    fn long_prefixes_come_and_go() {
        let mut random = SplitMix64::new(1);
        let mut longer = Longer::default();
        let mut model = BTreeMap::new();
        let mut most = 0;
        for step in 0..200_000 {
            let bits = 25 + (random.next_u32() % 8) as u8;
            let address = (random.next_u32() % 65_536) << 7 & mask(bits);
            let grows = step % 40_000 < 20_000;
            if (random.next_u32() % 8 < 6) == grows {
                longer.insert(address, bits, step);
                model.insert((address, bits), step);
            } else if let Some((&(address, bits), &slot)) = model.range((address, bits)..).next() {
                assert_eq!(longer.remove(address, bits), Some(slot));
                assert_eq!(longer.get(address, bits), None);
                model.remove(&(address, bits));
            }
            assert_eq!(longer.used, model.len());
            most = most.max(longer.places.len());
        }
        assert!(most >= 8192, "{most}");
        assert!(longer.places.len() <= (8 * model.len()).max(Longer::FEWEST));
        for ((address, bits), slot) in model {
            assert_eq!(longer.remove(address, bits), Some(slot));
        }
        assert_eq!(longer.places, [[0; 2]; Longer::FEWEST]);
    }
}
