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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowControl {
    /// RTS tells the other side to wait, CTS this one.
    pub rts_cts: bool,
    /// XOFF tells the other side to wait.
    pub sends_xoff: bool,
    /// This side waits after XOFF until XON comes; neither is given to the reader.
    pub obeys_xoff: bool,
    /// XON, not 0.
    pub xon: u8,
    /// XOFF, not 0.
    pub xoff: u8,
}

impl FlowControl {
    /// Not at all.
    pub const NONE: Self = Self {
        rts_cts: false,
        sends_xoff: false,
        obeys_xoff: false,
        xon: 0x11,
        xoff: 0x13,
    };
    /// By RTS and CTS.
    pub const RTS_CTS: Self = Self {
        rts_cts: true,
        ..Self::NONE
    };
    /// By the characters DC1 and DC3, both ways.
    pub const XON_XOFF: Self = Self {
        sends_xoff: true,
        obeys_xoff: true,
        ..Self::NONE
    };
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
    /// What is received tells of breaks and of characters with a wrong parity or stop bit, by the
    /// marks of `PARMRK`. Else breaks are not seen, and such characters are dropped where there
    /// is a parity.
    pub marks: bool,
}

impl SerialSettings {
    /// 8N1 at this rate, without flow control, with DCD.
    pub const fn new(rate: u32) -> Self {
        Self {
            rate,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: FlowControl::NONE,
            ignore_dcd: false,
            marks: false,
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

/// What went wrong at a port since its driver was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounts {
    /// Characters that came before the one before was taken.
    pub overruns: u32,
    /// Characters with a wrong parity.
    pub parity: u32,
    /// Characters without a stop bit.
    pub framing: u32,
    /// Breaks.
    pub breaks: u32,
    /// Characters that the kernel had no room for.
    pub buffer_overruns: u32,
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
        if let Some(what) = refused(&port, &self.settings).map_err(fail)? {
            return Err(format!("{} does not take {what}", self.device.display()));
        }
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

    /// The open port.
    pub fn port(&self) -> Option<&File> {
        self.port.as_ref()
    }

    /// From now on the line is there only while DCD is.
    pub fn heed_dcd(&mut self) -> io::Result<()> {
        self.settings.ignore_dcd = false;
        match &self.port {
            Some(port) => set(port, &self.settings),
            None => Ok(()),
        }
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

    /// What went wrong so far, where the driver counts it.
    pub fn counts(&self) -> Option<PortCounts> {
        // serial_icounter_struct: cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, brk,
        // buf_overrun, and nine reserved.
        let mut counts = [0_u32; 20];
        let port = self.port.as_ref()?;
        // SAFETY: TIOCGICOUNT writes the 20 ints of that structure, which live until the call
        // returns.
        let done = unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCGICOUNT, &raw mut counts) };
        if done != 0 {
            return None;
        }
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            framing,
            overruns,
            parity,
            breaks,
            buffer_overruns,
            ..,
        ] = counts;
        Some(PortCounts {
            overruns,
            parity,
            framing,
            breaks,
            buffer_overruns,
        })
    }

    /// Begins a break, or ends it.
    ///
    /// # Errors
    /// The port has none, or is not open.
    pub fn set_break(&self, on: bool) -> io::Result<()> {
        let port = self.port.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let request = if on { libc::TIOCSBRK } else { libc::TIOCCBRK };
        // SAFETY: both take no argument; no memory is read or written.
        match unsafe { libc::ioctl(port.as_raw_fd(), request) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// What was written is on the wire.
    pub fn is_drained(&self) -> bool {
        let Some(port) = &self.port else {
            return true;
        };
        let (mut waiting, mut register): (libc::c_int, libc::c_int) = (0, 0);
        // SAFETY: TIOCOUTQ writes one int, which lives until the call returns.
        let queue = unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCOUTQ, &raw mut waiting) };
        // SAFETY: TIOCSERGETLSR writes one int, which lives until the call returns.
        let hardware =
            unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCSERGETLSR, &raw mut register) };
        // What does not tell has nothing that could be waited for.
        (queue != 0 || waiting == 0) && (hardware != 0 || register & TIOCSER_TEMT != 0)
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

/// The bit of TIOCSERGETLSR that says that the transmitter is empty (linux/serial.h).
const TIOCSER_TEMT: libc::c_int = 1;

/// The settings that a port now has.
fn get(port: &File) -> io::Result<libc::termios2> {
    // SAFETY: termios2 is plain data; all zeroes is a value of it (no flags, no characters).
    let mut termios: libc::termios2 = unsafe { std::mem::zeroed() };
    // SAFETY: TCGETS2 writes one termios2, which lives until the call returns.
    match unsafe { libc::ioctl(port.as_raw_fd(), libc::TCGETS2, &raw mut termios) } {
        0 => Ok(termios),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The first of these settings that the port did not take: drivers change what their hardware
/// cannot do, and say nothing. `None`: it has all of them.
fn refused(port: &File, settings: &SerialSettings) -> io::Result<Option<String>> {
    let flags = get(port)?.c_cflag;
    let (size, parity, stop, hardware) = bits(settings);
    let parities = libc::PARENB | libc::PARODD;
    Ok(if flags & libc::CSIZE != size {
        Some(format!("{} bits a character", settings.data_bits))
    } else if flags & parities != parity {
        Some(format!("{:?} parity", settings.parity).to_lowercase())
    } else if flags & libc::CSTOPB != stop {
        Some("that many stop bits".to_owned())
    } else if flags & libc::CRTSCTS != hardware {
        Some("handshakes by RTS and CTS".to_owned())
    } else {
        None
    })
}

/// Size, parity, stop bits and hardware handshake in termios' control flags.
fn bits(settings: &SerialSettings) -> (u32, u32, u32, u32) {
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
    let hardware = if settings.flow.rts_cts {
        libc::CRTSCTS
    } else {
        0
    };
    (size, parity, stop, hardware)
}

/// Raw characters of these settings, at any rate.
fn set(port: &File, settings: &SerialSettings) -> io::Result<()> {
    let (size, parity, stop, hardware) = bits(settings);
    let flow = &settings.flow;
    let mut input = 0;
    if flow.obeys_xoff {
        input |= libc::IXON;
    }
    if flow.sends_xoff {
        input |= libc::IXOFF;
    }
    input |= match (settings.marks, settings.parity) {
        // INPCK is for stop bits, too.
        (true, _) => libc::PARMRK | libc::INPCK,
        (false, Parity::None) => libc::IGNBRK,
        // A character with the wrong parity is dropped: the frame's FCS will be wrong.
        (false, Parity::Odd | Parity::Even) => libc::IGNBRK | libc::INPCK | libc::IGNPAR,
    };
    let local = if settings.ignore_dcd { libc::CLOCAL } else { 0 };
    let mut termios = get(port)?;
    termios.c_iflag = input;
    termios.c_oflag = 0;
    termios.c_lflag = 0;
    termios.c_cflag =
        size | parity | stop | hardware | local | libc::CREAD | libc::HUPCL | libc::BOTHER;
    termios.c_ispeed = settings.rate;
    termios.c_ospeed = settings.rate;
    for (place, value) in [
        (libc::VMIN, 1),
        (libc::VTIME, 0),
        (libc::VSTART, flow.xon),
        (libc::VSTOP, flow.xoff),
    ] {
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
