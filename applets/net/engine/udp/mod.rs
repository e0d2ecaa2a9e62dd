//! The User Datagram Protocol (RFC 768): sockets by port, each with a bounded queue.

mod ports;

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Instant;

use slab::Slab;
use wanbox_link::prefixes::NumberMap;
use wanbox_wire::ip::{Ipv4, Ipv4Repr, Udp as Datagram, UdpRepr, protocol};

pub use ports::{TCP_PORTS, UDP_PORTS, parse_port, port_name};

use crate::icmp::Error;
use crate::ip::Header;
use crate::station::{Delivery, Event, Sink, Station};

/// The most datagrams that wait in a socket.
const MOST_WAITING: usize = 256;
/// The most octets that wait in a socket.
const MOST_OCTETS: usize = 256 << 10;
/// The most sockets.
const MOST_SOCKETS: usize = 4096;
/// Ports from here on are given to who asks for any (RFC 6056).
const FIRST_ANY: u16 = 49_152;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(u32);

impl SocketId {
    /// A number to show.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Who gets a socket's datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The owner of the station: they wait in the socket.
    User,
    /// The station's RIP.
    Rip,
    /// The station's resolver.
    Resolver,
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who sent it.
    pub from: (Ipv4Addr, u16),
    /// Which of our addresses, or which broadcast address, it was for.
    pub to: Ipv4Addr,
    /// What it carries.
    pub payload: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Socket {
    address: Ipv4Addr,
    port: u16,
    owner: Owner,
    queue: VecDeque<Received>,
    octets: usize,
}

/// A socket as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketView {
    /// The socket.
    pub id: SocketId,
    /// Octets that wait.
    pub waiting: usize,
    /// Its address; 0.0.0.0: any of ours.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
}

/// The counters of the management information base, and those that it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpStats {
    /// Datagrams delivered.
    pub in_datagrams: u64,
    /// For ports where nobody listens.
    pub no_ports: u64,
    /// Malformed.
    pub in_errors: u64,
    /// Datagrams sent.
    pub out_datagrams: u64,
    /// Dropped because a socket's queue was full.
    pub queue_full: u64,
}

/// Why a socket cannot be had, or a datagram not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpError {
    /// Somebody has the port.
    PortInUse(u16),
    /// There are too many sockets.
    TooMany,
    /// There is no such socket.
    NoSocket,
    /// Longer than a datagram can be, octets.
    TooLong(usize),
}

impl fmt::Display for UdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortInUse(port) => write!(f, "UDP port {port} is in use"),
            Self::TooMany => write!(f, "too many UDP sockets ({MOST_SOCKETS})"),
            Self::NoSocket => write!(f, "no such UDP socket"),
            Self::TooLong(octets) => write!(f, "{octets} octets: at most {LONGEST} fit a datagram"),
        }
    }
}

impl std::error::Error for UdpError {}

/// The most octets that a datagram carries.
pub const LONGEST: usize = 0xffff - Ipv4Repr::LEN - UdpRepr::LEN;

/// All sockets.
#[derive(Clone, Debug, Default)]
pub struct Udp {
    sockets: Slab<Socket>,
    by_port: NumberMap<(u32, u16), u32>,
    /// What happened.
    pub stats: UdpStats,
}

impl Udp {
    fn bind(&mut self, address: Ipv4Addr, port: u16, owner: Owner) -> Result<SocketId, UdpError> {
        if self.by_port.contains_key(&(address.to_bits(), port)) {
            return Err(UdpError::PortInUse(port));
        }
        if self.sockets.len() >= MOST_SOCKETS {
            return Err(UdpError::TooMany);
        }
        let socket = Socket {
            address,
            port,
            owner,
            queue: VecDeque::new(),
            octets: 0,
        };
        let id = self.sockets.insert(socket) as u32;
        self.by_port.insert((address.to_bits(), port), id);
        Ok(SocketId(id))
    }

    /// Closes a socket; what waits in it is gone.
    pub fn close(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.try_remove(id.0 as usize) {
            self.by_port
                .remove(&(socket.address.to_bits(), socket.port));
        }
    }

    /// The next datagram of a socket.
    pub fn receive(&mut self, id: SocketId) -> Option<Received> {
        let socket = self.sockets.get_mut(id.0 as usize)?;
        let received = socket.queue.pop_front()?;
        socket.octets -= received.payload.len();
        Some(received)
    }

    /// A socket's port.
    #[must_use]
    pub fn port(&self, id: SocketId) -> Option<u16> {
        self.sockets.get(id.0 as usize).map(|socket| socket.port)
    }

    /// All sockets, by port.
    #[must_use]
    pub fn listed(&self) -> Vec<SocketView> {
        let mut all: Vec<SocketView> = self
            .sockets
            .iter()
            .map(|(id, socket)| SocketView {
                id: SocketId(id as u32),
                waiting: socket.octets,
                address: socket.address,
                port: socket.port,
            })
            .collect();
        all.sort_by_key(|socket| (socket.port, socket.address));
        all
    }

    /// The socket of an address and port: one of exactly that address, or one of any.
    fn find(&self, address: Ipv4Addr, port: u16) -> Option<SocketId> {
        let exact = self.by_port.get(&(address.to_bits(), port));
        exact
            .or_else(|| self.by_port.get(&(0, port)))
            .map(|id| SocketId(*id))
    }
}

impl Station {
    /// Takes a port; 0: any free one. `address` 0.0.0.0: for all our addresses.
    ///
    /// # Errors
    /// The port is taken, or there are too many sockets.
    pub fn udp_bind(
        &mut self,
        address: Ipv4Addr,
        port: u16,
        owner: Owner,
    ) -> Result<SocketId, UdpError> {
        if port > 0 {
            return self.udp.bind(address, port, owner);
        }
        for _ in 0..64 {
            let port = FIRST_ANY | (self.random() as u16 & !FIRST_ANY);
            if !self.udp.by_port.contains_key(&(address.to_bits(), port)) {
                return self.udp.bind(address, port, owner);
            }
        }
        Err(UdpError::PortInUse(FIRST_ANY))
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// There is no such socket, or the datagram is too long. That there is no way is told by counters alone.
    pub fn udp_send(
        &mut self,
        now: Instant,
        id: SocketId,
        to: (Ipv4Addr, u16),
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), UdpError> {
        let socket = self
            .udp
            .sockets
            .get(id.0 as usize)
            .ok_or(UdpError::NoSocket)?;
        let (address, port) = (socket.address, socket.port);
        self.udp_send_from(now, (address, port), to, payload, sink)
    }

    /// Sends a datagram from a port that need not be a socket's.
    ///
    /// # Errors
    /// It is too long.
    pub fn udp_send_from(
        &mut self,
        now: Instant,
        from: (Ipv4Addr, u16),
        to: (Ipv4Addr, u16),
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), UdpError> {
        self.udp_send_with(now, 0, from, to, payload, sink)
    }

    /// The same, with a type of service.
    ///
    /// # Errors
    /// It is too long.
    pub fn udp_send_with(
        &mut self,
        now: Instant,
        tos: u8,
        from: (Ipv4Addr, u16),
        to: (Ipv4Addr, u16),
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), UdpError> {
        if payload.len() > LONGEST {
            return Err(UdpError::TooLong(payload.len()));
        }
        let src = if from.0.is_unspecified() {
            self.source_for(to.0)
        } else {
            from.0
        };
        let header = Header {
            tos,
            ..Header::new(src, to.0, protocol::UDP)
        };
        let mut buffer = self.pool.take();
        buffer.resize(Ipv4Repr::LEN + UdpRepr::LEN, 0);
        buffer.extend_from_slice(payload);
        let repr = UdpRepr {
            src_port: from.1,
            dst_port: to.1,
        };
        let pseudo = Ipv4Repr {
            tos: 0,
            ident: 0,
            dont_fragment: false,
            ttl: 0,
            protocol: protocol::UDP,
            src,
            dst: to.0,
            payload_len: (UdpRepr::LEN + payload.len()) as u16,
        };
        let made = buffer
            .get_mut(Ipv4Repr::LEN..)
            .is_some_and(|datagram| repr.emit(datagram, pseudo.pseudo_header()).is_ok());
        if made {
            self.udp.stats.out_datagrams += 1;
            self.send_buffer(now, &header, &[], &mut buffer, sink);
        }
        self.pool.give(buffer);
        Ok(())
    }

    /// A datagram came in for us.
    pub(crate) fn udp_input(&mut self, now: Instant, delivery: &Delivery<'_>, sink: &mut dyn Sink) {
        let datagram = Datagram::parse(delivery.payload).ok().filter(|datagram| {
            delivery.verified || datagram.checksum_is_valid(delivery.pseudo_header(), true)
        });
        let Some(datagram) = datagram else {
            self.udp.stats.in_errors += 1;
            return;
        };
        let address = if delivery.is_unicast() {
            delivery.dst
        } else {
            self.interfaces
                .get(delivery.interface)
                .map_or(delivery.dst, |interface| interface.address())
        };
        let Some(id) = self.udp.find(address, datagram.dst_port()) else {
            self.udp.stats.no_ports += 1;
            if delivery.is_unicast() {
                self.icmp_error(
                    now,
                    Error::PortUnreachable,
                    delivery.datagram,
                    delivery.broadcast,
                    sink,
                );
            }
            return;
        };
        let from = (delivery.src, datagram.src_port());
        let payload = datagram.payload();
        let Some(socket) = self.udp.sockets.get_mut(id.0 as usize) else {
            return;
        };
        match socket.owner {
            Owner::User => {
                if socket.queue.len() >= MOST_WAITING || socket.octets + payload.len() > MOST_OCTETS
                {
                    self.udp.stats.queue_full += 1;
                    return;
                }
                socket.octets += payload.len();
                let first = socket.queue.is_empty();
                socket.queue.push_back(Received {
                    from,
                    to: delivery.dst,
                    payload: payload.to_vec(),
                });
                self.udp.stats.in_datagrams += 1;
                if first {
                    self.tell(Event::Udp(id));
                }
            }
            Owner::Rip => {
                self.udp.stats.in_datagrams += 1;
                self.rip_input(now, delivery.interface, from, payload, sink);
            }
            Owner::Resolver => {
                self.udp.stats.in_datagrams += 1;
                self.resolver_input(now, id, from, payload, sink);
            }
        }
    }
}

/// The octets of a header before a datagram's payload: of IP and of UDP.
pub const HEADERS: usize = Ipv4::MIN_HEADER + UdpRepr::LEN;
