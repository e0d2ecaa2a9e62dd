//! The whole screen of a terminal, given back when it goes.

use std::io::{self, Stdout};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// What the user pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// ENTER.
    Enter,
    /// ESC.
    Leave,
    /// Ctrl-C.
    Interrupt,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// The beginning.
    Home,
    /// The end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// BACKSPACE.
    Erase,
    /// DELETE.
    Delete,
    /// Any other character.
    Char(char),
}

/// A terminal taken over: raw mode, alternate screen, no cursor.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output is no terminal, or it went away.
    pub fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        // From here on dropping it gives the terminal back, also half way.
        let screen = Self {
            terminal: Terminal::new(CrosstermBackend::new(io::stdout()))?,
        };
        // Not by ratatui, which asks where the cursor is: simple terminals do not answer.
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            Clear(ClearType::All),
            cursor::Hide
        )?;
        Ok(screen)
    }

    /// Draws.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// The next key within `timeout`; `None` when there was none (also after a change of size).
    ///
    /// # Errors
    /// The terminal went away.
    pub fn key(&mut self, timeout: Duration) -> io::Result<Option<Key>> {
        if !poll(timeout)? {
            return Ok(None);
        }
        Ok(match read()? {
            Event::Key(event) if event.kind != KeyEventKind::Release => translate(event),
            _ => None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal is gone.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

fn translate(event: KeyEvent) -> Option<Key> {
    Some(match event.code {
        KeyCode::Char('c') if event.modifiers.contains(KeyModifiers::CONTROL) => Key::Interrupt,
        // No other letter means itself with Ctrl or Alt; these are the habits of shells.
        KeyCode::Char('a') if event.modifiers.contains(KeyModifiers::CONTROL) => Key::Home,
        KeyCode::Char('e') if event.modifiers.contains(KeyModifiers::CONTROL) => Key::End,
        KeyCode::Char(_) if event.modifiers.intersects(KeyModifiers::CONTROL) => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Esc => Key::Leave,
        KeyCode::Enter => Key::Enter,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Backspace => Key::Erase,
        KeyCode::Delete => Key::Delete,
        _ => return None,
    })
}
