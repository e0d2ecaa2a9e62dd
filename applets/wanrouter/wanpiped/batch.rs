//! Frames on their way to the line, gathered in one buffer.

use std::ops::Range;

/// Frames in order, each a part of one buffer that is used again and again.
pub struct Batch {
    octets: Vec<u8>,
    frames: Vec<Range<usize>>,
    /// Frames that the line has taken already.
    taken: usize,
    /// Frames that were ever added.
    pushed: u64,
}

impl Batch {
    /// Frames that are sent at once when they are there.
    pub const FRAMES: usize = 64;
    /// Octets after which no further frame is added: some super-packets.
    const FULL: usize = 192 * 1024;

    /// An empty batch with room for a full one.
    pub fn new() -> Self {
        Self {
            octets: Vec::new(),
            frames: Vec::with_capacity(2 * Self::FRAMES),
            taken: 0,
            pushed: 0,
        }
    }

    /// Frames that were ever added: the place of the newest.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// The place of the newest frame that does not wait any more, nor any before it.
    pub fn settled(&self) -> u64 {
        self.pushed - self.frames.len().saturating_sub(self.taken) as u64
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.taken == self.frames.len()
    }

    /// Enough waits to be sent now.
    pub fn is_full(&self) -> bool {
        self.frames.len() >= Self::FRAMES || self.octets.len() >= Self::FULL
    }

    /// Adds a frame of these parts.
    pub fn push(&mut self, header: &[u8], payload: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(header);
        self.octets.extend_from_slice(payload);
        self.frames.push(start..self.octets.len());
        self.pushed += 1;
    }

    /// Adds a frame of this header and a payload of `octets` that `write` makes in place; nothing
    /// when `write` says `false`.
    pub fn push_with(
        &mut self,
        header: &[u8],
        octets: usize,
        write: impl FnOnce(&mut [u8]) -> bool,
    ) -> bool {
        let start = self.octets.len();
        self.octets.extend_from_slice(header);
        let payload = self.octets.len();
        self.octets.resize(payload + octets, 0);
        let written = self.octets.get_mut(payload..).is_some_and(write);
        if written {
            self.frames.push(start..self.octets.len());
            self.pushed += 1;
        } else {
            self.octets.truncate(start);
        }
        written
    }

    /// The frames that wait, in order.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let frames = self.frames.get(self.taken..).unwrap_or_default();
        frames
            .iter()
            .map(|range| self.octets.get(range.clone()).unwrap_or_default())
    }

    /// The line took the first `count` of the waiting frames.
    pub fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.frames.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.frames.clear();
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_forgets_what_was_taken() {
        let mut batch = Batch::new();
        batch.push(&[1], &[2, 3]);
        assert!(batch.push_with(&[4], 2, |room| {
            room.fill(5);
            true
        }));
        assert!(!batch.push_with(&[9], 7, |_| false));
        batch.take(1);
        assert!(batch.waiting().eq([[4, 5, 5].as_slice()]));
        assert_eq!((batch.pushed(), batch.settled()), (2, 1));
        batch.take(1);
        assert!(batch.is_empty());
        assert_eq!((batch.pushed(), batch.settled()), (2, 2));
        batch.push(&[6], &[]);
        assert!(batch.waiting().eq([[6].as_slice()]));
    }
}
