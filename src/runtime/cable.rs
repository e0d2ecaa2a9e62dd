//! The software cable: two processes meet at a path and exchange frames.
//!
//! Whoever holds the lock on `NAME.lock` listens at `NAME` (a sequenced-packet Unix
//! socket); the other connects. The kernel frees the lock of a process however it
//! dies, so a stale socket is taken over and two can never listen. Either end may
//! come and go in any order; a third one is told that the cable is taken. Paths are
//! not bound to network namespaces, so the ends may live in different ones.
//!
//! Each message starts with one octet that says what it is, see [`wire`].

mod types;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, accept4, bind, connect, getsockopt,
    listen, socket,
};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::message;

pub use types::{CableError, CableEvent, Stats};

/// The messages on the socket.
mod wire {
    /// A frame follows.
    pub(super) const FRAME: u8 = 0;
    /// The first message of each end: a magic, a version, an answer.
    pub(super) const HELLO: u8 = 1;
    /// The sender plugged (1) or cut (0) its end.
    pub(super) const CARRIER: u8 = 2;
    /// What follows the type octet of a hello.
    pub(super) const MAGIC: [u8; 4] = *b"wbc1";
    /// Answer: the cable is yours.
    pub(super) const WELCOME: u8 = 0;
    /// Answer: two ends are plugged already.
    pub(super) const TAKEN: u8 = 1;
}

/// How soon an end without a peer tries again.
const RETRY: Duration = Duration::from_millis(200);
/// How soon an end that found the cable taken tries again.
const RETRY_TAKEN: Duration = Duration::from_secs(1);
/// How long a connection may stay silent before its hello.
const HELLO_WITHIN: Duration = Duration::from_secs(2);
/// Control messages handled in one call of [`Cable::receive`].
const CONTROLS_A_CALL: usize = 16;

const LISTENER: u64 = 0;
const CONNECTION: u64 = 1;
const TIMER: u64 = 2;

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    /// The other end's hello came.
    greeted: bool,
    /// The other end is plugged.
    peer_plugged: bool,
    /// Our carrier message did not fit the socket's buffer yet.
    carrier_pending: bool,
    /// A frame did not fit; the owner waits for room.
    blocked: bool,
}

/// One end of a software cable.
///
/// One descriptor stands for everything: wait until it is readable, then call
/// [`Self::on_ready`], [`Self::receive`] until `None`, [`Self::poll_event`] until `None`.
#[derive(Debug)]
pub struct Cable {
    directory: File,
    path: PathBuf,
    name: OsString,
    poller: Epoll,
    timer: TimerFd,
    /// The listening socket and, dropped after it, the lock that gives the right to it.
    listener: Option<(OwnedFd, Flock<File>)>,
    connection: Option<Connection>,
    plugged: bool,
    reported: bool,
    /// The carrier was away since it was last reported.
    dropped: bool,
    taken: bool,
    taken_reported: bool,
    writable: bool,
    stats: Stats,
}

impl Cable {
    /// The longest frame, octets.
    pub const MAX_FRAME: usize = 16 * 1024;

    /// Plugs one end of the cable `name` in `directory`, which is made (mode 0755) when missing.
    /// The other end may be there already or come later.
    ///
    /// # Errors
    /// A bad name, or a directory that cannot be used.
    pub fn open(directory: &Path, name: &str) -> Result<Self, CableError> {
        let good = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if name.is_empty()
            || name.len() > 64
            || name.starts_with('.')
            || name.ends_with(".lock")
            || !name.bytes().all(good)
        {
            return Err(CableError::Name(name.to_owned()));
        }
        let fail = |what: String| move |error: io::Error| CableError::System { what, error };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(fail(format!("making {}", directory.display())))?;
        let handle = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_PATH)
            .open(directory)
            .map_err(fail(format!("opening {}", directory.display())))?;
        let poller = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|e| fail("making a poller".into())(e.into()))?;
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )
        .map_err(|e| fail("making a timer".into())(e.into()))?;
        poller
            .add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))
            .map_err(|e| fail("watching the timer".into())(e.into()))?;
        let mut cable = Self {
            directory: handle,
            path: directory.join(name),
            name: name.into(),
            poller,
            timer,
            listener: None,
            connection: None,
            plugged: true,
            reported: false,
            dropped: false,
            taken: false,
            taken_reported: false,
            writable: false,
            stats: Stats::default(),
        };
        cable
            .meet()
            .map_err(fail(format!("{}", cable.path.display())))?;
        Ok(cable)
    }

    /// Both ends are there and plugged.
    pub fn carrier(&self) -> bool {
        self.plugged
            && self
                .connection
                .as_ref()
                .is_some_and(|c| c.greeted && c.peer_plugged)
    }

    /// This end is plugged (not cut by [`Self::cut`]).
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    /// Where the ends meet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes the carrier away from both ends until [`Self::join`].
    pub fn cut(&mut self) {
        self.set_plugged(false);
    }

    /// Gives the carrier back.
    pub fn join(&mut self) {
        self.set_plugged(true);
    }

    fn set_plugged(&mut self, plugged: bool) {
        if self.plugged == plugged {
            return;
        }
        let before = self.carrier();
        self.plugged = plugged;
        self.note(before);
        if let Some(connection) = &mut self.connection {
            connection.carrier_pending = true;
        }
        self.tell_carrier();
    }

    /// Handles whatever happened beside frames: a peer that came, a retry that is due, room in the buffer.
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
                LISTENER => self.accept(),
                CONNECTION if event.events().contains(EpollFlags::EPOLLOUT) => self.has_room(),
                TIMER => {
                    // Reading clears the expiry; an error only says that another read took it.
                    let _ = self.timer.wait();
                    self.timer_fired()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What changed since the last call.
    pub fn poll_event(&mut self) -> Option<CableEvent> {
        let carrier = self.carrier();
        if self.reported && (self.dropped || !carrier) {
            self.reported = false;
            self.dropped = false;
            return Some(CableEvent::Carrier(false));
        }
        if carrier && !self.reported {
            self.reported = true;
            self.dropped = false;
            return Some(CableEvent::Carrier(true));
        }
        if self.taken && !self.taken_reported {
            self.taken_reported = true;
            return Some(CableEvent::Taken);
        }
        std::mem::take(&mut self.writable).then_some(CableEvent::Writable)
    }

    /// Takes one frame into `frame`. `None`: nothing there now.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&mut self, frame: &mut [u8]) -> io::Result<Option<usize>> {
        for _ in 0..CONTROLS_A_CALL {
            let Some(connection) = &self.connection else {
                return Ok(None);
            };
            let mut kind = [0; 1];
            let room = frame.len().min(Self::MAX_FRAME);
            let buffer = frame.get_mut(..room).unwrap_or_default();
            let mut slices = [IoSliceMut::new(&mut kind), IoSliceMut::new(buffer)];
            let got = match message::receive(connection.socket.as_fd(), &mut slices, None) {
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                // The peer closed with our messages unread. Its own last ones come after this error, then the end of file.
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => continue,
                Err(_) => {
                    self.disconnect();
                    return Ok(None);
                }
            };
            let len = got.len.saturating_sub(1);
            match kind[0] {
                _ if got.len == 0 => self.disconnect(),
                wire::FRAME if got.flags & libc::MSG_TRUNC != 0 => self.stats.too_long += 1,
                wire::FRAME if !self.plugged => self.stats.cut += 1,
                wire::FRAME if !connection.greeted => self.malformed(),
                wire::FRAME => {
                    self.stats.received += 1;
                    return Ok(Some(len));
                }
                other => {
                    let mut body = [0; 6];
                    let filled = frame.get(..len).unwrap_or_default();
                    for (to, from) in body.iter_mut().zip(filled) {
                        *to = *from;
                    }
                    self.control(other, len, body);
                }
            }
        }
        Ok(None)
    }

    /// Sends one frame made of pieces (at most seven). `false`: the buffer is full, the frame was not taken, and
    /// [`CableEvent::Writable`] will follow. Without carrier the frame is dropped and counted.
    ///
    /// # Errors
    /// A frame longer than [`Self::MAX_FRAME`] or of too many pieces is invalid input.
    pub fn send(&mut self, pieces: &[&[u8]]) -> io::Result<bool> {
        let octets: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut slices = [IoSlice::new(&[]); 8];
        if octets > Self::MAX_FRAME || pieces.len() >= slices.len() {
            self.stats.too_long += 1;
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a frame of {octets} octets in {} pieces", pieces.len()),
            ));
        }
        if !self.carrier() {
            self.stats.no_carrier += 1;
            return Ok(true);
        }
        slices[0] = IoSlice::new(&[wire::FRAME]);
        for (slice, piece) in slices[1..].iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
        }
        let slices = slices.get(..=pieces.len()).unwrap_or_default();
        let Some(connection) = &mut self.connection else {
            return Ok(true);
        };
        match message::send(connection.socket.as_fd(), slices, None) {
            Ok(_) => {
                self.stats.sent += 1;
                Ok(true)
            }
            Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS)) => {
                connection.blocked = true;
                self.watch_room();
                Ok(false)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            // The peer is gone; its end of file tells `receive` so.
            Err(_) => {
                self.stats.no_carrier += 1;
                Ok(true)
            }
        }
    }

    /// Becomes the listener if nobody is, else connects to it, else tries again later.
    fn meet(&mut self) -> io::Result<()> {
        if self.listener.is_some() {
            return Ok(());
        }
        let mut lock = self.path.clone().into_os_string();
        lock.push(".lock");
        // Never removed: a lock on a removed file would exclude nobody.
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(lock)?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => self.listen(lock),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => {
                self.connect();
                Ok(())
            }
            Err((_, errno)) => Err(errno.into()),
        }
    }

    fn listen(&mut self, lock: Flock<File>) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let socket = new_socket()?;
        bind(socket.as_raw_fd(), &self.address()?)?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600))?;
        listen(&socket, Backlog::new(4)?)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, LISTENER);
        self.poller.add(&socket, event)?;
        self.listener = Some((socket, lock));
        self.taken = false;
        Ok(())
    }

    fn connect(&mut self) {
        let connected = new_socket().and_then(|socket| {
            connect(socket.as_raw_fd(), &self.address()?)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) if same_user(&socket) => self.adopt(socket),
            Ok(_) => {
                self.stats.turned_away += 1;
                self.wake_in(RETRY_TAKEN);
            }
            // The listener is about to bind, or just died: its lock will tell.
            Err(_) => self.wake_in(RETRY),
        }
    }

    /// The address of the meeting place. A path longer than a Unix address is reached through the directory's descriptor.
    fn address(&self) -> io::Result<UnixAddr> {
        match UnixAddr::new(&self.path) {
            Ok(address) => Ok(address),
            Err(_) => {
                let fd = self.directory.as_raw_fd();
                let short = Path::new("/proc/self/fd").join(fd.to_string());
                Ok(UnixAddr::new(&short.join(&self.name))?)
            }
        }
    }

    fn accept(&mut self) {
        while let Some((listener, _)) = &self.listener {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let Ok(fd) = accept4(listener.as_raw_fd(), flags) else {
                return;
            };
            // SAFETY: accept4 just returned this descriptor; nothing else owns it.
            let socket = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) };
            if self.connection.is_some() || !same_user(&socket) {
                self.stats.turned_away += 1;
                // Best effort: a full buffer is impossible on a new socket, and a dead peer needs no answer.
                let _ = say_hello(&socket, wire::TAKEN, false);
                continue;
            }
            self.adopt(socket);
        }
    }

    /// A new connection: say hello, wait for the other's.
    fn adopt(&mut self, socket: OwnedFd) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, CONNECTION);
        if say_hello(&socket, wire::WELCOME, self.plugged).is_err()
            || self.poller.add(&socket, event).is_err()
        {
            if self.listener.is_none() {
                self.wake_in(RETRY);
            }
            return;
        }
        self.connection = Some(Connection {
            socket,
            greeted: false,
            peer_plugged: false,
            carrier_pending: false,
            blocked: false,
        });
        self.wake_in(HELLO_WITHIN);
    }

    fn timer_fired(&mut self) -> io::Result<()> {
        match &self.connection {
            Some(connection) if !connection.greeted => {
                self.stats.malformed += 1;
                self.disconnect();
                Ok(())
            }
            Some(_) => Ok(()),
            None => match self.meet() {
                Ok(()) => Ok(()),
                // The directory may be gone for a while (a cleaned /run); keep trying.
                Err(_) => {
                    self.wake_in(RETRY_TAKEN);
                    Ok(())
                }
            },
        }
    }

    fn control(&mut self, kind: u8, len: usize, body: [u8; 6]) {
        let before = self.carrier();
        let [m0, m1, m2, m3, answer, plugged] = body;
        let Some(connection) = &mut self.connection else {
            return;
        };
        match kind {
            wire::HELLO if len >= 6 && [m0, m1, m2, m3] == wire::MAGIC && !connection.greeted => {
                if answer == wire::WELCOME {
                    connection.greeted = true;
                    connection.peer_plugged = plugged != 0;
                    self.taken = false;
                    self.taken_reported = false;
                    // Setting no expiry disarms it; a spurious wake-up is harmless.
                    let _ = self.timer.unset();
                } else {
                    self.taken = true;
                    self.disconnect();
                    self.wake_in(RETRY_TAKEN);
                }
            }
            wire::CARRIER if len >= 1 && connection.greeted => connection.peer_plugged = m0 != 0,
            _ => self.malformed(),
        }
        self.note(before);
    }

    fn malformed(&mut self) {
        self.stats.malformed += 1;
        self.disconnect();
    }

    /// The connection is over: the listener waits for the next peer, the other tries to become the listener.
    fn disconnect(&mut self) {
        let before = self.carrier();
        if let Some(connection) = self.connection.take() {
            // Closing the descriptor removes it as well; an error changes nothing.
            let _ = self.poller.delete(&connection.socket);
            self.writable |= connection.blocked;
        }
        self.note(before);
        if self.listener.is_none() {
            // At once, then every retry: the one that waits must see the lock become free.
            self.wake_in(Duration::from_millis(1));
        }
    }

    /// Remembers that the carrier went away since `before` was looked at.
    fn note(&mut self, before: bool) {
        self.dropped |= before && !self.carrier();
    }

    fn has_room(&mut self) {
        if let Some(connection) = &mut self.connection {
            self.writable |= std::mem::take(&mut connection.blocked);
            if connection.carrier_pending {
                self.tell_carrier();
            }
        }
        self.watch_room();
    }

    fn tell_carrier(&mut self) {
        let plugged = u8::from(self.plugged);
        if let Some(connection) = &mut self.connection {
            let octets = [wire::CARRIER, plugged];
            let sent = message::send(connection.socket.as_fd(), &[IoSlice::new(&octets)], None);
            let full = |e: &io::Error| {
                matches!(
                    e.raw_os_error(),
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR)
                )
            };
            connection.carrier_pending = sent.as_ref().is_err_and(full);
        }
        self.watch_room();
    }

    /// Watches for room in the socket's buffer only while somebody waits for it.
    fn watch_room(&mut self) {
        if let Some(connection) = &self.connection {
            let mut flags = EpollFlags::EPOLLIN;
            if connection.blocked || connection.carrier_pending {
                flags |= EpollFlags::EPOLLOUT;
            }
            let mut event = EpollEvent::new(flags, CONNECTION);
            // Can only fail for a descriptor that is not registered, and this one is.
            let _ = self.poller.modify(&connection.socket, &mut event);
        }
    }

    fn wake_in(&mut self, delay: Duration) {
        let expiry = Expiration::OneShot(TimeSpec::from_duration(delay));
        // Can only fail for an invalid time, and these are constants.
        let _ = self.timer.set(expiry, TimerSetTimeFlags::empty());
    }
}

impl AsFd for Cable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.0.as_fd()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        if self.listener.is_some() {
            // While the lock is still held, so that no successor's socket is removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        flags,
        None,
    )?)
}

/// The other end belongs to root or to our own user.
fn same_user(socket: &OwnedFd) -> bool {
    let ours = nix::unistd::geteuid().as_raw();
    getsockopt(socket, PeerCredentials).is_ok_and(|peer| peer.uid() == 0 || peer.uid() == ours)
}

fn say_hello(socket: &OwnedFd, answer: u8, plugged: bool) -> io::Result<()> {
    let [m0, m1, m2, m3] = wire::MAGIC;
    let hello = [wire::HELLO, m0, m1, m2, m3, answer, u8::from(plugged)];
    message::send(socket.as_fd(), &[IoSlice::new(&hello)], None).map(|_| ())
}

#[cfg(test)]
mod tests;
