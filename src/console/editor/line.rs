//! The line that is being written, and how a terminal is made to show it.

use std::borrow::Cow;

/// A line with a cursor, behind a prompt.
///
/// Control characters in it are shown as `^A`. A line of plain ASCII is changed with backspaces,
/// which every terminal has; one with other characters, whose width only the terminal knows, is
/// written anew.
#[derive(Clone, Debug)]
pub struct Line {
    prompt: String,
    text: String,
    /// Octets into the text; always between characters.
    cursor: usize,
    longest: usize,
    /// Nothing is written but prompts.
    hidden: bool,
}

/// How control characters are shown: in two columns.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut all = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match u32::from(c) {
            code @ (0..0x20 | 0x7f) => {
                all.push('^');
                all.extend(char::from_u32(code ^ 0x40));
            }
            code @ 0x80..0xa0 => {
                all.push('^');
                all.extend(char::from_u32(code - 0x20));
            }
            _ => all.push(c),
        }
    }
    Cow::Owned(all)
}

impl Line {
    /// An empty line that grows to `longest` octets.
    pub fn new(longest: usize) -> Self {
        Self {
            prompt: String::new(),
            text: String::new(),
            cursor: 0,
            longest,
            hidden: false,
        }
    }

    /// Empties it, behind another prompt, which is written.
    pub fn ask(&mut self, prompt: &str, out: &mut Vec<u8>) {
        prompt.clone_into(&mut self.prompt);
        self.clear();
        out.extend(prompt.bytes());
    }

    /// Adds to the prompt, behind which nothing must stand yet.
    pub fn ask_more(&mut self, prompt: &str, out: &mut Vec<u8>) {
        self.prompt.push_str(prompt);
        out.extend(prompt.bytes());
    }

    /// From now on nothing is written but prompts, or everything again.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text up to the cursor.
    pub fn before_cursor(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn behind_cursor(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    /// Empties it without a word to the terminal: as when its line is left behind.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Empties it, as [`clear`](Self::clear), and gives what it was.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Writes prompt and text again: after something else was printed.
    pub fn redraw(&self, out: &mut Vec<u8>) {
        out.extend(self.prompt.bytes());
        if !self.hidden {
            let all = shown(&self.text);
            out.extend(all.bytes());
            self.back_to_cursor(&all, out);
        }
    }

    /// Shows a mark at the cursor: the next key is meant literally.
    pub fn mark(&self, out: &mut Vec<u8>) {
        if !self.hidden {
            out.extend(b"^\x08");
        }
    }

    /// Shows what stands at the cursor again.
    pub fn unmark(&self, out: &mut Vec<u8>) {
        if self.hidden {
            return;
        }
        match shown(self.behind_cursor()).chars().next().unwrap_or(' ') {
            c if c.is_ascii() => out.extend([c as u8, b'\x08']),
            _ => self.rewrite(&shown(&self.text), out),
        }
    }

    /// Puts a character at the cursor; BEL if the line is full.
    pub fn insert(&mut self, c: char, out: &mut Vec<u8>) {
        if self.text.len() + c.len_utf8() > self.longest {
            bell(out);
            return;
        }
        if self.cursor == self.text.len() {
            self.text.push(c);
            self.cursor = self.text.len();
            if !self.hidden {
                out.extend(shown(c.encode_utf8(&mut [0; 4])).bytes());
            }
            return;
        }
        let mut text = self.text.clone();
        text.insert(self.cursor, c);
        self.change(text, self.cursor + c.len_utf8(), out);
    }

    /// Puts text in place of what stands from `at` (octets into the line) to the cursor; BEL if that
    /// cannot be.
    pub fn replace(&mut self, at: usize, text: &str, out: &mut Vec<u8>) {
        if let Some(begin) = self.text.get(..at).filter(|_| at <= self.cursor) {
            let all = [begin, text, self.behind_cursor()].concat();
            if all.len() <= self.longest {
                self.change(all, at + text.len(), out);
                return;
            }
        }
        bell(out);
    }

    /// Another text, with the cursor at its end.
    pub fn set(&mut self, text: String, out: &mut Vec<u8>) {
        let end = text.len();
        self.change(text, end, out);
    }

    /// Takes away what stands between two places.
    pub fn cut(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        if from == to {
            return;
        }
        let begin = self.text.get(..from).unwrap_or_default();
        let text = [begin, self.text.get(to..).unwrap_or_default()].concat();
        self.change(text, from, out);
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, cursor: usize, out: &mut Vec<u8>) {
        self.change(self.text.clone(), cursor, out);
    }

    /// The place of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The place behind the last character.
    pub fn end(&self) -> usize {
        self.text.len()
    }

    /// The place of the character before the cursor.
    pub fn left(&self) -> usize {
        let last = self.before_cursor().chars().next_back();
        self.cursor - last.map_or(0, char::len_utf8)
    }

    /// The place behind the character at the cursor.
    pub fn right(&self) -> usize {
        self.cursor
            + self
                .behind_cursor()
                .chars()
                .next()
                .map_or(0, char::len_utf8)
    }

    /// The place where the word before the cursor begins.
    pub fn word_left(&self) -> usize {
        let before = self.before_cursor().trim_end();
        let blank = before.char_indices().rfind(|(_, c)| c.is_whitespace());
        blank.map_or(0, |(at, c)| at + c.len_utf8())
    }

    /// The place behind the word at the cursor.
    pub fn word_right(&self) -> usize {
        let behind = self.behind_cursor();
        let word = behind.trim_start();
        let length = word.find(char::is_whitespace).unwrap_or(word.len());
        self.cursor + behind.len() - word.len() + length
    }

    /// Makes the line another, and the terminal show it.
    fn change(&mut self, text: String, cursor: usize, out: &mut Vec<u8>) {
        let old_text = std::mem::replace(&mut self.text, text);
        let old_at = shown(old_text.get(..self.cursor).unwrap_or_default()).len();
        self.cursor = cursor;
        if self.hidden {
            return;
        }
        let (old, new) = (shown(&old_text), shown(&self.text));
        if !old.is_ascii() || !new.is_ascii() {
            self.rewrite(&new, out);
            return;
        }
        let at = shown(self.before_cursor()).len();
        if old == new {
            match old_at.checked_sub(at) {
                Some(back) => out.extend(std::iter::repeat_n(b'\x08', back)),
                None => out.extend(new.as_bytes().get(old_at..at).unwrap_or_default()),
            }
            return;
        }
        // Only what is different is written: from there on to the longer one's end.
        let same = old
            .bytes()
            .zip(new.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let from = same.min(old_at).min(at);
        out.extend(std::iter::repeat_n(b'\x08', old_at - from));
        out.extend(new.as_bytes().get(from..).unwrap_or_default());
        let surplus = old.len().saturating_sub(new.len());
        out.extend(std::iter::repeat_n(b' ', surplus));
        out.extend(std::iter::repeat_n(b'\x08', surplus + new.len() - at));
    }

    fn rewrite(&self, all: &str, out: &mut Vec<u8>) {
        out.push(b'\r');
        out.extend(self.prompt.bytes());
        out.extend(all.bytes());
        // Erase in line (ECMA-48): to its end.
        out.extend(b"\x1b[K");
        self.back_to_cursor(all, out);
    }

    /// From the end of the line, which was just written as `all`.
    fn back_to_cursor(&self, all: &str, out: &mut Vec<u8>) {
        if self.cursor == self.text.len() {
            return;
        }
        let before = shown(self.before_cursor());
        if all.is_ascii() {
            out.extend(std::iter::repeat_n(b'\x08', all.len() - before.len()));
        } else {
            out.push(b'\r');
            out.extend(self.prompt.bytes());
            out.extend(before.bytes());
        }
    }
}

/// Rings the bell of the terminal.
pub fn bell(out: &mut Vec<u8>) {
    out.push(b'\x07');
}
