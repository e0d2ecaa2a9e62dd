//! The Point-to-Point Protocol (RFC 1661) as sans-I/O engines, for one link of a daemon and for
//! tens of thousands of sessions in an access concentrator.
//!
//! | to | use |
//! |---|---|
//! | run PPP over one line | [`Session`]: a [`Link`] and a [`Network`] together |
//! | join lines into a bundle | a [`Link`] for each (LCP and authentication), one [`Network`] (IPCP, IPV6CP) for all |
//! | say how | [`Profile`], shared by all sessions that are alike |
//!
//! All of them are fed and asked in the same way: `carrier`, `open`, `close` and `receive` in,
//! `poll_transmit` and `poll_event` out after each of these, `handle_timeout` when
//! `poll_timeout` says so.

pub mod auth;
pub mod automaton;
mod event;
pub mod fuzz;
pub mod ipcp;
pub mod ipv6cp;
mod layer;
pub mod lcp;
mod link;
pub mod multilink;
mod network;
mod profile;
mod proof;
mod queue;
mod session;
mod stats;
mod van_jacobson;

pub use auth::Claim;
pub use event::{Cause, Event, Header, Phase, Refusal};
pub use link::{Link, LinkView, Proxied, Received};
pub use network::{Network, NetworkReceived, Payload};
pub use profile::Profile;
pub use proof::Role;
pub use session::{Delivery, Parts, Session};
pub use stats::{ControlStats, LinkStats, Loopback, NetworkStats, Traffic};
pub use van_jacobson::VanJacobson;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
