//! The user side: enquiries, their answers, and what they say of the PVCs
//! (Q.933 sections A.3 to A.5, T1.617 Annex D, FRF.1.2 section 3.2).

use std::time::Instant;

use wanbox_wire::lmi::{
    Dialect, Keepalive, Message, MessageType, PvcStatus, ReportType, Repr, next_sequence,
};

use super::config::{Dlci, Signalling, Station};
use super::pvc::status;
use super::{Diagnosis, FrameRelay};

/// State of the polling.
#[derive(Debug, Default)]
pub(super) struct User {
    /// The last enquiry has no answer yet.
    outstanding: bool,
    /// The next enquiry asks for a full status.
    full_next: bool,
    /// Polls until a full status is asked for anyway.
    until_full: u16,
    /// A continued full status report is being read: the highest DLCI so far.
    continued_after: Option<u16>,
    /// Index into [`Dialect::ALL`] of the dialect to try next.
    probe: usize,
    /// The last enquiries sent, to know them when they come back or, while no dialect is known,
    /// when one is answered late.
    recent: [Option<(Dialect, Keepalive)>; 3],
}

impl FrameRelay {
    /// The carrier came: begin to ask.
    pub(super) fn user_start(&mut self, now: Instant) {
        self.user = User {
            full_next: self.config.full_status_at_start,
            until_full: self.config.n391,
            ..User::default()
        };
        self.user_poll(now);
    }

    /// The link went down: the PVCs are no longer known to be active, and a full status is needed.
    pub(super) fn user_link_down(&mut self) {
        self.user.full_next = true;
        self.user.continued_after = None;
        for (_, pvc) in self.pvcs.iter_mut() {
            pvc.bits &= !(status::ACTIVE | status::NEW);
        }
        if self.config.signalling == Signalling::Auto {
            // The switch may have been exchanged for one that speaks another dialect.
            self.dialect = None;
        }
    }

    /// T391, or the time for the next dialect, passed.
    pub(super) fn user_timeout(&mut self, now: Instant) {
        if self.user.outstanding && self.dialect.is_some() {
            self.stats.t391_timeouts += 1;
            self.stats.t391_consecutive += 1;
            self.user.full_next = true;
            self.record(now, true);
        }
        self.user_poll(now);
    }

    /// Sends the next enquiry of the polling cycle.
    fn user_poll(&mut self, now: Instant) {
        let full = self.user.full_next || self.user.until_full <= 1;
        self.user_enquire(now, full);
    }

    /// Asks at once, outside the cycle. False when this end does not ask.
    pub fn enquire_now(&mut self, now: Instant, full: bool) -> bool {
        let asks = self.config.station == Station::Cpe
            && self.config.signalling != Signalling::None
            && self.carrier;
        if asks {
            self.user_enquire(now, full);
        }
        asks
    }

    fn user_enquire(&mut self, now: Instant, full: bool) {
        self.user.continued_after = None;
        if full {
            self.user.until_full = self.config.n391;
            self.stats.user_tx_full += 1;
        } else {
            self.user.until_full = self.user.until_full.saturating_sub(1);
            self.stats.user_tx_integrity += 1;
        }
        let report = if full {
            ReportType::FullStatus
        } else {
            ReportType::LinkIntegrity
        };
        self.send_enquiry(report);
        let interval = match self.dialect {
            Some(_) => self.config.t391,
            None => self.config.probe_interval(),
        };
        self.deadline = Some(now + interval);
    }

    fn send_enquiry(&mut self, report: ReportType) {
        let dialect = self.dialect.unwrap_or_else(|| {
            let dialect = Dialect::ALL.get(self.user.probe).copied();
            self.user.probe = (self.user.probe + 1) % Dialect::ALL.len();
            dialect.unwrap_or(Dialect::AnnexD)
        });
        self.send = next_sequence(self.send);
        if matches!(self.diagnosis, Diagnosis::Looped | Diagnosis::PeerIsCpe) {
            // Two CPEs in step send the same numbers: steps of our own tell theirs from ours.
            for _ in 0..(self.config.nonce >> (self.send & 24)) & 0x1f {
                self.send = next_sequence(self.send);
            }
        }
        let keepalive = Keepalive {
            send: self.send,
            receive: self.receive,
        };
        self.user.outstanding = true;
        self.user.recent.rotate_right(1);
        self.user.recent[0] = Some((dialect, keepalive));
        let repr = Repr {
            dialect,
            message_type: MessageType::StatusEnquiry,
            report,
            keepalive: Some(keepalive),
        };
        self.queue_message(&repr, std::iter::empty());
    }

    /// An enquiry came although we are the one who asks: the line is looped, or the peer is a CPE too.
    pub(super) fn user_enquiry(&mut self, message: &Message<'_>) {
        let seen = message
            .repr
            .keepalive
            .map(|keepalive| (message.repr.dialect, keepalive));
        if seen.is_some() && self.user.recent.contains(&seen) {
            self.stats.looped += 1;
            self.diagnosis = Diagnosis::Looped;
        } else {
            self.stats.enquiries_as_user += 1;
            self.diagnosis = Diagnosis::PeerIsCpe;
        }
    }

    /// A report came.
    pub(super) fn user_status(&mut self, now: Instant, message: &Message<'_>) {
        let dialect = message.repr.dialect;
        if let Some(ours) = self.dialect
            && ours != dialect
        {
            self.stats.wrong_dialect += 1;
            self.diagnosis = Diagnosis::WrongDialect(dialect);
            return;
        }
        let Some(keepalive) = message.repr.keepalive else {
            return self.single_pvc(now, message);
        };
        if message.repr.report == ReportType::SinglePvc {
            return self.single_pvc(now, message);
        }
        let answers = match self.dialect {
            Some(_) => keepalive.receive == self.send,
            None => {
                let sent = |(tried, sent): &(Dialect, Keepalive)| {
                    *tried == dialect && sent.send == keepalive.receive
                };
                self.user.recent.iter().flatten().any(sent)
            }
        };
        if !answers {
            self.stats.bad_receive_sequence += 1;
            self.user.full_next = true;
            return;
        }
        if keepalive.send == 0 {
            self.stats.bad_send_sequence += 1;
            self.user.full_next = true;
            return;
        }
        self.receive = keepalive.send;
        if !self.user.outstanding {
            self.stats.unsolicited += 1;
            return;
        }
        self.user.outstanding = false;
        self.stats.t391_consecutive = 0;
        self.diagnosis = Diagnosis::None;
        if self.dialect.is_none() {
            // Found: from now on only this dialect, at the ordinary pace. The number that the
            // switch knows is the one it answered, not that of a later try in another dialect.
            self.dialect = Some(dialect);
            self.send = keepalive.receive;
            self.deadline = Some(now + self.config.t391);
        }
        match message.repr.report {
            ReportType::FullStatus => {
                self.stats.user_rx_full += 1;
                self.full_status(message);
                self.user.full_next = false;
            }
            ReportType::FullStatusContinued => {
                self.stats.user_rx_full += 1;
                self.continued_status(message);
            }
            ReportType::LinkIntegrity | ReportType::SinglePvc => {
                self.stats.user_rx_integrity += 1;
            }
        }
        self.record(now, false);
        self.refresh_channels(now);
    }

    /// The last or only part of a full status report: what it does not name is gone.
    fn full_status(&mut self, message: &Message<'_>) {
        if self.user.continued_after.take().is_none() {
            self.forget_seen();
        }
        self.read_pvcs(message);
        for dlci in 1..super::PvcTable::LEN {
            let Some(pvc) = self.pvcs.get_mut(dlci) else {
                continue;
            };
            if pvc.seen {
                continue;
            }
            pvc.bits = match pvc.channel {
                Some(_) => status::DELETED,
                None => 0,
            };
            self.announce_dlci(dlci);
        }
        self.assign_auto();
    }

    /// A part of a full status report: ask for the next one at once. Each part must go further than
    /// the one before, so that a switch cannot make us ask without end.
    fn continued_status(&mut self, message: &Message<'_>) {
        let after = self.user.continued_after;
        if after.is_none() {
            self.forget_seen();
        }
        let highest = message.pvcs().map(|pvc| pvc.dlci).max();
        if highest <= after {
            self.stats.bad_signalling += 1;
            self.user.continued_after = None;
            self.user.full_next = true;
            return;
        }
        self.read_pvcs(message);
        self.user.continued_after = highest;
        self.stats.user_tx_full += 1;
        self.send_enquiry(ReportType::FullStatusContinued);
    }

    fn forget_seen(&mut self) {
        for (_, pvc) in self.pvcs.iter_mut() {
            pvc.seen = false;
        }
    }

    fn read_pvcs(&mut self, message: &Message<'_>) {
        for report in message.pvcs() {
            self.read_pvc(&report);
        }
    }

    /// A single-PVC report, sent by the switch unasked (Q.933 section A.3.3).
    fn single_pvc(&mut self, now: Instant, message: &Message<'_>) {
        self.stats.single_pvc_rx += 1;
        if !self.link_up {
            self.stats.unsolicited += 1;
            return;
        }
        for report in message.pvcs() {
            let known = self.pvcs.get(report.dlci).is(status::INCLUDED);
            if known || report.deleted {
                self.read_pvc(&report);
            } else {
                // Not in the last full status: believed when the next one says so, asked for now.
                self.user.full_next = true;
            }
        }
        self.refresh_channels(now);
    }

    /// What a report says of one PVC.
    fn read_pvc(&mut self, report: &PvcStatus) {
        if report.dlci == 0 || report.dlci > 1022 {
            self.stats.reserved_dlci += 1;
            return;
        }
        let Some(pvc) = self.pvcs.get_mut(report.dlci) else {
            return;
        };
        pvc.seen = true;
        let before = *pvc;
        if report.deleted {
            pvc.bits = match pvc.channel {
                Some(_) => status::DELETED,
                None => 0,
            };
        } else {
            pvc.bits = status::INCLUDED;
            if report.active && !report.receiver_not_ready {
                pvc.bits |= status::ACTIVE;
            }
            if report.new {
                pvc.bits |= status::NEW;
            }
        }
        // "New" of a PVC that was there before: it was taken away and added again between two
        // reports. While the switch repeats it unconfirmed, it is the same news.
        let again = report.new && before.is(status::INCLUDED) && !before.is(status::NEW);
        let channel = before.channel.filter(|_| again);
        if let Some(channel) = channel.and_then(|index| self.channel_at(index)) {
            channel.bounced |= channel.up;
            channel.up = false;
        }
        self.announce_dlci(report.dlci);
    }

    /// The single `auto` channel takes the first DLCI that the switch reports, and another one when
    /// that is taken away.
    pub(super) fn assign_auto(&mut self) {
        let auto = self
            .channels
            .iter()
            .flatten()
            .find(|channel| channel.config.dlci == Dlci::Auto)
            .map(|channel| (channel.id, channel.dlci));
        let Some((id, held)) = auto else {
            return;
        };
        if held.is_some_and(|dlci| self.pvcs.get(dlci).is(status::INCLUDED)) {
            return;
        }
        let first = self
            .pvcs
            .iter()
            .find(|(dlci, pvc)| (1..=991).contains(dlci) && pvc.is(status::INCLUDED))
            .map(|(dlci, _)| dlci);
        if let Some(held) = held
            && let Some(pvc) = self.pvcs.get_mut(held)
        {
            pvc.channel = None;
            pvc.bits = 0;
        }
        if let Some(pvc) = first.and_then(|dlci| self.pvcs.get_mut(dlci)) {
            pvc.channel = Some(id.0);
        }
        if let Some(channel) = self.channel_at(id.0) {
            channel.dlci = first;
            channel.bounced |= channel.up;
            channel.up = false;
        }
        for dlci in [held, first].into_iter().flatten() {
            self.announce_dlci(dlci);
        }
    }
}
