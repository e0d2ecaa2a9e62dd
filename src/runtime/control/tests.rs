use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use super::*;
use crate::event_loop::{Handler, Loop, Readiness, Token};

/// What the daemon of these tests understands.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    Echo(String),
    Count(u32),
    Fill(usize),
    /// Progress of this many octets without end.
    Flood(usize),
    /// Answered at the next `Release`.
    Hold,
    Release,
    Fail,
    Counters,
    Stop,
}

#[derive(Debug, Default, Deserialize, Serialize, PartialEq)]
struct Count {
    done: u32,
}

struct Daemon {
    server: Option<Server>,
    held: Vec<ClientId>,
}

impl Daemon {
    fn answer(&mut self, lp: &mut Loop, request: Request) {
        let Some(server) = self.server.as_mut() else {
            return;
        };
        let client = request.client;
        match request.parse() {
            Ok(Ask::Echo(text)) => server.reply(lp, client, &text),
            Ok(Ask::Count(to)) => {
                for done in 1..=to {
                    assert!(server.progress(lp, client, &Count { done }));
                }
                server.reply(lp, client, &to);
            }
            Ok(Ask::Fill(octets)) => server.reply(lp, client, &"x".repeat(octets)),
            Ok(Ask::Flood(octets)) => {
                let text = "x".repeat(octets);
                while server.progress(lp, client, &text) {}
            }
            Ok(Ask::Hold) => self.held.push(client),
            Ok(Ask::Release) => {
                let held = self.held.len();
                for client in self.held.drain(..) {
                    server.reply(lp, client, &"released");
                }
                server.reply(lp, client, &held);
            }
            Ok(Ask::Fail) => server.fail(lp, client, Failure::absent("no device wanpipe9")),
            Ok(Ask::Counters) => {
                let counters = *server.counters();
                server.reply(lp, client, &counters);
            }
            Ok(Ask::Stop) => {
                server.reply(lp, client, &());
                lp.stop();
            }
            Err(failure) => server.fail(lp, client, failure),
        }
    }
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        assert_eq!(token.owner, 5);
        if let Some(server) = self.server.as_mut() {
            server.ready(lp, token, readiness);
        }
        while let Some(request) = self.server.as_mut().and_then(Server::poll_request) {
            self.answer(lp, request);
        }
    }
}

/// A daemon in a thread of its own, in a directory of its own.
struct Rig {
    directory: PathBuf,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Rig {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("wanbox-control-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("control");
        let thread = start(&path);
        Self {
            directory,
            path,
            thread: Some(thread),
        }
    }

    fn ask<R: serde::de::DeserializeOwned>(&self, ask: Ask) -> Result<R, ControlError> {
        call(&self.path, &ask, PATIENCE)
    }

    fn counter(&self, name: &str) -> u64 {
        let counters: serde_json::Value = self.ask(Ask::Counters).unwrap();
        counters[name].as_u64().unwrap()
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let stopped = self.ask::<()>(Ask::Stop);
        if let Some(thread) = self.thread.take()
            && stopped.is_ok()
        {
            thread.join().unwrap();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn start(path: &Path) -> JoinHandle<()> {
    let mut lp = Loop::new().unwrap();
    let server = Server::bind(&mut lp, 5, path, 0o600).unwrap();
    std::thread::spawn(move || {
        let mut daemon = Daemon {
            server: Some(server),
            held: Vec::new(),
        };
        lp.run(&mut daemon).unwrap();
        daemon.server.take().unwrap().close(&mut lp);
    })
}

fn line(stream: &UnixStream) -> String {
    let mut text = String::new();
    BufReader::new(stream).read_line(&mut text).unwrap();
    text
}

#[test]
fn asks_and_answers() {
    let rig = Rig::new("answers");
    assert_eq!(fs::metadata(&rig.path).unwrap().mode() & 0o7777, 0o600);
    let mut client = Client::connect(&rig.path, PATIENCE).unwrap();
    for text in ["", "one", "two\nlines", "\u{1f4e1}"] {
        let reply: String = client.call(&Ask::Echo(text.into()), PATIENCE).unwrap();
        assert_eq!(reply, text);
    }
    let big: String = rig.ask(Ask::Fill(3 << 20)).unwrap();
    assert_eq!(big.len(), 3 << 20);
}

#[test]
fn progress_comes_before_the_answer() {
    let rig = Rig::new("progress");
    let mut seen = Vec::new();
    let mut client = Client::connect(&rig.path, PATIENCE).unwrap();
    let total: u32 = client
        .call_with_progress(&Ask::Count(3), PATIENCE, |count: Count| {
            seen.push(count.done);
        })
        .unwrap();
    assert_eq!((total, seen), (3, vec![1, 2, 3]));
}

#[test]
fn errors_carry_text_and_exit_code() {
    let rig = Rig::new("errors");
    let error = rig.ask::<()>(Ask::Fail).unwrap_err();
    assert_eq!(error.to_string(), "no device wanpipe9");
    assert_eq!(error.exit_code(), 3);

    let error = call::<_, ()>(&rig.path, &"nonsense", PATIENCE).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("nonsense"), "{error}");

    let error = rig.ask::<u32>(Ask::Echo("text".into())).unwrap_err();
    assert!(matches!(error, ControlError::BadReply(_)), "{error}");

    let error = rig
        .ask::<()>(Ask::Echo("x".repeat(MAX_REQUEST)))
        .unwrap_err();
    assert!(matches!(error, ControlError::RequestTooLong(_)), "{error}");
}

#[test]
fn nobody_there() {
    let directory =
        std::env::temp_dir().join(format!("wanbox-control-none-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let dead = directory.join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    for path in [
        dead.clone(),
        directory.join("none"),
        directory.join("no/dir"),
    ] {
        let error = call::<_, ()>(&path, &1, PATIENCE).unwrap_err();
        assert!(matches!(error, ControlError::NotRunning(_)), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_daemon_that_does_not_answer_times_out() {
    let rig = Rig::new("timeout");
    let wait = Duration::from_millis(50);
    let error = call::<_, ()>(&rig.path, &Ask::Hold, wait).unwrap_err();
    assert!(matches!(error, ControlError::TimedOut(after) if after == wait));
    // The client is gone: answering it disturbs nobody.
    assert_eq!(rig.ask::<usize>(Ask::Release).unwrap(), 1);
    assert_eq!(rig.ask::<String>(Ask::Echo("on".into())).unwrap(), "on");
}

#[test]
fn pipelined_requests_are_answered_in_order_also_after_a_half_close() {
    let rig = Rig::new("pipeline");
    let mut stream = rig.raw();
    stream
        .write_all(b"\"hold\"\n\n{\"echo\":\"a\"}\n{\"echo\":\"b\"}\n")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    while rig.ask::<usize>(Ask::Release).unwrap() == 0 {
        std::thread::yield_now();
    }
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(
        all,
        "{\"ok\":\"released\"}\n{\"ok\":\"a\"}\n{\"ok\":\"b\"}\n"
    );
}

#[test]
fn what_is_not_json_is_refused_and_the_connection_goes_on() {
    let rig = Rig::new("malformed");
    let mut stream = rig.raw();
    stream.write_all(b"{nonsense\n").unwrap();
    assert!(line(&stream).contains("not JSON"));
    stream.write_all(b"\xff\xfe\n").unwrap();
    assert!(line(&stream).contains("not JSON"));
    let mut deep = "[".repeat(100_000);
    deep.push('\n');
    stream.write_all(deep.as_bytes()).unwrap();
    assert!(line(&stream).contains("not JSON"));
    stream.write_all(b"{\"echo\":\"fine\"}\n").unwrap();
    assert_eq!(line(&stream), "{\"ok\":\"fine\"}\n");
    assert_eq!(rig.counter("malformed"), 3);
}

#[test]
fn an_oversized_line_is_refused_and_closed() {
    let rig = Rig::new("oversized");
    let mut stream = rig.raw();
    let flood = vec![b'1'; 64 << 10];
    // Until the daemon has enough of it and closes.
    for _ in 0..64 {
        if stream.write_all(&flood).is_err() {
            break;
        }
    }
    assert!(line(&stream).contains("longer than 1048576 octets"));
    assert_eq!(rig.counter("oversized"), 1);
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let rig = Rig::new("slow");
    let mut stream = rig.raw();
    stream.write_all(b"{\"flood\":100000}\n").unwrap();
    // The daemon stops by itself although nobody reads.
    while rig.counter("slow") == 0 {
        std::thread::yield_now();
    }
    drop(stream);
}

#[test]
fn the_idle_make_room_and_the_busy_do_not() {
    let rig = Rig::new("full");
    let mut holding: Vec<UnixStream> = (0..MAX_CLIENTS).map(|_| rig.raw()).collect();
    // All places are taken by idle clients: one of them is closed for the new one.
    assert_eq!(rig.ask::<String>(Ask::Echo("in".into())).unwrap(), "in");
    assert!(rig.counter("evicted") >= 1);
    holding.clear();
    for _ in 0..MAX_CLIENTS {
        let mut stream = rig.raw();
        stream.write_all(b"\"hold\"\n").unwrap();
        holding.push(stream);
    }
    let error = loop {
        // The daemon may not have read the last request yet.
        match rig.ask::<String>(Ask::Echo("in".into())) {
            Ok(_) => holding.push({
                let mut stream = rig.raw();
                stream.write_all(b"\"hold\"\n").unwrap();
                stream
            }),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("busy with 16"), "{error}");
    drop(holding);
    // The daemon may take a new connection before it sees that the old ones are gone.
    while rig.ask::<usize>(Ask::Release).is_err() {
        std::thread::yield_now();
    }
    assert!(rig.counter("refused_full") >= 1);
}

#[test]
fn a_second_listener_is_refused_and_a_dead_one_replaced() {
    let rig = Rig::new("takeover");
    let mut lp = Loop::new().unwrap();
    let error = Server::bind(&mut lp, 5, &rig.path, 0o600).err().unwrap();
    assert!(matches!(error, ControlError::InUse(_)), "{error}");

    let dead = rig.directory.join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    let server = Server::bind(&mut lp, 5, &dead, 0o660).unwrap();
    assert_eq!(fs::metadata(&dead).unwrap().mode() & 0o7777, 0o660);
    server.close(&mut lp);
    assert!(!dead.exists());

    let file = rig.directory.join("file");
    fs::write(&file, "precious").unwrap();
    let error = Server::bind(&mut lp, 5, &file, 0o600).err().unwrap();
    assert!(matches!(error, ControlError::NotASocket(_)), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let names = fs::read_dir(&rig.directory).unwrap().count();
    assert_eq!(names, 2, "no lock file is left");
}

/// A server that closes or talks nonsense.
fn fake(name: &str, reply: &'static [u8]) -> ControlError {
    let path = std::env::temp_dir().join(format!("wanbox-fake-{name}-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = line(&stream);
        stream.write_all(reply).unwrap();
    });
    let error = call::<_, u32>(&path, &1, PATIENCE).unwrap_err();
    thread.join().unwrap();
    fs::remove_file(&path).unwrap();
    error
}

#[test]
fn a_daemon_that_dies_or_talks_nonsense() {
    assert!(matches!(fake("dies", b""), ControlError::Closed));
    assert!(matches!(fake("half", b"{\"ok\":"), ControlError::Closed));
    for reply in [b"what?\n".as_slice(), b"{\"maybe\":1}\n", b"{\"ok\":-1}\n"] {
        assert!(matches!(fake("talks", reply), ControlError::BadReply(_)));
    }
}
