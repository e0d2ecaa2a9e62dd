//! A terminal for programs that draw on one: keys in, a screen of text out.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use crate::error::Context;
use crate::run::describe;
use crate::{Error, Result, wait_for};

/// How long a screen may take to show something.
const LIMIT: Duration = Duration::from_secs(60);

/// Cursor up.
pub const UP: &str = "\x1b[A";
/// Cursor down.
pub const DOWN: &str = "\x1b[B";
/// ENTER.
pub const ENTER: &str = "\r";
/// ESC.
pub const ESC: &str = "\x1b";
/// Ctrl-C, where the program takes keys one by one.
pub const CTRL_C: &str = "\x03";
/// The key that erases what is left of the cursor.
pub const ERASE: &str = "\x7f";

/// A program on a terminal of its own. Dropping it ends the program.
#[derive(Debug)]
pub struct Terminal {
    line: String,
    child: Child,
    keys: File,
    screen: Arc<Mutex<Screen>>,
}

impl Terminal {
    /// Starts a program on a terminal of this size.
    ///
    /// # Errors
    /// There is no terminal to be had, or the program could not be started.
    pub fn start(command: &mut Command, columns: u16, rows: u16) -> Result<Self> {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).context("a terminal")?;
        let line = describe(command);
        let end = || pty.slave.try_clone().map(Stdio::from);
        let child = command
            .env("TERM", "xterm")
            .stdin(end()?)
            .stdout(end()?)
            .stderr(end()?)
            .spawn()
            .context(&line)?;
        // Ours is closed, so that the end of the program is the end of the terminal.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(Screen::new(columns, rows)));
        let mut output = File::from(pty.master.try_clone()?);
        let drawn = Arc::clone(&screen);
        thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut octets) {
                let mut screen = drawn.lock().unwrap_or_else(PoisonError::into_inner);
                for octet in octets.iter().take(length) {
                    screen.feed(*octet);
                }
            }
        });
        Ok(Self {
            line,
            child,
            keys: File::from(pty.master),
            screen,
        })
    }

    /// Presses keys.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn press(&mut self, keys: &str) -> Result {
        self.keys.write_all(keys.as_bytes()).context(&self.line)
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.text()
    }

    /// Waits until the screen shows a text.
    ///
    /// # Errors
    /// It does not; the error has what it shows.
    pub fn wait(&self, text: &str) -> Result {
        wait_for(&format!("{text:?} on the screen"), LIMIT, || {
            Ok(self.text().contains(text).then_some(()))
        })
        .map_err(|error| Error::new(format!("{error}\n{}", self.text())))
    }

    /// Waits until a text is shown, then presses keys.
    ///
    /// # Errors
    /// It is not shown, or the terminal is gone.
    pub fn answer(&mut self, text: &str, keys: &str) -> Result {
        self.wait(text)?;
        self.press(keys)
    }

    /// Waits for the end of the program and gives its exit code.
    ///
    /// # Errors
    /// It does not end; the error has what the screen shows.
    pub fn end(mut self) -> Result<i32> {
        let child = &mut self.child;
        let status = wait_for("the end of the program", LIMIT, || Ok(child.try_wait()?));
        match status {
            Ok(status) => Ok(status.code().unwrap_or(-1)),
            Err(error) => Err(Error::new(format!("{error}\n{}", self.text()))),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A screen of text: what programs draw with cursor positions; colours are passed over.
#[derive(Debug)]
struct Screen {
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
    state: State,
    /// Octets of a character that is not complete.
    letter: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Text,
    Escape,
    /// A control sequence (ECMA-48) and its parameters so far.
    Control(String),
}

impl Screen {
    fn new(columns: u16, rows: u16) -> Self {
        Self {
            cells: vec![vec![' '; usize::from(columns)]; usize::from(rows)],
            row: 0,
            column: 0,
            state: State::Text,
            letter: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let lines = self.cells.iter().map(|line| {
            let line: String = line.iter().collect();
            format!("{}\n", line.trim_end())
        });
        lines.collect()
    }

    fn feed(&mut self, octet: u8) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Escape if octet == b'[' => self.state = State::Control(String::new()),
            // The few other sequences are of one octet.
            State::Escape => {}
            State::Control(mut parameters) => {
                if (0x40..=0x7e).contains(&octet) {
                    self.control(&parameters, octet);
                } else {
                    parameters.push(char::from(octet));
                    self.state = State::Control(parameters);
                }
            }
            State::Text => match octet {
                0x1b => self.state = State::Escape,
                b'\r' => self.column = 0,
                b'\n' => self.line_feed(),
                0x08 => self.column = self.column.saturating_sub(1),
                0..0x20 => {}
                _ => self.print(octet),
            },
        }
    }

    fn line_feed(&mut self) {
        if self.row + 1 < self.cells.len() {
            self.row += 1;
        } else if !self.cells.is_empty() {
            let mut line = self.cells.remove(0);
            line.fill(' ');
            self.cells.push(line);
        }
    }

    fn print(&mut self, octet: u8) {
        self.letter.push(octet);
        let Ok(text) = std::str::from_utf8(&self.letter) else {
            if self.letter.len() >= 4 {
                self.letter.clear();
            }
            return;
        };
        let letter = text.chars().next().unwrap_or(' ');
        self.letter.clear();
        if let Some(cell) = self
            .cells
            .get_mut(self.row)
            .and_then(|l| l.get_mut(self.column))
        {
            *cell = letter;
        }
        self.column += 1;
    }

    fn control(&mut self, parameters: &str, last: u8) {
        let mut numbers = parameters
            .split(';')
            .map(|n| n.parse::<usize>().unwrap_or(0));
        let (first, second) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        match last {
            b'H' | b'f' => {
                self.row = first.saturating_sub(1);
                self.column = second.saturating_sub(1);
            }
            b'J' => self.clear(first, 0..self.cells.len()),
            b'K' => self.clear(first, self.row..self.row + 1),
            // The other screen: begun empty, and what was before is not kept.
            b'h' | b'l' if parameters == "?1049" => self.clear(2, 0..self.cells.len()),
            _ => {}
        }
    }

    /// Clears of these rows what is behind (0), before (1) the cursor, or all (2).
    fn clear(&mut self, what: usize, rows: std::ops::Range<usize>) {
        for row in rows {
            for column in 0..self.cells.get(row).map_or(0, Vec::len) {
                let behind = (row, column) >= (self.row, self.column);
                let cleared = match what {
                    0 => behind,
                    1 => !behind,
                    _ => true,
                };
                if let Some(cell) = self.cells.get_mut(row).and_then(|l| l.get_mut(column))
                    && cleared
                {
                    *cell = ' ';
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> String {
        let mut screen = Screen::new(8, 3);
        text.bytes().for_each(|octet| screen.feed(octet));
        screen.text()
    }

    #[test]
    fn screens_are_drawn() {
        assert_eq!(drawn("ab\r\ncd"), "ab\ncd\n\n");
        assert_eq!(drawn("\x1b[2;3Hx\x1b[1;31my\x1b[0m\x1b[Hé"), "é\n  xy\n\n");
        assert_eq!(drawn("abc\x1b[1;2H\x1b[K\x1b[3;1Hz\x1b[2J"), "\n\n\n");
        assert_eq!(drawn("abcd\x1b[1;3H\x1b[K"), "ab\n\n\n");
        assert_eq!(drawn("1\n\r2\n\r3\n\r4"), "2\n3\n4\n");
        assert_eq!(drawn("toolongforit\x1b[99;99Hx\x1b[?25l"), "toolongf\n\n\n");
    }

    #[test]
    fn programs_talk_to_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "stty size; read x; echo got $x; exit 7"]);
        let mut terminal = Terminal::start(&mut command, 40, 10).unwrap();
        terminal.answer("10 40", "word\n").unwrap();
        terminal.wait("got word").unwrap();
        assert_eq!(terminal.end().unwrap(), 7);
    }
}
