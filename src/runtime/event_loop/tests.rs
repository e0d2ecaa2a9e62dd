use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use super::*;

#[derive(Debug, PartialEq)]
enum Seen {
    Ready(Token, Readiness),
    Timer(Token),
    Signal(Signal),
    Child(Token, u32, Option<i32>),
}

type Action = Box<dyn FnMut(&mut Loop)>;

/// Notes what it is called for; stops the loop after `stop_after` notes.
#[derive(Default)]
struct Notes {
    seen: Vec<Seen>,
    stop_after: usize,
    turns: usize,
    on_timer: VecDeque<Action>,
}

impl Notes {
    fn note(&mut self, lp: &mut Loop, seen: Seen) {
        self.seen.push(seen);
        if self.seen.len() >= self.stop_after {
            lp.stop();
        }
    }
}

impl Handler for Notes {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.note(lp, Seen::Ready(token, readiness));
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        if let Some(mut action) = self.on_timer.pop_front() {
            action(lp);
        }
        self.note(lp, Seen::Timer(token));
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        self.note(lp, Seen::Signal(signal));
    }

    fn child(&mut self, lp: &mut Loop, token: Token, pid: u32, status: io::Result<ExitStatus>) {
        self.note(lp, Seen::Child(token, pid, status.unwrap().code()));
    }

    fn turn_end(&mut self, _: &mut Loop) {
        self.turns += 1;
    }
}

fn token(id: u32) -> Token {
    Token::new(1, id)
}

fn pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (a, b)
}

const READABLE: Readiness = Readiness {
    readable: true,
    writable: false,
    hangup: false,
};

/// A turn that must not wait.
fn poll(lp: &mut Loop, notes: &mut Notes) {
    lp.turn(notes, Some(Instant::now())).unwrap();
}

#[test]
fn serves_control_then_timers_then_normal_then_data() {
    let mut lp = Loop::new().unwrap();
    let mut notes = Notes::default();
    let (data, mut data_peer) = pair();
    let (normal, mut normal_peer) = pair();
    let (control, mut control_peer) = pair();
    lp.register(&data, token(1), Interest::Read, Priority::Data)
        .unwrap();
    lp.register(&normal, token(2), Interest::Read, Priority::Normal)
        .unwrap();
    lp.register(&control, token(3), Interest::Read, Priority::Control)
        .unwrap();
    lp.set_timer(token(4), Instant::now());
    for peer in [&mut data_peer, &mut normal_peer, &mut control_peer] {
        peer.write_all(b"x").unwrap();
    }
    poll(&mut lp, &mut notes);
    assert_eq!(
        notes.seen,
        [
            Seen::Ready(token(3), READABLE),
            Seen::Timer(token(4)),
            Seen::Ready(token(2), READABLE),
            Seen::Ready(token(1), READABLE),
        ]
    );
    assert_eq!(notes.turns, 1);
}

#[test]
fn what_was_not_drained_comes_back() {
    let mut lp = Loop::new().unwrap();
    let mut notes = Notes::default();
    let (mut ours, mut peer) = pair();
    lp.register(&ours, token(1), Interest::Read, Priority::Data)
        .unwrap();
    peer.write_all(b"ab").unwrap();
    poll(&mut lp, &mut notes);
    ours.read_exact(&mut [0]).unwrap();
    poll(&mut lp, &mut notes);
    ours.read_exact(&mut [0]).unwrap();
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen.len(), 2);
}

#[test]
fn interest_changes() {
    let mut lp = Loop::new().unwrap();
    let mut notes = Notes::default();
    let (ours, mut peer) = pair();
    let source = lp
        .register(&ours, token(1), Interest::None, Priority::Normal)
        .unwrap();
    peer.write_all(b"x").unwrap();
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen, []);
    lp.modify(source, &ours, Interest::ReadWrite).unwrap();
    poll(&mut lp, &mut notes);
    let both = Readiness {
        writable: true,
        ..READABLE
    };
    assert_eq!(notes.seen, [Seen::Ready(token(1), both)]);
    notes.seen.clear();
    lp.modify(source, &ours, Interest::Hangup).unwrap();
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen, []);
    drop(peer);
    poll(&mut lp, &mut notes);
    let gone = Readiness {
        readable: false,
        writable: false,
        hangup: true,
    };
    assert_eq!(notes.seen, [Seen::Ready(token(1), gone)]);
    notes.seen.clear();
    lp.modify(source, &ours, Interest::None).unwrap();
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen, [], "a dead descriptor does not keep us awake");
    lp.deregister(source, &ours).unwrap();
    let error = lp.deregister(source, &ours).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn another_descriptor_than_the_registered_one_is_refused() {
    let mut lp = Loop::new().unwrap();
    let (ours, other) = pair();
    let source = lp
        .register(&ours, token(1), Interest::Read, Priority::Normal)
        .unwrap();
    let error = lp.modify(source, &other, Interest::None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    lp.deregister(source, &ours).unwrap();
}

/// Deregisters the other source when called for one.
struct Rival {
    sources: Vec<(Token, Source, UnixStream)>,
    served: usize,
}

impl Handler for Rival {
    fn ready(&mut self, lp: &mut Loop, token: Token, _: Readiness) {
        self.served += 1;
        let other = self.sources.iter().position(|s| s.0 != token).unwrap();
        let (_, source, stream) = self.sources.swap_remove(other);
        lp.deregister(source, &stream).unwrap();
    }
}

#[test]
fn nothing_is_reported_after_deregistering_in_the_same_turn() {
    let mut lp = Loop::new().unwrap();
    let mut rival = Rival {
        sources: Vec::new(),
        served: 0,
    };
    let mut peers = Vec::new();
    for id in [1, 2] {
        let (ours, mut peer) = pair();
        peer.write_all(b"x").unwrap();
        let source = lp
            .register(&ours, token(id), Interest::Read, Priority::Normal)
            .unwrap();
        rival.sources.push((token(id), source, ours));
        peers.push(peer);
    }
    lp.turn(&mut rival, Some(Instant::now())).unwrap();
    assert_eq!(rival.served, 1);
}

#[test]
fn timers_fire_in_order_and_not_early() {
    let mut lp = Loop::new().unwrap();
    let start = Instant::now();
    for (id, after) in [(1, 30), (2, 10), (3, 20), (4, 15)] {
        lp.set_timer(token(id), start + Duration::from_millis(after));
    }
    assert!(lp.cancel_timer(token(4)));
    let mut notes = Notes {
        stop_after: 3,
        ..Notes::default()
    };
    lp.run(&mut notes).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(30));
    let order: Vec<_> = [2, 3, 1].map(|id| Seen::Timer(token(id))).into();
    assert_eq!(notes.seen, order);
    assert!(notes.turns <= 3, "no wake-up but for the timers");
}

#[test]
fn a_timer_set_for_the_past_waits_for_the_next_turn() {
    let mut lp = Loop::new().unwrap();
    let long_ago = Instant::now();
    lp.set_timer(token(1), long_ago);
    let mut notes = Notes::default();
    notes
        .on_timer
        .push_back(Box::new(move |lp| lp.set_timer(token(1), long_ago)));
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen.len(), 1);
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen.len(), 2);
    lp.set_timer_to(token(1), Some(long_ago));
    assert!(lp.timer(token(1)).is_some());
    lp.set_timer_to(token(1), None);
    assert!(lp.timer(token(1)).is_none());
}

#[test]
fn signals_are_delivered_once_a_turn() {
    let mut lp = Loop::new().unwrap();
    lp.watch_signal(Signal::User1).unwrap();
    lp.watch_signal(Signal::User2).unwrap();
    lp.watch_signal(Signal::User2).unwrap();
    for _ in 0..3 {
        signal_hook::low_level::raise(libc::SIGUSR2).unwrap();
    }
    let mut notes = Notes {
        stop_after: 1,
        ..Notes::default()
    };
    lp.run(&mut notes).unwrap();
    assert_eq!(notes.seen, [Seen::Signal(Signal::User2)]);
    poll(&mut lp, &mut notes);
    assert_eq!(notes.seen.len(), 1);
}

#[test]
fn children_are_reaped_and_others_left_alone() {
    let mut lp = Loop::new().unwrap();
    let mut foreign = Command::new("/bin/sh")
        .args(["-c", "exit 9"])
        .spawn()
        .unwrap();
    let mut first = Command::new("/bin/sh");
    first.args(["-c", "exit 3"]);
    let mut second = Command::new("/bin/sh");
    second.args(["-c", "echo hello; read line; exit 4"]);
    second.stdin(Stdio::piped()).stdout(Stdio::piped());
    let a = lp.spawn(&mut first, token(1)).unwrap();
    let mut b = lp.spawn(&mut second, token(2)).unwrap();
    let mut notes = Notes {
        stop_after: 1,
        ..Notes::default()
    };
    lp.run(&mut notes).unwrap();
    assert_eq!(notes.seen, [Seen::Child(token(1), a.pid, Some(3))]);
    let error = lp.kill(a.pid, Signal::Terminate).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);

    let mut hello = [0; 6];
    b.stdout.as_mut().unwrap().read_exact(&mut hello).unwrap();
    assert_eq!(&hello, b"hello\n");
    drop(b.stdin.take());
    notes.seen.clear();
    lp.run(&mut notes).unwrap();
    assert_eq!(notes.seen, [Seen::Child(token(2), b.pid, Some(4))]);
    assert_eq!(foreign.wait().unwrap().code(), Some(9));
}

#[test]
fn a_child_can_be_killed() {
    let mut lp = Loop::new().unwrap();
    let child = lp
        .spawn(Command::new("/bin/sleep").arg("100"), token(7))
        .unwrap();
    lp.kill(child.pid, Signal::Kill).unwrap();
    let mut notes = Notes {
        stop_after: 1,
        ..Notes::default()
    };
    lp.run(&mut notes).unwrap();
    assert_eq!(notes.seen, [Seen::Child(token(7), child.pid, None)]);
    assert!(lp.spawn(&mut Command::new("/no/such"), token(8)).is_err());
}

#[test]
fn numbers_that_are_no_process_are_refused() {
    for pid in [0, u32::MAX, 1 << 31] {
        let error = crate::process::send_signal(pid, Signal::Terminate).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(!crate::process::exists(pid));
    }
    assert!(crate::process::exists(std::process::id()));
}
