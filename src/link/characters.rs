//! Characters of an asynchronous line.
//!
//! [`Cutter`] cuts the stream of them into pieces: a piece ends when it is long enough, when
//! nothing more came for a while, or with a break. [`Unmarker`] reads what a serial port of the
//! kernel says of breaks and damaged characters among those that it gives (`PARMRK` of
//! termios(3)).

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// When a piece ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// After so many characters, 1 at least.
    pub length: usize,
    /// When no character came for so long. Zero: silence ends nothing.
    pub gap: Duration,
}

/// What ended a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is as long as pieces are.
    Length,
    /// Nothing followed in time.
    Silence,
    /// The other end sent a break. Such a piece may be empty.
    Break,
    /// The line is gone.
    Line,
}

/// What a cutter did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Characters taken.
    pub characters: u64,
    /// Pieces that were long enough.
    pub by_length: u64,
    /// Pieces that nothing followed in time.
    pub by_silence: u64,
    /// Breaks, each the end of a piece.
    pub breaks: u64,
    /// Pieces that the end of the line cut short.
    pub by_line: u64,
}

/// Cuts one stream of characters.
#[derive(Clone, Debug)]
pub struct Cutter {
    config: Config,
    piece: Vec<u8>,
    deadline: Option<Instant>,
    stats: Stats,
}

impl Cutter {
    /// A cutter that has nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let length = config.length.max(1);
        Self {
            config: Config { length, ..config },
            piece: Vec::with_capacity(length),
            deadline: None,
            stats: Stats::default(),
        }
    }

    /// What it did so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts anew.
    pub fn flush(&mut self) {
        self.stats = Stats::default();
    }

    /// Takes characters that came together, and gives the pieces that they complete to `each`.
    pub fn push(&mut self, now: Instant, characters: &[u8], mut each: impl FnMut(&[u8], End)) {
        // The timer may be served later than the line.
        self.handle_timeout(now, &mut each);
        self.stats.characters += characters.len() as u64;
        let mut rest = characters;
        while !rest.is_empty() {
            let room = self.config.length - self.piece.len();
            let (part, more) = rest.split_at(room.min(rest.len()));
            rest = more;
            if self.piece.is_empty() && part.len() == self.config.length {
                self.stats.by_length += 1;
                each(part, End::Length);
                continue;
            }
            self.piece.extend_from_slice(part);
            if self.piece.len() == self.config.length {
                self.end(End::Length, &mut each);
            }
        }
        let waits = !self.piece.is_empty() && !self.config.gap.is_zero();
        self.deadline = waits.then(|| now + self.config.gap);
    }

    /// A break came: the piece before it, be it empty, is given to `each`.
    pub fn push_break(&mut self, now: Instant, mut each: impl FnMut(&[u8], End)) {
        self.handle_timeout(now, &mut each);
        self.end(End::Break, &mut each);
    }

    /// The line is gone: what came before is given to `each`.
    pub fn finish(&mut self, mut each: impl FnMut(&[u8], End)) {
        if !self.piece.is_empty() {
            self.end(End::Line, &mut each);
        }
    }

    /// Gives a piece to `each` that nothing followed in time.
    pub fn handle_timeout(&mut self, now: Instant, mut each: impl FnMut(&[u8], End)) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.end(End::Silence, &mut each);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn end(&mut self, end: End, each: &mut impl FnMut(&[u8], End)) {
        let count = match end {
            End::Length => &mut self.stats.by_length,
            End::Silence => &mut self.stats.by_silence,
            End::Break => &mut self.stats.breaks,
            End::Line => &mut self.stats.by_line,
        };
        *count += 1;
        self.deadline = None;
        each(&self.piece, end);
        self.piece.clear();
    }
}

/// Begins a mark; the octet itself comes doubled.
const MARK: u8 = 0xff;

/// Where an unmarker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Among characters.
    #[default]
    Plain,
    /// Behind FF.
    Mark,
    /// Behind FF 00.
    Damaged,
}

/// Tells characters from marks: FF FF is the character FF, FF 00 00 a break, FF 00 and another
/// octet a character with a wrong parity or stop bit, which is dropped. A damaged NUL looks as a
/// break does.
#[derive(Clone, Debug, Default)]
pub struct Unmarker {
    place: Place,
    damaged: u64,
    malformed: u64,
}

impl Unmarker {
    /// Characters that came damaged.
    #[must_use]
    pub const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Marks that are none of the three, which no kernel writes.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Forgets half a mark: the line was away.
    pub fn reset(&mut self) {
        self.place = Place::Plain;
    }

    /// Reads what came, in whatever pieces, and gives the characters in it to `each`; none at
    /// all are a break.
    pub fn decode(&mut self, mut octets: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some((&octet, rest)) = octets.split_first() {
            match (self.place, octet) {
                (Place::Plain, _) => {
                    let end = octets.iter().position(|&octet| octet == MARK);
                    let (plain, rest) = octets.split_at(end.unwrap_or(octets.len()));
                    if !plain.is_empty() {
                        each(plain);
                    }
                    octets = rest.get(1..).unwrap_or_default();
                    if end.is_some() {
                        self.place = Place::Mark;
                    }
                    continue;
                }
                (Place::Mark, MARK) => each(&[MARK]),
                (Place::Mark, 0) => {
                    self.place = Place::Damaged;
                    octets = rest;
                    continue;
                }
                (Place::Mark, _) => self.malformed += 1,
                (Place::Damaged, 0) => each(&[]),
                (Place::Damaged, _) => self.damaged += 1,
            }
            self.place = Place::Plain;
            octets = rest;
        }
    }
}
