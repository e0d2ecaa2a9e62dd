//! The monitors: `fpipemon`, `cpipemon`.

use wanbox_grammar::Applet;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[];
