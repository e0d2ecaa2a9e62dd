//! A router: a network namespace, a tree of files and the applets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::Context;
use crate::run::Finished;
use crate::{Netns, Result, TempDir};

/// How long a command of ours may take.
const LIMIT: Duration = Duration::from_secs(60);

/// One router. Dropping it ends its daemons.
#[derive(Debug)]
pub struct Router {
    /// Its network.
    pub netns: Netns,
    root: TempDir,
    links: PathBuf,
}

impl Router {
    /// A router without configuration, with its loopback interface up if `ip` is there.
    ///
    /// # Errors
    /// Namespaces are not allowed, or there is no room for its files.
    pub fn new(wanbox: &Path) -> Result<Self> {
        let netns = Netns::new()?;
        let root = TempDir::new()?;
        // An installation as an administrator would make it: links named after the applets.
        let links = root.path().join("sbin");
        fs::create_dir(&links)?;
        let router = Self { netns, root, links };
        let mut install = Command::new(wanbox);
        install.args(["--install", "-s"]).arg(&router.links);
        crate::run::finish(&mut install, LIMIT)?.ok()?;
        Ok(router)
    }

    /// Gives this router the cables kept in a directory: routers that share it can be joined.
    ///
    /// # Errors
    /// The link could not be made.
    pub fn plug(&self, cables: &Path) -> Result {
        let run = self.path("/run/wanbox");
        fs::create_dir_all(&run)?;
        symlink(cables, run.join("cable")).context("the directory of cables")
    }

    /// The path of a file of this router on the machine.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.path().join(absolute.trim_start_matches('/'))
    }

    /// Writes a file of this router, and the directories above it.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, absolute: &str, text: &str) -> Result {
        let path = self.path(absolute);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).context(path.display())
    }

    /// Reads a file of this router.
    ///
    /// # Errors
    /// It could not be read.
    pub fn read(&self, absolute: &str) -> Result<String> {
        let path = self.path(absolute);
        fs::read_to_string(&path).context(path.display())
    }

    /// An applet, ready to be given arguments.
    pub fn applet(&self, name: &str) -> Command {
        let mut command = Command::new(self.links.join(name));
        command.env("WANBOX_ROOT", self.root.path());
        command
    }

    /// Runs a command line, words separated by blanks, on this router.
    ///
    /// # Errors
    /// It could not be started or did not end in time.
    pub fn run(&self, line: &str) -> Result<Finished> {
        let mut words = line.split_whitespace();
        let mut command = self.applet(words.next().unwrap_or_default());
        self.netns.finish(command.args(words), LIMIT)
    }

    /// Runs a command line that must end with 0, and gives what it printed.
    ///
    /// # Errors
    /// It ended with something else; the error has all it said.
    pub fn ok(&self, line: &str) -> Result<String> {
        self.run(line)?.ok()
    }

    /// Starts a command line and lets it run.
    ///
    /// # Errors
    /// It could not be started.
    pub fn spawn(&self, line: &str) -> Result<Child> {
        let mut words = line.split_whitespace();
        let mut command = self.applet(words.next().unwrap_or_default());
        self.netns.spawn(command.args(words))
    }

    /// As [`Self::spawn`]; what it prints can be read.
    ///
    /// # Errors
    /// It could not be started.
    pub fn spawn_piped(&self, line: &str) -> Result<Child> {
        let mut words = line.split_whitespace();
        let mut command = self.applet(words.next().unwrap_or_default());
        command.args(words).stdout(Stdio::piped());
        self.netns.spawn(&mut command)
    }

    /// The pid of a device's link daemon, from its pid file.
    ///
    /// # Errors
    /// There is none.
    pub fn daemon(&self, device: &str) -> Result<Pid> {
        let text = self.read(&format!("/run/wanbox/{device}.pid"))?;
        Ok(Pid::from_raw(text.trim().parse()?))
    }

    /// Sends a signal to a device's link daemon.
    ///
    /// # Errors
    /// There is none, or it is gone.
    pub fn signal(&self, device: &str, signal: Signal) -> Result {
        Ok(kill(self.daemon(device)?, signal)?)
    }

    /// What the daemons of this router logged, for a failure's message.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.path("/var/log"))
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Ok(log) = fs::read_to_string(entry.path()) {
                text.push_str(&format!("--- {}\n{log}", entry.path().display()));
            }
        }
        text
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let pid_files = fs::read_dir(self.path("/run/wanbox"));
        for entry in pid_files.into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "pid")
                && let Ok(text) = fs::read_to_string(&path)
                && let Ok(pid) = text.trim().parse()
                // A stale file may name somebody else's process.
                && fs::read_to_string(format!("/proc/{pid}/environ"))
                    .is_ok_and(|env| env.contains(&*self.root.path().to_string_lossy()))
            {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}
