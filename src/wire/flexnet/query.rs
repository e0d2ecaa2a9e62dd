//! The way to a destination: the query collects the stations that it passes, the result carries them back.
//!
//! ```text
//! nodes that were passed, added to a blank, 1 | number, 5, blank at the left | names, a blank between them | CR
//! ```

use super::push_number;
use crate::ParseError;

/// The bit of the first octet of the number that asks for a trace.
const TRACE: u8 = 0x40;
/// Octets before the names.
const HEAD: usize = 6;

/// A query or its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// How many nodes have passed it on, 0 to 31.
    pub hops: u8,
    /// The number with which the one who asked knows the answer, up to 65535.
    pub number: u16,
    /// Whether nodes are asked to trace it.
    pub trace: bool,
    names: &'a [u8],
}

impl<'a> Query<'a> {
    /// The most names.
    pub const MOST: usize = 50;
    /// The most nodes that may have passed on what is passed on once more.
    pub const MOST_HOPS: u8 = 30;

    /// A query with these names, a blank between them; nothing behind them.
    ///
    /// # Errors
    /// There are more than 50, or one is none.
    pub fn new(hops: u8, number: u16, names: &'a [u8]) -> Result<Self, ParseError> {
        let mut count = 0;
        for name in names
            .split(|octet| *octet == b' ')
            .filter(|name| !name.is_empty())
        {
            count += 1;
            if !is_name(name) || count > Self::MOST {
                return Err(ParseError::Invalid {
                    what: "FlexNet query",
                    value: name.first().copied().unwrap_or(b' ').into(),
                    expected: "up to 50 call signs",
                });
            }
        }
        Ok(Self {
            hops: hops.min(Self::MOST_HOPS + 1),
            number,
            trace: false,
            names,
        })
    }

    /// Reads what is behind the kind of the packet.
    ///
    /// # Errors
    /// It is cut short, or a field is none.
    pub(super) fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        let (head, names) = octets
            .split_first_chunk::<HEAD>()
            .ok_or(ParseError::Truncated {
                what: "FlexNet query",
                need: HEAD + 1,
                have: octets.len() + 1,
            })?;
        let [hops, first, digits @ ..] = *head;
        let invalid = |what, value: u8, expected| ParseError::Invalid {
            what,
            value: value.into(),
            expected,
        };
        let hops = hops
            .checked_sub(b' ')
            .filter(|hops| *hops <= Self::MOST_HOPS + 1)
            .ok_or(invalid(
                "FlexNet hop count",
                hops,
                "up to 31 more than a blank",
            ))?;
        let mut number = 0u16;
        for digit in [&[first & !TRACE][..], &digits].concat() {
            number = match digit {
                b' ' if number == 0 => 0,
                b'0'..=b'9' => number
                    .checked_mul(10)
                    .and_then(|number| number.checked_add((digit - b'0').into()))
                    .ok_or(invalid("FlexNet query number", digit, "up to 65535"))?,
                _ => return Err(invalid("FlexNet query number", digit, "digits")),
            };
        }
        let end = names
            .iter()
            .position(|octet| *octet == super::CR)
            .unwrap_or(names.len());
        let names = names.get(..end).unwrap_or_default().trim_ascii();
        Ok(Self {
            trace: first & TRACE != 0,
            ..Self::new(hops, number, names)?
        })
    }

    pub(super) fn append(&self, information: &mut Vec<u8>) {
        information.push(b' ' + self.hops);
        let mut digits = Vec::with_capacity(5);
        push_number(self.number, &mut digits);
        let start = information.len();
        information.resize(start + 5 - digits.len(), b' ');
        information.extend_from_slice(&digits);
        if let (true, Some(first)) = (self.trace, information.get_mut(start)) {
            *first |= TRACE;
        }
        information.extend_from_slice(self.names);
    }

    /// The names: first who asks, last where to. Small letters are digipeaters; `???` is where the way ends.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.names
            .split(|octet| *octet == b' ')
            .filter(|name| !name.is_empty())
            .map(|name| std::str::from_utf8(name).unwrap_or_default())
    }
}

fn is_name(name: &[u8]) -> bool {
    (1..=9).contains(&name.len())
        && name
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'?'))
}

/// Whether a word may be a name in a query: up to nine letters, digits, `-` and `?`.
#[must_use]
pub fn name_is_valid(name: &str) -> bool {
    is_name(name.as_bytes())
}
