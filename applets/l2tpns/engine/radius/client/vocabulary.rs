//! What a client says: of requests, of answers, of what is wrong.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use crate::radius::{Authorization, Rejection};

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As many wait as may: try later, or not at all.
    Busy,
    /// No server is configured.
    NoServer,
    /// The name or the password is longer than RADIUS has room for.
    TooLong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many RADIUS requests wait",
            Self::NoServer => "no RADIUS server is configured",
            Self::TooLong => "the name or the password is too long for RADIUS",
        })
    }
}

impl std::error::Error for Refusal {}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user may come in.
    Accepted(Box<Authorization>),
    /// The user may not.
    Rejected(Rejection),
    /// The server wants another proof, which PPP cannot ask for: the user may not come in.
    Challenged(Rejection),
    /// No server answered about the user.
    TimedOut,
    /// A server has the record.
    Accounted,
    /// No server took the record.
    Lost,
}

/// An answer and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// As the request was given.
    pub key: u64,
    /// What became of it.
    pub answer: Answer,
}

/// What is wrong with answers of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are not by who knows the secret.
    Forged,
    /// They have no Message-Authenticator although it is required.
    Unsigned,
}

/// That answers are dropped, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The server.
    pub server: SocketAddr,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server;
        match self.fault {
            Fault::Forged => write!(
                f,
                "answers of the RADIUS server {server} are not by who knows radius_secret"
            ),
            Fault::Unsigned => write!(
                f,
                "answers of the RADIUS server {server} have no Message-Authenticator; if it cannot \
                 be told to send it: set radius_message_authenticator no"
            ),
        }
    }
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The place of our socket.
    pub socket: u8,
    /// The server.
    pub to: SocketAddr,
}

/// Counters of what belongs to no server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Datagrams that are no RADIUS packets.
    pub malformed: u64,
    /// Answers to nothing that is under way: late or doubled ones.
    pub late: u64,
    /// Answers from where nothing was asked.
    pub foreign: u64,
    /// Access-Requests refused because too many waited.
    pub refused: u64,
    /// Access-Requests that waited longer than anybody does.
    pub expired: u64,
    /// Accounting records that no server took.
    pub lost: u64,
}

/// What is shown of a request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeView {
    /// Its number: socket and identifier.
    pub number: u16,
    /// `AUTH`, `START`, `STOP` or `INTERIM`.
    pub state: &'static str,
    /// As the request was given.
    pub key: u64,
    /// How often it was sent.
    pub tries: usize,
    /// When it is sent again, or given up.
    pub retry: Instant,
    /// The server it was sent to last.
    pub server: SocketAddr,
}
