//! The keys of X.25.

use super::Kind::{Choice, Number, Text, Time, YesNo};
use super::Of::X25;
use super::Status::{Ignored, Used};
use super::{Key, Kind, key};

const fn used(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    key(name, kind, default, X25, Used, meaning)
}

const fn ignored(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    key(name, kind, default, X25, Ignored, meaning)
}

/// A logical channel; 0: none.
const CHANNEL: Kind = Number(0, 4095);
/// A timer of the packet layer.
const TIMER: Kind = Time(1000, 255_000, 1000);
/// Repetitions of a request of the packet layer.
const TRIES: Kind = Number(0, 250);
/// A packet size; 0: see the key.
const SIZE: Kind = Choice(&[
    ("16", 16),
    ("32", 32),
    ("64", 64),
    ("128", 128),
    ("256", 256),
    ("512", 512),
    ("1024", 1024),
    ("2048", 2048),
    ("4096", 4096),
]);
/// Sequence numbers.
const MODULO: Kind = Choice(&[("8", 8), ("128", 128)]);
const YEARS: Kind = Choice(&[("1980", 1980), ("1984", 1984), ("1988", 1988)]);

/// Keys of a device's section.
pub const LINK: &[Key] = &[
    used("LOWESTPVC", CHANNEL, "0", "lowest permanent circuit"),
    used("HIGHESTPVC", CHANNEL, "0", "highest permanent circuit"),
    used(
        "LOWESTSVC",
        CHANNEL,
        "0",
        "lowest channel for calls both ways",
    ),
    used(
        "HIGHESTSVC",
        CHANNEL,
        "0",
        "highest channel for calls both ways",
    ),
    used(
        "LOWESTINCOMING",
        CHANNEL,
        "0",
        "lowest channel for calls of the DCE",
    ),
    used(
        "HIGHESTINCOMING",
        CHANNEL,
        "0",
        "highest channel for calls of the DCE",
    ),
    used(
        "LOWESTOUTGOING",
        CHANNEL,
        "0",
        "lowest channel for calls of the DTE",
    ),
    used(
        "HIGHESTOUTGOING",
        CHANNEL,
        "0",
        "highest channel for calls of the DTE",
    ),
    used("LAPB_MODE", MODULO, "8", "sequence numbers of LAPB"),
    used(
        "HDLCWINDOW",
        Number(1, 127),
        "7",
        "frames without acknowledgement",
    ),
    used(
        "T1",
        Time(100, 30_000, 1000),
        "3",
        "how long LAPB waits for an answer",
    ),
    used(
        "T2",
        Time(0, 29_000, 1000),
        "0",
        "how long an acknowledgement waits",
    ),
    used(
        "T4",
        Number(0, 240),
        "0",
        "T1s of silence until LAPB asks; 0: never",
    ),
    used("N2", Number(1, 30), "10", "how often LAPB sends a frame"),
    used(
        "LAPB_HDLC_ONLY",
        YesNo,
        "NO",
        "LAPB without the packet layer",
    ),
    used("X25_MODE", MODULO, "8", "sequence numbers of packets"),
    used(
        "PACKETWINDOW",
        Number(1, 127),
        "2",
        "packets without acknowledgement",
    ),
    used(
        "DEF_PKT_SIZE",
        SIZE,
        "",
        "packet size; the MTU rounded down, to 1024",
    ),
    used(
        "MAX_PKT_SIZE",
        SIZE,
        "",
        "largest packet size; as DEF_PKT_SIZE, from 1024",
    ),
    used(
        "T10_T20",
        TIMER,
        "30",
        "how long a restart waits for an answer",
    ),
    used(
        "T11_T21",
        TIMER,
        "30",
        "how long a call waits for an answer",
    ),
    used(
        "T12_T22",
        TIMER,
        "30",
        "how long a reset waits for an answer",
    ),
    used(
        "T13_T23",
        TIMER,
        "30",
        "how long a clear waits for an answer",
    ),
    used(
        "T16_T26",
        TIMER,
        "30",
        "how long an interrupt waits for an answer",
    ),
    used("R10_R20", TRIES, "5", "repetitions of a restart"),
    used("R12_R22", TRIES, "5", "repetitions of a reset"),
    used("R13_R23", TRIES, "5", "repetitions of a clear"),
    used("CCITTCOMPAT", YEARS, "1988", "year of the standard"),
    used("CALL_SETUP_LOG", YesNo, "NO", "log calls"),
    ignored("T28", TIMER, "30", "nothing is registered"),
    ignored(
        "X25CONFIG",
        Number(0, u32::MAX as u64),
        "0x0090",
        "options of the firmware",
    ),
    ignored("OOB_ON_MODEM", YesNo, "NO", "applications hear of the link"),
    ignored(
        "STATION_ADDR",
        Number(0, 255),
        "1",
        "LAPB has the addresses A and B",
    ),
];

/// Keys of an interface's section.
pub const INTERFACE: &[Key] = &[
    used(
        "IDLETIMEOUT",
        Time(0, 500_000, 1000),
        "90",
        "silence that clears a call; 0: none",
    ),
    used(
        "HOLDTIMEOUT",
        Time(0, 500_000, 1000),
        "10",
        "how long no call follows one that failed",
    ),
    used("X25_SRC_ADDR", Text(31), "", "our address in calls"),
    used(
        "X25_ACCEPT_DST_ADDR",
        Text(31),
        "",
        "accept calls to such an address",
    ),
    used(
        "X25_ACCEPT_SRC_ADDR",
        Text(31),
        "",
        "accept calls from such an address",
    ),
    used(
        "X25_ACCEPT_USR_DATA",
        Text(256),
        "",
        "accept calls with such user data",
    ),
    used(
        "X25_ENCAPSULATION",
        Choice(&[("IP", 0), ("SNAP", 1), ("NULL", 2)]),
        "IP",
        "how packets are wrapped",
    ),
    used("X25_PKT_SIZE", SIZE, "", "packet size that calls ask for"),
    used(
        "X25_WINDOW",
        Number(1, 127),
        "",
        "window that calls ask for",
    ),
    used(
        "X25_CALL_STRING",
        Text(600),
        "",
        "calls in full: -dADDRESS -sADDRESS -uDATA -fFACILITIES",
    ),
];
