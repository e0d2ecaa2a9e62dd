//! Interfaces used as API: applications exchange raw frames over the sockets of two routers.

use std::io::{IoSlice, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Need, Result, Router, ensure, need, until, wait_for};
use wanbox_runtime::datagram::Datagram;
use wanbox_wire::api::{Content, HEADER, Kind, Reason, Refused, Repr, Status, flags};

use crate::network::{Channel, DEVICE, End, Over, Pair, UP};
use crate::{source, test};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const EXAMPLES: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("python3"),
];

mod flow;

/// The longest that anything on a quick line takes, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        test("api::rust_and_python", EXAMPLES, rust_and_python),
        test("api::status_and_marks", NEEDS, status_and_marks),
        test("api::cisco_hdlc_types", NEEDS, cisco_hdlc_types),
        test("api::wrong_messages", NEEDS, wrong_messages),
        test("api::one_application", NEEDS, one_application),
        test("api::line_cut", NEEDS, line_cut),
    ];
    tests.extend(flow::tests());
    tests
}

/// An application with an interface.
pub struct Application {
    socket: Datagram,
    buffer: Vec<u8>,
}

/// A message of the daemon.
pub struct Message {
    pub header: Repr,
    pub payload: Vec<u8>,
}

impl Application {
    /// Connects, and takes the status that comes first. Another test that starts a program has
    /// our descriptors open for a moment, also one that was just closed: the interface may look
    /// taken until then.
    pub fn new(router: &Router, channel: &Channel) -> Result<Self> {
        wait_for("the interface", SOON, || {
            let mut application = Self::silent(router, channel)?;
            let first = application.next()?;
            Ok((first.header.kind == Kind::Status).then_some(application))
        })
    }

    /// Connects.
    fn silent(router: &Router, channel: &Channel) -> Result<Self> {
        let path = router.path(&format!("/run/wanbox/api/{}", channel.name()));
        Ok(Self {
            socket: Datagram::local(&path)?,
            buffer: vec![0; 1 << 17],
        })
    }

    /// The next message; an error when there is none for long, or the daemon ended it.
    fn next(&mut self) -> Result<Message> {
        self.try_next()?
            .ok_or_else(|| Error::new("the daemon ended the connection"))
    }

    fn try_next(&mut self) -> Result<Option<Message>> {
        let length = self
            .socket
            .receive_within(&mut self.buffer, SOON)?
            .ok_or_else(|| Error::new("no message of the daemon"))?;
        if length == 0 {
            return Ok(None);
        }
        let (header, payload) =
            Repr::parse(&self.buffer[..length]).map_err(|error| Error::new(error.to_string()))?;
        Ok(Some(Message {
            header,
            payload: payload.to_vec(),
        }))
    }

    /// The next message of this kind; only news of the status may come before.
    pub fn next_of(&mut self, kind: Kind) -> Result<Message> {
        loop {
            let message = self.next()?;
            if message.header.kind == kind {
                return Ok(message);
            }
            ensure!(message.header.kind == Kind::Status, "{:?}", message.header);
        }
    }

    /// Why the message with this tag was refused.
    pub fn refused(&mut self, tag: u32) -> Result<Refused> {
        let message = self.next_of(Kind::Refused)?;
        ensure!(message.header.tag == tag, "{:?}", message.header);
        Refused::parse(&message.payload).map_err(|error| Error::new(error.to_string()))
    }

    /// Sends a frame when the socket takes it.
    pub fn send(&self, header: Repr, payload: &[u8]) -> Result {
        let header = Repr {
            length: payload.len() as u16,
            ..header
        };
        let octets = header.octets();
        let started = Instant::now();
        loop {
            let pieces = [IoSlice::new(&octets), IoSlice::new(payload)];
            match self.socket.send_pieces(&pieces) {
                Ok(()) => return Ok(()),
                Err(error)
                    if error.kind() == std::io::ErrorKind::WouldBlock
                        && started.elapsed() < SOON =>
                {
                    thread::sleep(Duration::from_micros(200));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends octets that need not be a message.
    fn send_octets(&self, octets: &[u8]) -> Result {
        Ok(self.socket.send(octets)?)
    }

    /// Asks for the status, with this tag.
    pub fn status(&mut self, tag: u32) -> Result<Status> {
        self.send(
            Repr {
                tag,
                ..Repr::new(Kind::Status)
            },
            &[],
        )?;
        loop {
            let message = self.next_of(Kind::Status)?;
            if message.header.tag == tag {
                return Status::parse(&message.payload)
                    .map_err(|error| Error::new(error.to_string()));
            }
        }
    }
}

pub const DATA: Repr = Repr::new(Kind::Data);

pub fn tagged(tag: u32) -> Repr {
    Repr {
        tag,
        flags: flags::ACK,
        ..DATA
    }
}

fn api(dlci: u16) -> Channel {
    Channel {
        usage: "API",
        ..Channel::dlci(dlci)
    }
}

/// Two routers with these channels used as API, and others.
fn frame_relay(more: &[Channel]) -> Result<Pair> {
    let end = |station: &str| {
        let channels = [&[api(16)], more].concat();
        let dlcis: Vec<u16> = channels.iter().filter_map(|c| c.dlci).collect();
        End {
            channels,
            ..End::frame_relay(station, "ANSI", &dlcis)
        }
    };
    let (node, cpe) = (end("NODE"), end("CPE"));
    Pair::up(Over::Cable, &node, &cpe)
}

fn hdlc(keys: &str) -> Result<(Pair, Channel)> {
    let mut end = End::cisco_hdlc();
    end.channels[0].usage = "API";
    end.channels[0].keys += keys;
    let pair = Pair::up(Over::Cable, &end, &end)?;
    Ok((pair, end.channels.remove(0)))
}

fn counter(router: &Router, channel: &Channel, name: &str) -> Result<u64> {
    let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
    let counters: serde_json::Value = serde_json::from_str(&text)?;
    counters[&channel.name()][name]
        .as_u64()
        .ok_or_else(|| Error::new(format!("no counter {name} in {text}")))
}

/// A payload that tells its number and is checked as a whole.
fn numbered(number: u32, octets: usize) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.extend((0..octets.saturating_sub(4)).map(|n| (n as u32 ^ number) as u8));
    payload
}

fn number_of(payload: &[u8]) -> Result<u32> {
    let first = payload.first_chunk();
    let number = first.map(|octets| u32::from_be_bytes(*octets));
    match number {
        Some(number) if payload == numbered(number, payload.len()) => Ok(number),
        _ => Err(Error::new(format!("a damaged frame: {payload:02x?}"))),
    }
}

/// The example in Rust, which cargo builds beside the tests.
fn rust_example() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let path = tests
        .parent()
        .and_then(|deps| deps.parent())
        .map(|dir| dir.join("examples/wanapi"))
        .filter(|path| path.is_file());
    path.ok_or_else(|| Error::new("no example wanapi: cargo build --examples"))
}

/// The two example programs: frames with every octet in them go there and back, in order.
fn rust_and_python() -> Result {
    let pair = frame_relay(&[])?;
    let python = need::find_tool("python3").ok_or_else(|| Error::new("no python3"))?;
    let example = source().join("examples/wanapi.py");
    let rust = || Ok::<_, Error>(Command::new(rust_example()?));
    let script = || {
        let mut command = Command::new(&python);
        command.arg(&example);
        Ok(command)
    };
    type Program<'p> = &'p dyn Fn() -> Result<Command>;
    let both: [(Program<'_>, Program<'_>); 2] = [(&rust, &script), (&script, &rust)];
    for (sender, echo) in both {
        let mut echo = echo()?
            .args(["--echo", &api(16).name()])
            .env("WANBOX_ROOT", pair.b.path("/"))
            .stdin(Stdio::null())
            .spawn()?;
        until("the echo to have its interface", SOON, || {
            let process = &pair.b.status(DEVICE)?["interfaces"][0]["api"]["process"];
            Ok(*process == echo.id())
        })?;
        let frames: String = (0..100_u32)
            .map(|n| {
                let octets = (0..n % 50 * 29 + 1).map(|i| format!("{:02x}", (i + n) as u8));
                octets.collect::<String>() + "\n"
            })
            .collect();
        let mut sending = sender()?
            .args(["-n", "100", &api(16).name()])
            .env("WANBOX_ROOT", pair.a.path("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = sending.stdin.take().ok_or_else(|| Error::new("no pipe"))?;
        let text = frames.clone();
        let writer = thread::spawn(move || input.write_all(text.as_bytes()));
        let output = sending.wait_with_output()?;
        let written = writer.join();
        echo.kill()?;
        echo.wait()?;
        ensure!(matches!(written, Ok(Ok(()))), "its input was not read");
        ensure!(
            output.status.success() && output.stderr.is_empty(),
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let received = String::from_utf8_lossy(&output.stdout);
        ensure!(received == frames, "received\n{received}\nsent\n{frames}");
    }
    for program in [rust()?, script()?] {
        let mut program = program;
        program
            .args(["--status", &api(16).name()])
            .env("WANBOX_ROOT", pair.a.path("/"));
        let text = finish(&mut program, SOON)?.ok()?;
        ensure!(
            text.starts_with("link up, channel up\ncontent Frame Relay, DLCI 16\nlimit 1508\n"),
            "{text}"
        );
        ensure!(text.contains("tx_frames 200\n"), "{text}");
    }
    Ok(())
}

/// What the header says of a frame arrives; the status says what was done.
fn status_and_marks() -> Result {
    let pair = frame_relay(&[])?;
    let mut a = Application::new(&pair.a, &api(16))?;
    let mut b = Application::new(&pair.b, &api(16))?;
    let status = b.status(5)?;
    ensure!(
        status.link_up
            && status.channel_up
            && status.content == Content::FrameRelay
            && status.limit == 1508,
        "{status:?}"
    );
    let sets = [
        0,
        flags::FECN,
        flags::BECN,
        flags::DE,
        flags::CR,
        flags::FECN | flags::BECN | flags::DE | flags::CR,
    ];
    for (number, set) in sets.into_iter().enumerate() {
        a.send(Repr { flags: set, ..DATA }, &numbered(number as u32, 300))?;
        let message = b.next_of(Kind::Data)?;
        let header = message.header;
        ensure!(
            header.flags == set && header.dlci == 16 && header.tag == 0 && header.protocol == 0,
            "{header:?}"
        );
        let now = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let age = now.abs_diff(header.time_ns.into());
        ensure!(age < SOON.as_nanos(), "received {age} ns from now");
        ensure!(number_of(&message.payload)? == number as u32, "order");
    }
    let (a, b) = (a.status(1)?, b.status(2)?);
    ensure!((a.tx_frames, a.tx_octets) == (6, 1800), "{a:?}");
    ensure!((b.rx_frames, b.rx_octets) == (6, 1800), "{b:?}");
    ensure!(b.rx_lost == 0 && b.tx_refused == 0, "{b:?}");
    // What commands say of it.
    let status = &pair.a.status(DEVICE)?["interfaces"][0];
    ensure!(
        status["usage"] == "API" && status["up"] == true && status["connected"] == true,
        "{status}"
    );
    ensure!(status["api"]["process"] == std::process::id(), "{status}");
    let text = pair.a.ok(&format!("wanrouter status {DEVICE}"))?;
    ensure!(text.contains("used by process"), "{text}");
    let links = pair.a.netns.ip("link show")?;
    ensure!(!links.contains("wp1_fr16"), "a network interface: {links}");
    Ok(())
}

/// On Cisco HDLC an application has every type but the protocol's own.
fn cisco_hdlc_types() -> Result {
    let (pair, channel) = hdlc("")?;
    let mut a = Application::new(&pair.a, &channel)?;
    let mut b = Application::new(&pair.b, &channel)?;
    ensure!(b.status(5)?.content == Content::CiscoHdlc, "content");
    for protocol in [0x0800, 0x2000, 0x1234] {
        a.send(Repr { protocol, ..DATA }, &numbered(protocol.into(), 40))?;
        let message = b.next_of(Kind::Data)?;
        ensure!(message.header.protocol == protocol, "{:?}", message.header);
        ensure!(
            number_of(&message.payload)? == u32::from(protocol),
            "payload"
        );
    }
    let slarp = Repr {
        protocol: 0x8035,
        ..tagged(9)
    };
    a.send(slarp, &[0; 18])?;
    ensure!(a.refused(9)?.reason == Reason::Unsupported, "SLARP is sent");
    Ok(())
}

/// Every message that is wrong is answered, and the connection goes on.
fn wrong_messages() -> Result {
    let pair = frame_relay(&[])?;
    let mut a = Application::new(&pair.a, &api(16))?;
    let right = Repr {
        length: 1,
        ..tagged(0x0102_0304)
    };
    let changed = |place: usize, octet: u8| {
        let mut message = right.octets().to_vec();
        message.push(0xaa);
        message[place] = octet;
        message
    };
    let wrong = [
        changed(0, 2),
        changed(1, 0x7f),
        changed(1, Kind::Sent.number()),
        changed(2, 0x80),
        changed(7, 2),
        changed(7, 0),
        changed(14, 1),
        right.octets()[..12].to_vec(),
        tagged(0x0102_0304).octets().to_vec(),
        [&changed(0, 1), &[0; 70_000][..]].concat(),
    ];
    let count = wrong.len() as u64 + 2;
    for message in wrong {
        a.send_octets(&message)?;
        let refused = a.refused(0x0102_0304)?;
        ensure!(
            refused.reason == Reason::Malformed,
            "{refused:?} for {:02x?}",
            &message[..message.len().min(HEADER)]
        );
    }
    a.send_octets(&[1])?;
    ensure!(a.refused(0)?.reason == Reason::Malformed, "one octet");
    a.send(tagged(1), &numbered(1, 1509))?;
    let refused = a.refused(1)?;
    ensure!(
        (refused.reason, refused.limit) == (Reason::TooLong, 1508),
        "{refused:?}"
    );
    a.send(tagged(2), &numbered(2, 1508))?;
    ensure!(a.next_of(Kind::Sent)?.header.tag == 2, "the longest");
    ensure!(a.status(3)?.tx_refused == count, "counted");
    ensure!(
        counter(&pair.a, &api(16), "tx_malformed")? == count - 1,
        "malformed"
    );
    Ok(())
}

/// One application has an interface at a time, and a dead one does not keep it.
fn one_application() -> Result {
    let pair = frame_relay(&[])?;
    let mut a = Application::new(&pair.a, &api(16))?;
    for _ in 0..3 {
        let mut second = Application::silent(&pair.a, &api(16))?;
        ensure!(second.refused(0)?.reason == Reason::Busy, "not told");
        ensure!(second.try_next()?.is_none(), "kept");
    }
    ensure!(a.status(1)?.link_up, "the first is served on");
    for _ in 0..20 {
        drop(a);
        a = Application::new(&pair.a, &api(16))?;
    }
    // One that is killed: its process holds the other end.
    drop(a);
    let mut child = Command::new(rust_example()?)
        .args(["--echo", &api(16).name()])
        .env("WANBOX_ROOT", pair.a.path("/"))
        .stdin(Stdio::null())
        .spawn()?;
    until("the application to have it", SOON, || {
        Ok(pair.a.status(DEVICE)?["interfaces"][0]["api"]["process"] == child.id())
    })?;
    child.kill()?;
    child.wait()?;
    let mut a = Application::new(&pair.a, &api(16))?;
    ensure!(a.status(1)?.channel_up, "not served after the killed one");
    ensure!(counter(&pair.a, &api(16), "api_busy")? >= 3, "busy");
    let clients = counter(&pair.a, &api(16), "api_clients")?;
    ensure!(clients == 23, "{clients} clients");
    // The interface goes, and its application hears of it.
    pair.a
        .ok(&format!("wanrouter stop {DEVICE} {}", api(16).name()))?;
    while a.try_next()?.is_some() {}
    Ok(())
}

/// A line that is cut is told, and so is every frame that cannot go.
fn line_cut() -> Result {
    let pair = frame_relay(&[])?;
    let mut a = Application::new(&pair.a, &api(16))?;
    pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    loop {
        let message = a.next_of(Kind::Status)?;
        let status = Status::parse(&message.payload).map_err(|e| Error::new(e.to_string()))?;
        if !status.link_up {
            ensure!(!status.channel_up, "{status:?}");
            break;
        }
    }
    a.send(tagged(1), &[1])?;
    ensure!(a.refused(1)?.reason == Reason::LinkDown, "not refused");
    pair.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
    until("the channel to be up again", UP, || {
        Ok(a.status(2)?.channel_up)
    })?;
    a.send(tagged(3), &[3])?;
    ensure!(a.next_of(Kind::Sent)?.header.tag == 3, "not sent");
    Ok(())
}
