//! The station's devices: what packets come in by, and leave by.
//!
//! | to change | open |
//! |---|---|
//! | what the program calls | this file |
//! | how packets are read | `read.rs` |
//! | the line of an interface: how it is opened, closed and written to | `line.rs` |
//! | asynchronous lines | `asy.rs` |
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
mod read;
#[cfg(test)]
mod tests;
mod trace;
mod tun;

use std::path::PathBuf;

use wanbox_link::nrs;
use wanbox_net_commands::{Asy, Device, Parameter};
use wanbox_net_engine::interface::TraceFlags;
use wanbox_net_engine::trace::{Link, Way};
use wanbox_net_engine::{Encapsulation, Frame, InterfaceId, Sink, Station};
use wanbox_runtime::event_loop::{Loop, Token};

pub use drops::{Drop, Drops};
use line::Line;
use trace::Traces;
pub use trace::{Capture, Form, Trace};

/// Parameters of devices (`param`), by their numbers; 1 to 6, 12, 13 and 255 are commands of KISS.
mod parameter {
    pub const SPEED: u8 = 10;
    pub const DOWN: u8 = 129;
    pub const UP: u8 = 130;
    pub const RETURN: u8 = 255;
}

/// Where packets leave.
#[derive(Default)]
pub struct Lines {
    /// By the number of the interface.
    all: Vec<Option<Line>>,
    /// Those for which something waits.
    busy: Vec<InterfaceId>,
    traces: Traces,
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
        self.get(line).map_or(0, Line::queued)
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        if let Some(Some(line)) = self.all.get_mut(frame.line.index())
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
        let all = &mut self.lines.all;
        all.resize_with(all.len().max(id.index() + 1), || None);
        if let Some(place) = all.get_mut(id.index()) {
            *place = Some(line);
        }
        Ok(id)
    }

    /// The time to open a device again has come.
    pub fn timer(&mut self, lp: &mut Loop, station: &mut Station, token: Token) {
        if let Some(line) = self.id(token).and_then(|id| self.lines.get_mut(id)) {
            line.reopen(lp, token, station, self.locks.as_deref());
        }
    }

    /// The turn is over: what waits for asynchronous lines is written.
    pub fn turn_end(&mut self, lp: &mut Loop, station: &mut Station) {
        let owner = self.owner;
        let Lines { all, busy, .. } = &mut self.lines;
        busy.retain(|id| {
            let Some(Some(line)) = all.get_mut(id.index()) else {
                return false;
            };
            line.write();
            line.follow(lp, Token::new(owner, id.index() as u32), station);
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
            (1..=6 | 12 | 13, Some(value), Some(asy)) if asy.is_kiss() => command = Some(value),
            (parameter::RETURN, value, Some(asy)) if asy.is_kiss() => {
                command = Some(value.unwrap_or(0));
            }
            _ => {}
        }
        let Some(value) = command else {
            return Ok(None);
        };
        let octet = u8::try_from(value).map_err(|_| format!("{value}: must be 0..255"))?;
        if line.send_command(parameter.0, octet) {
            self.lines.wait(id);
        }
        Ok(Some(value))
    }

    /// An asynchronous line; its high-water mark begins anew.
    pub fn asy(&mut self, id: InterfaceId) -> Option<Asy> {
        let line = self.lines.get_mut(id)?;
        let up = line.is_up();
        Some(line.asy.as_mut()?.show(up))
    }

    /// What came of the frames of an NRS line, for `nrstat`.
    #[must_use]
    pub fn nrs(&self, id: InterfaceId) -> Option<nrs::Stats> {
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
        for (at, line) in self.lines.all.iter_mut().enumerate() {
            if let Some(line) = line {
                line.close(lp, Token::new(self.owner, at as u32), station);
            }
        }
    }
}
