//! Files that grow by whole pieces, also while their disk is full.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use wanbox_runtime::files;
use wanbox_runtime::process::set_nonblocking;

use crate::files::reason;
use crate::journal::{present, system};

/// How often it is told of one file that it cannot be written.
const TELL_EVERY: Duration = Duration::from_secs(600);
/// How long nothing may have been lost before it is told that it can be.
const CALM: Duration = Duration::from_secs(20);

/// A file that grows by whole pieces. What cannot be written (a full disk) is lost, which is counted, told, and in a
/// file of text also written down; with the next piece that can be written it goes on.
#[derive(Debug)]
pub struct Growing {
    /// As people know it.
    name: String,
    file: File,
    /// What is counted.
    unit: &'static str,
    is_text: bool,
    /// What could not be written since the last that could.
    lost: u64,
    /// What could not be written since the last that was told, and when that began to be told.
    missing: u64,
    told: Option<Instant>,
    /// When something was lost last.
    failed: Option<Instant>,
}

impl Growing {
    /// A file that was opened to be written at its end.
    pub fn new(name: String, file: File, unit: &'static str, is_text: bool) -> Self {
        Self {
            name,
            file,
            unit,
            is_text,
            lost: 0,
            missing: 0,
            told: None,
            failed: None,
        }
    }

    /// As the file was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Goes on in another file.
    pub fn replace(&mut self, file: File) {
        self.file = file;
    }

    /// Writes a piece with so many of what is counted, all of it or nothing.
    ///
    /// # Errors
    /// Those of write(2): it is lost.
    pub fn write(&mut self, piece: &[u8], count: u64) -> io::Result<()> {
        let mark = match self.lost {
            lost @ 1.. if self.is_text => {
                format!("{} - {lost} {} were lost\n", present(), self.unit)
            }
            _ => String::new(),
        };
        let written = whole(&mut self.file, &[mark.as_bytes(), piece].concat());
        self.lost = match &written {
            Ok(()) => 0,
            Err(_) => self.lost + count,
        };
        written
    }

    /// As [`Self::write`]. What people are to be told of it: that pieces are lost, and later how many there were.
    pub fn take(&mut self, now: Instant, piece: &[u8], count: u64) -> Option<String> {
        let since = |then: Option<Instant>| then.map(|then| now.saturating_duration_since(then));
        match self.write(piece, count) {
            Ok(()) if self.missing == 0 || since(self.failed) < Some(CALM) => None,
            Ok(()) => {
                let lost = std::mem::take(&mut self.missing);
                let (name, unit) = (&self.name, self.unit);
                Some(format!("{name} is written again: {lost} {unit} were lost"))
            }
            Err(error) => {
                self.missing += count;
                self.failed = Some(now);
                if since(self.told).is_some_and(|ago| ago < TELL_EVERY) {
                    return None;
                }
                self.told = Some(now);
                let (name, unit, why) = (&self.name, self.unit, reason(&error));
                Some(format!("cannot write {name}: {why}; {unit} are lost"))
            }
        }
    }
}

/// Appends all of it, or nothing.
///
/// # Errors
/// Those of write(2).
pub fn whole(file: &mut File, octets: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(octets).inspect_err(|_| {
        // A part would spoil what follows; what cannot be cut off (a terminal) stays.
        let _ = file.set_len(before);
    })
}

/// Opens a file to be written at its end. One that is a terminal or a pipe, which may be full for long, does not hold
/// up the station: what it does not take is lost.
pub fn open(path: &Path) -> io::Result<File> {
    let file = files::append(path, 0o644).map_err(system)?;
    set_nonblocking(&file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pieces_and_what_is_told() {
        let dir = std::env::temp_dir().join(format!("wanbox-net-growing-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a");
        let mut now = Instant::now();
        let mut growing = Growing::new("a".to_owned(), open(&path).unwrap(), "lines", true);
        assert_eq!(growing.take(now, b"one\n", 1), None);
        // What is open for reading alone refuses as a full disk does.
        growing.replace(File::open(&path).unwrap());
        let told = growing.take(now, b"two\n", 1);
        let wanted = "cannot write a: Bad file descriptor; lines are lost";
        assert_eq!(told.as_deref(), Some(wanted));
        assert_eq!(growing.take(now, b"three\nfour\n", 2), None);
        growing.replace(open(&path).unwrap());
        assert_eq!(growing.take(now, b"five\n", 1), None);
        // So soon again, it is only written down.
        growing.replace(File::open(&path).unwrap());
        now += CALM;
        assert_eq!(growing.take(now, b"six\n", 1), None);
        growing.replace(open(&path).unwrap());
        now += CALM;
        let told = growing.take(now, b"seven\n", 1);
        let wanted = "a is written again: 4 lines were lost";
        assert_eq!(told.as_deref(), Some(wanted));
        now += TELL_EVERY;
        assert_eq!(growing.take(now, b"eight\n", 1), None);
        growing.replace(File::open(&path).unwrap());
        assert!(growing.take(now, b"nine\n", 1).is_some());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.split_once(" - ").map_or(line, |(_, rest)| rest))
            .collect();
        let wanted = [
            "one",
            "3 lines were lost",
            "five",
            "1 lines were lost",
            "seven",
            "eight",
        ];
        assert_eq!(lines, wanted);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_up_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
        let file = open(Path::new(&path)).unwrap();
        let mut growing = Growing::new(path, file, "packets", true);
        let told = (0..1000).find_map(|_| growing.take(Instant::now(), &[b'x'; 1000], 1));
        let told = told.unwrap_or_default();
        assert!(told.ends_with("unavailable; packets are lost"), "{told}");
        drop(reader);
    }
}
