//! Frame Relay: LMI, PVCs, inverse ARP, committed rates (Q.922, Q.933, T1.617, RFC 2427, RFC 2390).
