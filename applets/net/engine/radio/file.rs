//! The state file of the ways to stations: who was heard through whom. Octets in network order.
//!
//! A version octet, then records: call sign, call sign of the digipeater or zeros, seven octets each, the time of
//! the last use (Unix time, eight octets), and the interface's name with a NUL, which alone says that there is a
//! digipeater. Version 1 is the original's, whose records have the padding and the `long` of the machine that
//! wrote them; those of 64 bits and little-endian, and of 32 bits, are read. What is permanent is not kept: the
//! commands of the start say it again.

use std::time::Instant;

use wanbox_net_ax25::{Ax25, Next, Port};
use wanbox_wire::ax25::Call;

use crate::interface::{InterfaceId, Interfaces};
use crate::state::{self, FileError};

/// The version that is written.
const VERSION: u8 = 2;
/// How long an entry is kept that was not used, seconds.
const LONGEST: u64 = 2_147_483;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The station.
    pub call: Call,
    /// The digipeater before it.
    pub digi: Option<Call>,
    /// The last use, seconds of Unix time.
    pub used: u64,
    /// The name of the interface, if there is no digipeater.
    pub interface: String,
}

/// Reads a file's records, and what is wrong behind them.
#[must_use]
pub fn parse(octets: &[u8]) -> (Vec<Record>, Option<FileError>) {
    let wide = state::parse(octets, 1..=VERSION, |version, rest| {
        record(rest, if version == 1 { Form::Wide } else { Form::Own })
    });
    if wide.1.is_none() || octets.first() != Some(&1) {
        return wide;
    }
    let narrow = state::parse(octets, 1..=1, |_, rest| record(rest, Form::Narrow));
    if narrow.1.is_none() { narrow } else { wide }
}

/// How numbers are in a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Own,
    Wide,
    Narrow,
}

fn record(octets: &[u8], form: Form) -> Option<(Record, &[u8])> {
    let (call, rest) = octets.split_first_chunk::<7>()?;
    let (digi, rest) = rest.split_first_chunk::<7>()?;
    let (used, rest) = match form {
        Form::Own => {
            let (time, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*time), rest)
        }
        Form::Wide => {
            let (time, rest) = rest.get(2..)?.split_first_chunk::<8>()?;
            (u64::from_le_bytes(*time), rest)
        }
        Form::Narrow => {
            let (time, rest) = rest.get(2..)?.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*time).into(), rest)
        }
    };
    let (name, rest) = state::name(rest)?;
    let call = Call::from_octets(call);
    let digi = Call::from_octets(digi);
    let has_digi = !digi.is_none();
    // A record that says both or neither is that of another form.
    if call.is_none() || has_digi != name.is_empty() || !name.bytes().all(|o| o.is_ascii_graphic())
    {
        return None;
    }
    let record = Record {
        call,
        digi: has_digi.then_some(digi),
        used,
        interface: name.to_owned(),
    };
    Some((record, rest))
}

/// Writes records in the present version.
#[must_use]
pub fn format(records: &[Record]) -> Vec<u8> {
    let mut octets = vec![VERSION];
    for record in records {
        octets.extend_from_slice(record.call.octets());
        match &record.digi {
            Some(digi) => octets.extend_from_slice(digi.octets()),
            None => octets.extend_from_slice(&[0; 7]),
        }
        octets.extend_from_slice(&record.used.to_be_bytes());
        octets.extend_from_slice(record.interface.as_bytes());
        octets.push(0);
    }
    octets
}

/// What the state file keeps: who was used within the last 24 days. `unix` is the present time in seconds since
/// 1970.
#[must_use]
pub fn records(ax25: &Ax25, now: Instant, unix: u64, interfaces: &Interfaces) -> Vec<Record> {
    let start = unix as i64 - ax25.seconds(now);
    let entries = ax25.routes.listed().into_iter();
    let record = |(call, route): (Call, &wanbox_net_ax25::Route)| {
        let used = u64::try_from(start + route.used).unwrap_or(0);
        let old = used.saturating_add(LONGEST) < unix;
        if old && !route.is_told() {
            return None;
        }
        let (digi, interface) = match route.next {
            Next::Unknown => return None,
            Next::Digi(digi) => (Some(digi), String::new()),
            Next::Port(port) => {
                let interface = interfaces.get(InterfaceId::of_port(port))?;
                (None, interface.name().to_owned())
            }
        };
        Some(Record {
            call,
            digi,
            used,
            interface,
        })
    };
    entries.filter_map(record).collect()
}

/// Takes records in: those of interfaces that are there, and of stations of which nothing is known yet.
pub fn load(ax25: &mut Ax25, now: Instant, unix: u64, records: &[Record], interfaces: &Interfaces) {
    let start = unix as i64 - ax25.seconds(now);
    for record in records {
        let next = match record.digi {
            Some(digi) => Next::Digi(digi),
            None => match interfaces.by_name(&record.interface) {
                Some(id) => Next::Port(Port(id.port().0)),
                None => continue,
            },
        };
        if record.used.saturating_add(LONGEST) >= unix && !record.call.is_multicast() {
            let used = i64::try_from(record.used.min(unix)).unwrap_or(0) - start;
            ax25.routes.restore(record.call, next, used);
        }
    }
}

/// Any octets as a file: what is read comes back when it is written. For fuzzing.
pub fn fuzz_ax25_routes(octets: &[u8]) {
    let (records, _) = parse(octets);
    assert!(records.len() * 15 <= octets.len());
    let (again, wrong) = parse(&format(&records));
    assert_eq!((again, wrong), (records, None));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_octets(version in 0u8..4, mut octets in prop::collection::vec(any::<u8>(), 0..200)) {
            octets.insert(0, version);
            fuzz_ax25_routes(&octets);
        }
    }

    fn record(call: &str, digi: Option<&str>, interface: &str) -> Record {
        Record {
            call: Call::parse(call).unwrap(),
            digi: digi.map(|digi| Call::parse(digi).unwrap()),
            used: 900_000_000,
            interface: interface.to_owned(),
        }
    }

    fn both() -> Vec<Record> {
        vec![
            record("DB0SAO-1", None, "tnc0"),
            record("N0PRA", Some("DB0SAO-1"), ""),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let octets = format(&both());
        assert_eq!(parse(&octets), (both(), None));
        assert_eq!(parse(&[]), (Vec::new(), None));
        let (read, wrong) = parse(&octets[..octets.len() - 1]);
        assert_eq!(read, both()[..1]);
        assert_eq!(wrong, Some(FileError::Record(1 + 22 + 5)));
        assert!(matches!(parse(&[0]).1, Some(FileError::Version { .. })));
    }

    #[test]
    fn files_of_the_original_are_read_of_both_widths() {
        for narrow in [false, true] {
            let mut octets = vec![1];
            for record in both() {
                octets.extend_from_slice(record.call.octets());
                let digi = record.digi.map_or([0; 7], |digi| *digi.octets());
                octets.extend_from_slice(&digi);
                octets.extend_from_slice(&[0, 0]);
                let time = record.used.to_le_bytes();
                octets.extend_from_slice(if narrow { &time[..4] } else { &time });
                octets.extend_from_slice(record.interface.as_bytes());
                octets.push(0);
            }
            assert_eq!(parse(&octets), (both(), None), "narrow: {narrow}");
        }
    }
}
