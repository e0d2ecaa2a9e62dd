//! What `wanrouter` and `wanconfig` ask of a running device.

use wanbox_runtime::control::Failure;
use wanbox_runtime::event_loop::Loop;

use super::api::ApiCounters;
use super::counters::{LineCounters, Management, Receiving, Sending};
use super::device::Device;
use super::guard::Guard;
use super::interface::HostEnd;
use super::link::Link;
use crate::conf::{DeviceConf, InterfaceConf, PacketConf, Protocol, Settings, X25Conf, load};
use crate::control::{Reply, Request};

/// Log lines in one answer.
const LOG_LINES: usize = 200;

impl Device {
    /// Answers what waits on the control socket.
    pub fn serve_requests(&mut self, lp: &mut Loop) {
        while let Some(request) = self.control.poll_request() {
            let answer = request
                .parse::<Request>()
                .and_then(|asked| self.serve(lp, asked));
            self.control.answer(lp, request.client, answer);
        }
    }

    fn serve(&mut self, lp: &mut Loop, request: Request) -> Result<Reply, Failure> {
        let now = lp.now();
        match request {
            Request::Status => Ok(Reply::Status(Box::new(self.status(now)))),
            Request::Counters => Ok(Reply::Counters(self.all_counters())),
            Request::FlushCounters => {
                self.flush_counters(lp);
                Ok(done(["counters cleared".to_owned()]))
            }
            Request::AddInterface { interface } => {
                let name = interface.name.clone();
                self.add_interface(lp, (*interface).clone())
                    .map_err(Failure::new)?;
                self.conf.interfaces.push(*interface);
                log::info!("{name}: added");
                Ok(done([format!("{name} added")]))
            }
            Request::RemoveInterface { name } => {
                let channel = self.channel_named(&name).ok_or_else(|| {
                    Failure::absent(format!("{} has no interface {name}", self.conf.name))
                })?;
                self.remove_interface(lp, channel);
                self.conf.interfaces.retain(|conf| conf.name != name);
                log::info!("{name}: removed");
                Ok(done([format!("{name} removed")]))
            }
            Request::Reconfigure { device } => self
                .reconfigure(lp, *device)
                .map(done)
                .map_err(Failure::new),
            Request::Cut { cut } => {
                self.set_cut(lp, cut);
                let word = if cut { "unplugged" } else { "plugged in" };
                log::info!("{}: {word} by command", self.conf.name);
                Ok(done([format!("{}: line {word}", self.conf.name)]))
            }
            Request::Capture { file: Some(file) } => {
                self.watch
                    .start_capture(now, &file)
                    .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
                Ok(done([format!("capturing to {}", file.display())]))
            }
            Request::Capture { file: None } => {
                if self.watch.capture().is_none() {
                    return Err(Failure::new(format!("{}: no capture runs", self.conf.name)));
                }
                self.watch
                    .stop_capture()
                    .map_err(|error| Failure::new(format!("the capture: {error}")))?;
                Ok(done(["capture ended".to_owned()]))
            }
            Request::Log => Ok(Reply::Log {
                lines: self
                    .logging
                    .recent(LOG_LINES)
                    .into_iter()
                    .map(|entry| format!("{} {} {}", entry.time, entry.level, entry.text))
                    .collect(),
            }),
            Request::Stop => {
                log::info!("{}: ended by command", self.conf.name);
                if matches!(self.link, Link::X25(_)) {
                    self.end_link(lp);
                }
                self.close();
                lp.stop();
                Ok(done([]))
            }
        }
    }

    fn flush_counters(&mut self, lp: &Loop) {
        let now = lp.now();
        self.counters = LineCounters::default();
        self.management = Management::default();
        for (channel, interface) in self.interfaces.iter_mut().enumerate() {
            let Some(interface) = interface else {
                continue;
            };
            interface.sending = Sending::default();
            interface.receiving = Receiving::default();
            if let HostEnd::Api(api) = &mut interface.end {
                api.counters = ApiCounters::default();
            }
            if let Link::FrameRelay(engine) = &mut self.link {
                let id = wanbox_wanrouter_engine::ChannelId(channel as u16);
                engine.flush_channel_stats(now, id);
            }
        }
        if let Some(characters) = &mut self.characters {
            characters.flush_counters();
        }
        match &mut self.link {
            Link::FrameRelay(engine) => engine.flush_link_stats(),
            Link::CiscoHdlc(engine) => engine.flush(now),
            Link::Ppp(engine) => engine.flush(),
            Link::X25(engine) => engine.flush(),
        }
        self.texts_stale = true;
    }

    /// Reads the configuration file again: on SIGHUP.
    pub fn reread(&mut self, lp: &mut Loop) {
        let Some(file) = self.file.clone() else {
            return;
        };
        let name = self.conf.name.clone();
        let settings = match Settings::load(&self.root) {
            Ok((settings, _)) => settings,
            Err(error) if error.is_absent() => Settings::default(),
            Err(error) => return log::error!("{name}: {error}; nothing changed"),
        };
        let devices = match load::file(&file, &self.root, &settings).map(|o| o.accept()) {
            Ok(Ok((devices, _))) => devices,
            Ok(Err(diagnostics)) => {
                for diagnostic in diagnostics.iter() {
                    log::error!("{diagnostic}");
                }
                return log::error!("{name}: the file has errors; nothing changed");
            }
            Err(error) => return log::error!("{name}: {error}; nothing changed"),
        };
        let Some(conf) = devices.into_iter().find(|device| device.name == name) else {
            return log::error!("{name}: no longer in {}; nothing changed", file.display());
        };
        match self.reconfigure(lp, conf) {
            Ok(changes) if changes.is_empty() => log::info!("{name}: nothing to change"),
            Ok(changes) => {
                for change in changes {
                    log::info!("{change}");
                }
            }
            Err(error) => log::error!("{error}"),
        }
    }

    /// Brings the device to a new configuration without disturbing what stays the same.
    fn reconfigure(&mut self, lp: &mut Loop, new: DeviceConf) -> Result<Vec<String>, String> {
        let fixed = fixed_keys(&self.conf, &new);
        if !fixed.is_empty() {
            return Err(format!(
                "{}: {} cannot change while the link runs; nothing was changed: restart the device",
                self.conf.name,
                fixed.join(", ")
            ));
        }
        let guard = Guard::new(&new, &self.root)
            .map_err(|error| format!("{}: {error}; nothing was changed", self.conf.name))?;
        self.guard = guard;
        let mut changes = Vec::new();
        let old = std::mem::replace(&mut self.conf, new.clone());
        self.change_x25_routes();
        if old.udp_port != new.udp_port {
            changes.push(format!("UDPPORT is {}", new.udp_port));
        }
        if (old.udp_source, &old.udp_key_file) != (new.udp_source, &new.udp_key_file) {
            changes.push("who may ask from the network changed".to_owned());
        }
        if old.ttl != new.ttl {
            changes.push(format!("TTL is {}", new.ttl));
        }
        for conf in &old.interfaces {
            let stays = new.interface(&conf.name);
            if stays.is_some_and(|new| same_channel(conf, new)) {
                continue;
            }
            if let Some(channel) = self.channel_named(&conf.name) {
                self.remove_interface(lp, channel);
                let word = if stays.is_some() {
                    "is made anew"
                } else {
                    "is gone"
                };
                changes.push(format!("{} {word}", conf.name));
            }
        }
        let mut failed = Vec::new();
        for conf in &new.interfaces {
            match (old.interface(&conf.name), self.channel_named(&conf.name)) {
                (Some(before), Some(channel)) => {
                    if let Some(change) = self.adjust_interface(lp, channel, before, conf) {
                        changes.push(change);
                    }
                }
                (before, _) => match self.add_interface(lp, conf.clone()) {
                    Ok(()) if before.is_none() => changes.push(format!("{} is new", conf.name)),
                    Ok(()) => {}
                    Err(error) => failed.push(error),
                },
            }
        }
        self.texts_stale = true;
        if failed.is_empty() {
            Ok(changes)
        } else {
            Err(failed.join("; "))
        }
    }

    /// Changes what an interface can change while it runs: addresses, flags.
    fn adjust_interface(
        &mut self,
        lp: &mut Loop,
        channel: u16,
        before: &InterfaceConf,
        conf: &InterfaceConf,
    ) -> Option<String> {
        if before == conf {
            return None;
        }
        let now = lp.now();
        let slot = self.interfaces.get_mut(usize::from(channel))?;
        let interface = slot.as_mut()?;
        interface.conf = conf.clone();
        let mut again = false;
        if before.ip != conf.ip {
            let up = interface.up;
            let set = interface.replace_addresses(&mut self.netlink);
            if let Err(error) = set {
                log::error!("{error}");
                interface.up = false;
            }
            again |= up && !interface.up;
            let local = interface.local_address();
            match &mut self.link {
                Link::FrameRelay(engine) => {
                    let id = wanbox_wanrouter_engine::ChannelId(channel);
                    if let Err(error) = engine.set_local_address(now, id, local) {
                        log::error!("{}: {error}", conf.name);
                    }
                }
                // The peer is not told addresses.
                Link::X25(_) => {}
                Link::CiscoHdlc(engine) => engine.set_local_address(local),
                Link::Ppp(engine) => {
                    if let Protocol::Ppp(link) = &self.conf.protocol {
                        let ipv4 = super::ppp::ipv4(link, conf.ip.as_ref());
                        engine.set_ipv4(now, ipv4);
                    }
                }
            }
        }
        if again || interface.is_wanted_up() != interface.up {
            self.repair(lp);
        }
        self.pump(lp);
        Some(format!("{} changed", conf.name))
    }
}

fn done(changes: impl IntoIterator<Item = String>) -> Reply {
    Reply::Done {
        changes: changes.into_iter().collect(),
    }
}

/// Keys of the link that differ and cannot change while it runs.
fn fixed_keys(old: &DeviceConf, new: &DeviceConf) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let mut differ = |key: &'static str, differs: bool| {
        if differs {
            keys.push(key);
        }
    };
    differ("the name", old.name != new.name);
    differ("LINE", old.line != new.line);
    differ("INTERFACE", old.connector != new.connector);
    differ("CLOCKING", old.clocking != new.clocking);
    differ("BAUDRATE", old.baud_rate != new.baud_rate);
    differ("MTU", old.mtu != new.mtu);
    differ("TTY", old.tty != new.tty);
    differ(
        "ASYNC_MODE or a key of it",
        old.asynchronous() != new.asynchronous(),
    );
    match (&old.protocol, &new.protocol) {
        (Protocol::FrameRelay(old), Protocol::FrameRelay(new)) => {
            differ("STATION", old.station != new.station);
            differ("SIGNALLING", old.signalling != new.signalling);
            differ("T391", old.t391 != new.t391);
            differ("T392", old.t392 != new.t392);
            differ("N391", old.n391 != new.n391);
            differ("N392", old.n392 != new.n392);
            differ("N393", old.n393 != new.n393);
            differ(
                "FR_ISSUE_FS",
                old.full_status_at_start != new.full_status_at_start,
            );
            differ("NUMBER_OF_DLCI", old.number_of_dlci != new.number_of_dlci);
        }
        (Protocol::Ppp(before), Protocol::Ppp(after)) => {
            differ("a key of PPP", before != after);
            let auth = |conf: &DeviceConf| {
                let mut channels = conf.interfaces.iter().map(|i| i.channel.clone());
                channels.next()
            };
            differ("authentication", auth(old) != auth(new));
        }
        (Protocol::X25(old), Protocol::X25(new)) => differ_x25(old, new, &mut differ),
        (old, new) => differ("the link type", old != new),
    }
    keys
}

/// The same, of X.25. Routes and what is logged can change.
fn differ_x25(old: &X25Conf, new: &X25Conf, differ: &mut dyn FnMut(&'static str, bool)) {
    differ("STATION", old.station != new.station);
    let (a, b) = (&old.lapb, &new.lapb);
    differ("LAPB_MODE", a.extended != b.extended);
    differ("HDLCWINDOW", a.window != b.window);
    differ("T1", a.t1 != b.t1);
    differ("T2", a.t2 != b.t2);
    differ("T4", a.t4 != b.t4);
    differ("N2", a.n2 != b.n2);
    match (&old.packets, &new.packets) {
        (Some(a), Some(b)) => {
            differ("the logical channels", a.ranges() != b.ranges());
            differ("X25_MODE", a.extended != b.extended);
            differ("PACKETWINDOW", a.window != b.window);
            differ("DEF_PKT_SIZE", a.size != b.size);
            differ("MAX_PKT_SIZE", a.max_size != b.max_size);
            differ("CCITTCOMPAT", a.year != b.year);
            let timers = |p: &PacketConf| [p.restart, p.call, p.reset, p.clear, p.interrupt];
            differ("a timer of the packet layer", timers(a) != timers(b));
            let tries = |p: &PacketConf| [p.restarts, p.resets, p.clears];
            differ("R10_R20, R12_R22 or R13_R23", tries(a) != tries(b));
        }
        (a, b) => differ("LAPB_HDLC_ONLY", a.is_some() != b.is_some()),
    }
}

/// Whether an interface can stay while its configuration becomes another.
fn same_channel(old: &InterfaceConf, new: &InterfaceConf) -> bool {
    old.usage == new.usage && old.channel == new.channel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(more: &str) -> DeviceConf {
        let text = format!(
            "[devices]\nwanpipe1 = WAN_FR\n[interfaces]\na = wanpipe1, 16, WANPIPE\n\
             [wanpipe1]\nLINE = cable:x\n{more}"
        );
        let (mut devices, _) = crate::conf::parse("x", &text).accept().unwrap();
        devices.remove(0)
    }

    #[test]
    fn what_cannot_change_is_named_by_its_key() {
        let old = device("");
        assert!(fixed_keys(&old, &device("TTL = 7\nUDPPORT = 9001\n")).is_empty());
        let new = device("T391 = 20\nMTU = 1400\nCLOCKING = INTERNAL\nBAUDRATE = 64000\n");
        assert_eq!(
            fixed_keys(&old, &new),
            ["CLOCKING", "BAUDRATE", "MTU", "T391"]
        );
    }

    #[test]
    fn an_interface_stays_unless_its_channel_is_another() {
        let old = device("").interfaces.remove(0);
        let same = |more: &str| same_channel(&old, &device(more).interfaces[0]);
        assert!(same("[a]\nMULTICAST = YES\nDYN_INTR_CFG = YES\n"));
        assert!(!same("[a]\nCIR = 64\nBC = 64\nBE = 0\n"));
    }
}
