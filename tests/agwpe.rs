//! Programs of others at the AGWPE server of `net`: direwolf's `appserver` is called by way of two stations, and its
//! `aclients` sees what passes.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_rig::need::find_tool;
use wanbox_rig::{Error, Need, Netns, Result, Running, TempDir, ensure, until};
use wanbox_wire::agwpe::{Frame, Name, kind};
use wanbox_wire::ax25::Call;

use crate::net_devices::{Station, cable};
use crate::test;

const LIMIT: Duration = Duration::from_secs(60);

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip"), Need::Tool("socat")];
const CALLED: &[Need] = &[
    Need::Namespaces,
    Need::Tool("ip"),
    Need::Tool("socat"),
    Need::Tool("appserver"),
];
const MONITORED: &[Need] = &[
    Need::Namespaces,
    Need::Tool("ip"),
    Need::Tool("socat"),
    Need::Tool("aclients"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("agwpe::a_program_is_called", CALLED, called),
        test("agwpe::a_program_monitors", MONITORED, monitored),
        test("agwpe::much_at_once", NEEDS, much),
    ]
}

/// Two stations at a cable, each with a server for programs.
struct Air {
    netns: Netns,
    dir: TempDir,
    stations: Vec<Station>,
    _cable: Running,
}

/// The ports of the servers.
const PORTS: [u16; 2] = [8000, 8001];

impl Air {
    fn new() -> Result<Self> {
        let netns = Netns::new()?;
        netns.ip("link set lo up")?;
        let dir = TempDir::new()?;
        let ends = ["a", "b"].map(|name| dir.path().join(name));
        let cable = cable(&netns, &ends)?;
        let mut stations = Vec::new();
        for ((call, port), end) in ["DB0AAA", "DB0BBB"].iter().zip(PORTS).zip(&ends) {
            stations.push(Station::start(
                &netns,
                &format!(
                    "ax25 mycall {call}\nattach asy {} 0 kissi tnc0 0 256 38400\nifconfig tnc0 crc off\n\
                     start agwpe {port}\n",
                    end.display()
                ),
            )?);
        }
        Ok(Self {
            netns,
            dir,
            stations,
            _cable: cable,
        })
    }

    /// Starts a program of others, whose output goes to a file.
    fn start(&self, words: &[&str]) -> Result<(Running, File)> {
        let (tool, words) = words
            .split_first()
            .ok_or_else(|| Error::new("no program"))?;
        let tool = find_tool(tool).ok_or_else(|| Error::new("it is missing"))?;
        let path = self.dir.path().join("output");
        let output = File::create(&path)?;
        let mut command = Command::new(tool);
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        Ok((self.netns.spawn(&mut command)?.into(), File::open(path)?))
    }

    fn program(&self, station: usize) -> Result<Program> {
        let port = PORTS.get(station).copied().unwrap_or_default();
        let stream = self
            .netns
            .inside(|| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?))?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(Program {
            stream,
            input: Vec::new(),
        })
    }

    /// What the stations say of their connections, for errors.
    fn status(&self) -> String {
        let mut text = String::new();
        for station in &self.stations {
            text += &station.says("ax25 status").unwrap_or_default();
        }
        text
    }
}

/// A program of ours.
struct Program {
    stream: TcpStream,
    input: Vec<u8>,
}

/// A frame that a program got: its kind, the call sign it is from, its data.
struct Got {
    kind: char,
    from: Name,
    data: Vec<u8>,
}

fn name(word: &str) -> Name {
    Call::parse(word).map_or(Name::NONE, Name::from)
}

impl Program {
    fn send(&mut self, kind: u8, from: &str, to: &str, data: &[u8]) -> Result {
        let mut octets = Vec::new();
        let frame = Frame {
            from: name(from),
            to: name(to),
            ..Frame::new(0, kind, data)
        };
        frame.append(&mut octets);
        self.stream.write_all(&octets)?;
        Ok(())
    }

    /// The next frame, if there is one soon.
    fn next(&mut self) -> Result<Option<Got>> {
        loop {
            let parsed =
                Frame::parse(&self.input).map_err(|error| Error::new(error.to_string()))?;
            if let Some((frame, length)) = parsed {
                let got = Got {
                    kind: frame.kind.into(),
                    from: frame.from,
                    data: frame.data.to_vec(),
                };
                self.input.drain(..length);
                return Ok(Some(got));
            }
            let mut room = [0; 4096];
            match self.stream.read(&mut room) {
                Ok(0) => return Err(Error::new("the server closed the connection")),
                Ok(octets) => self.input.extend_from_slice(&room[..octets]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next frame of a kind; others are passed over.
    fn wait(&mut self, kind: u8) -> Result<Got> {
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            if let Some(got) = self.next()?
                && got.kind == char::from(kind)
            {
                return Ok(got);
            }
        }
        Err(Error::new(format!("no frame of kind {}", char::from(kind))))
    }

    /// Connects, again and again until somebody answers.
    fn connect(&mut self, from: &str, to: &str) -> Result {
        let end = Instant::now() + LIMIT;
        self.send(kind::REGISTER, from, "", b"")?;
        ensure!(self.wait(kind::REGISTER)?.data == [1], "{from} is taken");
        self.send(kind::CONNECT, from, to, b"")?;
        while Instant::now() < end {
            match self.next()? {
                Some(got) if got.kind == 'C' => {
                    ensure!(got.from == name(to), "connected with another");
                    let text = format!("*** CONNECTED With Station {to}\r\0");
                    ensure!(got.data == text.as_bytes(), "{:?}", got.data);
                    return Ok(());
                }
                Some(got) if got.kind == 'd' => {
                    thread::sleep(Duration::from_millis(200));
                    self.send(kind::CONNECT, from, to, b"")?;
                }
                _ => {}
            }
        }
        Err(Error::new(format!("{to} does not answer")))
    }

    /// Reads text until this is in it.
    fn until(&mut self, words: &str) -> Result<String> {
        let end = Instant::now() + LIMIT;
        let mut text = String::new();
        while Instant::now() < end && !text.contains(words) {
            if let Some(got) = self.next()?
                && got.kind == 'D'
            {
                text += &String::from_utf8_lossy(&got.data);
            }
        }
        ensure!(text.contains(words), "no {words:?} in {text:?}");
        Ok(text)
    }
}

/// `appserver` takes a call sign of its own at the first station, and is called from the second.
fn called() -> Result {
    let air = Air::new()?;
    let (mut running, mut output) = air.start(&["appserver", "-p", "8000", "DB0APP-3"])?;
    let mut said = String::new();
    let result = talk(&air);
    output.read_to_string(&mut said)?;
    if let Err(error) = result {
        let status = air.status();
        return Err(Error::new(format!("{error}\nappserver: {said}\n{status}")));
    }
    ensure!(said.contains("Begin session"), "{said}");
    ensure!(said.contains("N0PRA"), "{said}");
    // It goes: its call sign is free again.
    running.signal(nix::sys::signal::Signal::SIGTERM)?;
    running.end(LIMIT)?;
    let mut other = air.program(0)?;
    until("the call sign", LIMIT, || {
        other.send(kind::REGISTER, "DB0APP-3", "", b"")?;
        Ok(other.wait(kind::REGISTER)?.data == [1])
    })?;
    Ok(())
}

fn talk(air: &Air) -> Result {
    let mut program = air.program(1)?;
    program.connect("N0PRA", "DB0APP-3")?;
    program.until("Welcome!")?;
    program.send(kind::DATA, "N0PRA", "DB0APP-3", b"who\r")?;
    program.until("N0PRA")?;
    program.send(kind::DATA, "N0PRA", "DB0APP-3", b"bye\r")?;
    let ended = program.wait(kind::DISCONNECT)?;
    ensure!(ended.from == name("DB0APP-3"), "another ended");
    Ok(())
}

/// `aclients` shows what the first station hears.
fn monitored() -> Result {
    let air = Air::new()?;
    let (_running, mut output) = air.start(&["aclients", "8000=wanbox"])?;
    let mut program = air.program(1)?;
    let mut said = String::new();
    until("the beacon", LIMIT, || {
        program.send(kind::UNPROTO, "N0PRA-7", "BEACON", b"hello from wanbox")?;
        thread::sleep(Duration::from_millis(300));
        output.read_to_string(&mut said)?;
        Ok(said.contains("N0PRA-7") && said.contains("hello from wanbox"))
    })?;
    Ok(())
}

/// Programs at both stations: 50 kB in one piece arrive as they were sent, though the line is slower than the program.
fn much() -> Result {
    let air = Air::new()?;
    let mut listener = air.program(0)?;
    listener.send(kind::REGISTER, "DB0APP", "", b"")?;
    ensure!(
        listener.wait(kind::REGISTER)?.data == [1],
        "DB0APP is taken"
    );
    let mut caller = air.program(1)?;
    caller.connect("N0PRA", "DB0APP")?;
    let called = listener.wait(kind::CONNECT)?;
    ensure!(
        called.data == b"*** CONNECTED To Station N0PRA\r\0",
        "{:?}",
        called.data
    );
    let all: Vec<u8> = (0..50_000u32).map(|at| (at % 251) as u8).collect();
    caller.send(kind::DATA, "N0PRA", "DB0APP", &all)?;
    caller.send(kind::DISCONNECT, "N0PRA", "DB0APP", b"")?;
    let mut got = Vec::new();
    let end = Instant::now() + 2 * LIMIT;
    loop {
        match listener.next()? {
            Some(frame) if frame.kind == 'D' => got.extend(frame.data),
            Some(frame) if frame.kind == 'd' => break,
            _ => {}
        }
        ensure!(
            Instant::now() < end,
            "{} octets: {}",
            got.len(),
            air.status()
        );
    }
    ensure!(got == all, "{} octets arrived", got.len());
    ensure!(
        caller.wait(kind::DISCONNECT)?.from == name("DB0APP"),
        "another ended"
    );
    // Nothing is left over.
    until("no connections", LIMIT, || {
        let status = air
            .stations
            .iter()
            .map(|station| station.says("ax25 status"));
        let status = status.collect::<Result<Vec<_>>>()?.concat();
        Ok(!status.contains("DB0APP"))
    })?;
    Ok(())
}
