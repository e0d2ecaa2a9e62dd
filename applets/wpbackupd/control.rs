//! Requests and answers between the command and the daemon, one JSON object a line.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the daemon listens, below the run directory.
pub fn socket(run_dir: &Path) -> PathBuf {
    run_dir.join("wpbackupd.sock")
}

/// Where it keeps its process number and lock.
pub fn pid_file(run_dir: &Path) -> PathBuf {
    run_dir.join("wpbackupd.pid")
}

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// The state of every link, or of one.
    Status {
        /// Its primary interface.
        link: Option<String>,
    },
    /// Who decides for a link from now on.
    Mode {
        /// Its primary interface.
        link: String,
        /// The new decider.
        mode: ModeWord,
    },
    /// Returns every link to its primary and ends.
    Stop,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeWord {
    /// The state of the primary.
    Automatic,
    /// The primary was asked for.
    Primary,
    /// The backup was asked for.
    Backup,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// The states that were asked for.
    Status {
        /// In the order of the file.
        links: Vec<LinkStatus>,
    },
}

/// The state of one link. The keys are stable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The primary interface.
    pub primary: String,
    /// The primary is there, up and, where it is checked, well.
    pub primary_up: bool,
    /// The backup interface.
    pub backup: String,
    /// The backup interface is up and running.
    pub backup_up: bool,
    /// `primary`, `failing`, `dialing`, `waiting`, `backup`, `returning` or `restoring`.
    pub state: String,
    /// `primary` or `backup`: where the traffic goes.
    pub carrying: String,
    /// Who decides.
    pub mode: ModeWord,
    /// Until the next change, if nothing happens, seconds.
    pub next_seconds: Option<f64>,
    /// What was wrong with the backup last.
    pub trouble: Option<String>,
    /// Failed checks in a row.
    pub failed_checks: u32,
    /// Times the primary went down.
    pub primary_failures: u64,
    /// Times the backup was started.
    pub attempts: u64,
    /// Starts that failed.
    pub failed_attempts: u64,
    /// Times the traffic went over to the backup.
    pub takeovers: u64,
    /// Times it came back.
    pub returns: u64,
}
