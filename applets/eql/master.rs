//! A master, wherever it is: a device of the kernel's driver, or the interface of an eqld.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_eql_engine::{Refusal, check_max_slaves, check_name};
use wanbox_grammar::{Exit, report, value};
use wanbox_runtime::control::{ControlError, Failure, call};
use wanbox_runtime::daemon;
use wanbox_runtime::eql::EqlError;
use wanbox_runtime::files::Root;
use wanbox_runtime::netlink::Netlink;

use crate::control::{self, Rate, Reply, Request, Status, refused};
use crate::kernel::{self, Kernel};

/// How long an eqld may take to answer: the kernel looks for a next hop for some seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A slave as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The interface.
    pub slave: String,
    /// The rate of its line.
    pub rate: Rate,
    /// It is taken again when it comes back.
    pub sticky: bool,
    /// The next router, on an Ethernet.
    pub next_hop: Option<IpAddr>,
}

/// A master.
#[derive(Debug)]
pub enum Master {
    /// A device of the kernel's driver.
    Kernel(Box<Kernel>),
    /// The interface of an eqld.
    Eqld {
        /// Its name.
        name: String,
        /// Where its eqld listens.
        socket: PathBuf,
    },
}

impl Master {
    /// The master of this name.
    ///
    /// # Errors
    /// Not a name (2); no such interface, no master, or its eqld is gone (3).
    pub fn find(root: &Root, name: &str) -> Result<Self, Failure> {
        check_name(name).map_err(refused)?;
        let run_dir = root.run_dir();
        let socket = control::socket(&run_dir, name);
        let pid_file = control::pid_file(&run_dir, name);
        match daemon::running(&pid_file) {
            Ok(Some(_)) => {
                return Ok(Self::Eqld {
                    name: name.to_owned(),
                    socket,
                });
            }
            Ok(None) => {}
            Err(error) => return Err(Failure::new(format!("{name}: {error}"))),
        }
        match Kernel::open(&run_dir, name) {
            Ok(kernel) => Ok(Self::Kernel(Box::new(kernel))),
            // What a killed one left behind.
            Err(EqlError::NoDevice(_) | EqlError::NotEql(_)) if socket.exists() => Err(gone(name)),
            Err(EqlError::NoDevice(_)) => Err(Failure::absent(format!(
                "{name}: there is no such interface: load the kernel's driver (modprobe eql), \
                 or start a master in user space (eqld {name})"
            ))),
            Err(EqlError::NotEql(_)) => Err(refused(Refusal::NotMaster(name.to_owned()))),
            Err(error) => Err(kernel::failure(error)),
        }
    }

    /// All masters: the kernel's, and those of which an eqld runs. In the order of their names.
    ///
    /// # Errors
    /// The kernel does not tell its interfaces.
    pub fn all(root: &Root) -> Result<Vec<Self>, Failure> {
        let links = Netlink::open()
            .and_then(|mut netlink| netlink.links())
            .map_err(|error| Failure::new(error.to_string()))?;
        let mut names: Vec<String> = links
            .into_iter()
            .filter(kernel::is_eql)
            .map(|link| link.name)
            .collect();
        let run_dir = root.run_dir();
        // Without the directory no eqld runs.
        for entry in std::fs::read_dir(&run_dir).into_iter().flatten().flatten() {
            let file = entry.file_name();
            let name = file
                .to_str()
                .and_then(|file| file.strip_prefix("eqld-")?.strip_suffix(".pid"));
            let Some(name) = name else { continue };
            match daemon::running(&entry.path()) {
                Ok(Some(_)) => names.push(name.to_owned()),
                Ok(None) => {}
                Err(error) => return Err(Failure::new(format!("{name}: {error}"))),
            }
        }
        names.sort();
        names.dedup();
        let found = names.iter().map(|name| Self::find(root, name));
        // One may go while the others are looked for.
        Ok(found.filter_map(Result::ok).collect())
    }

    /// Takes a slave, after all of the HOWTO's rules.
    ///
    /// # Errors
    /// The rule that is broken, or what the kernel or the eqld said. Nothing has changed then.
    pub fn enslave(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        check_name(&wanted.slave).map_err(refused)?;
        match self {
            Self::Kernel(kernel) => kernel.enslave(wanted),
            Self::Eqld { name, socket } => {
                let request = Request::Enslave {
                    slave: wanted.slave.clone(),
                    rate: wanted.rate,
                    sticky: wanted.sticky,
                    next_hop: wanted.next_hop,
                };
                ask(name, socket, &request).map(drop)
            }
        }
    }

    /// Releases a slave.
    ///
    /// # Errors
    /// It is no slave of this master (3), or what the kernel or the eqld said.
    pub fn emancipate(&mut self, slave: &str) -> Result<(), Failure> {
        check_name(slave).map_err(refused)?;
        match self {
            Self::Kernel(kernel) => kernel.emancipate(slave),
            Self::Eqld { name, socket } => {
                let slave = slave.to_owned();
                ask(name, socket, &Request::Emancipate { slave }).map(drop)
            }
        }
    }

    /// Gives a slave another rate.
    ///
    /// # Errors
    /// It is no slave of this master (3), a rate out of range (2), or what the kernel or the eqld
    /// said.
    pub fn set_rate(&mut self, slave: &str, rate: Rate) -> Result<(), Failure> {
        check_name(slave).map_err(refused)?;
        match self {
            Self::Kernel(kernel) => kernel.set_rate(slave, rate),
            Self::Eqld { name, socket } => {
                let slave = slave.to_owned();
                ask(name, socket, &Request::SetSlave { slave, rate }).map(drop)
            }
        }
    }

    /// Sets one limit of slaves, or both.
    ///
    /// # Errors
    /// A limit out of range (2), or what the kernel or the eqld said.
    pub fn set_limits(&mut self, max: Option<usize>, min: Option<usize>) -> Result<(), Failure> {
        for number in [max, min].into_iter().flatten() {
            check_max_slaves(number).map_err(refused)?;
        }
        match (self, max) {
            (Self::Kernel(kernel), _) => kernel.set_limits(max, min),
            (Self::Eqld { name, .. }, _) if min.is_some() => Err(Failure::usage(format!(
                "--min-slaves is for the kernel's driver, which keeps that number: {name} is an \
                 eqld's, and nothing there depends on it"
            ))),
            (Self::Eqld { .. }, None) => Ok(()),
            (Self::Eqld { name, socket }, Some(max_slaves)) => {
                ask(name, socket, &Request::SetMaster { max_slaves }).map(drop)
            }
        }
    }

    /// The master and its slaves.
    ///
    /// # Errors
    /// What the kernel or the eqld said.
    pub fn status(&mut self) -> Result<Status, Failure> {
        match self {
            Self::Kernel(kernel) => kernel.status(),
            Self::Eqld { name, socket } => match ask(name, socket, &Request::Status)? {
                Reply::Status(status) => Ok(*status),
                Reply::Done => Err(Failure::new(format!("{name}: its eqld gave no state"))),
            },
        }
    }
}

fn ask(name: &str, socket: &Path, request: &Request) -> Result<Reply, Failure> {
    call(socket, request, PATIENCE).map_err(|error| match error {
        ControlError::Failed(failure) => failure,
        ControlError::NotRunning(_) | ControlError::Closed => gone(name),
        error => Failure {
            text: format!("{name}: {error}"),
            code: error.exit_code(),
        },
    })
}

fn gone(name: &str) -> Failure {
    Failure::absent(format!(
        "{name}: its eqld is gone: start it again (eqld {name})"
    ))
}

/// Reads a rate: bit/s, with a unit or not, or `auto`.
///
/// # Errors
/// What is wrong with it.
pub fn rate(text: &str) -> Result<Rate, String> {
    if text == "auto" {
        return Ok(Rate::Auto);
    }
    let wrong = |_| {
        format!("'{text}' is no rate of a line: bit/s are expected (as 28800, 64k, 2M), or auto")
    };
    let rate = Rate::Fixed(value::rate(text).map_err(wrong)?);
    wanbox_eql_engine::Rate::from(rate)
        .check()
        .map_err(|refusal| refusal.to_string())?;
    Ok(rate)
}

/// The work of a command that changes something: silent, or with the state of the master
/// afterwards as one line of JSON.
pub fn change(
    applet: &str,
    root: Option<&Path>,
    master: &str,
    json: bool,
    work: impl FnOnce(&mut Master) -> Result<(), Failure>,
) -> Exit {
    let root = Root::new(root);
    let changed = Master::find(&root, master).and_then(|mut master| {
        work(&mut master)?;
        Ok(master)
    });
    match changed {
        Ok(mut master) if json => match master.status() {
            Ok(status) => print_json(applet, &status),
            Err(failure) => failed(applet, &failure),
        },
        Ok(_) => Exit::DONE,
        Err(failure) => failed(applet, &failure),
    }
}

/// Prints one line of JSON.
pub fn print_json(applet: &str, value: &impl serde::Serialize) -> Exit {
    match serde_json::to_string(value) {
        Ok(text) => {
            report::output(&format!("{text}\n"));
            Exit::DONE
        }
        Err(error) => report::failure(applet, format!("JSON output: {error}")),
    }
}

/// Says why something was not done.
pub fn failed(applet: &str, failure: &Failure) -> Exit {
    if failure.code == Exit::USAGE.0 {
        return report::misuse(applet, failure);
    }
    report::error(applet, failure);
    Exit(failure.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, wanted) in [
            ("28800", Rate::Fixed(28_800)),
            ("64k", Rate::Fixed(64_000)),
            ("2M", Rate::Fixed(2_000_000)),
            ("10G", Rate::Fixed(10_000_000_000)),
            ("auto", Rate::Auto),
        ] {
            assert_eq!(rate(text), Ok(wanted), "{text}");
        }
        for (wrong, word) in [
            ("-1", "is no rate of a line"),
            ("", "is no rate of a line"),
            ("fast", "is no rate of a line"),
            ("28800x", "is no rate of a line"),
            ("0", "0 bit/s is no rate"),
            ("11G", "1 to 10000000000 is expected"),
            ("99999999999999999999", "is no rate of a line"),
        ] {
            let text = rate(wrong).unwrap_err();
            assert!(text.contains(word), "{wrong}: {text}");
        }
    }
}
