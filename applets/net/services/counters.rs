//! What happened, by name.

/// Counters of sessions and servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions opened.
    pub sessions: u64,
    /// Connections that servers took.
    pub accepted: u64,
    /// Connections refused because a server had as many as it may.
    pub too_many: u64,
    /// Connections refused because one host had as many as it may.
    pub too_many_of_host: u64,
    /// Connections ended because nothing moved for too long.
    pub idle: u64,
    /// Octets of a session that were not sent because too many waited.
    pub typed_too_fast: u64,
    /// Connections ended because others wanted to give a password.
    pub door_full: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Accounts that were made for callers.
    pub accounts: u64,
    /// Accounts that were wanted and not made.
    pub accounts_refused: u64,
    /// Passwords that were wrong.
    pub wrong_passwords: u64,
    /// Questions for the time that were answered.
    pub time_answers: u64,
    /// Questions for the time from ports of servers, which would go back and forth for ever.
    pub time_loops: u64,
    /// Datagrams of `remote` that did what they ask for.
    pub remote_done: u64,
    /// Datagrams of `remote` that mean nothing.
    pub remote_malformed: u64,
    /// Datagrams of `remote` with a wrong key, or none.
    pub remote_refused: u64,
    /// Authentic datagrams of `remote` that came before, or are too old.
    pub remote_stale: u64,
    /// Datagrams of `remote` that were too many in a short time.
    pub remote_limited: u64,
    /// `remote reset`, which a program on a host cannot do.
    pub remote_resets: u64,
    /// Lines for the log that were too many in a short time.
    pub log_suppressed: u64,
}

impl Counters {
    /// All of them with their names.
    #[must_use]
    pub fn listed(&self) -> [(&'static str, u64); 20] {
        [
            ("sessions", self.sessions),
            ("accepted", self.accepted),
            ("tooMany", self.too_many),
            ("tooManyOfHost", self.too_many_of_host),
            ("idle", self.idle),
            ("typedTooFast", self.typed_too_fast),
            ("doorFull", self.door_full),
            ("logins", self.logins),
            ("accounts", self.accounts),
            ("accountsRefused", self.accounts_refused),
            ("wrongPasswords", self.wrong_passwords),
            ("timeAnswers", self.time_answers),
            ("timeLoops", self.time_loops),
            ("remoteDone", self.remote_done),
            ("remoteMalformed", self.remote_malformed),
            ("remoteRefused", self.remote_refused),
            ("remoteStale", self.remote_stale),
            ("remoteLimited", self.remote_limited),
            ("remoteResets", self.remote_resets),
            ("logSuppressed", self.log_suppressed),
        ]
    }
}
