//! What the owner of the services is told.

use wanbox_net_tcp::Id;

use crate::server::Destination;
use crate::stream::Stream;

/// A session that somebody opened: 0 to 19.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u8);

impl SessionId {
    /// The most sessions.
    pub const MOST: usize = 20;

    /// The number that people see and type.
    #[must_use]
    pub fn number(self) -> usize {
        self.0.into()
    }
}

/// A connection of `tcpgate`, between the network and the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GateId(pub(crate) Id);

impl GateId {
    /// A number that no other gate has at the same time.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.number()
    }
}

/// Somebody who came over the network: a login of `start telnet`, or a guest of `start ax25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginId(pub(crate) Stream);

impl LoginId {
    /// Whether nobody knows who it really is: a guest.
    #[must_use]
    pub const fn is_guest(self) -> bool {
        !matches!(self.0, Stream::Tcp(_))
    }
}

/// News. Those that say that something waits are told once until it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A line for the log, without its time: `ADDRESS:PORT - TEXT`.
    Log(String),
    /// A session has something to show: [`crate::Services::session_output`].
    Shown(SessionId),
    /// A session takes keys (`true`), or lines.
    Raw(SessionId, bool),
    /// A session is over, all that came was shown, and its number is free. With what is left to be shown, and whether
    /// one of the ends wanted it.
    Ended(SessionId, Vec<u8>, bool),
    /// A gate needs its connection on the host: [`crate::Services::gate_opened`] or
    /// [`crate::Services::gate_closed`] when that is decided.
    GateOpen(GateId, Destination),
    /// A gate has octets for the host: [`crate::Services::gate_peek`].
    GateReadable(GateId),
    /// A gate that did not take everything has room again.
    GateWritable(GateId),
    /// The network's side says nothing more, and everything it said was taken: the host is to be told.
    GateFinished(GateId),
    /// A gate is over: its connection on the host is to be closed.
    GateClosed(GateId),
    /// Somebody has logged in: a console is to be made.
    LoginOpened(LoginId),
    /// What somebody typed waits: [`crate::Services::login_input`].
    LoginReadable(LoginId),
    /// A login that did not take everything has room again.
    LoginWritable(LoginId),
    /// Somebody is gone: the console ends.
    LoginClosed(LoginId),
    /// Somebody who may has told the program to end (`remote exit`).
    Exit,
}
