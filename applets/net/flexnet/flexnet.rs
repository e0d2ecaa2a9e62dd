//! Neighbours and their links.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Instant;

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::Packet;

use crate::counters::Counters;
use crate::peer::{Link, POLL_EVERY, Peer};
use crate::table::{Destination, Neighbour, Table, View};

/// The most neighbours.
pub const MOST_PEERS: usize = 32;
/// The most that came by themselves.
pub const MOST_LEARNED: usize = 24;
/// Events that nobody has asked for yet.
const MOST_EVENTS: usize = 64;

/// What the owner must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection to this neighbour is wanted; [`FlexNet::link_up`] or [`FlexNet::link_down`] says what came of it.
    Open(Call),
    /// The connection to this station is not needed any more.
    Close(Call),
    /// The answer to a query: its number, and the call signs on the way. Those of stations that only repeat
    /// frames are in small letters.
    Result(u16, String),
}

/// Why a neighbour is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It is this node, or everybody.
    Myself,
    /// There are too many.
    TooMany,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Myself => f.write_str("Cannot add link to myself"),
            Self::TooMany => write!(f, "Too many links (max {MOST_PEERS})"),
        }
    }
}

impl std::error::Error for LinkError {}

/// The state of the protocol.
#[derive(Clone, Debug, Default)]
pub struct FlexNet {
    /// What happened to packets.
    pub counters: Counters,
    pub(crate) own: Vec<Call>,
    pub(crate) peers: Vec<Option<Peer>>,
    pub(crate) table: Table,
    pub(crate) events: VecDeque<Event>,
    /// Call signs whose routes may have to be others.
    pub(crate) moved: BTreeSet<Call>,
    /// The neighbour that was served last.
    pub(crate) served: usize,
    /// The routes that were given out.
    pub(crate) routes: BTreeMap<Call, Call>,
    pub(crate) routes_changed: VecDeque<(Call, Option<Call>)>,
    /// The number of the next query.
    pub(crate) next_query: u16,
}

impl FlexNet {
    /// One without neighbours.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which call signs are this node's own: all of its interfaces', the most usual first.
    pub fn set_own(&mut self, calls: &[Call]) {
        if self.own != calls {
            self.own = calls.to_vec();
            self.all_moved();
        }
    }

    /// The neighbours, in the order of their call signs.
    #[must_use]
    pub fn peers(&self) -> Vec<&Peer> {
        let mut list: Vec<&Peer> = self.peers.iter().flatten().collect();
        list.sort_by_key(|peer| peer.call);
        list
    }

    /// The destinations, or the one that a call sign belongs to.
    #[must_use]
    pub fn destinations(&self, only: Option<Call>) -> Vec<View> {
        let view = |(call, destination): (Call, &Destination)| {
            let peers = self.peers.iter().enumerate();
            let neighbours = peers.filter_map(|(place, peer)| {
                let peer = peer.as_ref()?;
                Some(Neighbour {
                    call: peer.call,
                    delay: destination.delay(call, place, peer).unwrap_or(0),
                    told: destination.via(place).told.into(),
                })
            });
            View {
                call,
                max_ssid: destination.max_ssid,
                neighbours: neighbours.collect(),
            }
        };
        match only {
            Some(call) => self.table.find(call).map(view).into_iter().collect(),
            None => self
                .table
                .list
                .iter()
                .map(|(call, d)| view((*call, d)))
                .collect(),
        }
    }

    pub(crate) fn place(&self, call: Call) -> Option<usize> {
        let mut peers = self.peers.iter();
        peers.position(|peer| peer.as_ref().is_some_and(|peer| peer.call == call))
    }

    pub(crate) fn peer_mut(&mut self, place: usize) -> Option<&mut Peer> {
        self.peers.get_mut(place)?.as_mut()
    }

    fn create(&mut self, now: Instant, call: Call, permanent: bool) -> Result<usize, LinkError> {
        if self.own.contains(&call) || call.is_multicast() || call.is_none() {
            return Err(LinkError::Myself);
        }
        if let Some(place) = self.place(call) {
            return Ok(place);
        }
        let all = self.peers.iter().flatten();
        let learned = all.filter(|peer| !peer.permanent).count();
        if !permanent && learned >= MOST_LEARNED {
            return Err(LinkError::TooMany);
        }
        let free = self.peers.iter().position(Option::is_none);
        let place = match free {
            Some(place) => place,
            None if self.peers.len() >= MOST_PEERS => return Err(LinkError::TooMany),
            None => {
                self.peers.push(None);
                self.peers.len() - 1
            }
        };
        self.table.forget(place, true);
        self.peers[place] = Some(Peer::new(now, call, permanent));
        self.moved.insert(call.with_ssid(0));
        Ok(place)
    }

    /// Adds a neighbour that stays (`flexnet link add`), and asks for a connection at once.
    ///
    /// # Errors
    /// It is this node, or there are too many.
    pub fn add_link(&mut self, now: Instant, call: Call) -> Result<(), LinkError> {
        let place = self.create(now, call, true)?;
        if let Some(peer) = self.peer_mut(place) {
            peer.permanent = true;
            if peer.link == Link::Down {
                peer.link = Link::Opening;
                peer.outstanding = true;
                self.event(Event::Open(call));
            }
        }
        Ok(())
    }

    /// Lets go of a neighbour (`flexnet link delete`): whether there was one.
    pub fn delete_link(&mut self, call: Call) -> bool {
        match self.place(call) {
            Some(place) => {
                self.delete(place);
                self.clean();
                true
            }
            None => false,
        }
    }

    fn delete(&mut self, place: usize) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.table.forget(place, true);
        self.changed();
        self.all_moved();
        if peer.link != Link::Down {
            self.event(Event::Close(peer.call));
        }
    }

    /// A connection to a station is there. It is taken only if the station is a neighbour: strangers become one
    /// by what they send. `local` is our call sign on it, `path` the digipeaters between.
    pub fn link_up(&mut self, neighbour: Call, local: Call, link: u32, path: &[Call]) {
        if let Some(place) = self.place(neighbour) {
            self.begin(place, local, link, path);
        }
    }

    /// Takes a connection if it is another one than before.
    fn begin(&mut self, place: usize, local: Call, link: u32, path: &[Call]) {
        let Some(peer) = self.peer_mut(place) else {
            return;
        };
        if peer.link == Link::Up(link, local) {
            return;
        }
        peer.begin(Link::Up(link, local));
        peer.path = path.to_vec();
        peer.push(&Packet::Init {
            max_ssid: local.ssid(),
        });
        peer.poll();
        self.reset(place);
    }

    /// A neighbour begins anew: its records count no more, and everything is told to it again.
    pub(crate) fn reset(&mut self, place: usize) {
        let own = self.own.first().copied();
        if let Some(peer) = self.peer_mut(place) {
            let local = peer.local_call().or(own);
            peer.has_token = local.is_none_or(|local| peer.call >= local);
        }
        self.table.forget(place, true);
        self.changed();
    }

    /// A connection to a station is over, or could not be made.
    pub fn link_down(&mut self, neighbour: Call, link: u32) {
        let peer = self
            .place(neighbour)
            .and_then(|place| self.peers.get(place)?.as_ref());
        let other = peer.is_some_and(|peer| matches!(peer.link, Link::Up(up, _) if up != link));
        if !other {
            self.unreachable(neighbour);
        }
    }

    /// There is no connection to a station, and none can be made now.
    pub fn unreachable(&mut self, neighbour: Call) {
        let Some(place) = self.place(neighbour) else {
            return;
        };
        if let Some(peer) = self.peer_mut(place) {
            // Who could not be reached has not answered.
            let outstanding = peer.outstanding;
            peer.begin(Link::Down);
            peer.outstanding = outstanding;
        }
        self.reset(place);
        self.clean();
    }

    /// The neighbour that a packet came from; a new one is taken.
    pub(crate) fn neighbour(
        &mut self,
        now: Instant,
        call: Call,
        local: Call,
        link: u32,
        path: &[Call],
    ) -> Option<usize> {
        let Ok(place) = self.create(now, call, false) else {
            self.counters.too_many_peers += 1;
            return None;
        };
        self.begin(place, local, link, path);
        Some(place)
    }

    /// When [`FlexNet::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.peers.iter().flatten().map(|peer| peer.due).min()
    }

    /// Does what is due: neighbours that did not answer the last poll are given up, the others are polled.
    pub fn handle_timeout(&mut self, now: Instant) {
        for place in 0..self.peers.len() {
            let Some(peer) = self.peer_mut(place).filter(|peer| peer.due <= now) else {
                continue;
            };
            peer.due = now + POLL_EVERY;
            let silent = peer.outstanding;
            if silent && !peer.permanent {
                self.counters.silent += 1;
                self.delete(place);
                continue;
            }
            if silent {
                peer.is_silent();
            }
            let call = peer.call;
            match peer.link {
                Link::Up(..) => peer.poll(),
                Link::Down | Link::Opening => {
                    peer.link = Link::Opening;
                    peer.outstanding = true;
                    self.event(Event::Open(call));
                }
            }
            if silent {
                self.counters.silent += 1;
                self.table.forget(place, false);
                self.changed();
            }
            // Where there was no room before there may be some.
            self.all_moved();
        }
        self.clean();
    }

    /// What the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Keeps what the owner must know. Connections are asked for again with the next poll.
    pub(crate) fn event(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        }
    }

    /// Delays are others than before: neighbours may have to be told.
    pub(crate) fn changed(&mut self) {
        self.table.find_best(&self.peers, &mut self.moved);
        self.tell_all();
    }

    /// There may be something to tell neighbours.
    pub(crate) fn tell_all(&mut self) {
        for peer in self.peers.iter_mut().flatten() {
            peer.telling.due = true;
        }
    }

    /// All routes may have to be others: this is too much work for what a packet brings about.
    pub(crate) fn all_moved(&mut self) {
        let calls = self.table.list.keys().chain(self.routes.keys());
        self.moved = calls.map(|call| call.with_ssid(0)).collect();
    }

    /// Deletes what is neither known nor told any more.
    pub(crate) fn clean(&mut self) {
        self.table.clean();
    }
}
