//! What a Cisco HDLC link counts. In the comments: the offset of the counter in
//! the operational statistics (opcode 27) of the management protocol.

/// Counters since the start or the last flush. They do not wrap; who shows them
/// in 16 or 32 bits cuts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames sent, control frames included (00).
    pub tx_frames: u64,
    /// Their octets with the Cisco header, without FCS (04).
    pub tx_octets: u64,
    /// Packets not sent: longer than the MTU (10).
    pub tx_too_long: u64,
    /// Packets not sent: the link was down.
    pub tx_link_down: u64,
    /// Packets not sent: for a channel that this link does not have.
    pub tx_wrong_channel: u64,
    /// Packets not sent: of a kind that this link does not carry.
    pub tx_unsupported: u64,
    /// Frames sent with the broadcast address.
    pub tx_broadcast: u64,
    /// Frames received, good and bad (20).
    pub rx_frames: u64,
    /// Their octets without FCS (24).
    pub rx_octets: u64,
    /// Frames discarded: too short (30).
    pub rx_short: u64,
    /// Frames discarded: longer than MTU and header (34).
    pub rx_long: u64,
    /// Frames discarded: data while the link was down, anything without a carrier (38).
    pub rx_inactive: u64,
    /// Frames received with the broadcast address.
    pub rx_broadcast: u64,
    /// SLARP requests sent (40).
    pub slarp_requests_tx: u64,
    /// SLARP requests received (44).
    pub slarp_requests_rx: u64,
    /// SLARP replies sent (48).
    pub slarp_replies_tx: u64,
    /// SLARP replies received (4C).
    pub slarp_replies_rx: u64,
    /// SLARP keepalives sent (50).
    pub keepalives_tx: u64,
    /// SLARP keepalives received (54).
    pub keepalives_rx: u64,
    /// Frames of the Cisco Discovery Protocol received (64); none are sent (60).
    pub cdp_rx: u64,
    /// IPX packets received and discarded: no channel carries them.
    pub ipx_rx: u64,
    /// Of the short frames: those with a part of a Cisco header (80).
    pub bad_header: u64,
    /// Of the long frames: those under a Cisco header, that is, without streaming (82).
    pub bad_length: u64,
    /// Frames with a wrong address octet (84).
    pub bad_address: u64,
    /// Frames with a wrong control octet (86).
    pub bad_control: u64,
    /// Frames of an unknown protocol (88).
    pub bad_type: u64,
    /// IP packets whose version contradicts the header, or empty ones.
    pub bad_payload: u64,
    /// SLARP packets of a wrong length.
    pub bad_slarp_length: u64,
    /// SLARP packets with an unknown code (8A).
    pub bad_slarp_code: u64,
    /// SLARP replies from whose address none can be derived (8C).
    pub reply_bad_address: u64,
    /// SLARP replies with an impossible mask (8E).
    pub reply_bad_mask: u64,
    /// SLARP replies that nobody asked for.
    pub reply_unsolicited: u64,
    /// SLARP requests not answered, for want of an address of our own.
    pub requests_unanswered: u64,
    /// Expected keepalives that did not come (A0).
    pub keepalive_timeouts: u64,
    /// SLARP requests that got no reply in time (A2).
    pub request_timeouts: u64,
    /// Times the link came up (B0).
    pub link_up: u64,
    /// Times the link went down with the carrier (B2).
    pub down_carrier: u64,
    /// Times the link went down for want of keepalives (B4).
    pub down_keepalive: u64,
    /// Times the line was found looped (B6).
    pub looped: u64,
    /// Times the peer's sequence jumped: it restarted, or looked for a loop itself.
    pub peer_restarts: u64,
    /// Changes of DCD.
    pub dcd_changes: u64,
    /// Changes of CTS.
    pub cts_changes: u64,
    /// Events that the owner did not fetch in time.
    pub events_lost: u64,
}
