//! Two packet layers with a map each, and the TCP connections between them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use wanbox_sim::Clock;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::PacketSize;
use wanbox_wire::x25::xot::{Status, header};
use wanbox_wire::x25::{Address, Lci, Marks, Modulo, cause, kind};

use super::{Action, Connection, ENDING, ENDINGS, Parameters, Permanent, SILENCE, STRANGERS, Xot};
use crate::random::SplitMix64;
use crate::x25::{Call, Channels, Event, Layer};

/// Permanent circuits of the ends.
const PERMANENT: std::ops::RangeInclusive<u16> = 1..=2;

struct End {
    layer: Layer,
    xot: Xot,
    events: Vec<Event>,
    /// The connection at the other end.
    other: BTreeMap<u16, u16>,
    /// The first octets that were sent on each connection.
    seen: Vec<Vec<u8>>,
}

/// Two ends; the stream is cut anywhere.
struct Pair {
    ends: [End; 2],
    now: Instant,
    random: SplitMix64,
    /// Connections cannot be made.
    refusing: bool,
}

impl Pair {
    fn new(highest: u16) -> Self {
        Self::with(highest, None, |_, _| {})
    }

    fn with(
        highest: u16,
        permanent: Option<[&str; 2]>,
        change: impl Fn(usize, &mut Parameters),
    ) -> Self {
        let end = |n: usize| {
            let channels = Channels {
                permanent: permanent.map(|_| PERMANENT),
                two_way: Some(3..=highest),
                ..Channels::default()
            };
            let mut parameters = Parameters {
                modulo: Modulo::Eight,
                calls: vec![3..=highest],
                highest,
                permanent: permanent.map(|names| Permanent {
                    channels: PERMANENT,
                    interface: names[n].to_owned(),
                    remote_interface: names[1 - n].to_owned(),
                }),
                packet_size: PacketSize::STANDARD,
                window: 2,
                has_remote: n == 0 || permanent.is_none(),
                seed: 1,
            };
            change(n, &mut parameters);
            End {
                layer: Layer::new(crate::x25::Parameters::new(Role::Dte, channels)).unwrap(),
                xot: Xot::new(parameters),
                events: Vec::new(),
                other: BTreeMap::new(),
                seen: Vec::new(),
            }
        };
        let mut pair = Self {
            ends: [end(0), end(1)],
            now: Clock::new().now(),
            random: SplitMix64::new(7),
            refusing: false,
        };
        let now = pair.now;
        for n in [1, 0] {
            pair.ends[n].layer.link_up(now);
            pair.run();
            assert_eq!(pair.ends[n].events[0], Event::Up);
        }
        pair.events(0);
        pair.events(1);
        pair
    }

    /// Everything that is to happen at this time.
    fn run(&mut self) {
        let mut packet = Vec::new();
        loop {
            let mut silent = true;
            for n in [0, 1] {
                let now = self.now;
                let end = &mut self.ends[n];
                while end.layer.poll_transmit(now, &mut packet) {
                    end.xot.send(now, &packet);
                    silent = false;
                }
                while end.xot.poll_packet(&mut packet) {
                    end.layer.receive(now, &packet);
                    silent = false;
                }
                while let Some(event) = end.layer.poll_event() {
                    end.events.push(event);
                }
                while let Some(action) = self.ends[n].xot.poll_action() {
                    silent = false;
                    self.act(n, action);
                }
            }
            if silent {
                return;
            }
        }
    }

    fn act(&mut self, n: usize, action: Action) {
        let now = self.now;
        match action {
            Action::Connect(connection) => {
                let there = match self.refusing {
                    true => None,
                    false => self.ends[1 - n].xot.accept(now),
                };
                match there {
                    Some(there) => {
                        self.ends[n].other.insert(connection.0, there.0);
                        self.ends[1 - n].other.insert(there.0, connection.0);
                        self.ends[n].xot.connected(now, connection);
                    }
                    None => self.ends[n].xot.closed(now, connection),
                }
            }
            Action::Send(connection) => {
                let octets = self.ends[n].xot.outbound(connection).to_vec();
                self.ends[n].xot.sent(connection, octets.len());
                self.ends[n].seen.push(octets.clone());
                if let Some(&there) = self.ends[n].other.get(&connection.0) {
                    self.bring(1 - n, there, &octets);
                }
            }
            Action::Close(connection) => {
                if let Some(there) = self.ends[n].other.remove(&connection.0) {
                    self.ends[1 - n].other.remove(&there);
                    self.ends[1 - n].xot.closed(now, Connection(there));
                }
            }
        }
    }

    fn bring(&mut self, n: usize, connection: u16, mut octets: &[u8]) {
        let now = self.now;
        while !octets.is_empty() {
            let cut = 1 + self.random.next_u64() as usize % octets.len().min(300);
            let mut piece = octets[..cut].to_vec();
            octets = &octets[cut..];
            let end = &mut self.ends[n];
            let mut packets = VecDeque::new();
            let mut each = |packet: &[u8]| packets.push_back(packet.to_vec());
            end.xot
                .received(now, Connection(connection), &mut piece, &mut each);
            for packet in packets {
                end.layer.receive(now, &packet);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in &mut self.ends {
            end.layer.handle_timeout(self.now);
            end.xot.handle_timeout(self.now);
        }
        self.run();
    }

    fn events(&mut self, n: usize) -> Vec<Event> {
        std::mem::take(&mut self.ends[n].events)
    }

    /// A call from one end that the other accepts: its channel here and there.
    fn call(&mut self, n: usize) -> (Lci, Lci) {
        let now = self.now;
        self.events(0);
        self.events(1);
        let here = self.ends[n].layer.call(now, &call()).unwrap();
        self.run();
        let [Event::Incoming { channel, .. }] = self.events(1 - n)[..] else {
            panic!("no call");
        };
        let layer = &mut self.ends[1 - n].layer;
        layer.accept(now, channel, &Call::default()).unwrap();
        self.run();
        let events = self.events(n);
        assert!(
            matches!(events[..], [Event::Connected { channel, .. }] if channel == here),
            "{events:?}"
        );
        (here, channel)
    }

    /// Octets go from an end, and are read at the other.
    fn carries(&mut self, n: usize, from: Lci, to: Lci, octets: &[u8]) {
        let (mut sent, mut got) = (0, Vec::new());
        for _ in 0..10_000 {
            let more = octets.len().min(sent + 100);
            let layer = &mut self.ends[n].layer;
            if sent < octets.len()
                && layer
                    .send(self.now, from, Marks::default(), &octets[sent..more])
                    .is_ok()
            {
                sent = more;
            }
            self.run();
            let now = self.now;
            let mut packet = Vec::new();
            while self.ends[1 - n].layer.read(now, to, &mut packet).is_some() {
                got.append(&mut packet);
            }
            if got.len() >= octets.len() {
                break;
            }
            self.pass(Duration::from_millis(50));
        }
        assert_eq!(got, octets);
    }
}

fn call() -> Call {
    Call {
        called: "1002".parse::<Address>().unwrap(),
        user_data: b"hello".to_vec(),
        ..Call::default()
    }
}

fn some_octets(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7) as u8).collect()
}

#[test]
fn calls_carry_data_both_ways_and_are_cleared_with_their_cause() {
    let mut pair = Pair::new(20);
    let (one, other) = pair.call(0);
    assert_eq!((one.get(), other.get()), (20, 3));
    let octets = some_octets(20_000);
    pair.carries(0, one, other, &octets);
    pair.carries(1, other, one, &octets);
    let (back, there) = pair.call(1);
    assert_eq!((back.get(), there.get()), (20, 3));
    pair.carries(0, there, back, &octets);
    pair.events(0);
    pair.events(1);
    let now = pair.now;
    let layer = &mut pair.ends[0].layer;
    layer.clear(now, one, 0, 77, &Call::default()).unwrap();
    pair.run();
    assert_eq!(pair.events(0), [Event::ClearConfirmed(one)]);
    let events = pair.events(1);
    assert!(
        matches!(
            events[..],
            [Event::Cleared { channel, diagnostic: 77, .. }] if channel == other
        ),
        "{events:?}"
    );
    assert_eq!(pair.ends[0].xot.connections(), 1);
    assert_eq!(pair.ends[1].xot.connections(), 1);
    pair.carries(1, back, there, &octets);
}

#[test]
fn calls_say_packet_and_window_size() {
    let mut pair = Pair::new(20);
    pair.call(0);
    let request = &pair.ends[0].seen[0];
    let packet = wanbox_wire::x25::xot::split(request).unwrap().unwrap();
    // 4 digits called, none calling, 6 octets of facilities: packet size 128, window 2.
    assert_eq!(
        packet.packet[..14],
        [
            0x10, 20, 0x0b, 0x04, 0x10, 0x02, 6, 0x42, 7, 7, 0x43, 2, 2, b'h'
        ]
    );
    assert!(packet.rest.is_empty());
    // A call without them gets them with its answer.
    let now = pair.now;
    let stranger = pair.ends[1].xot.accept(now).unwrap();
    let mut bare = header(6).to_vec();
    bare.extend([0x11, 0x23, kind::CALL_REQUEST, 0x00, 0, b'x']);
    pair.bring(1, stranger.0, &bare);
    pair.run();
    let [Event::Incoming { channel, .. }] = pair.events(1)[..] else {
        panic!("no call");
    };
    let layer = &mut pair.ends[1].layer;
    layer.accept(now, channel, &Call::default()).unwrap();
    let mut packet = Vec::new();
    assert!(pair.ends[1].layer.poll_transmit(now, &mut packet));
    pair.ends[1].xot.send(now, &packet);
    let answer = pair.ends[1].xot.outbound(stranger);
    assert_eq!(
        answer,
        [
            0,
            0,
            0,
            11,
            0x11,
            0x23,
            kind::CALL_ACCEPTED,
            0x00,
            6,
            0x42,
            7,
            7,
            0x43,
            2,
            2
        ]
    );
}

#[test]
fn who_is_not_there_clears() {
    let mut pair = Pair::new(20);
    pair.refusing = true;
    let now = pair.now;
    let channel = pair.ends[0].layer.call(now, &call()).unwrap();
    pair.run();
    let events = pair.events(0);
    assert!(
        matches!(
            events[..],
            [Event::Cleared { channel: on, cause: cause::clear::OUT_OF_ORDER, .. }] if on == channel
        ),
        "{events:?}"
    );
    assert_eq!(pair.ends[0].xot.counters().lost, 1);
    // The channel is good for the next one.
    pair.refusing = false;
    assert_eq!(pair.call(0).0, channel);
}

#[test]
fn nobody_to_call() {
    let mut pair = Pair::with(20, None, |n, parameters| parameters.has_remote = n == 0);
    let now = pair.now;
    pair.ends[1].layer.call(now, &call()).unwrap();
    pair.run();
    let events = pair.events(1);
    assert!(
        matches!(
            events[..],
            [Event::Cleared {
                cause: cause::clear::NOT_OBTAINABLE,
                ..
            }]
        ),
        "{events:?}"
    );
    pair.call(0);
}

#[test]
fn a_lost_connection_clears_at_both_ends() {
    let mut pair = Pair::new(20);
    let (here, there) = pair.call(0);
    let connection = *pair.ends[0].other.keys().next().unwrap();
    let other = pair.ends[0].other.remove(&connection).unwrap();
    pair.ends[1].other.clear();
    let now = pair.now;
    pair.ends[0].xot.closed(now, Connection(connection));
    pair.ends[1].xot.closed(now, Connection(other));
    pair.run();
    for (n, expected) in [(0, here), (1, there)] {
        let events = pair.events(n);
        assert!(
            matches!(
                events[..],
                [Event::Cleared { channel, cause: cause::clear::OUT_OF_ORDER, .. }]
                    if channel == expected
            ),
            "{events:?}"
        );
        assert_eq!(pair.ends[n].xot.connections(), 0);
    }
    pair.call(1);
}

#[test]
fn more_calls_than_channels() {
    let mut pair = Pair::with(60, None, |n, parameters| {
        if n == 1 {
            parameters.calls = vec![3..=5, 9..=10];
        }
    });
    let mut there: Vec<u16> = (0..5).map(|_| pair.call(0).1.get()).collect();
    there.sort_unstable();
    assert_eq!(there, [3, 4, 5, 9, 10]);
    let now = pair.now;
    pair.ends[0].layer.call(now, &call()).unwrap();
    pair.run();
    let events = pair.events(0);
    assert!(
        matches!(
            events[..],
            [Event::Cleared {
                cause: cause::clear::NETWORK_CONGESTION,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(pair.ends[1].xot.counters().no_channel, 1);
    pair.pass(Duration::from_secs(20));
    assert_eq!(pair.ends[0].xot.connections(), 5);
    assert_eq!(pair.ends[1].xot.connections(), 5);
}

#[test]
fn many_circuits_side_by_side() {
    let mut pair = Pair::new(300);
    let circuits: Vec<(Lci, Lci)> = (0..200).map(|_| pair.call(0)).collect();
    for (n, (here, there)) in circuits.iter().enumerate() {
        pair.carries(
            n % 2,
            [*here, *there][n % 2],
            [*there, *here][n % 2],
            &some_octets(n * 3),
        );
    }
    // A restart of one end clears all of them at the other.
    let now = pair.now;
    pair.ends[0].layer.restart(now, 0, 0).unwrap();
    pair.run();
    let cleared = |event: &&Event| matches!(event, Event::Cleared { .. });
    assert_eq!(pair.ends[1].events.iter().filter(cleared).count(), 200);
    assert_eq!(pair.ends[1].xot.connections(), 0);
    pair.events(0);
    pair.events(1);
    pair.call(1);
}

#[test]
fn who_says_nothing_is_let_go() {
    let mut pair = Pair::new(20);
    let now = pair.now;
    let xot = &mut pair.ends[0].xot;
    for _ in 0..STRANGERS {
        assert!(xot.accept(now).is_some());
    }
    assert_eq!(xot.accept(now), None);
    assert_eq!(xot.counters().turned_away, 1);
    pair.pass(SILENCE);
    let xot = &mut pair.ends[0].xot;
    assert_eq!(xot.connections(), 0);
    assert_eq!(xot.counters().silent, STRANGERS as u32);
    assert!(xot.accept(pair.now).is_some());
}

/// Calls that find no channel are cleared, and their connections end when the peer says so, or soon.
#[test]
fn who_calls_and_never_closes_gets_no_more_connections() {
    let mut pair = Pair::with(20, None, |_, parameters| parameters.calls.clear());
    let call = [0x10, 1, kind::CALL_REQUEST, 0, 0];
    let call = [&header(call.len() as u16)[..], &call].concat();
    let (now, xot) = (pair.now, &mut pair.ends[0].xot);
    let mut closed = Vec::new();
    for _ in 0..1000 {
        let connection = xot.accept(now).unwrap();
        xot.received(now, connection, &mut call.clone(), &mut |_| {});
        while let Some(action) = xot.poll_action() {
            if let Action::Close(connection) = action {
                closed.push(connection);
            }
        }
    }
    assert_eq!(xot.counters().no_channel, 1000);
    assert_eq!(xot.connections(), ENDINGS + 21);
    assert_eq!(closed.len(), 1000 - ENDINGS - 21);
    pair.pass(ENDING);
    assert_eq!(pair.ends[0].xot.connections(), 0);
}

#[test]
fn what_is_no_header_closes() {
    let mut pair = Pair::new(20);
    for octets in [
        &[0, 1, 0, 3][..],
        &[0, 0, 0, 2],
        &[0, 0, 0x10, 5],
        &[0xff; 10],
        // Another modulo cannot become a call.
        &[0, 0, 0, 5, 0x20, 1, kind::CALL_REQUEST, 0, 0],
    ] {
        let now = pair.now;
        let connection = pair.ends[0].xot.accept(now).unwrap();
        pair.bring(0, connection.0, octets);
        assert_eq!(
            pair.ends[0].xot.poll_action(),
            Some(Action::Close(connection)),
            "{octets:?}"
        );
        assert_eq!(pair.ends[0].xot.connections(), 0);
    }
    let counters = pair.ends[0].xot.counters();
    assert_eq!((counters.malformed, counters.other_modulo), (4, 1));
}

#[test]
fn what_has_no_place_is_left_out() {
    let mut pair = Pair::new(20);
    let (here, there) = pair.call(0);
    let connection = *pair.ends[0].other.keys().next().unwrap();
    for packet in [
        &[0x10, 0, kind::RESTART_REQUEST, 0, 0][..],
        &[0x10, 1, kind::RESTART_CONFIRMATION],
        &[0x10, 0, kind::DIAGNOSTIC, 33],
        &[0x10, 0, kind::REGISTRATION_REQUEST, 0],
        &[0x10, 1, kind::REJ],
        &[0x10, 1, 0x29],
        &[0x10, 1, kind::CALL_REQUEST, 0, 0],
        &[0x10, 1, kind::CLEAR_CONFIRMATION],
    ] {
        let octets = [&header(packet.len() as u16)[..], packet].concat();
        pair.bring(0, connection, &octets);
    }
    let octets = [&header(3)[..], &[0x20, 1, kind::RR]].concat();
    pair.bring(0, connection, &octets);
    let counters = pair.ends[0].xot.counters();
    assert_eq!((counters.misplaced, counters.other_modulo), (8, 1));
    pair.carries(0, here, there, &some_octets(1000));
    assert_eq!(pair.events(0), []);
}

#[test]
fn a_peer_that_takes_nothing_is_left() {
    let mut pair = Pair::new(20);
    let (here, _) = pair.call(0);
    let connection = *pair.ends[0].other.keys().next().unwrap();
    let now = pair.now;
    let packet = [&[0x10, here.get() as u8, 0][..], &[0; 128]].concat();
    let xot = &mut pair.ends[0].xot;
    while xot.counters().stuck == 0 {
        xot.send(now, &packet);
        assert!(xot.outbound(Connection(connection)).len() <= super::WAITING + 4);
    }
    pair.run();
    assert!(matches!(pair.events(0)[..], [Event::Cleared { .. }]));
}

#[test]
fn permanent_circuits_are_set_up_and_begin_with_a_reset() {
    let mut pair = Pair::with(20, Some(["one", "TWO"]), |n, parameters| {
        if n == 1 {
            // Letters of any size.
            let permanent = parameters.permanent.as_mut().unwrap();
            permanent.interface = "two".to_owned();
        }
    });
    assert_eq!(pair.ends[0].xot.connections(), 2);
    assert_eq!(pair.ends[1].xot.counters().permanent, 2);
    let octets = some_octets(5000);
    for channel in PERMANENT.map(|c| Lci::new(c).unwrap()) {
        pair.carries(0, channel, channel, &octets);
        pair.carries(1, channel, channel, &octets);
    }
    pair.call(0);
    pair.events(0);
    pair.events(1);
    // A reset goes from end to end.
    let first = Lci::new(1).unwrap();
    let now = pair.now;
    pair.ends[0].layer.reset(now, first, 0, 5).unwrap();
    pair.run();
    assert_eq!(pair.events(0), [Event::ResetConfirmed(first)]);
    let events = pair.events(1);
    assert!(
        matches!(events[..], [Event::Reset { channel, diagnostic: 5, .. }] if channel == first),
        "{events:?}"
    );
    pair.carries(1, first, first, &octets);
    pair.events(0);
    pair.events(1);

    // Lost, and set up again after a pause.
    let connection = (0..3)
        .find(|n| pair.ends[0].xot.slots[*n].as_ref().unwrap().channel == Some(first))
        .unwrap();
    let other = pair.ends[0].other.remove(&(connection as u16)).unwrap();
    pair.ends[1].other.remove(&other);
    pair.ends[0].xot.closed(now, Connection(connection as u16));
    pair.ends[1].xot.closed(now, Connection(other));
    pair.run();
    for n in [0, 1] {
        let events = pair.events(n);
        assert!(
            matches!(
                events[..],
                [Event::Reset { channel, cause: cause::reset::OUT_OF_ORDER, .. }] if channel == first
            ),
            "{events:?}"
        );
    }
    pair.pass(Duration::from_secs(60));
    for n in [0, 1] {
        let events = pair.events(n);
        assert!(
            matches!(
                events[..],
                [Event::Reset {
                    cause: cause::reset::REMOTE_DTE_OPERATIONAL,
                    ..
                }]
            ),
            "{events:?}"
        );
    }
    pair.carries(0, first, first, &octets);
}

#[test]
fn permanent_circuits_that_differ_are_refused() {
    type Change = fn(&mut Parameters);
    let changes: [(Change, Status); 4] = [
        (
            |p| p.permanent.as_mut().unwrap().interface = "three".to_owned(),
            Status::NO_INTERFACE,
        ),
        (|p| p.permanent = None, Status::NO_PVC),
        (|p| p.window = 3, Status::FLOW_MISMATCH),
        (|p| p.packet_size = PacketSize::MAX, Status::FLOW_MISMATCH),
    ];
    for (change, status) in changes {
        let mut pair = Pair::with(20, Some(["one", "two"]), |n, parameters| {
            if n == 1 {
                change(parameters);
            }
        });
        pair.run();
        assert_eq!(pair.ends[0].xot.counters().permanent, 0);
        assert_eq!(pair.ends[0].xot.counters().permanent_refused, 2);
        assert_eq!(pair.ends[1].seen[0][8], status.0, "{status}");
        // Calls go on.
        pair.call(0);
    }
}

#[test]
fn random_octets() {
    let start = Clock::new().now();
    let mut random = SplitMix64::new(3);
    for _ in 0..20_000 {
        let length = random.next_u64() as usize % 200;
        let octets: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        super::fuzz::fuzz_xot(start, &octets);
    }
}
