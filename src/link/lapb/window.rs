//! Packets on their way out: those that were sent and are not acknowledged, and those behind.

use std::collections::VecDeque;

use wanbox_wire::lapb::Modulo;

/// All numbers are counted from V(A), the last N(R) received: the number of the first packet.
#[derive(Debug)]
pub(super) struct Window {
    modulo: Modulo,
    k: usize,
    queue: usize,
    packets: VecDeque<Vec<u8>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    va: u8,
    /// Packets before V(S), at most k.
    next: usize,
    /// Packets that were sent; more than `next` when V(S) was set back.
    sent: usize,
    /// Numbers that were asked for one by one (SREJ).
    selected: VecDeque<u8>,
}

/// An I frame to send.
pub(super) struct Next<'w> {
    pub(super) ns: u8,
    /// Whether it was sent before.
    pub(super) again: bool,
    pub(super) packet: &'w [u8],
}

impl Window {
    pub(super) fn new(modulo: Modulo, k: u8, queue: usize) -> Self {
        let k = usize::from(k);
        Self {
            modulo,
            k,
            queue,
            packets: VecDeque::new(),
            spare: Vec::new(),
            va: 0,
            next: 0,
            sent: 0,
            selected: VecDeque::new(),
        }
    }

    /// Another k, and with nothing outstanding another modulo.
    pub(super) fn fit(&mut self, modulo: Modulo, k: u8) {
        self.modulo = modulo;
        self.k = usize::from(k);
    }

    /// V(A), the number of the first packet that is not acknowledged.
    pub(super) fn va(&self) -> u8 {
        self.va
    }

    /// Packets before V(S).
    pub(super) fn unacknowledged(&self) -> usize {
        self.next
    }

    /// Octets of the first packet.
    pub(super) fn first_length(&self) -> Option<usize> {
        self.packets.front().map(Vec::len)
    }

    /// V(S), the number of the packet to send next.
    pub(super) fn vs(&self) -> u8 {
        self.modulo.add(self.va, self.next as u8)
    }

    /// How many more packets are taken.
    pub(super) fn room(&self) -> usize {
        // A window that has shrunk may have less room than it is filled with.
        (self.k + self.queue).saturating_sub(self.packets.len())
    }

    /// Packets that are not acknowledged, sent or not.
    pub(super) fn waiting(&self) -> usize {
        self.packets.len()
    }

    /// Packets that were sent and are not acknowledged.
    pub(super) fn outstanding(&self) -> usize {
        self.sent
    }

    /// Takes a packet in two parts; `false` when there is no room.
    pub(super) fn push(&mut self, head: &[u8], packet: &[u8]) -> bool {
        if self.room() == 0 {
            return false;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(head);
        buffer.extend_from_slice(packet);
        self.packets.push_back(buffer);
        true
    }

    pub(super) fn has_next(&self) -> bool {
        self.next < self.k.min(self.packets.len()) || !self.selected.is_empty()
    }

    /// The packet of V(S), when the window is open; V(S) is then that of the one behind it.
    pub(super) fn take_next(&mut self) -> Option<Next<'_>> {
        while let Some(ns) = self.selected.pop_front() {
            let place = usize::from(self.modulo.steps(self.va, ns));
            if place < self.next {
                let packet = self.packets.get(place)?;
                let again = true;
                return Some(Next { ns, again, packet });
            }
        }
        let ns = self.vs();
        if !self.has_next() {
            return None;
        }
        let packet = self.packets.get(self.next)?;
        let again = self.next < self.sent;
        self.next += 1;
        self.sent = self.sent.max(self.next);
        Some(Next { ns, again, packet })
    }

    /// The first packet once more, whether or not the window is open.
    pub(super) fn take_first(&mut self) -> Option<Next<'_>> {
        let packet = self.packets.front()?;
        let again = self.sent > 0;
        self.next = self.next.max(1);
        self.sent = self.sent.max(1);
        let ns = self.va;
        Some(Next { ns, again, packet })
    }

    /// The packet of this number is to be sent again; `false` when it is not outstanding.
    pub(super) fn select(&mut self, number: u8) -> bool {
        let outstanding = usize::from(self.modulo.steps(self.va, number)) < self.sent;
        if outstanding && !self.selected.contains(&number) {
            self.selected.push_back(number);
        }
        outstanding
    }

    /// N(R) acknowledges everything before it: how many packets those are, or nothing when N(R) is
    /// neither the number of one that was sent nor the next.
    pub(super) fn acknowledge(&mut self, nr: u8) -> Option<usize> {
        let acknowledged = usize::from(self.modulo.steps(self.va, nr));
        if acknowledged > self.sent {
            return None;
        }
        self.spare.extend(self.packets.drain(..acknowledged));
        self.va = nr;
        self.next = self.next.saturating_sub(acknowledged);
        self.sent -= acknowledged;
        let (modulo, sent) = (self.modulo, self.sent);
        self.selected
            .retain(|number| usize::from(modulo.steps(nr, *number)) < sent);
        Some(acknowledged)
    }

    /// V(S) is set to the last N(R): what was sent behind it is sent again.
    pub(super) fn rewind(&mut self) {
        self.selected.clear();
        self.next = 0;
    }

    /// Numbers begin at 0 again; packets stay, and none of them counts as sent.
    pub(super) fn restart(&mut self) {
        self.va = 0;
        self.next = 0;
        self.sent = 0;
        self.selected.clear();
    }

    /// Forgets everything, and how many packets that was.
    pub(super) fn clear(&mut self) -> usize {
        let forgotten = self.packets.len();
        self.packets = VecDeque::new();
        self.spare = Vec::new();
        self.restart();
        forgotten
    }
}
