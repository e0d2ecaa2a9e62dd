//! Packets through sessions, each way.

use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use wanbox_runtime::udp::{ManyConfig, ManySocket};
use wanbox_wire::ip::{Ipv4Repr, Udp, UdpRepr, protocol};

use crate::lac::Lac;
use crate::netns;
use crate::options::Options;
use crate::process::Usage;
use crate::subscriber::Stage;

/// The port of subscribers, where nothing listens but us.
const PORT: u16 = 5555;
/// Datagrams handed to the kernel together.
const BATCH: usize = 64;
/// At most so many of the packets may be lost: one in a thousand.
const LOSS: f64 = 0.001;
/// Steps of the search for the highest rate.
const STEPS: u32 = 6;
/// What is still under way when the sender is done has this long.
const DRAIN: Duration = Duration::from_millis(100);

impl std::str::FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            _ => Err(format!("'{text}': up or down")),
        }
    }
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From subscribers.
    Up,
    /// To them.
    Down,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub direction: Direction,
    /// Octets of a packet.
    pub size: usize,
    pub flows: usize,
    /// Packets a second that were sent.
    pub sent: f64,
    /// Packets a second that arrived, of those.
    pub received: f64,
    /// The part that was lost.
    pub loss: f64,
    /// Packets a second that arrived while as many as possible were sent.
    pub flooded: Option<f64>,
    /// Microseconds of processors a packet that arrived: the LNS and interrupts of the network.
    pub cpu: Option<f64>,
}

/// What came of one try.
pub struct Sample {
    sent: u64,
    received: u64,
    time: Duration,
    usage: Option<Duration>,
}

impl Sample {
    /// The part that was lost.
    pub fn loss(&self) -> f64 {
        1.0 - (self.received as f64 / self.sent.max(1) as f64).min(1.0)
    }

    fn rate(&self, packets: u64) -> f64 {
        packets as f64 / self.time.as_secs_f64()
    }
}

/// The end beyond the LNS.
pub struct Far {
    socket: ManySocket,
    at: SocketAddr,
}

impl Far {
    pub fn open(options: &Options) -> Result<Self, String> {
        let at = options.far.ok_or("no --far")?;
        let config = ManyConfig {
            local: at,
            receive_buffer: Some(8 << 20),
            send_buffer: Some(8 << 20),
            offload: true,
        };
        let socket = netns::inside(options.far_netns.as_deref(), || ManySocket::open(&config))?
            .map_err(|error| error.to_string())?;
        Ok(Self { socket, at })
    }

    /// Counts what comes until it shall stop and nothing comes any more.
    fn count(&mut self, stop: &AtomicBool, counted: &AtomicU64) {
        let mut buffer = vec![0; ManySocket::MAX_RECEIVE];
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            let mut any = false;
            while let Ok(Some(got)) = self.socket.receive(&mut buffer) {
                any = true;
                let packets = got.received.datagrams(&buffer).count();
                counted.fetch_add(packets as u64, Ordering::Relaxed);
            }
            if stopping && !any {
                return;
            }
            let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::from(20_u8));
        }
    }

    /// Sends to subscribers in turn. How many packets left.
    fn send(&mut self, to: &[Ipv4Addr], size: usize, rate: Option<f64>, time: Duration) -> u64 {
        let payload = vec![0x5a; size - Ipv4Repr::LEN - Udp::HEADER];
        let batch = vec![IoSlice::new(&payload); BATCH];
        let mut pace = Pace::new(rate, time);
        let mut next = to.iter().cycle();
        while pace.is_running() {
            let wanted = pace.wanted();
            let mut taken = 0;
            if let [one] = to {
                let batch = batch.get(..wanted).unwrap_or(&batch);
                taken = self.socket.send((*one, PORT).into(), batch).unwrap_or(0);
            } else {
                for address in next.by_ref().take(wanted) {
                    let one = batch.get(..1).unwrap_or(&batch);
                    taken += self.socket.send((*address, PORT).into(), one).unwrap_or(0);
                }
            }
            pace.sent(taken);
        }
        pace.total
    }
}

/// How many packets may leave when.
struct Pace {
    begun: Instant,
    time: Duration,
    rate: Option<f64>,
    total: u64,
}

impl Pace {
    fn new(rate: Option<f64>, time: Duration) -> Self {
        Self {
            begun: Instant::now(),
            time,
            rate,
            total: 0,
        }
    }

    fn is_running(&self) -> bool {
        self.begun.elapsed() < self.time
    }

    /// Packets that may leave now, up to a batch; waits a little when there are none.
    fn wanted(&self) -> usize {
        let Some(rate) = self.rate else {
            return BATCH;
        };
        let due = (self.begun.elapsed().as_secs_f64() * rate) as u64;
        let wanted = due.saturating_sub(self.total).min(BATCH as u64) as usize;
        if wanted == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        wanted
    }

    fn sent(&mut self, packets: usize) {
        self.total += packets as u64;
    }
}

/// A session that sends, with its finished datagram.
struct Flow {
    socket: usize,
    datagram: Vec<u8>,
    address: Ipv4Addr,
}

/// All measurements that are asked for.
///
/// # Errors
/// A socket does not work.
pub fn run(lac: &mut Lac, options: &Options) -> Result<Vec<Row>, String> {
    let mut far = Far::open(options)?;
    let mut rows = Vec::new();
    let time = Duration::from_secs_f64(options.traffic);
    for &count in &options.flows.0 {
        for &size in &options.sizes.0 {
            let flows = flows(lac, far.at, size, count);
            if flows.is_empty() {
                return Err("no session is up to send through".into());
            }
            let to: Vec<Ipv4Addr> = flows.iter().map(|flow| flow.address).collect();
            let mut up = |lac: &mut Lac, rate| send_up(lac, &mut far, &flows, rate, time, options);
            if options.direction != Some(Direction::Down) {
                let count = flows.len();
                rows.push(row(lac, Direction::Up, size, count, options, &mut up)?);
            }
            let mut down =
                |lac: &mut Lac, rate| send_down(lac, &mut far, &to, size, rate, time, options);
            if options.direction != Some(Direction::Up) {
                let count = flows.len();
                rows.push(row(lac, Direction::Down, size, count, options, &mut down)?);
            }
        }
    }
    Ok(rows)
}

type Try<'t> = &'t mut dyn FnMut(&mut Lac, Option<f64>) -> Result<Sample, String>;

fn row(
    lac: &mut Lac,
    direction: Direction,
    size: usize,
    flows: usize,
    options: &Options,
    measure: Try<'_>,
) -> Result<Row, String> {
    let (best, flooded) = match options.rate {
        Some(rate) => (measure(lac, Some(rate))?, None),
        None => {
            let (best, flooded) = highest(lac, measure)?;
            (best, Some(flooded))
        }
    };
    let cpu = best
        .usage
        .map(|usage| usage.as_secs_f64() * 1e6 / best.received.max(1) as f64);
    Ok(Row {
        direction,
        size,
        flows,
        sent: best.rate(best.sent),
        received: best.rate(best.received),
        loss: best.loss(),
        flooded,
        cpu,
    })
}

/// The highest rate at which hardly anything is lost, and what arrives of a flood.
fn highest(lac: &mut Lac, measure: Try<'_>) -> Result<(Sample, f64), String> {
    let flood = measure(lac, None)?;
    let flooded = flood.rate(flood.received);
    if flood.loss() <= LOSS {
        return Ok((flood, flooded));
    }
    let (mut low, mut high) = (0.0, flooded * 1.5);
    let mut best: Option<Sample> = None;
    for step in 0..STEPS {
        let rate = if step == 0 {
            flooded
        } else {
            (low + high) / 2.0
        };
        let mut sample = measure(lac, Some(rate))?;
        if sample.loss() > LOSS {
            // Something else on the machine may have stood in the way for a moment.
            sample = measure(lac, Some(rate))?;
        }
        if sample.loss() <= LOSS {
            low = rate;
            best = Some(sample);
        } else {
            high = rate;
        }
    }
    Ok((best.unwrap_or(flood), flooded))
}

/// Sessions that are up, with a packet each, from all tunnels in turn.
fn flows(lac: &mut Lac, far: SocketAddr, size: usize, count: usize) -> Vec<Flow> {
    let SocketAddr::V4(far) = far else {
        return Vec::new();
    };
    let mut flows = Vec::new();
    for number in 0..lac.subscribers.len() {
        if flows.len() >= count {
            break;
        }
        let socket = lac.socket_of(number);
        let Some(subscriber) = lac
            .subscribers
            .get_mut(number)
            .filter(|s| s.stage == Stage::Up)
        else {
            continue;
        };
        let Some((address, mut datagram)) = subscriber.address.zip(subscriber.header(size)) else {
            continue;
        };
        let ip = Ipv4Repr {
            tos: 0,
            ident: 0,
            dont_fragment: true,
            ttl: 64,
            protocol: protocol::UDP,
            src: address,
            dst: *far.ip(),
            payload_len: (size - Ipv4Repr::LEN) as u16,
        };
        let udp = UdpRepr {
            src_port: PORT,
            dst_port: far.port(),
        };
        let mut packet = vec![0x5a; size];
        let emitted = ip.emit(&mut packet).is_ok()
            && packet
                .get_mut(Ipv4Repr::LEN..)
                .is_some_and(|segment| udp.emit(segment, ip.pseudo_header()).is_ok());
        if emitted {
            datagram.extend_from_slice(&packet);
            flows.push(Flow {
                socket,
                datagram,
                address,
            });
        }
    }
    // One socket after the other would be a burst each: those of a socket go in a batch.
    flows.sort_by_key(|flow| flow.socket);
    flows
}

fn send_up(
    lac: &mut Lac,
    far: &mut Far,
    flows: &[Flow],
    rate: Option<f64>,
    time: Duration,
    options: &Options,
) -> Result<Sample, String> {
    let (stop, counted) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = Usage::of(options.pid);
    let mut pace = Pace::new(rate, time);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| far.count(&stop, &counted));
        let mut place = 0;
        let mut batch = Vec::with_capacity(BATCH);
        let mut turn = Instant::now();
        let mut result = Ok(());
        while pace.is_running() && result.is_ok() {
            let wanted = pace.wanted();
            let mut left = wanted;
            while left > 0 && result.is_ok() {
                batch.clear();
                let Some(first) = flows.get(place) else { break };
                while batch.len() < left
                    && let Some(flow) = flows.get(place)
                    && flow.socket == first.socket
                {
                    batch.push(IoSlice::new(&flow.datagram));
                    place = if flows.len() == 1 { 0 } else { place + 1 };
                }
                if place >= flows.len() {
                    place = 0;
                }
                match lac.send(first.socket, &batch) {
                    Ok(taken) => pace.sent(taken),
                    Err(error) => result = Err(error),
                }
                left -= batch.len();
            }
            // Tunnels and PPP go on beside it.
            if turn.elapsed() > Duration::from_millis(20) {
                turn = Instant::now();
                result = result.and(lac.turn(Duration::ZERO));
            }
        }
        std::thread::sleep(DRAIN);
        stop.store(true, Ordering::Relaxed);
        result
    });
    result?;
    Ok(Sample {
        sent: pace.total,
        received: counted.into_inner(),
        time,
        usage: before.zip(Usage::of(options.pid)).map(|(a, b)| b.since(&a)),
    })
}

/// Sends to subscribers for some time, and counts what arrives.
pub fn send_down(
    lac: &mut Lac,
    far: &mut Far,
    to: &[Ipv4Addr],
    size: usize,
    rate: Option<f64>,
    time: Duration,
    options: &Options,
) -> Result<Sample, String> {
    let before = Usage::of(options.pid);
    let packets = lac.counts.packets;
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| far.send(to, size, rate, time));
        let mut ended: Option<Instant> = None;
        while ended.is_none_or(|ended| ended.elapsed() < DRAIN) {
            lac.turn(Duration::from_millis(5))?;
            if ended.is_none() && sender.is_finished() {
                ended = Some(Instant::now());
            }
        }
        sender.join().map_err(|_| "the sender failed".to_owned())
    })?;
    Ok(Sample {
        sent,
        received: lac.counts.packets - packets,
        time,
        usage: before.zip(Usage::of(options.pid)).map(|(a, b)| b.since(&a)),
    })
}
