//! Batched UDP to one peer ([`BatchSocket`]) or to many ([`ManySocket`]), with segmentation (`UDP_SEGMENT`) and receive offload (`UDP_GRO`).
//!
//! The gain is in the kernel's path per socket buffer, not in the system calls:
//! one super-datagram of up to 64 equal datagrams passes the stack once. Where the
//! way out cannot segment, the same batch goes through `sendmmsg`.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::message;

mod many;

pub use many::{ManyConfig, ManySocket, ReceivedFrom};

/// Most datagrams the kernel takes or gives in one.
const MAX_SEGMENTS: usize = 64;
/// Most octets of one super-datagram: what fits IPv4 with some room for options.
const MAX_OCTETS: usize = 65_000;
/// Errors of earlier datagrams taken from the socket before one call gives up for this turn.
const ERRORS_A_CALL: usize = 8;

/// How to open a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer; datagrams from anybody else never arrive.
    pub remote: SocketAddr,
    /// Wanted receive buffer, octets; the kernel's default when `None`.
    pub receive_buffer: Option<usize>,
    /// Wanted send buffer, octets; the kernel's default when `None`.
    pub send_buffer: Option<usize>,
    /// Use segmentation and receive offload where the kernel has them.
    pub offload: bool,
}

impl Config {
    /// A socket with offload and the kernel's buffer sizes.
    pub fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            receive_buffer: None,
            send_buffer: None,
            offload: true,
        }
    }
}

/// Why a socket could not be opened.
#[derive(Debug)]
pub struct OpenError {
    what: String,
    error: io::Error,
}

impl OpenError {
    /// What the kernel said.
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

impl std::error::Error for OpenError {}

/// What happened on a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams handed to the kernel.
    pub sent: u64,
    /// Datagrams received.
    pub received: u64,
    /// ICMP errors the kernel reported: the peer's port is closed or the peer cannot be reached.
    pub unreachable: u64,
    /// Datagrams dropped because they are longer than the way allows.
    pub too_long: u64,
    /// Datagrams dropped because the kernel had no room or no permission for them.
    pub refused: u64,
    /// Datagrams received that did not fit the buffer.
    pub cut: u64,
    /// Super-datagrams sent.
    pub segmented_sends: u64,
    /// Super-datagrams received.
    pub merged_receives: u64,
}

/// One or more datagrams in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Octets in all.
    pub len: usize,
    /// Octets of each datagram but the last, which may be shorter.
    pub segment: usize,
}

impl Received {
    /// The datagrams, in order. An empty datagram counts as one.
    pub fn datagrams<'b>(&self, buffer: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let octets = buffer.get(..self.len).unwrap_or_default();
        let empty = octets.is_empty().then_some(octets);
        octets.chunks(self.segment.max(1)).chain(empty)
    }
}

/// A socket connected to one peer, non-blocking.
#[derive(Debug)]
pub struct BatchSocket {
    socket: UdpSocket,
    /// Datagrams longer than this go one by one: zero when the way out cannot segment,
    /// and lowered when the kernel refuses a size (longer than the path's MTU).
    segment_limit: usize,
    gro: bool,
    stats: Stats,
}

impl BatchSocket {
    /// A receive buffer that holds whatever one call returns.
    pub const MAX_RECEIVE: usize = 65_535;

    /// Opens, binds and connects.
    ///
    /// # Errors
    /// Which step failed and why: different address families, address not here, port in use, no route.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let fail = |what: String| move |error| OpenError { what, error };
        let (local, remote) = (config.local, config.remote);
        if local.is_ipv4() != remote.is_ipv4() {
            return Err(OpenError {
                what: format!("udp {local} to {remote}"),
                error: io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "one address is IPv4, the other IPv6",
                ),
            });
        }
        let socket = UdpSocket::bind(local).map_err(fail(format!("udp: binding {local}")))?;
        socket
            .connect(remote)
            .map_err(fail(format!("udp: connecting {local} to {remote}")))?;
        socket
            .set_nonblocking(true)
            .map_err(fail(format!("udp {local}: non-blocking mode")))?;
        let fd = socket.as_fd();
        for (size, name, what) in [
            (config.receive_buffer, libc::SO_RCVBUF, "receive buffer"),
            (config.send_buffer, libc::SO_SNDBUF, "send buffer"),
        ] {
            if let Some(size) = size {
                let size = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
                message::set_option(fd, libc::SOL_SOCKET, name, size)
                    .map_err(fail(format!("udp {local}: {what} of {size} octets")))?;
            }
        }
        // Linux before 5.0 has no UDP_GRO, before 4.18 no UDP_SEGMENT: then datagrams come and go one by one.
        let gro =
            config.offload && message::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        let gso =
            config.offload && message::set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            segment_limit: if gso { MAX_OCTETS } else { 0 },
            gro,
            socket,
            stats: Stats::default(),
        })
    }

    /// The address bound, with the port the kernel chose.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The longest datagram that still goes out segmented by the kernel, octets; zero: none.
    pub fn segment_limit(&self) -> usize {
        self.segment_limit
    }

    /// Sends datagrams of two pieces each (headers and payload; either may be empty), in order.
    /// Runs of equal size, closed by a shorter one, go out as super-datagrams. Returns how many
    /// were taken, sent or counted as lost; fewer than given: the send buffer is full.
    ///
    /// # Errors
    /// Only what no later call can mend, such as a closed descriptor.
    pub fn send(&mut self, datagrams: &[[IoSlice<'_>; 2]]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = datagrams.get(done..).filter(|rest| !rest.is_empty()) {
            let (count, size) = self.run_length(rest);
            let run = rest.get(..count).unwrap_or(rest);
            let taken = if count > 1 {
                match self.send_segmented(run, size)? {
                    Some(taken) => taken,
                    None => self.send_one_by_one(run)?,
                }
            } else {
                self.send_one_by_one(run)?
            };
            done += taken;
            if taken < count {
                break;
            }
        }
        Ok(done)
    }

    /// Sends octets as datagrams of `size` each, the last one shorter where they do not divide.
    /// Returns the octets taken.
    ///
    /// # Errors
    /// As [`Self::send`]; a zero `size` is invalid input.
    pub fn send_segments(&mut self, octets: &[u8], size: usize) -> io::Result<usize> {
        if size == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "segment size 0",
            ));
        }
        let mut done = 0;
        while let Some(rest) = octets.get(done..).filter(|rest| !rest.is_empty()) {
            let mut batch = [[IoSlice::new(&[]); 2]; MAX_SEGMENTS];
            let mut count = 0;
            for (slot, chunk) in batch.iter_mut().zip(rest.chunks(size)) {
                slot[1] = IoSlice::new(chunk);
                count += 1;
            }
            let taken = self.send(batch.get(..count).unwrap_or(&batch))?;
            done += (taken * size).min(rest.len());
            if taken < count {
                break;
            }
        }
        Ok(done)
    }

    /// How many of these may leave together, and the size of each but the last. Where
    /// segmentation is off: up to a whole batch of whatever size.
    fn run_length(&self, datagrams: &[[IoSlice<'_>; 2]]) -> (usize, usize) {
        let size = datagrams.first().map_or(0, octets_of);
        if size == 0 || size > self.segment_limit {
            let singles = datagrams
                .iter()
                .take(MAX_SEGMENTS)
                .take_while(|d| !(1..=self.segment_limit).contains(&octets_of(d)))
                .count();
            return (singles.max(1), 0);
        }
        let most = (MAX_OCTETS / size).clamp(1, MAX_SEGMENTS);
        let mut count = 0;
        for datagram in datagrams.iter().take(most) {
            let octets = octets_of(datagram);
            if octets == 0 || octets > size {
                break;
            }
            count += 1;
            if octets < size {
                break;
            }
        }
        (count.max(1), size)
    }

    /// One super-datagram. `None`: the kernel cannot, send them singly.
    fn send_segmented(
        &mut self,
        run: &[[IoSlice<'_>; 2]],
        size: usize,
    ) -> io::Result<Option<usize>> {
        if size == 0 {
            return Ok(None);
        }
        for _ in 0..ERRORS_A_CALL {
            let control = Some((libc::SOL_UDP, libc::UDP_SEGMENT, size as u16));
            match message::send(self.socket.as_fd(), run.as_flattened(), control) {
                Ok(_) => {
                    self.stats.sent += run.len() as u64;
                    self.stats.segmented_sends += 1;
                    return Ok(Some(run.len()));
                }
                Err(error) => match error.raw_os_error() {
                    // The device on the way out has no checksum offload.
                    Some(libc::EIO) => {
                        self.segment_limit = 0;
                        return Ok(None);
                    }
                    // The segments are longer than the path's MTU: singly they may be fragmented.
                    Some(libc::EINVAL | libc::EMSGSIZE) => {
                        self.segment_limit = self.segment_limit.min(size - 1);
                        return Ok(None);
                    }
                    _ => match judge(&mut self.stats, error, run.len())? {
                        Verdict::Again => {}
                        Verdict::Full => return Ok(Some(0)),
                        Verdict::Lost => return Ok(Some(run.len())),
                    },
                },
            }
        }
        Ok(Some(0))
    }

    /// The batch through `sendmmsg`.
    fn send_one_by_one(&mut self, run: &[[IoSlice<'_>; 2]]) -> io::Result<usize> {
        // SAFETY: mmsghdr is plain data; all zeroes is its empty value.
        let mut headers: [libc::mmsghdr; MAX_SEGMENTS] = unsafe { mem::zeroed() };
        let count = run.len().min(MAX_SEGMENTS);
        for (header, datagram) in headers.iter_mut().zip(run) {
            message::set_slices(&mut header.msg_hdr, datagram);
        }
        let mut done = 0;
        let mut errors = 0;
        while let Some(rest) = headers.get_mut(done..count).filter(|rest| !rest.is_empty()) {
            // SAFETY: the headers point at scatter lists borrowed by `run` until the call returns.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as _,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            };
            match message::length(sent as isize) {
                Ok(sent) => {
                    done += sent;
                    self.stats.sent += sent as u64;
                }
                Err(error) => match judge(&mut self.stats, error, 1)? {
                    Verdict::Again if errors < ERRORS_A_CALL => errors += 1,
                    Verdict::Again | Verdict::Full => break,
                    Verdict::Lost => done += 1,
                },
            }
        }
        Ok(done)
    }

    /// Receives one datagram or a super-datagram into `buffer`, best of [`Self::MAX_RECEIVE`] octets.
    /// `None`: nothing there now. What does not fit is dropped and counted.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        for _ in 0..ERRORS_A_CALL {
            let wanted = self.gro.then_some((libc::SOL_UDP, libc::UDP_GRO));
            let mut slices = [IoSliceMut::new(buffer)];
            match message::receive(self.socket.as_fd(), &mut slices, wanted) {
                Ok(got) if got.flags & libc::MSG_TRUNC != 0 => self.stats.cut += 1,
                Ok(got) => {
                    let segment = got.control.map_or(got.len, |size| size as usize);
                    let segment = segment.clamp(1, got.len.max(1));
                    let count = got.len.div_ceil(segment).max(1);
                    self.stats.received += count as u64;
                    self.stats.merged_receives += u64::from(count > 1);
                    return Ok(Some(Received {
                        len: got.len,
                        segment,
                    }));
                }
                Err(error) => match judge(&mut self.stats, error, 0)? {
                    Verdict::Full => return Ok(None),
                    Verdict::Again | Verdict::Lost => {}
                },
            }
        }
        Ok(None)
    }
}

/// What an error of a send or receive means for `datagrams` that were about to leave.
fn judge(stats: &mut Stats, error: io::Error, datagrams: usize) -> io::Result<Verdict> {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Ok(Verdict::Full),
        Some(libc::EINTR) => Ok(Verdict::Again),
        // An ICMP answer to an earlier datagram; this one was not looked at yet.
        Some(libc::ECONNREFUSED | libc::EPROTO | libc::ENOPROTOOPT) => {
            stats.unreachable += 1;
            Ok(Verdict::Again)
        }
        // No way there: an ICMP answer, or our own routes while an interface is down.
        Some(
            libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENETDOWN
            | libc::EADDRNOTAVAIL
            | libc::ENONET,
        ) => {
            stats.unreachable += datagrams.max(1) as u64;
            Ok(Verdict::Lost)
        }
        Some(libc::EMSGSIZE) => {
            stats.too_long += datagrams as u64;
            Ok(Verdict::Lost)
        }
        Some(libc::ENOBUFS | libc::ENOMEM | libc::EPERM | libc::EACCES | libc::EINVAL) => {
            stats.refused += datagrams as u64;
            Ok(Verdict::Lost)
        }
        _ => Err(error),
    }
}

enum Verdict {
    Again,
    Full,
    Lost,
}

fn octets_of(datagram: &[IoSlice<'_>; 2]) -> usize {
    datagram[0].len() + datagram[1].len()
}

impl AsFd for BatchSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests;
