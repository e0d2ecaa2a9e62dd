//! What the kernel does to a station.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use wanbox_rig::{Error, Result, ensure, uninterrupted};

use super::programs::{Forwarder, Station};

/// Before anything is counted: windows open, buffers fill.
const WARM: Duration = Duration::from_millis(500);
/// How long a connection may take to open.
const OPEN: Duration = Duration::from_secs(20);
/// Threads that open connections and close them again.
const OPENERS: usize = 8;

/// Octets of a segment on a line of 1,500.
const SEGMENT: u16 = 1460;

/// Which octets count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Those that the station took.
    In,
    /// Those that came back.
    Both,
}

fn connect(station: &Station, count: usize) -> Result<Vec<TcpStream>> {
    let to = station.address();
    station.netns.inside(|| {
        (0..count)
            .map(|_| Ok(TcpStream::connect_timeout(&to, OPEN)?))
            .collect()
    })
}

/// What passed.
#[derive(Clone, Copy)]
pub struct Passed {
    /// Bits a second.
    pub rate: f64,
    /// What the station's own code took of the processor for a segment's worth of octets, nanoseconds; the kernel's
    /// work for it, which is the same for all stations, does not count.
    pub a_segment: f64,
}

/// What passes through so many connections. What waits in buffers at the end waited there at the beginning.
pub fn transfer(
    station: &Station,
    count: usize,
    direction: Direction,
    time: Duration,
) -> Result<Passed> {
    let mut streams = connect(station, count)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (number, stream) in streams.iter().enumerate() {
        stream.set_nonblocking(true)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT;
        epoll.add(stream, EpollEvent::new(flags, number as u64))?;
    }
    let (chunk, mut got) = (vec![0x5a; 65_536], vec![0; 65_536]);
    let (mut events, mut moved) = ([EpollEvent::empty(); 256], [0u64; 2]);
    let start = Instant::now();
    let mut began: Option<(Instant, [u64; 2], Duration)> = None;
    let took = loop {
        let ready = uninterrupted(|| Ok(epoll.wait(&mut events, 100u16)?))?;
        for event in events.iter().take(ready) {
            let Some(stream) = streams.get_mut(event.data() as usize) else {
                continue;
            };
            moved[0] += count_of(stream.write(&chunk))?;
            if direction == Direction::Both {
                moved[1] += count_of(stream.read(&mut got))?;
            }
        }
        let now = Instant::now();
        match began {
            None if now - start > WARM => began = Some((now, moved, station.user_time()?)),
            Some((since, ..)) if now - since > time => break now - since,
            _ => {}
        }
    };
    let (_, before, used) = began.ok_or_else(|| Error::new("no beginning"))?;
    let used = station.user_time()?.saturating_sub(used);
    let which = usize::from(direction == Direction::Both);
    let octets = moved[which] - before[which];
    ensure!(octets > 0, "nothing passed");
    Ok(Passed {
        rate: octets as f64 * 8.0 / took.as_secs_f64(),
        a_segment: used.as_nanos() as f64 * f64::from(SEGMENT) / octets as f64,
    })
}

fn count_of(done: std::io::Result<usize>) -> Result<u64> {
    match done {
        Ok(octets) => Ok(octets as u64),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(0)
        }
        Err(error) => Err(error.into()),
    }
}

/// Connections opened and closed a second.
pub fn connections(station: &Station, time: Duration) -> Result<f64> {
    let to = station.address();
    let (over, opened) = (AtomicBool::new(false), AtomicU64::new(0));
    let count = thread::scope(|scope| {
        let openers: Vec<_> = (0..OPENERS)
            .map(|_| {
                scope.spawn(|| {
                    station.netns.inside(|| {
                        while !over.load(Ordering::Relaxed) {
                            drop(TcpStream::connect_timeout(&to, OPEN)?);
                            opened.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    })
                })
            })
            .collect();
        thread::sleep(WARM);
        opened.store(0, Ordering::Relaxed);
        thread::sleep(time);
        let count = opened.load(Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        for opener in openers {
            opener
                .join()
                .map_err(|_| Error::new("an opener failed"))??;
        }
        Ok::<u64, Error>(count)
    })?;
    Ok(count as f64 / time.as_secs_f64())
}

/// Octets of memory that an idle connection takes.
pub fn memory(station: &Station, count: usize) -> Result<f64> {
    // The first one pays for what all share.
    let first = connect(station, 1)?;
    thread::sleep(WARM);
    let before = station.resident()?;
    let others = connect(station, count - 1)?;
    thread::sleep(WARM);
    let after = station.resident()?;
    drop((first, others));
    Ok(after.saturating_sub(before) as f64 / (count - 1) as f64)
}

/// Datagrams a second that arrive behind a forwarder while a thread sends as fast as it can.
pub fn datagrams(forwarder: &Forwarder, size: usize, time: Duration) -> Result<f64> {
    let to: SocketAddr = forwarder.to();
    let receiver = forwarder.far.inside(|| Ok(UdpSocket::bind(to)?))?;
    receiver.set_read_timeout(Some(Duration::from_millis(100)))?;
    let sender = forwarder.near.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        Ok(socket)
    })?;
    crate::throughput::flood(&sender, &receiver, size - 28, time)
}
