//! IP packets out of one device, whatever its kind: the kernel puts the device's own header before
//! them, if it has one, and they wait in the device's queue like those of the host.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::message;

/// Most packets that one call hands over.
pub const MAX_BATCH: usize = 64;

/// What became of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// So many of them, from the first on, are the device's now.
    pub count: usize,
    /// Why the one behind them is not; `None` when there is no further.
    pub stopped: Option<Stopped>,
}

/// Why a device did not take a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// What this socket may have under way is: it becomes writable when the device has sent some.
    Full,
    /// The device's queue is full. Nothing tells when there is room again.
    NoRoom,
    /// The device is down.
    Down,
    /// There is no such device any more.
    Gone,
    /// This packet will not be taken: too long, not IP, refused by a filter. The error number.
    Refused(i32),
}

/// A socket for sending IP packets through one device, non-blocking. It receives nothing.
#[derive(Debug)]
pub struct Output {
    socket: OwnedFd,
    index: u32,
}

impl Output {
    /// Opens a socket for the device of this number in the calling thread's network namespace.
    ///
    /// # Errors
    /// Not permitted (CAP_NET_RAW), no packet sockets in this kernel, too many open files.
    pub fn open(index: u32) -> io::Result<Self> {
        let flags = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // Protocol 0: nothing is received.
        // SAFETY: socket takes and returns plain integers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, flags, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket just returned this descriptor; nothing else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { socket, index })
    }

    /// The device's number.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Hands packets, at most [`MAX_BATCH`], to the device: to the host with the hardware address
    /// `to` on an Ethernet; devices without addresses need none. A packet that is neither IPv4 nor
    /// IPv6 is refused with `EPROTONOSUPPORT`.
    pub fn send<'p>(&self, packets: impl Iterator<Item = &'p [u8]>, to: Option<[u8; 6]>) -> Taken {
        // SAFETY: these are plain data; all zeroes is the empty value of each.
        let mut addresses: [libc::sockaddr_ll; 2] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; MAX_BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut pieces: [libc::iovec; MAX_BATCH] = unsafe { mem::zeroed() };
        for (address, protocol) in addresses.iter_mut().zip([libc::ETH_P_IP, libc::ETH_P_IPV6]) {
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = (protocol as u16).to_be();
            address.sll_ifindex = self.index as libc::c_int;
            if let Some(to) = to {
                address.sll_halen = to.len() as u8;
                for (octet, from) in address.sll_addr.iter_mut().zip(to) {
                    *octet = from;
                }
            }
        }
        let [ipv4, ipv6] = &mut addresses;
        let mut count = 0;
        let mut stranger = false;
        for ((packet, header), piece) in packets.zip(&mut headers).zip(&mut pieces) {
            let address: *mut libc::sockaddr_ll = match packet.first().map(|octet| octet >> 4) {
                Some(4) => ipv4,
                Some(6) => ipv6,
                _ => {
                    stranger = true;
                    break;
                }
            };
            piece.iov_base = packet.as_ptr().cast_mut().cast();
            piece.iov_len = packet.len();
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = address.cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            count += 1;
        }
        let mut done = 0;
        while let Some(rest) = headers.get_mut(done..count).filter(|rest| !rest.is_empty()) {
            // SAFETY: the headers point at addresses and pieces in this frame and at packets that
            // `'p` keeps until the call returns.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as _,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            };
            match message::length(sent as isize) {
                // A part of them: the next call says why.
                Ok(sent) => done += sent,
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => {
                    return Taken {
                        count: done,
                        stopped: Some(why(&error)),
                    };
                }
            }
        }
        Taken {
            count: done,
            stopped: stranger.then_some(Stopped::Refused(libc::EPROTONOSUPPORT)),
        }
    }
}

fn why(error: &io::Error) -> Stopped {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Stopped::Full,
        Some(libc::ENOBUFS) => Stopped::NoRoom,
        Some(libc::ENETDOWN) => Stopped::Down,
        Some(libc::ENXIO | libc::ENODEV) => Stopped::Gone,
        other => Stopped::Refused(other.unwrap_or(libc::EIO)),
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
