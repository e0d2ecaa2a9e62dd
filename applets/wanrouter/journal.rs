//! `WAN_LOG`: what was started and stopped, and with which configuration. Dated lines, appended.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wanbox_runtime::files::{self, FileError};

/// The log of `wanrouter` and `wanconfig`. A log that cannot be written stops nothing: the first
/// trouble is kept for one complaint at the end.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    trouble: Option<FileError>,
}

impl Journal {
    /// The log in this file. Nothing is made until there is something to say.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            trouble: None,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a dated line.
    pub fn note(&mut self, what: impl Display) {
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        self.append(&format!("{now} {what}\n"));
    }

    /// Appends lines as they are.
    pub fn append(&mut self, lines: &str) {
        if lines.is_empty() || self.trouble.is_some() {
            return;
        }
        if let Err(error) = self.write(lines) {
            self.trouble = Some(error);
        }
    }

    fn write(&self, lines: &str) -> Result<(), FileError> {
        if let Some(directory) = self.path.parent() {
            files::make_dir(directory)?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|error| FileError::io(&self.path, "write", error))
    }

    /// Why the log is not complete, told once.
    pub fn trouble(&mut self) -> Option<FileError> {
        self.trouble.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::Scratch;

    #[test]
    fn lines_are_dated_and_appended() {
        let scratch = Scratch::new("journal");
        let path = scratch.path().join("log/wanrouter");
        for what in ["first", "second"] {
            Journal::new(&path).note(what);
        }
        Journal::new(&path).append(" * as it is\n");
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let (date, rest) = lines[1].split_at(20);
        assert!(humantime::parse_rfc3339(date).is_ok(), "{date}");
        assert_eq!(rest, " second");
        assert_eq!(lines[2], " * as it is");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_once() {
        let scratch = Scratch::new("journal-trouble");
        let mut journal = Journal::new(scratch.path());
        journal.note("x");
        journal.note("y");
        assert!(journal.trouble().is_some());
        assert!(journal.trouble().is_none());
    }
}
