//! A line of commands as words.
//!
//! Words stand between blanks. `"` and `'` quote up to the next of their kind, and nothing
//! quotes these; a quote that is not closed goes to the end of the line.

/// A word of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Without its quotes.
    pub text: String,
    /// Where it begins, octets into the line.
    pub at: usize,
}

/// A line taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    words: Vec<Word>,
    /// The last word may go on: there is nothing behind it.
    unfinished: bool,
    length: usize,
    quoted: bool,
}

impl Line {
    /// Takes a line apart.
    pub fn split(text: &str) -> Self {
        let mut words = Vec::new();
        let mut word: Option<Word> = None;
        let mut quote = None;
        for (at, letter) in text.char_indices() {
            let start = || Word {
                text: String::new(),
                at,
            };
            match quote {
                Some(open) if letter == open => quote = None,
                Some(_) => word.get_or_insert_with(start).text.push(letter),
                None if letter == '"' || letter == '\'' => {
                    quote = Some(letter);
                    // Nothing between quotes is a word, too.
                    word.get_or_insert_with(start);
                }
                None if letter.is_whitespace() => words.extend(word.take()),
                None => word.get_or_insert_with(start).text.push(letter),
            }
        }
        let unfinished = word.is_some();
        words.extend(word);
        Self {
            words,
            unfinished,
            length: text.len(),
            quoted: quote.is_some(),
        }
    }

    /// Whether the line ends within quotes: what comes next is meant literally.
    pub fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// The words.
    pub fn into_words(self) -> Vec<String> {
        self.words.into_iter().map(|word| word.text).collect()
    }

    /// The words that are finished, and the last one: empty, at the end, behind a blank.
    pub fn cut_last(mut self) -> (Vec<String>, Word) {
        let last = self.words.pop_if(|_| self.unfinished);
        let last = last.unwrap_or(Word {
            text: String::new(),
            at: self.length,
        });
        (self.into_words(), last)
    }
}

/// The command and the filters behind it: what stands between `|` outside of quotes.
pub fn pipeline(text: &str) -> Vec<&str> {
    let mut quote = None;
    let mut parts = text.split(|letter: char| {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == '|' => return true,
            _ => {}
        }
        false
    });
    parts.by_ref().collect()
}

/// A word as it is typed: in quotes where it must be. One with quotes of both kinds cannot be
/// written; it comes as it is.
pub fn quote(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '|');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains('"') {
        format!("'{word}'")
    } else {
        format!("\"{word}\"")
    }
}
