//! `wanrouter`, `wanconfig` and the link daemon `wanpiped`.

use wanbox_grammar::Applet;

pub mod conf;
pub mod control;
mod daemons;
pub mod proc_files;
mod wanconfig;
mod wanpiped;
mod wanrouter;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[wanpiped::APPLET];
