//! Virtual time.

use std::time::{Duration, Instant};

/// A clock that moves only when told. Its base is a real [`Instant`], taken once,
/// because an `Instant` cannot be made of nothing; no result depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    now: Instant,
    /// Steps taken without moving.
    standing: u32,
}

/// The most steps that a simulation takes without the clock moving: more means that somebody asks for a deadline that
/// has passed again and again, or that two answer each other without end.
pub(crate) const STANDING_LIMIT: u32 = 10_000;

impl Clock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        let base = Instant::now();
        Self {
            base,
            now: base,
            standing: 0,
        }
    }

    /// The virtual present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How far the clock has moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.duration_since(self.base)
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Moves the clock to `to`; a time in the past leaves it where it is.
    pub fn advance_to(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }

    /// Moves to the next thing that happens, if that is before `end`; `false`: nothing does, and the clock is at `end`.
    /// `state` is for people when nobody comes to rest.
    pub(crate) fn step(
        &mut self,
        next: Option<Instant>,
        end: Instant,
        state: impl FnOnce() -> String,
    ) -> bool {
        let next = next.filter(|next| *next <= end);
        self.standing = match next {
            Some(next) if next <= self.now => self.standing + 1,
            _ => 0,
        };
        self.advance_to(next.unwrap_or(end));
        assert!(
            self.standing < STANDING_LIMIT,
            "the clock stands at {:?}: {}",
            self.elapsed(),
            state()
        );
        next.is_some()
    }
}

/// Takes steps of a simulation until `done` says so, for at most `limit`. Returns how long that took, or `None` when it
/// did not happen.
pub(crate) fn run_until<S>(
    simulation: &mut S,
    now: fn(&S) -> Instant,
    step: fn(&mut S, Instant) -> bool,
    limit: Duration,
    mut done: impl FnMut(&mut S) -> bool,
) -> Option<Duration> {
    let start = now(simulation);
    let mut goes_on = true;
    while !done(simulation) {
        if !goes_on {
            return None;
        }
        goes_on = step(simulation, start + limit);
    }
    Some(now(simulation).duration_since(start))
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
