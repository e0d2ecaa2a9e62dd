//! Sessions over AX.25, and guests who come by it.

use super::*;

/// DB0AAB takes guests at once; somebody at DB0AAA is connected.
fn connected() -> (World, ConsoleId) {
    let (mut world, id) = World::with_terminal();
    world.does(1, "start ax25");
    world.does(1, "ax25 jumpstart db0aaa on");
    assert_eq!(world.line(0, id, "connect db0aab"), "Conn pend\r\n");
    world.second();
    assert_eq!(world.shown(0, id), "Connected\r\nnet> ");
    (world, id)
}

/// What a guest is answered.
fn asks(world: &mut World, id: ConsoleId, line: &str) -> String {
    world.key(0, id, &format!("{line}\r"));
    world.second();
    let shown = world.shown(0, id);
    let shown = shown.strip_prefix(&format!("{line}\r\n")).expect(&shown);
    let shown = shown.strip_suffix("net> ").expect(shown);
    shown.replace("\r\n", "\n")
}

#[test]
fn a_guest_sees_what_is_on_the_air_and_changes_nothing() {
    let (mut world, id) = connected();
    let heard = asks(&mut world, id, "heard");
    assert!(
        heard.starts_with("tnc0:\nStation ") && heard.contains("\nDB0AAA "),
        "{heard}"
    );
    assert!(asks(&mut world, id, "?").contains("bye             connect         dest"));
    assert_eq!(asks(&mut world, id, "help"), asks(&mut world, id, "hel"));
    let links = "Call         Remote  Local Smooth P T State\n";
    assert_eq!(asks(&mut world, id, "l"), links);
    assert_eq!(asks(&mut world, id, ""), "");
    for line in [
        "shell ls",
        "!ls",
        "exit",
        "links add db0aac",
        "ax25 route",
        "start telnet",
        "heard ../x",
        "dest a;b",
        "query \"a b\"",
        "record x",
        "ip address 44.1.1.1",
    ] {
        let unknown = "Unknown command; type \"?\" for list\n";
        assert_eq!(asks(&mut world, id, line), unknown, "{line}");
    }
    let users = asks(&mut world, id, "users");
    assert_eq!(
        users,
        " #       &CB Type   Rcv-Q  State        Remote socket\n"
    );
    assert!(
        world.desks[1]
            .consoles()
            .any(|(_, kind)| kind == Kind::Guest)
    );
    // What is shown to people who wait for nothing begins on a line of its own.
    let guest = world.desks[1].consoles().next().map(|(id, _)| id);
    world.desks[1].show(guest, "news\n");
    world.settle(1);
    world.second();
    assert_eq!(world.shown(0, id), "\r\nnews\r\nnet> ");
    world.key(0, id, "bye\r");
    world.second();
    assert_eq!(world.shown(0, id), "bye\r\nDisconn (Normal)\r\nnet> ");
    assert_eq!(world.desks[1].consoles().count(), 0);
    assert_eq!(
        world.processes[1].log,
        ["DB0AAA - open AX25", "DB0AAA - close AX25"]
    );
}

#[test]
fn the_first_line_begins_the_session_where_nothing_else_does() {
    let (mut world, id) = World::with_terminal();
    world.line(0, id, "connect db0aab");
    world.second();
    assert_eq!(world.shown(0, id), "Connected\r\n");
    world.does(1, "start ax25");
    world.key(0, id, "hello\r");
    world.second();
    assert_eq!(world.shown(0, id), "hello\r\nnet> ");
    // A second session with the same station is none.
    world.key(0, id, "\x1d");
    assert!(world.shown(0, id).ends_with("net> "));
    let refused = world.says(id, "connect db0aab");
    assert!(refused.starts_with("connect failed: "), "{refused}");
    let list = world.says(id, "session");
    let line = list.lines().nth(1).unwrap();
    assert!(line.starts_with("*0  "), "{line}");
    assert!(
        line.ends_with(" AX25       0  Connected    DB0AAA->DB0AAB"),
        "{line}"
    );
    // The server ends, and who is there stays.
    world.does(1, "stop ax25");
    let closed = world.line(0, id, "close");
    assert!(closed.contains("Disc pend\r\n"), "{closed:?}");
    world.second();
    assert_eq!(world.shown(0, id), "\r\x1b[KDisconn (Normal)\r\nnet> ");
    assert_eq!(world.desks[1].consoles().count(), 0);
    // Without a server nobody answers the first line.
    world.line(0, id, "connect db0aab");
    world.second();
    world.shown(0, id);
    world.key(0, id, "hello\r");
    world.second();
    assert_eq!(world.shown(0, id), "hello\r\nDisconn (Normal)\r\nnet> ");
}

#[test]
fn files_go_both_ways() {
    let (mut world, id) = connected();
    world.file(0, "text", "heard\nlinks\n");
    world.key(0, id, "\x1d");
    world.shown(0, id);
    assert_eq!(world.says(id, "record copy"), "Recording into copy\n");
    assert_eq!(world.says(id, "upload text"), "Uploading text\n");
    world.line(0, id, "session 0");
    world.second();
    let shown = world.shown(0, id);
    assert!(
        shown.contains("Station   Last heard") && shown.contains("Smooth P T"),
        "{shown}"
    );
    world.key(0, id, "bye\r");
    world.second();
    let copy = world.file_text(0, "copy");
    assert!(
        copy.starts_with("heard\nlinks\n") && copy.contains("Smooth P T State\nnet> bye\n"),
        "{copy}"
    );
}

#[test]
fn a_guest_who_goes_leaves_no_session_behind() {
    let (mut world, id) = connected();
    world.key(0, id, "connect db0aac\r");
    world.second();
    assert_eq!(world.shown(0, id), "connect db0aac\r\nConn pend\r\n");
    world.does(1, "session");
    assert_eq!(world.desks[1].station.ax25.link_count(), 2);
    world.key(0, id, "\x1d");
    world.shown(0, id);
    world.line(0, id, "close");
    world.run(Duration::from_secs(5));
    assert_eq!(world.desks[1].station.ax25.link_count(), 0);
    assert!(world.desks[1].services.session(0).is_none());
}

#[test]
fn who_does_not_answer_is_given_up() {
    let (mut world, id) = World::with_terminal();
    world.cut = true;
    world.does(0, "ax25 retry 2");
    world.line(0, id, "connect db0aac via db0aab");
    world.run(Duration::from_secs(300));
    assert_eq!(world.shown(0, id), "Disconn (Timeout)\r\nnet> ");
    // What was said of the way is remembered.
    let routes = world.says(id, "ax25 route list db0aac");
    assert!(routes.contains("DB0AAC via DB0AAB"), "{routes}");
    for (line, text) in [
        (
            "connect",
            "Usage: connect <call> [via] [<digipeater> ...]\n",
        ),
        ("connect a-b", "Invalid call \"a-b\"\n"),
        (
            "connect qst",
            "connect failed: no station has this call sign\n",
        ),
    ] {
        assert_eq!(world.says(id, line), text);
    }
}
