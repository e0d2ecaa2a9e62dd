//! The Routing Information Protocol, version 1 (RFC 1058) and, when asked for, version 2 (RFC 2453).
//!
//! | to change | open |
//! |---|---|
//! | settings, destinations, updates | this file |
//! | what is received | `input.rs` |

mod input;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_link::bucket::TokenBucket;
use wanbox_wire::rip::{self as wire, Command, Entry, PORT};

use crate::address::mask;
use crate::interface::InterfaceId;
use crate::route::{INFINITY, Route};
use crate::station::{Event, Sink, Station};
use crate::udp::{HEADERS, Owner, SocketId, UdpError};

/// The group of version 2.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 9);
/// How long routes live when no interval is known for their interface, seconds.
const LIFETIME: u32 = 240;
/// The least time between triggered updates.
const TRIGGER_EVERY: Duration = Duration::from_secs(1);
/// Answers to requests a second.
const ANSWERS: u64 = 10;
/// The most destinations, and the most hosts that are refused.
const MOST_HOSTS: usize = 1024;

/// A host or broadcast address to which the table is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Where.
    pub host: Ipv4Addr,
    /// Seconds between two updates.
    pub interval: u32,
    /// Routes that lead to its interface are left out.
    pub split: bool,
    /// An entry for ourselves is sent as well.
    pub us: bool,
    /// The version of the messages, 1 or 2.
    pub version: u8,
    due: Instant,
}

/// Messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RipStats {
    /// Sent.
    pub sent: u64,
    /// Received.
    pub received: u64,
    /// Requests received.
    pub requests: u64,
    /// Responses received.
    pub responses: u64,
    /// Of unknown commands or versions.
    pub unknown: u64,
    /// From hosts that are refused.
    pub refused: u64,
    /// Malformed messages and entries.
    pub malformed: u64,
    /// Responses that are not from a neighbour's port 520.
    pub strangers: u64,
    /// Messages without the right password.
    pub unauthenticated: u64,
    /// Requests not answered because there were too many.
    pub limited: u64,
}

/// What `rip trace` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RipNotice {
    /// A route that is held down was announced.
    HoldDown(Ipv4Addr, u32),
    /// The metric of a route changed: from, to.
    Changed(Ipv4Addr, u32, u32),
    /// A route has a better metric than the one there was.
    Better(Ipv4Addr, u32),
    /// A route in place of another was announced that is no better.
    NotBetter(Ipv4Addr, u32),
    /// A route is gone: prefix, gateway, interface, metric.
    Drop(Ipv4Addr, u8, InterfaceId, Ipv4Addr, u32),
    /// A route is new.
    Add(Ipv4Addr, u8, InterfaceId, Ipv4Addr, u32),
    /// A route to ourselves was announced.
    ToSelf(Ipv4Addr, u32),
    /// A message of a refused host.
    Refused(Ipv4Addr),
    /// A response.
    Response(Ipv4Addr),
    /// A request.
    Request,
    /// A message of an unknown command.
    Unknown,
    /// An entry that is not of IPv4.
    NotIp,
    /// A route was redundant.
    Merge(Ipv4Addr, u8),
}

impl RipNotice {
    /// The level of `rip trace` from which on it is shown.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::HoldDown(..)
            | Self::Changed(..)
            | Self::Better(..)
            | Self::Drop(..)
            | Self::Add(..) => 1,
            _ => 2,
        }
    }
}

/// Why a destination is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RipError {
    /// There is no route to it.
    Unreachable(Ipv4Addr),
    /// There are too many.
    TooMany,
    /// An interval of zero seconds.
    Interval,
}

impl fmt::Display for RipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(host) => write!(f, "{host} is unreachable"),
            Self::TooMany => write!(f, "too many hosts ({MOST_HOSTS})"),
            Self::Interval => write!(f, "the interval must be 1 second or more"),
        }
    }
}

impl std::error::Error for RipError {}

/// The state of the protocol.
#[derive(Clone, Debug, Default)]
pub struct Rip {
    /// `rip merge`: redundant routes are removed.
    pub merge: bool,
    /// `rip trace`: 0 to 2.
    pub trace: u8,
    /// Messages of version 2 are taken too.
    pub version2: bool,
    /// The password of version 2, with zeros behind it.
    pub password: Option<[u8; 16]>,
    /// Messages.
    pub stats: RipStats,
    destinations: Vec<Destination>,
    refused: BTreeSet<Ipv4Addr>,
    socket: Option<SocketId>,
    /// When the next triggered update is due.
    triggered: Option<Instant>,
    last_triggered: Option<Instant>,
    answers: Option<TokenBucket>,
}

impl Rip {
    /// To whom the table is sent.
    #[must_use]
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// From whom nothing is taken.
    pub fn refused(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.refused.iter().copied()
    }

    /// `rip refuse`.
    ///
    /// # Errors
    /// There are too many.
    pub fn refuse(&mut self, host: Ipv4Addr) -> Result<(), RipError> {
        if self.refused.len() >= MOST_HOSTS {
            return Err(RipError::TooMany);
        }
        self.refused.insert(host);
        Ok(())
    }

    /// `rip accept`. `false`: it was not refused.
    pub fn accept(&mut self, host: Ipv4Addr) -> bool {
        self.refused.remove(&host)
    }

    /// `rip drop`. `false`: nothing is sent there.
    pub fn drop(&mut self, host: Ipv4Addr) -> bool {
        let before = self.destinations.len();
        self.destinations
            .retain(|destination| destination.host != host);
        self.destinations.len() < before
    }

    /// Whether the group of version 2 is ours.
    #[must_use]
    pub fn listens_to_group(&self) -> bool {
        self.version2 && self.socket.is_some()
    }

    /// Whether messages are taken.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.socket.is_some()
    }

    /// Routes changed: they are told soon.
    pub(crate) fn changed(&mut self, now: Instant) {
        let next = self
            .last_triggered
            .map_or(now, |last| now.max(last + TRIGGER_EVERY));
        self.triggered = Some(self.triggered.map_or(next, |due| due.min(next)));
    }

    /// When to call [`Station::handle_timeout`] for it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let updates = self.destinations.iter().map(|destination| destination.due);
        updates.chain(self.triggered).min()
    }
}

/// What an update contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Update {
    split: bool,
    triggered: bool,
    us: bool,
    version: u8,
}

impl Station {
    /// `start rip`: takes messages.
    ///
    /// # Errors
    /// Somebody has the port.
    pub fn rip_start(&mut self) -> Result<(), UdpError> {
        if self.rip.socket.is_none() {
            self.rip.socket = Some(self.udp_bind(Ipv4Addr::UNSPECIFIED, PORT, Owner::Rip)?);
        }
        Ok(())
    }

    /// `stop rip`.
    pub fn rip_stop(&mut self) {
        if let Some(socket) = self.rip.socket.take() {
            self.udp.close(socket);
        }
    }

    /// `rip add`: sends the table to a host now and every so many seconds.
    ///
    /// # Errors
    /// There is no way to it, the interval is zero, or there are too many.
    #[expect(clippy::too_many_arguments, reason = "the words of the command")]
    pub fn rip_add(
        &mut self,
        now: Instant,
        host: Ipv4Addr,
        interval: u32,
        split: bool,
        us: bool,
        version: u8,
        sink: &mut dyn Sink,
    ) -> Result<(), RipError> {
        if interval == 0 {
            return Err(RipError::Interval);
        }
        if self.routes.lookup(host).is_none() {
            return Err(RipError::Unreachable(host));
        }
        self.rip.drop(host);
        if self.rip.destinations.len() >= MOST_HOSTS {
            return Err(RipError::TooMany);
        }
        let due = now + Duration::from_secs(interval.into());
        let version = version.clamp(1, 2);
        self.rip.destinations.push(Destination {
            host,
            interval,
            split,
            us,
            version,
            due,
        });
        let update = Update {
            split,
            triggered: false,
            us,
            version,
        };
        self.rip_update(now, (host, PORT), update, sink);
        Ok(())
    }

    /// `rip request`: asks a host for its table, from a port.
    ///
    /// # Errors
    /// There is no way to it.
    pub fn rip_request(
        &mut self,
        now: Instant,
        host: Ipv4Addr,
        port: u16,
        sink: &mut dyn Sink,
    ) -> Result<(), RipError> {
        if self.routes.lookup(host).is_none() && !self.interfaces.is_own(host) {
            return Err(RipError::Unreachable(host));
        }
        let version = if self.rip.version2 { 2 } else { 1 };
        let password = self.rip.password.filter(|_| version == 2);
        let mut message = self.pool.take();
        wire::begin(&mut message, Command::Request, version, password.as_ref());
        Entry::EVERYTHING.emit(&mut message);
        self.rip_send(now, port, (host, PORT), &message, sink);
        self.pool.give(message);
        Ok(())
    }

    /// Sends what is due.
    pub(crate) fn rip_due(&mut self, now: Instant, sink: &mut dyn Sink) {
        for at in 0..self.rip.destinations.len() {
            let Some(destination) = self
                .rip
                .destinations
                .get_mut(at)
                .filter(|destination| destination.due <= now)
            else {
                continue;
            };
            let interval = Duration::from_secs(destination.interval.into());
            // What was slept through is not made up for.
            destination.due = (destination.due + interval).max(now + interval / 2);
            let Destination {
                host,
                split,
                us,
                version,
                ..
            } = *destination;
            self.rip_update(
                now,
                (host, PORT),
                Update {
                    split,
                    triggered: false,
                    us,
                    version,
                },
                sink,
            );
        }
        if self.rip.triggered.is_some_and(|due| due <= now) {
            self.rip.triggered = None;
            self.rip.last_triggered = Some(now);
            for at in 0..self.rip.destinations.len() {
                if let Some(&Destination {
                    host,
                    split,
                    version,
                    ..
                }) = self.rip.destinations.get(at)
                {
                    let update = Update {
                        split,
                        triggered: true,
                        us: false,
                        version,
                    };
                    self.rip_update(now, (host, PORT), update, sink);
                }
            }
            for route in self.routes.iter_mut() {
                route.changed = false;
            }
        }
    }

    /// The lifetime of routes that an interface brings: four intervals.
    fn rip_lifetime(&self, interface: InterfaceId) -> u32 {
        let through = |host| self.routes.lookup(host).map(|route| route.interface);
        self.rip
            .destinations
            .iter()
            .find(|destination| through(destination.host) == Some(interface))
            .map_or(LIFETIME, |destination| {
                destination.interval.saturating_mul(4)
            })
    }

    /// Sends the table, or what changed in it.
    fn rip_update(
        &mut self,
        now: Instant,
        to: (Ipv4Addr, u16),
        update: Update,
        sink: &mut dyn Sink,
    ) {
        let Some(interface) = self.routes.lookup(to.0).map(|route| route.interface) else {
            return;
        };
        let line = self.interfaces.line(interface);
        let us = self.interfaces.get(line).map(|line| line.address());
        let own = us.filter(|us| update.us && !us.is_unspecified());
        let own = own.map(|us| Entry {
            mask: u32::MAX,
            ..Entry::new(us, 1)
        });
        let routes = self.routes.listed();
        let routes = routes
            .into_iter()
            .filter_map(|route| announced(route, interface, update));
        let entries: Vec<Entry> = own
            .into_iter()
            .chain(routes)
            .map(|entry| {
                if update.version == 1 {
                    Entry { mask: 0, ..entry }
                } else {
                    entry
                }
            })
            .collect();
        let password = self.rip.password.filter(|_| update.version == 2);
        // Messages are not cut on the way.
        let room = self
            .mtu_towards(to.0)
            .saturating_sub(HEADERS + wire::HEADER)
            / wire::ENTRY;
        let room = room.min(wire::MOST_ENTRIES) - usize::from(password.is_some() && room > 0);
        let mut message = self.pool.take();
        for part in entries.chunks(room.max(1)) {
            wire::begin(
                &mut message,
                Command::Response,
                update.version,
                password.as_ref(),
            );
            for entry in part {
                entry.emit(&mut message);
            }
            self.rip_send(now, PORT, to, &message, sink);
        }
        self.pool.give(message);
    }

    fn rip_send(
        &mut self,
        now: Instant,
        port: u16,
        to: (Ipv4Addr, u16),
        message: &[u8],
        sink: &mut dyn Sink,
    ) {
        self.rip.stats.sent += 1;
        // A message of 504 octets is never too long.
        let _ = self.udp_send_from(now, (Ipv4Addr::UNSPECIFIED, port), to, message, sink);
    }

    fn rip_tell(&mut self, notice: RipNotice) {
        if self.rip.trace >= notice.level() {
            self.tell(Event::Rip(notice));
        }
    }
}

/// How a route is announced through an interface, if it is.
fn announced(route: &Route, interface: InterfaceId, update: Update) -> Option<Entry> {
    if route.private || update.triggered && !route.changed {
        return None;
    }
    let back = update.split && route.interface == interface;
    if back && !update.triggered {
        return None;
    }
    let metric = if back {
        INFINITY
    } else {
        route.metric.saturating_add(1).min(INFINITY)
    };
    let entry = Entry::new(route.target, metric);
    Some(Entry {
        mask: mask(route.bits),
        ..entry
    })
}
