//! One connection of AX.25 (version 2.2 sections 4 and 6), without addresses: the procedures are
//! those of the LAPB engine; around them are PIDs, a receive window of octets and the timers that
//! AX.25 alone has.

mod parameters;
mod status;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_link::lapb;
use wanbox_wire::ax25::{Class, pid};
use wanbox_wire::lapb::Direction;

pub use lapb::{Cause, Refusal};
pub use parameters::{Extended, Parameters};
pub use status::{State, Status, TimerStatus};

/// Frames that wait behind the window.
const QUEUE: usize = 16;
/// Octets of the longest information field that is taken.
const LONGEST: usize = 2048;

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
    engine: lapb::Engine,
    parameters: Parameters,
    /// The set-up of the peer that waits for [`Connection::accept`]: its control field.
    asked: Option<u8>,
    asking: bool,
    /// Whether to disconnect as soon as nothing waits to be sent.
    closing: bool,
    received: VecDeque<(u8, Vec<u8>)>,
    /// Octets in `received`.
    octets: usize,
    t5: Option<Instant>,
    events: VecDeque<Event>,
}

impl Connection {
    /// A disconnected connection that refuses to be set up until [`Connection::connect`],
    /// [`Connection::listen`] or [`Connection::ask`]. The path has so many digipeaters ahead of us.
    #[must_use]
    pub fn new(_now: Instant, parameters: &Parameters, digis_ahead: u8) -> Self {
        let millis = |time: u32| Duration::from_millis(time.into());
        let t1 = millis(parameters.t1) * (1 + 2 * u32::from(digis_ahead));
        let engine = lapb::Engine::new(lapb::Parameters {
            t1,
            t2: millis(parameters.t2),
            n1: LONGEST + 1,
            k: parameters.maxframe,
            queue: QUEUE,
            ..lapb::Parameters::default()
        });
        let engine = engine.unwrap_or_else(|_| unreachable!("in range"));
        Self {
            engine,
            parameters: *parameters,
            asked: None,
            asking: false,
            closing: false,
            received: VecDeque::new(),
            octets: 0,
            t5: None,
            events: VecDeque::new(),
        }
    }

    /// The connection is wanted: it is set up. [`Event::Up`] or [`Event::Down`] follows.
    pub fn connect(&mut self, now: Instant) {
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

    /// The peer that asked gets UA.
    pub fn accept(&mut self, now: Instant) {
        if let Some(control) = self.asked.take() {
            self.listen();
            self.receive(now, Class::Command, &[control]);
        }
    }

    /// The peer that asked gets DM.
    pub fn refuse(&mut self, now: Instant) {
        if let Some(control) = self.asked.take() {
            self.asking = false;
            self.receive(now, Class::Command, &[control]);
        }
    }

    /// The connection is not wanted any more. What waits is sent before; with a second call, or
    /// during set-up and disconnection, it is down at once.
    pub fn close(&mut self, now: Instant) {
        if self.engine.is_up() && self.engine.waiting() > 0 && !self.closing {
            self.closing = true;
        } else {
            self.engine.disconnect(now);
        }
    }

    /// The connection is down at once, and the peer is not told.
    pub fn reset(&mut self, _now: Instant) {
        self.engine.line_down();
    }

    /// As if T1 had run out.
    pub fn kick(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
    }

    /// Takes a packet to send, behind those that wait: its PID and at most 2048 octets.
    /// Cutting to `paclen` is the owner's.
    ///
    /// # Errors
    /// Why it is not taken; counted.
    pub fn send(&mut self, now: Instant, pid: u8, packet: &[u8]) -> Result<(), Refusal> {
        if self.closing {
            return Err(Refusal::Down);
        }
        let mut unit = Vec::with_capacity(1 + packet.len());
        unit.push(pid);
        unit.extend_from_slice(packet);
        self.engine.send(now, &unit)
    }

    /// How many more packets [`Connection::send`] takes.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.closing { 0 } else { self.engine.room() }
    }

    /// The next packet that came, appended to `packet`; returns its PID.
    pub fn read(&mut self, packet: &mut Vec<u8>) -> Option<u8> {
        self.take(0, packet)
    }

    /// The next packet that is no text: what readers of text have not read is not in its way.
    pub fn read_packet(&mut self, packet: &mut Vec<u8>) -> Option<u8> {
        let is_packet = |(pid, _): &(u8, Vec<u8>)| *pid != pid::TEXT;
        let place = self.received.iter().position(is_packet)?;
        self.take(place, packet)
    }

    fn take(&mut self, place: usize, packet: &mut Vec<u8>) -> Option<u8> {
        let (pid, octets) = self.received.remove(place)?;
        packet.extend_from_slice(&octets);
        self.octets -= octets.len();
        Some(pid)
    }

    /// A frame came: its class, and what follows its addresses.
    pub fn receive(&mut self, now: Instant, class: Class, unit: &[u8]) {
        let direction = match class {
            Class::Response => Direction::Response,
            Class::Command | Class::Unknown => Direction::Command,
        };
        if let Some((&pid, information)) = self
            .engine
            .receive(now, direction, unit)
            .and_then(<[u8]>::split_first)
        {
            self.octets += information.len();
            self.received.push_back((pid, information.to_vec()));
        }
        self.settle(now);
    }

    /// The next frame to send: control field, PID and information are appended to `frame`, and its
    /// class is returned.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> Option<Class> {
        Some(match self.engine.poll_transmit(now, frame)? {
            Direction::Command => Class::Command,
            Direction::Response => Class::Response,
        })
    }

    /// When to call [`Connection::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout().into_iter().chain(self.t5).min()
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.settle(now);
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| {
            Some(match self.engine.poll_event()? {
                lapb::Event::Up => Event::Up,
                lapb::Event::Reset(cause) => Event::Reset(cause),
                lapb::Event::Down(cause) => Event::Down(cause),
            })
        })
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &lapb::Counters {
        self.engine.counters()
    }

    /// The parameters it was made with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn settle(&mut self, now: Instant) {
        if self.closing && self.engine.waiting() == 0 {
            self.closing = false;
            self.engine.disconnect(now);
        }
    }
}

#[cfg(test)]
mod tests;
