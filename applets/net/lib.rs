//! `net`, the packet-radio station: its program, devices and consoles.
//!
//! What it does without devices is in the rooms below: `console`.

pub mod devices;
