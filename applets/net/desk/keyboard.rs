//! What somebody types: command lines in command mode, what is for the session in converse mode.

use std::time::Instant;

use wanbox_net_commands::Host;
use wanbox_net_console::editor::Input;
use wanbox_net_services::SessionId;

use crate::Desk;
use crate::console::{Console, ConsoleId, Kind, Line, MOST_TYPED, Wait};

const BEL: u8 = 7;

impl Desk {
    /// Octets came from the keyboard of a console.
    pub(crate) fn typed(
        &mut self,
        now: Instant,
        host: &mut dyn Host,
        id: ConsoleId,
        octets: &[u8],
    ) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        let takes = console.kind.has_keyboard() && console.ended.is_none();
        if !takes || console.lends_keyboard() {
            return;
        }
        // What belongs to the end of the line before is no key.
        let belongs = octets
            .first()
            .is_some_and(|octet| matches!(octet, 0 | b'\n'));
        let keys = octets.len() - usize::from(console.after_return && belongs);
        if keys > 0 && !console.is_idle() {
            console.interrupt();
            self.idle(now, id);
        }
        let Some(console) = self.console_mut(id) else {
            return;
        };
        // The escape character is not kept back by what waits before it.
        let escape = console.escape().filter(|_| console.converse);
        let at = octets.iter().position(|octet| Some(*octet) == escape);
        if let Some(at) = at.filter(|_| !console.typed.is_empty()) {
            console.typed.clear();
            self.keys(now, host, id, octets.get(at..).unwrap_or_default());
        } else if console.typed.is_empty() {
            self.keys(now, host, id, octets);
        } else {
            console.keep(octets);
        }
    }

    /// Takes octets of a keyboard one by one, until something has to be waited for; the rest is kept.
    pub(crate) fn keys(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, octets: &[u8]) {
        let mut inputs = Vec::new();
        let mut rest = octets;
        while let Some((&octet, behind)) = rest.split_first() {
            let Some(at) = self.consoles.iter().position(|console| console.id == id) else {
                return;
            };
            let Some(console) = self.consoles.get_mut(at) else {
                return;
            };
            let full = console
                .talks_to()
                .is_some_and(|id| self.services.typed_waits(id));
            let escapes = Some(octet) == console.escape();
            if full && !escapes || console.wait.is_some() || !console.files.is_empty() {
                console.keep(rest);
                return;
            }
            rest = behind;
            console.after_return = octet == b'\r';
            if console.ended.is_some() {
                return;
            }
            console.feed(octet, &mut inputs);
            for input in inputs.drain(..) {
                self.take_input(now, host, id, input);
            }
        }
    }

    fn take_input(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId, input: Input) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        let session = console.talks_to();
        let taken = match (input, session) {
            (Input::Escape, _) => {
                self.command_mode(id);
                true
            }
            (Input::Line(text), Some(session)) => {
                self.services
                    .type_line(now, &mut self.station, session, &text, true)
            }
            (Input::Part(text), Some(session)) => {
                self.services
                    .type_line(now, &mut self.station, session, &text, false)
            }
            (Input::Octet(octet), Some(session)) => {
                self.services
                    .type_keys(now, &mut self.station, session, &[octet])
            }
            (Input::Line(text) | Input::Part(text), None) => {
                console.prompted = false;
                console.repeat = None;
                let line = Line {
                    text,
                    typed: true,
                    ..Line::default()
                };
                self.execute(now, host, id, line);
                // What is typed behind it is typed at the prompt, or in the session.
                if let Some(console) = self.console(id)
                    && console.is_idle()
                {
                    self.idle(now, id);
                }
                true
            }
            (Input::Octet(_), None) => true,
        };
        if !taken && let Some(console) = self.console_mut(id) {
            console.put(&[BEL]);
        }
    }

    /// What is typed goes to this session, which is the current one now, and what it says is shown.
    pub(crate) fn converse(&mut self, _now: Instant, id: ConsoleId, session: SessionId) {
        let raw = self.services.is_raw(session);
        if let Some(console) = self.console_mut(id) {
            console.current = Some(session);
            console.look = true;
            match console.kind {
                Kind::Script { .. } => console.wait = Some(Wait::Session(session)),
                _ => {
                    console.converse = true;
                    console.prompted = false;
                    console.ask("");
                    console.editor.set_raw(raw);
                }
            }
        }
    }

    /// Makes a session this console's.
    pub(crate) fn take(&mut self, now: Instant, id: ConsoleId, session: SessionId) {
        for console in &mut self.consoles {
            // A console that had it before it closed is not there any more; one that only kept the number is.
            if console.id != id && console.current == Some(session) {
                console.current = None;
            }
        }
        if let Some(owner) = self.owners.get_mut(session.number()) {
            *owner = Some(id);
        }
        self.converse(now, id, session);
    }

    /// What is typed is a command from now on.
    pub(crate) fn command_mode(&mut self, id: ConsoleId) {
        if let Some(console) = self.console_mut(id) {
            console.converse = false;
            console.prompted = false;
            console.editor.set_raw(false);
            self.idle_prompt(id);
        }
    }

    /// A console has nothing to do: somebody is asked for a line, and a script is done.
    pub(crate) fn idle(&mut self, _now: Instant, id: ConsoleId) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        match console.kind {
            Kind::Script { .. } if console.started && console.ended.is_none() => {
                console.ended = Some(!console.failed);
            }
            Kind::Script { .. } => {}
            _ => self.idle_prompt(id),
        }
    }

    fn idle_prompt(&mut self, id: ConsoleId) {
        let prompt = format!("{}> ", self.host_name);
        if let Some(console) = self.console_mut(id)
            && !console.converse
            && !console.prompted
            && console.ended.is_none()
        {
            console.prompted = true;
            console.ask(&prompt);
        }
    }
}

impl Console {
    /// The octet that leads back to command mode; guests have none, for any may be in what they send.
    fn escape(&self) -> Option<u8> {
        self.editor.escape().filter(|_| self.kind != Kind::Guest)
    }

    /// The session that what is typed goes to.
    pub fn talks_to(&self) -> Option<SessionId> {
        self.current.filter(|_| self.converse)
    }

    /// Keeps octets of the keyboard for later.
    fn keep(&mut self, octets: &[u8]) {
        let room = MOST_TYPED.saturating_sub(self.typed.len());
        match octets.get(..room) {
            Some(some) if some.len() < octets.len() => {
                self.typed.extend_from_slice(some);
                self.put(&[BEL]);
            }
            _ => self.typed.extend_from_slice(octets),
        }
    }
}
