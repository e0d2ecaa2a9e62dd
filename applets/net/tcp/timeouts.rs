//! USER, RETRANSMISSION and TIME-WAIT timeouts (RFC 9293 section 3.10.8), zero-window probes
//! (section 3.8.6.1) and keep-alives (section 3.8.4).

use crate::connection::{Connection, Forward, State};
use crate::event::Reason;
use crate::parameters::micros;
use crate::shared::Shared;
use crate::timers::{Micros, NEVER};

/// So many timeouts of one long segment, and the way may swallow long ones (RFC 2923 section 2.1).
const BLACK_HOLE: u8 = 3;
/// So many retransmissions of the SYN+ACK of a server (RFC 4987 section 3.3).
const HALF_OPEN: u8 = 5;
/// The longest segment that is then tried.
const SAFE_MSS: u16 = 536;

impl Connection {
    /// Does what is due.
    pub fn handle_timeout(&mut self, shared: &mut Shared, now: Micros) {
        if self.ack_at <= now {
            self.ack_at = NEVER;
            self.acknowledge_now();
        }
        if self.wait_at <= now {
            self.finish(shared, Reason::Normal);
            return;
        }
        if self.idle_at <= now {
            self.keepalive(shared, now);
        }
        if self.rto_at <= now {
            self.retransmission_timeout(shared, now);
        }
    }

    /// RFC 6298 section 5.4 to 5.6.
    pub fn retransmission_timeout(&mut self, shared: &mut Shared, now: Micros) {
        if self.state.sends() && (self.wnd == 0 || self.persist) {
            self.probe_window(shared, now);
            return;
        }
        if self.una == self.max {
            self.rto_at = NEVER;
            return;
        }
        self.retries = self.retries.saturating_add(1);
        self.totals.timeouts = self.totals.timeouts.saturating_add(1);
        shared.counters.retransmission_timeouts += 1;
        let most = shared.parameters.retransmissions;
        if self.half_open && self.retries > most.min(HALF_OPEN) {
            // Most likely there is nobody: no RST for whoever has that address.
            self.finish(shared, Reason::Timeout);
            return;
        }
        if self.retries > most {
            self.give_up(shared);
            return;
        }
        // Karn: an acknowledgement could be of either transmission.
        self.timed = NEVER;
        self.rtt.backoff = self.rtt.backoff.saturating_add(1);
        if !self.state.sends() {
            self.nxt = self.iss;
        } else {
            self.go_back(shared, now);
        }
        self.rto_at = now + self.timeout(&shared.parameters);
        self.dirty = true;
    }

    /// The other side has not answered for too long.
    fn give_up(&mut self, shared: &mut Shared) {
        shared.counters.timeouts += 1;
        let unreachable = self.state == State::SynSent && self.totals.unreachables > 0;
        let reason = if unreachable {
            Reason::Unreachable
        } else {
            Reason::Timeout
        };
        self.abort(shared, reason);
    }

    /// Everything under way counts as lost; the first segment goes again.
    fn go_back(&mut self, shared: &mut Shared, now: Micros) {
        if self
            .scoreboard
            .as_ref()
            .is_some_and(|board| board.is_reneged(self.una))
        {
            self.scoreboard = None;
        }
        if self.retries == BLACK_HOLE
            && self.path_mtu_discovery
            && self.mss > SAFE_MSS
            && self.max.since(self.una) > SAFE_MSS.into()
        {
            shared.counters.black_holes += 1;
            self.mss = SAFE_MSS;
            self.path_mtu_discovery = false;
        }
        let first = self.retries == 1;
        let (flight, mss) = (self.flight(), self.text_size());
        self.congestion.timeout(flight, mss, self.max, first);
        self.forward = if first {
            Forward::Repeated
        } else {
            Forward::No
        };
        self.repeated_at = self.clock(now);
        self.nxt = self.una;
        self.repeat = false;
    }

    /// Is the window open? Asked for ever, as long as somebody wants to know.
    fn probe_window(&mut self, shared: &mut Shared, now: Micros) {
        if self.una == self.max && self.nxt == self.text_end() && !self.fin_pending() {
            self.persist = false;
            self.rto_at = NEVER;
            return;
        }
        if self.orphaned {
            self.retries = self.retries.saturating_add(1);
            if self.retries > shared.parameters.retransmissions {
                self.give_up(shared);
                return;
            }
        }
        if self.wnd == 0 {
            shared.counters.window_probes += 1;
            self.rtt.backoff = self.rtt.backoff.saturating_add(1);
        }
        self.persist = true;
        self.forced = true;
        self.timed = NEVER;
        self.rto_at = now + self.timeout(&shared.parameters);
        self.dirty = true;
    }

    fn keepalive(&mut self, shared: &mut Shared, now: Micros) {
        self.idle_at = NEVER;
        if !self.state.is_synchronized() || self.keepalive == 0 {
            return;
        }
        let idle = u64::from(self.keepalive) * 1_000_000;
        if self.una != self.max || self.heard_at + idle > now && self.probes == 0 {
            // What is under way is watched by its own timer.
            self.idle_at = self.heard_at.max(now.saturating_sub(idle / 2)) + idle;
            return;
        }
        if self.probes >= shared.parameters.keepalive_probes {
            shared.counters.timeouts += 1;
            self.abort(shared, Reason::Timeout);
            return;
        }
        self.probes += 1;
        shared.counters.keepalive_probes += 1;
        self.acknowledge_now();
        self.idle_at = now + micros(shared.parameters.keepalive_interval);
    }
}
