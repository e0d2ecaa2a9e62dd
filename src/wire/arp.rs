//! ARP and inverse ARP (RFC 826, RFC 2390).
