//! Counters. All of them wrap.

use wanbox_wire::ppp::Code;

use super::auth;

/// Packets of a control protocol with the codes 1 to 7, as the monitors show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlStats {
    received: [u32; 8],
    sent: [u32; 8],
    /// Packets whose lengths contradict each other.
    pub malformed: u32,
    /// Configure-Acks of something that was not asked for.
    pub bad_ack: u32,
    /// Configure-Naks and -Rejects of something that was not asked for, or empty.
    pub bad_nak: u32,
    /// Answers to no request that is out: late, doubled or made up.
    pub bad_identifier: u32,
}

/// The place of a code in the tables, below 8; 0 for others.
fn place(code: Code) -> usize {
    match u8::from(code) {
        known @ 1..=7 => usize::from(known),
        _ => 0,
    }
}

impl ControlStats {
    /// Packets received with a code from 1 to 7; with an unknown one for any other `code`.
    #[must_use]
    pub fn packets_received(&self, code: Code) -> u32 {
        self.received.get(place(code)).copied().unwrap_or_default()
    }

    /// Packets sent with a code from 1 to 7; 0 for any other `code`.
    #[must_use]
    pub fn packets_sent(&self, code: Code) -> u32 {
        self.sent.get(place(code)).copied().unwrap_or_default()
    }

    pub(crate) fn received(&mut self, code: Code) -> &mut u32 {
        &mut self.received[place(code)]
    }

    pub(crate) fn sent(&mut self, code: Code) -> &mut u32 {
        &mut self.sent[place(code)]
    }
}

/// One kind of packet, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the peer.
    pub received: u32,
    /// To the peer.
    pub sent: u32,
}

/// Packets with a magic number that should not be in them (RFC 1661 section 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loopback {
    /// Configure-Requests with our own number.
    pub configure_request: u32,
    /// Echo-Requests with our own number.
    pub echo_request: u32,
    /// Echo-Requests with a number that is neither ours nor the peer's.
    pub echo_request_foreign: u32,
    /// Echo-Replies with our own number.
    pub echo_reply: u32,
    /// Echo-Replies with a number that is neither ours nor the peer's.
    pub echo_reply_foreign: u32,
    /// Discard-Requests with our own number.
    pub discard_request: u32,
    /// Discard-Requests with a number that is neither ours nor the peer's.
    pub discard_request_foreign: u32,
}

/// What a link counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// LCP packets with the codes 1 to 7.
    pub lcp: ControlStats,
    /// Protocol-Rejects.
    pub protocol_reject: Traffic,
    /// Echo-Requests.
    pub echo_request: Traffic,
    /// Echo-Replies.
    pub echo_reply: Traffic,
    /// Discard-Requests.
    pub discard_request: Traffic,
    /// Identifications and Time-Remainings received (RFC 1570).
    pub identification: u32,
    /// PAP and CHAP packets.
    pub auth: auth::Stats,
    /// Magic numbers where they should not be.
    pub loopback: Loopback,
    /// Frames of LCP.
    pub lcp_frames: Traffic,
    /// Frames of PAP.
    pub pap_frames: Traffic,
    /// Frames of CHAP.
    pub chap_frames: Traffic,
    /// Link Quality Reports received.
    pub quality_frames: u32,
    /// Frames whose address, control or protocol cannot be.
    pub bad_header: u32,
    /// Frames while the line was down or held down.
    pub while_down: u32,
    /// Frames of a protocol that has no place in the link's phase.
    pub out_of_phase: u32,
    /// Frames of an unknown protocol.
    pub unknown_protocol: u32,
    /// Payloads refused because the link was not in its network phase.
    pub refused_down: u32,
    /// Payloads refused because the peer does not take so long ones.
    pub refused_long: u32,
    /// Times that LCP came up.
    pub ups: u32,
}

/// What the network layers of a link or bundle count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkStats {
    /// IPCP packets.
    pub ipcp: ControlStats,
    /// IPV6CP packets.
    pub ipv6cp: ControlStats,
    /// Frames of IPCP.
    pub ipcp_frames: Traffic,
    /// Frames of IPV6CP.
    pub ipv6cp_frames: Traffic,
    /// IPv4 packets.
    pub ipv4: Traffic,
    /// IPv6 packets.
    pub ipv6: Traffic,
    /// IPX and IPXCP frames received; they are rejected.
    pub ipx_received: u32,
    /// Packets of a network layer that was not open.
    pub not_open: u32,
    /// Packets that were empty or of another IP version than their protocol number says.
    pub malformed: u32,
    /// Payloads refused because their network layer was not open.
    pub refused_down: u32,
    /// Payloads refused because the peer does not take so long ones.
    pub refused_long: u32,
}

/// One more.
pub(crate) const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
