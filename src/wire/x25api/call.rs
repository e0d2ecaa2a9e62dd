//! The addresses, facilities and user data of a call.

use crate::ParseError;
use crate::api::invalid;

/// What follows a call, its acceptance and, with fast select, its clearing: the called and the
/// calling address as digits, the facilities as they are in the packet, each with its length
/// before it (1 octet), and the user data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call<'a> {
    /// The called address, up to [`Call::DIGITS`] digits.
    pub called: &'a str,
    /// The calling address.
    pub calling: &'a str,
    /// The facility field without its length, up to [`Call::FACILITIES`] octets.
    pub facilities: &'a [u8],
    /// User data, up to [`Call::DATA`] octets.
    pub data: &'a [u8],
}

impl<'a> Call<'a> {
    /// The most digits of an address (X.25 section 5.2.1.1.1).
    pub const DIGITS: usize = 15;
    /// The most octets of facilities (X.25 section 5.2.1.2).
    pub const FACILITIES: usize = 109;
    /// The most octets of user data, which are for fast select.
    pub const DATA: usize = 128;

    /// Reads it.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], [`ParseError::Length`] for what is longer than allowed,
    /// [`ParseError::Invalid`] for addresses that are no digits.
    pub fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        let (called, rest) = field(payload, "called address", Self::DIGITS)?;
        let (calling, rest) = field(rest, "calling address", Self::DIGITS)?;
        let (facilities, data) = field(rest, "facilities", Self::FACILITIES)?;
        if data.len() > Self::DATA {
            return Err(ParseError::Length {
                what: "call user data",
                claimed: data.len(),
                have: Self::DATA,
            });
        }
        Ok(Self {
            called: digits(called, "called address")?,
            calling: digits(calling, "calling address")?,
            facilities,
            data,
        })
    }

    /// Its octets. What is longer than allowed is cut.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(160);
        let fields = [
            (self.called.as_bytes(), Self::DIGITS),
            (self.calling.as_bytes(), Self::DIGITS),
            (self.facilities, Self::FACILITIES),
        ];
        for (field, most) in fields {
            let field = field.get(..most).unwrap_or(field);
            octets.push(field.len() as u8);
            octets.extend(field);
        }
        octets.extend(self.data.get(..Self::DATA).unwrap_or(self.data));
        octets
    }
}

/// A field behind its length, and what follows it.
fn field<'a>(
    octets: &'a [u8],
    what: &'static str,
    most: usize,
) -> Result<(&'a [u8], &'a [u8]), ParseError> {
    let truncated = |need| ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    };
    let (&length, rest) = octets.split_first().ok_or(truncated(1))?;
    let length = usize::from(length);
    if length > most {
        return Err(ParseError::Length {
            what,
            claimed: length,
            have: most,
        });
    }
    rest.split_at_checked(length).ok_or(truncated(1 + length))
}

fn digits<'a>(octets: &'a [u8], what: &'static str) -> Result<&'a str, ParseError> {
    if let Some(wrong) = octets.iter().find(|octet| !octet.is_ascii_digit()) {
        return Err(invalid(what, (*wrong).into(), "a digit"));
    }
    // Digits are text.
    Ok(std::str::from_utf8(octets).unwrap_or_default())
}
