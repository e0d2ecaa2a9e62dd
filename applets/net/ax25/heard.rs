//! Who was heard, and for whom there were frames.

use std::collections::HashMap;
use std::time::Instant;

use wanbox_wire::ax25::Call;

use crate::Port;

/// The most entries of a list; the oldest makes room.
const MOST_HEARD: usize = 2048;

/// Frames of a station, or for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When there was the last one.
    pub last: Instant,
    /// How many there were.
    pub frames: u64,
    /// The order of entries of one instant.
    turn: u64,
}

/// A list of call signs by line.
#[derive(Debug, Default)]
pub struct Heard {
    table: HashMap<(Port, Call), Seen>,
    turn: u64,
}

impl Heard {
    /// One more frame.
    pub fn count(&mut self, now: Instant, port: Port, call: Call) {
        self.turn += 1;
        let turn = self.turn;
        if let Some(seen) = self.table.get_mut(&(port, call)) {
            *seen = Seen {
                last: now,
                frames: seen.frames + 1,
                turn,
            };
            return;
        }
        if self.table.len() >= MOST_HEARD {
            // An eighth at once, so that not every frame of a flood has to look for the oldest.
            let mut turns: Vec<u64> = self.table.values().map(|seen| seen.turn).collect();
            let (_, limit, _) = turns.select_nth_unstable(MOST_HEARD / 8);
            let limit = *limit;
            self.table.retain(|_, seen| seen.turn > limit);
        }
        let seen = Seen {
            last: now,
            frames: 1,
            turn,
        };
        self.table.insert((port, call), seen);
    }

    /// What is known of a call sign on a line.
    #[must_use]
    pub fn get(&self, port: Port, call: Call) -> Option<&Seen> {
        self.table.get(&(port, call))
    }

    /// The call signs of a line, the latest first.
    #[must_use]
    pub fn listed(&self, port: Port) -> Vec<(Call, &Seen)> {
        let of_port = self.table.iter().filter(|((on, _), _)| *on == port);
        let mut all: Vec<_> = of_port.map(|((_, call), seen)| (*call, seen)).collect();
        all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.turn));
        all
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}
