//! Buffers that grow with what is in them and are used again.

/// Where rings get their memory and leave it, and how much all of them may take.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Spare buffers by the logarithm of their length, from [`Pool::LEAST`] on.
    spare: [Vec<Box<[u8]>>; Self::CLASSES],
    spare_octets: usize,
    /// Octets in rings.
    used: usize,
    /// The most of them.
    limit: usize,
}

impl Pool {
    /// The shortest buffer, octets.
    const LEAST: usize = 256;
    const CLASSES: usize = 20;
    /// The most octets kept for later.
    const SPARE: usize = 1 << 20;

    pub fn new(limit: usize) -> Self {
        Self {
            spare: Default::default(),
            spare_octets: 0,
            used: 0,
            limit,
        }
    }

    /// Octets that rings have.
    pub fn used(&self) -> usize {
        self.used
    }

    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    fn class(octets: usize) -> usize {
        (octets / Self::LEAST).trailing_zeros() as usize
    }

    /// A buffer of at least so many octets.
    fn take(&mut self, octets: usize) -> Option<Box<[u8]>> {
        let octets = octets.next_power_of_two().max(Self::LEAST);
        if self.used + octets > self.limit {
            return None;
        }
        let spare = self.spare.get_mut(Self::class(octets))?;
        self.used += octets;
        Some(match spare.pop() {
            Some(buffer) => {
                self.spare_octets -= octets;
                buffer
            }
            None => vec![0; octets].into_boxed_slice(),
        })
    }

    fn give(&mut self, buffer: Box<[u8]>) {
        let octets = buffer.len();
        if octets == 0 {
            return;
        }
        self.used = self.used.saturating_sub(octets);
        if self.spare_octets + octets <= Self::SPARE
            && let Some(spare) = self.spare.get_mut(Self::class(octets))
        {
            self.spare_octets += octets;
            spare.push(buffer);
        }
    }
}

/// A queue of octets. Behind its end there may be octets already that came out of order.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// A power of two long, or empty.
    buffer: Box<[u8]>,
    head: u32,
    len: u32,
    /// The most octets in the queue since it had a buffer; without one, what it will need again.
    peak: u32,
}

impl Ring {
    /// Octets in the queue.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for so many octets from the first on; `false` when there is no memory.
    pub fn reserve(&mut self, pool: &mut Pool, octets: usize) -> bool {
        if octets <= self.buffer.len() {
            return true;
        }
        // At once what it needed the last time, so that a stream does not grow it again and again.
        let likely = self.peak as usize;
        let larger = if self.buffer.is_empty() && likely > octets {
            pool.take(likely).or_else(|| pool.take(octets))
        } else {
            pool.take(octets)
        };
        let Some(mut larger) = larger else {
            return false;
        };
        if self.buffer.is_empty() {
            self.peak = 0;
        }
        let (behind, front) = self.buffer.split_at(self.head as usize);
        let (first, rest) = larger.split_at_mut(front.len());
        first.copy_from_slice(front);
        rest[..behind.len()].copy_from_slice(behind);
        pool.give(std::mem::replace(&mut self.buffer, larger));
        self.head = 0;
        true
    }

    /// Writes octets at a place counted from the first of the queue, where there is room.
    pub fn write(&mut self, at: u32, octets: &[u8]) {
        let (mut first, mut second) = self.parts_mut(at, octets.len());
        let cut = first.len().min(octets.len());
        let (a, b) = octets.split_at(cut);
        first = first.split_at_mut(a.len()).0;
        first.copy_from_slice(a);
        second = second.split_at_mut(b.len().min(second.len())).0;
        if second.len() == b.len() {
            second.copy_from_slice(b);
        }
    }

    fn parts_mut(&mut self, at: u32, octets: usize) -> (&mut [u8], &mut [u8]) {
        let size = self.buffer.len();
        if size == 0 {
            return (&mut [], &mut []);
        }
        let start = (self.head as usize + at as usize) & (size - 1);
        let first = octets.min(size - start);
        let (behind, front) = self.buffer.split_at_mut(start);
        let second = (octets - first).min(behind.len());
        (&mut front[..first], &mut behind[..second])
    }

    /// Octets of the queue from a place on: where the buffer wraps they are in two parts.
    pub fn parts(&self, at: u32, octets: usize) -> (&[u8], &[u8]) {
        let size = self.buffer.len();
        let octets = octets.min(self.len.saturating_sub(at) as usize);
        if octets == 0 {
            return (&[], &[]);
        }
        let start = (self.head as usize + at as usize) & (size - 1);
        let first = octets.min(size - start);
        let (behind, front) = self.buffer.split_at(start);
        (&front[..first], &behind[..octets - first])
    }

    /// The queue is longer by octets that were written behind its end.
    pub fn extend(&mut self, octets: u32) {
        self.len += octets;
        self.peak = self.peak.max(self.len);
    }

    /// The first octets are done with.
    pub fn consume(&mut self, octets: u32) {
        let octets = octets.min(self.len);
        self.len -= octets;
        if !self.buffer.is_empty() {
            self.head = (self.head + octets) & (self.buffer.len() as u32 - 1);
        }
    }

    /// Gives the memory back. What was in it is gone.
    pub fn free(&mut self, pool: &mut Pool) {
        let full = self.buffer.len() as u32;
        if full == 0 {
            return;
        }
        pool.give(std::mem::take(&mut self.buffer));
        // What was not half full can be smaller.
        let peak = if self.peak > full / 2 { full } else { full / 2 };
        *self = Self {
            peak,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_leave_as_they_came() {
        let mut pool = Pool::new(1 << 16);
        let mut ring = Ring::default();
        let (mut next, mut expected) = (0u8, 0u8);
        for step in 0u32..2000 {
            let octets: Vec<u8> = (0..step % 97)
                .map(|_| {
                    next = next.wrapping_add(1);
                    next
                })
                .collect();
            assert!(ring.reserve(&mut pool, ring.len() as usize + octets.len()));
            // The second half first, as when segments change places.
            let (a, b) = octets.split_at(octets.len() / 2);
            ring.write(ring.len() + a.len() as u32, b);
            ring.write(ring.len(), a);
            ring.extend(octets.len() as u32);
            let take = (step * 7 % 101).min(ring.len());
            let (a, b) = ring.parts(0, take as usize);
            for octet in a.iter().chain(b) {
                expected = expected.wrapping_add(1);
                assert_eq!(*octet, expected);
            }
            ring.consume(take);
        }
        assert!(pool.used() >= 256);
        ring.free(&mut pool);
        assert_eq!((pool.used(), ring.len()), (0, 0));
        // The next one begins with what was needed, and shrinks when it is not.
        assert!(ring.reserve(&mut pool, 10) && pool.used() >= 512);
        for _ in 0..10 {
            ring.free(&mut pool);
            assert!(ring.reserve(&mut pool, 10));
        }
        assert_eq!(pool.used(), 256);
    }

    #[test]
    fn memory_is_bounded() {
        let mut pool = Pool::new(1000);
        let (mut a, mut b) = (Ring::default(), Ring::default());
        assert!(a.reserve(&mut pool, 512));
        assert!(!b.reserve(&mut pool, 512));
        assert!(b.reserve(&mut pool, 256));
        a.free(&mut pool);
        assert!(b.reserve(&mut pool, 257));
        assert_eq!(pool.used(), 512);
    }
}
