//! Names of hosts: files, a cache, and servers (RFC 1034, RFC 1035, RFC 5452).
//!
//! | to change | open |
//! |---|---|
//! | hosts and domain files | `hosts.rs` |
//! | what is remembered, and how long | `cache.rs` |
//! | questions to servers | `query.rs` |
//! | messages as text | `trace.rs` |
//!
//! A name with a dot at its end is looked up as it is; others first with `.ampr.org` behind them. The
//! cache comes first, then the files, then the servers, if any are set.

pub mod cache;
pub mod hosts;
mod query;
pub mod trace;

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::address;
use crate::station::{Sink, Station};
use cache::{Cache, Key, Value};
use hosts::{Hosts, ORIGIN};
use query::Query;

/// How often the cache is emptied.
const FLUSH_EVERY: Duration = Duration::from_secs(86_400);
/// The longest name that is looked up, octets.
const LONGEST_NAME: usize = 253;
/// The most servers.
pub const MOST_SERVERS: usize = 8;

/// A question that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(u64);

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// This.
    Known(T),
    /// Nobody knows.
    Unknown,
    /// Servers are asked; an event will tell.
    Asked(QueryId),
}

/// The answer to a question that was under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The address of the name.
    Address(Ipv4Addr),
    /// The name of the address.
    Name(String),
    /// There is none, as a server says.
    Unknown,
    /// No server answered, or none could.
    Failed,
}

/// Questions and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolverStats {
    /// Questions sent.
    pub sent: u64,
    /// Answers received.
    pub received: u64,
    /// Malformed ones.
    pub malformed: u64,
    /// Answers to what was not asked, or not of whom: forged, or late.
    pub foreign: u64,
    /// Questions that nobody answered in time.
    pub timeouts: u64,
    /// Servers that are none: their hosts said so.
    pub refused: u64,
    /// Look-ups refused because too many were under way.
    pub too_many: u64,
}

/// The resolver.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    /// `domain trace`: messages are shown.
    pub trace: bool,
    /// `domain usegethostby`: the owner looks up in the host's own files what nobody else knows.
    pub use_host: bool,
    /// Hosts that are written down.
    pub hosts: Hosts,
    /// What is remembered.
    pub cache: Cache,
    /// Questions and answers.
    pub stats: ResolverStats,
    servers: Vec<Ipv4Addr>,
    queries: Slab<Query>,
    next_id: u64,
    flush: Option<Instant>,
}

impl Resolver {
    /// Who is asked, in this order; no more than [`MOST_SERVERS`]. None: only files and the cache.
    pub fn set_servers(&mut self, servers: &[Ipv4Addr]) {
        self.servers = servers.iter().copied().take(MOST_SERVERS).collect();
    }

    /// Who is asked.
    #[must_use]
    pub fn servers(&self) -> &[Ipv4Addr] {
        &self.servers
    }

    /// An address as it is shown: its name if that is known without asking, 0.0.0.0 as `*`.
    #[must_use]
    pub fn shown(&self, now: Instant, address: Ipv4Addr) -> String {
        let known = self
            .hosts
            .name(address)
            .or_else(|| self.cache.name(now, address));
        known.map_or_else(|| crate::show::plain(address), str::to_owned)
    }

    /// When to call [`Station::handle_timeout`] for it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let queries = self.queries.iter().map(|(_, query)| query.due());
        queries.chain(self.flush).min()
    }

    /// Questions under way.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queries.len()
    }

    /// The names under which a word may be known, the most likely first.
    fn candidates(word: &str) -> Vec<String> {
        let word = word.to_ascii_lowercase();
        match word.strip_suffix('.') {
            Some(exact) => vec![exact.to_owned()],
            None => vec![format!("{word}.{ORIGIN}"), word],
        }
    }
}

impl Station {
    /// The address of a host: a number, or a name.
    pub fn resolve(&mut self, now: Instant, word: &str, sink: &mut dyn Sink) -> Lookup<Ipv4Addr> {
        if address::is_numeric(word) {
            return match address::parse(word) {
                Some(address) if !address.is_unspecified() => Lookup::Known(address),
                _ => Lookup::Unknown,
            };
        }
        if word.is_empty() || word.len() > LONGEST_NAME {
            return Lookup::Unknown;
        }
        let mut candidates = Resolver::candidates(word);
        let mut missing = Vec::new();
        for name in &candidates {
            match self.resolver.cache.get(now, &Key::Name(name.clone())) {
                Some(Value::Address(address)) => return Lookup::Known(address),
                Some(_) => missing.push(name.clone()),
                None => {}
            }
        }
        for name in &candidates {
            if let Some(address) = self.resolver.hosts.address(name) {
                self.remember(
                    now,
                    Key::Name(name.clone()),
                    Value::Address(address),
                    cache_ttl(),
                );
                return Lookup::Known(address);
            }
        }
        candidates.retain(|name| !missing.contains(name));
        // A word without dots is nobody's name beyond the own domain.
        candidates.retain(|name| name.contains('.'));
        self.ask(now, candidates.into_iter().map(Key::Name).collect(), sink)
    }

    /// The name of an address.
    pub fn resolve_address(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        sink: &mut dyn Sink,
    ) -> Lookup<String> {
        let key = Key::Address(address);
        match self.resolver.cache.get(now, &key) {
            Some(Value::Name(name)) => return Lookup::Known(name),
            Some(_) => return Lookup::Unknown,
            None => {}
        }
        if let Some(name) = self.resolver.hosts.name(address) {
            let name = name.to_owned();
            self.remember(now, key, Value::Name(name.clone()), cache_ttl());
            return Lookup::Known(name);
        }
        match self.ask(now, vec![key], sink) {
            Lookup::Asked(id) => Lookup::Asked(id),
            _ => Lookup::Unknown,
        }
    }

    fn remember(&mut self, now: Instant, key: Key, value: Value, ttl: u32) {
        self.resolver.cache.put(now, key, value, ttl);
        self.resolver.flush.get_or_insert(now + FLUSH_EVERY);
    }

    /// Does what is due.
    pub(crate) fn resolver_due(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.resolver.flush.is_some_and(|due| due <= now) {
            self.resolver.flush = None;
            self.resolver.cache.flush();
        }
        self.queries_due(now, sink);
    }
}

/// How long what files say is remembered, seconds: they may be read anew.
fn cache_ttl() -> u32 {
    3600
}

/// `domain cache list`.
#[must_use]
pub fn cache_list(cache: &Cache, now: Instant) -> String {
    let line = |(key, value): (&Key, &Value)| match (key, value) {
        (Key::Name(name), Value::Address(address)) => format!("{name:<25.25} {address}\n"),
        (Key::Address(address), Value::Name(name)) => format!("{name:<25.25} {address}\n"),
        (Key::Address(address), _) => format!("{:<25.25} {address}\n", address.to_string()),
        (Key::Name(name), _) => format!("{name:<25.25} *\n"),
    };
    cache.listed(now).into_iter().map(line).collect()
}
