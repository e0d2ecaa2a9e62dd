//! What people and machines ask of a running concentrator.

use std::fmt;

/// A direction as the subscriber sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the subscriber.
    In,
    /// To the subscriber.
    Out,
}

/// Why something that was asked for was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationError {
    /// There is no such session.
    NoSession,
    /// There is no such tunnel.
    NoTunnel,
    /// The tunnel is being closed already.
    TunnelClosing,
    /// It is so already.
    Already(Option<Direction>),
    /// It was not so.
    Not,
    /// There is no access list of this name.
    NoAccessList,
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "there is no such session",
            Self::NoTunnel => "there is no such tunnel",
            Self::TunnelClosing => "the tunnel is being closed already",
            Self::Already(None) => "it is so already",
            Self::Already(Some(Direction::In)) => "input is so already",
            Self::Already(Some(Direction::Out)) => "output is so already",
            Self::Not => "it is not so",
            Self::NoAccessList => "there is no such access list",
        })
    }
}
