//! The engine as its owner sees it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails this way")]

mod hostile;
mod losses;
mod peer;
mod pressing;
mod script;
mod sim;
mod states;
