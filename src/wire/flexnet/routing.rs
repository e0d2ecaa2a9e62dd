//! Destinations with their delays, and the token.
//!
//! ```text
//! 3 | records: call sign, 6 | lowest SSID, 1 | highest SSID, 1 | delay, digits | blank | + or - | CR
//! ```
//!
//! An SSID is added to `0`. `+` asks for the whole table, and so for the token; `-` ends a table, gives the token back,
//! and behind records says that none of them can be reached any more.

use super::{CR, DIGIT, MOST_DELAY, number, push_number};
use crate::ax25::Call;

/// A destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its call sign with its lowest SSID.
    pub call: Call,
    /// Its highest SSID, never below that of `call`.
    pub max_ssid: u8,
    /// The delay to it in 100 ms, 1 to [`MOST_DELAY`]; `None` when it cannot be reached.
    pub delay: Option<u16>,
}

impl Route {
    /// Appends the record.
    pub fn append(&self, information: &mut Vec<u8>) {
        information.extend_from_slice(&self.call.name());
        let ssids = [self.call.ssid(), self.max_ssid & 15];
        information.extend_from_slice(&ssids.map(|ssid| DIGIT + ssid));
        push_number(self.delay.unwrap_or(0), information);
        information.push(b' ');
    }

    /// Reads a record; also returns what follows. `None` when there is none.
    fn parse(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (&[a, b, c, d, e, f, min, max], rest) = octets.split_first_chunk::<8>()?;
        let name = [a, b, c, d, e, f];
        let length = name
            .iter()
            .take_while(|octet| octet.is_ascii_digit() || octet.is_ascii_uppercase())
            .count();
        if length == 0 || name.iter().skip(length).any(|octet| *octet != b' ') {
            return None;
        }
        let (delay, rest) = number(rest)?;
        let call = Call::named(name).with_ssid(min & 15);
        let route = Self {
            call,
            max_ssid: (max & 15).max(call.ssid()),
            delay: Some(delay).filter(|delay| (1..=MOST_DELAY).contains(delay)),
        };
        Some((route, rest.strip_prefix(b" ").unwrap_or(rest)))
    }
}

/// What ends a packet of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `+`: the sender asks for the token, and for all destinations.
    Request,
    /// `-`: it gives the token back, or has told all. Records before it are withdrawn.
    Release,
}

/// Destinations; an iterator over them. A token is a packet without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing<'a> {
    records: &'a [u8],
    mark: Option<Mark>,
}

impl<'a> Routing<'a> {
    /// A token without destinations.
    #[must_use]
    pub const fn token(mark: Mark) -> Self {
        Self {
            records: &[],
            mark: Some(mark),
        }
    }

    /// Reads what is behind the kind of the packet. Whatever is no record ends it.
    pub(super) fn parse(octets: &'a [u8]) -> Self {
        let mut rest = octets;
        while let Some((_, after)) = Route::parse(rest) {
            rest = after;
        }
        let (records, end) = octets
            .split_at_checked(octets.len() - rest.len())
            .unwrap_or_default();
        let mark = match end.first() {
            Some(b'+') => Some(Mark::Request),
            Some(b'-') => Some(Mark::Release),
            _ => None,
        };
        Self { records, mark }
    }

    /// What ends the packet.
    #[must_use]
    pub const fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Appends what comes before the records of a packet.
    pub fn append_head(information: &mut Vec<u8>) {
        information.push(b'3');
    }

    /// Appends what comes after them.
    pub fn append_tail(mark: Option<Mark>, information: &mut Vec<u8>) {
        match mark {
            Some(Mark::Request) => information.push(b'+'),
            Some(Mark::Release) => information.push(b'-'),
            None => {}
        }
        information.push(CR);
    }

    pub(super) fn append_rest(self, information: &mut Vec<u8>) {
        for route in self {
            route.append(information);
        }
        Self::append_tail(self.mark, information);
    }
}

impl Iterator for Routing<'_> {
    type Item = Route;

    fn next(&mut self) -> Option<Route> {
        let (mut route, rest) = Route::parse(self.records)?;
        self.records = rest;
        if self.mark == Some(Mark::Release) {
            route.delay = None;
        }
        Some(route)
    }
}
