//! The configuration: a section a line.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wanbox_eql_engine::keeper::{self, Keep, Schedule};
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::{Record, Section, Sections};
use wanbox_grammar::value::{Span, Wrong};
use wanbox_grammar::{value, words};

use super::runslip;
use crate::control::Rate;
use crate::master;

#[cfg(test)]
mod tests;

/// The longest file, octets.
pub const MAX_FILE: u64 = 256 * 1024;
/// Lines of one file.
pub(super) const MAX_LINES: usize = 64;
/// The longest name of a line, octets.
const MAX_NAME: usize = 32;
/// The times that keys take.
const TIMES: Span = Span {
    longest: Duration::from_secs(7 * 86_400),
    words: "7 days",
};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineConf {
    /// What it is called.
    pub name: String,
    /// How it is brought up and taken down.
    pub how: How,
    /// Where it is a slave.
    pub slave: Option<Slave>,
    /// Time-outs and limits.
    pub timers: keeper::Config,
    /// When it is to be up.
    pub keep: Keep,
}

/// How a line is brought up and taken down: what cannot change while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct How {
    /// Brings it up.
    pub command: Vec<String>,
    /// Takes it down; none: the command is signalled.
    pub stop: Vec<String>,
    /// The terminal device.
    pub device: Option<PathBuf>,
    /// What is done about its lock file.
    pub lock: Lock,
    /// Where lock files are.
    pub lock_dir: PathBuf,
    /// The interface; `None`: pppd's ip-up tells.
    pub interface: Option<String>,
    /// What the command says goes there.
    pub output: Option<PathBuf>,
    /// Run when the interface is up.
    pub on_up: Vec<String>,
    /// Run when it is down again.
    pub on_down: Vec<String>,
}

/// What is done about the device's lock file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// It is made before the command runs, in the command's name.
    #[default]
    Hold,
    /// It is looked at; the command makes it.
    Check,
    /// Nothing.
    None,
}

/// Where a line is a slave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slave {
    /// The master's interface.
    pub master: String,
    /// Its rate; `None`: the one that pppd says.
    pub rate: Option<Rate>,
    /// The master takes it again when it comes back.
    pub sticky: bool,
    /// The next router, where the line is an Ethernet.
    pub next_hop: Option<IpAddr>,
}

const KEYS: &str = "COMMAND, STOP, DEVICE, LOCK, LOCK_DIR, INTERFACE, MASTER, RATE, STICKY, NEXT_HOP, KEEP, \
     SCHEDULE, DIAL_TIMEOUT, STOP_TIMEOUT, REDIAL, REDIAL_MAX, MIN_UP, MAX_FAILURES, HOLD, OUTPUT, \
     ON_UP, ON_DOWN";

/// Reads a file's text, of this form or DSLIP's, which its first line tells. All findings are
/// collected; with an error among them the lines are not to be used.
pub fn parse(file: &str, text: &str) -> (Vec<LineConf>, Diagnostics) {
    if runslip::is_one(text) {
        return runslip::parse(file, text);
    }
    let mut diagnostics = Diagnostics::new(file);
    let sections = Sections::parse(text, &mut diagnostics);
    let mut lines = Vec::new();
    for section in sections.iter() {
        if let Some(line) = read_section(section, &mut diagnostics) {
            lines.push((section.line, line));
        }
    }
    for (line, name) in sections.repeated() {
        let what = "a line of this name is there already";
        diagnostics.error(*line, name, what, "each name once");
    }
    if lines.is_empty() && !diagnostics.has_errors() {
        diagnostics.error(0, "", "no line is named", "[NAME] with COMMAND at least");
    }
    let lines = together(lines, &mut diagnostics);
    diagnostics.sort();
    (lines, diagnostics)
}

/// Looks at all lines, each with where it is, beside each other.
pub(super) fn together(
    lines: Vec<(usize, LineConf)>,
    diagnostics: &mut Diagnostics,
) -> Vec<LineConf> {
    for (place, (at, line)) in lines.iter().enumerate() {
        let mut twice = |what: &str, other: Option<&LineConf>, allowed: &str| {
            if let Some(other) = other {
                let text = format!("has the same {what} as {}", other.name);
                diagnostics.error(*at, &line.name, text, allowed);
            }
        };
        let earlier = || lines.iter().take(place).map(|(_, other)| other);
        let same = |one: &Option<PathBuf>, two: &Option<PathBuf>| one.is_some() && one == two;
        twice(
            "DEVICE",
            earlier().find(|other| same(&other.how.device, &line.how.device)),
            "each device once",
        );
        twice(
            "INTERFACE",
            earlier().find(|other| {
                line.how.interface.is_some() && other.how.interface == line.how.interface
            }),
            "each interface once",
        );
        // A slave's traffic would go round between its master and it for ever.
        let master = line.slave.as_ref().map(|slave| &slave.master);
        if let Some(master) = master
            && let Some((_, other)) = lines.iter().find(|(_, other)| {
                other.slave.is_some() && other.how.interface.as_ref() == Some(master)
            })
            && other.name != line.name
        {
            let what = format!("its MASTER {master} is itself a slave, of {}", other.name);
            diagnostics.error(*at, &line.name, what, "a master that is nobody's slave");
        }
    }
    if lines.len() > MAX_LINES {
        let what = format!("{} lines", lines.len());
        diagnostics.error(0, "", what, format!("at most {MAX_LINES}"));
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn read_section(section: &Section, diagnostics: &mut Diagnostics) -> Option<LineConf> {
    if let Err((what, allowed)) = name(&section.name) {
        diagnostics.error(section.line, &section.name, what, allowed);
        return None;
    }
    let mut draft = Draft::default();
    let mut seen: Vec<String> = Vec::new();
    let mut wrong = false;
    for record in &section.records {
        let key = record.key.to_ascii_uppercase();
        let read = if seen.contains(&key) {
            Err(("is given twice".into(), "each key once".into()))
        } else {
            draft.read(&key, record)
        };
        if let Err((what, allowed)) = read {
            diagnostics.error(record.line, &key, what, allowed);
            wrong = true;
        }
        seen.push(key);
    }
    match draft.finish(section.name.clone()) {
        // What a wrong key leaves open is said once.
        _ if wrong => None,
        Ok(line) => {
            if line.how.interface.is_none() && !is_pppd(&line.how.command) {
                diagnostics.warning(
                    section.line,
                    &section.name,
                    "has no INTERFACE: it counts as up only when 'eql_dial up IFNAME RATE' tells",
                );
            }
            Some(line)
        }
        Err((what, allowed)) => {
            diagnostics.error(section.line, &section.name, what, allowed);
            None
        }
    }
}

/// Checks the name of a line: it is also that of a file.
pub(super) fn name(text: &str) -> Result<(), Wrong> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-:+@".contains(&b);
    if (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(legal)
        && !text.starts_with(['.', '-'])
    {
        Ok(())
    } else {
        Err((
            "is no name of a line".into(),
            format!("1 to {MAX_NAME} letters, digits, '.', '_', '-'"),
        ))
    }
}

/// The values of a section while they are gathered.
#[derive(Default)]
struct Draft {
    how: How,
    timers: keeper::Config,
    lock: Option<Lock>,
    lock_dir: Option<PathBuf>,
    master: Option<String>,
    rate: Option<Rate>,
    sticky: Option<bool>,
    next_hop: Option<IpAddr>,
    keep: Option<String>,
    schedule: Option<Schedule>,
    hold: Option<Duration>,
}

impl Draft {
    fn read(&mut self, key: &str, record: &Record) -> Result<(), Wrong> {
        let text = record.value.as_deref().unwrap_or_default().trim();
        if text.is_empty() && KEYS.split(", ").any(|known| known == key) {
            return Err(("has no value".into(), format!("{key} = VALUE")));
        }
        match key {
            "COMMAND" => self.how.command = nodetach(command(text)?),
            "STOP" => self.how.stop = command(text)?,
            "ON_UP" => self.how.on_up = command(text)?,
            "ON_DOWN" => self.how.on_down = command(text)?,
            "DEVICE" => self.how.device = Some(device(text)?),
            "OUTPUT" => self.how.output = Some(absolute(text)?),
            "LOCK" => {
                self.lock = Some(match text.to_ascii_lowercase().as_str() {
                    "hold" => Lock::Hold,
                    "check" => Lock::Check,
                    "none" => Lock::None,
                    _ => {
                        return Err((
                            format!("'{text}' is none of them"),
                            "hold, check, none".into(),
                        ));
                    }
                });
            }
            "LOCK_DIR" => self.lock_dir = Some(absolute(text)?),
            "INTERFACE" => self.how.interface = Some(interface(text)?),
            "MASTER" => self.master = Some(interface(text)?),
            "RATE" => {
                let allowed = || "bit/s as 28800 or 64k; or auto".to_owned();
                self.rate = Some(master::rate(text).map_err(|what| (what, allowed()))?);
            }
            "STICKY" => {
                let allowed = || "YES, NO".to_owned();
                self.sticky = Some(value::yes_no(text).map_err(|what| (what, allowed()))?);
            }
            "NEXT_HOP" => {
                let wrong = |_| {
                    (
                        format!("'{text}' is no address"),
                        "an IP address".to_owned(),
                    )
                };
                self.next_hop = Some(text.parse().map_err(wrong)?);
            }
            "KEEP" => {
                let word = text.to_ascii_lowercase();
                if !["always", "schedule", "manual"].contains(&word.as_str()) {
                    let allowed = "always, schedule, manual".to_owned();
                    return Err((format!("'{text}' is none of them"), allowed));
                }
                self.keep = Some(word);
            }
            "SCHEDULE" => {
                let allowed = || "as mon-fri 08:00-18:00, sat 09:00-12:00".to_owned();
                self.schedule = Some(Schedule::parse(text).map_err(|what| (what, allowed()))?);
            }
            "DIAL_TIMEOUT" => self.timers.dial_timeout = TIMES.positive(text)?,
            "STOP_TIMEOUT" => self.timers.stop_timeout = TIMES.positive(text)?,
            "REDIAL" => self.timers.redial = TIMES.positive(text)?,
            "REDIAL_MAX" => self.timers.redial_max = TIMES.positive(text)?,
            "MIN_UP" => self.timers.min_up = TIMES.time(text)?,
            "HOLD" => self.hold = Some(TIMES.positive(text)?),
            "MAX_FAILURES" => {
                let count = value::number(text).ok().map(|number| number.value);
                let count = count.and_then(|count| u32::try_from(count).ok());
                let wrong = || {
                    (
                        format!("'{text}' is no count"),
                        "0 (never) to 1000".to_owned(),
                    )
                };
                self.timers.max_failures =
                    count.filter(|&count| count <= 1000).ok_or_else(wrong)?;
            }
            _ => return Err(("unknown key".into(), KEYS.into())),
        }
        Ok(())
    }

    fn finish(mut self, name: String) -> Result<LineConf, Wrong> {
        let wrong = |what: &str, allowed: &str| Err((what.to_owned(), allowed.to_owned()));
        if self.how.command.is_empty() {
            return wrong("no COMMAND", "COMMAND = what brings the line up");
        }
        if self.how.device.is_none() && (self.lock.is_some() || self.lock_dir.is_some()) {
            return wrong(
                "LOCK or LOCK_DIR without DEVICE",
                "DEVICE = the locked terminal",
            );
        }
        if self.timers.redial_max < self.timers.redial {
            return wrong("REDIAL_MAX is shorter than REDIAL", "REDIAL or longer");
        }
        if let Some(hold) = self.hold {
            if self.timers.max_failures == 0 {
                return wrong("HOLD without MAX_FAILURES", "MAX_FAILURES = 1 to 1000");
            }
            self.timers.hold = hold;
        }
        let keep = match (self.keep.as_deref(), self.schedule) {
            (Some("schedule") | None, Some(schedule)) => Keep::Schedule(schedule),
            (Some("schedule"), None) => {
                return wrong("KEEP = schedule without SCHEDULE", "SCHEDULE = times");
            }
            (Some(_), Some(_)) => return wrong("SCHEDULE with another KEEP", "KEEP = schedule"),
            (Some("manual"), None) => Keep::Manual,
            (_, None) => Keep::Always,
        };
        let slave = match self.master {
            None if self.rate.is_some() || self.sticky.is_some() || self.next_hop.is_some() => {
                return wrong(
                    "RATE, STICKY or NEXT_HOP without MASTER",
                    "MASTER = the load balancer",
                );
            }
            None => None,
            Some(master) if self.how.interface.as_ref() == Some(&master) => {
                return wrong("would be its own MASTER", "MASTER = another interface");
            }
            Some(_) if self.rate.is_none() && self.how.interface.is_some() => {
                return wrong(
                    "MASTER without RATE, and pppd is not asked for it",
                    "RATE = bit/s or auto; or no INTERFACE, and ip-up calls eql_dial",
                );
            }
            Some(master) => Some(Slave {
                master,
                rate: self.rate,
                sticky: self.sticky.unwrap_or_default(),
                next_hop: self.next_hop,
            }),
        };
        self.timers.enslave = slave.is_some();
        self.timers.sticky = self.sticky.unwrap_or_default();
        self.how.lock = self.lock.unwrap_or_default();
        self.how.lock_dir = self.lock_dir.unwrap_or_else(lock_dir);
        Ok(LineConf {
            name,
            how: self.how,
            slave,
            timers: self.timers,
            keep,
        })
    }
}

/// Where other programs look for lock files.
pub(super) fn lock_dir() -> PathBuf {
    "/var/lock".into()
}

/// A command's words, one at least.
pub(super) fn command(text: &str) -> Result<Vec<String>, Wrong> {
    let allowed = || "a command, with quotes around words that hold blanks".to_owned();
    match words::split(text) {
        Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        Ok(_) => Err(("names no program".into(), allowed())),
        Err(what) => Err((what, allowed())),
    }
}

/// Whether a command is pppd.
pub(super) fn is_pppd(command: &[String]) -> bool {
    let program = command.first().map(Path::new);
    program.and_then(Path::file_name) == Some("pppd".as_ref())
}

/// pppd is to stay our child, so that its end is seen at once.
fn nodetach(mut command: Vec<String>) -> Vec<String> {
    let said = ["nodetach", "-detach", "updetach"];
    if is_pppd(&command) && !command.iter().any(|word| said.contains(&word.as_str())) {
        command.insert(1, "nodetach".to_owned());
    }
    command
}

/// `/dev/cua1`, `/dev/usb/tts/0`, or `cua1` alone.
pub(super) fn device(text: &str) -> Result<PathBuf, Wrong> {
    let path = Path::new("/dev").join(text);
    let plain = |part: std::path::Component<'_>| part.as_os_str() != "..";
    if path.components().all(plain) && path.file_name().is_some() && !text.ends_with('/') {
        Ok(path)
    } else {
        Err((
            format!("'{text}' is no device"),
            "a terminal as /dev/cua1 or cua1".into(),
        ))
    }
}

fn absolute(text: &str) -> Result<PathBuf, Wrong> {
    match PathBuf::from(text) {
        path if path.is_absolute() => Ok(path),
        _ => Err((
            format!("'{text}' is not absolute"),
            "a path from / on".into(),
        )),
    }
}

pub(super) fn interface(text: &str) -> Result<String, Wrong> {
    match value::interface_name(text) {
        Ok(name) => Ok(name.to_owned()),
        Err(what) => Err((what, "the name of an interface, as ppp0".into())),
    }
}

/// For fuzzing: whatever the text, it is read or refused, and what is read holds what it promises.
pub fn fuzz_dial(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (lines, diagnostics) = parse("fuzz", &text);
    if diagnostics.has_errors() {
        return;
    }
    assert!(!lines.is_empty() && lines.len() <= MAX_LINES);
    for line in &lines {
        assert!(name(&line.name).is_ok());
        assert!(
            line.how
                .command
                .first()
                .is_some_and(|word| !word.is_empty())
        );
        assert!(line.timers.redial_max >= line.timers.redial);
        assert_eq!(line.timers.enslave, line.slave.is_some());
        assert!(
            line.how
                .device
                .as_ref()
                .is_none_or(|device| device.is_absolute())
        );
        if let Some(slave) = &line.slave {
            assert_ne!(Some(&slave.master), line.how.interface.as_ref());
            assert!(slave.rate.is_some() || line.how.interface.is_none());
        }
    }
}
