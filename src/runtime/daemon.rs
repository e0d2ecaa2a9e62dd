//! Daemon start: detach after readiness, pid file and lock.
