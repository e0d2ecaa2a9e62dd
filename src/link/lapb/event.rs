//! What the owner of a link hears of it.

use std::fmt;

/// Something the owner must know, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link is set up: packets may be sent.
    Up,
    /// The link begins anew and stays up. Packets that were not acknowledged may or may not have
    /// arrived, those behind them were not sent; all are forgotten. With AX.25 all are kept and sent
    /// again.
    Reset(Cause),
    /// The link is down, or could not be set up. Packets are forgotten as with a reset.
    Down(Cause),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The owner wanted it.
    Local,
    /// The line below is gone.
    Line,
    /// The peer disconnected (DISC).
    PeerDisconnected,
    /// The peer was disconnected without our knowing (DM).
    DisconnectedMode,
    /// The peer does not want to be set up (DM to SABM).
    Refused,
    /// The peer disconnected while it was being set up.
    Collision,
    /// A frame was repeated N2 times without an answer.
    NoAnswer,
    /// The peer set the link up again (SABM).
    PeerReset,
    /// One of the ends got a frame it could not understand (FRMR).
    FrameReject,
    /// The peer acknowledged a set-up of which we know nothing (UA).
    Unsolicited,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "as was wanted here",
            Self::Line => "the line is down",
            Self::PeerDisconnected => "disconnected by the peer",
            Self::DisconnectedMode => "the peer was disconnected",
            Self::Refused => "refused by the peer",
            Self::Collision => "disconnected by the peer during set-up",
            Self::NoAnswer => "no answer",
            Self::PeerReset => "set up anew by the peer",
            Self::FrameReject => "a frame was rejected",
            Self::Unsolicited => "the peer answered what was not asked",
        })
    }
}

/// Why a packet is not taken. Counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The link is not up.
    Down,
    /// Window and queue are full: there is room again when packets are acknowledged.
    Full,
    /// The packet is longer than N1.
    TooLong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "the link is down",
            Self::Full => "window and queue are full",
            Self::TooLong => "longer than N1",
        })
    }
}

impl std::error::Error for Refusal {}
