//! Queues that take sixteen octets while they are empty, as those of an idle session are.

use std::collections::VecDeque;

use wanbox_wire::ppp::Protocol;

/// The most entries that may wait. An owner that takes them after each call sees a few.
const LIMIT: usize = 64;

/// Control packets on their way out.
pub(crate) type Outbox = Queue<(Protocol, Box<[u8]>)>;

/// A short queue that forgets what does not fit.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: Option<Box<Waiting<T>>>,
    lost: u32,
}

#[derive(Debug)]
struct Waiting<T> {
    entries: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: None,
            lost: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, entry: T) {
        let waiting = self.waiting.get_or_insert_with(|| {
            Box::new(Waiting {
                entries: VecDeque::new(),
            })
        });
        if waiting.entries.len() < LIMIT {
            waiting.entries.push_back(entry);
        } else {
            self.lost = self.lost.wrapping_add(1);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let waiting = self.waiting.as_mut()?;
        let first = waiting.entries.pop_front();
        if waiting.entries.is_empty() {
            self.waiting = None;
        }
        first
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting = None;
    }

    /// Entries that found it full.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Octets on the heap, without what entries own.
    pub(crate) fn heap(&self) -> usize {
        self.waiting.as_deref().map_or(0, |waiting| {
            size_of_val(waiting) + waiting.entries.capacity() * size_of::<T>()
        })
    }
}
