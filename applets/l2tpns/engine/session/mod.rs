//! One subscriber: from the call to its end.
//!
//! | part | what it holds |
//! |---|---|
//! | `session/mod.rs` | PPP of a call, and what is known about the subscriber |
//! | `session/table.rs` | all of them, by number, user name and address |
//! | `session/profile.rs` | how PPP is to be, as configured |

mod profile;
mod table;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use wanbox_link::ppp::auth::{Method, Proof, Verdict};
use wanbox_link::ppp::{
    Claim, Event, Link, Network, NetworkReceived, Profile, Received, ipcp, ipv6cp,
};
use wanbox_wire::ppp::Protocol;
use wanbox_wire::radius::Prefix6;

pub use profile::Profiles;
pub use table::Table;

use crate::ipv6::Binding;
use crate::radius::{Authorization, Rejection, Route4};
use crate::{BundleId, CallId, SessionId, TunnelId};

/// How far a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The call was accepted, and its data path is not there yet.
    #[default]
    Called,
    /// PPP negotiates.
    Establish,
    /// Somebody judges who the subscriber is.
    Login,
    /// The subscriber is who it says; its address is known.
    Accepted,
}

/// A login under way.
#[derive(Debug)]
pub struct Login {
    /// What the peer claims.
    pub claim: Claim,
    /// The name as plugins left it.
    pub user: Box<str>,
    /// Since when.
    pub since: Instant,
    /// A RADIUS server is asked. Otherwise a plugin is, or the request waits for room.
    pub asked: bool,
    /// What somebody who knows users found, while plugins look at it.
    pub judgement: Option<Judgement>,
}

/// What somebody who knows users found.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// It is who it says, and may be told so in these words.
    Accepted(Box<Authorization>, Option<Verdict>),
    /// It is not.
    Rejected(Rejection),
    /// Nobody answered.
    TimedOut,
}

impl Login {
    /// How the peer proves who it is.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self.claim.proof {
            Proof::Pap { .. } => Method::Pap,
            Proof::ChapMd5 { .. } => Method::ChapMd5,
            Proof::MsChapV2 { .. } => Method::MsChapV2,
        }
    }
}

/// What was granted to a subscriber, as far as it is needed after the login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Networks behind the subscriber.
    pub routes: Vec<Route4>,
    /// IPv6 networks behind the subscriber.
    pub routes6: Vec<Prefix6>,
    /// The networks of the link itself.
    pub prefixes6: Vec<Prefix6>,
    /// IPv6 networks that the subscriber may ask for.
    pub delegated: Vec<Prefix6>,
    /// The subscriber's own IPv6 address.
    pub address6: Option<Ipv6Addr>,
    /// Its interface identifier.
    pub interface6: Option<u64>,
    /// DNS servers in the place of those configured.
    pub dns: [Option<Ipv4Addr>; 2],
    /// The same for IPv6.
    pub dns6: Vec<Ipv6Addr>,
    /// To be told to the accounting server (RFC 2865 section 5.25).
    pub class: Vec<Box<[u8]>>,
    /// The pool that its address is from.
    pub pool: Option<Box<str>>,
    /// The longest packet to the subscriber, octets; 0 for what PPP agreed on.
    pub mtu: u16,
    /// The longest time that the session may last, seconds; 0 for any.
    pub session_timeout: u32,
    /// The longest time without user data, seconds; 0 for any.
    pub idle_timeout: u32,
    /// Seconds between interim accounting records, in the place of those configured.
    pub interim: Option<u32>,
    /// How many links a bundle of the user may have.
    pub port_limit: Option<u32>,
    /// A server said so, and not our own file.
    pub by_server: bool,
}

impl Grant {
    /// What is left of an authorization, which may not be worth to be kept.
    #[must_use]
    pub fn new(all: Authorization) -> Option<Box<Self>> {
        let kept = Self {
            routes: all.routes,
            routes6: all.routes6,
            prefixes6: all.prefixes6,
            delegated: all.delegated,
            address6: all.address6,
            interface6: all.interface_id,
            dns: all.dns,
            dns6: all.dns6,
            class: all.class,
            pool: all.pool,
            // RFC 2865 section 5.12 knows shorter ones, which PPP's packets would not fit in.
            mtu: all.mtu.map_or(0, |mtu| match mtu {
                576..=0xffff => mtu as u16,
                _ => 0,
            }),
            session_timeout: all.session_timeout.unwrap_or_default(),
            idle_timeout: all.idle_timeout.unwrap_or_default(),
            interim: all.interim,
            port_limit: all.port_limit,
            by_server: all.by_server,
        };
        (kept != Self::default()).then(|| Box::new(kept))
    }
}

/// What all links of a bundle have alike.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What the first one was granted.
    pub grant: Grant,
    /// The interface identifier.
    pub interface: u64,
    /// As [`Session::throttle`].
    pub throttle: [u32; 2],
    /// As [`Session::filters`].
    pub filters: [Option<Box<str>>; 2],
    /// As [`Session::snoop`].
    pub snoop: Option<SocketAddr>,
}

impl Shared {
    /// Has a further link have it.
    pub fn give(self, session: &mut Session) {
        let own = session.grant.get_or_insert_default();
        **own = Grant {
            interface6: Some(self.interface),
            class: std::mem::take(&mut own.class),
            session_timeout: own.session_timeout,
            idle_timeout: own.idle_timeout,
            interim: own.interim,
            port_limit: own.port_limit,
            by_server: own.by_server,
            ..self.grant
        };
        session.throttle = self.throttle;
        session.filters = self.filters;
        session.snoop = self.snoop;
    }
}

/// What a bundle has once: its head has it.
#[derive(Debug)]
pub struct Estate {
    network: Network,
    binding: Option<Box<Binding>>,
    pooled: bool,
    routed: bool,
    routed6: bool,
}

/// One subscriber.
#[derive(Debug)]
pub struct Session {
    /// Its number on this machine.
    pub id: SessionId,
    /// Counts the sessions of this run: a part of Acct-Session-Id.
    pub unique: u32,
    /// The control connection of its call.
    pub tunnel: TunnelId,
    /// Its call.
    pub call: CallId,
    /// When the call came.
    pub opened: Instant,
    /// Who it is; empty until it is known.
    pub user: Box<str>,
    /// The number that it called; empty when unknown.
    pub called: Box<str>,
    /// Its own number; empty when unknown.
    pub calling: Box<str>,
    /// The speeds to and from it, bit/s; 0 when unknown.
    pub speeds: [u32; 2],
    /// Its address; unspecified while it has none.
    pub address: Ipv4Addr,
    /// Kilobits of 1024 bits a second, from and to the subscriber; 0 is no limit.
    pub throttle: [u32; 2],
    /// The bundle that it is a link of.
    pub bundle: Option<BundleId>,
    /// The access lists of packets from and to it.
    pub filters: [Option<Box<str>>; 2],
    /// Where its packets are copied to.
    pub snoop: Option<SocketAddr>,
    /// How far it is.
    pub stage: Stage,
    /// The address is one of the pool.
    pub pooled: bool,
    /// The routes to it are there.
    pub routed: bool,
    /// The routes to its IPv6 networks are there.
    pub routed6: bool,
    /// It may only see the walled garden.
    pub garden: bool,
    /// An accounting server was told that it began.
    pub accounted: bool,
    /// The peer closed PPP, and its LAC may tell so soon.
    pub left: bool,
    /// The login under way.
    pub login: Option<Box<Login>>,
    /// What was granted.
    pub grant: Option<Box<Grant>>,
    /// It counts among the logins under way.
    pub counted: bool,
    /// When it does not any more, because nothing comes from the subscriber.
    pub slow: Option<Instant>,
    /// What its DHCPv6 client is bound to.
    pub binding: Option<Box<Binding>>,
    /// Octets from and to it that a file of `accounting_dir` had.
    pub dumped: [u64; 2],
    /// When the next interim accounting record is due.
    pub interim: Option<Instant>,
    /// When its age or its silence is looked at next.
    pub limit: Option<Instant>,
    /// When it ends for something that did not happen until then.
    pub patience: Option<Instant>,
    /// When the concentrator will look after it: the earliest entry for it among its timers.
    pub timer: Option<Instant>,
    link: Link,
    network: Network,
}

impl Session {
    /// The session of a call that was accepted. `seed` is random and secret.
    #[must_use]
    pub fn new(
        now: Instant,
        id: SessionId,
        unique: u32,
        (tunnel, call): (TunnelId, CallId),
        profile: &Arc<Profile>,
        seed: u128,
    ) -> Self {
        Self {
            id,
            unique,
            tunnel,
            call,
            opened: now,
            user: Box::default(),
            called: Box::default(),
            calling: Box::default(),
            speeds: [0; 2],
            address: Ipv4Addr::UNSPECIFIED,
            throttle: [0; 2],
            bundle: None,
            filters: [None, None],
            snoop: None,
            stage: Stage::Called,
            pooled: false,
            routed: false,
            routed6: false,
            garden: false,
            accounted: false,
            left: false,
            counted: true,
            slow: None,
            login: None,
            grant: None,
            binding: None,
            dumped: [0; 2],
            interim: None,
            limit: None,
            patience: None,
            timer: None,
            link: Link::new(Arc::clone(profile), seed),
            network: Network::new(Arc::clone(profile), seed as u64),
        }
    }

    /// LCP, authentication and their phases.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The same, to work with.
    pub const fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }

    /// IPCP and IPV6CP.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The same, to work with.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// A frame came in that is not user data of an open session.
    pub fn receive(&mut self, now: Instant, frame: &[u8]) {
        let received = self.link.receive(now, frame);
        if let Some((protocol, information)) = self.receive_network(now, received) {
            self.link.reject(protocol, information);
        }
    }

    /// What a link made of a frame, for the network layers. A packet of a protocol that nobody knows
    /// is returned: the link is to reject it.
    pub fn receive_network<'f>(
        &mut self,
        now: Instant,
        received: Received<'f>,
    ) -> Option<(Protocol, &'f [u8])> {
        match received {
            Received::Consumed => {}
            Received::Rejected(protocol) => self.network.protocol_rejected(now, protocol),
            Received::Network {
                protocol,
                information,
            } => match self.network.receive(now, protocol, information) {
                NetworkReceived::Consumed | NetworkReceived::Delivery(..) => {}
                NetworkReceived::Unknown => return Some((protocol, information)),
            },
        }
        None
    }

    /// It ends, and its bundle does not: what is the bundle's. As if it had never had it.
    pub fn give_up(&mut self) -> Estate {
        let network = Network::new(Arc::clone(self.link.profile()), 0);
        Estate {
            network: std::mem::replace(&mut self.network, network),
            binding: self.binding.take(),
            pooled: std::mem::take(&mut self.pooled),
            routed: std::mem::take(&mut self.routed),
            routed6: std::mem::take(&mut self.routed6),
        }
    }

    /// It is the head of its bundle from now on.
    pub fn inherit(&mut self, estate: Estate) {
        self.network = estate.network;
        self.binding = estate.binding;
        self.pooled = estate.pooled;
        self.routed = estate.routed;
        self.routed6 = estate.routed6;
    }

    /// The subscriber is who it says: the network layers begin with the link. Without one of the
    /// configurations this layer is rejected.
    pub fn configure(
        &mut self,
        now: Instant,
        ipv4: Option<ipcp::Config>,
        ipv6: Option<ipv6cp::Config>,
    ) {
        self.network.set_ipv4(now, ipv4);
        self.network.set_ipv6(now, ipv6);
    }

    /// Answers the claim of the login under way.
    pub fn judge(&mut self, now: Instant, claim: &Claim, verdict: Verdict) {
        self.link.authenticate(now, claim, verdict);
    }

    /// A deadline of PPP passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.network.handle_timeout(now);
    }

    /// When something of this session is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.link.poll_timeout(),
            self.network.poll_timeout(),
            self.interim,
            self.limit,
            self.patience,
            self.slow,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing that happened to PPP.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.network.poll_event().or_else(|| self.link.poll_event())
    }

    /// Octets of memory that it takes, without what the profile shares and what passes by.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(self)
            + self.link.heap()
            + self.network.heap()
            + self.user.len()
            + self.called.len()
            + self.calling.len()
            + self.login.as_deref().map_or(0, size_of_val)
            + self.grant.as_deref().map_or(0, |grant| {
                size_of_val(grant)
                    + size_of_val(&*grant.routes)
                    + size_of_val(&*grant.routes6)
                    + size_of_val(&*grant.delegated)
                    + grant
                        .class
                        .iter()
                        .map(|class| class.len() + 16)
                        .sum::<usize>()
            })
    }
}
