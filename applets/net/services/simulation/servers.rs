//! echo, discard and time.

use super::*;

#[test]
fn what_can_be_started() {
    let mut net = Net::new();
    for (words, expected) in [
        (&["echo"][..], Ok(())),
        (&["echo"], Err("The echo server runs on port 7")),
        (&["discard", "99"], Ok(())),
        (&["time"], Ok(())),
        (&["remote"], Ok(())),
        (&["tcpgate", "convers", "unix:/run/c"], Ok(())),
        (&["tcpgate", "convers", "unix:/run/d"], Ok(())),
        (&["tcpgate", "ttylink"], Ok(())),
        (&["tcpgate"], Err("tcpgate needs a port")),
        (
            &["tcpgate", "7"],
            Err("TCP port 7: address and port are in use"),
        ),
        (&["tcpgate", "70000"], Err("70000 is not a port")),
        (
            &["tcpgate", "5", "a:0"],
            Err("a:0: a port is a number from 1 to 65535"),
        ),
        (&["discard", "x9"], Err("x9 is not a port")),
        (&["discard", "9", "0"], Err("Connections must be 1..16384")),
        (
            &["time", "37", "9"],
            Err("9: there is nothing behind the port"),
        ),
        (&["ftp"], Err("The ftp server is not available")),
        (&["nothing"], Err("There is no server nothing")),
        (&["domain", "53"], Err("The domain server is not available")),
    ] {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(net.try_start(1, words), expected, "{words:?}");
    }
    let listed: Vec<String> = net.nodes[1]
        .services
        .servers()
        .map(|(name, port, to)| {
            format!(
                "{name} {port} {}",
                to.map_or(String::new(), ToString::to_string)
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            "echo 7 ",
            "discard 99 ",
            "time 37 ",
            "remote 1234 ",
            "tcpgate 3600 unix:/run/d",
            "tcpgate 87 127.0.0.1:ttylink"
        ]
    );
    for (words, expected) in [
        (&["echo"][..], Ok(())),
        (&["echo"], Err("The echo server does not run")),
        (&["time"], Ok(())),
        (&["tcpgate", "ttylink"], Ok(())),
        (
            &["tcpgate", "ttylink"],
            Err("The tcpgate server does not run"),
        ),
        (&["tcpgate"], Err("tcpgate needs a port")),
    ] {
        let (name, rest) = words.split_first().unwrap();
        let stopped = net.with(1, |services, station, _, _| {
            services.stop(station, name, rest)
        });
        assert_eq!(stopped, expected.map_err(str::to_owned), "{words:?}");
    }
    net.start(1, &["echo"]);
    assert_eq!(crate::server_name("t"), Some("tcpgate"));
    assert_eq!(crate::server_name("re"), Some("remote"));
    assert_eq!(crate::server_name("x"), None);
}

#[test]
fn echo() {
    let mut net = Net::new();
    net.start(1, &["echo"]);
    let id = net.connect(0, B, 7);
    let data: Vec<u8> = (0..30_000u32).map(|at| (at * 7 + at / 256) as u8).collect();
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < data.len() {
        sent += net.send(0, id, &data[sent..]);
        net.run(Duration::from_millis(20));
        received.append(&mut net.receive(0, id));
    }
    assert_eq!(received, data);
    // Running connections outlive their server.
    net.with(1, |services, station, _, _| {
        services.stop(station, "echo", &[]).unwrap()
    });
    net.send(0, id, b"73");
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(1);
    assert_eq!(net.receive(0, id), b"73");
    assert!(net.nodes[0].station.tcp.is_finished(id));
    net.seconds(40);
    assert!(net.nodes[1].station.tcp.is_empty());
    let port = net.log(1);
    let port: Vec<&str> = port
        .iter()
        .map(|line| line.split(" - ").nth(1).unwrap())
        .collect();
    assert_eq!(port, ["open echo", "close echo"]);
}

#[test]
fn echo_is_bounded_by_what_is_read() {
    let mut net = Net::new();
    net.start(1, &["echo"]);
    let id = net.connect(0, B, 7);
    let mut sent = 0;
    for _ in 0..60 {
        sent += net.send(0, id, &[0; 2048]);
        net.seconds(5);
    }
    // Our queue, its receive buffer, its queue and our receive buffer.
    assert!(sent <= 4 * 2048 + 1024, "{sent}");
    assert!(net.nodes[1].station.tcp.memory() < 20_000);
    let mut received = 0;
    for _ in 0..60 {
        received += net.receive(0, id).len();
        net.seconds(5);
    }
    assert_eq!(received, sent);
}

#[test]
fn discard_takes_everything() {
    let mut net = Net::new();
    net.loss = 0.02;
    net.start(1, &["discard"]);
    let id = net.connect(0, B, 9);
    let mut sent = 0;
    while sent < 100_000 {
        sent += net.send(0, id, &[7; 2048]);
        net.run(Duration::from_millis(100));
    }
    net.with(0, |_, station, _, _| station.tcp.close(id).unwrap());
    net.seconds(60);
    assert_eq!(net.receive(0, id), b"");
    assert!(net.nodes[1].station.tcp.is_empty());
    assert!(net.log(1)[0].ends_with(" - open discard"));
}

#[test]
fn a_silent_connection_does_not_stay_for_ever() {
    let mut net = Net::new();
    net.start(1, &["echo"]);
    net.start(1, &["discard"]);
    let ids = [net.connect(0, B, 7), net.connect(0, B, 9)];
    net.seconds(500);
    net.send(0, ids[0], b"x");
    net.seconds(500);
    assert_eq!(net.state(0, ids[0]), State::Established);
    assert_eq!(net.state(0, ids[1]), State::Closed);
    net.seconds(500);
    assert_eq!(net.state(0, ids[0]), State::Closed);
    assert_eq!(net.nodes[1].services.counters.idle, 2);
    assert!(net.nodes[1].services.poll_timeout().is_none());
}

#[test]
fn time() {
    let mut net = Net::new();
    net.start(1, &["time"]);
    net.seconds(100);
    let answers = net.datagram(0, 2000, (B, 37), b"");
    let [answer] = &answers[..] else {
        panic!("{answers:?}");
    };
    let seconds = u32::from_be_bytes(answer.as_slice().try_into().unwrap());
    assert_eq!(u64::from(seconds), 2_208_988_800 + UNIX + 100);
    // Other servers would answer the answer.
    for port in [7, 19, 37] {
        assert!(net.datagram(0, port, (B, 37), b"?").is_empty());
    }
    let counters = &net.nodes[1].services.counters;
    assert_eq!((counters.time_answers, counters.time_loops), (1, 3));
}
