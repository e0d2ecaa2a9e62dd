//! A line that loses, delays, reorders and doubles packets, between two TUN interfaces.

use std::collections::BinaryHeap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wanbox_link::random::SplitMix64;
use wanbox_rig::{Error, Netns, Result};
use wanbox_runtime::tun::{Mode, Options, Tun};

/// What waits on its way; others are lost, as in every router.
const MOST: usize = 4096;

/// What happens to packets. Chances are in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub seed: u64,
    pub lost: u32,
    pub doubled: u32,
    /// Packets that take up to twice as long, so that others overtake them.
    pub late: u32,
    pub delay: Duration,
}

/// How many packets met it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub carried: u64,
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
}

/// The line, while it is there.
pub struct Injector {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Counts>>>,
}

/// A packet on its way. The earliest is the greatest.
#[derive(PartialEq, Eq)]
struct OnItsWay {
    due: Instant,
    number: u64,
    to: usize,
    packet: Vec<u8>,
}

impl Ord for OnItsWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for OnItsWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Injector {
    /// Makes an interface of this name in each of two networks, and carries packets between them.
    ///
    /// # Errors
    /// An interface cannot be made.
    pub fn start(ends: [(&Netns, &str); 2], faults: Faults) -> Result<Self> {
        let open = |(netns, name): (&Netns, &str)| {
            netns.inside(|| {
                Tun::open(name, Mode::Tun, &Options::default())
                    .map_err(|error| Error::new(error.to_string()))
            })
        };
        let [a, b] = ends;
        let tuns = [open(a)?, open(b)?];
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || carry(&tuns, faults, &ends));
        Ok(Self {
            over,
            thread: Some(thread),
        })
    }

    /// Takes the line away: what it did.
    ///
    /// # Errors
    /// It ended before.
    pub fn end(mut self) -> Result<Counts> {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        let thread = thread.ok_or_else(|| Error::new("the line ended before"))?;
        thread.join().map_err(|_| Error::new("the line failed"))?
    }
}

impl Drop for Injector {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn carry(tuns: &[Tun; 2], faults: Faults, over: &AtomicBool) -> Result<Counts> {
    let mut random = SplitMix64::new(faults.seed);
    let mut happens = |thousandths: u32| random.next_u32() % 1000 < thousandths;
    let mut counts = Counts::default();
    let mut on_their_way = BinaryHeap::new();
    let (mut header, mut packet) = ([0; Tun::HEADER], vec![0; Tun::MAX_PACKET]);
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        let due = on_their_way.peek().map(|next: &OnItsWay| next.due);
        let now = Instant::now();
        let pause = due.map_or(Duration::from_millis(50), |due| {
            due.saturating_duration_since(now)
        });
        let pause = PollTimeout::try_from(pause.as_millis().min(50)).unwrap_or(PollTimeout::ZERO);
        let mut fds = tuns
            .each_ref()
            .map(|tun| PollFd::new(tun.as_fd(), PollFlags::POLLIN));
        poll(&mut fds, pause)?;
        let now = Instant::now();
        for (from, tun) in tuns.iter().enumerate() {
            // `EIO` while an end is still down.
            while let Ok(Some(len)) = tun.read_packet(&mut header, &mut packet) {
                if happens(faults.lost) || on_their_way.len() >= MOST {
                    counts.lost += 1;
                    continue;
                }
                let doubled = happens(faults.doubled);
                let late = happens(faults.late);
                counts.carried += 1;
                counts.doubled += u64::from(doubled);
                counts.late += u64::from(late);
                for _ in 0..=u8::from(doubled) {
                    number += 1;
                    on_their_way.push(OnItsWay {
                        due: now + faults.delay * if late { 2 } else { 1 },
                        number,
                        to: 1 - from,
                        packet: packet[..len].to_vec(),
                    });
                }
            }
        }
        let now = Instant::now();
        while on_their_way.peek().is_some_and(|next| next.due <= now) {
            let Some(next) = on_their_way.pop() else {
                break;
            };
            // A host that is down, or whose queue is full, takes nothing.
            let _ = tuns[next.to].write_packet(&[0; Tun::HEADER], &next.packet);
        }
    }
    Ok(counts)
}
