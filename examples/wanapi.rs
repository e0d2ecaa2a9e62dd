//! Exchanges raw frames with the other end of a WAN link, over the socket of an interface
//! whose mode is API: see wanapi(7). A program to start from.
//!
//!     wanapi [--echo | --status] [-n COUNT] INTERFACE
//!
//! Every line of standard input is a frame in hexadecimal digits; every frame that comes in
//! becomes such a line on standard output. It ends when its input has ended, the line has
//! every frame, and COUNT frames have come in (0 without -n). With --echo it sends back what
//! comes in instead, for ever; with --status it prints the status. INTERFACE is a name, or
//! the path of a socket. Exit status 1: a frame was refused or lost.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own"
)]

use std::io::{self, BufRead, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};

/// The header before every frame, in network byte order.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    kind: u8,
    flags: u16,
    dlci: u16,
    tag: u32,
    protocol: u16,
    time_ns: u64,
}

const HEADER: usize = 24;
const VERSION: u8 = 1;
const DATA: u8 = 0x01;
const STATUS: u8 = 0x02;
const SENT: u8 = 0x81;
const REFUSED: u8 = 0x82;
const LOST: u8 = 0x83;
const ACK: u16 = 0x0100;
/// The congestion, eligibility, command and break bits: what is sent back as it came.
const MARKS: u16 = 0x001f;

impl Header {
    fn message(&self, payload: &[u8]) -> io::Result<Vec<u8>> {
        let length = u16::try_from(payload.len())
            .map_err(|_| io::Error::other("a frame has at most 65535 octets"))?;
        let mut message = vec![VERSION, self.kind];
        message.extend(self.flags.to_be_bytes());
        message.extend(self.dlci.to_be_bytes());
        message.extend(length.to_be_bytes());
        message.extend(self.tag.to_be_bytes());
        message.extend(self.protocol.to_be_bytes());
        message.extend([0, 0]);
        message.extend(self.time_ns.to_be_bytes());
        message.extend(payload);
        Ok(message)
    }

    fn parse(message: &[u8]) -> Option<(Self, &[u8])> {
        let (&[version, kind, f1, f0, d1, d0, l1, l0, ref rest @ ..], payload) =
            message.split_first_chunk::<HEADER>()?;
        let &[t3, t2, t1, t0, p1, p0, _, _, ref time @ ..] = rest;
        let header = Self {
            kind,
            flags: u16::from_be_bytes([f1, f0]),
            dlci: u16::from_be_bytes([d1, d0]),
            tag: u32::from_be_bytes([t3, t2, t1, t0]),
            protocol: u16::from_be_bytes([p1, p0]),
            time_ns: u64::from_be_bytes(*time),
        };
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        (version == VERSION && length == payload.len()).then_some((header, payload))
    }
}

/// A connection to an interface.
struct Interface(OwnedFd);

impl Interface {
    fn open(name: &str) -> io::Result<Self> {
        let path = if name.contains('/') {
            name.to_owned()
        } else {
            let root = std::env::var("WANBOX_ROOT").unwrap_or_default();
            format!("{}/run/wanbox/api/{name}", root.trim_end_matches('/'))
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

    /// Waits while the line is full.
    fn send(&self, header: Header, payload: &[u8]) -> io::Result<()> {
        let message = header.message(payload)?;
        send(self.0.as_raw_fd(), &message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// `None`: the daemon ended the connection.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(Header, Vec<u8>)>> {
        let length = recv(self.0.as_raw_fd(), buffer, MsgFlags::empty())?;
        if length == 0 {
            return Ok(None);
        }
        let message = buffer.get(..length).unwrap_or_default();
        let (header, payload) = Header::parse(message)
            .ok_or_else(|| io::Error::other("a message of another version"))?;
        Ok(Some((header, payload.to_vec())))
    }
}

/// What a refusal says.
fn refusal(payload: &[u8]) -> String {
    let &[r1, r0, _, _, l3, l2, l1, l0, ..] = payload else {
        return "for no reason".to_owned();
    };
    let limit = u32::from_be_bytes([l3, l2, l1, l0]);
    match u16::from_be_bytes([r1, r0]) {
        1 => "the message is malformed".to_owned(),
        2 => "the link is down".to_owned(),
        3 => "the channel is down".to_owned(),
        4 => format!("too long: {limit} octets are allowed"),
        5 => "the channel does not carry such a frame".to_owned(),
        6 => "the line failed first".to_owned(),
        7 => "another application has the interface".to_owned(),
        other => format!("reason {other}"),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(line: &str) -> io::Result<Vec<u8>> {
    let wrong = || io::Error::other(format!("'{line}' is no frame in hexadecimal digits"));
    let digits: Option<Vec<u8>> = line.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits
        .filter(|digits| digits.len() % 2 == 0)
        .ok_or_else(wrong)?;
    Ok(digits
        .as_chunks()
        .0
        .iter()
        .map(|&[high, low]| high << 4 | low)
        .collect())
}

fn print_status(header: &Header, payload: &[u8]) {
    let Some((&[link, channel, content, _, l3, l2, l1, l0], counters)) =
        payload.split_first_chunk()
    else {
        return;
    };
    let word = |up| if up == 0 { "down" } else { "up" };
    let content = match content {
        1 => "Frame Relay",
        2 => "HDLC",
        3 => "Cisco HDLC",
        4 => "characters",
        _ => "unknown",
    };
    println!("link {}, channel {}", word(link), word(channel));
    println!("content {content}, DLCI {}", header.dlci);
    println!("limit {}", u32::from_be_bytes([l3, l2, l1, l0]));
    let names = [
        "rx_frames",
        "rx_octets",
        "rx_lost",
        "tx_frames",
        "tx_octets",
        "tx_refused",
    ];
    for (name, value) in names.iter().zip(counters.as_chunks().0) {
        println!("{name} {}", u64::from_be_bytes(*value));
    }
}

struct Options {
    echo: bool,
    status: bool,
    count: u64,
    interface: String,
}

fn options() -> Option<Options> {
    let mut options = Options {
        echo: false,
        status: false,
        count: 0,
        interface: String::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--echo" => options.echo = true,
            "--status" => options.status = true,
            "-n" => options.count = words.next()?.parse().ok()?,
            _ if word.starts_with('-') || !options.interface.is_empty() => return None,
            _ => options.interface = word,
        }
    }
    (!options.interface.is_empty()).then_some(options)
}

/// Sends standard input, a frame a line, and says how many frames that were.
fn send_input(interface: &Interface, sent: &Sender<u32>) -> io::Result<()> {
    let mut tag = 0;
    for line in io::stdin().lock().lines() {
        tag += 1;
        let header = Header {
            kind: DATA,
            flags: ACK,
            tag,
            ..Header::default()
        };
        interface.send(header, &unhex(line?.trim())?)?;
    }
    // Nobody listens any more when the other thread has failed.
    let _ = sent.send(tag);
    Ok(())
}

/// Takes what comes until everything asked for has happened.
fn receive(interface: &Interface, options: &Options, input: &Receiver<u32>) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 17];
    let mut output = io::stdout().lock();
    let (mut received, mut answered, mut to_send, mut well) = (0, 0, None, true);
    loop {
        to_send = to_send.or_else(|| input.try_recv().ok());
        if !options.echo && received >= options.count && to_send == Some(answered) {
            return Ok(well);
        }
        let Some((header, payload)) = interface.receive(&mut buffer)? else {
            return Err(io::Error::other("the daemon ended the connection"));
        };
        match header.kind {
            DATA if options.echo => {
                let back = Header {
                    flags: header.flags & MARKS,
                    time_ns: 0,
                    ..header
                };
                interface.send(back, &payload)?;
            }
            DATA => {
                received += 1;
                writeln!(output, "{}", hex(&payload))?;
            }
            SENT => answered += 1,
            REFUSED => {
                eprintln!(
                    "wanapi: frame {} refused: {}",
                    header.tag,
                    refusal(&payload)
                );
                answered += u32::from(header.tag != 0);
                well = false;
            }
            LOST => {
                let lost = payload.first_chunk().map_or(0, |n| u64::from_be_bytes(*n));
                eprintln!("wanapi: {lost} frames lost: we are too slow");
                well = false;
            }
            // The end of the input asks for one, so that there is always something to receive.
            STATUS if options.status => {
                print_status(&header, &payload);
                return Ok(true);
            }
            _ => {}
        }
    }
}

fn run(options: Options) -> io::Result<bool> {
    let interface = Arc::new(Interface::open(&options.interface)?);
    let (sender, input) = mpsc::channel();
    if !options.echo && !options.status {
        let interface = Arc::clone(&interface);
        thread::spawn(move || {
            let asked = Header {
                kind: STATUS,
                ..Header::default()
            };
            let sent = send_input(&interface, &sender).and_then(|()| interface.send(asked, &[]));
            if let Err(error) = sent {
                eprintln!("wanapi: {error}");
                std::process::exit(1);
            }
        });
    }
    receive(&interface, &options, &input)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: wanapi [--echo | --status] [-n COUNT] INTERFACE");
        return ExitCode::from(2);
    };
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wanapi: {error}");
            ExitCode::FAILURE
        }
    }
}
