//! Patterns of addresses.

use std::fmt;

/// The addresses that an application listens for: digits, `?` for any digit, `*` for any number
/// of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: [u8; Self::MAX],
    length: u8,
}

impl Pattern {
    /// The longest pattern, characters.
    pub const MAX: usize = 32;

    /// `None`: it is too long, or another character is in it.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let known = |octet: &u8| octet.is_ascii_digit() || matches!(octet, b'*' | b'?');
        if !octets.iter().all(known) {
            return None;
        }
        let mut text = [0; Self::MAX];
        text.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self {
            text,
            length: octets.len() as u8,
        })
    }

    fn octets(&self) -> &[u8] {
        self.text.get(..self.length.into()).unwrap_or_default()
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        // It is made of ASCII characters.
        std::str::from_utf8(self.octets()).unwrap_or_default()
    }

    /// How many digits it has: of two patterns that match, the one with more of them is meant.
    pub fn digits(&self) -> usize {
        self.octets().iter().filter(|c| c.is_ascii_digit()).count()
    }

    /// It is one address.
    pub fn is_address(&self) -> bool {
        self.digits() == usize::from(self.length)
    }

    /// Whether an address is one of these.
    pub fn matches(&self, digits: &str) -> bool {
        let (pattern, digits) = (self.octets(), digits.as_bytes());
        let (mut at, mut place) = (0, 0);
        // Where to go on when what follows the last star does not match here.
        let mut star = None;
        while let Some(digit) = digits.get(at) {
            match pattern.get(place) {
                Some(b'*') => {
                    star = Some((place, at));
                    place += 1;
                    continue;
                }
                Some(c) if c == digit || *c == b'?' => {
                    at += 1;
                    place += 1;
                    continue;
                }
                _ => {}
            }
            let Some((star_place, from)) = star else {
                return false;
            };
            star = Some((star_place, from + 1));
            at = from + 1;
            place = star_place + 1;
        }
        pattern.iter().skip(place).all(|c| *c == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a text is a pattern.
pub fn is_pattern(text: &str) -> bool {
    Pattern::parse(text.as_bytes()).is_some()
}
