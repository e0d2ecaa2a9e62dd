//! When which session has to be looked after: one heap for all.
//!
//! An entry is never moved. Who has to be looked after later than it was to be keeps the entry
//! that it has and gets another when that comes; who has to be earlier gets a second one, and the
//! first is passed over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::SessionId;
use crate::session::Session;

/// The timers of all sessions.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, SessionId)>>,
}

impl Timers {
    /// Has the session looked after when it wants to be.
    pub fn set(&mut self, session: &mut Session) {
        let Some(at) = session.poll_timeout() else {
            return;
        };
        if session.timer.is_none_or(|timer| at < timer) {
            session.timer = Some(at);
            self.heap.push(Reverse((at, session.id)));
        }
    }

    /// The next session whose time has come, and the time of the entry: one that is not the
    /// session's own any more is to be passed over.
    pub fn due(&mut self, now: Instant) -> Option<(Instant, SessionId)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// When the next entry comes.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
