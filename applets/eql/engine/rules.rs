//! Who may be a slave of whom: the HOWTO's rules, and what is said when one is broken.
//!
//! They are the same for a device of the kernel's driver, which checks only some of them itself,
//! and for a master in user space.

use std::fmt;

use crate::rate::{MAX_RATE_BPS, Rate};

/// Slaves that a master takes unless told otherwise, as the driver's.
pub const DEFAULT_MAX_SLAVES: usize = 4;

/// The least number of slaves; the driver stores it and never uses it.
pub const MIN_SLAVES: usize = 1;

/// The highest number of slaves that a master can be told to take.
pub const MAX_SLAVES: usize = 64;

/// The longest name of an interface, octets.
pub const NAME_OCTETS: usize = 15;

/// Why something was not done. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This can't be the name of an interface.
    Name(String),
    /// There is no such interface.
    NoSuchDevice(String),
    /// The interface is not up and running.
    NotUp(String),
    /// The slave is the master.
    Itself(String),
    /// The slave is a master itself, so that packets could go in a circle.
    IsMaster(String),
    /// The interface takes slaves no more than any other.
    NotMaster(String),
    /// It is a slave already, of this master or of one that is not known.
    AlreadyEnslaved {
        /// The interface.
        slave: String,
        /// Its master, if it is known.
        master: Option<String>,
    },
    /// The MTU of the two differ.
    Mtu {
        /// The master's name.
        master: String,
        /// Its MTU, octets.
        master_mtu: u32,
        /// The slave's name.
        slave: String,
        /// Its MTU, octets.
        slave_mtu: u32,
    },
    /// The master has as many slaves as it may have.
    Full {
        /// The master's name.
        master: String,
        /// Its limit.
        max_slaves: usize,
    },
    /// A rate of 0, or one that is absurd, bit/s.
    Rate(u64),
    /// It is no slave of this master.
    NotEnslaved {
        /// The interface.
        slave: String,
        /// The master.
        master: String,
    },
    /// A limit of slaves out of its range.
    MaxSlaves(usize),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "'{name}' is no name of an interface: 1 to {NAME_OCTETS} octets are expected, \
                 without blanks, '/' and ':'"
            ),
            Self::NoSuchDevice(name) => write!(f, "{name}: there is no such interface"),
            Self::NotUp(name) => write!(
                f,
                "{name} is not up and running: bring it up first (ifconfig {name} up, and its line)"
            ),
            Self::Itself(name) => write!(
                f,
                "{name} can't be its own slave: name an interface whose line leads to the other end"
            ),
            Self::IsMaster(name) => write!(
                f,
                "{name} is a master itself: a slave has to be an interface with a line"
            ),
            Self::NotMaster(name) => write!(
                f,
                "{name} is no master: name an eql device, or start one (eqld {name})"
            ),
            Self::AlreadyEnslaved {
                slave,
                master: Some(master),
            } => write!(
                f,
                "{slave} is a slave of {master} already: eql_emancipate {master} {slave} releases it"
            ),
            Self::AlreadyEnslaved {
                slave,
                master: None,
            } => write!(
                f,
                "{slave} is a slave already: eql_emancipate it at its master first"
            ),
            Self::Mtu {
                master,
                master_mtu,
                slave,
                slave_mtu,
            } => write!(
                f,
                "master {master} ({master_mtu}) and slave {slave} ({slave_mtu}) differ in their MTU: \
                 set both to the same (ifconfig {slave} mtu {master_mtu})"
            ),
            Self::Full { master, max_slaves } => write!(
                f,
                "{master} has its {max_slaves} slaves: release one, or let it take more \
                 (eql_tune {master} --max-slaves {})",
                max_slaves + 1
            ),
            Self::Rate(bps) => write!(
                f,
                "{bps} bit/s is no rate of a line: 1 to {MAX_RATE_BPS} is expected"
            ),
            Self::NotEnslaved { slave, master } => write!(
                f,
                "{slave} is no slave of {master}: eql_status {master} lists its slaves"
            ),
            Self::MaxSlaves(number) => write!(
                f,
                "a limit of {number} slaves: {MIN_SLAVES} to {MAX_SLAVES} is expected"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// What is known of an interface when it is to become a slave or to get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// Its name.
    pub name: &'a str,
    /// It is up and running (`IFF_UP` and `IFF_RUNNING`).
    pub up: bool,
    /// Its MTU, octets.
    pub mtu: u32,
    /// It is a master (`IFF_MASTER`, or the interface of an eqld).
    pub master: bool,
    /// It is a slave of some master (`IFF_SLAVE`, or in the list of an eqld).
    pub slave: bool,
}

/// Checks a name as the kernel does: 1 to 15 octets, neither `.` nor `..`, without white space,
/// slash and colon.
///
/// # Errors
/// [`Refusal::Name`].
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    let right = (1..=NAME_OCTETS).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(bad);
    if right {
        Ok(())
    } else {
        Err(Refusal::Name(name.to_owned()))
    }
}

/// Checks everything about a new slave that does not depend on the master's list, in the order in
/// which a person would want to hear it. A sticky slave may be down: it waits.
///
/// # Errors
/// The first rule that is broken.
pub fn check_enslave(
    master: &Device<'_>,
    slave: &Device<'_>,
    rate: Rate,
    sticky: bool,
) -> Result<(), Refusal> {
    check_name(master.name)?;
    check_name(slave.name)?;
    rate.check()?;
    let name = || slave.name.to_owned();
    if master.name == slave.name {
        return Err(Refusal::Itself(name()));
    }
    if !master.master {
        return Err(Refusal::NotMaster(master.name.to_owned()));
    }
    if !master.up {
        return Err(Refusal::NotUp(master.name.to_owned()));
    }
    if slave.master {
        return Err(Refusal::IsMaster(name()));
    }
    if slave.slave {
        return Err(Refusal::AlreadyEnslaved {
            slave: name(),
            master: None,
        });
    }
    if !slave.up && !sticky {
        return Err(Refusal::NotUp(name()));
    }
    if slave.mtu != master.mtu {
        return Err(Refusal::Mtu {
            master: master.name.to_owned(),
            master_mtu: master.mtu,
            slave: name(),
            slave_mtu: slave.mtu,
        });
    }
    Ok(())
}

/// Checks a limit of slaves.
///
/// # Errors
/// [`Refusal::MaxSlaves`].
pub fn check_max_slaves(number: usize) -> Result<(), Refusal> {
    if (MIN_SLAVES..=MAX_SLAVES).contains(&number) {
        Ok(())
    } else {
        Err(Refusal::MaxSlaves(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: Device<'_> = Device {
        name: "eql",
        up: true,
        mtu: 576,
        master: true,
        slave: false,
    };

    const SLAVE: Device<'_> = Device {
        name: "ppp0",
        up: true,
        mtu: 576,
        master: false,
        slave: false,
    };

    /// A refusal and what its text has to say.
    fn refused(master: Device<'_>, slave: Device<'_>, words: &str) {
        let refusal = check_enslave(&master, &slave, Rate::Fixed(28_800), false).unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn every_rule() {
        check_enslave(&MASTER, &SLAVE, Rate::Fixed(28_800), false).unwrap();
        check_enslave(&MASTER, &SLAVE, Rate::Auto, false).unwrap();
        refused(
            MASTER,
            Device {
                name: "eql",
                ..SLAVE
            },
            "its own slave",
        );
        refused(MASTER, Device { name: "", ..SLAVE }, "1 to 15 octets");
        refused(
            MASTER,
            Device {
                name: "sixteen-octets-x",
                ..SLAVE
            },
            "1 to 15 octets",
        );
        refused(
            MASTER,
            Device {
                name: "a b",
                ..SLAVE
            },
            "without blanks",
        );
        refused(MASTER, Device { up: false, ..SLAVE }, "ppp0 is not up");
        refused(
            Device {
                up: false,
                ..MASTER
            },
            SLAVE,
            "eql is not up",
        );
        refused(
            Device {
                master: false,
                ..MASTER
            },
            SLAVE,
            "eql is no master",
        );
        refused(
            MASTER,
            Device {
                master: true,
                ..SLAVE
            },
            "is a master itself",
        );
        refused(
            MASTER,
            Device {
                slave: true,
                ..SLAVE
            },
            "is a slave already",
        );
        refused(
            MASTER,
            Device { mtu: 1500, ..SLAVE },
            "(576) and slave ppp0 (1500) differ",
        );
        let waits = Device { up: false, ..SLAVE };
        check_enslave(&MASTER, &waits, Rate::Auto, true).unwrap();
    }

    #[test]
    fn rates_and_limits() {
        for bps in [1, 300, 28_800, MAX_RATE_BPS] {
            Rate::Fixed(bps).check().unwrap();
        }
        for bps in [0, MAX_RATE_BPS + 1, u64::MAX] {
            let refusal = check_enslave(&MASTER, &SLAVE, Rate::Fixed(bps), false);
            assert_eq!(refusal, Err(Refusal::Rate(bps)));
        }
        for number in [1, 4, 64] {
            check_max_slaves(number).unwrap();
        }
        for number in [0, 65, usize::MAX] {
            assert_eq!(check_max_slaves(number), Err(Refusal::MaxSlaves(number)));
        }
    }
}
