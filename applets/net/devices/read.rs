//! What comes in: packets are read in batches and given to the station.

use wanbox_net_engine::trace::{self, Link, Way};
use wanbox_net_engine::{Arrival, Encapsulation, FrameKind, Interface, InterfaceId, Station};
use wanbox_runtime::event_loop::{Loop, Readiness, Token};

use std::time::Instant;

use super::asy::Received;
use super::drops::Drop;
use super::line::Port;
use super::tun::Read;
use super::{Devices, Lines};

/// Packets that are read of one device in one turn.
const BUDGET: usize = 64;
/// Octets of an asynchronous line that are read at once, and how often in one turn.
const PIECE: usize = 4096;
const PIECES: usize = 16;

impl Devices {
    /// A device is ready: its packets are read, up to a budget, and given to the station.
    pub fn ready(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        token: Token,
        readiness: Readiness,
    ) {
        // Nobody waits for room: what has none says so when it is written to.
        let is_due = readiness.readable || readiness.hangup;
        if let Some(number) = Self::server(token) {
            self.serve(lp.now(), station, number);
            return;
        }
        let Some(id) = self.id(token).filter(|_| is_due) else {
            return;
        };
        let failed = match self.lines.get(id).map(|line| &line.port) {
            Some(Port::Tun(_)) => self.read_tun(lp.now(), station, id),
            Some(Port::Stream(_)) => self.read_stream(lp, station, token, id),
            Some(Port::Outer(_)) => self.read_outer(lp.now(), station, id),
            Some(Port::Packet(..)) => self.read_packets(lp.now(), station, id),
            Some(Port::Closed | Port::Nowhere) | None => Ok(()),
        };
        if let (Err(error), Some(line)) = (failed, self.lines.get_mut(id)) {
            line.fail(lp, token, station, Some(error.to_string()));
        }
    }

    fn read_tun(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
    ) -> std::io::Result<()> {
        let link = station.interfaces.get(id).and_then(Interface::link_address);
        if let Some(line) = self.lines.get_mut(id)
            && let Port::Tun(port) = &mut line.port
        {
            port.set_link(link);
        }
        for _ in 0..BUDGET {
            let Some(line) = self.lines.get_mut(id) else {
                break;
            };
            let Port::Tun(port) = &line.port else {
                break;
            };
            match port.read(&mut self.buffer)? {
                Read::Packet {
                    from,
                    to,
                    kind,
                    broadcast,
                    offload,
                } => {
                    let arrival = Arrival {
                        broadcast,
                        offload,
                        ..Arrival::new(id)
                    };
                    if let Some(packet) = self.buffer.get_mut(from..to) {
                        self.lines.deliver(now, station, &arrival, kind, packet);
                    }
                    // Its sender goes on while the rest is read.
                    if station.tcp.take_pressing() {
                        break;
                    }
                }
                Read::Nothing => break,
                Read::NotIp => line.drop(Drop::NotIp),
                Read::NotForUs => line.drop(Drop::NotForUs),
            }
        }
        Ok(())
    }

    fn read_stream(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        token: Token,
        id: InterfaceId,
    ) -> std::io::Result<()> {
        let now = lp.now();
        let Some(line) = self.lines.get_mut(id) else {
            return Ok(());
        };
        if let Port::Stream(stream) = &mut line.port {
            stream.on_ready()?;
        }
        line.follow(lp, token, station);
        let Some(asy) = &mut line.asy else {
            return Ok(());
        };
        let mode = asy.mode();
        let Some(mut receiver) = asy.receiver.take() else {
            return Ok(());
        };
        for _ in 0..PIECES {
            let Some(line) = self.lines.get_mut(id) else {
                break;
            };
            let (Port::Stream(stream), Some(asy)) = (&mut line.port, &mut line.asy) else {
                break;
            };
            let Some(room) = self.buffer.get_mut(..PIECE) else {
                break;
            };
            let Ok(Some(got)) = stream.receive(room) else {
                break;
            };
            asy.was_read(got);
            let octets = room.get(..got).unwrap_or_default();
            let lines = &mut self.lines;
            if let Some(interface) = station.interfaces.get(id) {
                let flags = interface.trace;
                lines.traces.raw(id, Way::Received, flags, octets);
            }
            receiver.decode(octets, &mut |received| match (received, mode) {
                (Received::Packet(packet), Encapsulation::Slip | Encapsulation::VjSlip) => {
                    let arrival = Arrival::new(id);
                    lines.deliver(now, station, &arrival, FrameKind::Ip, packet);
                }
                (Received::Packet(frame), _) => {
                    lines.receive_radio(now, station, id, mode, frame);
                }
                (Received::BadFrame, _) => lines.drop(id, Drop::BadFrame),
                (Received::BadHeader, _) => lines.drop(id, Drop::BadHeader),
            });
        }
        if let Some(line) = self.lines.get_mut(id) {
            if let Some(asy) = &mut line.asy {
                asy.receiver = Some(receiver);
            }
            line.follow(lp, token, station);
            if line.queued() > 0 {
                self.lines.wait(id);
            }
        }
        Ok(())
    }

    fn read_outer(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
    ) -> std::io::Result<()> {
        for _ in 0..BUDGET {
            let Some(line) = self.lines.get(id) else {
                break;
            };
            let Port::Outer(socket) = &line.port else {
                break;
            };
            let Some((from, place)) = socket.receive(&mut self.buffer)? else {
                break;
            };
            let is_ip = line.carries_ip();
            let Some(packet) = self.buffer.get_mut(place) else {
                break;
            };
            if is_ip {
                let arrival = Arrival {
                    tunnel: from.0,
                    ..Arrival::new(id)
                };
                let kind = FrameKind::Ip;
                self.lines.deliver(now, station, &arrival, kind, packet);
            } else {
                self.lines.receive_axip(now, station, id, from, packet);
            }
        }
        Ok(())
    }

    fn read_packets(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
    ) -> std::io::Result<()> {
        for _ in 0..BUDGET {
            let Some(line) = self.lines.get_mut(id) else {
                break;
            };
            let Port::Packet(socket, _) = &mut line.port else {
                break;
            };
            let Some(got) = socket.receive(&mut self.buffer)? else {
                break;
            };
            let frame = self.buffer.get(..got).unwrap_or_default();
            self.lines.receive_device(now, station, id, frame);
        }
        Ok(())
    }
}

impl Lines {
    /// A packet came in.
    fn deliver(
        &mut self,
        now: Instant,
        station: &mut Station,
        arrival: &Arrival,
        kind: FrameKind,
        packet: &mut [u8],
    ) {
        let id = arrival.interface;
        if let Some(interface) = station.interfaces.get(id)
            && interface.trace.0 != 0
        {
            let (way, flags) = (Way::Received, interface.trace);
            let link = match kind {
                FrameKind::Ip => Link::Ip,
                FrameKind::Arp => Link::Arp,
                FrameKind::Ax25 => Link::Ax25(None),
            };
            let shown = trace::finished(&arrival.offload, packet);
            self.traces.packet(id, way, flags, link, &shown);
            if self.get(id).is_some_and(|line| line.asy.is_none()) {
                self.traces.raw(id, way, flags, packet);
            }
        }
        match kind {
            FrameKind::Arp => station.receive_arp(now, id, packet, self),
            FrameKind::Ax25 => station.receive_ax25(now, id, packet, self),
            FrameKind::Ip if packet.first().is_some_and(|first| first >> 4 == 4) => {
                station.receive(now, arrival, packet, self);
            }
            FrameKind::Ip => self.drop(id, Drop::NotIp),
        }
    }

    pub(super) fn drop(&mut self, id: InterfaceId, why: Drop) {
        if let Some(line) = self.get_mut(id) {
            line.drop(why);
        }
    }
}
