//! Looking into JSON.

use serde_json::Value;

use crate::error::Context;
use crate::{Error, Result};

/// Parses what a command printed.
///
/// # Errors
/// It is no JSON; the error shows its beginning.
pub fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).context(format!("{:.200}", text))
}

/// The value at a JSON pointer (`/a/0/b`).
///
/// # Errors
/// Nothing is there; the error shows what there is.
pub fn at<'v>(value: &'v Value, pointer: &str) -> Result<&'v Value> {
    value
        .pointer(pointer)
        .ok_or_else(|| Error::new(format!("nothing at {pointer} in {value:#}")))
}

/// The number there.
///
/// # Errors
/// None there, or no number that is 0 or more.
pub fn number(value: &Value, pointer: &str) -> Result<u64> {
    let found = at(value, pointer)?;
    found
        .as_u64()
        .ok_or_else(|| Error::new(format!("{pointer} is {found}, no count")))
}

/// The text there.
///
/// # Errors
/// None there, or no text.
pub fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str> {
    let found = at(value, pointer)?;
    found
        .as_str()
        .ok_or_else(|| Error::new(format!("{pointer} is {found}, no text")))
}
