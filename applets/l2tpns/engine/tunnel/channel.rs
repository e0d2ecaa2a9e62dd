//! The reliable delivery of control messages (RFC 2661 section 5.8 and appendix A).
//!
//! Messages that overtake others are kept until those come. What the peer acknowledges lets more
//! be sent: one message at first, one more for each that arrived, up to the peer's window. After
//! 1 s without an answer everything is sent again, then after 2, 4, 8, 16 and 32 s; after that
//! the peer is gone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_wire::l2tp::ControlHeader;

use super::stats::{Stats, count};

/// The window of a peer that does not tell its own (section 4.4.3).
const DEFAULT_WINDOW: u16 = 4;
/// How often a message is sent again (section 5.8).
const RETRIES: u8 = 5;
/// Octets of early messages that are kept.
const EARLY_OCTETS: usize = 32 * 1024;
/// Acknowledgements of the same message after which the next one is taken for lost.
const REPEATED: u8 = 3;

/// A message that overtook others.
#[derive(Debug)]
struct Early {
    ns: u16,
    session: u16,
    message: Box<[u8]>,
}

/// Both directions of a control connection's messages.
#[derive(Debug)]
pub struct Channel {
    /// What was not acknowledged; the first has the number `first`.
    queue: VecDeque<Box<[u8]>>,
    /// Messages that came early.
    early: Vec<Early>,
    deadline: Option<Instant>,
    first: u16,
    /// How many at the front of the queue are on their way.
    under_way: u16,
    /// How many were ever sent; at least `under_way`.
    tried: u16,
    /// The most that the peer takes, and what the way takes.
    window: u16,
    congestion: u16,
    /// Above it the congestion window grows slowly.
    threshold: u16,
    /// Messages acknowledged since it grew.
    credit: u16,
    /// The number expected next.
    expected: u16,
    own_window: u16,
    retries: u8,
    repeated: u8,
    /// How many messages were under way when one was found to be lost, less those that arrived
    /// since. A peer that keeps nothing that comes early needs each of them again.
    recovering: u16,
    /// The first message is to be sent again at once.
    again: bool,
    ack_due: bool,
}

impl Channel {
    /// A channel that takes this many messages ahead of their turn.
    pub fn new(own_window: u16) -> Self {
        Self {
            queue: VecDeque::new(),
            early: Vec::new(),
            deadline: None,
            first: 0,
            under_way: 0,
            tried: 0,
            window: DEFAULT_WINDOW,
            congestion: 1,
            threshold: u16::MAX,
            credit: 0,
            expected: 0,
            own_window,
            retries: 0,
            repeated: 0,
            recovering: 0,
            again: false,
            ack_due: false,
        }
    }

    /// The peer takes this many messages; 0 counts as 1.
    pub fn set_window(&mut self, window: u16) {
        // Differences of numbers tell earlier from later only up to half of them.
        self.window = window.clamp(1, 0x7fff);
    }

    /// A message to send; its numbers are written when it is.
    pub fn push(&mut self, message: Vec<u8>) {
        self.queue.push_back(message.into_boxed_slice());
    }

    /// The number expected next, and that of the next message to send.
    pub const fn numbers(&self) -> (u16, u16) {
        (self.expected, self.first.wrapping_add(self.tried))
    }

    /// Messages that were not acknowledged, or not sent.
    pub fn backlog(&self) -> usize {
        self.queue.len()
    }

    /// Forgets what was never sent.
    pub fn forget_unsent(&mut self) {
        self.queue.truncate(self.tried.into());
        self.queue.shrink_to_fit();
    }

    /// Forgets everything that waits to be sent or read, but an acknowledgement.
    pub fn forget(&mut self) {
        self.first = self.first.wrapping_add(self.tried);
        self.queue = VecDeque::new();
        self.early = Vec::new();
        (self.under_way, self.tried, self.recovering, self.again) = (0, 0, 0, false);
        self.deadline = None;
    }

    /// The numbers of a message that came in; `bare` when only they matter. Whether it is the next;
    /// otherwise it is kept, or came before, or is dropped.
    pub fn receive(
        &mut self,
        now: Instant,
        header: &ControlHeader,
        bare: bool,
        message: &[u8],
        stats: &mut Stats,
    ) -> bool {
        if !self.acknowledged(now, header.nr, bare) {
            count(&mut stats.bad_acknowledgement);
            return false;
        }
        if bare {
            count(&mut stats.acks_received);
            return false;
        }
        self.ack_due = true;
        match header.ns.wrapping_sub(self.expected) {
            0 => {
                self.expected = self.expected.wrapping_add(1);
                count(&mut stats.received);
                return true;
            }
            ahead if ahead < self.own_window => self.keep(header, message, stats),
            0x8000.. => count(&mut stats.duplicates),
            _ => count(&mut stats.beyond_window),
        }
        false
    }

    fn keep(&mut self, header: &ControlHeader, message: &[u8], stats: &mut Stats) {
        let kept: usize = self.early.iter().map(|early| early.message.len()).sum();
        if self.early.iter().any(|early| early.ns == header.ns) {
            count(&mut stats.duplicates);
        } else if kept + message.len() > EARLY_OCTETS {
            count(&mut stats.beyond_window);
        } else {
            count(&mut stats.early);
            self.early.push(Early {
                ns: header.ns,
                session: header.session,
                message: Box::from(message),
            });
        }
    }

    /// The next message and the session that it concerns, when it came early.
    pub fn take_early(&mut self, stats: &mut Stats) -> Option<(u16, Box<[u8]>)> {
        let place = self
            .early
            .iter()
            .position(|early| early.ns == self.expected)?;
        self.expected = self.expected.wrapping_add(1);
        count(&mut stats.received);
        let early = self.early.swap_remove(place);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        Some((early.session, early.message))
    }

    /// The peer expects `nr`. Whether that can be.
    fn acknowledged(&mut self, now: Instant, nr: u16, bare: bool) -> bool {
        let arrived = nr.wrapping_sub(self.first);
        if arrived >= 0x8000 {
            // Overtaken by a later one.
            return true;
        }
        if arrived > self.tried {
            return false;
        }
        if arrived == 0 {
            self.repeated_ack(bare);
            return true;
        }
        self.queue.drain(..usize::from(arrived));
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        self.first = nr;
        self.tried -= arrived;
        self.under_way = self.under_way.saturating_sub(arrived);
        (self.retries, self.repeated) = (0, 0);
        self.recovering = self.recovering.saturating_sub(arrived);
        self.again = self.recovering > 0;
        self.grow(arrived);
        self.deadline = (self.under_way > 0).then(|| now + interval(0));
        true
    }

    /// A peer that gets later messages says again which one it expects.
    fn repeated_ack(&mut self, bare: bool) {
        if !bare || self.under_way < 2 {
            return;
        }
        self.repeated = self.repeated.saturating_add(1);
        if self.repeated == REPEATED {
            self.again = true;
            self.recovering = self.under_way;
            self.threshold = (self.under_way / 2).max(1);
            self.congestion = self.threshold;
        }
    }

    fn grow(&mut self, arrived: u16) {
        self.credit = self.credit.saturating_add(arrived);
        if self.congestion < self.threshold {
            self.congestion = self.congestion.saturating_add(self.credit);
            self.credit = 0;
        } else if self.credit >= self.congestion {
            self.congestion = self.congestion.saturating_add(1);
            self.credit = 0;
        }
        self.congestion = self.congestion.min(self.window);
    }

    /// Whether [`Channel::transmit`] has something.
    pub fn has_transmit(&self) -> bool {
        self.ack_due || self.again || self.has_message()
    }

    fn has_message(&self) -> bool {
        let allowed = self.congestion.min(self.window);
        self.under_way < allowed && usize::from(self.under_way) < self.queue.len()
    }

    /// The next message to send, written over `message`; `false` when there is none. An
    /// acknowledgement alone goes to the peer's number `tunnel`.
    pub fn transmit(
        &mut self,
        now: Instant,
        tunnel: u16,
        message: &mut Vec<u8>,
        stats: &mut Stats,
    ) -> bool {
        let place = if std::mem::take(&mut self.again) {
            Some(0)
        } else if self.has_message() {
            self.under_way += 1;
            Some(self.under_way - 1)
        } else {
            None
        };
        let Some((place, next)) =
            place.and_then(|place| Some((place, self.queue.get(usize::from(place))?)))
        else {
            if !std::mem::take(&mut self.ack_due) {
                return false;
            }
            count(&mut stats.acks_sent);
            let header = ControlHeader {
                tunnel,
                session: 0,
                ns: self.first.wrapping_add(self.tried),
                nr: self.expected,
            };
            message.clear();
            message.extend_from_slice(&header.octets(ControlHeader::LEN as u16));
            return true;
        };
        message.clear();
        message.extend_from_slice(next);
        ControlHeader::renumber(message, self.first.wrapping_add(place), self.expected);
        self.ack_due = false;
        if place < self.tried {
            count(&mut stats.resent);
        } else {
            count(&mut stats.sent);
            self.tried = place + 1;
        }
        let retries = self.retries;
        self.deadline.get_or_insert_with(|| now + interval(retries));
        true
    }

    /// When to call [`Channel::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Sends again what is not acknowledged in time. `false`: the peer is gone.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return true;
        }
        if self.retries >= RETRIES {
            return false;
        }
        self.retries += 1;
        self.threshold = (self.under_way / 2).max(1);
        self.congestion = 1;
        (self.credit, self.repeated, self.recovering, self.again) = (0, 0, 0, false);
        self.under_way = 0;
        self.deadline = None;
        true
    }
}

/// The time that an answer may take after so many repetitions.
fn interval(retries: u8) -> Duration {
    Duration::from_secs(1 << retries.min(RETRIES))
}
