//! A node with its link layer, and somebody at a circuit.

use std::time::{Duration, Instant};

use wanbox_link::lapb::Cause;
use wanbox_net_ax25::connection::Parameters;
use wanbox_net_ax25::{Ax25, Event as LinkEvent, How, Port, PortSettings};
use wanbox_sim::{Endpoint, Random};
use wanbox_wire::ax25::{Call, pid};

use crate::{Broadcast, CircuitId, Event, NetRom, Reason, State};

/// The only line.
const PORT: Port = Port(0);

/// How packets go over the channel.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    /// One frame each, once: destination, source, packet.
    Datagrams,
    /// In connections of AX.25, with these parameters.
    Connections(Parameters),
}

impl Link {
    /// Connections whose timers suit the channel.
    pub fn connections() -> Self {
        Self::Connections(Parameters {
            t1: 10_000,
            ..Parameters::default()
        })
    }
}

/// A node.
#[derive(Debug)]
pub struct Station {
    pub node: NetRom,
    /// Reads and writes as fast as it can.
    pub eager: bool,
    /// What became of circuits.
    pub ended: Vec<(State, Reason)>,
    call: Call,
    ax25: Option<Ax25>,
    random: Random,
    circuit: Option<CircuitId>,
    /// We opened it, and close it.
    ours: bool,
    to_send: Vec<u8>,
    to_receive: usize,
    sent: usize,
    received: Vec<u8>,
    /// When there is more to be read and written.
    next: Option<Instant>,
    /// Holds a packet.
    packet: Vec<u8>,
}

impl Station {
    pub fn new(now: Instant, call: Call, link: Link, random: Random) -> Self {
        let mut node = NetRom::new(now);
        node.set_call(call);
        node.set_serving(true);
        let path = vec![Call::NODES];
        node.add_broadcast(Broadcast { port: PORT.0, path })
            .unwrap();
        let ax25 = match link {
            Link::Datagrams => None,
            Link::Connections(parameters) => {
                let mut ax25 = Ax25::new(now, parameters);
                let settings = PortSettings {
                    call,
                    datagram: false,
                    forward: None,
                };
                ax25.set_port(PORT, settings);
                Some(ax25)
            }
        };
        Self {
            node,
            eager: false,
            ended: Vec::new(),
            call,
            ax25,
            random,
            circuit: None,
            ours: false,
            to_send: Vec::new(),
            to_receive: 0,
            sent: 0,
            received: Vec::new(),
            next: None,
            packet: Vec::new(),
        }
    }

    /// What is to go over the next circuit.
    pub fn expects(&mut self, to_send: &[u8], to_receive: &[u8]) {
        self.to_send = to_send.to_vec();
        self.to_receive = to_receive.len();
        self.sent = 0;
        self.received.clear();
        self.ended.clear();
        self.ours = false;
    }

    pub fn connect(&mut self, now: Instant, node: Call, user: Call) {
        self.circuit = Some(self.node.connect(now, node, user).unwrap());
        self.ours = true;
        self.next = Some(now);
    }

    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// The circuit is gone, and all there was is read.
    pub fn is_over(&self) -> bool {
        self.circuit.is_none() && !self.ended.is_empty()
    }

    /// Somebody reads and writes now and then.
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.node.poll_event() {
            if let Event::Incoming(id) = event {
                assert_eq!(self.circuit, None, "one circuit is opened once");
                self.circuit = Some(id);
            }
            if self.next.is_none() {
                self.next = Some(now);
            }
        }
        let Some(id) = self
            .circuit
            .filter(|_| self.next.is_some_and(|next| next <= now))
        else {
            return;
        };
        let most = if self.eager { 10_000 } else { 500 };
        let end = self
            .to_send
            .len()
            .min(self.sent + self.random.between(1, most) as usize);
        self.sent += self.node.send(now, id, &self.to_send[self.sent..end]);
        let most = self.random.between(1, most) as usize;
        let read = self.node.read(now, id, most, &mut self.received);
        let circuit = self.node.circuit(id).unwrap();
        let all_sent = self.sent == self.to_send.len();
        let all_received = self.received.len() >= self.to_receive;
        self.next = None;
        if circuit.state() == State::Disconnected && circuit.receive_queue() == 0 {
            self.ended.push((circuit.state(), circuit.reason()));
            self.node.release(now, id);
            self.circuit = None;
        } else if self.ours && all_sent && all_received && circuit.state() == State::Connected {
            // Before it is connected this would take back what was given to it.
            self.node.close(now, id);
        } else if read > 0 || circuit.receive_queue() > 0 || (!all_sent && circuit.room() > 0) {
            let pause = if self.eager {
                0
            } else {
                self.random.below(20_000)
            };
            self.next = Some(now + Duration::from_millis(pause.max(1)));
        }
    }

    /// Passes on what the layers have for each other.
    fn pass(&mut self, now: Instant) {
        let Some(ax25) = &mut self.ax25 else {
            return;
        };
        loop {
            let mut idle = true;
            while let Some(of) = ax25.poll_packet(&mut self.packet) {
                idle = false;
                assert_eq!(of.pid, pid::NETROM);
                match of.how {
                    How::Ui => self.node.heard(now, of.from, &self.packet),
                    How::I(_) => assert_eq!(self.node.received(now, of.from, &self.packet), None),
                }
            }
            while let Some(event) = ax25.poll_event() {
                idle = false;
                if let LinkEvent::Down { remote, reason, .. } = event
                    && matches!(reason, Cause::NoAnswer | Cause::Refused)
                {
                    self.node.neighbour_lost(now, remote);
                }
            }
            while let Some(neighbour) = self.node.poll_transmit(now, &mut self.packet) {
                idle = false;
                ax25.send_packet(now, neighbour, pid::NETROM, &self.packet);
            }
            while let Some(place) = self.node.poll_broadcast(&mut self.packet) {
                idle = false;
                let (port, to) = (Port(place.port), place.path[0]);
                assert!(ax25.send_ui(Some(port), None, to, &[], pid::NETROM, &self.packet));
            }
            if idle {
                break;
            }
        }
    }
}

impl Endpoint for Station {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        match &mut self.ax25 {
            Some(ax25) => {
                assert!(ax25.receive(now, PORT, frame));
            }
            None => {
                let (to, rest) = frame.split_first_chunk().unwrap();
                let (from, packet) = rest.split_first_chunk().unwrap();
                let (to, from) = (Call::from_octets(to), Call::from_octets(from));
                if to == Call::NODES {
                    self.node.heard(now, from, packet);
                } else if to == self.call {
                    assert_eq!(self.node.received(now, from, packet), None);
                }
            }
        }
        self.pass(now);
        self.work(now);
        self.pass(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.node.handle_timeout(now);
        if let Some(ax25) = &mut self.ax25 {
            ax25.handle_timeout(now);
        }
        self.pass(now);
        self.work(now);
        self.pass(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let link = self.ax25.as_ref().and_then(Ax25::poll_timeout);
        [self.node.poll_timeout(), link, self.next]
            .into_iter()
            .flatten()
            .min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.pass(now);
        if let Some(ax25) = &mut self.ax25 {
            return ax25.poll_transmit(now, &mut |_| true, frame).is_some();
        }
        let mut to = Call::NODES;
        if let Some(neighbour) = self.node.poll_transmit(now, &mut self.packet) {
            to = neighbour;
        } else if self.node.poll_broadcast(&mut self.packet).is_none() {
            return false;
        }
        frame.clear();
        frame.extend_from_slice(to.octets());
        frame.extend_from_slice(self.call.octets());
        frame.extend_from_slice(&self.packet);
        true
    }
}
