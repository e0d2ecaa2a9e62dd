//! The files of `accounting_dir`: who moved how much since the file before.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::{Concentrator, HostEvent};
use crate::SessionId;
use crate::accounting::{ALL_SESSIONS, ENDED_SESSIONS, Header, MAX_ENDED, Origin, Usage, file};

/// What a session moved that ended since the last file.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    user: Box<str>,
    address: Ipv4Addr,
    throttled: bool,
    octets: [u64; 2],
}

/// When files are due, and what goes into the next one.
#[derive(Debug)]
pub(super) struct Dumps {
    start: Instant,
    all: Instant,
    soon: Instant,
    ended: Vec<Ended>,
}

impl Dumps {
    pub fn new(now: Instant) -> Self {
        Self {
            start: now,
            all: now + ALL_SESSIONS,
            soon: now + ENDED_SESSIONS,
            ended: Vec::new(),
        }
    }
}

impl Concentrator {
    /// When the next file is due.
    pub(super) fn dump_due(&self) -> Option<Instant> {
        (!self.config.accounting_dir.is_empty()).then(|| self.dumps.all.min(self.dumps.soon))
    }

    /// Writes the file that is due.
    pub(super) fn dump(&mut self, now: Instant) {
        if self.dump_due().is_none_or(|due| due > now) {
            return;
        }
        if self.dumps.all <= now {
            self.dumps.all = now + ALL_SESSIONS;
            let ids: Vec<_> = self.sessions.iter().map(|session| session.id).collect();
            for id in ids {
                self.note_usage(id);
            }
        }
        self.dumps.soon = now + ENDED_SESSIONS;
        let ended = std::mem::take(&mut self.dumps.ended);
        let usages = ended.iter().map(|ended| Usage {
            user: &ended.user,
            address: (!ended.address.is_unspecified()).then_some(ended.address),
            origin: Origin::Lac,
            throttled: ended.throttled,
            garden: false,
            uploaded: ended.octets[0],
            downloaded: ended.octets[1],
        });
        let header = Header {
            host: self.config.host_name(&self.machine),
            endpoint: self.config.tun_address(),
            time: self.clock.unix(now),
            uptime: now.saturating_duration_since(self.dumps.start),
            all_origins: self.config.account_all_origin,
        };
        if let Some(text) = file(&header, usages) {
            let time = header.time;
            self.events.push_back(HostEvent::Accounting { time, text });
        }
    }

    /// Writes a file with all that was not written yet, because the process ends.
    pub fn dump_last(&mut self, now: Instant) {
        self.dumps.all = now;
        self.dump(now);
    }

    /// A session ends: what it moved goes into the next file.
    pub(super) fn note_end(&mut self, id: SessionId) {
        if !self.config.accounting_dir.is_empty() && self.dumps.ended.len() < MAX_ENDED {
            self.note_usage(id);
        }
    }

    /// Notes what a session moved since it was noted last.
    fn note_usage(&mut self, id: SessionId) {
        let octets = self
            .traffic(id)
            .map_or([0; 2], |counters| [counters.octets_in, counters.octets_out]);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut session.dumped, octets);
        let ([up, down], [up_before, down_before]) = (octets, before);
        let moved = [
            up.saturating_sub(up_before),
            down.saturating_sub(down_before),
        ];
        if moved != [0; 2] && !session.garden {
            let ended = Ended {
                user: session.user.clone(),
                address: session.address,
                throttled: session.throttle != [0; 2],
                octets: moved,
            };
            self.dumps.ended.push(ended);
        }
    }
}
