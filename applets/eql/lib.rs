//! Load balancing of serial links: the programs of the kernel's eql driver, the same in user
//! space, and what keeps the links up.

use wanbox_grammar::Applet;

pub mod control;
mod eqld;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[eqld::APPLET];
