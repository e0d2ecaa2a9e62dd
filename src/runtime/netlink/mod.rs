//! Addresses, routes and link state of the host through rtnetlink (`netlink(7)`, `rtnetlink(7)`).
//!
//! Requests are short and blocking: the kernel answers at once. Each works in the
//! network namespace in which its [`Netlink`] was opened. The crates behind it move
//! their interfaces often, so nothing of theirs shows outside this folder.

mod monitor;
mod neighbour;
mod types;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkMode, State,
};
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};

pub use monitor::{Monitor, NetEvent};
pub use neighbour::{Neighbour, Reachability};
pub use types::{Address, Link, LinkStats, Route, Seen};

use types::{family, route_address};

/// Largest datagram taken from the kernel, octets; it fills at most 32 KiB of a dump into one.
const BUFFER: usize = 64 * 1024;
/// How long the kernel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Why a request failed.
#[derive(Debug)]
pub struct NetlinkError {
    what: String,
    error: io::Error,
}

impl NetlinkError {
    fn new(what: impl Into<String>, error: io::Error) -> Self {
        Self {
            what: what.into(),
            error,
        }
    }

    /// What the kernel said.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Whether it is so already: what was to be added is there.
    pub fn is_there(&self) -> bool {
        self.errno() == Some(libc::EEXIST)
    }

    /// Whether it is so already: what was to be deleted is gone.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.errno(),
            Some(libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENODEV)
        )
    }

    /// The error number, if the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        self.error.raw_os_error()
    }
}

impl fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

impl std::error::Error for NetlinkError {}

/// A kind of link that can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLink<'a> {
    /// An Ethernet bridge.
    Bridge,
    /// A pair of Ethernet links joined back to back.
    Veth {
        /// The name of the other one.
        peer: &'a str,
    },
}

/// A socket for requests.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// No rtnetlink in this kernel, or too many open files.
    pub fn open() -> Result<Self, NetlinkError> {
        let fail = |error| NetlinkError::new("opening a netlink socket", error);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(fail)?;
        socket.bind_auto().map_err(fail)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(fail)?;
        let limit = TimeVal::milliseconds(ANSWER_WITHIN.as_millis() as i64);
        setsockopt(&socket, ReceiveTimeout, &limit).map_err(|e| fail(e.into()))?;
        // Without it the kernel sends the whole request back with every error; either is understood.
        let _ = socket.set_cap_ack(true);
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// All links.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let mut links = Vec::new();
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.dump("listing links", request, |message| {
            if let RouteNetlinkMessage::NewLink(link) = message {
                links.push(Link::from_message(&link));
            }
        })?;
        Ok(links)
    }

    /// The link of a name.
    ///
    /// # Errors
    /// `ENODEV` when there is none.
    pub fn link(&mut self, name: &str) -> Result<Link, NetlinkError> {
        self.links()?
            .into_iter()
            .find(|link| link.name == name)
            .ok_or_else(|| {
                let error = io::Error::from_raw_os_error(libc::ENODEV);
                NetlinkError::new(format!("interface {name}"), error)
            })
    }

    /// The counters of a link now.
    ///
    /// # Errors
    /// `ENODEV`.
    pub fn stats(&mut self, index: u32) -> Result<LinkStats, NetlinkError> {
        let mut stats = None;
        let request = RouteNetlinkMessage::GetLink(link_message(index));
        self.exchange(request, NLM_F_REQUEST | NLM_F_ACK, |message| {
            if let RouteNetlinkMessage::NewLink(link) = message {
                stats = Some(Link::from_message(&link).stats);
            }
        })
        .and_then(|()| stats.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV)))
        .map_err(|error| NetlinkError::new(format!("the counters of link {index}"), error))
    }

    /// The link through which packets to an address leave this host now; `None` for an address of
    /// its own.
    ///
    /// # Errors
    /// `ENETUNREACH` and what else a packet would meet.
    pub fn way_to(&mut self, address: IpAddr) -> Result<Option<u32>, NetlinkError> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(address);
        message.header.destination_prefix_length = if address.is_ipv4() { 32 } else { 128 };
        message
            .attributes
            .push(RouteAttribute::Destination(route_address(address)));
        let mut way = None;
        self.exchange(
            RouteNetlinkMessage::GetRoute(message),
            NLM_F_REQUEST | NLM_F_ACK,
            |answer| {
                if let RouteNetlinkMessage::NewRoute(route) = answer
                    && route.header.kind == RouteType::Unicast
                {
                    way = route.attributes.iter().find_map(|a| match a {
                        RouteAttribute::Oif(index) => Some(*index),
                        _ => None,
                    });
                }
            },
        )
        .map_err(|error| NetlinkError::new(format!("the way to {address}"), error))?;
        Ok(way)
    }

    /// Makes a link.
    ///
    /// # Errors
    /// `EEXIST` when the name is taken, `EPERM`, `EOPNOTSUPP` when the kernel lacks the kind.
    pub fn add_link(&mut self, name: &str, kind: NewLink<'_>) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message
            .attributes
            .push(LinkAttribute::IfName(name.to_owned()));
        let info = match kind {
            NewLink::Bridge => vec![LinkInfo::Kind(InfoKind::Bridge)],
            NewLink::Veth { peer } => {
                let mut other = LinkMessage::default();
                other
                    .attributes
                    .push(LinkAttribute::IfName(peer.to_owned()));
                vec![
                    LinkInfo::Kind(InfoKind::Veth),
                    LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(other))),
                ]
            }
        };
        message.attributes.push(LinkAttribute::LinkInfo(info));
        self.request(
            format!("making the link {name}"),
            RouteNetlinkMessage::NewLink(message),
            NLM_F_CREATE | NLM_F_EXCL,
        )
    }

    /// Removes a link.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`, `EOPNOTSUPP` for hardware.
    pub fn delete_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::DelLink(link_message(index));
        self.request(format!("deleting link {index}"), message, 0)
    }

    /// Sets a link administratively up or down.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`.
    pub fn set_up(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        let mut message = link_message(index);
        message.header.change_mask = LinkFlags::Up;
        message.header.flags = if up {
            LinkFlags::Up
        } else {
            LinkFlags::empty()
        };
        let word = if up { "up" } else { "down" };
        self.set_link(format!("setting link {index} {word}"), message)
    }

    /// Says whether the protocol on a link is up (RFC 2863: `up` or `dormant`). A dormant link takes
    /// packets but does not count as running, and bridges leave it out.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`.
    pub fn set_operational(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        let state = if up { State::Up } else { State::Dormant };
        let mut message = link_message(index);
        // The kernel alone would call a link with carrier up.
        message
            .attributes
            .push(LinkAttribute::Mode(LinkMode::Dormant));
        message.attributes.push(LinkAttribute::OperState(state));
        let word = if up { "up" } else { "dormant" };
        self.set_link(format!("calling link {index} {word}"), message)
    }

    /// Sets the MTU, octets.
    ///
    /// # Errors
    /// `EINVAL` when the driver does not take it.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), NetlinkError> {
        let mut message = link_message(index);
        message.attributes.push(LinkAttribute::Mtu(mtu));
        self.set_link(format!("setting the MTU of link {index} to {mtu}"), message)
    }

    /// Sets how many packets may wait for a link (`txqueuelen`).
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`, `ENODEV`.
    pub fn set_queue(&mut self, index: u32, packets: u32) -> Result<(), NetlinkError> {
        let mut message = link_message(index);
        message.attributes.push(LinkAttribute::TxQueueLen(packets));
        let what = format!("setting the queue of link {index} to {packets} packets");
        self.set_link(what, message)
    }

    /// Puts a link into a bridge, or takes it out (`None`).
    ///
    /// # Errors
    /// `EINVAL` or `EOPNOTSUPP` when `bridge` is none or the link is not of Ethernet.
    pub fn set_bridge(&mut self, index: u32, bridge: Option<u32>) -> Result<(), NetlinkError> {
        let mut message = link_message(index);
        message
            .attributes
            .push(LinkAttribute::Controller(bridge.unwrap_or(0)));
        let what = match bridge {
            Some(bridge) => format!("putting link {index} into bridge {bridge}"),
            None => format!("taking link {index} out of its bridge"),
        };
        self.set_link(what, message)
    }

    fn set_link(&mut self, what: String, message: LinkMessage) -> Result<(), NetlinkError> {
        self.request(what, RouteNetlinkMessage::SetLink(message), 0)
    }

    /// All addresses with the index of their link, or those of one link.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn addresses(&mut self, index: Option<u32>) -> Result<Vec<(u32, Address)>, NetlinkError> {
        let mut addresses = Vec::new();
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        self.dump("listing addresses", request, |message| {
            if let RouteNetlinkMessage::NewAddress(message) = message
                && index.is_none_or(|index| index == message.header.index)
                && let Some(address) = Address::from_message(&message)
            {
                addresses.push((message.header.index, address));
            }
        })?;
        Ok(addresses)
    }

    /// Gives a link an address.
    ///
    /// # Errors
    /// `EEXIST` when it has it already, `EINVAL` for a prefix length out of range, `ENODEV`, `EPERM`.
    pub fn add_address(&mut self, index: u32, address: &Address) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewAddress(address_message(index, address));
        let what = format!("adding address {address} to link {index}");
        self.request(what, message, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Takes an address from a link.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` when it has it not.
    pub fn delete_address(&mut self, index: u32, address: &Address) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::DelAddress(address_message(index, address));
        let what = format!("deleting address {address} from link {index}");
        self.request(what, message, 0)
    }

    /// Takes all addresses from a link but the IPv6 link-local ones, which the kernel made.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn flush_addresses(&mut self, index: u32) -> Result<(), NetlinkError> {
        for (_, address) in self.addresses(Some(index))? {
            if matches!(address.local, IpAddr::V6(a) if a.is_unicast_link_local()) {
                continue;
            }
            match self.delete_address(index, &address) {
                // Secondary addresses go with their primary one.
                Err(error) if error.errno() == Some(libc::EADDRNOTAVAIL) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// The unicast routes of the main table.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn routes(&mut self) -> Result<Vec<Route>, NetlinkError> {
        let mut routes = Vec::new();
        let request = RouteNetlinkMessage::GetRoute(RouteMessage::default());
        self.dump("listing routes", request, |message| {
            if let RouteNetlinkMessage::NewRoute(message) = message {
                routes.extend(Route::from_message(&message));
            }
        })?;
        Ok(routes)
    }

    /// Adds a route to the main table.
    ///
    /// # Errors
    /// `EEXIST`, `ENETUNREACH` when the gateway is not reachable, `ENETDOWN` when the link is down.
    pub fn add_route(&mut self, route: &Route) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewRoute(route_message(route));
        let what = format!("adding route {route}");
        self.request(what, message, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds a route, or puts it in the place of one to the same destination with the same metric.
    ///
    /// # Errors
    /// As [`Self::add_route`] without `EEXIST`.
    pub fn replace_route(&mut self, route: &Route) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewRoute(route_message(route));
        let what = format!("replacing route {route}");
        self.request(what, message, NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Deletes a route.
    ///
    /// # Errors
    /// `ESRCH` when there is none.
    pub fn delete_route(&mut self, route: &Route) -> Result<(), NetlinkError> {
        let mut message = route_message(route);
        // Whoever made it, with whatever scope.
        message.header.scope = RouteScope::NoWhere;
        message.header.protocol = RouteProtocol::Unspec;
        let message = RouteNetlinkMessage::DelRoute(message);
        self.request(format!("deleting route {route}"), message, 0)
    }

    /// One request that is only acknowledged.
    fn request(
        &mut self,
        what: String,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), NetlinkError> {
        self.exchange(message, NLM_F_REQUEST | NLM_F_ACK | flags, |_| {})
            .map_err(|error| NetlinkError::new(what, error))
    }

    /// One request that is answered by many messages.
    fn dump(
        &mut self,
        what: &str,
        message: RouteNetlinkMessage,
        each: impl FnMut(RouteNetlinkMessage),
    ) -> Result<(), NetlinkError> {
        self.exchange(message, NLM_F_REQUEST | NLM_F_DUMP, each)
            .map_err(|error| NetlinkError::new(what, error))
    }

    fn exchange(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        mut each: impl FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        self.socket.send(&octets, 0)?;
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the kernel did not answer",
                    ));
                }
                Err(e) => return Err(e),
            }
            for message in Messages(&buffer) {
                // Answers to an earlier request that was given up.
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok(()),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(inner) => each(inner),
                    _ => {}
                }
            }
        }
    }
}

/// The messages of one datagram. One that the crates do not understand is left out.
struct Messages<'b>(&'b [u8]);

impl Iterator for Messages<'_> {
    type Item = NetlinkMessage<RouteNetlinkMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let len = u32::from_ne_bytes(*self.0.first_chunk()?) as usize;
            let one = self.0.get(..len).filter(|one| one.len() >= 16)?;
            self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
            if let Ok(message) = NetlinkMessage::deserialize(one) {
                return Some(message);
            }
        }
    }
}

fn link_message(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn address_message(index: u32, address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.local);
    message.header.prefix_len = address.prefix_len;
    message.header.scope = AddressScope::Universe;
    message.header.index = index;
    message
        .attributes
        .push(AddressAttribute::Local(address.local));
    let peer = address.peer.unwrap_or(address.local);
    message.attributes.push(AddressAttribute::Address(peer));
    if let Some(broadcast) = address.broadcast {
        message
            .attributes
            .push(AddressAttribute::Broadcast(broadcast));
    }
    message
}

fn route_message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family(route.destination),
        destination_prefix_length: route.prefix_len,
        table: libc::RT_TABLE_MAIN,
        protocol: route.protocol.into(),
        scope: match route.gateway {
            Some(_) => RouteScope::Universe,
            None if route.destination.is_ipv4() => RouteScope::Link,
            None => RouteScope::Universe,
        },
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(route_address(
        route.destination,
    )));
    if let Some(gateway) = route.gateway {
        attributes.push(RouteAttribute::Gateway(route_address(gateway)));
    }
    if let Some(index) = route.interface {
        attributes.push(RouteAttribute::Oif(index));
    }
    if let Some(metric) = route.metric {
        attributes.push(RouteAttribute::Priority(metric));
    }
    message
}
