//! Links, addresses and routes as values, out of the kernel's messages.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::{Message, number, short};

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware type, an `ARPHRD_` number (`if_arp.h`).
    pub kind: u16,
    /// Its flags, `IFF_` bits (`netdevice(7)`).
    pub flags: u32,
    /// Its MTU, octets.
    pub mtu: u32,
    /// The bridge it is in.
    pub bridge: Option<u32>,
    /// The link of this namespace that carries its frames (of a VLAN or a tunnel), or the other end
    /// of a pair.
    pub lower: Option<u32>,
    /// The other end of an IP tunnel that has one.
    pub tunnel_end: Option<IpAddr>,
    /// Its counters.
    pub stats: LinkStats,
}

/// Counters of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Octets received.
    pub rx_octets: u64,
    /// Octets sent.
    pub tx_octets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Dropped on receipt.
    pub rx_dropped: u64,
    /// Dropped before sending.
    pub tx_dropped: u64,
}

/// An interface as it was seen last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its number; `None` while there is none.
    pub index: Option<u32>,
    /// Up and running.
    pub running: bool,
}

impl Seen {
    /// What netlink says of it.
    #[must_use]
    pub fn of(link: Option<&Link>) -> Self {
        Self {
            index: link.map(|link| link.index),
            running: link.is_some_and(|link| link.is_up() && link.is_running()),
        }
    }
}

impl Link {
    /// Administratively up.
    pub fn is_up(&self) -> bool {
        self.flags & libc::IFF_UP as u32 != 0
    }

    /// Up and with carrier.
    pub fn is_running(&self) -> bool {
        self.flags & libc::IFF_RUNNING as u32 != 0
    }

    /// Whether it has another end and no neighbours (`IFF_POINTOPOINT`).
    pub fn is_point_to_point(&self) -> bool {
        self.flags & libc::IFF_POINTOPOINT as u32 != 0
    }

    /// Whether what it is sent comes back (`IFF_LOOPBACK`).
    pub fn is_loopback(&self) -> bool {
        self.flags & libc::IFF_LOOPBACK as u32 != 0
    }

    /// The link that a message is about. `struct ifinfomsg`: family, type, index, flags, changed flags.
    pub(super) fn from_message(message: &Message<'_>) -> Option<Self> {
        let (fixed, attributes) = message.split::<16>()?;
        let mut elsewhere = false;
        let mut link = Self {
            index: number(fixed.get(4..)?)?,
            kind: short(fixed.get(2..)?)?,
            flags: number(fixed.get(8..)?)?,
            ..Self::default()
        };
        for (kind, value) in attributes {
            match kind {
                libc::IFLA_IFNAME => {
                    let name = value.split(|octet| *octet == 0).next().unwrap_or_default();
                    link.name = String::from_utf8_lossy(name).into_owned();
                }
                libc::IFLA_MTU => link.mtu = number(value)?,
                libc::IFLA_MASTER => {
                    link.bridge = Some(number(value)?).filter(|&index| index != 0);
                }
                libc::IFLA_LINK => {
                    let other = Some(number(value)?);
                    link.lower = other.filter(|&index| index != 0 && index != link.index);
                }
                libc::IFLA_LINK_NETNSID => elsewhere = true,
                libc::IFLA_BROADCAST if is_tunnel(link.kind) => {
                    link.tunnel_end = address(value).filter(|end| !end.is_unspecified());
                }
                libc::IFLA_STATS64 => link.stats = LinkStats::from_octets(value),
                _ => {}
            }
        }
        if elsewhere {
            link.lower = None;
        }
        Some(link)
    }
}

impl LinkStats {
    /// The first numbers of `struct rtnl_link_stats64`.
    fn from_octets(octets: &[u8]) -> Self {
        let at = |place: usize| {
            let octets = octets.get(8 * place..).and_then(<[u8]>::first_chunk);
            octets.map_or(0, |octets| u64::from_ne_bytes(*octets))
        };
        Self {
            rx_packets: at(0),
            tx_packets: at(1),
            rx_octets: at(2),
            tx_octets: at(3),
            rx_errors: at(4),
            tx_errors: at(5),
            rx_dropped: at(6),
            tx_dropped: at(7),
        }
    }
}

/// Links that carry packets in packets: IPIP, IPv6 in IPv6, SIT, GRE, GRE over IPv6 (`if_arp.h`). Their other end
/// stands in the place of the broadcast address.
fn is_tunnel(kind: u16) -> bool {
    matches!(kind, 768 | 769 | 776 | 778 | 823)
}

/// An address of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Our address.
    pub local: IpAddr,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Bits of the network (of the peer's address where there is one), 0..=32 or 0..=128.
    pub prefix_len: u8,
    /// The broadcast address.
    pub broadcast: Option<Ipv4Addr>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "{} peer {peer}/{}", self.local, self.prefix_len),
            None => write!(f, "{}/{}", self.local, self.prefix_len),
        }
    }
}

impl Address {
    /// The address that a message is about, and the index of its link. `struct ifaddrmsg`: family, prefix length,
    /// flags, scope, index.
    pub(super) fn from_message(message: &Message<'_>) -> Option<(u32, Self)> {
        let (fixed, attributes) = message.split::<8>()?;
        let [_, prefix_len, _, _, index @ ..] = fixed;
        let mut local = None;
        let mut remote = None;
        let mut broadcast = None;
        for (kind, value) in attributes {
            match kind {
                libc::IFA_LOCAL => local = address(value),
                libc::IFA_ADDRESS => remote = address(value),
                libc::IFA_BROADCAST => broadcast = address(value),
                _ => {}
            }
        }
        // IPv6 without a peer has only the "address" attribute.
        let local = local.or(remote)?;
        let address = Self {
            local,
            peer: remote.filter(|&remote| remote != local),
            prefix_len: *prefix_len,
            broadcast: match broadcast {
                Some(IpAddr::V4(broadcast)) => Some(broadcast),
                _ => None,
            },
        };
        Some((number(index)?, address))
    }
}

/// A route of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network; all zero with a prefix length of zero is the default route.
    pub destination: IpAddr,
    /// Bits of the network.
    pub prefix_len: u8,
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The link.
    pub interface: Option<u32>,
    /// The metric; the kernel's default when `None`.
    pub metric: Option<u32>,
    /// Who made it (`rtm_protocol` of rtnetlink(7)). Deleting does not look at it.
    pub protocol: u8,
}

impl Route {
    /// The IPv4 default route through a link, with or without a gateway.
    pub fn default_v4(interface: u32, gateway: Option<Ipv4Addr>) -> Self {
        Self {
            destination: Ipv4Addr::UNSPECIFIED.into(),
            prefix_len: 0,
            gateway: gateway.map(IpAddr::V4),
            interface: Some(interface),
            metric: None,
            protocol: libc::RTPROT_STATIC,
        }
    }

    /// A route to a network through a link.
    pub fn through(destination: IpAddr, prefix_len: u8, interface: u32) -> Self {
        Self {
            destination,
            prefix_len,
            gateway: None,
            interface: Some(interface),
            metric: None,
            protocol: libc::RTPROT_STATIC,
        }
    }

    /// The route that a message is about, if it is of the main table and to hosts. `struct rtmsg`: family, lengths
    /// of both prefixes, type of service, table, protocol, scope, type, flags.
    pub(super) fn from_message(message: &Message<'_>) -> Option<Self> {
        let (fixed, attributes) = message.split::<12>()?;
        let [family, prefix_len, _, _, table, protocol, _, kind, ..] = *fixed;
        if table != libc::RT_TABLE_MAIN || kind != libc::RTN_UNICAST {
            return None;
        }
        let mut route = Self {
            destination: match i32::from(family) {
                libc::AF_INET => Ipv4Addr::UNSPECIFIED.into(),
                libc::AF_INET6 => Ipv6Addr::UNSPECIFIED.into(),
                _ => return None,
            },
            prefix_len,
            gateway: None,
            interface: None,
            metric: None,
            protocol,
        };
        for (kind, value) in attributes {
            match kind {
                libc::RTA_DST => route.destination = address(value)?,
                libc::RTA_GATEWAY => route.gateway = address(value),
                libc::RTA_OIF => route.interface = number(value),
                libc::RTA_PRIORITY => route.metric = number(value),
                _ => {}
            }
        }
        Some(route)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.destination, self.prefix_len)?;
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        if let Some(interface) = self.interface {
            write!(f, " on link {interface}")?;
        }
        Ok(())
    }
}

/// The number of an address's family.
pub(super) fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

/// An address as attributes have it.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The address that an attribute has.
pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => Some(IpAddr::from(*octets.first_chunk::<4>()?)),
        16 => Some(IpAddr::from(*octets.first_chunk::<16>()?)),
        _ => None,
    }
}
