use super::*;
use crate::simulation::{Lines, Net, attach, ip, route, row};
use crate::{Encapsulation, Interface};

/// Three stations in a row; the first has a network behind it. All tell each other every 30 s.
fn speaking() -> Net {
    let (mut net, [a, b0, b1, c]) = row([576; 2]);
    let mut lines = Lines::default();
    let now = net.now;
    let home = attach(
        &mut net.stations[0],
        "home",
        Encapsulation::None,
        "44.9.0.1",
        1500,
    );
    route(&mut net.stations[0], now, "44.9.9.0", 24, home, "0.0.0.0");
    for (at, id, peer) in [
        (0, a, "44.1.0.2"),
        (1, b0, "44.1.0.1"),
        (1, b1, "44.2.0.3"),
        (2, c, "44.2.0.2"),
    ] {
        let station = &mut net.stations[at];
        let private = crate::route::NewRoute {
            private: true,
            ..crate::route::NewRoute::new(ip(peer), 32, id)
        };
        station.add_route(now, &private).unwrap();
        station.rip.trace = 1;
        station.rip_start().unwrap();
        station
            .rip_add(now, ip(peer), 30, true, false, 1, &mut lines)
            .unwrap();
    }
    net
}

fn metric(net: &Net, at: usize, target: &str, bits: u8) -> Option<u32> {
    net.stations[at]
        .routes
        .exact(ip(target), bits)
        .map(|route| route.metric)
}

#[test]
fn routes_spread_and_their_loss_too() {
    let mut net = speaking();
    net.run(Duration::from_secs(31));
    assert_eq!(metric(&net, 1, "44.9.9.0", 24), Some(2));
    assert_eq!(
        metric(&net, 2, "44.9.9.0", 24),
        Some(3),
        "by a triggered update"
    );
    assert!(net.events.iter().any(|(at, event)| *at == 2
        && matches!(event, Event::Rip(RipNotice::Add(target, 24, _, gateway, 3))
            if *target == ip("44.9.9.0") && *gateway == ip("44.2.0.2"))));
    // The first goes away: its routes age, and the last hears at once.
    net.stations[0].rip.drop(ip("44.1.0.2"));
    net.stations[0].rip_stop();
    net.run(Duration::from_secs(115));
    assert_eq!(metric(&net, 2, "44.9.9.0", 24), Some(3));
    net.run(Duration::from_secs(10));
    assert_eq!(metric(&net, 1, "44.9.9.0", 24), Some(16));
    assert_eq!(metric(&net, 2, "44.9.9.0", 24), Some(16));
    net.run(Duration::from_secs(81));
    assert_eq!(metric(&net, 1, "44.9.9.0", 24), None);
    assert_eq!(metric(&net, 2, "44.9.9.0", 24), None);
}

#[test]
fn requests_are_answered_with_the_whole_table_or_what_was_asked() {
    let mut net = speaking();
    net.run(Duration::from_secs(31));
    let before = net.stations[2].rip.stats.responses;
    net.with(2, |station, now, lines| {
        station.rip_request(now, ip("44.2.0.2"), PORT, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(1));
    assert_eq!(net.stations[1].rip.stats.requests, 1);
    assert_eq!(net.stations[2].rip.stats.responses, before + 1);
    // Entry by entry.
    let mut message = Vec::new();
    wire::begin(&mut message, Command::Request, 1, None);
    Entry::new(ip("44.9.9.0"), 0).emit(&mut message);
    Entry::new(ip("10.0.0.0"), 0).emit(&mut message);
    let (mut lines, now) = (Lines::default(), net.now);
    let id = net.stations[1].interfaces.by_name("sl1").unwrap();
    net.stations[1].rip_input(now, id, (ip("44.2.0.3"), 9999), &message, &mut lines);
    let packet = lines.packets().remove(0);
    let answer = wire::Message::parse(&packet[28..]).unwrap();
    let metrics: Vec<u32> = answer.entries().map(|entry| entry.metric).collect();
    assert_eq!(metrics, [3, 16]);
    for _ in 0..100 {
        net.stations[1].rip_input(now, id, (ip("44.2.0.3"), 9999), &message, &mut lines);
    }
    assert!(net.stations[1].rip.stats.limited > 80);
}

#[test]
fn who_is_not_asked_is_not_believed() {
    let mut net = speaking();
    let (now, mut lines) = (net.now, Lines::default());
    let station = &mut net.stations[1];
    let id = station.interfaces.by_name("sl0").unwrap();
    let message = |version: u8, password: Option<&[u8; 16]>| {
        let mut message = Vec::new();
        wire::begin(&mut message, Command::Response, version, password);
        let mask = if version == 2 { 0xff00_0000 } else { 0 };
        Entry {
            mask,
            ..Entry::new(ip("10.0.0.0"), 1)
        }
        .emit(&mut message);
        message
    };
    let peer = (ip("44.1.0.1"), PORT);
    let mut learned = |station: &mut Station, from, octets: &[u8]| {
        station.rip_input(now, id, from, octets, &mut lines);
        station.routes.drop(ip("10.0.0.0"), 8).is_some()
    };
    assert!(learned(station, peer, &message(1, None)));
    assert!(
        !learned(station, (peer.0, 521), &message(1, None)),
        "not from the port"
    );
    assert!(
        !learned(station, (ip("44.1.0.2"), PORT), &message(1, None)),
        "from ourselves"
    );
    assert!(!learned(station, peer, &message(2, None)), "not asked for");
    station.rip.refuse(peer.0).unwrap();
    assert!(!learned(station, peer, &message(1, None)));
    assert!(station.rip.accept(peer.0));
    station.rip.version2 = true;
    let password = b"secret\0\0\0\0\0\0\0\0\0\0";
    assert!(learned(station, peer, &message(2, None)));
    assert!(!learned(station, peer, &message(2, Some(password))));
    station.rip.password = Some(*password);
    assert!(learned(station, peer, &message(2, Some(password))));
    assert!(!learned(
        station,
        peer,
        &message(2, Some(b"secreT\0\0\0\0\0\0\0\0\0\0"))
    ));
    assert!(
        !learned(station, peer, &message(2, None)) && !learned(station, peer, &message(1, None))
    );
    let stats = station.rip.stats;
    assert_eq!(
        (
            stats.strangers,
            stats.refused,
            stats.unknown,
            stats.unauthenticated
        ),
        (2, 1, 1, 4)
    );
}

#[test]
fn masks_are_guessed_in_version_1() {
    for (address, bits) in [
        ("0.0.0.0", 0),
        ("44.0.0.0", 8),
        ("44.128.0.0", 16),
        ("44.128.4.0", 24),
        ("44.128.4.5", 32),
        ("130.1.0.0", 16),
        ("130.1.2.0", 24),
        ("192.168.0.0", 24),
        ("192.168.1.0", 24),
        ("200.0.0.0", 24),
        ("130.0.0.0", 16),
        ("192.168.1.1", 32),
    ] {
        assert_eq!(input::guess_bits(ip(address)), bits, "{address}");
    }
}

#[test]
fn split_horizon_and_long_tables() {
    let mut net = speaking();
    let (now, mut lines) = (net.now, Lines::default());
    let station = &mut net.stations[1];
    let home = station
        .interfaces
        .attach(Interface::new("home", Encapsulation::None, 1500))
        .unwrap();
    let (to_a, to_c) = (
        station.interfaces.by_name("sl0").unwrap(),
        station.interfaces.by_name("sl1").unwrap(),
    );
    for number in 0..60u8 {
        let id = if number < 30 { home } else { to_c };
        route(station, now, &format!("10.{number}.0.0"), 16, id, "0.0.0.0");
    }
    route(station, now, "11.0.0.0", 8, to_a, "0.0.0.0");
    let mut entries = |station: &mut Station, split, us| {
        station
            .rip_add(now, ip("44.1.0.1"), 30, split, us, 1, &mut lines)
            .unwrap();
        let packets = lines.packets();
        assert!(packets.iter().all(|packet| packet.len() <= 576));
        let all = packets.iter().flat_map(|packet| {
            wire::Message::parse(&packet[28..])
                .unwrap()
                .entries()
                .collect::<Vec<_>>()
        });
        all.collect::<Vec<Entry>>()
    };
    assert_eq!(entries(station, true, false).len(), 60);
    let whole = entries(station, false, true);
    assert_eq!(whole.len(), 62);
    assert_eq!(whole[0], Entry::new(ip("44.1.0.2"), 1));
    assert!(whole[1..].iter().all(|entry| entry.metric == 2));
    assert_eq!(
        station.rip_add(now, ip("99.0.0.1"), 30, true, false, 1, &mut lines),
        Err(RipError::Unreachable(ip("99.0.0.1")))
    );
}
