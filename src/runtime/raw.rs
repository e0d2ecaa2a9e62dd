//! Raw sockets: whole IP packets of this host, sent as its own stack would (ICMP messages about packets that
//! never passed the stack), and datagrams of protocols that the stack does not know.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto,
    socket,
};

use crate::message;

/// A way out for packets of either version. It receives nothing and does not block.
#[derive(Debug)]
pub struct RawSender {
    v4: OwnedFd,
    /// Missing on a host without IPv6.
    v6: Option<OwnedFd>,
}

impl RawSender {
    /// Opens the sockets.
    ///
    /// # Errors
    /// Not permitted: CAP_NET_RAW is needed.
    pub fn open() -> io::Result<Self> {
        // IPPROTO_RAW says that packets come with their header (raw(7)).
        let open = |family| {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            socket(family, SockType::Raw, flags, Some(SockProtocol::Raw))
        };
        let v4 = open(AddressFamily::Inet)?;
        let v6 = match open(AddressFamily::Inet6) {
            Ok(fd) => Some(fd),
            Err(Errno::EAFNOSUPPORT) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { v4, v6 })
    }

    /// Sends a packet to the destination in its header.
    ///
    /// # Errors
    /// It is none, there is no route, the source is not an address of this host (IPv4 does not mind),
    /// or there is no room.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        let flags = MsgFlags::MSG_NOSIGNAL;
        let field = |at: usize| packet.get(at..).unwrap_or_default();
        match (packet.first().map(|first| first >> 4), &self.v6) {
            (Some(4), _) => {
                let to = field(16).first_chunk::<4>().ok_or(Errno::EINVAL)?;
                let to = SocketAddrV4::new(Ipv4Addr::from(*to), 0);
                sendto(self.v4.as_raw_fd(), packet, &SockaddrIn::from(to), flags)?;
            }
            (Some(6), Some(socket)) => {
                let to = field(24).first_chunk::<16>().ok_or(Errno::EINVAL)?;
                let to = SocketAddrV6::new(Ipv6Addr::from(*to), 0, 0, 0);
                sendto(socket.as_raw_fd(), packet, &SockaddrIn6::from(to), flags)?;
            }
            (Some(6), None) => return Err(Errno::EAFNOSUPPORT.into()),
            _ => return Err(Errno::EINVAL.into()),
        }
        Ok(())
    }
}

/// IPv4 datagrams of one protocol, to and from anybody, non-blocking. The kernel makes their headers.
#[derive(Debug)]
pub struct RawSocket(OwnedFd);

impl RawSocket {
    /// Opens a socket for a protocol, not 0 and not 255. Datagrams that are too long for the way are cut into
    /// fragments.
    ///
    /// # Errors
    /// Not permitted: CAP_NET_RAW is needed; no such protocol.
    pub fn open(protocol: u8) -> io::Result<Self> {
        if matches!(protocol, 0 | 255) {
            return Err(Errno::EPROTONOSUPPORT.into());
        }
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket takes and returns plain integers.
        let fd = unsafe { libc::socket(libc::AF_INET, kind, protocol.into()) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket just returned this descriptor; nothing else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        may_fragment(&socket)?;
        Ok(Self(socket))
    }

    /// Receives a datagram: who sent it, and where in `buffer` its payload is. `None`: nothing there now.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(Ipv4Addr, Range<usize>)>> {
        let got = match message::receive(self.0.as_fd(), &mut [IoSliceMut::new(buffer)], None) {
            Ok(got) => got,
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::EAGAIN | libc::EINTR) => Ok(None),
                    _ => Err(error),
                };
            }
        };
        // The kernel looked at the header before.
        let octet = |at: usize| buffer.get(at).copied().unwrap_or_default();
        let from = Ipv4Addr::from([octet(12), octet(13), octet(14), octet(15)]);
        let header = usize::from(octet(0) & 0x0f) * 4;
        Ok(Some((from, header.min(got.len)..got.len)))
    }

    /// Sends a datagram with this payload.
    ///
    /// # Errors
    /// There is no way, no room, or it is too long.
    pub fn send(&self, to: Ipv4Addr, payload: &[u8]) -> io::Result<()> {
        let to = SockaddrIn::from(SocketAddrV4::new(to, 0));
        sendto(self.0.as_raw_fd(), payload, &to, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }
}

impl AsFd for RawSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Says that what a socket sends may be cut into fragments on its way.
///
/// # Errors
/// It is no socket of IPv4.
pub fn may_fragment(socket: &impl AsFd) -> io::Result<()> {
    message::set_option(
        socket.as_fd(),
        libc::SOL_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DONT,
    )
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    /// A UDP datagram without checksum to a port of the loopback.
    fn datagram(port: u16) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend([192, 0, 2, 77, 127, 0, 0, 1]);
        packet.extend([0, 7]);
        packet.extend(port.to_be_bytes());
        packet.extend([0, 12, 0, 0]);
        packet.extend(b"made");
        packet
    }

    #[test]
    fn a_packet_leaves_with_the_header_it_has() {
        let Ok(sender) = RawSender::open() else {
            eprintln!("skipped: needs CAP_NET_RAW");
            return;
        };
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = Some(Duration::from_secs(2));
        receiver.set_read_timeout(wait).unwrap();
        let port = receiver.local_addr().unwrap().port();
        let mut packet = datagram(port);
        // From the loopback, or the kernel would take it for a stranger's.
        packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
        sender.send(&packet).unwrap();
        let mut buffer = [0; 100];
        let (len, from) = receiver.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from.port()), (b"made".as_slice(), 7));
        for wrong in [&[][..], &[0x45; 10], &[0x60; 30], &[0x10; 40]] {
            assert!(sender.send(wrong).is_err());
        }
    }

    #[test]
    fn a_protocol_that_the_host_does_not_know() {
        let Ok(socket) = RawSocket::open(253) else {
            eprintln!("skipped: needs CAP_NET_RAW");
            return;
        };
        let mut buffer = [0; 3000];
        assert_eq!(socket.receive(&mut buffer).unwrap(), None);
        let payload: Vec<u8> = (0..2500_u32).map(|at| at as u8).collect();
        socket.send(Ipv4Addr::new(127, 0, 0, 9), &payload).unwrap();
        let (from, place) = socket.receive(&mut buffer).unwrap().unwrap();
        assert_eq!(from, Ipv4Addr::LOCALHOST);
        assert_eq!(buffer[place], payload);
        assert!(RawSocket::open(0).is_err() && RawSocket::open(255).is_err());
    }
}
