//! Values of variables: how each type is read and written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::time::Duration;

use wanbox_grammar::value;

/// What a variable may be set to, beyond what the type of its field says. A number 0 where 0 is not
/// allowed means the default, as it did in the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Flag,
    /// A number of this range.
    Number(u32, u32),
    /// A number that is brought into this range.
    Clamped(u32, u32),
    /// A UDP or TCP port.
    Port,
    /// Whole seconds of this range.
    Seconds(u32, u32),
    /// Tenths of a second of this range.
    Tenths(u32, u32),
    /// Text.
    Text,
    /// Text that is only shown to privileged people.
    Secret,
    /// Nothing, or an absolute path.
    Path,
    /// Nothing, an absolute path, or `syslog:FACILITY`.
    Log,
    /// The name of a network interface, or nothing.
    Interface,
    /// An IPv4 address; 0.0.0.0 is none.
    Ipv4,
    /// An IPv6 address; `::` is none.
    Ipv6,
    /// An address to listen on, of either family; 0.0.0.0 and `::` are all.
    Listen,
    /// Nothing, or an address and a port.
    Endpoint,
    /// At most so many words, between commas or blanks.
    Words(usize),
    /// At most so many addresses of either family, between commas or blanks.
    Addresses(usize),
    /// Ways to authenticate, the preferred one first.
    AuthTypes,
}

impl Kind {
    /// What people are told to write.
    #[must_use]
    pub fn describe(&self) -> String {
        match *self {
            Self::Flag => "yes or no".into(),
            Self::Number(least, most) | Self::Clamped(least, most) => {
                format!("a number from {least} to {most}")
            }
            Self::Port => "a port from 1 to 65535".into(),
            Self::Seconds(least, most) => format!("seconds from {least} to {most}"),
            Self::Tenths(least, most) => format!("tenths of a second from {least} to {most}"),
            Self::Text | Self::Secret => format!("text of at most {MAX_TEXT} octets"),
            Self::Path => "an absolute path, or nothing".into(),
            Self::Log => "an absolute path, syslog:FACILITY, or nothing for standard error".into(),
            Self::Interface => "the name of an interface".into(),
            Self::Ipv4 => "an IPv4 address".into(),
            Self::Ipv6 => "an IPv6 address".into(),
            Self::Listen => "an IPv4 or IPv6 address".into(),
            Self::Endpoint => "ADDRESS:PORT, or nothing".into(),
            Self::Words(most) => format!("at most {most} words between commas or blanks"),
            Self::Addresses(most) => format!("at most {most} addresses between commas or blanks"),
            Self::AuthTypes => "pap, chap and mschapv2, the preferred one first".into(),
        }
    }

    /// The word for it in a synopsis.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Flag => "boolean",
            Self::Number(..) | Self::Clamped(..) => "number",
            Self::Port => "port",
            Self::Seconds(..) => "seconds",
            Self::Tenths(..) => "tenths of a second",
            Self::Text | Self::Secret => "text",
            Self::Path | Self::Log => "file",
            Self::Interface => "interface",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Listen => "address",
            Self::Endpoint => "address:port",
            Self::Words(_) => "words",
            Self::Addresses(_) => "addresses",
            Self::AuthTypes => "list",
        }
    }

    /// Whether its value is written between quotes.
    #[must_use]
    pub fn quoted(&self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Secret
                | Self::Path
                | Self::Log
                | Self::Interface
                | Self::Endpoint
                | Self::Words(_)
                | Self::Addresses(_)
                | Self::AuthTypes
        )
    }
}

/// The longest text of a value, octets.
pub const MAX_TEXT: usize = 255;

/// A type of fields.
pub(super) trait Value {
    /// Takes a new value, or says what is wrong with it. Returns what is worth a word.
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String>;
    /// As [`Value::set`] reads it, without quotes.
    fn text(&self, kind: &Kind) -> String;
}

/// A secret: text that a debugging print leaves out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "no secret"
        } else {
            "a secret"
        })
    }
}

impl Deref for Secret {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Where the log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Standard error.
    #[default]
    Stderr,
    /// The file of this absolute path.
    File(String),
    /// The system's log, with this facility.
    Syslog(&'static str),
}

/// The facilities of syslog(3).
pub const FACILITIES: [&str; 20] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// A way in which clients are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// RFC 1334.
    Pap,
    /// CHAP with MD5, RFC 1994.
    Chap,
    /// MS-CHAPv2, RFC 2759.
    MsChapV2,
}

impl AuthType {
    const NAMES: [(Self, &str); 3] = [
        (Self::Pap, "pap"),
        (Self::Chap, "chap"),
        (Self::MsChapV2, "mschapv2"),
    ];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(of, _)| *of == self)
            .map_or("", |(_, name)| name)
    }
}

/// Reads a decimal number. Nothing else is one here: a leading 0 means nothing.
pub(super) fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The words of a list between commas and blanks.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
}

/// Whether text can be written and read back: between one kind of quotes, on one line.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        Err(format!("longer than {MAX_TEXT} octets"))
    } else if text.chars().any(char::is_control) {
        Err("has control characters".into())
    } else if text.contains('"') && text.contains('\'') {
        Err("has both kinds of quotes, of which only one can be written".into())
    } else {
        Ok(())
    }
}

fn wrong(kind: &Kind) -> String {
    format!("not {}", kind.describe())
}

impl Value for bool {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        *self = if is(&["yes", "true", "1", "on", "y"]) {
            true
        } else if is(&["no", "false", "0", "off", "n"]) {
            false
        } else {
            return Err(wrong(kind));
        };
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        if *self { "yes" } else { "no" }.into()
    }
}

/// A number for a range, and what to say if it had to be brought into it.
fn ranged(text: &str, kind: &Kind) -> Result<(u32, Option<String>), String> {
    let value = decimal(text).ok_or_else(|| wrong(kind))?;
    match *kind {
        Kind::Clamped(least, most) if !(least..=most).contains(&value) => {
            let value = value.clamp(least, most);
            let what = format!("{text} is out of the range {least} to {most}: {value} is used");
            Ok((value, Some(what)))
        }
        Kind::Number(least, most) | Kind::Seconds(least, most) | Kind::Tenths(least, most)
            if !(least..=most).contains(&value) =>
        {
            Err(wrong(kind))
        }
        Kind::Port if !(1..=65_535).contains(&value) => Err(wrong(kind)),
        _ => Ok((value, None)),
    }
}

impl Value for u32 {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let (value, remark) = ranged(text, kind)?;
        *self = value;
        Ok(remark)
    }

    fn text(&self, _: &Kind) -> String {
        self.to_string()
    }
}

impl Value for u16 {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let (value, remark) = ranged(text, kind)?;
        *self = u16::try_from(value).map_err(|_| wrong(kind))?;
        Ok(remark)
    }

    fn text(&self, _: &Kind) -> String {
        self.to_string()
    }
}

impl Value for Option<u16> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let mut port = 0;
        *self = if decimal(text) == Some(0) {
            None
        } else {
            port.set(text, kind)?;
            Some(port)
        };
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.unwrap_or(0).to_string()
    }
}

impl Value for Duration {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let (value, remark) = ranged(text, kind)?;
        *self = match kind {
            Kind::Tenths(..) => Self::from_millis(u64::from(value) * 100),
            _ => Self::from_secs(value.into()),
        };
        Ok(remark)
    }

    fn text(&self, kind: &Kind) -> String {
        match kind {
            Kind::Tenths(..) => (self.as_millis() / 100).to_string(),
            _ => self.as_secs().to_string(),
        }
    }
}

impl Value for String {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        check_text(text)?;
        match kind {
            Kind::Path if !text.is_empty() && !text.starts_with('/') => return Err(wrong(kind)),
            Kind::Interface if !text.is_empty() => {
                value::interface_name(text).map_err(|_| wrong(kind))?;
            }
            _ => {}
        }
        text.clone_into(self);
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.clone()
    }
}

impl Value for Secret {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        self.0.set(text, kind)
    }

    fn text(&self, _: &Kind) -> String {
        self.0.clone()
    }
}

impl Value for Log {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        check_text(text)?;
        *self = if text.is_empty() {
            Self::Stderr
        } else if text.starts_with('/') {
            Self::File(text.to_owned())
        } else {
            let name = text.strip_prefix("syslog:").ok_or_else(|| wrong(kind))?;
            let facility = FACILITIES.iter().find(|known| **known == name);
            Self::Syslog(facility.ok_or_else(|| format!("no facility of syslog: '{name}'"))?)
        };
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        match self {
            Self::Stderr => String::new(),
            Self::File(path) => path.clone(),
            Self::Syslog(facility) => format!("syslog:{facility}"),
        }
    }
}

impl Value for Option<Ipv4Addr> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let address: Ipv4Addr = text.parse().map_err(|_| wrong(kind))?;
        *self = Some(address).filter(|address| !address.is_unspecified());
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string()
    }
}

impl Value for Ipv4Addr {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        *self = text.parse().map_err(|_| wrong(kind))?;
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.to_string()
    }
}

impl Value for Option<Ipv6Addr> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let address: Ipv6Addr = text.parse().map_err(|_| wrong(kind))?;
        *self = Some(address).filter(|address| !address.is_unspecified());
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.unwrap_or(Ipv6Addr::UNSPECIFIED).to_string()
    }
}

impl Value for IpAddr {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        *self = text.parse().map_err(|_| wrong(kind))?;
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.to_string()
    }
}

impl Value for Option<SocketAddr> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        *self = if text.is_empty() {
            None
        } else {
            let endpoint: SocketAddr = text.parse().map_err(|_| wrong(kind))?;
            Some(endpoint).filter(|endpoint| endpoint.port() > 0)
        };
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.map(|endpoint| endpoint.to_string())
            .unwrap_or_default()
    }
}

/// How many items a list may have.
fn most(kind: &Kind) -> usize {
    match *kind {
        Kind::Words(most) | Kind::Addresses(most) => most,
        _ => usize::MAX,
    }
}

impl Value for Vec<String> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        if text.chars().any(|c| c.is_control() && c != '\t') || text.contains(['"', '\'']) {
            return Err("has control characters or quotes".into());
        }
        let words: Self = list(text).map(str::to_owned).collect();
        if words.len() > most(kind) || words.iter().any(|word| word.len() > MAX_TEXT) {
            return Err(wrong(kind));
        }
        *self = words;
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        self.join(",")
    }
}

impl Value for Vec<IpAddr> {
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let mut addresses = Self::new();
        for word in list(text) {
            let address: IpAddr = word
                .parse()
                .map_err(|_| format!("'{word}' is not an address"))?;
            if addresses.contains(&address) {
                return Err(format!("has {word} twice"));
            }
            addresses.push(address);
        }
        if addresses.len() > most(kind) {
            return Err(wrong(kind));
        }
        *self = addresses;
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        let words: Vec<String> = self.iter().map(ToString::to_string).collect();
        words.join(",")
    }
}

impl Value for Vec<AuthType> {
    /// Any prefix of a name is taken, as the original did.
    fn set(&mut self, text: &str, kind: &Kind) -> Result<Option<String>, String> {
        let mut types = Self::new();
        for word in list(text) {
            let word = word.to_ascii_lowercase();
            let (found, _) = AuthType::NAMES
                .iter()
                .find(|(_, name)| {
                    name.starts_with(&word)
                        || (word == "mschap" || word == "mschap2") && *name == "mschapv2"
                })
                .ok_or_else(|| wrong(kind))?;
            if !types.contains(found) {
                types.push(*found);
            }
        }
        if types.is_empty() {
            types.push(AuthType::Pap);
        }
        *self = types;
        Ok(None)
    }

    fn text(&self, _: &Kind) -> String {
        let names: Vec<&str> = self.iter().map(|of| of.name()).collect();
        names.join(", ")
    }
}
