//! A Unix socket that is listened on: for root and the daemon's own user alone.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen,
    socket, sockopt,
};

use super::{ControlError, MAX_CLIENTS};
use crate::files::{FileProblem, Lock, SocketPath};

/// A listening socket. Dropped, its file is removed.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket, to remove no other's.
    inode: (u64, u64),
    uid: u32,
    /// Given up for a moment when there are no descriptors left to accept with.
    spare: Option<OwnedFd>,
}

/// Who came.
#[derive(Debug)]
pub enum Accepted {
    /// Root or the daemon's own user; it does not block.
    Client(UnixStream),
    /// Another user: not to be served. It does not block.
    Stranger(UnixStream, u32),
    /// Somebody, who was closed because there are no descriptors left.
    Full,
    /// No (further) one.
    Nobody,
}

impl Listening {
    /// Listens on `path`, with this file mode. A socket that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// [`ControlError::InUse`], [`ControlError::NotASocket`], or those of the system.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, ControlError> {
        let failed = |action| {
            move |error: io::Error| ControlError::Io {
                action,
                path: path.to_owned(),
                error,
            }
        };
        let listener = UnixListener::from(listen_on(path, mode)?);
        let metadata = fs::symlink_metadata(path).map_err(failed("look at"))?;
        let spare = listener.try_clone().map_err(failed("listen on"))?.into();
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode: (metadata.dev(), metadata.ino()),
            uid: nix::unistd::geteuid().as_raw(),
            spare: Some(spare),
        })
    }

    /// The next one who came.
    pub fn accept(&mut self) -> Accepted {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    // The pending connection would wake us for ever: accept it with the
                    // spare descriptor and close it.
                    self.spare = None;
                    drop(self.listener.accept());
                    self.spare = self.listener.try_clone().ok().map(OwnedFd::from);
                    return Accepted::Full;
                }
                Err(_) => return Accepted::Nobody,
            };
            let credentials = getsockopt(&stream, sockopt::PeerCredentials);
            let (Ok(credentials), Ok(())) = (credentials, stream.set_nonblocking(true)) else {
                // Gone already.
                continue;
            };
            let uid = credentials.uid();
            return if uid == 0 || uid == self.uid {
                Accepted::Client(stream)
            } else {
                Accepted::Stranger(stream, uid)
            };
        }
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Ok(metadata) = fs::symlink_metadata(&self.path)
            && (metadata.dev(), metadata.ino()) == self.inode
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A listening socket at `path`, taking over one that nobody listens on.
fn listen_on(path: &Path, mode: u32) -> Result<OwnedFd, ControlError> {
    // Two that start at once must not both take the same dead socket for theirs to replace.
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock = Lock::acquire(Path::new(&lock_path)).map_err(|error| match error.problem {
        FileProblem::Locked => ControlError::InUse(path.to_owned()),
        _ => ControlError::File(error),
    })?;
    let listening = take_over(path, mode);
    lock.remove();
    listening
}

fn take_over(path: &Path, mode: u32) -> Result<OwnedFd, ControlError> {
    let failed = |action, error: io::Error| ControlError::Io {
        action,
        path: path.to_owned(),
        error,
    };
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ControlError::NotASocket(path.to_owned()));
        }
        Ok(_) => {
            if is_served(path)? {
                return Err(ControlError::InUse(path.to_owned()));
            }
            fs::remove_file(path).map_err(|error| failed("replace", error))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("look at", error)),
    }
    let short = SocketPath::new(path)?;
    let listen_at = || -> nix::Result<OwnedFd> {
        let fd = new_socket()?;
        // The socket file takes its mode from the descriptor: it is never open to more users
        // than it should, not even before the chmod below.
        nix::sys::stat::fchmod(&fd, nix::sys::stat::Mode::from_bits_truncate(mode))?;
        bind(fd.as_raw_fd(), &UnixAddr::new(short.as_path())?)?;
        listen(&fd, Backlog::new(MAX_CLIENTS as i32)?)?;
        Ok(fd)
    };
    let fd = listen_at().map_err(|errno| failed("listen on", errno.into()))?;
    // What the umask took away.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| failed("set the mode of", error))?;
    Ok(fd)
}

/// Whether somebody listens on the socket.
fn is_served(path: &Path) -> Result<bool, ControlError> {
    let short = SocketPath::new(path)?;
    let probe = || -> nix::Result<()> {
        let fd = new_socket()?;
        connect(fd.as_fd().as_raw_fd(), &UnixAddr::new(short.as_path())?)
    };
    match probe() {
        // EAGAIN: its queue is full.
        Ok(()) | Err(Errno::EAGAIN) => Ok(true),
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(false),
        Err(errno) => Err(ControlError::Io {
            action: "look at",
            path: path.to_owned(),
            error: errno.into(),
        }),
    }
}

fn new_socket() -> nix::Result<OwnedFd> {
    socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )
}
