//! What happened, by name.

/// The counters of a stack. Those with a `tcp` name of the MIB (RFC 1066, RFC 4022) are what
/// `tcp status` shows; the others say what was dropped or refused, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// tcpActiveOpens: connections begun here.
    pub active_opens: u64,
    /// tcpPassiveOpens: connections begun by others that a server here took.
    pub passive_opens: u64,
    /// tcpAttemptFails: connections that never came to be.
    pub attempt_fails: u64,
    /// tcpEstabResets: connections that ended at once.
    pub estab_resets: u64,
    /// tcpCurrEstab: connections in ESTABLISHED and CLOSE-WAIT.
    pub curr_estab: u64,
    /// tcpInSegs: segments received, damaged ones included.
    pub in_segs: u64,
    /// tcpOutSegs: segments sent without those that hold nothing but retransmitted octets.
    pub out_segs: u64,
    /// tcpRetransSegs: segments sent again.
    pub retrans_segs: u64,
    /// tcpInErrs: segments with a wrong checksum or header.
    pub in_errs: u64,
    /// tcpOutRsts: segments with RST sent.
    pub out_rsts: u64,

    /// Segments whose checksum is wrong.
    pub bad_checksum: u64,
    /// Segments with a malformed header or malformed options.
    pub malformed: u64,
    /// Segments from or to a group, a broadcast, port 0 or nobody.
    pub bad_address: u64,
    /// Segments with flags that go with no state.
    pub bad_flags: u64,
    /// Segments to no connection and no server.
    pub no_connection: u64,
    /// Segments outside of the window.
    pub out_of_window: u64,
    /// Segments whose timestamp is older than what was received before (PAWS).
    pub old_timestamp: u64,
    /// Acknowledgements of what was never sent, or long ago (RFC 5961 section 5).
    pub bad_ack: u64,
    /// RST within the window, but not at its start (RFC 5961 section 3).
    pub inexact_rst: u64,
    /// SYN to a connection that exists (RFC 5961 section 4).
    pub unexpected_syn: u64,
    /// Challenge acknowledgements sent.
    pub challenge_acks: u64,
    /// Challenge acknowledgements not sent because one was sent just before.
    pub challenges_suppressed: u64,
    /// SYN refused because a server's queue of connections nobody accepts is full.
    pub backlog_full: u64,
    /// SYN answered with a cookie because too many others are half open.
    pub cookies_sent: u64,
    /// Connections made from a cookie.
    pub cookies_accepted: u64,
    /// Acknowledgements taken for cookies that were none of ours.
    pub cookies_bad: u64,
    /// Connections refused because there are too many.
    pub too_many_connections: u64,
    /// Connections in TIME-WAIT ended early because there are too many.
    pub time_waits_recycled: u64,
    /// Segments dropped because buffers have all the memory they may have.
    pub no_memory: u64,
    /// Segments out of order dropped because there are too many holes.
    pub too_many_holes: u64,
    /// Segments for a connection that were received before, wholly.
    pub duplicates: u64,
    /// Segments received out of order and kept.
    pub out_of_order: u64,
    /// Segments with an urgent pointer, which is not looked at.
    pub urgent: u64,
    /// Data for a connection that nobody reads any more.
    pub data_after_close: u64,
    /// Answers to strangers not sent because too many wait.
    pub answers_suppressed: u64,
    /// Connections given up because nothing was acknowledged.
    pub timeouts: u64,
    /// Retransmission timeouts.
    pub retransmission_timeouts: u64,
    /// Timeouts that were found to have been too early (RFC 5682, RFC 3522).
    pub spurious_timeouts: u64,
    /// Losses repaired before the timeout.
    pub fast_recoveries: u64,
    /// Questions into a closed window.
    pub window_probes: u64,
    /// Questions to a silent side.
    pub keepalive_probes: u64,
    /// ICMP errors about a segment under way.
    pub unreachables: u64,
    /// ICMP "fragmentation needed" that made segments smaller.
    pub path_mtu_lowered: u64,
    /// Paths on which segments vanished until they were made smaller (RFC 2923).
    pub black_holes: u64,
    /// ICMP errors about no connection, or about no segment under way (RFC 5927).
    pub bad_icmp: u64,
}
