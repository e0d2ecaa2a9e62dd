//! AX.25, the link layer of packet radio (AX.25 version 2.2), without lines and clocks.
//!
//! | to | use |
//! |---|---|
//! | carry packets between two stations, once and in order | [`connection`] |

pub mod connection;
