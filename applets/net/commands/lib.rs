//! What can be asked of the station in words: one function a command.
//!
//! A command sees the station, its sessions and servers, and the process around it ([`Host`]); it writes what
//! people read to [`Output`]. It never waits: one that needs a name which nobody knows yet stops with
//! [`Stop::Asked`] before it has done anything, and is run again when the answer is there.
//!
//! | to change | open |
//! |---|---|
//! | what a command is given, and how it ends | `context.rs`, `host.rs` |
//! | subcommands, values, lists | `values.rs` |
//! | `arp` | `arp.rs` |
//! | `ip`, `icmp`, `udp`, `ping` | `protocols.rs` |
//! | `ipfilter` | `ipfilter.rs` |
//! | `route` | `route.rs` |
//! | `tcp` | `tcp.rs` |

mod arp;
mod context;
mod host;
mod ipfilter;
mod protocols;
mod route;
mod tcp;
mod values;

use wanbox_net_console::table::Entry;

pub use context::{Context, Done, Output, Stop, Then};
pub use host::{Asy, AsyPort, Device, Host, Outer, Parameter};
pub use values::Command;

/// The commands of the station, in the order in which abbreviations are looked up. The words of an entry
/// count the command itself.
pub const COMMANDS: &[Entry<Command>] = &[
    Entry::new("arp", arp::arp),
    Entry::new("icmp", protocols::icmp),
    Entry::new("ip", protocols::ip),
    Entry::new("ipfilter", ipfilter::ipfilter),
    Entry::new("ping", protocols::ping),
    Entry::new("route", route::route),
    Entry::new("tcp", tcp::tcp),
    Entry::new("udp", protocols::udp),
];
