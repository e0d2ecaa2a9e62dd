//! The data of Frame Relay commands.

use super::Field;
use crate::ParseError;

/// PVC status bits of [`LinkStatus`].
pub mod pvc {
    /// The switch deleted it.
    pub const DELETED: u8 = 0x01;
    /// It carries data.
    pub const ACTIVE: u8 = 0x02;
    /// It waits for the switch.
    pub const WAITING: u8 = 0x04;
    /// The switch reported it as new.
    pub const NEW: u8 = 0x08;
    /// The switch reported it ("included").
    pub const REPORTED: u8 = 0x40;
    /// All the bits that say what state it is in; none of them: inactive.
    pub const STATE: u8 = DELETED | ACTIVE | WAITING | NEW;
}

/// A record of READ_STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PvcStatus {
    /// The DLCI.
    pub dlci: u16,
    /// Bits of [`pvc`].
    pub status: u8,
}

/// READ_STATUS: the channel and the PVCs of the switch.
#[derive(Clone, Copy, Debug)]
pub struct LinkStatus<'a> {
    operative: bool,
    records: &'a [u8],
}

impl<'a> LinkStatus<'a> {
    /// Octets of one PVC record.
    pub const RECORD: usize = 3;

    /// Reads the data of a READ_STATUS reply. Octets after the last whole record are left alone.
    ///
    /// # Errors
    /// `Truncated` when there is not even the channel state.
    pub fn decode(data: &'a [u8]) -> Result<Self, ParseError> {
        let Some((operative, records)) = data.split_first() else {
            return Err(ParseError::Truncated {
                what: "Frame Relay link status",
                need: 1,
                have: 0,
            });
        };
        Ok(Self {
            operative: *operative != 0,
            records,
        })
    }

    /// Whether the channel is operative.
    pub fn operative(&self) -> bool {
        self.operative
    }

    /// The PVCs, in the order of the reply.
    pub fn pvcs(&self) -> impl Iterator<Item = PvcStatus> + 'a {
        self.records
            .chunks_exact(Self::RECORD)
            .map(|record| PvcStatus {
                dlci: u16::read(record, 0),
                status: u8::read(record, 2),
            })
    }

    /// Appends the data of a READ_STATUS reply to `data`, with as many PVCs as `limit` octets hold.
    pub fn encode(
        operative: bool,
        pvcs: impl IntoIterator<Item = PvcStatus>,
        limit: usize,
        data: &mut Vec<u8>,
    ) {
        let room = limit.saturating_sub(1) / Self::RECORD;
        data.push(operative.into());
        for pvc in pvcs.into_iter().take(room) {
            data.extend_from_slice(&pvc.dlci.to_le_bytes());
            data.push(pvc.status);
        }
    }
}

/// LIST_ACTIVE_DLCI: the DLCIs in the data.
pub fn active_dlcis(data: &[u8]) -> impl Iterator<Item = u16> + '_ {
    data.chunks_exact(2).map(|dlci| u16::read(dlci, 0))
}

/// Appends the data of a LIST_ACTIVE_DLCI reply, with as many DLCIs as `limit` octets hold.
pub fn encode_active_dlcis(dlcis: impl IntoIterator<Item = u16>, limit: usize, data: &mut Vec<u8>) {
    for dlci in dlcis.into_iter().take(limit / 2) {
        data.extend_from_slice(&dlci.to_le_bytes());
    }
}

/// Option bits of [`LinkConfig`].
pub mod option {
    /// The transmit CIR is not enforced.
    pub const IGNORE_TX_CIR: u16 = 0x0001;
    /// The receive CIR is not enforced.
    pub const IGNORE_RX_CIR: u16 = 0x0002;
    /// Aborted frames are not sent again.
    pub const NO_RETRANSMIT: u16 = 0x0004;
    /// The committed burst size is not enforced.
    pub const IGNORE_CBS: u16 = 0x0008;
    /// Throughput is measured.
    pub const THROUGHPUT: u16 = 0x0010;
    /// Received frames bypass the mailbox.
    pub const DIRECT_RX: u16 = 0x0080;
    /// The CPE takes its DLCIs from the switch.
    pub const AUTO_DLCI: u16 = 0x8000;
    /// The bits with the signalling dialect.
    pub const SIGNALLING: u16 = 0x0E00;
    /// T1.617 Annex D.
    pub const SIGNALLING_ANSI: u16 = 0x0000;
    /// Q.933 Annex A.
    pub const SIGNALLING_Q933: u16 = 0x0200;
    /// The gang of four's LMI.
    pub const SIGNALLING_LMI: u16 = 0x0400;
    /// No signalling.
    pub const SIGNALLING_NONE: u16 = 0x0800;
}

/// Port bits of [`LinkConfig`].
pub mod port {
    /// The clock is made here.
    pub const INTERNAL_CLOCK: u16 = 0x0001;
    /// RS-232 levels (else V.35).
    pub const RS232: u16 = 0x0002;
}

layout! {
    /// READ_CONFIG of the link (DLCI 0). A node's list of DLCIs follows as u16 words, see
    /// [`active_dlcis`].
    pub struct LinkConfig[32] {
        /// 0 CPE, 1 node.
        station: u16 = 0x00,
        /// Bits of [`option`].
        options: u16 = 0x02,
        /// Line speed, kbit/s.
        kbps: u16 = 0x04,
        /// Bits of [`port`].
        port: u16 = 0x06,
        /// The longest information field, octets.
        mtu: u16 = 0x08,
        /// User poll interval, seconds.
        t391: u16 = 0x0A,
        /// Network's poll expectation, seconds.
        t392: u16 = 0x0C,
        /// Polls from one full status to the next.
        n391: u16 = 0x0E,
        /// Errors that take the link down.
        n392: u16 = 0x10,
        /// Events in which they are counted.
        n393: u16 = 0x12,
        /// Committed rate forward, kbit/s.
        cir_forward: u16 = 0x14,
        /// Committed burst forward, kbit.
        bc_forward: u16 = 0x16,
        /// Excess burst forward, kbit.
        be_forward: u16 = 0x18,
        /// Committed rate backward, kbit/s.
        cir_backward: u16 = 0x1A,
        /// Committed burst backward, kbit.
        bc_backward: u16 = 0x1C,
        /// Excess burst backward, kbit.
        be_backward: u16 = 0x1E,
    }
}

layout! {
    /// READ_CONFIG of a DLCI.
    pub struct DlciConfig[14] {
        /// Bit 0001: no committed rate.
        flags: u16 = 0x00,
        /// Committed rate forward, kbit/s.
        cir_forward: u16 = 0x02,
        /// Committed burst forward, kbit.
        bc_forward: u16 = 0x04,
        /// Excess burst forward, kbit.
        be_forward: u16 = 0x06,
        /// Committed rate backward, kbit/s.
        cir_backward: u16 = 0x08,
        /// Committed burst backward, kbit.
        bc_backward: u16 = 0x0A,
        /// Excess burst backward, kbit.
        be_backward: u16 = 0x0C,
    }
}

layout! {
    /// READ_STATISTICS of the link (DLCI 0).
    pub struct LinkStatistics[56] {
        /// Frames not sent because they were too long.
        tx_too_long: u16 = 0x00,
        /// Frames not sent because of excessive throughput.
        tx_throughput_exceeded: u16 = 0x02,
        /// Received frames dropped as too short or too long.
        rx_bad_length: u16 = 0x04,
        /// Received frames with a DLCI that is not configured.
        rx_unconfigured_dlci: u16 = 0x06,
        /// Received frames with a format error.
        rx_format_errors: u16 = 0x08,
        /// Times the application did not respond to an interrupt.
        application_timeouts: u16 = 0x0A,
        /// CPE: full status enquiries sent.
        cpe_tx_full_status: u16 = 0x0C,
        /// CPE: link integrity verification enquiries sent.
        cpe_tx_link_verification: u16 = 0x0E,
        /// CPE: full status messages received.
        cpe_rx_full_status: u16 = 0x10,
        /// CPE: link integrity verification messages received.
        cpe_rx_link_verification: u16 = 0x12,
        /// Node: full status enquiries received.
        node_rx_full_status: u16 = 0x14,
        /// Node: link integrity verification enquiries received.
        node_rx_link_verification: u16 = 0x16,
        /// Node: full status messages sent.
        node_tx_full_status: u16 = 0x18,
        /// Node: link integrity verification messages sent.
        node_tx_link_verification: u16 = 0x1A,
        /// Signalling frames with a format error.
        signalling_format_errors: u16 = 0x1C,
        /// CPE: unsolicited responses of the network.
        unsolicited_responses: u16 = 0x1E,
        /// Signalling frames with a wrong send sequence number.
        bad_send_sequence: u16 = 0x20,
        /// Signalling frames with a wrong receive sequence number.
        bad_receive_sequence: u16 = 0x22,
        /// CPE: T391 passed without an answer.
        t391_timeouts: u16 = 0x24,
        /// Node: T392 passed without an enquiry.
        t392_timeouts: u16 = 0x26,
        /// Times that N392 errors happened in N393 events.
        n392_reached: u16 = 0x28,
        /// Times that the CPE started its procedure.
        cpe_initializations: u16 = 0x2A,
        /// Send sequence number now.
        current_send_sequence: u16 = 0x2C,
        /// Receive sequence number now.
        current_receive_sequence: u16 = 0x2E,
        /// T391 time-outs in a row now.
        current_t391_timeouts: u16 = 0x30,
        /// T392 time-outs in a row now.
        current_t392_timeouts: u16 = 0x32,
        /// Errors in the window now.
        current_n392: u16 = 0x34,
        /// Events in the window now.
        current_n393: u16 = 0x36,
    }
}

layout! {
    /// READ_STATISTICS of a DLCI.
    pub struct DlciStatistics[48] {
        /// Frames sent.
        tx_frames: u32 = 0x00,
        /// Octets sent.
        tx_octets: u32 = 0x04,
        /// Frames received.
        rx_frames: u32 = 0x08,
        /// Octets received.
        rx_octets: u32 = 0x0C,
        /// Received frames dropped.
        rx_dropped: u32 = 0x10,
        /// Received frames dropped because the DLCI is inactive.
        rx_inactive: u32 = 0x14,
        /// Received frames beyond the committed rate.
        rx_over_cir: u32 = 0x18,
        /// Received frames with DE set.
        rx_discard_eligible: u32 = 0x1C,
        /// Transmit throughput, bit/s.
        tx_throughput: u32 = 0x20,
        /// Time over which it was measured, ms.
        tx_timer: u32 = 0x24,
        /// Receive throughput, bit/s.
        rx_throughput: u32 = 0x28,
        /// Time over which it was measured, ms.
        rx_timer: u32 = 0x2C,
    }
}

impl DlciStatistics {
    /// The length that strict monitors insist on: everything before the throughput, octets.
    pub const STRICT_LEN: usize = 0x20;

    /// The first [`Self::STRICT_LEN`] octets, the form that every monitor takes.
    pub fn encode_strict(&self) -> [u8; Self::STRICT_LEN] {
        let mut strict = [0; Self::STRICT_LEN];
        for (to, from) in strict.iter_mut().zip(self.encode()) {
            *to = from;
        }
        strict
    }

    /// Reads the short or the long form; what the short one lacks is zero.
    ///
    /// # Errors
    /// `Truncated` below [`Self::STRICT_LEN`] octets.
    pub fn decode_any(data: &[u8]) -> Result<Self, ParseError> {
        if data.len() < Self::STRICT_LEN {
            return Err(ParseError::Truncated {
                what: "DlciStatistics",
                need: Self::STRICT_LEN,
                have: data.len(),
            });
        }
        let mut whole = [0; Self::LEN];
        for (to, from) in whole.iter_mut().zip(data) {
            *to = *from;
        }
        Self::decode(&whole)
    }
}

layout! {
    /// READ_ADD_DLC_STATS: congestion notifications that a DLCI received.
    pub struct Notifications[4] {
        /// Frames with FECN set.
        fecn: u16 = 0x00,
        /// Frames with BECN set.
        becn: u16 = 0x02,
    }
}

layout! {
    /// READ_ERROR_STATS: errors of the line. Every counter is one octet.
    pub struct LineErrors[10] {
        /// Receiver overruns.
        rx_overruns: u8 = 0,
        /// Frames with a bad FCS.
        rx_crc: u8 = 1,
        /// Aborted frames received.
        rx_aborts: u8 = 2,
        /// Times the receiver was disabled for lack of buffers.
        rx_disabled: u8 = 3,
        /// Aborted frames sent, where one generation of tools reads it.
        tx_aborts: u8 = 4,
        /// Aborted frames sent, where the other generation reads it; the same value belongs here.
        tx_aborts_copy: u8 = 5,
        /// Transmit underrun interrupts missed.
        tx_underruns_missed: u8 = 6,
        /// Times DCD dropped.
        dcd_drops: u8 = 8,
        /// Times CTS dropped.
        cts_drops: u8 = 9,
    }
}

/// Fuzz target: decoding takes no more than is there, and encodes back to the same octets.
pub(super) fn fuzz(input: &[u8]) {
    if let Ok(status) = LinkStatus::decode(input) {
        let mut data = Vec::new();
        LinkStatus::encode(status.operative(), status.pvcs(), input.len(), &mut data);
        assert!(data.len() <= input.len());
        assert_eq!(data.get(1..), input.get(1..data.len()));
    }
    let mut data = Vec::new();
    encode_active_dlcis(active_dlcis(input), input.len(), &mut data);
    assert_eq!(Some(data.as_slice()), input.get(..input.len() / 2 * 2));
    if let Ok(x) = LinkStatistics::decode(input) {
        assert_eq!(
            Some(x.encode().as_slice()),
            input.get(..LinkStatistics::LEN)
        );
    }
    if let Ok(x) = LinkConfig::decode(input) {
        assert_eq!(Some(x.encode().as_slice()), input.get(..LinkConfig::LEN));
    }
    if let Ok(x) = DlciConfig::decode(input) {
        assert_eq!(Some(x.encode().as_slice()), input.get(..DlciConfig::LEN));
    }
    if let Ok(x) = DlciStatistics::decode_any(input) {
        let strict = x.encode_strict();
        assert_eq!(Some(strict.as_slice()), input.get(..strict.len()));
    }
    if let Ok(x) = LineErrors::decode(input) {
        assert_eq!(LineErrors::decode(&x.encode()), Ok(x));
    }
    if let Ok(x) = Notifications::decode(input) {
        assert_eq!(Some(x.encode().as_slice()), input.get(..Notifications::LEN));
    }
}
