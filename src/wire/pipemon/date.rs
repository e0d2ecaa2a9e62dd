//! Days and times of day in traces: without a year, in UTC.

/// A second of a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Date {
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

const DAY: u64 = 24 * 60 * 60;

const fn days_of_year(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u8) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => days_of_year(year) - 337,
        _ => 31,
    }
}

/// The year, and the day in it from 0, of this day after 1970.
fn year_of(mut days: u64) -> (u64, u64) {
    // Every 400 years the calendar begins anew; so a wrong clock costs no time here.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    (year, days)
}

impl Date {
    /// The date of so many seconds after 1970.
    #[must_use]
    pub fn of(seconds: u64) -> Self {
        let (year, mut day) = year_of(seconds / DAY);
        let mut month = 1;
        while month < 12 && day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        let of_day = seconds % DAY;
        Self {
            month,
            day: day as u8 + 1,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        }
    }

    /// The date, if there is one in some year.
    #[must_use]
    pub fn checked(self) -> Option<Self> {
        let day = (1..=12).contains(&self.month)
            && (1..=days_of_month(2000, self.month)).contains(&self.day.into());
        (day && self.hour < 24 && self.minute < 60 && self.second < 60).then_some(self)
    }

    /// Seconds after 1970, in the year that makes it the latest before `now` (and a day).
    #[must_use]
    pub fn seconds_before(self, now: u64) -> u64 {
        let limit = now.saturating_add(DAY);
        let (year, day) = year_of(limit / DAY);
        let begin = (limit / DAY - day) * DAY;
        let within = |year| {
            let before = (1..self.month).map(|month| days_of_month(year, month));
            let days = before.sum::<u64>() + u64::from(self.day).saturating_sub(1);
            let hours = days * 24 + u64::from(self.hour);
            (hours * 60 + u64::from(self.minute)) * 60 + u64::from(self.second)
        };
        let seconds = begin.saturating_add(within(year));
        if seconds <= limit {
            return seconds;
        }
        let last = begin.saturating_sub(days_of_year(year.saturating_sub(1)) * DAY);
        last + within(year.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days() {
        let date = |month, day, hour, minute, second| Date {
            month,
            day,
            hour,
            minute,
            second,
        };
        for (seconds, expected) in [
            (0, date(1, 1, 0, 0, 0)),
            (951_782_400, date(2, 29, 0, 0, 0)),
            (951_868_799, date(2, 29, 23, 59, 59)),
            (1_009_843_199, date(12, 31, 23, 59, 59)),
            (1_795_294_800, date(11, 21, 21, 0, 0)),
        ] {
            assert_eq!(Date::of(seconds), expected);
            assert_eq!(expected.seconds_before(seconds), seconds);
        }
        assert_eq!(date(2, 30, 0, 0, 0).checked(), None);
        assert_eq!(date(0, 1, 0, 0, 0).checked(), None);
        assert_eq!(date(1, 1, 24, 0, 0).checked(), None);
        // December seen in January, and a clock that is some minutes ahead.
        assert_eq!(
            Date::of(1_009_843_199).seconds_before(1_009_843_300),
            1_009_843_199
        );
        assert_eq!(
            Date::of(1_009_843_500).seconds_before(1_009_843_300),
            1_009_843_500
        );
    }

    proptest! {
        #[test]
        fn dates_come_back(seconds in 0_u64..20_000_000_000, later in 0_u64..300 * DAY) {
            let date = Date::of(seconds);
            prop_assert_eq!(date.checked(), Some(date));
            prop_assert_eq!(date.seconds_before(seconds + later), seconds);
        }

        #[test]
        fn any_date_is_some_time(date: [u8; 5], now: u64) {
            let [month, day, hour, minute, second] = date;
            let date = Date { month, day, hour, minute, second };
            let _ = Date::of(now);
            if let Some(date) = date.checked() {
                let _ = date.seconds_before(now);
            }
        }
    }
}
