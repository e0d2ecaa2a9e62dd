//! A master of the kernel's driver, with the rules that the driver leaves to its callers.

use std::path::{Path, PathBuf};

use wanbox_eql_engine::{Device, Refusal, check_enslave};
use wanbox_runtime::control::Failure;
use wanbox_runtime::eql::{self, EqlError};
use wanbox_runtime::netlink::{Link, Netlink, NetlinkError};
use wanbox_runtime::{daemon, files};

use crate::circle;
use crate::control::{self, Rate, SlaveState, SlaveStatus, Status, refused};
use crate::master::Wanted;

/// `IFF_MASTER` and `IFF_SLAVE` (`netdevice(7)`).
pub const MASTER: u32 = 0x400;
pub const SLAVE: u32 = 0x800;
/// The hardware type of the driver's devices (`ARPHRD_SLIP`).
const SLIP: u16 = 256;

/// The slowest line that the driver reckons with, bit/s: what its counter of octets loses every
/// second would be nothing with less.
const MIN_BPS: u64 = 8;

/// A device of the driver.
#[derive(Debug)]
pub struct Kernel {
    device: eql::Device,
    netlink: Netlink,
    run_dir: PathBuf,
}

impl Kernel {
    /// The device of this name; the run directory is where eqlds keep their locks.
    pub fn open(run_dir: &Path, name: &str) -> Result<Self, EqlError> {
        let device = eql::Device::open(name)?;
        let netlink = Netlink::open().map_err(|error| EqlError::System {
            master: name.to_owned(),
            what: "asking for the interfaces",
            error: std::io::Error::other(error),
        })?;
        Ok(Self {
            device,
            netlink,
            run_dir: run_dir.to_owned(),
        })
    }

    pub fn enslave(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let name = self.device.name().to_owned();
        let bps = fixed(&name, wanted.rate)?;
        for (given, option) in [
            (wanted.sticky, "--sticky"),
            (wanted.next_hop.is_some(), "--via"),
        ] {
            if given {
                return Err(not_here(&name, option));
            }
        }
        let links = self.links()?;
        let master = find(&links, &name)?;
        let slave = find(&links, &wanted.slave)?;
        self.check_rules(&links, master, slave, bps)?;
        let limits = self.device.limits().map_err(failure)?;
        let max_slaves = usize::try_from(limits.max_slaves).unwrap_or(0);
        if self.slaves(&links)?.len() >= max_slaves {
            return Err(refused(Refusal::Full {
                master: name,
                max_slaves,
            }));
        }
        self.device
            .enslave(&wanted.slave, bps)
            .map_err(|error| match error {
                EqlError::Full(master) => refused(Refusal::Full { master, max_slaves }),
                error => failure(error),
            })
    }

    /// The HOWTO's rules, and that no packet can come back.
    fn check_rules(
        &mut self,
        links: &[Link],
        master: &Link,
        slave: &Link,
        bps: u64,
    ) -> Result<(), Failure> {
        let run_dir = &self.run_dir;
        let is_eqld = daemon::running(&control::pid_file(run_dir, &slave.name));
        let of_eqld = files::is_locked(&control::slave_lock(run_dir, &slave.name));
        let of_eqld = of_eqld.unwrap_or(false);
        let device = Device {
            name: &slave.name,
            up: slave.is_up() && slave.is_running(),
            mtu: slave.mtu,
            master: slave.flags & MASTER != 0 || matches!(is_eqld, Ok(Some(_))),
            slave: slave.flags & SLAVE != 0 || of_eqld,
        };
        let of = Device {
            name: &master.name,
            up: master.is_up(),
            mtu: master.mtu,
            master: true,
            slave: false,
        };
        let rate = wanbox_eql_engine::Rate::Fixed(bps);
        match check_enslave(&of, &device, rate, false) {
            Ok(()) => circle::check(links, master, slave, |end| {
                self.netlink.way_to(end).ok().flatten()
            }),
            Err(Refusal::AlreadyEnslaved {
                slave: name,
                master: None,
            }) if of_eqld => Err(refused(Refusal::AlreadyEnslaved {
                master: eqld_of(run_dir, &name),
                slave: name,
            })),
            Err(refusal) => Err(refused(with_master(refusal, links, slave))),
        }
    }

    pub fn emancipate(&mut self, slave: &str) -> Result<(), Failure> {
        self.check_slave(slave)?;
        self.device.emancipate(slave).map_err(failure)
    }

    pub fn set_rate(&mut self, slave: &str, rate: Rate) -> Result<(), Failure> {
        let bps = fixed(self.device.name(), rate)?;
        self.check_slave(slave)?;
        self.device.set_priority(slave, bps).map_err(failure)
    }

    pub fn set_limits(&mut self, max: Option<usize>, min: Option<usize>) -> Result<(), Failure> {
        let mut limits = self.device.limits().map_err(failure)?;
        let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        limits.max_slaves = max.map_or(limits.max_slaves, number);
        limits.min_slaves = min.map_or(limits.min_slaves, number);
        if limits.min_slaves > limits.max_slaves {
            return Err(Failure::usage(format!(
                "at least {} slaves and at most {} can't both be",
                limits.min_slaves, limits.max_slaves
            )));
        }
        self.device.set_limits(limits).map_err(failure)
    }

    pub fn status(&mut self) -> Result<Status, Failure> {
        let links = self.links()?;
        let master = find(&links, self.device.name())?;
        let limits = self.device.limits().map_err(failure)?;
        let slaves = self.slaves(&links)?;
        Ok(Status {
            master: master.name.clone(),
            driver: "kernel".into(),
            pid: None,
            up: master.is_up(),
            mtu: master.mtu,
            scheduler: "priority".into(),
            order: "none".into(),
            max_slaves: u64::try_from(limits.max_slaves).unwrap_or(0),
            min_slaves: u64::try_from(limits.min_slaves).unwrap_or(0),
            sent_packets: master.stats.tx_packets,
            sent_octets: None,
            dropped: [("dropped".to_owned(), master.stats.tx_dropped)].into(),
            slaves: slaves.into_iter().map(shown).collect(),
        })
    }

    /// Its slaves and their priorities, in the order of their names: the driver tells no list, but
    /// whether an interface is in it.
    fn slaves<'l>(&self, links: &'l [Link]) -> Result<Vec<(&'l Link, u64)>, Failure> {
        let mut slaves = Vec::new();
        for link in links.iter().filter(|link| link.flags & SLAVE != 0) {
            if let Some(priority) = self.device.priority(&link.name).map_err(failure)? {
                slaves.push((link, priority));
            }
        }
        slaves.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        Ok(slaves)
    }

    /// It is there, and a slave of this master.
    fn check_slave(&mut self, slave: &str) -> Result<(), Failure> {
        let links = self.links()?;
        find(&links, slave)?;
        match self.device.priority(slave).map_err(failure)? {
            Some(_) => Ok(()),
            None => Err(refused(Refusal::NotEnslaved {
                slave: slave.to_owned(),
                master: self.device.name().to_owned(),
            })),
        }
    }

    fn links(&mut self) -> Result<Vec<Link>, Failure> {
        self.netlink
            .links()
            .map_err(|error: NetlinkError| Failure::new(error.to_string()))
    }
}

/// A device of the driver: a master with SLIP's hardware type.
pub fn is_eql(link: &Link) -> bool {
    link.flags & MASTER != 0 && link.kind == SLIP
}

fn find<'l>(links: &'l [Link], name: &str) -> Result<&'l Link, Failure> {
    links
        .iter()
        .find(|link| link.name == name)
        .ok_or_else(|| refused(Refusal::NoSuchDevice(name.to_owned())))
}

/// The rate for the driver, which measures none.
fn fixed(master: &str, rate: Rate) -> Result<u64, Failure> {
    match rate {
        Rate::Auto => Err(not_here(master, "auto")),
        Rate::Fixed(bps @ 1..MIN_BPS) => Err(Failure::usage(format!(
            "{bps} bit/s is less than an octet a second: at least {MIN_BPS} are expected"
        ))),
        Rate::Fixed(bps) => Ok(bps),
    }
}

fn not_here(master: &str, what: &str) -> Failure {
    Failure::usage(format!(
        "{what} is for masters of eqld: {master} is a device of the kernel's driver, which cannot \
         do that"
    ))
}

/// Names the master of a slave of the kernel's in a refusal that lacks it.
pub fn with_master(refusal: Refusal, links: &[Link], slave: &Link) -> Refusal {
    match refusal {
        Refusal::AlreadyEnslaved {
            slave: name,
            master: None,
        } => Refusal::AlreadyEnslaved {
            slave: name,
            master: owner(links, slave),
        },
        other => other,
    }
}

/// The master of a slave of the kernel, as far as the kernel tells.
fn owner(links: &[Link], slave: &Link) -> Option<String> {
    // The eql driver does not say whose slave it is, but answers for its own.
    let eql = links.iter().filter(|link| is_eql(link)).find(|link| {
        let device = eql::Device::open(&link.name);
        device.is_ok_and(|device| matches!(device.priority(&slave.name), Ok(Some(_))))
    });
    let other = || links.iter().find(|link| Some(link.index) == slave.bridge);
    eql.or_else(other).map(|link| link.name.clone())
}

/// The master whose eqld has a slave; it writes its name into the lock.
fn eqld_of(run_dir: &Path, slave: &str) -> Option<String> {
    let text = files::read_text(&control::slave_lock(run_dir, slave), 64).ok()?;
    Some(text.trim_end().to_owned()).filter(|name| !name.is_empty())
}

fn shown((link, priority): (&Link, u64)) -> SlaveStatus {
    let lost = [
        ("dropped", link.stats.tx_dropped),
        ("errors", link.stats.tx_errors),
    ];
    SlaveStatus {
        name: link.name.clone(),
        // The driver removes one that is down at the next packet or second.
        state: if link.is_up() {
            SlaveState::Up
        } else {
            SlaveState::Buried
        },
        rate: Rate::Fixed(priority),
        measured_bps: None,
        priority,
        queued_packets: None,
        queued_octets: None,
        sent_packets: link.stats.tx_packets,
        sent_octets: link.stats.tx_octets,
        lost: lost
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect(),
        events: std::collections::BTreeMap::new(),
        sticky: false,
        next_hop: None,
    }
}

/// The driver's refusal, with the exit code of the command.
pub fn failure(error: EqlError) -> Failure {
    match error {
        EqlError::NoDevice(name) => refused(Refusal::NoSuchDevice(name)),
        EqlError::NotEql(name) => refused(Refusal::NotMaster(name)),
        EqlError::Refused(name) => Failure::new(format!(
            "{name}: the driver refused: an interface has changed just now: try again"
        )),
        EqlError::Name(_) | EqlError::Priority(_) => Failure::usage(error.to_string()),
        error => Failure::new(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_cannot_do() {
        assert_eq!(fixed("eql", Rate::Fixed(8)).unwrap(), 8);
        for (rate, text) in [
            (Rate::Fixed(7), "less than an octet a second"),
            (Rate::Auto, "auto is for masters of eqld"),
        ] {
            let failure = fixed("eql", rate).unwrap_err();
            assert!(
                failure.text.contains(text) && failure.code == 2,
                "{failure}"
            );
        }
    }

    #[test]
    fn codes() {
        let name = || "eql".to_owned();
        for (error, code) in [
            (EqlError::NoDevice(name()), 3),
            (EqlError::NotEql(name()), 3),
            (EqlError::Refused(name()), 1),
            (EqlError::NotPermitted(name()), 1),
            (EqlError::Full(name()), 1),
            (EqlError::Name(name()), 2),
        ] {
            let text = error.to_string();
            assert_eq!(failure(error).code, code, "{text}");
        }
    }
}
