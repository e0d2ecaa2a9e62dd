//! Packet sockets: raw frames of a kernel device (`packet(7)`), such as the HDLC devices of serial cards.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::message;
use crate::netlink::{Link, Netlink, NetlinkError};

mod output;

pub use output::{MAX_BATCH, Output, Stopped, Taken};

const ALL_PROTOCOLS: u16 = libc::ETH_P_ALL as u16;
/// What an Ethernet frame has at least, octets.
const ETHERNET_HEADER: usize = 14;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

/// What frames a device carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Frame Relay (`ARPHRD_FRAD`, 770).
    FrameRelay,
    /// Cisco HDLC (`ARPHRD_CISCO`, 513).
    CiscoHdlc,
    /// HDLC frames of any protocol (`ARPHRD_RAWHDLC`, 518).
    RawHdlc,
    /// Ethernet: only a carrier of bits here. Frames of less than 14 octets are lengthened with zeroes.
    Ethernet,
    /// AX.25 behind an octet that says what it is, as in KISS (`ARPHRD_AX25`, 3).
    Ax25,
    /// The network layer of NET/ROM (`ARPHRD_NETROM`, 0).
    NetRom,
    /// Another `ARPHRD_` number.
    Other(u16),
}

impl FrameKind {
    fn of(kind: u16) -> Self {
        match kind {
            770 => Self::FrameRelay,
            513 => Self::CiscoHdlc,
            518 => Self::RawHdlc,
            1 => Self::Ethernet,
            3 => Self::Ax25,
            0 => Self::NetRom,
            other => Self::Other(other),
        }
    }
}

/// Why a packet socket could not be opened.
#[derive(Debug)]
pub enum PacketError {
    /// Asking for the interface failed, or there is none of that name.
    Interface(NetlinkError),
    /// A device whose frames are of no use here.
    Kind {
        /// The interface.
        name: String,
        /// Its hardware type.
        kind: u16,
        /// Those that are of use.
        expected: &'static str,
    },
    /// Anything else.
    System {
        /// The interface.
        name: String,
        /// What was asked.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(error) => write!(f, "{error}"),
            Self::Kind {
                name,
                kind,
                expected,
            } => write!(f, "{name}: hardware type {kind} carries no {expected} do"),
            Self::System { name, what, error } => write!(f, "{name}: {what}: {error}"),
        }
    }
}

impl std::error::Error for PacketError {}

impl From<NetlinkError> for PacketError {
    fn from(error: NetlinkError) -> Self {
        Self::Interface(error)
    }
}

/// What happened on a packet socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Frames not sent: the device is down, or too long for it.
    pub refused: u64,
    /// Frames received that did not fit the buffer.
    pub cut: u64,
}

/// A raw socket bound to one device, non-blocking.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
    name: String,
    index: u32,
    kind: FrameKind,
    stats: Stats,
}

impl PacketSocket {
    /// Opens a socket on the interface `name` of the calling thread's network namespace. Our own
    /// frames do not come back. On Ethernet the device hears everything (promiscuous).
    ///
    /// # Errors
    /// No such interface, one of another kind, or not permitted (CAP_NET_RAW).
    pub fn open(name: &str) -> Result<Self, PacketError> {
        use FrameKind::{CiscoHdlc, Ethernet, FrameRelay, RawHdlc};
        let kinds = [FrameRelay, CiscoHdlc, RawHdlc, Ethernet];
        let expected =
            "HDLC frames; Frame Relay (770), Cisco HDLC (513), raw HDLC (518) and Ethernet (1)";
        let socket = Self::open_kind(name, &kinds, expected)?;
        if socket.kind == Ethernet {
            socket.hear_everything()?;
        }
        Ok(socket)
    }

    /// The same for interfaces of packet radio.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_radio(name: &str) -> Result<Self, PacketError> {
        let kinds = [FrameKind::Ax25, FrameKind::NetRom];
        Self::open_kind(name, &kinds, "packet radio; AX.25 (3) and NET/ROM (0)")
    }

    /// The same for the frames of one type (`ETH_P_`) that an Ethernet carries beside others: those
    /// to this host and those to all.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_ethernet(name: &str, ethertype: u16) -> Result<Self, PacketError> {
        let expected = "Ethernet frames; those of type 1";
        Self::open_protocol(name, &[FrameKind::Ethernet], expected, ethertype)
    }

    fn open_kind(
        name: &str,
        kinds: &[FrameKind],
        expected: &'static str,
    ) -> Result<Self, PacketError> {
        Self::open_protocol(name, kinds, expected, ALL_PROTOCOLS)
    }

    fn open_protocol(
        name: &str,
        kinds: &[FrameKind],
        expected: &'static str,
        protocol: u16,
    ) -> Result<Self, PacketError> {
        let link = Netlink::open()?.link(name)?;
        let kind = FrameKind::of(link.kind);
        if !kinds.contains(&kind) {
            return Err(PacketError::Kind {
                name: name.to_owned(),
                kind: link.kind,
                expected,
            });
        }
        let fail = |what: &'static str| {
            move |error| PacketError::System {
                name: name.to_owned(),
                what,
                error,
            }
        };
        let flags = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // Protocol 0: nothing is received before the socket is bound to its device.
        // SAFETY: socket takes and returns plain integers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, flags, 0) };
        if fd < 0 {
            return Err(fail("opening a packet socket")(io::Error::last_os_error()));
        }
        // SAFETY: socket just returned this descriptor; nothing else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        message::set_option(socket.as_fd(), libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            .map_err(fail("leaving out our own frames (Linux 4.20 or later)"))?;
        bind(&socket, link.index, protocol).map_err(fail("binding a packet socket"))?;
        Ok(Self {
            socket,
            name: link.name,
            index: link.index,
            kind,
            stats: Stats::default(),
        })
    }

    /// Has the device hear what is for others, as long as this socket is open (promiscuous mode).
    ///
    /// # Errors
    /// The device is gone.
    pub fn hear_everything(&self) -> Result<(), PacketError> {
        promiscuous(&self.socket, self.index).map_err(|error| PacketError::System {
            name: self.name.clone(),
            what: "promiscuous mode",
            error,
        })
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device's number, as the [`crate::netlink::Monitor`]'s events have it.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The address of an Ethernet, as it is now.
    ///
    /// # Errors
    /// The device is gone, or has an address of another kind (`EINVAL`).
    pub fn ethernet_address(&self) -> io::Result<[u8; 6]> {
        // SAFETY: sockaddr_ll is plain data; all zeroes is a valid value.
        let mut own: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the pointer and the size describe the local address, which the kernel fills.
        let done = unsafe {
            libc::getsockname(
                self.socket.as_raw_fd(),
                (&raw mut own).cast(),
                &raw mut size,
            )
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        match own.sll_addr {
            [address @ .., _, _] if own.sll_halen == 6 => Ok(address),
            _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        }
    }

    /// What frames it carries.
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether the device has carrier now. Later changes come from a [`crate::netlink::Monitor`].
    ///
    /// # Errors
    /// The device is gone.
    pub fn carrier(&self) -> Result<bool, NetlinkError> {
        Ok(Link::is_running(&Netlink::open()?.link(&self.name)?))
    }

    /// Receives one frame. `None`: nothing there now, or the device is down.
    ///
    /// # Errors
    /// Only what no later call can mend: the device is gone (`ENXIO`, `ENODEV`).
    pub fn receive(&mut self, frame: &mut [u8]) -> io::Result<Option<usize>> {
        match message::receive(self.socket.as_fd(), &mut [IoSliceMut::new(frame)], None) {
            Ok(got) if got.flags & libc::MSG_TRUNC != 0 => {
                self.stats.cut += 1;
                Ok(None)
            }
            Ok(got) => {
                self.stats.received += 1;
                Ok(Some(got.len))
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR | libc::ENETDOWN) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Sends one frame made of pieces. `false`: the queue is full, the frame was not taken. A frame
    /// that the device does not take is dropped and counted.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn send(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<bool> {
        let octets: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.kind != FrameKind::Ethernet || octets >= ETHERNET_HEADER {
            return self.send_whole(pieces);
        }
        // The kernel lengthens it by itself only for those with CAP_SYS_RAWIO; others get EINVAL.
        let mut frame = [0; ETHERNET_HEADER];
        let filled = pieces.iter().flat_map(|piece| piece.iter());
        for (to, from) in frame.iter_mut().zip(filled) {
            *to = *from;
        }
        self.send_whole(&[IoSlice::new(&frame)])
    }

    fn send_whole(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<bool> {
        let mut sent = message::send(self.socket.as_fd(), pieces, None);
        if sent
            .as_ref()
            .is_err_and(|e| e.raw_os_error() == Some(libc::ENETDOWN))
        {
            // The socket also reports so, once, that the device was down before. The second answer is about now.
            sent = message::send(self.socket.as_fd(), pieces, None);
        }
        match sent {
            Ok(_) => {
                self.stats.sent += 1;
                Ok(true)
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR) => Ok(false),
                Some(libc::ENOBUFS | libc::ENETDOWN | libc::EMSGSIZE | libc::EINVAL) => {
                    self.stats.refused += 1;
                    Ok(true)
                }
                _ => Err(error),
            },
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn bind(socket: &OwnedFd, index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain data; all zeroes is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index as libc::c_int;
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer and the size describe the local address.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn promiscuous(socket: &OwnedFd, index: u32) -> io::Result<()> {
    // SAFETY: packet_mreq is plain data; all zeroes is a valid value.
    let mut request: libc::packet_mreq = unsafe { mem::zeroed() };
    request.mr_ifindex = index as libc::c_int;
    request.mr_type = libc::PACKET_MR_PROMISC as u16;
    let size = size_of::<libc::packet_mreq>() as libc::socklen_t;
    // SAFETY: the pointer and the size describe the local request.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size,
        )
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
