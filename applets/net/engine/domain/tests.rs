use super::*;
use crate::Event;
use crate::simulation::{Lines, Net, attach, ip, route, station};
use crate::udp::Owner;
use crate::{Encapsulation, Station};
use wanbox_wire::dns::{CLASS_IN, Data, Message, Question, Record, Writer, flag, kind};

const SERVER: &str = "44.1.0.53";

/// A station with one line to everybody, and servers that are asked.
fn asking(servers: &[&str]) -> (Station, Instant, Lines) {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    let id = attach(&mut station, "sl0", Encapsulation::Slip, "44.1.0.1", 1500);
    route(&mut station, now, "0.0.0.0", 0, id, "0.0.0.0");
    let servers: Vec<Ipv4Addr> = servers.iter().map(|server| ip(server)).collect();
    station.resolver.set_servers(&servers);
    (station, now, Lines::default())
}

/// The server that the only datagram sent asks, its source port, and the message.
fn sent(lines: &mut Lines) -> (Ipv4Addr, u16, Vec<u8>) {
    let packets = lines.packets();
    let [packet] = packets.as_slice() else {
        panic!("one question: {packets:?}");
    };
    assert_eq!(packet[22..24], [0, 53]);
    let port = u16::from_be_bytes([packet[20], packet[21]]);
    (
        Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]),
        port,
        packet[28..].to_vec(),
    )
}

fn record<'p>(name: &str, kind: u16, ttl: u32, data: Data<'p>) -> Record<'p> {
    Record {
        name: name.into(),
        kind,
        class: CLASS_IN,
        ttl,
        data,
    }
}

/// Answers a question with records, or with a result code alone.
fn answer(
    station: &mut Station,
    now: Instant,
    lines: &mut Lines,
    asked: &(Ipv4Addr, u16, Vec<u8>),
    rcode: u16,
    records: &[Record<'_>],
) {
    let query = Message::parse(&asked.2).unwrap();
    let (questions, _) = query.read().unwrap();
    let mut writer = Writer::new(query.id(), flag::RESPONSE | rcode);
    writer.question(&questions[0]);
    for record in records {
        assert!(writer.record(1, record));
    }
    deliver(
        station,
        now,
        lines,
        (asked.0, 53),
        asked.1,
        &writer.finish(),
    );
}

fn deliver(
    station: &mut Station,
    now: Instant,
    lines: &mut Lines,
    from: (Ipv4Addr, u16),
    port: u16,
    octets: &[u8],
) {
    let socket = station
        .udp
        .listed()
        .into_iter()
        .find(|socket| socket.port == port)
        .map(|socket| socket.id);
    if let Some(socket) = socket {
        station.resolver_input(now, socket, from, octets, lines);
    }
}

fn names_asked(asked: &(Ipv4Addr, u16, Vec<u8>)) -> String {
    Message::parse(&asked.2).unwrap().read().unwrap().0[0]
        .name
        .clone()
}

#[test]
fn files_come_before_servers() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    station.resolver.hosts.read_hosts("44.128.4.4 n0pra\n");
    for (word, expected) in [
        ("n0pra", Lookup::Known(ip("44.128.4.4"))),
        ("N0PRA.ampr.org", Lookup::Known(ip("44.128.4.4"))),
        ("n0pra.ampr.org.", Lookup::Known(ip("44.128.4.4"))),
        ("localhost", Lookup::Known(Ipv4Addr::LOCALHOST)),
        ("44.130", Lookup::Known(ip("44.130.0.0"))),
        ("0.0.0.0", Lookup::Unknown),
        ("1.2.3.4.5", Lookup::Unknown),
        ("", Lookup::Unknown),
    ] {
        assert_eq!(station.resolve(now, word, &mut lines), expected, "{word}");
    }
    assert_eq!(
        station.resolve_address(now, ip("44.128.4.4"), &mut lines),
        Lookup::Known("n0pra.ampr.org".into())
    );
    assert_eq!(
        station.resolver.shown(now, ip("44.128.4.4")),
        "n0pra.ampr.org"
    );
    assert_eq!(station.resolver.shown(now, ip("44.128.4.9")), "44.128.4.9");
    assert!(lines.packets().is_empty());
    let list = cache_list(&station.resolver.cache, now);
    assert!(
        list.contains("localhost                 127.0.0.1\n"),
        "{list}"
    );
    station.resolver.set_servers(&[]);
    assert_eq!(station.resolve(now, "unknown", &mut lines), Lookup::Unknown);
}

#[test]
fn a_server_is_asked_for_both_forms_of_a_name() {
    let (mut station, mut now, mut lines) = asking(&[SERVER]);
    station.resolver.trace = true;
    let Lookup::Asked(id) = station.resolve(now, "www.example.org", &mut lines) else {
        panic!("nobody knows it here");
    };
    let first = sent(&mut lines);
    assert_eq!(names_asked(&first), "www.example.org.ampr.org");
    answer(&mut station, now, &mut lines, &first, 3, &[]);
    let second = sent(&mut lines);
    assert_eq!(names_asked(&second), "www.example.org");
    let address = Data::Address(ip("10.0.0.1"));
    answer(
        &mut station,
        now,
        &mut lines,
        &second,
        0,
        &[record("www.example.org", kind::A, 60, address)],
    );
    let events: Vec<Event> = std::iter::from_fn(|| station.poll_event()).collect();
    assert_eq!(
        events.last(),
        Some(&Event::Resolved(id, Answer::Address(ip("10.0.0.1"))))
    );
    assert_eq!(events.len(), 5);
    let Event::Domain(text) = &events[3] else {
        panic!("a trace");
    };
    assert!(text.starts_with("recv: id "), "{text}");
    assert!(text.ends_with("1 questions:\nwww.example.org type A class IN\n1 answers:\nwww.example.org\t60\tIN\tA\t10.0.0.1\n"), "{text}");
    assert_eq!(
        station.resolve(now, "www.example.org", &mut lines),
        Lookup::Known(ip("10.0.0.1"))
    );
    assert!(station.udp.listed().is_empty() && station.resolver.pending() == 0);
    // Its time is over.
    now += Duration::from_secs(61);
    assert!(matches!(
        station.resolve(now, "www.example.org", &mut lines),
        Lookup::Asked(_)
    ));
    assert_eq!(
        names_asked(&sent(&mut lines)),
        "www.example.org",
        "the other form is known not to be"
    );
}

#[test]
fn a_host_without_a_server_is_not_waited_for() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    let Lookup::Asked(id) = station.resolve(now, "a.b.", &mut lines) else {
        panic!("nobody knows it here");
    };
    // What is quoted says of whom it is: another port, another server and another protocol are not ours.
    let refuse = |station: &mut Station, lines: &mut Lines, at: usize, change: u8| {
        let mut quoted = lines.sent.last().unwrap().packet.clone();
        quoted[at] ^= change;
        let mut octets = vec![3, 3, 0, 0, 0, 0, 0, 0];
        octets.extend_from_slice(&quoted[..28]);
        let checksum = wanbox_wire::ip::Sum::new().octets(&octets).checksum();
        octets[2..4].copy_from_slice(&checksum.to_be_bytes());
        let mut packet = vec![
            0x45, 0, 0, 56, 0, 1, 0, 0, 64, 1, 0, 0, 44, 1, 0, 53, 44, 1, 0, 1,
        ];
        let checksum = wanbox_wire::ip::Sum::new().octets(&packet).checksum();
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.extend_from_slice(&octets);
        let line = station.interfaces.by_name("sl0").unwrap();
        station.receive(now, &crate::Arrival::new(line), &mut packet, lines);
    };
    for at in [9, 19, 21, 23] {
        refuse(&mut station, &mut lines, at, 4);
        assert_eq!(lines.sent.len(), 1);
    }
    for asked in 2..=3 {
        refuse(&mut station, &mut lines, 0, 0);
        assert_eq!(lines.sent.len(), asked);
    }
    refuse(&mut station, &mut lines, 0, 0);
    assert_eq!(
        station.poll_event(),
        Some(Event::Resolved(id, Answer::Failed))
    );
    assert_eq!((lines.sent.len(), station.resolver.stats.refused), (3, 3));
}

#[test]
fn the_next_server_is_asked_and_in_the_end_none_answers() {
    let (mut station, mut now, mut lines) = asking(&[SERVER, "44.1.0.54"]);
    let Lookup::Asked(id) = station.resolve(now, "a.b.", &mut lines) else {
        panic!("nobody knows it here");
    };
    let first = sent(&mut lines);
    // One that cannot answer is not waited for.
    answer(&mut station, now, &mut lines, &first, 2, &[]);
    let mut servers = vec![first.0];
    let start = now;
    while station.resolver.pending() > 0 {
        servers.extend(
            lines
                .packets()
                .iter()
                .map(|packet| Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19])),
        );
        now = station.poll_timeout().unwrap();
        station.handle_timeout(now, &mut lines);
    }
    assert_eq!(servers, [ip(SERVER), ip("44.1.0.54")].repeat(3));
    assert_eq!(now - start, Duration::from_secs(5 + 10 + 10 + 20 + 20));
    assert_eq!(
        station.poll_event(),
        Some(Event::Resolved(id, Answer::Failed))
    );
    assert!(station.udp.listed().is_empty());
}

#[test]
fn what_was_not_asked_is_not_believed() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    let _ = station.resolve(now, "a.b.", &mut lines);
    let asked = sent(&mut lines);
    let id = Message::parse(&asked.2).unwrap().id();
    let forged = |id: u16, name: &str| {
        let mut writer = Writer::new(id, flag::RESPONSE);
        writer.question(&Question {
            name: name.into(),
            kind: kind::A,
            class: CLASS_IN,
        });
        writer.record(1, &record(name, kind::A, 60, Data::Address(ip("6.6.6.6"))));
        writer.finish()
    };
    let (server, port) = ((asked.0, 53), asked.1);
    deliver(
        &mut station,
        now,
        &mut lines,
        server,
        port,
        &forged(id ^ 1, "a.b"),
    );
    deliver(
        &mut station,
        now,
        &mut lines,
        server,
        port,
        &forged(id, "a.c"),
    );
    deliver(
        &mut station,
        now,
        &mut lines,
        (ip("44.1.0.66"), 53),
        port,
        &forged(id, "a.b"),
    );
    deliver(
        &mut station,
        now,
        &mut lines,
        (asked.0, 54),
        port,
        &forged(id, "a.b"),
    );
    deliver(&mut station, now, &mut lines, server, port, &asked.2);
    deliver(&mut station, now, &mut lines, server, port, b"x");
    assert_eq!(station.resolver.stats.foreign, 6);
    let mut cut = forged(id, "a.b");
    cut.pop();
    deliver(&mut station, now, &mut lines, server, port, &cut);
    assert_eq!(
        (station.resolver.stats.malformed, station.resolver.pending()),
        (1, 1)
    );
    // Records of other names in an answer are left alone.
    answer(
        &mut station,
        now,
        &mut lines,
        &asked,
        0,
        &[record("evil.b", kind::A, 60, Data::Address(ip("6.6.6.6")))],
    );
    assert_eq!(
        station.resolver.cache.listed(now),
        [(&Key::Name("a.b".into()), &Value::Nothing)]
    );
}

#[test]
fn aliases_lead_on_but_not_for_ever() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    let alias = |from: &str, to: &str| record(from, kind::CNAME, 30, Data::Name(to.into()));
    let _ = station.resolve(now, "a.b.", &mut lines);
    let asked = sent(&mut lines);
    answer(
        &mut station,
        now,
        &mut lines,
        &asked,
        0,
        &[alias("a.b", "c.b"), alias("c.b", "d.b")],
    );
    let asked = sent(&mut lines);
    assert_eq!(names_asked(&asked), "d.b");
    answer(
        &mut station,
        now,
        &mut lines,
        &asked,
        0,
        &[record("d.b", kind::A, 600, Data::Address(ip("10.0.0.4")))],
    );
    assert!(
        matches!(station.poll_event(), Some(Event::Resolved(_, Answer::Address(address))) if address == ip("10.0.0.4"))
    );
    assert_eq!(
        station.resolve(now, "a.b.", &mut lines),
        Lookup::Known(ip("10.0.0.4"))
    );
    assert!(matches!(
        station.resolve(now + Duration::from_secs(31), "a.b.", &mut lines),
        Lookup::Asked(_)
    ));
    lines.packets();
    // A circle within a message, and one over messages.
    let _ = station.resolve(now, "e.b.", &mut lines);
    let asked = sent(&mut lines);
    answer(
        &mut station,
        now,
        &mut lines,
        &asked,
        0,
        &[alias("e.b", "f.b"), alias("f.b", "e.b")],
    );
    assert!(matches!(
        station.poll_event(),
        Some(Event::Resolved(_, Answer::Unknown))
    ));
    let _ = station.resolve(now, "g.b.", &mut lines);
    let mut rounds = 0;
    while station.resolver.pending() > 1 {
        let asked = sent(&mut lines);
        let name = names_asked(&asked);
        answer(
            &mut station,
            now,
            &mut lines,
            &asked,
            0,
            &[alias(&name, &format!("x{rounds}.b"))],
        );
        rounds += 1;
    }
    assert_eq!(rounds, 9);
}

#[test]
fn the_name_of_an_address() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    let Lookup::Asked(id) = station.resolve_address(now, ip("10.1.2.3"), &mut lines) else {
        panic!("nobody knows it here");
    };
    let asked = sent(&mut lines);
    assert_eq!(names_asked(&asked), "3.2.1.10.in-addr.arpa");
    let name = Data::Name("host.example.org".into());
    answer(
        &mut station,
        now,
        &mut lines,
        &asked,
        0,
        &[record("3.2.1.10.in-addr.arpa", kind::PTR, 60, name)],
    );
    assert_eq!(
        station.poll_event(),
        Some(Event::Resolved(id, Answer::Name("host.example.org".into())))
    );
    assert_eq!(
        station.resolver.shown(now, ip("10.1.2.3")),
        "host.example.org"
    );
    // Everything is forgotten after a day.
    station.remember(
        now,
        Key::Address(ip("10.9.9.9")),
        Value::Name("x".into()),
        u32::MAX,
    );
    station.handle_timeout(now + Duration::from_secs(86_401), &mut lines);
    assert!(station.resolver.cache.listed(now).is_empty());
}

#[test]
fn look_ups_are_bounded() {
    let (mut station, now, mut lines) = asking(&[SERVER]);
    for number in 0..1000 {
        let _ = station.resolve(now, &format!("host{number}.b."), &mut lines);
    }
    assert_eq!(
        (station.resolver.pending(), station.resolver.stats.too_many),
        (256, 744)
    );
    let mut ports: Vec<u16> = station
        .udp
        .listed()
        .iter()
        .map(|socket| socket.port)
        .collect();
    ports.dedup();
    assert_eq!(ports.len(), 256, "each has a port of its own");
}

#[test]
fn over_a_line() {
    let mut net: Net = crate::simulation::chain();
    let server = net.stations[2]
        .udp_bind(Ipv4Addr::UNSPECIFIED, 53, Owner::User)
        .unwrap();
    net.stations[0].resolver.set_servers(&[ip("44.2.0.3")]);
    let asked = net.with(0, |station, now, lines| station.resolve(now, "a.b.", lines));
    net.run(Duration::from_secs(1));
    let query = net.stations[2].udp.receive(server).unwrap();
    let message = Message::parse(&query.payload).unwrap();
    let mut writer = Writer::new(message.id(), flag::RESPONSE);
    writer.question(&message.read().unwrap().0[0]);
    writer.record(
        1,
        &record("a.b", kind::A, 60, Data::Address(ip("10.0.0.1"))),
    );
    let octets = writer.finish();
    net.with(2, |station, now, lines| {
        station.udp_send(now, server, query.from, &octets, lines)
    })
    .unwrap();
    net.run(Duration::from_secs(1));
    let Lookup::Asked(id) = asked else {
        panic!("nobody knows it here");
    };
    assert_eq!(
        net.events.last(),
        Some(&(0, Event::Resolved(id, Answer::Address(ip("10.0.0.1")))))
    );
}
