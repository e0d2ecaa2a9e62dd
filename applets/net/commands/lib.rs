//! What can be asked of the station in words: one function a command.
//!
//! A command sees the station, its sessions and servers, and the process around it ([`Host`]); it writes what
//! people read to [`Output`]. It never waits: one that needs a name which nobody knows yet stops with
//! [`Stop::Asked`] before it has done anything, and is run again when the answer is there.

mod context;
mod host;

pub use context::{Context, Done, Output, Stop, Then};
pub use host::{Asy, AsyPort, Device, Host, Outer, Parameter};
