//! The L2TP access concentrator.
//!
//! | to change | open |
//! |---|---|
//! | options of the program | `options.rs` |
//! | protocols, and what is decided | `engine/` |
//! | sockets, the TUN, routes, signals | `daemon/` |
//! | where the files are, and what is read at the start | `files.rs` |
//! | counters for Prometheus; accounting files | `metrics.rs`, `records.rs` |
//! | the command line that people log in to | `cli/` |
//! | programs that are plugins, and the walled garden | `plugins/` |

pub mod cli;
mod daemon;
mod files;
mod metrics;
mod options;
pub mod plugins;
mod records;

use wanbox_grammar::Applet;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[options::APPLET];
