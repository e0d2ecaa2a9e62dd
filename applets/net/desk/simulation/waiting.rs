//! Files of commands, what is repeated, scripts, and what a line waits for.

use super::*;

#[test]
fn a_startup_file() {
    let mut world = World::new();
    let id = world.desks[0].open(Kind::Terminal).unwrap();
    let long = "x".repeat(3000);
    let text = format!(
        "hostname db0aaa\r\n\n# comment\nnonsense\nfkey 1 \"{long}\"\nip ttl 30\ndelete a\nicmp trace maybe"
    );
    world.desks[0].startup(world.now, &mut world.processes[0], id, &text, false);
    let shown = world.shown(0, id).replace("\r\n", "\n");
    assert_eq!(
        shown,
        "Unknown command; type \"?\" for list\ninput line: nonsense\n\
         Can't delete a: No such file or directory\ninput line: delete a\n\
         Valid options: y yes true on 1 set enable n no false off 0 clear disable\n\
         input line: icmp trace maybe\ndb0aaa> "
    );
    assert_eq!(world.desks[0].station.ip.ttl, 30);
}

#[test]
fn a_startup_file_with_every_line_shown() {
    let mut world = World::new();
    let id = world.open(0, Kind::Script { json: false });
    let text = "# comment\n\nhostname x\nnonsense\n";
    world.desks[0].startup(world.now, &mut world.processes[0], id, text, true);
    assert_eq!(
        world.shown(0, id),
        "# comment\n\nhostname x\nnonsense\nUnknown command; type \"?\" for list\ninput line: nonsense\n"
    );
    assert_eq!(world.desks[0].ended(id), Some(false));
}

#[test]
fn files_name_files() {
    let (mut world, id) = World::with_terminal();
    world.file(
        0,
        "a",
        "hostname one\nsource b\nhostname\nnonsense\nhostname",
    );
    world.file(0, "b", "hostname two\n");
    assert_eq!(
        world.says(id, "source a"),
        "two\nUnknown command; type \"?\" for list\ntwo\n"
    );
    world.file(0, "loop", "source loop\n");
    let said = world.says(id, "source loop");
    assert_eq!(said, "source loop: files are nested too deeply\n");
    assert_eq!(world.script("source a").1, Some(false));
    assert_eq!(world.script("source b"), (String::new(), Some(true)));
}

#[test]
fn what_is_repeated_ends_with_a_key() {
    let (mut world, id) = World::with_terminal();
    const CLEAR: &str = "\x1b[H\x1b[J\x1bH\x1bJ";
    world.key(0, id, "repeat 500 hostname\r\n");
    assert_eq!(world.shown(0, id), "repeat 500 hostname\r\n");
    world.run(Duration::from_millis(1));
    assert_eq!(world.shown(0, id), format!("{CLEAR}net\r\n"));
    world.run(Duration::from_millis(499));
    assert_eq!(world.shown(0, id), format!("{CLEAR}net\r\n"));
    world.run(Duration::from_millis(2000));
    assert_eq!(world.shown(0, id), format!("{CLEAR}net\r\n").repeat(4));
    world.key(0, id, "h");
    assert_eq!(world.shown(0, id), "net> h");
    world.run(Duration::from_secs(10));
    assert_eq!(world.shown(0, id), "");
    // A failure ends it too.
    world.key(0, id, "\x15repeat 1 nonsense\r");
    world.shown(0, id);
    world.second();
    assert_eq!(
        world.shown(0, id),
        format!("{CLEAR}Unknown command; type \"?\" for list\r\nnet> ")
    );
}

#[test]
fn who_is_heard_is_shown_in_place_until_a_key() {
    let (mut world, id) = World::with_terminal();
    const HEAD: &str = "Station    Last heard       Pkts  Interface  Protocols        Via";
    let frame = format!("\x1b[H\x1b[?7l{HEAD}\x1b[K\r\n\x1b[J\x1b[?7h");
    world.key(0, id, "ax25 heard live\r");
    world.run(Duration::from_millis(1));
    let first = format!("ax25 heard live\r\n{HEAD}\r\n{frame}");
    assert_eq!(world.shown(0, id), first);
    world.run(Duration::from_millis(2999));
    assert_eq!(world.shown(0, id), frame.repeat(3));
    world.key(0, id, "q");
    assert_eq!(world.shown(0, id), "net> q");
    world.run(Duration::from_secs(10));
    assert_eq!(world.shown(0, id), "");
    // Repeated by hand it is a list as any other.
    world.key(0, id, "\x15repeat 1 ax25 heard live\r");
    world.shown(0, id);
    world.run(Duration::from_millis(1));
    let shown = world.shown(0, id);
    assert!(shown.ends_with(&format!("{HEAD}\r\n")), "{shown:?}");
    world.key(0, id, "\r");
    // For a script it is a list, and that is all.
    let script = world.open(0, Kind::Script { json: false });
    let line = "ax25 heard live";
    world.desks[0].run(world.now, &mut world.processes[0], script, line);
    assert_eq!(world.shown(0, script), format!("{HEAD}\n"));
    assert_eq!(world.desks[0].ended(script), Some(true));
}

#[test]
fn nothing_is_repeated_for_who_does_not_read() {
    let (mut world, id) = World::with_terminal();
    world.key(0, id, "repeat 1 ?\r");
    world.run(Duration::from_secs(60));
    assert!(world.desks[0].output(id).len() < 20_000);
    assert!(world.shown(0, id).len() > 8_000);
    world.key(0, id, "\r");
    assert!(world.shown(0, id).ends_with("net> "));
}

#[test]
fn a_ping_and_its_reply() {
    let (mut world, id) = World::with_terminal();
    assert_eq!(world.says(id, "ping 44.0.0.2"), "");
    world.key(0, id, "host");
    world.shown(0, id);
    world.second();
    let shown = world.shown(0, id);
    assert!(shown.starts_with("\r\x1b[K44.0.0.2"), "{shown:?}");
    assert!(shown.ends_with("\r\nnet> host"), "{shown:?}");
    // Who did not ask is not told.
    let other = world.open(0, Kind::Attached);
    world.shown(0, other);
    world.key(0, id, "\x15ping 44.0.0.2\r");
    world.second();
    assert_eq!(world.shown(0, other), "");
    assert!(world.shown(0, id).contains("44.0.0.2"));
}

#[test]
fn everybody_is_told_of_his_own_ping() {
    let (mut world, id) = World::with_terminal();
    let other = world.open(0, Kind::Attached);
    world.shown(0, other);
    // Of two who ask the same host each is told once; of two messages that went one after the other, the right one.
    for length in ["64", "8"] {
        world.key(0, id, &format!("ping 44.0.0.2 {length}\r"));
        world.run(Duration::from_millis(1));
        world.key(0, other, &format!("ping 44.0.0.2 {length}\r"));
        world.second();
        for id in [id, other] {
            let shown = world.shown(0, id);
            assert_eq!(shown.matches("echo reply").count(), 1, "{shown:?}");
        }
    }
    // A reply that nobody asked for, and one that was waited for by a console that is gone.
    world.key(0, other, "ping 44.0.0.2\r");
    world.desks[0].close(world.now, other);
    world.second();
    assert_eq!(world.shown(0, id), "");
}

#[test]
fn a_script_waits_for_the_reply() {
    let mut world = World::new();
    let (text, ended) = world.script("ping 44.0.0.2");
    assert!(
        text.starts_with("44.0.0.2") && ended == Some(true),
        "{text}"
    );
    world.cut = true;
    let (text, ended) = world.script("ping 44.0.0.2");
    assert_eq!(
        (text.as_str(), ended),
        ("44.0.0.2: no reply\n", Some(false))
    );
    assert_eq!(
        world.script("nonsense"),
        (
            "Unknown command; type \"?\" for list\n".to_owned(),
            Some(false)
        )
    );
    assert_eq!(world.script("hostname"), ("net\n".to_owned(), Some(true)));
    assert_eq!(world.script("# nothing"), (String::new(), Some(true)));
}

#[test]
fn a_script_gets_lists_as_json() {
    let mut world = World::new();
    let id = world.open(0, Kind::Script { json: true });
    world.desks[0].run(world.now, &mut world.processes[0], id, "session");
    assert_eq!(world.shown(0, id), "[]\n");
    assert_eq!(world.desks[0].ended(id), Some(true));
    for (line, shown) in [
        ("hostname", "{\"hostname\":\"net\"}\n"),
        ("log", "{\"log\":null}\n"),
        ("escape", "{\"escape\":29}\n"),
        ("echo", "{\"echo\":\"Accept\"}\n"),
        ("eol", "{\"eol\":\"standard\"}\n"),
        ("topt", "{\"telnet_option_tracing\":false}\n"),
        ("tcp mss", "{\"tcp_mss\":512}\n"),
    ] {
        let id = world.open(0, Kind::Script { json: true });
        world.desks[0].run(world.now, &mut world.processes[0], id, line);
        assert_eq!(world.shown(0, id), shown);
    }
}

#[test]
fn shells() {
    let (mut world, id) = World::with_terminal();
    world.key(0, id, "! grep \"a  b\" f # c\r");
    // It may write to the same terminal: everything before it is written first.
    assert!(world.processes[0].shells.is_empty());
    assert!(!world.desks[0].accepts(id));
    world.shown(0, id);
    world.second();
    let shell = (id.0, "grep \"a  b\" f # c".to_owned());
    assert_eq!(world.processes[0].shells, [shell]);
    assert!(!world.desks[0].accepts(id));
    world.key(0, id, "not for the desk\r");
    world.desks[0].shell_output(id, b"one\ntwo\x1b[m\r\n");
    assert_eq!(world.shown(0, id), "one\r\ntwo\x1b[m\r\n");
    world.desks[0].shell_done(world.now, &mut world.processes[0], id, 1);
    assert_eq!(world.shown(0, id), "net> ");
    assert!(world.desks[0].accepts(id));
    world.key(0, id, "shell\r");
    world.shown(0, id);
    assert_eq!(world.processes[0].shells[1].1, "");
    // A script is done when the shell is, and as that was.
    let script = world.open(0, Kind::Script { json: false });
    world.desks[0].run(world.now, &mut world.processes[0], script, "! false");
    world.settle(0);
    assert_eq!(world.desks[0].ended(script), None);
    world.desks[0].shell_output(script, b"x\n");
    world.desks[0].shell_done(world.now, &mut world.processes[0], script, 1);
    assert_eq!(world.desks[0].ended(script), Some(false));
    assert_eq!(world.shown(0, script), "x\n");
    assert_eq!(world.script("shell").0, "Usage: shell <command>\n");
}

/// The question of the first desk is answered so.
fn answer(world: &mut World, known: Option<[u8; 4]>) {
    let now = world.now;
    let (mut asked, mut to) = (Vec::new(), 0);
    for (at, (_, station, _, packet)) in world.under_way.iter().enumerate() {
        if *station == 1 && packet.get(22..24) == Some(&[0, 53]) {
            (asked, to) = (packet.clone(), at);
        }
    }
    assert!(!asked.is_empty(), "no question");
    world.under_way.remove(to);
    // The question with an answer behind it, from the server.
    let mut message = asked[28..].to_vec();
    message[2] = 0x81;
    message[3] = if known.is_some() { 0x80 } else { 0x83 };
    if let Some(address) = known {
        message[7] = 1;
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4]);
        message.extend(address);
    }
    let port = u16::from_be_bytes([asked[20], asked[21]]);
    let socket = world.desks[1]
        .station
        .udp_bind(
            [44, 0, 0, 2].into(),
            53,
            wanbox_net_engine::udp::Owner::User,
        )
        .unwrap();
    let sink = &mut world.processes[1].lines;
    world.desks[1]
        .station
        .udp_send(now, socket, ([44, 0, 0, 1].into(), port), &message, sink)
        .unwrap();
    world.desks[1].station.udp.close(socket);
    world.settle(1);
}

#[test]
fn a_name_that_has_to_be_asked_for() {
    let (mut world, id) = World::with_terminal();
    world.desks[0]
        .station
        .resolver
        .set_servers(&[[44, 0, 0, 2].into()]);
    world.key(0, id, "ping db0bbb.ampr.org.\r");
    assert_eq!(world.shown(0, id), "ping db0bbb.ampr.org.\r\n");
    answer(&mut world, Some([44, 0, 0, 2]));
    world.second();
    let shown = world.shown(0, id);
    assert!(shown.starts_with("net> \r\x1b[K44.0.0.2: "), "{shown:?}");
    // Nobody knows it.
    world.key(0, id, "ping db0ccc.ampr.org.\r");
    world.shown(0, id);
    answer(&mut world, None);
    world.second();
    assert_eq!(world.shown(0, id), "Host db0ccc.ampr.org. unknown\r\nnet> ");
    // A key ends the waiting, and what comes later is too late.
    world.key(0, id, "ping db0ddd.ampr.org.\r");
    world.shown(0, id);
    world.key(0, id, "h");
    assert_eq!(world.shown(0, id), "net> h");
    answer(&mut world, Some([44, 0, 0, 2]));
    world.second();
    assert_eq!(world.shown(0, id), "");
}

#[test]
fn servers_that_are_silent() {
    let mut world = World::new();
    world.desks[0]
        .station
        .resolver
        .set_servers(&[[44, 0, 0, 2].into()]);
    world.cut = true;
    let id = world.open(0, Kind::Script { json: false });
    world.desks[0].run(
        world.now,
        &mut world.processes[0],
        id,
        "ping db0bbb.ampr.org.",
    );
    world.settle(0);
    world.run(Duration::from_secs(300));
    assert_eq!(world.desks[0].ended(id), Some(false));
    let shown = world.shown(0, id);
    assert_eq!(shown, "Host db0bbb.ampr.org. unknown\n");
}

#[test]
fn lines_of_traces_are_dropped_for_who_does_not_read() {
    let (mut world, id) = World::with_terminal();
    for _ in 0..10_000 {
        world.desks[0].trace(world.lines[0], "IP: len 40 and so on\n");
    }
    assert!(world.desks[0].output(id).len() < 70_000);
    assert!(!world.desks[0].accepts(id));
    let shown = world.shown(0, id);
    let lines = shown.matches("IP: len 40 and so on\r\n").count();
    let said = format!("*** {} texts were left out\r\n", 10_000 - lines);
    assert!(lines > 1000 && shown.contains(&said), "{lines} lines");
    assert!(shown.ends_with("net> "));
    // And then, as before.
    world.desks[0].trace(world.lines[0], "IP: len 41\n");
    assert!(!world.shown(0, id).contains("***"));
}
