use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::*;

fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("wanbox-cable-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

/// Runs the ends as a poll loop would until `done`, for at most five seconds. Frames go to `frames`.
fn run(
    ends: &mut [&mut Cable],
    frames: &mut Vec<(usize, Vec<u8>)>,
    mut done: impl FnMut(&mut [&mut Cable], &[(usize, Vec<u8>)]) -> bool,
) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut buffer = vec![0; Cable::MAX_FRAME];
    loop {
        for (index, end) in ends.iter_mut().enumerate() {
            end.on_ready().unwrap();
            while let Some(len) = end.receive(&mut buffer).unwrap() {
                frames.push((index, buffer[..len].to_vec()));
            }
        }
        if done(ends, frames) {
            return;
        }
        assert!(Instant::now() < deadline, "nothing happened in 5 s");
        let mut fds: Vec<_> = ends
            .iter()
            .map(|e| PollFd::new(e.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut fds, PollTimeout::from(50u16)).unwrap();
    }
}

fn until_carrier(ends: &mut [&mut Cable], wanted: bool) {
    run(ends, &mut Vec::new(), |ends, _| {
        ends.iter().all(|e| e.carrier() == wanted)
    });
}

fn events(cable: &mut Cable) -> Vec<CableEvent> {
    std::iter::from_fn(|| cable.poll_event()).collect()
}

#[test]
fn frames_cross_in_order_and_the_carrier_is_told() {
    let dir = directory("frames");
    let mut a = Cable::open(&dir, "demo").unwrap();
    assert!(!a.carrier());
    assert!(a.send(&[b"lost"]).unwrap());
    assert_eq!(a.stats().no_carrier, 1);
    let mut b = Cable::open(&dir, "demo").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
    assert_eq!(events(&mut a), [CableEvent::Carrier(true)]);
    assert_eq!(events(&mut b), [CableEvent::Carrier(true)]);
    let long = vec![7; Cable::MAX_FRAME];
    assert!(a.send(&[b"he", b"", b"llo"]).unwrap());
    assert!(b.send(&[&long]).unwrap());
    assert!(a.send(&[]).unwrap());
    assert!(a.send(&[&long, b"x"]).is_err());
    let mut frames = Vec::new();
    run(&mut [&mut a, &mut b], &mut frames, |_, frames| {
        frames.len() == 3
    });
    frames.sort_by_key(|(end, _)| *end);
    assert_eq!(frames, [(0, long), (1, b"hello".to_vec()), (1, Vec::new())]);
    assert_eq!((a.stats().sent, b.stats().received), (2, 2));
}

#[test]
fn either_end_may_go_and_come_back() {
    let dir = directory("again");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    for round in 0..6 {
        until_carrier(&mut [&mut a, &mut b], true);
        events(&mut b);
        drop(a);
        until_carrier(&mut [&mut b], false);
        assert_eq!(
            events(&mut b),
            [CableEvent::Carrier(false)],
            "round {round}"
        );
        // Now the listener goes, now the other.
        a = if round % 2 == 0 {
            std::mem::replace(&mut b, Cable::open(&dir, "c").unwrap())
        } else {
            Cable::open(&dir, "c").unwrap()
        };
    }
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn a_stale_socket_is_taken_over() {
    let dir = directory("stale");
    fs::create_dir_all(&dir).unwrap();
    let stale = new_socket().unwrap();
    bind(stale.as_raw_fd(), &UnixAddr::new(&dir.join("c")).unwrap()).unwrap();
    drop(stale);
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn a_quick_restart_is_seen_as_a_loss() {
    let dir = directory("quick");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
    events(&mut a);
    drop(b);
    let mut b = Cable::open(&dir, "c").unwrap();
    let mut lost = Vec::new();
    run(&mut [&mut a, &mut b], &mut Vec::new(), |ends, _| {
        lost.extend(events(ends[0]));
        lost.len() >= 2
    });
    assert_eq!(
        lost,
        [CableEvent::Carrier(false), CableEvent::Carrier(true)]
    );
}

#[test]
fn a_third_end_is_turned_away_until_there_is_room() {
    let dir = directory("third");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
    let mut c = Cable::open(&dir, "c").unwrap();
    let mut told = Vec::new();
    run(&mut [&mut a, &mut b, &mut c], &mut Vec::new(), |ends, _| {
        told.extend(events(ends[2]));
        !told.is_empty()
    });
    assert_eq!(told, [CableEvent::Taken]);
    assert!(a.carrier() && b.carrier() && !c.carrier());
    assert_eq!(a.stats().turned_away, 1);
    drop(b);
    until_carrier(&mut [&mut a, &mut c], true);
}

#[test]
fn cutting_one_end_takes_the_carrier_from_both() {
    let dir = directory("cut");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
    b.cut();
    assert!(a.send(&[b"into the void"]).unwrap());
    until_carrier(&mut [&mut a, &mut b], false);
    assert_eq!(b.stats().cut, 1);
    a.cut();
    b.join();
    run(&mut [&mut a, &mut b], &mut Vec::new(), |ends, _| {
        ends[0].connection.as_ref().is_some_and(|c| c.peer_plugged)
    });
    assert!(!a.carrier() && !b.carrier(), "both must be plugged");
    a.join();
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn a_full_buffer_pushes_back_and_loses_nothing() {
    let dir = directory("full");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
    events(&mut a);
    let frame = [9; 1500];
    let mut sent = 0;
    while a.send(&[&frame]).unwrap() {
        sent += 1;
        assert!(sent < 10_000, "the buffer has no bound");
    }
    let mut frames = Vec::new();
    run(&mut [&mut a, &mut b], &mut frames, |ends, _| {
        events(ends[0]).contains(&CableEvent::Writable)
    });
    assert!(a.send(&[&frame]).unwrap());
    run(&mut [&mut a, &mut b], &mut frames, |_, frames| {
        frames.len() == sent + 1
    });
}

#[test]
fn ends_meet_across_network_namespaces() {
    let Some(other) = crate::netns::tests::namespace_or_skip() else {
        return;
    };
    let dir = directory("netns");
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = other.run(|| Cable::open(&dir, "c").unwrap()).unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn a_path_longer_than_an_address_works() {
    let dir = directory("long").join("d".repeat(120));
    let mut a = Cable::open(&dir, "c").unwrap();
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn strangers_at_the_socket_are_closed_and_counted() {
    let dir = directory("stranger");
    let mut a = Cable::open(&dir, "c").unwrap();
    let stranger = new_socket().unwrap();
    connect(stranger.as_raw_fd(), &UnixAddr::new(a.path()).unwrap()).unwrap();
    message::send(
        stranger.as_fd(),
        &[IoSlice::new(&[wire::FRAME, 1, 2])],
        None,
    )
    .unwrap();
    run(&mut [&mut a], &mut Vec::new(), |ends, _| {
        ends[0].stats().malformed == 1
    });
    let mut b = Cable::open(&dir, "c").unwrap();
    until_carrier(&mut [&mut a, &mut b], true);
}

#[test]
fn two_that_start_together_never_both_listen() {
    for round in 0..40 {
        let dir = directory(&format!("race{round}"));
        let make = |dir: PathBuf| std::thread::spawn(move || Cable::open(&dir, "c").unwrap());
        let (a, b) = (make(dir.clone()), make(dir.clone()));
        let (mut a, mut b) = (a.join().unwrap(), b.join().unwrap());
        assert!(a.listener.is_some() != b.listener.is_some());
        until_carrier(&mut [&mut a, &mut b], true);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn bad_names_are_refused() {
    for name in ["", "a/b", "..", ".x", "a b", "x.lock", &"n".repeat(65)] {
        assert!(
            matches!(
                Cable::open(&directory("names"), name),
                Err(CableError::Name(_))
            ),
            "{name}"
        );
    }
}
