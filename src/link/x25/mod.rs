//! The packet layer of ITU-T X.25 (1988, sections 3 to 6): many circuits share one link, each with
//! its own flow control, and nothing that was acknowledged is lost.
//!
//! [`Layer`] is one end of it, DTE or DCE, over LAPB or over what takes its place
//! ([`crate::xot`]). It has no clock and no descriptor. One module is one part of the standard:
//!
//! | section | what | module |
//! |---|---|---|
//! | 3, 3.3 | restart | `restart` |
//! | 4.1, 6.16, 6.17, 6.19 | calls: set-up, clearing, collisions | `setup`, `clearing` |
//! | 4.3 | data, interrupts, delivery confirmation, windows | `transfer`, `window` |
//! | 4.4 | reset | `reset` |
//! | 6.12 | flow control parameter negotiation | `call` |
//! | annex A | ranges of logical channels | `parameters` |
//! | annex C | what is done with a packet in each state | `receive` |
//! | annex D | time-outs | `timers` |
//!
//! Where the standard leaves a choice: a packet counts as acknowledged when the owner has read it,
//! so that what is not read is left with the peer. Packet retransmission (REJ) and registration
//! are not subscribed to. Sizes and windows that an answer does not speak of are those that the
//! call proposed. Both ends restart when the link comes up. A DTE sends no diagnostic packets, and
//! no diagnostic packet is answered by another.

mod call;
mod circuit;
mod clearing;
mod counters;
mod event;
pub mod fuzz;
mod layer;
mod parameters;
mod receive;
mod reset;
mod restart;
mod setup;
mod status;
mod timers;
mod transfer;
mod transmit;
mod window;

pub use call::Call;
pub use counters::{Counters, Packets, Traffic};
pub use event::{By, Down, Event, Refusal};
pub use layer::Layer;
pub use parameters::{Channels, FlowControl, Parameters, Range};
pub use status::{CallState, LinkState, ResetState, Status};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
