//! What can be wrong with bytes that came from outside.

use std::fmt;

/// Why bytes were not understood. Each value names the field and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer octets than the field needs.
    Truncated {
        /// The field or message that is cut.
        what: &'static str,
        /// Octets needed.
        need: usize,
        /// Octets there.
        have: usize,
    },
    /// A field holds a value that the format does not allow.
    Invalid {
        /// The field.
        what: &'static str,
        /// The value found.
        value: u64,
        /// What the format allows.
        expected: &'static str,
    },
    /// A length field contradicts the octets around it.
    Length {
        /// The field.
        what: &'static str,
        /// What it claims, octets.
        claimed: usize,
        /// What is there, octets.
        have: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { what, need, have } => {
                write!(f, "{what}: {have} octets where {need} are needed")
            }
            Self::Invalid {
                what,
                value,
                expected,
            } => {
                write!(f, "{what}: {value:#x} where {expected} is expected")
            }
            Self::Length {
                what,
                claimed,
                have,
            } => {
                write!(f, "{what}: claims {claimed} octets, {have} are there")
            }
        }
    }
}

impl std::error::Error for ParseError {}
