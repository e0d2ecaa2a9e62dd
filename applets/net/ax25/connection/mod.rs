//! One connection of AX.25 (version 2.2 sections 4 and 6), without addresses. The procedures are
//! those of the LAPB engine (`wanbox_link::lapb`); around them are PIDs, a receive window of octets,
//! and the timers that AX.25 alone has.

pub mod fuzz;
mod negotiation;
mod parameters;
mod status;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_link::lapb::{Engine, Phase};
use wanbox_wire::ax25::{Class, pid};
use wanbox_wire::lapb::Direction;

use negotiation::Negotiation;
pub use parameters::{Extended, Parameters};
use parameters::{MOST, millis};
pub use status::{State, Status, TimerStatus};
pub use wanbox_link::lapb::{Cause, Counters, Refusal};

/// A peer that is busy for longer than this is disconnected.
const BUSY_LIMIT: Duration = Duration::from_secs(900);
/// Octets beyond the window that a peer may send which does not obey RNR.
const BEYOND: usize = 16 * 1024;
/// The control fields of SABM and SABME with any P.
const SET_MODE: [u8; 4] = [0x2f, 0x3f, 0x6f, 0x7f];

/// Something the owner must know, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection is set up.
    Up,
    /// The peer wants to be set up, and [`Connection::ask`] wanted to know: [`Connection::accept`]
    /// or [`Connection::refuse`] answers. Comes again when the peer repeats it.
    Asked,
    /// The connection began anew. What was not acknowledged is sent again: the peer may get it
    /// twice.
    Reset(Cause),
    /// The connection is down, or could not be set up. What waited to be sent is forgotten; what
    /// came can still be read.
    Down(Cause),
}

/// A connection. Times come in as values; see [`Connection::poll_timeout`].
#[derive(Debug)]
pub struct Connection {
    engine: Engine,
    parameters: Parameters,
    /// Whether set-ups of the peer are told to the owner.
    asking: bool,
    /// The set-up that waits for [`Connection::accept`]: its control field.
    asked: Option<u8>,
    tell_asked: bool,
    /// Whether to disconnect as soon as nothing waits to be sent.
    closing: bool,
    received: VecDeque<(u8, Vec<u8>)>,
    /// Octets in `received`.
    octets: usize,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    /// Since when the peer is busy.
    busy_since: Option<Instant>,
    t5: Option<Instant>,
    /// Whether this end set the connection up, and whether it is up.
    begun_here: bool,
    connected: bool,
    negotiation: Negotiation,
}

impl Connection {
    /// A disconnected connection that refuses to be set up until [`Connection::connect`],
    /// [`Connection::listen`] or [`Connection::ask`]. The path has so many digipeaters ahead of us.
    #[must_use]
    pub fn new(parameters: &Parameters, digis_ahead: u8) -> Self {
        Self {
            engine: parameters.engine(digis_ahead),
            parameters: Parameters {
                paclen: parameters.paclen.clamp(1, MOST),
                ..*parameters
            },
            asking: false,
            asked: None,
            tell_asked: false,
            closing: false,
            received: VecDeque::new(),
            octets: 0,
            spare: Vec::new(),
            busy_since: None,
            t5: None,
            begun_here: false,
            connected: false,
            negotiation: Negotiation::default(),
        }
    }

    /// The connection is wanted: it is set up. [`Event::Up`] or [`Event::Down`] follows.
    pub fn connect(&mut self, now: Instant) {
        self.asking = false;
        self.closing = false;
        self.begun_here |= self.engine.phase() == Phase::Disconnected;
        self.engine.connect(now);
    }

    /// Set-ups of the peer are accepted from now on.
    pub fn listen(&mut self) {
        self.asking = false;
        self.engine.listen();
    }

    /// Set-ups of the peer are told to the owner from now on, who answers them.
    pub fn ask(&mut self) {
        self.asking = true;
    }

    /// The peer that asked gets UA, and the connection is up.
    pub fn accept(&mut self, now: Instant) {
        self.listen();
        self.answer(now);
    }

    /// The peer that asked gets DM.
    pub fn refuse(&mut self, now: Instant) {
        self.asking = false;
        self.answer(now);
    }

    fn answer(&mut self, now: Instant) {
        if let Some(control) = self.asked.take() {
            self.receive(now, Class::Command, &[control]);
        }
    }

    /// The connection is not wanted any more. What waits is sent before; with a second call it is
    /// not. While it is being set up or disconnected it is down at once.
    pub fn close(&mut self, now: Instant) {
        match self.engine.phase() {
            Phase::Setup | Phase::Disconnecting => self.engine.abandon(),
            _ if self.engine.waiting() > 0 && !self.closing => self.closing = true,
            _ => self.engine.disconnect(now),
        }
        self.settle(now);
    }

    /// The connection is down at once, and the peer is not told.
    pub fn reset(&mut self, now: Instant) {
        self.engine.abandon();
        self.settle(now);
    }

    /// As if T1 had run out: what is not acknowledged is asked for at once.
    pub fn kick(&mut self, now: Instant) {
        self.engine.kick(now);
        self.settle(now);
    }

    /// Other values of [`Parameters::maxframe`], [`Parameters::maxframe_extended`] and
    /// [`Parameters::blimit`]; all others are those that it was made with.
    pub fn set_live(&mut self, parameters: &Parameters) {
        let Parameters {
            maxframe,
            maxframe_extended,
            blimit,
            ..
        } = *parameters;
        self.parameters = Parameters {
            maxframe,
            maxframe_extended,
            blimit,
            ..self.parameters
        };
        let (k, k_extended) = (self.parameters.k(), self.parameters.k_extended());
        self.engine.set_live(k, k_extended, blimit);
    }

    /// Takes a packet to send, behind those that wait: its PID and at most 2048 octets. Cutting to
    /// [`Parameters::paclen`] is the owner's.
    ///
    /// # Errors
    /// Why it is not taken; counted.
    pub fn send(&mut self, now: Instant, pid: u8, packet: &[u8]) -> Result<(), Refusal> {
        if self.closing {
            return Err(Refusal::Down);
        }
        self.engine.send_parts(now, &[pid], packet)
    }

    /// How many more packets [`Connection::send`] takes.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.closing { 0 } else { self.engine.room() }
    }

    /// Packets that are not acknowledged, sent or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.engine.waiting()
    }

    /// Octets that wait to be read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.octets
    }

    /// The next packet that came, appended to `packet`; returns its PID.
    pub fn read(&mut self, packet: &mut Vec<u8>) -> Option<u8> {
        self.take(0, packet)
    }

    /// The next packet that is no text, appended to `packet`: text that nobody has read is not in
    /// its way.
    pub fn read_packet(&mut self, packet: &mut Vec<u8>) -> Option<u8> {
        let is_packet = |(pid, _): &(u8, Vec<u8>)| *pid != pid::TEXT;
        let place = self.received.iter().position(is_packet)?;
        self.take(place, packet)
    }

    fn take(&mut self, place: usize, packet: &mut Vec<u8>) -> Option<u8> {
        let (pid, mut octets) = self.received.remove(place)?;
        packet.extend_from_slice(&octets);
        self.octets -= octets.len();
        octets.clear();
        self.spare.push(octets);
        self.tell_window();
        Some(pid)
    }

    /// The peer is told to wait while too much waits here.
    fn tell_window(&mut self) {
        let window = usize::from(self.parameters.window);
        self.engine.set_full(self.octets >= window + BEYOND);
        self.engine.set_busy(self.octets >= window);
    }

    /// A frame came: its class, and what follows its addresses.
    pub fn receive(&mut self, now: Instant, class: Class, unit: &[u8]) {
        if self.asking && self.engine.phase() == Phase::Disconnected {
            let set_mode = unit.first().filter(|control| SET_MODE.contains(*control));
            if let Some(control) = set_mode {
                self.asked = Some(*control);
                self.tell_asked = true;
                return;
            }
        }
        if self.receive_management(class, unit) {
            return;
        }
        let packet = match class {
            Class::Command => self.engine.receive(now, Direction::Command, unit),
            Class::Response => self.engine.receive(now, Direction::Response, unit),
            Class::Unknown => self.engine.receive_unclassed(now, unit),
        };
        if let Some(packet) = packet {
            self.deliver(now, packet);
            while let Some(kept) = self.engine.next_kept() {
                self.deliver(now, &kept);
            }
            self.tell_window();
        }
        self.settle(now);
        self.limit_busy(now);
    }

    /// A packet with its PID; one without is none.
    fn deliver(&mut self, now: Instant, packet: &[u8]) {
        self.start_t5(now);
        let Some((&pid, information)) = packet.split_first() else {
            return;
        };
        let mut octets = self.spare.pop().unwrap_or_default();
        octets.extend_from_slice(information);
        self.octets += octets.len();
        self.received.push_back((pid, octets));
    }

    /// A peer that is busy for ever is left.
    fn limit_busy(&mut self, now: Instant) {
        if !self.engine.peer_busy() || self.engine.phase() != Phase::Information {
            self.busy_since = None;
            return;
        }
        let since = *self.busy_since.get_or_insert(now);
        if now.saturating_duration_since(since) > BUSY_LIMIT {
            self.engine.disconnect(now);
        }
    }

    /// The next frame to send: control field, PID and information are appended to `frame`, and its
    /// class is returned.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> Option<Class> {
        if let Some(class) = self.transmit_management(now, frame) {
            return Some(class);
        }
        let start = frame.len();
        let direction = self.engine.poll_transmit(now, frame)?;
        if frame.get(start).is_some_and(|control| control & 1 == 0) {
            self.start_t5(now);
        }
        Some(match direction {
            Direction::Command => Class::Command,
            Direction::Response => Class::Response,
        })
    }

    fn start_t5(&mut self, now: Instant) {
        let t5 = self.parameters.t5;
        self.t5 = (t5 > 0).then(|| now + millis(t5));
    }

    /// When to call [`Connection::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.t5.into_iter().chain(self.negotiation.again);
        own.chain(self.engine.poll_timeout()).min()
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.t5.take_if(|at| *at <= now).is_some() {
            self.engine.disconnect(now);
        }
        self.negotiation_timeout(now);
        self.engine.handle_timeout(now);
        self.settle(now);
    }

    /// T5 runs while the connection is up, and what is to be closed is when nothing waits.
    fn settle(&mut self, now: Instant) {
        if self.engine.phase() != Phase::Information {
            self.t5 = None;
            self.connected = false;
            self.negotiation.again = None;
            self.begun_here &= self.engine.phase() == Phase::Setup;
        } else if !self.connected {
            self.connected = true;
            self.start_t5(now);
            self.negotiate();
        }
        if !self.engine.is_up() {
            self.closing = false;
        } else if self.closing && self.engine.waiting() == 0 {
            self.closing = false;
            self.engine.disconnect(now);
        }
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        use wanbox_link::lapb::Event as Link;
        if let Some(event) = self.engine.poll_event() {
            return Some(match event {
                Link::Up => Event::Up,
                Link::Reset(cause) => Event::Reset(cause),
                Link::Down(cause) => Event::Down(cause),
            });
        }
        std::mem::take(&mut self.tell_asked).then_some(Event::Asked)
    }

    /// Whether packets are taken.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.engine.is_up()
    }

    /// The state as it is shown.
    #[must_use]
    pub fn state(&self) -> State {
        match self.engine.phase() {
            Phase::Disconnected => State::Disconnected,
            Phase::Setup => State::Setup,
            Phase::Disconnecting => State::Disconnecting,
            Phase::Information | Phase::Rejecting if self.engine.is_recovering() => State::Recovery,
            Phase::Information | Phase::Rejecting => State::Connected,
        }
    }

    /// What is counted. Wraps.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.engine.counters()
    }

    /// What it works with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
