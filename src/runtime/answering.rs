//! UDP sockets of services that anybody may ask: an answer leaves from the address that was asked,
//! also where the socket listens on all of them and the host has many.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
};

/// A socket that does not block.
#[derive(Debug)]
pub struct Answering {
    socket: UdpSocket,
}

/// Who asked, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Octets in the buffer. A datagram that did not fit is not reported.
    pub len: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of ours that it was sent to.
    pub to: Option<IpAddr>,
}

impl Answering {
    /// Binds.
    ///
    /// # Errors
    /// The address is not one of this host, or the port is taken, or not permitted.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        if address.is_ipv4() {
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Self { socket })
    }

    /// The address bound, with the port that the kernel chose.
    ///
    /// # Errors
    /// None is to be expected.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes the next datagram; `None`: nothing there now. Those that the buffer is too short for,
    /// and ICMP's answers to earlier ones, are passed over.
    ///
    /// # Errors
    /// None is to be expected.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Asked>> {
        /// Datagrams and errors passed over in one call.
        const PASSED: usize = 16;
        for _ in 0..PASSED {
            let mut slices = [IoSliceMut::new(buffer)];
            let mut space = cmsg_space!(libc::in6_pktinfo);
            let got = recvmsg::<SockaddrStorage>(
                self.socket.as_raw_fd(),
                &mut slices,
                Some(&mut space),
                MsgFlags::MSG_DONTWAIT,
            );
            let got = match got {
                Ok(got) => got,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(
                    Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH,
                ) => continue,
                Err(error) => return Err(error.into()),
            };
            if got.flags.contains(MsgFlags::MSG_TRUNC) {
                continue;
            }
            let Some(from) = got.address.as_ref().and_then(socket_address) else {
                continue;
            };
            let to = got.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let octets = info.ipi_addr.s_addr.to_ne_bytes();
                    Some(IpAddr::V4(Ipv4Addr::from(octets)))
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)))
                }
                _ => None,
            });
            return Ok(Some(Asked {
                len: got.bytes,
                from,
                to,
            }));
        }
        Ok(None)
    }

    /// Sends a datagram, from that address of ours if one is given.
    ///
    /// # Errors
    /// Those of sendmsg(2): `WouldBlock` when the socket's queue is full.
    pub fn answer(&self, octets: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        let slices = [IoSlice::new(octets)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let address = SockaddrStorage::from(to);
        let fd = self.socket.as_raw_fd();
        match from {
            Some(IpAddr::V4(from)) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(from.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let messages = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmsg(fd, &slices, &messages, flags, Some(&address))?;
            }
            Some(IpAddr::V6(from)) => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: from.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                let messages = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmsg(fd, &slices, &messages, flags, Some(&address))?;
            }
            None => {
                sendmsg(fd, &slices, &[], flags, Some(&address))?;
            }
        }
        Ok(())
    }
}

impl AsFd for Answering {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddr::V6(std::net::SocketAddrV6::new(
        v6.ip(),
        v6.port(),
        v6.flowinfo(),
        v6.scope_id(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_from_the_address_that_was_asked() {
        for (all, asked) in [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1")] {
            let server = Answering::bind(all.parse().unwrap()).unwrap();
            let port = server.local_addr().unwrap().port();
            let address = SocketAddr::new(asked.parse().unwrap(), port);
            let bound: SocketAddr = if address.is_ipv4() {
                "127.0.0.1:0".parse().unwrap()
            } else {
                "[::1]:0".parse().unwrap()
            };
            let client = UdpSocket::bind(bound).unwrap();
            client.connect(address).unwrap();
            client.send(&[1; 100]).unwrap();
            client.send(b"hello").unwrap();
            let mut buffer = [0; 64];
            // What does not fit is passed over.
            let got = server.receive(&mut buffer).unwrap().unwrap();
            assert_eq!(&buffer[..got.len], b"hello");
            assert_eq!(got.from, client.local_addr().unwrap());
            assert_eq!(got.to, Some(address.ip()));
            assert_eq!(server.receive(&mut buffer).unwrap(), None);
            // A connected client hears only that address.
            server.answer(b"yes", got.from, got.to).unwrap();
            assert_eq!(client.recv(&mut buffer).unwrap(), 3);
            drop(client);
            server.answer(b"nobody", got.from, None).unwrap();
            assert_eq!(server.receive(&mut buffer).unwrap(), None);
        }
    }
}
