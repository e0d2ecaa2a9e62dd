//! One device: a line, an engine, interfaces, and who asks about them, in one poll loop.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wanbox_grammar::line::Line as LineSpec;
use wanbox_link::offload::Coalescer;
use wanbox_runtime::control::Server;
use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::event_loop::{Handler, Loop, Readiness, Source, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::logging::{Logging, RateLimit};
use wanbox_runtime::netlink::{Monitor, Netlink};
use wanbox_runtime::process::Signal;
use wanbox_runtime::tun::Tun;
use wanbox_wanrouter_engine::frame_relay::Diagnosis;
use wanbox_wanrouter_engine::{Cause, Engine, Path};

use super::batch::Batch;
use super::bundle::Side;
use super::characters::Characters;
use super::counters::{LineCounters, Management};
use super::guard::Guard;
use super::host::OwnAddresses;
use super::interface::Interface;
use super::line::Line;
use super::link::Link;
use super::monitor::Facts;
use super::secrets::Secrets;
use super::tty::Tty;
use super::watch::{Framing, Watch};
use super::x25api::X25Api;
use crate::conf::{DeviceConf, TtyMode};

mod line_use;

/// The owners of tokens.
pub mod owner {
    /// The control socket.
    pub const CONTROL: u32 = 1;
    /// The line: 0 frames, 1 state.
    pub const LINE: u32 = 2;
    /// Kernel interfaces, by channel.
    pub const INTERFACE: u32 = 3;
    /// Management sockets, by channel.
    pub const MONITOR: u32 = 4;
    /// Clients of management sockets, by place.
    pub const CLIENT: u32 = 5;
    /// The engine's timer.
    pub const ENGINE: u32 = 6;
    /// The pacing timer.
    pub const PACE: u32 = 7;
    /// Packets held for the committed rate, by channel.
    pub const HOLD: u32 = 8;
    /// The texts for scripts.
    pub const TEXTS: u32 = 9;
    /// A line that failed is opened again.
    pub const REOPEN: u32 = 10;
    /// Interfaces that could not be made or brought up are tried again.
    pub const REPAIR: u32 = 11;
    /// A management socket whose clients could not be taken is listened on again, by channel.
    pub const LISTEN: u32 = 12;
    /// The kernel's links: bridges that come and go.
    pub const LINKS: u32 = 13;
    /// Applications that come to the sockets of interfaces, by channel; and their timers.
    pub const APPLICATIONS: u32 = 14;
    /// The application that has an interface, by channel.
    pub const APPLICATION: u32 = 15;
    /// A line that is not read for an application's sake is looked at.
    pub const PAUSED: u32 = 16;
    /// The terminal, and when it is made again.
    pub const TTY: u32 = 17;
    /// Silence that ends a piece of characters.
    pub const CHARACTERS: u32 = 18;
    /// The sockets of a bundle, by place; when the first device of one is sought again.
    pub const BUNDLE: u32 = 20;
    /// The X.25 socket, its connections, by place, and their timers.
    pub const X25: u32 = 21;
}

/// How soon a line that failed is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// How often the texts follow the counters while there is traffic.
const TEXTS_EVERY: Duration = Duration::from_secs(1);
/// Flows that are merged side by side.
const FLOWS: usize = 16;
/// Clients of the management sockets together.
pub const MAX_CLIENTS: usize = 32;

/// A client of a management socket.
pub struct Client {
    /// Its end.
    pub socket: Datagram,
    /// Its registration.
    pub source: Source,
    /// The channel whose socket it came to.
    pub channel: u16,
}

/// A device that runs.
pub struct Device {
    /// Its configuration, as it is now.
    pub conf: DeviceConf,
    /// The file it came from.
    pub file: Option<PathBuf>,
    /// Where files are.
    pub root: Root,
    /// The daemon's log.
    pub logging: Logging,
    /// The engine.
    pub link: Link,
    /// The line; `None` while it failed.
    pub line: Option<Line>,
    /// How to open it again.
    spec: LineSpec,
    line_sources: Vec<Source>,
    /// Unplugged by command; survives a line that failed.
    pub cut: bool,
    /// Interfaces by channel.
    pub interfaces: Vec<Option<Interface>>,
    /// The host's addresses and routes.
    pub netlink: Netlink,
    /// The addresses that this host has.
    pub own_addresses: OwnAddresses,
    /// Hears of bridges that come and go, once an interface is in one.
    pub links: Option<(Monitor, Source)>,
    /// Trace and capture.
    pub watch: Watch,
    /// The control socket.
    pub control: Server,
    /// Clients of the management sockets.
    pub clients: Vec<Option<Client>>,
    /// Who may ask through the line.
    pub guard: Guard,
    /// Limits log lines about refused management requests.
    pub refusals: RateLimit,
    /// Limits log lines about what the far end can change as often as it likes.
    pub changes: RateLimit,
    /// Limits log lines about packets that the host did not take.
    pub complaints: RateLimit,
    /// Frames on their way to the line.
    pub batch: Batch,
    /// What the line reads into.
    pub line_buffer: Vec<u8>,
    /// What interfaces read into.
    pub packet_buffer: Vec<u8>,
    /// Merges packets for the host.
    pub coalescer: Coalescer,
    /// The channel whose packets wait in the coalescer.
    pub coalescing: Option<u16>,
    /// The terminal in the place of interfaces.
    pub tty: Option<Tty>,
    /// The characters of its line, where that carries no frames.
    pub characters: Option<Box<Characters>>,
    /// What it is in a bundle of devices.
    pub bundle: Side,
    /// What the sockets of a bundle read into.
    pub bundle_buffer: Vec<u8>,
    /// Who may be at the other end of a PPP link.
    pub secrets: Secrets,
    /// Applications with X.25 circuits of their own.
    pub x25api: Option<Box<X25Api>>,
    /// The line takes frames, as far as the bundle was told.
    line_ready: bool,
    /// A packet that the engine made of received frames.
    pub made_packet: Vec<u8>,
    /// A control frame on its way.
    pub control_frame: Vec<u8>,
    /// Management counters.
    pub management: Management,
    /// Line counters.
    pub counters: LineCounters,
    /// When the daemon started.
    pub born: Instant,
    /// Since when the link is in its state.
    pub state_since: Instant,
    /// Times the link came up.
    pub link_ups: u64,
    /// Why the link went down last.
    pub last_cause: Option<Cause>,
    /// The carrier that the engine was told of.
    carrier: bool,
    /// Interfaces wait for the line.
    waiting_for_line: bool,
    /// The line is not read, because an application is slow.
    pub line_paused: bool,
    /// What applications are waited for has changed in this turn.
    pub follow_due: bool,
    /// Applications are to hear when the line has their frames.
    pub answers_due: bool,
    /// The texts do not show the present state.
    pub texts_stale: bool,
    /// The frames that the texts show, and when they were written.
    texts_shown: (u64, Instant),
    /// The frames with user data that they show.
    data_shown: u64,
}

/// What [`Device::new`] needs.
pub struct Parts {
    /// The configuration.
    pub conf: DeviceConf,
    /// The file it came from.
    pub file: Option<PathBuf>,
    /// Where files are.
    pub root: Root,
    /// The daemon's log.
    pub logging: Logging,
    /// The engine.
    pub link: Link,
    /// The open line.
    pub line: Line,
    /// How to open it again.
    pub spec: LineSpec,
    /// The host's addresses and routes.
    pub netlink: Netlink,
    /// The control socket.
    pub control: Server,
    /// Who may ask through the line.
    pub guard: Guard,
    /// What it is in a bundle.
    pub bundle: Side,
    /// Names and secrets.
    pub secrets: Secrets,
}

/// The messages in which monitors ask: those of the link's protocol, but for PPP on a multi-port
/// card, which is managed as Cisco HDLC is.
fn management_protocol(conf: &DeviceConf, link: &Link) -> wanbox_wire::pipemon::Protocol {
    match &conf.protocol {
        crate::conf::Protocol::Ppp(ppp) if ppp.multi_port => {
            wanbox_wire::pipemon::Protocol::CiscoHdlc
        }
        _ => link.protocol(),
    }
}

/// What the frames of the line are.
fn framing(conf: &DeviceConf, link: &Link) -> Framing {
    match conf.tty.map(|tty| tty.mode) {
        None if conf.asynchronous().is_some() => Framing::Characters,
        None => link.framing(),
        // A terminal for frames is for pppd.
        Some(TtyMode::Sync) => Framing::Ppp,
        Some(TtyMode::Async) => Framing::Characters,
    }
}

impl Device {
    /// A device without interfaces.
    ///
    /// # Errors
    /// The line cannot be waited for.
    pub fn new(parts: Parts, lp: &mut Loop) -> io::Result<Self> {
        let now = lp.now();
        let mut device = Self {
            watch: Watch::new(
                management_protocol(&parts.conf, &parts.link),
                framing(&parts.conf, &parts.link),
                now,
            ),
            conf: parts.conf,
            file: parts.file,
            root: parts.root,
            logging: parts.logging,
            link: parts.link,
            line: Some(parts.line),
            spec: parts.spec,
            line_sources: Vec::new(),
            cut: false,
            interfaces: Vec::new(),
            netlink: parts.netlink,
            own_addresses: OwnAddresses::default(),
            links: None,
            control: parts.control,
            clients: Vec::new(),
            guard: parts.guard,
            refusals: RateLimit::new(5, Duration::from_secs(60)),
            // A start of 200 channels is told in full.
            changes: RateLimit::new(500, Duration::from_secs(60)),
            complaints: RateLimit::new(5, Duration::from_secs(60)),
            batch: Batch::new(),
            line_buffer: vec![0; 65_536],
            packet_buffer: vec![0; Tun::MAX_PACKET],
            coalescer: Coalescer::new(FLOWS, true),
            coalescing: None,
            tty: None,
            characters: None,
            bundle: parts.bundle,
            bundle_buffer: Vec::new(),
            secrets: parts.secrets,
            x25api: None,
            line_ready: true,
            made_packet: Vec::new(),
            control_frame: Vec::new(),
            management: Management::default(),
            counters: LineCounters::default(),
            born: now,
            state_since: now,
            link_ups: 0,
            last_cause: None,
            carrier: false,
            waiting_for_line: false,
            line_paused: false,
            follow_due: false,
            answers_due: false,
            texts_stale: true,
            texts_shown: (0, now),
            data_shown: 0,
        };
        device.register_line(lp)?;
        Ok(device)
    }

    /// The messages in which monitors ask.
    pub fn management_protocol(&self) -> wanbox_wire::pipemon::Protocol {
        management_protocol(&self.conf, &self.link)
    }

    /// The facts that never change.
    pub fn facts(&self) -> Facts {
        use crate::conf::{Clocking, Connector};
        Facts {
            protocol: self.management_protocol(),
            baud_rate: self.conf.baud_rate,
            internal_clock: self.conf.clocking == Clocking::Internal,
            rs232: self.conf.connector == Connector::Rs232,
            mtu: self.conf.mtu.into(),
        }
    }

    /// The line has its carrier.
    pub fn has_carrier(&self) -> bool {
        self.line.as_ref().is_some_and(Line::carrier) && self.bundle.lets_begin()
    }

    /// What is wrong with the link, in words; `None` when it is up.
    pub fn reason(&self) -> Option<String> {
        if self.link.is_up() {
            return None;
        }
        if let Side::Member(member) = &self.bundle
            && let Some(reason) = member.reason()
        {
            return Some(reason);
        }
        if self.line.is_none() {
            return Some("the line failed; it is opened again every second".into());
        }
        if self.cut {
            return Some("the line is unplugged by command".into());
        }
        if !self.has_carrier() {
            let trouble = self.line.as_ref().and_then(Line::trouble);
            let trouble = trouble.unwrap_or("the other end is not there");
            return Some(format!("the line has no carrier: {trouble}"));
        }
        Some(match &self.link {
            Link::FrameRelay(engine) => match engine.diagnosis() {
                Diagnosis::None => "no status from the other side yet".into(),
                diagnosis => diagnosis.to_string(),
            },
            Link::CiscoHdlc(engine) if engine.looped() => {
                "the line is looped: our own keepalives come back".into()
            }
            Link::CiscoHdlc(_) => "no keepalives from the other side".into(),
            Link::Ppp(engine) => super::ppp::reason(engine),
            Link::X25(engine) => super::x25::reason(engine),
        })
    }

    /// The interface of a channel.
    pub fn interface_mut(&mut self, channel: u16) -> Option<&mut Interface> {
        self.interfaces.get_mut(usize::from(channel))?.as_mut()
    }

    /// The channel of an interface by name.
    pub fn channel_named(&self, name: &str) -> Option<u16> {
        let place = self
            .interfaces
            .iter()
            .position(|i| i.as_ref().is_some_and(|i| i.conf.name == name))?;
        u16::try_from(place).ok()
    }

    /// Carries out what the engine wants: control frames, events, its next deadline.
    pub fn pump(&mut self, lp: &mut Loop) {
        if matches!(self.link, Link::X25(_)) {
            return self.pump_x25(lp);
        }
        let now = lp.now();
        let mut failed = None;
        loop {
            let mut idle = true;
            while self.link.poll_transmit(&mut self.control_frame) {
                idle = false;
                if let Some(line) = &mut self.line
                    && let Err(error) = line.send_control(
                        now,
                        &self.control_frame,
                        &mut self.watch,
                        &mut self.counters,
                    )
                {
                    failed = Some(error);
                }
            }
            if let Link::Ppp(engine) = &mut self.link {
                while let Some(claim) = engine.poll_claim() {
                    idle = false;
                    engine.authenticate(now, &claim, self.secrets.judge(&claim));
                }
                let (batch, bundle) = (&mut self.batch, &mut self.bundle);
                engine.transmit_bundled(now, &mut |path, head, data| match path {
                    Path::Line => batch.push(head, data),
                    Path::Member(member) => bundle.send_to(member, head, data),
                });
            }
            while let Some(event) = self.link.poll_event() {
                idle = false;
                self.event(lp, event);
            }
            if idle {
                break;
            }
        }
        lp.set_timer_to(Token::new(owner::ENGINE, 0), self.link.poll_timeout());
        match failed {
            Some(error) => self.line_failed(lp, &error),
            None => self.after_line_use(lp),
        }
    }

    /// Another engine in the place of this one, which has ended its link.
    pub fn replace_engine(&mut self, lp: &mut Loop, engine: Link) {
        self.link = engine;
        self.carrier = false;
        self.follow_carrier(lp.now());
        self.pump(lp);
    }

    /// The peer is told that the link ends, and need not find out.
    pub fn end_link(&mut self, lp: &mut Loop) {
        match &mut self.link {
            Link::Ppp(engine) => engine.close(lp.now()),
            Link::X25(engine) => engine.close(lp.now()),
            Link::FrameRelay(_) | Link::CiscoHdlc(_) => return,
        }
        self.pump(lp);
    }

    /// Writes the texts for scripts when they are stale.
    fn write_texts(&mut self, lp: &mut Loop) {
        let now = lp.now();
        let frames = self.counters.rx_frames + self.counters.tx_frames;
        let changed = frames != self.texts_shown.0;
        let due = now.saturating_duration_since(self.texts_shown.1) >= TEXTS_EVERY;
        let timer = Token::new(owner::TEXTS, 0);
        if self.texts_stale || changed && due {
            self.texts_stale = false;
            self.texts_shown = (frames, now);
            self.data_shown = self.counters.data_frames;
            let status = self.status(now);
            self.update_map(now, &status);
            if let Err(error) = crate::proc_files::publish(&self.root.run_dir(), &status)
                && let Some(suppressed) = self.complaints.allow(now)
            {
                log::error!(
                    "{}: {error}{}",
                    self.conf.name,
                    super::suppressed(suppressed)
                );
            }
        } else if self.counters.data_frames != self.data_shown && lp.timer(timer).is_none() {
            // An idle link's own frames wait for the next one: no wake-up for their sake.
            lp.set_timer(timer, self.texts_shown.1 + TEXTS_EVERY);
        }
    }

    /// Ends cleanly: the texts go, sockets go with their owners.
    pub fn close(&mut self) {
        if let Some(map) = self.watch.map.take() {
            map.remove();
        }
        if let Err(error) = crate::proc_files::withdraw(&self.root.run_dir(), &self.conf.name) {
            log::error!("{}: {error}", self.conf.name);
        }
        if let Err(error) = self.watch.stop_capture() {
            log::error!("{}: the capture: {error}", self.conf.name);
        }
    }
}

impl Handler for Device {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        match token.owner {
            owner::CONTROL => {
                self.control.ready(lp, token, readiness);
                self.serve_requests(lp);
            }
            owner::LINE => self.line_ready(lp, token, readiness),
            owner::INTERFACE => self.read_interface(lp, token.id as u16),
            owner::MONITOR => self.accept_monitors(lp, token.id as u16),
            owner::CLIENT => self.serve_monitor(lp, token.id as usize),
            owner::LINKS => self.links_changed(lp),
            owner::TTY => self.tty_ready(lp),
            owner::BUNDLE => self.bundle_ready(lp, token.id, readiness),
            owner::APPLICATIONS => self.accept_applications(lp, token.id as u16),
            owner::APPLICATION => self.application_ready(lp, token.id as u16, readiness),
            owner::X25 => self.x25api_ready(lp, token.id, readiness),
            _ => {}
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        self.counters.timers += 1;
        match token.owner {
            owner::ENGINE => {
                self.link.handle_timeout(lp.now());
                self.deliver_made(lp.now());
                self.pump(lp);
            }
            owner::PACE => self.pump_line(lp),
            owner::HOLD => self.release_held(lp, token.id as u16),
            owner::REOPEN => self.reopen_line(lp),
            owner::BUNDLE => self.seek_first(lp),
            owner::TTY => self.make_tty(lp),
            owner::CHARACTERS => self.end_silent_piece(lp),
            owner::REPAIR => self.repair(lp),
            owner::LISTEN => self.listen_again(lp, token.id as u16),
            owner::APPLICATIONS => self.take_applications_again(lp, token.id as u16),
            owner::PAUSED => self.look_at_paused_line(lp),
            owner::X25 => self.x25api_timer(lp, token.id),
            // The turn's end writes them.
            _ => {}
        }
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        match signal {
            Signal::Terminate | Signal::Interrupt => {
                log::info!("{}: ended by a signal", self.conf.name);
                self.end_link(lp);
                lp.stop();
            }
            Signal::Hangup => {
                if let Err(error) = self.logging.reopen() {
                    log::error!("{}: {error}", self.conf.name);
                }
                self.reread(lp);
            }
            _ => {}
        }
    }

    fn turn_end(&mut self, lp: &mut Loop) {
        self.counters.turns += 1;
        if !self.batch.is_empty() {
            self.flush(lp);
        }
        if matches!(self.link, Link::X25(_)) {
            // Packets of this turn, and room that the line has again.
            self.pump_x25(lp);
        }
        self.follow_tty(lp);
        self.follow_applications(lp);
        self.follow_x25api(lp);
        if let Err(error) = self.watch.write_capture() {
            log::error!("{}: the capture ended: {error}", self.conf.name);
            self.texts_stale = true;
        }
        self.write_texts(lp);
    }
}
