//! Values of several runs of both, and what is wanted of their medians.

use serde::{Serialize, Serializer};
use serde_json::Value;
use tabled::Tabled;
use tabled::settings::Style;

/// What is wanted of the relation of both, or of ours alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// The value is only told.
    Nothing,
    /// Ours is so many times the other.
    AtLeast(f64),
    /// No more than that.
    AtMost(f64),
    /// Of ours, whatever the other has.
    Exactly(f64),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::AtLeast(ratio) => write!(f, "at least {ratio} x"),
            Self::AtMost(ratio) => write!(f, "at most {ratio} x"),
            Self::Exactly(value) => write!(f, "{value}"),
        }
    }
}

impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_none(),
            _ => serializer.collect_str(self),
        }
    }
}

/// A line of the table. What was not measured is no number.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// In which unit.
    pub unit: &'static str,
    /// The median of our runs.
    pub wanbox: f64,
    /// The median of the other's.
    pub debian: Option<f64>,
    /// Ours by the other: the median of pairs that were measured one right after the other.
    pub ratio: Option<f64>,
    /// What it should be.
    pub wanted: Wanted,
    /// Of what is wanted of something.
    pub met: Option<bool>,
    /// The values of all runs, ours and Debian's, in pairs.
    pub runs: [Vec<f64>; 2],
}

impl Row {
    fn new(
        what: String,
        unit: &'static str,
        runs: [Vec<f64>; 2],
        medians: (f64, Option<f64>),
        wanted: Wanted,
    ) -> Self {
        let (wanbox, debian) = medians;
        let [ours, theirs] = &runs;
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        let ratio = Some(median(&ratios)).filter(|ratio| ratio.is_finite());
        let is = |test: &dyn Fn(f64) -> bool| Some(ratio.is_some_and(test));
        Self {
            what,
            unit,
            wanbox,
            debian,
            ratio,
            wanted,
            met: match wanted {
                Wanted::Nothing => None,
                Wanted::AtLeast(wanted) => is(&|ratio| ratio >= wanted),
                Wanted::AtMost(wanted) => is(&|ratio| ratio <= wanted),
                Wanted::Exactly(wanted) => Some(wanbox == wanted),
            },
            runs,
        }
    }

    /// A line of one value of each.
    pub fn single(
        what: impl Into<String>,
        unit: &'static str,
        wanbox: f64,
        debian: Option<f64>,
        wanted: Wanted,
    ) -> Self {
        let runs = [vec![wanbox], debian.into_iter().collect()];
        let mut row = Self::new(what.into(), unit, runs, (wanbox, debian), wanted);
        if let Wanted::Exactly(_) = wanted {
            row.ratio = None;
        }
        row
    }

    /// How far the runs of one of them are apart at most, per cent of the median.
    fn spread(&self) -> Option<f64> {
        let [ours, theirs] = &self.runs;
        let of = |values: &[f64]| {
            let known = || values.iter().copied().filter(|value| !value.is_nan());
            let least = known().min_by(f64::total_cmp)?;
            let most = known().max_by(f64::total_cmp)?;
            let middle = median(values);
            (values.len() > 1 && middle > 0.0).then(|| (most - least) / middle * 100.0)
        };
        of(ours)
            .into_iter()
            .chain(of(theirs))
            .max_by(f64::total_cmp)
    }
}

/// Finds a value in what a run reports.
type Find = Box<dyn Fn(&Value) -> Option<f64>>;

/// How a line comes from what runs report.
pub struct Measure {
    what: String,
    unit: &'static str,
    wanted: Wanted,
    of: Find,
}

impl Measure {
    /// A line that does not have its values yet.
    pub fn new(
        what: impl Into<String>,
        unit: &'static str,
        wanted: Wanted,
        of: impl Fn(&Value) -> Option<f64> + 'static,
    ) -> Self {
        Self {
            what: what.into(),
            unit,
            wanted,
            of: Box::new(of),
        }
    }

    /// The medians of runs of both, of which those in the same place are pairs.
    pub fn row(&self, ours: &[Value], theirs: &[Value]) -> Row {
        let value = |report: &Value| (self.of)(report).unwrap_or(f64::NAN);
        let of = |reports: &[Value]| reports.iter().map(value).collect::<Vec<f64>>();
        let runs = [of(ours), of(theirs)];
        let [a, b] = [median(&of(ours)), median(&of(theirs))];
        let b = (!b.is_nan()).then_some(b);
        Row::new(self.what.clone(), self.unit, runs, (a, b), self.wanted)
    }
}

/// The value in the middle, or the mean of the two there; of those that are numbers.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    }
}

#[derive(Tabled)]
struct Line {
    what: String,
    unit: &'static str,
    wanbox: String,
    #[tabled(rename = "Debian")]
    debian: String,
    ratio: String,
    #[tabled(rename = "spread %")]
    spread: String,
    wanted: String,
    met: &'static str,
}

/// All of it for people.
pub fn show(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| Line {
        what: row.what.clone(),
        unit: row.unit,
        wanbox: number(Some(row.wanbox)),
        debian: number(row.debian),
        ratio: row
            .ratio
            .map_or(String::new(), |ratio| format!("{ratio:.2}")),
        spread: row
            .spread()
            .map_or(String::new(), |spread| format!("{spread:.0}")),
        wanted: row.wanted.to_string(),
        met: match row.met {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        },
    });
    let table = tabled::Table::new(lines).with(Style::psql()).to_string();
    let short = rows.iter().filter(|row| row.met == Some(false)).count();
    let wanted = rows.iter().filter(|row| row.met.is_some()).count();
    format!("{table}\n{short} of {wanted} wanted are short")
}

/// Four digits that count, at most.
fn number(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.is_nan() => "-".to_owned(),
        Some(value) if value == value.trunc() || value.abs() >= 1000.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn medians_and_what_is_wanted_of_them() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        let measure = Measure::new("rate", "1/s", Wanted::AtLeast(2.0), |r| r["rate"].as_f64());
        let of = |rates: &[f64]| -> Vec<Value> {
            rates.iter().map(|rate| json!({ "rate": rate })).collect()
        };
        let row = measure.row(&of(&[9.0, 40.0, 10.0]), &of(&[5.0, 4.0, 6.0]));
        assert_eq!((row.wanbox, row.debian), (10.0, Some(5.0)));
        // Of the pairs 1.8, 10 and 10 / 6.
        assert_eq!((row.ratio, row.met), (Some(1.8), Some(false)));
        assert_eq!(row.spread(), Some(310.0));
        let none = [json!({ "rate": 20.0 }), Value::Null];
        let row = measure.row(&of(&[60.0, 50.0]), &none);
        assert_eq!((row.debian, row.ratio), (Some(20.0), Some(3.0)));
        // What the other did not do is no success.
        let row = measure.row(&of(&[9.0]), &[]);
        assert_eq!((row.ratio, row.met), (None, Some(false)));
        let row = Row::single("lost", "", 0.0, Some(7.0), Wanted::Exactly(0.0));
        assert_eq!((row.ratio, row.met), (None, Some(true)));
        assert!(show(&[row]).contains("0 of 1 wanted are short"));
    }
}
