//! Requests and replies between the commands and the link daemon.
