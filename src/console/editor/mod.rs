//! A line editor for a terminal at the other end of a connection.
//!
//! It is fed with octets and answers with what the terminal has to be sent; it owns no
//! connection and no terminal. Control characters are keys or nothing: they neither get into a
//! line nor back to the terminal. A line of plain ASCII is changed with backspaces, which every
//! terminal has; one with other characters, whose width only the terminal knows, is written anew.

mod history;
mod keys;
#[cfg(test)]
mod tests;

pub use history::History;
use keys::{Decoder, Key};

/// The longest line, octets.
pub const MAX_LINE: usize = 4096;

/// What somebody at the terminal wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line is entered.
    Line(String),
    /// TAB.
    Complete,
    /// `?`
    Help,
    /// ^C: the line is given up.
    Interrupt,
    /// ^Z: the line is given up, to leave a mode.
    Leave,
    /// ^D in an empty line.
    End,
}

/// What a line is, and so who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// It is shown and kept in the history; TAB and `?` are keys.
    Command,
    /// It is shown; TAB does nothing and `?` is a letter.
    Answer,
    /// It is not shown; otherwise as an answer.
    Nothing,
}

/// The line that is being written.
#[derive(Clone, Debug)]
pub struct Editor {
    prompt: String,
    echo: Echo,
    /// Somebody else echoes: nothing is written but prompts.
    silent: bool,
    line: String,
    /// The cursor, octets into the line; always between characters.
    cursor: usize,
    history: History,
    decoder: Decoder,
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            echo: Echo::Command,
            silent: false,
            line: String::new(),
            cursor: 0,
            history: History::default(),
            decoder: Decoder::default(),
        }
    }
}

impl Editor {
    /// An editor without a prompt and a history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for another line.
    pub fn ask(&mut self, prompt: &str, echo: Echo, out: &mut Vec<u8>) {
        prompt.clone_into(&mut self.prompt);
        self.echo = echo;
        self.line.clear();
        self.cursor = 0;
        out.extend(prompt.bytes());
    }

    /// Whether the terminal itself shows what is typed.
    pub fn set_silent(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// The line so far, up to the cursor.
    pub fn before_cursor(&self) -> &str {
        self.line.get(..self.cursor).unwrap_or_default()
    }

    /// The lines entered before.
    pub fn history(&mut self) -> &mut History {
        &mut self.history
    }

    /// Takes an octet from the terminal.
    pub fn feed(&mut self, octet: u8, out: &mut Vec<u8>) -> Option<Input> {
        let key = self.decoder.feed(octet)?;
        self.press(key, out)
    }

    /// Puts text in place of what stands from `at` (octets into the line) to the cursor.
    pub fn replace(&mut self, at: usize, text: &str, out: &mut Vec<u8>) {
        let clean: String = text.chars().filter(|c| !c.is_control()).collect();
        if let Some(begin) = self.line.get(..at).filter(|_| at <= self.cursor) {
            let line = [
                begin,
                &clean,
                self.line.get(self.cursor..).unwrap_or_default(),
            ]
            .concat();
            if line.len() <= MAX_LINE {
                self.change(line, at + clean.len(), out);
                return;
            }
        }
        bell(out);
    }

    /// Writes prompt and line again: after something else was printed.
    pub fn redraw(&self, out: &mut Vec<u8>) {
        out.extend(self.prompt.bytes());
        if self.shows() {
            out.extend(self.line.bytes());
            self.back_to_cursor(out);
        }
    }

    fn shows(&self) -> bool {
        self.echo != Echo::Nothing && !self.silent
    }

    fn press(&mut self, key: Key, out: &mut Vec<u8>) -> Option<Input> {
        match key {
            Key::Char('?') if self.echo == Echo::Command => return Some(Input::Help),
            Key::Char(c) => self.insert(c, out),
            Key::Tab if self.echo == Echo::Command => return Some(Input::Complete),
            Key::Tab => bell(out),
            Key::Enter => {
                let line = std::mem::take(&mut self.line);
                self.cursor = 0;
                if self.echo == Echo::Command {
                    self.history.add(&line);
                }
                if !self.silent {
                    out.extend(b"\r\n");
                }
                return Some(Input::Line(line));
            }
            Key::Home => self.move_to(0, out),
            Key::End => self.move_to(self.line.len(), out),
            Key::Left => self.move_to(self.left(), out),
            Key::Right => self.move_to(self.right(), out),
            Key::Erase => self.cut(self.left(), self.cursor, out),
            Key::Delete => self.cut(self.cursor, self.right(), out),
            Key::EraseLine => self.change(String::new(), 0, out),
            Key::EraseWord => {
                let before = self.before_cursor().trim_end();
                let begin = before.rfind(char::is_whitespace).map_or(0, |blank| {
                    blank
                        + before
                            .get(blank..)
                            .and_then(|rest| rest.chars().next())
                            .map_or(1, char::len_utf8)
                });
                self.cut(begin, self.cursor, out);
            }
            Key::EraseRest => self.cut(self.cursor, self.line.len(), out),
            Key::Earlier | Key::Later if self.echo != Echo::Command => bell(out),
            Key::Earlier => match self.history.earlier(&self.line) {
                Some(line) => self.recall(line, out),
                None => bell(out),
            },
            Key::Later => match self.history.later() {
                Some(line) => self.recall(line, out),
                None => bell(out),
            },
            Key::Redraw => {
                out.extend(b"\r\n");
                self.redraw(out);
            }
            Key::Interrupt => {
                self.give_up();
                return Some(Input::Interrupt);
            }
            Key::Leave => {
                self.give_up();
                return Some(Input::Leave);
            }
            Key::EndOfInput if self.line.is_empty() => return Some(Input::End),
            Key::EndOfInput => self.cut(self.cursor, self.right(), out),
        }
        None
    }

    fn give_up(&mut self) {
        self.line.clear();
        self.cursor = 0;
    }

    fn left(&self) -> usize {
        let last = self.before_cursor().chars().next_back();
        self.cursor - last.map_or(0, char::len_utf8)
    }

    fn right(&self) -> usize {
        let rest = self.line.get(self.cursor..).unwrap_or_default();
        self.cursor + rest.chars().next().map_or(0, char::len_utf8)
    }

    fn insert(&mut self, c: char, out: &mut Vec<u8>) {
        if self.line.len() + c.len_utf8() > MAX_LINE {
            bell(out);
            return;
        }
        if self.cursor == self.line.len() {
            self.line.push(c);
            self.cursor = self.line.len();
            if self.shows() {
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
            return;
        }
        let mut line = self.line.clone();
        line.insert(self.cursor, c);
        self.change(line, self.cursor + c.len_utf8(), out);
    }

    fn cut(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        if from == to {
            return;
        }
        let begin = self.line.get(..from).unwrap_or_default();
        let line = [begin, self.line.get(to..).unwrap_or_default()].concat();
        self.change(line, from, out);
    }

    fn recall(&mut self, line: String, out: &mut Vec<u8>) {
        let end = line.len();
        self.change(line, end, out);
    }

    fn move_to(&mut self, cursor: usize, out: &mut Vec<u8>) {
        self.change(self.line.clone(), cursor, out);
    }

    /// Makes the line another, and the terminal show it.
    fn change(&mut self, line: String, cursor: usize, out: &mut Vec<u8>) {
        let old = std::mem::replace(&mut self.line, line);
        let old_cursor = std::mem::replace(&mut self.cursor, cursor);
        if !self.shows() {
            return;
        }
        if !old.is_ascii() || !self.line.is_ascii() {
            out.push(b'\r');
            out.extend(self.prompt.bytes());
            out.extend(self.line.bytes());
            // Erase in line (ECMA-48): to its end.
            out.extend(b"\x1b[K");
            self.back_to_cursor(out);
            return;
        }
        // Only what is different is written: from there on to the longer one's end.
        let same = old
            .bytes()
            .zip(self.line.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let changed = old != self.line;
        let from = if changed {
            same.min(old_cursor).min(cursor)
        } else {
            cursor
        };
        if !changed {
            let line = self.line.as_bytes();
            match old_cursor.checked_sub(cursor) {
                Some(back) => out.extend(std::iter::repeat_n(b'\x08', back)),
                None => out.extend(line.get(old_cursor..cursor).unwrap_or_default()),
            }
            return;
        }
        out.extend(std::iter::repeat_n(b'\x08', old_cursor - from));
        out.extend(self.line.as_bytes().get(from..).unwrap_or_default());
        let surplus = old.len().saturating_sub(self.line.len());
        out.extend(std::iter::repeat_n(b' ', surplus));
        out.extend(std::iter::repeat_n(
            b'\x08',
            surplus + self.line.len() - cursor,
        ));
    }

    /// From the end of the line, which was just written.
    fn back_to_cursor(&self, out: &mut Vec<u8>) {
        if self.cursor == self.line.len() {
        } else if self.line.is_ascii() {
            out.extend(std::iter::repeat_n(b'\x08', self.line.len() - self.cursor));
        } else {
            out.push(b'\r');
            out.extend(self.prompt.bytes());
            out.extend(self.before_cursor().bytes());
        }
    }
}

fn bell(out: &mut Vec<u8>) {
    out.push(b'\x07');
}

/// For fuzzing: octets through Telnet into an editor that is asked for lines of every kind.
pub fn fuzz_editor(octets: &[u8]) {
    use crate::telnet::{Event, Telnet};
    let mut telnet = Telnet::new();
    let mut editor = Editor::new();
    let mut out = Vec::new();
    let mut answer = Vec::new();
    editor.ask("> ", Echo::Command, &mut out);
    for &octet in octets {
        out.clear();
        answer.clear();
        let event = telnet.receive(octet, &mut answer);
        assert!(answer.len() <= 6, "an answer is bounded");
        let input = match event {
            Some(Event::Octet(octet)) => editor.feed(octet, &mut out),
            Some(Event::Erase) => editor.feed(0x08, &mut out),
            _ => None,
        };
        editor.set_silent(!telnet.echoes());
        assert!(editor.line.len() <= MAX_LINE && editor.line.is_char_boundary(editor.cursor));
        assert!(out.len() <= 4 * MAX_LINE + 64, "what is written is bounded");
        match input {
            Some(Input::Line(line)) => {
                assert!(!line.chars().any(char::is_control));
                let echo = match line.len() % 3 {
                    0 => Echo::Command,
                    1 => Echo::Answer,
                    _ => Echo::Nothing,
                };
                editor.ask("$ ", echo, &mut out);
            }
            Some(Input::Complete) => editor.replace(0, "show version ", &mut out),
            Some(Input::Help) => editor.redraw(&mut out),
            _ => {}
        }
    }
}
