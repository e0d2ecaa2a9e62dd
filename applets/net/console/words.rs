//! A command line as words.
//!
//! Words stand between blanks. One that begins with `"` goes to the next `"` and may hold blanks and
//! escapes; one that begins with `#` ends the line.

use std::borrow::Cow;
use std::fmt;

/// A word of a command line. It may hold any octets: escapes make them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Without its quotes, escapes replaced.
    pub octets: Vec<u8>,
    /// Where it begins, octets into the line: some commands take the rest of the line as it is.
    pub at: usize,
}

impl Word {
    /// The word as text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.octets)
    }
}

/// A line ends with a backslash within quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished;

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the line ends with a backslash; give what it stands before, or two of them")
    }
}

impl std::error::Error for Unfinished {}

/// Takes a line apart. A quote that is not closed goes to the end of the line.
///
/// # Errors
/// The line ends within an escape.
pub fn split(line: &str) -> Result<Vec<Word>, Unfinished> {
    let octets = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        match octet {
            b' ' | b'\t'..=b'\r' => at += 1,
            b'#' => break,
            b'"' => {
                let (word, end) = quoted(octets, at + 1)?;
                words.push(Word { octets: word, at });
                at = end;
            }
            _ => {
                let rest = octets.get(at..).unwrap_or_default();
                let length = rest.iter().position(|o| matches!(o, b' ' | b'\t'..=b'\r'));
                let length = length.unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default().to_vec();
                words.push(Word { octets: word, at });
                at += length;
            }
        }
    }
    Ok(words)
}

/// A word from behind its quote; with the place behind the closing one.
fn quoted(line: &[u8], mut at: usize) -> Result<(Vec<u8>, usize), Unfinished> {
    let mut word = Vec::new();
    while let Some(&octet) = line.get(at) {
        at += 1;
        match octet {
            b'"' => break,
            b'\\' => {
                let (octet, end) = escape(line, at)?;
                word.push(octet);
                at = end;
            }
            _ => word.push(octet),
        }
    }
    Ok((word, at))
}

/// What an escape stands for, from behind its backslash; with the place behind it. A number has any
/// digits; the lowest eight bits count.
fn escape(line: &[u8], at: usize) -> Result<(u8, usize), Unfinished> {
    let number = |from: usize, radix: u32, shift: u32| {
        let digits = line.get(from..).unwrap_or_default().iter();
        let digits = digits.map_while(|&octet| char::from(octet).to_digit(radix));
        digits.fold((0u8, from), |(value, end), digit| {
            (value << shift | digit as u8, end + 1)
        })
    };
    let octet = match *line.get(at).ok_or(Unfinished)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'v' => 0x0b,
        b'b' => 0x08,
        b'r' => b'\r',
        b'f' => 0x0c,
        b'a' => 0x07,
        b'x' if line.get(at + 1).is_some_and(u8::is_ascii_hexdigit) => {
            return Ok(number(at + 1, 16, 4));
        }
        b'0'..=b'7' => return Ok(number(at, 8, 3)),
        other => other,
    };
    Ok((octet, at + 1))
}

/// For fuzzing: any text as a line, with its words looked up and listed.
pub fn fuzz_words(octets: &[u8]) {
    use crate::table::{Entry, find, list};
    let line = String::from_utf8_lossy(octets);
    let Ok(words) = split(&line) else {
        return;
    };
    let inside: usize = words.iter().map(|word| word.octets.len()).sum();
    assert!(inside <= line.len());
    const TABLE: [Entry<u8>; 3] = [
        Entry::new("", 0),
        Entry::new("ip", 1),
        Entry::new("ipfilter", 2),
    ];
    for word in &words {
        assert!(line.is_char_boundary(word.at));
        let text = word.text();
        assert!(find(&TABLE, &text).is_none_or(|entry| entry.name.starts_with(&*text)));
        assert!(list([&*text]).ends_with("\n\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(line: &str) -> Vec<String> {
        let words = split(line).unwrap();
        words.iter().map(|word| word.text().into_owned()).collect()
    }

    #[test]
    fn words_quotes_and_comments() {
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts("  route \t add\r\n"), ["route", "add"]);
        assert_eq!(texts("# all of it"), [""; 0]);
        assert_eq!(texts("ip #ttl 30"), ["ip"]);
        assert_eq!(texts("a#b \"c # d\" #e"), ["a#b", "c # d"]);
        assert_eq!(texts("echo \"\""), ["echo", ""]);
        assert_eq!(texts("say \"open to the end"), ["say", "open to the end"]);
        assert_eq!(texts("a\"b c\""), ["a\"b", "c\""]);
        assert_eq!(texts("\"a\"b"), ["a", "b"]);
    }

    #[test]
    fn escapes() {
        assert_eq!(
            texts(r#"fkey 1 "a\x41\103\"b" #x"#),
            ["fkey", "1", "aAC\"b"]
        );
        let word = |line: &str| split(line).unwrap().remove(0).octets;
        assert_eq!(
            word(r#""\n\t\v\b\r\f\a\\\'\"\z""#),
            b"\n\t\x0b\x08\r\x0c\x07\\'\"z"
        );
        assert_eq!(word(r#""\x1b[A\x9B\xABCD""#), b"\x1b[A\x9b\xcd");
        assert_eq!(word(r#""\0\1778\77777""#), b"\0\x7f8\xff");
        assert_eq!(word(r#""\xyz""#), b"xyz");
        assert_eq!(split(r#"fkey 1 "x\"#), Err(Unfinished));
    }

    #[test]
    fn places() {
        let words = split("repeat  1000 \"tcp\" status").unwrap();
        let at: Vec<_> = words.iter().map(|word| word.at).collect();
        assert_eq!(at, [0, 8, 13, 19]);
    }

    proptest! {
        #[test]
        fn any_line(line in "\\PC*") {
            if let Ok(words) = split(&line) {
                let octets: usize = words.iter().map(|word| word.octets.len()).sum();
                prop_assert!(octets <= line.len());
                prop_assert!(words.iter().all(|word| line.is_char_boundary(word.at)));
            }
        }

        #[test]
        fn quoted_octets_come_back(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let escaped: String = octets.iter().map(|octet| format!("\\{octet:03o}")).collect();
            // An escape takes all digits, so that a letter has to be between them.
            let line = escaped.split('\\').skip(1).map(|e| format!("\"\\{e}\" ")).collect::<String>();
            let words = split(&line).unwrap();
            let back: Vec<u8> = words.into_iter().flat_map(|word| word.octets).collect();
            prop_assert_eq!(back, octets);
        }
    }
}
