//! What a command at a terminal waits for: a line from the user, keys, a signal, other descriptors.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::termios::{
    InputFlags, LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr,
    tcsetattr,
};
use nix::unistd::{getpgrp, isatty, tcsetpgrp};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::event_loop::Interest;

/// Waits until one of the descriptors is readable (or ended, or failed), up to `timeout`. Returns
/// the positions of those that are; none on time-out or when a signal came.
///
/// # Errors
/// Those of poll(2).
pub fn wait_readable(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<usize>> {
    let fds: Vec<_> = fds.iter().map(|&fd| (fd, Interest::Read)).collect();
    wait(&fds, timeout)
}

/// Waits until one of the descriptors is ready for what is wanted of it (or ended, or failed), up to
/// `timeout`. Returns the positions of those that are; none on time-out or when a signal came. Of one
/// with [`Interest::None`] nothing is told, also not its end.
///
/// # Errors
/// Those of poll(2).
pub fn wait(
    fds: &[(BorrowedFd<'_>, Interest)],
    timeout: Option<Duration>,
) -> io::Result<Vec<usize>> {
    let (places, mut set): (Vec<usize>, Vec<PollFd<'_>>) = fds
        .iter()
        .enumerate()
        .filter(|(_, (_, interest))| *interest != Interest::None)
        .map(|(place, &(fd, interest))| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, interest.reads());
            flags.set(PollFlags::POLLOUT, interest.writes());
            (place, PollFd::new(fd, flags))
        })
        .unzip();
    // Rounded up, so that a wait never ends before its time.
    let limit = timeout.map_or(PollTimeout::NONE, |t| {
        let ms = t.as_micros().div_ceil(1000);
        i32::try_from(ms)
            .ok()
            .and_then(|ms| PollTimeout::try_from(ms).ok())
            .unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut set, limit) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(places
        .into_iter()
        .zip(&set)
        .filter(|(_, fd)| fd.any().unwrap_or(false))
        .map(|(place, _)| place)
        .collect())
}

/// Reads of standard input what is there, past the buffer of [`io::Stdin`]: what is left over stays
/// visible to [`wait`].
///
/// # Errors
/// Those of read(2).
pub fn read_input(octets: &mut [u8]) -> io::Result<usize> {
    Ok(nix::unistd::read(io::stdin(), octets)?)
}

/// Prints to standard output, unless that would wait for somebody who reads it.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`], or those of write(2).
pub fn print_unless_full(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    let mut set = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut set, PollTimeout::ZERO)? == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether the user wants a command to end: SIGINT, SIGTERM, SIGHUP, or a line on standard input.
#[derive(Debug)]
pub struct Interrupt {
    signal: UnixStream,
    watches_input: bool,
    ends_with_input: bool,
}

/// Why [`Interrupt::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The time is over.
    Timeout,
    /// The user pressed ENTER, or standard input ended.
    Input,
    /// A signal asks the command to end.
    Signal,
}

impl Interrupt {
    /// Takes the signals over for the rest of the process. A line on standard input ends the
    /// command; its end does too if `ends_with_input`, else it is not looked at any more (a
    /// command that a script bounded otherwise).
    ///
    /// # Errors
    /// Those of making the socket pair or of sigaction(2).
    pub fn new(ends_with_input: bool) -> io::Result<Self> {
        let (signal, ours) = UnixStream::pair()?;
        signal.set_nonblocking(true)?;
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(number, ours.try_clone()?)?;
        }
        Ok(Self {
            signal,
            watches_input: true,
            ends_with_input,
        })
    }

    /// As [`Self::new`], but looks at signals only.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn signals() -> io::Result<Self> {
        let mut interrupt = Self::new(false)?;
        interrupt.watches_input = false;
        Ok(interrupt)
    }

    /// What is readable when a signal came.
    pub fn signal(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }

    /// Waits up to `timeout`.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Wake> {
        let stdin = io::stdin();
        let mut fds = vec![self.signal.as_fd()];
        if self.watches_input {
            fds.push(stdin.as_fd());
        }
        let ready = wait_readable(&fds, Some(timeout))?;
        if ready.contains(&0) {
            return Ok(Wake::Signal);
        }
        if ready.contains(&1) {
            let mut octets = [0; 256];
            let read = read_input(&mut octets).unwrap_or(0);
            if read > 0 || self.ends_with_input {
                return Ok(Wake::Input);
            }
            self.watches_input = false;
        }
        // A signal may have cut the wait short before its octet was seen.
        let mut octet = [0];
        if matches!((&self.signal).read(&mut octet), Ok(1)) {
            return Ok(Wake::Signal);
        }
        Ok(Wake::Timeout)
    }
}

/// Whether somebody sits at this process: both standard input and standard output are a terminal.
pub fn is_interactive() -> bool {
    isatty(io::stdin()).unwrap_or(false) && isatty(io::stdout()).unwrap_or(false)
}

/// The terminal of standard input, key by key and without waiting: all keys come as octets, also
/// those that end or stop programs, and Return as a line feed; nothing is echoed, and what is written
/// is shown as it is. Dropped, it is what it was.
#[derive(Debug)]
pub struct Keys {
    /// A description of its own, so that not waiting is ours alone and not the shell's, too.
    terminal: File,
    found: Termios,
    ours: Termios,
}

impl Keys {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input is no terminal, or it cannot be opened again.
    pub fn take() -> io::Result<Self> {
        let found = tcgetattr(io::stdin())?;
        let open = |path: &str| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
                .open(path)
        };
        let terminal = open("/proc/self/fd/0").or_else(|_| open("/dev/tty"))?;
        let mut ours = found.clone();
        ours.input_flags = InputFlags::BRKINT
            | InputFlags::ICRNL
            | InputFlags::IXON
            | InputFlags::IXANY
            | InputFlags::IXOFF;
        ours.local_flags = LocalFlags::empty();
        // Who takes keys says where lines end: a line feed is not to become a second return.
        ours.output_flags = OutputFlags::empty();
        // A read without keys is refused, so that one of nothing tells that the terminal is gone.
        for (place, value) in [
            (SpecialCharacterIndices::VMIN, 1),
            (SpecialCharacterIndices::VTIME, 0),
        ] {
            if let Some(character) = ours.control_chars.get_mut(place as usize) {
                *character = value;
            }
        }
        tcsetattr(&terminal, SetArg::TCSADRAIN, &ours)?;
        Ok(Self {
            terminal,
            found,
            ours,
        })
    }

    /// Gives the terminal to another program for a while, as it was found.
    ///
    /// # Errors
    /// It went away.
    pub fn lend(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.found)?)
    }

    /// Takes it back, from a program that [`crate::process::in_foreground`] gave it to.
    ///
    /// # Errors
    /// It went away.
    pub fn retake(&self) -> io::Result<()> {
        // Who is not in the foreground may not take it, and would be stopped.
        let mut stop = SigSet::empty();
        stop.add(Signal::SIGTTOU);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&stop), Some(&mut before))?;
        // Refused where it is not our controlling terminal: then there is no foreground.
        let _ = tcsetpgrp(&self.terminal, getpgrp());
        let taken = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.ours);
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
        Ok(taken?)
    }
}

impl AsFd for Keys {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Read for &Keys {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        (&self.terminal).read(octets)
    }
}

impl Write for &Keys {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        (&self.terminal).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nobody is left to tell when the terminal is gone.
        let _ = self.lend();
    }
}

/// The lamps of a console's keyboard (`ioctl_console(2)`). Dropped, they show the keyboard's own
/// state again.
#[derive(Debug)]
pub struct KeyboardLamps(File);

impl KeyboardLamps {
    /// The lamps of this console.
    ///
    /// # Errors
    /// No such device, no permission, or one without a keyboard (`ENOTTY`).
    pub fn open(console: &Path) -> io::Result<Self> {
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(console)?;
        let lamps = Self(file);
        lamps.set(0)?;
        Ok(lamps)
    }

    /// Lights Scroll Lock (1), Num Lock (2) and Caps Lock (4), and no others.
    ///
    /// # Errors
    /// Those of ioctl(2).
    pub fn set(&self, lamps: u8) -> io::Result<()> {
        self.ioctl(lamps & 7)
    }

    fn ioctl(&self, lamps: u8) -> io::Result<()> {
        /// `linux/kd.h`.
        const KDSETLED: libc::Ioctl = 0x4b32;
        let value = libc::c_ulong::from(lamps);
        // SAFETY: KDSETLED takes its argument by value; no memory is read or written.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), KDSETLED, value) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for KeyboardLamps {
    fn drop(&mut self) {
        // A value above 7 gives the lamps back. Nobody is left to tell when that fails.
        let _ = self.ioctl(0xff);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_has_no_keyboard_is_refused() {
        let error = KeyboardLamps::open(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }

    #[test]
    fn readable_descriptors_are_found() {
        let (a, mut a_peer) = UnixStream::pair().unwrap();
        let (b, b_peer) = UnixStream::pair().unwrap();
        let start = Instant::now();
        let none = wait_readable(&[a.as_fd(), b.as_fd()], Some(Duration::from_micros(10_500)));
        assert_eq!(none.unwrap(), Vec::<usize>::new());
        assert!(start.elapsed() >= Duration::from_millis(10));
        drop(b_peer);
        assert_eq!(wait_readable(&[a.as_fd(), b.as_fd()], None).unwrap(), [1]);
        // Nothing is told of what nothing is wanted of; room to write is.
        let fds = [
            (b.as_fd(), Interest::None),
            (a.as_fd(), Interest::ReadWrite),
            (a.as_fd(), Interest::Read),
        ];
        assert_eq!(wait(&fds, None).unwrap(), [1]);
        a_peer.write_all(b"x").unwrap();
        assert_eq!(
            wait_readable(&[a.as_fd(), b.as_fd()], None).unwrap(),
            [0, 1]
        );
    }
}
