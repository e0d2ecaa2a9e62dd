//! Control sockets: one JSON request and one JSON reply a line.
//!
//! A daemon listens on a Unix stream socket under the run directory. A request is
//! any JSON value on one line. A reply is one line, `{"ok": ...}` or
//! `{"error": {"text": ..., "code": ...}}`, before which any number of lines
//! `{"progress": ...}` may come. Requests of one connection are answered in their
//! order. The socket's mode says who may connect; beyond that only root and the
//! daemon's own user are served.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::socket::MsgFlags;
use serde::{Deserialize, Serialize};

use crate::files::FileError;

mod client;
mod listening;
pub mod script;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Client, call};
pub use listening::{Accepted, Listening};
pub use server::{ClientId, Counters, Request, Server};

/// The longest request line, octets.
pub const MAX_REQUEST: usize = 1 << 20;
/// The longest reply line, and what a client may leave unread, octets.
pub const MAX_OUTPUT: usize = 4 << 20;
/// How many clients a server holds.
pub const MAX_CLIENTS: usize = 16;

/// Why a daemon did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong, for people.
    pub text: String,
    /// The exit code that the command ends with: 1 failed, 2 wrong usage, 3 no such device.
    pub code: u8,
}

impl Failure {
    /// Failed (exit code 1).
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 1,
        }
    }

    /// A request that makes no sense (exit code 2).
    pub fn usage(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 2,
        }
    }

    /// What was asked for is not there (exit code 3).
    pub fn absent(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One line of a reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<T> {
    Progress(T),
    Ok(T),
    Error(Failure),
}

/// Why a control socket could not be served or called.
#[derive(Debug)]
pub enum ControlError {
    /// Nobody listens: the daemon is not running.
    NotRunning(PathBuf),
    /// Somebody listens already.
    InUse(PathBuf),
    /// The path is taken by something that is not a socket.
    NotASocket(PathBuf),
    /// The file mode keeps us out.
    Denied(PathBuf),
    /// The daemon took longer.
    TimedOut(Duration),
    /// The request is longer than a server takes, octets.
    RequestTooLong(usize),
    /// The reply is not what the protocol or the caller expects.
    BadReply(String),
    /// The daemon closed the connection before its reply.
    Closed,
    /// The daemon's own refusal.
    Failed(Failure),
    /// A path problem.
    File(FileError),
    /// The system refused.
    Io {
        /// What was to be done.
        action: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl ControlError {
    /// The exit code of a command that ends with this: 3 when the daemon is not running,
    /// the daemon's own code for its refusal, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotRunning(_) => 3,
            Self::Failed(failure) => failure.code,
            _ => 1,
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(path) => {
                write!(f, "not running (nobody listens on {})", path.display())
            }
            Self::InUse(path) => write!(f, "somebody listens on {} already", path.display()),
            Self::NotASocket(path) => {
                write!(f, "{} is in the way: it is not a socket", path.display())
            }
            Self::Denied(path) => write!(f, "no permission to connect to {}", path.display()),
            Self::TimedOut(after) => write!(f, "no reply within {after:?}"),
            Self::RequestTooLong(octets) => write!(
                f,
                "the request has {octets} octets, at most {MAX_REQUEST} are taken"
            ),
            Self::BadReply(why) => write!(f, "cannot understand the reply: {why}"),
            Self::Closed => f.write_str("the connection was closed before the reply"),
            Self::Failed(failure) => failure.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Io {
                action,
                path,
                error,
            } => write!(f, "cannot {action} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ControlError {}

impl From<FileError> for ControlError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Sends without the SIGPIPE that a closed connection would bring to a one-shot command.
fn send(socket: &impl AsFd, octets: &[u8]) -> io::Result<usize> {
    use std::os::fd::AsRawFd;
    nix::sys::socket::send(socket.as_fd().as_raw_fd(), octets, MsgFlags::MSG_NOSIGNAL)
        .map_err(io::Error::from)
}
