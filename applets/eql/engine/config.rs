//! How a master works, and what may wait for a slave.

use std::time::Duration;

use wanbox_link::range::{OutOfRange, in_range};

use crate::finish::Order;
use crate::priority::Word;
use crate::rules::{DEFAULT_MAX_SLAVES, MAX_SLAVES, MIN_SLAVES};

/// Which slave gets a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// The one on whose line it will have left first. Packets wait here until their line is free.
    #[default]
    EarliestFinish,
    /// The one with the smallest load by the formula of the kernel's driver ([`crate::priority`]),
    /// in its words. Packets go to the device at once, and wait here only while that has no room;
    /// those for which there is no room here either are dropped.
    Priority(Word),
}

impl Scheduler {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EarliestFinish => "finish",
            Self::Priority(_) => "priority",
        }
    }
}

/// What may wait for one slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time of its line, what the device has included: 1 ms to 60 s. There is room for a packet as
    /// long as less than that waits. Never less than the slowest line takes for a packet of the
    /// MTU: the fast lines have to be behind by that before the slow one is the better choice.
    pub time: Duration,
    /// Packets: 2 to 65,536.
    pub packets: usize,
    /// Octets: 1,000 to 64 MiB. A packet is taken while less waits.
    pub octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(100),
            packets: 256,
            octets: 256 * 1024,
        }
    }
}

/// How a master works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which slave gets a packet.
    pub scheduler: Scheduler,
    /// Which packets keep their order; with [`Scheduler::EarliestFinish`] only.
    pub order: Order,
    /// The MTU of the master and of all its slaves, octets: 68 to 65,535.
    pub mtu: u32,
    /// How many slaves it takes: 1 to [`MAX_SLAVES`].
    pub max_slaves: usize,
    /// What may wait for one slave.
    pub limits: Limits,
}

impl Default for Config {
    /// Four slaves and an MTU of 576, as the driver; by finish time, in free order.
    fn default() -> Self {
        Self {
            scheduler: Scheduler::default(),
            order: Order::default(),
            mtu: 576,
            max_slaves: DEFAULT_MAX_SLAVES,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first value that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        in_range("MTU (octets)", self.mtu.into(), 68..=65_535)?;
        let slaves = MIN_SLAVES as u64..=MAX_SLAVES as u64;
        in_range("slaves", self.max_slaves as u64, slaves)?;
        let time = u64::try_from(self.limits.time.as_millis()).unwrap_or(u64::MAX);
        in_range("queue (ms)", time, 1..=60_000)?;
        in_range("queue (packets)", self.limits.packets as u64, 2..=65_536)?;
        in_range(
            "queue (octets)",
            self.limits.octets as u64,
            1_000..=64 << 20,
        )
    }
}
