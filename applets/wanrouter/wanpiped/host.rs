//! The host's side of an interface: addresses, routes, state, through netlink.

use std::net::{IpAddr, Ipv4Addr};

use wanbox_runtime::netlink::{Address, Netlink, NetlinkError, Route};

use crate::conf::{Gateway, IpConf};

/// Gives the interface its addresses and brings it up, with its default route. What is there
/// already is left alone, so it may be called again.
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
        default_route(netlink, index, ip)?;
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

/// Takes every address away and gives the new ones.
///
/// # Errors
/// What the kernel refused.
pub fn replace_addresses(
    netlink: &mut Netlink,
    index: u32,
    ip: Option<&IpConf>,
    up: bool,
) -> Result<(), NetlinkError> {
    netlink.flush_addresses(index)?;
    if up {
        bring_up(netlink, index, ip)
    } else {
        Ok(())
    }
}

/// A learned address with its mask.
///
/// # Errors
/// What the kernel refused.
pub fn learned_address(
    netlink: &mut Netlink,
    index: u32,
    local: Ipv4Addr,
    mask: Ipv4Addr,
    peer: Option<Ipv4Addr>,
) -> Result<(), NetlinkError> {
    let prefix_len = mask.to_bits().leading_ones() as u8;
    unless_there(netlink.add_address(
        index,
        &Address {
            local: local.into(),
            peer: peer.filter(|_| prefix_len == 32).map(IpAddr::V4),
            prefix_len,
            broadcast: None,
        },
    ))
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

fn unless_there(result: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    match result {
        Err(error) if error.error().kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
