//! A TCP as today's systems have it, one direction: enough of it to say how long a file takes.
//!
//! * Sender: initial window of ten segments (RFC 6928), slow start and congestion avoidance
//!   (RFC 5681), recovery in step with what arrives (RFC 6937), losses found by time (RACK, RFC 8985, with its reordering window and its answer to
//!   duplicates), retransmission timer (RFC 6298, at least 200 ms as in Linux), spurious ones of
//!   both undone (RFC 5682, RFC 3708). No timestamps, so that the header has 40 octets.
//! * Receiver: an acknowledgement for every second segment or after 40 ms, at once for what is out
//!   of order or twice there, with up to three ranges (RFC 2018, RFC 2883); a window of 65,535
//!   octets, read at once.
//!
//! Left out: probes at the end of a flight, pacing, CUBIC's growth (this is Reno's, the slower one).

mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use receiver::Receiver;
pub use sender::{Sender, Stats};

/// The receiver's window, octets: the largest without scaling.
pub const WINDOW: u64 = 65_535;

/// Header of IP and TCP, octets.
pub const HEADER: u64 = 40;

/// A range of octets of the file: from, to.
pub type Range = (u64, u64);

/// What is in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Opens the connection, with its options.
    Syn,
    /// The answer.
    SynAck,
    /// A piece of the file.
    Data {
        /// Its first octet.
        from: u64,
        /// Octets: up to the MTU less the header.
        len: u64,
    },
    /// An acknowledgement.
    Ack(Ack),
}

/// An acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Everything before this octet is there.
    pub next: u64,
    /// What else is there, the latest first.
    pub ranges: [Option<Range>; 3],
    /// This was there twice.
    pub twice: Option<Range>,
}

impl Segment {
    /// The length of its packet, octets of IP.
    #[must_use]
    pub fn octets(&self) -> u64 {
        match self {
            // Largest segment, selective acknowledgements permitted, padding.
            Self::Syn | Self::SynAck => HEADER + 8,
            Self::Data { len, .. } => HEADER + len,
            Self::Ack(ack) => {
                let ranges = ack.ranges.iter().flatten().count() + usize::from(ack.twice.is_some());
                match ranges.min(4) as u64 {
                    0 => HEADER,
                    ranges => HEADER + 4 + 8 * ranges,
                }
            }
        }
    }
}
