//! Exchanges messages over an X.25 circuit, over the X.25 socket of a device: see x25api(7). A
//! program to start from.
//!
//!     x25api --call ADDRESS [-n COUNT] DEVICE
//!     x25api --echo PATTERN [-c COUNT] DEVICE
//!
//! With --call, every line of standard input is a message; every message that comes in becomes a
//! line of standard output. When the input has ended, the other end has everything and COUNT
//! messages have come in (0 without -n), the circuit is cleared. With --echo it takes calls to these
//! addresses, one after the other, and sends back what comes until the caller clears; it ends after
//! COUNT calls (0, the default: never). DEVICE is a name, or the path of a socket. Exit status 1: a
//! call failed, or something was lost.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own"
)]

use std::io::{self, BufRead, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};

const HEADER: usize = 24;
const VERSION: u8 = 1;
const DATA: u8 = 0x01;
const STATUS: u8 = 0x02;
const BIND: u8 = 0x03;
const LISTEN: u8 = 0x04;
const CALL: u8 = 0x05;
const ACCEPT: u8 = 0x06;
const CLEAR: u8 = 0x07;
const RESET: u8 = 0x08;
const INTERRUPT: u8 = 0x09;
const CONFIRM: u8 = 0x0a;
const SENT: u8 = 0x81;
const REFUSED: u8 = 0x82;
const DONE: u8 = 0x84;
/// Q, D and M: sent back as they came.
const MARKS: u16 = 7;
const MORE: u16 = 4;
const ACK: u16 = 0x100;
const AFTER: u16 = 0x200;

/// The header before every message, in network byte order, and what follows it.
#[derive(Clone, Debug, Default)]
struct Message {
    kind: u8,
    flags: u16,
    tag: u32,
    cause: u8,
    diagnostic: u8,
    payload: Vec<u8>,
}

impl Message {
    fn new(kind: u8, payload: &[u8]) -> Self {
        Self {
            kind,
            payload: payload.to_vec(),
            ..Self::default()
        }
    }

    fn octets(&self) -> io::Result<Vec<u8>> {
        let length = u16::try_from(self.payload.len()).map_err(io::Error::other)?;
        let mut octets = vec![VERSION, self.kind];
        octets.extend(self.flags.to_be_bytes());
        octets.extend([0, 0]);
        octets.extend(length.to_be_bytes());
        octets.extend(self.tag.to_be_bytes());
        octets.extend([self.cause, self.diagnostic, 0, 0]);
        octets.extend([0; 8]);
        octets.extend(&self.payload);
        Ok(octets)
    }

    fn parse(octets: &[u8]) -> Option<Self> {
        let (&[version, kind, f1, f0, _, _, l1, l0, ref rest @ ..], payload) =
            octets.split_first_chunk::<HEADER>()?;
        let &[t3, t2, t1, t0, cause, diagnostic, ..] = rest;
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        (version == VERSION && length == payload.len()).then(|| Self {
            kind,
            flags: u16::from_be_bytes([f1, f0]),
            tag: u32::from_be_bytes([t3, t2, t1, t0]),
            cause,
            diagnostic,
            payload: payload.to_vec(),
        })
    }
}

/// A connection to a device: it listens, or has one circuit.
struct Connection(OwnedFd);

impl Connection {
    fn open(device: &str) -> io::Result<Self> {
        let path = if device.contains('/') {
            device.to_owned()
        } else {
            let root = std::env::var("WANBOX_ROOT").unwrap_or_default();
            format!("{}/run/wanbox/x25/{device}", root.trim_end_matches('/'))
        };
        let fd = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        connect(fd.as_raw_fd(), &UnixAddr::new(path.as_str())?)
            .map_err(|error| io::Error::other(format!("{path}: {error}")))?;
        Ok(Self(fd))
    }

    /// Waits while the circuit takes no more.
    fn send(&self, message: &Message) -> io::Result<()> {
        send(
            self.0.as_raw_fd(),
            &message.octets()?,
            MsgFlags::MSG_NOSIGNAL,
        )?;
        Ok(())
    }

    /// The next message that is no news of the status; what says that it went wrong is an error.
    fn receive(&self) -> io::Result<Message> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let octets = buffer.get(..length).unwrap_or_default();
            if octets.is_empty() {
                return Err(io::Error::other("the daemon ended the connection"));
            }
            let message = Message::parse(octets)
                .ok_or_else(|| io::Error::other("a message of another version"))?;
            match message.kind {
                STATUS => {}
                CLEAR => {
                    let (cause, diagnostic) = (message.cause, message.diagnostic);
                    let text = format!("cleared, cause {cause}, diagnostic {diagnostic}");
                    return Err(io::Error::other(text));
                }
                REFUSED => {
                    let reason = message
                        .payload
                        .first_chunk()
                        .map(|r| u16::from_be_bytes(*r));
                    let text = format!("refused for reason {}", reason.unwrap_or(0));
                    return Err(io::Error::other(text));
                }
                _ => return Ok(message),
            }
        }
    }
}

fn call(device: &str, address: &str, count: u64) -> io::Result<()> {
    let circuit = Arc::new(Connection::open(device)?);
    // The called address with its length, no calling address, no facilities, no user data.
    let length = u8::try_from(address.len()).map_err(io::Error::other)?;
    let block = [&[length], address.as_bytes(), &[0, 0]].concat();
    circuit.send(&Message::new(CALL, &block))?;
    circuit.receive()?;
    let lines = io::stdin().lock().lines().collect::<io::Result<Vec<_>>>()?;
    let to_send = lines.len();
    // In a thread: what comes is to be read while these wait for the circuit.
    let sender = Arc::clone(&circuit);
    thread::spawn(move || {
        for (tag, line) in (1..).zip(&lines) {
            let data = Message {
                flags: ACK,
                tag,
                ..Message::new(DATA, line.as_bytes())
            };
            if let Err(error) = sender.send(&data) {
                eprintln!("x25api: {error}");
                return;
            }
        }
    });
    let (mut acknowledged, mut received, mut parts) = (0, 0, Vec::new());
    while acknowledged < to_send || received < count {
        let message = circuit.receive()?;
        match message.kind {
            SENT => acknowledged += 1,
            RESET => return Err(io::Error::other("a reset: data may be lost")),
            INTERRUPT => circuit.send(&Message::new(CONFIRM, &[]))?,
            DATA => {
                parts.extend(message.payload);
                if message.flags & MORE == 0 {
                    received += 1;
                    println!("{}", String::from_utf8_lossy(&parts));
                    parts.clear();
                }
            }
            _ => {}
        }
    }
    io::stdout().flush()?;
    let clear = Message {
        flags: AFTER,
        ..Message::new(CLEAR, &[])
    };
    circuit.send(&clear)?;
    while circuit.receive()?.kind != DONE {}
    Ok(())
}

fn echo(device: &str, pattern: &str, calls: u64) -> io::Result<()> {
    let listener = Connection::open(device)?;
    for request in [
        Message::new(BIND, pattern.as_bytes()),
        Message::new(LISTEN, &[]),
    ] {
        listener.send(&request)?;
        listener.receive()?;
    }
    let mut served = 0;
    while served < calls || calls == 0 {
        let incoming = match listener.receive() {
            Ok(message) if message.kind == CALL => message,
            Ok(_) => continue,
            // A caller that gave up is no reason to end.
            Err(error) if error.to_string().starts_with("cleared") => continue,
            Err(error) => return Err(error),
        };
        // The circuit has a connection of its own; the tag says which call is meant.
        let circuit = Connection::open(device)?;
        let accept = Message {
            tag: incoming.tag,
            ..Message::new(ACCEPT, &[])
        };
        let served_well = circuit.send(&accept).and_then(|()| send_back(&circuit));
        if let Err(error) = served_well {
            eprintln!("x25api: {error}");
        }
        served += 1;
    }
    Ok(())
}

fn send_back(circuit: &Connection) -> io::Result<()> {
    loop {
        let message = circuit.receive()?;
        match message.kind {
            DATA => circuit.send(&Message {
                flags: message.flags & MARKS,
                ..Message::new(DATA, &message.payload)
            })?,
            INTERRUPT => {
                circuit.send(&Message::new(CONFIRM, &[]))?;
                circuit.send(&Message::new(INTERRUPT, &message.payload))?;
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Options {
    call: Option<String>,
    echo: Option<String>,
    count: u64,
    device: String,
}

fn options() -> Option<Options> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--call" => options.call = words.next(),
            "--echo" => options.echo = words.next(),
            "-n" | "-c" => options.count = words.next()?.parse().ok()?,
            _ if word.starts_with('-') || !options.device.is_empty() => return None,
            _ => options.device = word,
        }
    }
    let one = options.call.is_some() != options.echo.is_some();
    (one && !options.device.is_empty()).then_some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: x25api --call ADDRESS [-n COUNT] DEVICE");
        eprintln!("       x25api --echo PATTERN [-c COUNT] DEVICE");
        return ExitCode::from(2);
    };
    let done = match (&options.call, &options.echo) {
        (Some(address), _) => call(&options.device, address, options.count),
        (_, pattern) => echo(
            &options.device,
            pattern.as_deref().unwrap_or("*"),
            options.count,
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("x25api: {error}");
            ExitCode::FAILURE
        }
    }
}
