//! The state file of the routing table: temporary routes with the wall-clock time at which they end.
//! Little-endian, as the original's on x86.
//!
//! A version octet, then records: target, prefix length, gateway, metric, flags (bit 0: private), expiry
//! (Unix time), four octets each, and the interface's name with a NUL. Version 1 has no expiry.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{LONGEST_LIFETIME, NewRoute, Origin, Routes};
use crate::filter::Filter;
use crate::interface::Interfaces;
use crate::state::{self, FileError};

/// The version that is written.
const VERSION: u8 = 3;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The prefix's address.
    pub target: Ipv4Addr,
    /// The prefix's length.
    pub bits: u8,
    /// The next hop, or 0.0.0.0.
    pub gateway: Ipv4Addr,
    /// Hops.
    pub metric: u32,
    /// RIP does not announce it.
    pub private: bool,
    /// When it ends, seconds of Unix time; `None` in version 1.
    pub expires: Option<u32>,
    /// The name of the interface.
    pub interface: String,
}

/// Reads a file's records, and what is wrong behind them.
#[must_use]
pub fn parse(octets: &[u8]) -> (Vec<Record>, Option<FileError>) {
    state::parse(octets, 1..=VERSION, record)
}

fn record(version: u8, octets: &[u8]) -> Option<(Record, &[u8])> {
    let mut rest = octets;
    let mut next = || {
        let (word, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        Some(u32::from_le_bytes(*word))
    };
    let target = next()?.into();
    let bits = u8::try_from(next()?).ok().filter(|bits| *bits <= 32)?;
    let gateway = next()?.into();
    let metric = next()?;
    let private = next()? & 1 != 0;
    let expires = if version > 1 { Some(next()?) } else { None };
    let (name, rest) = state::name(rest)?;
    let record = Record {
        target,
        bits,
        gateway,
        metric,
        private,
        expires,
        interface: name.to_owned(),
    };
    Some((record, rest))
}

/// Writes records in the present version.
#[must_use]
pub fn format(records: &[Record]) -> Vec<u8> {
    let mut octets = vec![VERSION];
    for record in records {
        for word in [
            record.target.to_bits(),
            record.bits.into(),
            record.gateway.to_bits(),
            record.metric,
            record.private.into(),
            record.expires.unwrap_or(0),
        ] {
            octets.extend_from_slice(&word.to_le_bytes());
        }
        octets.extend_from_slice(record.interface.as_bytes());
        octets.push(0);
    }
    octets
}

impl Routes {
    /// What the state file keeps: temporary routes but the default one, after redundant ones were merged.
    /// `unix` is the present time in seconds since 1970.
    pub fn records(&mut self, now: Instant, unix: u64, interfaces: &Interfaces) -> Vec<Record> {
        self.merge();
        let record = |route: &&super::Route| {
            let left = route.expires()?.saturating_duration_since(now).as_secs();
            Some(Record {
                target: route.target,
                bits: route.bits,
                gateway: route.gateway,
                metric: route.metric,
                private: route.private,
                expires: Some(u32::try_from(unix.saturating_add(left)).unwrap_or(u32::MAX)),
                interface: interfaces.get(route.interface)?.name().to_owned(),
            })
        };
        let kept = self.listed();
        kept.iter()
            .filter(|route| route.bits > 0 && !route.held_down)
            .filter_map(record)
            .collect()
    }

    /// Takes records in that have not ended and whose interfaces are there; how many. Those of version 1
    /// live as long as possible.
    pub fn load(
        &mut self,
        now: Instant,
        unix: u64,
        records: &[Record],
        interfaces: &Interfaces,
        filter: &Filter,
    ) -> usize {
        let mut taken = 0;
        for record in records {
            let left = match record.expires {
                Some(expires) => u64::from(expires).saturating_sub(unix),
                None => LONGEST_LIFETIME.into(),
            };
            let lifetime = u32::try_from(left).unwrap_or(LONGEST_LIFETIME);
            let interface = interfaces.by_name(&record.interface);
            let (Some(interface), 1..) = (interface, lifetime) else {
                continue;
            };
            let route = NewRoute {
                target: record.target,
                bits: record.bits,
                interface,
                gateway: record.gateway,
                metric: record.metric,
                private: record.private,
                lifetime: lifetime.min(LONGEST_LIFETIME),
                origin: Origin::Learned,
            };
            taken += usize::from(self.add(now, &route, interfaces, filter).is_ok());
        }
        taken
    }

    /// How long after a change the state file is written.
    pub const SAVE_AFTER: Duration = Duration::from_secs(600);
}

/// Any octets as a file: what is read is written back the same. For fuzzing.
pub fn fuzz_route_file(octets: &[u8]) {
    let (records, _) = parse(octets);
    assert!(records.len() <= octets.len() / 21);
    let (again, error) = parse(&format(&records));
    assert_eq!(error, None);
    let with_expiry = |record: &Record| Record {
        expires: Some(record.expires.unwrap_or(0)),
        ..record.clone()
    };
    assert_eq!(again, records.iter().map(with_expiry).collect::<Vec<_>>());
}
