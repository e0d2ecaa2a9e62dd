//! What can be read and set, by the names that scripts use.
//!
//! `KEY` is a key of the device's section, `IF.KEY` one of an interface's, `IF.ip.VARIABLE` one of
//! its file of addresses. `TYPE` and `DESCRIPTION` are those of the device; `IF.ADDRESS` (a DLCI, an X.25 address),
//! `IF.MODE` and `IF.DESCRIPTION` are those of an interface.

use std::fmt::{self, Display};

use wanbox_grammar::value;

use crate::conf::keys::{self, INTERFACE, Key, Kind, LINK, Of};

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The link type, in `[devices]`.
    Type,
    /// What the device is for, in `[devices]`.
    Description,
    /// A key of the device.
    Link(String),
    /// A part of an interface's record in `[interfaces]`.
    Part(String, Part),
    /// A key of an interface.
    Channel(String, String),
    /// A variable of an interface's file of addresses.
    Address(String, String),
}

/// A part of an interface's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its address on the link: a DLCI, an X.25 circuit.
    Address,
    /// What it is used for.
    Mode,
    /// What it is for.
    Description,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Address, Self::Mode, Self::Description];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "ADDRESS",
            Self::Mode => "MODE",
            Self::Description => "DESCRIPTION",
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type => f.write_str("TYPE"),
            Self::Description => f.write_str("DESCRIPTION"),
            Self::Link(key) => f.write_str(key),
            Self::Part(interface, part) => write!(f, "{interface}.{}", part.word()),
            Self::Channel(interface, key) => write!(f, "{interface}.{key}"),
            Self::Address(interface, variable) => write!(f, "{interface}.ip.{variable}"),
        }
    }
}

/// A variable of the file of addresses.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it may be, for people.
    pub allowed: &'static str,
    /// The value without it; empty: none.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    check: fn(&str) -> Result<(), String>,
}

impl Variable {
    /// Refuses a value that it cannot have; says why.
    pub fn check(&self, text: &str) -> Result<(), String> {
        (self.check)(text).map_err(|why| format!("{why}; allowed: {}", self.allowed))
    }
}

fn ipv4(text: &str) -> Result<(), String> {
    value::ipv4(text).map(|_| ())
}

/// The variables of a file of addresses, in the order in which they are asked for.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "IPADDR",
        allowed: "A.B.C.D; 0.0.0.0: none",
        default: "",
        meaning: "address of this end",
        check: ipv4,
    },
    Variable {
        name: "POINTOPOINT",
        allowed: "A.B.C.D",
        default: "",
        meaning: "address of the other end",
        check: ipv4,
    },
    Variable {
        name: "NETMASK",
        allowed: "a mask as 255.255.255.0",
        default: "255.255.255.255",
        meaning: "which addresses are reached through the interface",
        check: |text| value::netmask(text).map(|_| ()),
    },
    Variable {
        name: "GATEWAY",
        allowed: "0 (through the interface) or the address of a router",
        default: "",
        meaning: "the default route",
        check: |text| if text == "0" { Ok(()) } else { ipv4(text) },
    },
    Variable {
        name: "BROADCAST",
        allowed: "A.B.C.D",
        default: "",
        meaning: "broadcast address",
        check: ipv4,
    },
    Variable {
        name: "IPV6ADDR",
        allowed: "ADDRESS/LENGTH, several with blanks between them",
        default: "",
        meaning: "IPv6 addresses of this end",
        check: |text| {
            let mut given = text.split([' ', '\t', ',']).filter(|t| !t.is_empty());
            given.try_for_each(|text| match value::prefix(text)? {
                (std::net::IpAddr::V6(_), _) => Ok(()),
                _ => Err(format!("'{text}' is not an IPv6 address")),
            })
        },
    },
    Variable {
        name: "ONBOOT",
        allowed: "yes, no",
        default: "",
        meaning: "for boot scripts that read the file; nothing here does",
        check: |text| value::yes_no(text).map(|_| ()),
    },
];

/// The variable of this name.
pub fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|v| v.name == name)
}

impl Place {
    /// Reads a name. `interfaces` are those of the device.
    ///
    /// # Errors
    /// No such place; it says what is nearest.
    pub fn parse(text: &str, interfaces: &[String]) -> Result<Self, String> {
        let Some((interface, rest)) = owner(text, interfaces) else {
            return Self::of_device(text, interfaces);
        };
        if let Some(name) = rest.strip_prefix("ip.") {
            let upper = name.to_ascii_uppercase();
            return match variable(&upper) {
                Some(_) => Ok(Self::Address(interface, upper)),
                None => {
                    let names: Vec<&str> = VARIABLES.iter().map(|v| v.name).collect();
                    Err(format!(
                        "{text}: no such variable; there are: {}",
                        names.join(", ")
                    ))
                }
            };
        }
        let upper = rest.to_ascii_uppercase();
        if let Some(part) = Part::ALL.into_iter().find(|part| part.word() == upper) {
            return Ok(Self::Part(interface, part));
        }
        match keys::find(INTERFACE, &upper) {
            Some(key) => Ok(Self::Channel(interface, key.name.to_owned())),
            None if variable(&upper).is_some() => Err(format!(
                "{text}: addresses are in a file of their own: {interface}.ip.{upper}"
            )),
            None if keys::find(LINK, &upper).is_some() => {
                Err(format!("{text}: a key of the device: {upper}"))
            }
            None => Err(format!("{text}: {}", keys::unknown(INTERFACE, &upper))),
        }
    }

    fn of_device(text: &str, interfaces: &[String]) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "TYPE" => return Ok(Self::Type),
            "DESCRIPTION" => return Ok(Self::Description),
            _ => {}
        }
        if let Some(key) = keys::find(LINK, &upper) {
            return Ok(Self::Link(key.name.to_owned()));
        }
        let own = keys::find(INTERFACE, &upper).is_some() || variable(&upper).is_some();
        if own {
            let example = interfaces.first().map_or("IF", String::as_str);
            let kind = if variable(&upper).is_some() {
                "ip."
            } else {
                ""
            };
            return Err(format!(
                "{text}: a key of an interface: {example}.{kind}{upper}"
            ));
        }
        match text.rsplit_once('.') {
            Some((interface, _)) if interfaces.is_empty() => Err(format!(
                "{text}: no interface '{interface}'; there is none yet"
            )),
            Some((interface, _)) => Err(format!(
                "{text}: no interface '{interface}'; there are: {}",
                interfaces.join(", ")
            )),
            None => Err(format!("{text}: {}", keys::unknown(LINK, &upper))),
        }
    }
}

/// The interface that a name begins with (names may hold dots: the longest), and the rest.
fn owner<'t>(text: &'t str, interfaces: &[String]) -> Option<(String, &'t str)> {
    interfaces
        .iter()
        .filter_map(|name| {
            Some((
                name.clone(),
                text.strip_prefix(name.as_str())?.strip_prefix('.')?,
            ))
        })
        .max_by_key(|(name, _)| name.len())
}

/// The keys of a table that a link of this kind has.
pub fn keys_of(table: &'static [Key], of: Option<Of>) -> impl Iterator<Item = &'static Key> {
    table
        .iter()
        .filter(move |key| key.of == Of::All || of.is_none_or(|of| key.of == of))
}

/// Refuses a value that a key cannot have; says why.
pub fn check(key: &Key, text: &str) -> Result<(), String> {
    let allowed = |why: String| format!("{why}; allowed: {}", key.kind.allowed());
    if text.is_empty() {
        return Err(allowed("no value".to_owned()));
    }
    if matches!(key.kind, Kind::Rest) {
        // LINE is the only such key.
        return text
            .parse::<wanbox_grammar::line::Line>()
            .map(|_| ())
            .map_err(allowed);
    }
    if text.contains(',') {
        return Err(allowed("a comma would end the value".to_owned()));
    }
    key.kind.read(text).map(|_| ()).map_err(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Place, String> {
        Place::parse(text, &["wp1".to_owned(), "wp1.16".to_owned()])
    }

    #[test]
    fn names_of_places() {
        for (text, wanted) in [
            ("ttl", Place::Link("TTL".into())),
            ("TYPE", Place::Type),
            ("wp1.CIR", Place::Channel("wp1".into(), "CIR".into())),
            ("wp1.16.cir", Place::Channel("wp1.16".into(), "CIR".into())),
            ("wp1.16.MODE", Place::Part("wp1.16".into(), Part::Mode)),
            (
                "wp1.GATEWAY",
                Place::Channel("wp1".into(), "GATEWAY".into()),
            ),
            (
                "wp1.ip.gateway",
                Place::Address("wp1".into(), "GATEWAY".into()),
            ),
        ] {
            assert_eq!(place(text), Ok(wanted.clone()), "{text}");
            assert_eq!(place(&wanted.to_string()), Ok(wanted));
        }
        for (text, said) in [
            ("CIR", "a key of an interface: wp1.CIR"),
            ("IPADDR", "a key of an interface: wp1.ip.IPADDR"),
            ("wp1.IPADDR", "wp1.ip.IPADDR"),
            ("wp1.MTU", "a key of the device: MTU"),
            ("MTTU", "did you mean MTU?"),
            ("wp2.CIR", "there are: wp1, wp1.16"),
            ("wp1.ip.MTU", "there are: IPADDR"),
            ("frobnicate", "unknown key"),
        ] {
            let error = place(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn values_are_checked() {
        let link = |name: &str, text: &str| check(keys::find(LINK, name).unwrap(), text);
        assert!(link("TTL", "64").is_ok());
        assert!(link("TTL", "256").unwrap_err().contains("1 to 255"));
        assert!(link("MTU", "1500,2").unwrap_err().contains("comma"));
        assert!(link("LINE", "udp:127.0.0.1:1,127.0.0.1:2").is_ok());
        assert!(link("LINE", "wire:x").unwrap_err().contains("cable:NAME"));
        assert!(link("LINE", "").is_err());
        for (name, good, wrong) in [
            ("IPADDR", "10.0.0.1", "10.0.0"),
            ("NETMASK", "255.255.255.0", "255.0.255.0"),
            ("GATEWAY", "0", "x"),
            ("IPV6ADDR", "fd00::1/64 fd01::1/64", "10.0.0.1/8"),
            ("ONBOOT", "yes", "maybe"),
        ] {
            let variable = variable(name).unwrap();
            assert!(variable.check(good).is_ok(), "{name}");
            assert!(
                variable.check(wrong).unwrap_err().contains("allowed"),
                "{name}"
            );
            assert!(variable.default.is_empty() || variable.check(variable.default).is_ok());
        }
    }
}
