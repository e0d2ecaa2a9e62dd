//! Live views, redrawn in place.
