//! `show throttle`, `show tbf`.

use std::fmt;

use serde::Serialize;

use crate::{SessionId, TunnelId};

/// A throttled session.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ThrottleRow<'a> {
    /// Its number.
    pub session: SessionId,
    /// Its tunnel.
    pub tunnel: TunnelId,
    /// The user.
    pub user: &'a str,
    /// The rate from the user, kbit/s; 0 is none.
    pub rate_in: u32,
    /// The rate to the user, kbit/s; 0 is none.
    pub rate_out: u32,
    /// The bucket from the user; 0 is none.
    pub bucket_in: u32,
    /// The bucket to the user; 0 is none.
    pub bucket_out: u32,
}

impl ThrottleRow<'_> {
    /// The first line of the list.
    pub const HEADING: &'static str =
        "  SID  TID Username                         Rate In    Out   TBFI   TBFO";
}

impl fmt::Display for ThrottleRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5} {:4} {:<32}  {:6} {:6} {:6} {:6}",
            self.session.0,
            self.tunnel.0,
            self.user,
            self.rate_in,
            self.rate_out,
            self.bucket_in,
            self.bucket_out
        )
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bucket {
    /// Its number.
    pub bucket: u32,
    /// Its session.
    pub session: SessionId,
    /// Packets wait for tokens.
    pub waiting: bool,
    /// Its rate, bit/s.
    pub rate: u64,
    /// Its tokens, octets.
    pub credit: u64,
    /// Packets that wait.
    pub queued: u64,
    /// Octets that came.
    pub octets_in: u64,
    /// Packets that came.
    pub packets_in: u64,
    /// Octets sent on.
    pub octets_sent: u64,
    /// Packets sent on.
    pub packets_sent: u64,
    /// Packets dropped.
    pub packets_dropped: u64,
    /// Packets that had to wait.
    pub packets_delayed: u64,
}

/// The first line of the list of token buckets.
pub const BUCKET_HEADING: &str =
    "  TBF#   Sid  Rate Credit Queued |  ByteIn  PackIn ByteSent PackSent PackDrop PackDelay";

impl Bucket {
    pub(super) fn mark(&self) -> char {
        if self.waiting { '*' } else { ' ' }
    }

    /// From the rate on.
    pub(super) fn figures(&self) -> String {
        format!(
            "{:5} {:6} {:6} | {:7} {:7} {:8} {:8} {:8} {:8}",
            self.rate,
            self.credit,
            self.queued,
            self.octets_in,
            self.packets_in,
            self.octets_sent,
            self.packets_sent,
            self.packets_dropped,
            self.packets_delayed
        )
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bucket, mark, session) = (self.bucket, self.mark(), self.session.0);
        write!(f, "{bucket:5}{mark} {session:5} {}", self.figures())
    }
}

/// The last line of the list of token buckets.
#[must_use]
pub fn bucket_totals(used: usize, total: usize) -> String {
    format!("{used} tbf entries used, {total} total")
}
