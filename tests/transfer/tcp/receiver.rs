//! The end that gets the file.

use std::time::{Duration, Instant};

use super::{Ack, Range};

/// How long an acknowledgement waits for a second segment.
const DELAY: Duration = Duration::from_millis(40);

/// The receiving end.
#[derive(Debug, Default)]
pub struct Receiver {
    /// Everything before this octet is there.
    next: u64,
    /// What is there beyond, in order, apart from each other.
    beyond: Vec<Range>,
    /// Segments since the last acknowledgement.
    unacknowledged: u32,
    acknowledge_at: Option<Instant>,
    /// Segments that came before one that was sent earlier.
    pub out_of_order: u64,
    /// Segments that were there already.
    pub twice: u64,
}

impl Receiver {
    /// Octets that are there in order.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.next
    }

    /// A piece of the file came; the acknowledgement to send at once, if any.
    pub fn data(&mut self, now: Instant, from: u64, len: u64) -> Option<Ack> {
        let range = (from, from + len);
        let there = |r: &Range| r.0 <= range.0 && range.1 <= r.1;
        if range.1 <= self.next || self.beyond.iter().any(there) {
            self.twice += 1;
            return Some(Ack {
                twice: Some(range),
                ..self.acknowledge(None)
            });
        }
        if from > self.next {
            self.out_of_order += 1;
            self.insert(range);
            return Some(self.acknowledge(Some(range)));
        }
        let gap = !self.beyond.is_empty();
        self.next = range.1;
        while let Some(first) = self.beyond.first().filter(|r| r.0 <= self.next) {
            self.next = self.next.max(first.1);
            self.beyond.remove(0);
        }
        self.unacknowledged += 1;
        if gap || self.unacknowledged >= 2 {
            return Some(self.acknowledge(None));
        }
        self.acknowledge_at = Some(now + DELAY);
        None
    }

    /// The acknowledgement that has waited long enough.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Ack> {
        let due = self.acknowledge_at.is_some_and(|at| at <= now);
        due.then(|| self.acknowledge(None))
    }

    /// When that is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.acknowledge_at
    }

    fn insert(&mut self, mut range: Range) {
        self.beyond.retain(|other| {
            let apart = other.1 < range.0 || range.1 < other.0;
            if !apart {
                range = (range.0.min(other.0), range.1.max(other.1));
            }
            apart
        });
        let place = self.beyond.partition_point(|other| other.0 < range.0);
        self.beyond.insert(place, range);
    }

    fn acknowledge(&mut self, latest: Option<Range>) -> Ack {
        self.unacknowledged = 0;
        self.acknowledge_at = None;
        let has = |range: &&Range| latest.is_some_and(|l| range.0 <= l.0 && l.1 <= range.1);
        let first = self.beyond.iter().find(has).copied();
        let others = self.beyond.iter().rev().copied();
        let mut all = first
            .into_iter()
            .chain(others.filter(|r| Some(*r) != first));
        Ack {
            next: self.next,
            ranges: [all.next(), all.next(), all.next()],
            twice: None,
        }
    }
}
