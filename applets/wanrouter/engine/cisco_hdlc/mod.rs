//! Cisco HDLC: one channel for IPv4 and IPv6, watched by SLARP keepalives, its
//! address asked for by SLARP when wanted.
//!
//! The link is up while the carrier is there and keepalives of the peer say
//! that it hears ours. [`Sequences`] has the rules of the counts, and how a
//! looped line is told from a peer that happens to count alike.
//!
//! Two things go beyond the habit of routers, and do not disturb them. When the
//! peer is heard for the first time or has restarted, the next keepalive goes
//! out within [`PROMPT`], so that the link is up in about a second and not in
//! a keepalive interval. And an acknowledgement of the keepalive before the last
//! is accepted, because on a slow line it crosses the last.

mod address;
mod config;
mod keepalive;
mod receive;
mod stats;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_link::range::OutOfRange;
use wanbox_wire::cisco_hdlc::{FrameRepr, Protocol, RELIABILITY, SlarpMessage, SlarpRepr};

use crate::{Cause, ChannelId, Delivery, Engine, Event, Header, PayloadKind, Refusal};
use keepalive::Sequences;

pub use config::Config;
pub use stats::Stats;

/// A keepalive to a peer that has just appeared follows the one before by no less.
pub const PROMPT: Duration = Duration::from_secs(1);

/// The most events kept for the owner; the oldest make way.
const EVENT_LIMIT: usize = 32;

/// Where the request for an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlarpState {
    /// None is asked for: the address is configured.
    Configured,
    /// Requests go out while there is a carrier.
    Requesting,
    /// A reply gave the address.
    Resolved,
}

impl SlarpState {
    /// The number in the link status of the management protocol (opcode 26, octet 3).
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Configured => 0,
            Self::Requesting => 1,
            Self::Resolved => 2,
        }
    }
}

/// The engine of one Cisco HDLC link.
#[derive(Debug)]
pub struct CiscoHdlc {
    config: Config,
    started: Instant,
    /// The latest time heard of: frames are stamped with it.
    now: Instant,
    dcd: bool,
    cts: bool,
    up: bool,
    looped: bool,
    sequences: Sequences,
    /// Expected keepalives missed in a row.
    missed: u32,
    slarp: SlarpState,
    /// A request is out that has no reply yet.
    awaiting_reply: bool,
    /// Our address and mask.
    local: Option<(Ipv4Addr, Ipv4Addr)>,
    timers: Timers,
    pending: Pending,
    events: VecDeque<Event>,
    stats: Stats,
    stats_since: Instant,
}

/// The deadlines. `None`: not running.
#[derive(Debug, Default)]
struct Timers {
    /// The next keepalive is due.
    keepalive: Option<Instant>,
    /// A keepalive of the peer is missed. Runs while up or looped.
    expected: Option<Instant>,
    /// The next request for an address is due.
    request: Option<Instant>,
    /// When the last keepalive became due.
    last_keepalive: Option<Instant>,
}

/// Control frames to be sent: at most one of each, however many are asked for.
#[derive(Debug, Default)]
struct Pending {
    keepalive: bool,
    reply: bool,
    request: bool,
}

impl CiscoHdlc {
    /// A link without carrier. `seed` decides which counts are drawn when the
    /// line looks looped: give the two ends of a line different ones.
    ///
    /// # Errors
    /// The first value of `config` that is out of its range.
    pub fn new(config: Config, now: Instant, seed: u64) -> Result<Self, OutOfRange> {
        config.check()?;
        Ok(Self {
            slarp: if config.request_interval().is_some() {
                SlarpState::Requesting
            } else {
                SlarpState::Configured
            },
            config,
            started: now,
            now,
            dcd: false,
            cts: false,
            up: false,
            looped: false,
            sequences: Sequences::new(seed),
            missed: 0,
            awaiting_reply: false,
            local: None,
            timers: Timers::default(),
            pending: Pending::default(),
            events: VecDeque::with_capacity(EVENT_LIMIT),
            stats: Stats::default(),
            stats_since: now,
        })
        .map(|mut engine| {
            // Without dependence on the carrier the line is there from the start.
            if engine.line_there() {
                engine.line_came();
            }
            engine
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Since when the counters count: for throughputs.
    #[must_use]
    pub fn stats_since(&self) -> Instant {
        self.stats_since
    }

    /// Sets the counters to zero.
    pub fn flush(&mut self, now: Instant) {
        self.stats = Stats::default();
        self.stats_since = now;
    }

    /// Whether the link is up.
    #[must_use]
    pub fn link_up(&self) -> bool {
        self.up
    }

    /// Whether our own keepalives come back.
    #[must_use]
    pub fn looped(&self) -> bool {
        self.looped
    }

    /// Where the request for an address stands.
    #[must_use]
    pub fn slarp_state(&self) -> SlarpState {
        self.slarp
    }

    /// The sequence of our last keepalive and of the peer's last; 0 for none.
    #[must_use]
    pub fn sequences(&self) -> (u32, u32) {
        self.sequences.current()
    }

    /// Our address and mask, configured or learned.
    #[must_use]
    pub fn local_address(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        self.local
    }

    /// Sets the address and mask that requests are answered with; `None`: they are not answered.
    pub fn set_local_address(&mut self, local: Option<(Ipv4Addr, Ipv4Addr)>) {
        self.local = local;
    }

    /// The modem signals changed. [`Engine::carrier`] sets both.
    pub fn modem(&mut self, now: Instant, dcd: bool, cts: bool) {
        self.at(now);
        let was_there = self.line_there();
        self.stats.dcd_changes += u64::from(self.dcd != dcd);
        self.stats.cts_changes += u64::from(self.cts != cts);
        self.dcd = dcd;
        self.cts = cts;
        match (was_there, self.line_there()) {
            (false, true) => self.line_came(),
            (true, false) => self.line_went(),
            (false, false) | (true, true) => {}
        }
    }

    /// The modem signals: DCD and CTS.
    #[must_use]
    pub fn modem_status(&self) -> (bool, bool) {
        (self.dcd, self.cts)
    }

    /// Whether the signals that matter are there.
    fn line_there(&self) -> bool {
        (self.dcd || self.config.ignore_dcd) && (self.cts || self.config.ignore_cts)
    }

    fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn line_came(&mut self) {
        self.sequences.forget_peer();
        if self.config.keepalive_interval().is_some() {
            self.timers.keepalive = Some(self.now);
        }
        self.ask_again(Duration::ZERO);
        if !self.config.needs_keepalives() {
            self.go_up();
        }
    }

    fn line_went(&mut self) {
        self.go_down(Cause::Carrier);
        self.looped = false;
        self.timers = Timers::default();
        self.pending = Pending::default();
    }

    fn go_up(&mut self) {
        self.looped = false;
        if !self.up {
            self.up = true;
            self.stats.link_up += 1;
            self.event(Event::LinkUp);
            self.event(Event::ChannelUp(self.config.channel));
        }
    }

    fn go_down(&mut self, cause: Cause) {
        self.missed = 0;
        self.timers.expected = None;
        if !self.up {
            return;
        }
        self.up = false;
        match cause {
            Cause::Carrier => self.stats.down_carrier += 1,
            Cause::Keepalive => self.stats.down_keepalive += 1,
            // Counted where it is found, also while the link is down.
            Cause::Looped | Cause::Closed => {}
        }
        self.event(Event::LinkDown(cause));
        // Another router may be there when the line returns.
        if let Some(interval) = self.config.request_interval() {
            self.ask_again(interval);
        }
    }

    /// Asks for an address after `wait`, when the configuration wants one.
    fn ask_again(&mut self, wait: Duration) {
        if self.config.request_interval().is_some() {
            self.slarp = SlarpState::Requesting;
            self.awaiting_reply = false;
            self.timers.request = Some(self.now + wait);
        }
    }

    fn event(&mut self, event: Event) {
        if self.events.len() >= EVENT_LIMIT {
            self.events.pop_front();
            self.stats.events_lost += 1;
        }
        self.events.push_back(event);
    }

    /// The peer was heard, or our own keepalives were: wait a full time again.
    fn restart_expected(&mut self) {
        self.missed = 0;
        self.timers.expected = Some(self.now + self.config.keepalive_expected());
    }

    /// The next keepalive goes out soon.
    fn prompt(&mut self) {
        let soon = self
            .timers
            .last_keepalive
            .map_or(self.now, |last| (last + PROMPT).max(self.now));
        self.timers.keepalive = self.timers.keepalive.map(|due| due.min(soon));
    }

    fn found_loop(&mut self) {
        if !self.looped {
            self.looped = true;
            self.stats.looped += 1;
            let was_up = self.up;
            self.go_down(Cause::Looped);
            if !was_up {
                // The owner is told why the link does not come up.
                self.event(Event::LinkDown(Cause::Looped));
            }
        }
        self.restart_expected();
    }

    fn keepalive_missed(&mut self) {
        self.missed += 1;
        self.stats.keepalive_timeouts += 1;
        if self.missed >= self.config.keepalive_tolerance {
            self.looped = false;
            self.go_down(Cause::Keepalive);
        }
    }

    fn uptime_ms(&self) -> u32 {
        // Wraps after 49 days, as the field does.
        self.now.duration_since(self.started).as_millis() as u32
    }

    fn slarp_frame(&mut self, message: SlarpMessage, frame: &mut Vec<u8>) {
        let header = FrameRepr {
            broadcast: true,
            protocol: Protocol::Slarp,
        };
        let slarp = SlarpRepr {
            message,
            reliability: RELIABILITY,
            uptime_ms: self.uptime_ms(),
        };
        frame.clear();
        frame.extend_from_slice(&header.octets());
        frame.extend_from_slice(&slarp.octets());
        self.stats.tx_frames += 1;
        self.stats.tx_octets += frame.len() as u64;
        self.stats.tx_broadcast += 1;
    }
}

impl Engine for CiscoHdlc {
    fn carrier(&mut self, now: Instant, up: bool) {
        self.modem(now, up, up);
    }

    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>> {
        self.at(now);
        self.stats.rx_frames += 1;
        self.stats.rx_octets += frame.len() as u64;
        if !self.line_there() {
            self.stats.rx_inactive += 1;
            return None;
        }
        if self.config.streaming {
            self.receive_streaming(frame)
        } else {
            self.receive_framed(frame)
        }
    }

    fn encapsulate(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        self.at(now);
        if channel != self.config.channel {
            self.stats.tx_wrong_channel += 1;
            return Err(Refusal::ChannelDown);
        }
        let framed = |protocol| {
            Header::new(
                &FrameRepr {
                    broadcast: false,
                    protocol,
                }
                .octets(),
            )
        };
        let header = match (self.config.streaming, kind) {
            (false, PayloadKind::Ipv4) => framed(Protocol::Ipv4),
            (false, PayloadKind::Ipv6) => framed(Protocol::Ipv6),
            (true, PayloadKind::Ipv4 | PayloadKind::Ipv6 | PayloadKind::Raw(_)) => Header::new(&[]),
            (false, PayloadKind::Raw(marks)) if self.config.raw => {
                match Protocol::from(marks.protocol) {
                    // The engine's own; two senders of it would confuse the peer.
                    Protocol::Slarp => None,
                    protocol => framed(protocol),
                }
            }
            (_, PayloadKind::Ethernet) | (false, PayloadKind::Raw(_)) => None,
        };
        let Some(header) = header else {
            self.stats.tx_unsupported += 1;
            return Err(Refusal::Unsupported);
        };
        if !self.up {
            self.stats.tx_link_down += 1;
            return Err(Refusal::LinkDown);
        }
        let limit = self.config.mtu as usize;
        if octets > limit {
            self.stats.tx_too_long += 1;
            return Err(Refusal::TooLong { limit });
        }
        self.stats.tx_frames += 1;
        self.stats.tx_octets += (header.as_ref().len() + octets) as u64;
        Ok(header)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.at(now);
        let now = self.now;
        let passed = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        // The peer first: it may take the link down, which restarts the requests.
        while let Some(due) = self.timers.expected
            && due <= now
        {
            self.timers.expected = Some(due + self.config.keepalive_expected());
            self.keepalive_missed();
        }
        if passed(self.timers.keepalive) {
            self.timers.keepalive = self.config.keepalive_interval().map(|every| now + every);
            self.timers.last_keepalive = Some(now);
            self.pending.keepalive = true;
        }
        if passed(self.timers.request) {
            self.stats.request_timeouts += u64::from(self.awaiting_reply);
            self.timers.request = self.config.request_interval().map(|every| now + every);
            self.awaiting_reply = true;
            self.pending.request = true;
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [
            self.timers.keepalive,
            self.timers.expected,
            self.timers.request,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        if std::mem::take(&mut self.pending.keepalive) {
            let (sequence, last_received) = self.sequences.next();
            self.stats.keepalives_tx += 1;
            self.slarp_frame(
                SlarpMessage::Keepalive {
                    sequence,
                    last_received,
                },
                frame,
            );
            return true;
        }
        if std::mem::take(&mut self.pending.reply)
            && let Some((address, mask)) = self.local
        {
            self.stats.slarp_replies_tx += 1;
            self.slarp_frame(SlarpMessage::Reply { address, mask }, frame);
            return true;
        }
        if std::mem::take(&mut self.pending.request) {
            self.stats.slarp_requests_tx += 1;
            self.slarp_frame(
                SlarpMessage::Request {
                    address: Ipv4Addr::UNSPECIFIED,
                    mask: Ipv4Addr::UNSPECIFIED,
                },
                frame,
            );
            return true;
        }
        false
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
