//! The L2TP access concentrator.
//!
//! | to change | open |
//! |---|---|
//! | protocols, and what is decided | `engine/` |
//! | sockets, the TUN, routes, signals | `daemon/` |
//! | the command line that people log in to | `cli/` |
//! | programs that are plugins, and the walled garden | `plugins/` |

pub mod cli;

use wanbox_grammar::Applet;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[];
