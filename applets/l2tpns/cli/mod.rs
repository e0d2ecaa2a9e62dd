//! The command line that people log in to, by telnet or through the control socket.
//!
//! | to change | open |
//! |---|---|
//! | what it needs of the daemon | `host.rs` |
//! | who may log in | `users.rs`, `password/` |

mod host;
mod password;
mod users;

pub use host::{BgpChange, Features, Form, Host, Page, Show};
pub use users::Users;
