//! `start telnet`: a console behind a password, and the host's login.

use super::*;
use crate::LoginId;

const OPENING: &[u8] = b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x03\xff\xfd\x01";

fn server() -> Net {
    let mut net = Net::new();
    net.nodes[1]
        .services
        .set_password(Some("pässword"))
        .unwrap();
    net.start(1, &["telnet"]);
    net
}

/// Connects, and sees the question.
fn knock(net: &mut Net) -> Id {
    let id = net.connect(0, B, 23);
    let shown = net.receive(0, id);
    assert_eq!(shown, [OPENING, b"Password: "].concat());
    id
}

fn enter(net: &mut Net) -> (Id, LoginId) {
    let id = knock(net);
    net.send(0, id, "pässwort\x7fd\r\n".as_bytes());
    net.seconds(1);
    assert_eq!(net.receive(0, id), b"\r\n");
    let notices = net.notices(1);
    let [Notice::LoginOpened(login)] = notices[..] else {
        panic!("{notices:?}");
    };
    (id, login)
}

fn keys(net: &mut Net, login: LoginId) -> Vec<u8> {
    net.with(1, |services, station, now, _| {
        let mut keys = Vec::new();
        services.login_input(now, station, login, 100, &mut keys);
        keys
    })
}

#[test]
fn nobody_gets_a_console_without_a_password() {
    let mut net = Net::new();
    let refused = net.try_start(1, &["telnet"]).unwrap_err();
    assert!(
        refused.starts_with("The telnet server needs a password"),
        "{refused}"
    );
    let services = &mut net.nodes[1].services;
    assert!(services.set_password(Some("")).is_err());
    assert!(services.set_password(Some("$1$broken")).is_err());
    services
        .set_password(Some("$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0"))
        .unwrap();
    net.start(1, &["telnet", "2323"]);
    // Taken away later, it lets nobody in.
    net.nodes[1].services.set_password(None).unwrap();
    let id = net.connect(0, B, 2323);
    net.receive(0, id);
    net.send(0, id, b"\r");
    net.seconds(1);
    assert_eq!(net.text(0, id), "\r\nLogin incorrect\r\n");
    assert_eq!(net.notices(1), []);
}

#[test]
fn a_console_for_who_knows_it() {
    let mut net = server();
    let (id, login) = enter(&mut net);
    let port = net.nodes[0]
        .station
        .tcp
        .view(net.now, id)
        .unwrap()
        .flow
        .local
        .port;
    assert_eq!(net.nodes[1].services.login_remote(login), Some((A, port)));
    // Keys, whatever a client makes of Return; commands of Telnet are none.
    net.send(
        0,
        id,
        b"\xff\xfd\x01ip\r\nst\r\0x\xff\xf8\xff\xf7\xff\xf4\xff\xff\xff\xf6\n",
    );
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::LoginReadable(login)]);
    assert_eq!(keys(&mut net, login), b"ip\rst\rx\x15\x7f\x03\xff\n");
    net.with(1, |services, station, now, _| {
        assert_eq!(services.login_output(now, station, login, b"\xffnet> "), 6);
        services.login_closed(now, station, login);
        // Nobody waits for more.
        assert_eq!(services.login_output(now, station, login, b"late"), 4);
    });
    net.seconds(1);
    assert_eq!(
        net.receive(0, id),
        b"\xff\xfd\x1f\r\n[Yes]\r\n\xff\xffnet> "
    );
    assert!(net.nodes[0].station.tcp.is_finished(id));
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(40);
    assert!(net.nodes[1].station.tcp.is_empty());
    assert_eq!(net.notices(1), []);
    let log: Vec<String> = net.log(1);
    assert_eq!(
        log,
        [
            format!("44.1.0.1:{port} - open TELNET"),
            format!("44.1.0.1:{port} - close TELNET")
        ]
    );
}

#[test]
fn who_hangs_up_is_missed() {
    let mut net = server();
    let (id, login) = enter(&mut net);
    net.send(0, id, b"bye");
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::LoginReadable(login)]);
    assert_eq!(keys(&mut net, login), b"bye");
    assert_eq!(net.notices(1), [Notice::LoginClosed(login)]);
}

#[test]
fn wrong_passwords_cost_time() {
    let mut net = server();
    let id = knock(&mut net);
    // The right one behind it is not looked at before a second has gone.
    net.send(0, id, "wrong\r\0pässword\r\0".as_bytes());
    net.run(Duration::from_millis(900));
    assert_eq!(net.text(0, id), "\r\nLogin incorrect\r\n");
    assert_eq!(net.nodes[1].services.counters.logins, 0);
    net.run(Duration::from_millis(200));
    assert_eq!(net.text(0, id), "Password: \r\n");
    assert_eq!(net.nodes[1].services.counters.logins, 1);
    let fail = net.log(1);
    assert!(
        fail.iter()
            .any(|line| line.ends_with(" - TELNET PASSWORD FAIL")),
        "{fail:?}"
    );
}

#[test]
fn three_tries_and_a_longer_wait_for_the_same_host() {
    let mut net = server();
    let id = knock(&mut net);
    for delay in [2, 3] {
        net.send(0, id, b"wrong\r\n");
        net.seconds(delay);
        assert_eq!(net.text(0, id), "\r\nLogin incorrect\r\nPassword: ");
    }
    net.send(0, id, b"wrong\r\n");
    net.seconds(1);
    assert_eq!(net.text(0, id), "\r\nLogin incorrect\r\n");
    assert!(net.nodes[0].station.tcp.is_finished(id));
    // Another connection of the host waits for the rest of the 4 s before it is asked.
    let id = net.connect(0, B, 23);
    assert_eq!(net.receive(0, id), OPENING);
    net.seconds(3);
    assert_eq!(net.text(0, id), "Password: ");
    net.send(0, id, "pässword\r\n".as_bytes());
    net.seconds(1);
    assert_eq!(net.nodes[1].services.counters.logins, 1);
    assert_eq!(net.nodes[1].services.counters.wrong_passwords, 3);
}

#[test]
fn two_connections_are_no_faster_than_one() {
    let mut net = server();
    let ids = [knock(&mut net), knock(&mut net)];
    net.send(0, ids[0], b"wrong\r\n");
    net.run(Duration::from_millis(100));
    net.send(0, ids[1], "pässword\r\n".as_bytes());
    net.run(Duration::from_millis(100));
    assert_eq!(net.nodes[1].services.counters.logins, 0);
    net.seconds(2);
    assert!(net.text(0, ids[1]).ends_with("Password: "));
}

#[test]
fn nobody_stands_in_the_door_for_ever() {
    let mut net = server();
    let id = knock(&mut net);
    net.send(0, id, b"slow");
    net.seconds(58);
    assert_eq!(net.state(0, id), State::Established);
    net.seconds(3);
    assert_eq!(net.state(0, id), State::Closed);
    // The third of one host takes the place of the first.
    let ids = [knock(&mut net), knock(&mut net), knock(&mut net)];
    net.seconds(1);
    let states = ids.map(|id| net.state(0, id));
    assert_eq!(
        states,
        [State::Closed, State::Established, State::Established]
    );
    assert_eq!(net.nodes[1].services.counters.door_full, 1);
}

#[test]
fn who_types_nothing_is_sent_away() {
    let mut net = server();
    let (id, login) = enter(&mut net);
    net.seconds(3000);
    net.send(0, id, b"x");
    net.seconds(1);
    keys(&mut net, login);
    // What is shown is no sign of life.
    for _ in 0..35 {
        net.with(1, |services, station, now, _| {
            services.login_output(now, station, login, b"tick")
        });
        net.seconds(100);
        net.receive(0, id);
    }
    assert_eq!(net.state(0, id), State::Established);
    net.notices(1);
    net.seconds(200);
    assert_eq!(net.notices(1), [Notice::LoginClosed(login)]);
    assert_eq!(net.state(0, id), State::Closed);
}

#[test]
fn so_many_are_inside() {
    let mut net = server();
    let inside: Vec<(Id, LoginId)> = (0..8).map(|_| enter(&mut net)).collect();
    let id = knock(&mut net);
    net.send(0, id, "pässword\r\n".as_bytes());
    net.seconds(1);
    assert_eq!(net.text(0, id), "\r\nToo many are logged in\r\n");
    assert_eq!(net.notices(1), []);
    net.with(1, |services, station, now, _| {
        services.login_closed(now, station, inside[3].1)
    });
    enter(&mut net);
}

#[test]
fn a_screen_that_is_not_read_stops_the_console() {
    let mut net = server();
    let (id, login) = enter(&mut net);
    let mut taken = 0;
    for _ in 0..30 {
        taken += net.with(1, |services, station, now, _| {
            services.login_output(now, station, login, &[b'x'; 1000])
        });
        net.seconds(2);
    }
    assert!((4000..3 * 2048 + 600).contains(&taken), "{taken}");
    net.notices(1);
    let mut received = 0;
    while received < taken {
        received += net.receive(0, id).len();
        net.seconds(1);
    }
    assert_eq!(net.notices(1), [Notice::LoginWritable(login)]);
    assert_eq!(received, taken);
}

/// A server whose host asks for passwords.
fn host() -> Net {
    let mut net = Net::new();
    net.nodes[1].services.rules.telnet_host = true;
    net.start(1, &["telnet"]);
    net
}

fn opened(net: &mut Net) -> LoginId {
    let notices = net.notices(1);
    let [Notice::LoginOpened(login), ref rest @ ..] = notices[..] else {
        panic!("{notices:?}");
    };
    assert!(
        rest.is_empty() || rest == [Notice::LoginReadable(login)],
        "{rest:?}"
    );
    assert!(net.nodes[1].services.is_at_host(login));
    login
}

#[test]
fn the_hosts_login_begins_when_the_terminal_is_known() {
    let mut net = host();
    let id = net.connect(0, B, 23);
    assert_eq!(net.receive(0, id), OPENING);
    net.send(0, id, b"\xff\xfd\x03\xff\xfb\x18");
    net.run(Duration::from_millis(500));
    assert_eq!(net.notices(1), []);
    assert_eq!(
        net.receive(0, id),
        b"\xff\xfd\x1f\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0"
    );
    net.send(
        0,
        id,
        b"\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfb\x1f\xff\xfa\x1f\x00\x84\x00\x2b\xff\xf0joe\r\0",
    );
    net.run(Duration::from_millis(500));
    let login = opened(&mut net);
    let services = &net.nodes[1].services;
    assert_eq!(services.login_terminal(login), Some("xterm"));
    let (who, protocol) = services
        .login_name(net.now, &net.nodes[1].station, login)
        .unwrap();
    assert!(who.starts_with("44.1.0.1:"), "{who}");
    assert_eq!(protocol, "TELNET");
    assert_eq!(keys(&mut net, login), b"joe\r");
    let services = &mut net.nodes[1].services;
    assert_eq!(services.login_window(login), Some((132, 43)));
    assert_eq!(services.login_window(login), None);
}

#[test]
fn the_hosts_login_waits_for_no_one() {
    let mut net = host();
    // One that negotiates nothing is asked after a while, one that types at once.
    let silent = net.connect(0, B, 23);
    net.run(Duration::from_millis(500));
    assert_eq!(net.notices(1), []);
    net.run(Duration::from_secs(1));
    let login = opened(&mut net);
    assert_eq!(net.nodes[1].services.login_terminal(login), None);
    net.with(0, |_, station, _, _| station.tcp.close(silent).unwrap());
    net.seconds(1);
    assert_eq!(net.notices(1), [Notice::LoginClosed(login)]);
    let typing = net.connect(0, B, 23);
    net.send(0, typing, b"jo");
    net.run(Duration::from_millis(500));
    let login = opened(&mut net);
    assert_eq!(keys(&mut net, login), b"jo");
    // One that goes before never came.
    net.notices(1);
    let gone = net.connect(0, B, 23);
    net.with(0, |_, station, _, _| station.tcp.close(gone).unwrap());
    net.seconds(4);
    assert_eq!(net.notices(1), []);
}

#[test]
fn so_many_are_at_the_hosts_login() {
    let mut net = host();
    let ids: Vec<Id> = (0..5).map(|_| net.connect(0, B, 23)).collect();
    net.seconds(4);
    let open = ids
        .iter()
        .filter(|id| net.state(0, **id) == State::Established);
    assert_eq!(open.count(), 4);
    assert_eq!(net.nodes[1].services.counters.too_many_of_host, 1);
    assert_eq!(net.notices(1).len(), 4);
    net.seconds(3601);
    assert_eq!(net.nodes[1].services.counters.idle, 4);
    assert_eq!(net.notices(1).len(), 4);
    assert!(net.nodes[1].station.tcp.is_empty());
}
