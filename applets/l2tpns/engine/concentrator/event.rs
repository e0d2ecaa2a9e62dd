//! What leaves the concentrator.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::plugin::Work;
use crate::{SessionId, SocketId, TunnelId};

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outgoing {
    /// To an L2TP peer.
    L2tp {
        /// The socket to send it from.
        socket: SocketId,
        /// The peer.
        to: SocketAddr,
    },
    /// To a RADIUS server.
    Radius {
        /// The socket to send it from: its place among those for RADIUS.
        socket: u8,
        /// The server.
        to: SocketAddr,
    },
    /// To who asked on the port for dynamic authorization (RFC 5176).
    Dae {
        /// Who asked.
        to: SocketAddr,
    },
    /// To who asked on nsctl's port.
    Nsctl {
        /// Who asked.
        to: SocketAddr,
    },
}

/// How grave a log entry is, numbered as `set debug` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// 0: nothing works.
    Critical = 0,
    /// 1: something does not work.
    Error = 1,
    /// 2: something is not as it should be; logins too.
    Warning = 2,
    /// 3: what happens.
    Info = 3,
    /// 4: what is called.
    Call = 4,
    /// 5: packets.
    Data = 5,
}

impl Level {
    /// The level of a number; the last one for those above.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Critical,
            1 => Self::Error,
            2 => Self::Warning,
            3 => Self::Info,
            4 => Self::Call,
            _ => Self::Data,
        }
    }
}

impl fmt::Display for Level {
    /// The name that `debug` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "CRIT",
            Self::Error => "ERROR",
            Self::Warning => "WARN",
            Self::Info => "INFO",
            Self::Call => "CALL",
            Self::Data => "DATA",
        })
    }
}

/// What the host must do or know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostEvent {
    /// A route to the TUN is needed.
    AddRoute {
        /// The network.
        network: IpAddr,
        /// Its length, bits.
        bits: u8,
    },
    /// It is not needed any more.
    DeleteRoute {
        /// The network.
        network: IpAddr,
        /// Its length, bits.
        bits: u8,
    },
    /// A file for `accounting_dir`, named after the time of day.
    Accounting {
        /// When it was made, seconds since 1970.
        time: u64,
        /// What is in it.
        text: String,
    },
    /// A plugin needs something.
    Plugin(Work),
    /// To be logged. Entries above the configured level are not made.
    Log {
        /// How grave it is.
        level: Level,
        /// The control connection it is about.
        tunnel: Option<TunnelId>,
        /// The session it is about.
        session: Option<SessionId>,
        /// The entry.
        text: String,
    },
}
