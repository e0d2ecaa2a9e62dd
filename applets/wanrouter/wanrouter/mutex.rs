//! One `wanrouter` at a time changes what runs.
//!
//! The originals made `wanrouter_lock` and removed it again: a script that died kept everybody out
//! for ever, and the second one removed the lock of the first. Here the file is locked, so
//! that the lock dies with its holder; the file stays and names the last one.

use std::io::{Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use wanbox_runtime::files::{self, FileError, FileProblem, Lock};

const PAUSE: Duration = Duration::from_millis(50);

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Mutex {
    _lock: Lock,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum Unlocked {
    /// Somebody else runs: the process id from the file, if it is readable.
    Held(Option<u32>),
    /// The file system refused.
    File(FileError),
}

impl Mutex {
    /// Takes the lock, waiting at most `patience`.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, Unlocked> {
        if let Some(directory) = path.parent() {
            files::make_dir(directory).map_err(Unlocked::File)?;
        }
        let until = Instant::now() + patience;
        let lock = loop {
            match Lock::acquire(path) {
                Ok(lock) => break lock,
                Err(error) if !matches!(error.problem, FileProblem::Locked) => {
                    return Err(Unlocked::File(error));
                }
                Err(_) if Instant::now() >= until => return Err(Unlocked::Held(holder(path))),
                Err(_) => thread::sleep(PAUSE),
            }
        };
        let mut file = lock.file();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| Unlocked::File(FileError::io(path, "write", error)))?;
        Ok(Self { _lock: lock })
    }
}

fn holder(path: &Path) -> Option<u32> {
    files::read_text(path, 64).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::daemons::testing::Scratch;

    #[test]
    fn a_second_one_waits_and_then_learns_who_runs() {
        let scratch = Scratch::new("mutex-second");
        let path = scratch.path().join("lock/wanrouter_lock");
        let first = Mutex::take(&path, Duration::ZERO).unwrap();
        let start = Instant::now();
        match Mutex::take(&path, Duration::from_millis(120)) {
            Err(Unlocked::Held(pid)) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        assert!(start.elapsed() >= Duration::from_millis(120));
        drop(first);
        Mutex::take(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn the_file_of_a_dead_holder_is_no_lock() {
        let scratch = Scratch::new("mutex-dead");
        let path = scratch.path().join("wanrouter_lock");
        fs::write(&path, "999999999 and a long tail").unwrap();
        let _held = Mutex::take(&path, Duration::ZERO).unwrap();
        assert_eq!(holder(&path), Some(std::process::id()));
    }
}
