//! Token bucket: committed rate, burst and excess burst.
