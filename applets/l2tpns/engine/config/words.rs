//! The words of a line: between blanks, or between quotes of either kind. Nothing escapes.

/// The words of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The words.
    pub words: Vec<String>,
    /// The last quote was not closed: it holds the rest of the line.
    pub open: bool,
    /// A `#` inside a word began a comment.
    pub cut: bool,
}

/// Splits a line. With `comments`, everything from a `#` on is left out that is not between quotes.
#[must_use]
pub fn split(line: &str, comments: bool) -> Split {
    let mut result = Split::default();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                // Nothing between quotes is a word, too.
                word.get_or_insert_default();
            }
            None if letter == '#' && comments => {
                result.cut = word.is_some();
                break;
            }
            None if letter.is_whitespace() => result.words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    result.words.extend(word);
    result.open = quote.is_some();
    result
}
