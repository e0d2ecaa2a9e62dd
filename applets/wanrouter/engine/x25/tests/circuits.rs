//! IP over circuits: permanent ones and calls on demand.

use super::*;

#[test]
fn the_first_packet_places_the_call_and_waits_for_it() {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    let now = pair.now();
    for number in 0..5 {
        pair.a.send(now, packet(number, 1000));
    }
    assert!(pair.a.held && pair.a.queue.len() == 5);
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [0, 1, 2, 3, 4]);
    assert!(pair.a.refused.is_empty());
    assert!(pair.b.got.iter().all(|(_, octets)| octets.len() == 1000));
    assert_eq!(pair.b.engine.port(PORT).unwrap().remote(), address("31161"));
    // The other way on the same call.
    let now = pair.now();
    pair.b.send(now, packet(9, 1500));
    pair.run_for(SECOND);
    assert_eq!(pair.a.numbers(), [9]);
    let (a, b) = (pair.a.counters(PORT), pair.b.counters(PORT));
    assert_eq!(
        (a.calls_placed, b.calls_accepted, a.calls_failed),
        (1, 1, 0)
    );
    assert!(
        pair.a
            .notes
            .iter()
            .any(|note| note.contains("calling 31162"))
    );
    assert!(pair.a.events.contains(&Event::ChannelUp(PORT)));
}

#[test]
fn silence_clears_the_call_and_the_next_packet_calls_again() {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(IDLE - SECOND);
    let now = pair.now();
    pair.b.send(now, packet(1, 100));
    pair.run_for(IDLE - SECOND);
    assert!(matches!(pair.a.state(), State::Up(_)), "a packet passed");
    pair.run_for(2 * SECOND);
    assert_eq!((pair.a.state(), pair.b.state()), (State::Idle, State::Idle));
    let (a, b) = (pair.a.counters(PORT), pair.b.counters(PORT));
    assert_eq!(a.cleared_idle + b.cleared_idle + a.cleared + b.cleared, 2);
    assert!(pair.a.events.contains(&Event::ChannelDown(PORT)));
    let now = pair.now();
    pair.a.send(now, packet(2, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [0, 2]);
    assert_eq!(pair.a.counters(PORT).calls_placed, 2);
    assert!(pair.a.engine.link_up(), "the link knows nothing of it");
}

#[test]
fn a_call_without_idle_time_stays() {
    let mut quiet = switched(Role::Dte);
    quiet.idle = Duration::ZERO;
    let mut other = accepting(Role::Dce);
    other.idle = Duration::ZERO;
    let mut pair = pair(&[quiet], &[other]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(100 * IDLE);
    assert!(matches!(pair.a.state(), State::Up(_)));
}

#[test]
fn after_a_refused_call_packets_are_dropped_for_a_while() {
    let mut pair = pair(&[switched(Role::Dte)], &[]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.a.send(now, packet(1, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.a.refused, [Refusal::ChannelDown; 2]);
    let counters = pair.a.counters(PORT);
    assert_eq!((counters.calls_placed, counters.calls_failed), (1, 1));
    assert_eq!(counters.tx_held_down, 2);
    assert_eq!(pair.b.engine.counters().calls_refused, 1);
    // Somebody is there now, but it is too early.
    let now = pair.now();
    let port = accepting(Role::Dce);
    pair.b.engine.add_channel(now, PORT, port).unwrap();
    pair.a.send(now, packet(2, 100));
    pair.run_for(HOLD);
    assert_eq!(
        (pair.a.counters(PORT).calls_placed, pair.b.got.len()),
        (1, 0)
    );
    let now = pair.now();
    pair.a.send(now, packet(3, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [3]);
}

#[test]
fn who_calls_must_be_known() {
    let mut stranger = switched(Role::Dte);
    stranger.calling = address("999");
    let mut known = accepting(Role::Dce);
    known.accept.source = Some(Pattern::new("3116*"));
    let mut pair = pair(
        &[stranger, switched(Role::Dte)],
        &[switched(Role::Dce), known],
    );
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.got.len(), 0);
    assert!(
        pair.b
            .notes
            .iter()
            .any(|n| n.contains("from '999' to '31162'")),
        "{:?}",
        pair.b.notes
    );
    // An interface that calls that address itself comes before one with a pattern.
    let now = pair.now();
    pair.a
        .send_on(now, ChannelId(1), PayloadKind::Ipv4, packet(1, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.got, [(PORT, packet(1, 100))]);
}

#[test]
fn what_is_not_ip_is_refused_by_its_identifier() {
    let mut odd = switched(Role::Dte);
    odd.user_data = Some(vec![0x80, 0, 0, 0, 0x81, 0x37]);
    let mut pair = pair(&[odd], &[accepting(Role::Dce)]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    assert!(
        pair.a.notes.iter().any(|note| note.contains("249")),
        "{:?}",
        pair.a.notes
    );
    // Somebody who wants just that takes it.
    let mut taking = accepting(Role::Dce);
    taking.accept.user_data = Some(Pattern::new("80*8137"));
    let now = pair.now();
    pair.b
        .engine
        .add_channel(now, ChannelId(1), taking)
        .unwrap();
    pair.run_for(HOLD);
    let now = pair.now();
    pair.a.send(now, packet(1, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.got, [(ChannelId(1), packet(1, 100))]);
}

#[test]
fn every_encapsulation_is_what_the_caller_wants() {
    let ipv6 = {
        let mut octets = packet(7, 60);
        octets[0] = 0x60;
        octets
    };
    for (encapsulation, takes_ipv6) in [
        (Encapsulation::Ip, false),
        (Encapsulation::Snap, false),
        (Encapsulation::Null, true),
    ] {
        let mut caller = switched(Role::Dte);
        caller.encapsulation = encapsulation;
        let mut pair = pair(&[caller], &[accepting(Role::Dce)]);
        let now = pair.now();
        pair.a.send(now, packet(0, 1500));
        pair.run_for(SECOND);
        let now = pair.now();
        pair.a.send_on(now, PORT, PayloadKind::Ipv6, ipv6.clone());
        pair.b.send(now, packet(1, 1500));
        pair.run_for(SECOND);
        assert_eq!(pair.a.got, [(PORT, packet(1, 1500))], "{encapsulation:?}");
        let all = [(PORT, packet(0, 1500)), (PORT, ipv6.clone())];
        if takes_ipv6 {
            assert_eq!(pair.b.got, all);
        } else {
            assert_eq!(pair.b.got, all[..1]);
            assert_eq!(pair.a.refused, [Refusal::Unsupported]);
        }
    }
}

#[test]
fn both_ends_call_at_once_and_one_call_is_left() {
    for (calling, peer) in [("31161", "31162"), ("31162", "31161"), ("", "")] {
        let mut ports = [switched(Role::Dte), switched(Role::Dce)];
        if calling.is_empty() {
            // Neither end says who it is, and takes whoever calls.
            for port in &mut ports {
                port.calling = Address::NONE;
                port.circuit = Circuit::Switched(address("1"));
                port.accept.source = Some(Pattern::new("*"));
            }
        } else {
            let (calling, peer) = (address(calling), address(peer));
            ports[0].calling = calling;
            ports[0].circuit = Circuit::Switched(peer);
            ports[1].calling = peer;
            ports[1].circuit = Circuit::Switched(calling);
        }
        let [a, b] = ports;
        let mut pair = pair(&[a], &[b]);
        let now = pair.now();
        pair.a.send(now, packet(0, 100));
        pair.b.send(now, packet(1, 100));
        pair.run_for(SECOND);
        assert_eq!((pair.a.numbers(), pair.b.numbers()), (vec![1], vec![0]));
        assert_eq!(pair.a.state(), pair.b.state());
        let circuits = |node: &Node| {
            let layer = node.engine.layer().unwrap();
            layer.circuits().filter(|channel| channel.get() > 2).count()
        };
        assert_eq!((circuits(&pair.a), circuits(&pair.b)), (1, 1), "{calling}");
    }
}

#[test]
fn permanent_circuits_are_there_with_the_link() {
    let mut pair = pair(
        &[permanent(Role::Dte, 1), permanent(Role::Dte, 2)],
        &[permanent(Role::Dce, 2), permanent(Role::Dce, 1)],
    );
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.a
        .send_on(now, ChannelId(1), PayloadKind::Ipv4, packet(1, 1500));
    pair.run_for(SECOND);
    pair.b.got.sort();
    let wanted = [(PORT, packet(1, 1500)), (ChannelId(1), packet(0, 100))];
    assert_eq!(pair.b.got, wanted);
    // Silence means nothing to them.
    pair.run_for(10 * IDLE);
    assert!(matches!(pair.a.state(), State::Up(_)));
    let now = pair.now();
    let engine = &mut pair.a.engine;
    let taken = engine.add_channel(now, ChannelId(2), permanent(Role::Dte, 1));
    assert_eq!(taken, Err(ConfigError::Taken(Lci::new(1).unwrap())));
    let wrong = engine.add_channel(now, ChannelId(2), permanent(Role::Dte, 3));
    assert_eq!(wrong, Err(ConfigError::NoSuchCircuit(Lci::new(3).unwrap())));
    // What nobody reads does not stay in the window.
    pair.b.engine.remove_channel(now, ChannelId(1));
    for number in 0..50 {
        pair.a.send(now, packet(number, 100));
    }
    pair.run_for(10 * SECOND);
    assert!(pair.a.queue.is_empty());
    assert_eq!(pair.b.engine.counters().unclaimed, 50);
}

#[test]
fn an_interface_that_goes_takes_its_call_along() {
    let mut pair = pair(
        &[switched(Role::Dte), permanent(Role::Dte, 1)],
        &[accepting(Role::Dce), permanent(Role::Dce, 1)],
    );
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    let now = pair.now();
    pair.a.engine.remove_channel(now, PORT);
    pair.run_for(SECOND);
    assert_eq!(pair.b.state(), State::Idle);
    assert_eq!(pair.b.counters(PORT).cleared, 1);
    // The others are not disturbed, and it may come back.
    let now = pair.now();
    pair.a
        .send_on(now, ChannelId(1), PayloadKind::Ipv4, packet(1, 100));
    let port = switched(Role::Dte);
    pair.a.engine.add_channel(now, PORT, port).unwrap();
    pair.a.send(now, packet(2, 100));
    pair.run_for(SECOND);
    let mut numbers = pair.b.numbers();
    numbers.sort();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(
        pair.a.engine.add_channel(now, PORT, switched(Role::Dte)),
        Err(ConfigError::Exists)
    );
}

#[test]
fn what_is_too_long_is_told() {
    let mut small = accepting(Role::Dce);
    small.mtu = 576;
    let mut large = switched(Role::Dte);
    large.mtu = 4000;
    let mut pair = pair(&[large], &[small]);
    let now = pair.now();
    pair.a.send(now, packet(0, 4001));
    pair.a.send(now, packet(1, 4000));
    pair.a.send(now, packet(2, 1600));
    pair.run_for(2 * SECOND);
    assert_eq!(pair.a.refused, [Refusal::TooLong { limit: 4000 }]);
    // RFC 1356 has every end take 1600 octets, whatever it sends.
    assert_eq!(pair.b.numbers(), [2]);
    assert_eq!(pair.b.counters(PORT).rx_too_long, 1);
}

#[test]
fn messages_of_applications_go_as_they_are() {
    let mut raw = switched(Role::Dte);
    raw.encapsulation = Encapsulation::Raw;
    raw.user_data = Some(b"chat".to_vec());
    let mut other = accepting(Role::Dce);
    other.encapsulation = Encapsulation::Raw;
    let mut pair = pair(&[raw], &[other]);
    let now = pair.now();
    let kind = PayloadKind::Raw(Marks::default());
    pair.a.send_on(now, PORT, kind, vec![0xff; 1000]);
    pair.a.send_on(now, PORT, kind, vec![1]);
    pair.run_for(SECOND);
    assert_eq!(pair.b.got, [(PORT, vec![0xff; 1000]), (PORT, vec![1])]);
}
