//! The clock on the wall: the time of day, the place's time zone, and waiting for a moment of it.
//!
//! People and NTP set it, and it goes on while the machine sleeps; timers that measure how long
//! something takes have [`crate::event_loop::Loop::now`] instead.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// As far away as a moment can be that is waited for: some centuries.
const NEVER: i64 = 1 << 34;

unsafe extern "C" {
    /// POSIX.1, `<time.h>`; the libc crate leaves it out for Linux.
    fn tzset();
}

/// The time, seconds since 1970; negative before that.
pub fn unix_time() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

/// Seconds that local time is ahead of UTC at a moment: by `TZ`, or by `/etc/localtime`.
pub fn local_offset(unix: i64) -> i32 {
    i32::try_from(local(unix).tm_gmtoff).unwrap_or(0)
}

/// All zeros for a year that does not fit.
fn local(unix: i64) -> libc::tm {
    // SAFETY: tm is plain data; all zeroes is a value of it.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both are read and written only during the call. The zone is a table that only
    // `tzset` replaces, and this program has one thread.
    unsafe {
        libc::localtime_r(&raw const unix, &raw mut tm);
    }
    tm
}

/// The date and time of the place at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: i32,
    /// The day of the month, 1 to 31.
    pub day: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 60.
    pub second: i32,
    /// 0 (Sunday) to 6.
    pub weekday: i32,
}

/// As `ctime(3)` writes it: `Tue Jan  6 04:05:06 1987`.
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WEEKDAYS: &str = "SunMonTueWedThuFriSat";
        const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
        let name = |names: &'static str, at: i32| {
            let at = usize::try_from(at).ok().map(|at| at * 3);
            at.and_then(|at| names.get(at..at + 3)).unwrap_or("???")
        };
        let weekday = name(WEEKDAYS, self.weekday);
        let month = name(MONTHS, self.month - 1);
        let (hour, minute, second) = (self.hour, self.minute, self.second);
        let (day, year) = (self.day, self.year);
        write!(
            f,
            "{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}"
        )
    }
}

/// What the clock of the place shows at a moment, seconds since 1970: by `TZ`, or by
/// `/etc/localtime`.
pub fn local_time(unix: i64) -> LocalTime {
    let tm = local(unix);
    LocalTime {
        year: tm.tm_year.saturating_add(1900),
        month: tm.tm_mon + 1,
        day: tm.tm_mday,
        hour: tm.tm_hour,
        minute: tm.tm_min,
        second: tm.tm_sec,
        weekday: tm.tm_wday,
    }
}

/// Reads the rules of the time zone again, which may have changed.
pub fn read_zone() {
    // SAFETY: it reads `TZ` and files. Nothing of this program changes its environment, and no
    // other thread asks for the time meanwhile.
    unsafe { tzset() }
}

/// Waits for a moment of the wall clock, and for its being set.
#[derive(Debug)]
pub struct WallTimer {
    timer: TimerFd,
}

impl WallTimer {
    /// A timer that waits for nothing.
    ///
    /// # Errors
    /// Too many open files.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
        Ok(Self { timer })
    }

    /// Becomes readable at this moment, seconds since 1970 (or, with `None`, at none), and as soon
    /// as the clock is set. [`Self::clear`] is to follow, then this again.
    ///
    /// # Errors
    /// None is to be expected.
    pub fn wait_for(&self, unix: Option<i64>) -> io::Result<()> {
        // A zero would disarm it.
        let at = unix.unwrap_or(NEVER).clamp(1, NEVER);
        self.timer.set(
            Expiration::OneShot(TimeSpec::new(at, 0)),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET,
        )?;
        Ok(())
    }

    /// Waits for nothing any more.
    ///
    /// # Errors
    /// None is to be expected.
    pub fn stop(&self) -> io::Result<()> {
        Ok(self.timer.unset()?)
    }

    /// Takes the news: it is readable no more.
    pub fn clear(&self) {
        // Whether the moment came or the clock was set, the owner looks at the clock.
        let _ = self.timer.wait();
    }
}

impl AsFd for WallTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    fn readable(timer: &WallTimer, wait: u16) -> bool {
        let mut fds = [PollFd::new(timer.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(wait)).unwrap() > 0
    }

    #[test]
    fn a_moment_is_waited_for() {
        let timer = WallTimer::new().unwrap();
        assert!(!readable(&timer, 0));
        timer.wait_for(Some(unix_time() + 2)).unwrap();
        assert!(!readable(&timer, 0));
        assert!(readable(&timer, 5000));
        timer.clear();
        assert!(!readable(&timer, 0));
        // One that is past comes at once, one without a moment never.
        timer.wait_for(Some(0)).unwrap();
        assert!(readable(&timer, 1000));
        timer.wait_for(None).unwrap();
        assert!(!readable(&timer, 0));
        timer.stop().unwrap();
    }

    #[test]
    fn times_are_written_as_by_ctime() {
        let time = LocalTime {
            year: 1987,
            month: 1,
            day: 6,
            hour: 4,
            minute: 5,
            second: 6,
            weekday: 2,
        };
        assert_eq!(time.to_string(), "Tue Jan  6 04:05:06 1987");
        let strange = LocalTime {
            month: 0,
            weekday: -1,
            ..time
        };
        assert_eq!(strange.to_string(), "??? ???  6 04:05:06 1987");
    }

    #[test]
    fn offsets_are_those_of_a_place() {
        let offset = local_offset(unix_time());
        assert!(
            (-14 * 3600..=14 * 3600).contains(&offset) && offset % 60 == 0,
            "{offset}"
        );
        read_zone();
        assert_eq!(local_offset(unix_time()), offset);
        local_offset(i64::MAX);
        let now = unix_time();
        let seconds = now + i64::from(local_offset(now));
        let time = local_time(now);
        assert!(time.year >= 2026 && (1..=12).contains(&time.month));
        let of_day = i64::from((time.hour * 60 + time.minute) * 60 + time.second);
        assert_eq!(of_day, seconds.rem_euclid(86_400));
    }
}
