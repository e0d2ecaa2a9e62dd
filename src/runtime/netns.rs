//! Network namespaces: the calling thread enters one, or makes one of its own.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::sched::{CloneFlags, setns, unshare};

/// A handle on a network namespace; the namespace lives at least as long as the handle.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// The namespace of the calling thread.
    pub fn current() -> io::Result<Self> {
        Self::at(Path::new("/proc/thread-self/ns/net"))
    }

    /// The namespace of a process.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        Self::at(Path::new(&format!("/proc/{pid}/ns/net")))
    }

    /// The namespace bound at a path, such as `/run/netns/NAME`.
    ///
    /// # Errors
    /// The path is missing or may not be opened; the text names the path.
    pub fn at(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("network namespace {}: {error}", path.display()),
            )
        })
    }

    /// A new namespace with nothing but a loopback interface that is down. The calling thread stays where it is.
    ///
    /// # Errors
    /// Not permitted: root or CAP_SYS_ADMIN is needed.
    pub fn create() -> io::Result<Self> {
        let back = Self::current()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| {
            io::Error::new(
                io::Error::from(errno).kind(),
                format!("creating a network namespace: {errno}"),
            )
        })?;
        let new = Self::current();
        back.enter()?;
        new
    }

    /// Moves the calling thread, and only it, into this namespace.
    ///
    /// # Errors
    /// Not permitted, or not a network namespace.
    pub fn enter(&self) -> io::Result<()> {
        setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET).map_err(|errno| {
            io::Error::new(
                io::Error::from(errno).kind(),
                format!("entering a network namespace: {errno}"),
            )
        })
    }

    /// Runs `work` inside this namespace and comes back.
    ///
    /// # Errors
    /// Entering or coming back failed.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let back = Self::current()?;
        self.enter()?;
        let result = work();
        back.enter()?;
        Ok(result)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// A fresh namespace, or a word on standard error that the test is skipped.
    pub(crate) fn namespace_or_skip() -> Option<Namespace> {
        match Namespace::create() {
            Ok(namespace) => Some(namespace),
            Err(error) => {
                eprintln!("skipped: needs a network namespace of its own: {error}");
                None
            }
        }
    }

    #[test]
    fn a_port_is_taken_in_one_namespace_only() {
        let Some(other) = namespace_or_skip() else {
            return;
        };
        let here = UdpSocket::bind("0.0.0.0:0").unwrap();
        let address = here.local_addr().unwrap();
        assert!(UdpSocket::bind(address).is_err());
        let there = other.run(|| UdpSocket::bind(address)).unwrap();
        assert!(there.is_ok(), "{there:?}");
        assert!(UdpSocket::bind(address).is_err(), "not back");
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = Namespace::at(Path::new("/nowhere/ns")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ns"), "{error}");
    }
}
