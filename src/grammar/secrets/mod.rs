//! Files of names and secrets for PPP, as pppd reads `pap-secrets` and `chap-secrets`.
//!
//! ```text
//! # client    server   secret         addresses
//! branch      *        "two words"    10.1.0.2
//! *           gate     o\"penseame    10.1.0.0/24 !10.1.0.1
//! ```
//!
//! A line has the name of who proves, of who demands, and the secret of both; `*` is any name. What
//! follows is which addresses the client may have. Words are separated by blanks; quotes `"` and
//! `'` keep blanks, and a backslash takes the next character as it is or stands for another one
//! (`\n`, `\t`, `\s`, `\101`); at the end of a line it continues the line. `#` begins a comment
//! where a word could begin.

use std::fmt;
use std::net::IpAddr;

use crate::diagnostic::Diagnostics;
use crate::value;

#[cfg(test)]
mod tests;
mod words;

use words::{Words, WordsError};

/// The longest name and the longest secret, octets: PAP has one octet for their length.
pub const MAX_WORD: usize = 255;

/// What a line means by a name.
#[derive(Clone, PartialEq, Eq)]
enum Name {
    Any,
    Exact(Box<[u8]>),
}

impl Name {
    fn new(word: Vec<u8>) -> Self {
        if word == b"*" {
            Self::Any
        } else {
            Self::Exact(word.into_boxed_slice())
        }
    }

    fn exact(&self) -> Option<&[u8]> {
        match self {
            Self::Any => None,
            Self::Exact(name) => Some(name),
        }
    }

    /// Whether `name` is meant, and if so, whether it alone.
    fn matches(&self, name: &[u8]) -> Option<bool> {
        match self {
            Self::Any => Some(false),
            Self::Exact(own) => (**own == *name).then_some(true),
        }
    }
}

/// One line of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    client: Name,
    server: Name,
    secret: Box<[u8]>,
    addresses: Vec<Rule>,
}

/// Whether a client may have the addresses of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// `None`: every address.
    prefix: Option<(IpAddr, u8)>,
}

impl Entry {
    /// Who proves; `None`: anyone.
    #[must_use]
    pub fn client(&self) -> Option<&[u8]> {
        self.client.exact()
    }

    /// Who demands; `None`: anyone.
    #[must_use]
    pub fn server(&self) -> Option<&[u8]> {
        self.server.exact()
    }

    /// What proves it: 1 to [`MAX_WORD`] octets.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Whether the line says anything of addresses.
    #[must_use]
    pub fn lists_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether the client may have this address: the first word of the line that it fits decides.
    /// None does for an address that is not listed, so that a line without addresses allows none.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let fits = |rule: &&Rule| {
            rule.prefix
                .is_none_or(|(network, bits)| is_within(address, network, bits))
        };
        self.addresses
            .iter()
            .find(fits)
            .is_some_and(|rule| rule.allow)
    }

    /// The first address on the line that is allowed and no network: what to give to a client that
    /// has none.
    #[must_use]
    pub fn offer(&self) -> Option<IpAddr> {
        self.addresses.iter().find_map(|rule| match rule.prefix {
            Some((address, bits)) if rule.allow && bits == width(address) => Some(address),
            _ => None,
        })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Name| match name {
            Name::Any => "*".to_owned(),
            Name::Exact(name) => name.escape_ascii().to_string(),
        };
        // The secret is never shown.
        write!(f, "Entry({} {})", name(&self.client), name(&self.server))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.secret.fill(0);
        // Else the compiler might find that nobody reads the zeros.
        std::hint::black_box(&self.secret);
    }
}

/// The lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    entries: Vec<Entry>,
}

impl Secrets {
    /// Reads a file. Lines that are wrong are left out and told; nothing of a secret is.
    pub fn parse(text: &[u8], diagnostics: &mut Diagnostics) -> Self {
        let mut entries = Vec::new();
        let mut words = Words::new(text);
        while let Some((line, record)) = words.next_record() {
            match record {
                Ok(record) => entries.extend(entry(line, record, diagnostics)),
                Err(WordsError::Unclosed(quote)) => diagnostics.error(
                    line,
                    "",
                    format!("a word that begins with {quote} does not end"),
                    format!("{quote} at its end, or a backslash before a quote that is meant"),
                ),
                Err(WordsError::BadEscape) => diagnostics.error(
                    line,
                    "",
                    "a backslash before digits that are no octet",
                    "up to three octal digits, \\0 to \\377",
                ),
            }
        }
        Self { entries }
    }

    /// The line for a client and a server. Lines that name the server go before lines that name
    /// the client, those before lines for anyone, and an earlier line before a later one.
    #[must_use]
    pub fn find(&self, client: &[u8], server: &[u8]) -> Option<&Entry> {
        let rank = |entry: &Entry| {
            let client = entry.client.matches(client)?;
            let server = entry.server.matches(server)?;
            Some(u8::from(server) * 2 + u8::from(client))
        };
        let mut best: Option<(u8, &Entry)> = None;
        for entry in &self.entries {
            if let Some(rank) = rank(entry)
                && best.is_none_or(|(best, _)| rank > best)
            {
                best = Some((rank, entry));
            }
        }
        best.map(|(_, entry)| entry)
    }

    /// The lines that a client can prove itself with, to whichever server: those that name it
    /// first. The first of them for a server's name, else the first for any server, is what
    /// [`Self::find`] finds.
    pub fn of_client(&self, client: &[u8]) -> impl Iterator<Item = &Entry> {
        let lines = move |exact| {
            self.entries
                .iter()
                .filter(move |entry| entry.client.matches(client) == Some(exact))
        };
        lines(true).chain(lines(false))
    }

    /// Every line that was read.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// What a line says; `None` when it is wrong.
fn entry(line: usize, record: Vec<Vec<u8>>, diagnostics: &mut Diagnostics) -> Option<Entry> {
    const LAYOUT: &str = "CLIENT SERVER SECRET [ADDRESS...]";
    let count = record.len();
    let mut words = record.into_iter();
    let (Some(client), Some(server), Some(secret)) = (words.next(), words.next(), words.next())
    else {
        let what = format!("{count} of the three words that a line needs");
        diagnostics.error(line, "", what, LAYOUT);
        return None;
    };
    for (what, word) in [
        ("client", &client),
        ("server", &server),
        ("secret", &secret),
    ] {
        if word.len() > MAX_WORD {
            let found = format!("{} octets", word.len());
            diagnostics.error(line, what, found, format!("at most {MAX_WORD}"));
            return None;
        }
    }
    match secret.first() {
        None => {
            diagnostics.error(line, "secret", "empty", "at least one character");
            return None;
        }
        Some(b'@') => diagnostics.warning(
            line,
            "secret",
            "it begins with '@': it is taken as it is, not as the name of a file",
        ),
        Some(_) => {}
    }
    let mut addresses = Vec::new();
    for (place, word) in (4..).zip(words) {
        if word == b"--" {
            diagnostics.warning(line, "--", "options of pppd, which are not looked at");
            break;
        }
        match rule(&word) {
            Some(rule) => addresses.push(rule),
            // Not shown: it may be the second word of a secret without quotes.
            None => {
                let what = format!("word {place} of the line is none");
                let allowed = "an address, ADDRESS/BITS, ! before one, * for any, - for none";
                diagnostics.error(line, "address", what, allowed);
                return None;
            }
        }
    }
    Some(Entry {
        client: Name::new(client),
        server: Name::new(server),
        secret: secret.into_boxed_slice(),
        addresses,
    })
}

/// A word about addresses.
fn rule(word: &[u8]) -> Option<Rule> {
    let all = |allow| {
        Some(Rule {
            allow,
            prefix: None,
        })
    };
    match word {
        b"*" => return all(true),
        b"-" => return all(false),
        _ => {}
    }
    let (allow, rest) = match word {
        [b'!', rest @ ..] => (false, rest),
        _ => (true, word),
    };
    let text = std::str::from_utf8(rest).ok()?;
    let prefix = if text.contains('/') {
        value::prefix(text).ok()?
    } else {
        let address: IpAddr = text.parse().ok()?;
        (address, width(address))
    };
    Some(Rule {
        allow,
        prefix: Some(prefix),
    })
}

/// The bits of an address.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether the first `bits` of both addresses are the same.
fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (differs, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    let rest = u32::from(width - bits.min(width));
    differs.checked_shr(rest).unwrap_or_default() == 0
}

/// Any octets: whatever is read can be written with quotes and read again, and is found. For
/// fuzzing and replayed tests.
pub fn fuzz_secrets(text: &[u8]) {
    let read = Secrets::parse(text, &mut Diagnostics::new("fuzz"));
    let mut again = Vec::new();
    for entry in read.iter() {
        for word in [
            entry.client().unwrap_or(b"*"),
            entry.server().unwrap_or(b"*"),
            entry.secret(),
        ] {
            again.push(b'"');
            for octet in word {
                again.extend_from_slice(format!("\\{octet:03o}").as_bytes());
            }
            again.extend_from_slice(b"\" ");
        }
        for rule in &entry.addresses {
            let sign = if rule.allow { "" } else { "!" };
            let word = match rule.prefix {
                Some((network, bits)) => format!("{sign}{network}/{bits} "),
                None if rule.allow => "* ".to_owned(),
                None => "- ".to_owned(),
            };
            again.extend_from_slice(word.as_bytes());
        }
        again.push(b'\n');
        let (client, server) = (entry.client(), entry.server());
        let found = read.find(client.unwrap_or(b"?"), server.unwrap_or(b"?"));
        assert!(found.is_some());
    }
    let mut diagnostics = Diagnostics::new("fuzz");
    assert_eq!(Secrets::parse(&again, &mut diagnostics), read);
    assert!(!diagnostics.has_errors());
}
