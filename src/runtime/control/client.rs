//! The command's side: blocking, with a time limit.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{ControlError, Line, MAX_OUTPUT, MAX_REQUEST, send};
use crate::files::SocketPath;

/// How long to wait before a full queue of connections is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// A connection to a daemon's control socket.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
    input: Vec<u8>,
}

/// Asks one question of the daemon that listens on `path`.
///
/// # Errors
/// Those of [`Client::connect`] and [`Client::call`].
pub fn call<Q: Serialize, R: DeserializeOwned>(
    path: &Path,
    request: &Q,
    timeout: Duration,
) -> Result<R, ControlError> {
    Client::connect(path, timeout)?.call(request, timeout)
}

impl Client {
    /// Connects to the daemon that listens on `path`.
    ///
    /// # Errors
    /// [`ControlError::NotRunning`], [`ControlError::Denied`], [`ControlError::TimedOut`]
    /// when the daemon takes no connections, or those of the system.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Self, ControlError> {
        let failed = |error: io::Error| ControlError::Io {
            action: "connect to",
            path: path.to_owned(),
            error,
        };
        let short = match SocketPath::new(path) {
            Ok(short) => short,
            Err(error) if error.is_absent() => {
                return Err(ControlError::NotRunning(path.to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let address = UnixAddr::new(short.as_path()).map_err(|errno| failed(errno.into()))?;
        let deadline = Instant::now() + timeout;
        // Non-blocking: connect(2) would wait without limit for room in the queue.
        let fd: OwnedFd = socket(
            AddressFamily::Unix,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )
        .map_err(|errno| failed(errno.into()))?;
        loop {
            match connect(fd.as_raw_fd(), &address) {
                Ok(()) => break,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if Instant::now() < deadline => std::thread::sleep(RETRY),
                Err(Errno::EAGAIN) => return Err(ControlError::TimedOut(timeout)),
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ECONNREFUSED) => {
                    return Err(ControlError::NotRunning(path.to_owned()));
                }
                Err(Errno::EACCES | Errno::EPERM) => {
                    return Err(ControlError::Denied(path.to_owned()));
                }
                Err(errno) => return Err(failed(errno.into())),
            }
        }
        let stream = UnixStream::from(fd);
        stream.set_nonblocking(false).map_err(failed)?;
        Ok(Self {
            stream,
            path: path.to_owned(),
            input: Vec::new(),
        })
    }

    /// The connection itself: for what is not asked and answered.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Asks and waits for the answer; progress is ignored.
    ///
    /// # Errors
    /// As [`Client::call_with_progress`].
    pub fn call<Q: Serialize, R: DeserializeOwned>(
        &mut self,
        request: &Q,
        timeout: Duration,
    ) -> Result<R, ControlError> {
        self.call_with_progress(request, timeout, |_: IgnoredAny| {})
    }

    /// Asks, reports progress as it comes, and returns the answer. The time limit is that
    /// between two lines.
    ///
    /// # Errors
    /// [`ControlError::Failed`] when the daemon refuses, [`ControlError::TimedOut`],
    /// [`ControlError::Closed`], [`ControlError::BadReply`] when a line is not of the expected
    /// type. After an error other than `Failed` the connection is of no more use.
    pub fn call_with_progress<Q: Serialize, P: DeserializeOwned, R: DeserializeOwned>(
        &mut self,
        request: &Q,
        timeout: Duration,
        mut on_progress: impl FnMut(P),
    ) -> Result<R, ControlError> {
        self.ask(request, timeout)?;
        loop {
            let line = self.read_line(timeout)?;
            let bad = |error: serde_json::Error| ControlError::BadReply(error.to_string());
            match serde_json::from_slice::<Line<Value>>(&line).map_err(bad)? {
                Line::Progress(value) => on_progress(serde_json::from_value(value).map_err(bad)?),
                Line::Ok(value) => return serde_json::from_value(value).map_err(bad),
                Line::Error(failure) => return Err(ControlError::Failed(failure)),
            }
        }
    }

    fn ask(&mut self, request: &impl Serialize, timeout: Duration) -> Result<(), ControlError> {
        let mut line = serde_json::to_vec(request)
            .map_err(|error| self.failed("write to", io::Error::other(error)))?;
        if line.len() > MAX_REQUEST {
            return Err(ControlError::RequestTooLong(line.len()));
        }
        line.push(b'\n');
        let deadline = Instant::now() + timeout;
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            self.limit(deadline, timeout)?;
            match send(&self.stream, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(ControlError::TimedOut(timeout));
                }
                // A server that turned us away said why before it closed: go and read it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(self.failed("write to", error)),
            }
        }
        Ok(())
    }

    fn read_line(&mut self, timeout: Duration) -> Result<Vec<u8>, ControlError> {
        let deadline = Instant::now() + timeout;
        let mut scanned = 0;
        loop {
            let fresh = self.input.get(scanned..).unwrap_or_default();
            if let Some(found) = fresh.iter().position(|&octet| octet == b'\n') {
                return Ok(self.input.drain(..=scanned + found).collect());
            }
            scanned = self.input.len();
            if scanned > MAX_OUTPUT {
                return Err(ControlError::BadReply(format!(
                    "a line is longer than {MAX_OUTPUT} octets"
                )));
            }
            self.limit(deadline, timeout)?;
            let mut octets = [0; 16 << 10];
            match self.stream.read(&mut octets) {
                Ok(0) => return Err(ControlError::Closed),
                Ok(count) => self
                    .input
                    .extend_from_slice(octets.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(ControlError::TimedOut(timeout));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(ControlError::Closed);
                }
                Err(error) => return Err(self.failed("read from", error)),
            }
        }
    }

    /// Has the next read or write end at the deadline.
    fn limit(&self, deadline: Instant, timeout: Duration) -> Result<(), ControlError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ControlError::TimedOut(timeout));
        }
        self.stream
            .set_read_timeout(Some(left))
            .and_then(|()| self.stream.set_write_timeout(Some(left)))
            .map_err(|error| self.failed("set a time limit for", error))
    }

    fn failed(&self, action: &'static str, error: io::Error) -> ControlError {
        ControlError::Io {
            action,
            path: self.path.clone(),
            error,
        }
    }
}
