//! Control sockets: one JSON request and one JSON reply a line.
