//! Programs of people far away: an account of the host, and a terminal of their own.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
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
        let text = read(path)?;
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

fn read(path: &Path) -> io::Result<String> {
    let text = files::read(path, MAX_ACCOUNTS).map_err(io::Error::other)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The line of a name in such a file, in its fields.
fn line<'t>(text: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.first() == Some(&name))
}

/// The first number of these that no account in the file of `path` has.
///
/// # Errors
/// The file cannot be read.
pub fn free_uid(path: &Path, mut numbers: RangeInclusive<u32>) -> io::Result<Option<u32>> {
    let text = read(path)?;
    let uids = text.lines().filter_map(|line| line.split(':').nth(2));
    let taken: HashSet<u32> = uids.filter_map(|uid| uid.parse().ok()).collect();
    Ok(numbers.find(|number| !taken.contains(number)))
}

/// The name of a group in the file of `path` (group(5)).
///
/// # Errors
/// The file cannot be read.
pub fn group_name(path: &Path, gid: u32) -> io::Result<Option<String>> {
    let text = read(path)?;
    let mut lines = text.lines().map(|line| line.split(':'));
    Ok(lines.find_map(|mut fields| {
        let name = fields.next()?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == gid).then(|| name.to_owned())
    }))
}

/// Whether no password is that of an account: what crypt(3) never gives is in its place, in shadow(5) or where
/// there is none in passwd(5).
///
/// # Errors
/// A file cannot be read.
pub fn is_locked(passwd: &Path, shadow: &Path, name: &str) -> io::Result<bool> {
    let locks = |fields: Option<Vec<&str>>| {
        let password = fields.and_then(|fields| fields.get(1).copied());
        password.is_some_and(|password| password.starts_with(['!', '*']))
    };
    let text = read(passwd)?;
    let fields = line(&text, name);
    if fields.as_ref().and_then(|fields| fields.get(1)) == Some(&"x") {
        return Ok(locks(line(&read(shadow)?, name)));
    }
    Ok(locks(fields))
}

/// Opens a terminal: its two ends, of which the program gets the second. `echoes`: it is as any other; else it is
/// one for lines that come and go over a slow network.
///
/// # Errors
/// There is none left.
pub fn open_terminal(echoes: bool) -> io::Result<(File, File)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let master = posix_openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&master)?)?;
    let master = File::from(master.as_fd().try_clone_to_owned()?);
    if echoes {
        return Ok((master, slave));
    }
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
    Ok((master, slave))
}

/// Tells what runs at a terminal how large the window is: characters a line, and lines; 0 is unknown.
///
/// # Errors
/// It is none.
pub fn set_window(terminal: &File, columns: u16, rows: u16) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the request reads one winsize, which outlives the call.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
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
        // Whoever starts it may run before others; it does not.
        // SAFETY: it takes numbers alone; refused, it changes nothing.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) };
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
    // SAFETY: between fork and exec it calls sigaction(2), setpriority(2), setsid(2) and ioctl(2) alone, which are safe
    // there.
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
        assert_eq!(free_uid(&dir, 500..=502).unwrap(), Some(500));
        assert_eq!(free_uid(&dir, 501..=502).unwrap(), Some(502));
        assert_eq!(free_uid(&dir, 501..=501).unwrap(), None);
        std::fs::write(&dir, "root:x:0:\nham:x:400:a,b\nbad\n").unwrap();
        assert_eq!(group_name(&dir, 400).unwrap().as_deref(), Some("ham"));
        assert_eq!(group_name(&dir, 4).unwrap(), None);
        std::fs::remove_file(&dir).unwrap();
        assert!(Account::find(&dir, "root").is_err());
    }

    #[test]
    fn accounts_are_locked_or_not() {
        let dir = std::env::temp_dir().join(format!("locked-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let [passwd, shadow] = ["passwd", "shadow"].map(|name| dir.join(name));
        std::fs::write(
            &passwd,
            "a:x:1:1\nb:x:2:1\nc:x:3:1\nd:x:4:1\ne:!:5:1\nf::6:1\ng:$1$a$b:7:1\nh\n",
        )
        .unwrap();
        std::fs::write(&shadow, "a:!:1\nb::1\nc:!$6$a$b:1\n").unwrap();
        let locked = "abcdefghi"
            .split("")
            .filter(|name| is_locked(&passwd, &shadow, name).unwrap());
        assert_eq!(locked.collect::<Vec<_>>(), ["a", "c", "e"]);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn windows_have_sizes() {
        let (master, slave) = open_terminal(true).unwrap();
        set_window(&master, 132, 43).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "stty size && stty -a | grep -q ' echo '"]);
        let output = command.stdin(slave).output().unwrap();
        assert_eq!(output.stdout, b"43 132\n");
        assert!(output.status.success());
    }

    #[test]
    fn a_program_has_the_terminal_and_ends_with_it() {
        let (mut master, slave) = open_terminal(false).unwrap();
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
