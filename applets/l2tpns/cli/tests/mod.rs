//! Sessions octet by octet, and the sockets in a loop of their own.

mod fake;
mod sessions;
mod sockets;
