//! Children, signals, privileges, SIGPIPE.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal;
use nix::unistd::Pid;

use crate::event_loop::Token;

mod latency;
mod privileges;
mod tree;

pub use tree::{Identity, Watched, age, ancestors, identity};

pub use latency::{lock_pages, run_first};
pub use privileges::{Capability, PrivilegeError, drop_privileges};

/// The signals that daemons and commands react to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGHUP: read the configuration again, reopen logs.
    Hangup,
    /// SIGINT: the user's ^C.
    Interrupt,
    /// SIGTERM: end cleanly.
    Terminate,
    /// SIGQUIT: say goodbye to peers, then end.
    Quit,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGWINCH: the terminal changed its size.
    WindowChange,
    /// SIGKILL: only to be sent, never to be watched.
    Kill,
}

impl Signal {
    /// All that can be watched.
    pub(crate) const ALL: [Self; 7] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Terminate,
        Self::Quit,
        Self::User1,
        Self::User2,
        Self::WindowChange,
    ];

    /// The system's number.
    pub(crate) fn number(self) -> i32 {
        self.to_nix() as i32
    }

    fn to_nix(self) -> signal::Signal {
        match self {
            Self::Hangup => signal::Signal::SIGHUP,
            Self::Interrupt => signal::Signal::SIGINT,
            Self::Terminate => signal::Signal::SIGTERM,
            Self::Quit => signal::Signal::SIGQUIT,
            Self::User1 => signal::Signal::SIGUSR1,
            Self::User2 => signal::Signal::SIGUSR2,
            Self::WindowChange => signal::Signal::SIGWINCH,
            Self::Kill => signal::Signal::SIGKILL,
        }
    }
}

/// Sends a signal to a process: such as a daemon whose pid file was read.
///
/// # Errors
/// `NotFound` when there is no such process, `PermissionDenied` when it is somebody else's,
/// `InvalidInput` for pid 0 or one beyond the kernel's range.
pub fn send_signal(pid: u32, signal: Signal) -> io::Result<()> {
    signal::kill(one_process(pid)?, signal.to_nix()).map_err(io::Error::from)
}

/// Sends a signal to a process and all others of its group, where it leads one (see
/// [`in_own_group`]); to those that are left of it, when it ended; else to it alone.
///
/// # Errors
/// As [`send_signal`].
pub fn send_signal_to_group(leader: u32, signal: Signal) -> io::Result<()> {
    let pid = one_process(leader)?;
    match nix::unistd::getpgid(Some(pid)) {
        Ok(group) if group != pid => send_signal(leader, signal),
        _ => signal::killpg(pid, signal.to_nix()).map_err(io::Error::from),
    }
}

/// The name of this machine, without its domain: what is after the first dot.
pub fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// A random number that nobody can guess.
///
/// # Errors
/// The kernel has none, which is not to be expected.
pub fn random() -> io::Result<u128> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(io::Error::other)?;
    Ok(u128::from_ne_bytes(octets))
}

/// Has reads and writes of a descriptor refused instead of waiting.
///
/// # Errors
/// None is to be expected of an open descriptor.
pub fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFL)?;
    let flags = nix::fcntl::OFlag::from_bits_truncate(flags) | nix::fcntl::OFlag::O_NONBLOCK;
    nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFL(flags))?;
    Ok(())
}

/// Octets of memory that this process has: resident, the heap's size, and what of the heap is free.
pub fn memory() -> [u64; 3] {
    // SAFETY: it takes nothing and returns plain numbers.
    let heap = unsafe { libc::mallinfo2() };
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    let page = page
        .ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok());
    [
        pages.unwrap_or(0u64).saturating_mul(page.unwrap_or(4096)),
        (heap.arena + heap.hblkhd) as u64,
        heap.fordblks as u64,
    ]
}

/// Has this process run before others, as far as it may ask for it.
pub fn raise_priority() {
    // SAFETY: it takes numbers alone; refused, it changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, -20);
    }
}

/// Whether a process with this pid exists (also one that we may not signal).
pub fn exists(pid: u32) -> bool {
    one_process(pid).is_ok_and(|pid| {
        matches!(
            signal::kill(pid, None),
            Ok(()) | Err(nix::errno::Errno::EPERM)
        )
    })
}

/// kill(2) takes 0 and negative numbers as groups of processes: never let one through.
fn one_process(pid: u32) -> io::Result<Pid> {
    match i32::try_from(pid) {
        Ok(pid) if pid > 0 => Ok(Pid::from_raw(pid)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{pid} is not a process number"),
        )),
    }
}

/// A command of these words, the first of which is the program, that reads nothing and says
/// nothing.
pub fn quiet_command<S: AsRef<str>>(words: &[S]) -> Command {
    let mut words = words.iter().map(AsRef::as_ref);
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Has a command lead a group of processes that can be signalled as a whole, without a controlling
/// terminal. With `lock`, the open file of a [`crate::device_lock::DeviceLock`], the lock is the new
/// process's before it begins.
///
/// It leads no session: the line that it opens would become the terminal of that, and the kernel
/// would hang up all of the group when the leader ends. Whoever goes to the background, as pppd
/// does, has its child begin a session of its own and ends, and often the end comes first.
pub fn in_own_group(command: &mut Command, lock: Option<File>) {
    let prepare = move || {
        let own = Pid::from_raw(0);
        nix::unistd::setpgid(own, own)?;
        leave_terminal();
        if let Some(file) = &lock {
            let text = crate::device_lock::number(std::process::id());
            // SAFETY: the file lives in this closure.
            let fd = unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) };
            nix::sys::uio::pwrite(fd, &text, 0)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it calls setpgid(2), open(2), ioctl(2), close(2), getpid(2) and
    // pwrite(2) alone, all safe there; the number is formatted without allocation, and an error is
    // one of the system.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Has a command lead a group of processes in the foreground of standard input's terminal, so that
/// the keys that end programs end it and not this one. It cannot be stopped by a key, because nobody
/// would be there to have it go on. [`crate::terminal::Keys::retake`] follows its end.
pub fn in_foreground(command: &mut Command) {
    let prepare = || {
        let own = Pid::from_raw(0);
        nix::unistd::setpgid(own, own)?;
        let ignore = signal::SigAction::new(
            signal::SigHandler::SigIgn,
            signal::SaFlags::empty(),
            signal::SigSet::empty(),
        );
        let default = signal::SigAction::new(
            signal::SigHandler::SigDfl,
            signal::SaFlags::empty(),
            signal::SigSet::empty(),
        );
        // SAFETY: neither has a handler, so no code runs in one.
        unsafe {
            signal::sigaction(signal::Signal::SIGTSTP, &ignore)?;
            signal::sigaction(signal::Signal::SIGTTOU, &ignore)?;
        }
        // Refused where it is not our controlling terminal: then there is no foreground.
        // SAFETY: 0 is open in a child whose standard input is inherited, and else refused.
        let terminal = unsafe { BorrowedFd::borrow_raw(0) };
        let _ = nix::unistd::tcsetpgrp(terminal, nix::unistd::getpid());
        // SAFETY: as above.
        unsafe {
            signal::sigaction(signal::Signal::SIGTTOU, &default)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it calls setpgid(2), sigaction(2), getpid(2) and tcsetpgrp(3)
    // alone, which are safe there.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Gives up the controlling terminal of this process, where it has one and leads no session.
fn leave_terminal() {
    // SAFETY: the path ends with a zero octet, and the request takes no argument.
    unsafe {
        let terminal = libc::open(c"/dev/tty".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if terminal >= 0 {
            libc::ioctl(terminal, libc::TIOCNOTTY);
            libc::close(terminal);
        }
    }
}

/// A child that was started, and its ends of the pipes that the command asked for.
#[derive(Debug)]
pub struct Spawned {
    /// Its process number.
    pub pid: u32,
    /// Its standard input, when piped.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, when piped.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, when piped.
    pub stderr: Option<ChildStderr>,
}

/// A child that ended.
pub(crate) struct Ended {
    pub(crate) token: Token,
    pub(crate) pid: u32,
    pub(crate) status: io::Result<ExitStatus>,
}

/// The children of one loop. Only these are reaped: a library's or a test's own children
/// keep their status.
#[derive(Default)]
pub(crate) struct Children {
    running: Vec<(Token, Child)>,
}

impl Children {
    pub(crate) fn spawn(&mut self, command: &mut Command, token: Token) -> io::Result<Spawned> {
        let mut child = command.spawn()?;
        let spawned = Spawned {
            pid: child.id(),
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
        };
        self.running.push((token, child));
        Ok(spawned)
    }

    pub(crate) fn kill(&self, pid: u32, signal: Signal) -> io::Result<()> {
        // Not reaped yet, so the number cannot belong to another process.
        if self.running.iter().any(|(_, child)| child.id() == pid) {
            send_signal(pid, signal)
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no child has the number {pid}"),
            ))
        }
    }

    /// Reaps the next child that ended, at or after `place`.
    pub(crate) fn next_ended(&mut self, place: &mut usize) -> Option<Ended> {
        while let Some((token, child)) = self.running.get_mut(*place) {
            let status = match child.try_wait() {
                Ok(None) => {
                    *place += 1;
                    continue;
                }
                Ok(Some(status)) => Ok(status),
                Err(error) => Err(error),
            };
            let ended = Ended {
                token: *token,
                pid: child.id(),
                status,
            };
            self.running.swap_remove(*place);
            return Some(ended);
        }
        None
    }
}

/// Lets SIGPIPE end the process again, as every Unix filter does.
///
/// Rust's start-up ignores it, so that `fpipemon ... | head` would see an error from every
/// write instead. For one-shot commands, before their first output; never in a daemon.
pub fn restore_sigpipe() {
    // SAFETY: setting a default disposition runs no code of ours in a signal handler, and
    // SIGPIPE is a valid signal number.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told() {
        let [resident, heap, free] = memory();
        assert!(resident > 100_000 && heap > 1000 && free <= heap);
    }

    /// The kernel hangs up the group of a session's leader that ends: one that opens a terminal is
    /// none, so that what it leaves in the background lives on.
    #[test]
    fn a_terminal_that_is_opened_is_nobodys() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let name = nix::unistd::ttyname(&pty.slave).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec 3<>\"$1\" && exec cat /proc/self/stat", "sh"])
            .arg(name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        in_own_group(&mut command, None);
        let child = command.spawn().unwrap();
        let pid = child.id().to_string();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, fields) = text.rsplit_once(") ").unwrap();
        // proc_pid_stat(5): state, parent, group, session, terminal.
        let fields: Vec<&str> = fields.split(' ').collect();
        assert_eq!(fields[2], pid, "{text}");
        assert_ne!(fields[3], pid, "{text}");
        assert_eq!(fields[4], "0", "{text}");
    }
}
