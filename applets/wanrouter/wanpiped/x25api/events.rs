//! What the packet layer says of circuits, and who is told.

use wanbox_link::x25::{By, Call, Event};
use wanbox_runtime::event_loop::Loop;
use wanbox_wanrouter_engine::x25::X25;
use wanbox_wire::x25::{Lci, cause, diagnostic};
use wanbox_wire::x25api::{Kind, Repr, flags};

use super::connection::{Connection, Role, Stage, call_octets};
use super::{CALLS, OWNER, Waiting, X25Api, clear, connection};

impl X25Api {
    /// Deals with an event of a circuit that belongs here.
    pub fn event(&mut self, lp: &mut Loop, engine: &mut X25, event: Event) {
        match event {
            Event::Incoming { channel, call } => self.incoming(lp, engine, channel, call),
            Event::Connected { channel, call } => {
                self.tell(channel, |connection| {
                    connection.stage = Stage::Connected;
                    connection.call = None;
                    let repr = Repr {
                        tag: connection.tag,
                        flags: if call.delivery { flags::D } else { 0 },
                        ..Repr::new(Kind::Accept)
                    };
                    connection.tell(&repr, &call_octets(&call))
                });
                if let Some(&slot) = self.circuits.get(&channel) {
                    self.connected(lp, engine, slot);
                }
            }
            Event::Cleared {
                channel,
                by,
                cause,
                diagnostic,
                answer,
            } => {
                let cleared = Repr {
                    cause,
                    diagnostic,
                    ..Repr::new(Kind::Clear)
                };
                self.cleared(lp, engine, channel, by, cleared, &answer);
            }
            Event::ClearConfirmed(channel) => {
                self.tell(channel, |connection| {
                    connection.finish();
                    true
                });
                self.circuits.remove(&channel);
            }
            Event::Reset {
                channel,
                cause,
                diagnostic,
                ..
            } => {
                let repr = Repr {
                    cause,
                    diagnostic,
                    ..Repr::new(Kind::Reset)
                };
                self.tell(channel, |connection| {
                    connection.was_reset();
                    connection.tell(&repr, &[])
                });
            }
            Event::ResetConfirmed(channel) => {
                self.tell(channel, |connection| {
                    if connection.role == Role::Application {
                        connection.done(connection.tag);
                    }
                    true
                });
            }
            Event::Interrupt { channel, data } => {
                self.tell(channel, |connection| {
                    connection.tell(&Repr::new(Kind::Interrupt), &data)
                });
            }
            Event::InterruptConfirmed(channel) => {
                self.tell(channel, |connection| {
                    connection.tell(&Repr::new(Kind::Confirm), &[])
                });
            }
            Event::Delivered(channel) => self.tell(channel, |_| true),
            Event::Readable(channel) => {
                if let Some(&slot) = self.circuits.get(&channel) {
                    self.deliver(lp, engine, slot);
                }
            }
            Event::Writable(channel) => {
                if let Some(&slot) = self.circuits.get(&channel) {
                    self.resume(lp, engine, slot);
                    self.note(slot);
                }
            }
            // The link is not one circuit's.
            Event::Up | Event::Down(_) | Event::Diagnostic { .. } => {}
        }
    }

    /// Tells the connection that has a circuit. One that reads nothing of what it must know is
    /// treated as one that is gone.
    fn tell(&mut self, channel: Lci, told: impl FnOnce(&mut Connection) -> bool) {
        let Some(&slot) = self.circuits.get(&channel) else {
            return;
        };
        if let Some(connection) = connection(&mut self.connections, slot)
            && !told(connection)
        {
            connection.is_deaf = true;
        }
        self.note(slot);
    }

    pub fn link_changed(&mut self, up: bool, engine: &X25) {
        self.link_up = up;
        for slot in 0..self.connections.len() {
            if let Some(connection) = connection(&mut self.connections, slot)
                && connection.role == Role::Application
            {
                connection.tell_status(0, up, engine.layer());
                self.note(slot);
            }
        }
    }

    /// A circuit was cleared by the other end, or with the link.
    fn cleared(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        channel: Lci,
        by: By,
        cleared: Repr,
        answer: &Call,
    ) {
        let mut waiting = self.calls.iter().filter(|(_, c)| c.channel == channel);
        if let Some((&tag, _)) = waiting.next() {
            if let Some(call) = self.calls.remove(&tag)
                && let Some(listener) = connection(&mut self.connections, call.listener)
            {
                listener.tell(&Repr { tag, ..cleared }, &[]);
            }
            return;
        }
        let Some(slot) = self.circuits.remove(&channel) else {
            return;
        };
        if let Some(connection) = connection(&mut self.connections, slot) {
            connection.channel = None;
        }
        // What it sent before it heard of this was not acknowledged either.
        self.read(lp, engine, slot);
        let Some(connection) = connection(&mut self.connections, slot) else {
            return;
        };
        let calling = connection.stage == Stage::Calling;
        let tag = if calling { connection.tag } else { 0 };
        if by == By::Collision
            && calling
            && let Some(call) = &connection.call
            && let Ok(channel) = engine.call(lp.now(), OWNER, call)
        {
            connection.channel = Some(channel);
            self.circuits.insert(channel, slot);
            return;
        }
        let all = connection.is_acknowledged();
        connection.forget();
        connection.waiting.clear();
        connection.linger = None;
        let after = all || connection.role == Role::Switch;
        let repr = Repr {
            tag,
            channel: channel.get(),
            flags: if after { flags::AFTER } else { 0 },
            ..cleared
        };
        let body = match *answer == Call::default() {
            true => Vec::new(),
            false => call_octets(answer),
        };
        connection.tell(&repr, &body);
        connection.stage = Stage::Over;
        self.note(slot);
    }

    /// The other end calls.
    fn incoming(&mut self, lp: &mut Loop, engine: &mut X25, channel: Lci, call: Box<Call>) {
        let now = lp.now();
        let called = call.called.to_string();
        let mut addressed = false;
        let mut best: Option<(usize, (usize, usize))> = None;
        for (slot, connection) in self.connections.iter().enumerate() {
            let Some(connection) = connection.as_ref().filter(|c| c.stage == Stage::Listening)
            else {
                continue;
            };
            let Some(pattern) = connection.pattern.filter(|p| p.matches(&called)) else {
                continue;
            };
            addressed = true;
            let rank = (pattern.digits(), connection.prefix.len());
            if call.user_data.starts_with(&connection.prefix)
                && best.is_none_or(|(_, other)| rank > other)
            {
                best = Some((slot, rank));
            }
        }
        let (cause, diagnostic) = match best {
            Some((listener, _)) if self.calls.len() < CALLS => {
                if self.announce(channel, &call, listener) {
                    return;
                }
                (cause::clear::NUMBER_BUSY, diagnostic::NONE)
            }
            Some(_) => (cause::clear::NUMBER_BUSY, diagnostic::NONE),
            None if addressed => (cause::clear::DTE_ORIGINATED, diagnostic::UNKNOWN_PROTOCOL),
            None => match self.pass_on(lp, channel, &call) {
                Ok(()) => return,
                Err(why) => why,
            },
        };
        self.counters.not_taken += 1;
        clear(now, engine, channel, (cause, diagnostic), &Call::default());
    }

    /// Tells a listener of a call. `false`: it reads nothing.
    fn announce(&mut self, channel: Lci, call: &Call, listener: usize) -> bool {
        let Some(connection) = connection(&mut self.connections, listener) else {
            return false;
        };
        loop {
            self.last_tag = self.last_tag.wrapping_add(1);
            if self.last_tag != 0 && !self.calls.contains_key(&self.last_tag) {
                break;
            }
        }
        let repr = Repr {
            tag: self.last_tag,
            channel: channel.get(),
            flags: if call.delivery { flags::D } else { 0 },
            ..Repr::new(Kind::Call)
        };
        if !connection.tell(&repr, &call_octets(call)) {
            return false;
        }
        self.counters.calls_in += 1;
        let call = Box::new(call.clone());
        let waiting = Waiting {
            channel,
            call,
            listener,
        };
        self.calls.insert(self.last_tag, waiting);
        self.note(listener);
        true
    }
}
