//! Buffers of packets on their way through, used again.

/// A packet in a buffer of its own.
#[derive(Debug)]
pub struct Packet {
    buffer: Box<[u8]>,
    len: usize,
}

impl Packet {
    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&self.buffer)
    }
}

/// Buffers that are free. One that is lost with its packet is made anew when it is needed.
#[derive(Debug)]
pub struct Pool {
    free: Vec<Box<[u8]>>,
    /// The longest packet, octets.
    longest: usize,
}

/// Free buffers that are kept.
const KEPT: usize = 512;

impl Pool {
    /// For packets of at most so many octets.
    pub fn new(longest: usize) -> Self {
        Self {
            free: Vec::new(),
            longest,
        }
    }

    /// From now on packets have at most so many octets.
    pub fn set_longest(&mut self, longest: usize) {
        if longest != self.longest {
            self.longest = longest;
            self.free = Vec::new();
        }
    }

    /// Takes a packet that `read` puts into a buffer. The buffer is one octet longer than the longest
    /// packet, so that what was cut can be told.
    ///
    /// # Errors
    /// That of `read`.
    pub fn fill<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<Option<usize>, E>,
    ) -> Result<Filled, E> {
        let mut buffer = self.take();
        match read(&mut buffer) {
            Ok(Some(len)) if len <= self.longest => Ok(Filled::Packet(Packet { buffer, len })),
            Ok(Some(_)) => {
                self.free.push(buffer);
                Ok(Filled::Cut)
            }
            Ok(None) => {
                self.free.push(buffer);
                Ok(Filled::Nothing)
            }
            Err(error) => {
                self.free.push(buffer);
                Err(error)
            }
        }
    }

    fn take(&mut self) -> Box<[u8]> {
        let free = self.free.pop();
        free.unwrap_or_else(|| vec![0; self.longest + 1].into_boxed_slice())
    }

    /// The packet is done with.
    pub fn give_back(&mut self, packet: Packet) {
        if packet.buffer.len() == self.longest + 1 && self.free.len() < KEPT {
            self.free.push(packet.buffer);
        }
    }
}

/// What became of a buffer.
#[derive(Debug)]
pub enum Filled {
    /// A packet.
    Packet(Packet),
    /// There was none.
    Nothing,
    /// It was longer than the MTU, and is dropped.
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills with a packet of this length.
    fn packet(pool: &mut Pool, len: usize) -> Filled {
        let read = |buffer: &mut [u8]| -> Result<_, ()> {
            let len = len.min(buffer.len());
            buffer[..len].fill(0xa5);
            Ok(Some(len))
        };
        pool.fill(read).unwrap()
    }

    #[test]
    fn buffers_come_back() {
        let mut pool = Pool::new(100);
        for len in [100, 1, 50] {
            let Filled::Packet(packet) = packet(&mut pool, len) else {
                panic!("no packet of {len}");
            };
            assert_eq!(packet.octets(), &vec![0xa5; len][..]);
            pool.give_back(packet);
            assert_eq!(pool.free.len(), 1);
        }
        assert!(matches!(packet(&mut pool, 101), Filled::Cut));
        assert_eq!(pool.free.len(), 1);
        let nothing = pool.fill(|_| Ok::<_, ()>(None)).unwrap();
        assert!(matches!(nothing, Filled::Nothing));
        let Filled::Packet(old) = packet(&mut pool, 9) else {
            panic!("no packet");
        };
        pool.set_longest(200);
        pool.give_back(old);
        assert!(pool.free.is_empty(), "a buffer of the old length");
        let Filled::Packet(packet) = packet(&mut pool, 200) else {
            panic!("no packet of the new length");
        };
        assert_eq!(packet.octets().len(), 200);
    }
}
