//! The ends of calls in the words of RADIUS: Acct-Terminate-Cause (RFC 2866 section 5.10).

use std::borrow::Cow;

use super::event::Cdn;

/// Why a session ended, for accounting and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminate {
    /// Acct-Terminate-Cause.
    pub cause: u32,
    /// The same for people.
    pub text: Cow<'static, str>,
}

impl Cdn {
    /// What l2tpns 2.4.1 makes of a CDN that a peer sent. What PPP said comes before the result.
    #[must_use]
    pub fn terminate(&self) -> Terminate {
        let known = self
            .ppp
            .as_ref()
            .and_then(|ppp| ppp_cause(ppp.code, ppp.direction));
        if let Some((cause, text)) = known {
            let text = text.into();
            return Terminate { cause, text };
        }
        let cause = match (&self.ppp, self.reason.result) {
            (Some(_), _) => 10,
            (None, 1) => 2,
            (None, 0) => 10,
            (None, _) => 6,
        };
        let text = if self.reason.result == 0 {
            "Closed (Received CDN).".into()
        } else if self.reason.error.is_some() && !self.reason.text.is_empty() {
            String::from_utf8_lossy(&self.reason.text)
                .into_owned()
                .into()
        } else {
            result_text(self.reason.result)
        };
        Terminate { cause, text }
    }
}

/// The table of RFC 3145 section 3, for code and direction.
fn ppp_cause(code: u16, direction: u8) -> Option<(u32, &'static str)> {
    let by_peer = direction == 1;
    Some(match code {
        1 => (6, "Administrative disconnect"),
        3 if direction == 2 => (1, "Normal disconnection"),
        4 if by_peer => (17, "Compulsory encryption refused"),
        5 => (8, "LCP: FSM timeout"),
        6 => (8, "LCP: no recognisable LCP packets"),
        7 => (8, "LCP: magic-no error (possible loop)"),
        8 => (8, "LCP: echo request timeout"),
        13 => (15, "Authentication: FSM timeout"),
        15 => (15, "Unacceptable authentication protocol"),
        16 => (15, "Authentication failed"),
        17 => (15, "NCP: FSM timeout"),
        18 => (15, "NCP: no NCPs available"),
        19 if by_peer => (15, "NCP: too many Configure-Naks received from peer"),
        19 => (15, "NCP: too many Configure-Naks sent to peer"),
        20 if by_peer => (15, "NCP: local link address not acceptable to peer"),
        20 => (15, "NCP: remote link address not acceptable"),
        _ => return None,
    })
}

/// The results of CDN as they are logged and told to RADIUS servers.
fn result_text(result: u16) -> Cow<'static, str> {
    match result {
        1 => "Call disconnected due to loss of carrier",
        2 => "Call disconnected for the reason indicated in error code",
        3 => "Call disconnected for administrative reasons",
        4 => {
            "Call failed due to lack of appropriate facilities being available (temporary condition)"
        }
        5 => {
            "Call failed due to lack of appropriate facilities being available (permanent condition)"
        }
        6 => "Invalid destination",
        7 => "Call failed due to no carrier detected",
        8 => "Call failed due to detection of a busy signal",
        9 => "Call failed due to lack of a dial tone",
        10 => "Call was not established within time allotted by LAC",
        11 => "Call was connected but no appropriate framing was detected",
        other => return other.to_string().into(),
    }
    .into()
}
