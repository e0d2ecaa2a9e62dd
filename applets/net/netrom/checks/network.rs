//! The network layer, and broadcasts.

use std::time::Duration;

use wanbox_sim::hex;
use wanbox_wire::ax25::Call;

use super::*;
use crate::nodes::Broadcast;
use crate::{Datagram, TooManyBroadcasts};

/// All frames of a broadcast that is due by then.
fn broadcast(node: &mut NetRom, now: Instant) -> Vec<(u16, Vec<u8>)> {
    if node.poll_timeout().is_some_and(|due| due <= now) {
        node.handle_timeout(now);
    }
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while let Some(place) = node.poll_broadcast(&mut frame) {
        frames.push((place.port, frame.clone()));
    }
    frames
}

fn place(port: u16) -> Broadcast {
    let path = vec![Call::NODES];
    Broadcast { port, path }
}

#[test]
fn a_broadcast_is_as_published() {
    let (mut node, now) = linked();
    node.heard(now, call("DK0HU-2"), &nodes("HUXI", &[]));
    let (mut node, _) = (node, now);
    // The quality that makes 144 behind a link of 192.
    node.set_link(now, (call("DB0ID"), call("DK0HU-2")), 192, false);
    node.neighbour_lost(now, call("DK0HU-2"));
    node.add_broadcast(place(3)).unwrap();
    assert_eq!(broadcast(&mut node, now + Duration::from_secs(9)), []);
    let frames = broadcast(&mut node, now + Duration::from_secs(10));
    let expected = "ff 47 41 45 52 54 20
        88 84 60 92 88 40 60 53 54 47 54 20 20 88 84 60 92 88 40 60 c0
        88 96 60 90 aa 40 64 48 55 58 49 20 20 88 84 60 92 88 40 60 90";
    assert_eq!(frames, [(3, hex(expected))]);
    let again = now + Duration::from_secs(10 + 1800);
    assert_eq!(node.poll_timeout(), Some(again));
    assert!(node.set_parameter(now, 7, 0));
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn a_broadcast_has_eleven_entries_a_frame_and_one_frame_at_least() {
    let (mut node, now) = node();
    let then = now + Duration::from_secs(10);
    for port in 0..64 {
        node.add_broadcast(place(port)).unwrap();
    }
    node.add_broadcast(place(5)).unwrap();
    assert_eq!(node.add_broadcast(place(64)), Err(TooManyBroadcasts));
    let frames = broadcast(&mut node, then);
    assert_eq!(frames.len(), 64);
    assert_eq!(frames[5], (5, nodes("GAERT", &[])));
    for port in 1..64 {
        node.remove_port(port);
    }
    for number in 0..23 {
        node.heard(now, call(&format!("DL{number}X")), &nodes("", &[]));
    }
    let frames = broadcast(&mut node, then + Duration::from_secs(1800));
    let lengths: Vec<usize> = frames.iter().map(|(_, frame)| frame.len()).collect();
    assert_eq!(lengths, [7 + 11 * 21, 7 + 11 * 21, 7 + 21]);
    assert_eq!(node.counters().broadcasts_sent, 64 + 3);
}

#[test]
fn hearsay_makes_a_link_that_explains_it() {
    let (mut node, now) = linked();
    // 100 behind 192: 134 * 192 / 256 = 100.5
    let heard = nodes("STGT", &[("DB0AAA", "AAA", "DK0HU-2", 100)]);
    node.heard(now, call("DB0ID"), &heard);
    assert_eq!(node.table.quality(call("DB0AAA"), call("DK0HU-2")), 134);
    let known = *node.node(now, call("DB0AAA")).unwrap();
    assert_eq!((known.hops, known.whole_quality()), (3, 75));
    assert_eq!(
        (known.ident, known.neighbour),
        (ident("AAA"), Some(call("DB0ID")))
    );
    // Lost again: nothing of it is left behind that neighbour, and others hear so once.
    let lost = nodes("STGT", &[("DB0AAA", "AAA", "DB0AAA", 0)]);
    node.heard(now, call("DB0ID"), &lost);
    assert_eq!(node.node(now, call("DB0AAA")).unwrap().neighbour, None);
    node.add_broadcast(place(0)).unwrap();
    let frames = broadcast(&mut node, now + Duration::from_secs(10));
    let entries = [
        ("DB0ID", "STGT", "DB0ID", 192),
        ("DB0AAA", "AAA", "DB0AAA", 0),
        ("DK0HU-2", "HUXI", "DB0ID", 144),
    ];
    assert_eq!(frames, [(0, nodes("GAERT", &entries))]);
}

#[test]
fn who_comes_to_us_for_a_node_is_told_when_we_have_no_better_way() {
    let (mut node, now) = linked();
    let back = nodes("X", &[("DK0HU-2", "HUXI", "DB0SAO", 143)]);
    node.heard(now, call("DB0XYZ"), &back);
    assert!(!node.node(now, call("DK0HU-2")).unwrap().announced);
    let back = nodes("X", &[("DK0HU-2", "HUXI", "DB0SAO", 144)]);
    node.heard(now, call("DB0XYZ"), &back);
    assert!(node.node(now, call("DK0HU-2")).unwrap().announced);
    assert_eq!(node.table.quality(call("DB0XYZ"), call("DK0HU-2")), 0);
}

#[test]
fn broken_broadcasts_teach_what_is_whole() {
    let (mut node, now) = node();
    let mut heard = nodes(
        "STGT",
        &[
            ("DK0HU-2", "HUXI", "DB0ID", 192),
            ("DB0AAA", "", "DB0ID", 9),
        ],
    );
    heard.truncate(heard.len() - 1);
    node.heard(now, call("DB0ID"), &heard);
    node.heard(now, call("DB0ID"), &heard[..6]);
    let mut strange = nodes(
        "\x01",
        &[("DL1A", "X\x1b", "DB0ID", 9), ("DL2A", "", "DB0ID", 9)],
    );
    strange[7] = 0x10;
    node.heard(now, call("DB0ID"), &strange);
    let mut ends = nodes("", &[("DL3A", "", "DB0ID", 9)]);
    ends[7] = 0;
    node.heard(now, call("DB0ID"), &ends);
    node.heard(now, call("DB0ID"), b"text");
    node.heard(now, Call::NODES, &heard);
    let known: Vec<String> = node.nodes(now).map(|(call, _)| call.to_string()).collect();
    assert_eq!(
        known,
        ["DB0ID", "DB0SAO", "DK0HU-2", "DL2A"].map(String::from)
    );
    assert_eq!(node.node(now, call("DB0ID")).unwrap().ident, ident("STGT"));
    let counters = node.counters();
    assert_eq!((counters.malformed, counters.unexpected), (3, 1));
    assert_eq!(counters.broadcasts_received, 3);
}

#[test]
fn packets_are_passed_on_until_they_are_too_old() {
    let (mut node, now) = linked();
    let rest = [1, 2, 3, 4, 5, 6];
    for (time_to_live, passed) in [(16, true), (2, true), (1, false), (0, false)] {
        let came = packet("DL1AAA", "DK0HU-2", time_to_live, &rest);
        assert_eq!(node.received(now, call("DB0XYZ"), &came), None);
        let expected = passed.then(|| {
            let leaves = packet("DL1AAA", "DK0HU-2", time_to_live - 1, &rest);
            ("DB0ID".to_owned(), leaves)
        });
        assert_eq!(sent(&mut node, now), Vec::from_iter(expected));
    }
    // Where it came from is known now: barely.
    let origin = *node.node(now, call("DL1AAA")).unwrap();
    assert_eq!(
        (origin.neighbour, origin.whole_quality()),
        (Some(call("DB0XYZ")), 1)
    );
    let back = packet("DK0HU-2", "DL1AAA", 9, &rest);
    node.received(now, call("DB0ID"), &back);
    assert_eq!(sent(&mut node, now)[0].0, "DB0XYZ");
    // Nobody knows that one; everybody hears so.
    node.received(now, call("DB0ID"), &packet("DK0HU-2", "DL9ZZZ", 9, &rest));
    node.received(now, call("DB0ID"), &packet("DB0SAO", "DL1AAA", 9, &rest));
    node.received(now, call("DB0ID"), &[0x88; 14]);
    assert_eq!(sent(&mut node, now), []);
    assert!(node.node(now, call("DL9ZZZ")).unwrap().announced);
    let counters = node.counters();
    assert_eq!((counters.expired, counters.forwarded), (2, 3));
    assert_eq!(
        (counters.no_route, counters.own, counters.malformed),
        (1, 1, 1)
    );
}

#[test]
fn round_trips_are_echoed() {
    let (mut node, now) = linked();
    let text = b"\0\0\0\0\x05L3RTT:  123 DB0ID";
    node.received(now, call("DB0ID"), &packet("DB0ID", "L3RTT", 2, text));
    let expected = packet("DB0ID", "L3RTT", 1, text);
    assert_eq!(sent(&mut node, now), [("DB0ID".to_owned(), expected)]);
    node.received(
        now,
        call("DB0ID"),
        &packet("DB0ID", "L3RTT", 2, b"\0\0\0\0\x06L3RTT:"),
    );
    node.received(
        now,
        call("DB0ID"),
        &packet("DB0ID", "L3RTT", 2, b"\0\0\0\0\x05hello"),
    );
    node.received(now, call("DB0ID"), &packet("DB0ID", "L3RTT", 2, b""));
    assert_eq!(sent(&mut node, now), []);
    assert_eq!(node.counters().malformed, 3);
}

#[test]
fn datagrams_of_ip_need_an_interface_and_a_source() {
    let (mut node, now) = linked();
    let mut datagram = vec![0x45; 20];
    let whole = |datagram: &[u8]| {
        packet(
            "DK0HU-2",
            "DB0SAO",
            9,
            &[b"\x0c\x0c\0\0\0", datagram].concat(),
        )
    };
    let came = whole(&datagram);
    assert_eq!(node.received(now, call("DB0ID"), &came), None);
    node.set_ip(true);
    let origin = call("DK0HU-2");
    let octets = &datagram[..];
    let taken = node.received(now, call("DB0ID"), &came);
    assert_eq!(taken, Some(Datagram { origin, octets }));
    assert_eq!(
        node.received(now, call("DB0ID"), &whole(&datagram[1..])),
        None
    );
    datagram[12..16].fill(0);
    assert_eq!(node.received(now, call("DB0ID"), &whole(&datagram)), None);
    let counters = node.counters();
    assert_eq!((counters.no_interface, counters.malformed), (1, 2));
    assert!(node.send_ip(call("DK0HU-2"), &datagram));
    let expected = packet(
        "DB0SAO",
        "DK0HU-2",
        16,
        &[b"\x0c\x0c\0\0\0", &datagram[..]].concat(),
    );
    assert_eq!(sent(&mut node, now), [("DB0ID".to_owned(), expected)]);
}

#[test]
fn without_a_call_sign_there_is_no_node() {
    let now = Clock::new().now();
    let mut node = NetRom::new(now);
    node.add_broadcast(place(0)).unwrap();
    node.heard(now, call("DB0ID"), &nodes("STGT", &[]));
    node.received(now, call("DB0ID"), &packet("DB0ID", "DB0SAO", 9, &[0; 5]));
    assert!(!node.send_ip(call("DB0ID"), &[0; 20]));
    assert!(node.connect(now, call("DB0ID"), call("DL1AAA")).is_err());
    assert_eq!(broadcast(&mut node, now + Duration::from_secs(10)), []);
    assert_eq!(node.counters().unexpected, 2);
    node.set_ident(ident("OTHER"));
    node.set_call(call("DB0SAO"));
    assert_eq!(node.ident(), ident("OTHER"));
    node.heard(now, call("DB0ID"), &nodes("STGT", &[]));
    assert_eq!(node.nodes(now).count(), 2);
}

#[test]
fn a_lost_neighbour_is_gone_around() {
    let (mut node, now) = linked();
    node.heard(
        now,
        call("DB0XYZ"),
        &nodes("X", &[("DK0HU-2", "HUXI", "DB0XYZ", 50)]),
    );
    assert_eq!(
        node.node(now, call("DK0HU-2")).unwrap().neighbour,
        Some(call("DB0ID"))
    );
    node.neighbour_lost(now, call("DB0ID"));
    let known = *node.node(now, call("DK0HU-2")).unwrap();
    assert_eq!(known.neighbour, Some(call("DB0XYZ")));
    node.heard(now, call("DB0ID"), &nodes("STGT", &[]));
    let known = *node.node(now, call("DK0HU-2")).unwrap();
    assert_eq!(known.neighbour, Some(call("DB0ID")));
}
