//! `router bgp`: kept and written back, not done yet.

use std::net::Ipv4Addr;

/// How many neighbours there may be.
pub const MAX_NEIGHBOURS: usize = 8;

/// A `router bgp` with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// The local autonomous system. 1 to 65535.
    pub number: u16,
    /// Its neighbours, in the order in which they were named.
    pub neighbours: Vec<Neighbour>,
}

/// The lines of one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address or name.
    pub peer: String,
    /// Its autonomous system; 0 is the local one.
    pub remote: u16,
    /// Keepalive and hold time in seconds. 1 and 3 to 65535.
    pub timers: (u16, u16),
    /// The local address of the connection to it.
    pub source: Option<Ipv4Addr>,
}

impl Neighbour {
    /// Keepalive and hold time unless told otherwise, seconds.
    pub const TIMERS: (u16, u16) = (60, 180);
}
