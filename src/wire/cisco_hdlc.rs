//! Cisco HDLC framing and SLARP.
