//! Datagrams of the host's network that carry ours: `attach ipip` and `axip`, as the payload of a protocol of
//! IP or of UDP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use wanbox_net_commands::Outer;
use wanbox_net_engine::axip::Place;
use wanbox_runtime::raw::{RawSocket, may_fragment};

/// A socket for them.
#[derive(Debug)]
pub enum Socket {
    /// Of a protocol.
    Raw(RawSocket),
    /// Of a port, here and at the far end.
    Udp(UdpSocket, u16),
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// For people, as the original has them.
    pub fn open(outer: Outer) -> Result<Self, String> {
        let create = |error: io::Error| format!("cannot create socket: {error}");
        match outer {
            Outer::Ip(protocol) => RawSocket::open(protocol).map(Self::Raw).map_err(create),
            Outer::Udp(port) => {
                let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
                    .map_err(|error| format!("cannot bind address: {error}"))?;
                socket.set_nonblocking(true).map_err(create)?;
                may_fragment(&socket).map_err(create)?;
                Ok(Self::Udp(socket, port))
            }
        }
    }

    /// Receives a payload: whose it is, and where in the buffer. `None`: nothing there now.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(Place, Range<usize>)>> {
        let socket = match self {
            Self::Raw(socket) => {
                let received = socket.receive(buffer)?;
                return Ok(received.map(|(from, place)| ((from, None), place)));
            }
            Self::Udp(socket, _) => socket,
        };
        match socket.recv_from(buffer) {
            Ok((len, SocketAddr::V4(from))) => Ok(Some(((*from.ip(), Some(from.port())), 0..len))),
            Ok(_) => Ok(None),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Sends a payload; without a port of the other end to the same one as ours.
    ///
    /// # Errors
    /// There is no way, no room, or it is too long.
    pub fn send(&self, (to, other): Place, payload: &[u8]) -> io::Result<()> {
        match self {
            Self::Raw(socket) => socket.send(to, payload),
            Self::Udp(socket, port) => socket
                .send_to(payload, SocketAddrV4::new(to, other.unwrap_or(*port)))
                .map(|_| ()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Raw(socket) => socket.as_fd(),
            Self::Udp(socket, _) => socket.as_fd(),
        }
    }
}
