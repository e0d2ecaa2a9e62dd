//! The log file of the station: a line for each that came, and for what the station did.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wanbox_runtime::files::{FileError, FileProblem};
use wanbox_runtime::wall_clock::{local_time, unix_time};

use crate::files::reason;
use crate::growing::{self, Growing};

/// The present as people read it.
pub fn present() -> String {
    local_time(unix_time()).to_string()
}

/// The log file, if there is one.
#[derive(Debug)]
pub struct Journal {
    /// When the program began, as people read it.
    started: String,
    open: Option<(PathBuf, Growing)>,
    /// What people are to be told of it.
    pub trouble: Option<String>,
}

impl Journal {
    /// No file yet.
    pub fn new() -> Self {
        Self {
            started: present(),
            open: None,
            trouble: None,
        }
    }

    /// Writes to another file from now on, or to none. The end is said in the one before, if `last` says how.
    ///
    /// # Errors
    /// The file cannot be opened: then nothing is written any more. Or it cannot be written for now.
    pub fn switch(&mut self, to: Option<(&str, &Path)>, last: &str) -> io::Result<()> {
        if self.open.is_some() {
            self.line(&format!("- {last}"));
            self.open = None;
        }
        let Some((name, path)) = to else {
            return Ok(());
        };
        let mut file = Growing::new(name.to_owned(), growing::open(path)?, "lines", true);
        let started = format!("- NOS was started at {}", self.started);
        let written = file.write(line(&started).as_bytes(), 1);
        self.open = Some((path.to_owned(), file));
        written
    }

    /// Opens the file anew: somebody has put it aside.
    pub fn reopen(&mut self) {
        let Some((path, open)) = &mut self.open else {
            return;
        };
        match growing::open(path) {
            Ok(file) => open.replace(file),
            Err(error) => {
                let (name, why) = (open.name(), reason(&error));
                let text = format!("cannot open {name} again: {why}; the old one is written");
                log::warn!("{text}");
                self.trouble = Some(text);
            }
        }
    }

    /// As the file was named.
    pub fn name(&self) -> Option<&str> {
        self.open.as_ref().map(|(_, open)| open.name())
    }

    /// Writes a line, with the present before it. What would end it is made harmless.
    pub fn line(&mut self, text: &str) {
        let Some((_, open)) = &mut self.open else {
            return;
        };
        if let Some(text) = open.take(Instant::now(), line(text).as_bytes(), 1) {
            log::warn!("{text}");
            self.trouble = Some(text);
        }
    }
}

fn line(text: &str) -> String {
    let line = format!("{} {text}", present());
    line.replace(char::is_control, ".") + "\n"
}

/// A file's problem as an error of the system.
pub fn system(error: FileError) -> io::Error {
    match error.problem {
        FileProblem::Io { error, .. } => error,
        FileProblem::NotAFile => io::Error::other("Not a regular file"),
        _ => io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_order() {
        let dir = std::env::temp_dir().join(format!("wanbox-net-log-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a");
        let mut journal = Journal::new();
        journal.line("nowhere");
        journal.switch(Some(("a", &path)), "").unwrap();
        assert_eq!(journal.name(), Some("a"));
        journal.line("host:1024 - open\n\x1b[2Jecho");
        std::fs::rename(&path, dir.join("b")).unwrap();
        journal.reopen();
        journal.switch(None, "NOS log closed").unwrap();
        journal.line("nowhere");
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        let lines: Vec<String> = (read("b") + &read("a"))
            .lines()
            .map(|l| l[24..].to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                format!(" - NOS was started at {}", journal.started),
                " host:1024 - open..[2Jecho".to_owned(),
                " - NOS log closed".to_owned(),
            ]
        );
        assert!(
            journal
                .switch(Some(("no", &dir.join("no/where"))), "")
                .is_err()
        );
        assert!(journal.name().is_none());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
