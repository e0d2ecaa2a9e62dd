//! The host's side of an interface: addresses, routes, state, through netlink.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_runtime::netlink::{Address, Netlink, NetlinkError, Route};

use crate::conf::{Gateway, IpConf};

/// Gives the interface its addresses and brings it up. What is there already is left alone, so it
/// may be called again.
///
/// # Errors
/// What the kernel refused.
pub fn bring_up(
    netlink: &mut Netlink,
    index: u32,
    ip: Option<&IpConf>,
) -> Result<(), NetlinkError> {
    if let Some(ip) = ip {
        for address in addresses(ip) {
            unless_there(netlink.add_address(index, &address))?;
        }
    }
    netlink.set_up(index, true)?;
    if let Some(ip) = ip {
        // The kernel drops IPv6 addresses with the interface.
        for &(address, prefix_len) in &ip.ipv6 {
            let address = Address {
                local: address.into(),
                peer: None,
                prefix_len,
                broadcast: None,
            };
            unless_there(netlink.add_address(index, &address))?;
        }
    }
    Ok(())
}

/// Sets the default route of the interface, when it has one.
///
/// # Errors
/// What the kernel refused, such as a gateway that cannot be reached.
pub fn default_route(netlink: &mut Netlink, index: u32, ip: &IpConf) -> Result<(), NetlinkError> {
    let gateway = match ip.gateway {
        None => return Ok(()),
        Some(Gateway::Device) => None,
        Some(Gateway::Router(router)) => Some(router),
    };
    netlink.replace_route(&Route::default_v4(index, gateway))
}

/// An address that the peer gave, with its mask.
pub fn learned(local: Ipv4Addr, mask: Ipv4Addr, peer: Option<Ipv4Addr>) -> Address {
    let prefix_len = mask.to_bits().leading_ones() as u8;
    Address {
        local: local.into(),
        peer: peer.filter(|_| prefix_len == 32).map(IpAddr::V4),
        prefix_len,
        broadcast: None,
    }
}

/// The addresses that this host has, asked for at most once a second: requests of others must not
/// make us ask the kernel for each.
#[derive(Default)]
pub struct OwnAddresses {
    asked: Option<Instant>,
    all: Vec<IpAddr>,
}

impl OwnAddresses {
    const FRESH: Duration = Duration::from_secs(1);

    /// Whether the host has this address.
    pub fn contains(&mut self, netlink: &mut Netlink, now: Instant, address: IpAddr) -> bool {
        let fresh = |asked| now.saturating_duration_since(asked) < Self::FRESH;
        if !self.asked.is_some_and(fresh) {
            self.asked = Some(now);
            self.all.clear();
            if let Ok(all) = netlink.addresses(None) {
                self.all
                    .extend(all.iter().map(|(_, address)| address.local));
            }
        }
        self.all.contains(&address)
    }
}

/// The IPv4 address of a file. With a peer and a wider mask, the peer's network is what is
/// reached through the interface, as `ifconfig` had it.
fn addresses(ip: &IpConf) -> impl Iterator<Item = Address> {
    ip.address.into_iter().map(|local| Address {
        local: local.into(),
        peer: ip.peer.map(IpAddr::V4),
        prefix_len: ip.prefix,
        broadcast: ip.broadcast,
    })
}

/// What was to be added is there already: as good as added.
///
/// # Errors
/// Any other than `EEXIST`.
pub fn unless_there(result: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    match result {
        Err(error) if error.error().kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
