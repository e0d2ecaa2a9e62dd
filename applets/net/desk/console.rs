//! A console: its screen, its keyboard and what it is doing.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_net_console::editor::{Editor, Input};
use wanbox_net_console::guard::Guard;
use wanbox_net_engine::domain::QueryId;
use wanbox_net_services::{LoginId, SessionId};

use crate::guest::Plain;

/// The most consoles.
pub const MOST_CONSOLES: usize = 64;
/// With so many, none is made for a login: somebody who is here must always get one.
pub const MOST_LOGINS: usize = MOST_CONSOLES - 16;
/// With so many octets that wait to be shown, nothing more is asked for that can wait.
pub const MUCH: usize = 16 << 10;
/// Octets that are kept while the line before them is not done; others are lost, with BEL.
pub const MOST_TYPED: usize = 4096;
/// With so many, what cannot wait is dropped.
pub const TOO_MUCH: usize = 64 << 10;

/// A console. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConsoleId(pub u32);

/// What is at the other end of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The terminal of the process.
    Terminal,
    /// A terminal attached through a socket.
    Attached,
    /// A login by Telnet.
    Login,
    /// Somebody by radio, whom nobody knows: lines of text, which are not echoed.
    Guest,
    /// Lines of a script, and its standard output.
    Script {
        /// Lists are wanted as JSON.
        json: bool,
    },
}

impl Kind {
    /// Somebody types there.
    pub const fn has_keyboard(self) -> bool {
        !matches!(self, Self::Script { .. })
    }
}

/// Lines that are run one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    text: String,
    at: usize,
    /// They are those of a startup file: lines that fail are named.
    pub startup: bool,
    /// Each is shown before it is run.
    pub verbose: bool,
}

impl Lines {
    pub fn new(text: String, startup: bool, verbose: bool) -> Self {
        Self {
            text,
            at: 0,
            startup,
            verbose,
        }
    }

    fn next(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        if rest.is_empty() {
            return None;
        }
        let (line, length) = match rest.find('\n') {
            Some(end) => (rest.get(..end)?, end + 1),
            None => (rest, rest.len()),
        };
        self.at += length;
        Some(line.trim_end_matches('\r').to_owned())
    }
}

/// A line, and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub text: String,
    pub startup: bool,
    /// It was typed, not read from a file.
    pub typed: bool,
    /// How often it was run again because it needed a name.
    pub names: u8,
}

/// What a console waits for before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A name; then the line is run again.
    Name(QueryId, Line),
    /// The reply to a ping, until then.
    Reply(Ping, Instant),
    /// The answer to a query of FlexNet, until then.
    Way(u16, Instant),
    /// That everything before is written; then a shell runs this.
    Start(String),
    /// The end of a shell.
    Shell,
    /// The end of a session: in a script.
    Session(SessionId),
}

/// A single ping: of whom, and its stamp (see `Station::ping`).
pub(crate) type Ping = (Ipv4Addr, Option<u64>);

/// A line that is run again and again.
#[derive(Clone, Debug)]
pub(crate) struct Repeat {
    pub line: Line,
    pub every: Duration,
    pub due: Instant,
    /// What it prints takes the place of what it printed before.
    pub live: bool,
}

/// A console.
#[derive(Debug)]
pub(crate) struct Console {
    pub id: ConsoleId,
    pub kind: Kind,
    pub editor: Editor,
    /// What a guest types.
    plain: Plain,
    /// What is typed goes to the current session.
    pub converse: bool,
    pub current: Option<SessionId>,
    /// Files whose lines are run, the innermost last.
    pub files: Vec<Lines>,
    pub wait: Option<Wait>,
    pub repeat: Option<Repeat>,
    /// The session may have something to show.
    pub look: bool,
    /// Somebody who came over the network.
    pub login: Option<LoginId>,
    /// That one may have typed something.
    pub reads: bool,
    /// There were lines to be run: a script ends with the last.
    pub started: bool,
    /// A line failed.
    pub failed: bool,
    /// It is done, with success or without.
    pub ended: Option<bool>,
    /// Octets of the keyboard that are looked at when the line before them is done.
    pub typed: Vec<u8>,
    /// The last of them ended a line.
    pub after_return: bool,
    /// The prompt stands on the screen.
    pub prompted: bool,
    /// Single pings whose replies are shown here: the host, and the stamp of those that have one.
    pub pinged: Vec<Ping>,
    /// Queries of FlexNet whose answers are shown here.
    pub queries: Vec<u16>,
    /// Texts that were not shown because too much waited.
    dropped: u64,
    output: Vec<u8>,
    written: usize,
}

impl Console {
    pub fn new(id: ConsoleId, kind: Kind, editor: Editor) -> Self {
        Self {
            id,
            kind,
            editor,
            plain: Plain::default(),
            converse: false,
            current: None,
            files: Vec::new(),
            wait: None,
            repeat: None,
            look: false,
            login: None,
            reads: false,
            started: false,
            failed: false,
            ended: None,
            typed: Vec::new(),
            after_return: false,
            prompted: false,
            pinged: Vec::new(),
            queries: Vec::new(),
            dropped: 0,
            output: Vec::new(),
            written: 0,
        }
    }

    /// What waits to be shown.
    pub fn output(&self) -> &[u8] {
        self.output.get(self.written..).unwrap_or_default()
    }

    /// So many octets of it are shown.
    pub fn written(&mut self, octets: usize) {
        self.written = self.written.saturating_add(octets).min(self.output.len());
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
            // A long list is not what it will need again.
            self.output.shrink_to(MUCH);
            self.tell_dropped();
        } else if self.written > MUCH {
            self.output.drain(..self.written);
            self.written = 0;
        }
    }

    /// How much may be added before it is much.
    pub fn room(&self) -> usize {
        MUCH.saturating_sub(self.output().len())
    }

    /// The next line of the innermost file that has one, with whether it is to be shown.
    pub fn next_line(&mut self) -> Option<(Line, bool)> {
        while let Some(file) = self.files.last_mut() {
            if let Some(text) = file.next() {
                let line = Line {
                    text,
                    startup: file.startup,
                    ..Line::default()
                };
                return Some((line, file.verbose));
            }
            self.files.pop();
        }
        None
    }

    /// Nothing is under way that a key would end.
    pub fn is_idle(&self) -> bool {
        self.wait.is_none() && self.repeat.is_none() && self.files.is_empty()
    }

    /// A shell has the keyboard.
    pub fn lends_keyboard(&self) -> bool {
        matches!(self.wait, Some(Wait::Start(_) | Wait::Shell))
    }

    /// Ends what a key ends.
    pub fn interrupt(&mut self) {
        if !self.lends_keyboard() {
            self.wait = None;
        }
        self.repeat = None;
        self.files.clear();
    }

    /// Octets as they are, for the terminal.
    pub fn put(&mut self, octets: &[u8]) {
        self.output.extend_from_slice(octets);
    }

    /// Text of a command: nothing that a terminal obeys, and lines end as they end there.
    pub fn print(&mut self, text: &str) {
        let mut clean = Vec::with_capacity(text.len());
        Guard::new().pass(text.as_bytes(), &mut clean);
        self.lines(&clean);
    }

    /// What a program of the host prints.
    pub fn lines(&mut self, octets: &[u8]) {
        if !self.kind.has_keyboard() {
            self.put(octets);
            return;
        }
        for part in octets.split_inclusive(|octet| *octet == b'\n') {
            match part.split_last() {
                Some((b'\n', rest)) if !rest.ends_with(b"\r") => {
                    self.put(rest);
                    self.put(b"\r\n");
                }
                _ => self.put(part),
            }
        }
    }

    /// Where what is printed from now on begins, for [`Console::in_place`].
    pub fn mark(&self) -> usize {
        self.output.len()
    }

    /// What was printed since a mark takes the place of what is on the screen, which is not cleared before. Lines are cut
    /// where the screen ends.
    pub fn in_place(&mut self, mark: usize) {
        let printed = self.output.split_off(mark.min(self.output.len()));
        self.put(b"\x1b[H\x1b[?7l");
        for line in printed.split_inclusive(|octet| *octet == b'\n') {
            self.put(line.trim_ascii_end());
            self.put(b"\x1b[K\r\n");
        }
        self.put(b"\x1b[J\x1b[?7h");
    }

    /// Text that nobody is waiting for: above the prompt, if that is there. It is dropped if too much waits, and then
    /// until little does, which is said where it is missing.
    pub fn notice(&mut self, text: &str) {
        let most = if self.dropped > 0 { MUCH } else { TOO_MUCH };
        if self.output().len() > most {
            self.dropped += 1;
            return;
        }
        self.tell_dropped();
        self.above(text);
    }

    fn tell_dropped(&mut self) {
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            self.above(&format!("*** {dropped} texts were left out\n"));
        }
    }

    /// Shows text above the prompt, if that is there.
    fn above(&mut self, text: &str) {
        if !self.prompted || self.kind == Kind::Guest {
            let begins = if self.prompted { "\n" } else { "" };
            self.print(&format!("{begins}{text}"));
            self.prompted &= self.kind != Kind::Guest;
            return;
        }
        self.put(b"\r\x1b[K");
        self.print(text);
        self.redraw();
    }

    /// Shows the line that is being written again.
    pub fn redraw(&mut self) {
        if self.kind == Kind::Guest {
            return;
        }
        let mut out = std::mem::take(&mut self.output);
        self.editor.redraw(&mut out);
        self.output = out;
    }

    /// Asks for a line.
    pub fn ask(&mut self, prompt: &str) {
        if self.kind == Kind::Guest {
            self.put(prompt.as_bytes());
            return;
        }
        let mut out = std::mem::take(&mut self.output);
        self.editor.ask(prompt, &mut out);
        self.output = out;
    }

    /// Gives an octet to the editor.
    pub fn feed(&mut self, octet: u8, inputs: &mut Vec<Input>) {
        if self.kind == Kind::Guest {
            inputs.extend(self.plain.feed(octet).map(Input::Line));
            return;
        }
        let mut out = std::mem::take(&mut self.output);
        self.editor.feed(octet, inputs, &mut out);
        self.output = out;
    }
}
