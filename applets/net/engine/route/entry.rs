//! An entry of the routing table, and why one is refused.

use std::cmp::Reverse;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Instant;

use crate::interface::InterfaceId;

/// Who made an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command.
    Command,
    /// A datagram that was heard, or the state file.
    Learned,
    /// RIP: when it ages it is announced as unreachable for a while before it goes.
    Rip,
}

/// What a new entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRoute {
    /// The prefix's address; bits behind its length do not matter.
    pub target: Ipv4Addr,
    /// The prefix's length, 0 (the default route) to 32.
    pub bits: u8,
    /// The interface.
    pub interface: InterfaceId,
    /// The next hop; 0.0.0.0: the destination itself.
    pub gateway: Ipv4Addr,
    /// Hops, for RIP; it takes no part in look-ups.
    pub metric: u32,
    /// RIP does not announce it.
    pub private: bool,
    /// Seconds; 0: permanent.
    pub lifetime: u32,
    /// Who makes it.
    pub origin: Origin,
}

impl NewRoute {
    /// A permanent direct route with metric 1.
    #[must_use]
    pub const fn new(target: Ipv4Addr, bits: u8, interface: InterfaceId) -> Self {
        Self {
            target,
            bits,
            interface,
            gateway: Ipv4Addr::UNSPECIFIED,
            metric: 1,
            private: false,
            lifetime: 0,
            origin: Origin::Command,
        }
    }
}

/// Where a datagram goes: what of an entry its path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The interface.
    pub interface: InterfaceId,
    /// The next hop; 0.0.0.0: the destination itself.
    pub gateway: Ipv4Addr,
    /// The length of the prefix that matched.
    pub bits: u8,
    /// The entry is kept only to say that it is unreachable.
    pub(super) held_down: bool,
}

impl Hop {
    /// Where a datagram goes next.
    #[must_use]
    pub fn next_hop(&self, destination: Ipv4Addr) -> Ipv4Addr {
        if self.gateway.is_unspecified() {
            destination
        } else {
            self.gateway
        }
    }

    /// Whether datagrams to an address may take it: not when it is only held down, and not into
    /// a tunnel whose far end is that address.
    pub(super) fn takes(&self, address: u32) -> bool {
        let into_itself = self.interface == InterfaceId::ENCAP && self.gateway.to_bits() == address;
        !self.held_down && !into_itself
    }
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The prefix's address.
    pub target: Ipv4Addr,
    /// The prefix's length.
    pub bits: u8,
    /// The interface.
    pub interface: InterfaceId,
    /// The next hop; 0.0.0.0: the destination itself.
    pub gateway: Ipv4Addr,
    /// Hops.
    pub metric: u32,
    /// RIP does not announce it.
    pub private: bool,
    /// It changed since RIP last said so.
    pub changed: bool,
    /// Unreachable, and kept only to say so.
    pub held_down: bool,
    /// Who made it.
    pub origin: Origin,
    /// Its place in the table.
    pub(super) slot: u32,
    pub(super) lifetime: u32,
    pub(super) expires: Option<Instant>,
    /// The time of its live entry in the heap of timers.
    pub(super) queued: Option<Instant>,
    /// Grows with every entry made: newer ones are listed first, and timers of gone ones are known.
    pub(super) born: u64,
}

impl Route {
    /// It has no timer.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.expires.is_none()
    }

    /// When its timer ends.
    #[must_use]
    pub fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Seconds left, 0 when permanent.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> u64 {
        self.expires
            .map_or(0, |at| at.saturating_duration_since(now).as_secs())
    }

    /// What of it the path of a datagram needs.
    #[must_use]
    pub fn hop(&self) -> Hop {
        Hop {
            interface: self.interface,
            gateway: self.gateway,
            bits: self.bits,
            held_down: self.held_down,
        }
    }

    /// The order of listings: long prefixes first, then by the original's buckets, the newest first.
    pub(super) fn listing_order(&self) -> (Reverse<u8>, u32, Reverse<u64>) {
        let target = self.target.to_bits();
        let bucket = ((target >> 16) ^ (target & 0xffff)) % 7;
        (Reverse(self.bits), bucket, Reverse(self.born))
    }
}

/// Why an entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// There is no such interface.
    NoInterface,
    /// The prefix is longer than an address.
    Bits,
    /// A host route to one of our own addresses.
    Own,
    /// A temporary one to an address that the filter denies.
    Filtered,
    /// Through `encap` without a gateway, or with ourselves as gateway.
    EncapGateway,
    /// A temporary one where there is a permanent one.
    Permanent,
    /// There are too many temporary ones.
    TooMany,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self {
            Self::NoInterface => "no such interface",
            Self::Bits => "a prefix has 0 to 32 bits",
            Self::Own => "the address is our own",
            Self::Filtered => "the filter denies the address",
            Self::EncapGateway => "encap needs a gateway that is not ourselves",
            Self::Permanent => "a permanent one is there",
            Self::TooMany => "too many temporary ones",
        };
        write!(f, "Can't add route: {why}")
    }
}

impl std::error::Error for RouteError {}
