//! State files: what was learned outlives the program. A version octet, then records.

use std::fmt;
use std::ops::RangeInclusive;

/// Why a file is not read further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// A version that is not known.
    Version {
        /// That of the file.
        version: u8,
        /// Those that are read.
        known: RangeInclusive<u8>,
    },
    /// A record that is cut or malformed, at this octet.
    Record(usize),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { version, known } => {
                let (oldest, newest) = (known.start(), known.end());
                write!(f, "version {version} where {oldest} to {newest} are known")
            }
            Self::Record(at) => write!(f, "malformed record at octet {at}"),
        }
    }
}

impl std::error::Error for FileError {}

/// The longest name in a record, octets with the zero that ends it.
const LONGEST_NAME: usize = 64;

/// The name that a record ends with, and what is behind it.
pub(crate) fn name(octets: &[u8]) -> Option<(&str, &[u8])> {
    let mut place = octets.iter().take(LONGEST_NAME);
    let end = place.position(|octet| *octet == 0)?;
    let name = std::str::from_utf8(octets.get(..end)?).ok()?;
    Some((name, octets.get(end + 1..)?))
}

/// Reads a file's records, and what is wrong behind them. `record` takes one from the front of the octets.
pub(crate) fn parse<T>(
    octets: &[u8],
    known: RangeInclusive<u8>,
    record: impl Fn(u8, &[u8]) -> Option<(T, &[u8])>,
) -> (Vec<T>, Option<FileError>) {
    let Some((&version, mut rest)) = octets.split_first() else {
        return (Vec::new(), None);
    };
    if !known.contains(&version) {
        return (Vec::new(), Some(FileError::Version { version, known }));
    }
    let mut records = Vec::new();
    while !rest.is_empty() {
        match record(version, rest) {
            Some((record, behind)) => {
                records.push(record);
                rest = behind;
            }
            None => return (records, Some(FileError::Record(octets.len() - rest.len()))),
        }
    }
    (records, None)
}
