//! AX.25, the link layer of packet radio (AX.25 version 2.2), without lines and clocks.
//!
//! | to change | open |
//! |---|---|
//! | one connection between two stations | [`connection`] |
//! | lines, queues, where a frame leaves | `ax25.rs`, `port.rs` |
//! | what happens to a frame that came: heard, for us, repeated | `input.rs` |
//! | what follows for a connection: packets, sessions | `work.rs` |
//! | connections through us | `crosslink.rs` |
//! | what leaves, timers | `output.rs` |
//! | what the owner asks of connections | `calls.rs` |
//! | which way a station is reached | `routes.rs` |
//! | who was heard | `heard.rs` |
//! | how frames of others are counted | `setups.rs` |
//! | packets in pieces | `segment.rs` |
//!
//! [`Ax25`] is fed frames with [`Ax25::receive`] and time with [`Ax25::handle_timeout`]; it is asked for frames
//! while a line has room, and for packets and events until there are none.

mod ax25;
mod calls;
pub mod connection;
mod counters;
mod crosslink;
mod event;
pub mod fuzz;
mod heard;
mod input;
mod links;
mod output;
mod port;
mod routes;
mod segment;
mod setups;
mod work;

pub use ax25::{Ax25, Digipeat, Way};
pub use calls::{ConnectError, LinkView, parse_path};
pub use counters::Counters;
pub use event::{Event, How, Packet};
pub use heard::{Heard, Seen};
pub use links::LinkId;
pub use output::{Outgoing, carries_ip};
pub use port::{Port, PortSettings};
pub use routes::{Next, Route, Routes};

#[cfg(test)]
mod simulation;
