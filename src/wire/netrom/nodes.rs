//! NODES broadcasts: what a node reaches, and how well.
//!
//! ```text
//! entry: destination, 7 | its name, 6 | neighbour through which it is reached best, 7 | quality, 1
//! ```

use std::fmt;

use super::call;
use crate::ParseError;
use crate::ax25::Call;

/// The octet in the place of a datagram's first one that tells of a broadcast.
const SIGNATURE: u8 = 0xff;

/// The name of a node: ASCII, blank at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ident(pub [u8; 6]);

impl Ident {
    /// No name.
    pub const NONE: Self = Self(*b"      ");

    /// Whether there is a name: it begins with more than a blank.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        self.0[0] > b' '
    }
}

/// The first six characters of a word as a name; case is kept, and what is not ASCII becomes `?`.
#[must_use]
pub fn ident(word: &str) -> Ident {
    let mut ident = Ident::NONE;
    for (to, character) in ident.0.iter_mut().zip(word.chars()) {
        *to = if character.is_ascii_graphic() || character == ' ' {
            character as u8
        } else {
            b'?'
        };
    }
    ident
}

/// Without blanks at the end; what is not ASCII is a dot.
impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(octets) = self;
        let shown = octets.map(|octet| match octet {
            b' '..=b'~' => octet,
            _ => b'.',
        });
        let text = std::str::from_utf8(&shown).unwrap_or_default();
        f.pad(text.trim_end_matches(' '))
    }
}

/// What a broadcast says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The node.
    pub destination: Call,
    /// Its name.
    pub ident: Ident,
    /// The neighbour of the sender through which it reaches the node best; the node itself when it does not.
    pub neighbour: Call,
    /// How well it is reached; 0: not at all.
    pub quality: u8,
}

impl Entry {
    /// Octets of an entry.
    pub const LENGTH: usize = 21;

    /// Appends the entry.
    pub fn append(&self, information: &mut Vec<u8>) {
        information.extend_from_slice(self.destination.octets());
        information.extend_from_slice(&self.ident.0);
        information.extend_from_slice(self.neighbour.octets());
        information.push(self.quality);
    }
}

/// A broadcast; an iterator over its entries, which end with the information or with a call sign that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nodes<'a> {
    /// The name of the sender.
    pub ident: Ident,
    entries: &'a [u8],
}

impl<'a> Nodes<'a> {
    /// The most entries of one frame.
    pub const MOST: usize = 11;

    /// Whether information is a broadcast and no datagram.
    #[must_use]
    pub const fn is_broadcast(information: &[u8]) -> bool {
        matches!(information, [SIGNATURE, ..])
    }

    /// Reads the information of a frame.
    ///
    /// # Errors
    /// It is no broadcast, or ends within the name of the sender.
    pub fn parse(information: &'a [u8]) -> Result<Self, ParseError> {
        let (head, entries) =
            information
                .split_first_chunk::<7>()
                .ok_or(ParseError::Truncated {
                    what: "NODES broadcast",
                    need: 7,
                    have: information.len(),
                })?;
        let [signature, name @ ..] = *head;
        if signature != SIGNATURE {
            return Err(ParseError::Invalid {
                what: "NODES broadcast",
                value: signature.into(),
                expected: "0xff",
            });
        }
        Ok(Self {
            ident: Ident(name),
            entries,
        })
    }

    /// Appends what comes before the entries.
    pub fn append_head(ident: Ident, information: &mut Vec<u8>) {
        information.push(SIGNATURE);
        information.extend_from_slice(&ident.0);
    }
}

impl Iterator for Nodes<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let (destination, rest) = call(self.entries).filter(|(call, _)| call.octets()[0] != 0)?;
        let (ident, rest) = rest.split_first_chunk::<6>()?;
        let (neighbour, rest) = call(rest)?;
        let (&quality, rest) = rest.split_first()?;
        self.entries = rest;
        Some(Entry {
            destination,
            ident: Ident(*ident),
            neighbour,
            quality,
        })
    }
}
