//! AX.25 between the lines and the protocols above: datagrams and ARP packets go into frames and come out of
//! them, NET/ROM and FlexNet have hooks of their own.
//!
//! | to change | open |
//! |---|---|
//! | what leaves and comes in as AX.25, IP and ARP in it | this file |
//! | the state file of its routes | `file.rs` |
//! | FlexNet on it | `flexnet.rs` |
//! | NET/ROM on it, and IP over NET/ROM | `netrom.rs` |

pub mod file;
mod flexnet;
mod netrom;

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_net_ax25::{Packet, PortSettings};
use wanbox_wire::ax25::{Call, Digis, pid};
use wanbox_wire::ip::{Ipv4, VirtioHeader};

use crate::interface::{Hardware, InterfaceId, LinkAddress};
use crate::station::{Arrival, Event, Frame, FrameKind, Sink, Station};
use crate::{Encapsulation, Interface};

/// Rounds in which packets make new ones, at most.
const MOST_ROUNDS: usize = 64;
/// The bits of the type of service that decide between UI and I frames, and what they say.
const TOS: u8 = 0x1c;
const LOW_DELAY: u8 = 0x10;
const RELIABLE: u8 = 0x04;

/// What the joint keeps.
#[derive(Debug, Default)]
pub(crate) struct Radio {
    /// The changes of interfaces that AX.25 knows.
    changes: u64,
    /// Where packets and frames are put on their way.
    packet: Vec<u8>,
    frame: Vec<u8>,
}

/// What AX.25 knows of an interface; `None`: it has other frames, or no call sign.
fn settings(interface: &Interface) -> Option<PortSettings> {
    if interface.encapsulation.hardware() != Some(Hardware::Ax25) {
        return None;
    }
    Some(PortSettings {
        call: interface.link_address()?.try_into().ok()?,
        datagram: matches!(
            interface.encapsulation,
            Encapsulation::Ax25Ui | Encapsulation::KissUi | Encapsulation::Nrs
        ),
        forward: interface.forward().map(InterfaceId::port),
    })
}

impl Station {
    /// Tells AX.25 what has changed of interfaces. To be called before a command asks it for anything.
    pub fn radio_sync(&mut self) {
        if self.radio.changes == self.interfaces.changes() {
            return;
        }
        self.radio.changes = self.interfaces.changes();
        for (id, interface) in self.interfaces.iter() {
            let port = id.port();
            match settings(interface) {
                Some(settings) => self.ax25.set_port(port, settings),
                None if self.ax25.port(port).is_some() => {
                    self.ax25.remove_port(port);
                    self.netrom.remove_port(port.0);
                }
                None => {}
            }
        }
        let calls: Vec<Call> = self.ax25.ports().map(|(_, port)| port.call).collect();
        self.flexnet.set_own(&calls);
    }

    /// A frame of AX.25 came in, without FCS. Its interface counts what is no frame. What is answered leaves
    /// with [`Station::flush`].
    pub fn receive_ax25(
        &mut self,
        now: Instant,
        id: InterfaceId,
        frame: &[u8],
        sink: &mut dyn Sink,
    ) {
        self.radio_sync();
        let is_frame = self.ax25.receive(now, id.port(), frame);
        let ip = is_frame && wanbox_net_ax25::carries_ip(frame);
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.counters.received.count(now, ip);
            interface.counters.bad_headers += u64::from(!is_frame);
        }
        self.radio_settle(now, sink);
    }

    /// Deals with what AX.25 has for others, and others for AX.25.
    pub(crate) fn radio_settle(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.radio_sync();
        for _ in 0..MOST_ROUNDS {
            let mut happened = false;
            let mut packet = std::mem::take(&mut self.radio.packet);
            while let Some(of) = self.ax25.poll_packet(&mut packet) {
                happened = true;
                self.radio_input(now, &of, &mut packet, sink);
            }
            self.radio.packet = packet;
            while let Some(event) = self.ax25.poll_event() {
                happened = true;
                self.flexnet_link(&event);
                self.netrom_link(now, &event);
                self.tell(Event::Ax25(event));
            }
            happened |= self.flexnet_settle(now);
            happened |= self.netrom_settle(now);
            if !happened {
                break;
            }
        }
    }

    /// Sends what AX.25 has to send, as far as lines have room.
    pub(crate) fn radio_output(&mut self, now: Instant, sink: &mut dyn Sink) {
        let mut frame = std::mem::take(&mut self.radio.frame);
        loop {
            let interfaces = &self.interfaces;
            // On a line that is down frames are lost as on one that nobody listens to.
            let mut ready = |port| {
                let id = InterfaceId::of_port(port);
                !interfaces.get(id).is_some_and(|line| line.up) || sink.has_room(id)
            };
            let Some(outgoing) = self.ax25.poll_transmit(now, &mut ready, &mut frame) else {
                break;
            };
            let line = InterfaceId::of_port(outgoing.port);
            let Some(interface) = self.interfaces.get_mut(line) else {
                continue;
            };
            if !interface.up {
                interface.counters.down += 1;
                continue;
            }
            interface.counters.sent.count(now, outgoing.ip);
            sink.transmit(&Frame {
                line,
                interface: line,
                kind: FrameKind::Ax25,
                next_hop: Ipv4Addr::UNSPECIFIED,
                to: None,
                offload: VirtioHeader::FINISHED,
                trace: interface.trace,
                packet: &frame,
            });
        }
        self.radio.frame = frame;
    }

    /// When [`Station::radio_due`] is to be called.
    pub(crate) fn radio_timeout(&self) -> Option<Instant> {
        let timeouts = [
            self.ax25.poll_timeout(),
            self.flexnet.poll_timeout(),
            self.netrom.poll_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// Timers of AX.25, and of what is above it.
    pub(crate) fn radio_due(&mut self, now: Instant) {
        self.ax25.handle_timeout(now);
        self.flexnet.handle_timeout(now);
        self.netrom_sync();
        self.netrom.handle_timeout(now);
    }

    /// A packet that came in a frame.
    fn radio_input(&mut self, now: Instant, of: &Packet, packet: &mut [u8], sink: &mut dyn Sink) {
        let id = InterfaceId::of_port(of.port);
        match of.pid {
            pid::IP => {
                let broadcast = of.to.is_multicast();
                if !broadcast {
                    self.radio_learn(now, id, of.from, packet, sink);
                }
                let arrival = Arrival {
                    broadcast,
                    ..Arrival::new(id)
                };
                self.input(now, &arrival, packet, sink);
            }
            pid::ARP => self.arp_input(now, id, packet, sink),
            pid::FLEXNET => self.flexnet_input(now, of, packet),
            pid::NETROM => self.netrom_input(now, of, packet, sink),
            _ => {}
        }
    }

    /// A datagram teaches where its source is: with the station that sent the frame.
    fn radio_learn(
        &mut self,
        now: Instant,
        id: InterfaceId,
        from: Call,
        packet: &[u8],
        sink: &mut dyn Sink,
    ) {
        let learns = self
            .interfaces
            .get(id)
            .is_some_and(|interface| interface.autoroute);
        let Ok(datagram) = Ipv4::parse(packet) else {
            return;
        };
        let link = LinkAddress::from(from);
        let src = datagram.src();
        if !learns || !self.may_learn(&datagram) {
            return;
        }
        let known = self.arp.get(Hardware::Ax25, src);
        if known.is_some_and(|entry| entry.is_permanent()) {
            return;
        }
        let is_known = known.is_some_and(|entry| entry.link == Some(link));
        // A station whose address somebody has typed is a gateway to other addresses.
        let gateway = if is_known {
            None
        } else {
            self.arp.address_of(Hardware::Ax25, link)
        };
        match gateway {
            Some(gateway) if gateway != src => {
                self.learn_route(now, id, gateway, src);
            }
            _ => {
                let is_routed = self.learn_route(now, id, Ipv4Addr::UNSPECIFIED, src);
                if !(is_routed && is_known)
                    && let Some((held, to)) = self.arp.learn(now, Hardware::Ax25, src, link)
                {
                    self.released(now, id, src, &held, to, sink);
                }
            }
        }
    }

    /// A datagram or an ARP packet for a neighbour, or everybody.
    pub(crate) fn radio_packet(&mut self, now: Instant, frame: &Frame<'_>) {
        self.radio_sync();
        let Some(to) = frame.to.and_then(|to| Call::try_from(to).ok()) else {
            self.ip.stats.out_discards += 1;
            return;
        };
        let port = frame.interface.port();
        let datagram = self
            .ax25
            .port(port)
            .is_some_and(|settings| settings.datagram);
        let tos = match frame.packet.get(1) {
            Some(tos) if !self.ax25.ignore_tos => tos & TOS,
            _ => 0,
        };
        let (protocol, ui) = match frame.kind {
            FrameKind::Ip => (
                pid::IP,
                tos == LOW_DELAY || datagram && tos != RELIABLE || to.is_multicast(),
            ),
            _ => (pid::ARP, true),
        };
        let sent = if ui {
            let (ax25, packet) = (&mut self.ax25, frame.packet);
            ax25.send_ui(Some(port), None, to, &[], protocol, packet)
        } else {
            // What IP knows of the way is better than nothing.
            if self.ax25.routes.path(to, Digis::MOST).is_none() {
                let used = self.ax25.seconds(now);
                self.ax25.routes.add(used, port, &[], to, false);
            }
            self.ax25.send_packet(now, to, protocol, frame.packet)
        };
        if !sent {
            self.ip.stats.out_discards += 1;
        }
    }
}
