//! All sessions: by number, user name, address and call.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::Session;
use crate::{CallId, SessionId, TunnelId};

/// How long a number is not used again.
const REST: Duration = Duration::from_secs(15);

/// Sessions and the ways to find them.
#[derive(Debug, Default)]
pub struct Table {
    /// The place of a session is its number less one.
    sessions: Vec<Option<Box<Session>>>,
    /// Numbers out of use, the longest unused first.
    rested: VecDeque<(Instant, SessionId)>,
    /// By user name in lower case, then number.
    users: BTreeSet<(Box<str>, SessionId)>,
    addresses: HashMap<Ipv4Addr, SessionId>,
    calls: BTreeMap<(TunnelId, CallId), SessionId>,
    uniques: u32,
    count: usize,
}

impl Table {
    /// A number for a session to be, and its number in this run; `None` when there are `most`.
    pub fn number(&mut self, now: Instant, most: usize) -> Option<(SessionId, u32)> {
        if self.count >= most {
            return None;
        }
        let rested = self
            .rested
            .front()
            .is_some_and(|(since, _)| now.duration_since(*since) >= REST);
        // Numbers that rest cost eight octets each: there may be half as many again.
        let full = self.sessions.len() >= most.saturating_add(most / 2).max(64);
        let id = if rested || full {
            self.rested.pop_front()?.1
        } else {
            self.sessions.push(None);
            SessionId(u32::try_from(self.sessions.len()).ok()?)
        };
        self.uniques = self.uniques.wrapping_add(1).max(1);
        Some((id, self.uniques))
    }

    /// Takes a session with a number of [`Self::number`].
    pub fn insert(&mut self, session: Session) {
        let id = session.id;
        if let Some(place) = self.sessions.get_mut(place(id)) {
            self.calls.insert((session.tunnel, session.call), id);
            self.count += usize::from(place.replace(Box::new(session)).is_none());
        }
    }

    /// The session of this number.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(place(id))?.as_deref()
    }

    /// The same, to work with.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(place(id))?.as_deref_mut()
    }

    /// The session of a call.
    #[must_use]
    pub fn of_call(&self, tunnel: TunnelId, call: CallId) -> Option<SessionId> {
        self.calls.get(&(tunnel, call)).copied()
    }

    /// The sessions of a tunnel.
    pub fn of_tunnel(&self, tunnel: TunnelId) -> impl Iterator<Item = SessionId> {
        self.calls
            .range((tunnel, CallId(0))..=(tunnel, CallId(u16::MAX)))
            .map(|(_, id)| *id)
    }

    /// Takes a session out; its number rests.
    pub fn remove(&mut self, now: Instant, id: SessionId) -> Option<Box<Session>> {
        let session = self.sessions.get_mut(place(id))?.take()?;
        self.count -= 1;
        self.rested.push_back((now, id));
        self.calls.remove(&(session.tunnel, session.call));
        self.users.remove(&(folded(&session.user), id));
        if self.addresses.get(&session.address) == Some(&id) {
            self.addresses.remove(&session.address);
        }
        Some(session)
    }

    /// Says who a session is.
    pub fn name(&mut self, id: SessionId, user: &str) {
        let Some(session) = self.sessions.get_mut(place(id)).and_then(Option::as_mut) else {
            return;
        };
        if !session.user.is_empty() {
            self.users.remove(&(folded(&session.user), id));
        }
        session.user = user.into();
        if !user.is_empty() {
            self.users.insert((folded(user), id));
        }
    }

    /// Gives a session an address. The one that has it is not found by it any more.
    pub fn address(&mut self, id: SessionId, address: Ipv4Addr) {
        if let Some(session) = self.sessions.get_mut(place(id)).and_then(Option::as_mut) {
            if self.addresses.get(&session.address) == Some(&id) {
                self.addresses.remove(&session.address);
            }
            session.address = address;
            if !address.is_unspecified() {
                self.addresses.insert(address, id);
            }
        }
    }

    /// The session with this address.
    #[must_use]
    pub fn of_address(&self, address: Ipv4Addr) -> Option<SessionId> {
        self.addresses.get(&address).copied()
    }

    /// The sessions of a user whatever the case of the name, in the order of their numbers.
    pub fn of_user(&self, user: &str) -> impl Iterator<Item = &Session> {
        let name = folded(user);
        let first = (name.clone(), SessionId(0));
        self.users
            .range(first..)
            .take_while(move |(other, _)| *other == name)
            .filter_map(|(_, id)| self.get(*id))
    }

    /// The names of users that begin like this, whatever the case, in their order.
    pub fn users<'t>(&'t self, begin: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        let begin = folded(begin);
        let first = (begin.clone(), SessionId(0));
        self.users
            .range(first..)
            .take_while(move |(name, _)| name.starts_with(&*begin))
            .filter_map(|(_, id)| self.get(*id).map(|session| &*session.user))
    }

    /// All sessions with numbers from `from` on, in their order.
    pub fn from(&self, from: SessionId) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions
            .get(place(from.max(SessionId(1)))..)
            .unwrap_or_default()
            .iter()
            .filter_map(Option::as_deref)
    }

    /// All sessions.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.from(SessionId(1))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn place(id: SessionId) -> usize {
    (id.0 as usize).wrapping_sub(1)
}

/// Names that differ in their case alone are one user's.
fn folded(user: &str) -> Box<str> {
    user.to_lowercase().into_boxed_str()
}
