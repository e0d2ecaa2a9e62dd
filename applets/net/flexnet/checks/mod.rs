//! Nodes alone, and networks of them.

mod network;
mod packets;
mod station;
