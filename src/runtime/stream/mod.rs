//! Lines that are a stream of octets: serial ports, pseudo-terminals, TCP connections.
//!
//! What they have in common: the other end may not be there yet, may go, and come back. A
//! [`Stream`] sees to that by itself, with growing pauses where it is the one that calls. One
//! descriptor stands for everything, as with a [`crate::cable::Cable`]: wait until it is readable,
//! then call [`Stream::on_ready`], [`Stream::receive`] until `None`, [`Stream::poll_event`] until
//! `None`.

mod line_break;
mod many;
mod pty;
pub(crate) mod serial;
mod tcp;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

pub use many::{Happened, Streams};
pub use serial::{FlowControl, ModemLines, Parity, PortCounts, SerialSettings, StopBits};
pub use tcp::{ListenSettings, TcpSettings, connect_tcp, connect_unix};

/// The first pause before a line is tried again, and the longest.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// A line that was there for so long is tried again as if it had never failed.
const GOOD: Duration = Duration::from_secs(60);

/// What the descriptors of the poller are.
const LINE: u64 = 0;
const AID: u64 = 1;
const TIMER: u64 = 2;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The other end is there, or it is not.
    Carrier(bool),
    /// There is room to write again.
    Writable,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the other end was there.
    pub connects: u64,
    /// Times it could not be reached, or the port could not be opened.
    pub failures: u64,
    /// Connections that were not let in.
    pub turned_away: u64,
}

/// A line of one kind.
enum Kind {
    Serial(serial::Serial),
    Pty(pty::Pty),
    Call(tcp::Call),
    Listen(tcp::Listen),
}

/// One line.
pub struct Stream {
    kind: Kind,
    poller: Epoll,
    timer: TimerFd,
    plugged: bool,
    reported: bool,
    dropped: bool,
    blocked: bool,
    writable: bool,
    /// Octets are waited for.
    reading: bool,
    /// A break is being sent.
    breaking: Option<line_break::Stage>,
    /// The pause before the next attempt.
    pause: Duration,
    since: Option<Instant>,
    trouble: Option<String>,
    stats: Stats,
}

impl Stream {
    /// A serial port. Its lock file (`LCK..NAME`) is made in `locks`.
    ///
    /// # Errors
    /// For people: no such device, in use, settings that it does not take.
    pub fn serial(
        device: &Path,
        settings: SerialSettings,
        locks: Option<&Path>,
    ) -> Result<Self, String> {
        let serial = serial::Serial::open(device, settings, locks)?;
        Self::new(Kind::Serial(serial))
    }

    /// A pseudo-terminal whose slave is found at `link`.
    ///
    /// # Errors
    /// For people: no pseudo-terminals, or a link that is somebody else's.
    pub fn pty(link: &Path) -> Result<Self, String> {
        Self::new(Kind::Pty(pty::Pty::open(link)?))
    }

    /// A connection that is made from here.
    ///
    /// # Errors
    /// For people. That the other end is not there is none.
    pub fn call(settings: TcpSettings) -> Result<Self, String> {
        Self::new(Kind::Call(tcp::Call::new(settings)))
    }

    /// A connection that the other end makes.
    ///
    /// # Errors
    /// For people: an address that is not ours, or is in use.
    pub fn listen(settings: ListenSettings) -> Result<Self, String> {
        Self::new(Kind::Listen(tcp::Listen::open(settings)?))
    }

    fn new(kind: Kind) -> Result<Self, String> {
        let fail = |errno: Errno| format!("making a poller: {errno}");
        let poller = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(fail)?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(fail)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, TIMER);
        poller.add(timer.as_fd(), event).map_err(fail)?;
        let mut stream = Self {
            kind,
            poller,
            timer,
            plugged: true,
            reported: false,
            dropped: false,
            blocked: false,
            writable: false,
            reading: true,
            breaking: None,
            pause: RETRY,
            since: None,
            trouble: None,
            stats: Stats::default(),
        };
        if let Some(aid) = stream.aid() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, AID);
            stream.poller.add(aid, event).map_err(fail)?;
        }
        stream.attempt();
        Ok(stream)
    }

    /// The descriptor that tells of a new other end.
    fn aid(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Serial(_) | Kind::Call(_) => None,
            Kind::Pty(pty) => Some(pty.watch()),
            Kind::Listen(listen) => Some(listen.listener()),
        }
    }

    fn line(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Serial(serial) => serial.fd(),
            Kind::Pty(pty) => pty.fd(),
            Kind::Call(call) => call.fd(),
            Kind::Listen(listen) => listen.fd(),
        }
    }

    /// Octets pass.
    fn is_there(&self) -> bool {
        match &self.kind {
            Kind::Serial(serial) => serial.is_there(),
            Kind::Pty(pty) => pty.is_there(),
            Kind::Call(call) => call.is_there(),
            Kind::Listen(listen) => listen.fd().is_some(),
        }
    }

    /// The other end is there, and this one is plugged.
    pub fn carrier(&self) -> bool {
        self.plugged && self.is_there()
    }

    /// The lines of a serial port; `None` where there are none.
    pub fn modem_lines(&self) -> Option<ModemLines> {
        match &self.kind {
            Kind::Serial(serial) => serial.modem_lines(),
            Kind::Pty(_) | Kind::Call(_) | Kind::Listen(_) => None,
        }
    }

    /// What went wrong at a serial port since its driver was loaded; `None` where nobody counts.
    pub fn port_counts(&self) -> Option<PortCounts> {
        match &self.kind {
            Kind::Serial(serial) => serial.counts(),
            Kind::Pty(_) | Kind::Call(_) | Kind::Listen(_) => None,
        }
    }

    /// Why there is no carrier, for people.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes the carrier away from this end until [`Self::join`]; a serial port drops DTR, a
    /// connection is closed.
    pub fn cut(&mut self) {
        if self.plugged {
            self.dropped |= self.carrier();
            self.plugged = false;
            self.hang_up();
            if let Kind::Serial(serial) = &mut self.kind {
                serial.set_dtr(false);
            }
            let _ = self.set_timer(None);
        }
    }

    /// Gives the carrier back.
    pub fn join(&mut self) {
        if !self.plugged {
            self.plugged = true;
            self.pause = RETRY;
            if let Kind::Serial(serial) = &mut self.kind {
                serial.set_dtr(true);
            }
            self.attempt();
        }
    }

    /// Handles whatever happened beside octets: an end that came, an attempt that is due.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn on_ready(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 4];
        let count = match self.poller.wait(&mut events, EpollTimeout::ZERO) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in events.iter().take(count) {
            match event.data() {
                AID => self.aided()?,
                TIMER => {
                    // Reading clears the expiry; an error only says that another read took it.
                    let _ = self.timer.wait();
                    self.due();
                }
                // What is left to read is read later, and that it ended is seen then.
                _ if !self.reading
                    && event
                        .events()
                        .intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) =>
                {
                    if let Some(fd) = self.line() {
                        // It is there: it just told.
                        let _ = self.poller.delete(fd);
                    }
                }
                _ => {
                    let flags = event.events();
                    if flags.contains(EpollFlags::EPOLLOUT) {
                        self.room();
                    }
                    // What is left to read comes first; without anything to read nobody would.
                    if flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR)
                        && !flags.contains(EpollFlags::EPOLLIN)
                    {
                        self.lost("the other end is gone");
                    }
                }
            }
        }
        Ok(())
    }

    /// Somebody came, or opened the slave.
    fn aided(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Pty(pty) => {
                pty.clear_watch();
                if !pty.is_there() && self.plugged {
                    self.attempt();
                }
            }
            Kind::Listen(listen) => {
                let plugged = self.plugged;
                while let Some(came) = listen.accept(plugged)? {
                    if !came {
                        self.stats.turned_away += 1;
                        continue;
                    }
                    // The one before is given up for it.
                    self.dropped |= self.reported;
                    self.came();
                    return Ok(());
                }
            }
            Kind::Serial(_) | Kind::Call(_) => {}
        }
        Ok(())
    }

    /// The line takes octets again, or a connection is made.
    fn room(&mut self) {
        if let Kind::Call(call) = &mut self.kind
            && !call.is_there()
        {
            match call.finish() {
                Ok(()) => self.came(),
                Err(error) => self.failed(&error.to_string()),
            }
            return;
        }
        if self.blocked {
            self.blocked = false;
            self.writable = true;
            self.watch_line(false);
        }
    }

    /// The timer expired.
    fn due(&mut self) {
        if !self.plugged || self.follow_break() {
            return;
        }
        if let Kind::Call(call) = &mut self.kind
            && call.fd().is_some()
            && !call.is_there()
        {
            self.failed("no answer in time");
            return;
        }
        self.attempt();
    }

    /// Tries to reach the other end.
    fn attempt(&mut self) {
        let attempt = match &mut self.kind {
            Kind::Serial(serial) => serial.attempt(),
            Kind::Pty(pty) => Ok(pty.attempt()),
            Kind::Call(call) => call.start(),
            Kind::Listen(_) => Ok(false),
        };
        match attempt {
            Ok(true) => self.came(),
            Ok(false) => match &self.kind {
                // It is asked again: nothing tells of a carrier that comes.
                Kind::Serial(_) => self.wait_for("no carrier (DCD)", serial::LOOK),
                Kind::Call(call) => {
                    let within = call.within();
                    self.watch_line(true);
                    let _ = self.set_timer(Some(within));
                    self.trouble = Some("calling".into());
                }
                Kind::Pty(_) => self.trouble = Some("nobody has the slave open".into()),
                Kind::Listen(_) => self.trouble = Some("nobody has called".into()),
            },
            Err(error) => self.failed(&error),
        }
    }

    fn wait_for(&mut self, what: &str, pause: Duration) {
        self.trouble = Some(what.to_owned());
        let _ = self.set_timer(Some(pause));
    }

    /// The other end is there.
    fn came(&mut self) {
        self.stats.connects += 1;
        self.trouble = None;
        self.blocked = false;
        self.since = Some(Instant::now());
        let _ = self.set_timer(None);
        self.watch_line(false);
    }

    /// It could not be reached.
    fn failed(&mut self, why: &str) {
        self.stats.failures += 1;
        self.hang_up();
        self.trouble = Some(why.to_owned());
        let pause = self.jittered();
        self.pause = self.pause.saturating_mul(2).min(RETRY_MAX);
        let _ = self.set_timer(Some(pause));
    }

    /// Many that lost the same peer do not all call at the same moment.
    fn jittered(&self) -> Duration {
        let random = getrandom::u32().unwrap_or(0) % 256;
        self.pause * (192 + random / 2) / 256
    }

    /// It was there and is gone.
    fn lost(&mut self, why: &str) {
        self.dropped |= self.is_there();
        let good = self.since.take().is_some_and(|s| s.elapsed() >= GOOD);
        if good {
            self.pause = RETRY;
        }
        self.hang_up();
        if !self.plugged {
            return;
        }
        match &self.kind {
            Kind::Serial(_) | Kind::Call(_) => {
                let pause = self.jittered();
                self.pause = self.pause.saturating_mul(2).min(RETRY_MAX);
                self.wait_for(why, pause);
            }
            // Somebody may have come between.
            Kind::Pty(_) => self.attempt(),
            Kind::Listen(_) => self.trouble = Some("nobody has called".into()),
        }
    }

    /// Closes what there is of the line.
    fn hang_up(&mut self) {
        self.breaking = None;
        if let Some(fd) = self.line() {
            // It may not be in the poller yet.
            let _ = self.poller.delete(fd);
        }
        match &mut self.kind {
            Kind::Serial(serial) => serial.hang_up(),
            Kind::Pty(pty) => pty.hang_up(),
            Kind::Call(call) => call.hang_up(),
            Kind::Listen(listen) => listen.hang_up(),
        }
        self.blocked = false;
    }

    /// Waits for octets to read, and for room to write when `write`.
    fn watch_line(&mut self, write: bool) {
        let Some(fd) = self.line() else {
            return;
        };
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, self.reading);
        flags.set(EpollFlags::EPOLLOUT, write);
        if flags.is_empty() {
            // It may not be in the poller; a hang-up would be told again and again.
            let _ = self.poller.delete(fd);
            return;
        }
        let mut event = EpollEvent::new(flags, LINE);
        let watched = match self.poller.modify(fd, &mut event) {
            Err(Errno::ENOENT) => self.poller.add(fd, event),
            other => other,
        };
        if let Err(errno) = watched {
            self.trouble = Some(format!("waiting for the line: {errno}"));
        }
    }

    fn set_timer(&self, after: Option<Duration>) -> nix::Result<()> {
        match after {
            None => self.timer.unset(),
            Some(after) => self.timer.set(
                // An expiration at once is one that never comes.
                Expiration::OneShot(TimeSpec::from_duration(after.max(Duration::from_micros(1)))),
                TimerSetTimeFlags::empty(),
            ),
        }
    }

    /// What changed since the last call.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        let carrier = self.carrier();
        if self.reported && (self.dropped || !carrier) {
            self.reported = false;
            self.dropped = false;
            return Some(StreamEvent::Carrier(false));
        }
        if carrier && !self.reported {
            self.reported = true;
            self.dropped = false;
            return Some(StreamEvent::Carrier(true));
        }
        std::mem::take(&mut self.writable).then_some(StreamEvent::Writable)
    }

    /// Waits for octets to read, or leaves them where they are, with the news that the other end
    /// is gone behind them. As long as nobody waits, [`Self::receive`] is not to be called.
    pub fn set_reading(&mut self, reading: bool) {
        if self.reading != reading {
            self.reading = reading;
            if self.is_there() {
                self.watch_line(self.blocked);
            }
        }
    }

    /// Reads octets. `None`: nothing there now.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&mut self, octets: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.is_there() {
            return Ok(None);
        }
        let Some(fd) = self.line() else {
            return Ok(None);
        };
        match nix::unistd::read(fd, octets) {
            Ok(0) => self.lost("the other end hung up"),
            Ok(count) => return Ok(Some(count)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // A pseudo-terminal or a port whose other end is gone.
            Err(Errno::EIO) => self.lost("the other end hung up"),
            Err(errno) => self.lost(errno.desc()),
        }
        Ok(None)
    }

    /// Writes octets, as far as the line takes them; when not all, [`StreamEvent::Writable`]
    /// follows. Without carrier they are gone.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn send(&mut self, octets: &[u8]) -> io::Result<usize> {
        if !self.carrier() {
            return Ok(octets.len());
        }
        let Some(fd) = self.line() else {
            return Ok(octets.len());
        };
        let mut sent = 0;
        while let Some(rest) = octets.get(sent..).filter(|rest| !rest.is_empty()) {
            match nix::unistd::write(fd, rest) {
                Ok(count) => sent += count,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    self.blocked = true;
                    self.watch_line(true);
                    return Ok(sent);
                }
                Err(errno) => {
                    self.lost(errno.desc());
                    return Ok(octets.len());
                }
            }
        }
        Ok(sent)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.0.as_fd()
    }
}
