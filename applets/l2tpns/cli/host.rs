//! What the command line needs of the daemon around it: one method a kind of effect or view.

use std::net::SocketAddr;

use serde_json::Value;
use wanbox_l2tpns_engine::concentrator::Level;
use wanbox_l2tpns_engine::config::{Mode, Refusal, Reply};
use wanbox_l2tpns_engine::{SessionId, TunnelId};

/// What can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// `show access-list NAME`: a list that is known to exist, with the matches of its rules.
    AccessList(String),
    /// `show banana`.
    Banana,
    /// `show bgp [PEER]`.
    Bgp(Option<String>),
    /// `show cluster`.
    Cluster,
    /// `show counters`.
    Counters,
    /// `show histogram idle`.
    HistogramIdle,
    /// `show histogram open`.
    HistogramOpen,
    /// `show ipcache`.
    IpCache,
    /// `show plugins`.
    Plugins,
    /// `show pool [all]`.
    Pool {
        /// Addresses that were never used, too.
        all: bool,
    },
    /// `show radius [all]`.
    Radius {
        /// Free places, too.
        all: bool,
    },
    /// `show remotelns-conf`. With secrets: only asked for privileged people.
    RemoteLns,
    /// `show running-config`. With secrets: only asked for privileged people.
    RunningConfig,
    /// `show session`.
    Sessions,
    /// `show session ID`.
    Session(SessionId),
    /// `show tbf`.
    TokenBuckets,
    /// `show throttle`.
    Throttled,
    /// `show tunnels [all]`.
    Tunnels {
        /// Those that are closing or not connected, too.
        all: bool,
    },
    /// `show tunnels ID`.
    Tunnel(TunnelId),
    /// `show users`.
    Users,
    /// `show users NAME`: the sessions of a user in detail.
    User(String),
    /// `uptime`.
    Uptime,
    /// `show version`: [`VERSION`](super::VERSION).
    Version,
}

/// How it is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The lines that people know.
    Text,
    /// The same for programs.
    Json,
}

/// A part of what is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    /// Whole lines, each with its newline; control characters in them are made harmless by the
    /// command line.
    Text(String),
    /// A value: an array is continued by that of the next part.
    Json(Value),
}

/// The features of a session that commands change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Where its packets are copied to.
    pub snoop: Option<SocketAddr>,
    /// Rates in kbit/s, from the user and to the user; 0 is unthrottled.
    pub throttle: (u32, u32),
    /// Access lists of packets from the user and to the user.
    pub filter: (Option<String>, Option<String>),
}

/// The daemon around the command line.
pub trait Host {
    /// The name in the prompt.
    fn name(&self) -> String;

    /// A part of a view. `from` is 0 for the first part, then what came with the part before; no
    /// number comes with the last part. A part has some thousand octets, so that a view of any
    /// length needs no memory of that length; what changes meanwhile may show or not.
    ///
    /// # Errors
    /// What to print instead.
    fn show(&mut self, what: &Show, form: Form, from: u64) -> Result<(Page, Option<u64>), String>;

    /// The lowest session of a user that is not in the walled garden.
    fn session_of(&self, user: &str) -> Option<SessionId>;

    /// Whether a session is open, and with what features.
    fn features(&self, session: SessionId) -> Option<Features>;

    /// At most `most` names of connected users that begin like this, for TAB.
    fn users(&self, begin: &str, most: usize) -> Vec<String>;

    /// The names of all access lists.
    fn access_lists(&self) -> Vec<String>;

    /// Copies the packets of a session to a collector, or no more.
    fn snoop(&mut self, session: SessionId, to: Option<SocketAddr>);

    /// Limits a session to rates in kbit/s, from the user and to the user; 0 is no limit.
    fn throttle(&mut self, session: SessionId, rates: (u32, u32));

    /// The rate of `throttle USER`, kbit/s.
    fn throttle_speed(&self) -> u32;

    /// Has access lists decide about the packets from a user and to the user.
    fn filter(&mut self, session: SessionId, lists: (Option<String>, Option<String>));

    /// Ends a session: CDN with result 3, Acct-Terminate-Cause 6.
    fn drop_session(&mut self, session: SessionId);

    /// The same for all links of its bundle.
    fn drop_user(&mut self, session: SessionId);

    /// Ends a tunnel: StopCCN with result 1. Returns the host name of its peer.
    ///
    /// # Errors
    /// What to print: the tunnel is not connected, or being shut down already.
    fn drop_tunnel(&mut self, tunnel: TunnelId) -> Result<String, String>;

    /// Sets all counters to 0.
    fn clear_counters(&mut self);

    /// Does a line of configuration mode, which may lead to another mode within it:
    /// [`Config::execute`](wanbox_l2tpns_engine::config::Config::execute), and what follows from
    /// it. The command is in full, without abbreviations.
    ///
    /// # Errors
    /// Why nothing was done.
    fn configure(&mut self, mode: &mut Mode, words: &[&str]) -> Result<Reply, Refusal>;

    /// Writes `startup-config`.
    ///
    /// # Errors
    /// What was in the way.
    fn write_memory(&mut self) -> Result<(), String>;

    /// As SIGQUIT: ends the daemon after its sessions.
    fn shutdown(&mut self);

    /// As SIGHUP: reads the configuration again.
    fn reload(&mut self);

    /// Suspends, resumes or restarts BGP with a peer or all. Returns the lines to print.
    fn bgp(&mut self, change: BgpChange, peer: Option<&str>) -> Vec<String>;

    /// Log entries after so many were written, oldest first, and how many were written by now.
    /// Their text begins with tunnel and session: `02/01 TEXT`.
    fn log_since(&self, written: u64) -> (Vec<(Level, String)>, u64);
}

/// What can be done to BGP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BgpChange {
    /// Withdraw the routes.
    Suspend,
    /// Announce them again.
    Resume,
    /// Connect again.
    Restart,
}
