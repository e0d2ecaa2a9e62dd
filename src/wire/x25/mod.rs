//! Packets of ITU-T X.25 (1988, sections 3 to 7), what is said in them, and how TCP carries them
//! (RFC 1613).
//!
//! ```text
//! GFI, 4 bits | LCI, 12 bits | type, 1 (data, RR, RNR, REJ modulo 128: 2) | fields of the type
//! ```
//!
//! The same octets have two names, one for each direction: what is a call request to the network is
//! an incoming call to the called. The names here are those of the sender of a call, a clear, a
//! reset, a restart.

pub mod cause;
pub mod diagnostic;
pub mod facility;
pub mod protocol;
pub mod xot;

mod address;
mod call;
mod fuzz;
mod packet;

use std::fmt;

pub use crate::lapb::Modulo;
pub use address::{Address, AddressError};
pub use call::CallFields;
pub use facility::{Facilities, FacilityList};
pub use fuzz::fuzz_x25;
pub use packet::{Body, Flow, Marks, Packet, PacketRepr, kind};

use crate::ParseError;

/// The most octets of user data that a call without fast select carries.
pub const MAX_USER_DATA: usize = 16;
/// The most octets of user data in the packets of a call with fast select.
pub const MAX_FAST_USER_DATA: usize = 128;
/// The most octets of facilities.
pub const MAX_FACILITIES: usize = 109;
/// The most octets in an interrupt; there is at least one.
pub const MAX_INTERRUPT: usize = 32;
/// The most octets of user data in a data packet.
pub const MAX_DATA: usize = 4096;
/// No correct packet is longer: data modulo 128.
pub const MAX_PACKET: usize = MAX_DATA + 4;

/// A logical channel identifier: group number and channel number together, 0 to 4095. Channel 0
/// belongs to the interface as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lci(u16);

impl Lci {
    /// The interface as a whole.
    pub const ZERO: Self = Self(0);
    /// The highest channel.
    pub const MAX: Self = Self(4095);

    /// The channel with this number, if there can be one.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The channel in the first two octets of a packet, whatever else is wrong with it.
    #[must_use]
    pub const fn of(packet: &[u8]) -> Option<Self> {
        match *packet {
            [high, low, ..] => Some(Self(u16::from_be_bytes([high & 0x0f, low]))),
            _ => None,
        }
    }
}

impl fmt::Display for Lci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What is wrong with a packet, and what to tell its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The diagnostic code to clear, reset or restart with, or to send in a diagnostic packet.
    pub diagnostic: u8,
    /// The field.
    pub error: ParseError,
}

impl Fault {
    const fn truncated(what: &'static str, need: usize, have: usize) -> Self {
        Self {
            diagnostic: diagnostic::TOO_SHORT,
            error: ParseError::Truncated { what, need, have },
        }
    }

    const fn too_long(what: &'static str, limit: usize, have: usize) -> Self {
        Self {
            diagnostic: diagnostic::TOO_LONG,
            error: ParseError::Length {
                what,
                claimed: limit,
                have,
            },
        }
    }

    const fn invalid(
        diagnostic: u8,
        what: &'static str,
        value: u8,
        expected: &'static str,
    ) -> Self {
        Self {
            diagnostic,
            error: ParseError::Invalid {
                what,
                value: value as u64,
                expected,
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (diagnostic {})", self.error, self.diagnostic)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests;
