//! `remote`, between two of us and with the original's octets.

use super::*;
use crate::remote::{Command, Request, Words};

const KEY: &str = "a key of some length";

fn server(key: &str, clear: bool) -> Net {
    let mut net = Net::new();
    net.start(1, &["remote"]);
    let set = net.with(1, |services, station, now, _| {
        services.set_remote_key(now, station, key, clear)
    });
    assert_eq!(set, Ok(()));
    net
}

fn ask(net: &mut Net, words: &[&str]) -> Result<(), String> {
    let Words::Send(request) = Words::parse(words).unwrap() else {
        panic!("{words:?}");
    };
    let address = |word: &str| word.parse().unwrap();
    let kick = request.kick.map(address);
    let sent = net.with(0, |services, station, now, sink| {
        services.remote_send(now, station, sink, &request, address(request.host), kick)
    });
    net.seconds(1);
    sent
}

#[test]
fn exit_with_the_key() {
    let mut net = server(KEY, false);
    assert_eq!(ask(&mut net, &["-k", KEY, "44.1.0.2", "exit"]), Ok(()));
    assert_eq!(net.notices(1), [Notice::Exit]);
    assert_eq!(net.log(1), ["44.1.0.1:remote - Remote exit PASSWORD OK"]);
    for key in ["another key, as long", "a key of some lengtH"] {
        ask(&mut net, &["-k", key, "44.1.0.2", "exit"]).unwrap();
    }
    assert_eq!(net.notices(1), []);
    assert_eq!(
        net.log(1),
        ["44.1.0.1:remote - Remote exit PASSWORD FAIL"; 2]
    );
    assert_eq!(net.nodes[1].services.counters.remote_refused, 2);
}

/// The datagram that a request becomes.
fn datagram(net: &mut Net, words: &[&str], to: Ipv4Addr) -> Vec<u8> {
    let Words::Send(request) = Words::parse(words).unwrap() else {
        panic!("{words:?}");
    };
    let node = &mut net.nodes[0];
    let mut lines = Lines::default();
    node.services
        .remote_send(net.now, &mut node.station, &mut lines, &request, to, None)
        .unwrap();
    lines.0.remove(0).1.split_off(28)
}

#[test]
fn what_was_overheard_is_worth_nothing() {
    let mut net = server(KEY, false);
    let heard = datagram(&mut net, &["-k", KEY, "x", "exit"], B);
    net.datagram(0, 1234, (B, 1234), &heard);
    assert_eq!(net.notices(1), [Notice::Exit]);
    net.datagram(0, 1234, (B, 1234), &heard);
    // Late, for another station, and changed.
    let late = datagram(&mut net, &["-k", KEY, "x", "exit"], B);
    let foreign = datagram(
        &mut net,
        &["-k", KEY, "x", "exit"],
        Ipv4Addr::new(44, 1, 0, 3),
    );
    net.datagram(0, 1234, (B, 1234), &foreign);
    let mut reset = datagram(&mut net, &["-k", KEY, "x", "reset"], B);
    reset[0] = 2;
    net.datagram(0, 1234, (B, 1234), &reset);
    net.seconds(31);
    net.datagram(0, 1234, (B, 1234), &late);
    // The key itself, in clear.
    net.datagram(0, 1234, (B, 1234), &[b"\x02", KEY.as_bytes()].concat());
    assert_eq!(net.notices(1), []);
    let counters = &net.nodes[1].services.counters;
    assert_eq!((counters.remote_stale, counters.remote_refused), (2, 3));
}

#[test]
fn a_key_in_clear_only_where_it_was_asked_for() {
    let mut net = server("abc", true);
    assert_eq!(ask(&mut net, &["-c", "-k", "abc", "44.1.0.2", "e"]), Ok(()));
    assert_eq!(net.notices(1), [Notice::Exit]);
    assert_eq!(datagram(&mut net, &["-ckabc", "x", "e"], B), b"\x02abc");
    for wrong in [
        &b"\x02ab"[..],
        b"\x02abcd",
        b"\x02",
        b"\x02abc\0",
        b"\x01abc",
    ] {
        net.datagram(0, 1234, (B, 1234), wrong);
    }
    assert_eq!(net.notices(1), []);
    assert_eq!(net.nodes[1].services.counters.remote_resets, 1);
    // Without any key, nobody.
    let mut net = server("", true);
    for octets in [&b"\x02"[..], b"\x02abc"] {
        net.datagram(0, 1234, (B, 1234), octets);
    }
    assert_eq!(net.notices(1), []);
}

#[test]
fn kick() {
    let mut net = server("", false);
    net.start(0, &["echo"]);
    let id = net.connect(1, A, 7);
    net.loss = 1.0;
    net.send(1, id, b"x");
    net.seconds(60);
    net.loss = 0.0;
    let timeouts = |net: &Net| net.nodes[1].station.tcp.view(net.now, id).unwrap().timeouts;
    let before = timeouts(&net);
    // Of hosts with which there is nothing.
    net.datagram(0, 2000, (B, 1234), b"\x03\x2c\x00\x00\x01");
    assert_eq!(timeouts(&net), before);
    ask(&mut net, &["44.1.0.2", "kick"]).unwrap();
    assert_eq!(timeouts(&net), before + 1);
    assert_eq!(net.receive(1, id), b"x");
    net.loss = 1.0;
    net.send(1, id, b"y");
    net.seconds(60);
    net.loss = 0.0;
    ask(&mut net, &["-a", "44.1.0.1", "44.1.0.2", "k"]).unwrap();
    assert_eq!(net.receive(1, id), b"y");
    for wrong in [&b""[..], b"\x03\x2c", b"\x03\x2c\0\0\x01\0", b"\x04", b"\0"] {
        net.datagram(0, 2000, (B, 1234), wrong);
    }
    let counters = &net.nodes[1].services.counters;
    assert_eq!((counters.remote_done, counters.remote_malformed), (3, 5));
    // A flood of them is not looked at.
    for _ in 0..100 {
        net.with(0, |_, station, now, sink| {
            station
                .udp_send_from(now, (A, 9), (B, 1234), b"\x03", sink)
                .unwrap();
        });
    }
    net.seconds(1);
    assert!(net.nodes[1].services.counters.remote_limited > 50);
}

#[test]
fn words() {
    let request = Request {
        host: "h",
        command: Command::Exit,
        port: 99,
        key: Some("k"),
        clear: false,
        kick: None,
    };
    for (words, expected) in [
        (
            &["-p", "99", "-k", "k", "h", "exit"][..],
            Ok(Words::Send(request.clone())),
        ),
        (&["h", "-p99", "-kk", "e"], Ok(Words::Send(request.clone()))),
        (
            &["-a", "b", "h", "kick"],
            Ok(Words::Send(Request {
                command: Command::Kick,
                port: 1234,
                key: None,
                kick: Some("b"),
                ..request.clone()
            })),
        ),
        (
            &["-s", "abc"],
            Ok(Words::Set {
                key: "abc",
                clear: false,
            }),
        ),
        (
            &["-cs", "abc"],
            Ok(Words::Set {
                key: "abc",
                clear: true,
            }),
        ),
        (&["h"], Err("Insufficient args")),
        (&["-p"], Err("Insufficient args")),
        (&["-p", "0", "h", "e"], Err("0 is not a port")),
        (&["-x", "h", "e"], Err("There is no option -x")),
        (&["-xh", "h", "e"], Err("There is no option -x")),
        (&["h", "boot"], Err("Unknown command boot")),
    ] {
        assert_eq!(
            Words::parse(words),
            expected.map_err(str::to_owned),
            "{words:?}"
        );
    }
    assert!(!format!("{request:?}").contains("\"k\""));
    let mut net = Net::new();
    assert!(ask(&mut net, &["44.1.0.2", "exit"]).is_err());
    assert!(ask(&mut net, &["-k", "short", "44.1.0.2", "exit"]).is_err());
    let short = net.with(0, |services, station, now, _| {
        services.set_remote_key(now, station, "short", false)
    });
    assert!(
        short
            .unwrap_err()
            .starts_with("A key has at least 16 characters")
    );
}
