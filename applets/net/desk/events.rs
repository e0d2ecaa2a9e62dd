//! What the station and its services tell goes to whom it concerns.

use std::time::Instant;

use wanbox_net_commands::Host;
use wanbox_net_engine::{Event, show};
use wanbox_net_services::{LoginId, Notice, Program, SessionId, reason};

use crate::Desk;
use crate::console::{Console, ConsoleId, Kind, Ping, Wait};
use crate::traces::Source;

/// Rounds in a turn in which what was done makes something new happen.
const MOST_ROUNDS: usize = 32;
/// Sessions and logins are not asked for less than this, octets.
const PIECE: usize = 256;

impl Desk {
    /// Deals with everything that has happened in the station, and lets its segments go. After every turn.
    pub fn after(&mut self, now: Instant, host: &mut dyn Host) {
        self.busy = None;
        self.turn = Some(now);
        for round in 0.. {
            if !self.round(now, host) {
                break;
            }
            if round == MOST_ROUNDS {
                self.busy = Some(now);
                break;
            }
        }
        self.station.flush(now, host.sink());
    }

    /// Whether something happened.
    fn round(&mut self, now: Instant, host: &mut dyn Host) -> bool {
        let mut happened = false;
        while let Some(event) = self.station.poll_event() {
            happened = true;
            self.station_event(now, host, event);
        }
        while let Some(event) = self.station.tcp.poll_event() {
            happened = true;
            if let wanbox_net_tcp::Event::Changed { id, from, to } = event {
                let text = format!("TCB {:08x} {} -> {}\n", id.number(), from.name(), to.name());
                self.traced(Source::Tcp, &text);
            }
            self.services.tcp_event(now, &mut self.station, event);
        }
        self.services.settle(now, &mut self.station);
        while let Some(notice) = self.services.poll_notice() {
            // Something to show is news once it was shown: a session may be unable to go on.
            happened |= !matches!(notice, Notice::Shown(_));
            self.notice(now, host, notice);
        }
        for at in 0..self.consoles.len() {
            let Some(id) = self.consoles.get(at).map(|console| console.id) else {
                break;
            };
            happened |= self.look(now, id);
            self.start_shell(now, host, id);
            self.login(now, host, id);
            let waits = self.console(id).is_some_and(|console| {
                !console.files.is_empty() || !console.typed.is_empty() || !console.prompted
            });
            if waits {
                self.advance(now, host, id);
            }
        }
        happened
    }

    fn station_event(&mut self, now: Instant, host: &mut dyn Host, event: Event) {
        let resolver = &self.station.resolver;
        let names = |address| resolver.shown(now, address);
        match event {
            Event::Udp(socket) => {
                let sink = host.sink();
                self.services
                    .udp_event(now, &mut self.station, socket, sink);
            }
            Event::Ping(reply) => {
                let text = show::ping_reply(&reply, &names);
                let ping = (reply.from, reply.stamp);
                // Who pings everybody gets the replies of each, and some hosts answer from another address.
                let of_others = |known: &Ping| known.1.is_some() && known.1 == ping.1;
                for console in &mut self.consoles {
                    let pinged = &mut console.pinged;
                    let place = pinged.iter().position(|known| *known == ping);
                    let known = match place {
                        Some(place) => pinged.remove(place),
                        None => match pinged.iter().find(|known| of_others(known)) {
                            Some(known) => *known,
                            None => continue,
                        },
                    };
                    console.notice(&text);
                    if matches!(console.wait, Some(Wait::Reply(waits, _)) if waits == known) {
                        console.wait = None;
                    }
                    // One without a stamp is that of whoever asked first.
                    break;
                }
            }
            Event::Icmp(notice) => {
                let text = show::icmp_notice(&notice, &names);
                self.traced(Source::Icmp, &text);
            }
            Event::Rip(notice) => {
                let text = show::rip_notice(&notice, &self.station.interfaces, &names);
                self.traced(Source::Rip, &text);
            }
            Event::Ax25(event) => {
                let (services, station) = (&mut self.services, &mut self.station);
                // Those of programs are theirs.
                if !services.agwpe.event(now, station, &event) {
                    services.ax25_event(now, station, &event);
                }
            }
            Event::FlexNet(number, way) => self.flexnet_way(number, &way),
            Event::NetRom(event) => self.services.netrom_event(now, &mut self.station, event),
            Event::Domain(text) => self.traced(Source::Domain, &text),
            Event::Resolved(query, _) => {
                let waiting = self
                    .consoles
                    .iter()
                    .filter_map(|console| match &console.wait {
                        Some(Wait::Name(asked, line)) if *asked == query => {
                            Some((console.id, line.clone()))
                        }
                        _ => None,
                    });
                let waiting: Vec<_> = waiting.collect();
                for (id, line) in waiting {
                    if let Some(console) = self.console_mut(id) {
                        console.wait = None;
                    }
                    // What nobody knows is remembered: run again, the line says so.
                    self.execute(now, host, id, line);
                    self.advance(now, host, id);
                }
            }
        }
    }

    /// The answer to a query of FlexNet is shown to who asked.
    fn flexnet_way(&mut self, number: u16, way: &str) {
        for console in &mut self.consoles {
            let place = console.queries.iter().position(|asked| *asked == number);
            let Some(place) = place else {
                continue;
            };
            console.queries.remove(place);
            console.notice(&format!("Flexnet routing: {way}\n"));
            if matches!(console.wait, Some(Wait::Way(asked, _)) if asked == number) {
                console.wait = None;
            }
        }
    }

    /// Shows what a protocol traces to whom it is for.
    fn traced(&mut self, source: Source, text: &str) {
        self.show(self.traces.owner(source), text);
    }

    /// Shows text that nobody waits for at a console; `None`: to whoever is there.
    pub(crate) fn show(&mut self, console: Option<ConsoleId>, text: &str) {
        let console = match console {
            Some(id) => self.console_mut(id),
            None => self
                .consoles
                .iter_mut()
                .find(|console| matches!(console.kind, Kind::Terminal | Kind::Attached)),
        };
        if let Some(console) = console {
            console.notice(text);
        }
    }

    fn notice(&mut self, now: Instant, host: &mut dyn Host, notice: Notice) {
        match notice {
            Notice::Log(text) => host.log(&text),
            Notice::Exit => host.exit(),
            Notice::Shown(session) => {
                if let Some(console) = self.at(session) {
                    console.look = true;
                }
            }
            Notice::Raw(session, raw) => {
                if let Some(console) = self.at(session)
                    && console.converse
                {
                    console.editor.set_raw(raw);
                }
            }
            Notice::Ended(session, rest, why) => {
                self.session_ended(now, host, session, (&rest, why));
            }
            Notice::LoginOpened(login) if self.services.is_at_host(login) => {
                self.logins.push_back(notice);
            }
            Notice::LoginOpened(login) if !login.is_guest() => {
                self.opened_login(now, login, Kind::Login);
            }
            Notice::LoginOpened(login) if self.services.rules.program == Program::Console => {
                self.opened_login(now, login, Kind::Guest);
            }
            Notice::LoginOpened(_) => self.logins.push_back(notice),
            Notice::LoginReadable(login) => {
                match self.console_of(login).and_then(|id| self.console_mut(id)) {
                    Some(console) => console.reads = true,
                    None => self.logins.push_back(notice),
                }
            }
            // What a console has to show is offered in every turn.
            Notice::LoginWritable(_) => {}
            Notice::LoginClosed(login) => {
                if let Some(id) = self.console_of(login) {
                    if let Some(console) = self.console_mut(id) {
                        console.login = None;
                    }
                    self.close(now, id);
                } else {
                    self.logins.push_back(notice);
                }
            }
            Notice::GateOpen(..)
            | Notice::GateReadable(_)
            | Notice::GateWritable(_)
            | Notice::GateFinished(_)
            | Notice::GateClosed(_) => self.gates.push_back(notice),
        }
    }

    /// Somebody gets a console.
    pub(crate) fn opened_login(&mut self, now: Instant, login: LoginId, kind: Kind) {
        match self.open(kind) {
            Ok(id) => {
                if let Some(console) = self.console_mut(id) {
                    console.login = Some(login);
                    console.reads = true;
                }
                self.busy = Some(now);
            }
            Err(_) => self.services.login_closed(now, &mut self.station, login),
        }
    }

    /// The console whose current session this is.
    fn at(&mut self, session: SessionId) -> Option<&mut Console> {
        let owner = self.owners.get(session.number()).copied().flatten()?;
        let console = self.console_mut(owner)?;
        (console.current == Some(session)).then_some(console)
    }

    fn console_of(&self, login: LoginId) -> Option<ConsoleId> {
        let mut consoles = self.consoles.iter();
        let console = consoles.find(|console| console.login == Some(login))?;
        Some(console.id)
    }

    /// Shows what the current session of a console says, as far as there is room. Whether there was any.
    fn look(&mut self, now: Instant, id: ConsoleId) -> bool {
        let Some(at) = self.consoles.iter().position(|console| console.id == id) else {
            return false;
        };
        let Some(console) = self.consoles.get_mut(at) else {
            return false;
        };
        let (Some((session, states_alone)), room @ PIECE..) = (console.looks_at(), console.room())
        else {
            return false;
        };
        if states_alone {
            console.look = false;
            let mut states = Vec::new();
            self.services.session_states(session, &mut states);
            if !states.is_empty() {
                console.notice(&String::from_utf8_lossy(&states).replace('\r', ""));
            }
            return false;
        }
        let mut shown = Vec::new();
        self.services
            .session_output(now, &mut self.station, session, room, &mut shown);
        // More may wait than there was room for.
        console.look = shown.len() > room / 2;
        console.terminal(&shown);
        !shown.is_empty()
    }

    /// A session is over.
    fn session_ended(
        &mut self,
        now: Instant,
        host: &mut dyn Host,
        session: SessionId,
        (rest, is_normal): (&[u8], bool),
    ) {
        let at = self.at(session).map(|console| console.id);
        if let Some(owner) = self.owners.get_mut(session.number()) {
            *owner = None;
        }
        for console in &mut self.consoles {
            if console.current == Some(session) {
                console.current = None;
            }
        }
        let Some(console) = at.and_then(|id| self.console_mut(id)) else {
            return;
        };
        let id = console.id;
        if console.converse {
            console.terminal(rest);
            self.command_mode(id);
        } else if console.wait == Some(Wait::Session(session)) {
            console.terminal(rest);
            console.wait = None;
            console.failed |= !is_normal;
            self.advance(now, host, id);
        } else {
            let text = String::from_utf8_lossy(rest).replace('\r', "");
            console.notice(&text);
        }
    }

    /// A shell begins when everything before it is written: it may write to the same terminal.
    fn start_shell(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId) {
        let Some(console) = self.console_mut(id) else {
            return;
        };
        let Some(Wait::Start(command)) = &console.wait else {
            return;
        };
        if !console.output().is_empty() {
            return;
        }
        let started = host.shell(id.0, command);
        console.wait = Some(Wait::Shell);
        if let Err(error) = started {
            console.wait = None;
            console.repeat = None;
            console.failed = true;
            console.print(&format!("Can't run a shell: {}\n", reason(&error)));
            self.advance(now, host, id);
        }
    }

    /// Between the console of a login and its connection.
    fn login(&mut self, now: Instant, host: &mut dyn Host, id: ConsoleId) {
        let Some(login) = self.console(id).and_then(|console| console.login) else {
            return;
        };
        if self.accepts(id) && self.console(id).is_some_and(|console| console.reads) {
            let mut octets = Vec::new();
            self.services
                .login_input(now, &mut self.station, login, PIECE, &mut octets);
            if let Some(console) = self.console_mut(id) {
                console.reads = octets.len() >= PIECE;
            }
            self.input(now, host, id, &octets);
        }
        let Some(at) = self.consoles.iter().position(|console| console.id == id) else {
            return;
        };
        let Some(console) = self.consoles.get_mut(at) else {
            return;
        };
        if !console.output().is_empty() {
            let station = &mut self.station;
            let taken = self
                .services
                .login_output(now, station, login, console.output());
            console.written(taken);
        }
        if console.ended.is_some() && console.output().is_empty() {
            self.close(now, id);
        }
    }
}

impl Console {
    /// The session that may have something to show here, and whether that is its states alone: in command mode its
    /// data wait.
    fn looks_at(&self) -> Option<(SessionId, bool)> {
        let looks = self.converse || matches!(self.wait, Some(Wait::Session(_)));
        let session = self.current.filter(|_| self.look)?;
        (looks || self.kind.has_keyboard()).then_some((session, !looks))
    }

    /// There is more to be shown as soon as there is room.
    pub fn waits_for_room(&self) -> bool {
        let runs = self.wait.is_none() && !self.files.is_empty();
        let starts = matches!(self.wait, Some(Wait::Start(_))) && self.output().is_empty();
        starts || self.room() >= PIECE && (runs || self.looks_at().is_some())
    }

    /// What a session shows: lines of a script end with a line feed alone.
    fn terminal(&mut self, octets: &[u8]) {
        if self.kind.has_keyboard() {
            self.put(octets);
            return;
        }
        let octets: Vec<u8> = octets
            .iter()
            .copied()
            .filter(|octet| *octet != b'\r')
            .collect();
        self.put(&octets);
    }
}
