//! Frame Relay local management: T1.617 Annex D, Q.933 Annex A, gang of four.
