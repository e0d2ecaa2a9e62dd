//! Requests and answers between the command and the daemon, one JSON object a line.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wanbox_eql_engine::keeper::Hand;

/// Where the daemon listens, below the run directory.
pub fn socket(run_dir: &Path) -> PathBuf {
    run_dir.join("eql_dial.sock")
}

/// Where it keeps its process number and lock.
pub fn pid_file(run_dir: &Path) -> PathBuf {
    run_dir.join("eql_dial.pid")
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// The state of every line, or of one.
    Status {
        /// Its name.
        line: Option<String>,
    },
    /// What a person wants of a line.
    Hand {
        /// Its name.
        line: String,
        /// Up, down, or as the file says.
        hand: HandWord,
    },
    /// A connection came up: pppd's ip-up.
    Connected(Caller),
    /// A connection is going: pppd's ip-down.
    Disconnected(Caller),
    /// Hangs everything up and ends.
    Stop,
}

/// Whose connection it is, as far as the caller knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The interface.
    pub interface: String,
    /// The rate that pppd says, bit/s.
    pub speed: Option<u64>,
    /// pppd's process.
    pub pppd: Option<u32>,
    /// The processes above the caller, the nearest first.
    pub ancestors: Vec<u32>,
    /// pppd's terminal.
    pub device: Option<PathBuf>,
}

impl Caller {
    /// Whether the process with this number is pppd or above it.
    pub fn is_below(&self, pid: u32) -> bool {
        self.pppd == Some(pid) || self.ancestors.contains(&pid)
    }

    /// Whether the connection is none of this process, as far as the caller says whose it is.
    /// `pppd` is one that keeps the connection beside the process.
    pub fn is_of_another(&self, process: Option<u32>, pppd: Option<u32>) -> bool {
        self.pppd.is_some()
            && self.pppd != pppd
            && process.is_some_and(|process| !self.is_below(process))
    }
}

/// What a person wants of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandWord {
    /// What the file says.
    #[default]
    Auto,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl From<HandWord> for Hand {
    fn from(word: HandWord) -> Self {
        match word {
            HandWord::Auto => Self::Auto,
            HandWord::Up => Self::Up,
            HandWord::Down => Self::Down,
        }
    }
}

impl From<Hand> for HandWord {
    fn from(hand: Hand) -> Self {
        match hand {
            Hand::Auto => Self::Auto,
            Hand::Up => Self::Up,
            Hand::Down => Self::Down,
        }
    }
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
        lines: Vec<LineStatus>,
    },
}

/// The state of one line. The keys are stable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineStatus {
    /// Its name.
    pub line: String,
    /// `down`, `dialing`, `up`, `stopping`, `waiting` or `held`.
    pub state: String,
    /// It is to be up.
    pub wanted: bool,
    /// `always`, `schedule` or `manual`.
    pub keep: String,
    /// What a person wants of it.
    pub by_hand: HandWord,
    /// The schedule's text.
    pub schedule: Option<String>,
    /// When the schedule changes next, seconds since 1970.
    pub schedule_changes: Option<i64>,
    /// The terminal device.
    pub device: Option<PathBuf>,
    /// The interface, as far as it is known.
    pub interface: Option<String>,
    /// The master.
    pub master: Option<String>,
    /// The master has the interface.
    pub enslaved: bool,
    /// The rate that the master is told, bit/s; `None`: measured, or not known yet.
    pub rate: Option<u64>,
    /// The process that keeps the connection.
    pub pid: Option<u32>,
    /// How long it is up, seconds.
    pub up_seconds: Option<f64>,
    /// Until the next attempt, seconds.
    pub next_seconds: Option<f64>,
    /// What was wrong last.
    pub trouble: Option<String>,
    /// Failures in a row.
    pub failures_in_row: u32,
    /// Times the command was run.
    pub attempts: u64,
    /// Attempts that failed, and connections that lasted too short.
    pub failures: u64,
    /// Times the interface came up.
    pub connects: u64,
    /// Times the device was somebody else's.
    pub busy: u64,
    /// Times it was held after too many failures.
    pub holds: u64,
    /// Times the command had to be killed.
    pub kills: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_connection_it_is() {
        let caller = Caller {
            pppd: Some(20),
            ancestors: vec![21, 10, 1],
            ..Caller::default()
        };
        // The line's own pppd, one that it is kept beside, one below the line's script.
        for (process, pppd) in [(Some(20), None), (Some(30), Some(20)), (Some(10), None)] {
            assert!(
                !caller.is_of_another(process, pppd),
                "{process:?}, {pppd:?}"
            );
        }
        // Nobody is known to keep it.
        assert!(!caller.is_of_another(None, None));
        // The next attempt runs already.
        assert!(caller.is_of_another(Some(30), None));
        assert!(caller.is_of_another(Some(30), Some(31)));
        // A person says no process.
        let person = Caller {
            pppd: None,
            ..caller
        };
        assert!(!person.is_of_another(Some(30), None));
    }
}
