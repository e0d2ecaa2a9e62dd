//! Networks of stations, in simulated time.

mod frames;
mod hostile;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_sim::{Channel, Endpoint, Radio, for_each_seed};
use wanbox_wire::ax25::{Call, pid};

use crate::connection::{Cause, Extended, Parameters};
use crate::*;

const SECOND: Duration = Duration::from_secs(1);

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

fn calls(words: &str) -> Vec<Call> {
    words.split_whitespace().map(call).collect()
}

/// One line, with this call sign.
fn ax25(now: Instant, word: &str) -> Ax25 {
    let mut ax25 = Ax25::new(now, Parameters::default());
    let settings = PortSettings {
        call: call(word),
        datagram: true,
        forward: None,
    };
    ax25.set_port(Port(0), settings);
    ax25.routes.default = Some(Port(0));
    ax25.listens = true;
    ax25
}

/// A station, and a person at it.
struct Node {
    ax25: Ax25,
    session: Option<LinkId>,
    /// Text that is to be sent, and what came.
    text: VecDeque<u8>,
    received: Vec<u8>,
    packets: Vec<(Call, Vec<u8>)>,
    /// The person does not read.
    lazy: bool,
    ended: Option<Cause>,
    most_links: usize,
    /// It had a connection modulo 128.
    extended: bool,
}

impl Node {
    fn new(now: Instant, word: &str) -> Self {
        Self {
            ax25: ax25(now, word),
            session: None,
            text: VecDeque::new(),
            received: Vec::new(),
            packets: Vec::new(),
            lazy: false,
            ended: None,
            most_links: 0,
            extended: false,
        }
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.ax25.poll_event() {
            match event {
                Event::Incoming(link) => self.session = Some(link),
                Event::Down { link, reason, .. } if Some(link) == self.session => {
                    self.read();
                    self.ended = Some(reason);
                    self.session = None;
                    self.ax25.release(now, link);
                }
                _ => {}
            }
        }
        let mut packet = Vec::new();
        while let Some(of) = self.ax25.poll_packet(&mut packet) {
            self.packets.push((of.from, std::mem::take(&mut packet)));
        }
        if let Some(link) = self.session {
            let text = self.text.make_contiguous();
            if let Ok(taken @ 1..) = self.ax25.send(now, link, pid::TEXT, text) {
                self.text.drain(..taken);
            }
            if !self.lazy {
                self.read();
            }
        }
        self.most_links = self.most_links.max(self.ax25.link_count());
        let mut links = self.ax25.links();
        self.extended |= links.any(|link| link.connection.status(now).extended);
    }

    fn read(&mut self) {
        if let Some(link) = self.session {
            while self.ax25.read(link, &mut self.received).is_some() {}
        }
    }
}

impl Endpoint for Node {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        self.ax25.receive(now, Port(0), frame);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.ax25.handle_timeout(now);
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.ax25.poll_timeout()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let sent = self.ax25.poll_transmit(now, &mut |_| true, frame);
        self.settle(now);
        sent.is_some()
    }
}

/// Stations in a row, of which each hears its neighbours alone.
fn row(seed: u64, loss: f64, words: &str) -> Radio<Node> {
    let mut radio = Radio::new(
        seed,
        Channel {
            loss,
            rate: 9600,
            tx_delay: Duration::from_millis(50),
            ..Channel::FM_1200
        },
    );
    let words: Vec<&str> = words.split_whitespace().collect();
    for word in &words {
        radio.add(|now| Node::new(now, word));
    }
    for one in 0..words.len() {
        for other in one + 2..words.len() {
            radio.set_hearing(one, other, false);
        }
    }
    radio
}

fn text(octets: usize, salt: usize) -> Vec<u8> {
    (0..octets)
        .map(|at| (at * 31 + at / 251 + salt) as u8)
        .collect()
}

/// A text from each end of a row to the other, through those in between; then the caller ends it.
fn talk(radio: &mut Radio<Node>, octets: usize) {
    let last = radio.stations.len() - 1;
    let words: Vec<Call> = radio
        .stations
        .iter()
        .map(|node| node.ax25.port(Port(0)).unwrap().call)
        .collect();
    let now = radio.now();
    let caller = &mut radio.stations[0];
    let digis = &words[1..last];
    // The first text says that there is somebody.
    caller.ax25.routes.set_jumpstart(words[0], true);
    let link = caller
        .ax25
        .connect(now, None, words[last], digis, None)
        .unwrap();
    caller.session = Some(link);
    caller.text = text(octets, 1).into();
    let called = &mut radio.stations[last];
    called.ax25.routes.set_jumpstart(words[0], true);
    called.text = text(octets, 2).into();
    let done = radio.run_until(3600 * SECOND, |radio| {
        let came = |at: usize| radio.stations[at].received.len() >= octets;
        let ended = radio.stations[0].ended.is_some();
        came(0) && came(last) || ended
    });
    assert!(done.is_some(), "{}", state(radio));
    assert_eq!(radio.stations[0].ended, None, "{}", state(radio));
    assert!(
        radio.stations[0].received == text(octets, 2),
        "{}",
        state(radio)
    );
    assert!(
        radio.stations[last].received == text(octets, 1),
        "{}",
        state(radio)
    );
    let now = radio.now();
    radio.stations[0].ax25.close(now, link);
    let gone = radio.run_until(3600 * SECOND, |radio| {
        radio
            .stations
            .iter()
            .all(|node| node.ax25.link_count() == 0)
    });
    assert!(gone.is_some(), "{}", state(radio));
    assert!(radio.stations[last].ended.is_some());
}

fn state(radio: &Radio<Node>) -> String {
    let mut all = String::new();
    for node in &radio.stations {
        all += &format!("received {} ended {:?}\n", node.received.len(), node.ended);
        for link in node.ax25.links() {
            let status = link.connection.status(radio.now());
            all += &format!("  {} {} {status:?}\n", link.id, link.header);
        }
    }
    all
}

#[test]
fn through_repeaters_of_all_kinds() {
    for first in [Digipeat::Repeat, Digipeat::Link] {
        for second in [Digipeat::Repeat, Digipeat::Link] {
            for_each_seed(12, |seed| {
                let loss = if seed == 0 { 0.0 } else { 0.03 };
                let mut radio = row(seed, loss, "N0PRA DB0AAA DB0BBB-1 DK5SG-3");
                radio.stations[1].ax25.digipeat = first;
                radio.stations[2].ax25.digipeat = second;
                talk(&mut radio, 3000);
                let links = |at: usize| radio.stations[at].most_links;
                let halves = |mode| if mode == Digipeat::Link { 2 } else { 0 };
                assert_eq!([links(1), links(2)], [halves(first), halves(second)]);
            });
        }
    }
}

#[test]
fn crosslinks_keep_their_losses_to_themselves() {
    for_each_seed(10, |seed| {
        let mut radio = row(seed, 0.15, "N0PRA DB0AAA DK5SG-3");
        talk(&mut radio, 4000);
    });
}

#[test]
fn each_hop_of_a_crosslink_has_its_own_version() {
    for_each_seed(6, |seed| {
        let mut radio = row(seed, 0.05, "N0PRA DB0AAA DB0BBB DK5SG");
        for (at, extended) in [(0, Extended::Offered), (1, Extended::Accepted)] {
            radio.stations[at].ax25.set_parameters(Parameters {
                extended,
                ..Parameters::default()
            });
        }
        for at in [2, 3] {
            radio.stations[at].ax25.set_parameters(Parameters {
                extended: Extended::Refused,
                version: 1,
                ..Parameters::default()
            });
        }
        talk(&mut radio, 2000);
        let extended: Vec<bool> = radio.stations.iter().map(|node| node.extended).collect();
        assert_eq!(extended, [true, true, false, false]);
    });
}

#[test]
fn who_is_offered_modulo_128_has_what_it_knows() {
    const AS_OTHERS: Option<Extended> = None;
    for (station, of_call, theirs, expected) in [
        (Extended::Offered, AS_OTHERS, Extended::Accepted, true),
        (Extended::Offered, AS_OTHERS, Extended::Refused, false),
        (
            Extended::Offered,
            Some(Extended::Accepted),
            Extended::Accepted,
            false,
        ),
        (
            Extended::Accepted,
            Some(Extended::Offered),
            Extended::Accepted,
            true,
        ),
    ] {
        for_each_seed(5, |seed| {
            let mut radio = row(seed, 0.05, "N0PRA DK5SG");
            for (at, extended) in [(0, station), (1, theirs)] {
                radio.stations[at].ax25.set_parameters(Parameters {
                    extended,
                    ..Parameters::default()
                });
            }
            let routes = &mut radio.stations[0].ax25.routes;
            routes.set_extended(call("DK5SG"), of_call);
            talk(&mut radio, 3000);
            let asks = of_call.unwrap_or(station) == Extended::Offered;
            let extended: Vec<bool> = radio.stations.iter().map(|node| node.extended).collect();
            assert_eq!(extended, [asks, expected]);
        });
    }
}

#[test]
fn a_crosslink_asks_for_modulo_8_unless_it_is_told() {
    for told in [false, true] {
        let mut radio = row(1, 0.0, "N0PRA DB0AAA DK5SG");
        let middle = &mut radio.stations[1].ax25;
        middle.set_parameters(Parameters {
            extended: Extended::Offered,
            ..Parameters::default()
        });
        if told {
            let routes = &mut middle.routes;
            routes.set_extended(call("DK5SG"), Some(Extended::Offered));
        }
        talk(&mut radio, 3000);
        let extended: Vec<bool> = radio.stations.iter().map(|node| node.extended).collect();
        assert_eq!(extended, [false, told, told]);
    }
}

#[test]
fn who_repeats_nothing_is_the_end() {
    let mut radio = row(1, 0.0, "N0PRA DB0AAA DK5SG");
    radio.stations[1].ax25.digipeat = Digipeat::Off;
    let now = radio.now();
    let node = &mut radio.stations[0];
    let digis = calls("DB0AAA");
    node.session = node
        .ax25
        .connect(now, None, call("DK5SG"), &digis, None)
        .ok();
    radio.run_for(3600 * SECOND);
    assert_eq!(radio.stations[0].ended, Some(Cause::NoAnswer));
    assert_eq!(radio.stations[2].ax25.counters.received, 0);
    assert!(radio.stations[1].ax25.counters.not_repeated > 5);
}

#[test]
fn who_is_not_there_is_called_three_times() {
    let mut radio = row(1, 0.0, "N0PRA DB0AAA DK5SG");
    let now = radio.now();
    let node = &mut radio.stations[0];
    node.ax25.set_parameters(Parameters {
        retry: 4,
        ..Parameters::default()
    });
    let digis = calls("DB0AAA");
    node.session = node
        .ax25
        .connect(now, None, call("DB0XXX"), &digis, None)
        .ok();
    radio.run_for(60 * SECOND);
    let middle = &radio.stations[1];
    assert!(middle.most_links == 2);
    radio.run_for(3600 * SECOND);
    assert_eq!(radio.stations[0].ended, Some(Cause::NoAnswer));
    assert_eq!(radio.stations[1].ax25.link_count(), 0);
    assert_eq!(radio.stations[0].ax25.link_count(), 0);
}

#[test]
fn who_does_not_read_holds_up_the_other_end() {
    let mut radio = row(3, 0.02, "N0PRA DB0AAA DK5SG");
    radio.stations[2].lazy = true;
    let now = radio.now();
    let octets = 40_000;
    let digis = calls("DB0AAA");
    radio.stations[2]
        .ax25
        .routes
        .set_jumpstart(call("N0PRA"), true);
    let node = &mut radio.stations[0];
    node.session = node
        .ax25
        .connect(now, None, call("DK5SG"), &digis, None)
        .ok();
    node.text = text(octets, 5).into();
    radio.run_for(600 * SECOND);
    let left = radio.stations[0].text.len();
    assert!(left > 20_000 && left < octets, "{}", state(&radio));
    assert!(radio.stations[2].received.is_empty());
    radio.stations[2].lazy = false;
    let now = radio.now();
    radio.stations[2].settle(now);
    let done = radio.run_until(7200 * SECOND, |radio| {
        radio.stations[2].received.len() >= octets
    });
    assert!(done.is_some(), "{}", state(&radio));
    assert!(radio.stations[2].received == text(octets, 5));
}

#[test]
fn packets_of_all_lengths_arrive_on_a_connection_made_for_them() {
    for_each_seed(10, |seed| {
        let mut radio = row(seed, 0.05, "N0PRA DK5SG");
        let mut expected = Vec::new();
        for length in [0usize, 1, 255, 256, 257, 1500, 3000] {
            let packet = text(length, length);
            let now = radio.now();
            let node = &mut radio.stations[0];
            assert!(node.ax25.send_packet(now, call("DK5SG"), pid::IP, &packet));
            expected.push((call("N0PRA"), packet));
        }
        let done = radio.run_until(600 * SECOND, |radio| {
            radio.stations[1].packets.len() == expected.len()
        });
        assert!(done.is_some(), "{}", state(&radio));
        assert!(radio.stations[1].packets == expected);
        assert_eq!(radio.stations[1].ax25.link_count(), 1);
        // Nobody uses it for an hour.
        radio.run_for(2 * 3600 * SECOND);
        assert_eq!(radio.stations[0].ax25.link_count(), 0, "{}", state(&radio));
        assert_eq!(radio.stations[1].ax25.link_count(), 0, "{}", state(&radio));
    });
}

#[test]
fn what_waits_for_nobody_is_bounded_and_lost() {
    let mut radio = row(1, 0.0, "N0PRA DK5SG");
    let now = radio.now();
    let node = &mut radio.stations[0];
    let taken = (0..100)
        .filter(|_| {
            node.ax25
                .send_packet(now, call("DB0XXX"), pid::IP, &[0; 1000])
        })
        .count();
    assert!((8..=32).contains(&taken), "{taken}");
    radio.run_for(3600 * SECOND);
    let counters = &radio.stations[0].ax25.counters;
    assert_eq!(counters.packets_lost, 100);
    assert_eq!(radio.stations[0].ax25.link_count(), 0);
}
