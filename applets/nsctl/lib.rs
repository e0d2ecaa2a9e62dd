//! `nsctl`: commands to the plugins of an `l2tpns`.

use wanbox_grammar::Applet;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[];
