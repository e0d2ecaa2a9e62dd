//! What a link's owner must know and may be told.

use std::fmt;

use wanbox_wire::ppp::{FrameRepr, Protocol};

use super::auth::{Claim, Failure};
use super::ipcp::Ipv4;
use super::ipv6cp::Ipv6;

/// The phases of a link (RFC 1661 section 3.2), numbered as the monitors show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// 0: the line is down, or held down.
    #[default]
    Dead = 0,
    /// 1: LCP negotiates.
    Establish = 1,
    /// 2: one side proves who it is, or both do.
    Authenticate = 2,
    /// 3: network layers negotiate and pass.
    Network = 3,
    /// 4: LCP is taking leave.
    Terminate = 4,
}

/// Why a link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The line lost its carrier.
    Carrier,
    /// The owner closed it.
    Local,
    /// The peer closed it.
    Peer,
    /// The peer does not answer Echo-Requests any more.
    Keepalive,
    /// Our own frames come back.
    Looped,
    /// The peer does not answer Configure-Requests.
    NoAnswer,
    /// The link took too long to come up ([`Profile::connect_timeout`](super::Profile)).
    ConnectTimeout,
    /// The peer did not prove who it is, or did not believe us.
    Authentication(Failure),
    /// The peer is not ready to prove who it is in any way that we allow.
    AuthenticationRefused,
    /// The peer does not know a packet without which there is no PPP.
    Rejected,
    /// No network layer came up.
    NoNetwork,
    /// The peer negotiates anew. The link may come up again at once.
    Renegotiation,
}

impl Cause {
    /// The peer did not take our MRU; among the bits of [`Cause::bits`].
    pub const MRU_REJECTED: u16 = 0x0040;
    /// The peer's MRU is below the least that we need.
    pub const PEER_MRU_TOO_SMALL: u16 = 0x0080;
    /// The peer demanded proof, and we never give any.
    pub const PEER_AUTHENTICATION_REJECTED: u16 = 0x0020;

    /// The bits by which the firmware told the monitors the cause of a disconnection.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::Keepalive | Self::Looped | Self::ConnectTimeout => 0x0001,
            Self::Carrier => 0x0002,
            Self::Local => 0x0004,
            Self::Authentication(_) => 0x0008,
            Self::AuthenticationRefused => 0x0010,
            Self::NoAnswer | Self::Rejected => 0x0100,
            Self::NoNetwork => 0x0200,
            Self::Peer => 0x0800,
            Self::Renegotiation => 0,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Carrier => "the line lost its carrier",
            Self::Local => "closed here",
            Self::Peer => "closed by the peer",
            Self::Keepalive => "the peer does not answer echo requests",
            Self::Looped => "the line is looped back",
            Self::NoAnswer => "the peer does not answer",
            Self::ConnectTimeout => "it took too long to connect",
            Self::Authentication(Failure::Silent) => "authentication was not answered",
            Self::Authentication(Failure::Refused) => "authentication failed",
            Self::Authentication(Failure::Impostor) => "the peer does not know our secret",
            Self::Authentication(Failure::NoSecret) => "there is no secret for the peer",
            Self::AuthenticationRefused => "the peer refuses to authenticate itself",
            Self::Rejected => "the peer rejects what PPP cannot do without",
            Self::NoNetwork => "no network protocol came up",
            Self::Renegotiation => "the peer negotiates anew",
        })
    }
}

/// What the owner must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// LCP is open: what [`Link::local`](super::Link::local) and
    /// [`Link::peer`](super::Link::peer) say holds, such as the control characters of an
    /// asynchronous line and the multilink options.
    LcpUp,
    /// The peer says who it is: judge it, and call [`Session::authenticate`](super::Session), at
    /// once or later.
    Authenticate(Claim),
    /// The network phase begins: each side has proved what it had to.
    LinkUp,
    /// The link is down, or the attempt to bring it up failed. What was negotiated does not hold
    /// any more.
    LinkDown(Cause),
    /// LCP needs the line no longer (This-Layer-Finished): a modem may hang up. Follows the
    /// [`Event::LinkDown`] of a link that was closed or given up.
    Finished,
    /// IPv4 passes.
    Ipv4Up(Ipv4),
    /// IPv4 does not pass any more.
    Ipv4Down,
    /// IPv6 passes.
    Ipv6Up(Ipv6),
    /// IPv6 does not pass any more.
    Ipv6Down,
    /// This network control protocol (IPCP or IPV6CP) will not come up: the peer does not know
    /// it, does not answer, or closed it.
    NetworkRefused(Protocol),
}

/// The octets to put before a payload: a protocol number, perhaps behind address and control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    octets: [u8; FrameRepr::MAX_LEN],
    len: u8,
}

impl From<FrameRepr> for Header {
    fn from(repr: FrameRepr) -> Self {
        let (octets, len) = repr.octets();
        Self {
            octets,
            len: len as u8,
        }
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Why a payload was not accepted for sending. Counted; the packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The link is not in its network phase.
    LinkDown,
    /// This network protocol is not open.
    NetworkDown,
    /// Longer than the peer takes, octets.
    TooLong {
        /// The longest payload allowed.
        limit: usize,
    },
}
