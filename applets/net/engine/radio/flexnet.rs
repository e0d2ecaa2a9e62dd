//! FlexNet on connections of AX.25: its packets are I frames, its routes are those of AX.25.

use std::time::Instant;

use wanbox_net_ax25::{How, LinkId, Packet};
use wanbox_net_flexnet::Event as News;
use wanbox_wire::ax25::{Call, pid};

use crate::station::{Event, Station};

impl Station {
    /// A packet of FlexNet came. Those in UI frames are none.
    pub(super) fn flexnet_input(&mut self, now: Instant, of: &Packet, packet: &[u8]) {
        if let How::I(link) = of.how {
            let path = self.between(link);
            self.flexnet
                .received(now, of.from, of.to, link.number(), &path, packet);
        }
    }

    /// What happened to a connection.
    pub(super) fn flexnet_link(&mut self, event: &wanbox_net_ax25::Event) {
        match *event {
            wanbox_net_ax25::Event::Up { link, remote } => self.flexnet_up(link, remote),
            wanbox_net_ax25::Event::Down { link, remote, .. } => {
                self.flexnet.link_down(remote, link.number());
            }
            _ => {}
        }
    }

    fn flexnet_up(&mut self, link: LinkId, remote: Call) {
        let Some(local) = self.ax25.link(link).map(|view| view.header.source) else {
            return;
        };
        let path = self.between(link);
        self.flexnet.link_up(remote, local, link.number(), &path);
    }

    /// The digipeaters of a connection.
    fn between(&self, link: LinkId) -> Vec<Call> {
        let digis = self.ax25.link(link).map(|view| view.header.digis);
        let digis = digis.iter().flat_map(|digis| digis.iter());
        let others = digis.filter(|digi| !self.ax25.is_own(digi.call));
        others.map(|digi| digi.call).collect()
    }

    /// Does what FlexNet wants done. Whether anything was.
    pub(super) fn flexnet_settle(&mut self, now: Instant) -> bool {
        let mut happened = false;
        while let Some(news) = self.flexnet.poll_event() {
            happened = true;
            match news {
                News::Open(to) => match self.ax25.open_packets(now, to) {
                    Ok(link) if self.ax25.is_up(link) => self.flexnet_up(link, to),
                    Ok(_) => {}
                    // There is no line that leads there now: it is tried again with the next poll.
                    Err(_) => self.flexnet.unreachable(to),
                },
                News::Close(to) => self.ax25.close_idle(now, to),
                News::Result(number, way) => self.tell(Event::FlexNet(number, way)),
            }
        }
        let used = self.ax25.seconds(now);
        while let Some((station, via)) = self.flexnet.poll_route() {
            self.ax25.routes.redirect(used, station, via);
        }
        loop {
            let ax25 = &self.ax25;
            let mut room = |to| ax25.has_packet_room(to);
            let Some((to, packet)) = self.flexnet.poll_transmit(now, &mut room) else {
                break;
            };
            happened = true;
            if !self.ax25.send_packet(now, to, pid::FLEXNET, &packet) {
                self.flexnet.unreachable(to);
            }
        }
        happened
    }
}
