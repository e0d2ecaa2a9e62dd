//! The Internet Control Message Protocol (RFC 792, RFC 1122 section 3.2.2, RFC 1191): counters, names, and who
//! may be told of an error.
//!
//! | to change | open |
//! |---|---|
//! | what is received, and what is sent of errors | `messages.rs` |
//! | counters and names | this file |

mod messages;

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::bucket::TokenBucket;

/// Errors a second that may be sent, and at once.
const ERRORS: u64 = 100;

/// Message types (IANA).
pub mod kind {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Source quench.
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Time stamp.
    pub const TIMESTAMP: u8 = 13;
    /// Time stamp reply.
    pub const TIMESTAMP_REPLY: u8 = 14;
    /// Address mask request.
    pub const MASK: u8 = 17;
    /// Address mask reply.
    pub const MASK_REPLY: u8 = 18;
}

/// Errors that this station sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No way to the host, or it does not answer.
    HostUnreachable,
    /// A protocol that is not known here.
    ProtocolUnreachable,
    /// A port where nobody listens.
    PortUnreachable,
    /// Longer than the next line takes, octets, and not to be cut.
    FragmentationNeeded(u16),
    /// A source route that cannot be followed.
    SourceRouteFailed,
    /// Too much for a neighbour that is still asked for.
    SourceQuench,
    /// The hops are used up.
    TimeToLive,
    /// Fragments did not come.
    ReassemblyTime,
    /// A malformed header, at this octet.
    Parameter(u8),
}

impl Error {
    /// Type, code and the four octets behind the checksum.
    #[must_use]
    pub fn fields(self) -> (u8, u8, [u8; 4]) {
        let none = [0; 4];
        match self {
            Self::HostUnreachable => (kind::UNREACHABLE, 1, none),
            Self::ProtocolUnreachable => (kind::UNREACHABLE, 2, none),
            Self::PortUnreachable => (kind::UNREACHABLE, 3, none),
            Self::FragmentationNeeded(mtu) => {
                let [high, low] = mtu.to_be_bytes();
                (kind::UNREACHABLE, 4, [0, 0, high, low])
            }
            Self::SourceRouteFailed => (kind::UNREACHABLE, 5, none),
            Self::SourceQuench => (kind::SOURCE_QUENCH, 0, none),
            Self::TimeToLive => (kind::TIME_EXCEEDED, 0, none),
            Self::ReassemblyTime => (kind::TIME_EXCEEDED, 1, none),
            Self::Parameter(pointer) => (kind::PARAMETER_PROBLEM, 0, [pointer, 0, 0, 0]),
        }
    }
}

/// Messages by kind, in the order of the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// All.
    pub messages: u64,
    /// Malformed, or refused.
    pub errors: u64,
    /// The others: unreachable, time exceeded, parameter problem, source quench, redirect, echo, echo reply,
    /// time stamp, time stamp reply, address mask, address mask reply.
    pub by_kind: [u64; 11],
}

impl Kinds {
    /// The types that are counted, in the order of the listing.
    const COUNTED: [u8; 11] = [
        kind::UNREACHABLE,
        kind::TIME_EXCEEDED,
        kind::PARAMETER_PROBLEM,
        kind::SOURCE_QUENCH,
        kind::REDIRECT,
        kind::ECHO,
        kind::ECHO_REPLY,
        kind::TIMESTAMP,
        kind::TIMESTAMP_REPLY,
        kind::MASK,
        kind::MASK_REPLY,
    ];

    fn count(&mut self, kind: u8) {
        let counted = Self::COUNTED.iter().position(|counted| *counted == kind);
        if let Some(count) = counted.and_then(|at| self.by_kind.get_mut(at)) {
            *count += 1;
        }
    }

    /// Messages of a type.
    #[must_use]
    pub fn of(&self, kind: u8) -> u64 {
        let counted = Self::COUNTED.iter().position(|counted| *counted == kind);
        counted
            .and_then(|at| self.by_kind.get(at))
            .copied()
            .unwrap_or(0)
    }
}

/// An error that came in: what `icmp trace` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who sent it.
    pub from: Ipv4Addr,
    /// Where the datagram in question was for.
    pub dest: Ipv4Addr,
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// The four octets behind the checksum.
    pub rest: [u8; 4],
}

/// The state of the protocol.
#[derive(Clone, Debug)]
pub struct Icmp {
    /// `icmp echo`: replies to one-shot pings are shown.
    pub echo: bool,
    /// `icmp trace`: errors that come in are shown.
    pub trace: bool,
    /// What came in.
    pub received: Kinds,
    /// What was sent.
    pub sent: Kinds,
    /// Errors not sent because there were too many.
    pub limited: u64,
    limit: Option<TokenBucket>,
}

impl Icmp {
    /// The protocol as it starts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            echo: true,
            trace: false,
            received: Kinds::default(),
            sent: Kinds::default(),
            limited: 0,
            limit: TokenBucket::new(now, ERRORS, ERRORS, 0).ok(),
        }
    }

    /// Whether one more error may be sent.
    fn may_tell(&mut self, now: Instant) -> bool {
        let may = self
            .limit
            .as_mut()
            .is_none_or(|limit| limit.take(now, 1, false).is_ok());
        self.limited += u64::from(!may);
        may
    }
}

/// The name of a message type in traces.
#[must_use]
pub fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        kind::ECHO_REPLY => "Echo Reply",
        kind::UNREACHABLE => "Unreachable",
        kind::SOURCE_QUENCH => "Source Quench",
        kind::REDIRECT => "Redirect",
        kind::ECHO => "Echo Request",
        kind::TIME_EXCEEDED => "Time Exceeded",
        kind::PARAMETER_PROBLEM => "Parameter Problem",
        kind::TIMESTAMP => "Timestamp",
        kind::TIMESTAMP_REPLY => "Timestamp Reply",
        15 => "Information Request",
        16 => "Information Reply",
        kind::MASK => "Address mask request",
        kind::MASK_REPLY => "Address mask reply",
        19 => "Security Association",
        _ => return None,
    })
}

/// The name of a code in traces.
#[must_use]
pub fn code_name(kind: u8, code: u8) -> Option<&'static str> {
    let names: &[&str] = match kind {
        kind::UNREACHABLE => &[
            "Network",
            "Host",
            "Protocol",
            "Port",
            "Fragmentation",
            "Source route",
            "Dest net unknown",
            "Dest host unknown",
            "Source host isolated",
            "Net prohibited",
            "Host prohibited",
            "Net TOS",
            "Host TOS",
            "Administratively Prohibited",
        ],
        kind::TIME_EXCEEDED => &["Time-to-live", "Fragment reassembly"],
        kind::REDIRECT => &["Network", "Host", "TOS & Network", "TOS & Host"],
        _ => &[],
    };
    names.get(usize::from(code)).copied()
}
