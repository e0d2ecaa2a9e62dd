//! AGWPE's server: programs use the station's connections, UI frames and ears, over TCP of the host.
//!
//! | to change | open |
//! |---|---|
//! | what a program may ask for | `requests.rs` |
//! | connections of programs | `links.rs` |
//! | how frames are shown | `monitor.rs` |
//! | programs, what waits for them | this file |
//!
//! Ports are the interfaces of packet radio in their order. No descriptor, no clock: whoever has the sockets opens and
//! closes programs by their places, brings what they send while [`Agwpe::takes`], and takes [`Agwpe::output`] away.

mod links;
mod monitor;
mod requests;
#[cfg(test)]
mod tests;

use std::time::Instant;

use wanbox_net_ax25::{LinkId, Port};
use wanbox_net_engine::Station;
use wanbox_wire::agwpe::{Frame, kind};
use wanbox_wire::ax25::Call;

use links::Session;

/// The most programs.
pub const MOST_CLIENTS: usize = 32;
/// The most call signs of one.
const MOST_CALLS: usize = 100;
/// The most connections of one.
const MOST_SESSIONS: usize = 256;
/// While more waits for a program than this, octets, nothing of it is read, and its connections' windows close.
const OUTPUT: usize = 64 << 10;
/// Frames are not shown to a program for which more waits than this, octets.
const MOST_OUTPUT: usize = 192 << 10;
/// While more of a program waits for its connections than this, octets, nothing of it is read.
const PENDING: usize = 16 << 10;

/// What was refused, dropped or wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Programs that were let in.
    pub clients: u64,
    /// Programs that were not let in because there were too many.
    pub too_many: u64,
    /// Programs that were closed because what they sent is no frame.
    pub malformed: u64,
    /// Frames of a kind that nobody knows.
    pub unknown: u64,
    /// Frames that ask for what cannot be: ports that are not there, call signs that are none or are others'.
    pub refused: u64,
    /// Frames that were not shown because too much waited for the program.
    pub not_shown: u64,
}

impl Counters {
    /// All of them with their names.
    #[must_use]
    pub const fn listed(&self) -> [(&'static str, u64); 6] {
        [
            ("agwpeClients", self.clients),
            ("agwpeTooMany", self.too_many),
            ("agwpeMalformed", self.malformed),
            ("agwpeUnknown", self.unknown),
            ("agwpeRefused", self.refused),
            ("agwpeNotShown", self.not_shown),
        ]
    }
}

/// A program.
#[derive(Debug, Default)]
struct Client {
    /// What it sent that is no whole frame yet, or was not dealt with.
    input: Vec<u8>,
    /// What waits for it.
    output: Vec<u8>,
    /// Call signs that it took.
    calls: Vec<Call>,
    /// Frames are shown to it, as text and as they are.
    monitors: bool,
    raw: bool,
    /// What it sent is no frame.
    wrong: bool,
}

/// The server.
#[derive(Debug, Default)]
pub struct Agwpe {
    /// What went wrong.
    pub counters: Counters,
    clients: Vec<Option<Client>>,
    sessions: Vec<Session>,
    /// What is read of a connection, or shown, goes here.
    buffer: Vec<u8>,
}

impl Agwpe {
    /// A program has come, to a place below [`MOST_CLIENTS`] where there is none.
    pub fn open(&mut self, place: usize) {
        if place >= self.clients.len() {
            self.clients.resize_with(place + 1, || None);
        }
        if let Some(client) = self.clients.get_mut(place) {
            *client = Some(Client::default());
            self.counters.clients += 1;
        }
    }

    /// A program has gone: its call signs are free, and its connections end when all that it sent before has been
    /// sent on.
    pub fn close(&mut self, now: Instant, station: &mut Station, place: usize) {
        let Some(client) = self.clients.get_mut(place).and_then(Option::take) else {
            return;
        };
        for call in client.calls {
            station.ax25.unregister(call);
        }
        let (gone, rest) = std::mem::take(&mut self.sessions)
            .into_iter()
            .partition(|session: &Session| session.client == place);
        self.sessions = rest;
        let gone: Vec<Session> = gone;
        for mut session in gone {
            // What still has no room in the connection is lost with the program.
            session.pump(now, station);
            station.ax25.release(now, session.link);
        }
        self.set_monitor(station);
    }

    /// Whether what a program sends is taken.
    #[must_use]
    pub fn takes(&self, place: usize) -> bool {
        let client = self.clients.get(place).and_then(Option::as_ref);
        client.is_some_and(|client| !client.wrong && client.output.len() < OUTPUT)
            && self.pending(place) < PENDING
    }

    /// Octets of a program that wait for its connections.
    fn pending(&self, place: usize) -> usize {
        let own = self
            .sessions
            .iter()
            .filter(|session| session.client == place);
        own.map(Session::pending).sum()
    }

    /// A program sent this.
    pub fn receive(&mut self, now: Instant, station: &mut Station, place: usize, octets: &[u8]) {
        if let Some(client) = self.client(place) {
            client.input.extend_from_slice(octets);
        }
        self.work(now, station, place);
    }

    /// Whether what a program sent is no frame: it is to be closed.
    #[must_use]
    pub fn is_wrong(&self, place: usize) -> bool {
        let client = self.clients.get(place).and_then(Option::as_ref);
        client.is_some_and(|client| client.wrong)
    }

    /// Deals with the frames of a program that are there, while it is taken.
    fn work(&mut self, now: Instant, station: &mut Station, place: usize) {
        let Some(client) = self.client(place) else {
            return;
        };
        let mut input = std::mem::take(&mut client.input);
        let mut rest = input.as_slice();
        let mut wrong = false;
        while self.takes(place) {
            match Frame::parse(rest) {
                Ok(Some((frame, length))) => {
                    rest = rest.get(length..).unwrap_or_default();
                    self.request(now, station, place, &frame);
                }
                Ok(None) => break,
                Err(_) => {
                    self.counters.malformed += 1;
                    wrong = true;
                    break;
                }
            }
        }
        let done = input.len() - rest.len();
        input.drain(..done);
        if let Some(client) = self.client(place) {
            client.input = input;
            client.wrong |= wrong;
        }
    }

    fn client(&mut self, place: usize) -> Option<&mut Client> {
        self.clients.get_mut(place).and_then(Option::as_mut)
    }

    /// What waits for a program.
    #[must_use]
    pub fn output(&self, place: usize) -> &[u8] {
        let client = self.clients.get(place).and_then(Option::as_ref);
        client.map_or(&[], |client| &client.output)
    }

    /// So many octets of it were taken.
    pub fn written(&mut self, place: usize, octets: usize) {
        if let Some(client) = self.client(place) {
            client.output.drain(..octets.min(client.output.len()));
        }
    }

    /// Moves data between connections and programs, deals with what programs had sent before, and shows frames that
    /// passed: in every turn, and when [`Agwpe::written`] made room.
    pub fn settle(&mut self, now: Instant, station: &mut Station) {
        self.show(now, station);
        for at in 0..self.sessions.len() {
            self.pull(station, at);
            if let Some(session) = self.sessions.get_mut(at) {
                session.pump(now, station);
            }
        }
        for place in 0..self.clients.len() {
            self.work(now, station, place);
        }
    }

    /// Sends a frame to a program.
    fn tell(&mut self, place: usize, frame: &Frame<'_>) {
        if let Some(client) = self.client(place) {
            frame.append(&mut client.output);
        }
    }

    /// Which program has a call sign.
    fn owner(&self, call: Call) -> Option<usize> {
        self.clients.iter().position(|client| {
            client
                .as_ref()
                .is_some_and(|client| client.calls.contains(&call))
        })
    }

    /// Frames are wanted while somebody monitors.
    fn set_monitor(&self, station: &mut Station) {
        let mut clients = self.clients.iter().flatten();
        let wanted = clients.any(|client| client.monitors || client.raw);
        station.ax25.monitor(wanted);
    }

    /// Tells a program that a connection is there.
    fn tell_connected(&mut self, link: LinkId, words: &str) {
        let found = self.sessions.iter().find(|session| session.link == link);
        if let Some((place, frame)) = found.map(|session| (session.client, session.frame())) {
            let text = format!("*** CONNECTED {words} {}\r\0", frame.remote);
            let frame = Frame {
                data: text.as_bytes(),
                ..frame.told(kind::CONNECT)
            };
            self.tell(place, &frame);
        }
    }
}

/// The number of a port for programs: its place among those of packet radio.
fn number(station: &Station, port: Port) -> u8 {
    let place = station.ax25.ports().position(|(other, _)| other == port);
    place.map_or(u8::MAX, |place| u8::try_from(place).unwrap_or(u8::MAX))
}

/// The port of such a number.
fn port(station: &Station, number: u8) -> Option<Port> {
    let mut ports = station.ax25.ports();
    ports.nth(number.into()).map(|(port, _)| port)
}
