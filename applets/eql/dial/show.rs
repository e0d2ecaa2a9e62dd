//! The state of lines, for people and for programs.

use std::time::Duration;

use wanbox_console::table::{self, Align};
use wanbox_grammar::{Exit, report};

use super::NAME;
use super::control::{HandWord, LineStatus};

/// One line of JSON.
pub fn json(lines: &[LineStatus]) -> Exit {
    match serde_json::to_string(lines) {
        Ok(text) => {
            report::output(&format!("{text}\n"));
            Exit::DONE
        }
        Err(error) => report::failure(NAME, format!("JSON output: {error}")),
    }
}

/// A table, a line a row.
pub fn table(lines: &[LineStatus]) -> String {
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let head = [
        ("LINE", Align::Left),
        ("STATE", Align::Left),
        ("FOR", Align::Right),
        ("NEXT IN", Align::Right),
        ("INTERFACE", Align::Left),
        ("MASTER", Align::Left),
        ("RATE", Align::Right),
        ("KEEP", Align::Left),
        ("DIALS", Align::Right),
        ("FAILED", Align::Right),
        ("TROUBLE", Align::Left),
    ];
    table::columns(&head, &rows)
}

fn row(line: &LineStatus) -> Vec<String> {
    let time = |seconds: Option<f64>| {
        let whole = seconds.map(|seconds| Duration::from_secs(seconds.ceil().max(0.0) as u64));
        whole.map_or(String::new(), |time| {
            humantime::format_duration(time).to_string()
        })
    };
    let master = match (&line.master, line.enslaved) {
        (Some(master), true) => master.clone(),
        (Some(master), false) => format!("({master})"),
        (None, _) => String::new(),
    };
    let rate = match (line.rate, &line.master) {
        (Some(rate), _) => rate.to_string(),
        (None, Some(_)) => "auto".into(),
        (None, None) => String::new(),
    };
    let keep = match line.by_hand {
        HandWord::Auto => line.keep.clone(),
        HandWord::Up => format!("{}, up by hand", line.keep),
        HandWord::Down => format!("{}, down by hand", line.keep),
    };
    vec![
        line.line.clone(),
        line.state.clone(),
        time(line.up_seconds),
        time(line.next_seconds),
        line.interface.clone().unwrap_or_default(),
        master,
        rate,
        keep,
        line.attempts.to_string(),
        line.failures.to_string(),
        line.trouble.clone().unwrap_or_default(),
    ]
}
