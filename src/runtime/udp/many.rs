//! Batched UDP to and from many peers over one socket, with segmentation and receive offload.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket,
    sockopt::Ipv6V6Only,
};

use super::{ERRORS_A_CALL, MAX_OCTETS, MAX_SEGMENTS, OpenError, Received, Stats, Verdict, judge};
use crate::message::{self, Control};

/// Peers of which something is remembered; beyond, it is found out again.
const MAX_KNOWN: usize = 16_384;

/// How to open a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManyConfig {
    /// Our address and port.
    pub local: SocketAddr,
    /// Wanted receive buffer, octets; the kernel's default when `None`. Beyond what the kernel allows
    /// anybody, it needs CAP_NET_ADMIN.
    pub receive_buffer: Option<usize>,
    /// Wanted send buffer, octets; the kernel's default when `None`.
    pub send_buffer: Option<usize>,
    /// Use segmentation and receive offload where the kernel has them.
    pub offload: bool,
}

/// One or more datagrams of one peer in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedFrom {
    /// Where they are.
    pub received: Received,
    /// Who sent them.
    pub from: SocketAddr,
}

/// A socket that is not connected, non-blocking. What goes to a peer leaves from the address that the
/// peer last sent to, also where the socket is bound to all of them.
#[derive(Debug)]
pub struct ManySocket {
    socket: UdpSocket,
    gso: bool,
    gro: bool,
    /// The longest datagrams that go to a peer segmented by the kernel, where longer ones could not.
    limits: HashMap<SocketAddr, usize>,
    /// The addresses of ours that peers sent to; `None` when there is but one.
    ours: Option<HashMap<SocketAddr, IpAddr>>,
    stats: Stats,
}

impl ManySocket {
    /// A receive buffer that holds whatever one call returns.
    pub const MAX_RECEIVE: usize = 65_535;

    /// Opens and binds. A socket of IPv6 takes nothing of IPv4.
    ///
    /// # Errors
    /// Which step failed and why: address not here, port in use, not permitted.
    pub fn open(config: &ManyConfig) -> Result<Self, OpenError> {
        Self::new(config, config.local.ip().is_unspecified())
    }

    /// The same for a socket that asks and does not answer: where it is bound to all addresses, the
    /// kernel chooses the one that each datagram leaves from.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_asking(config: &ManyConfig) -> Result<Self, OpenError> {
        Self::new(config, false)
    }

    fn new(config: &ManyConfig, remembers: bool) -> Result<Self, OpenError> {
        let local = config.local;
        let fail = |what: &'static str| {
            move |error: io::Error| OpenError {
                what: format!("udp {local}: {what}"),
                error,
            }
        };
        let socket = bound(local).map_err(fail("binding"))?;
        let fd = socket.as_fd();
        for (size, name, force, what) in [
            (
                config.receive_buffer,
                libc::SO_RCVBUF,
                libc::SO_RCVBUFFORCE,
                "receive buffer",
            ),
            (
                config.send_buffer,
                libc::SO_SNDBUF,
                libc::SO_SNDBUFFORCE,
                "send buffer",
            ),
        ] {
            if let Some(size) = size {
                let size = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
                let set = |name| message::set_option(fd, libc::SOL_SOCKET, name, size);
                set(force).or_else(|_| set(name)).map_err(fail(what))?;
            }
        }
        let ours = if remembers {
            let (level, name) = match local {
                SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
                SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
            };
            message::set_option(fd, level, name, 1).map_err(fail("asking for addresses"))?;
            Some(HashMap::new())
        } else {
            None
        };
        // Linux before 5.0 has no UDP_GRO, before 4.18 no UDP_SEGMENT: then datagrams come and go one by one.
        let gro =
            config.offload && message::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        let gso =
            config.offload && message::set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            socket,
            gso,
            gro,
            limits: HashMap::new(),
            ours,
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

    /// Datagrams that the kernel dropped because too many waited to be received, or that were
    /// damaged; 0 where it does not tell (Linux before 4.12).
    #[must_use]
    pub fn overflows(&self) -> u64 {
        /// SK_MEMINFO_DROPS of linux/sock_diag.h.
        const DROPS: usize = 8;
        let mut values = [0_u32; DROPS + 1];
        let mut length = size_of_val(&values) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` octets to `values`, which is borrowed
        // exclusively.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                values.as_mut_ptr().cast(),
                &mut length,
            )
        };
        if result == 0 { values[DROPS].into() } else { 0 }
    }

    /// Sends datagrams to a peer, in order. Runs of equal size, closed by a shorter one, go out as
    /// super-datagrams. Returns how many were taken, sent or counted as lost; fewer than given: the
    /// send buffer is full.
    ///
    /// # Errors
    /// Only what no later call can mend, such as a closed descriptor.
    pub fn send(&mut self, to: SocketAddr, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
        let name = Name::of(to);
        let ours = self.ours.as_ref().and_then(|ours| ours.get(&to)).copied();
        let mut done = 0;
        while let Some(rest) = datagrams.get(done..).filter(|rest| !rest.is_empty()) {
            let count = self.run_length(to, rest);
            let run = rest.get(..count).unwrap_or(rest);
            if !self.send_run(to, &name, ours, run)? {
                break;
            }
            done += count;
        }
        Ok(done)
    }

    /// How many of these may leave together.
    fn run_length(&self, to: SocketAddr, datagrams: &[IoSlice<'_>]) -> usize {
        let size = datagrams.first().map_or(0, |first| first.len());
        let second = datagrams.get(1).map_or(usize::MAX, |second| second.len());
        if !self.gso || size == 0 || second > size {
            return 1;
        }
        if self.limits.get(&to).is_some_and(|limit| size > *limit) {
            return 1;
        }
        let most = (MAX_OCTETS / size).clamp(1, MAX_SEGMENTS);
        let mut count = 0;
        for datagram in datagrams.iter().take(most) {
            if datagram.is_empty() || datagram.len() > size {
                break;
            }
            count += 1;
            if datagram.len() < size {
                break;
            }
        }
        count.max(1)
    }

    /// Sends a run as one, or singly where the kernel cannot; `false`: the buffer is full.
    fn send_run(
        &mut self,
        to: SocketAddr,
        name: &Name,
        ours: Option<IpAddr>,
        run: &[IoSlice<'_>],
    ) -> io::Result<bool> {
        let segment = match run {
            [first, _, ..] => Some(first.len() as u16),
            _ => None,
        };
        for _ in 0..ERRORS_A_CALL {
            let error = match send_message(self.socket.as_fd(), name, ours, segment, run) {
                Ok(_) => {
                    self.stats.sent += run.len() as u64;
                    self.stats.segmented_sends += u64::from(segment.is_some());
                    return Ok(true);
                }
                Err(error) => error,
            };
            // No checksum offload on the way out, or segments longer than the path's MTU.
            let limit = match (segment, error.raw_os_error()) {
                (Some(_), Some(libc::EIO)) => Some(0),
                (Some(size), Some(libc::EINVAL | libc::EMSGSIZE)) => Some(usize::from(size) - 1),
                _ => None,
            };
            if let Some(limit) = limit {
                self.limit(to, limit);
                for one in run.chunks(1) {
                    if !self.send_run(to, name, ours, one)? {
                        // The rest of the run counts as taken: it was a part of one send.
                        self.stats.refused += 1;
                    }
                }
                return Ok(true);
            }
            match judge(&mut self.stats, error, run.len())? {
                Verdict::Again => {}
                Verdict::Full => return Ok(false),
                Verdict::Lost => return Ok(true),
            }
        }
        Ok(false)
    }

    fn limit(&mut self, to: SocketAddr, limit: usize) {
        if self.limits.len() >= MAX_KNOWN {
            self.limits.clear();
        }
        self.limits.insert(to, limit);
    }

    /// Receives a datagram or a super-datagram of one peer into `buffer`, best of
    /// [`Self::MAX_RECEIVE`] octets. `None`: nothing there now. What does not fit is dropped and
    /// counted.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<ReceivedFrom>> {
        for _ in 0..ERRORS_A_CALL {
            let mut name = Name::empty();
            let mut control = Control([0; 64]);
            let mut slices = [IoSliceMut::new(buffer)];
            let mut header = message::empty_header();
            header.msg_name = (&raw mut name.octets).cast();
            header.msg_namelen = Name::LEN as libc::socklen_t;
            header.msg_iov = slices.as_mut_ptr().cast();
            header.msg_iovlen = slices.len() as _;
            if self.gro || self.ours.is_some() {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = control.0.len() as _;
            }
            // SAFETY: the header points at buffers exclusively borrowed until the call returns.
            let got =
                unsafe { libc::recvmsg(self.socket.as_raw_fd(), &mut header, libc::MSG_DONTWAIT) };
            let len = match message::length(got) {
                Ok(_) if header.msg_flags & libc::MSG_TRUNC != 0 => {
                    self.stats.cut += 1;
                    continue;
                }
                Ok(len) => len,
                Err(error) => match judge(&mut self.stats, error, 0)? {
                    Verdict::Full => return Ok(None),
                    Verdict::Again | Verdict::Lost => continue,
                },
            };
            let Some(from) = name.address() else {
                continue;
            };
            let segment = message::find_control(&header, libc::SOL_UDP, libc::UDP_GRO);
            let segment = segment.map_or(len, |size| size as usize);
            let segment = segment.clamp(1, len.max(1));
            let count = len.div_ceil(segment).max(1);
            self.stats.received += count as u64;
            self.stats.merged_receives += u64::from(count > 1);
            if let Some(ours) = &mut self.ours
                && let Some(to) = asked(&header)
                && ours.get(&from) != Some(&to)
            {
                if ours.len() >= MAX_KNOWN {
                    ours.clear();
                }
                ours.insert(from, to);
            }
            return Ok(Some(ReceivedFrom {
                received: Received { len, segment },
                from,
            }));
        }
        Ok(None)
    }
}

impl AsFd for ManySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A bound socket that does not block.
fn bound(local: SocketAddr) -> io::Result<UdpSocket> {
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket: OwnedFd = socket(family, SockType::Datagram, flags, None)?;
    if local.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(local))?;
    Ok(UdpSocket::from(socket))
}

/// An address as the kernel has it, of either version.
#[repr(C, align(8))]
struct Name {
    octets: [u8; Self::LEN],
    len: usize,
}

impl Name {
    /// The octets of `sockaddr_in6`, the longer one.
    const LEN: usize = size_of::<libc::sockaddr_in6>();

    fn empty() -> Self {
        Self {
            octets: [0; Self::LEN],
            len: 0,
        }
    }

    fn of(address: SocketAddr) -> Self {
        let mut name = Self::empty();
        let mut put = |at: usize, octets: &[u8]| {
            if let Some(place) = name.octets.get_mut(at..at + octets.len()) {
                place.copy_from_slice(octets);
            }
        };
        put(2, &address.port().to_be_bytes());
        match address {
            SocketAddr::V4(address) => {
                put(0, &(libc::AF_INET as u16).to_ne_bytes());
                put(4, &address.ip().octets());
                name.len = size_of::<libc::sockaddr_in>();
            }
            SocketAddr::V6(address) => {
                put(0, &(libc::AF_INET6 as u16).to_ne_bytes());
                put(4, &address.flowinfo().to_be_bytes());
                put(8, &address.ip().octets());
                put(24, &address.scope_id().to_ne_bytes());
                name.len = Self::LEN;
            }
        }
        name
    }

    /// What the kernel wrote.
    fn address(&self) -> Option<SocketAddr> {
        let field = |at: usize| self.octets.get(at..).unwrap_or_default();
        let family = u16::from_ne_bytes(*field(0).first_chunk()?);
        let port = u16::from_be_bytes(*field(2).first_chunk()?);
        match libc::c_int::from(family) {
            libc::AF_INET => {
                let address = Ipv4Addr::from(*field(4).first_chunk::<4>()?);
                Some(SocketAddrV4::new(address, port).into())
            }
            libc::AF_INET6 => {
                let address = Ipv6Addr::from(*field(8).first_chunk::<16>()?);
                let scope = u32::from_ne_bytes(*field(24).first_chunk()?);
                Some(SocketAddrV6::new(address, port, 0, scope).into())
            }
            _ => None,
        }
    }
}

/// The address of ours that a datagram was sent to.
fn asked(header: &libc::msghdr) -> Option<IpAddr> {
    let v4 = (libc::IPPROTO_IP, libc::IP_PKTINFO);
    let v6 = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
    if let Some(octets) =
        message::find_control_octets::<{ size_of::<libc::in_pktinfo>() }>(header, v4.0, v4.1)
    {
        let at = mem::offset_of!(libc::in_pktinfo, ipi_spec_dst);
        let address: [u8; 4] = *octets.get(at..)?.first_chunk()?;
        return Some(Ipv4Addr::from(address).into());
    }
    let octets =
        message::find_control_octets::<{ size_of::<libc::in6_pktinfo>() }>(header, v6.0, v6.1)?;
    Some(Ipv6Addr::from(*octets.first_chunk::<16>()?).into())
}

/// Sends datagrams as one message, each but the last of `segment` octets.
fn send_message(
    fd: BorrowedFd<'_>,
    name: &Name,
    ours: Option<IpAddr>,
    segment: Option<u16>,
    datagrams: &[IoSlice<'_>],
) -> io::Result<usize> {
    let mut header = message::empty_header();
    header.msg_name = (&raw const name.octets).cast_mut().cast();
    header.msg_namelen = name.len as libc::socklen_t;
    message::set_slices(&mut header, datagrams);
    let mut control = message::ControlWriter::new();
    if let Some(segment) = segment {
        control.push(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
    }
    match ours {
        Some(IpAddr::V4(ours)) => {
            // in_pktinfo: interface (any), the address to send from, the destination (not used).
            let mut info = [0; size_of::<libc::in_pktinfo>()];
            let at = mem::offset_of!(libc::in_pktinfo, ipi_spec_dst);
            if let Some(place) = info.get_mut(at..at + 4) {
                place.copy_from_slice(&ours.octets());
            }
            control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        Some(IpAddr::V6(ours)) => {
            // in6_pktinfo: the address to send from, interface (any).
            let mut info = [0; size_of::<libc::in6_pktinfo>()];
            if let Some(place) = info.first_chunk_mut::<16>() {
                *place = ours.octets();
            }
            control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        None => {}
    }
    control.attach(&mut header);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the header points at a name, slices and control data that live until the call returns.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &header, flags) };
    message::length(sent)
}

#[cfg(test)]
mod tests;
