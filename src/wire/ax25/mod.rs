//! Frames of AX.25, the link layer of packet radio (AX.25 version 2.2 sections 3 and 4).
//!
//! ```text
//! destination, 7 | source, 7 | up to 8 digipeaters, 7 each | control, 1 or 2 | PID, 1, of I and UI | information
//! ```
//!
//! Frames are taken without the HDLC flags and FCS.

mod call;
mod digis;
mod header;
pub mod pid;

pub use call::{BadCall, Call};
pub use digis::{Digi, Digis};
pub use header::{Class, Header};

#[cfg(test)]
mod tests;
