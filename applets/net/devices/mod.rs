//! The station's devices: what packets come in by, and leave by.
//!
//! | to change | open |
//! |---|---|
//! | what the program calls | this file |
//! | how packets are read | `read.rs` |
//! | the line of an interface: how it is opened, closed and written to | `line.rs` |
//! | asynchronous lines | `asy.rs` |
//! | frames of packet radio | `radio.rs` |
//! | frames that wait for such a line | `pending.rs` |
//! | programs that share an interface | `share.rs` |
//! | TUN and TAP interfaces | `tun.rs` |
//! | datagrams of the host's network around ours | `outer.rs` |
//! | why packets are dropped | `drops.rs` |
//! | packets that are to be shown | `trace.rs` |
//!
//! [`Devices`] belongs to the program, which gives it what the poll loop says of its tokens. Reading and
//! sending are apart: [`Lines`] is where packets leave while the station works on one that was read into a
//! buffer of [`Devices`], so that nothing is copied on its way.

mod asy;
mod drops;
mod line;
mod outer;
mod pending;
mod radio;
mod read;
mod share;
#[cfg(test)]
mod tests;
mod trace;
mod tun;

use std::path::PathBuf;

use wanbox_net_commands::{Asy, Device, Nrs, Parameter};
use wanbox_net_engine::axip::Peers;
use wanbox_net_engine::interface::{Crc, TraceFlags};
use wanbox_net_engine::trace::{Link, Way};
use wanbox_net_engine::{Encapsulation, Frame, FrameKind, Interface, InterfaceId, Sink, Station};
use wanbox_runtime::event_loop::{Loop, Token};

pub use drops::{Drop, Drops};
use line::Line;
use pending::Tag;
use radio::Axip;
use share::Server;
use trace::Traces;
pub use trace::{Capture, Form, Trace};

/// Parameters of devices (`param`), by their numbers; 1 to 6, 12, 13 and 255 are commands of KISS.
mod parameter {
    pub const SPEED: u8 = 10;
    pub const DOWN: u8 = 129;
    pub const UP: u8 = 130;
    pub const ACKMODE: u8 = 132;
    pub const RETURN: u8 = 255;
}

/// How often in a turn the station is asked for more, when lines took all they had.
const ROUNDS: usize = 16;

/// Where packets leave.
#[derive(Default)]
pub struct Lines {
    /// By the number of the interface.
    all: Vec<Option<Line>>,
    /// Those for which something waits.
    busy: Vec<InterfaceId>,
    traces: Traces,
    axip: Axip,
    /// Programs that share interfaces, by the numbers of their servers; and the number of the last program.
    servers: Vec<Option<Server>>,
    last_client: u32,
    /// Frames of programs that were sent at once.
    sent: Vec<Tag>,
}

impl Lines {
    fn get(&self, id: InterfaceId) -> Option<&Line> {
        self.all.get(id.index())?.as_ref()
    }

    fn get_mut(&mut self, id: InterfaceId) -> Option<&mut Line> {
        self.all.get_mut(id.index())?.as_mut()
    }

    /// Something waits for a line.
    fn wait(&mut self, id: InterfaceId) {
        if !self.busy.contains(&id) {
            self.busy.push(id);
        }
    }
}

impl Sink for Lines {
    fn queued(&self, line: InterfaceId) -> usize {
        self.get(self.carrier(line).0).map_or(0, Line::queued)
    }

    fn has_room(&self, line: InterfaceId) -> bool {
        self.is_ready(line)
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        if frame.kind == FrameKind::Ax25 {
            self.send_frame(frame.line, frame.trace, frame.packet, None);
        } else if let Some(Some(line)) = self.all.get_mut(frame.line.index())
            && line.transmit(frame, &mut self.traces)
        {
            self.wait(frame.line);
        }
    }

    fn show(&mut self, interface: InterfaceId, way: Way, trace: TraceFlags, datagram: &[u8]) {
        self.traces
            .packet(interface, way, trace, Link::Ip, datagram);
        self.traces.raw(interface, way, trace, datagram);
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

    fn token(&self, id: InterfaceId) -> Token {
        Token::new(self.owner, id.index() as u32)
    }

    /// The interface that a token stands for.
    fn id(&self, token: Token) -> Option<InterfaceId> {
        let line = self.lines.all.get(token.id as usize)?.as_ref()?;
        Some(line.id)
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
        let mut line = Line::new(name, device, mtu)?;
        if let Some((carrier, port)) = line.shared {
            self.check_port(station, carrier, port)?;
        }
        let opened = line.open(station.interfaces.default_address, self.locks.as_deref());
        if !line.may_be_down() {
            opened.clone()?;
        }
        let attached = station.interfaces.attach(line.interface());
        let id = attached.map_err(|error| error.to_string())?;
        line.id = id;
        if let Some(link) = line.link_address() {
            // It is of the kind that the encapsulation has.
            let _ = station.interfaces.set_link_address(id, &link.to_string());
        }
        let token = self.token(id);
        match opened {
            Ok(()) => line.watch(lp, token, station),
            Err(why) => line.fail(lp, token, station, Some(why)),
        }
        if let Some((carrier, _)) = line.shared {
            self.join(station, carrier, id);
        }
        let all = &mut self.lines.all;
        all.resize_with(all.len().max(id.index() + 1), || None);
        if let Some(place) = all.get_mut(id.index()) {
            *place = Some(line);
        }
        Ok(id)
    }

    /// Whether an interface's controller can have an interface at this port.
    fn check_port(&self, station: &Station, id: InterfaceId, port: u8) -> Result<(), String> {
        let name = station.interfaces.get(id).map_or("?", Interface::name);
        let line = self.lines.get(id).and_then(|line| line.asy.as_ref());
        if !line.is_some_and(|asy| asy.is_kiss()) {
            return Err(format!("Interface {name} not kiss"));
        }
        match self.lines.by_port(id, port) {
            Some(_) => Err(format!("Port {port} of {name} is attached already")),
            None => Ok(()),
        }
    }

    /// An interface is one of a port of a controller.
    fn join(&mut self, station: &mut Station, carrier: InterfaceId, id: InterfaceId) {
        let Some(line) = self.lines.get_mut(carrier) else {
            return;
        };
        line.ports.push(id);
        let (up, mode) = (line.is_up(), line.asy.as_ref().map(|asy| asy.mode()));
        if let Some(interface) = station.interfaces.get_mut(id) {
            interface.up = up;
        }
        if let Some(mode) = mode {
            // It is there, and the name is one.
            let _ = station.interfaces.set_encapsulation(id, mode.name());
        }
    }

    /// The time to open a device again has come, or to write the next frame.
    pub fn timer(&mut self, lp: &mut Loop, station: &mut Station, token: Token) {
        let Some(id) = self.id(token) else {
            return;
        };
        let locks = self.locks.as_deref();
        if let Some(line) = self.lines.get_mut(id).filter(|line| !line.is_open()) {
            line.reopen(lp, token, station, locks);
        } else {
            self.lines.wait(id);
        }
    }

    /// The turn is over: what waits for asynchronous lines is written, and who waited for room on them goes on.
    pub fn turn_end(&mut self, lp: &mut Loop, station: &mut Station) {
        for _ in 0..ROUNDS {
            self.write(lp, station);
            let lines = &self.lines.all;
            let mut lines = lines.iter().flatten();
            // All of them are asked again.
            if lines.all(|line| !line.refused.get() || !line.has_room()) {
                break;
            }
            for line in self.lines.all.iter().flatten() {
                line.refused.set(false);
            }
            station.flush(lp.now(), &mut self.lines);
        }
        self.lines.settle_clients();
    }

    fn write(&mut self, lp: &mut Loop, station: &mut Station) {
        let (owner, now) = (self.owner, lp.now());
        let Lines {
            all,
            busy,
            traces,
            sent,
            ..
        } = &mut self.lines;
        busy.retain(|id| {
            let Some(Some(line)) = all.get_mut(id.index()) else {
                return false;
            };
            let token = Token::new(owner, id.index() as u32);
            if let Some(interface) = station.interfaces.get_mut(*id) {
                line.write(now, interface, traces);
            }
            line.follow(lp, token, station);
            if let Some(radio) = line.radio() {
                sent.append(&mut radio.sent);
            }
            let due = line.asy.as_ref().and_then(|asy| asy.due(now));
            if let Some(due) = due.filter(|_| line.is_up()) {
                lp.set_timer(token, due);
                return false;
            }
            line.queued() > 0
        });
    }

    /// Reads or sets a parameter of a device: its value then, `None` for one that the device does not have.
    /// Of `Up` and `Down` the value is whether they succeeded.
    ///
    /// # Errors
    /// The device has no parameters: `Not supported`. A value that is too large.
    pub fn parameter(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        let token = self.token(id);
        let locks = self.locks.clone();
        let Some(line) = self.lines.get_mut(id) else {
            return Err("Not supported".to_owned());
        };
        let mut command = None;
        if let Some((carrier, port)) = line.shared {
            return self.port_parameter(station, (carrier, port), parameter, value);
        }
        match (parameter.0, value, &mut line.asy) {
            (parameter::DOWN, ..) => {
                line.close(lp, token, station);
                return Ok(Some(1));
            }
            (parameter::UP, ..) => {
                let opened = line.reopen(lp, token, station, locks.as_deref());
                return Ok(Some(opened.into()));
            }
            (parameter::SPEED, None, Some(asy)) => return Ok(Some(asy.speed())),
            (parameter::SPEED, Some(speed), Some(asy)) => {
                asy.set_speed(speed);
                if line.is_serial() {
                    line.reopen(lp, token, station, locks.as_deref());
                }
                return Ok(Some(speed));
            }
            (parameter::ACKMODE, value, Some(asy)) if asy.is_kiss() => {
                let (Some(radio), Some(interface)) =
                    (asy.radio.as_mut(), station.interfaces.get(id))
                else {
                    return Ok(None);
                };
                if value == Some(1) && interface.crc != Crc::Off {
                    return Err("Ackmode needs crc off".to_owned());
                }
                if let Some(value) = value {
                    radio.set_acks(value != 0);
                    self.lines.wait(id);
                    return Ok(Some(value));
                }
                return Ok(Some(radio.has_acks().into()));
            }
            (1..=6 | 12 | 13, Some(value), Some(asy)) if asy.is_kiss() => command = Some(value),
            (parameter::RETURN, value, Some(asy)) if asy.is_kiss() => {
                command = Some(value.unwrap_or(0));
            }
            _ => {}
        }
        match command {
            Some(value) => self.command(station, id, parameter.0, value).map(Some),
            None => Ok(None),
        }
    }

    /// The same for a further port of a controller: what is of the line is that of its own interface.
    fn port_parameter(
        &mut self,
        station: &Station,
        (carrier, port): (InterfaceId, u8),
        Parameter(number): Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        match (number, value) {
            (1..=6 | 12 | 13, Some(value)) => self
                .command(station, carrier, number | port << 4, value)
                .map(Some),
            (parameter::DOWN | parameter::UP | parameter::RETURN, _) => {
                let name = station.interfaces.get(carrier).map_or("?", Interface::name);
                Err(format!("It is port {port} of {name}"))
            }
            _ => Ok(None),
        }
    }

    /// Sends a command to the controller of a line, if that is up.
    fn command(
        &mut self,
        station: &Station,
        id: InterfaceId,
        kind: u8,
        value: u32,
    ) -> Result<u32, String> {
        let octet = u8::try_from(value).map_err(|_| format!("{value}: must be 0..255"))?;
        if let Some(interface) = station.interfaces.get(id) {
            let (flags, frame) = (interface.trace, [kind, octet]);
            let traces = &mut self.lines.traces;
            traces.packet(id, Way::Sent, flags, Link::Command, &frame);
        }
        if let Some(line) = self.lines.get_mut(id)
            && line.queue_radio(kind, &[octet], None)
        {
            self.lines.wait(id);
        }
        Ok(value)
    }

    /// Where stations are that are reached through the host's network.
    pub const fn axip(&mut self) -> &mut Peers {
        &mut self.lines.axip.peers
    }

    /// An asynchronous line; its high-water mark begins anew.
    pub fn asy(&mut self, id: InterfaceId) -> Option<Asy> {
        let line = self.lines.get_mut(id)?;
        let up = line.is_up();
        Some(line.asy.as_mut()?.show(up))
    }

    /// What came of the frames of an NRS line, for `nrstat`.
    #[must_use]
    pub fn nrs(&self, id: InterfaceId) -> Option<Nrs> {
        self.lines.get(id)?.asy.as_ref()?.nrs()
    }

    /// Lines of a device for `ifconfig IF`: counters of compression, what it dropped, and why it is down.
    #[must_use]
    pub fn device_lines(&self, id: InterfaceId) -> String {
        let mut text = String::new();
        let Some(line) = self.lines.get(id) else {
            return text;
        };
        if let Some(asy) = &line.asy
            && asy.mode() == Encapsulation::VjSlip
        {
            text += &asy.compression_lines();
        }
        let mut word = "           dropped:";
        for (name, count) in line.drops.named().filter(|(_, count)| *count > 0) {
            text += &format!("{word} {name} {count}");
            word = "";
        }
        if word.is_empty() {
            text.push('\n');
        }
        text += &self.lines.client_lines(id);
        if let Some(why) = line.trouble() {
            text += &format!("           down: {why}\n");
        }
        text
    }

    /// What a device dropped, by name.
    #[must_use]
    pub fn device_counters(&self, id: InterfaceId) -> Vec<(&'static str, u64)> {
        let line = self.lines.get(id);
        line.map_or_else(Vec::new, |line| line.drops.named().collect())
    }

    /// The next packet that is to be shown.
    pub fn poll_trace(&mut self) -> Option<Trace> {
        self.lines.traces.poll()
    }

    /// What a capture of an interface has in it.
    #[must_use]
    pub fn capture(&self, id: InterfaceId) -> Capture {
        match self.lines.get(id) {
            Some(line) if line.is_radio() => Capture::Ax25,
            _ => Capture::Datagrams,
        }
    }

    /// Packets that were to be shown and are not, because too many waited.
    #[must_use]
    pub const fn traces_lost(&self) -> u64 {
        self.lines.traces.lost()
    }

    /// Closes everything: interfaces of the host go, and those that were changed are as before.
    pub fn close(&mut self, lp: &mut Loop, station: &mut Station) {
        self.stop_kiss(lp, None);
        for (at, line) in self.lines.all.iter_mut().enumerate() {
            if let Some(line) = line {
                line.close(lp, Token::new(self.owner, at as u32), station);
            }
        }
    }
}
