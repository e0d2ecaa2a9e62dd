//! X.25 as one device: LAPB, the packet layer above it, and whose circuits those are.
//!
//! | part | what it holds |
//! |---|---|
//! | `port`, `packets`, `calls`, `carries` | an interface with its circuit ([`Port`]): IP over X.25 (RFC 1356), or an application's messages |
//! | `incoming` | who takes a call of the peer |
//! | `applications` | circuits of applications, which have the packet layer for themselves |
//! | `notes` | what people read of calls |
//!
//! A switched circuit of an interface is there on demand: the first packet places the call and
//! waits with its owner until the circuit carries it; silence clears the call; one that failed is
//! not repeated for a while. What a circuit does not take waits, too ([`Refusal::Full`]), so that
//! nothing is lost between here and there, and TCP of the host notices.
//!
//! LAPB is wanted as long as the line has its carrier. Every time it begins anew, the packet layer
//! restarts.

mod applications;
mod calls;
mod carries;
mod incoming;
mod notes;
mod packets;
mod pattern;
mod port;

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_link::lapb::{self, Link};
use wanbox_link::range::BadParameter;
use wanbox_link::x25::{Call, Down, Event as Told, Layer};
use wanbox_wire::x25::Lci;

use crate::{Cause, ChannelId, Delivery, Engine, Event, Header, Marks, PayloadKind, Push, Refusal};

pub use applications::{ApplicationEvent, Owner};
pub use carries::Encapsulation;
pub use incoming::Accept;
pub use notes::{Note, What};
pub use pattern::Pattern;
pub use port::{Circuit, Port, PortConfig, PortCounters, State};

use applications::Applications;
use notes::Notes;

/// Circuits that one device can have, and so places in tables by channel.
const PLACES: usize = Lci::MAX.get() as usize + 1;

/// What an X.25 device works with.
#[derive(Clone, Debug)]
pub struct Config {
    /// LAPB; `None`: what comes over the line are packets (X.25 over TCP).
    pub lapb: Option<(wanbox_wire::lapb::Role, lapb::Parameters)>,
    /// The packet layer; `None`: one interface has LAPB for itself.
    pub packets: Option<wanbox_link::x25::Parameters>,
}

/// Why there can be no such device, or interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A parameter of LAPB is out of its range.
    Lapb(BadParameter),
    /// One of the packet layer is.
    Packets(BadParameter),
    /// Neither LAPB nor a packet layer.
    Nothing,
    /// The channel exists.
    Exists,
    /// Not a permanent circuit of this link.
    NoSuchCircuit(Lci),
    /// The permanent circuit is taken.
    Taken(Lci),
    /// Circuits on a link without packet layer, or the reverse; a second interface there.
    NoPacketLayer,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lapb(bad) => bad.fmt(f),
            Self::Packets(bad) => bad.fmt(f),
            Self::Nothing => f.write_str("a line without LAPB has the packet layer"),
            Self::Exists => f.write_str("there is such a channel already"),
            Self::NoSuchCircuit(channel) => write!(f, "there is no permanent circuit {channel}"),
            Self::Taken(channel) => write!(f, "the permanent circuit {channel} is taken"),
            Self::NoPacketLayer => f.write_str("LAPB without packet layer has one interface"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// What the device as a whole counts. Circuits have counters of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls that nobody here took.
    pub calls_refused: u64,
    /// Packets of circuits that nobody has.
    pub unclaimed: u64,
    /// Frames and packets while the line was down.
    pub rx_without_carrier: u64,
    /// Packets that LAPB did not take; never expected.
    pub lapb_refused: u64,
    /// Diagnostic packets of the network.
    pub diagnostics: u64,
    /// Notes that nobody fetched in time.
    pub notes_lost: u64,
    /// Packets refused because the link was down.
    pub tx_link_down: u64,
    /// Packets for a channel that there is not.
    pub tx_no_channel: u64,
}

/// Who has a logical channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holder {
    /// Nobody: it is free, or ends.
    #[default]
    Nobody,
    /// An interface.
    Port(ChannelId),
    /// An application.
    Application(Owner),
}

/// One X.25 device.
#[derive(Debug)]
pub struct X25 {
    link: Option<Link>,
    layer: Option<Layer>,
    ports: Vec<Option<Port>>,
    holders: Vec<Holder>,
    applications: Applications,
    events: VecDeque<Event>,
    notes: Notes,
    /// Circuits of interfaces that have packets to read.
    readable: VecDeque<Lci>,
    /// A packet on its way from layer to layer.
    packet: Vec<u8>,
    carrier: bool,
    /// No set-ups any more: the device ends.
    closing: bool,
    /// The device carries data: the packet layer is ready, or LAPB alone is up.
    up: bool,
    /// When LAPB is set up again.
    reconnect: Option<Instant>,
    /// The earliest that an interface can have been idle for too long.
    idle_check: Option<Instant>,
    /// The time as it was told last.
    now: Instant,
    last_down: Option<DownCause>,
    counters: Counters,
}

/// Why the link was last seen going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownCause {
    /// LAPB.
    Lapb(lapb::Cause),
    /// The packet layer.
    Packets(Down),
}

impl X25 {
    /// A device whose line is down.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: Config, now: Instant) -> Result<Self, ConfigError> {
        let link = match config.lapb {
            Some((role, parameters)) => {
                Some(Link::new(role, parameters).map_err(ConfigError::Lapb)?)
            }
            None => None,
        };
        let layer = match config.packets {
            Some(parameters) => Some(Layer::new(parameters).map_err(ConfigError::Packets)?),
            None => None,
        };
        if link.is_none() && layer.is_none() {
            return Err(ConfigError::Nothing);
        }
        Ok(Self {
            link,
            layer,
            ports: Vec::new(),
            holders: Vec::new(),
            applications: Applications::default(),
            events: VecDeque::new(),
            notes: Notes::default(),
            readable: VecDeque::new(),
            packet: Vec::new(),
            carrier: false,
            closing: false,
            up: false,
            reconnect: None,
            idle_check: None,
            now,
            last_down: None,
            counters: Counters::default(),
        })
    }

    /// The device carries data.
    pub fn link_up(&self) -> bool {
        self.up
    }

    /// Its data link.
    pub fn lapb(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// Its packet layer.
    pub fn layer(&self) -> Option<&Layer> {
        self.layer.as_ref()
    }

    /// Its counters.
    pub fn counters(&self) -> Counters {
        Counters {
            notes_lost: self.notes.lost(),
            ..self.counters
        }
    }

    /// Counts from 0 again what is counted here.
    pub fn flush(&mut self) {
        self.counters = Counters::default();
        for port in self.ports.iter_mut().flatten() {
            port.counters = PortCounters::default();
        }
    }

    /// Why it is not up, or was not.
    pub fn last_down(&self) -> Option<DownCause> {
        self.last_down
    }

    /// An interface's circuit.
    pub fn port(&self, channel: ChannelId) -> Option<&Port> {
        self.ports.get(usize::from(channel.0))?.as_ref()
    }

    /// Something for people to read, oldest first.
    pub fn poll_note(&mut self) -> Option<Note> {
        self.notes.pop()
    }

    /// The time, for what is sent now; and what came of the use of circuits is taken in.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
        self.settle();
    }

    /// The data link begins anew, and with it all circuits.
    pub fn reset_link(&mut self, now: Instant) {
        self.now = now;
        if let Some(link) = &mut self.link {
            link.engine_mut().reset(now);
        }
        self.settle();
    }

    /// The packet layer begins anew.
    ///
    /// # Errors
    /// It is not there, or not up.
    pub fn restart(
        &mut self,
        now: Instant,
        cause: u8,
        diagnostic: u8,
    ) -> Result<(), wanbox_link::x25::Refusal> {
        self.now = now;
        let layer = self.layer.as_mut();
        let restarted = layer.map_or(Err(wanbox_link::x25::Refusal::Down), |layer| {
            layer.restart(now, cause, diagnostic)
        });
        self.settle();
        restarted
    }

    /// The device ends: the peer is told.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.closing = true;
        self.reconnect = None;
        if let Some(link) = &mut self.link {
            link.engine_mut().disconnect(now);
        }
        self.settle();
    }

    fn set_up(&mut self, up: bool, cause: Cause) {
        if up == self.up {
            return;
        }
        self.up = up;
        self.events.push_back(if up {
            Event::LinkUp
        } else {
            Event::LinkDown(cause)
        });
    }

    /// Takes in what LAPB and the packet layer say, until both are silent.
    fn settle(&mut self) {
        loop {
            if let Some(event) = self
                .link
                .as_mut()
                .and_then(|link| link.engine_mut().poll_event())
            {
                self.lapb_event(event);
                continue;
            }
            match self.layer.as_mut().and_then(Layer::poll_event) {
                Some(event) => self.layer_event(event),
                None => break,
            }
        }
        if self.layer.is_none() {
            self.follow_room();
        }
    }

    fn lapb_event(&mut self, event: lapb::Event) {
        let now = self.now;
        match event {
            lapb::Event::Up => {
                self.reconnect = None;
                match &mut self.layer {
                    Some(layer) => layer.link_up(now),
                    None => self.alone(true, Cause::Closed),
                }
            }
            lapb::Event::Reset(cause) => {
                self.last_down = Some(DownCause::Lapb(cause));
                self.notes.push(None, None, What::LapbReset(cause));
                match &mut self.layer {
                    Some(layer) => layer.link_up(now),
                    // What was under way is gone, and who waits may go on.
                    None => self.tell_room(),
                }
            }
            lapb::Event::Down(cause) => {
                self.last_down = Some(DownCause::Lapb(cause));
                if self.carrier && !self.closing {
                    let t1 = self.link.as_ref().map(|link| link.engine().parameters().t1);
                    self.reconnect = t1.map(|t1| now + t1);
                }
                match &mut self.layer {
                    Some(layer) => layer.link_down(now),
                    None => self.alone(false, of_lapb(cause)),
                }
            }
        }
    }

    /// LAPB without packet layer came up or went down.
    fn alone(&mut self, up: bool, cause: Cause) {
        self.set_up(up, cause);
        for (place, port) in self.ports.iter_mut().enumerate() {
            if let Some(port) = port {
                port.set_link(up);
                if up {
                    self.events
                        .push_back(Event::ChannelUp(ChannelId(place as u16)));
                }
            }
        }
        self.tell_room();
    }

    /// Whoever waits tries again.
    fn tell_room(&mut self) {
        for (place, port) in self.ports.iter_mut().enumerate() {
            if port.as_mut().is_some_and(Port::stop_waiting) {
                self.events.push_back(Event::Room(ChannelId(place as u16)));
            }
        }
    }

    /// LAPB without packet layer has room again.
    fn follow_room(&mut self) {
        let room = self.link.as_ref().map_or(0, |link| link.engine().room());
        if room > 0 {
            self.tell_room();
        }
    }

    fn layer_event(&mut self, event: Told) {
        match event {
            Told::Up => {
                self.set_up(true, Cause::Closed);
                self.permanent_circuits();
            }
            Told::Down(down) => {
                if !(down == Down::Link && matches!(self.last_down, Some(DownCause::Lapb(_)))) {
                    self.last_down = Some(DownCause::Packets(down));
                }
                self.all_ports_down();
                let cause = match (down, self.last_down) {
                    _ if !self.carrier => Cause::Carrier,
                    (Down::Link, Some(DownCause::Lapb(cause))) => of_lapb(cause),
                    (Down::NoAnswer, _) => Cause::Keepalive,
                    _ => Cause::Closed,
                };
                self.set_up(false, cause);
                if let Down::Peer { cause, diagnostic } = down {
                    let what = What::Restarted { cause, diagnostic };
                    self.notes.push(None, None, what);
                }
                self.tell_room();
            }
            Told::Incoming { channel, call } => self.incoming(channel, call),
            Told::Diagnostic { code, .. } => {
                self.counters.diagnostics += 1;
                self.notes.push(None, None, What::Diagnostic(code));
            }
            event => self.circuit_event(event),
        }
    }

    /// Something happened on a circuit: it is its holder's.
    fn circuit_event(&mut self, event: Told) {
        let Some(channel) = applications::channel_of(&event) else {
            return;
        };
        match self.holder(channel) {
            Holder::Port(id) => self.port_event(id, channel, event),
            Holder::Application(owner) => self.application_event(owner, channel, event),
            Holder::Nobody => match event {
                // What ends has nothing more to say.
                Told::ClearConfirmed(_) | Told::Cleared { .. } | Told::Writable(_) => {}
                // A permanent circuit that no interface and no application has: what comes is read
                // and dropped, or its window would stay closed for the next one.
                Told::Readable(_) => self.drop_unclaimed(channel),
                Told::Interrupt { .. } => {
                    if let Some(layer) = &mut self.layer {
                        // It was there a moment ago.
                        let _ = layer.confirm_interrupt(self.now, channel);
                    }
                }
                _ => {}
            },
        }
    }

    /// Whether every circuit of an interface is there once: for fuzzing.
    pub(crate) fn is_consistent(&self) -> bool {
        self.ports.iter().enumerate().all(|(place, port)| {
            let state = port.as_ref().map(Port::state);
            match state {
                Some(State::Calling(channel) | State::Up(channel)) => {
                    self.holder(channel) == Holder::Port(ChannelId(place as u16))
                }
                _ => true,
            }
        })
    }

    fn drop_unclaimed(&mut self, channel: Lci) {
        let Some(layer) = &mut self.layer else {
            return;
        };
        self.packet.clear();
        while layer.read(self.now, channel, &mut self.packet).is_some() {
            self.counters.unclaimed += 1;
            self.packet.clear();
        }
    }

    /// Who has this logical channel.
    pub fn holder(&self, channel: Lci) -> Holder {
        let place = usize::from(channel.get());
        self.holders.get(place).copied().unwrap_or_default()
    }

    fn set_holder(&mut self, channel: Lci, holder: Holder) {
        let place = usize::from(channel.get()).min(PLACES - 1);
        if self.holders.len() <= place {
            self.holders.resize(place + 1, Holder::Nobody);
        }
        if let Some(slot) = self.holders.get_mut(place) {
            *slot = holder;
        }
    }

    /// Clears a call; what the layer still says of it concerns nobody.
    fn clear(&mut self, channel: Lci, cause: u8, diagnostic: u8) {
        self.set_holder(channel, Holder::Nobody);
        if let Some(layer) = &mut self.layer {
            // A call that is no longer there needs no clearing.
            let _ = layer.clear(self.now, channel, cause, diagnostic, &Call::default());
        }
    }
}

/// What LAPB's going down means to the host.
fn of_lapb(cause: lapb::Cause) -> Cause {
    match cause {
        lapb::Cause::Line => Cause::Carrier,
        lapb::Cause::NoAnswer => Cause::Keepalive,
        _ => Cause::Closed,
    }
}

impl Engine for X25 {
    fn carrier(&mut self, now: Instant, up: bool) {
        self.now = now;
        if up == self.carrier {
            return;
        }
        self.carrier = up;
        self.reconnect = None;
        match (&mut self.link, &mut self.layer) {
            (Some(link), _) if up && !self.closing => link.engine_mut().connect(now),
            (Some(link), _) => link.engine_mut().line_down(),
            (None, Some(layer)) if up => layer.link_up(now),
            (None, Some(layer)) => layer.link_down(now),
            (None, None) => {}
        }
        self.settle();
    }

    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>> {
        self.now = now;
        if !self.carrier {
            self.counters.rx_without_carrier += 1;
            return None;
        }
        let packet = match &mut self.link {
            Some(link) => link.receive(now, frame),
            None => Some(frame),
        };
        let mut delivery = None;
        if let Some(packet) = packet {
            // What LAPB said before this packet comes before it.
            while let Some(event) = self
                .link
                .as_mut()
                .and_then(|link| link.engine_mut().poll_event())
            {
                self.lapb_event(event);
            }
            match &mut self.layer {
                Some(layer) => layer.receive(now, packet),
                None => delivery = self.deliver_alone(packet),
            }
        }
        self.settle();
        delivery
    }

    /// Packets go by [`Engine::send`]: a header alone is no packet of a circuit.
    fn encapsulate(
        &mut self,
        _now: Instant,
        _channel: ChannelId,
        _kind: PayloadKind,
        _octets: usize,
    ) -> Result<Header, Refusal> {
        Err(Refusal::Unsupported)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if let Some(link) = &mut self.link {
            link.engine_mut().handle_timeout(now);
            if self.reconnect.is_some_and(|at| at <= now) {
                self.reconnect = None;
                link.engine_mut().connect(now);
            }
        }
        if let Some(layer) = &mut self.layer {
            layer.handle_timeout(now);
        }
        self.settle();
        if self.idle_check.is_some_and(|at| at <= now) {
            self.clear_idle();
            self.settle();
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let lapb = self.link.as_ref().and_then(|l| l.engine().poll_timeout());
        let layer = self.layer.as_ref().and_then(Layer::poll_timeout);
        [lapb, layer, self.reconnect, self.idle_check]
            .into_iter()
            .flatten()
            .min()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        let now = self.now;
        let Some(link) = &mut self.link else {
            return self
                .layer
                .as_mut()
                .is_some_and(|layer| layer.poll_transmit(now, frame));
        };
        if let Some(layer) = &mut self.layer {
            while link.engine().room() > 0 && layer.poll_transmit(now, &mut self.packet) {
                if link.engine_mut().send(now, &self.packet).is_err() {
                    self.counters.lapb_refused += 1;
                }
            }
        }
        link.poll_transmit(now, frame)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        _push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        self.now = now;
        let sent = self.send_packet(channel, kind, packet);
        self.settle();
        sent
    }

    fn poll_packet(&mut self, packet: &mut Vec<u8>) -> Option<(ChannelId, PayloadKind)> {
        self.read_packet(packet)
    }
}

/// What a packet that says itself what it is, is.
fn kind_of(packet: &[u8]) -> PayloadKind {
    match packet.first().map(|first| first >> 4) {
        Some(4) => PayloadKind::Ipv4,
        Some(6) => PayloadKind::Ipv6,
        _ => PayloadKind::Raw(Marks::default()),
    }
}

#[cfg(test)]
mod tests;
