//! Neighbours: the hardware addresses of hosts on a link, as ARP and neighbour discovery find them.

use std::net::IpAddr;

use super::message::{Message, Request, number, short};
use super::types::{address, family, octets};
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
    /// The neighbour that a message is about. `struct ndmsg`: family, index, state, flags, type.
    pub(super) fn from_message(message: &Message<'_>) -> Option<Self> {
        let (fixed, attributes) = message.split::<12>()?;
        let mut host = None;
        let mut hardware = None;
        for (kind, value) in attributes {
            match kind {
                libc::NDA_DST => host = address(value),
                libc::NDA_LLADDR => hardware = value.try_into().ok(),
                _ => {}
            }
        }
        let state = match short(fixed.get(8..)?)? {
            libc::NUD_REACHABLE | libc::NUD_PERMANENT | libc::NUD_NOARP => Reachability::Confirmed,
            libc::NUD_STALE => Reachability::Stale,
            libc::NUD_DELAY | libc::NUD_PROBE => Reachability::Probing,
            libc::NUD_FAILED => Reachability::Failed,
            _ => Reachability::Unknown,
        };
        let known = !matches!(state, Reachability::Unknown | Reachability::Failed);
        Some(Self {
            index: number(fixed.get(4..)?)?,
            address: host?,
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
        let request = Request::new(libc::RTM_GETNEIGH, &[0; 12]);
        self.dump("listing neighbours", request, |message| {
            if message.kind == libc::RTM_NEWNEIGH {
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
        match self.ask_for(index, address, libc::NLM_F_EXCL as u16) {
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
        let request = request(index, address, 0, libc::NTF_USE);
        self.request(
            format!("asking for {address} on link {index}"),
            request,
            libc::NLM_F_CREATE as u16 | flags,
        )
    }
}

/// A request about a neighbour in a state (`NUD_`), with flags (`NTF_`).
pub(super) fn request(index: u32, address: IpAddr, state: u16, flags: u8) -> Request {
    let mut fixed = [0; 12];
    let [family_of, _, _, _, rest @ ..] = &mut fixed;
    *family_of = family(address);
    let numbers = index.to_ne_bytes().into_iter().chain(state.to_ne_bytes());
    for (place, octet) in rest.iter_mut().zip(numbers.chain([flags])) {
        *place = octet;
    }
    Request::new(libc::RTM_NEWNEIGH, &fixed).with(libc::NDA_DST, &octets(address))
}
