//! Octets of a terminal as keys: control characters, escape sequences (ECMA-48), UTF-8.

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Tab,
    Home,
    End,
    Left,
    Right,
    Earlier,
    Later,
    /// What is left of the cursor.
    Erase,
    /// What is at the cursor.
    Delete,
    EraseLine,
    EraseWord,
    EraseRest,
    Redraw,
    /// ^C.
    Interrupt,
    /// ^D.
    EndOfInput,
    /// ^Z.
    Leave,
}

/// The longest escape sequence that is understood, octets behind `ESC [`.
const MAX_SEQUENCE: usize = 8;

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Plain,
    /// Behind ESC.
    Escape,
    /// Behind ESC O: one more.
    Single,
    /// Behind ESC [: up to a letter; its first number.
    Sequence { number: u16, length: usize },
    /// Within a character of this many octets.
    Utf8 {
        octets: [u8; 4],
        have: usize,
        want: usize,
    },
}

/// Makes keys of octets.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The last octet was CR: LF or NUL behind it belong to it.
    after_cr: bool,
}

impl Decoder {
    pub(super) fn feed(&mut self, octet: u8) -> Option<Key> {
        let after_cr = std::mem::take(&mut self.after_cr);
        match std::mem::take(&mut self.state) {
            State::Plain => self.plain(octet, after_cr),
            State::Escape => {
                match octet {
                    b'[' => {
                        self.state = State::Sequence {
                            number: 0,
                            length: 0,
                        }
                    }
                    b'O' => self.state = State::Single,
                    // A lone ESC before something else.
                    0..0x20 | 0x7f => return self.plain(octet, false),
                    _ => {}
                }
                None
            }
            State::Single => letter(octet, 0),
            State::Sequence { number, length } => {
                if (0x40..=0x7e).contains(&octet) {
                    return letter(octet, number);
                }
                if !(0x20..=0x7e).contains(&octet) || length >= MAX_SEQUENCE {
                    return self.plain(octet, false);
                }
                let number = match octet {
                    b'0'..=b'9' => number
                        .saturating_mul(10)
                        .saturating_add((octet - b'0').into()),
                    _ => number,
                };
                self.state = State::Sequence {
                    number,
                    length: length + 1,
                };
                None
            }
            State::Utf8 {
                mut octets,
                have,
                want,
            } => {
                if octet & 0xc0 != 0x80 {
                    // The character is not whole: it is dropped, what follows counts.
                    return self.plain(octet, false);
                }
                if let Some(place) = octets.get_mut(have) {
                    *place = octet;
                }
                if have + 1 < want {
                    self.state = State::Utf8 {
                        octets,
                        have: have + 1,
                        want,
                    };
                    return None;
                }
                let text = std::str::from_utf8(octets.get(..want).unwrap_or_default());
                let c = text.ok()?.chars().next()?;
                (!c.is_control()).then_some(Key::Char(c))
            }
        }
    }

    fn plain(&mut self, octet: u8, after_cr: bool) -> Option<Key> {
        /// The control character of a letter.
        const fn ctrl(letter: u8) -> u8 {
            letter & 0x1f
        }
        const A: u8 = ctrl(b'A');
        const B: u8 = ctrl(b'B');
        const C: u8 = ctrl(b'C');
        const D: u8 = ctrl(b'D');
        const E: u8 = ctrl(b'E');
        const F: u8 = ctrl(b'F');
        const H: u8 = ctrl(b'H');
        const K: u8 = ctrl(b'K');
        const L: u8 = ctrl(b'L');
        const N: u8 = ctrl(b'N');
        const P: u8 = ctrl(b'P');
        const U: u8 = ctrl(b'U');
        const W: u8 = ctrl(b'W');
        const Z: u8 = ctrl(b'Z');
        Some(match octet {
            b'\r' => {
                self.after_cr = true;
                Key::Enter
            }
            b'\n' | 0 if after_cr => return None,
            b'\n' => Key::Enter,
            b'\t' => Key::Tab,
            0x1b => {
                self.state = State::Escape;
                return None;
            }
            A => Key::Home,
            B => Key::Left,
            C => Key::Interrupt,
            D => Key::EndOfInput,
            E => Key::End,
            F => Key::Right,
            H | 0x7f => Key::Erase,
            K => Key::EraseRest,
            L => Key::Redraw,
            N => Key::Later,
            P => Key::Earlier,
            U => Key::EraseLine,
            W => Key::EraseWord,
            Z => Key::Leave,
            0..0x20 => return None,
            0x20..0x7f => Key::Char(char::from(octet)),
            _ => {
                let want = match octet {
                    0xc2..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf4 => 4,
                    _ => return None,
                };
                self.state = State::Utf8 {
                    octets: [octet, 0, 0, 0],
                    have: 1,
                    want,
                };
                return None;
            }
        })
    }
}

/// What a final letter of a sequence means.
fn letter(octet: u8, number: u16) -> Option<Key> {
    Some(match (octet, number) {
        (b'A', _) => Key::Earlier,
        (b'B', _) => Key::Later,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', 1 | 7) => Key::Home,
        (b'F', _) | (b'~', 4 | 8) => Key::End,
        (b'~', 3) => Key::Delete,
        _ => return None,
    })
}
