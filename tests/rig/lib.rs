//! What the end-to-end tests, the demonstration and the benchmarks stand on:
//! network namespaces, routers with a tree of files of their own, captures
//! read by tshark, machines with a kernel of their own, and waiting with a deadline.
//!
//! Everything made here is gone when its value is dropped, and [`sandbox::enter`]
//! takes the rest when the program ends, however it ends.

pub mod capture;
pub mod control;
pub mod debian;
pub mod error;
pub mod json;
pub mod lab;
pub mod lines;
pub mod need;
pub mod netns;
pub mod ping;
pub mod radius;
pub mod router;
pub mod run;
pub mod running;
pub mod sandbox;
pub mod temp;
pub mod terminal;
pub mod wait;

pub use debian::Debian;
pub use error::{Error, Result};
pub use lab::Lab;
pub use lines::Lines;
pub use need::Need;
pub use netns::Netns;
pub use radius::Radius;
pub use router::Router;
pub use run::Finished;
pub use running::{Running, Times, resident, times};
pub use temp::TempDir;
pub use terminal::Terminal;
pub use wait::{uninterrupted, until, wait_for};

#[cfg(test)]
mod tests;
