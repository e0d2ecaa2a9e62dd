//! Datagrams into the engine, and what it wants out of it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_l2tpns_engine::SocketId;
use wanbox_l2tpns_engine::concentrator::{Concentrator, HostEvent, Level, Outgoing};
use wanbox_l2tpns_engine::config::Config;
use wanbox_l2tpns_engine::plane::{Batch, Way};
use wanbox_l2tpns_engine::show;
use wanbox_runtime::answering::Answering;
use wanbox_runtime::daemon::PidFile;
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Readiness, Source, Token};
use wanbox_runtime::logging::Logging;
use wanbox_runtime::process::Signal;
use wanbox_runtime::udp::ManySocket;
use wanbox_runtime::wall_clock::{WallTimer, unix_time};

use super::forward::{self, Forward, transmit};
use super::host::Asked;
use super::interface::{Interface, Network};
use super::views::Measured;
use super::{journal, owner};
use crate::cli::Cli;
use crate::files::Files;
use crate::metrics::Metrics;
use crate::plugins::{Plugins, Said};
use crate::records;

/// Datagrams taken from a socket in one turn.
const BUDGET: usize = 64;
/// How long the process waits for acknowledgements and accounting before it ends.
const LEAVING: Duration = Duration::from_secs(300);
/// How often it looks whether they are all there.
const LOOK: Duration = Duration::from_millis(100);
/// Of how many who asked it is known where they did.
const MAX_ASKED: usize = 1024;

/// The daemon: the node, and what only the poll loop uses.
pub struct Daemon {
    pub(super) node: Node,
    pub(super) clock: WallTimer,
    pub(super) metrics: Option<Metrics>,
    pub(super) forward: Forward,
    pub(super) sources: Sources,
    /// The TUN is not read, or a socket's room is waited for.
    pub(super) is_paused: bool,
    pub(super) cli: Cli,
    /// What a datagram is read into.
    pub(super) buffer: Vec<u8>,
    /// Removed when dropped.
    pub(super) _pid_file: PidFile,
}

/// What the loop calls the descriptors of the way of packets.
pub struct Sources {
    pub(super) tun: Source,
    /// By their places.
    pub(super) l2tp: Vec<Source>,
}

/// The engine, and what it acts through.
pub struct Node {
    pub(super) engine: Concentrator,
    pub(super) config: Arc<Config>,
    /// The networks of the address pool, which lead to the TUN.
    pub(super) pool: Vec<Network>,
    pub(super) files: Files,
    pub(super) background: bool,
    /// The level of the log unless the configuration has one.
    pub(super) level: u8,
    pub(super) interface: Interface,
    pub(super) l2tp: Vec<ManySocket>,
    /// Messages of control channels and PPP, which in a storm of logins are many of one length.
    pub(super) control: Batch,
    pub(super) radius: Vec<ManySocket>,
    /// Requests to RADIUS servers.
    pub(super) requests: Batch,
    pub(super) dae: Option<Answering>,
    pub(super) nsctl: Option<Answering>,
    pub(super) logging: Logging,
    pub(super) plugins: Plugins,
    /// Since when it waits to end.
    pub(super) leaving: Option<Instant>,
    /// What is sent; kept for its capacity.
    pub(super) datagram: Vec<u8>,
    /// The addresses of ours that were asked, by who did.
    pub(super) asked_at: HashMap<SocketAddr, IpAddr>,
    pub(super) counters: Counters,
    /// The name of the machine, or that of the command line.
    pub(super) machine: String,
    pub(super) started: Instant,
    /// When the counters were cleared, seconds since 1970, and what they were then.
    pub(super) cleared: u64,
    pub(super) before: show::Counters,
    /// What passed the edges, as far as it was looked at.
    pub(super) edges: forward::Counters,
    pub(super) measured: Measured,
    /// A line of `dump_speed` was printed, and the time of the next has not come.
    pub(super) dumping: bool,
}

/// Of the node itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Answers that the kernel did not take.
    pub unsent: u64,
    /// Routes that the kernel refused to make or to delete.
    pub routes_refused: u64,
    /// Turns of the poll loop.
    pub turns: u64,
}

impl Node {
    /// Does what the engine wants until it wants nothing more.
    pub(super) fn pump(&mut self, lp: &mut Loop) {
        loop {
            while let Some(to) = self.engine.poll_transmit(&mut self.datagram) {
                self.send(to);
            }
            let Some(event) = self.engine.poll_event() else {
                break;
            };
            match event {
                HostEvent::Plugin(work) => self.plugins.work(lp, work),
                event => self.happened(event),
            }
            self.plugins_said(lp);
        }
        transmit(&mut self.control, &mut self.l2tp);
        self.request();
        let token = Token::new(owner::ENGINE, 0);
        lp.set_timer_to(token, self.engine.poll_timeout());
    }

    /// Datagrams of control channels, RADIUS and answers that the kernel did not take.
    pub(super) fn unsent(&self) -> u64 {
        let lost = |socket: &ManySocket| {
            let stats = socket.stats();
            stats.refused + stats.unreachable + stats.too_long
        };
        let lost: u64 = self.radius.iter().map(lost).sum();
        self.counters.unsent + self.control.stats().refused + lost
    }

    fn send(&mut self, to: Outgoing) {
        let octets = &self.datagram;
        let sent = match to {
            Outgoing::L2tp { socket, to } => {
                let way = Way { socket, peer: to };
                self.control.push(&way, octets);
                if self.control.is_full() && !self.control.is_waiting() {
                    transmit(&mut self.control, &mut self.l2tp);
                }
                return;
            }
            Outgoing::Radius { socket, to } => {
                let socket = SocketId(socket);
                self.requests.push(&Way { socket, peer: to }, octets);
                if self.requests.is_full() {
                    self.request();
                }
                return;
            }
            Outgoing::Dae { to } => answer(self.dae.as_ref(), &mut self.asked_at, octets, to),
            Outgoing::Nsctl { to } => answer(self.nsctl.as_ref(), &mut self.asked_at, octets, to),
        };
        if sent.is_err() {
            // Whoever needs it sends or asks again.
            self.counters.unsent += 1;
        }
    }

    /// Sends what servers are asked. What their sockets do not take is asked again after a time, as
    /// what is lost on the way.
    fn request(&mut self) {
        let (sockets, unsent) = (&mut self.radius, &mut self.counters.unsent);
        self.requests.transmit(|way, requests| {
            let socket = sockets.get_mut(usize::from(way.socket.0))?;
            let taken = socket.send(way.peer, requests).unwrap_or(0);
            *unsent += requests.len().saturating_sub(taken) as u64;
            Some(requests.len())
        });
    }

    fn happened(&mut self, event: HostEvent) {
        let done = match event {
            HostEvent::AddRoute { network, bits } => self.interface.add_route(network, bits),
            HostEvent::DeleteRoute { network, bits } => self.interface.delete_route(network, bits),
            HostEvent::Log {
                level,
                tunnel,
                session,
                text,
            } => {
                journal::write(level, tunnel, session, &text);
                Ok(())
            }
            HostEvent::Accounting { time, text } => {
                self.record(time, &text);
                Ok(())
            }
            // Done where the loop is at hand.
            HostEvent::Plugin(_) => Ok(()),
        };
        if let Err(error) = done {
            self.counters.routes_refused += 1;
            log::error!("{error}");
        }
    }

    /// Tells the engine what programs that are plugins did.
    fn plugins_said(&mut self, lp: &Loop) {
        let now = lp.now();
        while let Some(said) = self.plugins.poll() {
            match said {
                Said::Started(id) => self.engine.plugin_started(now, id),
                Said::Ended(id, why) => self.engine.plugin_ended(now, id, &why),
                Said::Line(id, line) => self.engine.plugin_line(now, id, &line),
            }
        }
    }

    /// Writes a file of `accounting_dir`.
    fn record(&self, time: u64, text: &str) {
        let directory = self.files.root.path(&self.config.accounting_dir);
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        if let Err(error) = records::write(&directory, time, text) {
            let text = format!("accounting: {error}");
            journal::write(Level::Critical, None, None, &text);
        }
    }

    /// Remembers at which address of ours somebody asked.
    fn asked(&mut self, from: SocketAddr, to: Option<IpAddr>) {
        if self.asked_at.len() >= MAX_ASKED {
            self.asked_at.clear();
        }
        if let Some(to) = to {
            self.asked_at.insert(from, to);
        }
    }

    /// The process is to end as soon as nobody waits for anything.
    pub(super) fn leave(&mut self, lp: &mut Loop, since: Instant) {
        if self.leaving.is_none() {
            self.leaving = Some(since);
            lp.set_timer(Token::new(owner::LEAVING, 0), since);
        }
    }

    /// Tells all peers, then ends.
    pub(super) fn drain(&mut self, lp: &mut Loop) {
        let now = lp.now();
        log::info!("taking leave of all peers, then ending");
        self.engine.drain(now);
        self.leave(lp, now);
    }

    fn look_whether_to_end(&mut self, lp: &mut Loop) {
        let Some(since) = self.leaving else { return };
        let late = lp.now() >= since + LEAVING;
        if late {
            log::warn!("ending although acknowledgements or accounting are missing");
        }
        if late || self.engine.is_idle() {
            lp.stop();
        } else {
            lp.set_timer(Token::new(owner::LEAVING, 0), lp.now() + LOOK);
        }
    }
}

fn answer(
    socket: Option<&Answering>,
    asked_at: &mut HashMap<SocketAddr, IpAddr>,
    octets: &[u8],
    to: SocketAddr,
) -> io::Result<()> {
    let from = asked_at.remove(&to);
    socket.map_or(Ok(()), |socket| socket.answer(octets, to, from))
}

impl Daemon {
    /// Ends what is outside the process.
    pub(super) fn close(&mut self, lp: &mut Loop) {
        // What is there still would be in no file: whoever comes next counts from 0.
        self.node.engine.dump_last(lp.now());
        self.node.pump(lp);
        self.node.plugins.close(lp);
    }

    fn peers(&mut self, lp: &mut Loop, socket: u32) {
        let node = &mut self.node;
        let (tun, engine) = (&node.interface.tun, &mut node.engine);
        let place = SocketId(socket as u8);
        let taken = self
            .forward
            .take_from_peers(lp.now(), place, &mut node.l2tp, tun, engine);
        if let Err(error) = taken {
            fail(lp, format_args!("receiving from tunnels: {error}"));
        }
    }

    fn host(&mut self, lp: &mut Loop) {
        let node = &mut self.node;
        let (tun, engine) = (&node.interface.tun, &mut node.engine);
        let taken = self
            .forward
            .take_from_host(lp.now(), &mut node.l2tp, tun, engine);
        if let Err(error) = taken {
            fail(lp, format_args!("{}: {error}", tun.name()));
        }
    }

    /// While a socket is full the host's packets wait in the TUN's queue, where senders notice.
    fn mind_room(&mut self, lp: &mut Loop) {
        let node = &mut self.node;
        let waits = self.forward.is_waiting();
        let paused = waits || node.control.is_waiting();
        if !paused && !self.is_paused {
            return;
        }
        self.is_paused = paused;
        let tun = if waits {
            Interest::None
        } else {
            Interest::Read
        };
        let mut done = lp.modify(self.sources.tun, &node.interface.tun, tun);
        for (place, (socket, source)) in node.l2tp.iter().zip(&self.sources.l2tp).enumerate() {
            let id = SocketId(place as u8);
            let full = self.forward.waits_for(id) || node.control.waits_for(id);
            done = done.and(lp.modify(*source, socket, Interest::of(true, full)));
        }
        if let Err(error) = done {
            fail(lp, format_args!("waiting for room in a socket: {error}"));
        }
    }

    fn radius(&mut self, lp: &mut Loop, socket: u32) {
        let node = &mut self.node;
        for _ in 0..BUDGET {
            let Some(reader) = node.radius.get_mut(socket as usize) else {
                return;
            };
            match reader.receive(&mut self.buffer) {
                Ok(Some(got)) => {
                    for octets in got.received.datagrams(&self.buffer) {
                        node.engine.radius(lp.now(), socket as u8, got.from, octets);
                    }
                }
                Ok(None) => return,
                Err(error) => return fail(lp, format_args!("answers of RADIUS servers: {error}")),
            }
        }
    }

    /// Requests of RADIUS servers, or of nsctl.
    fn requests(&mut self, lp: &mut Loop, of: u32) {
        for _ in 0..BUDGET {
            let node = &mut self.node;
            let socket = if of == owner::DAE {
                &node.dae
            } else {
                &node.nsctl
            };
            let asked = socket
                .as_ref()
                .map(|socket| socket.receive(&mut self.buffer));
            let asked = match asked {
                Some(Ok(Some(asked))) => asked,
                None | Some(Ok(None)) => return,
                Some(Err(error)) => return log::error!("receiving requests: {error}"),
            };
            node.asked(asked.from, asked.to);
            let octets = self.buffer.get(..asked.len).unwrap_or_default();
            if of == owner::NSCTL {
                node.engine.nsctl(lp.now(), asked.from, octets);
            } else {
                node.engine.dae(lp.now(), asked.from, octets);
            }
            // The answer at once, so that few addresses have to be remembered.
            node.pump(lp);
        }
    }
}

/// Without this nothing can go on.
fn fail(lp: &mut Loop, why: std::fmt::Arguments<'_>) {
    journal::write(Level::Critical, None, None, &why.to_string());
    lp.stop();
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        match token.owner {
            owner::L2TP => {
                if readiness.writable {
                    self.forward.resume(&mut self.node.l2tp);
                }
                if readiness.readable || readiness.hangup {
                    self.peers(lp, token.id);
                }
            }
            owner::TUN => self.host(lp),
            owner::RADIUS => self.radius(lp, token.id),
            owner::DAE | owner::NSCTL => self.requests(lp, token.owner),
            owner::METRICS => {
                let (node, forward) = (&mut self.node, &self.forward);
                if let Some(metrics) = &mut self.metrics {
                    metrics.ready(lp, token, || node.metrics_page(forward));
                }
            }
            owner::TELNET | owner::COMMANDS => {
                let mut asked = Asked::new(&mut self.node, &self.forward, lp.now());
                self.cli.ready(lp, token, readiness, &mut asked);
                asked.finish(lp, &mut self.cli);
            }
            owner::PLUGINS => self.node.plugins.ready(lp, token.id, readiness),
            owner::CLOCK => {
                self.clock.clear();
                let unix = u64::try_from(unix_time()).unwrap_or(0);
                self.node.engine.set_clock(lp.now(), unix);
                if let Err(error) = self.clock.wait_for(None) {
                    log::error!("cannot watch the clock: {error}");
                }
            }
            _ => {}
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        match token.owner {
            owner::ENGINE => self.node.engine.handle_timeout(lp.now()),
            owner::PACKETS => {
                let node = &mut self.node;
                let (tun, engine) = (&node.interface.tun, &mut node.engine);
                self.forward.timeout(lp.now(), &mut node.l2tp, tun, engine);
            }
            owner::METRICS => {
                if let Some(metrics) = &mut self.metrics {
                    metrics.timer(lp, token);
                }
            }
            owner::TELNET | owner::COMMANDS => {
                let mut asked = Asked::new(&mut self.node, &self.forward, lp.now());
                self.cli.timer(lp, token, &mut asked);
                asked.finish(lp, &mut self.cli);
            }
            owner::PLUGINS => self.node.plugins.timer(lp, token.id),
            owner::SPEED => self.node.dumping = false,
            owner::LEAVING => {
                self.node.pump(lp);
                self.node.look_whether_to_end(lp);
            }
            _ => {}
        }
    }

    fn child(&mut self, lp: &mut Loop, token: Token, _: u32, status: io::Result<ExitStatus>) {
        if token.owner == owner::PLUGINS {
            self.node.plugins.child(lp, token.id, status);
        }
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        let now = lp.now();
        match signal {
            Signal::Hangup => self.node.reload(lp, &mut self.cli),
            Signal::Quit => self.node.drain(lp),
            _ if self.node.leaving.is_some() => lp.stop(),
            _ => {
                log::info!("ending; a second signal does not wait for acknowledgements");
                self.node.leave(lp, now);
            }
        }
    }

    fn turn_end(&mut self, lp: &mut Loop) {
        self.node.plugins_said(lp);
        self.node.pump(lp);
        self.node.counters.turns += 1;
        self.node.edges = self.forward.counters();
        self.node.measure(lp.now());
        self.node.dump_speed(lp);
        self.mind_room(lp);
        let due = self.node.engine.plane().poll_timeout();
        lp.set_timer_to(Token::new(owner::PACKETS, 0), due);
    }
}
