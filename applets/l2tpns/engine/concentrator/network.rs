//! From the proof of who a subscriber is to its packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use wanbox_link::ppp::{Event, Phase, ipcp, ipv6cp};
use wanbox_wire::ppp::Protocol;
use wanbox_wire::radius::Prefix6;

use super::{Concentrator, End, HostEvent, Level};
use crate::SessionId;
use crate::radius::Route4;
use crate::session::{Grant, Session, Stage};

/// Our interface identifier.
const OURS: u64 = 1;

impl Concentrator {
    /// Sends what PPP of a session has to send.
    pub(super) fn flush(&mut self, now: Instant, id: SessionId) {
        let mut frame = std::mem::take(&mut self.frame);
        while self.transmit(now, id, &mut frame) {}
        self.frame = frame;
    }

    /// Sends the next thing that PPP of a session has to send, if there is any.
    fn transmit(&mut self, now: Instant, id: SessionId, frame: &mut Vec<u8>) -> bool {
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.link_mut().poll_transmit(frame) {
            self.send_ppp(now, id, frame);
        } else if session.network_mut().poll_transmit(frame) {
            self.send_network(now, id, frame);
        } else {
            return false;
        }
        true
    }

    /// Sends what PPP of a session has to send, follows what happened to it, and minds its timer.
    pub(super) fn settle(&mut self, now: Instant, id: SessionId) {
        let mut frame = std::mem::take(&mut self.frame);
        loop {
            // Answers leave before what they lead to.
            while self.transmit(now, id, &mut frame) {}
            let Some(session) = self.sessions.get_mut(id) else {
                break;
            };
            let Some(event) = session.poll_event() else {
                self.timers.set(session);
                break;
            };
            self.ppp_event(now, id, event);
        }
        self.frame = frame;
    }

    fn ppp_event(&mut self, now: Instant, id: SessionId, event: Event) {
        match event {
            Event::LcpUp => {}
            Event::Authenticate(claim) => self.claimed(now, id, claim),
            Event::LinkUp => self.link_up(now, id),
            Event::LinkDown(cause) => self.link_down(now, id, cause),
            // The end of a link that was told before: nobody waits for the line here.
            Event::Finished => {}
            Event::Ipv4Up(_) | Event::Ipv6Up(_) => {
                if matches!(event, Event::Ipv6Up(_)) {
                    self.add_routes6(id);
                }
                self.update_path(now, id);
                if matches!(event, Event::Ipv6Up(_)) {
                    self.advertise(now, id);
                }
                for link in self.links_of(id) {
                    self.account_start(now, link);
                }
            }
            Event::Ipv4Down | Event::Ipv6Down => self.update_path(now, id),
            Event::NetworkRefused(protocol) => {
                let links = self.links_of(id);
                for link in &links {
                    self.account_start(now, *link);
                }
                let futile = self.sessions.get(id).is_some_and(|session| {
                    session.link().phase() == Phase::Network && session.network().is_futile()
                });
                if futile {
                    let text = match protocol {
                        Protocol::IPCP => "No response to IPCP ConfigReq.",
                        _ => "No network protocol came up.",
                    };
                    for link in links {
                        self.end(now, link, End::hang_up(15, text));
                    }
                }
            }
        }
    }

    fn link_up(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.patience = None;
        session.left = false;
        if session.stage != Stage::Accepted {
            // Nothing is demanded of anybody: everybody may come in.
            self.accept_unproved(now, id);
        }
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if std::mem::take(&mut session.counted) {
            self.pacing.done();
        }
        session.slow = None;
        session.link_mut().set_profile(self.profiles.known.clone());
        if let Err(end) = self.enter_bundle(now, id) {
            self.end(now, id, end);
            return;
        }
        let head = self.head_of(id);
        if let Some(session) = self.sessions.get_mut(head) {
            let mru = session.link().peer().mru;
            session.network_mut().up(now, mru);
        }
        self.update_path(now, id);
        self.account_start(now, id);
        if head != id {
            self.settle(now, head);
        }
    }

    fn link_down(&mut self, now: Instant, id: SessionId, cause: wanbox_link::ppp::Cause) {
        use wanbox_link::ppp::Cause;
        let others = self.pause_link(now, id);
        let head = self.head_of(id);
        if !others && let Some(session) = self.sessions.get_mut(head) {
            session.network_mut().down(now);
        }
        self.update_path(now, id);
        if head != id {
            self.settle(now, head);
        }
        match cause {
            Cause::Renegotiation => {}
            Cause::Peer => {
                // Its LAC says so soon, or it begins again.
                let patience = self.config.idle_echo_timeout.min(super::AFTER_TERMINATE);
                if let Some(session) = self.sessions.get_mut(id) {
                    session.left = true;
                    session.patience = Some(now + patience);
                }
            }
            other => {
                let end = End::of(other);
                if matches!(other, Cause::Keepalive) {
                    self.counters.session_timeout += 1;
                }
                self.end(now, id, end);
            }
        }
    }

    /// Gives an accepted session what it was granted: its address first of all. `Err` is why it
    /// cannot be.
    pub(super) fn provide(
        &mut self,
        now: Instant,
        id: SessionId,
        fixed: Option<Ipv4Addr>,
    ) -> Result<(), End> {
        let Some(session) = self.sessions.get(id) else {
            return Ok(());
        };
        let garden = session.garden;
        let user = session.user.clone();
        if let Some(bundle) = self.bundle_to_join(id, &user) {
            self.join_bundle(id, bundle)?;
            self.end_duplicates(now, id);
            return Ok(());
        }
        let has_ipv6 = self.config.ipv6_prefix.is_some();
        let grant = session.grant.as_deref();
        let only6 = has_ipv6
            && grant.is_some_and(|grant| grant.address6.is_some() || !grant.routes6.is_empty());
        let address = match fixed {
            Some(address) => Some(address),
            None => {
                let name = if garden { "" } else { &*user };
                let wanted = grant.and_then(|grant| grant.pool.clone());
                let (has, tunnel) = (
                    wanted.as_ref().map(|pool| self.pool.has(pool)),
                    session.tunnel,
                );
                if let (Some(pool), Some(false)) = (&wanted, has) {
                    // RFC 2869 has who knows no pools ignore it.
                    self.log(Level::Warning, Some(tunnel), Some(id), || {
                        format!(
                            "there is no pool {pool} for {user}: it gets an address of the others"
                        )
                    });
                }
                let pool = wanted.as_deref().filter(|_| has == Some(true));
                self.pool.take(now, pool, name, id)
            }
        };
        let Some(address) = address.or(only6.then_some(Ipv4Addr::UNSPECIFIED)) else {
            self.counters.ip_exhausted += 1;
            return Err(End::no_address());
        };
        let pooled = fixed.is_none() && !address.is_unspecified();
        if let Some(session) = self.sessions.get_mut(id) {
            session.pooled = pooled;
        }
        self.counters.ip_allocated += u64::from(pooled);
        if !address.is_unspecified() {
            if let Some(other) = self
                .sessions
                .of_address(address)
                .filter(|other| *other != id)
            {
                self.end(now, other, End::hang_up(10, "Duplicate IP address"));
            }
            if fixed.is_some() {
                self.pool.claim(address, &user, id);
            }
        }
        self.sessions.address(id, address);
        self.end_duplicates(now, id);
        self.configure_network(now, id);
        self.add_routes(id);
        Ok(())
    }

    /// A user has one session, unless it may have more: the new one wins.
    pub(super) fn end_duplicates(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let user = session.user.clone();
        if session.garden || user.is_empty() || self.may_have_many(&user) {
            return;
        }
        let bundle = session.bundle;
        let others: Vec<_> = self
            .sessions
            .of_user(&user)
            .filter(|other| other.id != id && other.stage == Stage::Accepted && !other.garden)
            .filter(|other| bundle.is_none() || other.bundle != bundle)
            .map(|other| other.id)
            .collect();
        for other in others {
            self.end(now, other, End::hang_up(10, "Duplicate session for users"));
        }
    }

    /// Whether a user may have several sessions that are no bundle.
    pub(super) fn may_have_many(&self, user: &str) -> bool {
        let guest = |name: &String| name.eq_ignore_ascii_case(user);
        self.config.allow_duplicate_users || self.config.guest_account.iter().any(guest)
    }

    /// Tells the network layers what they negotiate.
    fn configure_network(&mut self, now: Instant, id: SessionId) {
        let ipv6 = self.config.ipv6_prefix.is_some();
        let config = &self.config;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let dns = |place: usize, configured: Option<Ipv4Addr>| {
            let granted = session
                .grant
                .as_deref()
                .and_then(|grant| grant.dns.get(place).copied()?);
            granted.or(configured).unwrap_or(Ipv4Addr::UNSPECIFIED)
        };
        let ipv4 = (!session.address.is_unspecified()).then(|| ipcp::Config {
            dns: [dns(0, config.primary_dns), dns(1, config.secondary_dns)],
            ..ipcp::Config::host(config.ppp_address(), session.address)
        });
        let ipv6 = ipv6.then(|| ipv6cp::Config {
            local: OURS,
            peer: interface(session),
            insist: true,
        });
        session.configure(now, ipv4, ipv6);
    }

    /// Has the host lead packets here. Addresses of the pool are led here as a whole.
    fn add_routes(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if std::mem::replace(&mut session.routed, true) {
            return;
        }
        let routes = routes(session);
        for Route4 { network, length } in routes {
            let (network, bits) = (IpAddr::V4(network), length);
            self.events.push_back(HostEvent::AddRoute { network, bits });
        }
    }

    fn add_routes6(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if std::mem::replace(&mut session.routed6, true) {
            return;
        }
        for Prefix6 { network, length } in routes6(session) {
            let (network, bits) = (IpAddr::V6(network), length);
            self.events.push_back(HostEvent::AddRoute { network, bits });
        }
    }

    pub(super) fn remove_routes(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let mut gone: Vec<(IpAddr, u8)> = Vec::new();
        if std::mem::take(&mut session.routed) {
            gone.extend(
                routes(session)
                    .into_iter()
                    .map(|route| (route.network.into(), route.length)),
            );
        }
        if std::mem::take(&mut session.routed6) {
            gone.extend(
                routes6(session)
                    .into_iter()
                    .map(|route| (route.network.into(), route.length)),
            );
        }
        for (network, bits) in gone {
            self.events
                .push_back(HostEvent::DeleteRoute { network, bits });
        }
    }

    /// Logs who came in.
    pub(super) fn login_entry(&self, id: SessionId) -> Option<String> {
        let session = self.sessions.get(id)?;
        let tunnel = self.tunnels.get(session.tunnel)?;
        let name = String::from_utf8_lossy(&tunnel.peer().host_name);
        let (user, address, from) = (&session.user, session.address, tunnel.address().ip());
        Some(format!("Login by {user} at {address} from {from} ({name})"))
    }
}

/// The kernel's routes to a session: its networks, and its address when it is not of the pool and
/// in none of them.
pub(super) fn routes(session: &Session) -> Vec<Route4> {
    let grant = session.grant.as_deref();
    let mut routes = grant.map_or_else(Vec::new, |grant| grant.routes.clone());
    let within = |route: &Route4| Route4::new(session.address, route.length) == *route;
    if !session.address.is_unspecified() && !session.pooled && !routes.iter().any(within) {
        routes.push(Route4::new(session.address, 32));
    }
    routes
}

/// The same for IPv6.
pub(super) fn routes6(session: &Session) -> Vec<Prefix6> {
    let Some(grant) = session.grant.as_deref() else {
        return Vec::new();
    };
    let mut routes = grant.routes6.clone();
    routes.extend_from_slice(&grant.delegated);
    routes.extend_from_slice(&grant.prefixes6);
    if let Some(address) = grant.address6 {
        let within = |route: &Prefix6| Prefix6::new(address, route.length) == *route;
        if !routes.iter().any(within) {
            routes.push(Prefix6::new(address, 128));
        }
    }
    routes
}

/// The IPv6 address of a subscriber: the one that it was given, or its identifier behind its
/// network, or behind the one of all. `None` when none of them has room for it.
pub(super) fn address6(session: &Session, all: Ipv6Addr) -> Option<Ipv6Addr> {
    let grant = session.grant.as_deref();
    if let Some(address) = grant.and_then(|grant| grant.address6) {
        return Some(address);
    }
    let own = grant.and_then(|grant| grant.prefixes6.first());
    if own.is_some_and(|own| own.length > 64) {
        return None;
    }
    let network = own.map_or(all, |own| own.network);
    let network = u128::from(network) & !u128::from(u64::MAX);
    Some((network | u128::from(interface(session))).into())
}

/// The interface identifier that a subscriber must take, so that its IPv6 address tells who it
/// is: that of its address, or its IPv4 address, or its number where no IPv4 address can be.
pub(super) fn interface(session: &Session) -> u64 {
    let grant = session.grant.as_deref();
    let low = |grant: &Grant| {
        let address = grant.address6.map(|address| u128::from(address) as u64);
        address.or(grant.interface6)
    };
    match grant.and_then(low) {
        Some(low) if low != 0 => low,
        _ if !session.address.is_unspecified() => u64::from(u32::from(session.address)) << 32,
        _ => u64::from(session.id.0 & 0x00ff_ffff) << 32,
    }
}
