//! Changes of links, addresses and neighbours as they happen.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::{Address, BUFFER, Link, Messages, Neighbour, NetlinkError};

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// A link is new or changed.
    Link(Link),
    /// A link is gone.
    LinkGone(Link),
    /// An address is new or changed: the link's index and the address.
    Address(u32, Address),
    /// An address is gone.
    AddressGone(u32, Address),
    /// A neighbour is new or changed. Only of [`Monitor::open_with_neighbours`].
    Neighbour(Neighbour),
    /// A neighbour is forgotten.
    NeighbourGone(Neighbour),
    /// The kernel could not queue everything: read the state anew.
    Lost,
}

/// A socket that hears of changes in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    buffer: Vec<u8>,
    /// Events of the last datagram; bounded by its size.
    events: VecDeque<NetEvent>,
}

impl Monitor {
    /// Opens a non-blocking socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// No rtnetlink in this kernel, or too many open files.
    pub fn open() -> Result<Self, NetlinkError> {
        Self::of_groups(&[
            libc::RTNLGRP_LINK,
            libc::RTNLGRP_IPV4_IFADDR,
            libc::RTNLGRP_IPV6_IFADDR,
        ])
    }

    /// The same for links and neighbours, without addresses.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_neighbours() -> Result<Self, NetlinkError> {
        Self::of_groups(&[libc::RTNLGRP_LINK, libc::RTNLGRP_NEIGH])
    }

    fn of_groups(groups: &[u32]) -> Result<Self, NetlinkError> {
        let fail = |error| NetlinkError::new("opening a netlink monitor", error);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(fail)?;
        socket.bind_auto().map_err(fail)?;
        for group in groups {
            socket.add_membership(*group).map_err(fail)?;
        }
        socket.set_non_blocking(true).map_err(fail)?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(BUFFER),
            events: VecDeque::new(),
        })
    }

    /// The next change; `None`: nothing there now.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn poll_event(&mut self) -> io::Result<Option<NetEvent>> {
        while self.events.is_empty() {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Some(NetEvent::Lost));
                }
                Err(e) => return Err(e),
            }
            self.events
                .extend(Messages(&self.buffer).filter_map(|m| event(m.payload)));
        }
        Ok(self.events.pop_front())
    }
}

fn event(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<NetEvent> {
    let NetlinkPayload::InnerMessage(message) = payload else {
        return None;
    };
    match message {
        RouteNetlinkMessage::NewLink(m) => Some(NetEvent::Link(Link::from_message(&m))),
        RouteNetlinkMessage::DelLink(m) => Some(NetEvent::LinkGone(Link::from_message(&m))),
        RouteNetlinkMessage::NewAddress(m) => {
            Address::from_message(&m).map(|a| NetEvent::Address(m.header.index, a))
        }
        RouteNetlinkMessage::DelAddress(m) => {
            Address::from_message(&m).map(|a| NetEvent::AddressGone(m.header.index, a))
        }
        RouteNetlinkMessage::NewNeighbour(m) => {
            Neighbour::from_message(&m).map(NetEvent::Neighbour)
        }
        RouteNetlinkMessage::DelNeighbour(m) => {
            Neighbour::from_message(&m).map(NetEvent::NeighbourGone)
        }
        _ => None,
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
