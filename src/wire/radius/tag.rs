//! Tags, which group the attributes of one tunnel (RFC 2868 section 3).

use crate::ParseError;

/// The greatest tag; an octet above it is the value's first.
const MAX_TAG: u8 = 0x1f;

/// A value and its tag; 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged<T> {
    /// Which tunnel it belongs to.
    pub tag: u8,
    /// The value.
    pub value: T,
}

/// A tagged text: its first octet is the tag unless it is above 0x1f (section 3.3).
///
/// # Errors
/// [`ParseError::Truncated`] when there is nothing.
pub fn tagged_text(value: &[u8]) -> Result<Tagged<&[u8]>, ParseError> {
    match value.split_first() {
        Some((&tag, text)) if tag <= MAX_TAG => Ok(Tagged { tag, value: text }),
        Some(_) => Ok(Tagged { tag: 0, value }),
        None => Err(ParseError::Truncated {
            what: "RADIUS tagged text",
            need: 1,
            have: 0,
        }),
    }
}

/// A tagged number: a tag and three octets (section 3.1). A first octet above 0x1f counts as none.
///
/// # Errors
/// [`ParseError::Length`] unless there are four octets.
pub fn tagged_u24(value: &[u8]) -> Result<Tagged<u32>, ParseError> {
    let &[tag, a, b, c] = value else {
        return Err(ParseError::Length {
            what: "RADIUS tagged number",
            claimed: 4,
            have: value.len(),
        });
    };
    Ok(Tagged {
        tag: if tag <= MAX_TAG { tag } else { 0 },
        value: u32::from_be_bytes([0, a, b, c]),
    })
}
