//! Asynchronous lines: characters for an application, in pieces, over streams and serial ports.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::unistd::ttyname;
use wanbox_rig::need::find_tool;
use wanbox_rig::{Error, Lab, Need, Result, Router, Running, TempDir, ensure, until};
use wanbox_wire::api::{Content, Kind, Reason, Repr, flags};

use crate::api::{Application, DATA, tagged};
use crate::network::{Channel, DEVICE, End, UP, install};
use crate::{source, test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip")];
const FOREIGN: &[Need] = &[
    Need::Namespaces,
    Need::Tool("ip"),
    Need::Tool("socat"),
    Need::Tool("python3"),
];

const LAB: &[Need] = &[Need::Lab, Need::Tool("socat")];

/// The longest that anything on a quick line takes, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// Echoes characters as capitals, however they come.
const CAPITALS: &str = "import os
while True:
    characters = os.read(0, 4096)
    if not characters:
        break
    os.write(1, characters.upper())
";

pub fn tests() -> Vec<Trial> {
    vec![
        test("async_mode::pieces", NEEDS, pieces),
        test("async_mode::to_the_line", NEEDS, to_the_line),
        test("async_mode::serial_port", NEEDS, serial_port),
        test("async_mode::slow_application", NEEDS, slow_application),
        test("async_mode::xon_and_xoff", NEEDS, xon_and_xoff),
        test("async_mode::foreign_peers", FOREIGN, foreign_peers),
        test("async_mode::bad_configurations", NEEDS, bad_configurations),
        test("async_mode::lab", LAB, lab),
    ]
}

/// An end with these keys at this rate.
fn end(rate: &str, keys: &str) -> End {
    End {
        keys: format!("INTERFACE = RS232\nCLOCKING = INTERNAL\nBAUDRATE = {rate}\n"),
        channels: vec![Channel {
            usage: "API",
            keys: format!("ASYNC_MODE = YES\n{keys}"),
            ..Channel::default()
        }],
        ..End::cisco_hdlc()
    }
}

/// A router with such an end, started.
fn started(end: &End, line: &str) -> Result<Router> {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    install(&router, end, line, 0)?;
    router.ok("wanrouter start")?;
    Ok(router)
}

/// The application of an interface whose line has its carrier.
fn application(router: &Router, end: &End) -> Result<Application> {
    until(
        "the link to come up",
        UP,
        || Ok(router.is_connected(DEVICE)),
    )
    .map_err(|error| Error::new(format!("{error}\n{}", router.logs())))?;
    Application::new(router, &end.channels[0])
}

fn call(router: &Router) -> Result<TcpStream> {
    let stream = (router.netns).inside(|| Ok(TcpStream::connect("127.0.0.1:7000")?))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// A counter of this group.
fn counter(router: &Router, group: &str, name: &str) -> Result<u64> {
    let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
    let all = wanbox_rig::json::parse(&text)?;
    all[group][name]
        .as_u64()
        .ok_or_else(|| Error::new(format!("no counter {group} {name}: {text}")))
}

/// So many characters, every value among them.
fn characters(count: usize) -> Vec<u8> {
    (0..count as u32)
        .map(|n| (n ^ n >> 8 ^ n >> 16) as u8)
        .collect()
}

/// Pieces until they have so many characters.
fn receive(application: &mut Application, count: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(application.next_of(Kind::Data)?.payload);
    }
    Ok(all)
}

/// Pieces end by their length, by silence, and with the line.
fn pieces() -> Result {
    let end = end(
        "115200",
        "RX_COMPLETE_LENGTH = 20\nINTER_CHAR_TIMER = 1500\nRX_BITS_PER_CHAR = 7\n",
    );
    let router = started(&end, "tcp-listen:127.0.0.1:7000")?;
    let mut peer = call(&router)?;
    let mut application = application(&router, &end)?;
    let status = application.status(1)?;
    ensure!(
        status.content == Content::Characters && status.limit == 1500 && status.link_up,
        "{status:?}"
    );
    let sent: Vec<u8> = (0..45).map(|n| n | 0x80).collect();
    peer.write_all(&sent)?;
    let mut times = Vec::new();
    for piece in sent.chunks(20) {
        let message = application.next_of(Kind::Data)?;
        let expected: Vec<u8> = piece.iter().map(|octet| octet & 0x7f).collect();
        ensure!(message.payload == expected, "{:?}", message.payload);
        ensure!(message.header.flags == 0, "{:?}", message.header);
        times.push(message.header.time_ns);
    }
    let silence = Duration::from_nanos(times[2] - times[1]);
    ensure!(
        silence >= Duration::from_millis(1400),
        "the rest came after {silence:?}"
    );
    // Characters that come in time make one piece.
    for part in [b"ab", b"cd", b"ef"] {
        peer.write_all(part)?;
        thread::sleep(Duration::from_millis(100));
    }
    let message = application.next_of(Kind::Data)?;
    ensure!(message.payload == b"abcdef", "{:?}", message.payload);
    // What came before the other end went away is delivered first.
    peer.write_all(b"the end")?;
    drop(peer);
    let message = application.next_of(Kind::Data)?;
    ensure!(message.payload == b"the end", "{:?}", message.payload);
    until("the link to go down", UP, || {
        Ok(!application.status(2)?.link_up)
    })?;
    application.send(tagged(3), b"nobody")?;
    let refused = application.refused(3)?;
    ensure!(refused.reason == Reason::LinkDown, "{refused:?}");
    for (name, value) in [
        ("rx_characters", 58),
        ("rx_pieces_by_length", 2),
        ("rx_pieces_by_silence", 2),
        ("rx_pieces_by_line", 1),
        ("rx_breaks", 0),
    ] {
        let counted = counter(&router, "async", name)?;
        ensure!(counted == value, "{name} is {counted}");
    }
    let shown = router.status(DEVICE)?;
    let characters = &shown["characters"];
    ensure!(
        characters["format"] == "8/7N1"
            && characters["piece_length"] == 20
            && characters["inter_char_ms"] == 1500,
        "{shown}"
    );
    let text = router.ok(&format!("wanrouter status {DEVICE}"))?
        + &router.ok(&format!("wanconfig card {DEVICE} status"))?;
    ensure!(text.contains("8/7N1, pieces of 20"), "{text}");
    // Another end is as good as the first.
    let mut peer = call(&router)?;
    until("the link to come up", UP, || {
        Ok(application.status(4)?.link_up)
    })?;
    peer.write_all(&[0x33; 20])?;
    ensure!(receive(&mut application, 20)? == [0x33; 20], "damaged");
    Ok(())
}

/// What an application sends is characters of so many bits, at the rate of the line.
fn to_the_line() -> Result {
    let end = end("9600", "TX_BITS_PER_CHAR = 7\nSTOP_BITS = TWO\n");
    let router = started(&end, "tcp-listen:127.0.0.1:7000")?;
    let mut peer = call(&router)?;
    let mut application = application(&router, &end)?;
    let sent = characters(1024);
    let clock = Instant::now();
    for (tag, piece) in sent.chunks(100).enumerate() {
        application.send(tagged(tag as u32), piece)?;
    }
    let mut received = vec![0; sent.len()];
    peer.read_exact(&mut received)?;
    let took = clock.elapsed();
    let expected: Vec<u8> = sent.iter().map(|octet| octet & 0x7f).collect();
    ensure!(received == expected, "damaged on the way");
    // Ten bits a character: 7, a start bit and two stop bits.
    ensure!(
        took > Duration::from_millis(900),
        "1024 characters in {took:?}"
    );
    for tag in 0..11 {
        let answer = application.next_of(Kind::Sent)?;
        ensure!(answer.header.tag == tag, "{:?}", answer.header);
    }
    let with_break = |tag| Repr {
        flags: flags::BREAK,
        ..tagged(tag)
    };
    // There is no break on a connection.
    application.send(with_break(20), b"")?;
    application.send(with_break(21), b"abc")?;
    application.send(tagged(22), b"")?;
    application.send(tagged(23), &[0x55; 1501])?;
    for (tag, reason) in [
        (20, Reason::Unsupported),
        (21, Reason::Unsupported),
        (22, Reason::Malformed),
        (23, Reason::TooLong),
    ] {
        let refused = application.refused(tag)?;
        ensure!(refused.reason == reason, "{tag}: {refused:?}");
    }
    ensure!(counter(&router, "async", "tx_breaks")? == 0, "breaks");
    Ok(())
}

/// Two routers: a pseudo-terminal of one is the serial port of the other.
struct Wire {
    a: Router,
    b: Router,
    _files: TempDir,
}

fn wire(a: &End, b: &End) -> Result<Wire> {
    let files = TempDir::new()?;
    let port = files.path().join("port");
    let a = started(a, "pty:/dev/line")?;
    std::os::unix::fs::symlink(a.path("/dev/line"), &port)?;
    let b = started(b, &format!("tty:{}", port.display()))?;
    Ok(Wire {
        a,
        b,
        _files: files,
    })
}

/// Characters of every value pass a serial port both ways, at the same time.
fn serial_port() -> Result {
    let end = end("8000000", "INTER_CHAR_TIMER = 5\nRX_COMPLETE_LENGTH = 0\n");
    let wire = wire(&end, &end)?;
    let mut a = application(&wire.a, &end)?;
    let mut b = application(&wire.b, &end)?;
    let all = characters(128 * 1024);
    let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
    for piece in all.chunks(1024) {
        a.send(DATA, piece)?;
        b.send(DATA, piece)?;
        at_a.extend(a.next_of(Kind::Data)?.payload);
        at_b.extend(b.next_of(Kind::Data)?.payload);
    }
    at_a.extend(receive(&mut a, all.len() - at_a.len())?);
    at_b.extend(receive(&mut b, all.len() - at_b.len())?);
    ensure!(at_a == all && at_b == all, "damaged on the way");
    let status = wire.b.status(DEVICE)?;
    ensure!(status["characters"]["format"] == "8N1", "{status}");
    ensure!(
        counter(&wire.b, "line", "characters_damaged")? == 0
            && counter(&wire.b, "line", "characters_bad_marks")? == 0
            && counter(&wire.b, "async", "rx_characters")? == all.len() as u64,
        "characters were damaged"
    );
    wire.b.ok("wanrouter stop")?;
    until("the hang-up", UP, || Ok(!a.status(1)?.link_up))?;
    wire.b.ok("wanrouter start")?;
    b = application(&wire.b, &end)?;
    until("the link to come up", UP, || Ok(a.status(2)?.link_up))?;
    b.send(DATA, b"again")?;
    ensure!(receive(&mut a, 5)? == b"again", "damaged on the way");
    Ok(())
}

/// An application that does not read has the line left unread: nothing is lost.
fn slow_application() -> Result {
    let end = end(
        "50000000",
        "INTER_CHAR_TIMER = 5\nRX_COMPLETE_LENGTH = 500\n",
    );
    let wire = wire(&end, &end)?;
    let a = application(&wire.a, &end)?;
    let mut b = application(&wire.b, &end)?;
    let all = characters(2 << 20);
    let whole = all.clone();
    let writer = thread::spawn(move || {
        for piece in whole.chunks(1500) {
            a.send(DATA, piece)?;
        }
        Ok::<_, Error>(a)
    });
    let interface = end.channels[0].name();
    until("the line to be left unread", SOON, || {
        Ok(counter(&wire.b, &interface, "api_line_paused")? > 0)
    })?;
    thread::sleep(Duration::from_millis(300));
    ensure!(!writer.is_finished(), "2 MiB were taken at once");
    ensure!(receive(&mut b, all.len())? == all, "damaged on the way");
    let _a = writer
        .join()
        .map_err(|_| Error::new("the writer panicked"))??;
    ensure!(
        counter(&wire.b, &interface, "api_rx_lost")? == 0,
        "characters were lost"
    );
    Ok(())
}

/// A pseudo-terminal of the test's own, whose slave is a router's serial port.
struct Terminal {
    master: File,
    slave: OwnedFd,
}

impl Terminal {
    fn new() -> Result<Self> {
        let pair = openpty(None, None)?;
        Ok(Self {
            master: pair.master.into(),
            slave: pair.slave,
        })
    }

    fn line(&self) -> Result<String> {
        Ok(format!("tty:{}", ttyname(&self.slave)?.display()))
    }

    /// What comes within this time.
    fn read_for(&self, time: Duration) -> Result<Vec<u8>> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let (clock, mut all) = (Instant::now(), Vec::new());
        while let Some(rest) = time.checked_sub(clock.elapsed()) {
            let mut set = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            let wait = PollTimeout::try_from(rest.as_millis()).unwrap_or(PollTimeout::MAX);
            if poll(&mut set, wait)? > 0 {
                let mut octets = [0; 4096];
                let count = (&self.master).read(&mut octets)?;
                all.extend_from_slice(&octets[..count]);
            }
        }
        Ok(all)
    }
}

/// The software handshake with characters of the file: obeyed, and not given to the application.
fn xon_and_xoff() -> Result {
    let end = end(
        "19200",
        "XON_XOFF_HS_FOR_TRANSMIT = YES\nXON_CHAR = 0xFE\nXOFF_CHAR = 0xFF\n\
         INTER_CHAR_TIMER = 50\nRX_COMPLETE_LENGTH = 20\n",
    );
    let mut terminal = Terminal::new()?;
    let router = started(&end, &terminal.line()?)?;
    let mut application = application(&router, &end)?;
    terminal.master.write_all(b"ab\x11\x13\xffcd")?;
    let received = receive(&mut application, 6)?;
    ensure!(received == b"ab\x11\x13cd", "{received:?}");
    application.send(tagged(1), b"held")?;
    let early = terminal.read_for(Duration::from_millis(300))?;
    ensure!(early.is_empty(), "sent after XOFF: {early:?}");
    terminal.master.write_all(b"\xfe")?;
    let mut octets = [0; 4];
    terminal.master.read_exact(&mut octets)?;
    ensure!(&octets == b"held", "{octets:?}");
    ensure!(
        router.status(DEVICE)?["characters"]["handshakes"]
            == serde_json::json!(["XON_XOFF_HS_FOR_TRANSMIT"]),
        "handshakes"
    );
    Ok(())
}

fn tool(name: &str) -> Result<Command> {
    let path = find_tool(name).ok_or_else(|| Error::new(format!("no {name}")))?;
    Ok(Command::new(path))
}

/// Programs that know nothing of this one at the other end: socat and Python on a terminal and on
/// a connection that is made from here.
fn foreign_peers() -> Result {
    let end = end("115200", "INTER_CHAR_TIMER = 20\n");
    let files = TempDir::new()?;
    let script = files.path().join("capitals.py");
    std::fs::write(&script, CAPITALS)?;
    let python = find_tool("python3").ok_or_else(|| Error::new("no python3"))?;
    let program = format!("EXEC:{} {}", python.display(), script.display());

    let port = files.path().join("port");
    let pty = format!("PTY,link={},raw,echo=0", port.display());
    let _socat = Running::from(tool("socat")?.args([&pty, &program]).spawn()?);
    until("socat's terminal", SOON, || Ok(port.exists()))?;
    let router = started(&end, &format!("tty:{}", port.display()))?;
    capitals(&router, &end)?;

    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    let mut socat = tool("socat")?;
    socat.args(["TCP-LISTEN:7000,bind=127.0.0.1,reuseaddr", &program]);
    let _socat = Running::from(router.netns.spawn(&mut socat)?);
    install(&router, &end, "tcp:127.0.0.1:7000", 0)?;
    router.ok("wanrouter start")?;
    capitals(&router, &end)
}

fn capitals(router: &Router, end: &End) -> Result {
    let mut application = application(router, end)?;
    for text in ["hello", "a longer line of characters, in several pieces"] {
        application.send(DATA, text.as_bytes())?;
        let received = receive(&mut application, text.len())?;
        ensure!(received == text.to_uppercase().as_bytes(), "{received:?}");
    }
    Ok(())
}

fn bad_configurations() -> Result {
    let terminal = Terminal::new()?;
    let port = terminal.line()?;
    let both = "TX_BITS_PER_CHAR = 7\nRX_BITS_PER_CHAR = 7\n";
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    for (line, keys, says) in [
        ("cable:x", "", "a stream of them"),
        (port.as_str(), both, "does not take 7 bits a character"),
        (&port, "PARITY = EVEN\n", "does not take even parity"),
        (&port, "RX_BITS_PER_CHAR = 7\n", "one size of characters"),
        (
            &port,
            "RTS_HS_FOR_RECEIVE = YES\n",
            "RTS and CTS only together",
        ),
        (&port, "STOP_BITS = ONE_AND_HALF\n", "only with 5 bits"),
        (&port, "INTER_CHAR_TIMER = 1h\n", "out of range"),
        (&port, "XON_CHAR = 300\n", "out of range"),
    ] {
        install(&router, &end("19200", keys), line, 0)?;
        let finished = router.run("wanrouter start")?;
        ensure!(
            finished.code != 0 && (finished.stderr.clone() + &finished.stdout).contains(says),
            "{line} {keys} does not say {says}: {}{}{}",
            finished.stdout,
            finished.stderr,
            router.logs()
        );
    }
    // Keys that are the line's do not change while it runs.
    let before = end("19200", "RX_COMPLETE_LENGTH = 20\n");
    install(&router, &before, &port, 0)?;
    router.ok("wanrouter start")?;
    install(
        &router,
        &end("19200", "RX_COMPLETE_LENGTH = 21\n"),
        &port,
        0,
    )?;
    router.signal(DEVICE, Signal::SIGHUP)?;
    until("the change to be refused", SOON, || {
        Ok(router
            .logs()
            .contains("ASYNC_MODE or a key of it cannot change while the link runs"))
    })?;
    ensure!(
        router.status(DEVICE)?["characters"]["piece_length"] == 20,
        "it changed"
    );
    Ok(())
}

/// The kernel's driver of a real serial port, in the lab.
fn lab() -> Result {
    let script = std::fs::read_to_string(source().join("tests/lab/serial.sh"))?;
    let ran = Lab::new(&wanbox()).with(&["socat"]).run(&script, &[])?;
    let output = &ran.finished.stdout;
    let line = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name));
        line.ok_or_else(|| Error::new(format!("no {name}: {}", ran.everything())))
    };
    let sent = "01810000000000000000000700000000";
    // Characters that could be marks, NUL and DC1 pass as they are.
    for (name, wanted) in [
        ("octets ", "61ff00117a"),
        ("break ", "6f6b"),
        ("break ", sent),
        ("alone ", sent),
        ("seven ", "71007f7a"),
    ] {
        let line = line(name)?;
        ensure!(line.contains(wanted), "{name}{line}: {}", ran.everything());
    }
    let counters = ran.read("counters")?;
    let counter = |name: &str| -> Option<u64> {
        counters.lines().find_map(|line| {
            let (found, value) = line.trim().split_once(' ')?;
            (found == name).then(|| value.trim().parse().ok())?
        })
    };
    for (name, value) in [
        ("tx_breaks", 2),
        ("rx_characters", 7),
        ("characters_damaged", 0),
        ("port_overruns", 0),
    ] {
        ensure!(counter(name) == Some(value), "{name}: {counters}");
    }
    // The driver took these settings: the daemon reads them back.
    let status = ran.read("status")?;
    ensure!(
        status.contains("7E2, pieces of 20"),
        "{status}: {}",
        ran.everything()
    );
    Ok(())
}
