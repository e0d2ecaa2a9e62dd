//! The address field of a frame (section 3.12).

use std::fmt;

use super::call::{Call, LENGTH};
use super::compressed;
use super::digis::{Digi, Digis};
use crate::ParseError;

/// The C bit of a destination or source, the H bit of a digipeater.
const HIGH: u8 = 0x80;
/// The bit of the last address.
const LAST: u8 = 0x01;

/// Whether a frame asks or answers (section 6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It asks: its P/F bit is P (poll).
    Command,
    /// It answers: its P/F bit is F (final).
    Response,
    /// It does not say: the sender has version 1.
    Unknown,
}

/// Where a frame comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The station that it is for.
    pub destination: Call,
    /// The station that it is from.
    pub source: Call,
    /// Command or response.
    pub class: Class,
    /// The stations in between.
    pub digis: Digis,
}

impl Header {
    /// One without digipeaters.
    #[must_use]
    pub const fn new(destination: Call, source: Call, class: Class) -> Self {
        Self {
            destination,
            source,
            class,
            digis: Digis::NONE,
        }
    }

    /// Reads the header; also returns the control field and what follows. FlexNet's compressed header is one too,
    /// from [`Call::UNKNOWN`].
    ///
    /// # Errors
    /// An address is cut short, the last one is not marked or is the destination's, or there are more than eight
    /// digipeaters.
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        if compressed::is_compressed(frame) {
            return compressed::parse(frame).ok_or(truncated(frame, LENGTH));
        }
        let (destination, after) = address(frame, frame)?;
        if destination.last {
            return Err(ParseError::Invalid {
                what: "AX.25 destination",
                value: frame.get(LENGTH - 1).copied().unwrap_or(0).into(),
                expected: "an address that is not the last",
            });
        }
        let (source, mut rest) = address(frame, after)?;
        let class = match (destination.high, source.high) {
            (true, false) => Class::Command,
            (false, true) => Class::Response,
            _ => Class::Unknown,
        };
        let mut header = Self::new(destination.call, source.call, class);
        let mut last = source.last;
        while !last {
            let (digi, after) = address(frame, rest)?;
            rest = after;
            last = digi.last;
            let digi = Digi {
                call: digi.call,
                repeated: digi.high,
            };
            if !header.digis.push(digi) {
                return Err(ParseError::Length {
                    what: "AX.25 digipeaters",
                    claimed: Digis::MOST + 1,
                    have: Digis::MOST,
                });
            }
        }
        Ok((header, rest))
    }

    /// Appends the header.
    pub fn append(&self, frame: &mut Vec<u8>) {
        let (destination, source) = match self.class {
            Class::Command => (HIGH, 0),
            Class::Response => (0, HIGH),
            Class::Unknown => (0, 0),
        };
        frame.extend_from_slice(&with_bits(self.destination, destination));
        let mut digis = self.digis.iter().peekable();
        let last = |more: bool| if more { 0 } else { LAST };
        frame.extend_from_slice(&with_bits(
            self.source,
            source | last(digis.peek().is_some()),
        ));
        while let Some(digi) = digis.next() {
            let repeated = if digi.repeated { HIGH } else { 0 };
            frame.extend_from_slice(&with_bits(
                digi.call,
                repeated | last(digis.peek().is_some()),
            ));
        }
    }

    /// How many digipeaters the frame has passed: up to the last that says so. A frame thus always gets on, even
    /// when others before it do not say so.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.digis
            .iter()
            .rposition(|digi| digi.repeated)
            .map_or(0, |last| last + 1)
    }

    /// The station that was heard: the last digipeater that the frame has passed, or its source.
    #[must_use]
    pub fn immediate_source(&self) -> Call {
        self.passed()
            .checked_sub(1)
            .and_then(|last| self.digis.get(last))
            .map_or(self.source, |digi| digi.call)
    }

    /// The station whose turn it is: the next digipeater, or the destination.
    #[must_use]
    pub fn immediate_destination(&self) -> Call {
        self.digis
            .get(self.passed())
            .map_or(self.destination, |digi| digi.call)
    }
}

/// `SOURCE->DESTINATION via DIGI*,DIGI`, where those that have repeated have an asterisk.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.destination.is_none() {
            return f.write_str("*");
        }
        if !self.source.is_none() {
            write!(f, "{}->", self.source)?;
        }
        write!(f, "{}", self.destination)?;
        for (at, digi) in self.digis.iter().enumerate() {
            let before = if at == 0 { " via " } else { "," };
            let after = if digi.repeated { "*" } else { "" };
            write!(f, "{before}{}{after}", digi.call)?;
        }
        Ok(())
    }
}

fn truncated(frame: &[u8], need: usize) -> ParseError {
    ParseError::Truncated {
        what: "AX.25 address",
        need,
        have: frame.len(),
    }
}

/// One address and the bits of its last octet.
struct Address {
    call: Call,
    high: bool,
    last: bool,
}

/// The next address of a frame, and what follows.
fn address<'a>(frame: &[u8], octets: &'a [u8]) -> Result<(Address, &'a [u8]), ParseError> {
    let (address, rest) = octets
        .split_first_chunk::<LENGTH>()
        .ok_or(truncated(frame, frame.len() - octets.len() + LENGTH))?;
    let [characters @ .., bits] = address;
    if let Some(character) = characters.iter().find(|octet| *octet & LAST != 0) {
        return Err(ParseError::Invalid {
            what: "AX.25 call sign",
            value: (*character).into(),
            expected: "characters shifted by one bit",
        });
    }
    let address = Address {
        call: Call::from_octets(address),
        high: bits & HIGH != 0,
        last: bits & LAST != 0,
    };
    Ok((address, rest))
}

/// The address field of a call sign.
fn with_bits(call: Call, bits: u8) -> [u8; LENGTH] {
    let [a, b, c, d, e, f, last] = *call.octets();
    [a, b, c, d, e, f, last | bits]
}
