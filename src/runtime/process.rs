//! Children, privileges, SIGPIPE.
