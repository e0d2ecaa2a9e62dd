//! The time of day of captured frames, out of their 16-bit millisecond stamps.

use std::time::{Duration, SystemTime};

use wanbox_wire::pipemon::Date;

/// The time of a frame with this date and so many milliseconds, asked for at `now`.
pub fn of_date(date: Date, milliseconds: u16, now: SystemTime) -> SystemTime {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = Duration::from_secs(date.seconds_before(now.as_secs()));
    let time = seconds + Duration::from_millis(milliseconds.into());
    SystemTime::UNIX_EPOCH + time
}

/// Where the stamp starts again.
const CYCLE: Duration = Duration::from_millis(1 << 16);

/// Follows the stamps of a trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    last: Option<(u16, SystemTime)>,
}

impl Clock {
    /// The time of a frame with this stamp that arrived in a reply at `now`. The first frame of a
    /// trace was captured just now; later ones keep the distances of their stamps.
    pub fn time_of(&mut self, stamp: u16, now: SystemTime) -> SystemTime {
        let time = match self.last {
            None => now,
            Some((last_stamp, last_time)) => {
                let distance = Duration::from_millis(stamp.wrapping_sub(last_stamp).into());
                let since = now.duration_since(last_time).unwrap_or_default();
                // Whole cycles may have passed in silence.
                let cycles = since.saturating_sub(distance).as_millis() / CYCLE.as_millis();
                let cycles = u32::try_from(cycles).unwrap_or(u32::MAX);
                let later = CYCLE.saturating_mul(cycles).saturating_add(distance);
                // Both clocks run by themselves: never later than now.
                last_time.checked_add(later).unwrap_or(now).min(now)
            }
        };
        self.last = Some((stamp, time));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_wrap_and_pause() {
        let base = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ms = Duration::from_millis;
        let mut clock = Clock::default();
        assert_eq!(clock.time_of(65_000, base), base);
        assert_eq!(clock.time_of(65_010, base + ms(20)), base + ms(10));
        assert_eq!(clock.time_of(4, base + ms(600)), base + ms(540));
        // Three cycles of silence.
        let later = base + ms(540) + CYCLE * 3 + ms(7);
        assert_eq!(clock.time_of(9, later), base + ms(545) + CYCLE * 3);
        // Never in the future.
        assert_eq!(clock.time_of(1000, later), later);
    }
}
