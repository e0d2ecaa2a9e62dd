//! Causes: who cleared, reset or restarted, and why (X.25 tables 20, 21 and 22).
//!
//! A DTE says 0, or the value of [`DTE`] and above; everything else comes from the network, and a
//! DCE answers a DTE that says it with [`super::diagnostic::IMPROPER_CAUSE`].

use std::fmt;

/// From this value on a DTE chooses the cause itself: a private network's cause, for example, with
/// this bit added when it comes out of that network.
pub const DTE: u8 = 0x80;

/// Which packets a cause stands in; its meaning depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// Clear request or indication.
    Clear,
    /// Reset request or indication.
    Reset,
    /// Restart request or indication.
    Restart,
}

/// Causes in clear requests and indications.
pub mod clear {
    /// DTE originated.
    pub const DTE_ORIGINATED: u8 = 0x00;
    /// Number busy.
    pub const NUMBER_BUSY: u8 = 0x01;
    /// Invalid facility request.
    pub const INVALID_FACILITY: u8 = 0x03;
    /// Network congestion.
    pub const NETWORK_CONGESTION: u8 = 0x05;
    /// Out of order.
    pub const OUT_OF_ORDER: u8 = 0x09;
    /// Access barred.
    pub const ACCESS_BARRED: u8 = 0x0b;
    /// Not obtainable.
    pub const NOT_OBTAINABLE: u8 = 0x0d;
    /// Remote procedure error.
    pub const REMOTE_PROCEDURE_ERROR: u8 = 0x11;
    /// Local procedure error.
    pub const LOCAL_PROCEDURE_ERROR: u8 = 0x13;
    /// RPOA out of order.
    pub const RPOA_OUT_OF_ORDER: u8 = 0x15;
    /// Reverse charging acceptance not subscribed.
    pub const REVERSE_CHARGING_NOT_ACCEPTED: u8 = 0x19;
    /// Incompatible destination.
    pub const INCOMPATIBLE_DESTINATION: u8 = 0x21;
    /// Fast select acceptance not subscribed.
    pub const FAST_SELECT_NOT_ACCEPTED: u8 = 0x29;
    /// Ship absent.
    pub const SHIP_ABSENT: u8 = 0x39;

    pub(super) const TEXTS: &[(u8, &str)] = &[
        (DTE_ORIGINATED, "DTE originated"),
        (NUMBER_BUSY, "number busy"),
        (INVALID_FACILITY, "invalid facility request"),
        (NETWORK_CONGESTION, "network congestion"),
        (OUT_OF_ORDER, "out of order"),
        (ACCESS_BARRED, "access barred"),
        (NOT_OBTAINABLE, "not obtainable"),
        (REMOTE_PROCEDURE_ERROR, "remote procedure error"),
        (LOCAL_PROCEDURE_ERROR, "local procedure error"),
        (RPOA_OUT_OF_ORDER, "RPOA out of order"),
        (
            REVERSE_CHARGING_NOT_ACCEPTED,
            "reverse charging acceptance not subscribed",
        ),
        (INCOMPATIBLE_DESTINATION, "incompatible destination"),
        (
            FAST_SELECT_NOT_ACCEPTED,
            "fast select acceptance not subscribed",
        ),
        (SHIP_ABSENT, "ship absent"),
    ];
}

/// Causes in reset requests and indications.
pub mod reset {
    /// DTE originated.
    pub const DTE_ORIGINATED: u8 = 0x00;
    /// Out of order.
    pub const OUT_OF_ORDER: u8 = 0x01;
    /// Remote procedure error.
    pub const REMOTE_PROCEDURE_ERROR: u8 = 0x03;
    /// Local procedure error.
    pub const LOCAL_PROCEDURE_ERROR: u8 = 0x05;
    /// Network congestion.
    pub const NETWORK_CONGESTION: u8 = 0x07;
    /// Remote DTE operational.
    pub const REMOTE_DTE_OPERATIONAL: u8 = 0x09;
    /// Network operational.
    pub const NETWORK_OPERATIONAL: u8 = 0x0f;
    /// Incompatible destination.
    pub const INCOMPATIBLE_DESTINATION: u8 = 0x11;
    /// Network out of order.
    pub const NETWORK_OUT_OF_ORDER: u8 = 0x1d;

    pub(super) const TEXTS: &[(u8, &str)] = &[
        (DTE_ORIGINATED, "DTE originated"),
        (OUT_OF_ORDER, "out of order"),
        (REMOTE_PROCEDURE_ERROR, "remote procedure error"),
        (LOCAL_PROCEDURE_ERROR, "local procedure error"),
        (NETWORK_CONGESTION, "network congestion"),
        (REMOTE_DTE_OPERATIONAL, "remote DTE operational"),
        (NETWORK_OPERATIONAL, "network operational"),
        (INCOMPATIBLE_DESTINATION, "incompatible destination"),
        (NETWORK_OUT_OF_ORDER, "network out of order"),
    ];
}

/// Causes in restart requests and indications.
pub mod restart {
    /// DTE restarting.
    pub const DTE_RESTARTING: u8 = 0x00;
    /// Local procedure error.
    pub const LOCAL_PROCEDURE_ERROR: u8 = 0x01;
    /// Network congestion.
    pub const NETWORK_CONGESTION: u8 = 0x03;
    /// Network operational.
    pub const NETWORK_OPERATIONAL: u8 = 0x07;
    /// Registration or cancellation confirmed.
    pub const REGISTRATION_CONFIRMED: u8 = 0x7f;

    pub(super) const TEXTS: &[(u8, &str)] = &[
        (DTE_RESTARTING, "DTE restarting"),
        (LOCAL_PROCEDURE_ERROR, "local procedure error"),
        (NETWORK_CONGESTION, "network congestion"),
        (NETWORK_OPERATIONAL, "network operational"),
        (
            REGISTRATION_CONFIRMED,
            "registration or cancellation confirmed",
        ),
    ];
}

/// What a cause means, for people.
#[must_use]
pub fn text(of: Of, cause: u8) -> Text {
    Text {
        cause,
        known: known(of, cause),
    }
}

/// What a cause means, where that is known.
#[must_use]
pub fn known(of: Of, cause: u8) -> Option<&'static str> {
    let texts = match of {
        Of::Clear => clear::TEXTS,
        Of::Reset => reset::TEXTS,
        Of::Restart => restart::TEXTS,
    };
    let cause = if cause >= DTE { 0 } else { cause };
    let found = texts.iter().find(|&&(value, _)| value == cause);
    found.map(|&(_, text)| text)
}

/// A cause with its text, or the cause alone.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    cause: u8,
    known: Option<&'static str>,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known {
            Some(text) => write!(f, "cause {:#04x} ({text})", self.cause),
            None => write!(f, "cause {:#04x}", self.cause),
        }
    }
}
