//! The Point-to-Point Protocol (RFC 1661) as sans-I/O engines, for one link of a daemon and for
//! tens of thousands of sessions in an access concentrator.

pub mod auth;
pub mod automaton;
pub mod multilink;
