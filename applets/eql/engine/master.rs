//! A master: its slaves, which of them there are, and what becomes of those that go.

use std::time::{Duration, Instant};

use wanbox_link::range::OutOfRange;

use crate::config::{Config, Scheduler};
use crate::finish::Flows;
use crate::meter::Counters;
use crate::priority::{TICK, Word};
use crate::rate::{Framing, Rate};
use crate::rules::{Device, Refusal, check_enslave, check_max_slaves, check_name};
use crate::slave::{Change, Entry, Slave, SlaveId, SlaveStatus, State};

mod packets;

pub use packets::{Refused, Transmit, Why};

/// How much more than the time of one packet of the slowest line may wait for a line, beside what
/// its device gets ahead: so much earlier the slow line gets its next packet.
const SLACK: Duration = Duration::from_millis(30);

/// Slaves that were buried and are still shown.
const BURIED: usize = 16;

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
    pub fn new(name: &str, config: Config, now: Instant) -> Result<Self, OutOfRange> {
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
    pub fn set_mtu(&mut self, mtu: u32) -> Result<(), OutOfRange> {
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
