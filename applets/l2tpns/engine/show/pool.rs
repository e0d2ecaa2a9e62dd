//! `show pool`, `show ipcache`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use crate::SessionId;

/// An address of the pool.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PoolRow<'a> {
    /// The address.
    pub address: Ipv4Addr,
    /// Who has it.
    pub session: Option<SessionId>,
    /// Who has or had it; empty if nobody had.
    pub user: &'a str,
    /// Seconds since it was released.
    pub released: Option<u64>,
}

impl PoolRow<'_> {
    /// The first line of the list.
    pub const HEADING: &'static str = "IP Address      Used  Session User";
}

impl fmt::Display for PoolRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.to_string();
        match (self.session, self.released) {
            (Some(session), _) => write!(f, "{address:<15}\tY {:8} {}", session.0, self.user),
            (None, Some(seconds)) => {
                write!(f, "{address:<15}\tN          [{}] {seconds}s", self.user)
            }
            (None, None) => write!(f, "{address:<15}\tN"),
        }
    }
}

/// How much of the pool is in use.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PoolTotals {
    /// Addresses out of use.
    pub free: u64,
    /// Addresses in use.
    pub used: u64,
    /// Addresses that nobody had are listed, too.
    pub all: bool,
}

impl fmt::Display for PoolTotals {
    /// The last lines of the list, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.all {
            f.write_str("(Not displaying unused addresses)\n")?;
        }
        writeln!(f, "\nFree: {}\nUsed: {}", self.free, self.used)
    }
}

/// An address or network that goes to a session.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct IpCacheRow {
    /// The session.
    pub session: SessionId,
    /// The address, or the first of a network.
    pub address: IpAddr,
    /// The bits of it that count.
    pub length: u8,
}

impl IpCacheRow {
    /// The first line of the list.
    pub const HEADING: &'static str = "  Sess# IP Address";

    /// The last line of the list.
    #[must_use]
    pub fn total(entries: usize) -> String {
        format!("{entries} entries in cache")
    }
}

impl fmt::Display for IpCacheRow {
    /// A network has its length behind it; the original lists each of its addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7} {}", self.session.0, self.address)?;
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.length < whole {
            write!(f, "/{}", self.length)?;
        }
        Ok(())
    }
}
