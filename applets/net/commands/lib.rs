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
//! | `attach` | `attach.rs` |
//! | `ax25` | `ax25.rs` |
//! | `axip` | `axip.rs` |
//! | `asystat`, `param` | `devices.rs` |
//! | `domain` | `domain.rs` |
//! | `flexnet` | `flexnet.rs` |
//! | `ifconfig`, `trace` | `ifconfig.rs` |
//! | `ip`, `icmp`, `udp`, `ping` | `protocols.rs` |
//! | `ipfilter` | `ipfilter.rs` |
//! | `netrom`, `nrstat` | `netrom.rs` |
//! | `rip` | `rip.rs` |
//! | `route` | `route.rs` |
//! | `connect`, `telnet`, `finger`, `remote`, `start`, `stop` | `sessions.rs` |
//! | `status`, `memory`, `ps` | `status.rs` |
//! | `tcp` | `tcp.rs` |
//! | the process that tests and fuzzing have | `fake.rs` |

mod arp;
mod attach;
mod ax25;
mod axip;
mod context;
mod devices;
mod domain;
pub mod fake;
mod flexnet;
mod fuzz;
mod host;
mod ifconfig;
mod ipfilter;
mod netrom;
mod protocols;
mod rip;
mod route;
mod sessions;
mod status;
mod tcp;
mod values;

#[cfg(test)]
mod checks;

use wanbox_net_console::table::Entry;

pub use context::{Context, Done, Output, Stop, Then};
pub use fuzz::fuzz_station_commands;
pub use host::{Asy, AsyPort, Device, Host, Nrs, Outer, Parameter};
pub use values::Command;

/// The commands of the station, in the order in which abbreviations are looked up. The words of an entry
/// count the command itself.
pub const COMMANDS: &[Entry<Command>] = &[
    Entry::new("arp", arp::arp),
    Entry::new("asystat", devices::asystat),
    Entry::with(
        "attach",
        attach::attach,
        2,
        "attach <hardware> <hw specific options>",
    ),
    Entry::new("ax25", ax25::ax25),
    Entry::new("axip", axip::axip),
    Entry::with(
        "connect",
        sessions::connect,
        2,
        "connect <call> [via] [<digipeater> ...]",
    ),
    Entry::new("domain", domain::domain),
    Entry::with("finger", sessions::finger, 2, "finger name@host"),
    Entry::new("flexnet", flexnet::flexnet),
    Entry::new("icmp", protocols::icmp),
    Entry::new("ifconfig", ifconfig::ifconfig),
    Entry::new("ip", protocols::ip),
    Entry::new("ipfilter", ipfilter::ipfilter),
    Entry::new("memory", status::memory),
    Entry::new("netrom", netrom::netrom),
    Entry::new("nrstat", netrom::nrstat),
    Entry::with("param", devices::param, 2, "param <interface>"),
    Entry::new("ping", protocols::ping),
    Entry::new("ps", status::ps),
    Entry::with(
        "remote",
        sessions::remote,
        3,
        "remote [-p port] [-k key] [-a kickaddr] <address> exit|reset|kick",
    ),
    Entry::new("rip", rip::rip),
    Entry::new("route", route::route),
    Entry::new("status", status::status),
    Entry::with("start", sessions::start, 2, "start <servername>"),
    Entry::with("stop", sessions::stop, 2, "stop <servername>"),
    Entry::new("tcp", tcp::tcp),
    Entry::with("telnet", sessions::telnet, 2, "telnet <address>"),
    Entry::new("trace", ifconfig::trace),
    Entry::new("udp", protocols::udp),
];
