//! What to send, and when (RFC 9293 sections 3.7.4, 3.8.6; RFC 6675 section 5).

use std::net::IpAddr;

use wanbox_wire::ip::{TcpFlags, TcpOptions, TcpRepr, TcpTimestamps};

use crate::congestion::{Phase, Window};
use crate::connection::{Connection, State};
use crate::flow::Flow;
use crate::scoreboard::Rescue;
use crate::sequence::Seq;
use crate::shared::{Reply, Shared};
use crate::timers::{Micros, NEVER};

/// How checksums are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// Here.
    #[default]
    Full,
    /// By whom the segment is given to: the field holds the folded sum over the pseudo header.
    Partial,
    /// Not at all: the segment does not leave the machine.
    None,
}

/// What whom a segment is given to can do with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// How checksums are made.
    pub checksum: Checksum,
    /// Cut a super-segment into segments of [`Outgoing::gso_size`].
    pub segmentation: bool,
}

/// A segment to be sent: the IP header is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The source address.
    pub src: IpAddr,
    /// The destination.
    pub dst: IpAddr,
    /// Octets written: header, options and text.
    pub len: usize,
    /// Octets of the header and its options.
    pub header_len: usize,
    /// Octets of text in each segment of a super-segment; 0: it is a single one.
    pub gso_size: u16,
    /// The octet of IP's type of service, ECN included.
    pub tos: u8,
    /// Routers must not cut it (RFC 1191).
    pub dont_fragment: bool,
}

/// A segment that is to be made.
#[derive(Clone, Copy, Debug)]
struct Draft {
    seq: Seq,
    octets: u32,
    flags: TcpFlags,
    /// An octet beyond the window.
    probe: bool,
}

impl Draft {
    fn text(seq: Seq, octets: u32) -> Self {
        Self {
            seq,
            octets,
            flags: TcpFlags::ACK,
            probe: false,
        }
    }

    fn bare(seq: Seq, flags: TcpFlags) -> Self {
        Self {
            seq,
            octets: 0,
            flags,
            probe: false,
        }
    }

    fn end(&self) -> Seq {
        let flag = |flag| u32::from(self.flags.contains(flag));
        self.seq + self.octets + flag(TcpFlags::SYN) + flag(TcpFlags::FIN)
    }
}

/// The most octets of text in a super-segment: an IP packet ends at 65535.
const LONGEST: usize = 65_535 - 120;

impl Connection {
    /// Writes the next segment. `None`: there is nothing to send now.
    pub fn output(
        &mut self,
        shared: &mut Shared,
        now: Micros,
        buffer: &mut [u8],
        offload: Offload,
    ) -> Option<Outgoing> {
        let room = buffer.len().saturating_sub(60).min(LONGEST) as u32;
        let blocks = match &self.reassembly {
            Some(runs) if self.sack => runs.blocks(if self.timestamps { 3 } else { 4 }),
            _ => Default::default(),
        };
        let mut options = TcpOptions {
            sack: blocks,
            ..TcpOptions::default()
        };
        if self.timestamps {
            options.timestamps = Some(TcpTimestamps {
                value: self.clock(now),
                echo: self.ts_recent,
            });
        }
        let mss = u32::from(self.mss)
            .saturating_sub(options.octets() as u32)
            .clamp(1, room.max(1));
        let most = if offload.segmentation {
            (room / mss).max(1) * mss
        } else {
            mss
        };
        let Some(draft) = self.draft(shared, now, mss, most) else {
            self.dirty = false;
            self.rest(shared, now);
            return None;
        };
        if draft.flags.contains(TcpFlags::SYN) {
            self.syn_options(now, &mut options);
        }
        let outgoing = self.write(buffer, &draft, &options, mss, offload)?;
        self.sent(shared, now, &draft, mss);
        Some(outgoing)
    }

    /// The next segment, if there is one.
    fn draft(&mut self, shared: &mut Shared, now: Micros, mss: u32, most: u32) -> Option<Draft> {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            self.acks_owed = 0;
            return self.draft_syn();
        }
        if self.state.sends()
            && let Some(draft) = self.draft_text(shared, now, mss, most)
        {
            return Some(draft);
        }
        if self.acks_owed == 0 || self.state == State::Closed {
            return None;
        }
        // A keep-alive is about an octet that was acknowledged before.
        if self.probes > 0 && self.una == self.max {
            return Some(Draft::bare(self.una - 1, TcpFlags::ACK));
        }
        // What lies behind the other side's window would not be acceptable there.
        let seq = self.max.earlier(self.una + self.wnd).later(self.una);
        Some(Draft::bare(seq, TcpFlags::ACK))
    }

    fn draft_syn(&mut self) -> Option<Draft> {
        if self.nxt != self.iss {
            return None;
        }
        let mut draft = Draft::bare(self.iss, TcpFlags::SYN);
        if self.state == State::SynReceived {
            draft.flags = draft.flags.with(TcpFlags::ACK);
        } else if self.syn_data && self.retries == 0 {
            // What the other side takes is not known yet.
            draft.octets = self.send.len().min(u32::from(self.mss.min(536)));
        }
        Some(draft)
    }

    fn draft_text(
        &mut self,
        shared: &mut Shared,
        now: Micros,
        mss: u32,
        most: u32,
    ) -> Option<Draft> {
        if self.forced && self.wnd == 0 {
            self.forced = false;
            return Some(self.draft_probe());
        }
        if std::mem::take(&mut self.repeat) && self.una != self.max {
            return Some(self.draft_again(self.una, mss));
        }
        if self.congestion.phase != Phase::Recovery || !self.sack {
            let allowed = self.allowed(shared, now);
            return self.draft_next(mss, most, allowed);
        }
        let board = self.scoreboard.as_deref()?;
        let pipe = board.pipe(self.una, self.max, mss);
        let allowed = self.congestion.size.saturating_sub(pipe);
        if allowed < mss {
            return None;
        }
        let from = board.skip(board.retransmitted.later(self.una));
        let lost = board.lost_before(mss).unwrap_or(self.una);
        let highest = board.highest().unwrap_or(self.una);
        let rescue = board.rescue == Rescue::Due;
        // NextSeg: what is lost, then what is new, then what may be lost.
        if from.before(lost) {
            return Some(self.draft_again(from, mss));
        }
        if let Some(draft) = self.draft_next(mss, most, allowed) {
            return Some(draft);
        }
        if from.before(highest) {
            return Some(self.draft_again(from, mss));
        }
        if rescue && from.before(self.max) {
            let last = self.max - mss.min(self.max.since(from));
            let draft = self.draft_again(last, mss);
            if let Some(board) = &mut self.scoreboard {
                board.rescue = Rescue::Done;
                board.retransmitted = from;
            }
            return Some(draft);
        }
        None
    }

    /// An octet beyond the window, or the FIN.
    fn draft_probe(&mut self) -> Draft {
        let mut draft = Draft::text(self.una, self.text_end().since(self.una).min(1));
        if draft.octets == 0 {
            draft.flags = draft.flags.with(TcpFlags::FIN);
            self.fin_sent = Some(draft.seq);
        }
        draft.probe = true;
        draft
    }

    /// A segment that was sent before, from here on.
    fn draft_again(&mut self, from: Seq, mss: u32) -> Draft {
        let end = self.text_end().earlier(self.max);
        let mut octets = if from.before(end) {
            end.since(from).min(mss)
        } else {
            0
        };
        if let Some(board) = &mut self.scoreboard {
            if let Some(next) = board.next_range(from) {
                octets = octets.min(next.since(from));
            }
            board.retransmitted = board.retransmitted.later(from + octets.max(1));
        }
        let mut draft = Draft::text(from, octets);
        if self.fin_sent == Some(from + octets) {
            draft.flags = draft.flags.with(TcpFlags::FIN);
        }
        draft
    }

    /// How many octets the congestion window lets go now.
    fn allowed(&mut self, shared: &Shared, now: Micros) -> u32 {
        let mss = self.text_size();
        let window = &mut self.congestion;
        if self.una == self.max {
            // RFC 5681 section 4.1: after a silence nobody knows what the way carries.
            let silent = now.saturating_sub(self.sent_at) > self.rtt.timeout(&shared.parameters);
            let initial = Window::initial(mss, self.rtt.is_slow());
            if silent && window.size > initial {
                window.size = initial;
            }
        }
        let mut size = window.size;
        if window.phase == Phase::Open && !self.sack {
            // RFC 3042: something new for each of the first two duplicates.
            size += u32::from(window.dup_acks.min(2)) * mss;
        }
        size.saturating_sub(self.flight())
    }

    /// The segment at `nxt`, within the windows, unless it is better to wait.
    fn draft_next(&mut self, mss: u32, most: u32, allowed: u32) -> Option<Draft> {
        let again = self.nxt.before(self.max);
        if again && let Some(board) = &self.scoreboard {
            self.nxt = board.skip(self.nxt);
        }
        let (from, end) = (self.nxt, self.text_end());
        let edge = self.una + self.wnd;
        let waiting = if from.before(end) { end.since(from) } else { 0 };
        let open = if from.before(edge) {
            edge.since(from)
        } else {
            0
        };
        let mut octets = waiting.min(open).min(allowed).min(most);
        let mut cut = false;
        if again
            && let Some(next) = self.scoreboard.as_ref().and_then(|b| b.next_range(from))
            && next.since(from) <= octets
        {
            octets = next.since(from);
            cut = true;
        }
        let last = octets == waiting;
        // Nagle's algorithm as in RFC 9293 appendix A.3: one short segment at a time, so that the end of
        // a text does not wait for a delayed acknowledgement of what went before it. On slow channels it
        // waits for everything (section 3.7.4): there, each segment costs more than the wait.
        let held = if self.rtt.is_slow() {
            from != self.una || octets >= mss
        } else {
            self.una.before(self.small_end)
        };
        let may_be_short = !self.nagle || self.fin_queued || !held;
        // What is sent again goes as far as the window lets it: it may have become smaller.
        let small_goes = last && (may_be_short || again) || cut || again && octets == open;
        if octets >= mss {
            if !small_goes {
                octets -= octets % mss;
            }
        } else if octets > 0 {
            let enough = small_goes || octets == open && octets >= self.max_wnd / 2 || self.forced;
            if !enough {
                return None;
            }
        }
        let fin = self.fin_queued
            && !self.fin_acknowledged()
            && from + octets == end
            && from.up_to(end)
            && octets < open;
        if octets == 0 && !fin {
            return None;
        }
        self.forced = false;
        let mut draft = Draft::text(from, octets);
        if fin {
            draft.flags = draft.flags.with(TcpFlags::FIN);
            self.fin_sent = Some(end);
        }
        Some(draft)
    }

    /// There is nothing to send: is there something to wait for?
    fn rest(&mut self, shared: &Shared, now: Micros) {
        let waits = self.state.sends()
            && self.una == self.max
            && self.rto_at == NEVER
            && (self.nxt.before(self.text_end()) || self.fin_pending());
        if waits {
            self.persist = true;
            let wait = self.timeout(&shared.parameters);
            // RFC 9293 section 3.8.6.2.1: an open window is not waited for longer than a second.
            self.rto_at = now
                + if self.wnd > 0 {
                    wait.min(1_000_000)
                } else {
                    wait
                };
        }
    }

    /// What is offered, or agreed to, with a SYN.
    fn syn_options(&mut self, now: Micros, options: &mut TcpOptions) {
        let answer = self.state == State::SynReceived;
        options.mss = Some(self.own_mss);
        options.sack = Default::default();
        options.sack_permitted = if answer { self.sack } else { self.offers_sack };
        let timestamps = if answer {
            self.timestamps
        } else {
            self.offers_timestamps
        };
        options.timestamps = timestamps.then(|| TcpTimestamps {
            value: self.clock(now),
            echo: if answer { self.ts_recent } else { 0 },
        });
        options.window_scale = if answer {
            self.scaled.then_some(self.rcv_shift)
        } else {
            self.offers_scale.then(|| self.own_shift())
        };
    }

    /// Writes a segment.
    fn write(
        &mut self,
        buffer: &mut [u8],
        draft: &Draft,
        options: &TcpOptions,
        mss: u32,
        offload: Offload,
    ) -> Option<Outgoing> {
        let syn = draft.flags.contains(TcpFlags::SYN);
        let options_len = options.octets();
        let header_len = TcpRepr::LEN + options_len;
        let octets = draft.octets as usize;
        let len = header_len + octets;
        let segment = buffer.get_mut(..len)?;
        options.emit(segment.get_mut(TcpRepr::LEN..)?).ok()?;
        let mut flags = draft.flags;
        if octets > 0 {
            let at = if syn {
                0
            } else {
                draft.seq.since(self.text_start())
            };
            let (a, b) = self.send.parts(at, octets);
            let text = segment.get_mut(header_len..)?;
            let (first, second) = text.split_at_mut_checked(a.len())?;
            first.copy_from_slice(a);
            second.get_mut(..b.len())?.copy_from_slice(b);
            if !syn && draft.seq + draft.octets == self.text_end() {
                flags = flags.with(TcpFlags::PSH);
            }
        }
        let fresh = octets > 0 && !draft.seq.before(self.max) && !syn;
        flags = self.ecn_flags(flags, fresh);
        let edge = self.next_edge();
        let window = if syn {
            self.room().min(65_535) as u16
        } else {
            (edge.since(self.rcv_nxt) >> self.rcv_shift).min(65_535) as u16
        };
        let acknowledges = flags.contains(TcpFlags::ACK);
        if acknowledges {
            let told = u32::from(window) << if syn { 0 } else { self.rcv_shift };
            self.rcv_adv = self.rcv_adv.later(self.rcv_nxt + told);
        }
        let header = TcpRepr {
            src_port: self.flow.local.port,
            dst_port: self.flow.remote.port,
            seq: draft.seq.0,
            ack: if acknowledges { self.rcv_nxt.0 } else { 0 },
            flags,
            window,
        };
        finish(&header, segment, options_len, &self.flow, offload.checksum)?;
        let many = draft.octets > mss;
        Some(Outgoing {
            src: self.flow.local.addr,
            dst: self.flow.remote.addr,
            len,
            header_len,
            gso_size: if many { mss as u16 } else { 0 },
            tos: self.tos | if self.ecn.on && fresh { 2 } else { 0 },
            dont_fragment: self.path_mtu_discovery,
        })
    }

    /// RFC 3168 section 6.1.
    fn ecn_flags(&mut self, mut flags: TcpFlags, fresh: bool) -> TcpFlags {
        if flags.contains(TcpFlags::SYN) {
            if self.state == State::SynSent && self.ecn.offered && self.retries == 0 {
                flags = flags.with(TcpFlags::ECE).with(TcpFlags::CWR);
            } else if self.ecn.on {
                flags = flags.with(TcpFlags::ECE);
            }
        } else if self.ecn.on {
            if self.ecn.echo {
                flags = flags.with(TcpFlags::ECE);
            }
            if fresh && std::mem::take(&mut self.ecn.reduced) {
                flags = flags.with(TcpFlags::CWR);
            }
        }
        flags
    }

    /// Notes what was sent.
    fn sent(&mut self, shared: &mut Shared, now: Micros, draft: &Draft, mss: u32) {
        let end = draft.end();
        let count = u64::from(draft.octets.div_ceil(mss).max(1));
        let fresh = !draft.seq.before(self.max);
        let occupies = end != draft.seq;
        if occupies && !fresh {
            let again = end.earlier(self.max).since(draft.seq);
            self.totals.resent += u64::from(again.min(draft.octets));
            shared.counters.retrans_segs += count;
        }
        if !occupies || fresh || self.max.before(end) {
            shared.counters.out_segs += count;
        }
        if self.max.before(end) {
            let new = end.since(self.max).min(draft.octets);
            self.totals.sent += u64::from(new);
        }
        if draft.seq == self.nxt && !draft.probe {
            self.nxt = end;
        }
        self.max = self.max.later(end);
        if !draft.octets.is_multiple_of(mss) && fresh {
            self.small_end = end;
        }
        if occupies {
            if fresh && !draft.probe && self.timed == NEVER {
                self.timed = now;
                self.timed_to = end;
            }
            if self.rto_at == NEVER || self.persist && !draft.probe {
                self.persist = false;
                self.rto_at = now + self.timeout(&shared.parameters);
            }
            self.sent_at = now;
        }
        if draft.flags.contains(TcpFlags::ACK) {
            self.acks_owed = self.acks_owed.saturating_sub(1);
            self.unacknowledged = 0;
            self.ack_at = NEVER;
            self.last_ack_sent = self.rcv_nxt;
        }
    }
}

impl Reply {
    /// Writes a segment that belongs to no connection.
    pub fn write(&self, buffer: &mut [u8], checksum: Checksum) -> Option<Outgoing> {
        let options = TcpOptions {
            mss: self.mss,
            ..TcpOptions::default()
        };
        let options_len = options.octets();
        let len = TcpRepr::LEN + options_len;
        let segment = buffer.get_mut(..len)?;
        options.emit(segment.get_mut(TcpRepr::LEN..)?).ok()?;
        let header = TcpRepr {
            src_port: self.flow.local.port,
            dst_port: self.flow.remote.port,
            seq: self.seq.0,
            ack: self.ack.0,
            flags: self.flags,
            window: self.window,
        };
        finish(&header, segment, options_len, &self.flow, checksum)?;
        Some(Outgoing {
            src: self.flow.local.addr,
            dst: self.flow.remote.addr,
            len,
            header_len: len,
            gso_size: 0,
            tos: 0,
            dont_fragment: false,
        })
    }
}

/// Writes the header before options and text, with its checksum.
fn finish(
    header: &TcpRepr,
    segment: &mut [u8],
    options_len: usize,
    flow: &Flow,
    checksum: Checksum,
) -> Option<()> {
    let pseudo_header = flow.pseudo_header(segment.len());
    match checksum {
        Checksum::Full => header.emit(segment, options_len, pseudo_header),
        Checksum::Partial => header.emit_with(segment, options_len, pseudo_header.folded()),
        Checksum::None => header.emit_with(segment, options_len, 0),
    }
    .ok()
}
