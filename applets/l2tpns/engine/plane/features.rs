//! What few sessions have: rates, access lists, copies for those who may see them.

use std::cmp::{Ordering, Reverse};
use std::mem;
use std::net::SocketAddr;
use std::time::Instant;

use wanbox_link::throttle::{Throttle, Verdict};

use super::{Cause, Plane, Sink};
use crate::SessionId;
use crate::concentrator::Direction;

/// One value a direction.
#[derive(Debug, Default)]
struct Both<T> {
    from: T,
    to: T,
}

impl<T> Both<T> {
    fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::In => &self.from,
            Direction::Out => &self.to,
        }
    }

    fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::In => &mut self.from,
            Direction::Out => &mut self.to,
        }
    }
}

/// The features of one session.
#[derive(Debug, Default)]
pub(super) struct Features {
    throttles: Both<Option<Box<Throttle>>>,
    /// When the throttles are looked at next.
    alarms: Both<Option<Instant>>,
    /// Places among the access lists.
    filters: Both<Option<u16>>,
    pub(super) copy_to: Option<SocketAddr>,
}

impl Features {
    fn is_empty(&self) -> bool {
        self.throttles.from.is_none()
            && self.throttles.to.is_none()
            && self.filters() == [None, None]
            && self.copy_to.is_none()
    }

    pub(super) fn filters(&self) -> [Option<u16>; 2] {
        [self.filters.from, self.filters.to]
    }

    pub(super) fn filter(&self, direction: Direction) -> Option<u16> {
        *self.filters.of(direction)
    }

    /// Whether a packet goes on now; `None`: it waits.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        direction: Direction,
        packet: &[u8],
    ) -> Option<Verdict> {
        let throttle = self.throttles.of_mut(direction).as_mut()?;
        Some(throttle.offer(now, packet))
    }
}

/// When the first packet at a session's throttle may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    at: Instant,
    session: SessionId,
    direction: Direction,
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The earliest is the greatest: that one a heap gives first.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |due: &Self| (due.at, due.session, due.direction == Direction::In);
        key(other).cmp(&key(self))
    }
}

impl Plane {
    /// Changes the features of a session, which has a record of them only while it has any.
    fn change_features(&mut self, session: SessionId, change: impl FnOnce(&mut Features)) -> bool {
        let Some(entry) = self.entry_mut(session) else {
            return false;
        };
        let mut features = entry.features.take().unwrap_or_default();
        change(&mut features);
        entry.features = Some(features).filter(|features| !features.is_empty());
        true
    }

    fn features(&self, session: SessionId) -> Option<&Features> {
        self.entry(session)?.features.as_deref()
    }

    /// Sets the rate of one direction of a session, kbit/s; 0: as fast as it comes. What waited is
    /// dropped with the rate. `false`: there is no such session.
    pub fn set_throttle(
        &mut self,
        now: Instant,
        session: SessionId,
        direction: Direction,
        rate: u32,
    ) -> bool {
        self.change_features(session, |features| {
            let throttle = features.throttles.of_mut(direction);
            match throttle {
                _ if rate == 0 => *throttle = None,
                Some(throttle) if throttle.rate() == rate => {}
                Some(throttle) => throttle.set_rate(now, rate),
                None => *throttle = Some(Box::new(Throttle::new(now, rate))),
            }
        })
    }

    /// Gives the throttles of an entry to another, which has none, with the packets that wait there.
    pub(super) fn pass_on_throttles(&mut self, from: u32, to: u32) {
        let old = self.entries.get_mut(from as usize);
        let Some(old) = old.and_then(|entry| entry.features.as_mut()) else {
            return;
        };
        let (throttles, _) = (mem::take(&mut old.throttles), mem::take(&mut old.alarms));
        if let Some(entry) = self.entries.get_mut(to as usize) {
            entry.features.get_or_insert_default().throttles = throttles;
        }
        for direction in [Direction::In, Direction::Out] {
            self.wake(to, direction);
        }
    }

    /// The throttle of one direction of a session.
    #[must_use]
    pub fn throttle(&self, session: SessionId, direction: Direction) -> Option<&Throttle> {
        self.features(session)?.throttles.of(direction).as_deref()
    }

    /// The throttles of all sessions.
    pub fn throttles(&self) -> impl Iterator<Item = (SessionId, Direction, &Throttle)> {
        self.entries.iter().flat_map(|(_, entry)| {
            [Direction::In, Direction::Out]
                .into_iter()
                .filter_map(move |direction| {
                    let features = entry.features.as_ref()?;
                    let throttle = features.throttles.of(direction).as_deref()?;
                    Some((entry.session, direction, throttle))
                })
        })
    }

    /// Sets the access list of one direction of a session, or takes it away. `false`: there is no such
    /// session, or no such list.
    pub fn set_filter(
        &mut self,
        session: SessionId,
        direction: Direction,
        list: Option<&str>,
    ) -> bool {
        let place = match list {
            Some(name) => match self.list_place(name) {
                Some(place) => Some(place),
                None => return false,
            },
            None => None,
        };
        self.change_features(session, |features| {
            *features.filters.of_mut(direction) = place
        })
    }

    /// The name of the access list of one direction of a session.
    #[must_use]
    pub fn filter(&self, session: SessionId, direction: Direction) -> Option<&str> {
        let place = self.features(session)?.filter(direction)?;
        let (name, _) = self.lists.get(usize::from(place))?;
        Some(name)
    }

    /// Sets where copies of a session's packets go; `None`: nowhere. `false`: there is no such session.
    pub fn set_copy(&mut self, session: SessionId, to: Option<SocketAddr>) -> bool {
        self.change_features(session, |features| features.copy_to = to)
    }

    /// Where copies of a session's packets go.
    #[must_use]
    pub fn copy_to(&self, session: SessionId) -> Option<SocketAddr> {
        self.features(session)?.copy_to
    }

    /// Whether the access list of a direction lets a packet pass.
    pub(super) fn permits(&mut self, at: u32, direction: Direction, packet: &[u8]) -> bool {
        let filter = self
            .entries
            .get(at as usize)
            .and_then(|entry| entry.features.as_ref()?.filter(direction));
        match filter.and_then(|place| self.lists.get_mut(usize::from(place))) {
            Some((_, list)) => list.permits(packet),
            None => true,
        }
    }

    /// Whether a packet may go on now; it is dropped, waits or passes.
    pub(super) fn pass_throttle(
        &mut self,
        now: Instant,
        at: u32,
        direction: Direction,
        packet: &[u8],
        sink: &mut impl Sink,
    ) -> Result<bool, Cause> {
        // What may go by now goes first.
        self.release(now, at, direction, sink);
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return Ok(true);
        };
        let Some(features) = entry.features.as_mut() else {
            return Ok(true);
        };
        match features.offer(now, direction, packet) {
            None | Some(Verdict::Pass) => Ok(true),
            Some(Verdict::Queued) => {
                self.wake(at, direction);
                Ok(false)
            }
            Some(Verdict::Dropped) => Err(match direction {
                Direction::In => self.drop_in(at, Cause::ThrottledIn),
                Direction::Out => self.drop_out(at, Cause::ThrottledOut),
            }),
        }
    }

    /// Sees to it that a throttle at which packets wait is looked at when the first may go. One alarm a
    /// throttle is enough: one that is early is set again.
    fn wake(&mut self, at: u32, direction: Direction) {
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return;
        };
        let session = entry.session;
        let Some(features) = entry.features.as_mut() else {
            return;
        };
        let throttle = features.throttles.of(direction).as_ref();
        let Some(at) = throttle.and_then(|throttle| throttle.poll_timeout()) else {
            return;
        };
        let alarm = features.alarms.of_mut(direction);
        if alarm.is_none() {
            *alarm = Some(at);
            self.due.push(Due {
                at,
                session,
                direction,
            });
        }
    }

    /// Sends what waits at a throttle and may go by now.
    fn release(&mut self, now: Instant, at: u32, direction: Direction, sink: &mut impl Sink) {
        loop {
            let mut packet = mem::take(&mut self.spare);
            let released = self.entries.get_mut(at as usize).and_then(|entry| {
                let features = entry.features.as_mut()?;
                let throttle = features.throttles.of_mut(direction).as_mut()?;
                throttle.release(now, &mut packet).then_some(())
            });
            if released.is_some() {
                match direction {
                    Direction::In => self.give_host(now, at, &packet, sink),
                    Direction::Out => self.give_peer(now, at, &packet, sink),
                }
            }
            self.spare = packet;
            if released.is_none() {
                return;
            }
        }
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let bundle = self.waits.peek().map(|Reverse((at, _))| *at);
        let throttle = self.due.peek().map(|due| due.at);
        throttle.into_iter().chain(bundle).min()
    }

    /// Sends what waited for its time. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        self.bundle_timeouts(now, sink);
        while let Some(due) = self.due.peek().copied().filter(|due| due.at <= now) {
            self.due.pop();
            let Some(&at) = self.by_session.get(&due.session.0) else {
                continue;
            };
            let features = self.entries.get_mut(at as usize).map(|e| &mut e.features);
            let Some(Some(features)) = features else {
                continue;
            };
            // Alarms of a session or a rate that is gone are not those that are set.
            if features
                .alarms
                .of_mut(due.direction)
                .take_if(|alarm| *alarm == due.at)
                .is_some()
            {
                self.release(now, at, due.direction, sink);
                self.wake(at, due.direction);
            }
        }
    }
}
