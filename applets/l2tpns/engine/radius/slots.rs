//! The numbers of requests under way: a socket of ours and an identifier.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a number rests before it is used again, as long as there are others: answers that come
/// late, and servers that remember, then meet nothing new.
const REST: Duration = Duration::from_secs(10);

/// Requests in a row that use one socket: their answers are read in a row.
const ROW: u16 = 16;

/// The place of a request in the tables of its owner.
pub type Owner = u32;
const NOBODY: Owner = Owner::MAX;

/// Who uses which number.
#[derive(Debug)]
pub struct Slots {
    sockets: u8,
    /// By number, up to the highest that was ever used.
    owners: Vec<Owner>,
    /// Those of them that are free, the longest unused first.
    free: VecDeque<(Instant, u16)>,
}

impl Slots {
    /// Numbers of so many sockets, 1 to 255, with 256 identifiers each.
    pub fn new(sockets: u8) -> Self {
        Self {
            sockets: sockets.max(1),
            owners: Vec::new(),
            free: VecDeque::new(),
        }
    }

    /// The socket and the identifier of a number. Rows of requests use different sockets, so that no
    /// socket's buffer has to hold all answers.
    pub fn parts(&self, number: u16) -> (u8, u8) {
        let (row, place) = (number / ROW, number % ROW);
        let sockets = u16::from(self.sockets);
        ((row % sockets) as u8, (row / sockets * ROW + place) as u8)
    }

    fn number(&self, socket: u8, identifier: u8) -> Option<u16> {
        let (row, place) = (u16::from(identifier) / ROW, u16::from(identifier) % ROW);
        let row = row * u16::from(self.sockets) + u16::from(socket);
        (socket < self.sockets).then_some(row * ROW + place)
    }

    /// A number for a request; `None` when all are used.
    pub fn take(&mut self, now: Instant, owner: Owner) -> Option<u16> {
        let all = usize::from(self.sockets) * 256;
        let rested = self
            .free
            .front()
            .is_some_and(|&(since, _)| now.saturating_duration_since(since) >= REST);
        let number = if !rested && self.owners.len() < all {
            self.owners.push(NOBODY);
            // At most 255 x 256.
            (self.owners.len() - 1) as u16
        } else {
            self.free.pop_front()?.1
        };
        *self.owners.get_mut(usize::from(number))? = owner;
        Some(number)
    }

    /// A number is used no more.
    pub fn release(&mut self, now: Instant, number: u16) {
        if let Some(owner) = self.owners.get_mut(usize::from(number))
            && *owner != NOBODY
        {
            *owner = NOBODY;
            self.free.push_back((now, number));
        }
    }

    /// Whose a reply to this socket with this identifier is.
    pub fn owner(&self, socket: u8, identifier: u8) -> Option<(u16, Owner)> {
        let number = self.number(socket, identifier)?;
        let owner = *self.owners.get(usize::from(number))?;
        (owner != NOBODY).then_some((number, owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_once() {
        let now = wanbox_sim::Clock::new().now();
        for sockets in [1, 3, 64, 255] {
            let mut slots = Slots::new(sockets);
            let all = u32::from(sockets) * 256;
            let mut seen = std::collections::HashSet::new();
            for owner in 0..all {
                let number = slots.take(now, owner).unwrap();
                let (socket, identifier) = slots.parts(number);
                assert!(socket < sockets && seen.insert((socket, identifier)));
                assert_eq!(slots.owner(socket, identifier), Some((number, owner)));
            }
            assert_eq!(slots.take(now, all), None);
            slots.release(now, 7);
            slots.release(now, 7);
            assert_eq!(slots.take(now, 9), Some(7));
            assert_eq!(slots.take(now, 9), None);
        }
    }

    #[test]
    fn numbers_rest() {
        let now = wanbox_sim::Clock::new().now();
        let mut slots = Slots::new(1);
        assert_eq!(slots.take(now, 1), Some(0));
        slots.release(now, 0);
        assert_eq!(slots.owner(0, 0), None);
        assert_eq!(slots.take(now, 2), Some(1));
        assert_eq!(slots.take(now + REST, 3), Some(0));
        assert_eq!(slots.owner(1, 0), None);
    }
}
