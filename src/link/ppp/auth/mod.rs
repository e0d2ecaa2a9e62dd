//! Authentication: PAP (RFC 1334), CHAP with MD5 (RFC 1994) and MS-CHAPv2 (RFC 2759).
//!
//! Both roles are engines of their own: an [`Authenticator`] demands proof and gives its owner a
//! [`Claim`] to judge, at once with [`Claim::verify`] or later (a RADIUS server needs its time); a
//! [`Peer`] gives proof with its [`Credentials`].

use std::fmt;
use std::time::Duration;

mod authenticator;
mod claim;
mod digest;
mod fuzz;
mod peer;
#[cfg(test)]
mod tests;

pub use authenticator::Authenticator;
pub use claim::{Claim, Outcome, Proof, Verdict};
pub use fuzz::fuzz_auth;
pub use peer::{Credentials, Peer, PeerSecret};

use wanbox_wire::ppp::Protocol;

/// How one proves who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A password in the clear.
    Pap,
    /// CHAP with MD5.
    ChapMd5,
    /// MS-CHAP version 2; the authenticator proves itself too.
    MsChapV2,
}

impl Method {
    /// The protocol that its packets belong to.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Pap => Protocol::PAP,
            Self::ChapMd5 | Self::MsChapV2 => Protocol::CHAP,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pap => "PAP",
            Self::ChapMd5 => "CHAP",
            Self::MsChapV2 => "MS-CHAPv2",
        })
    }
}

/// Timers and counters of both roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an answer may take before a request or a challenge is sent again. More than 0.
    pub restart: Duration,
    /// How long the other side may take to begin. More than 0.
    pub wait: Duration,
    /// How often a request or a challenge is sent. 1 to 255.
    pub max_tries: u8,
    /// How often a peer that proved itself has to do so again (CHAP); `None`: never.
    pub rechallenge: Option<Duration>,
}

impl Default for Config {
    /// The values of the originals' driver: 3 s, 30 s, 10.
    fn default() -> Self {
        Self {
            restart: Duration::from_secs(3),
            wait: Duration::from_secs(30),
            max_tries: 10,
            rechallenge: None,
        }
    }
}

/// The state of a role, as the monitors name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not used.
    #[default]
    Initial,
    /// It failed.
    Failed,
    /// A request (PAP) or a challenge (CHAP) is out.
    Sent,
    /// The other side has to begin, or the owner has to judge.
    Waiting,
    /// A response is out.
    ResponseSent,
    /// It succeeded.
    Opened,
}

/// How a role ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The other side did not answer, or did not begin.
    Silent,
    /// Proof was refused: ours by the authenticator, or the peer's by us.
    Refused,
    /// The authenticator did not prove that it knows the secret (MS-CHAPv2).
    Impostor,
    /// There is no secret for this authenticator.
    NoSecret,
}

/// What an owner must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Judge this, and call [`Authenticator::judge`]. Given once, however often the peer repeats
    /// itself.
    Claim(Claim),
    /// It succeeded. Once; a later proof that is asked for again succeeds without a word.
    Succeeded,
    /// It failed. What waits to be sent is to be sent first.
    Failed(Failure),
}

/// Counters of PAP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PapStats {
    /// Packets received that are none of PAP's, or malformed.
    pub rx_unknown: u16,
    /// Authenticate-Requests received.
    pub rx_request: u16,
    /// Authenticate-Acks received.
    pub rx_ack: u16,
    /// Authenticate-Naks received.
    pub rx_nak: u16,
    /// Authenticate-Requests sent.
    pub tx_request: u16,
    /// Authenticate-Acks sent.
    pub tx_ack: u16,
    /// Authenticate-Naks sent.
    pub tx_nak: u16,
    /// Names or passwords longer than [`MAX_NAME`].
    pub too_large: u16,
    /// Names that are unknown.
    pub bad_peer: u16,
    /// Wrong passwords.
    pub bad_password: u16,
}

/// Counters of CHAP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChapStats {
    /// Packets received that are none of CHAP's, or malformed.
    pub rx_unknown: u16,
    /// Challenges received.
    pub rx_challenge: u16,
    /// Responses received.
    pub rx_response: u16,
    /// Successes received.
    pub rx_success: u16,
    /// Failures received.
    pub rx_failure: u16,
    /// Challenges sent.
    pub tx_challenge: u16,
    /// Responses sent.
    pub tx_response: u16,
    /// Successes sent.
    pub tx_success: u16,
    /// Failures sent.
    pub tx_failure: u16,
    /// Names or values longer than they may be.
    pub too_large: u16,
    /// Names that are unknown.
    pub bad_peer: u16,
    /// Challenges that there is no secret for, or that are our own.
    pub bad_secret: u16,
    /// Responses that are wrong.
    pub bad_md5: u16,
    /// Responses to no challenge of ours, or of the wrong length.
    pub bad_response: u16,
}

/// The counters of both roles together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Those of PAP.
    pub pap: PapStats,
    /// Those of CHAP.
    pub chap: ChapStats,
}

/// The longest name or password that is taken, octets.
pub const MAX_NAME: usize = 255;

/// Adds one; a counter that is full starts again, as those of the originals.
fn count(counter: &mut u16) {
    *counter = counter.wrapping_add(1);
}

/// One action to take: a packet to send.
pub(crate) fn take(outgoing: &mut Option<Vec<u8>>, packet: &mut Vec<u8>) -> bool {
    match outgoing.take() {
        Some(waiting) => {
            packet.clear();
            packet.extend_from_slice(&waiting);
            true
        }
        None => false,
    }
}
