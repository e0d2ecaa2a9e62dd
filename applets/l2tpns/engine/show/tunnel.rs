//! `show tunnels`, `show remotelns-conf`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::{SessionId, TunnelId};

/// How far a tunnel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelState {
    /// There is none.
    Free,
    /// It is being set up.
    Opening,
    /// It is up.
    Open,
    /// It is being closed.
    Closing,
}

impl TunnelState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Opening => "Opening",
            Self::Open => "Open",
            Self::Closing => "Closing",
        }
    }
}

/// A tunnel in the list of all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TunnelRow<'a> {
    /// Its number.
    pub tunnel: TunnelId,
    /// What the peer calls itself.
    pub host: &'a str,
    /// The peer.
    pub address: Option<IpAddr>,
    /// How far it is.
    pub state: TunnelState,
    /// How many sessions it has.
    pub sessions: usize,
    /// We opened it, to a remote network server.
    pub to_remote_lns: bool,
}

impl TunnelRow<'_> {
    /// The first line of the list.
    pub const HEADING: &'static str =
        " TID             Hostname                   IP  State Sessions";
}

impl fmt::Display for TunnelRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:4} {:>20} {:>20} {:>6} {:6} Tunnel To {}",
            self.tunnel.0,
            if self.host.is_empty() {
                "(null)"
            } else {
                self.host
            },
            self.address
                .unwrap_or(Ipv4Addr::UNSPECIFIED.into())
                .to_string(),
            self.state.name(),
            self.sessions,
            if self.to_remote_lns {
                "Remote LNS"
            } else {
                "LAC"
            },
        )
    }
}

/// Everything about a tunnel.
#[derive(Clone, Debug, Serialize)]
pub struct Tunnel<'a> {
    /// Its number.
    pub tunnel: TunnelId,
    /// How far it is.
    pub state: TunnelState,
    /// What the peer calls itself.
    pub host: &'a str,
    /// What the peer says who made it.
    pub vendor: &'a str,
    /// The peer.
    pub peer: Option<SocketAddr>,
    /// The peer's number of the tunnel.
    pub peer_tunnel: u16,
    /// The peer's receive window, messages.
    pub window: u16,
    /// The Ns expected next.
    pub next_received: u16,
    /// The Ns of the next message.
    pub next_sent: u16,
    /// Messages that are not acknowledged or wait to be sent.
    pub queued: usize,
    /// Seconds since the last control message was sent.
    pub last_sent: Option<u64>,
    /// Its sessions.
    pub sessions: &'a [SessionId],
}

impl fmt::Display for Tunnel<'_> {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let peer = self.peer.unwrap_or(none);
        let host = if self.host.is_empty() {
            "(none)"
        } else {
            self.host
        };
        writeln!(f, "\nTunnel {}:", self.tunnel)?;
        writeln!(f, "\tState:\t\t{}", self.state.name())?;
        writeln!(f, "\tHostname:\t{host}")?;
        writeln!(f, "\tRemote IP:\t{}", peer.ip())?;
        writeln!(f, "\tRemote Port:\t{}", peer.port())?;
        writeln!(f, "\tRx Window:\t{}", self.window)?;
        writeln!(f, "\tNext Recv:\t{}", self.next_received)?;
        writeln!(f, "\tNext Send:\t{}", self.next_sent)?;
        writeln!(f, "\tQueue Len:\t{}", self.queued)?;
        writeln!(f, "\tLast Packet Age:{}", self.last_sent.unwrap_or(0))?;
        f.write_str("\tSessions:\t")?;
        for session in self.sessions {
            write!(f, "{session} ")?;
        }
        f.write_str("\n")
    }
}

/// A network server that sessions go on to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ForwardRow<'a> {
    /// The network server.
    pub address: IpAddr,
    /// The tunnel to it.
    pub tunnel: Option<TunnelId>,
    /// The secret of the tunnel, only to be filled in for privileged people.
    pub secret: &'a str,
    /// Tunnel-Assignment-ID of RADIUS.
    pub assignment: &'a str,
    /// RADIUS named it, not the configuration.
    pub from_radius: bool,
    /// How far the tunnel is.
    pub state: TunnelState,
    /// Sessions in it.
    pub sessions: usize,
}

impl ForwardRow<'_> {
    /// The first line of the list.
    pub const HEADING: &'static str = "  IP Remote LNS TID  l2tp secret                      assignment Id                    File/Radius   State Count Sess";
}

impl fmt::Display for ForwardRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            TunnelState::Open => "Open",
            TunnelState::Opening => "Opening",
            TunnelState::Free | TunnelState::Closing => "Close",
        };
        write!(
            f,
            "{:>15} {:3}  {:<32} {:<32} {:>11} {state:>7} {:10}",
            self.address.to_string(),
            self.tunnel.map_or(0, |tunnel| tunnel.0),
            self.secret,
            self.assignment,
            if self.from_radius { "Radius" } else { "File" },
            self.sessions,
        )
    }
}
