//! A master, the devices of its slaves and their lines, in virtual time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_sim::{Clock, Random, for_each_seed};

use crate::{
    Change, Config, Counters, Device, Enslave, Framing, GUARD, Limits, Master, Order, Rate,
    Scheduler, SlaveId, State,
};

mod flows;
mod measured;
mod rules;
mod shares;

/// A packet under way.
#[derive(Clone, Copy, Debug)]
struct Packet {
    number: u64,
    flow: u32,
    len: usize,
}

/// A slave's device and the line behind it.
#[derive(Debug)]
struct Line {
    id: SlaveId,
    /// What the line really does.
    bps: u64,
    framing: Framing,
    up: bool,
    /// Packets that the device takes beside the one on the line.
    capacity: usize,
    device: VecDeque<Packet>,
    /// The packet on the line, and when its last bit is sent.
    sending: Option<(Instant, Packet)>,
    counters: Counters,
    /// Bits sent, framing included.
    bits: u64,
    /// Packets lost in the device when the line was cut.
    cut: u64,
}

impl Line {
    fn service(&self, len: usize) -> Duration {
        Duration::from_nanos(self.framing.nanos(len, self.bps))
    }

    fn start(&mut self, now: Instant) {
        if self.sending.is_none()
            && self.up
            && let Some(packet) = self.device.pop_front()
        {
            self.sending = Some((now + self.service(packet.len), packet));
        }
    }
}

/// What arrived.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    packet: Packet,
}

struct Simulation {
    clock: Clock,
    master: Master<Packet>,
    lines: Vec<Line>,
    /// Packets that nobody has read yet.
    offered: VecDeque<Packet>,
    arrived: Vec<Arrival>,
    given: u64,
    /// How late the owner is at most.
    late: Duration,
    random: Random,
    /// The time between two reports of the devices, if they report.
    report: Option<Duration>,
    reported: Instant,
    /// How often the source has packets beside whenever the owner wakes up.
    every: Option<Duration>,
}

impl Simulation {
    fn new(config: Config, seed: u64) -> Self {
        let clock = Clock::new();
        Self {
            master: Master::new("eql", config, clock.now()).unwrap(),
            reported: clock.now(),
            clock,
            lines: Vec::new(),
            offered: VecDeque::new(),
            arrived: Vec::new(),
            given: 0,
            late: Duration::ZERO,
            random: Random::new(seed),
            report: None,
            every: (config.scheduler != Scheduler::EarliestFinish)
                .then_some(Duration::from_millis(200)),
        }
    }

    /// Enslaves a line of `bps`, taken for one of `rate`.
    fn add(&mut self, bps: u64, rate: Rate, sticky: bool) -> usize {
        let name = format!("sl{}", self.lines.len());
        let framing = Framing::SLIP;
        let how = Enslave {
            rate,
            framing,
            sticky,
        };
        let device = device(&name, self.master.config().mtu);
        let id = self.master.enslave(self.clock.now(), &device, how).unwrap();
        self.master
            .observe(self.clock.now(), id, Counters::default());
        self.lines.push(Line {
            id,
            bps,
            framing,
            up: true,
            capacity: 10,
            device: VecDeque::new(),
            sending: None,
            counters: Counters::default(),
            bits: 0,
            cut: 0,
        });
        self.lines.len() - 1
    }

    fn offer(&mut self, flow: u32, len: usize) {
        let number = self.given + self.offered.len() as u64;
        self.offered.push_back(Packet { number, flow, len });
    }

    /// What the owner does whenever it wakes up.
    fn turn(&mut self, source: &mut impl FnMut(&mut Self)) {
        let now = self.clock.now();
        // With the driver's formula, and without slaves, there is always room: then the source has 8
        // packets at a time.
        let paced = self.master.config().scheduler == Scheduler::EarliestFinish;
        let paced = paced && self.master.has_slaves_up();
        let mut budget = if paced { usize::MAX } else { 8 };
        loop {
            while let Some(transmit) = self.master.poll_transmit(now) {
                let line = self.lines.iter_mut().find(|l| l.id == transmit.slave);
                let line = line.expect("a slave that nobody enslaved");
                assert!(line.up, "a packet for a line that is cut");
                if line.device.len() < line.capacity {
                    line.device.push_back(transmit.packet);
                    line.start(now);
                } else {
                    self.master.backpressure(now, transmit);
                }
            }
            if budget > 0 {
                source(self);
                budget -= 1;
            }
            if self.offered.is_empty() || !self.master.room(now) {
                return;
            }
            if let Some(packet) = self.offered.pop_front() {
                self.given += 1;
                // A refusal is counted.
                let _ = self.master.enqueue(now, packet.len, packet.flow, packet);
            }
        }
    }

    fn report(&mut self) {
        let now = self.clock.now();
        self.reported = now;
        for line in self.lines.iter().filter(|line| line.up) {
            self.master.observe(now, line.id, line.counters);
        }
    }

    /// Lets time pass until `end`; `source` is asked for packets before every turn.
    fn run(&mut self, time: Duration, mut source: impl FnMut(&mut Self)) {
        let end = self.clock.now() + time;
        let mut wake = Some(self.clock.now());
        loop {
            let lines = self.lines.iter().filter_map(|line| line.sending);
            let report = self.report.map(|every| self.reported + every);
            let next = lines.map(|(at, _)| at).chain(wake).chain(report).min();
            let Some(next) = next.filter(|&at| at < end) else {
                break;
            };
            self.clock.advance_to(next);
            for line in &mut self.lines {
                if let Some((_, packet)) = line.sending.take_if(|(at, _)| *at <= next) {
                    line.counters.packets += 1;
                    line.counters.octets += packet.len as u64;
                    line.bits += line.framing.bits(packet.len);
                    self.arrived.push(Arrival { packet });
                    line.start(next);
                }
            }
            if report.is_some_and(|at| at <= next) {
                self.report();
            }
            if wake.is_some_and(|at| at <= next) {
                wake = None;
                self.turn(&mut source);
                self.check();
                let due = self.master.poll_timeout().is_some_and(|at| at <= next);
                assert!(!due, "a deadline that does not pass");
            }
            let late = self.random.duration(self.late);
            let at = self.master.poll_timeout();
            let at = at.map(|at| at.max(self.clock.now()) + late);
            let more = self.every.map(|every| self.clock.now() + every);
            wake = wake.into_iter().chain(at).chain(more).min();
        }
        self.clock.advance_to(end);
    }

    /// The line is cut; what its device has is lost with it.
    fn cut(&mut self, index: usize) -> Option<Change> {
        let line = &mut self.lines[index];
        line.up = false;
        line.cut += line.device.len() as u64 + u64::from(line.sending.take().is_some());
        line.device.clear();
        self.master.carrier(self.clock.now(), line.id, false)
    }

    fn restore(&mut self, index: usize) -> Option<Change> {
        self.lines[index].up = true;
        self.master
            .carrier(self.clock.now(), self.lines[index].id, true)
    }

    /// Every packet is delivered, somewhere, or counted; and no queue is beyond its limits.
    fn check(&self) {
        let now = self.clock.now();
        let stats = self.master.stats();
        let config = *self.master.config();
        assert_eq!(
            stats.accepted + stats.no_slave + stats.full + stats.length,
            self.given
        );
        let mut waiting = 0;
        for slave in self.master.slaves(now) {
            waiting += slave.queued_packets as u64;
            assert!(slave.queued_packets <= config.limits.packets + 1);
            assert!(slave.queued_octets < config.limits.octets + 2 * config.mtu as usize);
        }
        assert_eq!(
            stats.accepted,
            stats.sent + stats.lost + stats.failed + waiting
        );
        let lines = self.lines.iter();
        let on_lines =
            lines.map(|l| l.device.len() as u64 + u64::from(l.sending.is_some()) + l.cut);
        assert_eq!(
            stats.sent,
            on_lines.sum::<u64>() + self.arrived.len() as u64
        );
    }

    /// The bits that the lines have sent, by the bits that they could have sent in `time`.
    fn use_of_lines(&self, time: Duration) -> f64 {
        let sent: u64 = self.lines.iter().map(|line| line.bits).sum();
        let rates: u64 = self.lines.iter().map(|line| line.bps).sum();
        sent as f64 / (rates as f64 * time.as_secs_f64())
    }

    fn state(&self, index: usize) -> Option<State> {
        let id = self.lines[index].id;
        let mut slaves = self.master.slaves(self.clock.now());
        slaves.find(|s| s.id == id).map(|s| s.state)
    }
}

/// An interface that can be enslaved.
fn device(name: &str, mtu: u32) -> Device<'_> {
    Device {
        name,
        up: true,
        mtu,
        master: false,
        slave: false,
    }
}

/// A source that always has a packet of these lengths.
fn saturate(lens: &'static [usize]) -> impl FnMut(&mut Simulation) {
    move |simulation| {
        while simulation.offered.is_empty() {
            let len = *simulation.random.pick(lens);
            let flow = simulation.random.below(4) as u32;
            simulation.offer(flow, len);
        }
    }
}
