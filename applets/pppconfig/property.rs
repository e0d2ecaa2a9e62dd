//! What is asked of a provider.

use std::net::IpAddr;

use crate::quote;

/// One thing that is asked of a provider.
pub struct Property {
    /// Its name.
    pub key: &'static str,
    /// Its value unless another is given.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What it may be, for people.
    pub allowed: &'static str,
    /// Asked when a provider is made.
    pub asked: bool,
    check: fn(&str) -> bool,
}

const fn property(
    key: &'static str,
    default: &'static str,
    asked: bool,
    meaning: &'static str,
    allowed: &'static str,
    check: fn(&str) -> bool,
) -> Property {
    Property {
        key,
        default,
        meaning,
        allowed,
        asked,
        check,
    }
}

fn text(text: &str) -> bool {
    quote::check(text).is_ok()
}

fn yes_no(text: &str) -> bool {
    matches!(text, "YES" | "NO")
}

/// Whether a text is a decimal number within these.
pub fn number(text: &str, least: u32, most: u32) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
        && text
            .parse::<u32>()
            .is_ok_and(|n| (least..=most).contains(&n))
}

fn name_servers(text: &str) -> bool {
    let is_address = |word: &str| word.parse::<IpAddr>().is_ok();
    matches!(text, "PEER" | "NONE") || text.split_whitespace().all(is_address)
}

/// Whether a text names the addresses of both ends, as pppd has it, or leaves them to the peer.
pub fn local_remote(text: &str) -> bool {
    let ipv4 = |word: &str| word.is_empty() || word.parse::<std::net::Ipv4Addr>().is_ok();
    text == "PEER"
        || text
            .split_once(':')
            .is_some_and(|(a, b)| ipv4(a) && ipv4(b))
}

fn port(text: &str) -> bool {
    let path = text.strip_prefix("/dev/").unwrap_or(text);
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    !path.is_empty() && path.bytes().all(legal) && !path.contains("..") && !path.starts_with('/')
}

/// What is asked of a provider, in the order in which it is asked. The password has no place here.
pub const PROPERTIES: &[Property] = &[
    property(
        "NUMBER",
        "",
        true,
        "the number to dial",
        "digits and what the modem knows",
        text,
    ),
    property(
        "DNS",
        "PEER",
        true,
        "name servers: what the peer says, no change, or these",
        "PEER, NONE, or addresses with blanks between them",
        name_servers,
    ),
    property(
        "METHOD",
        "PAP",
        true,
        "how the peer learns who calls: PAP, CHAP, or a login in the chat script",
        "PAP, CHAP, CHAT",
        |text| matches!(text, "PAP" | "CHAP" | "CHAT"),
    ),
    property(
        "USER",
        "",
        true,
        "the name to log in with",
        "1 to 255 octets",
        text,
    ),
    property(
        "SPEED",
        "38400",
        true,
        "speed of the serial port, bit/s",
        "50 to 4000000",
        |text| number(text, 50, 4_000_000),
    ),
    property(
        "PORT",
        "/dev/ttyS1",
        true,
        "the serial port",
        "a terminal device",
        port,
    ),
    property(
        "MODEMINIT",
        "ATZ",
        false,
        "sent to the modem first",
        "1 to 255 octets",
        text,
    ),
    property(
        "CONNECT",
        "CONNECT",
        false,
        "what the modem says when it is through",
        "text",
        text,
    ),
    property(
        "LOGINPROMPT",
        "ogin:",
        false,
        "end of the peer's question for the name",
        "text",
        text,
    ),
    property(
        "PASSWORDPROMPT",
        "ssword:",
        false,
        "end of the peer's question for the password",
        "text",
        text,
    ),
    property(
        "DEFAULTROUTE",
        "YES",
        false,
        "the default route leads there",
        "YES, NO",
        yes_no,
    ),
    property(
        "IPDEFAULT",
        "PEER",
        false,
        "addresses: what the peer says, or these",
        "PEER, LOCAL:REMOTE (either may be empty)",
        local_remote,
    ),
    property(
        "DEBUG",
        "YES",
        false,
        "pppd logs what it negotiates",
        "YES, NO",
        yes_no,
    ),
    property(
        "DEMAND",
        "NO",
        false,
        "dial when there is traffic",
        "YES, NO",
        yes_no,
    ),
    property(
        "PERSIST",
        "NO",
        false,
        "dial again when the link is lost",
        "YES, NO",
        yes_no,
    ),
    property(
        "IDLE",
        "0",
        false,
        "hang up after so many idle seconds; 0: never",
        "0 to 86400",
        |t| number(t, 0, 86_400),
    ),
    property(
        "REMOTENAME",
        "",
        false,
        "name of the peer in the secrets",
        "text; default: the provider's",
        text,
    ),
];

/// The property of this name.
pub fn property_of(key: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|p| p.key.eq_ignore_ascii_case(key))
}

impl Property {
    /// The value as it is kept, or what is wrong with it.
    pub fn read(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        // Words are of either case.
        let value = if (self.check)(&upper) && !(self.check)(text) {
            &upper
        } else {
            text
        };
        if !(self.check)(value) {
            return Err(format!(
                "'{text}': {}; allowed: {}",
                self.meaning, self.allowed
            ));
        }
        if self.key == "PORT" && !value.starts_with('/') {
            return Ok(format!("/dev/{value}"));
        }
        Ok(value.to_owned())
    }
}
