//! What commands are found, what they say, and what they say to wrong use.

use super::*;
use crate::own;
use crate::table::TABLE;
use wanbox_net_console::table::find;

#[test]
fn abbreviations_mean_what_they_did() {
    for (word, command) in [
        ("c", "connect"),
        ("cl", "close"),
        ("d", "disconnect"),
        ("de", "delete"),
        ("do", "domain"),
        ("e", "echo"),
        ("ex", "exit"),
        ("f", "finger"),
        ("i", "icmp"),
        ("if", "ifconfig"),
        ("ip", "ip"),
        ("ipf", "ipfilter"),
        ("l", "log"),
        ("m", "memory"),
        ("n", "netrom"),
        ("p", "param"),
        ("r", "record"),
        ("re", "record"),
        ("rem", "remote"),
        ("res", "reset"),
        ("ri", "rip"),
        ("ro", "route"),
        ("s", "status"),
        ("st", "status"),
        ("sta", "status"),
        ("stat", "status"),
        ("se", "session"),
        ("star", "start"),
        ("sto", "stop"),
        ("t", "tcp"),
        ("u", "udp"),
        ("!", "!"),
    ] {
        assert_eq!(find(&TABLE, word).unwrap().name, command, "{word}");
    }
    for word in ["!ls", "IP", "helP", "connection"] {
        assert!(find(&TABLE, word).is_none(), "{word}");
    }
}

#[test]
fn lists_and_unknown_commands() {
    let (mut world, id) = World::with_terminal();
    let list = world.says(id, "?");
    let first = format!("{:16}{:16}{:16}{:16}attach\n", "", "!", "arp", "asystat");
    assert!(list.starts_with(&first), "{list}");
    assert!(
        list.ends_with(&format!("{:16}{:16}\n\n", "udp", "upload")),
        "{list}"
    );
    assert_eq!(world.says(id, "?anything"), list);
    let unknown = "Unknown command; type \"?\" for list\n";
    for line in ["nonsense", "!ls", "IP", "\"no such\""] {
        assert_eq!(world.says(id, line), unknown, "{line}");
    }
    assert_eq!(world.says(id, "# a comment"), "");
    assert_eq!(world.says(id, ""), "");
    assert!(
        world
            .says(id, "fkey 1 \"x\\")
            .starts_with("the line ends with a backslash")
    );
}

#[test]
fn wrong_use() {
    let (mut world, id) = World::with_terminal();
    for (line, said) in [
        ("delete", "Usage: delete <file>\n"),
        ("delete a", "Can't delete a: No such file or directory\n"),
        ("mkdir", "Usage: mkdir <directory>\n"),
        ("mkdir a/", "Can't make a/: No such file or directory\n"),
        ("rmdir", "Usage: rmdir <directory>\n"),
        ("rmdir a/", "Can't remove a/: No such file or directory\n"),
        ("rename a", "Usage: rename <oldfile> <newfile>\n"),
        ("rename a b", "Can't rename a: No such file or directory\n"),
        ("fkey 1", "Usage: fkey <key#> <text>\n"),
        ("fkey 0 x", "key# must be 1..12\n"),
        ("fkey 13 x", "key# must be 1..12\n"),
        ("fkey x x", "key# must be 1..12\n"),
        ("repeat", "Usage: repeat [<interval>] <command> [args...]\n"),
        ("source", "Usage: source <filename>\n"),
        ("source a", "Can't open a: No such file or directory\n"),
        ("close", "Invalid session\n"),
        ("close 3", "Invalid session\n"),
        ("disconnect x", "Invalid session\n"),
        ("reset -1", "Invalid session\n"),
        ("kick 99999999999999999999", "Invalid session\n"),
        ("session 7", "Session 7 not active\n"),
        ("session x", "Session x not active\n"),
        ("record", "No current session\n"),
        ("record f", "No current session\n"),
        ("upload f", "No current session\n"),
        ("echo maybe", "Usage: echo [accept|refuse]\n"),
        ("eol maybe", "Usage: eol [standard|null]\n"),
        (
            "topt maybe",
            "Valid options: y yes true on 1 set enable n no false off 0 clear disable\n",
        ),
        ("log f/", "Can't write to f/: No such file or directory\n"),
        ("! none", "Can't run a shell: No such file or directory\n"),
        ("login pass", "Usage: login password <password>|off\n"),
        ("login auto", "Auto login: on\n"),
        ("login create", "Create account: off\n"),
        (
            "login create on",
            "login create: accounts take a station that was started with --logins\n",
        ),
        ("login create", "Create account: off\n"),
        ("login default", "Default user name \"guest\"\n"),
        (
            "login default -froot",
            "Default user name: at most 15 letters, digits, '.', '-' and '_'\n",
        ),
        ("login gid", "Group ID: 400\n"),
        ("login homedir", "Home directory \"/home/funk\"\n"),
        ("login log", "Logfile directory \"\"\n"),
        ("login maxuid", "Max user ID: 32000\n"),
        ("login minuid 0", "Min user ID must be 1..32000\n"),
        ("login program", "Login program: \"console\"\n"),
        (
            "login program sh",
            "Usage: login program [console|shell|/<program> ...]\n",
        ),
        ("login shell", "Login shell \"\"\n"),
        ("login telnet", "Login telnet: console\n"),
        (
            "login telnet host",
            "login telnet: that takes a station that was started with --logins\n",
        ),
        ("login telnet on", "Usage: login telnet [console|host]\n"),
        ("ftp host", "ftp: this build has no FTP\n"),
    ] {
        assert_eq!(world.says(id, line), said, "{line}");
    }
    assert!(
        world
            .says(id, "hostname \"a\\x1b[2J\"")
            .starts_with("hostname: ")
    );
}

#[test]
fn settings() {
    let (mut world, id) = World::with_terminal();
    assert_eq!(world.says(id, "hostname"), "net\n");
    assert_eq!(world.says(id, "hostname db0aaa.ampr.org."), "");
    assert_eq!(world.says(id, "hostname"), "db0aaa.ampr.org\n");
    assert_eq!(world.says(id, "echo"), "Accept\n");
    world.says(id, "echo refuse");
    assert_eq!(world.says(id, "echo"), "Refuse\n");
    assert_eq!(world.says(id, "eol"), "standard\n");
    world.says(id, "eol n");
    assert_eq!(world.says(id, "eol"), "null\n");
    assert_eq!(world.says(id, "topt"), "Telnet option tracing: off\n");
    world.says(id, "topt YES");
    assert_eq!(world.says(id, "topt"), "Telnet option tracing: on\n");
    assert_eq!(world.says(id, "escape"), "0x1d\n");
    world.says(id, "escape \"\\x1c\"");
    assert_eq!(world.says(id, "escape"), "0x1c\n");
    world.says(id, "escape \"\\0\"");
    assert_eq!(world.says(id, "escape"), "0x0\n");
    assert_eq!(world.says(id, "log"), "Logging off\n");
    world.says(id, "log net.log");
    assert_eq!(world.says(id, "log"), "Logging to net.log\n");
    world.says(id, "log stop");
    assert_eq!(world.says(id, "log"), "Logging off\n");
    // Settings are those of the desk: another console has them too.
    world.says(id, "fkey 1 \"hostname\\r\"");
    let other = world.open(0, Kind::Attached);
    world.shown(0, other);
    world.key(0, other, "\x1b[11~");
    assert_eq!(
        world.shown(0, other),
        "hostname\r\ndb0aaa.ampr.org\r\ndb0aaa.ampr.org> "
    );
    assert!(!world.processes[0].exits);
    world.says(id, "exit");
    assert!(world.processes[0].exits);
}

#[test]
fn the_name_of_an_interface_is_that_of_its_address() {
    let (mut world, id) = World::with_terminal();
    let hosts = &mut world.desks[0].station.resolver.hosts;
    hosts.read_hosts("44.0.0.1 db0aaa\n");
    world.says(id, "hostname sl0");
    assert_eq!(world.says(id, "hostname"), "db0aaa.ampr.org\n");
}

#[test]
fn files() {
    let (mut world, id) = World::with_terminal();
    world.file(0, "a", "text");
    assert_eq!(world.says(id, "rename a b"), "");
    assert_eq!(world.file_text(0, "b"), "text");
    world.file(0, "c", "");
    assert_eq!(
        world.says(id, "delete b x c"),
        "Can't delete x: No such file or directory\n"
    );
    assert!(world.processes[0].files.borrow().is_empty());
    assert_eq!(world.says(id, "mkdir d"), "");
    assert_eq!(world.says(id, "rmdir d"), "");
}

#[test]
fn logins_get_no_files_and_programs_of_the_host() {
    let words = |line| wanbox_net_console::words::split(line).unwrap();
    let may = |kind, line| {
        let words = words(line);
        let name = words[0].text().into_owned();
        own::may_run(kind, &name, &words).is_ok()
    };
    for line in [
        "! ls",
        "shell",
        "delete x",
        "source x",
        "log x",
        "record x",
        "upload x",
        "login program /bin/sh",
        "login logfiledir \"\"",
        "login create on",
    ] {
        assert!(!may(Kind::Login, line), "{line}");
        assert!(
            may(Kind::Attached, line) && may(Kind::Terminal, line),
            "{line}"
        );
    }
    assert!(!may(Kind::Login, "trace sl0 111 file") && may(Kind::Login, "trace sl0 111"));
    for line in [
        "record",
        "record off",
        "login program",
        "log",
        "log stop",
        "tcp status",
        "session",
    ] {
        assert!(may(Kind::Login, line), "{line}");
    }
}

#[test]
fn what_names_bring_in_is_harmless() {
    let (mut world, id) = World::with_terminal();
    let said = world.says(id, "source \"\\x1b]0;title\\x07\"");
    assert!(said.starts_with("Can't open ^[]0;title"), "{said:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_octets(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        crate::fuzz::fuzz_desk(wanbox_sim::Clock::new().now(), &octets);
    }

    #[test]
    fn any_words(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let line: String = words.iter().map(|at| format!("{} ", WORDS[*at])).collect();
        let octets = format!("\u{40}{line}\r");
        crate::fuzz::fuzz_desk(wanbox_sim::Clock::new().now(), octets.as_bytes());
    }
}

/// What lines are made of.
const WORDS: [&str; 48] = [
    "\r",
    "\r",
    "\r",
    "\x1d",
    "f",
    "f",
    "x",
    "1",
    "5",
    "127.0.0.1",
    "44.0.0.1",
    "7",
    "9",
    "off",
    "on",
    "status",
    "telnet 127.0.0.1 7\r",
    "finger @127.0.0.1\r",
    "source f\r",
    "repeat 1",
    "repeat",
    "session",
    "close",
    "reset",
    "kick",
    "record f",
    "record off",
    "upload f",
    "upload stop",
    "! ls",
    "shell",
    "fkey 1 f",
    "escape x",
    "ping",
    "tcp",
    "ip",
    "icmp",
    "trace",
    "loopback",
    "start",
    "stop",
    "discard",
    "telnet",
    "\x1b[A",
    "\x1b[11~",
    "bye",
    "hostname x",
    "?",
];

#[test]
fn how_commands_are_used() {
    let (mut world, id) = World::with_terminal();
    for (line, usage) in [
        ("attach", "attach <hardware> <hw specific options>"),
        ("finger", "finger name@host"),
        ("param", "param <interface>"),
        (
            "remote x",
            "remote [-p port] [-k key] [-a kickaddr] <address> exit|reset|kick",
        ),
        ("start", "start <servername>"),
        ("stop", "stop <servername>"),
        ("telnet", "telnet <address>"),
        ("domain query", "domain query <name|addr>"),
        ("rip add", "rip add <dest> <interval> [<flags>]"),
        ("rip drop", "rip drop <dest>"),
        ("rip refuse", "rip refuse <gateway>"),
        ("route drop", "route drop <dest addr>[/<bits>]"),
        ("route lookup", "route lookup <dest addr>"),
        ("tcp kick", "tcp kick <tcb>"),
        ("tcp reset", "tcp reset <tcb>"),
        ("tcp rtt 1", "tcp rtt <tcb> <val>"),
    ] {
        assert_eq!(world.says(id, line), format!("Usage: {usage}\n"), "{line}");
    }
    for line in [
        "arp ?",
        "attach ?",
        "icmp ?",
        "ip ?",
        "ipfilter ?",
        "rip ?",
        "route ?",
        "tcp ?",
        "udp ?",
    ] {
        let name = line.trim_end_matches(" ?");
        let said = world.says(id, line);
        assert!(
            said.starts_with(&format!("\"{name}\" subcommands:\n")),
            "{line}: {said}"
        );
        assert!(said.ends_with("\n\n"), "{line}: {said}");
    }
    for line in [
        "arp",
        "asystat",
        "icmp status",
        "ifconfig",
        "ip status",
        "memory status",
        "ps",
        "rip status",
    ] {
        let said = world.says(id, line);
        assert!(
            !said.contains("Usage") && !said.contains("Unknown command"),
            "{line}: {said}"
        );
    }
    let status = world.says(id, "status");
    for name in ["AX.25", "NETROM", "TCP", "UDP"] {
        assert!(status.contains(&format!("- {name} -")), "{status}");
    }
}

#[test]
fn an_interface_is_attached_and_used() {
    let (mut world, id) = World::with_terminal();
    assert_eq!(world.says(id, "attach asy 0 0 slip sl1 0 256 9600"), "");
    assert!(world.says(id, "ifconfig sl1").starts_with("sl1"));
    assert_eq!(world.says(id, "route add 44.9.0.0/16 sl1"), "");
    assert!(world.says(id, "route").contains("sl1"));
    assert!(
        world
            .says(id, "attach asy 0 0 slip sl1 0 256 9600")
            .contains("exists")
    );
    assert!(!world.says(id, "attach ni ni host-u").is_empty());
}
