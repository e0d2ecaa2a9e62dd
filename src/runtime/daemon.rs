//! Daemon start: detach after readiness, pid file and lock.
//!
//! ```no_run
//! # use std::time::Duration;
//! use wanbox_runtime::daemon::{self, Started};
//!
//! match daemon::detach(Duration::from_secs(30)) {
//!     // In the command that the user typed: the daemon runs and is ready.
//!     Ok(Started::Starter { pid: _ }) => {}
//!     // In the daemon: open everything, then say so.
//!     Ok(Started::Daemon(readiness)) => readiness.ready(),
//!     // In the command: the daemon said what went wrong.
//!     Err(error) => eprintln!("wanpiped: {error}"),
//! }
//! ```

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, setsid};
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError, FileProblem, Lock};
use crate::process::{Signal, send_signal};

/// The longest text that a daemon can give its starter, octets.
const MAX_MESSAGES: u64 = 64 << 10;
/// A pid file holds one number.
const MAX_PID_FILE: u64 = 64;

/// Why a daemon did not start.
#[derive(Debug)]
pub enum DaemonError {
    /// Another copy holds the pid file.
    AlreadyRunning {
        /// The pid file.
        path: PathBuf,
        /// Its process, when the file says so.
        pid: Option<u32>,
    },
    /// What the daemon itself said.
    Failed(String),
    /// The daemon ended without a word.
    Died,
    /// The daemon was not ready in time, and was told to end.
    TimedOut(Duration),
    /// The program has started threads already (or cannot tell): it must not fork.
    Threads,
    /// A pid file problem.
    File(FileError),
    /// The system refused.
    Io {
        /// What was to be done.
        action: &'static str,
        /// Its error.
        error: io::Error,
    },
}

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning {
                path,
                pid: Some(pid),
            } => {
                write!(f, "already running as process {pid} ({})", path.display())
            }
            Self::AlreadyRunning { path, pid: None } => {
                write!(f, "already running ({} is locked)", path.display())
            }
            Self::Failed(text) => f.write_str(text),
            Self::Died => f.write_str("the daemon ended before it was ready"),
            Self::TimedOut(after) => write!(f, "the daemon was not ready within {after:?}"),
            Self::Threads => f.write_str("cannot go to the background: the program has threads"),
            Self::File(error) => error.fmt(f),
            Self::Io { action, error } => write!(f, "cannot {action}: {error}"),
        }
    }
}

impl std::error::Error for DaemonError {}

fn failed<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> DaemonError {
    move |error| DaemonError::Io {
        action,
        error: error.into(),
    }
}

/// On which side of the fork we are.
#[derive(Debug)]
pub enum Started {
    /// The command that started the daemon, which is ready.
    Starter {
        /// The daemon's process.
        pid: u32,
    },
    /// The daemon.
    Daemon(Readiness),
}

/// What the daemon tells its starter, one JSON value a line.
#[derive(Serialize, Deserialize)]
enum Message {
    Pid(u32),
    Ready,
    Failed(String),
}

/// The daemon's duty to say that it is ready, or why it will not be. Dropping it unsaid
/// tells the starter that the daemon died.
#[derive(Debug)]
#[must_use]
pub struct Readiness {
    /// To the starter; none in the foreground.
    starter: Option<OwnedFd>,
}

impl Readiness {
    /// That of a daemon that stays in the foreground (`-f`).
    pub fn foreground() -> Self {
        Self { starter: None }
    }

    /// Everything is open and works: the starter returns, and what is printed from now on
    /// goes nowhere.
    pub fn ready(self) {
        if let Some(starter) = self.starter {
            // Both fail only when there is no /dev/null, as in a bare chroot, or when the
            // starter was killed. Neither is a reason to end.
            let _ = silence(true);
            let _ = tell(&starter, &Message::Ready);
        }
    }

    /// Says how the start ended.
    ///
    /// # Errors
    /// It failed; with the text when the starter does not tell the user, so that the caller must.
    pub fn conclude<T>(self, opened: Result<T, String>) -> Result<T, Option<String>> {
        match opened {
            Ok(opened) => {
                self.ready();
                Ok(opened)
            }
            Err(text) => Err((!self.failed(&text)).then_some(text)),
        }
    }

    /// It will not start. Returns whether the starter tells the user; if not, the caller must.
    pub fn failed(self, text: &str) -> bool {
        let message = Message::Failed(text.to_owned());
        self.starter
            .is_some_and(|starter| tell(&starter, &message).is_ok())
    }
}

fn tell(starter: &OwnedFd, message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match nix::unistd::write(starter, rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Goes to the background as [`detach`] does, or stays where it is.
///
/// # Errors
/// Those of [`detach`].
pub fn start(foreground: bool, patience: Duration) -> Result<Started, DaemonError> {
    if foreground {
        return Ok(Started::Daemon(Readiness::foreground()));
    }
    detach(patience)
}

/// Goes to the background. Returns twice: in the daemon at once, and in the starter when the
/// daemon has said that it is ready, within `patience`.
///
/// The daemon is in a session of its own, in the directory `/`, with umask 022 and without
/// the descriptors that the program inherited (those it opened itself since are closed on
/// exec, and stay). Standard output and error remain the starter's until [`Readiness::ready`].
///
/// Call it early: before threads, before the poll loop and the pid file are made.
///
/// # Errors
/// In the starter: [`DaemonError::Failed`] with the daemon's words, [`DaemonError::Died`],
/// [`DaemonError::TimedOut`]. Before the fork: [`DaemonError::Threads`] and those of the system.
pub fn detach(patience: Duration) -> Result<Started, DaemonError> {
    if !is_single_threaded() {
        return Err(DaemonError::Threads);
    }
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(failed("make a pipe"))?;
    // SAFETY: there is no other thread, so the child has the whole program as it was, no lock
    // held by a thread that is not there any more.
    match unsafe { fork() }.map_err(failed("fork"))? {
        ForkResult::Parent { child } => {
            drop(writer);
            // It ends as soon as it has forked the daemon.
            while waitpid(child, None) == Err(Errno::EINTR) {}
            wait_ready(reader, patience)
        }
        ForkResult::Child => {
            drop(reader);
            leave(&writer);
            Ok(Started::Daemon(Readiness {
                starter: Some(writer),
            }))
        }
    }
}

/// In the first child: forks the daemon and ends. Returns in the daemon alone.
fn leave(writer: &OwnedFd) {
    let leave = || -> Result<(), DaemonError> {
        setsid().map_err(failed("start a session"))?;
        // A session's leader would get a terminal line that it opens as its controlling
        // terminal: the daemon must not be the leader.
        // SAFETY: still no other thread.
        if unsafe { fork() }.map_err(failed("fork"))?.is_parent() {
            exit_now(0);
        }
        std::env::set_current_dir("/").map_err(failed("change to /"))?;
        umask(Mode::from_bits_truncate(0o022));
        close_inherited();
        silence(false).map_err(failed("open /dev/null"))?;
        tell(writer, &Message::Pid(std::process::id())).map_err(failed("reach the starter"))
    };
    if let Err(error) = leave() {
        let _ = tell(writer, &Message::Failed(error.to_string()));
        exit_now(1);
    }
}

/// Ends without the destructors and exit handlers, which belong to the starter.
fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(code) }
}

/// In the starter: waits for the daemon's word.
fn wait_ready(reader: OwnedFd, patience: Duration) -> Result<Started, DaemonError> {
    let deadline = Instant::now() + patience;
    let mut input = Vec::new();
    let mut pid = None;
    let mut file = fs::File::from(reader);
    loop {
        while let Some(end) = input.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = input.drain(..=end).collect();
            match (serde_json::from_slice(&line), pid) {
                (Ok(Message::Pid(number)), _) => pid = Some(number),
                (Ok(Message::Ready), Some(pid)) => return Ok(Started::Starter { pid }),
                (Ok(Message::Failed(text)), _) => return Err(DaemonError::Failed(text)),
                (Ok(Message::Ready) | Err(_), _) => return Err(DaemonError::Died),
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if let Some(pid) = pid {
                // If it is gone meanwhile, so much the better.
                let _ = send_signal(pid, Signal::Terminate);
            }
            return Err(DaemonError::TimedOut(patience));
        }
        let timeout =
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(failed("wait for the daemon")(errno)),
        }
        let mut octets = [0; 4096];
        match file.read(&mut octets) {
            Ok(0) => return Err(DaemonError::Died),
            Ok(count) => input.extend_from_slice(octets.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("hear from the daemon")(error)),
        }
        if input.len() as u64 > MAX_MESSAGES {
            return Err(DaemonError::Died);
        }
    }
}

/// Goes on without a terminal in this process: in a session of its own where it leads none yet, with
/// umask 022, and with standard input, output and error closed to everybody.
///
/// # Errors
/// There is no /dev/null.
pub fn leave_terminal() -> io::Result<()> {
    // Refused to the leader of a group: then it has its session, or a shell made it a job.
    let _ = setsid();
    umask(Mode::from_bits_truncate(0o022));
    silence(true)
}

/// Points standard input, and with `all` output and error too, at /dev/null.
fn silence(all: bool) -> io::Result<()> {
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    dup2_stdin(&null)?;
    if all {
        io::stdout().flush()?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)?;
    }
    Ok(())
}

/// Closes the descriptors that whoever started us left open: those from 3 on that are not
/// closed on exec. All that this program opens is.
fn close_inherited() {
    let mut inherited = Vec::new();
    match fs::read_dir("/proc/self/fd") {
        Ok(entries) => inherited.extend(
            entries
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()),
        ),
        // No /proc: the numbers that a shell may use.
        Err(_) => inherited.extend(3..256),
    }
    for fd in inherited.into_iter().filter(|&fd| fd > 2) {
        // SAFETY: F_GETFD only reads the flags of a number that may or may not be open.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        if flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: no value of this program owns this descriptor: it opens all of its own
            // with close-on-exec.
            unsafe {
                libc::close(fd);
            }
        }
    }
}

/// Whether this is the only thread of the process.
fn is_single_threaded() -> bool {
    // SAFETY: to unshare the thread group does nothing in a process of one thread, and is
    // refused in any other; it takes no pointer.
    if unsafe { libc::unshare(libc::CLONE_THREAD) } == 0 {
        return true;
    }
    match Errno::last() {
        Errno::EINVAL => false,
        // A container that allows no unshare(2).
        _ => fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1),
    }
}

/// The pid file of a running daemon, locked as long as the daemon lives.
#[derive(Debug)]
pub struct PidFile {
    /// Given up when dropped.
    lock: Option<Lock>,
}

impl PidFile {
    /// Takes the pid file for this process: in the daemon, after [`detach`]. One that a killed
    /// daemon left behind is taken over.
    ///
    /// # Errors
    /// [`DaemonError::AlreadyRunning`] with the other's pid, or those of the file.
    pub fn claim(path: &Path) -> Result<Self, DaemonError> {
        let lock = match Lock::acquire(path) {
            Ok(lock) => lock,
            Err(FileError {
                problem: FileProblem::Locked,
                ..
            }) => {
                return Err(DaemonError::AlreadyRunning {
                    path: path.to_owned(),
                    pid: running(path).ok().flatten(),
                });
            }
            Err(error) => return Err(DaemonError::File(error)),
        };
        let text = format!("{}\n", std::process::id());
        let write = || -> io::Result<()> {
            lock.file().set_len(0)?;
            lock.file().write_all_at(text.as_bytes(), 0)
        };
        write().map_err(|error| DaemonError::File(FileError::io(path, "write", error)))?;
        Ok(Self { lock: Some(lock) })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// The process of the daemon with this pid file, if it runs.
///
/// The lock decides, not the number: a file that a killed daemon left behind counts for
/// nothing, even when its number belongs to another process now.
///
/// # Errors
/// A file that cannot be read, or that a live daemon has written no number into.
pub fn running(path: &Path) -> Result<Option<u32>, DaemonError> {
    /// How long a daemon may take between the lock and its number.
    const WRITING: Duration = Duration::from_millis(200);
    let deadline = Instant::now() + WRITING;
    while files::is_locked(path).map_err(DaemonError::File)? {
        let text = match files::read_text(path, MAX_PID_FILE) {
            Ok(text) => text,
            // It ended just now.
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(DaemonError::File(error)),
        };
        if let Some(number) = text.strip_suffix('\n') {
            return match number.parse() {
                Ok(pid) => Ok(Some(pid)),
                Err(_) => Err(no_number(path)),
            };
        }
        if Instant::now() >= deadline {
            return Err(no_number(path));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

fn no_number(path: &Path) -> DaemonError {
    let error = io::Error::new(io::ErrorKind::InvalidData, "it holds no process number");
    DaemonError::File(FileError::io(path, "read", error))
}
