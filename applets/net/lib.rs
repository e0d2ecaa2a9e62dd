//! `net`, the packet-radio station: its program, devices and consoles.
//!
//! | to change | open |
//! |---|---|
//! | options of the program | `options.rs` |
//! | what is opened, in which order, and what a turn of the poll loop does | `program.rs` |
//! | what commands ask of the process | `host.rs` |
//! | where the files are, what is learned, names of hosts | `files.rs` |
//! | the log file | `journal.rs` |
//! | files that grow, and disks that are full | `growing.rs` |
//! | where traces go | `traces.rs` |
//! | the terminal, attached consoles | `consoles.rs`, `attach.rs` |
//! | the host's ends of `tcpgate` | `gates.rs` |
//! | commands from shells | `scripts.rs` |
//! | commands of the host's shell | `shells.rs` |
//! | programs and logins for those who come over a network, their accounts | `logins.rs`, `accounts.rs` |
//! | lines, tunnels, interfaces of the host | `devices/` |
//!
//! What it does without devices is in the rooms below: the stack in `tcp` and `engine`, what uses it in
//! `services`, what people type in `console`, `commands` and `desk`.

mod accounts;
mod agwpe;
mod attach;
mod consoles;
pub mod devices;
mod files;
mod gates;
mod growing;
mod host;
mod journal;
mod logins;
mod options;
mod program;
mod scripts;
mod shells;
mod traces;

use wanbox_grammar::Applet;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[options::APPLET];
