//! Queries: the way to a destination, which each node on it writes down.

use std::fmt;

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::{Packet, Query};

use crate::flexnet::{Event, FlexNet};
use crate::peer::Peer;

/// In place of the rest of the way, when nobody knows it.
const UNKNOWN: &str = "???";

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was sent to a neighbour under this number; [`Event::Result`] brings the answer.
    Sent(Call, u16),
    /// The answer is known here.
    Known(String),
}

/// Why a question is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// Nobody announced it.
    NotFound(Call),
    /// No neighbour reaches it any more.
    NotReachable(Call),
    /// The way has no place for more.
    TooManyHops,
    /// Too many packets wait for the neighbour.
    CouldNotSend(Call),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(call) => write!(f, "Destination \"{call}\" not found"),
            Self::NotReachable(call) => write!(f, "Destination \"{call}\" not reachable"),
            Self::TooManyHops => f.write_str("Too many hops"),
            Self::CouldNotSend(call) => write!(f, "Could not send query to {call}"),
        }
    }
}

impl std::error::Error for QueryError {}

/// A way as it is written down.
struct Way {
    hops: u8,
    number: u16,
    trace: bool,
    names: String,
}

impl Way {
    fn push(&mut self, name: &str) {
        if !self.names.is_empty() {
            self.names.push(' ');
        }
        self.names += name;
    }

    fn calls(&self) -> impl Iterator<Item = Option<Call>> {
        let names = self.names.split(' ');
        names.map(|name| Call::parse(name).ok())
    }

    /// The query, or the answer to it, if the way is not too long.
    fn query(&self) -> Option<Query<'_>> {
        // Before the names are the PID, the kind, and seven octets; behind them is the end.
        let fits = self.names.len() + 9 <= Packet::MOST;
        let mut query = Query::new(self.hops, self.number, self.names.as_bytes()).ok()?;
        query.trace = self.trace;
        fits.then_some(query)
    }
}

impl FlexNet {
    /// Asks for the way to a destination (`flexnet query`).
    ///
    /// # Errors
    /// It cannot be reached, or the question cannot be sent.
    pub fn query(&mut self, target: Call) -> Result<Asked, QueryError> {
        let found = self.table.find(target);
        let (_, destination) = found.ok_or(QueryError::NotFound(target))?;
        let (place, _) = destination.best.ok_or(QueryError::NotReachable(target))?;
        let number = self.next_query;
        let mut way = Way {
            hops: 0,
            number,
            trace: false,
            names: String::new(),
        };
        let peer = self.peers.get(place).and_then(Option::as_ref);
        let peer = peer.ok_or(QueryError::NotReachable(target))?;
        let call = peer.call;
        if let Some(own) = peer.local_call() {
            way.push(&own.to_string());
        }
        self.append_hop(&mut way, place);
        if call == target {
            return Ok(Asked::Known(way.names));
        }
        way.push(&target.to_string());
        let query = way.query().ok_or(QueryError::TooManyHops)?;
        let peer = self.peer_mut(place);
        if !peer.is_some_and(|peer| peer.push(&Packet::Query(query))) {
            self.counters.queue_full += 1;
            return Err(QueryError::CouldNotSend(call));
        }
        self.next_query = number.wrapping_add(1);
        Ok(Asked::Sent(call, number))
    }

    /// Writes down the way to a neighbour: who only repeats in small letters.
    fn append_hop(&self, way: &mut Way, place: usize) {
        if let Some(Some(peer)) = self.peers.get(place) {
            for digi in &peer.path {
                way.push(&digi.to_string().to_ascii_lowercase());
            }
            way.push(&peer.call.to_string());
        }
    }

    /// A query, or the answer to one, came from a neighbour.
    pub(crate) fn query_received(&mut self, from: usize, query: &Query<'_>, result: bool) {
        let names: Vec<&str> = query.names().collect();
        let Some((target, passed)) = names.split_last().filter(|(_, passed)| !passed.is_empty())
        else {
            self.counters.queries_dropped += 1;
            return;
        };
        if query.hops > Query::MOST_HOPS {
            self.counters.queries_dropped += 1;
            return;
        }
        let mut way = Way {
            hops: query.hops + 1,
            number: query.number,
            trace: query.trace,
            names: passed.join(" "),
        };
        let Ok(call) = Call::parse(target) else {
            self.counters.queries_dropped += 1;
            return;
        };
        if result || self.own.contains(&call) {
            way.push(target);
            self.answer(&way);
            return;
        }
        let found = self.table.find(call);
        let best = found.and_then(|(_, destination)| destination.best);
        let next = best.and_then(|(place, _)| {
            let next = self.peers.get(place)?.as_ref()?.call;
            // A way that leads back is none.
            let new = place != from && way.calls().all(|passed| passed != Some(next));
            new.then_some((place, next))
        });
        match next {
            Some((place, next)) => {
                self.append_hop(&mut way, place);
                if next == call {
                    self.answer(&way);
                    return;
                }
                way.push(target);
                self.forward(place, &way, Packet::Query);
            }
            None => {
                way.push(UNKNOWN);
                way.push(target);
                self.answer(&way);
            }
        }
    }

    /// Brings an answer nearer to who asked.
    fn answer(&mut self, way: &Way) {
        let Some(source) = way.calls().next().flatten() else {
            self.counters.queries_dropped += 1;
            return;
        };
        if self.own.contains(&source) {
            self.event(Event::Result(way.number, way.names.clone()));
            return;
        }
        // Back to the node before us; who does not write that down finds the way by its own table.
        let mut back = None;
        let mut before = None;
        for call in way.calls().flatten() {
            if self.own.contains(&call) {
                back = before;
            }
            let place = self.place(call);
            before = place.filter(|place| self.is_up(*place)).or(before);
        }
        let table = || {
            let (_, destination) = self.table.find(source)?;
            Some(destination.best?.0)
        };
        match back.or_else(table) {
            Some(place) => self.forward(place, way, Packet::QueryResult),
            None => self.counters.queries_dropped += 1,
        }
    }

    fn is_up(&self, place: usize) -> bool {
        let peer = self.peers.get(place).and_then(Option::as_ref);
        peer.is_some_and(Peer::is_up)
    }

    fn forward<'w>(&mut self, place: usize, way: &'w Way, kind: fn(Query<'w>) -> Packet<'w>) {
        let Some(query) = way.query() else {
            self.counters.queries_dropped += 1;
            return;
        };
        let peer = self.peer_mut(place);
        if !peer.is_some_and(|peer| peer.push(&kind(query))) {
            self.counters.queue_full += 1;
        }
    }
}
