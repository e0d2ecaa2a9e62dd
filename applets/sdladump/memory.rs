//! The file in which a daemon keeps the state of its device, read at one moment.

use std::thread;
use std::time::Duration;

use wanbox_runtime::daemon;
use wanbox_runtime::files::{self, FileError, Root};
use wanbox_wire::status_map::{Header, SIZE};

/// The longest file that is read: later versions may be longer than this one.
const LIMIT: u64 = 4 * SIZE as u64;
/// How often it is read anew while the daemon writes.
const TRIES: u32 = 50;
/// The wait between.
const PAUSE: Duration = Duration::from_millis(2);

/// The memory of a device.
pub struct Memory {
    /// All of it.
    pub octets: Vec<u8>,
    /// What is odd about it, for people.
    pub remarks: Vec<String>,
}

/// Why there is no memory.
pub enum Unread {
    /// There is no such device.
    Absent(String),
    /// It could not be read.
    Failed(String),
}

impl Memory {
    /// Reads the memory of a device. That of a daemon that was killed is there, too.
    pub fn read(root: &Root, device: &str) -> Result<Self, Unread> {
        let path = root.status_map(device);
        let pid_file = root.run_dir().join(format!("{device}.pid"));
        let pid = daemon::running(&pid_file).map_err(|error| Unread::Failed(error.to_string()))?;
        let read = || {
            files::read(&path, LIMIT).map_err(|error: FileError| match (error.is_absent(), pid) {
                (true, None) => Unread::Absent(format!("{device} is not running")),
                (true, Some(pid)) => Unread::Failed(format!(
                    "{device} keeps no memory: the log of process {pid} says why"
                )),
                (false, _) => Unread::Failed(error.to_string()),
            })
        };
        let mut remarks = Vec::new();
        let mut octets = read()?;
        let mut tries = 0;
        // What was read between two looks at the same even generation is of one moment.
        loop {
            let again = read()?;
            let steady = |octets: &[u8]| Header::parse(octets).map(|header| header.generation);
            match (steady(&octets), steady(&again)) {
                (Ok(before), Ok(after)) if before != after || before % 2 == 1 => {}
                _ => break,
            }
            octets = again;
            tries += 1;
            if tries == TRIES {
                remarks.push(format!(
                    "{device}: the daemon was writing all the time: parts may not belong together"
                ));
                break;
            }
            thread::sleep(PAUSE);
        }
        match pid {
            Some(_) => {}
            None => remarks.push(format!(
                "{device} is not running; this is how it was when it was killed"
            )),
        }
        Ok(Self { octets, remarks })
    }
}
