//! What `ax25 status` shows of a connection.

use std::time::{Duration, Instant};

use wanbox_wire::lapb::Modulo;

use super::parameters::millis;
use super::{Connection, Parameters};

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
    pub retry_limit: u16,
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
    /// What is shown of it at this moment.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let view = self.engine.ax25_view().unwrap_or_default();
        let Parameters {
            retry, t3, t4, t5, ..
        } = self.parameters;
        let timer = |deadline: Option<Instant>, duration| TimerStatus {
            remaining: deadline.map(|at| at.saturating_duration_since(now)),
            duration,
        };
        let [t1_at, t3_at, t4_at] = view.deadlines;
        Status {
            state: self.state(),
            receive_queue: self.octets,
            rnr_sent: view.rnr_sent,
            unacknowledged: view.unacknowledged,
            window: view.window,
            send_queue: self.engine.waiting(),
            remote_busy: self.engine.peer_busy(),
            reject_sent: view.gap,
            retries: view.retries,
            retry_limit: retry,
            vs: view.vs,
            vr: view.vr,
            version: if view.plain { 1 } else { 2 },
            extended: self.engine.parameters().modulo == Modulo::OneTwentyEight,
            selective: view.selective,
            srt: view.srt,
            mdev: view.mdev,
            timers: [
                timer(t1_at, view.t1),
                // What waits for an answer needs no other question.
                timer(t3_at.filter(|_| t1_at.is_none()), millis(t3)),
                timer(t4_at, millis(t4)),
                timer(self.t5, millis(t5)),
            ],
        }
    }
}
