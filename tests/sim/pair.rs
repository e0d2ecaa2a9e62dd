//! Two endpoints, a line and a clock.

use std::time::{Duration, Instant};

use crate::clock::{self, Clock};
use crate::line::{End, Impairments, Line};
use crate::random::Random;

/// What the simulator needs of an engine. Without carrier or events: a test sets
/// and reads those on the engine itself, through [`Pair::a`] and [`Pair::b`].
pub trait Endpoint {
    /// A frame came in.
    fn receive(&mut self, now: Instant, frame: &[u8]);
    /// A deadline passed.
    fn handle_timeout(&mut self, now: Instant);
    /// The next deadline.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next frame to send, written over `frame`; `false` when there is none.
    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool;
}

/// Two endpoints joined by a [`Line`] under one [`Clock`].
#[derive(Debug)]
pub struct Pair<A, B = A> {
    /// The endpoint at [`End::A`].
    pub a: A,
    /// The endpoint at [`End::B`].
    pub b: B,
    /// The line between them.
    pub line: Line,
    clock: Clock,
    /// Holds the frame that is being handed over.
    frame: Vec<u8>,
}

impl<A: Endpoint, B: Endpoint> Pair<A, B> {
    /// Joins two endpoints. They are made by functions of the present time.
    pub fn new(
        seed: u64,
        impairments: Impairments,
        a: impl FnOnce(Instant) -> A,
        b: impl FnOnce(Instant) -> B,
    ) -> Self {
        let clock = Clock::new();
        Self {
            a: a(clock.now()),
            b: b(clock.now()),
            line: Line::new(&mut Random::new(seed), impairments),
            clock,
            frame: Vec::new(),
        }
    }

    /// The virtual present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The virtual time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Runs for a virtual time, to its very end.
    ///
    /// # Panics
    /// When an endpoint does not come to rest.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while self.step(end) {}
    }

    /// Runs until `done` says so, for at most `limit`. Returns how long that
    /// took, or `None` when it did not happen.
    ///
    /// # Panics
    /// When an endpoint does not come to rest.
    pub fn run_until(
        &mut self,
        limit: Duration,
        done: impl FnMut(&mut Self) -> bool,
    ) -> Option<Duration> {
        clock::run_until(self, Self::now, Self::step, limit, done)
    }

    /// Takes the endpoints' frames, then moves the clock to the next thing that
    /// happens before `end` and lets it happen. `false` when nothing does: then
    /// the clock is at `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.collect();
        let deadlines = [self.a.poll_timeout(), self.b.poll_timeout()];
        let next = self.line.poll_timeout().into_iter();
        let next = next.chain(deadlines.into_iter().flatten()).min();
        let now = self.clock.now();
        let state = || {
            let ago = deadlines.map(|at| at.map(|at| now - at));
            let under_way = self.line.under_way();
            format!("deadlines of A and B {ago:?} ago, {under_way} frames under way")
        };
        if !self.clock.step(next, end, state) {
            return false;
        }
        let now = self.clock.now();
        if let Some(end) = self.line.deliver(now, &mut self.frame) {
            match end {
                End::A => self.a.receive(now, &self.frame),
                End::B => self.b.receive(now, &self.frame),
            }
        } else {
            if self.a.poll_timeout().is_some_and(|at| at <= now) {
                self.a.handle_timeout(now);
            }
            if self.b.poll_timeout().is_some_and(|at| at <= now) {
                self.b.handle_timeout(now);
            }
        }
        true
    }

    /// Puts on the line what the endpoints want to send.
    fn collect(&mut self) {
        let now = self.clock.now();
        let mut sent = 0;
        while self.a.poll_transmit(now, &mut self.frame) {
            self.line.send(now, End::A, &self.frame);
            sent += 1;
            assert!(sent < clock::STANDING_LIMIT, "A sends without end");
        }
        sent = 0;
        while self.b.poll_transmit(now, &mut self.frame) {
            self.line.send(now, End::B, &self.frame);
            sent += 1;
            assert!(sent < clock::STANDING_LIMIT, "B sends without end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a numbered frame every ten milliseconds and notes what it hears and when.
    struct Beacon {
        next: Instant,
        pending: bool,
        number: u32,
        heard: Vec<(Instant, u32)>,
    }

    const INTERVAL: Duration = Duration::from_millis(10);

    impl Beacon {
        fn new(now: Instant) -> Self {
            Self {
                next: now + INTERVAL,
                pending: false,
                number: 0,
                heard: Vec::new(),
            }
        }
    }

    impl Endpoint for Beacon {
        fn receive(&mut self, now: Instant, frame: &[u8]) {
            self.heard
                .push((now, u32::from_be_bytes(frame.try_into().unwrap())));
        }

        fn handle_timeout(&mut self, now: Instant) {
            assert!(self.next <= now, "called at its deadline");
            self.next = now + INTERVAL;
            self.pending = true;
        }

        fn poll_timeout(&self) -> Option<Instant> {
            Some(self.next)
        }

        fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
            if !std::mem::take(&mut self.pending) {
                return false;
            }
            self.number += 1;
            frame.clear();
            frame.extend_from_slice(&self.number.to_be_bytes());
            true
        }
    }

    fn pair(seed: u64, impairments: Impairments) -> Pair<Beacon> {
        Pair::new(seed, impairments, Beacon::new, Beacon::new)
    }

    #[test]
    fn frames_arrive_when_they_should() {
        let mut pair = pair(1, Impairments::NONE);
        let start = pair.now();
        pair.run_for(Duration::from_millis(35));
        assert_eq!(pair.elapsed(), Duration::from_millis(35));
        let expected: Vec<_> = [(11, 1), (21, 2), (31, 3)]
            .map(|(at, number)| (start + Duration::from_millis(at), number))
            .into();
        assert_eq!(pair.a.heard, expected);
        assert_eq!(pair.b.heard, expected);
    }

    #[test]
    fn run_until_tells_how_long_it_took() {
        let mut pair = pair(1, Impairments::NONE);
        let limit = Duration::from_secs(1);
        let took = pair.run_until(limit, |pair| pair.b.heard.len() == 5);
        assert_eq!(took, Some(Duration::from_millis(51)));
        pair.line.cut();
        let took = pair.run_until(limit, |pair| pair.b.heard.len() == 6);
        assert_eq!(took, None);
        assert_eq!(pair.elapsed(), Duration::from_millis(1051));
    }

    #[test]
    fn a_run_follows_from_its_seed() {
        let impairments = Impairments {
            loss: 0.3,
            duplication: 0.1,
            reordering: 0.2,
            jitter: Duration::from_millis(50),
            ..Impairments::NONE
        };
        let history = |seed| {
            let mut pair = pair(seed, impairments);
            let start = pair.now();
            pair.run_for(Duration::from_secs(10));
            let relative = |heard: &[(Instant, u32)]| {
                heard
                    .iter()
                    .map(|(at, number)| (*at - start, *number))
                    .collect::<Vec<_>>()
            };
            (relative(&pair.a.heard), relative(&pair.b.heard))
        };
        assert_eq!(history(42), history(42));
        assert_ne!(history(42), history(43));
        let (a, b) = history(42);
        assert_ne!(a, b, "the directions draw on their own");
    }

    #[test]
    #[should_panic(expected = "the clock stands")]
    fn an_endpoint_that_never_rests_is_caught() {
        struct Restless(Instant);
        impl Endpoint for Restless {
            fn receive(&mut self, _: Instant, _: &[u8]) {}
            fn handle_timeout(&mut self, _: Instant) {}
            fn poll_timeout(&self) -> Option<Instant> {
                Some(self.0)
            }
            fn poll_transmit(&mut self, _: Instant, _: &mut Vec<u8>) -> bool {
                false
            }
        }
        let mut pair = Pair::new(0, Impairments::NONE, Restless, Restless);
        pair.run_for(Duration::from_secs(1));
    }
}
