//! `tcpgate`, with a host that is slow, silent, or not there.

use super::*;
use crate::{Destination, GateId};

fn open(net: &mut Net) -> (Id, GateId) {
    net.start(1, &["tcpgate", "3600", "unix:/run/convers"]);
    let id = net.connect(0, B, 3600);
    (id, opened(net))
}

/// The gate that was told of.
fn opened(net: &mut Net) -> GateId {
    let notices = net.notices(1);
    let [Notice::GateOpen(gate, to)] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert_eq!(*to, Destination::Unix("/run/convers".to_owned()));
    *gate
}

/// What the host reads.
fn host_reads(net: &mut Net, gate: GateId, most: usize) -> Vec<u8> {
    net.with(1, |services, station, now, _| {
        let (a, b) = services.gate_peek(station, gate);
        let octets: Vec<u8> = a.iter().chain(b).take(most).copied().collect();
        services.gate_consume(now, station, gate, octets.len());
        octets
    })
}

#[test]
fn octets_pass_both_ways_and_either_end_closes() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.send(0, id, b"early");
    net.seconds(1);
    // The host is not there yet.
    assert_eq!(net.notices(1), []);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate)
    });
    assert_eq!(net.notices(1), [Notice::GateReadable(gate)]);
    assert_eq!(host_reads(&mut net, gate, 2), b"ea");
    assert_eq!(host_reads(&mut net, gate, 100), b"rly");
    net.with(1, |services, station, _, _| {
        assert!(services.gate_room(station, gate) >= 2048);
        assert_eq!(services.gate_received(station, gate, b"\xff\0host"), 6);
    });
    net.seconds(1);
    assert_eq!(net.receive(0, id), b"\xff\0host");
    // What comes before the end is not lost.
    net.send(0, id, b"bye");
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::GateReadable(gate)]);
    assert_eq!(host_reads(&mut net, gate, 100), b"bye");
    assert_eq!(net.notices(1), [Notice::GateFinished(gate)]);
    // The host may still answer.
    net.with(1, |services, station, now, _| {
        assert_eq!(services.gate_received(station, gate, b"bye, too"), 8);
        services.gate_ended(now, station, gate);
    });
    net.seconds(1);
    assert_eq!(net.receive(0, id), b"bye, too");
    assert_eq!(net.notices(1), [Notice::GateClosed(gate)]);
    assert!(net.nodes[0].station.tcp.is_finished(id));
    // It is nobody's any more.
    assert_eq!(host_reads(&mut net, gate, 100), b"");
    assert_eq!(
        net.log(1),
        [
            "44.1.0.1:".to_owned() + &port(&net, id) + " - open convers",
            "44.1.0.1:".to_owned() + &port(&net, id) + " - close convers",
        ]
    );
}

fn port(net: &Net, id: Id) -> String {
    let view = net.nodes[0].station.tcp.view(net.now, id).unwrap();
    view.flow.local.port.to_string()
}

#[test]
fn the_host_closes() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate);
        services.gate_received(station, gate, &[b'x'; 2048]);
        services.gate_closed(now, station, gate);
    });
    // Nobody on the host takes what comes now; it must not cost what is on its way.
    net.send(0, id, b"too late");
    let mut received = Vec::new();
    for _ in 0..20 {
        net.seconds(1);
        received.append(&mut net.receive(0, id));
    }
    assert_eq!(received.len(), 2048);
    assert!(net.nodes[0].station.tcp.is_finished(id));
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(40);
    assert!(net.nodes[1].station.tcp.is_empty());
    // Who closed need not be told.
    assert_eq!(net.notices(1), []);
}

#[test]
fn the_host_ends_and_still_listens() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate);
        services.gate_received(station, gate, b"question");
        services.gate_ended(now, station, gate);
        assert_eq!(services.gate_room(station, gate), 0);
    });
    net.seconds(1);
    assert_eq!(net.receive(0, id), b"question");
    assert!(net.nodes[0].station.tcp.is_finished(id));
    net.send(0, id, b"answer");
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::GateReadable(gate)]);
    assert_eq!(host_reads(&mut net, gate, 100), b"answer");
    // A peer that never ends does not keep the gate for ever.
    net.seconds(130);
    assert_eq!(net.notices(1), [Notice::GateClosed(gate)]);
}

#[test]
fn a_host_that_is_not_there() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_closed(now, station, gate)
    });
    net.seconds(1);
    assert!(net.nodes[0].station.tcp.is_finished(id));
    // One destination a port, which may change.
    net.start(1, &["tcpgate", "3600", "local:/run/convers"]);
    let id = net.connect(0, B, 3600);
    let gate = opened(&mut net);
    // The other side goes before the host is there.
    net.with(0, |_, station, _, _| station.tcp.abort(id).unwrap());
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::GateClosed(gate)]);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate);
        assert_eq!(services.gate_received(station, gate, b"x"), 0);
        services.gate_closed(now, station, gate);
    });
}

#[test]
fn who_is_slow_slows_the_other_side() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate)
    });
    net.notices(1);
    // The peer does not read: the host is stopped.
    let mut given = 0;
    for _ in 0..50 {
        given += net.with(1, |services, station, _, _| {
            let room = services.gate_room(station, gate);
            let taken = services.gate_received(station, gate, &vec![1; room]);
            assert_eq!(taken, room);
            room
        });
        net.seconds(2);
    }
    assert!(given <= 3 * 2048, "{given}");
    net.notices(1);
    let mut received = 0;
    while received < given {
        received += net.receive(0, id).len();
        net.seconds(1);
    }
    assert_eq!(net.notices(1), [Notice::GateWritable(gate)]);
    // The host does not read: the peer is stopped, and told once.
    let mut sent = 0;
    for _ in 0..50 {
        sent += net.send(0, id, &[2; 500]);
        net.seconds(2);
    }
    assert!(sent <= 2 * 2048 + 500, "{sent}");
    assert_eq!(net.notices(1), [Notice::GateReadable(gate)]);
    let mut read = 0;
    while read < sent {
        read += host_reads(&mut net, gate, 700).len();
        net.seconds(1);
    }
}

#[test]
fn a_reset_ends_it_at_once() {
    let mut net = Net::new();
    let (id, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate)
    });
    net.send(0, id, b"never read");
    net.seconds(1);
    net.with(0, |_, station, _, _| station.tcp.abort(id).unwrap());
    net.seconds(1);
    assert_eq!(
        net.notices(1),
        [Notice::GateReadable(gate), Notice::GateClosed(gate)]
    );
    assert!(net.nodes[1].station.tcp.is_empty());
}

#[test]
fn a_peer_that_vanished_is_found_out() {
    let mut net = Net::new();
    let (_, gate) = open(&mut net);
    net.with(1, |services, station, now, _| {
        services.gate_opened(now, station, gate)
    });
    net.loss = 1.0;
    net.seconds(4 * 3600);
    assert_eq!(net.notices(1), [Notice::GateClosed(gate)]);
}
