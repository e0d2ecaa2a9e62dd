//! The network layers of a link or of a bundle: IPCP and IPV6CP and what they allow to pass.

use std::sync::Arc;
use std::time::Instant;

use wanbox_wire::ppp::{Packet, Protocol};

use super::automaton::{Actions, Event as Signal, State};
use super::event::{Event, Refusal};
use super::ipcp::{self, Ipcp, Ipv4};
use super::ipv6cp::{self, Ipv6, Ipv6cp};
use super::layer::{self, Context};
use super::lcp::DEFAULT_MRU;
use super::profile::Profile;
use super::queue::{Outbox, Queue};
use super::stats::{ControlStats, NetworkStats, count};
use crate::random::SplitMix64;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
}

impl Payload {
    /// The number of its protocol.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Ipv4 => Protocol::IPV4,
            Self::Ipv6 => Protocol::IPV6,
        }
    }
}

/// What a packet was, as far as the network layers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkReceived<'f> {
    /// A control packet, or dropped and counted.
    Consumed,
    /// User data. Padding may follow the packet.
    Delivery(Payload, &'f [u8]),
    /// A protocol that is unknown or not configured: the link should reject it.
    Unknown,
}

/// IPCP and IPV6CP.
#[derive(Debug)]
pub struct Network {
    profile: Arc<Profile>,
    ipcp: Option<Box<Ipcp>>,
    ipv6cp: Option<Box<Ipv6cp>>,
    random: SplitMix64,
    out: Outbox,
    events: Queue<Event>,
    stats: Option<Box<NetworkStats>>,
    /// When those that got no answer are tried again.
    retry: Option<Instant>,
    /// The longest packet that the peer takes.
    peer_mru: u16,
    up: bool,
    /// IPCP got no answer, or no address.
    ipcp_unanswered: bool,
    /// IPV6CP got no answer.
    ipv6cp_unanswered: bool,
    /// The owner knows that IPv4 passes.
    ipv4_told: bool,
}

impl Network {
    /// Network layers without a link. `seed` makes interface identifiers.
    #[must_use]
    pub fn new(profile: Arc<Profile>, seed: u64) -> Self {
        Self {
            ipcp: profile.ipv4.map(|config| Box::new(Ipcp::new(config))),
            ipv6cp: profile.ipv6.map(|config| Box::new(Ipv6cp::new(config))),
            stats: profile.statistics.then(Box::default),
            profile,
            random: SplitMix64::new(seed),
            out: Outbox::default(),
            events: Queue::default(),
            retry: None,
            peer_mru: DEFAULT_MRU,
            up: false,
            ipcp_unanswered: false,
            ipv6cp_unanswered: false,
            ipv4_told: false,
        }
    }

    /// This session's own addresses, in the place of the profile's. They hold from the next
    /// negotiation on; `None` does without IPv4.
    pub fn set_ipv4(&mut self, now: Instant, config: Option<ipcp::Config>) {
        match (&mut self.ipcp, config) {
            (Some(ipcp), Some(config)) => ipcp.configure(config),
            (None, Some(config)) => {
                self.ipcp = Some(Box::new(Ipcp::new(config)));
                self.start(now, Protocol::IPCP);
            }
            (Some(_), None) => {
                self.signal_ipcp(now, Signal::Down);
                self.ipcp = None;
            }
            (None, None) => {}
        }
    }

    /// As [`Network::set_ipv4`], for IPv6.
    pub fn set_ipv6(&mut self, now: Instant, config: Option<ipv6cp::Config>) {
        match (&mut self.ipv6cp, config) {
            (Some(ipv6cp), Some(config)) => ipv6cp.configure(config),
            (None, Some(config)) => {
                self.ipv6cp = Some(Box::new(Ipv6cp::new(config)));
                self.start(now, Protocol::IPV6CP);
            }
            (Some(_), None) => {
                self.signal_ipv6cp(now, Signal::Down);
                self.ipv6cp = None;
            }
            (None, None) => {}
        }
    }

    fn start(&mut self, now: Instant, protocol: Protocol) {
        if self.up {
            for event in [Signal::Open, Signal::Up] {
                match protocol {
                    Protocol::IPCP => self.signal_ipcp(now, event),
                    _ => self.signal_ipv6cp(now, event),
                }
            }
        }
    }

    /// The link (or the first of a bundle) entered its network phase, and the peer takes packets
    /// of this many octets: its MRU, or the bundle's MRRU.
    pub fn up(&mut self, now: Instant, peer_mru: u16) {
        self.peer_mru = peer_mru;
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        for event in [Signal::Open, Signal::Up] {
            self.signal_ipcp(now, event);
            self.signal_ipv6cp(now, event);
        }
    }

    /// The link (or the last of a bundle) left its network phase.
    pub fn down(&mut self, now: Instant) {
        if std::mem::replace(&mut self.up, false) {
            self.signal_ipcp(now, Signal::Down);
            self.signal_ipv6cp(now, Signal::Down);
            self.out.clear();
            self.retry = None;
            self.ipcp_unanswered = false;
            self.ipv6cp_unanswered = false;
        }
    }

    /// A packet came in over the link or the bundle.
    pub fn receive<'f>(
        &mut self,
        now: Instant,
        protocol: Protocol,
        information: &'f [u8],
    ) -> NetworkReceived<'f> {
        match protocol {
            Protocol::IPV4 if self.ipcp.is_some() => {
                let open = self
                    .ipcp
                    .as_ref()
                    .is_some_and(|ipcp| ipcp.state() == State::Opened);
                self.deliver(Payload::Ipv4, open, information)
            }
            Protocol::IPV6 if self.ipv6cp.is_some() => {
                let open = self
                    .ipv6cp
                    .as_ref()
                    .is_some_and(|ncp| ncp.state() == State::Opened);
                self.deliver(Payload::Ipv6, open, information)
            }
            Protocol::IPCP if self.ipcp.is_some() => {
                self.count(|stats| &mut stats.ipcp_frames.received);
                match Packet::parse(information) {
                    Ok(packet) => {
                        let actions = self
                            .with_ipcp(now, |ncp, context| layer::receive(ncp, context, &packet));
                        self.settle_ipcp(now, actions);
                    }
                    Err(_) => self.count(|stats| &mut stats.ipcp.malformed),
                }
                NetworkReceived::Consumed
            }
            Protocol::IPV6CP if self.ipv6cp.is_some() => {
                self.count(|stats| &mut stats.ipv6cp_frames.received);
                match Packet::parse(information) {
                    Ok(packet) => {
                        let actions = self
                            .with_ipv6cp(now, |ncp, context| layer::receive(ncp, context, &packet));
                        self.settle_ipv6cp(actions);
                    }
                    Err(_) => self.count(|stats| &mut stats.ipv6cp.malformed),
                }
                NetworkReceived::Consumed
            }
            Protocol::IPX | Protocol::IPXCP => {
                self.count(|stats| &mut stats.ipx_received);
                NetworkReceived::Unknown
            }
            _ => NetworkReceived::Unknown,
        }
    }

    fn deliver<'f>(
        &mut self,
        payload: Payload,
        open: bool,
        packet: &'f [u8],
    ) -> NetworkReceived<'f> {
        if !open {
            self.count(|stats| &mut stats.not_open);
            return NetworkReceived::Consumed;
        }
        let version = packet.first().map(|first| first >> 4);
        let fits = match payload {
            Payload::Ipv4 => version == Some(4),
            Payload::Ipv6 => version == Some(6),
        };
        if !fits {
            self.count(|stats| &mut stats.malformed);
            return NetworkReceived::Consumed;
        }
        self.count(|stats| match payload {
            Payload::Ipv4 => &mut stats.ipv4.received,
            Payload::Ipv6 => &mut stats.ipv6.received,
        });
        NetworkReceived::Delivery(payload, packet)
    }

    /// The peer rejected a protocol (LCP Protocol-Reject).
    pub fn protocol_rejected(&mut self, now: Instant, protocol: Protocol) {
        match protocol {
            Protocol::IPCP | Protocol::IPV4 => self.signal_ipcp(now, Signal::RxjMinus),
            Protocol::IPV6CP | Protocol::IPV6 => self.signal_ipv6cp(now, Signal::RxjMinus),
            _ => {}
        }
    }

    /// Whether a payload of this length may go to the peer. Counts it as sent.
    ///
    /// # Errors
    /// [`Refusal::NetworkDown`] and [`Refusal::TooLong`], counted.
    pub fn admit(&mut self, payload: Payload, octets: usize) -> Result<(), Refusal> {
        let open = match payload {
            Payload::Ipv4 => self
                .ipcp
                .as_ref()
                .is_some_and(|ncp| ncp.state() == State::Opened),
            Payload::Ipv6 => self
                .ipv6cp
                .as_ref()
                .is_some_and(|ncp| ncp.state() == State::Opened),
        };
        if !open {
            self.count(|stats| &mut stats.refused_down);
            return Err(Refusal::NetworkDown);
        }
        let limit = usize::from(self.peer_mru);
        if octets > limit {
            self.count(|stats| &mut stats.refused_long);
            return Err(Refusal::TooLong { limit });
        }
        self.count(|stats| match payload {
            Payload::Ipv4 => &mut stats.ipv4.sent,
            Payload::Ipv6 => &mut stats.ipv6.sent,
        });
        Ok(())
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let ipcp = self.with_ipcp(now, layer::handle_timeout);
        self.settle_ipcp(now, ipcp);
        let ipv6cp = self.with_ipv6cp(now, layer::handle_timeout);
        self.settle_ipv6cp(ipv6cp);
        self.ipcp_unanswered |= ipcp.contains(Actions::TLF);
        self.ipv6cp_unanswered |= ipv6cp.contains(Actions::TLF);
        if self.ipcp_unanswered || self.ipv6cp_unanswered {
            self.retry_later(now);
        }
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry_unanswered(now);
        }
    }

    /// While the other one passes, the link stays, and this one is tried again: the peer's may be
    /// open, whose last answer got lost.
    fn retry_later(&mut self, now: Instant) {
        if self.retry.is_none() {
            self.retry = self.profile.hold_down.map(|time| now + time);
        }
    }

    fn retry_unanswered(&mut self, now: Instant) {
        self.retry = None;
        let stopped = |state: State| state != State::Opened && !state.is_negotiating();
        let ipcp = std::mem::take(&mut self.ipcp_unanswered) && stopped(self.ipcp_state());
        let ipv6cp = std::mem::take(&mut self.ipv6cp_unanswered) && stopped(self.ipv6cp_state());
        for event in [Signal::Down, Signal::Open, Signal::Up] {
            if ipcp {
                self.signal_ipcp(now, event);
            }
            if ipv6cp {
                self.signal_ipv6cp(now, event);
            }
        }
    }

    /// When to call [`Network::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ipcp = self.ipcp.as_ref().and_then(|ncp| ncp.deadline());
        let ipv6cp = self.ipv6cp.as_ref().and_then(|ncp| ncp.deadline());
        [ipcp, ipv6cp, self.retry].into_iter().flatten().min()
    }

    /// The next control packet, written over `packet` behind the two octets of its protocol
    /// number: what a bundle carries, and a link behind address and control. `false` when there
    /// is none.
    pub fn poll_transmit(&mut self, packet: &mut Vec<u8>) -> bool {
        packet.clear();
        self.transmit(packet).is_some()
    }

    /// Appends the next control packet and its protocol number.
    pub(crate) fn transmit(&mut self, frame: &mut Vec<u8>) -> Option<Protocol> {
        let (protocol, packet) = self.out.pop()?;
        self.count(|stats| match protocol {
            Protocol::IPCP => &mut stats.ipcp_frames.sent,
            _ => &mut stats.ipv6cp_frames.sent,
        });
        frame.extend_from_slice(&protocol.0.to_be_bytes());
        frame.extend_from_slice(&packet);
        Some(protocol)
    }

    /// Whether a control packet waits.
    pub(crate) const fn has_transmit(&self) -> bool {
        !self.out.is_empty()
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// IPCP's state; Initial when IPv4 is not configured.
    #[must_use]
    pub fn ipcp_state(&self) -> State {
        self.ipcp.as_ref().map_or(State::Initial, |ncp| ncp.state())
    }

    /// IPV6CP's state; Initial when IPv6 is not configured.
    #[must_use]
    pub fn ipv6cp_state(&self) -> State {
        self.ipv6cp
            .as_ref()
            .map_or(State::Initial, |ncp| ncp.state())
    }

    /// What IPCP agreed on, when it is open.
    #[must_use]
    pub fn ipv4(&self) -> Option<Ipv4> {
        let ncp = self.ipcp.as_ref()?;
        (ncp.state() == State::Opened).then(|| ncp.agreed())
    }

    /// What IPV6CP agreed on, when it is open.
    #[must_use]
    pub fn ipv6(&self) -> Option<Ipv6> {
        let ncp = self.ipv6cp.as_ref()?;
        (ncp.state() == State::Opened).then(|| ncp.agreed())
    }

    /// Whether no network layer is open or may still come up.
    #[must_use]
    pub fn is_futile(&self) -> bool {
        let over = |state| matches!(state, State::Initial | State::Closed | State::Stopped);
        self.up && over(self.ipcp_state()) && over(self.ipv6cp_state())
    }

    /// What was counted; `None` when the profile wants no statistics.
    #[must_use]
    pub fn stats(&self) -> Option<&NetworkStats> {
        self.stats.as_deref()
    }

    /// Control packets and events that the owner did not take in time.
    #[must_use]
    pub const fn overflowed(&self) -> u32 {
        self.out.lost().wrapping_add(self.events.lost())
    }

    /// Octets on the heap, without the shared profile and what passes by: waiting packets and
    /// events.
    #[must_use]
    pub fn heap(&self) -> usize {
        self.out.heap()
            + self.events.heap()
            + self.ipcp.as_deref().map_or(0, size_of_val)
            + self.ipv6cp.as_deref().map_or(0, size_of_val)
            + self.stats.as_deref().map_or(0, size_of_val)
    }

    /// The same, to set some of them to 0.
    pub fn stats_mut(&mut self) -> Option<&mut NetworkStats> {
        self.stats.as_deref_mut()
    }

    /// Sets all counters to 0.
    pub fn reset_stats(&mut self) {
        if let Some(stats) = &mut self.stats {
            **stats = NetworkStats::default();
        }
    }

    fn count(&mut self, counter: impl FnOnce(&mut NetworkStats) -> &mut u32) {
        if let Some(stats) = &mut self.stats {
            count(counter(stats));
        }
    }

    fn with_ipcp(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Ipcp, &mut Context<'_>) -> Actions,
    ) -> Actions {
        let Some(ncp) = self.ipcp.as_deref_mut() else {
            return Actions::NONE;
        };
        let stats = self.stats.as_deref_mut().map(|stats| &mut stats.ipcp);
        let mut context = context(
            now,
            &self.profile,
            &mut self.random,
            &mut self.out,
            stats,
            self.peer_mru,
        );
        work(ncp, &mut context)
    }

    fn with_ipv6cp(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Ipv6cp, &mut Context<'_>) -> Actions,
    ) -> Actions {
        let Some(ncp) = self.ipv6cp.as_deref_mut() else {
            return Actions::NONE;
        };
        let stats = self.stats.as_deref_mut().map(|stats| &mut stats.ipv6cp);
        let mut context = context(
            now,
            &self.profile,
            &mut self.random,
            &mut self.out,
            stats,
            self.peer_mru,
        );
        work(ncp, &mut context)
    }

    fn signal_ipcp(&mut self, now: Instant, event: Signal) {
        let actions = self.with_ipcp(now, |ncp, context| layer::signal(ncp, context, event));
        self.settle_ipcp(now, actions);
    }

    fn signal_ipv6cp(&mut self, now: Instant, event: Signal) {
        let actions = self.with_ipv6cp(now, |ncp, context| layer::signal(ncp, context, event));
        self.settle_ipv6cp(actions);
    }

    fn settle_ipcp(&mut self, now: Instant, actions: Actions) {
        if actions.contains(Actions::TLD) && std::mem::take(&mut self.ipv4_told) {
            self.events.push(Event::Ipv4Down);
        }
        if actions.contains(Actions::TLU)
            && let Some(ncp) = &self.ipcp
        {
            if ncp.lacks_address() {
                // The peer has none for us, or lost its patience: no use to anybody.
                self.ipcp_unanswered = true;
                self.retry_later(now);
                self.signal_ipcp(now, Signal::Close);
                return;
            }
            self.ipv4_told = true;
            self.events.push(Event::Ipv4Up(ncp.agreed()));
        }
        if actions.contains(Actions::TLF) {
            self.events.push(Event::NetworkRefused(Protocol::IPCP));
        }
    }

    fn settle_ipv6cp(&mut self, actions: Actions) {
        if actions.contains(Actions::TLD) {
            self.events.push(Event::Ipv6Down);
        }
        if actions.contains(Actions::TLU)
            && let Some(ncp) = &self.ipv6cp
        {
            self.events.push(Event::Ipv6Up(ncp.agreed()));
        }
        if actions.contains(Actions::TLF) {
            self.events.push(Event::NetworkRefused(Protocol::IPV6CP));
        }
    }
}

fn context<'c>(
    now: Instant,
    profile: &'c Profile,
    random: &'c mut SplitMix64,
    out: &'c mut Outbox,
    stats: Option<&'c mut ControlStats>,
    peer_mru: u16,
) -> Context<'c> {
    Context {
        now,
        profile,
        limits: &profile.limits,
        random,
        out,
        stats,
        peer_mru,
    }
}
