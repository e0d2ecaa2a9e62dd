//! Which owner an address belongs to: the longest prefix that contains it, of either IP version.
//!
//! Prefixes are hashed by their length and address. A look-up asks only for lengths that are there,
//! the longest first: for a host route that is one probe, and memory grows with the prefixes alone.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

/// A hash for keys that strangers do not choose: numbers that this side gave, routes of the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

impl NumberHasher {
    /// 2^64 divided by the golden ratio, odd.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn mix(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * u128::from(Self::FACTOR);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.mix(u64::from(*octet));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value) | 0x100);
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_u128(&mut self, value: u128) {
        self.mix(value as u64);
        self.mix((value >> 64) as u64);
    }
}

/// A table whose keys are numbers that strangers do not choose.
pub type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// The prefixes of one IP version: addresses in the high bits of a number.
#[derive(Clone, Debug)]
struct Table<A> {
    owners: NumberMap<(A, u8), u32>,
    /// How many prefixes there are of each length in use, the longest first.
    lengths: Vec<(u8, u32)>,
}

impl<A> Default for Table<A> {
    fn default() -> Self {
        Self {
            owners: NumberMap::default(),
            lengths: Vec::new(),
        }
    }
}

/// Addresses as numbers whose low bits can be cleared.
trait Bits: Copy + Eq + std::hash::Hash {
    const BITS: u8;
    fn first(self, length: u8) -> Self;
}

macro_rules! bits {
    ($($number:ident)*) => {$(
        impl Bits for $number {
            const BITS: u8 = <$number>::BITS as u8;
            fn first(self, length: u8) -> Self {
                // All bits of a prefix of length zero are shifted out.
                let rest = u32::from(<Self as Bits>::BITS.saturating_sub(length));
                self & <$number>::MAX.checked_shl(rest).unwrap_or(0)
            }
        }
    )*};
}

bits!(u32 u128);

impl<A: Bits> Table<A> {
    fn insert(&mut self, address: A, length: u8, owner: u32) -> Option<u32> {
        let length = length.min(A::BITS);
        let before = self.owners.insert((address.first(length), length), owner);
        if before.is_none() {
            match self
                .lengths
                .binary_search_by(|(known, _)| length.cmp(known))
            {
                Ok(at) => {
                    if let Some((_, count)) = self.lengths.get_mut(at) {
                        *count += 1;
                    }
                }
                Err(at) => self.lengths.insert(at, (length, 1)),
            }
        }
        before
    }

    fn remove(&mut self, address: A, length: u8) -> Option<u32> {
        let length = length.min(A::BITS);
        let owner = self.owners.remove(&(address.first(length), length))?;
        if let Some((_, count)) = self.lengths.iter_mut().find(|(known, _)| *known == length) {
            *count -= 1;
            self.lengths.retain(|(_, count)| *count > 0);
        }
        if self.owners.capacity() > 64 && self.owners.len() < self.owners.capacity() / 4 {
            self.owners.shrink_to(self.owners.len() * 2);
        }
        Some(owner)
    }

    fn lookup(&self, address: A) -> Option<u32> {
        self.lengths
            .iter()
            .find_map(|&(length, _)| self.owners.get(&(address.first(length), length)).copied())
    }
}

/// Prefixes of both IP versions, each with a number for its owner.
#[derive(Clone, Debug, Default)]
pub struct Prefixes {
    v4: Table<u32>,
    v6: Table<u128>,
}

impl Prefixes {
    /// Gives a prefix to an owner; the owner it had before. Bits behind the length do not matter, and
    /// a length beyond the address is that of the address.
    pub fn insert(&mut self, address: IpAddr, length: u8, owner: u32) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.v4.insert(address.to_bits(), length, owner),
            IpAddr::V6(address) => self.v6.insert(address.to_bits(), length, owner),
        }
    }

    /// Takes a prefix away; the owner it had.
    pub fn remove(&mut self, address: IpAddr, length: u8) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.v4.remove(address.to_bits(), length),
            IpAddr::V6(address) => self.v6.remove(address.to_bits(), length),
        }
    }

    /// The owner of exactly this prefix.
    #[must_use]
    pub fn owner(&self, address: IpAddr, length: u8) -> Option<u32> {
        match address {
            IpAddr::V4(address) => {
                let length = length.min(u32::BITS as u8);
                let key = (address.to_bits().first(length), length);
                self.v4.owners.get(&key).copied()
            }
            IpAddr::V6(address) => {
                let length = length.min(u128::BITS as u8);
                let key = (address.to_bits().first(length), length);
                self.v6.owners.get(&key).copied()
            }
        }
    }

    /// The owner of the longest prefix with this IPv4 address.
    #[must_use]
    pub fn lookup_v4(&self, address: u32) -> Option<u32> {
        self.v4.lookup(address)
    }

    /// The owner of the longest prefix with this IPv6 address.
    #[must_use]
    pub fn lookup_v6(&self, address: u128) -> Option<u32> {
        self.v6.lookup(address)
    }

    /// The owner of the longest prefix with this address.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.lookup_v4(address.to_bits()),
            IpAddr::V6(address) => self.lookup_v6(address.to_bits()),
        }
    }

    /// How many prefixes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.owners.len() + self.v6.owners.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        let mut table = Prefixes::default();
        table.insert(ip("10.0.0.5"), 32, 1);
        table.insert(ip("0.0.0.0"), 0, 2);
        table.insert(ip("10.0.0.0"), 8, 3);
        table.insert(ip("2001:db8::"), 32, 4);
        table.insert(ip("2001:db8:0:1::"), 64, 5);
        for (address, owner) in [
            ("10.0.0.5", Some(1)),
            ("10.9.9.9", Some(3)),
            ("11.0.0.1", Some(2)),
            ("2001:db8:0:1::77", Some(5)),
            ("2001:db8:0:2::77", Some(4)),
            ("2001:db9::", None),
        ] {
            assert_eq!(table.lookup(ip(address)), owner, "{address}");
        }
        assert_eq!(
            table.remove(ip("10.1.2.3"), 8),
            Some(3),
            "host bits do not matter"
        );
        assert_eq!(table.lookup(ip("10.9.9.9")), Some(2));
        assert_eq!(table.owner(ip("10.0.0.5"), 32), Some(1));
        assert_eq!(table.owner(ip("10.0.0.5"), 31), None);
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn memory_follows_what_is_there() {
        let mut table = Prefixes::default();
        for number in 0..100_000 {
            table.insert(Ipv4Addr::from_bits(number * 7).into(), 32, number);
        }
        assert!((0..100_000).all(|n| table.lookup_v4(n * 7) == Some(n)));
        for number in 10..100_000 {
            table.remove(Ipv4Addr::from_bits(number * 7).into(), 32);
        }
        assert!(table.v4.owners.capacity() < 200);
        assert_eq!(table.lookup_v4(63), Some(9));
    }

    proptest! {
        #[test]
        fn as_a_search_through_all_of_them(
            steps in prop::collection::vec((any::<bool>(), 0u128..16, 0u8..=128, 0u32..100), 0..60),
            asked in prop::collection::vec(0u128..16, 0..20),
        ) {
            let mut table = Prefixes::default();
            let mut model: HashMap<(u128, u8), u32> = HashMap::new();
            for (add, high, length, owner) in steps {
                // Few addresses, so that prefixes contain each other.
                let bits = high << 124 | high;
                let address = Ipv6Addr::from_bits(bits);
                let key = (bits.first(length), length);
                if add {
                    prop_assert_eq!(table.insert(address.into(), length, owner), model.insert(key, owner));
                } else {
                    prop_assert_eq!(table.remove(address.into(), length), model.remove(&key));
                }
            }
            prop_assert_eq!(table.len(), model.len());
            for high in asked {
                let bits = high << 124 | high;
                let expected = model
                    .iter()
                    .filter(|((prefix, length), _)| bits.first(*length) == *prefix)
                    .max_by_key(|((_, length), _)| *length)
                    .map(|(_, owner)| *owner);
                prop_assert_eq!(table.lookup_v6(bits), expected);
            }
        }
    }
}
