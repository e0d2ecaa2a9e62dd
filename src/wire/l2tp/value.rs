//! What AVPs say (RFC 2661 section 4.4).

use super::avp::append_with;
use super::{MessageType, RawAvp, attribute};
use crate::ParseError;

/// Why a control connection or a call ends (section 4.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultCode<'m> {
    /// [`stop_result`](super::stop_result) in StopCCN, [`call_result`](super::call_result) in CDN.
    pub result: u16,
    /// More about it; see [`error`](super::error).
    pub error: Option<u16>,
    /// The same for people; empty when there is no error code.
    pub text: &'m [u8],
}

/// Why the call ended on the telephone's side (section 4.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Q931Cause<'m> {
    /// The cause of Q.850.
    pub cause: u16,
    /// The Q.931 message that brought it.
    pub message: u8,
    /// Advice for people.
    pub text: &'m [u8],
}

/// Errors on the line since the call began (section 4.4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallErrors {
    /// Frames with a wrong check sequence.
    pub crc: u32,
    /// Frames with wrong framing.
    pub framing: u32,
    /// Octets that came while the receive buffer was full.
    pub hardware_overruns: u32,
    /// The same, of the buffer in software.
    pub buffer_overruns: u32,
    /// Times without a sign of life.
    pub time_outs: u32,
    /// Wrong alignments.
    pub alignment: u32,
}

/// The control characters 00 to 1F to be escaped, a bit each (section 4.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accm {
    /// In what the LAC sends to the line.
    pub send: u32,
    /// In what it receives from there.
    pub receive: u32,
}

/// Why PPP ended (RFC 3145).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisconnectCause<'m> {
    /// The cause, 0 to 20.
    pub code: u16,
    /// The control protocol number that it concerns; 0 for none.
    pub protocol: u16,
    /// 0 global, 1 at the peer, 2 at the local side (the LAC).
    pub direction: u8,
    /// The same for people, in UTF-8.
    pub text: &'m [u8],
}

macro_rules! avps {
    ($($(#[$doc:meta])* $name:ident($value:ty) = $number:ident, $mandatory:literal, $read:ident, $write:ident;)*) => {
        /// The value of an AVP that is not hidden. Texts and names are octets of no certain
        /// character set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Avp<'m> {
            $($(#[$doc])* $name($value),)*
            /// The LAC wants sequence numbers on data (section 4.4.6).
            SequencingRequired,
            /// An attribute that is not known here, or one of a vendor. It is written as not
            /// mandatory.
            Other {
                /// The vendor's enterprise code; 0 for attributes of the standard.
                vendor: u16,
                /// The attribute.
                kind: u16,
                /// The value.
                value: &'m [u8],
            },
        }

        impl<'m> Avp<'m> {
            /// Reads an AVP that is not hidden.
            ///
            /// # Errors
            /// [`ParseError::Length`] when the value of a known attribute has a length that it
            /// cannot have, [`ParseError::Invalid`] for a speed that is no number.
            pub fn parse(raw: &RawAvp<'m>) -> Result<Self, ParseError> {
                let value = raw.value;
                if raw.vendor != 0 {
                    return Ok(Self::Other { vendor: raw.vendor, kind: raw.kind, value });
                }
                Ok(match raw.kind {
                    $(attribute::$number => Self::$name($read(value)?),)*
                    attribute::SEQUENCING_REQUIRED => {
                        fixed::<0>(value)?;
                        Self::SequencingRequired
                    }
                    kind => Self::Other { vendor: 0, kind, value },
                })
            }

            /// Appends the AVP to a message, mandatory when the standard says so. Long values
            /// are cut at [`RawAvp::MAX_VALUE`].
            pub fn append(&self, message: &mut Vec<u8>) {
                match *self {
                    $(Self::$name(value) => {
                        append_with(message, $mandatory, (0, attribute::$number), |m| $write(m, value));
                    })*
                    Self::SequencingRequired => {
                        append_with(message, true, (0, attribute::SEQUENCING_REQUIRED), |_| ());
                    }
                    Self::Other { vendor, kind, value } => {
                        append_with(message, false, (vendor, kind), |m| put_octets(m, value));
                    }
                }
            }
        }
    };
}

avps! {
    /// What the message is; always the first.
    MessageType(MessageType) = MESSAGE_TYPE, true, message_type, put_message_type;
    /// Why the tunnel or the call ends.
    ResultCode(ResultCode<'m>) = RESULT_CODE, true, result_code, put_result_code;
    /// Version and revision: 0x0100.
    ProtocolVersion(u16) = PROTOCOL_VERSION, true, short, put_short;
    /// Bit 0 synchronous, bit 1 asynchronous framing.
    FramingCapabilities(u32) = FRAMING_CAPABILITIES, true, long, put_long;
    /// Bit 0 digital, bit 1 analogue access.
    BearerCapabilities(u32) = BEARER_CAPABILITIES, true, long, put_long;
    /// Of two tunnels asked for at the same time the one with the lower number remains.
    TieBreaker(u64) = TIE_BREAKER, false, wide, put_wide;
    /// The vendor's number of its software.
    FirmwareRevision(u16) = FIRMWARE_REVISION, false, short, put_short;
    /// Who the sender is.
    HostName(&'m [u8]) = HOST_NAME, true, octets, put_octets;
    /// What the sender is, for people.
    VendorName(&'m [u8]) = VENDOR_NAME, false, octets, put_octets;
    /// The sender's number of the tunnel.
    AssignedTunnel(u16) = ASSIGNED_TUNNEL, true, short, put_short;
    /// Control messages that the sender can take before it acknowledges one.
    ReceiveWindow(u16) = RECEIVE_WINDOW, true, short, put_short;
    /// The receiver shall prove that it knows the secret.
    Challenge(&'m [u8]) = CHALLENGE, true, octets, put_octets;
    /// Why the call ended on the telephone's side.
    Q931Cause(Q931Cause<'m>) = Q931_CAUSE, true, q931_cause, put_q931_cause;
    /// The proof.
    ChallengeResponse([u8; 16]) = CHALLENGE_RESPONSE, true, fixed, put_fixed;
    /// The sender's number of the session.
    AssignedSession(u16) = ASSIGNED_SESSION, true, short, put_short;
    /// A number by which people find the call at both ends.
    CallSerialNumber(u32) = CALL_SERIAL_NUMBER, true, long, put_long;
    /// The lowest speed for the call, bit/s.
    MinimumBps(u32) = MINIMUM_BPS, true, long, put_long;
    /// The highest speed for the call, bit/s.
    MaximumBps(u32) = MAXIMUM_BPS, true, long, put_long;
    /// Bit 0 digital, bit 1 analogue line.
    BearerType(u32) = BEARER_TYPE, true, long, put_long;
    /// Bit 0 synchronous, bit 1 asynchronous framing.
    FramingType(u32) = FRAMING_TYPE, true, long, put_long;
    /// The number that was called.
    CalledNumber(&'m [u8]) = CALLED_NUMBER, true, octets, put_octets;
    /// The number of the caller.
    CallingNumber(&'m [u8]) = CALLING_NUMBER, true, octets, put_octets;
    /// More of the number that was called.
    SubAddress(&'m [u8]) = SUB_ADDRESS, true, octets, put_octets;
    /// The speed from the LAC to the caller, bit/s. Some LACs write it in digits.
    TxConnectSpeed(u32) = TX_CONNECT_SPEED, true, speed, put_long;
    /// The vendor's number of the channel.
    PhysicalChannel(u32) = PHYSICAL_CHANNEL, false, long, put_long;
    /// The options of the first Configure-Request that the LAC received.
    InitialReceivedConfreq(&'m [u8]) = INITIAL_RECEIVED_CONFREQ, false, octets, put_octets;
    /// The options of the last Configure-Request that the LAC sent.
    LastSentConfreq(&'m [u8]) = LAST_SENT_CONFREQ, false, octets, put_octets;
    /// The options of the last Configure-Request that the LAC received.
    LastReceivedConfreq(&'m [u8]) = LAST_RECEIVED_CONFREQ, false, octets, put_octets;
    /// How the caller proved itself to the LAC: 1 text, 2 CHAP, 3 PAP, 4 not, 5 MS-CHAP.
    ProxyAuthenType(u16) = PROXY_AUTHEN_TYPE, false, short, put_short;
    /// The name that the caller gave.
    ProxyAuthenName(&'m [u8]) = PROXY_AUTHEN_NAME, false, octets, put_octets;
    /// The challenge that the LAC sent.
    ProxyAuthenChallenge(&'m [u8]) = PROXY_AUTHEN_CHALLENGE, false, octets, put_octets;
    /// The identifier of that challenge.
    ProxyAuthenId(u8) = PROXY_AUTHEN_ID, false, authen_id, put_authen_id;
    /// The caller's answer, or its password.
    ProxyAuthenResponse(&'m [u8]) = PROXY_AUTHEN_RESPONSE, false, octets, put_octets;
    /// Errors on the line.
    CallErrors(CallErrors) = CALL_ERRORS, true, call_errors, put_call_errors;
    /// What is escaped on the line.
    Accm(Accm) = ACCM, true, accm, put_accm;
    /// With what the hidden values behind it are hidden.
    RandomVector(&'m [u8]) = RANDOM_VECTOR, true, octets, put_octets;
    /// The customer group of the call.
    PrivateGroup(&'m [u8]) = PRIVATE_GROUP, false, octets, put_octets;
    /// The speed from the caller to the LAC, bit/s, when it is another one.
    RxConnectSpeed(u32) = RX_CONNECT_SPEED, false, speed, put_long;
    /// Why PPP ended (RFC 3145).
    DisconnectCause(DisconnectCause<'m>) = DISCONNECT_CAUSE, false, disconnect_cause, put_disconnect_cause;
}

/// All of a value, when it has the right length.
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], ParseError> {
    value.try_into().map_err(|_| wrong_length(N, value))
}

fn wrong_length(claimed: usize, value: &[u8]) -> ParseError {
    ParseError::Length {
        what: "AVP value",
        claimed,
        have: value.len(),
    }
}

/// The first octets of a value, and the rest.
fn first<const N: usize>(value: &[u8]) -> Result<(&[u8; N], &[u8]), ParseError> {
    value
        .split_first_chunk()
        .ok_or_else(|| wrong_length(N, value))
}

fn octets(value: &[u8]) -> Result<&[u8], ParseError> {
    Ok(value)
}

fn short(value: &[u8]) -> Result<u16, ParseError> {
    fixed(value).map(u16::from_be_bytes)
}

fn long(value: &[u8]) -> Result<u32, ParseError> {
    fixed(value).map(u32::from_be_bytes)
}

fn wide(value: &[u8]) -> Result<u64, ParseError> {
    fixed(value).map(u64::from_be_bytes)
}

fn message_type(value: &[u8]) -> Result<MessageType, ParseError> {
    short(value).map(MessageType)
}

fn speed(value: &[u8]) -> Result<u32, ParseError> {
    if value.len() == 4 {
        return long(value);
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|digits| digits.trim_end_matches('\0').parse().ok())
        .ok_or(ParseError::Invalid {
            what: "speed",
            value: value.len() as u64,
            expected: "four octets, or decimal digits below 2^32",
        })
}

fn authen_id(value: &[u8]) -> Result<u8, ParseError> {
    fixed(value).map(|[_, id]| id)
}

fn result_code(value: &[u8]) -> Result<ResultCode<'_>, ParseError> {
    let (&result, rest) = first(value)?;
    let (error, text) = if rest.is_empty() {
        (None, rest)
    } else {
        let (&error, text) = first(rest)?;
        (Some(u16::from_be_bytes(error)), text)
    };
    Ok(ResultCode {
        result: u16::from_be_bytes(result),
        error,
        text,
    })
}

fn q931_cause(value: &[u8]) -> Result<Q931Cause<'_>, ParseError> {
    let (&[c1, c0, message], text) = first(value)?;
    Ok(Q931Cause {
        cause: u16::from_be_bytes([c1, c0]),
        message,
        text,
    })
}

fn call_errors(value: &[u8]) -> Result<CallErrors, ParseError> {
    let counters: [u8; 26] = fixed(value)?;
    let mut counters = counters
        .get(2..)
        .unwrap_or_default()
        .chunks_exact(4)
        .map(|field| {
            field
                .iter()
                .fold(0, |all, &octet| all << 8 | u32::from(octet))
        });
    let mut next = || counters.next().unwrap_or_default();
    Ok(CallErrors {
        crc: next(),
        framing: next(),
        hardware_overruns: next(),
        buffer_overruns: next(),
        time_outs: next(),
        alignment: next(),
    })
}

fn accm(value: &[u8]) -> Result<Accm, ParseError> {
    let [_, _, s3, s2, s1, s0, r3, r2, r1, r0] = fixed(value)?;
    Ok(Accm {
        send: u32::from_be_bytes([s3, s2, s1, s0]),
        receive: u32::from_be_bytes([r3, r2, r1, r0]),
    })
}

fn disconnect_cause(value: &[u8]) -> Result<DisconnectCause<'_>, ParseError> {
    let (&[c1, c0, p1, p0, direction], text) = first(value)?;
    Ok(DisconnectCause {
        code: u16::from_be_bytes([c1, c0]),
        protocol: u16::from_be_bytes([p1, p0]),
        direction,
        text,
    })
}

fn put_octets(message: &mut Vec<u8>, value: &[u8]) {
    message.extend_from_slice(value);
}

fn put_fixed(message: &mut Vec<u8>, value: [u8; 16]) {
    message.extend_from_slice(&value);
}

fn put_short(message: &mut Vec<u8>, value: u16) {
    message.extend_from_slice(&value.to_be_bytes());
}

fn put_long(message: &mut Vec<u8>, value: u32) {
    message.extend_from_slice(&value.to_be_bytes());
}

fn put_wide(message: &mut Vec<u8>, value: u64) {
    message.extend_from_slice(&value.to_be_bytes());
}

fn put_message_type(message: &mut Vec<u8>, value: MessageType) {
    put_short(message, value.0);
}

fn put_authen_id(message: &mut Vec<u8>, value: u8) {
    put_short(message, value.into());
}

fn put_result_code(message: &mut Vec<u8>, value: ResultCode<'_>) {
    put_short(message, value.result);
    if let Some(error) = value.error {
        put_short(message, error);
        put_octets(message, value.text);
    }
}

fn put_q931_cause(message: &mut Vec<u8>, value: Q931Cause<'_>) {
    put_short(message, value.cause);
    message.push(value.message);
    put_octets(message, value.text);
}

fn put_call_errors(message: &mut Vec<u8>, value: CallErrors) {
    put_short(message, 0);
    for counter in [
        value.crc,
        value.framing,
        value.hardware_overruns,
        value.buffer_overruns,
        value.time_outs,
        value.alignment,
    ] {
        put_long(message, counter);
    }
}

fn put_accm(message: &mut Vec<u8>, value: Accm) {
    put_short(message, 0);
    put_long(message, value.send);
    put_long(message, value.receive);
}

fn put_disconnect_cause(message: &mut Vec<u8>, value: DisconnectCause<'_>) {
    put_short(message, value.code);
    put_short(message, value.protocol);
    message.push(value.direction);
    put_octets(message, value.text);
}
