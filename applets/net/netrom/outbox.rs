//! Packets of ours on their way out.

use std::collections::VecDeque;

use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::{Message, Network};

/// The most packets that wait for the link layer. Others are dropped, as on any network.
const MOST_QUEUED: usize = 256;
/// Buffers that are kept to be used again.
const MOST_SPARE: usize = 32;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// To a node, whichever way is best when it leaves.
    Node(Call),
    /// To a neighbour.
    Neighbour(Call),
}

/// Packets that wait.
#[derive(Debug)]
pub struct Outbox {
    /// Our node.
    pub call: Call,
    /// How many nodes a packet of ours may pass.
    pub time_to_live: u8,
    /// Packets that were dropped because too many waited.
    pub dropped: u64,
    queue: VecDeque<(Towards, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// Nothing waits.
    pub fn new(call: Call, time_to_live: u8) -> Self {
        Self {
            call,
            time_to_live,
            dropped: 0,
            queue: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// A packet from us to a node.
    pub fn send(&mut self, node: Call, message: &Message<'_>) {
        let network = Network {
            origin: self.call,
            destination: node,
            ttl: self.time_to_live,
        };
        self.push(Towards::Node(node), &mut |packet| {
            network.append(packet);
            message.append(packet);
        });
    }

    /// A packet that `write` makes.
    pub fn push(&mut self, towards: Towards, write: &mut dyn FnMut(&mut Vec<u8>)) {
        if self.queue.len() >= MOST_QUEUED {
            self.dropped += 1;
            return;
        }
        let mut packet = self.spare.pop().unwrap_or_default();
        write(&mut packet);
        self.queue.push_back((towards, packet));
    }

    /// The next packet, in place of what `packet` holds.
    pub fn pop(&mut self, packet: &mut Vec<u8>) -> Option<Towards> {
        let (towards, mut next) = self.queue.pop_front()?;
        std::mem::swap(packet, &mut next);
        if self.spare.len() < MOST_SPARE {
            next.clear();
            self.spare.push(next);
        }
        Some(towards)
    }
}
