//! Return codes of the management protocol.

/// Done.
pub const OK: u8 = 0x00;
/// Frame Relay: the link is not operative (get-trace and enable-trace: see [`TRACE_STATE`]).
pub const COMMS_DISABLED: u8 = 0x01;
/// Enable-trace: it is enabled already. Get-trace: it is not enabled.
pub const TRACE_STATE: u8 = 0x01;
/// Frame Relay: the channel is inoperative.
pub const CHANNEL_INOPERATIVE: u8 = 0x02;
/// Frame Relay: the DLCI is inactive.
pub const DLCI_INACTIVE: u8 = 0x03;
/// Frame Relay: no such DLCI is configured.
pub const DLCI_INVALID: u8 = 0x04;
/// Frame Relay: the data are too long.
pub const TOO_LONG: u8 = 0x05;
/// Frame Relay: too many DLCIs, or nothing flushed.
pub const NOT_FLUSHED: u8 = 0x06;
/// Frame Relay: the committed rate is used up.
pub const CIR_OVERFLOW: u8 = 0x07;
/// Frame Relay: no buffer.
pub const BUFFER_OVERFLOW: u8 = 0x08;
/// Frame Relay: DCD or CTS dropped.
pub const MODEM_FAILURE: u8 = 0x10;
/// Frame Relay: the channel went from operative to inoperative.
pub const CHANNEL_DOWN: u8 = 0x11;
/// Frame Relay: the channel went from inoperative to operative.
pub const CHANNEL_UP: u8 = 0x12;
/// Frame Relay: a DLCI changed its state.
pub const DLCI_CHANGE: u8 = 0x13;
/// Frame Relay: the switch's list of DLCIs and the configured one differ.
pub const DLCI_MISMATCH: u8 = 0x14;
/// Frame Relay: no such command.
pub const FR_INVALID_COMMAND: u8 = 0x1F;
/// Cisco HDLC: no FT1 unit, or it is not in the right mode.
pub const CHDLC_NO_FT1: u8 = 0x0C;
/// Cisco HDLC: statistics are not enabled, the FT1 selection or its line is wrong.
pub const CHDLC_STATISTICS_OFF: u8 = 0x0D;
/// Cisco HDLC: wrong length, option or value.
pub const CHDLC_BAD_LENGTH: u8 = 0x01;
/// Cisco HDLC: communications are (or are not) enabled, or the link is disconnected.
pub const CHDLC_WRONG_STATE: u8 = 0x21;
/// Cisco HDLC: no such command.
pub const CHDLC_INVALID_COMMAND: u8 = 0x4F;
/// PPP: not in this state of the link.
pub const PPP_WRONG_STATE: u8 = 0x09;
/// X.25, HDLC_LINK_STATUS: the link is set up; 0 says that it is not.
pub const X25_CONNECTED: u8 = 0x01;
/// X.25: no such command.
pub const X25_INVALID_COMMAND: u8 = 0x05;
/// X.25: no such logical channel, or none with a call.
pub const X25_BAD_LCN: u8 = 0x30;
/// X.25, get-trace: no frame is there.
pub const X25_NO_FRAME: u8 = 0x01;
/// X.25, get-trace: the trace is not enabled.
pub const X25_NO_TRACE: u8 = 0x02;
/// What a tool puts into a request: it stays when nobody answered.
pub const UNANSWERED: u8 = 0xAA;
/// The firmware does not run: a tool gives up.
pub const NOT_RUNNING: u8 = 0xCC;
/// This command is not allowed from the network.
pub const NOT_FROM_NETWORK: u8 = 0xCD;
/// No such command (later releases).
pub const INVALID_COMMAND: u8 = 0xCE;
/// The command failed (later releases).
pub const FAILED: u8 = 0xCF;
/// The firmware did not answer its mailbox.
pub const MAILBOX_TIMEOUT: u8 = 0xFF;
