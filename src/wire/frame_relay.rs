//! Q.922 addresses and RFC 2427 multiprotocol encapsulation.
