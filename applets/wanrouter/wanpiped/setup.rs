//! From a configuration to a device that runs.

use std::path::PathBuf;
use std::time::Instant;

use wanbox_grammar::line::{Kind, Line as LineSpec};
use wanbox_runtime::control::Server;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::logging::Logging;
use wanbox_runtime::netlink::Netlink;
use wanbox_wanrouter_engine::{ChannelId, cisco_hdlc, frame_relay, ppp};
use wanbox_wire::frame_relay::{MAX_INFORMATION, Style};

use super::bundle::Side;
use super::characters::Characters;
use super::device::{Device, Parts, owner};
use super::guard::Guard;
use super::interface::{HostEnd, Interface};
use super::line::{self, Content, Line, Pacing};
use super::link::Link;
use super::map::StatusMap;
use super::secrets::Secrets;
use super::tty::Tty;
use crate::conf::{
    AsyncConf, Channel, CiscoHdlcChannel, Clocking, DeviceConf, Encapsulation, FrameRelayChannel,
    FrameRelayConf, InterfaceConf, Protocol, Signalling, Station, TtyMode, Usage,
};
use crate::control;

/// Octets that a frame may have beyond the packet in it: address, encapsulation, a bridged
/// frame's MAC header with a VLAN tag.
pub const FRAME_OVERHEAD: usize = 32;

/// Builds a device and all its interfaces.
///
/// # Errors
/// What failed and why, for people. Nothing is left behind.
pub fn build(
    conf: DeviceConf,
    file: Option<PathBuf>,
    root: Root,
    logging: Logging,
    lp: &mut Loop,
) -> Result<Device, String> {
    let now = lp.now();
    let secrets = Secrets::read(&conf)?;
    let bundle = Side::open(&conf, &root.run_dir())?;
    let link = engine(&conf, &bundle, &secrets, now)?;
    let guard = Guard::new(&conf, &root)?;
    let spec = conf
        .line
        .as_ref()
        .ok_or_else(|| format!("{}: no LINE", conf.name))?;
    let spec = line::resolve(spec, &root)?;
    let asynchronous = conf.asynchronous().copied();
    let line = open_line(&conf, &spec, asynchronous, &root)?;
    let netlink = Netlink::open().map_err(|error| error.to_string())?;
    let socket = control::socket(&root.run_dir(), &conf.name);
    let control =
        Server::bind(lp, owner::CONTROL, &socket, 0o600).map_err(|error| error.to_string())?;
    let interfaces = conf.interfaces.clone();
    let parts = Parts {
        conf,
        file,
        root,
        logging,
        link,
        line,
        spec,
        netlink,
        control,
        guard,
        bundle,
        secrets,
    };
    let mut device =
        Device::new(parts, lp).map_err(|error| format!("cannot wait for the line: {error}"))?;
    if let Some(tty) = device.conf.tty {
        let tty = Tty::open(tty, device.conf.mtu, &device.root, lp)?;
        device.tty = Some(tty);
    }
    device.characters = asynchronous.map(|conf| Box::new(Characters::new(conf)));
    for interface in interfaces {
        device.add_interface(lp, interface)?;
    }
    let map = device.root.status_map(&device.conf.name);
    match StatusMap::create(&map, now) {
        Ok(map) => device.watch.map = Some(map),
        // The link can do without it.
        Err(error) => log::warn!("{}: its state is not kept: {error}", device.conf.name),
    }
    device.start_bundle(lp)?;
    device.open_x25api(lp)?;
    device.follow_carrier(now);
    device.pump(lp);
    Ok(device)
}

/// Opens the line of a configuration, names in it resolved; `asynchronous`: for such characters.
///
/// # Errors
/// What failed and why, for people.
pub fn open_line(
    conf: &DeviceConf,
    spec: &LineSpec,
    asynchronous: Option<AsyncConf>,
    root: &Root,
) -> Result<Line, String> {
    let baud_rate = u64::from(conf.baud_rate);
    let seed = seed()?;
    let pacing = Pacing {
        rate_bps: match (conf.clocking, &asynchronous) {
            (Clocking::External, _) => 0,
            (Clocking::Internal, None) => baud_rate,
            // The port is the clock.
            (Clocking::Internal, Some(_)) if matches!(spec.kind, Kind::Tty { .. }) => 0,
            // Octets are paced, and characters take a start bit and others beside theirs.
            (Clocking::Internal, Some(characters)) => {
                (baud_rate * 16 / u64::from(characters.half_bits())).max(1)
            }
        },
        baud_rate: conf.baud_rate,
        max_frame: FRAME_OVERHEAD
            + match &conf.protocol {
                Protocol::X25(link) => super::x25::longest_packet(link, conf.mtu),
                _ => conf.mtu.into(),
            },
        accm: match conf.protocol {
            Protocol::Ppp(_) => u32::MAX,
            Protocol::FrameRelay(_) | Protocol::CiscoHdlc | Protocol::X25(_) => 0,
        },
        content: match (asynchronous, conf.tty.map(|tty| tty.mode)) {
            (Some(characters), _) => Content::Asynchronous(characters),
            (None, Some(TtyMode::Async)) => Content::Octets,
            (None, Some(TtyMode::Sync) | None) => Content::Frames,
        },
        seed,
        circuits: match (&conf.protocol, &spec.kind) {
            (Protocol::X25(link), Kind::Xot(ends)) => {
                super::x25::over_tcp(&conf.name, link, ends, seed)?
            }
            _ => None,
        },
    };
    Line::open(spec, root, &pacing)
}

/// The engine of a configuration, without channels.
///
/// # Errors
/// What is wrong with it, for people.
pub fn engine(
    conf: &DeviceConf,
    bundle: &Side,
    secrets: &Secrets,
    now: Instant,
) -> Result<Link, String> {
    match &conf.protocol {
        Protocol::FrameRelay(link) => {
            let config = frame_relay_config(link, conf.mtu)?;
            frame_relay::FrameRelay::new(config)
                .map(|engine| Link::FrameRelay(Box::new(engine)))
                .map_err(|error| format!("{}: {error}", conf.name))
        }
        Protocol::Ppp(link) => {
            let config = super::ppp::config(conf, link, bundle, secrets);
            let seed = u128::from(seed()?) << 64 | u128::from(seed()?);
            ppp::Ppp::new(config, now, seed)
                .map(|engine| Link::Ppp(Box::new(engine)))
                .map_err(|error| format!("{}: {error}", conf.name))
        }
        Protocol::X25(link) => {
            super::x25::engine(conf, link, now).map(|engine| Link::X25(Box::new(engine)))
        }
        Protocol::CiscoHdlc => {
            let config = match conf.interfaces.first().map(|i| (&i.channel, i.usage)) {
                Some((Channel::CiscoHdlc(channel), usage)) => {
                    cisco_hdlc_config(channel, usage, conf.mtu)
                }
                // A terminal is up with the line.
                _ => cisco_hdlc::Config {
                    mtu: conf.mtu.into(),
                    streaming: conf.tty.is_some(),
                    ..Default::default()
                },
            };
            cisco_hdlc::CiscoHdlc::new(config, now, seed()?)
                .map(|engine| Link::CiscoHdlc(Box::new(engine)))
                .map_err(|error| format!("{}: {error}", conf.name))
        }
    }
}

fn frame_relay_config(conf: &FrameRelayConf, mtu: u16) -> Result<frame_relay::Config, String> {
    Ok(frame_relay::Config {
        station: match conf.station {
            Station::Cpe => frame_relay::Station::Cpe,
            Station::Node => frame_relay::Station::Node,
        },
        signalling: match conf.signalling {
            Signalling::None => frame_relay::Signalling::None,
            Signalling::Ansi => frame_relay::Signalling::Ansi,
            Signalling::Q933 => frame_relay::Signalling::Q933,
            Signalling::Lmi => frame_relay::Signalling::Lmi,
            Signalling::Auto => frame_relay::Signalling::Auto,
        },
        t391: conf.t391,
        t392: conf.t392,
        n391: conf.n391.into(),
        n392: conf.n392,
        n393: conf.n393,
        full_status_at_start: conf.full_status_at_start,
        max_information: (usize::from(mtu) + 8).clamp(64, MAX_INFORMATION),
        nonce: seed()? as u32,
    })
}

fn cisco_hdlc_config(conf: &CiscoHdlcChannel, usage: Usage, mtu: u16) -> cisco_hdlc::Config {
    let ms = |time: std::time::Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    cisco_hdlc::Config {
        channel: ChannelId(0),
        mtu: mtu.into(),
        keepalive_tx_ms: ms(conf.keepalive_tx),
        keepalive_rx_ms: ms(conf.keepalive_rx),
        keepalive_tolerance: conf.keepalive_margin.into(),
        slarp_request_ms: ms(conf.slarp),
        ignore_dcd: conf.ignore_dcd,
        ignore_cts: conf.ignore_cts,
        ignore_keepalive: conf.ignore_keepalive,
        streaming: conf.streaming,
        raw: usage == Usage::Api,
    }
}

fn channel_config(
    channel: &FrameRelayChannel,
    conf: &InterfaceConf,
    mtu: u16,
) -> frame_relay::ChannelConfig {
    frame_relay::ChannelConfig {
        dlci: channel
            .dlci
            .map_or(frame_relay::Dlci::Auto, frame_relay::Dlci::Fixed),
        mtu: mtu.into(),
        committed: channel.committed.map(|rate| frame_relay::CommittedRate {
            cir: rate.cir,
            bc: rate.bc,
            be: rate.be,
        }),
        inarp: channel.inarp,
        inarp_interval: channel.inarp_interval,
        inarp_rx: channel.inarp_rx,
        local: None,
        bridged: conf.usage.is_bridged(),
        raw: conf.usage == Usage::Api,
        encapsulation: match channel.encapsulation {
            Encapsulation::Ietf => Style::Ietf,
            Encapsulation::Cisco => Style::Cisco,
        },
    }
}

/// A number that no other end of the line has.
fn seed() -> Result<u64, String> {
    getrandom::u64().map_err(|error| format!("no random numbers: {error}"))
}

impl Device {
    /// Opens one interface more and brings it up. Nothing is left behind when that fails.
    ///
    /// # Errors
    /// What failed and why, for people.
    pub fn add_interface(&mut self, lp: &mut Loop, conf: InterfaceConf) -> Result<(), String> {
        let now = lp.now();
        let mtu = self.conf.mtu;
        if self.channel_named(&conf.name).is_some() {
            return Err(format!("{}: there is such an interface already", conf.name));
        }
        let place = self.interfaces.iter().position(Option::is_none);
        let place = place.unwrap_or(self.interfaces.len());
        let channel =
            u16::try_from(place).map_err(|_| format!("{}: too many interfaces", conf.name))?;
        let id = ChannelId(channel);
        let name = conf.name.clone();
        let fail = |error: &dyn std::fmt::Display| format!("{name}: {error}");

        let mut interface = Interface::open(conf, mtu.into(), &self.root, &mut self.netlink, now)?;
        let local = interface.local_address();
        match (&mut self.link, &interface.conf.channel) {
            (Link::FrameRelay(engine), Channel::FrameRelay(channel)) => {
                let mut config = channel_config(channel, &interface.conf, mtu);
                config.local = local;
                engine
                    .add_channel(now, id, config)
                    .map_err(|error| fail(&error))?;
            }
            (Link::CiscoHdlc(_), Channel::CiscoHdlc(channel))
                if channel.asynchronous != self.characters.as_ref().map(|c| c.conf) =>
            {
                let what = "ASYNC_MODE and its keys are the line's: restart the device";
                return Err(fail(&what));
            }
            (Link::CiscoHdlc(engine), Channel::CiscoHdlc(channel)) if place == 0 => {
                let config = cisco_hdlc_config(channel, interface.conf.usage, mtu);
                if *engine.config() != config {
                    let carrier = self.line.as_ref().is_some_and(Line::carrier);
                    let mut fresh = cisco_hdlc::CiscoHdlc::new(config, now, seed()?)
                        .map_err(|error| fail(&error))?;
                    if carrier {
                        wanbox_wanrouter_engine::Engine::carrier(&mut fresh, now, true);
                    }
                    **engine = fresh;
                }
                engine.set_local_address(local);
                interface.connected = engine.link_up();
            }
            (Link::Ppp(engine), Channel::Ppp(_)) if place == 0 => {
                if let Protocol::Ppp(link) = &self.conf.protocol {
                    engine.set_ipv4(now, super::ppp::ipv4(link, interface.conf.ip.as_ref()));
                }
                interface.connected = engine.passes();
            }
            (Link::X25(engine), Channel::X25(channel)) => {
                let port = super::x25::port(channel, &interface.conf, mtu);
                engine
                    .add_channel(now, id, port.map_err(|error| fail(&error))?)
                    .map_err(|error| fail(&error))?;
            }
            (Link::Ppp(_), _) => return Err(fail(&"a PPP link has a single interface")),
            (Link::CiscoHdlc(_), _) => {
                return Err(fail(&"a Cisco HDLC link has a single interface"));
            }
            (Link::FrameRelay(_) | Link::X25(_), _) => {
                return Err(fail(&"it is of another protocol than its device"));
            }
        }
        let opened = match interface.bridge() {
            Some(_) => self.watch_links(lp),
            None => Ok(()),
        };
        let opened = opened.and_then(|()| self.open_interface(lp, channel, &mut interface));
        if let Err(error) = opened {
            self.forget_channel(now, id);
            return Err(error);
        }
        match self.interfaces.get_mut(place) {
            Some(slot) => *slot = Some(interface),
            None => self.interfaces.push(Some(interface)),
        }
        self.texts_stale = true;
        self.follow_reading(lp);
        self.pump(lp);
        Ok(())
    }

    fn open_interface(
        &mut self,
        lp: &mut Loop,
        channel: u16,
        interface: &mut Interface,
    ) -> Result<(), String> {
        interface.follow_channel(&mut self.netlink);
        if !interface.conf.dynamic || interface.connected {
            interface.bring_up(&mut self.netlink)?;
        }
        let fail = |error: std::io::Error| format!("{}: {error}", interface.conf.name);
        let (owner, interest, priority) = match &interface.end {
            HostEnd::Tun { .. } => (owner::INTERFACE, Interest::None, Priority::Data),
            HostEnd::Api(_) => (owner::APPLICATIONS, Interest::Read, Priority::Control),
        };
        let end = interface.end.descriptor();
        let token = Token::new(owner, channel.into());
        let packets = lp.register(&end, token, interest, priority).map_err(fail)?;
        let monitors = lp.register(
            &interface.listener,
            Token::new(owner::MONITOR, channel.into()),
            Interest::Read,
            Priority::Control,
        );
        match monitors {
            Ok(monitors) => interface.sources = Some((packets, monitors)),
            Err(error) => {
                // It is closed in a moment anyway.
                let _ = lp.deregister(packets, &end);
                return Err(fail(error));
            }
        }
        Ok(())
    }

    fn forget_channel(&mut self, now: Instant, id: ChannelId) {
        match &mut self.link {
            Link::FrameRelay(engine) => {
                if let Err(error) = engine.remove_channel(now, id) {
                    log::error!("{}: {error}", self.conf.name);
                }
            }
            Link::X25(engine) => engine.remove_channel(now, id),
            Link::CiscoHdlc(_) | Link::Ppp(_) => {}
        }
    }

    /// Takes an interface away. The others are not disturbed.
    pub fn remove_interface(&mut self, lp: &mut Loop, channel: u16) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(mut interface) = slot.and_then(Option::take) else {
            return;
        };
        if let HostEnd::Api(api) = &mut interface.end {
            api.close(lp);
            self.follow_due = true;
        }
        if let Some((packets, monitors)) = interface.sources {
            // Both are closed in a moment anyway.
            let _ = lp.deregister(packets, &interface.end.descriptor());
            let _ = lp.deregister(monitors, &interface.listener);
        }
        for slot in &mut self.clients {
            if let Some(client) = slot.take_if(|client| client.channel == channel) {
                let _ = lp.deregister(client.source, &client.socket);
            }
        }
        lp.cancel_timer(Token::new(owner::HOLD, channel.into()));
        lp.cancel_timer(Token::new(owner::LISTEN, channel.into()));
        lp.cancel_timer(Token::new(owner::APPLICATIONS, channel.into()));
        if self.coalescing == Some(channel) {
            self.coalescing = None;
            self.coalescer.flush(&mut |_, _| {});
        }
        self.forget_channel(lp.now(), ChannelId(channel));
        self.texts_stale = true;
        self.pump(lp);
    }
}
