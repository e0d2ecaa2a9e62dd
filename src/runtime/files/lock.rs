//! Lock files.
//!
//! The locks are those of open file descriptions (fcntl(2), F_OFD_SETLK): a fork keeps them,
//! the end of the last holder frees them however it ended, and asking whether a lock is held
//! does not take it for a moment, as it would with flock(2).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use super::{FileError, FileProblem};

/// A lock file that we hold. Dropping it lets go; the file stays.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock `path`, making the file (mode 0644) if it is not there. Never waits.
    ///
    /// # Errors
    /// [`FileProblem::Locked`] when somebody holds it, else those of opening and locking.
    pub fn acquire(path: &Path) -> Result<Self, FileError> {
        let failed = |error| FileError::io(path, "lock", error);
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
                .map_err(failed)?;
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
                Ok(_) => {}
                Err(Errno::EAGAIN | Errno::EACCES) => {
                    return Err(FileError {
                        path: path.to_owned(),
                        problem: FileProblem::Locked,
                    });
                }
                Err(error) => return Err(failed(error.into())),
            }
            // The holder before us may have removed the file between our open and our lock:
            // then we hold a file that nobody else will find.
            if is_file_at(&file, path).map_err(failed)? {
                return Ok(Self {
                    file,
                    path: path.to_owned(),
                });
            }
        }
    }

    /// The locked file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Removes the file and lets go.
    pub fn remove(self) {
        // Before the lock is gone, so that nobody's new file is removed.
        if matches!(is_file_at(&self.file, &self.path), Ok(true)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether somebody (also this process) holds the lock `path`.
///
/// # Errors
/// Those of opening the file; one that is not there is not locked.
pub fn is_locked(path: &Path) -> Result<bool, FileError> {
    let failed = |error| FileError::io(path, "look at the lock", error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let mut lock = whole_file();
    // A reader may not ask about an exclusive lock on a descriptor for reading only; a shared
    // one meets the same obstacle.
    lock.l_type = libc::F_RDLCK as libc::c_short;
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).map_err(|error| failed(error.into()))?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// An exclusive lock on a whole file.
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        // Must be 0 for locks of open file descriptions.
        l_pid: 0,
    }
}

/// Whether `path` still names this open file.
fn is_file_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
