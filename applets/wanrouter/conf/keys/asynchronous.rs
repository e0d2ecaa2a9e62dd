//! The keys of characters on an asynchronous line, in an interface's section.

use super::Kind::{Choice, Number, Time, YesNo};
use super::Of::CiscoHdlc;
use super::Status::Used;
use super::{Key, key};

/// The switch.
pub(in crate::conf) const MODE: &str = "ASYNC_MODE";

/// The keys, [`MODE`] first.
pub(in crate::conf) const INTERFACE: &[Key] = &[
    key(
        MODE,
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "characters in the place of frames",
    ),
    key(
        "ASY_DATA_TRANSPARENT",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "keep the unused bits of received characters",
    ),
    key(
        "RTS_HS_FOR_RECEIVE",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "RTS makes the other end wait",
    ),
    key(
        "XON_XOFF_HS_FOR_RECEIVE",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "XOFF makes the other end wait",
    ),
    key(
        "XON_XOFF_HS_FOR_TRANSMIT",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "XOFF of the other end is obeyed",
    ),
    key(
        "DCD_HS_FOR_TRANSMIT",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "nothing is sent without DCD",
    ),
    key(
        "CTS_HS_FOR_TRANSMIT",
        YesNo,
        "NO",
        CiscoHdlc,
        Used,
        "nothing is sent without CTS",
    ),
    key(
        "TX_BITS_PER_CHAR",
        Number(5, 8),
        "8",
        CiscoHdlc,
        Used,
        "bits of sent characters",
    ),
    key(
        "RX_BITS_PER_CHAR",
        Number(5, 8),
        "8",
        CiscoHdlc,
        Used,
        "bits of received characters",
    ),
    key(
        "STOP_BITS",
        Choice(&[("ONE", 1), ("TWO", 2), ("ONE_AND_HALF", 3)]),
        "ONE",
        CiscoHdlc,
        Used,
        "stop bits of characters",
    ),
    key(
        "PARITY",
        Choice(&[("NONE", 0), ("ODD", 1), ("EVEN", 2)]),
        "NONE",
        CiscoHdlc,
        Used,
        "parity of characters",
    ),
    key(
        "BREAK_TIMER",
        Time(0, 5000, 1),
        "50",
        CiscoHdlc,
        Used,
        "how long a break is that is sent; 0: none is",
    ),
    key(
        "INTER_CHAR_TIMER",
        Time(0, 30_000, 1),
        "123",
        CiscoHdlc,
        Used,
        "silence that ends a received piece; 0: none does",
    ),
    key(
        "RX_COMPLETE_LENGTH",
        Number(0, 2000),
        "20",
        CiscoHdlc,
        Used,
        "characters of a received piece; 0: 2000",
    ),
    key(
        "XON_CHAR",
        Number(1, 255),
        "0x11",
        CiscoHdlc,
        Used,
        "the character that lets go on",
    ),
    key(
        "XOFF_CHAR",
        Number(1, 255),
        "0x13",
        CiscoHdlc,
        Used,
        "the character that makes wait",
    ),
];
