//! Who was here: the records for RADIUS servers (RFC 2866).

use std::time::{Duration, Instant};

use wanbox_link::ppp::Phase;
use wanbox_wire::radius::TerminateCause;

use super::{Concentrator, End, facts};
use crate::SessionId;
use crate::plugin;
use crate::radius::{AccountingRequest, Ended, Port, Status, Usage, acct_session_id};
use crate::session::Session;

impl Concentrator {
    /// What requests of both kinds say of a session.
    pub(super) fn port(&self, session: &Session) -> Port {
        let grant = session.grant.as_deref();
        let id = acct_session_id(session.unique, self.clock.unix(session.opened));
        Port {
            address: (!session.address.is_unspecified()).then_some(session.address),
            routes: grant.map_or_else(Vec::new, |grant| grant.routes.clone()),
            session_timeout: grant.map_or(0, |grant| grant.session_timeout),
            idle_timeout: grant.map_or(0, |grant| grant.idle_timeout),
            called: session.called.as_bytes().into(),
            calling: session.calling.as_bytes().into(),
            acct_session_id: id.into(),
            ..Port::new(session.id)
        }
    }

    /// A network layer came up, or will not: the session begins for the accounting server, once.
    pub(super) fn account_start(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let head = self.head(session);
        let network = head.network();
        let waits = network.ipv4().is_none() && network.ipcp_state().is_negotiating();
        let passes = network.ipv4().is_some() || network.ipv6().is_some();
        let up = session.link().phase() == Phase::Network;
        if session.accounted || session.garden || waits || !passes || !up {
            return;
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.accounted = true;
        }
        if let Some(interim) = self.interim(id)
            && let Some(session) = self.sessions.get_mut(id)
        {
            session.interim = Some(now + interim);
        }
        self.account(now, id, Status::Start, plugin::Accounting::Start);
    }

    /// The time between interim records of a session, if it has any.
    fn interim(&self, id: SessionId) -> Option<Duration> {
        let session = self.sessions.get(id)?;
        let granted = session.grant.as_deref().and_then(|grant| grant.interim);
        let interim = granted.map_or(self.config.radius_interim, |seconds| {
            Duration::from_secs(seconds.into())
        });
        (!interim.is_zero()).then_some(interim)
    }

    /// An interim record is due.
    pub(super) fn account_interim(&mut self, now: Instant, id: SessionId) {
        let next = self.interim(id).map(|interim| now + interim);
        if let Some(session) = self.sessions.get_mut(id) {
            session.interim = next;
            self.account(now, id, Status::Interim, plugin::Accounting::Interim);
        }
    }

    /// The session ends.
    pub(super) fn account_stop(&mut self, now: Instant, id: SessionId, end: &End) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        if session.garden || !session.accounted && session.address.is_unspecified() {
            return;
        }
        let ended = Ended {
            cause: TerminateCause(end.cause),
            reason: end.text.as_ref().into(),
        };
        self.account(now, id, Status::Stop(Some(ended)), plugin::Accounting::Stop);
    }

    fn account(&mut self, now: Instant, id: SessionId, status: Status, kind: plugin::Accounting) {
        if !self.config.radius_accounting {
            return;
        }
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let port = self.port(session);
        let time = self.clock.unix(now) as u32;
        let user = session.user.as_bytes();
        let mut record = AccountingRequest::new(status, user, port, session.opened, time);
        record.usage = self.usage(now, session);
        if let Some(grant) = session.grant.as_deref() {
            record.class.clone_from(&grant.class);
            record.by_server = grant.by_server;
            record.delegated.clone_from(&grant.delegated);
            record.address6 = grant.address6;
        }
        record.interface_id = self.head(session).network().ipv6().map(|ipv6| ipv6.peer);
        record.bundle = self
            .links(id)
            .map(|links| (links.multi_session.clone(), links.count));
        let event = plugin::Event::RadiusAccount {
            about: facts(session),
            kind,
            pairs: Vec::new(),
        };
        // A plugin may take its time, and the session may be over then.
        self.records = self.records.wrapping_add(1);
        let key = RECORD | self.records;
        self.accounts.insert(key, Box::new(record));
        self.plugins.start(now, key, event, &self.sessions);
        self.plugin_outcomes(now);
    }

    /// Plugins have seen a record.
    pub(super) fn record_done(&mut self, now: Instant, key: u64, pairs: Vec<String>) {
        if let Some(mut record) = self.accounts.remove(&key) {
            record.pairs = pairs.into_iter().map(String::into_boxed_str).collect();
            if self.radius.account(now, key, *record).is_err() {
                self.counters.radius_overflow += 1;
            }
        }
    }

    fn usage(&self, now: Instant, session: &Session) -> Usage {
        let seconds = now.duration_since(session.opened).as_secs() as u32;
        self.traffic(session.id).map_or(
            Usage {
                seconds,
                ..Usage::default()
            },
            |traffic| Usage {
                input_octets: traffic.octets_in,
                output_octets: traffic.octets_out,
                input_packets: traffic.packets_in,
                output_packets: traffic.packets_out,
                seconds,
            },
        )
    }
}

/// The bit that tells the keys of records from those of sessions.
pub(super) const RECORD: u64 = 1 << 63;
