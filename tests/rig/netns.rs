//! Network namespaces, each kept alive by an open descriptor only.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns, unshare};

use crate::error::Context;
use crate::need::find_tool;
use crate::run::{Finished, finish};
use crate::{Error, Result};

/// One network namespace. It ends with the last process in it, once this is dropped.
#[derive(Debug)]
pub struct Netns(File);

impl Netns {
    /// A new one, with nothing but a loopback interface that is down.
    ///
    /// # Errors
    /// Not allowed here.
    pub fn new() -> Result<Self> {
        // Only the thread moves: the rest of the program stays where it is.
        on_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("a new network namespace")?;
            Ok(Self(File::open("/proc/thread-self/ns/net")?))
        })
    }

    /// The same one once more.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn again(&self) -> Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// A path by which `ip ... netns PATH` finds it while this value lives.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Does something with this as the network.
    ///
    /// # Errors
    /// The namespace could not be entered, or what `work` says.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_thread(|| {
            setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET).context("entering the namespace")?;
            work()
        })
    }

    /// Starts a program in it.
    ///
    /// # Errors
    /// It could not be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        let line = crate::run::describe(command);
        self.inside(|| command.spawn().context(line))
    }

    /// Runs a program in it to its end.
    ///
    /// # Errors
    /// It could not be started or did not end in time.
    pub fn finish(&self, command: &mut Command, limit: Duration) -> Result<Finished> {
        self.inside(|| finish(command, limit))
    }

    /// Runs `ip` with these words, separated by blanks, in it.
    ///
    /// # Errors
    /// As `ip` says.
    pub fn ip(&self, words: &str) -> Result<String> {
        let ip = find_tool("ip").ok_or_else(|| Error::new("ip (iproute2) is missing"))?;
        self.finish(
            Command::new(ip).args(words.split_whitespace()),
            Duration::from_secs(60),
        )?
        .ok()
    }

    /// What `ip -j` with these words says.
    ///
    /// # Errors
    /// As `ip` says, or it is no JSON.
    pub fn ip_json(&self, words: &str) -> Result<serde_json::Value> {
        let text = self.ip(&format!("-j {words}"))?;
        if text.trim().is_empty() {
            return Ok(serde_json::Value::Array(Vec::new()));
        }
        serde_json::from_str(&text).context(format!("ip -j {words}"))
    }
}

/// Joins two namespaces by a pair of Ethernet interfaces, both up.
///
/// # Errors
/// As `ip` says.
pub fn veth(a: &Netns, name_a: &str, b: &Netns, name_b: &str) -> Result {
    a.ip(&format!(
        "link add {name_a} type veth peer name {name_b} netns {}",
        b.path()
    ))?;
    for (netns, name) in [(a, name_a), (b, name_b)] {
        netns.ip("link set lo up")?;
        netns.ip(&format!("link set {name} up"))?;
    }
    Ok(())
}

/// Namespaces belong to threads: whoever changes one does so on a thread of its own.
fn on_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
