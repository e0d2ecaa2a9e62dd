//! A console: its screen, its keyboard and what it is doing.

/// The most consoles.
pub const MOST_CONSOLES: usize = 64;
/// With so many octets that wait to be shown, nothing more is asked for that can wait.
const MUCH: usize = 16 << 10;

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
    /// Lines of a script, and its standard output.
    Script {
        /// Lists are wanted as JSON.
        json: bool,
    },
}

/// A console.
#[derive(Debug)]
pub(crate) struct Console {
    pub id: ConsoleId,
    pub kind: Kind,
    /// It is done, with success or without.
    pub ended: Option<bool>,
    output: Vec<u8>,
    written: usize,
}

impl Console {
    pub fn new(id: ConsoleId, kind: Kind) -> Self {
        Self {
            id,
            kind,
            ended: None,
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
        self.written = self.written.saturating_add(octets);
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
        }
    }

    /// More may be asked for.
    pub fn has_room(&self) -> bool {
        self.output().len() < MUCH
    }
}
