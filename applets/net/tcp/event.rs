//! What the owner of the stack is told.

use crate::connection::State;
use crate::listener::ListenerId;
use crate::table::Id;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Both sides closed it.
    Normal,
    /// The other side reset it, or refused it.
    Reset,
    /// Nothing was acknowledged for too long.
    Timeout,
    /// It could not be opened, and the way there was said to be closed.
    Unreachable,
    /// This side reset it.
    Aborted,
}

impl Reason {
    /// The name as people see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Reset => "Reset/Refused",
            Self::Timeout => "Timeout",
            Self::Unreachable => "Network",
            Self::Aborted => "Aborted",
        }
    }
}

/// News. Each kind is told once a connection until it is asked for, however often it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server has connections to accept: [`crate::Tcp::accept`] until there are none.
    Incoming(ListenerId),
    /// The connection that was asked for is there.
    Connected(Id),
    /// There are octets to read.
    Readable(Id),
    /// There is room to write.
    Writable(Id),
    /// The other side has closed: nothing comes behind what can be read.
    Finished(Id),
    /// The connection is over. It is to be released; until then what came can be read.
    Closed(Id, Reason),
    /// A state changed; only with [`crate::Parameters::trace`].
    Changed {
        /// The connection.
        id: Id,
        /// The state it was in.
        from: State,
        /// The state it is in.
        to: State,
    },
}
