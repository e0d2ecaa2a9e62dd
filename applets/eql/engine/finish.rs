//! The scheduler by finish time: a packet goes to the slave on whose line it will have left first.
//!
//! A slave with an idle line is worth as much as one whose line is twice as fast and has one packet
//! of that length before this one. So every line gets work in proportion to its rate, the slowest
//! included: as soon as the fast ones are behind by one of its packets. And packets of one
//! length leave in the order in which they came, whatever the rates: the finish time of a slave only
//! grows, hence also the least of them. Two that would leave at once are put a little apart.
//!
//! Shorter packets may overtake longer ones on another line. [`Order::Flow`] prevents that within
//! a flow.

use std::time::{Duration, Instant};

use crate::slave::SlaveId;

/// Flows that are told apart for [`Order::Flow`]. Two in one bucket keep their order between them,
/// too: that costs time, never order.
pub const FLOW_BUCKETS: usize = 256;

/// How much later than its predecessor a packet of the same flow leaves on another line at
/// least, where the order is kept: what lines and processes may be late by.
pub const GUARD: Duration = Duration::from_millis(2);

/// The part of a packet's time on the fastest line by which two packets in a row leave apart, when
/// they would leave about at once on two lines. What is escaped, and so how long a packet really
/// takes, is not known before; without this every other packet of equal lines would overtake. The
/// lines idle for it once, and are staggered from then on.
const APART: u32 = 8;

/// Packets that the fastest line sends in less are not put apart: hosts can't wait for parts of a
/// millisecond.
const APART_FROM: Duration = Duration::from_millis(8);

/// Which packets keep their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those of one length, as far as the rates are right.
    #[default]
    Free,
    /// All of one flow, as far as the rates are right to [`GUARD`] and the devices take what they
    /// are given: a packet leaves the line after its predecessor.
    ///
    /// What it costs: a short packet behind a long one waits at the same slave instead of passing
    /// by on another line, or a line idles until the predecessor has left. Under full load with
    /// packets of all lengths that is 9 % of the lines on the average (in simulations of two to four
    /// lines and four flows; 17 % at worst), with packets of one length nothing. And when a slave is
    /// lost, packets in its queue with successors elsewhere are lost with it.
    Flow,
}

/// Where a packet would go and how it would fare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// The slave's place in the list.
    pub index: usize,
    /// When it would have left the line.
    pub finish: Instant,
    /// It must not start before, so that it does not overtake.
    pub not_before: Option<Instant>,
    /// The time of the line that this would waste, as far as another packet could use it.
    waste: Duration,
}

impl Candidate {
    pub fn new(index: usize, finish: Instant) -> Self {
        Self {
            index,
            finish,
            not_before: None,
            waste: Duration::ZERO,
        }
    }

    /// Whether this one is better; the first of equals stays.
    pub fn beats(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| self.finish + self.waste < other.finish + other.waste)
    }
}

/// What has to be known of a flow to keep its order.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// The slave that got the last packet; `None` when that is lost.
    slave: Option<SlaveId>,
    /// When that will have left; in free order, the one of all that leaves last.
    finish: Instant,
    /// How long that is, octets.
    len: usize,
    /// The packets since this one went to the same slave.
    run: u64,
    /// When the last packet before them will have left, on another line.
    floor: Option<Instant>,
}

/// The flows, by hash.
#[derive(Debug)]
pub(crate) struct Flows {
    order: Order,
    buckets: Vec<Option<Flow>>,
}

/// A packet's length, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Octets.
    pub len: usize,
    /// On the line it may be given to.
    pub service: Duration,
    /// On the fastest line.
    pub fastest: Duration,
    /// The longest packet, on the line it may be given to; zero to have its flow leave the slave it
    /// is with.
    pub longest: Duration,
}

impl Flows {
    pub fn new(order: Order) -> Self {
        Self {
            order,
            buckets: vec![None; FLOW_BUCKETS],
        }
    }

    fn get(&self, hash: u32) -> Option<&Flow> {
        self.buckets.get(hash as usize % FLOW_BUCKETS)?.as_ref()
    }

    /// The slave that got the flow's last packet.
    pub fn slave(&self, hash: u32) -> Option<SlaveId> {
        self.get(hash)?.slave
    }

    /// Puts a candidate off until it leaves after the flow's last packet: in free order only if it
    /// would leave about at once with that.
    ///
    /// A line that is to idle before a packet is a worse choice, but not by more than the time of the
    /// longest packet: longer ones of the flow could not start sooner either. Otherwise a flow would
    /// stay on a slow line for ever.
    pub fn restrain(&self, hash: u32, slave: SlaveId, candidate: &mut Candidate, times: Times) {
        let Some(flow) = self.get(hash) else {
            return;
        };
        if flow.slave == Some(slave) {
            // Behind it in the same queue.
            return;
        }
        let apart = times.fastest / APART;
        let earliest = match self.order {
            Order::Free if times.fastest < APART_FROM => return,
            // It may overtake a longer one; and one that went to a far slower line because the
            // queues of the fast ones were full.
            Order::Free
                if candidate.finish < flow.finish
                    && (times.len < flow.len
                        || candidate.finish + times.fastest / 2 < flow.finish) =>
            {
                return;
            }
            Order::Free => flow.finish + apart,
            Order::Flow => flow.finish + apart.max(GUARD),
        };
        if candidate.finish < earliest {
            if self.order == Order::Flow {
                candidate.waste = (earliest - candidate.finish).min(times.longest);
            }
            candidate.finish = earliest;
            candidate.not_before = earliest.checked_sub(times.service);
        }
    }

    /// A packet with this number and length went to a slave.
    pub fn sent(
        &mut self,
        hash: u32,
        slave: SlaveId,
        (finish, len): (Instant, usize),
        number: u64,
    ) {
        let Some(bucket) = self.buckets.get_mut(hash as usize % FLOW_BUCKETS) else {
            return;
        };
        let longer = bucket.filter(|flow| self.order == Order::Free && flow.finish > finish);
        let (finish, len) = longer.map_or((finish, len), |flow| (flow.finish, flow.len));
        let (run, floor) = match *bucket {
            Some(flow) if flow.slave == Some(slave) => (flow.run, flow.floor),
            Some(flow) => (number, Some(flow.finish)),
            None => (number, None),
        };
        *bucket = Some(Flow {
            slave: Some(slave),
            finish,
            len,
            run,
            floor,
        });
    }

    /// A slave is lost: what it had got does not hold up anything any more.
    pub fn lost(&mut self, slave: SlaveId, now: Instant) {
        for flow in self.buckets.iter_mut().flatten() {
            if flow.slave == Some(slave) {
                flow.slave = None;
                flow.finish = flow.floor.unwrap_or(now);
            }
        }
    }

    /// Whether a packet out of the queue of a lost slave can go to another one: none of its
    /// successors is elsewhere already, or the order is free. Those that are moved keep their numbers.
    pub fn can_move(&self, hash: u32, number: u64) -> bool {
        self.order == Order::Free || self.get(hash).is_none_or(|flow| number >= flow.run)
    }
}
