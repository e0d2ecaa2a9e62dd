//! Patterns of addresses and user data: characters, and `*` for any number of them.

/// A pattern. Hexadecimal digits are capitals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that is written so.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_uppercase())
    }

    /// Whether a text is like that.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return text.ends_with(part);
            }
            // The first place will do: what is behind it has the most room.
            match text.find(part).and_then(|at| text.get(at + part.len()..)) {
                Some(behind) => text = behind,
                None => return false,
            }
        }
        true
    }

    /// The characters that it demands: the more, the fewer texts there are like it.
    pub fn weight(&self) -> usize {
        self.0.bytes().filter(|&b| b != b'*').count()
    }
}

/// Octets as hexadecimal digits, for patterns of them.
pub(super) fn hexadecimal(octets: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, like, unlike) in [
            ("31161", &["31161"][..], &["", "3116", "311611"][..]),
            ("*", &["", "1", "123"], &[]),
            ("31*", &["31", "3116"], &["3", "131"]),
            ("*61", &["61", "31161"], &["611", "6"]),
            ("3*6*1", &["361", "3116161"], &["31", "36", "3616"]),
            ("3**1", &["31", "3991"], &["3"]),
            ("cc*", &["CC", "CC01"], &["C", "0CC"]),
            ("", &[""], &["1"]),
        ] {
            let pattern = Pattern::new(pattern);
            for text in like {
                assert!(pattern.matches(text), "{pattern:?} {text}");
            }
            for text in unlike {
                assert!(!pattern.matches(text), "{pattern:?} {text}");
            }
        }
        assert_eq!(Pattern::new("3*6*").weight(), 2);
        assert_eq!(hexadecimal(&[0xcc, 0x01, 0xaf]), "CC01AF");
    }
}
