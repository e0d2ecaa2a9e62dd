//! The formula of the kernel's eql driver, exactly.
//!
//! A packet goes to the slave with the smallest load,
//!
//! > load = C − octets a second + 8 × octets queued
//!
//! in unsigned words of the kernel, C being half of their range; the slave that was enslaved last
//! wins a tie. *Octets queued* is not what waits anywhere: it grows by the length of every packet
//! that the slave is given, and every second (100 jiffies at 100 Hz) *octets a second* are taken
//! off, down to 0. *Octets a second* is an eighth of the rate in bit/s.
//!
//! [`Replay`] does with a recorded sequence what the driver did, packet by packet.

use std::time::Duration;

/// The time between two of the driver's ticks: 100 jiffies of a kernel with 100 a second. Kernels
/// with more jiffies a second tick sooner, and let their slaves' queues drain too fast.
pub const TICK: Duration = Duration::from_secs(1);

/// The words that the kernel calculates in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Word {
    /// C = 2^31.
    Bits32,
    /// C = 2^63.
    #[default]
    Bits64,
}

impl Word {
    /// The load of a slave, in unsigned words of this length.
    #[must_use]
    pub fn load(self, octets_per_second: u64, queued: u64) -> u64 {
        let bits = queued.wrapping_mul(8);
        match self {
            Self::Bits32 => {
                let load = (1_u32 << 31)
                    .wrapping_sub(octets_per_second as u32)
                    .wrapping_add(bits as u32);
                load.into()
            }
            Self::Bits64 => (1_u64 << 63)
                .wrapping_sub(octets_per_second)
                .wrapping_add(bits),
        }
    }

    /// The load that no slave is chosen with.
    fn never(self) -> u64 {
        match self {
            Self::Bits32 => u32::MAX.into(),
            Self::Bits64 => u64::MAX,
        }
    }
}

/// What the driver knows of a slave's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    octets_per_second: u64,
    queued: u64,
}

impl Gauge {
    /// A slave with this rate, bit/s, that was given nothing yet.
    #[must_use]
    pub fn new(bps: u64) -> Self {
        Self {
            octets_per_second: bps / 8,
            queued: 0,
        }
    }

    /// Another rate, bit/s. What is queued stays.
    pub fn set_rate(&mut self, bps: u64) {
        self.octets_per_second = bps / 8;
    }

    /// The slave's load.
    #[must_use]
    pub fn load(&self, word: Word) -> u64 {
        word.load(self.octets_per_second, self.queued)
    }

    /// Octets queued, as the formula has it: 0 to 2^31 - 1, the driver's word for it.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// The slave was given a packet of this length, octets of IP.
    pub fn sent(&mut self, len: usize) {
        self.queued = self.queued.saturating_add(len as u64).min(i32::MAX as u64);
    }

    /// So many ticks have passed.
    pub fn drain(&mut self, ticks: u64) {
        let drained = self.octets_per_second.saturating_mul(ticks);
        self.queued = self.queued.saturating_sub(drained);
    }
}

/// The slave for the next packet: the index in `gauges` of the smallest load. They are in the order
/// of the driver's list, the newest first; a slave that is down is `None`.
pub fn pick(word: Word, gauges: impl Iterator<Item = Option<Gauge>>) -> Option<usize> {
    let mut best = None;
    let mut least = word.never();
    for (index, gauge) in gauges.enumerate() {
        let Some(load) = gauge.map(|gauge| gauge.load(word)) else {
            continue;
        };
        if load < least {
            least = load;
            best = Some(index);
        }
    }
    best
}

/// The driver's scheduler over names: what a recorded sequence is compared with.
///
/// ```
/// use wanbox_eql_engine::priority::{Replay, Word};
///
/// let mut driver = Replay::new(Word::Bits32);
/// driver.enslave("ppp0", 28_800);
/// driver.enslave("ppp1", 14_400);
/// assert_eq!(driver.send(1500), Some(("ppp0", 0x7fff_f1f0)));
/// assert_eq!(driver.send(1500), Some(("ppp1", 0x7fff_f8f8)));
/// driver.tick();
/// assert_eq!(driver.queued("ppp0"), Some(0));
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    word: Word,
    /// The newest first.
    slaves: Vec<(String, bool, Gauge)>,
}

impl Replay {
    /// A master without slaves.
    #[must_use]
    pub fn new(word: Word) -> Self {
        Self {
            word,
            slaves: Vec::new(),
        }
    }

    /// Enslaves an interface with a rate in bit/s; one of the same name is replaced.
    pub fn enslave(&mut self, name: &str, bps: u64) {
        self.emancipate(name);
        self.slaves
            .insert(0, (name.to_owned(), true, Gauge::new(bps)));
    }

    /// Releases a slave; whether there was one.
    pub fn emancipate(&mut self, name: &str) -> bool {
        let before = self.slaves.len();
        self.slaves.retain(|(slave, ..)| slave != name);
        self.slaves.len() != before
    }

    /// Sets the rate of a slave, bit/s, as the driver's SETSLAVECFG does; whether there is one.
    pub fn set_rate(&mut self, name: &str, bps: u64) -> bool {
        let slave = self.slaves.iter_mut().find(|(slave, ..)| slave == name);
        slave.map(|(.., gauge)| gauge.set_rate(bps)).is_some()
    }

    /// A slave's interface went down or came up, without a tick or a packet in between; whether
    /// there is one. The driver buries one that is down at the next packet or tick.
    pub fn set_up(&mut self, name: &str, up: bool) -> bool {
        let slave = self.slaves.iter_mut().find(|(slave, ..)| slave == name);
        slave.map(|(_, is, _)| *is = up).is_some()
    }

    /// Sends a packet of `len` octets of IP: the slave that gets it and the load it was chosen
    /// with, or `None` when there is none and the packet is dropped.
    pub fn send(&mut self, len: usize) -> Option<(&str, u64)> {
        self.bury();
        let index = pick(
            self.word,
            self.slaves.iter().map(|(_, _, gauge)| Some(*gauge)),
        )?;
        let (name, _, gauge) = self.slaves.get_mut(index)?;
        let load = gauge.load(self.word);
        gauge.sent(len);
        Some((name, load))
    }

    /// The driver's timer ran.
    pub fn tick(&mut self) {
        self.bury();
        for (.., gauge) in &mut self.slaves {
            gauge.drain(1);
        }
    }

    /// Octets that the formula counts as queued at a slave.
    #[must_use]
    pub fn queued(&self, name: &str) -> Option<u64> {
        let slave = self.slaves.iter().find(|(slave, ..)| slave == name);
        slave.map(|(.., gauge)| gauge.queued())
    }

    /// The names of the slaves, the newest first.
    pub fn slaves(&self) -> impl Iterator<Item = &str> {
        self.slaves.iter().map(|(name, ..)| name.as_str())
    }

    fn bury(&mut self) {
        self.slaves.retain(|(_, up, _)| *up);
    }
}

#[cfg(test)]
mod tests;
