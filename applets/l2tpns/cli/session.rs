//! Somebody at a terminal: from the first octet to the last, without a socket.
//!
//! A session is fed with what comes from the connection and adds to `out` what has to be sent. How
//! much that may be is bounded: long output is made as it is sent.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use wanbox_console::editor::{Echo, Editor, Input};
use wanbox_console::filter::{FILTERS, Filters};
use wanbox_console::pager::{Answer, Pager};
use wanbox_console::telnet::{Event, OPENING, Telnet};
use wanbox_grammar::commands::line::{Line, pipeline};
use wanbox_grammar::commands::{self, Completion, Hint, Hints};

use super::debug::Debug;
use super::guard::Guard;
use super::host::Host;
use super::print::{Out, Print, clean};
use super::run::{Item, Person, Then};
use super::tree::{self, ENABLED, TREE, USER};
use super::users::Users;

/// What has to be sent before more output is made, octets.
const ENOUGH: usize = 64 << 10;
/// How many lines are looked at before others get their turn.
const LINES_A_TURN: usize = 500;
/// How much is kept of what is typed while something else is printed, octets.
const MAX_AHEAD: usize = 16 << 10;
/// How many wrong passwords end a session.
const MAX_FAILURES: u32 = 5;
/// How long somebody may take to log in.
const LOGIN_TIME: Duration = Duration::from_secs(60);
/// How long nothing may be typed, unless log entries are shown.
const IDLE_TIME: Duration = Duration::from_secs(900);
/// How often log entries are looked for.
const DEBUG_INTERVAL: Duration = Duration::from_secs(1);

/// The keys that commands of Telnet stand for.
mod keys {
    /// ^C.
    pub(super) const INTERRUPT: u8 = 0x03;
    /// ^H.
    pub(super) const ERASE: u8 = 0x08;
    /// ^U.
    pub(super) const ERASE_LINE: u8 = 0x15;
}

/// What a session is given with everything that happens.
pub(super) struct Around<'a> {
    pub(super) host: &'a mut dyn Host,
    pub(super) users: &'a Users,
    pub(super) guard: &'a mut Guard,
    pub(super) now: Instant,
}

/// What is being done.
#[derive(Debug)]
enum Stage {
    /// The name is asked for.
    Name,
    /// The password of somebody is asked for.
    Password(String),
    /// The password of `enable` is asked for.
    EnablePassword,
    /// A wrong password was entered; it is said so then.
    Waiting {
        until: Instant,
        login: bool,
    },
    Command,
    Printing(Box<Print>),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    telnet: Telnet,
    editor: Editor,
    pager: Pager,
    /// The window of the client, and the rows of `terminal length`.
    window: (u16, u16),
    length: Option<u16>,
    person: Person,
    debug: Debug,
    stage: Stage,
    address: IpAddr,
    /// Whoever logged in.
    name: Option<String>,
    failures: u32,
    /// The last key was a TAB that did nothing.
    tab: bool,
    /// What was typed while something else was printed.
    ahead: VecDeque<u8>,
    /// A line that the pager had no room for.
    held: Option<String>,
    began: Instant,
    /// When something was typed, and when the log was looked at.
    typed: Instant,
    looked: Instant,
    /// Nothing comes any more: the session ends when everything is done.
    eof: bool,
    closing: bool,
}

impl Session {
    /// A session with a client at this address. It begins with a login where there are users.
    pub(super) fn new(around: &mut Around<'_>, address: IpAddr, out: &mut Vec<u8>) -> Self {
        let now = around.now;
        let mut session = Self {
            telnet: Telnet::new(),
            editor: Editor::new(),
            pager: Pager::default(),
            window: (0, 0),
            length: None,
            person: Person {
                level: USER,
                mode: None,
            },
            debug: Debug::new(around.host),
            stage: Stage::Command,
            address,
            name: None,
            failures: 0,
            tab: false,
            ahead: VecDeque::new(),
            held: None,
            began: now,
            typed: now,
            looked: now,
            eof: false,
            closing: false,
        };
        out.extend(OPENING);
        out.extend(b"\r\n");
        if around.users.is_empty() {
            session.prompt(around.host, out);
        } else {
            session.ask_name(out);
        }
        session
    }

    /// Whether it is over: what is left to send is sent, then the connection is closed.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether somebody got in.
    pub(super) fn is_inside(&self) -> bool {
        !matches!(
            self.stage,
            Stage::Name | Stage::Password(_) | Stage::Waiting { login: true, .. }
        )
    }

    /// When it began.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Whether it takes no more octets for now.
    pub(super) fn is_full(&self) -> bool {
        self.ahead.len() >= MAX_AHEAD
    }

    /// Whether [`Self::pump`] has something to do as soon as there is room.
    pub(super) fn is_printing(&self) -> bool {
        matches!(self.stage, Stage::Printing(_)) && !self.pager.is_waiting()
    }

    /// Whether the client sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.eof
    }

    /// Octets from the connection.
    pub(super) fn feed(&mut self, around: &mut Around<'_>, octets: &[u8], out: &mut Vec<u8>) {
        self.typed = around.now;
        for &octet in octets {
            let event = self.telnet.receive(octet, out);
            self.editor.set_silent(!self.telnet.echoes());
            match event {
                Some(Event::Octet(octet)) => self.key(around, octet, out),
                Some(Event::Interrupt) => self.key(around, keys::INTERRUPT, out),
                Some(Event::Erase) => self.key(around, keys::ERASE, out),
                Some(Event::EraseLine) => self.key(around, keys::ERASE_LINE, out),
                Some(Event::AreYouThere) => {
                    out.extend(b"\r\n[Yes]\r\n");
                    if !matches!(self.stage, Stage::Printing(_) | Stage::Waiting { .. }) {
                        self.editor.redraw(out);
                    }
                }
                Some(Event::Window { columns, rows }) => {
                    self.window = (columns, rows);
                    self.size_pager();
                }
                Some(Event::Terminal) | None => {}
            }
            if self.closing {
                return;
            }
        }
        self.pump(around, out);
    }

    /// The client sends no more.
    pub(super) fn end_of_input(&mut self, around: &mut Around<'_>, out: &mut Vec<u8>) {
        self.eof = true;
        if self.pager.is_waiting() {
            self.stop_printing(around, out);
        }
        self.pump(around, out);
    }

    /// Makes more output, and takes what was typed meanwhile, as long as there is room.
    pub(super) fn pump(&mut self, around: &mut Around<'_>, out: &mut Vec<u8>) {
        let mut lines = LINES_A_TURN;
        loop {
            self.print(around, &mut lines, out);
            if self.closing || matches!(self.stage, Stage::Printing(_) | Stage::Waiting { .. }) {
                return;
            }
            let Some(octet) = self.ahead.pop_front() else {
                self.closing = self.eof;
                return;
            };
            self.key(around, octet, out);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let idle = match self.stage {
            Stage::Waiting { until, .. } => return Some(until),
            Stage::Name | Stage::Password(_) => self.began + LOGIN_TIME,
            _ if self.debug.is_on() && self.is_inside() => {
                return Some(self.looked + DEBUG_INTERVAL);
            }
            _ => self.typed + IDLE_TIME,
        };
        Some(idle)
    }

    /// Time has passed.
    pub(super) fn handle_timeout(&mut self, around: &mut Around<'_>, out: &mut Vec<u8>) {
        let now = around.now;
        match self.stage {
            Stage::Waiting { until, login } if now >= until => {
                out.extend(b"\r\nAccess denied\r\n");
                if self.failures >= MAX_FAILURES {
                    self.closing = true;
                } else if login {
                    out.extend(b"\r\n");
                    self.ask_name(out);
                } else {
                    self.next_prompt(around.host, out);
                }
                self.pump(around, out);
            }
            Stage::Waiting { .. } => {}
            Stage::Name | Stage::Password(_) if now >= self.began + LOGIN_TIME => {
                self.time_out(out);
            }
            Stage::Name | Stage::Password(_) => {}
            _ => {
                // Critical entries alone are no reason to stay for ever.
                let listens = self.debug.is_on() && self.debug.is_asked_for();
                if !listens && now >= self.typed + IDLE_TIME {
                    self.time_out(out);
                } else if now >= self.looked + DEBUG_INTERVAL {
                    self.looked = now;
                    self.show_log(around.host, out);
                }
            }
        }
    }

    fn time_out(&mut self, out: &mut Vec<u8>) {
        out.extend(b"\r\nTimed out\r\n");
        self.closing = true;
    }

    fn show_log(&mut self, host: &dyn Host, out: &mut Vec<u8>) {
        // Between the lines of other output, entries wait.
        if !matches!(self.stage, Stage::Command) {
            return;
        }
        let entries = self.debug.poll(host);
        let mut missed = 0;
        for entry in &entries {
            if out.len() >= ENOUGH {
                missed += 1;
            } else {
                out.push(b'\r');
                out.extend(clean(entry).bytes());
                out.extend(b"\r\n");
            }
        }
        if missed > 0 {
            out.extend(format!("\r({missed} more)\r\n").bytes());
        }
        if !entries.is_empty() {
            out.extend(b"\r\n");
            self.editor.redraw(out);
        }
    }

    fn size_pager(&mut self) {
        let (columns, rows) = self.window;
        self.pager.set_size(columns, self.length.unwrap_or(rows));
    }

    fn ask_name(&mut self, out: &mut Vec<u8>) {
        self.stage = Stage::Name;
        self.editor.ask("Username: ", Echo::Answer, out);
    }

    fn prompt(&mut self, host: &dyn Host, out: &mut Vec<u8>) {
        self.stage = Stage::Command;
        let prompt = tree::prompt(self.person.level, self.person.mode.as_ref());
        let prompt = clean(&host.name()) + prompt;
        self.editor.ask(&prompt, Echo::Command, out);
    }

    /// The prompt after a command: an empty line is before it.
    fn next_prompt(&mut self, host: &dyn Host, out: &mut Vec<u8>) {
        out.extend(b"\r\n");
        self.prompt(host, out);
    }

    fn key(&mut self, around: &mut Around<'_>, octet: u8, out: &mut Vec<u8>) {
        match self.stage {
            Stage::Printing(_) if self.pager.is_waiting() => match self.pager.key(octet, out) {
                Some(Answer::More) => {}
                Some(Answer::Quit) => self.stop_printing(around, out),
                None => out.push(b'\x07'),
            },
            Stage::Printing(_) if octet == keys::INTERRUPT => {
                self.ahead.clear();
                self.stop_printing(around, out);
            }
            Stage::Printing(_) => {
                if !self.is_full() {
                    self.ahead.push_back(octet);
                }
            }
            // What is typed meanwhile is no answer to the next question.
            Stage::Waiting { .. } => {}
            _ => {
                let again = std::mem::take(&mut self.tab);
                if let Some(input) = self.editor.feed(octet, out) {
                    self.input(around, input, again, out);
                }
            }
        }
    }

    fn stop_printing(&mut self, around: &mut Around<'_>, out: &mut Vec<u8>) {
        self.held = None;
        self.pager.begin();
        self.next_prompt(around.host, out);
    }

    /// `again`: the key before was a TAB that did nothing.
    fn input(&mut self, around: &mut Around<'_>, input: Input, again: bool, out: &mut Vec<u8>) {
        match input {
            Input::Line(line) => self.line(around, line, out),
            Input::Complete => self.complete(around.host, again, out),
            Input::Help => self.help(around.host, out),
            Input::End => self.closing = true,
            Input::Interrupt | Input::Leave if !self.is_inside() => {
                out.extend(b"\r\n");
                self.ask_name(out);
            }
            Input::Interrupt => {
                out.extend(b"\r\n");
                self.prompt(around.host, out);
            }
            Input::Leave => {
                self.person.mode = None;
                out.extend(b"\r\n");
                self.prompt(around.host, out);
            }
        }
    }

    fn line(&mut self, around: &mut Around<'_>, line: String, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.stage, Stage::Command) {
            Stage::Name if line.is_empty() => self.ask_name(out),
            Stage::Name => {
                self.stage = Stage::Password(line);
                self.editor.ask("Password: ", Echo::Nothing, out);
            }
            Stage::Password(name) => {
                if around.users.admits(&name, &line) {
                    log::warn!("cli: {name} logged in from {}", self.address);
                    around.guard.succeeded(self.address);
                    self.failures = 0;
                    self.name = Some(name);
                    self.next_prompt(around.host, out);
                } else {
                    // Not the name: people type their passwords there.
                    log::warn!("cli: a login failed from {}", self.address);
                    self.fail(around, true);
                }
            }
            Stage::EnablePassword => {
                if around
                    .users
                    .enable()
                    .is_none_or(|password| password.is(&line))
                {
                    log::info!("cli: {} is enabled", self.who());
                    around.guard.succeeded(self.address);
                    self.failures = 0;
                    self.person.level = ENABLED;
                    self.prompt(around.host, out);
                } else {
                    log::warn!("cli: wrong password of enable from {}", self.who());
                    self.fail(around, false);
                }
            }
            _ => self.command(around, &line, out),
        }
    }

    fn who(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.address),
            None => self.address.to_string(),
        }
    }

    fn fail(&mut self, around: &mut Around<'_>, login: bool) {
        self.failures += 1;
        self.stage = Stage::Waiting {
            until: around.guard.failed(self.address, around.now),
            login,
        };
    }

    fn command(&mut self, around: &mut Around<'_>, line: &str, out: &mut Vec<u8>) {
        let level = self.person.level;
        let (then, filters) = self.person.run(around.host, &self.who(), line);
        if self.person.level < level {
            // There may be secrets in what was typed.
            self.editor.history().clear();
        }
        let mut filters = filters;
        let items = match then {
            Then::Print(items) => items,
            Then::Quit => {
                self.closing = true;
                return;
            }
            Then::Enable if level >= ENABLED => Vec::new(),
            Then::Enable if around.users.enable().is_none() => {
                self.person.level = ENABLED;
                Vec::new()
            }
            Then::Enable => {
                self.stage = Stage::EnablePassword;
                self.editor.ask("Password: ", Echo::Nothing, out);
                return;
            }
            Then::History => {
                let lines = self.editor.history().iter().enumerate();
                let lines: String = lines.map(|(n, line)| format!("\n{n:3}. {line}")).collect();
                vec![Item::Text(format!("\nCommand history:{lines}"))]
            }
            Then::Length(rows) => {
                self.length = Some(rows);
                self.size_pager();
                Vec::new()
            }
            Then::Debug(add, flags) => {
                let done = if add {
                    self.debug.add(around.host, &flags)
                } else {
                    self.debug.remove(&flags).map(|()| None)
                };
                match done {
                    Ok(line) => line.map(Item::Text).into_iter().collect(),
                    Err(wrong) => {
                        filters = Filters::default();
                        vec![Item::Text(wrong)]
                    }
                }
            }
        };
        self.pager.begin();
        self.stage = Stage::Printing(Box::new(Print::new(items, filters)));
    }

    /// Prints as long as there is room and nobody else waits.
    fn print(&mut self, around: &mut Around<'_>, lines: &mut usize, out: &mut Vec<u8>) {
        while let Stage::Printing(print) = &mut self.stage {
            if self.pager.is_waiting() || out.len() >= ENOUGH || *lines == 0 {
                return;
            }
            let line = match self.held.take() {
                Some(line) => line,
                None => {
                    *lines -= 1;
                    match print.next(around.host) {
                        Some(Out::Line(line)) => line,
                        Some(Out::Wrong(failure)) => clean(&failure.text),
                        Some(Out::Nothing) => continue,
                        None => {
                            self.next_prompt(around.host, out);
                            return;
                        }
                    }
                }
            };
            if self.pager.takes(&line, out) {
                out.extend(line.bytes());
                out.extend(b"\r\n");
            } else {
                self.held = Some(line);
            }
        }
    }

    fn hints(&self, host: &dyn Host, line: &str) -> Result<Hints, String> {
        let parts = pipeline(line);
        if let [_, .., last] = *parts {
            return Ok(filter_hints(line.len() - last.len(), last));
        }
        let (_, typed) = Line::split(line).cut_last();
        let mode = self.person.mode.as_ref();
        let view = tree::view(self.person.level, mode);
        let mut arguments =
            |action, before: &[String]| tree::arguments(host, mode, action, before, &typed.text);
        commands::hints(TREE, view, line, &mut arguments).map_err(|unfound| unfound.to_string())
    }

    fn help(&mut self, host: &dyn Host, out: &mut Vec<u8>) {
        let line = self.editor.before_cursor();
        if Line::split(line).is_quoted() {
            let end = line.len();
            self.editor.replace(end, "?", out);
            return;
        }
        let list = match self.hints(host, line) {
            Ok(hints) => hints.list(),
            Err(wrong) => wrong,
        };
        self.print_below(&list, out);
    }

    fn complete(&mut self, host: &dyn Host, again: bool, out: &mut Vec<u8>) {
        let line = self.editor.before_cursor();
        let Ok(hints) = self.hints(host, line) else {
            out.push(b'\x07');
            return;
        };
        match hints.complete() {
            Completion::Word(word) => self.editor.replace(hints.at, &word, out),
            Completion::Longer(word) => self.editor.replace(hints.at, &word, out),
            Completion::Several(words) if again && !words.is_empty() => {
                self.print_below(&words.join(" "), out);
            }
            Completion::Several(_) => {
                self.tab = true;
                out.push(b'\x07');
            }
        }
    }

    /// Prints something below the line that is being typed, and the line again.
    fn print_below(&self, text: &str, out: &mut Vec<u8>) {
        out.extend(b"\r\n");
        for line in text.lines() {
            out.extend(clean(line).bytes());
            out.extend(b"\r\n");
        }
        out.extend(b"\r\n");
        self.editor.redraw(out);
    }
}

/// What may stand behind `|`.
fn filter_hints(at: usize, part: &str) -> Hints {
    let (before, last) = Line::split(part).cut_last();
    let hints = match *before {
        [] => FILTERS
            .iter()
            .filter(|(name, _)| name.starts_with(&*last.text))
            .map(|(name, help)| Hint::word(*name, Some(*help)))
            .collect(),
        _ if before.first().is_some_and(|name| name.starts_with('c')) => vec![Hint::end()],
        _ => vec![Hint::kind("<search_pattern>", "Search pattern")],
    };
    Hints {
        at: at + last.at,
        typed: last.text,
        hints,
    }
}
