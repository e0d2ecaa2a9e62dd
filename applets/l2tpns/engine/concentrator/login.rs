//! Who a subscriber is: plugins, the file of subscribers, RADIUS.

use std::time::{Duration, Instant};

use wanbox_link::ppp::Claim;
use wanbox_link::ppp::auth::{Method, Outcome, Proof, Verdict};

use super::{Concentrator, End, Level, facts};
use crate::SessionId;
use crate::plugin;
use crate::radius::{self, AccessRequest, Authorization, FramedAddress, Rejection};
use crate::session::{Grant, Judgement, Login, Stage};

/// The longest name of a user, octets.
const MAX_USER: usize = 127;
/// How long a login goes on while no RADIUS server answers, as long as the subscriber waits too.
const PATIENCE: Duration = Duration::from_secs(90);

impl Concentrator {
    /// The peer says who it is.
    pub(super) fn claimed(&mut self, now: Instant, id: SessionId, claim: Claim) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.stage == Stage::Accepted || claim.name.len() > MAX_USER {
            session.judge(now, &claim, Verdict::plain(Outcome::Refused));
            return;
        }
        let user = String::from_utf8_lossy(&claim.name).into_owned();
        let (protocol, password) = match &claim.proof {
            Proof::Pap { password } => (
                plugin::Protocol::Pap,
                Some(String::from_utf8_lossy(password).into_owned()),
            ),
            Proof::ChapMd5 { .. } | Proof::MsChapV2 { .. } => (plugin::Protocol::Chap, None),
        };
        session.stage = Stage::Login;
        session.slow = None;
        session.patience = None;
        session.login = Some(Box::new(Login {
            claim,
            user: user.as_str().into(),
            since: now,
            asked: false,
            judgement: None,
        }));
        let event = plugin::Event::PreAuth {
            about: facts(session),
            protocol,
            username: user,
            password,
            continue_auth: true,
        };
        self.start_plugins(now, id, event);
    }

    /// Plugins have seen the claim.
    pub(super) fn pre_auth_done(
        &mut self,
        now: Instant,
        id: SessionId,
        username: &str,
        password: Option<&str>,
        go_on: bool,
    ) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(login) = session.login.as_deref_mut() else {
            return;
        };
        if !go_on {
            let claim = login.claim.clone();
            let end = End::hang_up(17, "Refused by a plugin");
            self.refuse(now, id, &claim, Verdict::plain(Outcome::Refused), end);
            return;
        }
        if *login.user != *username {
            login.user = username.into();
            login.claim.name = username.as_bytes().into();
        }
        if let (Proof::Pap { password: known }, Some(password)) = (&mut login.claim.proof, password)
            && String::from_utf8_lossy(known) != password
        {
            *known = password.as_bytes().into();
        }
        self.ask(now, id);
    }

    /// Asks who knows the user.
    fn ask(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let Some(login) = session.login.as_deref() else {
            return;
        };
        if let Some((verdict, granted)) = self.subscribers.judge(&login.claim) {
            let judgement = match verdict.outcome {
                Outcome::Accepted => Judgement::Accepted(Box::new(granted), Some(verdict)),
                _ => Judgement::Rejected(Rejection::default()),
            };
            self.judged(now, id, judgement);
            return;
        }
        let mut request = AccessRequest {
            user: login.claim.name.clone(),
            proof: login.claim.proof.clone(),
            port: self.port(session),
        };
        if self.bundle_to_join(id, &login.user).is_some() {
            request.port.service = radius::Service::AuthenticateOnly;
        }
        let key = super::key(session);
        let asked = match self.radius.access(now, key, request) {
            Ok(()) => true,
            Err(radius::Refusal::Busy) => {
                self.unasked.push_back(id);
                false
            }
            Err(refusal) => {
                self.log(Level::Error, Some(session.tunnel), Some(id), || {
                    format!("nobody can be asked about the user: {refusal}")
                });
                self.judged(now, id, Judgement::Rejected(Rejection::default()));
                return;
            }
        };
        if let Some(login) = self
            .sessions
            .get_mut(id)
            .and_then(|session| session.login.as_mut())
        {
            login.asked = asked;
        }
    }

    /// A RADIUS exchange ended: there is room for another.
    pub(super) fn ask_next(&mut self, now: Instant) {
        for _ in 0..self.unasked.len() {
            let Some(id) = self.unasked.pop_front() else {
                return;
            };
            let waits = |login: &Login| !login.asked;
            let login = self
                .sessions
                .get(id)
                .and_then(|session| session.login.as_deref());
            if login.is_some_and(waits) {
                self.ask(now, id);
                return;
            }
        }
    }

    /// Somebody who knows users has judged.
    pub(super) fn judged(&mut self, now: Instant, id: SessionId, judgement: Judgement) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(login) = session.login.as_deref_mut() else {
            return;
        };
        if matches!(judgement, Judgement::TimedOut) {
            if now.duration_since(login.since) < PATIENCE {
                login.asked = false;
                self.ask(now, id);
            } else {
                let claim = login.claim.clone();
                let end = End::hang_up(20, "RADIUS timeout.");
                self.refuse(now, id, &claim, Verdict::plain(Outcome::Refused), end);
            }
            return;
        }
        let allowed = matches!(judgement, Judgement::Accepted(..));
        let protocol = match login.method() {
            Method::Pap => plugin::Protocol::Pap,
            Method::ChapMd5 | Method::MsChapV2 => plugin::Protocol::Chap,
        };
        login.judgement = Some(judgement);
        let user = (*login.user).to_owned();
        let about = plugin::Facts {
            user,
            ..facts(session)
        };
        let [tx_speed, rx_speed] = session.speeds;
        let event = plugin::Event::PostAuth {
            about,
            protocol,
            auth_allowed: allowed,
            tx_speed,
            rx_speed,
        };
        self.start_plugins(now, id, event);
    }

    /// Plugins have seen the judgement.
    pub(super) fn post_auth_done(
        &mut self,
        now: Instant,
        id: SessionId,
        allowed: bool,
        garden: bool,
        speeds: [u32; 2],
    ) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.speeds = speeds;
        let Some(mut login) = session.login.take() else {
            return;
        };
        let method = login.method();
        let judgement = login.judgement.take();
        let refusal = match &judgement {
            Some(Judgement::Rejected(rejection)) => rejection.verdict(method),
            _ => Verdict::plain(Outcome::Refused),
        };
        if !allowed {
            self.counters.logins_refused += 1;
            let end = End::hang_up(17, "Authentication failed");
            self.refuse(now, id, &login.claim, refusal, end);
            return;
        }
        // Whom a plugin let in although nobody knows it has no more than an address of the pool,
        // and cannot be told more than "yes".
        let (authorization, verdict) = match judgement {
            Some(Judgement::Accepted(authorization, verdict)) => {
                let verdict = verdict.unwrap_or_else(|| authorization.verdict(method));
                (*authorization, verdict)
            }
            _ => (Authorization::default(), Verdict::plain(Outcome::Accepted)),
        };
        if verdict.outcome != Outcome::Accepted {
            let end = End::hang_up(17, "Authentication failed: no MS-CHAP2-Success");
            self.refuse(now, id, &login.claim, verdict, end);
            return;
        }
        self.counters.logins += 1;
        session.stage = Stage::Accepted;
        session.garden = garden;
        self.sessions.name(id, &login.user);
        if authorization.session_timeout == Some(0) && self.config.kill_timedout_sessions {
            let end = End::hang_up(5, "Session timeout is zero");
            self.refuse(now, id, &login.claim, Verdict::plain(Outcome::Refused), end);
            return;
        }
        let fixed = match authorization.address {
            FramedAddress::Static(address) => Some(address),
            FramedAddress::Pool => None,
        };
        let features = Features {
            filters: [
                authorization.filter_in.clone(),
                authorization.filter_out.clone(),
            ],
            rates: [authorization.rate_in, authorization.rate_out],
        };
        let pairs = authorization.pairs.clone();
        if let Some(session) = self.sessions.get_mut(id) {
            session.grant = Grant::new(authorization);
        }
        if let Err(end) = self.provide(now, id, fixed) {
            self.refuse(now, id, &login.claim, Verdict::plain(Outcome::Refused), end);
            return;
        }
        // A further link has what the first one has.
        if !self.is_further(id) {
            self.equip(now, id, &features);
        }
        self.new_session(now, id);
        for pair in pairs {
            self.pair(now, id, &pair);
        }
        // A PAP or CHAP peer needs no text to know that it may come in.
        let verdict = Verdict {
            message: verdict.message.or(Some(Box::default())),
            ..verdict
        };
        if let Some(session) = self.sessions.get_mut(id) {
            session.judge(now, &login.claim, verdict);
            self.settle(now, id);
        }
    }

    /// Filters and rates that were granted.
    fn equip(&mut self, now: Instant, id: SessionId, features: &Features) {
        for (place, name) in features.filters.iter().enumerate() {
            if let Some(name) = name
                && self.config.access_lists.find(name).is_some()
                && let Some(session) = self.sessions.get_mut(id)
                && let Some(filter) = session.filters.get_mut(place)
            {
                *filter = Some(name.clone());
            }
        }
        if let Some(session) = self.sessions.get_mut(id) {
            for (rate, granted) in session.throttle.iter_mut().zip(features.rates) {
                *rate = granted.unwrap_or(*rate);
            }
        }
        self.update_path(now, id);
    }

    /// A pair of Cisco-AVPair goes to plugins.
    pub(super) fn pair(&mut self, now: Instant, id: SessionId, pair: &radius::Pair) {
        if let Some(session) = self.sessions.get(id) {
            let event = plugin::Event::RadiusResponse {
                about: facts(session),
                key: pair.key.to_string(),
                value: pair.value.to_string(),
            };
            self.start_plugins(now, id, event);
        }
    }

    /// Nobody has to prove anything: the session has no user.
    pub(super) fn accept_unproved(&mut self, now: Instant, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.stage = Stage::Accepted;
            match self.provide(now, id, None) {
                Ok(()) => self.new_session(now, id),
                Err(end) => self.end(now, id, end),
            }
        }
    }

    fn new_session(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.interim = None;
        let event = plugin::Event::NewSession(facts(session));
        let tunnel = session.tunnel;
        self.start_plugins(now, id, event);
        // Nothing is written down for an entry that nobody sees.
        if self.logs(Level::Warning)
            && let Some(text) = self.login_entry(id)
        {
            self.log(Level::Warning, Some(tunnel), Some(id), || text);
        }
    }

    /// Tells the peer that it may not come in, and ends the session.
    fn refuse(&mut self, now: Instant, id: SessionId, claim: &Claim, verdict: Verdict, end: End) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let is_text = !matches!(claim.proof, Proof::MsChapV2 { .. });
        let message = verdict.message.or_else(|| is_text.then(Box::default));
        session.judge(now, claim, Verdict { message, ..verdict });
        self.flush(now, id);
        self.end(now, id, end);
    }
}

/// What is granted beyond [`Grant`].
struct Features {
    /// From and to the subscriber.
    filters: [Option<Box<str>>; 2],
    /// The same, kbit/s.
    rates: [Option<u32>; 2],
}
