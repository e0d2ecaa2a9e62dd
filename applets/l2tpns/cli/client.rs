//! `l2tpns -e COMMAND`: a command of a running daemon, from a shell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_grammar::{Exit, report};
use wanbox_runtime::control::script::{self, Request};
use wanbox_runtime::files::Root;

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
    let wrong = |text: &str| report::error(name, text);
    match script::run(socket, &request, PATIENCE, report::output, wrong) {
        Ok(code) => Exit(code),
        Err(error) => {
            report::error(name, &error);
            Exit(error.exit_code())
        }
    }
}
