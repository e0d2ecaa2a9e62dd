//! One slave: its line as it is estimated, the packets that wait for it, its counters.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::meter::{Circumstances, Counters, Meter};
use crate::priority::{Gauge, Word};
use crate::rate::{Framing, Rate};

/// How long before a line is free its device gets the next packet: what a process may be late.
pub(crate) const LEAD: Duration = Duration::from_millis(20);

/// The same for a rate that is measured, beside the time of one packet of the MTU: the line must
/// stay busy between two reports, also while it is faster than thought.
const AUTO_LEAD: Duration = Duration::from_millis(250);

/// How long a device with a full queue is left alone: a quarter of the time of one packet, within
/// these.
const HOLD: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// The shortest patience with a device that sends nothing of what it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// A slave of a master, as long as it is in the master's list. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlaveId(pub u32);

/// How a slave is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It takes packets.
    Up,
    /// It went down and is out: it takes no packets when it comes up, and no place in the list.
    Buried,
    /// It is down, or not there, and is taken again when it comes up: it was enslaved as sticky.
    Waiting,
}

/// What a change of its interface did to a slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It takes packets, as the newest.
    Taken,
    /// It went down for good.
    Buried,
    /// It went down and will be taken again.
    Waiting,
}

/// Counters of a slave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlaveStats {
    /// Packets that its device took.
    pub sent: u64,
    /// Their octets of IP.
    pub sent_octets: u64,
    /// Packets lost out of its queue when it went down, for which no other slave had room.
    pub lost: u64,
    /// Packets that its device had not sent when it went down, as far as it reported; taken, and
    /// probably lost.
    pub lost_in_device: u64,
    /// Packets that went to other slaves when it went down.
    pub moved: u64,
    /// Packets dropped because its queue was full; with the driver's scheduler only.
    pub dropped: u64,
    /// Packets that its device refused by an error and that are gone.
    pub failed: u64,
    /// Times its device had no room.
    pub backpressure: u64,
    /// Times its device sent nothing of what it had for long.
    pub stalls: u64,
    /// Times it went down.
    pub downs: u64,
}

/// A slave as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct SlaveStatus<'a> {
    /// Which.
    pub id: SlaveId,
    /// The interface.
    pub name: &'a str,
    /// How it is.
    pub state: State,
    /// The rate it was given.
    pub rate: Rate,
    /// The rate that is reckoned with, bit/s.
    pub bps: u64,
    /// `bps` was measured.
    pub measured: bool,
    /// It is taken again when it comes up after having gone down.
    pub sticky: bool,
    /// Packets in its queue.
    pub queued_packets: usize,
    /// Their octets.
    pub queued_octets: usize,
    /// Octets that the driver's formula counts as queued; 0 with the other scheduler.
    pub gauge_octets: u64,
    /// The load that the driver's formula gives.
    pub load: u64,
    /// When its line will have sent everything it was given, from now.
    pub backlog: Duration,
    /// The counters.
    pub stats: SlaveStats,
}

/// A packet that waits.
#[derive(Debug)]
pub(crate) struct Entry<P> {
    pub packet: P,
    pub len: usize,
    pub hash: u32,
    /// In the order in which they came.
    pub number: u64,
    pub not_before: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Slave<P> {
    pub id: SlaveId,
    pub name: String,
    pub rate: Rate,
    pub framing: Framing,
    pub sticky: bool,
    pub state: State,
    pub gauge: Gauge,
    pub stats: SlaveStats,
    bps: u64,
    meter: Meter,
    queue: VecDeque<Entry<P>>,
    octets: usize,
    /// What the packets in the queue take on the line together, ns.
    queued_nanos: u64,
    /// When the line will have sent what the device has.
    device_free: Instant,
    /// When the last packet of the queue will have left the line; in the past when nothing waits.
    tail: Instant,
    /// The device has no room; it is asked again then.
    held_until: Option<Instant>,
}

impl<P> Slave<P> {
    pub fn new(
        now: Instant,
        id: SlaveId,
        name: String,
        rate: Rate,
        framing: Framing,
        sticky: bool,
        up: bool,
    ) -> Self {
        Self {
            id,
            name,
            rate,
            framing,
            sticky,
            state: if up { State::Up } else { State::Waiting },
            gauge: Gauge::new(rate.initial()),
            stats: SlaveStats::default(),
            bps: rate.initial(),
            meter: Meter::new(now, guess(rate)),
            queue: VecDeque::new(),
            octets: 0,
            queued_nanos: 0,
            device_free: now,
            tail: now,
            held_until: None,
        }
    }

    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    pub fn queued_packets(&self) -> usize {
        self.queue.len()
    }

    pub fn queued_octets(&self) -> usize {
        self.octets
    }

    fn nanos(&self, len: usize) -> u64 {
        self.framing.nanos(len, self.bps)
    }

    /// The time that a packet takes on the line.
    pub fn service(&self, len: usize) -> Duration {
        Duration::from_nanos(self.nanos(len))
    }

    /// How long before the line is free the device gets a packet.
    pub fn lead(&self, mtu: usize) -> Duration {
        match self.rate {
            Rate::Fixed(_) => LEAD,
            Rate::Auto => AUTO_LEAD + self.service(mtu),
        }
    }

    /// When everything the slave has will have left its line.
    pub fn idle_at(&self, now: Instant) -> Instant {
        self.tail.max(self.device_free).max(now)
    }

    /// When a packet that is given to the slave now will have left the line.
    pub fn finish(&self, now: Instant, len: usize) -> Instant {
        self.idle_at(now) + self.service(len)
    }

    /// Puts a packet into the queue; when it will have left the line.
    pub fn push(&mut self, now: Instant, entry: Entry<P>) -> Instant {
        let start = self.idle_at(now).max(entry.not_before.unwrap_or(now));
        let nanos = self.nanos(entry.len);
        self.tail = start + Duration::from_nanos(nanos);
        self.queued_nanos += nanos;
        self.octets += entry.len;
        self.queue.push_back(entry);
        self.tail
    }

    /// When the device gets the first packet of the queue.
    pub fn hand_at(&self, mtu: usize, paced: bool, now: Instant) -> Option<Instant> {
        let head = self.queue.front()?;
        if self.held_until.is_some() || !paced {
            return Some(self.held_until.unwrap_or(now));
        }
        // An idle device would start at once what has to wait for another line.
        let earliest = head.not_before;
        let free = self
            .device_free
            .checked_sub(self.lead(mtu))
            .unwrap_or(self.device_free);
        Some(earliest.map_or(free, |at| at.max(free)))
    }

    /// The first packet of the queue, to be given to the device now.
    pub fn pop(&mut self, now: Instant) -> Option<Entry<P>> {
        let entry = self.queue.pop_front()?;
        let nanos = self.nanos(entry.len);
        self.octets -= entry.len;
        self.queued_nanos = self.queued_nanos.saturating_sub(nanos);
        self.held_until = None;
        let start = self
            .device_free
            .max(entry.not_before.unwrap_or(now))
            .max(now);
        self.device_free = start + Duration::from_nanos(nanos);
        let rest = self.device_free + Duration::from_nanos(self.queued_nanos);
        self.tail = self.tail.max(rest);
        self.meter.handed(now, entry.len);
        self.stats.sent += 1;
        self.stats.sent_octets += entry.len as u64;
        Some(entry)
    }

    /// The device did not take a packet that was popped last: it is the first again, and the device
    /// is left alone for a while.
    pub fn push_back(&mut self, now: Instant, mtu: usize, entry: Entry<P>) {
        self.take_back(entry.len);
        self.stats.backpressure += 1;
        let nanos = self.nanos(entry.len);
        self.octets += entry.len;
        self.queued_nanos += nanos;
        self.queue.push_front(entry);
        let until = now + (self.service(mtu) / 4).clamp(HOLD.0, HOLD.1);
        self.held_until = Some(until);
        // It has more to send than was thought.
        self.device_free = self
            .device_free
            .checked_sub(Duration::from_nanos(nanos))
            .unwrap_or(until)
            .max(until);
        self.reckon(now);
    }

    /// The device did not take a packet, and it is gone.
    pub fn failed(&mut self, len: usize) {
        self.take_back(len);
        self.stats.failed += 1;
    }

    fn take_back(&mut self, len: usize) {
        self.meter.returned(len);
        self.stats.sent = self.stats.sent.saturating_sub(1);
        self.stats.sent_octets = self.stats.sent_octets.saturating_sub(len as u64);
    }

    /// The device has room again.
    pub fn writable(&mut self) {
        self.held_until = None;
    }

    /// Calculates anew when the queue will have left the line.
    fn reckon(&mut self, now: Instant) {
        let mut at = self.device_free.max(now);
        self.queued_nanos = 0;
        for entry in &self.queue {
            let nanos = self.framing.nanos(entry.len, self.bps);
            at = at.max(entry.not_before.unwrap_or(at)) + Duration::from_nanos(nanos);
            self.queued_nanos += nanos;
        }
        self.tail = at;
    }

    /// Another rate. Its load in the driver's formula stays.
    pub fn set_rate(&mut self, now: Instant, rate: Rate) {
        self.rate = rate;
        // A guess that was good so far is better than the first one.
        let known = guess(rate).map(|guess| self.meter.estimate().unwrap_or(guess));
        self.meter = Meter::new(now, known);
        self.set_bps(now, known.unwrap_or(rate.initial()));
    }

    fn set_bps(&mut self, now: Instant, bps: u64) {
        let left = self.device_free.saturating_duration_since(now).as_nanos();
        let left = left * u128::from(self.bps) / u128::from(bps.max(1));
        self.bps = bps;
        self.device_free = now + Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
        self.gauge.set_rate(bps);
        self.reckon(now);
    }

    /// The device reports what it has sent; whether the rate that is reckoned with changed.
    pub fn observe(&mut self, now: Instant, mtu: usize, paced: bool, counters: Counters) -> bool {
        let of = Circumstances {
            framing: self.framing,
            withheld: paced
                && !self.queue.is_empty()
                && self.held_until.is_none()
                // Also when the owner is late with what is due, for by half the lead or more the
                // device had enough all the same.
                && self.device_free > now + self.lead(mtu) / 2,
            patience: (self.service(mtu) * 4).max(PATIENCE),
        };
        let changed = self.meter.observe(now, counters, of);
        self.stats.stalls = self.meter.stalls();
        if changed && let Some(bps) = self.meter.estimate() {
            self.set_bps(now, bps);
        }
        if let Some((packets, octets)) = self.meter.outstanding() {
            let each = usize::try_from(octets / packets.max(1)).unwrap_or(usize::MAX);
            let nanos = self.nanos(each);
            // The first of them is under way.
            let least = now + Duration::from_nanos(nanos.saturating_mul(packets.saturating_sub(1)));
            let most = now + Duration::from_nanos(nanos.saturating_mul(packets));
            self.device_free = match self.rate {
                // A given rate is a limit.
                Rate::Fixed(_) => self.device_free.max(least),
                Rate::Auto => self.device_free.clamp(least, most),
            };
            self.reckon(now);
        }
        changed
    }

    /// It takes packets from now on.
    pub fn take(&mut self, now: Instant) {
        self.state = State::Up;
        self.gauge = Gauge::new(self.bps);
        self.device_free = now;
        self.held_until = None;
        self.meter.restart(now);
        self.reckon(now);
    }

    /// It takes no more packets; the first of those that wait, to be called until there is none.
    pub fn unqueue(&mut self) -> Option<Entry<P>> {
        let entry = self.queue.pop_front()?;
        self.octets -= entry.len;
        Some(entry)
    }

    /// It is out, and its queue was emptied.
    pub fn down(&mut self, now: Instant, state: State) {
        let left = self.meter.outstanding().map_or(0, |(packets, _)| packets);
        self.stats.lost_in_device += left;
        self.stats.downs += 1;
        self.state = state;
        self.queued_nanos = 0;
        self.device_free = now;
        self.tail = now;
        self.held_until = None;
        self.meter.restart(now);
    }

    pub fn status(&self, now: Instant, word: Word) -> SlaveStatus<'_> {
        SlaveStatus {
            id: self.id,
            name: &self.name,
            state: self.state,
            rate: self.rate,
            bps: self.bps,
            measured: self.meter.is_sampled(),
            sticky: self.sticky,
            queued_packets: self.queue.len(),
            queued_octets: self.octets,
            gauge_octets: self.gauge.queued(),
            load: self.gauge.load(word),
            backlog: self.idle_at(now).saturating_duration_since(now),
            stats: self.stats,
        }
    }
}

/// What the measurement of a rate starts with.
fn guess(rate: Rate) -> Option<u64> {
    match rate {
        Rate::Fixed(_) => None,
        Rate::Auto => Some(rate.initial()),
    }
}
