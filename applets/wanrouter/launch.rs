//! Starting link daemons: several at once, each reported as it is ready or has failed.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use wanbox_runtime::files::Root;

/// How long a daemon may take until its line and interfaces are there (not: until the link is up).
pub const PATIENCE: Duration = Duration::from_secs(30);
/// As much of a daemon's complaint as is shown, octets.
const COMPLAINT_LIMIT: u64 = 64 * 1024;

/// Where a daemon takes its configuration from.
#[derive(Clone, Debug)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// This text of a configuration file.
    Text(String),
}

/// One daemon to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The device.
    pub device: String,
    /// Its configuration.
    pub source: Source,
}

/// How the daemons of this machine are started.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The executable that is the daemon when its name is `wanpiped`.
    pub program: PathBuf,
    /// The prefix of all files, when it is not `/`.
    pub root: Option<PathBuf>,
}

impl Launcher {
    /// Starts this very executable again; in a chroot without /proc, `wanpiped` of `PATH`.
    pub fn new(root: &Root) -> Self {
        Self {
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("wanpiped")),
            root: (!root.is_system()).then(|| root.prefix().to_owned()),
        }
    }

    /// Starts them all at the same time and calls `report` for each as its result is there.
    ///
    /// The error is the daemon's own complaint, or why it could not be started. One that is not
    /// ready within `patience` is ended.
    pub fn start(
        &self,
        launches: &[Launch],
        patience: Duration,
        mut report: impl FnMut(&Launch, Result<(), String>),
    ) {
        let until = Instant::now() + patience;
        let (sender, results) = mpsc::channel();
        let mut children: Vec<Option<Child>> = Vec::with_capacity(launches.len());
        for (index, launch) in launches.iter().enumerate() {
            let child = self.spawn(launch, index, &sender);
            if let Err(error) = &child {
                report(launch, Err(error.clone()));
            }
            children.push(child.ok());
        }
        drop(sender);
        while let Some((index, complaint)) = next(&results, until) {
            let child = children.get_mut(index).and_then(Option::take);
            if let (Some(child), Some(launch)) = (child, launches.get(index)) {
                report(launch, finish(child, &complaint, until));
            }
        }
        for (launch, child) in launches.iter().zip(children) {
            let Some(mut child) = child else { continue };
            // It may have ended just now; either way it is waited for.
            let _ = child.kill().and_then(|()| child.wait());
            report(
                launch,
                Err(format!("not ready within {} s", patience.as_secs())),
            );
        }
    }

    fn spawn(
        &self,
        launch: &Launch,
        index: usize,
        results: &Sender<(usize, String)>,
    ) -> Result<Child, String> {
        let mut command = Command::new(&self.program);
        command.arg0("wanpiped");
        if let Some(root) = &self.root {
            command.arg("--root").arg(root);
        }
        command.arg("-c");
        match &launch.source {
            Source::File(path) => command.arg(path).stdin(Stdio::null()),
            Source::Text(_) => command.arg("-").stdin(Stdio::piped()),
        };
        command
            .arg(&launch.device)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", self.program.display()))?;
        let input = child.stdin.take();
        let stderr = child.stderr.take();
        let source = launch.source.clone();
        let results = results.clone();
        thread::spawn(move || {
            if let (Some(mut input), Source::Text(text)) = (input, source) {
                // A daemon that does not read to the end says why on its standard error.
                let _ = input.write_all(text.as_bytes());
            }
            let mut complaint = Vec::new();
            if let Some(stderr) = stderr {
                // What was read until the error is still worth showing.
                let _ = stderr.take(COMPLAINT_LIMIT).read_to_end(&mut complaint);
            }
            // The starter may have lost its patience.
            let _ = results.send((index, String::from_utf8_lossy(&complaint).into_owned()));
        });
        Ok(child)
    }
}

fn next(results: &Receiver<(usize, String)>, until: Instant) -> Option<(usize, String)> {
    let left = until.saturating_duration_since(Instant::now());
    results.recv_timeout(left).ok()
}

/// The result of a starter that closed its standard error: it ends in a moment.
fn finish(mut child: Child, complaint: &str, until: Instant) -> Result<(), String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let complaint = complaint.trim();
                return Err(if complaint.is_empty() {
                    format!("ended with {status}, without a word")
                } else {
                    strip_name(complaint)
                });
            }
            Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                // It may have ended just now; either way it is waited for.
                let _ = child.kill().and_then(|()| child.wait());
                return Err("closed its standard error and did not end".to_owned());
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
}

/// The daemon's lines without its own name before each.
fn strip_name(complaint: &str) -> String {
    let strip = |line| str::strip_prefix(line, "wanpiped: ").unwrap_or(line);
    complaint.lines().map(strip).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
