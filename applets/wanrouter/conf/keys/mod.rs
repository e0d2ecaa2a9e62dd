//! What every key is: how its value is read, its range, its default, and what it does here.

use std::time::Duration;

use wanbox_grammar::{line, value};

pub(super) mod asynchronous;
mod help;
mod interface;
mod link;
mod ppp;
mod x25;

pub use help::longer;
pub use link::FAMILIES;

/// Every key of a device's section.
pub const LINK: &[Key] = &both::<{ CARRIED.len() + x25::LINK.len() }>(CARRIED, x25::LINK);

/// Every key of a device's section but those of X.25.
const CARRIED: &[Key] = &both::<{ link::COMMON.len() + ppp::LINK.len() }>(link::COMMON, ppp::LINK);

/// Every key of an interface's section.
pub const INTERFACE: &[Key] = &both::<{ CHARACTERS.len() + OTHERS.len() }>(CHARACTERS, OTHERS);

/// Those of every link, Frame Relay, Cisco HDLC and asynchronous lines.
const CHARACTERS: &[Key] = &both::<{ interface::COMMON.len() + asynchronous::INTERFACE.len() }>(
    interface::COMMON,
    asynchronous::INTERFACE,
);

/// Those of PPP and X.25.
const OTHERS: &[Key] =
    &both::<{ ppp::INTERFACE.len() + x25::INTERFACE.len() }>(ppp::INTERFACE, x25::INTERFACE);

/// Two tables as one.
const fn both<const N: usize>(first: &[Key], second: &[Key]) -> [Key; N] {
    let mut all = [key("", Kind::Rest, "", Of::All, Status::Used, ""); N];
    let mut rest: &mut [Key] = &mut all;
    let mut tables = [first, second];
    while let [slot, behind @ ..] = rest {
        match (tables[0], tables[1]) {
            ([key, others @ ..], _) => {
                *slot = *key;
                tables[0] = others;
            }
            ([], [key, others @ ..]) => {
                *slot = *key;
                tables[1] = others;
            }
            ([], []) => {}
        }
        rest = behind;
    }
    all
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, in capitals.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// The value without it, as it would be written; empty: none.
    pub default: &'static str,
    /// The links it belongs to.
    pub of: Of,
    /// What it does here.
    pub status: Status,
    /// What it means, in a few words.
    pub meaning: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A number in C notation from `.0` to `.1`.
    Number(u64, u64),
    /// A time from `.0` to `.1` milliseconds; a plain number counts units of `.2` milliseconds.
    Time(u64, u64, u64),
    /// A bit rate from `.0` to `.1` bit/s.
    Rate(u64, u64),
    /// One of these words, or the number it stands for.
    Choice(&'static [(&'static str, u64)]),
    /// YES or NO.
    YesNo,
    /// A text of at most so many octets.
    Text(usize),
    /// The rest of the line, commas and all.
    Rest,
}

/// The links a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every link.
    All,
    /// Frame Relay.
    FrameRelay,
    /// Cisco HDLC.
    CiscoHdlc,
    /// PPP.
    Ppp,
    /// X.25.
    X25,
}

/// A link type that this version drives.
#[derive(Clone, Copy, Debug)]
pub struct LinkType {
    /// Its word in `[devices]`.
    pub word: &'static str,
    /// Whose keys it has.
    pub of: Of,
    /// What people call it.
    pub name: &'static str,
}

/// The link types that this version drives. Of several words for one the first is written.
pub const TYPES: &[LinkType] = &[
    link_type("WAN_FR", Of::FrameRelay, "Frame Relay"),
    link_type("WAN_MFR", Of::FrameRelay, "Frame Relay"),
    link_type("WAN_CHDLC", Of::CiscoHdlc, "Cisco HDLC"),
    link_type("WAN_PPP", Of::Ppp, "PPP"),
    link_type("WAN_MULTPPP", Of::Ppp, "PPP on a multi-port card"),
    link_type("WAN_MULTPROT", Of::Ppp, "PPP on a multi-port card"),
    link_type("WAN_X25", Of::X25, "X.25"),
];

/// Those of [`TYPES`] that are ports of a multi-port card.
pub const MULTI_PORT: [&str; 2] = ["WAN_MULTPPP", "WAN_MULTPROT"];

const fn link_type(word: &'static str, of: Of, name: &'static str) -> LinkType {
    LinkType { word, of, name }
}

/// The link type of this word, in capitals or not.
pub fn find_type(word: &str) -> Option<&'static LinkType> {
    TYPES.iter().find(|t| t.word.eq_ignore_ascii_case(word))
}

/// The words of [`TYPES`], for people.
pub fn type_words() -> String {
    TYPES.iter().map(|t| t.word).collect::<Vec<_>>().join(", ")
}

/// What a key does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is obeyed.
    Used,
    /// It describes a hardware card: listed, never warned about.
    Card,
    /// Accepted and ignored, with a warning unless it says what happens anyway (its default).
    Ignored,
    /// As `Ignored`; a coming version obeys it.
    Later,
}

/// A value as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, a choice's number, a rate in bit/s, or YES (1) and NO (0).
    Number(u64),
    /// A time.
    Time(Duration),
    /// A text.
    Text(String),
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    of: Of,
    status: Status,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        of,
        status,
        meaning,
    }
}

/// The key of a table. A few have an older spelling.
pub fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    let name = match name {
        "DLCINUMBER" => "NUMBER_OF_DLCI",
        "HDCLWINDOW" => "HDLCWINDOW",
        other => other,
    };
    table.iter().find(|key| key.name == name)
}

/// A value that was read, and what is odd about it.
pub type Read = (Value, Option<String>);

impl Kind {
    /// Reads a value. The error says what is wrong with it; see [`Kind::allowed`].
    pub fn read(self, text: &str) -> Result<Read, String> {
        let outside = || format!("'{text}' is out of range");
        match self {
            Self::Number(least, most) => {
                let (value, odd) = c_number(text)?;
                if !(least..=most).contains(&value) {
                    return Err(outside());
                }
                Ok((Value::Number(value), odd))
            }
            Self::Time(least, most, unit) => {
                let time = value::duration(text, Duration::from_millis(unit))?;
                if !(u128::from(least)..=u128::from(most)).contains(&time.as_millis()) {
                    return Err(outside());
                }
                // Only a number with a leading 0 has something odd to it.
                let odd = c_number(text).ok().and_then(|(_, odd)| odd);
                Ok((Value::Time(time), odd))
            }
            Self::Rate(least, most) => {
                let (rate, odd) = match value::number(text) {
                    Ok(_) => c_number(text)?,
                    Err(_) => (value::rate(text)?, None),
                };
                if !(least..=most).contains(&rate) {
                    return Err(outside());
                }
                Ok((Value::Number(rate), odd))
            }
            Self::Choice(words) => {
                let named = words
                    .iter()
                    .find(|(word, _)| word.eq_ignore_ascii_case(text));
                let numbered = || {
                    let (number, _) = c_number(text).ok()?;
                    words.iter().find(|(_, n)| *n == number)
                };
                match named.or_else(numbered) {
                    Some((_, number)) => Ok((Value::Number(*number), None)),
                    None => Err(format!("'{text}' is not one of its words")),
                }
            }
            Self::YesNo => value::yes_no(text).map(|yes| (Value::Number(yes.into()), None)),
            Self::Text(most) if text.len() > most => {
                Err(format!("{} octets are too many", text.len()))
            }
            Self::Text(_) | Self::Rest => Ok((Value::Text(text.to_owned()), None)),
        }
    }

    /// What is allowed, for people.
    pub fn allowed(self) -> String {
        match self {
            Self::Number(least, most) => format!("{least} to {most}"),
            Self::Time(least, most, unit) => {
                let name = if unit == 1000 {
                    "seconds"
                } else {
                    "milliseconds"
                };
                let most = most / unit;
                if least % unit == 0 {
                    format!("{} to {most} {name}, or with a unit as 15s", least / unit)
                } else {
                    format!("{least}ms to {most} {name}, or with a unit as 15s")
                }
            }
            Self::Rate(least, most) => format!("{least} to {most} bit/s, also as 64k or 2M"),
            Self::Choice(words) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                words.join(", ")
            }
            Self::YesNo => "YES, NO".to_owned(),
            Self::Text(most) => format!("1 to {most} octets"),
            Self::Rest => line::ALLOWED.to_owned(),
        }
    }
}

fn c_number(text: &str) -> Result<(u64, Option<String>), String> {
    let number = value::number(text)?;
    let odd = number.octal.then(|| {
        let value = number.value;
        format!("'{text}' is octal for {value}; leave the leading 0 out if {value} is not meant")
    });
    Ok((number.value, odd))
}

/// What to say of a key that is in no table: the one it is most like.
pub fn unknown(table: &[Key], name: &str) -> String {
    let nearest = table
        .iter()
        .map(|key| (distance(key.name, name), key.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match nearest {
        Some((_, key)) => format!("unknown key, did you mean {key}?"),
        None => "unknown key".to_owned(),
    }
}

/// The edits that make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n, x) in a.bytes().enumerate() {
        let mut left = n + 1;
        let mut above_left = n;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (*cell + 1)
                .min(left + 1)
                .min(above_left + usize::from(x != *y));
            above_left = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = n + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("BAUDRATE", "BAUDRATE"), 0);
        assert_eq!(distance("BAUDRATE", "BAUD_RATE"), 1);
        assert_eq!(distance("SIGNALLING", "SIGNALING"), 1);
        assert_eq!(distance("MTU", "UTM"), 2);
        assert_eq!(distance("T391", "STATION"), usize::MAX);
    }
}
