//! Changes of links, addresses and neighbours as they happen.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::message::{Message, Messages};
use super::{Address, BUFFER, Link, Neighbour, NetlinkError};

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
                .extend(Messages(&self.buffer).filter_map(|message| event(&message)));
        }
        Ok(self.events.pop_front())
    }
}

fn event(message: &Message<'_>) -> Option<NetEvent> {
    match message.kind {
        libc::RTM_NEWLINK => Link::from_message(message).map(NetEvent::Link),
        libc::RTM_DELLINK => Link::from_message(message).map(NetEvent::LinkGone),
        libc::RTM_NEWADDR => {
            Address::from_message(message).map(|(index, address)| NetEvent::Address(index, address))
        }
        libc::RTM_DELADDR => Address::from_message(message)
            .map(|(index, address)| NetEvent::AddressGone(index, address)),
        libc::RTM_NEWNEIGH => Neighbour::from_message(message).map(NetEvent::Neighbour),
        libc::RTM_DELNEIGH => Neighbour::from_message(message).map(NetEvent::NeighbourGone),
        _ => None,
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
