//! TUN and TAP interfaces, with virtio headers where the kernel offloads checksums and segmentation.
//!
//! The interface lives as long as its descriptor. Its addresses and flags are set
//! through [`crate::netlink`]; its running state follows [`Tun::set_carrier`].

use std::ffi::CStr;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Where the kernel offers the interfaces.
const DEVICE: &str = "/dev/net/tun";

/// What the interface carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// IP packets.
    Tun,
    /// Ethernet frames without FCS.
    Tap,
}

/// How to open an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Ask for checksum and segmentation offload; what the kernel grants is in [`Tun::offload`].
    pub offload: bool,
    /// The carrier at first. A link that is not up yet says `false`.
    pub carrier: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            offload: false,
            carrier: true,
        }
    }
}

/// What the kernel granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// Every packet has a virtio header before it.
    pub header: bool,
    /// Packets may come with the transport checksum still to be done, and may be given so.
    pub checksum: bool,
    /// TCP super-packets, both ways.
    pub tcp: bool,
    /// UDP super-packets, both ways (Linux 6.2).
    pub udp: bool,
}

/// Why an interface could not be opened or changed.
#[derive(Debug)]
pub enum TunError {
    /// Not a name that the kernel takes.
    Name {
        /// The name given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `/dev/net/tun` is missing: no driver, or a container without it.
    NoDriver,
    /// The caller may not create interfaces.
    NotPermitted {
        /// The name given.
        name: String,
        /// What was refused.
        what: &'static str,
    },
    /// Another process holds an interface of this name.
    Busy {
        /// The name given.
        name: String,
    },
    /// An interface of this name exists that is not such a TUN or TAP.
    NotOurs {
        /// The name given.
        name: String,
    },
    /// Anything else.
    System {
        /// The name given.
        name: String,
        /// What was asked.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for TunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(f, "interface name '{name}': {why}"),
            Self::NoDriver => write!(
                f,
                "{DEVICE} is missing: load the tun module, or give the container that device"
            ),
            Self::NotPermitted { name, what } => write!(
                f,
                "{name}: {what}: not permitted; root or CAP_NET_ADMIN is needed"
            ),
            Self::Busy { name } => write!(f, "{name}: another process holds this interface"),
            Self::NotOurs { name } => {
                write!(f, "{name}: an interface of another kind has this name")
            }
            Self::System { name, what, error } => write!(f, "{name}: {what}: {error}"),
        }
    }
}

impl std::error::Error for TunError {}

/// Checks a name as the kernel does: 1 to 15 octets, no slash, no colon, no white space, not `.` or `..`.
/// Octets outside printable ASCII and the kernel's `%` patterns are refused as well.
pub fn check_name(name: &str) -> Result<(), TunError> {
    let why = if name.is_empty() {
        "empty"
    } else if name.len() >= libc::IFNAMSIZ {
        "longer than 15 characters"
    } else if name == "." || name == ".." {
        "'.' and '..' are not names"
    } else if name
        .bytes()
        .any(|c| !c.is_ascii_graphic() || b"/:%".contains(&c))
    {
        "only printable ASCII without blanks, '/', ':' and '%'"
    } else {
        return Ok(());
    };
    Err(TunError::Name {
        name: name.to_owned(),
        why,
    })
}

/// An open TUN or TAP interface, non-blocking.
#[derive(Debug)]
pub struct Tun {
    device: File,
    name: String,
    mode: Mode,
    offload: Offload,
}

impl Tun {
    /// The octets of the virtio header.
    pub const HEADER: usize = 10;

    /// The longest packet a read can return: a super-packet with an Ethernet header.
    pub const MAX_PACKET: usize = 65_535 + 14;

    /// The same with its virtio header.
    pub const MAX_READ: usize = Self::HEADER + Self::MAX_PACKET;

    /// Creates the interface, or attaches to a persistent one of the same kind.
    ///
    /// # Errors
    /// Bad name, missing driver, missing permission, name in use: see [`TunError`].
    pub fn open(name: &str, mode: Mode, options: &Options) -> Result<Self, TunError> {
        check_name(name)?;
        Self::create(name, mode, options)
    }

    /// Creates an interface whose name the kernel chooses: `tun0`, `tap0` or the next that is free.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_next(mode: Mode, options: &Options) -> Result<Self, TunError> {
        let pattern = match mode {
            Mode::Tun => "tun%d",
            Mode::Tap => "tap%d",
        };
        Self::create(pattern, mode, options)
    }

    fn create(name: &str, mode: Mode, options: &Options) -> Result<Self, TunError> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(DEVICE)
            .map_err(|error| match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => TunError::NoDriver,
                Some(libc::EACCES | libc::EPERM) => TunError::NotPermitted {
                    name: name.to_owned(),
                    what: "opening /dev/net/tun",
                },
                _ => TunError::System {
                    name: name.to_owned(),
                    what: "opening /dev/net/tun",
                    error,
                },
            })?;
        let mut tun = Self {
            device,
            name: name.to_owned(),
            mode,
            offload: Offload::default(),
        };
        tun.attach(options.offload)?;
        if options.offload {
            tun.negotiate();
        }
        if !options.carrier {
            tun.set_carrier(false)?;
        }
        Ok(tun)
    }

    fn attach(&mut self, header: bool) -> Result<(), TunError> {
        // SAFETY: ifreq is plain data with unions of plain data; all zeroes is a valid value.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(self.name.bytes()) {
            *to = from as libc::c_char;
        }
        let kind = match self.mode {
            Mode::Tun => libc::IFF_TUN,
            Mode::Tap => libc::IFF_TAP,
        };
        let header_flag = if header { libc::IFF_VNET_HDR } else { 0 };
        request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI | header_flag) as libc::c_short;
        // SAFETY: TUNSETIFF reads and writes one ifreq, which lives until the call returns.
        let done = unsafe {
            libc::ioctl(
                self.device.as_raw_fd(),
                libc::TUNSETIFF as _,
                &raw mut request,
            )
        };
        if done < 0 {
            let error = io::Error::last_os_error();
            let name = self.name.clone();
            return Err(match error.raw_os_error() {
                Some(libc::EPERM) => TunError::NotPermitted {
                    name,
                    what: "creating the interface",
                },
                Some(libc::EBUSY) => TunError::Busy { name },
                Some(libc::EINVAL) => TunError::NotOurs { name },
                _ => TunError::System {
                    name,
                    what: "creating the interface",
                    error,
                },
            });
        }
        self.offload.header = header;
        // SAFETY: the kernel leaves a terminated name of at most IFNAMSIZ octets.
        let given = unsafe { CStr::from_ptr(request.ifr_name.as_ptr()) };
        self.name = given.to_string_lossy().into_owned();
        Ok(())
    }

    /// Asks for the offloads, fewer each time. A kernel that refuses all of them still gives finished packets.
    fn negotiate(&mut self) {
        if self.set_integer(libc::TUNSETVNETLE, 1).is_err() && cfg!(target_endian = "big") {
            return;
        }
        let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
        let udp = tcp | libc::TUN_F_USO4 | libc::TUN_F_USO6;
        for features in [udp, tcp, libc::TUN_F_CSUM] {
            // SAFETY: TUNSETOFFLOAD takes its argument by value.
            let done = unsafe {
                libc::ioctl(
                    self.device.as_raw_fd(),
                    libc::TUNSETOFFLOAD as _,
                    libc::c_ulong::from(features),
                )
            };
            if done == 0 {
                self.offload.checksum = true;
                self.offload.tcp = features & libc::TUN_F_TSO4 != 0;
                self.offload.udp = features & libc::TUN_F_USO4 != 0;
                return;
            }
        }
    }

    fn set_integer(&self, request: libc::Ioctl, value: libc::c_int) -> io::Result<()> {
        // SAFETY: the requests used here read one int, which lives until the call returns.
        let done = unsafe { libc::ioctl(self.device.as_raw_fd(), request, &raw const value) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it carries.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the kernel granted.
    pub fn offload(&self) -> Offload {
        self.offload
    }

    /// Sets the carrier: without it the interface is up but not running, and the kernel sends nothing through it.
    ///
    /// # Errors
    /// A kernel older than 4.20.
    pub fn set_carrier(&self, carrier: bool) -> Result<(), TunError> {
        self.set_integer(libc::TUNSETCARRIER, carrier.into())
            .map_err(|error| TunError::System {
                name: self.name.clone(),
                what: "setting the carrier",
                error,
            })
    }

    /// Says whether the interface outlives its descriptor, with its addresses and routes. One that does
    /// has no carrier until it is opened again.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn set_persistent(&self, persistent: bool) -> Result<(), TunError> {
        // SAFETY: TUNSETPERSIST takes its argument by value.
        let done = unsafe {
            libc::ioctl(
                self.device.as_raw_fd(),
                libc::TUNSETPERSIST as _,
                libc::c_ulong::from(persistent),
            )
        };
        if done == 0 {
            return Ok(());
        }
        Err(TunError::System {
            name: self.name.clone(),
            what: "making the interface outlive its owner",
            error: io::Error::last_os_error(),
        })
    }

    /// Reads one packet into `packet` and its virtio header (zero, "finished", without offload) into
    /// `header`. To leave headroom, give the part of a buffer behind it. `None`: nothing there now.
    ///
    /// # Errors
    /// With offload, a `packet` shorter than [`Self::MAX_PACKET`], since the kernel would cut
    /// super-packets silently; `EBADFD` when the interface was deleted.
    pub fn read_packet(
        &self,
        header: &mut [u8; Self::HEADER],
        packet: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let mut device = &self.device;
        let got = if self.offload.header {
            if packet.len() < Self::MAX_PACKET {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the buffer is shorter than a super-packet",
                ));
            }
            let mut slices = [IoSliceMut::new(header), IoSliceMut::new(packet)];
            device
                .read_vectored(&mut slices)
                .map(|n| n.saturating_sub(Self::HEADER))
        } else {
            header.fill(0);
            device.read(packet)
        };
        unless_empty(got)
    }

    /// As [`Self::read_packet`], into one buffer: the header, then the packet, whose length is
    /// returned. One place to read into is less work for the kernel than two: a third of a read of
    /// some hundred octets.
    ///
    /// # Errors
    /// As there, with a `buffer` shorter than [`Self::MAX_READ`].
    pub fn read_with_header(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if buffer.len() < Self::MAX_READ {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the buffer is shorter than a super-packet",
            ));
        }
        let mut device = &self.device;
        let got = if self.offload.header {
            let read = device.read(buffer);
            read.map(|len| len.saturating_sub(Self::HEADER))
        } else {
            let (header, packet) = buffer.split_at_mut(Self::HEADER);
            header.fill(0);
            device.read(packet)
        };
        unless_empty(got)
    }

    /// Writes one packet with its virtio header (left out without offload, where only a
    /// finished packet is right).
    ///
    /// # Errors
    /// `EIO` while the interface is down, `EINVAL` when the kernel does not take the packet.
    pub fn write_packet(&self, header: &[u8; Self::HEADER], packet: &[u8]) -> io::Result<()> {
        if self.offload.header {
            self.write_vectored(&[IoSlice::new(header), IoSlice::new(packet)])
        } else {
            self.write_vectored(&[IoSlice::new(packet)])
        }
    }

    /// Writes one packet from pieces. With offload the first piece starts with the virtio header.
    ///
    /// # Errors
    /// As [`Self::write_packet`].
    pub fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        // The driver takes a packet whole or not at all.
        (&self.device).write_vectored(pieces).map(|_| ())
    }
}

/// What a read brought; `None`: nothing there now.
fn unless_empty(got: io::Result<usize>) -> io::Result<Option<usize>> {
    match got {
        Ok(len) => Ok(Some(len)),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(e) => Err(e),
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

#[cfg(test)]
mod tests;
