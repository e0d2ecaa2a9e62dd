//! What plugins are asked, and what they want done.

use std::net::SocketAddr;
use std::time::Instant;

use super::accounting::RECORD;
use super::{Concentrator, End, HostEvent, Level, Outgoing, facts, key};
use crate::SessionId;
use crate::plugin::{Change, Effect, Event, Facts, Sessions, Work};
use crate::session::{Stage, Table};

impl Sessions for Table {
    fn session(&self, id: SessionId) -> Option<Facts> {
        let session = self.get(id)?;
        (session.stage == Stage::Accepted).then(|| facts(session))
    }

    fn session_of(&self, user: &str) -> Option<SessionId> {
        self.of_user(user)
            .find(|session| {
                session.stage == Stage::Accepted && !session.garden && *session.user == *user
            })
            .map(|session| session.id)
    }
}

impl Concentrator {
    /// Has plugins see an event of a session.
    pub(super) fn start_plugins(&mut self, now: Instant, id: SessionId, event: Event) {
        if let Some(session) = self.sessions.get(id) {
            self.plugins.start(now, key(session), event, &self.sessions);
            self.plugin_outcomes(now);
        }
    }

    /// Goes on with what plugins have seen.
    pub(super) fn plugin_outcomes(&mut self, now: Instant) {
        while let Some((key, event)) = self.plugins.poll_outcome() {
            if let Event::RadiusAccount { pairs, .. } = event {
                if key & RECORD != 0 {
                    self.record_done(now, key, pairs);
                }
                continue;
            }
            let Some(id) = self.of_key(key) else {
                continue;
            };
            match event {
                Event::PreAuth {
                    username,
                    password,
                    continue_auth,
                    ..
                } => {
                    self.pre_auth_done(now, id, &username, password.as_deref(), continue_auth);
                }
                Event::PostAuth {
                    about,
                    auth_allowed,
                    tx_speed,
                    rx_speed,
                    ..
                } => {
                    let speeds = [tx_speed, rx_speed];
                    self.post_auth_done(now, id, auth_allowed, about.garden, speeds);
                }
                _ => {}
            }
        }
    }

    /// A session with a user ends.
    pub(super) fn tell_plugins_of_end(&mut self, now: Instant, id: SessionId) {
        if let Some(session) = self.sessions.get(id) {
            let event = Event::KillSession(facts(session));
            self.start_plugins(now, id, event);
        }
    }

    /// Does the next thing that plugins want; `false` when there is none.
    pub(super) fn plugin_work(&mut self, now: Instant) -> bool {
        self.plugin_outcomes(now);
        if let Some(effect) = self.plugins.poll_effect() {
            self.effect(now, effect);
        } else if let Some((key, octets)) = self.plugins.poll_nsctl() {
            if let Some(to) = self.asked.remove(&key) {
                self.outgoing.push_back((Outgoing::Nsctl { to }, octets));
            }
        } else if let Some(work) = self.plugins.poll_work() {
            match work {
                Work::Log { level, text } => {
                    self.log(Level::from_number(level), None, None, || text);
                }
                work => self.events.push_back(HostEvent::Plugin(work)),
            }
        } else {
            return false;
        }
        true
    }

    fn effect(&mut self, now: Instant, effect: Effect) {
        let id = effect.session;
        match effect.change {
            Change::Throttle { input, output } => self.for_all_links(now, id, |session| {
                let [from, to] = &mut session.throttle;
                *from = input.unwrap_or(*from);
                *to = output.unwrap_or(*to);
            }),
            Change::Snoop(to) => {
                let _ = self.snoop(now, id, to);
            }
            Change::Filter { input, output } => {
                let names = [input, output];
                self.for_all_links(now, id, |session| {
                    for (filter, name) in session.filters.iter_mut().zip(&names) {
                        if let Some(name) = name {
                            *filter = (!name.is_empty()).then(|| name.as_str().into());
                        }
                    }
                });
            }
            Change::Shutdown { reason } | Change::Kill { reason } => {
                // It is about the subscriber, not about one of its calls.
                for link in self.links_of(id) {
                    self.end(now, link, End::hang_up(6, reason.clone()));
                }
            }
            Change::Garden => {
                for link in self.links_of(id) {
                    self.set_garden(now, link);
                }
            }
            Change::Ungarden { user } => {
                for link in self.links_of(id) {
                    self.leave_garden(now, link, user.as_deref());
                }
            }
        }
    }

    /// A session that came in as any other is in the walled garden from now on: for accounting it
    /// ends.
    fn set_garden(&mut self, now: Instant, id: SessionId) {
        if self.sessions.get(id).is_some_and(|session| !session.garden) {
            let end = End::gone(6, "Put into the walled garden.");
            self.account_stop(now, id, &end);
            if let Some(session) = self.sessions.get_mut(id) {
                session.garden = true;
                session.accounted = false;
                session.interim = None;
            }
        }
    }

    fn leave_garden(&mut self, now: Instant, id: SessionId, user: Option<&str>) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if !std::mem::take(&mut session.garden) {
            return;
        }
        if let Some(user) = user {
            self.sessions.name(id, user);
        }
        self.plane.reset_counters(id);
        self.end_duplicates(now, id);
        self.account_start(now, id);
    }

    /// Copies the packets of a session to a collector, or no more.
    ///
    /// # Errors
    /// There is no such session.
    pub fn snoop(
        &mut self,
        now: Instant,
        id: SessionId,
        to: Option<SocketAddr>,
    ) -> Result<(), super::OperationError> {
        if self.sessions.get(id).is_none() {
            return Err(super::OperationError::NoSession);
        }
        self.for_all_links(now, id, |session| session.snoop = to);
        Ok(())
    }
}
