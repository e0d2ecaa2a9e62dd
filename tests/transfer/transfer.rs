//! Two hosts with a master each, and the lines between them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_eql_engine::{
    Config, Counters, Device, Enslave, Framing, Master, Order, OutOfRange, Rate, Refusal,
    Scheduler, SlaveId,
};
use wanbox_sim::{Clock, Random};

use crate::slip::{BITS, File};
use crate::tcp::{HEADER, Receiver, Segment, Sender, Stats};

/// Packets that a SLIP device takes beside the one on the line, as Linux has it.
const DEVICE_QUEUE: usize = 10;

/// Packets that wait before the master, as a TUN's queue has room for unless it is set otherwise:
/// enough for a whole window of TCP.
const HOST_QUEUE: usize = 500;

/// What a packet takes beside its time on the line.
const DELAY: Duration = Duration::from_millis(1);

/// How late a host is at most when it waits for a moment.
const LATE: Duration = Duration::from_millis(5);

/// How often a device reports what it has sent.
const REPORT: Duration = Duration::from_millis(100);

/// No transfer takes longer.
const LIMIT: Duration = Duration::from_secs(7_200);

/// A line that is cut for a while, both ways.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Which, from 0.
    pub line: usize,
    /// When, from the beginning.
    pub at: Duration,
    /// Until when.
    pub until: Duration,
}

/// What is to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The lines, bit/s.
    pub lines: &'a [u64],
    /// The MTU, octets.
    pub mtu: u32,
    /// Octets of the file.
    pub octets: u64,
    /// The scheduler at both ends. With the driver's formula a packet that finds the queue of a
    /// SLIP device full (10 packets) is dropped, as in the kernel.
    pub scheduler: Scheduler,
    /// The order at both ends.
    pub order: Order,
    /// Lines that are cut.
    pub cuts: &'a [Cut],
    /// What the file's octets, and how late the hosts are, follow from.
    pub seed: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// From the packet that opens the connection to the last octet of the file at the other end in
    /// order.
    pub took: Duration,
    /// What all lines together take for the file's segments, each sent once: 40 octets of IP and
    /// TCP header, END before and after, escapes, ten bits to the octet.
    pub theory: Duration,
    /// What they take for the file's octets alone, ten bits each: the HOWTO's measure.
    pub bare: Duration,
    /// What the sender did.
    pub sender: Stats,
    /// Segments that came before one that was sent earlier.
    pub out_of_order: u64,
    /// Packets dropped or lost on the way, of both directions.
    pub dropped: u64,
}

impl Outcome {
    /// Per cent of the speed that the lines have after framing and headers.
    #[must_use]
    pub fn of_theory(&self) -> f64 {
        100.0 * self.theory.as_secs_f64() / self.took.as_secs_f64()
    }

    /// Per cent of the lines' bit rate, as the HOWTO reckons.
    #[must_use]
    pub fn of_bare(&self) -> f64 {
        100.0 * self.bare.as_secs_f64() / self.took.as_secs_f64()
    }
}

/// What can't be tried.
#[derive(Debug)]
pub enum Error {
    /// The master's configuration.
    Config(OutOfRange),
    /// A line.
    Line(Refusal),
    /// It took more than two hours.
    Endless,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Line(refusal) => refusal.fmt(f),
            Self::Endless => write!(f, "the file did not arrive within {LIMIT:?}"),
        }
    }
}

impl std::error::Error for Error {}

/// The device of a line, and the line in its direction.
#[derive(Debug)]
struct Port {
    id: SlaveId,
    bps: u64,
    up: bool,
    device: VecDeque<Segment>,
    sending: Option<(Instant, Segment)>,
    counters: Counters,
}

/// One end.
struct Host {
    master: Master<Segment>,
    paced: bool,
    queue: VecDeque<Segment>,
    ports: Vec<Port>,
    /// On their way to the other end.
    way: VecDeque<(Instant, Segment)>,
    wake: Option<Instant>,
    reported: Instant,
    dropped: u64,
}

impl Host {
    fn new(setting: &Setting<'_>, now: Instant) -> Result<Self, Error> {
        let config = Config {
            scheduler: setting.scheduler,
            order: setting.order,
            mtu: setting.mtu,
            ..Config::default()
        };
        let mut master = Master::new("eql", config, now).map_err(Error::Config)?;
        let mut ports = Vec::new();
        for (index, &bps) in setting.lines.iter().enumerate() {
            let device = Device {
                name: &format!("sl{index}"),
                up: true,
                mtu: setting.mtu,
                master: false,
                slave: false,
            };
            let how = Enslave {
                rate: Rate::Fixed(bps),
                framing: Framing::SLIP,
                sticky: true,
            };
            let id = master.enslave(now, &device, how).map_err(Error::Line)?;
            master.observe(now, id, Counters::default());
            ports.push(Port {
                id,
                bps,
                up: true,
                device: VecDeque::new(),
                sending: None,
                counters: Counters::default(),
            });
        }
        Ok(Self {
            master,
            paced: setting.scheduler == Scheduler::EarliestFinish,
            queue: VecDeque::new(),
            ports,
            way: VecDeque::new(),
            wake: None,
            reported: now,
            dropped: 0,
        })
    }

    fn send(&mut self, segment: Segment) {
        if self.queue.len() < HOST_QUEUE {
            self.queue.push_back(segment);
        } else {
            self.dropped += 1;
        }
    }

    /// What the owner of a master does when it wakes up.
    fn turn(&mut self, now: Instant, file: &File) {
        loop {
            while let Some(transmit) = self.master.poll_transmit(now) {
                let port = self.ports.iter_mut().find(|port| port.id == transmit.slave);
                match port {
                    Some(port) if port.up && port.device.len() < DEVICE_QUEUE => {
                        port.device.push_back(transmit.packet);
                        port.start(now, file);
                    }
                    Some(port) if port.up && self.paced => self.master.backpressure(now, transmit),
                    _ => {
                        self.dropped += 1;
                        self.master.failed(&transmit);
                    }
                }
            }
            if self.queue.is_empty() || !self.master.room(now) {
                return;
            }
            if let Some(segment) = self.queue.pop_front() {
                let len = usize::try_from(segment.octets()).unwrap_or(usize::MAX);
                if self.master.enqueue(now, len, 0, segment).is_err() {
                    self.dropped += 1;
                }
            }
        }
    }

    /// Lines that have sent a packet by `now` get the next one.
    fn lines(&mut self, now: Instant, file: &File) {
        for port in &mut self.ports {
            while let Some((at, segment)) = port.sending.take_if(|(at, _)| *at <= now) {
                port.counters.packets += 1;
                port.counters.octets += segment.octets();
                self.way.push_back((at + DELAY, segment));
                port.start(at, file);
            }
        }
        self.way.make_contiguous().sort_by_key(|(at, _)| *at);
        if self.reported + REPORT <= now {
            self.reported = now;
            for port in self.ports.iter().filter(|port| port.up) {
                self.master.observe(now, port.id, port.counters);
            }
        }
    }

    fn carrier(&mut self, now: Instant, line: usize, up: bool) {
        if let Some(port) = self.ports.get_mut(line) {
            self.dropped += port.device.len() as u64 + u64::from(port.sending.take().is_some());
            port.device.clear();
            port.up = up;
            self.master.carrier(now, port.id, up);
        }
    }

    fn plan(&mut self, now: Instant, random: &mut Random) {
        let at = self.master.poll_timeout();
        let at = at.map(|at| at.max(now) + random.duration(LATE));
        self.wake = self.wake.filter(|&at| at > now).into_iter().chain(at).min();
    }

    fn next(&self) -> Option<Instant> {
        let lines = self.ports.iter().filter_map(|port| port.sending);
        let way = self.way.front().map(|(at, _)| *at);
        let busy = self.ports.iter().any(|port| port.sending.is_some());
        let report = busy.then_some(self.reported + REPORT);
        lines
            .map(|(at, _)| at)
            .chain(way)
            .chain(self.wake)
            .chain(report)
            .min()
    }

    fn arrived(&mut self, now: Instant) -> Option<Segment> {
        self.way.pop_front_if(|(at, _)| *at <= now).map(|(_, s)| s)
    }
}

impl Port {
    fn start(&mut self, now: Instant, file: &File) {
        if self.sending.is_none()
            && let Some(segment) = self.device.pop_front()
        {
            let octets = match segment {
                Segment::Data { from, len } => file.on_line(HEADER, from, len),
                Segment::Ack(ack) => file.on_line(segment.octets(), ack.next, 0),
                Segment::Syn | Segment::SynAck => file.on_line(segment.octets(), 0, 0),
            };
            self.sending = Some((now + time(octets * BITS, self.bps), segment));
        }
    }
}

/// The time that so many bits take.
fn time(bits: u64, bps: u64) -> Duration {
    Duration::from_nanos((bits * 1_000_000_000).div_ceil(bps.max(1)))
}

/// Sends a file, and tells how it went.
///
/// # Errors
/// The setting is out of the master's ranges, or the file does not arrive.
pub fn run(setting: &Setting<'_>) -> Result<Outcome, Error> {
    let mut clock = Clock::new();
    let start = clock.now();
    let mut random = Random::new(setting.seed);
    let file = File::new(setting.octets, random.next_u64());
    let mut near = Host::new(setting, start)?;
    let mut far = Host::new(setting, start)?;
    let mut sender: Option<Sender> = None;
    let mut receiver = Receiver::default();
    near.send(Segment::Syn);
    while receiver.received() < setting.octets {
        let now = clock.now();
        for cut in setting.cuts {
            for (at, up) in [(cut.at, false), (cut.until, true)] {
                if start + at == now {
                    near.carrier(now, cut.line, up);
                    far.carrier(now, cut.line, up);
                }
            }
        }
        near.lines(now, &file);
        far.lines(now, &file);
        while let Some(segment) = near.arrived(now) {
            match segment {
                Segment::Syn => far.send(Segment::SynAck),
                Segment::Data { from, len } => {
                    let ack = receiver.data(now, from, len);
                    ack.into_iter().for_each(|ack| far.send(Segment::Ack(ack)));
                }
                Segment::SynAck | Segment::Ack(_) => {}
            }
        }
        while let Some(segment) = far.arrived(now) {
            match (segment, &mut sender) {
                (Segment::SynAck, None) => {
                    let mtu = u64::from(setting.mtu);
                    sender = Some(Sender::new(setting.octets, mtu, clock.elapsed()));
                }
                (Segment::Ack(ack), Some(sender)) => sender.ack(now, &ack),
                _ => {}
            }
        }
        let late = receiver.handle_timeout(now);
        late.into_iter().for_each(|ack| far.send(Segment::Ack(ack)));
        if let Some(sender) = &mut sender {
            sender.handle_timeout(now);
            while let Some(segment) = sender.poll_transmit(now) {
                near.send(segment);
            }
        }
        for host in [&mut near, &mut far] {
            host.turn(now, &file);
            host.plan(now, &mut random);
        }
        let timers = [
            near.next(),
            far.next(),
            receiver.poll_timeout(),
            sender.as_ref().and_then(Sender::poll_timeout),
        ];
        let cuts = setting.cuts.iter().flat_map(|cut| [cut.at, cut.until]);
        let cuts = cuts.map(|at| start + at).filter(|&at| at > now);
        let next = timers.into_iter().flatten().chain(cuts).min();
        match next {
            Some(next) if next < start + LIMIT => clock.advance_to(next),
            _ => return Err(Error::Endless),
        }
    }
    let rates: u64 = setting.lines.iter().sum();
    let largest = u64::from(setting.mtu) - HEADER;
    let pieces = (0..setting.octets).step_by(usize::try_from(largest).unwrap_or(usize::MAX));
    let on_line = pieces.map(|from| file.on_line(HEADER, from, largest.min(setting.octets - from)));
    Ok(Outcome {
        took: clock.elapsed(),
        theory: time(on_line.sum::<u64>() * BITS, rates),
        bare: time(setting.octets * BITS, rates),
        sender: sender.map(|sender| *sender.stats()).unwrap_or_default(),
        out_of_order: receiver.out_of_order,
        dropped: near.dropped + far.dropped,
    })
}

#[cfg(test)]
mod tests;
