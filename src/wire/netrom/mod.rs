//! NET/ROM, the network and transport layers of packet radio: information of PID `CF`.
//!
//! ```text
//! datagram: origin, 7 | destination, 7 | time to live, 1 | transport header, 5 | data, up to 236
//! NODES broadcast: 0xff | name of the sender, 6 | entries, 21 each
//! ```
//!
//! Call signs are as AX.25's, without bits of a header.

mod nodes;
mod transport;

pub use nodes::{Entry, Ident, Nodes, ident};
pub use transport::{Circuit, Flags, Message};

use crate::ParseError;
use crate::ax25::Call;

/// The destination of datagrams that measure round-trip times and are sent back.
pub const L3RTT: Call = Call::named(*b"L3RTT ");
/// The most octets behind a network header.
pub const MOST_TRANSPORT: usize = 241;
/// The most data of a circuit in a datagram, and the longest datagram of IP.
pub const MOST_DATA: usize = 236;

/// Octets of a call sign.
const CALL: usize = 7;

/// The network header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The node that it comes from.
    pub origin: Call,
    /// The node that it goes to.
    pub destination: Call,
    /// How many more nodes may pass it on.
    pub ttl: u8,
}

impl Network {
    /// Octets of the header.
    pub const LENGTH: usize = 15;

    /// Reads the header; also returns what follows: a [`Message`].
    ///
    /// # Errors
    /// It is cut short.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let truncated = ParseError::Truncated {
            what: "NET/ROM network header",
            need: Self::LENGTH,
            have: datagram.len(),
        };
        let (origin, rest) = call(datagram).ok_or(truncated)?;
        let (destination, rest) = call(rest).ok_or(truncated)?;
        let (&ttl, rest) = rest.split_first().ok_or(truncated)?;
        let header = Self {
            origin,
            destination,
            ttl,
        };
        Ok((header, rest))
    }

    /// Appends the header.
    pub fn append(&self, datagram: &mut Vec<u8>) {
        datagram.extend_from_slice(self.origin.octets());
        datagram.extend_from_slice(self.destination.octets());
        datagram.push(self.ttl);
    }
}

/// The call sign that octets begin with, and what follows.
fn call(octets: &[u8]) -> Option<(Call, &[u8])> {
    let (call, rest) = octets.split_first_chunk::<CALL>()?;
    Some((Call::from_octets(call), rest))
}

/// Any octets: what is accepted is written again, and reads the same. For fuzzing and replayed tests.
pub fn fuzz_netrom(octets: &[u8]) {
    let mut again = Vec::new();
    if let Ok(nodes) = Nodes::parse(octets) {
        Nodes::append_head(nodes.ident, &mut again);
        let count = nodes.map(|entry| entry.append(&mut again)).count();
        assert!(count * Entry::LENGTH < octets.len());
        assert!(Nodes::parse(&again).is_ok_and(|other| other.eq(nodes)));
    }
    let Ok((network, rest)) = Network::parse(octets) else {
        return;
    };
    again.clear();
    network.append(&mut again);
    assert_eq!(Network::parse(&again), Ok((network, &[][..])));
    if let Ok(message) = Message::parse(rest) {
        again.clear();
        message.append(&mut again);
        assert!(again.len() <= rest.len().max(6));
        assert_eq!(Message::parse(&again), Ok(message));
    }
}

#[cfg(test)]
mod tests;
