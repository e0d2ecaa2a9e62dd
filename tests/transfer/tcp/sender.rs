//! The end that has the file.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Ack, Range, Segment, WINDOW};

/// The window to begin with, segments.
const INITIAL_WINDOW: u64 = 10;

/// The shortest retransmission timeout, and the first.
const RTO: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

/// The longest.
const RTO_MAX: Duration = Duration::from_secs(120);

/// A segment that is not acknowledged with everything before it.
#[derive(Clone, Copy, Debug)]
struct Sent {
    from: u64,
    len: u64,
    /// The last time.
    at: Instant,
    again: bool,
    /// It is there, by a range.
    there: bool,
    /// It is taken for lost, and not sent again yet.
    lost: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments sent, with those sent again.
    pub segments: u64,
    /// Segments sent again.
    pub again: u64,
    /// Times that losses shrank the window.
    pub recoveries: u64,
    /// Times that the retransmission timer ran out.
    pub timeouts: u64,
    /// Times that one of both turned out to be wrong.
    pub undone: u64,
}

/// What it was before a recovery or a timeout, should that turn out to be wrong.
#[derive(Clone, Copy, Debug)]
struct Before {
    window: f64,
    threshold: f64,
    /// Segments sent again since, that have not turned out to be there twice.
    again: u64,
    /// It was a timeout, at this time.
    timeout: Option<Instant>,
    /// What the next acknowledgement after that says.
    test: Test,
}

/// RFC 5682: whether a timeout was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// The first segment was sent again.
    First,
    /// It was acknowledged; now new ones are sent, at most two.
    New(u8),
    /// Nothing is to be found out.
    Over,
}

/// The sending end.
#[derive(Debug)]
pub struct Sender {
    size: u64,
    largest: u64,
    /// The first octet that is not acknowledged.
    first: u64,
    /// The first octet that was not sent.
    next: u64,
    sent: VecDeque<Sent>,
    /// Congestion window and slow start threshold, octets.
    window: f64,
    threshold: f64,
    /// A recovery ends when everything before this is acknowledged.
    recovery: Option<u64>,
    /// Octets that a recovery may send now: no more than have arrived (RFC 6937), so that the losses
    /// of a whole window are not sent again at once, into a queue that is full.
    credit: Option<u64>,
    before: Option<Before>,
    smoothed: Option<Duration>,
    variation: Duration,
    least: Duration,
    backoff: u32,
    timer: Option<Instant>,
    /// RACK: the segment sent last of those that are there, and its round trip.
    newest: Option<(Instant, u64)>,
    newest_round: Duration,
    /// The highest octet known to be there.
    highest: u64,
    reordered: bool,
    /// Quarters of the least round trip that RACK waits for an earlier segment.
    patience: u32,
    losses_at: Option<Instant>,
    stats: Stats,
}

impl Sender {
    /// A connection that is established, with a file to send; `round` is the round trip of its
    /// opening.
    #[must_use]
    pub fn new(size: u64, mtu: u64, round: Duration) -> Self {
        let largest = mtu - super::HEADER;
        let mut sender = Self {
            size,
            largest,
            first: 0,
            next: 0,
            sent: VecDeque::new(),
            window: (INITIAL_WINDOW * largest) as f64,
            threshold: f64::INFINITY,
            recovery: None,
            credit: None,
            before: None,
            smoothed: None,
            variation: Duration::ZERO,
            least: round,
            backoff: 0,
            timer: None,
            newest: None,
            newest_round: round,
            highest: 0,
            reordered: false,
            patience: 1,
            losses_at: None,
            stats: Stats::default(),
        };
        sender.measured(round);
        sender
    }

    /// What happened.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Everything is acknowledged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.first == self.size
    }

    /// The next segment to send now: what is lost first, then what is new.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Segment> {
        let flying = self.sent.iter().filter(|s| !s.there && !s.lost);
        let flying: u64 = flying.map(|s| s.len).sum();
        if flying as f64 + self.largest as f64 > self.window && flying > 0 {
            return None;
        }
        if self.credit.is_some_and(|credit| credit < self.largest) {
            return None;
        }
        let len = (self.size - self.next).min(self.largest);
        let fresh = len > 0 && self.next + len <= self.first + WINDOW;
        // While it is not known whether a timeout was right, nothing more is sent again, if there is
        // anything new.
        let mut again = true;
        if let Some(Before { test, .. }) = &mut self.before
            && let Test::New(left) = test
        {
            if !fresh {
                *test = Test::Over;
            } else if *left == 0 {
                return None;
            } else {
                *left -= 1;
                again = false;
            }
        }
        let mut lost = self.sent.iter_mut().filter(|_| again);
        let segment = if let Some(lost) = lost.find(|s| s.lost && !s.there) {
            lost.lost = false;
            lost.again = true;
            lost.at = now;
            self.stats.again += 1;
            if let Some(before) = &mut self.before {
                before.again += 1;
            }
            (lost.from, lost.len)
        } else {
            if !fresh {
                return None;
            }
            let from = self.next;
            self.next += len;
            self.sent.push_back(Sent {
                from,
                len,
                at: now,
                again: false,
                there: false,
                lost: false,
            });
            (from, len)
        };
        self.credit = self.credit.map(|credit| credit.saturating_sub(segment.1));
        self.stats.segments += 1;
        if self.timer.is_none() {
            self.start_timer(now);
        }
        Some(Segment::Data {
            from: segment.0,
            len: segment.1,
        })
    }

    /// An acknowledgement came.
    pub fn ack(&mut self, now: Instant, ack: &Ack) {
        let acknowledged = ack.next.saturating_sub(self.first);
        let mut fresh = false;
        let mut arrived = 0;
        let mut round = None;
        for index in 0..self.sent.len() {
            let Some(sent) = self.sent.get_mut(index) else {
                break;
            };
            let (from, to) = (sent.from, sent.from + sent.len);
            let covers = |r: &Range| r.0 <= from && to <= r.1;
            if sent.there || !(to <= ack.next || ack.ranges.iter().flatten().any(covers)) {
                continue;
            }
            sent.there = true;
            fresh = true;
            let sent = *sent;
            arrived += sent.len;
            if !sent.again {
                round = Some(now.saturating_duration_since(sent.at));
            }
            self.arrived(now, sent);
        }
        if let Some(before) = &mut self.before {
            before.test = match before.test {
                Test::First if acknowledged > 0 => Test::New(2),
                Test::First | Test::New(_) | Test::Over => Test::Over,
            };
        }
        if let Some(round) = round {
            self.measured(round);
        }
        if acknowledged > 0 {
            self.first = ack.next;
            self.sent.retain(|s| s.from >= ack.next);
            self.start_timer(now);
        }
        if ack.twice.is_some() {
            self.duplicate();
        }
        if self.recovery.is_some_and(|end| self.first >= end) {
            self.recovery = None;
            self.credit = None;
        }
        self.credit = self.credit.map(|credit| credit + arrived);
        if fresh {
            self.find_losses(now);
        }
        // After a timeout the window grows from one segment, also while the losses are sent again.
        let after_timeout = self.before.as_ref().is_some_and(|b| b.timeout.is_some());
        if acknowledged > 0 && (self.recovery.is_none() || after_timeout) {
            self.grow(acknowledged);
        }
        if self.sent.is_empty() {
            self.timer = None;
            self.losses_at = None;
        }
    }

    /// A segment is there: what RACK and the tests for wrong decisions have to know.
    fn arrived(&mut self, now: Instant, sent: Sent) {
        let end = sent.from + sent.len;
        if !sent.again && end < self.highest {
            self.reordered = true;
        }
        self.highest = self.highest.max(end);
        let round = now.saturating_duration_since(sent.at);
        let testing = self.before.as_ref().is_some_and(|b| b.test != Test::Over);
        if sent.again && (testing || round < self.least) {
            // Probably the one sent before was meant.
            return;
        }
        if self.newest.is_none_or(|newest| newest <= (sent.at, end)) {
            self.newest = Some((sent.at, end));
            self.newest_round = round;
        }
        // RFC 5682: what was sent only before a timeout arrives after it, so nothing was lost.
        let early = |b: &Before| b.timeout.is_some_and(|at| !sent.again && sent.at < at);
        let wrong = |b: &Before| b.test != Test::Over && early(b);
        if self.before.as_ref().is_some_and(wrong) {
            self.undo();
        }
    }

    /// A segment was there twice: RACK becomes more patient, and a recovery whose every segment was
    /// there before was wrong.
    fn duplicate(&mut self) {
        self.reordered = true;
        self.patience = (self.patience + 1).min(16);
        if let Some(before) = &mut self.before {
            before.again = before.again.saturating_sub(1);
            if before.again == 0 {
                self.undo();
            }
        }
    }

    fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.window = self.window.max(before.window);
            self.threshold = before.threshold;
            self.recovery = None;
            self.credit = None;
            self.stats.undone += 1;
            for sent in &mut self.sent {
                sent.lost = false;
            }
        }
    }

    /// RFC 8985, section 6.2: what was sent before something that is there, by more than the
    /// reordering window, is lost.
    fn find_losses(&mut self, now: Instant) {
        self.losses_at = None;
        let Some(newest) = self.newest else {
            return;
        };
        let there = self.sent.iter().filter(|s| s.there).count();
        let patience = if !self.reordered && (self.recovery.is_some() || there >= 3) {
            Duration::ZERO
        } else {
            (self.least / 4 * self.patience).min(self.smoothed.unwrap_or(self.least))
        };
        let mut found = false;
        for sent in &mut self.sent {
            if sent.there || sent.lost || (sent.at, sent.from + sent.len) > newest {
                continue;
            }
            let at = sent.at + self.newest_round + patience;
            if at <= now {
                sent.lost = true;
                found = true;
            } else {
                let earlier = self.losses_at.is_none_or(|other| at < other);
                self.losses_at = if earlier { Some(at) } else { self.losses_at };
            }
        }
        if found && self.recovery.is_none() {
            self.stats.recoveries += 1;
            self.shrink(None, 0.7);
            self.window = self.threshold;
            self.credit = Some(self.largest);
        }
    }

    fn shrink(&mut self, timeout: Option<Instant>, to: f64) {
        let test = if timeout.is_some() {
            Test::First
        } else {
            Test::Over
        };
        if self.recovery.is_none() || self.before.is_none() {
            self.before = Some(Before {
                window: self.window,
                threshold: self.threshold,
                again: 0,
                timeout,
                test,
            });
        } else if let Some(before) = &mut self.before {
            before.timeout = timeout;
            before.test = test;
        }
        self.threshold = (self.window * to).max(2.0 * self.largest as f64);
        self.recovery = Some(self.next);
    }

    fn grow(&mut self, acknowledged: u64) {
        // No more than can be sent.
        if self.window >= 2.0 * WINDOW as f64 {
            return;
        }
        self.window += if self.window < self.threshold {
            acknowledged as f64
        } else {
            self.largest as f64 * acknowledged as f64 / self.window
        };
    }

    fn measured(&mut self, round: Duration) {
        // Karn: only now, not with an acknowledgement of what was sent twice.
        self.backoff = 0;
        self.least = self.least.min(round);
        match self.smoothed {
            None => {
                self.smoothed = Some(round);
                self.variation = round / 2;
            }
            Some(smoothed) => {
                self.variation = self.variation * 3 / 4 + smoothed.abs_diff(round) / 4;
                self.smoothed = Some(smoothed * 7 / 8 + round / 8);
            }
        }
    }

    fn start_timer(&mut self, now: Instant) {
        let rto = self
            .smoothed
            .map_or(RTO.1, |smoothed| smoothed + (self.variation * 4).max(RTO.0));
        let rto = rto * (1 << self.backoff.min(8));
        self.timer = Some(now + rto.min(RTO_MAX));
    }

    /// When to call [`Sender::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timer.into_iter().chain(self.losses_at).min()
    }

    /// A deadline passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.losses_at.is_some_and(|at| at <= now) {
            self.find_losses(now);
        }
        if self.timer.is_none_or(|at| at > now) {
            return;
        }
        self.stats.timeouts += 1;
        self.backoff += 1;
        self.shrink(Some(now), 0.5);
        self.credit = None;
        self.window = self.largest as f64;
        for sent in &mut self.sent {
            sent.lost = !sent.there;
        }
        self.start_timer(now);
    }
}
