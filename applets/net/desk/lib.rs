//! The operator's desk: consoles with their sessions, and the commands that they run. No descriptor, no clock.
