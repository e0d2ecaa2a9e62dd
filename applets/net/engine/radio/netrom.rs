//! NET/ROM on connections of AX.25: broadcasts are UI frames, everything else I frames; and IP over it.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::lapb::Cause;
use wanbox_net_ax25::{How, Packet, Port};
use wanbox_net_netrom::Datagram;
use wanbox_wire::ax25::{Call, pid};
use wanbox_wire::ip::Ipv4;

use crate::interface::{Hardware, InterfaceId, LinkAddress};
use crate::station::{Arrival, Event, Frame, FrameKind, Sink, Station};

impl Station {
    /// Tells NET/ROM its call sign, and whether there is an interface for IP.
    pub fn netrom_sync(&mut self) {
        let call = self.interfaces.default_call;
        let call = call.and_then(|call| Call::try_from(call).ok());
        self.netrom.set_call(call.unwrap_or(Call::NONE));
        self.netrom.set_ip(self.netrom_interface().is_some());
    }

    /// The interface that `attach netrom` made.
    fn netrom_interface(&self) -> Option<InterfaceId> {
        let is_netrom = |hardware| hardware == Some(Hardware::NetRom);
        let mut interfaces = self.interfaces.iter();
        let found = interfaces.find(|(_, one)| is_netrom(one.encapsulation.hardware()));
        found.map(|(id, _)| id)
    }

    /// A packet of NET/ROM came; `packet` is used to work on datagrams of IP in it.
    pub(super) fn netrom_input(
        &mut self,
        now: Instant,
        of: &Packet,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        let length = packet.len();
        let taken = match of.how {
            How::Ui => {
                self.netrom.heard(now, of.from, packet);
                None
            }
            How::I(_) => self.netrom.received(now, of.from, packet),
        };
        let found = taken.map(|Datagram { origin, octets }| (origin, length - octets.len()));
        let (Some((origin, start)), Some(id)) = (found, self.netrom_interface()) else {
            return;
        };
        let Some(datagram) = packet.get_mut(start..) else {
            return;
        };
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.counters.received.count(now, true);
        }
        self.netrom_learn(now, id, origin, datagram, sink);
        self.input(now, &Arrival::new(id), datagram, sink);
    }

    /// A datagram teaches at which node its source is. Routes are the operator's.
    fn netrom_learn(
        &mut self,
        now: Instant,
        id: InterfaceId,
        origin: Call,
        datagram: &[u8],
        sink: &mut dyn Sink,
    ) {
        let Ok(header) = Ipv4::parse(datagram) else {
            return;
        };
        if !self.may_learn(&header) {
            return;
        }
        let (src, link) = (header.src(), LinkAddress::from(origin));
        if let Some((held, to)) = self.arp.learn(now, Hardware::NetRom, src, link) {
            self.released(now, id, src, &held, to, sink);
        }
    }

    /// A datagram leaves for a node. There is no question for nodes: who has no entry cannot be reached.
    pub(crate) fn netrom_packet(&mut self, now: Instant, frame: &Frame<'_>) {
        self.netrom_sync();
        let node = frame.to.and_then(|to| Call::try_from(to).ok());
        let sent = match node {
            Some(node) if frame.kind == FrameKind::Ip => self.netrom.send_ip(node, frame.packet),
            _ => false,
        };
        match self.interfaces.get_mut(frame.line) {
            Some(interface) if sent => interface.counters.sent.count(now, true),
            _ => self.ip.stats.out_discards += 1,
        }
    }

    /// A connection of AX.25 is over: if the neighbour does not answer, other ways are taken.
    pub(super) fn netrom_link(&mut self, now: Instant, event: &wanbox_net_ax25::Event) {
        if let wanbox_net_ax25::Event::Down { remote, reason, .. } = *event
            && matches!(reason, Cause::NoAnswer | Cause::Refused)
        {
            self.netrom.neighbour_lost(now, remote);
        }
    }

    /// Passes on what NET/ROM has to send, and to tell. Whether there was anything.
    pub(super) fn netrom_settle(&mut self, now: Instant) -> bool {
        self.netrom_sync();
        let mut happened = false;
        let mut packet = std::mem::take(&mut self.radio.packet);
        while let Some(neighbour) = self.netrom.poll_transmit(now, &mut packet) {
            happened = true;
            // What finds no way or no room is lost, as on any network.
            self.ax25.send_packet(now, neighbour, pid::NETROM, &packet);
        }
        while let Some(place) = self.netrom.poll_broadcast(&mut packet) {
            happened = true;
            let Some((to, digis)) = place.path.split_first() else {
                continue;
            };
            let port = Some(Port(place.port));
            self.ax25
                .send_ui(port, None, *to, digis, pid::NETROM, &packet);
        }
        self.radio.packet = packet;
        while let Some(event) = self.netrom.poll_event() {
            happened = true;
            self.tell(Event::NetRom(event));
        }
        happened
    }

    /// Whether the source of a datagram is one that is worth to be learned.
    pub(super) fn may_learn(&self, datagram: &Ipv4<'_>) -> bool {
        let src: Ipv4Addr = datagram.src();
        let nobody = src.is_unspecified()
            || src.is_loopback()
            || src.is_multicast()
            || src.octets()[0] >= 240
            || self.interfaces.is_own(src)
            || self.is_broadcast(src);
        !nobody && datagram.checksum_is_valid() && self.filter.allows(src)
    }
}
