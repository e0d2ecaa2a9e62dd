//! A subscriber: a call, and PPP in it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_l2tpns_engine::{CallId, TunnelId};
use wanbox_link::ppp::auth::Credentials;
use wanbox_link::ppp::{Payload, Profile, Session, ipcp, lcp};
use wanbox_wire::l2tp::DataHeader;

use crate::options::Options;

/// The longest packet that we take, octets: with all headers it fits in an Ethernet frame.
const MRU: u16 = 1460;

/// Where a subscriber stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not begun.
    Waiting,
    /// The call or PPP is being set up.
    Begun,
    /// It has an address.
    Up,
    /// It did not come up.
    Failed,
    /// It was up, and went down although nobody here wanted that.
    Lost,
    /// We took it down.
    Down,
}

/// One subscriber.
pub struct Subscriber {
    pub tunnel: TunnelId,
    pub call: CallId,
    /// The LNS's numbers: where data goes.
    pub peer: (u16, u16),
    pub stage: Stage,
    pub session: Option<Box<Session>>,
    /// PPP began.
    pub started: bool,
    pub begun: Option<Instant>,
    /// The time from the first message to the address.
    pub took: Option<Duration>,
    pub address: Option<Ipv4Addr>,
}

impl Subscriber {
    /// PPP begins: the LNS has spoken, or had its time to.
    pub fn start(&mut self, now: Instant) {
        if let Some(session) = &mut self.session
            && !self.started
        {
            self.started = true;
            session.carrier(now, true);
            session.open(now);
        }
    }

    /// What stands before a packet of this many octets to the LNS.
    pub fn header(&mut self, octets: usize) -> Option<Vec<u8>> {
        let header = self
            .session
            .as_mut()?
            .encapsulate(Payload::Ipv4, octets)
            .ok()?;
        let mut all = DataHeader::plain(self.peer.0, self.peer.1).to_vec();
        all.extend_from_slice(header.as_ref());
        Some(all)
    }

    /// The longest packet that the session carries both ways, octets.
    pub fn mtu(&mut self) -> Option<usize> {
        (576..=usize::from(MRU))
            .rev()
            .find(|octets| self.header(*octets).is_some())
    }
}

/// Makes the profile of each subscriber: they differ in name.
pub struct ProfileMaker {
    base: Profile,
    user: String,
    password: String,
}

impl ProfileMaker {
    pub fn new(options: &Options) -> Self {
        Self {
            base: profile(options),
            user: options.user.clone(),
            password: options.password.clone(),
        }
    }

    pub fn make(&self, number: usize) -> Arc<Profile> {
        let user = self.user.replace('%', &number.to_string());
        let mut profile = self.base.clone();
        profile.credentials = Some(Credentials::new(user.as_bytes(), self.password.as_bytes()));
        Arc::new(profile)
    }
}

/// What subscribers have in common.
fn profile(options: &Options) -> Profile {
    Profile {
        lcp: lcp::Config {
            mru: MRU,
            echo_interval: None,
            ..lcp::Config::default()
        },
        provide: options.auth.methods(),
        ipv4: Some(ipcp::Config::of_peer()),
        connect_timeout: None,
        hold_down: None,
        statistics: false,
        ..Profile::default()
    }
}
