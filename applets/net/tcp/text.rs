//! Seventh and eighth, the text and the FIN of a segment (RFC 9293 section 3.10.7.4).

use wanbox_wire::ip::TcpFlags;

use crate::arrives::Segment;
use crate::connection::{Connection, State};
use crate::event::Reason;
use crate::parameters::micros;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::timers::{Micros, NEVER};

/// What part of a window, received and not acknowledged, lets its sender wait too long: a third, so that
/// another third is on its way while this one is worked on.
const PRESSING: u32 = 3;

impl Connection {
    /// Takes text and FIN of an acceptable segment.
    pub fn text(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        let fin = segment.has(TcpFlags::FIN);
        if segment.text.is_empty() && !fin {
            return;
        }
        if !self.state.receives() {
            // The other side has sent its FIN, so this comes again.
            if self.state == State::TimeWait && fin {
                self.wait(shared, now);
            }
            self.acknowledge_now();
            return;
        }
        if self.ecn.on {
            if segment.has(TcpFlags::CWR) {
                self.ecn.echo = false;
            }
            self.ecn.echo |= segment.congested;
        }
        let end = segment.seq + segment.text.len() as u32;
        let from = segment.seq.later(self.rcv_nxt);
        let to = end.earlier(self.right_edge());
        let skip = from.since(segment.seq) as usize;
        if skip > 0 {
            self.totals.received_again += skip.min(segment.text.len()) as u64;
        }
        if fin && end == to {
            self.fin_at = Some(end);
        }
        if from.before(to) {
            let octets = to.since(from) as usize;
            let text = segment.text.get(skip..skip + octets).unwrap_or_default();
            if self.orphaned {
                // RFC 9293 section 3.6.1: the other side hears that its octets are lost.
                shared.counters.data_after_close += 1;
                self.abort(shared, Reason::Aborted);
                return;
            }
            if !self.keep(shared, now, from, text) {
                return;
            }
        } else if !segment.text.is_empty() {
            if segment.seq.before(self.rcv_nxt) {
                shared.counters.duplicates += 1;
            }
            self.acknowledge_each();
        }
        if self.fin_at == Some(self.rcv_nxt) {
            self.finished(shared, now);
        } else if fin {
            self.acknowledge_now();
        }
    }

    /// Keeps the text of a SYN until the handshake is done.
    pub fn text_of_syn(&mut self, shared: &mut Shared, segment: &Segment<'_>) {
        let take = segment.text.len().min(self.room() as usize);
        let text = segment.text.get(..take).unwrap_or_default();
        if !text.is_empty() && self.receive.reserve(&mut shared.pool, text.len()) {
            self.receive.write(0, text);
            self.receive.extend(text.len() as u32);
            self.rcv_nxt = self.rcv_nxt + text.len() as u32;
            self.totals.received += text.len() as u64;
            self.news.readable = true;
        }
    }

    /// Puts text where it belongs; `false` when it has to be dropped.
    fn keep(&mut self, shared: &mut Shared, now: Micros, from: Seq, text: &[u8]) -> bool {
        let at = self.receive.len() + from.since(self.rcv_nxt);
        let end = from + text.len() as u32;
        let in_order = from == self.rcv_nxt;
        if !self
            .receive
            .reserve(&mut shared.pool, at as usize + text.len())
        {
            shared.counters.no_memory += 1;
            self.acknowledge_now();
            return false;
        }
        if !in_order {
            let runs = self.reassembly.get_or_insert_default();
            if !runs.add(from, end) {
                shared.counters.too_many_holes += 1;
                self.acknowledge_now();
                return false;
            }
            self.receive.write(at, text);
            shared.counters.out_of_order += 1;
            self.acknowledge_each();
            return true;
        }
        self.receive.write(at, text);
        let mut next = end;
        if let Some(runs) = &mut self.reassembly {
            next = runs.advance(end);
            if runs.is_empty() {
                self.reassembly = None;
            }
            // RFC 5681 section 4.2: what fills a hole is acknowledged at once.
            self.acknowledge_now();
        }
        let octets = next.since(self.rcv_nxt);
        self.receive.extend(octets);
        self.rcv_nxt = next;
        self.totals.received += u64::from(octets);
        self.news.readable = true;
        let longest = (text.len() as u32).min(self.own_mss.into()) as u16;
        self.rcv_mss = self.rcv_mss.max(longest);
        self.unacknowledged = self.unacknowledged.saturating_add(octets);
        // Where others have something to send too, the line is not idle meanwhile; and what this one sends takes
        // acknowledgements with it.
        let alone = shared.ready.len() <= 1 && self.send.is_empty();
        shared.pressing |= alone && self.unacknowledged >= self.window / PRESSING;
        if self.unacknowledged >= 2 * u32::from(self.rcv_mss) {
            self.acknowledge_now();
        } else if self.acks_owed == 0 && self.ack_at == NEVER {
            self.ack_at = now + micros(shared.parameters.delayed_ack).min(500_000);
            // Data on its way out may take the acknowledgement with it.
            self.dirty = true;
        }
        true
    }

    /// The other side's FIN is in its place.
    fn finished(&mut self, shared: &mut Shared, now: Micros) {
        self.fin_at = None;
        self.rcv_nxt = self.rcv_nxt + 1;
        self.rcv_adv = self.rcv_adv.later(self.rcv_nxt);
        self.reassembly = None;
        self.news.finished = true;
        self.acknowledge_now();
        match self.state {
            State::FinWait1 if !self.fin_acknowledged() => {
                self.set_state(shared, State::Closing);
            }
            State::FinWait1 | State::FinWait2 => self.wait(shared, now),
            _ => self.set_state(shared, State::CloseWait),
        }
    }
}
