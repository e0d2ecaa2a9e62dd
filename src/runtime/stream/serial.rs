//! Serial ports (`termios(3)`, `ioctl_tty(2)`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::device_lock::DeviceLock;

/// How often a port without carrier is looked at.
pub const LOOK: Duration = Duration::from_secs(1);

/// Parity of each character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// None.
    #[default]
    None,
    /// Odd.
    Odd,
    /// Even.
    Even,
}

/// Stop bits of each character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    #[default]
    One,
    /// Two, or one and a half of characters of five bits.
    Two,
}

/// How one side makes the other wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowControl {
    /// Not at all.
    #[default]
    None,
    /// By RTS and CTS.
    RtsCts,
    /// By the characters XON and XOFF.
    XonXoff,
}

/// How a port is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialSettings {
    /// Bits a second, whatever the hardware can divide its clock to.
    pub rate: u32,
    /// Bits of each character, 5 to 8.
    pub data_bits: u8,
    /// Its parity.
    pub parity: Parity,
    /// Its stop bits.
    pub stop_bits: StopBits,
    /// Flow control.
    pub flow: FlowControl,
    /// The line is there whether or not DCD is.
    pub ignore_dcd: bool,
}

impl SerialSettings {
    /// 8N1 at this rate, without flow control, with DCD.
    pub const fn new(rate: u32) -> Self {
        Self {
            rate,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: FlowControl::None,
            ignore_dcd: false,
        }
    }
}

/// The lines of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModemLines {
    /// Data carrier detect.
    pub dcd: bool,
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Ring indicator.
    pub ri: bool,
}

/// A port.
pub struct Serial {
    device: PathBuf,
    settings: SerialSettings,
    port: Option<File>,
    there: bool,
    /// Removed when dropped.
    _lock: Option<DeviceLock>,
}

impl Serial {
    /// Opens and sets a port.
    pub fn open(
        device: &Path,
        settings: SerialSettings,
        locks: Option<&Path>,
    ) -> Result<Self, String> {
        let lock = match locks {
            Some(directory) => {
                Some(DeviceLock::acquire(directory, device).map_err(|error| error.to_string())?)
            }
            None => None,
        };
        let mut serial = Self {
            device: device.to_owned(),
            settings,
            port: None,
            there: false,
            _lock: lock,
        };
        serial.port = Some(serial.open_port()?);
        Ok(serial)
    }

    fn open_port(&self) -> Result<File, String> {
        let fail = |error: io::Error| format!("{}: {error}", self.device.display());
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(&self.device)
            .map_err(fail)?;
        // SAFETY: TIOCEXCL takes no argument; no memory is read or written.
        if unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCEXCL) } != 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::ENOTTY) => format!("{} is no serial port", self.device.display()),
                _ => fail(error),
            });
        }
        set(&port, &self.settings).map_err(fail)?;
        Ok(port)
    }

    /// Opens the port again if it has to be. Whether it has its carrier.
    pub fn attempt(&mut self) -> Result<bool, String> {
        if self.port.is_none() {
            self.port = Some(self.open_port()?);
            self.set_dtr(true);
        }
        // What has no such lines has no carrier to wait for.
        self.there = self.settings.ignore_dcd || self.modem_lines().is_none_or(|lines| lines.dcd);
        Ok(self.there)
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.port.as_ref().map(AsFd::as_fd)
    }

    pub const fn is_there(&self) -> bool {
        self.there
    }

    pub fn hang_up(&mut self) {
        self.there = false;
        self.port = None;
    }

    pub fn modem_lines(&self) -> Option<ModemLines> {
        let mut lines: libc::c_int = 0;
        // SAFETY: TIOCMGET writes one int, which lives until the call returns.
        let done = unsafe {
            libc::ioctl(
                self.port.as_ref()?.as_raw_fd(),
                libc::TIOCMGET,
                &raw mut lines,
            )
        };
        (done == 0).then_some(ModemLines {
            dcd: lines & libc::TIOCM_CD != 0,
            cts: lines & libc::TIOCM_CTS != 0,
            dsr: lines & libc::TIOCM_DSR != 0,
            ri: lines & libc::TIOCM_RI != 0,
        })
    }

    /// Raises or drops DTR, where there is one.
    pub fn set_dtr(&mut self, on: bool) {
        let Some(port) = &self.port else {
            return;
        };
        let line: libc::c_int = libc::TIOCM_DTR;
        let request = if on { libc::TIOCMBIS } else { libc::TIOCMBIC };
        // SAFETY: both read one int, which lives until the call returns. A port without DTR
        // refuses, which changes nothing.
        unsafe {
            libc::ioctl(port.as_raw_fd(), request, &raw const line);
        }
    }
}

/// Raw characters of these settings, at any rate.
fn set(port: &File, settings: &SerialSettings) -> io::Result<()> {
    let size = match settings.data_bits {
        5 => libc::CS5,
        6 => libc::CS6,
        7 => libc::CS7,
        _ => libc::CS8,
    };
    let parity = match settings.parity {
        Parity::None => 0,
        Parity::Odd => libc::PARENB | libc::PARODD,
        Parity::Even => libc::PARENB,
    };
    let stop = match settings.stop_bits {
        StopBits::One => 0,
        StopBits::Two => libc::CSTOPB,
    };
    let (hardware, software) = match settings.flow {
        FlowControl::None => (0, 0),
        FlowControl::RtsCts => (libc::CRTSCTS, 0),
        FlowControl::XonXoff => (0, libc::IXON | libc::IXOFF),
    };
    let local = if settings.ignore_dcd { libc::CLOCAL } else { 0 };
    let check = match settings.parity {
        Parity::None => 0,
        // A character with the wrong parity is dropped: the frame's FCS will be wrong.
        Parity::Odd | Parity::Even => libc::INPCK | libc::IGNPAR,
    };
    // SAFETY: termios2 is plain data; all zeroes is a value of it (no flags, no characters).
    let mut termios: libc::termios2 = unsafe { std::mem::zeroed() };
    // SAFETY: TCGETS2 writes one termios2, which lives until the call returns.
    if unsafe { libc::ioctl(port.as_raw_fd(), libc::TCGETS2, &raw mut termios) } != 0 {
        return Err(io::Error::last_os_error());
    }
    termios.c_iflag = software | check | libc::IGNBRK;
    termios.c_oflag = 0;
    termios.c_lflag = 0;
    termios.c_cflag =
        size | parity | stop | hardware | local | libc::CREAD | libc::HUPCL | libc::BOTHER;
    termios.c_ispeed = settings.rate;
    termios.c_ospeed = settings.rate;
    for (place, value) in [(libc::VMIN, 1), (libc::VTIME, 0)] {
        if let Some(character) = termios.c_cc.get_mut(place) {
            *character = value;
        }
    }
    // SAFETY: TCSETS2 reads one termios2, which lives until the call returns.
    if unsafe { libc::ioctl(port.as_raw_fd(), libc::TCSETS2, &raw const termios) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
