//! Sessions that people open: what is typed goes out, what comes is shown when somebody looks.

mod list;
mod transfer;

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_net_console::guard::Guard;
use wanbox_net_console::telnet::{Client, Eol, Received};
use wanbox_net_engine::Station;
use wanbox_net_tcp::{Error, Id, Reason, State, View};

pub use list::SessionView;
pub use transfer::reason;
use transfer::{Record, Upload};

use crate::{Notice, Services, SessionId};

/// Octets that wait here because TCP has no room; what is typed beyond is not taken.
const MOST_TYPED: usize = 4096;
/// Local ports of sessions begin here, as the original's.
const FIRST_PORT: u16 = 1024;
/// The port of finger.
const FINGER: u16 = 79;
/// Ports tried before a session is refused.
const PORTS_TRIED: u16 = 4096;

/// What `echo`, `eol` and `topt` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// Servers may echo (`echo accept`).
    pub echo: bool,
    /// How a carriage return is sent while a server echoes.
    pub eol: Eol,
    /// Options of Telnet are shown.
    pub options_shown: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            echo: true,
            eol: Eol::Standard,
            options_shown: false,
        }
    }
}

/// What is spoken in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Telnet (RFC 854).
    Telnet,
    /// Finger (RFC 1288).
    Finger,
}

impl Kind {
    /// The name as `session` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Telnet => "Telnet",
            Self::Finger => "Finger",
        }
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    kind: Kind,
    connection: Id,
    remote: (Ipv4Addr, u16),
    /// The state that was shown last.
    state: State,
    /// What is shown before what was received, and behind it.
    before: Vec<u8>,
    after: Vec<u8>,
    /// What was typed and TCP did not take.
    typed: Vec<u8>,
    telnet: Client,
    guard: Guard,
    /// Keys are sent, not lines.
    raw: bool,
    /// A carriage return was shown last (Finger).
    carriage_return: bool,
    /// This side is closed as soon as everything typed is on its way.
    closing: bool,
    /// The owner was told that there is something to show.
    told: bool,
    /// The other end does not take answers, and nothing more of it is read.
    unheard: bool,
    /// It is over, and its number is free as soon as the owner hears of it.
    ended: bool,
    record: Option<Record>,
    upload: Option<Upload>,
}

/// All sessions by number.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slots: [Option<Session>; SessionId::MOST],
    next_port: u16,
}

impl Sessions {
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        let session = self.slots.get(id.number())?.as_ref();
        session.filter(|session| !session.ended)
    }

    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let session = self.slots.get_mut(id.number())?.as_mut();
        session.filter(|session| !session.ended)
    }

    /// Lets go of a number.
    pub fn free(&mut self, id: SessionId) {
        if let Some(slot) = self.slots.get_mut(id.number()) {
            *slot = None;
        }
    }

    pub fn listed(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(number, slot)| {
            let session = slot.as_ref().filter(|session| !session.ended)?;
            Some((SessionId(number as u8), session))
        })
    }
}

impl Session {
    fn new(kind: Kind, connection: Id, remote: (Ipv4Addr, u16)) -> Self {
        Self {
            kind,
            connection,
            remote,
            state: State::Closed,
            before: Vec::new(),
            after: Vec::new(),
            typed: Vec::new(),
            telnet: Client::new(),
            guard: Guard::new(),
            raw: false,
            carriage_return: false,
            closing: false,
            told: false,
            unheard: false,
            ended: false,
            record: None,
            upload: None,
        }
    }

    /// Sends what was typed, and the file behind it; closes behind both.
    fn send(&mut self, station: &mut Station, eol: Eol) {
        loop {
            match station.tcp.send(self.connection, &self.typed) {
                Ok(sent) => drop(self.typed.drain(..sent)),
                Err(_) => {
                    // The connection is over, and what was to be sent with it.
                    self.typed.clear();
                    self.upload = None;
                }
            }
            if !self.upload_piece(eol) {
                break;
            }
        }
        if self.closing && self.typed.is_empty() {
            // An error says that it was closed before.
            let _ = station.tcp.close(self.connection);
        }
    }

    /// Shows a state if it is another one than before. What is between two that were seen is shown too.
    fn show_state(&mut self, state: State, reason: Option<Reason>, host: &str) {
        let begun = matches!(self.state, State::SynSent | State::SynReceived);
        if state == self.state {
            return;
        }
        if begun && state.is_synchronized() {
            self.before.extend(b"Estab\r\n");
            if self.kind == Kind::Finger {
                self.before.extend(format!("[{host}]\r\n").bytes());
            }
        }
        self.state = state;
        // Also to who does not read what was received, and was told of that.
        self.told = false;
        match state {
            State::SynSent | State::SynReceived => {
                self.before.extend(format!("{}\r\n", state.name()).bytes());
            }
            State::Established => {}
            State::Closed => {
                let reason = reason.unwrap_or(Reason::Normal).name();
                self.after.extend(format!("Closed ({reason})\r\n").bytes());
            }
            _ => self.after.extend(format!("{}\r\n", state.name()).bytes()),
        }
    }

    /// Takes octets that were received; what is to be shown of them goes to `out`.
    fn receive(&mut self, octets: &[u8], preferences: &Preferences, out: &mut Vec<u8>) {
        let mut received = Received::default();
        match self.kind {
            Kind::Telnet => {
                self.telnet.receive(octets, preferences.echo, &mut received);
                self.typed.append(&mut received.answer);
                if preferences.options_shown {
                    for negotiated in &received.negotiated {
                        out.extend(format!("{negotiated}\r\n").bytes());
                    }
                }
            }
            Kind::Finger => {
                for &octet in octets {
                    let behind = std::mem::replace(&mut self.carriage_return, octet == b'\r');
                    match octet {
                        b'\n' if behind => {}
                        b'\r' | b'\n' => received.data.extend(b"\r\n"),
                        0x1a => {}
                        _ => received.data.push(octet),
                    }
                }
            }
        }
        self.record(&received.data);
        if self.raw_now() {
            out.append(&mut received.data);
        } else {
            self.guard.pass(&received.data, out);
        }
    }

    fn raw_now(&self) -> bool {
        self.kind == Kind::Telnet && self.state == State::Established && self.telnet.is_raw()
    }
}

/// Octets that one octet received can become on the screen, and with the options of Telnet shown.
const GROWTH: usize = 3;
const GROWTH_OPTIONS: usize = 24;

impl Services {
    fn session_mut(&mut self, id: SessionId) -> Result<&mut Session, String> {
        let session = self.sessions.get_mut(id);
        session.ok_or_else(|| "Invalid session".to_owned())
    }

    /// The session of a number, if there is one.
    #[must_use]
    pub fn session(&self, number: usize) -> Option<SessionId> {
        let id = SessionId(u8::try_from(number).ok()?);
        self.sessions.get(id).map(|_| id)
    }

    /// Whether a session takes keys and not lines.
    #[must_use]
    pub fn is_raw(&self, id: SessionId) -> bool {
        self.sessions.get(id).is_some_and(|session| session.raw)
    }

    /// Opens a Telnet session (`telnet HOST [PORT]`).
    ///
    /// # Errors
    /// There are too many sessions, or what TCP says.
    pub fn open_telnet(
        &mut self,
        now: Instant,
        station: &mut Station,
        to: (Ipv4Addr, u16),
    ) -> Result<SessionId, String> {
        self.open(now, station, Kind::Telnet, to)
    }

    /// Asks a host who is there (`finger [USER]@HOST`).
    ///
    /// # Errors
    /// There are too many sessions, or what TCP says; or the name is none.
    pub fn open_finger(
        &mut self,
        now: Instant,
        station: &mut Station,
        host: Ipv4Addr,
        user: &str,
    ) -> Result<SessionId, String> {
        if user.len() > MOST_TYPED / 2 || user.contains(['\r', '\n']) {
            return Err("finger: no user has such a name".to_owned());
        }
        let id = self.open(now, station, Kind::Finger, (host, FINGER))?;
        let eol = self.preferences.eol;
        let session = self.session_mut(id)?;
        session.typed.extend(format!("{user}\r\n").bytes());
        session.send(station, eol);
        Ok(id)
    }

    fn open(
        &mut self,
        now: Instant,
        station: &mut Station,
        kind: Kind,
        to: (Ipv4Addr, u16),
    ) -> Result<SessionId, String> {
        let sessions = &mut self.sessions;
        let slot = sessions.slots.iter_mut().position(|slot| slot.is_none());
        let number = slot.ok_or_else(|| "Too many sessions".to_owned())?;
        let options = station.tcp.parameters().options;
        let mut result = Err(Error::NoPort);
        for _ in 0..PORTS_TRIED {
            let port = sessions.next_port.max(FIRST_PORT);
            sessions.next_port = port.wrapping_add(1);
            result = station.tcp_connect(now, port, to, &options);
            if result != Err(Error::InUse) {
                break;
            }
        }
        let connection = result.map_err(|error| error.to_string())?;
        if let Some(slot) = sessions.slots.get_mut(number) {
            *slot = Some(Session::new(kind, connection, to));
        }
        self.counters.sessions += 1;
        let id = SessionId(number as u8);
        self.settle_session(now, station, id);
        Ok(id)
    }

    /// A line was typed in a session, with its end or without. `false`: too much waits, and it was not taken.
    pub fn type_line(
        &mut self,
        station: &mut Station,
        id: SessionId,
        line: &str,
        end: bool,
    ) -> bool {
        self.type_in(station, id, |session, _| {
            session.telnet.send_line(line, end, &mut session.typed);
            session.record(line.as_bytes());
            if end {
                session.record(b"\n");
            }
        })
    }

    /// Keys were typed in a session. `false`: too much waits, and they were not taken.
    pub fn type_keys(&mut self, station: &mut Station, id: SessionId, keys: &[u8]) -> bool {
        self.type_in(station, id, |session, eol| {
            for &key in keys {
                session.telnet.send_key(key, eol, &mut session.typed);
            }
        })
    }

    fn type_in(
        &mut self,
        station: &mut Station,
        id: SessionId,
        keys: impl FnOnce(&mut Session, Eol),
    ) -> bool {
        let eol = self.preferences.eol;
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.kind == Kind::Finger || session.closing {
            return true;
        }
        if session.typed.len() > MOST_TYPED {
            self.counters.typed_too_fast += 1;
            return false;
        }
        keys(session, eol);
        session.send(station, eol);
        true
    }

    /// Whether so much that was typed waits that nothing more is taken.
    #[must_use]
    pub fn typed_waits(&self, id: SessionId) -> bool {
        let session = self.sessions.get(id);
        session.is_some_and(|session| session.typed.len() > MOST_TYPED)
    }

    /// What a session has to show: octets for a terminal, up to about `room`, are added to `out`. Those that are
    /// not asked for wait at the other end. To be asked for the session that somebody looks at, after
    /// [`Notice::Shown`], when it becomes the current one, and when there is room again.
    pub fn session_output(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
        room: usize,
        out: &mut Vec<u8>,
    ) {
        let preferences = self.preferences;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.told = false;
        out.append(&mut session.before);
        let growth = if preferences.options_shown {
            GROWTH_OPTIONS
        } else {
            GROWTH
        };
        let full = out.len() + room;
        let mut octets = [0; 512];
        loop {
            // Answers are never longer than what they answer.
            let answers = MOST_TYPED.saturating_sub(session.typed.len());
            let most = (full.saturating_sub(out.len()) / growth).min(answers);
            let most = most.min(octets.len());
            let part = octets.get_mut(..most).unwrap_or_default();
            let count = station.tcp.receive(session.connection, part).unwrap_or(0);
            let part = octets.get(..count).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            session.receive(part, &preferences, out);
        }
        let unread = unread(station, now, session.connection);
        if unread == 0 {
            out.append(&mut session.after);
        }
        // Who had no room comes back; what had to wait for answers to go out is told.
        session.told = unread > 0;
        session.unheard = session.typed.len() >= MOST_TYPED;
        self.settle_session(now, station, id);
    }

    /// What became of a session whose data are not looked at now: its states, which are added to `out`.
    pub fn session_states(&mut self, id: SessionId, out: &mut Vec<u8>) {
        if let Some(session) = self.sessions.get_mut(id) {
            out.append(&mut session.before);
            out.append(&mut session.after);
        }
    }

    /// Closes a session from this side (`close`).
    ///
    /// # Errors
    /// There is no such session.
    pub fn close_session(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
    ) -> Result<(), String> {
        let session = self.session_mut(id)?;
        session.closing = true;
        session.upload = None;
        self.settle_session(now, station, id);
        Ok(())
    }

    /// Ends a session at once (`reset`).
    ///
    /// # Errors
    /// There is no such session.
    pub fn reset_session(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
    ) -> Result<(), String> {
        let connection = self.session_mut(id)?.connection;
        let text = |error: Error| error.to_string();
        station.tcp.abort(connection).map_err(text)?;
        station.tcp.consume(connection, usize::MAX).map_err(text)?;
        self.settle_session(now, station, id);
        Ok(())
    }

    /// Sends again what waits for an acknowledgement (`kick`).
    ///
    /// # Errors
    /// There is no such session.
    pub fn kick_session(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
    ) -> Result<(), String> {
        let connection = self.session_mut(id)?.connection;
        let kicked = station.tcp.kick(now, connection);
        kicked.map_err(|error| error.to_string())
    }

    /// Looks at all sessions: what changed is told.
    pub(crate) fn settle_sessions(&mut self, now: Instant, station: &mut Station) {
        for number in 0..SessionId::MOST {
            self.settle_session(now, station, SessionId(number as u8));
        }
    }

    fn settle_session(&mut self, now: Instant, station: &mut Station, id: SessionId) {
        let eol = self.preferences.eol;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let connection = session.connection;
        session.send(station, eol);
        let host = match session.kind {
            Kind::Finger => station.resolver.shown(now, session.remote.0),
            Kind::Telnet => String::new(),
        };
        let state = |session: &mut Session, station: &Station| {
            let view = station.tcp.view(now, connection);
            let state = view.map_or(State::Closed, |view| view.state);
            session.show_state(state, view.and_then(|view| view.reason), &host);
            state
        };
        let now_in = state(session, station);
        if now_in == State::CloseWait && !session.closing {
            // The other side has closed, and so does this one.
            session.closing = true;
            session.send(station, eol);
            state(session, station);
        }
        let raw = session.raw_now();
        if raw != std::mem::replace(&mut session.raw, raw) {
            self.notices.push_back(Notice::Raw(id, raw));
        }
        let unread = unread(station, now, connection);
        if session.state == State::Closed && unread == 0 {
            session.ended = true;
            let mut rest = std::mem::take(&mut session.before);
            rest.append(&mut session.after);
            let reason = station.tcp.view(now, connection);
            let reason = reason.and_then(|view| view.reason);
            // An error says that it was let go before.
            let _ = station.tcp.release(now, connection);
            let reason = reason.unwrap_or(Reason::Normal);
            self.notices.push_back(Notice::Ended(id, rest, reason));
            return;
        }
        if session.unheard && session.typed.len() < MOST_TYPED / 2 {
            session.unheard = false;
            session.told = false;
        }
        let shows = unread > 0 || !session.before.is_empty() || !session.after.is_empty();
        if shows && !std::mem::replace(&mut session.told, true) {
            self.notices.push_back(Notice::Shown(id));
        }
    }
}

/// Octets that were received and not read.
fn unread(station: &Station, now: Instant, connection: Id) -> u32 {
    let view: Option<View> = station.tcp.view(now, connection);
    view.map_or(0, |view| view.receive_queue)
}
