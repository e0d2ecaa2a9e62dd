//! When the owner is to let acknowledgements out before it reads on.

use std::time::Instant;

use wanbox_net_tcp::{Endpoint, Id, Incoming, Key, Offload, Options, Parameters, Tcp};
use wanbox_sim::Clock;

use crate::peer::{PORT, addr};

/// Segments of a client, on their way to a server.
struct Line {
    now: Instant,
    client: Tcp,
    server: Tcp,
}

impl Line {
    fn new() -> Self {
        let now = Clock::new().now();
        let engine = |key| Tcp::new(now, Key([key, 4]), Parameters::default());
        let (client, mut server) = (engine(3), engine(5));
        server.listen(None, PORT, 4, &options()).unwrap();
        Self {
            now,
            client,
            server,
        }
    }

    /// A connection that is up, with text that the client has to send: its two ends.
    fn open(&mut self, text: usize) -> (Id, Id) {
        let (from, to) = (Endpoint::new(addr(4), 0), Endpoint::new(addr(5), PORT));
        let opened = self.client.connect(self.now, from, to, &options(), 1500);
        let ours = opened.unwrap();
        while self.step() || self.answer() {}
        let listener =
            std::iter::from_fn(|| self.server.poll_event()).find_map(|event| match event {
                wanbox_net_tcp::Event::Incoming(listener) => Some(listener),
                _ => None,
            });
        let theirs = self.server.accept(listener.unwrap()).unwrap();
        assert_eq!(self.client.send(ours, &vec![0; text]), Ok(text));
        (ours, theirs)
    }

    /// Passes one segment on to the server.
    fn step(&mut self) -> bool {
        pass(self.now, &mut self.client, &mut self.server, (4, 5))
    }

    /// Passes on the client's first segments, a third of the server's window: none of them presses.
    fn third_of_the_window(&mut self) {
        let mut segments = 0;
        while self.step() {
            assert!(!self.server.take_pressing());
            segments += 1;
        }
        assert_eq!(segments, 10);
    }

    /// Passes one on to the client.
    fn answer(&mut self) -> bool {
        pass(self.now, &mut self.server, &mut self.client, (5, 4))
    }
}

fn options() -> Options {
    Options {
        window: 30_000,
        mss: 1000,
        ..Parameters::default().options
    }
}

fn pass(now: Instant, from: &mut Tcp, to: &mut Tcp, (a, b): (u8, u8)) -> bool {
    let mut buffer = [0; 2048];
    let Some(out) = from.poll_transmit(now, &mut buffer, Offload::default()) else {
        return false;
    };
    let mut incoming = Incoming::new(addr(a), addr(b));
    incoming.mtu = 1500;
    to.segment(now, &incoming, &buffer[..out.len]);
    true
}

#[test]
fn a_third_of_the_window_of_one_connection() {
    let mut line = Line::new();
    let (ours, theirs) = line.open(28_000);
    let mut octets = vec![0; 30_000];
    let mut pressed = Vec::new();
    // The congestion window opens with what is acknowledged.
    loop {
        while line.step() {
            if line.server.take_pressing() {
                let waits = line.server.peek(theirs).unwrap().0.len();
                pressed.push(waits);
                assert!(!line.server.take_pressing(), "it was asked already");
                break;
            }
        }
        line.server.receive(theirs, &mut octets).unwrap();
        if !line.answer() {
            break;
        }
        while line.answer() {}
    }
    assert!(!pressed.is_empty(), "a window of segments at once presses");
    assert!(
        pressed.iter().all(|waits| (10_000..11_000).contains(waits)),
        "{pressed:?}"
    );
    assert_eq!(line.client.view(line.now, ours).unwrap().sent, 28_000);
}

#[test]
fn not_while_text_goes_the_other_way() {
    let mut line = Line::new();
    let (_, theirs) = line.open(28_000);
    assert_eq!(line.server.send(theirs, b"x"), Ok(1));
    line.third_of_the_window();
}

#[test]
fn not_while_another_has_something_to_send() {
    let mut line = Line::new();
    let (_, one) = line.open(0);
    line.open(28_000);
    // What one says does not leave before the other's segments were read.
    assert_eq!(line.server.send(one, b"x"), Ok(1));
    line.third_of_the_window();
}
