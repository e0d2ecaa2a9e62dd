//! Many TCP connections, made from here or by others, behind one descriptor.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{getsockopt, sockopt};

use super::tcp::{self, ListenSettings, connect_tcp};

/// What descriptors of the poller are that are no connection.
const LISTENER: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;
/// What is taken of the poller at once.
const EVENTS: usize = 64;
/// Calls that may wait for us.
const BACKLOG: i32 = 128;

/// What happened to a connection, which is named by its place.
#[derive(Debug)]
pub enum Happened {
    /// It is made.
    Connected(usize),
    /// It could not be made.
    Failed(usize, io::Error),
    /// It can be read.
    Readable(usize),
    /// It can be written.
    Writable(usize),
}

struct Slot {
    stream: TcpStream,
    /// It is not made yet.
    connecting: bool,
    /// Whether it is waited for until it can be written.
    full: bool,
    /// What it sends is left where it is.
    held: bool,
}

impl Slot {
    fn interest(&self) -> EpollFlags {
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, !self.held);
        flags.set(EpollFlags::EPOLLOUT, self.connecting || self.full);
        flags
    }
}

/// The connections, by places that the owner chooses.
pub struct Streams {
    poller: Epoll,
    wake: EventFd,
    listener: Option<(TcpListener, Option<(IpAddr, u8)>)>,
    /// Somebody may call.
    calling: bool,
    slots: Vec<Option<Slot>>,
    /// Those that were not let in.
    turned_away: u64,
}

impl Streams {
    /// No connections; `listen`: where others may make some.
    ///
    /// # Errors
    /// The address cannot be listened on, for people.
    pub fn open(listen: Option<ListenSettings>) -> Result<Self, String> {
        let fail = |errno: Errno| format!("epoll: {errno}");
        let poller = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(fail)?;
        let wake =
            EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(fail)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, WAKE);
        poller.add(&wake, event).map_err(fail)?;
        let listener = match listen {
            Some(ListenSettings { local, source }) => {
                let listener = tcp::listener(local, BACKLOG)?;
                let event = EpollEvent::new(EpollFlags::EPOLLIN, LISTENER);
                poller.add(&listener, event).map_err(fail)?;
                Some((listener, source))
            }
            None => None,
        };
        Ok(Self {
            poller,
            wake,
            listener,
            calling: false,
            slots: Vec::new(),
            turned_away: 0,
        })
    }

    /// Where others make connections, with the port that was chosen.
    ///
    /// # Errors
    /// Nowhere.
    pub fn local(&self) -> io::Result<SocketAddr> {
        let listener = self.listener.as_ref().ok_or(ErrorKind::NotConnected)?;
        listener.0.local_addr()
    }

    /// Connections that were not let in because of where they came from.
    pub const fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// The descriptor becomes readable: there is something to fetch elsewhere.
    pub fn wake(&self) {
        // A full counter wakes as well.
        let _ = self.wake.write(1);
    }

    /// Fetches what happened, without waiting.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn poll(&mut self, mut each: impl FnMut(Happened)) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let count = match self.poller.wait(&mut events, EpollTimeout::ZERO) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in events.iter().take(count) {
            match event.data() {
                LISTENER => self.calling = true,
                WAKE => {
                    let _ = self.wake.read();
                }
                place => {
                    if let Ok(place) = usize::try_from(place) {
                        self.ready(place, event.events(), &mut each);
                    }
                }
            }
        }
        Ok(())
    }

    fn ready(&mut self, place: usize, flags: EpollFlags, each: &mut impl FnMut(Happened)) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        if slot.connecting {
            match getsockopt(&slot.stream, sockopt::SocketError) {
                Ok(0) if flags.contains(EpollFlags::EPOLLOUT) => {
                    slot.connecting = false;
                    each(Happened::Connected(place));
                }
                Ok(0) => {}
                Ok(errno) => each(Happened::Failed(place, io::Error::from_raw_os_error(errno))),
                Err(errno) => each(Happened::Failed(place, errno.into())),
            }
            self.follow(place);
            return;
        }
        if flags.contains(EpollFlags::EPOLLOUT) && slot.full {
            slot.full = false;
            each(Happened::Writable(place));
        }
        // The end and errors are read, too.
        if flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            each(Happened::Readable(place));
        }
        self.follow(place);
    }

    /// Waits for what is of interest now.
    fn follow(&mut self, place: usize) {
        if let Some(slot) = self.slots.get(place).and_then(Option::as_ref) {
            let mut event = EpollEvent::new(slot.interest(), place as u64);
            // A connection that is gone is read to its end.
            let _ = self.poller.modify(&slot.stream, &mut event);
        }
    }

    /// The next connection that somebody made, if it may be: for [`Self::insert`], or to be dropped.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn accept(&mut self) -> io::Result<Option<TcpStream>> {
        let Some((listener, source)) = self.listener.as_ref().filter(|_| self.calling) else {
            return Ok(None);
        };
        loop {
            match tcp::accept(listener, *source) {
                Ok(Some(Some((stream, _)))) => return Ok(Some(stream)),
                Ok(Some(None)) => self.turned_away += 1,
                Ok(None) => {
                    self.calling = false;
                    return Ok(None);
                }
                // No descriptors for now: whoever calls waits.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    self.calling = false;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps a connection at a place, which must be empty.
    ///
    /// # Errors
    /// The kernel does not watch it; then it is closed.
    pub fn insert(&mut self, place: usize, stream: TcpStream) -> io::Result<()> {
        self.keep(place, stream, false)
    }

    /// Begins to connect; [`Happened::Connected`] or [`Happened::Failed`] follows.
    ///
    /// # Errors
    /// It failed at once.
    pub fn connect(&mut self, place: usize, remote: SocketAddr) -> io::Result<()> {
        let stream = connect_tcp(remote)?;
        self.keep(place, stream, true)
    }

    fn keep(&mut self, place: usize, stream: TcpStream, connecting: bool) -> io::Result<()> {
        let slot = Slot {
            stream,
            connecting,
            full: false,
            held: false,
        };
        let event = EpollEvent::new(slot.interest(), place as u64);
        self.poller.add(&slot.stream, event)?;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, || None);
        }
        if let Some(empty) = self.slots.get_mut(place) {
            *empty = Some(slot);
        }
        Ok(())
    }

    /// Leaves what a connection sends where it is, so that the other end has to wait, or takes it again. That it
    /// is lost is told all the same.
    pub fn hold(&mut self, place: usize, held: bool) {
        if let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut)
            && slot.held != held
        {
            slot.held = held;
            self.follow(place);
        }
    }

    /// Closes a connection, if there is one.
    pub fn close(&mut self, place: usize) {
        // The kernel forgets what is closed.
        drop(self.slots.get_mut(place).and_then(Option::take));
    }

    /// Closes all of them.
    pub fn close_all(&mut self) {
        self.slots.clear();
    }

    /// Reads once. `None`: nothing is there; 0: the end.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn read(&mut self, place: usize, octets: &mut [u8]) -> io::Result<Option<usize>> {
        let slot = self.slots.get_mut(place).and_then(Option::as_mut);
        let slot = slot.ok_or(ErrorKind::NotConnected)?;
        match slot.stream.read(octets) {
            Ok(count) => Ok(Some(count)),
            Err(error) if is_for_now(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what the connection takes; [`Happened::Writable`] follows when that is not all.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn write(&mut self, place: usize, octets: &[u8]) -> io::Result<usize> {
        let slot = self.slots.get_mut(place).and_then(Option::as_mut);
        let slot = slot.ok_or(ErrorKind::NotConnected)?;
        let taken = match slot.stream.write(octets) {
            Ok(taken) => taken,
            Err(error) if is_for_now(&error) => 0,
            Err(error) => return Err(error),
        };
        if taken < octets.len() && !slot.full {
            slot.full = true;
            self.follow(place);
        }
        Ok(taken)
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl AsFd for Streams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.0.as_fd()
    }
}
