//! Links, addresses and routes as values, out of and into the crates' messages.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};

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

    pub(super) fn from_message(message: &LinkMessage) -> Self {
        let mut elsewhere = false;
        let mut link = Self {
            index: message.header.index,
            kind: message.header.link_layer_type.into(),
            flags: LinkFlags::bits(&message.header.flags),
            ..Self::default()
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Controller(index) => {
                    link.bridge = Some(*index).filter(|&index| index != 0);
                }
                LinkAttribute::Link(index) => {
                    link.lower = Some(*index).filter(|&index| index != 0 && index != link.index);
                }
                LinkAttribute::LinkNetNsId(_) => elsewhere = true,
                LinkAttribute::Broadcast(octets) if is_tunnel(link.kind) => {
                    link.tunnel_end = tunnel_end(octets);
                }
                LinkAttribute::Stats64(stats) => {
                    link.stats = LinkStats {
                        rx_packets: stats.rx_packets,
                        tx_packets: stats.tx_packets,
                        rx_octets: stats.rx_bytes,
                        tx_octets: stats.tx_bytes,
                        rx_errors: stats.rx_errors,
                        tx_errors: stats.tx_errors,
                        rx_dropped: stats.rx_dropped,
                        tx_dropped: stats.tx_dropped,
                    };
                }
                _ => {}
            }
        }
        if elsewhere {
            link.lower = None;
        }
        link
    }
}

/// Links that carry packets in packets: IPIP, IPv6 in IPv6, SIT, GRE, GRE over IPv6 (`if_arp.h`).
fn is_tunnel(kind: u16) -> bool {
    matches!(kind, 768 | 769 | 776 | 778 | 823)
}

/// The remote address, where there is one; it stands in the place of the broadcast address.
fn tunnel_end(octets: &[u8]) -> Option<IpAddr> {
    let address = if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        IpAddr::from(octets)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(octets).ok()?)
    };
    (!address.is_unspecified()).then_some(address)
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
    pub(super) fn from_message(message: &AddressMessage) -> Option<Self> {
        let mut local = None;
        let mut remote = None;
        let mut broadcast = None;
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => remote = Some(*address),
                AddressAttribute::Broadcast(address) => broadcast = Some(*address),
                _ => {}
            }
        }
        // IPv6 without a peer has only the "address" attribute.
        let local = local.or(remote)?;
        Some(Self {
            local,
            peer: remote.filter(|&remote| remote != local),
            prefix_len: message.header.prefix_len,
            broadcast,
        })
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

    pub(super) fn from_message(message: &RouteMessage) -> Option<Self> {
        let header = &message.header;
        if header.table != libc::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
            return None;
        }
        let mut route = Self {
            destination: match header.address_family {
                AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
                AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
                _ => return None,
            },
            prefix_len: header.destination_prefix_length,
            gateway: None,
            interface: None,
            metric: None,
            protocol: header.protocol.into(),
        };
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Destination(address) => route.destination = ip_address(address)?,
                RouteAttribute::Gateway(address) => route.gateway = ip_address(address),
                RouteAttribute::Oif(index) => route.interface = Some(*index),
                RouteAttribute::Priority(metric) => route.metric = Some(*metric),
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

pub(super) fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

pub(super) fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }
}

fn ip_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
