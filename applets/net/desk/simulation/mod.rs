//! Two stations with a line between them, and people at their desks, in simulated time.

mod commands;
mod radio;
mod sessions;
mod waiting;

use std::time::{Duration, Instant};

use wanbox_net_commands::fake::Process;
use wanbox_net_engine::{
    Arrival, Encapsulation, FrameKind, Interface, InterfaceId, LinkAddress, route::NewRoute,
};

use wanbox_net_tcp::{Id, ListenerId, Options};

use crate::fuzz::desk;
use crate::{ConsoleId, Desk, Kind};

/// How long a packet is on the line.
const DELAY: Duration = Duration::from_millis(10);

struct World {
    now: Instant,
    desks: [Desk; 2],
    processes: [Process; 2],
    lines: [InterfaceId; 2],
    radios: [InterfaceId; 2],
    under_way: Vec<(Instant, usize, FrameKind, Vec<u8>)>,
    /// Nothing arrives.
    cut: bool,
}

impl World {
    /// Stations 44.0.0.1 and 44.0.0.2.
    fn new() -> Self {
        let now = wanbox_sim::Clock::new().now();
        let mut desks = [desk(now), desk(now)];
        let mut lines = [InterfaceId::LOOPBACK; 2];
        let mut radios = lines;
        for (at, desk) in desks.iter_mut().enumerate() {
            let station = &mut desk.station;
            let interface = Interface::new("sl0", Encapsulation::None, 576);
            let id = station.interfaces.attach(interface).unwrap();
            let [own, other] = [at, 1 - at].map(|at| [44, 0, 0, 1 + at as u8].into());
            station.interfaces.set_address(id, own);
            station
                .add_route(now, &NewRoute::new(other, 32, id))
                .unwrap();
            lines[at] = id;
            let call = if at == 0 { "DB0AAA" } else { "DB0AAB" };
            station.interfaces.default_call = LinkAddress::parse_call(call);
            let radio = Interface::new("tnc0", Encapsulation::KissI, 256);
            let id = station.interfaces.attach(radio).unwrap();
            station.ax25.routes.default = Some(id.port());
            radios[at] = id;
        }
        Self {
            now,
            desks,
            processes: Default::default(),
            lines,
            radios,
            under_way: Vec::new(),
            cut: false,
        }
    }

    /// One with a terminal at the first desk.
    fn with_terminal() -> (Self, ConsoleId) {
        let mut world = Self::new();
        let id = world.open(0, Kind::Terminal);
        assert_eq!(world.shown(0, id), "net> ");
        (world, id)
    }

    fn open(&mut self, at: usize, kind: Kind) -> ConsoleId {
        let id = self.desks[at].open(kind).unwrap();
        self.settle(at);
        id
    }

    /// Runs a line at a desk, as by a script.
    fn does(&mut self, at: usize, line: &str) {
        let id = self.open(at, Kind::Script { json: false });
        self.desks[at].run(self.now, &mut self.processes[at], id, line);
        assert_eq!(
            self.desks[at].ended(id),
            Some(true),
            "{line}: {}",
            self.shown(at, id)
        );
        self.desks[at].close(self.now, id);
    }

    /// Somebody at the second station answers at a port, with whatever the test wants.
    fn listen(&mut self, port: u16) -> ListenerId {
        let tcp = &mut self.desks[1].station.tcp;
        tcp.listen(None, port, 4, &Options::default()).unwrap()
    }

    /// The connection that came.
    fn accept(&mut self, listener: ListenerId) -> Id {
        self.desks[1].station.tcp.accept(listener).unwrap()
    }

    /// Sends octets on such a connection, as far as they are taken: how many were.
    fn send(&mut self, id: Id, octets: &[u8]) -> usize {
        let sent = self.desks[1].station.tcp.send(id, octets).unwrap();
        self.settle(1);
        sent
    }

    /// What such a connection received.
    fn received(&mut self, id: Id) -> Vec<u8> {
        let mut octets = vec![0; 1 << 16];
        let count = self.desks[1].station.tcp.receive(id, &mut octets).unwrap();
        self.settle(1);
        octets.truncate(count);
        octets
    }

    fn file(&mut self, at: usize, name: &str, text: &str) {
        let mut files = self.processes[at].files.borrow_mut();
        files.insert(name.to_owned(), text.as_bytes().to_vec());
    }

    fn file_text(&self, at: usize, name: &str) -> String {
        let files = self.processes[at].files.borrow();
        String::from_utf8(files[name].clone()).unwrap()
    }

    fn settle(&mut self, at: usize) {
        self.desks[at].after(self.now, &mut self.processes[at]);
        for (_, kind, packet) in self.processes[at].lines.sent.drain(..) {
            if !self.cut {
                self.under_way
                    .push((self.now + DELAY, 1 - at, kind, packet));
            }
        }
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let deadlines = self.desks.iter().filter_map(Desk::poll_timeout);
            let arrivals = self.under_way.iter().map(|(due, ..)| *due);
            let Some(next) = deadlines.chain(arrivals).min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            let due = |(due, ..): &mut (Instant, usize, FrameKind, Vec<u8>)| *due <= next;
            let arrived: Vec<_> = self.under_way.extract_if(.., due).collect();
            for (_, at, kind, mut packet) in arrived {
                let arrival = Arrival::new(self.lines[at]);
                let sink = &mut self.processes[at].lines;
                let station = &mut self.desks[at].station;
                if kind == FrameKind::Ax25 {
                    station.receive_ax25(self.now, self.radios[at], &packet, sink);
                } else {
                    station.receive(self.now, &arrival, &mut packet, sink);
                }
            }
            for at in 0..2 {
                if self.desks[at]
                    .poll_timeout()
                    .is_some_and(|due| due <= self.now)
                {
                    self.desks[at].handle_timeout(self.now, &mut self.processes[at]);
                }
                self.settle(at);
            }
        }
        self.now = end;
    }

    fn second(&mut self) {
        self.run(Duration::from_secs(1));
    }

    /// What a console shows, read by somebody.
    fn shown(&mut self, at: usize, id: ConsoleId) -> String {
        let mut all = Vec::new();
        loop {
            let output = self.desks[at].output(id);
            let count = output.len();
            if count == 0 {
                break;
            }
            all.extend_from_slice(output);
            self.desks[at].written(id, count);
            self.settle(at);
        }
        String::from_utf8(all).unwrap()
    }

    /// Types octets.
    fn key(&mut self, at: usize, id: ConsoleId, keys: &str) {
        self.desks[at].input(self.now, &mut self.processes[at], id, keys.as_bytes());
        self.settle(at);
    }

    /// Types a line and gives what is shown at once, without the echo.
    fn line(&mut self, at: usize, id: ConsoleId, line: &str) -> String {
        self.key(at, id, &format!("{line}\r"));
        let shown = self.shown(at, id);
        let shown = shown.strip_prefix(&format!("{line}\r\n"));
        shown
            .unwrap_or_else(|| panic!("{line}: no echo"))
            .to_owned()
    }

    /// A command at a terminal: what it prints, without the prompt.
    fn says(&mut self, id: ConsoleId, line: &str) -> String {
        let shown = self.line(0, id, line);
        let prompt = format!("{}> ", self.desks[0].host_name);
        let text = shown.strip_suffix(&prompt);
        let text = text.unwrap_or_else(|| panic!("{line}: no prompt behind {shown:?}"));
        text.replace("\r\n", "\n")
    }

    /// Runs a script of one line to its end: what it prints, and whether all was done.
    fn script(&mut self, line: &str) -> (String, Option<bool>) {
        let id = self.open(0, Kind::Script { json: false });
        self.desks[0].run(self.now, &mut self.processes[0], id, line);
        self.settle(0);
        self.run(Duration::from_secs(15));
        let text = self.shown(0, id);
        let ended = self.desks[0].ended(id);
        self.desks[0].close(self.now, id);
        (text, ended)
    }
}
