//! The L2TP network server as sans-I/O values: no socket, no clock, no file.
//!
//! | to change | open |
//! |---|---|
//! | what can be configured, how it is written and shown | `config/` |
//! | control connections and calls (RFC 2661) | `tunnel/` |
//! | RADIUS as a client, and its requests to us | `radius/` |
//! | users that are known without RADIUS | `subscribers/` |
//! | one subscriber: from the call to the address | `session/` |
//! | which address a subscriber gets | `pool.rs` |
//! | what happens to a packet | `plane/` |
//! | router advertisements and DHCPv6 | `ipv6/` |
//! | hooks of built-in and external plugins | `plugin/` |
//! | what the files of `accounting_dir` say | `accounting.rs` |
//! | what people are shown | `show/` |
//! | how all of these work together | `concentrator/` |

pub mod accounting;
pub mod concentrator;
pub mod config;
mod id;
pub mod ipv6;
pub mod plane;
pub mod plugin;
pub mod pool;
pub mod radius;
pub mod session;
pub mod show;
pub mod subscribers;
pub mod tunnel;

pub use id::{BundleId, CallId, SessionId, SocketId, TunnelId};
