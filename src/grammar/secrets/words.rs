//! Words with quotes and backslashes.

/// Reads words line by line.
pub struct Words<'t> {
    rest: &'t [u8],
    /// The line that `rest` begins in, from 1.
    line: usize,
}

/// Why the words of a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordsError {
    /// The line ends within these quotes.
    Unclosed(char),
    /// A backslash and digits that stand for no octet.
    BadEscape,
}

/// The words of a line.
type Record = Result<Vec<Vec<u8>>, WordsError>;

impl<'t> Words<'t> {
    /// The words of this text.
    pub const fn new(text: &'t [u8]) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// The next line that has words, and its number.
    pub fn next_record(&mut self) -> Option<(usize, Record)> {
        while !self.rest.is_empty() {
            let line = self.line;
            match self.record() {
                Ok(words) if words.is_empty() => {}
                record => return Some((line, record)),
            }
        }
        None
    }

    fn next(&mut self) -> Option<u8> {
        let (&octet, rest) = self.rest.split_first()?;
        self.rest = rest;
        if octet == b'\n' {
            self.line += 1;
        }
        Some(octet)
    }

    /// Leaves out the rest of a line, its end included.
    fn skip_line(&mut self) {
        while self.next().is_some_and(|octet| octet != b'\n') {}
    }

    /// The words up to the end of the line, which is passed in any case.
    fn record(&mut self) -> Record {
        let mut words = Vec::new();
        let mut word: Option<Vec<u8>> = None;
        let mut quote = None;
        while let Some(octet) = self.next() {
            match (octet, quote) {
                (b'\n', Some(quote)) => return Err(WordsError::Unclosed(char::from(quote))),
                (b'\n', None) => break,
                (b'\\', _) => match self.escaped() {
                    Some(Ok(escaped)) => word.get_or_insert_default().push(escaped),
                    Some(Err(error)) => {
                        self.skip_line();
                        return Err(error);
                    }
                    None => {}
                },
                (_, Some(open)) if octet == open => quote = None,
                (_, Some(_)) => word.get_or_insert_default().push(octet),
                (b'"' | b'\'', None) => {
                    quote = Some(octet);
                    word.get_or_insert_default();
                }
                (b'#', None) if word.is_none() => {
                    self.skip_line();
                    break;
                }
                (b' ' | b'\t' | b'\r' | 0x0b | 0x0c, None) => words.extend(word.take()),
                (_, None) => word.get_or_insert_default().push(octet),
            }
        }
        if let Some(quote) = quote {
            return Err(WordsError::Unclosed(char::from(quote)));
        }
        words.extend(word);
        Ok(words)
    }

    /// What a backslash and the octets behind it stand for; `None`: nothing, the line goes on.
    fn escaped(&mut self) -> Option<Result<u8, WordsError>> {
        // One at the very end of the text is itself.
        let Some(octet) = self.next() else {
            return Some(Ok(b'\\'));
        };
        Some(Ok(match octet {
            b'\n' => return None,
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b's' => b' ',
            b't' => b'\t',
            b'0'..=b'7' => {
                let mut value = u16::from(octet - b'0');
                for _ in 0..2 {
                    match self.rest.first() {
                        Some(digit @ b'0'..=b'7') => value = value * 8 + u16::from(digit - b'0'),
                        _ => break,
                    }
                    self.next();
                }
                return Some(u8::try_from(value).map_err(|_| WordsError::BadEscape));
            }
            other => other,
        }))
    }
}
