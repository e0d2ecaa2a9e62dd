//! Timers with cheap insert and cancel.
