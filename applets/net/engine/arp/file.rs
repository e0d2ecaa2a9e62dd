//! The state file of learned link addresses, with the wall-clock time at which they end. Little-endian, as the
//! original's on x86.
//!
//! A version octet (3), then records: IP address (4), hardware type (4), published (1) and three octets
//! of padding, expiry (4, Unix time), and the link address, whose length follows from the type. In
//! version 2 the hardware type is one octet, followed by the flag and two octets of padding.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::Arp;
use crate::interface::{Hardware, LinkAddress};
use crate::state::{self, FileError};

/// The version that is written.
const VERSION: u8 = 3;
/// The oldest version that is read: before it, records have no time.
const OLDEST: u8 = 2;

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The IP address.
    pub address: Ipv4Addr,
    /// The kind of link.
    pub hardware: Hardware,
    /// Requests for it are answered.
    pub published: bool,
    /// When it ends, seconds of Unix time.
    pub expires: u32,
    /// The link address.
    pub link: LinkAddress,
}

/// Reads a file's records, and what is wrong behind them.
#[must_use]
pub fn parse(octets: &[u8]) -> (Vec<Record>, Option<FileError>) {
    state::parse(octets, OLDEST..=VERSION, record)
}

fn record(version: u8, octets: &[u8]) -> Option<(Record, &[u8])> {
    let (address, rest) = octets.split_first_chunk::<4>()?;
    let (hardware, published, rest) = if version == VERSION {
        let (hardware, rest) = rest.split_first_chunk::<4>()?;
        let ([published, ..], rest) = rest.split_first_chunk::<4>()?;
        (
            u16::try_from(u32::from_le_bytes(*hardware)).ok()?,
            *published,
            rest,
        )
    } else {
        let ([hardware, published, ..], rest) = rest.split_first_chunk::<4>()?;
        (u16::from(*hardware), *published, rest)
    };
    let hardware = Hardware::from_number(hardware)?;
    let (expires, rest) = rest.split_first_chunk::<4>()?;
    let (link, rest) = rest.split_at_checked(hardware.address_len())?;
    let record = Record {
        address: u32::from_le_bytes(*address).into(),
        hardware,
        published: published != 0,
        expires: u32::from_le_bytes(*expires),
        link: LinkAddress::new(link)?,
    };
    Some((record, rest))
}

/// Writes records in the present version.
#[must_use]
pub fn format(records: &[Record]) -> Vec<u8> {
    let mut octets = vec![VERSION];
    for record in records {
        octets.extend_from_slice(&record.address.to_bits().to_le_bytes());
        octets.extend_from_slice(&(record.hardware as u32).to_le_bytes());
        octets.extend_from_slice(&[record.published.into(), 0, 0, 0]);
        octets.extend_from_slice(&record.expires.to_le_bytes());
        octets.extend_from_slice(record.link.octets());
    }
    octets
}

impl Arp {
    /// What the state file keeps: learned entries. `unix` is the present time in seconds since 1970.
    #[must_use]
    pub fn records(&self, now: Instant, unix: u64) -> Vec<Record> {
        let record = |(hardware, address, entry): (Hardware, Ipv4Addr, &super::Entry)| {
            let left = entry.expires?.saturating_duration_since(now).as_secs();
            Some(Record {
                address,
                hardware,
                published: entry.published,
                expires: u32::try_from(unix.saturating_add(left)).unwrap_or(u32::MAX),
                link: entry.link?,
            })
        };
        self.listed().into_iter().filter_map(record).collect()
    }

    /// Takes records in that have not ended, where nothing is known yet; how many.
    pub fn load(&mut self, now: Instant, unix: u64, records: &[Record]) -> usize {
        let mut taken = 0;
        for record in records {
            let left = u64::from(record.expires).saturating_sub(unix);
            let known = self
                .entries
                .contains_key(&(record.hardware, record.address));
            if left == 0 || known || !self.make_room() {
                continue;
            }
            let expires = now + Duration::from_secs(left.min(super::LEARNED));
            let (hardware, link) = (record.hardware, Some(record.link));
            self.put(
                hardware,
                record.address,
                link,
                record.published,
                Some(expires),
                None,
            );
            taken += 1;
        }
        taken
    }
}

/// Any octets as a file: what is read is written back the same. For fuzzing.
pub fn fuzz_arp_file(octets: &[u8]) {
    let (records, _) = parse(octets);
    assert!(records.len() <= octets.len() / 18);
    assert_eq!(parse(&format(&records)), (records, None));
}
