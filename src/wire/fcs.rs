//! HDLC frame check sequence, 16 bits (ISO/IEC 13239, RFC 1662 appendix C).
