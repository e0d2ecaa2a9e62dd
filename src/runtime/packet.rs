//! Packet sockets on kernel devices.
