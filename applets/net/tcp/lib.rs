//! TCP (RFC 9293) as a value that is fed and asked: no socket, no clock, no thread.
//!
//! | call | means |
//! |---|---|
//! | [`Tcp::segment`] | a segment came in |
//! | [`Tcp::poll_transmit`] | the next segment to send |
//! | [`Tcp::poll_timeout`], [`Tcp::handle_timeout`] | when to look again; do what is due |
//! | [`Tcp::poll_event`] | what the owner must know |
//! | [`Tcp::connect`], [`Tcp::listen`], [`Tcp::accept`] | OPEN |
//! | [`Tcp::send`], [`Tcp::receive`], [`Tcp::close`], [`Tcp::abort`], [`Tcp::release`] | SEND, RECEIVE, CLOSE, ABORT, and letting go |
//! | [`Tcp::unreachable`], [`Tcp::too_big`] | what ICMP says |
//!
//! After anything was fed, the owner asks for segments until there are none, then for news. Files
//! follow the sections of the RFC: `arrives` (3.10.7.3 and 3.10.7.4), `acknowledge`, `text`, `output`,
//! `timeouts` (3.10.8), `calls` (3.10.1 to 3.10.6).
//!
//! Slow radio channels set some of what is done. The timeout begins with a round trip time that an
//! administrator knows, and does not believe a short SYN about long segments; a timeout that was too
//! early is found out and taken back; where a round trip takes more than a second, a connection
//! begins with one segment.
//!
//! Memory is what is buffered: buffers grow and go back. Everything is bounded: connections, half-open
//! ones (beyond, cookies), octets in all buffers, holes, answers to strangers.

mod acknowledge;
mod arrives;
mod calls;
mod congestion;
mod connection;
mod counters;
mod event;
mod flow;
mod fuzz;
mod icmp;
mod listener;
mod output;
mod parameters;
mod reassembly;
mod ring;
mod rtt;
mod scoreboard;
mod sequence;
mod shared;
mod siphash;
mod table;
mod tcp;
mod text;
mod timeouts;
mod timers;
mod view;

pub use calls::Error;
pub use connection::State;
pub use counters::Counters;
pub use event::{Event, Reason};
pub use flow::{Endpoint, Flow};
pub use fuzz::fuzz_tcp;
pub use icmp::Quote;
pub use listener::{Listener, ListenerId};
pub use output::{Checksum, Offload, Outgoing};
pub use parameters::{Congestion, Options, Parameters};
pub use rtt::Path;
pub use siphash::Key;
pub use table::Id;
pub use tcp::{Incoming, Tcp};
pub use view::{Timer, View};
