//! The daemon: the master's TUN, its slaves' interfaces, and who asks, in one poll loop.

use std::path::PathBuf;
use std::time::Duration;

use wanbox_eql_engine::{Change, Config, Framing, Master, Search, SlaveId, State};
use wanbox_runtime::control::{ClientId, Server};
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::files;
use wanbox_runtime::logging::{Logging, RateLimit};
use wanbox_runtime::netlink::{Link, Monitor, Netlink};
use wanbox_runtime::process::Signal;
use wanbox_runtime::tun::{Mode, Options, Tun};

use super::packets::{Packet, Pool};
use super::port::Port;
use super::saved::Saved;
use crate::control;
use crate::master::Wanted;

/// The owners of tokens.
pub mod owner {
    /// The control socket.
    pub const CONTROL: u32 = 1;
    /// The kernel's interfaces and neighbours.
    pub const INTERFACES: u32 = 2;
    /// Packets of the host; its timer is the pace.
    pub const MASTER: u32 = 3;
    /// A slave's device has room again; the number is the slave's.
    pub const SLAVE: u32 = 4;
    /// The counters of the slaves' devices are read.
    pub const MEASURE: u32 = 5;
    /// A next hop is asked for again; the number is the slave's.
    pub const NEXT_HOP: u32 = 6;
}

/// Packets that may wait in the kernel for the master, beside those that the daemon has: a tenth of
/// a second of all lines, within these. Fewer, and a window of TCP would not fit; with more it would
/// learn of a full line too late.
const HOST_QUEUE: (u32, u32) = (64, 1024);

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Conf {
    pub name: String,
    /// The MTU that was asked for; else that of an interface taken over, or of the engine's default.
    pub mtu: Option<u32>,
    pub engine: Config,
    /// What lines add to a packet, where it does not depend on the interface.
    pub framing: Option<Framing>,
}

/// Counters beside the engine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Packets of the host longer than the MTU, cut by the kernel and dropped.
    pub cut: u64,
}

/// An enslaving that waits until its next hop answers.
#[derive(Debug)]
pub struct Pending {
    pub client: ClientId,
    pub wanted: Wanted,
    pub index: u32,
    pub search: Search,
}

/// The daemon.
pub struct Daemon {
    pub(super) conf: Conf,
    pub(super) tun: Tun,
    pub(super) source: Source,
    pub(super) master: Master<Packet>,
    pub(super) pool: Pool,
    pub(super) ports: Vec<Port>,
    pub(super) pending: Vec<Pending>,
    /// The master's interface.
    pub(super) link: Link,
    pub(super) netlink: Netlink,
    pub(super) monitor: Monitor,
    pub(super) control: Server,
    pub(super) run_dir: PathBuf,
    pub(super) logging: Logging,
    pub(super) counters: Counters,
    pub(super) lines: RateLimit,
    /// Packets that may wait in the kernel.
    pub(super) queue: u32,
    /// Why it has to end, if not by a signal.
    pub(super) failure: Option<String>,
}

impl Daemon {
    /// Makes the master, or takes over that of a daemon that was killed, with its slaves.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(
        lp: &mut Loop,
        conf: Conf,
        run_dir: PathBuf,
        logging: Logging,
    ) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // The monitor first: no change between the two is missed.
        let mut monitor = Monitor::open_with_neighbours().map_err(|e| text(&e))?;
        let mut netlink = Netlink::open().map_err(|e| text(&e))?;
        let saved = Saved::load(&run_dir, &conf.name)?;
        let there = netlink
            .links()
            .map_err(|e| text(&e))?
            .into_iter()
            .any(|link| link.name == conf.name);
        if there && saved.is_none() {
            return Err(format!(
                "{}: an interface of this name exists already; take another name, or delete it",
                conf.name
            ));
        }
        let tun = Tun::open(&conf.name, Mode::Tun, &Options::default()).map_err(|e| text(&e))?;
        let mut engine = Self::set_up(&conf, &mut netlink, there)?;
        let token = Token::new(owner::INTERFACES, 0);
        lp.register(&monitor, token, Interest::Read, Priority::Normal)
            .map_err(|error| format!("cannot wait for the interfaces: {error}"))?;
        let token = Token::new(owner::MASTER, 0);
        let source = lp
            .register(&tun, token, Interest::Read, Priority::Data)
            .map_err(|error| format!("{}: cannot wait for packets: {error}", conf.name))?;
        let socket = control::socket(&run_dir, &conf.name);
        let control = Server::bind(lp, owner::CONTROL, &socket, 0o600).map_err(|e| text(&e))?;
        // What was heard so far is of the interface being made; what is so after it, counts.
        while let Ok(Some(_)) = monitor.poll_event() {}
        let link = netlink.link(&conf.name).map_err(|e| text(&e))?;
        engine.mtu = link.mtu;
        let master = Master::new(&conf.name, engine, lp.now()).map_err(|e| text(&e))?;
        // Its addresses and routes outlive a daemon that is killed, for the next one.
        tun.set_persistent(true).map_err(|e| text(&e))?;
        let mut daemon = Self {
            pool: Pool::new(link.mtu as usize),
            conf,
            tun,
            source,
            master,
            ports: Vec::new(),
            pending: Vec::new(),
            link,
            netlink,
            monitor,
            control,
            run_dir,
            logging,
            counters: Counters::default(),
            lines: RateLimit::new(30, Duration::from_secs(60)),
            queue: HOST_QUEUE.0,
            failure: None,
        };
        daemon.master.set_open(lp.now(), daemon.link.is_up());
        if let Some(saved) = saved {
            daemon.resume(lp, saved);
        }
        daemon.save(lp);
        Ok(daemon)
    }

    /// Sets what the interface is like; how the engine then works.
    fn set_up(conf: &Conf, netlink: &mut Netlink, taken_over: bool) -> Result<Config, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let link = netlink.link(&conf.name).map_err(|e| text(&e))?;
        let engine = conf.engine;
        if let Some(mtu) = conf.mtu.or((!taken_over).then_some(engine.mtu)) {
            netlink.set_mtu(link.index, mtu).map_err(|e| text(&e))?;
        }
        netlink
            .set_queue(link.index, HOST_QUEUE.0)
            .map_err(|e| text(&e))?;
        Ok(engine)
    }

    /// Removes the master and releases the slaves.
    ///
    /// # Errors
    /// Why it had to end.
    pub fn close(mut self) -> Result<(), String> {
        for port in &mut self.ports {
            if let Some(lock) = port.lock.take() {
                lock.remove();
            }
        }
        Saved::remove(&self.run_dir, &self.conf.name);
        // The interface goes with its descriptor; it may be gone already.
        let _ = self.tun.set_persistent(false);
        let _ = files::remove(&control::socket(&self.run_dir, &self.conf.name));
        self.failure.map_or(Ok(()), Err)
    }

    /// The port of a slave.
    pub(super) fn port(&mut self, id: SlaveId) -> Option<&mut Port> {
        self.ports.iter_mut().find(|port| port.id == id)
    }

    /// Logs a change, unless there are too many.
    pub(super) fn note(&mut self, lp: &Loop, line: std::fmt::Arguments<'_>) {
        match self.lines.allow(lp.now()) {
            Some(0) => log::info!("{line}"),
            Some(more) => log::info!("{line} ({more} lines before it were left out)"),
            None => {}
        }
    }

    /// Looks whether a slave can carry packets, and tells the engine.
    pub(super) fn check(&mut self, lp: &mut Loop, id: SlaveId) {
        let mtu = self.link.mtu;
        let Some(port) = self.port(id) else {
            return;
        };
        let obstacle = port.obstacle(mtu);
        let name = port.name.clone();
        let Some(change) = self.master.carrier(lp.now(), id, obstacle.is_none()) else {
            return;
        };
        let why = obstacle.map_or(String::new(), |obstacle| obstacle.to_string());
        match change {
            Change::Taken => {
                self.note(lp, format_args!("{name}: up again, taken"));
                self.start(lp, id);
            }
            Change::Waiting => {
                self.note(lp, format_args!("{name}: {why}; waiting for it"));
                self.stop_output(lp, id);
            }
            Change::Buried => {
                self.note(lp, format_args!("{name}: {why}; buried"));
                self.forget(lp, id);
                self.save(lp);
            }
        }
    }

    /// Lets as many packets wait in the kernel as is right for the lines there are.
    pub(super) fn fit_queue(&mut self, lp: &Loop) {
        let slaves = self.master.slaves(lp.now());
        let bps: u64 = slaves
            .filter(|slave| slave.state == State::Up)
            .map(|slave| slave.bps)
            .sum();
        let packets = bps / 8 / 10 / u64::from(self.link.mtu.max(1));
        let packets = u32::try_from(packets).unwrap_or(HOST_QUEUE.1);
        // In steps, so that a measured rate does not change it all the time.
        let packets = packets
            .clamp(HOST_QUEUE.0, HOST_QUEUE.1)
            .next_power_of_two();
        if packets != self.queue {
            self.queue = packets;
            if let Err(error) = self.netlink.set_queue(self.link.index, packets) {
                log::warn!("{error}");
            }
        }
    }

    /// A slave takes packets from now on.
    pub(super) fn start(&mut self, lp: &mut Loop, id: SlaveId) {
        let Some(port) = self.ports.iter_mut().find(|port| port.id == id) else {
            return;
        };
        let Some(index) = port.index() else {
            return;
        };
        match wanbox_runtime::packet::Output::open(index) {
            Ok(output) => port.output = Some(output),
            Err(error) => {
                log::error!("{}: cannot send packets: {error}", port.name);
                self.master.carrier(lp.now(), id, false);
                return;
            }
        }
        self.observe(lp, id);
        self.fit_queue(lp);
    }

    /// Nothing is sent through a slave's interface any more.
    fn stop_output(&mut self, lp: &mut Loop, id: SlaveId) {
        let Some(port) = self.port(id) else {
            return;
        };
        if let (Some(source), Some(output)) = (port.waiting.take(), port.output.take()) {
            let _ = lp.deregister(source, &output);
        }
        port.output = None;
        self.fit_queue(lp);
    }

    /// A slave is released: others may take its interface.
    pub(super) fn forget(&mut self, lp: &mut Loop, id: SlaveId) {
        self.stop_output(lp, id);
        lp.cancel_timer(Token::new(owner::NEXT_HOP, id.0));
        if let Some(place) = self.ports.iter().position(|port| port.id == id) {
            let mut port = self.ports.remove(place);
            if let Some(lock) = port.lock.take() {
                lock.remove();
            }
            for transmit in port.batch.drain(..) {
                self.master.backpressure(lp.now(), transmit);
            }
        }
    }
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        match token.owner {
            owner::MASTER => self.read_packets(lp, readiness),
            owner::INTERFACES => self.interfaces_changed(lp),
            owner::SLAVE => self.device_has_room(lp, SlaveId(token.id)),
            _ => {
                self.control.ready(lp, token, readiness);
                self.serve_requests(lp);
            }
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        match token.owner {
            owner::MEASURE => self.measure(lp),
            owner::NEXT_HOP => self.ask_again(lp, SlaveId(token.id)),
            // The pace: what is due leaves at the end of the turn.
            _ => {}
        }
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        if signal == Signal::Hangup {
            if let Err(error) = self.logging.reopen() {
                log::error!("{error}");
            }
            return;
        }
        log::info!("ended by a signal");
        lp.stop();
    }

    fn turn_end(&mut self, lp: &mut Loop) {
        self.transmit(lp);
    }
}
