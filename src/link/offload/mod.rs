//! What a network card does for the kernel: cutting super-packets into packets and finishing checksums on the
//! way out, merging packets into super-packets on the way in.
//!
//! A TUN descriptor with virtio headers hands over up to 64 KiB of one flow at
//! once and takes the same; each such super-packet passes the kernel's stack
//! once. [`Segmenter`] cuts what was read, [`Coalescer`] merges what is to be
//! written. Neither allocates once it is made.

mod coalesce;
mod segment;

#[cfg(test)]
mod tests;

use std::fmt;

use wanbox_wire::ParseError;
use wanbox_wire::ip::Gso;

pub use coalesce::{CoalesceStats, Coalescer};
pub use segment::{Segmenter, complete, fuzz_segment};

/// The longest IP packet, octets.
pub const MAX_PACKET: usize = 65_535;

/// Why a packet with a virtio header cannot be finished. The caller counts and drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffloadError {
    /// The IP, TCP or UDP header is malformed.
    Headers(ParseError),
    /// The checksum is to go outside the packet, or elsewhere than this transport has it.
    ChecksumPlace {
        /// Octets from the start of the packet.
        start: u16,
        /// Octets from there.
        offset: u16,
    },
    /// A segmentation that was not asked for.
    Unsupported(Gso),
    /// The header and the packet speak of different protocols.
    Mismatch(&'static str),
    /// A segment size of zero.
    ZeroSize,
    /// The buffer for the next segment is too short.
    Room {
        /// Octets needed.
        need: usize,
        /// Octets there.
        have: usize,
    },
}

impl fmt::Display for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Headers(error) => write!(f, "super-packet: {error}"),
            Self::ChecksumPlace { start, offset } => {
                write!(
                    f,
                    "checksum at octet {start} + {offset}: not in this packet's transport header"
                )
            }
            Self::Unsupported(gso) => write!(f, "segmentation type {gso:?} was not asked for"),
            Self::Mismatch(what) => write!(f, "super-packet: {what}"),
            Self::ZeroSize => write!(f, "super-packet with segments of zero octets"),
            Self::Room { need, have } => {
                write!(f, "segment of {need} octets for a buffer of {have}")
            }
        }
    }
}

impl std::error::Error for OffloadError {}

impl From<ParseError> for OffloadError {
    fn from(error: ParseError) -> Self {
        Self::Headers(error)
    }
}

/// Where TCP has its checksum, octets from the start of its header.
const TCP_CHECKSUM: usize = 16;
/// Where UDP has its checksum.
const UDP_CHECKSUM: usize = 6;

/// Overwrites a 16-bit field of a header whose length was checked.
fn put_u16(octets: &mut [u8], at: usize, value: u16) {
    if let Some(field) = octets.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}
