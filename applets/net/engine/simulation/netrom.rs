//! Nodes of NET/ROM on stations: who learns what, circuits, and IP from one end to the other.

use wanbox_net_netrom::{Broadcast, Event as News, State};
use wanbox_wire::ax25::Call;

use super::*;
use crate::interface::Hardware;

const NAMES: [&str; 3] = ["DB0AAA", "DB0BBB", "DB0CCC"];

fn name(at: usize) -> Call {
    Call::parse(NAMES[at]).unwrap()
}

/// Three nodes in a row, the middle one with two TNCs; 44.64.0.1 to 44.64.0.3 over NET/ROM. What is joined, and
/// when all know each other.
fn nodes() -> (Net, [(usize, InterfaceId); 4]) {
    let mut net = Net::new(3);
    for (at, name) in NAMES.iter().enumerate() {
        net.stations[at].interfaces.default_call = LinkAddress::parse_call(name);
    }
    let ends = [(0, "tnc0"), (1, "tnc0"), (1, "tnc1"), (2, "tnc0")].map(|(at, name)| {
        let station = &mut net.stations[at];
        let id = attach(station, name, Encapsulation::KissUi, "0.0.0.0", 256);
        let path = vec![Call::NODES];
        let port = id.port().0;
        station.radio_sync();
        station
            .netrom
            .add_broadcast(Broadcast { port, path })
            .unwrap();
        (at, id)
    });
    net.join(&ends[..2]);
    net.join(&ends[2..]);
    for at in 0..3 {
        let now = net.now;
        let station = &mut net.stations[at];
        let address = format!("44.64.0.{}", at + 1);
        let id = attach(station, "netrom", Encapsulation::NetRom, &address, 236);
        route(station, now, "44.64.0.0", 24, id, "0.0.0.0");
    }
    net.run(Duration::from_secs(11));
    // The outer ones learn of each other with the next round.
    net.run(Duration::from_secs(1800));
    (net, ends)
}

fn neighbour(net: &mut Net, from: usize, to: usize) -> Option<Call> {
    let now = net.now;
    net.stations[from].netrom.node(now, name(to))?.neighbour
}

#[test]
fn circuits_over_three_nodes() {
    let (mut net, _) = nodes();
    assert_eq!(neighbour(&mut net, 0, 2), Some(name(1)));
    assert_eq!(neighbour(&mut net, 2, 0), Some(name(1)));
    net.stations[2].netrom.set_serving(true);
    net.events.clear();
    let user = Call::parse("DL1XYZ").unwrap();
    let ours = net.with(0, |station, now, _| {
        station.netrom.connect(now, name(2), user)
    });
    let ours = ours.unwrap();
    net.run(Duration::from_secs(60));
    let incoming = net.events.iter().find_map(|event| match event {
        (2, Event::NetRom(News::Incoming(id))) => Some(*id),
        _ => None,
    });
    let theirs = incoming.expect("the circuit came");
    assert!(net.events.contains(&(0, Event::NetRom(News::State(ours)))));
    let text = [7; 1500];
    let taken = net.with(0, |station, now, _| station.netrom.send(now, ours, &text));
    assert_eq!(taken, text.len());
    net.run(Duration::from_secs(60));
    let mut read = Vec::new();
    net.with(2, |station, now, _| {
        station.netrom.read(now, theirs, 9999, &mut read)
    });
    assert_eq!(read, text);
    net.with(2, |station, now, _| station.netrom.close(now, theirs));
    net.run(Duration::from_secs(60));
    let state = |at: usize, id| net.stations[at].netrom.circuit(id).unwrap().state();
    assert_eq!(
        (state(0, ours), state(2, theirs)),
        (State::Disconnected, State::Disconnected)
    );
    assert!(net.stations[1].netrom.counters().forwarded > 10);
}

#[test]
fn datagrams_from_node_to_node() {
    let (mut net, _) = nodes();
    let link = LinkAddress::from(name(2));
    net.with(0, |station, now, lines| {
        let key = (Hardware::NetRom, ip("44.64.0.3"));
        station.arp_add(now, key, link, false, lines);
    });
    net.events.clear();
    net.with(0, |station, now, lines| {
        station.ping(now, ip("44.64.0.3"), 200, None, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(60));
    let is_reply = |(at, event): &&(usize, Event)| *at == 0 && matches!(event, Event::Ping(_));
    assert_eq!(net.events.iter().filter(is_reply).count(), 1);
    // The other end has learned where we are; nobody it does not know can be asked for.
    let entry = net.stations[2]
        .arp
        .get(Hardware::NetRom, ip("44.64.0.1"))
        .unwrap();
    assert_eq!(entry.link, Some(LinkAddress::from(name(0))));
    let sent = net.stations[2].netrom.counters();
    let discards = net.stations[2].ip.stats.out_discards;
    net.with(2, |station, now, lines| {
        station.ping(now, ip("44.64.0.2"), 20, None, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(60));
    assert_eq!(net.stations[2].netrom.counters(), sent);
    assert_eq!(net.stations[2].ip.stats.out_discards, discards + 1);
}

#[test]
fn a_neighbour_that_does_not_answer_is_lost() {
    let (mut net, ends) = nodes();
    // The second line is cut.
    net.lines.pop();
    let user = Call::parse("DL1XYZ").unwrap();
    net.with(0, |station, now, _| {
        station.netrom.connect(now, name(2), user)
    })
    .unwrap();
    net.run(Duration::from_secs(300));
    assert_eq!(neighbour(&mut net, 1, 2), None);
    // Everybody hears so with the next broadcast.
    net.run(Duration::from_secs(1800));
    assert_eq!(neighbour(&mut net, 0, 2), None);
    net.join(&ends[2..]);
    net.run(Duration::from_secs(3600));
    assert_eq!(neighbour(&mut net, 0, 2), Some(name(1)));
}
