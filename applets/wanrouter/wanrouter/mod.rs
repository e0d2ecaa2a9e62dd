//! `wanrouter`: start, stop, status.
