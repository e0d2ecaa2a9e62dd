//! Queues that hold no memory while they are empty, as those of an idle session are.

use std::collections::VecDeque;

use wanbox_wire::ppp::Protocol;

/// The most entries that may wait. An owner that takes them after each call sees a few.
const LIMIT: usize = 64;

/// Control packets on their way out.
pub(crate) type Outbox = Queue<(Protocol, Box<[u8]>)>;

/// A short queue that forgets what does not fit.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<T>,
    lost: u32,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            lost: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, entry: T) {
        if self.waiting.len() < LIMIT {
            self.waiting.push_back(entry);
        } else {
            self.lost = self.lost.wrapping_add(1);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.clear();
        }
        first
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting = VecDeque::new();
    }

    /// Entries that found it full.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }
}
