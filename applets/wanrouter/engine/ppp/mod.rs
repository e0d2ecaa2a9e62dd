//! PPP (RFC 1661) as an engine of this applet: a link of `wanbox_link::ppp`, its network layers,
//! and the bundle that they may belong to.
//!
//! | part | what it holds |
//! |---|---|
//! | this | the vocabulary of [`Engine`], and what of it follows from what |
//! | `data` | packets both ways |

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use wanbox_link::ppp::{
    Cause, Event as PppEvent, Link, LinkStats, LinkView, Network, NetworkStats, Profile,
    ProfileError, ipcp,
};

use crate::{ChannelId, Delivery, Engine, Event, Header, PayloadKind, Refusal};

mod data;

/// The one channel of a PPP link.
const CHANNEL: ChannelId = ChannelId(0);

/// What a PPP link is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What is negotiated, and the timers.
    pub profile: Arc<Profile>,
    /// The longest packet that the host sends, octets.
    pub mtu: u16,
}

/// PPP over one line.
#[derive(Debug)]
pub struct Ppp {
    config: Config,
    link: Link,
    network: Network,
    /// LCP and authentication are through.
    up: bool,
    /// A network layer passes packets.
    passes: bool,
    events: VecDeque<Event>,
}

impl Ppp {
    /// A link without carrier. `seed` makes magic numbers, interface identifiers and challenges, for
    /// which it must be random and secret.
    ///
    /// # Errors
    /// The first value of the profile that is out of its range.
    pub fn new(config: Config, now: Instant, seed: u128) -> Result<Self, ProfileError> {
        config.profile.check()?;
        let mut link = Link::new(Arc::clone(&config.profile), seed);
        link.open(now);
        Ok(Self {
            link,
            network: Network::new(Arc::clone(&config.profile), !(seed as u64)),
            config,
            up: false,
            passes: false,
            events: VecDeque::new(),
        })
    }

    /// This end's addresses, from the next negotiation on; `None` does without IPv4.
    pub fn set_ipv4(&mut self, now: Instant, config: Option<ipcp::Config>) {
        self.network.set_ipv4(now, config);
        self.settle(now);
    }

    /// A network layer passes packets.
    pub fn passes(&self) -> bool {
        self.passes
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// LCP is open, and each side has proved what it had to.
    pub fn link_up(&self) -> bool {
        self.up
    }

    /// The phase and what was negotiated.
    pub fn view(&self) -> LinkView {
        self.link.view()
    }

    /// LCP, authentication, echoes.
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

    /// Sets all counters to 0.
    pub fn flush(&mut self) {
        self.link.reset_stats();
        self.network.reset_stats();
    }

    /// The peer is told that the link ends; the last frames come from
    /// [`Engine::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        self.link.close(now);
        self.settle(now);
    }

    /// Whether the last end of the link was for a reason that people should know.
    pub fn last_cause(&self) -> Option<Cause> {
        self.link.view().last_cause
    }

    /// The octets of the longest packet to send: what the peer takes, no more than configured.
    pub fn mtu(&self) -> u16 {
        self.link.peer().mru.min(self.config.mtu)
    }

    /// Lets the network layers follow the link, and tells what came of both.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.network.poll_event() {
                self.network_event(event);
            }
            let Some(event) = self.link.poll_event() else {
                break;
            };
            self.link_event(now, event);
        }
        if self.up && self.network.is_futile() {
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
            PppEvent::LinkUp => {
                self.up = true;
                self.events.push_back(Event::LinkUp);
                self.network.up(now, self.link.peer().mru);
            }
            PppEvent::LinkDown(cause) => {
                self.network.down(now);
                while let Some(event) = self.network.poll_event() {
                    self.network_event(event);
                }
                // LCP itself goes unescaped of nothing and escapes everything.
                self.events.push_back(Event::Accm {
                    send: u32::MAX,
                    receive: u32::MAX,
                });
                self.up = false;
                self.passes = false;
                self.events.push_back(Event::LinkDown(down(cause)));
            }
            _ => {}
        }
    }

    fn network_event(&mut self, event: PppEvent) {
        match event {
            PppEvent::Ipv4Up(ipv4) => {
                let addresses = Event::Addresses(CHANNEL, ipv4.local, ipv4.peer);
                self.events.push_back(addresses);
                if ipv4.dns != [Ipv4Addr::UNSPECIFIED; 2] {
                    self.events.push_back(Event::NameServers(CHANNEL, ipv4.dns));
                }
            }
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
        self.header(channel, kind, octets)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.settle(now);
        self.network.handle_timeout(now);
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let (link, network) = (self.link.poll_timeout(), self.network.poll_timeout());
        link.into_iter().chain(network).min()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        self.link.poll_transmit(frame) || self.network_transmit(frame)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
