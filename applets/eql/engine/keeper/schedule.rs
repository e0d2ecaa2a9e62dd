//! Spans of the week in local time: `mon-fri 08:00-18:00, sat 09:00-12:00`.
//!
//! A schedule asks what the clock on the wall shows and nothing else. An hour that is left out in
//! spring is in no span, one that comes twice in autumn is in its span twice.

use std::fmt;

/// Minutes of a day and of a week.
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
/// Spans of one schedule.
const MAX_SPANS: usize = 64;
/// The rules of time zones are asked for at this distance, seconds: no zone leaves an offset and
/// returns to it in less.
const PROBE: i64 = 3 * 3600;
/// 1970-01-01 was a Thursday; weeks here begin with Monday.
const EPOCH_DAY: i64 = 3;
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// What people at a place have on their clocks.
pub trait Zone {
    /// Seconds that local time is ahead of UTC at this moment, seconds since 1970.
    fn offset(&self, unix: i64) -> i32;
}

/// Always the same offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed(
    /// Seconds ahead of UTC.
    pub i32,
);

impl Zone for Fixed {
    fn offset(&self, _unix: i64) -> i32 {
        self.0
    }
}

/// When a line is to be up.
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    /// The minute 0 of Monday is in a span.
    open_at_zero: bool,
    /// The minutes of the week at which a span begins or ends, in order.
    changes: Vec<u32>,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({})", self.text)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Schedule {
    /// Reads `[DAYS] [HH:MM-HH:MM ...]`, commas between several. Days are `mon` or `mon-fri`, times
    /// up to 24:00; without days it is every day, without times the whole day. A span whose end is
    /// not after its beginning goes on into the next day.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut minutes = vec![false; WEEK as usize];
        let mut spans = 0;
        for part in text.split(',') {
            let mut words = part.split_ascii_whitespace().peekable();
            let (first, last) = match words.next_if(|word| word.starts_with(char::is_alphabetic)) {
                Some(word) => days(word)?,
                None => (0, 6),
            };
            let times: Vec<&str> = words.collect();
            let whole: &[&str] = &["00:00-24:00"];
            if times.is_empty() && part.trim().is_empty() {
                return Err("there is nothing between two commas, or nothing at all".into());
            }
            let times = if times.is_empty() { whole } else { &times };
            let count = (last + 7 - first) % 7 + 1;
            for time in times {
                spans += 1;
                if spans > MAX_SPANS {
                    return Err(format!("more than {MAX_SPANS} spans"));
                }
                let (from, length) = span(time)?;
                for day in first..first + count {
                    for minute in day * DAY + from..day * DAY + from + length {
                        if let Some(open) = minutes.get_mut((minute % WEEK) as usize) {
                            *open = true;
                        }
                    }
                }
            }
        }
        let mut changes = Vec::new();
        let mut before = minutes.last().copied().unwrap_or_default();
        for (minute, open) in (0..WEEK).zip(&minutes) {
            if *open != before {
                changes.push(minute);
            }
            before = *open;
        }
        Ok(Self {
            text: text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
            open_at_zero: minutes.first().copied().unwrap_or_default(),
            changes,
        })
    }

    /// Whether a span holds this moment, seconds since 1970.
    pub fn is_open(&self, zone: &dyn Zone, unix: i64) -> bool {
        self.is_open_at(second_of_week(zone, unix))
    }

    fn is_open_at(&self, second: i64) -> bool {
        // Minute 0 itself may be a change: it counts as passed, as `open_at_zero` says.
        let passed = self
            .changes
            .iter()
            .filter(|&&minute| minute > 0 && i64::from(minute) * 60 <= second)
            .count();
        self.open_at_zero ^ (passed % 2 == 1)
    }

    /// The first moment after this one at which [`Self::is_open`] gives another answer; `None`
    /// when it never does.
    pub fn next_change(&self, zone: &dyn Zone, unix: i64) -> Option<i64> {
        let open = self.is_open(zone, unix);
        let mut from = unix;
        // A change of the offset may hide one of the schedule; two of them in one week would be
        // a very restless place.
        for _ in 0..4 {
            let at = from.checked_add(self.boundary(second_of_week(zone, from), open)?)?;
            match offset_change(zone, from, at) {
                None => return Some(at),
                Some(moved) if self.is_open(zone, moved) != open => return Some(moved),
                Some(moved) => from = moved,
            }
        }
        Some(from)
    }

    /// Seconds from this second of the week to the next change away from `open`.
    fn boundary(&self, second: i64, open: bool) -> Option<i64> {
        let week = i64::from(WEEK) * 60;
        self.changes
            .iter()
            .map(|&minute| i64::from(minute) * 60)
            .filter(|&at| self.is_open_at(at) != open)
            .map(|at| match (at - second).rem_euclid(week) {
                0 => week,
                ahead => ahead,
            })
            .min()
    }
}

fn second_of_week(zone: &dyn Zone, unix: i64) -> i64 {
    let local = unix.saturating_add(i64::from(zone.offset(unix)));
    local
        .saturating_add(EPOCH_DAY * i64::from(DAY) * 60)
        .rem_euclid(i64::from(WEEK) * 60)
}

/// The first moment after `from` and not after `to` that has another offset than `from`.
fn offset_change(zone: &dyn Zone, from: i64, to: i64) -> Option<i64> {
    let offset = zone.offset(from);
    let mut before = from;
    while before < to {
        let probe = before.saturating_add(PROBE).min(to);
        if zone.offset(probe) != offset {
            let mut after = probe;
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if zone.offset(middle) == offset {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            return Some(after);
        }
        before = probe;
    }
    None
}

/// The first and the last day, Monday is 0.
fn days(word: &str) -> Result<(u32, u32), String> {
    if word.eq_ignore_ascii_case("daily") {
        return Ok((0, 6));
    }
    match word.split_once('-') {
        Some((first, last)) => Ok((day(first)?, day(last)?)),
        None => day(word).map(|day| (day, day)),
    }
}

fn day(word: &str) -> Result<u32, String> {
    let lower = word.to_ascii_lowercase();
    let found = (0..).zip(DAYS);
    found
        .into_iter()
        .find(|(_, name)| lower.len() >= 3 && name.starts_with(&lower))
        .map(|(number, _)| number)
        .ok_or_else(|| format!("'{word}' is not a day (mon, tue, wed, thu, fri, sat, sun, daily)"))
}

/// The first minute of the day and the length in minutes.
fn span(text: &str) -> Result<(u32, u32), String> {
    let (from, to) = text
        .split_once('-')
        .ok_or_else(|| format!("'{text}' is not a span of time (as 08:00-18:00)"))?;
    let (from, to) = (time(from)?, time(to)?);
    if from == DAY {
        return Err("a span cannot begin at 24:00".into());
    }
    if from == to {
        return Err(format!(
            "'{text}' is no time at all (the whole day is 00:00-24:00)"
        ));
    }
    Ok((
        from,
        if to > from {
            to - from
        } else {
            to + DAY - from
        },
    ))
}

/// The minute of the day, 24:00 included.
fn time(text: &str) -> Result<u32, String> {
    let wrong = || format!("'{text}' is not a time from 00:00 to 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let two = |digits: &str, least: usize| {
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        (plain && (least..=2).contains(&digits.len()))
            .then(|| digits.parse::<u32>().ok())
            .flatten()
    };
    let (hours, minutes) = (
        two(hours, 1).ok_or_else(wrong)?,
        two(minutes, 2).ok_or_else(wrong)?,
    );
    match hours * 60 + minutes {
        at if minutes < 60 && at <= DAY => Ok(at),
        _ => Err(wrong()),
    }
}

/// For fuzzing: what is read is read again as the same, and changes are where they are said to be.
pub fn fuzz_schedule(data: &[u8]) {
    let (number, text) = data.split_at(data.len().min(4));
    let text = String::from_utf8_lossy(text);
    let Ok(schedule) = Schedule::parse(&text) else {
        return;
    };
    assert_eq!(
        Schedule::parse(&schedule.to_string()).as_ref(),
        Ok(&schedule)
    );
    let unix = number
        .iter()
        .fold(0, |unix, &octet| unix << 8 | i64::from(octet));
    let zone = Fixed(0);
    match schedule.next_change(&zone, unix) {
        None => assert!(schedule.changes.is_empty()),
        Some(at) => {
            assert!(at > unix && at <= unix + i64::from(WEEK) * 60);
            assert_eq!(
                schedule.is_open(&zone, at - 1),
                schedule.is_open(&zone, unix)
            );
            assert_ne!(schedule.is_open(&zone, at), schedule.is_open(&zone, unix));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Central Europe in 2026: summer time from 29 March to 25 October, 01:00 UTC both.
    pub struct Europe;

    /// 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC.
    pub const SPRING: i64 = 1_774_746_000;
    pub const AUTUMN: i64 = 1_792_890_000;

    impl Zone for Europe {
        fn offset(&self, unix: i64) -> i32 {
            if (SPRING..AUTUMN).contains(&unix) {
                7200
            } else {
                3600
            }
        }
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text).unwrap()
    }

    /// 2026-01-05 was a Monday.
    const MONDAY: i64 = 1_767_571_200;
    const HOUR: i64 = 3600;

    #[test]
    fn office_hours() {
        let s = schedule("mon-fri 08:00-18:00,  sat 09:00-12:00");
        assert_eq!(s.to_string(), "mon-fri 08:00-18:00, sat 09:00-12:00");
        let open =
            |day: i64, minute: i64| s.is_open(&Fixed(0), MONDAY + day * 24 * HOUR + minute * 60);
        assert!(!open(0, 0) && !open(0, 479) && open(0, 480) && open(4, 1079) && !open(4, 1080));
        assert!(!open(5, 480) && open(5, 540) && !open(5, 720) && !open(6, 600));
        let friday = MONDAY + 4 * 24 * HOUR + 12 * HOUR;
        let next = s.next_change(&Fixed(0), friday).unwrap();
        assert_eq!(next, friday + 6 * HOUR);
        assert_eq!(s.next_change(&Fixed(0), next), Some(next + 15 * HOUR));
        // A clock two hours ahead shows everything two hours earlier.
        assert_eq!(s.next_change(&Fixed(7200), friday), Some(next - 2 * HOUR));
    }

    #[test]
    fn across_midnight_and_the_end_of_the_week() {
        let s = schedule("sun 22:00-06:00");
        let sunday = MONDAY + 6 * 24 * HOUR;
        assert!(s.is_open(&Fixed(0), MONDAY) && s.is_open(&Fixed(0), MONDAY + 6 * HOUR - 1));
        assert!(!s.is_open(&Fixed(0), MONDAY + 6 * HOUR));
        let from = s.next_change(&Fixed(0), MONDAY + 6 * HOUR).unwrap();
        assert_eq!(from, sunday + 22 * HOUR);
        assert_eq!(s.next_change(&Fixed(0), from), Some(from + 8 * HOUR));
        // Days may wrap round, too.
        let s = schedule("sat-mon 12:00-13:00");
        assert!(s.is_open(&Fixed(0), sunday + 12 * HOUR));
        assert!(s.is_open(&Fixed(0), MONDAY + 12 * HOUR));
        assert!(!s.is_open(&Fixed(0), MONDAY + 36 * HOUR));
    }

    #[test]
    fn whole_days_and_always() {
        assert_eq!(
            schedule("daily").next_change(&Europe, MONDAY),
            None,
            "a line that is always up"
        );
        let all = schedule("mon-thu, fri-sun 00:00-24:00");
        assert!(all.is_open(&Europe, MONDAY) && all.changes.is_empty());
        let s = schedule("Wednesday");
        let begin = s.next_change(&Fixed(0), MONDAY).unwrap();
        assert_eq!(begin, MONDAY + 48 * HOUR);
        assert_eq!(s.next_change(&Fixed(0), begin), Some(begin + 24 * HOUR));
        // Nothing happens at a midnight that is in a span on both sides.
        let s = schedule("mon 12:00-24:00, tue 00:00-12:00");
        let noon = MONDAY + 12 * HOUR;
        assert_eq!(s.next_change(&Fixed(0), noon), Some(noon + 24 * HOUR));
    }

    #[test]
    fn summer_time() {
        // 02:00 to 03:00 does not exist on that night: the span begins late.
        let s = schedule("02:30-04:00");
        let night = SPRING - 2 * HOUR;
        assert_eq!(s.next_change(&Europe, night), Some(SPRING));
        assert!(s.is_open(&Europe, SPRING));
        assert_eq!(s.next_change(&Europe, SPRING), Some(SPRING + HOUR));
        // A span that is all in the missing hour is not there at all.
        let s = schedule("sun 02:10-02:50");
        let next = s.next_change(&Europe, night).unwrap();
        assert_eq!(next, SPRING + 7 * 24 * HOUR - 50 * 60);
        // In autumn the hour comes twice.
        let s = schedule("sun 02:10-02:50");
        let mut at = AUTUMN - 3 * HOUR;
        let mut seen = Vec::new();
        for _ in 0..4 {
            at = s.next_change(&Europe, at).unwrap();
            seen.push((at - AUTUMN) / 60);
        }
        assert_eq!(seen, [-50, -10, 10, 50]);
    }

    #[test]
    fn mistakes() {
        for (text, what) in [
            ("", "nothing"),
            ("mon,,tue", "nothing"),
            ("noday 08:00-09:00", "'noday' is not a day"),
            ("mo", "'mo' is not a day"),
            ("mon-", "'' is not a day"),
            ("08:00", "not a span"),
            ("mon 8-9", "'8' is not a time"),
            ("25:00-26:00", "'25:00' is not a time"),
            ("08:60-09:00", "'08:60'"),
            ("24:01-01:00", "'24:01'"),
            ("24:00-01:00", "begin at 24:00"),
            ("08:00-08:00", "no time at all"),
            ("+8:00-09:00", "'+8:00'"),
            ("08:0-09:00", "'08:0'"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
        let many = vec!["08:00-09:00"; 65].join(",");
        assert!(Schedule::parse(&many).unwrap_err().contains("more than 64"));
    }

    /// One word of the schedules that a generator makes.
    fn any_schedule() -> impl Strategy<Value = String> {
        let day = prop::sample::select(DAYS.to_vec());
        let part = (day.clone(), prop::option::of(day), 0..1440_u32, 1..1440_u32).prop_map(
            |(first, last, from, length)| {
                let to = (from + length) % 1440;
                let last = last.map(|day| format!("-{day}")).unwrap_or_default();
                format!(
                    "{first}{last} {:02}:{:02}-{:02}:{:02}",
                    from / 60,
                    from % 60,
                    to / 60,
                    to % 60
                )
            },
        );
        prop::collection::vec(part, 1..5).prop_map(|parts| parts.join(", "))
    }

    proptest! {
        /// Against looking at every minute, over the nights on which the clocks change.
        #[test]
        fn changes_are_where_the_minutes_say(
            text in any_schedule(),
            spring in any::<bool>(),
            before in 0..8 * 24 * 60_i64,
        ) {
            let s = schedule(&text);
            let start = if spring { SPRING } else { AUTUMN } - before * 60;
            let open = s.is_open(&Europe, start);
            let plain = (1..=9 * 24 * 60)
                .map(|minute| start + minute * 60)
                .find(|&at| s.is_open(&Europe, at) != open);
            let found = s.next_change(&Europe, start);
            if plain.is_some() || s.changes.is_empty() {
                prop_assert_eq!(found, plain);
            }
        }

        #[test]
        fn nothing_panics(text in "([a-z:0-9, -]|\\PC){0,40}", number in any::<[u8; 4]>()) {
            let mut data = number.to_vec();
            data.extend_from_slice(text.as_bytes());
            fuzz_schedule(&data);
        }
    }
}
