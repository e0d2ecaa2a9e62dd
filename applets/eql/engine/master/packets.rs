//! The way of a packet: to a slave, into its queue, to its device.

use std::time::{Duration, Instant};

use super::Master;
use crate::config::Scheduler;
use crate::finish::{Candidate, Times};
use crate::priority::{self, Word};
use crate::slave::{Entry, Slave, SlaveId};

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

impl<P> Master<P> {
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
    pub(super) fn place(&mut self, now: Instant, entry: Entry<P>) -> Result<SlaveId, Entry<P>> {
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
}
