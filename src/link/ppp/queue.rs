//! Queues that take sixteen octets while they are empty, as those of an idle session are.

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

/// An entry and those behind it: mostly it is alone, and then one piece of memory has all.
#[derive(Debug)]
struct Waiting<T> {
    entry: T,
    next: Option<Box<Self>>,
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
        let mut last = &mut self.waiting;
        for _ in 0..LIMIT {
            let Some(waiting) = last else {
                *last = Some(Box::new(Waiting { entry, next: None }));
                return;
            };
            last = &mut waiting.next;
        }
        self.lost = self.lost.wrapping_add(1);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let Waiting { entry, next } = *self.waiting.take()?;
        self.waiting = next;
        Some(entry)
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
        let first = self.waiting.as_deref();
        std::iter::successors(first, |waiting| waiting.next.as_deref())
            .map(size_of_val)
            .sum()
    }
}
