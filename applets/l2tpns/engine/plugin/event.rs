//! What plugins are told, and what they want done.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::{SessionId, TunnelId};

/// A session as plugins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Its tunnel.
    pub tunnel: TunnelId,
    /// Its number.
    pub session: SessionId,
    /// The name of the user; empty before there is one.
    #[serde(rename = "username")]
    pub user: String,
    /// Its IPv4 address, once there is one.
    pub address: Option<Ipv4Addr>,
    /// Where the call came from; empty when the peer did not say.
    pub calling: String,
    /// Where it went to; empty when the peer did not say.
    pub called: String,
    /// The rate that holds from the user, kbit/s; 0 is none.
    pub throttle_in: u32,
    /// The rate that holds to the user, kbit/s; 0 is none.
    pub throttle_out: u32,
    /// Where its packets are copied to.
    pub snoop: Option<SocketAddr>,
    /// Whether it is in the walled garden.
    pub garden: bool,
}

/// The sessions that there are, for plugins that look one up.
pub trait Sessions {
    /// A session that is set up: one with an address.
    fn session(&self, id: SessionId) -> Option<Facts>;

    /// The lowest such session of a user; case counts. Those in the walled garden are left out.
    fn session_of(&self, user: &str) -> Option<SessionId>;
}

/// How a user proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// PAP (C023).
    Pap,
    /// CHAP, MS-CHAPv2 among it (C223).
    Chap,
}

/// Why accounting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Accounting {
    /// Acct-Status-Type 1.
    Start,
    /// Acct-Status-Type 2.
    Stop,
    /// Acct-Status-Type 3.
    Interim,
}

/// What happens. The same value comes back when all plugins have seen it; they may have changed
/// the fields that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user wants to log in; nobody was asked yet.
    PreAuth {
        /// The session.
        about: Facts,
        /// How.
        protocol: Protocol,
        /// The name. May be changed.
        username: String,
        /// The password of PAP. May be changed.
        password: Option<String>,
        /// Whether to go on; otherwise the request is dropped. May be changed.
        continue_auth: bool,
    },
    /// RADIUS, or the file of subscribers, said yes or no. Has the walled garden as well.
    PostAuth {
        /// The session. The walled garden sets [`Facts::garden`].
        about: Facts,
        /// How.
        protocol: Protocol,
        /// Whether the user may go on. May be changed.
        auth_allowed: bool,
        /// What the peer said in its Tx Connect Speed, bit/s.
        tx_speed: u32,
        /// What it said in its Rx Connect Speed, bit/s; 0 when it did not. May be changed.
        rx_speed: u32,
    },
    /// A session is set up.
    NewSession(Facts),
    /// A session ends. Told once, however it ends.
    KillSession(Facts),
    /// An attribute Cisco-AVPair came, in an Access-Accept or a CoA-Request; see
    /// [`pairs`](super::pairs).
    RadiusResponse {
        /// The session.
        about: Facts,
        /// What is before `=`.
        key: String,
        /// What is behind it.
        value: String,
    },
    /// A CoA-Request is about to be applied: what attributes gave before is taken back.
    RadiusReset(Facts),
    /// An accounting record is being written.
    RadiusAccount {
        /// The session.
        about: Facts,
        /// Which.
        kind: Accounting,
        /// Attributes Cisco-AVPair to add. May be added to.
        pairs: Vec<String>,
    },
    /// A command of nsctl.
    Control {
        /// The command and its arguments.
        arguments: Vec<String>,
        /// What to answer; the first plugin that has an answer gives it.
        answer: Option<Answer>,
    },
    /// A second went by. Nobody but programs that asked for it hears of this.
    Timer,
}

/// The answer to a command of nsctl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was done.
    pub done: bool,
    /// Lines for people.
    pub lines: Vec<String>,
}

impl Answer {
    /// It was done, and there is nothing more to say.
    pub(super) const DONE: Self = Self {
        done: true,
        lines: Vec::new(),
    };

    /// It was not, and why.
    pub(super) fn error(why: impl Into<String>) -> Self {
        Self {
            done: false,
            lines: vec![why.into()],
        }
    }
}

/// What is to be done to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The session. It may be gone.
    pub session: SessionId,
    /// What.
    pub change: Change,
}

/// What can be done to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Limit it to rates in kbit/s; 0 is no limit, `None` leaves a direction as it is.
    Throttle {
        /// From the user.
        input: Option<u32>,
        /// To the user.
        output: Option<u32>,
    },
    /// Copy its packets to a collector, or no more.
    Snoop(Option<SocketAddr>),
    /// Set access lists; an empty name takes one away, `None` leaves a direction as it is.
    Filter {
        /// Of packets from the user.
        input: Option<String>,
        /// Of packets to the user.
        output: Option<String>,
    },
    /// Shut it down: CDN with result 3, Acct-Terminate-Cause 6.
    Shutdown {
        /// What to log and to tell RADIUS.
        reason: String,
    },
    /// End it at once.
    Kill {
        /// What to log and to tell RADIUS.
        reason: String,
    },
    /// It is in the walled garden now.
    Garden,
    /// It is no more: its octets count from 0, another session of the user ends, RADIUS gets a
    /// Start.
    Ungarden {
        /// Its user from now on.
        user: Option<String>,
    },
}

/// A program that is a plugin, among all that were ever loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// What the host must do for plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Start a program. It is told by [`Chain::started`](super::Chain::started) or
    /// [`Chain::ended`](super::Chain::ended) how that went.
    Start {
        /// Which it is.
        program: ProgramId,
        /// Its name in the directory of plugins.
        name: String,
    },
    /// End a program; nothing of it is wanted any more.
    Stop(ProgramId),
    /// Write a line to a program's standard input, its newline included.
    Write {
        /// Which.
        program: ProgramId,
        /// The line.
        line: String,
    },
    /// Change the walled garden in the packet filter, in the order of these.
    Garden(Wall),
    /// Log an entry, at one of the levels 0 to 5.
    Log {
        /// How grave it is.
        level: u8,
        /// The entry.
        text: String,
    },
}

/// A change of the walled garden in the packet filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Make the chains, and have build-garden fill one.
    Build,
    /// Take them away.
    Remove,
    /// Lead the packets of this address into the garden.
    Add(Ipv4Addr),
    /// No longer.
    Delete(Ipv4Addr),
}
