//! Commands of lines: how they are made, and what their ends mean.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use wanbox_runtime::files::Root;
use wanbox_runtime::process::quiet_command;

use super::config;

/// How a command ended, unless it was well.
pub fn wrong(words: &[String], status: &io::Result<ExitStatus>) -> Option<String> {
    let status = match status {
        Ok(status) if status.success() => return None,
        Ok(status) => status,
        Err(error) => return Some(error.to_string()),
    };
    let text = status.to_string();
    let meaning = status
        .code()
        .filter(|_| config::is_pppd(words))
        .and_then(pppd_status);
    Some(match meaning {
        Some(meaning) => format!("{text} ({meaning})"),
        None => text,
    })
}

/// What pppd means by a status (pppd(8), "Exit status").
fn pppd_status(code: i32) -> Option<&'static str> {
    Some(match code {
        1 => "fatal error",
        2 => "its options",
        3 => "not root",
        4 => "no PPP in the kernel",
        5 => "ended by a signal",
        6 => "the device is locked",
        7 => "the device could not be opened",
        8 => "the connect script failed",
        9 => "the pty command failed",
        10 => "no network protocol came up",
        11 => "the peer did not say who it is",
        12 => "idle",
        13 => "connected for as long as allowed",
        14 => "callback",
        15 => "no answers to echoes",
        16 => "the modem hung up",
        17 => "looped back",
        18 => "the init script failed",
        19 => "the peer refused our name or password",
        _ => return None,
    })
}

/// A command of these words; our own applets are this executable, wherever the names are linked.
pub fn self_or(words: &[String], root: &Root) -> Command {
    let own = ["eql_dial", "wanrouter"];
    match words.split_first() {
        Some((program, rest)) if own.contains(&program.as_str()) => {
            let executable: PathBuf =
                std::env::current_exe().unwrap_or_else(|_| program.as_str().into());
            let mut command = quiet_command(&[executable.to_string_lossy()]);
            command.arg0(program).arg("--root").arg(root.prefix());
            command.args(rest);
            command
        }
        _ => quiet_command(words),
    }
}
