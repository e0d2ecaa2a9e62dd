//! Who was heard, and for whom there were frames.

use std::collections::HashMap;
use std::time::Instant;

use wanbox_wire::ax25::{Call, Digi, Digis, pid};

use crate::Port;
use crate::ax25::in_turn;

/// The most entries of a list; the oldest makes room.
const MOST_HEARD: usize = 2048;

/// Protocols that are told apart.
const PROTOCOLS: [u8; 6] = [
    pid::TEXT,
    pid::IP,
    pid::ARP,
    pid::NETROM,
    pid::FLEXNET,
    pid::X25,
];

/// Frames of a station, or for it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When there was the first one since the station is in the list.
    pub first: Instant,
    /// When there was the last one.
    pub last: Instant,
    /// How many there were.
    pub frames: u64,
    /// The digipeaters that had repeated the last one that was heard of it.
    pub via: Digis,
    /// What was heard of it, a bit for each of the protocols.
    protocols: u8,
    /// The order of entries of one instant.
    turn: u64,
}

impl Seen {
    /// A frame came by way of these, and is of this protocol, if of any.
    pub(crate) fn heard(&mut self, via: &[Digi], protocol: Option<u8>) {
        self.via = in_turn(via.iter().copied());
        for (at, known) in PROTOCOLS.into_iter().enumerate() {
            self.protocols |= u8::from(protocol == Some(known)) << at;
        }
    }

    /// The names of the protocols that were heard of it.
    pub fn protocols(&self) -> impl Iterator<Item = &'static str> {
        let bits = self.protocols;
        let all = PROTOCOLS.into_iter().enumerate();
        let heard = all.filter(move |(at, _)| bits & 1 << at != 0);
        heard.filter_map(|(_, protocol)| pid::name(protocol))
    }
}

/// A list of call signs by line.
#[derive(Debug, Default)]
pub struct Heard {
    table: HashMap<(Port, Call), Seen>,
    turn: u64,
}

impl Heard {
    /// One more frame.
    pub fn count(&mut self, now: Instant, port: Port, call: Call) -> &mut Seen {
        if self.table.len() >= MOST_HEARD && !self.table.contains_key(&(port, call)) {
            // An eighth at once, so that not every frame of a flood has to look for the oldest.
            let mut turns: Vec<u64> = self.table.values().map(|seen| seen.turn).collect();
            let (_, limit, _) = turns.select_nth_unstable(MOST_HEARD / 8);
            let limit = *limit;
            self.table.retain(|_, seen| seen.turn > limit);
        }
        let seen = self.table.entry((port, call)).or_insert(Seen {
            first: now,
            last: now,
            frames: 0,
            via: Digis::NONE,
            protocols: 0,
            turn: 0,
        });
        self.turn += 1;
        seen.turn = self.turn;
        seen.last = now;
        seen.frames += 1;
        seen
    }

    /// What is known of a call sign on a line.
    #[must_use]
    pub fn get(&self, port: Port, call: Call) -> Option<&Seen> {
        self.table.get(&(port, call))
    }

    /// All call signs with their lines, the latest first.
    #[must_use]
    pub fn latest(&self) -> Vec<(Port, Call, &Seen)> {
        let all = self.table.iter();
        let mut all: Vec<_> = all.map(|((on, call), seen)| (*on, *call, seen)).collect();
        all.sort_by_key(|(_, _, seen)| std::cmp::Reverse(seen.turn));
        all
    }

    /// The call signs of a line, the latest first.
    #[must_use]
    pub fn listed(&self, port: Port) -> Vec<(Call, &Seen)> {
        let all = self.latest().into_iter();
        all.filter_map(|(on, call, seen)| (on == port).then_some((call, seen)))
            .collect()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}
