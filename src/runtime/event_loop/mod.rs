//! The poll loop.
//!
//! One thread, one [`Loop`], one [`Handler`]. A turn waits until something is
//! due, reads the clock once, and then serves in this order: signals and ended
//! children, control sockets, expired timers, other descriptors, the data path,
//! and last [`Handler::turn_end`], where batches are flushed. Descriptors are
//! level-triggered: a handler drains up to a budget of its own and returns, the
//! next turn brings it back. An idle loop sleeps until its next timer.
//!
//! Everything is addressed by a [`Token`] that the caller chooses: the part of
//! the program it belongs to and a number of that part's own.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use slab::Slab;

use crate::process::{Children, Signal, Spawned};
use crate::resident;
use crate::timers::Timers;

mod poller;
mod signals;
#[cfg(test)]
mod tests;

use poller::{Poller, Report};
use signals::SignalPipe;

/// What a registration, a timer or a child is called by its owner.
///
/// Descriptors, timers and children are three separate spaces of tokens: the
/// same token may name one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The part of the program: what [`Handler`] dispatches on.
    pub owner: u32,
    /// That part's own number.
    pub id: u32,
}

impl Token {
    /// A token of `owner`.
    pub const fn new(owner: u32, id: u32) -> Self {
        Self { owner, id }
    }
}

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing at all, not even that the other end is gone.
    None,
    /// Only that the other end is gone or the descriptor failed.
    Hangup,
    /// Something to read.
    Read,
    /// Room to write.
    Write,
    /// Both.
    ReadWrite,
}

impl Interest {
    /// The interest in reading and in writing.
    pub fn of(read: bool, write: bool) -> Self {
        match (read, write) {
            (false, false) => Self::Hangup,
            (true, false) => Self::Read,
            (false, true) => Self::Write,
            (true, true) => Self::ReadWrite,
        }
    }

    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// In which order descriptors that are ready together are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Management: before the timers.
    Control,
    /// Protocol sockets and lines of low rate.
    Normal,
    /// The data path: last, with a budget a turn.
    Data,
}

/// Why a descriptor is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// A read will not block. Only when asked for.
    pub readable: bool,
    /// A write will not block. Only when asked for.
    pub writable: bool,
    /// The other end is gone or the descriptor failed. Reported unasked and on every
    /// turn until the owner deregisters the descriptor (or what is left was read).
    pub hangup: bool,
}

/// A registered descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    index: usize,
    /// Tells a reused place from the one that was handed out.
    generation: u64,
}

/// What an applet's daemon is to the loop. Every method may call the loop.
pub trait Handler {
    /// A descriptor is ready. Drain it up to a budget and return.
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness);

    /// A timer expired. It is disarmed.
    fn timer(&mut self, lp: &mut Loop, token: Token) {
        let _ = (lp, token);
    }

    /// A watched signal arrived, once for any number since the last turn.
    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        let _ = (lp, signal);
    }

    /// A child ended. `status` is an error when somebody else reaped it.
    fn child(&mut self, lp: &mut Loop, token: Token, pid: u32, status: io::Result<ExitStatus>) {
        let _ = (lp, token, pid, status);
    }

    /// The turn is over: send what was gathered in it.
    fn turn_end(&mut self, lp: &mut Loop) {
        let _ = lp;
    }
}

struct Registration {
    fd: RawFd,
    token: Token,
    priority: Priority,
    interest: Interest,
    /// Known to the poller at all (not so with [`Interest::None`]).
    watched: bool,
    generation: u64,
}

/// The poll loop.
pub struct Loop {
    poller: Poller,
    sources: Slab<Registration>,
    /// Of each priority, what became ready in this turn; kept for its capacity.
    ready: [Vec<(Source, Readiness)>; 3],
    next_generation: u64,
    timers: Timers<Instant, Token>,
    now: Instant,
    signals: SignalPipe,
    children: Children,
    stopping: bool,
}

/// After so long, what runs is no longer the start of a daemon.
const SETTLING: Duration = Duration::from_secs(10);
/// The poller's name for the signal pipe: no slab reaches it.
const SIGNAL_KEY: usize = usize::MAX;

impl Loop {
    /// A loop with nothing to wait for.
    ///
    /// # Errors
    /// Those of making an epoll instance and a socket pair.
    pub fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let signals = SignalPipe::new()?;
        poller.add(signals.reader(), SIGNAL_KEY, Interest::Read)?;
        Ok(Self {
            poller,
            sources: Slab::new(),
            ready: [Vec::new(), Vec::new(), Vec::new()],
            next_generation: 0,
            timers: Timers::new(),
            now: Instant::now(),
            signals,
            children: Children::default(),
            stopping: false,
        })
    }

    /// The time of this turn.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Watches a descriptor, which must be non-blocking. The owner deregisters it before
    /// closing it; [`Loop::deregister`] asks for the descriptor as a proof that it is open.
    ///
    /// # Errors
    /// What epoll has against the descriptor, such as a regular file or one registered already.
    pub fn register(
        &mut self,
        fd: &impl AsFd,
        token: Token,
        interest: Interest,
        priority: Priority,
    ) -> io::Result<Source> {
        let generation = self.next_generation;
        self.next_generation += 1;
        let index = self.sources.insert(Registration {
            fd: fd.as_fd().as_raw_fd(),
            token,
            priority,
            interest,
            watched: false,
            generation,
        });
        match self.watch(fd, index, interest) {
            Ok(()) => Ok(Source { index, generation }),
            Err(error) => {
                self.sources.remove(index);
                Err(error)
            }
        }
    }

    /// Changes what is waited for. Cheap when nothing changes.
    ///
    /// # Errors
    /// `InvalidInput` when `fd` is not the descriptor of this registration, `NotFound` when
    /// the registration is gone, else those of epoll.
    pub fn modify(&mut self, source: Source, fd: &impl AsFd, interest: Interest) -> io::Result<()> {
        let registration = self.registration(source, fd)?;
        if registration.interest == interest {
            return Ok(());
        }
        self.watch(fd, source.index, interest)
    }

    /// Stops watching a descriptor. What it was ready for in this turn is not reported any more.
    ///
    /// # Errors
    /// As [`Loop::modify`].
    pub fn deregister(&mut self, source: Source, fd: &impl AsFd) -> io::Result<()> {
        let watched = self.registration(source, fd)?.watched;
        self.sources.remove(source.index);
        if watched {
            self.poller.delete(fd)?;
        }
        Ok(())
    }

    fn registration(&self, source: Source, fd: &impl AsFd) -> io::Result<&Registration> {
        let registration = self
            .sources
            .get(source.index)
            .filter(|registration| registration.generation == source.generation)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "not registered (any more)"))?;
        if registration.fd != fd.as_fd().as_raw_fd() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "another descriptor than the registered one",
            ));
        }
        Ok(registration)
    }

    fn watch(&mut self, fd: &impl AsFd, index: usize, interest: Interest) -> io::Result<()> {
        let Some(registration) = self.sources.get_mut(index) else {
            return Ok(());
        };
        match (registration.watched, interest) {
            (false, Interest::None) => {}
            (true, Interest::None) => self.poller.delete(fd)?,
            (true, _) => self.poller.modify(fd, index, interest)?,
            (false, _) => self.poller.add(fd, index, interest)?,
        }
        registration.watched = interest != Interest::None;
        registration.interest = interest;
        Ok(())
    }

    /// Arms the timer `token` in place of the deadline it had. One that is already past
    /// fires in the next turn at the latest.
    pub fn set_timer(&mut self, token: Token, at: Instant) {
        // Never before `now`: see `Timers::pop_expired_before`.
        self.timers.set(token, at.max(self.now));
    }

    /// Arms the timer, or disarms it for `None`: for the deadlines that engines report.
    pub fn set_timer_to(&mut self, token: Token, at: Option<Instant>) {
        match at {
            Some(at) => self.set_timer(token, at),
            None => {
                self.cancel_timer(token);
            }
        }
    }

    /// Disarms the timer `token`. Returns whether it was armed.
    pub fn cancel_timer(&mut self, token: Token) -> bool {
        self.timers.cancel(token)
    }

    /// When the timer `token` fires.
    pub fn timer(&self, token: Token) -> Option<Instant> {
        self.timers.deadline(token)
    }

    /// Has a signal reported to [`Handler::signal`] from now on instead of its default action.
    ///
    /// # Errors
    /// Those of installing the signal handler.
    pub fn watch_signal(&mut self, signal: Signal) -> io::Result<()> {
        self.signals.watch(signal.number())
    }

    /// Starts a child whose end is reported to [`Handler::child`].
    ///
    /// # Errors
    /// Those of `Command::spawn`: not found, not permitted, out of processes.
    pub fn spawn(&mut self, command: &mut Command, token: Token) -> io::Result<Spawned> {
        // Before the spawn: a child may end at once.
        self.signals.watch(libc::SIGCHLD)?;
        self.children.spawn(command, token)
    }

    /// Sends a signal to a child of this loop.
    ///
    /// # Errors
    /// `NotFound` when it is not a child or ended already.
    pub fn kill(&self, pid: u32, signal: Signal) -> io::Result<()> {
        self.children.kill(pid, signal)
    }

    /// Makes [`Loop::run`] return after the present turn.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Takes turns until [`Loop::stop`].
    ///
    /// # Errors
    /// Those of waiting; none is to be expected.
    pub fn run(&mut self, handler: &mut impl Handler) -> io::Result<()> {
        self.stopping = false;
        let mut settled_at = Some(self.now + SETTLING);
        while !self.stopping {
            self.turn(handler, None)?;
            // With whatever woke it: no wake-up for this alone.
            if settled_at.is_some_and(|at| self.now >= at) {
                settled_at = None;
                resident::forget_start();
            }
        }
        Ok(())
    }

    /// Takes one turn: waits for something to do, but not beyond `until`.
    ///
    /// # Errors
    /// Those of waiting.
    pub fn turn(&mut self, handler: &mut impl Handler, until: Option<Instant>) -> io::Result<()> {
        let deadline = match (self.timers.next_deadline(), until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.poller.wait(deadline)?;
        self.now = Instant::now();
        let signalled = self.sort_events();
        if signalled {
            self.serve_signals(handler);
        }
        self.serve_ready(handler, Priority::Control);
        self.serve_timers(handler);
        self.serve_ready(handler, Priority::Normal);
        self.serve_ready(handler, Priority::Data);
        handler.turn_end(self);
        Ok(())
    }

    /// Sorts what the poller reported into the queues of the priorities.
    /// Returns whether a signal is among it.
    fn sort_events(&mut self) -> bool {
        let mut signalled = false;
        for Report { key, readiness } in self.poller.reports() {
            if key == SIGNAL_KEY {
                signalled = true;
                continue;
            }
            let Some(registration) = self.sources.get(key) else {
                continue;
            };
            let source = Source {
                index: key,
                generation: registration.generation,
            };
            let readiness = Readiness {
                readable: readiness.readable && registration.interest.reads(),
                writable: readiness.writable && registration.interest.writes(),
                ..readiness
            };
            if let Some(queue) = self.ready.get_mut(registration.priority as usize) {
                queue.push((source, readiness));
            }
        }
        signalled
    }

    fn serve_signals(&mut self, handler: &mut impl Handler) {
        self.signals.drain();
        if self.signals.take(libc::SIGCHLD) {
            let mut place = 0;
            while let Some(ended) = self.children.next_ended(&mut place) {
                handler.child(self, ended.token, ended.pid, ended.status);
            }
        }
        for signal in Signal::ALL {
            if self.signals.take(signal.number()) {
                handler.signal(self, signal);
            }
        }
    }

    fn serve_timers(&mut self, handler: &mut impl Handler) {
        let horizon = self.timers.horizon();
        while let Some((_, token)) = self.timers.pop_expired_before(self.now, horizon) {
            handler.timer(self, token);
        }
    }

    fn serve_ready(&mut self, handler: &mut impl Handler, priority: Priority) {
        let Some(queue) = self.ready.get_mut(priority as usize) else {
            return;
        };
        let mut queue = std::mem::take(queue);
        for (source, readiness) in queue.drain(..) {
            // A handler called earlier in this turn may have deregistered it.
            if let Some(registration) = self.sources.get(source.index)
                && registration.generation == source.generation
            {
                let token = registration.token;
                handler.ready(self, token, readiness);
            }
        }
        // Give the emptied queue back for its capacity.
        if let Some(place) = self.ready.get_mut(priority as usize) {
            *place = queue;
        }
    }
}
