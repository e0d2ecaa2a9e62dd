//! The operator's desk: consoles with their sessions, and the commands that they run. No descriptor, no clock.
//!
//! | to change | open |
//! |---|---|
//! | what a console has, its screen and its keyboard | `console.rs` |
//!
//! Any number of people sit at the desk, each at a console: the terminal of the process, terminals that are
//! attached through a socket, logins by Telnet, and scripts, which run given lines and end with a status.
//! Settings (names of keys, the escape character) are the desk's; history, mode and current session are a
//! console's.
//!
//! A console that does not read makes no memory grow: what sessions send stays in TCP, lines of traces are
//! dropped and counted, and nothing is taken from its keyboard. What came from the network is shown through
//! [`wanbox_net_console::guard::Guard`], except in raw sessions.

mod console;

use std::fmt;
use std::time::Instant;

use wanbox_net_commands::Host;
use wanbox_net_engine::{InterfaceId, Station};
use wanbox_net_services::Services;

use console::{Console, MOST_CONSOLES};
pub use console::{ConsoleId, Kind};

/// There are as many consoles as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {MOST_CONSOLES} consoles already")
    }
}

impl std::error::Error for TooMany {}

/// The desk. After each turn of the process [`Desk::after`] is called, and what [`Desk::output`] has is written.
#[derive(Debug)]
pub struct Desk {
    /// The network.
    pub station: Station,
    /// Sessions and servers.
    pub services: Services,
    consoles: Vec<Console>,
    next: u32,
}

impl Desk {
    /// A desk without consoles.
    #[must_use]
    pub fn new(station: Station, services: Services) -> Self {
        Self {
            station,
            services,
            consoles: Vec::new(),
            next: 1,
        }
    }

    /// Opens a console. One with a keyboard shows its prompt.
    ///
    /// # Errors
    /// There are too many.
    pub fn open(&mut self, kind: Kind) -> Result<ConsoleId, TooMany> {
        if self.consoles.len() >= MOST_CONSOLES {
            return Err(TooMany);
        }
        let id = ConsoleId(self.next);
        self.next = self.next.wrapping_add(1);
        self.consoles.push(Console::new(id, kind));
        Ok(id)
    }

    /// A console is gone: what it was doing ends, and traces that it was shown. Its sessions stay, and are
    /// nobody's until another console takes them.
    pub fn close(&mut self, id: ConsoleId) {
        self.consoles.retain(|console| console.id != id);
    }

    /// Whether a console may be given input: not while much waits to be shown, or a shell has the keyboard.
    #[must_use]
    pub fn accepts(&self, id: ConsoleId) -> bool {
        self.console(id).is_some_and(Console::has_room)
    }

    /// Octets of a keyboard.
    pub fn input(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, octets: &[u8]) {
        let _ = (now, host, id, octets);
    }

    /// Runs a line, as when it is typed. A script ends when all its lines are done.
    pub fn run(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, line: &str) {
        let _ = (now, host, id, line);
    }

    /// Runs the lines of a startup file: lines that fail are named. `verbose`: all are shown.
    pub fn startup(
        &mut self,
        now: Instant,
        host: &mut dyn Host,
        id: ConsoleId,
        text: &str,
        verbose: bool,
    ) {
        let _ = (now, host, id, text, verbose);
    }

    /// What a console has to show. [`Desk::written`] says how much of it was.
    #[must_use]
    pub fn output(&self, id: ConsoleId) -> &[u8] {
        self.console(id).map_or(&[], Console::output)
    }

    /// So many octets of [`Desk::output`] are written.
    pub fn written(&mut self, id: ConsoleId, octets: usize) {
        if let Some(console) = self.console_mut(id) {
            console.written(octets);
        }
    }

    /// How a console ended, that is to be closed once its output is written: a script that is done, with success
    /// or without, or `bye`.
    #[must_use]
    pub fn ended(&self, id: ConsoleId) -> Option<bool> {
        self.console(id).and_then(|console| console.ended)
    }

    /// All consoles.
    pub fn consoles(&self) -> impl Iterator<Item = (ConsoleId, Kind)> {
        self.consoles
            .iter()
            .map(|console| (console.id, console.kind))
    }

    /// Whether what a shell prints may be given: not while much waits to be shown.
    #[must_use]
    pub fn has_room(&self, id: ConsoleId) -> bool {
        self.console(id).is_some_and(Console::has_room)
    }

    /// What a shell that [`Host::shell`] began has printed.
    pub fn shell_output(&mut self, id: ConsoleId, octets: &[u8]) {
        let _ = (id, octets);
    }

    /// A shell has ended, with this status; 0 is success.
    pub fn shell_done(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, status: i32) {
        let _ = (now, host, id, status);
    }

    /// A packet as text: for the console that switched the trace of the interface on.
    pub fn trace(&mut self, interface: InterfaceId, text: &str) {
        let _ = (interface, text);
    }

    /// When to call [`Desk::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.station.poll_timeout()
    }

    /// Does what is due, of the station as well.
    pub fn handle_timeout(&mut self, now: Instant, host: &mut dyn Host) {
        self.station.handle_timeout(now, host.sink());
    }

    /// Deals with everything that has happened in the station, and lets its segments go. After every turn.
    pub fn after(&mut self, now: Instant, host: &mut dyn Host) {
        self.station.flush(now, host.sink());
    }

    fn console(&self, id: ConsoleId) -> Option<&Console> {
        self.consoles.iter().find(|console| console.id == id)
    }

    fn console_mut(&mut self, id: ConsoleId) -> Option<&mut Console> {
        self.consoles.iter_mut().find(|console| console.id == id)
    }
}
