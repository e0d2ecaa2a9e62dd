//! Data on their way: messages that wait to be sent, and packets that wait to be read (X.25 section
//! 4.4.1). All numbers are counted round.

use std::collections::VecDeque;

use wanbox_wire::x25::{Marks, Modulo};

/// What a message costs of the queue beside its octets, so that short ones are bounded too.
const OVERHEAD: usize = 32;
/// The longest message.
pub(super) const MESSAGE_LAST: usize = 64 * 1024;
/// Buffers that are kept to be used again, and octets of the longest.
const SPARE: (usize, usize) = (256, 16 * 1024);

/// Buffers to be used again.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// A buffer with these octets.
    fn take(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut buffer = self.0.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(octets);
        buffer
    }

    fn give(&mut self, buffer: Vec<u8>) {
        if self.0.len() < SPARE.0 && buffer.capacity() <= SPARE.1 {
            self.0.push(buffer);
        }
    }
}

/// A message that waits, or what is left of it.
#[derive(Debug)]
struct Message {
    marks: Marks,
    octets: Vec<u8>,
    sent: usize,
}

impl Message {
    /// Whether the packet that its last octet is in ends there: without M, and with D.
    fn closes(&self) -> bool {
        !self.marks.m || self.marks.d
    }
}

/// What is to be sent, and how much of it the peer has.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// P(S) of the next packet.
    pub(super) vs: u8,
    /// Last P(R) received.
    pub(super) va: u8,
    /// RNR came.
    pub(super) peer_busy: bool,
    /// A message was refused.
    pub(super) refused: bool,
    /// Packets that the peer acknowledged. Wraps.
    pub(super) delivered: u32,
    messages: VecDeque<Message>,
    /// Octets in them that were not sent.
    octets: usize,
    /// How many of them close a packet.
    closing: usize,
    /// Q of the message that the next one continues.
    q: Option<bool>,
    /// P(S) of the packets with D that were sent.
    with_delivery: VecDeque<u8>,
}

impl Outgoing {
    /// Octets that were not sent.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// How long a message may be, when the queue is that long.
    pub(super) fn room(&self, queue: usize) -> usize {
        if self.messages.is_empty() {
            return MESSAGE_LAST;
        }
        let taken = self.octets + (self.messages.len() + 1) * OVERHEAD;
        queue.saturating_sub(taken).min(MESSAGE_LAST)
    }

    /// Whether a message of this length is taken, when the queue is that long.
    pub(super) fn takes(&self, length: usize, queue: usize) -> bool {
        let taken = self.octets + (self.messages.len() + 1) * OVERHEAD;
        self.messages.is_empty() || taken + length <= queue
    }

    /// Whether enough was sent that a message that was refused has a chance.
    pub(super) fn has_drained(&self, queue: usize) -> bool {
        self.messages.is_empty() || self.room(queue) >= queue / 2
    }

    /// Whether a message with this Q may follow.
    pub(super) fn fits(&self, q: bool) -> bool {
        self.q.is_none_or(|before| before == q)
    }

    pub(super) fn push(&mut self, marks: Marks, message: &[u8], spare: &mut Spare) {
        self.q = marks.m.then_some(marks.q);
        let message = Message {
            marks,
            octets: spare.take(message),
            sent: 0,
        };
        // Nothing that is continued says nothing.
        if message.octets.is_empty() && !message.closes() {
            spare.give(message.octets);
            return;
        }
        self.octets += message.octets.len();
        self.closing += usize::from(message.closes());
        self.messages.push_back(message);
    }

    /// Packets that the peer has not acknowledged.
    pub(super) fn outstanding(&self, modulo: Modulo) -> u8 {
        modulo.steps(self.va, self.vs)
    }

    /// Whether a packet of this size can be made, and the window is open for it.
    pub(super) fn has_packet(&self, modulo: Modulo, window: u8, size: usize) -> bool {
        !self.peer_busy
            && self.outstanding(modulo) < window
            && (self.closing > 0 || self.octets >= size)
    }

    /// The marks of the next packet. Messages that continue each other share packets, for one with M
    /// alone must be full (4.3.4).
    pub(super) fn next_marks(&self, size: usize) -> Marks {
        let mut room = size;
        let mut marks = Marks::default();
        for message in &self.messages {
            let left = message.octets.len() - message.sent;
            marks.q = message.marks.q;
            if left > room || (left == room && !message.closes()) {
                break;
            }
            if message.closes() {
                return message.marks;
            }
            room -= left;
        }
        Marks { m: true, ..marks }
    }

    /// Appends the data of the next packet, and counts it as sent.
    pub(super) fn take(
        &mut self,
        modulo: Modulo,
        size: usize,
        delivery: bool,
        packet: &mut Vec<u8>,
        spare: &mut Spare,
    ) -> usize {
        if delivery {
            self.with_delivery.push_back(self.vs);
        }
        self.vs = modulo.add(self.vs, 1);
        let mut room = size;
        while let Some(message) = self.messages.front_mut() {
            let left = message.octets.get(message.sent..).unwrap_or_default();
            let part = left.get(..room).unwrap_or(left);
            packet.extend_from_slice(part);
            message.sent += part.len();
            self.octets -= part.len();
            room -= part.len();
            if message.sent < message.octets.len() {
                break;
            }
            let closes = message.closes();
            self.closing -= usize::from(closes);
            if let Some(message) = self.messages.pop_front() {
                spare.give(message.octets);
            }
            if closes || room == 0 {
                break;
            }
        }
        size - room
    }

    /// P(R) came: whether it can be, and whether a packet with D was delivered.
    pub(super) fn acknowledge(&mut self, modulo: Modulo, pr: u8) -> Option<bool> {
        let acknowledged = modulo.steps(self.va, pr);
        if acknowledged > self.outstanding(modulo) {
            return None;
        }
        let mut told = false;
        while let Some(&ps) = self.with_delivery.front()
            && modulo.steps(self.va, ps) < acknowledged
        {
            self.with_delivery.pop_front();
            told = true;
        }
        self.va = pr;
        self.delivered = self.delivered.wrapping_add(acknowledged.into());
        Some(told)
    }

    /// Everything is forgotten; how many octets were not sent.
    fn clear(&mut self, spare: &mut Spare) -> usize {
        for message in self.messages.drain(..) {
            spare.give(message.octets);
        }
        let forgotten = self.octets;
        let refused = self.refused;
        *self = Self {
            refused,
            ..Self::default()
        };
        forgotten
    }
}

/// What was received, and how much of it the peer knows to be.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// P(S) of the next packet.
    pub(super) vr: u8,
    /// Last P(R) sent.
    pub(super) acknowledged: u8,
    /// Whether the owner knows that there are packets.
    pub(super) told: bool,
    /// Whether the owner is busy.
    pub(super) busy: bool,
    /// Whether packets with D are delivered when the owner says so.
    pub(super) withhold: bool,
    /// Whether the acknowledgement has a deadline.
    pub(super) listed: bool,
    packets: VecDeque<(Marks, Vec<u8>)>,
    /// Q of the packet that the next one continues.
    q: Option<bool>,
    /// P(S) of the packets that are withheld.
    withheld: VecDeque<u8>,
}

impl Incoming {
    /// Packets that were not read.
    pub(super) fn unread(&self) -> usize {
        self.packets.len()
    }

    /// P(R): everything before it was read and delivered.
    pub(super) fn pr(&self, modulo: Modulo) -> u8 {
        let read = modulo.steps(self.packets.len() as u8, self.vr);
        self.withheld.front().copied().unwrap_or(read)
    }

    /// Packets that were read and delivered, of which the peer does not know.
    pub(super) fn unacknowledged(&self, modulo: Modulo) -> u8 {
        modulo.steps(self.acknowledged, self.pr(modulo))
    }

    /// Whether a packet with this P(S) is the next, and inside the window.
    pub(super) fn expects(&self, modulo: Modulo, window: u8, ps: u8) -> bool {
        ps == self.vr && modulo.steps(self.acknowledged, ps) < window
    }

    /// Whether a packet with this Q may follow.
    pub(super) fn fits(&self, q: bool) -> bool {
        self.q.is_none_or(|before| before == q)
    }

    pub(super) fn push(&mut self, modulo: Modulo, marks: Marks, data: &[u8], spare: &mut Spare) {
        self.q = marks.m.then_some(marks.q);
        self.vr = modulo.add(self.vr, 1);
        self.packets.push_back((marks, spare.take(data)));
    }

    /// Appends the oldest packet.
    pub(super) fn read(
        &mut self,
        modulo: Modulo,
        data: &mut Vec<u8>,
        spare: &mut Spare,
    ) -> Option<Marks> {
        let ps = modulo.steps(self.packets.len() as u8, self.vr);
        let (marks, octets) = self.packets.pop_front()?;
        if marks.d && self.withhold {
            self.withheld.push_back(ps);
        }
        data.extend_from_slice(&octets);
        spare.give(octets);
        Some(marks)
    }

    /// The oldest packet that is withheld is delivered, if there is one.
    pub(super) fn deliver(&mut self) -> bool {
        self.withheld.pop_front().is_some()
    }

    /// All packets that are withheld are delivered, if there are any.
    pub(super) fn deliver_all(&mut self) -> bool {
        let waited = !self.withheld.is_empty();
        self.withheld.clear();
        waited
    }

    /// Everything is forgotten; how many packets were not read.
    fn clear(&mut self, spare: &mut Spare) -> usize {
        let forgotten = self.packets.len();
        for (_, octets) in self.packets.drain(..) {
            spare.give(octets);
        }
        let Self {
            busy,
            withhold,
            listed,
            ..
        } = *self;
        *self = Self {
            busy,
            withhold,
            listed,
            ..Self::default()
        };
        forgotten
    }
}

/// Both directions of a circuit begin anew: octets that were not sent, packets that were not read.
pub(super) fn clear(
    outgoing: &mut Outgoing,
    incoming: &mut Incoming,
    spare: &mut Spare,
) -> (usize, usize) {
    (outgoing.clear(spare), incoming.clear(spare))
}
