//! The calls of the kernel's eql driver (`if_eql.h`): load balancing over serial links.
//!
//! Six private ioctls on the master. Others than the driver's devices give the same numbers other
//! meanings, and would write answers of their own length: so only an eql device is asked at all.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, c_long};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Takes a slave. Needs CAP_NET_ADMIN, as all that change something.
const ENSLAVE: u32 = 0x89f0;
/// Releases a slave.
const EMANCIPATE: u32 = 0x89f1;
/// Tells of a slave.
const GET_SLAVE: u32 = 0x89f2;
/// Changes a slave.
const SET_SLAVE: u32 = 0x89f3;
/// Tells the limits of a master.
const GET_MASTER: u32 = 0x89f4;
/// Changes the limits of a master.
const SET_MASTER: u32 = 0x89f5;

/// The hardware type of the driver's devices, that of SLIP (`ARPHRD_SLIP`, `if_arp.h`).
const ARPHRD_SLIP: u16 = 256;

/// Octets behind a request, for a device that is exchanged for another between two calls: the
/// longest answer that another driver gives to these numbers (PPP's statistics) has 120.
const SPARE: usize = 488;

type Name = [u8; libc::IFNAMSIZ];

/// `slaving_request_t` and `slave_config_t`, which are the same: 24 octets, 20 with 32-bit words.
#[repr(C)]
#[derive(Clone, Copy)]
struct SlaveCall {
    name: Name,
    priority: c_long,
}

/// `master_config_t`: 24 octets.
#[repr(C)]
#[derive(Clone, Copy)]
struct MasterCall {
    name: Name,
    max_slaves: c_int,
    min_slaves: c_int,
}

const _: () = assert!(size_of::<SlaveCall>() == libc::IFNAMSIZ + size_of::<c_long>());
const _: () = assert!(size_of::<MasterCall>() == 24);

/// What the kernel reads and writes: a structure of integers.
#[repr(C)]
struct Data<T> {
    call: T,
    spare: [u8; SPARE],
}

/// The limits of a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many slaves it takes.
    pub max_slaves: i32,
    /// The least number of slaves; the driver keeps it and never uses it.
    pub min_slaves: i32,
}

/// Why the driver did not do what was asked.
#[derive(Debug)]
pub enum EqlError {
    /// Not a name that an interface can have.
    Name(String),
    /// There is no such interface.
    NoDevice(String),
    /// The interface is none of the eql driver.
    NotEql(String),
    /// The caller may not do it.
    NotPermitted(String),
    /// The master has as many slaves as it takes (Linux 2.6 and later; earlier ones say nothing).
    Full(String),
    /// A priority beyond the kernel's words, bit/s.
    Priority(u64),
    /// The kernel takes no calls of a 32-bit program.
    Compat(String),
    /// The driver says that it can't be (`EINVAL`): no such slave, a master that is down, a slave
    /// that is a master or a slave already.
    Refused(String),
    /// Anything else.
    System {
        /// The master.
        master: String,
        /// What was asked.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for EqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "'{name}' is no name of an interface"),
            Self::NoDevice(name) => write!(f, "{name}: there is no such interface"),
            Self::NotEql(name) => write!(f, "{name}: not a device of the kernel's eql driver"),
            Self::NotPermitted(name) => {
                write!(f, "{name}: not permitted; root or CAP_NET_ADMIN is needed")
            }
            Self::Full(name) => write!(f, "{name}: it has as many slaves as it takes"),
            Self::Priority(bps) => write!(
                f,
                "{bps} bit/s is more than the driver can reckon with ({})",
                c_long::MAX
            ),
            Self::Compat(name) => write!(
                f,
                "{name}: this kernel's eql driver takes no calls of a 32-bit program: use a 64-bit one"
            ),
            Self::Refused(name) => write!(f, "{name}: the eql driver refused"),
            Self::System {
                master,
                what,
                error,
            } => write!(f, "{master}: {what}: {error}"),
        }
    }
}

impl std::error::Error for EqlError {}

/// A device of the eql driver.
#[derive(Debug)]
pub struct Device {
    socket: OwnedFd,
    name: String,
}

impl Device {
    /// The eql device of this name.
    ///
    /// # Errors
    /// [`EqlError::Name`], [`EqlError::NoDevice`], [`EqlError::NotEql`].
    pub fn open(name: &str) -> Result<Self, EqlError> {
        field(name)?;
        let kind = SockFlag::SOCK_CLOEXEC;
        let opened = socket(AddressFamily::Inet, SockType::Datagram, kind, None);
        let device = Self {
            socket: opened.map_err(|errno| EqlError::System {
                master: name.to_owned(),
                what: "opening a socket",
                error: errno.into(),
            })?,
            name: name.to_owned(),
        };
        if device.is_eql()? {
            Ok(device)
        } else {
            Err(EqlError::NotEql(device.name))
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a slave, with its rate in bit/s as priority. The driver does not check that the slave
    /// is up, nor that the MTU of the two are the same.
    ///
    /// # Errors
    /// [`EqlError::NoDevice`] with the slave's name, [`EqlError::Refused`] for a master that is
    /// down and for a slave that is a master or a slave, [`EqlError::Full`],
    /// [`EqlError::NotPermitted`].
    pub fn enslave(&self, slave: &str, priority: u64) -> Result<(), EqlError> {
        let call = slave_call(slave, priority)?;
        self.call(ENSLAVE, call, "enslaving", slave).map(drop)
    }

    /// Releases a slave.
    ///
    /// # Errors
    /// [`EqlError::NoDevice`], [`EqlError::Refused`] when it is no slave of this master,
    /// [`EqlError::NotPermitted`].
    pub fn emancipate(&self, slave: &str) -> Result<(), EqlError> {
        let call = slave_call(slave, 0)?;
        self.call(EMANCIPATE, call, "emancipating", slave).map(drop)
    }

    /// The priority of a slave, bit/s; `None` when it is no slave of this master.
    ///
    /// # Errors
    /// [`EqlError::Name`] and those of the system.
    pub fn priority(&self, slave: &str) -> Result<Option<u64>, EqlError> {
        let call = slave_call(slave, 0)?;
        match self.call(GET_SLAVE, call, "asking for a slave", slave) {
            Ok(SlaveCall { priority, .. }) => Ok(Some(u64::try_from(priority).unwrap_or(0))),
            Err(EqlError::Refused(_) | EqlError::NoDevice(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a slave another priority, bit/s. What the driver counts as queued stays.
    ///
    /// # Errors
    /// As [`Device::emancipate`].
    pub fn set_priority(&self, slave: &str, priority: u64) -> Result<(), EqlError> {
        let call = slave_call(slave, priority)?;
        self.call(SET_SLAVE, call, "changing a slave", slave)
            .map(drop)
    }

    /// The limits.
    ///
    /// # Errors
    /// Those of the system.
    pub fn limits(&self) -> Result<Limits, EqlError> {
        let call = MasterCall {
            name: field(&self.name)?,
            max_slaves: 0,
            min_slaves: 0,
        };
        let MasterCall {
            max_slaves,
            min_slaves,
            ..
        } = self.call(GET_MASTER, call, "asking for the limits", &self.name)?;
        Ok(Limits {
            max_slaves,
            min_slaves,
        })
    }

    /// Sets the limits. The driver checks no range, and releases nobody.
    ///
    /// # Errors
    /// [`EqlError::NotPermitted`] and those of the system.
    pub fn set_limits(&self, limits: Limits) -> Result<(), EqlError> {
        let call = MasterCall {
            name: field(&self.name)?,
            max_slaves: limits.max_slaves,
            min_slaves: limits.min_slaves,
        };
        self.call(SET_MASTER, call, "setting the limits", &self.name)
            .map(drop)
    }

    /// A master (`IFF_MASTER`) with SLIP's hardware type: the driver's devices alone are both.
    fn is_eql(&self) -> Result<bool, EqlError> {
        let flags = self.ioctl(libc::SIOCGIFFLAGS as u32, |_| {}, "asking for the flags")?;
        let hardware = self.ioctl(libc::SIOCGIFHWADDR as u32, |_| {}, "asking for the kind")?;
        // SAFETY: the kernel filled the flags of the first and the hardware address of the second
        // in; both are integers, for which every pattern of bits is a value.
        let (flags, kind) = unsafe {
            (
                flags.ifr_ifru.ifru_flags,
                hardware.ifr_ifru.ifru_hwaddr.sa_family,
            )
        };
        Ok(c_int::from(flags) & libc::IFF_MASTER != 0 && kind == ARPHRD_SLIP)
    }

    /// One call about `who`; the structure as the driver left it.
    fn call<T: Copy>(
        &self,
        number: u32,
        call: T,
        what: &'static str,
        who: &str,
    ) -> Result<T, EqlError> {
        let mut data = Data {
            call,
            spare: [0; SPARE],
        };
        // The kernel reads and writes what is here, for as long as the call takes.
        let at: *mut Data<T> = &raw mut data;
        self.ioctl(
            number,
            |request| request.ifr_ifru.ifru_data = at.cast(),
            what,
        )
        .map_err(|error| match error {
            // Which of the two is missing, the number alone does not say.
            EqlError::NoDevice(_) => EqlError::NoDevice(who.to_owned()),
            error => error,
        })?;
        Ok(data.call)
    }

    fn ioctl(
        &self,
        number: u32,
        fill: impl FnOnce(&mut libc::ifreq),
        what: &'static str,
    ) -> Result<libc::ifreq, EqlError> {
        // SAFETY: `ifreq` is a structure of integers and of pointers that may be null.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = field(&self.name)?;
        for (to, from) in request.ifr_name.iter_mut().zip(name) {
            *to = from as libc::c_char;
        }
        fill(&mut request);
        // SAFETY: the descriptor is an open socket and the request lives through the call. Asking
        // for flags and kind writes into the request alone. The others go to a device that was an
        // eql device when it was opened, whose driver reads and writes the structure that `call`
        // points to; if that name belongs to another device by now, there is room behind it.
        let done = unsafe { libc::ioctl(self.socket.as_raw_fd(), number as _, &raw mut request) };
        if done >= 0 {
            return Ok(request);
        }
        let error = io::Error::last_os_error();
        let master = self.name.clone();
        Err(match error.raw_os_error() {
            Some(libc::ENODEV) => EqlError::NoDevice(master),
            Some(libc::EPERM | libc::EACCES) => EqlError::NotPermitted(master),
            Some(libc::ENOSPC) => EqlError::Full(master),
            Some(libc::EINVAL) => EqlError::Refused(master),
            Some(libc::EOPNOTSUPP) if cfg!(target_pointer_width = "32") => EqlError::Compat(master),
            Some(libc::EOPNOTSUPP | libc::ENOTTY) => EqlError::NotEql(master),
            _ => EqlError::System {
                master,
                what,
                error,
            },
        })
    }
}

fn slave_call(slave: &str, priority: u64) -> Result<SlaveCall, EqlError> {
    Ok(SlaveCall {
        name: field(slave)?,
        priority: c_long::try_from(priority).map_err(|_| EqlError::Priority(priority))?,
    })
}

/// A name as the kernel's structures have it: with zeros behind it, one at least.
fn field(name: &str) -> Result<Name, EqlError> {
    let wrong = || EqlError::Name(name.to_owned());
    let mut field: Name = [0; libc::IFNAMSIZ];
    if name.is_empty() || name.contains('\0') || name.len() >= field.len() {
        return Err(wrong());
    }
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_a_zero() {
        assert_eq!(field("ppp0").unwrap(), *b"ppp0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert!(field("exactly15octets").is_ok());
        for wrong in ["", "sixteen-octets-x", "a\0b"] {
            assert!(matches!(field(wrong), Err(EqlError::Name(_))), "{wrong}");
        }
    }

    #[test]
    fn structures_are_those_of_the_driver() {
        let call = slave_call("sl0", 28_800).unwrap();
        assert_eq!(std::mem::offset_of!(SlaveCall, priority), 16);
        assert_eq!(std::mem::offset_of!(MasterCall, max_slaves), 16);
        assert_eq!(std::mem::offset_of!(MasterCall, min_slaves), 20);
        assert_eq!(std::mem::offset_of!(Data<SlaveCall>, call), 0);
        assert_eq!(call.priority, 28_800);
        assert!(size_of::<Data<SlaveCall>>() >= 512 - size_of::<c_long>());
        assert!(matches!(
            slave_call("sl0", u64::MAX),
            Err(EqlError::Priority(u64::MAX))
        ));
    }

    #[test]
    fn only_an_eql_device_is_asked() {
        assert!(matches!(Device::open("lo"), Err(EqlError::NotEql(name)) if name == "lo"));
        assert!(matches!(
            Device::open("nosuch0"),
            Err(EqlError::NoDevice(_))
        ));
        assert!(matches!(
            Device::open("sixteen-octets-x"),
            Err(EqlError::Name(_))
        ));
    }
}
