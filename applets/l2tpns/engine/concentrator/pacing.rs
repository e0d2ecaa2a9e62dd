//! Storms of calls: how many logins are under way at a time, and which call is next.
//!
//! After an outage every subscriber of a region calls at once. What is accepted beyond what
//! authentication can bear times out there, is tried again, and times out again. So calls wait
//! instead, unanswered, where their LAC waits too. Tunnels take turns, so that a small one is not
//! kept waiting by a large one.

use std::collections::{HashMap, VecDeque};

use crate::tunnel::IncomingCall;
use crate::{CallId, TunnelId};

/// Calls that wait, and how many logins are under way.
#[derive(Debug, Default)]
pub struct Pacing {
    under_way: usize,
    waiting: HashMap<(TunnelId, CallId), Box<IncomingCall>>,
    /// The calls of a tunnel in their order; those that gave up are among them still.
    queues: HashMap<TunnelId, VecDeque<CallId>>,
    /// Whose turn is next.
    turns: VecDeque<TunnelId>,
}

impl Pacing {
    /// A call came in.
    pub fn push(&mut self, tunnel: TunnelId, call: CallId, request: Box<IncomingCall>) {
        self.waiting.insert((tunnel, call), request);
        let queue = self.queues.entry(tunnel).or_insert_with(|| {
            self.turns.push_back(tunnel);
            VecDeque::new()
        });
        queue.push_back(call);
    }

    /// The next call to accept, while less than `most` logins are under way; it counts from now on.
    pub fn next(&mut self, most: usize) -> Option<(TunnelId, CallId, Box<IncomingCall>)> {
        while self.under_way < most {
            let tunnel = self.turns.pop_front()?;
            let Some(queue) = self.queues.get_mut(&tunnel) else {
                continue;
            };
            let waiting = &mut self.waiting;
            let next = std::iter::from_fn(|| queue.pop_front())
                .find_map(|call| Some((call, waiting.remove(&(tunnel, call))?)));
            if queue.is_empty() {
                self.queues.remove(&tunnel);
            } else {
                self.turns.push_back(tunnel);
            }
            if let Some((call, request)) = next {
                self.under_way += 1;
                return Some((tunnel, call, request));
            }
        }
        None
    }

    /// A login is over, or does not count any more.
    pub fn done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// A call ended. Whether it waited.
    pub fn remove(&mut self, tunnel: TunnelId, call: CallId) -> bool {
        self.waiting.remove(&(tunnel, call)).is_some()
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many logins are under way.
    #[cfg(test)]
    pub const fn under_way(&self) -> usize {
        self.under_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(pacing: &mut Pacing, tunnel: u16, calls: std::ops::Range<u16>) {
        for call in calls {
            pacing.push(TunnelId(tunnel), CallId(call), Box::default());
        }
    }

    fn next(pacing: &mut Pacing) -> Option<(u16, u16)> {
        let (tunnel, call, _) = pacing.next(4)?;
        Some((tunnel.0, call.0))
    }

    #[test]
    fn tunnels_take_turns() {
        let mut pacing = Pacing::default();
        push(&mut pacing, 1, 1..100);
        push(&mut pacing, 2, 1..3);
        let order: Vec<_> = std::iter::from_fn(|| next(&mut pacing)).collect();
        assert_eq!(order, [(1, 1), (2, 1), (1, 2), (2, 2)]);
        pacing.done();
        assert_eq!(next(&mut pacing), Some((1, 3)));
        assert_eq!((pacing.waiting(), pacing.under_way()), (96, 4));
    }

    #[test]
    fn calls_that_gave_up_are_passed_over() {
        let mut pacing = Pacing::default();
        push(&mut pacing, 1, 1..5);
        push(&mut pacing, 2, 1..2);
        for call in 1..4 {
            assert!(pacing.remove(TunnelId(1), CallId(call)));
        }
        assert!(pacing.remove(TunnelId(2), CallId(1)));
        assert!(!pacing.remove(TunnelId(2), CallId(1)));
        assert_eq!(next(&mut pacing), Some((1, 4)));
        assert_eq!(next(&mut pacing), None);
        assert_eq!(pacing.under_way(), 1);
        assert!(pacing.queues.is_empty() && pacing.turns.is_empty());
    }
}
