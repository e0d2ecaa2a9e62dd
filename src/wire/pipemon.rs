//! The WANPIPE UDP management protocol.
