//! LAPB, the data link layer of ITU-T X.25 (section 2.4): packets arrive once, in order, over a
//! line that loses frames, or both ends are told that they may not have.
//!
//! [`Link`] is a link with X.25's addresses; [`Engine`] has the procedures without addresses, for
//! links of the same family that have their own. One module is one part of the standard:
//!
//! | section | what | module |
//! |---|---|---|
//! | 2.4.4 | set-up, disconnection, collisions | `setup` |
//! | 2.4.5.1-2.4.5.8 | information transfer, REJ, busy | `transfer`, `window` |
//! | 2.4.5.9, 2.4.8 | waiting for acknowledgement: timers, polls | `recovery` |
//! | 2.4.6, 2.4.7 | frame rejection, resetting | `rejection` |
//! | 2.4.8 | system parameters | `parameters` |
//! | AX.25 | what AX.25 does otherwise | `ax25` |
//!
//! Where the standard leaves a choice: a repetition is asked for by a supervisory command with P
//! (never by an I frame with P); I frames wait until it is answered. What is received is
//! acknowledged at T2, and at once when half a window waits for it. F that nobody asked for is
//! counted and not taken for one; a UA that nobody asked for resets the link unless nothing was
//! heard since it was set up, for the peer has begun anew. The engine sends no DM of its own
//! accord, and obeys one.

mod ax25;
mod counters;
mod engine;
mod event;
pub mod fuzz;
mod parameters;
mod recovery;
mod rejection;
mod setup;
mod transfer;
mod transmit;
mod window;

use std::time::Instant;

use wanbox_wire::lapb::{Direction, Role};

use crate::range::BadParameter;

pub use ax25::{Ax25, Ax25View, Extended};
pub use counters::{Counters, Frames};
pub use engine::{Engine, Phase};
pub use event::{Cause, Event, Refusal};
pub use parameters::Parameters;

/// A link with the addresses of X.25.
#[derive(Debug)]
pub struct Link {
    role: Role,
    engine: Engine,
    wrong_address: u32,
}

impl Link {
    /// A disconnected link that refuses to be set up until [`Engine::connect`] or
    /// [`Engine::listen`].
    ///
    /// # Errors
    /// The parameter that is out of its range.
    pub fn new(role: Role, parameters: Parameters) -> Result<Self, BadParameter> {
        Ok(Self {
            role,
            engine: Engine::new(parameters)?,
            wrong_address: 0,
        })
    }

    /// Which end of the line this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Everything that has nothing to do with addresses: the owner's wishes, packets to send,
    /// events, timers, counters.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same, to change it.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// A frame came in, without flags and with a correct FCS, which is taken off. User data that is
    /// new and in order is returned; everything else is consumed or counted.
    pub fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<&'f [u8]> {
        // A frame without an address is as short as one without a control field.
        let (address, unit) = frame.split_first().unwrap_or((&Role::A, &[]));
        match self.role.receives(*address) {
            Some(direction) => self.engine.receive(now, direction, unit),
            None => {
                self.wrong_address = self.wrong_address.wrapping_add(1);
                None
            }
        }
    }

    /// The next frame to send, written over `frame` without flags and FCS; `false` when there is
    /// none.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        frame.clear();
        frame.push(self.role.sends(Direction::Response));
        match self.engine.poll_transmit(now, frame) {
            Some(direction) => {
                if let Some(address) = frame.first_mut() {
                    *address = self.role.sends(direction);
                }
                true
            }
            None => {
                frame.clear();
                false
            }
        }
    }

    /// Frames that were neither for this station nor from its peer. Wraps.
    #[must_use]
    pub fn wrong_address(&self) -> u32 {
        self.wrong_address
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
