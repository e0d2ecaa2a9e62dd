//! Calls of one user as the links of one bundle (RFC 1990).
//!
//! Each link is a session with its own call, LCP, login and accounting. The first of them, the head, has
//! what the bundle has once: the network layers, the address, the routes, the lease. When it ends, the
//! next one takes that over.

use std::time::{Duration, Instant};

use wanbox_link::ppp::multilink::{self, MAX_MEMBERS, MemberConfig};
use wanbox_link::ppp::{Phase, lcp::Negotiated};
use wanbox_wire::ppp::Protocol;
use wanbox_wire::ppp::multilink::{Discriminator, Format};

use super::{Concentrator, End, Level};
use crate::radius::acct_session_id;
use crate::session::{Session, Shared};
use crate::{BundleId, SessionId};

/// A packet is cut into no fragments shorter than this, octets.
const MIN_FRAGMENT: usize = 128;
/// Fragments of a bundle that may wait for others, and their octets.
const MAX_FRAGMENTS: usize = 512;
const MAX_OCTETS: usize = 512 * 1024;
/// How long a fragment waits for one that should have come before it.
const PATIENCE: Duration = Duration::from_millis(500);
/// Echo-Requests without an answer after which a link is not sent fragments any more.
const SILENT: u8 = 2;

/// What both ends of a link agreed on about multilink: equal on all links of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// The longest packets that the peer and we put together, octets.
    mrru: (u16, u16),
    /// The peer, and we, asked for short sequence numbers.
    short: (bool, bool),
}

impl Options {
    /// Those of a link; `None`: it is no link of any bundle.
    fn of(session: &Session) -> Option<Self> {
        let (local, peer): (Negotiated, &Negotiated) =
            (session.link().local(), session.link().peer());
        Some(Self {
            mrru: (peer.mrru?, local.mrru?),
            short: (peer.short_sequence, local.short_sequence),
        })
    }

    fn config(&self) -> multilink::Config {
        let format = |short| if short { Format::Short } else { Format::Long };
        multilink::Config {
            send_format: format(self.short.0),
            receive_format: format(self.short.1),
            send_limit: self.mrru.0.into(),
            receive_limit: self.mrru.1.into(),
            min_fragment: MIN_FRAGMENT,
            max_fragments: MAX_FRAGMENTS,
            max_octets: MAX_OCTETS,
            patience: PATIENCE,
        }
    }
}

/// The links of a user.
#[derive(Debug)]
pub(super) struct Links {
    /// Who is at the other end (RFC 1990 section 5.1.3); `None`: nobody in particular.
    endpoint: Option<Box<[u8]>>,
    options: Options,
    /// The sessions in the order in which they came; the first is the head. Never empty.
    pub sessions: Vec<SessionId>,
    /// Acct-Multi-Session-Id (RFC 2866 section 5.11): Acct-Session-Id of the link that was the first.
    pub multi_session: Box<str>,
    /// Acct-Link-Count (RFC 2866 section 5.12): how many links there have been.
    pub count: u32,
    /// When the first link opened.
    opened: Instant,
    /// The Session-Timeout of that one, seconds; 0: none.
    pub session_timeout: u32,
}

impl Links {
    /// The longest packets that the peer puts together, octets.
    pub fn peer_mrru(&self) -> u16 {
        self.options.mrru.0
    }
}

/// Who the other end of a link says it is. The null class says nothing.
fn endpoint(session: &Session) -> Option<&[u8]> {
    let endpoint = session.link().peer_endpoint()?;
    (endpoint.first() != Some(&Discriminator::NULL)).then_some(endpoint)
}

impl Concentrator {
    /// The bundle of a session.
    pub(super) fn links(&self, id: SessionId) -> Option<&Links> {
        let bundle = self.sessions.get(id)?.bundle?;
        self.bundles.get(&bundle)
    }

    /// The same, to be changed.
    pub(super) fn links_mut(&mut self, id: SessionId) -> Option<&mut Links> {
        let bundle = self.sessions.get(id)?.bundle?;
        self.bundles.get_mut(&bundle)
    }

    /// The session that has the address and the network layers of this one: itself, or the head of
    /// its bundle.
    #[must_use]
    pub fn head_of(&self, id: SessionId) -> SessionId {
        let head = self.links(id).and_then(|links| links.sessions.first());
        head.copied().unwrap_or(id)
    }

    /// The same as a session.
    pub(super) fn head<'s>(&'s self, session: &'s Session) -> &'s Session {
        match session.bundle {
            None => session,
            Some(_) => self
                .sessions
                .get(self.head_of(session.id))
                .unwrap_or(session),
        }
    }

    /// All links of a session's bundle, or itself.
    pub(super) fn links_of(&self, id: SessionId) -> Vec<SessionId> {
        self.links(id)
            .map_or_else(|| vec![id], |links| links.sessions.clone())
    }

    /// When a session is too old, by its Session-Timeout. That of the first link is the time of the service that
    /// the user gets (RFC 2865 section 5.27), whatever links come and go: with it all of them end. A server that
    /// grants what is left of it to a further link means the same end, and one that grants less only ends that link.
    pub(super) fn too_old(&self, session: &Session) -> Option<Instant> {
        let end = |opened: Instant, seconds: u32| {
            (seconds > 0).then(|| opened + Duration::from_secs(seconds.into()))
        };
        let own = end(session.opened, session.grant.as_deref()?.session_timeout);
        let links = self.links(session.id);
        let all = links.and_then(|links| end(links.opened, links.session_timeout));
        own.into_iter().chain(all).min()
    }

    /// Whether a session is a further link of another one.
    pub(super) fn is_further(&self, id: SessionId) -> bool {
        self.head_of(id) != id
    }

    /// Changes what all links of a session's bundle have alike.
    pub(super) fn for_all_links(
        &mut self,
        now: Instant,
        id: SessionId,
        mut change: impl FnMut(&mut Session),
    ) {
        for link in self.links_of(id) {
            if let Some(session) = self.sessions.get_mut(link) {
                change(session);
            }
        }
        self.update_path(now, id);
    }

    /// The bundle that a session of this user is a further link of.
    pub(super) fn bundle_to_join(&self, id: SessionId, user: &str) -> Option<BundleId> {
        let session = self.sessions.get(id)?;
        Options::of(session)?;
        let endpoint = endpoint(session);
        // Without either, anybody could be anybody.
        if user.is_empty() || endpoint.is_none() && self.may_have_many(user) {
            return None;
        }
        let mut others = self.sessions.of_user(user).filter(|other| {
            other.id != id && *other.user == *user && other.garden == session.garden
        });
        others.find_map(|other| {
            let bundle = other.bundle?;
            let links = self.bundles.get(&bundle)?;
            (links.endpoint.as_deref() == endpoint).then_some(bundle)
        })
    }

    /// A session becomes a further link of a bundle.
    ///
    /// # Errors
    /// Why it cannot be.
    pub(super) fn join_bundle(&mut self, id: SessionId, bundle: BundleId) -> Result<(), End> {
        let (Some(links), Some(session)) = (self.bundles.get(&bundle), self.sessions.get(id))
        else {
            return Ok(());
        };
        if Options::of(session) != Some(links.options) {
            return Err(End::hang_up(
                15,
                "Multilink options differ from the bundle's.",
            ));
        }
        let head = links.sessions.first().and_then(|id| self.sessions.get(*id));
        let Some(head) = head else {
            return Ok(());
        };
        let limits = [session, head].map(|one| one.grant.as_deref()?.port_limit);
        let most = limits.into_iter().flatten().min().unwrap_or(u32::MAX);
        let most = most.min(self.config.multilink_links) as usize;
        if links.sessions.len() >= most.min(MAX_MEMBERS) {
            return Err(End::hang_up(
                15,
                "The bundle has as many links as it may have.",
            ));
        }
        let first = head
            .grant
            .as_deref()
            .map_or(0, |grant| grant.session_timeout);
        let address = head.address;
        let of_head = Shared {
            grant: head.grant.as_deref().cloned().unwrap_or_default(),
            interface: super::network::interface(head),
            throttle: head.throttle,
            filters: head.filters.clone(),
            snoop: head.snoop,
        };
        if let Some(session) = self.sessions.get_mut(id) {
            session.bundle = Some(bundle);
            session.address = address;
            of_head.give(session);
        }
        if let Some(links) = self.bundles.get_mut(&bundle) {
            if links.count == 1 {
                links.session_timeout = first;
            }
            links.sessions.push(id);
            links.count += 1;
        }
        Ok(())
    }

    /// The link of a session came up: from now on it carries fragments, if it agreed to that.
    ///
    /// # Errors
    /// It agreed to something else than the other links.
    pub(super) fn enter_bundle(&mut self, now: Instant, id: SessionId) -> Result<(), End> {
        let Some(session) = self.sessions.get(id) else {
            return Ok(());
        };
        let options = Options::of(session);
        if let Some(links) = self.links(id)
            && (Some(links.options) != options || links.endpoint.as_deref() != endpoint(session))
        {
            if links.sessions.len() > 1 {
                return Err(End::hang_up(
                    15,
                    "Multilink options differ from the bundle's.",
                ));
            }
            // It negotiated anew, and is alone.
            self.close_bundle(id);
        }
        let Some(options) = options else {
            return Ok(());
        };
        let bundle = match self.sessions.get(id).and_then(|session| session.bundle) {
            Some(bundle) => bundle,
            None => {
                let Some(bundle) = self.open_bundle(id, options) else {
                    return Ok(());
                };
                bundle
            }
        };
        let Some(session) = self.sessions.get(id) else {
            return Ok(());
        };
        let peer = session.link().peer();
        let [rate, _] = session.speeds;
        let member = MemberConfig {
            rate_bps: rate.into(),
            mru: peer.mru.min(self.config.mru()).into(),
            acfc: peer.acfc,
            pfc: peer.pfc,
        };
        let alone = self
            .links(id)
            .is_some_and(|links| links.sessions.len() == 1);
        if !self.plane.join(now, bundle, id, &member, alone) {
            return Err(End::hang_up(
                15,
                "The bundle has as many links as it may have.",
            ));
        }
        let count = self.links(id).map_or(0, |links| links.sessions.len());
        if count > 1 {
            let tunnel = self.sessions.get(id).map(|session| session.tunnel);
            let number = number(bundle);
            self.log(Level::Info, tunnel, Some(id), || {
                format!("Link {count} of bundle {number}")
            });
        }
        Ok(())
    }

    fn open_bundle(&mut self, id: SessionId, options: Options) -> Option<BundleId> {
        let bundle = self.plane.open_bundle(options.config()).ok()?;
        self.plane.set_head(bundle, id);
        let session = self.sessions.get_mut(id)?;
        session.bundle = Some(bundle);
        let unix = self.clock.unix(session.opened);
        let links = Links {
            endpoint: endpoint(session).map(Into::into),
            options,
            sessions: vec![id],
            multi_session: acct_session_id(session.unique, unix).into(),
            count: 1,
            opened: session.opened,
            session_timeout: 0,
        };
        self.bundles.insert(bundle, links);
        Some(bundle)
    }

    fn close_bundle(&mut self, last: SessionId) {
        if let Some(session) = self.sessions.get_mut(last)
            && let Some(bundle) = session.bundle.take()
        {
            self.bundles.remove(&bundle);
            self.plane.close_bundle(bundle, last);
        }
    }

    /// The link of a session went down. Whether others of its bundle are up.
    pub(super) fn pause_link(&mut self, now: Instant, id: SessionId) -> bool {
        self.plane.leave(now, id);
        self.links(id).is_some_and(|links| {
            let mut others = links.sessions.iter();
            others.any(|other| *other != id && self.plane.carries(*other))
        })
    }

    /// Whether a link is used: what goes into one from which nothing comes is lost.
    pub(super) fn mind_silence(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get(id)
            && session.bundle.is_some()
        {
            let silent = session.link().view().echoes_pending >= SILENT;
            self.plane.set_ready(id, !silent);
        }
    }

    /// A session ends: the bundle goes on with the other links, or ends with it.
    pub(super) fn quit_bundle(&mut self, now: Instant, id: SessionId) {
        let Some(bundle) = self.sessions.get(id).and_then(|session| session.bundle) else {
            return;
        };
        let Some(links) = self.bundles.get_mut(&bundle) else {
            return;
        };
        let was_head = links.sessions.first() == Some(&id);
        links.sessions.retain(|link| *link != id);
        let plane = &self.plane;
        if was_head && let Some(up) = links.sessions.iter().position(|link| plane.carries(*link)) {
            links.sessions.swap(0, up);
        }
        let Some(&head) = links.sessions.first() else {
            self.close_bundle(id);
            return;
        };
        self.plane.leave(now, id);
        if let Some(session) = self.sessions.get_mut(id) {
            session.bundle = None;
        }
        if was_head {
            self.hand_over(bundle, id, head);
        }
        self.update_path(now, head);
        self.settle(now, head);
    }

    /// The next link has from now on what the bundle has once.
    fn hand_over(&mut self, bundle: BundleId, from: SessionId, to: SessionId) {
        let Some(old) = self.sessions.get_mut(from) else {
            return;
        };
        let address = old.address;
        let estate = old.give_up();
        if let Some(new) = self.sessions.get_mut(to) {
            new.inherit(estate);
        }
        self.pool.pass_on(address, from, to);
        self.sessions.address(to, address);
        self.plane.set_head(bundle, to);
    }

    /// A frame of a session came in whose network layers are another one's.
    pub(super) fn receive_for_head(
        &mut self,
        now: Instant,
        id: SessionId,
        head: SessionId,
        frame: &[u8],
    ) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let received = session.link_mut().receive(now, frame);
        let Some(head) = self.sessions.get_mut(head) else {
            return;
        };
        if let Some((protocol, information)) = head.receive_network(now, received)
            && let Some(session) = self.sessions.get_mut(id)
        {
            session.link_mut().reject(protocol, information);
        }
    }

    /// Sends a packet of the network layers, which begins with the number of its protocol, over a
    /// link that is up.
    pub(super) fn send_network(&mut self, now: Instant, id: SessionId, packet: &[u8]) {
        let up = |id: &SessionId| {
            let session = self.sessions.get(*id);
            session.is_some_and(|session| session.link().phase() == Phase::Network)
        };
        let link = match self.links(id) {
            Some(links) => links.sessions.iter().copied().find(up).unwrap_or(id),
            None => id,
        };
        let (Some(session), Some((protocol, packet))) =
            (self.sessions.get(link), packet.split_first_chunk())
        else {
            return;
        };
        let protocol = Protocol(u16::from_be_bytes(*protocol));
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        session.link().framing(protocol).append(&mut frame);
        frame.extend_from_slice(packet);
        self.send_ppp(now, link, &frame);
        self.spare.push(frame);
    }

    /// The highest number of a bundle; 0: there is none.
    #[must_use]
    pub fn highest_bundle(&self) -> u32 {
        let last = self.bundles.last_key_value();
        last.map_or(0, |(bundle, _)| number(*bundle))
    }
}

/// The number of a bundle for people, from 1.
pub(super) const fn number(bundle: BundleId) -> u32 {
    bundle.0 + 1
}
