//! The HOWTO's test of eql in simulated time: one file by TCP over one to four SLIP lines.
//!
//! Everything is modelled down to the octet: the packets of a TCP as today's systems have it
//! ([`tcp`]), the master with either scheduler at both ends, the devices with their short queues,
//! and the lines, ten bits to the octet, with END and the escapes of the file's own octets
//! ([`slip`]). Acknowledgements take the same way back.

pub mod howto;
pub mod slip;
pub mod tcp;
mod transfer;

pub use transfer::{Cut, Error, Outcome, Setting, run};
