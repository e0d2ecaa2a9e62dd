//! What is known about a server.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::config::RadiusServer;

/// After so many tries without an answer, and none in [`SILENCE`], a server counts as dead.
const UNANSWERED: u32 = 3;
const SILENCE: Duration = Duration::from_secs(6);
/// How often a dead server is tried all the same.
const PROBE: Duration = Duration::from_secs(30);

/// Counters of one server and one service (RFC 4668, RFC 4670).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent for the first time to any server.
    pub requests: u64,
    /// Requests sent again, or to this server after another.
    pub retransmissions: u64,
    /// Answers taken: Access-Accept or Accounting-Response.
    pub accepted: u64,
    /// Access-Rejects taken.
    pub rejected: u64,
    /// Access-Challenges taken.
    pub challenged: u64,
    /// Answers of no use: of another code than this service has.
    pub unknown_code: u64,
    /// Answers that are not by who knows the secret.
    pub bad_authenticator: u64,
    /// Answers whose Message-Authenticator is missing or wrong.
    pub bad_message_authenticator: u64,
    /// Tries that were not answered in time.
    pub timeouts: u64,
    /// How long the last answer took.
    pub round_trip: Duration,
}

/// Whether a server answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    unanswered: u32,
    heard: Option<Instant>,
    /// When it is tried again, if it is dead.
    probe: Option<Instant>,
    pub stats: Stats,
}

impl Health {
    pub const fn is_dead(&self) -> bool {
        self.probe.is_some()
    }

    /// Whether a request may go there at `now`: it lives, or it is time to see whether it does.
    pub fn is_due(&self, now: Instant) -> bool {
        self.probe.is_none_or(|probe| probe <= now)
    }

    /// A request goes there.
    pub fn sent(&mut self, now: Instant, first: bool) {
        if first {
            self.stats.requests += 1;
        } else {
            self.stats.retransmissions += 1;
        }
        if self.probe.is_some_and(|probe| probe <= now) {
            self.probe = Some(now + PROBE);
        }
    }

    /// It answered.
    pub fn heard(&mut self, now: Instant, round_trip: Duration) {
        self.unanswered = 0;
        self.probe = None;
        self.heard = Some(now);
        self.stats.round_trip = round_trip;
    }

    /// It did not answer in time.
    pub fn timed_out(&mut self, now: Instant) {
        self.stats.timeouts += 1;
        self.unanswered = self.unanswered.saturating_add(1);
        let silent = self
            .heard
            .is_none_or(|heard| now.saturating_duration_since(heard) >= SILENCE);
        if self.unanswered >= UNANSWERED && silent && self.probe.is_none() {
            self.probe = Some(now + PROBE);
        }
    }
}

/// A server and both its services.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub at: RadiusServer,
    /// By [`super::client::Lane`].
    pub health: [Health; 2],
}

impl Server {
    pub fn new(at: RadiusServer) -> Self {
        Self {
            at,
            health: [Health::default(); 2],
        }
    }

    /// Where requests of a service go: 0 authentication, 1 accounting.
    pub fn address(&self, lane: usize) -> SocketAddr {
        let port = if lane == 0 {
            self.at.port
        } else {
            self.at.accounting_port
        };
        SocketAddr::new(self.at.address, port)
    }
}

/// What is shown of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its address.
    pub address: IpAddr,
    /// Its ports: authentication, accounting.
    pub ports: [u16; 2],
    /// Whether it does not answer, by service.
    pub dead: [bool; 2],
    /// Its counters, by service.
    pub stats: [Stats; 2],
}

impl From<&Server> for ServerView {
    fn from(server: &Server) -> Self {
        Self {
            address: server.at.address,
            ports: [server.at.port, server.at.accounting_port],
            dead: server.health.map(|health| health.is_dead()),
            stats: server.health.map(|health| health.stats),
        }
    }
}
