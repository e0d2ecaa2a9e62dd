//! The old `/proc/net/wanrouter` texts, kept under the run directory for scripts.
//!
//! `<run>/net/wanrouter/` holds `config`, `status` (also as `Config`, `Status`), `interfaces` and one
//! file a device. The daemons of a machine share the first three: each keeps its row in a private
//! file and joins all rows under a lock. A reader sees the old text or the new one, never half of one.
//! Rows of daemons that died without a word are left out the next time anybody joins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_runtime::files::{self, FileError, FileProblem, Lock};

use crate::control::DeviceStatus;
use crate::daemons;

pub mod layout;

/// The longest row that is read back, octets: 200 interfaces take some 80 KiB.
const ROW_LIMIT: u64 = 1 << 20;
/// How often and how long a daemon waits for another that joins the rows. Short: it is a link's loop.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// The names in the directory that no device may have.
const RESERVED: [&str; 5] = ["config", "status", "interfaces", "Config", "Status"];

/// The directory of the texts below the run directory.
pub fn directory(run_dir: &Path) -> PathBuf {
    run_dir.join("net").join("wanrouter")
}

/// Brings the texts up to date with the state of one device, and drops rows of daemons that died.
///
/// # Errors
/// A device name that cannot be a file of the directory; [`FileProblem::Locked`] when others join
/// the rows all the time (the row is kept, so that their text, or the next publication, shows
/// it); those of the file system.
pub fn publish(run_dir: &Path, status: &DeviceStatus) -> Result<(), FileError> {
    let directory = directory(run_dir);
    check_name(&directory, &status.device)?;
    files::make_dir(&rows_directory(&directory))?;
    let path = row_file(&directory, &status.device);
    let row =
        serde_json::to_vec(status).map_err(|error| FileError::io(&path, "write", error.into()))?;
    files::write_atomic(&path, &row, 0o600)?;
    join(run_dir, &directory).map(|_| ())
}

/// Takes a device out of the texts: its daemon ends. A device that is not there is no error.
///
/// # Errors
/// As [`publish`].
pub fn withdraw(run_dir: &Path, device: &str) -> Result<(), FileError> {
    let directory = directory(run_dir);
    check_name(&directory, device)?;
    files::remove(&row_file(&directory, device))?;
    if !directory.is_dir() {
        return Ok(());
    }
    join(run_dir, &directory).map(|_| ())
}

/// Makes the texts true after daemons died without a word. Returns the rows that are left, the
/// device with the highest number first.
///
/// # Errors
/// As [`publish`].
pub fn refresh(run_dir: &Path) -> Result<Vec<DeviceStatus>, FileError> {
    let directory = directory(run_dir);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    files::make_dir(&rows_directory(&directory))?;
    join(run_dir, &directory)
}

fn rows_directory(directory: &Path) -> PathBuf {
    directory.join(".rows")
}

fn row_file(directory: &Path, device: &str) -> PathBuf {
    rows_directory(directory).join(device)
}

fn check_name(directory: &Path, device: &str) -> Result<(), FileError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let usable = !device.is_empty()
        && device.bytes().all(plain)
        && !RESERVED.contains(&device)
        && device.len() <= 64;
    if usable {
        return Ok(());
    }
    let what = format!("'{device}' cannot name a device: letters, digits, '-' and '_' can");
    let error = io::Error::new(io::ErrorKind::InvalidInput, what);
    Err(FileError::io(directory, "write into", error))
}

/// Regenerates every text from the rows of the daemons that live.
fn join(run_dir: &Path, directory: &Path) -> Result<Vec<DeviceStatus>, FileError> {
    let _guard = lock(&directory.join(".lock"))?;
    let mut rows = Vec::new();
    for device in names(&rows_directory(directory))? {
        // A temporary file: a row that is being written, or that a crash left half written.
        if device.starts_with('.') {
            continue;
        }
        let path = row_file(directory, &device);
        // Dropped: a daemon that died, and what a crash or another version left unreadable.
        let row = daemons::pid(run_dir, &device)
            .and_then(|_| files::read(&path, ROW_LIMIT).ok())
            .and_then(|text| serde_json::from_slice::<DeviceStatus>(&text).ok())
            .filter(|row| row.device == device);
        match row {
            Some(row) => rows.push(row),
            None => files::remove(&path)?,
        }
    }
    rows.sort_by(|a, b| daemons::natural(&b.device, &a.device));
    for name in names(directory)? {
        let ours = RESERVED.contains(&name.as_str())
            || matches!(name.as_str(), ".rows" | ".lock")
            || rows.iter().any(|row| row.device == name);
        if !ours {
            files::remove(&directory.join(name))?;
        }
    }
    for row in &rows {
        let text = layout::device(&row.traffic);
        files::write_atomic(&directory.join(&row.device), text.as_bytes(), 0o644)?;
    }
    for (name, text) in [
        ("config", layout::config(&rows)),
        ("status", layout::status(&rows)),
        ("interfaces", layout::interfaces(&rows)),
    ] {
        files::write_atomic(&directory.join(name), text.as_bytes(), 0o644)?;
    }
    // The manual spells these two with a capital letter.
    link("config", &directory.join("Config"))?;
    link("status", &directory.join("Status"))?;
    Ok(rows)
}

/// The names in a directory that are text; others are not ours.
fn names(directory: &Path) -> Result<Vec<String>, FileError> {
    let failed = |error| FileError::io(directory, "list", error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(names)
}

fn lock(path: &Path) -> Result<Lock, FileError> {
    for _ in 1..LOCK_TRIES {
        match Lock::acquire(path) {
            Err(error) if matches!(error.problem, FileProblem::Locked) => {
                std::thread::sleep(LOCK_PAUSE);
            }
            result => return result,
        }
    }
    Lock::acquire(path)
}

fn link(target: &str, path: &Path) -> Result<(), FileError> {
    match std::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(FileError::io(path, "link", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

/// A connected Frame Relay device with one interface.
#[cfg(test)]
pub fn sample(device: &str) -> DeviceStatus {
    use crate::control::{InterfaceStatus, LinkState, Traffic};
    DeviceStatus {
        x25: None,
        ppp: None,
        tty: None,
        characters: None,
        device: device.to_owned(),
        pid: 4711,
        file: None,
        protocol: "FR".to_owned(),
        station: "CPE".to_owned(),
        line: "cable:demo".to_owned(),
        carrier: true,
        cut: false,
        modem: None,
        electrical: "V.35".to_owned(),
        clocking: "external".to_owned(),
        baud_rate: 2_048_000,
        mtu: 1500,
        state: LinkState::Connected,
        reason: None,
        state_seconds: 61,
        uptime_seconds: 3700,
        link_ups: 1,
        signalling: Some("ANSI".to_owned()),
        udp_port: 9000,
        capture: None,
        interfaces: vec![InterfaceStatus {
            circuit: None,
            name: "wp1fr16".to_owned(),
            dlci: Some(16),
            usage: "WANPIPE".to_owned(),
            connected: true,
            up: true,
            address: Some([10, 0, 0, 1].into()),
            peer: Some([10, 0, 0, 2].into()),
            mtu: 1500,
            traffic: Traffic::default(),
            api: None,
        }],
        traffic: Traffic::default(),
    }
}
