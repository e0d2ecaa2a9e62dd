//! The packet-radio station's network layer as values that are fed and asked: no descriptor, no clock.
//!
//! | to change | open |
//! |---|---|
//! | how addresses are typed | `address.rs` |
//! | what an interface is, its link addresses and encapsulations | `interface/` |
//! | routes: rules, ageing, look-up, the state file | `route/` |
//! | how state files are read | `state.rs` |
//! | which addresses may be spoken to | `filter.rs` |
//! | what joins the parts, and what the owner gives and takes | `station.rs` |
//! | the path of a datagram: options, fragments, output | `ip/` |
//! | control messages and `ping` | `icmp/`, `ping.rs` |
//! | link addresses | `arp/` |
//! | where stations are that `attach axip` reaches | `axip.rs` |
//! | datagrams in datagrams | `tunnel.rs` |
//! | datagrams for programs | `udp/` |
//! | segments between TCP and IP | `tcp.rs` |
//! | exchange of routes | `rip/` |
//! | names of hosts | `domain/` |
//! | AX.25 between lines and the protocols above | `radio/` |
//! | what commands print | `show/` |
//! | packets as text | `trace/` |
//!
//! Everything that is dropped is counted by name, and nothing that strangers send makes memory grow
//! without a limit that is written down.

pub mod address;
pub mod arp;
pub mod axip;
pub mod domain;
pub mod filter;
pub mod fuzz;
pub mod icmp;
pub mod interface;
pub mod ip;
pub mod ping;
pub mod radio;
pub mod rip;
pub mod route;
pub mod show;
pub mod state;
mod station;
mod tcp;
pub mod trace;
mod tunnel;
pub mod udp;

#[cfg(test)]
mod simulation;

pub use interface::{Encapsulation, Interface, InterfaceId, Interfaces, LinkAddress};
pub use station::{Arrival, Entropy, Event, Frame, FrameKind, Sink, Station};
