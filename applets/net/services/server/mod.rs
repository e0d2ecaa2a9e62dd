//! Servers: starting and stopping them, and who may connect.

pub(crate) mod destination;
mod gate;
mod guest;
pub(crate) mod login;
pub(crate) mod rules;
mod time;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_link::prefixes::NumberMap;
use wanbox_net_engine::udp::{
    Owner, Received, SocketId, TCP_PORTS, UDP_PORTS, parse_port, port_name,
};
use wanbox_net_engine::{Sink, Station};
use wanbox_net_tcp::{Event, Id, ListenerId, Options, Reason};

pub use destination::Destination;

use crate::remote::Remote;
use crate::stream::Stream;
use crate::{GateId, LoginId, Notice, Services};
use gate::Gate;
use guest::Guest;
use login::{Login, Logins};

/// The names of servers for `start` and `stop`, in the order in which abbreviations are looked up.
pub const SERVERS: [&str; 14] = [
    "ax25", "discard", "domain", "echo", "ftp", "tcpgate", "netrom", "rip", "sntp", "telnet",
    "time", "remote", "kiss", "agwpe",
];

/// Connections of a server that wait to be taken, and that are half open. A turn of the program may bring many at
/// once, and one that finds no room is a second late.
const BACKLOG: usize = 256;
/// The most connections of a server, and the most of them with one host, unless told otherwise.
const MOST: (usize, usize) = (64, 16);
/// The most connections that one may be told to have.
const MOST_OF_ALL: usize = 16_384;
/// A connection of echo or discard in which nothing moves for so long is ended.
const IDLE: Duration = Duration::from_secs(900);
/// How long what is left to be said may take when a connection is closed.
const CLOSING: Duration = Duration::from_secs(120);
/// Connections of gates ask a silent host whether it is there after so long.
const KEEPALIVE: Duration = Duration::from_secs(7200);

/// What a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Service {
    Discard,
    Echo,
    Gate(Destination),
    Telnet,
    Time,
    Remote,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tcp(ListenerId),
    Udp(SocketId),
}

/// A server that was started.
#[derive(Debug)]
struct Server {
    /// Its place in [`SERVERS`].
    name: &'static str,
    service: Service,
    port: u16,
    place: Place,
    /// The most connections, and the most of them with one host.
    most: (usize, usize),
}

/// What is done with a connection.
#[derive(Debug)]
enum Role {
    Discard,
    Echo,
    Gate(Gate),
    Login(Box<Login>),
    /// This side is done: what waits is sent, and what comes is thrown away.
    Closing,
}

/// A connection of a server.
#[derive(Debug)]
struct Served {
    role: Role,
    name: &'static str,
    remote: (Ipv4Addr, u16),
    /// The server's port.
    port: u16,
    /// When something moved last.
    seen: Instant,
    /// What TCP has not taken yet.
    pending: Vec<u8>,
}

/// All servers and their connections.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    list: Vec<Server>,
    served: NumberMap<u32, Served>,
    /// No connection is due before. What they wait for moves away with each octet, so that it is looked at again
    /// when this has come, and not each time.
    earliest: Option<Instant>,
    logins: Logins,
    guests: Vec<Guest>,
    pub remote: Remote,
}

impl Servers {
    fn keep(&mut self, id: Id, served: Served) {
        let due = served.due();
        self.earliest = due.into_iter().chain(self.earliest).min();
        self.served.insert(id.number(), served);
    }
}

impl Served {
    /// When it is ended if nothing happens.
    fn due(&self) -> Option<Instant> {
        match &self.role {
            Role::Discard | Role::Echo => Some(self.seen + IDLE),
            Role::Gate(gate) => gate.ended.then_some(self.seen + CLOSING),
            Role::Login(login) => Some(login.due(self.seen)),
            Role::Closing => Some(self.seen + CLOSING),
        }
    }

    /// Sends what waits: whether all of it is on its way.
    fn flush(&mut self, station: &mut Station, id: Id) -> bool {
        // What a connection that is over does not take is gone with it.
        let sent = station.tcp.send(id, &self.pending);
        self.pending.drain(..sent.unwrap_or(self.pending.len()));
        self.pending.is_empty()
    }

    /// The name of its server in the log.
    fn log_name(&self) -> String {
        match self.name {
            "telnet" => "TELNET".to_owned(),
            _ => port_name(&TCP_PORTS, self.port),
        }
    }
}

/// Throws away what was received: how much.
fn discard(station: &mut Station, id: Id) -> usize {
    let waits = station.tcp.peek(id).map_or(0, |(a, b)| a.len() + b.len());
    // An error says that there is nothing any more.
    let _ = station.tcp.consume(id, waits);
    waits
}

/// The whole name of a server of which a word is the beginning.
#[must_use]
pub fn server_name(word: &str) -> Option<&'static str> {
    SERVERS.into_iter().find(|name| name.starts_with(word))
}

impl Services {
    /// `start NAME [PORT [CONNECTIONS]]` and `start tcpgate PORT [DESTINATION]`, with the words behind the whole
    /// name. Of echo and discard it may be said how many connections they have, then also with one host.
    ///
    /// # Errors
    /// There is no such server, or not yet, or it runs, or its port is taken; what is said then.
    pub fn start(
        &mut self,
        station: &mut Station,
        name: &str,
        words: &[&str],
    ) -> Result<(), String> {
        let mut words = words.iter().copied();
        let word = words.next();
        if let "ax25" | "netrom" = name {
            if let Some(word) = word {
                return Err(format!("{word}: there is nothing behind the server"));
            }
            if listen(station, name, true) {
                return Err(format!("The {name} server runs already"));
            }
            return Ok(());
        }
        let (service, names, default) = match name {
            "discard" => (Service::Discard, &TCP_PORTS[..], 9),
            "echo" => (Service::Echo, &TCP_PORTS[..], 7),
            "tcpgate" => (
                Service::Gate(Destination::Unix(String::new())),
                &TCP_PORTS[..],
                0,
            ),
            "telnet" => (Service::Telnet, &TCP_PORTS[..], 23),
            "time" => (Service::Time, &UDP_PORTS[..], 37),
            "remote" => (Service::Remote, &UDP_PORTS[..], 1234),
            _ if SERVERS.contains(&name) => {
                return Err(format!("The {name} server is not available"));
            }
            _ => return Err(format!("There is no server {name}")),
        };
        let port = match word {
            Some(word) => parse_port(names, word)
                .filter(|port| *port > 0)
                .ok_or_else(|| format!("{word} is not a port"))?,
            None if default > 0 => default,
            None => return Err("tcpgate needs a port".to_owned()),
        };
        let mut service = service;
        if let Service::Gate(destination) = &mut service {
            *destination = Destination::parse(words.next(), port)?;
        }
        let most = match (&service, words.next()) {
            (_, None) => MOST,
            (Service::Discard | Service::Echo, Some(word)) => {
                let most = word
                    .parse()
                    .ok()
                    .filter(|most| (1..=MOST_OF_ALL).contains(most));
                let most = most.ok_or_else(|| format!("Connections must be 1..{MOST_OF_ALL}"))?;
                (most, most)
            }
            (_, Some(word)) => return Err(format!("{word}: there is nothing behind the port")),
        };
        if let Some(word) = words.next() {
            return Err(format!("{word}: there is nothing behind the connections"));
        }
        if service == Service::Telnet
            && !self.rules.telnet_host
            && !self.servers.logins.has_password()
        {
            return Err(
                "The telnet server needs a password (login password), or the host to ask for one \
                 (login telnet host): without one, everybody could give commands"
                    .to_owned(),
            );
        }
        let mut same = self.servers.list.iter_mut();
        match (
            same.find(|server| server.name == name && (server.port == port || name != "tcpgate")),
            &service,
        ) {
            // Connections that are there keep where they go.
            (Some(server), Service::Gate(_)) => {
                server.service = service;
                return Ok(());
            }
            (Some(server), _) => {
                return Err(format!("The {name} server runs on port {}", server.port));
            }
            (None, _) => {}
        }
        let place = if matches!(service, Service::Time | Service::Remote) {
            let bound = station.udp_bind(Ipv4Addr::UNSPECIFIED, port, Owner::User);
            Place::Udp(bound.map_err(|error| error.to_string())?)
        } else {
            let options = Options {
                keepalive: matches!(service, Service::Gate(_)).then_some(KEEPALIVE),
                ..station.tcp.parameters().options
            };
            let listener = station.tcp.listen(None, port, BACKLOG, &options);
            Place::Tcp(listener.map_err(|error| format!("TCP port {port}: {error}"))?)
        };
        let name = SERVERS.into_iter().find(|known| *known == name);
        self.servers.list.push(Server {
            name: name.unwrap_or_default(),
            service,
            port,
            place,
            most,
        });
        Ok(())
    }

    /// `stop NAME`, and `stop tcpgate PORT`. Connections go on.
    ///
    /// # Errors
    /// It does not run; what is said then.
    pub fn stop(
        &mut self,
        station: &mut Station,
        name: &str,
        words: &[&str],
    ) -> Result<(), String> {
        if matches!(name, "ax25" | "netrom") && listen(station, name, false) {
            return Ok(());
        }
        let port = match (name, words.first()) {
            ("tcpgate", Some(word)) => parse_port(&TCP_PORTS, word),
            ("tcpgate", None) => return Err("tcpgate needs a port".to_owned()),
            _ => None,
        };
        let mut list = self.servers.list.iter();
        let found = list.position(|server| {
            server.name == name && (name != "tcpgate" || port == Some(server.port))
        });
        let place = found.ok_or_else(|| format!("The {name} server does not run"))?;
        match self.servers.list.swap_remove(place).place {
            Place::Udp(socket) => station.udp.close(socket),
            // An error says that it is gone already.
            Place::Tcp(listener) => station.tcp.unlisten(listener).unwrap_or_default(),
        }
        Ok(())
    }

    /// The servers that run: name, port, and where a gate leads.
    pub fn servers(&self) -> impl Iterator<Item = (&'static str, u16, Option<&Destination>)> {
        self.servers.list.iter().map(|server| {
            let destination = match &server.service {
                Service::Gate(destination) => Some(destination),
                _ => None,
            };
            (server.name, server.port, destination)
        })
    }

    /// What TCP tells. What is for nobody here is passed over.
    pub fn tcp_event(&mut self, now: Instant, station: &mut Station, event: Event) {
        match event {
            Event::Incoming(listener) => self.accept(now, station, listener),
            Event::Closed(id, reason) => {
                let ours = self.servers.served.contains_key(&id.number());
                if ours && reason != Reason::Normal {
                    // Nobody waits for an answer to it any more.
                    discard(station, id);
                }
                self.drive(now, station, id, true);
            }
            Event::Readable(id) | Event::Finished(id) => self.drive(now, station, id, true),
            Event::Connected(id) | Event::Writable(id) => self.drive(now, station, id, false),
            Event::Changed { .. } => {}
        }
    }

    /// A datagram waits in a socket: whether it is one of a server's.
    pub fn udp_event(
        &mut self,
        now: Instant,
        station: &mut Station,
        socket: SocketId,
        sink: &mut dyn Sink,
    ) -> bool {
        let mut list = self.servers.list.iter();
        let Some(server) = list.find(|server| server.place == Place::Udp(socket)) else {
            return false;
        };
        let (port, time) = (server.port, server.service == Service::Time);
        while let Some(received) = station.udp.receive(socket) {
            if time {
                self.time_input(now, station, port, &received, sink);
            } else {
                self.remote_input(now, station, &received);
            }
        }
        true
    }

    /// Takes the connections of a server.
    fn accept(&mut self, now: Instant, station: &mut Station, listener: ListenerId) {
        let mut list = self.servers.list.iter();
        let place = Place::Tcp(listener);
        let Some(server) = list.find(|server| server.place == place) else {
            return;
        };
        let (name, port, service) = (server.name, server.port, server.service.clone());
        let most = match service {
            Service::Telnet if self.rules.telnet_host => login::MOST_HOST_LOGINS,
            _ => server.most,
        };
        while let Some(id) = station.tcp.accept(listener) {
            let Some(view) = station.tcp.view(now, id) else {
                continue;
            };
            let IpAddr::V4(address) = view.flow.remote.addr else {
                continue;
            };
            let served = self.servers.served.values();
            let same = served.filter(|served| served.name == name && served.port == port);
            let (all, of_host) = same.fold((0, 0), |(all, of_host), served| {
                (all + 1, of_host + usize::from(served.remote.0 == address))
            });
            if all >= most.0 || of_host >= most.1 {
                let counter = if of_host >= most.1 {
                    &mut self.counters.too_many_of_host
                } else {
                    &mut self.counters.too_many
                };
                *counter += 1;
                let_go(now, station, id, true);
                continue;
            }
            let mut served = Served {
                role: Role::Discard,
                name,
                remote: (address, view.flow.remote.port),
                port,
                seen: now,
                pending: Vec::new(),
            };
            match &service {
                Service::Echo => served.role = Role::Echo,
                Service::Gate(destination) => {
                    served.role = Role::Gate(Gate::default());
                    let notice = Notice::GateOpen(GateId(id), destination.clone());
                    self.notices.push_back(notice);
                }
                Service::Telnet => self.login_begins(now, station, &mut served),
                Service::Discard | Service::Time | Service::Remote => {}
            }
            self.counters.accepted += 1;
            let text = format!("open {}", served.log_name());
            self.log(now, station, &TCP_PORTS, served.remote, &text);
            self.servers.keep(id, served);
            self.drive(now, station, id, true);
        }
    }

    /// Goes on with a connection.
    fn drive(&mut self, now: Instant, station: &mut Station, id: Id, received: bool) {
        let Some(mut served) = self.servers.served.remove(&id.number()) else {
            return;
        };
        let done = self.go_on(now, station, id, &mut served, received);
        if done {
            self.ends(now, station, id, &served);
        } else {
            self.servers.keep(id, served);
        }
    }

    /// Does what can be done for a connection: whether it is to be let go.
    fn go_on(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: Id,
        served: &mut Served,
        received: bool,
    ) -> bool {
        let flushed = served.flush(station, id);
        match &mut served.role {
            Role::Discard => {
                if discard(station, id) > 0 {
                    served.seen = now;
                }
            }
            Role::Echo => {
                while let Ok((part @ [_, ..], _)) = station.tcp.peek(id) {
                    // What is echoed is copied once: the connection's two buffers are in one place.
                    let mut piece = [0; 1024];
                    let length = part.len().min(piece.len());
                    let (piece, _) = piece.split_at_mut(length);
                    let (part, _) = part.split_at(length);
                    piece.copy_from_slice(part);
                    let sent = station.tcp.send(id, piece).unwrap_or(length);
                    if sent == 0 {
                        break;
                    }
                    // It was there a moment ago.
                    let _ = station.tcp.consume(id, sent);
                    served.seen = now;
                }
            }
            Role::Gate(gate) => {
                let finished = station.tcp.is_finished(id) && !is_over(now, station, id);
                gate.news(GateId(id), station, received, finished, &mut self.notices);
            }
            Role::Login(_) => self.login_news(now, station, id, served, flushed),
            Role::Closing => {
                discard(station, id);
                if flushed {
                    // An error says that it was closed before.
                    let _ = station.tcp.close(id);
                }
            }
        }
        // The host may have more to say when the network has not, as with a question and its answer.
        let waits = match &served.role {
            Role::Gate(gate) => !gate.ended,
            _ => !served.pending.is_empty(),
        };
        station.tcp.is_finished(id) && (!waits || is_over(now, station, id))
    }

    /// Lets go of a connection, and tells who cares.
    fn ends(&mut self, now: Instant, station: &mut Station, id: Id, served: &Served) {
        match &served.role {
            Role::Gate(_) => self.notices.push_back(Notice::GateClosed(GateId(id))),
            Role::Login(login) if login.is_open() => {
                self.notices
                    .push_back(Notice::LoginClosed(LoginId(Stream::Tcp(id))));
            }
            _ => {}
        }
        let text = format!("close {}", served.log_name());
        self.log(now, station, &TCP_PORTS, served.remote, &text);
        let_go(now, station, id, false);
    }

    /// This side of a connection is done: the other one gets what waits, and then the end.
    fn close_served(&mut self, now: Instant, station: &mut Station, id: Id) {
        if let Some(served) = self.servers.served.get_mut(&id.number()) {
            served.role = Role::Closing;
            served.seen = now;
            self.drive(now, station, id, false);
        }
    }

    /// When [`Services::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let servers = &self.servers;
        let served = servers.earliest.filter(|_| !servers.served.is_empty());
        served.into_iter().chain(self.guests_due()).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, station: &mut Station) {
        self.guests_timeout(now, station);
        if self.servers.earliest.is_none_or(|earliest| now < earliest) {
            return;
        }
        let served = self.servers.served.iter();
        let due = served.filter(|(_, served)| served.due().is_some_and(|due| due <= now));
        let due: Vec<u32> = due.map(|(number, _)| *number).collect();
        for number in due {
            let id = Id::from_number(number);
            let Some(mut served) = self.servers.served.remove(&number) else {
                continue;
            };
            if self.login_due(now, station, id, &mut served) {
                self.servers.keep(id, served);
                self.drive(now, station, id, true);
                continue;
            }
            self.counters.idle += 1;
            // An error says that it is over.
            let _ = station.tcp.abort(id);
            self.ends(now, station, id, &served);
        }
        let left = self.servers.served.values();
        self.servers.earliest = left.filter_map(Served::due).min();
    }
}

/// The address that an answer comes from: the one that was asked, or whichever leads there.
fn answer_from(station: &Station, received: &Received) -> Ipv4Addr {
    if station.interfaces.is_own(received.to) {
        received.to
    } else {
        Ipv4Addr::UNSPECIFIED
    }
}

/// Lets a protocol of the radio take sessions of others, or not: whether it did before.
fn listen(station: &mut Station, name: &str, takes: bool) -> bool {
    if name == "ax25" {
        return std::mem::replace(&mut station.ax25.listens, takes);
    }
    let before = station.netrom.is_serving();
    station.netrom.set_serving(takes);
    before
}

/// The connection does not take or give anything any more.
fn is_over(now: Instant, station: &Station, id: Id) -> bool {
    let view = station.tcp.view(now, id);
    view.is_none_or(|view| view.reason.is_some())
}

/// Releases a connection; by RST, or by closing it.
fn let_go(now: Instant, station: &mut Station, id: Id, reset: bool) {
    if reset {
        // An error says that it is over.
        let _ = station.tcp.abort(id);
    }
    // An error says that it was let go before.
    let _ = station.tcp.release(now, id);
}
