//! Sessions: converse mode, the escape character, who a session belongs to, logins.

use super::*;
use crate::table::{Known, TABLE, elsewhere_named};

/// A terminal with a session to the second station's echo server.
fn echo() -> (World, ConsoleId) {
    let (mut world, id) = World::with_terminal();
    world.does(1, "start echo");
    world.key(0, id, "telnet 44.0.0.2 7\r");
    world.second();
    let shown = world.shown(0, id);
    assert_eq!(shown, "telnet 44.0.0.2 7\r\nSYN sent\r\nEstab\r\n");
    (world, id)
}

#[test]
fn lines_go_out_and_answers_are_shown() {
    let (mut world, id) = echo();
    assert_eq!(world.line(0, id, "73"), "");
    world.second();
    assert_eq!(world.shown(0, id), "73\r\n");
    // Without its end.
    world.key(0, id, "part\x14");
    world.second();
    assert_eq!(world.shown(0, id), "partpart");
    // Behind the escape character are commands; what comes meanwhile waits.
    world.key(0, id, "rest\r\x1d");
    world.second();
    assert_eq!(world.shown(0, id), "rest\r\n\r\nnet> ");
    let list = world.says(id, "session");
    assert!(
        list.contains("*0  ") && list.contains("Telnet") && list.contains("Estab"),
        "{list}"
    );
    assert_eq!(world.line(0, id, ""), "rest\r\n");
    world.key(0, id, "\x1d");
    world.shown(0, id);
    // Its states are shown at the prompt as they change.
    world.key(0, id, "close\r");
    let shown = world.shown(0, id);
    assert!(shown.ends_with("\r\x1b[KFINwait1\r\nnet> "), "{shown:?}");
    world.second();
    let shown = world.shown(0, id).replace("\r\x1b[K", "");
    assert_eq!(shown.replace("net> ", ""), "Timewait\r\n");
    world.run(Duration::from_secs(300));
    let shown = world.shown(0, id);
    assert_eq!(shown, "\r\x1b[KClosed (Normal)\r\nnet> ");
    assert_eq!(world.says(id, "close"), "Invalid session\n");
    assert!(!world.says(id, "session").contains("Telnet"));
}

#[test]
fn the_other_side_ends_it() {
    let (mut world, id) = echo();
    let number = {
        let mut views = world.desks[1].station.tcp.views(world.now);
        views.next().unwrap().id
    };
    world.desks[1].station.tcp.abort(number).unwrap();
    world.settle(1);
    world.second();
    assert_eq!(world.shown(0, id), "Closed (Reset/Refused)\r\nnet> ");
    // Nobody is there.
    world.key(0, id, "telnet 44.0.0.2 9\r");
    world.second();
    let shown = world.shown(0, id);
    assert!(
        shown.ends_with("Closed (Reset/Refused)\r\nnet> "),
        "{shown:?}"
    );
}

#[test]
fn reset_and_kick() {
    let (mut world, id) = echo();
    world.key(0, id, "\x1d");
    world.shown(0, id);
    assert_eq!(world.says(id, "kick"), "");
    assert_eq!(world.says(id, "kick 0"), "");
    assert_eq!(world.says(id, "reset 1"), "Invalid session\n");
    let said = world.says(id, "reset");
    assert!(said.contains("Closed (Aborted)"), "{said:?}");
    world.second();
    assert!(!world.says(id, "session").contains("Telnet"));
}

#[test]
fn record_and_upload() {
    let (mut world, id) = echo();
    world.file(0, "poem", "one\ntwo\n");
    world.key(0, id, "\x1d");
    world.shown(0, id);
    assert_eq!(world.says(id, "record"), "Recording off\n");
    assert_eq!(world.says(id, "record r"), "Recording into r\n");
    assert!(world.says(id, "session").contains("Record: r"));
    assert_eq!(
        world.says(id, "upload none"),
        "Can't read none: No such file or directory\n"
    );
    assert_eq!(
        world.says(id, "record r/"),
        "Can't open r/: No such file or directory\n"
    );
    let said = world.says(id, "upload poem");
    assert!(
        said == "Uploading poem\n" || said == "Uploading off\n",
        "{said}"
    );
    world.second();
    assert_eq!(world.says(id, "upload"), "Uploading off\n");
    assert_eq!(world.line(0, id, ""), "one\r\ntwo\r\n");
    assert_eq!(world.line(0, id, "three"), "");
    world.second();
    assert_eq!(world.shown(0, id), "three\r\n");
    world.key(0, id, "\x1d");
    world.shown(0, id);
    assert_eq!(world.says(id, "record off"), "Recording off\n");
    let mut recorded = world.file_text(0, "r");
    assert!(recorded.ends_with("three\nthree\n"), "{recorded}");
    recorded.truncate(recorded.len() - 12);
    // Typed (here: uploaded) and echoed.
    assert_eq!(recorded.matches("one\n").count(), 2, "{recorded}");
    assert_eq!(recorded.matches("two\n").count(), 2, "{recorded}");
}

#[test]
fn nothing_from_the_network_moves_the_terminal() {
    let (mut world, id) = echo();
    // The editor shows what is typed as ^[, and so is what comes back.
    world.key(0, id, "\x16\x1b[2J\x16\u{9b}\r");
    world.shown(0, id);
    world.second();
    let shown = world.shown(0, id);
    assert!(
        shown.starts_with("^[[2J") && !shown.contains('\x1b'),
        "{shown:?}"
    );
}

#[test]
fn a_session_belongs_to_its_console() {
    let (mut world, id) = echo();
    let other = world.open(0, Kind::Attached);
    assert_eq!(world.shown(0, other), "net> ");
    let list = world.line(0, other, "session");
    assert!(list.contains(" 0  ") && list.contains("Telnet"), "{list}");
    let said = world.line(0, other, "session 0");
    assert!(
        said.starts_with("Session 0 is at another console"),
        "{said}"
    );
    assert!(
        world.line(0, other, "").ends_with("net> "),
        "it has no session"
    );
    world.key(0, id, "for me\r");
    world.second();
    assert_eq!(world.shown(0, other), "");
    assert!(world.shown(0, id).ends_with("for me\r\n"));
    // When its console is gone, another takes it, with what has come meanwhile.
    world.key(0, id, "late\r");
    world.desks[0].close(world.now, id);
    world.second();
    assert_eq!(world.line(0, other, "session 0"), "late\r\n");
    world.key(0, other, "more\r");
    world.second();
    assert_eq!(world.shown(0, other), "more\r\nmore\r\n");
    let json = world.open(0, Kind::Script { json: true });
    world.desks[0].run(world.now, &mut world.processes[0], json, "session");
    let shown = world.shown(0, json);
    assert!(shown.contains("\"type\":\"Telnet\""), "{shown}");
    assert!(
        shown.contains(&format!("\"console\":{}", other.0)),
        "{shown}"
    );
}

#[test]
fn two_sessions() {
    let (mut world, id) = echo();
    world.key(0, id, "\x1dtelnet 44.0.0.2 7\r");
    world.second();
    world.shown(0, id);
    world.key(0, id, "second\r");
    world.second();
    assert!(world.shown(0, id).ends_with("second\r\n"));
    world.key(0, id, "\x1d");
    world.shown(0, id);
    let list = world.says(id, "session");
    assert!(list.contains(" 0  ") && list.contains("*1  "), "{list}");
    assert_eq!(world.line(0, id, "session 0"), "");
    world.key(0, id, "first\r");
    world.second();
    assert!(world.shown(0, id).ends_with("first\r\n"));
    // A wrong number forgets nothing.
    world.key(0, id, "\x1d");
    world.shown(0, id);
    assert_eq!(world.says(id, "session 9"), "Session 9 not active\n");
    assert!(world.says(id, "session").contains("*0  "));
}

#[test]
fn who_does_not_read_closes_the_window() {
    let (mut world, id) = World::with_terminal();
    // Characters that never end.
    let long = "0123456789abcdef".repeat(1 << 14);
    world.file(0, "long", &long);
    world.does(1, "start echo");
    world.key(0, id, "telnet 44.0.0.2 7\r");
    world.second();
    world.key(0, id, "\x1dupload long\r\r");
    world.run(Duration::from_secs(600));
    let waits = world.desks[0].output(id).len();
    assert!((4_000..20_000).contains(&waits), "{waits}");
    assert!(!world.desks[0].accepts(id) || waits < 16 << 10);
    let mut shown = String::new();
    for _ in 0..3000 {
        shown += &world.shown(0, id);
        world.run(Duration::from_millis(100));
    }
    assert!(shown.contains(&long), "{}", shown.len());
}

#[test]
fn who_reads_slowly_gets_everything_without_news_from_the_network() {
    let (mut world, id, connection) = server();
    let text = b"line after line\r\n".repeat(8000);
    let mut shown = 0;
    let mut sent = 0;
    for _ in 0..2000 {
        sent += world.send(connection, &text[sent..]);
        world.run(Duration::from_millis(50));
        // As the process does it: after the turn, without another.
        let count = world.desks[0].output(id).len().min(5000);
        shown += count;
        world.desks[0].written(id, count);
    }
    assert_eq!((sent, shown), (text.len(), text.len()));
    // What is there already needs nobody to send anything.
    world.send(connection, &text[..1000]);
    world.second();
    world.key(0, id, "\x1d");
    world.shown(0, id);
    let mut sent = 0;
    for _ in 0..100 {
        sent += world.send(connection, &text[sent..17 * 1900]);
        world.run(Duration::from_millis(500));
    }
    world.cut = true;
    world.key(0, id, "\r");
    let mut shown = 0;
    loop {
        let count = world.desks[0].output(id).len();
        world.desks[0].written(id, count);
        shown += count;
        let due = world.desks[0].poll_timeout();
        if due.is_none_or(|due| due > world.now) {
            break;
        }
        world.settle(0);
    }
    assert!(shown >= 17 * 1900, "{shown}");
}

#[test]
fn a_login_and_what_it_may() {
    let (mut world, id) = World::with_terminal();
    let script = world.open(1, Kind::Script { json: false });
    let text = "hostname db0bbb\nlogin password secret\nstart telnet\n";
    world.desks[1].startup(world.now, &mut world.processes[1], script, text, false);
    assert_eq!(world.shown(1, script), "");
    world.desks[1].close(world.now, script);
    world.key(0, id, "telnet 44.0.0.2\r");
    world.second();
    world.second();
    let shown = world.shown(0, id);
    assert!(shown.to_lowercase().contains("password"), "{shown:?}");
    for key in ["secret", "\r"] {
        world.key(0, id, key);
        world.second();
    }
    let shown = world.shown(0, id);
    assert!(shown.ends_with("db0bbb> "), "{shown:?}");
    // Raw: the other end echoes.
    for key in "hostname\r".chars() {
        world.key(0, id, &key.to_string());
        world.second();
    }
    assert_eq!(world.shown(0, id), "hostname\r\ndb0bbb\r\ndb0bbb> ");
    for key in ["! rm -r /\r", "ping 44.0.0.1\r"] {
        world.key(0, id, key);
        world.second();
    }
    let shown = world.shown(0, id);
    assert!(
        shown.contains("are not for logins") && shown.contains("44.0.0.1"),
        "{shown}"
    );
    assert!(world.processes[1].shells.is_empty());
    assert_eq!(world.desks[1].consoles().count(), 1);
    world.key(0, id, "bye\r");
    world.second();
    let shown = world.shown(0, id);
    assert!(
        shown.contains("Closed (Normal)") && shown.ends_with("net> "),
        "{shown:?}"
    );
    assert_eq!(world.desks[1].consoles().count(), 0);
    assert!(
        world.processes[1]
            .log
            .iter()
            .any(|line| line.contains("TELNET"))
    );
}

#[test]
fn a_script_shows_a_session_to_its_end() {
    let (mut world, _) = World::with_terminal();
    let (text, ended) = world.script("telnet 44.0.0.2 9");
    assert!(
        text.contains("Closed (Reset/Refused)\n") && !text.contains('\r'),
        "{text:?}"
    );
    assert_eq!(ended, Some(false), "nobody is there");
}

#[test]
fn traces_go_to_who_wants_them_and_end_with_him() {
    let (mut world, id) = World::with_terminal();
    let other = world.open(0, Kind::Attached);
    world.shown(0, other);
    world.line(0, other, "icmp trace on");
    world.line(0, other, "tcp trace on");
    world.line(0, other, "trace sl0 11");
    let line = world.lines[0];
    assert_eq!(world.processes[0].traces, [(other.0, line, None)]);
    world.line(0, id, "telnet 44.0.0.2 9");
    world.second();
    let shown = world.shown(0, other);
    assert!(
        shown.contains("TCB ") && shown.contains("SYN sent"),
        "{shown}"
    );
    assert!(!world.shown(0, id).contains("TCB "));
    world.desks[0].trace(line, "IP: len\n");
    assert_eq!(world.shown(0, other), "\r\x1b[KIP: len\r\nnet> ");
    world.key(0, other, "bye\r");
    assert_eq!(world.desks[0].ended(other), Some(true));
    world.desks[0].close(world.now, other);
    assert!(!world.desks[0].station.icmp.trace);
    assert!(!world.desks[0].station.tcp.parameters().trace);
    let flags = |world: &World| world.desks[0].station.interfaces.get(line).unwrap().trace.0;
    assert_eq!(flags(&world), 0);
    // What a script switched on is for whoever is there; what goes to a file ends with nobody.
    world.does(0, "trace sl0 11");
    world.desks[0].trace(line, "IP: len\n");
    assert!(world.shown(0, id).contains("IP: len"));
    let other = world.open(0, Kind::Attached);
    world.shown(0, other);
    world.line(0, other, "trace sl0 11 file");
    world.desks[0].close(world.now, other);
    assert_eq!(flags(&world), 0x11);
    // At the terminal itself, bye does nothing.
    world.key(0, id, "bye\r");
    assert_eq!(world.desks[0].ended(id), None);
}

#[test]
fn every_command_is_known_to_somebody() {
    for entry in &TABLE {
        if matches!(entry.what, Known::Elsewhere) {
            assert!(elsewhere_named(entry.name).is_some(), "{}", entry.name);
        }
    }
    // And what others know is in the table.
    for entry in wanbox_net_commands::COMMANDS {
        let found = TABLE.iter().find(|known| known.name == entry.name);
        assert!(
            matches!(found.map(|found| found.what), Some(Known::Elsewhere)),
            "{}",
            entry.name
        );
    }
}

/// A terminal with a session to somebody who answers as the test wants.
fn server() -> (World, ConsoleId, Id) {
    let (mut world, id) = World::with_terminal();
    world.does(0, "tcp window 60000");
    let listener = world.listen(4000);
    world.key(0, id, "telnet 44.0.0.2 4000\r");
    world.second();
    let connection = world.accept(listener);
    world.shown(0, id);
    (world, id, connection)
}

#[test]
fn a_raw_session_gets_every_key_and_the_whole_screen() {
    let (mut world, id, connection) = server();
    world.send(connection, b"\x1b[1mcooked\r\n");
    world.second();
    assert_eq!(world.shown(0, id), "^[[1mcooked\r\n");
    world.send(connection, b"\xff\xfb\x01");
    world.second();
    world.key(0, id, "a\x01\x1b[A\r");
    world.second();
    assert_eq!(world.received(connection), b"\xff\xfd\x01a\x01\x1b[A\r\0");
    world.send(connection, b"\x1b[1mraw");
    world.second();
    assert_eq!(world.shown(0, id), "\x1b[1mraw");
    // The escape character works there too, and lines are edited behind it.
    world.key(0, id, "x\x1dhostnamx\x08e");
    assert_eq!(world.shown(0, id), "\r\nnet> hostnamx\x08 \x08e");
    world.key(0, id, "\r");
    assert_eq!(world.shown(0, id), "\r\nnet\r\nnet> ");
    world.second();
    assert_eq!(world.received(connection), b"x");
    // Back to the session, which is raw still; then it is not.
    world.key(0, id, "\ry");
    world.second();
    assert_eq!(world.received(connection), b"y");
    world.send(connection, b"\xff\xfc\x01");
    world.second();
    world.key(0, id, "line");
    world.second();
    assert_eq!(world.received(connection), b"\xff\xfe\x01");
    world.key(0, id, "\r");
    world.second();
    assert_eq!(world.received(connection), b"line\r\n");
}

#[test]
fn no_way_out_without_an_escape_character_but_the_end() {
    let (mut world, id, connection) = server();
    world.key(0, id, "\x1descape \"\\0\"\r\r");
    world.shown(0, id);
    world.key(0, id, "\x1dhostname\r");
    world.second();
    assert_eq!(world.received(connection), b"\x1dhostname\r\n");
    world.shown(0, id);
    world.desks[1].station.tcp.abort(connection).unwrap();
    world.settle(1);
    world.second();
    assert_eq!(world.shown(0, id), "Closed (Reset/Refused)\r\nnet> ");
}

#[test]
fn a_server_that_does_not_read_keeps_nobody() {
    let (mut world, id, _) = server();
    world.cut = true;
    let line = "x".repeat(1000) + "\r";
    let mut typed = 0;
    while world.desks[0].accepts(id) {
        world.key(0, id, &line);
        world.shown(0, id);
        typed += 1;
        assert!(typed < 1000, "what is typed is bounded");
    }
    world.key(0, id, "\x1d");
    assert!(world.shown(0, id).ends_with("net> "));
    assert_eq!(world.says(id, "hostname"), "net\n");
}

#[test]
fn a_hostile_server_costs_no_time() {
    let (mut world, id, connection) = server();
    // Questions that nobody reads the answers to.
    let flood = b"\xff\xfd\x18".repeat(20_000);
    let mut sent = 0;
    for _ in 0..300 {
        sent += world.send(connection, &flood[sent..]);
        world.run(Duration::from_millis(100));
        world.shown(0, id);
    }
    let idle = world.desks[0].poll_timeout();
    assert!(
        idle.is_none_or(|due| due > world.now),
        "it does not turn for nothing"
    );
    assert!(world.desks[0].station.tcp.memory() < 1 << 20);
    world.key(0, id, "\x1d");
    assert!(world.shown(0, id).ends_with("net> "));
    world.says(id, "reset");
}

#[test]
fn a_file_that_opens_a_session_ends_in_command_mode() {
    let (mut world, id) = World::with_terminal();
    world.does(1, "start echo");
    world.file(0, "call", "telnet 44.0.0.2 7\nhostname\n");
    let said = world.says(id, "source call");
    assert!(
        said.starts_with("net\nnet> ") && said.ends_with("SYN sent\n"),
        "{said:?}"
    );
    world.second();
    assert_eq!(world.shown(0, id), "\r\x1b[KEstab\r\nnet> ");
    assert!(world.says(id, "session").contains("*0  "));
    assert_eq!(world.line(0, id, ""), "");
}

#[test]
fn logins_leave_room_for_who_is_there() {
    let mut world = World::new();
    let desk = &mut world.desks[0];
    let logins = std::iter::from_fn(|| desk.open(Kind::Login).ok()).count();
    let others = std::iter::from_fn(|| desk.open(Kind::Attached).ok()).count();
    assert!(logins >= 16 && others >= 16, "{logins} {others}");
    assert_eq!(
        desk.open(Kind::Terminal).unwrap_err().to_string(),
        "there are too many consoles already"
    );
}

#[test]
fn what_is_pasted_waits_for_what_is_before_it() {
    let (mut world, id) = World::with_terminal();
    world.does(1, "start echo");
    // The shell is waited for, and the session takes what is behind its command.
    world.key(
        0,
        id,
        "! ls\rhostname\rtelnet 44.0.0.2 7\rfor the session\r",
    );
    assert_eq!(world.shown(0, id), "! ls\r\n");
    world.desks[0].shell_done(world.now, &mut world.processes[0], id, 0);
    world.settle(0);
    world.second();
    let shown = world.shown(0, id);
    assert!(
        shown.starts_with("net> hostname\r\nnet\r\nnet> telnet"),
        "{shown:?}"
    );
    assert!(shown.ends_with("Estab\r\nfor the session\r\n"), "{shown:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_server_sends(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..2000)) {
        let (mut world, id, connection) = server();
        let octets: Vec<u8> = octets.into_iter().filter(|octet| *octet != 0xff).collect();
        world.send(connection, &octets);
        world.second();
        let shown = world.shown(0, id);
        let harmless = |c: char| !c.is_control() || "\r\n\t\x08\x07".contains(c);
        proptest::prop_assert!(shown.chars().all(harmless), "{:?}", shown);
    }
}
