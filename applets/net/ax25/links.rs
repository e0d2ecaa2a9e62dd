//! The connections, by number and by both call signs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use slab::Slab;
use wanbox_wire::ax25::{Call, Header};

use crate::Port;
use crate::connection::{Connection, State};
use crate::segment::Reassembly;

/// The most connections, each half of a crosslink for itself.
pub(crate) const MOST_LINKS: usize = 1024;
/// Bits of a number that are its place in the table.
const PLACE_BITS: u32 = 12;

/// The number of a connection. One that is gone is not that of another before very many have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(u32);

impl LinkId {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The number as people type it: hexadecimal digits.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        u32::from_str_radix(word, 16).ok().map(Self)
    }

    const fn place(self) -> usize {
        (self.0 & ((1 << PLACE_BITS) - 1)) as usize
    }
}

/// Eight hexadecimal digits.
impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It begins or ends here.
    Own,
    /// It is half of a crosslink; the other one, while there is any.
    Half(Option<LinkId>),
}

/// A connection with its path and what waits around it.
#[derive(Debug)]
pub(crate) struct Link {
    pub id: LinkId,
    pub role: Role,
    /// What is put before its frames; the class is that of each frame.
    pub header: Header,
    /// The line; `None`: none leads there, and frames vanish.
    pub port: Option<Port>,
    pub connection: Connection,
    /// Somebody reads and writes text.
    pub user: bool,
    /// It was connected.
    pub up: bool,
    /// It is not connected, nor going to be.
    pub down: bool,
    /// It is closed when the packets that wait have been sent.
    pub closing: bool,
    /// How often the called station did not answer in time.
    pub silences: u32,
    /// How often the caller asked for the other half of a crosslink.
    pub paths: u8,
    /// Packets that wait for the connection: protocol and octets.
    pub packets: VecDeque<(u8, Vec<u8>)>,
    /// Octets of them.
    pub packet_octets: usize,
    /// Pieces of the first packet that were sent.
    pub cut: usize,
    pub reassembly: Reassembly,
    /// A user was refused room, and is told when there is some.
    pub wants_room: bool,
    /// The user knows that there is text.
    pub told: bool,
    /// It is in the list of those that may have frames.
    pub pending: bool,
    /// The time of its live entry in the heap of timers.
    pub due: Option<Instant>,
}

impl Link {
    pub const fn remote(&self) -> Call {
        self.header.destination
    }

    pub const fn local(&self) -> Call {
        self.header.source
    }

    pub fn is_disconnected(&self) -> bool {
        self.connection.state() == State::Disconnected
    }
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Links {
    all: Slab<Link>,
    /// Places by local and remote call sign.
    by_calls: HashMap<(Call, Call), LinkId>,
    timers: BinaryHeap<Reverse<(Instant, LinkId)>>,
    serial: u32,
}

impl Links {
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.all.get(id.place()).filter(|link| link.id == id)
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.all.get_mut(id.place()).filter(|link| link.id == id)
    }

    /// The connection between two call signs.
    pub fn find(&self, local: Call, remote: Call) -> Option<LinkId> {
        self.by_calls.get(&(local, remote)).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.all.iter().map(|(_, link)| link)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.all.iter_mut().map(|(_, link)| link)
    }

    /// A new connection; `None`: there are enough, or one between the same call signs.
    pub fn insert(
        &mut self,
        role: Role,
        header: Header,
        port: Option<Port>,
        connection: Connection,
    ) -> Option<LinkId> {
        let calls = (header.source, header.destination);
        if self.all.len() >= MOST_LINKS || self.by_calls.contains_key(&calls) {
            return None;
        }
        let entry = self.all.vacant_entry();
        self.serial = self.serial.wrapping_add(1);
        let id = LinkId(self.serial << PLACE_BITS | entry.key() as u32);
        entry.insert(Link {
            id,
            role,
            header,
            port,
            connection,
            user: false,
            up: false,
            down: false,
            closing: false,
            silences: 0,
            paths: 0,
            packets: VecDeque::new(),
            packet_octets: 0,
            cut: 0,
            reassembly: Reassembly::default(),
            wants_room: false,
            told: false,
            pending: false,
            due: None,
        });
        self.by_calls.insert(calls, id);
        Some(id)
    }

    pub fn remove(&mut self, id: LinkId) -> Option<Link> {
        self.get(id)?;
        let link = self.all.try_remove(id.place())?;
        self.by_calls.remove(&(link.local(), link.remote()));
        Some(link)
    }

    /// The deadline of a connection may have changed.
    pub fn arm(&mut self, id: LinkId) {
        let Some(link) = self.get_mut(id) else {
            return;
        };
        let next = link.connection.poll_timeout();
        let Some(next) = next else {
            return;
        };
        // A later deadline is looked up when the entry that is there comes.
        if link.due.is_none_or(|due| next < due) {
            link.due = Some(next);
            self.timers.push(Reverse((next, id)));
        }
        if self.timers.len() > 4 * self.all.len() + 64 {
            self.timers.clear();
            for (_, link) in &mut self.all {
                link.due = link.connection.poll_timeout();
                if let Some(due) = link.due {
                    self.timers.push(Reverse((due, link.id)));
                }
            }
        }
    }

    /// The next connection whose deadline has passed.
    pub fn poll_due(&mut self, now: Instant) -> Option<LinkId> {
        while let Some(&Reverse((due, id))) = self.timers.peek() {
            if due > now {
                return None;
            }
            self.timers.pop();
            let Some(link) = self.get_mut(id).filter(|link| link.due == Some(due)) else {
                continue;
            };
            link.due = None;
            match link.connection.poll_timeout() {
                Some(next) if next <= now => return Some(id),
                Some(_) => self.arm(id),
                None => {}
            }
        }
        None
    }

    /// When the next deadline is.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((due, _))| *due)
    }
}
