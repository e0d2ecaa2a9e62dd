//! Progress of long work on a terminal or a log.
