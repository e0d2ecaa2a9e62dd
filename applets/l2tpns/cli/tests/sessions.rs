use std::net::IpAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_l2tpns_engine::concentrator::Level;

use super::fake::Fake;
use crate::cli::guard::Guard;
use crate::cli::host::Features;
use crate::cli::session::{Around, Session};
use crate::cli::users::Users;

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A session with everything around it.
struct Desk {
    host: Fake,
    users: Users,
    guard: Guard,
    now: Instant,
    session: Session,
    sent: Vec<u8>,
}

impl Desk {
    fn new(users: &str) -> Self {
        let mut host = Fake::new();
        let (users, _) = Users::parse("users", users).unwrap();
        let mut guard = Guard::default();
        let now = Instant::now();
        let mut sent = Vec::new();
        let mut around = Around {
            host: &mut host,
            users: &users,
            guard: &mut guard,
            now,
        };
        let session = Session::new(&mut around, LOCAL, &mut sent);
        Self {
            host,
            users,
            guard,
            now,
            session,
            sent,
        }
    }

    /// At the prompt of somebody who may do everything.
    fn enabled() -> Self {
        let mut desk = Self::new("");
        desk.press(b"enable\r\n");
        desk
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Session, &mut Around<'_>, &mut Vec<u8>) -> R) -> R {
        let mut around = Around {
            host: &mut self.host,
            users: &self.users,
            guard: &mut self.guard,
            now: self.now,
        };
        act(&mut self.session, &mut around, &mut self.sent)
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.sent)).into_owned()
    }

    /// Types, and returns what comes back.
    fn press(&mut self, keys: &[u8]) -> String {
        self.with(|session, around, out| session.feed(around, keys, out));
        self.take()
    }

    fn wait(&mut self, time: Duration) -> String {
        self.now += time;
        self.with(|session, around, out| session.handle_timeout(around, out));
        self.take()
    }

    /// What a command prints, between its echo and the next prompt.
    fn ask(&mut self, line: &str) -> String {
        let sent = self.press(format!("{line}\r\n").as_bytes());
        let echo = format!("{line}\r\n");
        let rest = sent
            .strip_prefix(&echo)
            .unwrap_or_else(|| panic!("{line}: no echo: {sent:?}"));
        let (output, prompt) = rest.rsplit_once("\r\n").unwrap();
        assert!(prompt.starts_with("lns"), "{line}: {sent:?}");
        output
            .replace("\r\n", "\n")
            .trim_end_matches('\n')
            .to_owned()
    }
}

/// Octets that Debian's l2tpns 2.4.1 sent, with our name and version.
#[test]
fn the_octets_of_the_original() {
    let mut desk = Desk::new("");
    assert_eq!(
        desk.sent,
        b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x03\xff\xfd\x01\r\nlns> "
    );
    desk.take();
    for (keys, sent) in [
        ("sh ver\r\n", "sh ver\r\nL2TPNS 2.4.1 (wanbox)\r\n\r\nlns> "),
        (
            "show running-config\r\n",
            "show running-config\r\nInvalid command \"show running-config\"\r\n\r\nlns> ",
        ),
        ("show\r\n", "show\r\nIncomplete command\r\n\r\nlns> "),
        ("\r\n", "\r\n\r\nlns> "),
        ("\r\0", "\r\n\r\nlns> "),
        (
            "foo bar\r\n",
            "foo bar\r\nInvalid command \"foo\"\r\n\r\nlns> ",
        ),
        (
            "sho t?",
            "sho t\r\n  tbf                  List all token bucket filters in use\r\n  \
             throttle             List all throttled sessions and associated TBFs\r\n  \
             tunnels              Show a list of tunnels or details for a single tunnel\r\n\r\n\
             lns> sho t",
        ),
        ("\r\n", "\r\nInvalid command \"show t\"\r\n\r\nlns> "),
        (
            "show ?",
            "show \r\n  banana               Show a banana\r\n  \
             bgp                  Show BGP status\r\n  \
             cluster              Show cluster information\r\n  \
             ipcache              Show contents of the IP cache\r\n  \
             plugins              List all installed plugins\r\n  \
             pool                 Show the IP address allocation pool\r\n  \
             radius               Show active radius queries\r\n  \
             session              Show a list of sessions or details for a single session\r\n  \
             tbf                  List all token bucket filters in use\r\n  \
             throttle             List all throttled sessions and associated TBFs\r\n  \
             tunnels              Show a list of tunnels or details for a single tunnel\r\n  \
             users                Show a list of all connected users or details of selected\r\n\
             \x20                      user\r\n  \
             version              Show currently running software version\r\n  \
             access-list          Show named access-list\r\n  \
             histogram            \r\n  \
             counters             Display all the internal counters and running totals\r\n\r\n\
             lns> show ",
        ),
        ("\x15", "\x08\x08\x08\x08\x08     \x08\x08\x08\x08\x08"),
        (
            "show version ?",
            "show version \r\n  <cr>\r\n\r\nlns> show version ",
        ),
        (
            "\x15enable\r\n",
            "\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08             \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08enable\r\n\r\nlns# ",
        ),
        (
            "sh ver\r\n",
            "sh ver\r\nInvalid command \"sh\"\r\n\r\nlns# ",
        ),
        (
            "configure\r\n",
            "configure\r\nIncomplete command\r\n\r\nlns# ",
        ),
        ("conf t\r\n", "conf t\r\n\r\nlns(config)# "),
        (
            "set deb 4\r\n",
            "set deb 4\r\nUnknown variable \"deb\"\r\n\r\nlns(config)# ",
        ),
        (
            "set\r\n",
            "set\r\nSpecify variable and value\r\n\r\nlns(config)# ",
        ),
        (
            "set debug 3\r\n",
            "set debug 3\r\nSetting \"debug\" to \"3\"\r\n\r\nlns(config)# ",
        ),
        (
            "show version\r\n",
            "show version\r\nInvalid command \"show\"\r\n\r\nlns(config)# ",
        ),
        (
            "ip access-list extended foo\r\n",
            "ip access-list extended foo\r\n\r\nlns(config-ext-nacl)# ",
        ),
        (
            "permit ?",
            "permit \r\n  ip                   Match IP packets\r\n  \
             tcp                  Match TCP packets\r\n  \
             udp                  Match UDP packets\r\n\r\nlns(config-ext-nacl)# permit ",
        ),
        (
            "\r\n",
            "\r\nSpecify rule details\r\n\r\nlns(config-ext-nacl)# ",
        ),
        (
            "set debug 3\r\n",
            "set debug 3\r\nSetting \"debug\" to \"3\"\r\n\r\nlns(config)# ",
        ),
        (
            "ip acc ext foo\r\n",
            "ip acc ext foo\r\n\r\nlns(config-ext-nacl)# ",
        ),
        ("exit\r\n", "exit\r\n\r\nlns(config)# "),
        (
            "ip access-list standard bar\r\n",
            "ip access-list standard bar\r\n\r\nlns(config-std-nacl)# ",
        ),
        ("abc\x1a", "abc\r\nlns# "),
        (
            "history\r\n",
            "history\r\n\r\nCommand history:\r\n  0. sh ver\r\n  1. show running-config\r\n  \
             2. show\r\n  3. foo bar\r\n  4. sho t\r\n  5. enable\r\n  6. sh ver\r\n  \
             7. configure\r\n  8. conf t\r\n  9. set deb 4\r\n 10. set\r\n 11. set debug 3\r\n \
             12. show version\r\n 13. ip access-list extended foo\r\n 14. permit \r\n \
             15. set debug 3\r\n 16. ip acc ext foo\r\n 17. exit\r\n \
             18. ip access-list standard bar\r\n 19. history\r\n\r\nlns# ",
        ),
        ("quit\r\n", "quit\r\n"),
    ] {
        assert_eq!(desk.press(keys.as_bytes()), sent, "{keys:?}");
    }
    assert!(desk.session.is_closing());
}

#[test]
fn logging_in() {
    let mut desk = Desk::new("joe:plain\nenable:secret\n");
    assert!(desk.take().ends_with("\r\nUsername: "));
    assert!(!desk.session.is_inside());
    assert_eq!(desk.press(b"joe\r\n"), "joe\r\nPassword: ");
    assert_eq!(desk.press(b"bad\r\n"), "\r\n");
    // It costs time, in which nothing typed counts.
    assert_eq!(desk.press(b"joe\r\n"), "");
    assert_eq!(
        desk.session.poll_timeout(),
        Some(desk.now + Duration::from_secs(1))
    );
    assert_eq!(
        desk.wait(Duration::from_secs(1)),
        "\r\nAccess denied\r\n\r\nUsername: "
    );
    desk.press(b"joe\r\nplai\r\n");
    assert_eq!(desk.wait(Duration::from_secs(1)), "");
    assert_eq!(
        desk.wait(Duration::from_secs(1)),
        "\r\nAccess denied\r\n\r\nUsername: "
    );
    assert_eq!(
        desk.press(b"joe\r\nplain\r\n"),
        "joe\r\nPassword: \r\n\r\nlns> "
    );
    assert!(desk.session.is_inside());
    assert_eq!(desk.press(b"en\r\n"), "en\r\nPassword: ");
    assert_eq!(desk.press(b"wrong\r\n"), "\r\n");
    assert_eq!(
        desk.wait(Duration::from_secs(1)),
        "\r\nAccess denied\r\n\r\nlns> "
    );
    assert_eq!(desk.press(b"en\r\nsecret\r\n"), "en\r\nPassword: \r\nlns# ");
    assert_eq!(desk.press(b"disable\r\n"), "disable\r\n\r\nlns> ");
    // What was typed with privilege may have had secrets in it.
    assert_eq!(desk.ask("history"), "\nCommand history:\n  0. history");
}

#[test]
fn too_many_wrong_passwords_and_too_much_time() {
    let mut desk = Desk::new("joe:plain\n");
    for _ in 0..5 {
        assert!(!desk.session.is_closing());
        desk.press(b"joe\r\nwrong\r\n");
        desk.wait(Duration::from_secs(32));
    }
    assert!(desk.session.is_closing());

    let mut desk = Desk::new("joe:plain\n");
    desk.take();
    assert_eq!(
        desk.session.poll_timeout(),
        Some(desk.now + Duration::from_secs(60))
    );
    assert_eq!(desk.wait(Duration::from_secs(60)), "\r\nTimed out\r\n");
    assert!(desk.session.is_closing());

    let mut desk = Desk::enabled();
    desk.wait(Duration::from_secs(890));
    desk.press(b"x");
    desk.wait(Duration::from_secs(890));
    assert!(!desk.session.is_closing());
    desk.wait(Duration::from_secs(10));
    assert!(desk.session.is_closing());
}

/// Every reply of the commands about users, sessions and tunnels.
#[test]
fn replies_and_errors() {
    let mut desk = Desk::enabled();
    desk.press(b"conf t\r\nip access-list extended foo\r\npermit ip any any\r\n\x1a");
    for (line, reply) in [
        ("snoop", "Specify username, ip and port"),
        ("snoop joe 1.2.3.4", "Specify username, ip and port"),
        ("snoop bob 1.2.3.4 5", "User bob is not connected"),
        ("snoop joe 1.2.3 5", "Cannot parse IP \"1.2.3\""),
        ("snoop joe 1.2.3.4 0", "Invalid port 0"),
        ("snoop joe 1.2.3.4 x", "Invalid port x"),
        ("snoop joe 1.2.3.4 5", "Snooping user joe to 1.2.3.4:5"),
        (
            "snoop joe 2001:db8::1 5",
            "Snooping user joe to [2001:db8::1]:5",
        ),
        ("no snoop", "Specify a user to unsnoop"),
        (
            "no snoop joe \"ann two\" bob",
            "Not snooping user joe\nNot snooping user ann two\nUser bob is not connected",
        ),
        ("throttle", "Specify a user to throttle"),
        ("throttle bob", "User bob is not connected"),
        ("throttle joe x", "Invalid rate \"x\""),
        ("throttle joe 0", "Invalid rate \"0\""),
        ("throttle joe 5 6", "Invalid rate specification \"5 6\""),
        ("throttle joe in x", "Invalid rate specification \"in x\""),
        ("throttle joe in 5 out", "Invalid arguments"),
        ("throttle joe in 64 out 128", "Throttling user joe"),
        (
            "throttle joe in 64 out 128",
            "User joe already throttled at this rate",
        ),
        (
            "throttle joe 64",
            "User joe already throttled, unthrottle first",
        ),
        ("no throttle", "Specify a user to unthrottle"),
        ("no throttle joe", "Unthrottling user joe"),
        ("no throttle joe", "User joe not throttled"),
        ("throttle joe", "Throttling user joe"),
        ("filter", "Specify a user and filters"),
        ("filter joe in", "Specify a user and filters"),
        ("filter bob in foo", "User bob is not connected"),
        ("filter joe up foo", "Invalid filter specification"),
        ("filter joe in nope", "Access-list nope not defined"),
        ("filter joe in foo out nope", "Access-list nope not defined"),
        ("filter joe in foo", "Filtering user joe"),
        ("filter joe in foo", "Input already filtered"),
        ("filter joe out foo", "Filtering user joe"),
        ("filter joe out foo", "Output already filtered"),
        ("no filter", "Specify a user to remove filters from"),
        ("no filter joe", "Removing filters from user joe"),
        ("no filter joe", "User joe not filtered"),
        ("drop user", "Specify a user to drop"),
        (
            "drop user joe joe",
            "Dropping user joe\nUser joe is not connected",
        ),
        ("drop session", "Specify a session id to drop"),
        ("drop session 0", "Invalid session ID (1-4294967295)"),
        ("drop session x", "Invalid session ID (1-4294967295)"),
        ("drop session 3", "Session 3 is not active."),
        ("drop session 7", "Dropping session 7"),
        ("drop tunnel", "Specify a tunnel to drop"),
        ("drop tunnel 0", "Invalid tunnel ID (1-65535)"),
        ("drop tunnel 2", "Tunnel 2 shut down (lac1)"),
        ("drop tunnel 2", "Tunnel 2 is not connected"),
        ("show session abc", "Invalid session id \"abc\""),
        ("show session 5", "Session 5 is not active."),
        ("show tunnel x", "Invalid tunnel id \"x\""),
        ("show tunnels all", "Tunnels { all: true }"),
        ("show pool a", "Pool { all: true }"),
        ("show access-list", "Specify a filter name"),
        ("show access-list nope", "Access-list nope not defined"),
        ("show access-list foo foo", "list foo\n\nlist foo"),
        ("show users bob", ""),
        ("clear counters", "Counters cleared"),
        ("write memory", "Writing configuration"),
        ("suspend bgp", "Suspend all"),
        ("no suspend bgp peer", "Resume peer"),
        ("restart bgp", "Restart all"),
        ("terminal length", "Specify a number of lines"),
        ("terminal length x", "Invalid number of lines \"x\""),
        ("reload", ""),
        ("shutdown", ""),
    ] {
        assert_eq!(desk.ask(line), reply, "{line}");
    }
    assert!(
        desk.host
            .did
            .ends_with(&["written".into(), "reload".into(), "shutdown".into()])
    );
    desk.host.unwritable = true;
    assert_eq!(
        desk.ask("wr m"),
        "Writing configuration\nError writing configuration: No space left on device"
    );
}

#[test]
fn what_commands_change() {
    let mut desk = Desk::enabled();
    desk.ask("snoop joe 192.0.2.1 5000");
    desk.ask("throttle joe o 128");
    let features = desk.host.sessions.get(&3).unwrap().1.clone();
    assert_eq!(
        features,
        Features {
            snoop: Some("192.0.2.1:5000".parse().unwrap()),
            throttle: (0, 128),
            filter: (None, None),
        }
    );
    desk.ask("no throttle joe");
    desk.ask("throttle joe");
    assert_eq!(desk.host.sessions.get(&3).unwrap().1.throttle, (28, 28));
}

#[test]
fn configuration_mode_sends_whole_commands() {
    let mut desk = Desk::enabled();
    desk.ask("conf t");
    desk.ask("set l2tp_secret \"two words\"");
    desk.ask("loa p garden");
    desk.ask("ip a s one");
    desk.ask("per host 10.0.0.1");
    assert_eq!(desk.ask("per host"), "Specify host ip address");
    assert_eq!(desk.ask("no ip acc s two"), "Access-list not defined");
    // That was above the list, but did nothing: one stays in it.
    desk.ask("deny any");
    desk.ask("ro b 65000");
    desk.ask("nei 10.0.0.2 remote-as 65001");
    assert_eq!(
        desk.host.did,
        [
            "set l2tp_secret two words",
            "load plugin garden",
            "ip access-list s one",
            "permit host 10.0.0.1",
            "permit host",
            "no ip access-list s two",
            "deny any",
            "router bgp 65000",
            "neighbour 10.0.0.2 remote-as 65001",
        ]
    );
    assert_eq!(&*desk.host.config.l2tp_secret, "two words");
    let list = desk.host.config.access_lists.find("one").unwrap();
    assert_eq!(list.rules.len(), 2);
}

#[test]
fn secrets_are_for_the_privileged() {
    let mut desk = Desk::new("");
    desk.take();
    for line in [
        "write terminal",
        "show running-config",
        "show remotelns-conf",
        "wr t",
    ] {
        assert!(desk.ask(line).starts_with("Invalid command"), "{line}");
    }
    assert!(!desk.press(b"help\r\n").contains("write terminal"));
    desk.press(b"enable\r\n");
    assert!(
        desk.ask("write terminal")
            .contains("set l2tp_secret \"hush\"")
    );
    assert!(
        desk.ask("show running-config | include l2tp_s")
            .contains("hush")
    );
}

#[test]
fn completion() {
    let mut desk = Desk::enabled();
    assert_eq!(desk.press(b"sho\t"), "show ");
    assert_eq!(desk.press(b"\t"), "\x07");
    assert_eq!(desk.press(b"a\t"), "access-list ");
    assert_eq!(
        desk.press(b"\x15"),
        "\x08".repeat(17) + &" ".repeat(17) + &"\x08".repeat(17)
    );
    assert_eq!(desk.press(b"show t\t"), "show t\x07");
    assert_eq!(
        desk.press(b"\t"),
        "\r\ntbf throttle tunnels\r\n\r\nlns# show t"
    );
    desk.press(b"\x15");
    // Names of users, with quotes where they need them.
    assert_eq!(desk.press(b"drop user j\t"), "drop user joe ");
    assert!(desk.press(b"a\t").ends_with("\"ann two\" "));
    assert_eq!(
        desk.press(b"\r\n"),
        "\r\nDropping user joe\r\nDropping user ann two\r\n\r\nlns# "
    );
    desk.press(b"conf t\r\n");
    assert_eq!(desk.press(b"set l2tp_s\t"), "set l2tp_secret ");
    // A question mark in quotes is one.
    assert_eq!(
        desk.press(b"\"why?\"\r\n"),
        "\"why?\"\r\nSetting \"l2tp_secret\" to \"why?\"\r\n\r\nlns(config)# "
    );
    assert!(
        desk.press(b"foo ?")
            .contains("\r\nInvalid command \"foo\"\r\n")
    );
    desk.press(b"\x15\x1a");
    assert!(
        desk.press(b"show ver | b?")
            .contains("  begin                Begin with lines that match\r\n  between ")
    );
    assert_eq!(desk.press(b"et\t"), "etween ");
}

#[test]
fn filters() {
    let mut desk = Desk::enabled();
    desk.host.rows = 250;
    assert_eq!(
        desk.ask("show ipcache | include 24"),
        "row 24\nrow 124\nrow 224\nrow 240\nrow 241\nrow 242\nrow 243\nrow 244\nrow 245\nrow 246\nrow 247\nrow 248\nrow 249"
    );
    assert_eq!(desk.ask("show ipcache | count"), "250");
    assert_eq!(desk.ask("show ipcache | between 9$ x | count"), "0");
    assert_eq!(
        desk.ask("show ipcache | egrep \"^row (7|8)$\""),
        "row 7\nrow 8"
    );
    assert_eq!(
        desk.ask("show ipcache | between \"row 5\" 7"),
        "row 5\nrow 6\nrow 7"
    );
    assert_eq!(desk.ask("show version |"), "Empty command given");
    assert_eq!(desk.ask("show version | foo"), "Invalid command \"foo\"");
    assert_eq!(desk.ask("| count"), "Invalid command \"\"");
    assert_eq!(
        desk.ask("show session x | count"),
        "Invalid session id \"x\"\n0"
    );
    assert_eq!(
        desk.ask("help | include \"show v\""),
        "  show version         Show currently running software version"
    );
}

#[test]
fn a_window_pages() {
    let mut desk = Desk::enabled();
    desk.host.rows = 30;
    desk.press(b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x0a\xff\xf0");
    let first = desk.press(b"show ipcache\r\n");
    assert!(first.ends_with("row 8\r\n--More--"), "{first}");
    assert_eq!(desk.press(b"\r"), "\r        \rrow 9\r\n--More--");
    assert_eq!(desk.press(b"x"), "\x07");
    let second = desk.press(b" ");
    assert!(second.ends_with("row 18\r\n--More--"), "{second}");
    assert_eq!(desk.press(b"q"), "\r        \r\r\nlns# ");
    assert_eq!(desk.ask("show ipcache | count"), "30");
    assert_eq!(desk.ask("terminal length 0"), "");
    assert!(desk.ask("show ipcache").ends_with("row 29"));
    // What was typed ahead of a page waits behind it.
    desk.press(b"terminal length 20\r\n");
    let first = desk.press(b"show ipcache\r\nshow version\r\n");
    assert!(first.ends_with("row 18\r\n--More--"), "{first}");
    let rest = desk.press(b" ");
    assert!(
        rest.contains("row 29\r\n\r\nlns# show version\r\nL2TPNS"),
        "{rest}"
    );
}

/// Long output is made as it is read, and ^C ends it.
#[test]
fn long_output_waits_for_its_reader() {
    let mut desk = Desk::enabled();
    desk.host.rows = 1_000_000;
    let mut out = Vec::new();
    let keys = b"show ipcache\r\nshow version\r\n";
    desk.with(|session, around, _| session.feed(around, keys, &mut out));
    assert!(out.len() < 66 << 10, "{}", out.len());
    let mut octets = out.len();
    for _ in 0..20 {
        out.clear();
        desk.with(|session, around, _| session.pump(around, &mut out));
        assert!(desk.session.is_printing() && out.len() < 66 << 10);
        octets += out.len();
    }
    assert!(octets > 100_000);
    assert_eq!(desk.press(b"\x03"), "\r\nlns# ");
    assert_eq!(desk.ask("show version"), "L2TPNS 2.4.1 (wanbox)");
}

#[test]
fn the_end_of_input_waits_for_the_output() {
    let mut desk = Desk::enabled();
    desk.host.rows = 2000;
    let mut text = desk.press(b"show ipcache\r\nshow version\r\n");
    desk.with(Session::end_of_input);
    while !desk.session.is_closing() {
        desk.with(Session::pump);
    }
    text += &desk.take();
    assert!(text.contains("row 1999\r\n\r\nlns# show version\r\nL2TPNS 2.4.1"));
}

#[test]
fn debugging() {
    let mut desk = Desk::enabled();
    desk.ask("no debug");
    let old = (Level::Info, "00/00 before it was asked for".into());
    desk.host.log.push(old);
    desk.ask("debug critical");
    assert_eq!(desk.ask("debug"), "Currently debugging: critical");
    for (line, reply) in [
        ("debug all", ""),
        (
            "debug",
            "Currently debugging: critical error warning info calls",
        ),
        ("debug c", "Invalid debugging flag \"c\""),
        ("debug foo", "Invalid debugging flag \"foo\""),
        ("no debug ca er", ""),
        ("debug", "Currently debugging: critical warning info"),
        ("no debug", ""),
        ("debug", "Debugging off"),
        ("debug i", ""),
    ] {
        assert_eq!(desk.ask(line), reply, "{line}");
    }
    desk.host
        .log
        .push((Level::Info, "02/01 Login by \u{1b}[31mjoe".into()));
    desk.host.log.push((Level::Call, "02/01 not shown".into()));
    desk.host.log.push((Level::Info, "no tag".into()));
    desk.press(b"sho");
    assert_eq!(
        desk.wait(Duration::from_secs(1)),
        "\rINFO-2-1 Login by \\u{1b}[31mjoe\r\n\rINFO-0-0 no tag\r\n\r\nlns# sho"
    );
    assert_eq!(desk.wait(Duration::from_secs(1)), "");
    // Whoever watches is not idle.
    desk.wait(Duration::from_secs(10_000));
    assert!(!desk.session.is_closing());
}

#[test]
fn names_from_outside_do_not_control_the_terminal() {
    let mut desk = Desk::enabled();
    desk.host
        .sessions
        .insert(1, ("eve\x1b]0;x\x07\r\u{9b}1m".into(), Features::default()));
    let sent = desk.press(b"show users\r\n");
    assert!(
        sent.contains("eve\\u{1b}]0;x\\u{7}\\r\\u{9b}1m\r\n"),
        "{sent:?}"
    );
}

#[test]
fn keys_of_telnet() {
    let mut desk = Desk::enabled();
    assert_eq!(desk.press(b"ab\xff\xf7"), "ab\x08 \x08");
    assert_eq!(desk.press(b"\xff\xf8"), "\x08 \x08");
    assert_eq!(desk.press(b"\xff\xf6"), "\r\n[Yes]\r\nlns# ");
    assert_eq!(desk.press(b"x\xff\xf4"), "x\r\nlns# ");
    assert_eq!(desk.press(b"\x04"), "");
    assert!(desk.session.is_closing());
}

proptest! {
    #[test]
    fn whatever_is_typed(octets in prop::collection::vec(any::<u8>(), 0..200), users in any::<bool>()) {
        let mut desk = Desk::new(if users { "joe:x" } else { "" });
        for chunk in octets.chunks(7) {
            desk.press(chunk);
            desk.wait(Duration::from_millis(700));
        }
    }

    #[test]
    fn whatever_commands_are_typed(lines in prop::collection::vec(
        "((en|conf t|show|no|ip|access-list|ext|foo|permit|set|drop|user|joe|throttle|in|7|filter|debug|all|\\||inc|count|\\?|\t|exit|\x1a) ?){1,8}\r", 0..8)
    ) {
        let mut desk = Desk::enabled();
        for line in lines {
            desk.press(line.as_bytes());
            desk.wait(Duration::from_secs(1));
            prop_assert!(desk.session.is_closing() || !desk.session.is_printing());
        }
    }
}
