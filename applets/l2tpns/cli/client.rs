//! `l2tpns -e COMMAND`: a command of a running daemon, from a shell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use wanbox_grammar::{Exit, report};
use wanbox_runtime::control::Client;
use wanbox_runtime::files::Root;

use super::control::{Ended, Progress, Request};

/// Where the daemon listens.
pub(crate) fn socket(root: &Root) -> PathBuf {
    root.run_dir().join("l2tpns.sock")
}

/// How long the daemon may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the daemon that listens on `socket` do lines one after another, up to the first that goes
/// wrong. What they print goes to standard output, what went wrong to standard error.
///
/// The exit code is 0 when all was done, 1 when something failed, 2 for wrong usage, 3 when
/// the daemon is not running or what was asked for is not there.
pub(crate) fn execute(name: &str, socket: &Path, lines: &[String], json: bool) -> Exit {
    let request = Request {
        execute: lines.to_vec(),
        json,
    };
    let mut printer = Printer { name, within: None };
    let done = Client::connect(socket, PATIENCE).and_then(|mut client| {
        client.call_with_progress::<_, Progress, Ended>(&request, PATIENCE, |progress| {
            printer.print(progress);
        })
    });
    match done {
        Ok(ended) => Exit(ended.code),
        Err(error) => {
            report::error(name, &error);
            Exit(error.exit_code())
        }
    }
}

/// Writes as it comes; a long array is never in memory as a whole.
struct Printer<'a> {
    name: &'a str,
    /// Within an array: whether something is in it.
    within: Option<bool>,
}

impl Printer<'_> {
    fn print(&mut self, progress: Progress) {
        match progress {
            Progress::Text(text) => report::output(&text),
            Progress::Wrong(text) => report::error(self.name, text),
            Progress::Json { value, more } => report::output(&self.json(value, more)),
        }
    }

    fn json(&mut self, value: Value, more: bool) -> String {
        let Value::Array(values) = value else {
            return format!("{value}\n");
        };
        let mut text = String::new();
        let mut filled = self.within.unwrap_or_else(|| {
            text.push('[');
            false
        });
        for value in values {
            if std::mem::replace(&mut filled, true) {
                text.push(',');
            }
            text.push_str(&value.to_string());
        }
        self.within = more.then_some(filled);
        if !more {
            text.push_str("]\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arrays_are_put_together() {
        let mut printer = Printer {
            name: "l2tpns",
            within: None,
        };
        let mut print = |value, more| printer.json(value, more);
        assert_eq!(print(json!([1, 2]), true), "[1,2");
        assert_eq!(print(json!([]), true), "");
        assert_eq!(print(json!([{"a": 3}]), false), ",{\"a\":3}]\n");
        assert_eq!(print(json!([]), false), "[]\n");
        assert_eq!(print(json!([]), true) + &print(json!([5]), false), "[5]\n");
        assert_eq!(print(json!([4]), true) + &print(json!([]), false), "[4]\n");
        assert_eq!(print(json!({"a": 1}), false), "{\"a\":1}\n");
    }
}
