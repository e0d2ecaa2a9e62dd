//! What uses the station's TCP and UDP: sessions that people open, and servers. No descriptor, no clock.
//!
//! | to change | open |
//! |---|---|
//! | sessions: opening, typing, showing, `record`, `upload` | `session/` |
//! | what sessions and logins go over | `stream.rs` |
//! | `session` as a list | `session/list.rs` |
//! | starting and stopping servers, who may connect | `server/mod.rs` |
//! | `tcpgate` and the forms of its destination | `server/gate.rs` |
//! | consoles for others: password, time-outs | `server/login.rs` |
//! | guests by AX.25 and NET/ROM | `server/guest.rs` |
//! | what programs they get, and as whom | `server/rules.rs` |
//! | `remote`, both ends | `remote.rs` |
//! | AGWPE for programs of the host | `agwpe/` |
//! | what the owner is told | `notice.rs` |
//!
//! The owner hands over what the station tells ([`Services::tcp_event`], [`Services::udp_event`]), calls
//! [`Services::settle`] once a turn, and then [`Services::poll_notice`] until there is nothing more. Data wait in
//! TCP, whose window closes, until somebody asks for them.

pub mod agwpe;
mod counters;
mod fuzz;
mod log;
mod notice;
pub mod remote;
mod server;
mod session;
#[cfg(test)]
mod simulation;
mod stream;

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_net_engine::Station;

pub use counters::Counters;
pub use fuzz::fuzz_services;
pub use notice::{GateId, LoginId, Notice, SessionId};
pub use server::destination::fuzz_destination;
pub use server::login::fuzz_login;
pub use server::rules::{Program, Quota, Rules};
pub use server::{Destination, SERVERS, server_name};
pub use session::{Preferences, SessionView, reason};

use agwpe::Agwpe;
use log::Limit;
use server::Servers;
use session::Sessions;

/// The sessions and servers of a station.
#[derive(Debug, Default)]
pub struct Services {
    /// What `echo`, `eol` and `topt` set.
    pub preferences: Preferences,
    /// What `login` sets.
    pub rules: Rules,
    /// What happened, and what was refused.
    pub counters: Counters,
    /// Programs that use packet radio by AGWPE's protocol.
    pub agwpe: Agwpe,
    sessions: Sessions,
    servers: Servers,
    notices: VecDeque<Notice>,
    log: Limit,
}

impl Services {
    /// Looks at all sessions: once a turn, behind the events of TCP and before notices are asked for.
    pub fn settle(&mut self, now: Instant, station: &mut Station) {
        self.settle_sessions(now, station);
        self.agwpe.settle(now, station);
    }

    /// The next news.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        let notice = self.notices.pop_front()?;
        if let Notice::Ended(id, ..) = &notice {
            self.sessions.free(*id);
        }
        Some(notice)
    }
}
