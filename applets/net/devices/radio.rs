//! Frames of packet radio: how each kind of line carries them, by further ports of a controller, and by datagrams of
//! the host's network.

use std::io::IoSlice;
use std::time::Instant;

use wanbox_net_engine::axip::{Peers, Place};
use wanbox_net_engine::interface::{Crc, TraceFlags};
use wanbox_net_engine::trace::{Link, Way};
use wanbox_net_engine::{Encapsulation, InterfaceId, Station};
use wanbox_wire::ax25::{Call, Header};
use wanbox_wire::fcs::{fcs16_octets, strip_fcs16};
use wanbox_wire::kiss::{ACKMODE, Check, Kiss};

use super::Lines;
use super::drops::{self, Drop};
use super::line::{Line, Port};
use super::pending::Tag;

/// The type before a frame of a kernel device, as in KISS.
const DATA: [u8; 1] = [0];

/// Datagrams of the host's network that carry frames.
#[derive(Default)]
pub struct Axip {
    /// Where stations are.
    pub peers: Peers,
    places: Vec<Place>,
    payload: Vec<u8>,
}

impl Axip {
    /// Where a frame goes, and the frame with its check sequence.
    fn prepare(&mut self, frame: &[u8]) -> (&[Place], &[u8]) {
        match Header::parse(frame) {
            Ok((header, _)) => self.peers.places(&header, &mut self.places),
            Err(_) => self.places.clear(),
        }
        self.payload.clear();
        self.payload.extend_from_slice(frame);
        self.payload.extend_from_slice(&fcs16_octets(frame));
        (&self.places, &self.payload)
    }
}

impl Lines {
    /// The line that carries what an interface sends, and the port of its controller.
    pub(super) fn carrier(&self, id: InterfaceId) -> (InterfaceId, u8) {
        let shared = self.get(id).and_then(|line| line.shared);
        shared.unwrap_or((id, 0))
    }

    /// The interface of a port of a line's controller.
    pub(super) fn by_port(&self, id: InterfaceId, port: u8) -> Option<InterfaceId> {
        if port == 0 {
            return Some(id);
        }
        let mut ports = self.get(id)?.ports.iter().copied();
        ports.find(|of| self.carrier(*of).1 == port)
    }

    /// Whether a frame would leave an interface soon. A line that said no tells when it does.
    pub(super) fn is_ready(&self, id: InterfaceId) -> bool {
        let Some(line) = self.get(self.carrier(id).0) else {
            return true;
        };
        let has_room = line.has_room();
        if !has_room {
            line.refused.set(true);
        }
        has_room
    }

    /// Sends a frame of AX.25. Whoever has a `tag` is told when it was sent.
    pub(super) fn send_frame(
        &mut self,
        id: InterfaceId,
        flags: TraceFlags,
        frame: &[u8],
        tag: Option<Tag>,
    ) {
        let (carrier, port) = self.carrier(id);
        let link = self.get(carrier).map_or(Link::Ax25(None), Line::shown);
        self.traces.packet(id, Way::Sent, flags, link, frame);
        let Some(Some(line)) = self.all.get_mut(carrier.index()) else {
            return;
        };
        let carries = line.is_radio();
        match &mut line.port {
            _ if !carries => line.drop(Drop::NoAx25),
            Port::Stream(_) => {
                if line.queue_radio(port << 4, frame, tag) {
                    self.wait(carrier);
                }
                return;
            }
            Port::Outer(socket) => {
                let (places, payload) = self.axip.prepare(frame);
                self.traces.raw(id, Way::Sent, flags, payload);
                let mut sent = if places.is_empty() {
                    Err(Drop::NoRoute)
                } else {
                    Ok(())
                };
                for place in places {
                    if let Err(error) = socket.send(*place, payload) {
                        sent = Err(drops::reason(&error));
                    }
                }
                if let Err(why) = sent {
                    line.drop(why);
                }
            }
            Port::Packet(socket, _) => {
                self.traces.raw(id, Way::Sent, flags, frame);
                let sent = socket.send(&[DATA.as_slice(), frame].map(IoSlice::new));
                match sent {
                    Ok(true) => {}
                    Ok(false) => line.drop(Drop::NoRoom),
                    Err(error) => line.drop(drops::reason(&error)),
                }
            }
            Port::Closed | Port::Nowhere | Port::Tun(_) => line.drop(Drop::Down),
        }
        self.sent.extend(tag);
    }

    /// A frame of a serial line came in: with what its framing puts before and behind it.
    pub(super) fn receive_radio(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
        mode: Encapsulation,
        frame: &[u8],
    ) {
        if !matches!(mode, Encapsulation::KissUi | Encapsulation::KissI) {
            self.heard(now, station, id, Link::Ax25(None), frame);
            return;
        }
        let (Some(Some(line)), Some(interface)) =
            (self.all.get_mut(id.index()), station.interfaces.get_mut(id))
        else {
            return;
        };
        line.agree(interface);
        let Ok(kiss) = Kiss::parse(frame, may_have_check(line, frame)) else {
            interface.counters.crc_errors += 1;
            return;
        };
        // The far end says which check sequence it knows.
        match kiss.check {
            Check::None => {}
            Check::Smack => line.crc = Crc::Crc16,
            Check::Rmnc => line.crc = Crc::Rmnc,
        }
        line.agree(interface);
        match (kiss.command(), line.radio()) {
            (0, _) => {}
            (ACKMODE, Some(radio)) if radio.has_acks() => {
                if radio.acknowledged(kiss.data) {
                    self.wait(id);
                } else {
                    line.drop(Drop::NotSent);
                }
                return;
            }
            _ => {
                line.drop(Drop::Command);
                return;
            }
        }
        match self.by_port(id, kiss.kind >> 4) {
            Some(id) => self.heard(now, station, id, Link::Kiss(kiss.check, None), kiss.data),
            None => self.drop(id, Drop::NoPort),
        }
    }

    /// A frame in a datagram of the host's network, with its check sequence.
    pub(super) fn receive_axip(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
        from: Place,
        payload: &[u8],
    ) {
        let Some(interface) = station.interfaces.get_mut(id) else {
            return;
        };
        self.traces.raw(id, Way::Received, interface.trace, payload);
        let frame = strip_fcs16(payload).filter(|frame| !frame.is_empty());
        let Some(frame) = frame else {
            interface.counters.crc_errors += 1;
            return;
        };
        if let Ok((header, _)) = Header::parse(frame) {
            let source = header.immediate_source();
            let is_own = is_own(station, source);
            self.axip.peers.learn(now, &header, from, is_own);
        }
        self.heard(now, station, id, Link::Ax25(None), frame);
    }

    /// A frame of a device of the kernel.
    pub(super) fn receive_device(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
        frame: &[u8],
    ) {
        if let Some(interface) = station.interfaces.get(id) {
            self.traces.raw(id, Way::Received, interface.trace, frame);
        }
        match frame.split_first() {
            Some((0, frame)) => self.heard(now, station, id, Link::Ax25(None), frame),
            _ => self.drop(id, Drop::Command),
        }
    }

    /// An interface hears a frame, which is shown as `link`: so do programs that share it.
    fn heard(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
        link: Link,
        frame: &[u8],
    ) {
        if let Some(interface) = station.interfaces.get(id) {
            let flags = interface.trace;
            self.traces.packet(id, Way::Received, flags, link, frame);
        }
        self.tell_clients(id, frame);
        station.receive_ax25(now, id, frame, self);
    }

    /// Gives a frame on an interface to the programs that share it.
    pub(super) fn tell_clients(&mut self, id: InterfaceId, frame: &[u8]) {
        let (carrier, port) = self.carrier(id);
        for server in self.servers.iter_mut().flatten() {
            if server.interface == id {
                server.tell(0, frame, None);
            } else if server.interface == carrier {
                server.tell(port, frame, None);
            }
        }
    }
}

/// Whether a frame may have a check sequence. Where a controller has several ports, the bits that say so are also
/// those of ports; then only the kind counts that is in use.
fn may_have_check(line: &Line, frame: &[u8]) -> bool {
    let kind = frame.first().copied().unwrap_or(0);
    match line.crc {
        Crc::Off | Crc::Ccitt => false,
        Crc::Crc16 if !line.ports.is_empty() => kind & 0x80 != 0,
        Crc::Rmnc if !line.ports.is_empty() => kind & 0xa0 == 0x20,
        _ => true,
    }
}

/// A call is one of our interfaces'.
fn is_own(station: &Station, call: Call) -> bool {
    let mut all = station.interfaces.iter();
    all.any(|(_, interface)| {
        let link = interface.link_address();
        link.is_some_and(|link| Call::try_from(link) == Ok(call))
    })
}
