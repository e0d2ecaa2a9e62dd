//! TCP through sessions: what arrives a second, each way.
//!
//! Octets are compared with what was sent while the connections warm up and again before they end;
//! meanwhile they are counted only, so that the receiver costs little. In the end all that was sent
//! must have arrived.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::sockopt::TcpCongestion;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, recv, setsockopt,
    socket,
};
use serde::Serialize;

use crate::lac::Lac;
use crate::netns;
use crate::options::Options;
use crate::process::Usage;
use crate::traffic::Direction;

/// The octets that are sent again and again: a prime, so that no shift by whole packets or buffers
/// looks right.
const PERIOD: usize = 1_000_003;
/// Octets handed to the kernel, or taken from it, at once.
const CHUNK: usize = 256 * 1024;
/// Until connections have found their rate.
const WARM_UP: Duration = Duration::from_millis(700);
/// Between a change of phase and a measurement.
const SETTLE: Duration = Duration::from_millis(100);
/// A connection that does nothing for so long has failed.
const STALL: Duration = Duration::from_secs(20);

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub direction: Direction,
    /// Sessions, with a connection each.
    pub streams: usize,
    /// Octets of the connections a second that arrived, all together.
    pub octets: f64,
    /// Segments that were sent again, warm-up included.
    pub resent: u64,
    /// Nanoseconds of processors an octet: the LNS and interrupts of the network.
    pub cpu: Option<f64>,
}

/// What a connection is doing.
#[repr(u8)]
enum Phase {
    /// What arrives is compared.
    Compare,
    /// It is only counted.
    Count,
    /// The sender ends.
    End,
}

/// What the threads of a measurement have in common.
struct Shared {
    pattern: Vec<u8>,
    phase: AtomicU8,
    /// Ends of connections that stand.
    standing: AtomicU32,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        // Xorshift: any octets without a short period do.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let octet = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        Self {
            pattern: (0..PERIOD).map(octet).collect(),
            phase: AtomicU8::new(Phase::Compare as u8),
            standing: AtomicU32::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    /// Whether these octets are those at a place of the stream.
    fn is_right(&self, place: usize, octets: &[u8]) -> bool {
        let mut wanted = self.pattern.iter().cycle().skip(place % PERIOD);
        octets.iter().all(|octet| wanted.next() == Some(octet))
    }

    /// Sends until the end. Connections begin at different places.
    fn send(&self, mut stream: &TcpStream, begin: usize) -> Result<(), String> {
        let mut place = begin % PERIOD;
        while !self.is_in(Phase::End) {
            let rest = self.pattern.get(place..).unwrap_or_default();
            let part = rest.get(..CHUNK.min(rest.len())).unwrap_or_default();
            let taken = stream
                .write(part)
                .map_err(|error| format!("TCP, sending: {error}"))?;
            place = (place + taken) % PERIOD;
            self.sent.fetch_add(taken as u64, Ordering::Relaxed);
        }
        stream
            .shutdown(Shutdown::Write)
            .map_err(|error| format!("TCP, at the end: {error}"))
    }

    /// Receives until the sender ends.
    fn receive(&self, stream: &TcpStream, begin: usize) -> Result<(), String> {
        let mut buffer = vec![0; CHUNK];
        let mut place = begin;
        loop {
            let comparing = !self.is_in(Phase::Count);
            let flags = match comparing {
                true => MsgFlags::empty(),
                // The kernel throws it away.
                false => MsgFlags::MSG_TRUNC,
            };
            let got = match recv(stream.as_raw_fd(), &mut buffer, flags) {
                Ok(0) => return Ok(()),
                Ok(got) => got,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => {
                    let after = place - begin;
                    return Err(format!("TCP: nothing for {STALL:?} after {after} octets"));
                }
                Err(error) => return Err(format!("TCP, receiving: {error}")),
            };
            let octets = buffer.get(..got).unwrap_or_default();
            if comparing && !self.is_right(place, octets) {
                return Err(format!(
                    "TCP: {got} octets behind the first {} are not those that were sent",
                    place - begin
                ));
            }
            place += got;
            self.received.fetch_add(got as u64, Ordering::Relaxed);
        }
    }

    /// An end of a connection: whoever has the port of the subscriber's end knows where its octets begin.
    fn serve(&self, stream: &TcpStream, port: u16, sends: bool) -> Result<(), String> {
        let timeouts = stream
            .set_read_timeout(Some(STALL))
            .and_then(|()| stream.set_write_timeout(Some(STALL)));
        timeouts.map_err(|error| format!("TCP: {error}"))?;
        self.standing.fetch_add(1, Ordering::Relaxed);
        if sends {
            self.send(stream, usize::from(port))
        } else {
            self.receive(stream, usize::from(port))
        }
    }
}

/// All measurements that are asked for.
///
/// # Errors
/// Connections do not work, or octets are not what was sent.
pub fn run(lac: &mut Lac, options: &Options) -> Result<Vec<Row>, String> {
    let time = Duration::from_secs_f64(options.tcp);
    let mut rows = Vec::new();
    for &streams in &options.streams.0 {
        for direction in [Direction::Up, Direction::Down] {
            rows.push(measure(lac, options, direction, streams, time)?);
        }
    }
    Ok(rows)
}

/// One measurement, through the first sessions that have homes.
///
/// # Errors
/// As [`run`].
pub fn measure(
    lac: &mut Lac,
    options: &Options,
    direction: Direction,
    streams: usize,
    time: Duration,
) -> Result<Row, String> {
    let home = lac.home.as_ref().ok_or("no homes")?;
    let far = options.far.ok_or("no --far")?;
    let listener = netns::inside(options.far_netns.as_deref(), || listen(far, options))??;
    let mut clients = Vec::new();
    for address in home.addresses().iter().take(streams) {
        clients.push(home.inside(|| client(*address, options))??);
    }
    let shared = Shared::new();
    let shared = &shared;
    let resent = |lac: &Lac| -> u64 {
        let there = netns::inside(options.far_netns.as_deref(), segments_sent_again);
        let here = lac
            .home
            .as_ref()
            .map(|home| home.inside(segments_sent_again));
        there.unwrap_or(0) + here.and_then(Result::ok).unwrap_or(0)
    };
    let before = resent(lac);
    let (time, octets, usage) = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for client in clients {
            let up = direction == Direction::Up;
            threads.push(scope.spawn(move || connected(shared, client, far, up)));
            let listener = &listener;
            threads.push(scope.spawn(move || accepted(shared, listener, !up)));
        }
        let stand = |_: &Lac| shared.standing.load(Ordering::Relaxed) as usize >= 2 * streams;
        let stood = go_on(lac, &threads, STALL, stand)?;
        let sample = if stood {
            go_on(lac, &threads, WARM_UP, |_| false)?;
            shared.enter(Phase::Count);
            go_on(lac, &threads, SETTLE, |_| false)?;
            let (begun, usage) = (Instant::now(), Usage::of(options.pid));
            let octets = shared.received.load(Ordering::Relaxed);
            go_on(lac, &threads, time, |_| false)?;
            let octets = shared.received.load(Ordering::Relaxed) - octets;
            let usage = usage.zip(Usage::of(options.pid)).map(|(a, b)| b.since(&a));
            (begun.elapsed(), octets, usage)
        } else {
            (time, 0, None)
        };
        shared.enter(Phase::Compare);
        go_on(lac, &threads, SETTLE, |_| false)?;
        shared.enter(Phase::End);
        while !threads.iter().all(ScopedJoinHandle::is_finished) {
            lac.turn(Duration::from_millis(5))?;
        }
        for thread in threads {
            thread
                .join()
                .map_err(|_| "a thread of TCP failed".to_owned())??;
        }
        if !stood {
            return Err(format!("{streams} connections of TCP do not stand"));
        }
        Ok(sample)
    })?;
    let (sent, received) = (&shared.sent, &shared.received);
    let missing = sent.load(Ordering::Relaxed) - received.load(Ordering::Relaxed);
    if missing != 0 {
        return Err(format!("TCP: {missing} octets did not arrive"));
    }
    Ok(Row {
        direction,
        streams,
        octets: octets as f64 / time.as_secs_f64(),
        resent: resent(lac) - before,
        cpu: usage.map(|usage| usage.as_nanos() as f64 / octets.max(1) as f64),
    })
}

/// Lets packets pass for a time, or until `done`, or until a connection has ended before its time:
/// why is told when the threads are joined. Whether it is done.
fn go_on<T>(
    lac: &mut Lac,
    threads: &[ScopedJoinHandle<'_, T>],
    time: Duration,
    done: impl Fn(&Lac) -> bool,
) -> Result<bool, String> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if done(lac) {
            return Ok(true);
        }
        if left.is_zero() || threads.iter().any(ScopedJoinHandle::is_finished) {
            return Ok(false);
        }
        lac.turn(left.min(Duration::from_millis(5)))?;
    }
}

/// A socket of a subscriber that is not connected yet.
fn client(address: Ipv4Addr, options: &Options) -> Result<OwnedFd, String> {
    let opened = || -> nix::Result<OwnedFd> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let client = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
        setsockopt(&client, TcpCongestion, &(&options.congestion).into())?;
        let local = SockaddrIn::from(SocketAddrV4::new(address, 0));
        bind(client.as_raw_fd(), &local)?;
        Ok(client)
    };
    opened().map_err(|error| format!("TCP from {address}, {}: {error}", options.congestion))
}

/// The listener beyond the LNS.
fn listen(far: SocketAddr, options: &Options) -> Result<TcpListener, String> {
    let fail = |error: std::io::Error| format!("TCP at {far}, {}: {error}", options.congestion);
    let listener = TcpListener::bind(far).map_err(fail)?;
    setsockopt(&listener, TcpCongestion, &(&options.congestion).into())
        .map_err(|error| fail(error.into()))?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}

/// The subscriber's end.
fn connected(shared: &Shared, client: OwnedFd, far: SocketAddr, sends: bool) -> Result<(), String> {
    let SocketAddr::V4(to) = far else {
        return Err(format!("{far} is not IPv4"));
    };
    let fail = |error: std::io::Error| format!("TCP to {far}: {error}");
    connect(client.as_raw_fd(), &SockaddrIn::from(to)).map_err(|error| fail(error.into()))?;
    let stream = TcpStream::from(client);
    let port = stream.local_addr().map_err(fail)?.port();
    shared.serve(&stream, port, sends)
}

/// The end beyond the LNS.
fn accepted(shared: &Shared, listener: &TcpListener, sends: bool) -> Result<(), String> {
    let begun = Instant::now();
    let (stream, from) = loop {
        match listener.accept() {
            Ok(accepted) => break accepted,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(format!("TCP: {error}")),
        }
        if begun.elapsed() > STALL {
            return Err("TCP: no connection came".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    stream
        .set_nonblocking(false)
        .map_err(|error| format!("TCP: {error}"))?;
    shared.serve(&stream, from.port(), sends)
}

/// Of this network, since it is there.
fn segments_sent_again() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap_or_default();
    // A line of names, and one of values.
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    names
        .split_whitespace()
        .zip(values.split_whitespace())
        .find(|(name, _)| *name == "RetransSegs")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}
