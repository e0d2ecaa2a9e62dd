//! How pppd and chat want their words written.
//!
//! pppd(8), "Options files": words stand between blanks; quotes hold blanks, a backslash the
//! character behind it. chat(8): in a script, too, but there a backslash has many meanings, `^`
//! makes control characters and `-` in what is expected separates alternatives; an octal number
//! behind a backslash is just that octet.

/// The longest word that pppd reads, octets.
const LONGEST: usize = 255;

/// Refuses a text that no such file can hold.
pub fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} octets"));
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character".to_owned());
    }
    Ok(())
}

/// A word of pppd's files.
pub fn pppd(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@+=%-*".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut word = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            word.push('\\');
        }
        word.push(c);
    }
    word.push('"');
    word
}

/// The words of a line of pppd's files; `None` when a quote is not closed or it goes on in the
/// next line.
pub fn pppd_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (_, '\\') => {
                let value = escaped(&mut letters)?;
                word.get_or_insert_default().push(value);
            }
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// What stands behind a backslash.
fn escaped(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let first = letters.next()?;
    if let Some(mut value) = first.to_digit(8) {
        for _ in 0..2 {
            match letters.peek().and_then(|c| c.to_digit(8)) {
                Some(digit) => {
                    value = value * 8 + digit;
                    letters.next();
                }
                None => break,
            }
        }
        return char::from_u32(value & 0xff);
    }
    Some(match first {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        other => other,
    })
}

/// A word of a chat script that means exactly this text, to be expected or sent.
pub fn chat(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    // Words that are commands when they stand alone.
    const COMMANDS: [&str; 10] = [
        "ABORT",
        "BREAK",
        "CLR_ABORT",
        "CLR_REPORT",
        "ECHO",
        "EOT",
        "HANGUP",
        "REPORT",
        "SAY",
        "TIMEOUT",
    ];
    let mut word = String::new();
    for (at, octet) in text.bytes().enumerate() {
        let plain = octet.is_ascii_alphanumeric() || b"_./:,+=%*()[]<>!?&;|~{}$".contains(&octet);
        if plain && (at > 0 || !COMMANDS.contains(&text)) {
            word.push(char::from(octet));
        } else {
            word.push_str(&format!("\\{octet:03o}"));
        }
    }
    word
}

/// The text that a word of [`chat`] means; `None` for one that means more than a text.
pub fn chat_text(word: &str) -> Option<String> {
    if word == "''" {
        return Some(String::new());
    }
    let mut octets = Vec::new();
    let mut rest = word.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        let mut value = 0_u32;
        for _ in 0..3 {
            let digit = char::from(rest.next()?).to_digit(8)?;
            value = value * 8 + digit;
        }
        octets.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words() {
        assert_eq!(pppd("joe"), "joe");
        assert_eq!(pppd("a \"b\\'#"), r#""a \"b\\'#""#);
        assert_eq!(chat("ssword:"), "ssword:");
        assert_eq!(chat("a b\\^-'@"), r"a\040b\134\136\055\047\100");
        assert_eq!((chat(""), chat("EOT")), ("''".into(), r"\105OT".into()));
        assert_eq!(
            pppd_words("a \"b c\" d\\ e 'f\"' \\101 # g"),
            Some(vec![
                "a".into(),
                "b c".into(),
                "d e".into(),
                "f\"".into(),
                "A".into()
            ])
        );
        assert_eq!(pppd_words("a \"b"), None);
        assert_eq!(pppd_words("\"\""), Some(vec![String::new()]));
        assert_eq!(chat_text(r"\d\c"), None);
        assert!(check("").is_err() && check("a\n").is_err() && check(&"x".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read(text in "\\PC{0,40}", other in "\\PC{0,20}") {
            let line = format!("{} * {} # note", pppd(&text), pppd(&other));
            prop_assert_eq!(pppd_words(&line), Some(vec![text.clone(), "*".into(), other]));
            prop_assert_eq!(chat_text(&chat(&text)), Some(text.clone()));
            let word = chat(&text);
            let blank = |c: char| c.is_whitespace() || "\"-^@".contains(c);
            prop_assert!(!word.contains(blank) && (text.is_empty() || !word.contains('\'')));
        }

        #[test]
        fn any_line_is_read(line in "\\PC{0,60}") {
            let _ = (pppd_words(&line), chat_text(&line));
        }
    }
}
