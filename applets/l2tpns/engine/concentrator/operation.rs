//! What people and machines ask of a running concentrator.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use wanbox_wire::l2tp::stop_result;

use super::{Concentrator, Counters, End};
use crate::session::{Session, Stage, Table};
use crate::tunnel::{Reason, State, Tunnels};
use crate::{SessionId, TunnelId};

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
    /// There is no access list of this name.
    NoAccessList,
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "there is no such session",
            Self::NoTunnel => "there is no such tunnel",
            Self::TunnelClosing => "the tunnel is being closed already",
            Self::NoAccessList => "there is no such access list",
        })
    }
}

impl std::error::Error for OperationError {}

impl Concentrator {
    /// All sessions, to look at.
    #[must_use]
    pub const fn sessions(&self) -> &Table {
        &self.sessions
    }

    /// All tunnels, to look at.
    #[must_use]
    pub const fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The lowest session of a user that is not in the walled garden; case counts.
    #[must_use]
    pub fn session_of(&self, user: &str) -> Option<SessionId> {
        crate::plugin::Sessions::session_of(&self.sessions, user)
    }

    /// The session that has an address.
    #[must_use]
    pub fn session_at(&self, address: IpAddr) -> Option<SessionId> {
        self.plane.session_of(address).or_else(|| match address {
            IpAddr::V4(address) => self.sessions.of_address(address),
            IpAddr::V6(_) => None,
        })
    }

    /// Ends a session on behalf of an administrator.
    ///
    /// # Errors
    /// There is no such session.
    pub fn drop_session(
        &mut self,
        now: Instant,
        id: SessionId,
        reason: &str,
    ) -> Result<(), OperationError> {
        self.open(id)?;
        self.end(now, id, End::hang_up(6, reason.to_owned()));
        self.work(now);
        Ok(())
    }

    /// Ends all links of a session's bundle on behalf of an administrator, or it alone.
    ///
    /// # Errors
    /// There is no such session.
    pub fn drop_user(
        &mut self,
        now: Instant,
        id: SessionId,
        reason: &str,
    ) -> Result<(), OperationError> {
        self.open(id)?;
        for link in self.links_of(id) {
            self.end(now, link, End::hang_up(6, reason.to_owned()));
        }
        self.work(now);
        Ok(())
    }

    /// Ends a tunnel and all of its sessions on behalf of an administrator.
    ///
    /// # Errors
    /// There is no such tunnel, or it is being closed already.
    pub fn drop_tunnel(&mut self, now: Instant, id: TunnelId) -> Result<(), OperationError> {
        let tunnel = self.tunnels.get(id).ok_or(OperationError::NoTunnel)?;
        if matches!(
            tunnel.state(),
            State::Closing | State::Lingering | State::Dead
        ) {
            return Err(OperationError::TunnelClosing);
        }
        self.close_tunnel(now, id, &Reason::result(stop_result::GENERAL));
        self.work(now);
        Ok(())
    }

    /// Limits a session to rates in kbit/s of 1024 bits, from and to the subscriber; 0 is no
    /// limit.
    ///
    /// # Errors
    /// There is no such session.
    pub fn throttle(
        &mut self,
        now: Instant,
        id: SessionId,
        rates: [u32; 2],
    ) -> Result<(), OperationError> {
        self.open(id)?;
        self.for_all_links(now, id, |session| session.throttle = rates);
        Ok(())
    }

    /// Has access lists decide about the packets from and to a subscriber.
    ///
    /// # Errors
    /// There is no such session, or no such list.
    pub fn filter(
        &mut self,
        now: Instant,
        id: SessionId,
        lists: [Option<&str>; 2],
    ) -> Result<(), OperationError> {
        for list in lists.into_iter().flatten() {
            if self.config.access_lists.find(list).is_none() {
                return Err(OperationError::NoAccessList);
            }
        }
        self.open(id)?;
        self.for_all_links(now, id, |session| {
            session.filters = lists.map(|list| list.map(Into::into));
        });
        Ok(())
    }

    fn open(&mut self, id: SessionId) -> Result<&mut Session, OperationError> {
        self.sessions
            .get_mut(id)
            .filter(|session| session.stage > Stage::Called)
            .ok_or(OperationError::NoSession)
    }
}
