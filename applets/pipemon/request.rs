//! From written options to what a monitor is to do: whom to ask, what, and how to show it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use wanbox_link::seal::{Key, MIN_KEY};
use wanbox_runtime::files::{self, Root};
use wanbox_wire::pipemon::DEFAULT_PORT;

use crate::commands::{self, Command};
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;

/// The longest key file, octets.
const MAX_KEY: u64 = 4096;
/// The longest interface name of Linux, octets.
const MAX_INTERFACE: usize = 15;

/// Whom a monitor asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The link daemon that an address is routed to, by UDP.
    Remote(SocketAddrV4),
    /// The link daemon of a local interface, by its socket.
    Local(String),
}

impl Target {
    /// The interface name in banners; none with an address.
    pub fn interface(&self) -> &str {
        match self {
            Self::Remote(_) => "",
            Self::Local(interface) => interface,
        }
    }

    /// Reads an address or an interface name.
    pub fn parse(target: &str, port: u16) -> Result<Self, Failure> {
        if let Ok(address) = target.parse::<Ipv4Addr>() {
            return Ok(Self::Remote(SocketAddrV4::new(address, port)));
        }
        let well_formed = target
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && octet != b'/');
        // A mistyped address is no interface.
        let dotted = target.contains('.')
            && target
                .bytes()
                .all(|octet| octet.is_ascii_digit() || octet == b'.');
        if target.is_empty()
            || target.len() > MAX_INTERFACE
            || !well_formed
            || dotted
            || target.starts_with('.')
        {
            return Err(Failure::usage(format!(
                "ERROR: '{target}' is neither an IPv4 address nor an interface name \
                 (1 to {MAX_INTERFACE} characters)"
            )));
        }
        Ok(Self::Local(target.to_owned()))
    }
}

/// How an answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the originals did.
    Text,
    /// `-x`.
    Xml,
    /// `--json`.
    Json,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// One command, with the settings of Tset.
    Command(Command, Vec<String>),
    /// The live view.
    Top,
}

/// Everything resolved.
#[derive(Clone, Debug)]
pub struct Request {
    /// The monitor.
    pub monitor: Monitor,
    /// Whom to ask.
    pub target: Target,
    /// What to do.
    pub action: Action,
    /// The DLCI or logical channel, 0 when none was given.
    pub channel: u16,
    /// How to show it.
    pub format: Format,
    /// How long to wait for each answer.
    pub timeout: Duration,
    /// Where the sockets are.
    pub root: Root,
    /// What requests are made with.
    pub key: Option<Key>,
}

/// How long to wait for an answer unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Request {
    /// Checks the options, in the order in which the originals complained.
    pub fn new(monitor: Monitor, options: &Options) -> Result<Self, Failure> {
        let name = monitor.name();
        let hint = |text: String| Failure::usage(format!("{text}\nType {name} <cr> for help"));
        let old = old_form(monitor, options)?;
        let target = old
            .as_ref()
            .map(|old| old.target)
            .or(options.interface.as_deref())
            .ok_or_else(|| hint("ERROR: No IP address or Interface Name!".into()))?;
        let port = match old
            .as_ref()
            .and_then(|o| o.port)
            .or(options.port.as_deref())
        {
            None => DEFAULT_PORT,
            Some(text) => number::<u16>(text)
                .filter(|&port| port != 0)
                .ok_or_else(|| hint(format!("ERROR: '{text}' is no UDP port (1 to 65535)")))?,
        };
        let target = Target::parse(target, port).map_err(|f| hint(f.text))?;
        let dlci = old.as_ref().and_then(|o| o.dlci);
        let dlci = dlci.or(options.dlci.as_deref());
        let number = |name: &str, last: u16, text: Option<&str>| match text {
            None => Ok(0),
            Some(text) => number::<u16>(text)
                .ok_or_else(|| hint(format!("ERROR: {name} must be an integer!")))
                .and_then(|number| match number > last {
                    true => Err(hint(format!(
                        "ERROR: {name} {number} is not in 0 to {last}"
                    ))),
                    false => Ok(number),
                }),
        };
        let dlci = number("DLCI", 1023, dlci)?;
        let lcn = number("LCN", 4095, options.lcn.as_deref())?;
        if monitor != Monitor::FrameRelay && dlci != 0 {
            return Err(hint("ERROR: only Frame Relay has DLCIs".into()));
        }
        if monitor != Monitor::X25 && (lcn != 0 || options.x25opt.is_some()) {
            return Err(hint("ERROR: only X.25 has -lcn and -x25opt".into()));
        }
        if monitor != Monitor::X25 && (options.ascii || options.ebcdic) {
            return Err(hint("ERROR: only X.25 has -ascii and -ebcdic".into()));
        }
        let channel = dlci.max(lcn);
        let action = match (&old, options.top, options.command.as_deref()) {
            (Some(old), false, _) => Action::Command(old.command, Vec::new()),
            (_, true, None) => Action::Top,
            (_, true, Some(_)) => {
                return Err(hint("ERROR: give a command or --top, not both".into()));
            }
            (None, false, None) => return Err(hint("ERROR: No Command!".into())),
            (None, false, Some(letters)) => Action::Command(
                commands::find(monitor, letters)
                    .ok_or_else(|| Failure::usage(commands::unknown(monitor, letters)))?,
                options.words.clone(),
            ),
        };
        if let Action::Command(command, words) = &action {
            if command.needs_channel && channel == 0 {
                let name = if monitor == Monitor::X25 {
                    "LCN"
                } else {
                    "DLCI"
                };
                return Err(Failure::usage(format!(
                    "Error: Please enter a non-zero {name}"
                )));
            }
            if !words.is_empty() && command.letters != "Tset" {
                return Err(hint(format!(
                    "ERROR: unexpected argument '{}'",
                    words.join(" ")
                )));
            }
        }
        let format = match (options.xml, options.json) {
            (false, false) => Format::Text,
            (true, false) => Format::Xml,
            (false, true) => Format::Json,
            (true, true) => return Err(hint("ERROR: give -x or --json, not both".into())),
        };
        Ok(Self {
            monitor,
            target,
            action,
            channel,
            format,
            timeout: match options.timeout.as_deref() {
                None => TIMEOUT,
                Some(text) => duration("--timeout", text).map_err(|f| hint(f.text))?,
            },
            root: Root::new(options.root.as_deref().map(Path::new)),
            key: options.key_file.as_deref().map(read_key).transpose()?,
        })
    }
}

/// The key in a file that nobody else may read; blanks and line ends around it do not count.
fn read_key(file: &str) -> Result<Key, Failure> {
    let secret = files::read_secret(Path::new(file), MAX_KEY)
        .map_err(|error| Failure::failed(format!("ERROR: --key-file: {error}")))?;
    Key::new(secret.trim_ascii()).ok_or_else(|| {
        Failure::failed(format!(
            "ERROR: --key-file: {file}: the key has less than {MIN_KEY} octets"
        ))
    })
}

/// A decimal number; a sign or a blank is none.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|octet| octet.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// A duration as people write it; plain digits are seconds.
pub fn duration(option: &str, text: &str) -> Result<Duration, Failure> {
    let parsed = match number::<u32>(text) {
        Some(seconds) => Some(Duration::from_secs(seconds.into())),
        None => humantime::parse_duration(text).ok(),
    };
    parsed.filter(|d| !d.is_zero()).ok_or_else(|| {
        Failure::usage(format!(
            "ERROR: {option} '{text}' is no duration (such as 500ms, 5s, 1m)"
        ))
    })
}

struct Old<'o> {
    command: Command,
    dlci: Option<&'o str>,
    target: &'o str,
    port: Option<&'o str>,
}

/// `[f|t] letters [dlci] ip [port]`, when the words have no `-c` beside them.
fn old_form(monitor: Monitor, options: &Options) -> Result<Option<Old<'_>>, Failure> {
    let name = monitor.name();
    if options.command.is_some() || options.words.is_empty() {
        return Ok(None);
    }
    let mut words = options.words.iter().map(String::as_str);
    let first = words.next().unwrap_or_default();
    let key = match first {
        "f" | "t" | "d" => format!("{first} {}", words.next().unwrap_or_default()),
        _ => first.to_owned(),
    };
    let command = commands::find_old(monitor, &key)
        .or_else(|| commands::find(monitor, &key))
        .ok_or_else(|| Failure::usage(commands::unknown(monitor, &key)))?;
    let dlci = if command.needs_channel {
        words.next()
    } else {
        None
    };
    let target = words
        .next()
        .or(options.interface.as_deref())
        .ok_or_else(|| {
            Failure::usage(format!(
                "ERROR: No IP address or Interface Name!\nType {name} <cr> for help"
            ))
        })?;
    let port = words.next();
    if let Some(word) = words.next() {
        return Err(Failure::usage(format!(
            "ERROR: unexpected argument '{word}'\nType {name} <cr> for help"
        )));
    }
    Ok(Some(Old {
        command,
        dlci,
        target,
        port,
    }))
}
