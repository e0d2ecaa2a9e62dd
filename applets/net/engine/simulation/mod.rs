//! Stations joined by lines, in simulated time.

mod built_in;
mod connections;
mod flexnet;
mod fuzz;
mod netrom;
mod paths;
mod radio;
mod vectors;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_sim::Random;
use wanbox_wire::ip::VirtioHeader;

use crate::interface::TraceFlags;
use crate::route::NewRoute;
use crate::trace::Way;
use crate::{
    Arrival, Encapsulation, Event, Frame, FrameKind, Interface, InterfaceId, LinkAddress, Sink,
    Station,
};

/// A packet on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    pub line: InterfaceId,
    pub kind: FrameKind,
    pub to: Option<LinkAddress>,
    pub offload: VirtioHeader,
    pub packet: Vec<u8>,
}

/// What a station sends.
#[derive(Debug, Default)]
pub struct Lines {
    pub sent: Vec<Sent>,
    /// What each line says of its queue.
    pub queued: usize,
    /// What is shown of built-in interfaces.
    pub shown: Vec<(InterfaceId, Way, Vec<u8>)>,
}

impl Sink for Lines {
    fn queued(&self, _line: InterfaceId) -> usize {
        self.queued
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        self.sent.push(Sent {
            line: frame.line,
            kind: frame.kind,
            to: frame.to,
            offload: frame.offload,
            packet: frame.packet.to_vec(),
        });
    }

    fn show(&mut self, interface: InterfaceId, way: Way, trace: TraceFlags, datagram: &[u8]) {
        if way.is_traced(trace) {
            self.shown.push((interface, way, datagram.to_vec()));
        }
    }
}

impl Lines {
    pub fn packets(&mut self) -> Vec<Vec<u8>> {
        self.sent.drain(..).map(|sent| sent.packet).collect()
    }
}

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn station(now: Instant) -> Station {
    let mut random = Random::new(1);
    let mut station = Station::new(
        now,
        0x1234_5678 * 1_000_000 + 100_000,
        Box::new(move || random.next_u64()),
    );
    station.ip.ident = 1;
    station
}

pub fn attach(
    station: &mut Station,
    name: &str,
    encapsulation: Encapsulation,
    address: &str,
    mtu: u16,
) -> InterfaceId {
    let id = station
        .interfaces
        .attach(Interface::new(name, encapsulation, mtu))
        .unwrap();
    station.interfaces.set_address(id, ip(address));
    id
}

pub fn route(
    station: &mut Station,
    now: Instant,
    target: &str,
    bits: u8,
    interface: InterfaceId,
    gateway: &str,
) {
    let route = NewRoute {
        gateway: ip(gateway),
        ..NewRoute::new(ip(target), bits, interface)
    };
    station.add_route(now, &route).unwrap();
}

/// Stations and the lines between them.
pub struct Net {
    pub now: Instant,
    pub stations: Vec<Station>,
    /// Which ends belong together: all that is sent at one end arrives at the others of its line.
    lines: Vec<Vec<(usize, InterfaceId)>>,
    under_way: Vec<(Instant, u64, usize, InterfaceId, Sent)>,
    count: u64,
    pub random: Random,
    /// Probability that a packet is lost, and that it is late.
    pub loss: f64,
    pub late: f64,
    pub events: Vec<(usize, Event)>,
}

impl Net {
    pub fn new(count: usize) -> Self {
        let now = wanbox_sim::Clock::new().now();
        Self {
            now,
            stations: (0..count).map(|_| station(now)).collect(),
            lines: Vec::new(),
            under_way: Vec::new(),
            count: 0,
            random: Random::new(7),
            loss: 0.0,
            late: 0.0,
            events: Vec::new(),
        }
    }

    pub fn join(&mut self, ends: &[(usize, InterfaceId)]) {
        self.lines.push(ends.to_vec());
    }

    /// Lets a station do something.
    pub fn with<R>(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Station, Instant, &mut Lines) -> R,
    ) -> R {
        let mut lines = Lines::default();
        let result = act(&mut self.stations[at], self.now, &mut lines);
        self.stations[at].flush(self.now, &mut lines);
        for sent in lines.sent {
            let Some(line) = self
                .lines
                .iter()
                .find(|line| line.contains(&(at, sent.line)))
            else {
                continue;
            };
            for &(to, id) in line.iter().filter(|end| **end != (at, sent.line)) {
                if self.random.chance(self.loss) {
                    continue;
                }
                let late = if self.random.chance(self.late) {
                    self.random.below(50)
                } else {
                    0
                };
                let due = self.now + Duration::from_millis(10 + late);
                self.count += 1;
                self.under_way.push((due, self.count, to, id, sent.clone()));
            }
        }
        while let Some(event) = self.stations[at].poll_event() {
            self.events.push((at, event));
        }
        result
    }

    fn next(&self) -> Option<Instant> {
        let timers = self.stations.iter().filter_map(Station::poll_timeout);
        timers
            .chain(self.under_way.iter().map(|(due, ..)| *due))
            .min()
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.under_way
                .sort_by_key(|(due, count, ..)| (*due, *count));
            while self
                .under_way
                .first()
                .is_some_and(|(due, ..)| *due <= self.now)
            {
                let (_, _, to, id, mut sent) = self.under_way.remove(0);
                let own = self.stations[to].interfaces.get(id).unwrap().link_address();
                let broadcast = sent.to.is_some() && sent.to != own;
                self.with(to, |station, now, lines| match sent.kind {
                    FrameKind::Arp => station.receive_arp(now, id, &sent.packet, lines),
                    FrameKind::Ax25 => station.receive_ax25(now, id, &sent.packet, lines),
                    FrameKind::Ip => {
                        let arrival = Arrival {
                            broadcast,
                            offload: sent.offload,
                            ..Arrival::new(id)
                        };
                        station.receive(now, &arrival, &mut sent.packet, lines);
                    }
                });
            }
            for at in 0..self.stations.len() {
                if self.stations[at]
                    .poll_timeout()
                    .is_some_and(|due| due <= self.now)
                {
                    self.with(at, |station, now, lines| station.handle_timeout(now, lines));
                }
            }
        }
        self.now = end;
    }
}

/// Three in a row: a - b - c over SLIP, with these MTUs. Their interfaces: a's, both of b, c's.
pub fn row(mtus: [u16; 2]) -> (Net, [InterfaceId; 4]) {
    let mut net = Net::new(3);
    let [first, second] = mtus;
    let [a, b0, b1, c] = [
        (0, "sl0", "44.1.0.1", first),
        (1, "sl0", "44.1.0.2", first),
        (1, "sl1", "44.2.0.2", second),
        (2, "sl0", "44.2.0.3", second),
    ]
    .map(|(at, name, address, mtu)| {
        let station = &mut net.stations[at];
        attach(station, name, Encapsulation::Slip, address, mtu)
    });
    net.join(&[(0, a), (1, b0)]);
    net.join(&[(1, b1), (2, c)]);
    (net, [a, b0, b1, c])
}

/// Three in a row with a narrow second line, and routes between all.
pub fn chain() -> Net {
    let (mut net, [a, b0, b1, c]) = row([1500, 256]);
    let now = net.now;
    route(&mut net.stations[0], now, "0.0.0.0", 0, a, "0.0.0.0");
    route(&mut net.stations[1], now, "44.1.0.0", 16, b0, "0.0.0.0");
    route(&mut net.stations[1], now, "44.2.0.0", 16, b1, "0.0.0.0");
    route(&mut net.stations[2], now, "0.0.0.0", 0, c, "0.0.0.0");
    net
}
