//! Terminals that are SLIP interfaces of the kernel (RFC 1055).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::stream::serial::Serial;
use crate::stream::{FlowControl, SerialSettings};

/// The kernel's SLIP, and plain terminals, among the line disciplines (`linux/tty.h`).
const N_SLIP: libc::c_int = 1;
const N_TTY: libc::c_int = 0;
/// SLIP without header compression (`linux/if_slip.h`, `SL_MODE_SLIP`).
const MODE_SLIP: libc::c_int = 0;
/// Sets that mode (`linux/sockios.h`).
const SIOCSIFENCAP: libc::Ioctl = 0x8926;
/// Tells the name of a terminal's interface.
const SIOCGIFNAME: libc::Ioctl = 0x8910;

/// An open terminal, on its way to be an interface. Closed, it is none any more.
pub struct SlipPort {
    serial: Serial,
    port: File,
    attached: bool,
}

impl SlipPort {
    /// Opens and sets a terminal, at this rate, with RTS/CTS where it has that.
    ///
    /// # Errors
    /// For people: no such device, in use, settings that it does not take.
    pub fn open(device: &Path, rate: u32) -> Result<Self, String> {
        // A modem that is dialling has no carrier.
        let fail = |error: io::Error| format!("{}: {error}", device.display());
        let mut settings = SerialSettings::new(rate);
        settings.ignore_dcd = true;
        settings.flow = FlowControl {
            rts_cts: true,
            ..settings.flow
        };
        let serial = Serial::open(device, settings, None)?;
        let port = match serial.port() {
            Some(port) => port.try_clone().map_err(fail)?,
            None => return Err(fail(io::ErrorKind::NotConnected.into())),
        };
        // Programs that talk to the modem wait for it.
        let plain = || -> nix::Result<()> {
            let flags = OFlag::from_bits_truncate(fcntl(&port, FcntlArg::F_GETFL)?);
            fcntl(&port, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
            Ok(())
        };
        plain().map_err(|errno| fail(errno.into()))?;
        Ok(Self {
            serial,
            port,
            attached: false,
        })
    }

    /// The terminal as a program's input and output.
    ///
    /// # Errors
    /// Too many open files.
    pub fn stdio(&self) -> io::Result<(Stdio, Stdio)> {
        Ok((self.port.try_clone()?.into(), self.port.try_clone()?.into()))
    }

    /// Makes it an interface, whose name it returns. From now on a modem's carrier counts.
    ///
    /// # Errors
    /// For people: a kernel without SLIP, no permission.
    pub fn attach(&mut self) -> Result<String, String> {
        let fail = |what: &str| {
            let error = io::Error::last_os_error();
            Err(format!("{what}: {error}"))
        };
        if self.serial.modem_lines().is_some_and(|lines| lines.dcd) {
            self.serial.heed_dcd().map_err(|error| error.to_string())?;
        }
        let (discipline, mode) = (N_SLIP, MODE_SLIP);
        let fd = self.port.as_raw_fd();
        // SAFETY: TIOCSETD reads one int, which lives until the call returns.
        if unsafe { libc::ioctl(fd, libc::TIOCSETD, &raw const discipline) } != 0 {
            return fail("the kernel has no SLIP (modprobe slip)");
        }
        self.attached = true;
        // SAFETY: it reads one int, which lives until the call returns.
        if unsafe { libc::ioctl(fd, SIOCSIFENCAP, &raw const mode) } != 0 {
            return fail("SLIP without compression");
        }
        let mut name = [0_u8; libc::IFNAMSIZ];
        // SAFETY: it writes at most IFNAMSIZ octets, which live until the call returns.
        if unsafe { libc::ioctl(fd, SIOCGIFNAME, name.as_mut_ptr()) } < 0 {
            return fail("the name of the interface");
        }
        let name = name.split(|&octet| octet == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

impl Drop for SlipPort {
    fn drop(&mut self) {
        // The kernel keeps the interface of a pseudo-terminal until its other end is closed, too.
        if self.attached {
            let discipline = N_TTY;
            // SAFETY: TIOCSETD reads one int, which lives until the call returns. One that is hung
            // up is a plain terminal already.
            unsafe {
                libc::ioctl(self.port.as_raw_fd(), libc::TIOCSETD, &raw const discipline);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_terminal_is_refused() {
        let error = SlipPort::open(Path::new("/dev/null"), 9600);
        let error = error.err().unwrap();
        assert_eq!(error, "/dev/null is no serial port");
        assert!(SlipPort::open(Path::new("/dev/nothing"), 9600).is_err());
    }
}
