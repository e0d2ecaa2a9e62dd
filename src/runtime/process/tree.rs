//! Processes that are not our children: how old they are, whose children we are, when they end.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::one_process;

/// How far up the tree of processes is looked.
const MAX_ANCESTORS: usize = 64;

/// A process that stays the same even when its number is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it began, in the kernel's ticks since the boot.
    pub began: u64,
}

/// A process that exists.
pub fn identity(pid: u32) -> Option<Identity> {
    let began = stat(pid)?.began;
    Some(Identity { pid, began })
}

/// How long ago a process began; `None` without such a process.
pub fn age(pid: u32) -> Option<Duration> {
    // SAFETY: sysconf(3) has no preconditions.
    let ticks = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok()?;
    let began = Duration::from_millis(stat(pid)?.began.checked_mul(1000)?.checked_div(ticks)?);
    // The clock that goes on while the machine sleeps is the one that processes are stamped with.
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    Some(Duration::from(now).saturating_sub(began))
}

/// The parent of this process, its parent and so on.
pub fn ancestors() -> Vec<u32> {
    let mut all = Vec::new();
    let mut pid = std::os::unix::process::parent_id();
    while pid > 1 && all.len() < MAX_ANCESTORS {
        all.push(pid);
        pid = stat(pid).map_or(0, |stat| stat.parent);
    }
    all
}

/// What is used of a process's line in /proc.
struct Stat {
    parent: u32,
    began: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fields behind the name, which may hold anything but ends with the last `)` (proc(5)).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // Field 22 of all, with the number and the name before these.
    let began = fields.nth(17)?.parse().ok()?;
    // One that ended and was not waited for is none.
    (!matches!(state, "Z" | "X")).then_some(Stat { parent, began })
}

/// A process whose end is told: its descriptor becomes readable.
#[derive(Debug)]
pub struct Watched {
    fd: OwnedFd,
    identity: Identity,
}

impl Watched {
    /// Watches this very process.
    ///
    /// # Errors
    /// `NotFound` when it is gone, also when its number is another's now.
    pub fn open(identity: Identity) -> io::Result<Self> {
        let pid = one_process(identity.pid)?;
        // SAFETY: pidfd_open(2) takes two integers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), libc::PIDFD_NONBLOCK) };
        if fd < 0 {
            return Err(match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::ESRCH) => gone(),
                error => error,
            });
        }
        // SAFETY: a descriptor that the kernel just made, and nobody else knows.
        let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        // As long as the descriptor is open the number cannot become another's unseen.
        if super::identity(identity.pid) != Some(identity) {
            return Err(gone());
        }
        Ok(Self { fd, identity })
    }

    /// The process.
    pub fn identity(&self) -> Identity {
        self.identity
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the process is gone")
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::process::Command;
    use std::time::Instant;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    #[test]
    fn a_line_of_proc() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 999 1 2 3\n";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.parent, stat.began), (3, 12345));
        assert!(parse_stat(&text.replace(" S ", " Z ")).is_none());
        for wrong in ["", "7 (a", "7 (a) S", "7 (a) S x", "7 (a) S 3 1 1 1"] {
            assert!(parse_stat(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn ourselves() {
        let me = std::process::id();
        assert_eq!(identity(me).unwrap().pid, me);
        assert!(age(me).unwrap() < Duration::from_secs(3600));
        assert_eq!(ancestors()[0], std::os::unix::process::parent_id());
        assert!(identity(4_194_305).is_none() && age(4_194_305).is_none());
    }

    #[test]
    fn the_end_of_a_process_is_told() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = identity(child.id()).unwrap();
        let other = Identity {
            began: identity.began + 1,
            ..identity
        };
        let error = Watched::open(other).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let watched = Watched::open(identity).unwrap();
        let ended = |wait: u16| {
            let mut fds = [PollFd::new(watched.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::from(wait)).unwrap() > 0
        };
        assert!(!ended(0));
        let before = Instant::now();
        child.kill().unwrap();
        assert!(ended(5000) && before.elapsed() < Duration::from_secs(5));
        child.wait().unwrap();
        assert!(Watched::open(identity).is_err());
    }
}
