//! Addresses, routes and link state of the host.
