//! pppd's ip-up and ip-down: `eql_dial up ppp0 28800`, with a daemon or without.

use std::path::{Path, PathBuf};

use wanbox_grammar::{Exit, report, value};
use wanbox_runtime::control::{ControlError, Failure, call};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::process;
use wanbox_runtime::wall_clock::unix_time;

use super::balancer::Balancer;
use super::config::{self, LineConf};
use super::control::{self, Caller, HandWord, Reply, Request};
use super::state::{self, Record};
use super::{NAME, PATIENCE};
use crate::control::Rate;
use crate::master;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// ip-up, or a person's wish.
    Up,
    /// ip-down, or a person's wish.
    Down,
}

/// What pppd put into the environment of its script (pppd(8), "Scripts").
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Its process.
    pub pppd: Option<u32>,
    /// Its terminal.
    pub device: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn read() -> Self {
        let text = |name| std::env::var(name).ok();
        Self {
            pppd: text("PPPD_PID").and_then(|text| text.parse().ok()),
            device: text("DEVICE")
                .filter(|device| device.starts_with('/'))
                .map(PathBuf::from),
        }
    }
}

/// `up NAME [RATE]` and `down NAME`. From pppd, or with a rate, the name is that of an interface;
/// otherwise that of a line, or else of an interface.
pub fn serve(root: &Root, file: &Path, way: Way, name: &str, speed: Option<&str>) -> Exit {
    let environment = Environment::read();
    if speed.is_none() && environment.pppd.is_none() {
        let hand = match way {
            Way::Up => HandWord::Up,
            Way::Down => HandWord::Down,
        };
        return by_hand(root, name, hand);
    }
    let interface = match value::interface_name(name) {
        Ok(name) => name.to_owned(),
        Err(what) => return report::misuse(NAME, what),
    };
    let speed = match speed.map(master::rate) {
        None => None,
        // What pppd does not know it says is 0.
        Some(Err(_)) if speed == Some("0") => None,
        Some(Ok(Rate::Fixed(rate))) => Some(rate),
        Some(Ok(Rate::Auto)) => {
            return report::misuse(NAME, "the rate is what pppd says, in bit/s");
        }
        Some(Err(what)) => return report::misuse(NAME, what),
    };
    let caller = Caller {
        interface,
        speed,
        pppd: environment.pppd,
        ancestors: process::ancestors(),
        device: environment.device,
    };
    match tell(root, file, way, &caller) {
        Ok(()) => Exit::DONE,
        Err(failure) => {
            report::error(NAME, &failure);
            Exit(failure.code)
        }
    }
}

/// Tells the daemon of a connection, or does without one what it would do.
///
/// # Errors
/// Why not, with the exit code for it.
pub fn tell(root: &Root, file: &Path, way: Way, caller: &Caller) -> Result<(), Failure> {
    let request = match way {
        Way::Up => Request::Connected(caller.clone()),
        Way::Down => Request::Disconnected(caller.clone()),
    };
    let socket = control::socket(&root.run_dir());
    let told: Result<Reply, ControlError> = call(&socket, &request, PATIENCE);
    match told {
        Ok(_) => Ok(()),
        Err(ControlError::NotRunning(_)) => alone(root, file, way, caller),
        Err(ControlError::Failed(failure)) => Err(failure),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// What a person wants of a line.
pub fn by_hand(root: &Root, line: &str, hand: HandWord) -> Exit {
    let line = line.to_owned();
    match super::ask(root, &Request::Hand { line, hand }) {
        Ok(_) => Exit::DONE,
        Err(exit) => exit,
    }
}

/// Without a daemon: enslaves or releases the interface of the file's line that it belongs to.
fn alone(root: &Root, file: &Path, way: Way, caller: &Caller) -> Result<(), Failure> {
    let text = files::read_text(file, config::MAX_FILE)
        .map_err(|error| Failure::new(error.to_string()))?;
    let (lines, diagnostics) = config::parse(&file.to_string_lossy(), &text);
    if diagnostics.has_errors() {
        return Err(Failure::new(diagnostics.to_string()));
    }
    let records = state::read_all(root);
    let line = line_of(&lines, &records, caller).ok_or_else(|| {
        Failure::absent(format!(
            "{} belongs to no line of {}",
            caller.interface,
            file.display()
        ))
    })?;
    let mut balancer = Balancer::new(root.clone());
    let known = records.into_iter().find(|record| record.name == line.name);
    let mut record = known.unwrap_or_else(|| Record {
        name: line.name.clone(),
        boot: state::boot(),
        how: line.how.clone(),
        slave: line.slave.clone(),
        stop_timeout: u64::try_from(line.timers.stop_timeout.as_millis()).unwrap_or(u64::MAX),
        ..Record::default()
    });
    let done = match way {
        Way::Up => {
            record.interface = Some(caller.interface.clone());
            record.speed = caller.speed.or(record.speed);
            record.up_since = Some(unix_time());
            if record.living().is_none()
                && let Some(pppd) = caller.pppd.and_then(process::identity)
            {
                record.process = Some((pppd.pid, pppd.began));
                record.detached = false;
            }
            let enslaved = enslave(line, &record, &mut balancer);
            record.enslaved = enslaved.is_ok() && line.slave.is_some();
            enslaved
        }
        Way::Down => {
            record.up_since = None;
            if let Some(slave) = record.slave.as_ref().filter(|_| record.enslaved) {
                // Down as it is, the master may have released it.
                let _ = balancer.release(&slave.master, &caller.interface);
            }
            record.enslaved = false;
            Ok(())
        }
    };
    root.make_run_dir()
        .and_then(|_| state::write(root, &record))
        .map_err(|error| Failure::new(error.to_string()))?;
    done.map_err(Failure::new)
}

fn enslave(line: &LineConf, record: &Record, balancer: &mut Balancer) -> Result<(), String> {
    let (Some(slave), Some(interface)) = (&line.slave, &record.interface) else {
        return Ok(());
    };
    let rate = slave.rate.or(record.speed.map(Rate::Fixed));
    let rate = rate.ok_or_else(|| format!("{}: no RATE, and pppd said no speed", line.name))?;
    balancer.enslave(slave, interface, rate).map_err(|error| {
        format!(
            "{}: {} does not take {interface}: {error}",
            line.name, slave.master
        )
    })
}

/// The line of a connection: by its process, its device, its interface, in this order.
fn line_of<'l>(lines: &'l [LineConf], records: &[Record], caller: &Caller) -> Option<&'l LineConf> {
    let named = |name: &str| lines.iter().find(|line| line.name == name);
    let by_process = records.iter().find(|record| {
        record
            .living()
            .is_some_and(|identity| caller.is_below(identity.pid))
    });
    by_process
        .and_then(|record| named(&record.name))
        .or_else(|| {
            let same =
                |line: &&LineConf| caller.device.is_some() && line.how.device == caller.device;
            lines.iter().find(same)
        })
        .or_else(|| {
            let same = |name: &Option<String>| name.as_ref() == Some(&caller.interface);
            lines
                .iter()
                .find(|line| same(&line.how.interface))
                .or_else(|| {
                    let record = records.iter().find(|record| same(&record.interface))?;
                    named(&record.name)
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_connection_it_is() {
        let (lines, _) = config::parse(
            "f",
            "[a]\nCOMMAND = pppd\nDEVICE = cua1\n[b]\nCOMMAND = pppd\nDEVICE = cua2\n\
             [c]\nCOMMAND = slattach\nINTERFACE = sl0\n",
        );
        let me = process::identity(std::process::id()).unwrap();
        let records = [
            Record {
                name: "b".into(),
                process: Some((me.pid, me.began)),
                interface: Some("ppp7".into()),
                ..Record::default()
            },
            // The number is another's by now.
            Record {
                name: "a".into(),
                process: Some((me.pid, me.began + 1)),
                ..Record::default()
            },
        ];
        let find = |caller: Caller| {
            let line = line_of(&lines, &records, &caller);
            line.map(|line| line.name.as_str())
        };
        let caller = || Caller {
            interface: "ppp0".into(),
            ..Caller::default()
        };
        assert_eq!(find(caller()), None);
        let ancestors = vec![999_999, me.pid];
        assert_eq!(
            find(Caller {
                ancestors,
                ..caller()
            }),
            Some("b")
        );
        let device = Some("/dev/cua1".into());
        assert_eq!(find(Caller { device, ..caller() }), Some("a"));
        // The process decides.
        let device = Some("/dev/cua1".into());
        let pppd = Some(me.pid);
        assert_eq!(
            find(Caller {
                device,
                pppd,
                ..caller()
            }),
            Some("b")
        );
        let interface = "sl0".to_owned();
        assert_eq!(
            find(Caller {
                interface,
                ..caller()
            }),
            Some("c")
        );
        let interface = "ppp7".to_owned();
        assert_eq!(
            find(Caller {
                interface,
                ..caller()
            }),
            Some("b")
        );
    }
}
