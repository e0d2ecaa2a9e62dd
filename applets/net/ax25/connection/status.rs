//! What `ax25 status` shows of a connection.

use std::time::Duration;

use wanbox_link::lapb::Phase;

use super::Connection;

/// The state as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Disconnected.
    Disconnected,
    /// SABM or SABME was sent.
    Setup,
    /// DISC was sent.
    Disconnecting,
    /// Information transfer.
    Connected,
    /// Information transfer, and a poll waits for its answer.
    Recovery,
}

impl State {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "Disconn",
            Self::Setup => "Conn pend",
            Self::Disconnecting => "Disc pend",
            Self::Connected => "Connected",
            Self::Recovery => "Recovery",
        }
    }
}

/// A timer as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerStatus {
    /// How long it still runs; nothing when it stands.
    pub remaining: Option<Duration>,
    /// What it is set to.
    pub duration: Duration,
}

/// All that is shown of a connection, but its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Octets that wait to be read.
    pub receive_queue: usize,
    /// Whether RNR was sent.
    pub rnr_sent: bool,
    /// I frames that were sent and are not acknowledged.
    pub unacknowledged: usize,
    /// The dynamic window, frames.
    pub window: usize,
    /// Frames that wait to be acknowledged, sent or not.
    pub send_queue: usize,
    /// Whether the peer is busy.
    pub remote_busy: bool,
    /// Whether REJ was sent, and the gap is still there.
    pub reject_sent: bool,
    /// Repetitions without progress.
    pub retries: u32,
    /// N2; 0: for ever.
    pub retry_limit: u32,
    /// V(S).
    pub vs: u8,
    /// V(R).
    pub vr: u8,
    /// 1 or 2.
    pub version: u8,
    /// Whether numbers are counted modulo 128.
    pub extended: bool,
    /// Whether SREJ is used.
    pub selective: bool,
    /// Smoothed round-trip time.
    pub srt: Duration,
    /// Mean deviation of it.
    pub mdev: Duration,
    /// T1, T3, T4 and T5.
    pub timers: [TimerStatus; 4],
}

impl Connection {
    /// The state; of one that is being set up it is not known yet which end wanted it.
    #[must_use]
    pub fn state(&self) -> State {
        match self.engine.phase() {
            Phase::Disconnected => State::Disconnected,
            Phase::Setup => State::Setup,
            Phase::Disconnecting => State::Disconnecting,
            Phase::Information | Phase::Rejecting => State::Connected,
        }
    }

    /// Octets that wait to be read.
    #[must_use]
    pub const fn unread(&self) -> usize {
        self.octets
    }
}
