//! One node, and what it hears.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_sim::Clock;
use wanbox_wire::ax25::Call;

use crate::{
    Asked, Event, FlexNet, MOST_DESTINATIONS, MOST_LEARNED, QueryError, fuzz_flexnet_node,
};

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// A node DB0SAO, and what its neighbours send.
struct Node {
    now: Instant,
    net: FlexNet,
}

impl Node {
    fn new() -> Self {
        let mut net = FlexNet::new();
        net.set_own(&[call("DB0SAO"), call("DB0SAO-1")]);
        Self {
            now: Clock::new().now(),
            net,
        }
    }

    fn hear(&mut self, from: &str, packet: &str) {
        let from = call(from);
        self.net
            .received(self.now, from, call("DB0SAO"), 1, &[], packet.as_bytes());
    }

    /// What is sent: `TO packet`, polls as `2`.
    fn sent(&mut self) -> Vec<String> {
        let mut list = Vec::new();
        while let Some((to, packet)) = self.net.poll_transmit(self.now, &mut |_| true) {
            let text = String::from_utf8(packet).unwrap();
            if text.starts_with('2') {
                assert_eq!(text, format!("2{}\r", " ".repeat(199)));
            }
            let text = if text.starts_with('2') { "2" } else { &text };
            list.push(format!("{to} {}", text.trim_end_matches('\r')));
        }
        list
    }

    /// A neighbour with a link of this delay.
    fn neighbour(&mut self, from: &str, delay: u32) {
        self.hear(from, "00  !\r");
        self.sent();
        self.now += Duration::from_millis(u64::from(delay) * 200);
        self.hear(from, &format!("1{delay}\r"));
    }

    fn routes(&mut self) -> Vec<String> {
        let mut list = Vec::new();
        while let Some((to, via)) = self.net.poll_route() {
            list.push(match via {
                Some(via) => format!("{to} via {via}"),
                None => format!("{to} none"),
            });
        }
        list
    }

    fn listed(&self) -> String {
        self.net.destination_list(None).unwrap()
    }
}

#[test]
fn a_stranger_becomes_a_neighbour_by_what_it_sends() {
    let mut node = Node::new();
    node.net.link_up(call("DB0ID"), call("DB0SAO"), 1, &[]);
    assert!(node.net.peers().is_empty());
    node.hear("DB0ID", "09  !\r");
    assert_eq!(node.sent(), ["DB0ID 00  !", "DB0ID 2"]);
    node.hear("DB0ID", &format!("2{}\r", " ".repeat(199)));
    assert_eq!(node.sent(), ["DB0ID 1600"]);
    node.now += Duration::from_millis(2400);
    node.hear("DB0ID", "1600\r");
    let states = |_| "Connected";
    assert_eq!(
        node.net.link_list(&states),
        "Call         Remote  Local Smooth P T State\n\
         DB0ID-0-9         0     12     12   N Connected\n"
    );
    node.hear("DB0ID", &format!("2{}\r", " ".repeat(199)));
    assert_eq!(node.sent(), ["DB0ID 112"]);
    // What the neighbour measured counts for an eighth.
    node.hear("DB0ID", "128\r");
    let peer = node.net.peers()[0].clone();
    assert_eq!((peer.remote, peer.local, peer.smoothed()), (28, 12, 14));
    assert_eq!(
        node.listed(),
        "Call          Neighbors\nDB0ID-0-9     DB0ID (14)\n"
    );
}

#[test]
fn a_link_on_another_connection_begins_anew() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 5);
    node.hear("DB0ID", "3DK0HU 0:24 \r");
    assert!(node.listed().contains("DK0HU-0-10    DB0ID (32)\n"));
    let net = &mut node.net;
    net.received(node.now, call("DB0ID"), call("DB0SAO-1"), 2, &[], b"16\r");
    assert_eq!(node.sent(), ["DB0ID 01  !", "DB0ID 2"]);
    assert!(!node.listed().contains("DK0HU"));
    assert!(node.listed().contains("DB0ID"));
    node.net.unreachable(call("DB0ID"));
    assert_eq!(node.listed(), "Call          Neighbors\n");
    assert_eq!(node.sent(), [""; 0]);
}

#[test]
fn news_are_told_to_the_others_and_not_to_who_said_them() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.neighbour("DB0RBS", 8);
    assert_eq!(node.sent(), ["DB0ID 3DB0RBS008 "]);
    node.hear("DB0ID", "3DK0HU 0:24 DB0SAO111 DB0AAA-00 \r");
    // 24 and an eighth, and the link; our own call sign is none.
    assert_eq!(node.sent(), ["DB0RBS 3DK0HU 0:31 "]);
    assert_eq!(node.net.counters.records_refused, 1);
    // A little better is not worth it, worse is, and much better.
    node.hear("DB0ID", "3DK0HU 0:20 \r");
    assert_eq!(node.sent(), [""; 0]);
    node.hear("DB0ID", "3DK0HU 0:25 \r");
    assert_eq!(node.sent(), ["DB0RBS 3DK0HU 0:32 "]);
    node.hear("DB0ID", "3DK0HU 0:10 \r");
    assert_eq!(node.sent(), ["DB0RBS 3DK0HU 0:15 "]);
    // Through the other it is better now.
    node.hear("DB0RBS", "3DK0HU 0:1 \r");
    assert_eq!(node.sent(), ["DB0ID 3DK0HU 0:9 ", "DB0RBS 3DK0HU 0:0 -"]);
    let debug = node.net.destination_debug_list();
    assert!(
        debug.contains("DK0HU-0-10    DB0ID (D=15 L=9)  DB0RBS (D=9 L=0)\n"),
        "{debug}"
    );
    let found = node.net.destination_list(Some(call("DK0HU-9"))).unwrap();
    assert_eq!(
        found,
        "Call          Neighbors\nDK0HU-0-10    DB0RBS (9)  DB0ID (15)\n"
    );
    assert_eq!(node.net.destination_list(Some(call("DK0HU-11"))), None);
}

#[test]
fn infinite_is_written_in_three_ways() {
    for packet in [
        "3DK0HU 000 \r",
        "3DK0HU 0060000 \r",
        "3DK0HU 003001 \r",
        "3DK0HU 0024 -\r",
    ] {
        let mut node = Node::new();
        node.neighbour("DB0ID", 4);
        node.neighbour("DB0RBS", 4);
        node.sent();
        node.hear("DB0ID", "3DK0HU 0024 \r");
        assert_eq!(node.sent(), ["DB0RBS 3DK0HU 0031 "]);
        node.hear("DB0ID", packet);
        assert_eq!(node.sent(), ["DB0RBS 3DK0HU 000 -"], "{packet}");
        // Nothing is left to say or to know.
        node.net.handle_timeout(node.now);
        assert!(!node.listed().contains("DK0HU"));
        node.hear(
            "DB0RBS",
            "3DL0AB 0060000 DL0AC 0065535 DL0AD 004294967296 \r",
        );
        assert_eq!(node.sent(), [""; 0]);
    }
}

#[test]
fn what_is_behind_the_largest_delay_is_lost() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.hear("DB0ID", "3DK0HU 002663 DL0AA 002664 \r");
    assert!(node.listed().contains("DK0HU         DB0ID (3000)\n"));
    assert!(!node.listed().contains("DL0AA         DB0ID"));
}

#[test]
fn who_asks_for_the_table_gets_it_with_a_sign_at_its_end() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.neighbour("DB0RBS", 4);
    for number in 0..60 {
        node.hear("DB0RBS", &format!("3DB0X{number:02}0020 \r"));
    }
    let told = node.sent();
    assert!(told.len() >= 3);
    node.hear("DB0ID", "3+\r");
    let again = node.sent();
    // Sixty and the neighbour, in packets as full as may be.
    assert_eq!(again.len(), 4, "{again:?}");
    assert_eq!(again.last().unwrap(), "DB0ID 3-");
    let records: usize = again
        .iter()
        .map(|packet| packet.matches("DB0").count() - 1)
        .sum();
    assert_eq!(records, 61);
    // Its polls end as PC/FlexNet's: it hears nothing more until it asks again.
    node.hear("DB0RBS", "3DB0X010060 \r");
    assert_eq!(node.sent(), [""; 0]);
    node.hear("DB0ID", "3+\r");
    assert_eq!(node.sent().len(), 4);
    // One that polls without a carriage return takes records at any time.
    node.hear("DB0ID", "2   ");
    node.hear("DB0ID", "3+\r");
    node.sent();
    node.hear("DB0RBS", "3DB0X010090 \r");
    assert_eq!(node.sent(), ["DB0ID 3DB0X0100105 "]);
    let states = |_| "Connected";
    assert!(node.net.link_list(&states).contains("  N Connected"));
    node.hear("DB0ID", "3-\r");
    assert!(
        node.net
            .link_list(&states)
            .contains("DB0ID             4      4      4   Y Connected")
    );
}

#[test]
fn the_forms_of_todays_nodes() {
    let mut node = Node::new();
    // A short beginning, a poll without an end, a sequence number, a measurement of zero.
    node.hear("DB0ID-2", "08%!\r");
    node.sent();
    node.hear("DB0ID-2", &format!("2{}", " ".repeat(240)));
    node.hear("DB0ID-2", "4123\r");
    node.hear("DB0ID-2", "10\r");
    assert_eq!(node.sent(), ["DB0ID-2 1600"]);
    let peer = node.net.peers()[0].clone();
    assert_eq!((peer.max_ssid, peer.remote, peer.smoothed()), (8, 0, 1));
    assert_eq!(node.net.counters.ignored, 1);
    // It announces itself: that is the link's delay, and its range.
    node.hear("DB0ID-2", "3DB0ID 2?1 \r");
    assert_eq!(
        node.listed(),
        "Call          Neighbors\nDB0ID-2-15    DB0ID-2 (1)\n"
    );
}

#[test]
fn polls_come_every_five_minutes_and_want_answers() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.net.add_link(node.now, call("DB0RBS")).unwrap();
    assert_eq!(node.net.poll_event(), Some(Event::Open(call("DB0RBS"))));
    node.net.link_up(call("DB0RBS"), call("DB0SAO"), 7, &[]);
    assert_eq!(node.sent(), ["DB0RBS 00  !", "DB0RBS 2"]);
    node.now += Duration::from_millis(400);
    node.hear("DB0ID", "3DK0HU 0024 \r");
    let net = &mut node.net;
    net.received(node.now, call("DB0RBS"), call("DB0SAO"), 7, &[], b"12\r");
    net.received(
        node.now,
        call("DB0RBS"),
        call("DB0SAO"),
        7,
        &[],
        b"3DL0AA 005 \r",
    );
    assert_eq!(node.net.peers().len(), 2);
    node.sent();
    for _ in 0..2 {
        let due = node.net.poll_timeout().unwrap();
        assert!(due > node.now && due <= node.now + Duration::from_secs(300));
        node.now += Duration::from_secs(300);
        node.net.handle_timeout(node.now);
    }
    // Neither answered: one is forgotten, the other asked again.
    assert_eq!(node.net.poll_event(), Some(Event::Close(call("DB0ID"))));
    assert_eq!(node.net.poll_event(), None);
    assert_eq!(node.sent(), ["DB0RBS 2", "DB0RBS 3DB0ID 000 DK0HU 000 -"]);
    assert_eq!(node.listed(), "Call          Neighbors\n");
    assert_eq!(node.net.peers().len(), 1);
    // Its connection breaks: another is asked for.
    node.net.unreachable(call("DB0RBS"));
    node.now += Duration::from_secs(300);
    node.net.handle_timeout(node.now);
    assert_eq!(node.net.poll_event(), Some(Event::Open(call("DB0RBS"))));
    assert!(node.net.delete_link(call("DB0RBS")) && !node.net.delete_link(call("DB0RBS")));
    assert_eq!(node.net.poll_timeout(), None);
}

#[test]
fn routes_lead_through_the_best_neighbour() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.neighbour("DB0RBS", 8);
    node.hear("DB0ID", "3DK0HU 0124 \r");
    assert_eq!(node.routes(), ["DK0HU via DB0ID", "DK0HU-1 via DB0ID"]);
    // A part of the range is better known elsewhere.
    node.hear("DB0RBS", "3DK0HU 111 \r");
    assert_eq!(node.routes(), ["DK0HU-1 via DB0RBS"]);
    node.hear("DB0RBS", "3DK0HU 110 DB0ID 001 \r");
    assert_eq!(node.routes(), ["DK0HU-1 via DB0ID"]);
    node.net.unreachable(call("DB0ID"));
    // Who was a neighbour still is one.
    assert_eq!(node.routes(), ["DK0HU none", "DK0HU-1 none"]);
    assert_eq!(node.routes(), [""; 0]);
}

#[test]
fn queries_are_asked_and_answered_here() {
    let mut node = Node::new();
    assert_eq!(
        node.net.query(call("DK0HU-7")).unwrap_err().to_string(),
        "Destination \"DK0HU-7\" not found"
    );
    node.neighbour("DB0RBS", 4);
    node.hear("DB0RBS", "3DK0HU 0:24 \r");
    let asked = node.net.query(call("DK0HU-7"));
    assert_eq!(asked, Ok(Asked::Sent(call("DB0RBS"), 0)));
    // The sheet of a query as it was always sent.
    assert_eq!(node.sent(), ["DB0RBS 6     0DB0SAO DB0RBS DK0HU-7"]);
    assert_eq!(
        node.net.query(call("DB0RBS")),
        Ok(Asked::Known("DB0SAO DB0RBS".to_owned()))
    );
    node.hear("DB0RBS", "7#    0DB0SAO DB0RBS db0tst DB0AAB DK0HU-7\r");
    let way = "DB0SAO DB0RBS db0tst DB0AAB DK0HU-7".to_owned();
    assert_eq!(node.net.poll_event(), Some(Event::Result(0, way)));
    let number = node.net.query(call("DK0HU"));
    assert_eq!(number, Ok(Asked::Sent(call("DB0RBS"), 1)));
    node.net.unreachable(call("DB0RBS"));
    assert_eq!(
        node.net.query(call("DB0RBS")),
        Err(QueryError::NotFound(call("DB0RBS")))
    );
}

#[test]
fn queries_of_others_are_answered_or_passed_on() {
    let mut node = Node::new();
    node.neighbour("DB0ID", 4);
    node.net.received(
        node.now,
        call("DB0RBS"),
        call("DB0SAO"),
        1,
        &[call("DB0TST")],
        b"00  !\r",
    );
    node.neighbour("DB0RBS", 4);
    node.hear("DB0RBS", "3DK0HU 0:24 \r");
    node.hear("DB0ID", "3DL0AA 0024 \r");
    node.sent();
    for (question, answer) in [
        // We are asked for, our neighbour is, somebody behind it, somebody unknown, and one behind who asks.
        (
            "6!   12DB0ID DB0SAO DB0SAO-1",
            "DB0ID 7\"   12DB0ID DB0SAO DB0SAO-1",
        ),
        (
            "6!   12DB0ID DB0SAO DB0RBS",
            "DB0ID 7\"   12DB0ID DB0SAO db0tst DB0RBS",
        ),
        (
            "6!   12DB0ID DB0SAO DK0HU-7\r",
            "DB0RBS 6\"   12DB0ID DB0SAO db0tst DB0RBS DK0HU-7",
        ),
        (
            "6!   12DB0ID DB0SAO DB0XYZ\r",
            "DB0ID 7\"   12DB0ID DB0SAO ??? DB0XYZ",
        ),
        (
            "6!   12DB0ID DB0SAO DL0AA\r",
            "DB0ID 7\"   12DB0ID DB0SAO ??? DL0AA",
        ),
        // It was there already.
        (
            "6!   12DB0ID DB0RBS DB0SAO DK0HU\r",
            "DB0RBS 7\"   12DB0ID DB0RBS DB0SAO ??? DK0HU",
        ),
        // An answer goes back where the question came from, or where the one who asked is.
        (
            "7!   12DB0XYZ DB0RBS db0tst DB0SAO DB0ID DB0AAA",
            "DB0RBS 7\"   12DB0XYZ DB0RBS db0tst DB0SAO DB0ID DB0AAA",
        ),
        ("7!   12DL0AA DB0AAB", "DB0ID 7\"   12DL0AA DB0AAB"),
    ] {
        node.hear("DB0ID", question);
        assert_eq!(node.sent(), [answer], "{question}");
    }
    for question in [
        "6?   12DB0ID DB0SAO DK0HU\r",
        "6!   12DB0SAO\r",
        "7!   12DB0XYZ DB0AAB",
        "7!   12??? DB0AAB",
        &format!("6!   12DB0ID {}DB0SAO DK0HU\r", "DB0AAA-10 ".repeat(22)),
    ] {
        let before = node.net.counters.queries_dropped;
        node.hear("DB0ID", question);
        assert_eq!(node.sent(), [""; 0], "{question}");
        assert_eq!(node.net.counters.queries_dropped, before + 1, "{question}");
    }
    for question in [
        "6",
        "6!   1",
        "6!   12DB0ID D\u{e9} DB0AAA",
        "6!   12DB0ID DB0AAA-100 DB0AAA",
    ] {
        let before = node.net.counters.malformed;
        node.hear("DB0ID", question);
        assert_eq!(node.net.counters.malformed, before + 1, "{question}");
    }
}

#[test]
fn tables_are_bounded() {
    let mut node = Node::new();
    for number in 0..40 {
        node.hear(&format!("DB0P{number:02}"), "00  !\r");
    }
    assert_eq!(node.net.peers().len(), MOST_LEARNED);
    assert_eq!(node.net.counters.too_many_peers, 40 - MOST_LEARNED as u64);
    assert!(node.net.add_link(node.now, call("DB0ID")).is_ok());
    assert_eq!(
        node.net
            .add_link(node.now, call("DB0SAO-1"))
            .unwrap_err()
            .to_string(),
        "Cannot add link to myself"
    );
    // A delay that was measured, so that there are routes through it; it is a destination itself.
    node.neighbour("DB0P01", 5);
    for number in 0..3000 {
        node.hear("DB0P01", &format!("3DX{number:04}0?9 \r"));
    }
    assert_eq!(node.net.destinations(None).len(), MOST_DESTINATIONS);
    assert_eq!(node.routes().len(), 4096);
    assert_eq!(
        node.net.counters.table_full,
        3001 - MOST_DESTINATIONS as u64
    );
}

#[test]
fn arbitrary_packets_change_no_promise() {
    let start = Clock::new().now();
    proptest!(|(octets in proptest::collection::vec(any::<u8>(), 0..400))| {
        fuzz_flexnet_node(start, &octets);
    });
    let text = "[0-9A-Z +\\-\r!?]{0,60}";
    proptest!(|(packets in proptest::collection::vec((any::<u8>(), "[0-7]", text), 0..40))| {
        let mut octets = Vec::new();
        for (kind, first, text) in packets {
            octets.extend([kind | 0x18, 1 + text.len() as u8]);
            octets.extend(first.bytes().chain(text.bytes()));
        }
        fuzz_flexnet_node(start, &octets);
    });
}

/// What a packet brings about is little, however full the table is.
#[test]
fn a_packet_moves_what_it_is_about() {
    let mut node = Node::new();
    let name = |n: usize| format!("DB0P{n:02}");
    for n in 0..MOST_LEARNED {
        node.neighbour(&name(n), 5);
        for number in 0..MOST_DESTINATIONS {
            node.hear(&name(n), &format!("3DX{number:04}0?{} \r", 9 + n));
        }
    }
    node.sent();
    node.routes();
    for (packet, most) in [("00  !\r", 1), ("15\r", 1), ("3DX00070?5 \r", 1)] {
        node.hear(&name(1), packet);
        let moved = node.net.moved.len();
        assert!(moved <= most, "{packet:?} moves {moved}");
        node.sent();
        node.routes();
    }
    // The best one of all goes.
    node.hear(&name(0), "00  !\r");
    assert!(node.net.moved.len() > MOST_DESTINATIONS / 2);
}
