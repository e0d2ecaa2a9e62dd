//! Putting fragments together (RFC 791 section 3.2). Memory is bounded: in all, for each source, and for each
//! datagram in pieces.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_wire::ip::{Ipv4, Sum};

/// What a piece costs besides its octets: an attacker sends the shortest ones.
const PIECE_COST: usize = 64;
/// What a datagram costs besides its pieces.
const DATAGRAM_COST: usize = 256;
/// The most memory for all, octets.
const MOST_MEMORY: usize = 4 << 20;
/// The most datagrams of one source at a time.
const MOST_OF_SOURCE: usize = 16;
/// The most pieces of a datagram: one of 64 KiB in pieces of 64 octets.
const MOST_PIECES: usize = 1024;

/// What belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The source.
    pub src: Ipv4Addr,
    /// The destination.
    pub dst: Ipv4Addr,
    /// The identification.
    pub ident: u16,
    /// The protocol.
    pub protocol: u8,
}

/// A datagram whose parts are gathered.
#[derive(Clone, Debug)]
pub struct Partial {
    /// The header of the first fragment, once it came.
    header: Vec<u8>,
    /// Pieces by offset; they do not overlap.
    pieces: Vec<(usize, Vec<u8>)>,
    /// Octets of payload, once the last fragment came.
    total: Option<usize>,
    /// When it is given up.
    pub due: Instant,
    cost: usize,
    /// It came as a broadcast of the link.
    broadcast: bool,
}

impl Partial {
    /// Octets of payload, 0 when not known.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total.unwrap_or(0)
    }

    /// Where the pieces begin, and the octet behind them.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pieces
            .iter()
            .map(|(at, octets)| (*at, at + octets.len()))
    }

    /// The header of the first fragment and eight octets of its payload, when they came.
    fn quote(&self) -> Option<Vec<u8>> {
        let (at, first) = self.pieces.first()?;
        if self.header.is_empty() || *at > 0 || self.broadcast {
            return None;
        }
        let mut quote = self.header.clone();
        quote.extend(first.iter().take(8));
        Some(quote)
    }
}

/// What became of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More is needed.
    Waiting,
    /// A whole datagram.
    Whole(Vec<u8>),
    /// It contradicts others or is too much: it is dropped.
    Refused,
}

/// All datagrams in parts.
#[derive(Clone, Debug)]
pub struct Reassembly {
    partial: HashMap<Key, Partial>,
    memory: usize,
    /// `ip rtimer`: how long a datagram waits for its next fragment.
    pub timeout: Duration,
    /// The first deadline, or an earlier time.
    next: Option<Instant>,
}

impl Default for Reassembly {
    fn default() -> Self {
        Self {
            partial: HashMap::new(),
            memory: 0,
            timeout: Duration::from_secs(30),
            next: None,
        }
    }
}

impl Reassembly {
    /// A fragment came. Octets that are there already stay before a new piece, and new ones take the place of the
    /// front of later pieces.
    pub fn add(&mut self, now: Instant, fragment: &Ipv4<'_>, broadcast: bool) -> Outcome {
        let key = Key {
            src: fragment.src(),
            dst: fragment.dst(),
            ident: fragment.ident(),
            protocol: fragment.protocol(),
        };
        let (start, octets) = (fragment.fragment_offset(), fragment.payload());
        let end = start + octets.len();
        let more = fragment.more_fragments();
        // All but the last are whole blocks of eight octets, and the whole has a length field.
        if octets.is_empty()
            || more && !octets.len().is_multiple_of(8)
            || end + Ipv4::MIN_HEADER > 0xffff
        {
            self.give_up(&key);
            return Outcome::Refused;
        }
        if !self.make_room(&key, octets.len()) {
            return Outcome::Refused;
        }
        let due = now + self.timeout;
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
        let memory = &mut self.memory;
        let partial = self.partial.entry(key).or_insert_with(|| {
            *memory += DATAGRAM_COST;
            Partial {
                header: Vec::new(),
                pieces: Vec::new(),
                total: None,
                due,
                cost: DATAGRAM_COST,
                broadcast,
            }
        });
        partial.due = due;
        partial.broadcast |= broadcast;
        let highest = partial
            .pieces
            .last()
            .map_or(0, |(at, piece)| at + piece.len());
        let fits = match partial.total {
            Some(total) => end <= total && (more || end == total),
            None => more || end >= highest,
        };
        if !fits || partial.pieces.len() >= MOST_PIECES {
            self.give_up(&key);
            return Outcome::Refused;
        }
        if !more {
            partial.total = Some(end);
        }
        if start == 0 && partial.header.is_empty() {
            partial.header = fragment.header().to_vec();
        }
        partial.insert(start, octets);
        let cost = DATAGRAM_COST
            + partial.header.len()
            + partial
                .pieces
                .iter()
                .map(|(_, piece)| piece.len() + PIECE_COST)
                .sum::<usize>();
        self.memory = self.memory - partial.cost + cost;
        partial.cost = cost;
        if !partial.is_whole() {
            return Outcome::Waiting;
        }
        match self.take(&key).and_then(Partial::finish) {
            Some(whole) => Outcome::Whole(whole),
            None => Outcome::Refused,
        }
    }

    fn take(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partial.remove(key)?;
        self.memory -= partial.cost;
        Some(partial)
    }

    fn give_up(&mut self, key: &Key) {
        self.take(key);
    }

    /// Makes room by giving up what is due first: among those of the same source when it has too many,
    /// otherwise among all.
    fn make_room(&mut self, key: &Key, octets: usize) -> bool {
        let is_new = !self.partial.contains_key(key);
        if is_new {
            let of_source = || {
                self.partial
                    .iter()
                    .filter(|(other, _)| other.src == key.src)
            };
            if self.partial.len() >= MOST_OF_SOURCE && of_source().count() >= MOST_OF_SOURCE {
                let first = of_source().min_by_key(|(_, partial)| partial.due);
                if let Some(first) = first.map(|(first, _)| *first) {
                    self.give_up(&first);
                }
            }
        }
        let need = octets + PIECE_COST + DATAGRAM_COST + 60;
        if self.memory + need > MOST_MEMORY {
            // A quarter at once, so that a flood does not search the table for each fragment.
            let mut by_age: Vec<(Instant, Key)> = self
                .partial
                .iter()
                .map(|(key, partial)| (partial.due, *key))
                .collect();
            by_age.sort_unstable();
            for (_, old) in by_age {
                if self.memory + need <= MOST_MEMORY * 3 / 4 {
                    break;
                }
                if old != *key {
                    self.give_up(&old);
                }
            }
        }
        self.memory + need <= MOST_MEMORY
    }

    /// Gives up what waited too long: `quotes` gets the header and eight octets of those whose first fragment is
    /// there. How many were given up.
    pub fn handle_timeout(&mut self, now: Instant, quotes: &mut Vec<Vec<u8>>) -> u64 {
        if self.next.is_none_or(|next| next > now) {
            return 0;
        }
        let due: Vec<Key> = self
            .partial
            .iter()
            .filter(|(_, partial)| partial.due <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in &due {
            quotes.extend(self.take(key).as_ref().and_then(Partial::quote));
        }
        self.next = self.partial.values().map(|partial| partial.due).min();
        due.len() as u64
    }

    /// When to call [`Reassembly::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// All datagrams in parts, sorted.
    #[must_use]
    pub fn listed(&self) -> Vec<(&Key, &Partial)> {
        let mut all: Vec<_> = self.partial.iter().collect();
        all.sort_by_key(|(key, _)| **key);
        all
    }

    /// Memory in use, octets.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }
}

impl Partial {
    fn insert(&mut self, start: usize, octets: &[u8]) {
        let end = start + octets.len();
        let at = self.pieces.partition_point(|(from, _)| *from <= start);
        // What is before stays.
        let before = at.checked_sub(1).and_then(|before| self.pieces.get(before));
        let cut = before.map_or(0, |(from, piece)| {
            (from + piece.len()).saturating_sub(start)
        });
        let Some(fresh) = octets.get(cut..).filter(|fresh| !fresh.is_empty()) else {
            return;
        };
        // What is behind makes room.
        let mut covered = at;
        while let Some((from, piece)) = self.pieces.get_mut(covered) {
            if *from >= end {
                break;
            }
            if *from + piece.len() > end {
                piece.drain(..end - *from);
                *from = end;
                break;
            }
            covered += 1;
        }
        let new = (start + cut, fresh.to_vec());
        self.pieces.splice(at..covered, [new]);
    }

    fn is_whole(&self) -> bool {
        let Some(total) = self.total.filter(|_| !self.header.is_empty()) else {
            return false;
        };
        let mut next = 0;
        for (at, piece) in &self.pieces {
            if *at != next {
                return false;
            }
            next += piece.len();
        }
        next == total
    }

    /// The datagram, with a header that is not a fragment's. `None`: with this header it would be too long.
    fn finish(self) -> Option<Vec<u8>> {
        let total = u16::try_from(self.header.len() + self.total?).ok()?;
        let mut whole = Vec::with_capacity(total.into());
        whole.extend_from_slice(&self.header);
        for (_, piece) in &self.pieces {
            whole.extend_from_slice(piece);
        }
        let header = whole.get_mut(..self.header.len())?;
        header.get_mut(2..4)?.copy_from_slice(&total.to_be_bytes());
        header.get_mut(6..8)?.fill(0);
        header.get_mut(10..12)?.fill(0);
        let checksum = Sum::new().octets(header).checksum();
        header
            .get_mut(10..12)?
            .copy_from_slice(&checksum.to_be_bytes());
        Some(whole)
    }
}

#[cfg(test)]
mod tests;
