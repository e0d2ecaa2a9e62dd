//! The last N393 events, and whether N392 of them were errors (Q.933 section A.5).

/// Events of link integrity: errors bring the link down, an unbroken run of good ones brings it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    n392: u8,
    n393: u8,
    /// One bit an event, the last one lowest, set for an error.
    history: u16,
    recorded: u8,
    good_run: u8,
}

impl Window {
    /// An empty history. N393 is at most 10.
    pub fn new(n392: u8, n393: u8) -> Self {
        Self {
            n392,
            n393,
            history: 0,
            recorded: 0,
            good_run: 0,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.n392, self.n393);
    }

    /// Notes an event.
    pub fn record(&mut self, error: bool) {
        let mask = (1_u16 << self.n393) - 1;
        self.history = (self.history << 1 | u16::from(error)) & mask;
        self.recorded = self.recorded.saturating_add(1).min(self.n393);
        self.good_run = if error {
            0
        } else {
            self.good_run.saturating_add(1)
        };
    }

    /// Errors among the last N393 events.
    pub fn errors(&self) -> u8 {
        // At most 10 bits are set.
        self.history.count_ones() as u8
    }

    /// Events noted, at most N393.
    pub fn recorded(&self) -> u8 {
        self.recorded
    }

    /// N392 of the last N393 events were errors.
    pub fn failed(&self) -> bool {
        self.errors() >= self.n392
    }

    /// The last N392 events were good.
    pub fn recovered(&self) -> bool {
        self.good_run >= self.n392
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn three_of_four_fail_and_three_in_a_row_recover() {
        let mut window = Window::new(3, 4);
        for (error, failed, recovered) in [
            (true, false, false),
            (true, false, false),
            (false, false, false),
            (true, true, false),
            (false, false, false),
            (false, false, false),
            (false, false, true),
            (true, false, false),
        ] {
            window.record(error);
            assert_eq!((window.failed(), window.recovered()), (failed, recovered));
        }
        assert_eq!((window.errors(), window.recorded()), (1, 4));
        window.clear();
        assert_eq!((window.errors(), window.recorded()), (0, 0));
    }

    #[test]
    fn old_errors_leave_the_window() {
        let mut window = Window::new(10, 10);
        for _ in 0..9 {
            window.record(true);
        }
        window.record(false);
        assert!(!window.failed());
        for _ in 0..9 {
            window.record(true);
        }
        assert_eq!(window.errors(), 9);
        window.record(true);
        assert!(window.failed());
    }
}
