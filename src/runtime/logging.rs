//! Sinks of the log facade, and rate limits.
