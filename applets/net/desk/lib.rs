//! The operator's desk: consoles with their sessions, and the commands that they run. No descriptor, no clock.
//!
//! | to change | open |
//! |---|---|
//! | what a console has, its screen | `console.rs` |
//! | what is typed: command mode, converse mode, current sessions | `keyboard.rs` |
//! | the order of the commands, and who knows them | `table.rs` |
//! | how a line is run, files, `repeat`, what a line waits for | `turn.rs` |
//! | the desk's own commands | `own.rs` |
//! | what the station and its services tell | `events.rs` |
//! | what guests may ask | `guest.rs` |
//! | who is shown what is traced | `traces.rs` |
//!
//! Any number of people sit at the desk, each at a console: the terminal of the process, terminals that are
//! attached through a socket, logins by Telnet, and scripts, which run given lines and end with a status.
//! Settings (the host's name, function keys, the escape character) are the desk's; history, mode and current
//! session are a console's. A session belongs to the console that opened it, which alone is shown what it says;
//! everybody sees it in the list, and may take it once that console is gone.
//!
//! A console that does not read makes no memory grow: what sessions send stays in TCP, lines of traces are
//! dropped and counted, and nothing is taken from its keyboard. What came from the network is shown through
//! [`wanbox_net_console::guard::Guard`], except in raw sessions.

mod console;
mod events;
pub mod fuzz;
mod guest;
mod keyboard;
mod own;
mod table;
mod traces;
mod turn;

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use wanbox_net_commands::Host;
use wanbox_net_console::editor::Editor;
use wanbox_net_engine::{InterfaceId, Station};
use wanbox_net_services::{LoginId, Notice, Services, SessionId};

use console::{Console, Line, Lines, MOST_CONSOLES, MOST_LOGINS, MOST_TYPED, Wait};
pub use console::{ConsoleId, Kind};
use traces::Traces;

/// The name of the host until it gets one.
const NAME: &str = "net";

/// There are as many consoles as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are too many consoles already")
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
    /// The name of this host, which prompts show.
    pub host_name: String,
    consoles: Vec<Console>,
    next: u32,
    /// The console that a session belongs to.
    owners: [Option<ConsoleId>; SessionId::MOST],
    traces: Traces,
    /// What new consoles begin with.
    keyboard: Editor,
    /// For the owner.
    gates: VecDeque<Notice>,
    /// For the owner, too.
    logins: VecDeque<Notice>,
    /// There is more to be done at once than one turn should do.
    busy: Option<Instant>,
    /// When the last turn was.
    turn: Option<Instant>,
}

impl Desk {
    /// A desk without consoles.
    #[must_use]
    pub fn new(station: Station, services: Services) -> Self {
        Self {
            station,
            services,
            host_name: NAME.to_owned(),
            consoles: Vec::new(),
            next: 1,
            owners: [None; SessionId::MOST],
            traces: Traces::default(),
            keyboard: Editor::new(),
            gates: VecDeque::new(),
            logins: VecDeque::new(),
            busy: None,
            turn: None,
        }
    }

    /// Opens a console. One with a keyboard shows its prompt after [`Desk::startup`] or [`Desk::after`].
    ///
    /// # Errors
    /// There are too many.
    pub fn open(&mut self, kind: Kind) -> Result<ConsoleId, TooMany> {
        let most = match kind {
            Kind::Login | Kind::Guest => MOST_LOGINS,
            _ => MOST_CONSOLES,
        };
        if self.consoles.len() >= most {
            return Err(TooMany);
        }
        let id = ConsoleId(self.next);
        self.next = self.next.wrapping_add(1);
        let console = Console::new(id, kind, self.keyboard.clone());
        self.consoles.push(console);
        Ok(id)
    }

    /// A console is gone: what it was doing ends, and so do the traces that it was shown. Its sessions stay, and
    /// are nobody's until another console takes them.
    pub fn close(&mut self, now: Instant, id: ConsoleId) {
        let Some(at) = self.consoles.iter().position(|console| console.id == id) else {
            return;
        };
        let console = self.consoles.swap_remove(at);
        if let Some(login) = console.login {
            self.services.login_closed(now, &mut self.station, login);
        }
        self.traces.gone(id, &mut self.station);
        for (number, owner) in self.owners.iter_mut().enumerate() {
            if *owner == Some(id) {
                *owner = None;
                if console.kind == Kind::Guest
                    && let Some(session) = self.services.session(number)
                {
                    // Nobody is left to look at it; it is there.
                    let _ = self.services.close_session(now, &mut self.station, session);
                }
            }
        }
    }

    /// Whether a console may be given input: not while much waits to be shown or sent, or a shell has the
    /// keyboard.
    #[must_use]
    pub fn accepts(&self, id: ConsoleId) -> bool {
        self.console(id).is_some_and(|console| {
            console.room() > 0
                && console.typed.len() < MOST_TYPED / 2
                && !console.lends_keyboard()
                && console.ended.is_none()
        })
    }

    /// Octets of a keyboard. A key ends what a console is doing: `repeat`, waiting for a name, a file of commands.
    pub fn input(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, octets: &[u8]) {
        self.typed(now, host, id, octets);
        self.advance(now, host, id);
    }

    /// Runs a line, as when it is typed. A script ends when all that its lines began is done.
    pub fn run(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, line: &str) {
        let line = Line {
            text: line.to_owned(),
            typed: true,
            ..Line::default()
        };
        if let Some(console) = self.console_mut(id) {
            console.started = true;
            console.prompted = false;
            self.execute(now, host, id, line);
            self.advance(now, host, id);
        }
    }

    /// Runs the lines of a startup file: those that fail are named. `verbose`: all are shown.
    pub fn startup(
        &mut self,
        now: Instant,
        host: &mut dyn Host,
        id: ConsoleId,
        text: &str,
        verbose: bool,
    ) {
        if let Some(console) = self.console_mut(id) {
            console.started = true;
            console
                .files
                .push(Lines::new(text.to_owned(), true, verbose));
            self.advance(now, host, id);
        }
    }

    /// What a console has to show. [`Desk::written`] says how much of it was.
    #[must_use]
    pub fn output(&self, id: ConsoleId) -> &[u8] {
        self.console(id).map_or(&[], Console::output)
    }

    /// So many octets of [`Desk::output`] are written.
    pub fn written(&mut self, id: ConsoleId, octets: usize) {
        let turn = self.turn;
        if let Some(console) = self.console_mut(id) {
            console.written(octets);
            // What waited for room goes on in the next turn, which nothing else may bring about.
            if console.waits_for_room() {
                self.busy = self.busy.or(turn);
            }
        }
    }

    /// How a console ended, which is to be closed once its output is written: a script that is done, with success
    /// or without; or somebody said `bye`.
    #[must_use]
    pub fn ended(&self, id: ConsoleId) -> Option<bool> {
        self.console(id).and_then(|console| console.ended)
    }

    /// All consoles. Those of logins are the desk's own: nobody else writes or closes them.
    pub fn consoles(&self) -> impl Iterator<Item = (ConsoleId, Kind)> {
        self.consoles
            .iter()
            .map(|console| (console.id, console.kind))
    }

    /// Something that whoever is there must hear of.
    pub fn tell(&mut self, text: &str) {
        self.show(None, &format!("*** {text}\n"));
    }

    /// Whether what a shell prints may be given: not while much waits to be shown.
    #[must_use]
    pub fn has_room(&self, id: ConsoleId) -> bool {
        self.console(id).is_some_and(|console| console.room() > 0)
    }

    /// What a shell that [`Host::shell`] began has printed.
    pub fn shell_output(&mut self, id: ConsoleId, octets: &[u8]) {
        if let Some(console) = self.console_mut(id) {
            console.lines(octets);
        }
    }

    /// A shell has ended, with this status; 0 is success.
    pub fn shell_done(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, status: i32) {
        if let Some(console) = self.console_mut(id)
            && console.wait == Some(Wait::Shell)
        {
            console.wait = None;
            if status != 0 {
                console.failed = true;
                console.repeat = None;
            }
            self.advance(now, host, id);
            self.busy = Some(now);
        }
    }

    /// A packet as text, for the console that switched the trace of the interface on.
    pub fn trace(&mut self, interface: InterfaceId, text: &str) {
        let owner = self.traces.packet_owner(interface);
        self.show(owner, text);
    }

    /// What gates need of the host: the notices of [`Services`] about `tcpgate`.
    pub fn poll_gate(&mut self) -> Option<Notice> {
        self.gates.pop_front()
    }

    /// What those need who come by radio and get a program: the notices of [`Services`] about logins.
    pub fn poll_login(&mut self) -> Option<Notice> {
        self.logins.pop_front()
    }

    /// Gives somebody who came by radio a console.
    pub fn guest(&mut self, now: Instant, login: LoginId) {
        self.opened_login(now, login, Kind::Guest);
    }

    /// When to call [`Desk::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let consoles = self.consoles.iter().flat_map(|console| {
            let reply = match console.wait {
                Some(Wait::Reply(_, due) | Wait::Way(_, due)) => Some(due),
                _ => None,
            };
            [reply, console.repeat.as_ref().map(|repeat| repeat.due)]
        });
        let of_others = [
            self.station.poll_timeout(),
            self.services.poll_timeout(),
            self.busy,
        ];
        consoles.chain(of_others).flatten().min()
    }

    /// Does what is due, of the station as well. [`Desk::after`] follows.
    pub fn handle_timeout(&mut self, now: Instant, host: &mut dyn Host) {
        self.station.handle_timeout(now, host.sink());
        self.services.handle_timeout(now, &mut self.station);
        for at in 0..self.consoles.len() {
            let Some(console) = self.consoles.get_mut(at) else {
                break;
            };
            let id = console.id;
            if let Some(Wait::Reply((from, _), due)) = console.wait
                && due <= now
            {
                let from = self.station.resolver.shown(now, from);
                console.print(&format!("{from}: no reply\n"));
                console.wait = None;
                console.failed = true;
                self.advance(now, host, id);
            } else if let Some(Wait::Way(_, due)) = console.wait
                && due <= now
            {
                console.print("No answer\n");
                console.wait = None;
                console.failed = true;
                self.advance(now, host, id);
            }
            self.repeat(now, host, id);
        }
    }

    fn console(&self, id: ConsoleId) -> Option<&Console> {
        self.consoles.iter().find(|console| console.id == id)
    }

    fn console_mut(&mut self, id: ConsoleId) -> Option<&mut Console> {
        self.consoles.iter_mut().find(|console| console.id == id)
    }

    /// Sets something of all keyboards, also of those to come.
    fn each_keyboard(&mut self, mut set: impl FnMut(&mut Editor)) {
        set(&mut self.keyboard);
        for console in &mut self.consoles {
            set(&mut console.editor);
        }
    }
}

#[cfg(test)]
mod simulation;
