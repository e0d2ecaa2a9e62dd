//! What the owner of a cable's end sees: errors, events, counters.

use std::fmt;
use std::io;

/// Why a cable could not be set up.
#[derive(Debug)]
pub enum CableError {
    /// Not a name of a cable.
    Name(String),
    /// The directory, the lock or the poller failed.
    System {
        /// What was asked.
        what: String,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for CableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "cable name '{name}': 1 to 64 letters, digits, '-', '_' and '.', not starting with '.' \
                 and not ending in '.lock'"
            ),
            Self::System { what, error } => write!(f, "cable: {what}: {error}"),
        }
    }
}

impl std::error::Error for CableError {}

/// What the owner of an end must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CableEvent {
    /// The carrier came (`true`) or went.
    Carrier(bool),
    /// Two other ends are plugged. Tried again every second.
    Taken,
    /// After [`Cable::send`] said "full": there is room again.
    Writable,
}

/// What happened on a cable's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Frames not sent because there is no carrier.
    pub no_carrier: u64,
    /// Frames that came in while this end is cut.
    pub cut: u64,
    /// Frames longer than [`Cable::MAX_FRAME`] or the caller's buffer.
    pub too_long: u64,
    /// Messages that are not of this protocol; the connection is closed.
    pub malformed: u64,
    /// Third ends turned away, and ends of other users.
    pub turned_away: u64,
}
