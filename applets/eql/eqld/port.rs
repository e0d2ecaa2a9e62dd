//! The interface of a slave: whether it can carry packets now, and handing them to it.

use std::net::IpAddr;
use std::path::Path;

use wanbox_eql_engine::{Framing, NextHop, SlaveId, Transmit};
use wanbox_runtime::event_loop::Source;
use wanbox_runtime::files::{FileError, FileProblem, Lock};
use wanbox_runtime::netlink::Link;
use wanbox_runtime::packet::{MAX_BATCH, Output, Stopped, Taken};

use super::packets::Packet;
use crate::control;

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;
/// `IFF_NOARP`.
const NO_ARP: u32 = 0x80;
/// `ARPHRD_SLIP` to `ARPHRD_CSLIP6`.
const SLIP: std::ops::RangeInclusive<u16> = 256..=259;

/// What stands between a slave and its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no interface of that name.
    Absent,
    /// It is not up and running.
    Down,
    /// Its MTU is smaller than the master's.
    Mtu(u32),
    /// The next hop does not answer.
    NextHop(IpAddr),
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("the interface is gone"),
            Self::Down => f.write_str("not up and running"),
            Self::Mtu(mtu) => write!(f, "its MTU became {mtu}, less than the master's"),
            Self::NextHop(address) => write!(f, "{address} does not answer"),
        }
    }
}

/// A slave's interface. It is known by its name: one that is renamed is gone, and one that gets
/// the name of a slave that waits is that slave.
#[derive(Debug)]
pub struct Port {
    pub id: SlaveId,
    pub name: String,
    /// As the kernel described it last; `None` when there is none of that name.
    pub link: Option<Link>,
    pub next_hop: Option<NextHop>,
    /// Keeps other masters from taking it, as long as it is ours.
    pub lock: Option<Lock>,
    pub output: Option<Output>,
    /// The output's registration while it is waited for.
    pub waiting: Option<Source>,
    /// Packets on their way to the output.
    pub batch: Vec<Transmit<Packet>>,
}

impl Port {
    pub fn new(
        id: SlaveId,
        link: Option<Link>,
        name: String,
        next_hop: Option<NextHop>,
        lock: Lock,
    ) -> Self {
        Self {
            id,
            name,
            link,
            next_hop,
            lock: Some(lock),
            output: None,
            waiting: None,
            batch: Vec::with_capacity(MAX_BATCH),
        }
    }

    /// The interface's number.
    pub fn index(&self) -> Option<u32> {
        self.link.as_ref().map(|link| link.index)
    }

    /// Whether the interface is up and running.
    pub fn runs(&self) -> bool {
        let link = self.link.as_ref();
        link.is_some_and(|link| link.is_up() && link.is_running())
    }

    /// What keeps it from carrying packets of this MTU, octets.
    pub fn obstacle(&self, mtu: u32) -> Option<Obstacle> {
        let Some(link) = &self.link else {
            return Some(Obstacle::Absent);
        };
        if !self.runs() {
            return Some(Obstacle::Down);
        }
        if link.mtu < mtu {
            return Some(Obstacle::Mtu(link.mtu));
        }
        self.next_hop
            .as_ref()
            .filter(|hop| hop.hardware().is_none())
            .map(|hop| Obstacle::NextHop(hop.address()))
    }

    /// Gives the gathered packets to the device. What it took is given to `taken`, in order; why the
    /// next one was not taken, if there is one.
    pub fn hand_over(&mut self, mut taken: impl FnMut(Transmit<Packet>)) -> Option<Stopped> {
        let Some(output) = &self.output else {
            return Some(Stopped::Gone);
        };
        let hardware = self.next_hop.as_ref().and_then(NextHop::hardware);
        let packets = self.batch.iter().map(|transmit| transmit.packet.octets());
        let Taken { count, stopped } = output.send(packets, hardware);
        for transmit in self.batch.drain(..count.min(self.batch.len())) {
            taken(transmit);
        }
        stopped
    }
}

/// Checks that packets can be put on an interface: those of an Ethernet go to a neighbour, and
/// only there one can be named.
///
/// # Errors
/// What is wrong, for people.
pub fn check_next_hop(link: &Link, next_hop: Option<IpAddr>) -> Result<(), String> {
    let name = &link.name;
    let pointed = link.is_point_to_point() || link.flags & NO_ARP != 0;
    match (link.kind, next_hop) {
        (ETHERNET, Some(hop))
            if hop.is_unspecified() || hop.is_multicast() || hop.is_loopback() =>
        {
            Err(format!("{hop} is no address of a next router"))
        }
        (ETHERNET, Some(_)) => Ok(()),
        (ETHERNET, None) => Err(format!(
            "{name} is an Ethernet: name the next router on it (--via ADDRESS)"
        )),
        (_, Some(_)) => Err(format!(
            "{name} has one other end: a next hop is for an Ethernet"
        )),
        (_, None) if pointed => Ok(()),
        (kind, None) => Err(format!(
            "{name} needs hardware addresses of a kind that is not known here ({kind}): point-to-point \
             interfaces and Ethernets can be slaves"
        )),
    }
}

/// What the line behind an interface adds to a packet, as far as its kind tells.
pub fn framing_of(link: &Link) -> Framing {
    match link.kind {
        ETHERNET => Framing::ETHERNET,
        kind if SLIP.contains(&kind) => Framing::SLIP,
        _ => Framing::HDLC,
    }
}

/// Takes an interface for a master, so that no other takes it: the lock is gone with its process.
///
/// # Errors
/// The master that has it, where that can be told, or what went wrong.
pub fn claim(run_dir: &Path, slave: &str, master: &str) -> Result<Lock, Claim> {
    use std::os::unix::fs::FileExt;

    let path = control::slave_lock(run_dir, slave);
    match Lock::acquire(&path) {
        Ok(lock) => {
            let name = format!("{master}\n");
            let written = lock
                .file()
                .set_len(0)
                .and_then(|()| lock.file().write_all_at(name.as_bytes(), 0));
            match written {
                Ok(()) => Ok(lock),
                Err(error) => {
                    lock.remove();
                    Err(Claim::Failed(format!("{}: {error}", path.display())))
                }
            }
        }
        Err(FileError {
            problem: FileProblem::Locked,
            ..
        }) => {
            let owner = wanbox_runtime::files::read_text(&path, 64).unwrap_or_default();
            Err(Claim::Taken(owner.trim_end().to_owned()))
        }
        Err(error) => Err(Claim::Failed(error.to_string())),
    }
}

/// Why an interface could not be claimed.
#[derive(Debug)]
pub enum Claim {
    /// This master has it; empty when it cannot be told.
    Taken(String),
    /// What went wrong.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_eql_engine::Heard;

    fn link(kind: u16, flags: u32) -> Link {
        Link {
            index: 7,
            name: "x0".into(),
            kind,
            flags,
            mtu: 1500,
            ..Link::default()
        }
    }

    const UP: u32 = 0x41;
    const POINT_TO_POINT: u32 = 0x10;

    #[test]
    fn who_needs_a_next_hop() {
        let hop = Some(IpAddr::from([192, 0, 2, 1]));
        let multicast = Some(IpAddr::from([224, 0, 0, 1]));
        for (kind, flags, next_hop, wrong) in [
            (ETHERNET, UP, hop, None),
            (ETHERNET, UP, None, Some("name the next router")),
            (ETHERNET, UP, multicast, Some("224.0.0.1 is no address")),
            (512, UP | POINT_TO_POINT, None, None),
            (512, UP | POINT_TO_POINT, hop, Some("is for an Ethernet")),
            (65_534, UP | NO_ARP, None, None),
            (32, UP, None, Some("(32)")),
        ] {
            let checked = check_next_hop(&link(kind, flags), next_hop);
            match (checked, wrong) {
                (Ok(()), None) => {}
                (Err(text), Some(words)) => assert!(text.contains(words), "{text}"),
                (checked, _) => panic!("kind {kind}, {next_hop:?}: {checked:?}"),
            }
        }
    }

    #[test]
    fn obstacles_in_their_order() {
        let dir = std::env::temp_dir().join(format!("wanbox-port-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let lock = claim(&dir, "x0", "eql").unwrap();
        let Err(Claim::Taken(owner)) = claim(&dir, "x0", "eql1") else {
            panic!("taken twice");
        };
        assert_eq!(owner, "eql");
        let address = [192, 0, 2, 1].into();
        let mut port = Port::new(
            SlaveId(1),
            Some(link(ETHERNET, 0)),
            "x0".into(),
            Some(NextHop::new(address)),
            lock,
        );
        assert_eq!(port.obstacle(1500), Some(Obstacle::Down));
        port.link = Some(link(ETHERNET, UP));
        assert_eq!(port.obstacle(1501), Some(Obstacle::Mtu(1500)));
        assert_eq!(port.obstacle(1500), Some(Obstacle::NextHop(address)));
        if let Some(hop) = &mut port.next_hop {
            let heard = Heard::At {
                hardware: [2; 6],
                doubted: false,
            };
            hop.heard(std::time::Instant::now(), heard);
        }
        assert_eq!(port.obstacle(576), None);
        port.link = None;
        assert_eq!(port.obstacle(576), Some(Obstacle::Absent));
        drop(port);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
