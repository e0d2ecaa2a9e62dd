//! Applications over X.25: `x25call` and `x25listen`, the socket of a device, and calls that are
//! passed on from one device to another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::run::{Finished, finish};
use wanbox_rig::running::Running;
use wanbox_rig::{Error, Need, Result, Router, TempDir, ensure, need, netns, until, wait_for};
use wanbox_runtime::datagram::Datagram;
use wanbox_wire::x25api::{
    Call, HEADER, Kind, MAX_PAYLOAD, Reason, Refused, Repr, State, Status, flags,
};

use crate::network::{DEVICE, Over, UP};
use crate::{source, test};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const EXAMPLES: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("python3"),
];

mod circuits;
mod switch;

/// The longest that anything takes, on a busy machine.
const SOON: Duration = Duration::from_secs(120);
/// Packet sizes and windows of a quick link, and channels for many calls.
const QUICK: &str = "DEF_PKT_SIZE = 1024\nPACKETWINDOW = 7\nHDLCWINDOW = 7\n";

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        test("x25_api::files_both_ways_over_a_cable", NEEDS, || {
            files_both_ways(Over::Cable)
        }),
        test("x25_api::files_both_ways_over_udp", NEEDS, || {
            files_both_ways(Over::Udp)
        }),
        test("x25_api::programs_and_exit_codes", NEEDS, programs),
        test("x25_api::killed", NEEDS, killed),
        test("x25_api::rust_and_python", EXAMPLES, rust_and_python),
    ];
    tests.extend(circuits::tests());
    tests.extend(switch::tests());
    tests
}

/// Routers with lines between them.
pub struct Net {
    pub routers: Vec<Router>,
    cables: TempDir,
}

/// The section of a device.
pub fn section(device: &str, station: &str, line: &str, keys: &str) -> String {
    let channels = match keys.contains("SVC") {
        true => "",
        false => "LOWESTSVC = 1\nHIGHESTSVC = 255\n",
    };
    format!(
        "[{device}]\nLINE = {line}\nSTATION = {station}\n{channels}\
         MTU = 1500\nUDPPORT = 9000\nTTL = 255\nT1 = 1\n{keys}\n"
    )
}

impl Net {
    /// This many routers, with the directory of their cables.
    pub fn new(count: usize) -> Result<Self> {
        let net = Self {
            routers: (0..count)
                .map(|_| Router::new(&crate::wanbox()))
                .collect::<Result<_>>()?,
            cables: TempDir::new()?,
        };
        for router in &net.routers {
            router.plug(net.cables.path())?;
            router.netns.ip("link set lo up")?;
        }
        Ok(net)
    }

    /// Two routers, the second the DCE, whose link is up.
    pub fn pair(over: Over, keys: &str) -> Result<Self> {
        let net = Self::new(2)?;
        let [a, b] = &net.routers[..] else {
            return Err(Error::new("two routers"));
        };
        let mut lines = ["cable:x25".to_owned(), "cable:x25".to_owned()];
        if over == Over::Udp {
            netns::veth(&a.netns, "eth0", &b.netns, "eth0")?;
            for (n, router) in [a, b].into_iter().enumerate() {
                let address = format!("addr add 192.0.2.{}/24 dev eth0", n + 1);
                router.netns.ip(&address)?;
                lines[n] = format!("udp:192.0.2.{}:7000,192.0.2.{}:7000", n + 1, 2 - n);
            }
        }
        for ((router, line), station) in [a, b].into_iter().zip(&lines).zip(["DTE", "DCE"]) {
            let text = section(DEVICE, station, line, keys);
            start(router, &[(DEVICE, &text)])?;
        }
        net.wait_up(a, DEVICE)?;
        net.wait_up(b, DEVICE)?;
        Ok(net)
    }

    pub fn wait_up(&self, router: &Router, device: &str) -> Result {
        until("the packet layer", UP, || {
            Ok(router.status(device)?["x25"]["packet_layer"] == "r1")
        })
        .map_err(|error| self.explain(error))?;
        Ok(())
    }

    /// Adds what all daemons say to an error.
    pub fn explain(&self, error: Error) -> Error {
        let logs: String = self.routers.iter().map(Router::logs).collect();
        Error::new(format!("{error}\n{logs}"))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.cables.path().join(name)
    }
}

/// Writes the files of devices, and starts them.
pub fn start(router: &Router, devices: &[(&str, &str)]) -> Result {
    let names: Vec<&str> = devices.iter().map(|(name, _)| *name).collect();
    let all = format!("WAN_DEVICES=\"{}\"\n", names.join(" "));
    router.write("/etc/wanpipe/wanrouter.rc", &all)?;
    for (name, text) in devices {
        let text = format!("[devices]\n{name} = WAN_X25\n\n[interfaces]\n\n{text}");
        router.write(&format!("/etc/wanpipe/{name}.conf"), &text)?;
    }
    router.ok("wanrouter start")?;
    Ok(())
}

/// So many applications listen on a device.
pub fn wait_listening(router: &Router, device: &str, count: u64) -> Result {
    until("the applications to listen", SOON, || {
        let status = router.status(device)?;
        Ok(status["x25"]["applications"]["listeners"] == count)
    })?;
    Ok(())
}

/// An applet on a router, with files as its input and output.
pub fn applet(
    router: &Router,
    words: &str,
    input: Option<&Path>,
    output: &Path,
) -> Result<Running> {
    let mut words = words.split_whitespace();
    let mut command = router.applet(words.next().unwrap_or_default());
    command.args(words).stdout(File::create(output)?);
    match input {
        Some(input) => command.stdin(File::open(input)?),
        None => command.stdin(Stdio::null()),
    };
    command.stderr(File::create(output.with_extension("err"))?);
    Ok(router.netns.spawn(&mut command)?.into())
}

/// What an applet said on standard error.
pub fn said(output: &Path) -> String {
    fs::read_to_string(output.with_extension("err")).unwrap_or_default()
}

/// Runs a program to its end with this input.
fn run_with_input(
    net: &Net,
    router: &Router,
    command: &mut Command,
    input: &str,
) -> Result<Finished> {
    let [from, to, err] = ["in", "out", "err"].map(|end| net.file(&format!("run.{end}")));
    fs::write(&from, input)?;
    command
        .stdin(File::open(&from)?)
        .stdout(File::create(&to)?)
        .stderr(File::create(&err)?);
    let status = Running::from(router.netns.spawn(command)?).end(SOON)?;
    Ok(Finished {
        line: wanbox_rig::run::describe(command),
        code: status.code().unwrap_or(-1),
        stdout: fs::read_to_string(&to)?,
        stderr: fs::read_to_string(&err)?,
    })
}

/// Octets that do not repeat soon, others for another seed.
pub fn noise(seed: u64, octets: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..octets).map(|_| next()).collect()
}

/// Ten million octets each way at once.
fn files_both_ways(over: Over) -> Result {
    let net = Net::pair(over, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    transfer(&net, (a, ""), (b, ""), 10_000_000)
}

/// A file each way between two routers, `x25call` with more words at the first.
pub fn transfer(
    net: &Net,
    (a, calling): (&Router, &str),
    (b, listening): (&Router, &str),
    octets: usize,
) -> Result {
    let names = ["a.in", "b.in", "a.out", "b.out"].map(|name| net.file(name));
    let [a_in, b_in, a_out, b_out] = &names;
    fs::write(a_in, noise(1, octets))?;
    fs::write(b_in, noise(2, octets))?;
    let mut listener = applet(
        b,
        &format!("x25listen -v -a 4711 {listening}"),
        Some(b_in),
        b_out,
    )?;
    wait_listening(b, DEVICE, 1)?;
    let mut caller = applet(a, &format!("x25call -v {calling} 4711"), Some(a_in), a_out)?;
    let limit = Duration::from_secs(400);
    let ended = caller
        .end(limit)
        .and_then(|called| Ok((called, listener.end(SOON)?)));
    let told = || format!("a: {}b: {}", said(a_out), said(b_out));
    let (called, listened) =
        ended.map_err(|error| net.explain(Error::new(format!("{error}\n{}", told()))))?;
    ensure!(called.success() && listened.success(), "{}", told());
    ensure!(fs::read(a_out)? == fs::read(b_in)?, "to a: {}", told());
    ensure!(fs::read(b_out)? == fs::read(a_in)?, "to b: {}", told());
    Ok(())
}

/// A program for each call, and how `x25call` ends when something is wrong.
fn programs() -> Result {
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let out = net.file("out");
    let run = |words: &[&str], input: &str| -> Result<Finished> {
        let mut command = a.applet("x25call");
        run_with_input(&net, a, command.args(words), input)
    };
    let mut listener = b.applet("x25listen");
    listener
        .args(["-k", "-a", "47*", "-e"])
        .arg("echo \"$X25_CALLED $X25_CALLING $X25_USER_DATA\"; tr a-z A-Z")
        .stdin(Stdio::null())
        .stderr(File::create(out.with_extension("err"))?);
    let _listener = Running::from(b.netns.spawn(&mut listener)?);
    wait_listening(b, DEVICE, 1)?;
    let text = run(&["-s", "99", "-u", "c0ffee", "4712"], "hello\n")?.ok()?;
    ensure!(text == "4712 99 c0ffee\nHELLO\n", "{text}");
    let fast = "ab".repeat(60);
    let text = run(&["-f", "fast", "-f", "packet=128", "-u", &fast, "47"], "x")?.ok()?;
    ensure!(text == format!("47  {fast}\nX"), "{text}");
    // Nobody listens for this one; the second listener for the same is refused.
    let lost = run(&["--json", "48"], "")?.code(1)?;
    let json: serde_json::Value = serde_json::from_str(lost.stderr.trim())?;
    ensure!(json["cause"].is_u64() && json["called"] == "48", "{json}");
    ensure!(
        json["error"]
            .as_str()
            .is_some_and(|e| e.contains("cleared")),
        "{json}"
    );
    let twice = b.run("x25listen -a 47*")?.code(1)?;
    ensure!(
        twice.stderr.contains("another application"),
        "{}",
        twice.stderr
    );
    run(&["-d", "wanpipe7", "47"], "")?.code(3)?;
    run(&["47x"], "")?.code(2)?;
    run(&["-u", "f", "47"], "")?.code(2)?;
    // Clearing at the end of the input does not wait for the other end.
    run(&["-N", "4713"], "bye\n")?.ok()?;
    // A link that is down.
    a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    until("the link to be down", UP, || {
        Ok(a.status(DEVICE)?["x25"]["packet_layer"] != "r1")
    })?;
    let down = run(&["47"], "")?.code(1)?;
    ensure!(down.stderr.contains("the link is down"), "{}", down.stderr);
    a.ok("wanrouter stop")?;
    run(&["47"], "")?.code(3)?;
    Ok(())
}

/// Whoever is killed has cleared its circuit, and the other end knows that it was no good end.
fn killed() -> Result {
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let (a_out, b_out) = (net.file("a.out"), net.file("b.out"));
    for kill_caller in [true, false] {
        let mut listener = applet(b, "x25listen -a 1", Some(Path::new("/dev/zero")), &b_out)?;
        wait_listening(b, DEVICE, 1)?;
        let mut caller = applet(a, "x25call 1", Some(Path::new("/dev/zero")), &a_out)?;
        until("data to flow", SOON, || {
            let length = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
            Ok(length(&a_out) > 10_000 && length(&b_out) > 10_000)
        })?;
        let (victim, other, out) = match kill_caller {
            true => (&mut caller, &mut listener, &b_out),
            false => (&mut listener, &mut caller, &a_out),
        };
        victim.signal(Signal::SIGKILL)?;
        let ended = other.end(SOON)?;
        let told = said(out);
        ensure!(
            ended.code() == Some(1) && told.contains("diagnostic 242"),
            "{ended}: {told}"
        );
        let freed = |router: &Router| -> Result<bool> {
            Ok(router.status(DEVICE)?["x25"]["applications"]["circuits"] == 0)
        };
        until("the circuits to be free", SOON, || {
            Ok(freed(a)? && freed(b)?)
        })?;
    }
    Ok(())
}

/// The two example programs, each calling the other.
fn rust_and_python() -> Result {
    let net = Net::pair(Over::Cable, "PACKETWINDOW = 2\nDEF_PKT_SIZE = 128")?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let python = need::find_tool("python3").ok_or_else(|| Error::new("no python3"))?;
    let example = source().join("examples/x25api.py");
    let program = |router: &Router, rust: bool, words: &[&str]| -> Result<Command> {
        let mut command = match rust {
            true => Command::new(rust_example()?),
            false => {
                let mut command = Command::new(&python);
                command.arg(&example);
                command
            }
        };
        command
            .env("WANBOX_ROOT", router.path("/"))
            .args(words)
            .arg(DEVICE);
        Ok(command)
    };
    // Lines shorter and longer than packets.
    let lines: String = (0..300)
        .map(|n| format!("{n} {}\n", "x".repeat(n)))
        .collect();
    for rust in [true, false] {
        let mut echo = program(b, rust, &["--echo", "5*", "-c", "1"])?;
        echo.stdin(Stdio::null()).stderr(Stdio::null());
        let mut echo = Running::from(echo.spawn()?);
        wait_listening(b, DEVICE, 1)?;
        let mut call = program(a, !rust, &["--call", "55", "-n", "300"])?;
        let done = run_with_input(&net, a, &mut call, &lines)?;
        let text = done.ok().map_err(|error| net.explain(error))?;
        ensure!(text == lines, "{text}");
        ensure!(echo.end(SOON)?.success(), "the echo failed");
    }
    let status = finish(&mut program(a, false, &["--status"])?, SOON)?.ok()?;
    ensure!(status.starts_with("state idle, link up\n"), "{status}");
    Ok(())
}

/// The example in Rust, which cargo builds beside the tests.
fn rust_example() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let path = tests
        .parent()
        .and_then(|deps| deps.parent())
        .map(|dir| dir.join("examples/x25api"))
        .filter(|path| path.is_file());
    path.ok_or_else(|| Error::new("no example x25api: cargo build --examples"))
}

/// An application of a test.
pub struct Application {
    socket: Datagram,
    buffer: Vec<u8>,
}

/// A message of the daemon.
#[derive(Debug)]
pub struct Message {
    pub repr: Repr,
    pub payload: Vec<u8>,
}

impl Application {
    /// Connects, and takes the status that comes first.
    pub fn new(router: &Router, device: &str) -> Result<Self> {
        let path = router.path(&format!("/run/wanbox/x25/{device}"));
        let mut application = Self {
            socket: Datagram::local(&path)?,
            buffer: vec![0; HEADER + MAX_PAYLOAD + 1],
        };
        let first = application.any()?;
        ensure!(first.repr.kind == Kind::Status, "{first:?}");
        Ok(application)
    }

    /// Listens for a pattern.
    pub fn listening(router: &Router, device: &str, pattern: &str) -> Result<Self> {
        let mut application = Self::new(router, device)?;
        application.send(Repr::new(Kind::Bind), pattern.as_bytes())?;
        application.expect(Kind::Done)?;
        application.send(Repr::new(Kind::Listen), &[])?;
        application.expect(Kind::Done)?;
        Ok(application)
    }

    /// Places a call, and does not wait.
    pub fn calling(router: &Router, device: &str, call: &Call<'_>) -> Result<Self> {
        let application = Self::new(router, device)?;
        application.send(tagged(Kind::Call, 1), &call.octets())?;
        Ok(application)
    }

    /// Accepts the next call that this one is told of, and says which it was.
    pub fn accept(&mut self, router: &Router, device: &str) -> Result<(Self, Message)> {
        let incoming = self.expect(Kind::Call)?;
        let mut application = Self::new(router, device)?;
        application.send(tagged(Kind::Accept, incoming.repr.tag), &[])?;
        application.expect(Kind::Accept)?;
        Ok((application, incoming))
    }

    fn any(&mut self) -> Result<Message> {
        let length = self
            .socket
            .receive_within(&mut self.buffer, SOON)?
            .ok_or_else(|| Error::new("no message of the daemon"))?;
        ensure!(length > 0, "the daemon ended the connection");
        let parsed = Repr::parse(&self.buffer[..length]);
        let (repr, payload) = parsed.map_err(|error| Error::new(error.to_string()))?;
        let payload = payload.to_vec();
        Ok(Message { repr, payload })
    }

    /// The next message, past news of the status.
    pub fn next(&mut self) -> Result<Message> {
        loop {
            let message = self.any()?;
            if message.repr.kind != Kind::Status || message.repr.tag != 0 {
                return Ok(message);
            }
        }
    }

    /// The next message, which is of this kind.
    pub fn expect(&mut self, kind: Kind) -> Result<Message> {
        let message = self.next()?;
        ensure!(message.repr.kind == kind, "{kind:?} expected: {message:?}");
        Ok(message)
    }

    /// Why the message with this tag is refused.
    pub fn refused(&mut self, tag: u32) -> Result<Reason> {
        let message = self.expect(Kind::Refused)?;
        ensure!(message.repr.tag == tag, "{message:?}");
        let refused = Refused::parse(&message.payload);
        Ok(refused
            .map_err(|error| Error::new(error.to_string()))?
            .reason)
    }

    /// The daemon has ended the connection.
    pub fn expect_end(&mut self) -> Result {
        let length = self.socket.receive_within(&mut self.buffer, SOON)?;
        ensure!(length == Some(0), "the connection goes on");
        Ok(())
    }

    /// Sends a message; `false`: the socket takes none now.
    pub fn try_send(&self, repr: Repr, payload: &[u8]) -> Result<bool> {
        match self.socket.send(&repr.message(payload)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a message when the socket takes it.
    pub fn send(&self, repr: Repr, payload: &[u8]) -> Result {
        let started = Instant::now();
        while !self.try_send(repr, payload)? {
            ensure!(started.elapsed() < SOON, "the socket takes nothing");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    pub fn status(&mut self) -> Result<Status> {
        self.send(tagged(Kind::Status, 77), &[])?;
        let message = self.expect(Kind::Status)?;
        Status::parse(&message.payload).map_err(|error| Error::new(error.to_string()))
    }
}

pub fn tagged(kind: Kind, tag: u32) -> Repr {
    Repr {
        tag,
        ..Repr::new(kind)
    }
}

/// A call to this address.
pub fn to(called: &str) -> Call<'_> {
    Call {
        called,
        ..Call::default()
    }
}
