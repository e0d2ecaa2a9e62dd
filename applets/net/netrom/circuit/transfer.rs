//! The data phase of a circuit: windows, acknowledgements, what is busy and what is missing.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_wire::netrom::{Flags, MOST_DATA, Message};

use super::{Circuit, Shared, State, named};

/// An INFO that is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Sent {
    pub octets: Vec<u8>,
    at: Instant,
    /// It was sent more than once: what it took says nothing.
    again: bool,
}

/// A received INFO or INFOACK.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'p> {
    /// The number of the packet; of an INFOACK it means nothing.
    pub number: u8,
    /// The number that the peer expects next.
    pub expected: u8,
    pub flags: Flags,
    /// What an INFO carries.
    pub information: Option<&'p [u8]>,
}

impl Circuit {
    /// The number of the oldest packet that is not acknowledged.
    pub(super) fn first_unacknowledged(&self) -> u8 {
        self.send_next.wrapping_sub(self.sent.len() as u8)
    }

    /// Takes an INFO or INFOACK.
    pub(crate) fn transfer(&mut self, packet: &Received<'_>, shared: &mut Shared<'_>) {
        self.active(shared);
        if self.state != State::Connected {
            return;
        }
        self.acknowledged(packet.expected, shared);
        if packet.flags.choke {
            self.t1 = None;
            self.t4 = Some(shared.now + shared.parameters.busy_delay());
        } else {
            self.t4 = None;
        }
        if let Some(information) = packet.information {
            self.acknowledge = true;
            self.arrange(packet.number, information, shared);
        }
        if packet.flags.nak && !packet.flags.choke && !self.sent.is_empty() {
            self.repeat(0, shared);
            self.start_t1(shared.now);
        }
        self.output(shared);
        if self.acknowledge {
            self.send_acknowledgement(shared);
        }
        if self.t1.is_none() && self.t4.is_none() && !self.sent.is_empty() {
            self.start_t1(shared.now);
        }
    }

    /// Forgets what the peer has. T1 begins anew only when there is progress: the peer's own packets must not keep
    /// it from expiring.
    fn acknowledged(&mut self, expected: u8, shared: &Shared<'_>) {
        let count = usize::from(expected.wrapping_sub(self.first_unacknowledged()));
        if count == 0 || count > self.sent.len() {
            return;
        }
        let mut once = true;
        let mut last = None;
        for sent in self.sent.drain(..count) {
            once &= !sent.again;
            last = Some(sent.at);
        }
        if let Some(at) = last.filter(|_| once) {
            self.rtt.measured(shared.now.saturating_duration_since(at));
            self.congestion_window = (self.congestion_window + 1).min(self.window);
        }
        self.retries = 0;
        self.t1 = None;
    }

    /// Puts what an INFO carries in its place.
    fn arrange(&mut self, number: u8, information: &[u8], shared: &Shared<'_>) {
        let distance = number.wrapping_sub(self.receive_next);
        // A peer that does not stop when it is told is not listened to.
        let most = usize::from(self.window) + shared.parameters.threshold();
        if distance >= self.window || self.received.len() >= most * MOST_DATA {
            self.dropped += 1;
            return;
        }
        if distance > 0 {
            let ahead = self.reassembly.entry(distance);
            ahead.or_insert_with(|| information.to_vec());
            return;
        }
        if !self.released {
            self.received.extend(information);
        }
        let mut steps = 1;
        while let Some(next) = self.reassembly.remove(&steps) {
            if !self.released {
                self.received.extend(&next);
            }
            steps += 1;
        }
        self.receive_next = self.receive_next.wrapping_add(steps);
        let ahead = std::mem::take(&mut self.reassembly).into_iter();
        self.reassembly = ahead
            .map(|(distance, octets)| (distance - steps, octets))
            .collect();
        self.nak_sent = false;
        self.news.readable = true;
    }

    /// Sends what may be sent, and ends the circuit when that was all.
    pub(super) fn output(&mut self, shared: &mut Shared<'_>) {
        if self.state != State::Connected {
            return;
        }
        while self.t4.is_none() && self.sent.len() < usize::from(self.congestion_window) {
            let take = self.send.len().min(MOST_DATA);
            // Nagle: short ones wait for more while others are under way.
            if take == 0 || (take < MOST_DATA && !self.sent.is_empty()) {
                break;
            }
            self.sent.push_back(Sent {
                octets: self.send.drain(..take).collect(),
                at: shared.now,
                again: false,
            });
            self.send_next = self.send_next.wrapping_add(1);
            self.send_information(self.sent.len() - 1, shared);
            self.start_t1(shared.now);
        }
        if self.blocked && self.room() > 0 {
            self.blocked = false;
            self.news.writable = true;
        }
        if self.closed && self.send.is_empty() && self.sent.is_empty() {
            self.enter(State::DisconnectPending);
            self.disconnect(shared);
        }
    }

    /// T1 has expired: everything that is not acknowledged is sent again.
    pub(super) fn repeat_all(&mut self, shared: &mut Shared<'_>) {
        for at in 0..self.sent.len() {
            self.repeat(at, shared);
        }
        if !self.sent.is_empty() {
            self.start_t1(shared.now);
        }
    }

    fn repeat(&mut self, at: usize, shared: &mut Shared<'_>) {
        if let Some(sent) = self.sent.get_mut(at) {
            sent.again = true;
        }
        self.send_information(at, shared);
    }

    /// Sends an INFO of those that are not acknowledged.
    fn send_information(&mut self, at: usize, shared: &mut Shared<'_>) {
        let flags = self.flags(shared);
        if let Some(sent) = self.sent.get(at) {
            let message = Message::Information {
                yours: named(self.remote),
                tx: self.first_unacknowledged().wrapping_add(at as u8),
                rx: self.receive_next,
                flags,
                data: &sent.octets,
            };
            shared.out.send(self.node, &message);
            self.acknowledge = false;
        }
    }

    fn send_acknowledgement(&mut self, shared: &mut Shared<'_>) {
        let message = Message::InformationAcknowledge {
            yours: named(self.remote),
            tx: self.send_next,
            rx: self.receive_next,
            flags: self.flags(shared),
        };
        shared.out.send(self.node, &message);
        self.acknowledge = false;
    }

    /// The flags that are due: CHOKE while the owner reads too slowly, NAK once for each gap.
    fn flags(&mut self, shared: &Shared<'_>) -> Flags {
        let nak = !self.reassembly.is_empty() && !self.nak_sent;
        self.nak_sent |= nak;
        self.choke_sent = self.is_choked(shared);
        Flags {
            choke: self.choke_sent,
            nak,
            more: false,
        }
    }

    fn is_choked(&self, shared: &Shared<'_>) -> bool {
        self.received.len() >= shared.parameters.threshold() * MOST_DATA
    }

    /// Appends up to `most` octets that were received; how many. A peer that was told to stop goes on when there is
    /// room.
    pub(crate) fn read(&mut self, most: usize, to: &mut Vec<u8>, shared: &mut Shared<'_>) -> usize {
        let take = most.min(self.received.len());
        to.extend(self.received.drain(..take));
        if self.received.is_empty() {
            self.received = VecDeque::new();
        }
        if self.choke_sent && !self.is_choked(shared) && self.state == State::Connected {
            self.send_acknowledgement(shared);
        }
        take
    }
}
