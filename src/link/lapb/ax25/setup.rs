//! Set-up of AX.25 (section 6.3): SABM and SABME, answers that come late.

use std::time::Instant;

use wanbox_wire::lapb::{Direction, Modulo, Unnumbered};

use super::Extended;
use crate::lapb::counters::count;
use crate::lapb::engine::Due;
use crate::lapb::{Cause, Engine, Event, Phase};

/// How often SABME is sent to a station that does not answer it: some know nothing of it.
const EXTENDED_SETUPS: u32 = 3;

impl Engine {
    /// SABM or SABME, by the rules of AX.25 (section 6.3.1): what waits is kept and sent again.
    pub(in crate::lapb) fn receive_set_mode_ax25(
        &mut self,
        now: Instant,
        kind: Unnumbered,
        poll: bool,
    ) {
        let (modulo, extended) = match kind {
            Unnumbered::Sabme => (Modulo::OneTwentyEight, true),
            _ => (Modulo::Eight, false),
        };
        let refused = extended
            && self
                .ax25
                .as_ref()
                .is_none_or(|ax25| ax25.plain || ax25.rules.extended == Extended::Refused);
        match self.phase {
            // The ends ask for different things at once: what both know is SABM, which this end
            // repeats until the other one hears it.
            Phase::Setup if extended && self.parameters.modulo == Modulo::Eight => {}
            Phase::Disconnecting => self.respond(Unnumbered::Dm, poll),
            Phase::Disconnected if !self.accepting => self.respond(Unnumbered::Dm, poll),
            _ if refused => self.respond(Unnumbered::Dm, poll),
            Phase::Information if !self.heard && modulo == self.parameters.modulo => {
                // UA was lost, or has not arrived yet. What was sent may have been heard.
                self.respond(Unnumbered::Ua, poll);
                self.window.rewind();
                self.mark_repeated();
                self.recovering = false;
                self.due = Due::default();
                self.timers.t1 = None;
                if let Some(ax25) = &mut self.ax25 {
                    ax25.restart(modulo);
                }
            }
            _ => {
                if self.up {
                    self.tell(Event::Reset(Cause::PeerReset));
                }
                let unanswered = self.unanswered();
                self.set_modulo(modulo);
                self.accept(now, poll);
                self.confirm(now, unanswered);
            }
        }
    }

    /// UA: `true` when the rules are those of AX.25, whose UA need not have F.
    pub(in crate::lapb) fn receive_acknowledgement_ax25(&mut self, now: Instant) -> bool {
        if !self.is_ax25() {
            return false;
        }
        match self.phase {
            Phase::Setup => {
                let unanswered = self.unanswered().saturating_sub(1);
                self.enter_information(now);
                self.confirm(now, unanswered);
            }
            Phase::Disconnecting => self.end_disconnecting(now),
            Phase::Information => self.receive_late_acknowledgement(now),
            Phase::Disconnected | Phase::Rejecting => count(&mut self.counters.unsolicited),
        }
        true
    }

    /// How many set-ups of ours are on their way, as far as is known.
    fn unanswered(&self) -> u32 {
        let before = self.ax25.as_ref().map_or(0, |ax25| ax25.late_refusals);
        match self.phase {
            Phase::Setup => self.attempts + before,
            _ => 0,
        }
    }

    /// The link is up, but a set-up that was repeated may wait in a TNC still and let the peer begin
    /// anew. It is asked behind that: what comes before the answer is of no use.
    fn confirm(&mut self, now: Instant, unanswered: u32) {
        if unanswered == 0 || self.is_plain() {
            return;
        }
        if let Some(ax25) = &mut self.ax25 {
            ax25.unsettled = unanswered;
        }
        self.look_after(now);
    }

    /// UA while the link is up: that to a set-up which was repeated, or the peer has begun anew
    /// (section 6.3.4).
    fn receive_late_acknowledgement(&mut self, now: Instant) {
        let plain = self.is_plain();
        let Some(ax25) = &mut self.ax25 else {
            return;
        };
        if ax25.unsettled > 0 {
            ax25.unsettled -= 1;
            return;
        }
        count(&mut self.counters.unsolicited);
        if self.heard && !plain {
            self.tell(Event::Reset(Cause::Unsolicited));
            self.start_setup(now);
        } else {
            self.remote_busy = false;
            self.timers.busy = None;
        }
    }

    /// Whether a numbered frame may be from before the peer began anew. A poll is answered
    /// nevertheless.
    pub(in crate::lapb) fn is_unsettled(&mut self, direction: Direction, poll_final: bool) -> bool {
        let Some(ax25) = &mut self.ax25 else {
            return false;
        };
        if ax25.unsettled == 0 {
            return false;
        }
        if direction == Direction::Response && poll_final {
            ax25.unsettled = 0;
            return false;
        }
        self.due.answer |= poll_final;
        count(&mut self.counters.out_of_phase);
        true
    }

    /// DM while a link is set up: `true` when it does not mean that the peer refuses.
    pub(in crate::lapb) fn is_no_refusal(&mut self, now: Instant, last: bool) -> bool {
        let extended = self.parameters.modulo == Modulo::OneTwentyEight;
        let Some(ax25) = &mut self.ax25 else {
            return !last;
        };
        if !last && !ax25.plain {
            return true;
        }
        if extended {
            self.fall_back(now, 1);
            return true;
        }
        let late = ax25.late_refusals > 0;
        ax25.late_refusals = ax25.late_refusals.saturating_sub(1);
        late
    }

    /// The peer does not know SABME, or does not want it: SABM. So many of its answers have come.
    pub(in crate::lapb) fn fall_back(&mut self, now: Instant, answers: u32) {
        let late = self.attempts.saturating_sub(answers);
        self.set_modulo(Modulo::Eight);
        if let Some(ax25) = &mut self.ax25 {
            ax25.late_refusals = late;
        }
        self.attempts = 0;
        self.send_command(now);
    }

    /// Whether SABME was sent often enough to a peer that does not answer.
    pub(in crate::lapb) fn gives_up_extended(&self) -> bool {
        self.is_ax25()
            && self.phase == Phase::Setup
            && self.parameters.modulo == Modulo::OneTwentyEight
            && self.attempts >= EXTENDED_SETUPS
    }

    /// The numbering that is asked for first.
    pub(in crate::lapb) fn first_modulo(&mut self) {
        let Some(ax25) = &mut self.ax25 else {
            return;
        };
        ax25.late_refusals = 0;
        let offered = ax25.rules.extended == Extended::Offered && !ax25.plain;
        self.set_modulo(if offered {
            Modulo::OneTwentyEight
        } else {
            Modulo::Eight
        });
    }
}
