//! The link layer as a value: lines, connections, queues.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_wire::ax25::{Call, Class, Digi, Digis, Header};
use wanbox_wire::lapb::Modulo;

use crate::connection::{Connection, Extended, Parameters};
use crate::counters::Counters;
use crate::event::{Event, Packet};
use crate::heard::Heard;
use crate::input::ahead;
use crate::links::{LinkId, Links, Role};
use crate::port::{Ports, Recent};
use crate::routes::Routes;
use crate::setups::SetUps;
use crate::{Port, PortSettings};

/// UI frames that wait for a line; more are dropped.
const MOST_FRAMES: usize = 64;
/// Packets that wait for the owner.
const MOST_PACKETS: usize = 256;
/// Events that wait for the owner.
const MOST_EVENTS: usize = 4096;
/// Buffers that are kept to be used again.
const MOST_BUFFERS: usize = 64;
/// Call signs of programs.
const MOST_REGISTERED: usize = 256;
/// Frames for monitors that wait.
const MOST_MONITORED: usize = 256;

/// What is done with frames that are to be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digipeat {
    /// Nothing.
    Off,
    /// They are repeated.
    Repeat,
    /// UI frames are repeated; for connections there is one with each end, with acknowledgements of its own.
    #[default]
    Link,
}

/// What may have frames to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The frames that wait for a line.
    Port(Port),
    /// A connection.
    Link(LinkId),
}

/// Which way a frame for monitors goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It was received.
    Received,
    /// It was sent.
    Sent,
}

/// The link layer.
#[derive(Debug)]
pub struct Ax25 {
    /// What new connections begin with; [`Ax25::set_parameters`] changes it.
    pub parameters: Parameters,
    /// `ax25 digipeat`.
    pub digipeat: Digipeat,
    /// `ax25 ignoretos`: datagrams are as if they had no type of service.
    pub ignore_tos: bool,
    /// Sessions of others are taken (`start ax25`).
    pub listens: bool,
    /// How stations are reached.
    pub routes: Routes,
    /// Who was heard.
    pub heard: Heard,
    /// For whom there were frames.
    pub destinations: Heard,
    /// What came, went and was dropped.
    pub counters: Counters,
    pub(crate) ports: Ports,
    /// What came in on each line.
    recent: Vec<Recent>,
    pub(crate) registered: Vec<Call>,
    pub(crate) links: Links,
    pub(crate) set_ups: SetUps,
    /// Frames that wait for lines.
    pub(crate) queues: Vec<VecDeque<Vec<u8>>>,
    /// What may have frames to send, in the order of turns.
    pub(crate) pending: VecDeque<Source>,
    inbox: VecDeque<(Packet, Vec<u8>)>,
    events: VecDeque<Event>,
    pool: Vec<Vec<u8>>,
    /// Every frame is wanted, and those that wait.
    monitored: Option<VecDeque<(Port, Way, Vec<u8>)>>,
    start: Instant,
}

impl Ax25 {
    /// Without lines.
    #[must_use]
    pub fn new(now: Instant, parameters: Parameters) -> Self {
        Self {
            parameters,
            digipeat: Digipeat::default(),
            ignore_tos: false,
            listens: false,
            routes: Routes::default(),
            heard: Heard::default(),
            destinations: Heard::default(),
            counters: Counters::default(),
            ports: Ports::default(),
            recent: Vec::new(),
            registered: Vec::new(),
            links: Links::default(),
            set_ups: SetUps::default(),
            queues: Vec::new(),
            pending: VecDeque::new(),
            inbox: VecDeque::new(),
            events: VecDeque::new(),
            pool: Vec::new(),
            monitored: None,
            start: now,
        }
    }

    /// Sets what is known of a line.
    pub fn set_port(&mut self, port: Port, settings: PortSettings) {
        self.ports.set(port, Some(settings));
    }

    /// A line is no more one of AX.25: frames of connections that are left on it vanish.
    pub fn remove_port(&mut self, port: Port) {
        self.ports.set(port, None);
        self.routes.remove_port(port);
        if let Some(queue) = self.queues.get_mut(port.index()) {
            queue.clear();
        }
        for link in self.links.iter_mut() {
            link.port = link.port.filter(|of| *of != port);
        }
    }

    /// What is known of a line.
    #[must_use]
    pub fn port(&self, port: Port) -> Option<&PortSettings> {
        self.ports.get(port)
    }

    /// So many octets came in on a line; what came there in the last two minutes.
    pub(crate) fn came(&mut self, now: Instant, port: Port, octets: usize) -> u64 {
        let seconds = self.seconds(now);
        let at = port.index();
        if at >= self.recent.len() && self.ports.get(port).is_some() {
            self.recent.resize(at + 1, Recent::default());
        }
        let recent = self.recent.get_mut(at);
        recent.map_or(0, |recent| recent.count(seconds, octets))
    }

    /// Octets of frames that came in on a line in the last two minutes, or a little less.
    pub fn recent(&mut self, now: Instant, port: Port) -> u64 {
        self.came(now, port, 0)
    }

    /// All lines.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &PortSettings)> {
        self.ports.iter()
    }

    /// Takes a call sign for a program: its connections are told at once. That of a line is the line's besides.
    /// `false`: another program has it, or there are too many.
    pub fn register(&mut self, call: Call) -> bool {
        let taken = self.registered.contains(&call) || call.is_none() || call.is_multicast();
        if taken || self.registered.len() >= MOST_REGISTERED {
            return false;
        }
        self.registered.push(call);
        true
    }

    /// Gives the call sign of a program back. Its connections stay.
    pub fn unregister(&mut self, call: Call) {
        self.registered.retain(|known| *known != call);
    }

    /// Whether a call sign is that of a line or a program.
    #[must_use]
    pub fn is_own(&self, call: Call) -> bool {
        self.ports.has_call(call) || self.registered.contains(&call)
    }

    /// Whether every frame is wanted ([`Ax25::poll_monitor`]).
    pub fn monitor(&mut self, wanted: bool) {
        self.monitored = wanted.then(|| self.monitored.take().unwrap_or_default());
    }

    /// The next frame that passed, written over `frame`. Those that nobody takes are lost.
    pub fn poll_monitor(&mut self, frame: &mut Vec<u8>) -> Option<(Port, Way)> {
        let (port, way, mut octets) = self.monitored.as_mut()?.pop_front()?;
        std::mem::swap(frame, &mut octets);
        self.give(octets);
        Some((port, way))
    }

    /// How the frames of a connection are counted, of which this one passed on a line: `None`, when its set-up was not
    /// heard.
    #[must_use]
    pub fn modulo(&self, port: Port, header: &Header) -> Option<Modulo> {
        self.set_ups.modulo(port, header)
    }

    pub(crate) fn show(&mut self, port: Port, way: Way, frame: &[u8]) {
        if self
            .monitored
            .as_ref()
            .is_some_and(|waiting| waiting.len() < MOST_MONITORED)
        {
            let mut octets = self.take();
            octets.extend_from_slice(frame);
            if let Some(waiting) = &mut self.monitored {
                waiting.push_back((port, way, octets));
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        } else {
            self.counters.events_lost += 1;
        }
    }

    /// The next packet for another layer; it is written over `octets`.
    pub fn poll_packet(&mut self, octets: &mut Vec<u8>) -> Option<Packet> {
        let (packet, mut received) = self.inbox.pop_front()?;
        std::mem::swap(octets, &mut received);
        self.give(received);
        Some(packet)
    }

    /// A packet for another layer.
    pub(crate) fn put(&mut self, packet: Packet, octets: &[u8]) {
        if self.inbox.len() >= MOST_PACKETS {
            self.counters.inbox_full += 1;
            return;
        }
        let mut buffer = self.take();
        buffer.extend_from_slice(octets);
        self.inbox.push_back((packet, buffer));
    }

    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.pool.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if self.pool.len() < MOST_BUFFERS {
            buffer.clear();
            self.pool.push(buffer);
        }
    }

    /// Seconds since the start, as routes have them.
    #[must_use]
    pub fn seconds(&self, now: Instant) -> i64 {
        now.saturating_duration_since(self.start).as_secs() as i64
    }

    /// Where a frame leaves and what is before it: what was behind our own call sign among the digipeaters, and
    /// those before it no more; what the routes put in between; and our call sign on the line. `via`: the line
    /// is settled.
    pub(crate) fn path(
        &self,
        source: Option<Call>,
        digis: &[Digi],
        destination: Call,
        via: Option<Port>,
    ) -> Option<(Port, Header)> {
        let own = digis.iter().rposition(|digi| self.is_own(digi.call));
        let rest = own.map_or(digis, |at| digis.get(at + 1..).unwrap_or_default());
        let ours = usize::from(own.is_some());
        let target = rest.first().map_or(destination, |digi| digi.call);
        let room = Digis::MOST - ours - rest.len();
        let (between, port) = match (self.routes.path(target, room), via) {
            (_, Some(port)) if !rest.is_empty() || target.is_multicast() => (Digis::NONE, port),
            (Some((between, _)), Some(port)) => (between, port),
            (Some(found), None) => found,
            // Neither a route nor the table's idea of one: directly.
            (None, Some(port)) => (Digis::NONE, port),
            (None, None) => return None,
        };
        let port = self.ports.line(port);
        let call = self.ports.call(port)?;
        let repeated = own.map(|_| Digi {
            call,
            repeated: true,
        });
        let ahead = between.iter().chain(rest).map(|digi| Digi::new(digi.call));
        let mut header = Header::new(destination, source.unwrap_or(call), Class::Command);
        header.digis = in_turn(repeated.into_iter().chain(ahead));
        Some((port, header))
    }

    /// The same where the line is settled and the digipeaters are all there are.
    pub(crate) fn exactly(
        &self,
        source: Option<Call>,
        digis: &[Call],
        destination: Call,
        port: Port,
    ) -> Option<(Port, Header)> {
        let line = self.ports.line(port);
        let call = self.ports.call(line)?;
        let mut header = Header::new(destination, source.unwrap_or(call), Class::Command);
        header.digis = in_turn(digis.iter().copied().map(Digi::new));
        Some((line, header))
    }

    /// A connection for this path, disconnected, with the parameters for its station.
    pub(crate) fn connection(&self, header: &Header, role: Role) -> Connection {
        let mut parameters = self.parameters;
        // Who waits for a station's other half gives up before one that does not answer SABME is asked for modulo 8.
        if parameters.extended == Extended::Offered && role != Role::Own {
            parameters.extended = Extended::Accepted;
        }
        if let Some(extended) = self.routes.extended(header.destination) {
            parameters.extended = extended;
        }
        Connection::new(&parameters, ahead(&header.digis))
    }

    /// Puts a frame into the queue of a line. `false`: too many wait.
    pub(crate) fn enqueue(&mut self, port: Port, frame: Vec<u8>) -> bool {
        let at = port.index();
        if at >= self.queues.len() {
            self.queues.resize_with(at + 1, VecDeque::new);
        }
        let Some(queue) = self.queues.get_mut(at) else {
            return false;
        };
        if queue.len() >= MOST_FRAMES {
            self.counters.queue_full += 1;
            self.give(frame);
            return false;
        }
        if queue.is_empty() {
            self.pending.push_back(Source::Port(port));
        }
        queue.push_back(frame);
        true
    }

    /// Frames that wait for a line, without those of connections.
    #[must_use]
    pub fn queued(&self, port: Port) -> usize {
        self.queues.get(port.index()).map_or(0, VecDeque::len)
    }
}

/// Digipeaters in the order of their turns: the first eight of them.
pub(crate) fn in_turn(digis: impl Iterator<Item = Digi>) -> Digis {
    let mut all = Digis::NONE;
    for digi in digis {
        if !all.push(digi) {
            break;
        }
    }
    all
}
