//! What a PPP link can be told. Sessions share their profile.

use std::time::Duration;

use super::auth::{self, Credentials, Method};
use super::automaton::Limits;
use super::{ipcp, ipv6cp, lcp};
use crate::range::{OutOfRange, in_range};

/// The configuration that sessions share; what differs from one to the next is told to the
/// session itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Timers and counters of LCP and the network control protocols.
    pub limits: Limits,
    /// What LCP negotiates.
    pub lcp: lcp::Config,
    /// How the peer may prove who it is, the best way first; at most 8. Empty: it need not.
    pub demand: Vec<Method>,
    /// How we are ready to prove who we are, the best way first; needs
    /// [`Profile::credentials`]. Empty: we never do.
    pub provide: Vec<Method>,
    /// Our name when the peer has to prove who it is.
    pub name: Box<[u8]>,
    /// Our name and secrets when we have to.
    pub credentials: Option<Credentials>,
    /// Timers and counters of authentication.
    pub authentication: auth::Config,
    /// IPv4, when the link may carry it.
    pub ipv4: Option<ipcp::Config>,
    /// IPv6, when the link may carry it.
    pub ipv6: Option<ipv6cp::Config>,
    /// The time from the first Configure-Request to the network phase: 1 s to 1 h. `None`: any.
    pub connect_timeout: Option<Duration>,
    /// The time for which a link is silent after it ended, before it is tried again: up to 1 h.
    /// `None`: it is not tried again, though a request of the peer still begins it when the link
    /// was not closed from here (the state Stopped of RFC 1661).
    pub hold_down: Option<Duration>,
    /// Each session counts its packets. They take half a kilobyte of it.
    pub statistics: bool,
}

impl Default for Profile {
    /// A link that carries IPv4 and proves nothing, with the values of RFC 1661 and the original's
    /// 90 s for connecting and 5 s of hold-down.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lcp: lcp::Config::default(),
            demand: Vec::new(),
            provide: Vec::new(),
            name: Box::default(),
            credentials: None,
            authentication: auth::Config::default(),
            ipv4: Some(ipcp::Config::default()),
            ipv6: None,
            connect_timeout: Some(Duration::from_secs(90)),
            hold_down: Some(Duration::from_secs(5)),
            statistics: true,
        }
    }
}

const HOUR_MS: u64 = 3_600_000;

impl Profile {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let duration = |what, value: Duration, allowed| {
            let ms = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
            in_range(what, ms, allowed)
        };
        duration("restart timer (ms)", self.limits.restart, 10..=HOUR_MS)?;
        in_range("Max-Configure", self.limits.max_configure.into(), 1..=255)?;
        in_range("Max-Terminate", self.limits.max_terminate.into(), 1..=255)?;
        in_range("Max-Failure", self.limits.max_failure.into(), 1..=255)?;
        if let Some(timeout) = self.connect_timeout {
            duration("connect timeout (ms)", timeout, 1_000..=HOUR_MS)?;
        }
        if let Some(time) = self.hold_down {
            duration("hold-down (ms)", time, 0..=HOUR_MS)?;
        }
        in_range("MRU", self.lcp.mru.into(), lcp::Config::MRU)?;
        in_range(
            "smallest MRU of the peer",
            self.lcp.min_peer_mru.into(),
            lcp::Config::MIN_PEER_MRU,
        )?;
        if let Some(interval) = self.lcp.echo_interval {
            duration("echo interval (ms)", interval, 100..=HOUR_MS)?;
        }
        in_range("echo failures", self.lcp.echo_failures.into(), 1..=255)?;
        in_range("loop limit", self.lcp.loop_limit.into(), 1..=255)?;
        if let Some(multilink) = &self.lcp.multilink {
            in_range("MRRU", multilink.mrru.into(), lcp::Config::MRU)?;
            in_range("endpoint (octets)", multilink.endpoint.len() as u64, 0..=21)?;
        }
        if let Some(vj) = self.ipv4.and_then(|ipv4| ipv4.van_jacobson) {
            in_range("VJ slots", u64::from(vj.max_slot) + 1, 2..=256)?;
        }
        in_range("ways to demand proof", self.demand.len() as u64, 0..=8)?;
        let credentials = u64::from(self.credentials.is_some());
        let needed = u64::from(!self.provide.is_empty());
        in_range("credentials to prove ourselves", credentials, needed..=1)?;
        let auth = &self.authentication;
        duration(
            "authentication restart timer (ms)",
            auth.restart,
            10..=HOUR_MS,
        )?;
        duration("authentication wait timer (ms)", auth.wait, 10..=HOUR_MS)?;
        in_range("Max-Authenticate", auth.max_tries.into(), 1..=255)?;
        if let Some(time) = auth.rechallenge {
            duration("rechallenge (ms)", time, 1_000..=24 * HOUR_MS)?;
        }
        in_range("name (octets)", self.name.len() as u64, 0..=255)
    }
}
