//! The keys of PPP. Those of authentication belong to the interface, where they win, and may be
//! given to a device that has none.

use super::Kind::{Choice, Number, Text, Time, YesNo};
use super::Of::Ppp;
use super::Status::{Ignored, Used};
use super::{Key, Kind, key};

/// The longest timer, milliseconds.
const HOUR: u64 = 3_600_000;

const fn used(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    key(name, kind, default, Ppp, Used, meaning)
}

/// Keys of a device's section.
pub const LINK: &[Key] = &[
    used(
        "RESTARTTIMER",
        Time(100, HOUR, 1000),
        "3",
        "how long an answer is waited for",
    ),
    used(
        "CONFIGURERETRY",
        Number(1, 255),
        "10",
        "Configure-Requests of one try (Max-Configure)",
    ),
    used(
        "TERMINATERETRY",
        Number(1, 255),
        "2",
        "Terminate-Requests (Max-Terminate)",
    ),
    used(
        "MAXCONFREJECT",
        Number(1, 255),
        "5",
        "Configure-Naks before rejecting (Max-Failure)",
    ),
    used(
        "AUTHRESTART",
        Time(100, HOUR, 1000),
        "3",
        "how long authentication waits for an answer",
    ),
    used(
        "AUTHWAIT",
        Time(1000, HOUR, 1000),
        "30",
        "how long authentication may take",
    ),
    used("AUTHRETRY", Number(1, 255), "10", "tries of authentication"),
    used(
        "RECHALLENGE",
        Time(0, HOUR, 1000),
        "0",
        "how often the peer is asked again who it is",
    ),
    used(
        "CONNECTTIMEOUT",
        Time(0, HOUR, 1000),
        "90",
        "how long coming up may take; 0: any time",
    ),
    used(
        "HOLD_DOWN",
        Time(0, HOUR, 1000),
        "5",
        "how long a link that ended is silent",
    ),
    key(
        "MDMFAILTIMER",
        Time(0, HOUR, 1000),
        "",
        Ppp,
        Ignored,
        "the line says when its modem fails",
    ),
    key(
        "DTRDROPTIMER",
        Time(0, HOUR, 1000),
        "",
        Ppp,
        Ignored,
        "the line drops DTR by itself",
    ),
    used("AUTHENTICATOR", YesNo, "NO", "ask the peer who it is"),
    used(
        "IP_MODE",
        Choice(&[("STATIC", 0), ("HOST", 1), ("PEER", 2)]),
        "STATIC",
        "who gives the addresses: nobody, this end (HOST), the other (PEER)",
    ),
    used(
        "MRU",
        Number(64, 65_535),
        "",
        "longest packet to receive, octets (default: MTU)",
    ),
    used("MAGIC", YesNo, "YES", "magic number: notices loops"),
    used("PFC", YesNo, "NO", "compress protocol fields"),
    used("ACFC", YesNo, "NO", "leave address and control out"),
    used(
        "ASYNCMAP",
        Number(0, 0xFFFF_FFFF),
        "0",
        "characters to escape on asynchronous lines",
    ),
    used(
        "ECHO_INTERVAL",
        Time(0, HOUR, 1000),
        "10",
        "how often the peer is asked for an echo; 0: never",
    ),
    used(
        "ECHO_FAILURES",
        Number(1, 255),
        "3",
        "echoes missed that take the link down",
    ),
    used("IPCP", YesNo, "YES", "carry IPv4"),
    used("IPV6CP", YesNo, "YES", "carry IPv6"),
    used("VJ", YesNo, "NO", "compress TCP/IP headers (Van Jacobson)"),
    used(
        "VJ_SLOTS",
        Number(2, 256),
        "16",
        "connections that are compressed",
    ),
    used("DNS_PRIMARY", Text(15), "", "name server for the peer"),
    used(
        "DNS_SECONDARY",
        Text(15),
        "",
        "second name server for the peer",
    ),
    used("USEPEERDNS", YesNo, "NO", "ask the peer for name servers"),
    used(
        "MULTILINK",
        YesNo,
        "NO",
        "this device is the first of a bundle",
    ),
    used(
        "BUNDLE",
        Text(15),
        "",
        "the first device of the bundle that this one joins",
    ),
    used(
        "MRRU",
        Number(64, 65_535),
        "",
        "longest packet through the bundle, octets",
    ),
    used(
        "SHORT_SEQ",
        YesNo,
        "NO",
        "fragments with sequence numbers of 12 bits",
    ),
    used(
        "MIN_FRAGMENT",
        Number(16, 4098),
        "128",
        "shortest fragment, octets",
    ),
    used(
        "REASSEMBLY_TIMEOUT",
        Time(1, 60_000, 1),
        "1000",
        "how long a fragment waits for one before it",
    ),
    used("PAP", YesNo, "", "see the interface"),
    used("CHAP", YesNo, "", "see the interface"),
    used("MSCHAPV2", YesNo, "", "see the interface"),
    used("USERID", Text(510), "", "see the interface"),
    used("PASSWD", Text(510), "", "see the interface"),
    used("SYSNAME", Text(31), "", "see the interface"),
    used("SECRETS_FILE", Text(4095), "", "see the interface"),
];

/// Keys of an interface's section.
pub const INTERFACE: &[Key] = &[
    used("PAP", YesNo, "NO", "authentication by PAP"),
    used("CHAP", YesNo, "NO", "authentication by CHAP with MD5"),
    used("MSCHAPV2", YesNo, "NO", "authentication by MS-CHAPv2"),
    used(
        "USERID",
        Text(510),
        "",
        "our name; an authenticator's: the peers', separated by ' / '",
    ),
    used(
        "PASSWD",
        Text(510),
        "",
        "the secrets, in the order of USERID",
    ),
    used("SYSNAME", Text(31), "", "our name as an authenticator"),
    used(
        "SECRETS_FILE",
        Text(4095),
        "",
        "names and secrets, as in pppd's secrets files",
    ),
];
