//! DSLIP's `runslip.conf`: stanzas of `keyword value` between blank lines (EQL HOWTO, 3.2.2.1).
//!
//! | keyword | here |
//! |---|---|
//! | `name` | the line's name |
//! | `enabled` | kept up always; without it only by hand |
//! | `line` | the terminal device |
//! | `baud`, `mtu`, `address` | for the SLIP interface that [`super::attach`] makes |
//! | `ducmd` | of the dial command: `-e SCRIPT` talks to the modem, `-t SECONDS` limits it (0: no limit) |
//! | `command` | run when the line is up; `eql_enslave MASTER $interface RATE` becomes MASTER and RATE |

use std::path::PathBuf;
use std::time::Duration;

use wanbox_eql_engine::keeper::{self, Keep};
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value::{self, Wrong};

use super::config::{self, How, LineConf, Lock, Slave};
use crate::master;

/// The longest dial command's time-out that is waited for when the file says none, with margin.
const NO_LIMIT: Duration = Duration::from_secs(600);
/// What the rest takes when the script has a limit.
const MARGIN: Duration = Duration::from_secs(15);
/// MTUs that a SLIP interface takes.
const MTUS: std::ops::RangeInclusive<u64> = 68..=65_534;
/// Rates of terminals, bit/s.
const BAUDS: std::ops::RangeInclusive<u64> = 50..=4_000_000;

const KEYWORDS: &str = "name, enabled, baud, mtu, ducmd, command, address, line";

/// Whether a text is such a file: it has words before any section.
pub fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(significant);
    lines.find(|line| !line.is_empty()).is_some_and(|line| {
        !line.starts_with('[') && !line.contains('=') && keyword(line).is_some()
    })
}

fn keyword(line: &str) -> Option<&str> {
    let word = line.split_ascii_whitespace().next()?;
    KEYWORDS.split(", ").find(|known| *known == word)
}

/// Without a comment and blanks around.
fn significant(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// A stanza while it is gathered.
#[derive(Default)]
struct Stanza {
    /// Its first line.
    at: usize,
    seen: Vec<&'static str>,
    name: Option<String>,
    enabled: bool,
    baud: Option<u64>,
    mtu: Option<u64>,
    address: Option<String>,
    device: Option<PathBuf>,
    script: Vec<String>,
    limit: Option<Duration>,
    command: Vec<String>,
}

/// Reads such a file.
pub fn parse(file: &str, text: &str) -> (Vec<LineConf>, Diagnostics) {
    let mut diagnostics = Diagnostics::new(file);
    let mut lines: Vec<(usize, LineConf)> = Vec::new();
    let mut stanza: Option<Stanza> = None;
    let mut wrong = false;
    // A blank line more ends the last one.
    for (number, raw) in (1..).zip(text.lines().chain([""])) {
        let line = significant(raw);
        if line.is_empty() {
            // A comment alone parts nothing.
            if raw.trim().is_empty()
                && let Some(done) = stanza.take()
            {
                let at = done.at;
                match done.finish() {
                    _ if std::mem::take(&mut wrong) => {}
                    Ok(line) if lines.iter().any(|(_, other)| other.name == line.name) => {
                        let what = "a line of this name is there already";
                        diagnostics.error(at, &line.name, what, "each name once");
                    }
                    Ok(line) => lines.push((at, line)),
                    Err((what, allowed)) => diagnostics.error(at, "", what, allowed),
                }
            }
            continue;
        }
        let stanza = stanza.get_or_insert_with(|| Stanza {
            at: number,
            ..Stanza::default()
        });
        if let Err((what, allowed)) = stanza.read(line) {
            let key = line.split_ascii_whitespace().next().unwrap_or_default();
            diagnostics.error(number, key, what, allowed);
            wrong = true;
        }
    }
    if lines.is_empty() && !diagnostics.has_errors() {
        diagnostics.error(0, "", "no line is named", KEYWORDS);
    }
    let lines = config::together(lines, &mut diagnostics);
    (lines, diagnostics)
}

impl Stanza {
    fn read(&mut self, line: &str) -> Result<(), Wrong> {
        let wrong = |what: String, allowed: &str| Err((what, allowed.to_owned()));
        let Some(keyword) = KEYWORDS
            .split(", ")
            .find(|known| line.split_ascii_whitespace().next() == Some(known))
        else {
            return wrong("unknown keyword".into(), KEYWORDS);
        };
        if self.seen.contains(&keyword) {
            return wrong("is given twice".into(), "each keyword once a stanza");
        }
        self.seen.push(keyword);
        let text = line.get(keyword.len()..).unwrap_or_default().trim();
        if text.is_empty() != (keyword == "enabled") {
            return wrong(
                if text.is_empty() {
                    "has no value"
                } else {
                    "takes no value"
                }
                .into(),
                "a value for each keyword but enabled",
            );
        }
        match keyword {
            "name" => {
                config::name(text)?;
                self.name = Some(text.to_owned());
            }
            "enabled" => self.enabled = true,
            "baud" => self.baud = Some(number(text, BAUDS)?),
            "mtu" => self.mtu = Some(number(text, MTUS)?),
            "address" => match value::ipv4(text) {
                Ok(_) => self.address = Some(text.to_owned()),
                Err(what) => return wrong(what, "an IPv4 address"),
            },
            "line" => self.device = Some(config::device(text)?),
            "ducmd" => self.read_dial_command(text)?,
            _ => self.command = config::command(text)?,
        }
        Ok(())
    }

    fn read_dial_command(&mut self, text: &str) -> Result<(), Wrong> {
        let allowed = || "-e SCRIPT [WORD...] and -t SECONDS".to_owned();
        let mut words = config::command(text)?.into_iter().peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-e" if self.script.is_empty() => {
                    while let Some(word) = words.next_if(|word| word != "-t") {
                        self.script.push(word);
                    }
                }
                "-t" => {
                    let text = words.next().unwrap_or_default();
                    let seconds = number(&text, 0..=86_400)?;
                    self.limit = Some(Duration::from_secs(seconds));
                }
                _ => return Err((format!("'{word}' is not understood"), allowed())),
            }
        }
        match self.script.first() {
            Some(script) if script.starts_with('/') => Ok(()),
            Some(script) => Err((
                format!("the script '{script}' is not absolute"),
                "a path from / on".into(),
            )),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<LineConf, Wrong> {
        let missing = |what: &str| (format!("a stanza without {what}"), what.to_owned());
        let name = self.name.ok_or_else(|| missing("name"))?;
        let device = self.device.ok_or_else(|| missing("line"))?;
        let baud = self.baud.ok_or_else(|| missing("baud"))?;
        let mut words: Vec<String> = ["eql_dial", "attach", "--speed"].map(str::to_owned).into();
        words.push(baud.to_string());
        for (option, value) in [
            ("--mtu", self.mtu.map(|mtu| mtu.to_string())),
            ("--address", self.address),
        ] {
            if let Some(value) = value {
                words.extend([option.to_owned(), value]);
            }
        }
        words.push(device.to_string_lossy().into_owned());
        if !self.script.is_empty() {
            words.push("--".into());
            words.extend(self.script);
        }
        let (slave, on_up) = enslaving(self.command)?;
        let limit = self.limit.filter(|limit| !limit.is_zero());
        let timers = keeper::Config {
            dial_timeout: limit.map_or(NO_LIMIT, |limit| limit + MARGIN),
            enslave: slave.is_some(),
            ..keeper::Config::default()
        };
        Ok(LineConf {
            name,
            how: How {
                command: words,
                device: Some(device),
                lock: Lock::Hold,
                lock_dir: config::lock_dir(),
                on_up,
                ..How::default()
            },
            slave,
            timers,
            keep: if self.enabled {
                Keep::Always
            } else {
                Keep::Manual
            },
        })
    }
}

/// A command that enslaves is what this program does by itself; any other is run.
fn enslaving(command: Vec<String>) -> Result<(Option<Slave>, Vec<String>), Wrong> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let program = words.first().and_then(|word| word.rsplit('/').next());
    match (program, words.get(1..)) {
        (Some("eql_enslave"), Some(&[name, "$interface", rate])) => {
            let rate = master::rate(rate).map_err(|what| (what, "bit/s".to_owned()))?;
            let slave = Slave {
                master: config::interface(name)?,
                rate: Some(rate),
                sticky: false,
                next_hop: None,
            };
            Ok((Some(slave), Vec::new()))
        }
        _ => Ok((None, command)),
    }
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, Wrong> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let value = text
        .parse()
        .ok()
        .filter(|value| plain && range.contains(value));
    value.ok_or_else(|| {
        let allowed = format!("{} to {}", range.start(), range.end());
        (format!("'{text}' is out of range"), allowed)
    })
}
