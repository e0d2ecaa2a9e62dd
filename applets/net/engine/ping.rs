//! `ping`: single ones, and repeated ones with their table.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_wire::ip::{IcmpEcho, Ipv4, protocol};

use crate::icmp::kind;
use crate::ip::Header;
use crate::station::{Event, Sink, Station};

/// The shortest echo message, octets: its header.
pub const SHORTEST: u32 = 8;
/// The longest.
pub const LONGEST: u32 = 32_767;
/// The length unless told otherwise.
pub const DEFAULT: u32 = 64;
/// A message of so many octets has room for the time.
const TIMED: usize = 16;
/// Identifier of single pings.
const ONE_SHOT: u16 = 0;
/// Identifier of repeated ones.
const REPEATED: u16 = 1;
/// The most repeated ones.
const MOST: usize = 256;

/// Why there is no ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingError {
    /// A length below 8 octets.
    TooSmall,
    /// A length above 32767 octets.
    TooLarge,
    /// There are too many repeated ones.
    TooMany,
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall => write!(f, "packet size too small, minimum size is {SHORTEST} bytes"),
            Self::TooLarge => write!(f, "packet size too large, maximum size is {LONGEST} bytes"),
            Self::TooMany => write!(f, "too many repeated pings ({MOST})"),
        }
    }
}

impl std::error::Error for PingError {}

/// A repeated ping.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Who is asked.
    pub host: Ipv4Addr,
    /// Requests sent.
    pub sent: u64,
    /// Replies received.
    pub received: u64,
    /// The smoothed round trip time, milliseconds.
    pub srtt: u64,
    /// Its mean deviation, milliseconds.
    pub mdev: u64,
    /// Octets of a message.
    pub length: u32,
    /// Seconds between two; 0: they stopped.
    pub interval: u32,
    due: Option<Instant>,
}

/// A reply to a single ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who answered.
    pub from: Ipv4Addr,
    /// The identifier.
    pub ident: u16,
    /// The sequence number.
    pub sequence: u16,
    /// The round trip time, milliseconds; `None` when the message had no room for it.
    pub millis: Option<u64>,
    /// When the request was sent, microseconds since 1970, as far as the message had room for it: which one it was.
    pub stamp: Option<u64>,
}

/// The table of repeated pings.
#[derive(Clone, Debug, Default)]
pub struct Pings {
    targets: Vec<Target>,
}

impl Pings {
    /// The table, in the order of the commands.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Ends all and forgets them.
    pub fn clear(&mut self) {
        self.targets.clear();
    }

    /// When to call [`Station::handle_timeout`] for them.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.targets.iter().filter_map(|target| target.due).min()
    }
}

impl Station {
    /// Sends a single ping of `length` octets, or with an interval in seconds begins repeated ones. Returns the
    /// stamp that the reply to a single one will have.
    ///
    /// # Errors
    /// See [`PingError`].
    pub fn ping(
        &mut self,
        now: Instant,
        host: Ipv4Addr,
        length: u32,
        interval: Option<u32>,
        sink: &mut dyn Sink,
    ) -> Result<Option<u64>, PingError> {
        if length < SHORTEST {
            return Err(PingError::TooSmall);
        }
        if length > LONGEST {
            return Err(PingError::TooLarge);
        }
        let Some(interval) = interval else {
            return Ok(self.send_ping(now, host, length, ONE_SHOT, 0, sink));
        };
        let targets = &mut self.ping.targets;
        let at = match targets.iter().position(|target| target.host == host) {
            Some(at) => at,
            None if targets.len() >= MOST => return Err(PingError::TooMany),
            None => {
                targets.push(Target {
                    host,
                    sent: 0,
                    received: 0,
                    srtt: 0,
                    mdev: 0,
                    length,
                    interval,
                    due: None,
                });
                targets.len() - 1
            }
        };
        if let Some(target) = targets.get_mut(at) {
            (target.length, target.interval) = (length, interval);
        }
        self.next_ping(now, at, sink);
        Ok(None)
    }

    fn next_ping(&mut self, now: Instant, at: usize, sink: &mut dyn Sink) {
        let Some(target) = self.ping.targets.get_mut(at) else {
            return;
        };
        let interval = Duration::from_secs(target.interval.into());
        target.due = (target.interval > 0).then(|| now + interval);
        let (host, length, sequence) = (target.host, target.length, target.sent as u16);
        target.sent += 1;
        self.send_ping(now, host, length, REPEATED, sequence, sink);
    }

    pub(crate) fn pings_due(&mut self, now: Instant, sink: &mut dyn Sink) {
        for at in 0..self.ping.targets.len() {
            let due = self.ping.targets.get(at).and_then(|target| target.due);
            if due.is_some_and(|due| due <= now) {
                self.next_ping(now, at, sink);
            }
        }
    }

    fn send_ping(
        &mut self,
        now: Instant,
        host: Ipv4Addr,
        length: u32,
        ident: u16,
        sequence: u16,
        sink: &mut dyn Sink,
    ) -> Option<u64> {
        let mut buffer = self.pool.take();
        buffer.resize(Ipv4::MIN_HEADER, 0);
        buffer.extend([kind::ECHO, 0, 0, 0]);
        buffer.extend(ident.to_be_bytes());
        buffer.extend(sequence.to_be_bytes());
        let stamp = (length as usize >= TIMED).then(|| self.unix_micros(now));
        if let Some(unix) = stamp {
            buffer.extend(((unix / 1_000_000) as u32).to_be_bytes());
            buffer.extend(((unix % 1_000_000) as u32).to_be_bytes());
        }
        let done = buffer.len() - Ipv4::MIN_HEADER;
        buffer.extend((done..length as usize).map(|at| at as u8));
        let header = Header::new(Ipv4Addr::UNSPECIFIED, host, protocol::ICMP);
        self.send_icmp(now, &header, &[], &mut buffer, sink);
        self.pool.give(buffer);
        stamp
    }

    /// A reply came: it is shown, or counted in the table.
    pub(crate) fn ping_reply(
        &mut self,
        now: Instant,
        from: Ipv4Addr,
        echo: &IcmpEcho,
        payload: &[u8],
    ) {
        let stamp = payload.first_chunk::<8>().map(|octets| {
            let [a, b, c, d, e, f, g, h] = *octets;
            u64::from(u32::from_be_bytes([a, b, c, d])) * 1_000_000
                + u64::from(u32::from_be_bytes([e, f, g, h]))
        });
        let millis = stamp.map(|stamp| self.unix_micros(now).saturating_sub(stamp) / 1000);
        match echo.ident {
            ONE_SHOT if self.icmp.echo => self.tell(Event::Ping(Reply {
                from,
                ident: echo.ident,
                sequence: echo.sequence,
                millis,
                stamp,
            })),
            REPEATED => {
                let target = self
                    .ping
                    .targets
                    .iter_mut()
                    .find(|target| target.host == from);
                // No more replies than there were requests, whatever is sent to us.
                let Some(target) = target.filter(|target| target.received < target.sent) else {
                    return;
                };
                target.received += 1;
                let Some(millis) = millis else {
                    return;
                };
                if target.received == 1 {
                    target.srtt = millis;
                } else {
                    let error = millis.abs_diff(target.srtt);
                    target.srtt = (7 * target.srtt + millis) / 8;
                    target.mdev = (3 * target.mdev + error) / 4;
                }
            }
            _ => {}
        }
    }
}
