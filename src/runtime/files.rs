//! Where files live: the root prefix, the run directory, safe writes.
