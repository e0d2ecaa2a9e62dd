//! Programs of people far away: an account of the host, and a terminal of their own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{self, SigHandler, Signal};
use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices as Keys,
    tcgetattr, tcsetattr,
};

use crate::files;

/// Some ten thousand accounts.
const MAX_ACCOUNTS: u64 = 1 << 20;

/// An account of the host (passwd(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Where it begins.
    pub home: PathBuf,
    /// What it begins with.
    pub shell: PathBuf,
}

impl Account {
    /// The account of this name in `/etc/passwd`, or in the file of `path`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn find(path: &Path, name: &str) -> io::Result<Option<Self>> {
        let text = files::read(path, MAX_ACCOUNTS).map_err(io::Error::other)?;
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().find_map(|line| Self::parse(line, name)))
    }

    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let (_password, uid, gid, _comment) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: fields.next()?.into(),
            shell: match fields.next() {
                None | Some("") => "/bin/sh".into(),
                Some(shell) => shell.into(),
            },
        })
    }

    /// Has a command run as this account, if this process is not that already. That takes the capabilities to
    /// become others, without which the start fails.
    pub fn runs(&self, command: &mut Command) {
        if nix::unistd::geteuid().as_raw() != self.uid {
            // The groups of this process go with its user.
            command.gid(self.gid).uid(self.uid);
        }
    }
}

/// Opens a terminal for lines that come and go over a network, which does not echo: its two ends, of which the
/// program gets the second.
///
/// # Errors
/// There is none left.
pub fn open_terminal() -> io::Result<(File, File)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let master = posix_openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&master)?)?;
    let mut termios = tcgetattr(&slave)?;
    termios.input_flags = InputFlags::ICRNL | InputFlags::IXOFF;
    termios.output_flags = OutputFlags::OPOST | OutputFlags::ONLCR | OutputFlags::TAB3;
    termios.control_flags = ControlFlags::CS8 | ControlFlags::CREAD | ControlFlags::HUPCL;
    termios.local_flags = LocalFlags::ISIG | LocalFlags::ICANON;
    for (key, octet) in [
        (Keys::VINTR, 0x7f),
        (Keys::VQUIT, 0x1c),
        (Keys::VERASE, 0x08),
        (Keys::VKILL, 0x18),
        (Keys::VEOF, 0x04),
    ] {
        if let Some(place) = termios.control_chars.get_mut(key as usize) {
            *place = octet;
        }
    }
    tcsetattr(&slave, SetArg::TCSANOW, &termios)?;
    Ok((File::from(master.as_fd().try_clone_to_owned()?), slave))
}

/// Has a command run in a session of its own whose terminal this is.
///
/// # Errors
/// There are too many descriptors.
pub fn at_terminal(command: &mut Command, terminal: &File) -> io::Result<()> {
    command
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?);
    let prepare = || {
        // Whoever started this process may ignore them, as nohup(1) does; a terminal that goes must end what runs
        // there.
        for signal in [
            Signal::SIGHUP,
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGTERM,
        ] {
            // SAFETY: the default action is no function.
            unsafe { signal::signal(signal, SigHandler::SigDfl) }?;
        }
        nix::unistd::setsid()?;
        // SAFETY: 0 is open here, and the request takes a number.
        let taken = unsafe {
            let input = BorrowedFd::borrow_raw(0);
            libc::ioctl(input.as_raw_fd(), libc::TIOCSCTTY, 0)
        };
        if taken != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: between fork and exec it calls sigaction(2), setsid(2) and ioctl(2) alone, which are safe there.
    unsafe {
        command.pre_exec(prepare);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn accounts_are_lines_of_a_file() {
        let dir = std::env::temp_dir().join(format!("accounts-{}", std::process::id()));
        std::fs::write(
            &dir,
            "root:x:0:0::/root:/bin/sh\nn0pra:x:501:400:A B:/home/n0pra:\nbad:x\n",
        )
        .unwrap();
        let found = Account::find(&dir, "n0pra").unwrap().unwrap();
        assert_eq!((found.uid, found.gid), (501, 400));
        assert_eq!(found.home, Path::new("/home/n0pra"));
        assert_eq!(found.shell, Path::new("/bin/sh"));
        assert_eq!(Account::find(&dir, "bad").unwrap(), None);
        assert_eq!(Account::find(&dir, "nobody").unwrap(), None);
        std::fs::remove_file(&dir).unwrap();
        assert!(Account::find(&dir, "root").is_err());
    }

    #[test]
    fn a_program_has_the_terminal_and_ends_with_it() {
        let (mut master, slave) = open_terminal().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args([
            "-c",
            "test -t 0 && read line && echo \"got $line\" && sleep 60",
        ]);
        at_terminal(&mut command, &slave).unwrap();
        let mut child = command.spawn().unwrap();
        drop((command, slave));
        master.write_all(b"hello\r").unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        let mut said = Vec::new();
        while !said.ends_with(b"got hello\r\n") && Instant::now() < end {
            let mut octets = [0; 64];
            match master.read(&mut octets) {
                Ok(count) => said.extend(&octets[..count]),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        assert_eq!(said, b"got hello\r\n");
        drop(master);
        let status = child.wait().unwrap();
        assert!(!status.success());
    }
}
