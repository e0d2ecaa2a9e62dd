//! Neighbours: the hardware addresses of hosts on a link, as ARP and neighbour discovery find them.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::types::family;
use super::{Netlink, NetlinkError};

/// What the kernel knows of a host on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The link.
    pub index: u32,
    /// The host.
    pub address: IpAddr,
    /// Its hardware address, while the kernel would send to it.
    pub hardware: Option<[u8; 6]>,
    /// How sure that is.
    pub state: Reachability,
}

/// How sure the kernel is of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// It is being asked for the first time, or nobody asked.
    Unknown,
    /// It answered not long ago, was set by hand, or needs no asking.
    Confirmed,
    /// It answered once and is used until it is asked again, which happens when it is used.
    Stale,
    /// It is asked again.
    Probing,
    /// It does not answer.
    Failed,
}

impl Neighbour {
    pub(super) fn from_message(message: &NeighbourMessage) -> Option<Self> {
        let mut address = None;
        let mut hardware = None;
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(a)) => {
                    address = Some((*a).into());
                }
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(a)) => {
                    address = Some((*a).into());
                }
                NeighbourAttribute::LinkLayerAddress(octets) => {
                    hardware = octets.as_slice().try_into().ok();
                }
                _ => {}
            }
        }
        let state = match message.header.state {
            NeighbourState::Reachable | NeighbourState::Permanent | NeighbourState::Noarp => {
                Reachability::Confirmed
            }
            NeighbourState::Stale => Reachability::Stale,
            NeighbourState::Delay | NeighbourState::Probe => Reachability::Probing,
            NeighbourState::Failed => Reachability::Failed,
            _ => Reachability::Unknown,
        };
        let known = !matches!(state, Reachability::Unknown | Reachability::Failed);
        Some(Self {
            index: message.header.ifindex,
            address: address?,
            hardware: hardware.filter(|_| known),
            state,
        })
    }
}

impl Netlink {
    /// What the kernel knows of the hosts on all links.
    ///
    /// # Errors
    /// See [`NetlinkError`].
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, NetlinkError> {
        let mut neighbours = Vec::new();
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        self.dump("listing neighbours", request, |message| {
            if let RouteNetlinkMessage::NewNeighbour(message) = message {
                neighbours.extend(Neighbour::from_message(&message));
            }
        })?;
        Ok(neighbours)
    }

    /// Has the kernel find out where a host is, as if there were a packet for it. What comes of it
    /// a [`super::Monitor`] tells. One that was set by hand stays as it is.
    ///
    /// # Errors
    /// `ENODEV`, `ENETDOWN`, `EPERM`, `EINVAL` for an address that is no single host's.
    pub fn resolve(&mut self, index: u32, address: IpAddr) -> Result<(), NetlinkError> {
        // A host that the kernel does not know is asked for by this alone.
        match self.ask_for(index, address, NLM_F_EXCL) {
            Err(error) if error.is_there() => {}
            asked => return asked,
        }
        // Since Linux 5.16 asking for one that was set by hand is to take that back: the kernel
        // would look for it from now on, and where nobody answers, forget what was set.
        let known = self.neighbours()?.into_iter();
        let mut confirmed = known.filter(|known| known.state == Reachability::Confirmed);
        if confirmed.any(|known| known.index == index && known.address == address) {
            return Ok(());
        }
        self.ask_for(index, address, 0)
    }

    fn ask_for(&mut self, index: u32, address: IpAddr, flags: u16) -> Result<(), NetlinkError> {
        let mut message = NeighbourMessage::default();
        message.header.family = family(address);
        message.header.ifindex = index;
        message.header.flags = NeighbourFlags::Use;
        let destination = match address {
            IpAddr::V4(a) => NeighbourAddress::Inet(a),
            IpAddr::V6(a) => NeighbourAddress::Inet6(a),
        };
        message
            .attributes
            .push(NeighbourAttribute::Destination(destination));
        self.request(
            format!("asking for {address} on link {index}"),
            RouteNetlinkMessage::NewNeighbour(message),
            NLM_F_CREATE | flags,
        )
    }
}
