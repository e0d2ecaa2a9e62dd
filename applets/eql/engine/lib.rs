//! Load balancing of serial links as values that are fed and asked, without a clock or a
//! descriptor: which slave of an eql master carries a packet, and when.
//!
//! | to change | open |
//! |---|---|
//! | who may be a slave, and what is said to the others | `rules.rs` |
//! | bit rates, what a packet takes on a line, measured rates | `rate.rs`, `meter.rs` |
//! | the formula of the kernel's driver | `priority.rs` |
//! | the scheduler by finish time, the order within flows | `finish.rs` |
//! | when a connection is tried, kept and given up | `keeper/` |
//! | the set of slaves, their queues and counters | `master.rs`, `slave.rs` |
//! | the way of a packet, and when there is room for one | `master/packets.rs` |
//! | when the next router of a slave is asked for | `next_hop.rs` |
//! | how a master can be configured | `config.rs` |
//!
//! What belongs to a master and its slaves is in the words of the driver and of its HOWTO:
//! a slave is *enslaved*, *emancipated*, *buried*.

mod config;
mod finish;
pub mod fuzz;
pub mod keeper;
mod master;
mod meter;
mod next_hop;
pub mod priority;
mod rate;
mod rules;
#[cfg(test)]
mod simulation;
mod slave;

pub use config::{Config, Limits, Scheduler};
pub use finish::{FLOW_BUCKETS, GUARD, Order};
pub use master::{Enslave, Master, Refused, Stats, Transmit, Why};
pub use meter::{AUTO_MIN_BPS, Counters};
pub use next_hop::{Heard, NextHop, Search};
pub use rate::{DEFAULT_RATE_BPS, Framing, MAX_RATE_BPS, Rate};
pub use rules::{
    DEFAULT_MAX_SLAVES, Device, MAX_SLAVES, MIN_SLAVES, NAME_OCTETS, Refusal, check_enslave,
    check_max_slaves, check_name,
};
pub use slave::{Change, SlaveId, SlaveStats, SlaveStatus, State};
pub use wanbox_link::range::OutOfRange;
