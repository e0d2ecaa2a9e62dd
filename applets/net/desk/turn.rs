//! A line is run: its words, its command, and what comes of it.

use std::time::{Duration, Instant};

use wanbox_net_commands::{Context, Done, Host, Output, Stop, Then};
use wanbox_net_console::table;
use wanbox_net_console::words::{self, Word};
use wanbox_net_services::SessionId;

use crate::console::{Console, ConsoleId, Kind, Line, MUCH, Repeat, Wait};
use crate::table::{Known, TABLE, elsewhere_named};
use crate::traces::Source;
use crate::{Desk, guest, own};

/// How long a script waits for the reply to a ping.
const REPLY: Duration = Duration::from_secs(10);
/// How long a script waits for the answer to a query of FlexNet.
const WAY: Duration = Duration::from_secs(120);
/// How often a line is run again because it needs a name: one that needs more has no end.
const MOST_NAMES: u8 = 8;
/// Lines of files that are run in one turn.
const MOST_LINES: usize = 1000;
/// Hosts whose replies a console is shown.
const MOST_PINGED: usize = 64;
/// The screen is cleared: as ANSI terminals do it, and as those of HP do.
const CLEAR: &[u8] = b"\x1b[H\x1b[J\x1bH\x1bJ";

/// What commands of the desk work on.
pub(crate) struct Turn<'t> {
    pub now: Instant,
    pub desk: &'t mut Desk,
    pub host: &'t mut dyn Host,
    pub id: ConsoleId,
    pub kind: Kind,
    pub line: &'t Line,
    pub output: Output,
}

impl Turn<'_> {
    /// The console that runs the line.
    pub fn console(&mut self) -> Result<&mut Console, Stop> {
        self.desk.console_mut(self.id).ok_or(Stop::Silent)
    }

    /// The line from the word at this place on, as it was typed.
    pub fn rest<'w>(&'w self, words: &[Word], place: usize) -> &'w str {
        let at = words.get(place).map(|word| word.at);
        at.and_then(|at| self.line.text.get(at..)).unwrap_or("")
    }

    fn run(&mut self) -> Done {
        let mut words = match words::split(&self.line.text) {
            Ok(words) => words,
            Err(error) => return Err(Stop::Failed(error.to_string())),
        };
        if self.kind == Kind::Guest {
            match guest::command(&words)? {
                Some(meant) => words = meant,
                None => {
                    self.output.text += &table::list(guest::names());
                    return Ok(Then::Nothing);
                }
            }
            if words.is_empty() {
                return Ok(Then::Nothing);
            }
            if words.first().is_some_and(|word| word.text() == "connect")
                && self.desk.guest_sessions() >= guest::MOST_SESSIONS
            {
                return Err(Stop::Failed("Too many sessions".to_owned()));
            }
        }
        let Some(first) = words.first().map(|word| word.text().into_owned()) else {
            if self.line.typed {
                own::go(self, &words)?;
            }
            return Ok(Then::Nothing);
        };
        if first.starts_with('?') {
            self.output.text += &table::list(TABLE.iter().map(|entry| entry.name));
            return Ok(Then::Nothing);
        }
        let unknown = || Stop::Failed("Unknown command; type \"?\" for list".to_owned());
        let entry = table::find(&TABLE, &first).ok_or_else(unknown)?;
        own::may_run(self.kind, entry.name, &words)?;
        let usage = |needed: usize, usage| match words.len() < needed {
            true => Err(Stop::Usage(usage)),
            false => Ok(()),
        };
        match entry.what {
            Known::Own(command) => {
                usage(entry.words, entry.usage)?;
                command(self, &words)?;
                Ok(Then::Nothing)
            }
            Known::Missing(what) => Err(Stop::Failed(format!(
                "{}: this build has no {what}",
                entry.name
            ))),
            Known::Elsewhere => {
                let entry = elsewhere_named(entry.name).ok_or_else(unknown)?;
                usage(entry.words, entry.usage)?;
                let desk = &mut *self.desk;
                let mut context = Context {
                    now: self.now,
                    station: &mut desk.station,
                    services: &mut desk.services,
                    console: self.id.0,
                    host: self.host,
                    output: &mut self.output,
                };
                let done = (entry.what)(&mut context, &words);
                if let Some(source) = Source::of(entry.name) {
                    desk.traces
                        .changed(source, &desk.station, self.id, self.kind);
                }
                if let (Ok(_), "trace", 3..) = (&done, entry.name, words.len())
                    && let Some(word) = words.get(1)
                    && let Some(interface) = desk.station.interfaces.by_name(&word.text())
                {
                    // Those of a file are nobody's.
                    let shown = words.len() == 3 && self.kind.has_keyboard();
                    desk.traces.packets(interface, shown.then_some(self.id));
                }
                done
            }
        }
    }
}

impl Desk {
    /// The sessions of all guests.
    fn guest_sessions(&self) -> usize {
        let owners = self.owners.iter().flatten();
        let is_guest =
            |id: &&ConsoleId| self.console(**id).is_some_and(|of| of.kind == Kind::Guest);
        owners.filter(is_guest).count()
    }

    /// Runs one line of a console.
    pub(crate) fn execute(
        &mut self,
        now: Instant,
        host: &mut dyn Host,
        id: ConsoleId,
        mut line: Line,
    ) {
        let Some(kind) = self.console(id).map(|console| console.kind) else {
            return;
        };
        let mut turn = Turn {
            now,
            desk: self,
            host,
            id,
            kind,
            line: &line,
            output: Output {
                wants_json: kind == Kind::Script { json: true },
                ..Output::default()
            },
        };
        let done = turn.run();
        let output = turn.output;
        let Some(console) = self.console_mut(id) else {
            return;
        };
        console.print(&output.text);
        if let Some(json) = output.json {
            console.print(&format!("{json}\n"));
        }
        let failed = match done {
            Ok(then) => {
                self.then(now, id, line, then);
                return;
            }
            Err(Stop::Asked(query)) => {
                line.names += 1;
                if line.names <= MOST_NAMES {
                    console.wait = Some(Wait::Name(query, line));
                    return;
                }
                "Unknown host\n".to_owned()
            }
            Err(Stop::Failed(text)) => text + "\n",
            Err(Stop::Usage("") | Stop::Silent) => String::new(),
            Err(Stop::Usage(usage)) => format!("Usage: {usage}\n"),
        };
        console.print(&failed);
        console.failed = true;
        console.repeat = None;
        if line.startup {
            console.print(&format!("input line: {}\n", line.text));
        }
    }

    fn then(&mut self, now: Instant, id: ConsoleId, line: Line, then: Then) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        match then {
            Then::Nothing => {}
            Then::Reply(host, stamp) => {
                let ping = (host, stamp);
                if console.pinged.len() >= MOST_PINGED {
                    console.pinged.remove(0);
                }
                console.pinged.push(ping);
                if !console.kind.has_keyboard() {
                    console.wait = Some(Wait::Reply(ping, now + REPLY));
                }
            }
            Then::Way(number) => {
                if console.queries.len() >= MOST_PINGED {
                    console.queries.remove(0);
                }
                console.queries.push(number);
                if !console.kind.has_keyboard() {
                    console.wait = Some(Wait::Way(number, now + WAY));
                }
            }
            Then::Repeat(every) => {
                console.repeat = Some(Repeat {
                    line,
                    every,
                    due: now + every,
                    live: false,
                });
            }
            Then::Live(every) => {
                let looks = console.kind.has_keyboard() && console.kind != Kind::Guest;
                let looks = looks && line.typed;
                if looks && console.repeat.is_none() {
                    console.repeat = Some(Repeat {
                        line,
                        every,
                        due: now,
                        live: true,
                    });
                }
            }
            Then::Session(session) => self.opened(now, id, session),
        }
    }

    /// Runs what a console has to run, until it has to wait or nothing is left; then it is asked for a line, or a
    /// script is done.
    pub(crate) fn advance(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId) {
        for _ in 0..MOST_LINES {
            let Some(console) = self.console_mut(id) else {
                return;
            };
            if console.wait.is_some() || console.ended.is_some() {
                return;
            }
            if !console.files.is_empty() {
                if console.room() == 0 {
                    return;
                }
                let Some((line, shown)) = console.next_line() else {
                    // Also where a session was opened, as the original.
                    if console.converse {
                        self.command_mode(id);
                    }
                    continue;
                };
                if shown {
                    console.print(&format!("{}\n", line.text));
                }
                self.execute(now, host, id, line);
                continue;
            }
            if !console.typed.is_empty() {
                let typed = std::mem::take(&mut console.typed);
                self.idle(now, id);
                self.keys(now, host, id, &typed);
                if self
                    .console(id)
                    .is_some_and(|console| !console.typed.is_empty())
                {
                    return;
                }
                continue;
            }
            if console.repeat.is_none() {
                self.idle(now, id);
            }
            return;
        }
        // More than one turn can take: the rest in the next.
        self.busy = Some(now);
    }

    /// A line that is repeated is due.
    pub(crate) fn repeat(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        let waits = console.wait.is_some() || !console.files.is_empty();
        let has_room = console.room() > MUCH / 2;
        let Some(repeat) = &mut console.repeat else {
            return;
        };
        if repeat.due > now {
            return;
        }
        repeat.due = now + repeat.every;
        if waits || !has_room {
            return;
        }
        let mut line = repeat.line.clone();
        line.names = 0;
        let live = repeat.live;
        if console.kind.has_keyboard() && !live {
            console.put(CLEAR);
        }
        let mark = console.mark();
        self.execute(now, host, id, line);
        if let Some(console) = self.console_mut(id).filter(|_| live) {
            console.in_place(mark);
        }
        self.advance(now, host, id);
    }

    /// A session was opened at a console: it is looked at now.
    fn opened(&mut self, now: Instant, id: ConsoleId, session: SessionId) {
        if let Some(owner) = self.owners.get_mut(session.number()) {
            *owner = Some(id);
        }
        self.converse(now, id, session);
    }
}
