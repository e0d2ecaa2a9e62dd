//! Sessions that people open: what is typed goes out, what comes is shown when somebody looks.

mod list;
mod transfer;

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_net_ax25::connection::Cause;
use wanbox_net_console::guard::Guard;
use wanbox_net_console::telnet::{Client, Eol, Received};
use wanbox_net_engine::Station;
use wanbox_net_tcp::Error;
use wanbox_wire::ax25::Call;

pub use list::SessionView;
pub use transfer::reason;
use transfer::{Record, Upload};

use crate::stream::{Phase, Stream, cause};
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
    /// Lines of text over AX.25.
    Ax25,
    /// Lines of text over NET/ROM.
    NetRom,
}

impl Kind {
    /// The name as `session` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Telnet => "Telnet",
            Self::Finger => "Finger",
            Self::Ax25 => "AX25",
            Self::NetRom => "NETROM",
        }
    }

    /// Whether lines end with a carriage return, and nothing but text is sent.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(self, Self::Ax25 | Self::NetRom)
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    kind: Kind,
    connection: Stream,
    remote: (Ipv4Addr, u16),
    /// Whom it is with, where that is no address of IP.
    station: String,
    /// The state that was shown last, and its name.
    phase: Phase,
    state: &'static str,
    /// Why it is over, if its connection told.
    cause: Option<&'static str>,
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
    fn new(kind: Kind, connection: Stream, remote: (Ipv4Addr, u16)) -> Self {
        Self {
            kind,
            connection,
            remote,
            station: String::new(),
            phase: Phase::Over,
            state: "",
            cause: None,
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
    fn send(&mut self, now: Instant, station: &mut Station, eol: Eol) {
        loop {
            match self.connection.send(now, station, &self.typed) {
                Some(sent) => drop(self.typed.drain(..sent)),
                None => {
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
            self.connection.close(now, station);
        }
    }

    /// Shows a state if it is another one than before. What is between two that were seen is shown too.
    fn show_state(&mut self, phase: Phase, state: &'static str, reason: &str, host: &str) {
        let begun = self.phase == Phase::Opening;
        if (phase, state) == (self.phase, self.state) {
            return;
        }
        if begun && !matches!(phase, Phase::Opening | Phase::Over) {
            let opened = self.connection.opened();
            self.before.extend(format!("{opened}\r\n").bytes());
            if self.kind == Kind::Finger {
                self.before.extend(format!("[{host}]\r\n").bytes());
            }
        }
        (self.phase, self.state) = (phase, state);
        // Also to who does not read what was received, and was told of that.
        self.told = false;
        match phase {
            Phase::Opening => self.before.extend(format!("{state}\r\n").bytes()),
            Phase::Open => {}
            Phase::Over => {
                let text = format!("{state} ({reason})\r\n");
                self.after.extend(text.bytes());
            }
            _ => self.after.extend(format!("{state}\r\n").bytes()),
        }
    }

    /// What is typed, with the end of the line or without.
    fn line(&mut self, line: &str, end: bool) {
        match self.kind {
            kind if kind.is_plain() => {
                self.typed
                    .extend(line.trim_end_matches(['\r', '\n']).bytes());
                if end {
                    self.typed.push(b'\r');
                }
            }
            _ => self.telnet.send_line(line, end, &mut self.typed),
        }
        self.record(line.as_bytes());
        if end {
            self.record(b"\n");
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
            Kind::Finger | Kind::Ax25 | Kind::NetRom => {
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
        self.kind == Kind::Telnet && self.phase == Phase::Open && self.telnet.is_raw()
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
        session.send(now, station, eol);
        Ok(id)
    }

    /// Opens a session over AX.25 (`connect`): digipeaters become a route.
    ///
    /// # Errors
    /// There are too many sessions, or one with this station; or no line leads there.
    pub fn open_ax25(
        &mut self,
        now: Instant,
        station: &mut Station,
        to: Call,
        digis: &[Call],
    ) -> Result<SessionId, String> {
        let number = self.free_session()?;
        station.radio_sync();
        let link = station.ax25.connect(now, None, to, digis, None);
        let link = link.map_err(|error| format!("connect failed: {error}"))?;
        let header = station.ax25.link(link).map(|view| view.header.to_string());
        let nowhere = (Ipv4Addr::UNSPECIFIED, 0);
        let mut session = Session::new(Kind::Ax25, Stream::Ax25(link), nowhere);
        session.station = header.unwrap_or_default();
        Ok(self.begin(now, station, number, session))
    }

    /// Opens a session over NET/ROM (`netrom connect`).
    ///
    /// # Errors
    /// There are too many sessions, or nobody knows the node.
    pub fn open_netrom(
        &mut self,
        now: Instant,
        station: &mut Station,
        node: Call,
        user: Call,
    ) -> Result<SessionId, String> {
        let number = self.free_session()?;
        let circuit = station.netrom.connect(now, node, user);
        let circuit = circuit.map_err(|error| format!("connect failed: {error}"))?;
        let nowhere = (Ipv4Addr::UNSPECIFIED, 0);
        let mut session = Session::new(Kind::NetRom, Stream::Circuit(circuit), nowhere);
        session.station = format!("{user} @ {node}");
        Ok(self.begin(now, station, number, session))
    }

    /// A place for one more session.
    fn free_session(&self) -> Result<usize, String> {
        let mut slots = self.sessions.slots.iter();
        let free = slots.position(Option::is_none);
        free.ok_or_else(|| "Too many sessions".to_owned())
    }

    fn begin(
        &mut self,
        now: Instant,
        station: &mut Station,
        number: usize,
        session: Session,
    ) -> SessionId {
        if let Some(slot) = self.sessions.slots.get_mut(number) {
            *slot = Some(session);
        }
        self.counters.sessions += 1;
        let id = SessionId(number as u8);
        self.settle_session(now, station, id);
        id
    }

    /// A connection of AX.25 is over: whether it was a session's.
    pub(crate) fn session_down(&mut self, link: Stream, why: Cause) -> bool {
        let mut sessions = self.sessions.slots.iter_mut().flatten();
        let session = sessions.find(|session| session.connection == link);
        session.is_some_and(|session| {
            session.cause = Some(cause(why));
            true
        })
    }

    fn open(
        &mut self,
        now: Instant,
        station: &mut Station,
        kind: Kind,
        to: (Ipv4Addr, u16),
    ) -> Result<SessionId, String> {
        let number = self.free_session()?;
        let sessions = &mut self.sessions;
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
        let session = Session::new(kind, Stream::Tcp(connection), to);
        Ok(self.begin(now, station, number, session))
    }

    /// A line was typed in a session, with its end or without. `false`: too much waits, and it was not taken.
    pub fn type_line(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
        line: &str,
        end: bool,
    ) -> bool {
        self.type_in(now, station, id, &mut |session, _| session.line(line, end))
    }

    /// Keys were typed in a session. `false`: too much waits, and they were not taken.
    pub fn type_keys(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
        keys: &[u8],
    ) -> bool {
        self.type_in(now, station, id, &mut |session, eol| {
            for &key in keys {
                session.telnet.send_key(key, eol, &mut session.typed);
            }
        })
    }

    fn type_in(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: SessionId,
        keys: &mut dyn FnMut(&mut Session, Eol),
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
        session.send(now, station, eol);
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
        let mut octets = Vec::new();
        loop {
            // Answers are never longer than what they answer.
            let answers = MOST_TYPED.saturating_sub(session.typed.len());
            let most = (full.saturating_sub(out.len()) / growth).min(answers);
            octets.clear();
            if most == 0 || session.connection.receive(now, station, most, &mut octets) == 0 {
                break;
            }
            session.receive(&octets, &preferences, out);
        }
        let unread = session.connection.status(now, station).unread;
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
        connection.abort(now, station)?;
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
        connection.kick(now, station)
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
        session.send(now, station, eol);
        let host = match session.kind {
            Kind::Finger => station.resolver.shown(now, session.remote.0),
            _ => String::new(),
        };
        let state = |session: &mut Session, station: &Station| {
            let status = connection.status(now, station);
            let reason = status.reason.or(session.cause);
            // What is asked again while it is open is nothing to be told.
            let name = match status.phase {
                Phase::Open => connection.opened(),
                _ => status.name,
            };
            session.show_state(status.phase, name, reason.unwrap_or("Normal"), &host);
            status.phase
        };
        let now_in = state(session, station);
        if now_in == Phase::Finished && !session.closing {
            // The other side has closed, and so does this one.
            session.closing = true;
            session.send(now, station, eol);
            state(session, station);
        }
        let raw = session.raw_now();
        if raw != std::mem::replace(&mut session.raw, raw) {
            self.notices.push_back(Notice::Raw(id, raw));
        }
        let status = connection.status(now, station);
        let unread = status.unread;
        if session.phase == Phase::Over && unread == 0 {
            session.ended = true;
            let mut rest = std::mem::take(&mut session.before);
            rest.append(&mut session.after);
            connection.release(now, station);
            let why = status.reason.or(session.cause);
            let is_normal = matches!(why, None | Some("Normal" | "By Peer"));
            self.notices.push_back(Notice::Ended(id, rest, is_normal));
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
