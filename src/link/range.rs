//! Values that are configured, and the ranges they have to be in.

use std::fmt;
use std::ops::RangeInclusive;

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The field or key, and its unit.
    pub what: &'static str,
    /// The value it was given.
    pub value: u64,
    /// The values it may have.
    pub allowed: RangeInclusive<u64>,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} is out of range: {} to {} is allowed",
            self.what,
            self.value,
            self.allowed.start(),
            self.allowed.end()
        )
    }
}

impl std::error::Error for OutOfRange {}

/// A parameter of a protocol that its standard does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameter {
    /// Its name in the standard.
    pub name: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is allowed", self.name, self.allowed)
    }
}

impl std::error::Error for BadParameter {}

/// Checks a value.
///
/// # Errors
/// It is out of its range.
pub fn in_range(
    what: &'static str,
    value: u64,
    allowed: RangeInclusive<u64>,
) -> Result<(), OutOfRange> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(OutOfRange {
        what,
        value,
        allowed,
    })
}
