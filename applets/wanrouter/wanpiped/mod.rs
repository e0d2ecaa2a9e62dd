//! `wanpiped`: the link daemon, one process a device.
