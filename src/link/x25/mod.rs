//! The packet layer of ITU-T X.25 (1988, sections 3 to 6): many circuits share one link, each with
//! its own flow control, and nothing that was acknowledged is lost.

mod call;
mod counters;
mod event;
mod parameters;
mod status;

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_wire::x25::{Lci, Marks};

pub use call::Call;
pub use counters::{Counters, Packets, Traffic};
pub use event::{By, Down, Event, Refusal};
pub use parameters::{BadParameter, Channels, FlowControl, Parameters, Range};
pub use status::{CallState, LinkState, ResetState, Status};

/// One end of a link's packet layer.
#[derive(Debug)]
pub struct Layer {
    parameters: Parameters,
    counters: Counters,
    events: VecDeque<Event>,
}

impl Layer {
    /// A packet layer whose link is down.
    ///
    /// # Errors
    /// The parameter that is out of its range.
    pub fn new(parameters: Parameters) -> Result<Self, BadParameter> {
        parameters.check()?;
        Ok(Self {
            parameters,
            counters: Counters::default(),
            events: VecDeque::new(),
        })
    }

    /// What the layer works with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where the restart procedure is.
    #[must_use]
    pub fn link_state(&self) -> LinkState {
        LinkState::Down
    }

    /// The link below is up, or was reset: it is restarted.
    pub fn link_up(&mut self, now: Instant) {
        let _ = now;
    }

    /// The link below is gone, and all calls with it.
    pub fn link_down(&mut self, now: Instant) {
        let _ = now;
    }

    /// A packet came, in order, as LAPB or XOT have it.
    pub fn receive(&mut self, now: Instant, packet: &[u8]) {
        let _ = (now, packet);
    }

    /// The next packet to send, written over `packet`; `false` when there is none. To be asked only
    /// while the link below takes packets.
    pub fn poll_transmit(&mut self, now: Instant, packet: &mut Vec<u8>) -> bool {
        let _ = now;
        packet.clear();
        false
    }

    /// When to call [`Layer::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// A deadline passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Calls, on the first free channel of those on which this end may: a DTE takes the highest, a
    /// DCE the lowest. [`Event::Connected`] or [`Event::Cleared`] follow.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn call(&mut self, now: Instant, call: &Call) -> Result<Lci, Refusal> {
        let _ = (now, call);
        Err(Refusal::Down)
    }

    /// Accepts a call of the peer: the circuit carries data.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn accept(&mut self, now: Instant, channel: Lci, answer: &Call) -> Result<(), Refusal> {
        let _ = (now, channel, answer);
        Err(Refusal::Down)
    }

    /// Clears a call, or refuses one. From a DTE a cause that networks have gets the first bit of
    /// those of DTEs. Data that wait are not sent. [`Event::ClearConfirmed`] follows.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn clear(
        &mut self,
        now: Instant,
        channel: Lci,
        cause: u8,
        diagnostic: u8,
        answer: &Call,
    ) -> Result<(), Refusal> {
        let _ = (now, channel, cause, diagnostic, answer);
        Err(Refusal::Down)
    }

    /// Resets a circuit: what waits is not sent. [`Event::ResetConfirmed`] follows.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn reset(
        &mut self,
        now: Instant,
        channel: Lci,
        cause: u8,
        diagnostic: u8,
    ) -> Result<(), Refusal> {
        let _ = (now, channel, cause, diagnostic);
        Err(Refusal::Down)
    }

    /// Restarts the whole link: all calls are cleared, permanent circuits reset.
    ///
    /// # Errors
    /// The link is down.
    pub fn restart(&mut self, now: Instant, cause: u8, diagnostic: u8) -> Result<(), Refusal> {
        let _ = (now, cause, diagnostic);
        Err(Refusal::Down)
    }

    /// Sends an interrupt, past all data. [`Event::InterruptConfirmed`] follows.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn interrupt(&mut self, now: Instant, channel: Lci, data: &[u8]) -> Result<(), Refusal> {
        let _ = (now, channel, data);
        Err(Refusal::Down)
    }

    /// Confirms the peer's interrupt.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn confirm_interrupt(&mut self, now: Instant, channel: Lci) -> Result<(), Refusal> {
        let _ = (now, channel);
        Err(Refusal::Down)
    }

    /// Takes a message to send, behind those that wait, and cuts it into packets. With M the next
    /// one continues it; D stands in the last packet of the message.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn send(
        &mut self,
        now: Instant,
        channel: Lci,
        marks: Marks,
        message: &[u8],
    ) -> Result<(), Refusal> {
        let _ = (now, channel, marks, message);
        Err(Refusal::Down)
    }

    /// The longest message that [`Layer::send`] takes now.
    #[must_use]
    pub fn room(&self, channel: Lci) -> usize {
        let _ = channel;
        0
    }

    /// The next received packet of a circuit, appended to `data`. What is not read closes the
    /// window, and the peer keeps the rest.
    pub fn read(&mut self, now: Instant, channel: Lci, data: &mut Vec<u8>) -> Option<Marks> {
        let _ = (now, channel, data);
        None
    }

    /// Whether the owner of a circuit says itself when packets with D are delivered, as a switch
    /// must that waits for the other side; else reading delivers.
    ///
    /// # Errors
    /// No such circuit.
    pub fn withhold_delivery(&mut self, channel: Lci, withhold: bool) -> Result<(), Refusal> {
        let _ = (channel, withhold);
        Err(Refusal::Down)
    }

    /// The oldest packet with D that was read and withheld is delivered: it is acknowledged.
    ///
    /// # Errors
    /// There is none.
    pub fn deliver(&mut self, now: Instant, channel: Lci) -> Result<(), Refusal> {
        let _ = (now, channel);
        Err(Refusal::Down)
    }

    /// Whether the owner is busy: the peer is told (RNR) to send nothing more for now.
    ///
    /// # Errors
    /// No such circuit.
    pub fn set_busy(&mut self, now: Instant, channel: Lci, busy: bool) -> Result<(), Refusal> {
        let _ = (now, channel, busy);
        Err(Refusal::Down)
    }

    /// What a circuit is doing, if there is one.
    #[must_use]
    pub fn status(&self, channel: Lci) -> Option<Status> {
        let _ = channel;
        None
    }

    /// The channels that have a circuit, in order.
    pub fn circuits(&self) -> impl Iterator<Item = Lci> {
        std::iter::empty()
    }
}
