//! `status`, `list`, and the logs.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use wanbox_grammar::Exit;
use wanbox_runtime::files::FileError;

use super::Session;
use crate::control::DeviceStatus;
use crate::daemons;
use crate::output::Output;
use crate::proc_files::{self, layout};
use crate::report;

/// What `status --json` and `list --json` say.
#[derive(Serialize)]
struct Devices<'a, T> {
    devices: &'a [T],
}

/// Lines of the system's log that `messages` shows.
const MESSAGES: usize = 200;
/// As much of the system's log as is looked at from its end, octets.
const MESSAGES_OCTETS: u64 = 256 * 1024;
/// Where systems keep their log.
const SYSTEM_LOGS: [&str; 2] = ["/var/log/messages", "/var/log/syslog"];

impl Session<'_> {
    /// Makes the texts true, and returns the states of what runs, the highest number first.
    pub(super) fn states(&mut self) -> (Vec<DeviceStatus>, Exit) {
        if let Err(error) = proc_files::refresh(&self.site.run_dir) {
            self.output.error(error);
        }
        let (mut states, failures) = daemons::all(&self.site.run_dir);
        states.reverse();
        let mut exit = Exit::DONE;
        for failure in failures {
            exit = self.output.failure(failure);
        }
        (states, exit)
    }

    pub(super) fn status(&mut self, device: Option<&str>, json: bool) -> Exit {
        if let Some(device) = device {
            return self.status_of(device, json);
        }
        let (states, exit) = self.states();
        if json {
            self.output.json(&Devices { devices: &states });
            return exit;
        }
        if states.is_empty() && exit == Exit::DONE {
            self.output.print("\nRouter is stopped !\n\n");
            return exit;
        }
        self.output.print("\n");
        list_block(&mut self.output, &states);
        self.output.print(format_args!(
            "Wanpipe Config:\n\n{}\nWanrouter Status:\n\n{}\n",
            layout::config(&states),
            layout::status(&states)
        ));
        exit
    }

    fn status_of(&mut self, device: &str, json: bool) -> Exit {
        if let Err(exit) = self.check_name(device) {
            return exit;
        }
        match daemons::status(&self.site.run_dir, device) {
            Ok(state) if json => self.output.json(&state),
            Ok(state) => {
                let one = std::slice::from_ref(&state);
                self.output.print(format_args!(
                    "\nWanrouter Status:\n\n{}\n{}\n{}\n{}\n",
                    layout::status(one),
                    layout::interfaces(one),
                    report::device(&state),
                    layout::device(&state.traffic)
                ));
                Exit::DONE
            }
            Err(error @ daemons::Unanswered::Absent { .. }) => self.output.absent(error),
            Err(error) => self.output.failure(error),
        }
    }

    pub(super) fn list(&mut self, json: bool) -> Exit {
        if let Err(error) = proc_files::refresh(&self.site.run_dir) {
            self.output.error(error);
        }
        let mut devices = daemons::running(&self.site.run_dir);
        if json {
            return self.output.json(&Devices { devices: &devices });
        }
        self.output.print("\n");
        if devices.is_empty() {
            self.output.print("Router is stopped !\n\n");
        } else {
            devices.sort_by(|a, b| daemons::natural(a, b));
            active(&mut self.output, &devices.join(" "));
        }
        Exit::DONE
    }

    pub(super) fn conflog(&mut self) -> Exit {
        let path = self.site.log.clone();
        self.logged(&path, None)
    }

    pub(super) fn messages(&mut self) -> Exit {
        let paths = SYSTEM_LOGS.map(|path| self.site.root.path(path));
        match paths.iter().find(|path| path.is_file()) {
            Some(path) => self.logged(path, Some(MESSAGES)),
            None => {
                let [first, second] = &paths;
                self.output.failure(format_args!(
                    "there is neither {} nor {}: a syslog daemon writes them, or see journalctl",
                    first.display(),
                    second.display()
                ))
            }
        }
    }

    /// Shows a log between its markers: all of it, or its last lines.
    fn logged(&mut self, path: &Path, last: Option<usize>) -> Exit {
        let name = path.display();
        let lines = match last {
            Some(last) => tail(path, last),
            None => whole(path),
        };
        let lines = match lines {
            Ok(lines) => lines,
            Err(error) => return self.output.failure(error),
        };
        self.output.line(format_args!(
            "\n------------ Start WANPIPE {name} ------------"
        ));
        for line in lines {
            match line {
                Ok(line) => self.output.line(line),
                Err(error) => return self.output.failure(FileError::io(path, "read", error)),
            }
        }
        self.output
            .line(format_args!("------------ End of {name} ------------\n"));
        Exit::DONE
    }
}

type Lines = Box<dyn Iterator<Item = std::io::Result<String>>>;

/// Every line of a log, one at a time: a log may be longer than memory.
fn whole(path: &Path) -> Result<Lines, FileError> {
    let file = std::fs::File::open(path).map_err(|error| FileError::io(path, "read", error))?;
    let lines = BufReader::new(file).split(b'\n');
    Ok(Box::new(
        lines.map(|line| line.map(|octets| readable(&octets))),
    ))
}

/// The last lines of a log.
pub(super) fn tail(path: &Path, count: usize) -> Result<Lines, FileError> {
    let failed = |error| FileError::io(path, "read", error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let octets = file.metadata().map_err(failed)?.len();
    let skipped = octets.saturating_sub(MESSAGES_OCTETS);
    file.seek(SeekFrom::Start(skipped)).map_err(failed)?;
    let mut lines = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        lines.push(readable(&line.map_err(failed)?));
    }
    // The first line may have lost its beginning.
    let from = lines
        .len()
        .saturating_sub(count)
        .max(usize::from(skipped > 0));
    Ok(Box::new(lines.into_iter().skip(from).map(Ok)))
}

/// A line of a log without what could drive the terminal of its reader.
fn readable(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets)
        .chars()
        .filter(|c| !c.is_control() || *c == '\t')
        .collect()
}

fn list_block(output: &mut Output<'_>, states: &[DeviceStatus]) {
    let names: Vec<&str> = states
        .iter()
        .rev()
        .map(|state| state.device.as_str())
        .collect();
    active(output, &names.join(" "));
}

fn active(output: &mut Output<'_>, names: &str) {
    output.print(format_args!("Devices currently active:\n\t{names}\n\n"));
}
