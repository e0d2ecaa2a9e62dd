//! Pseudo-terminals. The slave's name changes from one to the next, so that it gets a link.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

/// The master's side.
pub struct Pty {
    master: PtyMaster,
    slave: PathBuf,
    link: PathBuf,
    /// Tells of every opening of the slave.
    watch: Inotify,
    there: bool,
}

impl Pty {
    /// Makes a pseudo-terminal in raw mode, for its owner alone, and the link to its slave.
    pub fn open(link: &Path) -> Result<Self, String> {
        let fail = |what: &'static str| move |errno: nix::Error| format!("{what}: {errno}");
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).map_err(fail("making a pseudo-terminal"))?;
        grantpt(&master).map_err(fail("giving away a pseudo-terminal"))?;
        unlockpt(&master).map_err(fail("unlocking a pseudo-terminal"))?;
        let slave: PathBuf = ptsname_r(&master)
            .map_err(fail("naming a pseudo-terminal"))?
            .into();
        let mut termios = tcgetattr(&master).map_err(fail("a pseudo-terminal's settings"))?;
        cfmakeraw(&mut termios);
        tcsetattr(&master, SetArg::TCSANOW, &termios)
            .map_err(fail("a pseudo-terminal's settings"))?;
        let io = |error: io::Error| format!("{}: {error}", slave.display());
        fs::set_permissions(&slave, fs::Permissions::from_mode(0o600)).map_err(io)?;
        let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)
            .map_err(fail("watching a pseudo-terminal"))?;
        watch
            .add_watch(&slave, AddWatchFlags::IN_OPEN)
            .map_err(fail("watching a pseudo-terminal"))?;
        place(link, &slave).map_err(|error| format!("{}: {error}", link.display()))?;
        let pty = Self {
            master,
            slave,
            link: link.to_owned(),
            watch,
            there: false,
        };
        pty.prime();
        Ok(pty)
    }

    /// A master whose slave nobody ever had open does not tell so; one whose slave was closed
    /// does.
    fn prime(&self) {
        // Whoever opens it in the same moment is seen all the same: the watch was there first.
        let _ = File::options()
            .read(true)
            .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(&self.slave);
        self.clear_watch();
    }

    /// The master, while somebody has the slave open.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.there.then(|| self.master.as_fd())
    }

    pub const fn is_there(&self) -> bool {
        self.there
    }

    pub fn watch(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }

    pub fn clear_watch(&self) {
        while self
            .watch
            .read_events()
            .is_ok_and(|events| !events.is_empty())
        {}
    }

    /// Whether somebody has the slave open now.
    pub fn attempt(&mut self) -> bool {
        let mut set = [PollFd::new(self.master.as_fd(), PollFlags::POLLOUT)];
        let asked = poll(&mut set, PollTimeout::ZERO);
        let hung_up = set
            .first()
            .and_then(PollFd::revents)
            .is_some_and(|flags| flags.contains(PollFlags::POLLHUP));
        self.there = asked.is_ok() && !hung_up;
        self.there
    }

    pub const fn hang_up(&mut self) {
        self.there = false;
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Only while it is still ours.
        if fs::read_link(&self.link).is_ok_and(|target| target == self.slave) {
            let _ = fs::remove_file(&self.link);
        }
    }
}

/// Makes a symbolic link, in the place of one that leads to a pseudo-terminal.
fn place(link: &Path, slave: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(metadata) if metadata.is_symlink() && fs::read_link(link)?.starts_with("/dev/pts") => {
            fs::remove_file(link)?;
        }
        Ok(_) => {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "something that is no link to a pseudo-terminal is there",
            ));
        }
    }
    symlink(slave, link)
}
