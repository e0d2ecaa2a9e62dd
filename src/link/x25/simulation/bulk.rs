//! Much data through many circuits over a line that loses frames.

use std::time::{Duration, Instant};

use wanbox_sim::{Endpoint, Impairments, Pair, Random};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::PacketSize;
use wanbox_wire::x25::{Lci, Marks, Modulo};

use crate::lapb;
use crate::x25::{Call, Channels, Event, Layer, Parameters};

const CIRCUITS: u16 = 16;
/// Octets of a message.
const MESSAGE: usize = 16 * 1024;
/// Octets of the packets of LAPB: the longest packet, modulo 128.
const N1: usize = 4096 + 4;

/// One direction of one circuit.
#[derive(Clone, Debug, Default)]
struct Stream {
    sent: u64,
    received: u64,
    partial: Vec<u8>,
}

/// Sends on every circuit as fast as it is taken, or reads what comes.
struct Host {
    link: lapb::Link,
    layer: Layer,
    /// Octets to send on each circuit.
    goal: u64,
    streams: Vec<Stream>,
    connected: u16,
    packet: Vec<u8>,
    message: Vec<u8>,
}

impl Host {
    fn new(role: Role, goal: u64) -> Self {
        let link = lapb::Parameters {
            modulo: Modulo::OneTwentyEight,
            t1: Duration::from_millis(100),
            t2: Duration::from_millis(5),
            n1: N1,
            n2: 200,
            k: 127,
            ..lapb::Parameters::default()
        };
        let parameters = Parameters {
            modulo: Modulo::OneTwentyEight,
            packet_size: PacketSize::MAX,
            window_limit: 127,
            window: 32,
            queue: 4 * MESSAGE,
            ..Parameters::new(
                role,
                Channels {
                    two_way: Some(1..=CIRCUITS),
                    ..Channels::default()
                },
            )
        };
        Self {
            link: lapb::Link::new(role, link).unwrap(),
            layer: Layer::new(parameters).unwrap(),
            goal,
            streams: vec![Stream::default(); usize::from(CIRCUITS) + 1],
            connected: 0,
            packet: Vec::new(),
            message: Vec::new(),
        }
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.link.engine_mut().poll_event() {
            assert_eq!(event, lapb::Event::Up, "a bad line is no dead line");
            self.layer.link_up(now);
        }
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Up if self.goal > 0 => {
                    for _ in 0..CIRCUITS {
                        self.layer.call(now, &Call::default()).unwrap();
                    }
                }
                Event::Up => {}
                Event::Incoming { channel, .. } => {
                    self.layer.accept(now, channel, &Call::default()).unwrap();
                }
                Event::Connected { channel, .. } => {
                    self.connected += 1;
                    self.talk(now, channel);
                }
                Event::Writable(channel) => self.talk(now, channel),
                Event::Readable(channel) => self.read(now, channel),
                other => panic!("{other:?}"),
            }
        }
        while self.link.engine().room() > 0 && self.layer.poll_transmit(now, &mut self.packet) {
            self.link.engine_mut().send(now, &self.packet).unwrap();
        }
    }

    /// Every octet is that of its place in the stream.
    fn talk(&mut self, now: Instant, channel: Lci) {
        let stream = &mut self.streams[usize::from(channel.get())];
        while stream.sent < self.goal {
            self.message.clear();
            let first = stream.sent / 8;
            let words = first..first + MESSAGE as u64 / 8;
            self.message.extend(words.flat_map(u64::to_be_bytes));
            let marks = Marks::default();
            if self.layer.send(now, channel, marks, &self.message).is_err() {
                return;
            }
            stream.sent += MESSAGE as u64;
        }
    }

    fn read(&mut self, now: Instant, channel: Lci) {
        let stream = &mut self.streams[usize::from(channel.get())];
        while let Some(marks) = self.layer.read(now, channel, &mut stream.partial) {
            if marks.m {
                continue;
            }
            assert_eq!(stream.partial.len(), MESSAGE);
            for word in stream.partial.as_chunks::<8>().0 {
                assert_eq!(u64::from_be_bytes(*word), stream.received / 8);
                stream.received += 8;
            }
            stream.partial.clear();
        }
    }
}

impl Endpoint for Host {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        if let Some(packet) = self.link.receive(now, frame) {
            self.layer.receive(now, packet);
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.engine_mut().handle_timeout(now);
        self.layer.handle_timeout(now);
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.engine().poll_timeout();
        link.into_iter().chain(self.layer.poll_timeout()).min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let sent = self.link.poll_transmit(now, frame);
        if sent {
            self.settle(now);
        }
        sent
    }
}

/// Sends this many octets in all over a line with this loss; returns the virtual time and both
/// ends.
fn transfer(octets: u64, loss: f64) -> (Duration, Host, Host) {
    let each = octets / u64::from(CIRCUITS);
    let line = Impairments {
        loss,
        delay: Duration::from_millis(5),
        ..Impairments::NONE
    };
    let seed = Random::new(loss.to_bits()).next_u64();
    let sender = |_| Host::new(Role::Dte, each);
    let mut pair = Pair::new(seed, line, sender, |_| Host::new(Role::Dce, 0));
    let now = pair.now();
    pair.a.link.engine_mut().connect(now);
    pair.b.link.engine_mut().listen();
    let all = |pair: &mut Pair<Host>| {
        let mut streams = pair.b.streams.iter().skip(1);
        streams.all(|stream| stream.received >= each)
    };
    let took = pair.run_until(Duration::from_secs(24 * 3600), all);
    let took = took.expect("all of it arrives");
    for stream in pair.b.streams.iter().skip(1) {
        assert!(stream.received < each + MESSAGE as u64);
    }
    (took, pair.a, pair.b)
}

#[test]
fn a_hundred_megabytes_through_sixteen_circuits() {
    for loss in [0.0, 0.01, 0.05] {
        let (took, sender, receiver) = transfer(100_000_000, loss);
        let counters = sender.layer.counters();
        assert_eq!(sender.connected, CIRCUITS);
        assert!(counters.traffic.sent.octets >= 100_000_000);
        assert_eq!(
            counters.traffic.sent,
            receiver.layer.counters().traffic.received
        );
        assert_eq!(counters.errors, 0);
        // Full packets, and acknowledgements for half a window.
        assert_eq!(
            counters.traffic.sent.octets,
            u64::from(counters.traffic.sent.data) * 4096
        );
        let data = counters.traffic.sent.data;
        assert!(
            receiver.layer.counters().traffic.sent.rr <= data / 8,
            "{took:?}"
        );
    }
}
