//! Counters. All of them wrap.

use wanbox_wire::lapb::{Control, Supervisory, Unnumbered};

/// Frames of one direction by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Information.
    pub i: u32,
    /// Receive ready.
    pub rr: u32,
    /// Receive not ready.
    pub rnr: u32,
    /// Reject.
    pub rej: u32,
    /// Selective reject, which AX.25 alone has.
    pub srej: u32,
    /// Set asynchronous balanced mode.
    pub sabm: u32,
    /// The same, extended.
    pub sabme: u32,
    /// Disconnect.
    pub disc: u32,
    /// Disconnected mode.
    pub dm: u32,
    /// Unnumbered acknowledgement.
    pub ua: u32,
    /// Frame reject.
    pub frmr: u32,
}

impl Frames {
    pub(super) fn count(&mut self, control: Control) {
        count(match control {
            Control::Information { .. } => &mut self.i,
            Control::Supervisory { kind, .. } => match kind {
                Supervisory::Rr => &mut self.rr,
                Supervisory::Rnr => &mut self.rnr,
                Supervisory::Rej => &mut self.rej,
                Supervisory::Srej => &mut self.srej,
            },
            Control::Unnumbered { kind, .. } => match kind {
                Unnumbered::Sabm => &mut self.sabm,
                Unnumbered::Sabme => &mut self.sabme,
                Unnumbered::Disc => &mut self.disc,
                Unnumbered::Dm => &mut self.dm,
                Unnumbered::Ua => &mut self.ua,
                Unnumbered::Frmr => &mut self.frmr,
            },
        });
    }
}

/// What a link counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received, those of no use included.
    pub received: Frames,
    /// Frames sent.
    pub sent: Frames,
    /// I frames sent again.
    pub repeated: u32,
    /// Packets that the peer acknowledged.
    pub acknowledged: u32,
    /// Packets handed to the owner.
    pub delivered: u32,
    /// Frames without a whole control field; dropped.
    pub too_short: u32,
    /// W: control fields that are not defined or belong to the other modulo.
    pub undefined: u32,
    /// W: commands that came as responses, or the reverse. Many of them: the line is looped, or
    /// both ends have the same role.
    pub misdirected: u32,
    /// X: supervisory and unnumbered frames with information.
    pub with_information: u32,
    /// Y: packets longer than N1.
    pub too_long: u32,
    /// Z: N(R) that cannot be.
    pub invalid_nr: u32,
    /// I frames that came again behind themselves; dropped.
    pub duplicates: u32,
    /// I frames behind a gap; dropped.
    pub out_of_sequence: u32,
    /// I frames while we were busy; dropped.
    pub while_busy: u32,
    /// UA and F that nobody had asked for.
    pub unsolicited: u32,
    /// Set-ups that the line has doubled; dropped.
    pub doubled_setups: u32,
    /// Frames that have no meaning in the phase they found.
    pub out_of_phase: u32,
    /// Times that T1 ran out.
    pub t1_expired: u32,
    /// Times that T4 ran out.
    pub t4_expired: u32,
    /// Packets refused because the link was down.
    pub refused_down: u32,
    /// Packets refused because window and queue were full.
    pub refused_full: u32,
    /// Packets refused because they were longer than N1.
    pub refused_long: u32,
    /// Packets forgotten by resets and when the link went down.
    pub forgotten: u32,
    /// Times that the link came up.
    pub ups: u32,
    /// Times that it was reset.
    pub resets: u32,
    /// Times that it went down, or could not be set up.
    pub downs: u32,
    /// Events the owner did not fetch in time.
    pub events_lost: u32,
}

/// One more.
pub(super) const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

/// Some more.
pub(super) const fn add(counter: &mut u32, more: usize) {
    *counter = counter.wrapping_add(more as u32);
}
