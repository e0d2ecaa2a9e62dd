//! Progress of long work, as one line of text.

use std::time::Duration;

/// Work of a known size in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    total: u64,
}

impl Progress {
    /// Columns of the bar itself.
    const BAR: u64 = 30;

    /// Work of this many octets.
    pub fn new(total: u64) -> Self {
        Self { total }
    }

    /// The line for this many octets done after this time, without an end of line:
    /// a bar, the share, the amount, the rate and the time that is left at that rate.
    pub fn line(&self, done: u64, elapsed: Duration) -> String {
        let done = done.min(self.total);
        let share = |of: u64| {
            done.checked_mul(of)
                .and_then(|n| n.checked_div(self.total))
                .unwrap_or(of)
        };
        let filled = share(Self::BAR) as usize;
        let seconds = elapsed.as_secs_f64();
        let octets_per_second = if seconds > 0.0 {
            done as f64 / seconds
        } else {
            0.0
        };
        let left = if done == self.total {
            format!("{seconds:.1} s")
        } else if octets_per_second > 0.0 {
            let seconds = (self.total - done) as f64 / octets_per_second;
            format!("{seconds:.0} s left")
        } else {
            "stalled".to_owned()
        };
        format!(
            "[{:#<filled$}{:-<rest$}] {:3}% of {}, {}, {left}",
            "",
            "",
            share(100),
            size(self.total),
            rate(octets_per_second * 8.0),
            rest = Self::BAR as usize - filled,
        )
    }
}

/// Octets in the decimal unit that leaves one to three digits before the point.
pub fn size(octets: u64) -> String {
    scaled(octets as f64, &["octets", "kB", "MB", "GB", "TB"])
}

/// Bits a second in the decimal unit that leaves one to three digits before the point.
pub fn rate(bits_per_second: f64) -> String {
    scaled(
        bits_per_second,
        &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"],
    )
}

/// A value of the first unit, brought to the one it reads best in.
fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut units = units.iter().copied().peekable();
    let mut unit = units.next().unwrap_or_default();
    let mut decimals = 0;
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        value /= 1000.0;
        unit = next;
        decimals = if value < 9.995 { 2 } else { 1 };
    }
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let work = Progress::new(1_500_000);
        assert_eq!(
            work.line(0, Duration::ZERO),
            "[------------------------------]   0% of 1.50 MB, 0 bit/s, stalled"
        );
        assert_eq!(
            work.line(750_000, Duration::from_secs(3)),
            "[###############---------------]  50% of 1.50 MB, 2.00 Mbit/s, 3 s left"
        );
        assert_eq!(
            work.line(1_500_000, Duration::from_millis(6100)),
            "[##############################] 100% of 1.50 MB, 1.97 Mbit/s, 6.1 s"
        );
    }

    #[test]
    fn more_than_all_and_nothing_at_all() {
        let all = Progress::new(10).line(u64::MAX, Duration::from_secs(1));
        assert!(all.contains("100%"), "{all}");
        let nothing = Progress::new(0).line(0, Duration::from_secs(1));
        assert!(nothing.contains("100%"), "{nothing}");
    }

    #[test]
    fn units() {
        assert_eq!(size(999), "999 octets");
        assert_eq!(size(1000), "1.00 kB");
        assert_eq!(size(65_536), "65.5 kB");
        assert_eq!(rate(64_000.0), "64.0 kbit/s");
        assert_eq!(rate(2_048_000.0), "2.05 Mbit/s");
        assert_eq!(rate(3e15), "3000.0 Tbit/s");
    }
}
