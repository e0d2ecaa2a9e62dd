//! Commands of a running daemon, from a shell: lines that are done one after another, what they print as it
//! comes, and an exit code.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Client, ControlError};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Lines, done one after another up to the first that goes wrong.
    pub execute: Vec<String>,
    /// Views come as JSON.
    #[serde(default)]
    pub json: bool,
}

/// What comes before the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Lines with their newlines.
    Text(String),
    /// What went wrong.
    Wrong(String),
    /// Part of a view.
    Json {
        /// An array, or the whole.
        value: Value,
        /// More of the array comes.
        more: bool,
    },
}

/// The end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The exit code of the command.
    pub code: u8,
}

/// Has the daemon that listens on `socket` do a request. What it prints is given to `output`, what went wrong
/// to `wrong`. `patience`: how long the daemon may be silent. Returns the exit code: 0 when all was done, 1 when
/// something failed, 2 for wrong usage, 3 for what is not there.
///
/// # Errors
/// The daemon does not run, or could not be asked.
pub fn run(
    socket: &Path,
    request: &Request,
    patience: Duration,
    output: fn(&str),
    mut wrong: impl FnMut(&str),
) -> Result<u8, ControlError> {
    let mut within = None;
    let mut client = Client::connect(socket, patience)?;
    let print = |progress| match progress {
        Progress::Text(text) => output(&text),
        Progress::Wrong(text) => wrong(&text),
        Progress::Json { value, more } => output(&json(&mut within, value, more)),
    };
    let ended: Ended = client.call_with_progress(request, patience, print)?;
    Ok(ended.code)
}

/// Writes as it comes: a long array is never in memory as a whole. `within`: an array has begun, and whether
/// something is in it.
fn json(within: &mut Option<bool>, value: Value, more: bool) -> String {
    let Value::Array(values) = value else {
        return format!("{value}\n");
    };
    let mut text = String::new();
    let mut filled = within.unwrap_or_else(|| {
        text.push('[');
        false
    });
    for value in values {
        if std::mem::replace(&mut filled, true) {
            text.push(',');
        }
        text.push_str(&value.to_string());
    }
    *within = more.then_some(filled);
    if !more {
        text.push_str("]\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arrays_are_put_together() {
        let mut within = None;
        let mut print = |value, more| json(&mut within, value, more);
        assert_eq!(print(json!([1, 2]), true), "[1,2");
        assert_eq!(print(json!([]), true), "");
        assert_eq!(print(json!([{"a": 3}]), false), ",{\"a\":3}]\n");
        assert_eq!(print(json!([]), false), "[]\n");
        assert_eq!(print(json!([]), true) + &print(json!([5]), false), "[5]\n");
        assert_eq!(print(json!([4]), true) + &print(json!([]), false), "[4]\n");
        assert_eq!(print(json!({"a": 1}), false), "{\"a\":1}\n");
    }
}
