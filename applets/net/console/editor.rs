//! The keyboard of the console: lines are edited here until they are entered; in a raw session every
//! octet goes on at once.

use wanbox_console::editor::{History, Line, bell};

use crate::keys::{Decoder, Key};

/// The longest line, octets.
pub const LONGEST: usize = 1014;
/// How many function keys there are.
pub const FUNCTION_KEYS: usize = 12;
/// The escape character when it was not changed: Control-].
pub const ESCAPE: u8 = 0x1d;

/// What somebody at the keyboard wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line is entered, without its end.
    Line(String),
    /// A line is handed over as it is: no end is to be added.
    Part(String),
    /// An octet of a raw session.
    Octet(u8),
    /// The escape character: to command mode. What was being written is in the history.
    Escape,
}

/// What happens to a line that looks for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Enter,
    Search,
}

/// What the keyboard does.
#[derive(Clone, Debug)]
pub struct Editor {
    line: Line,
    purpose: Purpose,
    prompt: String,
    history: History,
    decoder: Decoder,
    raw: bool,
    escape: Option<u8>,
    functions: [Vec<u8>; FUNCTION_KEYS],
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            line: Line::new(LONGEST),
            purpose: Purpose::Enter,
            prompt: String::new(),
            history: History::default(),
            decoder: Decoder::default(),
            raw: false,
            escape: Some(ESCAPE),
            functions: Default::default(),
        }
    }
}

impl Editor {
    /// An editor without a prompt, a history, and texts of function keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a line behind this prompt; nothing is written for an empty one.
    pub fn ask(&mut self, prompt: &str, out: &mut Vec<u8>) {
        prompt.clone_into(&mut self.prompt);
        self.purpose = Purpose::Enter;
        self.line.ask(prompt, out);
    }

    /// From now on every octet goes on at once, or lines are edited again. What was being written is
    /// dropped.
    pub fn set_raw(&mut self, raw: bool) {
        if self.raw != raw {
            self.raw = raw;
            self.line.clear();
            self.decoder.reset();
        }
    }

    /// Whether every octet goes on at once.
    pub fn is_raw(&self) -> bool {
        self.raw
    }

    /// The escape character; `None`: there is none.
    pub fn escape(&self) -> Option<u8> {
        self.escape
    }

    /// Makes another octet the escape character.
    pub fn set_escape(&mut self, escape: Option<u8>) {
        self.escape = escape;
    }

    /// Lets a function key (1 to 12) play a text. `false`: there is no such key.
    pub fn set_function(&mut self, key: usize, text: &[u8]) -> bool {
        let place = key.checked_sub(1).and_then(|at| self.functions.get_mut(at));
        place.map(|place| text.clone_into(place)).is_some()
    }

    /// The lines entered before.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Writes prompt and line again: after something else was printed.
    pub fn redraw(&self, out: &mut Vec<u8>) {
        if !self.raw {
            self.line.redraw(out);
        }
    }

    /// Takes an octet from the keyboard. `inputs` gets what is to be done; what the terminal has to
    /// show is added to `out`.
    pub fn feed(&mut self, octet: u8, inputs: &mut Vec<Input>, out: &mut Vec<u8>) {
        self.take(octet, true, inputs, out);
    }

    /// Function keys play no function keys: a text may name its own.
    fn take(&mut self, octet: u8, typed: bool, inputs: &mut Vec<Input>, out: &mut Vec<u8>) {
        if Some(octet) == self.escape && !self.decoder.is_quoted() {
            let line = self.line.take();
            self.history.add(&line);
            self.purpose = Purpose::Enter;
            self.decoder.reset();
            out.extend(b"\r\n");
            inputs.push(Input::Escape);
            return;
        }
        if self.raw {
            inputs.push(Input::Octet(octet));
            return;
        }
        if self.decoder.is_quoted() && octet != 0 {
            self.line.unmark(out);
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut keys = Vec::new();
        decoder.feed(octet, |key| keys.push(key));
        self.decoder = decoder;
        for key in keys {
            match key {
                Key::Function(number) if typed => {
                    let at = usize::from(number).saturating_sub(1);
                    let text = self.functions.get(at).cloned().unwrap_or_default();
                    for octet in text {
                        self.take(octet, false, inputs, out);
                    }
                }
                Key::Quote => {
                    self.decoder.quote();
                    self.line.mark(out);
                }
                _ => inputs.extend(self.press(key, out)),
            }
        }
    }

    fn press(&mut self, key: Key, out: &mut Vec<u8>) -> Option<Input> {
        let line = &mut self.line;
        match key {
            Key::Char(c) => line.insert(c, out),
            Key::Home => line.move_to(0, out),
            Key::End => line.move_to(line.end(), out),
            Key::Left => line.move_to(line.left(), out),
            Key::Right => line.move_to(line.right(), out),
            Key::WordLeft => line.move_to(line.word_left(), out),
            Key::WordRight => line.move_to(line.word_right(), out),
            Key::Erase => line.cut(line.left(), line.cursor(), out),
            Key::Delete => line.cut(line.cursor(), line.right(), out),
            Key::EraseWord => line.cut(line.word_left(), line.cursor(), out),
            Key::DeleteWord => line.cut(line.cursor(), line.word_right(), out),
            Key::EraseRest => line.cut(line.cursor(), line.end(), out),
            Key::EraseLine => line.set(String::new(), out),
            Key::Redraw => {
                out.extend(b"\r\n");
                line.redraw(out);
            }
            Key::Earlier | Key::Later | Key::Search if self.purpose == Purpose::Search => bell(out),
            Key::Earlier => match self.history.earlier(line.text()) {
                Some(earlier) => line.set(earlier, out),
                None => bell(out),
            },
            Key::Later => match self.history.later() {
                Some(later) => line.set(later, out),
                None => bell(out),
            },
            Key::Search => {
                self.purpose = Purpose::Search;
                line.set(String::new(), out);
                line.ask_more("^R", out);
            }
            Key::Enter | Key::HandOver if self.purpose == Purpose::Search => self.search(out),
            Key::Enter | Key::HandOver => {
                let line = line.take();
                self.history.add(&line);
                if key == Key::HandOver {
                    return Some(Input::Part(line));
                }
                out.extend(b"\r\n");
                return Some(Input::Line(line));
            }
            Key::Quote | Key::Function(_) | Key::Nothing => {}
        }
        None
    }

    /// Puts the last line that holds what was written in its place.
    fn search(&mut self, out: &mut Vec<u8>) {
        let found = self.history.last_with(self.line.text());
        let found = found.map(str::to_owned);
        self.line.set(String::new(), out);
        // Over the mark of the search.
        out.extend(b"\r\x1b[K");
        self.purpose = Purpose::Enter;
        self.line.ask(&self.prompt, out);
        match found {
            Some(found) => self.line.set(found, out),
            None => bell(out),
        }
    }
}

/// For fuzzing: octets of a keyboard, in and out of raw sessions.
pub fn fuzz_keyboard(octets: &[u8]) {
    let mut editor = Editor::new();
    let mut out = Vec::new();
    let mut inputs = Vec::new();
    editor.set_function(1, b"ping \x1b[11~host\r");
    editor.ask("net> ", &mut out);
    for &octet in octets {
        out.clear();
        inputs.clear();
        editor.feed(octet, &mut inputs, &mut out);
        assert!(editor.line.end() <= LONGEST && editor.line.cursor() <= editor.line.end());
        assert!(out.len() <= 64 * LONGEST, "what is written is bounded");
        for input in &inputs {
            match input {
                Input::Line(line) | Input::Part(line) => assert!(line.len() <= LONGEST),
                Input::Octet(_) => assert!(editor.is_raw()),
                Input::Escape => editor.set_raw(!editor.is_raw()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
