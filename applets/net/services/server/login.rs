//! `start telnet`: a console for somebody far away, behind a password; or the host's own login, which asks for one.
//!
//! Few may be at the door at once, and who was wrong waits before the next try counts, over one connection or
//! over several. What is typed waits in TCP until the console asks for it.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_console::telnet::{Event, IAC, OPENING, Telnet};
use wanbox_link::password::{MAX_PASSWORD, Password};
use wanbox_net_engine::Station;
use wanbox_net_engine::udp::TCP_PORTS;
use wanbox_net_tcp::Id;

use super::rules::Program;
use super::{Role, Served, Services};
use crate::log::socket;
use crate::stream::Stream;
use crate::{LoginId, Notice};

const PROMPT: &[u8] = b"Password: ";
const REFUSED: &[u8] = b"\r\nLogin incorrect\r\n";
/// The most that are asked for the password at the same time, and from one host.
const MOST_AT_DOOR: usize = 8;
const MOST_OF_HOST: usize = 2;
/// The most that are logged in.
const MOST_INSIDE: usize = 8;
/// How long somebody may take for the password, and may type nothing.
const DOOR: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(3600);
/// Tries of one connection.
const TRIES: u8 = 3;
/// The most that are at or behind the host's login, and the most of them of one host.
pub(super) const MOST_HOST_LOGINS: (usize, usize) = (16, 4);
/// How long the host's login waits for what kind of terminal there is.
const GREETING: Duration = Duration::from_secs(2);
/// How long one waits after a wrong password; twice as long after each further one, up to 64 s.
const DELAY: Duration = Duration::from_secs(1);
const MOST_DOUBLED: u32 = 6;
/// Hosts with wrong passwords that are remembered.
const MOST_FAILURES: usize = 64;
/// Octets that wait because TCP has no room.
const MOST_PENDING: usize = 2048;

/// Somebody at the door, or inside.
#[derive(Debug, Default)]
pub(super) struct Login {
    telnet: Telnet,
    phase: Phase,
    tries: u8,
    line: Vec<u8>,
    /// A carriage return came last: a line feed or NUL behind it belongs to it.
    carriage_return: bool,
    /// The owner was told that keys wait.
    told: bool,
    /// The owner is to be told when there is room.
    wants_room: bool,
    /// It is the host that asks for name and password.
    at_host: bool,
    /// It need not be waited for what kind of terminal there is.
    greeted: bool,
    /// The size of the window, when it is another.
    window: Option<(u16, u16)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// The host's login begins then at the latest.
    Greeting(Instant),
    /// The prompt comes then.
    Delayed(Instant),
    /// It is there.
    #[default]
    Asked,
    Open,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    host: Ipv4Addr,
    count: u32,
    /// No password of the host is looked at before.
    until: Instant,
}

/// What all logins have in common.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    password: Option<Password>,
    failures: VecDeque<Failure>,
}

impl Logins {
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    fn waits(&self, host: Ipv4Addr, now: Instant) -> Option<Instant> {
        let failure = self.failures.iter().find(|failure| failure.host == host);
        failure
            .map(|failure| failure.until)
            .filter(|until| *until > now)
    }

    /// Another wrong password of a host: until when it waits.
    fn failed(&mut self, host: Ipv4Addr, now: Instant) -> Instant {
        let at = self.failures.iter().position(|known| known.host == host);
        let count = at.and_then(|at| self.failures.remove(at));
        let count = count.map_or(0, |failure| failure.count.saturating_add(1));
        let until = now + DELAY * (1 << count.min(MOST_DOUBLED));
        if self.failures.len() >= MOST_FAILURES {
            self.failures.pop_front();
        }
        self.failures.push_back(Failure { host, count, until });
        until
    }

    fn succeeded(&mut self, host: Ipv4Addr) {
        self.failures.retain(|failure| failure.host != host);
    }
}

impl Login {
    /// It is logged in.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// It had all its tries.
    fn is_done(&self) -> bool {
        self.tries >= TRIES && !self.is_open()
    }

    /// When something is to be done about it.
    pub(super) fn due(&self, seen: Instant) -> Instant {
        match self.phase {
            Phase::Delayed(until) | Phase::Greeting(until) => until,
            Phase::Asked => seen + DOOR,
            Phase::Open => seen + IDLE,
        }
    }

    /// Takes an octet: the key it stands for.
    fn key(&mut self, octet: u8, answer: &mut Vec<u8>) -> Option<u8> {
        let key = match self.telnet.receive(octet, answer)? {
            Event::Octet(octet) => octet,
            Event::Interrupt => 0x03,
            Event::Erase => 0x7f,
            Event::EraseLine => 0x15,
            Event::AreYouThere => {
                answer.extend(b"\r\n[Yes]\r\n");
                return None;
            }
            Event::Window { columns, rows } => {
                self.window = Some((columns, rows));
                return None;
            }
            Event::Terminal => {
                self.greeted = true;
                return None;
            }
        };
        let behind = std::mem::replace(&mut self.carriage_return, key == b'\r');
        (!(behind && matches!(key, b'\n' | 0))).then_some(key)
    }

    /// A key at the door: whether the password is whole.
    fn password_key(&mut self, key: u8) -> bool {
        match key {
            b'\r' | b'\n' => return true,
            0x08 | 0x7f => {
                self.line.pop();
            }
            0x15 => self.line.clear(),
            // One more than is looked at: then it is wrong.
            _ if self.line.len() <= MAX_PASSWORD => self.line.push(key),
            _ => {}
        }
        false
    }
}

impl Services {
    /// Sets what who connects by telnet has to know, as it is or as crypt(3) makes it; `None`: nobody may.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set_password(&mut self, password: Option<&str>) -> Result<(), String> {
        self.servers.logins.password = match password {
            Some("") => return Err("an empty password protects nothing".to_owned()),
            Some(text) => Some(Password::parse(text)?),
            None => None,
        };
        Ok(())
    }

    /// Somebody connects.
    pub(super) fn login_begins(
        &mut self,
        now: Instant,
        station: &mut Station,
        served: &mut Served,
    ) {
        if self.rules.telnet_host {
            served.pending.extend(OPENING);
            served.role = Role::Login(Box::new(Login {
                telnet: Telnet::asking_terminal(),
                phase: Phase::Greeting(now + GREETING),
                at_host: true,
                ..Login::default()
            }));
            return;
        }
        let host = served.remote.0;
        // Who is longest at the door makes room: so nobody can hold it against others.
        for (most, of_host) in [(MOST_OF_HOST, Some(host)), (MOST_AT_DOOR, None)] {
            let at_door = |served: &Served| {
                matches!(&served.role, Role::Login(login) if !login.is_open())
                    && of_host.is_none_or(|host| served.remote.0 == host)
            };
            let all = self.servers.served.iter();
            let mut waiting: Vec<_> = all
                .filter(|(_, served)| at_door(served))
                .map(|(number, served)| (served.seen, *number))
                .collect();
            waiting.sort_unstable();
            let over = (waiting.len() + 1).saturating_sub(most);
            for (_, number) in waiting.into_iter().take(over) {
                self.counters.door_full += 1;
                let id = Id::from_number(number);
                // An error says that it is over.
                let _ = station.tcp.abort(id);
                if let Some(served) = self.servers.served.remove(&number) {
                    self.ends(now, station, id, &served);
                }
            }
        }
        served.pending.extend(OPENING);
        let mut login = Login::default();
        match self.servers.logins.waits(host, now) {
            Some(until) => login.phase = Phase::Delayed(until),
            None => served.pending.extend(PROMPT),
        }
        served.role = Role::Login(Box::new(login));
    }

    /// Something happened to a login's connection.
    pub(super) fn login_news(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: Id,
        served: &mut Served,
        flushed: bool,
    ) {
        let Role::Login(login) = &mut served.role else {
            return;
        };
        if flushed && login.is_open() && std::mem::take(&mut login.wants_room) {
            self.notices
                .push_back(Notice::LoginWritable(LoginId(Stream::Tcp(id))));
        }
        match login.phase {
            Phase::Asked => self.at_door(now, station, id, served),
            Phase::Greeting(_) => self.greets(now, station, id, served),
            Phase::Delayed(_) | Phase::Open => {}
        }
        let Role::Login(login) = &mut served.role else {
            return;
        };
        let waits = station.tcp.peek(id).is_ok_and(|(a, _)| !a.is_empty());
        if waits && login.is_open() && !std::mem::replace(&mut login.told, true) {
            self.notices
                .push_back(Notice::LoginReadable(LoginId(Stream::Tcp(id))));
        }
        if login.is_done() {
            served.role = Role::Closing;
        }
        served.flush(station, id);
    }

    /// Takes what comes until the host's login may begin. The first key is one of somebody who does not negotiate.
    fn greets(&mut self, now: Instant, station: &mut Station, id: Id, served: &mut Served) {
        let Role::Login(login) = &mut served.role else {
            return;
        };
        let mut octet = [0];
        while !login.greeted
            && served.pending.len() <= MOST_PENDING
            && station.tcp.receive(id, &mut octet).unwrap_or(0) > 0
        {
            let [octet] = octet;
            if let Some(key) = login.key(octet, &mut served.pending) {
                login.line.push(key);
                login.greeted = true;
            }
        }
        if login.greeted {
            login.phase = Phase::Open;
            served.seen = now;
            self.notices
                .push_back(Notice::LoginOpened(LoginId(Stream::Tcp(id))));
        }
    }

    /// Takes what is typed until the password is whole.
    fn at_door(&mut self, now: Instant, station: &mut Station, id: Id, served: &mut Served) {
        let host = served.remote.0;
        let Role::Login(login) = &mut served.role else {
            return;
        };
        let mut octet = [0];
        while served.pending.len() <= MOST_PENDING
            && station.tcp.receive(id, &mut octet).unwrap_or(0) > 0
        {
            let [octet] = octet;
            let Some(key) = login.key(octet, &mut served.pending) else {
                continue;
            };
            if !login.password_key(key) {
                continue;
            }
            let line = std::mem::take(&mut login.line);
            let logins = &mut self.servers.logins;
            let early = logins.waits(host, now);
            let password = logins.password.as_ref();
            let right = early.is_none() && password.is_some_and(|password| password.is(&line));
            let all = self.servers.served.values();
            let inside = all
                .filter(|served| matches!(&served.role, Role::Login(login) if login.is_open()))
                .count();
            if right && inside >= MOST_INSIDE {
                self.counters.too_many += 1;
                served.pending.extend(b"\r\nToo many are logged in\r\n");
                login.tries = TRIES;
            } else if right {
                logins.succeeded(host);
                self.counters.logins += 1;
                login.phase = Phase::Open;
                // The rest of the end of the line is nothing to read.
                let rest = station.tcp.peek(id).ok().and_then(|(rest, _)| rest.first());
                if login.carriage_return && rest.is_some_and(|octet| matches!(octet, b'\n' | 0)) {
                    // It was there a moment ago.
                    let _ = station.tcp.consume(id, 1);
                }
                served.seen = now;
                served.pending.extend(b"\r\n");
                self.notices
                    .push_back(Notice::LoginOpened(LoginId(Stream::Tcp(id))));
            } else {
                self.counters.wrong_passwords += 1;
                login.tries += 1;
                // A try that came too early was not looked at, and makes the wait no longer.
                let until = early.unwrap_or_else(|| logins.failed(host, now));
                login.phase = Phase::Delayed(until);
                served.pending.extend(REFUSED);
                self.log(
                    now,
                    station,
                    &TCP_PORTS,
                    served.remote,
                    "TELNET PASSWORD FAIL",
                );
            }
            return;
        }
    }

    /// The time of a login has come: whether it goes on.
    pub(super) fn login_due(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: Id,
        served: &mut Served,
    ) -> bool {
        let Role::Login(login) = &mut served.role else {
            return false;
        };
        match login.phase {
            Phase::Greeting(_) => {
                login.greeted = true;
                self.greets(now, station, id, served);
            }
            Phase::Delayed(_) => {
                login.phase = Phase::Asked;
                served.seen = now;
                served.pending.extend(PROMPT);
            }
            Phase::Asked | Phase::Open => return false,
        }
        served.flush(station, id);
        true
    }
}

impl Services {
    fn login(&mut self, id: Id) -> Option<&mut Served> {
        let served = self.servers.served.get_mut(&id.number())?;
        matches!(&served.role, Role::Login(login) if login.is_open()).then_some(served)
    }

    /// Who somebody is that logged in: address and port.
    #[must_use]
    pub fn login_remote(&self, id: LoginId) -> Option<(Ipv4Addr, u16)> {
        let Stream::Tcp(tcp) = id.0 else {
            return None;
        };
        let served = self.servers.served.get(&tcp.number())?;
        Some(served.remote)
    }

    /// Who somebody is that came, as `N0PRA-5`, `N0PRA @ DB0AAA` or `host.9a1aa.ampr.org:1024`, and over which
    /// protocol.
    #[must_use]
    pub fn login_name(
        &self,
        now: Instant,
        station: &Station,
        id: LoginId,
    ) -> Option<(String, &'static str)> {
        match id.0 {
            Stream::Tcp(_) => {
                let remote = self.login_remote(id)?;
                Some((socket(station, now, &TCP_PORTS, remote), "TELNET"))
            }
            stream => self.guest_name(stream),
        }
    }

    /// Whether it is the host that asks for somebody's name and password.
    #[must_use]
    pub fn is_at_host(&self, id: LoginId) -> bool {
        match id.0 {
            Stream::Tcp(id) => {
                let served = self.servers.served.get(&id.number());
                served.is_some_and(
                    |served| matches!(&served.role, Role::Login(login) if login.at_host),
                )
            }
            _ => {
                !self.rules.auto && self.rules.privileged && self.rules.program != Program::Console
            }
        }
    }

    /// What kind of terminal somebody has, if that is known.
    #[must_use]
    pub fn login_terminal(&self, id: LoginId) -> Option<&str> {
        let Stream::Tcp(id) = id.0 else {
            return None;
        };
        match &self.servers.served.get(&id.number())?.role {
            Role::Login(login) => login.telnet.terminal(),
            _ => None,
        }
    }

    /// The size of somebody's window when it is new: characters a line, and lines.
    pub fn login_window(&mut self, id: LoginId) -> Option<(u16, u16)> {
        let Stream::Tcp(id) = id.0 else {
            return None;
        };
        match &mut self.login(id)?.role {
            Role::Login(login) => login.window.take(),
            _ => None,
        }
    }

    /// What somebody typed, up to `most` octets, is added to `keys`: ends of lines are carriage returns.
    pub fn login_input(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: LoginId,
        most: usize,
        keys: &mut Vec<u8>,
    ) {
        let Stream::Tcp(id) = id.0 else {
            self.guest_input(now, station, id.0, most, keys);
            return;
        };
        let Some(served) = self.login(id) else {
            return;
        };
        let Role::Login(login) = &mut served.role else {
            return;
        };
        login.told = false;
        let full = keys.len() + most;
        if login.at_host {
            keys.append(&mut login.line);
        }
        let mut octets = [0; 256];
        loop {
            let room = full.saturating_sub(keys.len()).min(octets.len());
            let room = if served.pending.len() > MOST_PENDING {
                0
            } else {
                room
            };
            let part = octets.get_mut(..room).unwrap_or_default();
            let count = station.tcp.receive(id, part).unwrap_or(0);
            let part = octets.get(..count).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            served.seen = now;
            for &octet in part {
                keys.extend(login.key(octet, &mut served.pending));
            }
        }
        self.drive(now, station, id, false);
    }

    /// Shows somebody octets for a terminal: how many were taken. [`Notice::LoginWritable`] comes when there is room
    /// for more.
    pub fn login_output(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: LoginId,
        octets: &[u8],
    ) -> usize {
        let Stream::Tcp(id) = id.0 else {
            return self.guest_output(now, station, id.0, octets);
        };
        let Some(served) = self.login(id) else {
            return octets.len();
        };
        let mut taken = 0;
        for &octet in octets {
            if served.pending.len() >= MOST_PENDING && !served.flush(station, id) {
                break;
            }
            if octet == IAC {
                served.pending.push(IAC);
            }
            served.pending.push(octet);
            taken += 1;
        }
        served.flush(station, id);
        if let Role::Login(login) = &mut served.role {
            login.wants_room |= taken < octets.len();
        }
        taken
    }

    /// The console of somebody ends (`bye`). What was shown before still goes out.
    pub fn login_closed(&mut self, now: Instant, station: &mut Station, id: LoginId) {
        match id.0 {
            Stream::Tcp(id) if self.login(id).is_some() => self.close_served(now, station, id),
            Stream::Tcp(_) => {}
            stream => self.guest_closed(now, station, stream),
        }
    }
}

/// For fuzzing: octets of a client at the door, where nothing grows with them.
pub fn fuzz_login(octets: &[u8]) {
    let mut login = Login::default();
    if !octets.len().is_multiple_of(2) {
        login.telnet = Telnet::asking_terminal();
    }
    let mut answer = Vec::new();
    let mut keys = 0;
    for &octet in octets {
        if let Some(key) = login.key(octet, &mut answer) {
            keys += 1;
            if login.password_key(key) {
                login.line.clear();
            }
        }
    }
    assert!(keys <= octets.len() && login.line.len() <= MAX_PASSWORD + 1);
    // The longest are a sign of life, for two octets, and all that is asked for at the first sign of Telnet.
    assert!(answer.len() <= 5 * octets.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(prop_oneof![Just(255), any::<u8>()], 0..300)) {
            super::fuzz_login(&octets);
        }
    }
}
