//! Where files live: the root prefix, the run directory, safe reads and writes, locks.

use std::env;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

mod lock;
#[cfg(test)]
mod tests;

pub use lock::{Lock, is_locked};

/// The environment variable that puts a prefix before every path.
pub const ROOT_VARIABLE: &str = "WANBOX_ROOT";

/// The prefix of every path that wanbox reads or writes: `/` unless told otherwise.
///
/// It lets an ordinary user try everything in a directory of their own, and several
/// routers share a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    prefix: PathBuf,
}

impl Root {
    /// The prefix of `--root`; without one that of `WANBOX_ROOT`; without that `/`.
    /// A relative prefix counts from the current directory.
    pub fn new(option: Option<&Path>) -> Self {
        let prefix = match option {
            Some(prefix) => prefix.to_owned(),
            None => match env::var_os(ROOT_VARIABLE) {
                Some(prefix) if !prefix.is_empty() => prefix.into(),
                _ => PathBuf::from("/"),
            },
        };
        // A daemon changes its directory to /, so the prefix must not depend on it.
        Self {
            prefix: std::path::absolute(&prefix).unwrap_or(prefix),
        }
    }

    /// The prefix, absolute.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Whether the prefix is `/`.
    pub fn is_system(&self) -> bool {
        self.prefix == Path::new("/")
    }

    /// Where the file that the manuals call `path` is. `..` in it does not lead out of the prefix.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let mut joined = self.prefix.clone();
        let depth = joined.components().count();
        for component in path.as_ref().components() {
            match component {
                Component::Normal(name) => joined.push(name),
                Component::ParentDir => {
                    if joined.components().count() > depth {
                        joined.pop();
                    }
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        joined
    }

    /// The run directory: pid files, control sockets, state. See [`Root::make_run_dir`].
    pub fn run_dir(&self) -> PathBuf {
        self.path("/run/wanbox")
    }

    /// Where the link daemons' management sockets are, one an interface.
    pub fn monitor_dir(&self) -> PathBuf {
        self.path("/run/wanbox/monitor")
    }

    /// Where the X.25 sockets of devices are, one a device, under its name.
    pub fn x25_dir(&self) -> PathBuf {
        self.path("/run/wanbox/x25")
    }

    /// The file in which the daemon of a device keeps its state.
    pub fn status_map(&self, device: &str) -> PathBuf {
        self.run_dir().join(format!("{device}.map"))
    }

    /// Makes the run directory and what is under it (mode 0755), if it is not there.
    ///
    /// # Errors
    /// Those of making a directory, with its path.
    pub fn make_run_dir(&self) -> Result<PathBuf, FileError> {
        make_dir(&self.monitor_dir())?;
        Ok(self.run_dir())
    }
}

/// What went wrong with which file.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub problem: FileProblem,
}

/// What went wrong with a file.
#[derive(Debug)]
pub enum FileProblem {
    /// The system refused.
    Io {
        /// What was to be done: "read", "write", "lock" ...
        action: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// Not a regular file.
    NotAFile,
    /// Longer than allowed, in octets.
    TooLong {
        /// The longest allowed.
        limit: u64,
    },
    /// Not UTF-8.
    NotText {
        /// Where the first wrong octet is.
        offset: usize,
    },
    /// A secret that others may read or write.
    OpenToOthers {
        /// Its permission bits.
        mode: u32,
    },
    /// A secret that belongs to neither root nor this user.
    WrongOwner {
        /// Whose it is.
        uid: u32,
    },
    /// Somebody else holds the lock.
    Locked,
    /// Too long for the address of a Unix socket, and there is no /proc to shorten it.
    SocketPathTooLong,
}

impl FileError {
    /// An error of the system on `path`.
    pub fn io(path: &Path, action: &'static str, error: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            problem: FileProblem::Io { action, error },
        }
    }

    /// Whether the file is not there.
    pub fn is_absent(&self) -> bool {
        matches!(&self.problem, FileProblem::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            FileProblem::Io { action, error } => write!(f, "cannot {action} {path}: {error}"),
            FileProblem::NotAFile => write!(f, "{path} is not a regular file"),
            FileProblem::TooLong { limit } => {
                write!(f, "{path} is longer than the {limit} octets allowed")
            }
            FileProblem::NotText { offset } => {
                write!(f, "{path} is not UTF-8 text (at octet {offset})")
            }
            FileProblem::OpenToOthers { mode } => write!(
                f,
                "{path} holds a secret but has mode {mode:04o}: others must have no access \
                 (chmod 600 {path})"
            ),
            FileProblem::WrongOwner { uid } => write!(
                f,
                "{path} holds a secret but belongs to user {uid}: it must belong to root or to \
                 the user that reads it"
            ),
            FileProblem::Locked => write!(f, "{path} is locked by another process"),
            FileProblem::SocketPathTooLong => {
                write!(f, "{path} is too long for the address of a socket")
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            FileProblem::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Makes a directory (mode 0755) and those above it. One that exists is left as it is.
///
/// # Errors
/// Those of mkdir(2).
pub fn make_dir(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(|error| FileError::io(path, "make the directory", error))
}

/// Reads a regular file of at most `limit` octets.
///
/// # Errors
/// Not readable, not a regular file (a FIFO would block for ever), too long.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read_open(&open_regular(path)?, path, limit)
}

/// Reads a text file of at most `limit` octets.
///
/// # Errors
/// As [`read`], and not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, limit)?).map_err(|error| FileError {
        path: path.to_owned(),
        problem: FileProblem::NotText {
            offset: error.utf8_error().valid_up_to(),
        },
    })
}

/// Reads a file that holds a secret: it must belong to root or to this user, and nobody else
/// may have any access to it.
///
/// # Errors
/// As [`read`], and [`FileProblem::OpenToOthers`], [`FileProblem::WrongOwner`].
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open_regular(path)?;
    let wrong = |problem| FileError {
        path: path.to_owned(),
        problem,
    };
    let metadata = file
        .metadata()
        .map_err(|error| FileError::io(path, "read", error))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(wrong(FileProblem::OpenToOthers { mode }));
    }
    let uid = metadata.uid();
    if uid != 0 && uid != nix::unistd::geteuid().as_raw() {
        return Err(wrong(FileProblem::WrongOwner { uid }));
    }
    read_open(&file, path, limit)
}

/// Opens a regular file to be read in pieces.
///
/// # Errors
/// Not readable, or not a regular file: a FIFO would block for ever.
pub fn open_regular(path: &Path) -> Result<File, FileError> {
    let open = || -> io::Result<(File, bool)> {
        let file = OpenOptions::new()
            .read(true)
            // A FIFO without a writer must not hold us up before we see what it is.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        let regular = file.metadata()?.is_file();
        Ok((file, regular))
    };
    match open() {
        Ok((file, true)) => Ok(file),
        Ok((_, false)) => Err(FileError {
            path: path.to_owned(),
            problem: FileProblem::NotAFile,
        }),
        Err(error) => Err(FileError::io(path, "read", error)),
    }
}

fn read_open(file: &File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    // Not by the reported length: files of /proc report none, and others may grow.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| FileError::io(path, "read", error))?;
    if content.len() as u64 > limit {
        return Err(FileError {
            path: path.to_owned(),
            problem: FileProblem::TooLong { limit },
        });
    }
    Ok(content)
}

/// Opens a file, or a terminal, to write at its end; made (with this mode) if it is not there.
/// Neither does a terminal become the program's own, nor does anything hold up the opening.
///
/// # Errors
/// Those of open(2).
pub fn append(path: &Path, mode: u32) -> Result<File, FileError> {
    let open = || -> io::Result<File> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(mode)
            .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(path)?;
        // What is written waits as usual.
        let flags = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_GETFL)?;
        let flags = nix::fcntl::OFlag::from_bits_truncate(flags) - nix::fcntl::OFlag::O_NONBLOCK;
        nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(flags))?;
        Ok(file)
    };
    open().map_err(|error| FileError::io(path, "open", error))
}

/// Replaces a file in one step: a reader sees the old content or the new, never a part.
/// For state under the run directory; not forced to the disk.
///
/// # Errors
/// Those of making, writing and renaming the temporary file beside it, which is then removed.
pub fn write_atomic(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    replace(path, content, mode, None, false)
}

/// Makes a file that is not there yet, in one step: a reader sees all of it or none. Returns whether
/// it was made; one that is there stays as it is.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<bool, FileError> {
    let temporary = beside(path)?;
    write_atomic(&temporary, content, mode)?;
    let linked = fs::hard_link(&temporary, path);
    remove(&temporary)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(FileError::io(path, "make", error)),
    }
}

/// As [`write_atomic`], and the new content survives a power failure. For configuration.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_durable(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    replace(path, content, mode, None, true)
}

/// Replaces a file that people own: as [`write_durable`], through a symbolic link, and with the
/// mode and the owner it had. What it held is left beside it as `NAME.bak`. A new file gets
/// `mode`; `most` are the permissions that no such file may exceed.
///
/// # Errors
/// As [`write_durable`], and that the old content cannot be read.
pub fn rewrite(path: &Path, content: &[u8], mode: u32, most: u32) -> Result<(), FileError> {
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = match fs::metadata(&place) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return replace(&place, content, mode & most, None, true);
        }
        Err(error) => return Err(FileError::io(path, "read", error)),
    };
    let kept = read(&place, u64::MAX - 1)?;
    let mode = old.mode() & 0o7777 & most;
    let owner = Some((old.uid(), old.gid()));
    replace(&backup(&place), &kept, mode, owner, true)?;
    replace(&place, content, mode, owner, true)
}

/// Takes a file away; what it held is left beside it as `NAME.bak`. One that is not there is fine.
///
/// # Errors
/// Those of rename(2).
pub fn retire(path: &Path) -> Result<(), FileError> {
    match fs::rename(path, backup(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// Where the old content of a file goes.
fn backup(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".bak");
    path.with_file_name(name)
}

fn replace(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
    durable: bool,
) -> Result<(), FileError> {
    let failed = |error| FileError::io(path, "write", error);
    let temporary = beside(path)?;
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content)?;
        if let Some((uid, gid)) = owner {
            // Only root may give files away; the content matters more.
            let _ = std::os::unix::fs::fchown(&file, Some(uid), Some(gid));
        }
        // Whatever the umask says.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)?;
        if durable && let Some(directory) = path.parent().filter(|dir| !dir.as_os_str().is_empty())
        {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|error| {
        // Gone already when the rename was what succeeded last.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// A hidden name beside a file, which nothing has.
fn beside(path: &Path) -> Result<PathBuf, FileError> {
    let failed = |error| FileError::io(path, "write", error);
    let name = path.file_name().ok_or_else(|| {
        failed(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it has no file name",
        ))
    })?;
    let random = getrandom::u64().map_err(|error| failed(io::Error::other(error)))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{random:016x}"));
    Ok(path.with_file_name(hidden))
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// Those of unlink(2).
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// The path of a Unix socket in a form that fits its address.
///
/// An address holds 107 octets; the directory of a longer path is opened and named
/// `/proc/self/fd/N`. Keep this value until the socket is bound or connected.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    _directory: Option<OwnedFd>,
}

/// The longest path in a socket address: `sun_path` without its final zero.
const SOCKET_PATH_LEN: usize = 107;

impl SocketPath {
    /// Shortens `path` if it must be.
    ///
    /// # Errors
    /// The directory cannot be opened, or the name alone is too long.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        if path.as_os_str().len() <= SOCKET_PATH_LEN {
            return Ok(Self {
                path: path.to_owned(),
                _directory: None,
            });
        }
        let too_long = || FileError {
            path: path.to_owned(),
            problem: FileProblem::SocketPathTooLong,
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(too_long());
        };
        let directory: OwnedFd = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(parent)
            .map_err(|error| FileError::io(path, "open the directory of", error))?
            .into();
        let short = Path::new("/proc/self/fd")
            .join(directory.as_raw_fd().to_string())
            .join(name);
        if short.as_os_str().len() > SOCKET_PATH_LEN || !Path::new("/proc/self/fd").exists() {
            return Err(too_long());
        }
        Ok(Self {
            path: short,
            _directory: Some(directory),
        })
    }

    /// The path to bind or connect.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}
