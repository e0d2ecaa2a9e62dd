//! What is sent next: what was asked for comes first, then I frames, and acknowledgements that none
//! of them carried.

use std::time::Instant;

use wanbox_wire::lapb::{Control, Direction, Supervisory, Unnumbered};

use super::counters::count;
use super::{Engine, Phase};

impl Engine {
    /// The next frame to send: control field and information are written behind what `frame`
    /// holds, and the addresses must say what is returned.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> Option<Direction> {
        if let Some((kind, poll_final)) = self.responses.pop_front() {
            self.put(frame, Control::Unnumbered { kind, poll_final });
            if let (Unnumbered::Frmr, Some(frmr)) = (kind, self.frmr) {
                frame.extend_from_slice(frmr.octets(self.parameters.modulo).as_ref());
            }
            return Some(Direction::Response);
        }
        if std::mem::take(&mut self.due.command) {
            let kind = match self.phase {
                Phase::Disconnecting => Unnumbered::Disc,
                _ => self.parameters.modulo.set_mode(),
            };
            let poll_final = true;
            self.put(frame, Control::Unnumbered { kind, poll_final });
            self.line_took(now);
            return Some(Direction::Command);
        }
        if self.phase != Phase::Information {
            return None;
        }
        if std::mem::take(&mut self.due.answer) {
            // The peer goes back to where we are: a gap behind that is a new one.
            self.gap &= self.due.reject;
            if let Some(control) = self.next_selective(true) {
                self.put(frame, control);
                self.has_acknowledged();
                return Some(Direction::Response);
            }
            return Some(self.put_supervisory(frame, Direction::Response, true));
        }
        if std::mem::take(&mut self.due.enquiry) {
            self.line_took(now);
            if self.asks_with_information() {
                return self.put_information(now, frame, true);
            }
            return Some(self.put_supervisory(frame, Direction::Command, true));
        }
        if self.due.reject || self.due.busy {
            return Some(self.put_supervisory(frame, Direction::Response, false));
        }
        if let Some(control) = self.next_selective(false) {
            self.put(frame, control);
            return Some(Direction::Response);
        }
        if !self.recovering
            && !self.remote_busy
            && self.window.has_next()
            && let Some(direction) = self.put_information(now, frame, false)
        {
            return Some(direction);
        }
        if self.due.acknowledgement {
            return Some(self.put_supervisory(frame, Direction::Response, false));
        }
        None
    }

    fn put(&mut self, frame: &mut Vec<u8>, control: Control) {
        self.counters.sent.count(control);
        frame.extend_from_slice(control.octets(self.parameters.modulo).as_ref());
    }

    /// Whether AX.25's poll is the oldest I frame.
    fn asks_with_information(&self) -> bool {
        let Some(ax25) = &self.ax25 else {
            return false;
        };
        let short = |length| length < ax25.rules.poll_threshold && self.window.outstanding() > 0;
        let first = self.window.first_length();
        first.is_some_and(|length| ax25.plain || short(length))
    }

    /// The I frame of V(S), or with P the oldest one.
    fn put_information(
        &mut self,
        now: Instant,
        frame: &mut Vec<u8>,
        poll: bool,
    ) -> Option<Direction> {
        let next = if poll {
            self.window.take_first()?
        } else {
            self.window.take_next()?
        };
        let control = Control::Information {
            ns: next.ns,
            nr: self.vr,
            poll,
        };
        if let Some(ax25) = &mut self.ax25 {
            if next.again {
                ax25.repeats();
            } else {
                ax25.sent_new(now, next.ns);
            }
        }
        frame.extend_from_slice(control.octets(self.parameters.modulo).as_ref());
        frame.extend_from_slice(next.packet);
        if next.again {
            count(&mut self.counters.repeated);
        }
        self.counters.sent.count(control);
        self.has_acknowledged();
        if self.timers.t1.is_none() {
            self.start_t1(now);
        }
        Some(Direction::Command)
    }

    /// RNR while we are busy, REJ when there is a gap to report, RR.
    fn put_supervisory(
        &mut self,
        frame: &mut Vec<u8>,
        direction: Direction,
        poll_final: bool,
    ) -> Direction {
        let reject = std::mem::take(&mut self.due.reject);
        let kind = if self.local_busy {
            // The gap is reported when we are not busy any more.
            self.missed |= reject;
            Supervisory::Rnr
        } else if reject {
            self.gap = true;
            Supervisory::Rej
        } else {
            Supervisory::Rr
        };
        if let Some(ax25) = &mut self.ax25 {
            ax25.rnr_sent = self.local_busy;
        }
        self.due.busy = false;
        self.has_acknowledged();
        let nr = self.vr;
        self.put(
            frame,
            Control::Supervisory {
                kind,
                nr,
                poll_final,
            },
        );
        direction
    }

    /// Every N(R) acknowledges everything.
    fn has_acknowledged(&mut self) {
        self.due.acknowledgement = false;
        self.timers.t2 = None;
        self.unacknowledged = 0;
    }
}
