//! The configuration: a section a primary interface.

use std::net::IpAddr;
use std::time::Duration;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::{Record, Section, Sections};
use wanbox_grammar::value::{Span, Wrong};
use wanbox_grammar::{value, words};
use wanbox_wpbackupd_engine::Config as Timers;

/// The times that keys take.
const TIMES: Span = Span {
    longest: Duration::from_secs(86_400),
    words: "86400 seconds",
};
/// Destinations of one section.
const MAX_ROUTES: usize = 64;
/// Primary links of one file.
const MAX_LINKS: usize = 64;

/// One primary link and its backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConf {
    /// The interface that is watched.
    pub primary: String,
    /// The interface of the backup.
    pub backup: String,
    /// What brings it up.
    pub means: Means,
    /// Hysteresis and time-outs.
    pub timers: Timers,
    /// Destinations that follow the traffic, with their prefix lengths.
    pub routes: Vec<(IpAddr, u8)>,
    /// Asks whether the primary really carries data.
    pub check: Option<Check>,
    /// Run with the primary's name and `primary` or `backup` when the traffic changes over.
    pub on_change: Vec<String>,
}

/// What brings a backup up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A program that lives as long as the link does, such as pppd.
    Program(Vec<String>),
    /// A command that brings it up and one that takes it down.
    Commands {
        /// Brings it up; it may return before that is done.
        start: Vec<String>,
        /// Takes it down.
        stop: Vec<String>,
    },
    /// A wanpipe device of this machine.
    Device(String),
}

/// A command that is run again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// It succeeds while the primary is well.
    pub command: Vec<String>,
    /// The pause between two.
    pub every: Duration,
    /// Failures in a row that count as down.
    pub failures: u32,
}

const KEYS: &str = "INTERFACE, PPPD, RUN, START, STOP, DEVICE, FAIL_AFTER, RESTORE_AFTER, \
     DIAL_TIMEOUT, STOP_TIMEOUT, REDIAL, REDIAL_MAX, MIN_BACKUP, ROUTES, CHECK, CHECK_EVERY, \
     CHECK_FAILURES, ON_CHANGE";

/// Reads a file's text. All findings are collected; with an error among them the links are not to
/// be used.
pub fn parse(file: &str, text: &str) -> (Vec<LinkConf>, Diagnostics) {
    let mut diagnostics = Diagnostics::new(file);
    let sections = Sections::parse(text, &mut diagnostics);
    let mut links: Vec<LinkConf> = Vec::new();
    for section in sections.iter() {
        if let Some(link) = read_section(section, &mut diagnostics) {
            links.push(link);
        }
    }
    for (place, link) in links.iter().enumerate() {
        let others = links.iter().take(place);
        if let Some(other) = others.into_iter().find(|other| other.backup == link.backup) {
            diagnostics.error(
                line_of(&sections, &link.primary),
                &link.backup,
                format!("is the backup of {} already", other.primary),
                "one primary a backup interface",
            );
        }
    }
    if links.len() > MAX_LINKS {
        let what = format!("{} links", links.len());
        diagnostics.error(0, "", what, format!("at most {MAX_LINKS}"));
    }
    if links.is_empty() && !diagnostics.has_errors() {
        let allowed = "[PRIMARY INTERFACE] with INTERFACE and one of PPPD, RUN, START, DEVICE";
        diagnostics.error(0, "", "no link is named", allowed);
    }
    (links, diagnostics)
}

fn line_of(sections: &Sections, name: &str) -> usize {
    sections.get(name).map_or(0, |section| section.line)
}

/// The values of a section while they are gathered.
#[derive(Default)]
struct Draft {
    backup: Option<String>,
    means: Vec<Means>,
    start: Option<Vec<String>>,
    stop: Option<Vec<String>>,
    timers: Timers,
    routes: Option<Vec<(IpAddr, u8)>>,
    check: Option<Vec<String>>,
    every: Option<Duration>,
    failures: Option<u32>,
    on_change: Vec<String>,
}

fn read_section(section: &Section, diagnostics: &mut Diagnostics) -> Option<LinkConf> {
    let primary = match value::interface_name(&section.name) {
        Ok(name) => name.to_owned(),
        Err(what) => {
            diagnostics.error(section.line, "", what, "[NAME OF THE PRIMARY INTERFACE]");
            return None;
        }
    };
    let mut draft = Draft::default();
    let mut seen: Vec<String> = Vec::new();
    let mut wrong = false;
    for record in &section.records {
        let key = record.key.to_ascii_uppercase();
        if seen.contains(&key) {
            diagnostics.error(record.line, &key, "is given twice", "each key once");
            wrong = true;
            continue;
        }
        if let Err((what, allowed)) = draft.read(&key, record) {
            diagnostics.error(record.line, &key, what, allowed);
            wrong = true;
        }
        seen.push(key);
    }
    match draft.finish(primary) {
        Ok(link) if !wrong => Some(link),
        Ok(_) => None,
        // What a wrong key leaves open is said once.
        Err(_) if wrong => None,
        Err((what, allowed)) => {
            diagnostics.error(section.line, &section.name, what, allowed);
            None
        }
    }
}

impl Draft {
    fn read(&mut self, key: &str, record: &Record) -> Result<(), Wrong> {
        let text = record.value.as_deref().unwrap_or_default().trim();
        if text.is_empty() {
            return Err(("has no value".into(), format!("{key} = VALUE")));
        }
        match key {
            "INTERFACE" => {
                let name = value::interface_name(text)
                    .map_err(|what| (what, "the name of an interface, as ppp0".into()))?;
                self.backup = Some(name.to_owned());
            }
            "PPPD" => {
                // It has to stay our child.
                let mut command = vec!["pppd".to_owned(), "nodetach".to_owned()];
                command.extend(words(text)?);
                self.means.push(Means::Program(command));
            }
            "RUN" => self.means.push(Means::Program(words(text)?)),
            "DEVICE" => {
                let name = value::interface_name(text)
                    .map_err(|what| (what, "the name of a device, as wanpipe2".into()))?;
                self.means.push(Means::Device(name.to_owned()));
            }
            "START" => self.start = Some(words(text)?),
            "STOP" => self.stop = Some(words(text)?),
            "FAIL_AFTER" => self.timers.fail_after = TIMES.time(text)?,
            "RESTORE_AFTER" => self.timers.restore_after = TIMES.time(text)?,
            "DIAL_TIMEOUT" => self.timers.dial_timeout = TIMES.positive(text)?,
            "STOP_TIMEOUT" => self.timers.stop_timeout = TIMES.positive(text)?,
            "REDIAL" => self.timers.redial = TIMES.positive(text)?,
            "REDIAL_MAX" => self.timers.redial_max = TIMES.positive(text)?,
            "MIN_BACKUP" => self.timers.minimum = TIMES.time(text)?,
            "ROUTES" => self.routes = Some(routes(text)?),
            "CHECK" => self.check = Some(words(text)?),
            "CHECK_EVERY" => self.every = Some(TIMES.positive(text)?),
            "CHECK_FAILURES" => {
                let count = value::number(text).ok().map(|number| number.value);
                let count = count.filter(|count| (1..=1000).contains(count));
                let wrong = || (format!("'{text}' is no count"), "1 to 1000".to_owned());
                self.failures = Some(count.ok_or_else(wrong)? as u32);
            }
            "ON_CHANGE" => self.on_change = words(text)?,
            _ => return Err(("unknown key".into(), KEYS.into())),
        }
        Ok(())
    }

    fn finish(mut self, primary: String) -> Result<LinkConf, Wrong> {
        let wrong = |what: &str, allowed: &str| Err((what.to_owned(), allowed.to_owned()));
        match (self.start, self.stop) {
            (Some(start), Some(stop)) => self.means.push(Means::Commands { start, stop }),
            (None, None) => {}
            _ => return wrong("only one of START and STOP", "both"),
        }
        let only = self.means.pop();
        let Some(means) = only.filter(|_| self.means.is_empty()) else {
            let allowed = "one of PPPD, RUN, DEVICE, or START with STOP";
            return wrong("says not, or not clearly, what the backup is", allowed);
        };
        let Some(backup) = self.backup else {
            return wrong(
                "no INTERFACE",
                "INTERFACE = the backup's interface, as ppp0",
            );
        };
        if backup == primary {
            return wrong("is its own backup", "INTERFACE = another interface");
        }
        if self.timers.redial_max < self.timers.redial {
            return wrong("REDIAL_MAX is shorter than REDIAL", "REDIAL or longer");
        }
        let check = match self.check {
            Some(command) => Some(Check {
                command,
                every: self.every.unwrap_or(Duration::from_secs(10)),
                failures: self.failures.unwrap_or(3),
            }),
            None if self.every.is_some() || self.failures.is_some() => {
                return wrong(
                    "CHECK_EVERY or CHECK_FAILURES without CHECK",
                    "CHECK = COMMAND",
                );
            }
            None => None,
        };
        Ok(LinkConf {
            primary,
            backup,
            means,
            timers: self.timers,
            routes: self
                .routes
                .unwrap_or_else(|| vec![(std::net::Ipv4Addr::UNSPECIFIED.into(), 0)]),
            check,
            on_change: self.on_change,
        })
    }
}

/// A command's words, one at least.
fn words(text: &str) -> Result<Vec<String>, Wrong> {
    let allowed = || "a command, with quotes around words that hold blanks".to_owned();
    match words::split(text) {
        Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        Ok(_) => Err(("names no program".into(), allowed())),
        Err(what) => Err((what, allowed())),
    }
}

fn routes(text: &str) -> Result<Vec<(IpAddr, u8)>, Wrong> {
    let allowed = || "default, networks as 10.1.0.0/16, commas between them; or none".to_owned();
    if text.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    let mut routes = Vec::new();
    for word in text.split(',').map(str::trim) {
        let route = match word.to_ascii_lowercase().as_str() {
            "default" => (std::net::Ipv4Addr::UNSPECIFIED.into(), 0),
            "default6" => (std::net::Ipv6Addr::UNSPECIFIED.into(), 0),
            _ => value::prefix(word).map_err(|what| (what, allowed()))?,
        };
        if routes.contains(&route) {
            return Err((format!("'{word}' is named twice"), allowed()));
        }
        routes.push(route);
    }
    if routes.len() > MAX_ROUTES {
        let what = format!("{} networks", routes.len());
        return Err((what, format!("at most {MAX_ROUTES}")));
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[wp1ppp]
interface = ppp0
pppd = call isp
fail_after = 3
restore_after = 1m
routes = default, 10.1.0.0/16
check = ping -c1 -w2 -I wp1ppp 10.0.0.2
check_every = 20s

[wp2ppp]
INTERFACE = wp3ppp
DEVICE = wanpipe3
ROUTES = none
";

    #[test]
    fn a_file_is_read() {
        let (links, diagnostics) = parse("wpbackupd.conf", GOOD);
        assert_eq!(diagnostics.to_string(), "");
        assert_eq!(links.len(), 2);
        let first = &links[0];
        assert_eq!(
            (first.primary.as_str(), first.backup.as_str()),
            ("wp1ppp", "ppp0")
        );
        assert_eq!(
            first.means,
            Means::Program(
                ["pppd", "nodetach", "call", "isp"]
                    .map(str::to_owned)
                    .into()
            )
        );
        assert_eq!(first.timers.fail_after, Duration::from_secs(3));
        assert_eq!(first.timers.restore_after, Duration::from_secs(60));
        assert_eq!(first.routes.len(), 2);
        assert_eq!(first.routes[1], ([10, 1, 0, 0].into(), 16));
        let check = first.check.as_ref().unwrap();
        assert_eq!((check.every, check.failures), (Duration::from_secs(20), 3));
        assert_eq!(links[1].means, Means::Device("wanpipe3".into()));
        assert_eq!(links[1].routes, []);
        assert_eq!(links[1].timers, Timers::default());
    }

    #[test]
    fn every_mistake_says_where_and_what_would_be_right() {
        for (text, finding) in [
            ("", "f: no link is named; allowed: [PRIMARY"),
            ("[a b]\n", "f:1: "),
            (
                "[wp1]\nPPPD = call x\n",
                "f:1: wp1: no INTERFACE; allowed: ",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\n",
                "f:1: wp1: says not, or not clearly",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\nPPPD = call x\nRUN = y\n",
                "f:1: wp1: says not, or not clearly",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\nSTART = y\n",
                "f:1: wp1: only one of START and STOP; allowed: both",
            ),
            (
                "[wp1]\nINTERFACE = wp1\nRUN = y\n",
                "f:1: wp1: is its own backup",
            ),
            (
                "[wp1]\nINTERFACE = a23456789012345678\n",
                "f:2: INTERFACE: ",
            ),
            ("[wp1]\nINTERFACE =\n", "f:2: INTERFACE: has no value"),
            (
                "[wp1]\nNOTHING = 1\n",
                "f:2: NOTHING: unknown key; allowed: INTERFACE, PPPD",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\nINTERFACE = ppp1\n",
                "f:3: INTERFACE: is given twice",
            ),
            (
                "[wp1]\nFAIL_AFTER = 2d\n",
                "f:2: FAIL_AFTER: '2d' is too long",
            ),
            (
                "[wp1]\nFAIL_AFTER = -1\n",
                "f:2: FAIL_AFTER: '-1' is not a duration",
            ),
            ("[wp1]\nREDIAL = 0\n", "f:2: REDIAL: 0 would never be over"),
            (
                "[wp1]\nINTERFACE = ppp0\nRUN = y\nREDIAL = 20\nREDIAL_MAX = 10\n",
                "f:1: wp1: REDIAL_MAX is shorter",
            ),
            ("[wp1]\nROUTES = 10.0.0.1/33\n", "f:2: ROUTES: "),
            (
                "[wp1]\nROUTES = default, default\n",
                "f:2: ROUTES: 'default' is named twice",
            ),
            (
                "[wp1]\nCHECK_FAILURES = 0\n",
                "f:2: CHECK_FAILURES: '0' is no count",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\nRUN = y\nCHECK_EVERY = 5\n",
                "f:1: wp1: CHECK_EVERY or CHECK_FAILURES without CHECK",
            ),
            (
                "[wp1]\nINTERFACE = ppp0\nRUN = y\n[wp2]\nINTERFACE = ppp0\nRUN = z\n",
                "f:4: ppp0: is the backup of wp1 already",
            ),
        ] {
            let (_, diagnostics) = parse("f", text);
            assert!(diagnostics.has_errors(), "{text}");
            let all = diagnostics.to_string();
            assert!(
                all.lines().any(|line| line.starts_with(finding)),
                "{text}: {all}"
            );
        }
    }
}
