//! Message sockets of short commands and their servers: connected UDP, local SOCK_SEQPACKET.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind, connect,
    getsockopt, listen, recv, send, socket, sockopt::PeerCredentials,
};

use crate::message;
use crate::terminal::wait_readable;

/// A connected socket that keeps messages apart. It does not block.
#[derive(Debug)]
pub struct Datagram(OwnedFd);

impl Datagram {
    /// A UDP socket to this address.
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and connect(2): no route, no permission.
    pub fn udp(remote: impl Into<SocketAddr>) -> io::Result<Self> {
        let remote = remote.into();
        let local = match remote {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket.into()))
    }

    /// The local server at this path.
    ///
    /// # Errors
    /// `NotFound` when there is no such socket, `ConnectionRefused` when nobody listens on it,
    /// `PermissionDenied` when its mode forbids it.
    pub fn local(path: &Path) -> io::Result<Self> {
        let fd = seqpacket()?;
        connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        Ok(Self(fd))
    }

    /// Sends one message. A peer that went away is `BrokenPipe` or `ConnectionRefused`.
    ///
    /// # Errors
    /// Those of send(2); `WouldBlock` when the socket's queue is full.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Sends one message made of these pieces; as [`Self::send`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_pieces(&self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        message::send(self.0.as_fd(), pieces, None)?;
        Ok(())
    }

    /// Whether a local peer went away and nothing that it sent is left to be received.
    pub fn is_finished(&self) -> bool {
        let mut octet = [0];
        loop {
            match recv(self.0.as_raw_fd(), &mut octet, MsgFlags::MSG_PEEK) {
                Ok(length) => return length == 0,
                // The peer left with messages of ours unread; its own may still be there.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Err(error) => return error != Errno::EAGAIN,
            }
        }
    }

    /// The process id of a local peer, as it was when it connected.
    ///
    /// # Errors
    /// Those of getsockopt(2): the socket is none to a local peer.
    pub fn peer_pid(&self) -> io::Result<u32> {
        let credentials = getsockopt(&self.0, PeerCredentials)?;
        Ok(credentials.pid().cast_unsigned())
    }

    /// Takes the next message into `buffer` (a longer one is cut) and returns its length; `None`
    /// when there is none. Length 0 from a local peer means that it went away.
    ///
    /// # Errors
    /// Those of recv(2): `ConnectionRefused` after an ICMP error.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()) {
                Ok(length) => return Ok(Some(length)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// As [`Self::receive`], but waits up to `timeout`. A signal ends the wait with `None`.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_within(
        &self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> io::Result<Option<usize>> {
        if wait_readable(&[self.0.as_fd()], Some(timeout))?.is_empty() {
            return Ok(None);
        }
        self.receive(buffer)
    }
}

impl AsFd for Datagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Connections that may wait to be taken: a burst of applications is no error.
const BACKLOG: i32 = 512;

/// The server's end of a local message socket. It does not block.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`, whose mode becomes `mode`. A socket file that nobody listens on any
    /// more is replaced. The file goes with the listener.
    ///
    /// # Errors
    /// `AddrInUse` when another process listens there; those of bind(2).
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        match Datagram::local(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
            }
            Err(_) => {}
        }
        let fd = seqpacket()?;
        bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        let listener = Self {
            fd,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        listen(&listener.fd, Backlog::new(BACKLOG)?)?;
        Ok(listener)
    }

    /// The next client; `None` when there is none.
    ///
    /// # Errors
    /// Those of accept(2), such as too many open files.
    pub fn accept(&self) -> io::Result<Option<Datagram>> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        match accept4(self.fd.as_raw_fd(), flags) {
            // SAFETY: accept4 returned a new descriptor that nothing else owns.
            Ok(fd) => Ok(Some(Datagram(unsafe { OwnedFd::from_raw_fd(fd) }))),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may be gone already; nothing depends on it.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn seqpacket() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const WAIT: Duration = Duration::from_secs(5);

    #[test]
    fn local_messages_stay_apart() {
        let directory = std::env::temp_dir().join(format!("wanbox-dgram-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("x.sock");
        assert_eq!(
            Datagram::local(&path).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        let listener = Listener::bind(&path, 0o600).unwrap();
        assert!(listener.accept().unwrap().is_none());
        assert_eq!(
            Listener::bind(&path, 0o600).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        // The attempt to bind again left a client that is gone already.
        let gone = listener.accept().unwrap().unwrap();
        let mut buffer = [0; 16];
        assert_eq!(gone.receive_within(&mut buffer, WAIT).unwrap(), Some(0));

        let client = Datagram::local(&path).unwrap();
        let server = listener.accept().unwrap().unwrap();
        client.send(b"one").unwrap();
        client.send(b"three").unwrap();
        assert_eq!(server.receive_within(&mut buffer, WAIT).unwrap(), Some(3));
        assert_eq!(server.receive(&mut buffer).unwrap(), Some(5));
        assert_eq!(&buffer[..5], b"three");
        assert_eq!(server.receive(&mut buffer).unwrap(), None);
        assert_eq!(server.peer_pid().unwrap(), std::process::id());
        server
            .send_pieces(&[IoSlice::new(b"in "), IoSlice::new(b"pieces")])
            .unwrap();
        assert_eq!(client.receive(&mut buffer).unwrap(), Some(9));
        assert_eq!(&buffer[..9], b"in pieces");
        drop(server);
        assert!(client.is_finished());
        assert!(client.send(b"lost").is_err());
        drop(listener);
        assert!(!path.exists());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn what_a_peer_sent_outlives_it() {
        let directory = std::env::temp_dir().join(format!("wanbox-left-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("x.sock");
        let listener = Listener::bind(&path, 0o600).unwrap();
        let client = Datagram::local(&path).unwrap();
        let server = listener.accept().unwrap().unwrap();
        assert!(!server.is_finished());
        server.send(b"never read").unwrap();
        client.send(b"last words").unwrap();
        drop(client);
        assert!(!server.is_finished());
        let mut buffer = [0; 16];
        assert_eq!(server.receive(&mut buffer).unwrap(), Some(10));
        assert!(server.is_finished());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn udp_tells_a_closed_port() {
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = peer.local_addr().unwrap() else {
            panic!("an IPv4 socket has an IPv4 address");
        };
        let socket = Datagram::udp(address).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(
            socket
                .receive_within(&mut buffer, Duration::from_millis(20))
                .unwrap(),
            None
        );
        // A busy machine loses packets also on its way to itself, and a signal that another test of
        // this process asked for ends a wait: what counts is what comes in the end.
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut heard = |ask: &dyn Fn()| {
            while Instant::now() < deadline {
                ask();
                let received = socket.receive_within(&mut buffer, Duration::from_millis(100));
                if let Some(received) = received.transpose() {
                    return received;
                }
            }
            panic!("nothing came within a minute");
        };
        peer.set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let answered = heard(&|| {
            socket.send(b"hello").unwrap();
            if let Ok((length, from)) = peer.recv_from(&mut [0; 16]) {
                assert_eq!(length, 5);
                peer.send_to(b"back", from).unwrap();
            }
        });
        assert_eq!(answered.unwrap(), 4);
        drop(peer);
        let refused = heard(&|| {
            // The word of an earlier one may be what stops this one.
            let _ = socket.send(b"anyone?");
        });
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
