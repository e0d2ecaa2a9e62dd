//! Octets of a terminal as keys: of ANSI terminals and of those of HP.

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character that is to stand in the line.
    Char(char),
    /// To the beginning of the line.
    Home,
    /// To its end.
    End,
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// To the beginning of the word.
    WordLeft,
    /// To the end of the word.
    WordRight,
    /// Deletes the character before the cursor.
    Erase,
    /// Deletes the character at the cursor.
    Delete,
    /// Deletes the word before the cursor.
    EraseWord,
    /// Deletes the word at the cursor.
    DeleteWord,
    /// Deletes from the cursor on.
    EraseRest,
    /// Deletes the whole line.
    EraseLine,
    /// The line entered before.
    Earlier,
    /// The line entered after.
    Later,
    /// Looks for a line entered before.
    Search,
    /// The next octet is a character, whatever it is otherwise.
    Quote,
    /// Writes the line again.
    Redraw,
    /// The line is entered.
    Enter,
    /// The line is handed over without its end.
    HandOver,
    /// A function key, 1 to 12.
    Function(u8),
    /// A key that is known and does nothing.
    Nothing,
}

/// The control character of a letter.
pub const fn control(letter: u8) -> u8 {
    letter & 0x1f
}

const ESC: u8 = 0x1b;

/// What stands behind ESC, and which key it is.
const SEQUENCES: &[(&[u8], Key)] = &[
    (b"b", Key::WordLeft),
    (b"f", Key::WordRight),
    (b"d", Key::DeleteWord),
    (b"\x08", Key::EraseWord),
    (b"\x7f", Key::EraseWord),
    // ANSI (ECMA-48) and the key pads of the VT100 family.
    (b"[A", Key::Earlier),
    (b"[B", Key::Later),
    (b"[C", Key::Right),
    (b"[D", Key::Left),
    (b"[H", Key::Home),
    (b"[F", Key::End),
    (b"OA", Key::Earlier),
    (b"OB", Key::Later),
    (b"OC", Key::Right),
    (b"OD", Key::Left),
    (b"OH", Key::Home),
    (b"OF", Key::End),
    (b"[1~", Key::Home),
    (b"[2~", Key::Nothing),
    (b"[3~", Key::Delete),
    (b"[4~", Key::End),
    (b"[5~", Key::Earlier),
    (b"[6~", Key::Later),
    (b"[7~", Key::Home),
    (b"[8~", Key::End),
    (b"[11~", Key::Function(1)),
    (b"[12~", Key::Function(2)),
    (b"[13~", Key::Function(3)),
    (b"[14~", Key::Function(4)),
    (b"[15~", Key::Function(5)),
    (b"[17~", Key::Function(6)),
    (b"[18~", Key::Function(7)),
    (b"[19~", Key::Function(8)),
    (b"[20~", Key::Function(9)),
    (b"[21~", Key::Function(10)),
    (b"[23~", Key::Function(11)),
    (b"[24~", Key::Function(12)),
    (b"OP", Key::Function(1)),
    (b"OQ", Key::Function(2)),
    (b"OR", Key::Function(3)),
    (b"OS", Key::Function(4)),
    (b"OT", Key::Function(5)),
    (b"OU", Key::Function(6)),
    (b"OV", Key::Function(7)),
    (b"OW", Key::Function(8)),
    (b"OX", Key::Function(9)),
    (b"OY", Key::Function(10)),
    (b"[P", Key::Function(1)),
    (b"[Q", Key::Function(2)),
    (b"[R", Key::Function(3)),
    (b"[S", Key::Function(4)),
    (b"[T", Key::Function(5)),
    (b"[U", Key::Function(6)),
    (b"[V", Key::Function(7)),
    (b"[W", Key::Function(8)),
    (b"[X", Key::Function(9)),
    (b"[Y", Key::Function(10)),
    // HP terminals.
    (b"A", Key::Earlier),
    (b"V", Key::Earlier),
    (b"B", Key::Later),
    (b"U", Key::Later),
    (b"C", Key::Right),
    (b"D", Key::Left),
    (b"H", Key::Home),
    (b"h", Key::Home),
    (b"F", Key::End),
    (b"Y", Key::End),
    (b"&r1L", Key::Home),
    (b"&r1R", Key::End),
    (b"P", Key::Delete),
    (b"K", Key::EraseRest),
    (b"G", Key::EraseRest),
    (b"M", Key::EraseLine),
    (b"J", Key::EraseLine),
    (b"Q", Key::Nothing),
    (b"L", Key::Nothing),
    (b"S", Key::Nothing),
    (b"T", Key::Nothing),
    (b"p", Key::Function(1)),
    (b"q", Key::Function(2)),
    (b"r", Key::Function(3)),
    (b"s", Key::Function(4)),
    (b"t", Key::Function(5)),
    (b"u", Key::Function(6)),
    (b"v", Key::Function(7)),
    (b"w", Key::Function(8)),
];

/// The longest of them.
const LONGEST: usize = 4;

/// Makes keys of octets. Those that are no UTF-8 are dropped: nobody could show them.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// What came of a sequence or a character so far.
    have: [u8; LONGEST + 1],
    length: usize,
    /// The last octet was CR: LF or NUL behind it belong to it.
    after_cr: bool,
    quoted: bool,
}

impl Decoder {
    /// Whether the next octet is a character, whatever it is otherwise.
    pub fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// Makes what comes next a character, whatever it is otherwise.
    pub fn quote(&mut self) {
        self.quoted = true;
    }

    /// Forgets the beginning of a sequence.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes an octet; `key` is called for each key that is whole now: several when a sequence turns
    /// out to be none.
    pub fn feed(&mut self, octet: u8, mut key: impl FnMut(Key)) {
        let after_cr = std::mem::take(&mut self.after_cr);
        if self.length == 0 {
            if octet == 0 || after_cr && octet == b'\n' {
                return;
            }
            if octet < 0x80 && std::mem::take(&mut self.quoted) {
                key(Key::Char(char::from(octet)));
                return;
            }
            if octet < 0x80 && octet != ESC {
                self.after_cr = octet == b'\r';
                key(plain(octet));
                return;
            }
        }
        if let Some(place) = self.have.get_mut(self.length) {
            *place = octet;
            self.length += 1;
        }
        let have = self.have;
        let have = have.get(..self.length).unwrap_or_default();
        if let Some((&ESC, rest)) = have.split_first() {
            let found = SEQUENCES.iter().find(|(sequence, _)| *sequence == rest);
            if let Some((_, found)) = found {
                self.length = 0;
                key(*found);
            } else if !SEQUENCES.iter().any(|(known, _)| known.starts_with(rest)) {
                // No key: what came are characters.
                self.length = 0;
                let mut characters = have.iter().filter(|octet| octet.is_ascii());
                characters.by_ref().for_each(|&octet| {
                    key(Key::Char(char::from(octet)));
                });
            }
            return;
        }
        match std::str::from_utf8(have) {
            Ok(text) => {
                self.length = 0;
                self.quoted = false;
                text.chars().for_each(|c| key(Key::Char(c)));
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                self.length = 0;
                // What cannot go on the character may be a key of its own.
                if have.len() > 1 {
                    self.feed(octet, key);
                }
            }
        }
    }
}

fn plain(octet: u8) -> Key {
    const A: u8 = control(b'A');
    const B: u8 = control(b'B');
    const D: u8 = control(b'D');
    const E: u8 = control(b'E');
    const F: u8 = control(b'F');
    const H: u8 = control(b'H');
    const J: u8 = control(b'J');
    const K: u8 = control(b'K');
    const L: u8 = control(b'L');
    const M: u8 = control(b'M');
    const N: u8 = control(b'N');
    const P: u8 = control(b'P');
    const Q: u8 = control(b'Q');
    const R: u8 = control(b'R');
    const T: u8 = control(b'T');
    const U: u8 = control(b'U');
    const V: u8 = control(b'V');
    const W: u8 = control(b'W');
    const X: u8 = control(b'X');
    match octet {
        A => Key::Home,
        B => Key::Left,
        D => Key::Delete,
        E => Key::End,
        F => Key::Right,
        H | 0x7f => Key::Erase,
        J | M => Key::Enter,
        K => Key::EraseRest,
        L => Key::Redraw,
        N => Key::Later,
        P => Key::Earlier,
        R => Key::Search,
        T => Key::HandOver,
        U | X => Key::EraseLine,
        V | Q => Key::Quote,
        W => Key::EraseWord,
        _ => Key::Char(char::from(octet)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(octets: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys = Vec::new();
        for &octet in octets {
            decoder.feed(octet, |key| keys.push(key));
        }
        keys
    }

    #[test]
    fn every_sequence_is_its_key() {
        for (sequence, key) in SEQUENCES {
            let octets = [b"\x1b", *sequence].concat();
            assert_eq!(keys(&octets), [*key], "{}", octets.escape_ascii());
            assert!(sequence.len() <= LONGEST);
            let shorter = SEQUENCES
                .iter()
                .find(|(other, _)| sequence.starts_with(other) && other != sequence);
            assert_eq!(shorter, None, "never reached");
        }
    }

    #[test]
    fn what_is_no_sequence_is_text() {
        let text = |text: &str| text.chars().map(Key::Char).collect::<Vec<_>>();
        assert_eq!(keys(b"\x1bz"), text("\x1bz"));
        assert_eq!(keys(b"\x1b[9~"), text("\x1b[9~"));
        assert_eq!(keys(b"\x1b["), []);
        assert_eq!(keys("\x1bä".as_bytes()), [Key::Char('\x1b')]);
        assert_eq!(keys("aäß€😀".as_bytes()), text("aäß€😀"));
        assert_eq!(keys(b"\xc3a\xff\xe2\x82d"), text("ad"));
        assert_eq!(keys(b"a\0\tb"), text("a\tb"));
    }

    #[test]
    fn line_ends() {
        use Key::Enter;
        assert_eq!(keys(b"\r\n"), [Enter]);
        assert_eq!(keys(b"\n\r\r\n\n"), [Enter; 4]);
        assert_eq!(keys(b"\r\0\x14"), [Enter, Key::HandOver]);
    }

    #[test]
    fn what_is_quoted_is_a_character() {
        let mut decoder = Decoder::default();
        let mut keys = Vec::new();
        for octet in *b"\x1b\x01\xc3\xa4\x01" {
            decoder.quote();
            decoder.feed(octet, |key| keys.push(key));
        }
        assert_eq!(keys, ['\x1b', '\x01', 'ä', '\x01'].map(Key::Char));
        assert!(!decoder.is_quoted());
    }

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(keys(&octets).len() <= octets.len());
        }
    }
}
