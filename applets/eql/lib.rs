//! Load balancing of serial links: the programs of the kernel's eql driver, the same in user
//! space, and what keeps the links up.
//!
//! | to change | open |
//! |---|---|
//! | which slave carries a packet, who may be a slave | `engine/` |
//! | the commands | `enslave.rs`, `emancipate.rs`, `status.rs`, `tune.rs` |
//! | what they do with a device of the kernel's driver | `kernel.rs` |
//! | slaves that lead back to their master | `circle.rs` |
//! | the master in user space | `eqld/` |
//! | the connection keeper | `dial/` |
//! | how they find a master, and ask an eqld | `master.rs`, `control.rs` |

use wanbox_grammar::Applet;

mod circle;
pub mod control;
mod dial;
mod emancipate;
mod enslave;
mod eqld;
mod kernel;
mod master;
mod status;
mod tune;

pub use dial::fuzz_dial;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[
    enslave::APPLET,
    emancipate::APPLET,
    status::APPLET,
    tune::APPLET,
    eqld::APPLET,
    dial::APPLET,
];
