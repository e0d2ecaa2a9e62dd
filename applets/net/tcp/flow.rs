//! What names a connection: two addresses and two ports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use wanbox_wire::ip::{Sum, protocol};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An end.
    pub fn new(addr: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            addr: addr.into(),
            port,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket.ip(), socket.port())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

/// Both ends, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// This end.
    pub local: Endpoint,
    /// The other one.
    pub remote: Endpoint,
}

impl Flow {
    /// The flow as words for a keyed hash.
    pub(crate) fn words(&self) -> [u64; 5] {
        let ports = u64::from(self.local.port) << 16 | u64::from(self.remote.port);
        let [a, b] = halves(self.local.addr);
        let [c, d] = halves(self.remote.addr);
        [a, b, c, d, ports]
    }

    /// The sum over the pseudo header of a segment of this many octets; the same for both directions
    /// (RFC 9293 section 3.1).
    pub(crate) fn pseudo_header(&self, octets: usize) -> Sum {
        let sum = addresses(self.local.addr, self.remote.addr);
        sum.u16(u16::from(protocol::TCP)).u32(octets as u32)
    }

    /// Octets of the IP header without options, and of TCP's.
    pub(crate) fn headers(&self) -> u16 {
        match self.remote.addr {
            IpAddr::V4(_) => 40,
            IpAddr::V6(_) => 60,
        }
    }
}

/// The sum of two addresses.
pub(crate) fn addresses(a: IpAddr, b: IpAddr) -> Sum {
    let add = |sum: Sum, addr| match addr {
        IpAddr::V4(addr) => sum.u32(addr.to_bits()),
        IpAddr::V6(addr) => sum.octets(&addr.octets()),
    };
    add(add(Sum::new(), a), b)
}

fn halves(addr: IpAddr) -> [u64; 2] {
    match addr {
        IpAddr::V4(addr) => [u64::from(addr.to_bits()), 0],
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            [(bits >> 64) as u64, bits as u64]
        }
    }
}
