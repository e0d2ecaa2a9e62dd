//! Peers that flood, stand still, or speak nonsense.

use proptest::prelude::*;

use super::*;

#[test]
fn one_host_cannot_have_all_connections() {
    let mut net = Net::new();
    net.start(1, &["discard"]);
    let ids: Vec<Id> = (0..40).map(|_| net.connect(0, B, 9)).collect();
    net.seconds(5);
    let open = ids
        .iter()
        .filter(|id| net.state(0, **id) == State::Established)
        .count();
    assert_eq!(open, 16);
    assert_eq!(net.nodes[1].services.counters.too_many_of_host, 24);
    assert_eq!(net.nodes[1].station.tcp.len(), 16);
}

#[test]
fn a_server_may_be_told_how_many_it_has() {
    let mut net = Net::new();
    net.start(1, &["discard", "9", "20"]);
    let ids: Vec<Id> = (0..24).map(|_| net.connect(0, B, 9)).collect();
    net.seconds(5);
    let open = ids
        .iter()
        .filter(|id| net.state(0, **id) == State::Established)
        .count();
    assert_eq!(open, 20);
}

#[test]
fn a_storm_of_connections_does_not_fill_the_log() {
    let mut net = Net::new();
    net.start(1, &["discard"]);
    for _ in 0..200 {
        let id = net.with(0, |_, station, now, _| {
            station.tcp_connect(now, 0, (B, 9), &options()).unwrap()
        });
        net.run(Duration::from_millis(25));
        net.with(0, |_, station, now, _| {
            station.tcp.abort(id).unwrap();
            station.tcp.release(now, id).unwrap();
        });
        net.run(Duration::from_millis(15));
    }
    assert!(net.log(1).len() <= 60);
    assert_eq!(net.nodes[1].services.counters.log_suppressed, 400 - 60);
    assert!(net.nodes[1].station.tcp.is_empty());
}

#[test]
fn endless_options_to_a_client_that_is_not_heard() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    // The server reads no answer.
    let storm = b"\xff\xfd\x7e".repeat(600);
    let mut sent = 0;
    for _ in 0..60 {
        sent += net.send(1, server, &storm[sent % 3..]);
        net.seconds(2);
        net.look(session);
    }
    assert!(sent < 20_000, "{sent}");
    assert!(net.nodes[0].station.tcp.memory() < 20_000);
    // It goes on when they are read.
    let mut answers = 0;
    for _ in 0..60 {
        answers += net.receive(1, server).len();
        net.seconds(2);
        net.look(session);
    }
    assert_eq!(answers / 3, sent / 3);
}

#[test]
fn endless_questions_at_the_door() {
    let mut net = Net::new();
    net.nodes[1].services.set_password(Some("x")).unwrap();
    net.start(1, &["telnet"]);
    let id = net.connect(0, B, 23);
    let mut sent = 0;
    for _ in 0..28 {
        sent += net.send(0, id, &b"\xff\xf6".repeat(1000)[sent % 2..]);
        net.seconds(2);
    }
    assert!(sent < 12_000, "{sent}");
    assert!(net.nodes[1].station.tcp.memory() < 20_000);
    net.seconds(5);
    assert!(net.nodes[1].station.tcp.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a server says to a client, nothing breaks, and a session that is over is gone.
    #[test]
    fn any_server(parts in prop::collection::vec(prop::collection::vec(prop_oneof![Just(255), 240..=255u8, any::<u8>()], 0..200), 0..6), finger: bool) {
        let mut net = Net::new();
        let listener = net.listen(1, if finger { 79 } else { 23 });
        net.nodes[0].services.preferences.options_shown = true;
        let session = net.with(0, |services, station, now, _| {
            if finger {
                services.open_finger(now, station, B, "").unwrap()
            } else {
                services.open_telnet(now, station, (B, 23)).unwrap()
            }
        });
        net.look(session);
        net.seconds(1);
        let server = net.accept(1, listener);
        for part in &parts {
            net.send(1, server, part);
            net.line(session, "typed");
            net.seconds(1);
        }
        net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
        net.seconds(5);
        net.receive(1, server);
        net.seconds(100);
        prop_assert!(net.nodes[0].screen.ends_with(b"Closed (Normal)\r\n"));
        prop_assert_eq!(net.nodes[0].services.session(0), None);
    }

    /// Whatever a client says to the servers, nothing breaks, and nobody gets in.
    #[test]
    fn any_client(octets in prop::collection::vec(prop_oneof![Just(255), Just(13), 240..=255u8, any::<u8>()], 0..600), port in prop::sample::select(vec![7u16, 9, 23, 3600])) {
        let mut net = Net::new();
        net.nodes[1].services.set_password(Some("not to be guessed")).unwrap();
        for words in [&["telnet"][..], &["echo"], &["discard"], &["tcpgate", "3600"]] {
            net.start(1, words);
        }
        let id = net.connect(0, B, port);
        net.send(0, id, &octets);
        net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
        net.seconds(5);
        let gates: Vec<Notice> = net.notices(1);
        for notice in gates {
            if let Notice::GateOpen(gate, _) = notice {
                net.with(1, |services, station, now, _| services.gate_closed(now, station, gate));
            }
        }
        net.receive(0, id);
        net.seconds(200);
        net.with(0, |_, station, now, _| station.tcp.release(now, id).unwrap_or_default());
        net.seconds(200);
        prop_assert_eq!(net.nodes[1].services.counters.logins, 0);
        prop_assert!(net.nodes[1].station.tcp.is_empty());
        prop_assert_eq!(net.nodes[1].services.poll_timeout(), None);
    }

    /// Whatever anybody says to everybody at once.
    #[test]
    fn any_octets(octets in prop::collection::vec(prop_oneof![Just(255), Just(13), 240..=255u8, any::<u8>()], 0..1500)) {
        crate::fuzz_services(wanbox_sim::Clock::new().now(), &octets);
    }

    /// Whatever `remote` gets, nobody ends the program.
    #[test]
    fn any_datagram(octets in prop::collection::vec(any::<u8>(), 0..100)) {
        crate::remote::fuzz_remote(&octets);
        let mut net = Net::new();
        net.start(1, &["remote"]);
        net.with(1, |services, station, now, _| {
            services.set_remote_key(now, station, "a key of some length", true).unwrap();
        });
        net.datagram(0, 1234, (B, 1234), &octets);
        prop_assert_eq!(net.notices(1), []);
    }
}
