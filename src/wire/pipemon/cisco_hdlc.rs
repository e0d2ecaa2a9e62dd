//! The data of Cisco HDLC commands.

use std::net::Ipv4Addr;

/// Protocol option bits of [`Config`].
pub mod option {
    /// DCD does not matter.
    pub const IGNORE_DCD: u16 = 0x0001;
    /// CTS does not matter.
    pub const IGNORE_CTS: u16 = 0x0002;
    /// Keepalives do not matter.
    pub const IGNORE_KEEPALIVE: u16 = 0x0004;
    /// One transmit buffer.
    pub const SINGLE_TX_BUFFER: u16 = 0x4000;
    /// Frames go as they are, without a Cisco header.
    pub const HDLC_STREAMING: u16 = 0x8000;
}

/// The line option of RS-232 levels in [`Config::line_options`]; 0 is V.35.
pub const LINE_RS232: u16 = 0x0001;

layout! {
    /// SET_CONFIG, READ_CONFIG.
    pub struct Config[48] {
        /// Line speed, bit/s; 0 with an external clock.
        baud_rate: u32 = 0x00,
        /// 0 V.35, 1 RS-232.
        line_options: u16 = 0x04,
        /// Modem options.
        modem_options: u16 = 0x06,
        /// Modem status timer.
        modem_timer: u16 = 0x08,
        /// Application interface options.
        api_options: u16 = 0x0A,
        /// Bits of [`option`].
        protocol_options: u16 = 0x0C,
        /// Share of the buffers for sending, percent.
        tx_buffer_percent: u16 = 0x0E,
        /// Statistics options.
        statistics_options: u16 = 0x10,
        /// The longest information field, octets.
        max_data: u16 = 0x12,
        /// Keepalive transmit interval, ms.
        keepalive_tx_ms: u16 = 0x14,
        /// Expected keepalive reception interval, ms.
        keepalive_rx_ms: u16 = 0x16,
        /// Missed intervals that take the link down.
        keepalive_tolerance: u16 = 0x18,
        /// SLARP request interval, ms; 0 none.
        slarp_request_ms: u16 = 0x1A,
        /// The IPv4 address as a number (host order), see [`Self::address`].
        ip_address: u32 = 0x1C,
        /// Its mask as a number.
        ip_netmask: u32 = 0x20,
    }
}

impl Config {
    /// The IPv4 address and mask.
    pub fn address(&self) -> (Ipv4Addr, Ipv4Addr) {
        (
            Ipv4Addr::from_bits(self.ip_address),
            Ipv4Addr::from_bits(self.ip_netmask),
        )
    }

    /// Puts the IPv4 address and mask in.
    pub fn set_address(&mut self, address: Ipv4Addr, mask: Ipv4Addr) {
        self.ip_address = address.to_bits();
        self.ip_netmask = mask.to_bits();
    }
}

layout! {
    /// READ_LINK_STATUS.
    pub struct LinkStatus[4] {
        /// 1 active, 0 inactive.
        active: u8 = 0,
        /// Data frames that wait for the application.
        frames_waiting: u8 = 1,
        /// Bit 0: the receiver is disabled by flow control.
        receiver: u8 = 2,
        /// State of the SLARP address request; values are not defined.
        slarp_state: u8 = 3,
    }
}

/// The receiver bit of [`LinkStatus::receiver`]: disabled by flow control.
pub const RECEIVER_DISABLED: u8 = 0x01;

layout! {
    /// READ_GLOBAL_STATISTICS.
    pub struct GlobalStatistics[2] {
        /// Times the application did not respond to an interrupt.
        application_timeouts: u16 = 0,
    }
}

layout! {
    /// READ_COMMS_ERROR_STATS: errors of the line.
    pub struct LineErrors[20] {
        /// Receiver overruns.
        rx_overruns: u16 = 0x00,
        /// Frames with a bad FCS.
        rx_crc: u16 = 0x02,
        /// Aborted frames received.
        rx_aborts: u16 = 0x04,
        /// Times the receiver was disabled.
        rx_disabled: u16 = 0x06,
        /// Frames aborted because a transmit interrupt was missed.
        tx_aborts_missed_interrupt: u16 = 0x0A,
        /// Transmit underruns.
        tx_underruns: u16 = 0x0C,
        /// Aborted frames sent.
        tx_aborts: u16 = 0x0E,
        /// Times DCD changed.
        dcd_changes: u16 = 0x10,
        /// Times CTS changed.
        cts_changes: u16 = 0x12,
    }
}

layout! {
    /// READ_OPERATIONAL_STATS.
    pub struct Operational[208] {
        /// Frames sent.
        tx_frames: u32 = 0x00,
        /// Octets sent.
        tx_octets: u32 = 0x04,
        /// Transmit throughput, bit/s.
        tx_throughput: u32 = 0x08,
        /// Time over which it was measured, ms.
        tx_ms: u32 = 0x0C,
        /// Frames not sent because of their length.
        tx_length_discards: u32 = 0x10,
        /// Frames received.
        rx_frames: u32 = 0x20,
        /// Octets received.
        rx_octets: u32 = 0x24,
        /// Receive throughput, bit/s.
        rx_throughput: u32 = 0x28,
        /// Time over which it was measured, ms.
        rx_ms: u32 = 0x2C,
        /// Received frames dropped as too short.
        rx_short: u32 = 0x30,
        /// Received frames dropped as too long.
        rx_long: u32 = 0x34,
        /// Received frames dropped because the link is inactive.
        rx_inactive: u32 = 0x38,
        /// SLARP requests sent.
        slarp_requests_tx: u32 = 0x40,
        /// SLARP requests received.
        slarp_requests_rx: u32 = 0x44,
        /// SLARP replies sent.
        slarp_replies_tx: u32 = 0x48,
        /// SLARP replies received.
        slarp_replies_rx: u32 = 0x4C,
        /// Keepalives sent.
        keepalives_tx: u32 = 0x50,
        /// Keepalives received.
        keepalives_rx: u32 = 0x54,
        /// Cisco Discovery Protocol frames sent.
        cdp_tx: u32 = 0x60,
        /// Cisco Discovery Protocol frames received.
        cdp_rx: u32 = 0x64,
        /// Frames with an incomplete Cisco header.
        rx_incomplete_header: u16 = 0x80,
        /// Frames longer than allowed.
        rx_too_long: u16 = 0x82,
        /// Frames with a wrong address octet.
        rx_bad_address: u16 = 0x84,
        /// Frames with a wrong control octet.
        rx_bad_control: u16 = 0x86,
        /// Frames of an unknown type.
        rx_bad_type: u16 = 0x88,
        /// SLARP packets with an unknown code.
        slarp_bad_code: u16 = 0x8A,
        /// SLARP replies with a wrong address.
        slarp_bad_address: u16 = 0x8C,
        /// SLARP replies with a wrong mask.
        slarp_bad_netmask: u16 = 0x8E,
        /// Keepalives that did not come in time.
        keepalive_timeouts: u16 = 0xA0,
        /// SLARP requests that were not answered.
        slarp_request_timeouts: u16 = 0xA2,
        /// Times the link went active.
        link_active: u16 = 0xB0,
        /// Times it went inactive for the modem's sake.
        link_inactive_modem: u16 = 0xB2,
        /// Times it went inactive for lack of keepalives.
        link_inactive_keepalive: u16 = 0xB4,
        /// Times it was found looped.
        link_looped: u16 = 0xB6,
    }
}

layout! {
    /// SET_FT1_CONFIG, READ_FT1_CONFIG: the on-board CSU/DSU.
    pub struct Ft1Config[12] {
        /// 0 ESF, 1 D4.
        framing: u16 = 0,
        /// 0 B8ZS, 1 AMI.
        encoding: u16 = 2,
        /// Line build-out: 0 CSU 0 dB or DSX 0-133 ft, 1..4 longer DSX, 5 -7.5 dB, 6 -15, 7 -22.5.
        line_build_out: u16 = 4,
        /// First channel, 1..24.
        channel_base: u16 = 6,
        /// Speed, kbit/s, 0..1536; FFFF configures itself.
        kbps: u16 = 8,
        /// 0 normal, 1 master.
        clock: u16 = 10,
    }
}

/// Fuzz target: decoded fields are those of the octets.
pub(super) fn fuzz(input: &[u8]) {
    if let Ok(x) = Config::decode(input) {
        assert_eq!(Config::decode(&x.encode()), Ok(x));
    }
    if let Ok(x) = Operational::decode(input) {
        assert_eq!(Operational::decode(&x.encode()), Ok(x));
    }
    if let Ok(x) = LinkStatus::decode(input) {
        assert_eq!(Some(x.encode().as_slice()), input.get(..LinkStatus::LEN));
    }
    if let Ok(x) = LineErrors::decode(input) {
        assert_eq!(LineErrors::decode(&x.encode()), Ok(x));
    }
    if let Ok(x) = Ft1Config::decode(input) {
        assert_eq!(Some(x.encode().as_slice()), input.get(..Ft1Config::LEN));
    }
}
