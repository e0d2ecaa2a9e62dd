//! PPP (RFC 1661) as an engine of this applet: a link of `wanbox_link::ppp`, its network layers,
//! and the bundle that they may belong to.
//!
//! | part | what it holds |
//! |---|---|
//! | this | the vocabulary of [`Engine`], and what of it follows from what |
//! | `data` | packets both ways |
//! | `vj` | TCP/IP headers compressed and restored |
//! | `bundle` | several links as one |

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::ppp::auth::{Claim, Verdict};
use wanbox_link::ppp::{
    Cause, Event as PppEvent, Link, LinkStats, LinkView, Network, NetworkStats, Profile, ipcp,
};
use wanbox_link::range::OutOfRange;
use wanbox_link::vj::{CompressorStats, DecompressorStats};

use crate::{ChannelId, Delivery, Engine, Event, Header, PayloadKind, Push, Refusal};

mod bundle;
mod data;
#[cfg(test)]
mod tests;
mod vj;

pub use bundle::{Candidate, Identity, NotJoined, Sharing};

use bundle::Group;
use vj::VanJacobson;

/// The one channel of a PPP link.
const CHANNEL: ChannelId = ChannelId(0);
/// How soon a packet is offered again to a bundle whose links are all full.
const BUSY: Duration = Duration::from_millis(5);

/// What a PPP link is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What is negotiated, and the timers.
    pub profile: Arc<Profile>,
    /// The longest packet that the host sends, octets.
    pub mtu: u16,
    /// Alone, or a part of a bundle.
    pub role: Role,
}

/// What a link is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// On its own.
    Alone,
    /// The first of a bundle: the network layers are here.
    First(Sharing),
    /// A member of a bundle that another engine has: frames of the network phase are handed over
    /// whole, as raw ones.
    Member,
}

/// PPP over one line, or over the lines of a bundle.
#[derive(Debug)]
pub struct Ppp {
    config: Config,
    link: Link,
    network: Network,
    group: Option<Box<Group>>,
    /// The link is in its network phase; of a bundle, any of its links.
    up: bool,
    /// A network layer passes packets.
    passes: bool,
    events: VecDeque<Event>,
    /// What the owner has to judge.
    claims: VecDeque<Claim>,
    vj: VanJacobson,
    /// A packet of a bundle.
    whole: Vec<u8>,
    /// The parts of a compressed packet.
    joined: Vec<u8>,
    /// Frames and packets of a bundle whose header cannot be.
    member_malformed: u64,
    /// The time of the last call that had one.
    now: Instant,
}

impl Ppp {
    /// A link without carrier. `seed` makes magic numbers, interface identifiers and challenges, for
    /// which it must be random and secret.
    ///
    /// # Errors
    /// The first value of the profile that is out of its range.
    pub fn new(config: Config, now: Instant, seed: u128) -> Result<Self, OutOfRange> {
        config.profile.check()?;
        let mut link = Link::new(Arc::clone(&config.profile), seed);
        link.open(now);
        Ok(Self {
            link,
            network: Network::new(Arc::clone(&config.profile), !(seed as u64)),
            config,
            group: None,
            up: false,
            passes: false,
            events: VecDeque::new(),
            claims: VecDeque::new(),
            vj: VanJacobson::default(),
            whole: Vec::new(),
            joined: Vec::new(),
            member_malformed: 0,
            now,
        })
    }

    /// This end's addresses, from the next negotiation on; `None` does without IPv4.
    pub fn set_ipv4(&mut self, now: Instant, config: Option<ipcp::Config>) {
        self.network.set_ipv4(now, config);
        self.settle(now);
    }

    /// Packets do not go as they are: [`Engine::send`] takes them, [`Engine::encapsulate`] does not.
    pub fn rewrites(&self) -> bool {
        self.group.is_some() || self.vj.compresses()
    }

    /// What the peer says of itself, to be judged with [`Self::authenticate`].
    pub fn poll_claim(&mut self) -> Option<Claim> {
        self.claims.pop_front()
    }

    /// What the owner thinks of a claim.
    pub fn authenticate(&mut self, now: Instant, claim: &Claim, verdict: Verdict) {
        self.link.authenticate(now, claim, verdict);
        self.settle(now);
    }

    /// The counters of header compression: packets compressed and restored, and what could not be.
    pub fn vj_stats(&self) -> (CompressorStats, DecompressorStats) {
        self.vj.stats()
    }

    /// A network layer passes packets.
    pub fn passes(&self) -> bool {
        self.passes
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// LCP is open, and each side has proved what it had to; of a bundle: on one link at least.
    pub fn link_up(&self) -> bool {
        self.up
    }

    /// The phase of the own line's link and what was negotiated on it.
    pub fn view(&self) -> LinkView {
        self.link.view()
    }

    /// LCP, authentication, echoes of the own line.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// IPCP and IPV6CP.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The counters of the link.
    pub fn link_stats(&self) -> LinkStats {
        self.link.stats().copied().unwrap_or_default()
    }

    /// The counters of the network layers.
    pub fn network_stats(&self) -> NetworkStats {
        self.network.stats().copied().unwrap_or_default()
    }

    /// Sets some counters of the link to 0.
    pub fn clear_link(&mut self, clear: impl FnOnce(&mut LinkStats)) {
        if let Some(stats) = self.link.stats_mut() {
            clear(stats);
        }
    }

    /// Sets some counters of the network layers to 0.
    pub fn clear_network(&mut self, clear: impl FnOnce(&mut NetworkStats)) {
        if let Some(stats) = self.network.stats_mut() {
            clear(stats);
        }
    }

    /// Frames and packets of a bundle whose header cannot be.
    pub fn malformed_in_bundle(&self) -> u64 {
        self.member_malformed
    }

    /// Sets all counters to 0, but for those of a bundle.
    pub fn flush(&mut self) {
        self.link.reset_stats();
        self.network.reset_stats();
        self.member_malformed = 0;
    }

    /// The peer is told that the link ends; the last frames come from
    /// [`Engine::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        self.link.close(now);
        self.settle(now);
    }

    /// Ends the link for a reason that the owner knows; it is tried again after the hold-down.
    pub fn fail(&mut self, now: Instant, cause: Cause) {
        self.link.fail(now, cause);
        self.settle(now);
    }

    /// The longest packet to send, octets: what the peer takes, no more than configured.
    pub fn mtu(&self) -> u16 {
        let peer = match &self.group {
            Some(group) => group.mrru,
            None => self.link.peer().mru,
        };
        peer.min(self.config.mtu)
    }

    /// Lets the network layers follow the link, and tells what came of both.
    fn settle(&mut self, now: Instant) {
        self.now = now;
        loop {
            while let Some(event) = self.network.poll_event() {
                self.network_event(event);
            }
            let Some(event) = self.link.poll_event() else {
                break;
            };
            self.link_event(now, event);
        }
        if self.up
            && self.config.role != Role::Member
            && self.group.is_none()
            && self.network.is_futile()
        {
            self.link.fail(now, Cause::NoNetwork);
            self.settle(now);
        }
    }

    fn link_event(&mut self, now: Instant, event: PppEvent) {
        match event {
            PppEvent::LcpUp => self.events.push_back(Event::Accm {
                send: self.link.peer().accm,
                receive: self.link.local().accm,
            }),
            PppEvent::Authenticate(claim) => self.claims.push_back(claim),
            PppEvent::LinkUp => self.own_link_up(now),
            PppEvent::LinkDown(cause) => {
                // LCP itself is sent with everything escaped.
                self.events.push_back(Event::Accm {
                    send: u32::MAX,
                    receive: u32::MAX,
                });
                if let Some(own) = self.group.as_ref().and_then(|group| group.own) {
                    self.take_out(own);
                }
                if self.group.is_none() {
                    self.network_down(now, cause);
                }
            }
            _ => {}
        }
    }

    /// The link, or the first of a bundle, is there; the peer takes packets of this many octets.
    fn network_up(&mut self, now: Instant, peer_mru: u16) {
        self.up = true;
        self.events.push_back(Event::LinkUp);
        if self.config.role == Role::Member {
            self.passes = true;
            self.events.push_back(Event::ChannelUp(CHANNEL));
        } else {
            self.network.up(now, peer_mru);
        }
    }

    /// The link, or the last of a bundle, is gone.
    fn network_down(&mut self, now: Instant, cause: Cause) {
        self.network.down(now);
        while let Some(event) = self.network.poll_event() {
            self.network_event(event);
        }
        self.up = false;
        self.passes = false;
        self.events.push_back(Event::LinkDown(down(cause)));
    }

    fn network_event(&mut self, event: PppEvent) {
        match event {
            PppEvent::Ipv4Up(ipv4) => {
                self.vj.begin(&ipv4);
                let addresses = Event::Addresses(CHANNEL, ipv4.local, ipv4.peer);
                self.events.push_back(addresses);
                if ipv4.dns != [Ipv4Addr::UNSPECIFIED; 2] {
                    self.events.push_back(Event::NameServers(CHANNEL, ipv4.dns));
                }
            }
            PppEvent::Ipv4Down => self.vj = VanJacobson::default(),
            PppEvent::Ipv6Up(ipv6) => {
                let identifiers = Event::InterfaceIdentifiers(CHANNEL, ipv6.local, ipv6.peer);
                self.events.push_back(identifiers);
            }
            _ => {}
        }
        let passes = self.network.ipv4().is_some() || self.network.ipv6().is_some();
        if passes != self.passes {
            self.passes = passes;
            if passes {
                self.events.push_back(Event::Mtu(CHANNEL, self.mtu()));
                self.events.push_back(Event::ChannelUp(CHANNEL));
            } else {
                self.events.push_back(Event::ChannelDown(CHANNEL));
            }
        }
    }
}

/// The end of a link, in the words that all protocols have.
fn down(cause: Cause) -> crate::Cause {
    match cause {
        Cause::Carrier => crate::Cause::Carrier,
        Cause::Keepalive | Cause::NoAnswer => crate::Cause::Keepalive,
        Cause::Looped => crate::Cause::Looped,
        _ => crate::Cause::Closed,
    }
}

impl Engine for Ppp {
    fn carrier(&mut self, now: Instant, up: bool) {
        self.link.carrier(now, up);
        self.settle(now);
    }

    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>> {
        self.receive_frame(now, frame)
    }

    fn encapsulate(
        &mut self,
        _now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        if self.rewrites() {
            return Err(Refusal::Unsupported);
        }
        self.header(channel, kind, octets)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.settle(now);
        self.network.handle_timeout(now);
        if let Some(group) = &mut self.group {
            group.bundle.handle_timeout(now);
        }
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let bundle = self.group.as_ref().and_then(|g| g.bundle.poll_timeout());
        let (link, network) = (self.link.poll_timeout(), self.network.poll_timeout());
        link.into_iter().chain(network).chain(bundle).min()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        self.link.poll_transmit(frame) || self.network_transmit(frame)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        self.send_packet(now, channel, kind, packet, push)
    }

    fn poll_packet(&mut self, packet: &mut Vec<u8>) -> Option<(ChannelId, PayloadKind)> {
        if self.vj.poll_packet(packet) {
            return Some((CHANNEL, PayloadKind::Ipv4));
        }
        Some((CHANNEL, self.poll_bundle(packet)?))
    }
}
