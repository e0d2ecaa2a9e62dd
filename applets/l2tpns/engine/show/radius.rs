//! `show radius`.

use std::fmt;

use serde::Serialize;

use crate::SessionId;

/// What a RADIUS exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RadiusState {
    /// Nothing.
    Null,
    /// A challenge was sent to the client.
    Chap,
    /// Authentication.
    Auth,
    /// The start of accounting.
    Start,
    /// The end of accounting.
    Stop,
    /// Accounting in between.
    Interim,
    /// An answer came, and the place is kept a while.
    Wait,
}

impl RadiusState {
    /// Its name. The original shifts those behind `AUTH` by one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Chap => "CHAP",
            Self::Auth => "AUTH",
            Self::Start => "START",
            Self::Stop => "STOP",
            Self::Interim => "INTRM",
            Self::Wait => "WAIT",
        }
    }
}

/// A RADIUS exchange.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RadiusRow {
    /// Its place: socket and identifier in one number.
    pub slot: u32,
    /// The identifier in its packets.
    pub identifier: u8,
    /// The place of its socket.
    pub socket: u32,
    /// What it is for.
    pub state: RadiusState,
    /// Its session.
    pub session: Option<SessionId>,
    /// Tenths of a second until it is sent again.
    pub retry: u64,
    /// How often it was sent.
    pub tries: u32,
}

impl RadiusRow {
    /// The first line of the list.
    pub const HEADING: &'static str = "    ID Radius Sock State  Session    Retry Try";
}

impl fmt::Display for RadiusRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6}{:7}{:5}{:>6}{:9}{:9}{:4}",
            self.slot,
            self.identifier,
            self.socket,
            self.state.name(),
            self.session.map_or(0, |session| session.0),
            self.retry,
            self.tries
        )
    }
}

/// How many exchanges there are and could be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RadiusTotals {
    /// Places out of use.
    pub free: usize,
    /// Places in use.
    pub used: usize,
}

impl fmt::Display for RadiusTotals {
    /// The last lines of the list, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nFree: {}\nUsed: {}", self.free, self.used)
    }
}
