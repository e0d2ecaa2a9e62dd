//! What drivers count themselves, and what every protocol reports alike.

use super::Field;
use crate::ParseError;

/// The modem lines of READ_MODEM_STATUS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modem {
    /// Carrier.
    pub dcd: bool,
    /// Clear to send.
    pub cts: bool,
}

impl Modem {
    const DCD: u8 = 0x08;
    const CTS: u8 = 0x20;

    /// Reads the octet.
    ///
    /// # Errors
    /// `Truncated` when it is not there.
    pub fn decode(data: &[u8]) -> Result<Self, ParseError> {
        let Some(lines) = data.first() else {
            return Err(ParseError::Truncated {
                what: "modem status",
                need: 1,
                have: 0,
            });
        };
        Ok(Self {
            dcd: lines & Self::DCD != 0,
            cts: lines & Self::CTS != 0,
        })
    }

    /// The octet.
    pub const fn encode(self) -> [u8; 1] {
        [(if self.dcd { Self::DCD } else { 0 }) | (if self.cts { Self::CTS } else { 0 })]
    }
}

/// ROUTER_UP_TIME: seconds since the interface was opened.
///
/// # Errors
/// `Truncated` when there are fewer than four octets.
pub fn up_time(data: &[u8]) -> Result<u32, ParseError> {
    if data.len() < 4 {
        return Err(ParseError::Truncated {
            what: "router up time",
            need: 4,
            have: data.len(),
        });
    }
    Ok(u32::read(data, 0))
}

layout! {
    /// DRIVER_STAT_IFSEND: what happened to packets that the host sent.
    pub struct SendStatistics[72] {
        /// Packets handed over.
        entries: u32 = 0,
        /// Empty ones.
        null: u32 = 4,
        /// Broadcasts dropped.
        broadcast: u32 = 8,
        /// Multicasts dropped.
        multicast: u32 = 12,
        /// Handed over while an interrupt ran.
        critical_isr: u32 = 16,
        /// Dropped while another one was in work.
        critical_other: u32 = 20,
        /// Handed over while the device was busy.
        busy: u32 = 24,
        /// Busy for too long.
        busy_timeout: u32 = 28,
        /// Management requests.
        management_requests: u32 = 32,
        /// Dropped because the link is down.
        link_down: u32 = 36,
        /// Dropped because the DLCI is down.
        dlci_down: u32 = 40,
        /// Dropped for lack of buffers.
        no_buffers: u32 = 44,
        /// Dropped because the line's queue is full.
        queue_full: u32 = 48,
        /// Accepted for the line.
        passed: u32 = 52,
        /// Of a protocol that the link does not carry.
        protocol_errors: u32 = 56,
        /// Not accepted for the line.
        not_passed: u32 = 60,
        /// Times the device asked to be told about room.
        tx_interrupts_enabled: u32 = 64,
        /// Failures in a row now.
        consecutive_failures: u32 = 68,
    }
}

layout! {
    /// The device's interrupts and polls; here wake-ups for the line and timer polls.
    pub struct GlobalStatistics[68] {
        /// Interrupts.
        entries: u32 = 0,
        /// Interrupts while one was in work.
        already_critical: u32 = 4,
        /// For received frames.
        receive: u32 = 8,
        /// For room to send.
        transmit: u32 = 12,
        /// For the interrupt test.
        test: u32 = 16,
        /// For no known reason.
        spurious: u32 = 20,
        /// Times more transmit interrupts were asked for.
        tx_enabled: u32 = 24,
        /// Received frames that were corrupt.
        rx_corrupt: u32 = 28,
        /// Received frames with an unknown DLCI.
        rx_orphaned_dlci: u32 = 32,
        /// Received frames for a device that is not started.
        rx_not_started: u32 = 36,
        /// Transmit interrupts for a device that is not started.
        tx_not_started: u32 = 40,
        /// Polls.
        poll_entries: u32 = 44,
        /// Polls while one was in work.
        poll_already_critical: u32 = 48,
        /// Polls that found work.
        poll_processed: u32 = 52,
        /// Polls that found a wrong busy state.
        poll_bad_status: u32 = 56,
        /// Times a poll found interrupts disabled.
        poll_host_disabled: u32 = 60,
        /// Times it enabled them.
        poll_host_enabled: u32 = 64,
    }
}

layout! {
    /// What happened to received frames.
    pub struct ReceiveStatistics[20] {
        /// Nobody reads them.
        no_socket: u32 = 0,
        /// The device is not started.
        not_started: u32 = 4,
        /// Management requests.
        management_requests: u32 = 8,
        /// Not taken by the host.
        not_passed: u32 = 12,
        /// Taken by the host.
        passed: u32 = 16,
    }
}

layout! {
    /// What happened to management requests.
    pub struct ManagementStatistics[44] {
        /// No memory.
        no_memory: u32 = 0,
        /// Refused because they came from the network.
        direction_errors: u32 = 4,
        /// Not possible with this adapter.
        adapter_errors: u32 = 8,
        /// Answered.
        commands_ok: u32 = 12,
        /// Not answered by the adapter.
        command_timeouts: u32 = 16,
        /// Replies sent to the line.
        send_passed: u32 = 20,
        /// Replies not sent to the line.
        send_failed: u32 = 24,
        /// Replies not taken by the host.
        not_passed: u32 = 28,
        /// Replies taken by the host.
        passed: u32 = 32,
        /// Nobody reads them.
        no_socket: u32 = 36,
        /// Handed to the adapter.
        passed_to_adapter: u32 = 40,
    }
}

/// DRIVER_STAT_INTR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterruptStatistics {
    /// The device.
    pub global: GlobalStatistics,
    /// Received frames.
    pub receive: ReceiveStatistics,
}

impl InterruptStatistics {
    /// Octets on the wire.
    pub const LEN: usize = GlobalStatistics::LEN + ReceiveStatistics::LEN;

    /// Reads both parts.
    ///
    /// # Errors
    /// `Truncated` below [`Self::LEN`] octets.
    pub fn decode(data: &[u8]) -> Result<Self, ParseError> {
        let (global, receive) = split(data, GlobalStatistics::LEN);
        Ok(Self {
            global: GlobalStatistics::decode(global)?,
            receive: ReceiveStatistics::decode(receive)?,
        })
    }

    /// Appends both parts to `data`.
    pub fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.global.encode());
        data.extend_from_slice(&self.receive.encode());
    }
}

/// DRIVER_STAT_GEN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneralStatistics {
    /// Management requests.
    pub management: ManagementStatistics,
    /// The device; its `poll_*` counters are zero when an old driver cut them off.
    pub global: GlobalStatistics,
}

impl GeneralStatistics {
    /// Octets on the wire.
    pub const LEN: usize = ManagementStatistics::LEN + GlobalStatistics::LEN;

    /// What old drivers announce: the reply then ends before the `poll_*` counters, octets.
    pub const SHORT_LEN: usize = 88;

    /// Reads both parts, whole or cut by an old driver.
    ///
    /// # Errors
    /// `Truncated` below [`Self::SHORT_LEN`] octets.
    pub fn decode(data: &[u8]) -> Result<Self, ParseError> {
        if data.len() < Self::SHORT_LEN {
            return Err(ParseError::Truncated {
                what: "general driver statistics",
                need: Self::SHORT_LEN,
                have: data.len(),
            });
        }
        let mut whole = [0; Self::LEN];
        for (to, from) in whole.iter_mut().zip(data) {
            *to = *from;
        }
        let (management, global) = split(&whole, ManagementStatistics::LEN);
        Ok(Self {
            management: ManagementStatistics::decode(management)?,
            global: GlobalStatistics::decode(global)?,
        })
    }

    /// Appends both parts to `data`.
    pub fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.management.encode());
        data.extend_from_slice(&self.global.encode());
    }
}

fn split(data: &[u8], at: usize) -> (&[u8], &[u8]) {
    data.split_at_checked(at).unwrap_or((data, &[]))
}

/// Fuzz target: decoded statistics encode back to the octets they came from.
pub(super) fn fuzz(input: &[u8]) {
    if let Ok(x) = InterruptStatistics::decode(input) {
        let mut data = Vec::new();
        x.encode(&mut data);
        assert_eq!(Some(data.as_slice()), input.get(..InterruptStatistics::LEN));
    }
    if let Ok(x) = GeneralStatistics::decode(input) {
        let mut data = Vec::new();
        x.encode(&mut data);
        let n = input.len().min(GeneralStatistics::LEN);
        assert_eq!(data.get(..n), input.get(..n));
    }
    if let Ok(x) = SendStatistics::decode(input) {
        assert_eq!(
            Some(x.encode().as_slice()),
            input.get(..SendStatistics::LEN)
        );
    }
    if let Ok(x) = Modem::decode(input) {
        assert_eq!(Modem::decode(&x.encode()), Ok(x));
    }
}
