//! A master: its slaves, which of them gets a packet, and when that goes to its device.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::finish::{Candidate, Flows, Order, Times};
use crate::meter::Counters;
use crate::priority::{self, TICK, Word};
use crate::rate::{Framing, Rate};
use crate::rules::{
    DEFAULT_MAX_SLAVES, Device, MAX_SLAVES, MIN_SLAVES, Refusal, check_enslave, check_max_slaves,
    check_name,
};
use crate::slave::{Change, Entry, Slave, SlaveId, SlaveStatus, State};

/// How much more than the time of one packet of the slowest line may wait for a line, beside what
/// its device gets ahead: so much earlier the slow line gets its next packet.
const SLACK: Duration = Duration::from_millis(30);

/// Slaves that were buried and are still shown.
const BURIED: usize = 16;

/// Which slave gets a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// The one on whose line it will have left first. Packets wait here until their line is free.
    #[default]
    EarliestFinish,
    /// The one with the smallest load by the formula of the kernel's driver ([`priority`]),
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
    pub fn check(&self) -> Result<(), ConfigError> {
        let in_range = |what, value: usize, allowed: RangeInclusive<usize>| {
            if allowed.contains(&value) {
                Ok(())
            } else {
                Err(ConfigError {
                    what,
                    value,
                    allowed,
                })
            }
        };
        in_range("MTU (octets)", self.mtu as usize, 68..=65_535)?;
        in_range("slaves", self.max_slaves, MIN_SLAVES..=MAX_SLAVES)?;
        let time = usize::try_from(self.limits.time.as_millis()).unwrap_or(usize::MAX);
        in_range("queue (ms)", time, 1..=60_000)?;
        in_range("queue (packets)", self.limits.packets, 2..=65_536)?;
        in_range("queue (octets)", self.limits.octets, 1_000..=64 << 20)
    }
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The value's name and unit.
    pub what: &'static str,
    /// What it was.
    pub value: usize,
    /// What it may be.
    pub allowed: RangeInclusive<usize>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} is out of range: {} to {} is allowed",
            self.what,
            self.value,
            self.allowed.start(),
            self.allowed.end()
        )
    }
}

impl std::error::Error for ConfigError {}

/// How a new slave is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enslave {
    /// The rate of its line.
    pub rate: Rate,
    /// What its line adds to a packet.
    pub framing: Framing,
    /// It is taken again when it comes up after having gone down.
    pub sticky: bool,
}

/// Why a packet was not taken. Counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No slave is up.
    NoSlave,
    /// No slave has room. With [`Scheduler::EarliestFinish`] only after [`Master::room`] said so.
    Full,
    /// A packet without octets, or of more than 65,535.
    Length,
}

/// A packet that was not taken.
#[derive(Debug)]
pub struct Refused<P> {
    /// Why.
    pub why: Why,
    /// The packet.
    pub packet: P,
}

/// A packet for the device of a slave.
#[derive(Debug)]
pub struct Transmit<P> {
    /// The slave.
    pub slave: SlaveId,
    /// The packet.
    pub packet: P,
    /// Its length, octets of IP.
    pub len: usize,
    hash: u32,
    number: u64,
}

/// Counters of a master. `accepted` is what the slaves have sent, lost, dropped or refused by an
/// error together, and what waits: the slaves that were released included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets taken.
    pub accepted: u64,
    /// Their octets.
    pub accepted_octets: u64,
    /// Packets that the slaves' devices took.
    pub sent: u64,
    /// Their octets.
    pub sent_octets: u64,
    /// Packets dropped because no slave was up.
    pub no_slave: u64,
    /// Packets dropped because no slave had room.
    pub full: u64,
    /// Packets refused for their length.
    pub length: u64,
    /// Packets lost with a slave that went down or was released.
    pub lost: u64,
    /// Packets that a device refused by an error.
    pub failed: u64,
}

/// An eql master. `P` is a packet with its octets; one that is lost is dropped.
///
/// The owner's turn: give devices what [`Master::poll_transmit`] says, and say so when one has no
/// room ([`Master::backpressure`]); if there is [`Master::room`], read a packet, [`Master::enqueue`]
/// it, and begin again; sleep until [`Master::poll_timeout`], the next packet, or the
/// next change of an interface ([`Master::carrier`]).
#[derive(Debug)]
pub struct Master<P> {
    name: String,
    config: Config,
    open: bool,
    /// The newest first.
    slaves: Vec<Slave<P>>,
    next_id: u32,
    next_number: u64,
    flows: Flows,
    /// The time of a line that may wait; see [`Limits::time`].
    limit: Duration,
    /// When there will be room, after it was asked for in vain.
    room_at: Option<Instant>,
    /// When the loads of the driver's formula were drained last.
    ticked: Instant,
    stats: Stats,
}

impl<P> Master<P> {
    /// A master without slaves.
    ///
    /// # Errors
    /// The first value of `config` that is out of its range.
    pub fn new(name: &str, config: Config, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            name: name.to_owned(),
            config,
            open: true,
            slaves: Vec::new(),
            next_id: 0,
            next_number: 0,
            flows: Flows::new(config.order),
            limit: config.limits.time,
            room_at: None,
            ticked: now,
            stats: Stats::default(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it works; as it was changed since.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether any slave takes packets.
    pub fn has_slaves_up(&self) -> bool {
        self.slaves.iter().any(Slave::is_up)
    }

    /// The slaves, the newest first, the buried included.
    pub fn slaves(&self, now: Instant) -> impl Iterator<Item = SlaveStatus<'_>> {
        let word = self.word();
        self.slaves.iter().map(move |slave| slave.status(now, word))
    }

    /// The slave with this interface.
    pub fn find(&self, name: &str) -> Option<SlaveId> {
        self.slaves.iter().find(|s| s.name == name).map(|s| s.id)
    }

    /// The interface of a slave.
    pub fn name_of(&self, slave: SlaveId) -> Option<&str> {
        let found = self.slaves.iter().find(|s| s.id == slave);
        found.map(|s| s.name.as_str())
    }

    /// Takes a slave, as the newest, at the head of the list. A slave of that name that waits or is
    /// buried is replaced.
    ///
    /// # Errors
    /// The first rule that is broken; nothing has changed then.
    pub fn enslave(
        &mut self,
        now: Instant,
        device: &Device<'_>,
        how: Enslave,
    ) -> Result<SlaveId, Refusal> {
        let old = self.slaves.iter().position(|s| s.name == device.name);
        if let Some(slave) = old.and_then(|index| self.slaves.get(index))
            && slave.is_up()
        {
            return Err(Refusal::AlreadyEnslaved {
                slave: slave.name.clone(),
                master: Some(self.name.clone()),
            });
        }
        let master = Device {
            name: &self.name,
            up: self.open,
            mtu: self.config.mtu,
            master: true,
            slave: false,
        };
        check_enslave(&master, device, how.rate, how.sticky)?;
        let others = self.count(|s| s.state != State::Buried && s.name != device.name);
        if others >= self.config.max_slaves {
            return Err(Refusal::Full {
                master: self.name.clone(),
                max_slaves: self.config.max_slaves,
            });
        }
        if let Some(index) = old {
            self.slaves.remove(index);
        }
        let id = SlaveId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let name = device.name.to_owned();
        let slave = Slave::new(now, id, name, how.rate, how.framing, how.sticky, device.up);
        self.slaves.insert(0, slave);
        self.set_limit();
        Ok(id)
    }

    /// Releases a slave. What waits for it goes to the others as far as they have room, the rest
    /// is lost and counted.
    ///
    /// # Errors
    /// It is no slave.
    pub fn emancipate(&mut self, now: Instant, name: &str) -> Result<SlaveId, Refusal> {
        let index = self.index_of(name)?;
        let id = self.lose(now, index, State::Buried);
        self.slaves.remove(index);
        self.set_limit();
        id.ok_or_else(|| self.not_enslaved(name))
    }

    /// The master's interface went up or down. When it goes down all slaves are released.
    pub fn set_open(&mut self, now: Instant, open: bool) {
        self.open = open;
        while !open && !self.slaves.is_empty() {
            // From the end, so that packets are not moved to a slave that goes next.
            let last = self.slaves.len() - 1;
            for slave in &mut self.slaves {
                slave.state = State::Buried;
            }
            self.lose(now, last, State::Buried);
            self.slaves.remove(last);
        }
        self.set_limit();
    }

    /// Another rate of a slave's line. What the driver's formula counts as queued stays.
    ///
    /// # Errors
    /// A rate out of its range, or no such slave.
    pub fn set_rate(&mut self, now: Instant, name: &str, rate: Rate) -> Result<(), Refusal> {
        rate.check()?;
        let index = self.index_of(name)?;
        // What was drained until now was drained at the old rate.
        self.tick(now);
        if let Some(slave) = self.slaves.get_mut(index) {
            slave.set_rate(now, rate);
        }
        self.set_limit();
        Ok(())
    }

    /// How many slaves it takes. With more than that already, none is released, and none taken.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn set_max_slaves(&mut self, number: usize) -> Result<(), Refusal> {
        check_max_slaves(number)?;
        self.config.max_slaves = number;
        Ok(())
    }

    /// The MTU of the master's interface became another, octets.
    ///
    /// # Errors
    /// One out of its range.
    pub fn set_mtu(&mut self, mtu: u32) -> Result<(), ConfigError> {
        let config = Config { mtu, ..self.config };
        config.check()?;
        self.config = config;
        self.set_limit();
        Ok(())
    }

    /// The interface of a slave went up (also: is there again) or down (also: is gone). What this
    /// changed, if anything.
    ///
    /// What waits for one that went down goes to the others as far as they have room; the rest is
    /// lost and counted, as is what its device had not sent, if that reports.
    pub fn carrier(&mut self, now: Instant, slave: SlaveId, up: bool) -> Option<Change> {
        let index = self.slaves.iter().position(|s| s.id == slave)?;
        let (state, sticky) = self.slaves.get(index).map(|s| (s.state, s.sticky))?;
        let change = match (state, up) {
            (State::Up, false) if sticky => {
                self.lose(now, index, State::Waiting);
                Change::Waiting
            }
            (State::Up, false) => {
                self.lose(now, index, State::Buried);
                self.forget_buried();
                Change::Buried
            }
            (State::Waiting, true) => {
                // Taken again it is the newest.
                let mut slave = self.slaves.remove(index);
                slave.take(now);
                self.slaves.insert(0, slave);
                Change::Taken
            }
            (State::Up, true) | (State::Waiting, false) | (State::Buried, _) => return None,
        };
        self.set_limit();
        Some(change)
    }

    /// A slave's device reports what it has sent, as its statistics count it: read at `now`, every
    /// 100 ms or so while packets wait for it. Needed for rates that are measured, and useful for
    /// the others: a device that has more left than reckoned gets less. Whether the rate that is
    /// reckoned with changed.
    pub fn observe(&mut self, now: Instant, slave: SlaveId, counters: Counters) -> bool {
        // As with a rate that is set.
        self.tick(now);
        let (mtu, paced) = (self.mtu(), self.is_paced());
        let Some(slave) = self.slave_mut(slave).filter(|slave| slave.is_up()) else {
            return false;
        };
        let changed = slave.observe(now, mtu, paced, counters);
        if changed {
            self.set_limit();
        }
        changed
    }

    /// Whether a packet may be read for [`Master::enqueue`]. When not, [`Master::poll_timeout`] says
    /// when to ask again.
    ///
    /// With the driver's scheduler there always is, as a packet that finds no room is dropped; and so
    /// there is when no slave is up.
    pub fn room(&mut self, now: Instant) -> bool {
        self.room_at = None;
        if !self.is_paced() || !self.has_slaves_up() {
            return true;
        }
        let mtu = self.mtu();
        let mut best: Option<(Candidate, Instant)> = None;
        for (index, slave) in self.with_room() {
            let candidate = Candidate::new(index, slave.finish(now, mtu));
            if candidate.beats(best.as_ref().map(|(best, _)| best)) {
                best = Some((candidate, slave.idle_at(now)));
            }
        }
        // Without any, room comes when the next packet goes to its device.
        let Some((_, idle_at)) = best else {
            return false;
        };
        if idle_at < now + self.limit {
            return true;
        }
        self.room_at = idle_at.checked_sub(self.limit - Duration::from_nanos(1));
        false
    }

    /// Takes a packet of `len` octets of IP, 1 to 65,535, of a flow with this hash (needed for
    /// [`Order::Flow`], otherwise 0 will do). Which slave will send it.
    ///
    /// # Errors
    /// Why not; the packet is given back, and counted as dropped.
    pub fn enqueue(
        &mut self,
        now: Instant,
        len: usize,
        flow: u32,
        packet: P,
    ) -> Result<SlaveId, Refused<P>> {
        let why = if !(1..=65_535).contains(&len) {
            self.stats.length += 1;
            Why::Length
        } else if !self.has_slaves_up() {
            self.stats.no_slave += 1;
            Why::NoSlave
        } else {
            let entry = Entry {
                packet,
                len,
                hash: flow,
                number: self.next_number,
                not_before: None,
            };
            self.next_number += 1;
            return match self.place(now, entry) {
                Ok(slave) => {
                    self.stats.accepted += 1;
                    self.stats.accepted_octets += len as u64;
                    Ok(slave)
                }
                Err(entry) => {
                    self.stats.full += 1;
                    Err(Refused {
                        why: Why::Full,
                        packet: entry.packet,
                    })
                }
            };
        };
        Err(Refused { why, packet })
    }

    /// The next packet that a device is to get now.
    ///
    /// A device gets a packet 20 ms before its line is free, so that the line stays busy though the
    /// owner is a little late; one whose rate is measured, 250 ms and the time of a packet before.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<P>> {
        // It was waited for; whether there is room, the owner asks anew.
        self.room_at = self.room_at.filter(|&at| at > now);
        let (mtu, paced) = (self.mtu(), self.is_paced());
        let ready =
            |slave: &&mut Slave<P>| slave.hand_at(mtu, paced, now).is_some_and(|at| at <= now);
        let slave = self.slaves.iter_mut().find(ready)?;
        let entry = slave.pop(now)?;
        self.stats.sent += 1;
        self.stats.sent_octets += entry.len as u64;
        Some(Transmit {
            slave: slave.id,
            packet: entry.packet,
            len: entry.len,
            hash: entry.hash,
            number: entry.number,
        })
    }

    /// When to call [`Master::poll_transmit`] and [`Master::room`] again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (mtu, paced) = (self.mtu(), self.is_paced());
        let hand = self.slaves.iter().filter_map(|slave| {
            // Without pace, whatever waits can go at once.
            slave.hand_at(mtu, paced, self.ticked)
        });
        hand.chain(self.room_at).min()
    }

    /// The device had no room for this packet: the last that [`Master::poll_transmit`] gave. It is
    /// the first of its slave again; the device is asked again after a while (2 to 50 ms),
    /// or after [`Master::writable`].
    pub fn backpressure(&mut self, now: Instant, transmit: Transmit<P>) {
        self.stats.sent = self.stats.sent.saturating_sub(1);
        self.stats.sent_octets = self.stats.sent_octets.saturating_sub(transmit.len as u64);
        let entry = Entry {
            packet: transmit.packet,
            len: transmit.len,
            hash: transmit.hash,
            number: transmit.number,
            not_before: None,
        };
        let mtu = self.mtu();
        match self.slave_mut(transmit.slave).filter(|s| s.is_up()) {
            Some(slave) => slave.push_back(now, mtu, entry),
            None => {
                if self.replace(now, entry).is_none() {
                    self.stats.lost += 1;
                }
            }
        }
    }

    /// The device of a slave has room again.
    pub fn writable(&mut self, slave: SlaveId) {
        if let Some(slave) = self.slave_mut(slave) {
            slave.writable();
        }
    }

    /// The device refused a packet by an error, and it is gone.
    pub fn failed(&mut self, transmit: &Transmit<P>) {
        self.stats.sent = self.stats.sent.saturating_sub(1);
        self.stats.sent_octets = self.stats.sent_octets.saturating_sub(transmit.len as u64);
        self.stats.failed += 1;
        if let Some(slave) = self.slave_mut(transmit.slave) {
            slave.failed(transmit.len);
        }
    }

    fn mtu(&self) -> usize {
        self.config.mtu as usize
    }

    fn is_paced(&self) -> bool {
        self.config.scheduler == Scheduler::EarliestFinish
    }

    fn word(&self) -> Word {
        match self.config.scheduler {
            Scheduler::Priority(word) => word,
            Scheduler::EarliestFinish => Word::default(),
        }
    }

    fn count(&self, what: impl Fn(&Slave<P>) -> bool) -> usize {
        self.slaves.iter().filter(|slave| what(slave)).count()
    }

    fn slave_mut(&mut self, id: SlaveId) -> Option<&mut Slave<P>> {
        self.slaves.iter_mut().find(|slave| slave.id == id)
    }

    fn index_of(&self, name: &str) -> Result<usize, Refusal> {
        check_name(name)?;
        let index = self.slaves.iter().position(|slave| slave.name == name);
        index.ok_or_else(|| self.not_enslaved(name))
    }

    fn not_enslaved(&self, name: &str) -> Refusal {
        Refusal::NotEnslaved {
            slave: name.to_owned(),
            master: self.name.clone(),
        }
    }

    /// The slaves that are up and have room for another packet.
    fn with_room(&self) -> impl Iterator<Item = (usize, &Slave<P>)> {
        let limits = self.config.limits;
        self.slaves.iter().enumerate().filter(move |(_, slave)| {
            slave.is_up()
                && slave.queued_packets() < limits.packets
                && slave.queued_octets() < limits.octets
        })
    }

    /// Gives a packet to the slave that the scheduler says.
    fn place(&mut self, now: Instant, entry: Entry<P>) -> Result<SlaveId, Entry<P>> {
        match self.config.scheduler {
            Scheduler::EarliestFinish => self.place_by_finish(now, entry),
            Scheduler::Priority(word) => self.place_by_priority(now, word, entry),
        }
    }

    fn place_by_finish(&mut self, now: Instant, mut entry: Entry<P>) -> Result<SlaveId, Entry<P>> {
        // With enough before it, a flow leaves its slave though another line has to wait for that.
        let last = self.flows.slave(entry.hash);
        let last = last.and_then(|id| self.slaves.iter().find(|slave| slave.id == id));
        let pressed = last.is_some_and(|slave| slave.idle_at(now) >= now + self.limit);
        let up = self.slaves.iter().filter(|slave| slave.is_up());
        let fastest = up.map(|slave| slave.service(entry.len)).min();
        let fastest = fastest.unwrap_or_default();
        let mtu = self.mtu();
        let mut best = None;
        for (index, slave) in self.with_room() {
            let mut candidate = Candidate::new(index, slave.finish(now, entry.len));
            let times = Times {
                len: entry.len,
                service: slave.service(entry.len),
                fastest,
                longest: if pressed {
                    Duration::ZERO
                } else {
                    slave.service(mtu)
                },
            };
            self.flows
                .restrain(entry.hash, slave.id, &mut candidate, times);
            if candidate.beats(best.as_ref()) {
                best = Some(candidate);
            }
        }
        let Some(best) = best else {
            return Err(entry);
        };
        let Some(slave) = self.slaves.get_mut(best.index) else {
            return Err(entry);
        };
        entry.not_before = best.not_before;
        let (hash, number, len) = (entry.hash, entry.number, entry.len);
        let finish = slave.push(now, entry);
        self.flows.sent(hash, slave.id, (finish, len), number);
        Ok(slave.id)
    }

    fn place_by_priority(
        &mut self,
        now: Instant,
        word: Word,
        entry: Entry<P>,
    ) -> Result<SlaveId, Entry<P>> {
        self.tick(now);
        let gauges = self.slaves.iter().map(|s| s.is_up().then_some(s.gauge));
        let Some(slave) = priority::pick(word, gauges).and_then(|i| self.slaves.get_mut(i)) else {
            return Err(entry);
        };
        // The driver counts what its slave's queue then drops.
        slave.gauge.sent(entry.len);
        let limits = self.config.limits;
        if slave.queued_packets() >= limits.packets || slave.queued_octets() >= limits.octets {
            slave.stats.dropped += 1;
            return Err(entry);
        }
        slave.push(now, entry);
        Ok(slave.id)
    }

    /// Drains the loads of the driver's formula by the ticks since the last time.
    fn tick(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.ticked).as_nanos();
        let ticks = u64::try_from(passed / TICK.as_nanos()).unwrap_or(u64::MAX);
        if ticks == 0 {
            return;
        }
        for slave in &mut self.slaves {
            slave.gauge.drain(ticks);
        }
        self.ticked += Duration::from_secs(ticks);
    }

    /// A slave takes no more packets: what waits for it goes elsewhere, or is lost.
    fn lose(&mut self, now: Instant, index: usize, state: State) -> Option<SlaveId> {
        let slave = self.slaves.get_mut(index)?;
        slave.state = state;
        let id = slave.id;
        self.flows.lost(id, now);
        let (mut moved, mut lost) = (0, 0);
        while let Some(entry) = self.slaves.get_mut(index).and_then(Slave::unqueue) {
            if self.replace(now, entry).is_some() {
                moved += 1;
            } else {
                lost += 1;
            }
        }
        self.stats.lost += lost;
        let slave = self.slaves.get_mut(index)?;
        slave.stats.moved += moved;
        slave.stats.lost += lost;
        slave.down(now, state);
        Some(id)
    }

    /// Gives a packet of a slave that is down to another one.
    fn replace(&mut self, now: Instant, mut entry: Entry<P>) -> Option<SlaveId> {
        if !self.flows.can_move(entry.hash, entry.number) {
            return None;
        }
        entry.not_before = None;
        self.place(now, entry).ok()
    }

    fn forget_buried(&mut self) {
        while self.count(|s| s.state == State::Buried) > BURIED {
            if let Some(oldest) = self.slaves.iter().rposition(|s| s.state == State::Buried) {
                self.slaves.remove(oldest);
            }
        }
    }

    fn set_limit(&mut self) {
        let mtu = self.mtu();
        let up = self.slaves.iter().filter(|slave| slave.is_up());
        let needed = up.map(|slave| slave.service(mtu) + slave.lead(mtu) + SLACK);
        self.limit = needed.fold(self.config.limits.time, Duration::max);
        self.room_at = None;
    }
}
