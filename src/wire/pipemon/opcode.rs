//! The commands, and which of them a far end may give.
//!
//! An opcode is a plain octet, so that unknown ones travel unchanged; the
//! constants and [`name`] give the known ones their names.

use super::Protocol;

macro_rules! opcodes {
    ($(#[$meta:meta])* pub mod $module:ident { $( $(#[$doc:meta])* $name:ident = $value:literal, )+ }) => {
        $(#[$meta])*
        pub mod $module {
            $( $(#[$doc])* pub const $name: u8 = $value; )+

            /// The name of a known command.
            pub const fn name(opcode: u8) -> Option<&'static str> {
                match opcode {
                    $( $value => Some(stringify!($name)), )+
                    _ => None,
                }
            }
        }
    };
}

opcodes! {
    /// Frame Relay commands (signature `FPIPE8ND`).
    pub mod fr {
        /// Sends a frame.
        WRITE = 0x01,
        /// Takes a received frame.
        READ = 0x02,
        /// Sends an in-channel signalling frame at once: data 2 link verification, 3 full status.
        ISSUE_IS_FRAME = 0x03,
        /// Sets the link's or a DLCI's configuration.
        SET_CONFIG = 0x10,
        /// Reads it: [`LinkConfig`](super::super::frame_relay::LinkConfig) or
        /// [`DlciConfig`](super::super::frame_relay::DlciConfig).
        READ_CONFIG = 0x11,
        /// Stops the link.
        COMM_DISABLE = 0x12,
        /// Starts the link.
        COMM_ENABLE = 0x13,
        /// Reads the channel's state and the switch's DLCIs.
        READ_STATUS = 0x14,
        /// Reads [`LinkStatistics`](super::super::frame_relay::LinkStatistics) (DLCI 0) or
        /// [`DlciStatistics`](super::super::frame_relay::DlciStatistics).
        READ_STATISTICS = 0x15,
        /// Clears them: DLCI 0 with data 1, or a DLCI.
        FLUSH_STATISTICS = 0x16,
        /// Lists the active DLCIs.
        LIST_ACTIVE_DLCI = 0x17,
        /// Drops what is queued.
        FLUSH_DATA_BUFFERS = 0x18,
        /// Reads [`Notifications`](super::super::frame_relay::Notifications) of a DLCI.
        READ_ADD_DLC_STATS = 0x19,
        /// Adds a DLCI (node).
        ADD_DLCI = 0x20,
        /// Removes a DLCI (node).
        DELETE_DLCI = 0x21,
        /// Activates a DLCI (node).
        ACTIVATE_DLCI = 0x22,
        /// Reads [`modem`](super::super::driver::Modem) lines.
        READ_MODEM_STATUS = 0x30,
        /// Sets modem lines.
        SET_MODEM_STATUS = 0x31,
        /// Reads [`LineErrors`](super::super::frame_relay::LineErrors).
        READ_ERROR_STATS = 0x32,
        /// Clears them.
        FLUSH_ERROR_STATS = 0x33,
        /// Adapter internal.
        READ_DLCI_IB_MAPPING = 0x34,
        /// Reads the program's version text.
        READ_CODE_VERSION = 0x40,
        /// Starts the trace: a mask of [`trace::fr`](super::super::trace::fr).
        ENABLE_TRACING = 0x41,
        /// Stops the trace.
        DISABLE_TRACING = 0x42,
        /// Takes captured frames.
        GET_TRACE_INFO = 0x43,
        /// Reads the lamps of the on-board CSU/DSU.
        FT1_READ_STATUS = 0x44,
        /// Reads [`SendStatistics`](super::super::driver::SendStatistics).
        DRIVER_STAT_IFSEND = 0x45,
        /// Reads [`InterruptStatistics`](super::super::driver::InterruptStatistics).
        DRIVER_STAT_INTR = 0x46,
        /// Reads [`GeneralStatistics`](super::super::driver::GeneralStatistics).
        DRIVER_STAT_GEN = 0x47,
        /// Clears the three of them.
        FLUSH_DRIVER_STATS = 0x48,
        /// Reads how long the interface is open: seconds, u32.
        ROUTER_UP_TIME = 0x49,
        /// Adapter internal.
        SET_INTR_MODE = 0x50,
        /// Adapter internal.
        READ_INTR_MODE = 0x51,
        /// Adapter internal.
        SET_TRACE_CONFIG = 0x60,
        /// Starts or stops watching the CSU/DSU.
        FT1_STATUS_CTRL = 0x80,
        /// Steps the CSU/DSU to its next mode.
        SET_FT1_MODE = 0x81,
    }
}

opcodes! {
    /// Cisco HDLC and multi-port PPP commands (signature `CTPIPEAB`).
    pub mod chdlc {
        /// Adapter internal.
        READ_GLOBAL_EXCEPTION = 0x01,
        /// Adapter internal.
        SET_GLOBAL_CONFIG = 0x02,
        /// Adapter internal.
        READ_GLOBAL_CONFIG = 0x03,
        /// Reads [`GlobalStatistics`](super::super::cisco_hdlc::GlobalStatistics).
        READ_GLOBAL_STATISTICS = 0x04,
        /// Clears them.
        FLUSH_GLOBAL_STATISTICS = 0x05,
        /// Sets modem lines.
        SET_MODEM_STATUS = 0x06,
        /// Reads [`modem`](super::super::driver::Modem) lines.
        READ_MODEM_STATUS = 0x07,
        /// Reads [`LineErrors`](super::super::cisco_hdlc::LineErrors).
        READ_COMMS_ERROR_STATS = 0x08,
        /// Clears them.
        FLUSH_COMMS_ERROR_STATS = 0x09,
        /// Adapter internal.
        SET_TRACE_CONFIG = 0x0A,
        /// Adapter internal.
        READ_TRACE_CONFIG = 0x0B,
        /// Adapter internal.
        READ_TRACE_STATS = 0x0C,
        /// Adapter internal.
        FLUSH_TRACE_STATS = 0x0D,
        /// Configures the on-board CSU/DSU.
        SET_FT1_CONFIG = 0x18,
        /// Reads that.
        READ_FT1_CONFIG = 0x19,
        /// Sends a character to the CSU/DSU.
        TX_ASYNC_TO_FT1 = 0x1A,
        /// Takes a character from it.
        RX_ASYNC_FROM_FT1 = 0x1B,
        /// Starts or stops watching it.
        FT1_MONITOR_STATUS_CTRL = 0x1C,
        /// Reads its operational statistics as text.
        READ_FT1_OP_STATS = 0x1D,
        /// Steps it to its next mode.
        SET_FT1_MODE = 0x1E,
        /// Reads the program's version text.
        READ_CODE_VERSION = 0x20,
        /// Adapter internal.
        READ_EXCEPTION = 0x21,
        /// Sets [`Config`](super::super::cisco_hdlc::Config).
        SET_CONFIG = 0x22,
        /// Reads it.
        READ_CONFIG = 0x23,
        /// Starts the link.
        ENABLE_COMMS = 0x24,
        /// Stops the link.
        DISABLE_COMMS = 0x25,
        /// Reads [`LinkStatus`](super::super::cisco_hdlc::LinkStatus).
        READ_LINK_STATUS = 0x26,
        /// Reads [`Operational`](super::super::cisco_hdlc::Operational).
        READ_OPERATIONAL_STATS = 0x27,
        /// Clears them.
        FLUSH_OPERATIONAL_STATS = 0x28,
        /// Resets the serial controller (later releases).
        RESET_CONTROLLER = 0x2C,
        /// Adapter internal.
        SET_INT_TRIGGERS = 0x30,
        /// Adapter internal.
        READ_INT_TRIGGERS = 0x31,
        /// Starts the trace: a mask of [`trace::chdlc`](super::super::trace::chdlc).
        ENABLE_TRACING = 0x50,
        /// Stops the trace.
        DISABLE_TRACING = 0x51,
        /// Takes captured frames.
        GET_TRACE_INFO = 0x52,
        /// Defined, never serviced.
        GET_IBA_DATA = 0x53,
        /// Reads the lamps of the on-board CSU/DSU.
        FT1_READ_STATUS = 0x54,
        /// Reads [`SendStatistics`](super::super::driver::SendStatistics).
        DRIVER_STAT_IFSEND = 0x55,
        /// Reads [`InterruptStatistics`](super::super::driver::InterruptStatistics).
        DRIVER_STAT_INTR = 0x56,
        /// Reads [`GeneralStatistics`](super::super::driver::GeneralStatistics).
        DRIVER_STAT_GEN = 0x57,
        /// Clears the three of them.
        FLUSH_DRIVER_STATS = 0x58,
        /// Reads how long the interface is open: seconds, u32.
        ROUTER_UP_TIME = 0x59,
        /// Adapter internal.
        READ_TRACE_DATA = 0xE4,
    }
}

opcodes! {
    /// PPP commands (signature `PTPIPEAB`). The adapter has commands 20 to 23 and 30 of its own
    /// (interrupt flags, sign frames, inbound authentication), which the driver's hide from
    /// monitors.
    pub mod ppp {
        /// Starts the link.
        COMM_ENABLE = 0x03,
        /// Stops the link.
        COMM_DISABLE = 0x04,
        /// Sets [`Config`](super::super::ppp::Config).
        SET_CONFIG = 0x05,
        /// Reads it.
        READ_CONFIG = 0x06,
        /// Reads [`Statistics`](super::super::ppp::Statistics).
        READ_STATISTICS = 0x07,
        /// Clears them.
        FLUSH_STATISTICS = 0x08,
        /// Reads [`LineErrors`](super::super::ppp::LineErrors).
        READ_ERROR_STATS = 0x09,
        /// Clears them.
        FLUSH_ERROR_STATS = 0x0A,
        /// Reads the program's version text.
        READ_CODE_VERSION = 0x10,
        /// Reads [`PacketStatistics`](super::super::ppp::PacketStatistics).
        READ_PACKET_STATS = 0x12,
        /// Clears them.
        FLUSH_PACKET_STATS = 0x13,
        /// Reads [`LcpStatistics`](super::super::ppp::LcpStatistics).
        READ_LCP_STATS = 0x14,
        /// Clears them.
        FLUSH_LCP_STATS = 0x15,
        /// Reads [`LoopbackStatistics`](super::super::ppp::LoopbackStatistics).
        READ_LPBK_STATS = 0x16,
        /// Clears them.
        FLUSH_LPBK_STATS = 0x17,
        /// Reads [`NcpStatistics`](super::super::ppp::NcpStatistics) of IPCP.
        READ_IPCP_STATS = 0x18,
        /// Clears them.
        FLUSH_IPCP_STATS = 0x19,
        /// Reads [`NcpStatistics`](super::super::ppp::NcpStatistics) of IPXCP.
        READ_IPXCP_STATS = 0x1A,
        /// Clears them.
        FLUSH_IPXCP_STATS = 0x1B,
        /// Reads [`PapStatistics`](super::super::ppp::PapStatistics).
        READ_PAP_STATS = 0x1C,
        /// Clears them.
        FLUSH_PAP_STATS = 0x1D,
        /// Reads [`ChapStatistics`](super::super::ppp::ChapStatistics).
        READ_CHAP_STATS = 0x1E,
        /// Clears them.
        FLUSH_CHAP_STATS = 0x1F,
        /// Starts the trace: a mask of [`trace::ppp`](super::super::trace::ppp).
        ENABLE_TRACING = 0x20,
        /// Stops the trace.
        DISABLE_TRACING = 0x21,
        /// Takes captured frames.
        GET_TRACE_INFO = 0x22,
        /// Reads [`IbaData`](super::super::ppp::IbaData).
        GET_IBA_DATA = 0x23,
        /// Defined, never serviced.
        KILL_BOARD = 0x24,
        /// Reads the lamps of the on-board CSU/DSU.
        FT1_READ_STATUS = 0x25,
        /// Reads [`SendStatistics`](super::super::driver::SendStatistics).
        DRIVER_STAT_IFSEND = 0x26,
        /// Reads [`InterruptStatistics`](super::super::driver::InterruptStatistics).
        DRIVER_STAT_INTR = 0x27,
        /// Reads [`GeneralStatistics`](super::super::driver::GeneralStatistics).
        DRIVER_STAT_GEN = 0x28,
        /// Clears the three of them.
        FLUSH_DRIVER_STATS = 0x29,
        /// Reads how long the interface is open: seconds, u32.
        ROUTER_UP_TIME = 0x30,
        /// Sets the secrets for the peer.
        SET_OUTBOUND_AUTH = 0x31,
        /// Reads [`ConnectionInfo`](super::super::ppp::ConnectionInfo).
        GET_CONNECTION_INFO = 0x32,
        /// Adapter internal: the trace's.
        DATALINE_MONITOR = 0x33,
        /// Starts or stops watching the CSU/DSU.
        FT1_MONITOR_STATUS_CTRL = 0x80,
        /// Steps the CSU/DSU to its next mode.
        SET_FT1_MODE = 0x81,
    }
}

opcodes! {
    /// X.25 commands (signature `XLINK8ND`).
    pub mod x25 {
        /// Adapter internal.
        HDLC_LINK_CONFIGURE = 0x01,
        /// Starts LAPB.
        HDLC_LINK_OPEN = 0x02,
        /// Stops LAPB.
        HDLC_LINK_CLOSE = 0x03,
        /// Sets the link up.
        HDLC_LINK_SETUP = 0x04,
        /// Disconnects the link.
        HDLC_LINK_DISC = 0x05,
        /// Reads [`LinkStatus`](super::super::x25::LinkStatus).
        HDLC_LINK_STATUS = 0x06,
        /// Reads [`LinkStatistics`](super::super::x25::LinkStatistics).
        HDLC_READ_STATS = 0x07,
        /// Clears them.
        HDLC_FLUSH_STATS = 0x08,
        /// Reads [`LineErrors`](super::super::x25::LineErrors).
        HDLC_READ_COMM_ERR = 0x09,
        /// Clears them.
        HDLC_FLUSH_COMM_ERR = 0x0A,
        /// Adapter internal.
        SET_GLOBAL_VARS = 0x0B,
        /// Reads [`modem`](super::super::driver::Modem) lines.
        READ_MODEM_STATUS = 0x0C,
        /// Drops what is queued.
        HDLC_FLUSH_BUFFERS = 0x0D,
        /// Adapter internal.
        HDLC_SPRVS_CNT_STAT = 0x0F,
        /// Sends an unnumbered information frame.
        HDLC_SEND_UI = 0x10,
        /// Sends a frame.
        HDLC_WRITE = 0x11,
        /// Adapter internal.
        HDLC_READ_CONFIG = 0x12,
        /// Adapter internal.
        HDLC_SET_CONFIG = 0x13,
        /// Starts or stops the trace: a mask of [`trace::x25`](super::super::trace::x25), 0 to
        /// stop.
        TRACE_CONFIGURE = 0x14,
        /// Reads the program's version text.
        READ_CODE_VERSION = 0x15,
        /// Takes a captured frame.
        GET_TRACE_INFO = 0x16,
        /// Adapter internal.
        SET_INTERRUPT_MODE = 0x17,
        /// Adapter internal.
        READ_INTERRUPT_MODE = 0x18,
        /// Adapter internal.
        SET_PROTOCOL_LEVEL = 0x1F,
        /// Takes a received frame.
        HDLC_READ = 0x21,
        /// Takes a received packet.
        READ = 0x22,
        /// Sends a packet.
        WRITE = 0x23,
        /// Calls.
        PLACE_CALL = 0x30,
        /// Accepts a call.
        ACCEPT_CALL = 0x31,
        /// Clears a call.
        CLEAR_CALL = 0x32,
        /// Confirms that.
        CLEAR_CONFIRM = 0x33,
        /// Resets a circuit.
        RESET = 0x34,
        /// Confirms that.
        RESET_CONFIRM = 0x35,
        /// Restarts the packet layer.
        RESTART = 0x36,
        /// Confirms that.
        RESTART_CONFIRM = 0x37,
        /// Sends an interrupt.
        INTERRUPT = 0x38,
        /// Confirms one.
        INTERRUPT_CONFIRM = 0x39,
        /// Registers facilities.
        REGISTRATION_REQUEST = 0x3A,
        /// Confirms that.
        REGISTRATION_CONFIRM = 0x3B,
        /// Adapter internal.
        IS_DATA_AVAILABLE = 0x40,
        /// Adapter internal.
        INCOMING_CALL_CTL = 0x41,
        /// Adapter internal.
        CONFIGURE_PVC = 0x42,
        /// Reads the [`channels`](super::super::x25::channels) with calls.
        GET_ACTIVE_CHANNELS = 0x43,
        /// Reads [`Channel`](super::super::x25::Channel) of a logical channel.
        READ_CHANNEL_CONFIG = 0x44,
        /// Drops what is queued.
        FLUSH_DATA_BUFFERS = 0x45,
        /// Adapter internal.
        READ_HISTORY_TABLE = 0x46,
        /// Adapter internal.
        HISTORY_TABLE_CTL = 0x47,
        /// Adapter internal.
        GET_TX_D_BIT_STATUS = 0x48,
        /// Reads [`PacketStatistics`](super::super::x25::PacketStatistics).
        READ_STATISTICS = 0x49,
        /// Clears them.
        FLUSH_STATISTICS = 0x4A,
        /// Reads [`Config`](super::super::x25::Config).
        READ_CONFIG = 0x50,
        /// Sets it.
        SET_CONFIG = 0x51,
        /// Reads the lamps of the on-board CSU/DSU.
        FT1_READ_STATUS = 0x74,
        /// Reads [`SendStatistics`](super::super::driver::SendStatistics).
        DRIVER_STAT_IFSEND = 0x75,
        /// Reads [`InterruptStatistics`](super::super::driver::InterruptStatistics).
        DRIVER_STAT_INTR = 0x76,
        /// Reads [`GeneralStatistics`](super::super::driver::GeneralStatistics).
        DRIVER_STAT_GEN = 0x77,
        /// Clears the three of them.
        FLUSH_DRIVER_STATS = 0x78,
        /// Reads how long the interface is open: seconds, u32.
        ROUTER_UP_TIME = 0x79,
        /// Starts or stops watching the CSU/DSU.
        FT1_STATUS_CTRL = 0x80,
        /// Steps the CSU/DSU to its next mode.
        SET_FT1_MODE = 0x81,
    }
}

/// The name of a known command.
pub const fn name(protocol: Protocol, opcode: u8) -> Option<&'static str> {
    match protocol {
        Protocol::FrameRelay => fr::name(opcode),
        Protocol::CiscoHdlc => chdlc::name(opcode),
        Protocol::Ppp => ppp::name(opcode),
        Protocol::X25 => x25::name(opcode),
    }
}

/// Whether a request that came from the far end of the line may be served. Everything else is
/// answered [`NOT_FROM_NETWORK`](super::code::NOT_FROM_NETWORK) with no data. The X.25 drivers never
/// had such a list: they let everything pass but traces and the CSU/DSU, even calls. What stands
/// here is what the others allow: reading that changes nothing and shows no one's traffic.
pub const fn allowed_from_network(protocol: Protocol, opcode: u8) -> bool {
    match protocol {
        Protocol::FrameRelay => matches!(
            opcode,
            fr::READ_CONFIG
                | fr::READ_STATUS
                | fr::READ_STATISTICS
                | fr::READ_ADD_DLC_STATS
                | fr::READ_MODEM_STATUS
                | fr::READ_ERROR_STATS
                | fr::READ_CODE_VERSION
                | fr::DRIVER_STAT_GEN
                | fr::ROUTER_UP_TIME
        ),
        Protocol::CiscoHdlc => matches!(
            opcode,
            chdlc::READ_GLOBAL_STATISTICS
                | chdlc::READ_MODEM_STATUS
                | chdlc::READ_COMMS_ERROR_STATS
                | chdlc::READ_CODE_VERSION
                | chdlc::READ_CONFIG
                | chdlc::READ_LINK_STATUS
                | chdlc::READ_OPERATIONAL_STATS
                | chdlc::ROUTER_UP_TIME
        ),
        Protocol::Ppp => matches!(
            opcode,
            ppp::READ_CONFIG
                | ppp::READ_STATISTICS
                | ppp::READ_ERROR_STATS
                | ppp::READ_CODE_VERSION
                | ppp::READ_PACKET_STATS
                | ppp::READ_LCP_STATS
                | ppp::READ_IPCP_STATS
                | ppp::READ_IPXCP_STATS
                | ppp::READ_PAP_STATS
                | ppp::READ_CHAP_STATS
                | ppp::GET_IBA_DATA
                | ppp::ROUTER_UP_TIME
                | ppp::GET_CONNECTION_INFO
        ),
        Protocol::X25 => matches!(
            opcode,
            x25::HDLC_LINK_STATUS
                | x25::HDLC_READ_STATS
                | x25::HDLC_READ_COMM_ERR
                | x25::READ_MODEM_STATUS
                | x25::READ_CODE_VERSION
                | x25::READ_STATISTICS
                | x25::READ_CONFIG
                | x25::DRIVER_STAT_GEN
                | x25::ROUTER_UP_TIME
        ),
    }
}
