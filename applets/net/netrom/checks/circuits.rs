//! Circuits, with a peer whose packets are made by hand.

use std::time::Duration;

use wanbox_sim::hex;

use super::*;
use wanbox_wire::netrom::MOST_DATA;

use crate::{CircuitId, ConnectError, Event, Reason, State};

/// A packet of DK0HU-2 for the transport layer of DB0SAO.
fn takes(node: &mut NetRom, now: Instant, rest: &[u8]) {
    node.received(now, call("DB0ID"), &packet("DK0HU-2", "DB0SAO", 9, rest));
}

/// What a node sends, without the network layer.
fn transport(node: &mut NetRom, now: Instant) -> Vec<Vec<u8>> {
    let packets = sent(node, now).into_iter();
    packets.map(|(_, packet)| packet[15..].to_vec()).collect()
}

/// A circuit 0/1 to DK0HU-2, which has it as 0/7, with a window of 4.
fn connected() -> (NetRom, Instant, CircuitId) {
    let (mut node, now) = linked();
    node.set_parameter(now, 7, 0);
    let id = node.connect(now, call("DK0HU-2"), call("N0PRA")).unwrap();
    sent(&mut node, now);
    takes(&mut node, now, &[0, 1, 0, 7, 2, 4]);
    assert_eq!(node.poll_event(), Some(Event::State(id)));
    (node, now, id)
}

fn request() -> Vec<u8> {
    let calls = [*call("N0PRA").octets(), *call("DK0HU-2").octets()].concat();
    [&[0, 9, 0, 0, 1, 6][..], &calls].concat()
}

fn pass(node: &mut NetRom, now: &mut Instant) {
    *now = node.poll_timeout().unwrap().max(*now);
    node.handle_timeout(*now);
}

#[test]
fn packets_are_as_published() {
    let (mut node, now) = linked();
    let id = node.connect(now, call("DK0HU-2"), call("N0PRA")).unwrap();
    let expected = "88 84 60 a6 82 9e 60 88 96 60 90 aa 40 64 10 00 01 00 00 01 08
        9c 60 a0 a4 82 40 60 88 84 60 a6 82 9e 60";
    assert_eq!(sent(&mut node, now), [("DB0ID".to_owned(), hex(expected))]);
    let confirmed = "88 96 60 90 aa 40 64 88 84 60 a6 82 9e 60 10 00 01 00 07 02 04";
    node.received(now, call("DB0ID"), &hex(confirmed));
    assert_eq!(node.circuit(id).unwrap().state(), State::Connected);
    assert_eq!(node.send(now, id, b"hello\r"), 6);
    let expected = "88 84 60 a6 82 9e 60 88 96 60 90 aa 40 64 10 00 07 00 00 05 68 65 6c 6c 6f 0d";
    assert_eq!(sent(&mut node, now)[0].1, hex(expected));
    // Our own acknowledgement has a gap to report, and too much to read.
    takes(&mut node, now, b"\0\x01\0\0\x05x");
    takes(&mut node, now, b"\0\x01\x02\0\x05x");
    let packets = transport(&mut node, now);
    assert_eq!(packets, [hex("00 07 01 01 06"), hex("00 07 01 01 46")]);
}

#[test]
fn refusals_and_ends() {
    for (answer, reason) in [
        (&[0, 1, 0, 0, 0x82][..], Reason::Refused),
        (&[0, 1, 0, 0, 0x82, 0], Reason::Refused),
        (&[0, 1, 0, 0, 3], Reason::ByPeer),
    ] {
        let (mut node, now) = linked();
        let id = node.connect(now, call("DK0HU-2"), call("N0PRA")).unwrap();
        takes(&mut node, now, answer);
        let circuit = node.circuit(id).unwrap();
        assert_eq!(
            (circuit.state(), circuit.reason()),
            (State::Disconnected, reason)
        );
        assert_eq!(node.poll_event(), Some(Event::State(id)));
        node.release(now, id);
        assert_eq!(node.circuits().count(), 0);
    }
    let (mut node, now, id) = connected();
    node.close(now, id);
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 0, 3]]);
    assert_eq!(node.circuit(id).unwrap().state(), State::DisconnectPending);
    assert_eq!((node.send(now, id, b"more"), node.room(id)), (0, 0));
    takes(&mut node, now, &[0, 1, 0, 0, 4]);
    let circuit = node.circuit(id).unwrap();
    assert_eq!(
        (circuit.state(), circuit.reason()),
        (State::Disconnected, Reason::Normal)
    );
    // Before it is open nobody is told.
    let id = node.connect(now, call("DK0HU-2"), call("N0PRA")).unwrap();
    sent(&mut node, now);
    node.release(now, id);
    assert_eq!(sent(&mut node, now), []);
    assert!(node.circuit(id).is_none());
    let unknown = node.connect(now, call("DL9ZZZ"), call("N0PRA"));
    assert_eq!(unknown, Err(ConnectError::UnknownNode));
}

#[test]
fn who_has_not_heard_of_the_end_is_answered() {
    let (mut node, now, id) = connected();
    takes(&mut node, now, &[0, 1, 0, 0, 3]);
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 0, 4]]);
    node.release(now, id);
    takes(&mut node, now, &[0, 1, 0, 0, 3]);
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 0, 4]]);
    // Others are not, nor circuits that never were.
    node.received(
        now,
        call("DB0ID"),
        &packet("DB0ID", "DB0SAO", 9, &[0, 1, 0, 0, 3]),
    );
    takes(&mut node, now, &[0, 2, 0, 0, 3]);
    assert_eq!(sent(&mut node, now), []);
    assert_eq!(node.counters().no_circuit, 3);
}

#[test]
fn circuits_of_peers() {
    let (mut node, now) = linked();
    takes(&mut node, now, &request());
    assert_eq!(transport(&mut node, now), [[0, 9, 0, 0, 0x82, 0]]);
    node.set_serving(true);
    // Two octets more, as Linux and BPQ send, say nothing here.
    takes(&mut node, now, &[&request()[..], &[60, 0]].concat());
    assert_eq!(transport(&mut node, now), [[0, 9, 0, 1, 2, 6]]);
    let Some(Event::Incoming(id)) = node.poll_event() else {
        panic!("nobody is told");
    };
    // The answer was lost.
    takes(&mut node, now, &request());
    assert_eq!(transport(&mut node, now), [[0, 9, 0, 1, 2, 6]]);
    assert_eq!((node.circuits().count(), node.poll_event()), (1, None));
    takes(&mut node, now, b"\0\x01\0\0\x05hello");
    assert_eq!(node.poll_event(), Some(Event::Readable(id)));
    let mut read = Vec::new();
    assert_eq!(node.read(now, id, 3, &mut read), 3);
    assert_eq!(node.read(now, id, 9, &mut read), 2);
    assert_eq!(read, b"hello");
    // It begins anew; the new one is another one.
    takes(&mut node, now, &[0, 1, 0, 0, 3]);
    takes(&mut node, now, &request());
    assert_eq!(node.circuits().count(), 2);
    for short in 0..request().len() {
        takes(&mut node, now, &request()[..short]);
    }
    assert_eq!(node.circuits().count(), 2);
}

#[test]
fn there_are_only_so_many() {
    let (mut node, now) = linked();
    node.set_serving(true);
    for number in 0..300_u16 {
        let [index, id] = number.to_be_bytes();
        let mut request = request();
        request[..2].copy_from_slice(&[index, id]);
        takes(&mut node, now, &request);
    }
    assert_eq!(
        (node.circuits().count(), node.counters().refused),
        (256, 44)
    );
    assert_eq!(node.counters().queue_full, 44);
    let more = node.connect(now, call("DK0HU-2"), call("N0PRA"));
    assert_eq!(more, Err(ConnectError::TooMany));
    for id in node
        .circuits()
        .map(|circuit| circuit.id())
        .collect::<Vec<_>>()
    {
        node.reset(now, id);
        node.release(now, id);
    }
    // Numbers begin again, but none is 0.
    node.next_circuit = u16::MAX;
    for expected in [0xffff, 1] {
        let id = node.connect(now, call("DK0HU-2"), call("N0PRA")).unwrap();
        assert_eq!(id.number(), expected);
    }
}

#[test]
fn short_packets_wait_for_company() {
    let (mut node, now, id) = connected();
    assert_eq!(node.send(now, id, b"one"), 3);
    assert_eq!(node.send(now, id, b"two"), 3);
    assert_eq!(node.send(now, id, b"three"), 5);
    assert_eq!(transport(&mut node, now), [b"\0\x07\0\0\x05one"]);
    takes(&mut node, now, &[0, 1, 0, 1, 6]);
    assert_eq!(transport(&mut node, now), [b"\0\x07\x01\0\x05twothree"]);
}

#[test]
fn the_window_opens_with_each_round_trip() {
    let (mut node, mut now, id) = connected();
    let octets = vec![1; 20 * MOST_DATA];
    assert_eq!(node.send(now, id, &octets), 4 * MOST_DATA);
    let mut acknowledged = 0;
    for window in [1, 2, 3, 4, 4] {
        let packets = transport(&mut node, now);
        assert_eq!(node.circuit(id).unwrap().unacknowledged().len(), window);
        assert!(packets.iter().all(|packet| packet.len() == 5 + MOST_DATA));
        acknowledged += window as u8;
        now += Duration::from_secs(2);
        takes(&mut node, now, &[0, 1, 0, acknowledged, 6]);
        assert_eq!(node.poll_event(), Some(Event::Writable(id)));
        node.send(now, id, &octets);
    }
    // What was never sent is not acknowledged.
    takes(&mut node, now, &[0, 1, 0, acknowledged.wrapping_add(5), 6]);
    takes(&mut node, now, &[0, 1, 0, acknowledged.wrapping_sub(1), 6]);
    assert_eq!(node.circuit(id).unwrap().unacknowledged().len(), 4);
}

#[test]
fn what_is_lost_is_sent_again_until_it_is_too_much() {
    let (mut node, mut now, id) = connected();
    node.send(now, id, b"hello");
    let start = now;
    let mut waits = Vec::new();
    for _ in 0..6 {
        assert_eq!(transport(&mut node, now), [b"\0\x07\0\0\x05hello"]);
        pass(&mut node, &mut now);
        waits.push((now - start).as_millis());
    }
    // 60 s, a quarter more each time.
    assert_eq!(waits[..3], [60_000, 135_000, 228_750]);
    assert_eq!(node.circuit(id).unwrap().state(), State::DisconnectPending);
    for _ in 0..6 {
        assert_eq!(transport(&mut node, now), [[0, 7, 0, 0, 3]]);
        pass(&mut node, &mut now);
    }
    let circuit = node.circuit(id).unwrap();
    assert_eq!(
        (circuit.state(), circuit.reason()),
        (State::Disconnected, Reason::Timeout)
    );
    let id = node.connect(now, call("DB0ID"), call("N0PRA")).unwrap();
    for _ in 0..6 {
        assert_eq!(sent(&mut node, now).len(), 1);
        pass(&mut node, &mut now);
    }
    assert_eq!(node.circuit(id).unwrap().reason(), Reason::Timeout);
}

#[test]
fn a_kick_does_not_wait() {
    let (mut node, now, id) = connected();
    node.kick(now, id);
    assert_eq!(sent(&mut node, now), []);
    node.send(now, id, b"hello");
    sent(&mut node, now);
    node.kick(now, id);
    assert_eq!(transport(&mut node, now), [b"\0\x07\0\0\x05hello"]);
    assert_eq!(node.circuit(id).unwrap().retries(), 1);
    // What took so long after it was sent twice says nothing.
    takes(&mut node, now + Duration::from_secs(50), &[0, 1, 0, 1, 6]);
    let circuit = node.circuit(id).unwrap();
    assert_eq!(
        (circuit.round_trip().0, circuit.retries()),
        (Duration::ZERO, 0)
    );
}

#[test]
fn packets_ahead_wait_and_the_gap_is_reported_once() {
    let (mut node, now, id) = connected();
    takes(&mut node, now, b"\0\x01\x02\0\x05C");
    takes(&mut node, now, b"\0\x01\x01\0\x05B");
    takes(&mut node, now, b"\0\x01\x03\0\x05D");
    // Too far ahead, and again.
    takes(&mut node, now, b"\0\x01\x04\0\x05E");
    takes(&mut node, now, b"\0\x01\x03\0\x05?");
    let packets = transport(&mut node, now);
    let nak = [0, 7, 0, 0, 0x46];
    let plain = [0, 7, 0, 0, 6];
    assert_eq!(packets, [nak, plain, plain, plain, plain]);
    takes(&mut node, now, b"\0\x01\0\0\x05A");
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 4, 6]]);
    takes(&mut node, now, b"\0\x01\x02\0\x05?");
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 4, 6]]);
    let mut read = Vec::new();
    node.read(now, id, 99, &mut read);
    assert_eq!(read, b"ABCD");
    assert_eq!(node.counters().information_dropped, 2);
    // MORE, of peers that have longer messages, makes no difference.
    takes(&mut node, now, b"\0\x01\x04\0\x25ab");
    node.read(now, id, 99, &mut read);
    assert_eq!(read, b"ABCDab");
    takes(&mut node, now, &[&[0, 1, 5, 0, 5][..], &[1; 237]].concat());
    assert_eq!(node.counters().malformed, 1);
}

#[test]
fn a_nak_has_the_oldest_sent_again() {
    let (mut node, now, id) = connected();
    let octets = vec![1; 3 * MOST_DATA];
    node.send(now, id, &octets);
    takes(&mut node, now, &[0, 1, 0, 1, 6]);
    assert_eq!(sent(&mut node, now).len(), 3);
    takes(&mut node, now, &[0, 1, 0, 1, 0x46]);
    let packets = transport(&mut node, now);
    assert_eq!((packets.len(), &packets[0][..5]), (1, &[0, 7, 1, 0, 5][..]));
}

#[test]
fn a_busy_peer_is_left_alone_for_a_while() {
    let (mut node, mut now, id) = connected();
    node.send(now, id, &vec![1; 2 * MOST_DATA]);
    sent(&mut node, now);
    takes(&mut node, now, &[0, 1, 0, 1, 0x86]);
    assert_eq!(sent(&mut node, now), []);
    assert!(node.circuit(id).unwrap().is_remote_busy());
    now += Duration::from_secs(10);
    takes(&mut node, now, &[0, 1, 0, 1, 6]);
    assert_eq!(transport(&mut node, now)[0][..5], [0, 7, 1, 0, 5]);
    takes(&mut node, now, &[0, 1, 0, 2, 0x86]);
    node.send(now, id, b"x");
    assert_eq!(sent(&mut node, now), []);
    let then = now + Duration::from_secs(180);
    assert_eq!(node.poll_timeout(), Some(then));
    node.handle_timeout(then);
    assert_eq!(transport(&mut node, then)[0][..5], [0, 7, 2, 0, 5]);
}

#[test]
fn a_peer_is_told_to_stop_and_to_go_on() {
    let (mut node, now, id) = connected();
    node.set_parameter(now, 14, 2);
    let information = |number: u8| [&[0, 1, number, 0, 5][..], &[number; MOST_DATA]].concat();
    let mut acknowledgements = Vec::new();
    for number in 0..9 {
        takes(&mut node, now, &information(number));
        acknowledgements.extend(transport(&mut node, now));
    }
    // Two are as many as are wanted; of a peer that does not stop no more than the window is kept.
    let expected = [1, 2, 3, 4, 5, 6, 6, 6, 6].into_iter().enumerate();
    let expected: Vec<_> = expected
        .map(|(at, next)| [0, 7, 0, next, if at > 0 { 0x86 } else { 6 }])
        .collect();
    assert_eq!(acknowledgements, expected);
    let mut read = Vec::new();
    node.read(now, id, 4 * MOST_DATA, &mut read);
    assert_eq!(sent(&mut node, now), []);
    node.read(now, id, 1, &mut read);
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 6, 6]]);
    node.read(now, id, 9999, &mut read);
    assert_eq!(sent(&mut node, now), []);
    assert_eq!(read.len(), 6 * MOST_DATA);
}

#[test]
fn a_circuit_without_packets_ends() {
    let (mut node, now, id) = connected();
    takes(&mut node, now, b"\0\x01\0\0\x05hello");
    sent(&mut node, now);
    let then = now + Duration::from_secs(1800);
    assert_eq!(node.poll_timeout(), Some(then));
    node.handle_timeout(then);
    assert_eq!(transport(&mut node, then), [[0, 7, 0, 0, 3]]);
    takes(&mut node, then, &[0, 1, 0, 0, 4]);
    // What came before can still be read.
    let mut read = Vec::new();
    node.read(then, id, 99, &mut read);
    assert_eq!(read, b"hello");
}

#[test]
fn closing_waits_for_what_is_under_way() {
    let (mut node, now, id) = connected();
    node.send(now, id, b"one");
    node.send(now, id, b"two");
    node.close(now, id);
    assert_eq!(transport(&mut node, now), [b"\0\x07\0\0\x05one"]);
    takes(&mut node, now, &[0, 1, 0, 1, 6]);
    assert_eq!(transport(&mut node, now), [b"\0\x07\x01\0\x05two"]);
    takes(&mut node, now, &[0, 1, 0, 2, 6]);
    assert_eq!(transport(&mut node, now), [[0, 7, 0, 0, 3]]);
}

#[test]
fn another_node_does_not_get_into_a_circuit() {
    let (mut node, now, id) = connected();
    for packet in [&b"\0\x01\0\0\x05evil"[..], &[0, 1, 0, 0, 3]] {
        let whole = super::packet("DB0ID", "DB0SAO", 9, packet);
        node.received(now, call("DB0ID"), &whole);
    }
    assert_eq!(node.circuit(id).unwrap().state(), State::Connected);
    assert_eq!((node.counters().no_circuit, node.poll_event()), (2, None));
}

#[test]
fn a_node_reaches_itself() {
    let (mut node, now) = node();
    node.set_serving(true);
    let ours = node.connect(now, call("DB0SAO"), call("N0PRA")).unwrap();
    assert_eq!(sent(&mut node, now), []);
    let Some(Event::Incoming(theirs)) = node.poll_event() else {
        panic!("nobody is told");
    };
    node.send(now, ours, b"hello");
    sent(&mut node, now);
    let mut read = Vec::new();
    node.read(now, theirs, 9, &mut read);
    assert_eq!(read, b"hello");
}
