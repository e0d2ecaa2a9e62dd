//! What a plane gives, gathered: packets for the TUN merged by flows, data messages in runs to one
//! peer that the kernel takes as one.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::Range;

use wanbox_link::offload::{CoalesceStats, Coalescer};
use wanbox_wire::ip::VirtioHeader;

use super::{Sink, Way};
use crate::SessionId;

/// Messages that are sent at once when they are there.
const MESSAGES: usize = 256;
/// Octets after which a batch is full: some super-packets.
const OCTETS: usize = 192 * 1024;
/// Messages in one call to a socket.
const RUN: usize = 64;
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
    /// A packet for a session that is a bundle of calls.
    Bundle(SessionId),
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

#[derive(Debug)]
struct Message {
    place: Range<usize>,
    /// The next one to the same peer.
    next: Option<usize>,
}

/// The messages to one peer: first, last, number.
#[derive(Debug)]
struct Run {
    way: Way,
    first: usize,
    last: usize,
    messages: usize,
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
    aside: Vec<(Aside, Range<usize>)>,
    aside_octets: Vec<u8>,
    stats: BatchStats,
}

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
        self.messages.len() >= MESSAGES || self.octets.len() >= OCTETS
    }

    /// The place for a plane to put things. Packets for the TUN that must go at once are given to
    /// `write` with their virtio header, the others by [`Self::flush`].
    pub fn outlet<W: FnMut(&[u8; VirtioHeader::LEN], &[u8])>(&mut self, write: W) -> Outlet<'_, W> {
        Outlet { batch: self, write }
    }

    /// Gives the packets for the TUN that wait for more of their flow.
    pub fn flush(&mut self, mut write: impl FnMut(&[u8; VirtioHeader::LEN], &[u8])) {
        if let Some(coalescer) = &mut self.coalescer {
            coalescer.flush(&mut write);
        }
    }

    /// Gives the messages, up to 64 to one peer at a time, those to one peer in order. `send` returns how
    /// many it took; the others are lost.
    pub fn transmit(&mut self, mut send: impl FnMut(&Way, &[IoSlice<'_>]) -> usize) {
        for run in &self.runs {
            let mut next = Some(run.first);
            let mut left = run.messages;
            while left > 0 {
                let mut slices = [IoSlice::new(&[]); RUN];
                let mut count = 0;
                for slot in &mut slices {
                    let Some(message) = next.and_then(|at| self.messages.get(at)) else {
                        break;
                    };
                    let octets = self.octets.get(message.place.clone()).unwrap_or_default();
                    *slot = IoSlice::new(octets);
                    count += 1;
                    next = message.next;
                }
                if count == 0 {
                    break;
                }
                let taken = send(&run.way, slices.get(..count).unwrap_or_default());
                self.stats.refused += count.saturating_sub(taken) as u64;
                left -= count.min(left);
            }
        }
        self.stats.octets += self.octets.len() as u64;
        self.octets.clear();
        self.messages.clear();
        self.runs.clear();
        self.current = 0;
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
        let number = self.messages.len();
        self.stats.messages += 1;
        self.messages.push(Message {
            place: start..self.octets.len(),
            next: None,
        });
        let same = |run: &Run| run.way == *way;
        if !self.runs.get(self.current).is_some_and(same) {
            self.current = match self.runs.iter().position(same) {
                Some(at) => at,
                None => {
                    self.runs.push(Run {
                        way: *way,
                        first: number,
                        last: number,
                        messages: 0,
                    });
                    self.runs.len() - 1
                }
            };
        }
        let Some(run) = self.runs.get_mut(self.current) else {
            return;
        };
        if run.messages > 0
            && let Some(last) = self.messages.get_mut(run.last)
        {
            last.next = Some(number);
        }
        run.last = number;
        run.messages += 1;
    }
}

/// A batch and the way to the TUN.
pub struct Outlet<'b, W> {
    batch: &'b mut Batch,
    write: W,
}

impl<W: FnMut(&[u8; VirtioHeader::LEN], &[u8])> Sink for Outlet<'_, W> {
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

    fn bundle(&mut self, session: SessionId, packet: &[u8]) {
        self.batch.put_aside(Aside::Bundle(session), packet);
    }
}
