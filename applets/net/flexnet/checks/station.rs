//! A node with its link layer.

use std::collections::BTreeMap;
use std::time::Instant;

use wanbox_net_ax25::connection::Parameters;
use wanbox_net_ax25::{Ax25, Event as LinkEvent, How, Port, PortSettings};
use wanbox_sim::Endpoint;
use wanbox_wire::ax25::{Call, pid};

use crate::{Event, FlexNet};

/// The only line.
const PORT: Port = Port(0);

/// A node on connections of AX.25.
#[derive(Debug)]
pub struct Station {
    pub node: FlexNet,
    call: Call,
    /// The answers to queries by their numbers.
    pub ways: BTreeMap<u16, String>,
    /// Packets with records or queries that were sent.
    pub told: u64,
    ax25: Ax25,
    packet: Vec<u8>,
}

impl Station {
    pub fn new(now: Instant, call: Call) -> Self {
        let mut node = FlexNet::new();
        node.set_own(&[call]);
        // A timer that suits the channel.
        let parameters = Parameters {
            t1: 10_000,
            ..Parameters::default()
        };
        let mut ax25 = Ax25::new(now, parameters);
        let settings = PortSettings {
            call,
            datagram: false,
            forward: None,
        };
        ax25.set_port(PORT, settings);
        ax25.routes.default = Some(PORT);
        Self {
            node,
            call,
            ways: BTreeMap::new(),
            told: 0,
            ax25,
            packet: Vec::new(),
        }
    }

    /// Passes on what the layers have for each other.
    fn pass(&mut self, now: Instant) {
        loop {
            let mut idle = true;
            while let Some(of) = self.ax25.poll_packet(&mut self.packet) {
                idle = false;
                let How::I(link) = of.how else {
                    panic!("not on a connection: {of:?}");
                };
                assert_eq!(of.pid, pid::FLEXNET);
                let (from, to, link) = (of.from, of.to, link.number());
                self.node.received(now, from, to, link, &[], &self.packet);
            }
            while let Some(event) = self.ax25.poll_event() {
                idle = false;
                match event {
                    LinkEvent::Up { link, remote } => {
                        self.node.link_up(remote, self.call, link.number(), &[]);
                    }
                    LinkEvent::Down { link, remote, .. } => {
                        self.node.link_down(remote, link.number());
                    }
                    other => panic!("{other:?}"),
                }
            }
            while let Some(event) = self.node.poll_event() {
                idle = false;
                match event {
                    Event::Open(to) => {
                        let link = self.ax25.open_packets(now, to).unwrap();
                        if self.ax25.is_up(link) {
                            self.node.link_up(to, self.call, link.number(), &[]);
                        }
                    }
                    Event::Close(to) => self.ax25.close_idle(now, to),
                    Event::Result(number, way) => drop(self.ways.insert(number, way)),
                }
            }
            let ax25 = &self.ax25;
            let mut room = |to| ax25.has_packet_room(to);
            if let Some((to, packet)) = self.node.poll_transmit(now, &mut room) {
                idle = false;
                self.told += u64::from(matches!(packet[0], b'3' | b'6' | b'7'));
                if !self.ax25.send_packet(now, to, pid::FLEXNET, &packet) {
                    self.node.unreachable(to);
                }
            }
            // What AX.25 would make of the routes is not needed between neighbours.
            while self.node.poll_route().is_some() {}
            if idle {
                break;
            }
        }
    }
}

impl Endpoint for Station {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        assert!(self.ax25.receive(now, PORT, frame));
        self.pass(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.node.handle_timeout(now);
        self.ax25.handle_timeout(now);
        self.pass(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let timers = [self.node.poll_timeout(), self.ax25.poll_timeout()];
        timers.into_iter().flatten().min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.pass(now);
        let sent = self.ax25.poll_transmit(now, &mut |_| true, frame);
        sent.is_some()
    }
}
