//! A stub resolver that never blocks the loop.
//!
//! The C library's resolver blocks, and in a static executable may load modules that do not
//! fit it. This one knows /etc/hosts, /etc/resolv.conf (nameserver, search, domain, and the
//! options ndots, timeout, attempts) and A, AAAA and CNAME records. Every query has a random
//! identifier and a socket, and so a source port, of its own; a truncated answer is fetched
//! over TCP. Configuration is read at every lookup, so that changes count at once.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, connect, send, socket,
};
use slab::Slab;

use crate::event_loop::{Handler, Interest, Loop, Priority, Readiness, Source, Token};
use crate::files::FileError;

mod config;
mod lookup;
mod message;
#[cfg(test)]
mod tests;

pub use config::Settings;
pub use message::fuzz_reply;

use config::{Config, check_name, local};
use lookup::{Lookup, Transmit, Transport};

/// How many lookups run at once.
const MAX_LOOKUPS: usize = 64;
/// The longest UDP message (without EDNS 512, but some servers send more), octets.
const MAX_UDP: usize = 4096;
/// Messages read from one socket in one turn.
const BUDGET: usize = 16;

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Both, IPv4 first.
    Any,
}

impl Family {
    fn includes(self, address: &IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
            Self::Any => true,
        }
    }
}

/// Why a name has no addresses.
#[derive(Debug)]
pub enum ResolveError {
    /// It cannot be a name.
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no such name.
    NotFound(String),
    /// The name exists, but has no address of the family.
    NoAddress {
        /// The name.
        name: String,
        /// What was wanted.
        family: Family,
    },
    /// No name server answered in time.
    TimedOut(String),
    /// No name server gave an answer, and why the last one did not.
    ServerFailed {
        /// The name.
        name: String,
        /// The reason.
        why: String,
    },
    /// Too many lookups at once.
    Busy,
    /// A configuration file cannot be read.
    File(FileError),
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name, why } => {
                write!(f, "\"{}\" is not a host name: {why}", name.escape_debug())
            }
            Self::NotFound(name) => write!(f, "no host is called {name}"),
            Self::NoAddress { name, family } => {
                let family = match family {
                    Family::V4 => "IPv4 ",
                    Family::V6 => "IPv6 ",
                    Family::Any => "",
                };
                write!(f, "{name} has no {family}address")
            }
            Self::TimedOut(name) => {
                write!(f, "no name server answered in time for {name}")
            }
            Self::ServerFailed { name, why } => {
                write!(f, "the name server did not answer for {name}: {why}")
            }
            Self::Busy => write!(f, "{MAX_LOOKUPS} lookups are running already"),
            Self::File(error) => error.fmt(f),
            Self::Io(error) => write!(f, "cannot look up names: {error}"),
        }
    }
}

impl std::error::Error for ResolveError {}

/// A lookup that was started. Never reused for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LookupId {
    index: usize,
    serial: u64,
}

/// The socket of the present query.
struct Exchange {
    socket: Socket,
    source: Source,
}

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpExchange),
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Tcp(exchange) => exchange.stream.as_fd(),
        }
    }
}

/// A query over TCP (RFC 1035 section 4.2.2): messages with their length before them.
struct TcpExchange {
    stream: TcpStream,
    output: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
}

struct Running {
    serial: u64,
    lookup: Lookup,
    exchange: Option<Exchange>,
}

type Outcome = Result<Vec<IpAddr>, ResolveError>;

/// A resolver in a poll loop.
///
/// The owner hands readiness and timers of this resolver's token owner to [`Resolver::ready`]
/// and [`Resolver::timer`], then takes outcomes with [`Resolver::poll_outcome`].
pub struct Resolver {
    owner: u32,
    settings: Settings,
    running: Slab<Running>,
    outcomes: VecDeque<(LookupId, Outcome)>,
    next_serial: u64,
    foreign: u64,
}

impl Resolver {
    /// A resolver whose tokens have this owner.
    pub fn new(owner: u32, settings: Settings) -> Self {
        Self {
            owner,
            settings,
            running: Slab::new(),
            outcomes: VecDeque::new(),
            next_serial: 0,
            foreign: 0,
        }
    }

    /// How many messages came that answered no question of ours: forged or late ones.
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Starts a lookup; the outcome comes through [`Resolver::poll_outcome`], at once for
    /// addresses and names that need no server.
    ///
    /// # Errors
    /// A name that is none, unreadable configuration, or [`ResolveError::Busy`].
    pub fn start(
        &mut self,
        lp: &mut Loop,
        name: &str,
        family: Family,
    ) -> Result<LookupId, ResolveError> {
        let serial = self.next_serial;
        if let Some(addresses) = local(&self.settings, name, family)? {
            self.next_serial += 1;
            // The place of no running lookup: serials alone tell them apart.
            let index = usize::MAX;
            let id = LookupId { index, serial };
            let wanted: Vec<IpAddr> = addresses
                .into_iter()
                .filter(|address| family.includes(address))
                .collect();
            let outcome = if wanted.is_empty() {
                Err(ResolveError::NoAddress {
                    name: name.to_owned(),
                    family,
                })
            } else {
                Ok(wanted)
            };
            self.outcomes.push_back((id, outcome));
            return Ok(id);
        }
        check_name(name).map_err(|why| ResolveError::BadName {
            name: name.to_owned(),
            why,
        })?;
        if self.running.len() >= MAX_LOOKUPS {
            return Err(ResolveError::Busy);
        }
        let config = Config::load(&self.settings)?;
        let seed = getrandom::u64().map_err(|error| ResolveError::Io(io::Error::other(error)))?;
        self.next_serial += 1;
        // Not `lp.now()`: the turn may have begun long before the first query goes out.
        let lookup = Lookup::new(Instant::now(), config, name, family, seed);
        let index = self.running.insert(Running {
            serial,
            lookup,
            exchange: None,
        });
        self.settle(lp, index);
        Ok(LookupId { index, serial })
    }

    /// Gives a lookup up. Its outcome will not come.
    pub fn cancel(&mut self, lp: &mut Loop, id: LookupId) {
        self.outcomes.retain(|(other, _)| *other != id);
        if self
            .running
            .get(id.index)
            .is_some_and(|running| running.serial == id.serial)
        {
            self.remove(lp, id.index);
        }
    }

    /// The next lookup that ended.
    pub fn poll_outcome(&mut self) -> Option<(LookupId, Outcome)> {
        self.outcomes.pop_front()
    }

    /// Serves a descriptor of this resolver.
    pub fn ready(&mut self, lp: &mut Loop, token: Token, _: Readiness) {
        let index = token.id as usize;
        let now = lp.now();
        if let Some(Running {
            lookup,
            exchange: Some(exchange),
            ..
        }) = self.running.get_mut(index)
        {
            let served = match &mut exchange.socket {
                Socket::Udp(socket) => receive_udp(socket, now, lookup),
                Socket::Tcp(tcp) => tcp.serve(now, lookup),
            };
            if let Err(error) = served {
                lookup.unreachable(now, &error);
            }
        }
        self.settle(lp, index);
    }

    /// Serves a timer of this resolver.
    pub fn timer(&mut self, lp: &mut Loop, token: Token) {
        let index = token.id as usize;
        let now = lp.now();
        if let Some(running) = self.running.get_mut(index) {
            running.lookup.handle_timeout(now);
        }
        self.settle(lp, index);
    }

    /// Sends what the lookup wants to send, waits for what it waits for, or takes its outcome.
    fn settle(&mut self, lp: &mut Loop, index: usize) {
        while let Some(running) = self.running.get_mut(index) {
            if let Some(outcome) = running.lookup.poll_outcome() {
                let id = LookupId {
                    index,
                    serial: running.serial,
                };
                self.outcomes.push_back((id, outcome));
                self.remove(lp, index);
                return;
            }
            let Some(transmit) = running.lookup.poll_transmit() else {
                break;
            };
            let token = Token::new(self.owner, index as u32);
            close(lp, running.exchange.take());
            match open(lp, token, transmit) {
                Ok(exchange) => running.exchange = Some(exchange),
                Err(error) => running.lookup.unreachable(lp.now(), &error),
            }
        }
        let Some(running) = self.running.get_mut(index) else {
            return;
        };
        let token = Token::new(self.owner, index as u32);
        lp.set_timer_to(token, running.lookup.poll_timeout());
        if let Some(exchange) = &running.exchange {
            let interest = match &exchange.socket {
                Socket::Tcp(tcp) if tcp.sent < tcp.output.len() => Interest::Write,
                _ => Interest::Read,
            };
            if let Err(error) = lp.modify(exchange.source, &exchange.socket, interest) {
                running.lookup.unreachable(lp.now(), &error);
                self.settle(lp, index);
            }
        }
    }

    fn remove(&mut self, lp: &mut Loop, index: usize) {
        if let Some(running) = self.running.try_remove(index) {
            self.foreign += running.lookup.foreign;
            close(lp, running.exchange);
            lp.cancel_timer(Token::new(self.owner, index as u32));
        }
    }
}

fn close(lp: &mut Loop, exchange: Option<Exchange>) {
    if let Some(exchange) = exchange {
        // It is registered and open.
        let _ = lp.deregister(exchange.source, &exchange.socket);
    }
}

fn open(lp: &mut Loop, token: Token, transmit: Transmit) -> io::Result<Exchange> {
    let (socket, interest) = match transmit.transport {
        Transport::Udp => {
            let any: IpAddr = match transmit.server {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            // The kernel picks a source port at random; connected, the socket takes nothing
            // from anybody but the server.
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_nonblocking(true)?;
            socket.connect(transmit.server)?;
            socket.send(&transmit.message)?;
            (Socket::Udp(socket), Interest::Read)
        }
        Transport::Tcp => {
            let exchange = TcpExchange::open(transmit.server, &transmit.message)?;
            (Socket::Tcp(exchange), Interest::Write)
        }
    };
    let source = lp.register(&socket, token, interest, Priority::Normal)?;
    Ok(Exchange { socket, source })
}

fn receive_udp(socket: &UdpSocket, now: Instant, lookup: &mut Lookup) -> io::Result<()> {
    let mut octets = [0; MAX_UDP];
    for _ in 0..BUDGET {
        match socket.recv(&mut octets) {
            Ok(count) => {
                lookup.receive(now, octets.get(..count).unwrap_or_default());
                if lookup.is_done_with_socket() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl TcpExchange {
    fn open(server: SocketAddr, message: &[u8]) -> io::Result<Self> {
        let family = match server {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd: OwnedFd = socket(family, SockType::Stream, flags, None)?;
        match connect(fd.as_raw_fd(), &SockaddrStorage::from(server)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let mut output = length.to_be_bytes().to_vec();
        output.extend_from_slice(message);
        Ok(Self {
            stream: TcpStream::from(fd),
            output,
            sent: 0,
            input: Vec::new(),
        })
    }

    fn serve(&mut self, now: Instant, lookup: &mut Lookup) -> io::Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        while let Some(rest) = self.output.get(self.sent..)
            && !rest.is_empty()
        {
            match send(self.stream.as_raw_fd(), rest, MsgFlags::MSG_NOSIGNAL) {
                Ok(count) => self.sent += count,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let mut octets = [0; 4096];
        for _ in 0..BUDGET {
            match self.stream.read(&mut octets) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "it closed the connection before its answer",
                    ));
                }
                Ok(count) => self
                    .input
                    .extend_from_slice(octets.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            // At most 65535 octets are kept: a message is taken out as soon as it is whole.
            while let Some((length, rest)) = self.input.split_first_chunk::<2>()
                && let Some(message) = rest.get(..usize::from(u16::from_be_bytes(*length)))
            {
                lookup.receive(now, message);
                if lookup.is_done_with_socket() {
                    return Ok(());
                }
                let taken = 2 + message.len();
                self.input.drain(..taken);
            }
        }
        Ok(())
    }
}

/// Looks a name up and waits for the outcome, `patience` at the longest. For one-shot commands.
///
/// # Errors
/// As [`Resolver::start`], and those of the lookup.
pub fn resolve(name: &str, family: Family, settings: &Settings, patience: Duration) -> Outcome {
    let mut lp = Loop::new().map_err(ResolveError::Io)?;
    let mut waiting = Waiting(Resolver::new(0, settings.clone()));
    waiting.0.start(&mut lp, name, family)?;
    let deadline = Instant::now() + patience;
    loop {
        if let Some((_, outcome)) = waiting.0.poll_outcome() {
            return outcome;
        }
        if Instant::now() >= deadline {
            return Err(ResolveError::TimedOut(name.to_owned()));
        }
        lp.turn(&mut waiting, Some(deadline))
            .map_err(ResolveError::Io)?;
    }
}

/// The loop of [`resolve`] serves nothing else.
struct Waiting(Resolver);

impl Handler for Waiting {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.0.ready(lp, token, readiness);
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        self.0.timer(lp, token);
    }
}
