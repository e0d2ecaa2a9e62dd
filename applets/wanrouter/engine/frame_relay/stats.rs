//! Counters of a link and of its channels.

use std::time::{Duration, Instant};

/// Counters of the link since the last flush. The first group is what the management protocol's
/// global statistics show, in its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames longer than the longest information field.
    pub rx_too_long: u64,
    /// Frames that came while the line had no carrier.
    pub rx_without_carrier: u64,
    /// Frames shorter than an address.
    pub rx_too_short: u64,
    /// Frames of a DLCI without channel.
    pub rx_unknown_dlci: u64,
    /// Frames whose address or encapsulation is malformed.
    pub rx_format_error: u64,
    /// Full status enquiries sent as CPE.
    pub user_tx_full: u64,
    /// Link verification enquiries sent as CPE.
    pub user_tx_integrity: u64,
    /// Full status reports received as CPE (continued ones included).
    pub user_rx_full: u64,
    /// Link verification reports received as CPE.
    pub user_rx_integrity: u64,
    /// Full status enquiries received as node (continued ones included).
    pub node_rx_full: u64,
    /// Link verification enquiries received as node.
    pub node_rx_integrity: u64,
    /// Full status reports sent as node (continued ones included).
    pub node_tx_full: u64,
    /// Link verification reports sent as node.
    pub node_tx_integrity: u64,
    /// Management messages that are malformed or hold malformed PVC elements.
    pub bad_signalling: u64,
    /// Reports that answer no enquiry.
    pub unsolicited: u64,
    /// Messages whose send sequence number is 0.
    pub bad_send_sequence: u64,
    /// Messages whose receive sequence number is not what was sent last.
    pub bad_receive_sequence: u64,
    /// Enquiries that were not answered within T391.
    pub t391_timeouts: u64,
    /// Times T392 passed without an enquiry.
    pub t392_timeouts: u64,
    /// Times N392 errors were reached.
    pub n392_reached: u64,
    /// Times the sequence numbers started anew.
    pub initializations: u64,
    /// Send sequence number now.
    pub send_sequence: u8,
    /// Receive sequence number now.
    pub receive_sequence: u8,
    /// Consecutive T391 timeouts now.
    pub t391_consecutive: u64,
    /// Consecutive T392 timeouts now.
    pub t392_consecutive: u64,
    /// Errors among the last N393 events now.
    pub n392_current: u8,
    /// Events watched now, up to N393.
    pub n393_current: u8,

    /// Frames whose address is not of two octets.
    pub rx_bad_address: u64,
    /// Management messages of another dialect.
    pub wrong_dialect: u64,
    /// Our own enquiries that came back.
    pub looped: u64,
    /// Enquiries received as CPE that are not our own.
    pub enquiries_as_user: u64,
    /// Reports received as node.
    pub reports_as_node: u64,
    /// Management messages on a link without signalling.
    pub unexpected_signalling: u64,
    /// Single-PVC reports received.
    pub single_pvc_rx: u64,
    /// Single-PVC reports sent.
    pub single_pvc_tx: u64,
    /// PVC elements of reserved DLCIs.
    pub reserved_dlci: u64,
    /// Packets refused because the link was down.
    pub tx_link_down: u64,
    /// Packets refused because there is no such channel.
    pub tx_unknown_channel: u64,
    /// Control frames dropped because the owner did not fetch them.
    pub control_overflow: u64,
    /// Times the link came up.
    pub ups: u64,
    /// Times the link went down.
    pub downs: u64,
}

/// Counters of a channel since the last flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelStats {
    /// When counting began.
    pub since: Instant,
    /// Frames sent.
    pub tx_frames: u64,
    /// Octets of information fields sent.
    pub tx_octets: u64,
    /// Frames received.
    pub rx_frames: u64,
    /// Octets of information fields received.
    pub rx_octets: u64,
    /// Frames dropped after reception: not understood or not carried by this channel.
    pub rx_dropped: u64,
    /// Frames received while the PVC was inactive; dropped.
    pub rx_inactive: u64,
    /// Frames received beyond the committed burst.
    pub rx_over_cir: u64,
    /// Frames received with DE.
    pub rx_discard_eligible: u64,
    /// Frames received with FECN.
    pub rx_fecn: u64,
    /// Frames received with BECN.
    pub rx_becn: u64,
    /// Frames sent with DE.
    pub tx_discard_eligible: u64,
    /// Times sending was held back to the committed rate.
    pub tx_held: u64,
    /// Times BECN took the excess burst away.
    pub tx_throttled: u64,
    /// Packets refused because the channel was down.
    pub tx_down: u64,
    /// Packets refused because they were too long.
    pub tx_too_long: u64,
    /// Packets refused because the channel does not carry their kind.
    pub tx_unsupported: u64,
    /// ARP and inverse ARP packets received and used.
    pub arp_rx: u64,
    /// ARP packets that were malformed or not for us.
    pub arp_refused: u64,
    /// Inverse ARP requests sent.
    pub inarp_requests: u64,
    /// ARP and inverse ARP replies sent.
    pub arp_replies: u64,
}

impl ChannelStats {
    /// All zero, from now on.
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            tx_frames: 0,
            tx_octets: 0,
            rx_frames: 0,
            rx_octets: 0,
            rx_dropped: 0,
            rx_inactive: 0,
            rx_over_cir: 0,
            rx_discard_eligible: 0,
            rx_fecn: 0,
            rx_becn: 0,
            tx_discard_eligible: 0,
            tx_held: 0,
            tx_throttled: 0,
            tx_down: 0,
            tx_too_long: 0,
            tx_unsupported: 0,
            arp_rx: 0,
            arp_refused: 0,
            inarp_requests: 0,
            arp_replies: 0,
        }
    }

    /// For how long it has been counting.
    pub fn period(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Mean sent and received rates over that time, bit/s.
    pub fn throughput(&self, now: Instant) -> (u64, u64) {
        let millis = self.period(now).as_millis().max(1);
        let rate =
            |octets: u64| u64::try_from(u128::from(octets) * 8 * 1000 / millis).unwrap_or(u64::MAX);
        (rate(self.tx_octets), rate(self.rx_octets))
    }
}
