//! IPv4, IPv6, UDP, TCP headers and the Internet checksum.
