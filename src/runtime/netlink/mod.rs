//! Addresses, routes and link state of the host through rtnetlink (`netlink(7)`, `rtnetlink(7)`).
//!
//! Requests are short and blocking: the kernel answers at once. Each works in the
//! network namespace in which its [`Netlink`] was opened.
//!
//! The messages are read and made here (`message.rs`): a crate that knows all of rtnetlink was 0.3 MB of the
//! executable, for the dozen attributes that are needed.

mod message;
mod monitor;
mod neighbour;
mod types;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};

pub use monitor::{Monitor, NetEvent};
pub use neighbour::{Neighbour, Reachability};
pub use types::{Address, Link, LinkStats, Route, Seen};

use message::{Message, Messages, Request, append, number};
use types::{family, octets};

/// Largest datagram taken from the kernel, octets; it fills at most 32 KiB of a dump into one.
const BUFFER: usize = 64 * 1024;
/// How long the kernel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is to be added must not be there.
const NEW: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
/// The attribute of a veth's other end (`veth.h`).
const VETH_INFO_PEER: u16 = 1;
/// Who says whether a link is up: its owner (`if.h`).
const LINK_MODE_DORMANT: u8 = 1;

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
        self.dump(
            "listing links",
            link_request(libc::RTM_GETLINK, 0, None),
            |message| {
                if message.kind == libc::RTM_NEWLINK {
                    links.extend(Link::from_message(&message));
                }
            },
        )?;
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
        let request = link_request(libc::RTM_GETLINK, index, None);
        self.exchange(request, libc::NLM_F_ACK as u16, |message| {
            if message.kind == libc::RTM_NEWLINK {
                stats = Link::from_message(&message).map(|link| link.stats);
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
        let mut fixed = [0; 12];
        let [of, bits, ..] = &mut fixed;
        *of = family(address);
        *bits = if address.is_ipv4() { 32 } else { 128 };
        let request =
            Request::new(libc::RTM_GETROUTE, &fixed).with(libc::RTA_DST, &octets(address));
        let mut way = None;
        self.exchange(request, libc::NLM_F_ACK as u16, |answer| {
            if answer.kind == libc::RTM_NEWROUTE
                && let Some((fixed, mut attributes)) = answer.split::<12>()
                && let [.., libc::RTN_UNICAST, _, _, _, _] = fixed
            {
                let found = attributes.find(|(kind, _)| *kind == libc::RTA_OIF);
                way = found.and_then(|(_, index)| number(index));
            }
        })
        .map_err(|error| NetlinkError::new(format!("the way to {address}"), error))?;
        Ok(way)
    }

    /// Makes a link.
    ///
    /// # Errors
    /// `EEXIST` when the name is taken, `EPERM`, `EOPNOTSUPP` when the kernel lacks the kind.
    pub fn add_link(&mut self, name: &str, kind: NewLink<'_>) -> Result<(), NetlinkError> {
        let mut info = Vec::new();
        match kind {
            NewLink::Bridge => append(&mut info, libc::IFLA_INFO_KIND, b"bridge"),
            NewLink::Veth { peer } => {
                append(&mut info, libc::IFLA_INFO_KIND, b"veth");
                // The other one as it would be asked for by itself.
                let mut other = vec![0; 16];
                append(&mut other, libc::IFLA_IFNAME, &terminated(peer));
                let mut data = Vec::new();
                append(&mut data, VETH_INFO_PEER, &other);
                append(&mut info, libc::IFLA_INFO_DATA, &data);
            }
        }
        let request = link_request(libc::RTM_NEWLINK, 0, None)
            .with(libc::IFLA_IFNAME, &terminated(name))
            .with(libc::IFLA_LINKINFO, &info);
        self.request(format!("making the link {name}"), request, NEW)
    }

    /// Removes a link.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`, `EOPNOTSUPP` for hardware.
    pub fn delete_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        let request = link_request(libc::RTM_DELLINK, index, None);
        self.request(format!("deleting link {index}"), request, 0)
    }

    /// Sets a link administratively up or down.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`.
    pub fn set_up(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        let request = link_request(libc::RTM_SETLINK, index, Some(up));
        let word = if up { "up" } else { "down" };
        self.request(format!("setting link {index} {word}"), request, 0)
    }

    /// Says whether the protocol on a link is up (RFC 2863: `up` or `dormant`). A dormant link takes
    /// packets but does not count as running, and bridges leave it out.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM`.
    pub fn set_operational(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        let state = if up {
            libc::IF_OPER_UP
        } else {
            libc::IF_OPER_DORMANT
        };
        // The kernel alone would call a link with carrier up.
        let request = link_request(libc::RTM_SETLINK, index, None)
            .with(libc::IFLA_LINKMODE, &[LINK_MODE_DORMANT])
            .with(libc::IFLA_OPERSTATE, &[state as u8]);
        let word = if up { "up" } else { "dormant" };
        self.request(format!("calling link {index} {word}"), request, 0)
    }

    /// Sets the MTU, octets.
    ///
    /// # Errors
    /// `EINVAL` when the driver does not take it.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), NetlinkError> {
        let what = format!("setting the MTU of link {index} to {mtu}");
        self.set_link(what, index, libc::IFLA_MTU, mtu)
    }

    /// Sets how many packets may wait for a link (`txqueuelen`).
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`, `ENODEV`.
    pub fn set_queue(&mut self, index: u32, packets: u32) -> Result<(), NetlinkError> {
        let what = format!("setting the queue of link {index} to {packets} packets");
        self.set_link(what, index, libc::IFLA_TXQLEN, packets)
    }

    /// Puts a link into a bridge, or takes it out (`None`).
    ///
    /// # Errors
    /// `EINVAL` or `EOPNOTSUPP` when `bridge` is none or the link is not of Ethernet.
    pub fn set_bridge(&mut self, index: u32, bridge: Option<u32>) -> Result<(), NetlinkError> {
        let what = match bridge {
            Some(bridge) => format!("putting link {index} into bridge {bridge}"),
            None => format!("taking link {index} out of its bridge"),
        };
        self.set_link(what, index, libc::IFLA_MASTER, bridge.unwrap_or(0))
    }

    /// Sets a number of a link.
    fn set_link(
        &mut self,
        what: String,
        index: u32,
        kind: u16,
        value: u32,
    ) -> Result<(), NetlinkError> {
        let request = link_request(libc::RTM_SETLINK, index, None);
        self.request(what, request.with(kind, &value.to_ne_bytes()), 0)
    }

    /// All addresses with the index of their link, or those of one link.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn addresses(&mut self, index: Option<u32>) -> Result<Vec<(u32, Address)>, NetlinkError> {
        let mut addresses = Vec::new();
        let request = Request::new(libc::RTM_GETADDR, &[0; 8]);
        self.dump("listing addresses", request, |message| {
            if message.kind == libc::RTM_NEWADDR
                && let Some(found) = Address::from_message(&message)
                && index.is_none_or(|index| index == found.0)
            {
                addresses.push(found);
            }
        })?;
        Ok(addresses)
    }

    /// Gives a link an address.
    ///
    /// # Errors
    /// `EEXIST` when it has it already, `EINVAL` for a prefix length out of range, `ENODEV`, `EPERM`.
    pub fn add_address(&mut self, index: u32, address: &Address) -> Result<(), NetlinkError> {
        let request = address_request(libc::RTM_NEWADDR, index, address);
        let what = format!("adding address {address} to link {index}");
        self.request(what, request, NEW)
    }

    /// Takes an address from a link.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` when it has it not.
    pub fn delete_address(&mut self, index: u32, address: &Address) -> Result<(), NetlinkError> {
        let request = address_request(libc::RTM_DELADDR, index, address);
        let what = format!("deleting address {address} from link {index}");
        self.request(what, request, 0)
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
        let request = Request::new(libc::RTM_GETROUTE, &[0; 12]);
        self.dump("listing routes", request, |message| {
            if message.kind == libc::RTM_NEWROUTE {
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
        let request = route_request(libc::RTM_NEWROUTE, route);
        self.request(format!("adding route {route}"), request, NEW)
    }

    /// Adds a route, or puts it in the place of one to the same destination with the same metric.
    ///
    /// # Errors
    /// As [`Self::add_route`] without `EEXIST`.
    pub fn replace_route(&mut self, route: &Route) -> Result<(), NetlinkError> {
        let request = route_request(libc::RTM_NEWROUTE, route);
        let flags = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
        self.request(format!("replacing route {route}"), request, flags)
    }

    /// Deletes a route.
    ///
    /// # Errors
    /// `ESRCH` when there is none.
    pub fn delete_route(&mut self, route: &Route) -> Result<(), NetlinkError> {
        let request = route_request(libc::RTM_DELROUTE, route);
        self.request(format!("deleting route {route}"), request, 0)
    }

    /// One request that is only acknowledged.
    fn request(&mut self, what: String, request: Request, flags: u16) -> Result<(), NetlinkError> {
        self.exchange(request, libc::NLM_F_ACK as u16 | flags, |_| {})
            .map_err(|error| NetlinkError::new(what, error))
    }

    /// One request that is answered by many messages.
    fn dump(
        &mut self,
        what: &str,
        request: Request,
        each: impl FnMut(Message<'_>),
    ) -> Result<(), NetlinkError> {
        self.exchange(request, libc::NLM_F_DUMP as u16, each)
            .map_err(|error| NetlinkError::new(what, error))
    }

    fn exchange(
        &mut self,
        request: Request,
        flags: u16,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let octets = request.finish(libc::NLM_F_REQUEST as u16 | flags, self.sequence);
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
            // Those of other numbers answer an earlier request that was given up.
            for message in Messages(&buffer).filter(|message| message.sequence == self.sequence) {
                match (i32::from(message.kind), message.status()) {
                    (libc::NLMSG_DONE, _) | (libc::NLMSG_ERROR, 0) => return Ok(()),
                    (libc::NLMSG_ERROR, error) => {
                        return Err(io::Error::from_raw_os_error(error.wrapping_neg()));
                    }
                    _ => each(message),
                }
            }
        }
    }
}

/// A name as the kernel takes it.
fn terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// A request about a link; `up`: it is to be so.
fn link_request(kind: u16, index: u32, up: Option<bool>) -> Request {
    let flag = libc::IFF_UP as u32;
    let fixed = [
        0,
        index,
        up.map_or(0, |up| if up { flag } else { 0 }),
        up.map_or(0, |_| flag),
    ];
    Request::new(kind, fixed.map(u32::to_ne_bytes).as_flattened())
}

fn address_request(kind: u16, index: u32, address: &Address) -> Request {
    let [a, b, c, d] = index.to_ne_bytes();
    let family = family(address.local);
    let scope = libc::RT_SCOPE_UNIVERSE;
    let fixed = [family, address.prefix_len, 0, scope, a, b, c, d];
    let request = Request::new(kind, &fixed)
        .with(libc::IFA_LOCAL, &octets(address.local))
        .with(
            libc::IFA_ADDRESS,
            &octets(address.peer.unwrap_or(address.local)),
        );
    match address.broadcast {
        Some(broadcast) => request.with(libc::IFA_BROADCAST, &broadcast.octets()),
        None => request,
    }
}

fn route_request(kind: u16, route: &Route) -> Request {
    let (protocol, scope) = match route.gateway {
        // Whoever made it, with whatever scope.
        _ if kind == libc::RTM_DELROUTE => (libc::RTPROT_UNSPEC, libc::RT_SCOPE_NOWHERE),
        None if route.destination.is_ipv4() => (route.protocol, libc::RT_SCOPE_LINK),
        _ => (route.protocol, libc::RT_SCOPE_UNIVERSE),
    };
    let (family, table) = (family(route.destination), libc::RT_TABLE_MAIN);
    let fixed = [
        family,
        route.prefix_len,
        0,
        0,
        table,
        protocol,
        scope,
        libc::RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    let mut request = Request::new(kind, &fixed).with(libc::RTA_DST, &octets(route.destination));
    if let Some(gateway) = route.gateway {
        request = request.with(libc::RTA_GATEWAY, &octets(gateway));
    }
    for (kind, number) in [
        (libc::RTA_OIF, route.interface),
        (libc::RTA_PRIORITY, route.metric),
    ] {
        if let Some(number) = number {
            request = request.with(kind, &number.to_ne_bytes());
        }
    }
    request
}
