//! Breaks on a serial port: the line is held at space for longer than any character.
//!
//! What was written before is on the wire first, and nothing is written until the break ends. The
//! kernel's own call (`TCSBRK`) would block for as long, so that it is done here in steps of the
//! stream's timer, which a line that is there does not need.

use std::time::Duration;

use super::{Kind, Stream};

/// How often a port is asked whether everything is on the wire.
const LOOK: Duration = Duration::from_millis(2);

/// How far a break is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// What was written before it is not on the wire yet; then it lasts so long.
    Draining(Duration),
    /// It is being sent.
    On,
}

impl Stream {
    /// The line is a port that sends breaks.
    pub fn can_break(&self) -> bool {
        match &self.kind {
            // A pseudo-terminal takes the call and does nothing, but has no modem lines. Ending a
            // break that was not begun changes nothing.
            Kind::Serial(serial) => {
                serial.modem_lines().is_some() && serial.set_break(false).is_ok()
            }
            Kind::Pty(_) | Kind::Call(_) | Kind::Listen(_) => false,
        }
    }

    /// A break is being sent: nothing may be written until
    /// [`super::StreamEvent::Writable`] follows.
    pub const fn is_breaking(&self) -> bool {
        self.breaking.is_some()
    }

    /// Sends a break of this length behind what was written. Without effect where
    /// [`Self::can_break`] says no.
    pub fn begin_break(&mut self, length: Duration) {
        if self.carrier() && !self.is_breaking() && self.can_break() {
            self.breaking = Some(Stage::Draining(length));
            self.follow_break();
        }
    }

    /// Goes on with a break. `false`: there is none.
    pub(super) fn follow_break(&mut self) -> bool {
        let (Some(stage), Kind::Serial(serial)) = (self.breaking, &self.kind) else {
            return false;
        };
        let (next, after) = match stage {
            Stage::Draining(length) if !serial.is_drained() => (Stage::Draining(length), LOOK),
            Stage::Draining(length) if serial.set_break(true).is_ok() => (Stage::On, length),
            Stage::Draining(_) | Stage::On => {
                // A port that is gone is seen by its reader.
                let _ = serial.set_break(false);
                self.breaking = None;
                self.writable = true;
                return true;
            }
        };
        self.breaking = Some(next);
        if self.set_timer(Some(after)).is_err() {
            // Nobody would end it.
            let _ = serial.set_break(false);
            self.breaking = None;
            self.writable = true;
        }
        true
    }
}
