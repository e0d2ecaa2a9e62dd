//! Receiving: fragments in any order become packets in theirs.
//!
//! Section 4.1 of RFC 1990: a link never reorders, so once every member has sent a sequence number
//! beyond a missing one (M, the least of the last numbers of all members, is greater), the missing
//! one is lost, and with it the packet it belongs to. A member that is silent hides losses; then
//! the time decides.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_wire::ppp::multilink::{Format, Fragment};

use super::{Bundle, Config, MAX_MEMBERS, Member, MemberId, Stats};

/// The octets of a Protocol field, which the MRRU does not count.
const PROTOCOL: usize = 2;

/// So many fragments one after another whose numbers went back mean that the peer numbers anew, as
/// does a single one when nothing else came for the bundle's patience. Duplicates look the same,
/// but come neither in such runs nor so late.
const RESTART_AFTER: u32 = 64;

/// Buffers that are kept to be used again, and the octets of each at most: what waited once must
/// not take memory for ever.
const SPARE: usize = 64;
const SPARE_OCTETS: usize = 2048;

/// A place for one sequence number.
#[derive(Debug)]
struct Slot {
    /// The fragment, when it came.
    came: Option<Came>,
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Came {
    begin: bool,
    end: bool,
    at: Instant,
    /// Over which member.
    member: MemberId,
}

/// Fragments that wait for others.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// The number of the first slot: everything before was given out or given up.
    next: u32,
    /// Something was received since the start.
    synchronised: bool,
    /// From `next` on; the last slot, if any, is filled.
    slots: VecDeque<Slot>,
    fragments: usize,
    octets: usize,
    /// So many slots from the first on are the beginning of a packet.
    scanned: usize,
    /// So many slots from the first on are a whole packet.
    complete: usize,
    /// Numbers that went back, one after another.
    backward: u32,
    /// When a fragment came that was neither late nor doubled.
    accepted: Option<Instant>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

impl Reassembly {
    pub fn next_sequence(&self) -> u32 {
        self.next
    }

    pub fn waiting(&self) -> (usize, usize) {
        (self.fragments, self.octets)
    }

    /// Back to the start; what waits is discarded.
    pub fn reset(&mut self, stats: &mut Stats) {
        stats.discarded += self.fragments as u64;
        while self.pop().is_some() {}
        self.next = 0;
        self.synchronised = false;
        self.backward = 0;
        self.scanned = 0;
        self.complete = 0;
    }

    /// Takes the first slot away, without advancing `next`.
    fn pop(&mut self) -> Option<Option<Came>> {
        let slot = self.slots.pop_front()?;
        if slot.came.is_some() {
            self.fragments -= 1;
            self.octets -= slot.data.len();
            if self.spare.len() < SPARE && slot.data.capacity() <= SPARE_OCTETS {
                self.spare.push(slot.data);
            }
        }
        Some(slot.came)
    }

    /// Gives up the first `count` slots: the filled ones are discarded, the others lost.
    fn give_up(&mut self, format: Format, count: usize, stats: &mut Stats) {
        for _ in 0..count {
            match self.pop() {
                Some(Some(_)) => stats.discarded += 1,
                Some(None) => stats.lost += 1,
                None => break,
            }
            self.next = format.advance(self.next, 1);
        }
        self.scanned = 0;
        self.complete = 0;
    }

    /// Moves on until the first packet is whole or a fragment is missing that may still come.
    fn settle(&mut self, format: Format, members: &[Option<Member>], stats: &mut Stats) {
        while self.complete == 0 {
            let Some(slot) = self.slots.get(self.scanned) else {
                return;
            };
            match slot.came {
                None => {
                    if !is_lost(
                        format,
                        format.advance(self.next, self.scanned as u32),
                        members,
                    ) {
                        return;
                    }
                    self.give_up(format, self.scanned + 1, stats);
                }
                Some(came) if self.scanned == 0 && !came.begin => {
                    self.pop();
                    self.next = format.advance(self.next, 1);
                    stats.orphans += 1;
                }
                // The packet before it has no end.
                Some(came) if self.scanned > 0 && came.begin => {
                    self.give_up(format, self.scanned, stats);
                }
                Some(came) => {
                    self.scanned += 1;
                    if came.end {
                        self.complete = self.scanned;
                        self.scanned = 0;
                    }
                }
            }
        }
    }

    /// Makes room for a fragment `offset` slots from the first, of `octets`. What waits longest is
    /// given up. The offset that it has then; `None` when it was passed.
    fn make_room(
        &mut self,
        config: &Config,
        mut offset: usize,
        octets: usize,
        stats: &mut Stats,
    ) -> Option<usize> {
        let format = config.receive_format;
        let crowded = |this: &Self, offset: usize| {
            offset >= config.max_fragments || this.octets + octets > config.max_octets
        };
        if !crowded(self, offset) {
            return Some(offset);
        }
        stats.overflows += 1;
        while crowded(self, offset) {
            if self.slots.is_empty() {
                // Nothing waits: it is only far away, or too long for any room.
                let skipped = (offset + 1).saturating_sub(config.max_fragments);
                stats.lost += skipped as u64;
                self.next = format.advance(self.next, skipped as u32);
                return (octets <= config.max_octets).then_some(offset - skipped);
            }
            self.give_up(format, 1, stats);
            offset = offset.checked_sub(1)?;
        }
        Some(offset)
    }

    /// Puts a fragment into its slot, which is free.
    fn put(&mut self, offset: usize, came: Came, data: &[u8]) -> bool {
        while self.slots.len() <= offset {
            self.slots.push_back(Slot {
                came: None,
                data: Vec::new(),
            });
        }
        let Some(slot) = self.slots.get_mut(offset) else {
            return false;
        };
        if slot.came.is_some() {
            return false;
        }
        slot.came = Some(came);
        // A longer one than usual gets a buffer of its own.
        let fits = data.len() <= SPARE_OCTETS;
        slot.data = fits.then(|| self.spare.pop()).flatten().unwrap_or_default();
        slot.data.clear();
        slot.data.extend_from_slice(data);
        self.fragments += 1;
        self.octets += data.len();
        true
    }

    fn is_filled(&self, offset: usize) -> bool {
        self.slots
            .get(offset)
            .is_some_and(|slot| slot.came.is_some())
    }

    /// The first slot behind the gap that everything waits for; `None` when nothing is behind it.
    fn behind_gap(&self) -> Option<usize> {
        let rest = self.slots.iter().skip(self.scanned);
        let place = rest.take_while(|slot| slot.came.is_none()).count() + self.scanned;
        (place < self.slots.len()).then_some(place)
    }

    /// Since when something waits in vain for a fragment.
    fn waits_since(&self) -> Option<Instant> {
        if self.complete > 0 {
            return None;
        }
        let place = match self.behind_gap() {
            Some(place) => place,
            None => self.scanned.checked_sub(1)?,
        };
        Some(self.slots.get(place)?.came?.at)
    }
}

/// How much of a packet came over which member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    octets: [u32; MAX_MEMBERS],
    first: MemberId,
}

impl Shares {
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn add(&mut self, member: MemberId, octets: usize) {
        if self.octets == [0; MAX_MEMBERS] {
            self.first = member;
        }
        if let Some(sum) = self.octets.get_mut(usize::from(member.0)) {
            *sum = sum.saturating_add(octets as u32);
        }
    }

    /// The member that its first octet came over.
    #[must_use]
    pub fn first(&self) -> MemberId {
        self.first
    }

    /// The members that took part, and the octets of the packet that came over each, with its
    /// Protocol field.
    pub fn iter(&self) -> impl Iterator<Item = (MemberId, u32)> {
        (0..)
            .map(MemberId)
            .zip(self.octets)
            .filter(|(_, octets)| *octets > 0)
    }
}

/// Whether every member has passed this number.
fn is_lost(format: Format, sequence: u32, members: &[Option<Member>]) -> bool {
    let mut members = members.iter().flatten().peekable();
    members.peek().is_some()
        && members.all(|member| format.distance(sequence, member.last_seen) > 0)
}

impl Bundle {
    /// Takes a fragment that came over a member: the information field of its frame. A packet
    /// that is whole in it and next in order is returned at once, from its Protocol field on;
    /// packets that it completes, or that waited for it, come from [`Self::poll_packet`], after
    /// the returned one.
    pub fn receive<'f>(
        &mut self,
        now: Instant,
        id: MemberId,
        octets: &'f [u8],
    ) -> Option<&'f [u8]> {
        let format = self.config.receive_format;
        let member = self.members.get_mut(usize::from(id.0));
        let (Ok(fragment), Some(member)) = (
            Fragment::parse(format, octets),
            member.and_then(Option::as_mut),
        ) else {
            self.stats.rx_malformed += 1;
            return None;
        };
        let header = fragment.header;
        self.stats.rx_fragments += 1;
        member.stats.rx_fragments += 1;
        member.stats.rx_octets += fragment.data.len() as u64;
        if !self.reassembly.synchronised {
            self.reassembly.synchronised = true;
            let distance = format.distance(self.reassembly.next, header.sequence);
            // A peer may be in the middle of its numbers already.
            if !(0..self.config.max_fragments as i32).contains(&distance) {
                self.restart_at(header.sequence);
            }
        }
        let mut offset = format.distance(self.reassembly.next, header.sequence);
        if offset < 0 {
            if !self.has_restarted(now, id, header.sequence) {
                self.stats.late += 1;
                return None;
            }
            self.stats.restarts += 1;
            self.stats.discarded += self.reassembly.fragments as u64;
            while self.reassembly.pop().is_some() {}
            self.restart_at(header.sequence);
            offset = 0;
        }
        let offset = usize::try_from(offset).unwrap_or_default();
        self.reassembly.backward = 0;
        if self.reassembly.is_filled(offset) {
            self.stats.duplicates += 1;
            return None;
        }
        self.reassembly.accepted = Some(now);
        if let Some(member) = self.member_mut(id) {
            for seen in [&mut member.last_seen, &mut member.highest] {
                if format.distance(*seen, header.sequence) > 0 {
                    *seen = header.sequence;
                }
            }
        }
        if offset == 0 && header.begin && header.end {
            // The first slot is free, so no packet waits before this one.
            self.reassembly.pop();
            self.reassembly.next = format.advance(self.reassembly.next, 1);
            self.settle();
            return self
                .check_length(fragment.data.len())
                .then_some(fragment.data);
        }
        let (config, stats) = (&self.config, &mut self.stats);
        let data = fragment.data;
        let room = self.reassembly.make_room(config, offset, data.len(), stats);
        let Some(offset) = room else {
            self.stats.discarded += 1;
            self.settle();
            return None;
        };
        let came = Came {
            begin: header.begin,
            end: header.end,
            at: now,
            member: id,
        };
        self.reassembly.put(offset, came, data);
        self.settle();
        None
    }

    /// The next packet that is whole, from its Protocol field on, written over `packet`; `false`
    /// when there is none.
    pub fn poll_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        loop {
            let count = self.reassembly.complete;
            if count == 0 {
                return false;
            }
            packet.clear();
            self.shares.clear();
            for slot in self.reassembly.slots.iter().take(count) {
                packet.extend_from_slice(&slot.data);
                if let Some(came) = slot.came {
                    self.shares.add(came.member, slot.data.len());
                }
            }
            let format = self.config.receive_format;
            for _ in 0..count {
                self.reassembly.pop();
            }
            self.reassembly.next = format.advance(self.reassembly.next, count as u32);
            self.reassembly.complete = 0;
            self.settle();
            if self.check_length(packet.len()) {
                return true;
            }
        }
    }

    /// Over which members the packet came that [`Self::poll_packet`] gave last.
    #[must_use]
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.reassembly.waits_since()? + self.config.patience)
    }

    /// Gives up fragments that were waited for long enough. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let gap = self.reassembly.behind_gap();
            let count = gap.unwrap_or(self.reassembly.scanned);
            let format = self.config.receive_format;
            self.reassembly.give_up(format, count, &mut self.stats);
            self.stats.timeouts += 1;
            self.settle();
        }
    }

    pub(super) fn settle(&mut self) {
        let format = self.config.receive_format;
        self.reassembly
            .settle(format, &self.members, &mut self.stats);
        // A silent member must not seem to be ahead once the numbers have come around.
        let next = self.reassembly.next;
        for member in self.members.iter_mut().flatten() {
            if format.distance(next, member.last_seen) < 0 {
                member.last_seen = format.advance(next, format.mask());
            }
        }
    }

    /// Counts a packet of this length; whether it is one to give out.
    fn check_length(&mut self, octets: usize) -> bool {
        let counter = if octets == 0 {
            &mut self.stats.rx_null
        } else if octets > self.config.receive_limit + PROTOCOL {
            &mut self.stats.rx_too_long
        } else {
            &mut self.stats.rx_packets
        };
        *counter += 1;
        (1..=self.config.receive_limit + PROTOCOL).contains(&octets)
    }

    /// Whether the peer numbers anew: members went back again and again, and nothing new came.
    fn has_restarted(&mut self, now: Instant, id: MemberId, sequence: u32) -> bool {
        let format = self.config.receive_format;
        let quiet = self
            .reassembly
            .accepted
            .is_none_or(|at| now.saturating_duration_since(at) > self.config.patience);
        let Some(member) = self.member_mut(id) else {
            return false;
        };
        if format.distance(member.highest, sequence) > 0 {
            // Only late: it is a slow member's next one.
            member.highest = sequence;
        } else {
            self.reassembly.backward += if quiet { RESTART_AFTER } else { 1 };
        }
        self.reassembly.backward >= RESTART_AFTER
    }

    /// The next fragment is this one, and no member has sent it yet. Nothing waits.
    pub(super) fn restart_at(&mut self, sequence: u32) {
        let format = self.config.receive_format;
        self.reassembly.next = sequence;
        self.reassembly.scanned = 0;
        self.reassembly.complete = 0;
        self.reassembly.backward = 0;
        for member in self.members.iter_mut().flatten() {
            member.last_seen = format.advance(sequence, format.mask());
            member.highest = member.last_seen;
        }
    }
}
