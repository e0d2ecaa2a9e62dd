//! Causes: of refused dynamic authorization, and of sessions that ended.

/// Error-Cause (RFC 5176 section 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCause(pub u32);

impl ErrorCause {
    /// 401: an attribute is not supported.
    pub const UNSUPPORTED_ATTRIBUTE: Self = Self(401);
    /// 402: nothing says which session is meant.
    pub const MISSING_ATTRIBUTE: Self = Self(402);
    /// 403: another NAS is meant.
    pub const NAS_IDENTIFICATION_MISMATCH: Self = Self(403);
    /// 404: an attribute has a value that cannot be.
    pub const INVALID_REQUEST: Self = Self(404);
    /// 405: a service that is not supported.
    pub const UNSUPPORTED_SERVICE: Self = Self(405);
    /// 501: prohibited by us.
    pub const ADMINISTRATIVELY_PROHIBITED: Self = Self(501);
    /// 503: there is no such session.
    pub const SESSION_CONTEXT_NOT_FOUND: Self = Self(503);
    /// 504: the session cannot be removed.
    pub const SESSION_CONTEXT_NOT_REMOVABLE: Self = Self(504);
    /// 506: something is used up.
    pub const RESOURCES_UNAVAILABLE: Self = Self(506);
    /// 508: more than one session is meant, and that cannot be.
    pub const MULTIPLE_SESSION_SELECTION_UNSUPPORTED: Self = Self(508);
}

/// Acct-Terminate-Cause (RFC 2866 section 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TerminateCause(pub u32);

impl TerminateCause {
    /// 1: the user asked for it.
    pub const USER_REQUEST: Self = Self(1);
    /// 2: the carrier is gone.
    pub const LOST_CARRIER: Self = Self(2);
    /// 3: the service cannot be had any more.
    pub const LOST_SERVICE: Self = Self(3);
    /// 4: nothing was sent for too long.
    pub const IDLE_TIMEOUT: Self = Self(4);
    /// 5: the session's time is used up.
    pub const SESSION_TIMEOUT: Self = Self(5);
    /// 6: an administrator reset the session.
    pub const ADMIN_RESET: Self = Self(6);
    /// 7: an administrator stops the service.
    pub const ADMIN_REBOOT: Self = Self(7);
    /// 8: an error of the port.
    pub const PORT_ERROR: Self = Self(8);
    /// 9: an error of ours.
    pub const NAS_ERROR: Self = Self(9);
    /// 10: we ended it for another reason.
    pub const NAS_REQUEST: Self = Self(10);
    /// 15: the service is not available.
    pub const SERVICE_UNAVAILABLE: Self = Self(15);
    /// 17: the user did something wrong.
    pub const USER_ERROR: Self = Self(17);
    /// 20: authentication again failed (RFC 3580 section 2.2).
    pub const REAUTHENTICATION_FAILURE: Self = Self(20);
}
