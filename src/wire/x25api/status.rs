//! The status of a connection.

use crate::ParseError;
use crate::api::first;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing yet.
    Idle,
    /// It waits for incoming calls.
    Listening,
    /// Its call is on the way.
    Calling,
    /// Its circuit carries data.
    Connected,
    /// Its circuit is being cleared.
    Clearing,
    /// A number that this version does not know.
    Other(u8),
}

impl From<u8> for State {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Listening,
            2 => Self::Calling,
            3 => Self::Connected,
            4 => Self::Clearing,
            other => Self::Other(other),
        }
    }
}

impl From<State> for u8 {
    fn from(state: State) -> Self {
        match state {
            State::Idle => 0,
            State::Listening => 1,
            State::Calling => 2,
            State::Connected => 3,
            State::Clearing => 4,
            State::Other(other) => other,
        }
    }
}

/// What follows [`super::Kind::Status`] from the daemon, each after the other: state, link up,
/// window for sending, window for receiving (1 octet each), packet size for sending and for
/// receiving (2 octets each), the longest payload, octets that wait for the other end's
/// acknowledgement (4 octets each), and six counters of 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the connection is for.
    pub state: State,
    /// The packet layer can place calls.
    pub link_up: bool,
    /// The window for sending, packets; 0 without a circuit, as are the others.
    pub window_out: u8,
    /// The window for receiving, packets.
    pub window_in: u8,
    /// The longest packet sent, octets of user data.
    pub packet_out: u16,
    /// The longest packet received.
    pub packet_in: u16,
    /// The longest payload of a message, octets.
    pub limit: u32,
    /// Messages that the other end has not acknowledged.
    pub waiting: u32,
    /// Packets given to the application.
    pub rx_packets: u64,
    /// Their octets.
    pub rx_octets: u64,
    /// Messages taken from it.
    pub tx_messages: u64,
    /// Their octets.
    pub tx_octets: u64,
    /// Resets of the circuit.
    pub resets: u64,
    /// Messages refused.
    pub refused: u64,
}

impl Status {
    /// Octets of it.
    pub const LEN: usize = 64;

    /// Reads it. Octets behind it are those of a later version.
    ///
    /// # Errors
    /// [`ParseError::Truncated`].
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let octets: &[u8; Self::LEN] = first(payload, "X.25 API status")?;
        let &[
            state,
            link,
            window_out,
            window_in,
            o1,
            o0,
            i1,
            i0,
            l3,
            l2,
            l1,
            l0,
            w3,
            w2,
            w1,
            w0,
            ref counters @ ..,
        ] = octets;
        let mut counters = counters.as_chunks().0.iter().copied();
        let mut next = || counters.next().map_or(0, u64::from_be_bytes);
        Ok(Self {
            state: state.into(),
            link_up: link != 0,
            window_out,
            window_in,
            packet_out: u16::from_be_bytes([o1, o0]),
            packet_in: u16::from_be_bytes([i1, i0]),
            limit: u32::from_be_bytes([l3, l2, l1, l0]),
            waiting: u32::from_be_bytes([w3, w2, w1, w0]),
            rx_packets: next(),
            rx_octets: next(),
            tx_messages: next(),
            tx_octets: next(),
            resets: next(),
            refused: next(),
        })
    }

    /// Its octets.
    pub fn octets(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let (head, counters) = octets.split_at_mut(16);
        let [o1, o0] = self.packet_out.to_be_bytes();
        let [i1, i0] = self.packet_in.to_be_bytes();
        let [l3, l2, l1, l0] = self.limit.to_be_bytes();
        let [w3, w2, w1, w0] = self.waiting.to_be_bytes();
        head.copy_from_slice(&[
            self.state.into(),
            self.link_up.into(),
            self.window_out,
            self.window_in,
            o1,
            o0,
            i1,
            i0,
            l3,
            l2,
            l1,
            l0,
            w3,
            w2,
            w1,
            w0,
        ]);
        let values = [
            self.rx_packets,
            self.rx_octets,
            self.tx_messages,
            self.tx_octets,
            self.resets,
            self.refused,
        ];
        for (place, value) in counters.as_chunks_mut().0.iter_mut().zip(values) {
            *place = value.to_be_bytes();
        }
        octets
    }
}
