//! Counters. All of them wrap.

use wanbox_wire::x25::{Body, Flow};

/// Packets of one direction by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// Restart requests and indications.
    pub restart: u32,
    /// Restart confirmations.
    pub restart_confirmation: u32,
    /// Reset requests and indications.
    pub reset: u32,
    /// Reset confirmations.
    pub reset_confirmation: u32,
    /// Call requests, incoming calls.
    pub call: u32,
    /// Call accepted, call connected.
    pub accepted: u32,
    /// Clear requests and indications.
    pub clear: u32,
    /// Clear confirmations.
    pub clear_confirmation: u32,
    /// Diagnostics.
    pub diagnostic: u32,
    /// Registration requests.
    pub registration: u32,
    /// Registration confirmations.
    pub registration_confirmation: u32,
    /// Interrupts.
    pub interrupt: u32,
    /// Interrupt confirmations.
    pub interrupt_confirmation: u32,
    /// Data.
    pub data: u32,
    /// Receive ready.
    pub rr: u32,
    /// Receive not ready.
    pub rnr: u32,
    /// Reject.
    pub rej: u32,
    /// Octets of user data in data packets.
    pub octets: u64,
}

impl Packets {
    pub(super) fn count(&mut self, body: &Body<'_>) {
        count(match body {
            Body::Data { data, .. } => {
                self.octets = self.octets.wrapping_add(data.len() as u64);
                &mut self.data
            }
            Body::Flow { flow, .. } => match flow {
                Flow::Ready => &mut self.rr,
                Flow::NotReady => &mut self.rnr,
                Flow::Reject => &mut self.rej,
            },
            Body::CallRequest { .. } => &mut self.call,
            Body::CallAccepted { .. } => &mut self.accepted,
            Body::ClearRequest { .. } => &mut self.clear,
            Body::ClearConfirmation { .. } => &mut self.clear_confirmation,
            Body::Interrupt(_) => &mut self.interrupt,
            Body::InterruptConfirmation => &mut self.interrupt_confirmation,
            Body::ResetRequest { .. } => &mut self.reset,
            Body::ResetConfirmation => &mut self.reset_confirmation,
            Body::RestartRequest { .. } => &mut self.restart,
            Body::RestartConfirmation => &mut self.restart_confirmation,
            Body::Diagnostic { .. } => &mut self.diagnostic,
            Body::RegistrationRequest(_) => &mut self.registration,
            Body::RegistrationConfirmation(_) => &mut self.registration_confirmation,
        });
    }
}

/// What a circuit counts, or a link: then of all its circuits, and what belongs to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets received, those of no use included.
    pub received: Packets,
    /// Packets sent.
    pub sent: Packets,
}

/// What a packet layer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets by type.
    pub traffic: Traffic,
    /// Packets without a whole logical channel or type; not taken.
    pub too_short: u32,
    /// Packets of another modulo, or of none; not taken.
    pub wrong_format: u32,
    /// Packets whose type or contents X.25 does not allow.
    pub malformed: u32,
    /// Packets on logical channels that are not used; not taken.
    pub unassigned: u32,
    /// Packets that are not allowed in the state they found: cleared, reset or restarted.
    pub errors: u32,
    /// Packets that came while a clearing, reset or restart was under way; dropped, as they must be.
    pub discarded: u32,
    /// Packets while the link was down.
    pub while_down: u32,
    /// Data whose P(S) was not the next one or outside the window.
    pub invalid_ps: u32,
    /// P(R) that cannot be.
    pub invalid_pr: u32,
    /// Calls of the peer that the layer refused: fast select, reverse charging, facilities.
    pub calls_refused: u32,
    /// Calls that met one of the peer on the same channel.
    pub collisions: u32,
    /// Times that T20 (T10) ran out.
    pub t20_expired: u32,
    /// Times that T21 (T11) ran out.
    pub t21_expired: u32,
    /// Times that T22 (T12) ran out.
    pub t22_expired: u32,
    /// Times that T23 (T13) ran out.
    pub t23_expired: u32,
    /// Times that T26 ran out.
    pub t26_expired: u32,
    /// Wishes of the owner that were refused.
    pub refused: u32,
    /// Octets to send that were forgotten in clearing, resets and restarts.
    pub forgotten: u64,
    /// Received packets that were forgotten before they were read.
    pub unread: u32,
    /// Diagnostics that were not sent, because too many waited.
    pub diagnostics_lost: u32,
    /// Events the owner did not fetch in time.
    pub events_lost: u32,
}

/// One more.
pub(super) const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
