//! What the engine says of the link and its channels, and what becomes of it at the host.

use std::fmt::Arguments;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use log::Level;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Token};
use wanbox_runtime::logging::RateLimit;
use wanbox_runtime::netlink::{Monitor, NetEvent};
use wanbox_wanrouter_engine::{ChannelId, Event};

use super::device::{Device, owner};
use super::host;
use super::interface::Interface;

/// How soon is tried again what the host refused.
const REPAIR_AFTER: Duration = Duration::from_secs(1);

impl Device {
    /// The engine tells of a change.
    pub fn event(&mut self, lp: &mut Loop, event: Event) {
        let now = lp.now();
        // Room comes with every few packets, and is nothing that is shown.
        self.texts_stale |= !matches!(event, Event::Room(_));
        let of_state = matches!(
            event,
            Event::LinkUp | Event::LinkDown(_) | Event::ChannelUp(_) | Event::ChannelDown(_)
        );
        match event {
            Event::LinkUp => {
                self.note(now, Level::Info, format_args!("link connected"));
                self.state_since = now;
                self.link_ups += 1;
                self.tell_first(true);
            }
            Event::LinkDown(cause) => {
                self.tell_first(false);
                self.last_cause = Some(cause);
                self.state_since = now;
                let reason = self.reason().unwrap_or_default();
                self.note(
                    now,
                    Level::Warn,
                    format_args!("link disconnected: {reason}"),
                );
                for channel in 0..self.interfaces.len() {
                    self.channel_state(lp, channel as u16, false);
                }
            }
            Event::ChannelUp(ChannelId(channel)) => self.channel_state(lp, channel, true),
            Event::ChannelDown(ChannelId(channel)) => self.channel_state(lp, channel, false),
            Event::Room(ChannelId(channel)) => self.release_held(lp, channel),
            Event::PeerAddress(ChannelId(channel), peer) => self.peer_address(now, channel, peer),
            Event::LocalAddress(ChannelId(channel), local, mask) => {
                self.local_address(now, channel, local, mask);
            }
            Event::Addresses(ChannelId(channel), local, peer) => {
                self.ppp_addresses(now, channel, local, peer);
            }
            Event::NameServers(ChannelId(channel), servers) => {
                self.ppp_name_servers(now, channel, servers);
            }
            Event::InterfaceIdentifiers(ChannelId(channel), local, peer) => {
                self.ppp_identifiers(now, channel, local, peer);
            }
            Event::Mtu(ChannelId(channel), mtu) => self.ppp_mtu(now, channel, mtu),
            Event::Accm { send, receive } => {
                if let Some(line) = &mut self.line {
                    line.set_accm(send, receive);
                }
            }
            Event::UnconfiguredDlci { dlci, present } => {
                let what = if present {
                    "reports"
                } else {
                    "no longer reports"
                };
                self.note(
                    now,
                    Level::Info,
                    format_args!("the switch {what} DLCI {dlci}, which no interface has"),
                );
            }
        }
        if of_state {
            self.tell_applications();
        }
    }

    /// Logs a change of the device, unless there are too many.
    pub fn note(&mut self, now: Instant, level: Level, what: Arguments<'_>) {
        tell(&mut self.changes, now, level, &self.conf.name, what);
    }

    /// The peer's address was learned.
    pub fn peer_address(&mut self, now: Instant, channel: u16, peer: Ipv4Addr) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        if interface.learned_peer != Some(peer) {
            interface.learned_peer = Some(peer);
            let name = &interface.conf.name;
            let what = format_args!("the peer is {peer}");
            tell(&mut self.changes, now, Level::Info, name, what);
        }
    }

    fn local_address(&mut self, now: Instant, channel: u16, local: Ipv4Addr, mask: Ipv4Addr) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        let name = &interface.conf.name;
        let what = format_args!("our address is {local}, mask {mask}");
        tell(&mut self.changes, now, Level::Info, name, what);
        let address = host::learned(local, mask, interface.peer());
        if let Err(error) = interface.learn(&mut self.netlink, address) {
            tell(
                &mut self.changes,
                now,
                Level::Error,
                &interface.conf.name,
                format_args!("{error}"),
            );
        }
    }

    /// A channel came up or went down: its interface follows when it is dynamic.
    fn channel_state(&mut self, lp: &mut Loop, channel: u16, connected: bool) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        if interface.connected == connected {
            return;
        }
        interface.connected = connected;
        let word = if connected {
            "connected"
        } else {
            "disconnected"
        };
        tell(
            &mut self.changes,
            lp.now(),
            Level::Info,
            &interface.conf.name,
            format_args!("{word}"),
        );
        interface.follow_channel(&mut self.netlink);
        let done = if interface.conf.dynamic && connected {
            interface.bring_up(&mut self.netlink)
        } else if interface.conf.dynamic {
            interface.bring_down(&mut self.netlink)
        } else {
            if connected && interface.conf.restore_gateway {
                interface.set_route(&mut self.netlink);
            }
            Ok(())
        };
        if let Err(error) = done {
            log::error!("{error}");
            self.repair_soon(lp);
        }
    }

    /// Something could not be done at the host: it is tried again.
    pub fn repair_soon(&mut self, lp: &mut Loop) {
        let timer = Token::new(owner::REPAIR, 0);
        lp.set_timer(timer, lp.now() + REPAIR_AFTER);
    }

    /// Makes interfaces that are missing, and brings those up or down that are not as they should be.
    pub fn repair(&mut self, lp: &mut Loop) {
        let mut again = false;
        let missing: Vec<_> = self
            .conf
            .interfaces
            .iter()
            .filter(|conf| self.channel_named(&conf.name).is_none())
            .cloned()
            .collect();
        for conf in missing {
            let name = conf.name.clone();
            match self.add_interface(lp, conf) {
                Ok(()) => log::info!("{name}: the interface is there again"),
                Err(error) => {
                    log::debug!("{error}");
                    again = true;
                }
            }
        }
        for interface in self.interfaces.iter_mut().flatten() {
            let wanted = interface.is_wanted_up();
            let done = match (wanted, interface.up) {
                (true, false) => interface.bring_up(&mut self.netlink),
                (false, true) => interface.bring_down(&mut self.netlink),
                _ => Ok(()),
            };
            if let Err(error) = done {
                log::debug!("{error}");
                again = true;
            }
        }
        self.texts_stale = true;
        if again {
            self.repair_soon(lp);
        }
    }

    /// Watches bridges from now on.
    ///
    /// # Errors
    /// Those of opening and registering the descriptor.
    pub fn watch_links(&mut self, lp: &mut Loop) -> Result<(), String> {
        if self.links.is_some() {
            return Ok(());
        }
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        let token = Token::new(owner::LINKS, 0);
        let source = lp
            .register(&monitor, token, Interest::Read, Priority::Normal)
            .map_err(|error| format!("the kernel's links: {error}"))?;
        self.links = Some((monitor, source));
        Ok(())
    }

    /// A bridge went or came: its ports are put into it again.
    pub fn links_changed(&mut self, lp: &mut Loop) {
        loop {
            let event = match self.links.as_mut().map(|(links, _)| links.poll_event()) {
                None | Some(Ok(None)) => return,
                Some(Ok(Some(event))) => event,
                Some(Err(error)) => return self.links_failed(lp, &error),
            };
            for interface in self.interfaces.iter_mut().flatten() {
                bridge_changed(interface, &event, &mut self.netlink);
            }
        }
    }

    fn links_failed(&mut self, lp: &mut Loop, error: &io::Error) {
        log::error!(
            "{}: bridges are not watched any more: {error}",
            self.conf.name
        );
        if let Some((links, source)) = self.links.take() {
            // It is closed in a moment anyway.
            let _ = lp.deregister(source, &links);
        }
    }
}

fn bridge_changed(
    interface: &mut Interface,
    event: &NetEvent,
    netlink: &mut wanbox_runtime::netlink::Netlink,
) {
    let Some(bridge) = interface.bridge() else {
        return;
    };
    match event {
        NetEvent::LinkGone(link) if link.name == bridge => {
            log::warn!("{}: the bridge {bridge} is gone", interface.conf.name);
            interface.in_bridge = false;
        }
        NetEvent::Link(link) if link.name == bridge && !interface.in_bridge => {
            let name = &interface.conf.name;
            let Some(index) = interface.index() else {
                return;
            };
            match netlink.set_bridge(index, Some(link.index)) {
                Ok(()) => {
                    log::info!("{name}: in the bridge {bridge} again");
                    interface.in_bridge = true;
                }
                Err(error) => log::debug!("{name}: {error}"),
            }
        }
        _ => {}
    }
}

/// Logs a change, unless there are too many.
fn tell(changes: &mut RateLimit, now: Instant, level: Level, name: &str, what: Arguments<'_>) {
    if let Some(suppressed) = changes.allow(now) {
        log::log!(level, "{name}: {what}{}", super::suppressed(suppressed));
    }
}
