//! The option negotiation automaton (RFC 1661 section 4): its table, its restart timer and its
//! counters. What the packets hold is no matter of it.

use std::fmt;
use std::time::{Duration, Instant};

/// The states, numbered as in RFC 1661 section 4.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// 0: the lower layer is down, and nobody wants more.
    #[default]
    Initial = 0,
    /// 1: wanted, but the lower layer is down.
    Starting = 1,
    /// 2: the lower layer is up, but this one is not wanted.
    Closed = 2,
    /// 3: wanted, but negotiation ended; a request of the peer begins it again.
    Stopped = 3,
    /// 4: our Terminate-Request is out, and nobody wants more.
    Closing = 4,
    /// 5: as before, but the layer is still wanted.
    Stopping = 5,
    /// 6: our Configure-Request is out.
    ReqSent = 6,
    /// 7: and it was acknowledged.
    AckRcvd = 7,
    /// 8: the peer's was acknowledged, ours not yet.
    AckSent = 8,
    /// 9: both were.
    Opened = 9,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Initial,
        Self::Starting,
        Self::Closed,
        Self::Stopped,
        Self::Closing,
        Self::Stopping,
        Self::ReqSent,
        Self::AckRcvd,
        Self::AckSent,
        Self::Opened,
    ];

    /// Whether the restart timer runs (RFC 1661 section 4.2).
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(
            self,
            Self::Closing | Self::Stopping | Self::ReqSent | Self::AckRcvd | Self::AckSent
        )
    }

    /// Whether a Configure-Request of ours is out and negotiation goes on.
    #[must_use]
    pub const fn is_negotiating(self) -> bool {
        matches!(self, Self::ReqSent | Self::AckRcvd | Self::AckSent)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initial => "Initial",
            Self::Starting => "Starting",
            Self::Closed => "Closed",
            Self::Stopped => "Stopped",
            Self::Closing => "Closing",
            Self::Stopping => "Stopping",
            Self::ReqSent => "Request Sent",
            Self::AckRcvd => "Ack Received",
            Self::AckSent => "Ack Sent",
            Self::Opened => "Opened",
        })
    }
}

/// The events of RFC 1661 section 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The lower layer is ready.
    Up,
    /// The lower layer is no longer ready.
    Down,
    /// The owner wants the layer.
    Open,
    /// The owner does not want it any more.
    Close,
    /// TO+: the restart timer ran out, and the counter allows another try.
    TimeoutPlus,
    /// TO-: it ran out, and the counter does not.
    TimeoutMinus,
    /// RCR+: an acceptable Configure-Request came.
    RcrPlus,
    /// RCR-: an unacceptable one came.
    RcrMinus,
    /// RCA: a Configure-Ack of our request came.
    Rca,
    /// RCN: a Configure-Nak or -Reject of our request came.
    Rcn,
    /// RTR: a Terminate-Request came.
    Rtr,
    /// RTA: a Terminate-Ack came.
    Rta,
    /// RUC: a packet with an unknown code came.
    Ruc,
    /// RXJ+: a Code- or Protocol-Reject came that one can live with.
    RxjPlus,
    /// RXJ-: one came that one cannot live with.
    RxjMinus,
    /// RXR: an Echo-Request, Echo-Reply or Discard-Request came.
    Rxr,
}

impl Event {
    /// All of them, in the order of the RFC's table.
    pub const ALL: [Self; 16] = [
        Self::Up,
        Self::Down,
        Self::Open,
        Self::Close,
        Self::TimeoutPlus,
        Self::TimeoutMinus,
        Self::RcrPlus,
        Self::RcrMinus,
        Self::Rca,
        Self::Rcn,
        Self::Rtr,
        Self::Rta,
        Self::Ruc,
        Self::RxjPlus,
        Self::RxjMinus,
        Self::Rxr,
    ];
}

/// A set of the actions of RFC 1661 section 4.4. They are taken in the order of the constants
/// here, which is an order that every cell of the RFC's table allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions(u16);

impl Actions {
    /// Nothing to do.
    pub const NONE: Self = Self(0);
    /// This-Layer-Down: the layer above loses its ground.
    pub const TLD: Self = Self(1);
    /// Initialize-Restart-Count; the automaton has done it.
    pub const IRC: Self = Self(1 << 1);
    /// Zero-Restart-Count; the automaton has done it.
    pub const ZRC: Self = Self(1 << 2);
    /// Send-Configure-Request.
    pub const SCR: Self = Self(1 << 3);
    /// Send-Configure-Ack.
    pub const SCA: Self = Self(1 << 4);
    /// Send-Configure-Nak or -Reject.
    pub const SCN: Self = Self(1 << 5);
    /// Send-Terminate-Request.
    pub const STR: Self = Self(1 << 6);
    /// Send-Terminate-Ack.
    pub const STA: Self = Self(1 << 7);
    /// Send-Code-Reject.
    pub const SCJ: Self = Self(1 << 8);
    /// Send-Echo-Reply.
    pub const SER: Self = Self(1 << 9);
    /// This-Layer-Up: the layer above has its ground.
    pub const TLU: Self = Self(1 << 10);
    /// This-Layer-Started: the lower layer is needed.
    pub const TLS: Self = Self(1 << 11);
    /// This-Layer-Finished: the lower layer is no longer needed.
    pub const TLF: Self = Self(1 << 12);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The state transition table of RFC 1661 section 4.1, without the restart option (a cell `3r`
/// is a 3) and without the passive option (a cell `3p` is a 3). Events that the table marks `-`,
/// which cannot happen, change nothing.
#[must_use]
pub const fn transition(state: State, event: Event) -> (State, Actions) {
    use Event::{
        Close, Down, Open, Rca, Rcn, RcrMinus, RcrPlus, Rta, Rtr, Ruc, RxjMinus, RxjPlus, Rxr,
        TimeoutMinus, TimeoutPlus, Up,
    };
    use State::{
        AckRcvd, AckSent, Closed, Closing, Initial, Opened, ReqSent, Starting, Stopped, Stopping,
    };
    const NONE: Actions = Actions::NONE;
    const TLD: Actions = Actions::TLD;
    const SCR: Actions = Actions::SCR;
    const STA: Actions = Actions::STA;
    const STR: Actions = Actions::STR;
    const SCJ: Actions = Actions::SCJ;
    const TLF: Actions = Actions::TLF;
    const IRC_SCR: Actions = Actions::IRC.and(SCR);
    const IRC_STR: Actions = Actions::IRC.and(STR);
    const IRC_SCR_SCA: Actions = IRC_SCR.and(Actions::SCA);
    const IRC_SCR_SCN: Actions = IRC_SCR.and(Actions::SCN);
    const SCA_TLU: Actions = Actions::SCA.and(Actions::TLU);
    const IRC_TLU: Actions = Actions::IRC.and(Actions::TLU);
    const TLD_IRC_STR: Actions = TLD.and(IRC_STR);
    const TLD_SCR: Actions = TLD.and(SCR);
    const TLD_SCR_SCA: Actions = TLD_SCR.and(Actions::SCA);
    const TLD_SCR_SCN: Actions = TLD_SCR.and(Actions::SCN);
    const TLD_ZRC_STA: Actions = TLD.and(Actions::ZRC).and(STA);

    match event {
        Up => match state {
            Initial => (Closed, NONE),
            Starting => (ReqSent, IRC_SCR),
            other => (other, NONE),
        },
        Down => match state {
            Initial | Starting => (state, NONE),
            Closed | Closing => (Initial, NONE),
            Stopped => (Starting, Actions::TLS),
            Stopping | ReqSent | AckRcvd | AckSent => (Starting, NONE),
            Opened => (Starting, TLD),
        },
        Open => match state {
            Initial => (Starting, Actions::TLS),
            Closed => (ReqSent, IRC_SCR),
            Closing => (Stopping, NONE),
            other => (other, NONE),
        },
        Close => match state {
            Initial | Closed | Closing => (state, NONE),
            Starting => (Initial, TLF),
            Stopped => (Closed, NONE),
            Stopping => (Closing, NONE),
            ReqSent | AckRcvd | AckSent => (Closing, IRC_STR),
            Opened => (Closing, TLD_IRC_STR),
        },
        TimeoutPlus => match state {
            Closing | Stopping => (state, STR),
            ReqSent | AckRcvd => (ReqSent, SCR),
            AckSent => (AckSent, SCR),
            other => (other, NONE),
        },
        TimeoutMinus => match state {
            Closing => (Closed, TLF),
            Stopping | ReqSent | AckRcvd | AckSent => (Stopped, TLF),
            other => (other, NONE),
        },
        RcrPlus => match state {
            Closed => (Closed, STA),
            Stopped => (AckSent, IRC_SCR_SCA),
            ReqSent | AckSent => (AckSent, Actions::SCA),
            AckRcvd => (Opened, SCA_TLU),
            Opened => (AckSent, TLD_SCR_SCA),
            other => (other, NONE),
        },
        RcrMinus => match state {
            Closed => (Closed, STA),
            Stopped => (ReqSent, IRC_SCR_SCN),
            ReqSent | AckSent => (ReqSent, Actions::SCN),
            AckRcvd => (AckRcvd, Actions::SCN),
            Opened => (ReqSent, TLD_SCR_SCN),
            other => (other, NONE),
        },
        Rca => match state {
            Closed | Stopped => (state, STA),
            ReqSent => (AckRcvd, Actions::IRC),
            AckRcvd => (ReqSent, SCR),
            AckSent => (Opened, IRC_TLU),
            Opened => (ReqSent, TLD_SCR),
            other => (other, NONE),
        },
        Rcn => match state {
            Closed | Stopped => (state, STA),
            ReqSent => (ReqSent, IRC_SCR),
            AckRcvd => (ReqSent, SCR),
            AckSent => (AckSent, IRC_SCR),
            Opened => (ReqSent, TLD_SCR),
            other => (other, NONE),
        },
        Rtr => match state {
            Initial | Starting => (state, NONE),
            Closed | Stopped | Closing | Stopping => (state, STA),
            ReqSent | AckRcvd | AckSent => (ReqSent, STA),
            Opened => (Stopping, TLD_ZRC_STA),
        },
        Rta => match state {
            Closing => (Closed, TLF),
            Stopping => (Stopped, TLF),
            AckRcvd => (ReqSent, NONE),
            Opened => (ReqSent, TLD_SCR),
            other => (other, NONE),
        },
        Ruc => match state {
            Initial | Starting => (state, NONE),
            other => (other, SCJ),
        },
        RxjPlus => match state {
            AckRcvd => (ReqSent, NONE),
            other => (other, NONE),
        },
        RxjMinus => match state {
            Initial | Starting => (state, NONE),
            Closed | Closing => (Closed, TLF),
            Stopped | Stopping | ReqSent | AckRcvd | AckSent => (Stopped, TLF),
            Opened => (Stopping, TLD_IRC_STR),
        },
        Rxr => match state {
            Opened => (Opened, Actions::SER),
            other => (other, NONE),
        },
    }
}

/// The restart timer and the counters (RFC 1661 section 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time to wait for an answer before a request is sent again: 10 ms to 1 h.
    pub restart: Duration,
    /// Configure-Requests without an answer before giving up: 1 to 255.
    pub max_configure: u8,
    /// Terminate-Requests without an answer before giving up: 1 to 255.
    pub max_terminate: u8,
    /// Configure-Naks without an Ack before options are rejected instead: 1 to 255.
    pub max_failure: u8,
    /// Configure-Requests are repeated for ever, as the original firmware did.
    pub never_give_up: bool,
}

impl Default for Limits {
    /// The values of RFC 1661.
    fn default() -> Self {
        Self {
            restart: Duration::from_secs(3),
            max_configure: 10,
            max_terminate: 2,
            max_failure: 5,
            never_give_up: false,
        }
    }
}

/// A state with its timer and counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Automaton {
    deadline: Option<Instant>,
    state: State,
    /// Requests that may still be sent without an answer.
    restarts: u8,
}

impl Automaton {
    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// When the restart timer runs out.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Changes the state as the table says, minds counter and timer, and returns what the owner
    /// has to do: everything but [`Actions::IRC`] and [`Actions::ZRC`].
    pub fn event(&mut self, now: Instant, limits: &Limits, event: Event) -> Actions {
        let (state, actions) = transition(self.state, event);
        self.state = state;
        if actions.contains(Actions::IRC) {
            self.restarts = if actions.contains(Actions::STR) {
                limits.max_terminate
            } else {
                limits.max_configure
            };
        }
        if actions.contains(Actions::ZRC) {
            self.restarts = 0;
            self.deadline = Some(now + limits.restart);
        }
        if actions.contains(Actions::SCR) || actions.contains(Actions::STR) {
            self.restarts = self.restarts.saturating_sub(1);
            self.deadline = Some(now + limits.restart);
        }
        if !state.is_timed() {
            self.deadline = None;
        }
        actions
    }

    /// Opened without a word: somebody else negotiated.
    pub(crate) const fn adopt(&mut self) {
        self.state = State::Opened;
        self.deadline = None;
    }

    /// Takes the timer's event, TO+ or TO-, when it has run out.
    pub fn handle_timeout(&mut self, now: Instant, limits: &Limits) -> Actions {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return Actions::NONE;
        }
        let again = self.restarts > 0 || (limits.never_give_up && self.state.is_negotiating());
        let event = if again {
            Event::TimeoutPlus
        } else {
            Event::TimeoutMinus
        };
        self.event(now, limits, event)
    }
}

#[cfg(test)]
mod tests;
