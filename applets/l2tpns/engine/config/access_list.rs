//! `ip access-list`: which packets of a session pass. Rules are [`wanbox_link::access_list`]'s; this
//! is how people write them.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use wanbox_link::access_list::{Action, Address, Flags, MAX_RULES, Ports, Protocol, Rule};

/// How many lists there may be.
pub const MAX_LISTS: usize = 256;

/// The longest name of a list, octets.
pub const MAX_LIST_NAME: usize = 31;

/// The access lists, in the order in which they were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLists(pub Vec<AccessList>);

/// What the rules of a list may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Addresses.
    Standard,
    /// Protocols, ports and flags as well.
    Extended,
}

impl ListType {
    /// Its word; any beginning of it is taken.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Extended => "extended",
        }
    }

    /// The type of this word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        [Self::Standard, Self::Extended]
            .into_iter()
            .find(|of| is(word, of.name(), 1))
    }
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// What its rules may say.
    pub list_type: ListType,
    /// Its rules, of which the first that matches decides.
    pub rules: Vec<Rule>,
}

impl AccessLists {
    /// The list of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&AccessList> {
        self.0.iter().find(|list| list.name == name)
    }

    /// Opens a list, which is made if there is none.
    ///
    /// # Errors
    /// What is wrong with the name or the type, or that there are too many.
    pub fn open(&mut self, list_type: ListType, name: &str) -> Result<(), String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > MAX_LIST_NAME || !name.bytes().all(legal) {
            return Err("Invalid access-list name".into());
        }
        self.same_type(list_type, name)?;
        if self.find(name).is_none() {
            if self.0.len() >= MAX_LISTS {
                return Err("Too many access-lists".into());
            }
            self.0.push(AccessList {
                name: name.to_owned(),
                list_type,
                rules: Vec::new(),
            });
        }
        Ok(())
    }

    /// A list is only opened and removed as what it is.
    fn same_type(&self, list_type: ListType, name: &str) -> Result<(), String> {
        match self.find(name) {
            Some(list) if list.list_type != list_type => {
                Err(format!("Access-list is {}", list.list_type.name()))
            }
            _ => Ok(()),
        }
    }

    /// Removes a list.
    ///
    /// # Errors
    /// There is none of this name, or it is of another type.
    pub fn remove(&mut self, list_type: ListType, name: &str) -> Result<(), String> {
        self.same_type(list_type, name)?;
        let before = self.0.len();
        self.0.retain(|list| list.name != name);
        if self.0.len() == before {
            return Err("Access-list not defined".into());
        }
        Ok(())
    }

    /// Appends a rule to a list. One that is there already is not added again.
    ///
    /// # Errors
    /// What is wrong with the rule, or that there are too many.
    pub fn add(&mut self, name: &str, action: Action, words: &[&str]) -> Result<(), String> {
        let list = self.0.iter_mut().find(|list| list.name == name);
        let list = list.ok_or("Access-list not defined")?;
        let rule = read_rule(list.list_type, action, words)?;
        if list.rules.contains(&rule) {
            return Ok(());
        }
        if list.rules.len() >= MAX_RULES {
            return Err("Too many rules".into());
        }
        list.rules.push(rule);
        Ok(())
    }
}

impl AccessList {
    /// A rule as it is written in this list.
    #[must_use]
    pub fn show<'a>(&self, rule: &'a Rule) -> ShowRule<'a> {
        ShowRule {
            list_type: self.list_type,
            rule,
        }
    }
}

/// Whether a word is the beginning of a keyword, of at least so many letters.
fn is(word: &str, keyword: &str, least: usize) -> bool {
    word.len() >= least && keyword.starts_with(word)
}

/// The words of a rule, one after the other.
struct Words<'a>(&'a [&'a str]);

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}

/// Reads what is behind `permit` or `deny`.
///
/// # Errors
/// What is wrong with it.
pub fn read_rule(list_type: ListType, action: Action, words: &[&str]) -> Result<Rule, String> {
    if words.is_empty() {
        return Err("Specify rule details".into());
    }
    let mut words = Words(words);
    match list_type {
        ListType::Standard => standard(action, &mut words),
        ListType::Extended => extended(action, &mut words),
    }
}

/// `SOURCE [DESTINATION]`. The manual has the destination, the original took none: words behind
/// `any` were ignored, others refused.
fn standard(action: Action, words: &mut Words<'_>) -> Result<Rule, String> {
    let mut rule = Rule::any(action);
    rule.source = address(words, "source", true)?;
    if words.peek().is_some() {
        rule.destination = address(words, "destination", true)?;
    }
    match words.next() {
        None => Ok(rule),
        Some(_) => Err("Specify source ip address and wildcard".into()),
    }
}

/// `any`, `host A` or `A WILDCARD`; in standard lists also `A` alone.
fn address(words: &mut Words<'_>, what: &str, alone: bool) -> Result<Address, String> {
    let missing = || format!("Specify {what} ip address and wildcard");
    let word = words.next().ok_or_else(missing)?;
    if is(word, "any", 1) {
        return Ok(Address::ANY);
    }
    if is(word, "host", 1) {
        let word = words.next().ok_or("Specify host ip address")?;
        return Ok(Address::host(ipv4(word)?));
    }
    let address = ipv4(word)?;
    let Some(word) = words.peek() else {
        return if alone {
            Ok(Address::host(address))
        } else {
            Err(missing())
        };
    };
    if alone && (is(word, "any", 1) || is(word, "host", 1)) {
        return Ok(Address::host(address));
    }
    words.next();
    let wildcard = ipv4(word)?;
    Ok(Address { address, wildcard })
}

fn ipv4(word: &str) -> Result<Ipv4Addr, String> {
    word.parse()
        .map_err(|_| format!("Cannot parse IP \"{word}\""))
}

fn extended(action: Action, words: &mut Words<'_>) -> Result<Rule, String> {
    let mut rule = Rule::any(action);
    let word = words.next().unwrap_or_default();
    rule.protocol = [Protocol::Ip, Protocol::Udp, Protocol::Tcp]
        .into_iter()
        .find(|protocol| is(word, protocol_name(*protocol), 1))
        .ok_or_else(|| format!("Invalid protocol \"{word}\""))?;
    let transport = rule.protocol != Protocol::Ip;
    // As much as any rule needs: the source, and one word of the destination.
    if words.0.len() < 2 {
        return Err("Specify rule details".into());
    }
    rule.source = address(words, "source", false)?;
    if transport {
        rule.source_ports = ports(words)?;
    }
    if words.peek().is_none() {
        return Err("Specify destination".into());
    }
    rule.destination = address(words, "destination", false)?;
    if transport {
        rule.destination_ports = ports(words)?;
    }
    let Some(word) = words.next() else {
        return Ok(rule);
    };
    if is(word, "fragments", 1) {
        rule.fragments = true;
    } else if rule.protocol != Protocol::Tcp {
        return Err(format!("Invalid flag \"{word}\""));
    } else if is(word, "established", 1) {
        rule.flags = Flags::Established;
    } else if is(word, "match-any", 8) || is(word, "match-all", 8) {
        let (set, clear) = flags(words)?;
        rule.flags = if is(word, "match-any", 8) {
            Flags::MatchAny { set, clear }
        } else {
            Flags::MatchAll { set, clear }
        };
    } else {
        return Err(format!("Invalid flag \"{word}\""));
    }
    match words.next() {
        None if rule.fragments && rule.has_transport() => Err(FRAGMENTS.into()),
        None => Ok(rule),
        Some(word) if rule.has_transport() && is(word, "fragments", 1) => Err(FRAGMENTS.into()),
        Some(word) => Err(format!("Invalid flag \"{word}\"")),
    }
}

const FRAGMENTS: &str = "Can't specify \"fragments\" on rules with layer 4 matches";

fn ports(words: &mut Words<'_>) -> Result<Ports, String> {
    let Some(word) = words.peek() else {
        return Ok(Ports::Any);
    };
    let range = is(word, "range", 1);
    let one: fn(u16) -> Ports = if is(word, "eq", 1) {
        Ports::Equal
    } else if is(word, "neq", 1) {
        Ports::NotEqual
    } else if is(word, "gt", 1) {
        Ports::Greater
    } else if is(word, "lt", 1) {
        Ports::Less
    } else if range {
        Ports::Equal
    } else {
        return Ok(Ports::Any);
    };
    words.next();
    let low = port(words, 1)?;
    if !range {
        return Ok(one(low));
    }
    Ok(Ports::Range(low, port(words, low)?))
}

fn port(words: &mut Words<'_>, least: u16) -> Result<u16, String> {
    let word = words.next().ok_or("Specify port")?;
    super::value::decimal(word)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port >= least)
        .ok_or_else(|| format!("Invalid port \"{word}\""))
}

/// The flags of TCP by the place of their bit.
const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];

/// `{+|-}FLAG ...`, at least one. Returns those to be set and those to be clear.
fn flags(words: &mut Words<'_>) -> Result<(u8, u8), String> {
    let (mut set, mut clear) = (0, 0);
    while let Some((word, name)) = words.peek().and_then(|word| {
        let name = word.strip_prefix(['+', '-'])?;
        Some((word, name))
    }) {
        words.next();
        let place = FLAGS.iter().position(|flag| is(name, flag, 1));
        let place = place.ok_or_else(|| format!("Invalid tcp flag \"{word}\""))?;
        if word.starts_with('+') {
            set |= 1 << place;
        } else {
            clear |= 1 << place;
        }
    }
    match (set | clear, words.peek()) {
        (0, None) => Err("Specify tcp flags".into()),
        (0, Some(word)) => Err(format!("Invalid flag \"{word}\"")),
        _ => Ok((set, clear)),
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Ip => "ip",
        Protocol::Udp => "udp",
        Protocol::Tcp => "tcp",
    }
}

/// A rule, printed as it is written.
pub struct ShowRule<'a> {
    list_type: ListType,
    rule: &'a Rule,
}

impl fmt::Display for ShowRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        f.write_str(match rule.action {
            Action::Permit => "permit",
            Action::Deny => "deny",
        })?;
        let standard = self.list_type == ListType::Standard;
        if !standard {
            write!(f, " {}", protocol_name(rule.protocol))?;
        }
        show_address(f, rule.source)?;
        show_ports(f, rule.source_ports)?;
        if !standard || rule.destination != Address::ANY {
            show_address(f, rule.destination)?;
        }
        show_ports(f, rule.destination_ports)?;
        let (word, set, clear) = match rule.flags {
            Flags::Any => ("", 0, 0),
            Flags::Established => (" established", 0, 0),
            Flags::MatchAny { set, clear } => (" match-any", set, clear),
            Flags::MatchAll { set, clear } => (" match-all", set, clear),
        };
        f.write_str(word)?;
        for (place, flag) in FLAGS.iter().enumerate() {
            for (sign, flags) in [('+', set), ('-', clear)] {
                if flags >> place & 1 != 0 {
                    write!(f, " {sign}{flag}")?;
                }
            }
        }
        if rule.fragments {
            f.write_str(" fragments")?;
        }
        Ok(())
    }
}

fn show_address(f: &mut fmt::Formatter<'_>, of: Address) -> fmt::Result {
    let any = of.wildcard == Ipv4Addr::BROADCAST;
    if any && of.address.is_unspecified() {
        f.write_str(" any")
    } else if of.wildcard.is_unspecified() {
        write!(f, " host {}", of.address)
    } else {
        write!(f, " {} {}", of.address, of.wildcard)
    }
}

fn show_ports(f: &mut fmt::Formatter<'_>, ports: Ports) -> fmt::Result {
    f.write_char(match ports {
        Ports::Any => return Ok(()),
        _ => ' ',
    })?;
    match ports {
        Ports::Any => Ok(()),
        Ports::Equal(port) => write!(f, "eq {port}"),
        Ports::NotEqual(port) => write!(f, "neq {port}"),
        Ports::Greater(port) => write!(f, "gt {port}"),
        Ports::Less(port) => write!(f, "lt {port}"),
        Ports::Range(low, high) => write!(f, "range {low} {high}"),
    }
}
