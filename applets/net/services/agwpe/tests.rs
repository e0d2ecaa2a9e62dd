//! Programs at two stations that hear each other.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_net_ax25::connection::Extended;
use wanbox_net_engine::{
    Encapsulation, Event, Frame as Sent, FrameKind, Interface, InterfaceId, Sink, Station,
};

use super::*;

/// The wall clock at the beginning, seconds since 1970: 04:53:20.
const UNIX: u64 = 833_000_000;

/// What a station sends.
#[derive(Default)]
struct Lines(Vec<Vec<u8>>);

impl Sink for Lines {
    fn queued(&self, _line: InterfaceId) -> usize {
        0
    }

    fn transmit(&mut self, frame: &Sent<'_>) {
        if frame.kind == FrameKind::Ax25 {
            self.0.push(frame.packet.to_vec());
        }
    }
}

struct Node {
    station: Station,
    agwpe: Agwpe,
    line: InterfaceId,
}

struct Net {
    now: Instant,
    nodes: [Node; 2],
    /// Nothing arrives any more.
    deaf: bool,
}

/// A frame as a program reads it: its kind, call signs, PID and data.
type Told = (char, String, String, u8, Vec<u8>);

fn node(now: Instant, call: &str) -> Node {
    let mut station = Station::new(now, UNIX * 1_000_000, Box::new(|| 7));
    let line = Interface::new("tnc0", Encapsulation::KissUi, 256);
    let line = station.interfaces.attach(line).unwrap();
    station.interfaces.set_link_address(line, call).unwrap();
    station.interfaces.get_mut(line).unwrap().up = true;
    station.radio_sync();
    Node {
        station,
        agwpe: Agwpe::default(),
        line,
    }
}

impl Net {
    /// Two stations with a program each.
    fn new() -> Self {
        let now = wanbox_sim::Clock::new().now();
        let mut net = Self {
            now,
            nodes: [node(now, "DB0AAA"), node(now, "DB0BBB")],
            deaf: false,
        };
        for node in &mut net.nodes {
            node.agwpe.open(0);
        }
        net
    }

    /// Lets happen what follows.
    fn settle(&mut self) {
        let now = self.now;
        loop {
            let mut quiet = true;
            for at in 0..2 {
                let node = &mut self.nodes[at];
                let mut lines = Lines::default();
                node.station.handle_timeout(now, &mut lines);
                while let Some(event) = node.station.poll_event() {
                    if let Event::Ax25(event) = event
                        && !node.agwpe.event(now, &mut node.station, &event)
                        && let wanbox_net_ax25::Event::Incoming(link) = event
                    {
                        node.station.ax25.release(now, link);
                    }
                }
                node.agwpe.settle(now, &mut node.station);
                node.station.flush(now, &mut lines);
                let other = &mut self.nodes[1 - at];
                for frame in lines.0 {
                    quiet = false;
                    if !self.deaf {
                        let mut none = Lines::default();
                        let line = other.line;
                        other.station.receive_ax25(now, line, &frame, &mut none);
                        assert!(none.0.is_empty());
                    }
                }
            }
            if quiet {
                break;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(100);
            self.settle();
        }
    }

    /// A program sends a frame.
    fn send(&mut self, at: usize, kind: char, from: &str, to: &str, data: &[u8]) {
        self.send_to(at, 0, kind, from, to, data);
    }

    fn send_to(&mut self, at: usize, place: usize, kind: char, from: &str, to: &str, data: &[u8]) {
        let name = |word: &str| match Call::parse(word) {
            Ok(call) => call.into(),
            Err(_) => wanbox_wire::agwpe::Name::NONE,
        };
        let frame = Frame {
            from: name(from),
            to: name(to),
            ..Frame::new(0, kind as u8, data)
        };
        let mut octets = Vec::new();
        frame.append(&mut octets);
        let node = &mut self.nodes[at];
        // In pieces, as they may come.
        let (first, rest) = octets.split_at(octets.len() / 2);
        node.agwpe
            .receive(self.now, &mut node.station, place, first);
        node.agwpe.receive(self.now, &mut node.station, place, rest);
        self.settle();
    }

    /// What a program was told since the last time.
    fn told(&mut self, at: usize) -> Vec<Told> {
        self.told_to(at, 0)
    }

    fn told_to(&mut self, at: usize, place: usize) -> Vec<Told> {
        let agwpe = &mut self.nodes[at].agwpe;
        let octets = agwpe.output(place).to_vec();
        agwpe.written(place, octets.len());
        let text = |name: &wanbox_wire::agwpe::Name| {
            name.call()
                .map_or_else(|_| String::new(), |call| call.to_string())
        };
        let mut rest = octets.as_slice();
        let mut told = Vec::new();
        while let Some((frame, length)) = Frame::parse(rest).unwrap() {
            let (from, to) = (text(&frame.from), text(&frame.to));
            told.push((frame.kind.into(), from, to, frame.pid, frame.data.to_vec()));
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        told
    }

    /// A connection from a program of the first station to one of the second.
    fn connected(&mut self) {
        self.send(1, 'X', "N0PRB", "", b"");
        self.send(0, 'X', "N0PRA", "", b"");
        self.send(0, 'C', "N0PRA", "N0PRB", b"");
        self.pass(Duration::from_secs(1));
        assert_eq!(self.told(0)[1..], [connected("N0PRB", "N0PRA", "With")]);
        assert_eq!(self.told(1)[1..], [connected("N0PRA", "N0PRB", "To")]);
    }
}

fn connected(from: &str, to: &str, word: &str) -> Told {
    let text = format!("*** CONNECTED {word} Station {from}\r\0");
    ('C', from.to_owned(), to.to_owned(), 0, text.into_bytes())
}

fn disconnected(from: &str, to: &str, words: &str) -> Told {
    let text = format!("*** DISCONNECTED {words} {from}\r\0");
    ('d', from.to_owned(), to.to_owned(), 0, text.into_bytes())
}

fn answer(kind: char, data: &[u8]) -> Told {
    (kind, String::new(), String::new(), 0, data.to_vec())
}

#[test]
fn what_there_is() {
    let mut net = Net::new();
    for kind in ['P', 'R', 'G', 'g', 'y', 'H'] {
        net.send(0, kind, "", "", b"");
    }
    let mut expected = vec![
        answer('R', &[0xd5, 7, 0, 0, 127, 0, 0, 0]),
        answer('G', b"1;Port1 tnc0;\0"),
        answer('g', &[0, 0xff, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0]),
        answer('y', &[0; 4]),
    ];
    // Nobody was heard.
    expected.resize(4 + 20, answer('H', b"\0"));
    assert_eq!(net.told(0), expected);
    net.send(1, 'M', "N0PRB", "BEACON", b"hello");
    net.told(1);
    net.pass(Duration::from_secs(100));
    net.send(1, 'M', "N0PRB", "BEACON", b"hello");
    for kind in ['H', 'g'] {
        net.send(0, kind, "", "", b"");
    }
    let mut told = net.told(0);
    assert_eq!(told.len(), 21);
    let heard = b"N0PRB Sat,25May1996 04:53:20  Sat,25May1996 04:55:00\0";
    assert_eq!(told[0], answer('H', heard));
    assert_eq!(told[1], answer('H', b"\0"));
    // Two frames of 21 octets.
    let capabilities = [0, 0xff, 0, 0, 0, 0, 7, 0, 42, 0, 0, 0];
    assert_eq!(told.pop(), Some(answer('g', &capabilities)));
    net.send(0, '!', "", "", b"");
    assert_eq!(net.nodes[0].agwpe.counters.unknown, 1);
}

#[test]
fn call_signs_belong_to_one_program() {
    let mut net = Net::new();
    net.nodes[0].agwpe.open(1);
    let x = |call: &str, taken| ('X', call.to_owned(), String::new(), 0, vec![taken]);
    net.send(0, 'X', "N0PRA", "", b"");
    net.send(0, 'X', "N0PRA", "", b"");
    net.send(0, 'X', "QST", "", b"");
    net.send(0, 'X', "", "", b"");
    // That of the line.
    net.send(0, 'X', "DB0AAA", "", b"");
    assert_eq!(
        net.told(0),
        [
            x("N0PRA", 1),
            x("N0PRA", 1),
            x("QST", 0),
            x("", 0),
            x("DB0AAA", 1)
        ]
    );
    net.send_to(0, 1, 'X', "N0PRA", "", b"");
    assert_eq!(net.told_to(0, 1), [x("N0PRA", 0)]);
    // Nobody else connects with it.
    net.send_to(0, 1, 'C', "N0PRA", "N0PRB", b"");
    assert_eq!(
        net.told_to(0, 1),
        [disconnected("N0PRB", "N0PRA", "From Station")]
    );
    net.send(0, 'x', "N0PRA", "", b"");
    net.send_to(0, 1, 'X', "N0PRA", "", b"");
    assert_eq!(net.told_to(0, 1), [x("N0PRA", 1)]);
    // A program that goes gives all of them back; those of lines stay theirs.
    let node = &mut net.nodes[0];
    node.agwpe.close(net.now, &mut node.station, 0);
    assert!(node.station.ax25.is_own(Call::parse("DB0AAA").unwrap()));
    net.send_to(0, 1, 'X', "DB0AAA", "", b"");
    assert_eq!(net.told_to(0, 1), [x("DB0AAA", 1)]);
}

#[test]
fn programs_connect_and_talk() {
    let mut net = Net::new();
    net.connected();
    net.send(0, 'D', "N0PRA", "N0PRB", b"hello\r");
    net.pass(Duration::from_secs(2));
    let data = |from: &str, to: &str, data: &[u8]| {
        ('D', from.to_owned(), to.to_owned(), 0xf0, data.to_vec())
    };
    assert_eq!(net.told(1), [data("N0PRA", "N0PRB", b"hello\r")]);
    net.send(1, 'D', "N0PRB", "N0PRA", b"hi\r");
    net.pass(Duration::from_secs(2));
    assert_eq!(net.told(0), [data("N0PRB", "N0PRA", b"hi\r")]);
    net.send(0, 'Y', "N0PRA", "N0PRB", b"");
    let outstanding = ('Y', "N0PRA".to_owned(), "N0PRB".to_owned(), 0, vec![0; 4]);
    assert_eq!(net.told(0), [outstanding]);
    // What is still to be sent is sent before the end.
    net.send(0, 'D', "N0PRA", "N0PRB", &[b'x'; 3000]);
    net.send(0, 'd', "N0PRA", "N0PRB", b"");
    net.pass(Duration::from_secs(20));
    let told = net.told(1);
    let octets: usize = told
        .iter()
        .filter(|it| it.0 == 'D')
        .map(|it| it.4.len())
        .sum();
    assert_eq!(octets, 3000);
    assert_eq!(
        told.last(),
        Some(&disconnected("N0PRA", "N0PRB", "From Station"))
    );
    assert_eq!(
        net.told(0),
        [disconnected("N0PRB", "N0PRA", "From Station")]
    );
    // There is none any more.
    net.send(0, 'D', "N0PRA", "N0PRB", b"?");
    assert_eq!(
        net.told(0),
        [disconnected("N0PRB", "N0PRA", "From Station")]
    );
}

#[test]
fn nobody_answers_or_nobody_is_there() {
    let mut net = Net::new();
    net.deaf = true;
    net.send(0, 'C', "N0PRA", "N0PRB", b"");
    net.pass(Duration::from_secs(1200));
    assert_eq!(
        net.told(0),
        [disconnected("N0PRB", "N0PRA", "RETRYOUT With")]
    );
    // A port that is not there, and call signs that are none.
    let node = &mut net.nodes[0];
    let mut octets = Vec::new();
    for kind in [b'C', b'M', b'K', b'g'] {
        Frame::new(3, kind, b"").append(&mut octets);
    }
    node.agwpe.receive(net.now, &mut node.station, 0, &octets);
    assert_eq!(node.agwpe.counters.refused, 4);
    let told: Vec<char> = net.told(0).iter().map(|told| told.0).collect();
    assert_eq!(told, ['d']);
}

/// A program that does not read stops the other end, and goes on when it does.
#[test]
fn much_is_sent_no_faster_than_it_is_read() {
    let mut net = Net::new();
    net.connected();
    let all: Vec<u8> = (0..400_000u32).map(|at| (at % 251) as u8).collect();
    let mut chunks = all.chunks(4000);
    let mut got = Vec::new();
    let mut stopped = 0;
    for turn in 0.. {
        if net.nodes[0].agwpe.takes(0) {
            if let Some(chunk) = chunks.next() {
                net.send(0, 'D', "N0PRA", "N0PRB", chunk);
            }
        } else {
            stopped += 1;
        }
        net.pass(Duration::from_millis(500));
        assert!(net.nodes[1].agwpe.output(0).len() <= OUTPUT + 2 * 300);
        assert!(net.nodes[0].agwpe.pending(0) <= PENDING + 4000);
        // It looks only now and then.
        if turn % 100 == 99 {
            for told in net.told(1) {
                assert_eq!((told.0, told.3), ('D', 0xf0));
                got.extend(told.4);
            }
        }
        if got.len() == all.len() {
            break;
        }
        assert!(turn < 5000, "{} octets", got.len());
    }
    assert!(got == all);
    assert!(stopped > 10, "{stopped}");
    // The program goes: so does the connection.
    let node = &mut net.nodes[0];
    node.agwpe.close(net.now, &mut node.station, 0);
    net.pass(Duration::from_secs(5));
    assert_eq!(
        net.told(1),
        [disconnected("N0PRA", "N0PRB", "From Station")]
    );
    assert_eq!(net.nodes[0].station.ax25.link_count(), 0);
}

#[test]
fn frames_are_shown() {
    let mut net = Net::new();
    net.send(1, 'm', "", "", b"");
    net.send(1, 'k', "", "", b"");
    let via = [&[1][..], b"DB0ID\0\0\0\0\0", b"hello"].concat();
    net.send(0, 'V', "N0PRA", "BEACON", &via);
    let told = net.told(1);
    let (from, to) = ("N0PRA".to_owned(), "BEACON".to_owned());
    let text = b" 1:Fm N0PRA To BEACON Via DB0ID <UI pid=F0 Len=5 >[04:53:20]\rhello\r\0";
    assert_eq!(told[0], ('U', from.clone(), to.clone(), 0, text.to_vec()));
    let (kind, _, _, _, raw) = &told[1];
    assert_eq!((*kind, raw[0], raw.len()), ('K', 0, 1 + 21 + 2 + 5));
    assert_eq!(told.len(), 2);
    // Sent again as it is, and shown as one's own where it is sent.
    net.send(0, 'm', "", "", b"");
    net.send(0, 'K', "", "", raw);
    assert_eq!(net.told(1)[1].4, *raw);
    assert_eq!(net.told(0), [('T', from, to, 0, text.to_vec())]);
    // A frame that is none is not sent.
    net.send(0, 'K', "", "", &raw[..9]);
    assert_eq!(net.told(1), []);
    assert_eq!(net.nodes[0].agwpe.counters.refused, 1);
    net.connected_kinds("N0PRB", "SABM");
    let routes = &mut net.nodes[0].station.ax25.routes;
    routes.set_extended(Call::parse("N0PRC").unwrap(), Some(Extended::Offered));
    net.connected_kinds("N0PRC", "SABME");
    // No more.
    net.send(1, 'm', "", "", b"");
    net.send(1, 'k', "", "", b"");
    net.send(0, 'M', "N0PRA", "BEACON", b"hello");
    assert_eq!(net.told(1), []);
}

impl Net {
    /// A connection, as others are shown it.
    fn connected_kinds(&mut self, call: &str, set_up: &str) {
        self.send(1, 'X', call, "", b"");
        self.send(0, 'C', "N0PRA", call, b"");
        self.pass(Duration::from_secs(1));
        self.send(0, 'D', "N0PRA", call, b"hello");
        self.pass(Duration::from_secs(2));
        let shown: Vec<String> = self
            .told(1)
            .into_iter()
            .filter(|told| "UIST".contains(told.0))
            .map(|told| {
                let text = String::from_utf8(told.4).unwrap();
                format!("{}{}", told.0, text.split(" >[").next().unwrap())
            })
            .filter(|shown| !shown.contains("<XID"))
            .collect();
        assert_eq!(
            shown[..4],
            [
                format!("S 1:Fm N0PRA To {call} <{set_up} P"),
                format!("T 1:Fm {call} To N0PRA <UA P"),
                format!("I 1:Fm N0PRA To {call} <I R0 S0 pid=F0 Len=5"),
                format!("T 1:Fm {call} To N0PRA <RR R1"),
            ]
        );
        self.told(0);
    }
}

#[test]
fn what_is_no_frame_ends_a_program() {
    let mut net = Net::new();
    let node = &mut net.nodes[0];
    node.agwpe
        .receive(net.now, &mut node.station, 0, &[0xff; 36]);
    assert!(node.agwpe.is_wrong(0) && !node.agwpe.takes(0));
    assert_eq!(node.agwpe.counters.malformed, 1);
    node.agwpe.close(net.now, &mut node.station, 0);
    assert!(!node.agwpe.is_wrong(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever programs send, what waits for anybody is bounded.
    #[test]
    fn any_requests(frames in prop::collection::vec(
        (prop::sample::select(b"PXxGgmkKRHyYMVCvcDd?".to_vec()), 0u8..3, 0usize..4, 0usize..4,
         prop::collection::vec(any::<u8>(), 0..40)), 0..60)) {
        let mut net = Net::new();
        net.nodes[0].agwpe.open(1);
        let calls = ["N0PRA", "N0PRB", "DB0BBB", ""];
        for (at, (kind, port, from, to, data)) in frames.into_iter().enumerate() {
            let name = |at: usize| Call::parse(calls[at]).map_or_else(|_| wanbox_wire::agwpe::Name::NONE, Into::into);
            let mut octets = Vec::new();
            Frame { from: name(from), to: name(to), ..Frame::new(port, kind, &data) }.append(&mut octets);
            let node = &mut net.nodes[at % 2];
            let place = if at % 4 == 0 { 1 } else { 0 };
            node.agwpe.receive(net.now, &mut node.station, place, &octets);
            net.pass(Duration::from_millis(300));
        }
        for node in &mut net.nodes {
            node.agwpe.close(net.now, &mut node.station, 0);
            node.agwpe.close(net.now, &mut node.station, 1);
            prop_assert!(node.agwpe.sessions.is_empty());
        }
    }
}
