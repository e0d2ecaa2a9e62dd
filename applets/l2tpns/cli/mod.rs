//! The command line that people log in to, by telnet or through the control socket.
//!
//! | to change | open |
//! |---|---|
//! | what it needs of the daemon | `host.rs` |

mod host;

pub use host::{BgpChange, Features, Form, Host, Page, Place, Show};
