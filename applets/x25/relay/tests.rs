use std::path::PathBuf;
use std::time::Duration;

use wanbox_runtime::datagram::{Datagram, Listener};
use wanbox_wire::x25api::{HEADER, MAX_PAYLOAD, State, Status};

use super::*;

const WAIT: Duration = Duration::from_secs(20);

/// The daemon's end of a connection, in a test's hands.
struct Daemon {
    socket: Datagram,
    buffer: Vec<u8>,
}

impl Daemon {
    fn tell(&self, repr: &Repr, payload: &[u8]) {
        self.socket.send(&repr.message(payload)).unwrap();
    }

    /// The next message of the applet; `None`: it is gone.
    fn hear(&mut self) -> Option<(Repr, Vec<u8>)> {
        let length = self.socket.receive_within(&mut self.buffer, WAIT);
        let length = length.unwrap().expect("the applet says nothing");
        (length > 0).then(|| {
            let (repr, payload) = Repr::parse(&self.buffer[..length]).unwrap();
            (repr, payload.to_vec())
        })
    }

    /// Data until the message of another kind, or the invitation.
    fn hear_data(&mut self) -> (Vec<u8>, Repr) {
        let mut data = Vec::new();
        loop {
            let (repr, payload) = self.hear().unwrap();
            if repr.kind != Kind::Data || (repr.flags & flags::Q != 0 && payload == INVITATION) {
                return (data, repr);
            }
            data.extend(payload);
        }
    }
}

fn status() -> Status {
    let mut status = Status::parse(&[0; Status::LEN]).unwrap();
    status.state = State::Connected;
    status
}

/// Relays `input` against a script of the daemon; gives what was received and what became of it.
fn relay(
    name: &str,
    change: fn(&mut Manner),
    input: &'static [u8],
    script: fn(&mut Daemon),
) -> (Vec<u8>, Ending) {
    relay_after(name, change, Some(input), script, false)
}

/// As [`relay`], with or without an input, and if wanted when the daemon has closed its end.
fn relay_after(
    name: &str,
    change: fn(&mut Manner),
    input: Option<&'static [u8]>,
    script: fn(&mut Daemon),
    closed: bool,
) -> (Vec<u8>, Ending) {
    let directory = std::env::temp_dir().join(format!("wanbox-x25-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path: PathBuf = directory.join("wanpipe1");
    let listener = Listener::bind(&path, 0o600).unwrap();
    let mut daemon = Some(thread::spawn(move || {
        let socket = loop {
            match listener.accept().unwrap() {
                Some(socket) => break socket,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        let mut daemon = Daemon {
            socket,
            buffer: vec![0; HEADER + MAX_PAYLOAD],
        };
        daemon.tell(&Repr::new(Kind::Status), &status().octets());
        script(&mut daemon);
    }));
    let mut buffer = Buffer::new();
    let (connection, told) = Connection::open(&path, &mut buffer).unwrap();
    assert_eq!(told, status());
    assert_eq!(connection.device(), "wanpipe1");
    let mut manner = Manner {
        name: "test",
        verbose: false,
        qualified: false,
        delivery: false,
        clear_at_end: false,
        chunk: 7,
    };
    change(&mut manner);
    if let Some(daemon) = daemon.take_if(|_| closed) {
        daemon.join().unwrap();
    }
    let (mut output, mut ending) = (Vec::new(), Ending::default());
    run(
        &Arc::new(connection),
        &mut buffer,
        input.map(|input| Box::new(input) as Box<dyn Read + Send>),
        Some(Box::new(&mut output)),
        &manner,
        &mut ending,
    );
    if let Some(daemon) = daemon {
        daemon.join().unwrap();
    }
    std::fs::remove_dir_all(&directory).unwrap();
    (output, ending)
}

fn data(flags: u16) -> Repr {
    Repr {
        flags,
        ..Repr::new(Kind::Data)
    }
}

fn cleared(cause: u8, diagnostic: u8, flags: u16) -> Repr {
    Repr {
        cause,
        diagnostic,
        flags,
        ..Repr::new(Kind::Clear)
    }
}

fn tagged(kind: Kind, tag: u32) -> Repr {
    Repr {
        tag,
        ..Repr::new(kind)
    }
}

#[test]
fn both_ends_end_one_after_the_other() {
    let (output, ending) = relay(
        "good",
        |_| {},
        b"hello there",
        |daemon| {
            let (data_sent, invitation) = daemon.hear_data();
            assert_eq!(data_sent, b"hello there");
            assert_eq!(invitation.flags, flags::Q | flags::ACK);
            daemon.tell(&tagged(Kind::Sent, invitation.tag), &[]);
            daemon.tell(&data(0), b"so long");
            daemon.tell(&data(flags::Q), &INVITATION);
            let (clear, _) = daemon.hear().unwrap();
            assert_eq!((clear.kind, clear.diagnostic), (Kind::Clear, code::NORMAL));
            assert_eq!((clear.flags, clear.cause), (flags::AFTER, 0));
            daemon.tell(&tagged(Kind::Done, clear.tag), &[]);
        },
    );
    assert_eq!(output, b"so long");
    assert_eq!(
        (ending.sent, ending.received, ending.trouble),
        (11, 7, None)
    );
}

/// The other end clears first, and the acknowledgement of the invitation does not come any more.
#[test]
fn the_other_end_says_that_it_has_everything() {
    let (_, ending) = relay(
        "normal",
        |_| {},
        b"x",
        |daemon| {
            daemon.hear_data();
            daemon.tell(&data(flags::Q), &INVITATION);
            daemon.tell(&cleared(0, code::NORMAL, 0), &[]);
        },
    );
    assert_eq!(ending.trouble, None);
    // One that knows no invitations, and had everything.
    let (_, ending) = relay(
        "plain",
        |_| {},
        b"x",
        |daemon| {
            daemon.hear_data();
            daemon.tell(&cleared(0x80, 0, flags::AFTER), &[]);
        },
    );
    assert_eq!(ending.trouble, None);
}

#[test]
fn what_is_lost_is_a_failure() {
    let script = |daemon: &mut Daemon| {
        daemon.hear_data();
        daemon.tell(&cleared(0, 0, 0), &[]);
    };
    let (_, ending) = relay("early", |_| {}, b"x", script);
    let why = ending.trouble.unwrap();
    assert!(why.contains("before it had everything"), "{why}");
    let script = |daemon: &mut Daemon| {
        daemon.tell(&cleared(0x09, 0, flags::AFTER), &[]);
        while daemon.hear().is_some() {}
    };
    let (_, ending) = relay("order", |_| {}, b"x", script);
    let why = ending.trouble.unwrap();
    assert!(why.contains("out of order"), "{why}");
    let script = |daemon: &mut Daemon| {
        daemon.hear_data();
        daemon.tell(&Repr::new(Kind::Reset), &[]);
        let (clear, _) = daemon.hear().unwrap();
        assert_eq!((clear.diagnostic, clear.flags), (code::ABNORMAL, 0));
        daemon.tell(&tagged(Kind::Done, clear.tag), &[]);
    };
    let (_, ending) = relay("reset", |_| {}, b"x", script);
    let why = ending.trouble.unwrap();
    assert!(why.contains("the circuit was reset"), "{why}");
    let (_, ending) = relay("gone", |_| {}, b"x", |_| {});
    assert!(ending.trouble.unwrap().contains("the daemon ended"));
}

/// A circuit that was cleared before anything could be sent: the cause is told, and what came is
/// there.
#[test]
fn cleared_before_anything_is_sent() {
    for (name, input, clear_at_end) in [
        ("at-once", None, false),
        ("at-once-n", None, true),
        ("at-once-i", Some(&b"x"[..]), false),
    ] {
        let change = |manner: &mut Manner| manner.clear_at_end = true;
        let (output, ending) = relay_after(
            name,
            if clear_at_end { change } else { |_| {} },
            input,
            |daemon| {
                daemon.tell(&data(0), b"so long");
                daemon.tell(&cleared(0x09, 67, flags::AFTER), &[]);
            },
            true,
        );
        assert_eq!(output, b"so long", "{name}");
        let why = ending.trouble.unwrap();
        assert!(why.contains("out of order"), "{name}: {why}");
        let wanted = Cleared {
            cause: 0x09,
            diagnostic: 67,
        };
        assert_eq!(ending.cleared, Some(wanted), "{name}");
    }
}

/// Qualified data are data, also the octet that is an invitation elsewhere; and the end of the
/// input clears.
#[test]
fn qualified_data_without_invitations() {
    let qualified = |manner: &mut Manner| manner.qualified = true;
    let (output, ending) = relay("q", qualified, b"abc", |daemon| {
        daemon.tell(&data(flags::Q), &INVITATION);
        let (first, payload) = daemon.hear().unwrap();
        assert_eq!((first.flags, &payload[..]), (flags::Q, &b"abc"[..]));
        let (clear, _) = daemon.hear().unwrap();
        assert_eq!((clear.kind, clear.flags), (Kind::Clear, flags::AFTER));
        daemon.tell(&tagged(Kind::Done, clear.tag), &[]);
    });
    assert_eq!((&output[..], ending.trouble), (&INVITATION[..], None));
}

#[test]
fn interrupts_are_confirmed() {
    let (_, ending) = relay(
        "interrupt",
        |_| {},
        b"",
        |daemon| {
            let (_, invitation) = daemon.hear_data();
            daemon.tell(&Repr::new(Kind::Interrupt), &[1]);
            assert_eq!(daemon.hear().unwrap().0.kind, Kind::Confirm);
            daemon.tell(&data(flags::Q), &INVITATION);
            daemon.tell(&tagged(Kind::Sent, invitation.tag), &[]);
            let (clear, _) = daemon.hear().unwrap();
            daemon.tell(&tagged(Kind::Done, clear.tag), &[]);
        },
    );
    assert_eq!(ending.trouble, None);
}
