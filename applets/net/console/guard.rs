//! What the network sends to somebody's screen, made harmless.
//!
//! A terminal does what control sequences say: it moves, deletes, answers, some even run programs.
//! Only a raw session may do that to it; everything else passes here.

/// Makes octets of the network text for a terminal.
///
/// Line ends, tabs, backspaces and bells pass. Other control characters are shown as `^A`, and
/// what is no UTF-8 as U+FFFD.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// A character that is not whole yet.
    have: [u8; 4],
    length: usize,
}

impl Guard {
    /// A guard at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes octets; what may be shown is added to `screen`.
    pub fn pass(&mut self, octets: &[u8], screen: &mut Vec<u8>) {
        for &octet in octets {
            self.take(octet, screen);
        }
    }

    fn take(&mut self, octet: u8, screen: &mut Vec<u8>) {
        if self.length == 0 && octet.is_ascii() {
            match octet {
                b'\r' | b'\n' | b'\t' | 0x08 | 0x07 => screen.push(octet),
                0 => {}
                0x01..0x20 | 0x7f => screen.extend([b'^', octet ^ 0x40]),
                _ => screen.push(octet),
            }
            return;
        }
        if let Some(place) = self.have.get_mut(self.length) {
            *place = octet;
            self.length += 1;
        }
        let have = self.have;
        let have = have.get(..self.length).unwrap_or_default();
        match std::str::from_utf8(have) {
            Ok(text) => {
                self.length = 0;
                if text.chars().any(char::is_control) {
                    screen.extend("\u{fffd}".bytes());
                } else {
                    screen.extend(have);
                }
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                let alone = self.length == 1;
                self.length = 0;
                screen.extend("\u{fffd}".bytes());
                // What cannot go on the character begins another.
                if !alone {
                    self.take(octet, screen);
                }
            }
        }
    }
}

/// For fuzzing: whatever comes, no terminal obeys.
pub fn fuzz_guard(octets: &[u8]) {
    let mut guard = Guard::new();
    let mut screen = Vec::new();
    let (first, second) = octets.split_at(octets.len() / 2);
    guard.pass(first, &mut screen);
    guard.pass(second, &mut screen);
    let text = std::str::from_utf8(&screen).unwrap_or("\x1b");
    let harmless = |c: char| !c.is_control() || "\r\n\t\x08\x07".contains(c);
    assert!(text.chars().all(harmless), "{text:?}");
    assert!(screen.len() <= 3 * octets.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(octets: &[u8]) -> String {
        let mut screen = Vec::new();
        Guard::new().pass(octets, &mut screen);
        String::from_utf8(screen).unwrap()
    }

    #[test]
    fn text_passes() {
        for text in ["", "73 de DK5SG\r\n", "a\tb\x08\x07", "grün 😀 €"] {
            assert_eq!(shown(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_a_terminal_obeys_does_not() {
        assert_eq!(shown(b"\x1b[2J\x1b]0;title\x07"), "^[[2J^[]0;title\x07");
        // The same of Latin-1, as octet and as character.
        assert_eq!(shown(b"\x9b2J"), "\u{fffd}2J");
        assert_eq!(shown("\u{9b}2J".as_bytes()), "\u{fffd}2J");
        assert_eq!(shown(b"a\0\x7f\x0eb"), "a^?^Nb");
        assert_eq!(shown(b"\xc3a\xe2\x82\xe2\x82\xac"), "\u{fffd}a\u{fffd}€");
    }

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            fuzz_guard(&octets);
        }
    }
}
