//! What people read of calls and links.

use std::collections::VecDeque;
use std::fmt;

use wanbox_link::{lapb, x25};
use wanbox_wire::x25::{Address, Lci, cause, diagnostic};

use crate::ChannelId;

/// Notes that are kept for an owner that does not fetch them.
const KEPT: usize = 256;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The interface that it concerns.
    pub port: Option<ChannelId>,
    /// The logical channel.
    pub channel: Option<Lci>,
    /// What.
    pub what: What,
}

impl Note {
    /// It belongs to the setting up and clearing of calls, of which there may be many.
    pub fn of_calls(&self) -> bool {
        !matches!(
            self.what,
            What::LapbReset(_) | What::Restarted { .. } | What::Diagnostic(_)
        )
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A call is placed.
    Calling(Address),
    /// It was accepted.
    Connected,
    /// A call of this address was accepted.
    Accepted(Address),
    /// A call of the first to the second address was refused with a diagnostic.
    Refused(Address, Address, u8),
    /// A call cannot be placed.
    NotPlaced(x25::Refusal),
    /// A call is over, or failed.
    Cleared {
        /// Whose doing.
        by: x25::By,
        /// Clearing cause.
        cause: u8,
        /// Diagnostic code.
        diagnostic: u8,
    },
    /// A call was cleared because nothing passed.
    Idle,
    /// A circuit was reset.
    Reset {
        /// Whose doing.
        by: x25::By,
        /// Resetting cause.
        cause: u8,
        /// Diagnostic code.
        diagnostic: u8,
    },
    /// The peer restarted the link.
    Restarted {
        /// Restarting cause.
        cause: u8,
        /// Diagnostic code.
        diagnostic: u8,
    },
    /// LAPB was reset.
    LapbReset(lapb::Cause),
    /// The network complains of a packet.
    Diagnostic(u8),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(channel) = self.channel {
            write!(f, "channel {channel}: ")?;
        }
        let reason = |f: &mut fmt::Formatter<'_>, of, code, also| {
            write!(f, ": {}, {}", cause::text(of, code), diagnostic::text(also))
        };
        match self.what {
            What::Calling(called) => write!(f, "calling {called}"),
            What::Connected => f.write_str("the call was accepted"),
            What::Accepted(calling) if calling.is_empty() => f.write_str("accepted a call"),
            What::Accepted(calling) => write!(f, "accepted a call of {calling}"),
            What::Refused(calling, called, also) => {
                let text = diagnostic::text(also);
                write!(f, "refused a call from '{calling}' to '{called}': {text}")
            }
            What::NotPlaced(refusal) => write!(f, "cannot call: {refusal}"),
            What::Cleared {
                by,
                cause,
                diagnostic,
            } => {
                write!(f, "the call was cleared {by}")?;
                reason(f, cause::Of::Clear, cause, diagnostic)
            }
            What::Idle => f.write_str("the call was cleared: no packets"),
            What::Reset {
                by,
                cause,
                diagnostic,
            } => {
                write!(f, "reset {by}")?;
                reason(f, cause::Of::Reset, cause, diagnostic)
            }
            What::Restarted { cause, diagnostic } => {
                f.write_str("the peer restarts the packet layer")?;
                reason(f, cause::Of::Restart, cause, diagnostic)
            }
            What::LapbReset(cause) => write!(f, "LAPB begins anew: {cause}"),
            What::Diagnostic(code) => {
                write!(f, "the network complains: {}", diagnostic::text(code))
            }
        }
    }
}

/// Notes that wait to be fetched.
#[derive(Debug, Default)]
pub(super) struct Notes {
    waiting: VecDeque<Note>,
    lost: u64,
}

impl Notes {
    pub(super) fn push(&mut self, port: Option<ChannelId>, channel: Option<Lci>, what: What) {
        if self.waiting.len() >= KEPT {
            self.lost += 1;
            return;
        }
        self.waiting.push_back(Note {
            port,
            channel,
            what,
        });
    }

    pub(super) fn pop(&mut self) -> Option<Note> {
        self.waiting.pop_front()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}
