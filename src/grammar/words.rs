//! Commands as people write them in files: words between blanks, with quotes.
//!
//! As in a shell, but nothing is expanded: `'...'` holds everything but itself, in `"..."` a
//! backslash quotes `"` and itself, and outside of quotes whatever is behind it.

/// The words of a command.
///
/// # Errors
/// A quote that is not closed, or a backslash at the very end.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"'), '\\') => {
                let quoted = letters.next_if(|next| matches!(next, '"' | '\\'));
                word.get_or_insert_default().push(quoted.unwrap_or('\\'));
            }
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                // Nothing between quotes is a word, too.
                word.get_or_insert_default();
            }
            (None, '\\') => {
                let quoted = letters
                    .next()
                    .ok_or("a backslash at the end quotes nothing")?;
                word.get_or_insert_default().push(quoted);
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the quote {open} is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// A word as [`split`] reads it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@+=%-$".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains('\'') {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{word}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_quotes() {
        let read = |text: &str| split(text).unwrap();
        assert_eq!(read("  pppd\tcall  isp "), ["pppd", "call", "isp"]);
        assert_eq!(
            read(r#"pppd connect "dial 555-1212 'a b'" x"#),
            ["pppd", "connect", "dial 555-1212 'a b'", "x"]
        );
        assert_eq!(
            read(r#"chat '' AT\ Z "\d\"\\" 'ogin:\d'"#),
            ["chat", "", "AT Z", r#"\d"\"#, r"ogin:\d"]
        );
        assert_eq!(read("a'b'\"c\"d"), ["abcd"]);
        assert_eq!(read(""), [""; 0]);
        assert!(split("a 'b").unwrap_err().contains("' is not closed"));
        assert!(split("a \\").is_err());
    }

    proptest! {
        #[test]
        fn quoted_words_are_read_back(words in prop::collection::vec("\\PC{0,12}", 0..5)) {
            let text: Vec<String> = words.iter().map(|word| quote(word)).collect();
            prop_assert_eq!(split(&text.join(" ")), Ok(words));
        }

        #[test]
        fn any_text_is_read(text in "([ab '\"\\\\\t]|\\PC){0,30}") {
            let _ = split(&text);
        }
    }
}
