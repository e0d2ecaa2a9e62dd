//! Sending whole IP packets of this host, as its own stack would: ICMP messages about packets that
//! never passed the stack.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto,
    socket,
};

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
}
