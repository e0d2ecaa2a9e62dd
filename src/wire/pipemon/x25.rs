//! The data of X.25 commands.
//!
//! [`LinkStatus`] says whether the link is set up by its return code: 1 connected, 0 not.

pub use super::ppp::LineErrors;

use super::Text;

/// The station of [`LinkStatus`] and [`Config`] that is a DTE.
pub const STATION_DTE: u8 = 1;
/// The station of [`LinkStatus`] that is a DCE; drivers write 0 into [`Config`].
pub const STATION_DCE: u8 = 2;

/// The option of [`Config::line_options`] for V.35; 0 is RS-232.
pub const LINE_V35: u8 = 0x80;

layout! {
    /// HDLC_LINK_STATUS.
    pub struct LinkStatus[5] {
        /// Information frames that wait to be sent.
        tx_queued: u8 = 0,
        /// Information frames that wait for the host.
        rx_queued: u8 = 1,
        /// [`STATION_DTE`] or [`STATION_DCE`].
        station: u8 = 2,
        /// Supervisory frames, counted round.
        supervisory: u8 = 4,
    }
}

layout! {
    /// HDLC_READ_STATS: LAPB.
    pub struct LinkStatistics[34] {
        /// Information frames received and taken.
        rx_ok: u16 = 0x00,
        /// Information frames received out of sequence.
        rx_out_of_sequence: u16 = 0x02,
        /// Information frames without information.
        rx_no_data: u16 = 0x04,
        /// Frames discarded.
        rx_discarded: u16 = 0x06,
        /// Frames that were too long.
        rx_too_long: u16 = 0x08,
        /// Frames with a wrong address.
        rx_bad_address: u16 = 0x0A,
        /// Information frames sent and acknowledged.
        tx_acknowledged: u16 = 0x0C,
        /// Information frames sent again.
        tx_repeated: u16 = 0x0E,
        /// Times that T1 ran out.
        t1_timeouts: u16 = 0x10,
        /// SABM received.
        rx_sabm: u16 = 0x12,
        /// DISC received.
        rx_disc: u16 = 0x14,
        /// DM received.
        rx_dm: u16 = 0x16,
        /// FRMR received.
        rx_frmr: u16 = 0x18,
        /// SABM sent.
        tx_sabm: u16 = 0x1A,
        /// DISC sent.
        tx_disc: u16 = 0x1C,
        /// DM sent.
        tx_dm: u16 = 0x1E,
        /// FRMR sent.
        tx_frmr: u16 = 0x20,
    }
}

layout! {
    /// READ_STATISTICS: packets by type, sent and received.
    pub struct PacketStatistics[64] {
        /// Restart requests.
        restart: [u8; 4] = 0x00,
        /// Restart confirmations.
        restart_confirmation: [u8; 4] = 0x04,
        /// Reset requests.
        reset: [u8; 4] = 0x08,
        /// Reset confirmations.
        reset_confirmation: [u8; 4] = 0x0C,
        /// Call requests.
        call: [u8; 4] = 0x10,
        /// Calls accepted.
        accepted: [u8; 4] = 0x14,
        /// Clear requests.
        clear: [u8; 4] = 0x18,
        /// Clear confirmations.
        clear_confirmation: [u8; 4] = 0x1C,
        /// Diagnostics.
        diagnostic: [u8; 4] = 0x20,
        /// Registration requests.
        registration: [u8; 4] = 0x24,
        /// Registration confirmations.
        registration_confirmation: [u8; 4] = 0x28,
        /// Interrupts.
        interrupt: [u8; 4] = 0x2C,
        /// Interrupt confirmations.
        interrupt_confirmation: [u8; 4] = 0x30,
        /// Data.
        data: [u8; 4] = 0x34,
        /// Receive ready.
        rr: [u8; 4] = 0x38,
        /// Receive not ready.
        rnr: [u8; 4] = 0x3C,
    }
}

layout! {
    /// READ_CONFIGURATION, SET_CONFIGURATION.
    pub struct Config[55] {
        /// Line speed by its code.
        baud: u8 = 0x00,
        /// T1, seconds.
        t1: u8 = 0x01,
        /// T2, seconds.
        t2: u8 = 0x02,
        /// N2, transmissions of a frame.
        n2: u8 = 0x03,
        /// The longest information field of LAPB, octets.
        mtu: u16 = 0x04,
        /// The window of LAPB, frames.
        window: u8 = 0x06,
        /// T4 in units of T1.
        t4: u8 = 0x07,
        /// Whether the modem lines are handled by the adapter.
        auto_modem: u8 = 0x08,
        /// Whether LAPB is set up by the adapter.
        auto_link: u8 = 0x09,
        /// [`LINE_V35`].
        line_options: u8 = 0x0A,
        /// [`STATION_DTE`], or 0 or [`STATION_DCE`].
        station: u8 = 0x0B,
        /// The window of circuits, packets.
        packet_window: u8 = 0x0C,
        /// The packet size where none is agreed on, octets.
        default_packet: u16 = 0x0D,
        /// The greatest packet size, octets.
        max_packet: u16 = 0x0F,
        /// Permanent circuits, lowest; 0: none.
        pvc_low: u16 = 0x11,
        /// Permanent circuits, highest.
        pvc_high: u16 = 0x13,
        /// Circuits for incoming calls, lowest; 0: none.
        incoming_low: u16 = 0x15,
        /// Circuits for incoming calls, highest.
        incoming_high: u16 = 0x17,
        /// Circuits for calls of both sides, lowest; 0: none.
        two_way_low: u16 = 0x19,
        /// Circuits for calls of both sides, highest.
        two_way_high: u16 = 0x1B,
        /// Circuits for outgoing calls, lowest; 0: none.
        outgoing_low: u16 = 0x1D,
        /// Circuits for outgoing calls, highest.
        outgoing_high: u16 = 0x1F,
        /// Options.
        options: u16 = 0x21,
        /// Data packets before an RR is sent.
        response: u8 = 0x23,
        /// The year of the recommendation, 1980, 1984 or 1988.
        level: u16 = 0x2C,
        /// T10 or T20, seconds.
        t10: u8 = 0x2E,
        /// T11 or T21, seconds.
        t11: u8 = 0x2F,
        /// T12 or T22, seconds.
        t12: u8 = 0x30,
        /// T13 or T23, seconds.
        t13: u8 = 0x31,
        /// T16 or T26, seconds.
        t16: u8 = 0x32,
        /// T28, seconds.
        t28: u8 = 0x33,
        /// R10 or R20, transmissions of a restart.
        r10: u8 = 0x34,
        /// R12 or R22, transmissions of a reset.
        r12: u8 = 0x35,
        /// R13 or R23, transmissions of a clear.
        r13: u8 = 0x36,
    }
}

/// The state of [`Channel`] for a free channel; the others are 2 to 7 for p2 to p7, where p4 is
/// data transfer.
pub const CHANNEL_READY: u8 = 1;
/// The bit of [`Channel::state`] of a permanent circuit.
pub const CHANNEL_PERMANENT: u8 = 0x80;
/// The bit of [`Channel::state`] while the circuit is being reset.
pub const CHANNEL_RESETTING: u8 = 0x40;
/// The bit of [`Channel::state`] while the peer is not ready for data.
pub const CHANNEL_PEER_BUSY: u8 = 0x20;

layout! {
    /// READ_CHANNEL_CONFIG of one channel. The second octet is the adapter's, the rest is ours.
    pub struct Channel[64] {
        /// 1 to 7 for p1 to p7, and the bits from [`CHANNEL_PEER_BUSY`] on.
        state: u8 = 0,
        /// The packet size in bits 3 to 5, from 0 for 16 to 7 for 2048 octets and more.
        size_code: u8 = 1,
        /// Packet size that we send, its logarithm to the base 2.
        tx_size: u8 = 2,
        /// Packet size that we receive, its logarithm to the base 2.
        rx_size: u8 = 3,
        /// Window for what we send, packets.
        tx_window: u8 = 4,
        /// Window for what we receive, packets.
        rx_window: u8 = 5,
        /// Packets sent that are not acknowledged.
        outstanding: u8 = 6,
        /// Data packets sent.
        tx_packets: u32 = 8,
        /// Their octets.
        tx_octets: u32 = 12,
        /// Data packets received.
        rx_packets: u32 = 16,
        /// Their octets.
        rx_octets: u32 = 20,
        /// Resets, of both sides.
        resets: u16 = 24,
        /// Octets that wait to be sent.
        waiting: u32 = 28,
        /// The interface that has the circuit, or the kind of application.
        owner: Text<16> = 32,
        /// The address of the other end; empty with a permanent circuit.
        peer: Text<16> = 48,
    }
}

impl Channel {
    /// The code of a packet size, given by its logarithm, in [`Channel::size_code`].
    #[must_use]
    pub const fn size_code_of(log2: u8) -> u8 {
        let code = log2.saturating_sub(4);
        (if code > 7 { 7 } else { code }) << 3
    }
}

/// A pair of [`PacketStatistics`].
#[must_use]
pub const fn pair(sent: u32, received: u32) -> [u8; 4] {
    let [s0, s1, ..] = sent.to_le_bytes();
    let [r0, r1, ..] = received.to_le_bytes();
    [s0, s1, r0, r1]
}

/// Sent and received of a pair of [`PacketStatistics`].
#[must_use]
pub const fn of_pair(pair: [u8; 4]) -> (u16, u16) {
    let [s0, s1, r0, r1] = pair;
    (u16::from_le_bytes([s0, s1]), u16::from_le_bytes([r0, r1]))
}

/// The numbers in the data of GET_ACTIVE_CHANNELS: those of the channels that have a call or are
/// permanent, in order.
pub fn channels(data: &[u8]) -> impl Iterator<Item = u16> {
    let (pairs, _) = data.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_le_bytes(*pair))
}

/// Fuzz target: decoded structures encode back to the octets they came from, but for reserved ones.
pub(super) fn fuzz(input: &[u8]) {
    macro_rules! again {
        ($($ty:ty),+) => {$(
            if let Ok(x) = <$ty>::decode(input) {
                assert_eq!(<$ty>::decode(&x.encode()), Ok(x));
            }
        )+};
    }
    again!(
        LinkStatus,
        LinkStatistics,
        PacketStatistics,
        Config,
        Channel
    );
    assert_eq!(channels(input).count(), input.len() / 2);
}
