//! Consoles: the terminal that the program was started at, and those that are attached.
//!
//! What a console has to show waits at the desk, which makes no more of it than somebody reads.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use slab::Slab;
use wanbox_net_commands::Host;
use wanbox_net_desk::{ConsoleId, Desk, Kind};
use wanbox_runtime::control::{Accepted, ControlError, Listening};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::terminal::Keys;

use crate::attach::{HELLO, again};
use crate::host::Process;
use crate::program::owner;

/// How much of one console is read in a turn, octets.
const READ_BUDGET: usize = 4096;
/// The most that are attached.
const MOST: usize = 32;
/// The longest first line of one, octets.
const MOST_HELLO: usize = 64;
/// The number of the listening socket among tokens; those that are attached count from 1.
const LISTENER: u32 = 0;

/// The terminal that the program was started at.
pub struct Terminal {
    keys: Keys,
    source: Source,
    /// Its console.
    pub console: ConsoleId,
    /// Another program has it.
    lent: bool,
}

impl Terminal {
    /// Takes the terminal, and opens a console there.
    ///
    /// # Errors
    /// For people.
    pub fn open(lp: &mut Loop, desk: &mut Desk) -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot take the terminal: {error}");
        let console = desk
            .open(Kind::Terminal)
            .map_err(|error| error.to_string())?;
        let keys = Keys::take().map_err(failed)?;
        let token = Token::new(owner::TERMINAL, 0);
        let source = lp
            .register(&keys, token, Interest::Read, Priority::Control)
            .map_err(failed)?;
        Ok(Self {
            keys,
            source,
            console,
            lent: false,
        })
    }

    /// Keys are there. Whether the terminal still is.
    pub fn ready(
        process: &mut Process,
        lp: &mut Loop,
        desk: &mut Desk,
        readiness: Readiness,
    ) -> bool {
        let Some(terminal) = process.terminal.as_ref().filter(|terminal| !terminal.lent) else {
            return true;
        };
        let (id, mut keys) = (terminal.console, &terminal.keys);
        let mut octets = [0; READ_BUDGET];
        match again(keys.read(&mut octets)) {
            Ok(Some(count @ 1..)) => {
                let octets = octets.get(..count).unwrap_or_default();
                let now = lp.now();
                desk.input(now, &mut process.host(lp), id, octets);
                true
            }
            Ok(None) => !readiness.hangup,
            Ok(Some(_)) | Err(_) => false,
        }
    }

    /// Shows what is to be shown, and waits for what comes next. Whether the terminal is still there.
    pub fn settle(&self, lp: &mut Loop, desk: &mut Desk) -> bool {
        if self.lent {
            return true;
        }
        let there = show(desk, self.console, &mut &self.keys);
        let interest = interest(desk, self.console);
        there && lp.modify(self.source, &self.keys, interest).is_ok()
    }

    /// What comes next at the terminal is not ours, and begins a line.
    pub fn end_line(&self) {
        // Nobody is left to tell when it is gone.
        let _ = (&self.keys).write(b"\n");
    }

    /// Gives the terminal to another program.
    ///
    /// # Errors
    /// It is gone.
    pub fn lend(&mut self) -> io::Result<()> {
        self.keys.lend()?;
        self.lent = true;
        Ok(())
    }

    /// The other program is done.
    ///
    /// # Errors
    /// It is gone.
    pub fn retake(&mut self) -> io::Result<()> {
        self.lent = false;
        self.keys.retake()
    }
}

/// What is waited for at a console.
fn interest(desk: &Desk, id: ConsoleId) -> Interest {
    match Interest::of(desk.accepts(id), !desk.output(id).is_empty()) {
        Interest::Hangup => Interest::None,
        interest => interest,
    }
}

/// Shows as much as somebody reads. Whether anybody can.
fn show(desk: &mut Desk, id: ConsoleId, out: &mut dyn Write) -> bool {
    loop {
        let output = desk.output(id);
        if output.is_empty() {
            return true;
        }
        match again(out.write(output)) {
            Ok(Some(count)) => desk.written(id, count),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

struct Attached {
    stream: UnixStream,
    source: Source,
    state: State,
    /// The order of its coming.
    serial: u64,
}

enum State {
    /// It has not said yet what it wants.
    New(Vec<u8>),
    /// It is a console.
    Open(ConsoleId),
    /// It says nothing more.
    Leaving(ConsoleId),
}

/// The consoles that are attached.
pub struct Consoles {
    listening: Listening,
    source: Source,
    attached: Slab<Attached>,
    next: u64,
}

impl Consoles {
    /// Listens on `path`.
    ///
    /// # Errors
    /// Those of [`Listening::bind`].
    pub fn bind(lp: &mut Loop, path: &Path) -> Result<Self, ControlError> {
        let listening = Listening::bind(path, 0o600)?;
        let token = Token::new(owner::CONSOLES, LISTENER);
        let source = lp
            .register(&listening, token, Interest::Read, Priority::Control)
            .map_err(|error| ControlError::Io {
                action: "wait on",
                path: path.to_owned(),
                error,
            })?;
        Ok(Self {
            listening,
            source,
            attached: Slab::new(),
            next: 0,
        })
    }

    /// A descriptor of the consoles is ready.
    pub fn ready(
        &mut self,
        process: &mut Process,
        lp: &mut Loop,
        desk: &mut Desk,
        token: Token,
        readiness: Readiness,
    ) {
        if token.id == LISTENER {
            self.accept(lp, desk);
            return;
        }
        let index = token.id as usize - 1;
        let Some(attached) = self.attached.get_mut(index) else {
            return;
        };
        let mut octets = [0; READ_BUDGET];
        let mut there = true;
        if readiness.readable {
            match again((&attached.stream).read(&mut octets)) {
                Ok(Some(count)) => {
                    let octets = octets.get(..count).unwrap_or_default();
                    let now = lp.now();
                    there = attached.take(now, &mut process.host(lp), desk, octets);
                }
                Ok(None) => {}
                Err(_) => there = false,
            }
        } else if readiness.hangup {
            there = false;
        }
        if !there {
            self.close_one(lp, desk, index);
        }
    }

    fn accept(&mut self, lp: &mut Loop, desk: &mut Desk) {
        for _ in 0..MOST {
            let stream = match self.listening.accept() {
                Accepted::Client(stream) => stream,
                // Nobody but root and who runs this; the mode of the socket says so already.
                Accepted::Stranger(..) => continue,
                Accepted::Full | Accepted::Nobody => return,
            };
            if self.attached.len() >= MOST {
                // Who says nothing makes room for others.
                let silent =
                    |(_, attached): &(usize, &Attached)| matches!(attached.state, State::New(_));
                let oldest = self
                    .attached
                    .iter()
                    .filter(silent)
                    .min_by_key(|(_, attached)| attached.serial);
                match oldest.map(|(index, _)| index) {
                    Some(index) => self.close_one(lp, desk, index),
                    None => {
                        // One short line fits an empty socket buffer.
                        let _ = (&stream).write(b"*** there are too many consoles\n");
                        continue;
                    }
                }
            }
            let entry = self.attached.vacant_entry();
            let token = Token::new(owner::CONSOLES, entry.key() as u32 + 1);
            if let Ok(source) = lp.register(&stream, token, Interest::Read, Priority::Control) {
                entry.insert(Attached {
                    stream,
                    source,
                    state: State::New(Vec::new()),
                    serial: self.next,
                });
                self.next += 1;
            }
        }
    }

    /// Shows everybody what is to be shown, and waits for what comes next.
    pub fn settle(&mut self, lp: &mut Loop, desk: &mut Desk) {
        let mut gone = Vec::new();
        for (index, attached) in &mut self.attached {
            let (id, leaving) = match attached.state {
                State::New(_) => continue,
                State::Open(id) => (id, desk.ended(id).is_some()),
                State::Leaving(id) => (id, true),
            };
            let there = show(desk, id, &mut &attached.stream);
            let unsent = !desk.output(id).is_empty();
            let interest = if leaving {
                Interest::Write
            } else {
                interest(desk, id)
            };
            let waits = lp
                .modify(attached.source, &attached.stream, interest)
                .is_ok();
            if !there || !waits || leaving && !unsent {
                gone.push(index);
            }
        }
        for index in gone {
            self.close_one(lp, desk, index);
        }
    }

    /// Closes all.
    pub fn close(mut self, lp: &mut Loop, desk: &mut Desk) {
        let all: Vec<usize> = self.attached.iter().map(|(index, _)| index).collect();
        for index in all {
            self.close_one(lp, desk, index);
        }
        // It is registered and open.
        let _ = lp.deregister(self.source, &self.listening);
    }

    fn close_one(&mut self, lp: &mut Loop, desk: &mut Desk, index: usize) {
        if let Some(attached) = self.attached.try_remove(index) {
            if let State::Open(id) | State::Leaving(id) = attached.state {
                desk.close(lp.now(), id);
            }
            // It is registered and open.
            let _ = lp.deregister(attached.source, &attached.stream);
        }
    }
}

impl Attached {
    /// Takes what came; nothing is the end. Whether it is to be kept.
    fn take(
        &mut self,
        now: std::time::Instant,
        host: &mut dyn Host,
        desk: &mut Desk,
        octets: &[u8],
    ) -> bool {
        let id = match &mut self.state {
            State::New(line) => {
                line.extend_from_slice(octets);
                let Some(end) = line.iter().position(|octet| *octet == b'\n') else {
                    return !octets.is_empty() && line.len() <= MOST_HELLO;
                };
                let (hello, rest) = line.split_at(end + 1);
                if hello.trim_ascii() != HELLO.trim_ascii_end().as_bytes() {
                    let _ = (&self.stream).write(b"*** say `console` first\n");
                    return false;
                }
                let rest = rest.to_vec();
                let id = match desk.open(Kind::Attached) {
                    Ok(id) => id,
                    Err(why) => {
                        let _ = (&self.stream).write(format!("*** {why}\n").as_bytes());
                        return false;
                    }
                };
                // What fits an empty socket buffer; if it is gone, that is seen next.
                let _ = (&self.stream).write(HELLO.as_bytes());
                self.state = State::Open(id);
                if !rest.is_empty() {
                    desk.input(now, host, id, &rest);
                }
                return true;
            }
            State::Open(id) | State::Leaving(id) => *id,
        };
        if octets.is_empty() {
            self.state = State::Leaving(id);
        } else {
            desk.input(now, host, id, octets);
        }
        true
    }
}
