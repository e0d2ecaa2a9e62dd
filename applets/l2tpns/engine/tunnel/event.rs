//! What tunnels tell their owner, and what they are told about calls.

use wanbox_wire::l2tp::{Accm, Avp, CallErrors, ResultCode, call_result, stop_result};

use crate::CallId;

/// Why a tunnel or a call ends: the AVP Result Code (RFC 2661 section 4.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// Of [`stop_result`] or [`call_result`].
    pub result: u16,
    /// More about it, of [`error`](wanbox_wire::l2tp::error).
    pub error: Option<u16>,
    /// The same for people; only with an error code. UTF-8 from us, anything from others.
    pub text: Box<[u8]>,
}

impl Reason {
    /// A result that says everything.
    #[must_use]
    pub fn result(result: u16) -> Self {
        Self {
            result,
            ..Self::default()
        }
    }

    /// Result 2 of either kind: the error says more.
    #[must_use]
    pub fn error(error: u16, text: &str) -> Self {
        const { assert!(stop_result::ERROR == call_result::ERROR) };
        Self {
            result: call_result::ERROR,
            error: Some(error),
            text: Box::from(text.as_bytes()),
        }
    }

    pub(super) fn of(code: ResultCode<'_>) -> Self {
        Self {
            result: code.result,
            error: code.error,
            text: Box::from(code.text),
        }
    }

    pub(super) fn avp(&self) -> Avp<'_> {
        Avp::ResultCode(ResultCode {
            result: self.result,
            error: self.error,
            text: &self.text,
        })
    }
}

/// Why the telephone's side ended a call (RFC 2661 section 4.4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Q931 {
    /// The cause of Q.850.
    pub cause: u16,
    /// The Q.931 message that brought it.
    pub message: u8,
    /// Advice for people.
    pub text: Box<[u8]>,
}

/// Why PPP ended, as the other end saw it (RFC 3145).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PppCause {
    /// 0 to 20.
    pub code: u16,
    /// The control protocol that it concerns; 0 for none.
    pub protocol: u16,
    /// 1 at the peer, 2 at the LAC, 0 neither.
    pub direction: u8,
    /// The same for people.
    pub text: Box<[u8]>,
}

/// The end of a call: what a CDN says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cdn {
    /// The result.
    pub reason: Reason,
    /// What the telephone's side said.
    pub q931: Option<Q931>,
    /// What became of PPP.
    pub ppp: Option<PppCause>,
}

impl From<Reason> for Cdn {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            q931: None,
            ppp: None,
        }
    }
}

/// Who ended a call or a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// This end: something the peer sent was wrong or late. Not told when the owner did it.
    Us,
    /// The peer said so.
    Peer,
    /// The peer does not answer any more.
    Silence,
    /// The peer's request for a tunnel to us comes before ours (RFC 2661 section 4.4.3).
    TieBreaker,
}

/// What an ICRQ says of a call (RFC 2661 section 6.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingCall {
    /// A number by which people find the call at both ends.
    pub serial: u32,
    /// Bit 0 digital, bit 1 analogue.
    pub bearer: Option<u32>,
    /// The LAC's number of the channel.
    pub channel: Option<u32>,
    /// The number that was called; empty when unknown.
    pub called: Box<[u8]>,
    /// The number of the caller; empty when unknown.
    pub calling: Box<[u8]>,
    /// More of the number that was called.
    pub sub_address: Box<[u8]>,
}

/// What an ICCN says of a call (RFC 2661 section 6.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// From the LAC to the caller, bit/s; 0 when not said.
    pub tx_speed: u32,
    /// From the caller to the LAC, bit/s; `None`: the same.
    pub rx_speed: Option<u32>,
    /// Bit 0 synchronous, bit 1 asynchronous.
    pub framing: u32,
    /// The LAC wants sequence numbers on data.
    pub sequencing: bool,
    /// The customer group.
    pub private_group: Box<[u8]>,
    /// The options of the first Configure-Request that the LAC received.
    pub initial_received_confreq: Box<[u8]>,
    /// The options of the last Configure-Request that the LAC sent.
    pub last_sent_confreq: Box<[u8]>,
    /// The options of the last Configure-Request that the LAC received.
    pub last_received_confreq: Box<[u8]>,
    /// How the caller proved itself to the LAC.
    pub proxy: Option<Box<ProxyAuthentication>>,
}

/// How the caller proved itself to the LAC (RFC 2661 section 4.4.5).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyAuthentication {
    /// 1 text, 2 CHAP, 3 PAP, 4 not, 5 MS-CHAP.
    pub kind: u16,
    /// The name that it gave.
    pub name: Box<[u8]>,
    /// What the LAC challenged it with.
    pub challenge: Box<[u8]>,
    /// The identifier of that challenge.
    pub id: u8,
    /// Its answer, or its password.
    pub response: Box<[u8]>,
}

impl std::fmt::Debug for ProxyAuthentication {
    /// The response may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyAuthentication(type {})", self.kind)
    }
}

/// What the owner of a tunnel must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The control connection stands: calls may come and be placed.
    Up,
    /// The peer has a call: [`accept`](super::Tunnel::accept) or
    /// [`hang_up`](super::Tunnel::hang_up).
    Incoming {
        /// Our number of it.
        call: CallId,
        /// What is said of it.
        request: Box<IncomingCall>,
    },
    /// A call that was accepted stands: PPP may begin.
    Connected {
        /// Our number of it.
        call: CallId,
        /// The peer's number of it: what data to the peer carries.
        peer: u16,
        /// What is said of it.
        connection: Box<Connection>,
    },
    /// A call that was [placed](super::Tunnel::place) stands.
    Placed {
        /// Our number of it.
        call: CallId,
        /// The peer's number of it: what data to the peer carries.
        peer: u16,
    },
    /// A call ended. Not told when the owner ended it.
    CallDown {
        /// Our number of it.
        call: CallId,
        /// Who ended it.
        by: By,
        /// Why: what the peer said, or what it was told.
        cdn: Box<Cdn>,
    },
    /// SLI: what the LAC shall escape on the line (RFC 2661 section 6.14).
    LinkInfo {
        /// Our number of the call.
        call: CallId,
        /// The control characters.
        accm: Accm,
    },
    /// WEN: the line has errors (RFC 2661 section 6.13).
    WanError {
        /// Our number of the call.
        call: CallId,
        /// The errors since the call began.
        errors: CallErrors,
    },
    /// The tunnel is gone; its calls were told to be before. Not told when the owner closed it.
    Down {
        /// Who ended it.
        by: By,
        /// Why: what the peer said, or what it was told.
        reason: Reason,
    },
}
