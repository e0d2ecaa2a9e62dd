//! Directories that go away.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::Result;
use crate::error::Context;

/// A directory of this program's own, removed with all that is in it when dropped.
/// It stays when the environment has `WANBOX_KEEP`.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new one. Its path is short, because those of Unix sockets are limited to 107 octets.
    ///
    /// # Errors
    /// It could not be made.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("wb{}-{n}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context(path.display()),
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if env::var_os("WANBOX_KEEP").is_none() {
            // Nothing more can be done about a directory that will not go.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
