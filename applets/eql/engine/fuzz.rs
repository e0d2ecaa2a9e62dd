//! A whole master under arbitrary events, times and orders: for fuzzing.

use std::time::{Duration, Instant};

use crate::config::{Config, Limits, Scheduler};
use crate::finish::Order;
use crate::master::{Enslave, Master, Transmit};
use crate::meter::Counters;
use crate::priority::Word;
use crate::rate::{Framing, MAX_RATE_BPS, Rate};
use crate::rules::Device;
use crate::slave::SlaveId;

/// Names of interfaces; the first is the master's.
const NAMES: [&str; 8] = ["eql", "sl0", "sl1", "ppp0", "ppp1", "tun0", "eth0", "a/b"];

/// The most packets that may wait for one slave.
const PACKETS: usize = 8;

/// Any octets drive a master: the first says how it works, the rest what happens to it. `start` is
/// any moment.
///
/// # Panics
/// A packet is neither sent nor waiting nor counted, a queue exceeds its limit, or a deadline is
/// due and nothing is to be done.
pub fn fuzz_master(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let config = Config {
        scheduler: match kind & 3 {
            0 => Scheduler::Priority(Word::Bits32),
            1 => Scheduler::Priority(Word::Bits64),
            _ => Scheduler::EarliestFinish,
        },
        order: if kind & 4 == 0 {
            Order::Free
        } else {
            Order::Flow
        },
        mtu: if kind & 8 == 0 { 576 } else { 1500 },
        max_slaves: usize::from(kind >> 4 & 3) + 1,
        limits: Limits {
            time: Duration::from_millis(100),
            packets: PACKETS,
            octets: 4000,
        },
    };
    let Ok(master) = Master::new("eql", config, start) else {
        return;
    };
    let mut drive = Drive {
        master,
        now: start,
        slaves: Vec::new(),
        in_hand: None,
        given: 0,
    };
    drive.run(input);
}

struct Drive {
    master: Master<u64>,
    now: Instant,
    /// Every slave there ever was.
    slaves: Vec<SlaveId>,
    in_hand: Option<Transmit<u64>>,
    given: u64,
}

impl Drive {
    fn run(&mut self, mut input: &[u8]) {
        // Three octets a step: what, and two arguments.
        while let Some((&[what, a, b], rest)) = input.split_first_chunk() {
            input = rest;
            self.step(what, a, b);
            self.check();
        }
    }

    fn slave(&self, a: u8) -> SlaveId {
        let index = usize::from(a) % self.slaves.len().max(1);
        self.slaves.get(index).copied().unwrap_or(SlaveId(0))
    }

    fn step(&mut self, what: u8, a: u8, b: u8) {
        let name = NAMES[usize::from(a) % NAMES.len()];
        let rate = match b & 7 {
            0 => Rate::Auto,
            1 => Rate::Fixed(0),
            2 => Rate::Fixed(1),
            3 => Rate::Fixed(MAX_RATE_BPS),
            shift => Rate::Fixed(u64::from(a) << (2 * shift)),
        };
        match what & 15 {
            0 | 1 => {
                let device = Device {
                    name,
                    up: b & 16 == 0,
                    mtu: self.master.config().mtu + u32::from(b & 0xe0 == 0xe0),
                    master: b & 0xf0 == 0xd0,
                    slave: b & 0xf0 == 0xb0,
                };
                let how = Enslave {
                    rate,
                    framing: if a & 8 == 0 {
                        Framing::SLIP
                    } else {
                        Framing::PLAIN
                    },
                    sticky: b & 8 != 0,
                };
                if let Ok(id) = self.master.enslave(self.now, &device, how) {
                    assert!(!self.slaves.contains(&id), "an identity used twice");
                    self.slaves.push(id);
                }
            }
            // Refusals are as good as the opposite here.
            2 => drop(self.master.emancipate(self.now, name)),
            3 => drop(self.master.set_rate(self.now, name, rate)),
            4 => drop(self.master.set_max_slaves(usize::from(a & 7))),
            5 | 6 => drop(self.master.carrier(self.now, self.slave(a), b & 1 != 0)),
            7 => self.now += Duration::from_micros(u64::from(a) << (b & 15)),
            8 => {
                let counters = Counters {
                    packets: u64::from(b & 15) << (a >> 2),
                    octets: u64::from(b) << (a >> 2),
                };
                self.master.observe(self.now, self.slave(a), counters);
            }
            9 => {
                if let Some(transmit) = self.in_hand.take() {
                    self.master.backpressure(self.now, transmit);
                }
            }
            10 => {
                if let Some(transmit) = self.in_hand.take() {
                    self.master.failed(&transmit);
                }
            }
            11 => self.master.writable(self.slave(a)),
            12 if b == 255 => self.master.set_open(self.now, a & 1 != 0),
            13 => self.in_hand = self.master.poll_transmit(self.now),
            _ => {
                let room = self.master.room(self.now);
                let len = usize::from(a) * usize::from(b & 15);
                let (flow, up) = (u32::from(b >> 4), self.master.has_slaves_up());
                let taken = self.master.enqueue(self.now, len, flow, self.given);
                self.given += 1;
                let paced = self.master.config().scheduler == Scheduler::EarliestFinish;
                if paced && up && room && len > 0 {
                    assert!(taken.is_ok(), "there was room, and it was refused");
                }
            }
        }
    }

    fn check(&mut self) {
        let mut waiting = 0;
        for slave in self.master.slaves(self.now) {
            assert!(
                slave.queued_packets <= PACKETS + 1,
                "a queue beyond its limit"
            );
            assert!(
                (1..=MAX_RATE_BPS).contains(&slave.bps),
                "{} bit/s",
                slave.bps
            );
            waiting += slave.queued_packets as u64;
        }
        let stats = *self.master.stats();
        let refused = stats.no_slave + stats.full + stats.length;
        assert_eq!(stats.accepted + refused, self.given);
        let out = stats.sent + stats.lost + stats.failed;
        assert_eq!(stats.accepted, out + waiting, "{stats:?}");
        // A deadline that is due means that something can be done, or the owner would spin.
        if !self.master.room(self.now) {
            let at = self.master.poll_timeout();
            assert!(at.is_some(), "no room, and nothing to wait for");
        }
        let due = self.master.poll_timeout().is_some_and(|at| at <= self.now);
        if due && self.in_hand.is_none() {
            self.in_hand = self.master.poll_transmit(self.now);
            assert!(self.in_hand.is_some(), "a deadline with nothing to do");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::Random;

    #[test]
    fn random_steps() {
        let start = wanbox_sim::Clock::new().now();
        let mut random = Random::new(7);
        let mut input = [0; 600];
        for _ in 0..20_000 {
            random.fill(&mut input);
            fuzz_master(start, &input);
        }
    }
}
