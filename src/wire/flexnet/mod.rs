//! FlexNet, which measures delays between nodes and tells them on: information of PID `CE`.
//!
//! Packets are text that ends with CR. They are read as tolerantly as nodes of all kinds send them.

mod query;
mod routing;

pub use query::{Query, name_is_valid};
pub use routing::{Mark, Route, Routing};

use crate::ParseError;

/// What ends a packet.
const CR: u8 = b'\r';
/// Blanks of a poll, so that it takes as long as a packet with data.
const POLL_BLANKS: usize = 199;
/// What the low half of an octet with a digit, or an SSID, is added to.
const DIGIT: u8 = b'0';

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the first packet of a link.
    Init {
        /// The highest SSID of the sender; its lowest is that of its call sign.
        max_ssid: u8,
    },
    /// `1`: answers a poll.
    Report {
        /// The delay that the sender measured, in 100 ms; [`NOT_MEASURED`] when it has none yet.
        delay: u16,
    },
    /// `2`: asks for a report.
    Poll,
    /// `3`: destinations and their delays, or the token.
    Routing(Routing<'a>),
    /// `6`: asks for the way to a destination.
    Query(Query<'a>),
    /// `7`: answers it.
    QueryResult(Query<'a>),
    /// Another one, which means nothing.
    Other(u8),
}

/// The delay of a report before any is measured.
pub const NOT_MEASURED: u16 = 600;
/// The longest delay, in 100 ms: what is further away cannot be reached.
pub const MOST_DELAY: u16 = 3000;

impl<'a> Packet<'a> {
    /// The longest packet that is sent.
    pub const MOST: usize = 256;

    /// Reads the information of a frame.
    ///
    /// # Errors
    /// It is empty, or an init, report or query is cut short or has none of its numbers.
    pub fn parse(information: &'a [u8]) -> Result<Self, ParseError> {
        let (&kind, rest) = information.split_first().ok_or(ParseError::Truncated {
            what: "FlexNet packet",
            need: 1,
            have: 0,
        })?;
        Ok(match kind {
            b'0' => {
                let octet = rest.first().ok_or(ParseError::Truncated {
                    what: "FlexNet init",
                    need: 2,
                    have: 1,
                })?;
                Self::Init {
                    max_ssid: octet & 15,
                }
            }
            b'1' => {
                let (delay, _) = number(rest).ok_or(ParseError::Invalid {
                    what: "FlexNet report",
                    value: rest.first().copied().unwrap_or(CR).into(),
                    expected: "digits",
                })?;
                Self::Report { delay }
            }
            b'2' => Self::Poll,
            b'3' => Self::Routing(Routing::parse(rest)),
            b'6' => Self::Query(Query::parse(rest)?),
            b'7' => Self::QueryResult(Query::parse(rest)?),
            other => Self::Other(other),
        })
    }

    /// Appends the packet.
    pub fn append(&self, information: &mut Vec<u8>) {
        match self {
            Self::Init { max_ssid } => {
                information.extend_from_slice(&[b'0', DIGIT + (max_ssid & 15), b' ', b' ', b'!']);
            }
            Self::Report { delay } => {
                information.push(b'1');
                push_number(*delay, information);
            }
            Self::Poll => {
                information.push(b'2');
                information.resize(information.len() + POLL_BLANKS, b' ');
            }
            Self::Routing(routing) => {
                Routing::append_head(information);
                routing.append_rest(information);
                return;
            }
            Self::Query(query) => {
                information.push(b'6');
                query.append(information);
            }
            Self::QueryResult(query) => {
                information.push(b'7');
                query.append(information);
            }
            Self::Other(kind) => information.push(*kind),
        }
        information.push(CR);
    }
}

/// A decimal number, at most 65535 however many digits it has, and what follows; `None` without a digit.
fn number(octets: &[u8]) -> Option<(u16, &[u8])> {
    let digits = octets
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let (digits, rest) = octets.split_at_checked(digits)?;
    let number = digits.iter().fold(0u16, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u16::from(digit - b'0'))
    });
    (!digits.is_empty()).then_some((number, rest))
}

/// Appends a number in decimal digits.
fn push_number(number: u16, out: &mut Vec<u8>) {
    let mut begun = false;
    for scale in [10_000, 1000, 100, 10, 1] {
        let digit = (number / scale % 10) as u8;
        begun |= digit > 0 || scale == 1;
        if begun {
            out.push(b'0' + digit);
        }
    }
}

/// Any octets: what is accepted is written again, and reads the same. For fuzzing and replayed tests.
pub fn fuzz_flexnet(octets: &[u8]) {
    let Ok(packet) = Packet::parse(octets) else {
        return;
    };
    let mut again = Vec::new();
    packet.append(&mut again);
    let other = Packet::parse(&again);
    match (packet, other) {
        (Packet::Routing(routing), Ok(Packet::Routing(other))) => {
            assert_eq!(other.mark(), routing.mark());
            assert!(routing.eq(other));
            assert!(routing.count() < octets.len());
        }
        _ => assert_eq!(other, Ok(packet)),
    }
    if let Packet::Query(query) | Packet::QueryResult(query) = packet {
        assert!(query.names().all(name_is_valid));
        assert!(query.names().count() <= Query::MOST);
    }
}

#[cfg(test)]
mod tests;
