//! Two stations with their services at the ends of a line, in simulated time.

mod gates;
mod hostile;
mod logins;
mod remote;
mod servers;
mod sessions;
mod transfers;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_net_engine::udp::Owner;
use wanbox_net_engine::{
    Arrival, Encapsulation, Event, Frame, Interface, InterfaceId, Sink, Station,
};
use wanbox_net_tcp::{Id, ListenerId, Options, State};
use wanbox_sim::Random;
use wanbox_wire::ip::VirtioHeader;

use crate::{Notice, Services, SessionId};

pub const A: Ipv4Addr = Ipv4Addr::new(44, 1, 0, 1);
pub const B: Ipv4Addr = Ipv4Addr::new(44, 1, 0, 2);
/// The wall clock at the beginning, seconds since 1970.
pub const UNIX: u64 = 833_000_000;

/// What a station sends.
#[derive(Default)]
struct Lines(Vec<(VirtioHeader, Vec<u8>)>);

impl Sink for Lines {
    fn queued(&self, _line: InterfaceId) -> usize {
        0
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        self.0.push((frame.offload, frame.packet.to_vec()));
    }
}

/// A station, its services, and somebody who looks at its console.
pub struct Node {
    pub station: Station,
    pub services: Services,
    line: InterfaceId,
    pub notices: Vec<Notice>,
    /// The session that is looked at, what was shown, and how much is read at once.
    pub looks: Option<SessionId>,
    pub screen: Vec<u8>,
    pub room: usize,
}

pub struct Net {
    pub now: Instant,
    pub nodes: [Node; 2],
    under_way: Vec<(Instant, usize, VirtioHeader, Vec<u8>)>,
    pub random: Random,
    pub loss: f64,
}

fn node(now: Instant, seed: u64, address: Ipv4Addr) -> Node {
    let mut random = Random::new(seed);
    let mut station = Station::new(now, UNIX * 1_000_000, Box::new(move || random.next_u64()));
    let line = Interface::new("sl0", Encapsulation::Slip, 576);
    let line = station.interfaces.attach(line).unwrap();
    station.interfaces.set_address(line, address);
    let route = wanbox_net_engine::route::NewRoute::new(Ipv4Addr::UNSPECIFIED, 0, line);
    station.add_route(now, &route).unwrap();
    Node {
        station,
        services: Services::default(),
        line,
        notices: Vec::new(),
        looks: None,
        screen: Vec::new(),
        room: 4096,
    }
}

impl Net {
    pub fn new() -> Self {
        let now = wanbox_sim::Clock::new().now();
        Self {
            now,
            nodes: [node(now, 1, A), node(now, 2, B)],
            under_way: Vec::new(),
            random: Random::new(3),
            loss: 0.0,
        }
    }

    /// Lets a node do something, and everything that follows of it.
    pub fn with<R>(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Services, &mut Station, Instant, &mut dyn Sink) -> R,
    ) -> R {
        let (now, mut lines) = (self.now, Lines::default());
        let node = &mut self.nodes[at];
        let result = act(&mut node.services, &mut node.station, now, &mut lines);
        node.settle(now, &mut lines);
        for (offload, packet) in lines.0 {
            if !self.random.chance(self.loss) {
                let due = now + Duration::from_millis(10);
                self.under_way.push((due, 1 - at, offload, packet));
            }
        }
        result
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timers = self.nodes.iter().flat_map(|node| {
                [node.station.poll_timeout(), node.services.poll_timeout()]
                    .into_iter()
                    .flatten()
            });
            let packets = self.under_way.iter().map(|(due, ..)| *due);
            let Some(next) = timers.chain(packets).min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(first) = self.under_way.first()
                && first.0 <= self.now
            {
                let (_, to, offload, mut packet) = self.under_way.remove(0);
                let line = self.nodes[to].line;
                self.with(to, |_, station, now, lines| {
                    let arrival = Arrival {
                        offload,
                        ..Arrival::new(line)
                    };
                    station.receive(now, &arrival, &mut packet, lines);
                });
            }
            for at in 0..2 {
                self.with(at, |services, station, now, lines| {
                    station.handle_timeout(now, lines);
                    if services.poll_timeout().is_some_and(|due| due <= now) {
                        services.handle_timeout(now, station);
                    }
                });
            }
        }
        self.now = end;
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// What was shown since the last time.
    pub fn screen(&mut self, at: usize) -> String {
        String::from_utf8(std::mem::take(&mut self.nodes[at].screen)).unwrap()
    }

    /// What was told since the last time, logs apart.
    pub fn notices(&mut self, at: usize) -> Vec<Notice> {
        let (logs, notices) = std::mem::take(&mut self.nodes[at].notices)
            .into_iter()
            .partition(|notice| matches!(notice, Notice::Log(_)));
        self.nodes[at].notices = logs;
        notices
    }

    pub fn log(&mut self, at: usize) -> Vec<String> {
        let text = |notice: Notice| match notice {
            Notice::Log(text) => Some(text),
            _ => None,
        };
        let notices = std::mem::take(&mut self.nodes[at].notices);
        notices.into_iter().filter_map(text).collect()
    }

    pub fn start(&mut self, at: usize, words: &[&str]) {
        let started = self.try_start(at, words);
        assert_eq!(started, Ok(()));
    }

    pub fn try_start(&mut self, at: usize, words: &[&str]) -> Result<(), String> {
        let (name, rest) = words.split_first().unwrap();
        self.with(at, |services, station, _, _| {
            services.start(station, name, rest)
        })
    }

    /// A connection of a peer that nobody here wrote: the test does everything itself.
    pub fn connect(&mut self, at: usize, to: Ipv4Addr, port: u16) -> Id {
        let id = self.with(at, |_, station, now, _| {
            station.tcp_connect(now, 0, (to, port), &options()).unwrap()
        });
        self.seconds(1);
        id
    }

    pub fn send(&mut self, at: usize, id: Id, octets: &[u8]) -> usize {
        self.with(at, |_, station, _, _| station.tcp.send(id, octets).unwrap())
    }

    /// Everything that has come.
    pub fn receive(&mut self, at: usize, id: Id) -> Vec<u8> {
        self.with(at, |_, station, _, _| {
            let mut all = Vec::new();
            let mut octets = [0; 1000];
            while let Ok(count @ 1..) = station.tcp.receive(id, &mut octets) {
                all.extend_from_slice(&octets[..count]);
            }
            all
        })
    }

    pub fn text(&mut self, at: usize, id: Id) -> String {
        String::from_utf8(self.receive(at, id)).unwrap()
    }

    pub fn state(&self, at: usize, id: Id) -> State {
        let view = self.nodes[at].station.tcp.view(self.now, id);
        view.map_or(State::Closed, |view| view.state)
    }

    pub fn listen(&mut self, at: usize, port: u16) -> ListenerId {
        let tcp = &mut self.nodes[at].station.tcp;
        tcp.listen(None, port, 8, &options()).unwrap()
    }

    pub fn accept(&mut self, at: usize, listener: ListenerId) -> Id {
        self.nodes[at].station.tcp.accept(listener).unwrap()
    }

    /// Opens a Telnet session from A to B, and looks at it.
    pub fn telnet(&mut self, port: u16) -> SessionId {
        let id = self.with(0, |services, station, now, _| {
            services.open_telnet(now, station, (B, port)).unwrap()
        });
        self.look(id);
        id
    }

    pub fn look(&mut self, id: SessionId) {
        let node = &mut self.nodes[0];
        node.looks = Some(id);
        node.show(self.now);
        self.with(0, |_, _, _, _| ());
    }

    pub fn line(&mut self, id: SessionId, line: &str) -> bool {
        self.with(0, |services, station, now, _| {
            services.type_line(now, station, id, line, true)
        })
    }

    /// Sends a datagram and gives what comes back to its port.
    pub fn datagram(
        &mut self,
        at: usize,
        from: u16,
        to: (Ipv4Addr, u16),
        octets: &[u8],
    ) -> Vec<Vec<u8>> {
        let socket = self.with(at, |_, station, now, sink| {
            let socket = station
                .udp_bind(Ipv4Addr::UNSPECIFIED, from, Owner::User)
                .unwrap();
            station.udp_send(now, socket, to, octets, sink).unwrap();
            socket
        });
        self.seconds(1);
        let udp = &mut self.nodes[at].station.udp;
        let all = std::iter::from_fn(|| udp.receive(socket)).map(|received| received.payload);
        let all = all.collect();
        udp.close(socket);
        all
    }
}

pub fn options() -> Options {
    Options::default()
}

impl Node {
    /// Shows what waits of the session that is looked at.
    fn show(&mut self, now: Instant) {
        if let Some(id) = self.looks {
            let (station, screen) = (&mut self.station, &mut self.screen);
            self.services
                .session_output(now, station, id, self.room, screen);
        }
    }

    fn settle(&mut self, now: Instant, lines: &mut Lines) {
        loop {
            while let Some(event) = self.station.poll_event() {
                if let Event::Udp(socket) = event {
                    self.services
                        .udp_event(now, &mut self.station, socket, lines);
                }
            }
            while let Some(event) = self.station.tcp.poll_event() {
                self.services.tcp_event(now, &mut self.station, event);
            }
            self.services.settle(now, &mut self.station);
            let mut any = false;
            while let Some(notice) = self.services.poll_notice() {
                any = true;
                match &notice {
                    Notice::Shown(id) if self.looks == Some(*id) => self.show(now),
                    Notice::Ended(id, rest, _) if self.looks == Some(*id) => {
                        self.screen.extend(rest);
                        self.looks = None;
                    }
                    _ => {}
                }
                self.notices.push(notice);
            }
            self.station.flush(now, lines);
            if !any {
                break;
            }
        }
    }
}
