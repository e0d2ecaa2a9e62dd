//! Packets on their way out: those that were sent and are not acknowledged, and those behind.

use std::collections::VecDeque;

use wanbox_wire::lapb::Modulo;

/// All numbers are counted from V(A), the last N(R) received: the number of the first packet.
#[derive(Debug)]
pub(super) struct Window {
    modulo: Modulo,
    k: usize,
    capacity: usize,
    packets: VecDeque<Vec<u8>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    va: u8,
    /// Packets before V(S), at most k.
    next: usize,
    /// Packets that were sent; more than `next` when V(S) was set back.
    sent: usize,
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
            capacity: k + queue,
            packets: VecDeque::new(),
            spare: Vec::new(),
            va: 0,
            next: 0,
            sent: 0,
        }
    }

    /// V(S), the number of the packet to send next.
    pub(super) fn vs(&self) -> u8 {
        self.modulo.add(self.va, self.next as u8)
    }

    /// How many more packets are taken.
    pub(super) fn room(&self) -> usize {
        self.capacity - self.packets.len()
    }

    /// Packets that are not acknowledged, sent or not.
    pub(super) fn waiting(&self) -> usize {
        self.packets.len()
    }

    /// Packets that were sent and are not acknowledged.
    pub(super) fn outstanding(&self) -> usize {
        self.sent
    }

    /// Takes a packet; `false` when there is no room.
    pub(super) fn push(&mut self, packet: &[u8]) -> bool {
        if self.room() == 0 {
            return false;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(packet);
        self.packets.push_back(buffer);
        true
    }

    pub(super) fn has_next(&self) -> bool {
        self.next < self.k.min(self.packets.len())
    }

    /// The packet of V(S), when the window is open; V(S) is then that of the one behind it.
    pub(super) fn take_next(&mut self) -> Option<Next<'_>> {
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
        Some(acknowledged)
    }

    /// V(S) is set to the last N(R): what was sent behind it is sent again.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
    }

    /// Numbers begin at 0 again; packets stay, and none of them counts as sent.
    pub(super) fn restart(&mut self) {
        self.va = 0;
        self.next = 0;
        self.sent = 0;
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
