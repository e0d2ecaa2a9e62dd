//! The station's devices: what packets come in by, and leave by.
//!
//! | to change | open |
//! |---|---|
//! | what the program calls | this file |
//! | the line of an interface, and how it is opened | `line.rs` |
//! | TUN and TAP interfaces | `tun.rs` |
//! | why packets are dropped | `drops.rs` |
//! | packets that are to be shown | `trace.rs` |
//!
//! [`Devices`] belongs to the program, which gives it what the poll loop says of its tokens. Reading and
//! sending are apart: [`Lines`] is where packets leave while the station works on one that was read into a
//! buffer of [`Devices`], so that nothing is copied on its way.

mod drops;
mod line;
mod trace;
mod tun;

use std::path::PathBuf;
use std::time::Instant;

use wanbox_net_commands::{Asy, Device, Parameter};
use wanbox_net_engine::trace::{Link, Way};
use wanbox_net_engine::{Arrival, Frame, FrameKind, Interface, InterfaceId, Sink, Station};
use wanbox_runtime::event_loop::{Loop, Readiness, Token};

pub use drops::{Drop, Drops};
use line::{Line, Port};
use trace::Traces;
pub use trace::{Form, Trace};
use tun::Read;

/// Packets that are read of one device in one turn.
const BUDGET: usize = 64;

/// Parameters of devices (`param`), by their numbers.
mod parameter {
    pub const DOWN: u8 = 129;
    pub const UP: u8 = 130;
}

/// Where packets leave.
#[derive(Default)]
pub struct Lines {
    /// By the number of the interface.
    all: Vec<Option<Line>>,
    traces: Traces,
}

impl Lines {
    fn get(&self, id: InterfaceId) -> Option<&Line> {
        self.all.get(id.index())?.as_ref()
    }

    fn get_mut(&mut self, id: InterfaceId) -> Option<&mut Line> {
        self.all.get_mut(id.index())?.as_mut()
    }

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
            self.traces
                .packet(id, Way::Received, interface.trace, link_of(kind), packet);
        }
        match kind {
            FrameKind::Ip => station.receive(now, arrival, packet, self),
            FrameKind::Arp => station.receive_arp(now, id, packet, self),
        }
    }
}

/// What a packet begins with.
const fn link_of(kind: FrameKind) -> Link {
    match kind {
        FrameKind::Ip => Link::Ip,
        FrameKind::Arp => Link::Arp,
    }
}

impl Sink for Lines {
    fn queued(&self, line: InterfaceId) -> usize {
        self.get(line).map_or(0, Line::queued)
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        if frame.trace.0 != 0 {
            let (id, way) = (frame.line, Way::Sent);
            let link = link_of(frame.kind);
            self.traces.packet(id, way, frame.trace, link, frame.packet);
        }
        if let Some(Some(line)) = self.all.get_mut(frame.line.index()) {
            line.transmit(frame, &mut self.traces);
        }
    }
}

/// All devices of a station.
pub struct Devices {
    owner: u32,
    locks: Option<PathBuf>,
    lines: Lines,
    /// What is read of a device goes here.
    buffer: Vec<u8>,
}

impl Devices {
    /// No devices yet. Their tokens are `owner`'s; the lock files of serial ports (`LCK..NAME`) are made in
    /// `locks`.
    #[must_use]
    pub fn new(owner: u32, locks: Option<PathBuf>) -> Self {
        Self {
            owner,
            locks,
            lines: Lines::default(),
            buffer: vec![0; tun::Port::BUFFER],
        }
    }

    /// Where packets leave.
    pub const fn sink(&mut self) -> &mut Lines {
        &mut self.lines
    }

    /// Opens a device and makes its interface. An asynchronous line that cannot be opened now is there, and
    /// down.
    ///
    /// # Errors
    /// The name is taken, or the host has no such device; for people.
    pub fn attach(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        name: &str,
        device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String> {
        if station.interfaces.by_name(name).is_some() {
            return Err(format!("Interface {name} already exists"));
        }
        let mtu = mtu.unwrap_or_else(|| line::default_mtu(device));
        let mut line = Line::new(name, device, mtu)?;
        let opened = line.open(station.interfaces.default_address, self.locks.as_deref());
        if !line.may_be_down() {
            opened?;
        }
        let mut interface = Interface::new(name, line::encapsulation(device), mtu);
        interface.up = false;
        line.prepare(&mut interface);
        let id = station
            .interfaces
            .attach(interface)
            .map_err(|error| error.to_string())?;
        if let Some(link) = line.link_address() {
            // Of the kind that its encapsulation has.
            let _ = station.interfaces.set_link_address(id, &link.to_string());
        }
        line.watch(lp, Token::new(self.owner, id.index() as u32), id, station);
        let all = &mut self.lines.all;
        if all.len() <= id.index() {
            all.resize_with(id.index() + 1, || None);
        }
        if let Some(place) = all.get_mut(id.index()) {
            *place = Some(line);
        }
        Ok(id)
    }

    /// A device is ready: its packets are read, up to a budget, and given to the station.
    pub fn ready(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        token: Token,
        readiness: Readiness,
    ) {
        let _ = readiness;
        let Some(Some(line)) = self.lines.all.get_mut(token.id as usize) else {
            return;
        };
        let id = line.id();
        if let Port::Tun(_) = line.port() {
            self.read_tun(lp, station, id);
        }
    }

    fn read_tun(&mut self, lp: &mut Loop, station: &mut Station, id: InterfaceId) {
        let now = lp.now();
        let link = station.interfaces.get(id).and_then(Interface::link_address);
        if let Some(Port::Tun(port)) = self.lines.get_mut(id).map(Line::port_mut) {
            port.set_link(link);
        }
        for _ in 0..BUDGET {
            let Some(line) = self.lines.get_mut(id) else {
                return;
            };
            let Port::Tun(port) = line.port() else {
                return;
            };
            match port.read(&mut self.buffer) {
                Ok(Read::Packet {
                    from,
                    to,
                    kind,
                    broadcast,
                    offload,
                }) => {
                    let arrival = Arrival {
                        broadcast,
                        offload,
                        ..Arrival::new(id)
                    };
                    if let Some(packet) = self.buffer.get_mut(from..to) {
                        self.lines.deliver(now, station, &arrival, kind, packet);
                    }
                }
                Ok(Read::Nothing) => return,
                Ok(Read::NotIp) => line.drop(Drop::NotIp),
                Ok(Read::NotForUs) => line.drop(Drop::NotForUs),
                Err(_) => {
                    line.close(lp, station);
                    return;
                }
            }
        }
    }

    /// The time to open a device again has come.
    pub fn timer(&mut self, lp: &mut Loop, station: &mut Station, token: Token) {
        if let Some(Some(line)) = self.lines.all.get_mut(token.id as usize) {
            line.reopen(lp, station, token, self.locks.as_deref());
        }
    }

    /// The turn is over: what waits for asynchronous lines is written.
    pub fn turn_end(&mut self, lp: &mut Loop, station: &mut Station) {
        let _ = (lp, station);
    }

    /// Reads or sets a parameter of a device: its value then, `None` for one that the device does not have.
    ///
    /// # Errors
    /// The device has no parameters: `Not supported`.
    pub fn parameter(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        let _ = value;
        let token = Token::new(self.owner, id.index() as u32);
        let Some(Some(line)) = self.lines.all.get_mut(id.index()) else {
            return Err("Not supported".to_owned());
        };
        Ok(match parameter.0 {
            parameter::DOWN => {
                line.close(lp, station);
                Some(1)
            }
            parameter::UP => {
                line.close(lp, station);
                let opened = line.reopen(lp, station, token, self.locks.as_deref());
                Some(opened.into())
            }
            _ => None,
        })
    }

    /// An asynchronous line; its high-water mark begins anew.
    pub fn asy(&mut self, id: InterfaceId) -> Option<Asy> {
        let _ = self.lines.get_mut(id)?;
        None
    }

    /// Lines of a device for `ifconfig IF`.
    #[must_use]
    pub fn device_lines(&self, id: InterfaceId) -> String {
        let mut text = String::new();
        for (name, count) in self.device_counters(id) {
            if count > 0 {
                text += &format!("           dropped: {name} {count}\n");
            }
        }
        text
    }

    /// What a device dropped, by name.
    #[must_use]
    pub fn device_counters(&self, id: InterfaceId) -> Vec<(&'static str, u64)> {
        let line = self.lines.get(id);
        line.map_or_else(Vec::new, |line| line.drops().named().collect())
    }

    /// The next packet that is to be shown.
    pub fn poll_trace(&mut self) -> Option<Trace> {
        self.lines.traces.poll()
    }

    /// Packets that were to be shown and are not, because too many waited.
    #[must_use]
    pub const fn traces_lost(&self) -> u64 {
        self.lines.traces.lost()
    }

    /// Closes everything: interfaces of the host go, and those that were changed are as before.
    pub fn close(&mut self, lp: &mut Loop, station: &mut Station) {
        for line in self.lines.all.iter_mut().flatten() {
            line.close(lp, station);
        }
    }
}
