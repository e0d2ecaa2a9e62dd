//! Sans-I/O parts that more than one applet uses.
//!
//! Nothing here owns a descriptor or reads a clock: time comes in as a value,
//! deadlines go out as values.

pub mod access_list;
pub mod bucket;
pub mod characters;
pub mod framing;
pub mod lapb;
pub mod mss;
pub mod nrs;
pub mod offload;
pub mod pace;
pub mod password;
pub mod ppp;
pub mod prefixes;
pub mod random;
pub mod range;
pub mod seal;
pub mod secret;
pub mod slip;
pub mod throttle;
pub mod vj;
pub mod x25;
pub mod xot;
