//! Completions and man pages out of argument descriptions.
