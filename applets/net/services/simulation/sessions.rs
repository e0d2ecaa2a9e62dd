//! Telnet and finger, seen from the console.

use super::*;

#[test]
fn a_session_from_beginning_to_end() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    assert_eq!(net.screen(0), "SYN sent\r\n");
    net.seconds(1);
    assert_eq!(net.screen(0), "Estab\r\n");
    let server = net.accept(1, listener);
    net.send(1, server, b"\xff\xfd\x18login: \x1b[2J");
    net.seconds(1);
    assert!(net.line(session, "n0pra"));
    net.seconds(1);
    assert_eq!(net.screen(0), "login: ^[[2J");
    assert_eq!(net.receive(1, server), b"\xff\xfc\x18n0pra\r\n");
    // Its flow begins at the port that all clients count from.
    let list = net.nodes[0]
        .services
        .session_list(net.now, &net.nodes[0].station, Some(session));
    let number = net.nodes[0].station.tcp.views(net.now).next().unwrap();
    assert_eq!(number.flow.local.port, 1024);
    let expected = format!(
        " #       &CB Type   Rcv-Q  State        Remote socket\n*0  {:8x} Telnet     0  Estab        44.1.0.2:telnet\n",
        number.id.number()
    );
    assert_eq!(list, expected);
    net.send(1, server, b"bye\r\n");
    net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
    net.seconds(1);
    assert_eq!(
        net.screen(0),
        "bye\r\nClosewait\r\nLast ACK\r\nClosed (Normal)\r\n"
    );
    assert_eq!(net.nodes[0].services.session(0), None);
    assert!(
        net.notices(0)
            .iter()
            .any(|notice| matches!(notice, Notice::Ended(id, ..) if *id == session))
    );
    // Its number is free again.
    assert_eq!(net.telnet(23), session);
}

#[test]
fn closed_from_here() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    net.with(0, |services, station, now, _| {
        assert!(services.type_line(now, station, session, "bye", true));
        services.close_session(now, station, session).unwrap();
    });
    net.seconds(1);
    assert_eq!(
        net.screen(0),
        "SYN sent\r\nEstab\r\nFINwait1\r\nFINwait2\r\n"
    );
    // What the other side still says is shown.
    net.send(1, server, b"73\r\n");
    net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
    net.seconds(1);
    assert_eq!(net.text(1, server), "bye\r\n");
    assert_eq!(net.screen(0), "73\r\nTimewait\r\n");
    net.seconds(31);
    assert_eq!(net.screen(0), "Closed (Normal)\r\n");
}

#[test]
fn refused_timed_out_reset_and_invalid() {
    let mut net = Net::new();
    net.telnet(24);
    net.seconds(1);
    assert_eq!(net.screen(0), "SYN sent\r\nClosed (Reset/Refused)\r\n");
    net.loss = 1.0;
    let session = net.telnet(23);
    net.seconds(3600);
    assert_eq!(net.screen(0), "SYN sent\r\nClosed (Timeout)\r\n");
    net.with(0, |services, station, now, _| {
        let invalid = Err("Invalid session".to_owned());
        assert_eq!(services.close_session(now, station, session), invalid);
        assert_eq!(services.reset_session(now, station, session), invalid);
        assert_eq!(services.kick_session(now, station, session), invalid);
    });
    net.loss = 0.0;
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    net.send(1, server, b"unread");
    net.nodes[0].looks = None;
    net.seconds(1);
    net.with(0, |services, station, now, _| {
        services.kick_session(now, station, session).unwrap();
        services.reset_session(now, station, session).unwrap();
    });
    net.seconds(1);
    assert_eq!(net.state(1, server), State::Closed);
    assert_eq!(net.nodes[0].services.session(0), None);
}

#[test]
fn an_echoing_server_makes_it_raw() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    net.nodes[0].services.preferences.options_shown = true;
    net.screen(0);
    net.send(1, server, b"\xff\xfb\x01\xff\xfa\x18\x01\xff\xf0$ \x1b[1m");
    net.seconds(1);
    assert_eq!(
        net.screen(0),
        "recv: will Echo\r\nsent: do Echo\r\n$ \x1b[1m"
    );
    assert!(net.notices(0).contains(&Notice::Raw(session, true)));
    net.with(0, |services, station, now, _| {
        assert!(services.is_raw(session));
        services.type_keys(now, station, session, b"l\r\xff");
        services.preferences.eol = wanbox_net_console::telnet::Eol::Null;
        services.type_keys(now, station, session, b"\r");
    });
    net.seconds(1);
    assert_eq!(net.receive(1, server), b"\xff\xfd\x01l\r\0\xff\xff\n");
    // With the connection, raw mode ends.
    net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
    net.seconds(1);
    assert!(net.notices(0).contains(&Notice::Raw(session, false)));
}

#[test]
fn echo_may_be_refused() {
    let mut net = Net::new();
    net.nodes[0].services.preferences.echo = false;
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    net.send(1, server, b"\xff\xfb\x01");
    net.seconds(1);
    assert_eq!(net.receive(1, server), b"\xff\xfe\x01");
    assert!(!net.nodes[0].services.is_raw(session));
}

#[test]
fn what_nobody_looks_at_waits_at_the_other_end() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    net.nodes[0].looks = None;
    let server = net.accept(1, listener);
    let data: Vec<u8> = (0..20_000).map(|at| b'a' + (at % 26) as u8).collect();
    let mut sent = 0;
    for _ in 0..20 {
        sent += net.send(1, server, &data[sent..]);
        net.seconds(5);
    }
    // Both windows are full.
    assert!(sent < 2 * 2048 + 600, "{sent}");
    let list = net.nodes[0]
        .services
        .session_list(net.now, &net.nodes[0].station, None);
    assert!(list.contains("Telnet  2048  Estab"), "{list}");
    net.screen(0);
    net.nodes[0].room = 300;
    let mut shown = String::new();
    for _ in 0..2000 {
        net.look(session);
        sent += net.send(1, server, &data[sent..]);
        let part = net.screen(0);
        assert!(part.len() <= 300);
        shown += &part;
        if shown.len() == data.len() {
            break;
        }
        net.run(Duration::from_millis(100));
    }
    assert_eq!(shown.as_bytes(), data);
}

#[test]
fn a_session_that_is_over_stays_until_it_was_read() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    net.nodes[0].looks = None;
    net.screen(0);
    let server = net.accept(1, listener);
    net.send(1, server, b"last words\r\n");
    net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
    net.seconds(100);
    let list = net.nodes[0]
        .services
        .session_list(net.now, &net.nodes[0].station, None);
    assert!(
        list.contains("  12  Closed       44.1.0.2:telnet"),
        "{list}"
    );
    net.look(session);
    assert_eq!(
        net.screen(0),
        "last words\r\nClosewait\r\nLast ACK\r\nClosed (Normal)\r\n"
    );
    assert_eq!(net.nodes[0].services.session(0), None);
}

#[test]
fn there_are_twenty() {
    let mut net = Net::new();
    let _listener = net.listen(1, 23);
    for number in 0..20 {
        assert_eq!(net.telnet(23).number(), number);
        net.seconds(1);
    }
    let more = net.with(0, |services, station, now, _| {
        services.open_telnet(now, station, (B, 23))
    });
    assert_eq!(more, Err("Too many sessions".to_owned()));
    // The lowest that is free is taken.
    net.with(0, |services, station, now, _| {
        for number in [7, 3] {
            let id = services.session(number).unwrap();
            services.reset_session(now, station, id).unwrap();
        }
    });
    assert_eq!(net.telnet(23).number(), 3);
    assert_eq!(net.nodes[0].services.session(20), None);
}

#[test]
fn a_number_is_free_only_when_its_end_was_told() {
    let mut net = Net::new();
    let session = net.telnet(24);
    net.seconds(1);
    let node = &mut net.nodes[0];
    // Ended and opened again within one turn: the news of the old one cannot mean the new one.
    let again = node
        .services
        .open_telnet(net.now, &mut node.station, (B, 24))
        .unwrap();
    assert_eq!(again, session);
    node.services
        .reset_session(net.now, &mut node.station, again)
        .unwrap();
    let third = node
        .services
        .open_telnet(net.now, &mut node.station, (B, 24))
        .unwrap();
    assert_ne!(third, again);
}

#[test]
fn finger() {
    let mut net = Net::new();
    let listener = net.listen(1, 79);
    let id = net.with(0, |services, station, now, _| {
        services.open_finger(now, station, B, "dk5sg").unwrap()
    });
    net.look(id);
    net.seconds(1);
    let server = net.accept(1, listener);
    assert_eq!(net.text(1, server), "dk5sg\r\n");
    net.send(1, server, b"Login: dk5sg\r\nPlan:\n\x1bnone\x1a\r");
    net.with(1, |_, station, _, _| station.tcp.close(server).unwrap());
    assert!(net.line(id, "nobody listens"));
    net.seconds(1);
    assert_eq!(
        net.screen(0),
        "SYN sent\r\nEstab\r\n[44.1.0.2]\r\nLogin: dk5sg\r\nPlan:\r\n^[none\r\nClosewait\r\nLast ACK\r\nClosed (Normal)\r\n"
    );
    assert_eq!(net.text(1, server), "");
    let wrong = net.with(0, |services, station, now, _| {
        services.open_finger(now, station, B, "a\r\nb")
    });
    assert!(wrong.is_err());
}

#[test]
fn typing_faster_than_the_line_is_bounded() {
    let mut net = Net::new();
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    let server = net.accept(1, listener);
    // The other end does not read.
    let mut typed = 0;
    while net.line(session, &"x".repeat(98)) {
        typed += 100;
        net.seconds(1);
        assert!(typed < 20_000);
    }
    assert!(net.nodes[0].services.typed_waits(session));
    assert_eq!(net.nodes[0].services.counters.typed_too_fast, 1);
    let mut received = 0;
    for _ in 0..200 {
        received += net.receive(1, server).len();
        net.seconds(1);
    }
    assert_eq!(received, typed);
    assert!(!net.nodes[0].services.typed_waits(session));
}
