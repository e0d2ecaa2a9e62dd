//! Connections of others through us, with acknowledgements of our own on each side (`digipeat 2`).
//!
//! The half towards the caller waits for the other one: its set-up is answered when the called station has
//! answered ours. What one half receives the other sends; while that has no room it stays with the first, whose
//! window closes.

use std::time::Instant;

use wanbox_wire::ax25::Header;

use crate::Port;
use crate::ax25::{Ax25, Source};
use crate::connection::State;
use crate::input::{begins, control};
use crate::links::{LinkId, Role};

/// How often the way to the called station is looked up anew while the caller repeats his call.
const MOST_PATHS: u8 = 3;
/// How often the called station is asked again.
const RETRIES: u32 = 2;

impl Ax25 {
    /// A frame of a connection between two others, with our turn marked.
    pub(crate) fn crosslink(&mut self, now: Instant, port: Port, header: &Header, rest: &[u8]) {
        let field = rest.first().copied().unwrap_or_default();
        let (called, caller) = (header.destination, header.source);
        let id = match self.links.find(called, caller) {
            Some(id) => id,
            None if begins(field) => {
                let Some(id) = self.open_pair(port, header) else {
                    self.refuse(port, header, rest);
                    return;
                };
                id
            }
            None => {
                self.refuse(port, header, rest);
                return;
            }
        };
        let hangs_up = field & !control::POLL == control::DISC;
        if let Some(link) = self.links.get_mut(id) {
            link.connection.receive(now, header.class, rest);
            // Who gives up before he was connected needs no other half.
            link.down |= hangs_up && !link.up;
        }
        self.work(now, id);
    }

    /// Both halves; that towards the called station begins when the other one is asked.
    fn open_pair(&mut self, port: Port, header: &Header) -> Option<LinkId> {
        let path = self.path(Some(header.source), &header.digis, header.destination, None);
        let Some((line, path)) = path else {
            self.counters.no_path += 1;
            return None;
        };
        let near = self.open(port, header, Role::Half(None))?;
        let role = Role::Half(Some(near));
        let connection = self.connection(&path, role);
        let far = self.links.insert(role, path, Some(line), connection);
        let Some(far) = far else {
            self.links.remove(near);
            self.counters.too_many_links += 1;
            return None;
        };
        if let Some(link) = self.links.get_mut(near) {
            link.role = Role::Half(Some(far));
        }
        Some(near)
    }

    /// A caller asks, or asks again: so is the called station.
    pub(crate) fn crosslink_asked(&mut self, now: Instant, near: LinkId, far: LinkId) {
        let Some(link) = self.links.get(far) else {
            return;
        };
        let (begun, paths, header) = (link.paths > 0, link.paths, link.header);
        if begun && paths < MOST_PATHS {
            // The routes may have changed.
            let found = self.path(Some(header.source), &header.digis, header.destination, None);
            if let (Some((port, path)), Some(link)) = (found, self.links.get_mut(far)) {
                link.port = Some(port);
                link.header = path;
            }
        }
        let Some(link) = self.links.get_mut(far) else {
            return;
        };
        link.paths = link.paths.saturating_add(1);
        if link.up {
            // It is connected already, with somebody whom the caller was.
            if let Some(link) = self.links.get_mut(near) {
                link.connection.accept(now);
            }
        } else if !begun {
            link.connection.connect(now);
        }
        self.touch(far);
    }

    /// The called station did not answer in time: whether often enough. Then the caller is not told, as if we had
    /// only repeated.
    pub(crate) fn crosslink_gives_up(&mut self, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        let asked = matches!(link.role, Role::Half(_)) && !link.up;
        if asked && link.connection.state() == State::Setup {
            link.silences += 1;
        }
        asked && link.silences > RETRIES
    }

    /// Forgets both halves.
    pub(crate) fn remove_pair(&mut self, id: LinkId) {
        if let Some(link) = self.links.remove(id)
            && let Role::Half(Some(other)) = link.role
        {
            self.links.remove(other);
        }
    }

    /// Moves what one half received to the other, and ends what has lost its other half.
    pub(crate) fn relay(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get(id) else {
            return;
        };
        let Role::Half(Some(other)) = link.role else {
            return;
        };
        let mut buffer = self.take();
        for (from, to) in [(id, other), (other, id)] {
            loop {
                let has_room = self
                    .links
                    .get(to)
                    .is_some_and(|link| link.connection.room() > 0);
                buffer.clear();
                let read = match self.links.get_mut(from) {
                    Some(link) if has_room => link.connection.read(&mut buffer),
                    _ => None,
                };
                let (Some(pid), Some(link)) = (read, self.links.get_mut(to)) else {
                    break;
                };
                if link.connection.send(now, pid, &buffer).is_err() {
                    self.counters.packets_lost += 1;
                }
            }
            let is_over = self
                .links
                .get(from)
                .is_none_or(|link| link.down && link.connection.unread() == 0);
            if let Some(link) = self.links.get_mut(to)
                && is_over
                && !link.down
                && !link.closing
            {
                link.closing = true;
                link.connection.close(now);
            }
        }
        self.give(buffer);
        for half in [id, other] {
            self.touch(half);
        }
    }

    /// Whether neither half has anything left to do.
    pub(crate) fn pair_is_over(&self, id: LinkId, other: Option<LinkId>) -> bool {
        let is_over = |id| {
            self.links
                .get(id)
                .is_none_or(|link| !link.pending && link.is_disconnected())
        };
        is_over(id) && other.is_none_or(is_over)
    }

    /// A connection may have frames to send, and another deadline.
    pub(crate) fn touch(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id)
            && !link.pending
        {
            link.pending = true;
            self.pending.push_back(Source::Link(id));
        }
        self.links.arm(id);
    }
}
