//! What can be seen of a layer and its circuits. States have the names of the standard's annex B.

use std::fmt;

use super::{FlowControl, Traffic};

/// Where the restart procedure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The link below is down.
    Down,
    /// r1: packet layer ready.
    R1,
    /// r2: the DTE restarts.
    R2,
    /// r3: the DCE restarts.
    R3,
}

/// Where the call of a circuit is. Permanent circuits are always in p4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// p1: ready, no call.
    P1,
    /// p2: the DTE called.
    P2,
    /// p3: the DCE called.
    P3,
    /// p4: data transfer.
    P4,
    /// p5: both called.
    P5,
    /// p6: the DTE clears.
    P6,
    /// p7: the DCE clears.
    P7,
}

/// Whether a circuit is being reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetState {
    /// d1: flow control ready.
    D1,
    /// d2: the DTE resets.
    D2,
    /// d3: the DCE resets.
    D3,
}

/// What a circuit is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it is permanent.
    pub permanent: bool,
    /// Where the call is.
    pub call: CallState,
    /// Whether it is being reset; of interest in p4.
    pub reset: ResetState,
    /// Packet sizes and windows.
    pub flow: FlowControl,
    /// P(S) of the next data packet to send.
    pub vs: u8,
    /// Last P(R) received.
    pub va: u8,
    /// P(S) of the next data packet to receive.
    pub vr: u8,
    /// Last P(R) sent.
    pub acknowledged: u8,
    /// Packets sent that the peer has not acknowledged.
    pub outstanding: u8,
    /// Octets to send that have not been sent.
    pub waiting: usize,
    /// Packets received that have not been read.
    pub unread: usize,
    /// Whether the peer is busy (RNR).
    pub peer_busy: bool,
    /// Data packets that the peer acknowledged since the call, or the last reset. Wraps.
    pub delivered: u32,
    /// Packets by type.
    pub traffic: Traffic,
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::R1 => "r1",
            Self::R2 => "r2",
            Self::R3 => "r3",
        })
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", *self as u8 + 1)
    }
}

impl fmt::Display for ResetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", *self as u8 + 1)
    }
}
