//! Segments of what is longer than an I frame (section 6.6, annex C.6): information of PID 08.
//!
//! ```text
//! first segment 1, segments that follow 7 | data, whose first octet in the first segment is the PID of all
//! ```

use crate::ParseError;

/// Where a segment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Whether it is the first.
    pub first: bool,
    /// How many follow, 0 to 127.
    pub remaining: u8,
}

impl Segment {
    /// The most segments of one thing.
    pub const MOST: usize = 128;

    /// Reads the octet behind PID 08; also returns the data.
    ///
    /// # Errors
    /// There is no octet.
    pub fn parse(information: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (octet, data) = information.split_first().ok_or(ParseError::Truncated {
            what: "AX.25 segment",
            need: 1,
            have: 0,
        })?;
        let segment = Self {
            first: octet & 0x80 != 0,
            remaining: octet & 0x7f,
        };
        Ok((segment, data))
    }

    /// The octet.
    #[must_use]
    pub const fn octet(self) -> u8 {
        (self.first as u8) << 7 | self.remaining & 0x7f
    }

    /// How many segments carry `octets`, of which the PID is one, in I frames of `paclen` octets of information
    /// with PID; `None` when there would be more than 128, or frames are too short for any.
    #[must_use]
    pub fn count(octets: usize, paclen: usize) -> Option<usize> {
        let each = paclen.checked_sub(2).filter(|each| *each > 0)?;
        Some(octets.div_ceil(each).max(1)).filter(|count| *count <= Self::MOST)
    }
}
