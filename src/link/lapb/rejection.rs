//! Frame rejection and resetting (X.25 sections 2.4.6 and 2.4.7).

use std::time::Instant;

use wanbox_wire::lapb::{ControlField, Direction, FrmrCause, FrmrRepr, Modulo, Unnumbered};

use super::counters::count;
use super::engine::{Due, Timers};
use super::{Cause, Engine, Event, Phase};

impl Engine {
    /// A frame that cannot be understood came.
    pub(super) fn not_understood(
        &mut self,
        now: Instant,
        field: ControlField,
        direction: Direction,
        cause: FrmrCause,
    ) {
        if self.phase == Phase::Information {
            if self.is_ax25() {
                return;
            }
            self.reject(now, field, direction, cause);
        } else {
            self.outside(direction, field.poll_final());
        }
    }

    /// The set-up of the other modulo, which the ends should have agreed on.
    pub(super) fn wrong_mode(&mut self, now: Instant, kind: Unnumbered, poll: bool) {
        count(&mut self.counters.undefined);
        if matches!(self.phase, Phase::Disconnected | Phase::Setup) {
            self.respond(Unnumbered::Dm, poll);
            return;
        }
        let control = wanbox_wire::lapb::Control::Unnumbered {
            kind,
            poll_final: poll,
        };
        let cause = FrmrCause {
            undefined: true,
            ..FrmrCause::default()
        };
        let field = control.octets(self.parameters.modulo);
        self.not_understood(now, field, Direction::Command, cause);
    }

    /// N(R) acknowledges what was never sent, or takes an acknowledgement back.
    pub(super) fn reject_nr(&mut self, now: Instant, field: ControlField, direction: Direction) {
        count(&mut self.counters.invalid_nr);
        if self.is_ax25() {
            // AX.25 sends no FRMR (section 6.5): the link is set up anew, and what waits is kept.
            self.tell(Event::Reset(Cause::FrameReject));
            self.start_setup(now);
            return;
        }
        let cause = FrmrCause {
            invalid_nr: true,
            ..FrmrCause::default()
        };
        self.reject(now, field, direction, cause);
    }

    /// The frame rejection condition begins: the peer is asked to reset the link.
    fn reject(
        &mut self,
        now: Instant,
        field: ControlField,
        direction: Direction,
        cause: FrmrCause,
    ) {
        self.frmr = Some(FrmrRepr {
            control: field.octets(),
            vs: self.window.vs(),
            vr: self.vr,
            rejected: direction,
            cause,
        });
        self.phase = Phase::Rejecting;
        self.recovering = false;
        self.due = Due::default();
        self.timers = Timers::default();
        self.attempts = 1;
        let last = direction == Direction::Command && field.poll_final();
        self.respond(Unnumbered::Frmr, last);
        self.start_t1(now);
    }

    /// T1 ran out and the peer has not reset the link.
    pub(super) fn reject_unanswered(&mut self, now: Instant) {
        if !self.is_exhausted() {
            self.attempts += 1;
            self.respond(Unnumbered::Frmr, false);
            self.start_t1(now);
        } else {
            self.start_reset(now, Cause::FrameReject);
        }
    }

    /// FRMR came: the peer asks for a reset.
    pub(super) fn receive_frame_reject(&mut self, now: Instant) {
        if self.is_ax25() {
            match (self.phase, self.parameters.modulo) {
                (Phase::Information, _) => self.leave(now, Cause::FrameReject),
                (Phase::Setup, Modulo::OneTwentyEight) => self.fall_back(now, 1),
                _ => count(&mut self.counters.out_of_phase),
            }
        } else if matches!(self.phase, Phase::Information | Phase::Rejecting) {
            self.start_reset(now, Cause::FrameReject);
        } else {
            count(&mut self.counters.out_of_phase);
        }
    }

    /// The link begins anew. The owner is told at once: packets it gives from now on belong behind
    /// the reset.
    pub(super) fn start_reset(&mut self, now: Instant, cause: Cause) {
        self.forget();
        self.tell(Event::Reset(cause));
        self.start_setup(now);
    }
}
