//! The link daemons of this machine, as the commands see them: who runs, and what they say.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use wanbox_runtime::control::{ControlError, call};

use crate::control::{self, DeviceStatus, Reply, Request};

/// How long an answer may take. A daemon answers at once unless its machine is overloaded.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a daemon may take to end after it was asked to.
const END: Duration = Duration::from_secs(10);
/// How long a daemon that was killed may hold its lock after its sockets are closed.
const DYING: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a name is one of a device: `wanpipe` and a number from 1.
pub fn is_device(name: &str) -> bool {
    name.strip_prefix("wanpipe").is_some_and(|number| {
        !number.is_empty()
            && number.len() <= 4
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !number.starts_with('0')
    })
}

/// Orders names as people count: `wanpipe2` before `wanpipe10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let key = |name: &str| {
        let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (stem, number) = name.split_at(name.len() - digits);
        (stem.to_owned(), number.parse::<u64>().unwrap_or(0))
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

/// The process id of the daemon of a device; `None` when it does not run.
pub fn pid(run_dir: &Path, device: &str) -> Option<u32> {
    let path = control::pid_file(run_dir, device);
    if !wanbox_runtime::files::is_locked(&path).ok()? {
        return None;
    }
    Some(
        wanbox_runtime::files::read_text(&path, 64)
            .ok()?
            .trim()
            .parse()
            .unwrap_or(0),
    )
}

/// The devices whose daemons run, `wanpipe1` first.
pub fn running(run_dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(run_dir) else {
        return Vec::new();
    };
    let mut devices: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".pid").map(str::to_owned))
        .filter(|device| is_device(device) && pid(run_dir, device).is_some())
        .collect();
    devices.sort_by(|a, b| natural(a, b));
    devices
}

/// Why a daemon gave no good answer.
#[derive(Debug)]
pub enum Unanswered {
    /// No daemon runs for the device.
    Absent {
        /// The device.
        device: String,
    },
    /// The daemon runs, and did not answer or said what is no answer.
    Broken {
        /// The device.
        device: String,
        /// What was wrong.
        what: String,
    },
    /// The daemon refused.
    Refused {
        /// The device.
        device: String,
        /// Its reason.
        reason: String,
    },
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { device } => write!(f, "{device} is not running"),
            Self::Broken { device, what } => write!(f, "{device}: {what}"),
            // A reason may name the device itself.
            Self::Refused { device, reason } if reason.starts_with(device) => f.write_str(reason),
            Self::Refused { device, reason } => write!(f, "{device}: {reason}"),
        }
    }
}

/// Asks the daemon of a device.
pub fn ask(run_dir: &Path, device: &str, request: &Request) -> Result<Reply, Unanswered> {
    let device = || device.to_owned();
    if pid(run_dir, &device()).is_none() {
        return Err(Unanswered::Absent { device: device() });
    }
    let refused = |reason| Unanswered::Refused {
        device: device(),
        reason,
    };
    match call(&control::socket(run_dir, &device()), request, PATIENCE) {
        Ok(Reply::Failed { error }) => Err(refused(error)),
        Ok(reply) => Ok(reply),
        Err(ControlError::Failed(failure)) => Err(refused(failure.text)),
        // It ended while we asked. Its lock goes a moment after its sockets when it was killed:
        // the kernel takes its interfaces away first.
        Err(ControlError::NotRunning(_) | ControlError::Closed)
            if ends(run_dir, &device(), DYING) =>
        {
            Err(Unanswered::Absent { device: device() })
        }
        Err(error) => Err(Unanswered::Broken {
            device: device(),
            what: error.to_string(),
        }),
    }
}

/// Waits until the daemon of a device is gone. Whether it is.
fn ends(run_dir: &Path, device: &str, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while pid(run_dir, device).is_some() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
    true
}

/// Asks for something to be done. Returns what changed, a line each.
pub fn order(run_dir: &Path, device: &str, request: &Request) -> Result<Vec<String>, Unanswered> {
    match ask(run_dir, device, request)? {
        Reply::Done { changes } => Ok(changes),
        other => Err(unexpected(device, &other)),
    }
}

/// The state of a device.
pub fn status(run_dir: &Path, device: &str) -> Result<DeviceStatus, Unanswered> {
    match ask(run_dir, device, &Request::Status)? {
        Reply::Status(status) => Ok(*status),
        other => Err(unexpected(device, &other)),
    }
}

/// The states of all devices that run, and the daemons that gave none.
pub fn all(run_dir: &Path) -> (Vec<DeviceStatus>, Vec<Unanswered>) {
    let mut states = Vec::new();
    let mut failures = Vec::new();
    for device in running(run_dir) {
        match status(run_dir, &device) {
            Ok(state) => states.push(state),
            // It ended since we looked.
            Err(Unanswered::Absent { .. }) => {}
            Err(failure) => failures.push(failure),
        }
    }
    (states, failures)
}

/// Ends the daemon of a device and waits until it is gone.
pub fn stop(run_dir: &Path, device: &str) -> Result<(), Unanswered> {
    order(run_dir, device, &Request::Stop)?;
    if ends(run_dir, device, END) {
        return Ok(());
    }
    Err(Unanswered::Broken {
        device: device.to_owned(),
        what: format!("did not end within {} s", END.as_secs()),
    })
}

fn unexpected(device: &str, reply: &Reply) -> Unanswered {
    let kind = match reply {
        Reply::Done { .. } => "done",
        Reply::Failed { .. } => "failed",
        Reply::Status(_) => "status",
        Reply::Counters(_) => "counters",
        Reply::Log { .. } => "log",
    };
    Unanswered::Broken {
        device: device.to_owned(),
        what: format!("answered '{kind}' to another question (is it another version?)"),
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
