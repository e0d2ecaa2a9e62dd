//! Two layers beside each other, without a link between that could do anything.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_sim::{Clock, hex};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::{Directions, Facility, FastSelect, PacketSize, ThroughputClass};
use wanbox_wire::x25::{Lci, Marks, Modulo, cause, diagnostic};

use super::*;

mod calls;
mod circuits;
mod links;
mod tables;

pub(super) fn lci(number: u16) -> Lci {
    Lci::new(number).unwrap()
}

/// One permanent circuit, and calls of all kinds.
pub(super) fn channels() -> Channels {
    Channels {
        permanent: Some(1..=2),
        incoming: Some(3..=4),
        two_way: Some(5..=8),
        outgoing: Some(9..=10),
    }
}

pub(super) const PLAIN: Marks = Marks {
    q: false,
    d: false,
    m: false,
};
pub(super) const MORE: Marks = Marks { m: true, ..PLAIN };
pub(super) const DELIVERY: Marks = Marks { d: true, ..PLAIN };

pub(super) fn called(number: &str) -> Call {
    Call {
        called: number.parse().unwrap(),
        calling: "2222".parse().unwrap(),
        user_data: vec![0xcc],
        ..Call::default()
    }
}

/// A DTE and a DCE whose packets go over at once and in order.
pub(super) struct Ends {
    pub(super) now: Instant,
    pub(super) dte: Layer,
    pub(super) dce: Layer,
}

impl Ends {
    pub(super) fn new(change: impl Fn(&mut Parameters)) -> Self {
        let end = |role| {
            let mut parameters = Parameters::new(role, channels());
            change(&mut parameters);
            Layer::new(parameters).unwrap()
        };
        Self {
            now: Clock::new().now(),
            dte: end(Role::Dte),
            dce: end(Role::Dce),
        }
    }

    /// Both are up, and nothing is left to be told.
    pub(super) fn up(change: impl Fn(&mut Parameters)) -> Self {
        let mut ends = Self::new(change);
        ends.dte.link_up(ends.now);
        ends.dce.link_up(ends.now);
        ends.settle();
        assert_eq!(events(&mut ends.dte), [Event::Up]);
        assert_eq!(events(&mut ends.dce), [Event::Up]);
        ends
    }

    /// Everything that is to be sent goes over.
    pub(super) fn settle(&mut self) {
        let mut packet = Vec::new();
        for _ in 0..10_000 {
            let mut quiet = true;
            if self.dte.poll_transmit(self.now, &mut packet) {
                self.dce.receive(self.now, &packet);
                quiet = false;
            }
            if self.dce.poll_transmit(self.now, &mut packet) {
                self.dte.receive(self.now, &packet);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
        panic!("no end of packets");
    }

    /// What both have to send passes each other.
    pub(super) fn exchange(&mut self) {
        let from_dte = sent(&mut self.dte, self.now);
        for packet in sent(&mut self.dce, self.now) {
            self.dte.receive(self.now, &packet);
        }
        for packet in from_dte {
            self.dce.receive(self.now, &packet);
        }
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.dte.handle_timeout(self.now);
        self.dce.handle_timeout(self.now);
        self.settle();
    }

    /// A call of the DTE that the DCE accepts.
    pub(super) fn connect(&mut self, call: &Call, answer: &Call) -> Lci {
        let channel = self.dte.call(self.now, call).unwrap();
        self.settle();
        assert!(
            matches!(events(&mut self.dce)[..], [Event::Incoming { channel: at, .. }] if at == channel)
        );
        self.dce.accept(self.now, channel, answer).unwrap();
        self.settle();
        assert!(
            matches!(events(&mut self.dte)[..], [Event::Connected { channel: at, .. }] if at == channel)
        );
        channel
    }
}

pub(super) fn cleared(by: By, channel: Lci, cause: u8, diagnostic: u8) -> Event {
    Event::Cleared {
        channel,
        by,
        cause,
        diagnostic,
        answer: Box::default(),
    }
}

pub(super) fn events(layer: &mut Layer) -> Vec<Event> {
    std::iter::from_fn(|| layer.poll_event()).collect()
}

/// All packets that a layer has to send, written down.
pub(super) fn sent(layer: &mut Layer, now: Instant) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut packet = Vec::new();
    while layer.poll_transmit(now, &mut packet) {
        all.push(packet.clone());
    }
    all
}

/// Messages that can be read, put together, with the marks of their last packets.
pub(super) fn read(layer: &mut Layer, now: Instant, channel: Lci) -> Vec<(Marks, Vec<u8>)> {
    let mut all = Vec::new();
    let mut message = Vec::new();
    while let Some(marks) = layer.read(now, channel, &mut message) {
        if !marks.m {
            all.push((marks, std::mem::take(&mut message)));
        }
    }
    assert!(message.is_empty(), "half a message");
    all
}

proptest! {
    #[test]
    fn any_octets_drive_a_layer(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_x25_layer(Clock::new().now(), &octets);
    }

    /// Packets that mean something, to a layer that is up.
    #[test]
    fn any_packets_drive_a_layer(
        kind in any::<u8>(),
        packets in prop::collection::vec(
            (1_u8..7, 0..TYPES.len(), any::<[u8; 2]>(), any::<[u8; 4]>()),
            0..100,
        ),
    ) {
        // Modulo 8, D allowed; and the answer to the restart.
        let mut octets = vec![kind & !2, 4 | 3 << 3, 0, 0x10, 0, 0xff];
        for (channel, at, values, wishes) in packets {
            let (kind, length) = TYPES[at];
            // Numbers for data and flow control.
            let numbered = kind & 1 == 0 || matches!(kind, 0x01 | 0x05 | 0x09);
            let kind = if numbered { kind | values[0] & 0xee } else { kind };
            octets.extend([4 | (3 + length) << 3, 0, 0x10 | values[1] & 0xc0, channel, kind]);
            octets.extend(&values[..length.into()]);
            octets.extend(wishes);
        }
        fuzz::fuzz_x25_layer(Clock::new().now(), &octets);
    }
}

/// Packet types with how much comes behind them.
const TYPES: [(u8, u8); 14] = [
    (0x0b, 2),
    (0x0f, 0),
    (0x13, 2),
    (0x17, 0),
    (0x00, 1),
    (0x00, 2),
    (0x01, 0),
    (0x05, 0),
    (0x23, 1),
    (0x27, 0),
    (0x1b, 2),
    (0x1f, 0),
    (0x33, 0),
    (0x09, 0),
];
