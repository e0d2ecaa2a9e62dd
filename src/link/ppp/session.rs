//! A link and its network layers together: PPP over one line.

use std::sync::Arc;
use std::time::Instant;

use wanbox_wire::ppp::{ADDRESS, CONTROL, Protocol};

use super::auth::{Claim, Verdict};
use super::event::{Cause, Event, Header, Phase, Refusal};
use super::link::{Link, Received};
use super::network::{Network, NetworkReceived, Payload};
use super::profile::Profile;
use super::queue::Queue;
use super::van_jacobson::VanJacobson;

/// User data taken out of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'f> {
    /// What it is.
    pub payload: Payload,
    /// The packet; padding may follow it.
    pub packet: &'f [u8],
}

/// The parts of a frame with user data, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'p> {
    /// The octets of the link.
    pub header: Header,
    /// What stands for the beginning of a packet whose header is compressed, else nothing.
    pub head: &'p [u8],
    /// The packet, or the rest of it.
    pub rest: &'p [u8],
}

/// PPP over one line.
#[derive(Debug)]
pub struct Session {
    link: Link,
    network: Network,
    /// While IPCP is open and agreed on it.
    van_jacobson: Option<Box<VanJacobson>>,
    events: Queue<Event>,
}

impl Session {
    /// A session without carrier that nobody wants yet. `seed` makes its magic numbers and
    /// interface identifiers, and challenges, for which it must be random and secret.
    #[must_use]
    pub fn new(profile: Arc<Profile>, seed: u128) -> Self {
        Self {
            link: Link::new(Arc::clone(&profile), seed),
            network: Network::new(profile, !(seed as u64)),
            van_jacobson: None,
            events: Queue::default(),
        }
    }

    /// The line got (`true`) or lost (`false`) its carrier. Down at first.
    pub fn carrier(&mut self, now: Instant, up: bool) {
        self.link.carrier(now, up);
        self.settle(now);
    }

    /// The owner wants the link. On a link that ended, or is held down, negotiation begins anew
    /// at once.
    pub fn open(&mut self, now: Instant) {
        self.link.open(now);
        self.settle(now);
    }

    /// The owner does not want the link any more: the peer is told, and [`Event::Finished`]
    /// follows.
    pub fn close(&mut self, now: Instant) {
        self.link.close(now);
        self.settle(now);
    }

    /// A frame came in, without flags and FCS. User data is returned, everything else consumed
    /// or counted.
    pub fn receive<'a>(&'a mut self, now: Instant, frame: &'a [u8]) -> Option<Delivery<'a>> {
        match self.link.receive(now, frame) {
            Received::Consumed => {}
            Received::Rejected(Protocol::VJ_COMPRESSED | Protocol::VJ_UNCOMPRESSED) => {
                if let Some(vj) = &mut self.van_jacobson {
                    vj.stop_compressing();
                }
            }
            Received::Rejected(protocol) => self.network.protocol_rejected(now, protocol),
            Received::Network {
                protocol: protocol @ (Protocol::VJ_COMPRESSED | Protocol::VJ_UNCOMPRESSED),
                information,
            } if self.decompresses() => {
                let packet = self.van_jacobson.as_mut()?.restore(protocol, information)?;
                // Data never makes a network layer act.
                return match self.network.receive(now, Protocol::IPV4, packet) {
                    NetworkReceived::Delivery(payload, packet) => {
                        Some(Delivery { payload, packet })
                    }
                    NetworkReceived::Consumed | NetworkReceived::Unknown => None,
                };
            }
            Received::Network {
                protocol,
                information,
            } => match self.network.receive(now, protocol, information) {
                NetworkReceived::Delivery(payload, packet) => {
                    return Some(Delivery { payload, packet });
                }
                NetworkReceived::Consumed => {}
                NetworkReceived::Unknown => self.link.reject(protocol, information),
            },
        }
        self.settle(now);
        None
    }

    fn decompresses(&self) -> bool {
        self.van_jacobson
            .as_ref()
            .is_some_and(|vj| vj.decompresses())
    }

    /// The frame of a packet that is sent now or never, with its header compressed when IPCP
    /// agreed on that. Counts it as sent.
    ///
    /// # Errors
    /// Why the payload cannot be sent now; counted.
    pub fn prepare<'p>(
        &'p mut self,
        payload: Payload,
        packet: &'p [u8],
    ) -> Result<Parts<'p>, Refusal> {
        let header = self.encapsulate(payload, packet.len())?;
        let (header, head, rest) = match (&mut self.van_jacobson, payload) {
            (Some(vj), Payload::Ipv4) => {
                let (protocol, head, rest) = vj.compress(packet);
                (self.link.framing(protocol).into(), head, rest)
            }
            _ => (header, Default::default(), packet),
        };
        Ok(Parts { header, head, rest })
    }

    /// A frame was lost on its way to us: its check sequence was wrong, say. Headers that were
    /// compressed against it cannot be restored.
    pub fn line_error(&mut self) {
        if let Some(vj) = &mut self.van_jacobson {
            vj.line_error();
        }
    }

    /// Header compression, while IPCP is open and agreed on it.
    #[must_use]
    pub fn van_jacobson(&self) -> Option<&VanJacobson> {
        self.van_jacobson.as_deref()
    }

    /// The octets to send before a payload of this length, without compression. Counts it as sent.
    ///
    /// # Errors
    /// Why the payload cannot be sent now; counted.
    pub fn encapsulate(&mut self, payload: Payload, octets: usize) -> Result<Header, Refusal> {
        let header = self.link.encapsulate(payload.protocol(), octets)?;
        self.network.admit(payload, octets)?;
        Ok(header)
    }

    /// The owner's judgement of the claim of an [`Event::Authenticate`]. Without a claim that waits
    /// for it nothing happens.
    pub fn authenticate(&mut self, now: Instant, claim: &Claim, verdict: Verdict) {
        self.link.authenticate(now, claim, verdict);
        self.settle(now);
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.settle(now);
        self.network.handle_timeout(now);
        self.settle(now);
    }

    /// When to call [`Session::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (link, network) = (self.link.poll_timeout(), self.network.poll_timeout());
        link.into_iter().chain(network).min()
    }

    /// The next control frame to send, written over `frame`; `false` when there is none.
    pub fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        if self.link.poll_transmit(frame) {
            return true;
        }
        if !self.network.has_transmit() {
            return false;
        }
        frame.clear();
        if !self.link.framing(Protocol::IPCP).acfc {
            frame.extend_from_slice(&[ADDRESS, CONTROL]);
        }
        self.network.transmit(frame).is_some()
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// LCP and the phases.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The network layers.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// This session's own addresses, in the place of the profile's. They hold from the next
    /// negotiation on; `None` does without IPv4.
    pub fn set_ipv4(&mut self, now: Instant, config: Option<super::ipcp::Config>) {
        self.network.set_ipv4(now, config);
        self.settle(now);
    }

    /// As [`Session::set_ipv4`], for IPv6.
    pub fn set_ipv6(&mut self, now: Instant, config: Option<super::ipv6cp::Config>) {
        self.network.set_ipv6(now, config);
        self.settle(now);
    }

    /// Control packets and events that the owner did not take in time.
    #[must_use]
    pub const fn overflowed(&self) -> u32 {
        self.link
            .overflowed()
            .wrapping_add(self.network.overflowed())
            .wrapping_add(self.events.lost())
    }

    /// Octets of memory that the session takes, without the shared profile, the slots of header
    /// compression, and what authentication under way keeps.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(self) + self.link.heap() + self.network.heap() + self.events.heap()
    }

    /// Sets all counters to 0.
    pub fn reset_stats(&mut self) {
        self.link.reset_stats();
        self.network.reset_stats();
    }

    /// Lets the network layers follow the link, and puts the events of both in order.
    fn settle(&mut self, now: Instant) {
        loop {
            self.settle_network();
            let Some(event) = self.link.poll_event() else {
                break;
            };
            match event {
                Event::LinkUp => {
                    self.events.push(event);
                    self.network.up(now, self.link.peer().mru);
                }
                Event::LinkDown(_) => {
                    self.network.down(now);
                    self.settle_network();
                    self.events.push(event);
                }
                other => self.events.push(other),
            }
        }
        if self.link.phase() == Phase::Network && self.network.is_futile() {
            self.link.fail(now, Cause::NoNetwork);
            self.settle(now);
        }
    }

    fn settle_network(&mut self) {
        while let Some(event) = self.network.poll_event() {
            match &event {
                Event::Ipv4Up(ipv4) => {
                    self.van_jacobson = VanJacobson::new(ipv4).map(Box::new);
                }
                Event::Ipv4Down => self.van_jacobson = None,
                _ => {}
            }
            self.events.push(event);
        }
    }
}
