//! What RADIUS servers ask of us: to end sessions and to change what they may (RFC 5176).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use wanbox_wire::radius::ErrorCause;

use super::{Concentrator, End, facts};
use crate::SessionId;
use crate::plugin;
use crate::radius::dae::{Action, Request, Selector};
use crate::radius::{Authorization, acct_session_id};
use crate::session::{Session, Stage};

impl Concentrator {
    /// A request of a RADIUS server came in (RFC 5176).
    pub fn dae(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let unix = self.clock.unix(now);
        if let Some(request) = self.dae.receive(now, unix, from, datagram) {
            let token = request.token;
            let result = self.obey(now, request);
            self.dae.answer(token, result);
        }
        self.work(now);
    }

    fn obey(&mut self, now: Instant, request: Request) -> Result<(), ErrorCause> {
        let id = self
            .select(&request.selector)
            .ok_or(ErrorCause::SESSION_CONTEXT_NOT_FOUND)?;
        match request.action {
            Action::Disconnect => {
                let selector = &request.selector;
                // Who asks for a user or an address, and not for a call, means all links.
                let links = if selector.session.is_none() && selector.acct_session_id.is_none() {
                    self.links_of(id)
                } else {
                    vec![id]
                };
                for link in links {
                    self.end(now, link, End::hang_up(6, "Requested by PoD"));
                }
                Ok(())
            }
            Action::Change => self.change(now, id, &request.changes),
        }
    }

    /// The session of which everything is true that is said.
    fn select(&self, selector: &Selector) -> Option<SessionId> {
        let true_of = |session: &&Session| self.is_true(selector, session);
        if let Some(id) = selector.session {
            return self.sessions.get(id).filter(true_of).map(|s| s.id);
        }
        let address = selector.address.map(IpAddr::V4);
        if let Some(address) = address.or(selector.address6.map(IpAddr::V6)) {
            let id = self.session_at(address)?;
            return self.sessions.get(id).filter(true_of).map(|s| s.id);
        }
        if let Some(user) = &selector.user {
            let user = String::from_utf8_lossy(user);
            return self.sessions.of_user(&user).find(true_of).map(|s| s.id);
        }
        self.sessions.iter().find(true_of).map(|session| session.id)
    }

    fn is_true(&self, selector: &Selector, session: &Session) -> bool {
        let text = |said: &Option<Box<[u8]>>, own: &str| {
            said.as_ref().is_none_or(|said| **said == *own.as_bytes())
        };
        let grant = session.grant.as_deref();
        let head = self.head_of(session.id);
        let owns = |address: IpAddr| self.session_at(address) == Some(head);
        let bundle = self.links(session.id);
        let multi_session = bundle.map_or("", |links| &*links.multi_session);
        let prefix = |prefix| {
            grant.is_some_and(|grant| {
                grant.prefixes6.contains(prefix) || grant.delegated.contains(prefix)
            })
        };
        let peer = || self.head(session).network().ipv6().map(|ipv6| ipv6.peer);
        let own = || acct_session_id(session.unique, self.clock.unix(session.opened));
        session.stage == Stage::Accepted
            && text(&selector.user, &session.user)
            && text(&selector.called, &session.called)
            && text(&selector.calling, &session.calling)
            && selector.address.is_none_or(|address| owns(address.into()))
            && selector.address6.is_none_or(|address| owns(address.into()))
            && selector.prefix6.as_ref().is_none_or(prefix)
            && selector.delegated.as_ref().is_none_or(prefix)
            && selector.interface_id.is_none_or(|id| peer() == Some(id))
            && (selector.acct_session_id.is_none() || text(&selector.acct_session_id, &own()))
            && text(&selector.multi_session_id, multi_session)
    }

    fn change(
        &mut self,
        now: Instant,
        id: SessionId,
        changes: &Authorization,
    ) -> Result<(), ErrorCause> {
        let filters = [changes.filter_in.clone(), changes.filter_out.clone()];
        let lists = &self.config.access_lists;
        if filters
            .iter()
            .flatten()
            .any(|name| lists.find(name).is_none())
        {
            return Err(ErrorCause::INVALID_REQUEST);
        }
        let links = self.links_of(id);
        for link in &links {
            let Some(session) = self.sessions.get_mut(*link) else {
                return Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND);
            };
            session.filters.clone_from(&filters);
            if changes.session_timeout.is_some() || changes.idle_timeout.is_some() {
                let grant = session.grant.get_or_insert_default();
                grant.session_timeout = changes.session_timeout.unwrap_or(grant.session_timeout);
                grant.idle_timeout = changes.idle_timeout.unwrap_or(grant.idle_timeout);
                // Looked at anew at once.
                session.limit = Some(now);
            }
            if let Some(interim) = changes.interim {
                session.grant.get_or_insert_default().interim = Some(interim);
                let time = Duration::from_secs(interim.into());
                session.interim = (session.accounted && interim > 0).then(|| now + time);
            }
        }
        if let Some(seconds) = changes.session_timeout
            && let Some(links) = self.links_mut(id)
        {
            links.session_timeout = seconds;
        }
        let Some(session) = self.sessions.get(id) else {
            return Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND);
        };
        let reset = plugin::Event::RadiusReset(facts(session));
        self.start_plugins(now, id, reset);
        for pair in &changes.pairs {
            self.pair(now, id, pair);
        }
        self.update_path(now, id);
        for link in links {
            self.settle(now, link);
        }
        Ok(())
    }
}
