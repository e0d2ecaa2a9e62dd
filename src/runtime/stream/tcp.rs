//! TCP connections, made from here or by the other end.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, connect,
    getsockopt, listen, setsockopt, socket, sockopt,
};

use crate::files::SocketPath;
use crate::message::set_option;

/// How long a connection may take to be made.
const WITHIN: Duration = Duration::from_secs(10);
/// A connection that is silent for so long is asked whether it is still there, so often, and is
/// lost when what was sent is not acknowledged for so long.
const KEEPALIVE_IDLE: u32 = 30;
const KEEPALIVE_INTERVAL: u32 = 10;
const KEEPALIVE_COUNT: u32 = 3;
const USER_TIMEOUT_MS: u32 = 30_000;
/// The most that waits in the kernel of a call and is not sent yet, octets: a line is slow, and who keeps its queue
/// must see it.
const UNSENT: libc::c_int = 4096;

/// Whom to call.
#[derive(Clone, Copy, Debug)]
pub struct TcpSettings {
    /// The other end.
    pub remote: SocketAddr,
}

/// Where to be called.
#[derive(Clone, Copy, Debug)]
pub struct ListenSettings {
    /// Our address and port; port 0 is any.
    pub local: SocketAddr,
    /// The only network that may call, with its prefix length; `None`: everybody.
    pub source: Option<(IpAddr, u8)>,
}

/// What every connection is set to.
fn prepare(stream: &impl AsFd) -> io::Result<()> {
    setsockopt(stream, sockopt::TcpNoDelay, &true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL)?;
    setsockopt(stream, sockopt::TcpKeepCount, &KEEPALIVE_COUNT)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &USER_TIMEOUT_MS)?;
    Ok(())
}

fn tcp(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(socket(family, SockType::Stream, flags, None)?)
}

/// Begins a TCP connection, without waiting: it is made, or refused, when it can be written to.
///
/// # Errors
/// Those of socket(2), setsockopt(2) and connect(2).
pub fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = tcp(&address)?;
    prepare(&stream)?;
    match connect(stream.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(stream.into()),
        Err(errno) => Err(errno.into()),
    }
}

/// Connects to a Unix socket, without waiting: a full queue is an error.
///
/// # Errors
/// Those of connect(2), also that the path is too long.
pub fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let short = SocketPath::new(path).map_err(|error| io::Error::other(error.to_string()))?;
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(stream.as_raw_fd(), &UnixAddr::new(short.as_path())?)?;
    Ok(stream.into())
}

/// A connection made from here.
pub struct Call {
    settings: TcpSettings,
    stream: Option<OwnedFd>,
    there: bool,
}

impl Call {
    pub const fn new(settings: TcpSettings) -> Self {
        Self {
            settings,
            stream: None,
            there: false,
        }
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(AsFd::as_fd)
    }

    pub const fn is_there(&self) -> bool {
        self.there
    }

    pub const fn within(&self) -> Duration {
        WITHIN
    }

    /// Begins to call. `true`: the connection is there already.
    pub fn start(&mut self) -> Result<bool, String> {
        let address = self.settings.remote;
        let fail = |error: io::Error| format!("{address}: {error}");
        let stream = tcp(&address).map_err(fail)?;
        prepare(&stream).map_err(fail)?;
        set_option(
            stream.as_fd(),
            libc::SOL_TCP,
            libc::TCP_NOTSENT_LOWAT,
            UNSENT,
        )
        .map_err(fail)?;
        let made = match connect(stream.as_raw_fd(), &SockaddrStorage::from(address)) {
            Ok(()) => true,
            Err(Errno::EINPROGRESS | Errno::EINTR) => false,
            Err(errno) => return Err(fail(errno.into())),
        };
        self.stream = Some(stream);
        self.there = made;
        Ok(made)
    }

    /// The call was answered, or refused.
    pub fn finish(&mut self) -> io::Result<()> {
        let stream = self.stream.as_ref().ok_or(ErrorKind::NotConnected)?;
        match getsockopt(stream, sockopt::SocketError)? {
            0 => {
                self.there = true;
                Ok(())
            }
            errno => {
                let error = io::Error::from_raw_os_error(errno);
                let address = self.settings.remote;
                Err(io::Error::new(error.kind(), format!("{address}: {error}")))
            }
        }
    }

    pub fn hang_up(&mut self) {
        self.stream = None;
        self.there = false;
    }
}

/// Waits for a call.
pub struct Listen {
    listener: TcpListener,
    source: Option<(IpAddr, u8)>,
    stream: Option<(TcpStream, IpAddr)>,
}

impl Listen {
    pub fn open(settings: ListenSettings) -> Result<Self, String> {
        Ok(Self {
            listener: listener(settings.local, 4)?,
            source: settings.source,
            stream: None,
        })
    }

    pub fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    #[cfg(test)]
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(|(stream, _)| stream.as_fd())
    }

    /// Takes the next caller. `Some(false)`: it was turned away; `None`: nobody calls. A caller
    /// from where the present one called takes its place: the present one lost its memory of us.
    pub fn accept(&mut self, plugged: bool) -> io::Result<Option<bool>> {
        let Some(stream) = accept(&self.listener, self.source)? else {
            return Ok(None);
        };
        let Some((stream, host)) = stream else {
            return Ok(Some(false));
        };
        let busy = self
            .stream
            .as_ref()
            .is_some_and(|(_, other)| *other != host);
        if !plugged || busy {
            return Ok(Some(false));
        }
        self.stream = Some((stream, host));
        Ok(Some(true))
    }

    pub fn hang_up(&mut self) {
        self.stream = None;
    }
}

/// Listens on an address, without waiting for anybody.
pub fn listener(address: SocketAddr, backlog: i32) -> Result<TcpListener, String> {
    let fail = |error: io::Error| format!("{address}: {error}");
    let socket = tcp(&address).map_err(fail)?;
    let prepared = || -> io::Result<()> {
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
        listen(&socket, Backlog::new(backlog)?)?;
        Ok(())
    };
    prepared().map_err(fail)?;
    Ok(socket.into())
}

/// The next caller and its host. `Some(None)`: it was turned away; `None`: nobody calls.
pub fn accept(
    listener: &TcpListener,
    source: Option<(IpAddr, u8)>,
) -> io::Result<Option<Option<(TcpStream, IpAddr)>>> {
    let (stream, from) = match listener.accept() {
        Ok(call) => call,
        Err(error) => {
            return match error.kind() {
                // Errors of the connection, not of the listener.
                ErrorKind::WouldBlock
                | ErrorKind::Interrupted
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset => Ok(None),
                _ => Err(error),
            };
        }
    };
    let host = from.ip().to_canonical();
    let allowed = source.is_none_or(|source| is_within(host, source));
    if !allowed || stream.set_nonblocking(true).is_err() || prepare(&stream).is_err() {
        return Ok(Some(None));
    }
    Ok(Some(Some((stream, host))))
}

fn is_within(host: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    let prefix = |address: u128, width: u32| {
        address
            .checked_shr(width.saturating_sub(bits.into()))
            .unwrap_or(0)
    };
    match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => {
            prefix(host.to_bits().into(), 32) == prefix(network.to_bits().into(), 32)
        }
        (IpAddr::V6(host), IpAddr::V6(network)) => {
            prefix(host.to_bits(), 128) == prefix(network.to_bits(), 128)
        }
        _ => false,
    }
}
