//! Cisco HDLC: SLARP keepalives and address requests.
