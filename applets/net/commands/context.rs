//! What a command is given, and how it ends.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::Value;
use wanbox_net_engine::domain::{Lookup, QueryId};
use wanbox_net_engine::{InterfaceId, Station, address};
use wanbox_net_services::Services;

use crate::host::Host;

/// Names that the host knows.
const HOSTS: &str = "/etc/hosts";

/// What a command prints.
#[derive(Debug, Default)]
pub struct Output {
    /// Lines for people, each with its line feed.
    pub text: String,
    /// Lists are wanted as JSON: then they go to `json` and not to `text`.
    pub wants_json: bool,
    /// The list.
    pub json: Option<Value>,
}

impl Output {
    /// Prints a value: `LABEL: TEXT` for people; for programs an object whose only key is the label in small letters.
    pub fn value(&mut self, label: &str, text: &str, value: Value) {
        let words = label.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let key = words.join("_").to_ascii_lowercase();
        self.line(&key, format_args!("{label}: {text}"), value);
    }

    /// The same with a line and a key that differ.
    pub fn line(&mut self, key: &str, line: impl std::fmt::Display, value: Value) {
        if self.wants_json {
            self.json = Some(Value::Object(
                [(key.to_owned(), value)].into_iter().collect(),
            ));
        } else {
            self.text += &format!("{line}\n");
        }
    }
}

/// What a command works on.
pub struct Context<'c> {
    /// The time of its start.
    pub now: Instant,
    /// The network.
    pub station: &'c mut Station,
    /// Sessions and servers.
    pub services: &'c mut Services,
    /// The console that runs it, for what comes later.
    pub console: u32,
    /// The process.
    pub host: &'c mut dyn Host,
    /// What it prints.
    pub output: &'c mut Output,
}

/// What is to be done when a command is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// The reply to a ping of this host with this stamp (see `Station::ping`) is for the console. A script waits
    /// for it, or until it is late.
    Reply(Ipv4Addr, Option<u64>),
    /// The answer to a query of FlexNet of this number is for the console. A script waits for it, or until it is
    /// late.
    Way(u16),
    /// A session was opened.
    Session(wanbox_net_services::SessionId),
    /// The line is run again after so long, on a clear screen, until a key is pressed.
    Repeat(Duration),
    /// The same where somebody looks at a screen, in the place of what it shows; elsewhere once is enough.
    Live(Duration),
}

/// Why a command ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It failed, and what to say.
    Failed(String),
    /// Words are missing or wrong: how it is used, without `Usage: ` before it.
    Usage(&'static str),
    /// It failed, and everything was said.
    Silent,
    /// Nothing was done yet: run it again when this question is answered.
    Asked(QueryId),
}

/// How a command ended.
pub type Done = Result<Then, Stop>;

impl Context<'_> {
    /// A host's address: in numbers or by name.
    ///
    /// # Errors
    /// Nobody knows it (`Unknown host NAME`), or servers have to be asked first.
    pub fn address(&mut self, word: &str) -> Result<Ipv4Addr, Stop> {
        let unknown = || Stop::Failed(format!("Unknown host {word}"));
        if address::is_numeric(word) {
            let address = address::parse(word).filter(|address| !address.is_unspecified());
            return address.ok_or_else(unknown);
        }
        match self.station.resolve(self.now, word, self.host.sink()) {
            Lookup::Known(address) if !address.is_unspecified() => Ok(address),
            Lookup::Asked(query) => Err(Stop::Asked(query)),
            Lookup::Known(_) => Err(unknown()),
            Lookup::Unknown => {
                let same = |_, name: &str| name.eq_ignore_ascii_case(word);
                let found = self.host_file(&same).map(|(address, _)| address);
                found.ok_or_else(unknown)
            }
        }
    }

    /// The name of an address in the host's own file of names.
    pub(crate) fn host_name(&mut self, address: Ipv4Addr) -> Option<String> {
        let same = |known, _: &str| known == address;
        self.host_file(&same).map(|(_, name)| name)
    }

    /// With `domain usegethostby on`: the first address and name of the host's own file that are wanted.
    fn host_file(&mut self, wanted: &dyn Fn(Ipv4Addr, &str) -> bool) -> Option<(Ipv4Addr, String)> {
        if !self.station.resolver.use_host {
            return None;
        }
        let file = self.host.read(HOSTS).ok()?;
        let file = String::from_utf8_lossy(&file);
        let mut lines = file.lines().filter_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let address: Ipv4Addr = words.next()?.parse().ok()?;
            let name = words.find(|name| wanted(address, name))?;
            Some((address, name.to_owned()))
        });
        lines.find(|(address, _)| !address.is_unspecified())
    }

    /// The same, with the other text that commands have for hosts that nobody knows.
    ///
    /// # Errors
    /// Nobody knows it (`Host NAME unknown`), or servers have to be asked first.
    pub(crate) fn host_address(&mut self, word: &str) -> Result<Ipv4Addr, Stop> {
        self.address(word).map_err(|stop| match stop {
            Stop::Failed(_) => Stop::Failed(format!("Host {word} unknown")),
            stop => stop,
        })
    }

    /// An interface by its whole name.
    ///
    /// # Errors
    /// There is none: `Interface X unknown`.
    pub fn interface(&self, word: &str) -> Result<InterfaceId, Stop> {
        let found = self.station.interfaces.by_name(word);
        found.ok_or_else(|| Stop::Failed(format!("Interface {word} unknown")))
    }

    /// An address as people see it: the name of a known host, `*` for 0.0.0.0.
    #[must_use]
    pub fn shown(&self, address: Ipv4Addr) -> String {
        self.station.resolver.shown(self.now, address)
    }
}
