use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use wanbox_runtime::control::script::{Ended, Progress, Request};
use wanbox_runtime::control::{Client, ControlError};
use wanbox_runtime::event_loop::{Handler, Loop, Readiness, Token};

use super::fake::Fake;

use crate::cli::{Cli, MAX_SESSIONS, Owners, Users};

const OWNERS: Owners = Owners {
    telnet: 5,
    control: 6,
};
const LIMIT: Duration = Duration::from_secs(10);

struct Daemon {
    cli: Cli,
    host: Fake,
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.cli.ready(lp, token, readiness, &mut self.host);
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        self.cli.timer(lp, token, &mut self.host);
    }
}

fn directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("wanbox-l2tpns-cli-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Runs a client against a daemon in a loop; returns what the daemon had become.
fn serve<R: Send + 'static>(
    users: &str,
    host: Fake,
    client: impl FnOnce(SocketAddr, &Path) -> R + Send + 'static,
) -> (R, Fake) {
    let directory = directory();
    let path = directory.join("l2tpns.sock");
    let mut lp = Loop::new().unwrap();
    let (users, _) = Users::parse("users", users).unwrap();
    let mut cli = Cli::open(&mut lp, OWNERS, &path, users).unwrap();
    let address = cli.listen(&mut lp, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut daemon = Daemon { cli, host };
    let asking = thread::spawn(move || client(address, &path));
    let end = Instant::now() + 3 * LIMIT;
    while !asking.is_finished() {
        assert!(Instant::now() < end, "the client hangs");
        let soon = Instant::now() + Duration::from_millis(20);
        lp.turn(&mut daemon, Some(soon)).unwrap();
    }
    daemon.cli.close(&mut lp);
    let answer = asking.join().unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    (answer, daemon.host)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut octets = Vec::new();
    while !octets.ends_with(end.as_bytes()) {
        let mut octet = [0];
        assert_eq!(
            stream.read(&mut octet).unwrap(),
            1,
            "{}",
            String::from_utf8_lossy(&octets)
        );
        octets.extend(octet);
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[test]
fn a_script_through_telnet() {
    let mut host = Fake::new();
    host.rows = 20_000;
    let ((text, done), host) = serve("", host, |address, _| {
        let mut stream = connect(address);
        stream
            .write_all(b"enable\r\nshow ipcache\r\ndrop user joe\r\nshow users\r\n")
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut octets = Vec::new();
        let done = stream.read_to_end(&mut octets).is_ok();
        (String::from_utf8_lossy(&octets).into_owned(), done)
    });
    assert!(done);
    assert!(
        text.contains("\r\nrow 0\r\n") && text.contains("\r\nrow 19999\r\n\r\nlns# drop user joe")
    );
    assert!(
        text.ends_with("Dropping user joe\r\n\r\nlns# show users\r\nann two\r\n\r\nlns# "),
        "{}",
        &text[text.len() - 200..]
    );
    assert!(!host.sessions.contains_key(&3));
}

#[test]
fn sessions_are_limited_and_strangers_make_room() {
    let (refused, _) = serve("joe:plain", Fake::new(), |address, _| {
        let mut inside: Vec<TcpStream> = (0..MAX_SESSIONS - 1)
            .map(|_| {
                let mut stream = connect(address);
                stream.write_all(b"joe\r\nplain\r\n").unwrap();
                read_until(&mut stream, "lns> ");
                stream
            })
            .collect();
        let mut outside = connect(address);
        read_until(&mut outside, "Username: ");
        // Whoever has not logged in makes room.
        let mut late = connect(address);
        read_until(&mut late, "Username: ");
        assert_eq!(outside.read(&mut [0]).unwrap(), 0);
        late.write_all(b"joe\r\nplain\r\n").unwrap();
        read_until(&mut late, "lns> ");
        let mut refused = String::new();
        connect(address).read_to_string(&mut refused).unwrap();
        // Those that are in are still served.
        for stream in inside.iter_mut().chain([&mut late]) {
            stream.write_all(b"quit\r\n").unwrap();
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "quit\r\n");
        }
        refused
    });
    assert_eq!(refused, "\r\nAll lines are busy\r\n");
}

#[test]
fn a_reader_that_does_not_read_costs_little() {
    let mut host = Fake::new();
    host.rows = 10_000_000;
    serve("", host, |address, _| {
        let mut lazy = connect(address);
        lazy.write_all(b"show ipcache\r\n").unwrap();
        thread::sleep(Duration::from_millis(200));
        // Others are served meanwhile.
        let mut stream = connect(address);
        read_until(&mut stream, "lns> ");
        stream.write_all(b"show version\r\n").unwrap();
        assert!(read_until(&mut stream, "\r\n\r\nlns> ").contains("L2TPNS"));
    });
}

fn execute(
    path: &Path,
    lines: &[&str],
    json: bool,
) -> Result<(String, Vec<Value>, u8), ControlError> {
    let request = Request {
        execute: lines.iter().map(ToString::to_string).collect(),
        json,
    };
    let (mut text, mut values) = (String::new(), Vec::new());
    let mut client = Client::connect(path, LIMIT)?;
    let ended: Ended = client.call_with_progress(&request, LIMIT, |progress| match progress {
        Progress::Text(piece) => text.push_str(&piece),
        Progress::Wrong(wrong) => text.push_str(&format!("! {wrong}\n")),
        Progress::Json { value, .. } => values.push(value),
    })?;
    Ok((text, values, ended.code))
}

#[test]
fn commands_on_the_control_socket() {
    let mut host = Fake::new();
    host.rows = 40_000;
    let ((), host) = serve("joe:plain\nenable:secret", host, |_, path| {
        let text = |lines: &[&str]| {
            let (text, _, code) = execute(path, lines, false).unwrap();
            (text, code)
        };
        assert_eq!(text(&["show users"]), ("joe\nann two\n".into(), 0));
        assert_eq!(
            text(&["show users | count", "show version"]).0,
            "2\nL2TPNS 2.4.1 (wanbox)\n"
        );
        assert_eq!(
            text(&["nope", "show version"]),
            ("! Invalid command \"nope\"\n".into(), 2)
        );
        assert_eq!(
            text(&["drop user bob joe"]),
            ("! User bob is not connected\nDropping user joe\n".into(), 3)
        );
        assert_eq!(
            text(&[
                "throttle \"ann two\" 5",
                "no throttle 'ann two'",
                "no throttle 'ann two'"
            ])
            .1,
            1
        );
        assert_eq!(
            text(&["conf t", "set debug 3", "exit", "show version | include y"]),
            ("Setting \"debug\" to \"3\"\n".into(), 0)
        );
        assert_eq!(text(&["debug all"]).1, 2);
        assert_eq!(text(&["history"]).1, 2);
        assert_eq!(text(&["quit", "nope"]), (String::new(), 0));
        assert_eq!(text(&[]), (String::new(), 0));
        let (long, code) = text(&["show ipcache"]);
        assert_eq!((long.lines().count(), code), (40_000, 0));
        assert!(long.ends_with("row 39999\n"));
    });
    assert_eq!(host.config.debug, 3);
}

#[test]
fn json_on_the_control_socket() {
    let mut host = Fake::new();
    host.rows = 1_050;
    serve("", host, |_, path| {
        let json = |line: &str| {
            let (text, values, code) = execute(path, &[line], true).unwrap();
            (text, values, code)
        };
        assert_eq!(
            json("show users").1,
            [serde_json::json!(["joe", "ann two"])]
        );
        let (_, parts, _) = json("show ipcache");
        let rows: usize = parts
            .iter()
            .map(|part| part.as_array().unwrap().len())
            .sum();
        assert_eq!((parts.len(), rows), (11, 1_050));
        assert_eq!(
            json("clear counters").1,
            [serde_json::json!({"lines": ["Counters cleared"]})]
        );
        assert_eq!(json("show session 3 7").1.len(), 2);
        let (text, values, code) = json("show session 5");
        assert_eq!(
            (&*text, values.len(), code),
            ("! Session 5 is not active.\n", 0, 3)
        );
        assert_eq!(json("show users | count").2, 2);
    });
}
