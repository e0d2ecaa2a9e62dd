//! What is left of each line for the next owner: a file a line below the run directory.
//!
//! A daemon that is killed, and `eql_dial --once` from cron, leave connections behind that go on.
//! Whoever comes next finds here whose they are.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wanbox_runtime::files::{self, FileError, Root};
use wanbox_runtime::process::{self, Identity};

use super::config::{self, How, Slave};
use super::control::HandWord;

/// The longest file that is read, octets.
const MAX_FILE: u64 = 64 * 1024;

/// One line as it was left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// The boot of the machine that all this belongs to.
    pub boot: String,
    /// How its connection was made.
    pub how: How,
    /// Where it is a slave.
    pub slave: Option<Slave>,
    /// Hanging up may take so long, milliseconds.
    pub stop_timeout: u64,
    /// The process that keeps the connection: number and when it began.
    pub process: Option<(u32, u64)>,
    /// The connection keeps itself: its command ended well.
    pub detached: bool,
    /// The interface, as far as it is known.
    pub interface: Option<String>,
    /// The rate that pppd said.
    pub speed: Option<u64>,
    /// The master has the interface.
    pub enslaved: bool,
    /// Since when it is up, seconds since 1970.
    pub up_since: Option<i64>,
    /// When it is tried again, seconds since 1970.
    pub next_attempt: Option<i64>,
    /// Failures in a row.
    pub failures: u32,
    /// What a person wants of it.
    pub hand: HandWord,
    /// What the schedule said last.
    pub open: bool,
}

impl Record {
    /// The process that keeps the connection, if it still does.
    pub fn living(&self) -> Option<Identity> {
        let (pid, began) = self.process?;
        process::identity(pid).filter(|identity| identity.began == began)
    }
}

/// The present boot of the machine.
pub fn boot() -> String {
    // Without one, nothing is taken for an earlier boot's.
    files::read_text(Path::new("/proc/sys/kernel/random/boot_id"), 64)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn directory(root: &Root) -> PathBuf {
    root.run_dir().join("eql_dial")
}

fn file(root: &Root, name: &str) -> PathBuf {
    directory(root).join(format!("{name}.json"))
}

/// Everything that was left in this boot. What cannot be read is said in the log and left alone.
pub fn read_all(root: &Root) -> Vec<Record> {
    let boot = boot();
    let mut names: Vec<PathBuf> = fs::read_dir(directory(root))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    names.sort();
    let mut records = Vec::new();
    for path in names {
        let read = files::read(&path, MAX_FILE).map_err(|error| error.to_string());
        let record: Result<Record, String> =
            read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        match record {
            Ok(record) if config::name(&record.name).is_err() => {
                log::warn!("{}: belongs to no line", path.display());
            }
            Ok(record) if record.boot == boot => records.push(record),
            // The machine was booted since: nothing of it is left.
            Ok(record) => {
                let _ = remove(root, &record.name);
            }
            Err(error) => log::warn!("{}: {error}", path.display()),
        }
    }
    records
}

/// Writes what is to be left.
///
/// # Errors
/// Those of the file system.
pub fn write(root: &Root, record: &Record) -> Result<(), FileError> {
    files::make_dir(&directory(root))?;
    // Strings and numbers can be written as JSON.
    let text = serde_json::to_vec(record).unwrap_or_default();
    files::write_atomic(&file(root, &record.name), &text, 0o600)
}

/// Nothing is left of a line.
///
/// # Errors
/// Those of the file system.
pub fn remove(root: &Root, name: &str) -> Result<(), FileError> {
    files::remove(&file(root, name))
}
