//! The command line that people log in to, by telnet or through the control socket.
//!
//! | to change | open |
//! |---|---|
//! | which commands there are, who sees them, what may follow | `tree.rs` |
//! | what commands do, and answer | `run.rs` |
//! | what it needs of the daemon | `host.rs` |
//! | logging in, prompts, keys, paging | `session.rs` |
//! | `debug` | `debug.rs` |
//! | who may log in | `users.rs`, `password/`, `guard.rs` |
//! | sockets | `server.rs` |
//! | `l2tpns -e` | `control.rs`, `client.rs` |

mod client;
mod control;
mod debug;
mod guard;
mod host;
mod print;
mod run;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tree;
mod users;

pub(crate) use client::{execute, socket};
pub use host::{BgpChange, Features, Form, Host, Page, Show};
pub use run::VERSION;
pub use server::{Cli, MAX_SESSIONS, Owners};
pub use users::Users;
