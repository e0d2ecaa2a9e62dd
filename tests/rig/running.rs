//! Programs that run beside a test.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::Context;
use crate::{Error, Result, wait_for};

/// A program that runs. It is killed when this is dropped, unless it has ended before.
#[derive(Debug)]
pub struct Running(Child);

impl From<Child> for Running {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Running {
    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result {
        Ok(kill(self.pid(), signal)?)
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The kernel does not know it.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It does not within `limit`.
    pub fn end(&mut self, limit: Duration) -> Result<ExitStatus> {
        wait_for("the end of a program", limit, || self.status())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory that a process has in use now, octets.
///
/// # Errors
/// It has ended.
pub fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).context(&path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes = kilobytes.ok_or_else(|| Error::new(format!("{path}: no VmRSS")))?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

/// What a process has had of the processor.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For its own code.
    pub user: Duration,
    /// For the kernel's work on its behalf.
    pub system: Duration,
}

/// The times of a process, in hundredths of a second.
///
/// # Errors
/// It has ended.
pub fn times(pid: u32) -> Result<Times> {
    /// The kernel counts in this unit for programs (`USER_HZ`).
    const TICK: Duration = Duration::from_millis(10);
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).context(&path)?;
    // The name in parentheses may hold anything: user and system time are fields 14 and 15.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    match (ticks.next(), ticks.next()) {
        (Some(Ok(user)), Some(Ok(system))) => Ok(Times {
            user: TICK * user,
            system: TICK * system,
        }),
        _ => Err(Error::new(format!("{path}: no times"))),
    }
}
