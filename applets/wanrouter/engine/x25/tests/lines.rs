//! What becomes of circuits when links begin anew, lines lose frames, and windows are full.

use wanbox_sim::for_each_seed;

use super::*;

#[test]
fn a_restart_ends_calls_and_not_permanent_circuits() {
    let mut pair = pair(
        &[switched(Role::Dte), permanent(Role::Dte, 1)],
        &[accepting(Role::Dce), permanent(Role::Dce, 1)],
    );
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    let now = pair.now();
    pair.b.engine.restart(now, 0, 0).unwrap();
    pair.run_for(SECOND);
    assert!(pair.a.engine.link_up() && pair.b.engine.link_up());
    assert_eq!((pair.a.state(), pair.b.state()), (State::Idle, State::Idle));
    assert!(pair.a.notes.iter().any(|note| note.contains("restarts")));
    let now = pair.now();
    // No hold-down: the circuit did not fail.
    pair.a.send(now, packet(1, 100));
    pair.a
        .send_on(now, ChannelId(1), PayloadKind::Ipv4, packet(2, 100));
    pair.run_for(SECOND);
    let mut numbers = pair.b.numbers();
    numbers.sort();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn a_reset_of_lapb_restarts_the_packet_layer() {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    let now = pair.now();
    pair.a.engine.reset_link(now);
    pair.run_for(2 * SECOND);
    assert!(pair.a.engine.link_up() && pair.b.engine.link_up());
    let downs = |node: &Node| {
        let down = |event: &&Event| matches!(event, Event::LinkDown(_));
        node.events.iter().filter(down).count()
    };
    assert_eq!((downs(&pair.a), downs(&pair.b)), (1, 1));
    let now = pair.now();
    pair.a.send(now, packet(1, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [0, 1]);
}

#[test]
fn a_line_that_was_away_is_set_up_again() {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    let now = pair.now();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    // One end sees it at once, the other after N2 times T1.
    pair.line.cut();
    let now = pair.now();
    pair.a.engine.carrier(now, false);
    pair.run_for(SECOND);
    assert!(pair.a.events.contains(&Event::LinkDown(Cause::Carrier)));
    let now = pair.now();
    pair.b.send(now, packet(5, 100));
    pair.run_for(60 * SECOND);
    assert!(pair.b.events.contains(&Event::LinkDown(Cause::Keepalive)));
    let now = pair.now();
    pair.a.send(now, packet(1, 100));
    assert_eq!(pair.a.refused, [Refusal::LinkDown]);
    pair.line.join();
    pair.a.engine.carrier(now, true);
    up(&mut pair);
    let now = pair.now();
    pair.a.send(now, packet(2, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [0, 2]);
}

#[test]
fn an_end_that_closes_stays_away() {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    let now = pair.now();
    pair.a.engine.close(now);
    pair.run_for(SECOND);
    assert!(!pair.a.engine.link_up() && !pair.b.engine.link_up());
    pair.run_for(60 * SECOND);
    assert!(!pair.b.engine.link_up());
    assert_eq!(
        pair.b.engine.last_down(),
        Some(DownCause::Lapb(lapb::Cause::Refused))
    );
}

/// Every packet arrives once and in order, however many wait, over lines that lose.
#[test]
fn nothing_is_lost_between_the_owners() {
    for_each_seed(20, |seed| {
        let impairments = Impairments {
            loss: 0.05,
            duplication: 0.01,
            jitter: Duration::ZERO,
            ..line()
        };
        let mut pair = Pair::new(
            seed,
            line(),
            |now| Node::with(now, Role::Dte, &[switched(Role::Dte)]),
            |now| Node::with(now, Role::Dce, &[accepting(Role::Dce)]),
        );
        up(&mut pair);
        let now = pair.now();
        pair.a.send(now, packet(0, 100));
        pair.run_for(SECOND);
        pair.line.impair(impairments);
        let now = pair.now();
        for number in 1..300 {
            pair.a.send(now, packet(number, 24 + number as usize * 4));
            pair.b.send(now, packet(number, 1400 - number as usize * 4));
        }
        let done = |pair: &mut Pair<Node>| pair.b.got.len() == 300 && pair.a.got.len() == 299;
        assert!(
            pair.run_until(3600 * SECOND, done).is_some(),
            "{} {}",
            pair.a.got.len(),
            pair.b.got.len()
        );
        assert!(pair.b.numbers().into_iter().eq(0..300));
        assert!(pair.a.numbers().into_iter().eq(1..300));
        assert!(pair.a.counters(PORT).tx_waited > 1);
    });
}

#[test]
fn lapb_alone_carries_packets() {
    let alone = |role| Config {
        lapb: Some((role, lapb::Parameters::default())),
        packets: None,
    };
    let node = |now, role| {
        let mut node = Node::new(now, alone(role));
        let port = PortConfig {
            circuit: Circuit::Link,
            mtu: 1000,
            ..switched(role)
        };
        node.engine.add_channel(now, PORT, port).unwrap();
        node
    };
    let mut pair = Pair::new(
        1,
        line(),
        |now| node(now, Role::Dte),
        |now| node(now, Role::Dce),
    );
    up(&mut pair);
    assert!(pair.a.events.contains(&Event::ChannelUp(PORT)));
    let now = pair.now();
    for number in 0..100 {
        pair.a.send(now, packet(number, 1000));
    }
    assert!(pair.a.held, "the window is full");
    pair.run_for(60 * SECOND);
    assert!(pair.b.numbers().into_iter().eq(0..100));
    let second = pair
        .a
        .engine
        .add_channel(now, ChannelId(1), switched(Role::Dte));
    assert_eq!(second, Err(ConfigError::NoPacketLayer));
    let now = pair.now();
    pair.a.engine.reset_link(now);
    pair.a.send(now, packet(100, 1000));
    pair.run_for(SECOND);
    assert!(pair.b.numbers().into_iter().eq(0..101));
}

#[test]
fn packets_without_lapb_need_a_line_that_loses_none() {
    let bare = |role| Config {
        lapb: None,
        ..config(role)
    };
    let node = |now, role, port: PortConfig| {
        let mut node = Node::new(now, bare(role));
        node.engine.add_channel(now, PORT, port).unwrap();
        node
    };
    let mut pair = Pair::new(
        1,
        line(),
        |now| node(now, Role::Dte, switched(Role::Dte)),
        |now| node(now, Role::Dce, accepting(Role::Dce)),
    );
    up(&mut pair);
    let now = pair.now();
    pair.a.send(now, packet(3, 1000));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [3]);
    let none = Config {
        lapb: None,
        packets: None,
    };
    assert!(matches!(X25::new(none, now), Err(ConfigError::Nothing)));
}
