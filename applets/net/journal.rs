//! The log file of the station: a line for each that came, and for what the station did.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wanbox_runtime::files::{self, FileError, FileProblem};
use wanbox_runtime::wall_clock::{local_time, unix_time};

/// The present as people read it.
pub fn present() -> String {
    local_time(unix_time()).to_string()
}

/// The log file, if there is one.
#[derive(Debug)]
pub struct Journal {
    /// When the program began, as people read it.
    started: String,
    open: Option<Open>,
    /// Lines that could not be written since the last that could.
    lost: u64,
}

#[derive(Debug)]
struct Open {
    /// As it was named.
    name: String,
    path: PathBuf,
    file: File,
}

impl Journal {
    /// No file yet.
    pub fn new() -> Self {
        Self {
            started: present(),
            open: None,
            lost: 0,
        }
    }

    /// Writes to another file from now on, or to none. The end is said in the one before, if `last` says how.
    ///
    /// # Errors
    /// The file cannot be opened or written: then nothing is written any more.
    pub fn switch(&mut self, to: Option<(&str, &Path)>, last: &str) -> io::Result<()> {
        if self.open.is_some() {
            self.line(&format!("- {last}"));
            self.open = None;
        }
        let Some((name, path)) = to else {
            return Ok(());
        };
        self.open = Some(Open {
            name: name.to_owned(),
            path: path.to_owned(),
            file: append(path)?,
        });
        let started = format!("- NOS was started at {}", self.started);
        self.lost = 0;
        self.write(&started).inspect_err(|_| self.open = None)
    }

    /// Opens the file anew: somebody has put it aside.
    pub fn reopen(&mut self) {
        if let Some(open) = &mut self.open
            && let Ok(file) = append(&open.path)
        {
            open.file = file;
        }
    }

    /// As the file was named.
    pub fn name(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.name.as_str())
    }

    /// Writes a line, with the present before it. What would end it is made harmless. What cannot be written (a full
    /// disk) is lost, which is said once, and how many there were as soon as something can be written.
    pub fn line(&mut self, text: &str) {
        if let Err(error) = self.write(text) {
            if self.lost == 0 {
                let name = self.name().unwrap_or_default();
                log::warn!("the log {name} cannot be written: {error}");
            }
            self.lost += 1;
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let mut line: String = format!("{} {text}", present());
        if line.contains(char::is_control) {
            line = line.replace(char::is_control, ".");
        }
        line.push('\n');
        if self.lost > 0 {
            line = format!("{} - {} lines were lost\n{line}", present(), self.lost);
        }
        let before = open.file.metadata()?.len();
        open.file.write_all(line.as_bytes()).inspect_err(|_| {
            // Half a line would spoil the next; what cannot be cut off stays.
            let _ = open.file.set_len(before);
        })?;
        self.lost = 0;
        Ok(())
    }
}

/// Opens a file to be written at its end.
pub fn append(path: &Path) -> io::Result<File> {
    files::append(path, 0o644).map_err(system)
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

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let dir = std::env::temp_dir().join(format!("wanbox-net-full-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a");
        let mut journal = Journal::new();
        journal.switch(Some(("a", &path)), "").unwrap();
        // As on a full disk, every write fails.
        let whole = std::mem::replace(
            &mut journal.open.as_mut().unwrap().file,
            File::open(&path).unwrap(),
        );
        journal.line("one");
        journal.line("two");
        journal.open.as_mut().unwrap().file = whole;
        journal.line("three");
        journal.line("four");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).map(|line| &line[25..]).collect();
        assert_eq!(lines, ["- 2 lines were lost", "three", "four"]);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
