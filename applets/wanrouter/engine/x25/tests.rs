//! Two devices over simulated lines.

mod applications;
mod circuits;
mod lines;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_link::x25::{Channels, Parameters};
use wanbox_sim::{Endpoint, Impairments, Pair};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::PacketSize;
use wanbox_wire::x25::{Address, FacilityList};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(90);
const HOLD: Duration = Duration::from_secs(10);
const DELAY: Duration = Duration::from_millis(20);
const MTU: usize = 1500;

/// The interface of most tests.
const PORT: ChannelId = ChannelId(0);

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// The addresses of the two ends.
fn address_of(role: Role) -> Address {
    address(match role {
        Role::Dte => "31161",
        Role::Dce => "31162",
    })
}

fn config(role: Role) -> Config {
    let channels = Channels {
        permanent: Some(1..=2),
        two_way: Some(3..=20),
        ..Channels::default()
    };
    Config {
        lapb: Some((
            role,
            lapb::Parameters {
                queue: 0,
                ..lapb::Parameters::default()
            },
        )),
        packets: Some(Parameters {
            packet_size: PacketSize::from_octets(256).unwrap(),
            ..Parameters::new(role, channels)
        }),
    }
}

/// An interface that calls the other end.
fn switched(role: Role) -> PortConfig {
    PortConfig {
        circuit: Circuit::Switched(address_of(role.peer())),
        calling: address_of(role),
        accept: Accept::default(),
        encapsulation: Encapsulation::Ip,
        user_data: None,
        facilities: FacilityList::new(),
        idle: IDLE,
        hold: HOLD,
        mtu: MTU,
    }
}

/// One that only takes calls.
fn accepting(role: Role) -> PortConfig {
    PortConfig {
        circuit: Circuit::Switched(Address::NONE),
        ..switched(role)
    }
}

fn permanent(role: Role, number: u16) -> PortConfig {
    PortConfig {
        circuit: Circuit::Permanent(Lci::new(number).unwrap()),
        ..switched(role)
    }
}

/// An IPv4 packet of this length with a number in it.
fn packet(number: u32, octets: usize) -> Vec<u8> {
    let mut packet = vec![0x5a; octets];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(octets as u16).to_be_bytes());
    packet[20..24].copy_from_slice(&number.to_be_bytes());
    packet
}

/// A device and its owner, which keeps what has to wait.
struct Node {
    engine: X25,
    /// Packets to send, in order.
    queue: VecDeque<(ChannelId, PayloadKind, Vec<u8>)>,
    /// The first of them was refused and waits for room.
    held: bool,
    refused: Vec<Refusal>,
    got: Vec<(ChannelId, Vec<u8>)>,
    events: Vec<Event>,
    notes: Vec<String>,
    told: Vec<ApplicationEvent>,
}

impl Node {
    fn new(now: Instant, config: Config) -> Self {
        let mut node = Self {
            engine: X25::new(config, now).unwrap(),
            queue: VecDeque::new(),
            held: false,
            refused: Vec::new(),
            got: Vec::new(),
            events: Vec::new(),
            notes: Vec::new(),
            told: Vec::new(),
        };
        node.engine.carrier(now, true);
        node
    }

    fn with(now: Instant, role: Role, ports: &[PortConfig]) -> Self {
        let mut node = Self::new(now, config(role));
        for (place, port) in ports.iter().enumerate() {
            let id = ChannelId(place as u16);
            node.engine.add_channel(now, id, port.clone()).unwrap();
        }
        node
    }

    fn send(&mut self, now: Instant, octets: Vec<u8>) {
        self.send_on(now, PORT, PayloadKind::Ipv4, octets);
    }

    fn send_on(&mut self, now: Instant, id: ChannelId, kind: PayloadKind, octets: Vec<u8>) {
        self.queue.push_back((id, kind, octets));
        self.settle(now);
    }

    fn settle(&mut self, now: Instant) {
        loop {
            while !self.held
                && let Some((id, kind, octets)) = self.queue.front()
            {
                let mut none = |_: crate::Path, _: &[u8], _: &[u8]| panic!("a frame of its own");
                match self.engine.send(now, *id, *kind, octets, &mut none) {
                    Err(Refusal::Full) => {
                        self.held = true;
                        continue;
                    }
                    Ok(()) => {}
                    Err(refusal) => self.refused.push(refusal),
                }
                self.queue.pop_front();
            }
            let mut octets = Vec::new();
            while let Some((id, _)) = self.engine.poll_packet(&mut octets) {
                self.got.push((id, octets.clone()));
            }
            while let Some(note) = self.engine.poll_note() {
                self.notes.push(note.to_string());
            }
            while let Some(told) = self.engine.poll_application() {
                self.told.push(told);
            }
            let mut again = false;
            while let Some(event) = self.engine.poll_event() {
                if let Event::Room(_) = event {
                    assert!(self.held, "room for nothing");
                    self.held = false;
                    again = true;
                }
                self.events.push(event);
            }
            if !again {
                return;
            }
        }
    }

    fn counters(&self, id: ChannelId) -> PortCounters {
        *self.engine.port(id).unwrap().counters()
    }

    fn state(&self) -> State {
        self.engine.port(PORT).unwrap().state()
    }

    fn numbers(&self) -> Vec<u32> {
        self.got
            .iter()
            .map(|(_, octets)| u32::from_be_bytes(octets[20..24].try_into().unwrap()))
            .collect()
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        if let Some(delivery) = self.engine.receive(now, frame) {
            self.got.push((delivery.channel, delivery.payload.to_vec()));
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.engine.tick(now);
        self.settle(now);
        self.engine.poll_transmit(frame)
    }
}

fn line() -> Impairments {
    Impairments {
        delay: DELAY,
        ..Impairments::NONE
    }
}

/// Two devices, up.
fn pair(a: &[PortConfig], b: &[PortConfig]) -> Pair<Node> {
    let mut pair = Pair::new(
        1,
        line(),
        |now| Node::with(now, Role::Dte, a),
        |now| Node::with(now, Role::Dce, b),
    );
    up(&mut pair);
    pair
}

fn up(pair: &mut Pair<Node>) {
    let both = |pair: &mut Pair<Node>| pair.a.engine.link_up() && pair.b.engine.link_up();
    assert!(pair.run_until(60 * SECOND, both).is_some());
}
