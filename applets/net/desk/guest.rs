//! What guests may ask: those who come by radio, and whom nobody knows. They see what is on the air and connect
//! onwards; nothing of theirs changes the station, and nothing of the host is theirs.

use wanbox_net_commands::Stop;
use wanbox_net_console::words::{self, Word};

/// The most sessions of all guests.
pub(crate) const MOST_SESSIONS: usize = 8;
/// The longest line, octets.
const LONGEST: usize = 256;

/// A command of guests, what it is for others, and how many words may follow.
const COMMANDS: [(&str, &str, usize); 10] = [
    ("bye", "bye", 0),
    ("connect", "connect", 10),
    ("dest", "flexnet dest", 1),
    ("heard", "ax25 heard", 1),
    ("help", "", 0),
    ("links", "flexnet link", 0),
    ("nodes", "netrom nodes", 0),
    ("query", "flexnet query", 1),
    ("routes", "ax25 route", 0),
    ("users", "session", 0),
];

/// The words of the command that a guest means; `None`: a list of those that there are.
///
/// # Errors
/// There is none, or it is asked more than guests may ask.
pub(crate) fn command(typed: &[Word]) -> Result<Option<Vec<Word>>, Stop> {
    let unknown = || Stop::Failed("Unknown command; type \"?\" for list".to_owned());
    let Some((first, rest)) = typed.split_first() else {
        return Ok(Some(Vec::new()));
    };
    let first = first.text().to_ascii_lowercase();
    if first.starts_with('?') {
        return Ok(None);
    }
    let mut commands = COMMANDS.iter();
    let found = commands.find(|(name, _, _)| name.starts_with(first.as_str()));
    let (_, real, most) = found.ok_or_else(unknown)?;
    if real.is_empty() {
        return Ok(None);
    }
    let mut line = (*real).to_owned();
    for word in rest {
        let word = word.text();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if word.is_empty() || !word.chars().all(plain) {
            return Err(unknown());
        }
        line.push(' ');
        line += &word;
    }
    if rest.len() > *most {
        return Err(unknown());
    }
    let words = words::split(&line).map_err(|error| Stop::Failed(error.to_string()))?;
    Ok(Some(words))
}

/// The names of their commands.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, _, _)| *name)
}

/// Lines as they come over the air: nothing is echoed.
#[derive(Debug, Default)]
pub(crate) struct Plain(Vec<u8>);

impl Plain {
    /// Takes an octet: the line, when it is whole.
    pub fn feed(&mut self, octet: u8) -> Option<String> {
        match octet {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.0);
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            0x08 | 0x7f => drop(self.0.pop()),
            b' '.. if self.0.len() < LONGEST => self.0.push(octet),
            b'\t' if self.0.len() < LONGEST => self.0.push(b' '),
            _ => {}
        }
        None
    }
}
