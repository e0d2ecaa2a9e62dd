//! The end of a session.

use std::borrow::Cow;
use std::time::Instant;

use wanbox_link::ppp::{Cause, auth::Failure};
use wanbox_wire::l2tp::{call_result, error};

use super::{Concentrator, Level};
use crate::SessionId;
use crate::session::Stage;
use crate::tunnel::{Cdn, Reason};

/// Why a session ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// What the LAC is told; `None` when the call is gone.
    pub cdn: Option<Cdn>,
    /// Acct-Terminate-Cause (RFC 2866 section 5.10).
    pub cause: u32,
    /// The same for people.
    pub text: Cow<'static, str>,
}

impl End {
    /// An end from here, for which the LAC is told an administrative reason, as in nearly all
    /// cases.
    pub fn hang_up(cause: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cdn: Some(Reason::result(call_result::ADMINISTRATIVE).into()),
            cause,
            text: text.into(),
        }
    }

    /// The call is gone.
    pub fn gone(cause: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cdn: None,
            cause,
            text: text.into(),
        }
    }

    /// There is no address for the subscriber: another server may have one.
    pub fn no_address() -> Self {
        let text = "No IP addresses available.";
        Self {
            cdn: Some(Reason::error(error::TRY_ANOTHER, text).into()),
            cause: 15,
            text: text.into(),
        }
    }

    /// PPP ended.
    pub fn of(cause: Cause) -> Self {
        let (number, text) = match cause {
            Cause::Keepalive => (3, "No response to LCP ECHO requests."),
            Cause::NoAnswer | Cause::ConnectTimeout => (3, "No response to LCP ConfigReq."),
            Cause::Peer => (1, "Closed by the client."),
            Cause::Looped => (8, "LCP: magic-no error (possible loop)"),
            Cause::Authentication(Failure::Refused) => (17, "Authentication failed"),
            Cause::Authentication(_) => (20, "CHAP timeout."),
            Cause::AuthenticationRefused => (17, "Unsupported authentication."),
            Cause::Rejected => (17, "Unable to negotiate LCP."),
            Cause::NoNetwork => (15, "No response to IPCP ConfigReq."),
            Cause::Carrier | Cause::Local | Cause::Renegotiation => (10, "Closed."),
        };
        Self::hang_up(number, text)
    }
}

impl Concentrator {
    /// Ends a session: nothing of it is left but its Accounting-Request.
    pub(super) fn end(&mut self, now: Instant, id: SessionId, end: End) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let (tunnel, counted) = (session.tunnel, session.counted);
        let named = !session.user.is_empty();
        self.log(Level::Info, Some(tunnel), Some(id), || {
            format!("Shutting down session {id}: {}", end.text)
        });
        if counted {
            self.pacing.done();
        }
        if named {
            self.tell_plugins_of_end(now, id);
        }
        self.account_stop(now, id, &end);
        self.note_end(id);
        self.quit_bundle(now, id);
        self.remove_routes(id);
        self.close_path(now, id);
        let Some(session) = self.sessions.remove(now, id) else {
            return;
        };
        if session.stage == Stage::Accepted && !session.address.is_unspecified() {
            self.counters.ip_freed += u64::from(session.pooled);
            self.pool.release(now, session.address, id, !session.garden);
        }
        if let Some(cdn) = &end.cdn {
            self.tunnels.hang_up(now, tunnel, session.call, cdn);
        }
    }
}
