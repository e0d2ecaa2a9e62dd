//! Set-up and disconnection (X.25 section 2.4.4), with their collisions.

use std::time::Instant;

use wanbox_wire::lapb::{FrmrRepr, Unnumbered};

use super::counters::count;
use super::{Cause, Engine, Event, Phase};

impl Engine {
    /// The owner wants the link: it is set up, and set-ups of the peer are accepted. While it is
    /// being disconnected that comes first. [`Event::Up`] or [`Event::Down`] follows; an owner that
    /// wants the link still then calls again after T1, or an answer that is under way might be
    /// taken for that to the new set-up.
    pub fn connect(&mut self, now: Instant) {
        self.accepting = true;
        match self.phase {
            Phase::Disconnected => {
                self.first_modulo();
                self.start_setup(now);
            }
            Phase::Disconnecting => self.then_connect = true,
            Phase::Setup | Phase::Information | Phase::Rejecting => {}
        }
    }

    /// Set-ups of the peer are accepted from now on.
    pub fn listen(&mut self) {
        self.accepting = true;
    }

    /// The owner does not want the link any more: the peer is told, packets that wait are
    /// forgotten, and [`Event::Down`] follows unless it is down already.
    pub fn disconnect(&mut self, now: Instant) {
        self.accepting = false;
        self.then_connect = false;
        match self.phase {
            Phase::Disconnected | Phase::Disconnecting => {}
            Phase::Setup | Phase::Information | Phase::Rejecting => self.leave(now, Cause::Local),
        }
    }

    /// The peer is told that the link is not wanted any more, and the owner why.
    pub(super) fn leave(&mut self, now: Instant, cause: Cause) {
        self.leaving = cause;
        self.forget();
        self.clear_exchange();
        self.up = false;
        self.phase = Phase::Disconnecting;
        self.send_command(now);
    }

    /// The owner wants the link to begin anew (2.4.7). Nothing happens unless it is up.
    pub fn reset(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Information | Phase::Rejecting) {
            self.start_reset(now, Cause::Local);
        }
    }

    pub(super) fn start_setup(&mut self, now: Instant) {
        self.clear_exchange();
        self.phase = Phase::Setup;
        self.send_command(now);
    }

    /// SABM, SABME or DISC, as the phase says, once more.
    pub(super) fn send_command(&mut self, now: Instant) {
        self.attempts = self.attempts.saturating_add(1);
        self.due.command = true;
        self.start_t1(now);
    }

    /// T1 ran out while a set-up or a disconnection was under way.
    pub(super) fn command_unanswered(&mut self, now: Instant) {
        if self.gives_up_extended() {
            self.fall_back(now, 0);
        } else if !self.is_exhausted() {
            self.send_command(now);
        } else if self.phase == Phase::Setup {
            self.enter_disconnected(Cause::NoAnswer);
        } else {
            self.end_disconnecting(now);
        }
    }

    /// Both ends are known to begin at 0. Packets taken since a reset wait already.
    pub(super) fn enter_information(&mut self, now: Instant) {
        self.clear_exchange();
        self.phase = Phase::Information;
        self.due.busy = self.local_busy;
        self.start_t4(now);
        if !self.up {
            self.up = true;
            self.tell(Event::Up);
        }
    }

    pub(super) fn enter_disconnected(&mut self, cause: Cause) {
        self.forget();
        self.clear_exchange();
        self.up = false;
        self.phase = Phase::Disconnected;
        self.tell(Event::Down(cause));
    }

    pub(super) fn end_disconnecting(&mut self, now: Instant) {
        self.enter_disconnected(self.leaving);
        if std::mem::take(&mut self.then_connect) {
            self.first_modulo();
            self.start_setup(now);
        }
    }

    /// SABM, SABME, DISC, UA, DM or FRMR came.
    pub(super) fn receive_unnumbered(
        &mut self,
        now: Instant,
        kind: Unnumbered,
        poll_final: bool,
        information: &[u8],
    ) {
        match kind {
            Unnumbered::Sabm | Unnumbered::Sabme => self.receive_set_mode(now, kind, poll_final),
            Unnumbered::Disc => self.receive_disconnect(now, poll_final),
            Unnumbered::Ua => self.receive_acknowledgement(now, poll_final),
            Unnumbered::Dm => self.receive_disconnected_mode(now, poll_final),
            Unnumbered::Frmr => {
                self.peer_frmr = FrmrRepr::parse(self.parameters.modulo, information).ok();
                self.receive_frame_reject(now);
            }
        }
    }

    fn receive_set_mode(&mut self, now: Instant, kind: Unnumbered, poll: bool) {
        if self.is_ax25() {
            self.receive_set_mode_ax25(now, kind, poll);
            return;
        }
        if kind != self.parameters.modulo.set_mode() {
            self.wrong_mode(now, kind, poll);
            return;
        }
        match self.phase {
            Phase::Disconnected if !self.accepting => self.respond(Unnumbered::Dm, poll),
            // Both at once (2.4.4.5.1): the acknowledgement is on its way, ours need not be awaited.
            Phase::Disconnected | Phase::Setup => self.accept(now, poll),
            // The ends want different things (2.4.4.5.2).
            Phase::Disconnecting => {
                self.respond(Unnumbered::Dm, poll);
                self.end_disconnecting(now);
            }
            Phase::Information if self.is_doubled_setup(now) => {
                count(&mut self.counters.doubled_setups);
            }
            // Nothing has passed that could be lost.
            Phase::Information if !self.heard && self.window.outstanding() == 0 => {
                self.accept(now, poll);
            }
            Phase::Information | Phase::Rejecting => {
                self.forget();
                self.tell(Event::Reset(Cause::PeerReset));
                self.accept(now, poll);
            }
        }
    }

    pub(super) fn accept(&mut self, now: Instant, poll: bool) {
        self.respond(Unnumbered::Ua, poll);
        self.enter_information(now);
        self.set_up_at = Some(now);
    }

    /// Whether the line has doubled a set-up, which then is not answered: a peer that repeats it
    /// waits for T1 first. Were the double a reset, there would be I frames between two UAs, and a
    /// peer that lost the second one would take new frames for old ones.
    fn is_doubled_setup(&self, now: Instant) -> bool {
        let soon = |at: Instant| now < at + self.parameters.t1 / 4;
        !self.heard && self.set_up_at.is_some_and(soon)
    }

    fn receive_disconnect(&mut self, now: Instant, poll: bool) {
        match self.phase {
            Phase::Disconnected => self.respond(Unnumbered::Dm, poll),
            // With AX.25 it may be that of an older connection.
            Phase::Setup if self.is_ax25() => self.respond(Unnumbered::Dm, poll),
            Phase::Setup => {
                self.respond(Unnumbered::Dm, poll);
                self.enter_disconnected(Cause::Collision);
            }
            Phase::Disconnecting => {
                self.respond(Unnumbered::Ua, poll);
                self.end_disconnecting(now);
            }
            Phase::Information | Phase::Rejecting => {
                self.respond(Unnumbered::Ua, poll);
                self.enter_disconnected(Cause::PeerDisconnected);
            }
        }
    }

    fn receive_acknowledgement(&mut self, now: Instant, last: bool) {
        if self.receive_acknowledgement_ax25(now) {
            return;
        }
        match self.phase {
            // Our commands have P, so their answers have F.
            Phase::Setup if last => self.enter_information(now),
            Phase::Disconnecting if last => self.end_disconnecting(now),
            // The peer has set up the link once more behind our back, and heard I frames that we
            // will not hear again.
            Phase::Information if self.heard => {
                count(&mut self.counters.unsolicited);
                self.start_reset(now, Cause::Unsolicited);
            }
            _ => count(&mut self.counters.unsolicited),
        }
    }

    fn receive_disconnected_mode(&mut self, now: Instant, last: bool) {
        match self.phase {
            Phase::Setup => {
                if self.is_no_refusal(now, last) {
                    count(&mut self.counters.out_of_phase);
                } else {
                    self.enter_disconnected(Cause::Refused);
                }
            }
            Phase::Disconnecting => self.end_disconnecting(now),
            Phase::Information | Phase::Rejecting => {
                self.enter_disconnected(Cause::DisconnectedMode);
            }
            // The peer asks to be set up (2.4.4.4.2).
            Phase::Disconnected if self.accepting && !last && !self.is_ax25() => {
                self.start_setup(now)
            }
            Phase::Disconnected => count(&mut self.counters.out_of_phase),
        }
    }
}
