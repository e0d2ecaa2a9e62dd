//! What a plane gives, gathered: packets for the TUN merged by flows, messages in runs that the kernel
//! takes as one.
//!
//! A run is of messages of one length to one peer. Those of one session, or of one control
//! connection, leave in their order; those of different ones may overtake each other, so that thin
//! flows and storms of logins give long runs too. What a full socket did not take stays, in order,
//! for the next [`Batch::transmit`].

use std::io::IoSlice;
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use wanbox_link::offload::{CoalesceStats, Coalescer};
use wanbox_wire::ip::VirtioHeader;
use wanbox_wire::l2tp::Message as L2tp;

use super::{Cause, Plane, Sink, Up, Way};
use crate::SocketId;

/// Messages that are sent at once when they are there.
const MESSAGES: usize = 256;
/// Octets after which a batch is full: some super-packets.
const OCTETS: usize = 192 * 1024;
/// So much more than that may wait while a socket is full.
const ROOM: usize = 2;
/// Messages in one call to a socket.
const RUN: usize = 64;
/// Runs that are looked at for a message to be added.
const LOOK: usize = 16;
/// Places by which sessions are told apart; those that share one only keep more order than they need.
const ORDERS: usize = 256;
/// No message.
const NONE: u32 = u32::MAX;
/// Things besides, of which more are dropped.
const ASIDE: usize = 1024;
/// The flows that are merged at a time, 64 KiB of address space each.
const FLOWS: usize = 32;

/// Packets after which is looked at what merging gained.
const PROBE: u64 = 128;
/// Packets that are not merged after it gained nothing.
const REST: u64 = 4096;
/// Merging is worth its looks at every packet when it spares one write in so many.
const WORTH: u64 = 8;

/// What leaves neither to the TUN nor to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// A copy of a packet for this collector.
    Copy(SocketAddr),
    /// An ICMP message of this machine, a whole IP packet.
    Icmp,
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStats {
    /// Data messages gathered.
    pub messages: u64,
    /// Their octets, from the L2TP header on.
    pub octets: u64,
    /// Things besides dropped because there were too many at once.
    pub aside_dropped: u64,
    /// Data messages that no socket took.
    pub refused: u64,
}

impl BatchStats {
    /// Messages that were sent, or wait.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.messages.saturating_sub(self.refused)
    }
}

#[derive(Clone, Copy, Debug)]
struct Message {
    start: u32,
    end: u32,
    /// The next one of its run, or [`NONE`].
    next: u32,
}

/// Messages of one length to one peer. The last may be shorter.
#[derive(Debug)]
struct Run {
    way: Way,
    length: usize,
    /// Messages may be added.
    open: bool,
    first: u32,
    last: u32,
    messages: usize,
    /// Whose the last one is.
    order: u8,
}

/// Buffers that are used again and again.
#[derive(Debug)]
pub struct Batch {
    /// `None`: the TUN takes packets one by one.
    coalescer: Option<Coalescer>,
    /// What the coalescer had done when it was looked at last.
    probed: CoalesceStats,
    /// Packets for the TUN that are not merged: many thin flows have nothing to merge.
    rest: u64,
    octets: Vec<u8>,
    messages: Vec<Message>,
    runs: Vec<Run>,
    /// The run that the last message was added to.
    current: usize,
    /// By sessions: the first run that their next message may be added to.
    orders: Box<[u16; ORDERS]>,
    /// Runs stayed because a socket was full.
    waiting: bool,
    aside: Vec<(Aside, Range<usize>)>,
    aside_octets: Vec<u8>,
    stats: BatchStats,
}

/// Where packets for the TUN go that must go at once, with their virtio header.
pub type Write<'w> = &'w mut dyn FnMut(&[u8; VirtioHeader::LEN], &[u8]);

impl Batch {
    /// An empty batch. `tcp` and `udp`: the TUN takes super-packets of those.
    #[must_use]
    pub fn new(tcp: bool, udp: bool) -> Self {
        Self {
            coalescer: tcp.then(|| Coalescer::new(FLOWS, udp)),
            probed: CoalesceStats::default(),
            rest: 0,
            octets: Vec::new(),
            messages: Vec::new(),
            runs: Vec::new(),
            current: 0,
            orders: Box::new([0; ORDERS]),
            waiting: false,
            aside: Vec::new(),
            aside_octets: Vec::new(),
            stats: BatchStats::default(),
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> &BatchStats {
        &self.stats
    }

    /// What the merging of packets for the TUN did so far.
    #[must_use]
    pub fn coalesced(&self) -> CoalesceStats {
        self.coalescer
            .as_ref()
            .map_or_else(CoalesceStats::default, |coalescer| *coalescer.stats())
    }

    /// Enough messages wait to be sent now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_beyond(1)
    }

    fn is_beyond(&self, times: usize) -> bool {
        self.messages.len() >= MESSAGES * times || self.octets.len() >= OCTETS * times
    }

    /// Messages stayed at the last [`Self::transmit`] because a socket was full: no more should be
    /// brought until it has room.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Messages stayed because this socket was full.
    #[must_use]
    pub fn waits_for(&self, socket: SocketId) -> bool {
        self.waiting && self.runs.iter().any(|run| run.way.socket == socket)
    }

    /// The place for a plane to put things. Packets for the TUN that must go at once are given to
    /// `write` with their virtio header, the others by [`Self::flush`].
    pub fn outlet<'b>(&'b mut self, write: Write<'b>) -> Outlet<'b> {
        Outlet { batch: self, write }
    }

    /// [`Plane::up`] into this batch. Here, as the two below, so that what every packet passes is
    /// built for speed wherever it is called from.
    pub fn up<'d>(
        &mut self,
        plane: &mut Plane,
        now: Instant,
        (socket, from): (SocketId, SocketAddr),
        datagram: &'d mut [u8],
        write: Write<'_>,
    ) -> Up<'d> {
        plane.up(now, socket, from, datagram, &mut self.outlet(write))
    }

    /// [`Plane::down`] into this batch.
    ///
    /// # Errors
    /// As there.
    pub fn down(
        &mut self,
        plane: &mut Plane,
        now: Instant,
        header: &VirtioHeader,
        packet: &mut [u8],
        write: Write<'_>,
    ) -> Result<(), Cause> {
        plane.down(now, header, packet, &mut self.outlet(write))
    }

    /// [`Plane::handle_timeout`] into this batch.
    pub fn timeout(&mut self, plane: &mut Plane, now: Instant, write: Write<'_>) {
        plane.handle_timeout(now, &mut self.outlet(write));
    }

    /// Adds a message to a peer that is there already.
    pub fn push(&mut self, way: &Way, message: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(message);
        self.add(way, start);
    }

    /// Gives the packets for the TUN that wait for more of their flow.
    pub fn flush(&mut self, mut write: Write<'_>) {
        if let Some(coalescer) = &mut self.coalescer {
            coalescer.flush(&mut write);
        }
    }

    /// Gives the messages, up to 64 of a run at a time. `send` returns how many it took; fewer than
    /// all: that socket is full, and what is for it stays. `None`: it never takes them.
    pub fn transmit(&mut self, mut send: impl FnMut(&Way, &[IoSlice<'_>]) -> Option<usize>) {
        let mut runs = mem::take(&mut self.runs);
        // Of each socket, whether it is full; there are few.
        let mut full = [0_u64; 4];
        runs.retain_mut(|run| {
            let socket = run.way.socket.0;
            let bit = 1 << (socket % 64);
            let Some(full) = full.get_mut(usize::from(socket / 64)) else {
                return false;
            };
            if *full & bit == 0 && !self.transmit_run(run, &mut send) {
                *full |= bit;
            }
            run.open = false;
            run.messages > 0
        });
        self.runs = runs;
        self.waiting = !self.runs.is_empty();
        self.orders.fill(0);
        self.current = 0;
        if !self.waiting {
            self.octets.clear();
            self.messages.clear();
        }
    }

    /// Gives a run, as far as it is taken; `false`: the socket is full.
    fn transmit_run(
        &mut self,
        run: &mut Run,
        send: &mut impl FnMut(&Way, &[IoSlice<'_>]) -> Option<usize>,
    ) -> bool {
        while run.messages > 0 {
            let mut slices = [IoSlice::new(&[]); RUN];
            let mut count = 0;
            let mut next = run.first;
            for slot in &mut slices {
                let Some(message) = self.messages.get(next as usize) else {
                    break;
                };
                let place = message.start as usize..message.end as usize;
                *slot = IoSlice::new(self.octets.get(place).unwrap_or_default());
                count += 1;
                next = message.next;
            }
            if count == 0 {
                run.messages = 0;
                break;
            }
            let Some(taken) = send(&run.way, slices.get(..count).unwrap_or_default()) else {
                self.stats.refused += count as u64;
                run.first = next;
                run.messages -= count;
                continue;
            };
            for _ in 0..taken.min(count) {
                let message = self.messages.get(run.first as usize);
                run.first = message.map_or(NONE, |message| message.next);
                run.messages -= 1;
            }
            if taken < count {
                return false;
            }
        }
        true
    }

    /// Gives what leaves elsewhere.
    pub fn take_aside(&mut self, mut take: impl FnMut(Aside, &[u8])) {
        for (what, place) in self.aside.drain(..) {
            take(what, self.aside_octets.get(place).unwrap_or_default());
        }
        self.aside_octets.clear();
    }

    fn put_aside(&mut self, what: Aside, octets: &[u8]) {
        if self.aside.len() == ASIDE {
            self.stats.aside_dropped += 1;
            return;
        }
        let start = self.aside_octets.len();
        self.aside_octets.extend_from_slice(octets);
        self.aside.push((what, start..self.aside_octets.len()));
    }

    /// Adds the octets from `start` on as a message to a peer.
    fn add(&mut self, way: &Way, start: usize) {
        let message = self.octets.get(start..).unwrap_or_default();
        let (length, order) = (message.len(), order_of(message));
        self.stats.messages += 1;
        if self.waiting && self.is_beyond(ROOM) {
            self.octets.truncate(start);
            self.stats.refused += 1;
            return;
        }
        self.stats.octets += length as u64;
        let number = self.messages.len() as u32;
        self.messages.push(Message {
            start: start as u32,
            end: self.octets.len() as u32,
            next: NONE,
        });
        let first = usize::from(
            self.orders
                .get(usize::from(order))
                .copied()
                .unwrap_or_default(),
        );
        let at = self.run_for(way, length, order, first);
        if let Some(place) = self.orders.get_mut(usize::from(order)) {
            *place = at as u16;
        }
        self.current = at;
        let Some(run) = self.runs.get_mut(at) else {
            return;
        };
        if run.messages == 0 {
            run.first = number;
        } else if let Some(last) = self.messages.get_mut(run.last as usize) {
            last.next = number;
        }
        run.open = length == run.length;
        run.last = number;
        run.order = order;
        run.messages += 1;
    }

    /// The run for a message of this length, from the run `first` on.
    fn run_for(&mut self, way: &Way, length: usize, order: u8, first: usize) -> usize {
        let fits = |run: &Run| run.open && run.length == length && run.way == *way;
        let current = self.runs.get(self.current);
        let current = current.filter(|_| self.current >= first);
        if current.is_some_and(fits) {
            return self.current;
        }
        let from = first.max(self.runs.len().saturating_sub(LOOK));
        let later = self.runs.get(from..).unwrap_or_default();
        if let Some(at) = later.iter().position(fits) {
            return from + at;
        }
        // The end of what was one super-packet.
        let ends =
            |run: &Run| run.open && run.order == order && run.length > length && run.way == *way;
        if current.is_some_and(ends) {
            return self.current;
        }
        self.runs.push(Run {
            way: *way,
            length,
            open: true,
            first: NONE,
            last: NONE,
            messages: 0,
            order,
        });
        self.runs.len() - 1
    }
}

/// Messages for which this is the same must not overtake each other: those of a control connection,
/// or of a session, by the numbers in their headers (RFC 2661 section 3.1).
fn order_of(message: &[u8]) -> u8 {
    let control = L2tp::is_control(message);
    // With the bit L a length is before the numbers.
    let length = message.first().is_some_and(|flags| flags & 0x40 != 0);
    let at = if length { 4 } else { 2 };
    let numbers = message.get(at..).and_then(|rest| rest.first_chunk());
    let numbers = numbers.map_or(0, |numbers| u32::from_be_bytes(*numbers));
    let numbers = if control { numbers | 0xffff } else { numbers };
    (numbers.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// A batch and the way to the TUN.
pub struct Outlet<'b> {
    batch: &'b mut Batch,
    write: Write<'b>,
}

impl Sink for Outlet<'_> {
    fn host(&mut self, packet: &[u8]) {
        let batch = &mut *self.batch;
        match &mut batch.coalescer {
            Some(coalescer) if batch.rest == 0 => {
                coalescer.push(packet, &mut self.write);
                let done = *coalescer.stats();
                let packets = done.packets - batch.probed.packets;
                if packets >= PROBE {
                    let spared = packets.saturating_sub(done.writes - batch.probed.writes);
                    batch.probed = done;
                    if spared < packets / WORTH {
                        // What waits goes first, or it would be overtaken.
                        coalescer.flush(&mut self.write);
                        batch.rest = REST;
                    }
                }
            }
            _ => {
                batch.rest = batch.rest.saturating_sub(1);
                (self.write)(&VirtioHeader::FINISHED_OCTETS, packet);
            }
        }
    }

    fn peer(
        &mut self,
        way: &Way,
        head: &[u8],
        octets: usize,
        write: impl FnOnce(&mut [u8]) -> bool,
    ) {
        let buffer = &mut self.batch.octets;
        let start = buffer.len();
        buffer.extend_from_slice(head);
        let payload = buffer.len();
        buffer.resize(payload + octets, 0);
        if buffer.get_mut(payload..).is_some_and(write) {
            self.batch.add(way, start);
        } else {
            buffer.truncate(start);
        }
    }

    fn copy(&mut self, to: SocketAddr, packet: &[u8]) {
        self.batch.put_aside(Aside::Copy(to), packet);
    }

    fn icmp(&mut self, packet: &[u8]) {
        self.batch.put_aside(Aside::Icmp, packet);
    }
}
