//! What the comparison of two network servers and the tests of the load have in common.

pub mod place;
pub mod table;
