//! What became of a circuit.

use std::fmt;

use serde_json::json;
use wanbox_grammar::{Exit, report};
use wanbox_wire::x25::cause::{self, Of};
use wanbox_wire::x25::diagnostic;
use wanbox_wire::x25api::Repr;

use crate::unhex;

/// Diagnostic codes of OSI (X.25 annex E, 240 and above) that these applets clear with.
pub mod code {
    /// Both ends have sent everything, and have everything.
    pub const NORMAL: u8 = 241;
    /// Something went wrong at this end.
    pub const ABNORMAL: u8 = 242;
}

/// Why a circuit was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    pub cause: u8,
    pub diagnostic: u8,
}

impl Cleared {
    pub fn of(repr: &Repr) -> Self {
        Self {
            cause: repr.cause,
            diagnostic: repr.diagnostic,
        }
    }

    /// The other end's program did it, and the network had no part in it (X.25 table 5-7).
    pub fn is_by_dte(self) -> bool {
        self.cause == 0 || self.cause >= 0x80
    }
}

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}",
            cause::text(Of::Clear, self.cause),
            diagnostic::text(self.diagnostic)
        )
    }
}

/// The addresses of a circuit and what went through it.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    pub device: String,
    pub called: String,
    pub calling: String,
    /// User data of the call.
    pub data: Vec<u8>,
    /// 0: there was none.
    pub channel: u16,
    /// Octets of user data.
    pub sent: u64,
    pub received: u64,
    /// Unless the link or a daemon ended.
    pub cleared: Option<Cleared>,
    /// What went wrong; `None`: nothing.
    pub trouble: Option<String>,
}

impl Ending {
    /// Says what is to be said, and with which code the applet ends.
    pub fn report(&self, name: &str, as_json: bool, verbose: bool) -> Exit {
        if as_json {
            report::line(self.json());
        } else {
            if let Some(trouble) = &self.trouble {
                report::error(name, trouble);
            }
            if verbose {
                let (sent, received) = (self.sent, self.received);
                report::error(
                    name,
                    format_args!("{sent} octets sent, {received} received"),
                );
            }
        }
        match self.trouble {
            None => Exit::DONE,
            Some(_) => Exit::FAILED,
        }
    }

    fn json(&self) -> serde_json::Value {
        let text = self.cleared.map(|c| cause::known(Of::Clear, c.cause));
        json!({
            "device": self.device,
            "called": self.called,
            "calling": self.calling,
            "user_data": unhex(&self.data),
            "channel": self.channel,
            "sent": self.sent,
            "received": self.received,
            "cause": self.cleared.map(|c| c.cause),
            "diagnostic": self.cleared.map(|c| c.diagnostic),
            "text": text,
            "error": self.trouble,
        })
    }
}
