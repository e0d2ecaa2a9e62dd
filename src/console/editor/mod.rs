//! A line editor for a terminal at the other end of a connection.
//!
//! It is fed with octets and answers with what the terminal has to be sent; it owns no
//! connection and no terminal. Control characters are keys or nothing: they neither get into a
//! line nor back to the terminal. [`Line`] and [`History`] also serve editors with other keys.

mod history;
mod keys;
mod line;
mod screen;
#[cfg(test)]
mod tests;

pub use history::History;
use keys::{Decoder, Key};
pub use line::{Line, bell, shown};
pub use screen::{screen, screen_with_cursor};

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

/// An editor of command lines, and of answers to questions.
#[derive(Clone, Debug)]
pub struct Editor {
    echo: Echo,
    /// Somebody else echoes: nothing is written but prompts.
    silent: bool,
    line: Line,
    history: History,
    decoder: Decoder,
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            echo: Echo::Command,
            silent: false,
            line: Line::new(MAX_LINE),
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
        self.echo = echo;
        self.line.ask(prompt, out);
        self.hide();
    }

    /// Whether the terminal itself shows what is typed.
    pub fn set_silent(&mut self, silent: bool) {
        self.silent = silent;
        self.hide();
    }

    fn hide(&mut self) {
        self.line
            .set_hidden(self.echo == Echo::Nothing || self.silent);
    }

    /// The line so far, up to the cursor.
    pub fn before_cursor(&self) -> &str {
        self.line.before_cursor()
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
        self.line.replace(at, &clean, out);
    }

    /// Writes prompt and line again: after something else was printed.
    pub fn redraw(&self, out: &mut Vec<u8>) {
        self.line.redraw(out);
    }

    fn press(&mut self, key: Key, out: &mut Vec<u8>) -> Option<Input> {
        let line = &mut self.line;
        match key {
            Key::Char('?') if self.echo == Echo::Command => return Some(Input::Help),
            Key::Char(c) => line.insert(c, out),
            Key::Tab if self.echo == Echo::Command => return Some(Input::Complete),
            Key::Tab => bell(out),
            Key::Enter => {
                let line = line.take();
                if self.echo == Echo::Command {
                    self.history.add(&line);
                }
                if !self.silent {
                    out.extend(b"\r\n");
                }
                return Some(Input::Line(line));
            }
            Key::Home => line.move_to(0, out),
            Key::End => line.move_to(line.end(), out),
            Key::Left => line.move_to(line.left(), out),
            Key::Right => line.move_to(line.right(), out),
            Key::Erase => line.cut(line.left(), line.cursor(), out),
            Key::Delete => line.cut(line.cursor(), line.right(), out),
            Key::EraseLine => line.set(String::new(), out),
            Key::EraseWord => line.cut(line.word_left(), line.cursor(), out),
            Key::EraseRest => line.cut(line.cursor(), line.end(), out),
            Key::Earlier | Key::Later if self.echo != Echo::Command => bell(out),
            Key::Earlier => match self.history.earlier(line.text()) {
                Some(earlier) => line.set(earlier, out),
                None => bell(out),
            },
            Key::Later => match self.history.later() {
                Some(later) => line.set(later, out),
                None => bell(out),
            },
            Key::Redraw => {
                out.extend(b"\r\n");
                line.redraw(out);
            }
            Key::Interrupt => {
                line.clear();
                return Some(Input::Interrupt);
            }
            Key::Leave => {
                line.clear();
                return Some(Input::Leave);
            }
            Key::EndOfInput if line.text().is_empty() => return Some(Input::End),
            Key::EndOfInput => line.cut(line.cursor(), line.right(), out),
        }
        None
    }
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
        assert!(editor.line.text().len() <= MAX_LINE && editor.line.cursor() <= editor.line.end());
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
