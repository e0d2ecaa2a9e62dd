//! Virtual time.

use std::time::{Duration, Instant};

/// A clock that moves only when told. Its base is a real [`Instant`], taken once,
/// because an `Instant` cannot be made of nothing; no result depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    now: Instant,
}

impl Clock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        let base = Instant::now();
        Self { base, now: base }
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
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
