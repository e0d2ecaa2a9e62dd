//! The console of the station, without a terminal: keys, lines and words.
//!
//! | to change | open |
//! |---|---|
//! | what keys do | `editor.rs` |
//! | which octets are which key | `keys.rs` |
//! | what a Telnet session sends and shows | `telnet.rs` |
//! | what the network may show on a screen | `guard.rs` |
//! | how a line becomes words | `words.rs` |
//! | how words are found in tables, and lists of them | `table.rs` |

pub mod editor;
pub mod guard;
pub mod keys;
pub mod table;
pub mod telnet;
pub mod words;
