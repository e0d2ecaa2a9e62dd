//! RADIUS: who may come in and with what (RFC 2865), who was there (RFC 2866, 2869), and what the
//! server changes meanwhile (RFC 5176).
//!
//! | to change | open |
//! |---|---|
//! | authenticators, hidden passwords | `crypto.rs` |
//! | what is asked and what is reported | `request.rs`, `accounting.rs` |
//! | what an answer means | `authorization.rs`, `pairs.rs` |
//! | which server is asked when, and how often | `client.rs`, `client/`, `server.rs`, `slots.rs` |
//! | requests to us | `dae.rs` |
//!
//! A user may also be known without a server: [`crate::subscribers`] gives the same
//! [`Authorization`].

mod accounting;
mod authorization;
mod client;
mod crypto;
pub mod dae;
mod fuzz;
mod pairs;
mod request;
mod server;
mod slots;
#[cfg(test)]
mod tests;

pub use accounting::{AccountingRequest, Ended, Status, Usage};
pub use authorization::{
    Authorization, FramedAddress, MAX_LIST, Rejection, Route4, Tunnel, filter_name,
};
pub use client::{
    Answer, COMPLAINTS, Client, Complaint, Config, Event, ExchangeView, Fault, Refusal, Transmit,
    Unmatched, retry_after,
};
pub use crypto::SharedSecret;
pub use fuzz::fuzz_radius_client;
pub use pairs::{Pair, pairs};
pub use request::{AccessRequest, MAX_PASSWORD, MAX_USER, Nas, Port, Service, acct_session_id};
pub use server::{ServerView, Stats};
