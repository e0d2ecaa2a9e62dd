//! The files of `accounting_dir`: `YYYYMMDDHHMMSS`, each made once and never changed.

use std::path::{Path, PathBuf};

use wanbox_runtime::files::{self, FileError};
use wanbox_runtime::wall_clock;

/// Who reads a record: its owner, and the group of those who may.
const MODE: u32 = 0o640;

/// Writes what was counted up to the moment `unix`, seconds since 1970. A file is named by the time
/// of the place; where two fall into one second, or the clock was set back, the later one gets the
/// next second that is free.
///
/// # Errors
/// The directory is missing or cannot be written to.
pub fn write(directory: &Path, unix: i64, text: &str) -> Result<PathBuf, FileError> {
    /// Seconds that are tried; far more than there are writers.
    const TRIED: i64 = 3600;
    for later in 0..TRIED {
        let path = directory.join(name(unix.saturating_add(later)));
        if files::write_new(&path, text.as_bytes(), MODE)? {
            return Ok(path);
        }
    }
    let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    Err(FileError::io(&directory.join(name(unix)), "make", taken))
}

fn name(unix: i64) -> String {
    let time = wall_clock::local_time(unix);
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        time.year, time.month, time.day, time.hour, time.minute, time.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_of_one_second_are_two_files() {
        let directory = std::env::temp_dir().join(format!("wanbox-records-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let first = write(&directory, 1_795_229_625, "one\n").unwrap();
        let second = write(&directory, 1_795_229_625, "two\n").unwrap();
        let third = write(&directory, 1_795_229_625, "three\n").unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&first), "one\n");
        assert_eq!(read(&second), "two\n");
        assert_eq!(read(&third), "three\n");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 3);
        let name = first.file_name().unwrap().to_str().unwrap();
        assert!(name.len() == 14 && name.bytes().all(|digit| digit.is_ascii_digit()));
        assert!(first < second && second < third);
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(write(&directory, 0, "").is_err());
    }
}
