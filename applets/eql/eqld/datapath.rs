//! Packets from the master's interface to those of the slaves.

use wanbox_eql_engine::{Counters, Order, SlaveId, Transmit};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Token};
use wanbox_runtime::packet::{MAX_BATCH, Stopped};
use wanbox_runtime::tun::Tun;

use std::time::Duration;

use super::daemon::{Daemon, owner};
use super::flow;
use super::packets::{Filled, Packet};

/// Packets read in one turn.
const BUDGET: usize = 64;

/// How often the counters of busy devices are read.
const MEASURE_EVERY: Duration = Duration::from_millis(100);

impl Daemon {
    /// Reads packets of the host while there is room for them.
    pub(super) fn read_packets(&mut self, lp: &mut Loop, readiness: Readiness) {
        let now = lp.now();
        let hashed = self.conf.engine.order == Order::Flow;
        for _ in 0..BUDGET {
            if !self.master.room(now) {
                return;
            }
            let tun = &self.tun;
            let read = |buffer: &mut [u8]| tun.read_packet(&mut [0; Tun::HEADER], buffer);
            let packet = match self.pool.fill(read) {
                Ok(Filled::Packet(packet)) => packet,
                Ok(Filled::Cut) => {
                    self.counters.cut += 1;
                    continue;
                }
                Ok(Filled::Nothing) => break,
                Err(_) => return self.deleted(lp),
            };
            let len = packet.octets().len();
            let flow = if hashed {
                flow::hash(packet.octets())
            } else {
                0
            };
            if let Err(refused) = self.master.enqueue(now, len, flow, packet) {
                self.pool.give_back(refused.packet);
            }
        }
        if readiness.hangup && !readiness.readable {
            self.deleted(lp);
        }
    }

    /// Gives the devices what they are to get now, and sets the timers for the rest.
    pub(super) fn transmit(&mut self, lp: &mut Loop) {
        let now = lp.now();
        let mut any = false;
        while let Some(transmit) = self.master.poll_transmit(now) {
            any = true;
            let id = transmit.slave;
            let Some(port) = self.ports.iter_mut().find(|port| port.id == id) else {
                self.lose(&transmit);
                continue;
            };
            port.batch.push(transmit);
            if port.batch.len() >= MAX_BATCH {
                self.hand_over(lp, id);
            }
        }
        if any {
            for place in 0..self.ports.len() {
                if let Some(port) = self.ports.get(place).filter(|port| !port.batch.is_empty()) {
                    self.hand_over(lp, port.id);
                }
            }
            let timer = Token::new(owner::MEASURE, 0);
            if lp.timer(timer).is_none() {
                lp.set_timer(timer, now + MEASURE_EVERY);
            }
        }
        let interest = if self.master.room(now) {
            Interest::Read
        } else {
            Interest::Hangup
        };
        if lp.modify(self.source, &self.tun, interest).is_err() {
            self.deleted(lp);
        }
        lp.set_timer_to(Token::new(owner::MASTER, 0), self.master.poll_timeout());
    }

    /// Gives a device what was gathered for it.
    fn hand_over(&mut self, lp: &mut Loop, id: SlaveId) {
        let now = lp.now();
        loop {
            let Some(port) = self.ports.iter_mut().find(|port| port.id == id) else {
                return;
            };
            if port.batch.is_empty() {
                return;
            }
            let pool = &mut self.pool;
            let stopped = port.hand_over(|transmit| pool.give_back(transmit.packet));
            if let Some(hop) = &mut port.next_hop
                && hop.used()
                && let Some(link) = &port.link
            {
                let _ = self.netlink.resolve(link.index, hop.address());
            }
            match stopped {
                None => {}
                Some(Stopped::Refused(errno)) => {
                    let transmit = port.batch.remove(0);
                    self.lose(&transmit);
                    log::debug!("a packet was refused with error {errno}");
                    self.pool.give_back(transmit.packet);
                }
                Some(stopped) => {
                    if stopped == Stopped::Full {
                        self.wait_for_room(lp, id);
                    }
                    if matches!(stopped, Stopped::Down | Stopped::Gone) {
                        // Its packets go to the others now; the kernel's word comes a moment later.
                        self.interface_stopped(lp, id);
                    }
                    self.take_back(now, id);
                    return;
                }
            }
        }
    }

    /// What a device did not take is the engine's again, in the order it was.
    fn take_back(&mut self, now: std::time::Instant, id: SlaveId) {
        while let Some(transmit) = self.port(id).and_then(|port| port.batch.pop()) {
            self.master.backpressure(now, transmit);
        }
    }

    fn lose(&mut self, transmit: &Transmit<Packet>) {
        self.master.failed(transmit);
    }

    fn wait_for_room(&mut self, lp: &mut Loop, id: SlaveId) {
        let Some(port) = self.port(id) else {
            return;
        };
        let Some(output) = &port.output else {
            return;
        };
        let done = match port.waiting {
            Some(source) => lp.modify(source, output, Interest::Write),
            None => lp
                .register(
                    output,
                    Token::new(owner::SLAVE, id.0),
                    Interest::Write,
                    Priority::Data,
                )
                .map(|source| port.waiting = Some(source)),
        };
        if let Err(error) = done {
            // It is asked again after a while anyway.
            log::debug!("cannot wait for room: {error}");
        }
    }

    /// A device that was full has sent something.
    pub(super) fn device_has_room(&mut self, lp: &mut Loop, id: SlaveId) {
        if let Some(port) = self.port(id)
            && let (Some(source), Some(output)) = (port.waiting, &port.output)
        {
            let _ = lp.modify(source, output, Interest::None);
        }
        self.master.writable(id);
    }

    /// Reads the counters of the devices that are busy, and goes on while any is.
    pub(super) fn measure(&mut self, lp: &mut Loop) {
        for place in 0..self.ports.len() {
            if let Some(port) = self.ports.get(place).filter(|port| port.output.is_some()) {
                self.observe(lp, port.id);
            }
        }
        let now = lp.now();
        let busy = self
            .master
            .slaves(now)
            .any(|slave| slave.queued_packets > 0 || !slave.backlog.is_zero());
        if busy {
            lp.set_timer(Token::new(owner::MEASURE, 0), now + MEASURE_EVERY);
        }
    }

    /// Reads what a slave's device has sent. The kernel counts at a TUN what its owner has read, at
    /// the others what the driver took: beyond that are a few packets at most.
    pub(super) fn observe(&mut self, lp: &Loop, id: SlaveId) {
        let Some(index) = self.port(id).and_then(|port| port.index()) else {
            return;
        };
        if let Ok(stats) = self.netlink.stats(index) {
            let counters = Counters {
                packets: stats.tx_packets,
                octets: stats.tx_octets,
            };
            if self.master.observe(lp.now(), id, counters) {
                self.fit_queue(lp);
            }
        }
    }
}
