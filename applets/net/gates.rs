//! `tcpgate`: the ends of gates that are sockets of the host.
//!
//! Octets are copied once a direction: what comes from the network waits in its TCP, what the host sends is read as
//! far as that has room.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use wanbox_net_desk::Desk;
use wanbox_net_services::{Destination, GateId, Notice};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::resolver::{Family, LookupId, Resolver, Settings};
use wanbox_runtime::stream::{connect_tcp, connect_unix};

use crate::attach::again;
use crate::program::owner;

/// What is copied in one direction of a gate in a turn, octets.
const BUDGET: usize = 64 << 10;
/// What is copied at once, octets.
const PIECE: usize = 8 << 10;

/// A socket of the host.
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn read(&self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => { stream }.read(octets),
            Self::Unix(stream) => { stream }.read(octets),
        }
    }

    fn write(&self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => { stream }.write(octets),
            Self::Unix(stream) => { stream }.write(octets),
        }
    }

    /// Nothing more is written.
    fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Why it is not connected.
    fn error(&self) -> Option<io::Error> {
        match self {
            Self::Tcp(stream) => stream.take_error().unwrap_or_else(Some),
            Self::Unix(_) => None,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

enum Step {
    /// The host's name is looked up, for this port.
    Naming(LookupId, u16),
    /// The host is called.
    Calling(Socket, Source),
    /// Octets go both ways.
    Open(Socket, Source),
}

/// The host's ends of gates.
pub struct Gates {
    root: Root,
    resolver: Resolver,
    gates: HashMap<u32, (GateId, Step)>,
}

impl Gates {
    /// None yet.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            resolver: Resolver::new(owner::NAMES, Settings::below(root)),
            gates: HashMap::new(),
        }
    }

    /// Does what gates need of the host.
    pub fn settle(&mut self, lp: &mut Loop, desk: &mut Desk) {
        while let Some((id, outcome)) = self.resolver.poll_outcome() {
            let named = |(_, step): &&(GateId, Step)| matches!(step, Step::Naming(asked, _) if *asked == id);
            let Some((gate, Step::Naming(_, port))) = self.gates.values().find(named) else {
                continue;
            };
            let (gate, port) = (*gate, *port);
            let first = outcome
                .ok()
                .and_then(|addresses| addresses.first().copied());
            let called = first.map(|address| connect_tcp(SocketAddr::new(address, port)));
            let socket = called.and_then(Result::ok).map(Socket::Tcp);
            self.call(lp, desk, gate, socket);
        }
        while let Some(notice) = desk.poll_gate() {
            match notice {
                Notice::GateOpen(id, destination) => self.open(lp, desk, id, &destination),
                Notice::GateReadable(id) | Notice::GateWritable(id) => self.pass(lp, desk, id),
                Notice::GateFinished(id) => self.finish(lp, desk, id),
                Notice::GateClosed(id) => self.close(lp, id),
                _ => {}
            }
        }
    }

    /// A descriptor of [`owner::GATES`] is ready.
    pub fn ready(&mut self, lp: &mut Loop, desk: &mut Desk, token: Token, readiness: Readiness) {
        let Some((id, step)) = self.gates.get(&token.id) else {
            return;
        };
        let id = *id;
        if let Step::Calling(socket, _) = step {
            if let Some(error) = socket.error() {
                log::warn!("tcpgate: {error}");
                self.fail(lp, desk, id);
                return;
            }
            if !readiness.writable {
                return;
            }
            if let Some((_, Step::Calling(socket, source))) = self.gates.remove(&token.id) {
                self.gates
                    .insert(token.id, (id, Step::Open(socket, source)));
            }
            desk.services.gate_opened(lp.now(), &mut desk.station, id);
        }
        self.pass(lp, desk, id);
    }

    /// A descriptor or timer of [`owner::NAMES`].
    pub const fn names(&mut self) -> &mut Resolver {
        &mut self.resolver
    }

    fn open(&mut self, lp: &mut Loop, desk: &mut Desk, id: GateId, destination: &Destination) {
        let socket = match destination {
            Destination::Unix(path) => connect_unix(&self.root.path(path)).map(Socket::Unix),
            Destination::Tcp { host, service } => {
                let port = match service.parse() {
                    Ok(port) => Some(port),
                    Err(_) => self.port(service),
                };
                match (port, host.parse::<IpAddr>()) {
                    (None, _) => Err(io::Error::other("there is no such service")),
                    (Some(port), Ok(address)) => {
                        connect_tcp(SocketAddr::new(address, port)).map(Socket::Tcp)
                    }
                    (Some(port), Err(_)) => {
                        match self.resolver.start(lp, host, Family::Any) {
                            Ok(lookup) => {
                                let step = Step::Naming(lookup, port);
                                self.gates.insert(id.number(), (id, step));
                                // One that needed no server is there already.
                                lp.set_timer(Token::new(owner::DESK, 0), lp.now());
                                return;
                            }
                            Err(error) => Err(io::Error::other(error.to_string())),
                        }
                    }
                }
            }
        };
        if let Err(error) = &socket {
            log::warn!("tcpgate to {destination}: {error}");
        }
        self.call(lp, desk, id, socket.ok());
    }

    /// The port of a service that the host knows.
    fn port(&self, service: &str) -> Option<u16> {
        let text = files::read_text(&self.root.path("/etc/services"), 1 << 20).ok()?;
        text.lines().find_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let name = words.next()?;
            let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
            (name == service || words.any(|alias| alias == service)).then_some(port)
        })
    }

    /// Waits for a connection that was begun, if there is one.
    fn call(&mut self, lp: &mut Loop, desk: &mut Desk, id: GateId, socket: Option<Socket>) {
        let token = Token::new(owner::GATES, id.number());
        let begun = socket.and_then(|socket| {
            let source = lp.register(&socket, token, Interest::Write, Priority::Normal);
            Some(Step::Calling(socket, source.ok()?))
        });
        match begun {
            Some(step) => drop(self.gates.insert(id.number(), (id, step))),
            None => self.fail(lp, desk, id),
        }
    }

    /// The host's end is closed, or cannot be opened.
    fn fail(&mut self, lp: &mut Loop, desk: &mut Desk, id: GateId) {
        self.close(lp, id);
        desk.services.gate_closed(lp.now(), &mut desk.station, id);
    }

    /// The network's side says nothing more.
    fn finish(&mut self, lp: &mut Loop, desk: &mut Desk, id: GateId) {
        if let Some((_, Step::Open(socket, _))) = self.gates.get(&id.number())
            && socket.finish().is_err()
        {
            self.fail(lp, desk, id);
        }
    }

    /// Copies what can be copied.
    fn pass(&mut self, lp: &mut Loop, desk: &mut Desk, id: GateId) {
        let Some((_, Step::Open(socket, source))) = self.gates.get(&id.number()) else {
            return;
        };
        let Desk {
            station, services, ..
        } = desk;
        let now = lp.now();
        let mut waits = false;
        for _ in 0..BUDGET / PIECE {
            let (first, _) = services.gate_peek(station, id);
            if first.is_empty() {
                break;
            }
            match again(socket.write(first)) {
                Ok(Some(count)) => services.gate_consume(now, station, id, count),
                Ok(None) => {
                    waits = true;
                    break;
                }
                Err(_) => {
                    self.fail(lp, desk, id);
                    return;
                }
            }
        }
        let mut octets = [0; PIECE];
        let mut room = services.gate_room(station, id);
        for _ in 0..BUDGET / PIECE {
            let most = room.min(PIECE);
            let Some(octets) = octets.get_mut(..most).filter(|octets| !octets.is_empty()) else {
                break;
            };
            match again(socket.read(octets)) {
                Ok(Some(count @ 1..)) => {
                    let octets = octets.get(..count).unwrap_or_default();
                    services.gate_received(station, id, octets);
                    room = services.gate_room(station, id);
                }
                Ok(None) => break,
                Ok(Some(_)) => {
                    services.gate_ended(now, station, id);
                    room = 0;
                }
                Err(_) => {
                    self.fail(lp, desk, id);
                    return;
                }
            }
        }
        waits |= !services.gate_peek(station, id).0.is_empty();
        let interest = match Interest::of(room > 0, waits) {
            Interest::Hangup => Interest::None,
            interest => interest,
        };
        if lp.modify(*source, socket, interest).is_err() {
            self.fail(lp, desk, id);
        }
    }

    fn close(&mut self, lp: &mut Loop, id: GateId) {
        match self.gates.remove(&id.number()) {
            Some((_, Step::Calling(socket, source) | Step::Open(socket, source))) => {
                // It is registered and open.
                let _ = lp.deregister(source, &socket);
            }
            Some((_, Step::Naming(lookup, _))) => self.resolver.cancel(lp, lookup),
            None => {}
        }
    }
}
