//! Channels that are free for calls of peers: the lowest is taken first, since the packet layer
//! takes the highest for its own.

use std::ops::RangeInclusive;

use wanbox_wire::x25::Lci;

/// A set of channels, and which of them are free.
#[derive(Debug)]
pub(super) struct Free {
    /// A bit a channel that peers may have.
    may: Vec<u64>,
    /// A bit a channel that is free.
    free: Vec<u64>,
}

impl Free {
    /// All of these are free.
    pub(super) fn new(ranges: &[RangeInclusive<u16>], highest: u16) -> Self {
        let words = usize::from(highest) / 64 + 1;
        let mut may = vec![0_u64; words];
        for channel in ranges.iter().cloned().flatten().filter(|c| *c <= highest) {
            if let Some(word) = may.get_mut(usize::from(channel / 64)) {
                *word |= 1 << (channel % 64);
            }
        }
        Self {
            free: vec![u64::MAX; words],
            may,
        }
    }

    /// The lowest.
    pub(super) fn lowest(&self) -> Option<Lci> {
        let mut words = (0..).zip(self.may.iter().zip(&self.free));
        let found = words.find_map(|(place, (may, free)): (u16, _)| {
            let both = may & free;
            // A bit's number is less than 64.
            (both != 0).then(|| place * 64 + both.trailing_zeros() as u16)
        });
        found.and_then(Lci::new)
    }

    /// A channel is free, or is not.
    pub(super) fn set(&mut self, channel: Lci, is_free: bool) {
        let channel = channel.get();
        if let Some(word) = self.free.get_mut(usize::from(channel / 64)) {
            let bit = 1 << (channel % 64);
            *word = if is_free { *word | bit } else { *word & !bit };
        }
    }
}
