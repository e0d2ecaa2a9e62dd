//! The data of PPP commands.
//!
//! Addresses lie in network order in these structures, numbers in little-endian order as
//! everywhere in the protocol. Timers count tenths of a second.

use super::layout::Text;
use crate::ParseError;

/// Flag bits of [`Config::flags`].
pub mod flag {
    /// Aborted frames are not sent again (S502).
    pub const NO_RETRANSMIT: u16 = 0x0001;
    /// Sent user data are counted.
    pub const TX_STATISTICS: u16 = 0x0002;
    /// Received user data are counted.
    pub const RX_STATISTICS: u16 = 0x0004;
    /// Received packets are stamped with their time.
    pub const TIMESTAMPS: u16 = 0x0008;
    /// The adapter's other clock (S508).
    pub const ALTERNATE_CLOCK: u16 = 0x0010;
    /// RS-232 levels, else V.35 (S508).
    pub const RS232: u16 = 0x0020;
    /// The link is opened again after it closed.
    pub const AUTO_RECOVERY: u16 = 0x0100;
    /// Configure-Requests are sent without end.
    pub const NEVER_GIVE_UP: u16 = 0x0200;
}

/// Bits of [`Config::authentication`].
pub mod authentication {
    /// PAP may be used.
    pub const PAP: u8 = 0x01;
    /// CHAP may be used.
    pub const CHAP: u8 = 0x02;
    /// This side asks its peer to authenticate itself.
    pub const INBOUND: u8 = 0x80;
}

/// Bits of [`Config::ip`] and [`ConnectionInfo::ip`].
pub mod ip {
    /// The local address is the configured one.
    pub const LOCAL_ADDRESS: u8 = 0x01;
    /// The peer gives this side its address.
    pub const ASK_FOR_ADDRESS: u8 = 0x02;
    /// This side gives the peer its address.
    pub const GIVE_ADDRESS: u8 = 0x04;
    /// The peer must have an address of its own.
    pub const REQUIRE_ADDRESS: u8 = 0x08;
    /// IP is used.
    pub const ENABLED: u8 = 0x80;
}

/// Bits of [`Config::ipx`] and [`ConnectionInfo::ipx`].
pub mod ipx {
    /// The network number is negotiated.
    pub const NETWORK: u8 = 0x01;
    /// The local node number is negotiated.
    pub const LOCAL_NODE: u8 = 0x02;
    /// The peer gets its node number from this side.
    pub const REMOTE_NODE: u8 = 0x04;
    /// RIP and SAP are offered.
    pub const RIP_SAP: u8 = 0x08;
    /// NLSP is offered.
    pub const NLSP: u8 = 0x10;
    /// The default routing protocol is asked for.
    pub const DEFAULT_ROUTING: u8 = 0x20;
    /// Configuration-Complete is negotiated.
    pub const CONFIG_COMPLETE: u8 = 0x40;
    /// IPX is used.
    pub const ENABLED: u8 = 0x80;
}

layout! {
    /// READ_CONFIG of an S508 or later. [`Self::decode_any`] reads an S502's as well.
    pub struct Config[115] {
        /// Line speed, bit/s; 0 with an external clock.
        baud_rate: u32 = 0x00,
        /// Share of the buffers for sending, percent.
        tx_buffer_percent: u16 = 0x04,
        /// Bits of [`flag`].
        flags: u16 = 0x06,
        /// MRU of this side, octets.
        local_mru: u16 = 0x08,
        /// The least MRU that the peer must have, octets.
        remote_mru: u16 = 0x0A,
        /// Restart timer, 0.1 s.
        restart: u16 = 0x0C,
        /// Restart timer of authentication, 0.1 s.
        authentication_restart: u16 = 0x0E,
        /// How long the peer may take to authenticate itself, 0.1 s.
        authentication_wait: u16 = 0x10,
        /// How long DCD or CTS must be away, 0.1 s.
        modem_failure: u16 = 0x12,
        /// How long DTR drops before a new attempt, 0.1 s.
        dtr_drop: u16 = 0x14,
        /// How long a connection may take to come up, 0.1 s.
        connect_timeout: u16 = 0x16,
        /// Configure-Requests without an answer.
        max_configure: u16 = 0x18,
        /// Terminate-Requests without an answer.
        max_terminate: u16 = 0x1A,
        /// Configure-Naks before Configure-Rejects.
        max_failure: u16 = 0x1C,
        /// Authentication requests without an answer.
        max_authenticate: u16 = 0x1E,
        /// Bits of [`authentication`].
        authentication: u8 = 0x20,
        /// Bits of [`ip`].
        ip: u8 = 0x21,
        /// IPv4 address of this side; zero asks for one.
        ip_local: [u8; 4] = 0x22,
        /// IPv4 address of the peer.
        ip_remote: [u8; 4] = 0x26,
        /// Bits of [`ipx`].
        ipx: u8 = 0x2A,
        /// IPX network number.
        ipx_network: [u8; 4] = 0x2B,
        /// IPX node number of this side.
        ipx_local_node: [u8; 6] = 0x2F,
        /// IPX node number of the peer.
        ipx_remote_node: [u8; 6] = 0x35,
        /// IPX router name of this side.
        ipx_router_name: Text<48> = 0x3B,
        /// Clock rate of the adapter's processor, when it is not the usual one, Hz.
        alternate_clock: u32 = 0x6B,
        /// Buffers for sending.
        tx_buffers: u16 = 0x6F,
        /// Buffers for receiving.
        rx_buffers: u16 = 0x71,
    }
}

/// Which adapter a [`Config`] came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// S502: a code for the speed, no levels of the line to choose.
    S502,
    /// S508 and later.
    S508,
}

/// Speeds of the S502 by their code, bit/s.
const S502_RATES: [u32; 14] = [
    0, 1200, 2400, 4800, 9600, 19200, 38400, 45000, 56000, 64000, 74000, 112_000, 128_000, 156_000,
];
/// The S502's code takes one octet where later boards have a number of four.
const S502_RATE_SAVES: usize = 3;
/// Up to the end of the router name, where the S502's structure may end, octets.
const S502_LEN: usize = 0x6B - S502_RATE_SAVES;

impl Config {
    /// Reads the structure of either board, told apart by its length. What the S502 does not have
    /// is zero.
    ///
    /// # Errors
    /// `Truncated` when the data are too short for both.
    pub fn decode_any(data: &[u8]) -> Result<(Board, Self), ParseError> {
        if data.len() == Self::LEN {
            return Ok((Board::S508, Self::decode(data)?));
        }
        let Some((code, rest)) = data.split_first().filter(|_| data.len() >= S502_LEN) else {
            return Err(ParseError::Truncated {
                what: "PPP configuration",
                need: S502_LEN,
                have: data.len(),
            });
        };
        let mut whole = [0; Self::LEN];
        let (_, fields) = whole.split_at_mut(size_of::<u32>());
        for (to, from) in fields.iter_mut().zip(rest) {
            *to = *from;
        }
        let config = Self {
            baud_rate: S502_RATES.get(usize::from(*code)).copied().unwrap_or(0),
            ..Self::decode(&whole)?
        };
        Ok((Board::S502, config))
    }
}

/// Values of [`IbaData::phase`] (RFC 1661 section 3.2).
pub mod phase {
    /// Link Dead.
    pub const DEAD: u8 = 0;
    /// Link Establishment.
    pub const ESTABLISH: u8 = 1;
    /// Authentication.
    pub const AUTHENTICATE: u8 = 2;
    /// Network-Layer Protocol.
    pub const NETWORK: u8 = 3;
    /// Link Termination.
    pub const TERMINATE: u8 = 4;
}

/// Values of [`IbaData::pap_state`].
pub mod pap_state {
    /// Not used.
    pub const INITIAL: u8 = 0;
    /// The last attempt failed.
    pub const FAILED: u8 = 1;
    /// This side sent its request.
    pub const REQUEST_SENT: u8 = 2;
    /// This side waits for the peer's request.
    pub const WAITING: u8 = 3;
    /// Done.
    pub const OPENED: u8 = 4;
}

/// Values of [`IbaData::chap_state`].
pub mod chap_state {
    /// Not used.
    pub const INITIAL: u8 = 0;
    /// The last attempt failed.
    pub const FAILED: u8 = 1;
    /// This side sent a challenge.
    pub const CHALLENGE_SENT: u8 = 2;
    /// This side waits for the peer's challenge.
    pub const WAITING: u8 = 3;
    /// This side answered a challenge.
    pub const RESPONSE_SENT: u8 = 4;
    /// Done.
    pub const OPENED: u8 = 5;
}

/// Bits of [`IbaData::cause`]: why the link went down last.
pub mod cause {
    /// This side ended it.
    pub const LOCAL_TERMINATION: u16 = 0x0001;
    /// DCD or CTS dropped.
    pub const MODEM_FAILURE: u16 = 0x0002;
    /// The link was disabled here.
    pub const DISABLED: u16 = 0x0004;
    /// Authentication failed, in either direction.
    pub const AUTHENTICATION_FAILED: u16 = 0x0008;
    /// The peer agreed to no authentication protocol.
    pub const AUTHENTICATION_REFUSED: u16 = 0x0010;
    /// This side refused the peer's demand for authentication.
    pub const AUTHENTICATION_REJECTED: u16 = 0x0020;
    /// The peer rejected the MRU.
    pub const MRU_REJECTED: u16 = 0x0040;
    /// The peer's MRU is too small.
    pub const MRU_TOO_SMALL: u16 = 0x0080;
    /// LCP options were rejected too often.
    pub const LCP_OPTIONS: u16 = 0x0100;
    /// IPCP options were rejected too often.
    pub const IPCP_OPTIONS: u16 = 0x0200;
    /// IPXCP options were rejected too often.
    pub const IPXCP_OPTIONS: u16 = 0x0400;
    /// The peer ended it.
    pub const REMOTE_TERMINATION: u16 = 0x0800;
}

layout! {
    /// GET_IBA_DATA: modem lines, states, the cause of the last failure. The states of LCP, IPCP
    /// and IPXCP are those of RFC 1661 section 4.2, 0 Initial to 9 Opened.
    pub struct IbaData[9] {
        /// [`Modem`](super::driver::Modem) lines.
        modem: u8 = 0,
        /// LCP's state.
        lcp_state: u8 = 1,
        /// See [`phase`].
        phase: u8 = 2,
        /// IPCP's state.
        ipcp_state: u8 = 3,
        /// IPXCP's state.
        ipxcp_state: u8 = 4,
        /// See [`pap_state`].
        pap_state: u8 = 5,
        /// See [`chap_state`].
        chap_state: u8 = 6,
        /// Bits of [`cause`].
        cause: u16 = 7,
    }
}

/// Values of [`ConnectionInfo::authentication`]: how the peer authenticated itself.
pub mod authentication_status {
    /// It was not asked to.
    pub const NONE: u8 = 0;
    /// Its name is known, its password was wrong.
    pub const BAD_PASSWORD: u8 = 1;
    /// Its name is not known.
    pub const BAD_PEER: u8 = 2;
    /// It is who it says.
    pub const OK: u8 = 3;
}

layout! {
    /// GET_CONNECTION_INFO: what was negotiated. The peer's name follows, see [`Self::peer_id`].
    pub struct ConnectionInfo[77] {
        /// The peer's MRU, octets.
        remote_mru: u16 = 0x00,
        /// Bits of [`ip`].
        ip: u8 = 0x02,
        /// IPv4 address of this side.
        ip_local: [u8; 4] = 0x03,
        /// IPv4 address of the peer.
        ip_remote: [u8; 4] = 0x07,
        /// Bits of [`ipx`].
        ipx: u8 = 0x0B,
        /// IPX network number.
        ipx_network: [u8; 4] = 0x0C,
        /// IPX node number of this side.
        ipx_local_node: [u8; 6] = 0x10,
        /// IPX node number of the peer.
        ipx_remote_node: [u8; 6] = 0x16,
        /// IPX router name of the peer.
        ipx_router_name: Text<48> = 0x1C,
        /// See [`authentication_status`].
        authentication: u8 = 0x4C,
    }
}

impl ConnectionInfo {
    /// The longest name of a peer, octets: what PAP can carry.
    pub const MAX_PEER_ID: usize = 255;

    /// The name with which the peer authenticated itself: what follows the structure, up to a
    /// zero octet.
    pub fn peer_id(data: &[u8]) -> &[u8] {
        let rest = data.get(Self::LEN..).unwrap_or_default();
        rest.split(|&octet| octet == 0).next().unwrap_or_default()
    }

    /// Appends the structure and the peer's name with its zero octet to `data`. A zero octet in
    /// the name ends it.
    pub fn encode_with(&self, peer_id: &[u8], data: &mut Vec<u8>) {
        data.extend_from_slice(&self.encode());
        let name = peer_id.iter().take_while(|&&octet| octet != 0);
        data.extend(name.take(Self::MAX_PEER_ID));
        data.push(0);
    }
}

layout! {
    /// READ_STATISTICS. The first and the third field are an S502's.
    pub struct Statistics[22] {
        /// Received frames lost at interrupt level.
        rx_lost_interrupt: u16 = 0x00,
        /// Received frames dropped for their length; with an S502, lost at application level.
        rx_bad_length: u16 = 0x02,
        /// Frames sent again after an abort.
        tx_retransmitted: u16 = 0x04,
        /// User frames sent.
        tx_frames: u32 = 0x06,
        /// Their octets.
        tx_octets: u32 = 0x0A,
        /// User frames received.
        rx_frames: u32 = 0x0E,
        /// Their octets.
        rx_octets: u32 = 0x12,
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
        /// Times the receiver halted for lack of buffers; with an S502, frames too long.
        rx_halted: u8 = 3,
        /// Aborted frames sent.
        tx_aborts: u8 = 4,
        /// Transmit underruns (S502).
        tx_underruns: u8 = 5,
        /// Transmit underrun interrupts missed.
        tx_underruns_missed: u8 = 6,
        /// Times the host did not respond to an interrupt.
        interrupt_timeouts: u8 = 7,
        /// Times DCD changed.
        dcd_changes: u8 = 8,
        /// Times CTS changed.
        cts_changes: u8 = 9,
    }
}

layout! {
    /// READ_PACKET_STATS: packets by their protocol.
    pub struct PacketStatistics[38] {
        /// Received with a bad header.
        rx_bad_header: u16 = 0x00,
        /// Received of an unknown protocol.
        rx_unknown: u16 = 0x02,
        /// Received of an unknown protocol, and too long for a Protocol-Reject.
        rx_unknown_long: u16 = 0x04,
        /// LCP received.
        rx_lcp: u16 = 0x06,
        /// LCP sent.
        tx_lcp: u16 = 0x08,
        /// IPCP received.
        rx_ipcp: u16 = 0x0A,
        /// IPCP sent.
        tx_ipcp: u16 = 0x0C,
        /// IPXCP received.
        rx_ipxcp: u16 = 0x0E,
        /// IPXCP sent.
        tx_ipxcp: u16 = 0x10,
        /// PAP received.
        rx_pap: u16 = 0x12,
        /// PAP sent.
        tx_pap: u16 = 0x14,
        /// CHAP received.
        rx_chap: u16 = 0x16,
        /// CHAP sent.
        tx_chap: u16 = 0x18,
        /// Link Quality Reports received.
        rx_lqr: u16 = 0x1A,
        /// Link Quality Reports sent.
        tx_lqr: u16 = 0x1C,
        /// IP received.
        rx_ip: u16 = 0x1E,
        /// IP sent.
        tx_ip: u16 = 0x20,
        /// IPX received.
        rx_ipx: u16 = 0x22,
        /// IPX sent.
        tx_ipx: u16 = 0x24,
    }
}

layout! {
    /// READ_LCP_STATS: LCP packets by their code.
    pub struct LcpStatistics[56] {
        /// Received with an unknown code.
        rx_unknown_code: u16 = 0x00,
        /// Configure-Requests received.
        rx_configure_request: u16 = 0x02,
        /// Configure-Acks received.
        rx_configure_ack: u16 = 0x04,
        /// Configure-Naks received.
        rx_configure_nak: u16 = 0x06,
        /// Configure-Rejects received.
        rx_configure_reject: u16 = 0x08,
        /// Terminate-Requests received.
        rx_terminate_request: u16 = 0x0A,
        /// Terminate-Acks received.
        rx_terminate_ack: u16 = 0x0C,
        /// Code-Rejects received.
        rx_code_reject: u16 = 0x0E,
        /// Protocol-Rejects received.
        rx_protocol_reject: u16 = 0x10,
        /// Echo-Requests received.
        rx_echo_request: u16 = 0x12,
        /// Echo-Replies received.
        rx_echo_reply: u16 = 0x14,
        /// Discard-Requests received.
        rx_discard_request: u16 = 0x16,
        /// Configure-Requests sent.
        tx_configure_request: u16 = 0x1A,
        /// Configure-Acks sent.
        tx_configure_ack: u16 = 0x1C,
        /// Configure-Naks sent.
        tx_configure_nak: u16 = 0x1E,
        /// Configure-Rejects sent.
        tx_configure_reject: u16 = 0x20,
        /// Terminate-Requests sent.
        tx_terminate_request: u16 = 0x22,
        /// Terminate-Acks sent.
        tx_terminate_ack: u16 = 0x24,
        /// Code-Rejects sent.
        tx_code_reject: u16 = 0x26,
        /// Protocol-Rejects sent.
        tx_protocol_reject: u16 = 0x28,
        /// Echo-Requests sent.
        tx_echo_request: u16 = 0x2A,
        /// Echo-Replies sent.
        tx_echo_reply: u16 = 0x2C,
        /// Discard-Requests sent.
        tx_discard_request: u16 = 0x2E,
        /// Received and too large.
        rx_too_large: u16 = 0x30,
        /// Configure-Acks that match no request.
        rx_bad_ack: u16 = 0x32,
        /// Configure-Naks and Configure-Rejects that match no request.
        rx_bad_nak: u16 = 0x34,
        /// Configure-Naks and Configure-Rejects with a wrong identifier.
        rx_bad_identifier: u16 = 0x36,
    }
}

layout! {
    /// READ_LPBK_STATS: signs of a looped link, by the magic number in packets. "Local" is this
    /// side's own number, "remote" one that is neither side's.
    pub struct LoopbackStatistics[18] {
        /// Configure packets with this side's number.
        configure: u16 = 0x00,
        /// Echo-Requests with this side's number.
        echo_request_local: u16 = 0x02,
        /// Echo-Requests from a wrong source.
        echo_request_remote: u16 = 0x04,
        /// Echo-Replies with this side's number.
        echo_reply_local: u16 = 0x06,
        /// Echo-Replies from a wrong source.
        echo_reply_remote: u16 = 0x08,
        /// Discard-Requests with this side's number.
        discard_request_local: u16 = 0x0A,
        /// Discard-Requests from a wrong source.
        discard_request_remote: u16 = 0x0C,
        /// Echo-Replies not sent, for another one was in work.
        echo_tx_collisions: u16 = 0x0E,
        /// Echo-Requests not answered, for another one was in work.
        echo_rx_collisions: u16 = 0x10,
    }
}

layout! {
    /// READ_IPCP_STATS, READ_IPXCP_STATS: packets of a network control protocol by their code.
    pub struct NcpStatistics[40] {
        /// Received with an unknown code.
        rx_unknown_code: u16 = 0x00,
        /// Configure-Requests received.
        rx_configure_request: u16 = 0x02,
        /// Configure-Acks received.
        rx_configure_ack: u16 = 0x04,
        /// Configure-Naks received.
        rx_configure_nak: u16 = 0x06,
        /// Configure-Rejects received.
        rx_configure_reject: u16 = 0x08,
        /// Terminate-Requests received.
        rx_terminate_request: u16 = 0x0A,
        /// Terminate-Acks received.
        rx_terminate_ack: u16 = 0x0C,
        /// Code-Rejects received.
        rx_code_reject: u16 = 0x0E,
        /// Configure-Requests sent.
        tx_configure_request: u16 = 0x12,
        /// Configure-Acks sent.
        tx_configure_ack: u16 = 0x14,
        /// Configure-Naks sent.
        tx_configure_nak: u16 = 0x16,
        /// Configure-Rejects sent.
        tx_configure_reject: u16 = 0x18,
        /// Terminate-Requests sent.
        tx_terminate_request: u16 = 0x1A,
        /// Terminate-Acks sent.
        tx_terminate_ack: u16 = 0x1C,
        /// Code-Rejects sent.
        tx_code_reject: u16 = 0x1E,
        /// Received and too large.
        rx_too_large: u16 = 0x20,
        /// Configure-Acks that match no request.
        rx_bad_ack: u16 = 0x22,
        /// Configure-Naks and Configure-Rejects that match no request.
        rx_bad_nak: u16 = 0x24,
        /// Configure-Naks and Configure-Rejects with a wrong identifier.
        rx_bad_identifier: u16 = 0x26,
    }
}

layout! {
    /// READ_PAP_STATS.
    pub struct PapStatistics[22] {
        /// Received with an unknown code.
        rx_unknown_code: u16 = 0x00,
        /// Authenticate-Requests received.
        rx_request: u16 = 0x02,
        /// Authenticate-Acks received.
        rx_ack: u16 = 0x04,
        /// Authenticate-Naks received.
        rx_nak: u16 = 0x06,
        /// Authenticate-Requests sent.
        tx_request: u16 = 0x0A,
        /// Authenticate-Acks sent.
        tx_ack: u16 = 0x0C,
        /// Authenticate-Naks sent.
        tx_nak: u16 = 0x0E,
        /// Received and too large.
        rx_too_large: u16 = 0x10,
        /// Requests with an unknown name.
        rx_bad_peer_id: u16 = 0x12,
        /// Requests with a wrong password.
        rx_bad_password: u16 = 0x14,
    }
}

layout! {
    /// READ_CHAP_STATS.
    pub struct ChapStatistics[30] {
        /// Received with an unknown code.
        rx_unknown_code: u16 = 0x00,
        /// Challenges received.
        rx_challenge: u16 = 0x02,
        /// Responses received.
        rx_response: u16 = 0x04,
        /// Successes received.
        rx_success: u16 = 0x06,
        /// Failures received.
        rx_failure: u16 = 0x08,
        /// Challenges sent.
        tx_challenge: u16 = 0x0C,
        /// Responses sent.
        tx_response: u16 = 0x0E,
        /// Successes sent.
        tx_success: u16 = 0x10,
        /// Failures sent.
        tx_failure: u16 = 0x12,
        /// Received and too large.
        rx_too_large: u16 = 0x14,
        /// Responses with an unknown name.
        rx_bad_peer_id: u16 = 0x16,
        /// Responses with a wrong secret.
        rx_bad_secret: u16 = 0x18,
        /// Responses with a digest of the wrong form.
        rx_bad_digest: u16 = 0x1A,
        /// Responses that answer no challenge.
        rx_bad_response: u16 = 0x1C,
    }
}

/// Fuzz target: decoded fields are those of the octets.
pub(super) fn fuzz(input: &[u8]) {
    macro_rules! same {
        ($($name:ident),+) => {$(
            if let Ok(x) = $name::decode(input) {
                assert_eq!($name::decode(&x.encode()), Ok(x));
            }
        )+};
    }
    same!(
        Config,
        ConnectionInfo,
        IbaData,
        Statistics,
        LineErrors,
        PacketStatistics,
        LcpStatistics,
        LoopbackStatistics,
        NcpStatistics,
        PapStatistics,
        ChapStatistics
    );
    if let Ok((board, x)) = Config::decode_any(input) {
        assert_eq!(board == Board::S508, input.len() == Config::LEN);
        assert_eq!(Config::decode_any(&x.encode()), Ok((Board::S508, x)));
    }
    if let Ok(x) = ConnectionInfo::decode(input) {
        let mut data = Vec::new();
        x.encode_with(ConnectionInfo::peer_id(input), &mut data);
        assert_eq!(ConnectionInfo::decode(&data), Ok(x));
        assert!(ConnectionInfo::peer_id(input).starts_with(ConnectionInfo::peer_id(&data)));
    }
}
