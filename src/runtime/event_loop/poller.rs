//! epoll in level mode, with deadlines as exact as the clock.
//!
//! A busy turn costs one system call. One that has to wait for a deadline costs two more, for epoll's
//! own counts in milliseconds (what counts in nanoseconds is younger than many routers' kernels).

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;

use super::{Interest, Readiness};

/// How many descriptors one wait takes from the kernel.
const MOST: usize = 256;

/// A descriptor that something happened to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// What it was added as.
    pub key: usize,
    /// Also of what nobody asked for.
    pub readiness: Readiness,
}

/// Descriptors that are waited for.
pub(super) struct Poller {
    epoll: Epoll,
    events: Box<[EpollEvent; MOST]>,
    /// So many events of the last wait count.
    reported: usize,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: Box::new([EpollEvent::empty(); MOST]),
            reported: 0,
        })
    }

    pub fn add(&self, fd: &impl AsFd, key: usize, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.add(fd, event(key, interest))?)
    }

    pub fn modify(&self, fd: &impl AsFd, key: usize, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.modify(fd, &mut event(key, interest))?)
    }

    pub fn delete(&self, fd: &impl AsFd) -> io::Result<()> {
        Ok(self.epoll.delete(fd)?)
    }

    /// Waits until something is ready, but not beyond the deadline. A signal may end it earlier.
    pub fn wait(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let Some(deadline) = deadline else {
            return self.take(EpollTimeout::NONE);
        };
        self.take(EpollTimeout::ZERO)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if self.reported > 0 || left == Duration::ZERO {
            return Ok(());
        }
        let mut epoll = [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut epoll, Some(TimeSpec::from_duration(left)), None) {
            Ok(0) | Err(Errno::EINTR) => Ok(()),
            Ok(_) => self.take(EpollTimeout::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, timeout: EpollTimeout) -> io::Result<()> {
        self.reported = 0;
        match self.epoll.wait(&mut self.events[..], timeout) {
            Ok(count) => self.reported = count,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What the last wait found.
    pub fn reports(&self) -> impl Iterator<Item = Report> {
        self.events.iter().take(self.reported).map(|event| {
            let flags = event.events();
            let gone = EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
            let input = EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI | EpollFlags::EPOLLRDHUP;
            Report {
                key: event.data() as usize,
                readiness: Readiness {
                    readable: flags.intersects(input | gone),
                    writable: flags.intersects(EpollFlags::EPOLLOUT | gone),
                    hangup: flags.intersects(gone),
                },
            }
        })
    }
}

fn event(key: usize, interest: Interest) -> EpollEvent {
    let mut flags = EpollFlags::empty();
    if interest.reads() {
        flags |= EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI | EpollFlags::EPOLLRDHUP;
    }
    if interest.writes() {
        flags |= EpollFlags::EPOLLOUT;
    }
    EpollEvent::new(flags, key as u64)
}
