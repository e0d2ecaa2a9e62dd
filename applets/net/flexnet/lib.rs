//! FlexNet between neighbours: delays of links, and a distance vector of destinations.
//!
//! Neighbours have an AX.25 connection and send each other I frames with PID CE. Each link's delay is measured by
//! polls; records tell for which destinations (a call sign and a range of SSIDs) a node is good, and after what delay,
//! in units of 100 ms. A query collects the call signs on the way to a destination.
//!
//! | call | means |
//! |---|---|
//! | [`FlexNet::link_up`], [`FlexNet::link_down`] | what became of the connection to a neighbour |
//! | [`FlexNet::received`] | a packet came in |
//! | [`FlexNet::poll_transmit`] | the next packet to send, to a neighbour that has room |
//! | [`FlexNet::poll_route`] | an AX.25 route that is other than before |
//! | [`FlexNet::poll_event`] | connections to open and close, answers to queries |
//! | [`FlexNet::poll_timeout`], [`FlexNet::handle_timeout`] | when to look again; do what is due |
//!
//! | to change | open |
//! |---|---|
//! | neighbours, links, polls | `flexnet.rs`, `peer.rs` |
//! | what packets say | `input.rs` |
//! | what is told to whom | `output.rs` |
//! | destinations, the best neighbour | `table.rs` |
//! | queries | `query.rs` |
//! | what the AX.25 routes are to be | `routes.rs` |
//! | what people see | `show.rs` |
//!
//! Any station may become a neighbour, as the network was made for; everything that it can tell is bounded. Delays
//! beyond [`LARGEST`] are infinite, so that what is lost is forgotten when neighbours count upwards to it.

mod counters;
mod flexnet;
mod fuzz;
mod input;
mod output;
mod peer;
mod query;
mod routes;
mod show;
mod table;

#[cfg(test)]
mod checks;

pub use counters::Counters;
pub use flexnet::{Event, FlexNet, LinkError, MOST_LEARNED, MOST_PEERS};
pub use fuzz::fuzz_flexnet_node;
pub use peer::Peer;
pub use query::{Asked, QueryError};
pub use show::{States, range};
pub use table::{LARGEST, MOST_DESTINATIONS, Neighbour, View};
