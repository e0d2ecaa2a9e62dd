//! Fifth, check the ACK field (RFC 9293 section 3.10.7.4), with what RFC 5681, 5682, 5961, 6582 and
//! 6675 make of it.

use wanbox_wire::ip::TcpFlags;

use crate::arrives::Segment;
use crate::congestion::Phase;
use crate::connection::{Connection, Forward, State};
use crate::event::Reason;
use crate::parameters::micros;
use crate::scoreboard::Rescue;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::timers::{Micros, NEVER};

impl Connection {
    /// Takes what a segment acknowledges; `false`: nothing else of it counts.
    pub fn acknowledgement(
        &mut self,
        shared: &mut Shared,
        now: Micros,
        segment: &Segment<'_>,
    ) -> bool {
        let ack = segment.ack;
        // RFC 5961 section 5.2: what was never sent, or acknowledged a window ago.
        if self.max.before(ack) || ack.before(self.una - self.max_wnd) {
            shared.counters.bad_ack += 1;
            self.challenge(shared, now);
            return false;
        }
        if self.ecn.on && segment.has(TcpFlags::ECE) {
            self.marked();
        }
        let newly_held = self.take_blocks(segment);
        if self.una.before(ack) {
            self.advance(shared, now, segment);
        } else if ack == self.una && self.una != self.max && self.wnd > 0 {
            let window = u32::from(segment.window) << self.send_shift;
            let plain = segment.len() == 0 && window == self.wnd;
            if plain || newly_held > 0 {
                self.duplicate(shared);
            }
        }
        if !ack.before(self.una)
            && (self.wl1.before(segment.seq)
                || self.wl1 == segment.seq && self.wl2.up_to(segment.ack))
        {
            self.take_window(shared, now, segment);
        }
        if self.fin_acknowledged() {
            match self.state {
                State::FinWait1 => {
                    self.set_state(shared, State::FinWait2);
                    self.limit_fin_wait(shared, now);
                }
                State::Closing => self.wait(shared, now),
                State::LastAck => {
                    self.finish(shared, Reason::Normal);
                    return false;
                }
                _ => {}
            }
        }
        true
    }

    /// Nobody will read what still comes, so there is an end to waiting for it.
    pub fn limit_fin_wait(&mut self, shared: &Shared, now: Micros) {
        if self.state == State::FinWait2 && self.orphaned {
            self.wait_at = now + micros(shared.parameters.fin_wait_2);
        }
    }

    fn take_window(&mut self, shared: &Shared, now: Micros, segment: &Segment<'_>) {
        let window = u32::from(segment.window) << self.send_shift;
        self.wl1 = segment.seq;
        self.wl2 = segment.ack;
        if window > self.wnd {
            self.dirty = true;
        }
        self.wnd = window;
        self.max_wnd = self.max_wnd.max(window);
        if self.persist && window > 0 {
            self.persist = false;
            self.rtt.backoff = 0;
            // What waits is looked at again, for its timer ends here.
            self.dirty = true;
            self.retransmission_timer(shared, now);
        }
    }

    /// Starts the retransmission timer anew, or stops it (RFC 6298 section 5.2 and 5.3).
    pub fn retransmission_timer(&mut self, shared: &Shared, now: Micros) {
        self.rto_at = if self.una == self.max {
            NEVER
        } else {
            now + self.timeout(&shared.parameters)
        };
    }

    /// RFC 3168 section 6.1.2: as if a segment was lost, once a round trip.
    fn marked(&mut self) {
        if self.congestion.phase == Phase::Open && !self.una.before(self.congestion.recover) {
            self.congestion.reduce(self.flight(), self.text_size());
            self.congestion.size = self.congestion.threshold;
            self.congestion.recover = self.max;
            self.ecn.reduced = true;
        }
    }

    /// The SACK blocks: how many octets are new in them.
    fn take_blocks(&mut self, segment: &Segment<'_>) -> u32 {
        let mut newly_held = 0;
        if !self.sack {
            return 0;
        }
        for (left, right) in segment.options.sack.as_slice() {
            let (left, right) = (Seq(*left), Seq(*right));
            // Blocks of what was acknowledged (RFC 2883) and of what was never sent say nothing here.
            let known = self.una.later(segment.ack);
            if left.before(known) || !left.before(right) || self.max.before(right) {
                continue;
            }
            newly_held += self.scoreboard.get_or_insert_default().add(left, right);
        }
        newly_held
    }

    /// Text, or the FIN, up to `ack` has arrived.
    pub fn acknowledged_text(&mut self, shared: &mut Shared, ack: Seq) {
        let start = self.text_start();
        if start.before(ack) {
            self.send.consume(ack.since(start));
        }
        self.una = ack;
        self.nxt = self.nxt.later(ack);
        if self.send.is_empty() {
            self.send.free(&mut shared.pool);
        }
        if let Some(board) = &mut self.scoreboard {
            board.advance(ack);
            if self.una == self.max {
                self.scoreboard = None;
            }
        }
    }

    /// New octets are acknowledged.
    fn advance(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        let ack = segment.ack;
        let acked = ack.since(self.una);
        let mss = self.text_size();
        // Only a window that is used up says something about the way (RFC 7661).
        let used = self.nxt.since(self.una).saturating_add(mss);
        let limited = used >= self.congestion.size
            || self.congestion.size < self.congestion.threshold && used >= self.congestion.size / 2;
        self.measure(shared, now, segment);
        self.retries = 0;
        self.acknowledged_text(shared, ack);
        self.dirty = true;
        if !self.fin_queued && self.send.len() <= self.window / 3 * 2 {
            self.news.writable = true;
        }
        match self.congestion.phase {
            Phase::Open => {
                self.congestion.dup_acks = 0;
                if limited {
                    let srtt = self.rtt.smoothed;
                    self.congestion.grow(now, acked, mss, srtt);
                }
            }
            Phase::Recovery => self.advance_in_recovery(ack, acked, mss),
            Phase::Loss => self.advance_after_loss(shared, now, segment, acked, mss),
        }
        self.retransmission_timer(shared, now);
    }

    /// RFC 6582 section 3.2, RFC 6675 section 5.
    fn advance_in_recovery(&mut self, ack: Seq, acked: u32, mss: u32) {
        let window = &mut self.congestion;
        if window.recover.up_to(ack) {
            window.phase = Phase::Open;
            window.dup_acks = 0;
            let flight = self.nxt.since(self.una);
            window.size = if self.sack {
                window.threshold
            } else {
                window.threshold.min(flight.max(mss) + mss)
            };
        } else if !self.sack {
            // A partial acknowledgement: the next hole begins here.
            self.repeat = true;
            window.size = window.size.saturating_sub(acked).max(mss);
            if acked >= mss {
                window.size += mss;
            }
        } else if let Some(board) = &mut self.scoreboard {
            board.retransmitted = board.retransmitted.later(ack);
            if board.rescue == Rescue::Early {
                board.rescue = Rescue::Due;
            }
        }
    }

    /// After a timeout: was it too early? RFC 5682 section 2.1, RFC 3522.
    fn advance_after_loss(
        &mut self,
        shared: &mut Shared,
        now: Micros,
        segment: &Segment<'_>,
        acked: u32,
        mss: u32,
    ) {
        let ack = segment.ack;
        let covered = self.congestion.recover.up_to(ack);
        // The other side answers what was sent before the timeout.
        let answers_first = self.timestamps
            && segment
                .options
                .timestamps
                .is_some_and(|stamps| (stamps.echo.wrapping_sub(self.repeated_at) as i32) < 0);
        // Sooner than an answer to what went again can be (Allman and Paxson, "On estimating end-to-end
        // network path properties", 1999, section 4.2).
        let since = self.clock(now).wrapping_sub(self.repeated_at);
        let prompt = since < self.rtt.smoothed / 2000;
        match self.forward {
            Forward::Repeated if answers_first || prompt => self.timeout_was_spurious(shared),
            Forward::Probing => self.timeout_was_spurious(shared),
            Forward::Repeated if !covered && self.has_new_text() => {
                self.forward = Forward::Probing;
                self.nxt = self.max;
                self.congestion.size = self.flight() + 2 * mss;
                return;
            }
            _ => {}
        }
        self.forward = Forward::No;
        if self.congestion.phase != Phase::Loss {
            return;
        }
        if covered {
            self.congestion.phase = Phase::Open;
            self.congestion.dup_acks = 0;
        }
        let srtt = self.rtt.smoothed;
        self.congestion.grow(now, acked, mss, srtt);
    }

    fn timeout_was_spurious(&mut self, shared: &mut Shared) {
        shared.counters.spurious_timeouts += 1;
        self.congestion.undo();
        self.nxt = self.max;
    }

    /// There is text that was never sent, and the window takes it.
    fn has_new_text(&self) -> bool {
        self.max.before(self.text_end()) && self.max.before(self.una + self.wnd)
    }

    /// A round trip was measured, by a segment that was sent once, or by what the other side sent back
    /// (RFC 7323 section 4).
    fn measure(&mut self, shared: &mut Shared, now: Micros, segment: &Segment<'_>) {
        if !self.timed_to.up_to(segment.ack) {
            return;
        }
        let took = if self.timed != NEVER {
            now - self.timed
        } else if let Some(stamps) = segment.options.timestamps.filter(|_| self.timestamps)
            && stamps.echo != 0
        {
            // Karn, still: what was sent before a timeout is sent back when only its acknowledgement was
            // lost, too, and then the timeout would be measured.
            let before_timeout = (stamps.echo.wrapping_sub(self.repeated_at) as i32) < 0;
            let took = self.clock(now).wrapping_sub(stamps.echo);
            if self.congestion.phase == Phase::Loss && before_timeout || took > i32::MAX as u32 {
                return;
            }
            self.timed_to = self.max;
            u64::from(took) * 1000
        } else {
            return;
        };
        self.timed = NEVER;
        self.rtt.measured(took, true);
        shared.paths.learn(now, self.flow.remote.addr, &self.rtt);
    }

    /// An acknowledgement that brought nothing new although something is under way.
    fn duplicate(&mut self, shared: &mut Shared) {
        self.totals.dup_acks = self.totals.dup_acks.saturating_add(1);
        self.dirty = true;
        let mss = self.text_size();
        let window = &mut self.congestion;
        window.dup_acks = window.dup_acks.saturating_add(1);
        match window.phase {
            Phase::Open => {
                let lost = window.dup_acks >= 3
                    || self
                        .scoreboard
                        .as_ref()
                        .is_some_and(|board| board.lost_before(mss).is_some());
                // RFC 6582 section 3.2: not once more for what a timeout sent again. SACK tells these
                // apart by itself.
                let again = if self.sack {
                    self.una.before(window.recover)
                } else {
                    self.una.up_to(window.recover)
                };
                if lost && !again {
                    self.recover(shared, mss);
                }
            }
            Phase::Recovery => {
                if !self.sack {
                    window.size = window.size.saturating_add(mss);
                }
            }
            Phase::Loss => {
                if self.forward == Forward::Probing {
                    window.size = window.size.min(3 * mss);
                    self.nxt = self.una;
                }
                self.forward = Forward::No;
            }
        }
    }

    /// Fast retransmit and fast recovery begin.
    fn recover(&mut self, shared: &mut Shared, mss: u32) {
        shared.counters.fast_recoveries += 1;
        self.congestion.reduce(self.nxt.since(self.una), mss);
        let window = &mut self.congestion;
        window.phase = Phase::Recovery;
        window.recover = self.max;
        window.size = if self.sack {
            window.threshold
        } else {
            window.threshold + 3 * mss
        };
        self.nxt = self.max;
        self.repeat = true;
        // Karn: what goes again is not timed.
        self.timed = NEVER;
        if self.sack {
            let board = self.scoreboard.get_or_insert_default();
            board.retransmitted = self.una;
            board.rescue = Rescue::Early;
        }
    }
}
