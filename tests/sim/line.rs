//! A line of two directions that loses, doubles, damages, delays and reorders.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::random::Random;

/// One end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first endpoint of a pair.
    A,
    /// The second.
    B,
}

impl End {
    /// The end at the far side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What one direction of a line does to frames. Probabilities are 0 to 1 a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairments {
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Probability that a frame arrives twice.
    pub duplication: f64,
    /// Probability that a frame is held back by up to `jitter`, so that later ones overtake it.
    pub reordering: f64,
    /// The longest time a reordered frame is held back.
    pub jitter: Duration,
    /// Probability that one bit of a frame is inverted.
    pub corruption: f64,
    /// The time every frame takes.
    pub delay: Duration,
}

impl Impairments {
    /// A perfect direction that takes one millisecond.
    pub const NONE: Self = Self {
        loss: 0.0,
        duplication: 0.0,
        reordering: 0.0,
        jitter: Duration::ZERO,
        corruption: 0.0,
        delay: Duration::from_millis(1),
    };

    fn check(&self) {
        for (what, value) in [
            ("loss", self.loss),
            ("duplication", self.duplication),
            ("reordering", self.reordering),
            ("corruption", self.corruption),
        ] {
            assert!(
                (0.0..=1.0).contains(&value),
                "{what}: {value} is not a probability (0 to 1)"
            );
        }
    }
}

impl Default for Impairments {
    fn default() -> Self {
        Self::NONE
    }
}

/// What became of the frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames given to the line.
    pub sent: u64,
    /// Frames (and second copies) that arrived.
    pub delivered: u64,
    /// Frames the line lost.
    pub lost: u64,
    /// Second copies made.
    pub duplicated: u64,
    /// Frames held back.
    pub reordered: u64,
    /// Frames with an inverted bit.
    pub corrupted: u64,
    /// Frames sent into a cut line, or under way when it was cut.
    pub cut: u64,
    /// Frames refused because [`Line::CAPACITY`] were under way.
    pub overflowed: u64,
}

/// A line between two ends.
#[derive(Debug)]
pub struct Line {
    directions: [Direction; 2],
    joined: bool,
    /// Whether what an end sends comes back to it.
    looped: [bool; 2],
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

impl Line {
    /// The most frames under way in one direction.
    pub const CAPACITY: usize = 4096;

    /// A joined line with both directions impaired alike.
    ///
    /// # Panics
    /// When a probability is not within 0 to 1.
    #[must_use]
    pub fn new(random: &mut Random, impairments: Impairments) -> Self {
        impairments.check();
        Self {
            directions: [
                Direction::new(random.fork(), impairments),
                Direction::new(random.fork(), impairments),
            ],
            joined: true,
            looped: [false; 2],
            spare: Vec::new(),
        }
    }

    /// Impairs both directions from now on; frames under way are not touched.
    ///
    /// # Panics
    /// When a probability is not within 0 to 1.
    pub fn impair(&mut self, impairments: Impairments) {
        self.impair_from(End::A, impairments);
        self.impair_from(End::B, impairments);
    }

    /// Impairs what `end` sends.
    ///
    /// # Panics
    /// When a probability is not within 0 to 1.
    pub fn impair_from(&mut self, end: End, impairments: Impairments) {
        impairments.check();
        self.directions[end as usize].impairments = impairments;
    }

    /// Cuts the line without a sign: frames under way and frames sent are gone.
    pub fn cut(&mut self) {
        self.joined = false;
        for direction in &mut self.directions {
            direction.counters.cut += direction.under_way.len() as u64;
            self.spare
                .extend(direction.under_way.drain().map(|frame| frame.octets));
        }
    }

    /// Joins a cut line.
    pub fn join(&mut self) {
        self.joined = true;
    }

    /// Whether the line is joined.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Makes what `end` sends come back to it (`true`), as a loop plug or a
    /// modem's test switch does, or go to the far end. The other end is then
    /// not heard at this one.
    pub fn set_looped(&mut self, end: End, looped: bool) {
        self.looped[end as usize] = looped;
    }

    /// What became of the frames that `end` sent.
    #[must_use]
    pub fn counters(&self, end: End) -> Counters {
        self.directions[end as usize].counters
    }

    /// Frames under way, both directions.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.directions.iter().map(|d| d.under_way.len()).sum()
    }

    /// A frame leaves `end`.
    pub fn send(&mut self, now: Instant, end: End, octets: &[u8]) {
        let direction = &mut self.directions[end as usize];
        direction.counters.sent += 1;
        if !self.joined {
            direction.counters.cut += 1;
            return;
        }
        if direction.random.chance(direction.impairments.loss) {
            direction.counters.lost += 1;
            return;
        }
        let copies = if direction.random.chance(direction.impairments.duplication) {
            direction.counters.duplicated += 1;
            2
        } else {
            1
        };
        for _ in 0..copies {
            let buffer = self.spare.pop().unwrap_or_default();
            if let Err(buffer) = direction.carry(now, octets, buffer) {
                self.spare.push(buffer);
            }
        }
    }

    /// When the next frame arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.directions
            .iter()
            .filter_map(|direction| direction.under_way.peek())
            .map(|frame| frame.arrival)
            .min()
    }

    /// The next frame that has arrived by `now`, written over `octets`, and the
    /// end it arrives at.
    pub fn deliver(&mut self, now: Instant, octets: &mut Vec<u8>) -> Option<End> {
        loop {
            let from = self.earliest()?;
            let direction = &mut self.directions[from as usize];
            if direction.under_way.peek()?.arrival > now {
                return None;
            }
            let frame = direction.under_way.pop()?;
            direction.counters.delivered += 1;
            octets.clear();
            octets.extend_from_slice(&frame.octets);
            self.spare.push(frame.octets);
            if self.looped[from as usize] {
                return Some(from);
            }
            let to = from.other();
            if !self.looped[to as usize] {
                return Some(to);
            }
            // The far end hears only itself.
        }
    }

    /// The direction whose next frame arrives first.
    fn earliest(&self) -> Option<End> {
        let arrival = |end: End| Some(self.directions[end as usize].under_way.peek()?.arrival);
        match (arrival(End::A), arrival(End::B)) {
            (Some(a), Some(b)) => Some(if a <= b { End::A } else { End::B }),
            (Some(_), None) => Some(End::A),
            (None, Some(_)) => Some(End::B),
            (None, None) => None,
        }
    }
}

/// One direction of a line.
#[derive(Debug)]
struct Direction {
    random: Random,
    impairments: Impairments,
    under_way: BinaryHeap<UnderWay>,
    /// Numbers the frames, so that those of one arrival time keep their order.
    order: u64,
    counters: Counters,
}

impl Direction {
    fn new(random: Random, impairments: Impairments) -> Self {
        Self {
            random,
            impairments,
            under_way: BinaryHeap::new(),
            order: 0,
            counters: Counters::default(),
        }
    }

    /// Puts a copy of `octets` under way in `buffer`, or gives the buffer back when there is no room.
    fn carry(&mut self, now: Instant, octets: &[u8], mut buffer: Vec<u8>) -> Result<(), Vec<u8>> {
        if self.under_way.len() >= Line::CAPACITY {
            self.counters.overflowed += 1;
            return Err(buffer);
        }
        buffer.clear();
        buffer.extend_from_slice(octets);
        if !octets.is_empty() && self.random.chance(self.impairments.corruption) {
            let bit = self.random.below(octets.len() as u64 * 8);
            buffer[(bit / 8) as usize] ^= 1 << (bit % 8);
            self.counters.corrupted += 1;
        }
        let mut arrival = now + self.impairments.delay;
        if self.random.chance(self.impairments.reordering) {
            arrival += self.random.duration(self.impairments.jitter);
            self.counters.reordered += 1;
        }
        self.order += 1;
        self.under_way.push(UnderWay {
            arrival,
            order: self.order,
            octets: buffer,
        });
        Ok(())
    }
}

/// A frame on its way. The greatest in a heap is the one to arrive first.
#[derive(Debug)]
struct UnderWay {
    arrival: Instant,
    order: u64,
    octets: Vec<u8>,
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.order).cmp(&(self.arrival, self.order))
    }
}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UnderWay {}

#[cfg(test)]
mod tests;
