//! Sessions that go on to another network server: kept and written back, not done yet.

use std::net::Ipv4Addr;

use super::value::Secret;

/// How many there may be.
pub const MAX_FORWARDS: usize = 200;

/// One `setforward MASK IP PORT SECRET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// A part of the user names that it is for.
    pub mask: String,
    /// The network server.
    pub address: Ipv4Addr,
    /// Its UDP port.
    pub port: u16,
    /// The secret of the tunnel to it.
    pub secret: Secret,
}
