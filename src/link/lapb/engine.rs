//! The engine's state, the owner's calls, and which section of the standard a frame belongs to.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_wire::lapb::{
    Control, ControlField, Direction, FrmrCause, FrmrRepr, Supervisory, Unnumbered,
};

use super::ax25::State;
use super::counters::{add, count};
use super::window::Window;
use crate::range::BadParameter;

use super::{Cause, Counters, Event, Parameters, Refusal};

/// Unnumbered responses that may wait to be sent. An owner that sends after each call sees two.
const RESPONSES: usize = 8;
/// Events that may wait to be fetched.
const EVENTS: usize = 32;

/// Where the procedures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Disconnected phase (2.4.4.4).
    Disconnected,
    /// SABM or SABME was sent, to set up (2.4.4.1) or to reset (2.4.7).
    Setup,
    /// DISC was sent (2.4.4.3).
    Disconnecting,
    /// Information transfer (2.4.5).
    Information,
    /// FRMR was sent: frame rejection condition (2.4.6).
    Rejecting,
}

/// Frames without numbers of their own that are to be sent.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// SABM, SABME or DISC, as the phase says.
    pub(super) command: bool,
    /// A supervisory response with F.
    pub(super) answer: bool,
    /// A supervisory command with P.
    pub(super) enquiry: bool,
    /// REJ.
    pub(super) reject: bool,
    /// RNR or RR, because that has changed.
    pub(super) busy: bool,
    /// RR, unless an I frame goes first.
    pub(super) acknowledgement: bool,
}

/// Deadlines of the timers that run.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) t1: Option<Instant>,
    pub(super) t2: Option<Instant>,
    pub(super) t4: Option<Instant>,
    /// AX.25's T4: the peer is busy.
    pub(super) busy: Option<Instant>,
}

/// The procedures of one end of a link, without addresses.
#[derive(Debug)]
pub struct Engine {
    pub(super) parameters: Parameters,
    pub(super) phase: Phase,
    /// Whether the owner takes the link for up.
    pub(super) up: bool,
    /// Whether a set-up of the peer is accepted.
    pub(super) accepting: bool,
    /// Whether to set up again as soon as the disconnection is over.
    pub(super) then_connect: bool,
    /// Why the link is being disconnected.
    pub(super) leaving: Cause,
    /// The rules of AX.25, and what they need.
    pub(super) ax25: Option<Box<State>>,
    /// k modulo 8, as it was set.
    pub(super) k_basic: u8,
    pub(super) window: Window,
    /// V(R), the number of the I frame that is expected.
    pub(super) vr: u8,
    /// When the peer set up the link.
    pub(super) set_up_at: Option<Instant>,
    /// Whether an I frame or an acknowledgement of one came since the link was set up.
    pub(super) heard: bool,
    /// Whether we are busy.
    pub(super) local_busy: bool,
    /// Whether I frames were dropped because of that.
    pub(super) missed: bool,
    /// Whether the peer is busy.
    pub(super) remote_busy: bool,
    /// Whether a gap was reported and not filled: the REJ exception condition.
    pub(super) gap: bool,
    /// Timer recovery condition: a command with P waits for its answer.
    pub(super) recovering: bool,
    /// How often T1 ran out without progress, or how often a command was sent.
    pub(super) attempts: u32,
    /// Frames accepted and not acknowledged.
    pub(super) unacknowledged: u8,
    /// What is wrong with the peer's frame.
    pub(super) frmr: Option<FrmrRepr>,
    /// What the peer said was wrong with ours.
    pub(super) peer_frmr: Option<FrmrRepr>,
    pub(super) due: Due,
    pub(super) responses: VecDeque<(Unnumbered, bool)>,
    pub(super) timers: Timers,
    events: VecDeque<Event>,
    pub(super) counters: Counters,
}

impl Engine {
    /// A disconnected link that refuses to be set up until [`Engine::connect`] or
    /// [`Engine::listen`].
    ///
    /// # Errors
    /// The parameter that is out of its range.
    pub fn new(parameters: Parameters) -> Result<Self, BadParameter> {
        parameters.check()?;
        Ok(Self::with(parameters))
    }

    pub(super) fn with(parameters: Parameters) -> Self {
        Self {
            leaving: Cause::Local,
            ax25: None,
            k_basic: parameters.k,
            window: Window::new(parameters.modulo, parameters.k, parameters.queue),
            parameters,
            phase: Phase::Disconnected,
            up: false,
            accepting: false,
            then_connect: false,
            vr: 0,
            set_up_at: None,
            heard: false,
            local_busy: false,
            missed: false,
            remote_busy: false,
            gap: false,
            recovering: false,
            attempts: 0,
            unacknowledged: 0,
            frmr: None,
            peer_frmr: None,
            due: Due::default(),
            responses: VecDeque::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// What the link works with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Where the procedures are.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether packets are taken: from [`Event::Up`] to [`Event::Down`], or to a disconnection.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether the peer said that it is busy (RNR).
    #[must_use]
    pub fn peer_busy(&self) -> bool {
        self.remote_busy
    }

    /// What is counted. Wraps.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the peer's last FRMR said, and what our own last said.
    #[must_use]
    pub fn frame_rejects(&self) -> [Option<FrmrRepr>; 2] {
        [self.peer_frmr, self.frmr]
    }

    /// Takes a packet to send, behind those that wait.
    ///
    /// # Errors
    /// Why it is not taken; counted.
    pub fn send(&mut self, now: Instant, packet: &[u8]) -> Result<(), Refusal> {
        self.send_parts(now, &[], packet)
    }

    /// The same for a packet in two parts.
    ///
    /// # Errors
    /// As [`Engine::send`].
    pub fn send_parts(&mut self, now: Instant, head: &[u8], packet: &[u8]) -> Result<(), Refusal> {
        if !self.up {
            count(&mut self.counters.refused_down);
            return Err(Refusal::Down);
        }
        if head.len() + packet.len() > self.parameters.n1 {
            count(&mut self.counters.refused_long);
            return Err(Refusal::TooLong);
        }
        if !self.window.push(head, packet) {
            count(&mut self.counters.refused_full);
            return Err(Refusal::Full);
        }
        self.await_room(now);
        Ok(())
    }

    /// How many more packets [`Engine::send`] takes: a caller that stops at 0 never loses one. Grows
    /// when the peer acknowledges.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.up { self.window.room() } else { 0 }
    }

    /// Packets that are not acknowledged, sent or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.window.waiting()
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn tell(&mut self, event: Event) {
        count(match event {
            Event::Up => &mut self.counters.ups,
            Event::Reset(_) => &mut self.counters.resets,
            Event::Down(_) => &mut self.counters.downs,
        });
        if self.events.len() == EVENTS {
            self.events.pop_front();
            count(&mut self.counters.events_lost);
        }
        self.events.push_back(event);
    }

    /// A frame came in: its control field and information, and what its addresses say of it. User
    /// data that is new and in order is returned; everything else is consumed or counted.
    pub fn receive<'f>(
        &mut self,
        now: Instant,
        direction: Direction,
        unit: &'f [u8],
    ) -> Option<&'f [u8]> {
        self.hear(now, direction, direction == Direction::Command, unit)
    }

    /// The same; P asks for an answer only when `asks`.
    pub(super) fn hear<'f>(
        &mut self,
        now: Instant,
        direction: Direction,
        asks: bool,
        unit: &'f [u8],
    ) -> Option<&'f [u8]> {
        let Ok((field, information)) = ControlField::parse(self.parameters.modulo, unit) else {
            count(&mut self.counters.too_short);
            return None;
        };
        if self.phase == Phase::Information {
            self.start_t4(now);
        }
        let control = match self.examine(field, direction, information) {
            Ok(control) => control,
            Err(cause) => {
                self.not_understood(now, field, direction, cause);
                return None;
            }
        };
        match control {
            Control::Unnumbered { kind, poll_final } => {
                self.receive_unnumbered(now, kind, poll_final, information);
                return None;
            }
            _ if self.phase != Phase::Information => {
                self.outside(direction, asks && field.poll_final());
            }
            _ if self.is_unsettled(direction, field.poll_final()) => {}
            Control::Supervisory {
                kind: Supervisory::Srej,
                nr,
                poll_final,
            } => {
                let last = direction == Direction::Response && poll_final;
                if !self.receive_selective(now, nr, last) {
                    self.reject_nr(now, field, direction);
                }
            }
            Control::Supervisory {
                kind,
                nr,
                poll_final,
            } => {
                if self.acknowledge(now, nr) {
                    self.receive_supervisory(now, direction, kind, poll_final);
                } else {
                    self.reject_nr(now, field, direction);
                }
            }
            Control::Information { ns, nr, poll } => {
                if self.acknowledge(now, nr) {
                    return self
                        .receive_information(now, ns, poll && asks, information)
                        .then_some(information);
                }
                self.reject_nr(now, field, direction);
            }
        }
        None
    }

    /// What a frame is, or why it cannot be understood (2.3.4.9).
    fn examine(
        &mut self,
        field: ControlField,
        direction: Direction,
        information: &[u8],
    ) -> Result<Control, FrmrCause> {
        let undefined = FrmrCause {
            undefined: true,
            ..FrmrCause::default()
        };
        let control = match &self.ax25 {
            Some(_) => Control::parse_selective(field),
            None => Control::parse(field),
        };
        let Ok(control) = control else {
            count(&mut self.counters.undefined);
            return Err(undefined);
        };
        self.counters.received.count(control);
        // Stations of AX.25 are taken as they are.
        let strict = self.ax25.is_none();
        if strict && !control.may_be(direction) {
            count(&mut self.counters.misdirected);
            return Err(undefined);
        }
        match control {
            Control::Information { .. } if information.len() > self.parameters.n1 => {
                count(&mut self.counters.too_long);
                Err(FrmrCause {
                    too_long: true,
                    ..FrmrCause::default()
                })
            }
            // A FRMR is one whatever it says.
            Control::Information { .. }
            | Control::Unnumbered {
                kind: Unnumbered::Frmr,
                ..
            } => Ok(control),
            _ if strict && !information.is_empty() => {
                count(&mut self.counters.with_information);
                Err(FrmrCause {
                    information: true,
                    ..undefined
                })
            }
            _ => Ok(control),
        }
    }

    /// A frame that is of no use where the procedures are: a command with P is answered.
    pub(super) fn outside(&mut self, direction: Direction, poll: bool) {
        count(&mut self.counters.out_of_phase);
        match self.phase {
            Phase::Rejecting if direction == Direction::Command => {
                self.respond(Unnumbered::Frmr, poll);
            }
            Phase::Disconnecting if self.is_ax25() && direction == Direction::Command && poll => {
                self.respond(Unnumbered::Dm, true);
            }
            Phase::Disconnected if direction == Direction::Command && poll => {
                self.respond(Unnumbered::Dm, true);
            }
            _ => {}
        }
    }

    /// An unnumbered response is to be sent.
    pub(super) fn respond(&mut self, kind: Unnumbered, last: bool) {
        if self.responses.len() == RESPONSES {
            // The peer asks faster than the owner sends: it will ask again.
            self.responses.pop_front();
        }
        self.responses.push_back((kind, last));
    }

    /// Nothing of an exchange is left but the packets that wait.
    pub(super) fn clear_exchange(&mut self) {
        self.window.restart();
        self.vr = 0;
        self.heard = false;
        self.set_up_at = None;
        self.missed = false;
        self.remote_busy = false;
        self.gap = false;
        self.recovering = false;
        self.attempts = 0;
        self.unacknowledged = 0;
        self.due = Due::default();
        self.timers = Timers::default();
        if let Some(ax25) = &mut self.ax25 {
            ax25.restart(self.parameters.modulo);
        }
    }

    /// Packets that wait are forgotten.
    pub(super) fn forget(&mut self) {
        add(&mut self.counters.forgotten, self.window.clear());
    }

    /// The line below is gone (its carrier, its connection): the link is down at once.
    pub fn line_down(&mut self) {
        self.drop_line(Cause::Line);
    }

    pub(super) fn drop_line(&mut self, cause: Cause) {
        self.responses.clear();
        if self.phase != Phase::Disconnected {
            self.then_connect = false;
            self.enter_disconnected(cause);
        }
    }

    /// When to call [`Engine::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Timers { t1, t2, t4, busy } = self.timers;
        t1.into_iter().chain(t2).chain(t4).chain(busy).min()
    }
}
