//! DTE addresses (X.25 section 5.2.1, X.121): up to 15 decimal digits, two an octet.

use std::fmt;
use std::str::FromStr;

use super::{Fault, diagnostic};

/// The address of a DTE. None at all is an address too: [`Address::NONE`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The first digit in the high half of the first octet; what is behind the last digit is 0.
    octets: [u8; 8],
    digits: u8,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// A character that is no decimal digit.
    NotADigit(char),
    /// More digits than [`Address::MAX`].
    TooLong(usize),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADigit(found) => {
                write!(
                    f,
                    "{found:?} is no decimal digit, which X.25 addresses consist of"
                )
            }
            Self::TooLong(digits) => {
                write!(f, "{digits} digits; X.25 addresses have at most 15")
            }
        }
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// The most digits.
    pub const MAX: usize = 15;
    /// No digits.
    pub const NONE: Self = Self {
        octets: [0; 8],
        digits: 0,
    };

    /// How many digits it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.digits as usize
    }

    /// Whether it has no digits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.digits == 0
    }

    /// The digits, as values from 0 to 9.
    pub fn digits(&self) -> impl Iterator<Item = u8> {
        let halves = self
            .octets
            .into_iter()
            .flat_map(|octet| [octet >> 4, octet & 0x0f]);
        halves.take(self.len())
    }

    /// Whether its first digits are those of `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.digits >= prefix.digits && self.digits().zip(prefix.digits()).all(|(a, b)| a == b)
    }

    fn push(&mut self, digit: u8) -> bool {
        let at = self.len();
        match self.octets.get_mut(at / 2) {
            Some(octet) if at < Self::MAX => {
                *octet |= if at.is_multiple_of(2) {
                    digit << 4
                } else {
                    digit
                };
                self.digits += 1;
                true
            }
            _ => false,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut address = Self::NONE;
        for found in text.chars() {
            let digit = found.to_digit(10).ok_or(AddressError::NotADigit(found))?;
            if !address.push(digit.try_into().unwrap_or_default()) {
                return Err(AddressError::TooLong(text.chars().count()));
            }
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; Self::MAX];
        for (place, digit) in text.iter_mut().zip(self.digits()) {
            *place += digit;
        }
        let text = text.get(..self.len()).unwrap_or_default();
        f.pad(std::str::from_utf8(text).unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The address block of the packets that set up and clear calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub called: Address,
    pub calling: Address,
}

impl Block {
    /// Reads the block; also returns what comes behind it.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let Some((&lengths, rest)) = octets.split_first() else {
            return Err(Fault::truncated("X.25 address lengths", 1, 0));
        };
        let (calling, called) = (usize::from(lengths >> 4), usize::from(lengths & 0x0f));
        let need = (calling + called).div_ceil(2);
        let Some((digits, rest)) = rest.split_at_checked(need) else {
            return Err(Fault::truncated("X.25 addresses", need, rest.len()));
        };
        let mut halves = digits.iter().flat_map(|octet| [octet >> 4, octet & 0x0f]);
        let mut take = |count, diagnostic, what| {
            let mut address = Address::NONE;
            for digit in halves.by_ref().take(count) {
                if digit > 9 {
                    return Err(Fault::invalid(diagnostic, what, digit, "a decimal digit"));
                }
                address.push(digit);
            }
            Ok(address)
        };
        let block = Self {
            called: take(
                called,
                diagnostic::INVALID_CALLED_ADDRESS,
                "called X.25 address",
            )?,
            calling: take(
                calling,
                diagnostic::INVALID_CALLING_ADDRESS,
                "calling X.25 address",
            )?,
        };
        Ok((block, rest))
    }

    /// Writes the block at the end of `octets`.
    pub fn append(&self, octets: &mut Vec<u8>) {
        octets.push(self.calling.digits << 4 | self.called.digits);
        let mut digits = self.called.digits().chain(self.calling.digits());
        while let Some(high) = digits.next() {
            octets.push(high << 4 | digits.next().unwrap_or(0));
        }
    }
}
