//! Octets as characters.

/// How the octets that users send each other are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// ISO 646.
    Ascii,
    /// Code page 037, of the United States and Canada.
    Ebcdic,
}

/// The characters 40 to 7F of code page 037; a dot for those that ASCII lacks, too.
const SIGNS: &[u8; 64] = b" ...........<(+|&.........!$*);.-/.........,%_>?.........`:#@'=\"";

impl Characters {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Ebcdic => "EBCDIC",
        }
    }

    /// What an octet is; a dot for what cannot be printed.
    pub fn read(self, octet: u8) -> char {
        let ascii = match self {
            Self::Ascii => octet,
            Self::Ebcdic => from_ebcdic(octet),
        };
        match ascii {
            b' '..=b'~' => ascii.into(),
            _ => '.',
        }
    }
}

/// The character of code page 037 in ASCII; 0: ASCII has none, or it does not print.
fn from_ebcdic(octet: u8) -> u8 {
    match octet {
        0x40..=0x7f => SIGNS.get(usize::from(octet - 0x40)).copied().unwrap_or(0),
        0x81..=0x89 => octet - 0x81 + b'a',
        0x91..=0x99 => octet - 0x91 + b'j',
        0xa1 => b'~',
        0xa2..=0xa9 => octet - 0xa2 + b's',
        0xb0 => b'^',
        0xba => b'[',
        0xbb => b']',
        0xc0 => b'{',
        0xc1..=0xc9 => octet - 0xc1 + b'A',
        0xd0 => b'}',
        0xd1..=0xd9 => octet - 0xd1 + b'J',
        0xe0 => b'\\',
        0xe2..=0xe9 => octet - 0xe2 + b'S',
        0xf0..=0xf9 => octet - 0xf0 + b'0',
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each printable character of ASCII has one octet, and every other octet is a dot.
    #[test]
    fn every_character_once() {
        for characters in [Characters::Ascii, Characters::Ebcdic] {
            for wanted in ' '..='~' {
                let octets = (0..=255).filter(|octet| characters.read(*octet) == wanted);
                let expected = if wanted == '.' { 256 - 94 } else { 1 };
                assert_eq!(octets.count(), expected, "{wanted}");
            }
        }
    }

    #[test]
    fn as_code_page_037_has_them() {
        for (octet, wanted) in [
            (0x40, ' '),
            (0x4b, '.'),
            (0x4c, '<'),
            (0x4f, '|'),
            (0x50, '&'),
            (0x5a, '!'),
            (0x5e, ';'),
            (0x60, '-'),
            (0x61, '/'),
            (0x6b, ','),
            (0x6f, '?'),
            (0x79, '`'),
            (0x7f, '"'),
            (0x99, 'r'),
            (0xa9, 'z'),
            (0xc1, 'A'),
            (0xe2, 'S'),
            (0xf9, '9'),
            (0x5f, '.'),
            (0x00, '.'),
            (0xff, '.'),
        ] {
            assert_eq!(Characters::Ebcdic.read(octet), wanted, "{octet:02X}");
        }
        assert_eq!(Characters::Ascii.read(b'A'), 'A');
        assert_eq!(Characters::Ascii.read(0x7f), '.');
    }
}
