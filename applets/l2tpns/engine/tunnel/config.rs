//! What tunnels can be told.

use std::time::Duration;

use wanbox_link::range::{OutOfRange, in_range};

use crate::SocketId;

/// Whether a peer has to prove that it knows the secret (RFC 2661 section 5.1.1). Without a
/// secret nobody has to, and challenges of peers stay unanswered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Challenges are answered and none are sent, as l2tpns 2.4.1 does.
    Answer,
    /// Who challenges us has the secret, and must prove it; peers without a secret are accepted.
    /// Whom we call has to prove it.
    #[default]
    Mutual,
    /// Everybody has to.
    Require,
}

/// The configuration that tunnels share. A tunnel keeps the one that it began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What we say that we are called: one name a socket, the last for all further ones.
    pub host_names: Vec<Box<[u8]>>,
    /// What we say that we are.
    pub vendor: Box<[u8]>,
    /// What proves who is who, and hides values. Up to 255 octets; `None`: nothing does.
    pub secret: Option<Box<[u8]>>,
    /// Who has to prove that it knows the secret.
    pub authentication: Authentication,
    /// What we send is hidden where that is allowed; needs the secret.
    pub hide: bool,
    /// Control messages that we take before they are acknowledged: 1 to 1024. It also bounds what
    /// is kept of messages that overtook others.
    pub receive_window: u16,
    /// The silence after which a peer is asked for a sign of life: 1 s to 1 h. `None`: never.
    pub hello: Option<Duration>,
    /// The time in which a tunnel or a call has to be set up: 1 s to 1 h.
    pub setup_time: Duration,
    /// The time for which the number of a call is not used again, unless there is no other: up to
    /// 1 h. What peers repeat about the old call may come for a minute.
    pub call_rest: Duration,
    /// The most calls of a tunnel: 1 to 65535.
    pub max_calls: u16,
    /// A peer whose address changes while its port stays is followed. Anybody who can guess a
    /// tunnel's number can then take it over.
    pub follow_address: bool,
    /// Two tunnels that both ends ask for at the same time become one (RFC 2661 section 4.4.3).
    pub tie_breaker: bool,
}

impl Default for Config {
    /// Without a secret; HELLO after 60 s.
    fn default() -> Self {
        Self {
            host_names: Vec::new(),
            vendor: Box::from(&b"wanbox"[..]),
            secret: None,
            authentication: Authentication::default(),
            hide: false,
            receive_window: 64,
            hello: Some(Duration::from_secs(60)),
            setup_time: Duration::from_secs(60),
            call_rest: Duration::from_secs(65),
            max_calls: u16::MAX,
            follow_address: false,
            tie_breaker: false,
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let seconds = |what, time: Duration, least| in_range(what, time.as_secs(), least..=3600);
        if let Some(secret) = &self.secret {
            in_range("tunnel secret (octets)", secret.len() as u64, 1..=255)?;
        }
        in_range("receive window", self.receive_window.into(), 1..=1024)?;
        if let Some(hello) = self.hello {
            seconds("HELLO interval (s)", hello, 1)?;
        }
        seconds("set-up time (s)", self.setup_time, 1)?;
        seconds("rest of call numbers (s)", self.call_rest, 0)?;
        in_range("calls of a tunnel", self.max_calls.into(), 1..=65535)
    }

    /// Our name on a socket.
    #[must_use]
    pub fn host_name(&self, socket: SocketId) -> &[u8] {
        self.host_names
            .get(usize::from(socket.0))
            .or(self.host_names.last())
            .map_or(b"wanbox", |name| name)
    }
}

/// What bounds the table of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most tunnels: 1 to 65535.
    pub tunnels: u16,
    /// The most tunnels that others asked for and did not complete: from 1. When there are more,
    /// the oldest is forgotten, so that requests with forged addresses cannot shut others out.
    pub half_open: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tunnels: u16::MAX,
            half_open: 4096,
        }
    }
}
