//! NET/ROM: the network and the transport layer of packet-radio nodes, as a value that is fed and asked.
//!
//! | call | means |
//! |---|---|
//! | [`NetRom::received`], [`NetRom::heard`] | a packet of a neighbour came, or a broadcast |
//! | [`NetRom::poll_transmit`], [`NetRom::poll_broadcast`] | the next packet for a neighbour, the next broadcast |
//! | [`NetRom::poll_timeout`], [`NetRom::handle_timeout`] | when to look again; do what is due |
//! | [`NetRom::poll_event`] | what the owners of circuits must know |
//! | [`NetRom::neighbour_lost`] | the link layer gave a neighbour up |
//! | [`NetRom::connect`], [`NetRom::send`], [`NetRom::read`], [`NetRom::close`], [`NetRom::release`] | circuits |
//! | [`NetRom::send_ip`] | a datagram of IP for a node |
//!
//! | to change | open |
//! |---|---|
//! | what is done with a packet that came, where packets go | `netrom.rs` |
//! | who asks for circuits, what comes for them | `circuits.rs` |
//! | states and timers of a circuit; its data phase | `circuit/` |
//! | what is known of the network; hop counts and routes | `table/` |
//! | NODES broadcasts | `nodes.rs` |
//! | the 26 parameters | `parameters.rs` |
//! | what commands print | `show.rs` |
//!
//! What strangers send is bounded where it is kept: nodes, links, circuits, what each has buffered, packets on their
//! way out. Each packet that is dropped is counted by its cause ([`Counters`]).

mod circuit;
mod circuits;
mod fuzz;
mod netrom;
mod nodes;
mod outbox;
mod parameters;
pub mod show;
mod table;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod simulation;

pub use circuit::{Circuit, CircuitId, Reason, State};
pub use circuits::{ConnectError, Event};
pub use fuzz::fuzz_netrom_node;
pub use netrom::{Counters, Datagram, NetRom};
pub use nodes::{Broadcast, TooManyBroadcasts};
pub use parameters::{LINK, PARAMETERS, Parameter, Parameters};
pub use table::{Link, Node};
