//! What messages, attributes and results are called.

use std::fmt;

/// What a control message is (RFC 2661 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageType(pub u16);

impl MessageType {
    /// Start-Control-Connection-Request.
    pub const SCCRQ: Self = Self(1);
    /// Start-Control-Connection-Reply.
    pub const SCCRP: Self = Self(2);
    /// Start-Control-Connection-Connected.
    pub const SCCCN: Self = Self(3);
    /// Stop-Control-Connection-Notification.
    pub const STOP_CCN: Self = Self(4);
    /// Hello.
    pub const HELLO: Self = Self(6);
    /// Outgoing-Call-Request.
    pub const OCRQ: Self = Self(7);
    /// Outgoing-Call-Reply.
    pub const OCRP: Self = Self(8);
    /// Outgoing-Call-Connected.
    pub const OCCN: Self = Self(9);
    /// Incoming-Call-Request.
    pub const ICRQ: Self = Self(10);
    /// Incoming-Call-Reply.
    pub const ICRP: Self = Self(11);
    /// Incoming-Call-Connected.
    pub const ICCN: Self = Self(12);
    /// Call-Disconnect-Notify.
    pub const CDN: Self = Self(14);
    /// WAN-Error-Notify.
    pub const WEN: Self = Self(15);
    /// Set-Link-Info.
    pub const SLI: Self = Self(16);

    /// Whether the message concerns one call, and not the whole tunnel.
    #[must_use]
    pub const fn is_of_a_call(self) -> bool {
        matches!(self.0, 7..=12 | 14..=16)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::SCCRQ => "SCCRQ",
            Self::SCCRP => "SCCRP",
            Self::SCCCN => "SCCCN",
            Self::STOP_CCN => "StopCCN",
            Self::HELLO => "HELLO",
            Self::OCRQ => "OCRQ",
            Self::OCRP => "OCRP",
            Self::OCCN => "OCCN",
            Self::ICRQ => "ICRQ",
            Self::ICRP => "ICRP",
            Self::ICCN => "ICCN",
            Self::CDN => "CDN",
            Self::WEN => "WEN",
            Self::SLI => "SLI",
            Self(other) => return write!(f, "message {other}"),
        })
    }
}

/// The numbers of attributes (RFC 2661 section 4.4) without a vendor.
#[expect(missing_docs, reason = "each is documented at its variant of `Avp`")]
pub mod attribute {
    pub const MESSAGE_TYPE: u16 = 0;
    pub const RESULT_CODE: u16 = 1;
    pub const PROTOCOL_VERSION: u16 = 2;
    pub const FRAMING_CAPABILITIES: u16 = 3;
    pub const BEARER_CAPABILITIES: u16 = 4;
    pub const TIE_BREAKER: u16 = 5;
    pub const FIRMWARE_REVISION: u16 = 6;
    pub const HOST_NAME: u16 = 7;
    pub const VENDOR_NAME: u16 = 8;
    pub const ASSIGNED_TUNNEL: u16 = 9;
    pub const RECEIVE_WINDOW: u16 = 10;
    pub const CHALLENGE: u16 = 11;
    pub const Q931_CAUSE: u16 = 12;
    pub const CHALLENGE_RESPONSE: u16 = 13;
    pub const ASSIGNED_SESSION: u16 = 14;
    pub const CALL_SERIAL_NUMBER: u16 = 15;
    pub const MINIMUM_BPS: u16 = 16;
    pub const MAXIMUM_BPS: u16 = 17;
    pub const BEARER_TYPE: u16 = 18;
    pub const FRAMING_TYPE: u16 = 19;
    pub const CALLED_NUMBER: u16 = 21;
    pub const CALLING_NUMBER: u16 = 22;
    pub const SUB_ADDRESS: u16 = 23;
    pub const TX_CONNECT_SPEED: u16 = 24;
    pub const PHYSICAL_CHANNEL: u16 = 25;
    pub const INITIAL_RECEIVED_CONFREQ: u16 = 26;
    pub const LAST_SENT_CONFREQ: u16 = 27;
    pub const LAST_RECEIVED_CONFREQ: u16 = 28;
    pub const PROXY_AUTHEN_TYPE: u16 = 29;
    pub const PROXY_AUTHEN_NAME: u16 = 30;
    pub const PROXY_AUTHEN_CHALLENGE: u16 = 31;
    pub const PROXY_AUTHEN_ID: u16 = 32;
    pub const PROXY_AUTHEN_RESPONSE: u16 = 33;
    pub const CALL_ERRORS: u16 = 34;
    pub const ACCM: u16 = 35;
    pub const RANDOM_VECTOR: u16 = 36;
    pub const PRIVATE_GROUP: u16 = 37;
    pub const RX_CONNECT_SPEED: u16 = 38;
    pub const SEQUENCING_REQUIRED: u16 = 39;
    pub const DISCONNECT_CAUSE: u16 = 46;
}

/// Result codes of StopCCN (RFC 2661 section 4.4.2).
pub mod stop_result {
    /// A general request to clear the control connection.
    pub const GENERAL: u16 = 1;
    /// The error code says more.
    pub const ERROR: u16 = 2;
    /// The control channel exists already.
    pub const EXISTS: u16 = 3;
    /// The requester is not authorised to establish a control channel.
    pub const NOT_AUTHORIZED: u16 = 4;
    /// The protocol version of the requester is not supported; the error code is the highest that
    /// is.
    pub const VERSION: u16 = 5;
    /// The requester is being shut down.
    pub const SHUTTING_DOWN: u16 = 6;
    /// The finite state machine was left.
    pub const STATE_MACHINE: u16 = 7;
}

/// Result codes of CDN (RFC 2661 section 4.4.2).
pub mod call_result {
    /// The carrier was lost.
    pub const LOST_CARRIER: u16 = 1;
    /// The error code says more.
    pub const ERROR: u16 = 2;
    /// Administrative reasons.
    pub const ADMINISTRATIVE: u16 = 3;
    /// No facilities now.
    pub const NO_FACILITIES: u16 = 4;
    /// No facilities ever.
    pub const NO_FACILITIES_EVER: u16 = 5;
    /// The destination is invalid.
    pub const INVALID_DESTINATION: u16 = 6;
    /// No carrier was detected.
    pub const NO_CARRIER: u16 = 7;
    /// A busy signal was detected.
    pub const BUSY: u16 = 8;
    /// There was no dial tone.
    pub const NO_DIAL_TONE: u16 = 9;
    /// The call was not established in the time that the LAC gives.
    pub const TIMED_OUT: u16 = 10;
    /// The call was connected but no framing was detected.
    pub const NO_FRAMING: u16 = 11;
}

/// General error codes, of both (RFC 2661 section 4.4.2).
pub mod error {
    /// No general error.
    pub const NONE: u16 = 0;
    /// There is no control connection yet.
    pub const NO_CONNECTION: u16 = 1;
    /// A length is wrong.
    pub const LENGTH: u16 = 2;
    /// A field is out of range, or a reserved one is not zero.
    pub const RANGE: u16 = 3;
    /// Resources do not suffice now.
    pub const RESOURCES: u16 = 4;
    /// The session identifier is invalid in this context.
    pub const SESSION: u16 = 5;
    /// A vendor-specific error; the message says more.
    pub const VENDOR: u16 = 6;
    /// Another LNS should be tried.
    pub const TRY_ANOTHER: u16 = 7;
    /// An unknown attribute was mandatory.
    pub const UNKNOWN_MANDATORY: u16 = 8;
}
