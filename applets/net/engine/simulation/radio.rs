//! Stations on the air: datagrams in frames of AX.25.

use wanbox_net_ax25::Digipeat;
use wanbox_wire::ax25::{Call, Class, Header};

use super::connections::Transfer;
use super::*;
use crate::interface::Hardware;

/// Stations with one TNC each, by encapsulation; all hear each other. 44.128.4.1, .2, ... and DB0AAA, DB0AAB, ...
fn on_the_air(encapsulations: &[Encapsulation], mtu: u16) -> (Net, Vec<InterfaceId>) {
    let mut net = Net::new(encapsulations.len());
    let mut ends = Vec::new();
    for (at, encapsulation) in encapsulations.iter().enumerate() {
        let address = format!("44.128.4.{}", at + 1);
        let station = &mut net.stations[at];
        let call = LinkAddress::parse_call(&format!("DB0AA{}", char::from(b'A' + at as u8)));
        station.interfaces.default_call = call;
        let id = attach(station, "tnc0", *encapsulation, &address, mtu);
        let now = net.now;
        station.set_netmask(now, id, 0xffff_ff00).unwrap();
        station.set_broadcast(now, id, ip("44.128.4.255"));
        station.ax25.routes.default = Some(id.port());
        ends.push((at, id));
    }
    net.join(&ends);
    (net, ends.into_iter().map(|(_, id)| id).collect())
}

fn pings(net: &mut Net, from: usize, to: &str, length: u32) -> usize {
    net.events.clear();
    net.with(from, |station, now, lines| {
        station.ping(now, ip(to), length, None, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(30));
    let is_reply = |(at, event): &&(usize, Event)| *at == from && matches!(event, Event::Ping(_));
    net.events.iter().filter(is_reply).count()
}

#[test]
fn datagrams_go_in_ui_and_i_frames() {
    for (encapsulation, links) in [(Encapsulation::KissUi, 0), (Encapsulation::KissI, 1)] {
        let (mut net, ids) = on_the_air(&[encapsulation; 2], 256);
        assert_eq!(pings(&mut net, 0, "44.128.4.2", 64), 1);
        assert_eq!(pings(&mut net, 0, "44.128.4.2", 1000), 1, "in fragments");
        let mut transfer = Transfer::open(&mut net, 0, 1, "44.128.4.2");
        transfer.exchange(&mut net, 20_000);
        for (at, station) in net.stations.iter().enumerate() {
            assert_eq!(station.ax25.link_count(), links);
            let counters = &station.interfaces.get(ids[at]).unwrap().counters;
            assert!(counters.sent.ip > 40 && counters.received.ip > 40);
            assert!(counters.sent.total > counters.sent.ip, "ARP");
            assert_eq!(station.ax25.counters.inbox_full, 0);
        }
    }
}

#[test]
fn what_is_longer_than_an_i_field_goes_in_pieces() {
    let (mut net, _) = on_the_air(&[Encapsulation::KissI; 2], 1500);
    assert_eq!(pings(&mut net, 0, "44.128.4.2", 1400), 1);
    let mut transfer = Transfer::open(&mut net, 0, 1, "44.128.4.2");
    transfer.exchange(&mut net, 50_000);
    assert_eq!(net.stations[0].ip.stats.frag_creates, 0);
    assert_eq!(net.stations[1].ax25.counters.bad_segments, 0);
}

#[test]
fn losses_are_made_good_below_tcp() {
    wanbox_sim::for_each_seed(5, |seed| {
        let (mut net, _) = on_the_air(&[Encapsulation::KissI; 2], 256);
        net.random = Random::new(seed);
        net.loss = 0.1;
        let mut transfer = Transfer::open(&mut net, 0, 1, "44.128.4.2");
        transfer.exchange(&mut net, 5_000);
    });
}

#[test]
fn the_type_of_service_decides() {
    // Whether the interface has UI frames, the type of service, whether it is ignored: UI or I.
    for (ui, tos, ignored, wants_ui) in [
        (true, 0, false, true),
        (true, 0x10, false, true),
        (true, 0x04, false, false),
        (true, 0x14, false, true),
        (true, 0x04, true, true),
        (false, 0, false, false),
        (false, 0x10, false, true),
        (false, 0x10, true, false),
        (false, 0x14, false, false),
        (false, 0x08, false, false),
    ] {
        let encapsulation = if ui {
            Encapsulation::KissUi
        } else {
            Encapsulation::KissI
        };
        let (mut net, _) = on_the_air(&[encapsulation; 2], 256);
        let station = &mut net.stations[0];
        station.ax25.ignore_tos = ignored;
        let mut lines = Lines::default();
        let link = LinkAddress::parse_call("DB0AAB").unwrap();
        let key = (Hardware::Ax25, ip("44.128.4.2"));
        station.arp_add(net.now, key, link, false, &mut lines);
        let header = crate::ip::Header {
            tos,
            ..crate::ip::Header::new(Ipv4Addr::UNSPECIFIED, ip("44.128.4.2"), 99)
        };
        station.send(net.now, &header, &mut [0; 40], &mut lines);
        station.flush(net.now, &mut lines);
        let (header, rest) = Header::parse(&lines.sent[0].packet).unwrap();
        assert_eq!(header.to_string(), "DB0AAA->DB0AAB");
        let field = if wants_ui { 0x03 } else { 0x3f };
        assert_eq!(rest[0], field, "ui {ui} tos {tos:02x} ignored {ignored}");
    }
}

#[test]
fn who_is_heard_is_learned() {
    let (mut net, ids) = on_the_air(&[Encapsulation::KissUi; 2], 256);
    // The second station is the way to a network that the first knows nothing of.
    let now = net.now;
    let datagram = |src: &str| {
        let mut packet = vec![0x45, 0, 0, 20, 0, 1, 0, 0, 64, 99, 0, 0];
        packet.extend(ip(src).octets());
        packet.extend([44, 128, 4, 1]);
        let sum = wanbox_wire::ip::Sum::new().octets(&packet).checksum();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        let call = |word| Call::parse(word).unwrap();
        let mut frame = Vec::new();
        Header::new(call("DB0AAA"), call("DB0AAB"), Class::Command).append(&mut frame);
        frame.extend([0x03, 0xcc]);
        frame.extend(packet);
        frame
    };
    let receive = |net: &mut Net, src: &str| {
        let frame = datagram(src);
        net.with(0, |station, now, lines| {
            station.receive_ax25(now, ids[0], &frame, lines);
        });
    };
    receive(&mut net, "44.9.9.9");
    let station = &net.stations[0];
    let route = station.routes.exact(ip("44.9.9.9"), 32).unwrap();
    assert_eq!(
        (route.interface, route.gateway),
        (ids[0], Ipv4Addr::UNSPECIFIED)
    );
    let entry = station.arp.get(Hardware::Ax25, ip("44.9.9.9")).unwrap();
    assert_eq!(entry.link, LinkAddress::parse_call("DB0AAB"));
    // It has an address that was typed: then it is a gateway.
    let mut lines = Lines::default();
    let key = (Hardware::Ax25, ip("44.128.4.2"));
    let link = LinkAddress::parse_call("DB0AAB").unwrap();
    net.stations[0].arp_add(now, key, link, false, &mut lines);
    receive(&mut net, "44.9.9.8");
    let station = &net.stations[0];
    let route = station.routes.exact(ip("44.9.9.8"), 32).unwrap();
    assert_eq!(route.gateway, ip("44.128.4.2"));
    assert!(station.arp.get(Hardware::Ax25, ip("44.9.9.8")).is_none());
    for wrong in [
        "44.128.4.1",
        "127.0.0.1",
        "224.0.0.5",
        "255.255.255.255",
        "44.128.4.255",
    ] {
        let before = net.stations[0].routes.len();
        receive(&mut net, wrong);
        assert_eq!(net.stations[0].routes.len(), before, "{wrong}");
    }
    net.stations[0]
        .interfaces
        .get_mut(ids[0])
        .unwrap()
        .autoroute = false;
    receive(&mut net, "44.9.9.7");
    assert!(net.stations[0].routes.exact(ip("44.9.9.7"), 32).is_none());
}

#[test]
fn a_third_station_repeats() {
    for digipeat in [Digipeat::Repeat, Digipeat::Link] {
        for encapsulation in [Encapsulation::KissUi, Encapsulation::KissI] {
            let mut net = Net::new(3);
            let mut ids = Vec::new();
            // The one in the middle has two TNCs on two channels.
            for (at, name, call, address) in [
                (0, "tnc0", "DB0AAA", "44.128.4.1"),
                (1, "tnc0", "DB0AAB", "44.128.4.2"),
                (1, "tnc1", "DB0AAB-1", "44.128.5.2"),
                (2, "tnc0", "DB0AAC", "44.128.4.3"),
            ] {
                let station = &mut net.stations[at];
                let id = attach(station, name, encapsulation, address, 256);
                station.interfaces.set_link_address(id, call).unwrap();
                station.ax25.digipeat = digipeat;
                ids.push(id);
            }
            let now = net.now;
            let call = |word: &str| Call::parse(word).unwrap();
            for (at, id, peer, peer_call) in [
                (0, ids[0], "44.128.4.3", "DB0AAC"),
                (2, ids[3], "44.128.4.1", "DB0AAA"),
            ] {
                let digi = call(if at == 0 { "DB0AAB" } else { "DB0AAB-1" });
                let station = &mut net.stations[at];
                station.radio_sync();
                let port = id.port();
                assert!(
                    station
                        .ax25
                        .routes
                        .add(0, port, &[digi], call(peer_call), true)
                );
                route(station, now, peer, 32, id, "0.0.0.0");
                let mut lines = Lines::default();
                let link = LinkAddress::parse_call(peer_call).unwrap();
                let key = (Hardware::Ax25, ip(peer));
                station.arp_add(now, key, link, false, &mut lines);
            }
            let middle = &mut net.stations[1];
            for (id, peer) in [(ids[1], "DB0AAA"), (ids[2], "DB0AAC")] {
                assert!(middle.ax25.routes.add(0, id.port(), &[], call(peer), true));
            }
            net.join(&[(0, ids[0]), (1, ids[1])]);
            net.join(&[(1, ids[2]), (2, ids[3])]);
            assert_eq!(
                pings(&mut net, 0, "44.128.4.3", 64),
                1,
                "{digipeat:?} {encapsulation:?}"
            );
            let mut transfer = Transfer::open(&mut net, 0, 2, "44.128.4.3");
            transfer.exchange(&mut net, 5_000);
            let halves = net.stations[1]
                .ax25
                .links()
                .filter(|link| link.crosslink)
                .count();
            let linked = digipeat == Digipeat::Link && encapsulation == Encapsulation::KissI;
            assert_eq!(halves, if linked { 2 } else { 0 });
        }
    }
}

/// A station at the TNC of a shared channel, which takes two frames and no more.
struct OnChannel {
    station: Station,
    lines: Waiting,
}

#[derive(Default)]
struct Waiting(std::collections::VecDeque<Vec<u8>>, usize);

impl Sink for Waiting {
    fn queued(&self, _line: InterfaceId) -> usize {
        self.0.len()
    }

    fn has_room(&self, _line: InterfaceId) -> bool {
        self.0.len() < 2
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        assert_eq!(frame.kind, FrameKind::Ax25);
        self.0.push_back(frame.packet.to_vec());
        self.1 = self.1.max(self.0.len());
    }
}

impl wanbox_sim::Endpoint for OnChannel {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let id = self.station.interfaces.newest();
        self.station.receive_ax25(now, id, frame, &mut self.lines);
        self.station.flush(now, &mut self.lines);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.station.handle_timeout(now, &mut self.lines);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.station.poll_timeout()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.station.flush(now, &mut self.lines);
        match self.lines.0.pop_front() {
            Some(next) => {
                *frame = next;
                true
            }
            None => false,
        }
    }
}

/// TCP in UI and in I frames on a half-duplex channel with losses: all arrives, and no more than two frames are
/// ever on the way between station and TNC.
#[test]
fn tcp_on_a_shared_channel() {
    for encapsulation in [Encapsulation::KissUi, Encapsulation::KissI] {
        wanbox_sim::for_each_seed(4, |seed| {
            let channel = wanbox_sim::Channel {
                loss: 0.02,
                ..wanbox_sim::Channel::FM_1200
            };
            let (net, _) = on_the_air(&[encapsulation; 2], 256);
            let mut radio = wanbox_sim::Radio::new(seed, channel);
            for station in net.stations {
                radio.add(|_| OnChannel {
                    station,
                    lines: Waiting::default(),
                });
            }
            let options = wanbox_net_tcp::Options {
                mss: 216,
                window: 2048,
                ..Default::default()
            };
            let now = radio.now();
            let tcp = &mut radio.stations[1].station.tcp;
            let listener = tcp.listen(None, 7, 4, &options).unwrap();
            let caller = &mut radio.stations[0].station;
            let to = (ip("44.128.4.2"), 7);
            let client = caller.tcp_connect(now, 0, to, &options).unwrap();
            let data: Vec<u8> = (0..4000u32).map(|at| (at * 31 + at / 251) as u8).collect();
            let (mut sent, mut received, mut server) = (0, Vec::new(), None);
            let done = radio.run_until(Duration::from_secs(3600), |radio| {
                let tcp = &mut radio.stations[0].station.tcp;
                sent += tcp.send(client, &data[sent..]).unwrap_or(0);
                let tcp = &mut radio.stations[1].station.tcp;
                server = server.or_else(|| tcp.accept(listener));
                let mut buffer = [0; 1024];
                while let Some(id) = server
                    && let Ok(count @ 1..) = tcp.receive(id, &mut buffer)
                {
                    received.extend_from_slice(&buffer[..count]);
                }
                received.len() == data.len()
            });
            assert!(done.is_some(), "{encapsulation:?} {}", received.len());
            assert!(received == data);
            assert!(radio.stations.iter().all(|station| station.lines.1 <= 2));
        });
    }
}
