//! The network side: answers to enquiries and reports of changes
//! (Q.933 sections A.3 to A.5, T1.617 Annex D, FRF.1.2 section 3.2).

use std::time::Instant;

use wanbox_wire::lmi::{
    Dialect, Keepalive, Message, MessageType, PvcStatus, ReportType, Repr, next_sequence,
};

use super::config::Station;
use super::{Diagnosis, FrameRelay};

/// State of the answering.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Something changed that no confirmed full status report told.
    changed: bool,
    /// The number of the last full status report, until the next enquiry confirms it or not.
    unconfirmed: Option<u8>,
    /// The highest DLCI of the last report when it is to be continued.
    continue_after: Option<u16>,
}

impl FrameRelay {
    /// The carrier came: wait for enquiries.
    pub(super) fn network_start(&mut self, now: Instant) {
        self.network = Network::default();
        for channel in self.channels.iter_mut().flatten() {
            channel.new = true;
            channel.new_sent = false;
        }
        self.deadline = Some(now + self.config.t392);
        self.show_presence();
    }

    /// T392 passed without an enquiry.
    pub(super) fn network_timeout(&mut self, now: Instant) {
        self.stats.t392_timeouts += 1;
        self.stats.t392_consecutive += 1;
        self.deadline = Some(now + self.config.t392);
        self.record(now, true);
        if !self.link_up {
            if self.diagnosis == Diagnosis::None {
                self.diagnosis = Diagnosis::Silent;
            }
            self.show_presence();
        }
    }

    /// An enquiry came: answer it.
    pub(super) fn network_enquiry(&mut self, now: Instant, message: &Message<'_>) {
        let dialect = message.repr.dialect;
        if self
            .config
            .signalling
            .dialect()
            .is_some_and(|ours| ours != dialect)
        {
            self.stats.wrong_dialect += 1;
            self.diagnosis = Diagnosis::WrongDialect(dialect);
            return;
        }
        let Some(theirs) = message.repr.keepalive else {
            self.stats.bad_signalling += 1;
            return;
        };
        self.dialect = Some(dialect);
        self.deadline = Some(now + self.config.t392);
        self.stats.t392_consecutive = 0;
        self.diagnosis = Diagnosis::None;
        let report = message.repr.report;
        match report {
            ReportType::LinkIntegrity | ReportType::SinglePvc => self.stats.node_rx_integrity += 1,
            ReportType::FullStatus | ReportType::FullStatusContinued => {
                self.stats.node_rx_full += 1;
            }
        }
        // A user that just started has received nothing yet and counts from 1.
        let restarted = theirs.receive == 0 && theirs.send == 1;
        let expected = theirs.receive == self.send || restarted;
        if !expected {
            self.stats.bad_receive_sequence += 1;
        }
        if theirs.send == 0 {
            self.stats.bad_send_sequence += 1;
        }
        self.confirm(theirs.receive);
        self.receive = theirs.send;
        self.send = next_sequence(self.send);
        self.answer(dialect, report);
        self.record(now, !expected || theirs.send == 0);
        self.refresh_channels(now);
    }

    /// The user has seen the report of this number: if that was the last full status, "new" has
    /// done its work; if not, it is told again.
    fn confirm(&mut self, receive: u8) {
        let Some(unconfirmed) = self.network.unconfirmed.take() else {
            return;
        };
        let confirmed = receive == unconfirmed;
        self.network.changed |= !confirmed;
        for channel in self.channels.iter_mut().flatten() {
            if confirmed && channel.new_sent {
                channel.new = false;
            }
            channel.new_sent = false;
        }
    }

    fn answer(&mut self, dialect: Dialect, asked: ReportType) {
        let after = match asked {
            ReportType::FullStatusContinued => self.network.continue_after.take(),
            _ => None,
        };
        let keepalive = Some(Keepalive {
            send: self.send,
            receive: self.receive,
        });
        let full = asked == ReportType::FullStatus
            || asked == ReportType::FullStatusContinued
            || self.network.changed;
        if !full {
            self.stats.node_tx_integrity += 1;
            let repr = Repr {
                dialect,
                message_type: MessageType::Status,
                report: ReportType::LinkIntegrity,
                keepalive,
            };
            return self.queue_message(&repr, std::iter::empty());
        }
        let capacity = dialect.pvc_capacity(self.config.max_information);
        let first = after.map_or(1, |dlci| dlci + 1);
        let mut pvcs: Vec<PvcStatus> = Vec::new();
        let mut more = false;
        for (dlci, pvc) in self.pvcs.iter() {
            let Some(index) = pvc.channel.filter(|_| dlci >= first) else {
                continue;
            };
            if pvcs.len() >= capacity {
                more = true;
                break;
            }
            pvcs.extend(self.reported(index));
        }
        self.network.continue_after = pvcs.last().map(|pvc| pvc.dlci).filter(|_| more);
        for pvc in pvcs.iter().filter(|pvc| pvc.new) {
            let index = self.pvcs.get(pvc.dlci).channel;
            if let Some(channel) = index.and_then(|index| self.channel_at(index)) {
                channel.new_sent = true;
            }
        }
        self.network.unconfirmed = Some(self.send);
        // Told completely only with the last part.
        self.network.changed &= more;
        self.stats.node_tx_full += 1;
        let report = if more {
            ReportType::FullStatusContinued
        } else {
            ReportType::FullStatus
        };
        let repr = Repr {
            dialect,
            message_type: MessageType::Status,
            report,
            keepalive,
        };
        self.queue_message(&repr, pvcs.into_iter());
    }

    /// What the node reports of a channel.
    fn reported(&self, index: u16) -> Option<PvcStatus> {
        let channel = self.channels.get(usize::from(index))?.as_ref()?;
        Some(PvcStatus {
            dlci: channel.dlci?,
            new: channel.new,
            active: channel.admin,
            ..PvcStatus::default()
        })
    }

    /// A channel changed: told at once by a single-PVC report, and surely by the next full status.
    pub(super) fn network_changed(&mut self, index: u16) {
        if self.config.station != Station::Node {
            return;
        }
        self.network.changed = true;
        if let (true, Some(status)) = (self.link_up, self.reported(index)) {
            self.send_single(status);
        }
    }

    /// A channel was taken away.
    pub(super) fn network_removed(&mut self, dlci: u16) {
        if self.config.station != Station::Node {
            return;
        }
        self.network.changed = true;
        if self.link_up {
            self.send_single(PvcStatus {
                dlci,
                deleted: true,
                ..PvcStatus::default()
            });
        }
    }

    /// While nobody asks, one unasked report now and then lets a peer that is a node too, or speaks
    /// another dialect, know what is wrong.
    fn show_presence(&mut self) {
        let first = self
            .pvcs
            .iter()
            .find_map(|(_, pvc)| self.reported(pvc.channel?));
        if let Some(status) = first {
            self.send_single(status);
        }
    }

    fn send_single(&mut self, status: PvcStatus) {
        self.stats.single_pvc_tx += 1;
        let repr = Repr {
            dialect: self.dialect.unwrap_or(Dialect::AnnexD),
            message_type: MessageType::Status,
            report: ReportType::SinglePvc,
            keepalive: None,
        };
        self.queue_message(&repr, std::iter::once(status));
    }

    /// A report came although we are the one who reports: the peer is a node too, or the line is
    /// looped.
    pub(super) fn network_status(&mut self) {
        self.stats.reports_as_node += 1;
        self.diagnosis = Diagnosis::PeerIsNode;
    }
}
