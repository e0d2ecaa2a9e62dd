//! A stub resolver that never blocks the loop.
