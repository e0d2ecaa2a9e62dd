//! The seeded simulator: engines over a lossy, reordering, duplicating, delaying line with a virtual clock.
