//! The numbers of things.

use std::fmt;

use serde::Serialize;

/// Our number of a control connection: what peers write into the Tunnel ID field of messages to
/// us (RFC 2661 section 3.1). 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TunnelId(pub u16);

/// Our number of a call within its tunnel: the Session ID field of messages to us. 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CallId(pub u16);

/// The number of a session on this machine: what people type, and NAS-Port. From 1; reused after
/// the session's end, the longest unused first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

/// One of our L2TP sockets: the place of its address among those configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SocketId(pub u8);

/// A bundle of sessions: the links of one user (RFC 1990). From 0; reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BundleId(pub u32);

macro_rules! display {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

display!(TunnelId CallId SessionId SocketId);
