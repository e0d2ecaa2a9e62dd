//! Diagnostic codes: why in detail (X.25 annex E, ISO 8208 figure 14). Those from 128 on are for the
//! networks to assign; named here are those that ISO 8208 gave a meaning.

use std::fmt;

/// No additional information.
pub const NONE: u8 = 0;
/// Invalid P(S).
pub const INVALID_PS: u8 = 1;
/// Invalid P(R).
pub const INVALID_PR: u8 = 2;
/// Packet type invalid.
pub const INVALID_TYPE: u8 = 16;
/// Packet type invalid in state r1.
pub const INVALID_IN_R1: u8 = 17;
/// Packet type invalid in state r2.
pub const INVALID_IN_R2: u8 = 18;
/// Packet type invalid in state r3.
pub const INVALID_IN_R3: u8 = 19;
/// Packet type invalid in state p1.
pub const INVALID_IN_P1: u8 = 20;
/// Packet type invalid in state p2.
pub const INVALID_IN_P2: u8 = 21;
/// Packet type invalid in state p3.
pub const INVALID_IN_P3: u8 = 22;
/// Packet type invalid in state p4.
pub const INVALID_IN_P4: u8 = 23;
/// Packet type invalid in state p5.
pub const INVALID_IN_P5: u8 = 24;
/// Packet type invalid in state p6.
pub const INVALID_IN_P6: u8 = 25;
/// Packet type invalid in state p7.
pub const INVALID_IN_P7: u8 = 26;
/// Packet type invalid in state d1.
pub const INVALID_IN_D1: u8 = 27;
/// Packet type invalid in state d2.
pub const INVALID_IN_D2: u8 = 28;
/// Packet type invalid in state d3.
pub const INVALID_IN_D3: u8 = 29;
/// Packet not allowed.
pub const NOT_ALLOWED: u8 = 32;
/// Unidentifiable packet.
pub const UNIDENTIFIABLE: u8 = 33;
/// Call on a one-way logical channel.
pub const ONE_WAY_CHANNEL: u8 = 34;
/// Packet type invalid on a permanent virtual circuit.
pub const INVALID_ON_PVC: u8 = 35;
/// Packet on an unassigned logical channel.
pub const UNASSIGNED_CHANNEL: u8 = 36;
/// Reject not subscribed to.
pub const REJECT_NOT_SUBSCRIBED: u8 = 37;
/// Packet too short.
pub const TOO_SHORT: u8 = 38;
/// Packet too long.
pub const TOO_LONG: u8 = 39;
/// Invalid general format identifier.
pub const INVALID_GFI: u8 = 40;
/// Restart or registration on a logical channel other than 0.
pub const RESTART_ON_CHANNEL: u8 = 41;
/// Packet type not compatible with a facility.
pub const NOT_COMPATIBLE: u8 = 42;
/// Unauthorized interrupt confirmation.
pub const UNAUTHORIZED_CONFIRMATION: u8 = 43;
/// Unauthorized interrupt.
pub const UNAUTHORIZED_INTERRUPT: u8 = 44;
/// Unauthorized reject.
pub const UNAUTHORIZED_REJECT: u8 = 45;
/// TOA/NPI addresses not subscribed to.
pub const TOA_NPI_NOT_SUBSCRIBED: u8 = 46;
/// Time expired.
pub const TIME_EXPIRED: u8 = 48;
/// Time expired for a call.
pub const CALL_TIME_EXPIRED: u8 = 49;
/// Time expired for a clear.
pub const CLEAR_TIME_EXPIRED: u8 = 50;
/// Time expired for a reset.
pub const RESET_TIME_EXPIRED: u8 = 51;
/// Time expired for a restart.
pub const RESTART_TIME_EXPIRED: u8 = 52;
/// Time expired for a call deflection.
pub const DEFLECTION_TIME_EXPIRED: u8 = 53;
/// Call set-up, call clearing or registration problem.
pub const SETUP_PROBLEM: u8 = 64;
/// Facility or registration code not allowed.
pub const FACILITY_NOT_ALLOWED: u8 = 65;
/// Facility parameter not allowed.
pub const PARAMETER_NOT_ALLOWED: u8 = 66;
/// Invalid called address.
pub const INVALID_CALLED_ADDRESS: u8 = 67;
/// Invalid calling address.
pub const INVALID_CALLING_ADDRESS: u8 = 68;
/// Invalid facility or registration length.
pub const INVALID_FACILITY_LENGTH: u8 = 69;
/// Incoming calls barred.
pub const INCOMING_BARRED: u8 = 70;
/// No logical channel available.
pub const NO_CHANNEL: u8 = 71;
/// Call collision.
pub const COLLISION: u8 = 72;
/// Duplicate facility.
pub const DUPLICATE_FACILITY: u8 = 73;
/// Address length not 0.
pub const ADDRESS_LENGTH_NOT_ZERO: u8 = 74;
/// Facility length not 0.
pub const FACILITY_LENGTH_NOT_ZERO: u8 = 75;
/// Expected facility not provided.
pub const FACILITY_MISSING: u8 = 76;
/// Invalid CCITT-specified DTE facility.
pub const INVALID_DTE_FACILITY: u8 = 77;
/// Too many call redirections or deflections.
pub const TOO_MANY_REDIRECTIONS: u8 = 78;
/// Miscellaneous.
pub const MISCELLANEOUS: u8 = 80;
/// Improper cause code from the DTE.
pub const IMPROPER_CAUSE: u8 = 81;
/// Octets not aligned.
pub const NOT_ALIGNED: u8 = 82;
/// Inconsistent Q bits.
pub const INCONSISTENT_Q: u8 = 83;
/// Network user identification problem.
pub const NUI_PROBLEM: u8 = 84;
/// International problem.
pub const INTERNATIONAL: u8 = 112;
/// Remote network problem.
pub const REMOTE_NETWORK: u8 = 113;
/// International protocol problem.
pub const INTERNATIONAL_PROTOCOL: u8 = 114;
/// International link out of order.
pub const INTERNATIONAL_OUT_OF_ORDER: u8 = 115;
/// International link busy.
pub const INTERNATIONAL_BUSY: u8 = 116;
/// Transit network facility problem.
pub const TRANSIT_FACILITY: u8 = 117;
/// Remote network facility problem.
pub const REMOTE_FACILITY: u8 = 118;
/// International routing problem.
pub const INTERNATIONAL_ROUTING: u8 = 119;
/// Temporary routing problem.
pub const TEMPORARY_ROUTING: u8 = 120;
/// Unknown called data network identification code.
pub const UNKNOWN_DNIC: u8 = 121;
/// Maintenance action.
pub const MAINTENANCE: u8 = 122;
/// Timer expired or retransmissions used up.
pub const TIMER_OR_RETRIES: u8 = 144;
/// Timer expired or retransmissions used up for an interrupt.
pub const INTERRUPT_TIMER: u8 = 145;
/// Timer expired or retransmissions used up for data.
pub const DATA_TIMER: u8 = 146;
/// Timer expired or retransmissions used up for a reject.
pub const REJECT_TIMER: u8 = 147;
/// DTE-specific signal.
pub const DTE_SIGNAL: u8 = 160;
/// DTE operational.
pub const DTE_OPERATIONAL: u8 = 161;
/// DTE not operational.
pub const DTE_NOT_OPERATIONAL: u8 = 162;
/// DTE resource constraint.
pub const DTE_RESOURCES: u8 = 163;
/// Fast select not subscribed to.
pub const FAST_SELECT_NOT_SUBSCRIBED: u8 = 164;
/// Invalid partially full data packet.
pub const PARTIALLY_FULL: u8 = 165;
/// D bit procedure not supported.
pub const D_BIT_NOT_SUPPORTED: u8 = 166;
/// Registration or cancellation confirmed.
pub const REGISTRATION_CONFIRMED: u8 = 167;
/// OSI network service problem.
pub const OSI_NETWORK: u8 = 224;
/// Disconnection, transient.
pub const OSI_DISCONNECTION: u8 = 225;
/// Disconnection, permanent.
pub const OSI_DISCONNECTION_PERMANENT: u8 = 226;
/// Connection rejected, reason unspecified, transient.
pub const OSI_REJECTION: u8 = 227;
/// Connection rejected, reason unspecified, permanent.
pub const OSI_REJECTION_PERMANENT: u8 = 228;
/// Connection rejected, quality of service not available, transient.
pub const OSI_QUALITY: u8 = 229;
/// Connection rejected, quality of service not available, permanent.
pub const OSI_QUALITY_PERMANENT: u8 = 230;
/// Connection rejected, NSAP unreachable, transient.
pub const OSI_UNREACHABLE: u8 = 231;
/// Connection rejected, NSAP unreachable, permanent.
pub const OSI_UNREACHABLE_PERMANENT: u8 = 232;
/// Reset, reason unspecified.
pub const OSI_RESET: u8 = 233;
/// Reset, congestion.
pub const OSI_CONGESTION: u8 = 234;
/// Connection rejected, NSAP address unknown, permanent.
pub const OSI_UNKNOWN_NSAP: u8 = 235;
/// Higher layer initiated.
pub const HIGHER_LAYER: u8 = 240;
/// Higher layer disconnection, normal.
pub const DISCONNECTION_NORMAL: u8 = 241;
/// Higher layer disconnection, abnormal.
pub const DISCONNECTION_ABNORMAL: u8 = 242;
/// Higher layer disconnection, incompatible information in user data.
pub const DISCONNECTION_INCOMPATIBLE: u8 = 243;
/// Higher layer rejection, reason unspecified, transient.
pub const REJECTION: u8 = 244;
/// Higher layer rejection, reason unspecified, permanent.
pub const REJECTION_PERMANENT: u8 = 245;
/// Higher layer rejection, quality of service not available, transient.
pub const REJECTION_QUALITY: u8 = 246;
/// Higher layer rejection, quality of service not available, permanent.
pub const REJECTION_QUALITY_PERMANENT: u8 = 247;
/// Higher layer rejection, incompatible information in user data.
pub const REJECTION_INCOMPATIBLE: u8 = 248;
/// Unrecognizable protocol identifier in user data.
pub const UNKNOWN_PROTOCOL: u8 = 249;
/// Higher layer reset, user resynchronization.
pub const RESYNCHRONIZATION: u8 = 250;

/// The codes with a text, in order.
const TEXTS: &[(u8, &str)] = &[
    (NONE, "no additional information"),
    (INVALID_PS, "invalid P(S)"),
    (INVALID_PR, "invalid P(R)"),
    (INVALID_TYPE, "packet type invalid"),
    (INVALID_IN_R1, "packet type invalid in state r1"),
    (INVALID_IN_R2, "packet type invalid in state r2"),
    (INVALID_IN_R3, "packet type invalid in state r3"),
    (INVALID_IN_P1, "packet type invalid in state p1"),
    (INVALID_IN_P2, "packet type invalid in state p2"),
    (INVALID_IN_P3, "packet type invalid in state p3"),
    (INVALID_IN_P4, "packet type invalid in state p4"),
    (INVALID_IN_P5, "packet type invalid in state p5"),
    (INVALID_IN_P6, "packet type invalid in state p6"),
    (INVALID_IN_P7, "packet type invalid in state p7"),
    (INVALID_IN_D1, "packet type invalid in state d1"),
    (INVALID_IN_D2, "packet type invalid in state d2"),
    (INVALID_IN_D3, "packet type invalid in state d3"),
    (NOT_ALLOWED, "packet not allowed"),
    (UNIDENTIFIABLE, "unidentifiable packet"),
    (ONE_WAY_CHANNEL, "call on a one-way logical channel"),
    (
        INVALID_ON_PVC,
        "packet type invalid on a permanent virtual circuit",
    ),
    (
        UNASSIGNED_CHANNEL,
        "packet on an unassigned logical channel",
    ),
    (REJECT_NOT_SUBSCRIBED, "reject not subscribed to"),
    (TOO_SHORT, "packet too short"),
    (TOO_LONG, "packet too long"),
    (INVALID_GFI, "invalid general format identifier"),
    (
        RESTART_ON_CHANNEL,
        "restart or registration on a logical channel other than 0",
    ),
    (NOT_COMPATIBLE, "packet type not compatible with a facility"),
    (
        UNAUTHORIZED_CONFIRMATION,
        "unauthorized interrupt confirmation",
    ),
    (UNAUTHORIZED_INTERRUPT, "unauthorized interrupt"),
    (UNAUTHORIZED_REJECT, "unauthorized reject"),
    (
        TOA_NPI_NOT_SUBSCRIBED,
        "TOA/NPI addresses not subscribed to",
    ),
    (TIME_EXPIRED, "time expired"),
    (CALL_TIME_EXPIRED, "time expired for a call"),
    (CLEAR_TIME_EXPIRED, "time expired for a clear"),
    (RESET_TIME_EXPIRED, "time expired for a reset"),
    (RESTART_TIME_EXPIRED, "time expired for a restart"),
    (
        DEFLECTION_TIME_EXPIRED,
        "time expired for a call deflection",
    ),
    (
        SETUP_PROBLEM,
        "call set-up, call clearing or registration problem",
    ),
    (
        FACILITY_NOT_ALLOWED,
        "facility or registration code not allowed",
    ),
    (PARAMETER_NOT_ALLOWED, "facility parameter not allowed"),
    (INVALID_CALLED_ADDRESS, "invalid called address"),
    (INVALID_CALLING_ADDRESS, "invalid calling address"),
    (
        INVALID_FACILITY_LENGTH,
        "invalid facility or registration length",
    ),
    (INCOMING_BARRED, "incoming calls barred"),
    (NO_CHANNEL, "no logical channel available"),
    (COLLISION, "call collision"),
    (DUPLICATE_FACILITY, "duplicate facility"),
    (ADDRESS_LENGTH_NOT_ZERO, "address length not 0"),
    (FACILITY_LENGTH_NOT_ZERO, "facility length not 0"),
    (FACILITY_MISSING, "expected facility not provided"),
    (INVALID_DTE_FACILITY, "invalid CCITT-specified DTE facility"),
    (
        TOO_MANY_REDIRECTIONS,
        "too many call redirections or deflections",
    ),
    (MISCELLANEOUS, "miscellaneous"),
    (IMPROPER_CAUSE, "improper cause code from the DTE"),
    (NOT_ALIGNED, "octets not aligned"),
    (INCONSISTENT_Q, "inconsistent Q bits"),
    (NUI_PROBLEM, "network user identification problem"),
    (INTERNATIONAL, "international problem"),
    (REMOTE_NETWORK, "remote network problem"),
    (INTERNATIONAL_PROTOCOL, "international protocol problem"),
    (
        INTERNATIONAL_OUT_OF_ORDER,
        "international link out of order",
    ),
    (INTERNATIONAL_BUSY, "international link busy"),
    (TRANSIT_FACILITY, "transit network facility problem"),
    (REMOTE_FACILITY, "remote network facility problem"),
    (INTERNATIONAL_ROUTING, "international routing problem"),
    (TEMPORARY_ROUTING, "temporary routing problem"),
    (
        UNKNOWN_DNIC,
        "unknown called data network identification code",
    ),
    (MAINTENANCE, "maintenance action"),
    (TIMER_OR_RETRIES, "timer expired or retransmissions used up"),
    (
        INTERRUPT_TIMER,
        "timer expired or retransmissions used up for an interrupt",
    ),
    (
        DATA_TIMER,
        "timer expired or retransmissions used up for data",
    ),
    (
        REJECT_TIMER,
        "timer expired or retransmissions used up for a reject",
    ),
    (DTE_SIGNAL, "DTE-specific signal"),
    (DTE_OPERATIONAL, "DTE operational"),
    (DTE_NOT_OPERATIONAL, "DTE not operational"),
    (DTE_RESOURCES, "DTE resource constraint"),
    (FAST_SELECT_NOT_SUBSCRIBED, "fast select not subscribed to"),
    (PARTIALLY_FULL, "invalid partially full data packet"),
    (D_BIT_NOT_SUPPORTED, "D bit procedure not supported"),
    (
        REGISTRATION_CONFIRMED,
        "registration or cancellation confirmed",
    ),
    (OSI_NETWORK, "OSI network service problem"),
    (OSI_DISCONNECTION, "disconnection, transient"),
    (OSI_DISCONNECTION_PERMANENT, "disconnection, permanent"),
    (
        OSI_REJECTION,
        "connection rejected, reason unspecified, transient",
    ),
    (
        OSI_REJECTION_PERMANENT,
        "connection rejected, reason unspecified, permanent",
    ),
    (
        OSI_QUALITY,
        "connection rejected, quality of service not available, transient",
    ),
    (
        OSI_QUALITY_PERMANENT,
        "connection rejected, quality of service not available, permanent",
    ),
    (
        OSI_UNREACHABLE,
        "connection rejected, NSAP unreachable, transient",
    ),
    (
        OSI_UNREACHABLE_PERMANENT,
        "connection rejected, NSAP unreachable, permanent",
    ),
    (OSI_RESET, "reset, reason unspecified"),
    (OSI_CONGESTION, "reset, congestion"),
    (
        OSI_UNKNOWN_NSAP,
        "connection rejected, NSAP address unknown, permanent",
    ),
    (HIGHER_LAYER, "higher layer initiated"),
    (DISCONNECTION_NORMAL, "higher layer disconnection, normal"),
    (
        DISCONNECTION_ABNORMAL,
        "higher layer disconnection, abnormal",
    ),
    (
        DISCONNECTION_INCOMPATIBLE,
        "higher layer disconnection, incompatible information in user data",
    ),
    (
        REJECTION,
        "higher layer rejection, reason unspecified, transient",
    ),
    (
        REJECTION_PERMANENT,
        "higher layer rejection, reason unspecified, permanent",
    ),
    (
        REJECTION_QUALITY,
        "higher layer rejection, quality of service not available, transient",
    ),
    (
        REJECTION_QUALITY_PERMANENT,
        "higher layer rejection, quality of service not available, permanent",
    ),
    (
        REJECTION_INCOMPATIBLE,
        "higher layer rejection, incompatible information in user data",
    ),
    (
        UNKNOWN_PROTOCOL,
        "unrecognizable protocol identifier in user data",
    ),
    (
        RESYNCHRONIZATION,
        "higher layer reset, user resynchronization",
    ),
];

/// What a code means, for people.
#[must_use]
pub fn text(code: u8) -> Text {
    Text {
        code,
        known: known(code),
    }
}

/// What a code means, where that is known. A code of the same group that nobody gave a meaning has
/// none.
#[must_use]
pub fn known(code: u8) -> Option<&'static str> {
    let at = TEXTS.binary_search_by_key(&code, |&(code, _)| code).ok()?;
    TEXTS.get(at).map(|&(_, text)| text)
}

/// A code with its text, or the code alone.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    code: u8,
    known: Option<&'static str>,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known {
            Some(text) => write!(f, "diagnostic {} ({text})", self.code),
            None => write!(f, "diagnostic {}", self.code),
        }
    }
}
