//! SEGMENT ARRIVES (RFC 9293 section 3.10.7) in the states that have a connection.

use wanbox_wire::ip::{TcpFlags, TcpOptions, TcpRepr};

use crate::connection::{Connection, State};
use crate::event::Reason;
use crate::sequence::Seq;
use crate::shared::{Reply, Shared};
use crate::timers::{Micros, NEVER};

/// A segment that came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'p> {
    pub seq: Seq,
    pub ack: Seq,
    pub flags: TcpFlags,
    pub window: u16,
    pub options: TcpOptions,
    pub text: &'p [u8],
    /// A router on its way saw congestion (RFC 3168).
    pub congested: bool,
}

impl<'p> Segment<'p> {
    pub fn new(header: &TcpRepr, options: TcpOptions, text: &'p [u8], congested: bool) -> Self {
        Self {
            seq: Seq(header.seq),
            ack: Seq(header.ack),
            flags: header.flags,
            window: header.window,
            options,
            text,
            congested,
        }
    }

    pub fn has(&self, flag: TcpFlags) -> bool {
        self.flags.contains(flag)
    }

    /// SEG.LEN: octets of text, and one each for SYN and FIN.
    pub fn len(&self) -> u32 {
        self.text.len() as u32
            + u32::from(self.has(TcpFlags::SYN))
            + u32::from(self.has(TcpFlags::FIN))
    }
}

/// How long a timestamp of the other side is believed to be newer than later ones
/// (RFC 7323 section 5.5), microseconds: 24 days.
const TIMESTAMP_AGE: Micros = 24 * 86_400 * 1_000_000;

impl Connection {
    /// A segment of this connection.
    pub fn arrives(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        match self.state {
            State::SynSent => self.arrives_in_syn_sent(shared, now, segment),
            State::Closed | State::Listen => {}
            _ => self.arrives_otherwise(shared, now, *segment),
        }
    }

    /// Section 3.10.7.3.
    fn arrives_in_syn_sent(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        let acknowledges = segment.has(TcpFlags::ACK);
        if acknowledges && (segment.ack.up_to(self.iss) || self.max.before(segment.ack)) {
            shared.counters.bad_ack += 1;
            if !segment.has(TcpFlags::RST) {
                shared.reply(Reply::reset(self.flow, segment));
            }
            return;
        }
        if segment.has(TcpFlags::RST) {
            // RFC 5961 section 3.2: only what acknowledges the SYN is from who got it.
            if acknowledges {
                self.finish(shared, Reason::Reset);
            } else {
                shared.counters.inexact_rst += 1;
            }
            return;
        }
        if !segment.has(TcpFlags::SYN) {
            shared.counters.bad_flags += 1;
            return;
        }
        self.take_syn(now, segment);
        self.wnd = segment.window.into();
        self.max_wnd = self.wnd;
        self.wl1 = segment.seq;
        self.wl2 = segment.ack;
        if !acknowledges {
            // Both sides opened at the same time (section 3.5, figure 8).
            self.set_state(shared, State::SynReceived);
            self.nxt = self.iss;
            self.dirty = true;
            return;
        }
        let ece = segment.has(TcpFlags::ECE) && !segment.has(TcpFlags::CWR);
        self.ecn.on = self.ecn.offered && ece;
        self.syn_acknowledged(shared, now);
        self.acknowledged_text(shared, segment.ack);
        self.nxt = self.una;
        self.retransmission_timer(shared, now);
        self.establish(shared, now);
        self.acknowledge_now();
        let mut rest = *segment;
        rest.seq = rest.seq + 1;
        rest.flags = rest.flags.without(TcpFlags::SYN);
        self.text(shared, now, &rest);
    }

    /// What a SYN tells.
    pub fn take_syn(&mut self, now: Micros, segment: &Segment<'_>) {
        let options = &segment.options;
        self.irs = segment.seq;
        self.rcv_nxt = segment.seq + 1;
        self.rcv_adv = self.rcv_nxt + self.room().min(65_535);
        self.last_ack_sent = self.rcv_nxt;
        self.peer_mss = options.mss.unwrap_or(536);
        self.sack = self.offers_sack && options.sack_permitted;
        self.timestamps = self.offers_timestamps && options.timestamps.is_some();
        if let Some(stamps) = options.timestamps.filter(|_| self.timestamps) {
            self.ts_recent = stamps.value;
            self.ts_recent_at = now;
        }
        if let Some(shift) = options.window_scale.filter(|_| self.offers_scale) {
            self.scaled = true;
            self.send_shift = shift.min(14);
            self.rcv_shift = self.own_shift();
        } else {
            self.window = self.window.min(65_535);
        }
        self.resize();
    }

    /// This side's SYN was acknowledged.
    fn syn_acknowledged(&mut self, shared: &mut Shared, now: Micros) {
        self.una = self.iss + 1;
        self.nxt = self.nxt.later(self.una);
        self.max = self.max.later(self.una);
        if self.timed != NEVER {
            self.rtt.measured(now - self.timed, false);
        }
        // RFC 6298 section 5.7 (a SYN sent again leaves a timeout of three seconds) is met by the
        // initial round trip time.
        self.rtt.backoff = 0;
        self.timed = NEVER;
        self.retries = 0;
        self.rto_at = NEVER;
        shared.paths.learn(now, self.flow.remote.addr, &self.rtt);
    }

    /// Section 3.10.7.4.
    fn arrives_otherwise(&mut self, shared: &mut Shared, now: Micros, mut segment: Segment<'_>) {
        if self.state == State::SynReceived
            && segment.has(TcpFlags::SYN)
            && segment.seq == self.irs
            && !segment.has(TcpFlags::RST)
        {
            // The SYN again, or in answer to ours: what comes with it is all that is new.
            if !segment.has(TcpFlags::ACK) {
                self.nxt = self.iss;
                self.dirty = true;
                return;
            }
            segment.seq = segment.seq + 1;
            segment.flags = segment.flags.without(TcpFlags::SYN);
        }
        if !self.is_acceptable(shared, now, &segment) {
            return;
        }
        if segment.has(TcpFlags::RST) {
            self.arrives_reset(shared, now, &segment);
            return;
        }
        if segment.has(TcpFlags::SYN) {
            // RFC 5961 section 4.2.
            shared.counters.unexpected_syn += 1;
            self.challenge(shared, now);
            return;
        }
        if !segment.has(TcpFlags::ACK) {
            shared.counters.bad_flags += 1;
            return;
        }
        if let Some(stamps) = segment.options.timestamps.filter(|_| self.timestamps)
            && segment.seq.up_to(self.last_ack_sent)
        {
            self.ts_recent = stamps.value;
            self.ts_recent_at = now;
        }
        if self.state == State::SynReceived {
            if segment.ack.up_to(self.una) || self.max.before(segment.ack) {
                shared.counters.bad_ack += 1;
                shared.reply(Reply::reset(self.flow, &segment));
                return;
            }
            self.syn_acknowledged(shared, now);
            self.wnd = u32::from(segment.window) << self.send_shift;
            self.max_wnd = self.max_wnd.max(self.wnd);
            self.wl1 = segment.seq;
            self.wl2 = segment.ack;
            self.establish(shared, now);
        }
        self.heard_at = now;
        if self.probes > 0 {
            self.probes = 0;
            self.watch();
        }
        if !self.acknowledgement(shared, now, &segment) {
            return;
        }
        if segment.has(TcpFlags::URG) {
            // Urgent data is read in its place, as RFC 6093 advises.
            shared.counters.urgent += 1;
        }
        self.text(shared, now, &segment);
    }

    /// First, check the sequence number. What is not acceptable is answered here.
    fn is_acceptable(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) -> bool {
        let reset = segment.has(TcpFlags::RST);
        if self.timestamps && !reset {
            // RFC 7323 section 5.3.
            let fresh = match segment.options.timestamps {
                Some(stamps) => {
                    (stamps.value.wrapping_sub(self.ts_recent) as i32) >= 0
                        || now.saturating_sub(self.ts_recent_at) > TIMESTAMP_AGE
                }
                None => false,
            };
            if !fresh {
                shared.counters.old_timestamp += 1;
                if segment.options.timestamps.is_some() {
                    self.answer_unacceptable(shared, now, segment);
                }
                return false;
            }
        }
        let window = self.right_edge().since(self.rcv_nxt);
        let from = segment.seq.since(self.rcv_nxt);
        let len = segment.len();
        let last = segment.seq.since(self.rcv_nxt).wrapping_add(len.max(1) - 1);
        // With a closed window what begins at its edge still counts, for what it acknowledges.
        if from < window || (len > 0 && last < window) || (window == 0 && from == 0) {
            return true;
        }
        if !reset {
            shared.counters.out_of_window += 1;
            self.answer_unacceptable(shared, now, segment);
        }
        false
    }

    /// An acknowledgement in answer to what is not acceptable. Text is sent again no more often than
    /// its sender's timeout lets it; without text two sides could answer each other for ever.
    fn answer_unacceptable(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        if self.state == State::TimeWait && segment.has(TcpFlags::FIN) {
            self.wait(shared, now);
        }
        if segment.len() == 0 {
            self.challenge(shared, now);
            return;
        }
        if segment.seq.before(self.rcv_nxt) {
            shared.counters.duplicates += 1;
            self.totals.received_again += segment.text.len() as u64;
        }
        if self.state == State::SynReceived {
            self.nxt = self.iss;
        }
        self.acknowledge_now();
    }

    /// Second, check the RST bit (RFC 5961 section 3.2).
    fn arrives_reset(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        if segment.seq != self.rcv_nxt {
            shared.counters.inexact_rst += 1;
            self.challenge(shared, now);
            return;
        }
        let reason = match self.state {
            // Nothing is lost: both sides had closed.
            State::Closing | State::LastAck | State::TimeWait => Reason::Normal,
            _ => Reason::Reset,
        };
        self.finish(shared, reason);
    }
}

impl Reply {
    /// The RST that answers a segment (section 3.10.7.1).
    pub fn reset(flow: crate::Flow, segment: &Segment<'_>) -> Self {
        let (seq, ack, flags) = if segment.has(TcpFlags::ACK) {
            (segment.ack, Seq(0), TcpFlags::RST)
        } else {
            let end = segment.seq + segment.len();
            (Seq(0), end, TcpFlags::RST.with(TcpFlags::ACK))
        };
        Self {
            flow,
            seq,
            ack,
            flags,
            window: 0,
            mss: None,
        }
    }
}
