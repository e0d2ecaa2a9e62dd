use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::*;

/// A directory of the test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wanbox-stream-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Serves a stream until it reports this event.
fn wait_for(stream: &mut Stream, wanted: StreamEvent) {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        while let Some(event) = stream.poll_event() {
            if event == wanted {
                return;
            }
        }
        serve(stream);
    }
    panic!("{wanted:?} did not come: {:?}", stream.trouble());
}

fn serve(stream: &mut Stream) {
    let mut set = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut set, PollTimeout::from(100_u8)).unwrap();
    stream.on_ready().unwrap();
}

fn read_exactly(stream: &mut Stream, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut octets = [0; 256];
    let end = Instant::now() + Duration::from_secs(20);
    while all.len() < count && Instant::now() < end {
        match stream.receive(&mut octets).unwrap() {
            Some(got) => all.extend_from_slice(&octets[..got]),
            None => serve(stream),
        }
    }
    all
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn listening(source: Option<(std::net::IpAddr, u8)>) -> (Stream, SocketAddr) {
    let settings = ListenSettings {
        local: loopback(),
        source,
    };
    let stream = Stream::listen(settings).unwrap();
    let Kind::Listen(listen) = &stream.kind else {
        panic!("it listens");
    };
    let address = listen.local().unwrap();
    (stream, address)
}

#[test]
fn two_connected_streams() {
    let (mut b, address) = listening(None);
    let mut a = Stream::call(TcpSettings { remote: address }).unwrap();
    wait_for(&mut a, StreamEvent::Carrier(true));
    wait_for(&mut b, StreamEvent::Carrier(true));
    assert_eq!(a.send(b"hello").unwrap(), 5);
    assert_eq!(read_exactly(&mut b, 5), b"hello");
    assert_eq!(b.send(b"there").unwrap(), 5);
    assert_eq!(read_exactly(&mut a, 5), b"there");
    // One that goes is called again by the other.
    b.cut();
    wait_for(&mut b, StreamEvent::Carrier(false));
    wait_for_loss(&mut a);
    b.join();
    wait_for(&mut a, StreamEvent::Carrier(true));
    wait_for(&mut b, StreamEvent::Carrier(true));
    assert_eq!(a.send(b"again").unwrap(), 5);
    assert_eq!(read_exactly(&mut b, 5), b"again");
}

#[test]
fn a_call_holds_little_that_is_not_sent() {
    let listener = TcpListener::bind(loopback()).unwrap();
    let remote = listener.local_addr().unwrap();
    let mut stream = Stream::call(TcpSettings { remote }).unwrap();
    wait_for(&mut stream, StreamEvent::Carrier(true));
    let (peer, _) = listener.accept().unwrap();
    let mut taken = 0;
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        taken += stream.send(&[0x55; 1000]).unwrap();
        serve(&mut stream);
    }
    // What the other end's kernel takes, and hardly more: without a bound it is megabytes.
    assert!((4096..300_000).contains(&taken), "{taken}");
    drop(peer);
}

/// Reads until the carrier is lost: only a reader learns of the end.
fn wait_for_loss(stream: &mut Stream) {
    let mut octets = [0; 64];
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        while stream.receive(&mut octets).unwrap().is_some() {}
        if let Some(StreamEvent::Carrier(false)) = stream.poll_event() {
            return;
        }
        serve(stream);
    }
    panic!("the carrier was not lost");
}

#[test]
fn a_call_that_nobody_answers_is_repeated() {
    let listener = TcpListener::bind(loopback()).unwrap();
    let remote = listener.local_addr().unwrap();
    drop(listener);
    let mut stream = Stream::call(TcpSettings { remote }).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while stream.stats().failures < 2 && Instant::now() < end {
        serve(&mut stream);
    }
    assert!(stream.stats().failures >= 2);
    assert!(
        stream.trouble().unwrap().contains("refused"),
        "{:?}",
        stream.trouble()
    );
    assert!(!stream.carrier());
    let listener = TcpListener::bind(remote).unwrap();
    wait_for(&mut stream, StreamEvent::Carrier(true));
    drop(listener);
}

#[test]
fn strangers_are_turned_away() {
    let (mut stream, address) = listening(Some(([127, 0, 0, 0].into(), 30)));
    let mut stranger = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    // From 127.0.0.1, within the network.
    wait_for(&mut stream, StreamEvent::Carrier(true));
    stranger.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&mut stream, 1), b"x");
    // The same host again: it takes the place of its old connection.
    let second = TcpStream::connect(address).unwrap();
    wait_for(&mut stream, StreamEvent::Carrier(false));
    wait_for(&mut stream, StreamEvent::Carrier(true));
    let mut octet = [0];
    stranger
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    // Closed: the end, or a reset.
    assert!(!matches!(stranger.read(&mut octet), Ok(1)));
    drop(second);
    let (mut stream, address) = listening(Some(([192, 0, 2, 0].into(), 24)));
    let _refused = TcpStream::connect(address).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while stream.stats().turned_away == 0 && Instant::now() < end {
        serve(&mut stream);
    }
    assert_eq!(stream.stats().turned_away, 1);
    assert!(!stream.carrier());
}

#[test]
fn a_full_line_tells_when_there_is_room() {
    let (mut a, address) = listening(None);
    let mut peer = TcpStream::connect(address).unwrap();
    wait_for(&mut a, StreamEvent::Carrier(true));
    let block = vec![0x55; 1 << 20];
    let mut sent = 0;
    loop {
        let took = a.send(&block).unwrap();
        sent += took;
        if took < block.len() {
            break;
        }
        assert!(sent < 1 << 30);
    }
    let reader = std::thread::spawn(move || {
        let mut count = 0;
        let mut octets = vec![0; 1 << 16];
        while let Ok(got @ 1..) = peer.read(&mut octets) {
            count += got;
        }
        count
    });
    wait_for(&mut a, StreamEvent::Writable);
    drop(a);
    assert_eq!(reader.join().unwrap(), sent);
}

#[test]
fn a_pseudo_terminal_has_a_carrier_while_its_slave_is_open() {
    let scratch = Scratch::new();
    let link = scratch.0.join("line");
    let mut stream = Stream::pty(&link).unwrap();
    assert!(!stream.carrier());
    for _ in 0..2 {
        let mut slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(&link)
            .unwrap();
        wait_for(&mut stream, StreamEvent::Carrier(true));
        // Raw: nothing is changed, and nothing comes back.
        let octets = b"\x03\x04\r\n\x11\x13\x7f\xff";
        assert_eq!(stream.send(octets).unwrap(), octets.len());
        let mut got = [0; 8];
        slave.read_exact(&mut got).unwrap();
        assert_eq!(&got, octets);
        slave.write_all(octets).unwrap();
        assert_eq!(read_exactly(&mut stream, 8), octets);
        drop(slave);
        wait_for_loss(&mut stream);
    }
    drop(stream);
    assert!(fs::symlink_metadata(&link).is_err());
    fs::write(&link, "somebody's").unwrap();
    let error = Stream::pty(&link).err().unwrap();
    assert!(error.contains("no link to a pseudo-terminal"), "{error}");
}

#[test]
fn what_is_left_unread_is_read_before_the_end() {
    let scratch = Scratch::new();
    let link = scratch.0.join("line");
    let mut stream = Stream::pty(&link).unwrap();
    let open = || OpenOptions::new().read(true).write(true).open(&link);
    let mut slave = open().unwrap();
    wait_for(&mut stream, StreamEvent::Carrier(true));
    stream.set_reading(false);
    slave.write_all(b"the last words").unwrap();
    drop(slave);
    for _ in 0..3 {
        serve(&mut stream);
        assert_eq!(stream.poll_event(), None);
    }
    // Nothing wakes anybody.
    let mut set = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut set, PollTimeout::from(50_u8)).unwrap(), 0);
    stream.set_reading(true);
    assert_eq!(read_exactly(&mut stream, 14), b"the last words");
    wait_for_loss(&mut stream);
}

#[test]
fn a_serial_port_on_a_pseudo_terminal() {
    let scratch = Scratch::new();
    let link = scratch.0.join("line");
    let mut master = Stream::pty(&link).unwrap();
    let settings = SerialSettings::new(123_456);
    let mut port = Stream::serial(&link, settings, Some(&scratch.0)).unwrap();
    wait_for(&mut port, StreamEvent::Carrier(true));
    wait_for(&mut master, StreamEvent::Carrier(true));
    assert_eq!(port.modem_lines(), None);
    assert_eq!(port.send(b"\x00\x11ok").unwrap(), 4);
    assert_eq!(read_exactly(&mut master, 4), b"\x00\x11ok");
    assert_eq!(master.send(b"\n\r").unwrap(), 2);
    assert_eq!(read_exactly(&mut port, 2), b"\n\r");
    // A second user is told whose it is.
    let error = Stream::serial(&link, settings, Some(&scratch.0))
        .err()
        .unwrap();
    assert!(
        error.contains(&format!("in use by process {}", std::process::id())),
        "{error}"
    );
    drop(port);
    assert!(Stream::serial(&link, settings, Some(&scratch.0)).is_ok());
}

#[test]
fn what_is_no_serial_port_is_refused() {
    let error = Stream::serial(Path::new("/dev/null"), SerialSettings::new(9600), None);
    assert_eq!(error.err().unwrap(), "/dev/null is no serial port");
    let error = Stream::serial(Path::new("/dev/nothing"), SerialSettings::new(9600), None);
    assert!(error.err().unwrap().contains("No such file"));
}

/// A pseudo-terminal has characters of eight bits without parity, whatever is asked of it.
#[test]
fn settings_that_a_port_does_not_take_are_refused() {
    let scratch = Scratch::new();
    let link = scratch.0.join("line");
    let _master = Stream::pty(&link).unwrap();
    let plain = SerialSettings::new(9600);
    for (settings, what) in [
        (
            SerialSettings {
                data_bits: 7,
                ..plain
            },
            "7 bits a character",
        ),
        (
            SerialSettings {
                parity: Parity::Odd,
                ..plain
            },
            "odd parity",
        ),
    ] {
        let error = Stream::serial(&link, settings, None).err().unwrap();
        assert_eq!(error, format!("{} does not take {what}", link.display()));
    }
    let two = SerialSettings {
        stop_bits: StopBits::Two,
        flow: FlowControl::RTS_CTS,
        ..plain
    };
    assert!(Stream::serial(&link, two, None).is_ok());
}

#[test]
fn xoff_is_obeyed_and_what_could_be_a_mark_is_marked() {
    let scratch = Scratch::new();
    let link = scratch.0.join("line");
    let mut master = Stream::pty(&link).unwrap();
    let settings = SerialSettings {
        flow: FlowControl {
            obeys_xoff: true,
            xon: 0xfe,
            xoff: 0xfd,
            ..FlowControl::NONE
        },
        marks: true,
        ..SerialSettings::new(9600)
    };
    let mut port = Stream::serial(&link, settings, None).unwrap();
    wait_for(&mut port, StreamEvent::Carrier(true));
    wait_for(&mut master, StreamEvent::Carrier(true));
    // The ordinary characters for this are characters as others.
    master.send(b"a\xffb\x13\x11\xfd").unwrap();
    assert_eq!(read_exactly(&mut port, 6), b"a\xff\xffb\x13\x11");
    assert_eq!(port.send(b"held").unwrap(), 0);
    master.send(b"\xfe").unwrap();
    wait_for(&mut port, StreamEvent::Writable);
    assert_eq!(port.send(b"sent").unwrap(), 4);
    assert_eq!(read_exactly(&mut master, 4), b"sent");
    // It has no hardware that would count or send breaks.
    assert!(port.port_counts().is_none() && !port.can_break() && !master.can_break());
}
